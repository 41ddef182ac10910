package mailhtml

import (
	"strings"
	"unicode/utf8"
)

// Clean removes what no mail client should get to see from a row or a title: C0
// controls except line feed and tab, DEL, the byte order mark, and bytes that
// are not UTF-8. Carriage returns go, because line feeds are written as CRLF.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0xfeff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\uFFFD"))
}

func isClean(s string) bool {
	ascii := true
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b < ' ' && b != '\n' && b != '\t' || b == 0x7f || b == 0xef {
			return false
		}
		ascii = ascii && b < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s)
}

// special marks the bytes that AppendText may not copy as they are. 0xEF starts
// the byte order mark.
var special = func() (t [256]bool) {
	for b := range 0x20 {
		t[b] = b != '\t'
	}
	for _, b := range []byte{'&', '<', '>', '"', '\'', 0x7f, 0xef} {
		t[b] = true
	}
	return t
}()

// careful marks the bytes for which a text has to be looked at closely: those
// that are special, and all that are not ASCII.
var careful = func() (t [256]uint8) {
	for b := range t {
		if special[b] || b >= utf8.RuneSelf {
			t[b] = 1
		}
	}
	return t
}()

// AppendText writes s so that it shows as exactly these characters. A line
// feed becomes a line break.
func AppendText(dst []byte, s string) []byte { return Append(dst, s, "<br>") }

// Append is AppendText with a line break of the caller's.
func Append(dst []byte, s, newline string) []byte {
	var found uint8
	for i := range len(s) {
		found |= careful[s[i]]
	}
	if found == 0 {
		return append(dst, s...)
	}
	if !isClean(s) {
		s = Clean(s)
	}
	last := 0
	for i := 0; i < len(s); i++ {
		if !special[s[i]] {
			continue
		}
		var r string
		switch s[i] {
		case '&':
			r = "&amp;"
		case '<':
			r = "&lt;"
		case '>':
			r = "&gt;"
		case '"':
			r = "&#34;"
		case '\'':
			r = "&#39;"
		case '\n':
			r = newline
		default:
			continue
		}
		dst = append(dst, s[last:i]...)
		dst = append(dst, r...)
		last = i + 1
	}
	return append(dst, s[last:]...)
}
