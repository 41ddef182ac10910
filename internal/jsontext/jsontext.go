// Package jsontext appends JSON strings. It writes what a webhook counts: no
// \u003c forms for <, > and &, and UTF-8 as it is.
package jsontext

import (
	"strings"
	"unicode/utf8"
)

const hex = "0123456789abcdef"

// plainLen is how many bytes at the beginning of s are not special. A loop that
// does nothing else is several times as fast.
func plainLen(s string) int {
	for i := range len(s) {
		if Special[s[i]] != 0 {
			return i
		}
	}
	return len(s)
}

// Plain reports whether s is printable ASCII that is its own [Text], [Line] and
// inside of a JSON string.
func Plain(s string) bool { return plainLen(s) == len(s) }

// Quote appends s as a JSON string with its quotes.
func Quote(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = Append(dst, s)
	return append(dst, '"')
}

// Append appends s as the inside of a JSON string. Control characters become
// escapes, bytes that are no UTF-8 become U+FFFD.
func Append(dst []byte, s string) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if Special[c] == 0 {
			i += plainLen(s[i:])
			continue
		}
		if c < utf8.RuneSelf && c != 0x7f {
			dst = append(dst, s[from:i]...)
			dst = escape(dst, c)
			i++
			from = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, s[from:i]...)
			dst = append(dst, "\ufffd"...)
			from = i + 1
		}
		i += size
	}
	return append(dst, s[from:]...)
}

// AppendText is Append for bytes that [Text] made, with or without markup: valid
// UTF-8 without control characters except line feed and tab.
func AppendText(dst, b []byte) []byte {
	for {
		n := unescaped(b)
		dst = append(dst, b[:n]...)
		if n == len(b) {
			return dst
		}
		dst = escape(dst, b[n])
		b = b[n+1:]
	}
}

// unescaped is how many bytes at the beginning of b AppendText copies.
func unescaped(b []byte) int {
	for i := range b {
		if escapes[b[i]] {
			return i
		}
	}
	return len(b)
}

// escapes marks the bytes that a JSON string has in another form.
var escapes = func() (t [256]bool) {
	for c := range t {
		t[c] = c < ' ' || c == '"' || c == '\\'
	}
	return
}()

func escape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// AppendLine appends s as the inside of a JSON string that shows in one line,
// as a table cell does: like Append after [Line].
func AppendLine(dst []byte, s string) []byte {
	from, i := 0, 0
	for i < len(s) {
		c := s[i]
		if Special[c] == 0 {
			i += plainLen(s[i:])
			continue
		}
		if c == '"' || c == '\\' {
			dst = append(append(dst, s[from:i]...), '\\', c)
			i++
			from = i
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			break
		}
		i += size
	}
	dst = append(dst, s[from:i]...)
	if i < len(s) {
		// Something has to be removed or replaced, which is rare.
		dst = Append(dst, Line(s[i:]))
	}
	return dst
}

// Text removes what no message may carry from s: control characters except line
// feed and tab, and byte order marks. A carriage return, alone or before a line
// feed, becomes a line feed; bytes that are no UTF-8 become U+FFFD.
func Text(s string) string { return clean(s, false) }

// Line is Text for a single line: each line break and each tab becomes a space.
func Line(s string) string { return clean(s, true) }

func clean(s string, line bool) string {
	i := plainLen(s)
	if i == len(s) {
		return s
	}
	var b *strings.Builder
	from := 0
	replace := func(at, size int, with string) {
		if b == nil {
			b = new(strings.Builder)
			b.Grow(len(s))
		}
		b.WriteString(s[from:at])
		b.WriteString(with)
		from = at + size
	}
	brk := "\n"
	if line {
		brk = " "
	}
	for i < len(s) {
		c := s[i]
		if c >= 0x20 && c < 0x7f {
			i += max(plainLen(s[i:]), 1)
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\r' && i+1 < len(s) && s[i+1] == '\n':
			size = 2
			replace(i, size, brk)
		case r == '\r':
			replace(i, size, brk)
		case r == '\n', r == '\t':
			if line {
				replace(i, size, " ")
			}
		case r == '\u2028', r == '\u2029', r == '\u0085':
			replace(i, size, brk)
		case r < 0x20, r >= 0x7f && r < 0xa0, r == '\ufeff':
			replace(i, size, "")
		case r == utf8.RuneError && size == 1:
			replace(i, size, "\ufffd")
		}
		i += size
	}
	if b == nil {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}
