package render_test

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"net/mail"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
)

// hostileValues try to be markup in some context or other.
var hostileValues = []string{
	"**bold**", "*", "**", "***", "_x_", "__x__", "~~x~~", "~", "`code`", "`", "``", "a`b``c",
	"a|b", "|", "| a |\n|---|\n| b |", ":--", "|---|", "--", "---", "- - -", "===", "=",
	`<at id="all"/>`, `<at id=all></at>`, `<at email="a@b.c"/>`, "<@userid>", "@all", `"/><at id="all"/>`,
	"<script>alert(1)</script>", "<br>", "<b>x</b>", "<!-- c -->", "<", ">", "<>", "<http://auto.link>", "<a@b.c>", "<0@b.c>", "<=@b>",
	"](http://evil.example)", "[x](javascript:alert(1))", "![i](http://evil.example/y.png)", "![", "[", "]", "[ ]", "[x] done",
	"[a]: http://evil.example", "[^1]", "https://evil.example/?a=b&c=d", "www.evil.example", "a@b.c",
	"# h", "#", "x #", "##", "- item", "+ item", "* item", "1. item", "1.", "1", "12) x", "> quote", ">",
	"```\ncode\n```", "~~~", "    indented", "\tindented", "a\n    indented",
	"line1\nline2", "line1\r\n\r\n# heading", "\n", "\nx", "x\n", "x\n\n\ny", "a\n- b", "a\n===", "a\n1. b",
	"&amp;", "&lt;", "&#124;", "&", ";", "\\", "\\\\", `\*`, "ends with \\", "a\\\nb",
	"${creator}", "${", "}", "$", "$&", "x", "note", "a b", "a  b", "  x  ", "x ", " x", " ", "",
	"\u202Eabc\u202C", "\u200bx", "a\u00a0b", "\x00\x07bell\x1b[31m", "a\u0090b\u009bc\x7f", "\uFEFFx", "a\u2028b\u2029c\u0085d", "\xff\xfe", "\x80",
	"\ufdd0\ufde1", "\ufdd0\ufdd1\ufde1", "销售**额**", "！", "🙂", "é", "-1000", "2024-01-02 08:00:00", "Department 1",
	"\v\f", "\t", "x\ty", ")", ".", "a!", "!",
}

// contexts are where an author can put a value. Line says that there is one
// line only, so that a line break becomes a space.
var contexts = []struct {
	body string
	line bool
}{
	{body: "v: ${v}"}, {body: "${v}"}, {body: "**${v}**"}, {body: "a**${v}**b"}, {body: "部门**${v}**元"},
	{body: "*${v}*"}, {body: "_${v}_"}, {body: "~~${v}~~"}, {body: "***${v}***"}, {body: "**a *${v}* b**"},
	{body: "- ${v}"}, {body: "- a\n- ${v}\n- b"}, {body: "1. a\n2. ${v}"}, {body: "- [ ] ${v}"}, {body: "- a\n  - ${v}\n\n    c"},
	{body: "> ${v}"}, {body: "> a\n> ${v}\n> b"}, {body: "> - ${v}\n>   x"}, {body: "text\n${v}\ntext"}, {body: "a  \n${v}  \nb"},
	{body: "# ${v}", line: true}, {body: "# a ${v} b #", line: true}, {body: "a ${v}\n===", line: true},
	{body: "`${v}`", line: true}, {body: "a `` ${v} `` b", line: true},
	{body: "```\n${v}\n```"}, {body: "> ```\n> ${v}\n> ```"}, {body: "- ```go\n  ${v}\n  ```"}, {body: "    ${v}"},
	{body: "| h |\n| --- |\n| ${v} |", line: true}, {body: "| ${v} | b |\n|:--|--:|\n| `${v}` | **${v}** |", line: true},
	{body: "[${v}](https://example.com)", line: true}, {body: "![${v}](https://example.com/a.png)", line: true}, {body: "a ![${v}](https://example.com/a.png)", line: true},
	{body: "${v}${v}"}, {body: "${v} and ${v}"}, {body: `\${v}`}, {body: "[${v}]"}, {body: "[${v}]\n\n[note]: https://example.com"},
	{body: "[a][${v}]\n\n[note]: https://example.com"}, {body: "![${v}"}, {body: "(${v})"},
	{body: "<${v}>"}, {body: "</${v}>"}, {body: "<a ${v}>"}, {body: "&${v};"}, {body: "&#${v};"},
	{body: "${v}. x"}, {body: "1${v}) x"}, {body: "#${v} x"}, {body: "a\n${v}"}, {body: "${v}`a`"}, {body: "`a`${v}`b`"}, {body: "*`a`*${v}*`b`*"}, {body: "0**${v}**"}, {body: "0${v} *x*"}, {body: "${v}[x](https://example.com)"}, {body: "*${v}*[x](https://example.com)"},
	{body: "${v}\n---", line: true}, {body: "|${v}|\n|-|", line: true},
}

