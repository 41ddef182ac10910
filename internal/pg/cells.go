// Package pg is what PostgreSQL and its relatives have in common, whatever
// library talks to the server: how a statement is run read-only and cut off, what
// becomes of each type's text form, and what the server's codes mean.
package pg

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// typeNames are the built-in types by OID.
var typeNames = map[uint32]string{
	16: "bool", 17: "bytea", 18: "char", 19: "name", 20: "int8", 21: "int2", 23: "int4", 25: "text", 26: "oid", 27: "tid", 28: "xid", 29: "cid",
	114: "json", 142: "xml", 600: "point", 601: "lseg", 602: "path", 603: "box", 604: "polygon", 628: "line", 650: "cidr",
	700: "float4", 701: "float8", 705: "unknown", 718: "circle", 774: "macaddr8", 790: "money", 829: "macaddr", 869: "inet", 1042: "bpchar",
	1043: "varchar", 1082: "date", 1083: "time", 1114: "timestamp", 1184: "timestamptz", 1186: "interval", 1266: "timetz",
	1560: "bit", 1562: "varbit", 1700: "numeric", 2249: "record", 2278: "void", 2950: "uuid", 3614: "tsvector", 3615: "tsquery", 3802: "jsonb",
	3904: "int4range", 3906: "numrange", 3908: "tsrange", 3910: "tstzrange", 3912: "daterange", 3926: "int8range", 5069: "xid8",
}

// elements are the element types of the built-in array types.
var elements = map[uint32]uint32{
	199: 114, 629: 628, 651: 650, 775: 774, 791: 790, 1000: 16, 1001: 17, 1002: 18, 1003: 19, 1005: 21, 1007: 23, 1009: 25, 1014: 1042, 1015: 1043,
	1016: 20, 1017: 600, 1021: 700, 1022: 701, 1028: 26, 1040: 829, 1041: 869, 1115: 1114, 1182: 1082, 1183: 1083, 1185: 1184, 1187: 1186,
	1231: 1700, 1270: 1266, 1561: 1560, 1563: 1562, 2287: 2249, 2951: 2950, 3807: 3802, 3905: 3904, 3907: 3906, 3909: 3908, 3911: 3910, 3913: 3912,
	3927: 3926,
}

// TypeName names a type by its OID; one that is not built in is "oid 16401".
func TypeName(oid uint32) string {
	if n, ok := typeNames[oid]; ok {
		return n
	}
	if e, ok := elements[oid]; ok {
		return "_" + typeNames[e]
	}
	return "oid " + strconv.FormatUint(uint64(oid), 10)
}

// decode turns a value's text form into a cell. It copies what it keeps.
type decode func(text []byte) (any, error)

func decoder(oid uint32, texts *sqlrows.Texts) decode {
	switch oid {
	case 16:
		return func(b []byte) (any, error) { return len(b) > 0 && b[0] == 't', nil }
	case 20, 21, 23, 26, 28, 29:
		return decodeInt
	case 5069:
		return func(b []byte) (any, error) {
			n, err := strconv.ParseUint(string(b), 10, 64)
			if err != nil {
				return nil, errNumber
			}
			return n, nil
		}
	case 700, 701:
		return decodeFloat
	case 1700:
		return func(b []byte) (any, error) { return decodeNumeric(b, texts) }
	case 17:
		return decodeBytes
	case 114, 3802:
		return func(b []byte) (any, error) { return source.JSON(b), nil }
	case 1082, 1114, 1184:
		return decodeTime
	case 2249:
		return decodeRecord
	}
	if e, ok := elements[oid]; ok {
		return func(b []byte) (any, error) { return decodeArray(b, e) }
	}
	return func(b []byte) (any, error) { return texts.String(b), nil }
}

// The texts of values do not go into errors.
var (
	errNumber = errors.New("the server sent a number that cannot be read")
	errBytes  = errors.New("the server sent bytes that cannot be read")
	errNested = errors.New("the server sent a nested value that cannot be read")
)

func decodeInt(b []byte) (any, error) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return nil, errNumber
	}
	return n, nil
}

func decodeFloat(b []byte) (any, error) {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return nil, errNumber
	}
	return f, nil
}

func decodeNumeric(b []byte, texts *sqlrows.Texts) (any, error) {
	switch string(b) {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	return source.Decimal(texts.String(b)), nil
}

// decodeBytes reads both forms of bytea_output: \x0a and a\012\\.
func decodeBytes(b []byte) (any, error) {
	if len(b) >= 2 && b[0] == '\\' && b[1] == 'x' {
		out := make([]byte, hex.DecodedLen(len(b)-2))
		if _, err := hex.Decode(out, b[2:]); err != nil {
			return nil, errBytes
		}
		return out, nil
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] != '\\':
			out = append(out, b[i])
		case i+1 < len(b) && b[i+1] == '\\':
			out = append(out, '\\')
			i++
		case i+3 < len(b):
			n, err := strconv.ParseUint(string(b[i+1:i+4]), 8, 8)
			if err != nil {
				return nil, errBytes
			}
			out = append(out, byte(n))
			i += 3
		default:
			return nil, errBytes
		}
	}
	return out, nil
}

