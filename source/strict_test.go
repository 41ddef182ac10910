package source_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sourcetest"
)

// plain hides everything that a source can do beside the contract.
type plain struct{ source.Source }

func (plain) Unwrap() source.Source { return nil }

func TestStrictMakesACutAnError(t *testing.T) {
	full := sourcetest.Table([]string{"id"}, []any{int64(1)}, []any{int64(2)}, []any{int64(3)})
	memory := sourcetest.Fixed(full)
	for name, inner := range map[string]source.Source{"a source": memory, "a source without sessions": plain{memory}} {
		t.Run(name, func(t *testing.T) {
			s := source.Strict(inner)
			session, err := s.(source.Sessioner).Session(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for what, s := range map[string]source.Source{"the source": s, "its session": session} {
				if r, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1", MaxRows: 3}); err != nil || len(r.Rows) != 3 {
					t.Errorf("%s, a whole result: %v, %v", what, r, err)
				}
				r, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1", MaxRows: 2})
				var e *source.Error
				if r != nil || !errors.As(err, &e) || e.Kind != source.Other || !strings.Contains(err.Error(), "more than 2 rows") {
					t.Errorf("%s, a cut result: %v, %v", what, r, err)
				}
			}
			if err := session.Close(); err != nil {
				t.Error(err)
			}
			if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
				t.Errorf("after the session was closed: %v", err)
			}
		})
	}
	if _, open := memory.Sessions(); open != 0 {
		t.Errorf("%d sessions are open", open)
	}
}

func TestStrictNamesTheStatementAndTheLimitOfZero(t *testing.T) {
	s := source.Strict(sourcetest.Func(func(_ context.Context, q source.Query) (*source.Result, error) {
		return &source.Result{Truncated: true}, nil
	}))
	_, _, err := source.Collect(t.Context(), s, source.Statement{SQL: "SELECT 1", Number: 2}, nil, source.CollectOptions{})
	var e *source.Error
	if !errors.As(err, &e) || e.Statement != 2 || !strings.Contains(err.Error(), "more than 10000 rows") {
		t.Errorf("error %v", err)
	}
}

func TestStrictPassesOnWhatElseASourceCanDo(t *testing.T) {
	boom := errors.New("boom")
	s := source.Strict(describer{Source: sourcetest.Func(func(context.Context, source.Query) (*source.Result, error) { return nil, boom })})
	if _, err := s.Query(t.Context(), source.Query{}); !errors.Is(err, boom) {
		t.Errorf("error %v", err)
	}
	d, ok := source.As[source.Describer](s)
	if !ok {
		t.Fatal("Columns is lost")
	}
	if c, err := d.Columns(t.Context(), ""); err != nil || len(c) != 1 {
		t.Errorf("columns %v, %v", c, err)
	}
}

type describer struct{ source.Source }

func (describer) Columns(context.Context, string) ([]source.Column, error) {
	return []source.Column{{Name: "id"}}, nil
}
