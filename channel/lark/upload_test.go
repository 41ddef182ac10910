package lark_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/lark"
)

const (
	appID     = "cli_a1"
	appSecret = "canary-app-secret"
	tokens    = "/open-apis/auth/v3/tenant_access_token/internal"
	images    = "/open-apis/im/v1/images"
	success   = `{"code":0,"msg":"ok","data":{"image_key":"img_9"},"tenant_access_token":"t-canary-9","expire":7200}`
)

// square is a PNG of n by n pixels.
func square(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, n, n), color.Palette{color.White})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withApp is a fake, a channel whose clock is *at, and a destination with an
// app.
func withApp(t *testing.T, o channeltest.LarkOptions) (f *channeltest.Lark, c *lark.Channel, to channel.Destination, at *time.Time) {
	t.Helper()
	clock := now
	at = &clock
	o.Apps = map[string]string{appID: appSecret}
	o.Now = func() time.Time { return *at }
	f = channeltest.NewLark(&o)
	t.Cleanup(f.Close)
	c = lark.New(&lark.Options{Allow: channel.AllowLoopback(), Now: o.Now})
	t.Cleanup(func() { _ = c.Close() })
	to = channel.Webhook("ops", channel.Lark, f.URL(token))
	to.Options = map[string]string{lark.OptionApp: appID}
	to.Secrets = map[string]channel.Secret{lark.SecretApp: channel.NewSecret(appSecret)}
	if err := c.Check(to); err != nil {
		t.Fatal(err)
	}
	return f, c, to, at
}

// asked are the paths of the calls so far, shortened.
func asked(f *channeltest.Lark) string {
	var out []string
	for _, c := range f.Calls() {
		switch c.Path {
		case tokens:
			out = append(out, "token")
		case images:
			out = append(out, "image")
		default:
			out = append(out, "message")
		}
	}
	return strings.Join(out, " ")
}

