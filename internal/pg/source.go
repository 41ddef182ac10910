package pg

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/datapush-go/datapush/internal/netcause"
	"github.com/datapush-go/datapush/internal/session"
	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// Field is a column as the server describes it.
type Field struct {
	Name string
	OID  uint32
}

// Rows are the rows of one statement, in text form.
type Rows interface {
	// Fields is nil for a statement that returns no rows.
	Fields() []Field
	Next() bool
	// Values are valid until the next call. NULL is nil.
	Values() [][]byte
	// Close reads to the end and returns how the statement ended.
	Close() error
}

// Conn is a connection taken from a pool.
type Conn interface {
	// Exec runs statements whose results do not matter.
	Exec(ctx context.Context, sql string) error
	// Query starts one statement.
	Query(ctx context.Context, sql string) Rows
	// Describe returns the columns without running the statement.
	Describe(ctx context.Context, sql string) ([]Field, error)
	// Cancel asks the server to cancel what runs. After it, reading fails once
	// ctx's deadline has passed. It may be called while another goroutine reads.
	Cancel(ctx context.Context) error
	// Abort makes reading fail at once. It may be called like Cancel.
	Abort()
	// Settle takes the deadline away.
	Settle()
	// Parameter returns a setting that the server reported.
	Parameter(name string) string
	// Release gives the connection back; a broken or unclean one is closed.
	Release(clean bool)
}

// Config is a server and the way to it.
type Config struct {
	Server
	MaxBytes int64
	// PoolSize is how many connections of the pool may turn out to be lost
	// before a query gives up.
	PoolSize int
	Acquire  func(ctx context.Context) (Conn, error)
	Close    func()
	// ServerError returns the code and the text of an error that the server
	// itself sent.
	ServerError func(err error) (code, text string, ok bool)
}

// Source implements source.Source, source.Describer and source.Sessioner.
type Source struct {
	session.Pool
	c Config
}

// New makes a source. It does no I/O.
func New(c Config) *Source {
	s := &Source{c: c}
	s.Name, s.Grammar, s.Take = c.Name, c.Dialect, s.take
	s.CloseAll = func() error {
		if c.Close != nil {
			c.Close()
		}
		return nil
	}
	return s
}

func (s *Source) take(ctx context.Context, op string) (session.Runner, error) {
	for stale := 0; ; stale++ {
		conn, err := s.c.Acquire(ctx)
		if err != nil {
			return nil, s.wrap(ctx, op, err)
		}
		t := &runner{source: s, conn: conn}
		err = t.begin(ctx)
		if err == nil {
			return t, nil
		}
		_ = t.Release()
		// The server may have been restarted since the pool was filled. Nothing
		// but BEGIN was sent, so another connection may be tried.
		err = s.wrap(ctx, op, err)
		if e := (*source.Error)(nil); !errors.As(err, &e) || e.Kind != source.Unavailable || stale >= s.c.PoolSize {
			return nil, err
		}
	}
}

// runner runs statements on one connection, inside a transaction that is
// read-only. The transaction lasts as long as the session, so that a pooler keeps
// to one server connection; a statement that fails or is cut off ends it, and the
// next statement begins another.
type runner struct {
	source *Source
	conn   Conn
	begun  bool
	broken bool
}

// patience is how long cleaning up may take once the caller's context is over.
const patience = 5 * time.Second

func (t *runner) Release() error {
	t.end()
	t.conn.Release(!t.broken)
	return nil
}

// begin starts the read-only transaction. The settings are those on which the
// escaping of values and the reading of text forms depend; one that the server
// reported as right is left alone.
func (t *runner) begin(ctx context.Context) error {
	if t.begun {
		return nil
	}
	var b strings.Builder
	b.WriteString("BEGIN READ ONLY")
	switch v, backslash := t.conn.Parameter("standard_conforming_strings"), t.source.c.Dialect.Backslash; {
	case !backslash && v != "on":
		b.WriteString("; SET LOCAL standard_conforming_strings = on")
	case backslash && v == "on":
		// A server that does not report it has had backslashes for ever.
		b.WriteString("; SET LOCAL standard_conforming_strings = off")
	}
	if v := t.conn.Parameter("DateStyle"); v != "" && !strings.HasPrefix(v, "ISO") {
		b.WriteString("; SET LOCAL datestyle = 'ISO'")
	}
	if v := t.conn.Parameter("IntervalStyle"); v != "" && v != "postgres" {
		b.WriteString("; SET LOCAL intervalstyle = 'postgres'")
	}
	if v := t.conn.Parameter("client_encoding"); v != "" && v != "UTF8" && v != "UNICODE" {
		b.WriteString("; SET LOCAL client_encoding = 'UTF8'")
	}
	b.WriteString(t.source.c.Settings)
	if err := t.conn.Exec(ctx, b.String()); err != nil {
		t.broken = true
		return err
	}
	t.begun = true
	return nil
}

