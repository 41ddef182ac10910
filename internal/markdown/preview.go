package markdown

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// HTML draws text that a Writer wrote: every character of the text is escaped,
// no script runs and nothing is loaded. Pictures show as their description. It
// reads what this package writes, which is less than all of Markdown.
func (d *Dialect) HTML(dst []byte, text string) []byte {
	p := preview{d: d, out: dst}
	p.blocks(strings.Split(text, "\n"))
	return p.out
}

type preview struct {
	d   *Dialect
	out []byte
}

func (p *preview) raw(s string) { p.out = append(p.out, s...) }

// blocks draws lines; each case takes the lines that belong together.
func (p *preview) blocks(lines []string) {
	for i := 0; i < len(lines); {
		line := lines[i]
		n := 1
		switch level := headingLevel(line); {
		case strings.TrimSpace(line) == "":
		case p.d.Style == Plain:
			n = run(lines[i:], func(l string) bool { return strings.TrimSpace(l) != "" })
			p.raw("<p>")
			for k, l := range lines[i : i+n] {
				if k > 0 {
					p.raw("<br>")
				}
				text := strings.TrimLeft(l, " ")
				p.raw(strings.Repeat("&nbsp;", len(l)-len(text))) // or the indent would not show
				p.escape(text)
			}
			p.raw("</p>\n")
		case p.d.Fence && OpensFence(line):
			n = p.fence(lines[i:])
		case p.d.Heading && level > 0:
			tag := "h" + strconv.Itoa(level)
			p.raw("<" + tag + ">")
			p.inline(line[level+1:])
			p.raw("</" + tag + ">\n")
		case p.d.Quotes > 0 && strings.HasPrefix(line, ">"):
			n = run(lines[i:], func(l string) bool { return strings.HasPrefix(l, ">") })
			inner := make([]string, n)
			for k := range inner {
				inner[k] = strings.TrimPrefix(strings.TrimPrefix(lines[i+k], ">"), " ")
			}
			p.raw("<blockquote>\n")
			p.blocks(inner)
			p.raw("</blockquote>\n")
		case p.d.Rule != "" && line == p.d.Rule:
			p.raw("<hr>\n")
		case p.d.Tables == Pipes && strings.HasPrefix(line, "|") && i+1 < len(lines) && delimiter(lines[i+1]):
			n = p.table(lines[i:])
		case p.d.Lists && marker(line) > 0:
			n = p.list(lines[i:])
		default:
			n = max(1, run(lines[i:], p.paragraphLine))
			p.paragraph(lines[i : i+n])
		}
		i += n
	}
}

// run counts the lines at the beginning that satisfy ok.
func run(lines []string, ok func(string) bool) int {
	n := 0
	for n < len(lines) && ok(lines[n]) {
		n++
	}
	return n
}

func (p *preview) paragraphLine(l string) bool {
	return strings.TrimSpace(l) != "" && !(p.d.Heading && headingLevel(l) > 0) && !(p.d.Quotes > 0 && strings.HasPrefix(l, ">")) &&
		!(p.d.Lists && marker(l) > 0) && !(p.d.Fence && OpensFence(l))
}

func (p *preview) paragraph(lines []string) {
	p.raw("<p>")
	for i, l := range lines {
		if i > 0 {
			p.raw("<br>\n")
		}
		p.inline(strings.TrimRight(l, " "))
	}
	p.raw("</p>\n")
}

func headingLevel(l string) int {
	n := 0
	for n < len(l) && l[n] == '#' {
		n++
	}
	if n == 0 || n > 6 || n >= len(l) || l[n] != ' ' {
		return 0
	}
	return n
}

// marker is the length of a list marker with its space, or 0.
func marker(l string) int {
	if strings.HasPrefix(l, "- ") {
		return 2
	}
	n := 0
	for n < len(l) && digit(l[n]) {
		n++
	}
	if n > 0 && n < 10 && strings.HasPrefix(l[n:], ". ") {
		return n + 2
	}
	return 0
}

