package datapush_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sourcetest"
	"github.com/datapush-go/datapush/task"
)

func TestDeclaredOutputsAreCheckedAgainstTheColumnsOfTheRun(t *testing.T) {
	s := daily("d")
	s.SQL, s.Outputs = "SELECT * FROM sales WHERE ds = '${date}'", []string{"A"}
	h := newHost(t)
	id := h.publish(s) // the database's column is "a": names compare without regard to case
	h.db.answer = func(context.Context, string) (*source.Result, error) {
		return &source.Result{Columns: []source.Column{{Name: "b"}, {Name: "c"}}, Rows: [][]any{{"x", "y"}}}, nil
	}
	h.until(shanghai(t, "2024-01-03 08:00:00"))
	r := h.runs(id)[0]
	if r.State != task.Failed || !strings.Contains(r.Error, `no statement returns a column "A"; there are: b, c`) {
		t.Errorf("run: %v, %q", r.State, r.Error)
	}
	h.want("messages", len(h.box.messages()), 0)
}

func TestColumnsThatTheTextDoesNotTellMayNotHaveOneName(t *testing.T) {
	s := daily("d")
	s.SQL = "SELECT * FROM sales; SELECT * FROM t"
	h := newHost(t)
	id := h.create(s)
	r, err := h.Test(t.Context(), id, constant)
	if err != nil || r.State != task.Failed || !strings.Contains(r.Error, `column "a" appears in statement 1 too; give one an alias`) {
		t.Errorf("Test: %+v, %v", r, err)
	}
}

func TestAResultThatWasCutIsPushedWithAWarning(t *testing.T) {
	h := newHost(t)
	h.db.answer = func(context.Context, string) (*source.Result, error) {
		return &source.Result{Columns: []source.Column{{Name: "a"}}, Rows: [][]any{{"x"}}, Truncated: true}, nil
	}
	r, err := h.Test(t.Context(), h.create(daily("d")), constant)
	if err != nil || r.State != task.Succeeded {
		t.Fatalf("Test: %+v, %v", r, err)
	}
	if want := (channel.Warning{Code: channel.WarnData, Text: "statement 1: only the first 10000 rows were read"}); !slices.Contains(r.Warnings, want) {
		t.Errorf("warnings %+v, want among them %+v", r.Warnings, want)
	}
}

func TestAStrictSourcePushesNothingThatWasCut(t *testing.T) {
	h := newHost(t, func(c *datapush.Config) { c.Sources["sales"] = source.Strict(c.Sources["sales"]) })
	h.db.answer = func(context.Context, string) (*source.Result, error) {
		return &source.Result{Columns: []source.Column{{Name: "a"}}, Rows: [][]any{{"x"}}, Truncated: true}, nil
	}
	r, err := h.Test(t.Context(), h.create(daily("d")), constant)
	if err != nil || r.State != task.Failed || !strings.Contains(r.Error, "more than 10000 rows") {
		t.Errorf("Test: %+v, %v", r, err)
	}
	h.want("messages", len(h.box.messages()), 0)
}

func TestTheStatementsOfARunShareOneConnectionAndTheFirstFailureEndsIt(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fails string
		asked []string
		state task.RunState
		sent  int
	}{
		{"all succeed", "", []string{"SELECT 1 AS a", "SELECT 2 AS b", "SELECT 3 AS c"}, task.Succeeded, 1},
		{"the second fails", "SELECT 2 AS b", []string{"SELECT 1 AS a", "SELECT 2 AS b"}, task.Failed, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := sourcetest.Func(func(_ context.Context, q source.Query) (*source.Result, error) {
				if q.SQL == tt.fails {
					return nil, &source.Error{Op: "memory: query", Kind: source.Syntax, Err: errors.New("no such table")}
				}
				return sourcetest.Table([]string{q.SQL[len(q.SQL)-1:]}, []any{"x"}), nil
			})
			h := newHost(t, func(c *datapush.Config) { c.Sources["sales"] = m })
			s := daily("d")
			s.SQL = "SELECT 1 AS a; SELECT 2 AS b;\nSELECT 3 AS c"
			r, err := h.Test(t.Context(), h.create(s), constant)
			if err != nil || r.State != tt.state {
				t.Fatalf("Test: %+v, %v", r, err)
			}
			var asked []string
			for _, q := range m.Queries() {
				asked = append(asked, q.SQL)
			}
			h.want("statements", asked, tt.asked)
			if opened, open := m.Sessions(); opened != 1 || open != 0 {
				t.Errorf("%d sessions opened, %d still open", opened, open)
			}
			h.want("messages", len(h.box.messages()), tt.sent)
		})
	}
}
