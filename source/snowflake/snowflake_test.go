package snowflake_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/snowflakedb/gosnowflake"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/snowflake"
	"github.com/datapush-go/datapush/source/snowflake/snowflakefake"
)

const late = "SELECT i FROM late" // 3,000 rows: 1,000 in the answer and a chunk

// fails wants an error of a kind whose text has all parts.
func fails(t *testing.T, err error, kind source.Kind, parts ...string) {
	t.Helper()
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("error %v (%T), want kind %v", err, err, kind)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func query(t *testing.T, s source.Source, sql string) *source.Result {
	t.Helper()
	r, err := s.Query(t.Context(), source.Query{SQL: sql})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return r
}

// jobs tells the statements' submissions, aborts and status, those that set the
// session apart.
func jobs(s *snowflakefake.Server) string {
	var all []string
	for _, j := range s.Jobs() {
		if !strings.HasPrefix(j.SQL, "ALTER") {
			all = append(all, fmt.Sprintf("%d submitted %d aborted %s", j.Submissions, j.Aborts, j.Status))
		}
	}
	return strings.Join(all, ", ")
}

// fault opens a source on an account where a statement goes wrong.
func fault(t *testing.T, sql string, f snowflakefake.Faults) (*snowflakefake.Server, *snowflake.Source) {
	t.Helper()
	s := serve(t, snowflakefake.Options{})
	s.Fault(sql, f)
	return s, open(t, dsn(s, ""), nil)
}

func TestSession(t *testing.T) {
	t.Run("is what the options say, over what the DSN says", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		from := open(t, dsn(s, "&TimeZone=America%2FNew_York&statement_timeout_in_seconds=1&role=gone&rows_per_resultset=1&go_query_result_format=ARROW&ABORT_DETACHED_QUERY=true"), &snowflake.Options{
			Warehouse: "wh", Role: "analyst", TimeZone: "Asia/Tokyo", QueryTag: "daily sales", StatementTimeout: 90*time.Second + 1,
		})
		if got := query(t, from, "SELECT CURRENT_WAREHOUSE(), CURRENT_ROLE()").Rows[0]; fmt.Sprint(got) != "[WH ANALYST]" {
			t.Errorf("%v", got)
		}
		want := map[string]string{
			"TIMEZONE": "Asia/Tokyo", "STATEMENT_TIMEOUT_IN_SECONDS": "91", "ROWS_PER_RESULTSET": "10001", "GO_QUERY_RESULT_FORMAT": "JSON",
			"CLIENT_TELEMETRY_ENABLED": "false", "CLIENT_VALIDATE_DEFAULT_PARAMETERS": "true", "ABORT_DETACHED_QUERY": "true",
		}
		if diff := cmp.Diff(want, s.Sessions()[0].Parameters); diff != "" {
			t.Error(diff)
		}
		if j := s.Jobs()[0]; j.Tag != "daily sales" {
			t.Errorf("%+v", j)
		}
	})
	t.Run("is not told what another session was", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		from := open(t, dsn(s, ""), nil)
		for range 2 {
			own, err := from.Session(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer own.Close()
			query(t, own, "SELECT 1")
		}
		p := s.Sessions()
		if diff := cmp.Diff(p[0].Parameters, p[1].Parameters); diff != "" || p[1].Parameters["AUTOCOMMIT"] != "" {
			t.Error(diff)
		}
	})
	t.Run("is told where results are cut", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		from := open(t, dsn(s, ""), nil)
		own, err := from.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		for _, n := range []int{0, 10_000, 20, 20, 30_000, 0} {
			if _, err := own.Query(t.Context(), source.Query{SQL: "SELECT i FROM seq", MaxRows: n}); err != nil {
				t.Fatal(err)
			}
		}
		var set []string
		for _, j := range s.Jobs() {
			if after, ok := strings.CutPrefix(j.SQL, "ALTER SESSION SET ROWS_PER_RESULTSET = "); ok {
				set = append(set, after)
			}
		}
		if diff := cmp.Diff([]string{"21", "30001", "10001"}, set); diff != "" {
			t.Error(diff)
		}
		// Beyond the first 1,000 rows each: 9,001 twice, none, 24,000, 9,001.
		if s.RowsSent() > 9_001*3+24_000 {
			t.Errorf("%d rows sent", s.RowsSent())
		}
	})
	t.Run("is told again when it may not have heard", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, from := fault(t, "ALTER SESSION SET ROWS_PER_RESULTSET = 21", snowflakefake.Faults{Slow: -1, Asked: func(int) { cancel() }})
		own, err := from.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		_, err = own.Query(ctx, source.Query{SQL: "SELECT i FROM seq", MaxRows: 20})
		fails(t, err, source.Canceled)
		if r := query(t, own, "SELECT i FROM seq"); len(r.Rows) != 10_000 || !r.Truncated || len(s.Sessions()) != 1 {
			t.Errorf("%d rows, truncated %v", len(r.Rows), r.Truncated)
		}
	})
	t.Run("is closed when it is idle or the source ends", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		from := open(t, dsn(s, ""), nil)
		query(t, from, "SELECT 1")
		if err := from.Close(); err != nil || !s.Sessions()[0].Closed {
			t.Errorf("%v %+v", err, s.Sessions())
		}
	})
	t.Run("that the service has ended is replaced, and the statement runs", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		from := open(t, dsn(s, ""), nil)
		var idle []source.Source
		for range 4 { // as many as the pool keeps
			own, err := from.Session(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			idle = append(idle, own)
		}
		for _, own := range idle {
			own.Close()
		}
		s.Forget()
		query(t, from, "SELECT 2")
		if p := s.Sessions(); len(p) != 5 || jobs(s) != "1 submitted 0 aborted done" {
			t.Errorf("%d sessions, %s", len(p), jobs(s))
		}
	})
	t.Run("that the service ends for ever is an error", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		s.Fault("SELECT 1", snowflakefake.Faults{Code: "390111", Message: "Session no longer exists."})
		_, err := open(t, dsn(s, ""), nil).Query(t.Context(), source.Query{SQL: "SELECT 1"})
		fails(t, err, source.Unavailable, "390111", "ended the session")
	})
	t.Run("whose token is old gets a new one", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		from := open(t, dsn(s, ""), nil)
		query(t, from, "SELECT 1")
		s.Expire()
		query(t, from, "SELECT 2")
		if p := s.Sessions(); len(p) != 1 || p[0].Renewals != 1 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("whose token grows old while a statement runs gets a new one", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		s.Fault(late, snowflakefake.Faults{Slow: 5, Asked: func(n int) {
			if n == 2 {
				s.Expire()
			}
		}})
		if r := query(t, open(t, dsn(s, ""), nil), late); len(r.Rows) != 3_000 {
			t.Errorf("%d rows", len(r.Rows))
		}
		if p := s.Sessions(); p[0].Renewals != 1 || jobs(s) != "1 submitted 0 aborted done" {
			t.Errorf("%+v %s", p, jobs(s))
		}
	})
	t.Run("reports nothing about the host", func(t *testing.T) {
		s, from := fault(t, "SELECT 1", snowflakefake.Faults{Code: "100038", State: "22018", Message: "x"})
		_, _ = from.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		from.Close()
		if s.Telemetry() != 0 {
			t.Errorf("%d reports", s.Telemetry())
		}
	})
}

