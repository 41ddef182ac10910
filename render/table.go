package render

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
)

// column is a TableBlock's column ready to make cells.
type column struct {
	spot
	empty     string
	number    numberPattern
	date      dateLayout
	isNumber  bool
	condition *condition
}

type condition struct {
	op        Op
	threshold []byte
	number    decimal
	isNumber  bool
	met       Style
	notMet    Style
}

// table is nil when a column has a mistake.
func (r *run) table(b *TableBlock) *channel.Table {
	r.rows = First
	before := len(r.errs)
	columns := make([]column, len(b.Columns))
	table := &channel.Table{Columns: make([]channel.Column, len(b.Columns)), File: b.File}
	for i := range b.Columns {
		r.col = i + 1
		table.Columns[i] = r.column(&b.Columns[i], &columns[i])
	}
	r.col = 0
	if len(r.errs) > before {
		return nil
	}
	rows := r.rowCount(columns)
	for i := range columns {
		if res := columns[i].result; res != nil && len(res.Rows) < rows {
			r.warn(channel.WarnData, "Column %q has %d rows and its table has %d; the cells below are empty.",
				table.Columns[i].Header, len(res.Rows), rows)
		}
	}
	fillCells(table, columns, rows)
	return table
}

func (r *run) column(b *Column, c *column) channel.Column {
	s, ok := r.find(b.Field)
	if !ok {
		if !r.renderer.opts.Lenient {
			r.at("field", unknownField(b.Field))
		} else {
			r.warn(channel.WarnUnresolved, "Column %q is empty: no parameter or output has this name.", b.Field)
		}
	}
	c.spot = s
	c.empty = r.line("empty", b.Empty)
	format := b.Format
	if format != "" {
		// What a layout holds beside its fields stands in every cell.
		format = string(oneLine([]byte(format), 0))
	}
	c.number, c.isNumber = parseNumberPattern(format)
	if !c.isNumber && format != "" {
		c.date, _ = parseDateLayout(format)
	}
	if b.Condition != nil {
		c.condition = r.condition("condition.threshold", b.Condition)
	}
	header := b.Header
	if header == "" {
		header = string(oneLine([]byte(b.Field), 0))
	} else {
		header = r.line("header", header)
	}
	return channel.Column{
		Header: header,
		Prefix: r.line("prefix", b.Prefix),
		Suffix: r.line("suffix", b.Suffix),
		Format: format,
		Align:  b.Align,
	}
}

func unknownField(name string) string {
	if name == "" {
		return "the field is empty; name a parameter or an output"
	}
	if strings.HasPrefix(name, "${") && strings.HasSuffix(name, "}") {
		return fmt.Sprintf("write the name without ${ and }: %q", name[2:len(name)-1])
	}
	return unknownName(fmt.Sprintf("%q", name), name)
}

func (r *run) condition(field string, b *Condition) *condition {
	c := &condition{op: b.Op, met: b.Met, notMet: b.NotMet}
	c.met.Mark, c.notMet.Mark = showEmoji(c.met.Mark), showEmoji(c.notMet.Mark)
	c.threshold = []byte(r.compared(field, b.Threshold))
	c.number, c.isNumber = parseDecimal(c.threshold)
	if b.Op.ordered() && !c.isNumber {
		r.at(field, thresholdNumber(b.Op))
	}
	return c
}

func thresholdNumber(op Op) string {
	return fmt.Sprintf("%s compares numbers, and the threshold is none; write a decimal number such as 60 or -0.5", op)
}

// rowCount is the length of the longest result; a table of parameters alone has
// one row.
func (r *run) rowCount(columns []column) int {
	n, any := 0, false
	for i := range columns {
		if res := columns[i].result; res != nil {
			n, any = max(n, len(res.Rows)), true
		}
	}
	if !any {
		return 1
	}
	return n
}

// span is where a cell's texts stand in the table's backing string.
type span struct{ text, raw, end int }

// fillCells makes the cells. All texts are slices of one string, so that a
// table of any size costs a few allocations.
func fillCells(table *channel.Table, columns []column, rows int) {
	n := rows * len(columns)
	table.Cells = make([]channel.Cell, n)
	spans := make([]span, n)
	buf := make([]byte, 0, 12*n)
	for i := range rows {
		for j := range columns {
			at := i*len(columns) + j
			buf, spans[at] = columns[j].appendCell(buf, i, &table.Cells[at])
		}
	}
	all := string(buf)
	for i, s := range spans {
		c := &table.Cells[i]
		c.Text = all[s.text:s.end]
		c.Raw = c.Text
		if s.raw < s.text {
			c.Raw = all[s.raw:s.text]
		} else if s.raw > s.end {
			c.Raw = ""
		}
	}
	for j := range columns {
		if table.Columns[j].Align == channel.AlignDefault && numeric(table, j) {
			table.Columns[j].Align = channel.AlignRight
		}
	}
}

// numeric reports whether a column holds numbers and nulls, at least one number.
func numeric(table *channel.Table, j int) bool {
	found := false
	for i := j; i < len(table.Cells); i += len(table.Columns) {
		switch table.Cells[i].Type {
		case channel.TypeNumber:
			found = true
		case channel.TypeNull:
		default:
			return false
		}
	}
	return found
}

