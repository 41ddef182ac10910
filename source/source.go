package source

import (
	"context"
)

// MaxRows is how many rows a query returns at the most when Query.MaxRows is
// zero.
const MaxRows = 10_000

// Source runs result-returning statements against one database. All methods may
// be called by several goroutines at once.
type Source interface {
	// Query runs one statement and reads its rows, up to the limit. Errors are
	// *Error. Cancelling ctx cancels the query on the server. The result belongs
	// to the caller.
	Query(ctx context.Context, q Query) (*Result, error)

	// Dialect says how the database quotes, comments and escapes.
	Dialect() Dialect

	// Close is called by whoever opened the source: the host, or the engine
	// for what Session returned.
	Close() error
}

// Describer is implemented by sources that can name a statement's columns
// without reading rows.
type Describer interface {
	Columns(ctx context.Context, sql string) ([]Column, error)
}

// Sessioner is implemented by sources that can pin several statements to one
// connection. The engine opens a session per run and closes it.
type Sessioner interface {
	Session(ctx context.Context) (Source, error)
}

// As finds the optional interface T on s or on what s wraps, following
// Unwrap() Source.
func As[T any](s Source) (T, bool) {
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		u, ok := s.(interface{ Unwrap() Source })
		if !ok {
			break
		}
		s = u.Unwrap()
	}
	var zero T
	return zero, false
}

// Query is one statement, parameters already bound.
type Query struct {
	SQL string
	// MaxRows is where reading stops. Zero is 10,000.
	MaxRows int
}

// Result is what one statement returned.
type Result struct {
	Columns []Column
	// Rows hold nil, bool, int64, uint64, float64, Decimal, string, []byte,
	// time.Time and JSON, and nothing else. Each row has len(Columns) cells.
	Rows [][]any
	// Truncated says that the server had more rows than were read.
	Truncated bool
}

// Column is a name and what the database calls its type.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
}

// Decimal is a number with every digit the database gave, in plain notation
// such as "-12.50".
type Decimal string

// JSON is the JSON text of a nested value: an array, map, struct or document.
type JSON string
