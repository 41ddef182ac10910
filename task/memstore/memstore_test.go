package memstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

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

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
