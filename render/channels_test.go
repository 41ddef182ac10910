package render_test

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
)

// The tests of this file go from content to payload on each channel, in each of
// its forms, and read the payload back.

// everywhere runs a test of one table for each form, attachments included.
func everywhere(t *testing.T, msg *channel.Message, header []string, rows [][]string, colors [][]channel.Color) {
	t.Helper()
	for _, f := range slices.Concat(chats, files) {
		f.wants(t, f.withFile(msg), header, rows, colors)
	}
}

// The tables of section 1.7 of the specification. The product's DingTalk shows
// neither prefix nor suffix (T7); datapush does.
func TestTablesOfTheSpecificationShowOnEveryChannel(t *testing.T) {
	short := result([]string{"diff"}, []any{int64(-1000)}, []any{int64(-1000)})
	inputs := map[string]string{"date": "20240102"}
	tests := []struct {
		id       string
		columns  []render.Column
		results  []*source.Result
		header   []string
		rows     [][]string
		warnings int
	}{
		{id: "T1", columns: fields("department", "revenue"), results: []*source.Result{rows1()},
			header: []string{"department", "revenue"}, rows: [][]string{{"Department 1", "11000"}, {"Department 2", "20000"}, {"Department 3", "10000"}}},
		{id: "T2", columns: fields("department", "revenue", "diff"), results: []*source.Result{rows1(), rows2()},
			header: []string{"department", "revenue", "diff"}, rows: [][]string{{"Department 1", "11000", "-1000"}, {"Department 2", "20000", "-1000"}, {"Department 3", "10000", "5000"}}},
		{id: "T3", columns: fields("department", "diff"), results: []*source.Result{rows1(), short}, warnings: 1,
			header: []string{"department", "diff"}, rows: [][]string{{"Department 1", "-1000"}, {"Department 2", "-1000"}, {"Department 3", ""}}},
		{id: "T4", columns: fields("department"), results: []*source.Result{result([]string{"department"})},
			header: []string{"department"}},
		{id: "T5", columns: fields("date", "department"), results: []*source.Result{rows1()},
			header: []string{"date", "department"}, rows: [][]string{{"20240102", "Department 1"}, {"20240102", "Department 2"}, {"20240102", "Department 3"}}},
		{id: "T6", columns: []render.Column{{Field: "department", Header: "Dept"}}, results: []*source.Result{rows1()},
			header: []string{"Dept"}, rows: [][]string{{"Department 1"}, {"Department 2"}, {"Department 3"}}},
		{id: "T7", columns: []render.Column{{Field: "revenue", Prefix: "¥", Suffix: " yuan"}}, results: []*source.Result{rows1()},
			header: []string{"revenue"}, rows: [][]string{{"¥11000 yuan"}, {"¥20000 yuan"}, {"¥10000 yuan"}}},
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			msg := mustRender(t, render.Content{Blocks: render.Blocks(render.TableOf(tt.columns...))}, data(inputs, tt.results...))
			if len(msg.Warnings) != tt.warnings {
				t.Errorf("warnings %v, want %d", msg.Warnings, tt.warnings)
			}
			everywhere(t, msg, tt.header, tt.rows, nil)
		})
	}
}

// T8: 10,000 rows are read, and what a channel's limit leaves out is counted.
func TestTenThousandRowsShowAsFarAsTheLimitAllows(t *testing.T) {
	res := &source.Result{Columns: []source.Column{{Name: "n"}, {Name: "name"}}, Truncated: true}
	header, want := []string{"n", "name"}, [][]string{}
	for i := range 10_000 {
		res.Rows = append(res.Rows, []any{int64(i), fmt.Sprintf("row %d", i)})
		want = append(want, []string{fmt.Sprint(i), fmt.Sprintf("row %d", i)})
	}
	msg := mustRender(t, render.Content{Title: "T8", Blocks: render.Blocks(render.Table("n", "name"))}, data(nil, res))
	if len(msg.Warnings) != 1 || msg.Warnings[0].Code != channel.WarnData {
		t.Errorf("warnings %v do not say that there are more rows", msg.Warnings)
	}
	files[0].wants(t, files[0].withFile(msg), header, want, nil)
	for _, f := range chats {
		got, ps := f.look(t, msg)
		shown, text := f.cells(got, header...), got.text
		if len(shown) < 100 || len(shown) > len(want) {
			t.Errorf("%s: %d rows", f.name, len(shown))
			continue
		}
		if diff := cmp.Diff(want[:len(shown)], shown); diff != "" {
			t.Errorf("%s: the top rows (-want +got):\n%s", f.name, diff)
		}
		left := len(want) - len(shown)
		if note := fmt.Sprintf("… and %d,%03d more", left/1000, left%1000); !strings.Contains(text, note) {
			t.Errorf("%s: no note %q in %q", f.name, note, last(text))
		}
		if n := len(ps); n != 5 {
			t.Errorf("%s: %d parts, want 5", f.name, n)
		}
		for i, p := range ps {
			if s := f.read(t, p); !strings.Contains(s.title+s.text, fmt.Sprintf("(%d/5)", i+1)) {
				t.Errorf("%s: part %d is not numbered", f.name, i+1)
			}
		}
	}
}

