package snowflake

import (
	"context"
	"crypto/rsa"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/snowflakedb/gosnowflake"

	"github.com/datapush-go/datapush/source"
)

// dialect is how Snowflake quotes and comments. In literals a backslash escapes,
// and a quote may be doubled too
// (https://docs.snowflake.com/en/sql-reference/data-types-text, read 2026-11-23);
// ->> chains statements of any kind
// (https://docs.snowflake.com/en/sql-reference/operators-flow, read 2026-11-23).
var dialect = source.Dialect{Name: "snowflake", Identifiers: `"`, Backslash: true, SlashComments: true, DoubleDollar: true, Flow: true}

// Options configure a Source. A nil *Options and the zero value mean the
// defaults. New uses QueryTag, MaxBytes and Raw only: the rest is the handle's.
type Options struct {
	// PrivateKey logs in by key pair, in the place of a password. Nil keeps what
	// the DSN says.
	PrivateKey *rsa.PrivateKey
	// Warehouse, Role and TimeZone are those of the sessions; TimeZone is an IANA
	// name and the zone in which TIMESTAMP_LTZ is shown. Empty keeps the DSN's,
	// and without one the user's or the account's.
	Warehouse, Role, TimeZone string
	// QueryTag marks every statement in the account's query history. Empty keeps
	// the session's.
	QueryTag string
	// StatementTimeout is the server's own limit for a statement,
	// STATEMENT_TIMEOUT_IN_SECONDS, in whole seconds, rounded up. It ends
	// statements whose client is gone. Zero keeps the DSN's, and without one the
	// account's, which is two days unless somebody has lowered it.
	StatementTimeout time.Duration
	// MaxOpenConns limits the sessions that are open at once. Zero is 4.
	MaxOpenConns int
	// MaxIdleTime is how long a session is kept that nobody uses. Zero is five
	// minutes.
	MaxIdleTime time.Duration
	// ConnectTimeout is how long a login may take, the driver's own repetitions
	// included. Zero is 30 seconds.
	ConnectTimeout time.Duration
	// MaxBytes is how large a result may grow in memory, by source.CellSize. Zero
	// is 64 MiB.
	MaxBytes int64
	// Raw accepts any statement and puts values outside quotes in as they are,
	// see source.Dialect. What a statement may change is then up to the role.
	Raw bool
}

// Source is an account of Snowflake. It implements source.Source,
// source.Describer and source.Sessioner.
type Source struct {
	db      *sql.DB
	o       Options
	own     bool // whether db is the source's to close
	secrets []string
	grace   time.Duration
	closed  atomic.Bool
}

// Open makes a source of the account at dsn, which is the driver's, such as
//
//	user:password@account/database/schema?warehouse=name&role=name
//
// and documented at https://pkg.go.dev/github.com/snowflakedb/gosnowflake. For a
// login by key pair leave the password out and set Options.PrivateKey, or give
// authenticator=SNOWFLAKE_JWT and privateKey, which is the key in PKCS #8, DER and
// URL-safe base64. It makes no connection yet.
//
// Parameters that the driver does not know are those of the session. These are
// set whatever the DSN says: GO_QUERY_RESULT_FORMAT, ROWS_PER_RESULTSET,
// CLIENT_TELEMETRY_ENABLED.
//
// The error is that of a DSN or of options that cannot be used, all that is wrong
// at once; it does not repeat the DSN.
func Open(dsn string, o *Options) (*Source, error) {
	s := newSource(o)
	s.own = true
	text := dsn
	if s.o.PrivateKey != nil && !strings.Contains(strings.ToLower(dsn), "authenticator=") {
		sep := "?"
		if strings.Contains(dsn, "?") {
			sep = "&"
		}
		text += sep + "authenticator=SNOWFLAKE_JWT"
	}
	var errs []error
	wrong := func(text string) { errs = append(errs, errors.New(text)) }
	config, err := gosnowflake.ParseDSN(text)
	if err != nil {
		// The parser's own errors repeat parts of the DSN.
		wrong("the DSN cannot be read; it is like user:password@account/database/schema?warehouse=name")
		config = &gosnowflake.Config{}
	}
	if config.ConnectionDiagnosticsEnabled {
		wrong("the DSN asks for the driver's diagnostics, which end the process")
	}
	if s.o.PrivateKey != nil {
		config.PrivateKey = s.o.PrivateKey
		if err == nil && config.Authenticator != gosnowflake.AuthTypeJwt {
			wrong("Options.PrivateKey is set, and the DSN names another way to log in")
		}
	}
	if s.o.TimeZone != "" {
		if _, err := time.LoadLocation(s.o.TimeZone); err != nil || s.o.TimeZone == "Local" {
			wrong("Options.TimeZone is no IANA name such as Asia/Shanghai")
		}
	}
	if o != nil && (o.MaxBytes < 0 || o.StatementTimeout < 0) {
		wrong("Options.MaxBytes or StatementTimeout is below zero")
	}
	if len(errs) > 0 {
		return nil, &source.Error{Op: "snowflake: open", Err: errors.Join(errs...)}
	}
	s.secrets = append(keys(dsn), dsn, config.Password, config.Host, config.Token, config.Passcode, config.OauthClientSecret, config.ProxyPassword)
	s.db = sql.OpenDB(newConnector(config, s.o))
	s.db.SetMaxOpenConns(s.o.MaxOpenConns)
	s.db.SetMaxIdleConns(s.o.MaxOpenConns)
	s.db.SetConnMaxIdleTime(s.o.MaxIdleTime)
	return s, nil
}

