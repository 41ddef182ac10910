package wecom_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/wecom"
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
				dst = append(dst, "| "...)
			} else {
				dst = append(dst, " | "...)
			}
			for k := range len(c.Text) {
				if special[c.Text[k]] {
					panic("the benchmark's values need no escape")
				}
			}
			dst = append(dst, c.Text...)
		}
		dst = append(dst, " |"...)
	}
	return dst
}

func BenchmarkEncode(b *testing.B) {
	msg := wide(10_000)
	table := msg.Sections[0].Blocks[0].(*channel.Table)
	c := wecom.New(nil)
	ps, err := c.Encode(msg, channel.Destination{})
	if err != nil {
		b.Fatal(err)
	}
	var ranges [][2]int
	row := 0
	for _, p := range ps {
		n := bytes.Count(p.Body, []byte(`\n| value `))
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
