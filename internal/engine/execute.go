package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
)

// Why a run's context ended, beside its caller's.
var (
	errDeadline = errors.New("the run's deadline came")
	errLost     = errors.New("the lease was lost to another process")
	errGone     = errors.New("there is no such destination any more")
)

// RunOccurrence executes the run of an occurrence as far as it can go now. It
// may be called any number of times: a run that has ended is returned as it is,
// one that waits is returned with the time to call again.
func (e *Engine) RunOccurrence(ctx context.Context, occ task.Occurrence) (*task.Run, error) {
	defer e.sleep.wake()
	return e.do(ctx, job{task: occ.Task, run: occ.RunID()})
}

// job is a run that can go on.
type job struct {
	task, run string
	// plan and planned are there when the run was planned a moment ago, which
	// saves looking it up. Neither is changed.
	plan    *plan
	planned *task.Run
}

// do executes a run as far as it can go now. It leaves it to the caller to wake
// the sleepers of this process: what it parked, or what waited for it, may be
// due before they look again.
func (e *Engine) do(ctx context.Context, j job) (*task.Run, error) {
	if !e.enter(j.run) {
		return nil, task.ErrBusy
	}
	defer e.exit(j.run)
	r, pl := j.planned, j.plan
	if r == nil {
		stored, err := e.Store.Run(ctx, j.run)
		if err != nil {
			return nil, fmt.Errorf("datapush: run %s: %w", j.run, err)
		}
		r = &stored
		now := e.Clock.Now()
		if r.State.Ended() || r.State == task.Waiting && r.Resume.After(now) {
			return r, nil
		}
		over := !now.Before(r.Deadline)
		if over && !fromStart(r) {
			// All that is left is to end it, which needs neither plan nor place.
			return e.claim(ctx, r, nil, false)
		}
		if pl, err = e.pinned(ctx, r); err != nil {
			if over {
				return e.claim(ctx, r, nil, false)
			}
			return nil, err
		}
	}
	group := pl.spec.ResourceGroup
	if e.pools[group] == nil {
		group = "" // the host dropped the group after the version was submitted
	}
	p := e.pools[group]
	if !p.enter() {
		return e.park(ctx, r, fmt.Sprintf("a place in resource group %q", group), p.key, func() (bool, error) {
			return p.park(r.WaitFor == p.key), nil
		})
	}
	defer func() {
		if !p.leave() {
			return
		}
		if err := e.Store.Wake(context.WithoutCancel(ctx), p.key, e.Clock.Now(), 1); err != nil {
			e.Logger.ErrorContext(ctx, "waking waiting runs failed", "group", group, "error", err)
		}
	}()
	return e.claim(ctx, r, pl, j.planned != nil)
}

// claim leases a run, of which seen is what this process saw last, and executes
// it, or parks it behind the one in front. A fresh run was planned a moment ago.
func (e *Engine) claim(ctx context.Context, seen *task.Run, pl *plan, fresh bool) (*task.Run, error) {
	id := seen.Occurrence.Task
	behind := func(front string, free func() (bool, error)) (*task.Run, error) {
		return e.park(ctx, seen, "run "+front+" of the same task to end", task.TaskKey(id), free)
	}
	// When the clock jumps forward, a lease has expired before it could be renewed.
	// The store then lets another run of the task begin; this process knows better.
	if front := e.await(id); front != "" {
		return behind(front, func() (bool, error) { return e.await(id) != front, nil })
	}
	x := &execution{e: e, plan: pl, store: context.WithoutCancel(ctx)}
	err := x.claim(ctx, seen, fresh)
	var busy *task.BusyError
	switch {
	case err == nil:
		e.begin(id, seen.ID)
		defer e.end(x.store, id, seen.ID)
		return x.hold(ctx)
	case errors.As(err, &busy) && busy.Behind != "":
		return behind(busy.Behind, func() (bool, error) {
			front, err := e.Store.Run(ctx, busy.Behind)
			return err == nil && front.State.Ended(), err
		})
	case errors.Is(err, task.ErrEnded):
		return e.load(ctx, seen.ID)
	default:
		return nil, err
	}
}

