// Package lark delivers messages to groups of Lark and Feishu through custom
// bots.
//
// A message becomes an interactive card (card JSON 2.0; 1.0 where the
// destination's [OptionCard] says so): text is Markdown with every character of
// a [channel.Text] escaped, a table is the native table component, a cell's
// colour is a coloured text in it. Code that holds an <at> tag is plain text,
// where the tag can be escaped.
//
// # Pictures
//
// A webhook takes no pictures, only the keys of uploaded ones, and uploading
// takes an app with its bot ability turned on and the scope im:resource or
// im:resource:upload. A destination names one by [OptionApp] and [SecretApp]:
// Prepare then uploads the pictures that come as bytes, among them those of
// charts, each once for all destinations and attempts within an hour, with a
// token that is fetched once for all callers and renewed before its end.
// [Options.Upload] replaces that. Lark takes PNG, JPEG, GIF and WebP (and other
// forms that are not uploaded) up to 10 MB and 12,000 pixels a side, GIF up to
// 2,000
// (https://open.larkoffice.com/document/uAjLw4CM/ukTMukTMukTM/reference/im-v1/image/create.md,
// read 2026-11-23). A picture by address is never fetched, because whoever may
// write a report could then make the process fetch anything; it is a link. What
// was not uploaded shows as its link, its description or its chart's numbers,
// with a warning that says why, and the message is sent all the same.
//
// # Destinations
//
// A destination needs the bot's webhook address, or its bare token together
// with [OptionCloud]. [SecretSign] signs each attempt anew. A mention needs an
// open_id or user_id ([channel.Mention].ID) or All; custom bots cannot mention
// by e-mail address or telephone number, so an address is looked up with
// [Options.Lookup] or written as text.
//
// Limits, read 2026-11-23 on
// https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot: 20 KB a
// request (this package stays within 19,000 bytes, which is under both meanings
// of KB and leaves room for the signature), 100 messages a minute and 5 a
// second for each bot. A card holds 200 components
// (https://open.feishu.cn/document/feishu-cards/card-json-v2-structure) and a
// table 50 columns
// (https://open.feishu.cn/document/feishu-cards/card-components/content-components/table);
// tables beyond the third of a card are refused in practice, although five are
// documented, so a card gets three unless [Options.Tables] says otherwise. Where
// that is too few to show everything, the shortest tables become lists of a line
// for each row ("name value · name value"), and a warning says how many.
package lark

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/webhook"
)

// Keys of a destination's Secrets and Options.
const (
	// SecretSign is the bot's signing secret. Without it nothing is signed.
	SecretSign = "sign"
	// SecretApp is the secret of the app that OptionApp names. It needs
	// OptionApp.
	SecretApp = "appSecret"
	// OptionKeyword is a word that the bot's security settings ask for. It is
	// added to each part whose title does not hold it.
	OptionKeyword = "keyword"
	// OptionCard is the card version: "2.0", also when empty, or "1.0" for
	// clients before 7.20.
	OptionCard = "card"
	// OptionCloud says where a bare token belongs: "feishu", also when empty,
	// or "lark". A full address needs none.
	OptionCloud = "cloud"
	// OptionApp is the id (cli_…) of an app in the bot's cloud that uploads
	// pictures. It needs SecretApp. Without it pictures are not uploaded.
	OptionApp = "appId"
)

const (
	maxBytes   = 19_000
	maxComps   = 200
	maxColumns = 50
	maxTables  = 3
)

