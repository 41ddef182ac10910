// Package fit brings a message within a vendor's limit: whole when it fits,
// else split at row or block borders into numbered parts, else with the top
// rows of its tables and a note of how many more there are, and only when the
// text alone is too long without the end of it.
//
// A channel writes a message once, as [Piece]s whose bytes are finished and
// measured, and asks [Layout.Plan] which of them stand in which part.
// [Layout.Body] then copies them. Nothing is written twice, and the work
// grows with the number of rows, not with the number of attempts to fit.
//
// Blocks too large for a part are made smaller before they are written: see
// [Chop] for text and [Clip] for a single value.
package fit

import (
	"bytes"
	"math"
	"strconv"

	"github.com/datapush-go/datapush/channel"
)

// MaxParts is how many parts a message may become before rows are left out.
const MaxParts = 5

// Size is a length in each of a vendor's measures, such as bytes, components and
// tables. A channel with one measure uses the first; what a measure means is the
// channel's affair.
type Size [3]int

// Plus returns the sum of s and t.
func (s Size) Plus(t Size) Size {
	for i := range s {
		s[i] += t[i]
	}
	return s
}

// Minus returns s less t.
func (s Size) Minus(t Size) Size {
	for i := range s {
		s[i] -= t[i]
	}
	return s
}

// Within reports whether s is at most limit in every measure. A limit of zero
// or less bounds nothing.
func (s *Size) Within(limit *Size) bool {
	for i := range s {
		if limit[i] > 0 && s[i] > limit[i] {
			return false
		}
	}
	return true
}

// The planner works in place: arrays are slow to copy.

func (s *Size) add(t *Size) {
	for i := range s {
		s[i] += t[i]
	}
}

func (s *Size) sub(t *Size) {
	for i := range s {
		s[i] -= t[i]
	}
}

// below is Within for a limit that bounds every measure.
func (s *Size) below(limit *Size) bool {
	return s[0] <= limit[0] && s[1] <= limit[1] && s[2] <= limit[2]
}

// Row is a stretch of bytes that is never divided: a table row, a block of
// text.
type Row struct {
	// End is where its bytes end in Piece.Buf; they begin where the row before
	// ends.
	End int
	// Sum measures the rows of the piece up to this one, each with its lead.
	Sum Size
	// Lead is how many of its first bytes only separate it from the row before.
	// They are left out where the row opens a segment.
	Lead uint8
	// Keep asks for the row to stand in the same part as what follows it, as a
	// heading should.
	Keep bool
}

// Piece is an element of a message. Its head and tail are repeated in every
// part that holds some of its rows. A block of finished bytes is a piece of one
// row without head and tail.
type Piece struct {
	Head, Tail         []byte
	HeadSize, TailSize Size
	// Buf holds the bytes of all rows, one after the other.
	Buf  []byte
	Rows []Row
	// LeadSize is what the lead of a row measures.
	LeadSize Size
	// More writes and measures the note that stands after the tail when left
	// rows are not shown. It is set for tables; rows of a piece without it are
	// left out only at the end of a message whose text is too long.
	More func(left int) ([]byte, Size)
	// MoreSize is the most that a note measures.
	MoreSize Size
	// Total is the number of rows of the whole table. It is more than len(Rows)
	// when the channel stopped writing because what it had written was more
	// than Layout.Enough. Zero is len(Rows).
	Total int
}

// Add ends a row whose bytes were appended to p.Buf. It returns what all rows
// measure.
func (p *Piece) Add(size Size, lead int) *Size {
	before := p.sum(len(p.Rows))
	p.Rows = append(p.Rows, Row{End: len(p.Buf), Lead: uint8(lead)})
	sum := &p.Rows[len(p.Rows)-1].Sum
	for i := range sum {
		sum[i] = before[i] + size[i]
	}
	return sum
}

// sum measures the first k rows.
func (p *Piece) sum(k int) *Size {
	if k == 0 {
		return &Size{}
	}
	return &p.Rows[k-1].Sum
}