func last(s string) string { return s[max(0, len(s)-80):] }

// The conditions of section 1.7. The product's DingTalk shows no mark (K11);
// datapush shows it everywhere.
func TestConditionsOfTheSpecificationShowOnEveryChannel(t *testing.T) {
	const green, red = channel.ColorGreen, channel.ColorRed
	given := &render.Condition{Op: render.OpGreaterEqual, Threshold: "60",
		Met: render.Style{Color: green, Mark: "↑"}, NotMet: render.Style{Color: red, Mark: "↓"}}
	judged := func(op render.Op, threshold string) *render.Condition {
		return &render.Condition{Op: op, Threshold: threshold, Met: render.Style{Color: green, Mark: "✓"}, NotMet: render.Style{Color: red, Mark: "✗"}}
	}
	tests := []struct {
		id     string
		value  any
		cond   *render.Condition
		suffix string
		want   string
		color  channel.Color
	}{
		{id: "K1 and K11", value: int64(60), cond: given, want: "60↑", color: green},
		{id: "K2", value: 59.99, cond: given, want: "59.99↓", color: red},
		{id: "K3", value: "60", cond: given, want: "60↑", color: green},
		{id: "K4", value: "1e2", cond: given, want: "1e2↑", color: green},
		{id: "K5", value: nil, cond: given},
		{id: "K6", value: "n/a", cond: given, want: "n/a↓", color: red},
		{id: "K7", value: 0.0, cond: judged(render.OpEqual, "0"), want: "0✓", color: green},
		{id: "K8", value: "abd", cond: judged(render.OpNotEqual, "abc"), want: "abd✓", color: green},
		{id: "K9", value: int64(-5), cond: judged(render.OpLess, "-5"), want: "-5✗", color: red},
		{id: "K10", value: int64(1), want: "1"},
		{id: "K12", value: int64(60), cond: given, suffix: "%", want: "60%↑", color: green},
		{id: "more", value: int64(61), cond: judged(render.OpGreater, "60"), want: "61✓", color: green},
		{id: "at most", value: int64(61), cond: judged(render.OpLessEqual, "60"), want: "61✗", color: red},
		{id: "contains", value: "abc", cond: judged(render.OpContains, "b"), want: "abc✓", color: green},
		{id: "empty", value: nil, cond: judged(render.OpEmpty, ""), want: "✓", color: green},
		{id: "not empty", value: "x", cond: judged(render.OpNotEmpty, ""), want: "x✓", color: green},
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			msg := mustRender(t, render.Content{Blocks: render.Blocks(render.TableOf(
				render.Column{Field: "who"}, render.Column{Field: "v", Suffix: tt.suffix, Condition: tt.cond}))},
				data(nil, result([]string{"who", "v"}, []any{"Ann", tt.value})))
			everywhere(t, msg, []string{"who", "v"}, [][]string{{"Ann", tt.want}}, [][]channel.Color{{"", tt.color}})
		})
	}
}

// A colour without a mark is text where a form has no colours.
func TestAColourIsAMarkWhereThereAreNoColours(t *testing.T) {
	col := render.Column{Field: "v", Condition: &render.Condition{Op: render.OpGreater, Threshold: "0",
		Met: render.Style{Color: channel.ColorGreen}, NotMet: render.Style{Color: channel.ColorRed}}}
	msg := mustRender(t, render.Content{Blocks: render.Blocks(render.TableOf(col))}, data(nil, result([]string{"v"}, []any{int64(1)}, []any{int64(-1)})))
	colors := [][]channel.Color{{channel.ColorGreen}, {channel.ColorRed}}
	for _, f := range chats {
		want := [][]string{{"1"}, {"-1"}}
		if f.colors == nil {
			want = [][]string{{"1 🟢"}, {"-1 🔴"}}
		}
		f.wants(t, msg, []string{"v"}, want, colors)
	}
}

