package integration_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	clickhousedriver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/internal/integration/server"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/clickhouse"
	"github.com/datapush-go/datapush/source/sourcetest"
)

var clickHouseServer *server.ClickHouse

var clickHouse = register("ClickHouse", func() (*server.Server, error) {
	c, err := server.NewClickHouse()
	if err != nil {
		return nil, err
	}
	clickHouseServer = c
	return c.Server, nil
})

// protocols are the schemes of a DSN.
var protocols = []string{"clickhouse", "http"}

func openClickHouse(t testing.TB, dsn string, o *clickhouse.Options) *clickhouse.Source {
	t.Helper()
	s, err := clickhouse.Open(dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func utc(year int, month time.Month, day, hour, minute, second, nanos int) time.Time {
	return time.Date(year, month, day, hour, minute, second, nanos, time.UTC)
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func clickHouseCells(t testing.TB) []sourcetest.Cell {
	shanghai := zone(t, "Asia/Shanghai")
	dec := func(s string) source.Decimal { return source.Decimal(s) }
	cells := []struct {
		name, sql string
		want      any
	}{
		{"NULL", "NULL", nil},
		{"Bool", "true", true},
		{"Int8", "toInt8(-128)", int64(-128)},
		{"Int16", "toInt16(-32768)", int64(-32768)},
		{"Int32", "toInt32(-2147483648)", int64(math.MinInt32)},
		{"Int64", "toInt64('-9223372036854775808')", int64(math.MinInt64)},
		{"Int128", "toInt128('-170141183460469231731687303715884105728')", dec("-170141183460469231731687303715884105728")},
		{"Int256", "toInt256('-57896044618658097711785492504343953926634992332820282019728792003956564819968')", dec("-57896044618658097711785492504343953926634992332820282019728792003956564819968")},
		{"UInt8", "toUInt8(255)", int64(255)},
		{"UInt16", "toUInt16(65535)", int64(65535)},
		{"UInt32", "toUInt32(4294967295)", int64(4294967295)},
		{"UInt64", "toUInt64('18446744073709551615')", uint64(math.MaxUint64)},
		{"UInt128", "toUInt128('340282366920938463463374607431768211455')", dec("340282366920938463463374607431768211455")},
		{"UInt256", "toUInt256('115792089237316195423570985008687907853269984665640564039457584007913129639935')", dec("115792089237316195423570985008687907853269984665640564039457584007913129639935")},
		{"Float32", "toFloat32(0.1)", 0.1},
		{"Float64", "0.30000000000000004", 0.30000000000000004},
		{"BFloat16", "toBFloat16(1.5)", 1.5},
		{"NaN", "nan", math.NaN()},
		{"infinity", "inf", math.Inf(1)},
		{"minus infinity of a Float32", "toFloat32(-inf)", math.Inf(-1)},
		{"Decimal32", "toDecimal32('-12.50', 2)", dec("-12.50")},
		{"a Decimal below one", "toDecimal32('-0.05', 2)", dec("-0.05")},
		{"a Decimal without fraction", "toDecimal32('1200', 0)", dec("1200")},
		{"Decimal64", "toDecimal64('123456789012.345678', 6)", dec("123456789012.345678")},
		{"a Decimal64 of zeros", "toDecimal64('12000', 4)", dec("12000.0000")},
		{"Decimal128", "toDecimal128('12345678901234567890123456789012345.678', 3)", dec("12345678901234567890123456789012345.678")},
		{"Decimal256", "toDecimal256('-1234567890123456789012345678901234567890123456789012345678901234567890.123456', 6)", dec("-1234567890123456789012345678901234567890123456789012345678901234567890.123456")},
		{"String", "'it''s 中文 🙂'", "it's 中文 🙂"},
		{"an empty String", "''", ""},
		{"a String of other bytes", `'\x00\xff'`, []byte{0, 255}},
		{"FixedString", "toFixedString('ab', 4)", "ab"},
		{"a FixedString of other bytes", `toFixedString('\xff\x01', 4)`, []byte{255, 1, 0, 0}},
		{"Date", "toDate('2024-02-29')", utc(2024, 2, 29, 0, 0, 0, 0)},
		{"Date32", "toDate32('1925-06-01')", utc(1925, 6, 1, 0, 0, 0, 0)},
		{"DateTime", "toDateTime('2024-01-02 08:09:10')", utc(2024, 1, 2, 8, 9, 10, 0)},
		// At the revision that the engine writes, a DateTime leaves its zone out.
		{"DateTime with a zone", "toDateTime('2024-01-02 08:09:10', 'Asia/Shanghai')", utc(2024, 1, 2, 0, 9, 10, 0)},
		{"DateTime64", "toDateTime64('2024-01-02 08:09:10.123456789', 9)", utc(2024, 1, 2, 8, 9, 10, 123456789)},
		{"DateTime64 with a zone", "toDateTime64('1955-01-02 08:09:10.5', 3, 'Asia/Shanghai')", time.Date(1955, 1, 2, 8, 9, 10, 500000000, shanghai)},
		{"the last DateTime64", "toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC')", utc(2299, 12, 31, 23, 59, 59, 999000000)},
		{"the last DateTime64 of eight digits", "toDateTime64('2299-12-31 23:59:59.99999999', 8, 'Asia/Shanghai')", time.Date(2299, 12, 31, 23, 59, 59, 999999990, shanghai)},
		{"the first DateTime64", "toDateTime64('1900-01-01 00:00:00', 0, 'Pacific/Kiritimati')", time.Date(1900, 1, 1, 0, 0, 0, 0, zone(t, "Pacific/Kiritimati"))},
		{"the last DateTime64 of nine digits", "toDateTime64('2262-04-11 23:47:16.854775807', 9, 'UTC')", utc(2262, 4, 11, 23, 47, 16, 854775807)},
		{"a DateTime64 after the driver's last", "toDateTime64('2262-04-11 23:47:16.854776', 6, 'UTC')", utc(2262, 4, 11, 23, 47, 16, 854776000)},
		{"Array of the last DateTime64", "[toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC'), NULL]", source.JSON(`["2299-12-31T23:59:59.999Z",null]`)},
		{"Map of the last DateTime64", "map('a', toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC'))", source.JSON(`{"a":"2299-12-31T23:59:59.999Z"}`)},
		{"Tuple of the last DateTime64", "(1, toDateTime64('2299-12-31 23:59:59', 0, 'UTC'))", source.JSON(`[1,"2299-12-31T23:59:59Z"]`)},
		{"Variant of the last DateTime64", "toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC')::Variant(String, DateTime64(3, 'UTC'))", utc(2299, 12, 31, 23, 59, 59, 999000000)},
		{"JSON of the last DateTime64", `'{"a": "2299-12-31 23:59:59.999"}'::JSON(a DateTime64(3, 'UTC'))`, source.JSON(`{"a":"2299-12-31T23:59:59.999Z"}`)},
		{"the last Date32", "toDate32('2299-12-31')", utc(2299, 12, 31, 0, 0, 0, 0)},
		{"Time", "CAST('-123:04:05' AS Time)", "-123:04:05"},
		{"Time64", "CAST('12:34:56.7' AS Time64(3))", "12:34:56.700"},
		{"Interval", "toIntervalDay(3)", "3 Days"},
		{"Enum8", "CAST('sad' AS Enum8('sad' = -1, 'o''k' = 2))", "sad"},
		{"Enum16", "CAST('o''k' AS Enum16('sad' = -1, 'o''k' = 1000))", "o'k"},
		{"UUID", "toUUID('0f0e0d0c-0b0a-0908-0706-050403020100')", "0f0e0d0c-0b0a-0908-0706-050403020100"},
		{"IPv4", "toIPv4('192.0.2.7')", "192.0.2.7"},
		{"IPv6", "toIPv6('2001:db8::1')", "2001:db8::1"},
		{"an IPv4 inside IPv6", "toIPv6('::ffff:192.0.2.7')", "::ffff:192.0.2.7"},
		{"LowCardinality", "toLowCardinality('a')", "a"},
		{"LowCardinality of Nullable", "CAST(NULL AS LowCardinality(Nullable(String)))", nil},
		{"Array", "[1, NULL, 3]", source.JSON("[1,null,3]")},
		{"an empty Array", "[]", source.JSON("[]")},
		{"Array of Array of texts", `[['a"'], ['b', '\n']]`, source.JSON(`[["a\""],["b","\n"]]`)},
		{"Array of big numbers", "[toUInt64('18446744073709551615')]", source.JSON("[18446744073709551615]")},
		{"Array of Int256", "[toInt256('-57896044618658097711785492504343953926634992332820282019728792003956564819968')]", source.JSON("[-57896044618658097711785492504343953926634992332820282019728792003956564819968]")},
		{"Array of Decimal", "[toDecimal32('1.50', 2), toDecimal32('-0.05', 2)]", source.JSON("[1.50,-0.05]")},
		{"Array of Float64", "[1.5, nan, -inf]", source.JSON(`[1.5,"NaN","-Infinity"]`)},
		{"Array of Float32", "[toFloat32(0.1)]", source.JSON(`[0.1]`)},
		{"Array of dates", "[toDate('2024-02-29')]", source.JSON(`["2024-02-29"]`)},
		{"Array of times", "[toDateTime64('2024-01-02 08:09:10', 0, 'Asia/Shanghai')]", source.JSON(`["2024-01-02T08:09:10+08:00"]`)},
		{"Array of UUID", "[toUUID('0f0e0d0c-0b0a-0908-0706-050403020100')]", source.JSON(`["0f0e0d0c-0b0a-0908-0706-050403020100"]`)},
		{"Array of IPv4", "[toIPv4('192.0.2.7')]", source.JSON(`["192.0.2.7"]`)},
		{"Array of Enum", "[CAST('sad' AS Enum8('sad' = 1))]", source.JSON(`["sad"]`)},
		{"Array of Bool", "[true, false]", source.JSON(`[true,false]`)},
		{"Array of UInt8", "[toUInt8(1), toUInt8(2)]", source.JSON(`[1,2]`)},
		{"Map", "map('b', 1, 'a', 2)", source.JSON(`{"a":2,"b":1}`)},
		{"Map of numbers", "map(2, ['x'], 1, [])", source.JSON(`{"1":[],"2":["x"]}`)},
		{"Map of Tuple", "map('a', (1, 'x'))", source.JSON(`{"a":[1,"x"]}`)},
		{"Tuple", "(1, 'a', NULL)", source.JSON(`[1,"a",null]`)},
		{"Tuple with names", "CAST((1, 'x') AS Tuple(z Int8, `from` String))", source.JSON(`{"z":1,"from":"x"}`)},
		{"Tuple of everything", "(toDecimal32('1.50', 2), toIPv4('192.0.2.7'), toDate('2024-02-29'), map('a', [1]), toUUID('0f0e0d0c-0b0a-0908-0706-050403020100'))",
			source.JSON(`[1.50,"192.0.2.7","2024-02-29",{"a":[1]},"0f0e0d0c-0b0a-0908-0706-050403020100"]`)},
		{"Tuple in Tuple", "CAST((1, (toDate('2024-02-29'), 2)) AS Tuple(z Int8, a Tuple(y Date, b Int8)))", source.JSON(`{"z":1,"a":{"y":"2024-02-29","b":2}}`)},
		{"Nested", "CAST([(1, 'x'), (2, 'y')] AS Nested(n Int8, a String))", source.JSON(`[{"n":1,"a":"x"},{"n":2,"a":"y"}]`)},
		{"JSON", `'{"b": {"c": [1, 2.5, "x"]}, "a": 12345678901234567}'::JSON`, source.JSON(`{"a":12345678901234567,"b":{"c":[1,2.5,"x"]}}`)},
		{"an empty JSON", `'{}'::JSON`, source.JSON(`{}`)},
		{"Variant of a text", "'x'::Variant(String, UInt64)", "x"},
		{"Variant of a number", "7::UInt64::Variant(String, UInt64)", uint64(7)},
		{"Variant of an Array", "[1]::Array(UInt8)::Variant(Array(UInt8), UInt64)", source.JSON("[1]")},
		{"Variant of a Decimal", "toDecimal32('1.50', 2)::Variant(String, Decimal(9, 2))", dec("1.50")},
		{"NULL of Variant", "NULL::Variant(String, UInt64)", nil},
		{"Dynamic", "7::Int64::Dynamic", int64(7)},
		{"Dynamic of a date", "toDate('2024-02-29')::Dynamic", utc(2024, 2, 29, 0, 0, 0, 0)},
		{"NULL of Dynamic", "NULL::Dynamic", nil},
		{"Point", "(1.5, 2)::Point", source.JSON("[1.5,2]")},
		{"Ring", "[(0, 0), (1.5, 2)]::Ring", source.JSON("[[0,0],[1.5,2]]")},
		{"Polygon", "[[(0, 0), (1.5, 2)]]::Polygon", source.JSON("[[[0,0],[1.5,2]]]")},
		{"MultiPolygon", "[[[(0, 0), (1.5, 2)]]]::MultiPolygon", source.JSON("[[[[0,0],[1.5,2]]]]")},
		{"LineString", "[(0, 0), (1.5, 2)]::LineString", source.JSON("[[0,0],[1.5,2]]")},
		{"SimpleAggregateFunction", "CAST(7 AS SimpleAggregateFunction(max, Int64))", int64(7)},
	}
	var out []sourcetest.Cell
	for _, c := range cells {
		out = append(out, sourcetest.Cell{Name: c.name, SQL: "SELECT " + c.sql + " AS v", Want: c.want})
	}
	for _, k := range []string{"Bool", "Int8", "Int64", "UInt64", "Int128", "UInt256", "Float32", "Float64", "Decimal(9, 2)", "Decimal(76, 6)", "String", "FixedString(4)",
		"Date", "Date32", "DateTime", "DateTime64(3, 'Asia/Shanghai')", "Time", "Time64(3)", "IntervalDay", "Enum8('a' = 1)", "UUID", "IPv4", "IPv6"} {
		out = append(out, sourcetest.Cell{Name: "NULL of " + k, SQL: "SELECT CAST(NULL AS Nullable(" + k + ")) AS v", Want: nil})
	}
	for _, c := range cells {
		switch c.name {
		case "Int8", "UInt64", "Int256", "Float64", "Decimal64", "String", "FixedString", "Date", "DateTime64", "the last DateTime64", "Time64", "Interval", "Enum8", "UUID", "IPv6":
			out = append(out, sourcetest.Cell{Name: "Nullable " + c.name, SQL: "SELECT toNullable(" + c.sql + ") AS v", Want: c.want})
		}
	}
	return out
}

const (
	clickHouseEndless = "SELECT number AS i, repeat('x', 100) AS pad FROM system.numbers"
	// One row every tenth of a second, and none before the last.
	clickHouseSilent = "SELECT sum(sleepEachRow(0.1)) AS s FROM numbers(100000) SETTINGS max_block_size = 1"
	clickHouseLate   = "SELECT number AS i FROM numbers(10) UNION ALL SELECT sum(sleepEachRow(0.1)) FROM numbers(100000) SETTINGS max_block_size = 1"
)

var clickHouseSetup sync.Once

func setUpClickHouse(t testing.TB) {
	clickHouseSetup.Do(func() {
		for _, s := range []string{"CREATE TABLE it_t(id Int32) ENGINE = MergeTree ORDER BY id", "INSERT INTO it_t VALUES (1), (2)"} {
			if _, err := clickHouseServer.Do(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	})
}

func clickHouseRunning(ctx context.Context) (int, error) {
	lines, err := clickHouseServer.Do(ctx, "SELECT count() FROM system.processes WHERE query NOT LIKE '%system.processes%' AND query NOT LIKE '%KILL QUERY%'")
	if err != nil {
		return 0, err
	}
	var n int
	_, err = fmt.Sscan(lines[0], &n)
	return n, err
}

func clickHouseHarness(t *testing.T, s source.Source, dsn string) sourcetest.Harness {
	setUpClickHouse(t)
	wrong := func(old, new string) source.Source { return openClickHouse(t, strings.Replace(dsn, old, new, 1), nil) }
	port := clickHouseServer.Port
	if strings.HasPrefix(dsn, "http") {
		port = clickHouseServer.HTTP
	}
	return sourcetest.Harness{
		Source:    s,
		Count:     func(n int) string { return fmt.Sprintf("SELECT number + 1 AS i FROM numbers(%d) ORDER BY i", n) },
		Endless:   clickHouseEndless,
		Silent:    clickHouseSilent,
		Late:      clickHouseLate,
		Fails:     "SELECT throwIf(number = 5000) AS v FROM numbers(6000) SETTINGS max_block_size = 100",
		SameNames: "SELECT 1, 1",
		Write:     "INSERT INTO it_t VALUES (3)", State: "SELECT count() FROM it_t",
		Refused: []string{
			"INSERT INTO it_t SELECT 3", "WITH 3 AS x INSERT INTO it_t SELECT x", "SELECT 1 INTO OUTFILE '/tmp/it_x'", "ALTER TABLE it_t DELETE WHERE 1", "DELETE FROM it_t WHERE 1",
			"DROP TABLE it_t", "TRUNCATE TABLE it_t", "OPTIMIZE TABLE it_t", "SYSTEM FLUSH LOGS", "KILL QUERY WHERE 1", "SET readonly = 0", "USE system",
			"CREATE TABLE it_x(a Int8) ENGINE = Memory", "RENAME TABLE it_t TO it_u", "SHOW TABLES", "EXPLAIN SELECT 1", "ATTACH TABLE x", "GRANT ALL ON *.* TO x",
			"SELECT ‘a' INTO OUTFILE '’",
		},
		Cells:      clickHouseCells(t),
		Connection: "SELECT getSetting('log_comment')", // the server's own: the client's address
		Running:    clickHouseRunning,
		Wrong: []sourcetest.Wrong{
			{Name: "a wrong password", Source: wrong(server.Password, "canary-wrong-1"), Kind: source.Denied},
			{Name: "an unknown database", Source: wrong("/t", "/canary-nodb"), Kind: source.Denied},
			{Name: "an unknown user", Source: wrong("dp:", "canary-nouser:"), Kind: source.Denied},
			{Name: "nobody listens", Source: wrong(fmt.Sprint(port), "1"), Kind: source.Unavailable},
			{Name: "an unknown host", Source: wrong("127.0.0.1", "canary-host.invalid"), Kind: source.Unavailable},
		},
		Secrets:  []string{server.Password, "canary-", "127.0.0.1", fmt.Sprint(port), dsn},
		Patience: 20 * time.Second,
	}
}

func TestClickHouseContract(t *testing.T) {
	clickHouse.need(t)
	for _, scheme := range protocols {
		dsn := clickHouseServer.DSN(scheme)
		t.Run("Open by "+scheme, func(t *testing.T) {
			sourcetest.Test(t, func(t *testing.T) sourcetest.Harness { return clickHouseHarness(t, openClickHouse(t, dsn, nil), dsn) })
		})
		t.Run("New by "+scheme, func(t *testing.T) {
			sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
				opts, err := clickhousedriver.ParseDSN(dsn)
				if err != nil {
					t.Fatal(err)
				}
				db := clickhousedriver.OpenDB(opts)
				db.SetMaxOpenConns(4)
				t.Cleanup(func() { db.Close() })
				return clickHouseHarness(t, clickhouse.New(db, nil), dsn)
			})
		})
		t.Run("a login that may set nothing by "+scheme, func(t *testing.T) {
			sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
				h := clickHouseHarness(t, openClickHouse(t, dsn+"?readonly=1&max_block_size=10", nil), dsn)
				// Its SETTINGS are refused, so they are those of the login.
				for _, sql := range []*string{&h.Silent, &h.Late, &h.Fails} {
					*sql, _, _ = strings.Cut(*sql, " SETTINGS")
				}
				return h
			})
		})
	}
}

// clickHouseHandle is a host's own, made without this library.
func clickHouseHandle(t testing.TB, dsn string) driver.Conn {
	t.Helper()
	opts, err := clickhousedriver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	c, err := clickhousedriver.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// The server is a stand-in for a real one: the unmodified driver must not notice,
// and what it does not know it must refuse.
func TestTheServerOfTheClickHouseEngineServesTheDriverAlone(t *testing.T) {
	clickHouse.need(t)
	setUpClickHouse(t)
	for _, scheme := range protocols {
		for _, params := range []string{"", "?compress=lz4", "?compress=zstd"} {
			if scheme == "clickhouse" && params == "?compress=zstd" {
				params += "&max_block_size=1000"
			}
			t.Run(scheme+params, func(t *testing.T) {
				c := clickHouseHandle(t, clickHouseServer.DSN(scheme)+params)
				if err := c.Ping(t.Context()); err != nil {
					t.Fatal(err)
				}
				var n, sum uint64
				if err := c.QueryRow(t.Context(), "SELECT count(), sum(number) FROM (SELECT number FROM numbers(50000) ORDER BY number)").Scan(&n, &sum); err != nil || n != 50_000 || sum != 1_249_975_000 {
					t.Errorf("%d, %d, %v", n, sum, err)
				}
				r, err := c.Query(t.Context(), "SELECT number, toString(number) FROM numbers(50000)")
				if err != nil {
					t.Fatal(err)
				}
				n = 0
				for r.Next() {
					var i uint64
					var s string
					if err := r.Scan(&i, &s); err != nil || i != n || s != fmt.Sprint(n) {
						t.Fatalf("row %d: %d, %q, %v", n, i, s, err)
					}
					n++
				}
				if err := errors.Join(r.Err(), r.Close()); err != nil || n != 50_000 {
					t.Errorf("%d rows, %v", n, err)
				}
			})
		}
		t.Run(scheme, func(t *testing.T) {
			c := clickHouseHandle(t, clickHouseServer.DSN(scheme))
			table := "it_driver_" + scheme
			for _, s := range []string{"DROP TABLE IF EXISTS " + table, "CREATE TABLE " + table + "(id Int32) ENGINE = Memory", "INSERT INTO " + table + " SELECT number FROM numbers(3)"} {
				if err := c.Exec(t.Context(), s); err != nil {
					t.Fatalf("%s: %v", s, err)
				}
			}
			var n uint64
			if err := c.QueryRow(t.Context(), "SELECT count() FROM "+table).Scan(&n); err != nil || n != 3 {
				t.Errorf("%d, %v", n, err)
			}
			code := func(err error, want int32) {
				t.Helper()
				var e *clickhousedriver.Exception
				if !errors.As(err, &e) || e.Code != want {
					t.Errorf("error %v, want code %d", err, want)
				}
			}
			set := func(name string, value any) context.Context {
				return clickhousedriver.Context(t.Context(), clickhousedriver.WithSettings(clickhousedriver.Settings{name: value}))
			}
			code(c.Exec(t.Context(), "SELEC 1"), 62)
			code(c.Exec(set("readonly", 1), "INSERT INTO "+table+" SELECT 1"), 164)
			code(c.Exec(set("no_such_setting", 1), "SELECT 1"), 115)
			code(c.Exec(set("max_execution_time", 0.05), clickHouseSilent), 159)
			r, err := c.Query(set("max_block_size", 1000), "SELECT throwIf(number = 100000) FROM numbers(200000)")
			if err != nil {
				t.Fatal(err)
			}
			for n = 0; r.Next(); n++ {
				continue
			}
			if n == 0 {
				t.Error("no row came before the error")
			}
			code(errors.Join(r.Err(), r.Close()), 395)
			if err := c.QueryRow(t.Context(), "SELECT count() FROM "+table).Scan(&n); err != nil || n != 3 {
				t.Errorf("afterwards: %d, %v", n, err)
			}
		})
	}
	t.Run("a parameter of HTTP", func(t *testing.T) {
		var s string
		err := clickHouseHandle(t, clickHouseServer.DSN("http")).QueryRow(t.Context(), "SELECT {v:String}", clickhousedriver.Named("v", "it's \\ 中")).Scan(&s)
		if err != nil || s != "it's \\ 中" {
			t.Errorf("%q, %v", s, err)
		}
	})
	t.Run("an HTTP session is refused", func(t *testing.T) {
		err := clickHouseHandle(t, clickHouseServer.DSN("http")+"?session_id=x").Ping(t.Context())
		if err == nil || !strings.Contains(err.Error(), "keeps no HTTP sessions") {
			t.Errorf("error %v", err)
		}
	})
	// As with a real server: this is why the source sends the setting.
	t.Run("an HTTP client that goes leaves its statement running", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		err := clickHouseHandle(t, clickHouseServer.DSN("http")).Exec(ctx, strings.Replace(clickHouseSilent, "AS s", "AS left_alone", 1))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if n, err := clickHouseRunning(t.Context()); err != nil || n != 1 {
			t.Errorf("%d statements run, %v", n, err)
		}
		clickHouseKill(t, "left_alone")
	})
}

// clickHouseKill kills the statement that has a word in it, once it runs.
func clickHouseKill(t testing.TB, word string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		lines, err := clickHouseServer.Do(ctx, "KILL QUERY WHERE query LIKE '%"+word+"%' AND query NOT LIKE '%KILL QUERY%' SYNC")
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) > 0 && lines[0] != "" {
			return
		}
	}
}

