package channeltest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel/channeltest"
)

// answered is an answer as a test compares it.
func answered(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, b)
}

func postJSON(t *testing.T, url, body string) string {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	return answered(t, resp, err)
}

var larkNow = time.Unix(1599360473, 0)

func larkCard(card string) string { return `{"msg_type":"interactive","card":` + card + `}` }

// element is a card 2.0 with one element.
func larkElement(e string) string {
	return larkCard(`{"schema":"2.0","body":{"elements":[` + e + `]}}`)
}

const larkTable = `{"tag":"table","columns":[{"name":"c0","display_name":"x"}],"rows":[{"c0":"1"}]}`

func TestLarkChecksInOrder(t *testing.T) {
	const (
		ok     = `200 {"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`
		signed = `"timestamp":"1599360473","sign":"l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="`
		hello  = `{"msg_type":"text","content":{"text":"hello"}}`
	)
	inner := func(code int) string { return fmt.Sprintf(`"msg":"ErrCode: %d;`, code) }
	tests := []struct {
		name, token, body string
		want              string // a part of the answer
	}{
		{"an unknown token comes first", "nobody", "not JSON", `"code":19001`},
		{"no JSON", "open", "not JSON", `200 {"code":9499,"data":{},"msg":"Bad Request"}`},
		{"a body over 20,480 bytes", "open", `{"msg_type":"text","content":{"text":"` + strings.Repeat("x", 20480) + `"}}`, `"code":9499`},
		{"a body of 20,480 bytes", "open", `{"msg_type":"text","content":{"text":"` + strings.Repeat("x", 20480-len(`{"msg_type":"text","content":{"text":""}}`)) + `"}}`, ok},
		{"no signature", "signed", hello, `"code":19021`},
		{"a signature", "signed", `{` + signed + `,"msg_type":"text","content":{"text":"hello"}}`, ok},
		{"a time as a number", "signed", `{"timestamp":1599360473,"sign":"l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8=","msg_type":"text","content":{"text":"hello"}}`, `"code":19021`},
		{"a time more than an hour ago", "signed", `{"timestamp":"1599356872","sign":"x","msg_type":"text"}`, `"code":19021`},
		{"another address", "elsewhere", hello, `"code":19022`},
		{"no keyword", "keyword", hello, `"code":19024`},
		{"the keyword", "keyword", `{"msg_type":"text","content":{"text":"sales_x are up"}}`, ok},
		{"the keyword as entities in a card", "keyword", larkElement(`{"tag":"markdown","content":"**sales&#95;x**"}`), ok},
		{"the keyword in an address only", "keyword", larkElement(`{"tag":"markdown","content":"[a](https://sales_x.example/)"}`), `"code":19024`},
		{"the keyword in a title", "keyword", larkCard(`{"schema":"2.0","header":{"title":{"tag":"plain_text","content":"sales_x"}},"body":{"elements":[]}}`), ok},
		{"the keyword in a table", "keyword", larkElement(strings.Replace(larkTable, `"1"`, `"sales_x"`, 1)), ok},
		{"an unknown type", "open", `{"msg_type":"card"}`, `"code":19002`},
		{"a card as a string", "open", `{"msg_type":"interactive","card":"{}"}`, `"code":9499`},
		{"a card in content", "open", `{"msg_type":"interactive","content":{}}`, `"code":9499`},
		{"an unknown tag", "open", larkElement(`{"tag":"divider"}`), inner(11310)},
		{"an unknown property", "open", larkElement(`{"tag":"hr","color":"red"}`), inner(200621)},
		{"an unknown property of the card", "open", larkCard(`{"schema":"2.0","elements":[],"body":{"elements":[]}}`), inner(200621)},
		{"an unknown property of a column", "open", larkElement(`{"tag":"table","columns":[{"name":"c0","title":"x"}],"rows":[]}`), inner(200621)},
		{"an action", "open", larkElement(`{"tag":"action","actions":[]}`), inner(200861)},
		{"a note", "open", larkElement(`{"tag":"note","elements":[]}`), inner(200861)},
		{"a nested table", "open", larkElement(`{"tag":"column_set","columns":[{"tag":"column","elements":[` + larkTable + `]}]}`), inner(200410)},
		{"three tables", "open", larkElement(larkTable + "," + larkTable + "," + larkTable), ok},
		{"four tables", "open", larkElement(larkTable + "," + larkTable + "," + larkTable + "," + larkTable), inner(11310)},
		{"Markdown tables count", "open", larkElement(larkTable + "," + larkTable + "," + larkTable + `,{"tag":"markdown","content":"|a|b|\n|-|-|\n|1|2|"}`), inner(11310)},
		{"200 components", "open", larkElement(strings.Repeat(`{"tag":"hr"},`, 199) + `{"tag":"hr"}`), ok},
		{"201 components", "open", larkElement(strings.Repeat(`{"tag":"hr"},`, 200) + `{"tag":"hr"}`), inner(300305)},
		{"a mention by e-mail", "open", larkElement(`{"tag":"markdown","content":"<at email=a@example.com></at>"}`), inner(200410)},
		{"update_multi false", "open", larkCard(`{"schema":"2.0","config":{"update_multi":false},"body":{"elements":[]}}`), inner(300302)},
		{"an unknown property of card 1.0 is ignored", "open", larkCard(`{"colour":"x","elements":[{"tag":"hr","color":"red"}]}`), ok},
		{"an action of card 1.0", "open", larkCard(`{"elements":[{"tag":"action","actions":[]}]}`), ok},
		{"an unknown tag of card 1.0", "open", larkCard(`{"elements":[{"tag":"divider"}]}`), inner(11310)},
		{"a number cell that is text", "open", larkElement(`{"tag":"table","columns":[{"name":"c0","data_type":"number"}],"rows":[{"c0":"1"}]}`), inner(200621)},
		{"a page of eleven rows", "open", larkElement(`{"tag":"table","page_size":11,"columns":[{"name":"c0"}],"rows":[]}`), inner(200621)},
	}
	f := channeltest.NewLark(&channeltest.LarkOptions{
		Now: func() time.Time { return larkNow }, PerSecond: 1000, PerMinute: 1000,
		Bots: map[string]channeltest.LarkBot{"open": {}, "signed": {Secret: "demo"}, "elsewhere": {IPs: []string{"192.0.2.1"}}, "keyword": {Keywords: []string{"sales_x"}}},
	})
	defer f.Close()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(f.Messages())
			got := postJSON(t, f.URL(tt.token), tt.body)
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if took := len(f.Messages()) - before; (took == 1) != (tt.want == ok) {
				t.Errorf("%d messages taken", took)
			}
		})
	}
}

