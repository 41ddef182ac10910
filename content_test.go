package datapush_test

import (
	"context"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/channel/wecom"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
)

// vendors is a host with a fake of each vendor and a destination for each, whose
// name is its kind.
type vendors struct {
	*host
	ding  *channeltest.DingTalk
	lark  *channeltest.Lark
	wecom *channeltest.WeCom
	teams *channeltest.Teams
	mail  *channeltest.SMTP
	names []string
}

func newVendors(t *testing.T) *vendors {
	t.Helper()
	v := &vendors{ding: channeltest.NewDingTalk(nil), lark: channeltest.NewLark(nil), wecom: channeltest.NewWeCom(nil), teams: channeltest.NewTeams(&channeltest.TeamsOptions{PerSecond: 100}),
		mail: channeltest.NewSMTP(&channeltest.SMTPOptions{Security: channeltest.SMTPImplicitTLS, Users: map[string]string{"dp@example.com": "secret"}})}
	for _, f := range []interface{ Close() }{v.ding, v.lark, v.wecom, v.teams, v.mail} {
		t.Cleanup(f.Close)
	}
	local := channel.AllowLoopback()
	v.host = newHost(t, func(c *datapush.Config) {
		mails := email.New(&email.Options{Allow: local, TLSConfig: v.mail.TLSConfig()})
		t.Cleanup(func() { _ = mails.Close() })
		c.Channels = []channel.Channel{c.Channels[0], dingtalk.New(&dingtalk.Options{Allow: local, Now: c.Clock.Now}), lark.New(&lark.Options{Allow: local, Now: c.Clock.Now}),
			wecom.New(&wecom.Options{Allow: local, Now: c.Clock.Now}), teams.New(&teams.Options{Allow: local, Now: c.Clock.Now}), mails}
	})
	for _, d := range []channel.Destination{
		channel.Webhook(string(channel.DingTalk), channel.DingTalk, v.ding.URL("token")),
		channel.Webhook(string(channel.Lark), channel.Lark, v.lark.URL("token")),
		channel.Webhook(string(channel.WeCom), channel.WeCom, v.wecom.URL("key")),
		channel.Webhook(string(channel.Teams), channel.Teams, v.teams.URL("flow")),
		email.To(string(channel.Email), email.Account{Host: v.mail.Host(), Port: v.mail.Port(), TLS: email.ImplicitTLS,
			User: "dp@example.com", Password: channel.NewSecret("secret"), To: []string{"ann@example.com"}}),
	} {
		if err := v.SaveDestination(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		v.names = append(v.names, d.Name)
	}
	return v
}

// push tests content against all vendors.
func (v *vendors) push(sql string, content render.Content, answer func(context.Context, string) (*source.Result, error)) (*task.Run, map[string]task.Delivery) {
	v.t.Helper()
	s := daily("d")
	s.SQL, s.Content, s.Destinations = sql, content, v.names
	s.Schedule.Timeout = 100 * 365 * 24 * time.Hour // the clock runs ahead of the network
	v.db.answer = answer
	id := v.create(s)
	var r *task.Run
	err := v.tick(func() (err error) {
		r, err = v.Test(v.t.Context(), id, constant)
		return err
	})
	if err != nil {
		v.t.Fatal(err)
	}
	by := map[string]task.Delivery{}
	for _, d := range v.deliveries(r.ID) {
		by[d.Destination] = d
	}
	return r, by
}

func warned(ws []channel.Warning, code channel.WarningCode, part string) bool {
	for _, w := range ws {
		if w.Code == code && strings.Contains(w.Text, part) {
			return true
		}
	}
	return false
}

// What was split, cut, degraded, removed or could not be resolved stands in the
// run's ledger, at the destination that it happened to.
func TestWarningsOfEachDestinationAreInTheLedger(t *testing.T) {
	v := newVendors(t)
	content := render.Content{Title: "Report ${date}", Blocks: render.Blocks(
		render.Markdown(`<at id="all"/> <at email="bob@example.com"/> ~~old~~ [x](javascript:alert)`), render.Table("n", "text"), render.Email("Hello <at id=\"u1\"/>"))}
	r, by := v.push("SELECT n, text FROM t", content, func(context.Context, string) (*source.Result, error) {
		res := &source.Result{Columns: []source.Column{{Name: "n"}, {Name: "text"}}, Truncated: true}
		for i := range 10_000 {
			res.Rows = append(res.Rows, []any{int64(i), fmt.Sprintf("a row of some length, number %d", i)})
		}
		return res, nil
	})
	v.want("state", r.State, task.Succeeded)
	if !warned(r.Warnings, channel.WarnRemoved, "A link is shown as text") || !warned(r.Warnings, channel.WarnData, "more rows than were read") {
		t.Errorf("the run's warnings: %v", r.Warnings)
	}
	for _, tt := range []struct {
		destination channel.Kind
		code        channel.WarningCode
		text        string
	}{
		{channel.DingTalk, channel.WarnSplit, "sent in 5 parts"},
		{channel.DingTalk, channel.WarnCut, "of 10,000 rows are shown"},
		{channel.DingTalk, channel.WarnDegraded, "struck text"},
		{channel.DingTalk, channel.WarnUnresolved, "@bob@example.com is not mentioned"},
		{channel.Lark, channel.WarnSplit, "sent in 5 parts"},
		{channel.Lark, channel.WarnCut, "of 10,000 rows are shown"},
		{channel.Lark, channel.WarnUnresolved, "@bob@example.com is not mentioned"},
		{channel.WeCom, channel.WarnSplit, "sent in 5 parts"},
		{channel.WeCom, channel.WarnCut, "of 10,000 rows are shown"},
		{channel.WeCom, channel.WarnDegraded, "message of their own"},
		{channel.WeCom, channel.WarnUnresolved, "@bob@example.com is not mentioned"},
		{channel.Teams, channel.WarnSplit, "sent in 5 parts"},
		{channel.Teams, channel.WarnCut, "of 10,000 rows are shown"},
		{channel.Teams, channel.WarnRemoved, "everyone is not mentioned"},
		{channel.Email, channel.WarnDegraded, "mail cannot call anyone"},
	} {
		if d := by[string(tt.destination)]; !warned(d.Warnings, tt.code, tt.text) {
			t.Errorf("%s: no warning %s %q in %v", tt.destination, tt.code, tt.text, d.Warnings)
		}
	}
	for name, d := range by {
		if d.State != task.Delivered {
			t.Errorf("%s: %s, %s", name, d.State, d.Error)
		}
		for _, w := range d.Warnings {
			if w.Text == "" || strings.Contains(w.Text, "%!") || strings.Contains(w.Text, "channel.") {
				t.Errorf("%s: warning %q", name, w.Text)
			}
		}
	}
	parts := map[string]int{"dingtalk": len(v.ding.Messages()), "lark": len(v.lark.Messages()), "wecom": len(v.wecom.Messages()), "teams": len(v.teams.Messages()), "mail": len(v.mail.Messages())}
	want := map[string]int{"dingtalk": 5, "lark": 5, "wecom": 6, "teams": 5, "mail": 1} // WeCom: one more that calls
	if diff := cmp.Diff(want, parts); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// A mail body alone is refused for a chat when the draft is saved; what turns out
// to show nothing is that destination's error alone.
func TestNothingVisibleIsAnErrorOfThatDestinationOnly(t *testing.T) {
	v := newVendors(t)
	s := daily("body")
	s.Content.Blocks = render.Blocks(render.Email("for mail"))
	s.Destinations = v.names
	_, err := v.Create(t.Context(), s)
	for i, name := range v.names {
		path := fmt.Sprintf("destinations[%d]", i)
		found := err != nil && strings.Contains(err.Error(), path+": no visible content")
		if want := name != string(channel.Email); found != want {
			t.Errorf("%s (%s) is refused: %v, want %v; %v", name, path, found, want, err)
		}
	}

	r, by := v.push("SELECT a FROM t", render.Content{Title: "${a}", Blocks: render.Blocks(render.Markdown("${a}"), render.Email("for mail"))}, rows(""))
	for name, d := range by {
		if name == string(channel.Email) {
			if d.State != task.Delivered {
				t.Errorf("%s: %s, %s", name, d.State, d.Error)
			}
		} else if d.State != task.Undelivered || !strings.Contains(d.Error, "no visible content") {
			t.Errorf("%s: %s, %q", name, d.State, d.Error)
		}
	}
	if len(by) != 5 || len(v.mail.Messages()) != 1 {
		t.Errorf("%d deliveries, %d mails; the run %s", len(by), len(v.mail.Messages()), r.State)
	}
}

// P1 of spec/dataworks.md: with the switch on, every run pushes. What is left of a
// block without rows is nothing, so the title is the message.
func TestAPushWithoutRowsIsItsTitle(t *testing.T) {
	for name, block := range map[string]render.Block{
		"a paragraph":          render.Markdown("${a}"),
		"a heading":            render.Markdown("# ${a}"),
		"a quote":              render.Markdown("> ${a}"),
		"an item":              render.Markdown("- ${a}"),
		"a repeated paragraph": {Markdown: &render.MarkdownBlock{Text: "x ${a}", Rows: render.Repeat}},
		"a repeated table":     {Markdown: &render.MarkdownBlock{Text: "| x |\n|---|\n| ${a} |", Rows: render.Repeat}},
		"a mail body":          render.Email("${a}"),
		"a repeated mail body": {Email: &render.EmailBlock{Text: "x ${a}", Rows: render.Repeat}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendors(t)
			if block.Email != nil {
				v.names = []string{string(channel.Email)}
			}
			r, by := v.push("SELECT a FROM t", render.Content{Title: "Alerts of today", Blocks: []render.Block{block}}, rows())
			v.want("state", r.State, task.Succeeded)
			for _, name := range v.names {
				if d := by[name]; d.State != task.Delivered {
					t.Errorf("%s: %s, %s", name, d.State, d.Error)
				}
			}
			for _, m := range v.mail.Messages() {
				if !strings.Contains(string(m.Data), "Subject: Alerts of today") {
					t.Errorf("the mail is\n%s", m.Data)
				}
			}
			if block.Email != nil {
				return
			}
			for name, shown := range map[string]bool{
				"dingtalk": strings.Contains(v.ding.Messages()[0].Text, "Alerts of today"), "lark": v.lark.Messages()[0].Title == "Alerts of today",
				"wecom": strings.Contains(v.wecom.Messages()[0].Text, "Alerts of today"), "teams": strings.Contains(string(v.teams.Messages()[0].Raw), `"text":"Alerts of today"`),
			} {
				if !shown {
					t.Errorf("%s does not show the title", name)
				}
			}
		})
	}
}

var previewTag = regexp.MustCompile(`<[^>]*>`)

func TestPreviewDrawsWhatWouldBeSentAndSendsNothing(t *testing.T) {
	v := newVendors(t)
	const hostile = `<script>alert(1)</script> **b** | <at id="all"/>`
	s := daily("p")
	s.Destinations = v.names
	s.Content = render.Content{Title: "Report ${date}", Blocks: render.Blocks(
		render.Markdown("On ${date}: ${name}"),
		render.TableOf(render.Column{Field: "name", Header: "Who"}, render.Column{Field: "n", Prefix: "¥", Condition: &render.Condition{
			Op: render.OpGreater, Threshold: "0", Met: render.Style{Color: channel.ColorGreen, Mark: "↑"}, NotMet: render.Style{Color: channel.ColorRed, Mark: "↓"}}}),
		render.Email("Mail of ${date}: ${name}\n\n| a | b |\n|---|---|\n| ${name} | 1 |"),
	)}
	s.SQL = "SELECT name, n FROM t WHERE ds = '${date}'"
	sample := &source.Result{Columns: []source.Column{{Name: "name"}, {Name: "n"}}, Rows: [][]any{{hostile, int64(5)}, {"Ben", int64(-3)}}}
	v.db.answer = func(context.Context, string) (*source.Result, error) { return sample, nil }
	id := v.create(s)

	colours := map[channel.Kind]bool{channel.DingTalk: true, channel.Lark: true, channel.Teams: true} // markdown_v2 has none
	for _, kind := range []channel.Kind{channel.DingTalk, channel.Lark, channel.WeCom, channel.Teams, channel.Email} {
		for name, tt := range map[string]struct {
			options *datapush.PreviewOptions
			queries int
			date    string
		}{
			"sample rows and constants": {&datapush.PreviewOptions{Params: task.Params{"date": "20240101"}, Results: []*source.Result{sample}}, 0, "20240101"},
			"the query and expressions": {&datapush.PreviewOptions{At: shanghai(t, "2024-01-03 08:00:00")}, 1, "20240102"},
		} {
			t.Run(string(kind)+", "+name, func(t *testing.T) {
				v.forget()
				pv, err := v.Preview(t.Context(), id, kind, tt.options)
				if err != nil {
					t.Fatal(err)
				}
				if n := len(v.db.queries()); n != tt.queries {
					t.Errorf("%d queries, want %d", n, tt.queries)
				}
				if pv.Title != "Report "+tt.date || pv.Params["date"] != tt.date || pv.Kind != kind {
					t.Errorf("title %q, params %v", pv.Title, pv.Params)
				}
				if len(pv.Payloads) == 0 || len(pv.HTML) != len(pv.Payloads) {
					t.Fatalf("%d payloads, %d drawings", len(pv.Payloads), len(pv.HTML))
				}
				page := strings.Join(pv.HTML, "\n")
				for _, p := range pv.Payloads {
					if p.Size <= 0 || pv.Limit > 0 && p.Size > pv.Limit {
						t.Errorf("size %d, limit %d", p.Size, pv.Limit)
					}
				}
				if (pv.Limit == 0) != (kind == channel.Email) {
					t.Errorf("limit %d", pv.Limit)
				}
				text := html.UnescapeString(previewTag.ReplaceAllString(page, "\n"))
				want := []string{"On " + tt.date + ": " + hostile, "Who", hostile, "¥5↑", "Ben", "¥-3↓"}
				if kind == channel.Email {
					want = []string{"Mail of " + tt.date + ": " + hostile, hostile, "Report " + tt.date + "-1.csv"}
				}
				text = strings.NewReplacer("·", "\n", "\u200b", "").Replace(text)
				for _, w := range append(want, pv.Title) {
					if !strings.Contains(text, w) {
						t.Errorf("%q is not in\n%s", w, text)
					}
				}
				if strings.Contains(page, "<script") || strings.Contains(page, "<at ") {
					t.Errorf("a value is markup in\n%s", page)
				}
				if kind != channel.DingTalk && !strings.Contains(page, "<td") { // its rows are lines
					t.Errorf("no table in\n%s", page)
				}
				if colours[kind] && strings.Count(page, "color:") < 2 {
					t.Errorf("no colours in\n%s", page)
				}
			})
		}
	}
	if n := len(v.ding.Calls()) + len(v.lark.Calls()) + len(v.wecom.Calls()) + len(v.teams.Calls()) + v.mail.Connections(); n != 0 {
		t.Errorf("previews made %d calls", n)
	}
}
