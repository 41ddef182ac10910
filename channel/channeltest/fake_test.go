package channeltest_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel/channeltest"
)

var eight = time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)

// call sends a body and gives what came back.
func call(t *testing.T, address, contentType, body string) string {
	t.Helper()
	resp, err := http.Post(address, contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		return resp.Status
	}
	return string(b)
}

// errcode is the vendor's code and the first words of its text.
func errcode(t *testing.T, answer string) string {
	t.Helper()
	var v struct {
		Code   *int   `json:"errcode"`
		Msg    string `json:"errmsg"`
		Status int
	}
	if err := json.Unmarshal([]byte(answer), &v); err != nil {
		return answer
	}
	if v.Code == nil {
		return fmt.Sprint("status ", v.Status)
	}
	return fmt.Sprint(*v.Code)
}

const (
	jsonType = "application/json"
	hello    = `{"msgtype":"text","text":{"content":"hello 日报"}}`
)

// The order of section 11.1 of the channel specification: each case breaks one
// check and everything that is checked after it.
func TestDingTalkChecksInOrder(t *testing.T) {
	f := channeltest.NewDingTalk(&channeltest.DingTalkOptions{
		Now: func() time.Time { return eight },
		Robots: map[string]channeltest.DingTalkRobot{
			"open": {}, "signed": {Secret: "SECx"}, "word": {Keywords: []string{"日报", "周报"}}, "listed": {IPs: []string{"192.0.2.7"}},
			"disabled": {Disabled: true}, "dissolved": {Dissolved: true},
		},
	})
	defer f.Close()
	large := strings.Repeat("x", 20_001)
	for _, c := range []struct{ name, path, kind, body, want string }{
		{"a path that is none", "/robot/sent?access_token=open", jsonType, hello, "404 Not Found"},
		{"a content type that is not JSON", "/robot/send", "text/plain", large, "43004"},
		{"no token", "/robot/send", jsonType, large, "40035"},
		{"an unknown token", "/robot/send?access_token=nobody", jsonType, large, "300005"},
		{"a disabled robot", "/robot/send?access_token=disabled", jsonType, large, "400102"},
		{"a dissolved group", "/robot/send?access_token=dissolved", jsonType, large, "400013"},
		{"20,001 bytes", "/robot/send?access_token=signed", jsonType, large, "460101"},
		{"20,000 bytes that are no JSON", "/robot/send?access_token=signed", jsonType, large[1:], "40035"},
		{"JSON that is no object", "/robot/send?access_token=signed", jsonType, `[1]`, "40035"},
		{"text after the JSON", "/robot/send?access_token=open", jsonType, hello + "x", "40035"},
		{"an unknown type", "/robot/send?access_token=signed", jsonType, `{"msgtype":"picture"}`, "400105"},
		{"an empty text", "/robot/send?access_token=signed", jsonType, `{"msgtype":"text","text":{"content":""}}`, "300001"},
		{"Markdown without a title", "/robot/send?access_token=open", jsonType, `{"msgtype":"markdown","markdown":{"text":"a"}}`, "300001"},
		{"Markdown without a text", "/robot/send?access_token=open", jsonType, `{"msgtype":"markdown","markdown":{"title":"a"}}`, "300001"},
		{"a link without an address", "/robot/send?access_token=open", jsonType, `{"msgtype":"link","link":{"title":"a","text":"b"}}`, "300001"},
		{"a card without a button", "/robot/send?access_token=open", jsonType, `{"msgtype":"actionCard","actionCard":{"title":"a","text":"b"}}`, "300001"},
		{"a feed without links", "/robot/send?access_token=open", jsonType, `{"msgtype":"feedCard","feedCard":{"links":[]}}`, "300001"},
		{"no timestamp", "/robot/send?access_token=signed", jsonType, hello, "310000"},
		{"no keyword", "/robot/send?access_token=word", jsonType, `{"msgtype":"markdown","markdown":{"title":"日报","text":"a"}}`, "310000"},
		{"another address", "/robot/send?access_token=listed", jsonType, hello, "310000"},
		{"a keyword", "/robot/send?access_token=word", "application/json; charset=utf-8", hello, "0"},
		{"an open robot", "/robot/send?access_token=open", jsonType, hello, "0"},
		{"a card with a button", "/robot/send?access_token=open", jsonType, `{"msgtype":"actionCard","actionCard":{"title":"a","text":"b","singleTitle":"c","singleURL":"https://a.example"}}`, "0"},
		{"a feed", "/robot/send?access_token=open", jsonType, `{"msgtype":"feedCard","feedCard":{"links":[{"title":"a","messageURL":"b","picURL":"c"}]}}`, "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, errcode(t, call(t, f.Base()+c.path, c.kind, c.body))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("GET", func(t *testing.T) {
		resp, err := http.Get(f.URL("open"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		if diff := cmp.Diff("43002", errcode(t, string(b))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	if n := len(f.Messages()); n != 4 {
		t.Errorf("%d messages were recorded, want the 4 that got code 0", n)
	}
}

func TestDingTalkChecksSignatures(t *testing.T) {
	f := channeltest.NewDingTalk(&channeltest.DingTalkOptions{
		Now:    func() time.Time { return eight },
		Robots: map[string]channeltest.DingTalkRobot{"t": {Secret: "SECx"}},
	})
	defer f.Close()
	sign := func(ms string) string {
		h := hmac.New(sha256.New, []byte("SECx"))
		h.Write([]byte(ms + "\nSECx"))
		return base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	at := func(d time.Duration) string { return fmt.Sprint(eight.Add(d).UnixMilli()) }
	for _, c := range []struct{ name, ms, sign, want string }{
		{"now", at(0), url.QueryEscape(sign(at(0))), `{"errcode":0,"errmsg":"ok"}`},
		{"an hour ago", at(-time.Hour), url.QueryEscape(sign(at(-time.Hour))), `{"errcode":0,"errmsg":"ok"}`},
		{"more than an hour ago", at(-time.Hour - time.Millisecond), "x", "invalid timestamp"},
		{"more than an hour ahead", at(time.Hour + time.Millisecond), "x", "invalid timestamp"},
		{"no number", "soon", "x", "invalid timestamp"},
		{"escaped twice", at(0), url.QueryEscape(url.QueryEscape(sign(at(0)))), "sign not match"},
		{"of another time", at(time.Millisecond), url.QueryEscape(sign(at(0))), "sign not match"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(t, f.URL("t")+"&timestamp="+c.ms+"&sign="+c.sign, jsonType, hello)
			if !strings.Contains(got, c.want) {
				t.Errorf("want %q in %s", c.want, got)
			}
		})
	}
}

func TestDingTalkThrottlesForTenMinutes(t *testing.T) {
	now := eight
	f := channeltest.NewDingTalk(&channeltest.DingTalkOptions{Now: func() time.Time { return now }})
	defer f.Close()
	for range 20 {
		if got := errcode(t, call(t, f.URL("t"), jsonType, hello)); got != "0" {
			t.Fatal(got)
		}
	}
	var got []string
	for _, pause := range []time.Duration{0, 61 * time.Second, 9*time.Minute - 2*time.Second, time.Second} {
		now = now.Add(pause)
		got = append(got, errcode(t, call(t, f.URL("t"), jsonType, hello)))
	}
	got = append(got, errcode(t, call(t, f.URL("another"), jsonType, hello)))
	if diff := cmp.Diff([]string{"130101", "130101", "130101", "0", "0"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDingTalkBlocksAnAddressForFiveMinutes(t *testing.T) {
	now := eight
	f := channeltest.NewDingTalk(&channeltest.DingTalkOptions{Now: func() time.Time { return now }, IPRate: 2})
	defer f.Close()
	var got []string
	for _, pause := range []time.Duration{0, 0, 0, 21 * time.Second, 5 * time.Minute} {
		now = now.Add(pause)
		got = append(got, errcode(t, call(t, f.URL("t"), jsonType, hello)))
	}
	if diff := cmp.Diff([]string{"0", "0", "status 1111", "status 1111", "0"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDingTalkTellsMentionsThatAreDrawn(t *testing.T) {
	f := channeltest.NewDingTalk(nil)
	defer f.Close()
	call(t, f.URL("t"), jsonType, `{"msgtype":"markdown","markdown":{"title":"a","text":"@13800000000 @u2"},
		"at":{"atMobiles":["13800000000","13900000000"],"atUserIds":["u1","u2"],"isAtAll":true},"msgUuid":"k"}`)
	call(t, f.URL("t"), jsonType, `{"msgtype":"markdown","markdown":{"title":"a","text":"b"},"msgUuid":"k"}`)
	call(t, f.URL("t"), jsonType, `{"msgtype":"actionCard","actionCard":{"title":"a","text":"@u1","singleTitle":"c","singleURL":"d"},"at":{"atUserIds":["u1"]}}`)
	var got [][]string
	for _, m := range f.Messages() {
		got = append(got, m.Mentions)
	}
	if diff := cmp.Diff([][]string{{"all", "13800000000", "u2"}, nil}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(channeltest.Count{Calls: 3, Recorded: 2, Duplicates: 1}, f.Count("t")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDingTalkSpeaksBothStyles(t *testing.T) {
	for chinese, want := range map[bool]string{
		false: `{"errcode":310000,"errmsg":"keywords not in content, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]"}`,
		true:  `{"errcode":310000,"errmsg":"description:关键词不匹配;solution:请检查后重试;link:请参考本接口对应文档;"}`,
	} {
		f := channeltest.NewDingTalk(&channeltest.DingTalkOptions{Chinese: chinese, Robots: map[string]channeltest.DingTalkRobot{"t": {Keywords: []string{"absent"}}}})
		defer f.Close()
		if diff := cmp.Diff(want, call(t, f.URL("t"), jsonType, hello)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// The order of section 11.3 of the channel specification.
func TestWeComChecksInOrder(t *testing.T) {
	f := channeltest.NewWeCom(&channeltest.WeComOptions{Keys: []string{"k"}, Now: func() time.Time { return eight }})
	defer f.Close()
	for _, c := range []struct{ name, path, body, want string }{
		{"an unknown key", "/cgi-bin/webhook/send?key=nobody", "no JSON", "93000"},
		{"no JSON", "/cgi-bin/webhook/send?key=k", "no JSON", "40058"},
		{"an unknown type", "/cgi-bin/webhook/send?key=k", `{"msgtype":"html","html":{"content":""}}`, "40008"},
		{"nothing", "/cgi-bin/webhook/send?key=k", `{"msgtype":"markdown","markdown":{"content":""}}`, "44004"},
		{"4,097 bytes of markdown", "/cgi-bin/webhook/send?key=k", `{"msgtype":"markdown","markdown":{"content":"` + strings.Repeat("x", 4097) + `"}}`, "40058"},
		{"1,366 Chinese characters", "/cgi-bin/webhook/send?key=k", `{"msgtype":"markdown_v2","markdown_v2":{"content":"` + strings.Repeat("字", 1366) + `"}}`, "40058"},
		{"2,049 bytes of text", "/cgi-bin/webhook/send?key=k", `{"msgtype":"text","text":{"content":"` + strings.Repeat("x", 2049) + `"}}`, "40058"},
		{"4,096 bytes, whatever the JSON takes", "/cgi-bin/webhook/send?key=k", `{"msgtype":"markdown","markdown":{"content":"` + strings.Repeat(`\n`, 4096) + `"}}`, "0"},
		{"a picture with a wrong checksum", "/cgi-bin/webhook/send?key=k", `{"msgtype":"image","image":{"base64":"aGVsbG8=","md5":"0"}}`, "301019"},
		{"a picture that is no base64", "/cgi-bin/webhook/send?key=k", `{"msgtype":"image","image":{"base64":"***","md5":"0"}}`, "40058"},
		{"a picture over 2 MB", "/cgi-bin/webhook/send?key=k", `{"msgtype":"image","image":{"base64":"` + base64.StdEncoding.EncodeToString(make([]byte, 2<<20+1)) + `","md5":"0"}}`, "40009"},
		{"a picture", "/cgi-bin/webhook/send?key=k", `{"msgtype":"image","image":{"base64":"aGVsbG8=","md5":"5d41402abc4b2a76b9719d911017c592"}}`, "0"},
		{"nine articles", "/cgi-bin/webhook/send?key=k", `{"msgtype":"news","news":{"articles":[1,2,3,4,5,6,7,8,9]}}`, "45008"},
		{"a file nobody uploaded", "/cgi-bin/webhook/send?key=k", `{"msgtype":"file","file":{"media_id":"m"}}`, "40007"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(t, f.Base()+c.path, jsonType, c.body)
			if diff := cmp.Diff(c.want, errcode(t, got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", got, diff)
			}
			if c.want != "0" && !strings.Contains(got, "from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e="+c.want) {
				t.Errorf("no hint in %s", got)
			}
		})
	}
}

func TestWeComLimitsARollingMinute(t *testing.T) {
	now := eight
	f := channeltest.NewWeCom(&channeltest.WeComOptions{Now: func() time.Time { return now }})
	defer f.Close()
	var got []string
	for i := range 22 {
		if i == 21 {
			now = now.Add(time.Minute)
		}
		got = append(got, errcode(t, call(t, f.URL("k"), jsonType, hello)))
	}
	if diff := cmp.Diff([]string{"0", "45009", "0"}, got[19:]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f.Code(45033)
	if got := errcode(t, call(t, f.URL("k"), jsonType, hello)); got != "45033" {
		t.Errorf("code %s after Code(45033)", got)
	}
}

func TestWeComMentionsWorkOnlyWhereTheyDo(t *testing.T) {
	f := channeltest.NewWeCom(nil)
	defer f.Close()
	call(t, f.URL("k"), jsonType, `{"msgtype":"text","text":{"content":"<@u1>","mentioned_list":["u2","@all"],"mentioned_mobile_list":["13800000000"]}}`)
	call(t, f.URL("k"), jsonType, `{"msgtype":"markdown","markdown":{"content":"<@u1> <@ u2>","mentioned_list":["u3"]}}`)
	call(t, f.URL("k"), jsonType, `{"msgtype":"markdown_v2","markdown_v2":{"content":"<@u1>","mentioned_list":["u3"]}}`)
	var got [][]string
	for _, m := range f.Messages() {
		got = append(got, m.Mentions)
	}
	if diff := cmp.Diff([][]string{{"u2", "all", "13800000000"}, {"u1"}, nil}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWeComKeepsUploadsForThreeDays(t *testing.T) {
	now := eight
	f := channeltest.NewWeCom(&channeltest.WeComOptions{Now: func() time.Time { return now }})
	defer f.Close()
	upload := func(data string) string {
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		part, err := form.CreateFormFile("media", "a.csv")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(part, data)
		_ = form.Close()
		return call(t, f.Base()+"/cgi-bin/webhook/upload_media?type=file&key=k", form.FormDataContentType(), b.String())
	}
	if got := errcode(t, upload("12345")); got != "40006" {
		t.Errorf("five bytes: %s", got)
	}
	var up struct {
		ID      string `json:"media_id"`
		Created string `json:"created_at"`
	}
	if err := json.Unmarshal([]byte(upload("123456")), &up); err != nil || up.ID == "" || up.Created != fmt.Sprint(eight.Unix()) {
		t.Fatalf("%+v %v", up, err)
	}
	send := func(key string) string {
		return errcode(t, call(t, f.URL(key), jsonType, fmt.Sprintf(`{"msgtype":"file","file":{"media_id":%q}}`, up.ID)))
	}
	got := []string{send("k"), send("another")}
	now = now.Add(3 * 24 * time.Hour)
	got = append(got, send("k"))
	if diff := cmp.Diff([]string{"0", "40007", "40007"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFaultsComeInOrder(t *testing.T) {
	f := channeltest.NewDingTalk(nil)
	defer f.Close()
	f.Inject(channeltest.Answer(418, "short"), nil, channeltest.CloseUnanswered(), channeltest.LoseAnswer())
	f.InjectAlways(channeltest.HTMLPage())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var got []string
	for range 5 {
		resp, err := client.Post(f.URL("t"), jsonType, strings.NewReader(hello))
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			got = append(got, "closed")
			continue
		}
		got = append(got, resp.Status)
		_ = resp.Body.Close()
	}
	if diff := cmp.Diff([]string{"418 I'm a teapot", "200 OK", "closed", "closed", "200 OK"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(channeltest.Count{Calls: 5, Recorded: 2}, f.Count("t")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var faults []string
	for _, c := range f.Calls() {
		faults = append(faults, c.Fault)
	}
	if diff := cmp.Diff([]string{"answer 418", "", "close unanswered", "lose answer", "answer 200"}, faults); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAHugeAnswerIsHugeEachTime(t *testing.T) {
	f := channeltest.NewWeCom(nil)
	defer f.Close()
	f.InjectAlways(channeltest.Huge(10_000))
	for range 2 {
		if n := len(call(t, f.URL("k"), jsonType, hello)); n < 10_000 {
			t.Errorf("%d bytes", n)
		}
	}
}
