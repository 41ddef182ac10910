package channeltest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/channel/wecom"
)

// canary stands in every secret and in the data of the webhooks under test.
const canary = "c4n4ry-7c1e5b"

// webhook is a channel with the fake of its vendor.
type webhook struct {
	*channeltest.Server
	channel.Channel
	closed channel.Channel // the same with nothing opened to it
	to     channel.Destination
	wait   time.Duration // after a rate limit that names none, by section 7 of the channel specification
}

// webhooks are all of them. The vendor's clock is that of the test, the
// channel's is ahead by skew.
func webhooks(t *testing.T, skew time.Duration) []webhook {
	there := func() time.Time { return eight }
	here := func() time.Time { return eight.Add(skew) }
	open := channel.AllowLoopback()
	sign := map[string]channel.Secret{"sign": channel.NewSecret("SEC" + canary)}

	d := channeltest.NewDingTalk(&channeltest.DingTalkOptions{Now: there, Robots: map[string]channeltest.DingTalkRobot{canary: {Secret: "SEC" + canary}}})
	l := channeltest.NewLark(&channeltest.LarkOptions{Now: there, Bots: map[string]channeltest.LarkBot{canary: {Secret: "SEC" + canary}}})
	w := channeltest.NewWeCom(&channeltest.WeComOptions{Now: there, Keys: []string{canary}})
	m := channeltest.NewTeams(&channeltest.TeamsOptions{Now: there, Workflows: map[string]channeltest.TeamsWorkflow{canary: {Sig: canary + "+/="}}})
	out := []webhook{
		{&d.Server, dingtalk.New(&dingtalk.Options{Allow: open, Now: here}), dingtalk.New(nil), channel.Webhook("x", channel.DingTalk, d.URL(canary)), time.Minute},
		{&l.Server, lark.New(&lark.Options{Allow: open, Now: here}), lark.New(nil), channel.Webhook("x", channel.Lark, l.URL(canary)), time.Second},
		{&w.Server, wecom.New(&wecom.Options{Allow: open, Now: here}), wecom.New(nil), channel.Webhook("x", channel.WeCom, w.URL(canary)), time.Minute},
		{&m.Server, teams.New(&teams.Options{Allow: open, Now: here}), teams.New(nil), channel.Webhook("x", channel.Teams, m.URL(canary)), 30 * time.Second},
	}
	out[0].to.Secrets, out[1].to.Secrets = sign, sign
	for _, h := range out {
		t.Cleanup(h.Server.Close)
	}
	return out
}

// sent is what a caller decides by, and what the vendor has of it.
type sent struct {
	Delivered     bool
	Outcome, Code string
	After         time.Duration
	Recorded      int
}

// send sends one message and finds no secret in what comes back.
func (h webhook) send(ctx context.Context, t *testing.T, c channel.Channel) (sent, error) {
	t.Helper()
	ps, err := c.Encode(&channel.Message{Title: "Daily sales", Sections: []channel.Section{{Blocks: []channel.Block{
		&channel.Paragraph{Inlines: []channel.Inline{channel.Text("Total " + canary)}},
	}}}}, h.to)
	if err != nil {
		t.Fatal(err)
	}
	ps[0].Key = "0d2c6a526b564a649a352f6d8d0c2b11"
	rec, err := c.Send(ctx, h.to, ps[0])
	got := sent{Delivered: rec.Delivered, Recorded: len(h.Messages())}
	if err != nil {
		var e *channel.Error
		if !errors.As(err, &e) {
			t.Fatalf("no *channel.Error: %v", err)
		}
		got.Outcome, got.Code, got.After = e.Outcome.String(), e.Code, e.After
		for link := err; link != nil; link = errors.Unwrap(link) {
			if text := fmt.Sprintf("%v %+v %#v", link, link, link); strings.Contains(text, canary) || strings.Contains(text, h.Base()) {
				t.Errorf("a secret is in %s", text)
			}
		}
	}
	return got, err
}

