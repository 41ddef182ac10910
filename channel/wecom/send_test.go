package wecom_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/wecom"
)

var message = &channel.Message{Title: "Daily sales", Sections: []channel.Section{{Blocks: []channel.Block{
	&channel.Paragraph{Inlines: []channel.Inline{channel.Text("Total 42")}},
}}}}

func payload(t *testing.T, c *wecom.Channel, to channel.Destination) channel.Payload {
	t.Helper()
	ps, err := c.Encode(message, to)
	if err != nil {
		t.Fatal(err)
	}
	return ps[0]
}

func open(o *wecom.Options) *wecom.Channel {
	if o == nil {
		o = &wecom.Options{}
	}
	o.Allow = channel.AllowLoopback()
	return wecom.New(o)
}

// result is what a caller decides by.
type result struct {
	Delivered     bool
	Outcome, Code string
	After         time.Duration
	Recorded      int
}

// judge sends once and finds no canary in what comes back.
func judge(t *testing.T, c *wecom.Channel, f *channeltest.WeCom, to channel.Destination) (result, error) {
	t.Helper()
	rec, err := c.Send(t.Context(), to, payload(t, c, to))
	got := result{Delivered: rec.Delivered, Recorded: len(f.Messages())}
	if err != nil {
		var e *channel.Error
		if !errors.As(err, &e) {
			t.Fatalf("no *channel.Error: %v", err)
		}
		got.Outcome, got.Code, got.After = e.Outcome.String(), e.Code, e.After
		for _, s := range []string{"c4n4ry", to.URL.Reveal(), "192.0.2.7"} {
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), s) {
				t.Errorf("a secret or the caller's address is in %v", err)
			}
		}
	}
	return got, err
}

