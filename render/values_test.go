package render_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
)

func cell(t *testing.T, col render.Column, dbType string, v any) channel.Cell {
	t.Helper()
	col.Field = "v"
	res := &source.Result{Columns: []source.Column{{Name: "v", Type: dbType}}, Rows: [][]any{{v}}}
	msg := mustRender(t, render.Content{Blocks: render.Blocks(render.TableOf(col))}, data(nil, res))
	return msg.Sections[0].Blocks[0].(*channel.Table).Cells[0]
}

func TestCellsByType(t *testing.T) {
	shanghai := time.FixedZone("", 8*3600)
	moment := time.Date(2024, 1, 2, 3, 4, 5, 600e6, shanghai)
	tests := []struct {
		name   string
		dbType string
		value  any
		want   channel.Cell
	}{
		{name: "null", value: nil, want: channel.Cell{Type: channel.TypeNull}},
		{name: "true", value: true, want: channel.Cell{Text: "true", Raw: "true", Type: channel.TypeBool}},
		{name: "a negative integer", value: int64(math.MinInt64), want: channel.Cell{Text: "-9223372036854775808", Raw: "-9223372036854775808", Type: channel.TypeNumber}},
		{name: "a large unsigned integer", value: uint64(math.MaxUint64), want: channel.Cell{Text: "18446744073709551615", Raw: "18446744073709551615", Type: channel.TypeNumber}},
		{name: "a whole float", value: 12000.0, want: channel.Cell{Text: "12000", Raw: "12000", Type: channel.TypeNumber}},
		{name: "a float that has no exact form", value: 0.1, want: channel.Cell{Text: "0.1", Raw: "0.1", Type: channel.TypeNumber}},
		{name: "a large float has no exponent", value: 1e21, want: channel.Cell{Text: "1000000000000000000000", Raw: "1000000000000000000000", Type: channel.TypeNumber}},
		{name: "a small float has no exponent", value: 1e-7, want: channel.Cell{Text: "0.0000001", Raw: "0.0000001", Type: channel.TypeNumber}},
		{name: "negative zero has no sign", value: math.Copysign(0, -1), want: channel.Cell{Text: "0", Raw: "0", Type: channel.TypeNumber}},
		{name: "not a number is text", value: math.NaN(), want: channel.Cell{Text: "NaN", Raw: "NaN"}},
		{name: "a decimal as given", value: source.Decimal("11000.00"), want: channel.Cell{Text: "11000.00", Raw: "11000.00", Type: channel.TypeNumber}},
		{name: "a decimal that JSON would not take", value: source.Decimal("-.50"), want: channel.Cell{Text: "-.50", Raw: "-0.50", Type: channel.TypeNumber}},
		{name: "a decimal with outer zeros and an empty fraction", value: source.Decimal("+007."), want: channel.Cell{Text: "+007.", Raw: "7", Type: channel.TypeNumber}},
		{name: "a decimal that is no number", value: source.Decimal("NaN"), want: channel.Cell{Text: "NaN", Raw: "NaN"}},
		{name: "text that is a number stays text", value: "60", want: channel.Cell{Text: "60", Raw: "60"}},
		{name: "text on several lines", value: "a\r\nb\x00c", want: channel.Cell{Text: "a bc", Raw: "a bc"}},
		{name: "nested values", value: source.JSON(`{"a":[1]}`), want: channel.Cell{Text: `{"a":[1]}`, Raw: `{"a":[1]}`}},
		{name: "bytes that are text", value: []byte("é"), want: channel.Cell{Text: "é", Raw: "é"}},
		{name: "bytes that are no text", value: []byte{0xff, 0x00}, want: channel.Cell{Text: "/wA=", Raw: "/wA="}},
		{name: "a date", dbType: "DATE", value: moment, want: channel.Cell{Text: "2024-01-02", Raw: "2024-01-02T03:04:05.6+08:00", Type: channel.TypeDate}},
		{name: "a date in ClickHouse", dbType: "LowCardinality(Nullable(Date32))", value: moment, want: channel.Cell{Text: "2024-01-02", Raw: "2024-01-02T03:04:05.6+08:00", Type: channel.TypeDate}},
		{name: "a time", dbType: "TIMESTAMP", value: moment, want: channel.Cell{Text: "2024-01-02 03:04:05", Raw: "2024-01-02T03:04:05.6+08:00", Type: channel.TypeTime}},
		{name: "a time of unknown type", value: moment, want: channel.Cell{Text: "2024-01-02 03:04:05", Raw: "2024-01-02T03:04:05.6+08:00", Type: channel.TypeTime}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, cell(t, render.Column{}, tt.dbType, tt.value)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	moment := time.Date(2024, 1, 2, 15, 4, 5, 0, time.UTC)
	tests := []struct {
		format string
		value  any
		want   string
	}{
		{"#,##0.00", 1234567.891, "1,234,567.89"},
		{"#,##0.00", int64(-1000), "-1,000.00"},
		{"#,##0", int64(999), "999"},
		{"#,##0", int64(1000), "1,000"},
		{"0.00", 1.005, "1.01"},
		{"0.00", source.Decimal("-0.004"), "0.00"},
		{"0.00", source.Decimal("-0.005"), "-0.01"},
		{"0", source.Decimal("999.5"), "1000"},
		{"0", 0.4, "0"},
		{"0", 0.5, "1"},
		{"0.0%", 0.1234, "12.3%"},
		{"0.0%", int64(1), "100.0%"},
		{"0%", source.Decimal("0.005"), "1%"},
		{"#.##", 0.5, ".5"},
		{"#.##", int64(0), "0"},
		{"#", int64(0), "0"},
		{"0.0#", 1.5, "1.5"},
		{"0.0#", 1.256, "1.26"},
		{"000", int64(7), "007"},
		{"0,000", int64(7), "0,007"},
		{"#,##0.00", source.Decimal("12345678901234567890.125"), "12,345,678,901,234,567,890.13"},
		{"#,##0", "1234", "1,234"},
		{"#,##0", "n/a", "n/a"},
		{"#,##0", "1e999999999", "1e999999999"},
		{"0.0", "1e-999999999", "0.0"},
		{"#,##0", true, "true"},
		{"yyyy-mm-dd", moment, "2024-01-02"},
		{"yyyy-mm-dd hh:mm:ss", moment, "2024-01-02 15:04:05"},
		{"yyyy/m/d h:mm", moment, "2024/1/2 15:04"},
		{"mm:ss", moment, "04:05"},
		{"yyyy-mm-dd hh24:mi:ss", moment, "2024-01-02 15:04:05"},
		{"yyyy-MM-dd HH:mm:ss", moment, "2024-01-02 15:04:05"},
		{"hh12:mi", moment, "03:04"},
		{"yyyy年mm月dd日", moment, "2024年01月02日"},
		{`yy"W"mm`, moment, "24W01"},
		{"yyyy-mm-dd", "20240102", "2024-01-02"},
		{"dd.mm.yyyy", "2024-01-02", "02.01.2024"},
		{"dd.mm.yyyy", "2024-01-02T03:04:05Z", "02.01.2024"},
		{"dd.mm.yyyy", "soon", "soon"},
		{"yyyy-mm-dd", int64(20240102), "20240102"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s of %v", tt.format, tt.value), func(t *testing.T) {
			got := cell(t, render.Column{Format: tt.format}, "", tt.value)
			if diff := cmp.Diff(tt.want, got.Text); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			raw := cell(t, render.Column{}, "", tt.value)
			if diff := cmp.Diff(raw.Raw, got.Raw); diff != "" {
				t.Errorf("the format changed the raw value (-without +with):\n%s", diff)
			}
		})
	}
}

// Rounding is compared with math/big, which knows nothing of digits as text.
func TestNumberFormatsRoundLikeExactArithmetic(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		text := fmt.Sprintf("%d.%0*d", random.Int64N(100000)-50000, 1+random.IntN(6), random.Int64N(1000))
		if random.IntN(3) == 0 {
			text += fmt.Sprintf("e%d", random.IntN(12)-6)
		}
		value, _ := new(big.Rat).SetString(text)
		for places, format := range []string{"0", "0.0", "0.00", "0.000"} {
			want := value.FloatString(places) // half away from zero
			if strings.Trim(want, "-0.") == "" {
				want = strings.TrimPrefix(want, "-")
			}
			if got := cell(t, render.Column{Format: format}, "", text).Text; got != want {
				t.Fatalf("%s of %s = %s, want %s", format, text, got, want)
			}
		}
	}
}