func TestClickHouseErrors(t *testing.T) {
	clickHouse.need(t)
	setUpClickHouse(t)
	for _, scheme := range protocols {
		dsn := clickHouseServer.DSN(scheme)
		s := openClickHouse(t, dsn, nil)
		raw := openClickHouse(t, dsn, &clickhouse.Options{Raw: true})
		limited := openClickHouse(t, dsn, &clickhouse.Options{StatementTimeout: 50 * time.Millisecond})
		fixed := openClickHouse(t, dsn+"?readonly=1", nil)
		half := openClickHouse(t, dsn+"?readonly=2", &clickhouse.Options{StatementTimeout: time.Minute})
		tests := []struct {
			name string
			s    source.Source
			sql  string
			kind source.Kind
			code string
			text string
		}{
			{"a missing column", s, "SELECT gone FROM it_t", source.Syntax, "47", "gone"},
			{"a missing function", s, "SELECT gone()", source.Syntax, "46", "gone"},
			{"a missing database", s, "SELECT * FROM gone.x", source.Syntax, "81", "gone"},
			{"an unknown setting", s, "SELECT 1 SETTINGS gone = 1", source.Syntax, "115", "gone"},
			{"a value that is none", s, "SELECT toInt32('canary')", source.Other, "6", "Cannot parse"},
			{"a type that the driver does not know", s, "SELECT sumState(number) FROM numbers(3)", source.Syntax, "", "AggregateFunction(sum, UInt64)"},
			{"a value that the driver cannot read", s, "SELECT tuple(toInt256(1)) AS v", source.Other, "", `the column "v"`},
			{"memory", s, "SELECT number, count() FROM numbers(10000000) GROUP BY number SETTINGS max_memory_usage = 1000000", source.Other, "241", "memory limit"},
			{"the server's own limit of rows", s, "SELECT number FROM numbers(100) SETTINGS max_result_rows = 10", source.Other, "396", "Limit for result exceeded"},
			{"the server's own time limit", limited, clickHouseSilent, source.Timeout, "159", "time limit"},
			{"a write that the text does not show", raw, "INSERT INTO it_t SELECT 3", source.Denied, "164", "read-only"},
			{"a write into a file", raw, "INSERT INTO FUNCTION file('/tmp/it_x.csv') SELECT 3", source.Denied, "164", "read-only"},
			{"a temporary table", raw, "CREATE TEMPORARY TABLE x(a Int8)", source.Denied, "164", "read-only"},
			{"a DROP", raw, "DROP TABLE it_t", source.Denied, "164", "read-only"},
			{"a statement that lifts the protection", s, "SELECT 1 SETTINGS readonly = 0", source.Denied, "164", "read-only"},
			{"settings of a login that may set none", fixed, "SELECT 1 SETTINGS max_threads = 1", source.Denied, "164", "may not set"},
		}
		for _, tt := range tests {
			t.Run(scheme+" "+tt.name, func(t *testing.T) {
				_, err := tt.s.Query(t.Context(), source.Query{SQL: tt.sql})
				wantKind(t, err, tt.kind)
				var e *source.Error
				if errors.As(err, &e) && e.Code != tt.code || err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("error %v, want code %s with %q", err, tt.code, tt.text)
				}
				for err != nil {
					if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), "dp") {
						t.Errorf("error %v shows too much", err)
					}
					err = errors.Unwrap(err)
				}
			})
		}
		for name, s := range map[string]source.Source{"fixes its settings": fixed, "may set all but readonly": half} {
			t.Run(scheme+" a login that "+name+" reads", func(t *testing.T) {
				for range 2 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // which the driver would turn into a setting
					r, err := s.Query(ctx, source.Query{SQL: "SELECT sum(id) FROM it_t"})
					cancel()
					if err != nil || r.Rows[0][0] != int64(3) {
						t.Fatalf("%v, %v", r, err)
					}
				}
			})
		}
		t.Run(scheme+" a deadline does not lift the server's time limit", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			r, err := openClickHouse(t, dsn+"?max_execution_time=77", nil).Query(ctx, source.Query{SQL: "SELECT toInt64(getSetting('max_execution_time'))"})
			if err != nil || r.Rows[0][0] != int64(77) {
				t.Errorf("%v, %v", r, err)
			}
		})
		t.Run(scheme+" KILL QUERY", func(t *testing.T) {
			word := "kill_me_" + scheme
			done := make(chan error, 1)
			go func() {
				_, err := s.Query(t.Context(), source.Query{SQL: strings.Replace(clickHouseSilent, "AS s", "AS "+word, 1)})
				done <- err
			}()
			clickHouseKill(t, word)
			wantKind(t, <-done, source.Canceled)
			if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
				t.Errorf("the next query: %v", err)
			}
		})
		t.Run(scheme+" too many statements", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := s.Query(ctx, source.Query{SQL: clickHouseSilent})
				done <- err
			}()
			for n := 0; n == 0; {
				var err error
				if n, err = clickHouseRunning(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1 SETTINGS max_concurrent_queries_for_all_users = 1"})
			wantKind(t, err, source.Unavailable)
			cancel()
			wantKind(t, <-done, source.Canceled)
		})
	}
	// What answers on the wrong port may just wait for more.
	soon := &clickhouse.Options{ConnectTimeout: 300 * time.Millisecond}
	native, web := fmt.Sprint(clickHouseServer.Port), fmt.Sprint(clickHouseServer.HTTP)
	for name, dsn := range map[string]string{
		"HTTP where the native protocol is spoken":  strings.Replace(clickHouseServer.DSN("http"), web, native, 1),
		"the native protocol where HTTP is spoken":  strings.Replace(clickHouseServer.DSN("clickhouse"), native, web, 1),
		"TLS where the native protocol has none":    clickHouseServer.DSN("clickhouse") + "?secure=true",
		"HTTPS where there is none":                 strings.Replace(clickHouseServer.DSN("http"), "http:", "https:", 1) + "?secure=true",
		"HTTPS where the native protocol is spoken": strings.Replace(strings.Replace(clickHouseServer.DSN("http"), "http:", "https:", 1), web, native, 1) + "?secure=true",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openClickHouse(t, dsn, soon).Query(t.Context(), source.Query{SQL: "SELECT 1"})
			wantKind(t, err, source.Unavailable)
		})
	}
}