// The rows of section 7 of the channel specification, and what may stand
// between a host and a service, on every webhook.
func TestEveryFaultOnEveryWebhook(t *testing.T) {
	unknown := func(code string, recorded int) func(webhook) sent {
		return func(webhook) sent { return sent{Outcome: "unknown", Code: code, Recorded: recorded} }
	}
	rejected := func(code string) func(webhook) sent {
		return func(webhook) sent { return sent{Outcome: "rejected", Code: code} }
	}
	after := func(code string, d time.Duration) func(webhook) sent {
		return func(webhook) sent { return sent{Outcome: "not sent", Code: code, After: d} }
	}
	for _, row := range []struct {
		name  string
		fault channeltest.Fault
		want  func(webhook) sent
	}{
		{"read, then closed", channeltest.CloseUnanswered(), unknown("", 0)},
		{"taken, but the answer is lost", channeltest.LoseAnswer(), unknown("", 1)},
		{"reset in mid-answer", channeltest.ResetMidAnswer(), unknown("", 1)},
		{"429 with a wait", channeltest.Answer(429, "", "Retry-After: 17"), after("HTTP 429", 17*time.Second)},
		{"429 without a wait", channeltest.Answer(429, ""), func(h webhook) sent { return after("HTTP 429", h.wait)(h) }},
		{"503 with a wait", channeltest.Answer(503, "", "Retry-After: 17"), after("HTTP 503", 17*time.Second)},
		{"503 without a wait", channeltest.Answer(503, ""), unknown("HTTP 503", 0)},
		{"500", channeltest.Answer(500, "oops"), unknown("HTTP 500", 0)},
		{"502", channeltest.Answer(502, "<html>Bad Gateway</html>"), unknown("HTTP 502", 0)},
		{"504", channeltest.Answer(504, ""), unknown("HTTP 504", 0)},
		{"a page with 200", channeltest.HTMLPage(), unknown("HTTP 200", 0)},
		{"a redirect 301", channeltest.Redirect(301, "https://sign-in.example/?"+canary), rejected("HTTP 301")},
		{"a redirect 302", channeltest.Redirect(302, "https://sign-in.example/?"+canary), rejected("HTTP 302")},
		{"a redirect 303", channeltest.Redirect(303, "https://sign-in.example/?"+canary), rejected("HTTP 303")},
		{"a redirect 307", channeltest.Redirect(307, "https://sign-in.example/?"+canary), rejected("HTTP 307")},
		{"a redirect 308", channeltest.Redirect(308, "https://sign-in.example/?"+canary), rejected("HTTP 308")},
		{"megabytes of answer", channeltest.Huge(4 << 20), unknown("HTTP 200", 0)},
		{"a proxy that repeats the request", channeltest.Answer(403, "<html>POST /?key="+canary+" SEC"+canary+" Total "+canary+"</html>"), rejected("HTTP 403")},
	} {
		for _, h := range webhooks(t, 0) {
			t.Run(row.name+"/"+string(h.Kind()), func(t *testing.T) {
				h.Inject(row.fault)
				got, err := h.send(t.Context(), t, h.Channel)
				if diff := cmp.Diff(row.want(h), got); diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				if n := len(h.Calls()); n != 1 {
					t.Errorf("%d requests for one attempt", n)
				}
			})
		}
	}
}

func TestWhatNeverLeftIsNotSentByAnyWebhook(t *testing.T) {
	for _, row := range []struct {
		name string
		want sent
		send func(*testing.T, webhook) (sent, error)
	}{
		{"a refused connection", sent{Outcome: "not sent"}, func(t *testing.T, h webhook) (sent, error) {
			h.Server.Close()
			return h.send(t.Context(), t, h.Channel)
		}},
		{"a server that speaks no TLS", sent{Outcome: "not sent"}, func(t *testing.T, h webhook) (sent, error) {
			h.to.URL = channel.NewSecret(strings.Replace(h.to.URL.Reveal(), "http:", "https:", 1))
			return h.send(t.Context(), t, h.Channel)
		}},
		{"a certificate of nobody known", sent{Outcome: "not sent"}, func(t *testing.T, h webhook) (sent, error) {
			s := httptest.NewUnstartedServer(h.Server)
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.StartTLS()
			t.Cleanup(s.Close)
			h.to.URL = channel.NewSecret(strings.Replace(h.to.URL.Reveal(), h.Base(), s.URL, 1))
			return h.send(t.Context(), t, h.Channel)
		}},
		{"a context that ended", sent{Outcome: "not sent"}, func(t *testing.T, h webhook) (sent, error) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return h.send(ctx, t, h.Channel)
		}},
		{"an address that is closed to destinations", sent{Outcome: "rejected"}, func(t *testing.T, h webhook) (sent, error) {
			return h.send(t.Context(), t, h.closed)
		}},
		{"no address", sent{Outcome: "rejected"}, func(t *testing.T, h webhook) (sent, error) {
			h.to.URL = channel.Secret{}
			return h.send(t.Context(), t, h.Channel)
		}},
	} {
		for _, h := range webhooks(t, 0) {
			t.Run(row.name+"/"+string(h.Kind()), func(t *testing.T) {
				got, err := row.send(t, h)
				if diff := cmp.Diff(row.want, got); diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				if n := len(h.Calls()); n != 0 {
					t.Errorf("%d requests arrived", n)
				}
			})
		}
	}
}

