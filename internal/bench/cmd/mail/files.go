package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"log"
	"reflect"
	"strconv"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/internal/bench/ratio"
)

const (
	rows    = 10_000
	columns = 8
)

// looks are the styles of the table's cells, beside the header's.
const (
	lookText = iota
	lookNumber
	lookMoney
	lookGrowth
	lookFall
	lookDate
	looks
)

// cell is what the rivals are given: the value in its own type and as CSV has it.
type cell struct {
	value any
	text  string
	look  int
}

// data is the same table for both sides: the kinds of cells that reports have,
// with separators and quotes in texts, colours by condition, and a null now and
// then.
func data() (*channel.Table, [][]cell) {
	t := &channel.Table{Columns: []channel.Column{
		{Header: "Order"},
		{Header: "Department"},
		{Header: "Region"},
		{Header: "Revenue", Prefix: "¥", Format: "#,##0.00"},
		{Header: "Growth", Suffix: "%"},
		{Header: "Items"},
		{Header: "Day"},
		{Header: "Note"},
	}}
	regions := []string{"North", "South, coast", "华东", `The "Islands"`}
	notes := []any{"on time", nil, "late, asked again", "二次配送", "paid in advance"}
	first := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	const firstSerial = 45292 // of that day in a spreadsheet
	var all [][]cell
	for r := range rows {
		growth := float64(r%400-200) / 8
		look := lookGrowth
		if growth < 0 {
			look = lookFall
		}
		revenue := float64(r*37%1_000_000) + 0.25
		day := r % 366
		row := []cell{
			{int64(r + 1), strconv.Itoa(r + 1), lookNumber},
			{fmt.Sprintf("Department %d", r%97), fmt.Sprintf("Department %d", r%97), lookText},
			{regions[r%len(regions)], regions[r%len(regions)], lookText},
			{revenue, strconv.FormatFloat(revenue, 'f', -1, 64), lookMoney},
			{growth, strconv.FormatFloat(growth, 'f', -1, 64), look},
			{int64(r % 50), strconv.Itoa(r % 50), lookNumber},
			{float64(firstSerial + day), first.AddDate(0, 0, day).Format(time.DateOnly), lookDate},
			{value: notes[r%len(notes)]},
		}
		if s, ok := row[7].value.(string); ok {
			row[7].text = s
		}
		all = append(all, row)
		for _, c := range row {
			x := channel.Cell{Text: c.text, Raw: c.text}
			switch c.look {
			case lookNumber, lookMoney, lookGrowth, lookFall:
				x.Type = channel.TypeNumber
			case lookDate:
				x.Type = channel.TypeDate
			}
			switch c.look {
			case lookGrowth:
				x.Color, x.Mark = channel.ColorGreen, "↑"
			case lookFall:
				x.Color, x.Mark = channel.ColorRed, "↓"
			}
			if c.value == nil {
				x = channel.Cell{Type: channel.TypeNull}
			}
			t.Cells = append(t.Cells, x)
		}
	}
	return t, all
}

func files() []ratio.Row {
	table, cells := data()
	header := make([]string, columns)
	for i, c := range table.Columns {
		header[i] = c.Header
	}
	encode := func(form string) func() []byte {
		t := *table
		t.File = form
		c, to := email.New(nil), email.To("mail", email.Account{From: sender, To: []string{receiver}})
		m := &channel.Message{
			Title:    "Orders",
			Email:    []channel.Block{&channel.Paragraph{Inlines: []channel.Inline{channel.Text("The orders are attached.")}}},
			Sections: []channel.Section{{Blocks: []channel.Block{&t}}},
		}
		return func() []byte {
			ps, err := c.Encode(m, to)
			check(err)
			return ps[0].Body
		}
	}
	ourBook, book := encode("xlsx"), func() []byte { return workbook(header, cells) }
	compareBooks(attached(ourBook(), "Orders-1.xlsx"), book())
	ourCSV, plain := encode("csv"), func() []byte { return separated(header, cells) }
	if a, b := attached(ourCSV(), "Orders-1.csv"), plain(); !bytes.Equal(a, b) {
		i := 0
		for i < min(len(a), len(b)) && a[i] == b[i] {
			i++
		}
		log.Fatalf("the CSV files differ at byte %d: %q and %q", i, a[i:min(i+40, len(a))], b[i:min(i+40, len(b))])
	}

	name := fmt.Sprintf("%d × %d as ", rows, columns)
	xlsx := ratio.Compare(name+"XLSX, beside excelize's stream writer", 11, 5, func() { ourBook() }, func() { book() })
	xlsx.Most = 1.1
	text := ratio.Compare(name+"CSV, beside encoding/csv", 41, 5, func() { ourCSV() }, func() { plain() })
	text.Most = 1.3
	return []ratio.Row{xlsx, text}
}

// attached is the attachment of that name.
func attached(mail []byte, name string) []byte {
	_, parts := read(mail)
	for _, p := range parts {
		if p.file == name {
			return p.data
		}
	}
	log.Fatalf("the mail does not attach %s", name)
	return nil
}