// What the setting limit would change without a word.
func TestClickHouseReturnsWhatTheStatementSays(t *testing.T) {
	clickHouse.need(t)
	s := openClickHouse(t, clickHouseServer.DSN("clickhouse"), nil)
	for sql, want := range map[string]string{
		"SELECT number FROM numbers(7) ORDER BY number LIMIT -2":                             "[[5] [6]]",
		"SELECT number FROM numbers(7) EXCEPT SELECT number FROM numbers(5) ORDER BY number": "[[5] [6]]",
		"SELECT number FROM numbers(7) ORDER BY number LIMIT 2 OFFSET 4":                     "[[4] [5]]",
		"SELECT number % 2 AS k, count() FROM numbers(7) GROUP BY k WITH TOTALS ORDER BY k":  "[[0 4] [1 3]]",
	} {
		r, err := s.Query(t.Context(), source.Query{SQL: sql, MaxRows: 4})
		if err != nil || fmt.Sprint(r.Rows) != want || r.Truncated {
			t.Errorf("%s: %v, %v; want %s", sql, r, err, want)
		}
	}
}

func TestClickHouseStopsSendingAtTheLimit(t *testing.T) {
	clickHouse.need(t)
	for _, scheme := range protocols {
		s := openClickHouse(t, clickHouseServer.DSN(scheme), nil)
		sess, err := s.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer sess.Close()
		before, err := clickHouseServer.Sent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			r, err := sess.Query(t.Context(), source.Query{SQL: clickHouseEndless})
			if err != nil || len(r.Rows) != 10_000 || !r.Truncated {
				t.Fatalf("%s: %v", scheme, err)
			}
			if r, err = sess.Query(t.Context(), source.Query{SQL: "SELECT 7"}); err != nil || r.Rows[0][0] != int64(7) {
				t.Fatalf("%s: %v, %v", scheme, r, err)
			}
		}
		for n := 1; n > 0; {
			if n, err = clickHouseRunning(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		after, err := clickHouseServer.Sent(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d rows were sent for 30,000", scheme, after-before)
		if after-before > 1_000_000 {
			t.Errorf("%s: the server sent %d rows", scheme, after-before)
		}
	}
}

func TestClickHouseFaults(t *testing.T) {
	clickHouse.need(t)
	own, err := server.NewClickHouse()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	for _, scheme := range protocols {
		s := openClickHouse(t, own.DSN(scheme), nil)
		one := func() error {
			_, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"})
			return err
		}
		if err := one(); err != nil {
			t.Fatal(err)
		}
		t.Run(scheme+" 200 queries at once on a pool of 4", func(t *testing.T) {
			var wg sync.WaitGroup
			errs := make([]error, 200)
			for i := range errs {
				wg.Go(func() {
					r, err := s.Query(t.Context(), source.Query{SQL: fmt.Sprintf("SELECT toInt64(%d)", i)})
					if err == nil && r.Rows[0][0] != int64(i) {
						err = fmt.Errorf("query %d got %v", i, r.Rows)
					}
					errs[i] = err
				})
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Error(err)
			}
		})
		t.Run(scheme+" restarted between two runs", func(t *testing.T) {
			own.Stop()
			wantKind(t, one(), source.Unavailable)
			if err := own.Start(); err != nil {
				t.Fatal(err)
			}
			if err := one(); err != nil {
				t.Error(err)
			}
			own.Stop()
			if err := own.Start(); err != nil {
				t.Fatal(err)
			}
			if err := one(); err != nil {
				t.Errorf("the first query after a restart that nobody saw: %v", err)
			}
		})
		t.Run(scheme+" killed in the middle of a result", func(t *testing.T) {
			sess, err := s.Session(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer sess.Close()
			before, err := own.Sent(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				_, err := sess.Query(t.Context(), source.Query{SQL: clickHouseLate})
				done <- err
			}()
			for n := before; n < before+10; {
				if n, err = own.Sent(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			own.Kill()
			wantKind(t, <-done, source.Unavailable)
			if err := own.Start(); err != nil {
				t.Fatal(err)
			}
			if err := one(); err != nil {
				t.Errorf("afterwards: %v", err)
			}
			if _, err := sess.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
				t.Errorf("afterwards in the session: %v", err)
			}
		})
	}
}

func TestClickHouseConnectingEndsWithTheContext(t *testing.T) {
	clickHouse.need(t)
	for _, scheme := range protocols {
		s := openClickHouse(t, scheme+"://u:"+server.Password+"@"+silentListener(t)+"/d", nil)
		for kind, end := range map[source.Kind]func() (context.Context, context.CancelFunc){
			source.Timeout: func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 50*time.Millisecond)
			},
			source.Canceled: func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(50*time.Millisecond, cancel)
				return ctx, cancel
			},
		} {
			ctx, cancel := end()
			start := time.Now()
			_, err := s.Query(ctx, source.Query{SQL: "SELECT 1"})
			cancel()
			wantKind(t, err, kind)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%s: it took %v", scheme, took)
			}
		}
		// A server that says nothing is given up without a context's help too.
		quick := openClickHouse(t, scheme+"://u:p@"+silentListener(t)+"/d", &clickhouse.Options{ConnectTimeout: 100 * time.Millisecond})
		_, err := quick.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		wantKind(t, err, source.Unavailable)
	}
}

