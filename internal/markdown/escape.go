package markdown

import (
	"strings"
	"unicode/utf8"

	"github.com/datapush-go/datapush/internal/weburl"
)

// line is what an escaper must know about the line that it writes in.
type line struct {
	begin   bool // nothing of it is written yet
	digits  int  // it holds only this many digits so far
	heading bool
	cell    bool
	label   bool // of a link
	// bracket says that a bracket of markup was closed, which what follows could
	// make a link.
	bracket bool
}

// middle is anywhere but the beginning of a line.
var middle = line{}

const zeroWidth = "\u200b"

// active marks the bytes that may need an escape in the middle of a line.
var active = [3][256]bool{
	Backslash: set("\\`*_[]~<&|#"),
	LookAlike: set("<`*("),
	Plain:     {},
}

func set(s string) (t [256]bool) {
	for i := range len(s) {
		t[s[i]] = true
	}
	return
}

// indexOf is where the first byte of a table stands in s, len(s) where none does.
func indexOf(s string, table *[256]bool) int {
	for i := range len(s) {
		if table[s[i]] {
			return i
		}
	}
	return len(s)
}

// escape appends s, which has no line break, so that it shows as it is.
func (d *Dialect) escape(dst []byte, s string, l *line) []byte {
	switch d.Style {
	case Plain:
		return append(dst, s...)
	case LookAlike:
		return d.lookAlike(dst, s, l)
	}
	if l.bracket && s != "" {
		l.bracket = false
		if s[0] == '(' || s[0] == ':' {
			dst = append(dst, '\\')
		}
	}
	begin, digits, from := l.begin, l.digits, 0
	for i := 0; i < len(s); i++ {
		if !begin && digits == 0 {
			if i += indexOf(s[i:], &active[Backslash]); i == len(s) {
				break
			}
		}
		c := s[i]
		next := byte(' ') // what follows the text is not known: the worst
		if i+1 < len(s) {
			next = s[i+1]
		}
		esc, number := false, 0
		switch c {
		case '\\', '`', '*', '_', '[', ']', '~':
			esc = true
		case '<':
			// A tag, or a mail address, which begins with nearly anything.
			esc = i+1 == len(s) || next != ' '
		case '&':
			esc = i+1 == len(s) || entity(s[i+1:])
		case '|':
			esc = l.cell || begin
		case '#':
			esc = begin || l.heading
		case '>':
			esc = begin
		case '-', '+', '=', ':':
			esc = begin && !letter(next) && !digit(next) && next < 0x80
		case '.', ')':
			esc = digits > 0 && (next == ' ' || next == '\t')
		case ' ':
			if begin {
				dst = append(dst, s[from:i]...)
				from = i + 1
				continue
			}
		default:
			if digit(c) && (begin || digits > 0) && digits < 9 {
				number = digits + 1
			}
		}
		if esc {
			dst = append(append(dst, s[from:i]...), '\\')
			from = i
		}
		begin, digits = false, number
	}
	l.begin, l.digits = begin, digits
	return append(dst, s[from:]...)
}

// lookAlike serves dialects without escapes. Text keeps its visible characters
// except for < and the backtick, and brackets in a link, which nothing else can
// disarm.
func (d *Dialect) lookAlike(dst []byte, s string, l *line) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		begin := l.begin
		if begin && c == ' ' {
			continue
		}
		l.begin = false
		switch c {
		case '<':
			if i+1 == len(s) || letter(s[i+1]) || strings.IndexByte("@/!?", s[i+1]) >= 0 {
				dst = append(dst, "＜"...)
				continue
			}
		case '`':
			dst = append(dst, "｀"...)
			continue
		case '[', ']':
			if l.label {
				dst = append(dst, "［］"[(c-'[')/2*3:][:3]...)
				continue
			}
		case '*':
			if ends(dst, '*') {
				dst = append(dst, zeroWidth...)
			}
		case '(':
			if ends(dst, ']') {
				dst = append(dst, zeroWidth...)
			}
		case '#', '>':
			if begin {
				dst = append(dst, zeroWidth...)
			}
		}
		dst = append(dst, c)
	}
	return dst
}

func ends(b []byte, c byte) bool { return len(b) > 0 && b[len(b)-1] == c }
func digit(c byte) bool          { return '0' <= c && c <= '9' }
func letter(c byte) bool         { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// entity reports whether what follows an ampersand makes it a character
// reference, or might with what follows the text.
func entity(s string) bool {
	for i := range min(len(s), 40) {
		c := s[i]
		if c == ';' {
			return i > 0
		}
		if !letter(c) && !digit(c) && (c != '#' || i > 0) {
			return false
		}
	}
	return len(s) < 40
}

// address makes a URL safe between parentheses; false means that it is not one
// a message may link to.
func address(u string) (string, bool) {
	scheme, _, ok := strings.Cut(u, ":")
	if !ok {
		return "", false
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "mailto":
	default:
		return "", false
	}
	return unsafe.Encode(u), true
}

// unsafe marks the bytes that cannot stand in an address, or would end it.
var unsafe = func() weburl.Set {
	t := weburl.Unsafe("()<>\"\\`|{}^*")
	for c := utf8.RuneSelf; c < len(t); c++ {
		t[c] = true
	}
	return t
}()
