package storetest_test

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
	"github.com/datapush-go/datapush/task/storetest"
	"github.com/datapush-go/datapush/version"
)

func TestRulesHaveAnIDAndASentenceOfTheirOwn(t *testing.T) {
	ids, texts := make(map[string]bool), make(map[string]bool)
	for _, r := range storetest.Rules() {
		if !regexp.MustCompile(`^[A-Z][0-9]{2}$`).MatchString(r.ID) || r.Text == "" {
			t.Errorf("rule %q %q", r.ID, r.Text)
		}
		if ids[r.ID] || texts[r.Text] {
			t.Errorf("rule %s %q stands there twice", r.ID, r.Text)
		}
		ids[r.ID], texts[r.Text] = true, true
	}
}

func TestASecondHandleThatCannotBeOpenedIsAnError(t *testing.T) {
	broken := errors.New("no such file")
	err := storetest.Rules()[0].Check(context.Background(), storetest.Harness{
		Store: memstore.New(nil),
		Again: func() (task.Store, error) { return nil, broken },
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the harness's error", err)
	}
}

func TestASecondHandleThatSeesOtherDataBreaksTheRulesAboutTwoCallers(t *testing.T) {
	for _, r := range storetest.Rules() {
		if !slices.Contains([]string{"T01", "D01", "P01", "C02", "C03", "X03", "X05"}, r.ID) {
			continue
		}
		err := r.Check(context.Background(), storetest.Harness{
			Store: memstore.New(nil),
			Again: func() (task.Store, error) { return memstore.New(nil), nil },
		})
		if err == nil {
			t.Errorf("rule %s holds", r.ID)
		}
	}
}

// A store with a clock of its own does not go by the times that callers pass.
func TestAStoreWithAClockOfItsOwnIsJudgedByHarnessLapse(t *testing.T) {
	storetest.Test(t, func(t *testing.T) storetest.Harness {
		s := &double{in: memstore.New(nil)}
		own := func(now time.Time) time.Time { return now.Add(1000 * time.Hour) }
		s.claim = func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
			return s.in.Claim(ctx, run, owner, own(now), ttl)
		}
		s.start = func(ctx context.Context, r task.Run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
			return s.in.Start(ctx, r, owner, own(now), ttl)
		}
		s.renew = func(ctx context.Context, l task.Lease, now time.Time, ttl time.Duration) (task.Lease, error) {
			return s.in.Renew(ctx, l, own(now), ttl)
		}
		return storetest.Harness{Store: s, Lapse: func(ctx context.Context, run string) error {
			// A lease renewed long ago, for no time at all, has expired.
			_, err := s.in.Renew(ctx, task.Lease{Run: run, Fence: 1}, time.Time{}, 0)
			return err
		}}
	})
}

func TestEachRuleFindsTheStoreThatBreaksIt(t *testing.T) {
	proven := make(map[string]bool)
	for _, d := range doubles() {
		proven[d.rule] = true
		t.Run(d.rule+" is broken by a store that "+d.what, func(t *testing.T) {
			var broken []string
			for _, r := range storetest.Rules() {
				s := &double{in: memstore.New(nil)}
				d.spoil(s)
				if err := r.Check(context.Background(), storetest.Harness{Store: s}); err != nil {
					broken = append(broken, r.ID)
					if r.ID != d.rule {
						t.Log(err)
					} else if !strings.Contains(err.Error(), r.ID) || !strings.Contains(err.Error(), r.Text) {
						t.Errorf("the error does not name the rule: %v", err)
					}
				}
			}
			if diff := gocmp.Diff([]string{d.rule}, broken); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
		})
	}
	for _, r := range storetest.Rules() {
		if !proven[r.ID] {
			t.Errorf("no store breaks rule %s", r.ID)
		}
	}
}

// overlap tells calls for the same thing that happen at the same time.
type overlap struct {
	mu      sync.Mutex
	inside  map[string]int
	touched map[string]bool
}

// enter waits a moment for company. The function it returns leaves, and reports
// whether there was any.
func (o *overlap) enter(key string) (leave func() bool) {
	o.mu.Lock()
	if o.inside == nil {
		o.inside, o.touched = make(map[string]int), make(map[string]bool)
	}
	o.inside[key]++
	o.touched[key] = o.inside[key] > 1
	o.mu.Unlock()
	for range 2000 {
		o.mu.Lock()
		met := o.touched[key]
		o.mu.Unlock()
		if met {
			break
		}
		runtime.Gosched()
	}
	return func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.inside[key]--
		return o.touched[key]
	}
}

// memory is what a double remembers between calls.
type memory[T any] struct {
	mu sync.Mutex
	m  map[string]T
}

func (m *memory[T]) set(key string, v T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.m == nil {
		m.m = make(map[string]T)
	}
	m.m[key] = v
}

func (m *memory[T]) get(key string) (v T, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok = m.m[key]
	return v, ok
}

func (m *memory[T]) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.m, key)
}

func (m *memory[T]) keys() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for k := range m.m {
		keys = append(keys, k)
	}
	return keys
}