// Bytes are those of some rows, without the lead of the first.
func (p *Piece) Bytes(from, to int) []byte {
	if from == to {
		return nil
	}
	return p.Buf[p.start(from)+int(p.Rows[from].Lead) : p.Rows[to-1].End]
}

// size is what Bytes measures.
func (p *Piece) size(from, to int) Size {
	size := *p.sum(to)
	size.sub(p.sum(from))
	if to > from && p.Rows[from].Lead > 0 {
		size.sub(&p.LeadSize)
	}
	return size
}

// start is where the bytes of a row begin.
func (p *Piece) start(row int) int {
	if row == 0 {
		return 0
	}
	return p.Rows[row-1].End
}

// between are the bytes of some rows of a segment that begins at first.
func (p *Piece) between(first, from, to int) []byte {
	if from == first || from == to {
		return p.Bytes(from, to)
	}
	return p.Buf[p.start(from):p.start(to)]
}

func (p *Piece) total() int { return max(p.Total, len(p.Rows)) }

// Layout is a message in pieces and what the vendor accepts.
type Layout struct {
	Pieces []Piece
	// Sep stands between two pieces of a part.
	Sep     []byte
	SepSize Size
	// Limit is what one part may measure; a zero bounds nothing.
	Limit Size
	// Frame is what surrounds the pieces of every part, First what is added to
	// the first part, Label what is added to each part when there are several.
	Frame, First, Label Size
	// Rest stands after the last piece when the end of the text is not shown,
	// with a separator before it. It may be empty.
	Rest     []byte
	RestSize Size
	// Omitted says that the channel gave up writing text because what it had
	// written was more than Capacity already.
	Omitted bool
	// Fit is the destination's choice.
	Fit channel.Fit
	// Scratch is the memory that pieces are written in. Plan and Body need
	// none; it must not be used for another message before the last Body.
	Scratch *Scratch

	// Join writes and measures the shares of one block that stand side by side in
	// a part, see Share. What it gives need not outlast the next call.
	Join func(shares []channel.Block) ([]byte, Size)

	open   int // number of the piece that text is added to
	shares []share
}

// Segment is a run of rows From to To (exclusive) of a piece, or a piece
// without rows. Left rows are named by a note when it is positive.
type Segment struct{ Piece, From, To, Left int }

// Part is one payload's share of a message.
type Part struct {
	Segments []Segment
	// Rest is true when Layout.Rest ends the part.
	Rest bool
	// Size includes frame, first and label. It never exceeds the limit.
	Size     Size
	Warnings []channel.Warning
}

// Plan is the outcome of fitting.
type Plan struct {
	// Parts has at least one entry, and several only when the label is counted.
	Parts []Part
	// Cut is true when text is missing. A channel may then write its blocks in
	// finer pieces and plan again, to lose less.
	Cut bool
}

// parts is how many parts the destination allows.
func (l *Layout) parts() int { return Parts(l.Fit) }

// Parts is how many parts a destination that chose f allows.
func Parts(f channel.Fit) int {
	if f == channel.TopRows {
		return 1
	}
	return MaxParts
}

// Capacity is more than a message can measure in all parts together. Text
// beyond it need not be written.
func (l *Layout) Capacity() Size {
	c := l.Limit
	for i := range c {
		if c[i] <= 0 {
			c[i] = math.MaxInt
		} else {
			c[i] *= l.parts()
		}
	}
	return c
}

// Bare leaves out what was written of a message of which nothing can be seen but
// its title, and reports whether that is a message: it is when the sections came
// out empty, because the push says that there is nothing to report. A message
// without sections is made for others.
func (l *Layout) Bare(titled bool, sections []channel.Section) bool {
	l.Pieces, l.Omitted = nil, false
	return titled && len(sections) > 0
}

