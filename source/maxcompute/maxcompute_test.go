package maxcompute_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aliyun/aliyun-odps-go-sdk/odps"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/account"
	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/internal/odpsfake"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/maxcompute"
)

const four = "SELECT i FROM seq LIMIT 4"

// clock notes pauses and waits for none.
type clock struct {
	mu    sync.Mutex
	slept []time.Duration
	on    func(n int)
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.slept = append(c.slept, d)
	n := len(c.slept)
	c.mu.Unlock()
	if c.on != nil {
		c.on(n)
	}
	return ctx.Err()
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

// fault opens a source on a service where a statement goes wrong.
func fault(t *testing.T, sql string, f odpsfake.Faults, o maxcompute.Options) (*odpsfake.Server, *maxcompute.Source) {
	t.Helper()
	s := serve(t, odpsfake.Options{Readable: true})
	s.Fault(sql, f)
	if o.Sleep == nil {
		o.Sleep = (&clock{}).sleep
	}
	return s, open(t, dsn(s), o)
}

func query(t *testing.T, s source.Source, sql string) *source.Result {
	t.Helper()
	r, err := s.Query(t.Context(), source.Query{SQL: sql})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return r
}

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

func statuses(s *odpsfake.Server) string {
	var all []string
	for _, j := range s.Jobs() {
		all = append(all, fmt.Sprint(j.Status, j.Cancels))
	}
	return strings.Join(all, " ")
}

func TestWaiting(t *testing.T) {
	t.Run("pauses grow up to the longest and are the host's", func(t *testing.T) {
		c := &clock{}
		s, from := fault(t, four, odpsfake.Faults{Slow: 5, Idle: 1}, maxcompute.Options{Poll: 8 * time.Second, Sleep: c.sleep})
		if r := query(t, from, four); len(r.Rows) != 4 || r.Truncated {
			t.Errorf("%d rows, truncated %v", len(r.Rows), r.Truncated)
		}
		want := []time.Duration{1, 2, 4, 8, 8, 8}
		for i := range want {
			want[i] *= time.Second
		}
		if diff := cmp.Diff(want, c.slept); diff != "" || statuses(s) != "SUCCESS0" {
			t.Errorf("%s\n%s", statuses(s), diff)
		}
	})
	t.Run("a context that is cancelled terminates the job", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := &clock{on: func(n int) {
			if n == 3 {
				cancel()
			}
		}}
		s, from := fault(t, four, odpsfake.Faults{Slow: -1}, maxcompute.Options{Sleep: c.sleep})
		_, err := from.Query(ctx, source.Query{SQL: four})
		fails(t, err, source.Canceled)
		if statuses(s) != "CANCELLED1" || s.Running() != 0 || !errors.Is(err, context.Canceled) {
			t.Errorf("%s %v", statuses(s), err)
		}
	})
	t.Run("a deadline that passes terminates the job", func(t *testing.T) {
		ctx := expiring{t.Context(), make(chan struct{})}
		c := &clock{on: func(n int) {
			if n == 3 {
				close(ctx.passed)
			}
		}}
		s, from := fault(t, four, odpsfake.Faults{Slow: -1}, maxcompute.Options{Sleep: c.sleep})
		_, err := from.Query(ctx, source.Query{SQL: four})
		fails(t, err, source.Timeout)
		if statuses(s) != "CANCELLED1" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s %v", statuses(s), err)
		}
	})
	t.Run("a context that is cancelled while the job is submitted terminates it", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, from := fault(t, four, odpsfake.Faults{Slow: -1, Submitting: cancel}, maxcompute.Options{})
		_, err := from.Query(ctx, source.Query{SQL: four})
		fails(t, err, source.Canceled)
		if statuses(s) != "CANCELLED1" {
			t.Errorf("%s", statuses(s))
		}
	})
	t.Run("a job that cannot be terminated is named", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var s *odpsfake.Server
		id := ""
		s, from := fault(t, four, odpsfake.Faults{Slow: -1}, maxcompute.Options{Submitted: func(_ context.Context, i maxcompute.Instance) {
			id = i.ID
			s.Close()
			cancel()
		}})
		_, err := from.Query(ctx, source.Query{SQL: four})
		fails(t, err, source.Canceled, "may still be running: instance "+id)
	})
	t.Run("a host that panics when told of a job leaves none running", func(t *testing.T) {
		s, from := fault(t, four, odpsfake.Faults{Slow: -1}, maxcompute.Options{Submitted: func(context.Context, maxcompute.Instance) { panic("host") }})
		func() {
			defer func() { _ = recover() }()
			_, _ = from.Query(t.Context(), source.Query{SQL: four})
		}()
		if statuses(s) != "CANCELLED1" {
			t.Errorf("%s", statuses(s))
		}
	})
	t.Run("polls that fail are asked again and the job is not", func(t *testing.T) {
		s, from := fault(t, four, odpsfake.Faults{FailPolls: 1, DropPolls: 1, Slow: 1}, maxcompute.Options{})
		if r := query(t, from, four); len(r.Rows) != 4 {
			t.Errorf("%v", r)
		}
		if statuses(s) != "SUCCESS0" {
			t.Errorf("%s", statuses(s))
		}
	})
	t.Run("polls that go on failing end the query and the job", func(t *testing.T) {
		s, from := fault(t, four, odpsfake.Faults{FailPolls: 10, Slow: -1}, maxcompute.Options{})
		_, err := from.Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Unavailable, "10 times")
		if statuses(s) != "CANCELLED1" {
			t.Errorf("%s", statuses(s))
		}
	})
	t.Run("a status that is not known is no success", func(t *testing.T) {
		_, from := fault(t, four, odpsfake.Faults{Status: "Evaporated"}, maxcompute.Options{})
		_, err := from.Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Other, "not known")
	})
	t.Run("a job that is cancelled on the server is no success", func(t *testing.T) {
		_, from := fault(t, four, odpsfake.Faults{Status: "CANCELLED"}, maxcompute.Options{})
		_, err := from.Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Canceled, "on the server")
	})
}

