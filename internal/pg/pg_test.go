package pg_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/datapush-go/datapush/internal/pg"
	"github.com/datapush-go/datapush/source"
)

// conn is a connection to nothing that answers each statement with rows and keeps
// what was asked of it.
type conn struct {
	fields     []pg.Field
	values     [][]byte
	rows       int // how often values come; below zero for ever
	end        error
	begin      error
	cancel     error
	parameters map[string]string

	mu      sync.Mutex
	log     []string
	next    func(n int)   // told of each row's number
	stopped chan struct{} // closed once endless rows have an end
	once    sync.Once
	held    chan struct{} // unless nil, a cancel waits for the rows' end, which closes it
}

func (c *conn) note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, text)
}

type serverError struct{ code, text string }

func (e serverError) Error() string { return e.code + " " + e.text }

func (c *conn) Exec(_ context.Context, sql string) error {
	c.note(sql)
	if strings.HasPrefix(sql, "BEGIN") {
		return c.begin
	}
	return nil
}

func (c *conn) Query(_ context.Context, sql string) pg.Rows {
	c.note(sql)
	return &rows{conn: c, left: c.rows}
}

func (c *conn) Describe(_ context.Context, sql string) ([]pg.Field, error) {
	c.note("describe " + sql)
	return c.fields, c.end
}

func (c *conn) Cancel(context.Context) error {
	if c.held != nil {
		<-c.held
	}
	c.note("cancel")
	if c.cancel == nil && c.stopped != nil {
		c.once.Do(func() { close(c.stopped) })
	}
	return c.cancel
}

func (c *conn) Settle() { c.note("settle") }
func (c *conn) Abort() {
	c.note("abort")
	c.end = errors.New("i/o timeout")
	c.once.Do(func() { close(c.stopped) })
}
func (c *conn) Parameter(name string) string { return c.parameters[name] }
func (c *conn) Release(clean bool)           { c.note(fmt.Sprintf("release %v", clean)) }

type rows struct {
	*conn
	left int
}

func (r *rows) Fields() []pg.Field { return r.fields }
func (r *rows) Values() [][]byte   { return r.values }
func (r *rows) Next() bool {
	r.left--
	if r.next != nil {
		r.next(r.rows - r.left)
	}
	return r.left != -1
}

func (r *rows) Close() error {
	if r.rows < 0 {
		<-r.stopped
	}
	r.note("close")
	if r.held != nil {
		close(r.held)
	}
	return r.end
}

func newSource(c *conn) *pg.Source {
	return pg.New(pg.Config{
		Server: pg.Server{Name: "test", Dialect: source.ANSI}, MaxBytes: 10_000,
		Acquire: func(context.Context) (pg.Conn, error) { return c, nil },
		ServerError: func(err error) (string, string, bool) {
			var e serverError
			ok := errors.As(err, &e)
			return e.code, e.text, ok
		},
	})
}