// Enough is the most that the rows of a table can measure in all parts together,
// whose head and tail stand in each. Rows beyond it need not be written.
func (l *Layout) Enough(p *Piece) Size {
	used := l.Frame.Plus(p.HeadSize).Plus(p.TailSize)
	c := l.Capacity()
	for i := range c {
		if l.Limit[i] > 0 {
			c[i] = max(c[i]-used[i]*l.parts(), 1)
		}
	}
	return c
}

// Room is what one row may measure so that it fits into any part of its own,
// together with its piece's head, tail and note. A row that is larger is lost.
func (l *Layout) Room(p *Piece) Size {
	used := l.Frame.Plus(l.First).Plus(l.Label).Plus(l.RestSize).Plus(l.SepSize)
	if p != nil {
		used = used.Plus(p.HeadSize).Plus(p.TailSize).Plus(p.MoreSize)
	}
	room := l.Limit
	for i := range room {
		switch {
		case room[i] <= 0:
			room[i] = math.MaxInt
		default:
			room[i] = max(room[i]-used[i], 1)
		}
	}
	return room
}

// cutRows is how many rows a table keeps in a message whose text alone does
// not fit.
const cutRows = 10

// Plan says which rows stand in which part.
func (l *Layout) Plan() Plan {
	t := newPlanner(l)
	if l.Omitted {
		return t.cut()
	}
	if t.place(math.MaxInt, 1, false) {
		return t.plan()
	}
	n := l.parts()
	if n > 1 && t.place(math.MaxInt, n, false) {
		return t.plan()
	}
	rows := t.most(n)
	if rows < 0 {
		return t.cut()
	}
	if rows != t.tried {
		t.place(rows, n, false)
	}
	return t.plan()
}

// most is the largest number of rows with which all else still fits, -1 when
// nothing but text is too much. Channels stop writing soon after it, and where a
// layout ended says how many rows to try next.
func (t *planner) most(n int) int {
	fits, over := -1, t.rows+1
	for try, step := t.rows, 0; over-fits > 1; {
		if t.place(try, n, false) {
			fits = try
			try = int(uint(fits+over) / 2)
			continue
		}
		over = try
		try = max(min(t.placed, over-1-step), fits+1)
		step = 2*step + 1
	}
	return fits
}

func (t *planner) cut() Plan {
	t.full = !t.place(cutRows, t.parts(), true)
	return t.plan()
}

// planner lays out; what it made last is in segments, ends and sizes.
type planner struct {
	*Layout
	limit Size // Layout.Limit, or more than anything measures
	rows  int  // the most rows of a piece that may leave some out

	tried  int // the most rows that a table was given last
	placed int // how many of them the table had when there was no part left

	n     int  // parts allowed
	last  bool // the last of them keeps room for the rest
	used  Size // of the part being filled
	fresh bool // it holds nothing yet
	lost  bool // a row was larger than a part
	full  bool // the end of the text is missing

	segments []Segment
	ends     []int // where each finished part's segments end
	sizes    []Size
}

func newPlanner(l *Layout) *planner {
	t := &planner{Layout: l, limit: l.Limit,
		segments: make([]Segment, 0, len(l.Pieces)+MaxParts), ends: make([]int, 0, MaxParts), sizes: make([]Size, 0, MaxParts)}
	for i := range t.limit {
		if t.limit[i] <= 0 {
			t.limit[i] = math.MaxInt / 2
		}
	}
	for i := range l.Pieces {
		if p := &l.Pieces[i]; p.More != nil {
			t.rows = max(t.rows, len(p.Rows))
		}
	}
	return t
}

// place lays the pieces out in at most n parts with at most rows rows of each
// table, and reports whether everything found a place. The label is counted
// when n is more than one.
func (t *planner) place(rows, n int, last bool) bool {
	t.n, t.last, t.lost, t.full = n, last, false, false
	t.tried, t.placed = rows, math.MaxInt
	t.segments, t.ends, t.sizes = t.segments[:0], t.ends[:0], t.sizes[:0]
	t.open()
	ok := true
	for i := 0; ok && i < len(t.Pieces); i++ {
		ok = t.piece(i, rows)
	}
	t.close()
	return ok
}

