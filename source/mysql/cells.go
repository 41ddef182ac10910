package mysql

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// errValue is a value that the driver should not have handed out. Its content
// stays out of the error.
var errValue = errors.New("the server sent a value that cannot be read")

// decoder returns how to read a column by the driver's name of its type.
func (s *Source) decoder(name string, texts *sqlrows.Texts) sqlrows.Decode {
	switch name {
	case "DECIMAL":
		return repeated(plain, func(b []byte) (any, error) { return source.Decimal(texts.String(b)), nil })
	case "JSON":
		return repeated(plain, func(b []byte) (any, error) { return source.JSON(b), nil })
	case "UNSIGNED BIGINT":
		return func(v any) (any, error) {
			switch v := v.(type) {
			case int64:
				return uint64(v), nil
			case []byte:
				n, err := strconv.ParseUint(string(v), 10, 64)
				if err != nil {
					return nil, errValue
				}
				return n, nil
			}
			return plain(v)
		}
	case "BIT":
		return func(v any) (any, error) {
			b, ok := v.([]byte)
			if !ok || len(b) > 8 {
				return plain(v)
			}
			n := uint64(0)
			for _, c := range b {
				n = n<<8 | uint64(c)
			}
			return n, nil
		}
	case "DATE", "DATETIME", "TIMESTAMP":
		return repeated(func(v any) (any, error) {
			// A host's handle may parse times itself; its zero is the server's
			// zero date.
			if t, ok := v.(time.Time); ok && t.IsZero() {
				if name == "DATE" {
					return "0000-00-00", nil
				}
				return "0000-00-00 00:00:00", nil
			}
			return plain(v)
		}, func(b []byte) (any, error) {
			if t, ok := sqlrows.ParseTime(b, s.loc); ok {
				return t, nil
			}
			return string(b), nil // such as 2024-00-00
		})
	case "BLOB", "BINARY", "VARBINARY", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB", "GEOMETRY", "VECTOR":
		return func(v any) (any, error) {
			if b, ok := v.([]byte); ok {
				return append(make([]byte, 0, len(b)), b...), nil
			}
			return plain(v)
		}
	}
	return repeated(plain, func(b []byte) (any, error) { return texts.String(b), nil })
}

// repeated reads what comes as text by read, and all else by other. A column's
// neighbours are often equal, as a category or a day of a report is: they share
// one value.
func repeated(other sqlrows.Decode, read func(b []byte) (any, error)) sqlrows.Decode {
	const long = 64 // more is not worth remembering
	var (
		last []byte
		cell any
	)
	return func(v any) (any, error) {
		b, ok := v.([]byte)
		switch {
		case !ok:
			return other(v)
		case len(b) > long:
			return read(b)
		case cell != nil && bytes.Equal(b, last):
			return cell, nil
		}
		var err error
		last = append(last[:0], b...)
		cell, err = read(b)
		return cell, err
	}
}

func plain(v any) (any, error) {
	switch v := v.(type) {
	case float32:
		// The shortest decimal of a FLOAT, not its binary expansion.
		f, err := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
		if err != nil {
			return nil, errValue
		}
		return f, nil
	case int64, uint64, float64, string, time.Time:
		return v, nil
	default:
		return nil, fmt.Errorf("the driver returned a %T: %w", v, errValue)
	}
}

// shown reads a prepared FLOAT or DOUBLE as the server shows it: with the digits
// that FLOAT(7,2) and ROUND(v, 2) have, so that 0.1 and 0.2 are 0.3, and a FLOAT
// without with six.
func shown(digits int64) sqlrows.Decode {
	const most = 30 // more stand for none, and so does 0 on servers that are careless
	fixed := digits > 0 && digits <= most
	round := func(f float64, format byte, digits int) (any, error) {
		f, err := strconv.ParseFloat(strconv.FormatFloat(f, format, digits, 64), 64)
		if err != nil {
			return nil, errValue
		}
		return f, nil
	}
	return func(v any) (any, error) {
		if f, ok := v.(float32); ok && !fixed {
			return round(float64(f), 'g', 6)
		}
		cell, err := plain(v)
		if f, ok := cell.(float64); ok && fixed {
			return round(f, 'f', int(digits))
		}
		return cell, err
	}
}
