package channel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
)

func TestTableRow(t *testing.T) {
	table := &channel.Table{
		Columns: []channel.Column{{Header: "a"}, {Header: "b"}},
		Cells:   []channel.Cell{{Text: "1"}, {Text: "2"}, {Text: "3"}, {Text: "4"}},
	}
	if got := table.Rows(); got != 2 {
		t.Errorf("%d rows, want 2", got)
	}
	for i, want := range [][]channel.Cell{{{Text: "1"}, {Text: "2"}}, {{Text: "3"}, {Text: "4"}}} {
		if diff := cmp.Diff(want, table.Row(i)); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
	}
	_ = append(table.Row(0), channel.Cell{Text: "x"})
	if got := table.Cells[2].Text; got != "3" {
		t.Errorf("appending to a row wrote %q into the next", got)
	}
	for _, empty := range []*channel.Table{{}, {Columns: []channel.Column{{}}}, {Cells: []channel.Cell{{}}}} {
		if got := empty.Rows(); got != 0 {
			t.Errorf("%+v has %d rows, want none", empty, got)
		}
	}
}

func TestColumnShow(t *testing.T) {
	money := channel.Column{Prefix: "¥", Suffix: " k"}
	for _, c := range []struct {
		name   string
		column channel.Column
		cell   channel.Cell
		want   string
	}{
		{"a plain text", channel.Column{}, channel.Cell{Text: "7"}, "7"},
		{"with everything", money, channel.Cell{Text: "7", Mark: "↑"}, "¥7 k↑"},
		{"without a mark", money, channel.Cell{Text: "7"}, "¥7 k"},
		{"a mark alone", channel.Column{}, channel.Cell{Text: "7", Mark: "↑"}, "7↑"},
		{"an empty text shows nothing", money, channel.Cell{}, ""},
		{"an empty text with a mark shows the mark", money, channel.Cell{Mark: "!"}, "!"},
		{"what stands for a null has neither prefix nor suffix", money, channel.Cell{Text: "-", Type: channel.TypeNull}, "-"},
		{"what stands for a null keeps its mark", money, channel.Cell{Text: "-", Type: channel.TypeNull, Mark: "!"}, "-!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.column.Show(c.cell); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestMentionLabel(t *testing.T) {
	for _, c := range []struct {
		mention channel.Mention
		want    string
	}{
		{channel.Mention{All: true, Name: "Ann"}, "@all"},
		{channel.Mention{Name: "Ann", ID: "u1", Email: "a@b.example", Phone: "1"}, "@Ann"},
		{channel.Mention{ID: "u1", Email: "a@b.example", Phone: "1"}, "@u1"},
		{channel.Mention{Email: "a@b.example", Phone: "1"}, "@a@b.example"},
		{channel.Mention{Phone: "1"}, "@1"},
		{channel.Mention{}, "@"},
	} {
		if got := c.mention.Label(); got != c.want {
			t.Errorf("%+v reads %q, want %q", c.mention, got, c.want)
		}
	}
}
