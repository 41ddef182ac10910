package lark

import (
	"encoding/json"
	"errors"
	"html"
	"slices"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/markdown"
)

// Preview draws a card from its payload: title, text, tables and colours.
// Pictures, which only Lark can load, are their description.
func (c *Channel) Preview(p channel.Payload) (string, error) {
	var v struct {
		Card struct {
			Header struct {
				Title struct {
					Content string `json:"content"`
				} `json:"title"`
			} `json:"header"`
			Elements []element `json:"elements"`
			Body     struct {
				Elements []element `json:"elements"`
			} `json:"body"`
		} `json:"card"`
	}
	if json.Unmarshal(p.Body, &v) != nil {
		return "", errors.New("lark: preview: the payload is no card that Encode made")
	}
	var d drawing
	d.open("div", `style="font-family:sans-serif;max-width:46em;border:1px solid #ddd;border-radius:6px"`)
	if t := v.Card.Header.Title.Content; t != "" {
		d.open("h3", `style="margin:0;padding:8px 12px;background:#e1eaff;border-radius:6px 6px 0 0"`)
		d.text(t)
		d.close()
	}
	d.open("div", `style="padding:4px 12px"`)
	for _, e := range slices.Concat(v.Card.Elements, v.Card.Body.Elements) {
		switch e.Tag {
		case "markdown":
			d.markdown(strings.Split(e.Content, "\n"))
		case "img":
			d.open("p", "")
			d.text("[" + e.Alt.Content + "]")
			d.close()
		case "table":
			d.table(e)
		}
	}
	return d.end(), nil
}

type element struct {
	Tag     string `json:"tag"`
	Content string `json:"content"`
	Alt     struct {
		Content string `json:"content"`
	} `json:"alt"`
	Columns []struct {
		Name    string `json:"name"`
		Display string `json:"display_name"`
		Type    string `json:"data_type"`
		Align   string `json:"horizontal_align"`
	} `json:"columns"`
	Rows []map[string]string `json:"rows"`
}

// drawing is HTML whose open elements are always closed.
type drawing struct {
	b     strings.Builder
	stack []string
}

func (d *drawing) open(tag, attributes string) {
	d.b.WriteString("<" + tag)
	if attributes != "" {
		d.b.WriteString(" " + attributes)
	}
	d.b.WriteString(">")
	d.stack = append(d.stack, tag)
}

func (d *drawing) close() {
	n := len(d.stack) - 1
	d.b.WriteString("</" + d.stack[n] + ">")
	d.stack = d.stack[:n]
}

func (d *drawing) closeTo(n int) {
	for len(d.stack) > n {
		d.close()
	}
}

func (d *drawing) end() string {
	d.closeTo(0)
	return d.b.String()
}

func (d *drawing) text(s string) { d.b.WriteString(html.EscapeString(s)) }

func (d *drawing) table(e element) {
	d.open("table", `style="border-collapse:collapse;margin:8px 0"`)
	d.open("tr", "")
	style := func(align string) string {
		if align != "right" && align != "center" {
			align = "left"
		}
		return `style="border:1px solid #ddd;padding:2px 8px;text-align:` + align + `"`
	}
	for _, c := range e.Columns {
		d.open("th", style(c.Align))
		d.text(c.Display)
		d.close()
	}
	d.close()
	for _, r := range e.Rows {
		d.open("tr", "")
		for _, c := range e.Columns {
			d.open("td", style(c.Align))
			if c.Type == "lark_md" {
				d.inline(r[c.Name])
			} else {
				d.text(r[c.Name])
			}
			d.close()
		}
		d.close()
	}
	d.close()
}

