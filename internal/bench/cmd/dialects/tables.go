package main

import (
	"bytes"
	"fmt"
	"log"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/channel/wecom"
	"github.com/datapush-go/datapush/internal/bench/ratio"
)

const (
	tableRows    = 10_000
	tableColumns = 8
)

// wide is a table as reports have them: names, words and numbers.
func wide() *channel.Table {
	t := &channel.Table{Columns: make([]channel.Column, tableColumns)}
	for i := range t.Columns {
		t.Columns[i].Header = fmt.Sprint("column ", i)
	}
	for i := range tableRows {
		for j := range tableColumns {
			c := channel.Cell{Text: fmt.Sprintf("value %d of %d", i, j)}
			if j > 3 {
				c = channel.Cell{Text: fmt.Sprintf("%d.%02d", i*j, j), Type: channel.TypeNumber}
			}
			c.Raw = c.Text
			t.Cells = append(t.Cells, c)
		}
	}
	return t
}

// special are the bytes that some dialect or JSON escapes.
var special = func() (t [256]bool) {
	for _, c := range []byte("\\`*_[]~<&|#\"\n") {
		t[c] = true
	}
	return
}()

// value is what a writer by hand must do at least with a value: look at each
// byte once, because any of them may need an escape, then copy. The values of the
// table need none, as most do.
func value(dst []byte, s string) []byte {
	for i := range len(s) {
		if special[s[i]] {
			log.Fatal("the table's values need no escape")
		}
	}
	return append(dst, s...)
}

// byHand is the rival: it appends the same bytes from the same cells to parts of
// the same capacity. It is told which rows stand in which part and what stands
// around them, so it measures nothing, plans nothing, knows no colour, mark,
// prefix or limit, and serves this one table. What it does, nobody can leave out.
type byHand struct {
	channel channel.Channel
	options map[string]string
	// between separates two rows.
	between string
	before  func(t *channel.Table, column int) string
	end     string
}

func (h *byHand) row(dst []byte, opens []string, cells []channel.Cell) []byte {
	for j := range cells {
		dst = append(dst, opens[j]...)
		dst = value(dst, cells[j].Text)
	}
	return append(dst, h.end...)
}

// line writes rows as the dialects without tables do.
func line(first, end, between string) func(t *channel.Table, column int) string {
	return func(t *channel.Table, j int) string {
		if j == 0 {
			return first + t.Columns[j].Header + end + " "
		}
		return between + t.Columns[j].Header + " "
	}
}

// either is one of two openings.
func either(first, others string) func(*channel.Table, int) string {
	return func(_ *channel.Table, j int) string {
		if j == 0 {
			return first
		}
		return others
	}
}

func tables() (rows []ratio.Row, ok bool) {
	t := wide()
	msg := &channel.Message{Title: "Wide", Sections: []channel.Section{{Blocks: []channel.Block{t}}}}
	const teamsText = `"items":[{"type":"TextBlock","text":"`
	hands := []struct {
		name string
		byHand
	}{
		{"DingTalk, lists", byHand{dingtalk.New(nil), nil, `\n`, line("- **", "**", " · "), ""}},
		{"DingTalk, tables", byHand{dingtalk.New(nil), map[string]string{dingtalk.OptionTables: dingtalk.TablesRaw}, `\n`, either("| ", " | "), " |"}},
		{"Lark 2.0", byHand{lark.New(nil), nil, ",", func(_ *channel.Table, j int) string {
			return either("{", `",`)(nil, j) + fmt.Sprintf(`"c%d":"`, j)
		}, `"}`}},
		{"Lark 1.0", byHand{lark.New(nil), map[string]string{lark.OptionCard: "1.0"}, ",", func(_ *channel.Table, j int) string {
			return either("{", `",`)(nil, j) + fmt.Sprintf(`"c%d":"`, j)
		}, `"}`}},
		{"WeCom markdown_v2", byHand{wecom.New(nil), nil, `\n`, either("| ", " | "), " |"}},
		{"WeCom markdown", byHand{wecom.New(nil), map[string]string{wecom.OptionFormat: wecom.FormatMarkdown}, `\n`, line("• **", "**", " · "), ""}},
		{"Teams", byHand{teams.New(nil), nil, ",",
			either(`{"type":"TableRow","cells":[{"type":"TableCell",`+teamsText, `","wrap":true}]},{"type":"TableCell",`+teamsText), `","wrap":true}]}]}`}},
	}
	ok = true
	for _, h := range hands {
		to := channel.Destination{Options: h.options}
		encode := func() []channel.Payload {
			ps, err := h.channel.Encode(msg, to)
			check(err)
			return ps
		}
		ps := encode()
		opens := make([]string, tableColumns)
		for j := range opens {
			opens[j] = h.before(t, j)
		}
		// What stands around the rows of a part is ours, the rows are the rival's.
		type part struct {
			head, tail []byte
			from, to   int
		}
		var parts []part
		shown := 0
		for _, p := range ps {
			first := h.row(nil, opens, t.Row(shown))
			at := bytes.Index(p.Body, first)
			if at < 0 {
				log.Fatalf("%s: row %d is not written as %s", h.name, shown, first)
			}
			x := part{head: bytes.Clone(p.Body[:at]), from: shown}
			rest := p.Body[at+len(first):]
			for shown++; ; shown++ {
				next := h.row([]byte(h.between), opens, t.Row(shown))
				if !bytes.HasPrefix(rest, next) {
					break
				}
				rest = rest[len(next):]
			}
			x.to, x.tail = shown, bytes.Clone(rest)
			parts = append(parts, x)
		}
		bodies := make([][]byte, len(parts))
		hand := func() {
			for i, x := range parts {
				b := make([]byte, 0, len(ps[i].Body))
				b = append(b, x.head...)
				for r := x.from; r < x.to; r++ {
					if r > x.from {
						b = append(b, h.between...)
					}
					b = h.row(b, opens, t.Row(r))
				}
				bodies[i] = append(b, x.tail...)
			}
		}
		hand()
		for i := range ps {
			same(h.name, string(ps[i].Body), string(bodies[i]))
		}
		r := ratio.Compare(fmt.Sprintf("table to %s, %d rows in %d parts", h.name, shown, len(ps)), 41, 200, func() { encode() }, hand)
		r.Most = 1.5
		if per := r.Ours.Allocs / float64(shown); per > 2 {
			log.Printf("%s: %.2f allocations per row, at most 2", h.name, per)
			ok = false
		}
		rows = append(rows, r)
	}
	return rows, ok
}
