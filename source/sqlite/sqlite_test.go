package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sqlite"
)

// database makes a file with a few tables and returns its path.
func database(t testing.TB, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "canary-7731.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range append([]string{"CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')"}, statements...) {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return path
}

func open(t testing.TB, dsn string, o *sqlite.Options) *sqlite.Source {
	t.Helper()
	s, err := sqlite.Open(dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestTypes(t *testing.T) {
	path := database(t, `CREATE TABLE v(b BOOLEAN, d DATE, dt DATETIME, ts TIMESTAMP, j JSON, n DECIMAL(10,2), nt DECIMAL TEXT(40,10), nu NUMERIC TEXT, x)`)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tests := []struct {
		name, column, value string
		want                any
	}{
		{"NULL", "x", "NULL", nil},
		{"NULL in a typed column", "dt", "NULL", nil},
		{"INTEGER", "x", "-9223372036854775808", int64(math.MinInt64)},
		{"REAL", "x", "0.1", 0.1},
		{"an infinity", "x", "9e999", math.Inf(1)},
		{"NaN is NULL to SQLite", "x", "9e999 - 9e999", nil},
		{"TEXT", "x", "'it''s 中文'", "it's 中文"},
		{"an empty TEXT", "x", "''", ""},
		{"BLOB", "x", "x'00ff'", []byte{0, 255}},
		{"an empty BLOB", "x", "x''", []byte{}},
		{"true", "b", "1", true},
		{"false", "b", "0", false},
		{"a number in a column BOOLEAN", "b", "2", int64(2)},
		{"a text in a column BOOLEAN", "b", "'yes'", "yes"},
		{"DATE", "d", "'2024-01-02'", time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)},
		{"DATETIME", "dt", "'2024-01-02 08:09:10.5'", time.Date(2024, 1, 2, 8, 9, 10, 5e8, time.UTC)},
		{"TIMESTAMP with an offset", "ts", "'2024-01-02 08:09:10+08:00'", time.Date(2024, 1, 2, 8, 9, 10, 0, time.FixedZone("", 8*3600))},
		{"a text that is no time", "dt", "'soon'", "soon"},
		{"a number in a column DATETIME", "dt", "1704153600", int64(1704153600)},
		{"JSON", "j", `'{"a":[1]}'`, source.JSON(`{"a":[1]}`)},
		{"a text that is no JSON", "j", "'{'", "{"},
		{"a number in a column DECIMAL is stored as REAL", "n", "12.5", 12.5},
		{"or as INTEGER", "n", "12.00", int64(12)},
		{"a decimal beyond a REAL's digits is rounded by SQLite itself", "x", "123456789012345678.25", 123456789012345680.0},
		{"a column that is DECIMAL and TEXT keeps every digit", "nt", "'-123456789012345678901234567890.1234567890'", source.Decimal("-123456789012345678901234567890.1234567890")},
		{"and so does one that is NUMERIC and TEXT", "nu", "'12.50'", source.Decimal("12.50")},
		{"a text in it that is no number", "nt", "'1e5'", "1e5"},
		{"an expression has no declared type", "x", "date('2024-01-02')", "2024-01-02"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := db.Exec(fmt.Sprintf("DELETE FROM v; INSERT INTO v(%s) VALUES (%s)", tt.column, tt.value)); err != nil {
				t.Fatal(err)
			}
			r, err := sqlite.New(db, nil).Query(t.Context(), source.Query{SQL: "SELECT " + tt.column + " FROM v"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]any{{tt.want}}, r.Rows); diff != "" {
				t.Errorf("cell (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNullIsNilInAColumnOfAnyType(t *testing.T) {
	s := open(t, database(t, "CREATE TABLE n(a BOOLEAN, b DATE, c DATETIME, d TIMESTAMP, e JSON, f DECIMAL(10,2), g NUMERIC TEXT, h INTEGER, i REAL, j TEXT, k BLOB, l)",
		"INSERT INTO n(a) VALUES (NULL)"), nil)
	r, err := s.Query(t.Context(), source.Query{SQL: "SELECT * FROM n"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]any{make([]any, 12)}, r.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func Test200QueriesAtOnceOnAPoolOf4(t *testing.T) {
	s := open(t, database(t), &sqlite.Options{MaxOpenConns: 4})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			r, err := s.Query(t.Context(), source.Query{SQL: fmt.Sprintf("SELECT %d", i)})
			if err != nil || r.Rows[0][0] != int64(i) {
				t.Errorf("query %d: %v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
}

func TestOpenDoesNotCreateAFile(t *testing.T) {
	for _, dsn := range []string{"%s?mode=rwc", "file:%s?mode=rwc", "file:%s?cache=shared&mode=rwc", "file:%s?mode=ro&m%%6fde=rw%%63", "file:%s?mode=rwc#x"} {
		path := filepath.Join(t.TempDir(), "gone.db")
		_, err := sqlite.Open(fmt.Sprintf(dsn, path), nil)
		check(t, err, source.Other, "leave mode=rwc out")
	}
	for _, dsn := range []string{"%s", "file:%s", "%s?_pragma=busy_timeout(1)", "%s?mode=ro", "%s?mode=rw", "%s?_pragma=busy_timeout(1)&mode=ro"} {
		path := filepath.Join(t.TempDir(), "gone#1.db")
		_, err := open(t, fmt.Sprintf(dsn, path), nil).Query(t.Context(), source.Query{SQL: "SELECT 1"})
		check(t, err, source.Unavailable, "")
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s was created", dsn)
		}
	}
}

func TestOpenTakesAnyPath(t *testing.T) {
	path := filepath.Join(filepath.Dir(database(t)), "50% # of.db")
	if err := os.Rename(filepath.Join(filepath.Dir(path), "canary-7731.db"), path); err != nil {
		t.Fatal(err)
	}
	r, err := open(t, path, nil).Query(t.Context(), source.Query{SQL: "SELECT name FROM t WHERE id = 2"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]any{{"b"}}, r.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// check wants a *source.Error of a kind that holds text.
func check(t *testing.T, err error, kind source.Kind, text string) {
	t.Helper()
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v (%T), want one of kind %v with %q", err, err, kind, text)
	}
	if err != nil && strings.Contains(err.Error(), "canary-7731") {
		t.Errorf("error %v shows the DSN", err)
	}
}

func TestNothingCanBeWritten(t *testing.T) {
	path := database(t)
	raw := &sqlite.Options{Raw: true}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	sources := []struct {
		name string
		s    *sqlite.Source
		kind source.Kind
	}{
		{"by the statement's text", open(t, path, nil), source.Syntax},
		{"by the connection", open(t, path, raw), source.Denied},
		{"by the connection though the DSN says otherwise", open(t, path+"?_pragma=query_only(0)", raw), source.Denied},
		{"by the host's connection", sqlite.New(db, raw), source.Denied},
	}
	for _, tt := range sources {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.s.Query(t.Context(), source.Query{SQL: "DELETE FROM t RETURNING id"})
			check(t, err, tt.kind, "")
			r, err := tt.s.Query(t.Context(), source.Query{SQL: "SELECT count(*) FROM t"})
			if err != nil || r.Rows[0][0] != int64(2) {
				t.Errorf("%v, %v", r, err)
			}
		})
	}
	t.Run("but the host's handle can again afterwards", func(t *testing.T) {
		if _, err := db.Exec("INSERT INTO t VALUES (3, 'c')"); err != nil {
			t.Error(err)
		}
	})
	t.Run("and a host that is query-only stays so", func(t *testing.T) {
		if _, err := db.Exec("PRAGMA query_only=1"); err != nil {
			t.Fatal(err)
		}
		if _, err := sqlite.New(db, nil).Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("INSERT INTO t VALUES (4, 'd')"); err == nil {
			t.Error("the host's handle may write now")
		}
	})
}

// endless never stops giving rows, silent never gives one, and late gives two and
// then no more.
const (
	endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
	silent  = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"
	late    = "SELECT id FROM t UNION ALL SELECT i FROM (" + silent + ")"
)

func TestReadingStopsAtTheLimit(t *testing.T) {
	s := open(t, database(t), nil)
	for _, limit := range []int{0, 1, 10_001} {
		want := limit
		if want == 0 {
			want = 10_000
		}
		r, err := s.Query(t.Context(), source.Query{SQL: endless, MaxRows: limit})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Rows) != want || !r.Truncated {
			t.Errorf("MaxRows %d: %d rows, truncated %v", limit, len(r.Rows), r.Truncated)
		}
	}
	r, err := s.Query(t.Context(), source.Query{SQL: "SELECT id FROM t", MaxRows: 2})
	if err != nil || r.Truncated {
		t.Errorf("as many rows as the limit: %v, %v", r, err)
	}
}

func TestReadingKeepsToItsBudget(t *testing.T) {
	s := open(t, database(t), &sqlite.Options{MaxBytes: 10_000})
	_, err := s.Query(t.Context(), source.Query{SQL: "SELECT zeroblob(1000) FROM (" + endless + ")"})
	check(t, err, source.Other, "more than 10000 bytes")
}

func TestTheContextStopsTheStatement(t *testing.T) {
	path := database(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for name, s := range map[string]*sqlite.Source{"opened": open(t, path, &sqlite.Options{MaxOpenConns: 1}), "the host's": sqlite.New(db, nil)} {
		for what, sql := range map[string]string{"before the first row": silent, "between rows": late} {
			t.Run(name+" "+what, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
				defer cancel()
				_, err := s.Query(ctx, source.Query{SQL: sql})
				check(t, err, source.Timeout, "")

				ctx, cancel = context.WithCancel(t.Context())
				stop := time.AfterFunc(20*time.Millisecond, cancel)
				defer stop.Stop()
				_, err = s.Query(ctx, source.Query{SQL: sql})
				check(t, err, source.Canceled, "")

				// The one connection is free, so the statement is over.
				if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestAWaitForAConnectionEndsWithTheContext(t *testing.T) {
	s := open(t, database(t), &sqlite.Options{MaxOpenConns: 1})
	sess, err := s.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = s.Query(ctx, source.Query{SQL: "SELECT 1"})
	check(t, err, source.Timeout, "")
	if err := sess.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
		t.Error(err)
	}
	_, err = sess.Query(t.Context(), source.Query{SQL: "SELECT 1"})
	check(t, err, source.Unavailable, "")
}

func TestErrorsHaveKinds(t *testing.T) {
	path := database(t)
	text := filepath.Join(filepath.Dir(path), "canary-7731.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, dsn, sql string
		kind           source.Kind
		text           string
	}{
		{"a syntax error", path, "SELECT FROM WHERE", source.Syntax, "code 1"},
		{"a missing table", path, "SELECT * FROM gone", source.Syntax, "no such table: gone"},
		{"a missing column", path, "SELECT gone FROM t", source.Syntax, "no such column: gone"},
		{"a statement that is no query", path, "DROP TABLE t", source.Syntax, "DROP is no query"},
		{"a second statement", path, "SELECT 1; SELECT 2", source.Syntax, "a second statement"},
		{"a file that is no database", text, "SELECT 1", source.Unavailable, "code 26"},
		{"a folder", filepath.Dir(path), "SELECT 1", source.Unavailable, ""},
		{"a parameter of the DSN", path + "?_pragma=canary-7731(", "SELECT 1", source.Syntax, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := open(t, tt.dsn, nil).Query(t.Context(), source.Query{SQL: tt.sql})
			check(t, err, tt.kind, tt.text)
		})
	}
	t.Run("a DSN that cannot be read", func(t *testing.T) {
		_, err := sqlite.Open("x?vfs=%zz&canary-7731", nil)
		check(t, err, source.Other, "sqlite: open")
	})
	t.Run("a locked database", func(t *testing.T) {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		if _, err := db.Exec("BEGIN EXCLUSIVE"); err != nil {
			t.Fatal(err)
		}
		_, err = open(t, path, nil).Query(t.Context(), source.Query{SQL: "SELECT * FROM t"})
		check(t, err, source.Unavailable, "code 5")
	})
}

func TestColumnsRunNothing(t *testing.T) {
	s := open(t, database(t), nil)
	got, err := s.Columns(t.Context(), "SELECT id, name AS n, count(*), i AS big FROM t, ("+silent+")")
	if err != nil {
		t.Fatal(err)
	}
	want := []source.Column{{Name: "id", Type: "INTEGER"}, {Name: "n", Type: "TEXT"}, {Name: "count(*)"}, {Name: "big"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	_, err = s.Columns(t.Context(), "SELECT * FROM gone")
	check(t, err, source.Syntax, "no such table")
	_, err = s.Columns(t.Context(), "DELETE FROM t")
	check(t, err, source.Syntax, "DELETE is no query")
}

func TestASessionIsOneConnection(t *testing.T) {
	raw := open(t, database(t), &sqlite.Options{Raw: true})
	sess, err := raw.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer sess.Close()
	// cache_size belongs to the connection.
	for _, q := range []string{"PRAGMA cache_size=77", "SELECT 1"} {
		if _, err := sess.Query(t.Context(), source.Query{SQL: q}); err != nil {
			t.Fatal(err)
		}
	}
	mine, err := sess.Query(t.Context(), source.Query{SQL: "SELECT cache_size FROM pragma_cache_size"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := raw.Query(t.Context(), source.Query{SQL: "SELECT cache_size FROM pragma_cache_size"})
	if err != nil {
		t.Fatal(err)
	}
	if mine.Rows[0][0] != int64(77) || other.Rows[0][0] == int64(77) {
		t.Errorf("the session's setting is %v, another connection's %v", mine.Rows[0][0], other.Rows[0][0])
	}
}

// FuzzBind asks SQLite itself whether a value stays in its place.
func FuzzBind(f *testing.F) {
	s := open(f, database(f), nil)
	script, err := source.Parse("SELECT '${v}' AS text, 1 AS \"a${v}\", 2 AS `b${v}`, 3 -- ${v}\n", s.Dialect())
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range []string{"", "'", `"`, "`", `\`, "]", "--", "*/", "a';b", "${v}", "\n"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		sql, err := script.Statements[0].Bind(s.Dialect(), map[string]string{"v": v})
		if err != nil {
			return
		}
		r, err := s.Query(t.Context(), source.Query{SQL: sql})
		if err != nil {
			t.Fatalf("%q: %v", sql, err)
		}
		if r.Rows[0][0] != v || r.Columns[1].Name != "a"+v || r.Columns[2].Name != "b"+v {
			t.Errorf("value %q came back as %q in columns %q", v, r.Rows[0][0], r.Columns)
		}
	})
}

// FuzzOutputs asks SQLite what a statement's columns are called: where the text
// tells a name, it is that one.
func FuzzOutputs(f *testing.F) {
	pieces := []string{"id", "name", "1", "'x'", "AS a", "b", "`id`", ",", "(", ")", "+", "CASE id WHEN 1 THEN 2 END", "count(*)", "*", "t.id", "-- x,\n", "/* , */",
		"FROM t", "UNION SELECT", "ORDER BY 1", "LIMIT 1", "DISTINCT", "[name]", "`t`.`id`", "IS NULL", "COLLATE nocase", "OVER ()", "sum(id)", "AND", "NOT", "x'00'", "t.*",
		"WHERE id", "GROUP BY", "WITH w AS (SELECT 1 z)", "SELECT", "NULL", "AS 'h i'", "IN (1, 2)", "BETWEEN 1 AND", "END", "offset", "AS \"j\"\"k\""}
	s := open(f, database(f), nil)
	for _, seed := range []string{"\x00\x07\x01\x11", "\x0c\x05\x11", "\x0b\x04\x07\x0e\x06\x11\x13", "\x0d\x11\x12\x02", "\x15\x00\x26\x11", "\x00\x29\x07\x01\x2a\x11"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, picks []byte) {
		text := "SELECT"
		for _, p := range picks[:min(len(picks), 30)] {
			text += " " + pieces[int(p)%len(pieces)]
		}
		script, err := source.Parse(text, s.Dialect())
		if err != nil || len(script.Statements) != 1 {
			return
		}
		outs, known := script.Statements[0].Outputs(s.Dialect())
		columns, err := s.Columns(t.Context(), text)
		if err != nil || !known {
			return
		}
		if len(outs) != len(columns) {
			t.Fatalf("%q: the text tells %v, SQLite %v", text, outs, columns)
		}
		for i, o := range outs {
			if o.Name != "" && !strings.EqualFold(o.Name, columns[i].Name) {
				t.Errorf("%q: column %d is %q by the text, %q to SQLite", text, i+1, o.Name, columns[i].Name)
			}
		}
	})
}

// A statement of a host that means raw SQL changes nothing for those after it.
func TestASessionOfRawSQLStaysQueryOnly(t *testing.T) {
	s := open(t, database(t), &sqlite.Options{Raw: true, MaxOpenConns: 1})
	session, err := s.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Query(t.Context(), source.Query{SQL: "PRAGMA query_only=0"}); err != nil {
		t.Fatal(err)
	}
	_, err = session.Query(t.Context(), source.Query{SQL: "DELETE FROM t"})
	check(t, err, source.Denied, "")
	if _, err := session.Query(t.Context(), source.Query{SQL: "PRAGMA query_only=0"}); err != nil {
		t.Fatal(err)
	}
	session.Close()
	_, err = s.Query(t.Context(), source.Query{SQL: "DELETE FROM t"})
	check(t, err, source.Denied, "")
}

// The compiler's words are about the statement; what is said later may be of a row.
func TestErrorsShowNoValue(t *testing.T) {
	s := open(t, database(t), nil)
	tests := []struct {
		sql, text string
		kind      source.Kind
	}{
		{"SELECT json_extract('{}', 'hunter' || i) FROM (SELECT 2 AS i)", "failed while it ran", source.Other},
		{"SELECT json_extract(v, '$') FROM (SELECT 'hunter2' AS v)", "malformed JSON", source.Other},
		{"SELECT sum(i) FROM (SELECT 9223372036854775807 AS i UNION ALL SELECT 1)", "integer overflow", source.Other},
		{"SELECT gone FROM t", "no such column: gone", source.Syntax},
	}
	for _, tt := range tests {
		_, err := s.Query(t.Context(), source.Query{SQL: tt.sql})
		check(t, err, tt.kind, tt.text)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %v shows a value", err)
		}
	}
}
