package render_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
)

// finding is an *render.Error in a form to compare.
type finding struct {
	Path         string
	Line, Column int
	Text         string // a part of it
}

func findings(t *testing.T, err error) []finding {
	t.Helper()
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("%v is no joined error", err)
	}
	var out []finding
	for _, e := range joined.Unwrap() {
		var re *render.Error
		if !errors.As(e, &re) {
			t.Fatalf("%v is no *render.Error", e)
		}
		out = append(out, finding{re.Path(), re.Line, re.Column, re.Err.Error()})
	}
	return out
}

// compareFindings takes the texts of want as parts of those of got.
func compareFindings(t *testing.T, want, got []finding) {
	t.Helper()
	for i := range want {
		if i < len(got) && strings.Contains(got[i].Text, want[i].Text) {
			got[i].Text = want[i].Text
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func blocks(b ...render.Block) render.Content { return render.Content{Title: "t", Blocks: b} }

var checks = []struct {
	name    string
	content render.Content
	want    []finding
	// dataOnly says that rendering is the first to see it.
	renderOnly bool
	checkOnly  bool
}{
	{name: "R7: an unknown name", content: blocks(render.Markdown("a\nb ${unknown}")),
		want: []finding{{"content.blocks[0].markdown.text", 2, 3, "${unknown}: no parameter or output has this name"}}},
	{name: "R9: spaces beside the braces", content: blocks(render.Markdown("${ creator }")),
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "write ${creator}"}}},
	{name: "a scheduling expression in the body", content: blocks(render.Markdown("中 ${yyyymmdd}")),
		want: []finding{{"content.blocks[0].markdown.text", 1, 3, "make it the value of a parameter"}}},
	{name: "no name", content: blocks(render.Markdown("${}")),
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "has no name"}}},
	{name: "an open reference", content: blocks(render.Markdown("${creator\n}")),
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "has no closing }"}}},
	{name: "a reference in a reference", content: blocks(render.Markdown("${a${creator}}")),
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "another ${ inside"}}},
	{name: "two indexes on a name", content: blocks(render.Markdown("${department[0][0]}")),
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "${inputs[row][column]}"}}},
	{name: "an index of a parameter", content: blocks(render.Markdown("${creator[0]}")),
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "leave the index out"}}},
	{name: "an index with too many digits", content: blocks(render.Markdown("${department[1234567890]}")),
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "more than 9 digits"}}},
	{name: "U3: a row out of range", content: blocks(render.Markdown("${inputs[3][0]}")), renderOnly: true,
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "out of range: result 1 has 3 rows"}}},
	{name: "a column out of range", content: blocks(render.Markdown("${inputs[0][3]}")), renderOnly: true,
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "out of range: result 1 has 3 columns"}}},
	{name: "a result out of range", content: blocks(render.Markdown("${inputs3[0][0]}")), renderOnly: true,
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "there are 2 results"}}},
	{name: "a row of a name out of range", content: blocks(render.Markdown("${department[3]}")), renderOnly: true,
		want: []finding{{"content.blocks[0].markdown.text", 1, 1, "out of range: there are 3 rows"}}},
	{name: "the title", content: render.Content{Title: "a ${unknown}", Blocks: render.Blocks(render.Markdown("x"))},
		want: []finding{{"content.title", 1, 3, "${unknown}"}}},
	{name: "no block", content: blocks(), checkOnly: true,
		want: []finding{{"content.blocks", 0, 0, "no block"}}},
	{name: "an empty text", content: blocks(render.Markdown(" \n")), checkOnly: true,
		want: []finding{{"content.blocks[0].markdown.text", 0, 0, "is empty"}}},
	{name: "a title that is too long", content: render.Content{Title: strings.Repeat("长", 100_000), Blocks: render.Blocks(render.Markdown("x"))}, checkOnly: true,
		want: []finding{{"content.title", 0, 0, "100000 characters; at most 4096"}}},
	{name: "M6: a second mail body", content: blocks(render.Email("a"), render.Email("b")),
		want: []finding{{"content.blocks[1].email", 0, 0, "more than one mail body"}}},
	{name: "an empty block", content: blocks(render.Block{}),
		want: []finding{{"content.blocks[0]", 0, 0, "the block is empty"}}},
	{name: "a block that is two things", content: blocks(render.Block{Markdown: &render.MarkdownBlock{Text: "x"}, Email: &render.EmailBlock{Text: "x"}}),
		want: []finding{{"content.blocks[0]", 0, 0, "2 things at once"}}},
	{name: "unknown rows", content: blocks(render.Block{Markdown: &render.MarkdownBlock{Text: "x", Rows: "all"}}, render.Block{Email: &render.EmailBlock{Text: "x", Rows: "all"}}),
		want: []finding{{"content.blocks[0].markdown.rows", 0, 0, `"join"`}, {"content.blocks[1].email.rows", 0, 0, `"repeat"`}}},
	{name: "a table without columns", content: blocks(render.Table()),
		want: []finding{{"content.blocks[0].table.columns", 0, 0, "no column"}}},
	{name: "an unknown column", content: blocks(render.Markdown("x"), render.Table("department", "unknown")),
		want: []finding{{"content.blocks[1].table.columns[1].field", 0, 0, `"unknown": no parameter or output`}}},
	{name: "a column without a field", content: blocks(render.Table("")),
		want: []finding{{"content.blocks[0].table.columns[0].field", 0, 0, "the field is empty"}}},
	{name: "a column written as a reference", content: blocks(render.Table("${department}")),
		want: []finding{{"content.blocks[0].table.columns[0].field", 0, 0, `without ${ and }: "department"`}}},
	{name: "a header with an unknown name", content: blocks(render.TableOf(render.Column{Field: "id", Header: "of ${unknown}"})),
		want: []finding{{"content.blocks[0].table.columns[0].header", 1, 4, "${unknown}"}}},
	{name: "a threshold that is no number where order is asked", content: blocks(render.TableOf(
		render.Column{Field: "id", Condition: &render.Condition{Op: render.OpGreater, Threshold: "high"}},
		render.Column{Field: "id", Condition: &render.Condition{Op: render.OpEqual, Threshold: "high"}},
		render.Column{Field: "id", Condition: &render.Condition{Op: render.OpLessEqual}})),
		want: []finding{
			{"content.blocks[0].table.columns[0].condition.threshold", 0, 0, "> compares numbers"},
			{"content.blocks[0].table.columns[2].condition.threshold", 0, 0, "<= compares numbers"}}},
	{name: "a threshold whose value is no number", content: blocks(render.TableOf(render.Column{Field: "id", Condition: &render.Condition{Op: render.OpLess, Threshold: "${creator}"}})), renderOnly: true,
		want: []finding{{"content.blocks[0].table.columns[0].condition.threshold", 0, 0, "< compares numbers"}}},
	{name: "what a column cannot be", content: blocks(render.Block{Table: &render.TableBlock{File: "pdf", Columns: []render.Column{{
		Field: "id", Align: "middle", Format: "#.#.#",
		Condition: &render.Condition{Op: "~", Met: render.Style{Color: "pink", Mark: "123456789"}, NotMet: render.Style{Mark: "a\n"}}}}}}),
		want: []finding{
			{"content.blocks[0].table.file", 0, 0, `unknown form "pdf"`},
			{"content.blocks[0].table.columns[0].align", 0, 0, `unknown alignment "middle"`},
			{"content.blocks[0].table.columns[0].format", 0, 0, `format "#.#.#" is not understood`},
			{"content.blocks[0].table.columns[0].condition.op", 0, 0, `unknown comparison "~"`},
			{"content.blocks[0].table.columns[0].condition.met.color", 0, 0, `unknown colour "pink"`},
			{"content.blocks[0].table.columns[0].condition.met.mark", 0, 0, "9 characters; at most 8"},
			{"content.blocks[0].table.columns[0].condition.notMet.mark", 0, 0, "line break"}}},
	{name: "contains without a text", content: blocks(render.TableOf(render.Column{Field: "id", Condition: &render.Condition{Op: render.OpContains}})),
		want: []finding{{"content.blocks[0].table.columns[0].condition.threshold", 0, 0, "needs a text"}}},
	{name: "what a chart cannot be", content: blocks(render.Block{Chart: &render.ChartBlock{Kind: "donut", Labels: "department"}},
		render.Block{Chart: &render.ChartBlock{Kind: render.Bar, Labels: "unknown", Series: []render.Series{{Field: "no"}}}}),
		want: []finding{
			{"content.blocks[0].chart.kind", 0, 0, `unknown kind "donut"`},
			{"content.blocks[0].chart.series", 0, 0, "no series"},
			{"content.blocks[1].chart.labels", 0, 0, `"unknown"`},
			{"content.blocks[1].chart.series[0].field", 0, 0, `"no"`}}},
	{name: "a series that is no number", content: blocks(render.Block{Chart: &render.ChartBlock{Kind: render.Bar, Labels: "id", Series: []render.Series{{Field: "department"}}}}), renderOnly: true,
		want: []finding{{"content.blocks[0].chart.series[0].field", 0, 0, `column "department" has a value in row 1 that is no number`}}},
	{name: "all mistakes at once, in the order of the text", content: render.Content{Title: "${a}", Blocks: render.Blocks(
		render.Markdown("${b} ${ c } ${d}"), render.Email("${e}"))},
		want: []finding{
			{"content.title", 1, 1, "${a}"},
			{"content.blocks[0].markdown.text", 1, 1, "${b}"},
			{"content.blocks[0].markdown.text", 1, 6, "${ c }"},
			{"content.blocks[0].markdown.text", 1, 13, "${d}"},
			{"content.blocks[1].email.text", 1, 1, "${e}"}}},
}

