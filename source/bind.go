package source

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bind returns the statement's SQL with every ${name} outside comments replaced
// by its value, in a single pass: text that came from a value is not looked at
// again.
//
// Inside a quoted literal or identifier the value is escaped for d, so that it
// stays inside. Outside quotes it must be a number (12, -1.5e3), an identifier
// (letters, digits, underscores) or a date-like token (2024-01-02, 202401,
// 08:00:00, 2024-01-02T08:00:00Z); where it touches a name or a number it may
// hold letters, digits and underscores only, and the statement must still be a
// query afterwards. No value may hold a NUL byte or broken UTF-8, and none
// inside $tag$ … $tag$ a dollar sign.
//
// The error is an *Error that names the parameter in Param, or several, found by
// Unwrap() []error; no value is in their text. Values that the statement does
// not use are ignored.
func (s Statement) Bind(d Dialect, values map[string]string) (string, error) {
	refs, faults := s.references(d)
	var errs []error
	var l *lexer // lines are asked for by errors alone
	found := func(pos int, param, text string) {
		if l == nil {
			l = lex(s.SQL, d, false)
		}
		e := scriptError("sql: bind", s.Number, s.linesBefore(l, d)+l.lineOf(pos), text)
		e.Param = param
		errs = append(errs, e)
	}
	fail := func(r *ref, format string, args ...any) {
		found(r.pos, r.name, "parameter ${"+r.name+"} "+fmt.Sprintf(format, args...))
	}
	for _, f := range faults {
		found(f.pos, f.param, f.text)
	}
	if len(refs) == 0 && len(errs) == 0 {
		return s.SQL, nil
	}

	var b strings.Builder
	b.Grow(len(s.SQL) + 8*len(refs)) // most values are about as long as their names
	last, bare := 0, false
	for i := range refs {
		r := &refs[i]
		b.WriteString(s.SQL[last:r.pos])
		last = r.end
		v, ok := values[r.name]
		switch {
		case !ok:
			fail(r, "is not defined; add it to the task's parameters or correct the name")
			continue
		case !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0:
			fail(r, "has a value that is not text: it holds a NUL byte or is not UTF-8")
			continue
		}
		switch {
		case r.quote == 0 && d.Raw:
			b.WriteString(v)
		case r.quote == 0:
			bare = true
			before, after := i > 0 && refs[i-1].end == r.pos, i+1 < len(refs) && refs[i+1].pos == r.end
			before = before || r.pos > 0 && isWordByte(s.SQL[r.pos-1])
			after = after || r.end < len(s.SQL) && isWordByte(s.SQL[r.end])
			if why := notBare(v, r.name, before || after); why != "" {
				fail(r, "%s", why)
				continue
			}
			if r.pos > 0 && (v[0] == '-' || v[0] == '+') && strings.IndexByte("+-*/<>=~!@#%^&|?", s.SQL[r.pos-1]) >= 0 {
				// 1 -${n} with -2 must not turn into a comment.
				b.WriteByte(' ')
			}
			b.WriteString(v)
		case r.quote == '$':
			if strings.IndexByte(v, '$') >= 0 {
				fail(r, "holds a dollar sign and stands inside dollar quotes; quote the literal with '")
				continue
			}
			b.WriteString(v)
		case r.quote == '[':
			if strings.IndexByte(v, ']') >= 0 {
				fail(r, `holds ] and stands inside [ ]; quote the identifier with "`)
				continue
			}
			b.WriteString(v)
		default:
			escape(&b, v, r, d.BackslashQuotes && !r.ident)
		}
	}
	b.WriteString(s.SQL[last:])
	if len(errs) > 0 {
		return "", join(errs)
	}
	sql := b.String()
	if bare {
		// A bare word may be a keyword, such as INTO.
		if err := Check(sql, d); err != nil {
			return "", &Error{Op: "sql: bind", Kind: Syntax, Statement: s.Number, Err: fmt.Errorf("with the values in place: %w", err)}
		}
	}
	return sql, nil
}

// linesBefore returns what is to be added to a line of the statement's text to
// get the script's.
func (s Statement) linesBefore(l *lexer, d Dialect) int {
	first := 0
	for i, t := range l.tokens {
		if t.kind == tokenSemi && d.LeadingSet && i+1 < len(l.tokens) {
			first = i + 1
		}
	}
	if s.Line == 0 || len(l.tokens) == 0 {
		return 0
	}
	return s.Line - l.lineOf(l.tokens[first].pos)
}

// escape writes v so that it cannot leave the quotes around it: the quote is
// doubled, which nearly every dialect understands whatever its mode, and so is a
// backslash where it has a meaning.
func escape(b *strings.Builder, v string, r *ref, backslashQuotes bool) {
	from := 0
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c != r.quote && (c != '\\' || !r.backslash) {
			continue
		}
		b.WriteString(v[from:i])
		if from = i; c == r.quote && backslashQuotes && r.backslash {
			c = '\\'
		}
		b.WriteByte(c)
	}
	b.WriteString(v[from:])
}

// notBare says why v may not stand outside quotes, or "". A joined value touches
// a name, a number or another value.
func notBare(v, name string, joined bool) string {
	switch {
	case v == "" && name == NextToken:
		return "has no value on the first page and stands outside quotes; give it a first value, such as 0, or put quotes around it"
	case v == "":
		return "is empty and stands outside quotes; put quotes around it"
	case joined && !isWord(v):
		return "is part of a name, where only letters, digits and underscores may stand"
	case joined || isIdentifier(v) || isNumber(v) || isDateLike(v):
		return ""
	}
	return "stands outside quotes and is no number, identifier or date; put quotes around it"
}

func isWord(v string) bool {
	for i := 0; i < len(v); i++ {
		if c := v[i]; c >= utf8.RuneSelf || !isWordByte(c) {
			return false
		}
	}
	return v != ""
}

func isIdentifier(v string) bool { return isWord(v) && !isDigit(v[0]) }

// digits returns how many digits v begins with.
func digits(v string) int {
	n := 0
	for n < len(v) && isDigit(v[n]) {
		n++
	}
	return n
}

// isNumber matches [+-]digits[.digits][e[+-]digits].
func isNumber(v string) bool {
	if v != "" && (v[0] == '-' || v[0] == '+') {
		v = v[1:]
	}
	whole := digits(v)
	v = v[whole:]
	part := 0
	if v != "" && v[0] == '.' {
		part = digits(v[1:])
		v = v[1+part:]
	}
	if whole+part == 0 {
		return false
	}
	if v != "" && v[0]|0x20 == 'e' {
		v = v[1:]
		if v != "" && (v[0] == '-' || v[0] == '+') {
			v = v[1:]
		}
		n := digits(v)
		return n > 0 && n == len(v)
	}
	return v == ""
}

// isDateLike matches groups of digits joined by single separators, the first a
// year, a month, a day or an hour: 2024-01-02, 2024/01, 20240102T0800, 08:00:00,
// 2024-01-02T08:00:00.5Z.
func isDateLike(v string) bool {
	n := digits(v)
	switch n {
	case 4, 6, 8:
	case 2:
		if n == len(v) || v[n] != ':' {
			return false
		}
	default:
		return false
	}
	for v = v[n:]; v != ""; {
		if v == "Z" {
			return true
		}
		if strings.IndexByte("-/.:T", v[0]) < 0 {
			return false
		}
		k := digits(v[1:])
		if k == 0 {
			return false
		}
		v = v[1+k:]
	}
	return true
}