var good = map[string]string{"standard_conforming_strings": "on", "DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "client_encoding": "UTF8"}

func TestTextForms(t *testing.T) {
	// The forms are those of the manual's chapter on data types.
	tests := []struct {
		oid  uint32
		text string
		want any
	}{
		{16, "t", true}, {16, "f", false},
		{20, "-9223372036854775808", int64(math.MinInt64)}, {26, "4294967295", int64(4294967295)}, {5069, "18446744073709551615", uint64(math.MaxUint64)},
		{700, "0.1", 0.1}, {701, "1e+300", 1e300}, {701, "NaN", math.NaN()}, {701, "-Infinity", math.Inf(-1)},
		{1700, "-12.50", source.Decimal("-12.50")}, {1700, "NaN", math.NaN()}, {1700, "Infinity", math.Inf(1)}, {1700, "-Infinity", math.Inf(-1)},
		{25, "", ""}, {25, "it's", "it's"},
		{17, `\x`, []byte{}}, {17, `\x00ff`, []byte{0, 255}}, {17, `a\000\\b\377`, []byte("a\x00\\b\xff")},
		{1082, "2024-02-29", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)}, {1082, "infinity", "infinity"}, {1082, "0044-03-15 BC", "0044-03-15 BC"},
		{1082, "12024-01-01", "12024-01-01"},
		{1114, "2024-01-02 08:09:10", time.Date(2024, 1, 2, 8, 9, 10, 0, time.UTC)},
		{1114, "2024-01-02 08:09:10.12", time.Date(2024, 1, 2, 8, 9, 10, 120_000_000, time.UTC)},
		{1184, "2024-01-02 08:09:10+00", time.Date(2024, 1, 2, 8, 9, 10, 0, time.UTC)},
		{1184, "2024-01-02 08:09:10.5+08", time.Date(2024, 1, 2, 8, 9, 10, 5e8, time.FixedZone("", 8*3600))},
		{1184, "2024-01-02 08:09:10-03:30", time.Date(2024, 1, 2, 8, 9, 10, 0, time.FixedZone("", -(3*3600+1800)))},
		{1184, "1883-11-18 12:03:57-04:56:02", time.Date(1883, 11, 18, 12, 3, 57, 0, time.FixedZone("", -(4*3600+56*60+2)))},
		{1083, "08:09:10.5", "08:09:10.5"}, {1186, "1 day 02:00:00", "1 day 02:00:00"},
		{114, `{"a": 1}`, source.JSON(`{"a": 1}`)},
		{1007, "{1,NULL,-3}", source.JSON("[1,null,-3]")}, {1007, "{}", source.JSON("[]")}, {1007, "[0:1]={7,8}", source.JSON("[7,8]")},
		{1007, "{{1,2},{3,4}}", source.JSON("[[1,2],[3,4]]")}, {1000, "{t,f,NULL}", source.JSON("[true,false,null]")},
		{1009, `{"a b","NULL",NULL,"q\"\\",x}`, source.JSON(`["a b","NULL",null,"q\"\\","x"]`)}, {1022, "{NaN,1.5}", source.JSON(`["NaN",1.5]`)},
		{3807, `{"{\"a\": 1}"}`, source.JSON(`[{"a": 1}]`)},
		{2249, `(1,"a ""b""",,"")`, source.JSON(`["1","a \"b\"",null,""]`)}, {2249, "()", source.JSON("[]")}, {2249, "(,)", source.JSON("[null,null]")},
		{99999, "sad", "sad"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %s", pg.TypeName(tt.oid), tt.text), func(t *testing.T) {
			c := &conn{fields: []pg.Field{{Name: "v", OID: tt.oid}}, values: [][]byte{[]byte(tt.text)}, rows: 1, parameters: good}
			r, err := newSource(c).Query(t.Context(), source.Query{SQL: "SELECT v"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]any{{tt.want}}, r.Rows, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("cell (-want +got):\n%s", diff)
			}
			if w, ok := tt.want.(time.Time); ok && r.Rows[0][0].(time.Time).Format(time.RFC3339Nano) != w.Format(time.RFC3339Nano) {
				t.Errorf("offset of %v, want %v", r.Rows[0][0], w)
			}
		})
	}
}

func TestTextThatCannotBeReadIsNotRepeated(t *testing.T) {
	for oid, text := range map[uint32]string{20: "sesame", 701: "sesame", 5069: "sesame", 17: `\xsesame`, 1007: "{sesame", 2249: "(sesame"} {
		c := &conn{fields: []pg.Field{{Name: "v", OID: oid}}, values: [][]byte{[]byte(text)}, rows: 1, parameters: good}
		_, err := newSource(c).Query(t.Context(), source.Query{SQL: "SELECT v"})
		var e *source.Error
		if !errors.As(err, &e) || e.Kind != source.Other || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: error %v", pg.TypeName(oid), err)
		}
	}
}

func FuzzArray(f *testing.F) {
	for _, s := range []string{"{}", "{1,NULL}", `{"a\"b",{}}`, "[0:1]={1,2}", "{{1},{2}}", "{,}", `{"`, "(1,,\"x\")"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, oid := range []uint32{1009, 3807, 2249, 1020, 1007, 1231, 1000} {
			c := &conn{fields: []pg.Field{{Name: "v", OID: oid}}, values: [][]byte{[]byte(text)}, rows: 1, parameters: good}
			r, err := newSource(c).Query(t.Context(), source.Query{SQL: "SELECT v"})
			if err != nil {
				continue
			}
			if v, ok := r.Rows[0][0].(source.JSON); ok && !json.Valid([]byte(v)) {
				t.Errorf("%s %q became %q", pg.TypeName(oid), text, string(v))
			}
		}
	})
}

