package snowflake

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/snowflakedb/gosnowflake"

	"github.com/datapush-go/datapush/source"
)

// maxChunkTries is how often a part of a result is asked for.
const maxChunkTries = 3

// columns returns a result's columns and how to read them.
func columns(stream gosnowflake.ArrowStreamLoader) ([]source.Column, []decode, error) {
	types := stream.RowTypes()
	if len(types) == 0 {
		return nil, nil, errNoColumns
	}
	cols := make([]source.Column, len(types))
	decode := make([]decode, len(types))
	for i, t := range types {
		cols[i] = source.Column{Name: t.Name, Type: typeName(t.Type, t.Precision, t.Scale)}
		decode[i] = decoder(t.Type, t.Scale, stream.Location)
	}
	return cols, decode, nil
}

// result grows row by row.
type result struct {
	source.Result
	limit    int
	maxBytes int64
	decode   []decode
	size     int64
	buf      []byte
	free     []any // cells of rows to come
}

// read reads the rows of a result up to its limits. The service has ended the
// statement when its first rows come; rows beyond the limits are not fetched.
func read(ctx context.Context, stream gosnowflake.ArrowStreamLoader, limit int, maxBytes int64) (*source.Result, error) {
	cols, decode, err := columns(stream)
	if err != nil {
		return nil, err
	}
	inline := stream.JSONData()
	if inline == nil {
		return nil, errArrow
	}
	batches, err := stream.GetBatches()
	if err != nil {
		return nil, err
	}
	told := int64(len(inline))
	for i := range batches {
		told += batches[i].NumRows()
	}
	// The service may count rows that the session's limit has cut off.
	if told < stream.TotalRows() && told <= int64(limit) {
		return nil, errShort
	}
	r := &result{Result: source.Result{Columns: cols}, limit: limit, maxBytes: maxBytes, decode: decode}
	for _, row := range inline {
		if len(r.Rows) == limit {
			break
		}
		if err := r.add(row); err != nil {
			return nil, err
		}
	}
	for i := range batches {
		if len(r.Rows) == limit {
			break
		}
		if err := r.fetch(ctx, stream, i); err != nil {
			return nil, err
		}
	}
	r.Truncated = int64(len(r.Rows)) < told
	return &r.Result, nil
}

// add appends a row that the driver has read.
func (r *result) add(texts []*string) error {
	if len(texts) != len(r.decode) {
		return errValue
	}
	row := r.row()
	for i, text := range texts {
		if text == nil {
			r.size += source.CellSize(nil)
			continue
		}
		// The driver's text is copied so that the result does not keep all of
		// the answer.
		r.buf = append(r.buf[:0], *text...)
		if err := r.set(row, i, r.buf); err != nil {
			return err
		}
	}
	return r.grow(row)
}

// row returns a row of nils. Rows are cut from larger pieces of memory.
func (r *result) row() []any {
	width := len(r.decode)
	if len(r.free) < width {
		r.free = make([]any, width*min(max(len(r.Rows), 4), 256))
	}
	row := r.free[:width:width]
	r.free = r.free[width:]
	return row
}

func (r *result) set(row []any, i int, text []byte) error {
	v, err := r.decode[i](text)
	row[i] = v
	r.size += source.CellSize(v)
	return err
}

func (r *result) grow(row []any) error {
	if r.size > r.maxBytes {
		return &failure{source.Other, fmt.Errorf("the result is too large for memory: more than %d bytes; select fewer rows or columns, or raise MaxBytes", r.maxBytes)}
	}
	r.Rows = append(r.Rows, row)
	return nil
}

// fetch appends the rows of a part that the service keeps in its storage. One that
// breaks off is asked for again, from its first row.
func (r *result) fetch(ctx context.Context, stream gosnowflake.ArrowStreamLoader, i int) error {
	rows, size := len(r.Rows), r.size
	for n := 1; ; n++ {
		batches, err := stream.GetBatches() // a batch is read once
		if err != nil {
			return err
		}
		err = r.part(ctx, &batches[i])
		var b *brokenError
		switch {
		case err == nil, ctx.Err() != nil, !errors.As(err, &b):
			return err
		case n == maxChunkTries:
			return &failure{kind: source.Unavailable, err: fmt.Errorf("part %d of the result broke off %d times, at last after %d of %d rows: %w",
				i+1, n, len(r.Rows)-rows, batches[i].NumRows(), b)}
		}
		r.Rows, r.size = r.Rows[:rows], size
	}
}

// part reads the rows of one part, all of them or up to the limit.
func (r *result) part(ctx context.Context, b *gosnowflake.ArrowStreamBatch) error {
	stream, err := b.GetStream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	in := newReader(stream)
	for n := b.NumRows(); n > 0; n-- {
		if len(r.Rows) == r.limit {
			return nil
		}
		row := r.row()
		width := 0
		more, err := in.row(func(text []byte, null bool) error {
			if width++; width > len(row) {
				return errValue
			}
			if null {
				r.size += source.CellSize(nil)
				return nil
			}
			return r.set(row, width-1, text)
		})
		switch {
		case err != nil:
			return err
		case !more:
			return &brokenError{io.ErrUnexpectedEOF}
		case width != len(row):
			return errValue
		}
		if err := r.grow(row); err != nil {
			return err
		}
	}
	return in.end()
}
