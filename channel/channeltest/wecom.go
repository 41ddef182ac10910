package channeltest

import (
	"bytes"
	"crypto/md5" // the vendor's choice of checksum
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// WeComOptions configure a fake WeCom.
type WeComOptions struct {
	// Now is the fake's clock. Nil is time.Now.
	Now func() time.Time
	// Keys are the robots that exist. Nil: every key is one.
	Keys []string
	// Rate is how many messages a robot takes in a rolling minute. Zero is 20.
	Rate int
	// WrongFormatOK answers a body that is not JSON with code 0 and a warning, as
	// the real service was seen to do. Nothing is recorded then.
	WrongFormatOK bool
}

// WeCom is a fake of the WeCom group robot's webhook.
type WeCom struct {
	Server
	o     WeComOptions
	sent  map[string]*window
	media map[string]media
	hints int
	code  int
}

type media struct {
	key string
	at  time.Time
}

// NewWeCom starts a fake; nil means defaults. Close it.
func NewWeCom(o *WeComOptions) *WeCom {
	f := &WeCom{sent: map[string]*window{}, media: map[string]media{}}
	if o != nil {
		f.o = *o
	}
	if f.o.Rate <= 0 {
		f.o.Rate = 20
	}
	f.start(f.o.Now, func(r *http.Request) string { return r.URL.Query().Get("key") }, f.judge)
	return f
}

// URL is the webhook address of a robot.
func (f *WeCom) URL(key string) string { return f.Base() + "/cgi-bin/webhook/send?key=" + key }

// Code makes every following message that is otherwise good meet a code, such
// as -1 (busy) or 45033 (too many at once); 0 ends that.
func (f *WeCom) Code(code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.code = code
}

func (f *WeCom) fail(c *Call, code int, text string) reply {
	f.hints++
	return reply{body: answerJSON(map[string]any{"errcode": code, "errmsg": fmt.Sprintf(
		"%s, hint: [%d_%d_abc], from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e=%d",
		text, c.At.UnixNano(), f.hints, code)})}
}

func (f *WeCom) ok() reply { return reply{body: []byte(`{"errcode":0,"errmsg":"ok"}`)} }

func (f *WeCom) judge(c *Call) reply {
	send, upload := c.Path == "/cgi-bin/webhook/send", c.Path == "/cgi-bin/webhook/upload_media"
	if !send && !upload {
		return reply{status: http.StatusNotFound, body: []byte("404 page not found")}
	}
	if !f.known(c.Token) {
		return f.fail(c, 93000, "invalid webhook url")
	}
	if upload {
		return f.upload(c)
	}
	if _, ok := c.Body.(map[string]any); !ok {
		if f.o.WrongFormatOK {
			return reply{body: []byte(`{"errcode":0,"errmsg":"ok. Warning: wrong json format. "}`)}
		}
		return f.fail(c, 40058, "invalid Request Parameter")
	}
	m, code, text := f.read(c)
	if code != 0 {
		return f.fail(c, code, text)
	}
	w := f.sent[c.Token]
	if w == nil {
		w = &window{per: time.Minute}
		f.sent[c.Token] = w
	}
	if w.within(c.At) >= f.o.Rate {
		return f.fail(c, 45009, "api freq out of limit")
	}
	if f.code != 0 {
		return f.fail(c, f.code, "system busy")
	}
	w.add(c.At)
	rep := f.ok()
	rep.record = &m
	return rep
}

func (f *WeCom) known(key string) bool {
	if f.o.Keys == nil {
		return key != ""
	}
	for _, k := range f.o.Keys {
		if k == key {
			return true
		}
	}
	return false
}

// calls matches a mention in the markdown dialect.
var calls = regexp.MustCompile(`<@([^<>\s]+)>`)

func (f *WeCom) read(c *Call) (m Message, code int, why string) {
	m.Type = text(c.Body, "msgtype")
	o := object(c.Body, m.Type)
	limits := map[string]int{"text": 2048, "markdown": 4096, "markdown_v2": 4096}
	switch m.Type {
	case "text", "markdown", "markdown_v2":
		m.Text = text(o, "content")
		if m.Text == "" {
			return m, 44004, "content size out of limit"
		}
		if limit := limits[m.Type]; len(m.Text) > limit {
			return m, 40058, fmt.Sprintf("%s.content exceed max length %d. invalid Request Parameter", m.Type, limit)
		}
		switch m.Type {
		case "text":
			m.Mentions = append(texts(o, "mentioned_list"), texts(o, "mentioned_mobile_list")...)
			for i, v := range m.Mentions {
				if v == "@all" {
					m.Mentions[i] = "all"
				}
			}
		case "markdown":
			// Lists of mentions belong to text alone, and markdown_v2 knows no
			// mention at all.
			for _, hit := range calls.FindAllStringSubmatch(m.Text, -1) {
				m.Mentions = append(m.Mentions, hit[1])
			}
		}
	case "image":
		raw, err := base64.StdEncoding.DecodeString(text(o, "base64"))
		switch sum := md5.Sum(raw); {
		case err != nil:
			return m, 40058, "invalid Request Parameter"
		case len(raw) == 0 || len(raw) > 2<<20:
			return m, 40009, "invalid image size"
		case text(o, "md5") != hex.EncodeToString(sum[:]):
			return m, 301019, "file md5 not match"
		}
	case "news":
		articles := list(o, "articles")
		if len(articles) < 1 || len(articles) > 8 {
			return m, 45008, "article size out of limit"
		}
		for _, a := range articles {
			if text(a, "title") == "" || text(a, "url") == "" {
				return m, 40063, "some parameters are empty"
			}
			m.Text += text(a, "title") + "\n"
		}
	case "file", "voice":
		up, ok := f.media[text(o, "media_id")]
		if !ok || up.key != c.Token || c.At.Sub(up.at) >= 3*24*time.Hour {
			return m, 40007, "invalid media_id"
		}
	case "template_card":
		if t := text(object(o, "main_title"), "title") + text(o, "sub_title_text"); t == "" || object(o, "card_action") == nil {
			return m, 40058, "invalid Request Parameter"
		}
		m.Title, m.Text = text(object(o, "main_title"), "title"), text(o, "sub_title_text")
	default:
		return m, 40008, "invalid message type"
	}
	return m, 0, ""
}

// upload checks a file and gives it an id.
func (f *WeCom) upload(c *Call) reply {
	_, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil {
		return f.fail(c, 40063, "some parameters are empty")
	}
	kind := c.Query.Get("type")
	limit := map[string]int{"file": 20 << 20, "voice": 2 << 20}[kind]
	if limit == 0 {
		return f.fail(c, 40058, "invalid Request Parameter")
	}
	form := multipart.NewReader(bytes.NewReader(c.Raw), params["boundary"])
	for {
		part, err := form.NextPart()
		if err != nil {
			return f.fail(c, 40063, "some parameters are empty")
		}
		if part.FormName() != "media" || part.FileName() == "" {
			continue
		}
		data, err := io.ReadAll(part)
		if err != nil || len(data) <= 5 || len(data) > limit {
			return f.fail(c, 40006, "invalid file size")
		}
		id := fmt.Sprintf("media-%d-%s", len(f.media)+1, strings.ToLower(kind))
		f.media[id] = media{c.Token, c.At}
		return reply{body: answerJSON(map[string]any{"errcode": 0, "errmsg": "ok", "type": kind, "media_id": id, "created_at": fmt.Sprint(c.At.Unix())})}
	}
}