func TestFormatsApplyAlikeOnEveryChannel(t *testing.T) {
	res := &source.Result{Columns: []source.Column{{Name: "amount"}, {Name: "share"}, {Name: "day"}, {Name: "none"}},
		Rows: [][]any{{source.Decimal("1234567.891"), 0.1234, at, nil}, {int64(-1000), int64(1), "2024-01-02", ""}}}
	msg := mustRender(t, render.Content{Blocks: render.Blocks(render.TableOf(
		render.Column{Field: "amount", Format: "#,##0.00", Prefix: "¥"},
		render.Column{Field: "share", Format: "0.0%"},
		render.Column{Field: "day", Format: "dd.mm.yyyy"},
		render.Column{Field: "none", Empty: "–", Suffix: " pcs"},
	))}, data(nil, res))
	everywhere(t, msg, []string{"amount", "share", "day", "none"}, [][]string{
		{"¥1,234,567.89", "12.3%", "03.01.2024", "–"},
		{"¥-1,000.00", "100.0%", "02.01.2024", "–"},
	}, nil)
}

func TestHostileValuesShowAsTheyAreOnEveryChannel(t *testing.T) {
	header := []string{"n", "部门 no"}
	const some = 25 // few enough for the smallest form to show all
	for i := 0; i < len(hostileValues); i += some {
		res := &source.Result{Columns: []source.Column{{Name: header[0]}, {Name: header[1]}}}
		var want [][]string
		for j, v := range hostileValues[i:min(i+some, len(hostileValues))] {
			res.Rows = append(res.Rows, []any{int64(j), v})
			want = append(want, []string{fmt.Sprint(j), cleaned(v)})
		}
		msg := mustRender(t, render.Content{Blocks: render.Blocks(render.TableOf(fields(header...)...))}, data(nil, res))
		for _, f := range chats {
			rows := want
			if f.name == "wecom markdown" {
				rows = lookAlike(want)
			}
			f.wants(t, msg, header, rows, nil)
			if got, _ := f.look(t, msg); len(got.calls) > 0 {
				t.Errorf("%s calls %v", f.name, got.calls)
			}
		}
	}
}

// In attachments too: only that a CSV field which a spreadsheet would run begins
// with an apostrophe.
func TestHostileValuesShowAsTheyAreInAttachments(t *testing.T) {
	res := &source.Result{Columns: []source.Column{{Name: "k"}, {Name: "v"}, {Name: "end"}}}
	values := append(slices.Clone(hostileValues), "=1+1", "@SUM(A1)", "_x0041_", "_x000D_", "\"", "a,b;c", strings.Repeat("|", 30_000))
	for i, v := range values {
		res.Rows = append(res.Rows, []any{int64(i), v, "end"})
	}
	msg := mustRender(t, render.Content{Blocks: render.Blocks(render.Table("k", "v", "end"))}, data(nil, res))
	for _, f := range files {
		got, _ := f.look(t, f.withFile(msg))
		for i, row := range f.cells(got) {
			have, want := row[1], oneSpace(cleaned(values[i]))
			if f.file == "csv-shown" {
				have = oneSpace(strings.TrimPrefix(have, "'"))
			}
			if diff := cmp.Diff([]string{fmt.Sprint(i), want, "end"}, []string{row[0], have, row[2]}); diff != "" {
				t.Errorf("%s: %.100q (-want +got):\n%s", f.name, values[i], diff)
			}
		}
		if len(got.rows) != len(values) {
			t.Errorf("%s: %d rows, want %d", f.name, len(got.rows), len(values))
		}
	}
}

// lookAlike is what the reader of a form with look-alikes gives for texts that
// hold such characters themselves.
func lookAlike(rows [][]string) [][]string {
	var out [][]string
	for _, r := range rows {
		var row []string
		for _, s := range r {
			row = append(row, lookAlikes.Replace(s))
		}
		out = append(out, row)
	}
	return out
}

// Nor does markup arise where prefix, value, suffix and mark meet.
func TestTheTextsOfACellMakeNoMarkupTogether(t *testing.T) {
	for _, tt := range []struct{ prefix, value, suffix string }{{"*", "*x*", "*"}, {"*", "x", "*"}, {"*", "*", "*"}, {"[x]", "(https://evil.example)", ""}, {"", "[x]", "(https://evil.example)"}, {"_", "_x_", "_"}, {"`", "x", "`"}, {"<", "b", ">"}} {
		res := result([]string{"v"}, []any{tt.value})
		msg := mustRender(t, render.Content{Blocks: render.Blocks(render.TableOf(render.Column{Field: "v", Prefix: tt.prefix, Suffix: tt.suffix}))}, data(nil, res))
		for _, f := range chats {
			f.wants(t, msg, []string{"v"}, [][]string{{tt.prefix + tt.value + tt.suffix}}, nil)
		}
	}
}

