package fit

import "github.com/datapush-go/datapush/channel"

// share is a row that holds a share of a paragraph.
type share struct {
	piece, row int
	of         *channel.Paragraph
	block      channel.Block
}

// Grain is what the shares of b are to weigh when b has to be divided for parts
// of most. Paragraphs are divided finely, because Body joins those shares that
// meet in a part.
func Grain(b channel.Block, most int) int {
	const enough = 256
	if _, ok := b.(*channel.Paragraph); ok && most > enough {
		return max(most/4, enough)
	}
	return most
}

// Share says that the last row of the open piece is a share of a block, of which
// Chop made several.
func (l *Layout) Share(of, b channel.Block) {
	if p, ok := of.(*channel.Paragraph); ok {
		l.shares = append(l.shares, share{piece: l.open - 1, row: len(l.Text().Rows) - 1, of: p, block: b})
	}
}

// joined gives the bytes of a segment's rows and what they measure, with each
// run of shares written as one block.
func (l *Layout) joined(s Segment) ([]byte, Size) {
	p := &l.Pieces[s.Piece]
	size := p.size(s.From, s.To)
	var out []byte
	done := s.From // the rows before it are in out
	for i := 0; i < len(l.shares); {
		run := l.run(i, s)
		if run < 2 {
			i++
			continue
		}
		first := l.shares[i].row
		blocks := make([]channel.Block, run)
		for k := range blocks {
			blocks[k] = l.shares[i+k].block
		}
		written, now := l.Join(blocks)
		// Of the rows as they are, without the lead of the first.
		before := p.size(first, first+run)
		if now.below(&before) {
			if out = append(out, p.between(s.From, done, first)...); first > s.From {
				out = append(out, p.Buf[p.start(first):][:p.Rows[first].Lead]...)
			}
			out = append(out, written...)
			size.add(&now)
			size.sub(&before)
			done = first + run
		}
		i += run
	}
	if out == nil {
		return p.Bytes(s.From, s.To), size
	}
	return append(out, p.between(s.From, done, s.To)...), size
}

// run is how many shares from i on are of one block and stand side by side in a
// segment.
func (l *Layout) run(i int, s Segment) int {
	n := 0
	for first := &l.shares[i]; i+n < len(l.shares); n++ {
		if next := &l.shares[i+n]; next.piece != s.Piece || next.row < s.From || next.row >= s.To || next.of != first.of || next.row != first.row+n {
			break
		}
	}
	return n
}

// JoinBlocks makes one block of the shares of a paragraph.
func JoinBlocks(shares []channel.Block) channel.Block {
	var out []channel.Inline
	for _, b := range shares {
		if p, ok := b.(*channel.Paragraph); ok {
			out = joinInlines(out, p.Inlines)
		}
	}
	return &channel.Paragraph{Inlines: out}
}

// joinInlines appends inlines to some that nobody else has, and makes one of the
// two halves of a styled text or a link.
func joinInlines(a, b []channel.Inline) []channel.Inline {
	if len(a) == 0 || len(b) == 0 {
		return append(a, b...)
	}
	both := func(x, y []channel.Inline) []channel.Inline {
		return joinInlines(append([]channel.Inline(nil), x...), y)
	}
	var one channel.Inline
	switch x := a[len(a)-1].(type) {
	case channel.CodeSpan:
		if y, ok := b[0].(channel.CodeSpan); ok {
			one = x + y
		}
	case *channel.Strong:
		if y, ok := b[0].(*channel.Strong); ok {
			one = &channel.Strong{Inlines: both(x.Inlines, y.Inlines)}
		}
	case *channel.Emphasis:
		if y, ok := b[0].(*channel.Emphasis); ok {
			one = &channel.Emphasis{Inlines: both(x.Inlines, y.Inlines)}
		}
	case *channel.Strike:
		if y, ok := b[0].(*channel.Strike); ok {
			one = &channel.Strike{Inlines: both(x.Inlines, y.Inlines)}
		}
	case *channel.Link:
		if y, ok := b[0].(*channel.Link); ok && x.URL == y.URL {
			one = &channel.Link{URL: x.URL, Inlines: both(x.Inlines, y.Inlines)}
		}
	}
	if one != nil {
		a[len(a)-1] = one
		b = b[1:]
	}
	return append(a, b...)
}
