package markdown

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/jsontext"
)

// Encoder turns a message into pieces whose bytes are the inside of a JSON
// string. It is used by one goroutine, for one message.
type Encoder struct {
	D *Dialect
	// Encoded says that the service counts the bytes of the JSON text; else it
	// counts those of the text that the JSON holds.
	Encoded bool
	// Mention gives the markup of a mention, written as it is, and what the
	// mention adds to a part that holds it, in the measure of the service.
	Mention func(m channel.Mention) (markup string, size int)
	// Attach takes a picture that has no address, to be sent by itself, and
	// reports whether it did. It may be asked twice for the same one. Nil takes
	// none.
	Attach func(*channel.Image) bool
	// Layout takes the pieces. Its limit, frame, first, label, fit and scratch
	// are the channel's to set, before Write.
	Layout fit.Layout
	// Visible is set once something a reader can see was written.
	Visible  bool
	Warnings []channel.Warning

	w       Writer
	scratch []byte
	found   []channel.Mention // in the block being written
	called  []calling
	size    int // that they add
	sum     int // of the measures of all text
	room    int // for a block
	finer   int
}

// Warn adds a warning unless it is there already.
func (e *Encoder) Warn(code channel.WarningCode, text string) {
	w := channel.Warning{Code: code, Text: text}
	if !slices.Contains(e.Warnings, w) {
		e.Warnings = append(e.Warnings, w)
	}
}

// Write lays the sections out and plans the parts.
func (e *Encoder) Write(sections []channel.Section) fit.Plan {
	e.Layout.Sep, e.Layout.SepSize = []byte(`\n\n`), e.measure(2, 4)
	e.Layout.Rest, e.Layout.RestSize = []byte("…"), fit.Size{len("…")}
	e.write(sections, 1)
	plan := e.Layout.Plan()
	if plan.Cut {
		// Finer pieces lose less at the end.
		e.write(sections, 8)
		plan = e.Layout.Plan()
	}
	return plan
}

// Uncalled warns, with the last part of a message that is cut, about people whose
// mention is in none of the parts. Others are called whatever the text.
func (e *Encoder) Uncalled(plan *fit.Plan, sections []channel.Section, others ...channel.Mention) {
	if !plan.Cut {
		return
	}
	called := map[channel.Mention]bool{}
	note := func(ms []channel.Mention) {
		for _, m := range ms {
			m.Name = ""
			called[m] = true
		}
	}
	note(others)
	for _, part := range plan.Parts {
		note(e.Mentions(part))
	}
	last := &plan.Parts[len(plan.Parts)-1]
	last.Warnings = append(last.Warnings, fit.Uncalled(sections, func(m channel.Mention) bool {
		m.Name = ""
		return called[m]
	})...)
}

func (e *Encoder) write(sections []channel.Section, finer int) {
	e.Layout.Scratch.Reset(sections, 1)
	e.Layout.Restart()
	e.Layout.Join = e.join
	e.called = e.called[:0]
	e.sum, e.finer = 0, finer
	e.w = Writer{D: e.D, Warn: e.Warn, Attach: e.Attach, Mention: func(m channel.Mention) string {
		s, size := e.Mention(m)
		e.found = append(e.found, m)
		e.size += size
		return s
	}}
	e.room = e.Layout.Room(nil)[0]
	full := e.Layout.Capacity()[0]
	for _, s := range sections {
		for _, b := range s.Blocks {
			if e.sum > full {
				e.Layout.Omitted = true
				break
			}
			e.block(fit.Shallow(b))
		}
	}
	e.Layout.Close()
	e.Visible = e.Visible || e.w.Visible
}

// length picks the service's measure of a stretch.
func (e *Encoder) length(text, encoded int) int {
	if e.Encoded {
		return encoded
	}
	return text
}

func (e *Encoder) measure(text, encoded int) fit.Size { return fit.Size{e.length(text, encoded)} }

func (e *Encoder) block(b channel.Block) {
	switch b := b.(type) {
	case *channel.Table:
		e.table(b)
	case *channel.Chart:
		e.chart(b)
	default:
		e.text(b)
	}
}