func TestSubmission(t *testing.T) {
	t.Run("a lost answer is told and the job is not submitted twice", func(t *testing.T) {
		s, from := fault(t, four, odpsfake.Faults{LoseSubmit: 1}, maxcompute.Options{})
		_, err := from.Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Unavailable, "may be running", "not submitted again")
		if len(s.Jobs()) != 1 || !errors.Is(err, maxcompute.ErrSubmissionLost) {
			t.Errorf("%d jobs, %v", len(s.Jobs()), err)
		}
	})
	t.Run("a lost answer is told when the context has ended too", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, from := fault(t, four, odpsfake.Faults{LoseSubmit: 1, Submitting: cancel}, maxcompute.Options{})
		_, err := from.Query(ctx, source.Query{SQL: four})
		fails(t, err, source.Canceled, "may be running")
		if !errors.Is(err, maxcompute.ErrSubmissionLost) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("a submission that was refused for now is made again", func(t *testing.T) {
		c := &clock{}
		s, from := fault(t, four, odpsfake.Faults{Throttle: 2}, maxcompute.Options{Sleep: c.sleep, Poll: time.Minute})
		query(t, from, four)
		if diff := cmp.Diff([]time.Duration{time.Minute, 2 * time.Minute}, c.slept); diff != "" || len(s.Jobs()) != 1 {
			t.Errorf("%d jobs %s", len(s.Jobs()), diff)
		}
	})
	t.Run("a submission that goes on being refused is an error", func(t *testing.T) {
		s, from := fault(t, four, odpsfake.Faults{Throttle: 5}, maxcompute.Options{})
		_, err := from.Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Unavailable)
		if len(s.Jobs()) != 0 || errors.Is(err, maxcompute.ErrSubmissionLost) {
			t.Errorf("%d jobs, %v", len(s.Jobs()), err)
		}
	})
	t.Run("an answer of 502 leaves open whether there is a job", func(t *testing.T) {
		n := 0
		gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n++
			w.WriteHeader(http.StatusBadGateway)
		}))
		defer gate.Close()
		from := open(t, strings.Replace(gate.URL, "://", "://"+accessID+":"+accessKey+"@", 1)+"/api?project=demo", maxcompute.Options{})
		_, err := from.Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Unavailable, "502")
		if n != 1 || !errors.Is(err, maxcompute.ErrSubmissionLost) {
			t.Errorf("%d requests, %v", n, err)
		}
	})
	t.Run("jobs differ in their Guid", func(t *testing.T) {
		s, from := fault(t, four, odpsfake.Faults{}, maxcompute.Options{})
		query(t, from, four)
		query(t, from, four)
		if j := s.Jobs(); len(j) != 2 || j[0].Guid == j[1].Guid || len(j[0].Guid) != 36 {
			t.Errorf("%+v", j)
		}
	})
}

