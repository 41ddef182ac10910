package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
	"github.com/datapush-go/datapush/task/storetest"
)

func TestStore(t *testing.T) {
	storetest.Test(t, func(*testing.T) storetest.Harness {
		return storetest.Harness{Store: memstore.New(nil)}
	})
}

func TestAScheduledOccurrenceIsNotPlannedAgainOnceItsRunIsForgotten(t *testing.T) {
	ctx := context.Background()
	s := memstore.New(&memstore.Options{History: 2})
	at := time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC)
	must(t, s.CreateTask(ctx, task.Task{ID: "t", Revision: 1}))
	run := func(day int) task.Run {
		o := task.NewOccurrence("t", at.AddDate(0, 0, day), "")
		return task.Run{ID: o.RunID(), Occurrence: o, State: task.Planned}
	}
	for day := range 5 {
		r := run(day)
		must(t, s.Plan(ctx, "t", time.Time{}, time.Time{}, []task.Run{r}))
		l, err := s.Claim(ctx, r.ID, "me", at, time.Minute)
		must(t, err)
		r.State = task.Succeeded
		must(t, s.Release(ctx, l, at, r))
	}
	runs, err := s.Runs(ctx, task.RunFilter{})
	must(t, err)
	if len(runs) != 2 || runs[0].ID != run(4).ID || runs[1].ID != run(3).ID {
		t.Fatalf("kept %v, want the two newest", runs)
	}
	must(t, s.Plan(ctx, "t", time.Time{}, time.Time{}, []task.Run{run(0), run(4)}))
	if _, err := s.Run(ctx, run(0).ID); !errors.Is(err, task.ErrNotFound) {
		t.Errorf("a forgotten occurrence was planned again: %v", err)
	}
	must(t, s.AddRun(ctx, task.Run{ID: "backfill", Occurrence: task.NewOccurrence("t", at, "backfill"), State: task.Planned}))
}

func TestHistoryBoundsTheEndedRunsOfEachTask(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name    string
		options *memstore.Options
		want    int
	}{
		{"nil options keep 100", nil, 100},
		{"zero keeps 100", &memstore.Options{}, 100},
		{"a number keeps that many", &memstore.Options{History: 7}, 7},
		{"negative keeps all", &memstore.Options{History: -1}, 120},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := memstore.New(c.options)
			for _, id := range []string{"a", "b"} {
				must(t, s.CreateTask(ctx, task.Task{ID: id, Revision: 1}))
				byHand := func(i int) task.Run {
					r := task.Run{ID: fmt.Sprintf("%s%03d", id, i), State: task.Planned}
					r.Occurrence = task.NewOccurrence(id, start, r.ID)
					must(t, s.AddRun(ctx, r))
					return r
				}
				open := byHand(0)
				for i := range 120 {
					r := byHand(i + 1)
					l, err := s.Claim(ctx, r.ID, "me", start, time.Minute)
					must(t, err)
					r.State = task.Succeeded
					must(t, s.Release(ctx, l, start, r, task.Delivery{Run: r.ID, Destination: "ops"}))
				}
				ended, err := s.Runs(ctx, task.RunFilter{Task: id, States: []task.RunState{task.Succeeded}, Limit: 1000})
				must(t, err)
				if len(ended) != c.want || ended[0].ID != id+"120" {
					t.Errorf("task %s keeps %d runs, the newest is %s; want %d and the last", id, len(ended), ended[0].ID, c.want)
				}
				if _, err := s.Run(ctx, open.ID); err != nil {
					t.Errorf("a run that has not ended was forgotten: %v", err)
				}
				_, err = s.Deliveries(ctx, id+"001")
				if kept := c.want == 120; kept != (err == nil) || !kept && !errors.Is(err, task.ErrNotFound) {
					t.Errorf("the deliveries of the oldest run: %v", err)
				}
			}
			all, err := s.Runs(ctx, task.RunFilter{Limit: 1000})
			must(t, err)
			if want := 2 * (c.want + 1); len(all) != want {
				t.Errorf("%d runs of all tasks, want %d", len(all), want)
			}
		})
	}
}

