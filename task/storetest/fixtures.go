package storetest

import (
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/version"
)

func plainSpec(name string) task.Spec {
	return task.Spec{Name: name, Source: "sales", SQL: "SELECT 1", Schedule: schedule.Schedule{Cycle: schedule.Daily("08:00")}}
}

// fullSpec sets every field, and nests whatever can be nested.
func fullSpec() task.Spec {
	columns := []render.Column{
		{Field: "department", Header: "Department", Align: channel.AlignLeft, Empty: "-"},
		{Field: "diff", Prefix: "¥", Suffix: " k", Format: "#,##0.00", Condition: &render.Condition{
			Op: render.OpGreaterEqual, Threshold: "0",
			Met:    render.Style{Color: channel.ColorGreen, Mark: "↑"},
			NotMet: render.Style{Color: channel.ColorRed, Mark: "↓"},
		}},
	}
	return task.Spec{
		Name: "Daily revenue", Owner: "ann", Source: "sales", Environment: task.Development,
		SQL:     "SELECT department, diff FROM sales WHERE ds = '${date}'",
		Params:  task.Params{"date": "${yyyymmdd}", "creator": "admin"},
		Outputs: []string{"department", "diff"},
		Content: render.Content{Title: "Revenue on ${date}", Blocks: []render.Block{
			{Markdown: &render.MarkdownBlock{Text: "by **${creator}**", Rows: render.Join}},
			{Table: &render.TableBlock{Columns: columns, File: "xlsx"}},
			{Chart: &render.ChartBlock{Kind: render.Bar, Title: "Change", Labels: "department", Series: []render.Series{
				{Field: "diff", Name: "Change", Color: channel.ColorBlue},
			}}},
			{Email: &render.EmailBlock{Text: "Dear all,", Rows: render.Repeat}},
		}},
		SkipEmpty: true,
		Schedule: schedule.Schedule{
			Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai",
			From:    schedule.Date{Year: 2024, Month: time.January, Day: 1},
			Until:   schedule.Date{Year: 2024, Month: time.December, Day: 31},
			Timeout: time.Hour, Misfire: schedule.All, CatchUp: 2 * time.Hour,
		},
		Destinations: []string{"ops", "board"}, ResourceGroup: "nightly", NodeMode: task.DryRun,
	}
}

func fullTask() task.Task {
	return task.Task{
		ID: "t1", Draft: fullSpec(), Revision: 1,
		CreatedBy: "ann", CreatedAt: clock(1), SavedBy: "bob", SavedAt: clock(2),
		Pass: &task.Pass{Hash: "h1", Run: "r1", By: "bob", At: clock(3), Outputs: []string{"department", "diff"}},
	}
}

func fullVersion() task.Version {
	return task.Version{
		Task: "t1", Number: 1, Status: version.CanBePublished, Spec: fullSpec(),
		Warnings:    []channel.Warning{{Code: channel.WarnCut, Text: "too long"}},
		SubmittedBy: "ann", SubmittedAt: clock(4),
	}
}

func fullDestination() channel.Destination {
	return channel.Destination{
		Name: "ops", Kind: channel.Lark, URL: channel.NewSecret("https://hook.example/token"),
		Secrets:  map[string]channel.Secret{"sign": channel.NewSecret("s3cret")},
		Options:  map[string]string{"keyword": "report"},
		Mentions: []channel.Mention{{All: true}, {ID: "u1", Phone: "1", Email: "a@b.example", Name: "Ann"}},
		Fit:      channel.TopRows, OnUnknown: channel.Hold,
	}
}

// fullRun is a test of a draft, as it stands while it goes on.
func fullRun() task.Run {
	spec := fullSpec()
	r := byHand("t1", "r1", clock(0))
	r.Version, r.Draft = 0, &spec
	r.Environment = task.Development
	r.Params = task.Params{"date": "20240102"}
	r.DryRun, r.Actor = true, "ann"
	r.State, r.Waiting, r.WaitFor = task.Waiting, "a place", task.GroupKey("nightly")
	r.Resume, r.Deadline, r.PlannedAt, r.StartedAt = clock(5), clock(60), clock(1), clock(2)
	r.Rendered = true
	r.Warnings = []channel.Warning{{Code: channel.WarnData, Text: "cut off"}}
	r.Outputs = []string{"department", "diff"}
	r.Rows = 3
	return r
}

func fullDelivery() task.Delivery {
	return task.Delivery{
		Run: "r1", Destination: "ops", Kind: channel.Lark, State: task.Pending,
		Parts: []task.Part{
			{Number: 1, Of: 2, Key: "k1", Type: "interactive", Size: 7, Attempts: 1, SentAt: clock(3),
				Receipt: &channel.Receipt{Delivered: true, ID: "m1", Note: "one receiver left out"}},
			{Number: 2, Of: 2, Key: "k2", Type: "interactive", Size: 8, Body: []byte(`{"a":"b"}`), Attempts: 2, Sending: true, MayRepeat: true,
				Outcome: "unknown", Code: "19024", Error: "no answer", SentAt: clock(4)},
		},
		Resume: clock(6), Waiting: "the vendor's wait", Code: "19024", Error: "no answer",
		Warnings: []channel.Warning{{Code: channel.WarnSplit, Text: "two parts"}},
	}
}
