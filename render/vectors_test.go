package render_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
)

// rows1 and rows2 are the sample results of the specification.
func rows1() *source.Result {
	return result([]string{"id", "department", "revenue"},
		[]any{int64(1), "Department 1", 11000.00},
		[]any{int64(2), "Department 2", 20000.00},
		[]any{int64(3), "Department 3", 10000.00},
	)
}

func rows2() *source.Result {
	return result([]string{"diff"}, []any{int64(-1000)}, []any{int64(-1000)}, []any{int64(5000)})
}

func result(names []string, rows ...[]any) *source.Result {
	r := &source.Result{Rows: rows}
	for _, n := range names {
		r.Columns = append(r.Columns, source.Column{Name: n})
	}
	return r
}

func data(inputs map[string]string, results ...*source.Result) render.Data {
	return render.Data{ID: "push-1", At: at, Inputs: inputs, Results: results}
}

var at = time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)

func mustRender(t testing.TB, c render.Content, d render.Data) *channel.Message {
	t.Helper()
	msg, err := render.Default(nil).Render(context.Background(), c, d)
	if err != nil {
		t.Fatalf("Render: %v", err)
	}
	return msg
}

func TestMarkdownReplacesReferences(t *testing.T) {
	inputs := map[string]string{"creator": "admin", "subscriber": "user", "date": "20240102"}
	null := result([]string{"t"}, []any{nil})
	none := result([]string{"department"})
	hostile := result([]string{"v"}, []any{"${creator}"})
	tests := []struct {
		id, body string
		rows     render.Rows
		results  []*source.Result
		want     string
	}{
		{id: "R1", body: "by ${creator} for ${subscriber}", want: "by admin for user"},
		{id: "R2", body: "Sales of ${date}", want: "Sales of 20240102"},
		{id: "R3", body: "${department}: ${revenue}", results: []*source.Result{rows1()}, want: "Department 1: 11000"},
		{id: "R4", body: "${department}: ${revenue}", rows: render.Join, results: []*source.Result{rows1()},
			want: "Department 1, Department 2, Department 3: 11000, 20000, 10000"},
		{id: "R5", body: "total ${t}", results: []*source.Result{null}, want: "total "},
		{id: "R6", body: "${department}", results: []*source.Result{none}, want: ""},
		{id: "R8", body: "$5 and ${creator}", want: "$5 and admin"},
		{id: "R10", body: "${diff}", results: []*source.Result{rows1(), rows2()}, want: "-1000"},
		{id: "R12", body: "${v}", results: []*source.Result{hostile}, want: "${creator}"},
		{id: "U1", body: "${inputs[0][0]}", results: []*source.Result{rows1()}, want: "1"},
		{id: "U2", body: "${inputs[1][1]}", results: []*source.Result{rows1()}, want: "Department 2"},
		{id: "U4", body: "${inputs2[0][0]}", results: []*source.Result{rows1(), rows2()}, want: "-1000"},
		{id: "a row by its index", body: "${department[2]}", results: []*source.Result{rows1()}, want: "Department 3"},
		{id: "a name in another case", body: "${Department}", results: []*source.Result{rows1()}, want: "Department 1"},
		{id: "a name with inner spaces", body: "${order no}", results: []*source.Result{result([]string{"order no"}, []any{int64(7)})}, want: "7"},
		{id: "a Chinese name", body: "${部门}", results: []*source.Result{result([]string{"部门"}, []any{"销售"})}, want: "销售"},
		{id: "an output wins over an input", body: "${date}", results: []*source.Result{result([]string{"date"}, []any{"x"})}, want: "x"},
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			c := render.Content{Title: tt.body, Blocks: []render.Block{{Markdown: &render.MarkdownBlock{Text: tt.body, Rows: tt.rows}},
				{Email: &render.EmailBlock{Text: tt.body, Rows: tt.rows}},
				render.TableOf(render.Column{Field: "creator", Header: tt.body + " ", Prefix: tt.body, Suffix: tt.body})}}
			msg := mustRender(t, c, data(inputs, tt.results...))
			if diff := cmp.Diff(tt.want, flat(msg.Email)); diff != "" {
				t.Errorf("text of the mail body (-want +got):\n%s", diff)
			}
			if tt.rows == render.First { // a line has no other rule
				column := msg.Sections[1].Blocks[0].(*channel.Table).Columns[0]
				for what, got := range map[string]string{"title": msg.Title, "header": strings.TrimSuffix(column.Header, " "), "prefix": column.Prefix, "suffix": column.Suffix} {
					want := tt.want
					if what == "header" {
						want = strings.TrimSuffix(want, " ")
						got = strings.TrimSuffix(got, " ")
					}
					if got != want {
						t.Errorf("%s %q, want %q", what, got, want)
					}
				}
			}
			if diff := cmp.Diff(tt.want, flat(msg.Sections[0].Blocks)); diff != "" {
				t.Errorf("text of the blocks (-want +got):\n%s", diff)
			}
			got := strings.NewReplacer("\\", "", "&#32;", " ").Replace(msg.Sections[0].Markdown)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Markdown without escapes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTitleFollowsTheRulesOfTheBody(t *testing.T) {
	msg := mustRender(t, render.Content{Title: "Report ${date}"}, data(map[string]string{"date": "20240102"}))
	if diff := cmp.Diff("Report 20240102", msg.Title); diff != "" {
		t.Errorf("R13 (-want +got):\n%s", diff)
	}
	msg = mustRender(t, render.Content{Title: "a\nb ${v}"}, data(map[string]string{"v": "c\r\nBcc: \x00x\u2028y"}))
	if diff := cmp.Diff("a b c Bcc: x y", msg.Title); diff != "" {
		t.Errorf("line breaks and control characters (-want +got):\n%s", diff)
	}
}

// flat is the text of blocks, one line each.
func flat(blocks []channel.Block) string {
	var lines []string
	for _, b := range blocks {
		switch b := b.(type) {
		case *channel.Heading:
			lines = append(lines, flatInlines(b.Inlines))
		case *channel.Paragraph:
			lines = append(lines, flatInlines(b.Inlines))
		case *channel.Quote:
			lines = append(lines, flat(b.Blocks))
		case *channel.List:
			for _, item := range b.Items {
				lines = append(lines, flat(item.Blocks))
			}
		case *channel.Code:
			lines = append(lines, b.Text)
		case *channel.Image:
			lines = append(lines, b.Alt)
		case *channel.Table:
			for _, c := range b.Columns {
				lines = append(lines, c.Header)
			}
			for i := range b.Rows() {
				for j, cell := range b.Row(i) {
					lines = append(lines, b.Columns[j].Show(cell))
				}
			}
		}
	}
	return strings.Join(lines, "\n")
}

func flatInlines(inlines []channel.Inline) string {
	var b strings.Builder
	for _, n := range inlines {
		switch n := n.(type) {
		case channel.Text:
			b.WriteString(string(n))
		case channel.CodeSpan:
			b.WriteString(string(n))
		case *channel.Strong:
			b.WriteString(flatInlines(n.Inlines))
		case *channel.Emphasis:
			b.WriteString(flatInlines(n.Inlines))
		case *channel.Strike:
			b.WriteString(flatInlines(n.Inlines))
		case *channel.Link:
			b.WriteString(flatInlines(n.Inlines))
		case *channel.Image:
			b.WriteString(n.Alt)
		case *channel.Mention:
			b.WriteString(n.Label())
		case *channel.Break:
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func TestTablesPairRows(t *testing.T) {
	short := result([]string{"diff"}, []any{int64(-1000)}, []any{int64(-1000)})
	inputs := map[string]string{"date": "20240102"}
	tests := []struct {
		id       string
		columns  []render.Column
		results  []*source.Result
		want     [][]string
		warnings int
	}{
		{id: "T1", columns: fields("department", "revenue"), results: []*source.Result{rows1()},
			want: [][]string{{"department", "revenue"}, {"Department 1", "11000"}, {"Department 2", "20000"}, {"Department 3", "10000"}}},
		{id: "T2", columns: fields("department", "revenue", "diff"), results: []*source.Result{rows1(), rows2()},
			want: [][]string{{"department", "revenue", "diff"}, {"Department 1", "11000", "-1000"}, {"Department 2", "20000", "-1000"}, {"Department 3", "10000", "5000"}}},
		{id: "T3", columns: fields("department", "diff"), results: []*source.Result{rows1(), short},
			want: [][]string{{"department", "diff"}, {"Department 1", "-1000"}, {"Department 2", "-1000"}, {"Department 3", ""}}, warnings: 1},
		{id: "T4", columns: fields("department"), results: []*source.Result{result([]string{"department"})},
			want: [][]string{{"department"}}},
		{id: "T5", columns: fields("date", "department"), results: []*source.Result{rows1()},
			want: [][]string{{"date", "department"}, {"20240102", "Department 1"}, {"20240102", "Department 2"}, {"20240102", "Department 3"}}},
		{id: "T6", columns: []render.Column{{Field: "department", Header: "Dept"}}, results: []*source.Result{result([]string{"department"}, []any{"d"})},
			want: [][]string{{"Dept"}, {"d"}}},
		{id: "T7", columns: []render.Column{{Field: "revenue", Prefix: "¥", Suffix: " yuan"}}, results: []*source.Result{result([]string{"revenue"}, []any{11000.00})},
			want: [][]string{{"revenue"}, {"¥11000 yuan"}}},
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			msg := mustRender(t, render.Content{Blocks: render.Blocks(render.TableOf(tt.columns...))}, data(inputs, tt.results...))
			table := msg.Sections[0].Blocks[0].(*channel.Table)
			if diff := cmp.Diff(tt.want, shown(table)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if len(msg.Warnings) != tt.warnings {
				t.Errorf("got warnings %v, want %d", msg.Warnings, tt.warnings)
			}
		})
	}
}

func fields(names ...string) []render.Column { return render.Table(names...).Table.Columns }

func shown(t *channel.Table) [][]string {
	header := []string{}
	for _, c := range t.Columns {
		header = append(header, c.Header)
	}
	out := [][]string{header}
	for i := range t.Rows() {
		row := []string{}
		for j, c := range t.Row(i) {
			row = append(row, t.Columns[j].Show(c))
		}
		out = append(out, row)
	}
	return out
}

func TestConditions(t *testing.T) {
	given := &render.Condition{
		Op: render.OpGreaterEqual, Threshold: "60",
		Met:    render.Style{Color: channel.ColorGreen, Mark: "↑"},
		NotMet: render.Style{Color: channel.ColorRed, Mark: "↓"},
	}
	marks := func(op render.Op, threshold string) *render.Condition {
		return &render.Condition{Op: op, Threshold: threshold, Met: render.Style{Mark: "+"}, NotMet: render.Style{Mark: "-"}}
	}
	tests := []struct {
		id     string
		value  any
		cond   *render.Condition
		suffix string
		want   string
		color  channel.Color
	}{
		{id: "K1", value: int64(60), cond: given, want: "60↑", color: channel.ColorGreen},
		{id: "K2", value: 59.99, cond: given, want: "59.99↓", color: channel.ColorRed},
		{id: "K3", value: "60", cond: given, want: "60↑", color: channel.ColorGreen},
		{id: "K4", value: "1e2", cond: given, want: "1e2↑", color: channel.ColorGreen},
		{id: "K5", value: nil, cond: given, want: ""},
		{id: "K6", value: "n/a", cond: given, want: "n/a↓", color: channel.ColorRed},
		{id: "K7", value: 0.0, cond: marks(render.OpEqual, "0"), want: "0+"},
		{id: "K8", value: "abd", cond: marks(render.OpNotEqual, "abc"), want: "abd+"},
		{id: "K9", value: int64(-5), cond: marks(render.OpLess, "-5"), want: "-5-"},
		{id: "K10", value: int64(1), want: "1"},
		{id: "K12", value: int64(60), cond: given, suffix: "%", want: "60%↑", color: channel.ColorGreen},
		{id: "a decimal keeps digits that a float would lose", value: source.Decimal("9007199254740993.1"),
			cond: marks(render.OpGreater, "9007199254740993"), want: "9007199254740993.1+"},
		{id: "the largest unsigned integer", value: uint64(18446744073709551615),
			cond: marks(render.OpEqual, "18446744073709551615"), want: "18446744073709551615+"},
		{id: "contains", value: "abc", cond: marks(render.OpContains, "b"), want: "abc+"},
		{id: "null is empty", value: nil, cond: marks(render.OpEmpty, ""), want: "+"},
		{id: "an empty text is empty", value: "", cond: marks(render.OpNotEmpty, ""), want: "-"},
		{id: "zero is not empty", value: int64(0), cond: marks(render.OpNotEmpty, ""), want: "0+"},
		{id: "equality of text is exact", value: "ABC", cond: marks(render.OpEqual, "abc"), want: "ABC-"},
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			col := render.Column{Field: "v", Suffix: tt.suffix, Condition: tt.cond}
			msg := mustRender(t, render.Content{Blocks: render.Blocks(render.TableOf(col))},
				data(nil, result([]string{"v"}, []any{tt.value})))
			table := msg.Sections[0].Blocks[0].(*channel.Table)
			if diff := cmp.Diff(tt.want, table.Columns[0].Show(table.Cells[0])); diff != "" {
				t.Errorf("cell (-want +got):\n%s", diff)
			}
			if got := table.Cells[0].Color; got != tt.color {
				t.Errorf("colour %q, want %q", got, tt.color)
			}
		})
	}
}
