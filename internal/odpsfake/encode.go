package odpsfake

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"time"
)

// typ is a parsed type.
type typ struct {
	name   string // in lower case, without arguments
	elem   []*typ // of an array one, of a map two, of a struct one a field
	fields []string
}

// parseType reads a type as in DDL.
func parseType(text string) (*typ, error) {
	t, rest, err := typeAt(strings.ToLower(strings.ReplaceAll(text, " ", "")))
	if err == nil && rest != "" {
		err = fmt.Errorf("type %q goes on after its end", text)
	}
	return t, err
}

func typeAt(s string) (*typ, string, error) {
	n := strings.IndexAny(s, "<>(),:")
	if n < 0 {
		n = len(s)
	}
	t, s := &typ{name: s[:n]}, s[n:]
	inside := func() error {
		e, rest, err := typeAt(s)
		if err == nil {
			t.elem, s = append(t.elem, e), rest
		}
		return err
	}
	expect := func(c string) error {
		rest, ok := strings.CutPrefix(s, c)
		if !ok {
			return fmt.Errorf("type has %q where %q belongs", s, c)
		}
		s = rest
		return nil
	}
	switch t.name {
	case "array", "map", "struct":
		if err := expect("<"); err != nil {
			return nil, "", err
		}
		for n := 0; ; n++ {
			if t.name == "struct" {
				field, rest, ok := strings.Cut(s, ":")
				if !ok {
					return nil, "", fmt.Errorf("struct has %q where a field belongs", s)
				}
				t.fields, s = append(t.fields, field), rest
			}
			if err := inside(); err != nil {
				return nil, "", err
			}
			if !strings.HasPrefix(s, ",") {
				break
			}
			s = s[1:]
		}
		if want := map[string]int{"array": 1, "map": 2}[t.name]; want > 0 && want != len(t.elem) {
			return nil, "", fmt.Errorf("%s has %d types", t.name, len(t.elem))
		}
		return t, s, expect(">")
	case "decimal", "varchar", "char":
		if strings.HasPrefix(s, "(") {
			_, rest, ok := strings.Cut(s, ")")
			if !ok {
				return nil, "", fmt.Errorf("%s is not closed", t.name)
			}
			s = rest
		}
		return t, s, nil
	case "tinyint", "smallint", "int", "bigint", "boolean", "float", "double", "string", "binary", "json", "date", "datetime",
		"timestamp", "timestamp_ntz", "interval_day_time", "interval_year_month", "void":
		return t, s, nil
	}
	return nil, "", fmt.Errorf("type %q is unknown", t.name)
}

