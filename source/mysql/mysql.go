package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/datapush-go/datapush/internal/netcause"
	"github.com/datapush-go/datapush/internal/session"
	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// Mode says which server it is.
type Mode uint8

const (
	// MySQL is MySQL from 5.7 on, MariaDB, and services that behave like them.
	MySQL Mode = iota
	// StarRocks has no transactions and prepares nothing.
	StarRocks
	// Doris has no transactions and prepares nothing.
	Doris
)

// name begins errors.
func (m Mode) name() string {
	switch m {
	case StarRocks:
		return "starrocks"
	case Doris:
		return "doris"
	}
	return "mysql"
}

// Options configure a Source. A nil *Options and the zero value mean the
// defaults.
type Options struct {
	// Mode is MySQL unless set.
	Mode Mode
	// MaxOpenConns limits the connections of a source made by Open. Zero is 4.
	// New leaves the handle's own limit.
	MaxOpenConns int
	// MaxIdleTime is how long Open keeps a connection that nobody uses. Zero is
	// five minutes.
	MaxIdleTime time.Duration
	// ConnectTimeout is how long Open's connections may take to be made, where
	// the DSN has no timeout. Zero is ten seconds.
	ConnectTimeout time.Duration
	// StatementTimeout is the server's own limit for a statement on Open's
	// connections: max_execution_time of MySQL, max_statement_time of MariaDB,
	// query_timeout of StarRocks and Doris, which count whole seconds. It ends
	// statements whose client is gone. Zero leaves what the server has.
	StatementTimeout time.Duration
	// MaxBytes is how large a result may grow in memory. Zero is 64 MiB.
	MaxBytes int64
	// Raw accepts any statement and puts values outside quotes in as they are,
	// see source.Dialect. Every transaction begins read-only, but in a session a
	// statement may end it: the login's grants are what holds then.
	Raw bool
}

// Source is a MySQL, MariaDB, StarRocks or Doris database. It implements
// source.Source, source.Describer and source.Sessioner.
type Source struct {
	pool session.Pool
	db   *sql.DB
	opts Options
	loc  *time.Location
	// connect makes a connection beside the pool; nil for a host's handle.
	connect func(ctx context.Context) (driver.Conn, error)
}

// Open makes a source of the database at dsn, such as
// user:password@tcp(host:3306)/database?tls=true. It makes no connection yet.
// Whatever the DSN says, times are read by this package, a text is one statement,
// and the character set is utf8mb4.
//
// The error is that of a DSN that cannot be read; it does not repeat it.
func Open(dsn string, o *Options) (*Source, error) {
	s := newSource(o)
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		// The parser's own errors repeat parts of the DSN.
		return nil, &source.Error{Op: s.opts.Mode.name() + ": open", Err: errors.New("the DSN cannot be read; it is like user:password@tcp(host:3306)/database")}
	}
	config.ParseTime = false
	config.MultiStatements = false
	config.InterpolateParams = true
	config.Logger = &mysql.NopLogger{}
	if config.Timeout == 0 {
		config.Timeout = s.opts.ConnectTimeout
	}
	collation := config.Collation
	if !strings.HasPrefix(collation, charset) {
		collation = ""
	}
	if err := config.Apply(mysql.Charset(charset, collation)); err != nil {
		return nil, s.wrap(context.Background(), "open", err)
	}
	s.loc = config.Loc
	base, err := mysql.NewConnector(config)
	if err != nil {
		return nil, s.wrap(context.Background(), "open", err)
	}
	c := &connector{Connector: base, opts: s.opts, collation: collation}
	s.connect = base.Connect
	s.db = sql.OpenDB(c)
	s.db.SetMaxOpenConns(s.opts.MaxOpenConns)
	s.db.SetMaxIdleConns(s.opts.MaxOpenConns)
	s.db.SetConnMaxIdleTime(s.opts.MaxIdleTime)
	s.pool.CloseAll = func() error { return s.wrap(context.Background(), "close", s.db.Close()) }
	return s, nil
}

