package schedule

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Date is a civil date without a zone: the local date of an occurrence, or the
// business date its data describes. Dates compare with == and with
// [Date.Compare]. The zero Date means no date.
//
// A Date may hold what no calendar has, such as 30 February, so that a draft
// keeps the mistake its author made; [Date.Valid] tells, and
// [Schedule.Validate] refuses it.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// The years a schedule can name. Next looks no further.
const (
	minYear = 1
	maxYear = 9999
)

// DateOf is the local date of t, in t's own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// BizDate is the business date of a scheduled time: the calendar day before
// at's local day, in at's own zone. It is a calendar date, so daylight saving
// never shifts it, and every run of one day has the same.
func BizDate(at time.Time) Date {
	return DateOf(at).AddDays(-1)
}

// ParseDate reads "2024-01-31". The date must exist and its year be 1 to 9999.
func ParseDate(s string) (Date, error) {
	var d Date
	if err := d.UnmarshalText([]byte(s)); err != nil {
		return Date{}, err
	}
	if !d.Valid() {
		return Date{}, fmt.Errorf("schedule: date %q: %s", s, d.fault())
	}
	return d, nil
}

// IsZero reports whether d is the zero Date, which means no date.
func (d Date) IsZero() bool { return d == Date{} }

// Valid reports whether d exists in the calendar and its year is 1 to 9999.
func (d Date) Valid() bool { return d.fault() == "" }

// fault says what keeps d from being a date, and is empty when nothing does.
func (d Date) fault() string {
	switch {
	case d.IsZero():
		return "no date; write year, month and day, as in 2024-01-31"
	case d.Year < minYear || d.Year > maxYear:
		return fmt.Sprintf("year %d; the year must be %d to %d", d.Year, minYear, maxYear)
	case d.Month < time.January || d.Month > time.December:
		return fmt.Sprintf("month %d; the month must be 1 to 12", int(d.Month))
	case d.Day < 1 || d.Day > monthLen(d.Year, int(d.Month)):
		return fmt.Sprintf("day %d; %s %d has days 1 to %d", d.Day, d.Month, d.Year, monthLen(d.Year, int(d.Month)))
	}
	return ""
}

// Compare is -1 when d is earlier than e, 0 when they are equal and +1 when d
// is later.
func (d Date) Compare(e Date) int {
	return cmp.Or(cmp.Compare(d.Year, e.Year), cmp.Compare(d.Month, e.Month), cmp.Compare(d.Day, e.Day))
}

// AddDays is the date n days after d, before it for a negative n.
func (d Date) AddDays(n int) Date {
	return civil(dayNumber(d.Year, int(d.Month), d.Day) + int64(n))
}

// Weekday is the day of the week of d.
func (d Date) Weekday() time.Weekday {
	return weekday(dayNumber(d.Year, int(d.Month), d.Day))
}

// String is "2024-01-31", and "" for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// MarshalText writes what String returns; JSON uses it. It writes dates that do
// not exist too, and refuses only what UnmarshalText could not read back:
// numbers below zero or of more than nine digits.
func (d Date) MarshalText() ([]byte, error) {
	const most = 999_999_999
	if d.Year < 0 || d.Year > most || d.Month < 0 || d.Month > most || d.Day < 0 || d.Day > most {
		return nil, fmt.Errorf("schedule: date with year %d, month %d, day %d cannot be written; set a date that exists", d.Year, int(d.Month), d.Day)
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads three numbers in the shape of "2024-01-31", with all their
// zeros, and the zero Date from the empty string. Whether the date exists is for
// Valid and Validate to say.
func (d *Date) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" {
		*d = Date{}
		return nil
	}
	year, rest, ok := strings.Cut(s, "-")
	month, day, ok2 := strings.Cut(rest, "-")
	y, err1 := number(year)
	m, err2 := number(month)
	dd, err3 := number(day)
	read := Date{y, time.Month(m), dd}
	if !ok || !ok2 || err1 != nil || err2 != nil || err3 != nil || read.String() != s {
		return fmt.Errorf("schedule: %s is not a date; write year, month and day, as in 2024-01-31", excerpt(s))
	}
	*d = read
	return nil
}

// number reads digits alone: no sign, which strconv would let through.
func number(s string) (int, error) {
	if len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(s)
}

// excerpt quotes s for a message, cut when it is long.
func excerpt(s string) string {
	const limit = 60
	if len(s) <= limit {
		return strconv.Quote(s)
	}
	cut := limit
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}

const daySeconds = 24 * 60 * 60

// Days are numbered from 1970-01-01, proleptic Gregorian. Counting years from
// March puts the leap day last, so that the lengths of months before it follow
// one straight line: month n of such a year begins on day (153n+2)/5.
const (
	daysPer400Years = 146097
	daysPer4Years   = 1461
	// marchShift is the day number of 0000-03-01, negated, plus a whole number
	// of 400-year turns that keeps every supported day positive.
	marchTurns = 100
	marchShift = 719468 + marchTurns*daysPer400Years
)

func dayNumber(year, month, day int) int64 {
	y, m := int64(year), int64(month)
	if m <= 2 {
		y--
		m += 12
	}
	y += 400 * marchTurns
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + int64(day) - 1 - marchShift
}

// civilParts is the date of a day number, as bare numbers.
func civilParts(n int64) (year, month, day int) {
	if d := uint64(n - quickFirst); d < quickDays {
		return civilQuick(d)
	}
	d := uint64(n + marchShift)
	quarter := 4*d + 3
	century := quarter / daysPer400Years
	quarter = quarter%daysPer400Years | 3
	y := quarter / daysPer4Years
	dayOfYear := quarter % daysPer4Years / 4
	m := (5*dayOfYear + 2) / 153
	day = int(dayOfYear-(153*m+2)/5) + 1
	year = int(100*century+y) - 400*marchTurns
	month = int(m) + 3
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

// From 1900-03-01 to 2100-02-28 every fourth year is a leap year.
const (
	quickFirst = -25508
	quickDays  = 73049
)

// civilQuick is civilParts for the days from 1900-03-01, without a division: a
// multiplication leaves the quotient above the binary point and the remainder,
// scaled, below it. The idea is of Neri and Schneider, Euclidean affine
// functions and their application to calendar algorithms, 2022.
func civilQuick(d uint64) (year, month, day int) {
	const perYear = 2939745 // 2³²/1461, rounded up
	y := (4*d + 3) * perYear
	dayOfYear := uint64(uint32(y)) / (4 * perYear)
	// 2141/2¹⁶ is 5/153, near enough for the days of a year; the constant
	// counts months from March as 3.
	m := 2141*dayOfYear + 197913
	year = 1900 + int(y>>32)
	month = int(m >> 16)
	day = int(m&0xFFFF)/2141 + 1
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

func civil(n int64) Date {
	y, m, d := civilParts(n)
	return Date{y, time.Month(m), d}
}

// splitLocal divides local seconds into a day number and the seconds after
// midnight.
func splitLocal(local int64) (day, second int64) {
	// Unsigned division by a constant is a multiplication and a shift.
	day = int64(uint64(local+marchShift*daySeconds)/daySeconds) - marchShift
	return day, local - day*daySeconds
}

func weekday(n int64) time.Weekday {
	// 1970-01-01 was a Thursday; 7*marchShift keeps the operand positive.
	return time.Weekday(uint64(n+int64(time.Thursday)+7*marchShift) % 7)
}

// monthLen is the number of days of month 1 to 12.
func monthLen(year, month int) int {
	if month != 2 {
		// Odd months up to July and even ones from August are long.
		return 30 + (month+month>>3)&1
	}
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return 28
}
