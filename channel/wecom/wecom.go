// Package wecom delivers messages to WeCom groups through group robots (message
// push).
//
// A message becomes one or more robot messages of type markdown_v2, which has
// tables, lists and code but neither colours nor mentions, and needs a client of
// 4.1.36 or later (4.1.38 on Android). [OptionFormat] asks for the older
// markdown where colours matter: there a row is a line of keys and values, and a
// mention by user id stands in the text. "text" has no form at all and is the
// only one that personal WeChat shows.
//
// Where mentions cannot stand in the text, those of the message and of the
// destination go in one message of type text that follows, and that counts as
// one more against the rate. A mention needs [channel.Mention].ID (the userid),
// Phone or All; e-mail addresses cannot be mentioned and are shown as text, with
// a warning.
//
// A picture with an address shows in markdown_v2 and is a link in markdown. A
// picture that comes as bytes, such as a chart's, follows as a message of type
// image, each once and up to five of them, if the bytes are PNG or JPEG; its
// description stands in the text. Of others only the description is sent, or a
// chart's numbers, with a warning.
//
// A destination's URL is the robot's webhook address or its bare key, which then
// belongs to [Options.BaseURL]. There is no signature: the key is the secret.
// Escaping is undocumented: markdown_v2 gets backslashes as CommonMark has them;
// in markdown, which has no escapes, a character that would be markup is broken
// by a zero-width space, and <, the backtick and, within a link, brackets become
// their full-width forms.
//
// # Limits
//
// Read on 2026-11-23 (https://developer.work.weixin.qq.com/document/path/91770):
// the content of markdown and markdown_v2 is at most 4,096 bytes of UTF-8, that
// of text 2,048; 20 messages a minute for a robot; pictures up to 2 MB.
package wecom

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/webhook"
)

// OptionFormat is a key of a destination's Options: "markdown_v2", also when
// empty, "markdown" for colours, or "text".
const OptionFormat = "format"

// Values of OptionFormat. They are the vendor's message types.
const (
	FormatMarkdownV2 = "markdown_v2"
	FormatMarkdown   = "markdown"
	FormatText       = "text"
)

const (
	markdownBytes = 4096
	textBytes     = 2048
	titleBytes    = 200
	imageBytes    = 2 << 20
	maxImages     = 5
	defaultURL    = "https://qyapi.weixin.qq.com"
)

// Options configure a Channel. The zero value is fine.
type Options struct {
	// Client's transport is used as it is, and guarding addresses is then the
	// host's. Nil makes a client that Allow guards.
	Client *http.Client
	// Now is compared with the dates in answers. Nil is time.Now.
	Now func() time.Time
	// Rates are what one robot may send. Nil is 20 a minute. Empty and not nil
	// is no limit.
	Rates []channel.Rate
	// Allow opens networks and hosts that are otherwise refused.
	Allow channel.Allow
	// BaseURL is where bare keys belong, without a path, for private
	// deployments. Empty is https://qyapi.weixin.qq.com.
	BaseURL string
}

// Channel delivers to WeCom. It implements [channel.Checker] and
// [channel.Previewer] too, and may be used by several goroutines at once.
type Channel struct {
	o       Options
	http    *webhook.Client
	scratch fit.Pool
}

// New makes a channel; nil means the zero value. It does no I/O.
func New(o *Options) *Channel {
	c := &Channel{}
	if o != nil {
		c.o = *o
		c.o.Rates = slices.Clone(o.Rates)
	}
	if c.o.Now == nil {
		c.o.Now = time.Now
	}
	if o == nil || o.Rates == nil {
		c.o.Rates = []channel.Rate{{N: 20, Per: time.Minute}}
	}
	if c.o.BaseURL == "" {
		c.o.BaseURL = defaultURL
	}
	c.http = webhook.New(webhook.Options{Op: "wecom: send", Client: c.o.Client, Allow: c.o.Allow, Now: c.o.Now})
	return c
}

// Kind is [channel.WeCom].
func (c *Channel) Kind() channel.Kind { return channel.WeCom }

// Close lets idle connections of the channel's own client go.
func (c *Channel) Close() error { return c.http.Close() }

// Limits counts a robot by its key. Bytes is that of the destination's format.
func (c *Channel) Limits(to channel.Destination) channel.Limits {
	l := channel.Limits{Bytes: limit(format(to)), Rates: slices.Clone(c.o.Rates)}
	if k := key(to); k != "" {
		l.Budget = webhook.Budget("wecom robot " + k)
	}
	return l
}

func limit(format string) int {
	if format == FormatText {
		return textBytes
	}
	return markdownBytes
}

func format(to channel.Destination) string {
	switch f := to.Options[OptionFormat]; f {
	case FormatMarkdown, FormatText:
		return f
	}
	return FormatMarkdownV2
}

// address is the destination's URL, or its bare key.
func address(to channel.Destination) string {
	s, _, _ := strings.Cut(strings.TrimSpace(to.URL.Reveal()), "#")
	return s
}

func bare(s string) bool { return !strings.ContainsAny(s, "/?:") }

// key is the robot's key, or "".
func key(to channel.Destination) string {
	s := address(to)
	if bare(s) {
		return s
	}
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Query().Get("key")
}

// endpoint is where a message goes; empty without an address.
func (c *Channel) endpoint(to channel.Destination) string {
	s := address(to)
	if s == "" || !bare(s) {
		return s
	}
	return strings.TrimRight(c.o.BaseURL, "/") + "/cgi-bin/webhook/send?key=" + url.QueryEscape(s)
}

// Check finds mistakes in a destination without I/O: all of them, each with its
// field.
func (c *Channel) Check(to channel.Destination) error {
	l := c.http.Check(channel.WeCom, to)
	if u := l.Address(c.endpoint(to), "is no web address", "copy the webhook address of the robot"); u != nil && key(to) == "" {
		l.Bad("url", "has no key: copy the whole webhook address of the robot")
	}
	l.OneOf(OptionFormat, FormatMarkdownV2, FormatMarkdown, FormatText)
	l.Options(OptionFormat)
	for _, k := range slices.Sorted(maps.Keys(to.Secrets)) {
		l.Bad("secrets."+k, "is unknown: a WeCom robot has no secret beside its address")
	}
	for i, m := range to.Mentions {
		if !callable(m) {
			l.Bad(fmt.Sprintf("mentions[%d]", i), "has neither a user id nor a phone number, and WeCom calls people by these")
		}
	}
	return l.Err()
}
