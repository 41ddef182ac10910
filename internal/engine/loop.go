package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/datapush-go/datapush/task"
)

// RunDue plans, executes each run that can go on and waits for those. The error
// is store trouble only; failed runs are in the ledger. next is when to call
// again; zero means that nothing is planned.
func (e *Engine) RunDue(ctx context.Context) (next time.Time, err error) {
	all, _, err := e.planAll(ctx)
	if err := errors.Join(err, e.doAll(ctx, all)); err != nil {
		return time.Time{}, err
	}
	now := e.Clock.Now()
	due, next, err := e.Store.Due(ctx, now, 1)
	if err != nil {
		return time.Time{}, err
	}
	if len(due) > 0 {
		// What was woken or parked meanwhile is due at once.
		return now, nil
	}
	return next, nil
}

// doAll executes runs, up to Concurrency at once, and waits for them.
func (e *Engine) doAll(ctx context.Context, jobs []due) error {
	if len(jobs) == 0 {
		return nil
	}
	defer e.sleep.wake()
	var (
		mu      sync.Mutex
		trouble []error
		wg      sync.WaitGroup
	)
	do := func(j job) {
		if _, err := e.do(ctx, j); err != nil && !errors.Is(err, task.ErrBusy) {
			mu.Lock()
			trouble = append(trouble, err)
			mu.Unlock()
		}
	}
	slots := make(chan struct{}, e.Concurrency)
	for _, j := range jobs[:len(jobs)-1] {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(j.job)
		})
	}
	slots <- struct{}{}
	do(jobs[len(jobs)-1].job)
	wg.Wait()
	return errors.Join(trouble...)
}

// Run plans and executes until ctx ends, then drains. It returns nil: store
// trouble is logged and tried again.
func (e *Engine) Run(ctx context.Context) error {
	l := &loop{e: e, known: make(map[string]bool)}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	for ctx.Err() == nil {
		l.step(ctx, work)
	}
	l.drain(work, stop)
	return nil
}

// loop is the state of one Run: which runs it has taken up and which of those
// wait for a slot.
type loop struct {
	e  *Engine
	wg sync.WaitGroup

	mu      sync.Mutex
	known   map[string]bool
	queue   []job
	running int
	closed  bool
}

// step plans once, starts what it can and sleeps until there is more to do.
func (l *loop) step(ctx, work context.Context) {
	e := l.e
	sleep, done := e.sleep.context(ctx)
	defer done()
	known, room := l.room()
	// What is planned is best executed while its plan is at hand, but planning
	// goes on while nothing comes free.
	limit := min(room, planLimit)
	if room < queueLow {
		limit = planLimit
	}
	b, err := e.planBatch(ctx, limit, known)
	if ctx.Err() != nil {
		return
	}
	fresh := false
	for _, d := range b.due {
		fresh = l.offer(work, d.job) || fresh
	}
	if err != nil {
		e.Logger.ErrorContext(ctx, "the store is in trouble", "error", err)
		// Not on the context that wakes end: trouble is not to be met faster.
		_ = e.Clock.Sleep(ctx, lookAgain)
		return
	}
	wait := pollEvery
	if !b.next.IsZero() {
		wait = min(wait, b.next.Sub(e.Clock.Now()))
	}
	switch {
	case b.planned > 0 || b.more && fresh:
		if _, room = l.room(); room >= queueLow {
			return // there may be more at once
		}
		wait = planPause
	case b.more:
		// What is left waits for a slot, whose coming free wakes the loop.
		wait = lookAgain
	}
	_ = e.Clock.Sleep(sleep, wait)
}

const (
	// queueMost bounds what waits for a slot in memory; the rest waits in the
	// store.
	queueMost = 2 * planLimit
	// queueLow is how short the queue is when the loop looks for more.
	queueLow = planLimit / 2
	// planPause spaces planning when nothing more can be taken up.
	planPause = 100 * time.Millisecond
)

// room is how many runs are in hand and how many more can be taken up.
func (l *loop) room() (known, room int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known), l.e.Concurrency - l.running + queueMost - len(l.queue)
}

// offer takes up a run and starts it if there is a slot. False means that it was
// taken up before or that the queue is full.
func (l *loop) offer(work context.Context, j job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.known[j.run] || l.e.executing(j.run) {
		return false
	}
	if l.running < l.e.Concurrency {
		l.known[j.run] = true
		l.running++
		l.wg.Add(1)
		go l.work(work, j)
		return true
	}
	if len(l.queue) < queueMost {
		l.known[j.run] = true
		l.queue = append(l.queue, j)
		return true
	}
	return false
}

// work executes runs, one after the other, as long as some wait for a slot.
func (l *loop) work(ctx context.Context, j job) {
	defer l.wg.Done()
	e := l.e
	for {
		if _, err := e.do(ctx, j); err != nil && !errors.Is(err, task.ErrBusy) && ctx.Err() == nil {
			e.Logger.ErrorContext(ctx, "a run could not be executed", "task", j.task, "run", j.run, "error", err)
			// It is still due; without a pause it would be tried in a tight loop.
			now := e.Clock.Now()
			if e.Store.Park(ctx, j.run, "the store's trouble to pass", "", now, now.Add(troublePause)) != nil {
				_ = e.Clock.Sleep(ctx, lookAgain)
			}
		}
		l.mu.Lock()
		delete(l.known, j.run)
		if l.closed || len(l.queue) == 0 {
			l.running--
			l.mu.Unlock()
			// What did not fit into the queue is looked for in the store, and so
			// is what this run left waiting. While others are queued, the loop
			// looks soon enough by itself.
			e.sleep.wake()
			return
		}
		j = l.queue[0]
		l.queue = l.queue[1:]
		low := len(l.queue) == queueLow
		l.mu.Unlock()
		if low {
			e.sleep.wake()
		}
	}
}

// drain lets runs end, for as long as Config.Drain says; then they are parked.
func (l *loop) drain(work context.Context, stop context.CancelFunc) {
	l.mu.Lock()
	l.closed = true
	l.queue = nil
	l.mu.Unlock()
	ended, cancel := context.WithCancel(work)
	var timer sync.WaitGroup
	timer.Add(1)
	go func() {
		defer timer.Done()
		if l.e.Clock.Sleep(ended, l.e.Drain) == nil {
			stop()
		}
	}()
	l.wg.Wait()
	cancel()
	timer.Wait()
}

// executing reports whether this process has the run in hand.
func (e *Engine) executing(run string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.here[run]
}