func TestAnEndedContextIsAnsweredWithItsErrorAndChangesNothing(t *testing.T) {
	live := context.Background()
	s := memstore.New(nil)
	r := task.Run{ID: "r1", Occurrence: task.NewOccurrence("t1", start, "r1"), State: task.Planned}
	must(t, s.CreateTask(live, task.Task{ID: "t1", Revision: 1}))
	_, err := s.AddVersion(live, task.Version{Task: "t1"})
	must(t, err)
	must(t, s.AddRun(live, r))
	must(t, s.SaveDestination(live, channel.Webhook("ops", channel.Lark, "https://hook.example")))
	l, err := s.Claim(live, "r1", "me", start, time.Minute)
	must(t, err)

	ctx, cancel := context.WithCancel(live)
	cancel()
	second := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"CreateTask":        s.CreateTask(ctx, task.Task{ID: "t2"}),
		"SaveTask":          s.SaveTask(ctx, task.Task{ID: "t1", Revision: 1}),
		"Task":              second(s.Task(ctx, "t1")),
		"Tasks":             second(s.Tasks(ctx, task.Filter{})),
		"Named":             second(s.Named(ctx, "")),
		"AddVersion":        second(s.AddVersion(ctx, task.Version{Task: "t1"})),
		"Version":           second(s.Version(ctx, "t1", 1)),
		"Versions":          second(s.Versions(ctx, "t1")),
		"Publish":           s.Publish(ctx, task.Publication{Task: "t1", Number: 1}),
		"Unpublish":         s.Unpublish(ctx, "t1"),
		"Abandon":           s.Abandon(ctx, "t1", 1),
		"SaveDestination":   s.SaveDestination(ctx, channel.Destination{Name: "board"}),
		"Destination":       second(s.Destination(ctx, "ops")),
		"Destinations":      second(s.Destinations(ctx)),
		"DeleteDestination": s.DeleteDestination(ctx, "ops"),
		"Plan":              s.Plan(ctx, "t1", time.Time{}, time.Time{}, nil),
		"AddRun":            s.AddRun(ctx, r),
		"Claim":             second(s.Claim(ctx, "r1", "you", start, time.Minute)),
		"Renew":             second(s.Renew(ctx, l, start, time.Minute)),
		"SaveRun":           s.SaveRun(ctx, l, r),
		"Release":           s.Release(ctx, l, start, r),
		"SaveDelivery":      s.SaveDelivery(ctx, l, task.Delivery{Run: "r1"}),
		"Park":              s.Park(ctx, "r1", "", "", start, start),
		"Wake":              s.Wake(ctx, "k", start, 0),
		"Run":               second(s.Run(ctx, "r1")),
		"Runs":              second(s.Runs(ctx, task.RunFilter{})),
		"Deliveries":        second(s.Deliveries(ctx, "r1")),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got error %v, want that of the context", name, err)
		}
	}
	if _, _, err := s.Due(ctx, start, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Due: got error %v, want that of the context", err)
	}
	if _, _, err := s.Next(ctx, "t1"); !errors.Is(err, context.Canceled) {
		t.Errorf("Next: got error %v, want that of the context", err)
	}
	if err := s.SaveDelivery(live, l, task.Delivery{Run: "r1", Destination: "ops"}); err != nil {
		t.Errorf("the lease was touched: %v", err)
	}
	rows, err := s.Tasks(live, task.Filter{Unpublished: true})
	must(t, err)
	if len(rows) != 1 || rows[0].Version != 0 {
		t.Errorf("the tasks were touched: %v", rows)
	}
}

func TestArgumentsThatContradictEachOtherAreInvalid(t *testing.T) {
	ctx := context.Background()
	s := memstore.New(nil)
	must(t, s.CreateTask(ctx, task.Task{ID: "t1", Revision: 1}))
	must(t, s.CreateTask(ctx, task.Task{ID: "t2", Revision: 1}))
	r := task.Run{ID: "r1", Occurrence: task.NewOccurrence("t1", start, "r1"), State: task.Planned}
	must(t, s.AddRun(ctx, r))
	l, err := s.Claim(ctx, "r1", "me", start, time.Minute)
	must(t, err)
	other := r
	other.ID = "r2"
	for name, err := range map[string]error{
		"a run of another task in Plan":         s.Plan(ctx, "t2", time.Time{}, time.Time{}, []task.Run{r}),
		"a run that is not its occurrence's":    s.AddRun(ctx, other),
		"a run without an ID":                   s.AddRun(ctx, task.Run{}),
		"another run under a lease":             s.SaveRun(ctx, l, other),
		"another run's delivery under a lease":  s.SaveDelivery(ctx, l, task.Delivery{Run: "r2"}),
		"another run's delivery beside the run": s.SaveRun(ctx, l, r, task.Delivery{Run: "r2"}),
		"another run's delivery at its release": s.Release(ctx, l, start, r, task.Delivery{Run: "r2"}),
		"a scheduled run with an ID of its own": s.Plan(ctx, "t1", time.Time{}, time.Time{}, []task.Run{{ID: "x", Occurrence: task.NewOccurrence("t1", start, "")}}),
	} {
		if !errors.Is(err, task.ErrInvalid) {
			t.Errorf("%s: got error %v, want invalid", name, err)
		}
	}
	if err := s.AddRun(ctx, task.Run{ID: "r3", Occurrence: task.NewOccurrence("nobody", start, "r3")}); !errors.Is(err, task.ErrNotFound) {
		t.Errorf("a run of a task that is not there: got error %v, want not found", err)
	}
	if err := s.Plan(ctx, "t1", time.Time{}, start, nil); !errors.Is(err, task.ErrConflict) {
		t.Errorf("planning a task that is not published: got error %v, want a conflict", err)
	}
	r.State = task.Failed
	must(t, s.SaveRun(ctx, l, r))
	r.State = task.Waiting
	if err := s.Release(ctx, l, start, r); !errors.Is(err, task.ErrEnded) {
		t.Errorf("going on with a run that has ended: got error %v, want that it has", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
