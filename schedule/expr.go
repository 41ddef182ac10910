package schedule

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Expr is a parsed scheduling-parameter value: literal text and expressions in
// any order. [ParseExpr] makes it; the zero Expr is the empty constant. It is
// immutable and may be used by several goroutines at once.
type Expr struct {
	// One pointer keeps Append's arguments in registers.
	v *exprValue
}

type exprValue struct {
	text   string
	parts  []part
	offset offsetCache
}

func (e Expr) parts() []part {
	if e.v == nil {
		return nil
	}
	return e.v.parts
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
func (e Expr) String() string {
	if e.v == nil {
		return ""
	}
	return e.v.text
}

// Constant reports whether e has no expression in it, and then its value, the
// same at every scheduled time.
func (e Expr) Constant() (value string, ok bool) {
	for i := range e.parts() {
		if e.v.parts[i].kind != literalPart {
			return "", false
		}
	}
	return e.String(), true
}

// Append appends the value of e at a scheduled time, in at's own zone, and
// returns the extended buffer. It allocates only when dst lacks room.
func (e Expr) Append(dst []byte, at time.Time) []byte {
	if e.v == nil {
		return dst
	}
	unix := at.Unix()
	local := unix + e.v.offset.of(at, unix)
	for i := range e.v.parts {
		p := &e.v.parts[i]
		if p.quick {
			var ok bool
			if dst, ok = p.appendQuick(dst, local+p.days*daySeconds); ok {
				continue
			}
		}
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

// offsetCache remembers the offset that an expression met last, and how long it
// is in force: the times of one task are in one zone, and looking up an offset
// costs more than writing a date. It is a cache of facts that never change.
//
// It is a sequence lock: version is odd while somebody writes, and a reader
// whose version changed meanwhile looks the offset up.
type offsetCache struct {
	version            atomic.Uint32
	loc                atomic.Pointer[time.Location]
	start, end, offset atomic.Int64
}

// of is the offset of at, in seconds east of UTC.
func (c *offsetCache) of(at time.Time, unix int64) int64 {
	version := c.version.Load()
	if c.loc.Load() == at.Location() && unix >= c.start.Load() && unix < c.end.Load() {
		if offset := c.offset.Load(); version&1 == 0 && c.version.Load() == version {
			return offset
		}
	}
	return c.find(at)
}

func (c *offsetCache) find(at time.Time) int64 {
	_, seconds := at.Zone()
	offset := int64(seconds)
	version := c.version.Load()
	if version&1 != 0 || !c.version.CompareAndSwap(version, version+1) {
		return offset
	}
	start, end := int64(beforeAll), int64(afterAll)
	from, to := at.ZoneBounds()
	if !from.IsZero() {
		start = from.Unix()
	}
	if !to.IsZero() {
		end = to.Unix()
	}
	c.loc.Store(at.Location())
	c.start.Store(start)
	c.end.Store(end)
	c.offset.Store(offset)
	c.version.Store(version + 2)
	return offset
}

// part is literal text or one expression.
type part struct {
	kind     partKind
	business bool // on the business date; only Lint asks
	first    time.Weekday
	shows    tokenSet
	days     int64 // calendar days to add
	months   int64 // months, or weeks for the kinds of a week
	elapse   int64 // seconds of elapsed time to add
	format   []token
	// What follows is the format compiled for appendQuick; for a literal, text
	// is the literal.
	quick      bool   // nothing but a shift by days and tokens of two and four digits
	literal    bool   // text is more than places for digits
	text       string // the format with a 0 for each digit
	runs       []run
	table      *monthTable
	shape      shape
	separators uint64 // of the shape
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

// The tokens of two digits are in the order of the lanes that hold their
// numbers: four for the date and four for the time of day.
const (
	centuryToken tokenKind = iota
	shortYearToken
	monthToken
	dayToken
	hour12Token
	hour24Token
	minuteToken
	secondToken
	yearToken // four digits: a century and a short year
	weekToken
	quarterToken
	textToken
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

// run is a stretch of 2, 4 or 8 digits in the text of a format that follow each
// other in one word of lanes.
type run struct {
	at    uint16 // place in the text
	width uint8
	shift uint8 // bits of the word before the first digit
	clock bool  // of the time of day
}

// shape is a layout that Append writes without looking at runs. They are the
// layouts that people use most.
type shape uint8

const (
	otherShape     shape = iota
	plainDate            // yyyymmdd
	plainStamp           // yyyymmddhh24miss
	separatedDate        // yyyy-mm-dd, with any single byte for each -
	separatedClock       // hh24:mi:ss, likewise
)

// shapeOf is the shape of a text with runs in it, and the bytes of the text's
// first word that no run writes.
func shapeOf(runs []run, text string) (shape, uint64) {
	is := func(length int, want ...run) bool {
		return len(text) == length && slices.Equal(runs, want)
	}
	switch {
	case is(8, run{0, 8, 0, false}):
		return plainDate, 0
	case is(14, run{0, 8, 0, false}, run{8, 4, 16, true}, run{12, 2, 48, true}):
		return plainStamp, 0
	case is(10, run{0, 4, 0, false}, run{5, 2, 32, false}, run{8, 2, 48, false}):
		return separatedDate, uint64(text[4])<<32 | uint64(text[7])<<56
	case is(8, run{0, 2, 16, true}, run{3, 2, 32, true}, run{6, 2, 48, true}):
		return separatedClock, uint64(text[2])<<16 | uint64(text[5])<<40
	}
	return otherShape, 0
}

// show sets what p writes. The format is compiled to text with places for
// digits in it and to the runs that fill them.
func (p *part) show(format []token) {
	p.format = format
	p.quick = p.kind == datePart
	p.table = loadMonths()
	var text strings.Builder
	var lanes []tokenKind // the two digits at each place
	var places []int
	for _, t := range format {
		p.shows |= 1 << t.kind
		switch t.kind {
		case textToken:
			text.WriteString(t.text)
			p.literal = true
		case yearToken:
			lanes = append(lanes, centuryToken, shortYearToken)
			places = append(places, text.Len(), text.Len()+2)
			text.WriteString("0000")
		case weekToken, quarterToken:
			p.quick = false
		default:
			lanes = append(lanes, t.kind)
			places = append(places, text.Len())
			text.WriteString("00")
		}
	}
	p.text = text.String()
	if !p.quick {
		return
	}
	for len(lanes) > 0 {
		// The longest stretch of neighbours in one word.
		n := 1
		for n < len(lanes) && lanes[n] == lanes[n-1]+1 && lanes[n] != hour12Token && places[n] == places[0]+2*n {
			n++
		}
		n = 1 << (bits.Len(uint(n)) - 1)
		p.runs = append(p.runs, run{at: uint16(places[0]), width: uint8(2 * n), shift: uint8(lanes[0]%4) * 16, clock: lanes[0] >= hour12Token})
		lanes, places = lanes[n:], places[n:]
	}
	p.shape, p.separators = shapeOf(p.runs, p.text)
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

// appendFormat writes a moment token by token.
func (p *part) appendFormat(dst []byte, m *moment) []byte {
	for i := range p.format {
		t := &p.format[i]
		n := 0
		switch t.kind {
		case textToken:
			dst = append(dst, t.text...)
			continue
		case quarterToken:
			dst = append(dst, '0'+byte((m.month+2)/3))
			continue
		case yearToken:
			if uint(m.year) > maxYear {
				// Only offsets beyond the calendar's end lead here.
				dst = strconv.AppendInt(dst, int64(m.year), 10)
				continue
			}
			dst = append(dst, '0'+byte(m.year/1000), '0'+byte(m.year/100%10))
			n = m.year % 100
		case shortYearToken:
			n = (m.year%100 + 100) % 100
		case monthToken:
			n = m.month
		case weekToken:
			n = m.week
		case dayToken:
			n = m.day
		case hour24Token:
			n = m.second / 3600
		case hour12Token:
			n = (m.second/3600+11)%12 + 1
		case minuteToken:
			n = m.second / 60 % 60
		case secondToken:
			n = m.second % 60
		}
		dst = append(dst, '0'+byte(n/10), '0'+byte(n%10))
	}
	return dst
}

// appendQuick writes a local time of the years of the month table; ok is false
// for another and nothing is written.
func (p *part) appendQuick(dst []byte, local int64) (_ []byte, ok bool) {
	if uint64(local) >= tableDays*daySeconds {
		return dst, false
	}
	day := uint32(local) / daySeconds
	var date, clock uint64
	if p.shows&dateTokens != 0 {
		date = p.table.digits(day)
	}
	if p.shows&clockTokens != 0 {
		second := uint32(local) - day*daySeconds
		minute, hour := second/60, second/3600
		lanes := uint64(hour)<<16 | uint64(minute-60*hour)<<32 | uint64(second-60*minute)<<48
		if p.shows&setOf(hour12Token) != 0 {
			lanes |= uint64((hour+11)%12 + 1)
		}
		clock = twoDigits(lanes)
	}
	start, size := len(dst), len(p.text)
	if cap(dst)-start < size {
		dst = slices.Grow(dst, size)
	}
	dst = dst[:start+size]
	out := dst[start:]
	switch p.shape {
	case plainDate:
		binary.LittleEndian.PutUint64(out, date)
		return dst, true
	case plainStamp:
		to := out[:14]
		binary.LittleEndian.PutUint64(to, date)
		binary.LittleEndian.PutUint32(to[8:], uint32(clock>>16))
		binary.LittleEndian.PutUint16(to[12:], uint16(clock>>48))
		return dst, true
	case separatedDate:
		to := out[:10]
		binary.LittleEndian.PutUint64(to, date&0xFFFF_FFFF|date>>32&0xFFFF<<40|p.separators)
		binary.LittleEndian.PutUint16(to[8:], uint16(date>>48))
		return dst, true
	case separatedClock:
		binary.LittleEndian.PutUint64(out, clock>>16&0xFFFF|clock>>32&0xFFFF<<24|clock>>48<<48|p.separators)
		return dst, true
	}
	if p.literal {
		copy(out, p.text)
	}
	for i := range p.runs {
		r := &p.runs[i]
		word := date
		if r.clock {
			word = clock
		}
		word >>= r.shift & 63
		switch to := out[r.at:]; r.width {
		case 2:
			binary.LittleEndian.PutUint16(to, uint16(word))
		case 4:
			binary.LittleEndian.PutUint32(to, uint32(word))
		case 8:
			binary.LittleEndian.PutUint64(to, word)
		}
	}
	return dst, true
}

// monthTable has each month from January 1970 to December 2099, and one more.
type monthTable [130*12 + 1]struct {
	first  uint32 // day number
	digits uint64 // century, year and month as twoDigits has them, and day 00
}

// tableDays is the number of days of a monthTable. Their seconds fit 32 bits.
const tableDays = 47482

var loadMonths = sync.OnceValue(func() *monthTable {
	t := new(monthTable)
	for i := range t {
		year, month := 1970+i/12, i%12+1
		t[i].first = uint32(dayNumber(year, month, 1))
		t[i].digits = twoDigits(uint64(year/100) | uint64(year%100)<<16 | uint64(month)<<32)
	}
	return t
})

// digits are the century, year, month and day of a day number below tableDays.
func (t *monthTable) digits(day uint32) uint64 {
	// A month has 2²⁰/34451 days on average; the guess is right or, seldom, one
	// month late.
	i := (day*34451 + 73000) >> 20
	if t[i].first > day {
		i--
	}
	d := day - t[i].first + 1
	tens := d * 103 >> 10
	return t[i].digits + uint64(tens+(d-10*tens)<<8)<<48
}

// twoDigits turns four numbers below 100, in lanes of 16 bits, into their
// digits, tens in the lower byte.
func twoDigits(lanes uint64) uint64 {
	const low = 0x000F_000F_000F_000F
	tens := lanes * 103 >> 10 & low
	return tens | (lanes-10*tens)<<8 | 0x3030_3030_3030_3030
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if q*b > a {
		q--
	}
	return q
}