// Comparisons are judged by math/big too.
func TestConditionsCompareLikeExactArithmetic(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	number := func() string {
		s := fmt.Sprintf("%d.%0*d", random.Int64N(21)-10, random.IntN(4), random.Int64N(10))
		if random.IntN(2) == 0 {
			s = fmt.Sprintf("%se%d", s, random.IntN(5)-2)
		}
		return strings.TrimSuffix(s, ".")
	}
	holds := map[render.Op]func(int) bool{
		render.OpEqual: func(c int) bool { return c == 0 }, render.OpNotEqual: func(c int) bool { return c != 0 },
		render.OpLess: func(c int) bool { return c < 0 }, render.OpLessEqual: func(c int) bool { return c <= 0 },
		render.OpGreater: func(c int) bool { return c > 0 }, render.OpGreaterEqual: func(c int) bool { return c >= 0 },
	}
	for range 2000 {
		a, b := number(), number()
		x, ok1 := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if !ok1 || !ok2 {
			t.Fatalf("bad sample %q or %q", a, b)
		}
		for op, is := range holds {
			c := &render.Condition{Op: op, Threshold: b, Met: render.Style{Mark: "+"}, NotMet: render.Style{Mark: "-"}}
			want := map[bool]string{true: "+", false: "-"}[is(x.Cmp(y))]
			if got := cell(t, render.Column{Condition: c}, "", a).Mark; got != want {
				t.Fatalf("%s %s %s: mark %s, want %s", a, op, b, got, want)
			}
		}
	}
}