// held remembers which runs are claimed and not released.
func held(s *double) *memory[task.Lease] {
	m := &memory[task.Lease]{}
	s.claim = func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
		l, err := s.in.Claim(ctx, run, owner, now, ttl)
		if err == nil {
			m.set(run, l)
		}
		return l, err
	}
	s.release = func(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
		err := s.in.Release(ctx, l, now, r, ds...)
		if err == nil {
			m.forget(l.Run)
		}
		return err
	}
	return m
}

// swallow turns one sentinel into success.
func swallow(err, sentinel error) error {
	if errors.Is(err, sentinel) {
		return nil
	}
	return err
}

type spoiled struct {
	rule, what string
	spoil      func(*double)
}

func doubles() []spoiled {
	return slices.Concat(taskDoubles(), versionDoubles(), destinationDoubles(), dueDoubles(), planDoubles(), claimDoubles(), waitDoubles(), ledgerDoubles(), sharedDoubles())
}

func taskDoubles() []spoiled {
	return []spoiled{
		{"T01", "forgets who created a task", func(s *double) {
			s.createTask = func(ctx context.Context, t task.Task) error {
				t.CreatedBy = ""
				return s.in.CreateTask(ctx, t)
			}
		}},
		{"T02", "ignores a second task of the same ID", func(s *double) {
			s.createTask = func(ctx context.Context, t task.Task) error {
				return swallow(s.in.CreateTask(ctx, t), task.ErrConflict)
			}
		}},
		{"T03", "keeps names unique", func(s *double) {
			s.createTask = func(ctx context.Context, t task.Task) error {
				// Of the rules that give a name twice only one is meant.
				if ids, _ := s.in.Named(ctx, t.Draft.Name); t.Draft.Name == "t1" && len(ids) > 0 && ids[0] != t.ID {
					return task.ErrConflict
				}
				return s.in.CreateTask(ctx, t)
			}
		}},
		{"T04", "keeps a pass that was taken away", func(s *double) {
			s.saveTask = func(ctx context.Context, t task.Task) error {
				if old, err := s.in.Task(ctx, t.ID); err == nil && t.Pass == nil {
					t.Pass = old.Pass
				}
				return s.in.SaveTask(ctx, t)
			}
		}},
		{"T05", "takes the saver for the creator", func(s *double) {
			s.task = func(ctx context.Context, id string) (task.Task, error) {
				t, err := s.in.Task(ctx, id)
				if t.Revision > 1 {
					t.CreatedBy = "mallory"
				}
				return t, err
			}
		}},
		{"T06", "saves a task that has no revision over any other", func(s *double) {
			s.saveTask = func(ctx context.Context, t task.Task) error {
				if old, err := s.in.Task(ctx, t.ID); err == nil && t.Revision == 0 {
					t.Revision = old.Revision
				}
				return s.in.SaveTask(ctx, t)
			}
		}},
		{"T07", "returns an empty task for one that is not there", func(s *double) {
			s.task = func(ctx context.Context, id string) (task.Task, error) {
				t, err := s.in.Task(ctx, id)
				return t, swallow(err, task.ErrNotFound)
			}
		}},
		{"T08", "lists tasks of the same name backwards", func(s *double) {
			s.tasks = func(ctx context.Context, f task.Filter) ([]task.Row, error) {
				rows, err := s.in.Tasks(ctx, f)
				slices.SortFunc(rows, func(a, b task.Row) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.ID, a.ID)) })
				return rows, err
			}
		}},
		{"T09", "lists the draft of a published task", func(s *double) {
			s.tasks = func(ctx context.Context, f task.Filter) ([]task.Row, error) {
				rows, err := s.in.Tasks(ctx, f)
				for i, r := range rows {
					if t, err := s.in.Task(ctx, r.ID); err == nil {
						rows[i].Name = t.Draft.Name
					}
				}
				return rows, err
			}
		}},
		{"T10", "minds the case of names", func(s *double) {
			s.tasks = func(ctx context.Context, f task.Filter) ([]task.Row, error) {
				rows, err := s.in.Tasks(ctx, f)
				return slices.DeleteFunc(rows, func(r task.Row) bool { return !strings.Contains(r.Name, f.Name) }), err
			}
		}},
		{"T11", "lists published tasks only", func(s *double) {
			s.tasks = func(ctx context.Context, f task.Filter) ([]task.Row, error) {
				f.Unpublished = false
				return s.in.Tasks(ctx, f)
			}
		}},
		{"T12", "finds names of drafts only", func(s *double) {
			s.named = func(ctx context.Context, name string) ([]string, error) {
				ids, err := s.in.Named(ctx, name)
				return slices.DeleteFunc(ids, func(id string) bool {
					t, err := s.in.Task(ctx, id)
					return err != nil || t.Draft.Name != name
				}), err
			}
		}},
	}
}

