// Package session is what sources have in common that take a connection for each
// statement, or keep one for the statements of a run.
package session

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/datapush-go/datapush/source"
)

// Runner runs statements that were checked on one connection. Its methods are not
// called at once, and none after Release.
type Runner interface {
	Query(ctx context.Context, q source.Query) (*source.Result, error)
	Columns(ctx context.Context, sql string) ([]source.Column, error)
	// Release gives the connection back as it was found.
	Release() error
}

// Pool implements source.Source, source.Describer and source.Sessioner for the
// connections that it takes.
type Pool struct {
	// Name begins every error: "mysql".
	Name    string
	Grammar source.Dialect
	// Take takes a connection for an operation, such as "query".
	Take func(ctx context.Context, op string) (Runner, error)
	// CloseAll ends the pool; nil where it is the host's.
	CloseAll func() error

	closed atomic.Bool
}

// Dialect returns the grammar.
func (p *Pool) Dialect() source.Dialect { return p.Grammar }

// Query runs one statement on a connection of its own.
func (p *Pool) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	return on(ctx, p, "query", q.SQL, func(r Runner) (*source.Result, error) { return r.Query(ctx, q) })
}

// Columns describes one statement on a connection of its own.
func (p *Pool) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	return on(ctx, p, "columns", sql, func(r Runner) ([]source.Column, error) { return r.Columns(ctx, sql) })
}

func on[T any](ctx context.Context, p *Pool, op, sql string, run func(Runner) (T, error)) (none T, err error) {
	if err := source.Check(sql, p.Grammar); err != nil {
		return none, err
	}
	r, err := p.take(ctx, op)
	if err != nil {
		return none, err
	}
	defer r.Release()
	return run(r)
}

// Session keeps a connection until it is closed. Its statements run one after the
// other.
func (p *Pool) Session(ctx context.Context) (source.Source, error) {
	r, err := p.take(ctx, "session")
	if err != nil {
		return nil, err
	}
	return &pinned{pool: p, runner: r, busy: make(chan struct{}, 1)}, nil
}

// Close closes the pool once: queries fail from then on.
func (p *Pool) Close() error {
	if p.closed.Swap(true) || p.CloseAll == nil {
		return nil
	}
	return p.CloseAll()
}

func (p *Pool) take(ctx context.Context, op string) (Runner, error) {
	if p.closed.Load() {
		return nil, p.fault(op, source.Unavailable, errors.New("the source is closed"))
	}
	return p.Take(ctx, op)
}

func (p *Pool) fault(op string, kind source.Kind, err error) error {
	return &source.Error{Op: p.Name + ": " + op, Kind: kind, Err: err}
}

// pinned is a source on one connection.
type pinned struct {
	pool   *Pool
	runner Runner
	busy   chan struct{}
	done   bool
	closed error
}

func (s *pinned) Dialect() source.Dialect { return s.pool.Grammar }

func (s *pinned) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	return inTurn(ctx, s, "query", q.SQL, func() (*source.Result, error) { return s.runner.Query(ctx, q) })
}

func (s *pinned) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	return inTurn(ctx, s, "columns", sql, func() ([]source.Column, error) { return s.runner.Columns(ctx, sql) })
}

// inTurn waits for the connection, no longer than for ctx.
func inTurn[T any](ctx context.Context, s *pinned, op, sql string, run func() (T, error)) (none T, err error) {
	if err := source.Check(sql, s.pool.Grammar); err != nil {
		return none, err
	}
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		kind := source.Canceled
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			kind = source.Timeout
		}
		return none, s.pool.fault(op, kind, ctx.Err())
	}
	if s.done {
		return none, s.pool.fault(op, source.Unavailable, errors.New("the session is closed"))
	}
	return run()
}

// Close waits for the statement that runs, and gives the connection back once.
func (s *pinned) Close() error {
	s.busy <- struct{}{}
	defer func() { <-s.busy }()
	if !s.done {
		s.done = true
		s.closed = s.runner.Release()
	}
	return s.closed
}