func (p *preview) list(lines []string) int {
	ordered := !strings.HasPrefix(lines[0], "- ")
	if ordered {
		start, _, _ := strings.Cut(lines[0], ".")
		p.raw(`<ol start="` + start + `">` + "\n")
	} else {
		p.raw("<ul>\n")
	}
	i := 0
	for i < len(lines) {
		w := marker(lines[i])
		if w == 0 || strings.HasPrefix(lines[i], "- ") == ordered {
			break
		}
		item := []string{lines[i][w:]}
		i++
		indent := strings.Repeat(" ", w)
		for i < len(lines) {
			rest, ok := strings.CutPrefix(lines[i], indent)
			blank := lines[i] == "" && i+1 < len(lines) && strings.HasPrefix(lines[i+1], indent)
			if !ok && !blank {
				break
			}
			item = append(item, rest)
			i++
		}
		p.raw("<li>")
		if len(item) == 1 {
			p.inline(item[0])
		} else {
			p.raw("\n")
			p.blocks(item)
		}
		p.raw("</li>\n")
	}
	if ordered {
		p.raw("</ol>\n")
	} else {
		p.raw("</ul>\n")
	}
	return i
}

// OpensFence reports whether a line begins a block of code. With further
// backticks it is code within a line.
func OpensFence(line string) bool {
	rest := strings.TrimLeft(line, "`")
	return len(line)-len(rest) >= 3 && !strings.Contains(rest, "`")
}

func (p *preview) fence(lines []string) int {
	mark := lines[0][:len(lines[0])-len(strings.TrimLeft(lines[0], "`"))]
	p.raw("<pre><code>")
	i := 1
	for i < len(lines) && lines[i] != mark {
		p.escape(lines[i])
		p.raw("\n")
		i++
	}
	p.raw("</code></pre>\n")
	return min(i+1, len(lines))
}

func delimiter(l string) bool {
	return strings.HasPrefix(l, "| ") && strings.Contains(l, "---") && strings.Trim(l, "|:- ") == ""
}

func (p *preview) table(lines []string) int {
	var style []string
	for _, c := range pipeCells(lines[1]) {
		left, right := strings.HasPrefix(c, ":"), strings.HasSuffix(c, ":")
		switch {
		case left && right:
			style = append(style, ` style="text-align:center"`)
		case right:
			style = append(style, ` style="text-align:right"`)
		default:
			style = append(style, "")
		}
	}
	row := func(l, tag string) {
		p.raw("<tr>")
		for i, c := range pipeCells(l) {
			p.raw("<" + tag)
			if i < len(style) {
				p.raw(style[i])
			}
			p.raw(">")
			p.inline(c)
			p.raw("</" + tag + ">")
		}
		p.raw("</tr>\n")
	}
	p.raw("<table>\n<thead>")
	row(lines[0], "th")
	p.raw("</thead>\n<tbody>\n")
	i := 2
	for ; i < len(lines) && strings.HasPrefix(lines[i], "|"); i++ {
		row(lines[i], "td")
	}
	p.raw("</tbody>\n</table>\n")
	return i
}

// pipeCells divides a row at the pipes that no backslash precedes.
func pipeCells(l string) []string {
	var cells []string
	l = strings.TrimPrefix(l, "|")
	from := 0
	for i := 0; i < len(l); i++ {
		switch l[i] {
		case '\\':
			i++
		case '|':
			cells = append(cells, strings.TrimSpace(l[from:i]))
			from = i + 1
		}
	}
	return cells
}

// inline draws a line's text.
func (p *preview) inline(s string) {
	for i := 0; i < len(s); {
		rest := s[i:]
		switch c := s[i]; {
		case c == '\\' && p.d.Style == Backslash && len(rest) > 1 && rest[1] < utf8.RuneSelf && !letter(rest[1]) && !digit(rest[1]) && rest[1] > ' ':
			p.escape(rest[1:2])
			i += 2
		case c == '`' && p.d.CodeSpan:
			i += p.codeSpan(rest)
		case c == '*' && p.d.Strong:
			i += p.emphasis(rest)
		case c == '[' && p.d.Link, c == '!' && strings.HasPrefix(rest, "![") && p.d.Picture:
			i += p.link(rest)
		case c == '<' && p.d.Color != nil && strings.HasPrefix(rest, "<font color="):
			i += p.font(rest)
		case c == '<' && strings.HasPrefix(rest, "<@"):
			end := strings.IndexByte(rest, '>')
			if end < 0 {
				end = 1
			}
			p.raw("<b>")
			p.escape(rest[1:end])
			p.raw("</b>")
			i += end + 1
		default:
			n := 1 + strings.IndexAny(rest[1:], "\\`*[!<")
			if n == 0 {
				n = len(rest)
			}
			p.escape(rest[:n])
			i += n
		}
	}
}

