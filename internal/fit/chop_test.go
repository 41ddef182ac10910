package fit_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
)

// plain is what a reader sees of blocks, without borders between them.
func plain(bs ...channel.Block) string {
	var b strings.Builder
	var inlines func([]channel.Inline)
	inlines = func(in []channel.Inline) {
		for _, i := range in {
			switch i := i.(type) {
			case channel.Text:
				b.WriteString(string(i))
			case channel.CodeSpan:
				b.WriteString(string(i))
			case *channel.Strong:
				inlines(i.Inlines)
			case *channel.Emphasis:
				inlines(i.Inlines)
			case *channel.Strike:
				inlines(i.Inlines)
			case *channel.Link:
				inlines(i.Inlines)
			case *channel.Mention:
				b.WriteString(i.Label())
			}
		}
	}
	for _, bl := range bs {
		switch bl := bl.(type) {
		case *channel.Paragraph:
			inlines(bl.Inlines)
		case *channel.Heading:
			inlines(bl.Inlines)
		case *channel.Code:
			b.WriteString(strings.ReplaceAll(bl.Text, "\n", ""))
		case *channel.Quote:
			b.WriteString(plain(bl.Blocks...))
		case *channel.List:
			for _, it := range bl.Items {
				b.WriteString(plain(it.Blocks...))
			}
		}
	}
	return b.String()
}

func para(in ...channel.Inline) *channel.Paragraph { return &channel.Paragraph{Inlines: in} }

