package snowflake

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"github.com/datapush-go/datapush/source"
)

// querier is what the driver's connections have beside database/sql's methods.
type querier interface {
	QueryArrowStream(ctx context.Context, query string, bindings ...driver.NamedValue) (gosnowflake.ArrowStreamLoader, error)
}

// conn is a connection of Open's.
type conn struct {
	driver.Conn
	querier
	// rows is where the session cuts results, zero for nowhere.
	rows int
}

// connector makes connections with parameters of their own: those that the driver
// is told by one session it would give to the next.
type connector struct {
	config  gosnowflake.Config
	timeout time.Duration
}

func newConnector(config *gosnowflake.Config, o Options) *connector {
	parameters(config, o)
	return &connector{*config, o.ConnectTimeout}
}

func (c *connector) Driver() driver.Driver { return gosnowflake.SnowflakeDriver{} }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	config := c.config
	config.Params = maps.Clone(c.config.Params)
	own, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	raw, err := gosnowflake.NewConnector(gosnowflake.SnowflakeDriver{}, config).Connect(own)
	if err != nil {
		if ctx.Err() == nil && own.Err() != nil {
			return nil, errLogin
		}
		return nil, err
	}
	q, ok := raw.(querier)
	if !ok {
		return nil, errors.Join(errForeign, raw.Close())
	}
	return &conn{raw, q, source.MaxRows + 1}, nil
}

// ended is a context that is over.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// patiently runs f and returns whether it has ended no later than s.grace after
// ctx. The driver aborts statements and closes sessions on a context that nobody
// can end, and asks for minutes when the service does not answer; f is left to
// that then.
func (s *Source) patiently(ctx context.Context, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	timer := time.NewTimer(s.grace)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

func (s *Source) session(ctx context.Context, op string) (*session, error) {
	if s.closed.Load() {
		return nil, fault(op, source.Unavailable, "the source is closed")
	}
	t := &session{source: s, busy: make(chan struct{}, 1)}
	if err := t.acquire(ctx, op); err != nil {
		return nil, err
	}
	return t, nil
}

// session runs statements on one connection.
type session struct {
	source *Source
	busy   chan struct{}
	done   bool
	conn   *sql.Conn // nil when there is none, and the next statement takes another
}

func (t *session) acquire(ctx context.Context, op string) error {
	c, err := t.source.db.Conn(ctx)
	if err != nil {
		return t.source.wrap(ctx, op, "", err)
	}
	t.conn = c
	return nil
}

// drop closes the connection.
func (t *session) drop() {
	c := t.conn
	t.conn = nil
	t.source.patiently(ended, func() { discard(c) })
}

func discard(c *sql.Conn) {
	_ = c.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.Close()
}

func (t *session) release() {
	t.done = true
	if t.conn != nil {
		_ = t.conn.Close()
		t.conn = nil
	}
}

func (t *session) Dialect() source.Dialect { return t.source.Dialect() }

func (t *session) take(ctx context.Context, op string) error {
	select {
	case t.busy <- struct{}{}:
	case <-ctx.Done():
		return t.source.wrap(ctx, op, "", ctx.Err())
	}
	if t.done {
		<-t.busy
		return fault(op, source.Unavailable, "the session is closed")
	}
	return nil
}

func (t *session) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	if err := source.Check(q.SQL, t.Dialect()); err != nil {
		return nil, err
	}
	if err := t.take(ctx, "query"); err != nil {
		return nil, err
	}
	defer func() { <-t.busy }()
	return t.query(ctx, q)
}

func (t *session) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	if err := source.Check(sql, t.Dialect()); err != nil {
		return nil, err
	}
	if err := t.take(ctx, "columns"); err != nil {
		return nil, err
	}
	defer func() { <-t.busy }()
	return t.columns(ctx, sql)
}

func (t *session) Close() error {
	t.busy <- struct{}{}
	defer func() { <-t.busy }()
	t.release()
	return nil
}

func (t *session) columns(ctx context.Context, sql string) ([]source.Column, error) {
	a, err := t.run(gosnowflake.WithDescribeOnly(ctx), "columns", sql, 0)
	if err != nil {
		return nil, err
	}
	cols, _, err := columns(a.stream)
	return cols, t.source.wrap(ctx, "columns", a.id, err)
}

func (t *session) query(ctx context.Context, q source.Query) (*source.Result, error) {
	limit := q.MaxRows
	if limit <= 0 {
		limit = source.MaxRows
	}
	a, err := t.run(ctx, "query", q.SQL, limit)
	if err != nil {
		return nil, err
	}
	r, err := read(ctx, a.stream, limit, t.source.o.MaxBytes)
	if err != nil {
		return nil, t.source.wrap(ctx, "query", a.id, err)
	}
	return r, nil
}

