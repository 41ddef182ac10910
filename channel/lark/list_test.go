package lark_test

import (
	"fmt"
	"html"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/internal/readback"
)

// several are tables of given lengths, each value of its own.
func several(columns int, rows ...int) (bs blocks, want []string) {
	for i, n := range rows {
		tb := readback.Grid(n, columns, func(r, c int) string { return fmt.Sprintf("t%d r%d c%d", i, r, c) })
		bs = append(bs, tb)
		for r := range n {
			var row []string
			for c := range columns {
				row = append(row, fmt.Sprintf("t%d r%d c%d", i, r, c))
			}
			want = append(want, strings.Join(row, " | "))
		}
	}
	return bs, want
}

// everyRow reads the rows of components and lists in the order in which a reader
// meets them, and counts the components of each card.
func everyRow(t *testing.T, ps []channel.Payload, columns int) (rows []string, components []int) {
	t.Helper()
	for _, p := range ps {
		n := 0
		for _, e := range read(t, p).Card.Body.Elements {
			switch {
			case e.Tag == "table":
				n++
				for _, r := range e.Rows {
					var row []string
					for c := range columns {
						row = append(row, r[fmt.Sprintf("c%d", c)])
					}
					rows = append(rows, strings.Join(row, " | "))
				}
			case strings.HasPrefix(e.Content, "- "):
				for line := range strings.SplitSeq(e.Content, "\n") {
					var row []string
					for _, s := range strings.Split(strings.TrimPrefix(line, "- "), " · ") {
						_, value, _ := strings.Cut(s, " t") // after the column's name
						row = append(row, "t"+html.UnescapeString(value))
					}
					rows = append(rows, strings.Join(row, " | "))
				}
			}
		}
		components = append(components, n)
	}
	return rows, components
}

func repeated(n, times int) []int { return slices.Repeat([]int{n}, times) }

func TestTablesBeyondTheCapAreLists(t *testing.T) {
	const one, five = ", because a Lark card holds only 3", ", because a Lark card holds only 3 and a message is at most 5 cards"
	for _, tt := range []struct {
		name       string
		rows       []int
		fit        channel.Fit
		components []int  // of each card
		degraded   string // the warning
	}{
		{"three in one card", []int{50, 50, 50}, channel.TopRows, []int{3}, ""},
		{"four in one card", []int{50, 50, 50, 2}, channel.TopRows, []int{3}, "1 of 4 tables is shown as a list" + one},
		{"the shortest gives way", []int{2, 50, 50, 50}, channel.TopRows, []int{3}, "1 of 4 tables is shown as a list" + one},
		{"eighteen in one card", repeated(2, 18), channel.TopRows, []int{3}, "15 of 18 tables are shown as lists" + one},
		{"fifteen in five cards", repeated(2, 15), channel.Split, repeated(3, 5), ""},
		{"eighteen in five cards", repeated(2, 18), channel.Split, repeated(3, 5), "3 of 18 tables are shown as lists" + five},
		{"sixty in five cards", repeated(1, 60), channel.Split, repeated(3, 5), "45 of 60 tables are shown as lists" + five},
		// The long one takes four cards, which leaves room for two tables and three.
		{"fifteen with a long one", append([]int{1700}, repeated(2, 14)...), channel.Split, []int{1, 1, 1, 3, 3}, "9 of 15 tables are shown as lists" + five},
		// The lists take more than two cards, so there are three for tables.
		{"lists longer than a card", repeated(20, 60), channel.Split, []int{3, 3, 3, 0, 0}, "51 of 60 tables are shown as lists" + five},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bs, want := several(2, tt.rows...)
			ps, err := lark.New(nil).Encode(message("Report", bs...), channel.Destination{Fit: tt.fit})
			if err != nil {
				t.Fatal(err)
			}
			within(t, ps)
			accepted(t, ps)
			rows, components := everyRow(t, ps, 2)
			if diff := cmp.Diff(want, rows); diff != "" {
				t.Errorf("rows (-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(tt.components, components); tt.components != nil && diff != "" {
				t.Errorf("components of each card (-want +got)\n%s", diff)
			}
			var warnings []channel.Warning
			if tt.degraded != "" {
				warnings = append(warnings, channel.Warning{Code: channel.WarnDegraded, Text: tt.degraded})
			}
			if n := len(ps); n > 1 {
				warnings = append(warnings, channel.Warning{Code: channel.WarnSplit, Text: fmt.Sprintf("the message is too long for one and is sent in %d parts", n)})
			}
			if diff := cmp.Diff(warnings, ps[0].Warnings); diff != "" {
				t.Errorf("warnings (-want +got)\n%s", diff)
			}
		})
	}
}

// TestListsShowTopRows has tables that do not fit in any form.
func TestListsShowTopRows(t *testing.T) {
	bs, _ := several(4, 400, 300, 300, 300)
	ps, err := lark.New(nil).Encode(message("Report", append(bs, p(channel.Text("the end")))...), channel.Destination{Fit: channel.TopRows})
	if err != nil {
		t.Fatal(err)
	}
	within(t, ps)
	accepted(t, ps)
	if ps[0].Size < 17000 {
		t.Errorf("only %d bytes are used", ps[0].Size)
	}
	rows, _ := everyRow(t, ps, 4)
	n := len(rows) / 4
	elements := read(t, ps[0]).Card.Body.Elements
	if got, want := len(elements), 9; got != want {
		t.Fatalf("%d elements, want four tables, each with a note, and the end", got)
	}
	for i, e := range elements[:8] {
		if want := fmt.Sprintf("… and %d more", []int{400, 300, 300, 300}[i/2]-n); i%2 == 1 && e.Content != want {
			t.Errorf("note %q, want %q", e.Content, want)
		}
	}
	if want := fmt.Sprintf("table 4: %d of 300 rows are shown, the others do not fit", n); !slices.ContainsFunc(ps[0].Warnings, func(w channel.Warning) bool { return w.Text == want }) {
		t.Errorf("no warning says %q: %v", want, ps[0].Warnings)
	}
}