// claim is the point from which nobody else changes the run. What was claimed
// must be released, also when ctx has ended.
func (x *execution) claim(ctx context.Context, seen *task.Run, fresh bool) (err error) {
	e := x.e
	// A deadline that counts from the start is set when the claim is there, and
	// not while the run may still wait for others.
	if s, ok := e.Store.(task.Starter); ok && fresh && !fromStart(seen) {
		x.run = *seen
		x.start()
		x.run.State = task.Running
		x.lease, err = s.Start(ctx, x.run, e.owner, e.Clock.Now(), leaseTTL)
		if x.started = err == nil; !errors.Is(err, task.ErrConflict) {
			return err
		}
	}
	if x.lease, err = e.Store.Claim(ctx, seen.ID, e.owner, e.Clock.Now(), leaseTTL); err != nil {
		return err
	}
	if x.run, err = e.Store.Run(x.store, seen.ID); err != nil {
		return err
	}
	if x.plan != nil && x.run.Version != seen.Version {
		// It had been planned before, with another version.
		if x.plan, err = e.pinned(x.store, &x.run); err != nil {
			return err
		}
	}
	x.start()
	return nil
}

// start sets when the run began, once.
func (x *execution) start() {
	r := &x.run
	if x.plan == nil || !r.StartedAt.IsZero() {
		return
	}
	now := x.e.Clock.Now()
	if fromStart(r) {
		r.Deadline = now.Add(timeout(x.plan.spec))
	}
	r.StartedAt = now
}

// fromStart reports whether a run's deadline counts from its start, and has
// therefore not begun: it was asked for by hand or catches up.
func fromStart(r *task.Run) bool {
	return r.StartedAt.IsZero() && (r.Trigger != task.Scheduled || r.PlannedAt.Sub(r.Occurrence.At) > late)
}

func (e *Engine) enter(run string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.here[run] {
		return false
	}
	e.here[run] = true
	return true
}

func (e *Engine) exit(run string) {
	e.mu.Lock()
	delete(e.here, run)
	e.mu.Unlock()
}

// await is the run of a task that this process has claimed, which then knows that
// another waits for it; empty when there is none.
func (e *Engine) await(id string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.tasks[id]
	if t == nil {
		return ""
	}
	t.awaited = true
	return t.run
}

// begin notes that a run was claimed. The one before may have been released a
// moment ago and still be noted.
func (e *Engine) begin(id, run string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.tasks[id]
	e.tasks[id] = &inHand{run: run, awaited: before != nil && before.awaited}
}

// end notes that a claimed run is out of hand, which those who wait for it could
// not see in the store.
func (e *Engine) end(ctx context.Context, id, run string) {
	e.mu.Lock()
	t := e.tasks[id]
	own := t != nil && t.run == run
	if own {
		delete(e.tasks, id)
	}
	e.mu.Unlock()
	if !own || !t.awaited {
		return
	}
	if err := e.Store.Wake(ctx, task.TaskKey(id), e.Clock.Now(), 1); err != nil {
		e.Logger.ErrorContext(ctx, "waking waiting runs failed", "task", id, "error", err)
	}
}

func (e *Engine) load(ctx context.Context, id string) (*task.Run, error) {
	r, err := e.Store.Run(ctx, id)
	return &r, err
}

// park makes a run wait that was not claimed. free tells whether what it waits
// for came to pass before it was parked, when nobody could wake it.
func (e *Engine) park(ctx context.Context, r *task.Run, what, key string, free func() (bool, error)) (*task.Run, error) {
	now := e.Clock.Now()
	// Whoever waits long looks again less often, or a long line would keep the
	// store busy; what it waits for wakes it anyway.
	resume := now.Add(min(max(lookAgain, now.Sub(r.PlannedAt)/4), pollEvery))
	if r.Deadline.After(now) && r.Deadline.Before(resume) {
		resume = r.Deadline
	}
	if err := e.Store.Park(ctx, r.ID, what, key, now, resume); err != nil {
		return nil, err
	}
	ok, err := free()
	if err != nil && !errors.Is(err, task.ErrNotFound) {
		return nil, err
	}
	if ok {
		if err := e.Store.Wake(ctx, key, now, 1); err != nil {
			return nil, err
		}
	}
	return e.load(ctx, r.ID)
}

// pinned is the version, or the draft, that the run was planned with.
func (e *Engine) pinned(ctx context.Context, r *task.Run) (*plan, error) {
	if r.Version == 0 && r.Draft != nil {
		return e.compile(r.Draft)
	}
	return e.planOf(ctx, r.Occurrence.Task, r.Version)
}

