package datapush_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/channel/wecom"
	"github.com/datapush-go/datapush/task"
)

// many is a channel that sends messages whose title says "big" as n numbered
// parts.
type many struct {
	channel.Channel
	n *int
}

func (m many) Unwrap() channel.Channel { return m.Channel }

func (m many) Encode(msg *channel.Message, to channel.Destination) ([]channel.Payload, error) {
	ps, err := m.Channel.Encode(msg, to)
	if err != nil || !strings.Contains(msg.Title, "big") {
		return ps, err
	}
	out := make([]channel.Payload, *m.n)
	for i := range out {
		out[i] = ps[0]
		out[i].Part, out[i].Parts = i+1, *m.n
		out[i].Body = bytes.Replace(ps[0].Body, []byte("big"), fmt.Appendf(nil, "big (%d/%d)", i+1, *m.n), 1)
	}
	return out, nil
}

// A message of 60 parts goes to a robot that takes 20 a minute, while another
// task sends to the same robot: not one is refused, and the other task does not
// wait for all 60.
func TestSixtyPartsReachWeComWithoutOneRefusal(t *testing.T) {
	var fake *channeltest.WeCom
	n := 1
	h := newHost(t, func(c *datapush.Config) {
		fake = channeltest.NewWeCom(&channeltest.WeComOptions{Now: c.Clock.Now})
		t.Cleanup(fake.Close)
		c.Channels = append(c.Channels, many{wecom.New(&wecom.Options{Now: c.Clock.Now, Allow: channel.AllowLoopback()}), &n})
	})
	if err := h.SaveDestination(t.Context(), channel.Webhook("robot", channel.WeCom, fake.URL("key"))); err != nil {
		t.Fatal(err)
	}
	big, small := daily("big"), daily("small")
	big.Content.Title, small.Content.Title = "big report", "small report"
	big.Destinations, small.Destinations = []string{"robot"}, []string{"robot"}
	idBig, idSmall := h.publish(big), h.publish(small)
	n = 60
	before := len(fake.Calls())
	h.until(shanghai(t, "2024-01-03 08:30:00"))

	calls := fake.Calls()[before:]
	if len(calls) != 61 {
		t.Errorf("%d calls, want 61", len(calls))
	}
	for _, c := range calls {
		if !strings.Contains(string(c.Answer), `"errcode":0`) {
			t.Errorf("at %s: %s", c.At.Format(time.TimeOnly), c.Answer)
		}
	}
	rb, rs := h.runs(idBig)[0], h.runs(idSmall)[0]
	h.want("states", []task.RunState{rb.State, rs.State}, []task.RunState{task.Succeeded, task.Succeeded})
	if took := rb.EndedAt.Sub(rb.Occurrence.At); took > 4*time.Minute {
		t.Errorf("60 parts at 20 a minute took %v", took)
	}
	if took := rs.EndedAt.Sub(rs.Occurrence.At); took > 90*time.Second {
		t.Errorf("the task with one part waited %v behind the one with 60", took)
	}
}

