package clickhouse

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/datapush-go/datapush/internal/netcause"
	"github.com/datapush-go/datapush/internal/session"
	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// Options configure a Source. A nil *Options and the zero value mean the
// defaults.
type Options struct {
	// MaxOpenConns limits the connections of a source made by Open, where the DSN
	// has no max_open_conns. Zero is 4. New leaves the handle's own limit.
	MaxOpenConns int
	// MaxIdleTime is how long Open keeps a connection that nobody uses. Zero is
	// five minutes.
	MaxIdleTime time.Duration
	// ConnectTimeout is how long Open's connections may take to be made, where
	// the DSN has no dial_timeout. Zero is ten seconds.
	ConnectTimeout time.Duration
	// StatementTimeout is the server's own limit for a statement,
	// max_execution_time. It ends statements whose client is gone. Zero leaves
	// what the server has.
	StatementTimeout time.Duration
	// MaxBytes is how large a result may grow in memory. Zero is 64 MiB. The
	// driver's blocks come on top, up to four of 8,192 rows, however wide: rows of
	// a MiB each that the statement makes up take GiBs before they are counted. Of
	// a MergeTree table the server makes smaller blocks of wide rows by itself
	// (preferred_block_size_bytes); elsewhere SETTINGS max_block_size does.
	// https://clickhouse.com/docs/operations/settings/settings#preferred_block_size_bytes
	MaxBytes int64
	// Raw accepts any statement and puts values outside quotes in as they are,
	// see source.Dialect. The server still refuses to write, and SETTINGS too.
	Raw bool
}

// Source is a ClickHouse server. It implements source.Source, source.Describer
// and source.Sessioner.
type Source struct {
	pool session.Pool
	db   *sql.DB
	opts Options
	// login is the login's own readonly setting plus one; 0 is not known yet.
	login atomic.Int32
}

// Open makes a source of the server at dsn: clickhouse://user:password@host:9000/database
// for the native protocol, http:// or https:// with the port of HTTP for HTTP. Its
// parameters are the driver's, and settings. It makes no connection yet.
//
// The error is that of a DSN that cannot be read; it does not repeat it.
func Open(dsn string, o *Options) (*Source, error) {
	s := newSource(o)
	config, err := clickhouse.ParseDSN(dsn)
	if err != nil || len(config.Addr) == 0 {
		// The parser's own errors repeat parts of the DSN.
		return nil, &source.Error{Op: "clickhouse: open", Err: errors.New("the DSN cannot be read; it is like clickhouse://user:password@host:9000/database, or http://…:8123/…")}
	}
	config.Debug = false //nolint:staticcheck // deprecated, yet a DSN can still set it
	if config.DialTimeout == 0 {
		config.DialTimeout = s.opts.ConnectTimeout
	}
	if config.ReadTimeout == 0 {
		// The driver's 300 s count from the statement's beginning. It is for the
		// context to end a statement.
		config.ReadTimeout = math.MaxInt64
	}
	limit := config.MaxOpenConns
	if limit <= 0 {
		limit = s.opts.MaxOpenConns
	}
	s.db = sql.OpenDB(&connector{opts: *config})
	s.db.SetMaxOpenConns(limit)
	s.db.SetMaxIdleConns(limit)
	s.db.SetConnMaxIdleTime(s.opts.MaxIdleTime)
	s.pool.CloseAll = func() error { return s.wrap(context.Background(), "close", s.db.Close()) }
	return s, nil
}

// New makes a source of a handle of clickhouse.OpenDB, which stays the host's to
// close. Connecting with it heeds no context; its dial_timeout bounds it.
func New(db *sql.DB, o *Options) *Source {
	s := newSource(o)
	s.db = db
	return s
}

func newSource(o *Options) *Source {
	s := &Source{opts: options(o)}
	s.pool.Name, s.pool.Take = "clickhouse", s.take
	s.pool.Grammar = source.Dialect{Name: "clickhouse", Identifiers: "`\"", Backslash: true, BackslashIdentifiers: true,
		HashComments: true, SlashComments: true, NestedComments: true, Heredocs: true, TypographicQuotes: true, FormatClause: true, Raw: s.opts.Raw}
	return s
}