func TestClickHouseColumnsRunsNoSubquery(t *testing.T) {
	clickHouse.need(t)
	setUpClickHouse(t)
	tests := []struct {
		name, sql string
		want      []source.Column
	}{
		{"a scalar subquery", "SELECT (SELECT count() FROM numbers(30000000000)) AS c -- all", []source.Column{{Name: "c", Type: "Nullable(UInt64)"}}},
		{"a scalar of WITH", "WITH (SELECT sum(sleepEachRow(3)) FROM numbers(1000)) AS x SELECT x, id FROM it_t SETTINGS max_block_size = 1;",
			[]source.Column{{Name: "x", Type: "Nullable(UInt64)"}, {Name: "id", Type: "Int32"}}},
	}
	for _, scheme := range protocols {
		for _, tt := range tests {
			t.Run(tt.name+" by "+scheme, func(t *testing.T) {
				s := openClickHouse(t, clickHouseServer.DSN(scheme), nil)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				got, err := s.Columns(ctx, tt.sql)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("columns (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestClickHouseErrorsShowNoValue(t *testing.T) {
	clickHouse.need(t)
	for _, scheme := range protocols {
		s := openClickHouse(t, clickHouseServer.DSN(scheme), nil)
		for _, sql := range []string{"toUUID(v)", "toIPv4(v)", "toIPv6(v)", "CAST(v AS JSON)", "base64Decode(v || '!')", "toInt32(v)", "toDate(v)", "toDateTime64(v, 3)", "formatQuery(v || ' (')", "CAST(v AS Enum8('a' = 1))",
			"throwIf(1, 'no')", "toDecimal64(v, 2)", "JSONExtract(v, 'Tuple(a Int8)')", "match('a', v || '(')", "parseDateTime(v, '%Y')", "unhex(v)", "toTypeName(CAST(v AS Bool))"} {
			checkNoValue(t, s, "SELECT "+sql+" FROM (SELECT materialize(concat('hunt', 'er', '2')) AS v)")
		}
	}
}
