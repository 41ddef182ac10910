package hologres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/datapush-go/datapush/internal/pg"
	"github.com/datapush-go/datapush/source"
)

// Options configure a Source. A nil *Options and the zero value mean the
// defaults.
type Options struct {
	// SimpleProtocol sends every statement as a single message, for gateways that
	// refuse the extended protocol.
	SimpleProtocol bool
	// MaxConns limits the connections of a source made by Open, where the
	// connection string has no pool_max_conns. Zero is 4. New leaves the pool's
	// own limit.
	MaxConns int
	// MaxIdleTime is how long Open keeps a connection that nobody uses, where the
	// connection string has no pool_max_conn_idle_time. Zero is five minutes.
	MaxIdleTime time.Duration
	// ConnectTimeout is how long Open's connections may take to be made, where
	// the connection string has no connect_timeout. Zero is ten seconds.
	ConnectTimeout time.Duration
	// MaxBytes is how large a result may grow in memory. Zero is 64 MiB.
	MaxBytes int64
	// Raw accepts any statement and puts values outside quotes in as they are,
	// see source.Dialect. The transaction stays read-only.
	Raw bool
}

// Source is a Hologres database. It implements source.Source, source.Describer
// and source.Sessioner.
type Source struct{ s *pg.Source }

// Open makes a source of the database at dsn, a URL or key=value text as libpq
// takes it; what it leaves out comes from the PG* environment variables. It makes
// no connection yet.
//
// The error is that of a DSN that cannot be read; it does not repeat it.
func Open(dsn string, o *Options) (*Source, error) {
	opts := options(o)
	// The parser's own errors repeat parts of the DSN.
	unreadable := &source.Error{Op: "hologres: open", Err: errors.New("the DSN cannot be read; it is like postgres://user:password@host:5432/database or user=… host=… dbname=…")}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, unreadable
	}
	parsed, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, unreadable
	}
	if _, given := parsed.RuntimeParams["pool_max_conns"]; !given {
		config.MaxConns = int32(opts.MaxConns)
	}
	if _, given := parsed.RuntimeParams["pool_max_conn_idle_time"]; !given {
		config.MaxConnIdleTime = opts.MaxIdleTime
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = opts.ConnectTimeout
	}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, unreadable
	}
	return newSource(pool, opts, pool.Close), nil
}

// New makes a source of a pool that stays the host's to close. Its connections
// are given back as they were, between transactions.
func New(pool *pgxpool.Pool, o *Options) *Source {
	return newSource(pool, options(o), nil)
}

func options(o *Options) Options {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.MaxConns <= 0 {
		opts.MaxConns = 4
	}
	if opts.MaxIdleTime <= 0 {
		opts.MaxIdleTime = 5 * time.Minute
	}
	if opts.ConnectTimeout <= 0 {
		opts.ConnectTimeout = 10 * time.Second
	}
	return opts
}

func newSource(pool *pgxpool.Pool, o Options, closePool func()) *Source {
	c := pg.Config{
		Name: "hologres",
		Dialect: source.Dialect{Name: "hologres", Identifiers: `"`, EscapeStrings: true, NestedComments: true,
			DollarQuotes: true, Raw: o.Raw},
		Settings:    "; SET LOCAL extra_float_digits = 3",
		MaxBytes:    o.MaxBytes,
		PoolSize:    int(pool.Config().MaxConns),
		Close:       closePool,
		ServerError: serverError,
	}
	dialect := c.Dialect
	c.Acquire = func(ctx context.Context) (pg.Conn, error) {
		pooled, err := pool.Acquire(ctx)
		if err != nil {
			return nil, err
		}
		return &conn{pooled: pooled, c: pooled.Conn().PgConn(), simple: o.SimpleProtocol, dialect: dialect}, nil
	}
	return &Source{pg.New(c)}
}

// Dialect says how the server quotes and comments.
func (s *Source) Dialect() source.Dialect { return s.s.Dialect() }

// Query runs one statement and reads its rows up to the limit.
func (s *Source) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	return s.s.Query(ctx, q)
}

// Columns names the statement's columns without running it.
func (s *Source) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	return s.s.Columns(ctx, sql)
}

// Session returns a source on one connection, in one read-only transaction as
// long as no statement fails or is cut off. Its statements run one after the
// other. It is closed by the caller, and is of no use after that.
func (s *Source) Session(ctx context.Context) (source.Source, error) { return s.s.Session(ctx) }

// Close ends the source: queries fail from then on. It closes what Open opened,
// once what is running has ended, and leaves a pool given to New as it is.
func (s *Source) Close() error { return s.s.Close() }

// serverError takes the server's code and text out of an error.
func serverError(err error) (code, text string, ok bool) {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return "", "", false
	}
	return e.Code, e.Message, true
}

// conn is a connection below pgx's own scanning.
type conn struct {
	pooled  *pgxpool.Conn
	c       *pgconn.PgConn
	simple  bool
	dialect source.Dialect
}

func (c *conn) Exec(ctx context.Context, sql string) error { return c.c.Exec(ctx, sql).Close() }

func (c *conn) Query(ctx context.Context, sql string) pg.Rows {
	if !c.simple {
		r := c.c.ExecParams(ctx, sql, nil, nil, nil, nil)
		return &rows{r: r, close: func() error { _, err := r.Close(); return err }}
	}
	all := c.c.Exec(ctx, sql)
	if !all.NextResult() {
		return &rows{close: all.Close}
	}
	return &rows{r: all.ResultReader(), close: all.Close}
}

func (c *conn) Describe(ctx context.Context, sql string) ([]pg.Field, error) {
	if c.simple {
		r := c.Query(ctx, source.WithoutRows(sql, c.dialect))
		fields := r.Fields()
		return fields, r.Close()
	}
	d, err := c.c.Prepare(ctx, "", sql, nil)
	if err != nil {
		return nil, err
	}
	return fieldsOf(d.Fields), nil
}

func (c *conn) Cancel(ctx context.Context) error {
	if err := c.c.CancelRequest(ctx); err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	return c.c.Conn().SetDeadline(deadline)
}

func (c *conn) Abort() { _ = c.c.Conn().SetDeadline(time.Unix(1, 0)) }

func (c *conn) Settle() { _ = c.c.Conn().SetDeadline(time.Time{}) }

func (c *conn) Parameter(name string) string { return c.c.ParameterStatus(name) }

func (c *conn) Release(clean bool) {
	if !clean {
		// pgx would read on for a while, and so keep the statement alive.
		_ = c.c.Conn().Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = c.c.Close(ctx)
	}
	c.pooled.Release()
}

// rows reads one result. Without a reader the statement failed, or returned
// nothing.
type rows struct {
	r     *pgconn.ResultReader
	close func() error
}

func (r *rows) Fields() []pg.Field {
	if r.r == nil {
		return nil
	}
	return fieldsOf(r.r.FieldDescriptions())
}

func (r *rows) Next() bool       { return r.r != nil && r.r.NextRow() }
func (r *rows) Values() [][]byte { return r.r.Values() }
func (r *rows) Close() error     { return r.close() }

func fieldsOf(d []pgconn.FieldDescription) []pg.Field {
	fields := make([]pg.Field, len(d))
	for i, f := range d {
		fields[i] = pg.Field{Name: f.Name, OID: f.DataTypeOID}
	}
	return fields
}
