package datapush_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/version"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// status lists a task's versions as "2 published".
func (h *host) status(id string) []version.Status {
	h.t.Helper()
	vs, err := h.Versions(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	slices.Reverse(vs)
	var s []version.Status
	for i, v := range vs {
		if v.Number != i+1 {
			h.t.Errorf("version %d has number %d", i+1, v.Number)
		}
		s = append(s, v.Status)
	}
	return s
}

func (h *host) want(what string, got, want any) {
	h.t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(schedule.Cycle{})); d != "" {
		h.t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// counts asserts how many queries and sends there were since forget.
func (h *host) counts(queries, sends int) {
	h.t.Helper()
	if got := len(h.db.queries()) + len(h.dev.queries()); got != queries {
		h.t.Errorf("%d queries, want %d", got, queries)
	}
	if got := len(h.box.messages()); got != sends {
		h.t.Errorf("%d sends, want %d", got, sends)
	}
}

// The vectors V1 to V18 of the behaviour specification, section 1.11.
func TestLifecycle(t *testing.T) {
	tests := []struct {
		name string
		run  func(t *testing.T, ctx context.Context, h *host)
	}{
		{"V1 creating makes a draft without versions", func(t *testing.T, ctx context.Context, h *host) {
			id := h.create(daily("d"))
			h.want("versions", h.status(id), []version.Status(nil))
			got, err := h.Task(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			h.want("draft", got.Draft, daily("d"))
			h.counts(0, 0)
		}},
		{"V2 submitting without a test is refused", func(t *testing.T, ctx context.Context, h *host) {
			id := h.create(daily("d"))
			if err := h.Save(ctx, id, daily("d")); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Submit(ctx, id); !errors.Is(err, datapush.ErrNotTested) {
				t.Errorf("Submit: %v", err)
			}
			h.counts(0, 0)
		}},
		{"V3 a passed test and a submit make version 1, not active", func(t *testing.T, ctx context.Context, h *host) {
			id := h.create(daily("d"))
			if _, err := h.Test(ctx, id, constant); err != nil {
				t.Fatal(err)
			}
			h.counts(1, 1)
			v, err := h.Submit(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			h.want("number", v.Number, 1)
			h.want("versions", h.status(id), []version.Status{version.CanBePublished})
			h.forget()
			h.until(start.AddDate(0, 0, 3))
			h.counts(0, 0)
		}},
		{"V4 publishing activates the schedule and lists the task", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			h.want("versions", h.status(id), []version.Status{version.Published})
			rows, err := h.Tasks(ctx, task.Filter{})
			if err != nil || len(rows) != 1 || rows[0].ID != id {
				t.Errorf("list: %+v, %v", rows, err)
			}
			h.until(start.AddDate(0, 0, 1))
			h.counts(1, 1)
			h.want("query", h.db.queries(), []string{"SELECT a FROM sales WHERE ds = '20240102'"})
		}},
		{"V5 a changed draft needs a new test", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			s := daily("d")
			s.SQL = `SELECT a FROM sales2 WHERE ds = '${date}'`
			if err := h.Save(ctx, id, s); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Submit(ctx, id); !errors.Is(err, datapush.ErrNotTested) {
				t.Errorf("Submit: %v", err)
			}
			h.counts(0, 0)
		}},
		{"V5 a changed schedule needs none", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			s := daily("d")
			s.Schedule.TimeZone = "UTC"
			if err := h.Save(ctx, id, s); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Submit(ctx, id); err != nil {
				t.Errorf("Submit: %v", err)
			}
		}},
		{"V6 publishing version 2 takes version 1 off-line", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			s := daily("d")
			s.SQL = `SELECT a FROM sales2 WHERE ds = '${date}'`
			if err := h.Save(ctx, id, s); err != nil {
				t.Fatal(err)
			}
			h.republish(id)
			h.want("versions", h.status(id), []version.Status{version.OffLine, version.Published})
			h.until(start.AddDate(0, 0, 1))
			h.want("query", h.db.queries(), []string{"SELECT a FROM sales2 WHERE ds = '20240102'"})
		}},
		{"V7 an unpublished version can be abandoned", func(t *testing.T, ctx context.Context, h *host) {
			id := h.create(daily("d"))
			if _, err := h.Test(ctx, id, constant); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Submit(ctx, id); err != nil {
				t.Fatal(err)
			}
			if err := h.Abandon(ctx, id, 1); err != nil {
				t.Fatal(err)
			}
			h.want("versions", h.status(id), []version.Status{version.Abandoned})
		}},
		{"V8 a published version cannot be abandoned", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			if err := h.Abandon(ctx, id, 1); !errors.Is(err, datapush.ErrNotAllowed) {
				t.Errorf("Abandon: %v", err)
			}
			h.want("versions", h.status(id), []version.Status{version.Published})
		}},
		{"V9 abandoned and off-line versions cannot be published", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			if _, err := h.Submit(ctx, id); err != nil {
				t.Fatal(err)
			}
			if err := h.Abandon(ctx, id, 2); err != nil {
				t.Fatal(err)
			}
			if err := h.Unpublish(ctx, id); err != nil {
				t.Fatal(err)
			}
			for n := 1; n <= 2; n++ {
				if err := h.Publish(ctx, id, n); !errors.Is(err, datapush.ErrNotAllowed) {
					t.Errorf("Publish %d: %v", n, err)
				}
			}
			h.want("versions", h.status(id), []version.Status{version.OffLine, version.Abandoned})
		}},
		{"V10 unpublishing stops the schedule and leaves the list", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			if err := h.Unpublish(ctx, id); err != nil {
				t.Fatal(err)
			}
			h.want("versions", h.status(id), []version.Status{version.OffLine})
			if rows, err := h.Tasks(ctx, task.Filter{}); err != nil || len(rows) != 0 {
				t.Errorf("list: %+v, %v", rows, err)
			}
			h.until(start.AddDate(0, 0, 3))
			h.counts(0, 0)
		}},
		{"V11 and V12 rolling back fills the draft, which needs a test and becomes version 3", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			s := daily("d")
			s.SQL = `SELECT a FROM sales2 WHERE ds = '${date}'`
			if err := h.Save(ctx, id, s); err != nil {
				t.Fatal(err)
			}
			h.republish(id)
			if err := h.Rollback(ctx, id, 1); err != nil {
				t.Fatal(err)
			}
			got, err := h.Task(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			h.want("draft", got.Draft, daily("d"))
			if _, err := h.Submit(ctx, id); !errors.Is(err, datapush.ErrNotTested) {
				t.Errorf("Submit: %v", err)
			}
			h.want("number", h.republish(id), 3)
			h.want("versions", h.status(id), []version.Status{version.OffLine, version.OffLine, version.Published})
		}},
		{"V13 rolling back leaves the published version running", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			s := daily("d")
			s.SQL = `SELECT a FROM sales2 WHERE ds = '${date}'`
			if err := h.Save(ctx, id, s); err != nil {
				t.Fatal(err)
			}
			h.republish(id)
			if err := h.Rollback(ctx, id, 1); err != nil {
				t.Fatal(err)
			}
			h.want("versions", h.status(id), []version.Status{version.OffLine, version.Published})
			h.until(start.AddDate(0, 0, 1))
			h.want("query", h.db.queries(), []string{"SELECT a FROM sales2 WHERE ds = '20240102'"})
		}},
		{"V14 a version's details are there in any status", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			if err := h.Unpublish(ctx, id); err != nil {
				t.Fatal(err)
			}
			v, err := h.Version(ctx, id, 1)
			if err != nil {
				t.Fatal(err)
			}
			h.want("spec", v.Spec, daily("d"))
			if _, err := h.Version(ctx, id, 2); !errors.Is(err, datapush.ErrNotFound) {
				t.Errorf("version 2: %v", err)
			}
		}},
		{"V15 a test without a needed constant names the parameter", func(t *testing.T, ctx context.Context, h *host) {
			id := h.create(daily("d"))
			_, err := h.Test(ctx, id, datapush.TestOptions{Push: true})
			var f task.Findings
			if !errors.As(err, &f) || len(f) != 1 || f[0].Path != "params.date" {
				t.Errorf("Test: %v", err)
			}
			h.counts(0, 0)
		}},
		{"V15 a constant keeps its value unless it is overridden", func(t *testing.T, ctx context.Context, h *host) {
			s := daily("d")
			s.Params["date"] = "20230101"
			id := h.create(s)
			for _, o := range []datapush.TestOptions{{}, {Params: task.Params{"date": "20220101"}}} {
				if _, err := h.Test(ctx, id, o); err != nil {
					t.Fatal(err)
				}
			}
			h.want("queries", h.db.queries(), []string{
				"SELECT a FROM sales WHERE ds = '20230101'", "SELECT a FROM sales WHERE ds = '20220101'"})
		}},
		{"V16 the constant stands in the SQL and in the title", func(t *testing.T, ctx context.Context, h *host) {
			id := h.create(daily("d"))
			o := constant
			o.Params = task.Params{"date": "20240102"}
			if _, err := h.Test(ctx, id, o); err != nil {
				t.Fatal(err)
			}
			h.want("queries", h.db.queries(), []string{"SELECT a FROM sales WHERE ds = '20240102'"})
			if got := h.box.messages(); len(got) != 1 || got[0].Body != "Report 20240102|x" {
				t.Errorf("messages: %+v", got)
			}
		}},
		{"V16 a time instead of constants evaluates the expressions", func(t *testing.T, ctx context.Context, h *host) {
			id := h.create(daily("d"))
			if _, err := h.Test(ctx, id, datapush.TestOptions{At: shanghai(t, "2024-03-01 08:00:00")}); err != nil {
				t.Fatal(err)
			}
			h.want("queries", h.db.queries(), []string{"SELECT a FROM sales WHERE ds = '20240229'"})
		}},
		{"V17 a published task is tested without a push", func(t *testing.T, ctx context.Context, h *host) {
			id := h.publish(daily("d"))
			o := constant
			o.Version, o.Push = 1, false
			r, err := h.Test(ctx, id, o)
			if err != nil || r.State != task.Succeeded {
				t.Errorf("Test: %+v, %v", r, err)
			}
			h.counts(1, 0)
		}},
		{"V18 a published task is tested with a push to all its destinations", func(t *testing.T, ctx context.Context, h *host) {
			h.destination("sales-team", nil)
			s := daily("d")
			s.Destinations = []string{"ops", "sales-team"}
			id := h.publish(s)
			o := constant
			o.Version = 1
			if _, err := h.Test(ctx, id, o); err != nil {
				t.Fatal(err)
			}
			h.counts(1, 2)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, t.Context(), newHost(t)) })
	}
}