// hold executes a run under its lease, beside a goroutine that renews the lease
// and minds the deadline, and stores what became of it. Without a plan the run
// ends as timed out.
func (x *execution) hold(ctx context.Context) (*task.Run, error) {
	e, lease, deadline := x.e, x.lease, x.run.Deadline
	work, cancel := context.WithCancelCause(ctx)
	var minder sync.WaitGroup
	minder.Go(func() { e.mind(work, cancel, lease, deadline) })
	err := x.execute(work)
	cancel(nil)
	minder.Wait()

	switch {
	case errors.Is(err, errLost) || errors.Is(err, task.ErrConflict):
		return nil, fmt.Errorf("datapush: run %s: %w", lease.Run, task.ErrBusy)
	case err != nil:
		// Store trouble: the lease expires and the run is resumed.
		return nil, fmt.Errorf("datapush: run %s: %w", lease.Run, err)
	}
	if e.Logger.Enabled(ctx, slog.LevelInfo) {
		e.Logger.LogAttrs(ctx, slog.LevelInfo, "run", slog.String("run", lease.Run), slog.String("task", x.run.Occurrence.Task), slog.String("state", string(x.run.State)))
	}
	return &x.run, nil
}

// mind renews the lease and ends the run at its deadline. A lease that cannot be
// renewed ends the work too once it has expired: another process may have it.
func (e *Engine) mind(ctx context.Context, cancel context.CancelCauseFunc, lease task.Lease, deadline time.Time) {
	expires := e.Clock.Now().Add(leaseTTL) // by this process's clock
	for {
		now := e.Clock.Now()
		left := deadline.Sub(now)
		if left <= 0 {
			cancel(errDeadline)
			return
		}
		if e.Clock.Sleep(ctx, min(left, leaseTTL/3)) != nil {
			return
		}
		if now = e.Clock.Now(); !now.Before(deadline) {
			cancel(errDeadline)
			return
		}
		l, err := e.Store.Renew(ctx, lease, now, leaseTTL)
		switch {
		case err == nil:
			lease, expires = l, now.Add(leaseTTL)
		case errors.Is(err, task.ErrConflict) || !now.Before(expires):
			cancel(errLost)
			return
		case ctx.Err() == nil:
			e.Logger.WarnContext(ctx, "renewing a lease failed", "run", lease.Run, "error", err)
		}
	}
}

// execution is one goroutine's work on a claimed run.
type execution struct {
	e     *Engine
	lease task.Lease
	run   task.Run
	plan  *plan
	// store is the context for what must be written even when the run's own
	// context has ended.
	store context.Context
	// started is true when the claim has stored that the run is running.
	started bool
	// sole is true while only one delivery goes on, which is then stored with
	// the run.
	sole bool
	// unsaved are the deliveries of a run that is rendered, until they are
	// stored.
	unsaved []task.Delivery
}

// execute does both stages and releases the lease. An error is store trouble or
// a lost lease; whatever else happens is in the run.
func (x *execution) execute(ctx context.Context) error {
	e, r := x.e, &x.run
	r.Waiting, r.WaitFor = "", ""
	if x.plan == nil || !e.Clock.Now().Before(r.Deadline) {
		return x.timedOut(nil)
	}
	waited := r.State == task.Waiting
	r.State = task.Running
	if r.DryRun {
		return x.finish(task.Succeeded)
	}
	if !r.Rendered {
		if !x.started {
			if err := e.Store.SaveRun(x.store, x.lease, *r); err != nil {
				return err
			}
		}
		ended, ds, err := x.prepare(ctx)
		if err != nil {
			return x.interrupted(ctx, err)
		}
		if ended != "" {
			return x.finish(ended)
		}
		r.Rendered = true
		x.unsaved = ds
		return x.send(ctx, ds)
	}
	ds, err := e.Store.Deliveries(x.store, r.ID)
	if err != nil {
		return err
	}
	if waited { // or it would be shown as waiting while it sends
		if err := e.Store.SaveRun(x.store, x.lease, *r); err != nil {
			return err
		}
	}
	return x.send(ctx, ds)
}

// storeTrouble is an error of the store in the first stage, which is no failure
// of the run: it is tried again.
type storeTrouble struct{ error }

// interrupted tells apart why the first stage did not end: a failure, the
// deadline, a lost lease, the caller's context or the store.
func (x *execution) interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, errDeadline):
			return x.timedOut(nil)
		case errors.Is(cause, errLost):
			return errLost
		default:
			return x.wait(x.e.Clock.Now(), "the process was stopped")
		}
	}
	var trouble storeTrouble
	if errors.As(err, &trouble) {
		return trouble.error
	}
	x.run.Error = err.Error()
	return x.finish(task.Failed)
}