// text adds a block of text, in shares when it is larger than a part.
func (e *Encoder) text(b channel.Block) {
	max := e.room / e.finer
	if e.finer > 1 && fit.Weight(b) > max || fit.Weight(b) > 4*max || !e.put(b, b, max) {
		e.chop(b, b, fit.Grain(b, max))
	}
}

// join writes shares of a block as one again.
func (e *Encoder) join(shares []channel.Block) ([]byte, fit.Size) {
	e.size = 0
	e.scratch = e.w.Append(e.scratch[:0], fit.JoinBlocks(shares))
	out := jsontext.AppendText(nil, e.scratch)
	size := e.measure(len(e.scratch), len(out))
	size[0] += e.size
	return out, size
}

// calling is whom a row calls.
type calling struct {
	piece, row int
	whom       []channel.Mention
}

// Mentions are those that a part makes.
func (e *Encoder) Mentions(part fit.Part) []channel.Mention {
	var out []channel.Mention
	for _, s := range part.Segments {
		for _, c := range e.called {
			if c.piece == s.Piece && s.From <= c.row && c.row < s.To {
				out = append(out, c.whom...)
			}
		}
	}
	return out
}

// chart shows the picture where there is an address, else the numbers.
func (e *Encoder) chart(c *channel.Chart) {
	if c.Title != "" {
		e.block(&channel.Paragraph{Inlines: []channel.Inline{&channel.Strong{Inlines: channel.Literal(c.Title)}}})
	}
	switch {
	case c.Image != nil && c.Image.URL != "":
		e.block(c.Image)
	case c.Image != nil && len(c.Image.Data) > 0 && e.Attach != nil && e.Attach(c.Image):
		e.Visible = true
	case c.Table != nil:
		e.Warn(channel.WarnDegraded, "a chart is shown as the table of its numbers")
		e.table(c.Table)
	case c.Image != nil:
		e.block(c.Image)
	}
}

// put adds a block of text, or a share of one, after the text before it, and does
// nothing but report so when it measures more than max.
func (e *Encoder) put(b, of channel.Block, max int) bool {
	e.found, e.size = nil, 0
	e.scratch = e.w.Append(e.scratch[:0], b)
	if len(e.scratch) == 0 {
		return true
	}
	p := e.Layout.Text()
	if p == nil {
		p = e.Layout.Open(fit.Piece{LeadSize: e.Layout.SepSize})
	}
	at, lead, gap := len(p.Buf), 0, fit.Size{}
	if len(p.Rows) > 0 {
		p.Buf = append(p.Buf, e.Layout.Sep...)
		lead, gap = len(e.Layout.Sep), e.Layout.SepSize
	}
	p.Buf = jsontext.AppendText(p.Buf, e.scratch)
	size := e.measure(len(e.scratch), len(p.Buf)-at-lead)
	size[0] += e.size
	if size[0] > max {
		p.Buf = p.Buf[:at]
		return false
	}
	e.sum += size[0]
	p.Add(size.Plus(gap), lead)
	_, p.Rows[len(p.Rows)-1].Keep = b.(*channel.Heading)
	if b != of {
		e.Layout.Share(of, b)
	}
	if len(e.found) > 0 {
		e.called = append(e.called, calling{len(e.Layout.Pieces) - 1, len(p.Rows) - 1, e.found})
	}
	return true
}

// chop adds a block, or a share of one, in shares of at most max. Chop weighs text
// before escaping, so it is asked for less until the written shares fit.
func (e *Encoder) chop(b, of channel.Block, max int) {
	full := e.Layout.Capacity()[0]
	for _, part := range fit.Chop(b, max) {
		if e.sum > full {
			e.Layout.Omitted = true
			return
		}
		switch {
		case e.put(part, of, e.room):
		case max > 64:
			e.chop(part, of, max/2)
		default:
			e.Warn(channel.WarnCut, "something that is too long for one message is not shown")
		}
	}
}

