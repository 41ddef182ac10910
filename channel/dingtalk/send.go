package dingtalk

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/webhook"
)

// Sign is the signature of a request at a time in milliseconds, in base64
// (https://open.dingtalk.com/document/robots/customize-robot-security-settings,
// read 2026-11-23). It is escaped once where it goes into the query.
func Sign(timestamp, secret string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(timestamp + "\n" + secret))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// Send posts one payload, signed for this attempt when the destination has a
// signing secret.
func (c *Channel) Send(ctx context.Context, to channel.Destination, p channel.Payload) (channel.Receipt, error) {
	key := token(to)
	secret := strings.TrimSpace(to.Secrets[SecretSign].Reveal())
	r := webhook.Request{URL: c.endpoint(to), Secrets: []string{key, secret}, Body: p.Body}
	switch {
	case r.URL == "":
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, "", "the destination has no address; set its URL", 0)
	case len(p.Body) < 2 || p.Body[0] != '{' || p.Body[len(p.Body)-1] != '}':
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, "", "the payload has no body that Encode made", 0)
	}
	if secret != "" {
		at := strconv.FormatInt(c.o.Now().UnixMilli(), 10)
		sign := Sign(at, secret)
		sep := "&"
		if !strings.Contains(r.URL, "?") {
			sep = "?"
		}
		r.URL += sep + "timestamp=" + at + "&sign=" + url.QueryEscape(sign)
		r.Secrets = append(r.Secrets, sign)
	}
	r.Body, r.Owned = withUUID(p), p.Key != ""
	a, err := c.http.Post(ctx, r)
	if err != nil {
		return channel.Receipt{}, err
	}
	return c.judge(r, a, budget(key))
}

// uuidBytes is the most that withUUID adds.
const uuidBytes = len(`,"msgUuid":""`) + 64

// withUUID adds the key by which DingTalk knows a repeat.
func withUUID(p channel.Payload) []byte {
	if p.Key == "" {
		return p.Body
	}
	key := p.Key
	if len(key) > 64 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == '"' || r == '\\' || r >= 0x7f }) {
		sum := sha256.Sum256([]byte(key))
		key = hex.EncodeToString(sum[:])
	}
	b := make([]byte, 0, len(p.Body)+uuidBytes)
	b = append(b, p.Body[:len(p.Body)-1]...)
	b = append(b, `,"msgUuid":"`...)
	b = append(b, key...)
	return append(b, `"}`...)
}

// Waits after a rate limit: the vendor names none but says that a robot over
// its limit is throttled for ten minutes
// (https://open.dingtalk.com/document/robots/custom-robot-access, read
// 2026-11-23).
const (
	firstWait = time.Minute
	nextWait  = 10 * time.Minute
)

// remedies say what to do about a refusal.
var remedies = map[int64]string{
	310000: "the robot's security settings refused the message",
	300001: "the robot does not exist, or the message lacks a field; copy the webhook address again",
	300005: "the robot does not exist; copy the webhook address again",
	400101: "the robot does not exist; copy the webhook address again",
	400102: "switch the robot on in the group's settings",
	400013: "the group was dissolved; choose another destination",
	400106: "the robot is not in the group any more; add one and copy its webhook address",
	40035:  "a parameter is missing; copy the whole webhook address again",
	430101: "the message has a link that DingTalk takes for unsafe",
	430102: "DingTalk refuses the text as inappropriate",
	430103: "DingTalk refuses a picture as inappropriate",
	430104: "DingTalk refuses the content as inappropriate",
	460101: "the message is larger than 20,000 bytes",
	101002: "the message is too long",
}

func (c *Channel) judge(r webhook.Request, a *webhook.Answer, bot string) (channel.Receipt, error) {
	code, msg, ok := webhook.ErrCode(a.Body)
	if !ok {
		if wait, banned := ban(a.Body); banned {
			return channel.Receipt{}, c.http.Error(r, channel.NotSent, "1111", "too many calls from this address: DingTalk blocks it for some minutes", wait)
		}
		if err := c.http.Gateway(r, a, firstWait); err != nil {
			return channel.Receipt{}, err
		}
		return channel.Receipt{}, c.http.Foreign(r, a)
	}
	number := strconv.FormatInt(code, 10)
	switch code {
	case 0:
		if err := c.http.Gateway(r, a, firstWait); err != nil {
			return channel.Receipt{}, err
		}
		if a.Status != 200 {
			return channel.Receipt{}, c.http.Foreign(r, a)
		}
		c.accepted(bot)
		return channel.Receipt{Delivered: true}, nil
	case -1:
		return channel.Receipt{}, c.http.Error(r, channel.NotSent, number, msg, 0)
	case 130101, 410100, 90018:
		wait := c.throttled(bot)
		if d, asked := webhook.RetryAfter(a.Header, c.o.Now()); asked {
			wait = max(wait, d)
		}
		return channel.Receipt{}, c.http.Error(r, channel.NotSent, number, msg, wait)
	}
	text := msg
	if s := remedy(code, msg); s != "" {
		text += ": " + s
	}
	if code == 310000 && signature(msg) {
		if hint := a.SkewHint(); hint != "" {
			text += "; " + hint
		}
	}
	return channel.Receipt{}, c.http.Error(r, channel.Rejected, number, text, 0)
}

// signature reports whether a security failure is about sign or timestamp, in
// either style of texts.
func signature(msg string) bool {
	return strings.Contains(msg, "sign") || strings.Contains(msg, "timestamp") || strings.Contains(msg, "签名") || strings.Contains(msg, "时间戳")
}

func remedy(code int64, msg string) string {
	if code == 310000 {
		switch {
		case strings.Contains(msg, "keyword") || strings.Contains(msg, "关键词"):
			return "set the destination's keyword to one that the robot asks for"
		case strings.Contains(msg, "timestamp") || strings.Contains(msg, "过期"):
			return "correct the clock; it may be an hour off at most"
		case signature(msg):
			return "correct the destination's signing secret, or the clock"
		case strings.Contains(msg, "whitelist") || strings.Contains(msg, "白名单"):
			return "add this machine's address to the robot's list"
		}
	}
	return remedies[code]
}

// ban reads the object that blocks an address after too many calls. It has no
// errcode.
func ban(body []byte) (time.Duration, bool) {
	var v struct {
		Status json.Number `json:"status"`
		Wait   json.Number `json:"wait"`
	}
	if json.Unmarshal(body, &v) != nil || v.Status != "1111" {
		return 0, false
	}
	minutes, err := strconv.Atoi(v.Wait.String())
	if err != nil || minutes < 1 || minutes > 60 {
		minutes = 5
	}
	return time.Duration(minutes) * time.Minute, true
}

// throttled gives the wait after a rate limit: longer when the robot met one
// before and took nothing since.
func (c *Channel) throttled(bot string) time.Duration {
	now := c.o.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	last, again := c.limited[bot]
	if again && now.Sub(last) < firstWait {
		return firstWait // sends that were on their way together
	}
	c.limited[bot] = now
	if again {
		return nextWait
	}
	return firstWait
}

func (c *Channel) accepted(bot string) {
	c.mu.Lock()
	delete(c.limited, bot)
	c.mu.Unlock()
}