// texts are where an author puts a value beside text of his own.
var texts = []string{"[[${v}]]", "**${v}**", "- ${v}", "> ${v}", "# ${v}", "a ${v} b", "${v}", "[${v}](https://example.com)", "![${v}](https://example.com/a.png)", "`${v}`", "*${v}* ${v}"}

// textForms are the forms that show text.
func textForms() []form { return append(slices.Clone(chats), mailBody) }

// around is content that holds a value in a text, twice: after something else
// and by itself.
func around(body string) render.Content {
	blocks := render.Blocks(render.Markdown("x "+body), render.Markdown(body), render.Email(body))
	if strings.HasPrefix(body, "- ") || strings.HasPrefix(body, "> ") || strings.HasPrefix(body, "# ") {
		blocks[0] = render.Markdown("x")
	}
	return render.Content{Title: "t", Blocks: blocks}
}

// stand is a value that is no markup anywhere.
const stand = "QZQ"

// see is what a form shows of a value in a text.
func (f *form) see(t testing.TB, body, v string) sight {
	t.Helper()
	s, _ := f.look(t, mustRender(t, around(body), data(nil, result([]string{"v"}, []any{v}))))
	return s
}

// judge compares what a form shows of a value in a text with what it shows of
// the stand-in.
func (f *form) judge(t testing.TB, body, model, v string) {
	t.Helper()
	blank := oneSpace(cleaned(v)) == ""
	if blank && (f.name == mailBody.name || strings.Contains(body, "example.com")) {
		return // a mail needs a body, and a link around nothing shows its address
	}
	got, value := f.see(t, body, v), cleaned(v)
	if f.name == "wecom markdown" {
		value = lookAlikes.Replace(value)
	}
	// White space is the dialect's to write.
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	want, have := squeeze(strings.ReplaceAll(model, stand, value)), squeeze(got.text)
	if blank { // an item without text may be left out
		want, have = strings.TrimSuffix(want, "•"), strings.TrimSuffix(have, "•")
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("%s: %q in %s (-want +got):\n%s", f.name, v, body, diff)
	}
	if len(got.calls) > 0 {
		t.Errorf("%s: %q in %s calls %v", f.name, v, body, got.calls)
	}
}

func TestHostileValuesInTextShowAsTheyAreOnEveryChannel(t *testing.T) {
	for _, body := range texts {
		for _, f := range textForms() {
			model := f.see(t, body, stand).text
			for _, v := range hostileValues {
				f.judge(t, body, model, v)
			}
		}
	}
}

func TestHostileValuesInTitlesShowAsTheyAreOnEveryChannel(t *testing.T) {
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	for _, v := range hostileValues {
		c := render.Content{Title: "T1 ${v} T2", Blocks: render.Blocks(render.Markdown("x"), render.Email("x"))}
		msg := mustRender(t, c, data(nil, result([]string{"v"}, []any{v})))
		for _, f := range textForms() {
			got, _ := f.look(t, msg)
			want := squeeze("T1" + cleaned(v) + "T2")
			if f.name == "wecom markdown" {
				want = lookAlikes.Replace(want)
			}
			seen := map[string]string{"text": got.text, "title": got.title}
			switch f.channel.Kind() {
			case channel.WeCom:
				delete(seen, "title")
			case channel.Lark, channel.Email:
				delete(seen, "text")
			}
			for where, s := range seen {
				if !strings.Contains(squeeze(s), want) {
					t.Errorf("%s: %s %q does not show %q", f.name, where, s, want)
				}
			}
			if len(got.calls) > 0 {
				t.Errorf("%s: %q calls %v", f.name, v, got.calls)
			}
		}
	}
}

// drawn is the text of the previews of what a form makes of a value in content.
func (f *form) drawn(t *testing.T, c render.Content, v string) string {
	t.Helper()
	msg := mustRender(t, c, data(nil, result([]string{"v"}, []any{v})))
	ps, err := f.channel.Encode(msg, f.to)
	if err != nil {
		t.Fatalf("%s: %q: %v", f.name, v, err)
	}
	var b strings.Builder
	for _, p := range ps {
		h, err := f.channel.(channel.Previewer).Preview(p)
		if err != nil {
			t.Fatalf("%s: %q: %v", f.name, v, err)
		}
		b.WriteString(stripped(h))
	}
	text := b.String()
	if f.name == "wecom markdown" {
		text = lookAlikes.Replace(text)
	}
	return strings.Join(strings.Fields(text), "")
}