func TestAnswers(t *testing.T) {
	business := func(code int, msg string) string {
		return fmt.Sprintf(`{"errcode":%d,"errmsg":"%s, hint: [1700000000000000000_1_abc], from ip: 192.0.2.7, more info at https://open.work.weixin.qq.com/devtool/query?e=%[1]d"}`, code, msg)
	}
	rejected := func(code int) result { return result{Outcome: "rejected", Code: fmt.Sprint(code)} }
	for _, a := range []struct {
		name   string
		status int
		body   string
		want   result
		says   string
	}{
		{"ok", 200, `{"errcode":0,"errmsg":"ok"}`, result{Delivered: true}, ""},
		{"busy", 200, business(-1, "system busy"), result{Outcome: "not sent", Code: "-1"}, "busy"},
		{"too often", 200, business(45009, "api freq out of limit"), result{Outcome: "not sent", Code: "45009", After: time.Minute}, "freq"},
		{"too many at once", 200, business(45033, "api concurrent out of limit"), result{Outcome: "not sent", Code: "45033", After: time.Second}, ""},
		{"no such robot", 200, business(93000, "invalid webhook url"), rejected(93000), "copy its webhook address"},
		{"disabled", 200, business(93004, "x"), rejected(93004), "switch the robot on"},
		{"not in the group", 200, business(93008, "x"), rejected(93008), "add it again"},
		{"too long", 200, business(40058, "markdown.content exceed max length 4096. invalid Request Parameter"), rejected(40058), "exceed max length 4096"},
		{"too large", 200, business(45002, "x"), rejected(45002), ""},
		{"empty", 200, business(44004, "x"), rejected(44004), ""},
		{"type", 200, business(40008, "x"), rejected(40008), ""},
		{"empty parameter", 200, business(40063, "x"), rejected(40063), ""},
		{"file size", 200, business(40006, "x"), rejected(40006), ""},
		{"picture size", 200, business(40009, "x"), rejected(40009), ""},
		{"media too large", 200, business(45001, "x"), rejected(45001), ""},
		{"media expired", 200, business(40007, "x"), rejected(40007), ""},
		{"escapes", 200, business(40033, "x"), rejected(40033), ""},
		{"long address", 200, business(40039, "x"), rejected(40039), ""},
		{"articles", 200, business(45008, "x"), rejected(45008), ""},
		{"no scheme", 200, business(45034, "x"), rejected(45034), ""},
		{"dissolved", 200, business(49008, "x"), rejected(49008), "another destination"},
		{"checksum", 200, business(301019, "x"), rejected(301019), ""},
		{"a code nobody knows", 200, business(987654, "something new"), rejected(987654), "something new"},
		{"a page", 200, "<html>Please sign in</html>", result{Outcome: "unknown", Code: "HTTP 200"}, "something other than the service"},
		{"nothing", 200, "", result{Outcome: "unknown", Code: "HTTP 200"}, "something other than the service"},
		{"JSON without a code", 200, `{"ok":true}`, result{Outcome: "unknown", Code: "HTTP 200"}, ""},
		{"broken JSON", 200, `{"errcode":0`, result{Outcome: "unknown", Code: "HTTP 200"}, ""},
		{"success with a status that is none", 502, `{"errcode":0,"errmsg":"ok"}`, result{Outcome: "unknown", Code: "HTTP 502"}, ""},
		{"a proxy that refuses", 407, "", result{Outcome: "rejected", Code: "HTTP 407"}, ""},
	} {
		t.Run(a.name, func(t *testing.T) {
			f := channeltest.NewWeCom(nil)
			defer f.Close()
			f.Inject(channeltest.Answer(a.status, a.body))
			got, err := judge(t, open(nil), f, channel.Webhook("x", channel.WeCom, f.URL("c4n4ry-key")))
			if diff := cmp.Diff(a.want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if a.says != "" && (err == nil || !strings.Contains(err.Error(), a.says)) {
				t.Errorf("%v does not say %q", err, a.says)
			}
		})
	}
}

func TestASuccessWithAWarningIsDeliveredWithANote(t *testing.T) {
	f := channeltest.NewWeCom(nil)
	defer f.Close()
	f.Inject(channeltest.Answer(200, `{"errcode":0,"errmsg":"ok. Warning: wrong json format. "}`))
	c, to := open(nil), channel.Webhook("x", channel.WeCom, f.URL("c4n4ry-key"))
	got, err := c.Send(t.Context(), to, payload(t, c, to))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(channel.Receipt{Delivered: true, Note: "ok. Warning: wrong json format. "}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestThe21stMessageOfAMinuteIsRefusedByTheFake(t *testing.T) {
	now := time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)
	f := channeltest.NewWeCom(&channeltest.WeComOptions{Now: func() time.Time { return now }})
	defer f.Close()
	c, to := open(nil), channel.Webhook("x", channel.WeCom, f.URL("c4n4ry-key"))
	for range 20 {
		if _, err := c.Send(t.Context(), to, payload(t, c, to)); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := judge(t, c, f, to)
	if diff := cmp.Diff(result{Outcome: "not sent", Code: "45009", After: time.Minute, Recorded: 20}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	now = now.Add(got.After)
	if got, err := judge(t, c, f, to); !got.Delivered {
		t.Errorf("after the wait: %v", err)
	}
}

func TestMentions(t *testing.T) {
	all := []channel.Mention{{All: true}, {ID: "u1"}, {Phone: "13800000000"}, {ID: "u1"}, {ID: "bad id"}}
	for format, want := range map[string][]string{
		wecom.FormatMarkdownV2: {"all", "u1", "13800000000"},
		wecom.FormatMarkdown:   {"u1", "u1", "all", "13800000000"},
		wecom.FormatText:       {"all", "u1", "13800000000"},
	} {
		t.Run(format, func(t *testing.T) {
			f := channeltest.NewWeCom(nil)
			defer f.Close()
			c, to := open(nil), channel.Webhook("x", channel.WeCom, f.URL("c4n4ry-key"))
			to.Options = map[string]string{wecom.OptionFormat: format}
			to.Mentions = all
			ps, err := c.Encode(message, to)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range ps {
				if _, err := c.Send(t.Context(), to, p); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, m := range f.Messages() {
				got = append(got, m.Mentions...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("called (-want +got):\n%s", diff)
			}
		})
	}
}

// The picture vector of section 4.2 of the channel specification that begins
// like a picture; golden files show it too.
func TestAPictureIsAMessageOfItsOwn(t *testing.T) {
	f := channeltest.NewWeCom(nil)
	defer f.Close()
	c, to := open(nil), channel.Webhook("x", channel.WeCom, f.URL("c4n4ry-key"))
	ps, err := c.Encode(&channel.Message{Sections: []channel.Section{{Blocks: []channel.Block{&channel.Image{Data: []byte("\x89PNG\r\n\x1a\n")}}}}}, to)
	if err != nil {
		t.Fatal(err)
	}
	want := []content{{Base64: "iVBORw0KGgo=", MD5: "e9dd2797018cad79186e03e8c5aec8dc"}}
	if diff := cmp.Diff(want, []content{decode(t, ps[0])}); diff != "" || len(ps) != 1 {
		t.Errorf("%d payloads (-want +got):\n%s", len(ps), diff)
	}
	if _, err := c.Send(t.Context(), to, ps[0]); err != nil {
		t.Error(err)
	}
}

func TestWhereverAPictureStandsItIsSentOnce(t *testing.T) {
	png, jpeg := []byte("\x89PNG\r\n\x1a\n and so on"), []byte("\xff\xd8\xff and so on")
	one := func(alt string) *channel.Image { return &channel.Image{Data: png, Alt: alt} }
	par := func(in ...channel.Inline) channel.Block { return &channel.Paragraph{Inlines: in} }
	ps, err := wecom.New(nil).Encode(&channel.Message{Sections: []channel.Section{{Blocks: []channel.Block{
		one("block"), par(channel.Text("see "), one("inline"), channel.Text(".")),
		&channel.Quote{Blocks: []channel.Block{par(&channel.Strong{Inlines: []channel.Inline{one("quoted")}})}},
		&channel.Chart{Title: "Revenue", Image: &channel.Image{Data: jpeg}, Table: &channel.Table{Columns: []channel.Column{{Header: "numbers"}}}},
	}}}}, channel.Destination{})
	if err != nil {
		t.Fatal(err)
	}
	want := "== part 1 of 3: markdown_v2\nblock\n\nsee inline.\n\n> **quoted**\n\n**Revenue**\n" +
		"== part 2 of 3: image\n\n== base64 iVBORw0KGgogYW5kIHNvIG9u md5 73371130764f763c8ba47d501dffac09\n" +
		"== part 3 of 3: image\n\n== base64 /9j/IGFuZCBzbyBvbg== md5 16e953026b0572e8b93efaf36630056b\n"
	if diff := cmp.Diff(want, show(t, ps)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAPictureThatWouldBeRefusedIsNotSent(t *testing.T) {
	chart := func(data []byte) *channel.Message {
		return &channel.Message{Sections: []channel.Section{{Blocks: []channel.Block{
			&channel.Image{Data: data, Type: "image/png", Alt: "logo"},
			&channel.Chart{Image: &channel.Image{Data: data, Type: "image/png"}, Table: &channel.Table{
				Columns: []channel.Column{{Header: "day"}}, Cells: []channel.Cell{{Text: "Monday"}}}},
		}}}}
	}
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"text that claims to be a PNG", []byte("Department 1"), "a picture is neither PNG nor JPEG and is not sent"},
		{"a GIF that claims to be a PNG", []byte("GIF89a and so on"), "a picture is neither PNG nor JPEG and is not sent"},
		{"more than 2 MB", append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 2<<20)...), "a picture is larger than 2 MB and is not sent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ps, err := wecom.New(nil).Encode(chart(tt.data), channel.Destination{})
			if err != nil {
				t.Fatal(err)
			}
			want := "== part 1 of 1: markdown_v2\nlogo\n\n| day |\n| --- |\n| Monday |\n== removed: " + tt.want +
				"\n== removed: a picture without a public address is shown as its description\n== degraded: a chart is shown as the table of its numbers\n"
			if diff := cmp.Diff(want, show(t, ps)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	f := channeltest.NewWeCom(&channeltest.WeComOptions{Keys: []string{"c4n4ry-key"}})
	defer f.Close()
	c := open(&wecom.Options{BaseURL: f.Base() + "/"})
	for name, url := range map[string]string{
		"the whole address":  f.URL("c4n4ry-key"),
		"a bare key":         "c4n4ry-key",
		"white space around": " " + f.URL("c4n4ry-key") + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			to := channel.Webhook("x", channel.WeCom, url)
			if err := c.Check(to); err != nil {
				t.Error(err)
			}
			if _, err := c.Send(t.Context(), to, payload(t, c, to)); err != nil {
				t.Error(err)
			}
			if got, want := c.Limits(to).Budget, c.Limits(channel.Webhook("y", channel.WeCom, f.URL("c4n4ry-key"))).Budget; got != want || got == "" {
				t.Errorf("budget %q, want %q", got, want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	c := wecom.New(nil)
	for _, k := range []struct {
		name string
		edit func(*channel.Destination)
		want string
	}{
		{"a good one", func(*channel.Destination) {}, ""},
		{"another kind", func(d *channel.Destination) { d.Kind = channel.Lark }, "wecom: kind: is lark, want wecom"},
		{"no address", func(d *channel.Destination) { d.URL = channel.Secret{} }, "wecom: url: is missing: copy the webhook address of the robot"},
		{"no web address", func(d *channel.Destination) { d.URL = channel.NewSecret("https://") }, "wecom: url: is no web address: copy the webhook address of the robot"},
		{"no TLS", func(d *channel.Destination) { d.URL = channel.NewSecret("http://qyapi.weixin.qq.com/x?key=k") }, "wecom: url: does not begin with https://"},
		{"no key", func(d *channel.Destination) { d.URL = channel.NewSecret("https://qyapi.weixin.qq.com/x") }, "wecom: url: has no key: copy the whole webhook address of the robot"},
		{"everything else at once", func(d *channel.Destination) {
			d.Secrets = map[string]channel.Secret{"sign": channel.NewSecret("x")}
			d.Options = map[string]string{"format": "html", "color": "red"}
			d.Mentions = []channel.Mention{{All: true}, {Email: "a@b.example"}}
		}, `wecom: options.format: is none of "markdown_v2", "markdown" and "text"
wecom: options.color: is unknown
wecom: secrets.sign: is unknown: a WeCom robot has no secret beside its address
wecom: mentions[1]: has neither a user id nor a phone number, and WeCom calls people by these`},
	} {
		t.Run(k.name, func(t *testing.T) {
			to := channel.Webhook("x", channel.WeCom, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=c4n4ry")
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

func TestLimitsFollowTheFormat(t *testing.T) {
	for format, want := range map[string]int{"": 4096, wecom.FormatMarkdown: 4096, wecom.FormatText: 2048} {
		got := wecom.New(nil).Limits(channel.Destination{Options: map[string]string{wecom.OptionFormat: format}})
		if diff := cmp.Diff(channel.Limits{Bytes: want, Rates: []channel.Rate{{N: 20, Per: time.Minute}}}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", format, diff)
		}
	}
}