// TestTablesLoseNoRowThatFits has any number of tables that fit as lists.
func TestTablesLoseNoRowThatFits(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 11))
		to := channel.Destination{Fit: []channel.Fit{channel.Split, channel.TopRows}[r.IntN(2)]}
		columns := 1 + r.IntN(3)
		left := map[channel.Fit]int{channel.Split: 60_000, channel.TopRows: 13_000}[to.Fit] / (40 * columns) // rows, of which a table's frame is four
		var lengths []int
		for left > 4 {
			n := r.IntN(min(left-3, []int{3, 20, 2000}[r.IntN(3)]))
			lengths = append(lengths, n)
			left -= n + 4
		}
		if len(lengths) > 30 {
			lengths = lengths[:30]
		}
		bs, want := several(columns, lengths...)
		if r.IntN(2) == 0 {
			for i := range bs {
				bs[i] = &channel.Quote{Blocks: blocks{p(channel.Text("see")), bs[i]}}
			}
		}
		ps, err := lark.New(nil).Encode(message("Report", bs...), to)
		if err != nil {
			t.Fatal(err)
		}
		within(t, ps)
		accepted(t, ps)
		rows, _ := everyRow(t, ps, columns)
		rows = slices.DeleteFunc(rows, func(s string) bool { return !strings.Contains(s, " r") }) // names of a table without rows
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Fatalf("seed %d: %v rows in %d columns (-want +got)\n%s", seed, lengths, columns, diff)
		}
	}
}

func TestListsOfWideAndLongTablesFit(t *testing.T) {
	long := strings.Repeat("销售 & \"report\" | ", 2000)
	for _, card := range []string{"2.0", "1.0"} {
		wide := grid(3, 50, func(r, c int) string { return long })
		for i := range wide.Columns {
			wide.Columns[i].Header = long
			wide.Cells[i].Color = channel.ColorRed
		}
		first := grid(5, 1, func(r, c int) string { return "x" })
		ps, err := lark.New(&lark.Options{Tables: 1}).Encode(message("t", first, wide), channel.Destination{Fit: channel.TopRows, Options: map[string]string{lark.OptionCard: card}})
		if err != nil {
			t.Fatal(err)
		}
		within(t, ps)
		accepted(t, ps)
		var got []string
		for _, w := range ps[0].Warnings {
			got = append(got, w.Text)
		}
		for _, want := range []string{"1 of 2 tables is shown as a list, because a Lark card holds only 1", "table 2: long column names were cut",
			"table 2: a row is longer than a card holds, its longest cells were cut"} {
			if !slices.Contains(got, want) {
				t.Errorf("card %s: no warning says %q: %q", card, want, got)
			}
		}
	}
}

func TestListsShowValuesAsTheirCharacters(t *testing.T) {
	for seed := range uint64(2000) {
		judgeList(t, random(rand.New(rand.NewPCG(seed, 5)), 30))
	}
	judgeList(t, hostile)
}

// judgeList reads a value back from lists, as a value and as a column's name.
func judgeList(t *testing.T, s string) {
	t.Helper()
	want := words(visible(s))
	if want == "" {
		return
	}
	one := &channel.Table{Columns: []channel.Column{{Header: "x"}}, Cells: make([]channel.Cell, 5)}
	for _, tt := range []struct {
		what, header string
		cells        []channel.Cell
		shown        string
		kinds        []string
	}{
		{"a value", "x", []channel.Cell{{Text: s}}, "x " + want, []string{"List", "ListItem", "TextBlock", "Emphasis"}},
		{"a value without a name", "", []channel.Cell{{Text: s}}, want, []string{"List", "ListItem", "TextBlock"}},
		{"a name", s, []channel.Cell{{Text: "x"}}, want + " x", []string{"List", "ListItem", "TextBlock", "Emphasis"}},
		{"a name without values", s, nil, want, []string{"List", "ListItem", "TextBlock", "Emphasis"}},
	} {
		tb := &channel.Table{Columns: []channel.Column{{Header: tt.header}}, Cells: tt.cells}
		ps, err := lark.New(&lark.Options{Tables: 1}).Encode(message("t", one, tb), channel.Destination{Fit: channel.TopRows})
		if err != nil {
			t.Fatal(err)
		}
		content := read(t, ps[0]).Card.Body.Elements[1].Content
		got, kinds := markup(content)
		if diff := cmp.Diff(tt.shown, words(got)); diff != "" {
			t.Errorf("%s %q is written as %q (-want +got)\n%s", tt.what, s, content, diff)
		}
		if diff := cmp.Diff(tt.kinds, kinds); diff != "" {
			t.Errorf("%s %q is written as %q: nodes (-want +got)\n%s", tt.what, s, content, diff)
		}
		if strings.Contains(content, ":DONE:") || strings.Contains(strings.ToLower(content), "<at") {
			t.Errorf("%s %q shows an emoji or calls people", tt.what, s)
		}
	}
}
