package clickhouse

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/datapush-go/datapush/internal/jsontext"
	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// decoders returns how to read each column.
func decoders(columns []source.Column) []sqlrows.Decode {
	decode := make([]sqlrows.Decode, len(columns))
	texts := new(sqlrows.Texts)
	for i, c := range columns {
		decode[i] = newDecoder(typeOf(c.Type), texts).cell
	}
	return decode
}

// decoder reads the values of a column.
type decoder struct {
	kind   kind
	plain  bool // a String, whose text is the cell
	date   bool
	narrow bool // a Decimal whose digits are an int64's
	texts  *sqlrows.Texts
	buf    []byte
}

func newDecoder(k kind, texts *sqlrows.Texts) *decoder {
	digits := 0
	if k.name == "Decimal" {
		digits = k.number(0)
	}
	return &decoder{kind: k, plain: k.name == "String", date: k.isDate(), narrow: digits > 0 && digits <= 18, texts: texts}
}

// cell is a value as a cell. What comes most comes first.
func (d *decoder) cell(v any) (any, error) {
	as := v // what is a cell already is handed on without a copy
	switch v := v.(type) {
	case int64, uint64, float64, bool:
		return as, nil
	case string:
		if d.plain && utf8.ValidString(v) {
			return as, nil
		}
		return d.text(v), nil
	case time.Time:
		if d.date {
			return time.Date(v.Year(), v.Month(), v.Day(), 0, 0, 0, 0, time.UTC), nil
		}
		if v.Unix() < wrapped && !d.kind.isNanos() {
			return unwrap(v), nil
		}
		return as, nil
	case int32:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case uint8:
		return int64(v), nil
	case int8:
		return int64(v), nil
	case uint16:
		return int64(v), nil
	case int16:
		return int64(v), nil
	case float32:
		return shortest(v), nil
	case unscaled:
		d.buf = d.appendDecimal(d.buf[:0], v)
		return source.Decimal(d.texts.String(d.buf)), nil
	case big.Int:
		return source.Decimal(v.String()), nil
	case *big.Int:
		return source.Decimal(v.String()), nil
	case time.Duration:
		return clock(v, d.kind.scale()), nil
	case net.IP:
		return address(v, d.kind.name), nil
	case clickhouse.Variant:
		return variant(v)
	case *clickhouse.Variant:
		return variant(*v)
	}
	text, err := appendJSON(d.buf[:0], d.kind, v)
	d.buf = text
	if err != nil {
		return nil, err
	}
	return source.JSON(text), nil
}

// wrapped is 1800-01-01. The driver counts a DateTime64 in nanoseconds of 64 bits,
// which end in 2262, while ClickHouse's calendar goes from 1900 to 2299
// (https://clickhouse.com/docs/sql-reference/data-types/datetime64): what comes out
// earlier than this has gone over that end.
const wrapped = -5364662400

// unwrap adds the 2^64 nanoseconds that v has lost.
func unwrap(v time.Time) time.Time {
	const seconds, nanos = (1 << 64) / 1_000_000_000, (1 << 64) % 1_000_000_000
	return time.Unix(v.Unix()+seconds, int64(v.Nanosecond())+nanos).In(v.Location())
}

// text is a value that the driver hands out as a string.
func (d *decoder) text(s string) any {
	switch d.kind.name {
	case "String", "":
	case "FixedString":
		// Shorter values are filled up with zero bytes.
		if t := strings.TrimRight(s, "\x00"); utf8.ValidString(t) {
			return t
		}
	case "Decimal": // database/sql's interface gives it as text, without its zeros
		return source.Decimal(rescale(s, d.kind.scale()))
	case "JSON", "Object":
		return source.JSON(s)
	}
	if !utf8.ValidString(s) {
		return []byte(s)
	}
	return s
}

// unscaled is the driver's decimal, by what is needed of it.
type unscaled interface {
	CoefficientInt64() int64
	Coefficient() *big.Int
	Exponent() int32
}

// appendDecimal appends every digit, zeros at the end too.
func (d *decoder) appendDecimal(dst []byte, v unscaled) []byte {
	start := len(dst)
	if d.narrow {
		dst = strconv.AppendInt(dst, v.CoefficientInt64(), 10)
	} else {
		dst = v.Coefficient().Append(dst, 10)
	}
	return point(dst, start, -int(v.Exponent()))
}

// point puts a decimal point before the last scale digits of the integer that
// begins at start.
func point(dst []byte, start, scale int) []byte {
	if scale <= 0 {
		return dst
	}
	if dst[start] == '-' {
		start++
	}
	for len(dst)-start <= scale {
		dst = slices.Insert(dst, start, '0')
	}
	return slices.Insert(dst, len(dst)-scale, '.')
}

// rescale fills a decimal text up to its scale.
func rescale(s string, scale int) string {
	whole, part, _ := strings.Cut(s, ".")
	if len(part) >= scale {
		return s
	}
	return whole + "." + part + strings.Repeat("0", scale-len(part))
}

// shortest is the shortest decimal of a Float32, not its binary expansion.
func shortest(v float32) float64 {
	if f, err := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64); err == nil {
		return f
	}
	return float64(v)
}

// clock writes a time of day or a span as ClickHouse does: "-999:59:59.123".
func clock(v time.Duration, digits int) string {
	sign := ""
	n := uint64(v)
	if v < 0 {
		sign, n = "-", -n
	}
	seconds := n / uint64(time.Second)
	text := fmt.Sprintf("%s%02d:%02d:%02d", sign, seconds/3600, seconds/60%60, seconds%60)
	if digits > 0 && digits <= 9 {
		text += "." + fmt.Sprintf("%09d", n%uint64(time.Second))[:digits]
	}
	return text
}

