package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/internal/session"
	"github.com/datapush-go/datapush/source"
)

// line is a runner that keeps what became of it.
type line struct {
	mu    sync.Mutex
	log   []string
	hold  chan struct{} // a query waits for it, unless nil
	began chan struct{} // closed once a query waits
	end   error
}

func (l *line) note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log = append(l.log, text)
}

func (l *line) Query(_ context.Context, q source.Query) (*source.Result, error) {
	l.note(q.SQL)
	if l.hold != nil {
		close(l.began)
		<-l.hold
	}
	return &source.Result{}, nil
}

func (l *line) Columns(_ context.Context, sql string) ([]source.Column, error) {
	l.note("columns of " + sql)
	return nil, nil
}

func (l *line) Release() error {
	l.note("release")
	return l.end
}

func open(l *line) *session.Pool {
	return &session.Pool{Name: "test", Grammar: source.ANSI,
		Take: func(_ context.Context, op string) (session.Runner, error) {
			l.note("take for " + op)
			return l, nil
		},
		CloseAll: func() error { l.note("close"); return nil },
	}
}

func want(t *testing.T, err error, kind source.Kind, text string) {
	t.Helper()
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one of kind %v with %q", err, kind, text)
	}
}

func TestAConnectionIsTakenForEachStatementAndKeptForASession(t *testing.T) {
	l := &line{end: errors.New("lost")}
	p := open(l)
	ctx := t.Context()
	if _, err := p.Query(ctx, source.Query{SQL: "SELECT 1"}); err != nil {
		t.Error(err)
	}
	if _, err := p.Columns(ctx, "SELECT 2"); err != nil {
		t.Error(err)
	}
	s, err := p.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"SELECT 3", "SELECT 4"} {
		if _, err := s.Query(ctx, source.Query{SQL: sql}); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if err := s.Close(); !errors.Is(err, l.end) {
			t.Errorf("closing the session: %v", err)
		}
	}
	_, err = s.Query(ctx, source.Query{SQL: "SELECT 5"})
	want(t, err, source.Unavailable, "test: query: the session is closed")
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err = p.Columns(ctx, "SELECT 6")
	want(t, err, source.Unavailable, "test: columns: the source is closed")
	_, err = p.Session(ctx)
	want(t, err, source.Unavailable, "test: session: the source is closed")
	if diff := cmp.Diff([]string{"take for query", "SELECT 1", "release", "take for columns", "columns of SELECT 2", "release",
		"take for session", "SELECT 3", "SELECT 4", "release", "close"}, l.log); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

func TestWhatIsNoQueryTakesNoConnection(t *testing.T) {
	l := new(line)
	p := open(l)
	s, err := p.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []source.Source{p, s} {
		_, err := s.Query(t.Context(), source.Query{SQL: "DELETE FROM t"})
		want(t, err, source.Syntax, "DELETE is no query")
		_, err = s.(source.Describer).Columns(t.Context(), "SELECT 1; SELECT 2")
		want(t, err, source.Syntax, "a second statement")
	}
	if diff := cmp.Diff([]string{"take for session"}, l.log); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

func TestAWaitForASessionsTurnEndsWithTheContext(t *testing.T) {
	l := &line{hold: make(chan struct{}), began: make(chan struct{})}
	s, err := open(l).Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan error, 1)
	go func() {
		_, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		first <- err
	}()
	<-l.began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Query(ctx, source.Query{SQL: "SELECT 2"})
	want(t, err, source.Canceled, "test: query")
	ctx, cancel = context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, err = s.Query(ctx, source.Query{SQL: "SELECT 3"})
	want(t, err, source.Timeout, "test: query")
	close(l.hold)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