// Options configure a Channel. The zero value is fine.
type Options struct {
	// Client's transport is used as it is, and guarding addresses is then the
	// host's. Nil makes a client that Allow guards.
	Client *http.Client
	// Now gives the time of signatures and of tokens' ends. Nil is time.Now.
	Now func() time.Time
	// Rates are what one bot may send. Nil is the vendor's: 5 a second and 100
	// a minute. Empty and not nil is no limit.
	Rates []channel.Rate
	// Allow opens networks and hosts that are otherwise refused.
	Allow channel.Allow
	// Lookup finds the open_id or user_id of an e-mail address, usually by an
	// app of the host's own. An empty id, or an error, means that nobody was
	// found: the message is sent with the address as text and a warning. Nil
	// looks nobody up. It may be called by several goroutines at once.
	Lookup func(ctx context.Context, email string) (id string, err error)
	// Upload gives a picture to Lark, usually by an app of the host's own, and
	// returns its image key (img_…). It is called for pictures without a Key,
	// before encoding, whether they come by address or as bytes. An empty key, or
	// an error, leaves a link or a table in the picture's place, with a warning.
	// Nil leaves uploading to the destination's app, if it has one. It may be
	// called by several goroutines at once and must not change the picture.
	Upload func(ctx context.Context, picture *channel.Image) (key string, err error)
	// Tables is how many tables a card may hold. Zero is 3. Others are lists.
	Tables int
}

// Channel delivers to Lark. It implements [channel.Preparer],
// [channel.Checker] and [channel.Previewer] too, and may be used by several
// goroutines at once.
type Channel struct {
	o      Options
	http   *webhook.Client
	tokens cache // of apps
	keys   cache // of pictures that apps uploaded

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
		c.o.Rates = []channel.Rate{{N: 5, Per: time.Second}, {N: 100, Per: time.Minute}}
	}
	if c.o.Tables <= 0 {
		c.o.Tables = maxTables
	}
	c.tokens.now, c.keys.now = c.o.Now, c.o.Now
	c.http = webhook.New(webhook.Options{Op: "lark: send", Client: c.o.Client, Allow: c.o.Allow, Now: c.o.Now})
	return c
}

// Kind is [channel.Lark].
func (c *Channel) Kind() channel.Kind { return channel.Lark }

// Close closes idle connections of the channel's own client.
func (c *Channel) Close() error { return c.http.Close() }

// Limits counts a bot by its token.
func (c *Channel) Limits(to channel.Destination) channel.Limits {
	l := channel.Limits{Bytes: maxBytes, Rates: slices.Clone(c.o.Rates)}
	if u, err := url.Parse(endpoint(to)); err == nil && u.Host != "" {
		l.Budget = webhook.Budget("lark " + strings.ToLower(u.Host) + strings.TrimRight(u.Path, "/"))
	}
	return l
}

// endpoint is the address to post to, empty without one.
func endpoint(to channel.Destination) string {
	s := strings.TrimSpace(to.URL.Reveal())
	if s == "" || strings.Contains(s, "/") {
		return s
	}
	host := "https://open.feishu.cn"
	if to.Options[OptionCloud] == "lark" {
		host = "https://open.larksuite.com"
	}
	return host + "/open-apis/bot/v2/hook/" + url.PathEscape(s)
}

// Check finds mistakes in a destination without I/O; all of them, each with its
// field.
func (c *Channel) Check(to channel.Destination) error {
	const none, remedy = "is neither a web address nor a token", "copy the webhook address of the bot"
	l := c.http.Check(channel.Lark, to)
	if u, s := l.Address(endpoint(to), none, remedy), strings.TrimSpace(to.URL.Reveal()); u != nil && !strings.Contains(s, "/") && !plainID(s) {
		l.Bad("url", none+": "+remedy)
	}
	l.OneOf(OptionCard, "2.0", "1.0")
	l.OneOf(OptionCloud, "feishu", "lark")
	l.Keyword(OptionKeyword)
	switch id, secret := strings.TrimSpace(to.Options[OptionApp]), to.Secrets[SecretApp]; {
	case id == "" && !secret.IsZero():
		l.Bad("options."+OptionApp, "is missing: set it to the id of the app whose secret is given")
	case id != "" && secret.IsZero():
		l.Bad("secrets."+SecretApp, "is missing: set it to the secret of the app that uploads pictures")
	case id != "" && !plainID(id):
		l.Bad("options."+OptionApp, "is no app id, such as cli_a1b2c3")
	}
	l.Options(OptionKeyword, OptionCard, OptionCloud, OptionApp)
	l.Secrets(SecretSign, SecretApp)
	return l.Err()
}