func (p *preview) codeSpan(s string) int {
	n := len(s) - len(strings.TrimLeft(s, "`"))
	mark := s[:n]
	for from := n; ; {
		at := strings.Index(s[from:], mark)
		if at < 0 {
			p.escape(mark)
			return n
		}
		at += from
		end := at + len(s[at:]) - len(strings.TrimLeft(s[at:], "`"))
		if end-at != n {
			from = end
			continue
		}
		text := s[n:at]
		if len(text) > 2 && text[0] == ' ' && text[len(text)-1] == ' ' {
			text = text[1 : len(text)-1]
		}
		p.raw("<code>")
		p.escape(text)
		p.raw("</code>")
		return end
	}
}

func (p *preview) emphasis(s string) int {
	mark, open, end := "**", "<strong>", "</strong>"
	if !strings.HasPrefix(s, mark) {
		mark, open, end = "*", "<em>", "</em>"
		if !p.d.Emphasis {
			p.escape("*")
			return 1
		}
	}
	at := p.closing(s[len(mark):], mark)
	if at <= 0 {
		p.escape(mark)
		return len(mark)
	}
	p.raw(open)
	p.inline(s[len(mark) : len(mark)+at])
	p.raw(end)
	return 2*len(mark) + at
}

// closing finds the mark that ends an emphasis, past escapes and the marks
// within.
func (p *preview) closing(s, mark string) int {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && p.d.Style == Backslash:
			i++
		case mark == "**" && strings.HasPrefix(s[i:], "***"):
			return i + 1 // the inner mark ends first
		case mark == "**" && s[i] == '*' && !strings.HasPrefix(s[i:], "**"):
			continue
		case strings.HasPrefix(s[i:], mark):
			return i
		}
	}
	return -1
}

func (p *preview) link(s string) int {
	from := strings.IndexByte(s, '[') + 1
	at := -1
	for i := from; i < len(s); i++ {
		if s[i] == '\\' && p.d.Style == Backslash {
			i++
		} else if strings.HasPrefix(s[i:], "](") {
			at = i
			break
		}
	}
	end := -1
	if at >= 0 {
		end = strings.IndexByte(s[at:], ')')
	}
	if end < 0 {
		p.escape(s[:from])
		return from
	}
	text, u := s[from:at], s[at+2:at+end]
	if _, ok := address(u); !ok {
		p.escape(s[:from])
		return from
	}
	if from == 2 {
		p.raw("<em>[")
		p.inline(text)
		p.raw("]</em>")
		return at + end + 1
	}
	p.raw(`<a rel="noopener noreferrer" href="`)
	p.escape(u)
	p.raw(`">`)
	p.inline(text)
	p.raw("</a>")
	return at + end + 1
}

// font draws the colours that a dialect has; its names for them are not CSS.
func (p *preview) font(s string) int {
	open, rest, ok := strings.Cut(s, ">")
	inner, _, closed := strings.Cut(rest, "</font>")
	color := strings.Trim(strings.TrimPrefix(open, "<font color="), `"`)
	if !ok || !closed || color == "" || strings.Trim(strings.ToLower(color), "#abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		p.escape("<")
		return 1
	}
	switch color {
	case "info":
		color = "#008000"
	case "comment":
		color = "#808080"
	case "warning":
		color = "#D9480F"
	}
	p.raw(`<span style="color:` + color + `">`)
	p.inline(inner)
	p.raw("</span>")
	return len(open) + 1 + len(inner) + len("</font>")
}

var entities = [256]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&#34;", '\'': "&#39;"}

func (p *preview) escape(s string) {
	p.out = EscapeHTML(p.out, s)
}

// EscapeHTML appends s as text of an HTML document.
func EscapeHTML(dst []byte, s string) []byte {
	from := 0
	for i := range len(s) {
		if e := entities[s[i]]; e != "" {
			dst = append(dst, s[from:i]...)
			dst = append(dst, e...)
			from = i + 1
		}
	}
	return append(dst, s[from:]...)
}
