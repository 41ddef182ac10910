package sourcetest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sourcetest"
	"github.com/datapush-go/datapush/source/sqlite"
)

const (
	endless    = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
	silent     = "SELECT i FROM (" + endless + ") WHERE i < 0"
	late       = "SELECT 1 AS i UNION ALL " + silent
	fails      = "SELECT json(CASE i WHEN 3 THEN '{' ELSE '1' END) AS j FROM (" + endless + ")"
	connection = "SELECT connection"
	canary     = "canary-5521"
)

func count(n int) string {
	return fmt.Sprintf("SELECT i FROM (%s LIMIT %d) WHERE i <= %d", endless, max(n, 1), n)
}

// model is SQLite with what the suite needs beside it: it counts what is running
// and numbers its connections.
type model struct {
	source.Source
	running *atomic.Int32
	number  int
	next    *atomic.Int32
}

func (m *model) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	if q.SQL == connection {
		return sourcetest.Table([]string{"connection"}, []any{int64(m.number)}), nil
	}
	m.running.Add(1)
	defer m.running.Add(-1)
	for _, n := range []int{10_000, 10_001} {
		if q.SQL == count(n) { // SQLite would take its time under the race detector
			return many.Query(ctx, source.Query{SQL: q.SQL, MaxRows: q.MaxRows})
		}
	}
	return m.Source.Query(ctx, q)
}

// many answers a query of many rows.
var many = sourcetest.Func(func(_ context.Context, q source.Query) (*source.Result, error) {
	n := 10_000
	if q.SQL == count(10_001) {
		n++
	}
	rows := make([][]any, n)
	for i := range rows {
		rows[i] = []any{int64(i + 1)}
	}
	return sourcetest.Table([]string{"i"}, rows...), nil
})

func (m *model) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	return m.Source.(source.Describer).Columns(ctx, sql)
}

func (m *model) Session(ctx context.Context) (source.Source, error) {
	s, err := m.Source.(source.Sessioner).Session(ctx)
	if err != nil {
		return nil, err
	}
	return &model{Source: s, running: m.running, number: int(m.next.Add(1)), next: m.next}, nil
}

// file makes a small database. Nothing changes it.
func file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), canary+".db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE t(id); INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	return path
}

func harness(t *testing.T, path string) sourcetest.Harness {
	t.Helper()
	s, err := sqlite.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := sqlite.Open(path+".gone", nil)
	if err != nil {
		t.Fatal(err)
	}
	m := &model{Source: s, running: new(atomic.Int32), next: new(atomic.Int32)}
	return sourcetest.Harness{
		Source: m, Count: count, Endless: endless, Silent: silent, Late: late, Fails: fails, Connection: connection,
		Write: "DELETE FROM t", State: "SELECT * FROM t",
		Cells:    []sourcetest.Cell{{Name: "REAL", SQL: "SELECT 0.5 AS cell", Want: 0.5}},
		Wrong:    []sourcetest.Wrong{{Name: "a missing file", Source: gone, Kind: source.Unavailable}},
		Secrets:  []string{canary},
		Running:  func(context.Context) (int, error) { return int(m.running.Load()), nil },
		Patience: 2 * time.Second,
	}
}

func closeAll(t *testing.T, h sourcetest.Harness, s source.Source) {
	t.Cleanup(func() {
		s.Close()
		for _, w := range h.Wrong {
			w.Source.Close()
		}
	})
}

func TestAFaithfulSourcePasses(t *testing.T) {
	path := file(t)
	sourcetest.Test(t, func(t *testing.T) sourcetest.Harness { return harness(t, path) })
}

// double misbehaves where its functions are set.
type double struct {
	*model
	query   func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error)
	columns func(ctx context.Context, sql string) ([]source.Column, error)
	session func(ctx context.Context) (source.Source, error)
}

type queryFunc func(context.Context, source.Query) (*source.Result, error)

func (d *double) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	if d.query != nil {
		return d.query(ctx, q, d.model.Query)
	}
	return d.model.Query(ctx, q)
}

func (d *double) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	if d.columns != nil {
		return d.columns(ctx, sql)
	}
	return d.model.Columns(ctx, sql)
}

