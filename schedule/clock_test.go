package schedule_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/datapush-go/datapush/schedule"
)

func TestTheSystemClockSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := schedule.SystemClock()
		start := c.Now()
		if err := c.Sleep(t.Context(), time.Hour); err != nil || c.Now().Sub(start) != time.Hour {
			t.Errorf("Sleep = %v after %s", err, c.Now().Sub(start))
		}
		if err := c.Sleep(t.Context(), -time.Hour); err != nil || c.Now().Sub(start) != time.Hour {
			t.Errorf("a negative Sleep = %v after %s", err, c.Now().Sub(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || c.Now().Sub(start) != time.Hour+time.Minute {
			t.Errorf("Sleep = %v after %s", err, c.Now().Sub(start))
		}
		if err := c.Sleep(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sleep on an ended context = %v", err)
		}
	})
}
