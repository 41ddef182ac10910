package dingtalk_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/dingtalk"
)

// The vectors of section 2.3 of the channel specification.
func TestSign(t *testing.T) {
	for _, v := range []struct{ at, secret, base64, query, hex string }{
		{"1577262236757", "this is secret", "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM=", "hmPWwU%2B7lVdm3ZZz0r9tSfx0L4Q26jWOZr9%2BGs6EZQM%3D",
			"8663d6c14fbb955766dd9673d2bf6d49fc742f8436ea358e66bf7e1ace846503"},
		{"1700000000000", secret, "bTgY2yDbep+wesS7jKiNj+srsHoADES4+C4f8LCHFtU=", "bTgY2yDbep%2BwesS7jKiNj%2BsrsHoADES4%2BC4f8LCHFtU%3D",
			"6d3818db20db7a9fb07ac4bb8ca88d8feb2bb07a000c44b8f82e1ff0b08716d5"},
		{"1700000000001", secret, "EOH6gRcXbhX8/4ToIvjEQxB0jCBt2HvRs6LScwt0eqs=", "EOH6gRcXbhX8%2F4ToIvjEQxB0jCBt2HvRs6LScwt0eqs%3D", ""},
	} {
		t.Run(v.at, func(t *testing.T) {
			got := dingtalk.Sign(v.at, v.secret)
			if diff := cmp.Diff([]string{v.base64, v.query}, []string{got, url.QueryEscape(got)}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			mac, _ := base64.StdEncoding.DecodeString(got)
			if v.hex != "" && hex.EncodeToString(mac) != v.hex {
				t.Errorf("MAC %x, want %s", mac, v.hex)
			}
		})
	}
}

var message = &channel.Message{Title: "Daily sales", Sections: []channel.Section{{Blocks: []channel.Block{
	&channel.Paragraph{Inlines: []channel.Inline{channel.Text("Total 42")}},
}}}}

func payload(t *testing.T, c *dingtalk.Channel, to channel.Destination) channel.Payload {
	t.Helper()
	ps, err := c.Encode(message, to)
	if err != nil {
		t.Fatal(err)
	}
	ps[0].Key = "0d2c6a526b564a649a352f6d8d0c2b11"
	return ps[0]
}

func open(o *dingtalk.Options) *dingtalk.Channel {
	if o == nil {
		o = &dingtalk.Options{}
	}
	o.Allow = channel.AllowLoopback()
	return dingtalk.New(o)
}

// result is what a caller decides by.
type result struct {
	Delivered     bool
	Outcome, Code string
	After         time.Duration
	Recorded      int
}

// judge sends once and finds no canary in what comes back.
func judge(t *testing.T, c *dingtalk.Channel, f *channeltest.DingTalk, to channel.Destination) (result, error) {
	t.Helper()
	rec, err := c.Send(t.Context(), to, payload(t, c, to))
	got := result{Delivered: rec.Delivered, Recorded: len(f.Messages())}
	if err != nil {
		var e *channel.Error
		if !errors.As(err, &e) {
			t.Fatalf("no *channel.Error: %v", err)
		}
		got.Outcome, got.Code, got.After = e.Outcome.String(), e.Code, e.After
		for _, s := range []string{"c4n4ry", secret, to.URL.Reveal()} {
			if s != "" && strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), s) {
				t.Errorf("a secret is in %v", err)
			}
		}
	}
	return got, err
}