func TestTimesAreShownInTheZoneOfTheOptions(t *testing.T) {
	s := serve(t, snowflakefake.Options{Tables: []snowflakefake.Table{{
		Name: "T", Columns: []snowflakefake.Column{{Name: "L", Type: "TIMESTAMP_LTZ(9)"}, {Name: "N", Type: "TIMESTAMP_NTZ(9)"}, {Name: "Z", Type: "TIMESTAMP_TZ(9)"}},
		Rows: [][]any{{time.Unix(0, 0), time.Unix(0, 0), time.Unix(0, 0).In(tokyo)}},
	}}})
	for zone, want := range map[string]string{"": "1969-12-31T16:00:00-08:00", "Asia/Kolkata": "1970-01-01T05:30:00+05:30", "UTC": "1970-01-01T00:00:00Z"} {
		var got []string
		for _, v := range query(t, open(t, dsn(s, ""), &snowflake.Options{TimeZone: zone}), "SELECT * FROM t").Rows[0] {
			got = append(got, v.(time.Time).Format(time.RFC3339Nano))
		}
		if diff := cmp.Diff([]string{want, "1970-01-01T00:00:00Z", "1970-01-01T09:00:00+09:00"}, got); diff != "" {
			t.Errorf("%q: %s", zone, diff)
		}
	}
}

