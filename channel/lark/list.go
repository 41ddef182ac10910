package lark

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/jsontext"
)

// tables counts the rows of each table that is not shown as a picture, in the
// order in which they are written.
func tables(msg *channel.Message) (rows []int) {
	var blocks func([]channel.Block)
	table := func(t *channel.Table) {
		if t != nil && len(t.Columns) > 0 {
			rows = append(rows, t.Rows())
		}
	}
	blocks = func(bs []channel.Block) {
		for _, b := range bs {
			switch b := b.(type) {
			case *channel.Table:
				table(b)
			case *channel.Chart:
				if b.Image == nil || imageKey(b.Image.Key) == "" {
					table(b.Table)
				}
			case *channel.Quote:
				blocks(b.Blocks)
			case *channel.List:
				for _, it := range b.Items {
					blocks(it.Blocks)
				}
			}
		}
	}
	for _, s := range msg.Sections {
		blocks(s.Blocks)
	}
	return rows
}

// degrade decides which tables are lists: the shortest, because a component
// shows ten rows at a time and a list shows all.
func (e *encoder) degrade(how form) {
	n := len(how.rows) - how.native
	if n <= 0 {
		return
	}
	order := make([]int, len(how.rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(how.rows[b], how.rows[a]) })
	e.lists = make([]bool, len(order))
	for _, i := range order[how.native:] {
		e.lists[i] = true
	}
	text := fmt.Sprintf("%s of %s tables are shown as lists", fit.Count(n), fit.Count(len(order)))
	if n == 1 {
		text = fmt.Sprintf("1 of %s tables is shown as a list", fit.Count(len(order)))
	}
	text += fmt.Sprintf(", because a Lark card holds only %d", e.c.o.Tables)
	if parts := fit.Parts(e.to.Fit); parts > 1 {
		text += fmt.Sprintf(" and a message is at most %d cards", parts)
	}
	e.warn(channel.WarnDegraded, text)
}

// tight reports whether it is the number of table components that makes a plan
// show less than it could: not everything, where without that limit everything
// or a quarter more would be shown.
func (e *encoder) tight(plan fit.Plan) bool {
	if complete(plan) {
		return false
	}
	e.layout.Limit[2] = 0
	free := e.layout.Plan()
	e.layout.Limit[2] = e.c.o.Tables
	return complete(free) || 4*weight(free) > 5*weight(plan)
}

func complete(plan fit.Plan) bool {
	return !plan.Cut && !slices.ContainsFunc(plan.Parts, func(p fit.Part) bool {
		return slices.ContainsFunc(p.Segments, func(s fit.Segment) bool { return s.Left > 0 })
	})
}

// weight is how many bytes the parts have.
func weight(plan fit.Plan) (n int) {
	for _, p := range plan.Parts {
		n += p.Size[0]
	}
	return n
}

// newLine begins each line of a list, within JSON.
const newLine = `\n`

// listHead writes what stands before the lines: "- **name** value · name value".
// Long names are cut so that rows have room.
func (x *table) listHead() {
	p := &x.piece
	p.Tail, p.TailSize = []byte(textTail), fit.Size{len(textTail)}
	most := 0
	for i := range x.columns {
		most = max(most, len(x.columns[i].Header))
	}
	cut := false
	for {
		size := 0
		for i := range x.columns {
			c := &x.columns[i]
			name := clip(strings.TrimSpace(jsontext.Line(c.Header)), most)
			text, _ := appendText(nil, name, true, nil, false)
			text = quotes(text, 0)
			switch {
			case i > 0 && len(text) > 0:
				c.open = " · " + string(text) + " "
			case i > 0:
				c.open = " · "
			case len(text) > 0:
				c.open = newLine + "- **" + string(text) + "** "
			default:
				c.open = newLine + "- "
			}
			size += len(c.open)
		}
		if size <= x.e.layout.Limit[0]*2/5 || most < 8 {
			break
		}
		most, cut = most*3/4, true
	}
	if cut {
		x.warnNames()
	}
	p.Head = append(p.Head[:0], textHead...)
	if x.t.Rows() == 0 {
		for i := range x.columns {
			p.Head = append(p.Head, strings.TrimPrefix(x.columns[i].open, newLine)...)
		}
		p.Head = bytes.TrimRight(p.Head, " ")
	}
	p.HeadSize = component(len(p.Head))
}

// line appends one row of a list whose values are cut to most bytes unless it is
// negative.
func (x *table) line(row []channel.Cell, most int) {
	buf := x.piece.Buf
	for i := range x.columns {
		c := &x.columns[i]
		buf = append(buf, c.open...)
		buf = markdownCell(buf, show(c.Column, &row[i], most), row[i].Color)
	}
	x.piece.Buf = buf
}
