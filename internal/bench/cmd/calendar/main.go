// Command calendar compares the timetables of package schedule with robfig/cron,
// and its expressions with time.Time.AppendFormat.
//
// Before a time is taken, the runs of both sides over three years are compared:
// with an oracle that reads the clock of every minute, for ours exactly; with
// each other, where the rival may differ only by running at the first of two
// equal local times.
package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"

	"github.com/datapush-go/datapush/internal/bench/ratio"
	"github.com/datapush-go/datapush/schedule"
)

const (
	rounds = 51
	// nextCalls and appendCalls are about how many calls a round makes of each
	// side: few enough that a round of the rival is seldom interrupted, which on
	// a busy machine would count against it.
	nextCalls   = 300
	appendCalls = 5000
)

// seeds are the five schedules of the product's first description.
var seeds = []struct {
	name  string
	cycle schedule.Cycle
	spec  string
	named func(w time.Time) bool
}{
	{"monthly on the 1st 08:00", schedule.Monthly("08:00", 1), "0 8 1 * *", func(w time.Time) bool { return w.Day() == 1 && w.Hour() == 8 && w.Minute() == 0 }},
	{"Mondays 09:00", schedule.Weekly("09:00", time.Monday), "0 9 * * 1", func(w time.Time) bool { return w.Weekday() == time.Monday && w.Hour() == 9 && w.Minute() == 0 }},
	{"daily 08:00", schedule.Daily("08:00"), "0 8 * * *", func(w time.Time) bool { return w.Hour() == 8 && w.Minute() == 0 }},
	{"hourly 00:00-23:59", schedule.Hourly("00:00", "23:59", 1), "0 * * * *", func(w time.Time) bool { return w.Minute() == 0 }},
	{"00:10 and 01:10", schedule.HourlyAt([]int{0, 1}, 10), "10 0,1 * * *", func(w time.Time) bool { return w.Hour() <= 1 && w.Minute() == 10 }},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "calendar:", err)
		os.Exit(1)
	}
}

func run() error {
	rows, err := nexts()
	if err != nil {
		return err
	}
	appends, err := expressions()
	if err != nil {
		return err
	}
	mean := 0.0
	for _, r := range rows {
		mean += math.Log(r.Time()) / float64(len(rows))
	}
	mean = math.Exp(mean)
	code := ratio.Report(os.Stdout, append(rows, appends...)...)
	fmt.Printf("geometric mean of Next: %.3f, at most 0.100\n", mean)
	for _, r := range append(rows, appends...) {
		if r.Ours.Allocs > 0.5 {
			return fmt.Errorf("%s: allocates", r.Name)
		}
	}
	if code != 0 || mean > 0.1 {
		return errors.New("a stated ratio is missed")
	}
	return nil
}