func TestColumns(t *testing.T) {
	s := serve(t, snowflakefake.Options{})
	from := open(t, dsn(s, ""), nil)
	got, err := from.Columns(t.Context(), `SELECT i, 1.50 AS Share, 'x' AS "mixed Case" FROM seq`)
	want := []source.Column{{Name: "I", Type: "NUMBER(38,0)"}, {Name: "SHARE", Type: "NUMBER(3,2)"}, {Name: "mixed Case", Type: "VARCHAR"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if j := s.Jobs(); len(j) != 1 || !j[0].Describe {
		t.Errorf("%+v", j)
	}
}

func TestStopping(t *testing.T) {
	for _, async := range []bool{false, true} {
		t.Run(fmt.Sprintf("a context that is cancelled aborts the statement, asynchronous %v", async), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s, from := fault(t, late, snowflakefake.Faults{Slow: -1, Async: async, Asked: func(int) { cancel() }})
			_, err := from.Query(ctx, source.Query{SQL: late})
			fails(t, err, source.Canceled)
			if jobs(s) != "1 submitted 1 aborted aborted" || !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "may") {
				t.Errorf("%s %v", jobs(s), err)
			}
		})
	}
	t.Run("a session goes on after a statement was aborted", func(t *testing.T) {
		ctx := expiring{t.Context(), make(chan struct{})}
		s, from := fault(t, late, snowflakefake.Faults{Slow: -1, Asked: func(int) { close(ctx.passed) }})
		own, err := from.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		_, err = own.Query(ctx, source.Query{SQL: late})
		fails(t, err, source.Timeout)
		query(t, own, "SELECT 1")
		if len(s.Sessions()) != 1 {
			t.Errorf("%+v", s.Sessions())
		}
	})
	t.Run("a statement that cannot be aborted is named", func(t *testing.T) {
		ctx := expiring{t.Context(), make(chan struct{})}
		s, from := fault(t, late, snowflakefake.Faults{Slow: -1, Abort503: 1_000, Asked: func(int) { close(ctx.passed) }})
		snowflake.SetGrace(from, 10*time.Millisecond)
		own, err := from.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		_, err = own.Query(ctx, source.Query{SQL: late})
		fails(t, err, source.Timeout, "statement 01ba13b4-0104-e9fd-0000-000000000001 could not be aborted and may still be running")
		if s.Running() != 1 {
			t.Errorf("%d running", s.Running())
		}
		// The driver is still busy with that session.
		query(t, own, "SELECT 1")
		if len(s.Sessions()) != 2 {
			t.Errorf("%d sessions", len(s.Sessions()))
		}
	})
	t.Run("the server's own limit", func(t *testing.T) {
		now, mu := time.Now(), sync.Mutex{}
		s := serve(t, snowflakefake.Options{Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(time.Second)
			return now
		}})
		s.Fault(late, snowflakefake.Faults{Slow: -1})
		_, err := open(t, dsn(s, ""), &snowflake.Options{StatementTimeout: 3 * time.Second}).Query(t.Context(), source.Query{SQL: late})
		fails(t, err, source.Timeout, "000630", "the server's time limit")
	})
}

func TestTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		fault snowflakefake.Faults
		jobs  string
	}{
		"a submission that is throttled":         {snowflakefake.Faults{Throttle: 1}, "1 submitted 0 aborted done"},
		"a submission while there is no service": {snowflakefake.Faults{Unavailable: 1}, "1 submitted 0 aborted done"},
		"a lost answer":                          {snowflakefake.Faults{LoseSubmit: 1}, "2 submitted 0 aborted done"},
		"a lost answer to a long statement":      {snowflakefake.Faults{LoseSubmit: 1, Slow: 2}, "2 submitted 0 aborted done"},
		"a question that fails":                  {snowflakefake.Faults{Slow: 2, FailPolls: 1}, "1 submitted 0 aborted done"},
		"a question without an answer":           {snowflakefake.Faults{Slow: 2, DropPolls: 1}, "1 submitted 0 aborted done"},
		"a chunk that fails":                     {snowflakefake.Faults{FailChunks: 1}, "1 submitted 0 aborted done"},
		"a chunk cut at a row":                   {snowflakefake.Faults{Cut: 5, CutTimes: 2}, "1 submitted 0 aborted done"},
		"a chunk cut inside a row":               {snowflakefake.Faults{Cut: 5, Inside: true, CutTimes: 2}, "1 submitted 0 aborted done"},
	} {
		t.Run(name+" is overcome", func(t *testing.T) {
			t.Parallel()
			s, from := fault(t, late, c.fault)
			r := query(t, from, late)
			if len(r.Rows) != 3_000 || r.Truncated || jobs(s) != c.jobs {
				t.Fatalf("%d rows, %v, %s", len(r.Rows), r.Truncated, jobs(s))
			}
			for n, row := range r.Rows {
				if row[0] != int64(n+1) {
					t.Fatalf("row %d is %v", n+1, row)
				}
			}
		})
	}
	for name, c := range map[string]struct {
		fault snowflakefake.Faults
		kind  source.Kind
		says  []string
		jobs  string
	}{
		"answers that stay lost": {snowflakefake.Faults{LoseSubmit: 9, Slow: -1}, source.Unavailable,
			[]string{"did not answer (the connection was lost)", "aborted the statement"}, "2 submitted 1 aborted aborted"},
		"answers that stay lost, and no way to abort": {snowflakefake.Faults{LoseSubmit: 9, Slow: -1, Abort503: 9}, source.Unavailable,
			[]string{"may be running", "not submitted again"}, "2 submitted 0 aborted aborted"},
		"questions that go on failing": {snowflakefake.Faults{Slow: -1, FailPolls: 1_000}, source.Unavailable,
			[]string{"did not answer", "aborted the statement"}, "1 submitted 1 aborted aborted"},
		"a question with half an answer": {snowflakefake.Faults{Slow: -1, CutPolls: 1}, source.Unavailable,
			[]string{"did not answer", "aborted the statement"}, "1 submitted 1 aborted aborted"},
		"a service that stays throttled": {snowflakefake.Faults{Throttle: 1_000}, source.Unavailable, []string{"did not answer"}, ""},
		"a chunk that stays cut at a row": {snowflakefake.Faults{Cut: 5}, source.Unavailable,
			[]string{"part 1 of the result broke off 3 times, at last after 5 of 2000 rows: it ended too early"}, "1 submitted 0 aborted done"},
		"a chunk that stays cut inside a row": {snowflakefake.Faults{Cut: 5, Inside: true}, source.Unavailable,
			[]string{"after 5 of 2000 rows: it ended too early"}, "1 submitted 0 aborted done"},
		"a chunk whose connection ends": {snowflakefake.Faults{Reset: 5}, source.Unavailable,
			[]string{"of 2000 rows: it ended too early"}, "1 submitted 0 aborted done"},
		"an address of a chunk that has expired": {snowflakefake.Faults{DenyChunks: 9}, source.Unavailable,
			[]string{"was refused by the storage"}, "1 submitted 0 aborted done"},
		"an unknown code": {snowflakefake.Faults{Code: "777777", State: "XX000", Message: "Value 'canary' evaporated"}, source.Other,
			[]string{"code 777777", "statement 01ba13b4", "Value … evaporated"}, "1 submitted 0 aborted failed"},
		"a code that is no number": {snowflakefake.Faults{Code: "EVAPORATED"}, source.Unavailable,
			[]string{"a code that is no number"}, "1 submitted 0 aborted failed"},
		"an unknown code that calls itself a success": {snowflakefake.Faults{Code: "333399", Lie: true}, source.Other,
			[]string{"not taken for success"}, "1 submitted 0 aborted failed"},
		"a value that cannot be read": {snowflakefake.Faults{Type: "boolean"}, source.Other,
			[]string{"a value that cannot be read"}, "1 submitted 0 aborted done"},
	} {
		t.Run(name+" is an error", func(t *testing.T) {
			t.Parallel()
			s, from := fault(t, late, c.fault)
			r, err := from.Query(t.Context(), source.Query{SQL: late})
			fails(t, err, c.kind, c.says...)
			if r != nil || jobs(s) != c.jobs {
				t.Errorf("result %v, %s; want %s", r, jobs(s), c.jobs)
			}
			if lost := errors.Is(err, snowflake.ErrSubmissionLost); lost != strings.Contains(err.Error(), "may be running") {
				t.Errorf("lost %v: %v", lost, err)
			}
			s.Fault(late, snowflakefake.Faults{})
			query(t, from, late)
		})
	}
	t.Run("an unknown type is read as text", func(t *testing.T) {
		_, from := fault(t, "SELECT 1 AS x", snowflakefake.Faults{Type: "hologram"})
		r := query(t, from, "SELECT 1 AS x")
		if diff := cmp.Diff(source.Result{Columns: []source.Column{{Name: "X", Type: "HOLOGRAM"}}, Rows: [][]any{{"1"}}}, *r); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("an answer that is none of the service's", func(t *testing.T) {
		gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Log in to the hotel</html>") }))
		defer gate.Close()
		from := open(t, "DP:x@"+strings.TrimPrefix(gate.URL, "http://")+"/DB?account=acc&protocol=http", nil)
		_, err := from.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		fails(t, err, source.Unavailable, "none of the service's")
	})
	t.Run("a host that is not there", func(t *testing.T) {
		from := open(t, "DP:x@nobody.invalid:443/DB?account=acc", &snowflake.Options{ConnectTimeout: 100 * time.Millisecond})
		_, err := from.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		fails(t, err, source.Unavailable, "the login took too long")
	})
}

// expiring is a context whose deadline passes when the test says so.
type expiring struct {
	context.Context
	passed chan struct{}
}

func (e expiring) Done() <-chan struct{} { return e.passed }

func (e expiring) Err() error {
	select {
	case <-e.passed:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestErrorsAreMapped(t *testing.T) {
	s := serve(t, snowflakefake.Options{})
	from := open(t, dsn(s, ""), nil)
	for _, c := range []struct {
		code, state, message string
		kind                 source.Kind
		says                 string
	}{
		{"003001", "42501", "SQL access control error:\nInsufficient privileges to operate on schema 'X'", source.Denied, "the role may not read"},
		{"000604", "57014", "SQL execution canceled", source.Canceled, "cancelled on the server"},
		{"000630", "57014", "Statement reached its statement or warehouse timeout of 3 second(s) and was canceled.", source.Timeout, "time limit"},
		{"000606", "57P03", "No active warehouse selected in the current session.", source.Other, "Options.Warehouse"},
		{"090073", "22000", "Warehouse 'WH' cannot be resumed because resource monitor 'M' has exceeded its quota.", source.Unavailable, "resource monitor"},
		{"100038", "22018", "Numeric value 'canary' is not recognized", source.Other, "Numeric value … is not recognized"},
		{"001003", "42000", "SQL compilation error:\nsyntax error line 1 at position 7 unexpected 'x'.", source.Syntax, "unexpected 'x'"},
		{"002003", "02000", "SQL compilation error:\nObject 'X' does not exist or not authorized.", source.Syntax, "Object 'X'"},
		{"000904", "42000", "SQL compilation error: error line 1 at position 7\ninvalid identifier 'X'", source.Syntax, "invalid identifier"},
		{"390195", "", "x", source.Denied, "refused the login"},
		{"390422", "", "IP 10.0.0.7 is not allowed", source.Denied, "a network policy"},
		{"390114", "", "Authentication token has expired.", source.Unavailable, "ended the session"},
	} {
		s.Fault("SELECT 1", snowflakefake.Faults{Code: c.code, State: c.state, Message: c.message})
		_, err := from.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		fails(t, err, c.kind, "snowflake: query: ", c.code, c.says)
		if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "10.0.0.7") {
			t.Errorf("%v", err)
		}
	}
}

func TestLimits(t *testing.T) {
	s := serve(t, snowflakefake.Options{})
	for _, n := range []int64{1_000, 40_000} { // among the first rows, and in a chunk
		_, err := open(t, dsn(s, ""), &snowflake.Options{MaxBytes: n}).Query(t.Context(), source.Query{SQL: late})
		fails(t, err, source.Other, "too large", fmt.Sprint(n))
	}
	from := open(t, dsn(s, ""), nil)
	for _, c := range []struct {
		sql       string
		max, rows int
		truncated bool
	}{
		{late, 999, 999, true}, {late, 1_000, 1_000, true}, {late, 1_001, 1_001, true}, {late, 2_999, 2_999, true}, {late, 3_000, 3_000, false},
		{"SELECT i FROM seq", 5_000, 5_000, true}, {"SELECT i FROM seq", 25_000, 25_000, false}, {"SELECT i FROM seq", math.MaxInt, 25_000, false},
	} {
		r, err := from.Query(t.Context(), source.Query{SQL: c.sql, MaxRows: c.max})
		if err != nil || len(r.Rows) != c.rows || r.Truncated != c.truncated {
			t.Errorf("%s up to %d: %d rows, %v, %v", c.sql, c.max, len(r.Rows), r.Truncated, err)
		}
	}
}

func TestHandle(t *testing.T) {
	t.Run("a handle stays the host's", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		db := handle(t, s, "&GO_QUERY_RESULT_FORMAT=JSON")
		from := snowflake.New(db, &snowflake.Options{QueryTag: "x"})
		r, err := from.Query(t.Context(), source.Query{SQL: "SELECT i FROM seq", MaxRows: 20})
		if err != nil || len(r.Rows) != 20 || !r.Truncated {
			t.Errorf("%v %v", r, err)
		}
		if err := from.Close(); err != nil {
			t.Error(err)
		}
		if rows, err := scan(t.Context(), db, "SELECT i FROM seq"); err != nil || len(rows) != 25_000 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
		if j := s.Jobs(); len(j) != 2 || j[0].Tag != "x" || j[1].Tag != "" {
			t.Errorf("%+v", j)
		}
	})
	t.Run("a handle that answers in the Arrow format is told what to change", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		s.Fault("SELECT 1", snowflakefake.Faults{Arrow: true})
		_, err := snowflake.New(handle(t, s, ""), nil).Query(t.Context(), source.Query{SQL: "SELECT 1"})
		fails(t, err, source.Other, "GO_QUERY_RESULT_FORMAT=JSON")
	})
	t.Run("a handle that is closed", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		db := handle(t, s, "&GO_QUERY_RESULT_FORMAT=JSON")
		from := snowflake.New(db, nil)
		db.Close()
		_, err := from.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		fails(t, err, source.Unavailable)
		if len(s.Jobs()) != 0 {
			t.Errorf("%+v", s.Jobs())
		}
	})
	t.Run("a handle of another driver", func(t *testing.T) {
		db := sql.OpenDB(foreign{})
		defer db.Close()
		_, err := snowflake.New(db, nil).Query(t.Context(), source.Query{SQL: "SELECT 1"})
		fails(t, err, source.Other, "not gosnowflake's")
	})
}