func TestValuesAreNeverMarkup(t *testing.T) {
	r := render.Default(nil)
	for _, c := range contexts {
		t.Run(c.body, func(t *testing.T) {
			const stand = "QZQ"
			plain := renderBody(t, r, c.body, stand)
			for _, v := range hostileValues {
				got := renderBody(t, r, c.body, v)
				want := cleaned(v)
				if c.line {
					want = strings.ReplaceAll(want, "\n", " ")
				}
				text := strings.ReplaceAll(flat(plain.Blocks), stand, want)
				if diff := cmp.Diff(lines(text), lines(flat(got.Blocks))); diff != "" {
					t.Errorf("value %q: text of the tree (-want +got):\n%s", v, diff)
				}
				if strings.TrimSpace(want) != "" {
					if diff := cmp.Diff(shape(plain.Blocks), shape(got.Blocks)); diff != "" {
						t.Errorf("value %q: shape of the tree (-want +got):\n%s", v, diff)
					}
				}
				read := readHTML(t, got.Markdown)
				if c.line {
					text, read = strings.ReplaceAll(text, "\n", " "), strings.ReplaceAll(read, "\n", " ")
				}
				if diff := cmp.Diff(lines(text), lines(read)); diff != "" {
					t.Errorf("value %q: Markdown %q reads otherwise (-want +got):\n%s", v, got.Markdown, diff)
				}
			}
		})
	}
}

// Parsing some texts again would take minutes at this length.
func TestAMegabyteOfAnythingIsText(t *testing.T) {
	r := render.Default(nil)
	for _, unit := range []string{"|", "[", "*", "`", "a\n", "<"} {
		v := strings.Repeat(unit, 1<<20/len(unit))
		for _, body := range []string{"v: **${v}**", "| h |\n|---|\n| ${v} |", "[${v}](https://example.com)", "- `${v}`"} {
			got := renderBody(t, r, body, v)
			want := strings.Count(v, unit[:1])
			if n := strings.Count(flat(got.Blocks), unit[:1]); n != want {
				t.Errorf("%q: the tree has %d of %q, want %d", body, n, unit, want)
			}
			if unit == "|" {
				if n := strings.Count(readHTML(t, got.Markdown), unit); n != want {
					t.Errorf("%q: the Markdown has %d of %q, want %d", body, n, unit, want)
				}
			}
		}
	}
	title := mustRender(t, render.Content{Title: "${v}"}, data(map[string]string{"v": strings.Repeat("|", 1<<20)}))
	if n := len([]rune(title.Title)); n != render.MaxTitle || len(title.Warnings) != 1 || title.Warnings[0].Code != channel.WarnCut {
		t.Errorf("title of %d characters with warnings %v, want %d and one that says cut", n, title.Warnings, render.MaxTitle)
	}
}

func renderBody(t *testing.T, r *render.TemplateRenderer, body, v string) channel.Section {
	t.Helper()
	msg, err := r.Render(context.Background(),
		render.Content{Blocks: render.Blocks(render.Markdown(body))},
		data(nil, result([]string{"v"}, []any{v})))
	if err != nil {
		t.Fatalf("Render %q with %q: %v", body, v, err)
	}
	return msg.Sections[0]
}

// cleaned is what is left of a value: no control characters, one kind of line
// break.
func cleaned(v string) string {
	v = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n", "\ufeff", "").Replace(v)
	v = strings.ToValidUTF8(strings.ReplaceAll(v, "\xff\xfe", "\ufffd\ufffd"), "\ufffd")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, v)
}

