package email_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/email"
)

func TestPreviewDrawsThePayload(t *testing.T) {
	m := everything(t)
	c := email.New(nil)
	a := plainAccount
	a.RemoteImages = true
	a.User, a.Password = "bot@example.com", channel.NewSecret(canary)
	p := encode(t, c, m, email.To("mail", a))
	html, err := c.Preview(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"销售 bot", "Everything", "Everything-1.md", "Everything-1.csv", "Sales &amp; &lt;script&gt;", "¥11000",
		`src="data:image/png;base64,`, "[a picture far away]", `href="https://example.com/?a=1&amp;b=&#34;2&#34;"`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the preview does not hold %s", want)
		}
	}
	for _, never := range []string{"<script", `src="http`, "cid:", canary, "hidden@x.com", "<body", "<html", "javascript"} {
		if strings.Contains(html, never) {
			t.Errorf("the preview holds %s", never)
		}
	}
	unsafeTags(t, html)
	if path := os.Getenv("PREVIEW_FILE"); path != "" {
		if err := os.WriteFile(path, []byte("<!DOCTYPE html><meta charset=utf-8>"+html), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPreviewTrustsNoPayload(t *testing.T) {
	c := email.New(nil)
	for _, body := range []string{
		`<script>alert(1)</script>`, `<p onclick="x">`, `<a href="javascript:x">x</a>`, `<img src="https://x.com/t.png" alt="t">`,
		`<p style="background:url(https://x.com)">x</p>`, `<iframe src="x">`, `<p style="a" "onclick="x">`, `<P>`, `<p`, `<a href="https://x.com" onmouseover="y">`,
		`<img src="cid:unknown">`, `<p style="a><script>">`, `<!-- <script> -->`, `</body><script>x</script>`, `<style>p{}</style>`, `<svg/onload=x>`,
	} {
		t.Run(body, func(t *testing.T) {
			html, err := c.Preview(wrap(body))
			if err != nil {
				t.Fatal(err)
			}
			unsafeTags(t, html)
		})
	}
	for _, raw := range []string{"", "no mail", "Content-Type: text/plain\r\n\r\nx", "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\r\n--x--\r\n"} {
		if html, err := c.Preview(channel.Payload{Type: email.PayloadType, Body: []byte(raw)}); err == nil {
			t.Errorf("%q gave %q", raw, html)
		}
	}
}

func FuzzPreview(f *testing.F) {
	for _, s := range []string{`<p style="x">y</p>`, `<a href="https://x.com">y</a>`, `<img src="cid:x" alt="">`, `<<p>`, `<p style="`, `<br>`, `&lt;`} {
		f.Add(s)
	}
	c := email.New(nil)
	f.Fuzz(func(t *testing.T, s string) {
		html, err := c.Preview(wrap(s))
		if err == nil {
			unsafeTags(t, html)
		}
	})
}

func wrap(body string) channel.Payload {
	raw := "Subject: x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString([]byte("<html><body>"+body+"</body></html>")) + "\r\n"
	return channel.Payload{Type: email.PayloadType, Body: []byte(raw)}
}

var (
	safeTag   = regexp.MustCompile(`^</?(a|blockquote|br|code|div|em|h[1-6]|hr|img|li|ol|p|pre|s|strong|table|td|th|tr|ul)( [a-z]+="[^"<>]*")*>`)
	attribute = regexp.MustCompile(` ([a-z]+)="([^"]*)"`)
)

// unsafeTags reports each tag that could run, load or leave the page's looks.
func unsafeTags(t *testing.T, html string) {
	t.Helper()
	for i := strings.IndexByte(html, '<'); i >= 0; i = strings.IndexByte(html, '<') {
		html = html[i:]
		tag := safeTag.FindString(html)
		if tag == "" {
			t.Errorf("the preview holds %.60q", html)
			return
		}
		for _, a := range attribute.FindAllStringSubmatch(tag, -1) {
			bad := strings.HasPrefix(a[1], "on")
			switch a[1] {
			case "href":
				bad = !strings.HasPrefix(strings.ToLower(a[2]), "http") && !strings.HasPrefix(strings.ToLower(a[2]), "mailto:")
			case "src":
				bad = !strings.HasPrefix(a[2], "data:image/")
			case "style":
				bad = strings.ContainsAny(a[2], "(@\\")
			}
			if bad {
				t.Errorf("the preview holds %s", fmt.Sprint(a))
			}
		}
		html = html[len(tag):]
	}
}