func TestSettings(t *testing.T) {
	t.Run("SET goes before the options, which go before the DSN", func(t *testing.T) {
		s := serve(t, odpsfake.Options{})
		zero := 0
		from := open(t, dsn(s, "a.dsn=1", "a.options=1", "a.set=1"), maxcompute.Options{
			Hints: map[string]string{"a.options": "2", "a.set": "2", "odps.sql.timezone": "Asia/Tokyo"}, Quota: "q", TimeZone: "Asia/Seoul", Priority: &zero,
		})
		query(t, from, "SET a.set=3 ; -- why\nset a.text = x=y z;\nSELECT 1 AS one -- end")
		want := map[string]string{"a.dsn": "1", "a.options": "2", "a.set": "3", "a.text": "x=y z", "odps.task.wlm.quota": "q", "odps.sql.timezone": "Asia/Seoul"}
		j := s.Jobs()[0]
		if diff := cmp.Diff(want, j.Settings); diff != "" || j.Priority != 0 || !strings.HasPrefix(j.Query, "SELECT 1 AS one") {
			t.Errorf("priority %d, %q\n%s", j.Priority, j.Query, diff)
		}
	})
	t.Run("without options there are no settings and the lowest priority", func(t *testing.T) {
		s, from := fault(t, four, odpsfake.Faults{}, maxcompute.Options{})
		query(t, from, four+" ; ")
		if j := s.Jobs()[0]; len(j.Settings) != 0 || j.Priority != 9 || j.Query != four+";" {
			t.Errorf("%+v", j)
		}
	})
	t.Run("a SET without a value is refused", func(t *testing.T) {
		s, from := fault(t, four, odpsfake.Faults{}, maxcompute.Options{})
		_, err := from.Query(t.Context(), source.Query{SQL: "SET x; " + four})
		fails(t, err, source.Syntax, "SET")
		_, err = from.Query(t.Context(), source.Query{SQL: "SET odps.sql.timezone=Mars/Olympus; " + four})
		fails(t, err, source.Syntax, "odps.sql.timezone")
		_, err = from.Query(t.Context(), source.Query{SQL: "SET odps.sql.timezone=Local; " + four})
		fails(t, err, source.Syntax, "odps.sql.timezone")
		if len(s.Jobs()) != 0 {
			t.Errorf("%v", s.Jobs())
		}
	})
	t.Run("a statement that would not arrive as it is is refused", func(t *testing.T) {
		_, from := fault(t, four, odpsfake.Faults{}, maxcompute.Options{})
		_, err := from.Query(t.Context(), source.Query{SQL: "SELECT 'a\x01b' AS x"})
		fails(t, err, source.Syntax, "control character")
		_, err = from.Query(t.Context(), source.Query{SQL: "SELECT '" + strings.Repeat("a", 2<<20) + "' AS x"})
		fails(t, err, source.Syntax, "bytes")
	})
	t.Run("a full scan is told in words, and may be allowed", func(t *testing.T) {
		_, from := fault(t, four, odpsfake.Faults{}, maxcompute.Options{})
		const all = "SELECT id FROM sales"
		_, err := from.Query(t.Context(), source.Query{SQL: all})
		fails(t, err, source.Syntax, "ODPS-0130071", "every partition", "WHERE", "odps.sql.allow.fullscan=true", "Table(demo,sales)")
		if r := query(t, from, all+" WHERE ds = '20240102'"); len(r.Rows) != 1 {
			t.Errorf("%v", r.Rows)
		}
		if r := query(t, from, "SET odps.sql.allow.fullscan=true; "+all); len(r.Rows) != 2 {
			t.Errorf("%v", r.Rows)
		}
	})
}

