package pg

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/datapush-go/datapush/source"
)

// Server is what tells one relative from another.
type Server struct {
	// Name begins every error: "postgres".
	Name    string
	Dialect source.Dialect
	// Settings begin every transaction, beside those that reading depends on.
	Settings string
}

// Options are those of the packages that call Open and Over, which say what they
// mean.
type Options struct {
	SimpleProtocol bool
	MaxConns       int
	MaxIdleTime    time.Duration
	ConnectTimeout time.Duration
	MaxBytes       int64
	Raw            bool
}

// Open makes a source with a pool of its own. The error does not repeat the DSN.
func Open(dsn string, server Server, o Options) (*Source, error) {
	if o.MaxConns <= 0 {
		o.MaxConns = 4
	}
	if o.MaxIdleTime <= 0 {
		o.MaxIdleTime = 5 * time.Minute
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = 10 * time.Second
	}
	// The parser's own errors repeat parts of the DSN.
	unreadable := &source.Error{Op: server.Name + ": open", Err: errors.New("the DSN cannot be read; it is like postgres://user:password@host:5432/database or user=… host=… dbname=…")}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, unreadable
	}
	// What the DSN says of the pool is still there for a parser that knows no
	// pools.
	parsed, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, unreadable
	}
	if _, given := parsed.RuntimeParams["pool_max_conns"]; !given {
		config.MaxConns = int32(o.MaxConns)
	}
	if _, given := parsed.RuntimeParams["pool_max_conn_idle_time"]; !given {
		config.MaxConnIdleTime = o.MaxIdleTime
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = o.ConnectTimeout
	}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, unreadable
	}
	return over(pool, server, o, pool.Close), nil
}

// Over makes a source of a host's pool.
func Over(pool *pgxpool.Pool, server Server, o Options) *Source { return over(pool, server, o, nil) }

func over(pool *pgxpool.Pool, server Server, o Options, closePool func()) *Source {
	server.Dialect.Raw = o.Raw
	return New(Config{
		Server:   server,
		MaxBytes: o.MaxBytes,
		PoolSize: int(pool.Config().MaxConns),
		Acquire: func(ctx context.Context) (Conn, error) {
			pooled, err := pool.Acquire(ctx)
			if err != nil {
				return nil, err
			}
			return &conn{pooled: pooled, c: pooled.Conn().PgConn(), simple: o.SimpleProtocol, dialect: server.Dialect}, nil
		},
		Close:       closePool,
		ServerError: serverError,
	})
}

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

func (c *conn) Query(ctx context.Context, sql string) Rows {
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

func (c *conn) Describe(ctx context.Context, sql string) ([]Field, error) {
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

func (r *rows) Fields() []Field {
	if r.r == nil {
		return nil
	}
	return fieldsOf(r.r.FieldDescriptions())
}

func (r *rows) Next() bool       { return r.r != nil && r.r.NextRow() }
func (r *rows) Values() [][]byte { return r.r.Values() }
func (r *rows) Close() error     { return r.close() }

func fieldsOf(d []pgconn.FieldDescription) []Field {
	fields := make([]Field, len(d))
	for i, f := range d {
		fields[i] = Field{Name: f.Name, OID: f.DataTypeOID}
	}
	return fields
}
