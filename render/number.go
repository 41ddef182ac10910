package render

import (
	"bytes"
	"strings"
)

// decimal is a number as its digits stand in a text, so that comparing and
// rounding lose none of them. Its value is 0.d₀d₁… × 10^mag.
type decimal struct {
	neg          bool
	whole, frac  []byte
	first, count int // the digits without outer zeros
	mag          int
}

// maxExponentDigits keeps exponents inside an int.
const maxExponentDigits = 9

// parseDecimal reads an optional sign, digits with an optional point and an
// optional exponent. The result refers to s.
func parseDecimal(s []byte) (d decimal, ok bool) {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		d.neg = s[0] == '-'
		s = s[1:]
	}
	n := digitCount(s)
	d.whole, s = s[:n], s[n:]
	if len(s) > 0 && s[0] == '.' {
		n = digitCount(s[1:])
		d.frac, s = s[1:1+n], s[1+n:]
	}
	total := len(d.whole) + len(d.frac)
	if total == 0 {
		return d, false
	}
	exp := 0
	if len(s) > 0 && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		sign := 1
		if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
			if s[0] == '-' {
				sign = -1
			}
			s = s[1:]
		}
		n = digitCount(s)
		if n == 0 || n > maxExponentDigits {
			return d, false
		}
		for _, c := range s[:n] {
			exp = exp*10 + int(c-'0')
		}
		exp *= sign
		s = s[n:]
	}
	if len(s) > 0 {
		return d, false
	}
	for d.first < total && d.raw(d.first) == '0' {
		d.first++
	}
	for total > d.first && d.raw(total-1) == '0' {
		total--
	}
	d.count = total - d.first
	d.mag = len(d.whole) - d.first + exp
	if d.count == 0 {
		d.neg, d.mag = false, 0
	}
	return d, true
}

func digitCount(s []byte) int {
	for i, c := range s {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(s)
}

func (d *decimal) raw(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.frac[i-len(d.whole)]
}

func (d *decimal) digit(i int) byte { return d.raw(d.first + i) }

// compare gives -1, 0 or 1.
func (d *decimal) compare(e *decimal) int {
	if d.neg != e.neg {
		if d.neg {
			return -1
		}
		return 1
	}
	c := d.compareSize(e)
	if d.neg {
		return -c
	}
	return c
}

func (d *decimal) compareSize(e *decimal) int {
	switch {
	case d.count == 0 && e.count == 0:
		return 0
	case d.count == 0:
		return -1
	case e.count == 0:
		return 1
	case d.mag != e.mag:
		return sign(d.mag - e.mag)
	}
	for i := range min(d.count, e.count) {
		if c := sign(int(d.digit(i)) - int(e.digit(i))); c != 0 {
			return c
		}
	}
	return sign(d.count - e.count)
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// appendJSONNumber writes the number as JSON allows it: no plus sign, no leading
// zeros, a digit on both sides of the point.
func appendJSONNumber(dst []byte, text []byte) []byte {
	if len(text) > 0 && text[0] == '-' {
		dst = append(dst, '-')
	}
	text = bytes.TrimLeft(text, "+-")
	n := digitCount(text)
	whole := bytes.TrimLeft(text[:n], "0")
	if len(whole) == 0 {
		whole = []byte{'0'}
	}
	dst = append(dst, whole...)
	text = text[n:]
	if len(text) > 0 && text[0] == '.' {
		n = digitCount(text[1:])
		if n > 0 {
			dst = append(dst, text[:1+n]...)
		}
		text = text[1+n:]
	}
	return append(dst, text...)
}

// isJSONNumber reports whether a decimal's text already is one.
func isJSONNumber(text []byte) bool {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	n := digitCount(text)
	if n == 0 || n > 1 && text[0] == '0' {
		return false
	}
	return len(text) == n || text[n] != '.' || digitCount(text[n+1:]) > 0
}

// numberPattern is a parsed format such as "#,##0.00" or "0.0%".
type numberPattern struct {
	group            bool
	minWhole         int
	minFrac, maxFrac int
	percent          bool
}

// maxPatternFrac and maxShownDigits bound what a format can make of a number
// with a huge exponent.
const (
	maxPatternFrac = 30
	maxShownDigits = 400
)

// parseNumberPattern reads # and 0 with commas for grouping, an optional point
// with more of them, and an optional percent sign.
func parseNumberPattern(s string) (p numberPattern, ok bool) {
	s, p.percent = strings.CutSuffix(s, "%")
	whole, frac, _ := strings.Cut(s, ".")
	for i := range len(whole) {
		switch {
		case whole[i] == '#' && p.minWhole == 0:
		case whole[i] == '0':
			p.minWhole++
		case whole[i] == ',' && i > 0 && whole[i-1] != ',' && i+1 < len(whole):
			p.group = true
		default:
			return p, false
		}
	}
	for i := range len(frac) {
		switch {
		case frac[i] == '0' && p.minFrac == p.maxFrac:
			p.minFrac++
		case frac[i] == '#':
		default:
			return p, false
		}
		p.maxFrac++
	}
	return p, len(whole)+len(frac) > 0 && p.maxFrac <= maxPatternFrac
}

// append writes the number rounded half away from zero. It reports false, and
// writes nothing, for a number too long to show in full.
func (p *numberPattern) append(dst []byte, d *decimal) ([]byte, bool) {
	point := d.mag // how many digits stand before the point
	if p.percent && d.count > 0 {
		point += 2
	}
	if point > maxShownDigits {
		return dst, false
	}
	var room [64]byte
	digits, carry := d.round(room[:0], point+p.maxFrac)
	if carry {
		point++
	}
	if len(digits) == 0 {
		point = 0
	}
	at := func(i int) byte {
		if i < 0 || i >= len(digits) {
			return '0'
		}
		return digits[i]
	}
	if d.neg && len(digits) > 0 {
		dst = append(dst, '-')
	}
	whole := max(point, p.minWhole)
	for i := whole; i > 0; i-- {
		dst = append(dst, at(point-i))
		if p.group && i > 1 && (i-1)%3 == 0 {
			dst = append(dst, ',')
		}
	}
	frac := p.maxFrac
	for frac > p.minFrac && at(point+frac-1) == '0' {
		frac--
	}
	if whole <= 0 && frac == 0 {
		dst = append(dst, '0')
	}
	if frac > 0 {
		dst = append(dst, '.')
		for i := range frac {
			dst = append(dst, at(point+i))
		}
	}
	if p.percent {
		dst = append(dst, '%')
	}
	return dst, true
}

// round gives the first digits, at most keep of them, rounded half away from
// zero, in dst. Carry says that there is a new digit before them. No digits is
// zero.
func (d *decimal) round(dst []byte, keep int) (digits []byte, carry bool) {
	if keep < 0 || d.count == 0 {
		return nil, false
	}
	n := min(keep, d.count)
	digits = append(dst, '0')
	for i := range n {
		digits = append(digits, d.digit(i))
	}
	if keep < d.count && d.digit(keep) >= '5' {
		i := n
		for ; digits[i] == '9'; i-- {
			digits[i] = '0'
		}
		digits[i]++
	}
	if digits[0] != '0' {
		return digits, true
	}
	return digits[1:], false
}
