package task_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/version"
)

func TestOccurrence(t *testing.T) {
	shanghai := time.FixedZone("CST", 8*3600)
	at := time.Date(2024, 1, 3, 8, 0, 0, 999, shanghai)
	o := task.NewOccurrence("t1", at, "")
	if o != task.NewOccurrence("t1", time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC), "") {
		t.Errorf("%v is not the same in another zone", o)
	}
	if got, want := o.RunID(), "t1@20240103T000000Z"; got != want {
		t.Errorf("the scheduled run is %q, want %q", got, want)
	}
	o.Run = "r1"
	if got := o.RunID(); got != "r1" {
		t.Errorf("a run by hand is %q, want its own ID", got)
	}
}

func TestStatesThatHaveEnded(t *testing.T) {
	runs := map[task.RunState]bool{
		task.Planned: false, task.Running: false, task.Waiting: false, "": false,
		task.Succeeded: true, task.Skipped: true, task.Failed: true, task.TimedOut: true,
	}
	for s, want := range runs {
		if got := s.Ended(); got != want {
			t.Errorf("a run that is %q: Ended %v, want %v", s, got, want)
		}
	}
	deliveries := map[task.DeliveryState]bool{
		task.Pending: false, "": false,
		task.Delivered: true, task.Undelivered: true, task.Unclear: true, task.Expired: true,
	}
	for s, want := range deliveries {
		if got := s.Ended(); got != want {
			t.Errorf("a delivery that is %q: Ended %v, want %v", s, got, want)
		}
	}
}

func TestVersionPublished(t *testing.T) {
	for _, s := range version.Statuses() {
		if got, want := (task.Version{Status: s}).Published(), s == version.Published; got != want {
			t.Errorf("a version that is %s: Published %v, want %v", s, got, want)
		}
	}
}

func TestTestHash(t *testing.T) {
	spec := func() task.Spec {
		return task.Spec{
			Name: "n", Source: "sales", SQL: "SELECT 1", Params: task.Params{"a": "1"}, Outputs: []string{"x"},
			Content: render.Content{Title: "t", Blocks: render.Blocks(render.Table("x"))}, Destinations: []string{"ops", "board"},
		}
	}
	for _, c := range []struct {
		name   string
		change func(*task.Spec)
		same   bool
	}{
		{"nothing", func(*task.Spec) {}, true},
		{"the name", func(s *task.Spec) { s.Name = "other" }, true},
		{"the owner", func(s *task.Spec) { s.Owner = "ann" }, true},
		{"the schedule", func(s *task.Spec) { s.Schedule.Misfire = schedule.Skip }, true},
		{"the resource group", func(s *task.Spec) { s.ResourceGroup = "nightly" }, true},
		{"the node mode", func(s *task.Spec) { s.NodeMode = task.DryRun }, true},
		{"the order of destinations", func(s *task.Spec) { s.Destinations = []string{"board", "ops"} }, true},
		{"a destination that stands twice", func(s *task.Spec) { s.Destinations = []string{"board", "ops", "ops"} }, true},
		{"production by its name", func(s *task.Spec) { s.Environment = task.Production }, true},
		{"the environment", func(s *task.Spec) { s.Environment = task.Development }, false},
		{"the source", func(s *task.Spec) { s.Source = "stock" }, false},
		{"the SQL", func(s *task.Spec) { s.SQL = "SELECT 2" }, false},
		{"a parameter's value", func(s *task.Spec) { s.Params["a"] = "2" }, false},
		{"a parameter's name", func(s *task.Spec) { s.Params = task.Params{"b": "1"} }, false},
		{"the outputs", func(s *task.Spec) { s.Outputs = nil }, false},
		{"the title", func(s *task.Spec) { s.Content.Title = "u" }, false},
		{"a block", func(s *task.Spec) { s.Content.Blocks[0].Table.Columns[0].Prefix = "¥" }, false},
		{"the empty-result rule", func(s *task.Spec) { s.SkipEmpty = true }, false},
		{"a destination", func(s *task.Spec) { s.Destinations = s.Destinations[:1] }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spec()
			before := s.Clone()
			c.change(&s)
			changed := s.Clone()
			if got := s.TestHash() == before.TestHash(); got != c.same {
				t.Errorf("same hash: %v, want %v", got, c.same)
			}
			if len(task.Compare(changed, s)) > 0 {
				t.Error("hashing changed the spec")
			}
		})
	}
}

func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name     string
		findings task.Findings
		want     string
	}{
		{"none", nil, "invalid:"},
		{"one", task.Findings{{Path: "sql", Text: "is empty"}}, "invalid: sql: is empty"},
		{"one about the whole", task.Findings{{Text: "is empty"}}, "invalid: is empty"},
		{"several", task.Findings{{Path: "sql", Text: "is empty"}, {Path: "name", Text: "is taken"}},
			"invalid:\n\tsql: is empty\n\tname: is taken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.findings.Error()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
	err := fmt.Errorf("save: %w", task.Findings{{Path: "a", Text: "b"}, {Path: "sql", Text: "cut off", Err: io.ErrUnexpectedEOF}})
	for _, is := range []error{task.ErrInvalid, io.ErrUnexpectedEOF} {
		if !errors.Is(err, is) {
			t.Errorf("%v is not %v", err, is)
		}
	}
	if errors.Is(err, task.ErrConflict) {
		t.Error("findings are a conflict")
	}
	var f task.Findings
	if !errors.As(err, &f) || len(f) != 2 {
		t.Errorf("the findings are not found: %v", f)
	}
}

func TestBusyError(t *testing.T) {
	for _, c := range []struct{ behind, want string }{
		{"", "busy: the run is leased by another process"},
		{"r1", "busy: run r1 of the same task comes first"},
	} {
		err := fmt.Errorf("claim: %w", &task.BusyError{Behind: c.behind})
		if !errors.Is(err, task.ErrBusy) || errors.Is(err, task.ErrEnded) {
			t.Errorf("%v is not just busy", err)
		}
		if got, want := err.Error(), "claim: "+c.want; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
