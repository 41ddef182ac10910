package main

import (
	"context"
	"fmt"
	"log"
	"maps"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
	"github.com/robfig/cron/v3"
)

// burst is how late the last of n tasks due in the same second enters the
// source, in microseconds: ours and robfig's, on the real clock.
func burst(n, workers int) (ours, rival float64) {
	s := memstore.New(nil)
	a := newWatch(n)
	at := time.Now().Truncate(time.Minute).Add(time.Minute).UTC()
	if time.Until(at) < 20*time.Second {
		at = at.Add(time.Minute) // filling takes a while
	}
	cycles, _ := rules(at)
	fill(s, n, at, cycles...)
	p := pusher(s, nil, &memory{a.entered}, null{a.sent}, workers)
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	runtime.GC()
	go func() { done <- p.Run(run) }()
	<-a.all
	ours = float64(a.last.Sub(at).Microseconds())
	stop()
	check(<-done)

	b := newWatch(n)
	do := byHand(b)
	slots := make(chan struct{}, workers)
	c := cron.New(cron.WithSeconds(), cron.WithLocation(shanghai))
	at = time.Now().Truncate(time.Second).Add(10 * time.Second)
	_, exprs := rules(at)
	for i := range n {
		_, err := c.AddFunc(exprs[i%len(exprs)], func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			do(i)
		})
		check(err)
	}
	runtime.GC()
	c.Start()
	<-b.all
	rival = float64(b.last.Sub(at).Microseconds())
	<-c.Stop().Done()

	if !maps.Equal(a.said, b.said) || !maps.Equal(a.asked, b.asked) {
		log.Fatal("the two sides ask or send different things")
	}
	return ours, rival
}

// byHand is the rival's n-th job, as a person writes it.
func byHand(w *watch) func(n int) {
	src, ch, to := &memory{w.entered}, null{w.sent}, channel.Webhook("ops", kind, "https://example.com/hook")
	return func(n int) {
		day := time.Now().In(shanghai).AddDate(0, 0, -1).Format("20060102")
		r, err := src.Query(ctx, source.Query{SQL: fmt.Sprintf("SELECT a FROM sales_%d WHERE ds = '%s'", n, day)})
		check(err)
		var text strings.Builder
		fmt.Fprintf(&text, "Report %s\n%s", day, r.Columns[0].Name)
		for _, row := range r.Rows {
			fmt.Fprintf(&text, "\n%v", row[0])
		}
		_, err = ch.Send(ctx, to, channel.Payload{Type: "text", Body: []byte(text.String()), Size: text.Len()})
		check(err)
	}
}

// jobsAlone is how late the last of n of the rival's jobs starts, in
// microseconds, when nothing decides that they are due.
func jobsAlone(n, workers int) float64 {
	w := newWatch(n)
	do := byHand(w)
	runtime.GC()
	begin := time.Now()
	jobs := make(chan int, 1024)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range jobs {
				do(i)
			}
		})
	}
	for i := range n {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	return float64(w.last.Sub(begin).Microseconds())
}

// ledgerAlone is how long a store in memory takes to plan n runs, claim them,
// keep what each is about to send and keep its receipt, in microseconds.
func ledgerAlone(n int) float64 {
	at := start.Add(20 * time.Hour)
	s := memstore.New(nil)
	fill(s, n, at, schedule.Daily("08:00"))
	runtime.GC()
	begin := time.Now()
	for left := n; left > 0; {
		due, _, err := s.Due(ctx, at, 1024)
		check(err)
		for _, d := range due {
			occ := task.NewOccurrence(d.Task, d.From, "")
			r := task.Run{
				ID: occ.RunID(), Occurrence: occ, Trigger: task.Scheduled, Version: d.Version, Push: true,
				State: task.Planned, Resume: at, PlannedAt: at, Deadline: at.Add(time.Hour),
			}
			check(s.Plan(ctx, d.Task, d.From, at.Add(24*time.Hour), []task.Run{r}))
			r.State = task.Running
			l, err := s.Start(ctx, r, "owner", at, time.Minute)
			check(err)
			r.Rendered = true
			to := task.Delivery{Run: r.ID, Destination: "ops", State: task.Pending, Parts: []task.Part{{Number: 1, Of: 1, Body: []byte("Report"), Sending: true}}}
			check(s.SaveRun(ctx, l, r, to))
			r.State, to.State = task.Succeeded, task.Delivered
			check(s.Release(ctx, l, at, r, to))
		}
		left -= len(due)
	}
	return float64(time.Since(begin).Microseconds())
}

// rules are five rules that name a time, ours to the minute and the rival's to
// the second: by the month, the week, the day, every hour, and at two hours.
func rules(at time.Time) (ours []schedule.Cycle, rival []string) {
	at = at.In(shanghai)
	minute, hour := at.Minute(), at.Hour()
	hours := []int{hour, (hour + 1) % 24}
	clock, second := at.Format("15:04"), at.Format("05 04 15")
	ours = []schedule.Cycle{
		schedule.Monthly(clock, at.Day()),
		schedule.Weekly(clock, at.Weekday()),
		schedule.Daily(clock),
		schedule.Hourly(fmt.Sprintf("00:%02d", minute), "23:59", 1),
		schedule.HourlyAt(hours, minute),
	}
	rival = []string{
		fmt.Sprintf("%s %d * *", second, at.Day()),
		fmt.Sprintf("%s * * %d", second, at.Weekday()),
		fmt.Sprintf("%s * * *", second),
		fmt.Sprintf("%s * * * *", at.Format("05 04")),
		fmt.Sprintf("%s %d,%d * * *", at.Format("05 04"), hours[0], hours[1]),
	}
	return ours, rival
}

// shanghai is the zone of the tasks.
var shanghai = func() *time.Location {
	loc, err := time.LoadLocation("Asia/Shanghai")
	check(err)
	return loc
}()

// watch sees what is asked and sent, and when the last of so many was asked.
type watch struct {
	mu          sync.Mutex
	left        int
	last        time.Time
	all         chan struct{}
	asked, said map[string]int
}

func newWatch(n int) *watch {
	return &watch{left: n, all: make(chan struct{}), asked: make(map[string]int, n), said: make(map[string]int)}
}

func (w *watch) entered(sql string) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[sql]++
	if now.After(w.last) {
		w.last = now
	}
	if w.left--; w.left == 0 {
		close(w.all)
	}
}

func (w *watch) sent(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said[text]++
}
