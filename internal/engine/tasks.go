package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/version"
)

// retries bounds how often a compare-and-set against a busy store is tried.
const retries = 20

// Create makes a task with a draft. The draft is kept and its ID returned even
// when the error is task.Findings.
func (e *Engine) Create(ctx context.Context, actor string, s task.Spec) (string, error) {
	id, err := e.newID("t")
	if err != nil {
		return "", err
	}
	found, err := e.check(ctx, id, s)
	if err != nil {
		return "", fmt.Errorf("datapush: create: %w", err)
	}
	now := e.Clock.Now()
	t := task.Task{ID: id, Draft: s, CreatedBy: actor, CreatedAt: now, SavedBy: actor, SavedAt: now, Revision: 1}
	if err := e.Store.CreateTask(ctx, t); err != nil {
		return "", fmt.Errorf("datapush: create: %w", err)
	}
	if found != nil {
		return id, found
	}
	return id, nil
}

// Save replaces a task's draft. The draft is kept even when the error is
// task.Findings.
func (e *Engine) Save(ctx context.Context, actor, id string, s task.Spec) error {
	found, err := e.check(ctx, id, s)
	if err != nil {
		return fmt.Errorf("datapush: save task %s: %w", id, err)
	}
	err = e.change(ctx, id, func(t *task.Task) bool {
		t.Draft, t.SavedBy, t.SavedAt = s, actor, e.Clock.Now()
		return true
	})
	if err != nil {
		return fmt.Errorf("datapush: save task %s: %w", id, err)
	}
	if found != nil {
		return found
	}
	return nil
}

// change applies f to the newest task until nobody else was faster. f returns
// false to leave the task as it is.
func (e *Engine) change(ctx context.Context, id string, f func(*task.Task) bool) error {
	for i := 0; ; i++ {
		t, err := e.Store.Task(ctx, id)
		if err != nil {
			return err
		}
		if !f(&t) {
			return nil
		}
		err = e.Store.SaveTask(ctx, t)
		if !errors.Is(err, task.ErrConflict) || i >= retries {
			return err
		}
	}
}

// Test runs a task at once and waits until its run has ended, or ctx has.
func (e *Engine) Test(ctx context.Context, actor, id string, o task.TestOptions) (*task.Run, error) {
	r, err := e.testRun(ctx, actor, id, o)
	if err != nil {
		return nil, fmt.Errorf("datapush: test task %s: %w", id, err)
	}
	if err := e.Store.AddRun(ctx, r); err != nil {
		return nil, fmt.Errorf("datapush: test task %s: %w", id, err)
	}
	done, err := e.see(ctx, r.Occurrence)
	if err != nil {
		return done, err
	}
	if o.Push && o.Version == 0 && (done.State == task.Succeeded || done.State == task.Skipped) {
		if err := e.pass(ctx, *done, actor); err != nil {
			return done, fmt.Errorf("datapush: test task %s: %w", id, err)
		}
	}
	return done, nil
}

// see executes a run until it has ended, sleeping between attempts.
func (e *Engine) see(ctx context.Context, occ task.Occurrence) (*task.Run, error) {
	defer e.sleep.wake()
	for {
		sleep, done := e.sleep.context(ctx)
		r, err := e.do(ctx, job{task: occ.Task, run: occ.RunID()})
		if err != nil && !errors.Is(err, task.ErrBusy) {
			done()
			return r, err
		}
		if err == nil && r.State.Ended() {
			done()
			return r, nil
		}
		wait := lookAgain
		if err == nil {
			wait = r.Resume.Sub(e.Clock.Now())
		}
		if ctx.Err() == nil {
			_ = e.Clock.Sleep(sleep, wait)
		}
		done()
		if err := ctx.Err(); err != nil {
			// What is left is parked and resumed like any run.
			return r, fmt.Errorf("datapush: run %s goes on later: %w", occ.RunID(), err)
		}
	}
}