func prepare(t *testing.T, c *lark.Channel, msg *channel.Message, to channel.Destination) *channel.Message {
	t.Helper()
	out, err := c.Prepare(t.Context(), msg, to)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnAppUploadsPicturesOnce(t *testing.T) {
	f, c, to, _ := withApp(t, channeltest.LarkOptions{})
	one, two := square(t, 1), square(t, 2)
	chart := &channel.Chart{Title: "Revenue", Image: &channel.Image{Data: two, Alt: "bars"}, Table: revenue()}
	msg := message("t", p(channel.Text("x"), &channel.Image{Data: one, Alt: "small"}), chart,
		&channel.List{Items: []channel.Item{{Blocks: blocks{&channel.Image{Data: one, Alt: "again"}}}}},
		&channel.Image{URL: "https://example.com/a.png", Alt: "far"}, &channel.Image{Key: "img_have"})
	out := prepare(t, c, msg, to)
	if chart.Image.Key != "" {
		t.Error("the message was changed")
	}
	ps, err := c.Encode(out, to)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Send(t.Context(), to, ps[0]); err != nil || !r.Delivered {
		t.Fatal(r, err)
	}
	for _, want := range []string{`![small](img_1)`, `![again](img_1)`, `"img_key":"img_2"`, `"img_key":"img_have"`, `[far](https://example.com/a.png)`} {
		if !strings.Contains(string(ps[0].Body), want) {
			t.Errorf("no %s in %s", want, ps[0].Body)
		}
	}
	if diff := cmp.Diff([][]byte{one, two}, f.Images()); diff != "" {
		t.Errorf("the service has other pictures (-want +got)\n%s", diff)
	}
	want := []channel.Warning{{Code: channel.WarnDegraded, Text: "a picture is shown as a link, because it was not uploaded to Lark"}}
	if diff := cmp.Diff(want, ps[0].Warnings); diff != "" {
		t.Errorf("warnings (-want +got)\n%s", diff)
	}

	second := to.Clone()
	second.Name, second.URL = "board", channel.NewSecret(f.URL("another-group"))
	again := prepare(t, c, msg, second)
	if diff := cmp.Diff(out, again); diff != "" {
		t.Errorf("another group of the app has another message (-want +got)\n%s", diff)
	}
	if got := asked(f); got != "token image image message" {
		t.Errorf("calls: %s", got)
	}
}

func TestManyCallersFetchOneTokenAndUploadAPictureOnce(t *testing.T) {
	f, c, to, _ := withApp(t, channeltest.LarkOptions{})
	same := square(t, 9)
	var wg sync.WaitGroup
	for i := range 16 {
		own := square(t, i+10)
		wg.Go(func() {
			msg := message("t", &channel.Image{Data: same}, &channel.Image{Data: own})
			if out, err := c.Prepare(t.Context(), msg, to); err != nil || out.Sections[0].Blocks[1].(*channel.Image).Key == "" {
				t.Error(out, err)
			}
		})
	}
	wg.Wait()
	if got := asked(f); strings.Count(got, "token") != 1 || strings.Count(got, "image") != 17 {
		t.Errorf("calls: %s", got)
	}
}

func TestATokenIsRenewedBeforeItsEnd(t *testing.T) {
	f, c, to, at := withApp(t, channeltest.LarkOptions{})
	for i, wait := range []time.Duration{0, time.Hour + 49*time.Minute, 2 * time.Minute} {
		*at = at.Add(wait)
		prepare(t, c, message("t", &channel.Image{Data: square(t, i+1)}), to)
	}
	if got := asked(f); got != "token image image token image" {
		t.Errorf("calls: %s", got)
	}
}

func TestAnImageKeyIsUsedForAnHour(t *testing.T) {
	f, c, to, at := withApp(t, channeltest.LarkOptions{})
	for _, wait := range []time.Duration{0, 59 * time.Minute, 2 * time.Minute} {
		*at = at.Add(wait)
		prepare(t, c, message("t", &channel.Image{Data: square(t, 1)}), to)
	}
	if got := asked(f); got != "token image image" {
		t.Errorf("calls: %s", got)
	}
}

func TestATokenThatWasWithdrawnIsReplacedOnce(t *testing.T) {
	withdrawn := channeltest.Answer(400, `{"code":99991663,"msg":"Invalid access token for authorization. Please make a test attempt."}`)
	denied := channeltest.Answer(401, `{"code":234002,"data":{},"msg":"Unauthorized"}`)
	for name, fault := range map[string]channeltest.Fault{"by its code": withdrawn, "by the status": denied} {
		t.Run(name, func(t *testing.T) {
			f, c, to, _ := withApp(t, channeltest.LarkOptions{})
			f.Inject(nil, fault)
			out := prepare(t, c, message("t", &channel.Image{Data: square(t, 1)}), to)
			if got := asked(f); got != "token image token image" || out.Sections[0].Blocks[0].(*channel.Image).Key != "img_1" {
				t.Errorf("calls: %s, message %+v", got, out)
			}
		})
		t.Run(name+", and again", func(t *testing.T) {
			f, c, to, _ := withApp(t, channeltest.LarkOptions{})
			f.Inject(nil, fault, nil, fault)
			out := prepare(t, c, message("t", &channel.Image{Data: square(t, 1)}), to)
			if got := asked(f); got != "token image token image" || len(out.Warnings) != 1 {
				t.Errorf("calls: %s, warnings %v", got, out.Warnings)
			}
		})
	}
}

func animated(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, image.NewPaletted(image.Rect(0, 0, n, 1), color.Palette{color.White, color.Black}), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAPictureThatIsNotUploadedIsAWarningAndTheMessageIsSent(t *testing.T) {
	const (
		why    = "a picture was not uploaded to Lark: "
		gone   = "a picture is not shown, because it was not uploaded to Lark"
		number = "a chart is shown as a table, because its picture was not uploaded to Lark"
	)
	good := square(t, 1)
	for _, tt := range []struct {
		name   string
		data   []byte
		faults []channeltest.Fault
		secret string
		want   string
		calls  string // of two pictures, the second a good one
	}{
		{"larger than 10 MB", append(bytes.Clone(good), make([]byte, 10_000_000)...), nil, "",
			"it is larger than the 10 MB that Lark takes", "token image message"},
		{"no picture", []byte("Department 1, 11000"), nil, "",
			"its bytes are no PNG, JPEG, GIF or WebP", "token image message"},
		{"a GIF of too many pixels", animated(t, 2001), nil, "",
			"it is 2001 by 1 pixels, and Lark takes 2000 by 2000", "token image message"},
		{"refused by the service", square(t, 3), []channeltest.Fault{nil, channeltest.Answer(400, `{"code":234011,"msg":"Can't recognize image format."}`)}, "",
			"code 234011: Can't recognize image format.", "token image image message"},
		{"a wrong secret", good, nil, "canary-wrong",
			"code 10003: invalid app_id or app_secret: correct the app's id and secret", "token message"},
		{"an app without its bot ability", good, []channeltest.Fault{nil, channeltest.Answer(400, `{"code":234007,"msg":"App does not enable bot feature."}`)}, "",
			"code 234007: App does not enable bot feature.: turn on the app's bot ability", "token image message"},
		{"the rate limit", good, []channeltest.Fault{nil, channeltest.Answer(429, `{"code":99991400,"msg":"request trigger frequency limit"}`, "x-ogw-ratelimit-reset: 7")}, "",
			"code 99991400: request trigger frequency limit: the app uploads more than 50 pictures a second or 1000 a minute", "token image message"},
		{"a sign-in page", good, []channeltest.Fault{channeltest.HTMLPage()}, "",
			"code HTTP 200: the answer is not Lark's; something in between probably answered, a proxy or a sign-in page", "token message"},
		{"a redirect", good, []channeltest.Fault{nil, channeltest.Redirect(307, "https://example.com/")}, "",
			"code HTTP 307: the service answered with a redirect", "token image message"},
		{"an answer without a token", good, []channeltest.Fault{channeltest.Answer(200, `{"code":0,"msg":"ok"}`)}, "",
			"the answer lacks what was asked for", "token message"},
		{"a token that would break a header", good, []channeltest.Fault{channeltest.Answer(200, `{"code":0,"tenant_access_token":"t-canary\r\nX-Evil: 1","expire":7200}`)}, "",
			"the answer lacks what was asked for", "token message"},
		{"an answer without a key", good, []channeltest.Fault{nil, channeltest.Answer(200, `{"code":0,"data":{}}`)}, "",
			"the answer lacks what was asked for", "token image message"},
		{"a key that is markup", good, []channeltest.Fault{nil, channeltest.Answer(200, `{"code":0,"data":{"image_key":"x) <at id=all></at>"}}`)}, "",
			"the answer lacks what was asked for", "token image message"},
		{"a lost connection", good, []channeltest.Fault{nil, channeltest.CloseUnanswered()}, "",
			"sent, but no answer came, so it may have arrived: EOF", "token image message"},
		{"an endless answer", good, []channeltest.Fault{nil, channeltest.Huge(1 << 20)}, "",
			"code HTTP 200: the answer is not Lark's", "token image message"},
		{"an answer that shows secrets", good, []channeltest.Fault{channeltest.Answer(200, `{"code":10014,"msg":"app `+appID+` `+appSecret+` refused"}`)}, "",
			"code 10014: app cli_a1 [redacted] refused: correct the app's secret", "token message"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, c, to, _ := withApp(t, channeltest.LarkOptions{})
			if tt.secret != "" {
				to.Secrets[lark.SecretApp] = channel.NewSecret(tt.secret)
			}
			f.Inject(tt.faults...)
			msg := message("t", &channel.Image{Data: tt.data, Alt: "logo"}, &channel.Chart{Image: &channel.Image{Data: square(t, 2)}, Table: revenue()})
			msg.Warnings = []channel.Warning{{Code: channel.WarnData, Text: "of the renderer"}}
			out := prepare(t, c, msg, to)
			ps, err := c.Encode(out, to)
			if err != nil {
				t.Fatal(err)
			}
			if r, err := c.Send(t.Context(), to, ps[0]); err != nil || !r.Delivered {
				t.Fatal(r, err)
			}
			w := ps[0].Warnings
			if len(w) == 0 || w[0].Code != channel.WarnUnresolved || !strings.HasPrefix(w[0].Text, why+tt.want) {
				t.Errorf("warnings %+v, want %q first", w, why+tt.want)
			}
			want := []channel.Warning{{Code: channel.WarnRemoved, Text: gone}}
			if !strings.Contains(tt.calls, "image") || strings.HasSuffix(tt.calls, "token image message") && !strings.Contains(string(ps[0].Body), `"img_key"`) {
				want = append(want, channel.Warning{Code: channel.WarnDegraded, Text: number})
			}
			if diff := cmp.Diff(want, w[1:]); diff != "" {
				t.Errorf("further warnings (-want +got)\n%s", diff)
			}
			if m := f.Messages(); len(m) != 1 || !strings.Contains(m[0].Text, "logo") {
				t.Errorf("sent: %+v", m)
			}
			// A request without an orderly answer is noted at its own time.
			f.Close()
			if diff := cmp.Diff(slices.Sorted(strings.FieldsSeq(tt.calls)), slices.Sorted(strings.FieldsSeq(asked(f)))); diff != "" {
				t.Errorf("calls (-want +got)\n%s", diff)
			}
			if s := fmt.Sprint(w, out); strings.Contains(s, "canary") || strings.Contains(s, "http://127") {
				t.Errorf("a secret shows in %s", s)
			}
		})
	}
}

func TestAPictureOfTooManyPixelsIsNotUploaded(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, 12_001, 1), color.Palette{color.White})); err != nil {
		t.Fatal(err)
	}
	f, c, to, _ := withApp(t, channeltest.LarkOptions{})
	out := prepare(t, c, message("t", &channel.Image{Data: b.Bytes(), Alt: "wide"}), to)
	want := []channel.Warning{{Code: channel.WarnUnresolved, Text: "a picture was not uploaded to Lark: it is 12001 by 1 pixels, and Lark takes 12000 by 12000"}}
	if diff := cmp.Diff(want, out.Warnings); diff != "" || asked(f) != "" {
		t.Errorf("calls %q, warnings (-want +got)\n%s", asked(f), diff)
	}
}

