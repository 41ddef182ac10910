package schedule

import (
	"encoding/binary"
	"strconv"
	"strings"
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
	unix := at.Unix()
	local := unix + int64(offset)
	for i := range e.parts {
		p := &e.parts[i]
		switch p.kind {
		case literalPart:
			dst = append(dst, p.text...)
		case unixPart:
			dst = strconv.AppendInt(dst, unix, 10)
		default:
			var m moment
			p.moment(&m, local, at)
			dst = p.appendFormat(dst, &m)
		}
	}
	return dst
}

// part is literal text or one expression.
type part struct {
	kind     partKind
	business bool // on the business date; only Lint asks
	first    time.Weekday
	shows    tokenSet
	days     int64  // calendar days to add
	months   int64  // months, or weeks for the kinds of a week
	elapse   int64  // seconds of elapsed time to add
	text     string // the literal, or the format with a 0 for each digit to fill in
	digits   []digits
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

// tokenKind indexes the numbers of a moment.
type tokenKind uint8

const (
	textToken tokenKind = iota
	centuryToken
	shortYearToken
	monthToken
	dayToken
	weekToken
	quarterToken
	hour24Token
	hour12Token
	minuteToken
	secondToken
	yearToken // four digits: written as a century and a short year
)

type tokenSet uint16

func setOf(kinds ...tokenKind) (set tokenSet) {
	for _, k := range kinds {
		set |= 1 << k
	}
	return set
}

// clockTokens are those that show the time of day.
const clockTokens tokenSet = 1<<hour24Token | 1<<hour12Token | 1<<minuteToken | 1<<secondToken

// dateTokens are those that show a date.
const dateTokens tokenSet = 1<<centuryToken | 1<<shortYearToken | 1<<yearToken | 1<<monthToken | 1<<dayToken | 1<<weekToken | 1<<quarterToken

// digits is a place of a format's text to fill in: two digits, or one for a
// quarter.
type digits struct {
	kind tokenKind
	at   uint16
}

// show sets what p writes. Formats are compiled to text with places in it, so
// that Append copies once and then only stores digits.
func (p *part) show(format []token) {
	var text strings.Builder
	place := func(kind tokenKind, width int) {
		p.digits = append(p.digits, digits{kind, uint16(text.Len())})
		text.WriteString("00"[:width])
	}
	for _, t := range format {
		p.shows |= 1 << t.kind
		switch t.kind {
		case textToken:
			text.WriteString(t.text)
		case yearToken:
			place(centuryToken, 2)
			place(shortYearToken, 2)
		case quarterToken:
			place(quarterToken, 1)
		default:
			place(t.kind, 2)
		}
	}
	p.text = text.String()
}

// moment is what a format shows.
type moment struct {
	year, month, day int
	week             int
	second           int // since midnight
}

// moment applies the shifts of p to a local time, in seconds, that stands for at.
func (p *part) moment(m *moment, local int64, at time.Time) {
	if p.elapse != 0 {
		local = p.elapsed(local, at)
	} else {
		local += p.days * daySeconds
	}
	day, second := splitLocal(local)
	m.second = int(second)
	if p.shows&dateTokens == 0 {
		return
	}
	m.year, m.month, m.day = civilParts(day)
	if p.kind == datePart && p.months == 0 {
		return
	}
	switch p.kind {
	case weekFirstPart, weekLastPart:
		monday := day - int64(weekday(day)+6)%7 + 7*p.months
		if p.kind == weekLastPart {
			monday += 6
		}
		m.year, m.month, m.day = civilParts(monday)
		return
	case yearWeekPart:
		// A week belongs to the year that has its fourth day, and so four or
		// more of its days.
		start := day - int64(weekday(day)-p.first+7)%7
		m.year, _, _ = civilParts(start + 3)
		m.week = int(start+3-dayNumber(m.year, 1, 1))/7 + 1
		return
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
}

// elapsed is the local time after p's elapsed seconds. Calendar days come
// first, as they are written; where they lead to a local time that does not
// exist or exists twice, the rule of the cycles says which instant that is.
func (p *part) elapsed(local int64, at time.Time) int64 {
	u := at.Unix()
	if p.days != 0 {
		_, u = spanOf(at.Location(), local+p.days*daySeconds)
	}
	u += p.elapse
	_, offset := time.Unix(u, 0).In(at.Location()).Zone()
	return u + int64(offset)
}

// spanOf finds when a run of that local time would be, and the span in which
// clocks show that time or, where they skip it, the span before the gap: then
// the instant is at or after the span's end.
func spanOf(loc *time.Location, local int64) (span, int64) {
	// No offset reaches a day, so the search starts after every instant with
	// this local time and walks back to the last.
	for u := local + daySeconds; ; {
		s := searchSpan(loc, u)
		if at := local - s.offset; at >= s.start || s.start == beforeAll {
			return s, at
		}
		u = s.start - 1
	}
}

func (p *part) appendFormat(dst []byte, m *moment) []byte {
	if uint(m.year) > maxYear {
		return p.appendFarYear(dst, m)
	}
	start := len(dst)
	dst = append(dst, p.text...)
	out := dst[start:]
	var shown [16]uint8
	if p.shows&dateTokens != 0 {
		century := uint32(m.year) / 100
		shown[centuryToken] = uint8(century)
		shown[shortYearToken] = uint8(uint32(m.year) - century*100)
		shown[monthToken] = uint8(m.month)
		shown[dayToken] = uint8(m.day)
		shown[weekToken] = uint8(m.week)
	}
	if p.shows&clockTokens != 0 {
		second := uint32(m.second)
		minute := second / 60
		hour := minute / 60
		shown[hour24Token] = uint8(hour)
		shown[hour12Token] = uint8((hour+11)%12 + 1)
		shown[minuteToken] = uint8(minute - hour*60)
		shown[secondToken] = uint8(second - minute*60)
	}
	for _, d := range p.digits {
		if d.kind == quarterToken {
			out[d.at] = '0' + byte((m.month+2)/3)
			continue
		}
		// Two digits in one store: the tens in the lower byte.
		n := uint16(shown[d.kind&15])
		tens := n * 205 >> 11
		binary.LittleEndian.PutUint16(out[d.at:], tens+(n-10*tens)<<8+0x3030)
	}
	return dst
}

// appendFarYear writes a year that four digits do not hold, as many as it
// takes. Only offsets and times beyond the calendar's end lead there.
func (p *part) appendFarYear(dst []byte, m *moment) []byte {
	far := *m
	far.year = 0
	rest := *p
	for i, d := range p.digits {
		if d.kind != centuryToken {
			continue
		}
		head, tail := *p, *p
		head.text, head.digits = p.text[:d.at], p.digits[:i]
		dst = head.appendFormat(dst, &far)
		dst = strconv.AppendInt(dst, int64(m.year), 10)
		tail.text, tail.digits = p.text[d.at+4:], nil
		for _, d2 := range p.digits[i+2:] {
			tail.digits = append(tail.digits, digits{d2.kind, d2.at - d.at - 4})
		}
		return tail.appendFarYear(dst, m)
	}
	far.year = (m.year%100 + 100) % 100
	return rest.appendFormat(dst, &far)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if q*b > a {
		q--
	}
	return q
}
