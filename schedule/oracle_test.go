package schedule_test

import (
	"archive/zip"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datapush-go/datapush/schedule"
)

var whole = flag.Bool("whole", false, "judge every transition of every zone instead of a sample")

// The oracle decides by looking at every minute, or every second, of the days
// around a transition. It knows the wall clock of an instant and nothing else.

// cycleModel is a cycle as a set of wall-clock minutes.
type cycleModel struct {
	name  string
	cycle schedule.Cycle
	has   func(wall time.Time) bool // wall is a local time written in UTC
}

// variant inverts a part of the rule. The zero variant is the rule itself, and
// the oracle must tell each other one from it.
type variant struct {
	firstOfTwo bool // a repeated time runs the first time
	dropInGap  bool // a time in the gap does not run
	toGapEnd   bool // a time in the gap runs when the gap ends
	noCollapse bool // a moved run keeps a second of its own beside an equal run
}

type wallClock struct {
	at    []int64           // instants, Unix seconds
	wall  []int64           // local time at each, as if it were UTC
	shown map[int64][]int64 // instants by local time
}

func readWallClock(loc *time.Location, from, to, step int64) wallClock {
	w := wallClock{shown: map[int64][]int64{}}
	for u := from; u <= to; u += step {
		t := time.Unix(u, 0).In(loc)
		year, month, day := t.Date()
		hour, minute, second := t.Clock()
		w.at = append(w.at, u)
		wall := time.Date(year, month, day, hour, minute, second, 0, time.UTC).Unix()
		w.wall = append(w.wall, wall)
		if wall%60 == 0 {
			w.shown[wall] = append(w.shown[wall], u)
		}
	}
	return w
}

// runs are the instants in [from, to] at which a cycle runs.
func (w wallClock) runs(has func(time.Time) bool, from, to int64, v variant) []int64 {
	var runs, moved []int64
	for wall := slices.Min(w.wall) / 60 * 60; wall <= slices.Max(w.wall); wall += 60 {
		if !has(time.Unix(wall, 0).UTC()) {
			continue
		}
		if at := w.shown[wall]; len(at) > 0 {
			if v.firstOfTwo {
				runs = append(runs, at[0])
			} else {
				runs = append(runs, at[len(at)-1])
			}
			continue
		}
		for i := range len(w.wall) - 1 {
			if w.wall[i] < wall && wall < w.wall[i+1] {
				switch {
				case v.dropInGap:
				case v.toGapEnd:
					moved = append(moved, w.at[i+1])
				default:
					moved = append(moved, w.at[i]+wall-w.wall[i])
				}
			}
		}
	}
	for _, at := range moved {
		if v.noCollapse && slices.Contains(runs, at) {
			at++
		}
		runs = append(runs, at)
	}
	slices.Sort(runs)
	runs = slices.Compact(runs)
	return slices.DeleteFunc(runs, func(at int64) bool { return at < from || at > to })
}

// transition is a change of a zone's offset.
type transition struct {
	at            int64
	before, after int // offsets in seconds
}

// transitions finds the changes of offset between two years by looking at every
// third hour and bisecting.
func transitions(loc *time.Location, fromYear, toYear int) []transition {
	offset := func(u int64) int {
		_, o := time.Unix(u, 0).In(loc).Zone()
		return o
	}
	var found []transition
	const step = 3 * 3600
	start := time.Date(fromYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	end := time.Date(toYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for u := start; u < end; u += step {
		low, high := u, u+step
		before, after := offset(low), offset(high)
		if before == after {
			continue
		}
		for high-low > 1 {
			if middle := (low + high) / 2; offset(middle) == before {
				low = middle
			} else {
				high = middle
			}
		}
		found = append(found, transition{high, before, after})
	}
	return found
}

// zoneNames lists the zone database that comes with Go.
func zoneNames(t testing.TB) []string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env GOROOT: %v", err)
	}
	file := filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip")
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatalf("the list of zones: %v", err)
	}
	defer archive.Close()
	var names []string
	for _, f := range archive.File {
		if !strings.HasSuffix(f.Name, "/") {
			names = append(names, f.Name)
		}
	}
	if len(names) < 400 {
		t.Fatalf("%s lists %d zones; want the whole database", file, len(names))
	}
	slices.Sort(names)
	return names
}