func TestZones(t *testing.T) {
	const sql = "SELECT CAST('2026-01-02 03:04:05' AS DATETIME) AS d, CAST('2026-01-02 03:04:05.000000001' AS TIMESTAMP) AS t, CAST('2026-01-02 03:04:05' AS TIMESTAMP_NTZ) AS n, CAST('2026-01-02' AS DATE) AS a"
	for name, c := range map[string]struct {
		option, set string
		want        []string
	}{
		"the option's":       {"America/New_York", "", []string{"2026-01-02T03:04:05-05:00", "2026-01-02T03:04:05.000000001-05:00", "2026-01-02T03:04:05Z", "2026-01-02T00:00:00Z"}},
		"the statement's":    {"America/New_York", "SET odps.sql.timezone=Asia/Kolkata;", []string{"2026-01-02T03:04:05+05:30", "2026-01-02T03:04:05.000000001+05:30", "2026-01-02T03:04:05Z", "2026-01-02T00:00:00Z"}},
		"UTC without either": {"", "", []string{"2026-01-01T19:04:05Z", "2026-01-01T19:04:05.000000001Z", "2026-01-02T03:04:05Z", "2026-01-02T00:00:00Z"}},
	} {
		t.Run("times are shown in "+name, func(t *testing.T) {
			_, from := fault(t, four, odpsfake.Faults{}, maxcompute.Options{TimeZone: c.option})
			var got []string
			for _, v := range query(t, from, c.set+sql).Rows[0] {
				got = append(got, v.(time.Time).Format(time.RFC3339Nano))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// tunnels counts the tunnel's requests by what they ask for.
func tunnels(s *odpsfake.Server) (limited, unlimited int, ranges []string) {
	for _, r := range s.Requests() {
		q, _ := url.ParseQuery(r.Query)
		switch {
		case q.Has("downloads") && q.Has("instance_tunnel_limit_enabled"):
			limited++
		case q.Has("downloads"):
			unlimited++
		case q.Has("data"):
			ranges = append(ranges, q.Get("rowrange"))
		}
	}
	return limited, unlimited, ranges
}

func TestRows(t *testing.T) {
	const all = "SELECT i FROM seq" // 25,000 rows
	for _, c := range []struct {
		name               string
		readable           bool
		sql                string
		limit              int
		rows               int
		truncated          bool
		limited, unlimited int
		ranges             []string
	}{
		{"below 10,000 a limited session is enough", false, all, 9_999, 9_999, true, 1, 0, []string{"(0,9999)"}},
		{"at 10,000 the whole is counted", true, all, 10_000, 10_000, true, 0, 1, []string{"(0,10000)"}},
		{"at 10,000 without permission the rest is known to be there", false, all, 10_000, 10_000, true, 1, 1, []string{"(0,10000)"}},
		{"10,000 of 10,000 are whole without permission", false, all + " LIMIT 10000", 10_000, 10_000, false, 0, 1, []string{"(0,10000)"}},
		{"beyond 10,000 rows come in pages", true, all, 25_000, 25_000, false, 0, 1, []string{"(0,10000)", "(10000,10000)", "(20000,5000)"}},
		{"a limit within a page", true, all, 12_345, 12_345, true, 0, 1, []string{"(0,10000)", "(10000,2345)"}},
		{"a high limit needs no permission for few rows", false, all + " LIMIT 3", 25_000, 3, false, 0, 1, []string{"(0,3)"}},
		{"no rows are not asked for", true, all + " LIMIT 0", 10, 0, false, 1, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, odpsfake.Options{Readable: c.readable})
			r, err := open(t, dsn(s), maxcompute.Options{}).Query(t.Context(), source.Query{SQL: c.sql, MaxRows: c.limit})
			if err != nil {
				t.Fatal(err)
			}
			limited, unlimited, ranges := tunnels(s)
			if len(r.Rows) != c.rows || r.Truncated != c.truncated || limited != c.limited || unlimited != c.unlimited {
				t.Errorf("%d rows, truncated %v, %d limited and %d unlimited sessions", len(r.Rows), r.Truncated, limited, unlimited)
			}
			if diff := cmp.Diff(c.ranges, ranges); diff != "" {
				t.Error(diff)
			}
			for n, row := range r.Rows {
				if row[0] != int64(n+1) {
					t.Fatalf("row %d is %v", n+1, row)
				}
			}
			if s.RowsSent() != c.rows {
				t.Errorf("%d rows sent", s.RowsSent())
			}
		})
	}
	t.Run("beyond 10,000 without permission is an error that says what is needed", func(t *testing.T) {
		s := serve(t, odpsfake.Options{})
		_, err := open(t, dsn(s), maxcompute.Options{}).Query(t.Context(), source.Query{SQL: all, MaxRows: 20_000})
		fails(t, err, source.Denied, "10000", "every table")
	})
	t.Run("a stream that does not come whole is an error", func(t *testing.T) {
		for name, f := range map[string]odpsfake.Faults{
			"after 2 of 4 rows":  {Cut: 2},
			"after 3 of 4 rows":  {Cut: 3, Inside: true},
			"after 0 of 4 rows":  {Inside: true},
			"a checksum":         {Damage: func(b []byte) { b[1] ^= 2 }},
			"the connection was": {Cut: 1, Reset: true},
		} {
			_, from := fault(t, four, f, maxcompute.Options{})
			r, err := from.Query(t.Context(), source.Query{SQL: four})
			fails(t, err, source.Unavailable, name)
			if r != nil {
				t.Errorf("%s: %v", name, r)
			}
		}
	})
	t.Run("a stream in which any byte is wrong is an error or no different", func(t *testing.T) {
		s := serve(t, odpsfake.Options{})
		from := open(t, dsn(s), maxcompute.Options{})
		const sql = "SELECT * FROM kinds"
		size := 0
		s.Fault(sql, odpsfake.Faults{Damage: func(b []byte) { size = len(b) }})
		whole := query(t, from, sql)
		for i := 0; i < size; i += 5 {
			s.Fault(sql, odpsfake.Faults{Damage: func(b []byte) { b[i] ^= 1 << (i % 8) }})
			r, err := from.Query(t.Context(), source.Query{SQL: sql})
			if err != nil {
				continue
			}
			if diff := cmp.Diff(whole.Rows, r.Rows); diff != "" {
				t.Fatalf("byte %d of %d: %s", i, size, diff)
			}
		}
	})
	t.Run("a stream that falls silent ends", func(t *testing.T) {
		_, from := fault(t, four, odpsfake.Faults{Stall: 1}, maxcompute.Options{Timeout: time.Second})
		_, err := from.Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Unavailable, "silent")
	})
	t.Run("a tunnel that is busy is asked again", func(t *testing.T) {
		_, from := fault(t, four, odpsfake.Faults{ThrottleTunnel: 3}, maxcompute.Options{})
		if r := query(t, from, four); len(r.Rows) != 4 {
			t.Errorf("%v", r.Rows)
		}
	})
	t.Run("a result over its budget is an error", func(t *testing.T) {
		_, from := fault(t, four, odpsfake.Faults{}, maxcompute.Options{MaxBytes: 1000})
		_, err := from.Query(t.Context(), source.Query{SQL: "SELECT i FROM seq LIMIT 100"})
		fails(t, err, source.Other, "1000 bytes", "MaxBytes")
		_, err = from.Query(t.Context(), source.Query{SQL: "SELECT NULL AS a, NULL AS b FROM seq LIMIT 10000"})
		fails(t, err, source.Other, "1000 bytes", "MaxBytes")
		_, err = from.Query(t.Context(), source.Query{SQL: "SELECT '" + strings.Repeat("x", 2000) + "' AS x"})
		fails(t, err, source.Other, "1000 bytes", "MaxBytes")
	})
	t.Run("a value longer than any buffer comes whole", func(t *testing.T) {
		_, from := fault(t, four, odpsfake.Faults{}, maxcompute.Options{})
		want := strings.Repeat("0123456789abcdef", 20_000)
		if r := query(t, from, "SELECT '"+want+"' AS x, 7 AS y"); r.Rows[0][0] != want || r.Rows[0][1] != int64(7) {
			t.Errorf("%d bytes, %v", len(r.Rows[0][0].(string)), r.Rows[0][1])
		}
	})
	t.Run("a type that is not known is named", func(t *testing.T) {
		for _, typ := range []string{"geometry", "array<", "array<bigint", "array", "map<string>", "map<array<int>,int>", "struct<x>", "struct<>", "bigint>", "decimal(3", strings.Repeat("array<", 100) + "int" + strings.Repeat(">", 100)} {
			_, from := fault(t, four, odpsfake.Faults{Type: typ}, maxcompute.Options{})
			_, err := from.Query(t.Context(), source.Query{SQL: four})
			fails(t, err, source.Other, "column 1 (i)", "CAST")
		}
	})
	t.Run("fields in backquotes and blanks in types are read", func(t *testing.T) {
		_, from := fault(t, "SELECT * FROM kinds", odpsfake.Faults{Type: " TINYINT "}, maxcompute.Options{})
		query(t, from, "SELECT * FROM kinds")
		_, from = fault(t, "SELECT c32 FROM kinds", odpsfake.Faults{Type: "STRUCT< `a b`:bigint , `c``d` : STRING >"}, maxcompute.Options{})
		if got := query(t, from, "SELECT c32 FROM kinds").Rows[0][0]; got != source.JSON("{\"a b\":null,\"c`d\":\"v\"}") {
			t.Errorf("%v", got)
		}
	})
}

func TestCredentials(t *testing.T) {
	t.Run("signatures are of version 1, or of version 4 with a region", func(t *testing.T) {
		s := serve(t, odpsfake.Options{})
		for i, o := range []maxcompute.Options{{}, {Region: "cn-test"}} {
			before := len(s.Requests())
			query(t, open(t, dsn(s), o), four)
			for _, r := range s.Requests()[before:] {
				if want := []string{"v1", "v4"}[i]; r.Signature != want {
					t.Errorf("%s %s is signed %q, want %s", r.Method, r.Path, r.Signature, want)
				}
			}
		}
	})
	t.Run("a token that expires is renewed once, and the job runs once", func(t *testing.T) {
		s := serve(t, odpsfake.Options{Login: odpsfake.Login{Token: token}})
		asked := 0
		from := open(t, dsn(s), maxcompute.Options{Credentials: func(context.Context) (maxcompute.Credentials, error) {
			asked++
			l := s.Login()
			return maxcompute.Credentials{AccessKeyID: l.AccessID, AccessKeySecret: l.AccessKey, SecurityToken: l.Token}, nil
		}, Submitted: func(context.Context, maxcompute.Instance) {
			l := s.Login()
			l.Token += "+"
			s.SetLogin(l)
		}})
		for n := 1; n <= 2; n++ {
			if r := query(t, from, four); len(r.Rows) != 4 || asked != n+1 || len(s.Jobs()) != n {
				t.Errorf("%d rows, asked %d times, %d jobs", len(r.Rows), asked, len(s.Jobs()))
			}
		}
	})
	t.Run("credentials about to expire are asked for again", func(t *testing.T) {
		s := serve(t, odpsfake.Options{})
		for expires, want := range map[time.Duration]int{time.Hour: 1, 30 * time.Second: 4} {
			asked := 0
			from := open(t, dsn(s), maxcompute.Options{Credentials: func(context.Context) (maxcompute.Credentials, error) {
				asked++
				return maxcompute.Credentials{AccessKeyID: accessID, AccessKeySecret: accessKey, Expires: time.Now().Add(expires)}, nil
			}, TunnelEndpoint: s.Tunnel})
			query(t, from, four)
			if asked != want {
				t.Errorf("%v: asked %d times, want %d", expires, asked, want)
			}
		}
	})
	t.Run("credentials that are refused twice are an error", func(t *testing.T) {
		s := serve(t, odpsfake.Options{})
		asked := 0
		from := open(t, dsn(s), maxcompute.Options{Credentials: func(context.Context) (maxcompute.Credentials, error) {
			asked++
			return maxcompute.Credentials{AccessKeyID: accessID, AccessKeySecret: "canary-9955-old"}, nil
		}})
		_, err := from.Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Denied, "ODPS-0410042")
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
	})
	t.Run("a callback that fails is an error without its text", func(t *testing.T) {
		s := serve(t, odpsfake.Options{})
		for _, err := range []error{errors.New("vault said canary-1122"), nil} {
			from := open(t, dsn(s), maxcompute.Options{Credentials: func(context.Context) (maxcompute.Credentials, error) {
				return maxcompute.Credentials{}, err
			}})
			_, err := from.Query(t.Context(), source.Query{SQL: four})
			fails(t, err, source.Denied, "Options.Credentials")
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("%v", err)
			}
		}
	})
	t.Run("a context ends the wait for credentials", func(t *testing.T) {
		s := serve(t, odpsfake.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		from := open(t, dsn(s), maxcompute.Options{Credentials: func(ctx context.Context) (maxcompute.Credentials, error) {
			cancel()
			return maxcompute.Credentials{}, context.Canceled
		}})
		_, err := from.Query(ctx, source.Query{SQL: four})
		fails(t, err, source.Canceled)
	})
	t.Run("credentials print as redacted", func(t *testing.T) {
		c := maxcompute.Credentials{AccessKeyID: accessID, AccessKeySecret: accessKey, SecurityToken: token}
		text, err := json.Marshal(map[string]any{"c": c})
		if err != nil {
			t.Fatal(err)
		}
		all := fmt.Sprintf("%v %+v %#v %s %s %v", c, c, c, &c, text, c.LogValue())
		if strings.Contains(all, "canary") || strings.Count(all, "[redacted]") != 6 {
			t.Error(all)
		}
	})
	t.Run("a clock that is wrong is told", func(t *testing.T) {
		s := serve(t, odpsfake.Options{Now: func() time.Time { return time.Now().Add(time.Hour) }})
		_, err := open(t, dsn(s), maxcompute.Options{}).Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Denied, "clock")
	})
}