// A preview shows every character that the payload does.
func TestPreviewsShowHostileValuesAsTheyAre(t *testing.T) {
	for _, body := range []string{"[[${v}]]", "**${v}**", "- ${v}", "[${v}](https://example.com)", "`${v}`", "| a | b |\n|---|---|\n| ${v} | c |"} {
		c := around(body)
		if !strings.Contains(body, "|") {
			c.Blocks = append(c.Blocks, render.Table("v"))
		}
		for _, f := range textForms() {
			model := f.drawn(t, c, stand)
			for _, v := range hostileValues {
				value := cleaned(v)
				if f.name == "wecom markdown" {
					value = lookAlikes.Replace(value)
				}
				if oneSpace(value) == "" {
					continue
				}
				want := strings.ReplaceAll(model, stand, strings.Join(strings.Fields(value), ""))
				if diff := cmp.Diff(want, f.drawn(t, c, v)); diff != "" {
					t.Errorf("%s: %q in %s (-want +got):\n%s", f.name, v, body, diff)
				}
			}
		}
	}
}

// FuzzForms: another reader finds a value's characters in each form of each
// channel, in a text and in a table, and nobody is called.
func FuzzForms(f *testing.F) {
	for i, v := range hostileValues {
		f.Add(uint8(i), v)
	}
	f.Fuzz(func(t *testing.T, at uint8, v string) {
		if len(v) > 60 || strings.Contains(v, stand) || strings.ContainsAny(v, "•·…\ufffd") || !utf8.ValidString(v) {
			return // it would be divided, or what the readers look for
		}
		body := texts[int(at)%len(texts)]
		for _, form := range textForms() {
			form.judge(t, body, form.see(t, body, stand).text, v)
		}
		header, want := []string{"n", "v"}, [][]string{{"1", cleaned(v)}}
		msg := mustRender(t, render.Content{Blocks: render.Blocks(render.Table(header...))}, data(nil, result(header, []any{int64(1), v})))
		for _, form := range chats {
			if form.name == "wecom markdown" {
				form.wants(t, msg, header, lookAlike(want), nil)
			} else {
				form.wants(t, msg, header, want, nil)
			}
		}
	})
}

func TestAMegabyteOfOneCharacterIsTextOnEveryChannel(t *testing.T) {
	for _, unit := range []string{"|", "<", "*", "["} {
		v := strings.Repeat(unit, 1<<20)
		c := render.Content{Title: "t", Blocks: render.Blocks(render.Markdown("v: ${v}"), render.Table("v"), render.Email("v: ${v}"))}
		msg := mustRender(t, c, data(nil, result([]string{"v"}, []any{v})))
		for _, f := range chats {
			got, ps := f.look(t, msg)
			text := got.text
			for _, r := range got.rows {
				text += r[0].Text
			}
			for _, s := range []string{"t", "(1/5)", "(2/5)", "(3/5)", "(4/5)", "(5/5)", "v", ":", "…", unit, "🔴"} {
				text = strings.ReplaceAll(text, s, "")
			}
			if text = oneSpace(text); text != "" {
				t.Errorf("%s: %q became %q", f.name, unit, text[:min(len(text), 100)])
			}
			cut := false
			for _, p := range ps {
				for _, w := range p.Warnings {
					cut = cut || w.Code == channel.WarnCut
				}
				if n := f.measure(p); n > f.limit {
					t.Errorf("%s: %d bytes, the limit is %d", f.name, n, f.limit)
				}
			}
			if !cut {
				t.Errorf("%s: nothing says that the value was cut", f.name)
			}
		}
	}
}

