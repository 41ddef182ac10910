package email

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/guard"
)

const (
	stepTimeout  = time.Minute
	replyTimeout = 10 * time.Minute // RFC 5321 section 4.5.3.2.6
	quitTimeout  = 2 * time.Second
	idleTime     = time.Minute
	maxIdle      = 16 // connections kept for each account
)

// connKey tells accounts apart whose connections must not be mixed up.
type connKey [sha256.Size]byte

func (s settings) key() connKey {
	return sha256.Sum256(fmt.Appendf(nil, "%q %d %q %q %q %q %q", s.host, s.port, s.tls, s.auth, s.user, s.password, s.helo))
}

// conn is one open connection, used by one goroutine at a time.
type conn struct {
	client *smtp.Client
	raw    net.Conn
	key    connKey
	// size is the announced SIZE (RFC 1870); hasSize with 0 is no fixed limit.
	size    int
	hasSize bool
	utf8    bool
	// secrets are masked in what the server says.
	secrets []string
	idle    *time.Timer
	once    sync.Once
}

func (cn *conn) deadline(d time.Duration) { _ = cn.raw.SetDeadline(time.Now().Add(d)) }

// drop closes the connection without a word. Above all it writes no final dot:
// a QUIT after half a mail would end the mail and the server would deliver it.
func (cn *conn) drop() { cn.once.Do(func() { _ = cn.raw.Close() }) }

// quit says goodbye. The answer does not matter any more.
func (cn *conn) quit() {
	cn.deadline(quitTimeout)
	_ = cn.client.Quit()
	cn.drop()
}

func (c *Channel) step() time.Duration {
	if c.options.Timeout > 0 {
		return c.options.Timeout
	}
	return stepTimeout
}

func (c *Channel) reply() time.Duration {
	if c.options.Timeout > 0 {
		return c.options.Timeout
	}
	return replyTimeout
}

// take gives a kept connection, or nil.
func (c *Channel) take(key connKey) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.idle[key]
	if len(list) == 0 {
		return nil
	}
	cn := list[len(list)-1]
	c.forget(cn)
	cn.idle.Stop()
	return cn
}

// keep stores a connection that is between two mails.
func (c *Channel) keep(cn *conn) {
	// A deadline of the last mail must not end the next one.
	_ = cn.raw.SetDeadline(time.Time{})
	c.mu.Lock()
	if c.closed || len(c.idle[cn.key]) >= maxIdle {
		c.mu.Unlock()
		cn.quit()
		return
	}
	defer c.mu.Unlock()
	c.idle[cn.key] = append(c.idle[cn.key], cn)
	cn.idle = time.AfterFunc(idleTime, func() {
		c.mu.Lock()
		kept := c.forget(cn)
		c.mu.Unlock()
		if kept {
			cn.quit()
		}
	})
}

// forget removes cn from the kept connections; the caller holds the lock.
func (c *Channel) forget(cn *conn) bool {
	list := c.idle[cn.key]
	i := slices.Index(list, cn)
	if i < 0 {
		return false
	}
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(c.idle, cn.key)
	} else {
		c.idle[cn.key] = list
	}
	return true
}

// Close ends the kept connections; those in use end with their mail. A later
// Send is an error.
func (c *Channel) Close() error {
	c.mu.Lock()
	c.closed = true
	var all []*conn
	for _, list := range c.idle {
		all = append(all, list...)
	}
	clear(c.idle)
	c.mu.Unlock()
	var wg sync.WaitGroup
	for _, cn := range all {
		cn.idle.Stop()
		wg.Go(cn.quit)
	}
	wg.Wait()
	return nil
}

// open connects, encrypts and logs in.
func (c *Channel) open(ctx context.Context, to channel.Destination, s settings) (*conn, error) {
	dial := c.options.Dial
	if dial == nil {
		dial = (&guard.Dialer{Allow: c.options.Allow, Timeout: c.step()}).DialContext
	}
	f := failure{ctx: ctx, secrets: []string{s.password}}
	if s.password != "" {
		f.secrets = append(f.secrets, base64.StdEncoding.EncodeToString([]byte("\x00"+s.user+"\x00"+s.password)))
	}
	dctx, cancel := context.WithTimeout(ctx, c.step())
	raw, err := dial(dctx, "tcp", net.JoinHostPort(s.host, strconv.Itoa(s.port)))
	cancel()
	if err != nil {
		if refused := guard.Refused(err); refused != nil {
			return nil, &channel.Error{Op: op, Outcome: channel.Rejected, Err: refused}
		}
		return nil, f.before("connect to the server", err)
	}
	cn := &conn{raw: raw, key: s.key()}
	stop := context.AfterFunc(ctx, cn.drop)
	defer stop()
	cn.deadline(c.step())

	config := &tls.Config{}
	if c.options.TLSConfig != nil {
		config = c.options.TLSConfig.Clone()
	}
	config.ServerName = s.host
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)

	wire := raw
	if s.tls == ImplicitTLS {
		t := tls.Client(raw, config)
		if err := t.HandshakeContext(ctx); err != nil {
			cn.drop()
			var plain tls.RecordHeaderError
			if errors.As(err, &plain) {
				err = fmt.Errorf("%w; the port may want STARTTLS", err)
			}
			return nil, f.before("make a TLS connection", err)
		}
		wire = t
		cn.deadline(c.step())
	}
	if cn.client, err = smtp.NewClient(wire, s.host); err != nil {
		cn.drop()
		return nil, f.before("read the greeting", err)
	}
	if err := c.login(ctx, to, s, cn, config, &f); err != nil {
		cn.drop()
		return nil, err
	}
	var size string
	if cn.hasSize, size = cn.client.Extension("SIZE"); cn.hasSize {
		cn.size, _ = strconv.Atoi(strings.TrimSpace(size))
	}
	cn.utf8, _ = cn.client.Extension("SMTPUTF8")
	cn.secrets = f.secrets
	if !stop() {
		cn.drop()
		return nil, f.before("connect to the server", ctx.Err())
	}
	return cn, nil
}