func TestOnlyARealPushOfTheDraftOpensTheGate(t *testing.T) {
	refuse := func(context.Context, channel.Destination, channel.Payload) (channel.Receipt, error) {
		return channel.Receipt{}, &channel.Error{Op: "box: send", Outcome: channel.Rejected, Code: "42", Err: errVendor}
	}
	tests := []struct {
		name string
		prep func(t *testing.T, h *host, s *task.Spec)
		o    datapush.TestOptions
		want bool
	}{
		{"a push that arrives", nil, constant, true},
		{"a test without a push", nil, datapush.TestOptions{Params: constant.Params}, false},
		{"a push in development", nil, datapush.TestOptions{Params: constant.Params, Push: true, Environment: task.Development}, true},
		{"a push that a destination refuses", func(t *testing.T, h *host, s *task.Spec) { h.box.answer = refuse }, constant, false},
		{"a query that fails", func(t *testing.T, h *host, s *task.Spec) {
			h.db.answer = func(context.Context, string) (*source.Result, error) { return nil, errVendor }
		}, constant, false},
		{"a result that is skipped as empty", func(t *testing.T, h *host, s *task.Spec) {
			s.SkipEmpty = true
			h.db.answer = rows()
		}, constant, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, ctx := newHost(t), t.Context()
			s := daily("d")
			if tt.prep != nil {
				tt.prep(t, h, &s)
			}
			id := h.create(s)
			if _, err := h.Test(ctx, id, tt.o); err != nil {
				t.Fatal(err)
			}
			_, err := h.Submit(ctx, id)
			if open := err == nil; open != tt.want {
				t.Errorf("Submit: %v, want open = %v", err, tt.want)
			}
			if err != nil && !errors.Is(err, datapush.ErrNotTested) {
				t.Errorf("Submit: %v", err)
			}
		})
	}
}