func TestAnswers(t *testing.T) {
	business := func(code int, msg string) string { return fmt.Sprintf(`{"errcode":%d,"errmsg":%q}`, code, msg) }
	for _, a := range []struct {
		name   string
		status int
		body   string
		want   result
		says   string
	}{
		{"ok", 200, `{"errcode":0,"errmsg":"ok"}`, result{Delivered: true}, ""},
		{"ok in another order", 200, `{"errmsg":"ok","errcode":0}`, result{Delivered: true}, ""},
		{"busy", 200, business(-1, "系统繁忙"), result{Outcome: "not sent", Code: "-1"}, "系统繁忙"},
		{"more than 20 a minute", 200, business(130101, "send too fast, exceed 20 times per minute"), result{Outcome: "not sent", Code: "130101", After: time.Minute}, "too fast"},
		{"throttled", 200, business(410100, "发送速度太快而限流"), result{Outcome: "not sent", Code: "410100", After: time.Minute}, ""},
		{"rate of the app API", 200, business(90018, "qps"), result{Outcome: "not sent", Code: "90018", After: time.Minute}, ""},
		{"too many calls from an address", 200, `{"status":1111,"wait":7,"source":"x5","punish":"deny","uuid":"0123456789abcdef"}`, result{Outcome: "not sent", Code: "1111", After: 7 * time.Minute}, "blocks"},
		{"the same with another status", 403, `{"status":1111,"wait":"5","source":"x5"}`, result{Outcome: "not sent", Code: "1111", After: 5 * time.Minute}, ""},
		{"the same without a wait", 200, `{"status":1111}`, result{Outcome: "not sent", Code: "1111", After: 5 * time.Minute}, ""},
		{"keyword", 200, business(310000, "keywords not in content, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]"), result{Outcome: "rejected", Code: "310000"}, "set the destination's keyword"},
		{"keyword in Chinese", 200, business(310000, "description:关键词不匹配;solution:请联系群管理员查看此机器人的关键词;link:x;"), result{Outcome: "rejected", Code: "310000"}, "set the destination's keyword"},
		{"signature", 200, business(310000, "sign not match"), result{Outcome: "rejected", Code: "310000"}, "signing secret"},
		{"signature in Chinese", 200, business(310000, "description:机器人发送签名不匹配;solution:...;link:...;"), result{Outcome: "rejected", Code: "310000"}, "signing secret"},
		{"timestamp", 200, business(310000, "invalid timestamp"), result{Outcome: "rejected", Code: "310000"}, "clock"},
		{"address", 200, business(310000, "ip 192.0.2.7 not in whitelist"), result{Outcome: "rejected", Code: "310000"}, "add this machine's address"},
		{"no such token", 200, business(300005, "token is not exist"), result{Outcome: "rejected", Code: "300005"}, "copy the webhook address"},
		{"an older code for it", 200, business(300001, "token is not exist"), result{Outcome: "rejected", Code: "300001"}, ""},
		{"missing parameter", 200, business(40035, "缺少参数 access_token"), result{Outcome: "rejected", Code: "40035"}, ""},
		{"wrong method", 200, business(43002, "x"), result{Outcome: "rejected", Code: "43002"}, ""},
		{"wrong type", 200, business(43004, "x"), result{Outcome: "rejected", Code: "43004"}, ""},
		{"group dissolved", 200, business(400013, "x"), result{Outcome: "rejected", Code: "400013"}, "another destination"},
		{"token gone", 200, business(400101, "x"), result{Outcome: "rejected", Code: "400101"}, ""},
		{"robot disabled", 200, business(400102, "x"), result{Outcome: "rejected", Code: "400102"}, "switch the robot on"},
		{"message type", 200, business(400105, "x"), result{Outcome: "rejected", Code: "400105"}, ""},
		{"robot left", 200, business(400106, "x"), result{Outcome: "rejected", Code: "400106"}, ""},
		{"unsafe link", 200, business(430101, "x"), result{Outcome: "rejected", Code: "430101"}, "link"},
		{"text refused", 200, business(430102, "x"), result{Outcome: "rejected", Code: "430102"}, ""},
		{"picture refused", 200, business(430103, "x"), result{Outcome: "rejected", Code: "430103"}, ""},
		{"content refused", 200, business(430104, "x"), result{Outcome: "rejected", Code: "430104"}, ""},
		{"too large", 200, business(460101, "message too long, exceed 20000 bytes"), result{Outcome: "rejected", Code: "460101"}, "20,000"},
		{"too long", 200, business(101002, "x"), result{Outcome: "rejected", Code: "101002"}, ""},
		{"a code nobody knows", 200, business(987654, "something new"), result{Outcome: "rejected", Code: "987654"}, "something new"},
		{"a code with another status", 500, business(-1, "busy"), result{Outcome: "not sent", Code: "-1"}, ""},
		{"a page", 200, "<html>Please sign in</html>", result{Outcome: "unknown", Code: "HTTP 200"}, "something other than the service"},
		{"nothing", 200, "", result{Outcome: "unknown", Code: "HTTP 200"}, "something other than the service"},
		{"JSON without a code", 200, `{"ok":true}`, result{Outcome: "unknown", Code: "HTTP 200"}, "something other than the service"},
		{"a code in quotes", 200, `{"errcode":"0"}`, result{Outcome: "unknown", Code: "HTTP 200"}, "something other than the service"},
		{"a null code", 200, `{"errcode":null}`, result{Outcome: "unknown", Code: "HTTP 200"}, ""},
		{"broken JSON", 200, `{"errcode":0`, result{Outcome: "unknown", Code: "HTTP 200"}, ""},
		{"success with a status that is none", 502, `{"errcode":0,"errmsg":"ok"}`, result{Outcome: "unknown", Code: "HTTP 502"}, ""},
		{"success with another good status", 201, `{"errcode":0,"errmsg":"ok"}`, result{Outcome: "unknown", Code: "HTTP 201"}, ""},
		{"a gateway's page", 502, "<html>Bad Gateway</html>", result{Outcome: "unknown", Code: "HTTP 502"}, "may have arrived"},
		{"a proxy that refuses", 403, "<html>Forbidden</html>", result{Outcome: "rejected", Code: "HTTP 403"}, "refused"},
		{"a gateway that limits", 429, "", result{Outcome: "not sent", Code: "HTTP 429", After: time.Minute}, ""},
	} {
		t.Run(a.name, func(t *testing.T) {
			f := channeltest.NewDingTalk(nil)
			defer f.Close()
			f.Inject(channeltest.Answer(a.status, a.body))
			got, err := judge(t, open(nil), f, signed("x", f.URL("c4n4ry-token")))
			if diff := cmp.Diff(a.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if a.says != "" && (err == nil || !strings.Contains(err.Error(), a.says)) {
				t.Errorf("%v does not say %q", err, a.says)
			}
		})
	}
}

func TestARepeatIsDroppedByItsKey(t *testing.T) {
	f := channeltest.NewDingTalk(nil)
	defer f.Close()
	c, to := open(nil), signed("x", f.URL("c4n4ry-token"))
	f.Inject(channeltest.LoseAnswer())
	p := payload(t, c, to)
	if _, err := c.Send(t.Context(), to, p); err == nil {
		t.Fatal("a receipt without an answer")
	}
	if _, err := c.Send(t.Context(), to, p); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(channeltest.Count{Calls: 2, Recorded: 1, Duplicates: 1}, f.Count("c4n4ry-token")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASecondRateLimitWaitsTenMinutes(t *testing.T) {
	now := time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)
	f := channeltest.NewDingTalk(&channeltest.DingTalkOptions{Now: func() time.Time { return now }})
	defer f.Close()
	c := open(&dingtalk.Options{Now: func() time.Time { return now }})
	to := signed("x", f.URL("c4n4ry-token"))
	const limited = `{"errcode":130101,"errmsg":"send too fast"}`
	var waits []time.Duration
	for _, step := range []struct {
		pause time.Duration
		fault channeltest.Fault
	}{
		{0, channeltest.Answer(200, limited)},
		{time.Second, channeltest.Answer(200, limited)}, // was on its way already
		{time.Minute, channeltest.Answer(200, limited)},
		{10 * time.Minute, nil},
		{time.Second, channeltest.Answer(200, limited)},
	} {
		now = now.Add(step.pause)
		f.Inject(step.fault)
		got, _ := judge(t, c, f, to)
		waits = append(waits, got.After)
	}
	want := []time.Duration{time.Minute, time.Minute, 10 * time.Minute, 0, time.Minute}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

func TestAddresses(t *testing.T) {
	f := channeltest.NewDingTalk(&channeltest.DingTalkOptions{Robots: map[string]channeltest.DingTalkRobot{"c4n4ry-token": {Secret: secret}}})
	defer f.Close()
	c := open(&dingtalk.Options{BaseURL: f.Base() + "/"})
	for name, url := range map[string]string{
		"the whole address":               f.URL("c4n4ry-token"),
		"a bare token":                    "c4n4ry-token",
		"white space around":              " " + f.URL("c4n4ry-token") + "\n",
		"an old signature in the address": f.URL("c4n4ry-token") + "&timestamp=1&sign=x",
	} {
		t.Run(name, func(t *testing.T) {
			to := signed("x", url)
			to.Secrets[dingtalk.SecretSign] = channel.NewSecret(" " + secret + "\n")
			if err := c.Check(to); err != nil {
				t.Error(err)
			}
			ps, err := c.Encode(message, to)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Send(t.Context(), to, ps[0]); err != nil {
				t.Error(err)
			}
			if got, want := c.Limits(to).Budget, c.Limits(signed("y", f.URL("c4n4ry-token"))).Budget; got != want || got == "" {
				t.Errorf("budget %q, want %q", got, want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	c := dingtalk.New(nil)
	for _, k := range []struct {
		name string
		edit func(*channel.Destination)
		want string
	}{
		{"a good one", func(*channel.Destination) {}, ""},
		{"another kind", func(d *channel.Destination) { d.Kind = channel.Lark }, "dingtalk: kind: is lark, want dingtalk"},
		{"no address", func(d *channel.Destination) { d.URL = channel.Secret{} }, "dingtalk: url: is missing: copy the webhook address of the robot"},
		{"no web address", func(d *channel.Destination) { d.URL = channel.NewSecret("https://") }, "dingtalk: url: is no web address: copy the webhook address of the robot"},
		{"no TLS", func(d *channel.Destination) {
			d.URL = channel.NewSecret("http://oapi.dingtalk.com/robot/send?access_token=t")
		}, "dingtalk: url: does not begin with https://"},
		{"the API of apps", func(d *channel.Destination) {
			d.URL = channel.NewSecret("https://api.dingtalk.com/v1.0/x?access_token=t")
		},
			"dingtalk: url: leads to the API of apps: the address of a robot begins with https://oapi.dingtalk.com/robot/send"},
		{"no token", func(d *channel.Destination) { d.URL = channel.NewSecret("https://oapi.dingtalk.com/robot/send") }, "dingtalk: url: has no access_token: copy the whole webhook address of the robot"},
		{"everything else at once", func(d *channel.Destination) {
			d.Secrets = map[string]channel.Secret{"sign": channel.NewSecret(" "), "password": channel.NewSecret("x")}
			d.Options = map[string]string{"keyword": strings.Repeat("k", 201), "tables": "grid", "color": "red"}
			d.Mentions = []channel.Mention{{Phone: "13800000000"}, {Email: "a@b.example"}}
		}, `dingtalk: secrets.sign: is blank
dingtalk: options.keyword: is longer than 200 bytes
dingtalk: options.tables: is none of "list" and "raw"
dingtalk: options.color: is unknown
dingtalk: secrets.password: is unknown
dingtalk: mentions[1]: has neither a phone number nor a user id, and DingTalk calls people by these`},
	} {
		t.Run(k.name, func(t *testing.T) {
			to := channel.Webhook("x", channel.DingTalk, "https://oapi.dingtalk.com/robot/send?access_token=c4n4ry")
			k.edit(&to)
			got := ""
			if err := c.Check(to); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(k.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	want := channel.Limits{Bytes: 19_000, Rates: []channel.Rate{{N: 18, Per: time.Minute}}}
	if diff := cmp.Diff(want, dingtalk.New(nil).Limits(channel.Destination{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := dingtalk.New(&dingtalk.Options{Rates: []channel.Rate{}}).Limits(channel.Destination{}).Rates; len(got) != 0 {
		t.Errorf("an empty list of rates limits: %v", got)
	}
	if got := dingtalk.New(nil).Kind(); got != channel.DingTalk {
		t.Errorf("kind %q", got)
	}
}

func TestAHostsClientIsUsedAsItIs(t *testing.T) {
	f := channeltest.NewDingTalk(nil)
	defer f.Close()
	c := dingtalk.New(&dingtalk.Options{Client: &http.Client{Transport: &http.Transport{}}})
	to := signed("x", f.URL("c4n4ry-token"))
	if _, err := c.Send(t.Context(), to, payload(t, c, to)); err != nil {
		t.Error(err)
	}
}