// answer is what the driver made of a statement.
type answer struct {
	stream gosnowflake.ArrowStreamLoader
	// id is the service's name of the statement, or "".
	id  string
	err error
}

// run has the service run a statement whose result is read up to a number of
// rows. Its error is a *source.Error.
func (t *session) run(ctx context.Context, op, sql string, rows int) (answer, error) {
	for tries := 1; ; tries++ {
		if t.conn == nil {
			if err := t.acquire(ctx, op); err != nil {
				return answer{}, err
			}
		}
		requestID := gosnowflake.NewUUID()
		a := t.submit(ctx, requestID, sql, rows)
		switch {
		case a.err == nil:
			return a, nil
		case ctx.Err() != nil:
			if left(a.err) || unanswered(a.err) && !errors.Is(a.err, ctx.Err()) {
				a.err = unaborted(a.id)
			}
		case errors.Is(a.err, errPanic):
			t.drop()
		case sessionOver(a.err):
			t.drop()
			if a.id == "" && tries <= t.source.o.MaxOpenConns {
				continue // the service has not taken the statement; others of the pool may have ended too
			}
		case unanswered(a.err):
			a.err = t.lost(requestID, sql, a)
		}
		return answer{}, t.source.wrap(ctx, op, a.id, a.err)
	}
}

// submit sends a statement and waits until it has ended. The driver repeats a
// submission whose answer is lost under the same request ID, by which the service
// knows it.
func (t *session) submit(ctx context.Context, id gosnowflake.UUID, sql string, rows int) answer {
	told := make(chan string, 1)
	own := gosnowflake.WithRequestID(gosnowflake.WithQueryIDChan(ctx, told), id)
	if t.source.o.QueryTag != "" {
		own = gosnowflake.WithQueryTag(own, t.source.o.QueryTag)
	}
	a := t.call(ctx, func(q querier) (a answer) {
		if c, ok := q.(*conn); ok && rows > 0 {
			if a.err = c.limit(ctx, rows); a.err != nil {
				return a
			}
		}
		a.stream, a.err = q.QueryArrowStream(own, sql)
		return a
	})
	select {
	case a.id = <-told:
	default:
	}
	return a
}

// left says whether a statement whose context has ended could not be aborted: the
// driver joins the reason to the context's error.
func left(err error) bool {
	var joined interface{ Unwrap() []error }
	return errors.As(err, &joined) || errors.Is(err, errLeft)
}

// limit has the service cut results after one row more than are read, so that it
// computes and stores no others.
func (c *conn) limit(ctx context.Context, rows int) error {
	if rows++; rows <= 0 || rows > math.MaxInt32 {
		rows = 0 // no limit
	}
	if rows == c.rows {
		return nil
	}
	c.rows = -1 // not known, should the answer be lost
	if _, err := c.QueryArrowStream(ctx, "ALTER SESSION SET ROWS_PER_RESULTSET = "+strconv.Itoa(rows)); err != nil {
		return err
	}
	c.rows = rows
	return nil
}

// lost has a statement aborted whose answer did not come.
func (t *session) lost(id gosnowflake.UUID, sql string, a answer) error {
	why := said(a.err)
	// On a context that has ended the driver asks for the request to be aborted
	// and sends nothing else.
	b := t.call(ended, func(q querier) (b answer) {
		b.stream, b.err = q.QueryArrowStream(gosnowflake.WithRequestID(ended, id), sql)
		return b
	})
	if t.conn != nil {
		t.drop()
	}
	if errors.Is(b.err, context.Canceled) && !left(b.err) {
		return &failure{kind: source.Unavailable, err: fmt.Errorf("the service did not answer (%s), and has aborted the statement", why)}
	}
	return &failure{kind: source.Unavailable, err: fmt.Errorf("the service did not answer (%s); %w", why, ErrSubmissionLost)}
}

// call has the driver do something with the connection, which is gone when it did
// not end in time.
func (t *session) call(ctx context.Context, f func(q querier) answer) answer {
	c := t.conn
	var over atomic.Bool // whoever comes second to say so has the connection
	result := make(chan answer, 1)
	ok := t.source.patiently(ctx, func() {
		a := answer{err: errPanic}
		func() {
			defer func() { _ = recover() }()
			err := c.Raw(func(dc any) error {
				q, ok := dc.(querier)
				if !ok {
					a.err = errForeign
					return nil
				}
				a = f(q)
				return nil
			})
			if err != nil {
				a.err = err
			}
		}()
		result <- a
		if over.Swap(true) {
			discard(c)
		}
	})
	if ok || over.Swap(true) {
		return <-result
	}
	t.conn = nil
	return answer{err: errLeft}
}
