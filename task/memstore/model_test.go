package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
)

// model knows what is due by looking at everything.
type model struct {
	tasks map[string]time.Time // next times
	runs  map[string]*modelRun // those that have not ended
}

type modelRun struct {
	task, waitFor   string
	seq             int
	resume, expires time.Time
	held            bool
	lease           task.Lease
	run             task.Run
	planned         time.Time
}

func (r *modelRun) due() time.Time {
	if r.held {
		return r.expires
	}
	return r.resume
}

func (m *model) due(now time.Time, limit int) (names []string, next time.Time) {
	type item struct {
		name string
		at   time.Time
		run  bool
		seq  int
	}
	var all []item
	for id, at := range m.tasks {
		all = append(all, item{name: id, at: at})
	}
	for id, r := range m.runs {
		all = append(all, item{name: id, at: r.due(), run: true, seq: r.seq})
	}
	slices.SortFunc(all, func(a, b item) int {
		switch {
		case a.run != b.run && b.run:
			return -1
		case a.run != b.run:
			return 1
		case !a.at.Equal(b.at):
			return a.at.Compare(b.at)
		case a.run:
			return a.seq - b.seq
		default:
			return compare(a.name, b.name)
		}
	})
	for _, x := range all {
		switch {
		case x.at.After(now):
			if next.IsZero() || x.at.Before(next) {
				next = x.at
			}
		case len(names) == limit:
			return names, now
		default:
			names = append(names, x.name)
		}
	}
	return names, next
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func (m *model) wake(key string, now time.Time, n int) {
	var waiting []*modelRun
	for _, r := range m.runs {
		if !r.held && r.waitFor == key {
			waiting = append(waiting, r)
		}
	}
	slices.SortFunc(waiting, func(a, b *modelRun) int {
		if !a.planned.Equal(b.planned) {
			return a.planned.Compare(b.planned)
		}
		return a.seq - b.seq
	})
	for i, r := range waiting {
		if n > 0 && i == n {
			break
		}
		r.wake(now)
	}
}

func (r *modelRun) wake(now time.Time) {
	r.waitFor = ""
	if r.resume.After(now) {
		r.resume = now
	}
}

// The rules of storetest judge a handful of things at a time; here many are in
// the heaps at once, in every order.
func TestRandomCallsLeaveDueWhatAModelSaysIsDue(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { walkModel(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

func walkModel(t *testing.T, rnd *rand.Rand) {
	ctx := context.Background()
	s := memstore.New(&memstore.Options{History: 3})
	m := &model{tasks: make(map[string]time.Time), runs: make(map[string]*modelRun)}
	ids := make([]string, 8)
	for i := range ids {
		ids[i] = fmt.Sprintf("t%d", i)
		must(t, s.CreateTask(ctx, task.Task{ID: ids[i], Revision: 1}))
	}
	now := start
	soon := func() time.Time { return now.Add(time.Duration(rnd.IntN(100)-10) * time.Second) }
	keys := []string{"group:a", "group:b", task.TaskKey("t0"), ""}
	pick := func() *modelRun {
		if len(m.runs) == 0 {
			return nil
		}
		names := make([]string, 0, len(m.runs))
		for id := range m.runs {
			names = append(names, id)
		}
		slices.Sort(names)
		return m.runs[names[rnd.IntN(len(names))]]
	}
	for step := range 400 {
		now = now.Add(time.Duration(rnd.IntN(5)) * time.Second)
		id := ids[rnd.IntN(len(ids))]
		switch rnd.IntN(9) {
		case 0: // publish, so that the task is due
			v, err := s.AddVersion(ctx, task.Version{Task: id})
			must(t, err)
			next := soon()
			must(t, s.Publish(ctx, task.Publication{Task: id, Number: v.Number, From: m.tasks[id], Next: next}))
			m.tasks[id] = next
		case 1: // plan, or unpublish
			from, published := m.tasks[id]
			if !published {
				continue
			}
			if rnd.IntN(4) == 0 {
				must(t, s.Unpublish(ctx, id))
				delete(m.tasks, id)
				continue
			}
			next := soon()
			must(t, s.Plan(ctx, id, from, next, nil))
			m.tasks[id] = next
		case 2, 3: // a run by hand
			r := task.Run{ID: fmt.Sprintf("r%d", step), State: task.Planned, PlannedAt: now}
			r.Occurrence = task.NewOccurrence(id, now, r.ID)
			if rnd.IntN(2) == 0 {
				r.State, r.WaitFor, r.Resume = task.Waiting, keys[rnd.IntN(len(keys))], soon()
			}
			must(t, s.AddRun(ctx, r))
			m.runs[r.ID] = &modelRun{task: id, seq: step, resume: r.Resume, waitFor: r.WaitFor, planned: now, run: r}
		case 4: // claim
			r := pick()
			if r == nil {
				continue
			}
			l, err := s.Claim(ctx, r.run.ID, "me", now, 30*time.Second)
			busy := r.held && now.Before(r.expires)
			for _, o := range m.runs {
				busy = busy || o != r && o.task == r.task && o.held && now.Before(o.expires)
			}
			if got := errors.Is(err, task.ErrBusy); got != busy {
				t.Fatalf("step %d: claiming %s: got error %v, want busy: %v", step, r.run.ID, err, busy)
			}
			if err == nil {
				r.held, r.lease, r.expires = true, l, l.Expires
			}
		case 5: // release
			r := pick()
			if r == nil || !r.held {
				continue
			}
			n := r.run
			if rnd.IntN(2) == 0 {
				n.State = task.Succeeded
			} else {
				n.State, n.Resume, n.WaitFor = task.Waiting, soon(), keys[rnd.IntN(len(keys))]
			}
			must(t, s.Release(ctx, r.lease, now, n))
			r.held, r.run, r.resume, r.waitFor = false, n, n.Resume, n.WaitFor
			if n.State.Ended() {
				delete(m.runs, n.ID)
				for _, o := range m.runs {
					if o.task == r.task && !o.held && o.waitFor == task.TaskKey(r.task) {
						o.wake(now)
					}
				}
			}
		case 6: // park
			r := pick()
			if r == nil {
				continue
			}
			key, resume := keys[rnd.IntN(len(keys))], soon()
			must(t, s.Park(ctx, r.run.ID, "its turn", key, now, resume))
			if !r.held || !now.Before(r.expires) {
				r.held, r.waitFor, r.resume = false, key, resume
			}
		case 7: // wake
			key, n := keys[rnd.IntN(3)], rnd.IntN(3)
			must(t, s.Wake(ctx, key, now, n))
			m.wake(key, now, n)
		case 8: // renew
			r := pick()
			if r == nil || !r.held {
				continue
			}
			l, err := s.Renew(ctx, r.lease, now, 20*time.Second)
			if err == nil {
				r.lease, r.expires = l, l.Expires
			} else if !errors.Is(err, task.ErrConflict) || now.Before(r.expires) {
				t.Fatalf("step %d: renewing %s: %v", step, r.run.ID, err)
			}
		}
		limit := []int{1, 5, 1000}[rnd.IntN(3)]
		wantNames, wantNext := m.due(now, limit)
		due, next, err := s.Due(ctx, now, limit)
		must(t, err)
		var names []string
		for _, d := range due {
			if d.Run != "" {
				names = append(names, d.Run)
			} else {
				names = append(names, d.Task)
			}
		}
		if diff := cmp.Diff(wantNames, names); diff != "" {
			t.Fatalf("step %d, limit %d: due (-want +got):\n%s", step, limit, diff)
		}
		if !next.Equal(wantNext) {
			t.Fatalf("step %d, limit %d: next is %v, want %v", step, limit, next, wantNext)
		}
	}
}
