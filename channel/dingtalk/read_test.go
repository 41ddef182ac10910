package dingtalk_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/internal/readback"
)

// written reads back what the channel wrote.
var written = readback.Markdown{Channel: dingtalk.New(nil), Text: func(t *testing.T, p channel.Payload) string { return decode(t, p).Markdown.Text }}

func TestRowsComeBackFromAllParts(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		n := 1 + r.IntN(6)
		table := &channel.Table{Columns: make([]channel.Column, n)}
		for i := range n {
			table.Columns[i] = channel.Column{Header: readback.Text(r, 3) + "h", Prefix: readback.Text(r, 1), Suffix: readback.Text(r, 1)}
		}
		rows := r.IntN(400)
		for range rows * n {
			c := channel.Cell{Text: readback.Text(r, 8)}
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
							want = append(want, readback.Shown(value))
							continue
						}
						if j == 0 {
							want = append(want, "")
						} else {
							want[len(want)-1] += " · "
						}
						want[len(want)-1] = readback.Shown(want[len(want)-1] + " " + key + " " + value)
					}
				}
				for _, p := range ps {
					if len(p.Body) > 20_000 {
						t.Errorf("%d bytes", len(p.Body))
					}
					page := readback.Page(t, decode(t, p).Markdown.Text)
					if mode == dingtalk.TablesRaw {
						got = append(got, readback.Elements(page, "td")...)
					} else if rows > 0 {
						got = append(got, readback.Elements(page, "li")...)
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