func options(o *Options) Options {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.MaxOpenConns <= 0 {
		opts.MaxOpenConns = 4
	}
	if opts.MaxIdleTime <= 0 {
		opts.MaxIdleTime = 5 * time.Minute
	}
	if opts.ConnectTimeout <= 0 {
		opts.ConnectTimeout = 10 * time.Second
	}
	return opts
}

// Dialect says how ClickHouse quotes and comments.
func (s *Source) Dialect() source.Dialect { return s.pool.Dialect() }

// Close ends the source: queries fail from then on. It closes what Open opened,
// and leaves a handle given to New as it is.
func (s *Source) Close() error { return s.pool.Close() }

// Query runs one statement and reads its rows up to the limit.
func (s *Source) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	return s.pool.Query(ctx, q)
}

// Columns names the statement's columns without running it. Only where two columns
// have the same name, or a view cannot be made of it, the server runs the scalar
// subqueries in it, as for any plan.
func (s *Source) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	return s.pool.Columns(ctx, sql)
}

// Session returns a source on one connection. Its statements run one after the
// other. A statement that was cut off, was cancelled or lost its connection leaves
// the next one another. It is closed by the caller, and is of no use after that.
func (s *Source) Session(ctx context.Context) (source.Source, error) { return s.pool.Session(ctx) }

func (s *Source) take(ctx context.Context, op string) (session.Runner, error) {
	t := &runner{source: s}
	if err := t.acquire(ctx, op); err != nil {
		return nil, err
	}
	return t, nil
}

// runner runs statements on one connection at a time.
type runner struct {
	source *Source
	conn   *sql.Conn // nil when there is none, and the next statement takes another
}

// acquire takes a connection from the pool, and learns once what the login may
// set.
func (t *runner) acquire(ctx context.Context, op string) error {
	c, err := t.source.db.Conn(ctx)
	if err != nil {
		return t.source.wrap(ctx, op, connecting{err})
	}
	t.conn = c
	if t.source.login.Load() > 0 {
		return nil
	}
	r, err := t.read(ctx, "SELECT toInt32(getSetting('readonly'))", nil, sqlrows.Limits{})
	if err != nil {
		_ = t.Release()
		return t.source.wrap(ctx, op, connecting{err})
	}
	if len(r.Rows) == 1 {
		if n, ok := r.Rows[0][0].(int64); ok {
			t.source.login.Store(int32(n) + 1)
		}
	}
	return nil
}

// Release gives the connection back.
func (t *runner) Release() error {
	if t.conn != nil {
		_ = t.conn.Close()
		t.conn = nil
	}
	return nil
}

// drop closes the connection.
func (t *runner) drop() {
	_ = t.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = t.conn.Close()
	t.conn = nil
}

