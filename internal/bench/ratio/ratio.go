// Package ratio measures our code beside a rival in one process: the two take
// turns, so that whatever else the machine does meets both, and the medians are
// compared.
package ratio

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// Sample is what one operation costs.
type Sample struct {
	Time   time.Duration
	Allocs float64
	Bytes  float64
}

// Row is one comparison.
type Row struct {
	Name        string
	Ours, Rival Sample
	// Most is the largest allowed Ours/Rival in time. Zero only reports.
	Most float64
	// MostAllocs is the same for allocations. Zero only reports.
	MostAllocs float64
}

// Time is Ours/Rival.
func (r Row) Time() float64 { return float64(r.Ours.Time) / float64(r.Rival.Time) }

// Allocs is Ours/Rival in allocations; 0 when the rival makes none and ours
// makes none either.
func (r Row) Allocs() float64 {
	if r.Ours.Allocs == 0 {
		return 0
	}
	return r.Ours.Allocs / r.Rival.Allocs
}

// Met reports whether the stated ratios hold.
func (r Row) Met() bool {
	return (r.Most == 0 || r.Time() <= r.Most) && (r.MostAllocs == 0 || r.Allocs() <= r.MostAllocs)
}

// Compare runs both sides n times in each of rounds rounds, taking turns, after
// one round that does not count, and returns the medians per operation.
func Compare(name string, rounds, n int, ours, rival func()) Row {
	a, b := make([]Sample, rounds), make([]Sample, rounds)
	measure(n, ours)
	measure(n, rival)
	for i := range rounds {
		if i%2 == 0 {
			a[i], b[i] = measure(n, ours), measure(n, rival)
		} else {
			b[i], a[i] = measure(n, rival), measure(n, ours)
		}
	}
	return Row{Name: name, Ours: median(a), Rival: median(b)}
}

func measure(n int, f func()) Sample {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	for range n {
		f()
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	return Sample{
		Time:   took / time.Duration(n),
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n),
		Bytes:  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
	}
}

func median(s []Sample) Sample {
	slices.SortFunc(s, func(a, b Sample) int { return int(a.Time - b.Time) })
	m := s[len(s)/2]
	if len(s)%2 == 0 {
		o := s[len(s)/2-1]
		m = Sample{(m.Time + o.Time) / 2, (m.Allocs + o.Allocs) / 2, (m.Bytes + o.Bytes) / 2}
	}
	return m
}

// Report prints a table and returns the exit code: 1 when a stated ratio is
// missed.
func Report(w io.Writer, rows ...Row) int {
	code := 0
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "comparison\tours\trival\tratio\tat most\tallocs\trival\tbytes\trival\t\t")
	for _, r := range rows {
		most, verdict := "-", "ok"
		if r.Most > 0 {
			most = fmt.Sprintf("%.2f", r.Most)
		}
		if !r.Met() {
			code, verdict = 1, "MISSED"
		}
		fmt.Fprintf(t, "%s\t%v\t%v\t%.2f\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%s\t\n", r.Name, r.Ours.Time, r.Rival.Time, r.Time(), most,
			r.Ours.Allocs, r.Rival.Allocs, r.Ours.Bytes, r.Rival.Bytes, verdict)
	}
	_ = t.Flush()
	return code
}
