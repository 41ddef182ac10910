package datapush_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
	"github.com/google/go-cmp/cmp"
)

var errStore = errors.New("the store is in trouble")

// flaky is a store whose calls fail when refuse says so. It counts them.
type flaky struct {
	task.Store
	mu     sync.Mutex
	calls  map[string]int
	refuse func(method, name string) bool
}

func (f *flaky) check(method, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = make(map[string]int)
	}
	f.calls[method]++
	if f.refuse != nil && f.refuse(method, name) {
		return errStore
	}
	return nil
}

func (f *flaky) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[method]
}

func (f *flaky) Version(ctx context.Context, id string, number int) (task.Version, error) {
	if err := f.check("Version", id); err != nil {
		return task.Version{}, err
	}
	return f.Store.Version(ctx, id, number)
}

func (f *flaky) Destination(ctx context.Context, name string) (channel.Destination, error) {
	if err := f.check("Destination", name); err != nil {
		return channel.Destination{}, err
	}
	return f.Store.Destination(ctx, name)
}

func (f *flaky) Due(ctx context.Context, now time.Time, limit int) ([]task.Due, time.Time, error) {
	if err := f.check("Due", ""); err != nil {
		return nil, time.Time{}, err
	}
	return f.Store.Due(ctx, now, limit)
}

func (f *flaky) Plan(ctx context.Context, id string, from, next time.Time, rs []task.Run) error {
	if err := f.check("Plan", id); err != nil {
		return err
	}
	return f.Store.Plan(ctx, id, from, next, rs)
}

func (f *flaky) Claim(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
	if err := f.check("Claim", run); err != nil {
		return task.Lease{}, err
	}
	return f.Store.Claim(ctx, run, owner, now, ttl)
}

func (f *flaky) Renew(ctx context.Context, l task.Lease, now time.Time, ttl time.Duration) (task.Lease, error) {
	if err := f.check("Renew", l.Run); err != nil {
		return l, err
	}
	return f.Store.Renew(ctx, l, now, ttl)
}

func (f *flaky) Run(ctx context.Context, id string) (task.Run, error) {
	if err := f.check("Run", id); err != nil {
		return task.Run{}, err
	}
	return f.Store.Run(ctx, id)
}

func (f *flaky) Deliveries(ctx context.Context, run string) ([]task.Delivery, error) {
	if err := f.check("Deliveries", run); err != nil {
		return nil, err
	}
	return f.Store.Deliveries(ctx, run)
}

func (f *flaky) SaveRun(ctx context.Context, l task.Lease, r task.Run, ds ...task.Delivery) error {
	if err := f.check("SaveRun", r.ID); err != nil {
		return err
	}
	return f.Store.SaveRun(ctx, l, r, ds...)
}

func (f *flaky) SaveDelivery(ctx context.Context, l task.Lease, d task.Delivery) error {
	if err := f.check("SaveDelivery", d.Run); err != nil {
		return err
	}
	return f.Store.SaveDelivery(ctx, l, d)
}

func (f *flaky) Release(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
	if err := f.check("Release", r.ID); err != nil {
		return err
	}
	return f.Store.Release(ctx, l, now, r, ds...)
}

func (f *flaky) Park(ctx context.Context, run, waiting, waitFor string, now, resume time.Time) error {
	if err := f.check("Park", run); err != nil {
		return err
	}
	return f.Store.Park(ctx, run, waiting, waitFor, now, resume)
}

func (f *flaky) Wake(ctx context.Context, waitFor string, now time.Time, n int) error {
	if err := f.check("Wake", waitFor); err != nil {
		return err
	}
	return f.Store.Wake(ctx, waitFor, now, n)
}

// over puts a store between a host's Pusher and its memory store.
func over(f *flaky) func(*datapush.Config) {
	return func(c *datapush.Config) {
		f.Store = c.Store
		c.Store = f
	}
}

// soon is until for a store whose trouble RunDue reports: it looks again a
// second later.
func (h *host) soon(end time.Time) {
	h.t.Helper()
	for range 100_000 {
		now := h.clock.Now()
		if !now.Before(end) {
			return
		}
		next, err := h.RunDue(h.t.Context())
		switch {
		case errors.Is(err, errStore):
			h.clock.Advance(time.Second)
		case err != nil:
			h.t.Fatal(err)
		case next.IsZero() || next.After(end):
			h.clock.Set(end)
		case next.After(now):
			h.clock.Set(next)
		}
	}
	h.t.Fatal("time does not get on")
}

