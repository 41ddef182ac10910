package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/datapush-go/datapush/internal/session"
	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// Dialect is how SQLite quotes and comments.
var dialect = source.Dialect{Name: "sqlite", Identifiers: "\"`["}

// Options configure a Source. A nil *Options and the zero value mean the
// defaults.
type Options struct {
	// MaxOpenConns limits the connections of a source made by Open. Zero is 4.
	// New leaves the handle's own limit.
	MaxOpenConns int
	// MaxIdleTime is how long Open keeps a connection that nobody uses. Zero is
	// five minutes; below zero it is kept for good.
	MaxIdleTime time.Duration
	// MaxBytes is how large a result may grow in memory. Zero is 64 MiB.
	MaxBytes int64
	// Raw accepts any statement and puts values outside quotes in as they are,
	// see source.Dialect. The connection is made query-only before each statement.
	Raw bool
}

// Source is a SQLite database. It implements source.Source, source.Describer and
// source.Sessioner.
type Source struct {
	pool    session.Pool
	db      *sql.DB
	opts    Options
	owned   bool
	secrets []string
}

// Open makes a source of the database at dsn: a path or a file: URI, with the
// driver's parameters after a question mark. It does no I/O. A file that does not
// exist is an error at the first query; it is not created, and mode=rwc, which asks
// for that, is refused. Use New for a database in memory, which lives in one
// connection.
//
// The error is that of a DSN that cannot be read; it does not repeat it.
func Open(dsn string, o *Options) (*Source, error) {
	s := newSource(o)
	if creates(dsn) {
		return nil, &source.Error{Op: "sqlite: open", Err: errors.New("the DSN asks to create the file, and a source only reads; leave mode=rwc out")}
	}
	s.owned, s.secrets = true, secrets(dsn)
	connector, err := sqlite.NewConnector(existing(dsn))
	if err != nil {
		return nil, s.wrap(context.Background(), "open", err)
	}
	s.db = sql.OpenDB(readOnly{connector})
	limit, idle := s.opts.MaxOpenConns, s.opts.MaxIdleTime
	if limit <= 0 {
		limit = 4
	}
	if idle == 0 {
		idle = 5 * time.Minute
	}
	s.db.SetMaxOpenConns(limit)
	s.db.SetMaxIdleConns(limit)
	s.db.SetConnMaxIdleTime(max(idle, 0))
	s.pool.CloseAll = func() error { return s.wrap(context.Background(), "close", s.db.Close()) }
	return s, nil
}

// New makes a source of a handle that stays the host's to close. Its connections
// are query-only only while a statement or a session of the source has them.
func New(db *sql.DB, o *Options) *Source {
	s := newSource(o)
	s.db = db
	return s
}

func newSource(o *Options) *Source {
	s := new(Source)
	if o != nil {
		s.opts = *o
	}
	s.pool.Name, s.pool.Grammar, s.pool.Take = "sqlite", dialect, s.take
	s.pool.Grammar.Raw = s.opts.Raw
	return s
}

// Dialect says how SQLite quotes and comments.
func (s *Source) Dialect() source.Dialect { return s.pool.Dialect() }

// Close ends the source: queries fail from then on. It closes what Open opened,
// and leaves a handle given to New as it is.
func (s *Source) Close() error { return s.pool.Close() }

// Query runs one statement and reads its rows up to the limit.
func (s *Source) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	return s.pool.Query(ctx, q)
}

// Columns names the statement's columns without running it.
func (s *Source) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	return s.pool.Columns(ctx, sql)
}

// Session returns a source on one connection. Its statements run one after the
// other. It is closed by the caller, and is of no use after that.
func (s *Source) Session(ctx context.Context) (source.Source, error) { return s.pool.Session(ctx) }

func (s *Source) take(ctx context.Context, op string) (session.Runner, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, s.wrap(ctx, op, err)
	}
	t := &runner{source: s, conn: conn}
	if !s.owned {
		if err := t.protect(ctx); err != nil {
			_ = t.Release()
			return nil, s.wrap(ctx, op, err)
		}
	}
	return t, nil
}

// runner runs statements on one connection.
type runner struct {
	source *Source
	conn   *sql.Conn
	// restore is true when the connection was not query-only before.
	restore bool
}

// protect makes the connection query-only and remembers what it was.
func (t *runner) protect(ctx context.Context) error {
	var on bool
	if err := t.conn.QueryRowContext(ctx, "PRAGMA query_only").Scan(&on); err != nil {
		return err
	}
	if on {
		return nil
	}
	t.restore = true
	return t.queryOnly(ctx)
}