// lines are those of a text that have something to see, white space as one
// space.
func lines(s string) []string {
	out := []string{}
	for _, l := range strings.Split(s, "\n") {
		if l = strings.Join(strings.Fields(l), " "); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// shape is the structure of a tree without its text and line breaks.
func shape(blocks []channel.Block) string {
	var b strings.Builder
	var inlines func(ns []channel.Inline)
	inlines = func(ns []channel.Inline) {
		for _, n := range ns {
			switch n := n.(type) {
			case *channel.Strong:
				b.WriteString("strong(")
				inlines(n.Inlines)
				b.WriteString(")")
			case *channel.Emphasis:
				b.WriteString("em(")
				inlines(n.Inlines)
				b.WriteString(")")
			case *channel.Strike:
				b.WriteString("strike(")
				inlines(n.Inlines)
				b.WriteString(")")
			case *channel.Link:
				fmt.Fprintf(&b, "link %s(", n.URL)
				inlines(n.Inlines)
				b.WriteString(")")
			case *channel.Image, *channel.Mention, channel.CodeSpan:
				fmt.Fprintf(&b, "%T ", n)
			}
		}
	}
	var walk func(bs []channel.Block)
	walk = func(bs []channel.Block) {
		for _, n := range bs {
			fmt.Fprintf(&b, "%T", n)
			switch n := n.(type) {
			case *channel.Heading:
				inlines(n.Inlines)
			case *channel.Paragraph:
				inlines(n.Inlines)
			case *channel.Quote:
				b.WriteString("(")
				walk(n.Blocks)
				b.WriteString(")")
			case *channel.List:
				for _, item := range n.Items {
					fmt.Fprintf(&b, "(item %v ", item.Task != nil)
					walk(item.Blocks)
					b.WriteString(")")
				}
			case *channel.Table:
				fmt.Fprintf(&b, " %d×%d", len(n.Columns), n.Rows())
			}
			b.WriteString("\n")
		}
	}
	walk(blocks)
	return b.String()
}

var reader = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList))

// readHTML is the text that a reader of its own finds in Markdown.
func readHTML(t testing.TB, markdown string) string {
	t.Helper()
	var buf bytes.Buffer
	if err := reader.Convert([]byte(markdown), &buf); err != nil {
		t.Fatalf("goldmark: %v", err)
	}
	var b strings.Builder
	for s := buf.String(); s != ""; {
		text, rest, ok := strings.Cut(s, "<")
		b.WriteString(text)
		if !ok {
			break
		}
		tag, after, _ := strings.Cut(rest, ">")
		if _, alt, ok := strings.Cut(tag, `alt="`); ok && strings.HasPrefix(tag, "img") {
			alt, _, _ = strings.Cut(alt, `"`)
			b.WriteString(alt)
		}
		s = after
	}
	return html.UnescapeString(b.String())
}

func TestValuesInAddressesAreEncoded(t *testing.T) {
	r := render.Default(nil)
	for _, v := range hostileValues {
		want := strings.ReplaceAll(cleaned(v), "\n", " ")
		for _, body := range []string{"[x](https://example.com/?q=${v})", "![x](https://example.com/?q=${v})", "<https://example.com/?q=${v}>"} {
			got := renderBody(t, r, body, v)
			address := firstURL(t, got.Blocks)
			u, err := url.Parse(address)
			if err != nil {
				t.Errorf("value %q: %q is no address: %v", v, address, err)
				continue
			}
			if u.Host != "example.com" || u.Query().Get("q") != want || len(u.Query()) != 1 || u.Fragment != "" {
				t.Errorf("value %q: address %q leads elsewhere", v, address)
			}
		}
	}
}

func TestAValueMentionsOnePersonAtMost(t *testing.T) {
	r := render.Default(nil)
	for _, v := range append(hostileValues, "all", "@all", "ALL", "a,b", "a b", `x" id="all`, `x' id='all`, `x" y' id='all`) {
		for _, body := range []string{`<at id="${v}"/>`, `<at id=${v} />`, `<at email="${v}"/>`, `<at phone='${v}'/>`, `<at id="u1" name="${v}"/>`, `<at id="u1">${v}</at>`} {
			s := renderBody(t, r, body, v)
			for _, read := range []channel.Section{s, renderLiteral(t, r, s.Markdown)} {
				for _, m := range mentions(read.Blocks) {
					if m.All || !onePerson(m) {
						t.Errorf("%s with %q mentions %+v", body, v, *m)
					}
				}
			}
		}
	}
}