func TestErrors(t *testing.T) {
	t.Run("the service's texts have their kinds", func(t *testing.T) {
		for text, want := range map[string]struct {
			kind source.Kind
			code string
			says string
		}{
			"ODPS-0130161:[1,8] Parse exception - invalid token 'FROM'":                                                                                   {source.Syntax, "ODPS-0130161", "invalid token 'FROM'"},
			"FAILED: ODPS-0130131:[1,15] Table not found - table demo.t cannot be resolved":                                                               {source.Syntax, "ODPS-0130131", "demo.t"},
			"ODPS-0130071:[1,8] Semantic analysis exception - column x cannot be resolved":                                                                {source.Syntax, "ODPS-0130071", "column x"},
			"ODPS-0130013:Authorization exception - Authorization Failed [4019], You have NO privilege 'odps:Select' on {acs:odps:*:projects/p/tables/t}": {source.Denied, "ODPS-0130013", "odps:Select"},
			"ODPS-0420095: Access Denied - no":                                                                                                            {source.Denied, "ODPS-0420095", "Access Denied"},
			"ODPS-0010000:System internal error - fuxi":                                                                                                   {source.Unavailable, "ODPS-0010000", "System internal error"},
			"ODPS-0123091:Illegal type cast - cannot cast value 'secret row' to bigint":                                                                   {source.Other, "ODPS-0123091", "Illegal type cast"},
			"ODPS-0123055:User script exception - \"secret row\"":                                                                                         {source.Other, "ODPS-0123055", "User script"},
			"something without a code":                                                                                                                    {source.Other, "", "something without a code"},
			strings.Repeat("很长", 1000):                                                                                                                    {source.Other, "", "…"},
		} {
			_, from := fault(t, four, odpsfake.Faults{Error: text}, maxcompute.Options{})
			_, err := from.Query(t.Context(), source.Query{SQL: four})
			fails(t, err, want.kind, want.says, "instance 2")
			var e *source.Error
			if errors.As(err, &e); e.Code != want.code || strings.Contains(err.Error(), "secret row") || len([]rune(err.Error())) > 700 {
				t.Errorf("code %q, %v", e.Code, err)
			}
		}
	})
	t.Run("no error shows a secret, even if the service does", func(t *testing.T) {
		s := serve(t, odpsfake.Options{Login: odpsfake.Login{Token: token}})
		s.Fault(four, odpsfake.Faults{Error: "ODPS-0130161:[1,1] Parse exception - key " + accessKey + " of " + accessID + ", token=" + token +
			" at " + s.Endpoint + "; see https://logview.example.com/logview?h=x&token=" + odpsfake.Token})
		from := open(t, dsn(s), maxcompute.Options{Credentials: func(context.Context) (maxcompute.Credentials, error) {
			return maxcompute.Credentials{AccessKeyID: accessID, AccessKeySecret: accessKey, SecurityToken: token}, nil
		}})
		_, err := from.Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Syntax, "Parse exception")
		host := strings.TrimPrefix(strings.TrimSuffix(s.Endpoint, "/api"), "http://")
		for ; err != nil; err = errors.Unwrap(err) {
			text := fmt.Sprintf("%v %+v", err, err)
			for _, secret := range []string{accessID, accessKey, token, host, odpsfake.Token, "logview.example.com"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q is in %s", secret, text)
				}
			}
		}
	})
	t.Run("only statements that return rows run", func(t *testing.T) {
		s, from := fault(t, four, odpsfake.Faults{}, maxcompute.Options{})
		_, err := from.Query(t.Context(), source.Query{SQL: "DESC sales"})
		fails(t, err, source.Syntax, "DESC")
		if len(s.Jobs()) != 0 {
			t.Errorf("%v", s.Jobs())
		}
		s, from = fault(t, four, odpsfake.Faults{}, maxcompute.Options{Raw: true})
		_, err = from.Query(t.Context(), source.Query{SQL: "DESC sales"})
		fails(t, err, source.Syntax, "returns no rows")
		if len(s.Jobs()) != 1 {
			t.Errorf("%v", s.Jobs())
		}
	})
	t.Run("what is wrong with a DSN and options is told at once, without the DSN", func(t *testing.T) {
		nine := 10
		_, err := maxcompute.Open("https://canary-1:canary-2@canary-3.example.com/api?canary4=canary-5&httpTimeout=canary-6", &maxcompute.Options{
			TimeZone: "Mars/Olympus", Priority: &nine, Poll: -1,
		})
		fails(t, err, source.Other, "project", "parameter", "httpTimeout", "TimeZone", "Priority", "Poll")
		for _, dsn := range []string{"", "canary", "postgres://canary-1:canary-2@canary-3/x", "https://canary-1:%zz@x/", "https://canary-1@canary-3/api?project=p"} {
			_, bad := maxcompute.Open(dsn, nil)
			fails(t, bad, source.Other)
			err = errors.Join(err, bad)
		}
		if strings.Contains(err.Error(), "canary") {
			t.Error(err)
		}
	})
	t.Run("the vendor's DSN is read", func(t *testing.T) {
		s := serve(t, odpsfake.Options{Login: odpsfake.Login{Token: token}})
		c := odps.NewConfig()
		c.AccessId, c.AccessKey, c.StsToken, c.Endpoint, c.ProjectName = accessID, accessKey, token, s.Endpoint, "demo"
		c.TunnelEndpoint, c.TunnelQuotaName, c.HttpTimeout = "http://"+s.Tunnel, "tq", 30*time.Second
		c.Hints = map[string]string{"odps.sql.allow.fullscan": "true"}
		c.Others = map[string]string{"enableLogview": "true"}
		from := open(t, c.FormatDsn(), maxcompute.Options{})
		if r := query(t, from, "SELECT id FROM sales"); len(r.Rows) != 2 {
			t.Errorf("%v", r.Rows)
		}
		if !slices.ContainsFunc(s.Requests(), func(r odpsfake.Request) bool { return strings.Contains(r.Query, "quotaName=tq") }) {
			t.Errorf("%v", s.Requests())
		}
	})
	t.Run("a client without a project or endpoint is told by its queries", func(t *testing.T) {
		from := maxcompute.New(odps.NewOdps(account.NewAliyunAccount(accessID, accessKey), "canary-nowhere"), nil)
		_, err := from.Query(t.Context(), source.Query{SQL: four})
		fails(t, err, source.Other, "project", "endpoint")
	})
}

