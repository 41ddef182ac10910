package webhook

import (
	"context"
	"math"
	"sync"
	"time"
)

// watch ends attempts that take too long. All attempts of a client share one
// timer: a timer of its own for each would wake a sleeping thread of the runtime
// twice per message, which costs more than writing the message does. The timer
// is set again only when it fires, so it may fire once, to no effect, after the
// last attempt.
type watch struct {
	total  time.Duration // from dialling to the end of the answer
	answer time.Duration // from the last byte written to the answer's header; 0 is none

	mu    sync.Mutex
	open  map[*attempt]struct{}
	timer *time.Timer
	armed bool
}

// start watches an attempt from now on.
func (w *watch) start(a *attempt) {
	a.began = time.Now()
	first := w.total
	if w.answer > 0 {
		first = min(first, w.answer)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = make(map[*attempt]struct{})
	}
	w.open[a] = struct{}{}
	if w.armed {
		return // for an attempt that began before, so no later than this one's
	}
	w.armed = true
	if w.timer == nil {
		w.timer = time.AfterFunc(first, w.look)
	} else {
		w.timer.Reset(first)
	}
}

func (w *watch) stop(a *attempt) {
	w.mu.Lock()
	delete(w.open, a)
	w.mu.Unlock()
}

// look ends what is over its time and sets the timer for what is next.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := time.Duration(math.MaxInt64)
	for a := range w.open {
		took := time.Since(a.began)
		left := w.total - took
		if w.answer > 0 && !a.answered.Load() {
			// Before it is written, the answer is due no sooner than from now.
			due := w.answer
			if wrote := time.Duration(a.wrote.Load()); wrote > 0 {
				due -= took - wrote
			}
			left = min(left, due)
		}
		if left <= 0 {
			a.cancel(context.DeadlineExceeded)
			delete(w.open, a)
			continue
		}
		next = min(next, left)
	}
	if w.armed = len(w.open) > 0; w.armed {
		w.timer.Reset(next)
	}
}
