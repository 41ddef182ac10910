package lark

import (
	"slices"
	"strconv"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/jsontext"
)

// table adds the native table component. Cells are plain text, which needs no
// escaping and keeps every digit; a column with colours holds coloured text
// instead (data type lark_md, clients from 7.10).
func (e *encoder) table(t *channel.Table) {
	if len(t.Columns) == 0 {
		return
	}
	e.tables++
	e.visible = true
	if len(t.Columns) > maxColumns {
		e.warn(channel.WarnCut, "table "+strconv.Itoa(e.tables)+": the first "+strconv.Itoa(maxColumns)+" of "+fit.Count(len(t.Columns))+
			" columns are shown, because a Lark table has no more")
	}
	x := table{e: e, t: t, columns: make([]column, min(len(t.Columns), maxColumns)), number: e.tables}
	x.list = x.number <= len(e.lists) && e.lists[x.number-1]
	before := `,{"c`
	for i := range x.columns {
		c := &t.Columns[i]
		x.columns[i] = column{Column: c, open: before + strconv.Itoa(i) + `":"`, bare: c.Prefix == "" && c.Suffix == ""}
		before = `","c`
	}
	x.piece.LeadSize = fit.Size{1}
	if x.list {
		x.piece.LeadSize = fit.Size{len(newLine)}
	}
	x.piece.More = func(left int) ([]byte, fit.Size) {
		note := append([]byte{','}, e.element(fit.More(left))...)
		return note, component(len(note))
	}
	_, x.piece.MoreSize = x.piece.More(1 << 62)
	e.layout.Close()
	e.layout.Scratch.Lend(&x.piece)
	for !x.rows() {
		// A colour turned up in a column that was plain so far.
	}
	e.layout.Scratch.Return(&x.piece)
	e.add(x.piece)
}

type table struct {
	e       *encoder
	t       *channel.Table
	number  int
	columns []column
	piece   fit.Piece
	list    bool
}

type column struct {
	*channel.Column
	open    string // before a value: its key, or in a list its name
	bare    bool   // a value has no prefix and no suffix
	colored bool
}

// rows writes head and rows. It is false when the kind of a column has to be
// another; each column changes at most once.
func (x *table) rows() bool {
	p := &x.piece
	p.Buf, p.Rows, p.Total = p.Buf[:0], p.Rows[:0], x.t.Rows()
	x.head()
	room := x.e.layout.Room(p)[0]
	enough := x.e.layout.Enough(p)[0]
	for i := range p.Total {
		row := x.t.Row(i)
		at := len(p.Buf)
		if !x.row(row, -1) {
			return false
		}
		if len(p.Buf)-at > room {
			for most := room; len(p.Buf)-at > room; most = most * 3 / 4 {
				p.Buf = p.Buf[:at]
				x.row(row, most)
			}
			x.e.warn(channel.WarnCut, "table "+strconv.Itoa(x.number)+": a row is longer than a card holds, its longest cells were cut")
		}
		if p.Add(fit.Size{len(p.Buf) - at}, p.LeadSize[0])[0] > enough {
			break
		}
		if i == 0 {
			// The first row tells about how much room all need.
			n := min(p.Total, enough/len(p.Buf)+1)
			p.Buf = slices.Grow(p.Buf, n*len(p.Buf)*5/4)
			p.Rows = slices.Grow(p.Rows, n*5/4)
		}
	}
	return true
}

// row appends one row whose cells are cut to most bytes unless it is negative.
func (x *table) row(row []channel.Cell, most int) bool {
	if x.list {
		x.line(row, most)
		return true
	}
	return x.object(row, most)
}

// object is row for a table component. It does little else, which keeps what it
// works with in registers.
func (x *table) object(row []channel.Cell, most int) bool {
	buf := x.piece.Buf
	for c := range x.columns {
		cell, col := &row[c], &x.columns[c]
		if cell.Color != channel.ColorDefault && !col.colored {
			col.colored = true
			return false
		}
		buf = append(buf, col.open...)
		switch {
		case col.colored:
			buf = markdownCell(buf, show(col.Column, cell, most), cell.Color)
		case most >= 0:
			buf = jsontext.AppendLine(buf, show(col.Column, cell, most))
		case col.bare || cell.Bare():
			n := len(cell.Text)
			buf = slices.Grow(buf, n)
			if to := buf[len(buf) : len(buf)+n]; !jsontext.Special.Copy(to, cell.Text) {
				buf = buf[:len(buf)+n]
			} else {
				buf = jsontext.AppendLine(buf, cell.Text)
			}
			if cell.Mark != "" {
				buf = jsontext.AppendLine(buf, cell.Mark)
			}
		default:
			// The same characters as Column.Show, without joining them first.
			buf = jsontext.AppendLine(buf, col.Prefix)
			buf = jsontext.AppendLine(buf, cell.Text)
			buf = jsontext.AppendLine(buf, col.Suffix)
			buf = jsontext.AppendLine(buf, cell.Mark)
		}
	}
	x.piece.Buf = append(buf, `"}`...)
	return true
}

