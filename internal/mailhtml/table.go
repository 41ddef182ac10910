// Package mailhtml writes what a mail's body is mostly made of: text that shows as
// its characters, and tables.
package mailhtml

import "github.com/datapush-go/datapush/channel"

// The looks of a mail's text and tables. Text and background are always both
// set, in colours that stay readable when a dark mode inverts only one of them.
const (
	Ink       = "#24292f"
	Paper     = "#ffffff"
	Border    = "#d0d7de"
	TextStyle = `font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,'PingFang SC','Microsoft YaHei',sans-serif` +
		`;font-size:14px;line-height:22px;color:` + Ink

	headStyle = `padding:6px 10px;border:1px solid ` + Border + `;background-color:#eaeef2;color:` + Ink
	cellStyle = `padding:6px 10px;border:1px solid ` + Border
)

// Hex is a colour that is readable on white and on near-black.
func Hex(c channel.Color) string {
	switch c {
	case channel.ColorGreen:
		return "#1a7f37"
	case channel.ColorRed:
		return "#d1242f"
	case channel.ColorBlue:
		return "#0969da"
	case channel.ColorOrange:
		return "#bc4c00"
	case channel.ColorYellow:
		return "#9a6700"
	case channel.ColorGrey:
		return "#6e7781"
	default:
		return ""
	}
}

// AppendTable writes a header and rows until the table has more than limit bytes,
// and returns how many rows it wrote. Exact leaves out the row that goes beyond. A
// line break is two bytes, as it is in a mail.
func AppendTable(dst []byte, t *channel.Table, limit int, exact bool) (_ []byte, rows int) {
	start := len(dst)
	dst = append(dst, `<table border="1" cellpadding="6" cellspacing="0" bordercolor="`+Border+`" bgcolor="`+Paper+`" style="margin:0 0 14px 0;border-collapse:collapse;border:1px solid `+Border+`;background-color:`+Paper+`;`+TextStyle+`">`+"\n<tr>"...)
	for i := range t.Columns {
		c := &t.Columns[i]
		dst = append(dst, `<th align="`+Align(c, ColumnType(t, i))+`" bgcolor="#eaeef2" style="`+headStyle+`">`...)
		dst = append(AppendText(dst, c.Header), `</th>`...)
	}
	dst = append(dst, "</tr>\n"...)
	var all tags
	last := make([]colouredTag, len(t.Columns))
	for n := t.Rows(); rows < n; rows++ {
		mark := len(dst)
		dst = append(dst, "<tr>"...)
		row := t.Row(rows)
		for j := range row {
			c, cell := &t.Columns[j], &row[j]
			if key := (tagKey{Align(c, cell.Type), cell.Color}); key != last[j].key {
				last[j] = colouredTag{key, all.cell(key)}
			}
			dst = append(dst, last[j].tag...)
			switch {
			case cell.Bare() || c.Prefix == "" && c.Suffix == "":
				dst = AppendText(dst, cell.Text)
			default:
				dst = AppendText(dst, c.Prefix)
				dst = AppendText(dst, cell.Text)
				dst = AppendText(dst, c.Suffix)
			}
			if cell.Mark != "" {
				dst = AppendText(dst, cell.Mark)
			}
			dst = append(dst, "</td>"...)
		}
		dst = append(dst, "</tr>\n"...)
		if len(dst)-start+rows+lines > limit {
			if exact {
				dst = dst[:mark]
			}
			break
		}
	}
	return append(dst, "</table>\n"...), rows
}

// lines are those of a table besides its rows, and that of the row at hand.
const lines = 4

type tagKey struct {
	align string
	color channel.Color
}

// tags are the opening tags of cells that look alike.
type tags map[tagKey]string

// colouredTag is the opening tag that a column used last, which is nearly
// always the next one too.
type colouredTag struct {
	key tagKey
	tag string
}

func (t *tags) cell(key tagKey) string {
	if s, ok := (*t)[key]; ok {
		return s
	}
	s := `<td align="` + key.align + `" style="` + cellStyle
	if h := Hex(key.color); h != "" {
		s += ";color:" + h
	}
	s += `">`
	if *t == nil {
		*t = tags{}
	}
	(*t)[key] = s
	return s
}

// ColumnType is the type of a column's first cell that has a value, so that a
// header stands above its numbers.
func ColumnType(t *channel.Table, col int) channel.CellType {
	for i := range min(t.Rows(), 50) {
		if c := t.Row(i)[col]; c.Type != channel.TypeNull {
			return c.Type
		}
	}
	return channel.TypeText
}

// Align is where a cell of a type stands in its column.
func Align(c *channel.Column, t channel.CellType) string {
	switch {
	case c.Align == channel.AlignLeft || c.Align == channel.AlignRight || c.Align == channel.AlignCenter:
		return string(c.Align)
	case t == channel.TypeNumber:
		return "right"
	default:
		return "left"
	}
}
