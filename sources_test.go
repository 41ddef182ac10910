package datapush_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/source"
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
