package main

import (
	"bytes"
	"fmt"
	"html/template"
	"math"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/bench/ratio"
	"github.com/datapush-go/datapush/internal/mailhtml"
)

// page is the table as a template that writes the same bytes. What is the same
// in every row is literal, and the rows are ready to range over.
const page = `<table border="1" cellpadding="6" cellspacing="0" bordercolor="#d0d7de" bgcolor="#ffffff" style="margin:0 0 14px 0;border-collapse:collapse;border:1px solid #d0d7de;background-color:#ffffff;%s">
<tr>{{range .Columns}}<th align="{{.Align}}" bgcolor="#eaeef2" style="padding:6px 10px;border:1px solid #d0d7de;background-color:#eaeef2;color:#24292f">{{.Header}}</th>{{end}}</tr>
{{range .Rows}}<tr>{{range .}}<td align="{{.Align}}" style="padding:6px 10px;border:1px solid #d0d7de">{{.Text}}</td>{{end}}</tr>
{{end}}</table>
`

// mail compares the writer of tables in mail bodies, without the limit that a
// mail's body has, with html/template.
func mail() ([]ratio.Row, bool) {
	t := wide()
	type column struct{ Header, Align string }
	type cell struct{ Align, Text string }
	var data struct {
		Columns []column
		Rows    [][]cell
	}
	align := func(c channel.CellType) string {
		if c == channel.TypeNumber {
			return "right"
		}
		return "left"
	}
	for j, c := range t.Columns {
		data.Columns = append(data.Columns, column{c.Header, align(t.Row(0)[j].Type)})
	}
	for i := range t.Rows() {
		row := make([]cell, tableColumns)
		for j, c := range t.Row(i) {
			row[j] = cell{align(c.Type), c.Text}
		}
		data.Rows = append(data.Rows, row)
	}
	tmpl := template.Must(template.New("").Parse(fmt.Sprintf(page, mailhtml.TextStyle)))
	var ours []byte
	write := func() { ours, _ = mailhtml.AppendTable(ours[:0], t, math.MaxInt, false) }
	var theirs bytes.Buffer
	execute := func() {
		theirs.Reset()
		check(tmpl.Execute(&theirs, data))
	}
	write()
	execute()
	same("mail", string(ours), theirs.String())
	r := ratio.Compare(fmt.Sprintf("table to a mail's HTML, %d bytes", len(ours)), 7, 1, write, execute)
	r.Most = 1.0 / 10
	return []ratio.Row{r}, true
}
