package render

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/source"
)

const (
	dateText     = "2006-01-02"
	dateTimeText = "2006-01-02 15:04:05"
)

// appendValue writes a cell as text and says what it was. Date tells a day from
// a time. The text is not cleaned.
func appendValue(dst []byte, v any, date bool) ([]byte, channel.CellType) {
	switch v := v.(type) {
	case nil:
		return dst, channel.TypeNull
	case bool:
		return strconv.AppendBool(dst, v), channel.TypeBool
	case int64:
		return strconv.AppendInt(dst, v, 10), channel.TypeNumber
	case uint64:
		return strconv.AppendUint(dst, v, 10), channel.TypeNumber
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.AppendFloat(dst, v, 'f', -1, 64), channel.TypeText
		}
		if v == 0 {
			v = 0 // no "-0"
		}
		return strconv.AppendFloat(dst, v, 'f', -1, 64), channel.TypeNumber
	case source.Decimal:
		from := len(dst)
		dst = append(dst, v...)
		if _, ok := parseDecimal(dst[from:]); !ok {
			return dst, channel.TypeText
		}
		return dst, channel.TypeNumber
	case string:
		return append(dst, v...), channel.TypeText
	case source.JSON:
		return append(dst, v...), channel.TypeText
	case []byte:
		if utf8.Valid(v) {
			return append(dst, v...), channel.TypeText
		}
		return base64.StdEncoding.AppendEncode(dst, v), channel.TypeText
	case time.Time:
		return appendTime(dst, v, date)
	default:
		// A source that gives what its contract does not name shows something at
		// least.
		return fmt.Append(dst, v), channel.TypeText
	}
}

func appendTime(dst []byte, t time.Time, date bool) ([]byte, channel.CellType) {
	if date {
		return t.AppendFormat(dst, dateText), channel.TypeDate
	}
	return t.AppendFormat(dst, dateTimeText), channel.TypeTime
}

// isDate reports whether a database type holds days without a time, seeing
// through ClickHouse's wrappers.
func isDate(dbType string) bool {
	for {
		inner, ok := cutWrapper(dbType, "Nullable(")
		if !ok {
			inner, ok = cutWrapper(dbType, "LowCardinality(")
		}
		if !ok {
			return strings.EqualFold(dbType, "date") || strings.EqualFold(dbType, "date32")
		}
		dbType = inner
	}
}

func cutWrapper(s, prefix string) (string, bool) {
	if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) && s[len(s)-1] == ')' {
		return s[len(prefix) : len(s)-1], true
	}
	return s, false
}

// clean makes dst[from:] text: valid UTF-8, no control characters but tab and
// line feed, every kind of line break a line feed, no byte order marks.
func clean(dst []byte, from int) []byte {
	i := from
	for ; i < len(dst); i++ {
		if c := dst[i]; c < ' ' && c != '\t' && c != '\n' || c >= 0x7f {
			break
		}
	}
	for i < len(dst) {
		c := dst[i]
		if c >= ' ' && c < 0x7f || c == '\t' || c == '\n' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(dst[i:])
		if r == utf8.RuneError && size < 2 || removedOrBreak(r) {
			break
		}
		i += size
	}
	if i == len(dst) {
		return dst
	}
	rest := string(dst[i:])
	dst = dst[:i]
	for j := 0; j < len(rest); {
		r, size := utf8.DecodeRuneInString(rest[j:])
		switch {
		case r == '\r':
			dst = append(dst, '\n')
			if strings.HasPrefix(rest[j+1:], "\n") {
				size++
			}
		case r == '\u0085' || r == '\u2028' || r == '\u2029':
			dst = append(dst, '\n')
		case removedOrBreak(r):
		default:
			dst = utf8.AppendRune(dst, r)
		}
		j += size
	}
	return dst
}

func removedOrBreak(r rune) bool {
	switch {
	case r == '\t', r == '\n':
		return false
	case r < ' ', r >= 0x7f && r <= 0x9f:
		return true
	}
	return r == '\uFEFF' || r == '\u2028' || r == '\u2029'
}

// oneLine is clean with a space for each line break.
func oneLine(dst []byte, from int) []byte {
	dst = clean(dst, from)
	for i := from; i < len(dst); i++ {
		if dst[i] == '\n' {
			dst[i] = ' '
		}
	}
	return dst
}