func TestOpenReportsAllMistakesAndNoSecret(t *testing.T) {
	for _, c := range []struct {
		dsn  string
		o    *snowflake.Options
		says []string
	}{
		{"canary:canary", nil, []string{"the DSN cannot be read"}},
		{"DP:canary@acc/DB?authenticator=canary", nil, []string{"the DSN cannot be read"}},
		{"DP:canary@acc/DB?privateKey=canary&authenticator=snowflake_jwt", nil, []string{"the DSN cannot be read"}},
		{"DP:canary@acc/DB?connectionDiagnosticsEnabled=true", nil, []string{"diagnostics"}},
		{"DP:canary@acc/DB?authenticator=oauth&token=canary", &snowflake.Options{PrivateKey: key(t)}, []string{"another way to log in"}},
		{"canary", &snowflake.Options{TimeZone: "Mars/Canary", MaxBytes: -1}, []string{"the DSN cannot be read", "TimeZone", "MaxBytes"}},
		{"DP:canary@acc/DB", &snowflake.Options{TimeZone: "Local"}, []string{"TimeZone"}},
	} {
		_, err := snowflake.Open(c.dsn, c.o)
		fails(t, err, source.Other, append(c.says, "snowflake: open")...)
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "canary") {
			t.Errorf("%q: the error repeats it: %v", c.dsn, err)
		}
	}
}