// column is what is the same for all cells of a column.
type column struct {
	open           []byte // before the value: separator and, in lists, the key
	prefix, suffix []byte
	affix          int  // length of both as text
	bare           bool // no prefix, no suffix, and the value begins no line
}

type rows struct {
	e     *Encoder
	t     *channel.Table
	cols  []column
	pipes bool
	opens int // length of what stands around the values of a row, as text
	lead  int // length of the line break that opens a row
	limit int // for a value, when a row is too large
	piece fit.Piece
	begin bool // the first value begins a line
	dots  bool // the warning about them was given
}

// minKey is the least that a column's name keeps before columns are left out,
// and half of what a column needs at least.
const minKey = 12

// table adds a table as lines or with pipes.
func (e *Encoder) table(t *channel.Table) {
	if len(t.Columns) == 0 {
		return
	}
	e.Layout.Close()
	r := rows{e: e, t: t}
	r.piece.LeadSize = e.measure(len("\n"), len(`\n`))
	r.piece.More = func(left int) ([]byte, fit.Size) {
		text := fit.More(left)
		return []byte(`\n\n` + text), e.measure(len("\n\n")+len(text), len(`\n\n`)+len(text))
	}
	_, r.piece.MoreSize = r.piece.More(t.Rows())
	room := e.Layout.Room(&r.piece)[0]

	n := len(t.Columns)
	if most := max(room/2/(2*minKey), 1); n > most {
		e.Warn(channel.WarnCut, fmt.Sprintf("a table is too wide: %d of %d columns are shown", most, n))
		n = most
	}
	r.columns(n, room)
	room = e.Layout.Room(&r.piece)[0]
	r.limit = max(room/n-r.overhead(), 1)
	enough := e.Layout.Enough(&r.piece)[0]

	e.Layout.Scratch.Lend(&r.piece)
	r.reserve(enough)
	if t.Rows() == 0 {
		r.empty()
	}
	r.piece.Total = t.Rows()
	for i := range t.Rows() {
		if r.row(t.Row(i)[:n], room) > enough {
			break
		}
	}
	e.Layout.Scratch.Return(&r.piece)
	e.Visible = e.Visible || t.Rows() > 0 || slices.ContainsFunc(t.Columns, func(c channel.Column) bool { return c.Header != "" })
	e.Layout.Pieces = append(e.Layout.Pieces, r.piece)
}

// reserve makes room for what will be written, so that rows do not move it.
func (r *rows) reserve(enough int) {
	n, per := r.t.Rows(), 1
	for i := range min(n, 8) {
		row := len(" |") + len(`\n`)
		for j := range r.cols {
			row += len(r.cols[j].open) + len(r.cols[j].prefix) + len(r.cols[j].suffix) + len(r.t.Row(i)[j].Text)
		}
		per = max(per, row)
	}
	// A row that differs costs a move, no more.
	r.piece.Buf = slices.Grow(r.piece.Buf, min(per*(n+1), enough+enough/8+per))
	r.piece.Rows = slices.Grow(r.piece.Rows, min(n+1, 2*enough/per+8))
}

