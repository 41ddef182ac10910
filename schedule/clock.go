package schedule

import (
	"context"
	"time"
)

// Clock tells the time and waits. Everything in datapush that depends on time
// goes through one Clock, so that a fake one drives schedules, retries and rate
// budgets alike. Both methods may be called by several goroutines at once.
type Clock interface {
	Now() time.Time
	// Sleep returns nil after d, at once when d is not positive, and ctx.Err()
	// if ctx ends first.
	Sleep(ctx context.Context, d time.Duration) error
}

// SystemClock is the real time.
func SystemClock() Clock { return systemClock{} }

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
