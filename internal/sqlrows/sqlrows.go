// Package sqlrows reads rows into results at the least cost: cells are decoded
// straight from what the driver hands out, and rows are cut from slabs, so that a
// row costs what its values cost. This is why the sources read below database/sql:
// its Scan converts every value once more, and sqlx's SliceScan and MapScan
// allocate a pointer, and a map, a row on top.
package sqlrows

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/datapush-go/datapush/source"
)

// ErrTooLarge says that a result outgrew its budget of bytes.
var ErrTooLarge = errors.New("the result is too large for memory")

// TooLarge returns an error that wraps ErrTooLarge and says what to do.
func TooLarge(budget int64) error {
	return fmt.Errorf("%w: more than %d bytes; select fewer rows or columns, or raise MaxBytes", ErrTooLarge, budget)
}

// Limits end the reading of a result.
type Limits struct {
	// Rows is how many rows are read at the most. Zero is source.MaxRows.
	Rows int
	// Bytes is how large the result may grow by source.CellSize. Zero is
	// source.MaxBytes.
	Bytes int64
}

// WithDefaults returns the limits with zeros replaced.
func (l Limits) WithDefaults() Limits {
	if l.Rows <= 0 {
		l.Rows = source.MaxRows
	}
	if l.Bytes <= 0 {
		l.Bytes = source.MaxBytes
	}
	return l
}

// Slab hands out rows of a fixed width from larger pieces of memory.
type Slab struct {
	width  int
	pieces [][]any
	free   []any
}

// NewSlab makes a slab of rows of width cells.
func NewSlab(width int) *Slab { return &Slab{width: width} }

// Row returns a row of nils that cannot grow into its neighbour.
func (s *Slab) Row() []any {
	if s.width == 0 {
		return []any{}
	}
	if len(s.free) < s.width {
		// Small results stay small, large ones take few pieces.
		s.free = make([]any, 4<<min(len(s.pieces), 6)*s.width)
		s.pieces = append(s.pieces, s.free)
	}
	row := s.free[:s.width:s.width]
	s.free = s.free[s.width:]
	return row
}

// Rows returns the first n of the rows handed out, in one slice of their number:
// one that grew with every row would be copied again and again.
func (s *Slab) Rows(n int) [][]any {
	if n == 0 {
		return nil
	}
	rows := make([][]any, 0, n)
	for _, piece := range s.pieces {
		for len(piece) > 0 && len(rows) < n {
			rows = append(rows, piece[:s.width:s.width])
			piece = piece[s.width:]
		}
	}
	for len(rows) < n {
		rows = append(rows, []any{}) // rows without cells are in no piece
	}
	return rows
}

// Decode turns what the driver handed out, never nil, into a cell. It must copy
// a []byte that it keeps.
type Decode func(v any) (any, error)

// Query runs a statement without arguments on a driver's connection, as
// sql.Conn.Raw hands it out.
func Query(ctx context.Context, conn any, query string) (driver.Rows, error) {
	q, ok := conn.(driver.QueryerContext)
	if !ok {
		return nil, errors.New("the handle's driver cannot run a statement without preparing it")
	}
	return q.QueryContext(ctx, query, nil)
}

// Columns describes the current result set. The server's names of types are ""
// where the driver does not tell them.
func Columns(rows driver.Rows) []source.Column {
	names := rows.Columns()
	columns := make([]source.Column, len(names))
	types, _ := rows.(driver.RowsColumnTypeDatabaseTypeName)
	for i, n := range names {
		columns[i].Name = n
		if types != nil {
			columns[i].Type = types.ColumnTypeDatabaseTypeName(i)
		}
	}
	return columns
}

// Read reads the current result set of rows up to its limits, each column by its
// decoder. It does not close rows: how to stop the server is the caller's to
// know. The error is ctx's once that has ended, and wraps ErrTooLarge when the
// budget is spent.
func Read(ctx context.Context, rows driver.Rows, columns []source.Column, decode []Decode, limits Limits) (*source.Result, error) {
	limits = limits.WithDefaults()
	values := make([]driver.Value, len(columns))
	out := &source.Result{Columns: columns}
	slab := NewSlab(len(columns))
	size := int64(0)
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err := rows.Next(values)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if err != nil || n == limits.Rows {
			out.Rows, out.Truncated = slab.Rows(n), err == nil
			return out, nil
		}
		row := slab.Row()
		for i, v := range values {
			if v != nil {
				var err error
				if row[i], err = decode[i](v); err != nil {
					return nil, err
				}
			}
			size += source.CellSize(row[i])
		}
		if size > limits.Bytes {
			return nil, TooLarge(limits.Bytes)
		}
	}
}

// Scrub replaces every secret in text, such as a DSN that a driver repeats in an
// error.
func Scrub(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[redacted]")
		}
	}
	return text
}
