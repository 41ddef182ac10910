package channeltest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DingTalkOptions configure a fake DingTalk.
type DingTalkOptions struct {
	// Now is the fake's clock, used for signatures and rates. Nil is time.Now.
	Now func() time.Time
	// Robots are the custom robots by access token. Nil: every token is a robot
	// without security settings.
	Robots map[string]DingTalkRobot
	// Rate is how many messages a robot takes in a rolling minute before it is
	// throttled for ten. Zero is 20.
	Rate int
	// IPRate is how many calls one address may make in 20 seconds before it is
	// blocked for 5 minutes. Zero is 10,000.
	IPRate int
	// Chinese answers with the newer error texts.
	Chinese bool
}

// DingTalkRobot is one custom robot's security settings.
type DingTalkRobot struct {
	// Secret turns signing on.
	Secret string
	// Keywords turn the keyword check on: one of them must be in the text.
	Keywords []string
	// IPs turn the address check on.
	IPs []string
	// Disabled and Dissolved robots answer 400102 and 400013.
	Disabled, Dissolved bool
}

// DingTalk is a fake of the DingTalk custom robot's webhook.
type DingTalk struct {
	Server
	o       DingTalkOptions
	bots    map[string]*dingTalkBot
	calls   window    // of the one address a fake hears from
	blocked time.Time // until then
}

type dingTalkBot struct {
	sent    window
	limited time.Time // until then
	seen    map[string]bool
}

// NewDingTalk starts a fake; nil means defaults. Close it.
func NewDingTalk(o *DingTalkOptions) *DingTalk {
	f := &DingTalk{bots: map[string]*dingTalkBot{}, calls: window{per: 20 * time.Second}}
	if o != nil {
		f.o = *o
	}
	if f.o.Rate <= 0 {
		f.o.Rate = 20
	}
	if f.o.IPRate <= 0 {
		f.o.IPRate = 10_000
	}
	f.start(f.o.Now, func(r *http.Request) string { return r.URL.Query().Get("access_token") }, f.judge)
	return f
}

// URL is the webhook address of a robot.
func (f *DingTalk) URL(token string) string {
	return f.Base() + "/robot/send?access_token=" + token
}

// dingTalkError is a code with its texts in both styles; in the older one a
// documentation link follows.
type dingTalkError struct {
	code              int
	english, solution string
}

func (f *DingTalk) fail(e dingTalkError) reply {
	msg := e.english
	switch {
	case f.o.Chinese && e.solution != "":
		msg = "description:" + e.solution + ";solution:请检查后重试;link:请参考本接口对应文档;"
	case e.code == 310000:
		msg += ", more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]"
	}
	return reply{body: answerJSON(map[string]any{"errcode": e.code, "errmsg": msg})}
}

func (f *DingTalk) judge(c *Call) reply {
	now := c.At
	if c.Path != "/robot/send" {
		return reply{status: http.StatusNotFound, body: []byte("404 page not found")}
	}
	if c.Method != http.MethodPost {
		return f.fail(dingTalkError{43002, "require POST method", "不合法的请求方法"})
	}
	if t, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return f.fail(dingTalkError{43004, "invalid http header Content-Type", "无效的Content-Type"})
	}

	if c.Token == "" {
		return f.fail(dingTalkError{40035, "缺少参数 access_token", "缺少参数 access_token"})
	}
	robot, known := f.o.Robots[c.Token]
	switch {
	case !known && f.o.Robots != nil:
		return f.fail(dingTalkError{300005, "token is not exist", "token不存在"})
	case robot.Disabled:
		return f.fail(dingTalkError{400102, "robot is disabled", "机器人已停用"})
	case robot.Dissolved:
		return f.fail(dingTalkError{400013, "group is dissolved", "群已被解散"})
	}

	if f.tooManyCalls(now) {
		return reply{body: []byte(`{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"0123456789abcdef"}`)}
	}
	if len(c.Raw) > 20_000 {
		return f.fail(dingTalkError{460101, "message too long, exceed 20000 bytes", "消息长度超过20000字节"})
	}
	if _, ok := c.Body.(map[string]any); !ok {
		return f.fail(dingTalkError{40035, "缺少参数 json", "缺少参数 json"})
	}
	m, e := f.read(c.Body)
	if e.code != 0 {
		return f.fail(e)
	}

	if robot.Secret != "" {
		if e := f.signed(c, robot.Secret, now); e.code != 0 {
			return f.fail(e)
		}
	}
	if len(robot.Keywords) > 0 && !slices.ContainsFunc(robot.Keywords, func(k string) bool { return strings.Contains(m.Text, k) }) {
		return f.fail(dingTalkError{310000, "keywords not in content", "关键词不匹配"})
	}
	if len(robot.IPs) > 0 && !slices.Contains(robot.IPs, "127.0.0.1") {
		return f.fail(dingTalkError{310000, "ip 127.0.0.1 not in whitelist", "IP地址 127.0.0.1 不在白名单"})
	}

	bot := f.bots[c.Token]
	if bot == nil {
		bot = &dingTalkBot{sent: window{per: time.Minute}, seen: map[string]bool{}}
		f.bots[c.Token] = bot
	}
	id := text(c.Body, "msgUuid")
	if id != "" && bot.seen[id] {
		return reply{body: []byte(`{"errcode":0,"errmsg":"ok"}`), duplicate: true}
	}
	if now.Before(bot.limited) || bot.sent.within(now) >= f.o.Rate {
		if !now.Before(bot.limited) {
			bot.limited = now.Add(10 * time.Minute)
		}
		return f.fail(dingTalkError{130101, fmt.Sprintf("send too fast, exceed %d times per minute", f.o.Rate), "机器人发送消息过快"})
	}
	bot.sent.add(now)
	if id != "" {
		bot.seen[id] = true
	}
	return reply{body: []byte(`{"errcode":0,"errmsg":"ok"}`), record: &m}
}