// New makes a source of a handle that stays the host's to close. Its connections
// must not have the sql_mode ANSI_QUOTES or NO_BACKSLASH_ESCAPES, which change
// what a quote is, nor a character set other than utf8mb4 and utf8, in some of
// which a backslash can be half a letter; a query says so. To kill a statement the
// source takes another connection of the handle. Connections are given back after
// ROLLBACK; what a statement's functions leave behind stays, such as GET_LOCK and
// variables like @a.
func New(db *sql.DB, o *Options) *Source {
	s := newSource(o)
	s.db = db
	return s
}

func newSource(o *Options) *Source {
	s := &Source{opts: options(o), loc: time.UTC}
	name := s.opts.Mode.name()
	s.pool.Name, s.pool.Take = name, s.take
	own := s.opts.Mode == MySQL // the others have comments of their own
	s.pool.Grammar = source.Dialect{Name: name, Identifiers: "`", Strings: `"`, Backslash: true, HashComments: own,
		DashSpace: own, ExecutableComments: true, RefuseUnclear: !own, Raw: s.opts.Raw}
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

// Dialect says how the server quotes and comments.
func (s *Source) Dialect() source.Dialect { return s.pool.Dialect() }

// Close ends the source: queries fail from then on. It closes what Open opened,
// and leaves a handle given to New as it is.
func (s *Source) Close() error { return s.pool.Close() }

// Query runs one statement and reads its rows up to the limit.
func (s *Source) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	return s.pool.Query(ctx, q)
}

// Columns names the statement's columns and reads none of its rows: it is sent with
// LIMIT 0 in place of its own limit. Servers plan most statements so without running
// them; but they may run the parts of a UNION and a subquery that their plan takes
// for a constant. The context, and Options.StatementTimeout, bound it.
func (s *Source) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	return s.pool.Columns(ctx, sql)
}

// Session returns a source on one connection. Its statements run one after the
// other. A statement that was cut off or lost its connection leaves the next one
// another; once a statement's context has ended the session is of no more use. It
// is closed by the caller.
func (s *Source) Session(ctx context.Context) (source.Source, error) { return s.pool.Session(ctx) }

func (s *Source) fault(op string, kind source.Kind, text string) error {
	return &source.Error{Op: s.opts.Mode.name() + ": " + op, Kind: kind, Err: errors.New(text)}
}

func (s *Source) take(ctx context.Context, op string) (session.Runner, error) {
	t := &runner{source: s}
	if err := t.acquire(ctx, op); err != nil {
		return nil, err
	}
	return t, nil
}

// runner runs statements on one connection at a time, in a read-only transaction
// where the server has one.
type runner struct {
	source *Source

	conn *sql.Conn // nil when there is none, and the next statement takes another
	id   uint64
	// ended is true once the context of a statement has ended.
	ended bool
}

// acquire takes a connection from the pool.
func (t *runner) acquire(ctx context.Context, op string) error {
	c, err := t.source.db.Conn(ctx)
	if err != nil {
		return t.source.wrap(ctx, op, err)
	}
	t.conn, t.id = c, 0
	if err := t.prepare(ctx); err != nil {
		t.drop()
		var e *source.Error
		if errors.As(err, &e) {
			return err
		}
		return t.source.wrap(ctx, op, err)
	}
	return nil
}

