package mysql_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	driverpkg "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/mysql"
)

// server answers the statements of a host's handle and keeps what it was sent,
// with the number of the connection in front.
type server struct {
	mode    string
	letters string
	column  column
	values  []driver.Value // a row each; repeated for ever if endless
	more    bool
	fail    error
	hang    chan struct{} // closed once a statement hangs

	prepares  bool
	refuses   error // to prepare
	arguments int

	mu   sync.Mutex
	next int64
	log  []string
}

type column struct {
	name, kind string
	digits     int64
}

func (s *server) Connect(context.Context) (driver.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	c := &conn{server: s, id: s.next}
	if s.prepares {
		return preparing{c}, nil
	}
	return c, nil
}

func (s *server) Driver() driver.Driver { return nil }

func (s *server) note(id int64, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, string(rune('0'+id))+" "+text)
}

func (s *server) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

type conn struct {
	*server
	id int64
}

func (c *conn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("nothing is prepared") }
func (c *conn) Begin() (driver.Tx, error)           { return nil, errors.New("unused") }
func (c *conn) Close() error                        { c.note(c.id, "closed"); return nil }

func (c *conn) ExecContext(_ context.Context, text string, _ []driver.NamedValue) (driver.Result, error) {
	c.note(c.id, text)
	return driver.ResultNoRows, nil
}

func (c *conn) QueryContext(ctx context.Context, text string, _ []driver.NamedValue) (driver.Rows, error) {
	if strings.HasPrefix(text, "SELECT CONNECTION_ID()") {
		return &rows{columns: []column{{"id", "BIGINT", 0}, {"mode", "VARCHAR", 0}, {"version", "VARCHAR", 0}, {"client", "VARCHAR", 0}, {"connection", "VARCHAR", 0}, {"results", "VARCHAR", 0}},
			table: [][]driver.Value{{c.id, c.mode, "10.11-MariaDB", c.letters, "utf8mb4", nil}}}, nil
	}
	c.note(c.id, text)
	if c.hang != nil {
		close(c.hang)
		<-ctx.Done()
		return nil, driver.ErrBadConn
	}
	if c.fail != nil {
		return nil, c.fail
	}
	r := &rows{columns: []column{c.column}, more: c.more}
	for _, v := range c.values {
		r.table = append(r.table, []driver.Value{v})
	}
	return r, nil
}

// preparing is a connection to a server that prepares statements.
type preparing struct{ *conn }

func (c preparing) PrepareContext(_ context.Context, text string) (driver.Stmt, error) {
	c.note(c.id, "prepare "+text)
	if c.refuses != nil {
		return nil, c.refuses
	}
	return &statement{preparing: c, text: text}, nil
}

type statement struct {
	preparing
	text string
}

func (s *statement) NumInput() int { return s.arguments }
func (s *statement) Close() error  { s.note(s.id, "forget it"); return nil }
func (s *statement) Exec([]driver.Value) (driver.Result, error) {
	return nil, errors.New("unused")
}
func (s *statement) Query([]driver.Value) (driver.Rows, error) { return nil, errors.New("unused") }
func (s *statement) QueryContext(ctx context.Context, _ []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, "execute "+s.text, nil)
}

type rows struct {
	columns []column
	table   [][]driver.Value
	more    bool
	at      int
	buffer  []byte
}

func (r *rows) Columns() []string {
	var names []string
	for _, c := range r.columns {
		names = append(names, c.name)
	}
	return names
}

func (r *rows) ColumnTypeDatabaseTypeName(i int) string { return r.columns[i].kind }
func (r *rows) ColumnTypePrecisionScale(i int) (int64, int64, bool) {
	return r.columns[i].digits, r.columns[i].digits, true
}
func (r *rows) Close() error { return nil }
func (r *rows) Next(dest []driver.Value) error {
	if r.at == len(r.table) {
		if !r.more {
			return io.EOF
		}
		r.at = 0
	}
	copy(dest, r.table[r.at])
	for i, v := range dest {
		if b, ok := v.([]byte); ok {
			r.buffer = append(r.buffer[:0], b...) // the next row's too
			dest[i] = r.buffer
		}
	}
	r.at++
	return nil
}

func open(t testing.TB, s *server, o *mysql.Options) *mysql.Source {
	t.Helper()
	db := sql.OpenDB(s)
	t.Cleanup(func() { db.Close() })
	return mysql.New(db, o)
}