func versionDoubles() []spoiled {
	return []spoiled{
		{"V01", "keeps the number that a version comes with", func(s *double) {
			s.addVersion = func(ctx context.Context, v task.Version) (task.Version, error) {
				got, err := s.in.AddVersion(ctx, v)
				if v.Number > 1 {
					got.Number = v.Number
				}
				return got, err
			}
		}},
		{"V02", "loses the warnings of a version", func(s *double) {
			s.addVersion = func(ctx context.Context, v task.Version) (task.Version, error) {
				v.Warnings = nil
				return s.in.AddVersion(ctx, v)
			}
		}},
		{"V03", "shows the draft in place of a version's spec", func(s *double) {
			s.version = func(ctx context.Context, id string, number int) (task.Version, error) {
				v, err := s.in.Version(ctx, id, number)
				if t, err := s.in.Task(ctx, id); err == nil && t.Revision > 1 {
					v.Spec = t.Draft
				}
				return v, err
			}
		}},
		{"V04", "lists versions oldest first", func(s *double) {
			s.versions = func(ctx context.Context, id string) ([]task.Version, error) {
				vs, err := s.in.Versions(ctx, id)
				slices.Reverse(vs)
				return vs, err
			}
		}},
		{"V05", "returns an empty version for one that is not there", func(s *double) {
			s.version = func(ctx context.Context, id string, number int) (task.Version, error) {
				v, err := s.in.Version(ctx, id, number)
				return v, swallow(err, task.ErrNotFound)
			}
		}},
		{"V06", "does not say which version is due", func(s *double) {
			s.next = func(ctx context.Context, id string) (int, time.Time, error) {
				_, next, err := s.in.Next(ctx, id)
				return 0, next, err
			}
		}},
		{"V07", "leaves two versions published", func(s *double) {
			s.versions = func(ctx context.Context, id string) ([]task.Version, error) {
				vs, err := s.in.Versions(ctx, id)
				for i := range vs {
					if vs[i].Status == version.OffLine && vs[0].Status == version.Published {
						vs[i].Status = version.Published
					}
				}
				return vs, err
			}
		}},
		{"V08", "publishes whatever the next time is", func(s *double) {
			s.publish = func(ctx context.Context, p task.Publication) error {
				// From zero is left to the rule about several publishers.
				if _, next, err := s.in.Next(ctx, p.Task); err == nil && !p.From.IsZero() {
					p.From = next
				}
				return s.in.Publish(ctx, p)
			}
		}},
		{"V09", "accepts that an abandoned version is published", func(s *double) {
			s.publish = func(ctx context.Context, p task.Publication) error {
				err := s.in.Publish(ctx, p)
				if v, verr := s.in.Version(ctx, p.Task, p.Number); verr == nil && v.Status == version.Abandoned {
					return nil
				}
				return err
			}
		}},
		{"V10", "still names a version after it was unpublished", func(s *double) {
			s.next = func(ctx context.Context, id string) (int, time.Time, error) {
				n, next, err := s.in.Next(ctx, id)
				return max(n, 1), next, err
			}
		}},
		{"V11", "unpublishes what is not published", func(s *double) {
			s.unpublish = func(ctx context.Context, id string) error {
				return swallow(s.in.Unpublish(ctx, id), task.ErrNotAllowed)
			}
		}},
		{"V12", "abandons a version twice", func(s *double) {
			s.abandon = func(ctx context.Context, id string, number int) error {
				err := s.in.Abandon(ctx, id, number)
				if v, verr := s.in.Version(ctx, id, number); verr == nil && v.Status == version.Abandoned {
					return nil
				}
				return err
			}
		}},
		{"V13", "plans a version that is never due", func(s *double) {
			never := &memory[bool]{}
			s.publish = func(ctx context.Context, p task.Publication) error {
				if p.Next.IsZero() {
					never.set(p.Task, true)
				}
				return s.in.Publish(ctx, p)
			}
			s.due = func(ctx context.Context, now time.Time, limit int) ([]task.Due, time.Time, error) {
				due, next, err := s.in.Due(ctx, now, limit)
				for _, id := range never.keys() {
					due = append(due, task.Due{Task: id, Version: 1})
				}
				return due, next, err
			}
		}},
		{"V14", "counts unpublishing as a save", func(s *double) {
			unpublished := &memory[bool]{}
			s.unpublish = func(ctx context.Context, id string) error {
				unpublished.set(id, true)
				return s.in.Unpublish(ctx, id)
			}
			s.task = func(ctx context.Context, id string) (task.Task, error) {
				t, err := s.in.Task(ctx, id)
				if _, ok := unpublished.get(id); ok {
					t.Revision++
				}
				return t, err
			}
		}},
		{"V15", "has no versions of a task that is not there", func(s *double) {
			s.versions = func(ctx context.Context, id string) ([]task.Version, error) {
				vs, err := s.in.Versions(ctx, id)
				return vs, swallow(err, task.ErrNotFound)
			}
		}},
		{"V16", "believes a version that says it was published", func(s *double) {
			s.addVersion = func(ctx context.Context, v task.Version) (task.Version, error) {
				got, err := s.in.AddVersion(ctx, v)
				got.Deployer, got.PublishedAt = v.Deployer, v.PublishedAt
				return got, err
			}
		}},
		{"V17", "shares the draft in place of a version's spec", func(s *double) {
			s.sharedSpec = func(ctx context.Context, id string, number int) (*task.Spec, error) {
				if _, err := s.in.SharedSpec(ctx, id, number); err != nil {
					return nil, err
				}
				t, err := s.in.Task(ctx, id)
				return &t.Draft, err
			}
		}},
	}
}

