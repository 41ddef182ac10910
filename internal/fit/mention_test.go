package fit_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
)

// everywhere holds a mention, by number, in each place where one can stand.
func everywhere() []channel.Section {
	n := 0
	m := func() channel.Inline { n++; return &channel.Mention{ID: fmt.Sprint(n)} }
	in := func(i ...channel.Inline) []channel.Inline { return i }
	return []channel.Section{
		{Blocks: []channel.Block{
			&channel.Heading{Level: 1, Inlines: in(m())},
			&channel.Paragraph{Inlines: in(channel.Text("a"), m(), &channel.Break{}, &channel.Strong{Inlines: in(&channel.Emphasis{Inlines: in(m())})})},
			&channel.Table{Columns: []channel.Column{{}}, Cells: []channel.Cell{{Text: "<at id=9>"}}},
		}},
		{Blocks: []channel.Block{
			&channel.Quote{Blocks: []channel.Block{&channel.Paragraph{Inlines: in(&channel.Strike{Inlines: in(m())})}}},
			&channel.List{Items: []channel.Item{{Blocks: []channel.Block{&channel.Paragraph{Inlines: in(&channel.Link{Inlines: in(m())})}}}}},
		}},
	}
}

func TestMentions(t *testing.T) {
	want := []channel.Mention{{ID: "1"}, {ID: "2"}, {ID: "3"}, {ID: "4"}, {ID: "5"}}
	if diff := cmp.Diff(want, fit.Mentions(everywhere())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestUncalled(t *testing.T) {
	const why = " not mentioned: the message is too long, and the text that mentions them is not sent"
	for _, tt := range []struct {
		called string // their ids
		want   string
	}{
		{"12345", ""},
		{"1345", "@2 is" + why},
		{"145", "@2 and @3 are" + why},
		{"14", "@2, @3 and @5 are" + why},
		{"4", "@1, @2, @3 and 1 more are" + why},
	} {
		called := map[string]bool{}
		for _, c := range tt.called {
			called[string(c)] = true
		}
		var want []channel.Warning
		if tt.want != "" {
			want = []channel.Warning{{Code: channel.WarnCut, Text: tt.want}}
		}
		got := fit.Uncalled(everywhere(), func(m channel.Mention) bool { return called[m.ID] })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("called %s (-want +got)\n%s", tt.called, diff)
		}
	}
}
