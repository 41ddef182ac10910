package memstore_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
)

var start = time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC)

// spec is what a plain report of a host looks like.
func spec(i int) task.Spec {
	return task.Spec{
		Name:         fmt.Sprintf("Daily revenue %d", i),
		Source:       "sales",
		SQL:          "SELECT department, revenue FROM sales WHERE ds = '${date}'",
		Params:       task.Params{"date": "${yyyymmdd}"},
		Content:      render.Content{Title: "Revenue on ${date}", Blocks: render.Blocks(render.Table("department", "revenue"))},
		Schedule:     schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai"},
		Destinations: []string{"ops"},
	}
}

// fill publishes tasks that are due a day after start.
func fill(tb testing.TB, s *memstore.Store, specs []task.Spec) {
	ctx := context.Background()
	for i, sp := range specs {
		id := fmt.Sprintf("task-%06d", i)
		must(tb, s.CreateTask(ctx, task.Task{ID: id, Draft: sp, Revision: 1, CreatedBy: "ann", CreatedAt: start, SavedBy: "ann", SavedAt: start}))
		_, err := s.AddVersion(ctx, task.Version{Task: id, Spec: sp, SubmittedBy: "ann", SubmittedAt: start})
		must(tb, err)
		must(tb, s.Publish(ctx, task.Publication{Task: id, Number: 1, Deployer: "ann", At: start, Next: start.Add(24*time.Hour + time.Duration(i)*time.Second)}))
	}
}

func specs(n int) []task.Spec {
	all := make([]task.Spec, n)
	for i := range all {
		all[i] = spec(i)
	}
	return all
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// perTask is how much heap a published task takes in a store, less what its
// Spec takes in a slice.
func perTask(tb testing.TB, n int) float64 {
	empty := heap()
	inSlice := specs(n)
	slice := heap() - empty
	runtime.KeepAlive(inSlice)

	empty = heap()
	s := memstore.New(nil)
	fill(tb, s, specs(n))
	store := heap() - empty
	runtime.KeepAlive(s)
	return (float64(store) - float64(slice)) / float64(n)
}

func TestAPublishedTaskTakesFewBytesBesideItsSpec(t *testing.T) {
	const most = 400
	if got := perTask(t, 5_000); got > most {
		t.Errorf("a task takes %.0f bytes, want at most %d", got, most)
	}
}

func BenchmarkHeapPerTask(b *testing.B) {
	var got float64
	for b.Loop() {
		got = perTask(b, 100_000)
	}
	b.ReportMetric(got, "B/task")
}

func BenchmarkDueWhenNothingIs(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("tasks=%d", n), func(b *testing.B) {
			s := memstore.New(nil)
			fill(b, s, specs(n))
			b.ReportAllocs()
			for b.Loop() {
				due, next, err := s.Due(context.Background(), start, 100)
				if err != nil || due != nil || next.IsZero() {
					b.Fatal(due, next, err)
				}
			}
		})
	}
}

func BenchmarkDueHundred(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("tasks=%d", n), func(b *testing.B) {
			s := memstore.New(nil)
			fill(b, s, specs(n))
			b.ReportAllocs()
			for b.Loop() {
				due, _, err := s.Due(context.Background(), start.AddDate(0, 0, 3), 100)
				if err != nil || len(due) != 100 {
					b.Fatal(len(due), err)
				}
			}
		})
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{0, 1_000, 100_000} {
		b.Run(fmt.Sprintf("tasks=%d", n), func(b *testing.B) {
			ctx := context.Background()
			s := memstore.New(nil)
			fill(b, s, specs(n))
			must(b, s.CreateTask(ctx, task.Task{ID: "new", Draft: spec(0), Revision: 1}))
			from := time.Time{}
			b.ReportAllocs()
			for b.Loop() {
				v, err := s.AddVersion(ctx, task.Version{Task: "new", Spec: spec(0)})
				must(b, err)
				next := start.Add(time.Duration(v.Number) * time.Second)
				must(b, s.Publish(ctx, task.Publication{Task: "new", Number: v.Number, From: from, Next: next}))
				from = next
			}
		})
	}
}

// One push as the engine makes it: planned, claimed, payloads stored, marked as
// being sent, receipt stored, released.
func BenchmarkPush(b *testing.B) {
	ctx := context.Background()
	s := memstore.New(nil)
	fill(b, s, specs(1))
	from := start.Add(24 * time.Hour)
	body := make([]byte, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		o := task.NewOccurrence("task-000000", from, "")
		r := task.Run{
			ID: o.RunID(), Occurrence: o, Trigger: task.Scheduled, Version: 1, Environment: task.Production, Push: true,
			Params: task.Params{"date": "20240102"}, State: task.Planned, PlannedAt: from, Deadline: from.Add(time.Hour),
		}
		next := from.Add(time.Second)
		must(b, s.Plan(ctx, o.Task, from, next, []task.Run{r}))
		l, err := s.Claim(ctx, r.ID, "me", from, time.Minute)
		must(b, err)
		r.State, r.Rendered = task.Running, true
		d := task.Delivery{Run: r.ID, Destination: "ops", Kind: channel.Lark, State: task.Pending, Parts: []task.Part{
			{Number: 1, Of: 1, Key: "k", Type: "interactive", Size: len(body), Body: body},
		}}
		must(b, s.SaveRun(ctx, l, r, d))
		d.Parts[0].Sending, d.Parts[0].Attempts = true, 1
		must(b, s.SaveDelivery(ctx, l, d))
		d.Parts[0] = task.Part{Number: 1, Of: 1, Key: "k", Type: "interactive", Size: len(body), Attempts: 1, SentAt: from, Receipt: &channel.Receipt{Delivered: true}}
		d.State = task.Delivered
		must(b, s.SaveDelivery(ctx, l, d))
		r.State = task.Succeeded
		must(b, s.Release(ctx, l, from, r))
		from = next
	}
}