// keys returns the private keys of a DSN, as they are written there.
func keys(dsn string) []string {
	_, params, _ := strings.Cut(dsn, "?")
	values, err := url.ParseQuery(params)
	if err != nil {
		return nil
	}
	var found []string
	for name, v := range values {
		if strings.EqualFold(name, "privateKey") {
			found = append(found, v...)
		}
	}
	return found
}

// New makes a source of a handle of gosnowflake that stays the host's to close.
// Its sessions must answer in the JSON format, by GO_QUERY_RESULT_FORMAT=JSON among
// the parameters of their DSN; a query says so. Where they have a limit on rows,
// ROWS_PER_RESULTSET, what it cuts off may not be noticed.
func New(db *sql.DB, o *Options) *Source {
	s := newSource(o)
	s.db = db
	return s
}

func newSource(o *Options) *Source {
	s := &Source{grace: 10 * time.Second}
	if o != nil {
		s.o = *o
	}
	if s.o.MaxOpenConns <= 0 {
		s.o.MaxOpenConns = 4
	}
	if s.o.MaxIdleTime <= 0 {
		s.o.MaxIdleTime = 5 * time.Minute
	}
	if s.o.ConnectTimeout <= 0 {
		s.o.ConnectTimeout = 30 * time.Second
	}
	if s.o.MaxBytes <= 0 {
		s.o.MaxBytes = source.MaxBytes
	}
	return s
}

// parameters sets those of the session that the source decides on.
func parameters(config *gosnowflake.Config, o Options) {
	set := func(name, value string) {
		for k := range config.Params {
			if strings.EqualFold(k, name) {
				delete(config.Params, k)
			}
		}
		config.Params[name] = &value
	}
	if config.Params == nil {
		config.Params = map[string]*string{}
	}
	set("GO_QUERY_RESULT_FORMAT", "JSON")
	set("ROWS_PER_RESULTSET", strconv.Itoa(source.MaxRows+1))
	set("CLIENT_TELEMETRY_ENABLED", "false")
	config.DisableTelemetry = true
	if config.Tracing == "" {
		// At its own level the driver writes the server's texts to stderr.
		config.Tracing = "fatal"
	}
	if o.TimeZone != "" {
		set("TIMEZONE", o.TimeZone)
	}
	if o.StatementTimeout > 0 {
		set("STATEMENT_TIMEOUT_IN_SECONDS", fmt.Sprint(int64((o.StatementTimeout+time.Second-1)/time.Second)))
	}
	if o.Warehouse != "" {
		config.Warehouse = o.Warehouse
	}
	if o.Role != "" {
		config.Role = o.Role
	}
}

// Dialect says how Snowflake quotes and comments.
func (s *Source) Dialect() source.Dialect {
	d := dialect
	d.Raw = s.o.Raw
	return d
}

// Close ends the source: queries fail from then on. It closes the sessions that
// Open's source has, and leaves a handle given to New as it is.
func (s *Source) Close() error {
	if s.closed.Swap(true) || !s.own {
		return nil
	}
	var err error
	if !s.patiently(ended, func() { err = s.db.Close() }) {
		return fault("close", source.Unavailable, "the service does not answer; its sessions end by themselves")
	}
	return s.wrap(context.Background(), "close", "", err)
}

// Query runs one statement and reads its rows up to the limit.
func (s *Source) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	if err := source.Check(q.SQL, s.Dialect()); err != nil {
		return nil, err
	}
	t, err := s.session(ctx, "query")
	if err != nil {
		return nil, err
	}
	defer t.release()
	return t.query(ctx, q)
}

// Columns names the statement's columns without running it.
func (s *Source) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	if err := source.Check(sql, s.Dialect()); err != nil {
		return nil, err
	}
	t, err := s.session(ctx, "columns")
	if err != nil {
		return nil, err
	}
	defer t.release()
	return t.columns(ctx, sql)
}

// Session returns a source on one session of the account. Its statements run one
// after the other. Where the service has ended the session, or does not answer,
// the next statement has another. It is closed by the caller, and is of no use
// after that.
func (s *Source) Session(ctx context.Context) (source.Source, error) {
	t, err := s.session(ctx, "session")
	if err != nil {
		return nil, err
	}
	return t, nil
}