func (t *runner) queryOnly(ctx context.Context) error {
	_, err := t.conn.ExecContext(ctx, "PRAGMA query_only=1")
	return err
}

// Release gives the connection back whatever has become of the run's context.
func (t *runner) Release() error {
	switch {
	case t.restore:
		if _, err := t.conn.ExecContext(context.Background(), "PRAGMA query_only=0"); err != nil {
			// The host must not get back a connection that cannot write.
			_ = t.conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	case t.source.opts.Raw:
		_ = t.queryOnly(context.Background())
	}
	return t.source.wrap(context.Background(), "close", t.conn.Close())
}

func (t *runner) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	if t.source.opts.Raw {
		// The statement before may have changed it.
		if err := t.queryOnly(ctx); err != nil {
			return nil, t.source.wrap(ctx, "query", err)
		}
	}
	var r *source.Result
	err := t.conn.Raw(func(conn any) error {
		rows, err := sqlrows.Query(ctx, conn, q.SQL)
		if err != nil {
			return err
		}
		defer rows.Close()
		// The driver heeds ctx until the first row is there.
		defer interruptWith(ctx, conn)()
		columns := sqlrows.Columns(rows)
		decode := make([]sqlrows.Decode, len(columns))
		for i, c := range columns {
			decode[i] = decoder(c.Type)
		}
		r, err = sqlrows.Read(ctx, rows, columns, decode, sqlrows.Limits{Rows: q.MaxRows, Bytes: t.source.opts.MaxBytes})
		return err
	})
	if err != nil {
		var se *sqlite.Error
		if errors.As(err, &se) && se.Code()&0xff == sqlite3.SQLITE_ERROR && t.compiles(ctx, q.SQL) {
			err = running{err}
		}
		return nil, t.source.wrap(ctx, "query", err)
	}
	return r, nil
}

// running is an error of a statement that SQLite could compile: its text, unlike
// those of the compiler, which has seen no row, may repeat a value.
type running struct{ error }

func (r running) Unwrap() error { return r.error }

// reason is what is shown of it.
func (r running) reason() string {
	for _, fixed := range []string{"integer overflow", "malformed JSON"} {
		if strings.Contains(r.Error(), ": "+fixed+" (") {
			return fixed
		}
	}
	return "the statement failed while it ran, on a value of a row or of its own"
}

func (t *runner) compiles(ctx context.Context, query string) bool {
	_, err := t.Columns(context.WithoutCancel(ctx), query)
	return err == nil
}

func (t *runner) Columns(ctx context.Context, query string) ([]source.Column, error) {
	var info []sqlite.ColumnInfo
	err := ctx.Err()
	if err == nil {
		err = t.conn.Raw(func(conn any) error {
			c, ok := bare(conn).(interface {
				ColumnInfo(string) ([]sqlite.ColumnInfo, error)
			})
			if !ok {
				return errors.New("the handle is not of modernc.org/sqlite; its columns cannot be described")
			}
			var err error
			info, err = c.ColumnInfo(query)
			return err
		})
	}
	if err != nil {
		return nil, t.source.wrap(ctx, "columns", err)
	}
	columns := make([]source.Column, len(info))
	for i, c := range info {
		columns[i] = source.Column{Name: c.Name, Type: strings.ToUpper(c.DeclType)}
	}
	return columns, nil
}

// bare returns the driver's connection, whatever a host wrapped it in.
func bare(conn any) any {
	for {
		w, ok := conn.(interface{ Unwrap() driver.Conn })
		if !ok {
			return conn
		}
		conn = w.Unwrap()
	}
}

// interruptWith stops the running statement when ctx ends. The driver does so
// only before the first row, and has no call for it; sqlite3_interrupt may be
// called from any goroutine while the connection is open, which it is until the
// returned function has been called. Where the driver hides its handle, the end
// of ctx is seen between rows.
func interruptWith(ctx context.Context, conn any) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	var handle uintptr
	if v := reflect.Indirect(reflect.ValueOf(bare(conn))); v.Kind() == reflect.Struct {
		if f := v.FieldByName("db"); f.Kind() == reflect.Uintptr {
			handle = uintptr(f.Uint())
		}
	}
	if handle == 0 {
		return func() {}
	}
	done := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		sqlite3.Xsqlite3_interrupt(nil, handle)
		close(done)
	})
	return func() {
		if !stopped() {
			<-done
		}
	}
}