// finish ends the run.
func (x *execution) finish(s task.RunState, ds ...task.Delivery) error {
	now := x.e.Clock.Now()
	x.run.State, x.run.EndedAt = s, now
	x.run.Resume, x.run.Waiting, x.run.WaitFor = time.Time{}, "", ""
	return x.e.Store.Release(x.store, x.lease, now, x.run, ds...)
}

// wait parks the run until a time.
func (x *execution) wait(until time.Time, what string, ds ...task.Delivery) error {
	x.run.State, x.run.Resume, x.run.Waiting = task.Waiting, until, what
	return x.e.Store.Release(x.store, x.lease, x.e.Clock.Now(), x.run, ds...)
}

// timedOut ends a run whose deadline came; nil deliveries are those in the
// store. Receipts stay.
func (x *execution) timedOut(ds []task.Delivery) error {
	if ds == nil {
		var err error
		if ds, err = x.e.Store.Deliveries(x.store, x.run.ID); err != nil {
			return err
		}
	}
	for i := range ds {
		if !ds[i].State.Ended() {
			ds[i].State = task.Expired
			if ds[i].Error == "" {
				ds[i].Error = "the deadline came before it was sent"
			}
			ds[i].Resume, ds[i].Waiting = time.Time{}, ""
		}
	}
	x.run.Error = "the deadline " + x.run.Deadline.UTC().Format(time.RFC3339) + " came first"
	return x.finish(task.TimedOut, ds...)
}

// prepare is the first stage: query, render, encode. It returns the state with
// which the run ends right away, or the deliveries to send.
func (x *execution) prepare(ctx context.Context) (task.RunState, []task.Delivery, error) {
	e, r := x.e, &x.run
	results, warnings, err := e.query(ctx, x.plan, r.Environment, r.Params)
	r.Warnings = warnings
	if err != nil {
		return "", nil, err
	}
	r.Rows = 0
	for _, res := range results {
		r.Rows += len(res.Rows)
	}
	outputs, err := outputsOf(x.plan, results)
	if err != nil {
		return "", nil, err
	}
	r.Outputs = outputs
	if x.plan.spec.SkipEmpty && emptyContent(x.plan.spec.Content, r.Params, results) {
		return task.Skipped, nil, nil
	}
	msg, err := e.render(ctx, x.plan.spec.Content, render.Data{
		ID: r.ID, At: r.Occurrence.At.In(x.plan.table.Location()), Inputs: r.Params, Results: results,
	})
	if err != nil {
		return "", nil, err
	}
	r.Warnings = append(r.Warnings, msg.Warnings...)

	ds := make([]task.Delivery, 0, len(x.plan.spec.Destinations))
	for _, name := range x.plan.spec.Destinations {
		d, err := x.encode(ctx, msg, name)
		if err != nil {
			return "", nil, err
		}
		ds = append(ds, d)
	}
	if r.Push {
		return "", ds, nil
	}
	// A test without a push ends here; what was encoded tells whether it could
	// have been sent.
	var failed []string
	for _, d := range ds {
		r.Warnings = append(r.Warnings, d.Warnings...)
		if d.State == task.Undelivered {
			failed = append(failed, fmt.Sprintf("destination %q: %s", d.Destination, d.Error))
		}
	}
	if failed != nil {
		r.Error = strings.Join(failed, "; ")
		return task.Failed, nil, nil
	}
	return task.Succeeded, nil, nil
}

