package fit

// Scratch is memory in which messages are written one after the other, because
// the rows of a long table are needed only until the parts are put together. The
// zero value is ready. It is used by one goroutine at a time.
type Scratch struct {
	buf, free      []byte
	rows, freeRows []Row
	sums           []Size
}

// maxScratch bounds what is kept: five parts of the largest limit, and some.
const maxScratch = 256 << 10

// Keep reports whether the memory is small enough to be kept for later.
func (s *Scratch) Keep() bool {
	return cap(s.buf)+64*cap(s.rows)+32*cap(s.sums) <= maxScratch
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

// sizes is room for n of them, not cleared.
func (s *Scratch) sizes(n int) []Size {
	if s == nil {
		return make([]Size, n)
	}
	if cap(s.sums) < n {
		s.sums = make([]Size, n)
	}
	return s.sums[:n]
}
