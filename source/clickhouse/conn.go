package clickhouse

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"io"
	"math/big"
	"net"
	"reflect"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/ClickHouse/clickhouse-go/v2"
	native "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// connector makes connections of the driver's native interface, which scans at
// less cost than its database/sql one. database/sql keeps them, since the driver's
// own pool cannot hold one for a session: each connection is such a pool of one,
// which connects anew by itself when the server has gone.
type connector struct{ opts clickhouse.Options }

func (c *connector) Driver() driver.Driver { return nil }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	opts := c.opts
	opts.DialContext = c.dial
	opts.MaxOpenConns, opts.MaxIdleConns = 1, 1
	pool, err := clickhouse.Open(&opts)
	if err != nil {
		return nil, err
	}
	return &conn{native: pool}, nil
}

// conn is what database/sql keeps. It is used through (*sql.Conn).Raw only.
type conn struct{ native native.Conn }

var errNative = errors.New("the connection is for the driver's native interface only")

func (c *conn) Prepare(string) (driver.Stmt, error) { return nil, errNative }
func (c *conn) Begin() (driver.Tx, error)           { return nil, errNative }
func (c *conn) Close() error                        { return c.native.Close() }

// query starts a statement.
func (c *conn) query(ctx context.Context, sql string) (driver.Rows, error) {
	l := &login{ctx: ctx}
	defer l.done()
	rows, err := c.native.Query(context.WithValue(ctx, loginKey{}, l), sql)
	if err != nil {
		return nil, err
	}
	return newRows(rows), nil
}

// rows are those of the native interface. A value goes from the driver to a cell
// without a copy in between.
type rows struct {
	native.Rows
	types  []native.ColumnType
	dest   []any
	values []func() any // take the values out, nil for NULL
}

func newRows(r native.Rows) *rows {
	out := &rows{Rows: r, types: r.ColumnTypes()}
	out.dest, out.values = make([]any, len(out.types)), make([]func() any, len(out.types))
	for i, t := range out.types {
		out.dest[i], out.values[i] = scanInto(typeOf(t.DatabaseTypeName()))
	}
	return out
}

func (r *rows) ColumnTypeDatabaseTypeName(i int) string { return r.types[i].DatabaseTypeName() }

func (r *rows) Next(values []driver.Value) error {
	if !r.Rows.Next() {
		if err := r.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	if err := r.Scan(r.dest...); err != nil {
		return err
	}
	for i, take := range r.values {
		values[i] = take()
	}
	return nil
}

// scanInto returns what the driver must be given to scan a column of a type into.
// The driver does not touch some of it when the value is NULL, so that taking the
// value leaves it empty.
func scanInto(k kind) (dest any, value func() any) {
	switch {
	case strings.HasPrefix(k.name, "Interval"):
		return pointer[string]()
	case strings.HasSuffix(k.name, "Int128"), strings.HasSuffix(k.name, "Int256"):
		return pointer[big.Int]()
	case k.name == "Tuple" && k.names != nil:
		return plain[map[string]any]()
	case k.name == "Tuple":
		return plain[[]any]()
	case k.name == "Variant", k.name == "Dynamic":
		return plain[clickhouse.Variant]()
	}
	s := new(slot)
	return s, s.take
}

func pointer[T any]() (any, func() any) {
	d := new(*T)
	return d, func() any {
		v := *d
		*d = nil
		if v == nil {
			return nil
		}
		return *v
	}
}

func plain[T any]() (any, func() any) {
	d := new(T)
	return d, func() any {
		v := *d
		*d = *new(T)
		if r := reflect.ValueOf(v); r.Kind() != reflect.Struct && r.IsNil() {
			return nil
		}
		return v
	}
}

// slot takes most values. A JSON column is handed out as an object or, where the
// server is told so, as text.
type slot struct{ value any }

func (s *slot) Scan(v any) error {
	s.value = v
	return nil
}

func (s *slot) DeserializeClickHouseJSON(v *clickhouse.JSON) error {
	s.value = v
	return nil
}

func (s *slot) take() any {
	v := s.value
	s.value = nil
	return v
}

// login ends the making of a connection together with a context. The driver heeds
// its context while it dials, and not while it waits for the server's greeting.
type login struct {
	ctx  context.Context
	stop func() bool
}

type loginKey struct{}

func (l *login) done() {
	if l.stop != nil {
		l.stop()
	}
}

func (c *connector) dial(ctx context.Context, addr string) (net.Conn, error) {
	var d interface {
		DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	} = &net.Dialer{Timeout: c.opts.DialTimeout}
	if c.opts.TLS != nil && c.opts.Protocol == clickhouse.Native {
		d = &tls.Dialer{NetDialer: &net.Dialer{Timeout: c.opts.DialTimeout}, Config: c.opts.TLS}
	}
	raw, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: raw}
	if l, ok := ctx.Value(loginKey{}).(*login); ok && c.opts.Protocol == clickhouse.Native {
		l.stop = context.AfterFunc(l.ctx, func() { _ = w.Close() })
	}
	return w, nil
}

// wire is a connection whose Close never fails: the driver takes a failed Close
// for one that has not happened, goes on without waiting for its reader, and the
// reader then sends on a closed channel.
type wire struct {
	net.Conn
	closed atomic.Bool
}

func (w *wire) Close() error {
	if !w.closed.Swap(true) {
		_ = w.Conn.Close()
	}
	return nil
}

// SyscallConn lets the driver see whether the server has closed the connection.
func (w *wire) SyscallConn() (syscall.RawConn, error) {
	raw := w.Conn
	if t, ok := raw.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	c, ok := raw.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return c.SyscallConn()
}
