package snowflakefake

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// wireType is a type as results name it.
type wireType struct {
	name             string
	ext              string
	precision, scale int
}

// typeOf reads a type as in DDL.
func typeOf(ddl string) (wireType, error) {
	name, rest, _ := strings.Cut(ddl, "(")
	name = strings.ToUpper(strings.TrimSpace(name))
	var args []int
	for _, a := range strings.Split(strings.TrimSuffix(rest, ")"), ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(a)); err == nil {
			args = append(args, n)
		}
	}
	arg := func(i, missing int) int {
		if i < len(args) {
			return args[i]
		}
		return missing
	}
	switch name {
	case "NUMBER":
		return wireType{name: "fixed", precision: arg(0, 38), scale: arg(1, 0)}, nil
	case "FLOAT":
		return wireType{name: "real"}, nil
	case "VARCHAR":
		return wireType{name: "text"}, nil
	case "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ":
		return wireType{name: strings.ToLower(name), scale: arg(0, 9)}, nil
	case "GEOGRAPHY", "GEOMETRY":
		return wireType{name: "object", ext: name}, nil
	case "BOOLEAN", "DATE", "BINARY", "VARIANT", "OBJECT", "ARRAY", "MAP", "DECFLOAT", "VECTOR":
		return wireType{name: strings.ToLower(name)}, nil
	}
	return wireType{}, fmt.Errorf("Unsupported data type '%s'.", name)
}

// encode is a value's text in a result.
func (t wireType) encode(v any) (string, error) {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v), nil
	case string:
		return v, nil
	case bool:
		if v {
			return "1", nil
		}
		return "0", nil
	case float64:
		switch {
		case math.IsInf(v, 1):
			return "inf", nil
		case math.IsInf(v, -1):
			return "-inf", nil
		}
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case []byte:
		return strings.ToUpper(hex.EncodeToString(v)), nil
	case time.Duration:
		return decimal(int64(v/time.Second), int(v%time.Second), t.scale), nil
	case time.Time:
		switch t.name {
		case "date":
			y, m, d := v.Date()
			days := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()
			return strconv.FormatInt(floor(days, 86400), 10), nil
		case "timestamp_ntz", "timestamp_ltz", "timestamp_tz":
			text := decimal(v.Unix(), v.Nanosecond(), t.scale)
			if t.name == "timestamp_tz" {
				_, offset := v.Zone()
				text += " " + strconv.Itoa(offset/60+1440)
			}
			return text, nil
		}
	}
	return "", fmt.Errorf("a %T is no value of type %s", v, t.name)
}

func floor(a, b int64) int64 {
	if q := a / b; a%b >= 0 {
		return q
	}
	return a/b - 1
}

// decimal writes seconds since an epoch, which is one number: half a second before
// it is -0.5.
func decimal(seconds int64, nanos, scale int) string {
	sign := ""
	if seconds < 0 {
		sign, seconds = "-", -seconds
		if nanos > 0 {
			seconds, nanos = seconds-1, 1e9-nanos
		}
	}
	if scale == 0 {
		return sign + strconv.FormatInt(seconds, 10)
	}
	return fmt.Sprintf("%s%d.%s", sign, seconds, fmt.Sprintf("%09d", nanos)[:scale])
}