// Only an author's name of an emoji is one: a value that looks like one, or
// becomes one together with the author's text, shows its characters.
func TestOnlyAnAuthorsNameIsAnEmoji(t *testing.T) {
	inputs := map[string]string{"v": "[微笑]", "w": "微笑", "open": "[微", "close": "(https://example.com)"}
	const by = "a [赞同] b ${v} c [${w}] d ${open}笑] e [微${w} f [OK]${close} g \\[微笑]"
	const others = "a 👍 b [微笑] c [微笑] d [微笑] e [微微笑 f 👌(https://example.com) g [微笑]"
	const dingTalk = "a [赞同] b [微笑] c [微笑] d [微笑] e [微微笑 f [OK](https://example.com) g [微笑]"
	const flat = "a 👍 b [微笑] c [微笑] d [微笑] e [微微笑 f 👌(https://example.com)"
	line := strings.TrimSuffix(by, " g \\[微笑]")
	col := func(header string) render.Column {
		return render.Column{Field: "v", Header: header, Prefix: "[赞同]", Suffix: "[OK]", Condition: &render.Condition{
			Op: render.OpEqual, Threshold: "[微笑]", Met: render.Style{Mark: "[强]"}}}
	}
	msg := mustRender(t, render.Content{Title: line, Blocks: render.Blocks(
		render.Markdown(by), render.Markdown("${v}"), render.Markdown("**${v}** [${w}]"), render.Markdown("`${v}`"),
		render.Markdown("| [赞同] | ${v} |\n|---|---|\n| [OK] ${v} | [${w}] |"), render.TableOf(col("[赞同] ${v}")), render.Email(by+"\n\n${v}"),
	)}, data(inputs))
	for _, f := range textForms() {
		got, ps := f.look(t, msg)
		if got.title != flat && f.channel.Kind() != channel.WeCom {
			t.Errorf("%s: title %q, want %q", f.name, got.title, flat)
		}
		want := []string{others}
		if f.channel.Kind() == channel.DingTalk {
			want[0] = dingTalk
			// The client shows a name that is not escaped, and no other.
			text := str(within(decoded(t, ps[0]), "markdown")["text"])
			for name, n := range map[string]int{"[赞同]": 1, "[OK]": 1, "[微笑]": 0} {
				if got := strings.Count(text, name); got != n {
					t.Errorf("%s: %s stands %d times unescaped, want %d, in\n%s", f.name, name, got, n, text)
				}
			}
		}
		if f.name != mailBody.name {
			want = append(want, flat)
		}
		want = append(want, "[微笑]")
		for _, w := range want {
			if !strings.Contains(oneSpace(got.text+" "+got.title), w) {
				t.Errorf("%s: %q is not in\n%s", f.name, w, got.text)
			}
		}
		if f.name == mailBody.name {
			continue
		}
		lines := oneSpace(got.text)
		for _, r := range append([][]string{{"👌 [微笑]", "[微笑]"}, {"👍[微笑]👌👍"}}, []string{"👍", "[微笑]"}, []string{"👍 [微笑]"}) {
			found := f.lists && strings.Contains(lines, r[0])
			for _, row := range got.rows {
				found = found || row[0].Text == r[0]
			}
			found = found || slices.Contains(got.header, r[0]) || r[0] == "👍"
			if !found {
				t.Errorf("%s: no cell %q in %v and %s", f.name, r[0], got.rows, lines)
			}
		}
	}
}

var anyAddress = regexp.MustCompile(`https://example\.com/[^\s"'()<>\]]*`)

// addresses are those that a payload's text and links lead to.
func (f *form) addresses(t *testing.T, msg *channel.Message) (all []*url.URL) {
	t.Helper()
	ps, err := f.channel.Encode(msg, f.to)
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	for _, p := range ps {
		var texts []string
		if f.channel.Kind() == channel.Email {
			s := readMailHTML(t, p)
			texts = append(texts, s)
		} else {
			var walk func(any)
			walk = func(v any) {
				switch v := v.(type) {
				case string:
					texts = append(texts, v)
				case object:
					for _, inner := range v {
						walk(inner)
					}
				case []any:
					for _, inner := range v {
						walk(inner)
					}
				}
			}
			walk(decoded(t, p))
		}
		for _, text := range texts {
			for _, a := range anyAddress.FindAllString(text, -1) {
				u, err := url.Parse(a)
				if err != nil {
					t.Errorf("%s: %q is no address: %v", f.name, a, err)
					continue
				}
				all = append(all, u)
			}
		}
	}
	return all
}

