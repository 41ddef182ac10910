// Command road measures a whole push, from the plan of an occurrence to the
// stored receipt, beside a hand-written POST of the same bytes: one task, 100
// rows from a source in memory, one webhook to a loopback sink that answers
// success, the memory store, one push at a time. It exits 1 when a push costs
// more than three times the POST.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"time"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/internal/bench/ratio"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/schedule/scheduletest"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
)

func main() { os.Exit(run()) }

// sink answers success and remembers the last body.
type sink struct {
	mu   sync.Mutex
	body []byte
	n    int
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	check(err)
	s.mu.Lock()
	s.body, s.n = body, s.n+1
	s.mu.Unlock()
	_, _ = io.WriteString(w, `{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`)
}

func (s *sink) last() ([]byte, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.body, s.n
}

// memory is a source of 100 rows.
type memory struct{ result source.Result }

func (m *memory) Query(context.Context, source.Query) (*source.Result, error) {
	r := m.result
	return &r, nil
}
func (*memory) Dialect() source.Dialect { return source.ANSI }
func (*memory) Close() error            { return nil }

func rows(n int) source.Result {
	r := source.Result{Columns: []source.Column{{Name: "id"}, {Name: "department"}, {Name: "revenue"}, {Name: "diff"}}}
	for i := range n {
		r.Rows = append(r.Rows, []any{int64(i + 1), fmt.Sprintf("Department %d", i+1), source.Decimal("11000.00"), int64(i - 50)})
	}
	return r
}

func run() int {
	ctx := context.Background()
	far := &sink{}
	srv := httptest.NewServer(far)
	defer srv.Close()
	url := srv.URL + "/open-apis/bot/v2/hook/token"

	clock := scheduletest.NewClock(time.Date(2024, 1, 2, 0, 30, 0, 0, time.UTC))
	ch := lark.New(&lark.Options{Allow: channel.AllowLoopback(), Now: clock.Now, Rates: []channel.Rate{}})
	p, err := datapush.New(datapush.Config{
		Sources:  map[string]source.Source{"sales": &memory{rows(100)}},
		Channels: []channel.Channel{ch},
		Clock:    clock,
	})
	check(err)
	check(p.SaveDestination(ctx, channel.Webhook("ops", channel.Lark, url)))
	id, err := p.Create(ctx, task.Spec{
		Name:   "Daily revenue",
		Source: "sales",
		SQL:    `SELECT id, department, revenue, diff FROM sales WHERE ds = '${date}'`,
		Params: task.Params{"date": "${yyyymmdd}"},
		Content: render.Content{Title: "Revenue on ${date}", Blocks: render.Blocks(
			render.Markdown("**Revenue** of ${date}"), render.Table("department", "revenue", "diff"))},
		Schedule:     schedule.Schedule{Cycle: schedule.Hourly("00:00", "23:59", 1)},
		Destinations: []string{"ops"},
	})
	check(err)
	_, err = p.Test(ctx, id, datapush.TestOptions{Params: task.Params{"date": "20240101"}, Push: true})
	check(err)
	v, err := p.Submit(ctx, id)
	check(err)
	check(p.Publish(ctx, id, v.Number))

	next, err := p.RunDue(ctx)
	check(err)
	push := func() {
		clock.Set(next)
		if next, err = p.RunDue(ctx); err != nil {
			log.Fatal(err)
		}
	}
	_, before := far.last()
	push()
	body, after := far.last()
	if after != before+1 {
		log.Fatalf("a push made %d requests", after-before)
	}
	client := &http.Client{Transport: &http.Transport{}}
	post := func() {
		resp, err := client.Post(url, "application/json; charset=utf-8", bytes.NewReader(body))
		check(err)
		_, err = io.Copy(io.Discard, resp.Body)
		check(err)
		check(resp.Body.Close())
	}
	// The rival's request is the one the push made.
	post()
	if got, _ := far.last(); !bytes.Equal(got, body) {
		log.Fatal("the rival sends other bytes")
	}

	row := ratio.Compare(fmt.Sprintf("a push of %d bytes beside the POST of them", len(body)), 10, 500, push, post)
	row.Most = 3
	rs, err := p.Runs(ctx, task.RunFilter{Task: id, Limit: 1})
	check(err)
	if len(rs) == 0 || rs[0].State != task.Succeeded {
		log.Fatalf("the last push: %+v", rs)
	}
	return ratio.Report(os.Stdout, row)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
