package snowflake

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/source"
)

// typeName is what SQL calls a type of a result.
func typeName(name string, precision, scale int64) string {
	switch name = strings.ToUpper(name); name {
	case "FIXED":
		return fmt.Sprintf("NUMBER(%d,%d)", precision, scale)
	case "REAL":
		return "FLOAT"
	case "TEXT":
		return "VARCHAR"
	}
	return name
}

// decode makes a cell of a value's text, which it must not keep.
type decode func(text []byte) (any, error)

// decoder returns what reads a type. location tells the session's zone.
func decoder(name string, scale int64, location func() *time.Location) decode {
	switch strings.ToLower(name) {
	case "fixed":
		if scale == 0 {
			return integer
		}
		return decimal
	case "decfloat":
		return decfloat
	case "real":
		return real
	case "boolean":
		return boolean
	case "date":
		return date
	case "time":
		return clock
	case "timestamp_ntz":
		return stamp(time.UTC)
	case "timestamp_ltz":
		return stamp(location())
	case "timestamp_tz":
		return stampZone
	case "binary":
		return binary
	case "variant", "object", "array", "map", "vector", "geography", "geometry":
		return nested
	}
	return func(b []byte) (any, error) { return string(b), nil }
}

// integer reads a NUMBER of scale 0, which may have more digits than an int64.
func integer(b []byte) (any, error) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return decimal(b)
	}
	return n, nil
}

func decimal(b []byte) (any, error) {
	if !plain(b) {
		return nil, errValue
	}
	return source.Decimal(b), nil
}

// plain says whether b is a decimal in plain notation.
func plain(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	whole := digits(b)
	if whole == 0 || whole == len(b) {
		return whole > 0
	}
	return b[whole] == '.' && whole+1 < len(b) && digits(b[whole+1:]) == len(b)-whole-1
}

func digits(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}

// maxExponent is beyond that of DECFLOAT, which is -16,383 to 16,384.
const maxExponent = 20_000

// decfloat writes a DECFLOAT, which may come with an exponent, in plain notation.
func decfloat(b []byte) (any, error) {
	mantissa, exponent, ok := strings.Cut(strings.ToLower(string(b)), "e")
	if !ok {
		return decimal(b)
	}
	n, err := strconv.Atoi(strings.TrimPrefix(exponent, "+"))
	if err != nil || !plain([]byte(mantissa)) || n < -maxExponent || n > maxExponent {
		return nil, errValue
	}
	sign := ""
	if mantissa[0] == '-' {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := whole + fraction
	switch point := len(whole) + n; {
	case point <= 0:
		whole, fraction = "0", strings.Repeat("0", -point)+all
	case point >= len(all):
		whole, fraction = all+strings.Repeat("0", point-len(all)), ""
	default:
		whole, fraction = all[:point], all[point:]
	}
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		whole += "." + fraction
	}
	return source.Decimal(sign + whole), nil
}

func real(b []byte) (any, error) {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return nil, errValue
	}
	return f, nil
}

func boolean(b []byte) (any, error) {
	switch string(b) {
	case "1", "true", "TRUE":
		return true, nil
	case "0", "false", "FALSE":
		return false, nil
	}
	return nil, errValue
}

// whole returns t, or its text where the year has not four digits.
func whole(t time.Time, layout string) any {
	if y := t.Year(); y < 1 || y > 9999 {
		return t.Format(layout)
	}
	return t
}

func date(b []byte) (any, error) {
	days, err := strconv.ParseInt(string(b), 10, 32)
	if err != nil {
		return nil, errValue
	}
	return whole(time.Unix(days*86_400, 0).UTC(), time.DateOnly), nil
}

// seconds reads a decimal number of seconds: half a second before zero is -0.5.
func seconds(b []byte) (sec, nanos int64, ok bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	n := digits(b)
	sec, err := strconv.ParseInt(string(b[:n]), 10, 64)
	if err != nil {
		return 0, 0, false
	}
	if b = b[n:]; len(b) > 0 {
		if b[0] != '.' || len(b) > 10 || digits(b[1:]) != len(b)-1 {
			return 0, 0, false
		}
		unit := int64(100_000_000)
		for _, c := range b[1:] {
			nanos += int64(c-'0') * unit
			unit /= 10
		}
	}
	if negative {
		sec, nanos = -sec, -nanos
	}
	return sec, nanos, true
}

// clock reads a TIME.
func clock(b []byte) (any, error) {
	sec, nanos, ok := seconds(b)
	if !ok || sec < 0 || nanos < 0 || sec >= 86_400 {
		return nil, errValue
	}
	return time.Unix(sec, nanos).UTC().Format("15:04:05.999999999"), nil
}

const stampLayout = "2006-01-02T15:04:05.999999999"

// stamp reads an instant and shows it in a zone.
func stamp(loc *time.Location) decode {
	layout := stampLayout
	if loc != time.UTC {
		layout += "Z07:00"
	}
	return func(b []byte) (any, error) {
		sec, nanos, ok := seconds(b)
		if !ok {
			return nil, errValue
		}
		return whole(time.Unix(sec, nanos).In(loc), layout), nil
	}
}

// stampZone reads an instant and, after a space, the minutes from UTC, 1,440 more
// than they are.
func stampZone(b []byte) (any, error) {
	text, zone, _ := strings.Cut(string(b), " ")
	sec, nanos, ok := seconds([]byte(text))
	minutes, err := strconv.Atoi(zone)
	if !ok || err != nil || minutes < 0 || minutes > 2*1440 {
		return nil, errValue
	}
	loc := time.UTC
	if minutes -= 1440; minutes != 0 {
		loc = time.FixedZone("", minutes*60)
	}
	return whole(time.Unix(sec, nanos).In(loc), stampLayout+"Z07:00"), nil
}

func binary(b []byte) (any, error) {
	out := make([]byte, hex.DecodedLen(len(b)))
	if _, err := hex.Decode(out, b); err != nil {
		return nil, errValue
	}
	return out, nil
}

// nested reads what is JSON, or what only looks like it: a VARIANT may hold
// undefined, and a GEOGRAPHY be in another format.
func nested(b []byte) (any, error) {
	if json.Valid(b) {
		return source.JSON(b), nil
	}
	return string(b), nil
}