// prepare learns the connection's number, by which it is killed, and begins the
// transaction.
func (t *runner) prepare(ctx context.Context) error {
	_ = t.conn.Raw(func(c any) error {
		if own, ok := c.(*conn); ok {
			t.id = own.id
		}
		return nil
	})
	if t.id == 0 {
		var mode, version string
		var letters [3]sql.NullString
		if err := t.conn.QueryRowContext(ctx, about).Scan(&t.id, &mode, &version, &letters[0], &letters[1], &letters[2]); err != nil {
			return err
		}
		for _, set := range letters {
			if set.Valid && set.String != "" && !strings.HasPrefix(set.String, "utf8") {
				return t.source.fault("session", source.Other, "the handle's character set is "+set.String+"; make it utf8mb4")
			}
		}
		if bad := quoting(mode); bad != "" {
			return t.source.fault("session", source.Other, "the handle's sql_mode has "+bad+", which changes what a quote is; take it out")
		}
	}
	if t.source.opts.Mode != MySQL {
		return nil
	}
	_, err := t.conn.ExecContext(ctx, "START TRANSACTION READ ONLY")
	return err
}

// patience is how long cleaning up may take once the caller's context is over.
const patience = 5 * time.Second

func (t *runner) Release() error {
	if t.conn == nil {
		return nil
	}
	if t.source.opts.Mode == MySQL {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if _, err := t.conn.ExecContext(ctx, "ROLLBACK"); err != nil {
			t.drop()
			return nil
		}
	}
	_ = t.conn.Close()
	t.conn = nil
	return nil
}

// drop closes the connection.
func (t *runner) drop() {
	_ = t.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = t.conn.Close()
	t.conn = nil
}

func (t *runner) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	return t.query(ctx, "query", q)
}

func (t *runner) query(ctx context.Context, op string, q source.Query) (*source.Result, error) {
	r, err := t.send(ctx, op, q, t.source.opts.Mode == MySQL)
	if errors.Is(err, errOpenDigits) {
		r, err = t.send(ctx, op, q, false)
	}
	return r, err
}

// send runs a statement, prepared if the server will, or else as text.
func (t *runner) send(ctx context.Context, op string, q source.Query, prepared bool) (*source.Result, error) {
	switch {
	case t.ended:
		return nil, t.source.fault(op, source.Unavailable, "the context of an earlier statement has ended, and the session's connection with it; open another session")
	case t.conn == nil:
		if err := t.acquire(ctx, op); err != nil {
			return nil, err
		}
	}
	// The statement's own context outlives neither the caller's nor the reading.
	own, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var (
		r       *source.Result
		err     error
		stopped bool
	)
	lost := t.conn.Raw(func(c any) error {
		var (
			rows      driver.Rows
			statement driver.Stmt
		)
		if rows, statement, err = start(own, c, q.SQL, prepared); err != nil {
			return nil
		}
		if statement != nil {
			defer statement.Close()
		}
		r, err = t.source.read(ctx, rows, q, statement != nil)
		switch {
		case err == nil && !r.Truncated:
			err = rows.Close()
		case ctx.Err() != nil:
			// The connection is given up with what it has not read yet.
		case err == nil, errors.Is(err, sqlrows.ErrTooLarge), errors.Is(err, errValue), errors.Is(err, errOpenDigits):
			stopped = true
			return t.stop(rows, giveUp)
		default:
			_ = rows.Close()
		}
		return nil
	})
	if err == nil && !stopped {
		err = lost
	}
	switch {
	case !stopped && err != nil:
		return nil, t.failed(ctx, op, netcause.About(err, q.SQL))
	case lost != nil:
		t.conn = nil // Raw has closed it
		if t.source.connect == nil {
			_ = t.kill()
		}
	}
	if err != nil {
		return nil, t.source.wrap(ctx, op, err)
	}
	return r, nil
}

