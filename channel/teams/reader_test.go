package teams_test

import (
	"bytes"
	"html"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/teams"
)

// reader reads more Markdown than a TextBlock shows.
var reader = goldmark.New(goldmark.WithExtensions(extension.GFM))

// markup reads Markdown and gives its text and the kinds of all nodes that are
// more than text.
func markup(source string) (shown string, kinds []string) {
	src := []byte(source)
	doc := reader.Parser().Parse(text.NewReader(src))
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n.(type) {
		case *ast.Document, *ast.Paragraph, *ast.Text, *ast.String:
		default:
			if entering {
				kinds = append(kinds, n.Kind().String())
			}
		}
		return ast.WalkContinue, nil
	})
	var b bytes.Buffer
	if err := reader.Renderer().Render(&b, src, doc); err != nil {
		panic(err)
	}
	return html.UnescapeString(strings.TrimSuffix(strings.TrimPrefix(b.String(), "<p>"), "</p>\n")), kinds
}

var pieces = []string{"a", "B", "1", ". ", ") ", " ", "    ", "*", "**", "_", "~~", "`", "[", "](", ")", "!", "<", ">", "</at>", "<at>",
	"&", "&amp;", "&#42;", "#", "# ", "- ", "---", "===", "+ ", "|", "\\", ":", "$", "{{DATE(x)}}", "{", "\"", "销", "🎉", "\u202e", "\x01", "\ufeff", "http://a.b/", "-1"}

// random is a text that tries to be markup.
func random(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// visible is what must be seen of a value.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0xfeff {
			return -1
		}
		return r
	}, strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)) // Map reads a byte that is no UTF-8 as U+FFFD
}

func TestTextShowsAsItsCharacters(t *testing.T) {
	blocks := 0
	for seed := range uint64(4000) {
		blocks += judgeText(t, random(rand.New(rand.NewPCG(seed, 3))))
	}
	if blocks < 100 {
		t.Errorf("only %d TextBlocks were seen", blocks)
	}
}

// judgeText reads a text back from a paragraph and from cells. The text in a
// TextBlock is the same with and without Markdown; what would not be is in a
// TextRun, which has none. It counts the TextBlocks.
func judgeText(t *testing.T, s string) (blocks int) {
	t.Helper()
	want := strings.NewReplacer("\n", " ", "\t", " ").Replace(visible(s))
	if strings.TrimSpace(want) == "" {
		return 0
	}
	msg := message("", p(channel.Literal(s)...), &channel.Table{Columns: []channel.Column{{Header: "x"}}, Cells: []channel.Cell{{Text: s}}})
	for _, mode := range []string{"table", "columns"} {
		ps, err := teams.New(nil).Encode(msg, channel.Destination{Options: map[string]string{teams.OptionTables: mode}})
		if err != nil {
			t.Fatal(err)
		}
		if len(ps) > 1 {
			return
		}
		body := read(t, ps[0])
		var cell element
		if last := body[len(body)-1]; mode == "table" {
			cell = body[len(body)-1].Rows[1].Cells[0].Items[0]
			body = body[:len(body)-1]
		} else {
			cell = last.Columns[0].Items[0]
			body = body[:len(body)-2]
		}
		var lines []string // each line of a paragraph is an element
		for _, e := range body {
			lines = append(lines, e.plain())
		}
		if diff := cmp.Diff(strings.Fields(want), strings.Fields(strings.Join(lines, " "))); diff != "" {
			t.Errorf("%s: text (-want +got)\n%s", mode, diff)
		}
		if diff := cmp.Diff(want, cell.plain()); diff != "" {
			t.Errorf("%s: cell (-want +got)\n%s", mode, diff)
		}
		for _, e := range append(body, cell) {
			for _, i := range append(e.Inlines, e) {
				if strings.Contains(i.Text, "{{") {
					t.Errorf("%q holds a macro", s)
				}
			}
			if e.Type != "TextBlock" {
				continue
			}
			blocks++
			shown, kinds := markup(e.Text)
			if diff := cmp.Diff(strings.TrimRight(e.Text, " "), strings.TrimRight(shown, " ")); diff != "" || len(kinds) > 0 {
				t.Errorf("%q: nodes %v (-want +got)\n%s", e.Text, kinds, diff)
			}
		}
	}
	return blocks
}

func TestTextBesideAMentionIsEscaped(t *testing.T) {
	for seed := range uint64(3000) {
		judgeBesideAMention(t, random(rand.New(rand.NewPCG(seed, 5))))
	}
}

var mailLink = regexp.MustCompile(`<a href="mailto:[^"]*">([^<]*)</a>`)

func judgeBesideAMention(t *testing.T, s string) {
	t.Helper()
	if strings.ContainsAny(visible(s), "\n") || strings.Contains(s, "://") {
		return // lines are elements, and addresses become links of their own
	}
	s = strings.Join(strings.Fields(visible(s)), " ")
	ps, err := teams.New(nil).Encode(message("", p(channel.Text("x"+s+" "), &channel.Mention{Email: "ann@example.com"})), channel.Destination{})
	if err != nil {
		t.Fatal(err)
	}
	if len(ps) > 1 {
		return
	}
	content, ok := strings.CutSuffix(read(t, ps[0])[0].Text, " <at>ann@example.com</at>")
	if !ok || strings.Contains(content, "<at>") {
		t.Fatalf("%q", content)
	}
	shown, kinds := markup(content)
	// A reader may link an e-mail address to itself; it shows as it is.
	shown = mailLink.ReplaceAllString(shown, "$1")
	kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == "AutoLink" })
	if diff := cmp.Diff("x"+s, shown); diff != "" || len(kinds) > 0 {
		t.Errorf("%q is written as %q: nodes %v (-want +got)\n%s", "x"+s, content, kinds, diff)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"a *b* _c_", "- x", "1. x", "<at>Ann</at>", "{{DATE(2024)}}", "&#42;", "a  b", "[微笑]", "http://a.b", "\xff\x00", "[x](y)", "a\\", "@00.0@"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		judgeText(t, s)
		judgeBesideAMention(t, s)
	})
}
