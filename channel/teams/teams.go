// Package teams delivers messages to Microsoft Teams through a Workflows
// webhook.
//
// A message becomes an Adaptive Card 1.5 with a native table, or 1.2 with column
// sets for phones where the destination's [OptionTables] says so. Data stands in
// TextRuns, which take no Markdown, or in a TextBlock when nothing in it could
// be Markdown.
//
// A destination needs the address of a workflow that starts when a webhook
// request is received; the whole address is the secret and is sent byte for
// byte. A mention needs a user principal name or Microsoft Entra object id
// ([channel.Mention].ID or Email). Everyone, channels and telephone numbers
// cannot be mentioned: they are shown as text with a warning.
//
// The answer to a webhook is 202, which says that the workflow was started and
// nothing more: what happens in the flow afterwards (a card that is too large,
// a missing permission) never reaches the sender. A receipt is therefore not
// delivered but accepted.
//
// Limits: 28 KB for a message as Teams stores it and 4 requests a second
// (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using,
// read 2026-11-23). The stored form is larger than the request
// (https://github.com/MicrosoftDocs/msteams-docs/issues/11274, read 2026-11-23),
// so this package keeps a request within 20,000 bytes and its card, written as a
// JSON string, within 26,000.
package teams

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/webhook"
)

// Keys of a destination's Options. There are no Secrets beside the address.
const (
	// OptionTables is the table mode: "table", also when empty, for the native
	// table of card 1.5, or "columns" for column sets in a card 1.2, which
	// phones show more reliably.
	OptionTables = "tables"
	// OptionWidth is the card's width: "full", also when empty, or "default".
	OptionWidth = "width"
)

const (
	maxRequest = 20_000
	maxCard    = 26_000
	// maxColumns bounds a table so that a header and a row always fit.
	maxColumns = 50
)

// Options configure a Channel. The zero value is fine.
type Options struct {
	// Client's transport is used as it is, and guarding addresses is then the
	// host's. Nil makes a client that Allow guards.
	Client *http.Client
	// Now is what Retry-After dates are compared with. Nil is time.Now.
	Now func() time.Time
	// Rates are what one workflow may be sent. Nil is the vendor's: 4 a second.
	// Empty and not nil is no limit.
	Rates []channel.Rate
	// Allow opens networks and hosts that are otherwise refused.
	Allow channel.Allow
}

// Channel delivers to Teams. It implements [channel.Checker] and
// [channel.Previewer] too, and may be used by several goroutines at once.
type Channel struct {
	o    Options
	http *webhook.Client

	scratch fit.Pool
}

// New makes a channel. Nil options are the zero value. It does no I/O.
func New(o *Options) *Channel {
	c := &Channel{}
	if o != nil {
		c.o = *o
		c.o.Rates = slices.Clone(o.Rates)
	}
	if c.o.Now == nil {
		c.o.Now = time.Now
	}
	if c.o.Rates == nil {
		c.o.Rates = []channel.Rate{{N: 4, Per: time.Second}}
	}
	c.http = webhook.New(webhook.Options{Op: "teams: send", Client: c.o.Client, Allow: c.o.Allow, Now: c.o.Now})
	return c
}

// Kind is [channel.Teams].
func (c *Channel) Kind() channel.Kind { return channel.Teams }

// Close closes idle connections of the channel's own client.
func (c *Channel) Close() error { return c.http.Close() }

// Limits measure the card as a JSON string, which is what the vendor stores, and
// count a workflow by its address without the signature.
func (c *Channel) Limits(to channel.Destination) channel.Limits {
	l := channel.Limits{Bytes: maxCard, Rates: slices.Clone(c.o.Rates)}
	if u, err := url.Parse(address(to)); err == nil && u.Host != "" {
		l.Budget = webhook.Budget("teams " + strings.ToLower(u.Hostname()) + u.Path)
	}
	return l
}

func address(to channel.Destination) string { return strings.TrimSpace(to.URL.Reveal()) }

// retired reports whether the address is one of an Office 365 connector.
func retired(to channel.Destination) bool {
	u, err := url.Parse(address(to))
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return strings.HasSuffix(host, ".webhook.office.com") || host == "outlook.office.com" || host == "outlook.office365.com"
}

// Check finds mistakes in a destination without I/O; all of them, each with its
// field. It knows no shape of address beyond https and a host, because the
// vendor has changed it before.
func (c *Channel) Check(to channel.Destination) error {
	l := c.http.Check(channel.Teams, to)
	l.Address(address(to), "is no web address", "copy the address of the workflow")
	l.OneOf(OptionTables, "table", "columns")
	l.OneOf(OptionWidth, "full", "default")
	l.Options(OptionTables, OptionWidth)
	l.Secrets()
	return l.Err()
}