// decodeTime reads ISO dates and times. What time.Time cannot be, an infinity or
// a year before 1 or after 9999, stays text.
func decodeTime(b []byte) (any, error) {
	t, ok := sqlrows.ParseTime(b, time.UTC)
	if !ok {
		return string(b), nil
	}
	return t, nil
}

// decodeArray turns {1,NULL,"a b"} into [1,null,"a b"].
func decodeArray(b []byte, element uint32) (any, error) {
	// Bounds that do not begin at 1 stand in front: [0:1]={1,2}.
	if len(b) > 0 && b[0] == '[' {
		i := strings.IndexByte(string(b), '=')
		if i < 0 {
			return nil, errNested
		}
		b = b[i+1:]
	}
	var out []byte
	out, rest, err := appendArray(out, b, element)
	if err != nil || len(rest) > 0 {
		return nil, errNested
	}
	return source.JSON(out), nil
}

func appendArray(out, b []byte, element uint32) (json, rest []byte, err error) {
	if len(b) < 2 || b[0] != '{' {
		return nil, nil, errNested
	}
	out = append(out, '[')
	b = b[1:]
	delimiter := byte(',')
	if element == 603 {
		delimiter = ';' // boxes hold commas
	}
	for first := true; ; first = false {
		if len(b) == 0 {
			return nil, nil, errNested
		}
		if b[0] == '}' {
			return append(out, ']'), b[1:], nil
		}
		if !first {
			if b[0] != delimiter {
				return nil, nil, errNested
			}
			out = append(out, ',')
			b = b[1:]
		}
		if len(b) > 0 && b[0] == '{' {
			if out, b, err = appendArray(out, b, element); err != nil {
				return nil, nil, err
			}
			continue
		}
		text, quoted, after, ok := item(b, delimiter, '}')
		if !ok {
			return nil, nil, errNested
		}
		b = after
		if !quoted && string(text) == "NULL" {
			out = append(out, "null"...)
			continue
		}
		out = appendElement(out, text, element)
	}
}

// decodeRecord turns (1,"a b",) into ["1","a b",null]: a record does not tell its
// fields' types.
func decodeRecord(b []byte) (any, error) {
	if len(b) < 2 || b[0] != '(' {
		return nil, errNested
	}
	b = b[1:]
	out := []byte{'['}
	for first := true; ; first = false {
		if !first {
			if len(b) == 0 {
				return nil, errNested
			}
			end := b[0] == ')'
			if !end && b[0] != ',' {
				return nil, errNested
			}
			b = b[1:]
			if end {
				if len(b) > 0 {
					return nil, errNested
				}
				return source.JSON(append(out, ']')), nil
			}
			out = append(out, ',')
		} else if string(b) == ")" {
			return source.JSON("[]"), nil
		}
		text, quoted, after, ok := item(b, ',', ')')
		if !ok {
			return nil, errNested
		}
		b = after
		if len(text) == 0 && !quoted {
			out = append(out, "null"...)
			continue
		}
		out = appendText(out, text)
	}
}

// item reads one element up to a delimiter or the end of what holds it. Quotes
// may hold anything; a quote in them is escaped by a backslash or doubled.
func item(b []byte, delimiter, end byte) (text []byte, quoted bool, rest []byte, ok bool) {
	in := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\' && i+1 < len(b):
			i++
			text = append(text, b[i])
		case c == '"' && in && i+1 < len(b) && b[i+1] == '"':
			i++
			text = append(text, '"')
		case c == '"':
			in, quoted = !in, true
		case !in && (c == delimiter || c == end):
			return text, quoted, b[i:], true
		default:
			text = append(text, c)
		}
	}
	return nil, false, nil, false
}

func appendElement(out, text []byte, element uint32) []byte {
	switch element {
	case 16:
		return strconv.AppendBool(out, len(text) > 0 && text[0] == 't')
	case 20, 21, 23, 26, 700, 701, 1700, 114, 3802:
		// NaN and infinities are no JSON numbers.
		if json.Valid(text) {
			return append(out, text...)
		}
	}
	return appendText(out, text)
}

func appendText(out, text []byte) []byte {
	quoted, err := json.Marshal(string(text))
	if err != nil {
		return append(out, `""`...) // a string always marshals
	}
	return append(out, quoted...)
}