func TestWithoutAnAppOrPicturesNothingIsAsked(t *testing.T) {
	f, c, to, _ := withApp(t, channeltest.LarkOptions{})
	plain := message("t", p(channel.Text("x")), &channel.Image{URL: "https://example.com/a.png"}, &channel.Chart{Table: revenue()})
	if out := prepare(t, c, plain, to); out != plain {
		t.Error("a message without pictures was copied")
	}
	to.Secrets = nil
	bytesOnly := message("t", &channel.Image{Data: square(t, 1)})
	if out := prepare(t, c, bytesOnly, to); out != bytesOnly {
		t.Error("a message to a destination without an app was copied")
	}
	if got := asked(f); got != "" {
		t.Errorf("calls: %s", got)
	}
}

func TestTheUploadHookReplacesTheApp(t *testing.T) {
	f, _, to, _ := withApp(t, channeltest.LarkOptions{})
	c := lark.New(&lark.Options{Allow: channel.AllowLoopback(), Upload: func(context.Context, *channel.Image) (string, error) { return "img_hook", nil }})
	out := prepare(t, c, message("t", &channel.Image{Data: square(t, 1)}), to)
	if out.Sections[0].Blocks[0].(*channel.Image).Key != "img_hook" || asked(f) != "" {
		t.Errorf("calls %q, message %+v", asked(f), out)
	}
}

