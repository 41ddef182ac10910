package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
)

// planLimit is how many tasks and runs one look at the store returns.
const planLimit = 1024

// plan is a version made ready: what each occurrence needs, computed once.
type plan struct {
	spec   *task.Spec // shared with the store, perhaps: never changed
	table  *schedule.Timetable
	params []param

	mu      sync.Mutex
	script  *source.Script
	dialect source.Dialect
}

// param is one parameter of a spec, parsed.
type param struct {
	name string
	expr schedule.Expr
}

// parse reads the SQL once for the dialect that the source really has.
func (p *plan) parse(d source.Dialect) (*source.Script, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.script != nil && p.dialect == d {
		return p.script, nil
	}
	script, err := source.Parse(p.spec.SQL, d)
	if err != nil {
		return nil, err
	}
	p.script, p.dialect = script, d
	return script, nil
}

// cache keeps what was used lately, in two generations: when the young one is
// full, the old one is dropped. What it keeps never changes, so that no entry is
// ever stale.
type cache[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]V
}

// generation is how many entries one generation of a cache has.
const generation = 2048

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.young[k]
	if !ok {
		if v, ok = c.old[k]; ok {
			c.add(k, v)
		}
	}
	return v, ok
}

func (c *cache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(k, v)
}

func (c *cache[K, V]) add(k K, v V) {
	if len(c.young) >= generation || c.young == nil {
		c.young, c.old = make(map[K]V, len(c.young)), c.young
	}
	c.young[k] = v
}

type planKey struct {
	task   string
	number int
}

// exprKey names an expression. An Expr remembers the offset of the zone it met
// last, so that zones do not share one.
type exprKey struct{ zone, text string }

func (e *Engine) planOf(ctx context.Context, id string, number int) (*plan, error) {
	k := planKey{id, number}
	if p, ok := e.plans.get(k); ok {
		return p, nil
	}
	spec, err := e.versionSpec(ctx, id, number)
	if err != nil {
		return nil, err
	}
	p, err := e.compile(spec)
	if err != nil {
		return nil, fmt.Errorf("version %d of task %s: %w", number, id, err)
	}
	e.plans.put(k, p)
	return p, nil
}

// versionSpec is the spec of a version, which nobody may change.
func (e *Engine) versionSpec(ctx context.Context, id string, number int) (*task.Spec, error) {
	if s, ok := e.Store.(task.SpecSharer); ok {
		return s.SharedSpec(ctx, id, number)
	}
	v, err := e.Store.Version(ctx, id, number)
	return &v.Spec, err
}

// compile makes a spec ready. Many tasks have the same schedule and the same
// expressions, which are then made once.
func (e *Engine) compile(s *task.Spec) (*plan, error) {
	p := &plan{spec: s}
	var ok bool
	var err error
	if p.table, ok = e.tables.get(s.Schedule); !ok {
		if p.table, err = s.Schedule.Compile(); err != nil {
			return nil, err
		}
		e.tables.put(s.Schedule, p.table)
	}
	if len(s.Params) > 0 {
		p.params = make([]param, 0, len(s.Params))
	}
	for name, text := range s.Params {
		key := exprKey{s.Schedule.TimeZone, text}
		x, ok := e.exprs.get(key)
		if !ok {
			if x, err = e.parseExpr(text); err != nil {
				return nil, fmt.Errorf("params.%s: %w", name, err)
			}
			e.exprs.put(key, x)
		}
		p.params = append(p.params, param{name, x})
	}
	return p, nil
}

// values evaluates a task's parameters at a scheduled time.
func (p *plan) values(at time.Time) task.Params {
	at = at.In(p.table.Location())
	m := make(task.Params, len(p.params))
	var room [64]byte
	for i := range p.params {
		x := &p.params[i]
		m[x.name] = string(x.expr.Append(room[:0], at))
	}
	return m
}

// Plan stores the runs of all tasks that are due and returns the occurrences
// that can go on now, and when to look again (zero: nothing is planned). An
// error comes with what could be planned all the same.
func (e *Engine) Plan(ctx context.Context) ([]task.Occurrence, time.Time, error) {
	all, next, err := e.planAll(ctx)
	var occs []task.Occurrence
	for i := range all {
		occs = append(occs, all[i].occ)
	}
	return occs, next, err
}

// planAll plans until there is no more that is due.
func (e *Engine) planAll(ctx context.Context) (all []due, next time.Time, err error) {
	seen := make(map[string]bool)
	for {
		b, err := e.planBatch(ctx, planLimit, len(all))
		fresh := false
		for _, d := range b.due {
			if !seen[d.run] {
				seen[d.run], fresh = true, true
				all = append(all, d)
			}
		}
		if err != nil || !b.more || !fresh && b.planned == 0 {
			return all, b.next, err
		}
	}
}

