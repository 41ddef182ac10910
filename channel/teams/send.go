package teams

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/webhook"
)

// limitWait is the wait after a rate limit that names none.
const limitWait = 30 * time.Second

// remedies say what to do about a refusal.
var remedies = map[string]string{
	"TriggerInputSchemaMismatch":       "the workflow expects another request; make it from the template that posts cards from a webhook",
	"WorkflowTriggerIsNotEnabled":      "the workflow is switched off; turn it on",
	"DirectApiAuthorizationRequired":   "the workflow's trigger is not open to anyone, or the address lacks its signature; copy the address again",
	"WorkflowNotFound":                 "the workflow was deleted or its address has changed; copy the address again",
	"AuthorizationFailed":              "the address's signature is wrong or was renewed; copy the address again",
	"MaximumRequestSizeExceeded":       "the message is too large",
	"Summary or Text is required":      "the connector found no text",
	strconv.Itoa(http.StatusNotFound):  "the workflow was deleted or its address has changed; copy the address again",
	strconv.Itoa(http.StatusForbidden): "the address's signature is wrong or was renewed; copy the address again",
}

// Send posts one payload. A receipt is not delivered, except for the retired
// connectors, which confirm.
func (c *Channel) Send(ctx context.Context, to channel.Destination, p channel.Payload) (channel.Receipt, error) {
	r := webhook.Request{URL: address(to), Body: p.Body}
	switch {
	case r.URL == "":
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, "", "the destination has no address; set its URL", 0)
	case len(p.Body) == 0:
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, "", "the payload has no body that Encode made", 0)
	}
	a, err := c.http.Post(ctx, r)
	if err != nil {
		return channel.Receipt{}, err
	}
	return c.judge(r, a)
}

// embedded is how a retired connector reports a failure with status 200
// (https://github.com/prometheus-msteams/prometheus-msteams/issues/29, read
// 2026-11-23).
var embedded = regexp.MustCompile(`(?i)webhook message delivery failed with error:.*?HTTP error (\d{3})`)

func (c *Channel) judge(r webhook.Request, a *webhook.Answer) (channel.Receipt, error) {
	body := bytes.TrimSpace(a.Body)
	switch {
	case a.Status == http.StatusAccepted:
		return channel.Receipt{ID: runID(a.Header)}, nil
	case a.Status == http.StatusOK:
		return c.judgeOK(r, a, body)
	case a.Status > 200 && a.Status < 300:
		return channel.Receipt{}, c.http.Foreign(r, a)
	}
	if code, msg := failure(body); code != "" && a.Status < 500 && a.Status != http.StatusTooManyRequests && a.Status != http.StatusRequestTimeout {
		if s := remedies[code]; s != "" {
			msg += ": " + s
		}
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, code, msg, 0)
	}
	err := c.http.Gateway(r, a, limitWait)
	if s := remedies[strconv.Itoa(a.Status)]; s != "" {
		err = c.http.Error(r, err.Outcome, err.Code, s, err.After)
	}
	return channel.Receipt{}, err
}

// judgeOK reads a 200: a flow with a response of its own, or a retired
// connector.
func (c *Channel) judgeOK(r webhook.Request, a *webhook.Answer, body []byte) (channel.Receipt, error) {
	if m := embedded.FindSubmatch(body); m != nil {
		code := "HTTP " + string(m[1])
		switch {
		case code == "HTTP 429":
			return channel.Receipt{}, c.http.Error(r, channel.NotSent, code, "the connector is throttled", limitWait)
		case m[1][0] == '5':
			return channel.Receipt{}, c.http.Error(r, channel.Unknown, code, "Teams failed behind the connector, so the message may have arrived", 0)
		case code == "HTTP 413":
			return channel.Receipt{}, c.http.Error(r, channel.Rejected, code, "the message is too large", 0)
		}
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, code, "Teams refused what the connector delivered", 0)
	}
	if bytes.Contains(bytes.ToLower(body), []byte("webhook message delivery failed")) {
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, "HTTP 200", string(body), 0)
	}
	if string(body) == "1" {
		return channel.Receipt{Delivered: true}, nil
	}
	if code, msg := failure(body); code != "" {
		return channel.Receipt{}, c.http.Error(r, channel.Rejected, code, msg, 0)
	}
	if len(body) == 0 || !a.Cut && (body[0] == '{' || body[0] == '[') && json.Valid(body) {
		return channel.Receipt{ID: runID(a.Header)}, nil
	}
	return channel.Receipt{}, c.http.Foreign(r, a)
}

// failure reads {"error":{"code":…,"message":…}}; the code is empty when the
// body is something else.
func failure(body []byte) (code, msg string) {
	var v struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &v) != nil {
		return "", ""
	}
	return v.Error.Code, v.Error.Message
}

// runID is the name of the flow run, with which its owner finds it.
func runID(h http.Header) string {
	id := h.Get("x-ms-workflow-run-id")
	if len(id) > 100 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return id
}
