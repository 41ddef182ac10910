package render_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
)

// A long paragraph stays one in each part: no value is divided, and nothing in
// the middle of it reads as a new paragraph.
func TestALongParagraphStaysOneInEachPart(t *testing.T) {
	number := regexp.MustCompile(`10[0-9]{5}`)
	for _, unit := range []string{"no 10%05d; ", "no 10%05d **b** ", "no 10%05d [x](https://a.example/q) ", "*no* 10%05d ~~c~~ and more words ", "**no 10%05d** ", "值为10%05d元，"} {
		for _, f := range chats {
			for _, share := range []float64{0.5, 1.2, 2.5, 4.2} {
				var b strings.Builder
				n := 0
				for ; float64(b.Len()) < share*float64(f.limit)/2; n++ {
					fmt.Fprintf(&b, unit, n)
				}
				msg := mustRender(t, render.Content{Title: "t", Blocks: render.Blocks(render.Markdown("intro\n\n" + b.String() + "\n\nend"))}, render.Data{})
				ps, err := f.channel.Encode(msg, f.to)
				if err != nil {
					t.Fatal(err)
				}
				next := 0
				for i, p := range ps {
					if got := f.measure(p); got > f.limit || p.Size > f.limit {
						t.Fatalf("%s, %q: part %d measures %d", f.name, unit, i+1, got)
					}
					text := f.read(t, p).text
					for _, got := range number.FindAllString(text, -1) {
						if want := fmt.Sprintf("10%05d", next); got != want {
							t.Fatalf("%s, %q, %d numbers: part %d has %s, want %s in %q", f.name, unit, n, i+1, got, want, text)
						}
						next++
					}
					most := 4 // title, intro, the paragraph, end
					if f.name == "lark card 2.0" {
						most++ // the title is the summary too
					}
					if got := len(paragraphs(t, p)); got > most {
						t.Errorf("%s, %q, %d numbers: part %d of %d has %d paragraphs", f.name, unit, n, i+1, len(ps), got)
					}
					for _, w := range p.Warnings {
						if w.Code == channel.WarnCut {
							next = n
						}
					}
				}
				if next != n {
					t.Errorf("%s, %q: %d of %d numbers", f.name, unit, next, n)
				}
			}
		}
	}
}

// paragraphs are those of a payload: elements of a card, and what blank lines
// separate.
func paragraphs(t *testing.T, p channel.Payload) (all []string) {
	var texts []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case object:
			if s, ok := v["content"].(string); ok {
				texts = append(texts, s)
			}
			if s, ok := within(v, "markdown")["text"].(string); ok {
				texts = append(texts, s)
			}
			if v["type"] == "RichTextBlock" || v["type"] == "TextBlock" {
				texts = append(texts, "element")
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(decoded(t, p))
	for _, s := range texts {
		all = append(all, strings.Split(s, "\n\n")...)
	}
	return all
}
