package dingtalk_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/dingtalk"
)

// The tests of this file read what was written with another Markdown reader and
// compare it with what went in.

var (
	reader = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList))
	tags   = regexp.MustCompile(`<!--.*?-->|<[^>]*>`)
	marks  = regexp.MustCompile(`(?s)<(ul|ol|table|blockquote|pre|hr|h[1-6]|em|del|code|img|a)\b`)
)

func render(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := reader.Convert([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements gives the texts of elements of rendered HTML.
func elements(page, tag string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?s)<`+tag+`\b[^>]*>(.*?)</`+tag+`>`).FindAllStringSubmatch(page, -1) {
		out = append(out, words(html.UnescapeString(tags.ReplaceAllString(m[1], ""))))
	}
	return out
}

// words is a text with its white space made equal.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// shown is what must be seen of a value.
func shown(s string) string {
	return words(strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r', r == 0x85, r == 0x2028, r == 0x2029:
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0, r == 0xfeff:
			return -1
		}
		return r
	}, s)) // Map reads a byte that is no UTF-8 as U+FFFD
}

var bits = []string{"a", "Z", "7", " ", ".", "*", "**", "_", "~", "~~", "`", "```", "[", "]", "(", ")", "](", "<", ">", "</", "<font color=red>", "&", ";", "&lt;", "&#60;",
	"#", "-", "+", "=", "|", "\\", "!", "![", ":", "@", "@all", "\n", "\t", "1.", "1)", "- ", "> ", "中", "文，", "é", "👩‍👧", "\u202e", "\x00", "\xff", "$", "{", "}", "%", "\"", "'", "http://a.example"}

func text(r *rand.Rand, n int) string {
	var b strings.Builder
	for range r.IntN(n + 1) {
		b.WriteString(bits[r.IntN(len(bits))])
	}
	return b.String()
}

func TestRowsComeBackFromAllParts(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := 1 + r.IntN(6)
		table := &channel.Table{Columns: make([]channel.Column, n)}
		for i := range n {
			table.Columns[i] = channel.Column{Header: text(r, 3) + "h", Prefix: text(r, 1), Suffix: text(r, 1)}
		}
		rows := r.IntN(400)
		for range rows * n {
			c := channel.Cell{Text: text(r, 8)}
			if r.IntN(4) == 0 {
				c.Color, c.Mark = channel.ColorRed, "↓"
			}
			table.Cells = append(table.Cells, c)
		}
		msg := &channel.Message{Title: "t", Sections: []channel.Section{{Blocks: []channel.Block{table}}}}
		for _, mode := range []string{dingtalk.TablesList, dingtalk.TablesRaw} {
			t.Run(fmt.Sprintf("%s, seed %d", mode, seed), func(t *testing.T) {
				ps, err := dingtalk.New(nil).Encode(msg, channel.Destination{Options: map[string]string{dingtalk.OptionTables: mode}})
				if err != nil {
					t.Fatal(err)
				}
				var want, got []string
				for i := range table.Rows() {
					for j, c := range table.Row(i) {
						key, value := table.Columns[j].Header, table.Columns[j].Show(c)
						if mode == dingtalk.TablesRaw {
							want = append(want, shown(value))
							continue
						}
						if j == 0 {
							want = append(want, "")
						} else {
							want[len(want)-1] += " · "
						}
						want[len(want)-1] = shown(want[len(want)-1] + " " + key + " " + value)
					}
				}
				for _, p := range ps {
					if len(p.Body) > 20_000 {
						t.Errorf("%d bytes", len(p.Body))
					}
					page := render(t, decode(t, p).Markdown.Text)
					if mode == dingtalk.TablesRaw {
						got = append(got, elements(page, "td")...)
					} else if rows > 0 {
						got = append(got, elements(page, "li")...)
					}
				}
				if len(ps) == 1 || ps[len(ps)-1].Warnings == nil {
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
				} else if diff := cmp.Diff(want[:len(got)], got); diff != "" {
					t.Errorf("the top rows (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func paragraph(in ...channel.Inline) *channel.Message {
	return &channel.Message{Sections: []channel.Section{{Blocks: []channel.Block{&channel.Paragraph{Inlines: in}}}}}
}

// judgeText says how a text shows otherwise than as itself.
func judgeText(t *testing.T, in ...string) {
	t.Helper()
	var inlines []channel.Inline
	for _, s := range in {
		inlines = append(inlines, channel.Literal(s)...)
	}
	ps, err := dingtalk.New(nil).Encode(paragraph(inlines...), channel.Destination{})
	if err != nil {
		if strings.TrimSpace(shown(strings.Join(in, " "))) != "" {
			t.Errorf("%q: %v", in, err)
		}
		return
	}
	var got string
	for i, p := range ps {
		text := decode(t, p).Markdown.Text
		if len(ps) > 1 {
			_, text, _ = strings.Cut(text, fmt.Sprintf("(%d/%d)\n\n", i+1, len(ps)))
		}
		page := render(t, text)
		if m := marks.FindString(page); m != "" {
			t.Errorf("%q has markup %s in\n%s", in, m, page)
		}
		got += " " + html.UnescapeString(tags.ReplaceAllString(page, ""))
	}
	var want string
	for _, s := range in {
		want += " " + shown(s)
	}
	if strings.ReplaceAll(want, " ", "") != strings.ReplaceAll(words(got), " ", "") {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, words(got)))
	}
}

func TestTextShowsAsItIs(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 2))
		judgeText(t, text(r, 6), text(r, 6), text(r, 3))
	}
}

func TestEmphasisLeavesNoMarks(t *testing.T) {
	pieces := []string{"a", "合计", "：", "x.", " ", "(1)", "B ", " c", "“q”", "9%"}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 3))
		want := ""
		var tree func(depth int) []channel.Inline
		tree = func(depth int) []channel.Inline {
			var in []channel.Inline
			for range 1 + r.IntN(3) {
				switch k := r.IntN(4); {
				case k == 0 && depth > 0:
					in = append(in, &channel.Strong{Inlines: tree(depth - 1)})
				case k == 1 && depth > 0:
					in = append(in, &channel.Emphasis{Inlines: tree(depth - 1)})
				case k == 2 && depth > 0:
					in = append(in, &channel.Link{URL: "https://a.example/", Inlines: tree(0)})
				default:
					s := pieces[r.IntN(len(pieces))]
					want += s
					in = append(in, channel.Text(s))
				}
			}
			return in
		}
		in := tree(2)
		ps, err := dingtalk.New(nil).Encode(paragraph(append(in, channel.Text("end"))...), channel.Destination{})
		if err != nil {
			t.Fatal(err)
		}
		text := decode(t, ps[0]).Markdown.Text
		got := html.UnescapeString(tags.ReplaceAllString(render(t, text), ""))
		want, got = strings.ReplaceAll(want+"end", " ", ""), strings.ReplaceAll(words(got), " ", "")
		if strings.Contains(text, "[https://") { // a link around nothing shows its address
			got = strings.ReplaceAll(got, "https://a.example/", "")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("seed %d: %q (-want +got):\n%s", seed, text, diff)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("1", ". a")
	f.Add("a|b\n-|-", "")
	f.Add("===", "!")
	f.Add("[x]", "(https://a.example)")
	f.Fuzz(func(t *testing.T, a, b string) { judgeText(t, a, b) })
}

func FuzzPreviewRunsNothing(f *testing.F) {
	f.Add("**a** <script>alert(1)</script> | `x` |")
	f.Add("[a](javascript:alert(1)) <font color=#fff\" onclick=x>y</font>")
	f.Add("| a |\n| --- |\n| <b>\\| |")
	c := dingtalk.New(nil)
	known := regexp.MustCompile(`^</?(article|header|footer|p|br|h[1-6]|blockquote|hr|table|thead|tbody|tr|th|td|ul|ol|li|pre|code|strong|em|b|a|span)( class="datapush dingtalk"| start="[0-9]+"| style="[a-z-]+:[#a-zA-Z0-9]+"| rel="noopener noreferrer" href="(https?|mailto):[^"<>]*")?>$`)
	f.Fuzz(func(t *testing.T, s string) {
		body := fmt.Appendf(nil, `{"msgtype":"markdown","markdown":{"title":%s,"text":%[1]s}}`, quote(s))
		page, err := c.Preview(channel.Payload{Type: "markdown", Body: body})
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range regexp.MustCompile(`<[^>]*>?`).FindAllString(page, -1) {
			if !known.MatchString(strings.Replace(tag, "HTTP", "http", 1)) {
				t.Errorf("%q draws %s", s, tag)
			}
		}
	})
}

func quote(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return b
}
