package fit

import (
	"sync"

	"github.com/datapush-go/datapush/channel"
)

// Scratch is memory in which messages are written one after the other, because
// the rows of a long table are needed only until the parts are put together. The
// zero value is ready. It is used by one goroutine at a time.
type Scratch struct {
	buf, free      []byte
	rows, freeRows []Row
	// What the message at hand took of both.
	usedBytes, usedRows int
}

// maxScratch bounds what is kept: five parts of the largest limit, and some.
const maxScratch = 256 << 10

// Pool keeps the Scratch of messages for later ones. The zero value is ready, and
// is used by several goroutines at once.
type Pool struct{ pool sync.Pool }

// Get gives memory for one message.
func (p *Pool) Get() *Scratch {
	if s, ok := p.pool.Get().(*Scratch); ok {
		return s
	}
	return new(Scratch)
}

// Put takes memory back once the last part was appended.
func (p *Pool) Put(s *Scratch) {
	if max(cap(s.buf), s.usedBytes)+64*max(cap(s.rows), s.usedRows) <= maxScratch {
		p.pool.Put(s)
	}
}

// Reset begins another message. There is room for as much as the one before took,
// and for the message's Markdown as many times as a channel makes of it, so that
// a long text is not moved again and again while it grows. What was written
// before must not be used again.
func (s *Scratch) Reset(sections []channel.Section, times int) {
	n := 0
	for i := range sections {
		n += times * len(sections[i].Markdown)
	}
	n = min(n+n/8, maxScratch/2)
	s.buf, s.rows = room(s.buf, max(n, s.usedBytes)), room(s.rows, max(n/perRow, s.usedRows))
	s.free, s.freeRows = s.buf, s.rows
	s.usedBytes, s.usedRows = 0, 0
}

// perRow is how many bytes a block of text has, about.
const perRow = 256

func room[T any](have []T, n int) []T {
	if cap(have) < n {
		have = make([]T, 0, n)
	}
	return have[:0]
}

// Lend gives a piece the memory that is left. Until Return no other piece may
// have it.
func (s *Scratch) Lend(p *Piece) { p.Buf, p.Rows = s.free, s.freeRows }

// Return takes back what a piece did not use. Nothing may be appended to the
// piece afterwards.
func (s *Scratch) Return(p *Piece) {
	if cap(p.Buf) != cap(s.free) { // it has grown, so this is the larger one
		s.buf = p.Buf
	}
	if cap(p.Rows) != cap(s.freeRows) {
		s.rows = p.Rows
	}
	s.free, s.freeRows = p.Buf[len(p.Buf):], p.Rows[len(p.Rows):]
	s.usedBytes += len(p.Buf)
	s.usedRows += len(p.Rows)
}

// Open begins a piece for text in the memory of l.Scratch. Blocks are added to it
// until Close.
func (l *Layout) Open(p Piece) *Piece {
	l.Scratch.Lend(&p)
	l.Pieces = append(l.Pieces, p)
	l.open = len(l.Pieces)
	return l.Text()
}

// Restart forgets what was laid out, to do it in finer pieces.
func (l *Layout) Restart() {
	l.Pieces, l.Omitted, l.shares = l.Pieces[:0], false, l.shares[:0]
}

// Text is the piece that Open began, nil after Close.
func (l *Layout) Text() *Piece {
	if l.open == 0 {
		return nil
	}
	return &l.Pieces[l.open-1]
}

// Close ends the piece that Open began, if there is one. Without rows it is
// forgotten. What is not text is added to l.Pieces after Close only.
func (l *Layout) Close() {
	if p := l.Text(); p != nil {
		l.Scratch.Return(p)
		if l.open = 0; len(p.Rows) == 0 {
			l.Pieces = l.Pieces[:len(l.Pieces)-1]
		}
	}
}