func TestATestOfAVersionDoesNotOpenTheGateOfTheDraft(t *testing.T) {
	h, ctx := newHost(t), t.Context()
	id := h.publish(daily("d"))
	s := daily("d")
	s.SQL += " AND b = 1"
	if err := h.Save(ctx, id, s); err != nil {
		t.Fatal(err)
	}
	o := constant
	o.Version = 1
	if _, err := h.Test(ctx, id, o); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Submit(ctx, id); !errors.Is(err, datapush.ErrNotTested) {
		t.Errorf("Submit: %v", err)
	}
}

func TestAPublishedRunUsesItsFrozenVersion(t *testing.T) {
	h, ctx := newHost(t), t.Context()
	id := h.publish(daily("d"))
	s := daily("d")
	s.SQL = "SELECT a FROM elsewhere"
	if err := h.Save(ctx, id, s); err != nil {
		t.Fatal(err)
	}
	h.until(start.AddDate(0, 0, 1))
	h.want("query", h.db.queries(), []string{"SELECT a FROM sales WHERE ds = '20240102'"})
}

func TestPublishingLosesNoOccurrenceThatIsDue(t *testing.T) {
	h, ctx := newHost(t), t.Context()
	id := h.publish(daily("d"))
	s := daily("d")
	s.Schedule.Timeout = 1
	if _, err := h.Submit(ctx, id); err != nil {
		t.Fatal(err)
	}
	h.clock.Set(shanghai(t, "2024-01-03 08:00:01"))
	if err := h.Publish(ctx, id, 2); err != nil {
		t.Fatal(err)
	}
	h.until(shanghai(t, "2024-01-03 09:00:00"))
	rs := h.runs(id)
	if len(rs) != 1 || rs[0].Version != 1 || rs[0].State != task.Succeeded {
		t.Errorf("runs: %+v", rs)
	}
}

