// Package webhook is the one path by which messages leave over HTTP: no
// redirects, capped answers, masked secrets, a guard at connect time, and the
// difference between what was never sent and what may have arrived. It also
// checks the destinations that messages go to.
//
// # What is told apart
//
// A request that was given a connection may have reached the vendor, whatever
// happens next. Before that (name, dial, proxy, TLS handshake, the wait for a
// free connection) nothing can have. [Client.Post] learns this from an HTTP
// trace, not from error texts. A host's transport that reports no trace leaves
// every failure at Unknown.
//
// # What an error may say
//
// Text that came from outside (the vendor, a proxy, the operating system) goes
// through one mask: the address and its telling parts, the secrets of the
// request, and stretches of the request's own body, because a service that
// echoes it would put rows into a log. Then it is cut to 512 bytes.
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/guard"
)

// Limits of one attempt with the client that New makes. The whole attempt is
// bounded by Options.Timeout as well.
const (
	DialTimeout   = 10 * time.Second // name resolution and connect
	TLSTimeout    = 10 * time.Second // handshake
	AnswerTimeout = 30 * time.Second // from the last byte written to the answer's header
	// AnswerBytes is how much of an answer is read.
	AnswerBytes = 8 << 10
	// ErrorBytes is how much of a foreign text an error keeps.
	ErrorBytes = 512
)

// Options configure a Client.
type Options struct {
	// Op begins every error, such as "lark: send".
	Op string
	// Client's transport and time limit are used as they are, and the guard is
	// then the host's. Its redirect policy and cookies are not used. Nil makes a
	// transport that is guarded by Allow and takes its proxy from the
	// environment.
	Client *http.Client
	// Allow opens addresses to the guard.
	Allow channel.Allow
	// Now is the time that answers' Date headers are compared with. Nil is
	// time.Now.
	Now func() time.Time
	// Timeout bounds one attempt from dialling to the end of the answer. Zero is
	// 60 seconds.
	Timeout time.Duration
}

// Client posts bodies, JSON for the most part. It may be used by several
// goroutines at once.
type Client struct {
	op    string
	now   func() time.Time
	watch watch
	allow channel.Allow
	rt    http.RoundTripper
	own   *http.Transport // nil when the transport is the host's

	attempts sync.Pool // of *attempt, for own
	buffers  sync.Pool // of *[AnswerBytes + 1]byte
}

// New makes a client with a connection pool of its own. It does no I/O.
func New(o Options) *Client {
	c := &Client{op: o.Op, now: o.Now, allow: o.Allow}
	c.watch.total = o.Timeout
	if c.now == nil {
		c.now = time.Now
	}
	if c.watch.total <= 0 {
		c.watch.total = 60 * time.Second
	}
	c.attempts.New = func() any { return newAttempt(context.Background(), true) }
	c.buffers.New = func() any { return new([AnswerBytes + 1]byte) }
	if o.Client != nil {
		c.rt = o.Client.Transport
		if c.rt == nil {
			c.rt = http.DefaultTransport
		}
		if o.Client.Timeout > 0 {
			c.watch.total = min(c.watch.total, o.Client.Timeout)
		}
		return c
	}
	dialer := &guard.Dialer{Allow: o.Allow, Timeout: DialTimeout}
	c.own = &http.Transport{
		Proxy:                  proxy(o.Allow),
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    TLSTimeout,
		DisableCompression:     true, // answers are short
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    64,
		WriteBufferSize:        32 << 10, // a whole message leaves in one write
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
	c.rt = c.own
	c.watch.answer = AnswerTimeout
	return c
}

// Close lets idle connections go. The client stays usable.
func (c *Client) Close() error {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
	return nil
}

// errProxy replaces the cause, which may quote the proxy's address and with it
// a password.
var errProxy = errors.New("the proxy of the environment cannot be used; correct HTTPS_PROXY or HTTP_PROXY")

func proxy(allow channel.Allow) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		u, err := http.ProxyFromEnvironment(r)
		if err != nil {
			return nil, errProxy
		}
		if u == nil {
			return nil, nil
		}
		return u, guard.Name(allow, r.URL.Hostname())
	}
}