func destinationDoubles() []spoiled {
	return []spoiled{
		{"D01", "forgets secrets", func(s *double) {
			s.destination = func(ctx context.Context, name string) (channel.Destination, error) {
				d, err := s.in.Destination(ctx, name)
				d.Secrets = nil
				return d, err
			}
		}},
		{"D02", "keeps the first destination of a name", func(s *double) {
			s.saveDestination = func(ctx context.Context, d channel.Destination) error {
				if _, err := s.in.Destination(ctx, d.Name); err == nil {
					return nil
				}
				return s.in.SaveDestination(ctx, d)
			}
		}},
		{"D03", "lists destinations backwards", func(s *double) {
			s.destinations = func(ctx context.Context) ([]channel.Destination, error) {
				ds, err := s.in.Destinations(ctx)
				slices.Reverse(ds)
				return ds, err
			}
		}},
		{"D04", "deletes what is not there", func(s *double) {
			s.deleteDestination = func(ctx context.Context, name string) error {
				return swallow(s.in.DeleteDestination(ctx, name), task.ErrNotFound)
			}
		}},
		{"D05", "still lists what was deleted", func(s *double) {
			gone := &memory[bool]{}
			s.deleteDestination = func(ctx context.Context, name string) error {
				err := s.in.DeleteDestination(ctx, name)
				if err == nil {
					gone.set(name, true)
				}
				return err
			}
			s.destinations = func(ctx context.Context) ([]channel.Destination, error) {
				ds, err := s.in.Destinations(ctx)
				for _, name := range gone.keys() {
					ds = append(ds, channel.Destination{Name: name})
				}
				return ds, err
			}
		}},
		{"D06", "says that it deleted what is in use", func(s *double) {
			s.deleteDestination = func(ctx context.Context, name string) error {
				return swallow(s.in.DeleteDestination(ctx, name), task.ErrInUse)
			}
		}},
		{"D07", "lets a draft hold a destination", func(s *double) {
			s.deleteDestination = func(ctx context.Context, name string) error {
				rows, err := s.in.Tasks(ctx, task.Filter{Unpublished: true})
				if err != nil {
					return err
				}
				for _, r := range rows {
					if t, err := s.in.Task(ctx, r.ID); err == nil && slices.Contains(t.Draft.Destinations, name) {
						return task.ErrInUse
					}
				}
				return s.in.DeleteDestination(ctx, name)
			}
		}},
	}
}

func dueDoubles() []spoiled {
	// editing replaces what Due returns.
	editing := func(edit func(s *double, now time.Time, limit int, due []task.Due, next time.Time) ([]task.Due, time.Time)) func(*double) {
		return func(s *double) {
			s.due = func(ctx context.Context, now time.Time, limit int) ([]task.Due, time.Time, error) {
				due, next, err := s.in.Due(ctx, now, limit)
				due, next = edit(s, now, limit, due, next)
				return due, next, err
			}
		}
	}
	return []spoiled{
		{"U01", "does not say from when a task is to be planned", editing(func(_ *double, _ time.Time, _ int, due []task.Due, next time.Time) ([]task.Due, time.Time) {
			for i := range due {
				due[i].From = time.Time{}
			}
			return due, next
		})},
		{"U02", "does not say which occurrence is due", editing(func(_ *double, _ time.Time, _ int, due []task.Due, next time.Time) ([]task.Due, time.Time) {
			for i := range due {
				due[i].Occurrence = task.Occurrence{}
			}
			return due, next
		})},
		{"U03", "overlooks runs without a time to resume", editing(func(_ *double, _ time.Time, _ int, due []task.Due, next time.Time) ([]task.Due, time.Time) {
			return slices.DeleteFunc(due, func(d task.Due) bool { return d.At.IsZero() }), next
		})},
		{"U04", "has the latest task first", editing(func(_ *double, _ time.Time, _ int, due []task.Due, next time.Time) ([]task.Due, time.Time) {
			slices.SortStableFunc(due, func(a, b task.Due) int {
				if a.Run != "" || b.Run != "" {
					return 0
				}
				return b.At.Compare(a.At)
			})
			return due, next
		})},
		{"U05", "hides what limit cut", editing(func(_ *double, now time.Time, limit int, due []task.Due, next time.Time) ([]task.Due, time.Time) {
			if len(due) == limit {
				next = now.Add(time.Hour)
			}
			return due, next
		})},
		{"U06", "forgets the next time when something is due", editing(func(_ *double, _ time.Time, limit int, due []task.Due, next time.Time) ([]task.Due, time.Time) {
			if len(due) > 0 && len(due) < limit {
				next = time.Time{}
			}
			return due, next
		})},
		{"U07", "has leased runs due", func(s *double) {
			leases := held(s)
			s.park = func(ctx context.Context, run, waiting, waitFor string, now, resume time.Time) error {
				leases.forget(run)
				return s.in.Park(ctx, run, waiting, waitFor, now, resume)
			}
			s.due = func(ctx context.Context, now time.Time, limit int) ([]task.Due, time.Time, error) {
				due, next, err := s.in.Due(ctx, now, limit)
				for _, run := range leases.keys() {
					due = append(due, task.Due{Run: run})
				}
				return due, next, err
			}
		}},
		{"U08", "has runs due that timed out", editing(func(s *double, _ time.Time, _ int, due []task.Due, next time.Time) ([]task.Due, time.Time) {
			runs, _ := s.in.Runs(context.Background(), task.RunFilter{States: []task.RunState{task.TimedOut}})
			for _, r := range runs {
				due = append(due, task.Due{Run: r.ID})
			}
			return due, next
		})},
		{"U09", "hands everything out once at a time", func(s *double) {
			told := &memory[bool]{}
			s.due = func(ctx context.Context, now time.Time, limit int) ([]task.Due, time.Time, error) {
				due, next, err := s.in.Due(ctx, now, limit)
				due = slices.DeleteFunc(due, func(d task.Due) bool {
					key := now.String() + d.Task + d.Run
					_, ok := told.get(key)
					told.set(key, true)
					return ok
				})
				return due, next, err
			}
		}},
	}
}

