package fit

import "sync"

// Scratch is memory in which messages are written one after the other, because
// the rows of a long table are needed only until the parts are put together. The
// zero value is ready. It is used by one goroutine at a time.
type Scratch struct {
	buf, free      []byte
	rows, freeRows []Row
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
	if cap(s.buf)+64*cap(s.rows) <= maxScratch {
		p.pool.Put(s)
	}
}

// Reset begins another message. What was written before must not be used again.
func (s *Scratch) Reset() { s.free, s.freeRows = s.buf[:0], s.rows[:0] }

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
}