// Request is one attempt.
type Request struct {
	// URL is sent byte for byte.
	URL string
	// Secrets are further texts to mask in errors, beside the URL's parts: a
	// token, a signing secret.
	Secrets []string
	// Bearer is sent as the Authorization header, unless it is empty; Secrets
	// should hold it too.
	Bearer string
	// Type is the body's media type. Empty is JSON.
	Type string
	Body []byte
	// Owned says that nobody changes Body any more, so that Post need not copy
	// it.
	Owned bool
}

// Answer is what came back, whatever the status.
type Answer struct {
	Status int
	Header http.Header
	// Body holds at most AnswerBytes; Cut says that there was more.
	Body []byte
	Cut  bool
	at   time.Time // the local time of the answer
}

// Post sends one attempt. A nil error means that an answer came; its status is
// the caller's to judge, except that a redirect is already Rejected. Errors are
// *channel.Error: NotSent while nothing can have reached the vendor, Rejected
// when the address is wrong or closed, else Unknown.
func (c *Client) Post(ctx context.Context, r Request) (*Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, &channel.Error{Op: c.op, Outcome: channel.NotSent, Err: &cause{"nothing was sent: " + err.Error(), err}}
	}
	at, whole := c.begin(ctx, r), false
	if at == nil {
		return nil, c.Error(r, channel.Rejected, "", "the address is not a complete http or https URL; correct the destination's URL", 0)
	}
	defer func() { c.finish(at, whole) }()
	resp, err := c.rt.RoundTrip(at.req)
	if err != nil {
		return nil, c.failed(r, at, err)
	}
	at.answered.Store(true)
	defer resp.Body.Close()
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, at: c.now()}
	whole, err = c.read(a, resp.Body)
	if err != nil {
		return nil, c.wrap(at.ctx, r, channel.Unknown, fmt.Sprintf("HTTP %d, then the answer broke off: ", a.Status), err)
	}
	if a.Status >= 300 && a.Status < 400 {
		return nil, c.Error(r, channel.Rejected, "HTTP "+strconv.Itoa(a.Status),
			"the service answered with a redirect, which is not followed because the address and the report would go to another place; correct the destination's URL, or the network puts a sign-in page in between", 0)
	}
	return a, nil
}

// read fills the answer's body and reports whether that was all of it. Reading
// up to the end lets the connection be used again; a longer answer costs the
// connection instead of the time.
func (c *Client) read(a *Answer, body io.Reader) (whole bool, err error) {
	buf := c.buffers.Get().(*[AnswerBytes + 1]byte)
	defer c.buffers.Put(buf)
	n := 0
	for n < len(buf) {
		m, err := body.Read(buf[n:])
		n += m
		if err == io.EOF {
			whole = true
			break
		}
		if err != nil {
			return false, err
		}
	}
	if n > AnswerBytes {
		n, a.Cut = AnswerBytes, true
	}
	a.Body = bytes.Clone(buf[:n])
	return whole, nil
}

func (c *Client) failed(r Request, a *attempt, err error) *channel.Error {
	if ref := guard.Refused(err); ref != nil {
		return &channel.Error{Op: c.op, Outcome: channel.Rejected, Err: &cause{c.mask(r).clean(ref.Error()), ref}}
	}
	if errors.Is(err, errProxy) {
		return c.Error(r, channel.NotSent, "", errProxy.Error(), 0)
	}
	if a.seen.Load() && !a.given.Load() {
		return c.wrap(a.ctx, r, channel.NotSent, "no connection, so nothing was sent: ", err)
	}
	return c.wrap(a.ctx, r, channel.Unknown, "sent, but no answer came, so it may have arrived: ", err)
}

// wrap keeps of a cause its masked text and, of all it wraps, only the end of a
// context: other causes print addresses of their own.
func (c *Client) wrap(ctx context.Context, r Request, o channel.Outcome, what string, err error) *channel.Error {
	end := ctx.Err()
	if context.Cause(ctx) == context.DeadlineExceeded {
		end = context.DeadlineExceeded // by the watch, or the caller's
	}
	if end != nil {
		return &channel.Error{Op: c.op, Outcome: o, Err: &cause{what + end.Error(), end}}
	}
	text := what + c.mask(r).clean(plain(err))
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return &channel.Error{Op: c.op, Outcome: o, Err: &cause{text, end}}
		}
	}
	return &channel.Error{Op: c.op, Outcome: o, Err: errors.New(text)}
}