// More parts than the vendor takes at once: the fakes count over the same rolling
// windows as the vendors, and refuse none.
func TestManyPartsReachEveryWebhookAtTheFirstAttempt(t *testing.T) {
	for _, tt := range []struct {
		kind  channel.Kind
		parts int
		least time.Duration // what the vendor's rate makes of so many parts
		open  func(now func() time.Time) (channel.Channel, *channeltest.Server, string)
	}{
		{channel.DingTalk, 60, 3 * time.Minute, func(now func() time.Time) (channel.Channel, *channeltest.Server, string) {
			f := channeltest.NewDingTalk(&channeltest.DingTalkOptions{Now: now})
			return dingtalk.New(&dingtalk.Options{Now: now, Allow: channel.AllowLoopback()}), &f.Server, f.URL("t")
		}},
		{channel.Lark, 120, time.Minute, func(now func() time.Time) (channel.Channel, *channeltest.Server, string) {
			f := channeltest.NewLark(&channeltest.LarkOptions{Now: now})
			return lark.New(&lark.Options{Now: now, Allow: channel.AllowLoopback()}), &f.Server, f.URL("t")
		}},
		{channel.Teams, 60, 14 * time.Second, func(now func() time.Time) (channel.Channel, *channeltest.Server, string) {
			f := channeltest.NewTeams(&channeltest.TeamsOptions{Now: now})
			return teams.New(&teams.Options{Now: now, Allow: channel.AllowLoopback()}), &f.Server, f.URL("t")
		}},
	} {
		t.Run(string(tt.kind), func(t *testing.T) {
			var fake *channeltest.Server
			var url string
			n := 1
			h := newHost(t, func(c *datapush.Config) {
				var ch channel.Channel
				ch, fake, url = tt.open(c.Clock.Now)
				t.Cleanup(fake.Close)
				c.Channels = append(c.Channels, many{ch, &n})
			})
			if err := h.SaveDestination(t.Context(), channel.Webhook("bot", tt.kind, url)); err != nil {
				t.Fatal(err)
			}
			s := daily("big")
			s.Content.Title, s.Destinations = "big report", []string{"bot"}
			id := h.publish(s)
			n = tt.parts
			before := len(fake.Messages())
			h.until(shanghai(t, "2024-01-03 08:30:00"))

			r := h.runs(id)[0]
			h.want("state", r.State, task.Succeeded)
			h.want("messages taken", len(fake.Messages())-before, tt.parts)
			for _, p := range h.deliveries(r.ID)[0].Parts {
				if p.Attempts != 1 {
					t.Errorf("part %d needed %d attempts: %s", p.Number, p.Attempts, p.Error)
				}
			}
			if took := r.EndedAt.Sub(r.Occurrence.At); took < tt.least || took > 2*tt.least+time.Minute {
				t.Errorf("%d parts took %v, want about %v", tt.parts, took, tt.least)
			}
		})
	}
}

// The answer to a message that DingTalk took is lost. The attempt after it has
// the same key, by which DingTalk knows the repeat.
func TestALostAnswerGivesDingTalkOneMessage(t *testing.T) {
	var fake *channeltest.DingTalk
	h := newHost(t, func(c *datapush.Config) {
		fake = channeltest.NewDingTalk(&channeltest.DingTalkOptions{Now: c.Clock.Now})
		t.Cleanup(fake.Close)
		c.Channels = append(c.Channels, dingtalk.New(&dingtalk.Options{Now: c.Clock.Now, Allow: channel.AllowLoopback()}))
	})
	if err := h.SaveDestination(t.Context(), channel.Webhook("robot", channel.DingTalk, fake.URL("token"))); err != nil {
		t.Fatal(err)
	}
	s := daily("d")
	s.Destinations = []string{"robot"}
	id := h.publish(s)
	before := fake.Count("token")
	fake.Inject(channeltest.LoseAnswer())
	h.until(shanghai(t, "2024-01-03 09:00:00"))

	after := fake.Count("token")
	h.want("what DingTalk saw of the run", channeltest.Count{
		Calls: after.Calls - before.Calls, Recorded: after.Recorded - before.Recorded, Duplicates: after.Duplicates - before.Duplicates,
	}, channeltest.Count{Calls: 2, Recorded: 1, Duplicates: 1})
	r := h.runs(id)[0]
	h.want("state", r.State, task.Succeeded)
	h.want("may be a repeat", h.deliveries(r.ID)[0].Parts[0].MayRepeat, true)
}

