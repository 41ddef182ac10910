package teams_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/internal/readback"
)

// element is an element of a card as encoding/json reads it.
type element struct {
	Type    string
	Text    string
	Size    string
	Inlines []element
	Items   []element
	Cells   []element
	Rows    []element
	Columns []element
}

func (e element) plain() string {
	s := e.Text
	for _, i := range append(e.Inlines, e.Items...) {
		s += i.plain()
	}
	return s
}

func read(t *testing.T, p channel.Payload) []element {
	t.Helper()
	var v struct {
		Attachments []struct{ Content struct{ Body []element } }
	}
	if err := json.Unmarshal(p.Body, &v); err != nil {
		t.Fatalf("part %d is no JSON: %v", p.Part, err)
	}
	return v.Attachments[0].Content.Body
}

// shown are the texts of all rows of all parts.
func shown(t *testing.T, ps []channel.Payload) (rows [][]string) {
	t.Helper()
	for _, p := range ps {
		for _, e := range read(t, p) {
			for i, r := range e.Rows {
				if i == 0 {
					continue // the header
				}
				row := make([]string, len(r.Cells))
				for i, c := range r.Cells {
					row[i] = c.plain()
				}
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func within(t *testing.T, ps []channel.Payload) {
	t.Helper()
	for _, p := range ps {
		var v struct {
			Attachments []struct{ Content json.RawMessage }
		}
		if err := json.Unmarshal(p.Body, &v); err != nil {
			t.Fatalf("part %d is no JSON: %v", p.Part, err)
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		_ = e.Encode(string(v.Attachments[0].Content))
		stored := b.Len() - 1
		stored -= 5 * strings.Count(string(v.Attachments[0].Content), "\u2028") // encoding/json alone escapes it
		if len(p.Body) > 20000 || stored > 26000 || p.Size != stored {
			t.Errorf("part %d of %d: %d bytes, stored %d, size %d", p.Part, p.Parts, len(p.Body), stored, p.Size)
		}
		if !utf8.Valid(p.Body) {
			t.Errorf("part %d is no UTF-8", p.Part)
		}
	}
}

func TestEncodeSplitsBetweenRows(t *testing.T) {
	tb := grid(150, 4, func(r, c int) string { return fmt.Sprintf("row %d \"column\" %d 销售", r, c) })
	for i := range 150 {
		tb.Cells[i*4+3].Color = []channel.Color{"", channel.ColorGreen, channel.ColorRed}[i%3]
	}
	ps, err := teams.New(nil).Encode(message("Report", p(channel.Text("before")), tb, p(channel.Text("after"))), channel.Destination{})
	if err != nil {
		t.Fatal(err)
	}
	within(t, ps)
	accepted(t, ps)
	if diff := cmp.Diff(readback.Rows(tb, 150), shown(t, ps)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	n := len(ps)
	if n < 2 || n > 5 {
		t.Fatalf("%d parts", n)
	}
	for i, p := range ps {
		if got, want := read(t, p)[0].plain(), fmt.Sprintf("Report (%d/%d)", i+1, n); got != want {
			t.Errorf("title %q, want %q", got, want)
		}
	}
	if diff := cmp.Diff([]channel.Warning{{Code: channel.WarnSplit, Text: fmt.Sprintf("the message is too long for one and is sent in %d parts", n)}}, ps[0].Warnings); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEncodeShowsTopRows(t *testing.T) {
	tb := grid(10000, 8, func(r, c int) string { return fmt.Sprintf("row %d column %d", r, c) })
	for _, tt := range []struct {
		name  string
		fit   channel.Fit
		parts int
	}{{"in five parts", channel.Split, 5}, {"in one part where the destination asks for it", channel.TopRows, 1}} {
		t.Run(tt.name, func(t *testing.T) {
			ps, err := teams.New(nil).Encode(message("Report", tb, p(channel.Text("the end"))), channel.Destination{Fit: tt.fit})
			if err != nil {
				t.Fatal(err)
			}
			within(t, ps)
			rows := shown(t, ps)
			if len(ps) != tt.parts || len(rows) < 20*tt.parts {
				t.Errorf("%d parts with %d rows", len(ps), len(rows))
			}
			if diff := cmp.Diff(readback.Rows(tb, len(rows)), rows); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			left := 10000 - len(rows)
			last := read(t, ps[len(ps)-1])
			note := fmt.Sprintf("… and %d,%03d more", left/1000, left%1000)
			if n := len(last); n < 2 || last[n-2].Text != note || last[n-1].Text != "the end" {
				t.Errorf("the last part does not end with %q and the last paragraph", note)
			}
		})
	}
}

func TestEncodeCutsWhatNoPartHolds(t *testing.T) {
	long := strings.Repeat("销售 & report | ", 20000)
	tests := []struct {
		name string
		msg  *channel.Message
		to   channel.Destination
	}{
		{"a title", message(long, p(channel.Text("a"))), channel.Destination{}},
		{"a paragraph", message("t", p(channel.Text(long))), channel.Destination{}},
		{"a paragraph in one part", message("t", p(channel.Text(long))), channel.Destination{Fit: channel.TopRows}},
		{"code", message("t", &channel.Code{Text: strings.Repeat("``` select 1\n", 20000)}), channel.Destination{}},
		{"a quoted list", message("t", &channel.Quote{Blocks: blocks{&channel.List{Items: []channel.Item{{Blocks: blocks{p(channel.Text(long))}}}}}}), channel.Destination{}},
		{"a link", message("t", p(&channel.Link{URL: "https://example.com/" + long, Inlines: inlines{channel.Text(long)}})), channel.Destination{}},
		{"a cell", message("t", grid(3, 3, func(r, c int) string { return long[:c*c*len(long)/4] })), channel.Destination{}},
		{"headers", message("t", &channel.Table{Columns: []channel.Column{{Header: long}, {Header: long}}, Cells: make([]channel.Cell, 2)}), channel.Destination{}},
		{"ten thousand rows of fifty columns", message("t", grid(10000, 50, func(r, c int) string { return "销售 & report | " })), channel.Destination{}},
		{"more columns than a table has", message("t", grid(3, 80, func(r, c int) string { return "x" })), channel.Destination{}},
		{"a picture's text", message("t", &channel.Image{URL: "https://example.com/", Alt: long}), channel.Destination{}},
		{"mentions", message("t", p(channel.Text("a"))), channel.Destination{Mentions: make([]channel.Mention, 5000)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i := range tt.to.Mentions {
				tt.to.Mentions[i].Email = fmt.Sprintf("u%d@example.com", i)
			}
			ps, err := teams.New(nil).Encode(tt.msg, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			within(t, ps)
			accepted(t, ps)
			cut := false
			for _, p := range ps {
				for _, w := range p.Warnings {
					cut = cut || w.Code == channel.WarnCut
				}
			}
			if !cut {
				t.Errorf("no warning says that something was cut; %v", ps[0].Warnings)
			}
			if len(long) > 1000 && tt.name == "a paragraph in one part" && len(ps[0].Body) < 15000 {
				t.Errorf("only %d bytes are used", len(ps[0].Body))
			}
		})
	}
}

// TestEncodeFitsAnything covers tables of up to 10,000 × 50 among any text.
func TestEncodeFitsAnything(t *testing.T) {
	alphabet := []string{"a", " ", "<", "|", "\"", "\\", "\n", "销", "🎉", "\u202e", "&", "-", "1.", "`", "\x00", "\xff", "e\u0301", "](", ":DONE:"}
	c := teams.New(nil)
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 7))
		text := func(n int) string {
			var b strings.Builder
			for range r.IntN(n + 1) {
				b.WriteString(alphabet[r.IntN(len(alphabet))])
			}
			return b.String()
		}
		msg := message(text(200), p(channel.Text("x")))
		for range r.IntN(6) {
			switch r.IntN(4) {
			case 0:
				rows, cols, size := 1+r.IntN(10000), 1+r.IntN(50), 1<<r.IntN(8)
				rows = min(rows, 30000/cols)
				tb := grid(rows, cols, func(int, int) string { return text(size) })
				for i := range tb.Cells {
					if r.IntN(5) == 0 {
						tb.Cells[i].Color = channel.ColorGreen
					}
				}
				msg.Sections[0].Blocks = append(msg.Sections[0].Blocks, tb)
			case 1:
				msg.Sections[0].Blocks = append(msg.Sections[0].Blocks, p(channel.Text(text(20000))))
			case 2:
				msg.Sections[0].Blocks = append(msg.Sections[0].Blocks, &channel.Code{Text: text(5000)})
			case 3:
				msg.Sections[0].Blocks = append(msg.Sections[0].Blocks, &channel.Heading{Level: 2, Inlines: inlines{channel.Text(text(100))}}, p(&channel.Strong{Inlines: inlines{channel.Text(text(3000))}}))
			}
		}
		ps, err := c.Encode(msg, channel.Destination{Fit: []channel.Fit{channel.Split, channel.TopRows}[r.IntN(2)]})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		within(t, ps)
		f := channeltest.NewTeams(&channeltest.TeamsOptions{PerSecond: 100})
		ch := teams.New(&teams.Options{Allow: channel.AllowLoopback()})
		for _, p := range ps {
			if _, err := ch.Send(t.Context(), channel.Webhook("a", channel.Teams, f.URL("flow")), p); err != nil {
				t.Errorf("part %d: %v", p.Part, err)
			}
		}
		for _, r := range f.Results() {
			if r.Failed != "" {
				t.Error(r.Failed)
			}
		}
		for _, m := range f.Messages() {
			if len(m.Mentions) > 0 {
				t.Errorf("mentions %q", m.Mentions)
			}
		}
		f.Close()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestEncodeTakesAnyDepth(t *testing.T) {
	var in channel.Inline = channel.Text("deep inside")
	for range 20000 {
		in = &channel.Emphasis{Inlines: inlines{in}}
	}
	b := p(in)
	for range 20000 {
		b = &channel.Quote{Blocks: blocks{b}}
	}
	ps, err := teams.New(nil).Encode(message("t", b), channel.Destination{})
	if err != nil {
		t.Fatal(err)
	}
	within(t, ps)
	if !strings.Contains(string(ps[0].Body), "deep inside") {
		t.Errorf("the text is not shown: %s", ps[0].Body)
	}
}

func TestEncodeBoundsWarnings(t *testing.T) {
	var in inlines
	for i := range 5000 {
		in = append(in, &channel.Mention{Phone: fmt.Sprint("1380000", i)})
	}
	ps, err := teams.New(nil).Encode(message("t", p(in...)), channel.Destination{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		if n := len(p.Warnings); n > 60 {
			t.Errorf("part %d has %d warnings", p.Part, n)
		}
	}
	within(t, ps)
}

func FuzzEncode(f *testing.F) {
	f.Add("title", "a **b** <at id=all></at>", "cell\n1", true)
	f.Add("", "```\n- x\n\n    y", "|", false)
	c := teams.New(nil)
	f.Fuzz(func(t *testing.T, title, text, cell string, phone bool) {
		to := channel.Destination{Options: map[string]string{}}
		if phone {
			to.Options["tables"] = "columns"
		}
		msg := message(title, p(channel.Text("x")), p(channel.Text(text), &channel.Strong{Inlines: inlines{channel.Text(cell), channel.CodeSpan(text)}}, &channel.Mention{Email: "a@example.com", Name: cell}),
			&channel.Quote{Blocks: blocks{&channel.Code{Text: text, Language: cell}}},
			&channel.Table{Columns: []channel.Column{{Header: title}, {}}, Cells: []channel.Cell{{Text: cell}, {Text: text, Color: channel.ColorRed}}})
		ps, err := c.Encode(msg, to)
		if err != nil {
			t.Fatal(err)
		}
		within(t, ps)
		for _, p := range ps {
			if !json.Valid(p.Body) {
				t.Fatalf("part %d is no JSON: %q", p.Part, p.Body)
			}
			h, err := c.Preview(p)
			if err != nil || strings.Contains(h, "<script") || strings.Contains(h, "<img") {
				t.Errorf("preview %q, %v", h, err)
			}
		}
	})
}

// BenchmarkEncode writes 10,000 × 8 cells; benchmarks beside a hand-written
// lower bound are in internal/bench.
func BenchmarkEncode(b *testing.B) {
	tb := grid(10000, 8, func(r, c int) string { return fmt.Sprintf("row %d column %d", r, c) })
	msg := message("Report", tb)
	c := teams.New(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Encode(msg, channel.Destination{}); err != nil {
			b.Fatal(err)
		}
	}
}
