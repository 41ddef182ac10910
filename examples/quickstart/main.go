// Command quickstart shows the whole road of a data push on one machine: a
// sales report from an embedded database reaches five channels, whose vendors
// are faithful fakes on loopback. It needs nothing but Go and ends by itself.
//
// What it prints about each arrival is decoded from the raw bytes that the
// vendor's fake received.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/task"
)

func main() { os.Exit(exit(newWorld())) }

// exit runs the report in a world and gives the exit status.
func exit(w *world, err error) int {
	if err == nil {
		err = errors.Join(run(context.Background(), os.Stdout, w), w.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		return 1
	}
	return 0
}

// report is the task: two SELECTs, a Markdown block, a table, a mail body.
func report() task.Spec {
	return task.Spec{
		Name:   "Daily sales",
		Owner:  "admin",
		Source: "sales",
		SQL: `-- the revenue of the day
SELECT id, department, revenue FROM sales WHERE ds = '${date}' ORDER BY id;
-- how it differs from the day before
SELECT a.revenue - b.revenue AS diff
FROM sales a JOIN sales b ON a.id = b.id
WHERE a.ds = '${date}' AND b.ds = '${previous_date}' ORDER BY a.id`,
		Params: task.Params{
			"date":          "${yyyymmdd}",
			"previous_date": "${yyyymmdd-1}",
			"creator":       "admin",
			"subscriber":    "user",
		},
		Content: render.Content{
			Title: "Sales report ${date}",
			Blocks: render.Blocks(
				render.Markdown("**Sales** of ${date}, by ${creator} for ${subscriber}"),
				render.TableOf(
					render.Column{Field: "department"},
					render.Column{Field: "revenue", Prefix: "¥"},
					render.Column{Field: "diff", Condition: &render.Condition{
						Op: render.OpGreaterEqual, Threshold: "0",
						Met:    render.Style{Color: channel.ColorGreen, Mark: "↑"},
						NotMet: render.Style{Color: channel.ColorRed, Mark: "↓"},
					}},
				),
				render.Email("Dear ${subscriber},\n\nthe sales of ${date} are attached."),
			),
		},
		Schedule:     schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai"},
		Destinations: []string{"dingtalk", "lark", "wecom", "teams", "mail"},
	}
}

// run takes the report from draft to arrival. It fails unless all five arrived.
func run(ctx context.Context, out io.Writer, w *world) error {
	p, err := datapush.New(w.config())
	if err != nil {
		return err
	}
	for _, d := range w.destinations() {
		if err := p.SaveDestination(ctx, d); err != nil {
			return err
		}
	}
	p = p.By("admin")
	id, err := p.Create(ctx, report())
	if err != nil {
		return err
	}

	constants := task.Params{"date": "20240102", "previous_date": "20240101"}
	preview, err := p.Preview(ctx, id, channel.WeCom, &datapush.PreviewOptions{Params: constants})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Preview for WeCom: %q, %d of %d bytes, nothing sent\n", preview.Title, preview.Payloads[0].Size, preview.Limit)

	tested, err := p.Test(ctx, id, datapush.TestOptions{Params: constants, Push: true})
	if err != nil {
		return err
	}
	if err := arrived(ctx, p, tested); err != nil {
		return fmt.Errorf("the test push: %w", err)
	}
	fmt.Fprintf(out, "Test with constants: %s, %d rows\n", tested.State, tested.Rows)
	v, err := p.Submit(ctx, id)
	if err != nil {
		return err
	}
	if err := p.Publish(ctx, id, v.Number); err != nil {
		return err
	}

	// The scheduled run of the next morning happens when its time comes.
	next, err := p.RunDue(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Published version %d, next run %s\n", v.Number, next.In(w.zone).Format("2006-01-02 15:04 -0700"))
	w.clock.Set(next)
	if _, err := p.RunDue(ctx); err != nil {
		return err
	}
	runs, err := p.Runs(ctx, task.RunFilter{Task: id, Trigger: task.Scheduled})
	if err != nil {
		return err
	}
	if len(runs) != 1 {
		return fmt.Errorf("%d scheduled runs, want 1", len(runs))
	}
	if err := arrived(ctx, p, &runs[0]); err != nil {
		return fmt.Errorf("the scheduled run: %w", err)
	}
	if err := w.print(out); err != nil {
		return err
	}
	return ledger(ctx, out, p, id, runs[0])
}

// arrived fails unless every destination acknowledged every part, and says what
// the vendors answered.
func arrived(ctx context.Context, p *datapush.Pusher, r *task.Run) error {
	if r.State == task.Succeeded {
		return nil
	}
	ds, err := p.Deliveries(ctx, r.ID)
	if err != nil {
		return err
	}
	var bad []string
	for _, d := range ds {
		if d.State != task.Delivered {
			bad = append(bad, fmt.Sprintf("%s: %s, code %q: %s", d.Destination, d.State, d.Code, d.Error))
		}
	}
	if bad == nil {
		bad = append(bad, r.Error)
	}
	return fmt.Errorf("%s: %s", r.State, strings.Join(bad, "; "))
}

// ledger prints the versions and what became of the scheduled run.
func ledger(ctx context.Context, out io.Writer, p *datapush.Pusher, id string, r task.Run) error {
	vs, err := p.Versions(ctx, id)
	if err != nil {
		return err
	}
	ds, err := p.Deliveries(ctx, r.ID)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nVersions of %q\n", report().Name)
	for _, v := range vs {
		fmt.Fprintf(t, "  %d\t%s\tby %s\n", v.Number, v.Status, v.Deployer)
	}
	fmt.Fprintf(t, "\nLedger of the run at %s\n", r.Occurrence.At.Format(time.RFC3339))
	for _, d := range ds {
		for _, part := range d.Parts {
			answer := "accepted"
			if part.Receipt.Delivered {
				answer = "delivered"
			}
			fmt.Fprintf(t, "  %s\tpart %d/%d\t%s\tattempt %d\n", d.Destination, part.Number, part.Of, answer, part.Attempts)
		}
	}
	return t.Flush()
}