// columns prepares what is written once per table.
func (r *rows) columns(n, room int) {
	e := r.e
	r.pipes = e.D.Tables == Pipes
	keyLimit := max(room/2/n-minKey, minKey)
	r.cols = make([]column, n)
	open := make([]byte, 0, 64)
	finished := make([]byte, 0, 32*n) // of all columns
	var head, align []byte
	if r.pipes {
		head, align = make([]byte, 0, 32*n), make([]byte, 0, 8*n)
	}
	finish := func(text []byte) []byte {
		from := len(finished)
		finished = jsontext.AppendText(finished, text)
		return finished[from:len(finished):len(finished)]
	}
	for i := range n {
		c, col := &r.t.Columns[i], &r.cols[i]
		key, cut := e.clipped(e.scratch[:0], strings.TrimSpace(jsontext.Line(c.Header)), keyLimit)
		e.scratch = key
		if cut {
			e.Warn(channel.WarnCut, "a column's name is too long and was shortened")
		}
		switch {
		case r.pipes:
			head = append(append(append(head, "| "...), key...), ' ')
			align = append(append(append(align, "| "...), alignment(r.t, i)...), ' ')
			if open = append(open[:0], " | "...); i == 0 {
				open = open[1:]
			}
		case i == 0:
			r.begin = len(key) == 0
			open = e.key(append(open[:0], e.D.Bullet...), key)
		default:
			open = append(open[:0], " · "...)
			if len(key) > 0 {
				open = append(append(open, key...), ' ')
			}
		}
		col.open = finish(open)
		r.opens += len(open)
		if c.Prefix != "" {
			open = e.escaped(open[:0], jsontext.Line(c.Prefix))
			col.prefix, col.affix = finish(open), len(open)
		}
		if c.Suffix != "" {
			open = e.escaped(open[:0], jsontext.Line(c.Suffix))
			col.suffix, col.affix = finish(open), col.affix+len(open)
		}
		col.bare = col.affix == 0 && !(r.begin && i == 0)
	}
	if r.pipes {
		r.opens += len(" |")
		head = append(append(append(head, "|\n"...), align...), "|\n"...)
		r.piece.Head = jsontext.AppendText(nil, head)
		r.piece.HeadSize = e.measure(len(head), len(r.piece.Head))
	}
}

// key writes the first key of a line.
func (e *Encoder) key(dst, key []byte) []byte {
	if len(key) == 0 {
		return dst
	}
	if e.D.Strong {
		dst = e.D.strong(dst, "**", key)
	} else {
		dst = append(dst, key...)
	}
	return append(dst, ' ')
}

// overhead is what surrounds a value that had to be shortened, at most: such a
// value has no colour but may have a dot.
func (r *rows) overhead() int {
	longest := 0
	for i := range r.cols {
		longest = max(longest, len(r.cols[i].open))
	}
	if !r.pipes {
		longest += len(" | ")
	}
	return longest + 10
}

func alignment(t *channel.Table, i int) string {
	switch t.Columns[i].Align {
	case channel.AlignLeft:
		return ":---"
	case channel.AlignCenter:
		return ":---:"
	case channel.AlignRight:
		return "---:"
	}
	for r := range t.Rows() {
		switch t.Row(r)[i].Type {
		case channel.TypeNull:
		case channel.TypeNumber:
			return "---:"
		default:
			return "---"
		}
	}
	return "---"
}

// row writes a row and gives the measure of all so far. A row that no part can
// hold is written again with its values shortened.
func (r *rows) row(cells []channel.Cell, room int) int {
	at := len(r.piece.Buf)
	text := r.values(cells, false)
	n := r.e.length(text, len(r.piece.Buf)-at)
	if n > room {
		r.piece.Buf = r.piece.Buf[:at]
		text = r.values(cells, true)
		n = r.e.length(text, len(r.piece.Buf)-at)
		r.e.Warn(channel.WarnCut, "a value is too long for one message and was shortened")
	}
	sum := r.piece.Add(fit.Size{n}, r.lead)[0]
	if r.lead == 0 { // all others follow one
		r.lead = len(`\n`)
		r.cols[0].open = append([]byte(`\n`), r.cols[0].open...)
		r.opens++
	}
	return sum
}

// values writes the cells and gives their length as text. Most need no escape of
// either kind and are copied at once.
func (r *rows) values(cells []channel.Cell, clip bool) int {
	buf, text, stop := r.piece.Buf, r.opens, &stops[r.e.D.Style]
	for i := range cells {
		c, col := &cells[i], &r.cols[i]
		buf = append(buf, col.open...)
		if col.bare && c.Color == "" && c.Mark == "" && !clip {
			n := len(c.Text)
			buf = slices.Grow(buf, n)
			if to := buf[len(buf) : len(buf)+n]; !stop.Copy(to, c.Text) {
				buf = buf[:len(buf)+n]
				text += n
				continue
			}
		}
		if c.Text != "" || c.Mark != "" {
			var n int
			buf, n = r.value(buf, i, c, clip)
			text += n
		}
	}
	if r.pipes {
		buf = append(buf, " |"...)
	}
	r.piece.Buf = buf
	return text
}