// end gives up the transaction, whatever has become of the caller's context.
func (t *runner) end() {
	if !t.begun || t.broken {
		return
	}
	t.begun = false
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := t.conn.Exec(ctx, "ROLLBACK"); err != nil {
		t.broken = true
	}
}

// failed ends the transaction after an error, and wraps the error.
func (t *runner) failed(ctx context.Context, op string, err error) error {
	if _, _, ok := t.source.c.ServerError(err); ok {
		t.end()
	} else {
		t.broken = true
	}
	return t.source.wrap(ctx, op, err)
}

func (t *runner) ready(ctx context.Context, op string) error {
	if t.broken {
		return &source.Error{Op: t.source.c.Name + ": " + op, Kind: source.Unavailable,
			Err: errors.New("the session's connection was lost with an earlier statement; open another session")}
	}
	if err := t.begin(ctx); err != nil {
		return t.source.wrap(ctx, op, err)
	}
	return nil
}

func (t *runner) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	if err := t.ready(ctx, "query"); err != nil {
		return nil, err
	}
	// The driver's own way to heed a context gives up the connection, and its
	// one request to cancel is lost on a server that has not begun yet.
	done, ended := make(chan struct{}), make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		defer close(ended)
		t.insist(done, t.ask())
	})
	rows := t.conn.Query(context.WithoutCancel(ctx), q.SQL)
	r, err := t.read(ctx, rows, sqlrows.Limits{Rows: q.MaxRows, Bytes: t.source.c.MaxBytes})
	cut := err != nil || r.Truncated
	var asking sync.WaitGroup
	if cut && ctx.Err() == nil {
		// Nobody wants the rest of the rows. The server is asked before what it
		// has sent is read to the end, or it would send more meanwhile; but a
		// pooler without a free connection may hold the request back until then.
		asked := make(chan struct{})
		asking.Go(func() {
			taken := t.ask()
			close(asked)
			t.insist(done, taken)
		})
		select {
		case <-asked:
		case <-time.After(insistence):
		}
	}
	end := rows.Close()
	close(done)
	asking.Wait()
	if !unwatch() {
		<-ended
	}
	if cut || ctx.Err() != nil {
		t.conn.Settle()
	}
	switch _, _, server := t.source.c.ServerError(end); {
	case end != nil && !server:
		t.broken = true
	case end != nil || cut:
		t.end()
	}
	switch {
	case err != nil:
		return nil, t.source.wrap(ctx, "query", netcause.About(err, q.SQL))
	case end != nil && !cut:
		return nil, t.source.wrap(ctx, "query", netcause.About(end, q.SQL))
	}
	return r, nil
}

// ask asks the server to cancel what runs, and gives up the connection when the
// server cannot be asked.
func (t *runner) ask() (taken bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := t.conn.Cancel(ctx); err != nil {
		t.conn.Abort()
		return false
	}
	return true
}

// insistence is how long a request to cancel is given before the next.
const insistence = 200 * time.Millisecond

// insist asks again and again until done is closed: a request that comes before
// the server has begun is lost. It gives up the connection in the end.
func (t *runner) insist(done <-chan struct{}, taken bool) {
	again, end := time.NewTicker(insistence), time.NewTimer(patience)
	defer again.Stop()
	defer end.Stop()
	for taken {
		select {
		case <-done:
			return
		case <-end.C:
			t.conn.Abort()
			return
		case <-again.C:
			taken = t.ask()
		}
	}
}