func planDoubles() []spoiled {
	return []spoiled{
		{"P01", "moves the next time by a minute too much", func(s *double) {
			s.plan = func(ctx context.Context, id string, from, next time.Time, runs []task.Run) error {
				if !next.IsZero() {
					next = next.Add(time.Minute)
				}
				return s.in.Plan(ctx, id, from, next, runs)
			}
		}},
		{"P02", "plans for whoever saw no next time", func(s *double) {
			s.plan = func(ctx context.Context, id string, from, next time.Time, runs []task.Run) error {
				if from.IsZero() {
					_, from, _ = s.in.Next(ctx, id)
				}
				return s.in.Plan(ctx, id, from, next, runs)
			}
		}},
		{"P03", "refuses a scheduled run that exists", func(s *double) {
			s.plan = func(ctx context.Context, id string, from, next time.Time, runs []task.Run) error {
				for _, r := range runs {
					if _, err := s.in.Run(ctx, r.ID); err == nil {
						return task.ErrConflict
					}
				}
				return s.in.Plan(ctx, id, from, next, runs)
			}
		}},
		{"P04", "leaves a task due that never is again", func(s *double) {
			s.plan = func(ctx context.Context, id string, from, next time.Time, runs []task.Run) error {
				if next.IsZero() {
					next = from
				}
				return s.in.Plan(ctx, id, from, next, runs)
			}
		}},
		{"P05", "forgets who asked for a run", func(s *double) {
			s.addRun = func(ctx context.Context, r task.Run) error {
				r.Actor = ""
				return s.in.AddRun(ctx, r)
			}
		}},
		{"P06", "ignores a second run of the same ID", func(s *double) {
			s.addRun = func(ctx context.Context, r task.Run) error {
				return swallow(s.in.AddRun(ctx, r), task.ErrConflict)
			}
		}},
		{"P07", "has one run per occurrence", func(s *double) {
			s.addRun = func(ctx context.Context, r task.Run) error {
				if _, err := s.in.Run(ctx, task.NewOccurrence(r.Occurrence.Task, r.Occurrence.At, "").RunID()); err == nil {
					return task.ErrConflict
				}
				return s.in.AddRun(ctx, r)
			}
		}},
		{"P08", "returns an empty run for one that is not there", func(s *double) {
			s.run = func(ctx context.Context, id string) (task.Run, error) {
				r, err := s.in.Run(ctx, id)
				return r, swallow(err, task.ErrNotFound)
			}
		}},
		{"P09", "takes a run of a task that is not there", func(s *double) {
			s.addRun = func(ctx context.Context, r task.Run) error {
				return swallow(s.in.AddRun(ctx, r), task.ErrNotFound)
			}
		}},
	}
}

