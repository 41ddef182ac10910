// Package scheduletest drives time by hand in tests: a [Clock] that stands still
// until the test moves it.
package scheduletest

import (
	"context"
	"sync"
	"time"

	"github.com/datapush-go/datapush/schedule"
)

// Clock is a [schedule.Clock] that moves only when a test calls Advance or Set.
// Make it with [NewClock]. Its methods may be called by several goroutines at
// once.
type Clock struct {
	mu       sync.Mutex
	now      time.Time
	sleepers map[*sleeper]struct{}
	// changed is closed, and replaced, whenever a goroutine begins to sleep.
	changed chan struct{}
}

var _ schedule.Clock = (*Clock)(nil)

type sleeper struct {
	until time.Time
	woken chan struct{}
}

// NewClock returns a clock that stands at start, in start's zone.
func NewClock(start time.Time) *Clock {
	return &Clock{
		now:      start.Round(0),
		sleepers: map[*sleeper]struct{}{},
		changed:  make(chan struct{}),
	}
}

// Now is the time at which the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep returns nil once the clock has been moved by d or more, at once when d
// is not positive, and ctx.Err() if ctx ends first.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d <= 0 {
		return nil
	}
	s := &sleeper{woken: make(chan struct{})}
	c.mu.Lock()
	s.until = c.now.Add(d)
	c.sleepers[s] = struct{}{}
	close(c.changed)
	c.changed = make(chan struct{})
	c.mu.Unlock()

	select {
	case <-s.woken:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.sleepers, s)
		c.mu.Unlock()
		return ctx.Err()
	}
}

// Advance moves the clock forward by d and wakes whoever slept until then. It
// does not wait for them to do anything; WaitSleepers does. A negative d moves
// it back, as Set does.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(c.now.Add(d))
}

// Set moves the clock to t, which may be earlier: then nobody wakes, and
// sleepers stay until the time they were sleeping to. The clock takes t's zone.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(t.Round(0))
}

func (c *Clock) set(t time.Time) {
	c.now = t
	for s := range c.sleepers {
		if !s.until.After(t) {
			delete(c.sleepers, s)
			close(s.woken)
		}
	}
}

// Sleepers is the number of goroutines that sleep on the clock now.
func (c *Clock) Sleepers() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sleepers)
}

// Next is the earliest time at which a sleeper wakes, and false when there is
// no sleeper.
func (c *Clock) Next() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var next time.Time
	found := false
	for s := range c.sleepers {
		if !found || s.until.Before(next) {
			next, found = s.until, true
		}
	}
	return next, found
}

// WaitSleepers waits in real time until at least n goroutines sleep on the
// clock, and returns ctx.Err() if ctx ends first.
func (c *Clock) WaitSleepers(ctx context.Context, n int) error {
	for {
		c.mu.Lock()
		enough, changed := len(c.sleepers) >= n, c.changed
		c.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