// Everything that a secret could get out by is tried with each secret in it.
func TestCanary(t *testing.T) {
	t.Parallel()
	pair := key(t)
	der, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.URLEncoding.EncodeToString(der)
	s := serve(t, snowflakefake.Options{PublicKey: &pair.PublicKey})
	var errs []error
	try := func(from source.Source, sql string) {
		_, err := from.Query(t.Context(), source.Query{SQL: sql})
		if err == nil {
			t.Errorf("%s: no error", sql)
		}
		errs = append(errs, err)
	}
	base := "@" + s.Addr + "/DB?account=acc&protocol=http&maxRetryCount=1&loginTimeout=1"
	for name, login := range map[string][2]string{
		"password": {"DP:" + password + base, password},
		"key":      {"DP" + base + "&authenticator=SNOWFLAKE_JWT&privateKey=" + text, text},
	} {
		secret := login[1]
		from := open(t, login[0], nil)
		query(t, from, "SELECT 1")
		for _, state := range []string{"42000", "22018", ""} {
			s.Fault(late, snowflakefake.Faults{Code: "001003", State: state, Message: "near '" + secret + "' at " + s.Addr + " with " + secret})
			try(from, late)
		}
		for _, f := range []snowflakefake.Faults{{Cut: 1}, {Reset: 1}, {DenyChunks: 9}, {Throttle: 9}, {LoseSubmit: 9, Abort503: 9}, {Slow: 1, CutPolls: 1}, {Code: secret}} {
			s.Fault(late, f)
			try(from, late)
		}
		s.Forget()
		s.SetPassword("another")
		try(open(t, strings.Replace(login[0], "DP", name+"x", 1), nil), "SELECT 1")
		s.SetPassword(password)
	}
	shown := fmt.Sprintf("%v %+v %#v", errs, errs, errs)
	for _, err := range errs {
		for ; err != nil; err = errors.Unwrap(err) {
			shown += fmt.Sprintf("%v %+v %#v", err, err, err)
		}
	}
	for _, c := range append(s.Tokens(), password, text, text[100:160], "eyJ", s.Addr, s.Storage, "x-amz", pair.D.String()[:40]) {
		if strings.Contains(shown, c) {
			t.Errorf("%.12s… is in an error", c)
		}
	}
}

// The driver writes what it does to stderr by itself.
func TestNothingIsWrittenToTheLog(t *testing.T) {
	var log bytes.Buffer
	logger := gosnowflake.GetLogger()
	logger.SetOutput(&log)
	t.Cleanup(func() { logger.SetOutput(os.Stderr) })
	s := serve(t, snowflakefake.Options{})
	s.Fault(late, snowflakefake.Faults{Cut: 1, Inside: true})
	from := open(t, dsn(s, ""), nil)
	for _, q := range []string{"SELECT * FROM gone", "SELECT 'canary", late} {
		if _, err := from.Query(t.Context(), source.Query{SQL: q}); err == nil {
			t.Errorf("%s: no error", q)
		}
	}
	if _, err := open(t, "DP:wrong@"+s.Addr+"/DB?account=acc&protocol=http", nil).Query(t.Context(), source.Query{SQL: "SELECT 1"}); err == nil {
		t.Error("no error")
	}
	if log.Len() > 0 {
		t.Errorf("%s", log.String())
	}
}