func (t *planner) open() {
	t.fresh = true
	t.used = t.Frame
	if len(t.ends) == 0 {
		t.used.add(&t.First)
	}
	if t.n > 1 {
		t.used.add(&t.Label)
	}
	if t.last && len(t.ends) == t.n-1 {
		t.used.add(&t.RestSize)
		t.used.add(&t.SepSize)
	}
}

func (t *planner) close() {
	t.ends = append(t.ends, len(t.segments))
	t.sizes = append(t.sizes, t.used)
}

// next begins another part and reports whether there may be one.
func (t *planner) next() bool {
	if len(t.ends) == t.n-1 {
		return false
	}
	t.close()
	t.open()
	return true
}

func (t *planner) piece(i, rows int) bool {
	p := &t.Pieces[i]
	to, left := len(p.Rows), 0
	if p.More != nil {
		to = min(to, rows)
		left = p.total() - to
		if left > 0 && rows == math.MaxInt {
			return false // the channel knew already that it is too much
		}
	}
	for from := 0; ; {
		k, ok := t.fit(i, from, to, left)
		switch {
		case ok:
			s := Segment{Piece: i, From: from, To: k}
			if k == to {
				s.Left = left
			}
			t.segments = append(t.segments, s)
			t.fresh, from = false, k
			if k == to {
				return true
			}
			if !t.next() {
				return t.stop(p, from)
			}
		case !t.fresh:
			if !t.next() {
				return t.stop(p, from)
			}
		default:
			// Alone in a part and still too large, which Room forbids.
			t.lost = true
			if from++; from >= to && left == 0 || from > to {
				return true
			}
		}
	}
}

// stop notes how far a table came.
func (t *planner) stop(p *Piece, from int) bool {
	if p.More != nil {
		t.placed = from
	}
	return false
}

// fit puts the rows from..k-1 of piece i into the part being filled, as many as
// it takes. It is false, and puts nothing there, when that is none.
func (t *planner) fit(i, from, to, left int) (k int, ok bool) {
	p := &t.Pieces[i]
	base := t.used // less what the rows before from measure
	base.add(&p.HeadSize)
	base.add(&p.TailSize)
	base.sub(p.sum(from))
	if !t.fresh {
		base.add(&t.SepSize)
	}
	all := base // when the rows up to the last are taken
	all.add(p.sum(to))
	if left > 0 {
		all.add(&p.MoreSize)
	}
	if k = to; !all.below(&t.limit) {
		room := t.limit
		room.sub(&base)
		lo, hi := from-1, to-1
		for lo < hi {
			mid := int(uint(lo+hi+2) / 2)
			if p.sum(mid).below(&room) {
				lo = mid
			} else {
				hi = mid - 1
			}
		}
		if k = lo; k <= from {
			return 0, false
		}
	}
	kept := k
	if k == to && k > from && p.Rows[k-1].Keep && i+1 < len(t.Pieces) {
		next := t.least(i + 1)
		next.add(&all)
		if !next.below(&t.limit) {
			kept--
		}
	}
	for kept > from && kept < to && p.Rows[kept-1].Keep {
		kept--
	}
	switch {
	case kept == k || kept > from:
		k = kept
	case !t.fresh:
		return 0, false
	}
	if t.used = all; k < to {
		t.used = base
		t.used.add(p.sum(k))
	}
	return k, true
}

// least is what the beginning of a piece needs after another.
func (t *planner) least(i int) Size {
	p := &t.Pieces[i]
	s := t.SepSize
	s.add(&p.HeadSize)
	s.add(&p.TailSize)
	s.add(p.sum(min(len(p.Rows), 1)))
	return s
}

