package source

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxTotalRows is how many rows Collect joins at the most by default.
	MaxTotalRows = 100_000
	// MaxPages is how many pages Collect asks for at the most by default.
	MaxPages = 1_000
	// MaxBytes is how large a result may grow in memory by default.
	MaxBytes = 64 << 20
)

// PageOptions configure Pages. The zero value is ready.
type PageOptions struct {
	// MaxRows is where reading a page stops. Zero is 10,000.
	MaxRows int
}

// Pages binds the statement and runs it on s, once for a plain statement, and
// page by page for one that uses ${next_token}. That one must return a column
// next_token; its value in a page's last row is the parameter's value for the
// next page, as text: numbers in plain notation, times as 2006-01-02 15:04:05
// with fractions if any, and with an offset unless the zone is UTC. The first
// page takes values["next_token"], or an empty string.
//
// Paging ends after a page without rows, or whose last next_token is NULL or
// empty. A token that equals the one before is an error, and that page is not
// yielded. A page that reached MaxRows says Truncated and goes on from its last
// row, so nothing is lost if rows are ordered by their token.
//
// Pages come as the source returned them, next_token included, and belong to the
// caller; none is kept. A page without rows is yielded only if it is the first.
// An error is an *Error with the statement's number and ends the iteration; its
// result is nil. The iterator may be used more than once: each use runs the
// queries again. There is no limit to the number of pages.
func Pages(ctx context.Context, s Source, st Statement, values map[string]string, o PageOptions) iter.Seq2[*Result, error] {
	return func(yield func(*Result, error) bool) {
		paged := st.Paged()
		token := values[NextToken]
		if paged {
			values = maps.Clone(values)
			if values == nil {
				values = map[string]string{}
			}
		}
		for first := true; ; first = false {
			if paged {
				values[NextToken] = token
			}
			r, err := queryPage(ctx, s, st, values, o)
			if err != nil {
				yield(nil, err)
				return
			}
			if !paged {
				yield(r, nil)
				return
			}
			if len(r.Rows) == 0 {
				if first {
					yield(r, nil)
				}
				return
			}
			next, err := nextToken(r)
			if err == nil && next != "" && next == token {
				err = errors.New("no progress: next_token in the last row equals the page's own; order the rows by it and select those after ${next_token}")
			}
			if err != nil {
				yield(nil, &Error{Op: "sql: page", Statement: st.Number, Param: NextToken, Err: err})
				return
			}
			if !yield(r, nil) || next == "" {
				return
			}
			token = next
		}
	}
}

func queryPage(ctx context.Context, s Source, st Statement, values map[string]string, o PageOptions) (*Result, error) {
	sql, err := st.Bind(s.Dialect(), values)
	if err != nil {
		return nil, err
	}
	r, err := s.Query(ctx, Query{SQL: sql, MaxRows: o.MaxRows})
	if err != nil {
		return nil, inStatement(err, st.Number)
	}
	if r == nil {
		return nil, &Error{Op: "sql: page", Statement: st.Number, Err: errors.New("the source returned neither a result nor an error")}
	}
	return r, nil
}

// inStatement says in err which statement it is about.
func inStatement(err error, number int) error {
	var e *Error
	if !errors.As(err, &e) {
		kind := Other
		switch {
		case errors.Is(err, context.Canceled):
			kind = Canceled
		case errors.Is(err, context.DeadlineExceeded):
			kind = Timeout
		}
		return &Error{Op: "sql: query", Kind: kind, Statement: number, Err: err}
	}
	if e != err || e.Statement != 0 {
		return err
	}
	c := *e
	c.Statement = number
	return &c
}

// column returns the position of next_token, or -1.
func tokenColumn(r *Result) int {
	for i, c := range r.Columns {
		if strings.EqualFold(c.Name, NextToken) {
			return i
		}
	}
	return -1
}

func nextToken(r *Result) (string, error) {
	i := tokenColumn(r)
	if i < 0 {
		return "", errors.New("the statement uses ${next_token} and returns no column next_token; add one")
	}
	switch v := r.Rows[len(r.Rows)-1][i].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case Decimal:
		return string(v), nil
	case JSON:
		return string(v), nil
	case []byte:
		return string(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	case time.Time:
		if v.Location() == time.UTC {
			return v.Format("2006-01-02 15:04:05.999999999"), nil
		}
		return v.Format("2006-01-02 15:04:05.999999999-07:00"), nil
	default:
		return "", fmt.Errorf("the source returned a %T, which is no cell type", v)
	}
}

