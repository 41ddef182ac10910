package lark_test

import (
	"fmt"
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
	"github.com/datapush-go/datapush/channel/lark"
)

// reader is an independent reader of the dialect, which is CommonMark with
// tables and strikethrough.
var reader = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough)).Parser()

// markup reads Markdown and gives its text and the kinds of all nodes that are
// more than text.
func markup(source string) (shown string, kinds []string) {
	src := []byte(source)
	var b strings.Builder
	_ = ast.Walk(reader.Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Document:
		case *ast.Paragraph:
			if !entering {
				b.WriteString("\n")
			}
		case *ast.Text:
			if entering {
				b.Write(n.Segment.Value(src))
				if n.SoftLineBreak() || n.HardLineBreak() {
					b.WriteString("\n")
				}
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		default:
			if entering {
				kinds = append(kinds, n.Kind().String())
			}
		}
		return ast.WalkContinue, nil
	})
	return html.UnescapeString(b.String()), kinds
}

var pieces = []string{"a", "B", "1", ". ", ") ", " ", "    ", "\n", "\t", "*", "**", "_", "~~", "`", "```", "[", "](", ")", "!", "<", ">", "</at>", "<at id=all>",
	"&", "&amp;", "&#42;", "#", "# ", "- ", "---", "===", "+ ", "|", "|-|", "\\", ":", ":DONE:", "$", "\"", "'", "销", "🎉", "\u202e", "\x01", "http://a.b/"}

func random(r *rand.Rand, n int) string {
	var b strings.Builder
	for range 1 + r.IntN(n) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// words are what a reader sees, whatever the white space.
func words(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\x01", "")), " ")
}

func TestTextShowsAsItsCharacters(t *testing.T) {
	for seed := range uint64(3000) {
		judgeText(t, random(rand.New(rand.NewPCG(seed, 3)), 30))
	}
}

// judgeText reads a text back from a paragraph and from a coloured cell, in both
// versions of cards.
func judgeText(t *testing.T, s string) {
	t.Helper()
	want := words(visible(s))
	if want == "" {
		return
	}
	msg := message("t", p(channel.Literal(s)...), &channel.Table{Columns: []channel.Column{{Header: "x"}}, Cells: []channel.Cell{{Text: s, Color: channel.ColorRed}}})
	for _, card := range []string{"2.0", "1.0"} {
		ps, err := lark.New(nil).Encode(msg, channel.Destination{Options: map[string]string{lark.OptionCard: card}})
		if err != nil {
			t.Fatal(err)
		}
		if len(ps) > 1 {
			return
		}
		elements := read(t, ps[0]).Card.Body.Elements
		if card == "1.0" {
			elements = read(t, ps[0]).Card.Elements
		}
		cell, ok := strings.CutPrefix(elements[1].Rows[0]["c0"], "<font color='red'>")
		cell, end := strings.CutSuffix(cell, "</font>")
		if !ok || !end {
			t.Fatalf("%q: cell %q", s, cell)
		}
		for what, content := range map[string]string{"text": elements[0].Content, "cell": cell} {
			got, kinds := markup(strings.ReplaceAll(content, "<br>", ""))
			if diff := cmp.Diff(want, words(got)); diff != "" || len(kinds) > 0 {
				t.Errorf("card %s: %s %q is written as %q: nodes %v (-want +got)\n%s", card, what, s, content, kinds, diff)
			}
			if strings.Contains(content, ":DONE:") || strings.Contains(strings.ToLower(content), "<at") {
				t.Errorf("card %s: %s %q shows an emoji or calls people", card, what, s)
			}
		}
	}
}

// visible is what must be seen of a value.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r', r == 0x85, r == 0x2028, r == 0x2029:
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0, r == 0xfeff:
			return -1
		}
		return r
	}, s) // Map reads a byte that is no UTF-8 as U+FFFD
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"a *b* _c_", "- x", "1. x", "<at id=all></at>", ":DONE:", "&#42;", "a\n    b", "[微笑]", "|-|", "\xff\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { judgeText(t, s) })
}

