package source_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sourcetest"
)

func statement(t *testing.T, sql string) source.Statement {
	t.Helper()
	script, err := source.Parse(sql, source.ANSI)
	if err != nil {
		t.Fatal(err)
	}
	return script.Statements[0]
}

func table(rows ...[]any) *source.Result {
	return sourcetest.Table([]string{"id", "next_token"}, rows...)
}

func asked(m *sourcetest.Memory) []string {
	var sql []string
	for _, q := range m.Queries() {
		sql = append(sql, q.SQL)
	}
	return sql
}

const paged = "SELECT id, id AS next_token FROM t WHERE id > '${next_token}'"

func TestPagesAndCollect(t *testing.T) {
	tests := []struct {
		name    string
		sql     string
		values  map[string]string
		results []*source.Result
		asked   []string // the token of each query
		pages   int
		rows    [][]any // what Collect joins
		err     string
	}{
		{
			"N1: pages follow the token until one has no rows", paged, nil,
			[]*source.Result{table([]any{int64(50), int64(50)}, []any{int64(100), int64(100)}), table([]any{int64(200), int64(200)}), table()},
			[]string{"", "100", "200"}, 2, [][]any{{int64(50)}, {int64(100)}, {int64(200)}}, "",
		},
		{
			"N2: a last token that is NULL ends it", paged, nil,
			[]*source.Result{table([]any{int64(1), int64(1)}, []any{int64(2), nil})},
			[]string{""}, 1, [][]any{{int64(1)}, {int64(2)}}, "",
		},
		{
			"N3: a token that does not move is an error", paged, nil,
			[]*source.Result{table([]any{int64(1), "100"}), table([]any{int64(2), "100"})},
			[]string{"", "100"}, 1, nil, "no progress",
		},
		{
			"N4: without the parameter there is one query, and the column stays", "SELECT id, next_token FROM t", nil,
			[]*source.Result{table([]any{int64(1), "100"})},
			nil, 1, [][]any{{int64(1), "100"}}, "",
		},
		{
			"the parameter's own value comes first", paged, map[string]string{"next_token": "7"},
			[]*source.Result{table([]any{int64(8), ""})},
			[]string{"7"}, 1, [][]any{{int64(8)}}, "",
		},
		{
			"a first token that does not move is an error too", paged, map[string]string{"next_token": "7"},
			[]*source.Result{table([]any{int64(7), int64(7)})},
			[]string{"7"}, 0, nil, "no progress",
		},
		{
			"a first page without rows is a page", paged, nil,
			[]*source.Result{table()},
			[]string{""}, 1, nil, "",
		},
		{
			"every type of cell can be a token", paged, nil,
			[]*source.Result{
				table([]any{nil, uint64(18446744073709551615)}), table([]any{nil, source.Decimal("1.50")}), table([]any{nil, 1e21}),
				table([]any{nil, true}), table([]any{nil, []byte("it's")}), table([]any{nil, source.JSON("[1]")}),
				table([]any{nil, time.Date(2024, 1, 2, 8, 0, 0, 5000, time.UTC)}),
				table([]any{nil, time.Date(2024, 1, 2, 8, 0, 0, 0, time.FixedZone("", 8*3600))}), table(),
			},
			[]string{"", "18446744073709551615", "1.50", "1000000000000000000000", "true", "it''s", "[1]", "2024-01-02 08:00:00.000005", "2024-01-02 08:00:00+08:00"},
			8, [][]any{{nil}, {nil}, {nil}, {nil}, {nil}, {nil}, {nil}, {nil}}, "",
		},
		{
			"the column must be there", paged, nil,
			[]*source.Result{sourcetest.Table([]string{"id"}, []any{int64(1)})},
			[]string{""}, 0, nil, "returns no column next_token",
		},
		{
			"outside quotes the first value must be given", "SELECT id, id AS next_token FROM t WHERE id > ${next_token}", nil,
			[]*source.Result{table()},
			[]string{}, 0, nil, "give it a first value",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := statement(t, tt.sql)
			var want []string
			for _, token := range tt.asked {
				want = append(want, strings.ReplaceAll(tt.sql, "${next_token}", token))
			}
			if tt.asked == nil {
				want = []string{tt.sql}
			}

			src := sourcetest.Fixed(tt.results...)
			pages := 0
			var last error
			for r, err := range source.Pages(t.Context(), src, st, tt.values, source.PageOptions{}) {
				if err != nil {
					last = err
				} else if len(r.Columns) != 0 {
					pages++
				}
			}
			checkPage(t, last, tt.err)
			if pages != tt.pages {
				t.Errorf("%d pages, want %d", pages, tt.pages)
			}
			if diff := cmp.Diff(want, asked(src)); diff != "" {
				t.Errorf("queries (-want +got):\n%s", diff)
			}

			r, warnings, err := source.Collect(t.Context(), sourcetest.Fixed(tt.results...), st, tt.values, source.CollectOptions{})
			checkPage(t, err, tt.err)
			if err != nil {
				return
			}
			if diff := cmp.Diff(tt.rows, r.Rows); diff != "" || r.Truncated || warnings != nil {
				t.Errorf("truncated %v, warnings %q, rows (-want +got):\n%s", r.Truncated, warnings, diff)
			}
			if len(r.Rows) > 0 && len(r.Columns) != len(r.Rows[0]) {
				t.Errorf("%d columns, %d cells", len(r.Columns), len(r.Rows[0]))
			}
		})
	}
}

