package datapush_test

import (
	"context"
	"log"
	"os"
	"os/signal"
	"strings"
	"testing"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sqlite"
	"github.com/datapush-go/datapush/task"
	"github.com/google/go-cmp/cmp"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A host from its sources to a running schedule.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	sales, err := sqlite.Open(os.Getenv("SALES_DSN"), nil)
	check(err)
	p, err := datapush.New(datapush.Config{
		Sources:  map[string]source.Source{"sales": sales},
		Channels: []channel.Channel{lark.New(nil)},
	})
	check(err)
	check(p.SaveDestination(ctx, channel.Webhook("ops", channel.Lark, os.Getenv("LARK_WEBHOOK"))))

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
	v, err := p.Submit(ctx, id)
	check(err)
	check(p.Publish(ctx, id, v.Number))
	check(p.Run(ctx)) // blocks until ctx is done, then drains
}

func TestTheReadmeShowsTheCompiledExample(t *testing.T) {
	between := func(file, from, to string) string {
		t.Helper()
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, after, ok := strings.Cut(string(b), from)
		text, _, ok2 := strings.Cut(after, to)
		if !ok || !ok2 {
			t.Fatalf("%s has no text between %q and %q", file, from, to)
		}
		return text
	}
	shown := between("README.md", "<!-- embed -->\n```go\n", "```\n<!-- /embed -->")
	compiled := between("example_test.go", "defer stop()\n\n", "\n}\n")
	compiled = strings.ReplaceAll("\n"+compiled+"\n", "\n\t", "\n")[1:]
	if d := cmp.Diff(compiled, shown); d != "" {
		t.Errorf("the example and the README differ (-compiled +shown):\n%s", d)
	}
}
