package email

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
)

// Options configure a [Channel]. Nil and the zero value are the defaults.
type Options struct {
	// Allow opens addresses that a mail server may have although they are
	// loopback, private, link-local or multicast. It has no effect with Dial.
	Allow channel.Allow
	// Dial opens connections instead of the guarded dialler; the guard is then
	// the host's. Addr is host and port.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLSConfig is the base of every TLS connection, for a private authority;
	// it is copied, ServerName and at least TLS 1.2 are set. Nil trusts the
	// system's authorities.
	TLSConfig *tls.Config
	// Token gives the access token for XOAUTH2. It is asked once for each new
	// connection. Nil: the destination's password is the token.
	Token func(ctx context.Context, to channel.Destination) (string, error)
	// Rates hold for each account whose destination names none. Nil is no
	// limit.
	Rates []channel.Rate
	// Timeout is how long each step may take: connecting, one command and its
	// answer, writing the mail. Zero is 60 seconds, and 10 minutes for the
	// answer to a complete mail (RFC 5321 section 4.5.3.2).
	Timeout time.Duration
	// Now is the time of mails whose message has none. Nil is time.Now.
	Now func() time.Time
}

// Channel sends mail. It may be used by several goroutines at once.
type Channel struct {
	options Options

	mu     sync.Mutex
	idle   map[connKey][]*conn
	closed bool
}

// New makes a channel. It does no I/O and starts no goroutine. Nil options are
// the defaults. Whoever made the channel calls [Channel.Close].
func New(o *Options) *Channel {
	c := &Channel{idle: map[connKey][]*conn{}}
	if o != nil {
		c.options = *o
	}
	if c.options.Now == nil {
		c.options.Now = time.Now
	}
	return c
}

// Kind is channel.Email.
func (c *Channel) Kind() channel.Kind { return channel.Email }

// Limits gives the account's rates. Bytes is zero, because a server says what it
// takes only when it is connected to. The budget is shared by all destinations
// with the same host and account.
func (c *Channel) Limits(to channel.Destination) channel.Limits {
	s, _ := read(to)
	l := channel.Limits{Rates: s.rates, Budget: s.budget()}
	if l.Rates == nil {
		l.Rates = c.options.Rates
	}
	return l
}
