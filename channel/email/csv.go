package email

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
)

const byteOrderMark = "\uFEFF"

// appendCSV writes a table by RFC 4180 with a byte order mark, without which
// Excel reads UTF-8 as the system's code page. Shown writes what a person reads
// instead of raw values.
func appendCSV(dst []byte, t *channel.Table, shown bool) []byte {
	size := len(byteOrderMark) + 32*len(t.Columns)
	for i := range t.Cells {
		size += len(t.Cells[i].Text) + 2
	}
	dst = slices.Grow(dst, size)
	return appendRows(appendHeader(append(dst, byteOrderMark...), t), t, shown)
}

func appendHeader(dst []byte, t *channel.Table) []byte {
	for i := range t.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendField(dst, t.Columns[i].Header, true)
	}
	return append(dst, "\r\n"...)
}

func appendRows(dst []byte, t *channel.Table, shown bool) []byte {
	for r := range t.Rows() {
		row := t.Row(r)
		for j := range row {
			cell := &row[j]
			if j > 0 {
				dst = append(dst, ',')
			}
			switch {
			case shown:
				c := &t.Columns[j]
				dst = appendField(dst, c.Show(*cell), c.Prefix != "" || cell.Type == channel.TypeText || !isDecimal(raw(cell)))
			case cell.Type == channel.TypeNull:
			default:
				dst = appendField(dst, raw(cell), cell.Type == channel.TypeText)
			}
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// raw is a cell's value. A host's own renderer may leave it out where it is the
// text.
func raw(c *channel.Cell) string {
	if c.Raw == "" {
		return c.Text
	}
	return c.Raw
}

// quoting marks the bytes for which a field is quoted: those that RFC 4180
// names, and those that split fields in Excel of other countries, where the
// second half would be read as a value of its own. 0xEF starts the byte order
// mark and full-width signs.
var quoting = func() (t [256]bool) {
	for b := range 0x20 {
		t[b] = true
	}
	for _, b := range []byte{'"', ',', ';', 0x7f, 0xef} {
		t[b] = true
	}
	return t
}()

// appendField writes one field. Text is guarded against being run as a formula.
func appendField(dst []byte, s string, text bool) []byte {
	if s == "" {
		return dst
	}
	quote, high := s[0] == ' ' || s[len(s)-1] == ' ', byte(0)
	for i := 0; i < len(s) && !quote; i++ {
		quote = quoting[s[i]]
		high |= s[i]
	}
	if high >= utf8.RuneSelf && !utf8.ValidString(s) {
		quote = true
	}
	if quote {
		s = clean(s)
	}
	guard := text && isFormula(s)
	if !quote {
		if guard {
			dst = append(dst, '\'')
		}
		return append(dst, s...)
	}
	dst = append(dst, '"')
	if guard {
		dst = append(dst, '\'')
	}
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			break
		}
		dst = append(dst, s[:i+1]...)
		dst = append(dst, '"')
		s = s[i+1:]
	}
	dst = append(dst, s...)
	return append(dst, '"')
}

// starting marks the first bytes of what may be a formula, with 0xEF as above.
var starting = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, '=': true, '@': true, '+': true, '-': true, 0xef: true}

// isFormula reports whether a spreadsheet program may run a text: it begins with
// a sign that starts a formula, after white space that programs skip
// (https://owasp.org/www-community/attacks/CSV_Injection, read on 2026-11-23).
// The full-width forms are taken by programs with East Asian input. A plain
// number is none.
func isFormula(s string) bool {
	if s == "" || !starting[s[0]] {
		return false
	}
	t := strings.TrimLeft(s, " \t\r\n")
	if t == "" {
		return false
	}
	if len(t) < len(s) && (s[0] == '\t' || s[0] == '\r' || s[0] == '\n') {
		return true
	}
	switch t[0] {
	case '=', '@':
		return true
	case '+', '-':
		return !isDecimal(t)
	case 0xef:
		r, _ := utf8.DecodeRuneInString(t)
		return r == '＝' || r == '＋' || r == '－' || r == '＠'
	}
	return false
}

// isDecimal reports whether s is a decimal number with an optional sign and
// exponent.
func isDecimal(s string) bool {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	digits := func() (n int) {
		for n < len(s) && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n
	}
	n := digits()
	if s != "" && s[0] == '.' {
		s = s[1:]
		n += digits()
	}
	if n == 0 {
		return false
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return s == ""
}
