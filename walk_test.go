package datapush_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
	"github.com/google/go-cmp/cmp"
)

// expected says which hours a task that is due every hour runs at a step of a
// walk, by plain arithmetic on Unix seconds: after is the newest hour that was
// ever decided about.
func expected(after, now int64, misfire schedule.Misfire, catchUp int64) (hours []int64, decided int64) {
	decided = after
	missed := int64(-1)
	for h := after + 3600; h <= now; h += 3600 {
		decided = h
		switch age := now - h; {
		case age > catchUp:
		case age <= 60:
			hours = append(hours, h)
		case misfire == schedule.All:
			hours = append(hours, h)
		case misfire == schedule.Latest:
			missed = h
		}
	}
	if missed >= 0 {
		hours = append(hours, missed)
	}
	return hours, decided
}

// Whatever way the clock goes, each occurrence runs exactly once or is left out
// by the stated policy, and none comes again after a jump back.
func TestRandomClockWalks(t *testing.T) {
	seeds := uint64(1000)
	if testing.Short() {
		seeds = 100
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		misfire := []schedule.Misfire{schedule.Latest, schedule.Skip, schedule.All}[seed%3]
		catchUp := time.Duration(1+r.IntN(30)) * time.Hour

		h := newHost(t, func(c *datapush.Config) {
			c.Store = memstore.New(&memstore.Options{History: -1})
		})
		s := daily("walk")
		s.Schedule = schedule.Schedule{Cycle: schedule.Hourly("00:00", "23:59", 1), Misfire: misfire, CatchUp: catchUp}
		id := h.publish(s)
		decided := start.Unix() / 3600 * 3600
		var want []int64
		for range 25 {
			var step time.Duration
			switch r.IntN(6) {
			case 0: // the clock is set back
				step = -time.Duration(r.IntN(10*3600)) * time.Second
			case 1: // the process sleeps for long, perhaps past the catch-up window
				step = time.Duration(r.IntN(60*3600)) * time.Second
			case 2: // exactly on the next hour
				now := h.clock.Now()
				step = now.Truncate(time.Hour).Add(time.Hour).Sub(now)
			default:
				step = time.Duration(r.IntN(3*3600)) * time.Second
			}
			h.clock.Set(h.clock.Now().Add(step))
			var hours []int64
			hours, decided = expected(decided, h.clock.Now().Unix(), misfire, int64(catchUp/time.Second))
			want = append(want, hours...)
			for {
				next, err := h.RunDue(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if next.After(h.clock.Now()) {
					break
				}
			}
		}
		rs, err := h.Runs(t.Context(), task.RunFilter{Task: id, Trigger: task.Scheduled, Limit: 10_000})
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, r := range rs {
			if r.State != task.Succeeded {
				t.Errorf("seed %d: the run of %v is %s: %s", seed, r.Occurrence.At, r.State, r.Error)
			}
			got = append(got, r.Occurrence.At.Unix())
		}
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("seed %d, policy %q, catch-up %v (-want +got):\n%s", seed, misfire, catchUp, d)
		}
		if n := len(h.box.messages()); n != len(got) {
			t.Fatalf("seed %d: %d runs but %d messages", seed, len(got), n)
		}
	}
}
