package lark_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/internal/readback"
)

var now = time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)

const (
	token  = "0f3a-canary-token-77"
	secret = "canary-sign-secret"
)

func setup(t *testing.T, o *channeltest.LarkOptions) (*channeltest.Lark, *lark.Channel, channel.Destination, channel.Payload) {
	t.Helper()
	if o == nil {
		o = &channeltest.LarkOptions{}
	}
	if o.Now == nil {
		o.Now = func() time.Time { return now }
	}
	if o.Bots == nil {
		o.Bots = map[string]channeltest.LarkBot{token: {Secret: secret}}
	}
	f := channeltest.NewLark(o)
	t.Cleanup(f.Close)
	c := lark.New(&lark.Options{Allow: channel.AllowLoopback(), Now: func() time.Time { return now }})
	t.Cleanup(func() { c.Close() })
	to := channel.Webhook("ops", channel.Lark, f.URL(token))
	to.Secrets = map[string]channel.Secret{lark.SecretSign: channel.NewSecret(secret)}
	ps, err := c.Encode(message("Daily sales", p(channel.Text("canary row data 11000"))), to)
	if err != nil {
		t.Fatal(err)
	}
	return f, c, to, ps[0]
}

// clean fails when an error shows what no error may.
func clean(t *testing.T, err error) {
	t.Helper()
	for _, s := range []string{token, secret, "http://127", "canary row data"} {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), s) {
			t.Errorf("the error shows %q: %v", s, err)
		}
	}
}

func TestSendSignsEachAttempt(t *testing.T) {
	f, c, to, p := setup(t, nil)
	for range 2 {
		r, err := c.Send(t.Context(), to, p)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(channel.Receipt{Delivered: true}, r); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	m := f.Messages()
	if len(m) != 2 || m[0].Title != "Daily sales" || m[0].Text != "canary row data 11000" {
		t.Fatalf("%+v", m)
	}
	if len(m[0].Raw) != p.Size {
		t.Errorf("%d bytes arrived, Size is %d", len(m[0].Raw), p.Size)
	}
	if got := m[0].Body.(map[string]any)["timestamp"]; got != "1704268800" {
		t.Errorf("timestamp %v", got)
	}
}

func TestSendJudgesAnswers(t *testing.T) {
	const ok = `{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`
	type result struct {
		Delivered bool
		Outcome   channel.Outcome
		Code      string
		After     time.Duration
	}
	refused := func(code string) result { return result{Outcome: channel.Rejected, Code: code} }
	wait := func(code string, d time.Duration) result {
		return result{Outcome: channel.NotSent, Code: code, After: d}
	}
	tests := []struct {
		name    string
		status  int
		body    string
		headers []string
		want    result
	}{
		{"current success", 200, ok, nil, result{Delivered: true}},
		{"older success", 200, `{"Extra":null,"StatusCode":0,"StatusMessage":"success"}`, nil, result{Delivered: true}},
		{"code wins over an older success", 200, `{"StatusCode":0,"code":19024,"msg":"Key Words Not Found"}`, nil, refused("19024")},
		{"rate limit", 200, `{"code":11232,"data":{},"msg":"frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]"}`, nil, wait("11232", time.Second)},
		{"rate limit as a bad request", 400, `{"code":9499,"data":{},"msg":"too many request"}`, nil, wait("9499", time.Second)},
		{"bad request", 200, `{"code":9499,"data":{},"msg":"Bad Request"}`, nil, refused("9499")},
		{"bad request with its status", 400, `{"code":9499,"data":{},"msg":"Bad Request"}`, nil, refused("9499")},
		{"token", 200, `{"code":19001,"data":{},"msg":"param invalid: incoming webhook access token invalid"}`, nil, refused("19001")},
		{"parameter", 200, `{"code":19002,"data":{},"msg":"params error"}`, nil, refused("19002")},
		{"signature", 200, `{"code":19021,"data":{},"msg":"sign match fail or timestamp is not within one hour from current time"}`, nil, refused("19021")},
		{"address", 200, `{"code":19022,"data":{},"msg":"Ip Not Allowed"}`, nil, refused("19022")},
		{"keyword", 200, `{"code":19024,"data":{},"msg":"Key Words Not Found"}`, nil, refused("19024")},
		{"card", 200, `{"code":11246,"data":{},"msg":"ErrCode: 11310; ErrMsg: unsupported type of block; ErrorValue: divider;"}`, nil, refused("11246")},
		{"gateway rate limit with a reset", 429, `{"code":99991400,"msg":"request trigger frequency limit"}`, []string{"x-ogw-ratelimit-reset: 7"}, wait("99991400", 7*time.Second)},
		{"unknown code", 200, `{"code":424242,"msg":"new"}`, nil, refused("424242")},
		{"unknown code of a failing gateway", 502, `{"code":424242,"msg":"new"}`, nil, result{Code: "424242"}},
		{"429 without a code", 429, "", []string{"Retry-After: 12"}, wait("HTTP 429", 12*time.Second)},
		{"429 without anything", 429, "", nil, wait("HTTP 429", time.Second)},
		{"503 with a wait", 503, "", []string{"Retry-After: 3"}, wait("HTTP 503", 3*time.Second)},
		{"503 without a wait", 503, "", nil, result{Code: "HTTP 503"}},
		{"500", 500, "oops", nil, result{Code: "HTTP 500"}},
		{"404", 404, "404 page not found", nil, refused("HTTP 404")},
		{"redirect", 302, "", []string{"Location: https://example.com/"}, refused("HTTP 302")},
		{"page", 200, "<html>Sign in</html>", []string{"Content-Type: text/html"}, result{Code: "HTTP 200"}},
		{"nothing", 200, "", nil, result{Code: "HTTP 200"}},
		{"no code", 200, `{"msg":"success"}`, nil, result{Code: "HTTP 200"}},
		{"a code that is no number", 200, `{"code":"ok"}`, nil, result{Code: "HTTP 200"}},
		{"success that breaks off", 200, ok[:20], nil, result{Code: "HTTP 200"}},
		{"success with a failing status", 500, ok, nil, result{Code: "HTTP 500"}},
	}
	f, c, to, p := setup(t, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f.Inject(channeltest.Answer(tt.status, tt.body, tt.headers...))
			r, err := c.Send(t.Context(), to, p)
			got := result{Delivered: r.Delivered}
			if err != nil {
				var e *channel.Error
				if !errors.As(err, &e) {
					t.Fatalf("%T is no *channel.Error", err)
				}
				got = result{Outcome: e.Outcome, Code: e.Code, After: e.After}
				clean(t, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%v\n(-want +got)\n%s", err, diff)
			}
		})
	}
}

