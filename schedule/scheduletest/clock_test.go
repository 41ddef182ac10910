package scheduletest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/datapush-go/datapush/schedule/scheduletest"
)

var start = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// sleep starts a goroutine that sleeps on c and returns what Sleep will return.
func sleep(t *testing.T, c *scheduletest.Clock, ctx context.Context, d time.Duration) <-chan error {
	t.Helper()
	n := c.Sleepers()
	done := make(chan error, 1)
	go func() { done <- c.Sleep(ctx, d) }()
	if err := c.WaitSleepers(t.Context(), n+1); err != nil {
		t.Fatal(err)
	}
	return done
}

func awake(done <-chan error) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func TestAClockStandsStillUntilItIsMoved(t *testing.T) {
	c := scheduletest.NewClock(start)
	if got := c.Now(); got != start {
		t.Errorf("Now = %s; want %s", got, start)
	}
	c.Advance(time.Hour)
	if got, want := c.Now(), start.Add(time.Hour); got != want {
		t.Errorf("Now = %s; want %s", got, want)
	}
	c.Set(start)
	if got := c.Now(); got != start {
		t.Errorf("Now = %s; want %s", got, start)
	}
}

func TestAdvanceWakesWhoSleptUntilThen(t *testing.T) {
	c := scheduletest.NewClock(start)
	short := sleep(t, c, t.Context(), time.Minute)
	long := sleep(t, c, t.Context(), time.Hour)
	if next, ok := c.Next(); !ok || !next.Equal(start.Add(time.Minute)) {
		t.Errorf("Next = %s, %t; want a minute on", next, ok)
	}
	c.Advance(time.Minute - 1)
	if c.Sleepers() != 2 {
		t.Error("a sleeper woke early")
	}
	c.Advance(1)
	if err := <-short; err != nil {
		t.Errorf("Sleep = %v", err)
	}
	if c.Sleepers() != 1 || awake(long) {
		t.Error("the longer sleeper woke too")
	}
	c.Set(start.Add(time.Hour))
	if err := <-long; err != nil {
		t.Errorf("Sleep = %v", err)
	}
	if next, ok := c.Next(); ok {
		t.Errorf("Next = %s with nobody asleep", next)
	}
}

func TestMovingBackWakesNobody(t *testing.T) {
	c := scheduletest.NewClock(start)
	done := sleep(t, c, t.Context(), time.Minute)
	c.Set(start.Add(-24 * time.Hour))
	c.Advance(24 * time.Hour)
	if c.Sleepers() != 1 || awake(done) {
		t.Error("a sleeper woke before its time")
	}
	c.Advance(time.Minute)
	if err := <-done; err != nil {
		t.Errorf("Sleep = %v", err)
	}
}

func TestSleepReturnsAtOnceForNoTime(t *testing.T) {
	c := scheduletest.NewClock(start)
	for _, d := range []time.Duration{0, -time.Hour} {
		if err := c.Sleep(t.Context(), d); err != nil {
			t.Errorf("Sleep(%s) = %v", d, err)
		}
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	c := scheduletest.NewClock(start)
	ctx, cancel := context.WithCancel(t.Context())
	done := sleep(t, c, ctx, time.Hour)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Sleep = %v; want the context's error", err)
	}
	if n := c.Sleepers(); n != 0 {
		t.Errorf("%d sleepers are left", n)
	}
	if err := c.Sleep(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Sleep on an ended context = %v", err)
	}
	if err := c.WaitSleepers(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitSleepers on an ended context = %v", err)
	}
}

func TestManyGoroutinesSleepAndAreWoken(t *testing.T) {
	c := scheduletest.NewClock(start)
	var work sync.WaitGroup
	for i := range 50 {
		work.Go(func() {
			for range 10 {
				if err := c.Sleep(t.Context(), time.Duration(i+1)*time.Second); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { work.Wait(); close(ended) }()
	for {
		select {
		case <-ended:
			return
		default:
			c.Advance(time.Second)
		}
	}
}

func ExampleClock() {
	clock := scheduletest.NewClock(time.Date(2024, time.January, 1, 8, 0, 0, 0, time.UTC))
	ctx := context.Background()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := clock.Sleep(ctx, time.Hour); err == nil {
			fmt.Println("awake at", clock.Now().Format("15:04"))
		}
	}()
	if err := clock.WaitSleepers(ctx, 1); err != nil {
		fmt.Println(err)
	}
	clock.Advance(time.Hour)
	<-done
	// Output: awake at 09:00
}
