package lark

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/webhook"
)

// Send posts one payload, signed for this attempt when the destination has a
// signing secret.
func (c *Channel) Send(ctx context.Context, to channel.Destination, p channel.Payload) (channel.Receipt, error) {
	url, secret := endpoint(to), strings.TrimSpace(to.Secrets[SecretSign].Reveal())
	r := webhook.Request{URL: url, Secrets: []string{url[strings.LastIndexByte(url, '/')+1:]}, Body: p.Body}
	switch {
	case url == "":
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, "", "the destination has no address; set its URL", 0)
	case len(p.Body) == 0 || p.Body[0] != '{':
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, "", "the payload has no body that Encode made", 0)
	}
	if secret != "" {
		at := strconv.FormatInt(c.o.Now().Unix(), 10)
		sign := Sign(at, secret)
		r.Secrets = append(r.Secrets, secret, sign)
		body := make([]byte, 0, len(p.Body)+signRoom)
		body = append(body, `{"timestamp":"`...)
		body = append(body, at...)
		body = append(body, `","sign":"`...)
		body = append(body, sign...)
		body = append(body, `",`...)
		r.Body, r.Owned = append(body, p.Body[1:]...), true
	}
	a, err := c.http.Post(ctx, r)
	if err != nil {
		return channel.Receipt{}, err
	}
	return c.judge(r, a)
}

// Sign is the signature of a request at a time in seconds
// (https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot, read
// 2026-11-23): the key is time and secret, the message is empty.
func Sign(timestamp, secret string) string {
	h := hmac.New(sha256.New, []byte(timestamp+"\n"+secret))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// limitWait is the wait after a rate limit. The vendor names none; its shorter
// window is a second, and what waits longer for the longer window is the
// caller's growing pause between attempts.
const limitWait = time.Second

// remedies say what to do about a refusal.
var remedies = map[string]string{
	"9499":  "the request is malformed or larger than 20 KB",
	"19001": "the bot does not exist; copy its webhook address again",
	"19002": "the message type or a parameter is wrong",
	"19021": "correct the signing secret or the clock",
	"19022": "add this machine's address to the bot's list",
	"19024": "set the destination's keyword to one that the bot asks for",
	"11246": "the card is not accepted",
}

func (c *Channel) judge(r webhook.Request, a *webhook.Answer) (channel.Receipt, error) {
	code, msg, ok := answer(a.Body)
	if !ok {
		if err := c.http.Gateway(r, a, limitWait); err != nil {
			return channel.Receipt{}, err
		}
		return channel.Receipt{}, c.http.Foreign(r, a)
	}
	switch {
	case code == "0":
		if err := c.http.Gateway(r, a, limitWait); err != nil {
			return channel.Receipt{}, err
		}
		return channel.Receipt{Delivered: true}, nil
	case code == "11232" || code == "99991400" || code == "9499" && strings.Contains(strings.ToLower(msg), "too many"):
		wait := limitWait
		if n, err := strconv.Atoi(a.Header.Get("x-ogw-ratelimit-reset")); err == nil && n > 0 && n <= 3600 {
			wait = time.Duration(n) * time.Second
		} else if d, asked := webhook.RetryAfter(a.Header, c.o.Now()); asked {
			wait = max(d, limitWait)
		}
		return channel.Receipt{}, c.http.Error(r, channel.NotSent, code, msg, wait)
	case a.Status >= 500 && remedies[code] == "":
		return channel.Receipt{}, c.http.Error(r, channel.Unknown, code, msg+": the service failed, so the message may have arrived", 0)
	}
	text := msg
	if s := remedies[code]; s != "" {
		text += ": " + s
	}
	if code == "19021" {
		if hint := a.SkewHint(); hint != "" {
			text += "; " + hint
		}
	}
	return channel.Receipt{}, c.http.Error(r, channel.Rejected, code, text, 0)
}

// The answers to a message that was taken, as the service writes them today and
// as it wrote them before (https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot,
// read 2026-11-23). They are by far the most frequent, so they are known by
// sight.
const (
	success      = `{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`
	olderSuccess = `{"Extra":null,"StatusCode":0,"StatusMessage":"success"}`
)

// answer reads the vendor's code, of the current and of the older form of an
// answer. It is false when the body is not the vendor's.
func answer(body []byte) (code, msg string, ok bool) {
	switch string(bytes.TrimSpace(body)) {
	case success, olderSuccess:
		return "0", "success", true
	}
	var v struct {
		Code          json.RawMessage `json:"code"`
		Msg           string          `json:"msg"`
		StatusCode    json.RawMessage `json:"StatusCode"`
		StatusMessage string          `json:"StatusMessage"`
	}
	if json.Unmarshal(body, &v) != nil {
		return "", "", false
	}
	switch {
	case v.Code != nil:
		return string(v.Code), v.Msg, number(v.Code)
	case v.StatusCode != nil:
		return string(v.StatusCode), v.StatusMessage, number(v.StatusCode)
	}
	return "", "", false
}

// number reports whether a value is a whole number, not one in quotes.
func number(v json.RawMessage) bool {
	_, err := strconv.ParseInt(string(v), 10, 64)
	return err == nil
}
