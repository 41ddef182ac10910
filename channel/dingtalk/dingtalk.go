// Package dingtalk delivers messages to DingTalk groups through custom robots.
//
// A message becomes one or more robot messages of type markdown. DingTalk draws
// Markdown tables only on recent desktop clients, so a row is a list item by
// default: "- **department** Sales · revenue ¥12000". [OptionTables] asks for
// Markdown tables where everybody reads on a desktop. Colours use the font tag,
// which is undocumented but widely drawn. Escaping is undocumented too: special
// characters of a text get a backslash, as CommonMark has it. Names of DingTalk's
// own emoji in brackets, such as [微笑], stay as the author wrote them
// ([channel.Text.Emoji]); those of a value get backslashes too.
//
// A destination's URL is the robot's webhook address or its bare access token,
// which then belongs to [Options.BaseURL]. With [SecretSign] each attempt is
// signed anew. A robot that asks for a keyword gets it from [OptionKeyword]:
// each part whose text does not hold it ends with it.
//
// A mention needs [channel.Mention].Phone or ID (the userid), of which the phone
// is used first, or All. E-mail addresses cannot be mentioned and are shown as
// text, with a warning. Whoever is mentioned in a part is called by that part;
// the destination's own mentions are in the first.
//
// # Limits
//
// Read on 2026-11-23: 20,000 bytes a request, whole body
// (https://open.dingtalk.com/document/orgapp/custom-bot-send-message-type);
// [Limits.Bytes] stays a thousand below. 20 messages a minute for a robot, and
// ten minutes of silence for a robot that sends more
// (https://open.dingtalk.com/document/robots/custom-robot-access); the default
// rate is 18 in 60 seconds. The clock may be an hour off for signatures
// (https://open.dingtalk.com/document/robots/customize-robot-security-settings).
//
// DingTalk drops a repeat of a message with the same msgUuid, so Send puts
// Payload.Key there. How long it remembers is not documented: take it for
// minutes.
//
// [Limits.Bytes]: https://pkg.go.dev/github.com/datapush-go/datapush/channel#Limits
package dingtalk

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/webhook"
)

// Keys of a destination's Secrets and Options.
const (
	// SecretSign is the robot's signing secret, which begins with SEC. Without
	// it nothing is signed.
	SecretSign = "sign"
	// OptionKeyword is a word that the robot's security settings ask for, at most
	// 200 bytes.
	OptionKeyword = "keyword"
	// OptionTables is "list", also when empty, or "raw" for Markdown tables,
	// which phones do not draw.
	OptionTables = "tables"
)

// Values of OptionTables.
const (
	TablesList = "list"
	TablesRaw  = "raw"
)

const (
	maxBytes   = 19_000
	titleBytes = 300
	defaultURL = "https://oapi.dingtalk.com"
)

// Options configure a Channel. The zero value is fine.
type Options struct {
	// Client's transport is used as it is, and guarding addresses is then the
	// host's. Nil makes a client that Allow guards.
	Client *http.Client
	// Now gives the time of signatures. Nil is time.Now.
	Now func() time.Time
	// Rates are what one robot may send. Nil is 18 in 60 seconds. Empty and not
	// nil is no limit.
	Rates []channel.Rate
	// Allow opens networks and hosts that are otherwise refused.
	Allow channel.Allow
	// BaseURL is where bare tokens belong, without a path. Empty is
	// https://oapi.dingtalk.com; the international service is
	// https://oapi.dingtalk.io.
	BaseURL string
}

// Channel delivers to DingTalk. It implements [channel.Checker] and
// [channel.Previewer] too, and may be used by several goroutines at once.
type Channel struct {
	o       Options
	http    *webhook.Client
	scratch fit.Pool

	mu      sync.Mutex
	limited map[string]time.Time // by budget: when a rate limit was met, until a success
}

// New makes a channel; nil means the zero value. It does no I/O.
func New(o *Options) *Channel {
	c := &Channel{limited: map[string]time.Time{}}
	if o != nil {
		c.o = *o
		c.o.Rates = slices.Clone(o.Rates)
	}
	if c.o.Now == nil {
		c.o.Now = time.Now
	}
	if o == nil || o.Rates == nil {
		c.o.Rates = []channel.Rate{{N: 18, Per: time.Minute}}
	}
	if c.o.BaseURL == "" {
		c.o.BaseURL = defaultURL
	}
	c.http = webhook.New(webhook.Options{Op: "dingtalk: send", Client: c.o.Client, Allow: c.o.Allow, Now: c.o.Now})
	return c
}

// Kind is [channel.DingTalk].
func (c *Channel) Kind() channel.Kind { return channel.DingTalk }

// Close lets idle connections of the channel's own client go.
func (c *Channel) Close() error { return c.http.Close() }

// Limits counts a robot by its access token.
func (c *Channel) Limits(to channel.Destination) channel.Limits {
	return channel.Limits{Bytes: maxBytes, Rates: slices.Clone(c.o.Rates), Budget: budget(token(to))}
}

func budget(token string) string {
	if token == "" {
		return ""
	}
	return webhook.Budget("dingtalk robot " + token)
}

// address is the destination's URL, or its bare token.
func address(to channel.Destination) string {
	s, _, _ := strings.Cut(strings.TrimSpace(to.URL.Reveal()), "#")
	return s
}

func bare(s string) bool { return !strings.ContainsAny(s, "/?:") }

// token is the robot's access token, or "".
func token(to channel.Destination) string {
	s := address(to)
	if bare(s) {
		return s
	}
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Query().Get("access_token")
}

// endpoint is where a message goes, without a signature; empty without an
// address.
func (c *Channel) endpoint(to channel.Destination) string {
	s := address(to)
	switch {
	case s == "":
		return ""
	case bare(s):
		return strings.TrimRight(c.o.BaseURL, "/") + "/robot/send?access_token=" + url.QueryEscape(s)
	}
	// A signature that was copied with the address would be the wrong one.
	path, query, _ := strings.Cut(s, "?")
	sep := "?"
	for pair := range strings.SplitSeq(query, "&") {
		if k, _, _ := strings.Cut(pair, "="); k != "timestamp" && k != "sign" && pair != "" {
			path += sep + pair
			sep = "&"
		}
	}
	return path
}

// Check finds mistakes in a destination without I/O: all of them, each with its
// field.
func (c *Channel) Check(to channel.Destination) error {
	l := c.http.Check(channel.DingTalk, to)
	switch u := l.Address(c.endpoint(to), "is no web address", "copy the webhook address of the robot"); {
	case u == nil:
	case strings.EqualFold(u.Hostname(), "api.dingtalk.com") || strings.EqualFold(u.Hostname(), "api.dingtalk.io"):
		l.Bad("url", "leads to the API of apps: the address of a robot begins with https://oapi.dingtalk.com/robot/send")
	case token(to) == "":
		l.Bad("url", "has no access_token: copy the whole webhook address of the robot")
	}
	if s := to.Secrets[SecretSign]; !s.IsZero() && !s.IsRedacted() && strings.TrimSpace(s.Reveal()) == "" {
		l.Bad("secrets."+SecretSign, "is blank")
	}
	l.Keyword(OptionKeyword)
	l.OneOf(OptionTables, TablesList, TablesRaw)
	l.Options(OptionKeyword, OptionTables)
	l.Secrets(SecretSign)
	for i, m := range to.Mentions {
		if _, _, ok := called(m); !ok && !m.All {
			l.Bad(fmt.Sprintf("mentions[%d]", i), "has neither a phone number nor a user id, and DingTalk calls people by these")
		}
	}
	return l.Err()
}