// tooManyCalls counts the calls of the address.
func (f *DingTalk) tooManyCalls(now time.Time) bool {
	if now.Before(f.blocked) {
		return true
	}
	if f.calls.within(now) >= f.o.IPRate {
		f.blocked = now.Add(5 * time.Minute)
		return true
	}
	f.calls.add(now)
	return false
}

// read checks the type and its required fields.
func (f *DingTalk) read(body any) (Message, dingTalkError) {
	m := Message{Type: text(body, "msgtype")}
	o := object(body, m.Type)
	missing := func(field string) (Message, dingTalkError) {
		return m, dingTalkError{300001, "param error: " + field + " is null", "参数 " + field + " 为空"}
	}
	switch m.Type {
	case "text":
		if m.Text = text(o, "content"); m.Text == "" {
			return missing("text.content")
		}
	case "markdown", "actionCard":
		m.Title, m.Text = text(o, "title"), text(o, "text")
		if m.Title == "" {
			return missing(m.Type + ".title")
		}
		if m.Text == "" {
			return missing(m.Type + ".text")
		}
		if m.Type == "actionCard" && (text(o, "singleTitle") == "" || text(o, "singleURL") == "") && len(list(o, "btns")) == 0 {
			return missing("actionCard.btns")
		}
	case "link":
		m.Title, m.Text = text(o, "title"), text(o, "text")
		for _, k := range []string{"title", "text", "messageUrl"} {
			if text(o, k) == "" {
				return missing("link." + k)
			}
		}
	case "feedCard":
		links := list(o, "links")
		if len(links) == 0 {
			return missing("feedCard.links")
		}
		for _, l := range links {
			for _, k := range []string{"title", "messageURL", "picURL"} {
				if text(l, k) == "" {
					return missing("feedCard.links." + k)
				}
			}
			m.Text += text(l, "title") + "\n"
		}
	default:
		return m, dingTalkError{400105, "unsupported msgtype", "不支持的消息类型"}
	}
	if m.Type == "text" || m.Type == "markdown" {
		at := object(body, "at")
		if flag(at, "isAtAll") {
			m.Mentions = append(m.Mentions, "all")
		}
		for _, v := range append(texts(at, "atMobiles"), texts(at, "atUserIds")...) {
			// Nobody is called whose number or id is not in the text too.
			if strings.Contains(m.Text, "@"+v) {
				m.Mentions = append(m.Mentions, v)
			}
		}
	}
	return m, dingTalkError{}
}

// signed checks timestamp and sign as they were decoded once from the query.
func (f *DingTalk) signed(c *Call, secret string, now time.Time) dingTalkError {
	ms, err := strconv.ParseInt(c.Query.Get("timestamp"), 10, 64)
	if err != nil || now.Sub(time.UnixMilli(ms)).Abs() > time.Hour {
		return dingTalkError{310000, "invalid timestamp", "机器人发送签名过期"}
	}
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d\n%s", ms, secret)
	want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(c.Query.Get("sign"))) {
		return dingTalkError{310000, "sign not match", "机器人发送签名不匹配"}
	}
	return dingTalkError{}
}

var _ http.Handler = (*DingTalk)(nil)
