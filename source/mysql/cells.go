package mysql

import (
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
	plain := func(v any) (any, error) {
		if b, ok := v.([]byte); ok {
			return texts.String(b), nil
		}
		return plain(v)
	}
	switch name {
	case "DECIMAL":
		return func(v any) (any, error) {
			if b, ok := v.([]byte); ok {
				return source.Decimal(texts.String(b)), nil
			}
			return plain(v)
		}
	case "JSON":
		return func(v any) (any, error) {
			if b, ok := v.([]byte); ok {
				return source.JSON(b), nil
			}
			return plain(v)
		}
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
		return func(v any) (any, error) {
			switch v := v.(type) {
			case []byte:
				if t, ok := sqlrows.ParseTime(v, s.loc); ok {
					return t, nil
				}
				return string(v), nil // such as 2024-00-00
			case time.Time:
				// A host's handle may parse times itself; its zero is the
				// server's zero date.
				if v.IsZero() {
					if name == "DATE" {
						return "0000-00-00", nil
					}
					return "0000-00-00 00:00:00", nil
				}
				return v, nil
			}
			return plain(v)
		}
	case "BLOB", "BINARY", "VARBINARY", "TINYBLOB", "MEDIUMBLOB", "LONGBLOB", "GEOMETRY", "VECTOR":
		return func(v any) (any, error) {
			if b, ok := v.([]byte); ok {
				return append(make([]byte, 0, len(b)), b...), nil
			}
			return plain(v)
		}
	}
	return plain
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
