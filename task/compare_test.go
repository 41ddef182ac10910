package task_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/task"
)

func base() task.Spec {
	return task.Spec{
		Name: "Daily revenue", Source: "sales", SQL: "SELECT 1",
		Params: task.Params{"date": "${yyyymmdd}", "creator": "admin"},
		Content: render.Content{Title: "Revenue", Blocks: render.Blocks(
			render.Markdown("by ${creator}"),
			render.TableOf(render.Column{Field: "revenue", Prefix: "$", Condition: &render.Condition{Op: render.OpEqual, Threshold: "0"}}),
		)},
		Schedule:     schedule.Schedule{Cycle: schedule.Daily("08:00"), Timeout: time.Hour},
		Destinations: []string{"ops"},
	}
}

func TestCompare(t *testing.T) {
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, c := range []struct {
		name   string
		change func(*task.Spec)
		want   []task.Change
	}{
		{"equal specs differ nowhere", func(*task.Spec) {}, nil},
		{"nil and empty are the same", func(s *task.Spec) { s.Outputs = []string{} }, nil},
		{"a text", func(s *task.Spec) { s.SQL = "SELECT 1 WHERE a < 'b'" },
			[]task.Change{{Path: "sql", Old: `"SELECT 1"`, New: `"SELECT 1 WHERE a < 'b'"`}}},
		{"a text that was empty", func(s *task.Spec) { s.Owner = "ann" },
			[]task.Change{{Path: "owner", Old: `""`, New: `"ann"`}}},
		{"a switch", func(s *task.Spec) { s.SkipEmpty = true },
			[]task.Change{{Path: "skipEmpty", Old: "false", New: "true"}}},
		{"parameters changed, added and taken away", func(s *task.Spec) {
			s.Params = task.Params{"date": "${yyyymmdd-1}", "a b": "1", "": "2"}
		}, []task.Change{
			{Path: `params[""]`, New: `"2"`},
			{Path: `params["a b"]`, New: `"1"`},
			{Path: "params.creator", Old: `"admin"`},
			{Path: "params.date", Old: `"${yyyymmdd}"`, New: `"${yyyymmdd-1}"`},
		}},
		{"a column deep inside", func(s *task.Spec) { s.Content.Blocks[1].Table.Columns[0].Prefix = "¥" },
			[]task.Change{{Path: "content.blocks[1].table.columns[0].prefix", Old: `"$"`, New: `"¥"`}}},
		{"a condition's style", func(s *task.Spec) { s.Content.Blocks[1].Table.Columns[0].Condition.Met.Color = channel.ColorRed },
			[]task.Change{{Path: "content.blocks[1].table.columns[0].condition.met.color", Old: `""`, New: `"red"`}}},
		{"a block of another kind", func(s *task.Spec) { s.Content.Blocks[0] = render.Email("Hello") }, []task.Change{
			{Path: "content.blocks[0].markdown", Old: `{"text":"by ${creator}"}`},
			{Path: "content.blocks[0].email", New: `{"text":"Hello"}`},
		}},
		{"a block more", func(s *task.Spec) { s.Content.Blocks = append(s.Content.Blocks, render.Markdown("end")) },
			[]task.Change{{Path: "content.blocks[2]", New: `{"markdown":{"text":"end"}}`}}},
		{"a block less", func(s *task.Spec) { s.Content.Blocks = s.Content.Blocks[:0] }, []task.Change{
			{Path: "content.blocks[0]", Old: `{"markdown":{"text":"by ${creator}"}}`},
			{Path: "content.blocks[1]", Old: text(base().Content.Blocks[1])},
		}},
		{"destinations in another order", func(s *task.Spec) { s.Destinations = []string{"board", "ops"} }, []task.Change{
			{Path: "destinations[0]", Old: `"ops"`, New: `"board"`},
			{Path: "destinations[1]", New: `"ops"`},
		}},
		{"the schedule", func(s *task.Spec) {
			s.Schedule.Cycle = schedule.Weekly("09:00", time.Monday)
			s.Schedule.From = schedule.Date{Year: 2024, Month: time.January, Day: 1}
			s.Schedule.Timeout = 90 * time.Minute
			s.Schedule.Misfire = schedule.Skip
		}, []task.Change{
			{Path: "schedule.cycle", Old: text(schedule.Daily("08:00")), New: text(schedule.Weekly("09:00", time.Monday))},
			{Path: "schedule.from", Old: text(schedule.Date{}), New: text(schedule.Date{Year: 2024, Month: time.January, Day: 1})},
			{Path: "schedule.timeout", Old: `"1h"`, New: `"1h30m"`},
			{Path: "schedule.misfire", Old: text(schedule.Latest), New: text(schedule.Skip)},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := base()
			c.change(&b)
			if diff := cmp.Diff(c.want, task.Compare(base(), b)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			back := task.Compare(b, base())
			for i := range back {
				back[i].Old, back[i].New = back[i].New, back[i].Old
			}
			if diff := cmp.Diff(c.want, back); diff != "" {
				t.Errorf("changes back (-want +got):\n%s", diff)
			}
		})
	}
}

func ExampleCompare() {
	v1 := task.Spec{
		Name: "Daily revenue", SQL: "SELECT revenue FROM sales WHERE ds = '${date}'",
		Params:  task.Params{"date": "${yyyymmdd}"},
		Content: render.Content{Title: "Revenue", Blocks: render.Blocks(render.Table("revenue"))},
	}
	v2 := v1.Clone()
	v2.Params["date"] = "${yyyymmdd-1}"
	v2.Content.Blocks[0].Table.Columns[0].Prefix = "¥"
	for _, c := range task.Compare(v1, v2) {
		fmt.Printf("%s: %s is now %s\n", c.Path, c.Old, c.New)
	}
	// Output:
	// params.date: "${yyyymmdd}" is now "${yyyymmdd-1}"
	// content.blocks[0].table.columns[0].prefix: "" is now "¥"
}