func TestCheckFindsMistakesWithoutData(t *testing.T) {
	inputs := []string{"creator", "date"}
	outputs := []string{"id", "department", "revenue", "diff"}
	for _, tt := range checks {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			if tt.renderOnly {
				want = nil
			}
			compareFindings(t, want, findings(t, render.Default(nil).Check(tt.content, inputs, outputs)))
		})
	}
}

func TestRenderFindsTheSameMistakes(t *testing.T) {
	d := data(map[string]string{"creator": "admin", "date": "20240102"}, rows1(), rows2())
	for _, tt := range checks {
		t.Run(tt.name, func(t *testing.T) {
			if tt.checkOnly {
				return
			}
			msg, err := render.Default(nil).Render(context.Background(), tt.content, d)
			if err == nil || msg != nil {
				t.Fatalf("got message %v and error %v, want an error alone", msg, err)
			}
			compareFindings(t, tt.want, findings(t, err))
		})
	}
}

func TestCheckTakesUnknownNamesForOutputsUntilTheyAreKnown(t *testing.T) {
	c := blocks(render.Markdown("${anything} ${yyyy-mm-dd}"), render.Table("else"))
	compareFindings(t, []finding{{"content.blocks[0].markdown.text", 1, 13, "scheduling expression"}},
		findings(t, render.Default(nil).Check(c, nil, nil)))
	compareFindings(t, []finding{
		{"content.blocks[0].markdown.text", 1, 1, "${anything}"},
		{"content.blocks[1].table.columns[0].field", 0, 0, `"else"`},
	}, findings(t, render.Default(nil).Check(c, nil, []string{"yyyy-mm-dd"})))
}

