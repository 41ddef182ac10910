package maxcompute

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// Numbers of the stream's fields that are no columns.
const (
	endRecord    = 33553408
	metaCount    = 33554430
	metaChecksum = 33554431
)

// castagnoli is a read-only table.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errCut      = errors.New("the stream of rows was cut off")
	errChecksum = errors.New("the stream of rows was damaged on its way: a checksum is wrong")
	errStream   = errors.New("the stream of rows is not in the form that the tunnel documents")
)

// stream reads rows as the tunnel sends them. The vendor's own reader takes a
// stream that ends too early for a whole one, drops texts of CHAR and VARCHAR
// columns that have more bytes than the column has characters, loses fractions of
// intervals and the order of maps, and reads a byte at a time.
type stream struct {
	r       io.Reader
	buf     []byte
	at, end int
	// sum is what the current row's checksum is of.
	sum []byte
	// text is where nested values are written.
	text []byte
	// most is the longest value in bytes that memory has room for.
	most int64
}

func newStream(r io.Reader, most int64) *stream {
	return &stream{r: r, buf: make([]byte, 64<<10), most: most}
}

// fill makes n bytes available, n being at most the buffer's size.
func (s *stream) fill(n int) error {
	if s.end-s.at >= n {
		return nil
	}
	copy(s.buf, s.buf[s.at:s.end])
	s.at, s.end = 0, s.end-s.at
	for s.end < n {
		k, err := s.r.Read(s.buf[s.end:])
		s.end += k
		if err != nil && s.end < n {
			if errors.Is(err, io.EOF) {
				return errCut
			}
			return err
		}
	}
	return nil
}

func (s *stream) uvarint() (uint64, error) {
	if s.end-s.at < binary.MaxVarintLen64 {
		return s.slowUvarint()
	}
	if b := s.buf[s.at]; b < 0x80 {
		s.at++
		return uint64(b), nil
	}
	v, n := binary.Uvarint(s.buf[s.at:s.end])
	if n <= 0 {
		return 0, errStream
	}
	s.at += n
	return v, nil
}

// slowUvarint reads byte by byte, since the stream may end right after.
func (s *stream) slowUvarint() (uint64, error) {
	for n := 1; n <= binary.MaxVarintLen64; n++ {
		if err := s.fill(n); err != nil {
			return 0, err
		}
		if s.buf[s.at+n-1] < 0x80 {
			v, k := binary.Uvarint(s.buf[s.at : s.at+n])
			if k != n {
				return 0, errStream
			}
			s.at += n
			return v, nil
		}
	}
	return 0, errStream
}

func (s *stream) varint() (int64, error) {
	u, err := s.uvarint()
	return int64(u>>1) ^ -int64(u&1), err
}

// long reads an integer that counts as eight bytes in the checksum.
func (s *stream) long() (int64, error) {
	v, err := s.varint()
	s.sum = binary.LittleEndian.AppendUint64(s.sum, uint64(v))
	return v, err
}

// pair reads seconds and nanoseconds.
func (s *stream) pair() (seconds, nanos int64, err error) {
	if seconds, err = s.long(); err != nil {
		return 0, 0, err
	}
	nanos, err = s.varint()
	s.sum = binary.LittleEndian.AppendUint32(s.sum, uint32(nanos))
	return seconds, nanos, err
}

// fixed reads n bytes.
func (s *stream) fixed(n int) ([]byte, error) {
	if err := s.fill(n); err != nil {
		return nil, err
	}
	b := s.buf[s.at : s.at+n]
	s.at += n
	s.sum = append(s.sum, b...)
	return b, nil
}

// bytes reads a length and as many bytes, which are valid until the next read.
func (s *stream) bytes() ([]byte, error) {
	u, err := s.uvarint()
	if err != nil {
		return nil, err
	}
	if u > uint64(s.most) {
		return nil, sqlrows.TooLarge(s.most)
	}
	if u <= uint64(len(s.buf)) {
		return s.fixed(int(u))
	}
	// What comes decides how much memory is taken, not what was announced.
	var b []byte
	for left := int(u); left > 0; {
		if s.at == s.end {
			if err := s.fill(1); err != nil {
				return nil, err
			}
		}
		n := min(left, s.end-s.at)
		b = append(b, s.buf[s.at:s.at+n]...)
		s.at += n
		left -= n
	}
	s.sum = append(s.sum, b...)
	return b, nil
}

// rows reads a whole stream of want rows and appends them to out.
func (s *stream) rows(out *source.Result, decoders []decoder, slab *sqlrows.Slab, want int, size *int64) error {
	total := uint32(0) // the checksum of all rows' checksums
	var four [4]byte
	row, full := slab.Row(), 0
	for got := 0; ; {
		u, err := s.uvarint()
		if err != nil {
			return count(err, got, want)
		}
		switch number := u >> 3; {
		case number >= 1 && number <= uint64(len(decoders)):
			s.sum = binary.LittleEndian.AppendUint32(s.sum, uint32(number))
			if row[number-1], err = decoders[number-1](s); err != nil {
				return count(err, got, want)
			}
			if *size += source.CellSize(row[number-1]); *size > s.most {
				return sqlrows.TooLarge(s.most)
			}
			full++
		case number == endRecord:
			sum, err := s.uvarint()
			if err != nil {
				return count(err, got, want)
			}
			if uint64(crc32.Checksum(s.sum, castagnoli)) != sum {
				return errChecksum
			}
			s.sum = s.sum[:0]
			binary.LittleEndian.PutUint32(four[:], uint32(sum))
			total = crc32.Update(total, castagnoli, four[:])
			if got++; got > want {
				return fmt.Errorf("%w: it has more than the %d rows asked for", errStream, want)
			}
			// A NULL is not sent, and takes its cell all the same.
			if *size += int64(max(len(decoders)-full, 0)) * source.CellSize(nil); *size > s.most {
				return sqlrows.TooLarge(s.most)
			}
			full = 0
			out.Rows = append(out.Rows, row)
			if got < want {
				row = slab.Row()
			} else {
				row = make([]any, len(decoders))
			}
		case number == metaCount:
			return s.trailer(got, want, total)
		default:
			return errStream
		}
	}
}

// trailer reads what follows the last row. A stream without it was cut, even if
// HTTP has it end as it should.
func (s *stream) trailer(got, want int, total uint32) error {
	n, err := s.varint()
	if err != nil {
		return count(err, got, want)
	}
	if n != int64(got) || got != want {
		return fmt.Errorf("%w: it has %d rows, says %d and should have %d", errCut, got, n, want)
	}
	tag, err := s.uvarint()
	if err != nil {
		return count(err, got, want)
	}
	sum, err := s.uvarint()
	switch {
	case tag>>3 != metaChecksum:
		return errStream
	case err != nil:
		return count(err, got, want)
	case sum != uint64(total):
		return errChecksum
	}
	switch err := s.fill(1); {
	case err == nil:
		return errStream
	case !errors.Is(err, errCut):
		return err
	}
	return nil
}

// count says how far a stream came that was cut.
func count(err error, got, want int) error {
	if errors.Is(err, errCut) {
		return fmt.Errorf("%w after %d of %d rows", errCut, got, want)
	}
	return err
}
