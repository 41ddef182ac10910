package render

import "bytes"

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
	group              bool
	minWhole           int
	minFrac, maxFrac   int
	percent, hasDigits bool
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
	i := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '#':
			if p.minWhole > 0 {
				return p, false
			}
		case '0':
			p.minWhole++
		case ',':
			if i == 0 || i+1 == len(s) || s[i+1] != '#' && s[i+1] != '0' {
				return p, false
			}
			p.group = true
			continue
		default:
			goto point
		}
		p.hasDigits = true
	}
point:
	if i < len(s) && s[i] == '.' {
		for i++; i < len(s) && (s[i] == '0' || s[i] == '#'); i++ {
			if s[i] == '0' {
				if p.minFrac < p.maxFrac {
					return p, false
				}
				p.minFrac++
			}
			p.maxFrac++
			p.hasDigits = true
		}
	}
	if i < len(s) && s[i] == '%' {
		p.percent = true
		i++
	}
	return p, i == len(s) && p.hasDigits && p.maxFrac <= maxPatternFrac
}

// append writes the number rounded half away from zero. It reports false, and
// writes nothing, for a number too long to show in full.
func (p *numberPattern) append(dst []byte, d *decimal) ([]byte, bool) {
	mag := d.mag
	if p.percent {
		mag += 2
	}
	if mag > maxShownDigits || mag < -maxShownDigits || d.count == 0 {
		if d.count > 0 && mag > 0 {
			return dst, false
		}
		mag = 0
	}
	var digits []byte
	if d.count > 0 {
		keep := min(max(mag+p.maxFrac, -1), maxShownDigits+maxPatternFrac)
		if d.mag < -maxShownDigits {
			keep = -1
		}
		digits = make([]byte, 1, max(keep, 0)+1) // digits[0] takes the carry
		digits[0] = '0'
		for i := range min(max(keep, 0), d.count) {
			digits = append(digits, d.digit(i))
		}
		if keep >= 0 && keep < d.count && d.digit(keep) >= '5' {
			i := len(digits) - 1
			for digits[i] == '9' {
				digits[i] = '0'
				i--
			}
			digits[i]++
		}
		mag++
		for len(digits) > 0 && digits[0] == '0' {
			digits = digits[1:]
			mag--
		}
		if len(digits) == 0 {
			mag = 0
		}
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
	whole := max(mag, p.minWhole)
	for i := whole; i > 0; i-- {
		dst = append(dst, at(mag-i))
		if p.group && i > 1 && (i-1)%3 == 0 {
			dst = append(dst, ',')
		}
	}
	frac := p.maxFrac
	for frac > p.minFrac && at(mag+frac-1) == '0' {
		frac--
	}
	if whole <= 0 && frac == 0 {
		dst = append(dst, '0')
	}
	if frac > 0 {
		dst = append(dst, '.')
		for i := range frac {
			dst = append(dst, at(mag+i))
		}
	}
	if p.percent {
		dst = append(dst, '%')
	}
	return dst, true
}
