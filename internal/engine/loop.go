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
	occs, _, err := e.planUpTo(ctx, planLimit)
	if err != nil {
		return time.Time{}, err
	}
	var (
		mu      sync.Mutex
		trouble []error
		wg      sync.WaitGroup
	)
	run := func(occ task.Occurrence) {
		if _, err := e.RunOccurrence(ctx, occ); err != nil && !errors.Is(err, task.ErrBusy) {
			mu.Lock()
			trouble = append(trouble, err)
			mu.Unlock()
		}
	}
	slots := make(chan struct{}, e.Concurrency)
	for i, occ := range occs {
		slots <- struct{}{}
		if i == len(occs)-1 {
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
	occs, next, err := e.planUpTo(ctx, planLimit+known)
	now := e.Clock.Now()
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		e.Logger.ErrorContext(ctx, "the store is in trouble", "error", err)
		// Not on the context that wakes end: trouble is not to be met faster.
		_ = e.Clock.Sleep(ctx, lookAgain)
		return
	}
	for _, occ := range occs {
		l.offer(work, occ)
	}
	wait := pollEvery
	if !next.IsZero() {
		wait = min(wait, next.Sub(now))
	}
	if wait <= 0 {
		// More is due than one look returned. Those already taken up must not
		// make the loop spin while they wait for a slot.
		if l.full() {
			wait = lookAgain
		} else {
			return
		}
	}
	_ = e.Clock.Sleep(sleep, wait)
}

// queueMost bounds what waits for a slot in memory; the rest waits in the store.
const queueMost = 2 * planLimit

func (l *loop) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) > 0
}

// offer takes up a run and starts it if there is a slot.
func (l *loop) offer(work context.Context, occ task.Occurrence) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := occ.RunID()
	if l.closed || l.known[id] || l.e.executing(id) {
		return
	}
	if l.running < l.e.Concurrency {
		l.known[id] = true
		l.running++
		l.wg.Add(1)
		go l.work(work, occ)
		return
	}
	if len(l.queue) < queueMost {
		l.known[id] = true
		l.queue = append(l.queue, occ)
	}
}

// work executes runs, one after the other, as long as some wait for a slot.
func (l *loop) work(ctx context.Context, occ task.Occurrence) {
	defer l.wg.Done()
	for {
		if _, err := l.e.RunOccurrence(ctx, occ); err != nil && !errors.Is(err, task.ErrBusy) && ctx.Err() == nil {
			l.e.Logger.ErrorContext(ctx, "a run could not be executed", "task", occ.Task, "run", occ.RunID(), "error", err)
			// It is still due; without a pause it would be tried in a tight loop.
			_ = l.e.Store.Park(ctx, occ.RunID(), "the store's trouble to pass", "", l.e.Clock.Now().Add(troublePause))
		}
		l.mu.Lock()
		delete(l.known, occ.RunID())
		if l.closed || len(l.queue) == 0 {
			l.running--
			l.mu.Unlock()
			// What did not fit into the queue is looked for in the store.
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