// Whatever call fails, and whichever time it is made, the push is done when the
// store is well again, and a part with a stored receipt is not sent twice.
func TestAStoreThatFailsOnceLosesNoPush(t *testing.T) {
	for _, method := range []string{"Due", "Version", "Plan", "Run", "Claim", "Destination", "SaveRun", "SaveDelivery", "Release"} {
		for nth := 1; nth <= 3; nth++ {
			t.Run(fmt.Sprintf("%s, call %d", method, nth), func(t *testing.T) {
				f := &flaky{}
				h := newHost(t, over(f))
				h.box.parts = 2
				id := h.publish(daily("d"))
				h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
				n := 0
				f.refuse = func(m, _ string) bool {
					if m == method {
						n++
					}
					return m == method && n == nth
				}
				h.soon(shanghai(t, "2024-01-03 09:00:00"))
				f.refuse = nil
				rs := h.runs(id)
				if len(rs) != 1 || rs[0].State != task.Succeeded {
					t.Fatalf("runs: %+v", rs)
				}
				for _, p := range h.deliveries(rs[0].ID)[0].Parts {
					sends := 0
					for _, m := range h.box.messages() {
						if m.Key == p.Key {
							sends++
						}
					}
					if sends > 1 && !p.MayRepeat {
						t.Errorf("part %d was sent %d times, and the ledger does not say so", p.Number, sends)
					}
				}
			})
		}
	}
}

func TestATaskThatCannotBePlannedKeepsNoOtherFromRunning(t *testing.T) {
	f := &flaky{}
	h := newHost(t, over(f))
	bad, good := h.publish(daily("bad")), h.publish(daily("good"))
	f.refuse = func(method, name string) bool { return method == "Plan" && name == bad }
	h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
	if _, err := h.RunDue(t.Context()); !errors.Is(err, errStore) {
		t.Errorf("RunDue: got error %v, want the store's", err)
	}
	rs := h.runs(good)
	if len(rs) != 1 || rs[0].State != task.Succeeded {
		t.Errorf("the other task's runs: %+v", rs)
	}
	occ, _, err := h.Plan(t.Context())
	if !errors.Is(err, errStore) {
		t.Errorf("Plan: got error %v, want the store's", err)
	}
	h.want("nothing is left of the other task", len(occ), 0)
}

func TestALeaseThatCannotBeRenewedEndsTheWorkWhenItExpires(t *testing.T) {
	f := &flaky{}
	h := newHost(t, over(f))
	id := h.publish(daily("d"))
	f.refuse = func(method, _ string) bool { return method == "Renew" }
	var cut time.Time
	h.db.answer = func(ctx context.Context, _ string) (*source.Result, error) {
		<-ctx.Done()
		cut = h.clock.Now()
		return nil, &source.Error{Op: "test", Kind: source.Canceled, Err: ctx.Err()}
	}
	at := shanghai(t, "2024-01-03 08:00:00")
	h.clock.Set(at)
	if err := h.tick(func() error { _, err := h.RunDue(t.Context()); return err }); err != nil {
		t.Fatal(err)
	}
	h.want("the query was cancelled", cut.Sub(at), time.Minute)
	f.mu.Lock()
	f.refuse = nil
	f.mu.Unlock()
	h.db.answer = rows("x")
	h.until(at.Add(5 * time.Minute))
	h.want("state", h.runs(id)[0].State, task.Succeeded)
}

// cancelling ends a context once a run was claimed.
type cancelling struct {
	task.Store
	cancel context.CancelFunc
}

func (c *cancelling) Claim(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
	l, err := c.Store.Claim(ctx, run, owner, now, ttl)
	if c.cancel != nil {
		c.cancel()
	}
	return l, err
}

