package render

import (
	"strings"
	"time"
)

// dateLayout is a parsed format such as "yyyy-mm-dd hh:mm:ss".
type dateLayout []dateToken

type dateToken struct {
	field dateField
	wide  bool
	lit   string
}

type dateField uint8

const (
	dateLiteral dateField = iota
	dateYear
	dateMonth
	dateDay
	dateHour
	dateHour12
	dateMinute
	dateSecond
)

// parseDateLayout reads yyyy, yy, mm, m, dd, d, hh, hh24, hh12, mi and ss in
// either case. As in spreadsheets, mm is minutes after an hour or before
// seconds. Anything that is no letter stands for itself, as does text in double
// quotes.
func parseDateLayout(s string) (dateLayout, bool) {
	var l dateLayout
	fields := false
	for s != "" {
		if s[0] == '"' {
			text, rest, ok := strings.Cut(s[1:], `"`)
			if !ok {
				return nil, false
			}
			l = append(l, dateToken{lit: text})
			s = rest
			continue
		}
		if !isLetter(s[0]) {
			n := 1
			for n < len(s) && s[n] != '"' && !isLetter(s[n]) {
				n++
			}
			l = append(l, dateToken{lit: s[:n]})
			s = s[n:]
			continue
		}
		t, n := dateTokenAt(s)
		if n == 0 {
			return nil, false
		}
		l = append(l, t)
		fields = true
		s = s[n:]
	}
	for i, t := range l {
		if t.field != dateMonth {
			continue
		}
		before, after := l.neighbour(i, -1), l.neighbour(i, 1)
		if before == dateHour || before == dateHour12 || after == dateSecond {
			l[i].field = dateMinute
		}
	}
	return l, fields
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func dateTokenAt(s string) (dateToken, int) {
	for _, t := range [...]struct {
		text  string
		token dateToken
	}{
		{"yyyy", dateToken{field: dateYear, wide: true}},
		{"yy", dateToken{field: dateYear}},
		{"mm", dateToken{field: dateMonth, wide: true}},
		{"mi", dateToken{field: dateMinute, wide: true}},
		{"m", dateToken{field: dateMonth}},
		{"dd", dateToken{field: dateDay, wide: true}},
		{"d", dateToken{field: dateDay}},
		{"hh24", dateToken{field: dateHour, wide: true}},
		{"hh12", dateToken{field: dateHour12, wide: true}},
		{"hh", dateToken{field: dateHour, wide: true}},
		{"h", dateToken{field: dateHour}},
		{"ss", dateToken{field: dateSecond, wide: true}},
		{"s", dateToken{field: dateSecond}},
	} {
		if n := len(t.text); len(s) >= n && strings.EqualFold(s[:n], t.text) {
			return t.token, n
		}
	}
	return dateToken{}, 0
}

// neighbour is the field next to token i in a direction, literals left out.
func (l dateLayout) neighbour(i, step int) dateField {
	for i += step; i >= 0 && i < len(l); i += step {
		if l[i].field != dateLiteral {
			return l[i].field
		}
	}
	return dateLiteral
}

func (l dateLayout) append(dst []byte, t time.Time) []byte {
	for _, k := range l {
		switch k.field {
		case dateLiteral:
			dst = append(dst, k.lit...)
		case dateYear:
			if k.wide {
				dst = appendPadded(dst, t.Year(), 4)
			} else {
				dst = appendPadded(dst, t.Year()%100, 2)
			}
		case dateMonth:
			dst = appendPadded(dst, int(t.Month()), k.width())
		case dateDay:
			dst = appendPadded(dst, t.Day(), k.width())
		case dateHour:
			dst = appendPadded(dst, t.Hour(), k.width())
		case dateHour12:
			dst = appendPadded(dst, (t.Hour()+11)%12+1, k.width())
		case dateMinute:
			dst = appendPadded(dst, t.Minute(), k.width())
		case dateSecond:
			dst = appendPadded(dst, t.Second(), k.width())
		}
	}
	return dst
}

func (k dateToken) width() int {
	if k.wide {
		return 2
	}
	return 1
}

func appendPadded(dst []byte, n, width int) []byte {
	var b [20]byte
	i := len(b)
	for ; n > 0 || i == len(b); n /= 10 {
		i--
		b[i] = byte('0' + n%10)
	}
	for len(b)-i < width {
		i--
		b[i] = '0'
	}
	return append(dst, b[i:]...)
}

// parseTimeText reads a date or time that a database or a parameter gave as
// text.
func parseTimeText(s string) (time.Time, bool) {
	for _, layout := range [...]string{dateText, dateTimeText, "20060102", "20060102150405", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