func checkPage(t *testing.T, err error, text string) {
	t.Helper()
	var e *source.Error
	switch {
	case text == "" && err != nil:
		t.Errorf("error %v, want none", err)
	case text != "" && (!errors.As(err, &e) || e.Statement != 1 || !strings.Contains(err.Error(), text)):
		t.Errorf("error %v, want one of statement 1 with %q", err, text)
	}
}

// counter answers page by page without end: n rows each, then the next.
func counter(n int) *sourcetest.Memory {
	next := 0
	return sourcetest.Func(func(context.Context, source.Query) (*source.Result, error) {
		r := table()
		for range n {
			next++
			r.Rows = append(r.Rows, []any{int64(next), int64(next)})
		}
		return r, nil
	})
}

func TestCollectStopsAtItsLimits(t *testing.T) {
	ten := table()
	for i := range 10 {
		ten.Rows = append(ten.Rows, []any{int64(i), int64(i)})
	}
	tests := []struct {
		name    string
		source  *sourcetest.Memory
		sql     string
		options source.CollectOptions
		rows    int
		queries int
		warning string
	}{
		{"100,000 rows by default", counter(9_999), paged, source.CollectOptions{}, 100_000, 11, "statement 1: only the first 100000 rows of all pages were read"},
		{"1,000 pages by default", counter(1), paged, source.CollectOptions{}, 1_000, 1_000, "statement 1: only the first 1000 pages were read"},
		{"its own number of rows", counter(4), paged, source.CollectOptions{MaxTotal: 10}, 10, 3, "statement 1: only the first 10 rows of all pages were read"},
		{"its own number of pages", counter(4), paged, source.CollectOptions{MaxPages: 2}, 8, 2, "statement 1: only the first 2 pages were read"},
		{"the limit of one query", sourcetest.Fixed(ten), "SELECT 1", source.CollectOptions{MaxRows: 9}, 9, 1, "statement 1: only the first 9 rows were read"},
		{"the limit of one page", sourcetest.Fixed(ten, table()), paged, source.CollectOptions{MaxRows: 9}, 9, 2, "statement 1: a page had more than 9 rows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, warnings, err := source.Collect(t.Context(), tt.source, statement(t, tt.sql), nil, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Rows) != tt.rows || len(tt.source.Queries()) != tt.queries || !r.Truncated {
				t.Errorf("%d rows by %d queries, truncated %v; want %d by %d, true", len(r.Rows), len(tt.source.Queries()), r.Truncated, tt.rows, tt.queries)
			}
			if len(warnings) != 1 || !strings.HasPrefix(warnings[0], tt.warning) {
				t.Errorf("warnings %q, want %q", warnings, tt.warning)
			}
		})
	}
}