func TestAProcessThatIsStoppedGivesItsClaimsUp(t *testing.T) {
	for _, tt := range []struct {
		name     string
		rendered bool
	}{{"before the query", false}, {"before a second attempt", true}} {
		t.Run(tt.name, func(t *testing.T) {
			c := &cancelling{}
			h := newHost(t, func(cfg *datapush.Config) { c.Store, cfg.Store = cfg.Store, c })
			id := h.publish(daily("d"))
			at := shanghai(t, "2024-01-03 08:00:00")
			if tt.rendered {
				h.box.answer = func(context.Context, channel.Destination, channel.Payload) (channel.Receipt, error) {
					return channel.Receipt{}, &channel.Error{Outcome: channel.NotSent, Err: errVendor}
				}
				h.until(at)
				h.box.answer = nil
				at = at.Add(10 * time.Second)
			}
			h.clock.Set(at)
			ctx, cancel := context.WithCancel(t.Context())
			c.cancel = cancel
			if _, err := h.RunDue(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			c.cancel = nil
			h.want("state", h.runs(id)[0].State, task.Waiting)
			if _, err := h.RunDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.want("state at once", h.runs(id)[0].State, task.Succeeded)
		})
	}
}

// hourly is a task that is due every hour and whose runs take as long as block
// says.
func hourly(name string, timeout time.Duration) task.Spec {
	s := daily(name)
	s.Schedule.Cycle = schedule.Hourly("00:00", "23:59", 1)
	s.Schedule.Timeout = timeout
	return s
}

func TestADeadlineEndsARunThatWaitsForAPlaceInItsPool(t *testing.T) {
	h := newHost(t, func(c *datapush.Config) { c.Groups = map[string]int{"small": 1} })
	slow, quick := daily("slow"), daily("quick")
	slow.ResourceGroup, quick.ResourceGroup = "small", "small"
	slow.Schedule.Cycle = schedule.Daily("07:59")
	quick.Schedule.Timeout = time.Hour
	h.publish(slow)
	id := h.publish(quick)
	entered, block := make(chan struct{}), make(chan struct{})
	h.db.answer = func(ctx context.Context, sql string) (*source.Result, error) {
		close(entered)
		<-block
		return rows("x")(ctx, sql)
	}
	h.clock.Set(shanghai(t, "2024-01-03 07:59:00"))
	done := make(chan error)
	go func() { _, err := h.RunDue(t.Context()); done <- err }()
	<-entered
	for _, now := range []string{"2024-01-03 08:00:00", "2024-01-03 08:59:59", "2024-01-03 09:00:00"} {
		h.clock.Set(shanghai(t, now))
		if _, err := h.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := h.runs(id)[0]; r.State == task.Waiting && r.Resume.After(r.Deadline) {
			t.Errorf("at %s the run waits until %v, past its deadline", now, r.Resume)
		}
	}
	r := h.runs(id)[0]
	h.want("state", r.State, task.TimedOut)
	h.want("ended at the deadline", r.EndedAt.Equal(shanghai(t, "2024-01-03 09:00:00")), true)
	close(block)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	h.counts(1, 1)
}

func TestARunWhosePlanCannotBeHadEndsAtItsDeadline(t *testing.T) {
	f := &flaky{}
	h := newHost(t, over(f))
	s := daily("d")
	s.Schedule.Timeout = time.Hour
	id := h.publish(s)
	at := shanghai(t, "2024-01-03 08:00:00")
	h.clock.Set(at)
	if _, _, err := h.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Another process finds the run, and never its version.
	f.refuse = func(method, _ string) bool { return method == "Version" }
	other, err := datapush.New(datapush.Config{
		Sources: map[string]source.Source{"sales": h.db}, Channels: []channel.Channel{h.box}, Store: f, Clock: h.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.RunDue(t.Context()); !errors.Is(err, errStore) {
		t.Errorf("RunDue: got error %v, want the store's", err)
	}
	h.clock.Set(at.Add(time.Hour))
	if _, err := other.RunDue(t.Context()); err != nil {
		t.Error(err)
	}
	h.want("state", h.runs(id)[0].State, task.TimedOut)
	h.counts(0, 0)
}

func TestEachCaughtUpRunHasItsWholeTimeout(t *testing.T) {
	h := newHost(t)
	s := hourly("d", time.Hour)
	s.Schedule.Misfire = schedule.All
	id := h.publish(s)
	h.db.answer = func(ctx context.Context, sql string) (*source.Result, error) {
		h.clock.Advance(25 * time.Minute)
		return rows("x")(ctx, sql)
	}
	// The process was down from 12:00 to 17:30; four of its five runs catch up
	// longer than an hour after they were planned.
	h.clock.Set(shanghai(t, "2024-01-02 17:30:00"))
	for range 50 {
		if _, err := h.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Second)
	}
	var got []string
	for _, r := range h.runs(id) {
		if at := r.Occurrence.At; !at.After(shanghai(t, "2024-01-02 17:00:00")) {
			got = append(got, fmt.Sprintf("%s %s", at.Add(8*time.Hour).Format("15:04"), r.State))
			if r.Deadline.Sub(r.StartedAt) != time.Hour {
				t.Errorf("the run of %v started at %v and has until %v", at, r.StartedAt, r.Deadline)
			}
		}
	}
	want := []string{"17:00 succeeded", "16:00 succeeded", "15:00 succeeded", "14:00 succeeded", "13:00 succeeded"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("runs (-want +got):\n%s", d)
	}
}

// A place that comes free wakes one run, not all that wait for one: those would
// only wait again.
func TestALongLineForASmallPoolIsNotWokenWhole(t *testing.T) {
	f := &flaky{}
	h := newHost(t, func(c *datapush.Config) { c.Groups = map[string]int{"small": 1} }, over(f))
	const n = 60
	for i := range n {
		s := daily(fmt.Sprint("task ", i))
		s.ResourceGroup = "small"
		h.publish(s)
	}
	h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
	for len(h.box.messages()) < n {
		if _, err := h.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.want("the clock stood still", h.clock.Now().Equal(shanghai(t, "2024-01-03 08:00:00")), true)
	if parked := f.count("Park"); parked > 3*n {
		t.Errorf("%d runs were parked %d times", n, parked)
	}
}

// Of a line of runs of one task the end of the one in front wakes the next.
func TestALongLineOfOneTaskIsNotWokenWhole(t *testing.T) {
	f := &flaky{}
	h := newHost(t, over(f))
	s := hourly("d", 0)
	s.Schedule.Misfire, s.Schedule.CatchUp = schedule.All, 60*time.Hour
	id := h.publish(s)
	h.clock.Set(start.Add(60 * time.Hour))
	for range 200 {
		next, err := h.RunDue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if next.After(h.clock.Now()) {
			break
		}
	}
	rs, err := h.Runs(t.Context(), task.RunFilter{Task: id, Trigger: task.Scheduled, States: []task.RunState{task.Succeeded}})
	if err != nil {
		t.Fatal(err)
	}
	h.want("runs", len(rs), 60)
	if parked := f.count("Park"); parked > 3*60 {
		t.Errorf("60 runs were parked %d times", parked)
	}
}