// decoder returns how to read a column of a declared type, of which the first
// word decides: DECIMAL(10,2), DECIMAL TEXT.
func decoder(declared string) sqlrows.Decode {
	if i := strings.IndexAny(declared, "( "); i >= 0 {
		declared = declared[:i]
	}
	switch declared {
	case "BOOLEAN", "BOOL":
		return func(v any) (any, error) {
			if n, ok := v.(int64); ok && (n == 0 || n == 1) {
				return n == 1, nil
			}
			return plain(v)
		}
	case "JSON":
		return func(v any) (any, error) {
			if s, ok := v.(string); ok && json.Valid([]byte(s)) {
				return source.JSON(s), nil
			}
			return plain(v)
		}
	case "DECIMAL", "NUMERIC":
		return func(v any) (any, error) {
			if s, ok := v.(string); ok && isDecimal(s) {
				return source.Decimal(s), nil
			}
			return plain(v)
		}
	}
	return plain
}

func plain(v any) (any, error) {
	switch v := v.(type) {
	case []byte:
		// The driver's own copy may not be kept.
		return append(make([]byte, 0, len(v)), v...), nil
	case int64, float64, string, bool, time.Time:
		return v, nil
	default:
		return nil, fmt.Errorf("the driver returned a %T, which is no cell type", v)
	}
}

// isDecimal matches [-]digits[.digits].
func isDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, part, dot := strings.Cut(s, ".")
	return whole != "" && strings.Trim(whole, "0123456789") == "" && (!dot || part != "" && strings.Trim(part, "0123456789") == "")
}

// readOnly makes every connection query-only.
type readOnly struct{ driver.Connector }

func (c readOnly) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	e, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("the driver cannot set query_only"), conn.Close())
	}
	if _, err := e.ExecContext(ctx, "PRAGMA query_only=1", nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// creates says whether dsn has a mode that creates the file. SQLite takes the last.
func creates(dsn string) bool {
	_, params, _ := strings.Cut(dsn, "?")
	params, _, _ = strings.Cut(params, "#")
	for _, p := range strings.Split(params, "&") {
		name, value, _ := strings.Cut(p, "=")
		name, _ = url.PathUnescape(name)
		value, _ = url.PathUnescape(value)
		if name == "mode" && value == "rwc" {
			return true
		}
	}
	return false
}

// existing turns dsn into a URI that does not create the file.
func existing(dsn string) string {
	path, params, _ := strings.Cut(dsn, "?")
	if path == "" || path == ":memory:" || path == "file::memory:" {
		return dsn
	}
	if !strings.HasPrefix(path, "file:") {
		path = "file:" + strings.NewReplacer("%", "%25", "#", "%23").Replace(path)
	}
	path, _, _ = strings.Cut(path, "#") // SQLite ignores a URI's fragment
	if params != "" {
		params = "&" + params
	}
	return path + "?mode=rw" + params
}

// secrets are the parts of dsn that no error may show.
func secrets(dsn string) []string {
	path, params, _ := strings.Cut(dsn, "?")
	if len(path) < 4 {
		path = ""
	}
	list := []string{dsn, existing(dsn), path, strings.TrimPrefix(path, "file:"), params}
	if len(dsn) < 4 {
		return nil
	}
	return list
}

// wrap makes err a *source.Error, nil if it is nil.
func (s *Source) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	e := &source.Error{Op: "sqlite: " + op, Err: errors.New(sqlrows.Scrub(err.Error(), s.secrets...))}
	var se *sqlite.Error
	if errors.As(err, &se) {
		e.Code = strconv.Itoa(se.Code())
		e.Kind = kind(se.Code())
	}
	var ran running
	switch {
	case errors.As(err, &ran):
		e.Kind, e.Err = source.Other, errors.New(ran.reason())
	case errors.Is(err, sqlrows.ErrTooLarge):
		e.Err = err
	case errors.Is(err, context.Canceled), ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled):
		e.Kind, e.Err = source.Canceled, context.Canceled
	case errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
		e.Kind, e.Err = source.Timeout, context.DeadlineExceeded
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn):
		e.Kind = source.Unavailable
	}
	return e
}

// kind maps a result code; the low byte is its group.
func kind(code int) source.Kind {
	switch code & 0xff {
	case sqlite3.SQLITE_ERROR:
		return source.Syntax
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_READONLY:
		return source.Denied
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PROTOCOL:
		return source.Unavailable
	case sqlite3.SQLITE_INTERRUPT:
		return source.Canceled
	}
	return source.Other
}
