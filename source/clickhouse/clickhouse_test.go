package clickhouse_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"math"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	clickhousedriver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/clickhouse"
)

// server answers the statements of a host's handle and keeps what it was sent.
type server struct {
	login  int32 // its readonly setting
	column column
	values []driver.Value // a row each; repeated for ever if endless
	more   bool
	fail   error
	dial   error
	blank  bool          // it describes nothing
	hang   chan struct{} // closed once a statement hangs

	mu  sync.Mutex
	log []string
}

type column struct{ name, kind string }

func (s *server) Connect(context.Context) (driver.Conn, error) {
	if s.dial != nil {
		return nil, s.dial
	}
	s.note("connected")
	return &conn{s}, nil
}
func (s *server) Driver() driver.Driver { return nil }

func (s *server) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, text)
}

func (s *server) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

type conn struct{ *server }

func (c *conn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("nothing is prepared") }
func (c *conn) Begin() (driver.Tx, error)           { return nil, errors.New("unused") }
func (c *conn) Close() error                        { c.note("closed"); return nil }

func (c *conn) QueryContext(ctx context.Context, text string, _ []driver.NamedValue) (driver.Rows, error) {
	c.note(text)
	if strings.Contains(text, "getSetting('readonly')") {
		return &rows{columns: []column{{"r", "Int32"}}, table: [][]driver.Value{{c.login}}}, nil
	}
	if strings.HasPrefix(text, "DESCRIBE") && !c.blank {
		return &rows{columns: []column{{"name", "String"}, {"type", "String"}, {"default_type", "String"}}, table: [][]driver.Value{{c.column.name, c.column.kind, ""}}}, nil
	}
	if c.hang != nil {
		close(c.hang)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if c.fail != nil {
		return nil, c.fail
	}
	r := &rows{columns: []column{c.column}, more: c.more}
	for _, v := range c.values {
		r.table = append(r.table, []driver.Value{v})
	}
	if c.column == (column{}) {
		r.columns = nil
	}
	return r, nil
}

type rows struct {
	columns []column
	table   [][]driver.Value
	more    bool
	at      int
}

func (r *rows) Columns() []string {
	var names []string
	for _, c := range r.columns {
		names = append(names, c.name)
	}
	return names
}

func (r *rows) ColumnTypeDatabaseTypeName(i int) string { return r.columns[i].kind }
func (r *rows) Close() error                            { return nil }
func (r *rows) Next(dest []driver.Value) error {
	if r.at == len(r.table) {
		if !r.more {
			return io.EOF
		}
		r.at = 0
	}
	copy(dest, r.table[r.at])
	r.at++
	return nil
}

func open(t testing.TB, s *server, o *clickhouse.Options) *clickhouse.Source {
	t.Helper()
	db := sql.OpenDB(s)
	t.Cleanup(func() { db.Close() })
	return clickhouse.New(db, o)
}

// decimal is a value like those of the driver's native interface.
type decimal struct {
	digits string
	scale  int32
}

func (d decimal) Coefficient() *big.Int {
	n, _ := new(big.Int).SetString(d.digits, 10)
	return n
}
func (d decimal) CoefficientInt64() int64 { return d.Coefficient().Int64() }
func (d decimal) Exponent() int32         { return -d.scale }

// uuid is like the driver's: an array with a text.
type uuid [2]byte

func (uuid) String() string { return "0f0e0d0c-0b0a-0908-0706-050403020100" }

func TestWhatTheDriverHandsOutBecomesACell(t *testing.T) {
	shanghai := time.FixedZone("CST", 8*3600)
	moment := time.Date(2024, 1, 2, 8, 9, 10, 123456789, shanghai)
	big256, _ := new(big.Int).SetString("-57896044618658097711785492504343953926634992332820282019728792003956564819968", 10)
	two := uint8(2)
	doc := clickhousedriver.NewJSON()
	doc.SetValueAtPath("b.c", clickhousedriver.NewDynamicWithType([]int64{1}, "Array(Int64)"))
	doc.SetValueAtPath("a", clickhousedriver.NewDynamicWithType(time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC), "Date"))
	doc.SetValueAtPath("none", clickhousedriver.NewDynamic(nil))
	tests := []struct {
		name, kind string
		value      driver.Value
		want       any
	}{
		{"NULL", "Nullable(DateTime)", nil, nil},
		{"NULL of nothing", "Nullable(Nothing)", nil, nil},
		{"NULL of an Int256", "Nullable(Int256)", nil, nil},
		{"NULL of an Interval", "Nullable(IntervalDay)", nil, nil},
		{"Bool", "Bool", true, true},
		{"Int8", "Int8", int8(-128), int64(-128)},
		{"Int16", "Int16", int16(-32768), int64(-32768)},
		{"Int32", "Int32", int32(math.MinInt32), int64(math.MinInt32)},
		{"Int64", "Int64", int64(math.MinInt64), int64(math.MinInt64)},
		{"UInt8", "UInt8", uint8(255), int64(255)},
		{"UInt16", "UInt16", uint16(65535), int64(65535)},
		{"UInt32", "UInt32", uint32(math.MaxUint32), int64(math.MaxUint32)},
		{"UInt64", "UInt64", uint64(math.MaxUint64), uint64(math.MaxUint64)},
		{"Int256", "Int256", big256, source.Decimal(big256.String())},
		{"Nullable Int256", "Nullable(Int256)", *big256, source.Decimal(big256.String())},
		{"Float32", "Float32", float32(0.1), 0.1},
		{"Float64", "Float64", 0.1, 0.1},
		{"NaN", "Float64", math.NaN(), math.NaN()},
		{"a small Decimal", "Decimal(9, 2)", decimal{"-5", 2}, source.Decimal("-0.05")},
		{"a Decimal with its zeros", "Nullable(Decimal(18, 4))", decimal{"120000000", 4}, source.Decimal("12000.0000")},
		{"a Decimal of 76 digits", "Decimal(76, 0)", decimal{strings.Repeat("9", 76), 0}, source.Decimal(strings.Repeat("9", 76))},
		{"a Decimal as text without its zeros", "Decimal(18, 4)", "-12000", source.Decimal("-12000.0000")},
		{"a Decimal as text", "Decimal(18, 4)", "1.25", source.Decimal("1.2500")},
		{"String", "String", "it's", "it's"},
		{"a String of other bytes", "LowCardinality(String)", "\x00\xff", []byte{0, 255}},
		{"FixedString", "FixedString(4)", "ab\x00\x00", "ab"},
		{"a FixedString of other bytes", "FixedString(4)", "\xff\x00\x00\x00", []byte{255, 0, 0, 0}},
		{"Date", "Date", time.Date(2024, 2, 29, 0, 0, 0, 0, shanghai), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"Date32", "Nullable(Date32)", time.Date(1925, 2, 28, 0, 0, 0, 0, shanghai), time.Date(1925, 2, 28, 0, 0, 0, 0, time.UTC)},
		{"DateTime64", "DateTime64(9, 'Asia/Shanghai')", moment, moment},
		{"DateTime64 past the driver's nanoseconds", "DateTime64(3, 'Asia/Shanghai')", time.Unix(0, 10413791999999e6-1<<64).In(shanghai),
			time.Date(2300, 1, 1, 7, 59, 59, 999e6, shanghai)},
		{"Time", "Time", -(123*time.Hour + 4*time.Minute + 5*time.Second), "-123:04:05"},
		{"Time64", "Time64(3)", 7*time.Second + 5*time.Millisecond, "00:00:07.005"},
		{"Interval", "IntervalDay", "3 Days", "3 Days"},
		{"Enum", "Enum8('a' = 1, 'b, ''c' = -2)", "b, 'c", "b, 'c"},
		{"UUID", "UUID", "0f0e0d0c-0b0a-0908-0706-050403020100", "0f0e0d0c-0b0a-0908-0706-050403020100"},
		{"IPv4", "IPv4", net.IPv4(192, 0, 2, 7), "192.0.2.7"},
		{"an IPv4 inside IPv6", "IPv6", net.ParseIP("::ffff:192.0.2.7"), "::ffff:192.0.2.7"},
		{"Array", "Array(Nullable(UInt8))", []*uint8{nil, &two}, source.JSON("[null,2]")},
		{"an Array of bytes is one of numbers", "Array(UInt8)", []uint8{1, 2}, source.JSON("[1,2]")},
		{"Array of dates", "Array(Date)", []time.Time{time.Date(2024, 2, 29, 0, 0, 0, 0, shanghai)}, source.JSON(`["2024-02-29"]`)},
		{"Array of times", "Array(DateTime64(9))", []time.Time{moment}, source.JSON(`["2024-01-02T08:09:10.123456789+08:00"]`)},
		{"Array of Decimal", "Array(Decimal(9, 2))", []decimal{{"150", 2}}, source.JSON("[1.50]")},
		{"Array of floats", "Array(Float64)", []float64{1.5, math.NaN(), math.Inf(-1)}, source.JSON(`[1.5,"NaN","-Infinity"]`)},
		{"Array of bytes that are no text", "Array(String)", []string{"\xff"}, source.JSON(`["/w=="]`)},
		{"Array of UUID", "Array(UUID)", []uuid{{}}, source.JSON(`["0f0e0d0c-0b0a-0908-0706-050403020100"]`)},
		{"Map", "Map(String, Array(UInt8))", map[string][]uint8{"b": {1}, "a\"": nil}, source.JSON(`{"a\"":[],"b":[1]}`)},
		{"Map of dates", "Map(Date, Bool)", map[time.Time]bool{time.Date(2024, 2, 29, 0, 0, 0, 0, shanghai): true}, source.JSON(`{"2024-02-29":true}`)},
		{"Tuple", "Tuple(Int8, Date, Nullable(String))", []any{int8(1), time.Date(2024, 2, 29, 0, 0, 0, 0, shanghai), nil}, source.JSON(`[1,"2024-02-29",null]`)},
		{"Tuple with names keeps their order", "Tuple(z Int8, `a b` Date)", map[string]any{"a b": time.Date(2024, 2, 29, 0, 0, 0, 0, shanghai), "z": int8(1)}, source.JSON(`{"z":1,"a b":"2024-02-29"}`)},
		{"Nested", "Nested(n Int8, a String)", []map[string]any{{"a": "x", "n": int8(1)}}, source.JSON(`[{"n":1,"a":"x"}]`)},
		{"JSON", "JSON(max_dynamic_paths=8, a Date)", doc, source.JSON(`{"a":"2024-01-02","b":{"c":[1]}}`)},
		{"JSON as text", "JSON", `{"a": 1}`, source.JSON(`{"a": 1}`)},
		{"Variant of a number", "Variant(String, UInt8)", clickhousedriver.NewVariantWithType(uint8(7), "UInt8"), int64(7)},
		{"Variant of a date", "Variant(Date, UInt8)", clickhousedriver.NewVariantWithType(time.Date(2024, 2, 29, 0, 0, 0, 0, shanghai), "Date"), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		{"Variant of an Array", "Variant(Array(Date), UInt8)", clickhousedriver.NewVariantWithType([]time.Time{time.Date(2024, 2, 29, 0, 0, 0, 0, shanghai)}, "Array(Date)"), source.JSON(`["2024-02-29"]`)},
		{"NULL of Variant", "Variant(String, UInt8)", clickhousedriver.NewVariant(nil), nil},
		{"Dynamic", "Dynamic", clickhousedriver.NewDynamicWithType("x", "String"), "x"},
		{"Polygon", "Polygon", [][][2]float64{{{0, 0}, {1.5, 2}}}, source.JSON("[[[0,0],[1.5,2]]]")},
		{"SimpleAggregateFunction", "SimpleAggregateFunction(max, Date)", time.Date(2024, 2, 29, 0, 0, 0, 0, shanghai), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &server{column: column{"v", tt.kind}, values: []driver.Value{tt.value}}
			r, err := open(t, s, nil).Query(t.Context(), source.Query{SQL: "SELECT v"})
			if err != nil {
				t.Fatal(err)
			}
			want := &source.Result{Columns: []source.Column{{Name: "v", Type: tt.kind}}, Rows: [][]any{{tt.want}}}
			if diff := cmp.Diff(want, r, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("what is no value of the driver's is an error without its content", func(t *testing.T) {
		s := &server{column: column{"v", "Array(String)"}, values: []driver.Value{[]chan int{nil}}}
		_, err := open(t, s, nil).Query(t.Context(), source.Query{SQL: "SELECT v"})
		if err == nil || !strings.HasSuffix(err.Error(), "a value that cannot be read") {
			t.Errorf("error %v", err)
		}
	})
}

// FuzzTypes wants no type to break the reading of values.
func FuzzTypes(f *testing.F) {
	for _, s := range []string{"Int8", "Map(String, Tuple(a Nullable(Int8), `b c` DateTime('UTC')))", "Enum8('a\\'b' = 1, 'c' = -2)", "JSON(max_dynamic_paths=8, a.b Date, SKIP c)",
		"Decimal(9, 2)", "Nested(a Int8, b Array(Int8))", "Tuple(", "((((", "Time64(99)", "Decimal(1, 99999999)", "SimpleAggregateFunction(max)", "Nullable()"} {
		f.Add(s)
	}
	s := &server{}
	src := open(f, s, nil)
	f.Fuzz(func(t *testing.T, kind string) {
		for _, v := range []driver.Value{int64(1), "1.5", time.Unix(0, 0), time.Second, []any{int8(1), "x"}, map[string]any{"a": int8(1)}, decimal{"-15", 1}} {
			s.column, s.values = column{"v", kind}, []driver.Value{v}
			r, err := src.Query(t.Context(), source.Query{SQL: "SELECT v"})
			if err == nil && len(r.Rows) != 1 {
				t.Errorf("%d rows", len(r.Rows))
			}
		}
	})
}

func TestErrorsHaveKinds(t *testing.T) {
	told := func(code int32, text string) error { return &clickhousedriver.Exception{Code: code, Message: text} }
	web := func(status int, err error) error { return &clickhousedriver.HTTPError{StatusCode: status, Err: err} }
	tests := []struct {
		name  string
		err   error
		kind  source.Kind
		shown string
	}{
		{"a syntax error", told(62, "Syntax error: failed at position 10 ('x') (line 2, col 3): 'x' FROM secret. Expected one of: token, Comma. (SYNTAX_ERROR) (version 26.5.1.1 (official build))"), source.Syntax,
			"code 62: Syntax error: failed at position 10 ('x') (line 2, col 3)"},
		{"a missing table", told(60, "Unknown table expression identifier 'x' in scope SELECT 1. Maybe you meant: ['secret']. (UNKNOWN_TABLE)"), source.Syntax,
			"code 60: Unknown table expression identifier 'x' in scope SELECT 1"},
		{"a missing column over HTTP", web(404, told(47, "Unknown expression identifier `x` (UNKNOWN_IDENTIFIER)")), source.Syntax, "code 47: Unknown expression identifier `x`"},
		{"a missing database in the statement", told(81, "Database x does not exist. (UNKNOWN_DATABASE)"), source.Syntax, "code 81: Database x does not exist"},
		{"a value of a row", told(6, "Cannot parse string 'secret' as Int32. (CANNOT_PARSE_TEXT)"), source.Other, "code 6: Cannot parse a value as the type that the statement asks for"},
		{"a value of a row that formatQuery takes for a statement", told(62, "Syntax error (formatQuery): failed at position 1 (hunter2) (line 1, col 1): hunter2. (SYNTAX_ERROR)"), source.Syntax, "code 62: Syntax error: failed at position 1 (…) (line 1, col 1)"},
		{"a value of a row without quotes", told(376, "Cannot parse uuid hunter2: Cannot parse UUID from String. (CANNOT_PARSE_UUID)"), source.Other, "code 376: Cannot parse a value as the type that the statement asks for"},
		{"whatever else the server says", told(36, "hunter2"), source.Other, "code 36: the server could not run the statement; the code says why"},
		{"a missing right", told(497, "bob: Not enough privileges. To execute this query, it's necessary to have the grant SELECT(a) ON t.x"), source.Denied, "code 497: the login may not read what the statement reads, or do what it does"},
		{"a write", told(164, "bob: Cannot execute query in readonly mode. (READONLY)"), source.Denied, "code 164: the statement writes, or sets what the login may not set; the source is read-only"},
		{"a refused login", web(403, told(516, "bob: Authentication failed: password is incorrect")), source.Denied, "code 516: the server refused the login"},
		{"an old server's refusal", told(193, "Wrong password for user bob"), source.Denied, "code 193: the server refused the login"},
		{"an address", told(195, "User bob is not allowed to connect from address 10.0.0.7"), source.Denied, "code 195: the server does not let this host in"},
		{"a quota", told(201, "Quota for user `bob` for 3600s has been exceeded"), source.Unavailable, "code 201: the login's quota is used up; try again later"},
		{"too many statements", told(202, "Too many simultaneous queries. Maximum: 100"), source.Unavailable, "code 202: the server has too many statements or is overloaded; lower MaxOpenConns or try again"},
		{"a shard that is gone", told(279, "All connection tries failed: 10.0.0.7:9000"), source.Unavailable, "code 279: the server is shutting down, or has lost another that it needs"},
		{"the server's time limit", told(159, "Timeout exceeded: elapsed 1.2 seconds"), source.Timeout, "code 159: the server's time limit ended the statement"},
		{"a kill", told(394, "Query was cancelled"), source.Canceled, "code 394: the statement was killed on the server"},
		{"memory", told(241, "Memory limit (for query) exceeded: would use 9.31 GiB"), source.Other, "code 241: the server's memory limit ended the statement; let it read or sort less"},
		{"a limit", told(396, "Limit for result exceeded, max rows: 10.00, current rows: 20.00. (TOO_MANY_ROWS_OR_BYTES)"), source.Other, "code 396: Limit for result exceeded, as the server or the login sets it"},
		{"a gateway", web(502, errors.New("<html>10.0.0.7</html>")), source.Unavailable, "code HTTP 502: what answered is not ClickHouse, or a gateway before it"},
		{"a gateway that wants a login", web(401, errors.New("no")), source.Denied, "code HTTP 401: what answered is not ClickHouse, or a gateway before it"},
		{"a column that the driver cannot read", &clickhousedriver.OpError{ColumnName: "v", Err: errors.New("converting secret")}, source.Other, `the driver cannot read the column "v"; convert it in the statement`},
		{"a lost connection", io.ErrUnexpectedEOF, source.Unavailable, "the connection was lost"},
		{"whatever else", errors.New("dial 10.0.0.7"), source.Unavailable, "the connection failed, or what answered does not speak the protocol of the DSN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := open(t, &server{fail: tt.err}, nil).Query(t.Context(), source.Query{SQL: "SELECT 'x' FROM `x`"})
			wantError(t, err, tt.kind, ": query: "+tt.shown)
		})
	}
	t.Run("a missing database of the login", func(t *testing.T) {
		_, err := open(t, &server{dial: told(81, "Database secret does not exist")}, nil).Query(t.Context(), source.Query{SQL: "SELECT 1"})
		wantError(t, err, source.Denied, "code 81: the database does not exist, or is not for this login")
	})
}

func wantError(t *testing.T, err error, kind source.Kind, shown string) {
	t.Helper()
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.HasSuffix(err.Error(), shown) {
		t.Errorf("error %v of %T, want kind %v and %q", err, err, kind, shown)
	}
}

func TestACutStatementGivesUpItsConnection(t *testing.T) {
	s := &server{column: column{"v", "Int64"}, values: []driver.Value{int64(1)}, more: true}
	sess, err := open(t, s, nil).Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer sess.Close()
	for range 2 {
		r, err := sess.Query(t.Context(), source.Query{SQL: "SELECT v", MaxRows: 3})
		if err != nil || len(r.Rows) != 3 || !r.Truncated {
			t.Fatalf("%v, %v", r, err)
		}
	}
	want := []string{"connected", "SELECT toInt32(getSetting('readonly'))", "SELECT v", "closed", "connected", "SELECT v", "closed"}
	if diff := cmp.Diff(want, s.sent()); diff != "" {
		t.Errorf("what was sent (-want +got):\n%s", diff)
	}
}

func TestAStatementWhoseContextEndsGivesUpItsConnection(t *testing.T) {
	s := &server{hang: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.hang
		cancel()
	}()
	_, err := open(t, s, nil).Query(ctx, source.Query{SQL: "SELECT v"})
	wantError(t, err, source.Canceled, "context canceled")
	if sent := s.sent(); sent[len(sent)-1] != "closed" {
		t.Errorf("sent %q", sent)
	}
}

func TestAnErrorOfTheServersKeepsTheConnection(t *testing.T) {
	s := &server{fail: &clickhousedriver.Exception{Code: 60, Message: "no table"}}
	src := open(t, s, nil)
	for range 2 {
		_, err := src.Query(t.Context(), source.Query{SQL: "SELECT v"})
		wantError(t, err, source.Syntax, "no table")
	}
	want := []string{"connected", "SELECT toInt32(getSetting('readonly'))", "SELECT v", "SELECT v"}
	if diff := cmp.Diff(want, s.sent()); diff != "" {
		t.Errorf("what was sent (-want +got):\n%s", diff)
	}
}

func TestADescriptionWithoutColumnsIsAnError(t *testing.T) {
	s := &server{blank: true}
	_, err := open(t, s, nil).Query(t.Context(), source.Query{SQL: "SELECT v"})
	wantError(t, err, source.Other, "columns: the server sent a value that cannot be read")
	if sent := s.sent(); len(sent) != 4 {
		t.Errorf("sent %q", sent)
	}
}

func TestAResultWithoutColumnsIsDescribed(t *testing.T) {
	s := &server{}
	src := open(t, s, nil)
	if _, err := src.Query(t.Context(), source.Query{SQL: "SELECT v -- why"}); err != nil {
		t.Fatal(err)
	}
	if sent := s.sent(); sent[len(sent)-1] != "DESCRIBE TABLE view(SELECT v -- why\n)" {
		t.Errorf("sent %q", sent)
	}
}

func TestResultsKeepToTheirBudget(t *testing.T) {
	s := &server{column: column{"v", "String"}, values: []driver.Value{strings.Repeat("x", 1000)}, more: true}
	_, err := open(t, s, &clickhouse.Options{MaxBytes: 5_000}).Query(t.Context(), source.Query{SQL: "SELECT v"})
	wantError(t, err, source.Other, "more than 5000 bytes; select fewer rows or columns, or raise MaxBytes")
}

func TestCommentsNest(t *testing.T) {
	d := clickhouse.New(nil, nil).Dialect()
	script, err := source.Parse("SELECT 1 AS one /* old: /* x */ , '${r}' AS r */", d)
	if err != nil || len(script.Params()) != 0 {
		t.Errorf("a parameter in a comment: %q, error %v", script.Params(), err)
	}
	if script, err = source.Parse("SELECT 1 /* /* */ ; SELECT 2 */", d); err != nil || len(script.Statements) != 1 {
		t.Errorf("a semicolon in a comment makes %d statements, error %v", len(script.Statements), err)
	}
}

func TestOpenDoesNotRepeatTheDSN(t *testing.T) {
	for _, dsn := range []string{"", "canary-2277", "clickhouse://u:canary-2277@h:x/d", "http://u:canary-2277@h:1/d?secure=true", "clickhouse://u:canary-2277@h:1/d?dial_timeout=canary", "://canary-2277"} {
		_, err := clickhouse.Open(dsn, nil)
		var e *source.Error
		if !errors.As(err, &e) || strings.Contains(err.Error(), "canary") {
			t.Errorf("DSN %q: error %v", dsn, err)
		}
	}
}
