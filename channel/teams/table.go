package teams

import (
	"slices"
	"strconv"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/jsontext"
)

// table adds a native table, or column sets where the destination asks for them.
func (e *encoder) table(t *channel.Table) {
	if len(t.Columns) == 0 {
		return
	}
	e.tables++
	e.visible = true
	name := "table " + strconv.Itoa(e.tables)
	if len(t.Columns) > maxColumns {
		e.warn(channel.WarnCut, name+": the first "+strconv.Itoa(maxColumns)+" of "+fit.Count(len(t.Columns))+" columns are shown, because a card has no room for more")
	}
	x := table{e: e, t: t, columns: t.Columns[:min(len(t.Columns), maxColumns)], rule: e.rule}
	e.rule = false
	x.frame()
	p := &x.piece
	p.More = func(left int) ([]byte, fit.Size) {
		note := append([]byte{','}, e.note(fit.More(left))...)
		return note, measure(note)
	}
	_, p.MoreSize = p.More(1 << 62)
	most := 0
	for _, c := range x.columns {
		most = max(most, len(c.Header))
	}
	for cut := false; ; cut = true {
		x.head(most)
		if p.HeadSize[0] <= maxRequest*2/5 || most < 8 {
			if cut {
				e.warn(channel.WarnCut, name+": long column names were cut")
			}
			break
		}
		most = most * 3 / 4
	}

	p.Total = t.Rows()
	room, enough := e.layout.Room(p), e.layout.Enough(p)
	e.layout.Close()
	e.layout.Scratch.Lend(p)
	for i := range p.Total {
		row := t.Row(i)
		at := len(p.Buf)
		size := x.row(row, -1)
		if !size.Within(&room) {
			for most := room[0]; !size.Within(&room) && most > 0; most = most * 3 / 4 {
				p.Buf = p.Buf[:at]
				size = x.row(row, most)
			}
			e.warn(channel.WarnCut, name+": a row is longer than a card holds, its longest cells were cut")
		}
		// The header row stands before it in every part.
		if !p.Add(size, 0).Within(&enough) {
			break
		}
		if i == 0 {
			// The first row tells about how much room all need.
			n := min(p.Total, enough[0]/len(p.Buf)+1)
			p.Buf = slices.Grow(p.Buf, n*len(p.Buf)*5/4)
			p.Rows = slices.Grow(p.Rows, n*5/4)
		}
	}
	e.layout.Scratch.Return(p)
	e.layout.Pieces = append(e.layout.Pieces, x.piece)
}

type table struct {
	e       *encoder
	t       *channel.Table
	columns []channel.Column
	cols    []column
	end     string // of a row
	quotes  int    // in a row of plain texts
	rule    bool
	piece   fit.Piece
}

// column is what is the same for all cells of a column.
type column struct {
	open      string // before a cell
	plainOpen string // before a plain text, with open
	align     string // of each text, for column sets
	bare      bool   // a plain value is a plain text
}

// frame prepares what is the same for all rows.
func (x *table) frame() {
	f := tableFrame
	if x.e.columns {
		f = setFrame
	}
	first := column{open: f.open, plainOpen: f.open + plainOpen}
	other := column{open: f.between, plainOpen: f.between + plainOpen}
	x.cols, x.end = make([]column, len(x.columns)), f.end
	for i, c := range x.columns {
		col := &x.cols[i]
		if *col = other; i == 0 {
			*col = first
		}
		if x.e.columns {
			col.align = aligned[x.align(i)]
		}
		col.bare = col.align == "" && c.Prefix == "" && c.Suffix == ""
	}
	quotes := func(s string) int { return strings.Count(s, `"`) }
	x.quotes = quotes(first.plainOpen) + (len(x.cols)-1)*quotes(other.plainOpen) + len(x.cols)*quotes(plainEnd) + quotes(f.end)
}