func show(col *channel.Column, cell *channel.Cell, most int) string {
	s := col.Show(*cell)
	if most >= 0 {
		s, _ = fit.Clip(s, most)
	}
	return s
}

// colors are names of the vendor's palette
// (https://open.feishu.cn/document/feishu-cards/enumerations-for-fields-related-to-color,
// read 2026-11-23).
var colors = map[channel.Color]string{
	channel.ColorGreen: "green", channel.ColorRed: "red", channel.ColorBlue: "blue",
	channel.ColorOrange: "orange", channel.ColorYellow: "yellow", channel.ColorGrey: "grey",
}

func markdownCell(dst []byte, s string, color channel.Color) []byte {
	name := colors[color]
	if s == "" {
		return dst
	}
	if name != "" {
		dst = append(dst, "<font color='"...)
		dst = append(dst, name...)
		dst = append(dst, "'>"...)
	}
	// An escaped text has no backslash and no control character, so a quote is
	// the only thing that JSON asks to escape.
	at := len(dst)
	dst, _ = appendText(dst, jsontext.Line(s), true, nil, false)
	dst = quotes(dst, at)
	if name != "" {
		dst = append(dst, "</font>"...)
	}
	return dst
}

// quotes puts a backslash before each quote from at on.
func quotes(b []byte, at int) []byte {
	n := 0
	for _, c := range b[at:] {
		if c == '"' {
			n++
		}
	}
	if n == 0 {
		return b
	}
	from := len(b) - 1
	for range n {
		b = append(b, 0)
	}
	for to := len(b) - 1; from >= at; from-- {
		b[to] = b[from]
		to--
		if b[from] == '"' {
			b[to] = '\\'
			to--
		}
	}
	return b
}

// head writes what stands before the rows. Long headers are cut so that rows
// have room.
func (x *table) head() {
	if x.list {
		x.listHead()
		return
	}
	most := 0
	for _, c := range x.columns {
		most = max(most, len(c.Header))
	}
	p := &x.piece
	p.Tail, p.TailSize = []byte("]}"), fit.Size{2}
	cut := false
	for {
		b := append(p.Head[:0], `{"tag":"table","page_size":10,"row_height":"low","header_style":{"background_style":"grey","bold":true},"columns":[`...)
		for i, c := range x.columns {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"name":"c`...)
			b = strconv.AppendInt(b, int64(i), 10)
			b = append(b, `","display_name":"`...)
			b = jsontext.AppendLine(b, clip(c.Header, most))
			b = append(b, `","data_type":"`...)
			if c.colored {
				b = append(b, "lark_md"...)
			} else {
				b = append(b, "text"...)
			}
			b = append(b, `","horizontal_align":"`...)
			b = append(b, x.align(i)...)
			b = append(b, `"}`...)
		}
		p.Head = append(b, `],"rows":[`...)
		p.HeadSize = fit.Size{len(p.Head), 1, 1}
		if len(p.Head) <= x.e.layout.Limit[0]*2/5 || most < 8 {
			break
		}
		most, cut = most*3/4, true
	}
	if cut {
		x.warnNames()
	}
}

func (x *table) warnNames() {
	x.e.warn(channel.WarnCut, "table "+strconv.Itoa(x.number)+": long column names were cut")
}

// align puts columns of numbers right unless the author says otherwise.
func (x *table) align(col int) string {
	switch a := x.columns[col].Align; a {
	case channel.AlignLeft, channel.AlignCenter, channel.AlignRight:
		return string(a)
	}
	n := len(x.t.Columns)
	for i := col; i < len(x.t.Cells); i += n {
		switch x.t.Cells[i].Type {
		case channel.TypeNull:
			continue
		case channel.TypeNumber:
			return "right"
		}
		break
	}
	return "left"
}
