package sqlrows

import (
	"strings"
	"time"
)

// Texts makes the texts of one result share larger pieces of memory.
type Texts struct {
	b    *strings.Builder
	size int
}

// String returns b's content. Long texts stand alone, so that keeping a short one
// does not keep them.
func (t *Texts) String(b []byte) string {
	const long, most = 512, 16 << 10
	if len(b) == 0 {
		return ""
	}
	if len(b) > long {
		return string(b)
	}
	if t.b == nil || t.b.Cap()-t.b.Len() < len(b) {
		// Small results stay small.
		t.size = min(max(2*t.size, long), most)
		t.b = new(strings.Builder)
		t.b.Grow(t.size)
	}
	start := t.b.Len()
	t.b.Write(b)
	return t.b.String()[start:]
}

// ParseTime reads 2024-01-02, 2024-01-02 08:09:10 and fractions of a second, with
// or without an offset such as +08, -03:30 or +01:02:03; without one the time is
// in loc, or in UTC where loc has no such time since its clocks went past it: what
// is read is the wall clock. It returns false for what is no such time between the
// years 1 and 9999: 2024-01-00, infinity.
func ParseTime(b []byte, loc *time.Location) (t time.Time, ok bool) {
	year, b, ok1 := number(b, 4, '-')
	month, b, ok2 := number(b, 2, '-')
	day, b, ok3 := number(b, 2, 0)
	if !ok1 || !ok2 || !ok3 || year == 0 || month < 1 || month > 12 || day == 0 {
		return t, false
	}
	var hour, minute, second, nanos int
	if len(b) > 0 {
		if b[0] != ' ' {
			return t, false
		}
		hour, b, ok1 = number(b[1:], 2, ':')
		minute, b, ok2 = number(b, 2, ':')
		second, b, ok3 = number(b, 2, 0)
		if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
			return t, false
		}
		if len(b) > 0 && b[0] == '.' {
			n, scale := 1, 100_000_000
			for ; n < len(b) && n <= 9 && b[n] >= '0' && b[n] <= '9'; n++ {
				nanos += int(b[n]-'0') * scale
				scale /= 10
			}
			b = b[n:]
		}
		if len(b) > 0 {
			if loc, ok = offset(b); !ok {
				return t, false
			}
		}
	}
	if loc == time.UTC {
		// Most times are, and time.Date takes care of much that they need not.
		seconds := (hour*60+minute)*60 + second
		t = time.Unix(int64(days(year, month, day))*86400+int64(seconds), int64(nanos)).UTC()
	} else {
		t = time.Date(year, time.Month(month), day, hour, minute, second, nanos, loc)
		if t.Day() != day || t.Hour() != hour || t.Minute() != minute {
			t = time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
		}
	}
	// The 31st of a month with 30 days.
	return t, day <= 28 || t.Day() == day
}

// days counts the days from 1970-01-01 to a date of the Gregorian calendar. Its
// year begins in March, so that a leap day is the last of its year.
func days(year, month, day int) int {
	if month -= 3; month < 0 {
		month += 12
		year--
	}
	ofYear := (153*month+2)/5 + day - 1
	return 365*year + year/4 - year/100 + year/400 + ofYear - 719468
}

// number reads n digits and the byte after them, unless that is 0.
func number(b []byte, n int, after byte) (int, []byte, bool) {
	if len(b) < n || after != 0 && (len(b) == n || b[n] != after) {
		return 0, b, false
	}
	v := 0
	for _, c := range b[:n] {
		if c < '0' || c > '9' {
			return 0, b, false
		}
		v = v*10 + int(c-'0')
	}
	if after != 0 {
		n++
	}
	return v, b[n:], true
}

// offset reads +08, -03:30 or +01:02:03.
func offset(b []byte) (*time.Location, bool) {
	sign := 1
	switch b[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return nil, false
	}
	b = b[1:]
	seconds := 0
	for unit := 3600; unit > 0; unit /= 60 {
		v, rest, ok := number(b, 2, 0)
		if !ok {
			return nil, false
		}
		seconds += v * unit
		if len(rest) == 0 {
			if seconds == 0 {
				return time.UTC, true
			}
			return time.FixedZone("", sign*seconds), true
		}
		if rest[0] != ':' {
			return nil, false
		}
		b = rest[1:]
	}
	return nil, false
}