func TestLogView(t *testing.T) {
	t.Run("the host gets the address of the job that it was told of", func(t *testing.T) {
		s := serve(t, odpsfake.Options{})
		var told maxcompute.Instance
		from := open(t, dsn(s), maxcompute.Options{Submitted: func(_ context.Context, i maxcompute.Instance) { told = i }})
		query(t, from, four)
		if diff := cmp.Diff(maxcompute.Instance{Project: "demo", ID: s.Jobs()[0].ID}, told); diff != "" {
			t.Fatal(diff)
		}
		got, err := from.LogView(t.Context(), told.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		want := url.Values{"h": {s.Endpoint}, "p": {"demo"}, "i": {told.ID}, "token": {odpsfake.Token}}
		if diff := cmp.Diff(want, u.Query()); diff != "" || u.Path != "/logview" || "http://"+u.Host+"/api" != s.Endpoint {
			t.Errorf("%s %s", got, diff)
		}
	})
	t.Run("an ID that is none is an error", func(t *testing.T) {
		s := serve(t, odpsfake.Options{})
		from := open(t, dsn(s), maxcompute.Options{})
		for _, id := range []string{"", "a/b", `x"`} {
			if _, err := from.LogView(t.Context(), id, 1); err == nil {
				t.Errorf("%q: no error", id)
			}
		}
		from.Close()
		_, err := from.LogView(t.Context(), "x", 1)
		fails(t, err, source.Unavailable, "closed")
	})
}