// testRun makes the run of a test; mistakes are task.Findings.
func (e *Engine) testRun(ctx context.Context, actor, id string, o task.TestOptions) (task.Run, error) {
	spec, err := e.specFor(ctx, id, o.Version)
	if err != nil {
		return task.Run{}, err
	}
	found, err := e.check(ctx, id, spec)
	if err != nil {
		return task.Run{}, err
	}
	environment, err := env(o.Environment, spec.Environment)
	if err != nil {
		found = append(found, task.Finding{Path: "environment", Text: err.Error()})
	} else if o.Environment != "" {
		if _, err := e.source(spec.Source, environment); err != nil {
			found = append(found, task.Finding{Path: "environment", Text: err.Error()})
		}
	}
	params, wrong := e.constants(spec, o.Params, o.At, false)
	if found = append(found, wrong...); found != nil {
		return task.Run{}, found
	}
	run, err := e.newID("r")
	if err != nil {
		return task.Run{}, err
	}
	now := e.Clock.Now()
	at := o.At
	if at.IsZero() {
		at = now
	}
	r := task.Run{
		ID:          run,
		Occurrence:  task.NewOccurrence(id, at, run),
		Trigger:     task.Tested,
		Version:     o.Version,
		Environment: environment,
		Params:      params,
		Push:        o.Push,
		Actor:       actor,
		State:       task.Planned,
		Resume:      now,
		Deadline:    now.Add(timeout(&spec)),
		PlannedAt:   now,
	}
	if o.Version == 0 {
		r.Draft = &spec
	}
	return r, nil
}

// specFor is a version's spec, or the draft for 0.
func (e *Engine) specFor(ctx context.Context, id string, number int) (task.Spec, error) {
	if number == 0 {
		t, err := e.Store.Task(ctx, id)
		return t.Draft, err
	}
	v, err := e.Store.Version(ctx, id, number)
	return v.Spec, err
}

