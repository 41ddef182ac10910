package email_test

import (
	"bytes"
	"encoding/csv"
	"html/template"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/email"
)

// The size that the benchmarks compare at.
const benchRows, benchColumns = 10_000, 8

func BenchmarkHTMLTable(b *testing.B) {
	tab := bigTable(benchRows, benchColumns)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = email.AppendTable(buf[:0], tab)
	}
}

func BenchmarkHTMLTableByTemplate(b *testing.B) {
	tab := bigTable(benchRows, benchColumns)
	tmpl := template.Must(template.New("").Parse(`<table><tr>{{range .Columns}}<th>{{.Header}}</th>{{end}}</tr>{{range .Rows}}<tr>{{range .}}<td style="padding:6px 10px;border:1px solid #d0d7de">{{.Text}}</td>{{end}}</tr>{{end}}</table>`))
	data := struct {
		Columns []channel.Column
		Rows    [][]channel.Cell
	}{Columns: tab.Columns}
	for i := range tab.Rows() {
		data.Rows = append(data.Rows, tab.Row(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := tmpl.Execute(&out, data); err != nil {
			b.Fatal(err)
		}
	}
}

func benchAttachment(b *testing.B, form string) {
	tab := bigTable(benchRows, benchColumns)
	tab.File = form
	m := &channel.Message{Title: "T", Email: []channel.Block{para("x")}, Sections: []channel.Section{{Blocks: []channel.Block{tab}}}}
	c, to := email.New(nil), email.To("mail", plainAccount)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Encode(m, to); err != nil {
			b.Fatal(err)
		}
	}
}

// The mail around the attachment, its base64 included, is part of the time.
func BenchmarkXLSX(b *testing.B) { benchAttachment(b, "xlsx") }

func BenchmarkCSV(b *testing.B) {
	tab := bigTable(benchRows, benchColumns)
	b.ReportAllocs()
	for b.Loop() {
		_ = email.AppendCSV(nil, tab)
	}
}

func BenchmarkCSVByEncodingCSV(b *testing.B) {
	tab := bigTable(benchRows, benchColumns)
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		w := csv.NewWriter(&out)
		w.UseCRLF = true
		row := make([]string, benchColumns)
		for i := range tab.Columns {
			row[i] = tab.Columns[i].Header
		}
		_ = w.Write(row)
		for r := range tab.Rows() {
			for i, c := range tab.Row(r) {
				row[i] = c.Raw
			}
			_ = w.Write(row)
		}
		w.Flush()
	}
}

func BenchmarkXLSXByStreamWriter(b *testing.B) {
	tab := bigTable(benchRows, benchColumns)
	b.ReportAllocs()
	for b.Loop() {
		f := excelize.NewFile()
		w, err := f.NewStreamWriter("Sheet1")
		if err != nil {
			b.Fatal(err)
		}
		left, err := f.NewStyle(&excelize.Style{Alignment: &excelize.Alignment{Horizontal: "left"}})
		if err != nil {
			b.Fatal(err)
		}
		right, err := f.NewStyle(&excelize.Style{Alignment: &excelize.Alignment{Horizontal: "right"}})
		if err != nil {
			b.Fatal(err)
		}
		row := make([]any, benchColumns)
		for i := range tab.Columns {
			row[i] = tab.Columns[i].Header
		}
		_ = w.SetRow("A1", row)
		n := int64(0)
		for r := range tab.Rows() {
			for i, c := range tab.Row(r) {
				if c.Type == channel.TypeNumber {
					row[i] = excelize.Cell{StyleID: right, Value: n}
				} else {
					row[i] = excelize.Cell{StyleID: left, Value: c.Text}
				}
				n++
			}
			name, _ := excelize.CoordinatesToCellName(1, r+2)
			_ = w.SetRow(name, row)
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		var out bytes.Buffer
		if err := f.Write(&out); err != nil {
			b.Fatal(err)
		}
		_ = f.Close()
	}
}