func TestUploadingEndsWithTheContextAndOthersGoOn(t *testing.T) {
	f, c, to, _ := withApp(t, channeltest.LarkOptions{})
	f.Inject(channeltest.Hang())
	ctx, cancel := context.WithCancel(t.Context())
	msg := message("t", &channel.Image{Data: square(t, 1)})
	first := make(chan error)
	go func() { _, err := c.Prepare(ctx, msg, to); first <- err }()
	if err := f.WaitCalls(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	second := make(chan *channel.Message)
	go func() {
		out, err := c.Prepare(t.Context(), msg, to)
		if err != nil {
			t.Error(err)
		}
		second <- out
	}()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if out := <-second; out.Sections[0].Blocks[0].(*channel.Image).Key != "img_1" {
		t.Errorf("got %+v", out)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheAppIsAskedWhereTheBotIs(t *testing.T) {
	for address, want := range map[string]string{
		"https://open.feishu.cn/open-apis/bot/v2/hook/" + token:         "https://open.feishu.cn",
		"https://open.larksuite.com/open-apis/bot/v2/hook/" + token:     "https://open.larksuite.com",
		"https://lark.example.com/proxy/open-apis/bot/v2/hook/" + token: "https://lark.example.com/proxy",
		"https://relay.example.com/hooks/" + token:                      "https://relay.example.com",
		token: "https://open.feishu.cn",
	} {
		t.Run(want, func(t *testing.T) {
			var got []string
			c := lark.New(&lark.Options{Client: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				got = append(got, r.URL.String())
				_, err := io.Copy(io.Discard, r.Body)
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(success))}, err
			})}})
			to := channel.Webhook("ops", channel.Lark, address)
			to.Options = map[string]string{lark.OptionApp: appID}
			to.Secrets = map[string]channel.Secret{lark.SecretApp: channel.NewSecret(appSecret)}
			out := prepare(t, c, message("t", &channel.Image{Data: square(t, 1)}), to)
			if diff := cmp.Diff([]string{want + tokens, want + images}, got); diff != "" || out.Sections[0].Blocks[0].(*channel.Image).Key != "img_9" {
				t.Errorf("%+v (-want +got)\n%s", out.Warnings, diff)
			}
		})
	}
}
