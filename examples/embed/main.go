// Command embed is the shortest honest host: a program with an HTTP server of
// its own that also pushes a daily report. SIGTERM stops both gracefully.
//
//	SALES_DSN=file:sales.db LARK_WEBHOOK=https://open.feishu.cn/open-apis/bot/v2/hook/… go run ./examples/embed
package main

import (
	"context"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sqlite"
	"github.com/datapush-go/datapush/task"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	sales, err := sqlite.Open(os.Getenv("SALES_DSN"), nil)
	check(err)
	p, err := datapush.New(datapush.Config{Sources: map[string]source.Source{"sales": sales}, Channels: []channel.Channel{lark.New(nil)}})
	check(err)
	ln, err := net.Listen("tcp", "127.0.0.1:8080")
	check(err)
	host(ctx, p, ln, os.Getenv("LARK_WEBHOOK"))
}

// host publishes the report, then answers HTTP and pushes until ctx ends.
func host(ctx context.Context, p *datapush.Pusher, ln net.Listener, webhook string) {
	check(p.SaveDestination(ctx, channel.Webhook("ops", channel.Lark, webhook)))
	id, err := p.Create(ctx, task.Spec{
		Name:         "Daily revenue",
		Source:       "sales",
		SQL:          `SELECT department, revenue FROM sales WHERE ds = '${date}'`,
		Params:       task.Params{"date": "${yyyymmdd}"},
		Content:      render.Content{Title: "Revenue on ${date}", Blocks: render.Blocks(render.Table("department", "revenue"))},
		Schedule:     schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai"},
		Destinations: []string{"ops"},
	})
	check(err)
	_, err = p.Test(ctx, id, datapush.TestOptions{Params: task.Params{"date": "20240102"}, Push: true})
	check(err)
	v, err := p.Submit(ctx, id) // refused unless the test arrived
	check(err)
	check(p.Publish(ctx, id, v.Number))

	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runs, err := p.Runs(r.Context(), task.RunFilter{Limit: 20})
		if err != nil {
			http.Error(w, "the history cannot be read", http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(runs)
	})}
	go func() { _ = srv.Serve(ln) }()
	check(p.Run(ctx)) // returns when ctx has ended and the runs in hand are done
	check(srv.Shutdown(context.WithoutCancel(ctx)))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