// markdown draws what this package writes, which is a small and regular part of
// the dialect.
func (d *drawing) markdown(lines []string) {
	for i := 0; i < len(lines); {
		line := lines[i]
		mark, rest, ordered := listItem(line)
		switch {
		case strings.TrimSpace(line) == "":
			i++
		case line == "---":
			d.b.WriteString("<hr>")
			i++
		case markdown.OpensFence(line):
			fence := line[:len(line)-len(strings.TrimLeft(line, "`"))]
			j := i + 1
			for j < len(lines) && lines[j] != fence {
				j++
			}
			d.open("pre", "")
			d.text(strings.Join(lines[i+1:min(j, len(lines))], "\n"))
			d.close()
			i = j + 1
		case strings.HasPrefix(line, "#"):
			text := strings.TrimLeft(line, "#")
			d.open("h"+string("0123456"[min(len(line)-len(text), 6)]), "")
			d.inline(strings.TrimSpace(text))
			d.close()
			i++
		case strings.HasPrefix(line, ">"):
			var inner []string
			for ; i < len(lines) && strings.HasPrefix(lines[i], ">"); i++ {
				inner = append(inner, strings.TrimPrefix(strings.TrimPrefix(lines[i], ">"), " "))
			}
			d.open("blockquote", "")
			d.markdown(inner)
			d.close()
		case mark != "":
			if ordered {
				d.open("ol", `start="`+strings.TrimSuffix(mark, ". ")+`"`)
			} else {
				d.open("ul", "")
			}
			for mark != "" {
				d.open("li", "")
				inner := []string{rest}
				for i++; i < len(lines) && (strings.HasPrefix(lines[i], "    ") || strings.TrimSpace(lines[i]) == "" && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "    ")); i++ {
					inner = append(inner, strings.TrimPrefix(lines[i], "    "))
				}
				d.markdown(inner)
				d.close()
				if i == len(lines) {
					break
				}
				mark, rest, _ = listItem(lines[i])
			}
			d.close()
		default:
			d.open("p", "")
			for first := true; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
				if m, _, _ := listItem(lines[i]); !first && (m != "" || markdown.OpensFence(lines[i])) {
					break
				}
				if !first {
					d.b.WriteString("\n")
				}
				d.inline(lines[i])
				first = false
			}
			d.close()
		}
	}
}

// listItem divides the line of an item into its mark and its text.
func listItem(line string) (mark, rest string, ordered bool) {
	if rest, ok := strings.CutPrefix(line, "- "); ok {
		return "- ", rest, false
	}
	n := 0
	for n < len(line) && line[n] >= '0' && line[n] <= '9' {
		n++
	}
	if n > 0 && strings.HasPrefix(line[n:], ". ") {
		return line[:n+2], line[n+2:], true
	}
	return "", "", false
}

func (d *drawing) inline(s string) {
	base := len(d.stack)
	toggle := func(tag string) {
		for i := len(d.stack) - 1; i >= base; i-- {
			if d.stack[i] == tag {
				d.closeTo(i)
				return
			}
		}
		d.open(tag, "")
	}
	for s != "" {
		n := strings.IndexAny(s, "*~`[!<")
		if n < 0 {
			n = len(s)
		}
		if n > 0 {
			d.text(html.UnescapeString(s[:n]))
			s = s[n:]
			continue
		}
		switch {
		case strings.HasPrefix(s, "**"):
			toggle("strong")
			s = s[2:]
		case strings.HasPrefix(s, "~~"):
			toggle("s")
			s = s[2:]
		case s[0] == '*':
			toggle("em")
			s = s[1:]
		case s[0] == '`':
			mark := s[:len(s)-len(strings.TrimLeft(s, "`"))]
			code, after, ok := strings.Cut(s[len(mark):], mark)
			if !ok {
				d.text(mark)
				s = s[len(mark):]
				continue
			}
			d.open("code", "")
			d.text(code)
			d.close()
			s = after
		case strings.HasPrefix(s, "!["):
			alt, after, ok := strings.Cut(s[2:], "](")
			_, after, end := strings.Cut(after, ")")
			if !ok || !end {
				d.text("!")
				s = s[1:]
				continue
			}
			d.text("[" + html.UnescapeString(alt) + "]")
			s = after
		case s[0] == '[':
			label, after, ok := strings.Cut(s[1:], "](")
			to, after, end := strings.Cut(after, ")")
			if _, web := address(to); !ok || !end || !web {
				d.text("[")
				s = s[1:]
				continue
			}
			d.open("a", `rel="noopener noreferrer" href="`+html.EscapeString(to)+`"`)
			n := len(d.stack)
			d.inline(label)
			d.closeTo(n - 1)
			s = after
		case strings.HasPrefix(s, "<br>"):
			d.b.WriteString("<br>")
			s = s[4:]
		case strings.HasPrefix(s, "<font color='"):
			name, after, _ := strings.Cut(s[len("<font color='"):], "'>")
			if !drawable[name] {
				name = "inherit"
			}
			d.open("span", `style="color:`+name+`"`)
			s = after
		case strings.HasPrefix(s, "</font>"):
			if slices.Contains(d.stack[base:], "span") {
				toggle("span")
			}
			s = s[len("</font>"):]
		case strings.HasPrefix(s, "<at id="):
			id, after, _ := strings.Cut(s[len("<at id="):], ">")
			d.open("b", "")
			d.text("@" + id)
			d.close()
			s = strings.TrimPrefix(after, "</at>")
		default:
			d.text(s[:1])
			s = s[1:]
		}
	}
	d.closeTo(base)
}

var drawable = map[string]bool{"green": true, "red": true, "blue": true, "orange": true, "yellow": true, "grey": true}
