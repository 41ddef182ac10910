package wecom

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/webhook"
)

// Send posts one payload.
func (c *Channel) Send(ctx context.Context, to channel.Destination, p channel.Payload) (channel.Receipt, error) {
	r := webhook.Request{URL: c.endpoint(to), Secrets: []string{key(to)}, Body: p.Body}
	switch {
	case r.URL == "":
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, "", "the destination has no address; set its URL", 0)
	case len(p.Body) == 0 || p.Body[0] != '{':
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, "", "the payload has no body that Encode made", 0)
	}
	a, err := c.http.Post(ctx, r)
	if err != nil {
		return channel.Receipt{}, err
	}
	return c.judge(r, a)
}

// Waits after a rate limit; the vendor counts by the minute
// (https://developer.work.weixin.qq.com/document/path/91770, read 2026-11-23).
const (
	limitWait = time.Minute
	busyWait  = time.Second
)

// remedies say what to do about a refusal
// (https://developer.work.weixin.qq.com/document/path/90455, read 2026-11-23).
var remedies = map[int64]string{
	93000:  "the robot does not exist; copy its webhook address again",
	93004:  "switch the robot on in the group's settings",
	93008:  "the robot is not in the group; add it again",
	49008:  "the group was dissolved; choose another destination",
	40058:  "a parameter is wrong, or the content is too long",
	45002:  "the content is too long",
	44004:  "the content is empty",
	40008:  "the message type is not known",
	40063:  "a parameter is empty",
	40009:  "the picture's size is refused",
	45001:  "the picture is too large",
	40006:  "the file's size is refused",
	40007:  "the uploaded file has expired",
	40033:  "the request holds escaped characters",
	40039:  "an address in the message is longer than 1,024 bytes",
	45034:  "an address in the message lacks its scheme",
	45008:  "the number of articles is out of range",
	301019: "the picture's checksum does not match",
}

func (c *Channel) judge(r webhook.Request, a *webhook.Answer) (channel.Receipt, error) {
	code, msg, ok := webhook.ErrCode(a.Body)
	if !ok || code == 0 && a.Status != 200 {
		if err := c.http.Gateway(r, a, limitWait); err != nil {
			return channel.Receipt{}, err
		}
		return channel.Receipt{}, c.http.Foreign(r, a)
	}
	// What follows names the caller's own address.
	msg, _, _ = strings.Cut(msg, ", from ip:")
	number := strconv.FormatInt(code, 10)
	switch code {
	case 0:
		var note string
		if strings.Contains(msg, "Warning") {
			note = c.http.Error(r, channel.Unknown, "", msg, 0).Err.Error()
		}
		return channel.Receipt{Delivered: true, Note: note}, nil
	case -1:
		return channel.Receipt{}, c.http.Error(r, channel.NotSent, number, msg, 0)
	case 45033:
		return channel.Receipt{}, c.http.Error(r, channel.NotSent, number, msg, busyWait)
	case 45009:
		wait := limitWait
		if d, asked := webhook.RetryAfter(a.Header, c.o.Now()); asked {
			wait = max(wait, d)
		}
		return channel.Receipt{}, c.http.Error(r, channel.NotSent, number, msg, wait)
	}
	if s := remedies[code]; s != "" {
		msg += ": " + s
	}
	return channel.Receipt{}, c.http.Error(r, channel.Rejected, number, msg, 0)
}
