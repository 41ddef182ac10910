package hologres

import (
	"context"
	"time"

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
	// see source.Dialect. Every transaction begins read-only, but in a session a
	// statement may end it or make it writable: the login's grants are what holds
	// then.
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
	server, opts := o.server()
	s, err := pg.Open(dsn, server, opts)
	if err != nil {
		return nil, err
	}
	return &Source{s}, nil
}

// New makes a source of a pool that stays the host's to close. Its connections
// are given back between transactions, with their settings as they were. What a
// statement's functions leave behind outside of transactions stays, such as
// pg_advisory_lock and set_config without is_local.
func New(pool *pgxpool.Pool, o *Options) *Source {
	server, opts := o.server()
	return &Source{pg.Over(pool, server, opts)}
}

func (o *Options) server() (pg.Server, pg.Options) {
	if o == nil {
		o = new(Options)
	}
	return pg.Server{
		Name:     "hologres",
		Dialect:  source.Dialect{Name: "hologres", Identifiers: `"`, EscapeStrings: true, NestedComments: true, DollarQuotes: true},
		Settings: "; SET LOCAL extra_float_digits = 3",
	}, pg.Options(*o)
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
