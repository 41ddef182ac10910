package dingtalk_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/dingtalk"
)

var special = func() (t [256]bool) {
	for _, c := range []byte("\\`*_[]~<&|#\"\n") {
		t[c] = true
	}
	return
}()

func wide(rows int) *channel.Message {
	t := &channel.Table{Columns: make([]channel.Column, 8)}
	for i := range t.Columns {
		t.Columns[i].Header = fmt.Sprint("column ", i)
	}
	for i := range rows {
		for j := range 8 {
			c := channel.Cell{Text: fmt.Sprintf("value %d-%d", i, j)}
			if j > 3 {
				c = channel.Cell{Text: fmt.Sprintf("%d.%02d", i*j, j), Type: channel.TypeNumber}
			}
			t.Cells = append(t.Cells, c)
		}
	}
	return &channel.Message{Title: "Wide", Sections: []channel.Section{{Blocks: []channel.Block{t}}}}
}

// appendByHand writes the same text as Encode's with what a loop needs at least:
// it looks at each byte of a value once.
func appendByHand(dst []byte, t *channel.Table, from, to int) []byte {
	for i := from; i < to; i++ {
		if i > from {
			dst = append(dst, `\n`...)
		}
		for j, c := range t.Row(i) {
			if j == 0 {
				dst = append(dst, "- **"...)
				dst = append(dst, t.Columns[j].Header...)
				dst = append(dst, "** "...)
			} else {
				dst = append(dst, " · "...)
				dst = append(dst, t.Columns[j].Header...)
				dst = append(dst, ' ')
			}
			for k := range len(c.Text) {
				if special[c.Text[k]] {
					panic("the benchmark's values need no escape")
				}
			}
			dst = append(dst, c.Text...)
		}
	}
	return dst
}

func BenchmarkEncode(b *testing.B) {
	msg := wide(10_000)
	table := msg.Sections[0].Blocks[0].(*channel.Table)
	c := dingtalk.New(nil)
	ps, err := c.Encode(msg, channel.Destination{})
	if err != nil {
		b.Fatal(err)
	}
	var ranges [][2]int
	row := 0
	for _, p := range ps {
		n := bytes.Count(p.Body, []byte("- **column 0** "))
		if hand := appendByHand(nil, table, row, row+n); !bytes.Contains(p.Body, hand) {
			b.Fatal("the bytes differ")
		}
		ranges = append(ranges, [2]int{row, row + n})
		row += n
	}
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i, r := range ranges {
				_ = appendByHand(make([]byte, 0, len(ps[i].Body)), table, r[0], r[1])
			}
		}
	})
	b.Run("Encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Encode(msg, channel.Destination{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Logf("%d rows in %d parts", row, len(ps))
}

func BenchmarkSend(b *testing.B) {
	f := channeltest.NewDingTalk(nil)
	defer f.Close()
	f.InjectAlways(channeltest.Answer(http.StatusOK, `{"errcode":0,"errmsg":"ok"}`))
	c := dingtalk.New(&dingtalk.Options{Allow: channel.AllowLoopback()})
	to := signed("x", f.URL("t"))
	ps, err := c.Encode(wide(40), to)
	if err != nil {
		b.Fatal(err)
	}
	bare := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	for _, flight := range []int{1, 16, 64} {
		run := func(name string, send func() error) {
			b.Run(fmt.Sprintf("%s, %d in flight", name, flight), func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(max(flight/2, 1))
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := send(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
		run("bare", func() error {
			resp, err := bare.Post(f.URL("t"), "application/json", bytes.NewReader(ps[0].Body))
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.ReadAll(resp.Body)
			return err
		})
		run("Send", func() error {
			_, err := c.Send(context.Background(), to, ps[0])
			return err
		})
	}
}