// CollectOptions configure Collect. The zero value is ready.
type CollectOptions struct {
	// MaxRows is where reading one query, or one page, stops. Zero is 10,000.
	MaxRows int
	// MaxTotal is how many rows of all pages are joined. Zero is 100,000.
	MaxTotal int
	// MaxPages is how many pages are asked for. Zero is 1,000.
	MaxPages int
	// MaxBytes is how large the joined result may grow, counted by CellSize.
	// Zero is 64 MiB.
	MaxBytes int64
	// Strict makes every truncation an error.
	Strict bool
}

// Collect runs the statement as Pages does and joins its pages into one result,
// without the column next_token of a paged statement. When a limit of rows or
// pages ends the reading, the result has what was read, Truncated is set and a
// warning says so. Truncated is also set when a page stopped at MaxRows: rows
// are missing then unless they are ordered by next_token.
//
// The error is an *Error with the statement's number; the result is nil then. A
// result over MaxBytes is such an error.
func Collect(ctx context.Context, s Source, st Statement, values map[string]string, o CollectOptions) (r *Result, warnings []string, err error) {
	total, pages, budget := o.MaxTotal, o.MaxPages, o.MaxBytes
	if total == 0 {
		total = MaxTotalRows
	}
	if pages == 0 {
		pages = MaxPages
	}
	if budget == 0 {
		budget = MaxBytes
	}
	limit := o.MaxRows
	if limit == 0 {
		limit = MaxRows
	}
	fail := func(format string, args ...any) error {
		return &Error{Op: "sql: collect", Statement: st.Number, Err: fmt.Errorf(format, args...)}
	}

	var joined *Result
	var size int64
	count, cut := 0, ""
	for page, err := range Pages(ctx, s, st, values, PageOptions{MaxRows: o.MaxRows}) {
		if err != nil {
			return nil, nil, err
		}
		count++
		more := false
		if st.Paged() && len(page.Rows) > 0 {
			next, _ := nextToken(page) // Pages has read it without error
			more = next != ""
		}
		if st.Paged() {
			dropToken(page)
		}
		if page.Truncated {
			cut = fmt.Sprintf("only the first %d rows were read", limit)
			if st.Paged() {
				cut = fmt.Sprintf("a page had more than %d rows; lower the statement's own LIMIT", limit)
			}
		}
		if joined == nil {
			joined = &Result{Columns: page.Columns}
		}
		if st.Paged() && len(joined.Rows)+len(page.Rows) > total {
			page.Rows = page.Rows[:total-len(joined.Rows)]
			cut, more = fmt.Sprintf("only the first %d rows of all pages were read", total), false
		}
		for _, row := range page.Rows {
			for _, v := range row {
				size += CellSize(v)
			}
		}
		if size > budget {
			return nil, nil, fail("the result is larger than %d bytes; select fewer rows or columns, or raise the limit", budget)
		}
		if count == 1 {
			joined.Rows = slices.Clip(page.Rows) // most results have no other page
		} else {
			joined.Rows = append(joined.Rows, page.Rows...)
		}
		if more && count == pages {
			cut = fmt.Sprintf("only the first %d pages were read", pages)
			break
		}
		if st.Paged() && !more {
			break
		}
	}
	if cut == "" {
		return joined, nil, nil
	}
	if o.Strict {
		return nil, nil, fail("%s, and truncation is not allowed; narrow the query", cut)
	}
	joined.Truncated = true
	if st.Number > 0 {
		cut = fmt.Sprintf("statement %d: %s", st.Number, cut)
	}
	return joined, []string{cut}, nil
}

// dropToken removes the column next_token in place.
func dropToken(r *Result) {
	i := tokenColumn(r)
	if i < 0 {
		return
	}
	r.Columns = append(r.Columns[:i:i], r.Columns[i+1:]...)
	for n, row := range r.Rows {
		r.Rows[n] = append(row[:i], row[i+1:]...)
	}
}

// CellSize is what a cell counts towards a budget of bytes: 16 for the cell and
// the length of what it points to.
func CellSize(v any) int64 {
	const cell = 16
	switch v := v.(type) {
	case string:
		return cell + int64(len(v))
	case []byte:
		return cell + int64(len(v))
	case Decimal:
		return cell + int64(len(v))
	case JSON:
		return cell + int64(len(v))
	case nil, bool:
		return cell
	case time.Time:
		return cell + 24
	default:
		return cell + 8
	}
}