// appendCell writes one cell: first the raw text, then, where it differs, the
// text to show. A span whose raw is beyond its end has no raw text.
func (c *column) appendCell(buf []byte, row int, cell *channel.Cell) ([]byte, span) {
	from := len(buf)
	value := c.value(row)
	if t, ok := value.(time.Time); ok {
		return c.appendTime(buf, t, cell)
	}
	buf, cell.Type = appendValue(buf, value, false)
	if cell.Type != channel.TypeNumber {
		buf = oneLine(buf, from)
	}
	text := buf[from:]
	if c.condition != nil {
		c.condition.apply(cell, text)
	}
	if len(text) == 0 {
		if buf = append(buf, c.empty...); c.empty != "" {
			cell.Type = channel.TypeNull // the text is the author's, no value
		}
		return buf, span{text: from, raw: len(buf) + 1, end: len(buf)}
	}
	switch cell.Type {
	case channel.TypeNumber:
		at := from
		if !isJSONNumber(text) {
			shown := bytes.Clone(text)
			buf = appendJSONNumber(buf[:from], shown)
			at = len(buf)
			buf = append(buf, shown...)
			text = buf[at:]
		}
		if c.isNumber {
			return c.appendNumber(buf, from, at, text)
		}
		return buf, span{text: at, raw: from, end: len(buf)}
	case channel.TypeText:
		switch {
		case c.isNumber:
			return c.appendNumber(buf, from, from, text)
		case c.date != nil:
			if t, ok := parseTimeText(string(text)); ok {
				at := len(buf)
				buf = c.date.append(buf, t)
				return buf, span{text: at, raw: from, end: len(buf)}
			}
		}
	}
	return buf, span{text: from, raw: from, end: len(buf)}
}

// appendTime writes a time twice: as RFC 3339 and as it is shown.
func (c *column) appendTime(buf []byte, t time.Time, cell *channel.Cell) ([]byte, span) {
	from := len(buf)
	buf = t.AppendFormat(buf, time.RFC3339Nano)
	at := len(buf)
	buf, cell.Type = appendTime(buf, t, c.spot.date)
	if c.condition != nil {
		c.condition.apply(cell, buf[at:])
	}
	if c.date != nil {
		buf = c.date.append(buf[:at], t)
	}
	return buf, span{text: at, raw: from, end: len(buf)}
}

// appendNumber writes the formatted form after the raw one, in place of the
// text that stands at at; text that is no number stays.
func (c *column) appendNumber(buf []byte, raw, at int, text []byte) ([]byte, span) {
	end := len(buf)
	d, ok := parseDecimal(text)
	if ok {
		if buf, ok = c.number.append(buf, &d); ok {
			if at > raw {
				// The unformatted text between the two is not needed.
				n := copy(buf[at:], buf[end:])
				return buf[:at+n], span{text: at, raw: raw, end: at + n}
			}
			return buf, span{text: end, raw: raw, end: len(buf)}
		}
	}
	return buf, span{text: at, raw: raw, end: len(buf)}
}

func (c *column) value(row int) any {
	if c.result == nil {
		return c.spot.text
	}
	if row >= len(c.result.Rows) || c.col >= len(c.result.Rows[row]) {
		return nil
	}
	return c.result.Rows[row][c.col]
}

// apply gives a cell its style. A null has none, unless the condition is about
// emptiness.
func (c *condition) apply(cell *channel.Cell, value []byte) {
	met := false
	switch {
	case c.op == OpEmpty:
		met = len(value) == 0
	case c.op == OpNotEmpty:
		met = len(value) > 0
	case cell.Type == channel.TypeNull:
		return
	default:
		met = c.holds(value)
	}
	style := &c.notMet
	if met {
		style = &c.met
	}
	cell.Color, cell.Mark = style.Color, style.Mark
}

func (c *condition) holds(value []byte) bool {
	if c.op == OpContains {
		return bytes.Contains(value, c.threshold)
	}
	if c.isNumber {
		if d, ok := parseDecimal(value); ok {
			return c.op.holds(d.compare(&c.number))
		}
	}
	switch c.op {
	case OpEqual:
		return bytes.Equal(value, c.threshold)
	case OpNotEqual:
		return !bytes.Equal(value, c.threshold)
	}
	return false
}

// holds judges the outcome of a comparison.
func (op Op) holds(cmp int) bool {
	switch op {
	case OpEqual:
		return cmp == 0
	case OpNotEqual:
		return cmp != 0
	case OpGreater:
		return cmp > 0
	case OpGreaterEqual:
		return cmp >= 0
	case OpLess:
		return cmp < 0
	case OpLessEqual:
		return cmp <= 0
	}
	return false
}

func (op Op) ordered() bool {
	switch op {
	case OpGreater, OpGreaterEqual, OpLess, OpLessEqual:
		return true
	}
	return false
}

func (op Op) known() bool {
	switch op {
	case OpEqual, OpNotEqual, OpContains, OpEmpty, OpNotEmpty:
		return true
	}
	return op.ordered()
}
