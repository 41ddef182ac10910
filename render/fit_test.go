package render_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
)

func TestALongTableLosesNothingThatFollowsIt(t *testing.T) {
	const rows = 10_000
	first, second := strings.Repeat("first ", 12)+"table", strings.Repeat("second ", 12)+"table"
	long := func(name string) *channel.Table {
		table := &channel.Table{Columns: []channel.Column{{Header: "name"}, {Header: "n"}}}
		for i := range rows {
			table.Cells = append(table.Cells, channel.Cell{Text: name}, channel.Cell{Text: fmt.Sprint(i)})
		}
		return table
	}
	end := &channel.Paragraph{Inlines: []channel.Inline{channel.Text("That is all")}}
	msg := &channel.Message{Title: "Long", Sections: []channel.Section{{Blocks: []channel.Block{long(first), long(second), end}}}}
	for _, f := range chats {
		t.Run(f.name, func(t *testing.T) {
			got, ps := f.look(t, msg)
			shown := map[string]int{}
			for _, row := range f.cells(got, "name", "n") {
				if diff := cmp.Diff(fmt.Sprint(shown[row[0]]), row[1]); diff != "" {
					t.Fatalf("table %s is not shown in order (-want +got):\n%s", row[0], diff)
				}
				shown[row[0]]++
			}
			if len(ps) != 5 || shown[first] != shown[second] || shown[first] <= 10 {
				t.Errorf("%d parts show %v rows, want 5 parts with as many rows of each table", len(ps), shown)
			}
			if !bytes.Contains(ps[len(ps)-1].Body, []byte("That is all")) {
				t.Error("the text after the tables is lost")
			}
			var cut []string
			for _, p := range ps {
				for _, w := range p.Warnings {
					if w.Code == channel.WarnCut {
						cut = append(cut, w.Text)
					}
				}
			}
			var want []string
			for i := range 2 {
				want = append(want, fmt.Sprintf("table %d: %d of 10,000 rows are shown, the others do not fit", i+1, shown[first]))
			}
			if diff := cmp.Diff(want, cut); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}