func TestColumns(t *testing.T) {
	res := &source.Result{
		Columns: []source.Column{{Name: "n"}, {Name: "s"}, {Name: "none"}},
		Rows:    [][]any{{int64(1), "x", nil}, {nil, "", nil}},
	}
	inputs := map[string]string{"unit": "¥\n", "target": "1"}
	c := render.Content{Blocks: render.Blocks(render.TableOf(
		render.Column{Field: "n", Header: "Number (${unit})", Prefix: "${unit}", Empty: "-",
			Condition: &render.Condition{Op: render.OpGreaterEqual, Threshold: "${target}", Met: render.Style{Color: channel.ColorGreen}}},
		render.Column{Field: "s", Align: channel.AlignCenter, Empty: "none of ${unit}"},
		render.Column{Field: "none", Format: "0.0"},
		render.Column{Field: "unit"},
	))}
	msg := mustRender(t, c, data(inputs, res))
	want := &channel.Table{
		Columns: []channel.Column{
			{Header: "Number (¥ )", Prefix: "¥ ", Align: channel.AlignRight},
			{Header: "s", Align: channel.AlignCenter},
			{Header: "none", Format: "0.0"},
			{Header: "unit"},
		},
		Cells: []channel.Cell{
			{Text: "1", Raw: "1", Type: channel.TypeNumber, Color: channel.ColorGreen}, {Text: "x", Raw: "x"}, {Type: channel.TypeNull}, {Text: "¥ ", Raw: "¥ "},
			{Text: "-", Type: channel.TypeNull}, {Text: "none of ¥ ", Type: channel.TypeNull}, {Type: channel.TypeNull}, {Text: "¥ ", Raw: "¥ "},
		},
	}
	if diff := cmp.Diff(want, msg.Sections[0].Blocks[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestATableOfParametersHasOneRow(t *testing.T) {
	msg := mustRender(t, render.Content{Blocks: render.Blocks(render.Table("a", "b"))}, data(map[string]string{"a": "1", "b": "2"}, rows1()))
	want := [][]string{{"a", "b"}, {"1", "2"}}
	if diff := cmp.Diff(want, shown(msg.Sections[0].Blocks[0].(*channel.Table))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestATruncatedResultIsWarnedAbout(t *testing.T) {
	res := rows1()
	res.Truncated = true
	msg := mustRender(t, render.Content{Blocks: render.Blocks(render.Table("id"))}, data(nil, rows2(), res))
	want := []channel.Warning{{Code: channel.WarnData, Text: "Result 2 has more rows than were read; only the first 3 are used."}}
	if diff := cmp.Diff(want, msg.Warnings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFormatsThatAreNone(t *testing.T) {
	for _, format := range []string{"abc", "0#", ",0", "0,", "0,,0", "0.#0", "%", "0%%", "0.0.0", ".", " ", "hh:zz", `yyyy"`, "#,##0.00 yuan", "0." + strings.Repeat("0", 31)} {
		c := render.Content{Blocks: render.Blocks(render.TableOf(render.Column{Field: "v", Format: format}))}
		err := render.Default(nil).Check(c, []string{"v"}, nil)
		if got := findings(t, err); len(got) != 1 || got[0].Path != "content.blocks[0].table.columns[0].format" {
			t.Errorf("format %q: findings %v", format, got)
		}
	}
}
