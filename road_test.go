package datapush_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
)

func TestNewReportsEveryMistakeAtOnce(t *testing.T) {
	_, err := datapush.New(datapush.Config{
		Sources:     map[string]source.Source{"a": nil, "b@staging": &database{}, "": &database{}},
		Channels:    []channel.Channel{&mailbox{}, nil, &mailbox{}},
		Groups:      map[string]int{"g": 0},
		Concurrency: -1,
		Drain:       -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`Sources["a"]`, `Sources["b@staging"]`, `Sources[""]`, "Channels[1]", "Channels[2]", `Groups["g"]`, "Concurrency", "Drain"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestAScheduledRunGoesDownTheWholeRoad(t *testing.T) {
	h := newHost(t)
	id := h.publish(daily("d"))
	h.until(shanghai(t, "2024-01-03 08:00:00"))
	h.want("query", h.db.queries(), []string{"SELECT a FROM sales WHERE ds = '20240102'"})
	got := h.box.messages()
	if len(got) != 1 || got[0].Body != "Report 20240102|x" || got[0].Key == "" {
		t.Fatalf("messages: %+v", got)
	}
	rs := h.runs(id)
	if len(rs) != 1 {
		t.Fatalf("runs: %+v", rs)
	}
	at := shanghai(t, "2024-01-03 08:00:00")
	r := rs[0]
	h.want("occurrence", r.Occurrence, task.NewOccurrence(id, at, ""))
	h.want("state", r.State, task.Succeeded)
	h.want("params", r.Params, task.Params{"date": "20240102"})
	h.want("outputs", r.Outputs, []string{"a"})
	h.want("deadline is 72 h later", r.Deadline.Equal(at.Add(72*time.Hour)), true)
	ds := h.deliveries(r.ID)
	if len(ds) != 1 || ds[0].State != task.Delivered || len(ds[0].Parts) != 1 {
		t.Fatalf("deliveries: %+v", ds)
	}
	p := ds[0].Parts[0]
	if p.Receipt == nil || !p.Receipt.Delivered || p.Body != nil || p.Attempts != 1 || p.Key != got[0].Key {
		t.Errorf("part: %+v", p)
	}
}

func TestEnvironmentsNeverFallBack(t *testing.T) {
	h, ctx := newHost(t), t.Context()
	s := daily("d")
	s.Environment = task.Development
	h.publish(s)
	h.until(shanghai(t, "2024-01-03 08:00:00"))
	h.want("development queries", len(h.dev.queries()), 1)
	h.want("production queries", len(h.db.queries()), 0)

	lone := newHost(t, func(c *datapush.Config) { delete(c.Sources, "sales@development") })
	var f task.Findings
	if _, err := lone.Create(ctx, s); !errors.As(err, &f) || f[0].Path != "source" {
		t.Errorf("Create: %v", err)
	}
	id := lone.create(daily("p"))
	o := constant
	o.Environment = task.Development
	if _, err := lone.Test(ctx, id, o); !errors.As(err, &f) || f[0].Path != "environment" {
		t.Errorf("Test: %v", err)
	}
	lone.counts(0, 0)
}

func TestOneDestinationsFailureStopsNoOther(t *testing.T) {
	h := newHost(t)
	h.destination("bad", nil)
	h.destination("odd", nil)
	s := daily("d")
	s.Destinations = []string{"bad", "ops", "odd"}
	id := h.publish(s)
	h.box.answer = func(_ context.Context, to channel.Destination, _ channel.Payload) (channel.Receipt, error) {
		switch to.Name {
		case "bad":
			return channel.Receipt{}, &channel.Error{Op: "box: send", Outcome: channel.Rejected, Code: "310000", Err: errVendor}
		case "odd":
			panic("row data")
		}
		return channel.Receipt{}, nil
	}
	h.until(shanghai(t, "2024-01-06 07:00:00"))
	r := h.runs(id)[2]
	h.want("state", r.State, task.Failed)
	ds := h.deliveries(r.ID)
	h.want("states", []task.DeliveryState{ds[0].State, ds[1].State, ds[2].State}, []task.DeliveryState{task.Undelivered, task.Delivered, task.Unclear})
	h.want("code", ds[0].Code, "310000")
	if !strings.Contains(r.Error, "310000") || strings.Contains(r.Error, "row data") {
		t.Errorf("error: %s", r.Error)
	}
}

func TestPanicsBecomeErrorsOfTheRun(t *testing.T) {
	for name, edit := range map[string]func(h *host, c *datapush.Config){
		"in the source": func(h *host, c *datapush.Config) {
			h.db.answer = func(context.Context, string) (*source.Result, error) { panic("boom") }
		},
		"in the renderer": func(h *host, c *datapush.Config) { c.Renderer = panicky{} },
	} {
		t.Run(name, func(t *testing.T) {
			db := &database{answer: rows("x")}
			h := newHost(t, func(c *datapush.Config) {
				c.Sources["sales"] = db
				edit(&host{db: db}, c)
			})
			id := h.create(daily("d"))
			r, err := h.Test(t.Context(), id, constant)
			if err != nil || r.State != task.Failed || !strings.Contains(r.Error, "panicked") {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

type panicky struct{}

func (panicky) Render(context.Context, render.Content, render.Data) (*channel.Message, error) {
	panic("boom")
}

func TestARetrySendsTheSameBytesAndOnlyWhatHasNoReceipt(t *testing.T) {
	h := newHost(t)
	h.box.parts = 3
	id := h.publish(daily("d"))
	var tries []string
	h.box.answer = func(_ context.Context, _ channel.Destination, p channel.Payload) (channel.Receipt, error) {
		tries = append(tries, fmt.Sprintf("%d %s", p.Part, p.Body))
		if p.Part == 2 && len(tries) == 2 {
			h.db.answer = rows("changed")
			return channel.Receipt{}, &channel.Error{Outcome: channel.NotSent, Err: errVendor}
		}
		return channel.Receipt{}, nil
	}
	h.until(shanghai(t, "2024-01-03 09:00:00"))
	h.want("tries", tries, []string{
		"1 Report 20240102|x (1/3)", "2 Report 20240102|x (2/3)", "2 Report 20240102|x (2/3)", "3 Report 20240102|x (3/3)"})
	h.want("queries", len(h.db.queries()), 1)
	h.want("state", h.runs(id)[0].State, task.Succeeded)
	var repeats []bool
	for _, p := range h.deliveries(h.runs(id)[0].ID)[0].Parts {
		repeats = append(repeats, p.MayRepeat)
	}
	h.want("repeats", repeats, []bool{false, false, false})
}

func TestARunThatGoesOnIsShownAsRunning(t *testing.T) {
	h := newHost(t)
	id := h.publish(daily("d"))
	var states []task.RunState
	h.box.answer = func(context.Context, channel.Destination, channel.Payload) (channel.Receipt, error) {
		r := h.runs(id)[0]
		if states = append(states, r.State); r.Waiting != "" {
			t.Errorf("a run that sends waits for %s", r.Waiting)
		}
		if len(states) < 3 {
			return channel.Receipt{}, &channel.Error{Outcome: channel.NotSent, Err: errVendor}
		}
		return channel.Receipt{}, nil
	}
	h.until(shanghai(t, "2024-01-03 09:00:00"))
	h.want("states while sending", states, []task.RunState{task.Running, task.Running, task.Running})
	h.want("state", h.runs(id)[0].State, task.Succeeded)
}

// Two destinations fail all the time: each is tried at growing distances, not at
// the same moments as the other, and no longer than the run may take.
func TestRetriesGrowAndScatterUntilTheDeadline(t *testing.T) {
	h := newHost(t)
	h.destination("other", nil)
	s := daily("d")
	s.Destinations = []string{"ops", "other"}
	s.Schedule.Timeout = 2 * time.Hour
	id := h.publish(s)
	var mu sync.Mutex
	tries := map[string][]time.Time{}
	h.box.answer = func(_ context.Context, to channel.Destination, _ channel.Payload) (channel.Receipt, error) {
		mu.Lock()
		defer mu.Unlock()
		tries[to.Name] = append(tries[to.Name], h.clock.Now())
		return channel.Receipt{}, &channel.Error{Outcome: channel.NotSent, Err: errVendor}
	}
	h.until(shanghai(t, "2024-01-03 12:00:00"))

	r := h.runs(id)[0]
	h.want("state", r.State, task.TimedOut)
	h.want("end", r.EndedAt, r.Occurrence.At.Add(2*time.Hour))
	waits := map[string][]time.Duration{}
	for name, at := range tries {
		for i := 1; i < len(at); i++ {
			waits[name] = append(waits[name], at[i].Sub(at[i-1]))
		}
		if last := at[len(at)-1]; last.After(r.Deadline) || r.Deadline.Sub(last) > 15*time.Minute {
			t.Errorf("%s: tried for the last time at %v, with a deadline of %v", name, last, r.Deadline)
		}
		for i, w := range waits[name] {
			if i > 0 && w < waits[name][i-1]*3/2 && w < 10*time.Minute || w > 15*time.Minute {
				t.Errorf("%s: wait %d is %v after %v", name, i+1, w, waits[name])
				break
			}
		}
	}
	if slices.Equal(waits["ops"], waits["other"]) {
		t.Errorf("both destinations are tried at the same moments: %v", waits["ops"])
	}
}

func TestUnknownOutcomesFollowTheDestination(t *testing.T) {
	for _, tt := range []struct {
		name      string
		onUnknown channel.OnUnknown
		sends     int
		state     task.DeliveryState
		repeat    bool
	}{
		{"resend sends again and says that it may be a repeat", channel.Resend, 2, task.Delivered, true},
		{"hold leaves it for a person", channel.Hold, 1, task.Unclear, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			h.destination("ops", func(d *channel.Destination) { d.OnUnknown = tt.onUnknown })
			id := h.publish(daily("d"))
			n := 0
			h.box.answer = func(context.Context, channel.Destination, channel.Payload) (channel.Receipt, error) {
				if n++; n == 1 {
					return channel.Receipt{}, &channel.Error{Op: "box: send", Err: errVendor}
				}
				return channel.Receipt{}, nil
			}
			h.until(shanghai(t, "2024-01-03 09:00:00"))
			h.want("sends", n, tt.sends)
			d := h.deliveries(h.runs(id)[0].ID)[0]
			h.want("state", d.State, tt.state)
			h.want("repeat", d.Parts[0].MayRepeat, tt.repeat)
		})
	}
}

func TestACrashBetweenSendAndReceiptIsRecorded(t *testing.T) {
	for _, tt := range []struct {
		name      string
		onUnknown channel.OnUnknown
		want      int
		state     task.DeliveryState
	}{
		{"resend", channel.Resend, 2, task.Delivered},
		{"hold", channel.Hold, 1, task.Unclear},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			h.destination("ops", func(d *channel.Destination) { d.OnUnknown = tt.onUnknown })
			id := h.publish(daily("d"))

			// The first process sees its store vanish once the message has left.
			dying := &mortal{Store: h.store}
			victimBox := &mailbox{answer: func(context.Context, channel.Destination, channel.Payload) (channel.Receipt, error) {
				dying.kill()
				return channel.Receipt{}, nil
			}}
			victim, err := datapush.New(datapush.Config{
				Sources: map[string]source.Source{"sales": h.db}, Channels: []channel.Channel{victimBox}, Store: dying, Clock: h.clock,
			})
			if err != nil {
				t.Fatal(err)
			}
			h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
			if _, err := victim.RunDue(t.Context()); !errors.Is(err, errDead) {
				t.Fatalf("victim: %v", err)
			}
			h.want("sent by the first", len(victimBox.messages()), 1)

			// The second takes over when the lease has expired, not before.
			h.until(shanghai(t, "2024-01-03 08:00:30"))
			h.want("sent before the lease expired", len(h.box.messages()), 0)
			h.until(shanghai(t, "2024-01-03 08:10:00"))
			h.want("sent in all", 1+len(h.box.messages()), tt.want)
			h.want("queries", len(h.db.queries()), 1)
			d := h.deliveries(h.runs(id)[0].ID)[0]
			h.want("state", d.State, tt.state)
			h.want("repeat", d.Parts[0].MayRepeat, tt.onUnknown == channel.Resend)
			if tt.onUnknown == channel.Resend {
				h.want("same key", h.box.messages()[0].Key, victimBox.messages()[0].Key)
			}
		})
	}
}

var errDead = errors.New("the process is dead")

// mortal is a store whose process can be killed: from then on every call fails.
type mortal struct {
	task.Store
	mu    sync.Mutex
	dead  bool
	after int // calls left before it dies by itself; negative: never
	armed bool
}

func (m *mortal) kill() {
	m.mu.Lock()
	m.dead = true
	m.mu.Unlock()
}

func (m *mortal) check() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.armed && !m.dead {
		if m.after == 0 {
			m.dead = true
		}
		m.after--
	}
	if m.dead {
		return errDead
	}
	return nil
}

func (m *mortal) Plan(ctx context.Context, id string, from, next time.Time, rs []task.Run) error {
	if err := m.check(); err != nil {
		return err
	}
	return m.Store.Plan(ctx, id, from, next, rs)
}

func (m *mortal) Claim(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
	if err := m.check(); err != nil {
		return task.Lease{}, err
	}
	return m.Store.Claim(ctx, run, owner, now, ttl)
}

func (m *mortal) SaveRun(ctx context.Context, l task.Lease, r task.Run, ds ...task.Delivery) error {
	if err := m.check(); err != nil {
		return err
	}
	return m.Store.SaveRun(ctx, l, r, ds...)
}

func (m *mortal) SaveDelivery(ctx context.Context, l task.Lease, d task.Delivery) error {
	if err := m.check(); err != nil {
		return err
	}
	return m.Store.SaveDelivery(ctx, l, d)
}

func (m *mortal) Release(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
	if err := m.check(); err != nil {
		return err
	}
	return m.Store.Release(ctx, l, now, r, ds...)
}

// starting is a mortal that starts runs in one write.
type starting struct{ *mortal }

func (s starting) Start(ctx context.Context, r task.Run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
	if err := s.check(); err != nil {
		return task.Lease{}, err
	}
	return s.Store.(task.Starter).Start(ctx, r, owner, now, ttl)
}

// Kill the process at every single store write of a push with two parts, to one
// destination or two, on a store with or without Start; whoever resumes finishes it, nothing is lost, a part with a
// receipt is never sent again, and the query runs again only while nothing was
// sent.
func TestAPushSurvivesDeathAtEveryWrite(t *testing.T) {
	for _, names := range [][]string{{"ops"}, {"ops", "second"}} {
		for _, start := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d destinations, Start %v", len(names), start), func(t *testing.T) {
				surviveDeathAtEveryWrite(t, names, start)
			})
		}
	}
}

func surviveDeathAtEveryWrite(t *testing.T, names []string, start bool) {
	for after := 0; ; after++ {
		finished := false
		t.Run(fmt.Sprintf("after %d writes", after), func(t *testing.T) {
			h := newHost(t)
			h.box.parts = 2
			h.destination("second", nil)
			s := daily("d")
			s.Destinations = names
			id := h.publish(s)
			var dying task.Store = &mortal{Store: h.store, after: after, armed: true}
			if start {
				dying = starting{dying.(*mortal)}
			}
			victim, err := datapush.New(datapush.Config{
				Sources: map[string]source.Source{"sales": h.db}, Channels: []channel.Channel{h.box}, Store: dying, Clock: h.clock,
			})
			if err != nil {
				t.Fatal(err)
			}
			h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
			_, err = victim.RunDue(t.Context())
			finished = err == nil
			receipts := make(map[string]bool)
			for _, r := range h.runs(id) {
				for _, d := range h.deliveries(r.ID) {
					for _, p := range d.Parts {
						if p.Receipt != nil {
							receipts[p.Key] = true
						}
					}
				}
			}
			before := len(h.box.messages())
			h.until(shanghai(t, "2024-01-03 09:00:00"))

			rs := h.runs(id)
			if len(rs) != 1 || rs[0].State != task.Succeeded {
				t.Fatalf("runs: %+v", rs)
			}
			got := h.box.messages()
			seen := make(map[string]int)
			for _, m := range got {
				seen[fmt.Sprintf("%s/%d", m.To, m.Part)]++
			}
			for _, name := range names {
				for part := 1; part <= 2; part++ {
					if want := fmt.Sprintf("%s/%d", name, part); seen[want] == 0 {
						t.Errorf("%s was lost", want)
					}
				}
			}
			for _, m := range got[before:] {
				if receipts[m.Key] {
					t.Errorf("%s part %d was sent again after its receipt was stored", m.To, m.Part)
				}
			}
			if n := len(h.db.queries()); n > 1 && before > 0 {
				t.Errorf("%d queries although something was sent", n)
			}
		})
		if finished {
			if after < 4+2*len(names) {
				t.Errorf("a push made only %d writes; the test does not reach what it is for", after)
			}
			return
		}
	}
}

func TestTwoProcessesRunAnOccurrenceOnce(t *testing.T) {
	h := newHost(t)
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = h.publish(daily(fmt.Sprint("task ", i)))
	}
	other, err := datapush.New(datapush.Config{
		Sources: map[string]source.Source{"sales": h.db}, Channels: []channel.Channel{h.box}, Store: h.store, Clock: h.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
	var wg sync.WaitGroup
	for _, p := range []*datapush.Pusher{h.Pusher, other, h.Pusher, other} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := p.RunDue(t.Context()); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	h.until(shanghai(t, "2024-01-03 08:01:00"))
	h.counts(len(ids), len(ids))
	for _, id := range ids {
		if rs := h.runs(id); len(rs) != 1 || rs[0].State != task.Succeeded {
			t.Errorf("task %s: %+v", id, rs)
		}
	}
}

func TestRatesAreKeptAcrossTasksOfOneBudget(t *testing.T) {
	h := newHost(t)
	h.destination("ops", func(d *channel.Destination) { d.Options = map[string]string{"budget": "bot"} })
	h.destination("same bot", func(d *channel.Destination) { d.Options = map[string]string{"budget": "bot"} })
	h.destination("other bot", nil)
	var ids []string
	for i := range 4 {
		s := daily(fmt.Sprint("task ", i))
		s.Destinations = []string{"ops", "same bot", "other bot"}
		ids = append(ids, h.publish(s))
	}
	h.box.rates = []channel.Rate{{N: 3, Per: time.Minute}}
	var times []time.Time
	var mu sync.Mutex
	h.box.answer = func(_ context.Context, to channel.Destination, _ channel.Payload) (channel.Receipt, error) {
		mu.Lock()
		defer mu.Unlock()
		if to.Name != "other bot" {
			times = append(times, h.clock.Now())
		}
		return channel.Receipt{}, nil
	}
	h.until(shanghai(t, "2024-01-03 08:20:00"))
	if len(times) != 8 {
		t.Fatalf("%d sends of one bot, want 8", len(times))
	}
	slices.SortFunc(times, time.Time.Compare)
	for i := 3; i < len(times); i++ {
		if gap := times[i].Sub(times[i-3]); gap <= time.Minute {
			t.Errorf("4 sends within %v", gap)
		}
	}
	if last := times[len(times)-1].Sub(times[0]); last > 3*time.Minute {
		t.Errorf("8 sends took %v: the budget was not used", last)
	}
	for _, id := range ids {
		h.want("state", h.runs(id)[0].State, task.Succeeded)
	}
}

// tick moves the fake clock to whatever is slept for, as long as f runs.
func (h *host) tick(f func() error) error {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	var err error
	go func() {
		defer cancel()
		err = f()
	}()
	for h.clock.WaitSleepers(ctx, 1) == nil {
		if at, ok := h.clock.Next(); ok {
			h.clock.Set(at)
		}
	}
	<-ctx.Done()
	return err
}

func TestAVendorsWaitClosesTheWholeBudget(t *testing.T) {
	h := newHost(t)
	h.destination("ops", func(d *channel.Destination) { d.Options = map[string]string{"budget": "bot"} })
	a, b := h.publish(daily("a")), daily("b")
	b.Schedule.Cycle = schedule.Daily("08:01")
	idb := h.publish(b)
	first := true
	var times []string
	h.box.answer = func(context.Context, channel.Destination, channel.Payload) (channel.Receipt, error) {
		times = append(times, h.clock.Now().UTC().Format(time.TimeOnly))
		if first {
			first = false
			return channel.Receipt{}, &channel.Error{Outcome: channel.NotSent, Code: "429", After: 5 * time.Minute, Err: errVendor}
		}
		return channel.Receipt{}, nil
	}
	h.until(shanghai(t, "2024-01-03 08:30:00"))
	if len(times) != 3 || times[0] != "00:00:00" || times[1] < "00:05:00" || times[2] < "00:05:00" {
		t.Errorf("sends at %v; the vendor asked for five minutes", times)
	}
	h.want("states", []task.RunState{h.runs(a)[0].State, h.runs(idb)[0].State}, []task.RunState{task.Succeeded, task.Succeeded})
}

func TestAFullPoolParksRunsAsWaiting(t *testing.T) {
	block := make(chan struct{})
	entered := make(chan struct{}, 2)
	h := newHost(t, func(c *datapush.Config) { c.Groups = map[string]int{"small": 1} })
	var ids []string
	for _, name := range []string{"a", "b"} {
		s := daily(name)
		s.ResourceGroup = "small"
		ids = append(ids, h.publish(s))
	}
	h.db.answer = func(context.Context, string) (*source.Result, error) {
		entered <- struct{}{}
		<-block
		return rows("x")(nil, "")
	}
	h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
	done := make(chan error)
	go func() { _, err := h.RunDue(t.Context()); done <- err }()
	<-entered
	// The other run finds the pool full while the first is in its query. While
	// RunDue parks it, it is busy too.
	var waiting *task.Run
	for begin := time.Now(); waiting == nil && time.Since(begin) < 10*time.Second; runtime.Gosched() {
		for _, id := range ids {
			r, err := h.RunOccurrence(t.Context(), task.NewOccurrence(id, shanghai(t, "2024-01-03 08:00:00"), ""))
			if err != nil && !errors.Is(err, datapush.ErrBusy) {
				t.Fatal(err)
			}
			if err == nil {
				waiting = r
			}
		}
	}
	if waiting == nil || waiting.State != task.Waiting || !strings.Contains(waiting.Waiting, "small") || !waiting.Resume.After(h.clock.Now()) {
		t.Errorf("waiting run: %+v", waiting)
	}
	close(block)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	h.until(shanghai(t, "2024-01-03 08:01:00"))
	for _, id := range ids {
		h.want("state", h.runs(id)[0].State, task.Succeeded)
	}
}

func TestADryRunFiresAndRecordsAndDoesNothing(t *testing.T) {
	h := newHost(t)
	s := daily("d")
	s.NodeMode = task.DryRun
	id := h.publish(s)
	h.until(shanghai(t, "2024-01-03 08:00:00"))
	h.counts(0, 0)
	r := h.runs(id)[0]
	h.want("run", []any{r.State, r.DryRun}, []any{task.Succeeded, true})
}

func TestARunPastItsDeadlineTimesOut(t *testing.T) {
	h := newHost(t)
	h.destination("never", nil)
	s := daily("d")
	s.Schedule.Timeout = time.Hour
	s.Destinations = []string{"ops", "never"}
	id := h.publish(s)
	h.box.answer = func(_ context.Context, to channel.Destination, _ channel.Payload) (channel.Receipt, error) {
		if to.Name == "never" {
			return channel.Receipt{}, &channel.Error{Outcome: channel.NotSent, Code: "-1", Err: errVendor}
		}
		return channel.Receipt{}, nil
	}
	h.until(shanghai(t, "2024-01-03 10:00:00"))
	r := h.runs(id)[0]
	h.want("state", r.State, task.TimedOut)
	h.want("ended at the deadline", r.EndedAt.Equal(shanghai(t, "2024-01-03 09:00:00")), true)
	ds := h.deliveries(r.ID)
	h.want("deliveries", []task.DeliveryState{ds[0].State, ds[1].State}, []task.DeliveryState{task.Delivered, task.Expired})
	h.want("code", ds[1].Code, "-1")
}

func TestADeadlineCancelsTheQuery(t *testing.T) {
	h := newHost(t)
	s := daily("d")
	s.Schedule.Timeout = time.Hour
	id := h.publish(s)
	entered := make(chan struct{})
	h.db.answer = func(ctx context.Context, _ string) (*source.Result, error) {
		close(entered)
		<-ctx.Done()
		return nil, &source.Error{Op: "test", Kind: source.Canceled, Err: ctx.Err()}
	}
	h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
	done := make(chan error)
	go func() { _, err := h.RunDue(t.Context()); done <- err }()
	<-entered
	if err := h.tick(func() error { return <-done }); err != nil {
		t.Fatal(err)
	}
	h.want("state", h.runs(id)[0].State, task.TimedOut)
	h.want("time", h.clock.Now().Equal(shanghai(t, "2024-01-03 09:00:00")), true)
	h.counts(1, 0)
}

func TestATaskNeverOverlapsItself(t *testing.T) {
	h := newHost(t)
	s := daily("d")
	s.Schedule.Cycle = schedule.Hourly("00:00", "23:59", 1)
	id := h.publish(s)
	block := make(chan struct{})
	entered := make(chan struct{}, 1)
	var mu sync.Mutex
	running, most := 0, 0
	h.db.answer = func(ctx context.Context, _ string) (*source.Result, error) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		select {
		case entered <- struct{}{}:
		default:
		}
		<-block
		mu.Lock()
		running--
		mu.Unlock()
		return rows("x")(ctx, "")
	}
	h.clock.Set(shanghai(t, "2024-01-02 13:00:00"))
	done := make(chan error)
	go func() { _, err := h.RunDue(t.Context()); done <- err }()
	<-entered
	h.clock.Set(shanghai(t, "2024-01-02 14:00:00"))
	if _, err := h.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	rs := h.runs(id)
	if len(rs) != 2 || rs[0].State != task.Waiting || rs[1].State != task.Running {
		t.Fatalf("runs: %v %v", rs[0].State, rs[1].State)
	}
	close(block)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// The end of the run in front makes the next due at once.
	if _, err := h.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.want("states", []task.RunState{h.runs(id)[0].State, h.runs(id)[1].State}, []task.RunState{task.Succeeded, task.Succeeded})
	h.want("at once", most, 1)
}

// slowRenewal is a store that takes its time to renew leases.
type slowRenewal struct {
	task.Store
	asked, free chan struct{}
}

func (s slowRenewal) Renew(ctx context.Context, l task.Lease, now time.Time, ttl time.Duration) (task.Lease, error) {
	select {
	case s.asked <- struct{}{}:
	default:
	}
	<-s.free
	return s.Store.Renew(ctx, l, now, ttl)
}

// When the clock jumps, the lease of a run has expired before anybody could renew
// it. Another run of the task must wait all the same.
func TestAJumpOfTheClockLetsNoTaskOverlapItself(t *testing.T) {
	store := slowRenewal{memstore.New(nil), make(chan struct{}, 1), make(chan struct{})}
	h := newHost(t, func(c *datapush.Config) { c.Store = store })
	id := h.publish(daily("d"))
	block, entered := make(chan struct{}), make(chan struct{}, 2)
	h.db.answer = func(ctx context.Context, _ string) (*source.Result, error) {
		entered <- struct{}{}
		<-block
		return rows("x")(ctx, "")
	}
	h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
	done := make(chan error, 2)
	go func() { _, err := h.RunDue(t.Context()); done <- err }()
	<-entered
	if err := h.clock.WaitSleepers(t.Context(), 1); err != nil { // who renews the lease
		t.Fatal(err)
	}
	h.clock.Advance(2 * time.Minute)
	<-store.asked
	go func() { _, err := h.Test(t.Context(), id, constant); done <- err }()
	if err := h.clock.WaitSleepers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	rs, err := h.Runs(t.Context(), task.RunFilter{Task: id, Trigger: task.Tested, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.want("the test", rs[0].State, task.Waiting)
	h.want("its reason", rs[0].Waiting, "run "+h.runs(id)[0].ID+" of the same task to end")
	close(store.free)
	close(block)
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	h.want("the scheduled run", h.runs(id)[0].State, task.Succeeded)
	h.want("queries", len(h.db.queries()), 2)
}

func TestRunDueRunsAllThatIsDue(t *testing.T) {
	h := newHost(t)
	const n = 1100 // more than one look at the store returns
	for i := range n {
		h.publish(daily(fmt.Sprint("task ", i)))
	}
	h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
	next, err := h.RunDue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.want("sent", len(h.box.messages()), n)
	h.want("next", next.Equal(shanghai(t, "2024-01-04 08:00:00")), true)
}

// The window is for occurrences that were missed. One that is late by a minute or
// less was not.
func TestAShortCatchUpDropsNothingThatIsInTime(t *testing.T) {
	for _, misfire := range []schedule.Misfire{schedule.Latest, schedule.Skip, schedule.All} {
		for late, want := range map[time.Duration]int{0: 1, 30 * time.Second: 1, time.Minute: 1, 61 * time.Second: 0} {
			t.Run(fmt.Sprintf("%s, %s late", misfire, late), func(t *testing.T) {
				h := newHost(t)
				s := daily("d")
				s.Schedule.Misfire, s.Schedule.CatchUp = misfire, 10*time.Second
				id := h.publish(s)
				h.clock.Set(shanghai(t, "2024-01-03 08:00:00").Add(late))
				if _, err := h.RunDue(t.Context()); err != nil {
					t.Fatal(err)
				}
				h.want("runs", len(h.runs(id)), want)
			})
		}
	}
}

// A host may allow spaces in values.
func TestSpacesInParameters(t *testing.T) {
	s := daily("d")
	s.Params = task.Params{"date": "$[yyyy-mm-dd hh24:mi:ss]"}
	h := newHost(t)
	if _, err := h.Create(t.Context(), s); !errors.Is(err, datapush.ErrInvalid) {
		t.Errorf("strict: %v", err)
	}
	h = newHost(t, func(c *datapush.Config) { c.Spaces = true })
	h.publish(s)
	h.until(shanghai(t, "2024-01-03 08:00:00"))
	h.want("queries", h.db.queries(), []string{"SELECT a FROM sales WHERE ds = '2024-01-03 08:00:00'"})
}

func TestMisfires(t *testing.T) {
	for _, tt := range []struct {
		misfire schedule.Misfire
		catchUp time.Duration
		want    []string // hours of 2024-01-03 in Shanghai
	}{
		{schedule.Latest, 0, []string{"11:00", "12:00"}},
		{schedule.Skip, 0, []string{"12:00"}},
		{schedule.All, 3 * time.Hour, []string{"10:00", "11:00", "12:00"}},
	} {
		t.Run(fmt.Sprintf("policy %q", tt.misfire), func(t *testing.T) {
			h := newHost(t)
			s := daily("d")
			s.Schedule.Cycle = schedule.Hourly("00:00", "23:59", 1)
			s.Schedule.Misfire, s.Schedule.CatchUp = tt.misfire, tt.catchUp
			id := h.publish(s)
			h.clock.Set(shanghai(t, "2024-01-03 12:00:30"))
			h.until(shanghai(t, "2024-01-03 12:30:00"))
			var got []string
			for _, r := range h.runs(id) {
				got = append(got, r.Occurrence.At.Add(8*time.Hour).Format("15:04"))
				h.want("state", r.State, task.Succeeded)
			}
			slices.Reverse(got)
			h.want("runs", got, tt.want)
		})
	}
}

func TestNothingRunsAgainAfterTheClockJumpsBack(t *testing.T) {
	h := newHost(t)
	id := h.publish(daily("d"))
	h.until(shanghai(t, "2024-01-03 08:00:00"))
	h.clock.Set(shanghai(t, "2024-01-03 07:59:00"))
	h.until(shanghai(t, "2024-01-03 09:00:00"))
	h.want("runs", len(h.runs(id)), 1)
	h.counts(1, 1)
}

// The vectors of section 1.9 of the specification, by a test with push (P14) and by
// the scheduled run of a published version: the run is in the ledger with its
// state, and a skipped one sent nothing.
func TestSkipEmpty(t *testing.T) {
	type values []any
	table := func(names ...string) []render.Block { return render.Blocks(render.Table(names...)) }
	inputs := render.Blocks(render.Markdown("${date}"))
	for _, tt := range []struct {
		name   string
		always bool // Push Every Time
		blocks []render.Block
		a, b   values // of the two statements; nil is no rows
		fails  bool
		want   task.RunState
	}{
		{name: "P1 on, no rows", always: true, blocks: table("a"), want: task.Succeeded},
		{name: "P2 off, no rows", blocks: table("a"), want: task.Skipped},
		{name: "P3 off, one row", blocks: table("a"), a: values{int64(5)}, want: task.Succeeded},
		{name: "P4 off, both used, one has rows", blocks: table("a", "b"), a: values{int64(1)}, want: task.Succeeded},
		{name: "P5 off, only the empty one used", blocks: table("b"), a: values{int64(1)}, want: task.Skipped},
		{name: "P6 off, one null", blocks: table("a"), a: values{nil}, want: task.Skipped},
		{name: "P7 off, a zero", blocks: table("a"), a: values{int64(0)}, want: task.Succeeded},
		{name: "P8 off, nothing left by HAVING", blocks: table("a"), b: values{int64(1)}, want: task.Skipped},
		{name: "P9 off, an empty string", blocks: table("a"), a: values{""}, want: task.Skipped},
		{name: "P10 off, a null and a value", blocks: table("a"), a: values{nil, int64(1)}, want: task.Succeeded},
		{name: "P11 off, inputs only, rows", blocks: inputs, a: values{"x"}, want: task.Succeeded},
		{name: "P12 off, inputs only, no rows", blocks: inputs, want: task.Skipped},
		{name: "P13 off, used in the mail body only", blocks: render.Blocks(render.Markdown("hello"), render.Email("${a}")), b: values{int64(1)}, want: task.Skipped},
		{name: "P15 off, a query that fails", blocks: table("a"), fails: true, want: task.Failed},
		{name: "off, white space is not empty", blocks: table("a"), a: values{" "}, want: task.Succeeded},
		{name: "off, used in the title only", blocks: inputs, b: values{int64(1)}, want: task.Skipped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			s := daily("d")
			s.SkipEmpty = !tt.always
			s.SQL = "SELECT a FROM ta; SELECT b FROM tb"
			s.Content.Blocks = tt.blocks
			if strings.Contains(tt.name, "title") {
				s.Content.Title = "${a}"
			}
			column := func(name string, vs values) *source.Result {
				r := &source.Result{Columns: []source.Column{{Name: name}}}
				for _, v := range vs {
					r.Rows = append(r.Rows, []any{v})
				}
				return r
			}
			answer := func(a, b values, fails bool) {
				h.db.answer = func(_ context.Context, sql string) (*source.Result, error) {
					switch {
					case fails:
						return nil, errVendor
					case strings.Contains(sql, "ta"):
						return column("a", a), nil
					default:
						return column("b", b), nil
					}
				}
			}
			judge := func(what string, r task.Run) {
				t.Helper()
				h.want(what+" state", r.State, tt.want)
				sends := 0
				if tt.want == task.Succeeded {
					sends = 1
				}
				h.want(what+" sends", len(h.box.messages()), sends)
				h.want(what+" deliveries", len(h.deliveries(r.ID)), sends)
			}
			answer(tt.a, tt.b, tt.fails)
			id := h.create(s)
			r, err := h.Test(t.Context(), id, constant)
			if err != nil {
				t.Fatal(err)
			}
			judge("P14: the test's", *r)
			kept, err := h.Runs(t.Context(), task.RunFilter{Task: id, States: []task.RunState{tt.want}})
			if err != nil {
				t.Fatal(err)
			}
			h.want("tests in the ledger", len(kept), 1)

			answer(values{"x"}, values{"y"}, false) // the gate opens by a push
			h.republish(id)
			answer(tt.a, tt.b, tt.fails)
			h.until(shanghai(t, "2024-01-03 08:30:00"))
			runs := h.runs(id)
			h.want("scheduled runs in the ledger", len(runs), 1)
			judge("the scheduled run's", runs[0])
		})
	}
}

func TestRunDrainsAndLeavesNothingBehind(t *testing.T) {
	h := newHost(t)
	id := h.publish(daily("d"))
	entered, block := make(chan struct{}), make(chan struct{})
	h.db.answer = func(context.Context, string) (*source.Result, error) {
		close(entered)
		<-block
		return rows("x")(nil, "")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	for h.clock.Now().Before(shanghai(t, "2024-01-03 08:00:00")) {
		if err := h.clock.WaitSleepers(ctx, 1); err != nil {
			t.Fatal(err)
		}
		at, _ := h.clock.Next()
		h.clock.Set(at)
	}
	<-entered
	cancel()
	select {
	case <-done:
		t.Fatal("Run returned before its run had ended")
	default:
	}
	close(block)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	h.want("state", h.runs(id)[0].State, task.Succeeded)
	h.want("sleepers", h.clock.Sleepers(), 0)
}

func TestARunCutOffByTheDrainGoesOnElsewhere(t *testing.T) {
	h := newHost(t)
	id := h.publish(daily("d"))
	entered := make(chan struct{})
	h.db.answer = func(ctx context.Context, _ string) (*source.Result, error) {
		close(entered)
		<-ctx.Done()
		return nil, &source.Error{Op: "test", Kind: source.Canceled, Err: ctx.Err()}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	for h.clock.Now().Before(shanghai(t, "2024-01-03 08:00:00")) {
		if err := h.clock.WaitSleepers(ctx, 1); err != nil {
			t.Fatal(err)
		}
		at, _ := h.clock.Next()
		h.clock.Set(at)
	}
	<-entered
	cancel()
	if err := h.tick(func() error { return <-done }); err != nil {
		t.Fatal(err)
	}
	h.want("state", h.runs(id)[0].State, task.Waiting)
	h.db.answer = rows("x")
	h.until(h.clock.Now().Add(time.Minute))
	h.want("state", h.runs(id)[0].State, task.Succeeded)
}

func TestPublishingWakesTheLoopAtOnce(t *testing.T) {
	h := newHost(t)
	h.clock.Set(shanghai(t, "2024-01-03 07:59:59"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	if err := h.clock.WaitSleepers(ctx, 1); err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{})
	id := h.publish(daily("d"))
	h.box.answer = func(context.Context, channel.Destination, channel.Payload) (channel.Receipt, error) {
		close(arrived)
		return channel.Receipt{}, nil
	}
	// The loop's goroutine needs a moment of real time, none of the clock's.
	for begin := time.Now(); time.Since(begin) < 10*time.Second; runtime.Gosched() {
		if err := h.clock.WaitSleepers(ctx, 1); err != nil {
			t.Fatal(err)
		}
		if at, _ := h.clock.Next(); at.Equal(shanghai(t, "2024-01-03 08:00:00")) {
			h.clock.Set(at)
			<-arrived
			cancel()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			h.want("state", h.runs(id)[0].State, task.Succeeded)
			return
		}
	}
	t.Error("the loop sleeps past the new schedule")
}

func TestASlowSourceDelaysNoOtherTask(t *testing.T) {
	h := newHost(t)
	slow, fast := daily("slow"), daily("fast")
	slow.SQL = "SELECT a FROM slow WHERE ds = '${date}'"
	fast.Schedule.Cycle = schedule.Daily("08:30")
	h.publish(slow)
	idf := h.publish(fast)
	entered := make(chan struct{})
	h.db.answer = func(ctx context.Context, sql string) (*source.Result, error) {
		if strings.Contains(sql, "slow") {
			close(entered)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return rows("x")(ctx, sql)
	}
	arrived := make(chan struct{})
	h.box.answer = func(context.Context, channel.Destination, channel.Payload) (channel.Receipt, error) {
		close(arrived)
		return channel.Receipt{}, nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	// First only the loop sleeps, then the slow run's minder beside it.
	for _, phase := range []struct {
		until    string
		sleepers int
	}{{"2024-01-03 08:00:00", 1}, {"2024-01-03 08:30:00", 2}} {
		for h.clock.Now().Before(shanghai(t, phase.until)) {
			if err := h.clock.WaitSleepers(ctx, phase.sleepers); err != nil {
				t.Fatal(err)
			}
			at, _ := h.clock.Next()
			h.clock.Set(at)
		}
		if phase.sleepers == 1 {
			<-entered
		}
	}
	<-arrived
	cancel()
	if err := h.tick(func() error { return <-done }); err != nil {
		t.Fatal(err)
	}
	rs := h.runs(idf)
	h.want("the fast one ran on time", rs[0].StartedAt.Before(shanghai(t, "2024-01-03 08:30:05")), true)
}