// value writes a cell that is not plain, and gives its length as text.
func (r *rows) value(buf []byte, i int, c *channel.Cell, clip bool) (_ []byte, text int) {
	e, col := r.e, &r.cols[i]
	var n int
	if clip {
		buf, text = r.shortened(buf, i, c)
	} else {
		end := ""
		if c.Color != "" && e.D.Color != nil {
			open, after := e.D.Color(c.Color)
			buf, text, end = jsontext.AppendText(buf, []byte(open)), len(open)+len(after), after
		}
		if c.Bare() {
			buf, n = e.cell(buf, c.Text, r.begin && i == 0)
		} else {
			buf = append(buf, col.prefix...)
			buf, n = seam(buf, e.D, c.Text)
			text += n
			buf, n = e.cell(buf, c.Text, r.begin && i == 0 && len(col.prefix) == 0)
			text += n
			buf, n = seam(buf, e.D, col.suffix)
			buf = append(buf, col.suffix...)
			n += col.affix
		}
		text += n
		if c.Mark != "" {
			buf, n = seam(buf, e.D, c.Mark)
			text += n
			buf, n = e.cell(buf, c.Mark, false)
			text += n
		}
		buf = append(buf, end...)
	}
	if c.Color != "" && e.D.Color == nil && c.Mark == "" {
		d := dots[c.Color]
		buf = append(append(buf, ' '), d...)
		text += 1 + len(d)
		if !r.dots {
			r.dots = true
			e.Warn(channel.WarnDegraded, "colours are shown as coloured dots")
		}
	}
	return buf, text
}

// shortened writes what a cell shows in at most r.limit bytes.
func (r *rows) shortened(buf []byte, i int, c *channel.Cell) ([]byte, int) {
	shown, _ := r.e.clipped(r.e.scratch[:0], jsontext.Line(r.t.Columns[i].Show(*c)), r.limit)
	r.e.scratch = shown
	return jsontext.AppendText(buf, shown), len(shown)
}

// cell writes a text of a cell, and gives its length as text.
func (e *Encoder) cell(buf []byte, s string, begin bool) ([]byte, int) {
	if !begin && !stops[e.D.Style].In(s) {
		return append(buf, s...), len(s)
	}
	at := line{cell: e.D.Tables == Pipes, begin: begin}
	e.scratch = e.D.escape(e.scratch[:0], jsontext.Line(s), &at)
	return jsontext.AppendText(buf, e.scratch), len(e.scratch)
}

// seam keeps the texts of a cell from making markup where they meet, in the style
// that escapes no single character. It gives the length of what it adds.
func seam[T string | []byte](buf []byte, d *Dialect, next T) ([]byte, int) {
	if d.Style == LookAlike && len(next) > 0 && (next[0] == '*' && ends(buf, '*') || next[0] == '(' && ends(buf, ']')) {
		return append(buf, zeroWidth...), len(zeroWidth)
	}
	return buf, 0
}

// stops are what a dialect or JSON may escape, and all that is not printable
// ASCII.
var stops = func() (sets [3]jsontext.Set) {
	for style := range sets {
		sets[style] = jsontext.Special
		for c, is := range active[style] {
			if is {
				sets[style][c] = 1
			}
		}
	}
	return
}()

// escaped appends a text of a table in the dialect.
func (e *Encoder) escaped(dst []byte, s string) []byte {
	at := line{cell: e.D.Tables == Pipes}
	return e.D.escape(dst, s, &at)
}