// models are the cycles that a transition can touch: each kind, at the times
// where local time jumps and around them.
func models(tr transition) []cycleModel {
	wall := func(offset int) time.Time { return time.Unix(tr.at+int64(offset), 0).UTC() }
	low, high := wall(min(tr.before, tr.after)), wall(max(tr.before, tr.after))
	middle := low.Add(high.Sub(low) / 2)
	var list []cycleModel
	add := func(name string, c schedule.Cycle, has func(time.Time) bool) {
		list = append(list, cycleModel{name, c, has})
	}
	at := func(t time.Time) func(time.Time) bool {
		hour, minute := t.Hour(), t.Minute()
		return func(w time.Time) bool { return w.Minute() == minute && w.Hour() == hour }
	}
	for _, t := range []time.Time{low, low.Add(-time.Minute), middle, high, high.Add(time.Minute)} {
		clock := t.Format("15:04")
		add("day "+clock, schedule.Daily(clock), at(t))
	}
	clock := middle.Format("15:04")
	add("week "+clock, schedule.Weekly(clock, middle.Weekday()), func(w time.Time) bool {
		return at(middle)(w) && w.Weekday() == middle.Weekday()
	})
	add("month "+clock, schedule.Monthly(clock, middle.Day(), schedule.LastDay), func(w time.Time) bool {
		return at(middle)(w) && (w.Day() == middle.Day() || w.AddDate(0, 0, 1).Day() == 1)
	})
	add("hours 00:00-23:59 by 1", schedule.Hourly("00:00", "23:59", 1), func(w time.Time) bool { return w.Minute() == 0 })
	add("hours 00:30-22:45 by 2", schedule.Hourly("00:30", "22:45", 2), func(w time.Time) bool {
		return w.Minute() == 30 && w.Hour()%2 == 0
	})
	minute := middle.Minute()
	add("hours at the minute", schedule.HourlyAt([]int{middle.Hour(), (middle.Hour() + 1) % 24, 0}, minute), func(w time.Time) bool {
		return w.Minute() == minute && (w.Hour() == middle.Hour() || w.Hour() == (middle.Hour()+1)%24 || w.Hour() == 0)
	})
	return list
}

type nexter interface {
	Next(after time.Time) (time.Time, bool)
}

// judge compares what n yields around a transition with the oracle and returns
// the first difference, or "".
func judge(n nexter, want []int64, from, to int64, tr transition, gap int64) string {
	next := func(u int64) int64 {
		at, ok := n.Next(time.Unix(u, 0))
		if !ok {
			return to + 1
		}
		return at.Unix()
	}
	var got []int64
	for u := from - 1; ; {
		at := next(u)
		if at > to {
			break
		}
		if at <= u {
			return fmt.Sprintf("Next(%d) = %d, which is not after it", u, at)
		}
		got = append(got, at)
		u = at
	}
	if !slices.Equal(want, got) {
		return fmt.Sprintf("runs %v; the oracle says %v", utcTimes(got), utcTimes(want))
	}
	// Next must not depend on where it starts.
	for _, u := range []int64{tr.at - gap, tr.at - 61, tr.at - 1, tr.at, tr.at + 1, tr.at + gap - 1, tr.at + gap, tr.at + gap + 1} {
		i, _ := slices.BinarySearch(want, u+1)
		if i < len(want) && next(u) != want[i] {
			return fmt.Sprintf("Next(%v) = %v; the oracle says %v", utcTimes([]int64{u}), utcTimes([]int64{next(u)}), utcTimes(want[i:i+1]))
		}
	}
	return ""
}

func utcTimes(list []int64) []string {
	var s []string
	for _, u := range list {
		s = append(s, time.Unix(u, 0).UTC().Format("01-02T15:04:05"))
	}
	return s
}