// separated is the table by encoding/csv.
func separated(header []string, cells [][]cell) []byte {
	var out bytes.Buffer
	out.WriteString("\uFEFF")
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	check(w.Write(header))
	fields := make([]string, columns)
	for _, row := range cells {
		for i := range row {
			fields[i] = row[i].text
		}
		check(w.Write(fields))
	}
	w.Flush()
	check(w.Error())
	return out.Bytes()
}

// workbook is the table by excelize's stream writer.
func workbook(header []string, cells [][]cell) []byte {
	f := excelize.NewFile()
	defer f.Close()
	w, err := f.NewStreamWriter("Sheet1")
	check(err)
	for i, width := range []float64{8, 15, 15, 10, 11, 8, 12, 19} {
		check(w.SetColWidth(i+1, i+1, width))
	}
	check(w.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}))
	style := func(s *excelize.Style) int {
		id, err := f.NewStyle(s)
		check(err)
		return id
	}
	head := style(&excelize.Style{
		Font:   &excelize.Font{Bold: true},
		Fill:   excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"EAEEF2"}},
		Border: []excelize.Border{{Type: "bottom", Style: 1, Color: "D0D7DE"}},
	})
	left, right := &excelize.Alignment{Horizontal: "left"}, &excelize.Alignment{Horizontal: "right"}
	format := func(s string) *string { return &s }
	styles := [looks]int{
		lookText:   style(&excelize.Style{Alignment: left}),
		lookNumber: style(&excelize.Style{Alignment: right}),
		lookMoney:  style(&excelize.Style{Alignment: right, CustomNumFmt: format(`"¥"#,##0.00;"¥"-#,##0.00;"¥"#,##0.00;"¥"@`)}),
		lookGrowth: style(&excelize.Style{
			Alignment: right, Font: &excelize.Font{Color: "1a7f37"},
			CustomNumFmt: format(`General"%↑";-General"%↑";General"%↑";@"%↑"`),
		}),
		lookFall: style(&excelize.Style{
			Alignment: right, Font: &excelize.Font{Color: "d1242f"},
			CustomNumFmt: format(`General"%↓";-General"%↓";General"%↓";@"%↓"`),
		}),
		lookDate: style(&excelize.Style{Alignment: left, CustomNumFmt: format("yyyy-mm-dd")}),
	}
	filled, values := make([]excelize.Cell, columns), make([]any, columns)
	for i, h := range header {
		filled[i] = excelize.Cell{StyleID: head, Value: h}
		values[i] = &filled[i]
	}
	check(w.SetRow("A1", values))
	for r, row := range cells {
		for i := range row {
			if row[i].value == nil {
				values[i] = nil
				continue
			}
			filled[i] = excelize.Cell{StyleID: styles[row[i].look], Value: row[i].value}
			values[i] = &filled[i]
		}
		check(w.SetRow("A"+strconv.Itoa(r+2), values))
	}
	check(w.Flush())
	var out bytes.Buffer
	check(f.Write(&out))
	return out.Bytes()
}

// compareBooks ends the command where two workbooks do not hold the same: values
// as they are stored and as they are shown, types, styles, widths and panes.
func compareBooks(a, b []byte) {
	x, y := open(a), open(b)
	defer x.Close()
	defer y.Close()
	for _, raw := range []bool{false, true} {
		o := excelize.Options{RawCellValue: raw}
		v, err := x.GetRows("Sheet1", o)
		check(err)
		w, err := y.GetRows("Sheet1", o)
		check(err)
		if len(v) != rows+1 || !reflect.DeepEqual(v, w) {
			log.Fatalf("the workbooks' values differ (raw: %v)", raw)
		}
	}
	same := map[[2]int]bool{}
	for r := range rows + 1 {
		for c := range columns {
			name, err := excelize.CoordinatesToCellName(c+1, r+1)
			check(err)
			t, s := look(x, name)
			u, v := look(y, name)
			pair := [2]int{s, v}
			if _, known := same[pair]; !known {
				p, err := x.GetStyle(s)
				check(err)
				q, err := y.GetStyle(v)
				check(err)
				same[pair] = reflect.DeepEqual(p, q)
			}
			if t != u || !same[pair] {
				log.Fatalf("cell %s has another type or style", name)
			}
		}
	}
	for c := range columns {
		name, err := excelize.ColumnNumberToName(c + 1)
		check(err)
		v, err := x.GetColWidth("Sheet1", name)
		check(err)
		w, err := y.GetColWidth("Sheet1", name)
		check(err)
		if v != w {
			log.Fatalf("column %s is %v and %v wide", name, v, w)
		}
	}
	v, err := x.GetPanes("Sheet1")
	check(err)
	w, err := y.GetPanes("Sheet1")
	check(err)
	if !v.Freeze || !reflect.DeepEqual(v, w) {
		log.Fatal("the panes differ")
	}
}

func open(data []byte) *excelize.File {
	f, err := excelize.OpenReader(bytes.NewReader(data))
	check(err)
	return f
}

// look is a cell's type and style.
func look(f *excelize.File, name string) (excelize.CellType, int) {
	t, err := f.GetCellType("Sheet1", name)
	check(err)
	s, err := f.GetCellStyle("Sheet1", name)
	check(err)
	return t, s
}