func claimDoubles() []spoiled {
	// editing replaces what Claim returns.
	editing := func(edit func(s *double, run string, l task.Lease, err error) (task.Lease, error)) func(*double) {
		return func(s *double) {
			s.claim = func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				l, err := s.in.Claim(ctx, run, owner, now, ttl)
				return edit(s, run, l, err)
			}
		}
	}
	return []spoiled{
		{"C01", "gives leases that end later than asked for", editing(func(_ *double, _ string, l task.Lease, err error) (task.Lease, error) {
			l.Expires = l.Expires.Add(time.Second)
			return l, err
		})},
		{"C02", "says that a leased run is behind itself", editing(func(_ *double, run string, l task.Lease, err error) (task.Lease, error) {
			var busy *task.BusyError
			if errors.As(err, &busy) && busy.Behind == "" {
				err = &task.BusyError{Behind: run}
			}
			return l, err
		})},
		{"C03", "keeps a run for its first owner", func(s *double) {
			leases := held(s)
			claim := s.claim
			s.claim = func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				if l, ok := leases.get(run); ok && l.Owner != owner {
					return task.Lease{}, &task.BusyError{}
				}
				return claim(ctx, run, owner, now, ttl)
			}
		}},
		{"C04", "counts fences down", func(s *double) {
			turn := func(l task.Lease) task.Lease {
				l.Fence = 1000 - l.Fence
				return l
			}
			s.claim = func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				l, err := s.in.Claim(ctx, run, owner, now, ttl)
				return turn(l), err
			}
			s.start = func(ctx context.Context, r task.Run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				l, err := s.in.Start(ctx, r, owner, now, ttl)
				return turn(l), err
			}
			s.renew = func(ctx context.Context, l task.Lease, now time.Time, ttl time.Duration) (task.Lease, error) {
				l, err := s.in.Renew(ctx, turn(l), now, ttl)
				return turn(l), err
			}
			s.saveRun = func(ctx context.Context, l task.Lease, r task.Run, ds ...task.Delivery) error {
				return s.in.SaveRun(ctx, turn(l), r, ds...)
			}
			s.release = func(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
				return s.in.Release(ctx, turn(l), now, r, ds...)
			}
			s.saveDelivery = func(ctx context.Context, l task.Lease, d task.Delivery) error {
				return s.in.SaveDelivery(ctx, turn(l), d)
			}
		}},
		{"C05", "does not say that a lease was lost when a run is saved", func(s *double) {
			s.saveRun = func(ctx context.Context, l task.Lease, r task.Run, ds ...task.Delivery) error {
				return swallow(s.in.SaveRun(ctx, l, r, ds...), task.ErrConflict)
			}
		}},
		{"C06", "renews a lease without extending it", func(s *double) {
			s.renew = func(ctx context.Context, l task.Lease, _ time.Time, ttl time.Duration) (task.Lease, error) {
				return s.in.Renew(ctx, l, l.Expires.Add(-ttl), ttl)
			}
		}},
		{"C07", "says that a run is behind itself when another of its task is leased", editing(func(s *double, run string, l task.Lease, err error) (task.Lease, error) {
			var busy *task.BusyError
			r, rerr := s.in.Run(context.Background(), run)
			if rerr == nil && r.Occurrence.Run != "" && errors.As(err, &busy) && busy.Behind != "" {
				err = &task.BusyError{Behind: run}
			}
			return l, err
		})},
		{"C08", "lets an expired lease hold up its task", func(s *double) {
			leases := held(s)
			claim := s.claim
			s.claim = func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				r, err := s.in.Run(ctx, run)
				for _, other := range leases.keys() {
					if o, oerr := s.in.Run(ctx, other); err == nil && oerr == nil && other != run && o.Occurrence.Task == r.Occurrence.Task {
						return task.Lease{}, &task.BusyError{Behind: other}
					}
				}
				return claim(ctx, run, owner, now, ttl)
			}
		}},
		{"C09", "does not say which scheduled run comes first", editing(func(s *double, run string, l task.Lease, err error) (task.Lease, error) {
			if r, rerr := s.in.Run(context.Background(), run); rerr == nil && r.Occurrence.Run == "" && errors.Is(err, task.ErrBusy) {
				err = task.ErrBusy
			}
			return l, err
		})},
		{"C10", "has runs by hand wait for the calendar", func(s *double) {
			s.claim = func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				if r, err := s.in.Run(ctx, run); err == nil && r.Occurrence.Run != "" {
					ahead, err := s.in.Runs(ctx, task.RunFilter{Task: r.Occurrence.Task, Trigger: task.Scheduled, States: []task.RunState{task.Planned}})
					if err == nil && len(ahead) > 0 {
						return task.Lease{}, &task.BusyError{Behind: ahead[0].ID}
					}
				}
				return s.in.Claim(ctx, run, owner, now, ttl)
			}
		}},
		{"C11", "says that a run is busy when it has ended", editing(func(_ *double, _ string, l task.Lease, err error) (task.Lease, error) {
			if errors.Is(err, task.ErrEnded) {
				err = &task.BusyError{}
			}
			return l, err
		})},
		{"C12", "takes deliveries under a lease that was given up", func(s *double) {
			released := &memory[int64]{}
			s.release = func(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
				released.set(l.Run, l.Fence)
				return s.in.Release(ctx, l, now, r, ds...)
			}
			s.saveDelivery = func(ctx context.Context, l task.Lease, d task.Delivery) error {
				if f, ok := released.get(l.Run); ok && f == l.Fence {
					return nil
				}
				return s.in.SaveDelivery(ctx, l, d)
			}
		}},
		{"C13", "says that a run has ended that never was", editing(func(_ *double, _ string, l task.Lease, err error) (task.Lease, error) {
			if errors.Is(err, task.ErrNotFound) {
				err = task.ErrEnded
			}
			return l, err
		})},
		{"C14", "forgets what a run waited for when it is claimed", func(s *double) {
			waited := &memory[bool]{}
			s.claim = func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				// Other rules claim runs that wait, for other things.
				if r, err := s.in.Run(ctx, run); err == nil && r.Waiting == "a place" {
					waited.set(run, true)
				}
				return s.in.Claim(ctx, run, owner, now, ttl)
			}
			s.run = func(ctx context.Context, id string) (task.Run, error) {
				r, err := s.in.Run(ctx, id)
				if _, ok := waited.get(id); ok {
					r.State, r.WaitFor = task.Running, ""
				}
				return r, err
			}
		}},
		{"C15", "starts a run without storing that it runs", func(s *double) {
			s.start = func(ctx context.Context, r task.Run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				r.State = task.Planned
				return s.in.Start(ctx, r, owner, now, ttl)
			}
		}},
		{"C16", "starts a run that was claimed before", func(s *double) {
			s.start = func(ctx context.Context, r task.Run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				l, err := s.in.Start(ctx, r, owner, now, ttl)
				if errors.Is(err, task.ErrConflict) {
					if l, err = s.in.Claim(ctx, r.ID, owner, now, ttl); err == nil {
						err = s.in.SaveRun(ctx, l, r)
					}
				}
				return l, err
			}
		}},
	}
}

