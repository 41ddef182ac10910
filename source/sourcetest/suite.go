package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/datapush-go/datapush/source"
)

// Harness is a source and what the suite has to know about its database. SQL is
// in the source's dialect.
type Harness struct {
	// Source is the source under test. Rule.Check may close it.
	Source source.Source

	// Count returns a query of n rows with one column i, an integer that counts
	// from 1 in order. Required.
	Count func(n int) string

	// Endless is a query that gives rows for ever.
	Endless string
	// Silent is a query that runs for minutes and gives no row in that time.
	Silent string
	// Late is a query that gives a row and then none for minutes.
	Late string
	// Fails is a query that gives rows and then an error.
	Fails string

	// Write is a statement that changes something, and State a query whose
	// result tells whether it did.
	Write, State string
	// Refused are further statements that must not run, among them what the
	// dialect can hide a statement in.
	Refused []string

	// Cells are values of every type that the database has.
	Cells []Cell

	// Connection is a query whose one cell tells connections apart.
	Connection string

	// SameNames is, for a database in which a name stands for one expression, a
	// query of one row and two columns of the same name, both 1. Empty is
	// SELECT 1 AS same, 2 AS same.
	SameNames string

	// Running tells how many of the source's statements the server is running.
	Running func(ctx context.Context) (int, error)

	// Wrong are sources that cannot connect.
	Wrong []Wrong

	// Secrets must be in no error: the DSN, the password, the host.
	Secrets []string

	// Patience is how long the end of a context may take to be noticed. Zero is
	// ten seconds.
	Patience time.Duration
}

// Cell is a query of one row and one column, and what it must give. NaN equals
// NaN, and times are compared as instants with their offset.
type Cell struct {
	Name string
	SQL  string
	Want any
}

// Wrong is a source that cannot connect, and the kind of its errors.
type Wrong struct {
	Name   string
	Source source.Source
	Kind   source.Kind
}

// Rule is one thing that every source does.
type Rule struct {
	// ID is stable: "S03".
	ID string
	// Text is a sentence: "reading stops at MaxRows and Truncated says so".
	Text string

	check func(ctx context.Context, h Harness) error
}

// ErrUndeclared is what Check returns for a rule that needs a field which the
// harness does not set.
var ErrUndeclared = errors.New("the harness does not declare what the rule needs")

// Check returns nil when the harness's source keeps the rule. A panic of the
// source is an error. The source may be closed afterwards; give each rule a
// harness of its own.
func (r Rule) Check(ctx context.Context, h Harness) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if h.Patience == 0 {
		h.Patience = 10 * time.Second
	}
	return r.check(ctx, h)
}

// Test checks every rule, each as a subtest with a harness of its own. What open
// makes is closed by the suite.
func Test(t *testing.T, open func(*testing.T) Harness) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			h := open(t)
			t.Cleanup(func() {
				h.Source.Close()
				for _, w := range h.Wrong {
					w.Source.Close()
				}
			})
			switch err := r.Check(t.Context(), h); {
			case errors.Is(err, ErrUndeclared):
				t.Skipf("%s %s: %v", r.ID, r.Text, err)
			case err != nil:
				t.Errorf("%s %s: %v", r.ID, r.Text, err)
			}
		})
	}
}