// Query runs one statement.
func (t *runner) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	r, err := t.run(ctx, "query", q)
	if err == nil && len(r.Columns) == 0 {
		// Over HTTP a result without rows has no columns either. With Raw it
		// may be a statement that has no result.
		if r.Columns, err = t.Columns(ctx, q.SQL); t.source.opts.Raw {
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (t *runner) run(ctx context.Context, op string, q source.Query) (*source.Result, error) {
	if t.conn == nil {
		if err := t.acquire(ctx, op); err != nil {
			return nil, err
		}
	}
	r, err := t.read(ctx, q.SQL, t.source.settings(), sqlrows.Limits{Rows: q.MaxRows, Bytes: t.source.opts.MaxBytes})
	if err != nil {
		return nil, t.source.wrap(ctx, op, netcause.About(err, q.SQL))
	}
	return r, nil
}

// Columns describes one statement. As a view the server plans it without running its
// scalar subqueries, which it runs to plan a plain subquery; but a view cannot have
// two columns of one name.
func (t *runner) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	r, err := t.describe(ctx, "view", sql)
	var e *source.Error
	if errors.As(err, &e) && (e.Kind == source.Syntax || e.Kind == source.Other) {
		r, err = t.describe(ctx, "", sql)
	}
	if err != nil {
		return nil, err
	}
	columns := make([]source.Column, len(r.Rows))
	if len(r.Columns) < 2 {
		return nil, t.source.wrap(ctx, "columns", errValue)
	}
	for i, row := range r.Rows {
		name, _ := row[0].(string)
		kind, _ := row[1].(string)
		columns[i] = source.Column{Name: name, Type: kind}
	}
	return columns, nil
}

func (t *runner) describe(ctx context.Context, as, sql string) (*source.Result, error) {
	// A line comment at the statement's end must not swallow the parenthesis.
	return t.run(ctx, "columns", source.Query{SQL: "DESCRIBE TABLE " + as + "(" + strings.TrimRight(sql, "; \t\r\n") + "\n)", MaxRows: math.MaxInt})
}

// fixed says whether the login may set nothing: its own readonly is 1.
func (s *Source) fixed() bool { return s.login.Load()-1 == 1 }

// settings go with every statement, where the login may set any. A readonly of 2
// fixes itself only.
// https://clickhouse.com/docs/operations/settings/permissions-for-queries
func (s *Source) settings() clickhouse.Settings {
	if s.fixed() {
		return nil
	}
	m := clickhouse.Settings{
		// Nothing is written, and SETTINGS of a statement still hold.
		"readonly": 2,
		// Otherwise a statement runs on when its HTTP client leaves.
		"cancel_http_readonly_queries_on_client_close": 1,
		// The driver holds whole blocks, which are eight times as large by
		// default. This is a granule of MergeTree.
		"max_block_size": 8192,
	}
	switch {
	case s.login.Load()-1 == 2:
		delete(m, "readonly")
	case s.opts.Raw:
		// 2 lets INSERT INTO FUNCTION and temporary tables through, which
		// otherwise a statement's text keeps out.
		m["readonly"] = 1
	}
	if limit := s.opts.StatementTimeout; limit > 0 {
		m["max_execution_time"] = max(limit.Seconds(), 0.001)
	}
	return m
}

// read runs a statement to the end of its result or its limit. What was left of it
// then is cancelled on the server, and its connection given up.
func (t *runner) read(ctx context.Context, sql string, settings clickhouse.Settings, limits sqlrows.Limits) (r *source.Result, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// The driver makes of a deadline a max_execution_time, which lifts the
	// server's own, and a limit for its socket, which ends the statement
	// without telling the server. So it does not see it.
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	id := rand.Text()
	own = clickhouse.Context(own, clickhouse.WithSettings(settings), clickhouse.WithQueryID(id))

	raw := t.conn.Raw(func(c any) error {
		var rows driver.Rows
		if rows, err = start(own, c, sql); err == nil {
			r, err = readRows(ctx, rows, cancel, limits)
		}
		return nil
	})
	if err == nil {
		err = raw
	}
	if err == nil && !r.Truncated || errors.As(err, new(*clickhouse.Exception)) {
		return r, err
	}
	// What comes next on the connection may belong to the statement before.
	t.drop()
	if t.source.fixed() {
		t.source.kill(id)
	}
	return r, err
}

// start runs a statement on a connection of ours or of a host's handle.
func start(ctx context.Context, c any, sql string) (driver.Rows, error) {
	if ours, ok := c.(*conn); ok {
		return ours.query(ctx, sql)
	}
	return sqlrows.Query(ctx, c, sql)
}

// patience is how long cleaning up may take once the caller's context is over.
const patience = 5 * time.Second

// kill ends a statement through another connection, for a login that cannot send
// the setting by which HTTP would end it. A login may kill what is its own.
func (s *Source) kill(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := s.db.Conn(ctx)
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.Raw(func(c any) error {
		rows, err := start(ctx, c, "KILL QUERY WHERE query_id = '"+id+"' ASYNC")
		if err != nil {
			return driver.ErrBadConn
		}
		return rows.Close()
	})
}

func readRows(ctx context.Context, rows driver.Rows, cancel context.CancelFunc, limits sqlrows.Limits) (*source.Result, error) {
	columns := sqlrows.Columns(rows)
	r, err := sqlrows.Read(ctx, rows, columns, decoders(columns), limits)
	if err != nil || r.Truncated {
		cancel() // Close would read on to the end
	}
	if end := rows.Close(); err == nil && !r.Truncated {
		err = end
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}
