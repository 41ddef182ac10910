package sourcetest

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/datapush-go/datapush/source"
)

// Memory is a source without a database: it answers from a function and keeps
// what it was asked. It heeds contexts and limits as the contract says. It is
// safe for concurrent use if its function is.
type Memory struct {
	// Syntax is what Dialect returns. The zero value is source.ANSI.
	Syntax source.Dialect

	answer func(ctx context.Context, q source.Query) (*source.Result, error)

	mu      sync.Mutex
	queries []source.Query
	open    int
	opened  int
	closed  bool
}

// Func answers every query with f. The queries' SQL is not checked. A result is
// copied before it is handed out.
func Func(f func(ctx context.Context, q source.Query) (*source.Result, error)) *Memory {
	return &Memory{answer: f}
}

// Fixed answers the first query with the first result, and so on; after the last
// it begins again. Without results every query is an error.
func Fixed(results ...*source.Result) *Memory {
	var mu sync.Mutex
	n := 0
	return Func(func(context.Context, source.Query) (*source.Result, error) {
		if len(results) == 0 {
			return nil, &source.Error{Op: "memory: query", Err: errors.New("no results were given")}
		}
		mu.Lock()
		defer mu.Unlock()
		n++
		return results[(n-1)%len(results)], nil
	})
}

// Table makes a result of named columns and rows of cells.
func Table(columns []string, rows ...[]any) *source.Result {
	r := &source.Result{Columns: make([]source.Column, len(columns)), Rows: rows}
	for i, c := range columns {
		r.Columns[i].Name = c
	}
	return r
}

// Query answers q, cut at its limit.
func (m *Memory) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	m.mu.Lock()
	closed := m.closed
	m.queries = append(m.queries, q)
	m.mu.Unlock()
	if closed {
		return nil, &source.Error{Op: "memory: query", Kind: source.Unavailable, Err: errors.New("the source is closed")}
	}
	if err := ended(ctx); err != nil {
		return nil, err
	}
	r, err := m.answer(ctx, q)
	if err != nil || r == nil {
		return nil, err
	}
	limit := q.MaxRows
	if limit == 0 {
		limit = source.MaxRows
	}
	out := &source.Result{Columns: slices.Clone(r.Columns), Truncated: r.Truncated}
	for _, row := range r.Rows {
		if len(out.Rows) == limit {
			out.Truncated = true
			break
		}
		out.Rows = append(out.Rows, slices.Clone(row))
	}
	return out, nil
}

func ended(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &source.Error{Op: "memory: query", Kind: source.Timeout, Err: err}
	default:
		return &source.Error{Op: "memory: query", Kind: source.Canceled, Err: err}
	}
}

// Dialect returns m.Syntax, or source.ANSI.
func (m *Memory) Dialect() source.Dialect {
	if m.Syntax == (source.Dialect{}) {
		return source.ANSI
	}
	return m.Syntax
}

// Close ends the source: queries fail from then on.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Session returns a source that answers like m and counts in OpenSessions until
// it is closed.
func (m *Memory) Session(ctx context.Context) (source.Source, error) {
	if err := ended(ctx); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open++
	m.opened++
	return &memorySession{Memory: m}, nil
}

// Queries returns what was asked so far, sessions included, in order.
func (m *Memory) Queries() []source.Query {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.queries)
}

// Sessions returns how many sessions were opened so far, and how many of them
// are still open.
func (m *Memory) Sessions() (opened, open int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.opened, m.open
}

// memorySession hides Session and Close of the Memory that it answers from.
type memorySession struct {
	*Memory
	once sync.Once
}

func (s *memorySession) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
	})
	return nil
}