func TestLarkLimitsInTwoVoices(t *testing.T) {
	now := larkNow
	f := channeltest.NewLark(&channeltest.LarkOptions{Now: func() time.Time { return now }, PerMinute: 7})
	defer f.Close()
	send := func() string { return postJSON(t, f.URL("x"), `{"msg_type":"text","content":{"text":"hello"}}`) }
	var got []string
	for range 7 {
		a := send()
		got = append(got, a[:min(len(a), 16)])
	}
	now = now.Add(time.Second)
	for range 3 {
		a := send()
		got = append(got, a[:min(len(a), 16)])
	}
	now = now.Add(time.Minute)
	a := send()
	got = append(got, a[:16])
	ok, limited, bad := `200 {"StatusCode`, `200 {"code":1123`, `400 {"code":9499`
	want := []string{ok, ok, ok, ok, ok, limited, bad, ok, ok, limited, ok}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLarkTellsMentions(t *testing.T) {
	f := channeltest.NewLark(&channeltest.LarkOptions{Legacy: true})
	defer f.Close()
	body, _ := json.Marshal("<at id=ou_1></at> <at ids=ou_2,ou_3></at> `<at id=ou_4></at>` &#60;at id=all&#62;\n```\n<at id=ou_5></at>\n```\n<at id=all></at>")
	got := postJSON(t, f.URL("x"), larkElement(`{"tag":"markdown","content":`+string(body)+`},`+strings.Replace(strings.Replace(larkTable, `"1"`, `"<at id=ou_6></at>"`, 1), `"name":"c0"`, `"name":"c0","data_type":"lark_md"`, 1)))
	if want := `200 {"Extra":null,"StatusCode":0,"StatusMessage":"success"}`; got != want {
		t.Errorf("got %s", got)
	}
	if diff := cmp.Diff([]string{"ou_1", "ou_2", "ou_3", "all", "ou_6"}, f.Messages()[0].Mentions); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLarkTakesPictures(t *testing.T) {
	now := larkNow
	f := channeltest.NewLark(&channeltest.LarkOptions{Now: func() time.Time { return now }, Apps: map[string]string{"cli_1": "s"}, Uploads: 4})
	defer f.Close()
	const tokens = "/open-apis/auth/v3/tenant_access_token/internal"
	if got := postJSON(t, f.Base()+tokens, `{"app_id":"cli_1","app_secret":"x"}`); !strings.Contains(got, `"code":10003`) {
		t.Errorf("a wrong secret: %s", got)
	}
	if got, want := postJSON(t, f.Base()+tokens, `{"app_id":"cli_1","app_secret":"s"}`), `200 {"code":0,"expire":7200,"msg":"ok","tenant_access_token":"t-1"}`; got != want {
		t.Errorf("got %s", got)
	}
	upload := func(token string, data []byte, kind string) string {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		_ = w.WriteField("image_type", kind)
		part, _ := w.CreateFormFile("image", "a.png")
		_, _ = part.Write(data)
		_ = w.Close()
		req, _ := http.NewRequest(http.MethodPost, f.Base()+"/open-apis/im/v1/images", &b)
		req.Header.Set("Content-Type", w.FormDataContentType())
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		a := answered(t, resp, err)
		if resp.Header.Get("x-ogw-ratelimit-reset") != "" {
			a += " reset"
		}
		return a
	}
	got := []string{
		upload("t-9", []byte("x"), "message"),
		upload("t-1", []byte("x"), "avatar"),
		upload("t-1", nil, "message"),
		upload("t-1", make([]byte, 10<<20+1), "message"),
		upload("t-1", []byte("x"), "message"),
		upload("t-1", []byte("x"), "message"),
	}
	want := []string{
		`401 {"code":234002,"data":{},"msg":"Unauthorized"}`,
		`400 {"code":234001,"data":{},"msg":"Invalid request param"}`,
		`400 {"code":234010,"data":{},"msg":"File's size can't be 0"}`,
		`400 {"code":234006,"data":{},"msg":"The file size exceed the max value"}`,
		`200 {"code":0,"data":{"image_key":"img_1"},"msg":"success"}`,
		`429 {"code":99991400,"data":{},"msg":"request trigger frequency limit"} reset`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := f.Images(); len(got) != 1 || string(got[0]) != "x" {
		t.Errorf("%d pictures", len(got))
	}
}

func TestLarkVisible(t *testing.T) {
	for in, want := range map[string]string{
		"**a** ~~b~~<br>c":                            "a b\nc",
		"<font color='red'>&#60;5&#38;</font>":        "<5&",
		"[text](https://example.com/) <at id=x></at>": "[text] ",
	} {
		if got := channeltest.LarkVisible(in); got != want {
			t.Errorf("LarkVisible(%q) = %q, want %q", in, got, want)
		}
	}
}