// encode makes one destination's delivery. What goes wrong is in the delivery:
// it must not stop the others. The error is store trouble or an ended context.
func (x *execution) encode(ctx context.Context, msg *channel.Message, name string) (task.Delivery, error) {
	e := x.e
	d := task.Delivery{Run: x.run.ID, Destination: name, State: task.Pending}
	var to channel.Destination
	fail := func(err error) (task.Delivery, error) {
		if ctx.Err() != nil {
			return d, ctx.Err()
		}
		d.State, d.Error = task.Undelivered, mask(err.Error(), to)
		var ce *channel.Error
		if errors.As(err, &ce) {
			d.Code = ce.Code
		}
		return d, nil
	}
	var err error
	to, err = e.Store.Destination(ctx, name)
	if errors.Is(err, task.ErrNotFound) {
		return fail(errGone)
	}
	if err != nil {
		return d, storeTrouble{err}
	}
	d.Kind = to.Kind
	ch := e.Channels[to.Kind]
	if ch == nil {
		return fail(fmt.Errorf("no channel serves kind %q", to.Kind))
	}
	var payloads []channel.Payload
	err = guard("the channel", func() (err error) {
		m := msg
		if p, ok := channel.As[channel.Preparer](ch); ok {
			if m, err = p.Prepare(ctx, msg, to); err != nil {
				return err
			}
		}
		payloads, err = ch.Encode(m, to)
		return err
	})
	if err == nil && len(payloads) == 0 {
		err = channel.ErrNoContent
	}
	if err != nil {
		return fail(err)
	}
	if limit := ch.Limits(to).Bytes; limit > 0 {
		for _, p := range payloads {
			if p.Size > limit {
				return fail(fmt.Errorf("a payload measures %d; the vendor takes %d", p.Size, limit))
			}
		}
	}
	d.Parts = make([]task.Part, len(payloads))
	for i, p := range payloads {
		if p.Part == 0 {
			p.Part = i + 1
		}
		if p.Parts == 0 {
			p.Parts = len(payloads)
		}
		d.Parts[i] = task.Part{
			Number: p.Part, Of: p.Parts, Type: p.Type, Size: p.Size, Body: p.Body,
			Key: partKey(x.run.ID, name, i+1),
		}
		for _, w := range p.Warnings {
			if !slices.Contains(d.Warnings, w) {
				d.Warnings = append(d.Warnings, w)
			}
		}
	}
	return d, nil
}

// query runs the script's statements in order on one connection; the first
// failure ends it.
func (e *Engine) query(ctx context.Context, p *plan, environment string, params task.Params) ([]*source.Result, []channel.Warning, error) {
	var results []*source.Result
	var warnings []channel.Warning
	err := guard("the source", func() error {
		src, err := e.source(p.spec.Source, environment)
		if err != nil {
			return err
		}
		script, err := p.parse(src.Dialect())
		if err != nil {
			return err
		}
		if o, ok := source.As[source.Sessioner](src); ok {
			session, err := o.Session(ctx)
			if err != nil {
				return err
			}
			defer func() {
				if err := session.Close(); err != nil {
					e.Logger.WarnContext(ctx, "closing a session failed", "source", p.spec.Source, "error", err)
				}
			}()
			src = session
		}
		for i, st := range script.Statements {
			res, notes, err := source.Collect(ctx, src, st, params, source.CollectOptions{})
			if err != nil {
				return statementError(i+1, err)
			}
			for _, n := range notes {
				warnings = append(warnings, channel.Warning{Code: channel.WarnData, Text: n})
			}
			results = append(results, res)
		}
		return nil
	})
	if err != nil {
		return nil, warnings, err
	}
	return results, warnings, nil
}

// statementError says which statement failed, unless the source said so.
func statementError(n int, err error) error {
	var se *source.Error
	if errors.As(err, &se) && se.Statement > 0 {
		return err
	}
	return fmt.Errorf("statement %d: %w", n, err)
}

// render makes the message, the same for all destinations.
func (e *Engine) render(ctx context.Context, c render.Content, d render.Data) (*channel.Message, error) {
	var msg *channel.Message
	err := guard("the renderer", func() (err error) {
		msg, err = e.Renderer.Render(ctx, c, d)
		if err == nil && msg == nil {
			err = errors.New("the renderer returned no message")
		}
		return err
	})
	return msg, err
}

// outputsOf lists the result columns and checks them against what the spec
// declares. No two may have one name, and none the name of a parameter.
func outputsOf(p *plan, results []*source.Result) ([]string, error) {
	statements := make([][]string, len(results))
	for i, res := range results {
		names := make([]string, len(res.Columns))
		for j, c := range res.Columns {
			names[j] = c.Name
		}
		statements[i] = names
	}
	inputs := make([]string, len(p.params))
	for i := range p.params {
		inputs[i] = p.params[i].name
	}
	names, err := source.MergeOutputs(statements, inputs)
	errs := []error{err}
	for i, want := range p.spec.Outputs {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, want) }) {
			errs = append(errs, fmt.Errorf("outputs[%d]: no statement returns a column %q; there are: %s", i, want, strings.Join(names, ", ")))
		}
	}
	return names, errors.Join(errs...)
}