func TestEveryStatementRunsInAReadOnlyTransaction(t *testing.T) {
	tests := []struct {
		name       string
		parameters map[string]string
		begin      string
	}{
		{"with settings as they are", good, "BEGIN READ ONLY"},
		{"with settings that change how text is read", map[string]string{"standard_conforming_strings": "off", "DateStyle": "German, DMY", "IntervalStyle": "iso_8601", "client_encoding": "GBK"},
			"BEGIN READ ONLY; SET LOCAL standard_conforming_strings = on; SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL client_encoding = 'UTF8'"},
		{"with settings that the server does not report", nil, "BEGIN READ ONLY; SET LOCAL standard_conforming_strings = on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &conn{parameters: tt.parameters}
			if _, err := newSource(c).Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.begin, "SELECT 1", "close", "ROLLBACK", "release true"}, c.log); diff != "" {
				t.Errorf("what was sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLiteralsAreReadAsTheDialectHasThem(t *testing.T) {
	for _, tt := range []struct {
		backslash bool
		reported  string
		begin     string
	}{
		{false, "on", "BEGIN READ ONLY"},
		{false, "off", "BEGIN READ ONLY; SET LOCAL standard_conforming_strings = on"},
		{false, "", "BEGIN READ ONLY; SET LOCAL standard_conforming_strings = on"},
		{true, "on", "BEGIN READ ONLY; SET LOCAL standard_conforming_strings = off"},
		{true, "off", "BEGIN READ ONLY"},
		{true, "", "BEGIN READ ONLY"},
	} {
		c := &conn{parameters: map[string]string{"standard_conforming_strings": tt.reported}}
		config := pg.Config{Server: pg.Server{Name: "test", Dialect: source.Dialect{Backslash: tt.backslash}},
			Acquire: func(context.Context) (pg.Conn, error) { return c, nil }, ServerError: func(error) (string, string, bool) { return "", "", false }}
		if _, err := pg.New(config).Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
			t.Fatal(err)
		}
		if c.log[0] != tt.begin {
			t.Errorf("backslashes %v, the server reports %q: %q, want %q", tt.backslash, tt.reported, c.log[0], tt.begin)
		}
	}
}

func TestASessionIsOneTransaction(t *testing.T) {
	c := &conn{parameters: good}
	s, err := newSource(c).Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
			t.Fatal(err)
		}
	}
	c.end = serverError{"42703", "no such column"}
	_, err = s.Query(t.Context(), source.Query{SQL: "SELECT gone"})
	if err == nil {
		t.Error("no error")
	}
	c.end = nil
	if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 2"}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	want := []string{"BEGIN READ ONLY", "SELECT 1", "close", "SELECT 1", "close", "SELECT gone", "close", "ROLLBACK", "BEGIN READ ONLY", "SELECT 2", "close", "ROLLBACK", "release true"}
	if diff := cmp.Diff(want, c.log); diff != "" {
		t.Errorf("what was sent (-want +got):\n%s", diff)
	}
}

func TestACutResultIsCancelled(t *testing.T) {
	endless := func() *conn {
		return &conn{stopped: make(chan struct{}), fields: []pg.Field{{Name: "v", OID: 25}}, values: [][]byte{[]byte("x")}, rows: -2, parameters: good, end: serverError{"57014", "canceling statement due to user request"}}
	}
	t.Run("and the connection is used again", func(t *testing.T) {
		c := endless()
		r, err := newSource(c).Query(t.Context(), source.Query{SQL: "SELECT 1", MaxRows: 3})
		if err != nil || len(r.Rows) != 3 || !r.Truncated {
			t.Fatalf("%v, %v", r, err)
		}
		if diff := cmp.Diff([]string{"BEGIN READ ONLY", "SELECT 1", "cancel", "close", "settle", "ROLLBACK", "release true"}, c.log); diff != "" {
			t.Errorf("what was sent (-want +got):\n%s", diff)
		}
	})
	t.Run("or given up when the server does not take the cancel", func(t *testing.T) {
		c := endless()
		c.cancel = errors.New("lost")
		if r, err := newSource(c).Query(t.Context(), source.Query{SQL: "SELECT 1", MaxRows: 3}); err != nil || !r.Truncated {
			t.Fatalf("%v, %v", r, err)
		}
		if diff := cmp.Diff([]string{"BEGIN READ ONLY", "SELECT 1", "cancel", "abort", "close", "settle", "release false"}, c.log); diff != "" {
			t.Errorf("what was sent (-want +got):\n%s", diff)
		}
	})
	t.Run("and is read to its end when a pooler holds the cancel back", func(t *testing.T) {
		c := &conn{fields: []pg.Field{{Name: "v", OID: 25}}, values: [][]byte{[]byte("x")}, rows: 9, parameters: good, held: make(chan struct{})}
		r, err := newSource(c).Query(t.Context(), source.Query{SQL: "SELECT 1", MaxRows: 3})
		if err != nil || len(r.Rows) != 3 || !r.Truncated {
			t.Fatalf("%v, %v", r, err)
		}
		if diff := cmp.Diff([]string{"BEGIN READ ONLY", "SELECT 1", "close", "cancel", "settle", "ROLLBACK", "release true"}, c.log); diff != "" {
			t.Errorf("what was sent (-want +got):\n%s", diff)
		}
	})
	t.Run("also when the budget is spent", func(t *testing.T) {
		c := endless()
		c.values = [][]byte{make([]byte, 6_000)}
		_, err := newSource(c).Query(t.Context(), source.Query{SQL: "SELECT 1"})
		if err == nil || !strings.Contains(err.Error(), "more than 10000 bytes") || !slices.Contains(c.log, "cancel") {
			t.Errorf("error %v after %q", err, c.log)
		}
	})
}