func TestChop(t *testing.T) {
	words := strings.Repeat("word ", 100)
	chinese := strings.Repeat("销售", 300)
	tests := []struct {
		name string
		in   channel.Block
	}{
		{"a paragraph of words", para(channel.Text(words))},
		{"a paragraph without spaces", para(channel.Text(chinese))},
		{"styles inside each other", para(&channel.Strong{Inlines: []channel.Inline{
			channel.Text(words), &channel.Emphasis{Inlines: []channel.Inline{channel.Text(words)}}, channel.CodeSpan(words)}})},
		{"a link", para(channel.Text("see "), &channel.Link{URL: "https://example.com/", Inlines: []channel.Inline{channel.Text(words)}})},
		{"a mention among text", para(channel.Text(words), &channel.Mention{Email: "a@example.com"}, channel.Text(words))},
		{"a heading", &channel.Heading{Level: 2, Inlines: []channel.Inline{channel.Text(words)}}},
		{"code of many lines", &channel.Code{Language: "sql", Text: strings.Repeat("select 1\n", 100) + "end"}},
		{"code of one line", &channel.Code{Text: chinese}},
		{"a quote", &channel.Quote{Blocks: []channel.Block{para(channel.Text(words)), para(channel.Text(words))}}},
		{"a list with a long item", &channel.List{Start: 3, Items: []channel.Item{
			{Blocks: []channel.Block{para(channel.Text("one"))}},
			{Blocks: []channel.Block{para(channel.Text(words)), para(channel.Text("two"))}},
			{Blocks: []channel.Block{para(channel.Text("three"))}}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, max := range []int{1, 100, 150, 400} {
				out := fit.Chop(tt.in, max)
				if diff := cmp.Diff(plain(tt.in), plain(out...)); diff != "" {
					t.Errorf("max %d: content changed (-want +got)\n%s", max, diff)
				}
				for i, b := range out {
					if w := fit.Weight(b); w > 100 && w > max {
						t.Errorf("max %d: block %d weighs %d", max, i, w)
					}
					if !utf8.ValidString(plain(b)) {
						t.Errorf("max %d: block %d is cut inside a character", max, i)
					}
				}
			}
		})
	}
}

func TestChopKeepsNumbers(t *testing.T) {
	item := func(s string) channel.Item { return channel.Item{Blocks: []channel.Block{para(channel.Text(s))}} }
	long := strings.Repeat("x", 60)
	in := &channel.List{Start: 1, Items: []channel.Item{item("a"), item(long), item("b"), item("c")}}
	want := []channel.Block{
		&channel.List{Start: 1, Items: []channel.Item{item("a")}},
		&channel.List{Start: 2, Items: []channel.Item{item(long)}},
		&channel.List{Start: 3, Items: []channel.Item{item("b"), item("c")}},
	}
	if diff := cmp.Diff(want, fit.Chop(in, 120)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A number that is divided reads as another number.
func TestChopDividesNoWord(t *testing.T) {
	strong := func(s string) channel.Inline { return &channel.Strong{Inlines: []channel.Inline{channel.Text(s)}} }
	styled := []channel.Inline{}
	for range 60 {
		styled = append(styled, channel.Text("no 1000279 "), strong("b"), channel.Text(" "))
	}
	code := strings.Repeat("1000279 ", 60)
	for _, tt := range []struct {
		name string
		in   channel.Block
	}{
		{"between styles", para(styled...)},
		{"in a style", para(channel.Text("intro "), strong(code))},
		{"in code within a line", para(channel.Text("intro "), channel.CodeSpan(code))},
		{"in a line of code", &channel.Code{Text: code}},
		{"in a script without spaces", para(channel.Text(strings.Repeat("营收为1000279元，", 60)))},
		{"in a list", &channel.List{Items: []channel.Item{{Blocks: []channel.Block{para(styled...)}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for max := 64; max < 400; max++ {
				for _, b := range fit.Chop(tt.in, max) {
					for _, n := range regexp.MustCompile(`[0-9]+`).FindAllString(plain(b), -1) {
						if n != "1000279" {
							t.Fatalf("in shares of %d: %q", max, plain(b))
						}
					}
				}
			}
		})
	}
}

func TestShallow(t *testing.T) {
	nest := func(n int) channel.Block {
		var in channel.Inline = channel.Text("x")
		for range n {
			in = &channel.Strong{Inlines: []channel.Inline{in}}
		}
		b := channel.Block(para(in))
		for i := range n {
			if i%2 == 0 {
				b = &channel.Quote{Blocks: []channel.Block{b}}
			} else {
				b = &channel.List{Start: 1, Items: []channel.Item{{Blocks: []channel.Block{b}}}}
			}
		}
		return b
	}
	same := nest(16)
	if fit.Shallow(same) != same {
		t.Error("what is shown is copied")
	}
	for _, n := range []int{17, 18, 100_000} {
		got := fit.Shallow(nest(n))
		if plain(got) != "x" {
			t.Errorf("%d levels show %q", n, plain(got))
		}
		if w := fit.Weight(got); w > 16*2*40 {
			t.Errorf("%d levels weigh %d", n, w)
		}
	}
}

func TestPrefix(t *testing.T) {
	tests := []struct {
		name, in string
		max      int
		want     string
	}{
		{"short enough", "abc", 3, "abc"},
		{"inside a character", "a销b", 2, "a"},
		{"before a combining mark", "xe\u0301", 2, "x"},
		{"inside a family of emoji", "x👨\u200d👩\u200d👧y", 9, "x"},
		{"before a skin tone", "x👍🏽y", 5, "x"},
		{"between the halves of a flag", "🇨🇳🇩🇪", 12, "🇨🇳"},
		{"between two flags", "🇨🇳🇩🇪", 8, "🇨🇳"},
		{"nothing", "abc", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := fit.Prefix(tt.in, tt.max); got != tt.want {
				t.Errorf("Prefix(%q, %d) = %q, want %q", tt.in, tt.max, got, tt.want)
			}
		})
	}
}

func TestClip(t *testing.T) {
	for _, tt := range []struct {
		in   string
		max  int
		want string
		cut  bool
	}{{"abcdef", 6, "abcdef", false}, {"abcdef", 5, "ab…", true}, {"ab cdef", 6, "ab…", true}, {"abc", 2, "", true}} {
		got, cut := fit.Clip(tt.in, tt.max)
		if got != tt.want || cut != tt.cut {
			t.Errorf("Clip(%q, %d) = %q, %v, want %q, %v", tt.in, tt.max, got, cut, tt.want, tt.cut)
		}
	}
}

// emoji counts the texts of blocks that are one.
func emoji(bs ...channel.Block) (n int) {
	var inlines func([]channel.Inline)
	inlines = func(in []channel.Inline) {
		for _, i := range in {
			switch i := i.(type) {
			case channel.Text:
				if i.Emoji() != "" {
					n++
				}
			case *channel.Strong:
				inlines(i.Inlines)
			}
		}
	}
	for _, b := range bs {
		inlines(b.(*channel.Paragraph).Inlines)
	}
	return n
}

func TestChopMakesNoEmojiAndCutsNone(t *testing.T) {
	for before := range 80 {
		// The name in the text is its last word, between which texts are divided.
		s := strings.Repeat("a", before) + " [微笑]"
		in := para(channel.Text(s), channel.Text("[微笑]"), &channel.Strong{Inlines: []channel.Inline{channel.Text(s), channel.Text("[OK]")}})
		out := fit.Chop(in, 64)
		if got := emoji(out...); got != 2 {
			t.Errorf("after %d letters: %d emoji, want those two that were there", before, got)
		}
		if diff := cmp.Diff(plain(in), plain(out...)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func FuzzChop(f *testing.F) {
	f.Add("a b c **d** 销售", 64)
	f.Add(strings.Repeat("a", 44)+" [微笑]", 64)
	f.Fuzz(func(t *testing.T, s string, max int) {
		if len(s) > 1<<16 {
			return
		}
		in := para(channel.Text(s), &channel.Strong{Inlines: []channel.Inline{channel.Text(s)}}, channel.CodeSpan(s))
		out := fit.Chop(in, max)
		if diff := cmp.Diff(plain(in), plain(out...)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if emoji(in) != emoji(out...) {
			t.Errorf("%q in shares of %d has %d emoji, want %d", s, max, emoji(out...), emoji(in))
		}
		if p := fit.Prefix(s, max); !strings.HasPrefix(s, p) || len(p) > len(s) || max >= 0 && len(p) > max {
			t.Errorf("Prefix(%q, %d) = %q", s, max, p)
		}
	})
}
