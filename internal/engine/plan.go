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
	spec  task.Spec
	table *schedule.Timetable
	exprs map[string]schedule.Expr

	mu      sync.Mutex
	script  *source.Script
	dialect source.Dialect
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

// planCache keeps recently used plans. Versions never change, so an entry is
// never stale.
type planCache struct {
	mu sync.Mutex
	m  map[planKey]*plan
}

type planKey struct {
	task   string
	number int
}

const planCacheSize = 4096

func (c *planCache) get(k planKey) *plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.m[k]
}

func (c *planCache) put(k planKey, p *plan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = make(map[planKey]*plan)
	}
	if len(c.m) >= planCacheSize {
		for old := range c.m { // any will do
			delete(c.m, old)
			break
		}
	}
	c.m[k] = p
}

func (e *Engine) planOf(ctx context.Context, id string, number int) (*plan, error) {
	k := planKey{id, number}
	if p := e.plans.get(k); p != nil {
		return p, nil
	}
	v, err := e.Store.Version(ctx, id, number)
	if err != nil {
		return nil, err
	}
	p, err := compile(v.Spec)
	if err != nil {
		return nil, fmt.Errorf("version %d of task %s: %w", number, id, err)
	}
	e.plans.put(k, p)
	return p, nil
}

func compile(s task.Spec) (*plan, error) {
	table, err := s.Schedule.Compile()
	if err != nil {
		return nil, err
	}
	p := &plan{spec: s, table: table, exprs: make(map[string]schedule.Expr, len(s.Params))}
	for name, value := range s.Params {
		if p.exprs[name], err = schedule.ParseExpr(value); err != nil {
			return nil, fmt.Errorf("params.%s: %w", name, err)
		}
	}
	return p, nil
}

// params evaluates a task's parameters at a scheduled time.
func (p *plan) params(at time.Time) task.Params {
	at = at.In(p.table.Location())
	m := make(task.Params, len(p.exprs))
	for name, x := range p.exprs {
		m[name] = string(x.Append(nil, at))
	}
	return m
}

// Plan stores the runs of all tasks that are due and returns the occurrences
// that can go on now, and when to look again (zero: nothing is planned). An
// error comes with what could be planned all the same.
func (e *Engine) Plan(ctx context.Context) ([]task.Occurrence, time.Time, error) {
	var all []task.Occurrence
	seen := make(map[string]bool)
	for limit := planLimit; ; limit = planLimit + len(all) {
		b, err := e.planBatch(ctx, limit, limit)
		fresh := false
		for _, d := range b.due {
			if !seen[d.run] {
				seen[d.run], fresh = true, true
				all = append(all, d.occ)
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

// planBatch looks once at the store and stores the runs of up to most of the
// tasks it finds. One task's trouble keeps no other from being planned; the
// error then comes with the rest.
func (e *Engine) planBatch(ctx context.Context, limit, most int) (batch, error) {
	now := e.Clock.Now()
	found, next, err := e.Store.Due(ctx, now, limit)
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
		if most--; most < 0 {
			b.more = true
			continue
		}
		p, runs, next, err := e.planTask(ctx, d, now)
		switch {
		case err == nil:
			b.planned++
			for i := range runs {
				b.due = append(b.due, due{job{
					task: d.Task, run: runs[i].ID, plan: p, version: d.Version, planned: now, deadline: runs[i].Deadline,
				}, runs[i].Occurrence})
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
	s := p.spec.Schedule
	catchUp := s.CatchUp
	if catchUp == 0 {
		catchUp = schedule.DefaultCatchUp
	}
	at, ok := d.From, true
	if oldest := now.Add(-catchUp); at.Before(oldest) {
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
		Params:      p.params(at),
		Push:        true,
		DryRun:      p.spec.NodeMode == task.DryRun,
		State:       task.Planned,
		Resume:      now,
		Deadline:    origin.Add(timeout(p.spec)),
		PlannedAt:   now,
	}
}

func timeout(s task.Spec) time.Duration {
	if s.Schedule.Timeout > 0 {
		return s.Schedule.Timeout
	}
	return schedule.DefaultTimeout
}