// clipped is escaped in at most limit bytes of the service's measure, with "…"
// for what is missing.
func (e *Encoder) clipped(dst []byte, s string, limit int) ([]byte, bool) {
	count := func(b []byte) int {
		if e.Encoded {
			return len(jsontext.AppendText(nil, b))
		}
		return len(b)
	}
	if len(s) <= 8*limit {
		if dst = e.escaped(dst, s); count(dst) <= limit {
			return dst, false
		}
	}
	for n := min(len(s), limit); n > 0; n = n * 3 / 4 {
		short := fit.Prefix(s, n-len("…"))
		if short == "" && n > utf8.UTFMax+len("…") {
			continue
		}
		dst = append(e.escaped(dst[:0], strings.TrimRight(short, " ")), "…"...)
		if count(dst) <= limit {
			return dst, true
		}
	}
	return append(dst[:0], "…"...), true
}

// empty writes the names of the columns for a table without rows: not as the item
// of a list, which would be a row without values.
func (r *rows) empty() {
	if r.pipes {
		return
	}
	at := len(r.piece.Buf)
	for i := range r.cols {
		open := r.cols[i].open
		if i == 0 {
			open = open[len(r.e.D.Bullet):]
		}
		r.piece.Buf = append(r.piece.Buf, bytes.TrimSuffix(open, []byte(" "))...)
	}
	r.piece.Buf = append(r.piece.Buf, " (no rows)"...)
	written := r.piece.Buf[at:]
	r.piece.Add(r.e.measure(TextLen(written), len(written)), 0)
	r.piece.More = nil
}

// Block writes a block that is no piece, such as a title, as the inside of a
// JSON string. It does not count as visible content.
func (e *Encoder) Block(b channel.Block) []byte {
	w := Writer{D: e.D, Warn: e.Warn, Mention: func(m channel.Mention) string { s, _ := e.Mention(m); return s }}
	return jsontext.AppendText(nil, w.Append(nil, b))
}

// Literal writes a text in the dialect, for where markup is expected.
func (e *Encoder) Literal(s string) string {
	at := middle
	return string(e.D.escape(nil, jsontext.Line(s), &at))
}

// FirstText is the first text of a message in at most n bytes, for services
// that ask for a title. It is "…" when there is none.
func FirstText(msg *channel.Message, n int) string {
	for _, s := range msg.Sections {
		for _, b := range s.Blocks {
			if t := strings.TrimSpace(jsontext.Line(first(b))); t != "" {
				t, _ = fit.Clip(t, n)
				return t
			}
		}
	}
	return "…"
}

func first(b channel.Block) string {
	blocks := func(bs []channel.Block) string {
		for _, b := range bs {
			if t := first(b); strings.TrimSpace(t) != "" {
				return t
			}
		}
		return ""
	}
	switch b := b.(type) {
	case *channel.Heading:
		return plain(b.Inlines)
	case *channel.Paragraph:
		return plain(b.Inlines)
	case *channel.Quote:
		return blocks(b.Blocks)
	case *channel.List:
		for _, it := range b.Items {
			if t := blocks(it.Blocks); t != "" {
				return t
			}
		}
	case *channel.Code:
		return b.Text
	case *channel.Image:
		return b.Alt
	case *channel.Chart:
		return b.Title
	case *channel.Table:
		for _, c := range b.Columns {
			if c.Header != "" {
				return c.Header
			}
		}
	}
	return ""
}

func plain(in []channel.Inline) string {
	var b strings.Builder
	for _, i := range in {
		switch i := i.(type) {
		case channel.Text:
			b.WriteString(i.Show())
		case channel.CodeSpan:
			b.WriteString(string(i))
		case *channel.Strong:
			b.WriteString(plain(i.Inlines))
		case *channel.Emphasis:
			b.WriteString(plain(i.Inlines))
		case *channel.Strike:
			b.WriteString(plain(i.Inlines))
		case *channel.Link:
			b.WriteString(plain(i.Inlines))
		case *channel.Image:
			b.WriteString(i.Alt)
		case *channel.Mention:
			b.WriteString(i.Label())
		case *channel.Break:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// TextLen is the length of the text that the inside of a JSON string written by
// this package holds.
func TextLen(b []byte) int {
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 {
			return n
		}
		n--
		b = b[i+2:]
	}
}