func (d *double) Session(ctx context.Context) (source.Source, error) {
	if d.session != nil {
		return d.session(ctx)
	}
	return d.model.Session(ctx)
}

// after changes the answer to the queries that on picks.
func after(on func(q source.Query) bool, change func(r *source.Result, err error) (*source.Result, error)) func(*double, *sourcetest.Harness) {
	return func(d *double, _ *sourcetest.Harness) {
		d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
			r, err := next(ctx, q)
			if on(q) {
				return change(r, err)
			}
			return r, err
		}
	}
}

func text(sql string) func(source.Query) bool {
	return func(q source.Query) bool { return q.SQL == sql }
}

func begins(prefix string) func(source.Query) bool {
	return func(q source.Query) bool { return strings.HasPrefix(q.SQL, prefix) }
}

func kind(k source.Kind) func(*source.Result, error) (*source.Result, error) {
	return func(r *source.Result, err error) (*source.Result, error) {
		var e *source.Error
		if errors.As(err, &e) {
			c := *e
			c.Kind = k
			return r, &c
		}
		return r, err
	}
}

func TestEachDoubleFailsOnlyTheRuleItBreaks(t *testing.T) {
	doubles := []struct {
		rule, name string
		spoil      func(d *double, h *sourcetest.Harness)
	}{
		{"S01", "gives rows backwards", after(text(count(3)), func(r *source.Result, err error) (*source.Result, error) {
			slices.Reverse(r.Rows)
			return r, err
		})},
		{"S02", "gives an int", after(text(count(2)), func(r *source.Result, err error) (*source.Result, error) {
			r.Rows[0][0] = 1
			return r, err
		})},
		{"S02", "gives a short row", after(text(count(2)), func(r *source.Result, err error) (*source.Result, error) {
			r.Rows[1] = nil
			return r, err
		})},
		{"S03", "hides that it cut", after(func(q source.Query) bool { return q.MaxRows == 7 }, func(r *source.Result, err error) (*source.Result, error) {
			r.Truncated = false
			return r, err
		})},
		{"S03", "reads on", func(d *double, _ *sourcetest.Harness) {
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				if q.MaxRows == 7 {
					q.MaxRows = 8
				}
				return next(ctx, q)
			}
		}},
		{"S04", "calls every full result cut", after(func(q source.Query) bool { return q.MaxRows == 5 }, func(r *source.Result, err error) (*source.Result, error) {
			r.Truncated = true
			return r, err
		})},
		{"S05", "has a default of its own", func(d *double, _ *sourcetest.Harness) {
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				if q.MaxRows == 0 {
					q.MaxRows = 1000
				}
				return next(ctx, q)
			}
		}},
		{"S06", "forgets the columns of an empty result", after(text(count(0)), func(r *source.Result, err error) (*source.Result, error) {
			r.Columns = nil
			return r, err
		})},
		{"S07", "leaves the statement running", after(text(endless), func(r *source.Result, err error) (*source.Result, error) {
			return r, err
		})},
		{"S08", "does not know its own cancellation", func(d *double, _ *sourcetest.Harness) {
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				r, err := next(ctx, q)
				if q.SQL == silent && errors.Is(ctx.Err(), context.Canceled) {
					return kind(source.Other)(r, err)
				}
				return r, err
			}
		}},
		{"S09", "does not heed the context between rows", func(d *double, _ *sourcetest.Harness) {
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				if q.SQL == late {
					// Until long after the suite has lost its patience.
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
					defer cancel()
				}
				return next(ctx, q)
			}
		}},
		{"S10", "takes a deadline for a cancellation", func(d *double, _ *sourcetest.Harness) {
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				r, err := next(ctx, q)
				if errors.Is(ctx.Err(), context.DeadlineExceeded) {
					return kind(source.Canceled)(r, err)
				}
				return r, err
			}
		}},
		{"S11", "runs though the context has ended", func(d *double, _ *sourcetest.Harness) {
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				if ctx.Err() != nil {
					ctx = context.WithoutCancel(ctx)
				}
				return next(ctx, q)
			}
		}},
		{"S12", "hides an error after rows", after(text(fails), func(*source.Result, error) (*source.Result, error) {
			return sourcetest.Table([]string{"j"}, []any{"1"}), nil
		})},
		{"S13", "has no kind for syntax errors", after(text("SELECT FROM WHERE"), kind(source.Other))},
		{"S14", "has no kind for missing tables", after(begins("SELECT * FROM no_such"), kind(source.Unavailable))},
		{"S15", "pretends to run what it refuses", after(text("DELETE FROM t"), func(*source.Result, error) (*source.Result, error) {
			return &source.Result{}, nil
		})},
		{"S16", "shows the first of two results", func(d *double, _ *sourcetest.Harness) {
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				if first, _, ok := strings.Cut(q.SQL, "; SELECT i"); ok {
					q.SQL = first
				}
				return next(ctx, q)
			}
		}},
		{"S17", "keeps columns by name", after(begins("SELECT 1 AS same"), func(r *source.Result, err error) (*source.Result, error) {
			r.Columns, r.Rows[0] = r.Columns[:1], r.Rows[0][:1]
			return r, err
		})},
		{"S18", "gives numbers as text", after(text("SELECT 0.5 AS cell"), func(r *source.Result, err error) (*source.Result, error) {
			r.Rows[0][0] = "0.5"
			return r, err
		})},
		{"S19", "drops a backslash", after(func(q source.Query) bool { return strings.HasSuffix(q.SQL, " AS literal") }, func(r *source.Result, err error) (*source.Result, error) {
			r.Rows[0][0] = strings.ReplaceAll(r.Rows[0][0].(string), `\`, "")
			return r, err
		})},
		{"S20", "folds names", after(begins("SELECT 1 AS \"x"), func(r *source.Result, err error) (*source.Result, error) {
			r.Columns[0].Name = strings.ToUpper(r.Columns[0].Name)
			return r, err
		})},
		{"S21", "hands out what it keeps", func(d *double, _ *sourcetest.Harness) {
			var kept *source.Result
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				if q.SQL != "SELECT 'mine' AS own" {
					return next(ctx, q)
				}
				if kept == nil {
					kept, _ = next(ctx, q)
				}
				return kept, nil
			}
		}},
		{"S22", "mixes up queries", func(d *double, _ *sourcetest.Harness) {
			var mu sync.Mutex
			var first *source.Query
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				if strings.HasSuffix(q.SQL, " AS mine") {
					mu.Lock()
					if first == nil {
						first = &q
					}
					q = *first
					mu.Unlock()
				}
				return next(ctx, q)
			}
		}},
		{"S23", "breaks with its first lost statement", func(d *double, _ *sourcetest.Harness) {
			var broken atomic.Bool
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				if broken.Load() {
					return nil, &source.Error{Op: "double: query", Kind: source.Unavailable}
				}
				r, err := next(ctx, q)
				if ctx.Err() != nil {
					broken.Store(true)
				}
				return r, err
			}
		}},
		{"S24", "makes up names", func(d *double, _ *sourcetest.Harness) {
			d.columns = func(ctx context.Context, sql string) ([]source.Column, error) {
				c, err := d.model.Columns(ctx, sql)
				for i := range c {
					c[i].Name = fmt.Sprintf("column%d", i+1)
				}
				return c, err
			}
		}},
		{"S25", "describes by running", func(d *double, _ *sourcetest.Harness) {
			d.columns = func(ctx context.Context, sql string) ([]source.Column, error) {
				if sql == silent {
					_, err := d.model.Query(ctx, source.Query{SQL: sql})
					return nil, err
				}
				return d.model.Columns(ctx, sql)
			}
		}},
		{"S26", "gives every statement of a session another connection", func(d *double, _ *sourcetest.Harness) {
			d.session = func(ctx context.Context) (source.Source, error) {
				s, err := d.model.Session(ctx)
				if err != nil {
					return nil, err
				}
				return &double{model: s.(*model), query: func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
					if q.SQL == connection {
						return sourcetest.Table([]string{"connection"}, []any{int64(d.next.Add(1))}), nil
					}
					return next(ctx, q)
				}}, nil
			}
		}},
		{"S27", "loses a connection with each session", func(d *double, _ *sourcetest.Harness) {
			d.session = func(ctx context.Context) (source.Source, error) {
				s, err := d.model.Session(ctx)
				if err != nil {
					return nil, err
				}
				t.Cleanup(func() { s.Close() })
				return leak{s}, nil
			}
		}},
		{"S28", "repeats its DSN", after(text("SELECT FROM WHERE"), func(r *source.Result, err error) (*source.Result, error) {
			return nil, &source.Error{Op: "double: query", Kind: source.Syntax, Err: fmt.Errorf("at %s: %w", canary, err)}
		})},
		{"S29", "calls everything other", func(d *double, h *sourcetest.Harness) {
			h.Wrong[0].Source = &double{model: &model{Source: h.Wrong[0].Source, running: new(atomic.Int32)},
				query: func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
					r, err := next(ctx, q)
					return kind(source.Other)(r, err)
				}}
		}},
		{"S30", "lives on after Close", func(d *double, _ *sourcetest.Harness) {
			d.query = func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
				if q.SQL == count(10) {
					return sourcetest.Table([]string{"i"}), nil
				}
				return next(ctx, q)
			}
		}},
		{"S31", "forgets the limit in a session", func(d *double, _ *sourcetest.Harness) {
			d.session = func(ctx context.Context) (source.Source, error) {
				s, err := d.model.Session(ctx)
				if err != nil {
					return nil, err
				}
				return &double{model: s.(*model), query: func(ctx context.Context, q source.Query, next queryFunc) (*source.Result, error) {
					q.MaxRows = 0
					return next(ctx, q)
				}}, nil
			}
		}},
		{"S01", "panics", after(text(count(3)), func(*source.Result, error) (*source.Result, error) { panic("double") })},
	}
	proven := map[string]bool{}
	for _, tt := range doubles {
		proven[tt.rule] = true
		t.Run(tt.rule+" "+tt.name, func(t *testing.T) {
			t.Parallel()
			path := file(t)
			var failed []string
			for _, rule := range sourcetest.Rules() {
				h := harness(t, path)
				h.Patience = 2 * time.Second
				m := h.Source.(*model)
				d := &double{model: m}
				closeAll(t, h, m)
				tt.spoil(d, &h)
				h.Source = d
				if tt.rule == "S07" {
					h.Running = leftRunning(d, h.Running)
				}
				if err := rule.Check(t.Context(), h); err != nil {
					failed = append(failed, rule.ID)
				}
			}
			if diff := cmp.Diff([]string{tt.rule}, failed); diff != "" {
				t.Errorf("failed rules (-want +got):\n%s", diff)
			}
		})
	}
	for _, rule := range sourcetest.Rules() {
		if !proven[rule.ID] {
			t.Errorf("%s %s: no double breaks it", rule.ID, rule.Text)
		}
	}
}

// leak is a session that Close does not end.
type leak struct{ source.Source }

func (leak) Close() error { return nil }

// leftRunning counts one statement more once the endless one was read.
func leftRunning(d *double, running func(context.Context) (int, error)) func(context.Context) (int, error) {
	var left atomic.Int32
	next := d.query
	d.query = func(ctx context.Context, q source.Query, run queryFunc) (*source.Result, error) {
		if q.SQL == endless {
			left.Store(1)
		}
		return next(ctx, q, run)
	}
	return func(ctx context.Context) (int, error) {
		n, err := running(ctx)
		return n + int(left.Load()), err
	}
}

func TestAnUndeclaredRuleIsSaidToBeSo(t *testing.T) {
	h := sourcetest.Harness{Source: sourcetest.Fixed(sourcetest.Table([]string{"i"}, []any{int64(1)}, []any{int64(2)}, []any{int64(3)})), Count: count}
	undeclared := map[string]bool{}
	for _, r := range sourcetest.Rules() {
		if errors.Is(r.Check(t.Context(), h), sourcetest.ErrUndeclared) {
			undeclared[r.ID] = true
		}
	}
	for _, id := range []string{"S07", "S08", "S09", "S10", "S12", "S15", "S18", "S23", "S24", "S25", "S26", "S28", "S29"} {
		if !undeclared[id] {
			t.Errorf("%s was checked without what it needs", id)
		}
	}
}