// Numbers of the fields that are no columns.
const (
	endRecord    = 33553408
	metaCount    = 33554430
	metaChecksum = 33554431
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encoded is all rows of a result as they go over the wire.
type encoded struct {
	bytes []byte
	ends  []int    // where each row ends
	sums  []uint32 // each row's checksum
}

func (e *encoded) slice(from, to int) []byte {
	at := func(n int) int {
		if n == 0 {
			return 0
		}
		return e.ends[n-1]
	}
	return e.bytes[at(from):at(to)]
}

func (e *encoded) trailer(from, to int) []byte {
	var all []byte
	for _, sum := range e.sums[from:to] {
		all = binary.LittleEndian.AppendUint32(all, sum)
	}
	b := binary.AppendUvarint(nil, metaCount<<3)
	b = zigzag(b, int64(to-from))
	b = binary.AppendUvarint(b, metaChecksum<<3)
	return binary.AppendUvarint(b, uint64(crc32.Checksum(all, castagnoli)))
}

// encoded returns the rows' wire form, made once.
func (a *answer) encoded() *encoded {
	if a.wire != nil {
		return a.wire
	}
	e := &encoded{}
	for _, row := range a.rows {
		var sum []byte
		for k, v := range row {
			if v == nil {
				continue
			}
			number := k + 1
			e.bytes = binary.AppendUvarint(e.bytes, uint64(number)<<3|uint64(wireType(a.types[k])))
			sum = binary.LittleEndian.AppendUint32(sum, uint32(number))
			e.bytes, sum = encode(e.bytes, sum, a.types[k], v)
		}
		crc := crc32.Checksum(sum, castagnoli)
		e.bytes = binary.AppendUvarint(e.bytes, endRecord<<3)
		e.bytes = binary.AppendUvarint(e.bytes, uint64(crc))
		e.ends = append(e.ends, len(e.bytes))
		e.sums = append(e.sums, crc)
	}
	a.wire = e
	return e
}

func wireType(t *typ) int {
	switch t.name {
	case "tinyint", "smallint", "int", "bigint", "boolean", "datetime", "date", "interval_year_month":
		return 0
	case "double":
		return 1
	case "float":
		return 5
	}
	return 2
}

func zigzag(b []byte, v int64) []byte { return binary.AppendUvarint(b, uint64(v)<<1^uint64(v>>63)) }

// encode appends a value to the wire, and to what the checksum is of.
func encode(b, sum []byte, t *typ, v any) (wire, summed []byte) {
	long := func(n int64) ([]byte, []byte) {
		return zigzag(b, n), binary.LittleEndian.AppendUint64(sum, uint64(n))
	}
	pair := func(seconds int64, nanos int32) ([]byte, []byte) {
		sum = binary.LittleEndian.AppendUint64(sum, uint64(seconds))
		return zigzag(zigzag(b, seconds), int64(nanos)), binary.LittleEndian.AppendUint32(sum, uint32(nanos))
	}
	list := func(values []any, t *typ) {
		b = binary.AppendUvarint(b, uint64(len(values)))
		for _, e := range values {
			b, sum = element(b, sum, t, e)
		}
	}
	switch t.name {
	case "tinyint", "smallint", "int", "bigint", "interval_year_month":
		return long(integer(v))
	case "boolean":
		n := byte(0)
		if v.(bool) {
			n = 1
		}
		return append(b, n), append(sum, n)
	case "double":
		n := math.Float64bits(v.(float64))
		return binary.LittleEndian.AppendUint64(b, n), binary.LittleEndian.AppendUint64(sum, n)
	case "float":
		n := math.Float32bits(float32(v.(float64)))
		return binary.LittleEndian.AppendUint32(b, n), binary.LittleEndian.AppendUint32(sum, n)
	case "datetime":
		return long(v.(time.Time).UnixMilli())
	case "date":
		return long(days(v.(time.Time)))
	case "timestamp", "timestamp_ntz":
		at := v.(time.Time)
		return pair(at.Unix(), int32(at.Nanosecond()))
	case "interval_day_time":
		i := v.(Interval)
		return pair(i.Seconds, i.Nanos)
	case "array":
		list(v.([]any), t.elem[0])
		return b, sum
	case "map":
		m := v.(Map)
		keys, values := make([]any, len(m)), make([]any, len(m))
		for n, p := range m {
			keys[n], values[n] = p.Key, p.Value
		}
		list(keys, t.elem[0])
		list(values, t.elem[1])
		return b, sum
	case "struct":
		for n, e := range v.([]any) {
			b, sum = element(b, sum, t.elem[n], e)
		}
		return b, sum
	}
	text, ok := v.([]byte)
	if !ok {
		text = []byte(v.(string))
	}
	return append(binary.AppendUvarint(b, uint64(len(text))), text...), append(sum, text...)
}

func element(b, sum []byte, t *typ, v any) (wire, summed []byte) {
	if v == nil {
		return append(b, 1), sum
	}
	return encode(append(b, 0), sum, t, v)
}

// days counts from 1970-01-01 to the day that t shows in its zone.
func days(t time.Time) int64 {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

func integer(v any) int64 {
	if n, ok := v.(int); ok {
		return int64(n)
	}
	return v.(int64)
}

// asText is a value in CSV.
func asText(t *typ, v any, zone *time.Location) string {
	switch v := v.(type) {
	case int, int64:
		return strconv.FormatInt(integer(v), 10)
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return v
	case []byte:
		return strings.ToUpper(hex.EncodeToString(v))
	case time.Time:
		switch t.name {
		case "date":
			return v.Format(time.DateOnly)
		case "timestamp_ntz":
			return v.UTC().Format("2006-01-02 15:04:05.999999999")
		}
		return v.In(zone).Format("2006-01-02 15:04:05.999999999")
	}
	return fmt.Sprint(v) // nested values have no form that is documented
}
