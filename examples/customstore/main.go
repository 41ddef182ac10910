// Command customstore is a host with a store of its own: a journal file, in
// store.go, which storetest proves in the test beside it. The host publishes a
// report and ends; started again from the same file, it pushes the report when
// it is due, though nothing but the file tells it that there is one.
//
//	go run ./examples/customstore
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"
	_ "time/tzdata" // a bare machine may have no zones

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/schedule/scheduletest"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sqlite"
	"github.com/datapush-go/datapush/task"
)

func main() {
	dir, err := os.MkdirTemp("", "customstore")
	if err == nil {
		err = errors.Join(demo(context.Background(), os.Stdout, dir), os.RemoveAll(dir))
	}
	if err != nil {
		log.Fatal(err)
	}
}

// demo starts the host twice over the same journal.
func demo(ctx context.Context, out io.Writer, dir string) error {
	clock := scheduletest.NewClock(time.Date(2024, 1, 2, 18, 0, 0, 0, time.UTC))
	vendor := channeltest.NewLark(&channeltest.LarkOptions{Now: clock.Now, Bots: map[string]channeltest.LarkBot{"demo": {}}})
	defer vendor.Close()
	host := func(use func(*datapush.Pusher) error) error {
		return start(ctx, filepath.Join(dir, "push.journal"), clock, use)
	}

	err := host(func(p *datapush.Pusher) error { return publish(ctx, p, vendor.URL("demo")) })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The first process tested and published the report; %d message arrived.\n", len(vendor.Messages()))

	clock.Set(time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC))
	return host(func(p *datapush.Pusher) error {
		if _, err := p.RunDue(ctx); err != nil {
			return err
		}
		fmt.Fprintf(out, "The second process found it in the journal; %d messages arrived. Its ledger:\n", len(vendor.Messages()))
		runs, err := p.Runs(ctx, task.RunFilter{})
		for _, r := range runs {
			fmt.Fprintf(out, "%-9s of %s: %s, date=%s\n", r.Trigger, r.Occurrence.At.Format("2006-01-02 15:04"), r.State, r.Params["date"])
		}
		return err
	})
}

// start is one life of the host, from opening the journal to closing it.
func start(ctx context.Context, journal string, clock schedule.Clock, use func(*datapush.Pusher) error) (err error) {
	store, err := Open(ctx, journal)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return err
	}
	defer db.Close()
	p, err := datapush.New(datapush.Config{
		Sources:  map[string]source.Source{"sales": sqlite.New(db, nil)},
		Channels: []channel.Channel{lark.New(&lark.Options{Allow: channel.AllowLoopback(), Now: clock.Now})},
		Store:    store,
		Clock:    clock,
	})
	if err != nil {
		return err
	}
	return use(p)
}

// publish takes a report from a draft to a running schedule.
func publish(ctx context.Context, p *datapush.Pusher, webhook string) error {
	if err := p.SaveDestination(ctx, channel.Webhook("ops", channel.Lark, webhook)); err != nil {
		return err
	}
	id, err := p.Create(ctx, task.Spec{
		Name:         "Daily revenue",
		Source:       "sales",
		SQL:          `SELECT '${date}' AS day, 41000 AS revenue`,
		Params:       task.Params{"date": "${yyyymmdd}"},
		Content:      render.Content{Title: "Revenue on ${date}", Blocks: render.Blocks(render.Table("day", "revenue"))},
		Schedule:     schedule.Schedule{Cycle: schedule.Daily("08:00")},
		Destinations: []string{"ops"},
	})
	if err != nil {
		return err
	}
	r, err := p.Test(ctx, id, datapush.TestOptions{Params: task.Params{"date": "20240101"}, Push: true})
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