// start runs a statement on a driver's connection, prepared if that is wanted: its
// rows hold numbers and times as the server has them, and to write those as text is
// most of what a plain result costs it. What the server does not prepare is sent as
// text, and fails as that does. The statement is nil then; the caller closes it
// after its rows.
func start(ctx context.Context, c any, text string, prepared bool) (driver.Rows, driver.Stmt, error) {
	if p, ok := c.(driver.ConnPrepareContext); ok && prepared {
		statement, err := p.PrepareContext(ctx, text)
		var refused *mysql.MySQLError
		switch {
		case err == nil:
			// A question mark is a mistake, which the server names in a text.
			if q, ok := statement.(driver.StmtQueryContext); ok && statement.NumInput() == 0 {
				rows, err := q.QueryContext(ctx, nil)
				if err != nil {
					_ = statement.Close()
					return nil, nil, err
				}
				return rows, statement, nil
			}
			_ = statement.Close()
		case !errors.As(err, &refused):
			return nil, nil, err
		default:
			if kind, _ := explain(refused, MySQL, ""); kind != source.Syntax && kind != source.Other {
				return nil, nil, err // it is not about how the statement is sent
			}
		}
	}
	rows, err := sqlrows.Query(ctx, c, text)
	return rows, nil, err
}

// errOpenDigits says that the server leaves open how many digits a time has, as
// MariaDB does for FROM_UNIXTIME('1.5'). The driver reads that from text only.
var errOpenDigits = errors.New("a time's digits are left open")

func (s *Source) read(ctx context.Context, rows driver.Rows, q source.Query, prepared bool) (*source.Result, error) {
	columns := sqlrows.Columns(rows)
	decode := make([]sqlrows.Decode, len(columns))
	texts := new(sqlrows.Texts)
	types, _ := rows.(driver.RowsColumnTypePrecisionScale)
	for i, c := range columns {
		decode[i] = s.decoder(c.Type, texts)
		if !prepared || types == nil {
			continue
		}
		_, digits, _ := types.ColumnTypePrecisionScale(i)
		switch c.Type {
		case "FLOAT", "DOUBLE":
			decode[i] = shown(digits)
		case "TIME", "DATETIME", "TIMESTAMP":
			if digits > 6 {
				return nil, errOpenDigits
			}
		}
	}
	return sqlrows.Read(ctx, rows, columns, decode, sqlrows.Limits{Rows: q.MaxRows, Bytes: s.opts.MaxBytes})
}

// stop ends a statement whose rows nobody wants any more: it is killed, and what
// the server has sent already is read to the end. An error says that the
// connection is of no more use, which it is only if the kill is what ended the
// statement: one that came too late might hit the next.
func (t *runner) stop(rows driver.Rows, giveUp context.CancelFunc) error {
	if t.source.connect == nil {
		// The host's handle may have no second connection left, so this one is
		// given up before the statement is killed.
		return driver.ErrBadConn
	}
	timer := time.AfterFunc(patience, giveUp)
	defer timer.Stop()
	if err := t.kill(); err != nil {
		return driver.ErrBadConn
	}
	// Close would not heed the timer. No cell is read.
	var err error
	for err == nil {
		err = rows.Next(nil)
	}
	_ = rows.Close()
	var e *mysql.MySQLError
	if !errors.As(err, &e) || e.Number != 1317 {
		return driver.ErrBadConn
	}
	return nil
}

// failed wraps the error of a statement. When the context has ended the driver
// has closed the connection, and the statement may still be running.
func (t *runner) failed(ctx context.Context, op string, err error) error {
	var e *mysql.MySQLError
	switch {
	case ctx.Err() != nil:
		t.ended = true
		t.drop()
		_ = t.kill()
	case !errors.As(err, &e):
		t.drop()
	}
	return t.source.wrap(ctx, op, err)
}

// kill stops what the connection runs, through another one.
func (t *runner) kill() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	text := fmt.Sprintf("KILL QUERY %d", t.id)
	if t.source.connect == nil {
		_, err := t.source.db.ExecContext(ctx, text)
		return err
	}
	c, err := t.source.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.(driver.ExecerContext).ExecContext(ctx, text, nil)
	return err
}

func (t *runner) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	r, err := t.query(ctx, "columns", source.Query{SQL: source.WithoutRows(sql, t.source.pool.Grammar)})
	if err != nil {
		return nil, err
	}
	return r.Columns, nil
}