// batch is what one look at the store brought.
type batch struct {
	due     []due     // can go on now
	planned int       // tasks whose runs were stored
	next    time.Time // when there is something beyond due
	more    bool      // there may be more due than was returned
}

// due is a job and its occurrence.
type due struct {
	job
	occ task.Occurrence
}

// planBatch looks at the store for up to limit tasks and runs and stores the
// runs of the tasks. Known are how many runs the caller has taken up that are
// still due in the store and may hide others. One task's trouble keeps no other
// from being planned; the error then comes with the rest.
func (e *Engine) planBatch(ctx context.Context, limit, known int) (batch, error) {
	now := e.Clock.Now()
	found, next, err := e.Store.Due(ctx, now, limit)
	if known > 0 && err == nil && len(found) >= limit && found[len(found)-1].Run != "" {
		limit += known
		found, next, err = e.Store.Due(ctx, now, limit)
	}
	if err != nil {
		return batch{}, err
	}
	b := batch{next: next, more: len(found) >= limit, due: make([]due, 0, len(found))}
	var trouble error
	for _, d := range found {
		if d.Run != "" {
			b.due = append(b.due, due{job{task: d.Task, run: d.Run}, d.Occurrence})
			continue
		}
		p, runs, next, err := e.planTask(ctx, d, now)
		switch {
		case err == nil:
			b.planned++
			for i := range runs {
				b.due = append(b.due, due{job{task: d.Task, run: runs[i].ID, plan: p, planned: &runs[i]}, runs[i].Occurrence})
			}
			if !next.IsZero() && (b.next.IsZero() || next.Before(b.next)) {
				b.next = next
			}
			b.more = b.more || !next.IsZero() && !next.After(now)
		case errors.Is(err, task.ErrConflict):
			// Another process planned it, or it was published or unpublished
			// meanwhile: the next look shows what it is now.
			b.more = true
		case ctx.Err() != nil:
			return batch{}, ctx.Err()
		default:
			trouble = errors.Join(trouble, err)
			e.Logger.ErrorContext(ctx, "planning failed", "task", d.Task, "error", err)
		}
	}
	return b, trouble
}

// planTask stores the runs of one task up to now and moves its next time, which
// it returns.
func (e *Engine) planTask(ctx context.Context, d task.Due, now time.Time) (*plan, []task.Run, time.Time, error) {
	p, err := e.planOf(ctx, d.Task, d.Version)
	if err != nil {
		return nil, nil, time.Time{}, err
	}
	const most = 1000 // runs in one transaction; the rest are due at once
	var runs []task.Run
	s := &p.spec.Schedule
	catchUp := s.CatchUp
	if catchUp == 0 {
		catchUp = schedule.DefaultCatchUp
	}
	at, ok := d.From, true
	// The window is for what was missed; what is late by less was not.
	if oldest := now.Add(-max(catchUp, late)); at.Before(oldest) {
		at, ok = p.table.Next(oldest.Add(-time.Nanosecond))
	}
	var missed time.Time // the latest, under the policy Latest
	for ok && !at.After(now) && len(runs) < most {
		switch isLate := now.Sub(at) > late; {
		case !isLate:
			runs = append(runs, e.scheduled(d, p, at, now, false))
		case s.Misfire == schedule.All:
			runs = append(runs, e.scheduled(d, p, at, now, true))
		case s.Misfire == schedule.Latest:
			missed = at
		}
		at, ok = p.table.Next(at)
	}
	if !missed.IsZero() {
		runs = append([]task.Run{e.scheduled(d, p, missed, now, true)}, runs...)
	}
	if !ok {
		at = time.Time{}
	}
	return p, runs, at, e.Store.Plan(ctx, d.Task, d.From, at, runs)
}

// scheduled makes the run of a scheduled occurrence, its parameters fixed.
func (e *Engine) scheduled(d task.Due, p *plan, at, now time.Time, caughtUp bool) task.Run {
	occ := task.NewOccurrence(d.Task, at, "")
	origin := at
	if caughtUp {
		origin = now
	}
	return task.Run{
		ID:          occ.RunID(),
		Occurrence:  occ,
		Trigger:     task.Scheduled,
		Version:     d.Version,
		Environment: p.spec.Env(),
		Params:      p.values(at),
		Push:        true,
		DryRun:      p.spec.NodeMode == task.DryRun,
		State:       task.Planned,
		Resume:      now,
		Deadline:    origin.Add(timeout(p.spec)),
		PlannedAt:   now,
	}
}

func timeout(s *task.Spec) time.Duration {
	if s.Schedule.Timeout > 0 {
		return s.Schedule.Timeout
	}
	return schedule.DefaultTimeout
}
