package maxcompute

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/internal/jsontext"
	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// decoder reads a value of one type as a cell.
type decoder func(s *stream) (any, error)

// appender reads a value of one type and appends it to s.text as JSON.
type appender func(s *stream) error

// dataType is a type as the service writes it, parsed.
type dataType struct {
	name   string      // in lower case, without arguments
	elem   []*dataType // of an array one, of a map two, of a struct one a field
	fields []string
}

// maxDepth is how deep types may nest.
const maxDepth = 64

// typeParser reads a type name.
type typeParser struct {
	text string
	at   int
}

func parseType(text string) (*dataType, error) {
	p := typeParser{text: text}
	t, ok := p.parse(0)
	if p.space(); !ok || p.at != len(p.text) {
		return nil, errors.New("has a type that is not known here; CAST it to STRING")
	}
	return t, nil
}

func (p *typeParser) space() {
	for p.at < len(p.text) && p.text[p.at] <= ' ' {
		p.at++
	}
}

func (p *typeParser) accept(c byte) bool {
	p.space()
	if p.at == len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	return true
}

// word reads a name, in backquotes or up to any of the delimiters.
func (p *typeParser) word() string {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == '`' {
		var b strings.Builder
		for p.at++; p.at < len(p.text); p.at++ {
			if p.text[p.at] == '`' {
				p.at++
				if p.at == len(p.text) || p.text[p.at] != '`' {
					break
				}
			}
			b.WriteByte(p.text[p.at])
		}
		return b.String()
	}
	n := strings.IndexAny(p.text[p.at:], "<>(),: ")
	if n < 0 {
		n = len(p.text) - p.at
	}
	p.at += n
	return p.text[p.at-n : p.at]
}

func (p *typeParser) parse(depth int) (*dataType, bool) {
	t := &dataType{name: strings.ToLower(p.word())}
	if p.accept('(') {
		n := strings.IndexByte(p.text[p.at:], ')')
		if n < 0 {
			return nil, false
		}
		p.at += n + 1
	}
	want := 0
	switch t.name {
	case "array":
		want = 1
	case "map":
		want = 2
	case "struct":
	default:
		return t, decoders[t.name] != nil
	}
	if !p.accept('<') || depth == maxDepth {
		return nil, false
	}
	for {
		if want == 0 {
			t.fields = append(t.fields, p.word())
			if !p.accept(':') {
				return nil, false
			}
		}
		e, ok := p.parse(depth + 1)
		if !ok {
			return nil, false
		}
		t.elem = append(t.elem, e)
		if !p.accept(',') {
			break
		}
	}
	if want == 2 && t.elem[0].elem != nil {
		return nil, false // a key is never nested
	}
	return t, p.accept('>') && (want == 0 || want == len(t.elem))
}

// decoders read the types that are not nested. Those that depend on the zone
// are made by decoderOf.
var decoders = map[string]decoder{
	"tinyint": readLong, "smallint": readLong, "int": readLong, "bigint": readLong,
	"boolean": readBool, "float": readFloat, "double": readDouble,
	"string": readString, "varchar": readString, "char": readString, "binary": readBinary, "decimal": readDecimal, "json": readJSON,
	"date": readDate, "datetime": readNothing, "timestamp": readNothing, "timestamp_ntz": readNTZ,
	"interval_day_time": readDayTime, "interval_year_month": readYearMonth, "void": readNothing,
}

// decoderOf makes the decoder of a type; instants are shown in zone.
func decoderOf(t *dataType, zone *time.Location) decoder {
	switch t.name {
	case "datetime":
		return func(s *stream) (any, error) {
			v, err := s.long()
			return time.UnixMilli(v).In(zone), err
		}
	case "timestamp":
		return func(s *stream) (any, error) {
			seconds, nanos, err := s.pair()
			return time.Unix(seconds, nanos).In(zone), err
		}
	case "array", "map", "struct":
		nested := appenderOf(t, zone)
		return func(s *stream) (any, error) {
			s.text = s.text[:0]
			if err := nested(s); err != nil {
				return nil, err
			}
			return source.JSON(s.text), nil
		}
	}
	return decoders[t.name]
}

func readNothing(*stream) (any, error) { return nil, errStream }

func readLong(s *stream) (any, error) {
	v, err := s.long()
	return v, err
}

func readBool(s *stream) (any, error) {
	v, err := s.uvarint()
	if v > 1 {
		return nil, errStream
	}
	s.sum = append(s.sum, byte(v))
	return v == 1, err
}

// readFloat gives the shortest number that is the same FLOAT: 0.1, and not
// 0.10000000149011612.
func readFloat(s *stream) (any, error) {
	b, err := s.fixed(4)
	if err != nil {
		return nil, err
	}
	v := math.Float32frombits(binary.LittleEndian.Uint32(b))
	return strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
}