func TestWhatTheDriverHandsOutBecomesACell(t *testing.T) {
	utc := time.UTC
	tests := []struct {
		name, kind string
		value      driver.Value
		want       any
	}{
		{"a DECIMAL", "DECIMAL", []byte("-12.50"), source.Decimal("-12.50")},
		{"an unsigned BIGINT as number", "UNSIGNED BIGINT", int64(7), uint64(7)},
		{"an unsigned BIGINT as text", "UNSIGNED BIGINT", []byte("18446744073709551615"), uint64(18446744073709551615)},
		{"an unsigned BIGINT as such", "UNSIGNED BIGINT", uint64(18446744073709551615), uint64(18446744073709551615)},
		{"a BIT", "BIT", []byte{1, 5}, uint64(261)},
		{"a FLOAT", "FLOAT", float32(0.1), 0.1},
		{"a DOUBLE", "DOUBLE", 0.1, 0.1},
		{"a VARCHAR", "VARCHAR", []byte("it's"), "it's"},
		{"an empty BLOB", "BLOB", []byte{}, []byte{}},
		{"a BLOB", "BLOB", []byte{0, 255}, []byte{0, 255}},
		{"a JSON", "JSON", []byte(`{"a": 1}`), source.JSON(`{"a": 1}`)},
		{"a DATE", "DATE", []byte("2024-02-29"), time.Date(2024, 2, 29, 0, 0, 0, 0, utc)},
		{"a DATETIME", "DATETIME", []byte("2024-01-02 08:09:10.123456"), time.Date(2024, 1, 2, 8, 9, 10, 123456000, utc)},
		{"a TIMESTAMP that the handle has read", "TIMESTAMP", time.Date(2024, 1, 2, 8, 0, 0, 0, utc), time.Date(2024, 1, 2, 8, 0, 0, 0, utc)},
		{"a zero date", "DATE", []byte("0000-00-00"), "0000-00-00"},
		{"a date without a day", "DATE", []byte("2024-01-00"), "2024-01-00"},
		{"a zero date that the handle has read", "DATE", time.Time{}, "0000-00-00"},
		{"a zero time that the handle has read", "DATETIME", time.Time{}, "0000-00-00 00:00:00"},
		{"a TIME", "TIME", []byte("-838:59:59"), "-838:59:59"},
		{"NULL", "DATETIME", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &server{column: column{name: "v", kind: tt.kind}, values: []driver.Value{tt.value}}
			r, err := open(t, s, nil).Query(t.Context(), source.Query{SQL: "SELECT v"})
			if err != nil {
				t.Fatal(err)
			}
			want := &source.Result{Columns: []source.Column{{Name: "v", Type: tt.kind}}, Rows: [][]any{{tt.want}}}
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzDates(f *testing.F) {
	for _, s := range []string{"2024-01-02", "0000-00-00", "2024-01-02 08:09:10", "2024-01-02 08:09:10.123456", "2024-13-01", "-838:59:59", ""} {
		f.Add(s)
	}
	s := &server{column: column{name: "v", kind: "DATETIME"}}
	src := open(f, s, nil)
	f.Fuzz(func(t *testing.T, text string) {
		s.values = []driver.Value{[]byte(text)}
		r, err := src.Query(t.Context(), source.Query{SQL: "SELECT v"})
		if err != nil {
			t.Fatal(err)
		}
		switch v := r.Rows[0][0].(type) {
		case string:
			if v != text {
				t.Errorf("%q became %q", text, v)
			}
		case time.Time:
			if !strings.HasPrefix(text, v.Format("2006-01-02")) {
				t.Errorf("%q became %v", text, v)
			}
		default:
			t.Errorf("%q became a %T", text, v)
		}
	})
}

func TestStatementsRunInAReadOnlyTransactionWhereThereIsOne(t *testing.T) {
	for mode, want := range map[mysql.Mode][]string{
		mysql.MySQL:     {"1 START TRANSACTION READ ONLY", "1 SELECT v", "1 ROLLBACK"},
		mysql.StarRocks: {"1 SELECT v"},
		mysql.Doris:     {"1 SELECT v"},
	} {
		s := &server{column: column{name: "v", kind: "INT"}}
		if _, err := open(t, s, &mysql.Options{Mode: mode}).Query(t.Context(), source.Query{SQL: "SELECT v"}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, s.sent()); diff != "" {
			t.Errorf("mode %d (-want +got):\n%s", mode, diff)
		}
	}
}

func TestStatementsArePreparedWhereTheServerWill(t *testing.T) {
	const begin, end = "1 START TRANSACTION READ ONLY", "1 ROLLBACK"
	for name, tt := range map[string]struct {
		server *server
		mode   mysql.Mode
		want   []string
		err    string
	}{
		"MySQL":     {server: &server{}, want: []string{begin, "1 prepare SELECT v", "1 execute SELECT v", "1 forget it", end}},
		"StarRocks": {server: &server{}, mode: mysql.StarRocks, want: []string{"1 SELECT v"}},
		"Doris":     {server: &server{}, mode: mysql.Doris, want: []string{"1 SELECT v"}},
		"MySQL that will not": {server: &server{refuses: &driverpkg.MySQLError{Number: 1295}},
			want: []string{begin, "1 prepare SELECT v", "1 SELECT v", end}},
		"MySQL that sees an argument": {server: &server{arguments: 1},
			want: []string{begin, "1 prepare SELECT v", "1 forget it", "1 SELECT v", end}},
		"a statement that fails": {server: &server{fail: &driverpkg.MySQLError{Number: 1242}},
			want: []string{begin, "1 prepare SELECT v", "1 execute SELECT v", "1 forget it", end}, err: "code 1242"},
		"a kill": {server: &server{refuses: &driverpkg.MySQLError{Number: 1317}},
			want: []string{begin, "1 prepare SELECT v", end}, err: "killed"},
		"a lock": {server: &server{refuses: &driverpkg.MySQLError{Number: 1205}},
			want: []string{begin, "1 prepare SELECT v", end}, err: "the wait for a lock"},
		"MySQL that knows no such command": {server: &server{refuses: &driverpkg.MySQLError{Number: 1047, SQLState: [5]byte([]byte("08S01"))}},
			want: []string{begin, "1 prepare SELECT v", "1 SELECT v", end}},
		"a lost connection": {server: &server{refuses: driver.ErrBadConn},
			want: []string{begin, "1 prepare SELECT v", "1 closed"}, err: "the connection was lost"},
		"a time whose digits are open": {server: &server{column: column{kind: "DATETIME", digits: 39}},
			want: []string{begin, "1 prepare SELECT v", "1 execute SELECT v", "1 forget it", "1 closed", "2 KILL QUERY 1", "2 START TRANSACTION READ ONLY", "2 SELECT v", "2 ROLLBACK"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tt.server
			s.prepares, s.values = true, []driver.Value{nil}
			_, err := open(t, s, &mysql.Options{Mode: tt.mode}).Query(t.Context(), source.Query{SQL: "SELECT v"})
			if (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, s.sent()); diff != "" {
				t.Errorf("what was sent (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPreparedNumberHasTheDigitsThatTheServerShows(t *testing.T) {
	third := 1.0 / 3
	for name, tt := range map[string]struct {
		column column
		value  driver.Value
		want   any
	}{
		"FLOAT":                         {column{"v", "FLOAT", 31}, float32(third), 0.333333},
		"a large FLOAT":                 {column{"v", "FLOAT", 31}, float32(16777217), 16777200.0},
		"FLOAT(7,2)":                    {column{"v", "FLOAT", 2}, float32(1234.5), 1234.5},
		"DOUBLE":                        {column{"v", "DOUBLE", 31}, third, third},
		"DOUBLE of MariaDB":             {column{"v", "DOUBLE", 39}, third, third},
		"DOUBLE(10,2)":                  {column{"v", "DOUBLE", 2}, 0.30000000000000004, 0.3},
		"a server that tells no digits": {column{"v", "DOUBLE", 0}, 1.5, 1.5},
		"NULL":                          {column{"v", "DOUBLE", 2}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{prepares: true, column: tt.column, values: []driver.Value{tt.value}}
			r, err := open(t, s, nil).Query(t.Context(), source.Query{SQL: "SELECT v"})
			if err != nil || r.Rows[0][0] != tt.want {
				t.Errorf("%v became %v, %v; want %v", tt.value, r, err, tt.want)
			}
		})
	}
}

func TestEqualNeighboursBecomeEqualCells(t *testing.T) {
	long := strings.Repeat("x", 200)
	s := &server{column: column{name: "v", kind: "VARCHAR"}}
	var want [][]any
	for _, v := range []any{"", "a", "a", nil, "a", "b", "ab", long, long, "ab", "a", ""} {
		want = append(want, []any{v})
		if text, ok := v.(string); ok {
			s.values = append(s.values, []byte(text))
		} else {
			s.values = append(s.values, nil)
		}
	}
	r, err := open(t, s, nil).Query(t.Context(), source.Query{SQL: "SELECT v"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, r.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestACutStatementIsKilledByAnotherConnection(t *testing.T) {
	s := &server{column: column{name: "v", kind: "INT"}, values: []driver.Value{int64(1)}, more: true}
	r, err := open(t, s, nil).Query(t.Context(), source.Query{SQL: "SELECT v", MaxRows: 3})
	if err != nil || len(r.Rows) != 3 || !r.Truncated {
		t.Fatalf("%v, %v", r, err)
	}
	if diff := cmp.Diff([]string{"1 START TRANSACTION READ ONLY", "1 SELECT v", "1 closed", "2 KILL QUERY 1"}, s.sent()); diff != "" {
		t.Errorf("what was sent (-want +got):\n%s", diff)
	}
}

func TestAStatementWhoseContextEndsIsKilledByAnotherConnection(t *testing.T) {
	s := &server{hang: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.hang
		cancel()
	}()
	_, err := open(t, s, nil).Query(ctx, source.Query{SQL: "SELECT v"})
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != source.Canceled {
		t.Errorf("error %v", err)
	}
	if sent := s.sent(); sent[len(sent)-1] != "2 KILL QUERY 1" {
		t.Errorf("sent %q", sent)
	}
}

func TestResultsKeepToTheirBudget(t *testing.T) {
	s := &server{column: column{name: "v", kind: "BLOB"}, values: []driver.Value{make([]byte, 1000)}, more: true}
	_, err := open(t, s, &mysql.Options{MaxBytes: 5_000}).Query(t.Context(), source.Query{SQL: "SELECT v"})
	if err == nil || !strings.Contains(err.Error(), "more than 5000 bytes") {
		t.Errorf("error %v", err)
	}
}

func TestErrorsHaveKinds(t *testing.T) {
	state := func(s string) (a [5]byte) { copy(a[:], s); return a }
	tests := []struct {
		name  string
		mode  mysql.Mode
		err   error
		kind  source.Kind
		shown string
	}{
		{"a refused login", mysql.MySQL, &driverpkg.MySQLError{Number: 1045, SQLState: state("28000"), Message: "Access denied for user 'bob'@'10.0.0.7'"}, source.Denied, "code 1045: the server refused the login"},
		{"an unknown database", mysql.MySQL, &driverpkg.MySQLError{Number: 1049, SQLState: state("42000"), Message: "Unknown database 'x'"}, source.Denied, "code 1049: the database does not exist, or is not for this login"},
		{"a missing permission", mysql.MySQL, &driverpkg.MySQLError{Number: 1142, SQLState: state("42000"), Message: "SELECT command denied to user 'bob'@'10.0.0.7'"}, source.Denied, "code 1142: the login may not read what the statement reads, or do what it does"},
		{"a syntax error", mysql.MySQL, &driverpkg.MySQLError{Number: 1064, SQLState: state("42000"), Message: "near 'x' at line 1"}, source.Syntax, "code 1064: near 'x' at line 1"},
		{"a missing table", mysql.MySQL, &driverpkg.MySQLError{Number: 1146, SQLState: state("42S02"), Message: "Table 't.x' doesn't exist"}, source.Syntax, "code 1146: Table 'x' doesn't exist"},
		{"an ambiguous column", mysql.MySQL, &driverpkg.MySQLError{Number: 1052, SQLState: state("23000"), Message: "Column 'a' is ambiguous"}, source.Syntax, "code 1052: Column 'a' is ambiguous"},
		{"a value of a row", mysql.MySQL, &driverpkg.MySQLError{Number: 1292, SQLState: state("22007"), Message: "Truncated incorrect value: 'secret'"}, source.Other, "code 1292: a value cannot be read as the type that the statement asks for"},
		{"what a function says", mysql.MySQL, &driverpkg.MySQLError{Number: 1644, SQLState: state("42000"), Message: "hunter2 is not welcome"}, source.Other, "code 1644: a function raised an error"},
		{"a name that is a value", mysql.MySQL, &driverpkg.MySQLError{Number: 1059, SQLState: state("42000"), Message: "Identifier name 'hunter2' is too long"}, source.Syntax, "code 1059: Identifier name … is too long"},
		{"a kill", mysql.MySQL, &driverpkg.MySQLError{Number: 1317, SQLState: state("70100")}, source.Canceled, "code 1317: the statement was killed on the server"},
		{"MySQL's time limit", mysql.MySQL, &driverpkg.MySQLError{Number: 3024, SQLState: state("HY000")}, source.Timeout, "code 3024: the server's time limit ended the statement"},
		{"too many connections", mysql.MySQL, &driverpkg.MySQLError{Number: 1040, SQLState: state("08004")}, source.Unavailable, "code 1040: the server has too many connections or blocks this host; lower MaxOpenConns or try again"},
		{"a shutdown", mysql.MySQL, &driverpkg.MySQLError{Number: 1053, SQLState: state("08S01")}, source.Unavailable, "code 1053: the server ended the connection"},
		{"a lost connection", mysql.MySQL, driverpkg.ErrInvalidConn, source.Unavailable, "the connection was lost"},
		{"StarRocks' time limit", mysql.StarRocks, &driverpkg.MySQLError{Number: 1064, SQLState: state("HY000"), Message: "Query reached its timeout of 1 seconds"}, source.Timeout, "code 1064: the server's time limit ended the statement"},
		{"StarRocks' syntax error", mysql.StarRocks, &driverpkg.MySQLError{Number: 1064, SQLState: state("HY000"), Message: "Unexpected input 'x'"}, source.Syntax, "code 1064: Unexpected input 'x'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := open(t, &server{fail: tt.err}, &mysql.Options{Mode: tt.mode}).Query(t.Context(), source.Query{SQL: "SELECT 'x', a FROM x"})
			var e *source.Error
			if !errors.As(err, &e) || e.Kind != tt.kind || !strings.HasSuffix(err.Error(), ": query: "+tt.shown) {
				t.Errorf("error %v of %T, want kind %v and %q", err, err, tt.kind, tt.shown)
			}
		})
	}
}

func TestAHandleWithOtherQuotesIsRefused(t *testing.T) {
	_, err := open(t, &server{mode: "STRICT_TRANS_TABLES,ANSI_QUOTES"}, nil).Query(t.Context(), source.Query{SQL: "SELECT 1"})
	if err == nil || !strings.Contains(err.Error(), "ANSI_QUOTES") {
		t.Errorf("error %v", err)
	}
}

func TestAHandleWhoseLettersHoldBackslashesIsRefused(t *testing.T) {
	for letters, ok := range map[string]bool{"utf8mb4": true, "utf8": true, "utf8mb3": true, "": true, "gbk": false, "sjis": false, "latin1": false} {
		s := &server{letters: letters, column: column{name: "v", kind: "INT"}}
		_, err := open(t, s, nil).Query(t.Context(), source.Query{SQL: "SELECT v"})
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "character set is "+letters) {
			t.Errorf("%q: error %v", letters, err)
		}
	}
}

func TestCommentsAreThoseOfTheMode(t *testing.T) {
	tests := []struct {
		sql         string
		mysql       []string // the parameters, or nil when it is refused
		other       []string
		refusedText string // what StarRocks and Doris are told
	}{
		{"SELECT 1 -- '${a}'", []string{}, []string{}, ""},
		{"SELECT 1 --\x7f'${a}'", []string{}, []string{}, ""},
		{"SELECT a FROM t\n--WHERE region = '${a}'", []string{"a"}, []string{}, ""},
		{"SELECT 1 # '${a}'", []string{}, nil, "# begins a comment on some servers only"},
		{"SELECT 1 /* /* */ , '${a}' /* */", []string{"a"}, nil, "a comment has /* in it"},
		{"SELECT 1 -- \\\n, '${a}'", []string{"a"}, nil, `a comment ends in \`},
		{"SELECT 1 AS R'${a}'", []string{"a"}, nil, "R stands right before a quote"},
	}
	for _, tt := range tests {
		for _, mode := range []mysql.Mode{mysql.MySQL, mysql.StarRocks, mysql.Doris} {
			d := mysql.New(nil, &mysql.Options{Mode: mode}).Dialect()
			want, refusal := tt.mysql, ""
			if mode != mysql.MySQL {
				want, refusal = tt.other, tt.refusedText
			}
			script, err := source.Parse(tt.sql, d)
			if want == nil {
				if err == nil || !strings.Contains(err.Error(), refusal) {
					t.Errorf("%s: %q: error %v, want %q", d.Name, tt.sql, err, refusal)
				}
				continue
			}
			if got := script.Params(); err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s: %q: parameters %q, error %v, want %q", d.Name, tt.sql, got, err, want)
			}
		}
	}
}

func TestOpenDoesNotRepeatTheDSN(t *testing.T) {
	for _, dsn := range []string{"canary-2277", "u:canary-2277@tcp(h:1)/d?tls=canary-2277", "u:canary-2277@tcp(h:1)/d?loc=%zz", "u:canary-2277@tcp(h:1)"} {
		_, err := mysql.Open(dsn, nil)
		var e *source.Error
		if !errors.As(err, &e) || strings.Contains(err.Error(), "canary") {
			t.Errorf("error %v", err)
		}
	}
}