func TestTheContextCancelsTheStatement(t *testing.T) {
	c := &conn{stopped: make(chan struct{}), fields: []pg.Field{{Name: "v", OID: 25}}, values: [][]byte{[]byte("x")}, rows: -2, parameters: good,
		end: serverError{"57014", "canceling statement due to user request"}}
	s, err := newSource(c).Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.next = func(n int) {
		if n == 2 {
			cancel()
		}
	}
	_, err = s.Query(ctx, source.Query{SQL: "SELECT 1"})
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != source.Canceled {
		t.Errorf("error %v", err)
	}
	c.rows, c.end = 0, nil
	if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 2"}); err != nil {
		t.Errorf("the session's next statement: %v", err)
	}
	s.Close()
	want := []string{"BEGIN READ ONLY", "SELECT 1", "cancel", "close", "settle", "ROLLBACK", "BEGIN READ ONLY", "SELECT 2", "close", "ROLLBACK", "release true"}
	if diff := cmp.Diff(want, c.log); diff != "" {
		t.Errorf("what was sent (-want +got):\n%s", diff)
	}
}

func TestALostConnectionIsNotUsedAgain(t *testing.T) {
	c := &conn{parameters: good, end: errors.New("read tcp 10.0.0.7: connection reset")}
	s, err := newSource(c).Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		var e *source.Error
		if !errors.As(err, &e) || e.Kind != source.Unavailable || strings.Contains(err.Error(), "10.0.0.7") {
			t.Errorf("error %v", err)
		}
	}
	s.Close()
	if diff := cmp.Diff([]string{"BEGIN READ ONLY", "SELECT 1", "close", "release false"}, c.log); diff != "" {
		t.Errorf("what was sent (-want +got):\n%s", diff)
	}
}

func TestKindsOfCodes(t *testing.T) {
	tests := []struct {
		code, text string
		kind       source.Kind
		shown      string
	}{
		{"28P01", `password authentication failed for user "bob"`, source.Denied, "the server refused the login"},
		{"28000", `role "bob" does not exist`, source.Denied, "the server refused the login"},
		{"3D000", `database "x" does not exist`, source.Denied, "the database does not exist, or is not for this login"},
		{"42501", "permission denied for table t", source.Denied, "permission denied for table t"},
		{"25006", "cannot execute DELETE in a read-only transaction", source.Denied, "the statement writes; a source is read-only"},
		{"42601", `syntax error at or near "x"`, source.Syntax, `syntax error at or near "x"`},
		{"42P01", `relation "x" does not exist`, source.Syntax, `relation "x" does not exist`},
		{"0A000", "not supported", source.Syntax, "not supported"},
		{"22P02", `invalid input syntax for type integer: "secret"`, source.Other, "invalid input syntax: a value cannot be read as the type that the statement asks for"},
		{"23505", `duplicate key (name)=("a" and "b")`, source.Other, "a value does not suit what the statement does with it"},
		{"P0001", "anything at all", source.Other, "a function raised an error"},
		{"57014", "canceling statement due to statement timeout", source.Timeout, "the server's time limit ended the statement"},
		{"57014", "canceling statement due to user request", source.Canceled, "the statement was cancelled on the server"},
		{"55P03", "lock not available", source.Timeout, "the server's time limit for a lock or a transaction ended the statement"},
		{"53300", "sorry, too many clients already", source.Unavailable, "the server has too many connections; lower MaxConns or try again"},
		{"57P01", "terminating connection due to administrator command", source.Unavailable, "the server ended the connection"},
		{"57P03", "the database system is starting up", source.Unavailable, "the server is starting up or shutting down; try again"},
		{"08P01", "no such database: x", source.Unavailable, "the server or a pooler before it refused the connection or the protocol"},
		{"XX000", `internal error "x"`, source.Other, "the server could not run the statement; the code says why"},
		{"22012", "Division durch Null", source.Other, "division by zero"},
		{"42501", "permission denied for table hunter2", source.Denied, "the login may not read what the statement reads, or do what it does"},
		{"42P01", `relation "hunter2" does not exist`, source.Syntax, "relation … does not exist"},
		{"42704", `unrecognized configuration parameter "hunter2"`, source.Syntax, "unrecognized configuration parameter …"},
	}
	for _, tt := range tests {
		t.Run(tt.code+" "+tt.text, func(t *testing.T) {
			kind, err := pg.Explain(tt.code, tt.text, "SELECT x FROM t")
			if kind != tt.kind || err.Error() != tt.shown {
				t.Errorf("%v %q, want %v %q", kind, err, tt.kind, tt.shown)
			}
		})
	}
}