// A value in the address of a link or a picture is one component of it, on every
// channel; what would lead elsewhere is text.
func TestValuesInAddressesStayInThemOnEveryChannel(t *testing.T) {
	for _, body := range []string{"[x](https://example.com/?q=${v})", "![x](https://example.com/?q=${v})", "a ![x](https://example.com/?q=${v}) b"} {
		for _, f := range textForms() {
			for _, v := range hostileValues {
				msg := mustRender(t, render.Content{Title: "t", Blocks: render.Blocks(render.Markdown(body), render.Email(body))}, data(nil, result([]string{"v"}, []any{v})))
				want := strings.ReplaceAll(cleaned(v), "\n", " ")
				found := f.addresses(t, msg)
				if len(found) == 0 {
					t.Errorf("%s: %s with %q leads nowhere", f.name, body, v)
				}
				for _, u := range found {
					if u.Host != "example.com" || u.Path != "/" || len(u.Query()) != 1 || u.Query().Get("q") != want || u.Fragment != "" {
						t.Errorf("%s: %s with %q leads to %s", f.name, body, v, u)
					}
				}
			}
		}
	}
	for _, body := range []string{"[label](${v})", "![label](${v})", "[label](${v}:alert)"} {
		for _, v := range []string{"javascript:alert(1)", "JAVASCRIPT", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "//evil.example", "dingtalk://x"} {
			msg := mustRender(t, render.Content{Title: "t", Blocks: render.Blocks(render.Markdown(body), render.Email(body))}, data(nil, result([]string{"v"}, []any{v})))
			if len(msg.Warnings) != 1 || msg.Warnings[0].Code != channel.WarnRemoved {
				t.Errorf("%s with %q: warnings %v", body, v, msg.Warnings)
			}
			for _, f := range textForms() {
				got, ps := f.look(t, msg)
				page := string(ps[0].Body)
				if f.name == mailBody.name {
					page = readMailHTML(t, ps[0])
				}
				if !strings.Contains(got.text, "label") || strings.Contains(page, v) {
					t.Errorf("%s: %s with %q is %s", f.name, body, v, page)
				}
			}
		}
	}
}

// A picture within a link is the picture or its description, and leads only where
// the author said.
func TestALinkedPictureLeadsWhereTheAuthorSaid(t *testing.T) {
	const body = "a [![logo](https://example.com/picture.png)](https://example.com/report) b"
	msg := mustRender(t, render.Content{Title: "t", Blocks: render.Blocks(render.Markdown(body), render.Email(body))}, render.Data{})
	for _, f := range textForms() {
		found := f.addresses(t, msg)
		if len(found) != 1 || found[0].Path != "/report" {
			t.Errorf("%s leads to %v", f.name, found)
		}
		got, ps := f.look(t, msg)
		if text := oneSpace(got.text); !strings.Contains(text, "logo") || strings.Contains(text, "](") || strings.Contains(text, "[[") {
			t.Errorf("%s shows %q", f.name, text)
		}
		if w := ps[0].Warnings; len(w) != 1 || w[0].Code != channel.WarnDegraded || !strings.HasPrefix(w[0].Text, "a picture within a link is shown as its description") {
			t.Errorf("%s warns %v", f.name, w)
		}
	}
	remote := mailBody
	remote.to = mailTo()
	remote.to.Options["images"] = "remote"
	_, ps := remote.look(t, msg)
	page := readMailHTML(t, ps[0])
	if strings.Count(page, "<a ") != 1 || !strings.Contains(page, `<a href="https://example.com/report" style="color:#0969da"><img src="https://example.com/picture.png"`) || len(ps[0].Warnings) > 0 {
		t.Errorf("a mail with pictures by address warns %v and is %s", ps[0].Warnings, page)
	}
}