func waitDoubles() []spoiled {
	// parkedIn shows a run that was parked as waiting, if it is in a state.
	parkedIn := func(is func(task.RunState) bool) func(*double) {
		return func(s *double) {
			parked := &memory[bool]{}
			s.park = func(ctx context.Context, run, waiting, waitFor string, now, resume time.Time) error {
				parked.set(run, true)
				return s.in.Park(ctx, run, waiting, waitFor, now, resume)
			}
			s.run = func(ctx context.Context, id string) (task.Run, error) {
				r, err := s.in.Run(ctx, id)
				if _, ok := parked.get(id); ok && is(r.State) {
					r.State = task.Waiting
				}
				return r, err
			}
		}
	}
	return []spoiled{
		{"W01", "does not say what a run waits for", func(s *double) {
			s.park = func(ctx context.Context, run, _, waitFor string, now, resume time.Time) error {
				return s.in.Park(ctx, run, "", waitFor, now, resume)
			}
		}},
		{"W02", "parks a leased run", parkedIn(func(st task.RunState) bool { return st == task.Running })},
		{"W03", "parks a run that has ended", parkedIn(task.RunState.Ended)},
		{"W04", "does not park a run whose owner is gone", func(s *double) {
			leases := held(s)
			s.park = func(ctx context.Context, run, waiting, waitFor string, now, resume time.Time) error {
				if _, ok := leases.get(run); ok {
					return nil
				}
				return s.in.Park(ctx, run, waiting, waitFor, now, resume)
			}
		}},
		{"W05", "wakes all when it should wake one", func(s *double) {
			s.wake = func(ctx context.Context, waitFor string, now time.Time, _ int) error {
				return s.in.Wake(ctx, waitFor, now, 0)
			}
		}},
		{"W06", "wakes one when it should wake all", func(s *double) {
			s.wake = func(ctx context.Context, waitFor string, now time.Time, n int) error {
				return s.in.Wake(ctx, waitFor, now, max(n, 1))
			}
		}},
		{"W07", "wakes those who wait for another key", func(s *double) {
			s.wake = func(ctx context.Context, waitFor string, now time.Time, n int) error {
				return errors.Join(s.in.Wake(ctx, waitFor, now, n), s.in.Wake(ctx, "group:b", now, n))
			}
		}},
		{"W08", "changes a claimed run when it wakes others", func(s *double) {
			leases, woken := held(s), &memory[bool]{}
			s.wake = func(ctx context.Context, waitFor string, now time.Time, n int) error {
				woken.set(waitFor, true)
				return s.in.Wake(ctx, waitFor, now, n)
			}
			s.run = func(ctx context.Context, id string) (task.Run, error) {
				r, err := s.in.Run(ctx, id)
				_, claimed := leases.get(id)
				if _, ok := woken.get(r.WaitFor); ok && claimed {
					r.WaitFor = ""
				}
				return r, err
			}
		}},
		{"W09", "wakes no run by hand at the end of a run", func(s *double) {
			s.release = func(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
				runs, err := s.in.Runs(ctx, task.RunFilter{States: []task.RunState{task.Waiting}})
				for _, o := range runs {
					if r.State.Ended() && o.Occurrence.Run != "" && o.WaitFor == task.TaskKey(r.Occurrence.Task) {
						err = errors.Join(err, s.in.Park(ctx, o.ID, o.Waiting, "", now, o.Resume))
					}
				}
				return errors.Join(err, s.in.Release(ctx, l, now, r, ds...))
			}
		}},
		{"W10", "wakes the next run although the one in front goes on", func(s *double) {
			s.release = func(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
				err := s.in.Release(ctx, l, now, r, ds...)
				if !r.State.Ended() {
					err = errors.Join(err, s.in.Wake(ctx, task.TaskKey(r.Occurrence.Task), now, 0))
				}
				return err
			}
		}},
		{"W11", "wakes the whole line at the end of a run", func(s *double) {
			s.release = func(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
				err := s.in.Release(ctx, l, now, r, ds...)
				if r.State.Ended() {
					err = errors.Join(err, s.in.Wake(ctx, task.TaskKey(r.Occurrence.Task), now, 0))
				}
				return err
			}
		}},
	}
}

