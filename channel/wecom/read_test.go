package wecom_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/wecom"
	"github.com/datapush-go/datapush/internal/readback"
)

// written reads back what the channel wrote.
var written = readback.Markdown{Channel: wecom.New(nil), Text: func(t *testing.T, p channel.Payload) string { return decode(t, p).Content }}

func TestRowsComeBackFromAllParts(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := 1 + r.IntN(6)
		table := &channel.Table{Columns: make([]channel.Column, n)}
		for i := range n {
			table.Columns[i] = channel.Column{Header: readback.Text(r, 3) + "h", Prefix: readback.Text(r, 1), Suffix: readback.Text(r, 1)}
		}
		for range r.IntN(150) * n {
			c := channel.Cell{Text: readback.Text(r, 8)}
			if r.IntN(4) == 0 {
				c.Color, c.Mark = channel.ColorRed, "↓"
			}
			table.Cells = append(table.Cells, c)
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			msg := &channel.Message{Title: "t", Sections: []channel.Section{{Blocks: []channel.Block{table}}}}
			ps, err := wecom.New(nil).Encode(msg, channel.Destination{})
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			for i := range table.Rows() {
				for j, c := range table.Row(i) {
					want = append(want, readback.Shown(table.Columns[j].Show(c)))
				}
			}
			cut := false
			for _, p := range ps {
				if c := decode(t, p).Content; len(c) > 4096 || len(c) != p.Size {
					t.Errorf("%d bytes, size says %d", len(c), p.Size)
				}
				page := readback.Page(t, decode(t, p).Content)
				if names := readback.Elements(page, "th"); len(names) != n {
					t.Errorf("part %d has %d names of %d columns", p.Part, len(names), n)
				}
				got = append(got, readback.Elements(page, "td")...)
				for _, w := range p.Warnings {
					cut = cut || w.Code == channel.WarnCut
				}
			}
			if cut {
				want = want[:min(len(want), len(got))]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("cut %v (-want +got):\n%s", cut, diff)
			}
		})
	}
}

func TestTextShowsAsItIs(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 2))
		written.Judge(t, readback.Text(r, 6), readback.Text(r, 6), readback.Text(r, 3))
	}
}

func TestEmphasisLeavesNoMarks(t *testing.T) { written.Emphasis(t) }

func FuzzText(f *testing.F) {
	f.Add("1", ". a")
	f.Add("a|b\n-|-", "")
	f.Add("===", "!")
	f.Add("[x]", "(https://a.example)")
	f.Fuzz(func(t *testing.T, a, b string) { written.Judge(t, a, b) })
}

func FuzzPreviewRunsNothing(f *testing.F) {
	f.Add("**a** <script>alert(1)</script> | `x` |")
	f.Add("[a](javascript:alert(1)) <font color=\"x\" onclick=x>y</font>")
	f.Add("| a |\n| --- |\n| <b>\\| |\n```\n</code>")
	c := wecom.New(nil)
	known := regexp.MustCompile(`^</?(article|header|footer|p|br|h[1-6]|blockquote|hr|table|thead|tbody|tr|th|td|ul|ol|li|pre|code|strong|em|b|a|span)( class="datapush wecom"| start="[0-9]+"| style="[a-z-]+:[#a-zA-Z0-9]+"| rel="noopener noreferrer" href="(https?|mailto):[^"<>]*")?>$`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range []string{wecom.FormatMarkdownV2, wecom.FormatMarkdown, wecom.FormatText} {
			content, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			page, err := c.Preview(channel.Payload{Type: format, Body: fmt.Appendf(nil, `{"msgtype":%q,%q:{"content":%s}}`, format, format, content)})
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range regexp.MustCompile(`<[^>]*>?`).FindAllString(page, -1) {
				if !known.MatchString(strings.Replace(tag, "HTTP", "http", 1)) {
					t.Errorf("%q draws %s", s, tag)
				}
			}
		}
	})
}