// constants are a test's parameter values. A parameter whose value is an
// expression needs a constant, unless a time is given or now may stand in.
func (e *Engine) constants(s task.Spec, given task.Params, at time.Time, evaluate bool) (task.Params, task.Findings) {
	var found task.Findings
	m := make(task.Params, len(s.Params))
	zone := time.UTC
	if t, err := s.Schedule.Compile(); err == nil {
		zone = t.Location()
	}
	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		if v, ok := given[name]; ok {
			m[name] = v
			continue
		}
		x, err := e.parseExpr(s.Params[name])
		if err != nil {
			continue // check has reported it
		}
		if v, ok := x.Constant(); ok {
			m[name] = v
		} else if !at.IsZero() || evaluate {
			m[name] = string(x.Append(nil, at.In(zone)))
		} else {
			found = append(found, task.Finding{Path: "params." + name, Text: fmt.Sprintf(
				"its value %s is an expression; give the test a constant for %q, or a time to evaluate it at", s.Params[name], name)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := s.Params[name]; !ok && name != nextToken {
			found = append(found, task.Finding{Path: "params." + name, Text: fmt.Sprintf("the task has no parameter %q", name)})
		} else if !ok {
			m[name] = given[name]
		}
	}
	return m, found
}

// pass opens the gate to Submit, if the draft is still what was tested.
func (e *Engine) pass(ctx context.Context, r task.Run, actor string) error {
	hash := r.Draft.TestHash()
	return e.change(ctx, r.Occurrence.Task, func(t *task.Task) bool {
		if t.Draft.TestHash() != hash {
			return false
		}
		t.Pass = &task.Pass{Hash: hash, Run: r.ID, By: actor, At: r.EndedAt, Outputs: r.Outputs}
		return true
	})
}

// Submit makes a version of the draft, whose test must have passed.
func (e *Engine) Submit(ctx context.Context, actor, id string) (task.Version, error) {
	fail := func(err error) (task.Version, error) {
		return task.Version{}, fmt.Errorf("datapush: submit task %s: %w", id, err)
	}
	t, err := e.Store.Task(ctx, id)
	if err != nil {
		return fail(err)
	}
	found, err := e.check(ctx, id, t.Draft)
	if err != nil {
		return fail(err)
	}
	if found != nil {
		return fail(found)
	}
	if t.Pass == nil {
		return fail(fmt.Errorf("%w: test the draft with Push on first", task.ErrNotTested))
	}
	if t.Pass.Hash != t.Draft.TestHash() {
		return fail(fmt.Errorf("%w: the draft was changed after run %s; test it with Push on again", task.ErrNotTested, t.Pass.Run))
	}
	// A test that was skipped as empty rendered nothing, so that names it did
	// not reach are looked up now.
	if found := e.checkContent(t.Draft, t.Pass.Outputs); found != nil {
		return fail(found)
	}
	v, err := e.Store.AddVersion(ctx, task.Version{
		Task:        id,
		Status:      version.CanBePublished,
		Spec:        t.Draft,
		Warnings:    e.lint(ctx, t),
		SubmittedBy: actor,
		SubmittedAt: e.Clock.Now(),
	})
	if err != nil {
		return fail(err)
	}
	e.sleep.wake()
	return v, nil
}

// lint is what a version's owner should know: traps in the parameters and what
// the passing test warned about.
func (e *Engine) lint(ctx context.Context, t task.Task) []channel.Warning {
	var ws []channel.Warning
	for _, f := range t.Draft.Schedule.Lint(t.Draft.Params) {
		ws = append(ws, channel.Warning{Code: channel.WarnData, Text: f.String()})
	}
	if t.Draft.Outputs == nil {
		if src, err := e.source(t.Draft.Source, t.Draft.Env()); err == nil {
			if script, err := source.Parse(t.Draft.SQL, src.Dialect()); err == nil {
				_, unsure := textOutputs(script, src.Dialect())
				for _, text := range unsure {
					ws = append(ws, channel.Warning{Code: channel.WarnData, Text: text})
				}
			}
		}
	}
	if r, err := e.Store.Run(ctx, t.Pass.Run); err == nil {
		ws = append(ws, r.Warnings...)
	}
	if ds, err := e.Store.Deliveries(ctx, t.Pass.Run); err == nil {
		for _, d := range ds {
			for _, w := range d.Warnings {
				w.Text = fmt.Sprintf("destination %q: %s", d.Destination, w.Text)
				ws = append(ws, w)
			}
		}
	}
	return ws
}

// Publish activates a version's schedule at once and takes the version that was
// published before off-line, in one transaction.
func (e *Engine) Publish(ctx context.Context, actor, id string, number int) error {
	fail := func(err error) error {
		return fmt.Errorf("datapush: publish version %d of task %s: %w", number, id, err)
	}
	v, err := e.Store.Version(ctx, id, number)
	if err != nil {
		return fail(err)
	}
	if !v.Status.Allows(version.Publish) {
		return fail(fmt.Errorf("%w: it is %s; roll back to it, test and submit again", task.ErrNotAllowed, v.Status))
	}
	found, err := e.check(ctx, id, v.Spec)
	if err != nil {
		return fail(err)
	}
	if found != nil {
		return fail(found)
	}
	p, err := e.compile(&v.Spec)
	if err != nil {
		return fail(err)
	}
	for i := 0; ; i++ {
		now := e.Clock.Now()
		old, from, err := e.Store.Next(ctx, id)
		if err != nil {
			return fail(err)
		}
		if !from.IsZero() && !from.After(now) {
			// An occurrence of the old version is due and must not be lost.
			_, _, _, err := e.planTask(ctx, task.Due{Task: id, From: from, Version: old}, now)
			if err != nil && !errors.Is(err, task.ErrConflict) {
				return fail(err)
			}
			if i >= retries {
				return fail(fmt.Errorf("%w: occurrences of the old version keep coming due", task.ErrConflict))
			}
			continue
		}
		next, _ := p.table.Next(now)
		err = e.Store.Publish(ctx, task.Publication{Task: id, Number: number, Deployer: actor, At: now, From: from, Next: next})
		if errors.Is(err, task.ErrConflict) && i < retries {
			continue
		}
		if err != nil {
			return fail(err)
		}
		e.plans.put(planKey{id, number}, p)
		e.sleep.wake()
		return nil
	}
}

// Unpublish stops the schedule. Runs that are planned already go on.
func (e *Engine) Unpublish(ctx context.Context, id string) error {
	if err := e.Store.Unpublish(ctx, id); err != nil {
		return fmt.Errorf("datapush: unpublish task %s: %w", id, err)
	}
	e.sleep.wake()
	return nil
}

// Abandon gives up a version that was never published.
func (e *Engine) Abandon(ctx context.Context, id string, number int) error {
	if err := e.Store.Abandon(ctx, id, number); err != nil {
		return fmt.Errorf("datapush: abandon version %d of task %s: %w", number, id, err)
	}
	return nil
}

// Rollback copies a version's configuration into the draft.
func (e *Engine) Rollback(ctx context.Context, actor, id string, number int) error {
	fail := func(err error) error {
		return fmt.Errorf("datapush: roll task %s back to version %d: %w", id, number, err)
	}
	v, err := e.Store.Version(ctx, id, number)
	if err != nil {
		return fail(err)
	}
	if !v.Status.Allows(version.Rollback) {
		return fail(fmt.Errorf("%w: it is %s", task.ErrNotAllowed, v.Status))
	}
	err = e.change(ctx, id, func(t *task.Task) bool {
		t.Draft, t.Pass, t.SavedBy, t.SavedAt = v.Spec, nil, actor, e.Clock.Now()
		return true
	})
	if err != nil {
		return fail(err)
	}
	return nil
}