func TestCheckAcceptsWhatTheSpecificationShows(t *testing.T) {
	c := render.Content{Title: "Revenue on ${date}", Blocks: render.Blocks(
		render.Markdown("by ${Creator}, ${inputs[0][0]}, $5, ${部门}, ${order no[2]}"),
		render.TableOf(
			render.Column{Field: "DEPARTMENT"},
			render.Column{Field: "revenue", Prefix: "¥", Format: "#,##0.00", Align: channel.AlignRight},
			render.Column{Field: "diff", Condition: &render.Condition{Op: render.OpGreaterEqual, Threshold: "0",
				Met: render.Style{Color: channel.ColorGreen, Mark: "↑"}, NotMet: render.Style{Color: channel.ColorRed, Mark: "↓"}}},
		),
		render.Email("Dear ${subscriber}"),
	)}
	err := render.Default(nil).Check(c, []string{"creator", "subscriber", "date"}, []string{"department", "revenue", "diff", "部门", "order no"})
	if err != nil {
		t.Errorf("Check: %v", err)
	}
}

func TestErrorsNeverHoldValues(t *testing.T) {
	const secret = "s3cr3t"
	res := &source.Result{Columns: []source.Column{{Name: "v"}}, Rows: [][]any{{secret}}}
	c := blocks(
		render.Markdown("${unknown} ${v[9]} ${inputs[9][0]}"),
		render.TableOf(render.Column{Field: "v", Condition: &render.Condition{Op: render.OpLess, Threshold: "${v}"}}),
		render.Block{Chart: &render.ChartBlock{Kind: render.Bar, Labels: "v", Series: []render.Series{{Field: "v"}}}},
	)
	_, err := render.Default(nil).Render(context.Background(), c, data(map[string]string{"p": secret}, res))
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("Render: %v", err)
	}
}

func TestErrorText(t *testing.T) {
	err := errors.New("wrong")
	tests := []struct {
		err  render.Error
		want string
	}{
		{render.Error{Block: 2, Field: "markdown.text", Line: 3, Column: 5, Err: err}, "render: block 2, line 3, column 5: wrong"},
		{render.Error{Block: 2, Field: "table.columns[0].field", Err: err}, "render: block 2, table.columns[0].field: wrong"},
		{render.Error{Block: 2, Err: err}, "render: block 2: wrong"},
		{render.Error{Field: "title", Line: 1, Column: 2, Err: err}, "render: title, line 1, column 2: wrong"},
		{render.Error{Err: err}, "render: content: wrong"},
		{render.Error{}, "render: content"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tt.err.Err != nil && !errors.Is(&tt.err, tt.err.Err) {
				t.Error("the cause is lost")
			}
		})
	}
}

func TestLenientShowsWhatItCan(t *testing.T) {
	r := render.Default(&render.Options{Lenient: true})
	c := blocks(render.Markdown("a ${unknown} b ${inputs[3][0]}${department[7]} c"), render.Table("department", "no"))
	if err := r.Check(c, nil, []string{"department"}); err != nil {
		t.Errorf("Check: %v", err)
	}
	msg, err := r.Render(context.Background(), c, data(nil, rows1()))
	if err != nil {
		t.Fatalf("Render: %v", err)
	}
	if diff := cmp.Diff("a ${unknown} b  c", flat(msg.Sections[0].Blocks)); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if len(msg.Warnings) != 4 {
		t.Errorf("got warnings %v, want 4", msg.Warnings)
	}
}