// onePerson judges a mention by what vendors allow in ids and by net/mail.
func onePerson(m *channel.Mention) bool {
	switch {
	case m.Email != "":
		a, err := mail.ParseAddress(m.Email)
		return err == nil && a.Address == m.Email
	case m.Phone != "":
		return strings.Trim(m.Phone, "+-0123456789") == ""
	default:
		return m.ID != "" && !strings.EqualFold(m.ID, "all") && m.ID[0] != '@' &&
			!strings.ContainsFunc(m.ID, func(r rune) bool {
				return r > 127 || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.@", r)
			})
	}
}

// renderLiteral renders Markdown in which no ${ is a reference.
func renderLiteral(t *testing.T, r *render.TemplateRenderer, markdown string) channel.Section {
	t.Helper()
	c := render.Content{Blocks: render.Blocks(render.Markdown(strings.ReplaceAll(markdown, "${", "$&#123;")))}
	msg, err := r.Render(context.Background(), c, render.Data{})
	if err != nil {
		t.Fatal(err)
	}
	return msg.Sections[0]
}

func mentions(blocks []channel.Block) []*channel.Mention {
	var out []*channel.Mention
	for _, b := range blocks {
		if p, ok := b.(*channel.Paragraph); ok {
			for _, n := range p.Inlines {
				if m, ok := n.(*channel.Mention); ok {
					out = append(out, m)
				}
			}
		}
	}
	return out
}

func firstURL(t *testing.T, blocks []channel.Block) string {
	t.Helper()
	for _, b := range blocks {
		switch b := b.(type) {
		case *channel.Image:
			return b.URL
		case *channel.Paragraph:
			for _, n := range b.Inlines {
				switch n := n.(type) {
				case *channel.Link:
					return n.URL
				case *channel.Image:
					return n.URL
				}
			}
		}
	}
	t.Fatalf("no address in %s", shape(blocks))
	return ""
}

func TestAddresses(t *testing.T) {
	tests := []struct {
		name, body, value string
		want              string // "" when it is text
		warnings          int
	}{
		{name: "an address that is a value", body: "[x](${v})", value: "https://example.com/a b?c=d&e=(f)#g", want: "https://example.com/a%20b?c=d&e=%28f%29#g"},
		{name: "a value in a path", body: "[x](https://example.com/${v}/)", value: "a/b c", want: "https://example.com/a%2Fb%20c/"},
		{name: "a value cannot change the host", body: "[x](https://example.com${v})", value: "@evil.example/", want: "https://example.com%40evil.example%2F"},
		{name: "a mail address", body: "[x](mailto:${v})", value: "a@b.c?bcc=d@e.f", want: "mailto:a@b.c%3Fbcc%3Dd@e.f"},
		{name: "a script from a value", body: "[x](${v})", value: "javascript:alert(1)", warnings: 1},
		{name: "a script from a value, upper case", body: "[x](${v})", value: "JaVaScRiPt:alert(1)", warnings: 1},
		{name: "a script in two halves", body: "[x](java${v})", value: "script:alert(1)", warnings: 1},
		{name: "a scheme from a value", body: "[x](${v}:alert)", value: "javascript", warnings: 1},
		{name: "an image of data", body: "![x](${v})", value: "data:image/png;base64,AA", warnings: 1},
		{name: "a mail address is no image", body: "![x](mailto:${v})", value: "a@b.c", warnings: 1},
		{name: "an address without a scheme", body: "[x](${v})", value: "//evil.example", warnings: 1},
		{name: "no address", body: "[x](${v})", value: "", warnings: 1},
		{name: "a script from the author", body: "[x](javascript:alert)", warnings: 1},
		{name: "an address of the author", body: "[x](<https://example.com/ä b>)", want: "https://example.com/%C3%A4%20b"},
		{name: "percent signs of the author", body: "[x](https://example.com/%20)", want: "https://example.com/%20"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := render.Content{Blocks: render.Blocks(render.Markdown(tt.body))}
			msg := mustRender(t, c, data(map[string]string{"v": tt.value}))
			if len(msg.Warnings) != tt.warnings {
				t.Errorf("warnings %v, want %d", msg.Warnings, tt.warnings)
			}
			if tt.want == "" {
				want := []channel.Block{&channel.Paragraph{Inlines: []channel.Inline{channel.Text("x")}}}
				if diff := cmp.Diff(want, msg.Sections[0].Blocks); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				return
			}
			if diff := cmp.Diff(tt.want, firstURL(t, msg.Sections[0].Blocks)); diff != "" {
				t.Errorf("address (-want +got):\n%s", diff)
			}
		})
	}
}
