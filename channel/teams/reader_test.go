package teams_test

import (
	"bytes"
	"html"
	"math/rand/v2"
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

// The text in a TextBlock is the same with and without Markdown; what would not
// be is in a TextRun, which has none.
func TestTextShowsAsItsCharacters(t *testing.T) {
	c := teams.New(nil)
	clean := strings.NewReplacer("\x01", "", "\ufeff", "")
	blocksSeen := 0
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 3))
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		s := b.String()
		if strings.TrimSpace(clean.Replace(s)) == "" {
			continue
		}
		ps, err := c.Encode(message("", p(channel.Text(s)), &channel.Table{Columns: []channel.Column{{Header: "x"}}, Cells: []channel.Cell{{Text: s}}}), channel.Destination{})
		if err != nil {
			t.Fatal(err)
		}
		body := read(t, ps[0])
		for what, e := range map[string]element{"text": body[0], "cell": body[1].Rows[1].Cells[0].Items[0]} {
			if diff := cmp.Diff(clean.Replace(s), e.plain()); diff != "" {
				t.Errorf("seed %d: %s (-want +got)\n%s", seed, what, diff)
			}
			for _, i := range append(e.Inlines, e) {
				if strings.Contains(i.Text, "{{") {
					t.Errorf("seed %d: %s %q holds a macro", seed, what, s)
				}
			}
			if e.Type != "TextBlock" {
				continue
			}
			blocksSeen++
			shown, kinds := markup(e.Text)
			if diff := cmp.Diff(strings.TrimRight(e.Text, " "), strings.TrimRight(shown, " ")); diff != "" || len(kinds) > 0 {
				t.Errorf("seed %d: %s %q: nodes %v (-want +got)\n%s", seed, what, e.Text, kinds, diff)
			}
		}
	}
	if blocksSeen < 100 {
		t.Errorf("only %d TextBlocks were seen", blocksSeen)
	}
}

func TestTextBesideAMentionIsEscaped(t *testing.T) {
	c := teams.New(nil)
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 5))
		var b strings.Builder
		for range 1 + r.IntN(6) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		s := strings.TrimSpace(strings.NewReplacer("\x01", "", "\ufeff", "", "http://a.b/", "", "    ", " ").Replace(b.String()))
		ps, err := c.Encode(message("", p(channel.Text("x"+s+" "), &channel.Mention{Email: "ann@example.com"})), channel.Destination{})
		if err != nil {
			t.Fatal(err)
		}
		body := read(t, ps[0])
		content, ok := strings.CutSuffix(body[0].Text, " <at>ann@example.com</at>")
		if !ok || strings.Contains(content, "<at>") {
			t.Fatalf("seed %d: %q", seed, body[0].Text)
		}
		shown, kinds := markup(content)
		if diff := cmp.Diff("x"+s, shown); diff != "" || len(kinds) > 0 {
			t.Errorf("seed %d: %q is written as %q: nodes %v (-want +got)\n%s", seed, "x"+s, content, kinds, diff)
		}
	}
}