// nexts compares the search for the next run.
func nexts() ([]ratio.Row, error) {
	var rows []ratio.Row
	for _, zone := range []string{"Asia/Shanghai", "America/New_York"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			return nil, err
		}
		for _, seed := range seeds {
			name := "Next: " + seed.name + " " + zone
			table, err := schedule.Schedule{Cycle: seed.cycle, TimeZone: zone}.Compile()
			if err != nil {
				return nil, err
			}
			rival, err := cron.ParseStandard("CRON_TZ=" + zone + " " + seed.spec)
			if err != nil {
				return nil, err
			}
			input, err := compare(loc, table, rival, seed.named)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			row := race(name, input, nextCalls, func() {
				var last time.Time
				for _, at := range input {
					last, _ = table.Next(at)
				}
				sink = last
			}, func() {
				var last time.Time
				for _, at := range input {
					last = rival.Next(at)
				}
				sink = last
			})
			row.Most = 1.0 / 5
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// sink keeps results alive, so that no call is optimised away.
var sink time.Time

// race times passes over the input, so the times in the table are of that many
// calls.
func race(name string, input []time.Time, calls int, ours, rival func()) ratio.Row {
	return ratio.Compare(fmt.Sprintf("%s, %d calls", name, len(input)), rounds, max(calls/len(input), 1), ours, rival)
}

// compare judges both sides, from run to run and from times between runs, and
// returns the latter.
func compare(loc *time.Location, table *schedule.Timetable, rival cron.Schedule, named func(time.Time) bool) ([]time.Time, error) {
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, loc)
	end := time.Date(2027, 1, 1, 0, 0, 0, 0, loc)
	truth := oracle(loc, start, end, named)
	after := []time.Time{start}
	for _, at := range truth {
		after = append(after, time.Unix(at, 0).In(loc))
	}
	random := rand.New(rand.NewPCG(1, 2))
	var input []time.Time
	for range nextCalls {
		input = append(input, start.Add(time.Duration(random.Int64N(int64(end.Sub(start))))))
	}
	for _, at := range append(after, input...) {
		i, _ := slices.BinarySearch(truth, at.Unix()+1)
		if i == len(truth) {
			continue
		}
		ours, ok := table.Next(at)
		if !ok || ours.Unix() != truth[i] {
			return nil, fmt.Errorf("Next(%s) = %s, %t; the oracle says %s", at, ours, ok, time.Unix(truth[i], 0).In(loc))
		}
		for theirs := rival.Next(at); !theirs.Equal(ours); theirs = rival.Next(theirs) {
			if theirs.After(ours) || !again(theirs) {
				return nil, fmt.Errorf("Next(%s) = %s; the rival says %s", at, ours, theirs)
			}
		}
	}
	return input, nil
}

// again reports whether the local time of t comes once more within a day.
func again(t time.Time) bool {
	for u := t.Add(time.Minute); u.Before(t.Add(24 * time.Hour)); u = u.Add(time.Minute) {
		if u.Format(time.DateTime) == t.Format(time.DateTime) {
			return true
		}
	}
	return false
}

// oracle finds the runs in (start, end) by reading the local clock of every
// minute. Both zones have offsets of whole minutes in these years.
func oracle(loc *time.Location, start, end time.Time, named func(time.Time) bool) []int64 {
	wall := func(t time.Time) time.Time {
		year, month, day := t.In(loc).Date()
		hour, minute, _ := t.In(loc).Clock()
		return time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	}
	latest := map[time.Time]int64{} // the last instant of each local time
	previous := wall(start)
	for t := start.Add(time.Minute); t.Before(end); t = t.Add(time.Minute) {
		now := wall(t)
		for skipped, at := previous.Add(time.Minute), t; skipped.Before(now); skipped, at = skipped.Add(time.Minute), at.Add(time.Minute) {
			if named(skipped) {
				latest[skipped] = at.Unix()
			}
		}
		if named(now) {
			latest[now] = t.Unix()
		}
		previous = now
	}
	var runs []int64
	for _, at := range latest {
		runs = append(runs, at)
	}
	slices.Sort(runs)
	return slices.Compact(runs)
}

// expressions compares Expr.Append with AppendFormat of the same layout.
func expressions() ([]ratio.Row, error) {
	tests := []struct{ expr, layout string }{
		{"$[yyyymmdd]", "20060102"},
		{"$[yyyy-mm-dd]", "2006-01-02"},
		{"$[hh24:mi:ss]", "15:04:05"},
		{"$[yyyymmddhh24miss]", "20060102150405"},
	}
	var rows []ratio.Row
	for _, zone := range []string{"Asia/Shanghai", "America/New_York"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			return nil, err
		}
		var input []time.Time
		for i := range 1000 {
			input = append(input, time.Date(2024, 1, 1, 8, 0, i%60, 0, loc).AddDate(0, 0, i))
		}
		for _, tt := range tests {
			expr, err := schedule.ParseExpr(tt.expr)
			if err != nil {
				return nil, err
			}
			for _, at := range input {
				if got, want := string(expr.Append(nil, at)), at.Format(tt.layout); got != want {
					return nil, fmt.Errorf("%s at %s is %q; AppendFormat says %q", tt.expr, at, got, want)
				}
			}
			buffer := make([]byte, 0, 64)
			row := race("Append: "+tt.expr+" "+zone, input, appendCalls, func() {
				for _, at := range input {
					expr.Append(buffer, at)
				}
			}, func() {
				for _, at := range input {
					at.AppendFormat(buffer, tt.layout)
				}
			})
			row.Most = 1.0 / 3
			rows = append(rows, row)
		}
	}
	return rows, nil
}