// Whom an author mentions is called where the service can, and otherwise named in
// the text, with a warning.
func TestMentionsOnEveryChannel(t *testing.T) {
	const everyone, person, mail, phone = `<at id="all" />`, `<at id="u1"/>`, `<at email="ann@example.com"/>`, `<at phone="13800000000"/>`
	lookup := lark.New(&lark.Options{Lookup: func(_ context.Context, address string) (string, error) {
		return "ou_" + strings.TrimSuffix(address, "@example.com"), nil
	}})
	forms := append(textForms(), form{name: "lark with a look-up", channel: lookup, to: webhook(), read: readLark})
	tests := []struct {
		author string
		named  string
		// calls by form; where a form is missing nobody is called.
		calls map[string]string
	}{
		{everyone, "@all", map[string]string{"dingtalk list": "all", "dingtalk raw": "all", "lark card 2.0": "all", "lark card 1.0": "all", "lark with a look-up": "all",
			"wecom markdown_v2": "@all", "wecom markdown": "@all", "wecom text": "@all"}},
		{person, "@u1", map[string]string{"dingtalk list": "u1", "dingtalk raw": "u1", "lark card 2.0": "u1", "lark card 1.0": "u1", "lark with a look-up": "u1",
			"wecom markdown_v2": "u1", "wecom markdown": "u1", "wecom text": "u1", "teams table": "u1", "teams columns": "u1"}},
		{mail, "@ann@example.com", map[string]string{"lark with a look-up": "ou_ann", "teams table": "ann@example.com", "teams columns": "ann@example.com"}},
		{phone, "@13800000000", map[string]string{"dingtalk list": "13800000000", "dingtalk raw": "13800000000",
			"wecom markdown_v2": "13800000000", "wecom markdown": "13800000000", "wecom text": "13800000000"}},
		{`<at phone="138 0000-0000"/>`, "@138 0000-0000", map[string]string{"dingtalk list": "13800000000", "dingtalk raw": "13800000000",
			"wecom markdown_v2": "13800000000", "wecom markdown": "13800000000", "wecom text": "13800000000"}},
		{`<at phone="extension 7"/>`, "@extension 7", nil},
	}
	for _, tt := range tests {
		msg := mustRender(t, render.Content{Title: "t", Blocks: render.Blocks(render.Markdown("Dear "+tt.author+", hello"), render.Email("Dear "+tt.author+", hello"))}, render.Data{})
		for _, f := range forms {
			m := msg
			if p, ok := f.channel.(channel.Preparer); ok {
				var err error
				if m, err = p.Prepare(t.Context(), msg, f.to); err != nil {
					t.Fatal(err)
				}
			}
			got, ps := f.look(t, m)
			var want []string
			if who := tt.calls[f.name]; who != "" {
				want = append(want, who)
			}
			if diff := cmp.Diff(want, got.calls); diff != "" {
				t.Errorf("%s: %s calls (-want +got):\n%s", f.name, tt.author, diff)
			}
			if !strings.Contains(oneSpace(got.text), ", hello") {
				t.Errorf("%s: %s: the text is %q", f.name, tt.author, got.text)
			}
			if want != nil {
				continue
			}
			warned := slices.ContainsFunc(ps[0].Warnings, func(w channel.Warning) bool {
				return w.Code == channel.WarnRemoved || w.Code == channel.WarnUnresolved || w.Code == channel.WarnDegraded && f.name == mailBody.name
			})
			if !warned || !strings.Contains(got.text, tt.named) {
				t.Errorf("%s: %s: warnings %v, text %q", f.name, tt.author, ps[0].Warnings, got.text)
			}
		}
	}
}

// What a table cell of Markdown does not show is warned about once.
func TestStylesInATableCellAreWarnedAbout(t *testing.T) {
	for _, cell := range []string{"~~100~~ **90**", "`code`", "*a* `b`", "[**a**](https://example.com)", "**${v}**"} {
		msg := mustRender(t, render.Content{Blocks: render.Blocks(render.Markdown("|a|b|\n|--|--|\n|" + cell + "|" + cell + "|"))}, data(nil, result([]string{"v"}, []any{"x"})))
		want := []channel.Warning{{Code: channel.WarnDegraded, Text: "Bold, italic and struck text and code in a table cell are shown as plain text."}}
		if diff := cmp.Diff(want, msg.Warnings); diff != "" {
			t.Errorf("%s (-want +got):\n%s", cell, diff)
		}
	}
}

// A destination's own mentions are in its first part, and its keyword in each.
func TestADestinationsMentionsAndKeyword(t *testing.T) {
	res, names := grid(2000, 4, number)
	msg := mustRender(t, render.Content{Title: "t", Blocks: render.Blocks(render.Table(names...))}, data(nil, res))
	for _, f := range chats {
		f.to.Mentions = []channel.Mention{{ID: "u1"}}
		if f.channel.Kind() == channel.DingTalk || f.channel.Kind() == channel.Lark {
			f.to.Options["keyword"] = "report[1]"
			defer delete(f.to.Options, "keyword")
		}
		got, ps := f.look(t, msg)
		if !slices.Contains(got.calls, "u1") || len(got.calls) != 1 {
			t.Errorf("%s: %v are called", f.name, got.calls)
		}
		if f.to.Options["keyword"] == "" {
			continue
		}
		if len(ps) < 2 {
			t.Errorf("%s: %d parts", f.name, len(ps))
		}
		for _, p := range ps {
			if s := f.read(t, p); !strings.Contains(s.text, "report[1]") && f.channel.Kind() == channel.Lark ||
				f.channel.Kind() == channel.DingTalk && !strings.Contains(str(within(decoded(t, p), "markdown")["text"]), "report[1]") {
				t.Errorf("%s: part %d has no keyword in its text: %q", f.name, p.Part, last(s.text))
			}
		}
	}
}