// head writes what stands before the rows, the header row included, with names
// of at most most bytes.
func (x *table) head(most int) {
	p := &x.piece
	rule := ""
	if x.rule {
		rule = `,"separator":true,"spacing":"Medium"`
	}
	b := slices.Grow(p.Head[:0], (len(x.columns)+1)*160)
	cell := func(col int) {
		name, _ := fit.Clip(x.columns[col].Header, most)
		b = append(b, `"items":[`...)
		b = appendCell(b, name, `,"weight":"Bolder"`, "")
		b = append(b, ']')
	}
	if x.e.columns {
		b = append(append(append(b, `{"type":"ColumnSet"`...), rule...), `,"columns":[`...)
		for i := range x.columns {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"type":"Column","width":"stretch",`...)
			cell(i)
			b = append(b, '}')
		}
		p.Head = append(b, `]}`...)
		p.Tail = nil
	} else {
		b = append(append(append(b, `{"type":"Table"`...), rule...), `,"columns":[`...)
		for i := range x.columns {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"width":1`...)
			if a := x.align(i); a != "" {
				b = append(append(append(b, `,"horizontalCellContentAlignment":"`...), a...), '"')
			}
			b = append(b, '}')
		}
		b = append(b, `],"rows":[{"type":"TableRow","cells":[`...)
		for i := range x.columns {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"type":"TableCell",`...)
			cell(i)
			b = append(b, '}')
		}
		p.Head = append(b, `]}`...)
		p.Tail = []byte(`]}`)
	}
	p.HeadSize, p.TailSize = measure(p.Head), measure(p.Tail)
}

// framing is what stands before the first cell of a row, between two and after
// the last.
type framing struct{ open, between, end string }

var (
	tableFrame = framing{`,{"type":"TableRow","cells":[{"type":"TableCell","items":[`, `]},{"type":"TableCell","items":[`, `]}]}`}
	setFrame   = framing{`,{"type":"ColumnSet","spacing":"Small","columns":[{"type":"Column","width":"stretch","items":[`,
		`]},{"type":"Column","width":"stretch","items":[`, `]}]}`}
)

const (
	plainOpen = `{"type":"TextBlock","text":"`
	plainEnd  = `","wrap":true}`
)

// row appends a row, with the comma before it, and measures it. Cells are cut to
// most bytes unless it is negative.
func (x *table) row(row []channel.Cell, most int) fit.Size {
	at, plain := len(x.piece.Buf), most < 0
	b := x.piece.Buf
	for c := range x.cols {
		cell, col := &row[c], &x.cols[c]
		if col.bare && cell.Color == channel.ColorDefault && cell.Mark == "" && most < 0 && simple(cell.Text) {
			b = append(b, col.plainOpen...)
			b = append(b, cell.Text...)
			b = append(b, plainEnd...)
		} else {
			plain = false
			b = x.styled(append(b, col.open...), c, cell, most)
		}
	}
	b = append(b, x.end...)
	x.piece.Buf = b
	if n := len(b) - at; plain {
		return fit.Size{n, n + x.quotes}
	}
	return measure(b[at:])
}

// styled appends a cell that is more than plain text.
func (x *table) styled(dst []byte, c int, cell *channel.Cell, most int) []byte {
	s := x.columns[c].Show(*cell)
	if most >= 0 {
		s, _ = fit.Clip(s, most)
	}
	style := ""
	if cell.Color != channel.ColorDefault {
		style = colors[cell.Color]
	}
	return appendCell(dst, s, style, x.cols[c].align)
}

// colors are the nearest of the card's own colours. Cards know no grey but
// subtle text.
var colors = map[channel.Color]string{
	channel.ColorGreen: `,"color":"Good"`, channel.ColorRed: `,"color":"Attention"`,
	channel.ColorOrange: `,"color":"Warning"`, channel.ColorYellow: `,"color":"Warning"`,
	channel.ColorBlue: `,"color":"Accent"`, channel.ColorGrey: `,"isSubtle":true`,
}

var aligned = map[string]string{
	"Left": `,"horizontalAlignment":"Left"`, "Center": `,"horizontalAlignment":"Center"`, "Right": `,"horizontalAlignment":"Right"`,
}

// appendCell writes a text element with a value. Style is of the text, align of
// the element.
func appendCell(dst []byte, s, style, align string) []byte {
	s = jsontext.Line(s)
	if plain(s) {
		dst = append(dst, plainOpen...)
		dst = jsontext.Append(dst, s)
		dst = append(dst, '"')
		dst = append(append(dst, style...), align...)
		return append(dst, plainEnd[1:]...)
	}
	dst = append(append(dst, `{"type":"RichTextBlock"`...), align...)
	dst = append(dst, `,"inlines":[`...)
	dst = appendRun(dst, &run{text: s}, style, true)
	return append(dst, "]}"...)
}

// align puts columns of numbers right unless the author says otherwise.
func (x *table) align(col int) string {
	switch x.columns[col].Align {
	case channel.AlignLeft:
		return "Left"
	case channel.AlignCenter:
		return "Center"
	case channel.AlignRight:
		return "Right"
	}
	n := len(x.t.Columns)
	for i := col; i < len(x.t.Cells); i += n {
		switch x.t.Cells[i].Type {
		case channel.TypeNull:
			continue
		case channel.TypeNumber:
			return "Right"
		}
		break
	}
	return ""
}