func TestSendWithKeyword(t *testing.T) {
	bots := map[string]channeltest.LarkBot{token: {Keywords: []string{"report_x"}}}
	f, c, to, p := setup(t, &channeltest.LarkOptions{Bots: bots})
	if _, err := c.Send(t.Context(), to, p); err == nil || !strings.Contains(err.Error(), "19024") {
		t.Errorf("without the keyword: %v", err)
	}
	to.Options = map[string]string{lark.OptionKeyword: "report_x"}
	ps, err := c.Encode(message("Daily sales", grid(900, 3, func(r, c int) string { return fmt.Sprint("cell ", r, c) })), to)
	if err != nil || len(ps) < 2 {
		t.Fatalf("%d parts, %v", len(ps), err)
	}
	for _, p := range ps {
		if _, err := c.Send(t.Context(), to, p); err != nil {
			t.Error(err)
		}
	}
	if got := len(f.Messages()); got != len(ps) {
		t.Errorf("%d messages, want %d", got, len(ps))
	}
}

func TestCheck(t *testing.T) {
	ok := func(d channel.Destination) channel.Destination { return d }
	tests := []struct {
		name string
		to   channel.Destination
		want []string
	}{
		{"a good address", ok(channel.Webhook("ops", channel.Lark, "https://open.feishu.cn/open-apis/bot/v2/hook/x")), nil},
		{"a bare token", channel.Webhook("ops", channel.Lark, "0000-1111"), nil},
		{"no address", channel.Destination{Kind: channel.Lark}, []string{"lark: url: is missing: copy the webhook address of the bot"}},
		{"a token that is none", channel.Webhook("ops", channel.Lark, "canary token"), []string{"lark: url: is neither a web address nor a token: copy the webhook address of the bot"}},
		{"no https", channel.Webhook("ops", channel.Lark, "http://open.feishu.cn/canary"), []string{"lark: url: does not begin with https://"}},
		{"an app", channel.Destination{URL: channel.NewSecret("x1"), Options: map[string]string{"appId": "cli_a1"}, Secrets: map[string]channel.Secret{"appSecret": channel.NewSecret("canary").Redact()}}, nil},
		{"an app without its secret", channel.Destination{URL: channel.NewSecret("x1"), Options: map[string]string{"appId": "cli_a1"}},
			[]string{"lark: secrets.appSecret: is missing: set it to the secret of the app that uploads pictures"}},
		{"a secret without its app", channel.Destination{URL: channel.NewSecret("x1"), Secrets: map[string]channel.Secret{"appSecret": channel.NewSecret("canary")}},
			[]string{"lark: options.appId: is missing: set it to the id of the app whose secret is given"}},
		{"an app that is none", channel.Destination{URL: channel.NewSecret("x1"), Options: map[string]string{"appId": "cli a1"}, Secrets: map[string]channel.Secret{"appSecret": channel.NewSecret("canary")}},
			[]string{"lark: options.appId: is no app id, such as cli_a1b2c3"}},
		{"everything wrong", channel.Destination{Kind: channel.WeCom, URL: channel.NewSecret("https:///canary"),
			Options: map[string]string{"card": "3", "cloud": "x", "keyword": strings.Repeat("x", 201), "canary": ""},
			Secrets: map[string]channel.Secret{"secret": channel.NewSecret("canary")}}, []string{
			"lark: kind: is wecom, want lark",
			"lark: url: is neither a web address nor a token: copy the webhook address of the bot",
			`lark: options.card: is none of "2.0" and "1.0"`,
			`lark: options.cloud: is none of "feishu" and "lark"`,
			"lark: options.keyword: is longer than 200 bytes",
			"lark: options.canary: is unknown",
			"lark: secrets.secret: is unknown",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			if err := lark.New(nil).Check(tt.to); err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	c := lark.New(nil)
	want := channel.Limits{Bytes: 19000, Rates: []channel.Rate{{N: 5, Per: time.Second}, {N: 100, Per: time.Minute}}}
	if diff := cmp.Diff(want, c.Limits(channel.Destination{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	full := c.Limits(channel.Webhook("a", channel.Lark, "https://open.feishu.cn/open-apis/bot/v2/hook/"+token)).Budget
	bare := c.Limits(channel.Webhook("b", channel.Lark, token)).Budget
	other := c.Limits(channel.Webhook("b", channel.Lark, token+"8")).Budget
	if full == "" || full != bare || full == other || strings.Contains(full, token) {
		t.Errorf("budgets %q, %q, %q", full, bare, other)
	}
}

func TestPrepare(t *testing.T) {
	calls := 0
	c := lark.New(&lark.Options{Lookup: func(_ context.Context, email string) (string, error) {
		calls++
		switch email {
		case "ann@example.com":
			return "ou_ann", nil
		case "bob@example.com":
			return "ou_bob", nil
		}
		return "", errors.New("no such user")
	}})
	ann, eve := &channel.Mention{Email: "ann@example.com"}, &channel.Mention{Email: "eve@example.com"}
	msg := message("t", p(channel.Text("for "), &channel.Strong{Inlines: inlines{ann}}, eve))
	to := channel.Destination{Mentions: []channel.Mention{{Email: "ann@example.com"}, {Email: "bob@example.com"}}}
	out, err := c.Prepare(t.Context(), msg, to)
	if err != nil {
		t.Fatal(err)
	}
	if ann.ID != "" || calls != 3 {
		t.Errorf("the message was changed, or %d look-ups", calls)
	}
	ps, err := c.Encode(out, to)
	if err != nil {
		t.Fatal(err)
	}
	var who []string
	for _, m := range accepted(t, ps) {
		who = append(who, m.Mentions...)
	}
	if diff := cmp.Diff([]string{"ou_bob", "ou_ann"}, who); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	warnings := []channel.Warning{{Code: channel.WarnUnresolved, Text: "@eve@example.com is not mentioned: a Lark bot mentions by open_id or user_id, and none was found for the e-mail address"}}
	if diff := cmp.Diff(warnings, ps[0].Warnings); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestMentionsOfAMessageThatIsCut(t *testing.T) {
	c := lark.New(&lark.Options{Lookup: func(_ context.Context, email string) (string, error) {
		return "ou_" + strings.TrimSuffix(email, "@example.com"), nil
	}})
	by := func(names ...string) (ms []channel.Mention) {
		for _, n := range names {
			ms = append(ms, channel.Mention{Email: n + "@example.com"})
		}
		return ms
	}
	end := func(names ...string) channel.Block {
		in := inlines{channel.Text("the end ")}
		for _, n := range names {
			in = append(in, &channel.Mention{ID: n})
		}
		return p(in...)
	}
	long := p(channel.Text(strings.Repeat("long text ", 20000)))
	var short blocks
	for range 9000 {
		short = append(short, p(channel.Text("short text")))
	}
	table := &channel.Table{Columns: []channel.Column{{Header: "x"}}, Cells: []channel.Cell{{Text: "<at id=ou_eve></at>"}}}
	const why = " not mentioned: the message is too long, and the text that mentions them is not sent"
	for _, tt := range []struct {
		name    string
		blocks  blocks
		own     []channel.Mention
		called  []string // by the first part
		warning string   // on the last part, besides the one that it is too long
	}{
		{"the destination's", blocks{long}, by("ann", "bob"), []string{"ou_ann", "ou_bob"}, ""},
		{"the destination's after many blocks", short, by("ann"), []string{"ou_ann"}, ""},
		{"the destination's that the end makes too", blocks{long, end("ou_ann")}, by("ann"), []string{"ou_ann"}, ""},
		{"the destination's by id that the end makes too", blocks{long, end("ou_ann")}, []channel.Mention{{ID: "ou_ann"}}, []string{"ou_ann"}, ""},
		{"the author's", blocks{long, end("ou_eve")}, by("ann"), []string{"ou_ann"}, "@ou_eve is" + why},
		{"the author's after many blocks", append(short[:len(short):len(short)], end("ou_eve", "ou_joe")), nil, nil, "@ou_eve and @ou_joe are" + why},
		{"several of the author's", blocks{long, end("ou_1", "ou_2", "ou_3", "ou_4", "ou_5")}, nil, nil, "@ou_1, @ou_2, @ou_3 and 2 more are" + why},
		{"the author's at both ends", blocks{end("ou_eve"), long, end("ou_eve")}, nil, []string{"ou_eve"}, ""},
		{"a cell that reads like the author's", blocks{table, long, end("ou_eve")}, nil, nil, "@ou_eve is" + why},
	} {
		for _, fit := range []channel.Fit{channel.Split, channel.TopRows} {
			t.Run(tt.name+" "+string(fit), func(t *testing.T) {
				to := channel.Destination{Mentions: tt.own, Fit: fit}
				msg, err := c.Prepare(t.Context(), message("t", tt.blocks...), to)
				if err != nil {
					t.Fatal(err)
				}
				ps, err := c.Encode(msg, to)
				if err != nil {
					t.Fatal(err)
				}
				within(t, ps)
				if diff := cmp.Diff(tt.called, accepted(t, ps)[0].Mentions, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("called (-want +got)\n%s", diff)
				}
				want := []channel.Warning{{Code: channel.WarnCut, Text: "the message is too long: what does not fit is not sent"}}
				if tt.warning != "" {
					want = append(want, channel.Warning{Code: channel.WarnCut, Text: tt.warning})
				}
				if diff := cmp.Diff(want, ps[len(ps)-1].Warnings); diff != "" {
					t.Errorf("warnings (-want +got)\n%s", diff)
				}
			})
		}
	}
}

func TestALookedUpMentionAloneIsNoMessage(t *testing.T) {
	c := lark.New(&lark.Options{Lookup: func(context.Context, string) (string, error) { return "ou_ann", nil }})
	to := channel.Destination{Mentions: []channel.Mention{{Email: "ann@example.com"}}}
	msg, err := c.Prepare(t.Context(), message("", p(channel.Text(" "))), to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Encode(msg, to); !errors.Is(err, channel.ErrNoContent) {
		t.Errorf("got %v, want ErrNoContent", err)
	}
}

func TestPrepareUploadsPictures(t *testing.T) {
	c := lark.New(&lark.Options{Upload: func(_ context.Context, i *channel.Image) (string, error) {
		if len(i.Data) == 0 {
			return "", errors.New("no picture")
		}
		return "img_" + i.Alt, nil
	}})
	chart := &channel.Chart{Image: &channel.Image{Data: []byte{1}, Alt: "chart"}, Table: revenue()}
	msg := message("t", p(channel.Text("x"), &channel.Image{Data: []byte{1}, Alt: "small"}), chart, &channel.Image{Alt: "none"}, &channel.Image{Key: "img_have"})
	out, err := c.Prepare(t.Context(), msg, channel.Destination{})
	if err != nil {
		t.Fatal(err)
	}
	if chart.Image.Key != "" {
		t.Error("the message was changed")
	}
	ps, err := c.Encode(out, channel.Destination{})
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, ps)
	for _, want := range []string{`x![small](img_small)`, `"img_key":"img_chart"`, `"img_key":"img_have"`} {
		if !strings.Contains(string(ps[0].Body), want) {
			t.Errorf("no %s in %s", want, ps[0].Body)
		}
	}
	want := []channel.Warning{
		{Code: channel.WarnUnresolved, Text: "a picture was not uploaded to Lark: the host gave no image key"},
		{Code: channel.WarnRemoved, Text: "a picture is not shown, because it was not uploaded to Lark"},
	}
	if diff := cmp.Diff(want, ps[0].Warnings); diff != "" {
		t.Errorf("warnings (-want +got)\n%s", diff)
	}
}

// A preview is encoded without Prepare, and says what will be done before the
// message is sent.
func TestAPreviewSaysWhatIsDoneWhenTheMessageIsSent(t *testing.T) {
	const picture = "a picture is uploaded to Lark when the message is sent; here its link, its description or its chart's numbers stand in its place"
	const person = "@a@example.com is looked up when the message is sent; here the address stands as text"
	data := &channel.Image{Data: []byte{1}, Alt: "logo"}
	chart := &channel.Chart{Image: &channel.Image{Data: []byte{1}}, Table: revenue()}
	far := &channel.Image{URL: "https://example.com/a.png", Alt: "far"}
	ann := p(&channel.Mention{Email: "a@example.com"})
	app := channel.Destination{Options: map[string]string{lark.OptionApp: "cli_a1"}}
	hooks := lark.New(&lark.Options{
		Upload: func(context.Context, *channel.Image) (string, error) { return "", errors.New("no") },
		Lookup: func(context.Context, string) (string, error) { return "", nil },
	})
	for _, tt := range []struct {
		name  string
		c     *lark.Channel
		to    channel.Destination
		block channel.Block
		want  string
	}{
		{"a picture for an app", lark.New(nil), app, data, picture},
		{"a chart for an app", lark.New(nil), app, chart, picture},
		{"a picture by address, which no app uploads", lark.New(nil), app, far, "a picture is shown as a link, because it was not uploaded to Lark"},
		{"a picture without an app", lark.New(nil), channel.Destination{}, data, "a picture is not shown, because it was not uploaded to Lark"},
		{"a picture by address for a hook", hooks, channel.Destination{}, far, picture},
		{"somebody for a hook", hooks, channel.Destination{}, ann, person},
		{"somebody without a hook", lark.New(nil), channel.Destination{}, ann, "@a@example.com is not mentioned: a Lark bot mentions by open_id or user_id, and none was found for the e-mail address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msg := message("t", p(channel.Text("x")), tt.block)
			ps, err := tt.c.Encode(msg, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if w := ps[0].Warnings; len(w) != 1 || w[0].Text != tt.want {
				t.Errorf("warnings %v, want %q", w, tt.want)
			}
			// What is sent was prepared, and says no such thing.
			out, err := tt.c.Prepare(t.Context(), msg, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			if ps, err = tt.c.Encode(out, tt.to); err != nil {
				t.Fatal(err)
			}
			for _, w := range ps[0].Warnings {
				if tt.c == hooks && strings.Contains(w.Text, "when the message is sent") {
					t.Errorf("a prepared message has the warning %q", w.Text)
				}
			}
		})
	}
}

func TestPrepareEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := lark.New(&lark.Options{Lookup: func(context.Context, string) (string, error) {
		cancel()
		return "", ctx.Err()
	}})
	_, err := c.Prepare(ctx, message("t", p(&channel.Mention{Email: "a@example.com"}, &channel.Mention{Email: "b@example.com"})), channel.Destination{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPreview(t *testing.T) {
	c := lark.New(nil)
	for _, tt := range constructs {
		t.Run(tt.name, func(t *testing.T) {
			ps, err := c.Encode(tt.msg, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			h, err := c.Preview(ps[0])
			if err != nil {
				t.Fatal(err)
			}
			readback.Golden(t, strings.ReplaceAll(tt.name, " ", "-")+".html", strings.ReplaceAll(h, "><", ">\n<")+"\n")
			for _, bad := range []string{"<script", "<img", "src=", "javascript:"} {
				if strings.Contains(h, bad) {
					t.Errorf("the preview holds %q", bad)
				}
			}
		})
	}
	if _, err := c.Preview(channel.Payload{Body: []byte("no")}); err == nil {
		t.Error("no error for what is no card")
	}
}
