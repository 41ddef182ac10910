// Package storetest proves a task.Store.
//
// A store's test is one call:
//
//	func TestStore(t *testing.T) {
//		storetest.Test(t, func(t *testing.T) storetest.Harness {
//			return storetest.Harness{Store: mystore.Open(t.TempDir())}
//		})
//	}
//
// Each rule is a subtest named by its ID, on an empty store of its own; a
// failure names the rule that was broken and what was seen. A store that several
// processes share also sets Harness.Again, so that the rules about two callers
// use two handles. Run it with the race detector on.
//
// The rules judge times to the second and take nil and empty maps and slices
// for the same, since not every database can tell them apart.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/task"
)

// Harness is what the rules need of a store.
type Harness struct {
	// Store is empty.
	Store task.Store
	// Again opens a second handle on the same data, as another process would.
	// Nil: the store lives in one process, and Store is used instead. Whoever
	// opens the handles closes them, for instance with T.Cleanup.
	Again func() (task.Store, error)
	// Lapse makes the lease on a run expire at once. It is set for a store that
	// judges leases by a clock of its own; what depends on the end of such a
	// lease to the second is then not judged. Nil: leases are judged by the
	// times that callers pass.
	Lapse func(ctx context.Context, run string) error
}

// Rule is one sentence of the Store contract.
type Rule struct {
	// ID is stable, such as "C02".
	ID string
	// Text says what a store does.
	Text  string
	check func(*probe)
}

// Rules returns all rules in the order of the contract.
func Rules() []Rule {
	var all []Rule
	for _, some := range [][]Rule{taskRules(), versionRules(), destinationRules(), dueRules(), planRules(), claimRules(), waitRules(), ledgerRules(), sharedRules()} {
		all = append(all, some...)
	}
	return all
}

// Test runs every rule against what open returns, which is called once per
// rule.
func Test(t *testing.T, open func(*testing.T) Harness) {
	t.Helper()
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			if err := r.Check(t.Context(), open(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// Check judges one rule, outside a test too. The error says which rule was
// broken and how; nil means that it holds. Nothing is left running.
func (r Rule) Check(ctx context.Context, h Harness) error {
	p := &probe{ctx: ctx, h: h, s: h.Store, other: h.Store}
	if h.Again != nil {
		other, err := h.Again()
		if err != nil {
			return fmt.Errorf("opening a second handle: %w", err)
		}
		p.other = other
	}
	p.run(r.check)
	if len(p.faults) == 0 {
		return nil
	}
	return fmt.Errorf("rule %s is broken: %s\n%s", r.ID, r.Text, strings.Join(p.faults, "\n"))
}

// probe is a store under one rule and the faults that were found.
type probe struct {
	ctx      context.Context
	h        Harness
	s, other task.Store
	faults   []string
}

// giveUp is how a check ends when going on makes no sense.
type giveUp struct{}

func (p *probe) run(check func(*probe)) {
	defer func() {
		if v := recover(); v != nil && v != any(giveUp{}) {
			panic(v)
		}
	}()
	check(p)
}

func (p *probe) errorf(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

func (p *probe) fatalf(format string, args ...any) {
	p.errorf(format, args...)
	panic(giveUp{})
}

// ok ends the check unless err is nil.
func (p *probe) ok(what string, err error) {
	if err != nil {
		p.fatalf("%s: got error %q, want none", what, err)
	}
}

// is expects an error that wraps want.
func (p *probe) is(what string, err, want error) {
	if !errors.Is(err, want) {
		p.errorf("%s: got error %v, want one that is %q", what, err, want)
	}
}

// same compares two values.
func (p *probe) same(what string, want, got any) {
	if reflect.DeepEqual(want, got) {
		return // what is nearly always so, and far faster
	}
	if d := cmp.Diff(want, got, equal()...); d != "" {
		p.errorf("%s (-want +got):\n%s", what, d)
	}
}

func equal() []cmp.Option {
	return []cmp.Option{
		cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b channel.Secret) bool { return a.Reveal() == b.Reveal() }),
		cmp.Comparer(func(a, b schedule.Cycle) bool { return a == b }),
	}
}

// busy expects a BusyError and returns the run in front.
func (p *probe) busy(what string, err error) string {
	p.is(what, err, task.ErrBusy)
	var b *task.BusyError
	if !errors.As(err, &b) {
		p.errorf("%s: got error %v, want a *task.BusyError", what, err)
		return ""
	}
	return b.Behind
}

// together calls f n times at once, by turns on either handle, and returns how
// many calls gave no error. Every other error must be one of refusals.
func (p *probe) together(what string, n int, f func(s task.Store, i int) error, refusals ...error) int {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		s := p.s
		if i%2 == 1 {
			s = p.other
		}
		wg.Go(func() {
			<-start
			errs[i] = f(s, i)
		})
	}
	close(start)
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		refused := false
		for _, r := range refusals {
			refused = refused || errors.Is(err, r)
		}
		if !refused {
			p.errorf("%s: got error %v, want a refusal", what, err)
		}
	}
	return won
}