func (t *runner) read(ctx context.Context, rows Rows, limits sqlrows.Limits) (*source.Result, error) {
	limits = limits.WithDefaults()
	fields := rows.Fields()
	r := &source.Result{Columns: columnsOf(fields)}
	decoders := make([]decode, len(fields))
	texts := new(sqlrows.Texts)
	for i, f := range fields {
		decoders[i] = decoder(f.OID, texts)
	}
	slab := sqlrows.NewSlab(len(fields))
	size := int64(0)
	n := 0
	for ; rows.Next(); n++ {
		if n == limits.Rows {
			r.Truncated = true
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row := slab.Row()
		for i, b := range rows.Values() {
			if b == nil {
				continue
			}
			v, err := decoders[i](b)
			if err != nil {
				return nil, err
			}
			row[i] = v
			size += source.CellSize(v)
		}
		if size > limits.Bytes {
			return nil, sqlrows.TooLarge(limits.Bytes)
		}
	}
	r.Rows = slab.Rows(n)
	return r, nil
}

func columnsOf(fields []Field) []source.Column {
	columns := make([]source.Column, len(fields))
	for i, f := range fields {
		columns[i] = source.Column{Name: f.Name, Type: TypeName(f.OID)}
	}
	return columns
}

func (t *runner) Columns(ctx context.Context, sql string) ([]source.Column, error) {
	if err := t.ready(ctx, "columns"); err != nil {
		return nil, err
	}
	fields, err := t.conn.Describe(ctx, sql)
	if err != nil {
		return nil, t.failed(ctx, "columns", netcause.About(err, sql))
	}
	return columnsOf(fields), nil
}

// wrap makes err a *source.Error. Texts of drivers are not repeated: they hold
// hosts, users and databases.
func (s *Source) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	e := &source.Error{Op: s.c.Name + ": " + op}
	code, text, ok := s.c.ServerError(err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind, e.Err = source.Canceled, context.Canceled
	case ctx.Err() != nil:
		e.Kind, e.Err = source.Timeout, context.DeadlineExceeded
	case ok:
		e.Code = code
		e.Kind, e.Err = Explain(code, text, netcause.Statement(err))
	case errors.Is(err, sqlrows.ErrTooLarge), errors.Is(err, errNumber), errors.Is(err, errBytes), errors.Is(err, errNested):
		e.Err = err
	default:
		e.Kind = source.Unavailable
		if text, ok := netcause.Text(err); ok {
			e.Err = errors.New(text)
		} else {
			e.Err = errors.New("the connection failed")
		}
	}
	return e
}

// Explain maps a SQLSTATE to a kind, and makes the server's text fit to be
// shown: it repeats nothing but what stands in the statement.
func Explain(code, text, statement string) (source.Kind, error) {
	class := code
	if len(code) == 5 {
		class = code[:2]
	}
	show := func(kind source.Kind, text string) (source.Kind, error) { return kind, errors.New(text) }
	switch {
	case class == "28":
		return show(source.Denied, "the server refused the login")
	case code == "3D000":
		return show(source.Denied, "the database does not exist, or is not for this login")
	case code == "42501":
		// Its last word names what is not permitted, without quotes.
		words := strings.Fields(text)
		if n := len(words); n > 0 && statement != "" && strings.Contains(strings.ToLower(statement), strings.ToLower(words[n-1])) {
			return show(source.Denied, netcause.Shown(text, statement))
		}
		return show(source.Denied, "the login may not read what the statement reads, or do what it does")
	case code == "25006":
		return show(source.Denied, "the statement writes; a source is read-only")
	case code == "57014" && strings.Contains(text, "timeout"):
		return show(source.Timeout, "the server's time limit ended the statement")
	case code == "57014":
		return show(source.Canceled, "the statement was cancelled on the server")
	case code == "55P03", code == "25P03", code == "25P04":
		return show(source.Timeout, "the server's time limit for a lock or a transaction ended the statement")
	case class == "08", class == "53", class == "57", class == "58":
		return show(source.Unavailable, unavailable(code))
	case class == "42", class == "0A", class == "34", class == "26":
		return show(source.Syntax, netcause.Shown(text, statement))
	case class == "P0":
		return show(source.Other, "a function raised an error")
	}
	// Texts of all else may repeat values of rows.
	return show(source.Other, failure(code, class))
}

// failure says what ended a statement that ran.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func failure(code, class string) string {
	switch code {
	case "22012":
		return "division by zero"
	case "22003":
		return "a number is out of range"
	case "22P02", "22007", "22018", "22P03":
		return "invalid input syntax: a value cannot be read as the type that the statement asks for"
	case "22008", "22015":
		return "a date, a time or an interval is out of range"
	case "21000":
		return "a subquery returned more than one row"
	case "40P01", "40001":
		return "the statement conflicts with another; run it again"
	}
	switch class {
	case "22", "23", "21":
		return "a value does not suit what the statement does with it"
	case "54":
		return "the statement or a result of it is larger than the server allows"
	}
	return "the server could not run the statement; the code says why"
}

func unavailable(code string) string {
	switch code {
	case "53300":
		return "the server has too many connections; lower MaxConns or try again"
	case "57P01", "57P02":
		return "the server ended the connection"
	case "57P03":
		return "the server is starting up or shutting down; try again"
	case "08P01":
		return "the server or a pooler before it refused the connection or the protocol"
	}
	return "the server cannot serve the connection"
}