// judgeTransition compares every model with the oracle around one transition.
// subject makes what is judged.
func judgeTransition(loc *time.Location, tr transition, subject func(cycleModel, wallClock) (nexter, error), report func(string)) {
	gap := int64(tr.after - tr.before)
	if gap < 0 {
		gap = -gap
	}
	step := int64(60)
	if tr.before%60 != 0 || tr.after%60 != 0 || tr.at%60 != 0 {
		step = 1
	}
	// Runs up to margin away are complete: what they come from is in the window.
	margin := gap + 3*3600
	window := margin + gap + 3600
	clock := readWallClock(loc, tr.at-window, tr.at+window, step)
	for _, m := range models(tr) {
		n, err := subject(m, clock)
		if err != nil {
			report(fmt.Sprintf("%s: %v", m.name, err))
			continue
		}
		from, to := tr.at-margin, tr.at+margin
		if diff := judge(n, clock.runs(m.has, from, to, variant{}), from, to, tr, gap); diff != "" {
			report(fmt.Sprintf("%s, %s: %s: %s", loc, time.Unix(tr.at, 0).UTC().Format(time.RFC3339), m.name, diff))
		}
	}
}

func timetableOf(loc *time.Location) func(cycleModel, wallClock) (nexter, error) {
	return func(m cycleModel, _ wallClock) (nexter, error) {
		return schedule.Schedule{Cycle: m.cycle, TimeZone: loc.String()}.Compile()
	}
}

func TestTransitionsOfEveryZoneAgreeWithTheOracle(t *testing.T) {
	// A sample of zones could miss what is special, so these are always in it;
	// and of their transitions always those that are not by one hour at a whole
	// hour.
	always := []string{"Africa/Monrovia", "Africa/Casablanca", "America/New_York", "Antarctica/Casey", "Antarctica/Troll", "Asia/Pyongyang", "Australia/Lord_Howe", "Europe/Berlin", "Europe/Dublin", "Pacific/Apia", "Pacific/Kwajalein"}
	type task struct {
		loc *time.Location
		tr  transition
	}
	var tasks []task
	count := 0
	for _, name := range zoneNames(t) {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		if !*whole && !slices.Contains(always, name) && count%23 != 0 {
			count++
			continue
		}
		count++
		for i, tr := range transitions(loc, 1970, 2041) {
			hour := tr.at%3600 == 0 && (tr.after-tr.before == 3600 || tr.after-tr.before == -3600)
			if *whole || !hour || i%16 == 0 {
				tasks = append(tasks, task{loc, tr})
			}
		}
	}
	if len(tasks) < 200 {
		t.Fatalf("%d transitions found; want the zone database", len(tasks))
	}
	var work sync.WaitGroup
	queue := make(chan task)
	for range 4 {
		work.Go(func() {
			for next := range queue {
				judgeTransition(next.loc, next.tr, timetableOf(next.loc), func(s string) { t.Error(s) })
			}
		})
	}
	for _, next := range tasks {
		if t.Failed() {
			break
		}
		queue <- next
	}
	close(queue)
	work.Wait()
	t.Logf("%d transitions", len(tasks))
}

// inverted is a timetable that follows another rule than the design's.
type inverted []int64

func (v inverted) Next(after time.Time) (time.Time, bool) {
	i, _ := slices.BinarySearch(v, after.Unix()+1)
	if i == len(v) {
		return time.Time{}, false
	}
	return time.Unix(v[i], 0), true
}

func TestTheOracleTellsAnInvertedRule(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		rule variant
		fail bool
	}{
		{"the rule itself passes", variant{}, false},
		{"the first of two fails", variant{firstOfTwo: true}, true},
		{"no run in the gap fails", variant{dropInGap: true}, true},
		{"a run at the end of the gap fails", variant{toGapEnd: true}, true},
		{"two runs that should be one fail", variant{noCollapse: true}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var found []string
			for _, tr := range transitions(berlin, 2024, 2025) {
				judgeTransition(berlin, tr, func(m cycleModel, w wallClock) (nexter, error) {
					return inverted(w.runs(m.has, w.at[0], w.at[len(w.at)-1], tt.rule)), nil
				}, func(s string) { found = append(found, s) })
			}
			if failed := len(found) > 0; failed != tt.fail {
				t.Errorf("the oracle found %q; want a difference: %t", found, tt.fail)
			}
		})
	}
}