// plain is an error's text without the address that *url.Error prints.
func plain(err error) string {
	var u *url.Error
	for errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// cause has a text of its own and an error for errors.Is and errors.As.
type cause struct {
	text string
	err  error
}

func (e *cause) Error() string { return e.text }
func (e *cause) Unwrap() error { return e.err }

// Error makes a *channel.Error whose text and code are free of the request's
// secrets and body and short enough to keep.
func (c *Client) Error(r Request, outcome channel.Outcome, code, text string, after time.Duration) *channel.Error {
	m := c.mask(r)
	e := &channel.Error{Op: c.op, Outcome: outcome, Code: m.clean(code), After: after}
	if text = m.clean(text); text != "" {
		e.Err = errors.New(text)
	}
	return e
}

// Foreign is the error for an answer that is not the vendor's: a page of a
// proxy or a portal, or something unreadable. The payload may have arrived.
func (c *Client) Foreign(r Request, a *Answer) *channel.Error {
	what := "text"
	switch {
	case a.Cut:
		what = fmt.Sprintf("more than %d bytes", AnswerBytes)
	case len(bytes.TrimSpace(a.Body)) == 0:
		what = "no text"
	case bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("<")):
		what = "a page"
	}
	text := fmt.Sprintf("the answer is %s that the service would not send, so something other than the service probably answered (a proxy or a sign-in page) and the message may not have arrived", what)
	if s := c.mask(r).clean(string(bytes.TrimSpace(a.Body))); s != "" {
		text += ": " + s
	}
	return &channel.Error{Op: c.op, Code: "HTTP " + strconv.Itoa(a.Status), Err: errors.New(text)}
}

// Gateway judges an answer by its status alone, for statuses that are not the
// vendor's own way to speak. 2xx gives nil. 429, and 503 with a Retry-After, are
// NotSent with the wait asked for, or wait when none was; other 5xx and 408 are
// Unknown; every other status is Rejected.
func (c *Client) Gateway(r Request, a *Answer, wait time.Duration) *channel.Error {
	if a.Status >= 200 && a.Status < 300 {
		return nil
	}
	code := "HTTP " + strconv.Itoa(a.Status)
	after, asked := RetryAfter(a.Header, c.now())
	switch {
	case a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable && asked:
		if !asked {
			after = wait
		}
		return c.Error(r, channel.NotSent, code, "the service asks to wait", after)
	case a.Status >= 500:
		return c.Error(r, channel.Unknown, code, c.about("a gateway failed, so the message may have arrived", r, a), 0)
	case a.Status == http.StatusRequestTimeout:
		return c.Error(r, channel.Unknown, code, c.about("the service gave up waiting, so the message may have arrived", r, a), 0)
	default:
		return c.Error(r, channel.Rejected, code, c.about("the request was refused", r, a), 0)
	}
}

func (c *Client) about(what string, r Request, a *Answer) string {
	if s := c.mask(r).clean(string(bytes.TrimSpace(a.Body))); s != "" {
		return what + ": " + s
	}
	return what
}

// Skew is the local time minus the answer's Date; zero without one.
func (a *Answer) Skew() time.Duration {
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return a.at.Sub(date)
}

// SkewHint is a sentence about the local clock when it is a minute or more away
// from the service's, else "".
func (a *Answer) SkewHint() string {
	d, way := a.Skew(), "ahead of"
	if d < 0 {
		d, way = -d, "behind"
	}
	if d < time.Minute {
		return ""
	}
	return fmt.Sprintf("the local clock is %v %s the service's; correct it", d.Round(time.Second), way)
}

// maxRetryAfter bounds what a header can ask for; longer waits end with the
// run's deadline anyway.
const maxRetryAfter = 7 * 24 * time.Hour

// RetryAfter reads the wait that an answer asks for, in seconds or as a date.
// False means that there is none, or none that can be read.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if v == "" {
		return 0, false
	}
	var d time.Duration
	if n, err := strconv.ParseUint(v, 10, 63); err == nil {
		d = maxRetryAfter
		if n < uint64(maxRetryAfter/time.Second) {
			d = time.Duration(n) * time.Second
		}
	} else if errors.Is(err, strconv.ErrRange) {
		d = maxRetryAfter
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	} else {
		return 0, false
	}
	return min(max(d, 0), maxRetryAfter), true
}