func TestCollectAtExactlyItsLimitIsWhole(t *testing.T) {
	src := sourcetest.Fixed(table([]any{int64(1), int64(1)}, []any{int64(2), int64(2)}), table())
	r, warnings, err := source.Collect(t.Context(), src, statement(t, paged), nil, source.CollectOptions{MaxTotal: 2, MaxRows: 2})
	if err != nil || r.Truncated || warnings != nil || len(r.Rows) != 2 {
		t.Errorf("%v, %q, %v", r, warnings, err)
	}
}

func TestCollectStrictlyRefusesTruncation(t *testing.T) {
	_, _, err := source.Collect(t.Context(), counter(4), statement(t, paged), nil, source.CollectOptions{MaxTotal: 10, Strict: true})
	checkPage(t, err, "truncation is not allowed")
}

func TestCollectKeepsToItsBudget(t *testing.T) {
	long := table([]any{strings.Repeat("x", 1000), "1"}, []any{strings.Repeat("x", 1000), "1"})
	_, _, err := source.Collect(t.Context(), sourcetest.Fixed(long), statement(t, "SELECT 1"), nil, source.CollectOptions{MaxBytes: 2_065})
	checkPage(t, err, "larger than 2065 bytes")
	if _, _, err := source.Collect(t.Context(), sourcetest.Fixed(long), statement(t, "SELECT 1"), nil, source.CollectOptions{MaxBytes: 2_066}); err != nil {
		t.Error(err)
	}
}

func TestPagesSayWhichStatementFailed(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want source.Error
	}{
		{"a source's own error", &source.Error{Op: "x: query", Kind: source.Denied}, source.Error{Op: "x: query", Kind: source.Denied, Statement: 2}},
		{"a foreign error", errors.New("x"), source.Error{Op: "sql: query", Statement: 2}},
		{"a context's error", fmt.Errorf("x: %w", context.Canceled), source.Error{Op: "sql: query", Kind: source.Canceled, Statement: 2}},
		{"a deadline's error", context.DeadlineExceeded, source.Error{Op: "sql: query", Kind: source.Timeout, Statement: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := sourcetest.Func(func(context.Context, source.Query) (*source.Result, error) { return nil, tt.err })
			st := source.Statement{SQL: "SELECT 1", Number: 2}
			for r, err := range source.Pages(t.Context(), src, st, nil, source.PageOptions{}) {
				var e *source.Error
				if r != nil || !errors.As(err, &e) {
					t.Fatalf("%v, %v", r, err)
				}
				got := *e
				got.Err = nil
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestPagesPassTheLimitOn(t *testing.T) {
	src := sourcetest.Fixed(table())
	for range source.Pages(t.Context(), src, statement(t, "SELECT 1"), nil, source.PageOptions{MaxRows: 7}) {
	}
	if diff := cmp.Diff([]source.Query{{SQL: "SELECT 1", MaxRows: 7}}, src.Queries()); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

func TestPagesHoldOnePage(t *testing.T) {
	// A million rows of 40 bytes of text would be well over the limit.
	next := 0
	src := sourcetest.Func(func(context.Context, source.Query) (*source.Result, error) {
		r := table()
		for range 10_000 {
			next++
			r.Rows = append(r.Rows, []any{strings.Repeat("x", 40), int64(next)})
		}
		if next == 1_000_000 {
			r.Rows[9_999][1] = nil
		}
		return r, nil
	})
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, most, rows := m.HeapAlloc, uint64(0), 0
	for r, err := range source.Pages(t.Context(), src, statement(t, paged), nil, source.PageOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		rows += len(r.Rows)
		if rows%100_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	if rows != 1_000_000 || most > before+16<<20 {
		t.Errorf("%d rows, %d KiB above the start", rows, (int64(most)-int64(before))>>10)
	}
}

func TestStoppingEarlyAsksNoMore(t *testing.T) {
	src := counter(1)
	for range source.Pages(t.Context(), src, statement(t, paged), nil, source.PageOptions{}) {
		break
	}
	if n := len(src.Queries()); n != 1 {
		t.Errorf("%d queries, want 1", n)
	}
}