func TestTheRecordSaysWhoDidWhat(t *testing.T) {
	h, ctx := newHost(t), t.Context()
	id, err := h.By("ann").Create(ctx, daily("d"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.By("ben").Test(ctx, id, constant)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.By("cid").Submit(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := h.By("dan").Publish(ctx, id, 1); err != nil {
		t.Fatal(err)
	}
	tk, err := h.Task(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.Version(ctx, id, 1)
	if err != nil {
		t.Fatal(err)
	}
	h.want("actors", []string{tk.CreatedBy, r.Actor, v.SubmittedBy, v.Deployer}, []string{"ann", "ben", "cid", "dan"})
	h.want("times", []bool{tk.CreatedAt.Equal(start), v.SubmittedAt.Equal(start), v.PublishedAt.Equal(start)}, []bool{true, true, true})
}

func TestTheManagementListFilters(t *testing.T) {
	h, ctx := newHost(t, func(c *datapush.Config) {
		c.Groups = map[string]int{"big": 2}
		c.Sources["stock"] = &database{answer: rows("x")}
	}), t.Context()
	a := daily("Daily revenue")
	b := daily("Weekly stock")
	b.Source, b.Owner, b.ResourceGroup, b.NodeMode = "stock", "bob", "big", task.DryRun
	ida, idb := h.publish(a), ""
	h.Pusher = h.By("carol")
	idb = h.publish(b)
	draft := h.create(daily("Draft"))

	want := task.Row{ID: idb, Name: "Weekly stock", Source: "stock", Environment: task.Production, NodeMode: task.DryRun,
		ResourceGroup: "big", Owner: "bob", Deployer: "carol", Version: 1}
	rows, err := h.Tasks(ctx, task.Filter{Owner: "bob"})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%+v, %v", rows, err)
	}
	if !rows[0].PublishedAt.Equal(start) {
		t.Errorf("published at %v", rows[0].PublishedAt)
	}
	want.PublishedAt = rows[0].PublishedAt
	h.want("row", rows[0], want)

	for _, tt := range []struct {
		f    task.Filter
		want []string
	}{
		{task.Filter{}, []string{ida, idb}},
		{task.Filter{Name: "REVENUE"}, []string{ida}},
		{task.Filter{Source: "stock"}, []string{idb}},
		{task.Filter{Owner: "alice"}, []string{ida}},
		{task.Filter{Owner: "alice", Unpublished: true}, []string{ida, draft}},
		{task.Filter{Name: "nothing"}, nil},
	} {
		rows, err := h.Tasks(ctx, tt.f)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		slices.Sort(ids)
		slices.Sort(tt.want)
		h.want("filter", ids, tt.want)
	}
}

func TestADraftIsKeptWithAllItsFindings(t *testing.T) {
	h, ctx := newHost(t), t.Context()
	h.create(daily("taken"))
	s := daily("taken")
	s.Source = "nowhere"
	s.SQL = "SELECT a FROM t WHERE b = '${unknown}'"
	s.Environment = "staging"
	s.Content.Title = "${"
	s.Content.Blocks = append(s.Content.Blocks, render.Email("one"), render.Email("two"))
	s.Params = task.Params{"date": "$[yyyymm-1]", "bad name": "1"}
	s.Schedule.TimeZone = "Mars/Olympus"
	s.Destinations = []string{"ops", "ops", "missing"}
	s.ResourceGroup = "none"
	s.NodeMode = "sometimes"
	id, err := h.Create(ctx, s)
	var f task.Findings
	if id == "" || !errors.Is(err, datapush.ErrInvalid) || !errors.As(err, &f) {
		t.Fatalf("Create: %q, %v", id, err)
	}
	var paths []string
	for _, x := range f {
		paths = append(paths, x.Path)
	}
	for _, want := range []string{"name", "environment", "source", "params.date", "params.bad name", "sql", "content.title",
		"content.blocks[2]", "schedule.timeZone", "destinations[1]", "destinations[2]", "resourceGroup", "nodeMode"} {
		if !slices.ContainsFunc(paths, func(p string) bool { return p == want || strings.HasPrefix(p, want+".") }) {
			t.Errorf("no finding for %s in %v", want, paths)
		}
	}
	got, err := h.Task(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	h.want("draft", got.Draft, s)
	for what, call := range map[string]func() error{
		"Test":   func() error { _, err := h.Test(ctx, id, constant); return err },
		"Submit": func() error { _, err := h.Submit(ctx, id); return err },
		"Save":   func() error { return h.Save(ctx, id, s) },
	} {
		if err := call(); !errors.Is(err, datapush.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.counts(0, 0)
}

func TestUnknownOutputsAreFoundWithTheDatabase(t *testing.T) {
	h, ctx := newHost(t), t.Context()
	s := daily("d")
	s.SQL = `SELECT * FROM sales WHERE ds = '${date}'`
	s.Content.Blocks = render.Blocks(render.Table("a", "nothing"))
	id := h.create(s)
	r, err := h.Test(ctx, id, constant)
	if err != nil || r.State != task.Failed || !strings.Contains(r.Error, "nothing") {
		t.Errorf("Test: %+v, %v", r, err)
	}

	// A test that is skipped as empty renders nothing and still does not let the
	// mistake through.
	s.SkipEmpty = true
	h.db.answer = rows()
	if err := h.Save(ctx, id, s); err != nil {
		t.Fatal(err)
	}
	if r, err := h.Test(ctx, id, constant); err != nil || r.State != task.Skipped {
		t.Fatalf("Test: %+v, %v", r, err)
	}
	var f task.Findings
	if _, err := h.Submit(ctx, id); !errors.As(err, &f) || f[0].Path != "content.blocks[0].table.columns[1].field" {
		t.Errorf("Submit: %v", err)
	}
}

func TestOutputsThatTheTextTellsAreCheckedWhenTheDraftIsSaved(t *testing.T) {
	for _, tt := range []struct {
		name    string
		sql     string
		outputs []string
		want    []string // paths of the findings
	}{
		{"a column that is not selected", "SELECT b FROM t", nil, []string{"content.blocks[0].table.columns[0].field"}},
		{"a column of two statements", "SELECT a FROM t; SELECT a FROM u", nil, []string{"sql"}},
		{"a column with the name of an input", "SELECT a, ds AS date FROM t", nil, []string{"sql"}},
		{"a star, which only the database can tell", "SELECT * FROM t", nil, nil},
		{"outputs by hand take the place of the text's", "SELECT b FROM t", []string{"a"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			s := daily("d")
			s.SQL, s.Outputs = tt.sql, tt.outputs
			_, err := h.Create(t.Context(), s)
			var f task.Findings
			if errors.As(err, &f) != (tt.want != nil) {
				t.Fatalf("Create: %v", err)
			}
			var paths []string
			for _, x := range f {
				paths = append(paths, x.Path)
			}
			h.want("findings", paths, tt.want)
		})
	}
}

func TestAVersionWarnsOfColumnsThatTheTextDoesNotTell(t *testing.T) {
	h := newHost(t)
	s := daily("d")
	s.SQL = "SELECT a, COUNT(*) FROM t"
	h.publish(s)
	rows, err := h.Tasks(t.Context(), task.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.Version(t.Context(), rows[0].ID, 1)
	if err != nil || len(v.Warnings) != 1 || !strings.Contains(v.Warnings[0].Text, "alias") {
		t.Errorf("warnings: %v, %v", v.Warnings, err)
	}
}
