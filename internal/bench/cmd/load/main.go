// Command load measures a Pusher that holds many tasks, beside robfig/cron
// where that has an equal: what a task costs in memory, what a step costs that
// finds nothing due, what publishing costs into a full Pusher, and how late the
// last of 50,000 tasks due in one second starts. It exits 1 when a stated bound
// is missed.
//
// # The burst
//
// Both sides have the same 50,000 jobs on the real clock, all due in one second:
// a fifth each by the month, by the week, by the day, every hour and at two
// hours. They have the same limit of jobs at once, and the start of a job is the
// entry into the source's Query. The rival's job is what a person writes by hand: take a slot, make the
// SQL of the day before, query, put the rows into a text and send it through
// the same channel. Before anything is compared, both sides must have sent the
// same messages. The rival keeps no record of what it did: it plans nothing, so
// that a crash loses the day; it claims nothing, so that two processes send
// twice; it stores no payload and no receipt, so that nothing can be tried
// again. All of that stands before Query or in the slot on our side, which is
// what the ratio tells. The limits are 64, where most of the lateness is the
// work of the jobs in front, and as many as there are jobs, where it is only
// what stands before Query.
//
// Two figures without a bound show what the bound leaves room for: the rival's
// jobs alone, worked off by 64 goroutines with neither calendar nor record, and
// the four writes of each run into the memory store alone, with neither calendar
// nor job.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/schedule/scheduletest"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
	"github.com/datapush-go/datapush/version"
	"github.com/robfig/cron/v3"
)

var (
	ctx   = context.Background()
	start = time.Date(2024, 1, 2, 4, 0, 0, 0, time.UTC)
)

func main() { os.Exit(run()) }

func run() int {
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tours\trival or base\tratio\tat most\t")
	code := 0
	row := func(name string, ours, base, most float64, unit string) {
		verdict := "ok"
		if ours/base > most {
			verdict, code = "MISSED", 1
		}
		fmt.Fprintf(t, "%s\t%.0f %s\t%.0f %s\t%.2f\t%.2f\t%s\n", name, ours, unit, base, unit, ours/base, most, verdict)
	}

	ours, rival := heap(100_000)
	row("heap per task beside its Spec, and per robfig entry", ours, rival, 2, "B")
	row("a step with nothing due, 100,000 and 1,000 tasks", step(100_000), step(1_000), 1.5, "ns")
	row("publishing into 100,000 running tasks and into none", publish(100_000), publish(0), 5, "ns")
	const n, few = 50_000, 64
	for _, workers := range []int{few, n} {
		a, b := burst(n, workers)
		row(fmt.Sprintf("lateness of the last of 50,000, %d at once, and robfig's", workers), a, b, 0.5, "µs")
		if workers == few {
			info := func(name string, f float64) {
				fmt.Fprintf(t, "%s\t%.0f µs\t%.0f µs\t%.2f\t\t\n", name, f, b, f/b)
			}
			info("the same jobs alone, 64 at once, and robfig's lateness", jobsAlone(n, few))
			info("the ledger's writes for 50,000 runs alone, and robfig's lateness", ledgerAlone(n))
		}
	}
	_ = t.Flush()
	return code
}

// spec is a task's n-th specification.
func spec(n int, cycle schedule.Cycle) task.Spec {
	return task.Spec{
		Name:         fmt.Sprint("task ", n),
		Owner:        "owner",
		Source:       "sales",
		SQL:          fmt.Sprintf("SELECT a FROM sales_%d WHERE ds = '${date}'", n),
		Params:       task.Params{"date": "${yyyymmdd}"},
		Content:      render.Content{Title: "Report ${date}", Blocks: render.Blocks(render.Table("a"))},
		Schedule:     schedule.Schedule{Cycle: cycle, TimeZone: "Asia/Shanghai"},
		Destinations: []string{"ops"},
	}
}

// fill publishes n tasks straight into a store.
func fill(s task.Store, n int, next time.Time, cycles ...schedule.Cycle) {
	for i := range n {
		id := fmt.Sprint("t_", i)
		sp := spec(i, cycles[i%len(cycles)])
		check(s.CreateTask(ctx, task.Task{ID: id, Draft: sp, Revision: 1, CreatedAt: start, SavedAt: start}))
		v, err := s.AddVersion(ctx, task.Version{Task: id, Status: version.CanBePublished, Spec: sp, SubmittedAt: start})
		check(err)
		check(s.Publish(ctx, task.Publication{Task: id, Number: v.Number, At: start, Next: next}))
	}
}