func TestMarkersWorkBesideAnything(t *testing.T) {
	c := lark.New(nil)
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 4))
		word := func() string { return []string{"a", "销", "“x”", "(y)", "1*", "!", "é"}[r.IntN(7)] }
		before, inner, after := word(), word(), word()
		wrap := func(in inlines) channel.Inline {
			return []channel.Inline{&channel.Strong{Inlines: in}, &channel.Emphasis{Inlines: in}, &channel.Strike{Inlines: in}}[seed%3]
		}
		ps, err := c.Encode(message("t", p(channel.Text(before), wrap(inlines{channel.Text(inner)}), channel.Text(after))), channel.Destination{})
		if err != nil {
			t.Fatal(err)
		}
		content := read(t, ps[0]).Card.Body.Elements[0].Content
		shown, kinds := markup(content)
		if len(kinds) != 1 || strings.ReplaceAll(words(shown), " ", "") != before+inner+after {
			t.Errorf("%q %q %q is written as %q: nodes %v, shown %q", before, inner, after, content, kinds, shown)
		}
	}
}

// outline is the structure of Markdown: blocks with what is in them, and texts.
func outline(source string) string {
	src := []byte(source)
	var b strings.Builder
	var walk func(n ast.Node)
	walk = func(n ast.Node) {
		switch n := n.(type) {
		case *ast.Text:
			b.Write(n.Segment.Value(src))
			return
		case *ast.List:
			fmt.Fprintf(&b, "list %d", n.Start)
		case *ast.ListItem:
			b.WriteString("item")
		case *ast.Blockquote:
			b.WriteString("quote")
		case *ast.FencedCodeBlock:
			b.WriteString("code[")
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				b.Write(line.Value(src))
			}
			b.WriteString("]")
			return
		}
		b.WriteString("(")
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			walk(c)
		}
		b.WriteString(")")
	}
	walk(reader.Parse(text.NewReader(src)))
	return b.String()
}

func TestBlocksKeepTheirStructure(t *testing.T) {
	item := func(bs ...channel.Block) channel.Item { return channel.Item{Blocks: bs} }
	list := func(start int, items ...channel.Item) channel.Block {
		return &channel.List{Start: start, Items: items}
	}
	tests := []struct {
		name string
		in   channel.Block
		want string
	}{
		{"a nested list that begins with three", list(0, item(p(channel.Text("a")), list(3, item(p(channel.Text("b"))), item(p(channel.Text("c"))))), item(p(channel.Text("d")))),
			"(list 0(item((a)list 3(item((b))item((c))))item((d))))"},
		{"bullets in numbers", list(1, item(p(channel.Text("a")), list(0, item(p(channel.Text("b")))))),
			"(list 1(item((a)list 0(item((b))))))"},
		{"paragraphs and code in an item", list(9, item(p(channel.Text("a")), p(channel.Text("b")), &channel.Code{Text: "x\n  y"}), item(p(channel.Text("c")))),
			"(list 9(item((a)(b)code[x\n  y\n])item((c))))"},
		{"quotes within quotes", &channel.Quote{Blocks: blocks{p(channel.Text("a")), &channel.Quote{Blocks: blocks{p(channel.Text("b"))}}, &channel.Code{Text: "x\n\ny"}}},
			"(quote((a)quote((b))code[x\n\ny\n]))"},
		{"a list in a quote", &channel.Quote{Blocks: blocks{list(0, item(p(channel.Text("a")), list(0, item(p(channel.Text("b"))))), item(p(channel.Text("c"))))}},
			"(quote(list 0(item((a)list 0(item((b))))item((c)))))"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ps, err := lark.New(nil).Encode(message("t", tt.in), channel.Destination{})
			if err != nil {
				t.Fatal(err)
			}
			content := read(t, ps[0]).Card.Body.Elements[0].Content
			if diff := cmp.Diff(tt.want, outline(content)); diff != "" {
				t.Errorf("%q (-want +got)\n%s", content, diff)
			}
		})
	}
}
