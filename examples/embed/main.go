// Command embed is the shortest honest host: a program with an HTTP server of
// its own that also pushes a daily report. SIGTERM stops both gracefully.
//
//	SALES_DSN=file:sales.db LARK_WEBHOOK=https://open.feishu.cn/open-apis/bot/v2/hook/… go run ./examples/embed
package main

import (
	"context"
	"encoding/json"
	"errors"
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
	defer sales.Close()
	p, err := datapush.New(datapush.Config{
		Sources:  map[string]source.Source{"sales": sales},
		Channels: []channel.Channel{lark.New(nil)},
	})
	check(err)
	check(publish(ctx, p, os.Getenv("LARK_WEBHOOK")))
	ln, err := net.Listen("tcp", "127.0.0.1:8080")
	check(err)
	check(serve(ctx, p, ln))
}

// publish takes the report from a draft to a running schedule.
func publish(ctx context.Context, p *datapush.Pusher, webhook string) error {
	if err := p.SaveDestination(ctx, channel.Webhook("ops", channel.Lark, webhook)); err != nil {
		return err
	}
	id, err := p.Create(ctx, task.Spec{
		Name:         "Daily revenue",
		Source:       "sales",
		SQL:          `SELECT department, revenue FROM sales WHERE ds = '${date}'`,
		Params:       task.Params{"date": "${yyyymmdd}"},
		Content:      render.Content{Title: "Revenue on ${date}", Blocks: render.Blocks(render.Table("department", "revenue"))},
		Schedule:     schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai"},
		Destinations: []string{"ops"},
	})
	if err != nil {
		return err
	}
	r, err := p.Test(ctx, id, datapush.TestOptions{Params: task.Params{"date": "20240102"}, Push: true})
	if err != nil {
		return err
	}
	if r.State != task.Succeeded {
		return errors.New("the test push did not arrive: " + r.Error)
	}
	v, err := p.Submit(ctx, id)
	if err != nil {
		return err
	}
	return p.Publish(ctx, id, v.Number)
}

// serve answers HTTP and pushes until ctx ends, then lets both finish.
func serve(ctx context.Context, p *datapush.Pusher, ln net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /runs", func(w http.ResponseWriter, r *http.Request) {
		runs, err := p.Runs(r.Context(), task.RunFilter{Limit: 20})
		if err != nil {
			http.Error(w, "the history cannot be read", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(runs)
	})
	srv := &http.Server{Handler: mux}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	err := p.Run(ctx) // returns when ctx has ended and the runs in hand are done
	return errors.Join(err, srv.Shutdown(context.WithoutCancel(ctx)), ignoreClosed(<-served))
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