func live() float64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// heap is what one task costs beyond its Spec, and one of robfig's entries.
func heap(n int) (ours, rival float64) {
	before := live()
	specs := make([]task.Spec, n)
	for i := range specs {
		specs[i] = spec(i, schedule.Daily("08:00"))
	}
	plain := live() - before
	runtime.KeepAlive(specs)
	specs = nil

	before = live()
	s := memstore.New(nil)
	fill(s, n, start.Add(20*time.Hour), schedule.Daily("08:00"))
	ours = (live() - before - plain) / float64(n)
	runtime.KeepAlive(s)

	before = live()
	c := cron.New()
	for range n {
		_, err := c.AddFunc("CRON_TZ=Asia/Shanghai 0 8 * * *", func() {})
		check(err)
	}
	rival = (live() - before) / float64(n)
	runtime.KeepAlive(c)
	return ours, rival
}

// memory answers one row and says when it was entered.
type memory struct{ entered func(sql string) }

func (m *memory) Query(_ context.Context, q source.Query) (*source.Result, error) {
	m.entered(q.SQL)
	return &source.Result{Columns: []source.Column{{Name: "a"}}, Rows: [][]any{{int64(1)}}}, nil
}
func (*memory) Dialect() source.Dialect { return source.ANSI }
func (*memory) Close() error            { return nil }

// null is a channel that takes everything, and says what.
type null struct{ sent func(text string) }

const kind channel.Kind = "null"

func (null) Kind() channel.Kind                        { return kind }
func (null) Limits(channel.Destination) channel.Limits { return channel.Limits{} }

// Encode writes the title and the first table.
func (null) Encode(m *channel.Message, _ channel.Destination) ([]channel.Payload, error) {
	b := []byte(m.Title)
	if t, ok := m.Sections[0].Blocks[0].(*channel.Table); ok {
		b = append(append(b, '\n'), t.Columns[0].Header...)
		for _, c := range t.Cells {
			b = append(append(b, '\n'), c.Text...)
		}
	}
	return []channel.Payload{{Type: "text", Body: b, Size: len(b)}}, nil
}

func (n null) Send(_ context.Context, _ channel.Destination, p channel.Payload) (channel.Receipt, error) {
	n.sent(string(p.Body))
	return channel.Receipt{Delivered: true}, nil
}

func ignore(string) {}

func pusher(s task.Store, clock schedule.Clock, src source.Source, ch channel.Channel, workers int) *datapush.Pusher {
	p, err := datapush.New(datapush.Config{
		Sources: map[string]source.Source{"sales": src}, Channels: []channel.Channel{ch},
		Store: s, Clock: clock, Concurrency: workers,
	})
	check(err)
	check(p.SaveDestination(ctx, channel.Webhook("ops", kind, "https://example.com/hook")))
	return p
}

// step is the median of a RunDue that finds nothing due, in nanoseconds.
func step(n int) float64 {
	s := memstore.New(nil)
	fill(s, n, start.Add(20*time.Hour), schedule.Daily("08:00"))
	p := pusher(s, scheduletest.NewClock(start), &memory{ignore}, null{ignore}, 16)
	var times []float64
	for range 21 {
		begin := time.Now()
		for range 1000 {
			_, err := p.RunDue(ctx)
			check(err)
		}
		times = append(times, float64(time.Since(begin).Nanoseconds())/1000)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// publish is the median of publishing into a running Pusher, in nanoseconds.
func publish(n int) float64 {
	s := memstore.New(nil)
	fill(s, n, start.Add(20*time.Hour), schedule.Daily("08:00"))
	p := pusher(s, scheduletest.NewClock(start), &memory{ignore}, null{ignore}, 16)
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- p.Run(run) }()
	var times []float64
	for i := range 500 {
		id, err := p.Create(ctx, spec(n+i, schedule.Daily("08:00")))
		check(err)
		_, err = p.Test(ctx, id, datapush.TestOptions{Params: task.Params{"date": "20240101"}, Push: true})
		check(err)
		v, err := p.Submit(ctx, id)
		check(err)
		begin := time.Now()
		check(p.Publish(ctx, id, v.Number))
		times = append(times, float64(time.Since(begin).Nanoseconds()))
	}
	stop()
	check(<-done)
	slices.Sort(times)
	return times[len(times)/2]
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
