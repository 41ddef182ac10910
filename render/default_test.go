package render_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
)

func TestNames(t *testing.T) {
	c := render.Content{
		Title: "${date} ${ bad } ${open",
		Blocks: render.Blocks(
			render.Markdown("${department} ${DATE} ${revenue[2]} ${inputs[0][0]} $5"),
			render.TableOf(render.Column{Field: "order no", Header: "${header}", Prefix: "${prefix}", Suffix: "${suffix}", Empty: "${empty}",
				Condition: &render.Condition{Op: render.OpEqual, Threshold: "${threshold}"}}),
			render.Block{Chart: &render.ChartBlock{Title: "${chart}", Labels: "部门", Series: []render.Series{{Field: "Department"}, {Field: "diff", Name: "${series}"}}}},
			render.Email("${subscriber}"),
		),
	}
	want := []string{"date", "department", "revenue", "order no", "header", "prefix", "suffix", "empty", "threshold", "chart", "部门", "diff", "series", "subscriber"}
	if diff := cmp.Diff(want, c.Names()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (render.Content{}).Names(); len(got) != 0 {
		t.Errorf("empty content names %v", got)
	}
}

func repeat(text string) render.Content {
	return render.Content{Blocks: []render.Block{{Markdown: &render.MarkdownBlock{Text: text, Rows: render.Repeat}}}}
}

func TestRepeat(t *testing.T) {
	tests := []struct {
		name, body string
		results    []*source.Result
		want       string
		markdown   string
	}{
		{name: "a paragraph per row", body: "${department}: ${diff}", results: []*source.Result{rows1(), rows2()},
			want:     "paragraph\n  \"Department 1: -1000\"\nparagraph\n  \"Department 2: -1000\"\nparagraph\n  \"Department 3: 5000\"\n",
			markdown: "Department 1: -1000\n\nDepartment 2: -1000\n\nDepartment 3: 5000"},
		{name: "an item per row is one list", body: "- ${diff}", results: []*source.Result{rows2()},
			want:     "list 0\n  item\n    paragraph\n      \"-1000\"\n  item\n    paragraph\n      \"-1000\"\n  item\n    paragraph\n      \"5000\"\n",
			markdown: "- -1000\n\n- -1000\n\n- 5000"},
		{name: "items of two lists stay in theirs", body: "- a\n\n${diff}\n\n- b", results: []*source.Result{result([]string{"diff"}, []any{1}, []any{2}, []any{3})},
			want: "list 0\n  item\n    paragraph\n      \"a\"\nparagraph\n  \"1\"\n" +
				"list 0\n  item\n    paragraph\n      \"b\"\n  item\n    paragraph\n      \"a\"\nparagraph\n  \"2\"\n" +
				"list 0\n  item\n    paragraph\n      \"b\"\n  item\n    paragraph\n      \"a\"\nparagraph\n  \"3\"\n" +
				"list 0\n  item\n    paragraph\n      \"b\"\n",
			markdown: "- a\n\n1\n\n- b\n\n- a\n\n2\n\n- b\n\n- a\n\n3\n\n- b"},
		{name: "a row per row is one table", body: "| on ${date} | b |\n|---|--:|\n| ${diff} | x |", results: []*source.Result{result([]string{"diff"}, []any{1}, []any{"2|3"}, []any{4})},
			want:     "table\n  column \"on 20240102\" \n  column \"b\" right\n  row \"1\" \"x\"\n  row \"2|3\" \"x\"\n  row \"4\" \"x\"\n",
			markdown: "| on 20240102 | b |\n| --- | ---: |\n| 1 | x |\n| 2\\|3 | x |\n| 4 | x |"},
		{name: "two rows per row are one table", body: "| a |\n|---|\n| ${diff} |\n| x |", results: []*source.Result{result([]string{"diff"}, []any{1}, []any{2})},
			want:     "table\n  column \"a\" \n  row \"1\"\n  row \"x\"\n  row \"2\"\n  row \"x\"\n",
			markdown: "| a |\n| --- |\n| 1 |\n| x |\n| 2 |\n| x |"},
		{name: "another header begins another table", body: "| ${diff} |\n|---|\n| ${id} |",
			results:  []*source.Result{result([]string{"diff", "id"}, []any{1, 1}, []any{1, 2}, []any{2, 3})},
			want:     "table\n  column \"1\" \n  row \"1\"\n  row \"2\"\ntable\n  column \"2\" \n  row \"3\"\n",
			markdown: "| 1 |\n| --- |\n| 1 |\n| 2 |\n\n| 2 |\n| --- |\n| 3 |"},
		{name: "a header without rows repeats", body: "| ${diff} |\n|---|", results: []*source.Result{result([]string{"diff"}, []any{1}, []any{1})},
			want: "table\n  column \"1\" \ntable\n  column \"1\" \n", markdown: "| 1 |\n| --- |\n\n| 1 |\n| --- |"},
		{name: "a table under a heading stays there", body: "# ${diff}\n\n| a |\n|---|\n| x |", results: []*source.Result{result([]string{"diff"}, []any{1}, []any{2})},
			want:     "heading 1\n  \"1\"\ntable\n  column \"a\" \n  row \"x\"\nheading 1\n  \"2\"\ntable\n  column \"a\" \n  row \"x\"\n",
			markdown: "# 1\n\n| a |\n|---|\n| x |\n\n# 2\n\n| a |\n|---|\n| x |"},
		{name: "a shorter result has empty values", body: "${id}${x}", results: []*source.Result{rows1(), result([]string{"x"}, []any{"!"})},
			want:     "paragraph\n  \"1!\"\nparagraph\n  \"2\"\nparagraph\n  \"3\"\n",
			markdown: "1!\n\n2\n\n3"},
		{name: "no row, no block", body: "${x}", results: []*source.Result{result([]string{"x"})}, want: "", markdown: ""},
		{name: "no output, once", body: "${date}", results: []*source.Result{rows1()}, want: "paragraph\n  \"20240102\"\n", markdown: "20240102"},
		{name: "no reference, once", body: "x", results: []*source.Result{rows1()}, want: "paragraph\n  \"x\"\n", markdown: "x"},
		{name: "a fixed row does not repeat", body: "${id[1]}", results: []*source.Result{rows1()}, want: "paragraph\n  \"2\"\n", markdown: "2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := mustRender(t, repeat(tt.body), data(map[string]string{"date": "20240102"}, tt.results...)).Sections[0]
			if diff := cmp.Diff(tt.want, tree(s.Blocks)); diff != "" {
				t.Errorf("blocks (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.markdown, s.Markdown); diff != "" {
				t.Errorf("Markdown (-want +got):\n%s", diff)
			}
		})
	}
}

// Four times the rows must not take much more than four times the memory, which
// copying what is there for each row would.
func TestRepeatGrowsWithTheRows(t *testing.T) {
	r := render.Default(nil)
	for _, body := range []string{"${n}", "- ${n}", "1. ${n}", "| a |\n|---|\n| ${n} |"} {
		t.Run(body, func(t *testing.T) {
			bytes := func(n int) uint64 {
				res := result([]string{"n"})
				for i := range n {
					res.Rows = append(res.Rows, []any{int64(i)})
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if _, err := r.Render(t.Context(), repeat(body), data(nil, res)); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				return after.TotalAlloc - before.TotalAlloc
			}
			few, many := bytes(1000), bytes(4000)
			if many > 7*few {
				t.Errorf("1,000 rows take %d bytes, 4,000 rows %d", few, many)
			}
		})
	}
}

func TestMarkdownKeepsTheAuthorsTextWhereItCan(t *testing.T) {
	tests := []struct{ name, body, value, want string }{
		{"words", "* a ${v}\n* b\n\nSetext\n---", "x 1.5", "* a x 1.5\n* b\n\nSetext\n---"},
		{"a text without references", "*a*\r\n<b>", "", "*a*\r\n<b>"},
		{"a negative number", "Diff **${v}** today", "-1000", "Diff **-1000** today"},
		{"punctuation", "* a ${v}", "1 * 2 # 3", "* a 1 \\* 2 # 3"},
		{"R11: a bar and a line break in a table", "| h |\n|:-:|\n| ${v} |", "a|b\nc", "| h |\n| :---: |\n| a\\|b c |"},
		{"a line break", "> a ${v} b", "x\ny", "> a x\\\ny b"},
		{"a backtick in a code span", "a `${v}` b", "x`y", "a ``x`y`` b"},
		{"a fence in a code block", "```go\n${v}\n```", "```", "````go\n```\n````"},
		{"a number at the start of a line", "${v} x", "1.", "1\\. x"},
		{"a number before a full stop", "${v}. x", "1", "1\\. x"},
		{"the first digits of a number before a full stop", "${v}0. x", "1", "10\\. x"},
		{"a number and a control character before a full stop", "${v}\x1f. x", "1", "1\\. x"},
		{"a number after a line break of another kind", "x\u2028\u2028${v}. y", "1", "x\n\n1\\. y"},
		{"a task box", "- [${v}] a", "x", "- \\[x\\] a"},
		{"a tag", "<${v}>", "b", "\\<b\\>"},
		{"emphasis that would show its marks", "部门**${v}**元", "-1", "部门-1元"},
		{"an address", "[a](https://example.com/${v})", "x y", "[a](https://example.com/x%20y)"},
		{"a mention", `<at id="all" /> ${v}`, "*", `<at id="all" /> \*`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := mustRender(t, render.Content{Blocks: render.Blocks(render.Markdown(tt.body))}, data(map[string]string{"v": tt.value})).Sections[0]
			if diff := cmp.Diff(tt.want, s.Markdown); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessageHasTheBlocksInOrder(t *testing.T) {
	c := render.Content{Title: "t", Blocks: render.Blocks(
		render.Markdown("one"), render.Email("mail ${id}"), render.Table("id"), render.Markdown("${none}"))}
	msg := mustRender(t, c, data(nil, rows1(), result([]string{"none"})))
	if msg.ID != "push-1" || !msg.At.Equal(at) {
		t.Errorf("ID %q and time %v are not those of the data", msg.ID, msg.At)
	}
	got := []string{tree(msg.Email)}
	for _, s := range msg.Sections {
		got = append(got, s.Markdown+"|"+tree(s.Blocks))
	}
	want := []string{
		"paragraph\n  \"mail 1\"\n",
		"one|paragraph\n  \"one\"\n",
		"|table\n  column \"id\" right\n  row \"1\"\n  row \"2\"\n  row \"3\"\n",
		"|",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// drawer records what it is asked to draw.
type drawer struct {
	got render.Chart
	err error
}

func (d *drawer) Draw(_ context.Context, c render.Chart) (*channel.Image, error) {
	d.got = c
	return &channel.Image{Data: []byte("png"), Type: "image/png"}, d.err
}

func TestCharts(t *testing.T) {
	res := result([]string{"department", "revenue", "target"},
		[]any{"A", int64(1), "2.5"}, []any{"B", nil, source.Decimal("3")})
	block := render.Block{Chart: &render.ChartBlock{Kind: render.Line, Title: "Revenue of ${date}", Labels: "department",
		Series: []render.Series{{Field: "revenue", Color: channel.ColorRed}, {Field: "target", Name: "Goal"}}}}
	c := render.Content{Blocks: render.Blocks(block)}
	d := data(map[string]string{"date": "20240102"}, res)
	table := &channel.Table{
		Columns: []channel.Column{{Header: "department"}, {Header: "revenue", Align: channel.AlignRight}, {Header: "Goal"}},
		Cells: []channel.Cell{
			{Text: "A", Raw: "A"}, {Text: "1", Raw: "1", Type: channel.TypeNumber}, {Text: "2.5", Raw: "2.5"},
			{Text: "B", Raw: "B"}, {Type: channel.TypeNull}, {Text: "3", Raw: "3", Type: channel.TypeNumber},
		},
	}
	t.Run("the drawer gets the numbers and the message its picture", func(t *testing.T) {
		dr := &drawer{}
		msg, err := render.Default(&render.Options{Drawer: dr}).Render(context.Background(), c, d)
		if err != nil {
			t.Fatal(err)
		}
		want := &channel.Chart{Title: "Revenue of 20240102", Image: &channel.Image{Data: []byte("png"), Type: "image/png"}, Table: table}
		if diff := cmp.Diff(want, msg.Sections[0].Blocks[0]); diff != "" {
			t.Errorf("chart (-want +got):\n%s", diff)
		}
		wantDrawn := render.Chart{Kind: render.Line, Title: "Revenue of 20240102", Labels: []string{"A", "B"}, Lines: []render.ChartLine{
			{Name: "revenue", Color: channel.ColorRed, Values: []float64{1, math.NaN()}}, {Name: "Goal", Values: []float64{2.5, 3}}}}
		if diff := cmp.Diff(wantDrawn, dr.got, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("drawn (-want +got):\n%s", diff)
		}
		if len(msg.Warnings) != 0 {
			t.Errorf("warnings %v", msg.Warnings)
		}
	})
	t.Run("without a drawer it is a table and a warning", func(t *testing.T) {
		msg := mustRender(t, c, d)
		if diff := cmp.Diff(&channel.Chart{Title: "Revenue of 20240102", Table: table}, msg.Sections[0].Blocks[0]); diff != "" {
			t.Errorf("chart (-want +got):\n%s", diff)
		}
		if len(msg.Warnings) != 1 || msg.Warnings[0].Code != channel.WarnDegraded {
			t.Errorf("warnings %v", msg.Warnings)
		}
	})
	t.Run("a drawer that fails leaves the table and a warning without its text", func(t *testing.T) {
		msg, err := render.Default(&render.Options{Drawer: &drawer{err: errors.New("secret A")}}).Render(context.Background(), c, d)
		if err != nil {
			t.Fatal(err)
		}
		chart := msg.Sections[0].Blocks[0].(*channel.Chart)
		if chart.Image != nil || len(msg.Warnings) != 1 || strings.Contains(msg.Warnings[0].Text, "secret") {
			t.Errorf("image %v, warnings %v", chart.Image, msg.Warnings)
		}
	})
}

func TestRenderStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := render.Default(nil).Render(ctx, render.Content{Blocks: render.Blocks(render.Markdown("x"))}, render.Data{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestMissingResultsAreNoPanic(t *testing.T) {
	short := &source.Result{Columns: []source.Column{{Name: "a"}, {Name: "b"}}, Rows: [][]any{{int64(1)}, nil}}
	c := blocks(render.Markdown("${b} ${b[1]} ${inputs2[1][1]}"), render.Table("a", "b"))
	msg := mustRender(t, c, data(nil, nil, short))
	if diff := cmp.Diff([][]string{{"a", "b"}, {"1", ""}, {"", ""}}, shown(msg.Sections[1].Blocks[0].(*channel.Table))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOneRendererServesManyAtOnce(t *testing.T) {
	r := render.Default(nil)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			v := strings.Repeat("*", i)
			for j := range 50 {
				// Long texts make the cache start anew now and then.
				body := strings.Repeat("x", 1+2000*j) + " ${v}"
				msg, err := r.Render(context.Background(), blocks(render.Markdown(body)), data(map[string]string{"v": v}))
				if err != nil {
					t.Error(err)
					return
				}
				if got := flat(msg.Sections[0].Blocks); !strings.HasSuffix(got, " "+v) && v != "" {
					t.Errorf("text ends in %q, want %q", got[max(0, len(got)-10):], v)
				}
			}
		})
	}
	wg.Wait()
}

func TestRenderingTwiceGivesTheSame(t *testing.T) {
	r := render.Default(nil)
	c := render.Content{Title: "${date}", Blocks: render.Blocks(render.Markdown("- a\n- ${date}\n\n| h |\n|---|\n| x |"), render.Table("id", "date"), render.Email("x **y**"))}
	d := data(map[string]string{"date": "2024*"}, rows1())
	first, err := r.Render(context.Background(), c, d)
	if err != nil {
		t.Fatal(err)
	}
	second, err := r.Render(context.Background(), c, d)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
}

func TestContentKeepsItsJSON(t *testing.T) {
	const text = `{"title":"Revenue ${date}","blocks":[` +
		`{"markdown":{"text":"a","rows":"join"}},` +
		`{"table":{"columns":[{"field":"diff","header":"Difference","prefix":"¥","suffix":"!","format":"#,##0.00","align":"right","empty":"-",` +
		`"condition":{"op":">=","threshold":"0","met":{"color":"green","mark":"↑"},"notMet":{"color":"red"}}},{"field":"id"}],"file":"xlsx"}},` +
		`{"chart":{"kind":"bar","title":"c","labels":"department","series":[{"field":"diff","name":"D","color":"blue"}]}},` +
		`{"email":{"text":"b"}}]}`
	want := render.Content{Title: "Revenue ${date}", Blocks: render.Blocks(
		render.Block{Markdown: &render.MarkdownBlock{Text: "a", Rows: render.Join}},
		render.Block{Table: &render.TableBlock{File: "xlsx", Columns: []render.Column{
			{Field: "diff", Header: "Difference", Prefix: "¥", Suffix: "!", Format: "#,##0.00", Align: channel.AlignRight, Empty: "-",
				Condition: &render.Condition{Op: render.OpGreaterEqual, Threshold: "0",
					Met: render.Style{Color: channel.ColorGreen, Mark: "↑"}, NotMet: render.Style{Color: channel.ColorRed}}},
			{Field: "id"}}}},
		render.Block{Chart: &render.ChartBlock{Kind: render.Bar, Title: "c", Labels: "department", Series: []render.Series{{Field: "diff", Name: "D", Color: channel.ColorBlue}}}},
		render.Email("b"),
	)}
	var got render.Content
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, strings.TrimSpace(b.String())); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}