// A canary in every secret is in no error, log line, ledger row or preview,
// whatever a vendor answers and however the network fails.
func TestNoSecretLeavesThroughErrorsLogsLedgerOrPreview(t *testing.T) {
	const canary = "canary-7f3a"
	faults := []channeltest.Fault{
		channeltest.Answer(500, "<html>"+canary+"</html>"), channeltest.Answer(404, `{"error":{"code":"x","message":"`+canary+`"}}`),
		channeltest.HTMLPage(), channeltest.Redirect(302, "https://elsewhere.example/"+canary), channeltest.CloseUnanswered(),
		channeltest.ResetMidAnswer(), channeltest.Answer(200, `{"errcode":310000,"errmsg":"`+canary+`","code":19021,"msg":"`+canary+`"}`),
		nil, // nobody listens
	}
	for i, fault := range faults {
		t.Run(fmt.Sprintf("fault %d", i), func(t *testing.T) {
			ding, larkFake, wecomFake, teamsFake := channeltest.NewDingTalk(nil), channeltest.NewLark(nil), channeltest.NewWeCom(nil),
				channeltest.NewTeams(&channeltest.TeamsOptions{Workflows: map[string]channeltest.TeamsWorkflow{canary: {Sig: canary}}})
			mail := channeltest.NewSMTP(&channeltest.SMTPOptions{Security: channeltest.SMTPImplicitTLS, Users: map[string]string{"dp@example.com": "other"}})
			for _, f := range []interface{ Close() }{ding, larkFake, wecomFake, teamsFake, mail} {
				t.Cleanup(f.Close)
			}
			var mu sync.Mutex
			var log bytes.Buffer
			local := channel.AllowLoopback()
			h := newHost(t, func(c *datapush.Config) {
				mails := email.New(&email.Options{Allow: local, TLSConfig: mail.TLSConfig()})
				t.Cleanup(func() { _ = mails.Close() })
				c.Channels = []channel.Channel{c.Channels[0], dingtalk.New(&dingtalk.Options{Allow: local}), lark.New(&lark.Options{Allow: local}),
					wecom.New(&wecom.Options{Allow: local}), teams.New(&teams.Options{Allow: local}), mails}
				c.Logger = slog.New(slog.NewJSONHandler(&lockedWriter{mu: &mu, w: &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			sign := map[string]channel.Secret{"sign": channel.NewSecret("SEC" + canary)}
			d1 := channel.Webhook("d1", channel.DingTalk, ding.URL(canary))
			d1.Secrets = sign
			d2 := channel.Webhook("d2", channel.Lark, larkFake.URL(canary))
			d2.Secrets = sign
			d5 := email.To("d5", email.Account{Host: mail.Host(), Port: mail.Port(), TLS: email.ImplicitTLS,
				User: "dp@example.com", Password: channel.NewSecret(canary), To: []string{"ann@example.com"}})
			s := daily("d")
			// The clock of the test runs ahead of the real network; the run must
			// end by its attempts, not by a deadline.
			s.Schedule.Timeout = 100 * 365 * 24 * time.Hour
			s.Destinations = nil
			for _, d := range []channel.Destination{d1, d2, channel.Webhook("d3", channel.WeCom, wecomFake.URL(canary)),
				channel.Webhook("d4", channel.Teams, teamsFake.URL(canary)), d5} {
				if err := h.SaveDestination(t.Context(), d); err != nil {
					t.Fatal(err)
				}
				s.Destinations = append(s.Destinations, d.Name)
			}
			for _, f := range []*channeltest.Server{&ding.Server, &larkFake.Server, &wecomFake.Server, &teamsFake.Server} {
				if fault == nil {
					f.Close()
				}
				f.InjectAlways(fault)
			}
			id := h.create(s)
			var r *task.Run
			err := h.tick(func() (err error) {
				r, err = h.Test(t.Context(), id, constant)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			h.want("state", r.State, task.Failed)
			texts := []any{r, h.deliveries(r.ID)}
			for _, k := range []channel.Kind{channel.DingTalk, channel.Lark, channel.WeCom, channel.Teams, channel.Email} {
				dest := map[channel.Kind]string{channel.DingTalk: "d1", channel.Lark: "d2", channel.WeCom: "d3", channel.Teams: "d4", channel.Email: "d5"}[k]
				pv, err := h.Preview(t.Context(), id, k, &datapush.PreviewOptions{Params: constant.Params, Destination: dest})
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, pv)
			}
			for _, v := range texts {
				b, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				if text := string(b) + fmt.Sprintf("%+v", v); strings.Contains(text, canary) {
					t.Errorf("the canary is in %.2000s", text)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(log.String(), canary) {
				t.Errorf("the canary is in the log: %s", log.String())
			}
		})
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