// address writes an IP; an IPv4 inside IPv6 stays one.
func address(v net.IP, kind string) string {
	if b := v.To16(); kind == "IPv6" && b != nil {
		return netip.AddrFrom16([16]byte(b)).String()
	}
	return v.String()
}

// variant is the cell of the value inside.
func variant(v clickhouse.Variant) (any, error) {
	if v.Nil() {
		return nil, nil
	}
	return newDecoder(typeOf(v.Type()), new(sqlrows.Texts)).cell(v.Any())
}

// appendJSON appends a value as JSON: numbers, booleans and documents as such,
// dates as 2006-01-02, times as RFC 3339, all else as text.
func appendJSON(dst []byte, k kind, v any) ([]byte, error) {
	k = k.bare()
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case *clickhouse.JSON:
		return appendDocument(dst, v)
	case clickhouse.JSON:
		return appendDocument(dst, &v)
	case clickhouse.Variant:
		if v.Nil() {
			return append(dst, "null"...), nil
		}
		return appendJSON(dst, typeOf(v.Type()), v.Any())
	case time.Time, time.Duration, net.IP, big.Int, *big.Int, string, unscaled:
		return appendScalar(dst, k, v)
	case fmt.Stringer: // a UUID
		if reflect.TypeOf(v).Kind() == reflect.Array {
			return jsontext.Quote(dst, v.String()), nil
		}
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Pointer, reflect.Interface:
		if r.IsNil() {
			return append(dst, "null"...), nil
		}
		return appendJSON(dst, k, r.Elem().Interface())
	case reflect.Slice, reflect.Array:
		return appendList(dst, k, r)
	case reflect.Map:
		return appendMap(dst, k, r)
	case reflect.Bool, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		return appendScalar(dst, k, v)
	}
	return dst, fmt.Errorf("the driver returned a %T: %w", v, errValue)
}

// appendScalar appends what would be a cell of its own.
func appendScalar(dst []byte, k kind, v any) ([]byte, error) {
	c, err := newDecoder(k, new(sqlrows.Texts)).cell(v)
	if err != nil {
		return dst, err
	}
	switch c := c.(type) {
	case bool:
		return strconv.AppendBool(dst, c), nil
	case int64:
		return strconv.AppendInt(dst, c, 10), nil
	case uint64:
		return strconv.AppendUint(dst, c, 10), nil
	case float64:
		switch {
		case math.IsNaN(c):
			return append(dst, `"NaN"`...), nil
		case math.IsInf(c, 1):
			return append(dst, `"Infinity"`...), nil
		case math.IsInf(c, -1):
			return append(dst, `"-Infinity"`...), nil
		}
		return strconv.AppendFloat(dst, c, 'g', -1, 64), nil
	case source.Decimal:
		return append(dst, c...), nil
	case source.JSON:
		return append(dst, c...), nil
	case time.Time:
		layout := time.RFC3339Nano
		if k.isDate() {
			layout = time.DateOnly
		}
		return append(c.AppendFormat(append(dst, '"'), layout), '"'), nil
	case []byte:
		return jsontext.Quote(dst, base64.StdEncoding.EncodeToString(c)), nil
	case string:
		return jsontext.Quote(dst, c), nil
	}
	return dst, fmt.Errorf("a cell of %T: %w", c, errValue)
}

func appendList(dst []byte, k kind, r reflect.Value) ([]byte, error) {
	element := func(int) kind { return kind{} }
	switch {
	case k.name == "Tuple":
		element = func(i int) kind { return k.arg(i) }
	case k.name == "Array":
		element = func(int) kind { return k.arg(0) }
	case k.name == "Nested":
		tuple := k
		tuple.name = "Tuple"
		element = func(int) kind { return tuple }
	}
	dst = append(dst, '[')
	var err error
	for i := range r.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, element(i), r.Index(i).Interface()); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendMap appends a named tuple in the order of its type, and a map in the
// order of its keys, since the driver keeps no other.
func appendMap(dst []byte, k kind, r reflect.Value) ([]byte, error) {
	type entry struct {
		key   string
		kind  kind
		value reflect.Value
	}
	var entries []entry
	if k.name == "Tuple" && r.Type().Key().Kind() == reflect.String {
		for i, name := range k.names {
			if v := r.MapIndex(reflect.ValueOf(name)); v.IsValid() {
				entries = append(entries, entry{name, k.arg(i), v})
			}
		}
	}
	if len(entries) != r.Len() {
		entries = entries[:0]
		for it := r.MapRange(); it.Next(); {
			text, err := appendJSON(nil, k.arg(0), it.Key().Interface())
			if err != nil {
				return dst, err
			}
			key := string(text)
			if s, err := strconv.Unquote(key); err == nil {
				key = s
			}
			if s, ok := it.Key().Interface().(string); ok {
				key = s
			}
			entries = append(entries, entry{key, k.arg(1), it.Value()})
		}
		slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	}
	dst = append(dst, '{')
	var err error
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.Quote(dst, e.key), ':')
		if dst, err = appendJSON(dst, e.kind, e.value.Interface()); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendDocument appends a JSON column's value, which the driver hands out as
// paths with dots.
func appendDocument(dst []byte, v *clickhouse.JSON) ([]byte, error) {
	type object = map[string]any
	root := object{}
	byPath := v.ValuesByPath()
	for _, path := range slices.Sorted(maps.Keys(byPath)) {
		value := byPath[path]
		if v, ok := value.(clickhouse.Variant); ok && v.Nil() || value == nil {
			continue
		}
		at, parts := root, strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(object)
			if !ok {
				next = object{}
				at[p] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = value
	}
	return appendJSON(dst, kind{name: "Map"}, root)
}