// The times of the rules.
var zero time.Time

func clock(minutes int) time.Time {
	return time.Date(2024, 1, 3, 0, minutes, 0, 0, time.UTC)
}

const ttl = 10 * time.Minute

// create stores a task with a plain draft.
func (p *probe) create(id string) task.Task {
	t := task.Task{ID: id, Draft: plainSpec(id), Revision: 1, CreatedAt: clock(0), SavedAt: clock(0)}
	p.ok("CreateTask", p.s.CreateTask(p.ctx, t))
	return t
}

// submit adds a version with a spec.
func (p *probe) submit(id string, spec task.Spec) int {
	v, err := p.s.AddVersion(p.ctx, task.Version{Task: id, Status: "can-be-published", Spec: spec, SubmittedAt: clock(0)})
	p.ok("AddVersion", err)
	return v.Number
}

// publish makes a version the published one, due at next.
func (p *probe) publish(id string, number int, from, next time.Time) {
	p.ok("Publish", p.s.Publish(p.ctx, task.Publication{Task: id, Number: number, Deployer: "dan", At: clock(1), From: from, Next: next}))
}

// live creates a task with a published version, due at next.
func (p *probe) live(id string, next time.Time, destinations ...string) {
	t := p.create(id)
	t.Draft.Destinations = destinations
	p.publish(id, p.submit(id, t.Draft), zero, next)
}

// scheduled is a planned run of the calendar.
func scheduled(id string, at time.Time) task.Run {
	o := task.NewOccurrence(id, at, "")
	return task.Run{
		ID: o.RunID(), Occurrence: o, Trigger: task.Scheduled, Version: 1, Environment: task.Production, Push: true,
		State: task.Planned, Deadline: at.Add(time.Hour), PlannedAt: at,
	}
}

// byHand is a planned run that somebody asked for.
func byHand(id, run string, at time.Time) task.Run {
	r := scheduled(id, at)
	r.ID, r.Occurrence.Run, r.Trigger = run, run, task.Tested
	return r
}

// add inserts a run as it is.
func (p *probe) add(r task.Run) task.Run {
	p.ok("AddRun", p.s.AddRun(p.ctx, r))
	return r
}

// plan inserts runs without touching the task's next time.
func (p *probe) plan(id string, runs ...task.Run) {
	_, next, err := p.s.Next(p.ctx, id)
	p.ok("Next", err)
	p.ok("Plan", p.s.Plan(p.ctx, id, next, next, runs))
}

func (p *probe) claim(run string, now time.Time) task.Lease {
	l, err := p.s.Claim(p.ctx, run, "one", now, ttl)
	p.ok("Claim of "+run, err)
	return l
}

// end claims a run and releases it as ended.
func (p *probe) end(r task.Run, now time.Time) {
	l := p.claim(r.ID, now)
	r.State, r.EndedAt = task.Succeeded, now
	p.ok("Release", p.s.Release(p.ctx, l, now, r))
}

// lapse lets a lease run out and returns a time at which it has.
func (p *probe) lapse(l task.Lease) time.Time {
	if p.h.Lapse == nil {
		return l.Expires
	}
	p.ok("Harness.Lapse", p.h.Lapse(p.ctx, l.Run))
	return clock(0).Add(ttl)
}

func (p *probe) load(id string) task.Run {
	r, err := p.s.Run(p.ctx, id)
	p.ok("Run", err)
	return r
}

func (p *probe) loadTask(id string) task.Task {
	t, err := p.s.Task(p.ctx, id)
	p.ok("Task", err)
	return t
}

func (p *probe) deliveries(run string) []task.Delivery {
	ds, err := p.s.Deliveries(p.ctx, run)
	p.ok("Deliveries", err)
	return ds
}

// due names what is due: tasks by their ID, runs by theirs.
func (p *probe) due(now time.Time, limit int) (names []string, next time.Time) {
	due, next, err := p.s.Due(p.ctx, now, limit)
	p.ok("Due", err)
	for _, d := range due {
		if d.Run != "" {
			names = append(names, d.Run)
		} else {
			names = append(names, d.Task)
		}
	}
	return names, next
}

// scribble overwrites whatever v shares with others: all that can be reached
// through a pointer, a map or a slice.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem())
			if v.Elem().CanSet() {
				v.Elem().SetZero()
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
			v.Index(i).SetZero()
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			v.SetMapIndex(k, reflect.Zero(v.Type().Elem()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scribble(v.Field(i))
			}
		}
	}
}