func readDouble(s *stream) (any, error) {
	b, err := s.fixed(8)
	if err != nil {
		return nil, err
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
}

func readString(s *stream) (any, error) {
	b, err := s.bytes()
	return string(b), err
}

func readBinary(s *stream) (any, error) {
	b, err := s.bytes()
	return append(make([]byte, 0, len(b)), b...), err
}

func readDecimal(s *stream) (any, error) {
	b, err := s.bytes()
	if !plainNumber(b) {
		return string(b), err
	}
	return source.Decimal(b), err
}

func readJSON(s *stream) (any, error) {
	b, err := s.bytes()
	if !json.Valid(b) {
		return string(b), err
	}
	return source.JSON(b), err
}

func readDate(s *stream) (any, error) {
	v, err := s.long()
	return time.Unix(v*86400, 0).UTC(), err
}

func readNTZ(s *stream) (any, error) {
	seconds, nanos, err := s.pair()
	return time.Unix(seconds, nanos).UTC(), err
}

// readDayTime gives "1 02:03:04" with a fraction if there is one.
func readDayTime(s *stream) (any, error) {
	seconds, nanos, err := s.pair()
	if err != nil {
		return nil, err
	}
	sign := ""
	if seconds < 0 || nanos < 0 {
		sign = "-"
		seconds, nanos = -seconds, -nanos
		if nanos < 0 {
			seconds, nanos = seconds-1, nanos+1e9
		}
	}
	text := fmt.Sprintf("%s%d %02d:%02d:%02d", sign, seconds/86400, seconds/3600%24, seconds/60%60, seconds%60)
	if nanos > 0 {
		text += strings.TrimRight(fmt.Sprintf(".%09d", nanos), "0")
	}
	return text, nil
}

// readYearMonth gives "1-2".
func readYearMonth(s *stream) (any, error) {
	months, err := s.long()
	sign := ""
	if months < 0 {
		sign, months = "-", -months
	}
	return fmt.Sprintf("%s%d-%d", sign, months/12, months%12), err
}

// plainNumber matches [-]digits[.digits].
func plainNumber(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	digits, dot := 0, false
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && !dot && digits > 0:
			dot, digits = true, 0
		default:
			return false
		}
	}
	return digits > 0
}

// appenderOf makes the appender of a type.
func appenderOf(t *dataType, zone *time.Location) appender {
	switch t.name {
	case "array":
		return arrayAppender(appenderOf(t.elem[0], zone))
	case "map":
		return mapAppender(decoderOf(t.elem[0], zone), appenderOf(t.elem[1], zone))
	case "struct":
		return structAppender(t, zone)
	}
	read := decoderOf(t, zone)
	name := t.name
	return func(s *stream) error {
		v, err := read(s)
		if err == nil {
			s.text = appendJSON(s.text, name, v)
		}
		return err
	}
}

// nullable reads whether an element is NULL, and the element if it is not.
func nullable(s *stream, read appender) error {
	null, err := s.uvarint()
	switch {
	case err != nil:
		return err
	case null > 1:
		return errStream
	case null == 1:
		s.text = append(s.text, "null"...)
		return nil
	}
	if int64(len(s.text)) > s.most {
		return sqlrows.TooLarge(s.most)
	}
	return read(s)
}

func arrayAppender(read appender) appender {
	return func(s *stream) error {
		n, err := s.uvarint()
		if err != nil {
			return err
		}
		s.text = append(s.text, '[')
		for i := range n {
			if i > 0 {
				s.text = append(s.text, ',')
			}
			if err := nullable(s, read); err != nil {
				return err
			}
		}
		s.text = append(s.text, ']')
		return nil
	}
}

// mapAppender writes an object in the order of the wire, where all keys come
// before all values.
func mapAppender(key decoder, value appender) appender {
	return func(s *stream) error {
		n, err := s.uvarint()
		if err != nil {
			return err
		}
		var keys []string
		for range n {
			null, err := s.uvarint()
			if err != nil {
				return err
			}
			var k any
			if null == 0 {
				if k, err = key(s); err != nil {
					return err
				}
			}
			keys = append(keys, cellText(k))
		}
		if n, err = s.uvarint(); err != nil {
			return err
		}
		if n != uint64(len(keys)) {
			return errStream
		}
		s.text = append(s.text, '{')
		for i, k := range keys {
			if i > 0 {
				s.text = append(s.text, ',')
			}
			s.text = append(jsontext.Quote(s.text, k), ':')
			if err := nullable(s, value); err != nil {
				return err
			}
		}
		s.text = append(s.text, '}')
		return nil
	}
}

func structAppender(t *dataType, zone *time.Location) appender {
	read := make([]appender, len(t.elem))
	names := make([]string, len(t.elem))
	for i, e := range t.elem {
		read[i] = appenderOf(e, zone)
		names[i] = string(jsontext.Quote(nil, t.fields[i])) + ":"
	}
	return func(s *stream) error {
		s.text = append(s.text, '{')
		for i := range read {
			if i > 0 {
				s.text = append(s.text, ',')
			}
			s.text = append(s.text, names[i]...)
			if err := nullable(s, read[i]); err != nil {
				return err
			}
		}
		s.text = append(s.text, '}')
		return nil
	}
}

// appendJSON appends a cell: numbers, booleans and JSON as such, all else as
// text.
func appendJSON(dst []byte, typeName string, v any) []byte {
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case bool:
		return strconv.AppendBool(dst, v)
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return strconv.AppendFloat(dst, v, 'g', -1, 64)
		}
	case source.Decimal:
		return append(dst, v...)
	case source.JSON:
		return append(dst, v...)
	case time.Time:
		layout := time.RFC3339Nano
		switch typeName {
		case "date":
			layout = time.DateOnly
		case "timestamp_ntz":
			layout = "2006-01-02T15:04:05.999999999"
		}
		return append(v.AppendFormat(append(dst, '"'), layout), '"')
	}
	return jsontext.Quote(dst, cellText(v))
}

// cellText is a cell as the key of an object, and what no JSON type takes.
func cellText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}
