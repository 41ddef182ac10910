package schedule

import (
	"strconv"
	"time"
)

// Expr is a parsed scheduling-parameter value: literal text and expressions in
// any order. [ParseExpr] makes it; the zero Expr is the empty constant. It is
// immutable and may be used by several goroutines at once.
type Expr struct {
	text  string
	parts []part
}

// Eval is the value of one scheduling parameter at a scheduled time, in at's
// own zone. The error is that of [ParseExpr], and always an [*ExprError]. A
// caller with many times parses once and appends.
func Eval(expr string, at time.Time) (string, error) {
	e, err := ParseExpr(expr)
	if err != nil {
		return "", err
	}
	return string(e.Append(nil, at)), nil
}

// String is the text that was parsed.
func (e Expr) String() string { return e.text }

// Constant reports whether e has no expression in it, and then its value, the
// same at every scheduled time.
func (e Expr) Constant() (value string, ok bool) {
	for i := range e.parts {
		if e.parts[i].kind != literalPart {
			return "", false
		}
	}
	return e.text, true
}

// Append appends the value of e at a scheduled time, in at's own zone, and
// returns the extended buffer. It allocates only when dst lacks room.
func (e Expr) Append(dst []byte, at time.Time) []byte {
	_, offset := at.Zone()
	local := at.Unix() + int64(offset)
	for i := range e.parts {
		p := &e.parts[i]
		switch p.kind {
		case literalPart:
			dst = append(dst, p.text...)
		case unixPart:
			dst = appendInt(dst, at.Unix())
		default:
			dst = p.appendFormat(dst, p.moment(local, at))
		}
	}
	return dst
}

// part is literal text or one expression.
type part struct {
	kind   partKind
	text   string // of a literal
	days   int64  // calendar days to add
	months int64  // months, or weeks for the kinds of a week
	elapse int64  // seconds of elapsed time to add
	first  time.Weekday
	format []token
}

type partKind uint8

const (
	literalPart partKind = iota
	datePart             // the scheduled or business time, shifted
	monthPart            // shifted by months, the day kept within the month
	monthFirstPart
	monthLastPart
	weekFirstPart
	weekLastPart
	yearWeekPart
	quarterPart
	unixPart
)

// token is a piece of a format: one of the kinds below, or literal text.
type token struct {
	kind tokenKind
	text string
}

type tokenKind uint8

const (
	textToken tokenKind = iota
	yearToken
	shortYearToken
	monthToken
	dayToken
	hour24Token
	hour12Token
	minuteToken
	secondToken
	weekToken
	quarterToken
)

// moment is what a format shows.
type moment struct {
	year, month, day int // for a week, month is its number
	second           int // since midnight
}

// moment applies the shifts of p to a local time, in seconds, that stands for at.
func (p *part) moment(local int64, at time.Time) moment {
	if p.elapse != 0 {
		local = p.elapsed(local, at)
	} else {
		local += p.days * daySeconds
	}
	day := floorDiv(local, daySeconds)
	m := moment{second: int(local - day*daySeconds)}
	m.year, m.month, m.day = civilParts(day)
	if p.kind == datePart && p.months == 0 {
		return m
	}
	switch p.kind {
	case weekFirstPart, weekLastPart:
		monday := day - int64(weekday(day)+6)%7 + 7*p.months
		if p.kind == weekLastPart {
			monday += 6
		}
		m.year, m.month, m.day = civilParts(monday)
		return m
	case yearWeekPart:
		// A week belongs to the year that has its fourth day, and so four or
		// more of its days.
		start := day - int64(weekday(day)-p.first+7)%7
		m.year, _, _ = civilParts(start + 3)
		m.month = int(start+3-dayNumber(m.year, 1, 1))/7 + 1
		return m
	}
	months := int64(m.year)*12 + int64(m.month-1) + p.months
	year := floorDiv(months, 12)
	m.year, m.month = int(year), int(months-year*12)+1
	switch p.kind {
	case monthFirstPart:
		m.day = 1
	case monthLastPart:
		m.day = monthLen(m.year, m.month)
	case monthPart:
		m.day = min(m.day, monthLen(m.year, m.month))
	}
	return m
}

// elapsed is the local time after p's elapsed seconds. Calendar days come
// first, as they are written; where they lead to a local time that does not
// exist or exists twice, the rule of the cycles says which instant that is.
func (p *part) elapsed(local int64, at time.Time) int64 {
	u := at.Unix()
	if p.days != 0 {
		u = instant(at.Location(), local+p.days*daySeconds)
	}
	u += p.elapse
	_, offset := time.Unix(u, 0).In(at.Location()).Zone()
	return u + int64(offset)
}

// instant is when a run of that local time would be.
func instant(loc *time.Location, local int64) int64 {
	// No offset reaches a day, so the search starts after every instant with
	// this local time and walks back to the last.
	for u := local + daySeconds; ; {
		s := searchSpan(loc, u)
		if at := local - s.offset; at >= s.start || s.start == beforeAll {
			// Past the end of the span, the time is in the gap that follows.
			return at
		}
		u = s.start - 1
	}
}

func (p *part) appendFormat(dst []byte, m moment) []byte {
	for i := range p.format {
		t := &p.format[i]
		switch t.kind {
		case textToken:
			dst = append(dst, t.text...)
		case yearToken:
			if uint(m.year) > maxYear {
				dst = appendInt(dst, int64(m.year))
				continue
			}
			dst = append2(dst, m.year/100)
			dst = append2(dst, m.year%100)
		case shortYearToken:
			dst = append2(dst, (m.year%100+100)%100)
		case monthToken, weekToken:
			dst = append2(dst, m.month)
		case dayToken:
			dst = append2(dst, m.day)
		case hour24Token:
			dst = append2(dst, m.second/3600)
		case hour12Token:
			dst = append2(dst, (m.second/3600+11)%12+1)
		case minuteToken:
			dst = append2(dst, m.second/60%60)
		case secondToken:
			dst = append2(dst, m.second%60)
		case quarterToken:
			dst = append(dst, '0'+byte((m.month+2)/3))
		}
	}
	return dst
}

// append2 appends a number below 100 as two digits.
func append2(dst []byte, n int) []byte {
	return append(dst, '0'+byte(n/10), '0'+byte(n%10))
}

func appendInt(dst []byte, n int64) []byte {
	return strconv.AppendInt(dst, n, 10)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
