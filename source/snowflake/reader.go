package snowflake

import (
	"errors"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// brokenError says that a part of a result did not come whole.
type brokenError struct{ err error }

func (b *brokenError) Error() string { return "it " + b.what() }

func (b *brokenError) what() string {
	switch {
	case errors.Is(b.err, io.ErrUnexpectedEOF):
		return "ended too early"
	case errors.Is(b.err, errMalformed):
		return "is not in the JSON format"
	}
	return "could not be read"
}

func (b *brokenError) Unwrap() error { return b.err }

var errMalformed = errors.New("malformed JSON")

// reader reads rows in the form in which results are stored: JSON arrays of
// strings and nulls, with commas between them and no brackets around all. A cell
// is handed out where it lies, without a copy.
type reader struct {
	in      io.Reader
	buf     []byte
	at, len int   // what of buf is not used yet
	err     error // of in, once the buffer is used up
	cell    []byte
	begun   bool
}

func newReader(in io.Reader) *reader { return &reader{in: in, buf: make([]byte, 32<<10)} }

// fill reads more into the empty buffer.
func (r *reader) fill() bool {
	r.at, r.len = 0, 0
	for r.len == 0 && r.err == nil {
		r.len, r.err = r.in.Read(r.buf)
	}
	return r.len > 0
}

// next returns the next byte that is no white space, or 0 at the end.
func (r *reader) next() byte {
	for {
		if r.at == r.len && !r.fill() {
			return 0
		}
		c := r.buf[r.at]
		r.at++
		switch c {
		case ' ', '\t', '\n', '\r':
		case 0:
			return 1 // as wrong, and not the end
		default:
			return c
		}
	}
}

// broken is the error for what c is not.
func (r *reader) broken(c byte) error {
	switch {
	case c != 0:
		return &brokenError{errMalformed}
	case r.err == io.EOF:
		return &brokenError{io.ErrUnexpectedEOF}
	}
	return &brokenError{r.err}
}

// row hands the cells of the next row to f, whose error it returns. It returns
// false after the last row.
func (r *reader) row(f func(text []byte, null bool) error) (bool, error) {
	c := r.next()
	if c == 0 && r.err == io.EOF {
		return false, nil
	}
	if r.begun {
		if c != ',' {
			return false, r.broken(c)
		}
		c = r.next()
	}
	r.begun = true
	if c != '[' {
		return false, r.broken(c)
	}
	if c = r.next(); c == ']' {
		return true, nil
	}
	for ; ; c = r.next() {
		switch c {
		case '"':
			text, err := r.text()
			if err != nil {
				return false, err
			}
			if err := f(text, false); err != nil {
				return false, err
			}
		case 'n':
			for _, want := range []byte("ull") {
				if c := r.byte(); c != want {
					return false, r.broken(c)
				}
			}
			if err := f(nil, true); err != nil {
				return false, err
			}
		default:
			return false, r.broken(c)
		}
		if c = r.next(); c == ']' {
			return true, nil
		} else if c != ',' {
			return false, r.broken(c)
		}
	}
}

// end checks that there are no more rows and that the stream ended well.
func (r *reader) end() error {
	if c := r.next(); c != 0 || r.err != io.EOF {
		return r.broken(c)
	}
	return nil
}

// text reads a string up to its closing quote.
func (r *reader) text() ([]byte, error) {
	r.cell = r.cell[:0]
	for {
		if r.at == r.len && !r.fill() {
			return nil, r.broken(0)
		}
		rest := r.buf[r.at:r.len]
		i := 0
		for i < len(rest) && rest[i] != '"' && rest[i] != '\\' && rest[i] >= ' ' {
			i++
		}
		if i == len(rest) {
			r.cell = append(r.cell, rest...)
			r.at = r.len
			continue
		}
		r.at += i + 1
		switch rest[i] {
		case '"':
			if len(r.cell) == 0 {
				return rest[:i], nil
			}
			r.cell = append(r.cell, rest[:i]...)
			return r.cell, nil
		case '\\':
			r.cell = append(r.cell, rest[:i]...)
			if err := r.escape(); err != nil {
				return nil, err
			}
		default:
			return nil, &brokenError{errMalformed}
		}
	}
}

// byte returns the next byte of a string, or 0 at the end.
func (r *reader) byte() byte {
	if r.at == r.len && !r.fill() {
		return 0
	}
	r.at++
	return r.buf[r.at-1]
}

// escape reads what follows a backslash.
func (r *reader) escape() error {
	c := r.byte()
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return r.unicode()
	default:
		return r.broken(c)
	}
	r.cell = append(r.cell, c)
	return nil
}

// unicode reads what follows \u. A surrogate without its other half becomes the
// replacement character.
func (r *reader) unicode() error {
	first, err := r.hex()
	for err == nil {
		if !utf16.IsSurrogate(first) {
			r.cell = utf8.AppendRune(r.cell, first)
			return nil
		}
		// Look whether \u follows, without leaving the string.
		c := r.byte()
		if c != '\\' {
			r.cell = utf8.AppendRune(r.cell, utf8.RuneError)
			if c == 0 {
				return r.broken(0)
			}
			r.at-- // the buffer still holds the byte that was read last
			return nil
		}
		if c = r.byte(); c != 'u' {
			r.cell = utf8.AppendRune(r.cell, utf8.RuneError)
			if c == 0 {
				return r.broken(0)
			}
			r.at--
			return r.escape()
		}
		var second rune
		if second, err = r.hex(); err != nil {
			return err
		}
		if both := utf16.DecodeRune(first, second); both != utf8.RuneError {
			r.cell = utf8.AppendRune(r.cell, both)
			return nil
		}
		r.cell = utf8.AppendRune(r.cell, utf8.RuneError)
		first = second
	}
	return err
}

func (r *reader) hex() (rune, error) {
	var digits [4]byte
	for i := range digits {
		if digits[i] = r.byte(); digits[i] == 0 {
			return 0, r.broken(0)
		}
	}
	n, err := strconv.ParseUint(string(digits[:]), 16, 32)
	if err != nil {
		return 0, &brokenError{errMalformed}
	}
	return rune(n), nil
}