// charset is how texts are sent and come back: the cells of a result are UTF-8.
const charset = "utf8mb4"

// about tells what a connection is.
const about = "SELECT CONNECTION_ID(), @@sql_mode, @@version, @@character_set_client, @@character_set_connection, @@character_set_results"

// quoting returns the parts of a sql_mode that change what a quote is.
func quoting(mode string) string {
	var bad []string
	for _, m := range strings.Split(mode, ",") {
		if m == "ANSI_QUOTES" || m == "NO_BACKSLASH_ESCAPES" {
			bad = append(bad, m)
		}
	}
	return strings.Join(bad, " and ")
}

// combined says whether a sql_mode stands for several, ANSI_QUOTES among them, which
// it would bring back.
// https://mariadb.com/kb/en/sql-mode/, https://dev.mysql.com/doc/refman/5.7/en/sql-mode.html
func combined(mode string) bool {
	switch mode {
	case "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL":
		return true
	}
	return false
}

// connector makes connections on which quotes and letters are what the dialect says,
// and remembers their numbers.
type connector struct {
	driver.Connector
	opts      Options
	collation string // "" is the server's for the character set
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	raw, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	all, ok := raw.(fullConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver's connection lacks a method"), raw.Close())
	}
	own := &conn{fullConn: all}
	if err := own.setUp(ctx, c.opts, c.collation); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return own, nil
}

// fullConn is every method that database/sql looks for.
type fullConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

// conn is a connection whose number is known.
type conn struct {
	fullConn
	id uint64
}

func (c *conn) setUp(ctx context.Context, o Options, collation string) error {
	row, err := c.row(ctx, about)
	if err != nil {
		return err
	}
	if _, err := fmt.Sscan(row[0], &c.id); err != nil {
		return errors.New("the server does not tell its connection's number")
	}
	if quoting(row[1]) != "" {
		var keep []string
		for _, m := range strings.Split(row[1], ",") {
			if !combined(m) && quoting(m) == "" {
				keep = append(keep, m)
			}
		}
		if _, err := c.ExecContext(ctx, "SET SESSION sql_mode = '"+strings.Join(keep, ",")+"'", nil); err != nil {
			return err
		}
	}
	for _, letters := range row[3:] {
		// StarRocks and Doris know no other than UTF-8, by its shorter name.
		if letters == charset || o.Mode != MySQL && strings.HasPrefix(letters, "utf8") {
			continue
		}
		// A parameter of the DSN, or the server's init_connect.
		names := "SET NAMES " + charset
		if collation != "" {
			names += " COLLATE " + collation
		}
		if _, err := c.ExecContext(ctx, names, nil); err != nil {
			return err
		}
		break
	}
	if o.StatementTimeout <= 0 {
		return nil
	}
	_, err = c.ExecContext(ctx, timeLimit(o, row[2]), nil)
	return err
}

// timeLimit is how a server is told its limit for a statement.
func timeLimit(o Options, version string) string {
	seconds := int64((o.StatementTimeout + time.Second - 1) / time.Second)
	switch {
	case o.Mode != MySQL:
		return fmt.Sprintf("SET query_timeout = %d", seconds)
	case strings.Contains(version, "MariaDB"):
		return fmt.Sprintf("SET SESSION max_statement_time = %.3f", max(o.StatementTimeout.Seconds(), 0.001))
	}
	return fmt.Sprintf("SET SESSION max_execution_time = %d", max(o.StatementTimeout.Milliseconds(), 1))
}

// row reads a single row as text.
func (c *conn) row(ctx context.Context, query string) ([]string, error) {
	rows, err := c.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	cells := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(cells); err != nil {
		return nil, err
	}
	texts := make([]string, len(cells))
	for i, v := range cells {
		if b, ok := v.([]byte); ok {
			texts[i] = string(b)
			continue
		}
		texts[i] = fmt.Sprint(v)
	}
	return texts, nil
}