// login greets the server, encrypts where STARTTLS is asked for, and logs in.
func (c *Channel) login(ctx context.Context, to channel.Destination, s settings, cn *conn, config *tls.Config, f *failure) error {
	cn.deadline(c.step())
	if err := cn.client.Hello(helo(s)); err != nil {
		return f.before("greet the server", err)
	}
	if s.tls == STARTTLS {
		if ok, _ := cn.client.Extension("STARTTLS"); !ok {
			return f.rejected("the server does not offer STARTTLS; use another port, or set option %q", OptionTLS)
		}
		cn.deadline(c.step())
		if err := cn.client.StartTLS(config); err != nil {
			return f.before("start TLS", err)
		}
	}
	if s.auth == NoAuth || s.auth == AutoAuth && (s.user == "" || s.password == "") {
		return nil
	}
	offered, mechanisms := cn.client.Extension("AUTH")
	if !offered {
		return f.rejected("the server does not offer to log in on this connection")
	}
	auth, err := c.auth(ctx, to, s, cn, strings.Fields(strings.ToUpper(mechanisms)), f)
	if err != nil {
		return err
	}
	cn.deadline(c.step())
	if err := cn.client.Auth(auth); err != nil {
		if errors.Is(err, smtp.ErrUnencrypted) {
			return f.rejected("the password would be sent in clear text; use TLS, or a challenge such as %s", SCRAMSHA256)
		}
		if !isNetwork(err) && replyOf(err) == nil {
			return f.rejected("log in: %s", f.mask(err.Error()))
		}
		return f.before("log in", err)
	}
	return nil
}

// auth chooses how to log in.
func (c *Channel) auth(ctx context.Context, to channel.Destination, s settings, cn *conn, offered []string, f *failure) (smtp.Auth, error) {
	state, encrypted := cn.client.TLSConnectionState()
	kind := s.auth
	if kind == AutoAuth {
		order := []Auth{SCRAMSHA256, SCRAMSHA1, Plain, Login, CRAMMD5}
		if !encrypted {
			order = []Auth{SCRAMSHA256, SCRAMSHA1, CRAMMD5}
		}
		for _, a := range order {
			if slices.Contains(offered, strings.ToUpper(string(a))) {
				kind = a
				break
			}
		}
		if kind == AutoAuth {
			return nil, f.rejected("the server offers no usable way to log in, only %s; set option %q", clip(strings.Join(offered, " "), 100), OptionAuth)
		}
	}
	switch kind {
	case Plain:
		return smtp.PlainAuth("", s.user, s.password, s.host, false), nil
	case Login:
		return smtp.LoginAuth(s.user, s.password, s.host, false), nil
	case CRAMMD5:
		return smtp.CRAMMD5Auth(s.user, s.password), nil
	case SCRAMSHA1:
		return smtp.ScramSHA1Auth(s.user, s.password), nil
	case SCRAMSHA256:
		return smtp.ScramSHA256Auth(s.user, s.password), nil
	case SCRAMSHA1Plus, SCRAMSHA256Plus:
		if !encrypted {
			return nil, f.rejected("%s is bound to a TLS connection, and there is none", kind)
		}
		if kind == SCRAMSHA1Plus {
			return smtp.ScramSHA1PlusAuth(s.user, s.password, &state), nil
		}
		return smtp.ScramSHA256PlusAuth(s.user, s.password, &state), nil
	case XOAUTH2:
		// go-mail would send the token in clear text.
		if !encrypted {
			return nil, f.rejected("the access token would be sent in clear text; use TLS")
		}
		token := s.password
		if c.options.Token != nil {
			var err error
			if token, err = c.options.Token(ctx, to); err != nil {
				f.secrets = append(f.secrets, token)
				return nil, f.before("get an access token", err)
			}
		}
		f.secrets = append(f.secrets, token)
		return smtp.XOAuth2Auth(s.user, token), nil
	default:
		return nil, f.rejected("%s is no known way to log in", kind)
	}
}

// helo is the name for EHLO, which servers refuse if it is no host name.
func helo(s settings) string {
	if s.helo != "" {
		return s.helo
	}
	name, err := os.Hostname()
	if err != nil || name == "" || strings.ContainsFunc(name, notHost) || strings.ContainsAny(name, "_:") {
		return "localhost"
	}
	return name
}