func ledgerDoubles() []spoiled {
	return []spoiled{
		{"L01", "forgets the number of rows", func(s *double) {
			s.saveRun = func(ctx context.Context, l task.Lease, r task.Run, ds ...task.Delivery) error {
				r.Rows = 0
				return s.in.SaveRun(ctx, l, r, ds...)
			}
		}},
		{"L02", "forgets why a run failed", func(s *double) {
			s.release = func(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
				r.Error = ""
				return s.in.Release(ctx, l, now, r, ds...)
			}
		}},
		{"L03", "loses the receipt of a first part", func(s *double) {
			s.saveDelivery = func(ctx context.Context, l task.Lease, d task.Delivery) error {
				if d = d.Clone(); len(d.Parts) > 0 {
					d.Parts[0].Receipt = nil
				}
				return s.in.SaveDelivery(ctx, l, d)
			}
		}},
		{"L04", "lists deliveries by destination", func(s *double) {
			s.deliveries = func(ctx context.Context, run string) ([]task.Delivery, error) {
				ds, err := s.in.Deliveries(ctx, run)
				slices.SortFunc(ds, func(a, b task.Delivery) int { return cmp.Compare(a.Destination, b.Destination) })
				return ds, err
			}
		}},
		{"L05", "lists the oldest run first", func(s *double) {
			s.runs = func(ctx context.Context, f task.RunFilter) ([]task.Run, error) {
				rs, err := s.in.Runs(ctx, f)
				slices.Reverse(rs)
				return rs, err
			}
		}},
		{"L06", "does not filter by trigger", func(s *double) {
			s.runs = func(ctx context.Context, f task.RunFilter) ([]task.Run, error) {
				f.Trigger = ""
				return s.in.Runs(ctx, f)
			}
		}},
		{"L07", "lists fifty runs when no limit is given", func(s *double) {
			s.runs = func(ctx context.Context, f task.RunFilter) ([]task.Run, error) {
				if f.Limit == 0 {
					f.Limit = 50
				}
				return s.in.Runs(ctx, f)
			}
		}},
		{"L08", "has no deliveries of a run that is not there", func(s *double) {
			s.deliveries = func(ctx context.Context, run string) ([]task.Delivery, error) {
				ds, err := s.in.Deliveries(ctx, run)
				return ds, swallow(err, task.ErrNotFound)
			}
		}},
	}
}

func sharedDoubles() []spoiled {
	return []spoiled{
		{"X01", "keeps the maps of a destination that is saved", func(s *double) {
			kept := &memory[channel.Destination]{}
			s.saveDestination = func(ctx context.Context, d channel.Destination) error {
				kept.set(d.Name, d)
				return s.in.SaveDestination(ctx, d)
			}
			s.destination = func(ctx context.Context, name string) (channel.Destination, error) {
				_, err := s.in.Destination(ctx, name)
				d, _ := kept.get(name)
				return d.Clone(), err
			}
		}},
		{"X02", "returns the same maps to everybody", func(s *double) {
			kept := &memory[channel.Destination]{}
			s.saveDestination = func(ctx context.Context, d channel.Destination) error {
				kept.set(d.Name, d.Clone())
				return s.in.SaveDestination(ctx, d)
			}
			s.destination = func(ctx context.Context, name string) (channel.Destination, error) {
				_, err := s.in.Destination(ctx, name)
				d, _ := kept.get(name)
				return d, err
			}
		}},
		{"X03", "looks at a run and then leases it", func(s *double) {
			both := &overlap{}
			s.claim = func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				leave := both.enter(run)
				l, err := s.in.Claim(ctx, run, owner, now, ttl)
				var busy *task.BusyError
				if met := leave(); met && errors.As(err, &busy) && busy.Behind == "" {
					return task.Lease{Run: run, Owner: owner, Fence: -1}, nil
				}
				return l, err
			}
		}},
		{"X04", "looks at the runs of a task and then leases one", func(s *double) {
			both := &overlap{}
			s.claim = func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
				r, err := s.in.Run(ctx, run)
				if err != nil {
					return task.Lease{}, err
				}
				leave := both.enter(r.Occurrence.Task)
				l, err := s.in.Claim(ctx, run, owner, now, ttl)
				var busy *task.BusyError
				if met := leave(); met && errors.As(err, &busy) && busy.Behind != "" {
					return task.Lease{Run: run, Owner: owner, Fence: -1}, nil
				}
				return l, err
			}
		}},
		{"X05", "looks at the next time and then plans", func(s *double) {
			both := &overlap{}
			s.plan = func(ctx context.Context, id string, from, next time.Time, runs []task.Run) error {
				leave := both.enter(id)
				err := s.in.Plan(ctx, id, from, next, runs)
				if leave() {
					err = swallow(err, task.ErrConflict)
				}
				return err
			}
		}},
		{"X06", "looks at the revision and then saves", func(s *double) {
			both := &overlap{}
			s.saveTask = func(ctx context.Context, t task.Task) error {
				leave := both.enter(t.ID)
				err := s.in.SaveTask(ctx, t)
				if leave() {
					err = swallow(err, task.ErrConflict)
				}
				return err
			}
		}},
		{"X07", "looks for the last number and then adds a version", func(s *double) {
			both := &overlap{}
			s.addVersion = func(ctx context.Context, v task.Version) (task.Version, error) {
				leave := both.enter(v.Task)
				v, err := s.in.AddVersion(ctx, v)
				if leave() {
					v.Number = 1
				}
				return v, err
			}
		}},
		{"X08", "looks at the next time and then publishes", func(s *double) {
			both := &overlap{}
			s.publish = func(ctx context.Context, p task.Publication) error {
				leave := both.enter(p.Task)
				err := s.in.Publish(ctx, p)
				if leave() {
					err = swallow(err, task.ErrConflict)
				}
				return err
			}
		}},
	}
}
