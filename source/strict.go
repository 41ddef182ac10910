package source

import (
	"context"
	"fmt"
)

// Strict makes a source for which a result that was cut at its limit of rows is
// an error of kind Other, and no shorter result. It is for hosts that would rather
// push nothing than a part; give it to the host's list of sources in place of s.
// Closing it closes s.
func Strict(s Source) Source { return strict{s} }

type strict struct{ Source }

// Unwrap lets As find what else s can do.
func (s strict) Unwrap() Source { return s.Source }

func (s strict) Query(ctx context.Context, q Query) (*Result, error) {
	r, err := s.Source.Query(ctx, q)
	if err != nil || r == nil || !r.Truncated {
		return r, err
	}
	limit := q.MaxRows
	if limit == 0 {
		limit = MaxRows
	}
	return nil, &Error{Op: s.Dialect().Name + ": query", Err: fmt.Errorf("the result has more than %d rows, and truncation is not allowed; narrow the query", limit)}
}

// Session is strict too. Where s has no sessions it is s itself, left open by
// whoever closes the session.
func (s strict) Session(ctx context.Context) (Source, error) {
	o, ok := As[Sessioner](s.Source)
	if !ok {
		return borrowed{s}, nil
	}
	session, err := o.Session(ctx)
	if err != nil {
		return nil, err
	}
	return strict{session}, nil
}

// borrowed is a source that somebody else closes.
type borrowed struct{ strict }

func (borrowed) Close() error { return nil }