func (t *planner) plan() Plan {
	plan := Plan{Parts: make([]Part, len(t.ends)), Cut: t.full || t.lost || t.Omitted}
	from := 0
	for i := range plan.Parts {
		plan.Parts[i].Segments = t.segments[from:t.ends[i]:t.ends[i]]
		plan.Parts[i].Size = t.sizes[i]
		from = t.ends[i]
	}
	plan.Parts[len(plan.Parts)-1].Rest = t.full || t.last && t.Omitted
	t.warn(&plan)
	return plan
}

func (t *planner) warn(plan *Plan) {
	n := len(plan.Parts)
	first, last := &plan.Parts[0], &plan.Parts[n-1]
	if n > 1 {
		first.Warnings = append(first.Warnings, channel.Warning{Code: channel.WarnSplit,
			Text: "the message is too long for one and is sent in " + strconv.Itoa(n) + " parts"})
	}
	for i := range plan.Parts {
		for _, s := range plan.Parts[i].Segments {
			if s.Left == 0 {
				continue
			}
			total := t.Pieces[s.Piece].total()
			plan.Parts[i].Warnings = append(plan.Parts[i].Warnings, channel.Warning{Code: channel.WarnCut,
				Text: "table " + strconv.Itoa(t.table(s.Piece)) + ": " + Count(total-s.Left) + " of " + Count(total) +
					" rows are shown, the others do not fit"})
		}
	}
	if plan.Cut {
		last.Warnings = append(last.Warnings, channel.Warning{Code: channel.WarnCut,
			Text: "the message is too long: what does not fit is not sent"})
	}
}

// table is the number of the table that a piece is, from 1.
func (t *planner) table(piece int) int {
	n := 0
	for i := range piece + 1 {
		if t.Pieces[i].More != nil {
			n++
		}
	}
	return n
}

// Body returns the bytes of a part (its segments with separators, notes and rest)
// between before and after, and what they measure without those two.
//
// A body is joined, not appended to memory made for it, because what is copied
// to at once need not be cleared before.
func (l *Layout) Body(before []byte, part Part, after []byte) ([]byte, Size) {
	var room [16][]byte
	chunks, size := append(room[:0], before), Size{}
	for i, s := range part.Segments {
		p := &l.Pieces[s.Piece]
		if i > 0 {
			chunks = append(chunks, l.Sep)
			size.add(&l.SepSize)
		}
		text, textSize := l.joined(s)
		chunks = append(chunks, p.Head, text, p.Tail)
		size.add(&p.HeadSize)
		size.add(&textSize)
		size.add(&p.TailSize)
		if s.Left > 0 {
			note, noteSize := p.More(s.Left)
			chunks = append(chunks, note)
			size.add(&noteSize)
		}
	}
	if part.Rest && len(l.Rest) > 0 {
		if len(part.Segments) > 0 {
			chunks = append(chunks, l.Sep)
			size.add(&l.SepSize)
		}
		chunks = append(chunks, l.Rest)
		size.add(&l.RestSize)
	}
	return bytes.Join(append(chunks, after), nil), size
}

// Count writes a number of rows with separators, as in "9,900".
func Count(n int) string {
	digits := strconv.Itoa(n)
	b := make([]byte, 0, 2*len(digits))
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b = append(b, ',')
		}
		b = append(b, digits[i])
	}
	return string(b)
}

// More is the text of a note for n rows that are not shown.
func More(n int) string { return "… and " + Count(n) + " more" }

// Label is how part i of n (from 1) is numbered, such as "(2/5)". No label is
// longer than [MaxLabel].
func Label(i, n int) string {
	b := append(make([]byte, 0, MaxLabel), '(')
	b = strconv.AppendInt(b, int64(i), 10)
	b = strconv.AppendInt(append(b, '/'), int64(n), 10)
	return string(append(b, ')'))
}

// MaxLabel is the length of the longest label.
const MaxLabel = len("(5/5)")
