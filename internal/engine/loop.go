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
	b, err := e.planBatch(ctx, planLimit)
	if err != nil {
		return time.Time{}, err
	}
	defer e.sleep.wake()
	var (
		mu      sync.Mutex
		trouble []error
		wg      sync.WaitGroup
	)
	run := func(occ task.Occurrence) {
		if _, err := e.runOccurrence(ctx, occ); err != nil && !errors.Is(err, task.ErrBusy) {
			mu.Lock()
			trouble = append(trouble, err)
			mu.Unlock()
		}
	}
	slots := make(chan struct{}, e.Concurrency)
	for i, occ := range b.due {
		slots <- struct{}{}
		if i == len(b.due)-1 {
			run(occ)
			break
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { <-slots }()
			run(occ)
		}()
	}
	wg.Wait()
	if err := errors.Join(trouble...); err != nil {
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
	queue   []task.Occurrence
	running int
	closed  bool
}

// step plans once, starts what it can and sleeps until there is more to do.
func (l *loop) step(ctx, work context.Context) {
	e := l.e
	sleep, done := e.sleep.context(ctx)
	defer done()
	l.mu.Lock()
	known := len(l.known)
	l.mu.Unlock()
	// What was taken up but not yet claimed is still due in the store; asking
	// for more than that finds what is new.
	b, err := e.planBatch(ctx, planLimit+known)
	if ctx.Err() != nil {
		return
	}
	fresh := false
	for _, occ := range b.due {
		fresh = l.offer(work, occ) || fresh
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
		// There may be more at once.
		return
	case b.more:
		// What is left waits for a slot, whose coming free wakes the loop.
		wait = lookAgain
	}
	_ = e.Clock.Sleep(sleep, wait)
}

// queueMost bounds what waits for a slot in memory; the rest waits in the store.
const queueMost = 2 * planLimit

// offer takes up a run and starts it if there is a slot. False means that it was
// taken up before or that the queue is full.
func (l *loop) offer(work context.Context, occ task.Occurrence) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := occ.RunID()
	if l.closed || l.known[id] || l.e.executing(id) {
		return false
	}
	if l.running < l.e.Concurrency {
		l.known[id] = true
		l.running++
		l.wg.Add(1)
		go l.work(work, occ)
		return true
	}
	if len(l.queue) < queueMost {
		l.known[id] = true
		l.queue = append(l.queue, occ)
		return true
	}
	return false
}

// work executes runs, one after the other, as long as some wait for a slot.
func (l *loop) work(ctx context.Context, occ task.Occurrence) {
	defer l.wg.Done()
	for {
		if _, err := l.e.runOccurrence(ctx, occ); err != nil && !errors.Is(err, task.ErrBusy) && ctx.Err() == nil {
			l.e.Logger.ErrorContext(ctx, "a run could not be executed", "task", occ.Task, "run", occ.RunID(), "error", err)
			// It is still due; without a pause it would be tried in a tight loop.
			now := l.e.Clock.Now()
			_ = l.e.Store.Park(ctx, occ.RunID(), "the store's trouble to pass", "", now, now.Add(troublePause))
		}
		l.mu.Lock()
		delete(l.known, occ.RunID())
		if l.closed || len(l.queue) == 0 {
			l.running--
			l.mu.Unlock()
			// What did not fit into the queue is looked for in the store, and so
			// is what this run left waiting. While others are queued, the loop
			// looks soon enough by itself.
			l.e.sleep.wake()
			return
		}
		occ = l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
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
