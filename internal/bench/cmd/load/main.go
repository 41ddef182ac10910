// Command load measures a Pusher that holds many tasks, beside robfig/cron
// where that has an equal: what a task costs in memory, what a step costs that
// finds nothing due, what publishing costs into a full Pusher, and how late the
// last of 50,000 tasks due in one second starts. It exits 1 when a stated bound
// is missed.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime"
	"slices"
	"sync"
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
	a, b := burst(50_000)
	row("lateness of the last of 50,000, and robfig's", a, b, 0.5, "µs")
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
func fill(s task.Store, from, n int, cycle schedule.Cycle, next time.Time) {
	for i := range n {
		id := fmt.Sprint("t_", from+i)
		sp := spec(from+i, cycle)
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
	fill(s, 0, n, schedule.Daily("08:00"), start.Add(20*time.Hour))
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
type memory struct{ entered func() }

func (m *memory) Query(context.Context, source.Query) (*source.Result, error) {
	m.entered()
	return &source.Result{Columns: []source.Column{{Name: "a"}}, Rows: [][]any{{int64(1)}}}, nil
}
func (*memory) Dialect() source.Dialect { return source.ANSI }
func (*memory) Close() error            { return nil }

// null is a channel that takes everything.
type null struct{}

const kind channel.Kind = "null"

func (null) Kind() channel.Kind                         { return kind }
func (null) Limits(channel.Destination) channel.Limits { return channel.Limits{} }
func (null) Encode(m *channel.Message, _ channel.Destination) ([]channel.Payload, error) {
	return []channel.Payload{{Type: "text", Body: []byte(m.Title)}}, nil
}
func (null) Send(context.Context, channel.Destination, channel.Payload) (channel.Receipt, error) {
	return channel.Receipt{Delivered: true}, nil
}

func pusher(s task.Store, clock schedule.Clock, entered func(), workers int) *datapush.Pusher {
	p, err := datapush.New(datapush.Config{
		Sources: map[string]source.Source{"sales": &memory{entered}}, Channels: []channel.Channel{null{}},
		Store: s, Clock: clock, Concurrency: workers,
	})
	check(err)
	check(p.SaveDestination(ctx, channel.Webhook("ops", kind, "https://example.com/hook")))
	return p
}

// step is the median of a RunDue that finds nothing due, in nanoseconds.
func step(n int) float64 {
	s := memstore.New(nil)
	fill(s, 0, n, schedule.Daily("08:00"), start.Add(20*time.Hour))
	p := pusher(s, scheduletest.NewClock(start), func() {}, 16)
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
	fill(s, 0, n, schedule.Daily("08:00"), start.Add(20*time.Hour))
	p := pusher(s, scheduletest.NewClock(start), func() {}, 16)
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

// burst is how late the last of n tasks due in the same second enters the
// source, in microseconds: ours and robfig's, on the real clock.
func burst(n int) (ours, rival float64) {
	const workers = 64
	at := time.Now().Truncate(time.Second).Add(3 * time.Second)
	var mu sync.Mutex
	var last time.Time
	count := 0
	all := make(chan struct{})
	entered := func() {
		now := time.Now()
		mu.Lock()
		defer mu.Unlock()
		last = now
		if count++; count == n {
			close(all)
		}
	}
	local := at.UTC()
	cycle := schedule.Daily(local.Format("15:04"))
	s := memstore.New(nil)
	fill(s, 0, n, cycle, at)
	p := pusher(s, nil, entered, workers)
	if now := time.Now(); now.After(at.Add(-500 * time.Millisecond)) {
		// Filling took longer than thought; the tasks are simply due later.
		log.Printf("filled %v late", now.Sub(at))
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- p.Run(run) }()
	<-all
	ours = float64(last.Sub(at).Microseconds())
	stop()
	check(<-done)

	// robfig/cron with the same limit: each job takes a slot before it queries.
	src := &memory{entered: entered}
	slots := make(chan struct{}, workers)
	c := cron.New(cron.WithSeconds(), cron.WithLocation(time.UTC))
	at = time.Now().Truncate(time.Second).Add(4 * time.Second)
	expr := at.UTC().Format("05 04 15 02 01 *")
	count, all = 0, make(chan struct{})
	for range n {
		_, err := c.AddFunc(expr, func() {
			slots <- struct{}{}
			_, err := src.Query(ctx, source.Query{})
			check(err)
			<-slots
		})
		check(err)
	}
	c.Start()
	<-all
	rival = float64(last.Sub(at).Microseconds())
	<-c.Stop().Done()
	return ours, rival
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