func TestAHangMayHaveArrivedOnEveryWebhook(t *testing.T) {
	for _, h := range webhooks(t, 0) {
		t.Run(string(h.Kind()), func(t *testing.T) {
			h.Inject(channeltest.Hang())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				_ = h.WaitCalls(ctx, 1)
				cancel()
			}()
			got, err := h.send(ctx, t, h.Channel)
			if diff := cmp.Diff(sent{Outcome: "unknown"}, got); diff != "" || !errors.Is(err, context.Canceled) {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// Only who signs minds the clock, and then the error tells the difference.
func TestAClockAnHourOffOnEveryWebhook(t *testing.T) {
	want := map[channel.Kind]sent{
		channel.DingTalk: {Outcome: "rejected", Code: "310000"},
		channel.Lark:     {Outcome: "rejected", Code: "19021"},
		channel.WeCom:    {Delivered: true, Recorded: 1},
		channel.Teams:    {Recorded: 1},
	}
	for hint, skew := range map[string]time.Duration{"1h1m0s ahead of": 61 * time.Minute, "1h1m0s behind": -61 * time.Minute} {
		for _, h := range webhooks(t, skew) {
			t.Run(string(h.Kind())+" "+hint, func(t *testing.T) {
				got, err := h.send(t.Context(), t, h.Channel)
				if diff := cmp.Diff(want[h.Kind()], got); diff != "" {
					t.Errorf("%v (-want +got):\n%s", err, diff)
				}
				if err != nil && !strings.Contains(err.Error(), "the local clock is "+hint+" the service's") {
					t.Errorf("%q does not tell %q", err, hint)
				}
			})
		}
	}
}

// A signature lives an hour and a retry may come later, so each attempt has its
// own.
func TestEveryAttemptIsSignedAnew(t *testing.T) {
	now := eight
	clock := func() time.Time { return now }
	d := channeltest.NewDingTalk(&channeltest.DingTalkOptions{Now: clock, Robots: map[string]channeltest.DingTalkRobot{canary: {Secret: "SEC" + canary}}})
	l := channeltest.NewLark(&channeltest.LarkOptions{Now: clock, Bots: map[string]channeltest.LarkBot{canary: {Secret: "SEC" + canary}}})
	t.Cleanup(d.Close)
	t.Cleanup(l.Close)
	open := channel.AllowLoopback()
	for c, url := range map[channel.Channel]string{
		dingtalk.New(&dingtalk.Options{Allow: open, Now: clock}): d.URL(canary),
		lark.New(&lark.Options{Allow: open, Now: clock}):         l.URL(canary),
	} {
		t.Run(string(c.Kind()), func(t *testing.T) {
			to := channel.Webhook("x", c.Kind(), url)
			to.Secrets = map[string]channel.Secret{"sign": channel.NewSecret("SEC" + canary)}
			ps, err := c.Encode(small, to)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if _, err := c.Send(t.Context(), to, ps[0]); err != nil {
					t.Error(err)
				}
				now = now.Add(2 * time.Hour)
			}
		})
	}
}

var small = &channel.Message{Title: "t", Sections: []channel.Section{{Blocks: []channel.Block{
	&channel.Paragraph{Inlines: []channel.Inline{channel.Text("x")}},
}}}}
