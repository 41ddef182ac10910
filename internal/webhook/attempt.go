package webhook

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// attempt is one call of Post: the request and the context that the transport
// gets, and what the transport says of them. Its hooks run on the transport's
// goroutines, even after Post has returned.
//
// Attempts with the client's own transport are used again: a request, a context
// that can end and a trace are many small objects, and together they cost more
// than all else that Post does. One that ended otherwise than by a whole answer
// is left to the garbage collector, because the transport may still hold it.
type attempt struct {
	req    *http.Request
	ctx    context.Context // ends when the caller's does, and by the watch
	cancel context.CancelCauseFunc
	fresh  bool // made for one caller's context

	address string // what req.URL was read from

	// The body is read through types that net/http knows to be in memory: with
	// others it writes the header by itself first.
	body   []byte
	copied []byte // room for body
	reader bytes.Reader
	closer io.ReadCloser // of reader

	caller    context.Context
	callerEnd func()      // cancels with the reason of caller
	unlink    func() bool // false: callerEnd runs, or has run

	began    time.Time
	wrote    atomic.Int64 // nanoseconds after began, from 1; 0 is not yet
	answered atomic.Bool
	seen     atomic.Bool  // the transport reports
	given    atomic.Bool  // the request was given a connection
	writing  atomic.Int32 // connections given, less writes that ended
}

// newAttempt makes an attempt whose context is a child of ctx.
func newAttempt(ctx context.Context, own bool) *attempt {
	a := &attempt{}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	a.ctx = httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			a.seen.Store(true)
			if own {
				// net/http looks for a second connection only when it knows that
				// nothing of the request was processed on the first.
				a.given.Store(false)
			}
		},
		// Not WroteHeaders: when ctx ends between the two, the writing goroutine
		// may still run.
		GotConn: func(httptrace.GotConnInfo) {
			a.given.Store(true)
			a.writing.Add(1)
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			a.wrote.Store(int64(time.Since(a.began)) + 1)
			a.writing.Add(-1)
		},
	})
	a.closer = io.NopCloser(&a.reader)
	a.callerEnd = func() { a.cancel(a.caller.Err()) }
	a.req = (&http.Request{
		Method: http.MethodPost,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:  make(http.Header, 3),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(a.body)), nil },
	}).WithContext(a.ctx)
	return a
}

var contentType = []string{"application/json; charset=utf-8"}
var userAgent = []string{"datapush"}

// begin makes the attempt for a request and has it watched. It is nil when the
// address is wrong.
func (c *Client) begin(ctx context.Context, r Request) *attempt {
	var a *attempt
	if c.own == nil || httptrace.ContextClientTrace(ctx) != nil {
		// Somebody wants to see the caller's own context.
		a = newAttempt(ctx, c.own != nil)
		a.fresh = true
	} else {
		a = c.attempts.Get().(*attempt)
	}
	if !a.load(r) {
		a.cancel(nil)
		return nil
	}
	if !a.fresh && ctx.Done() != nil {
		a.caller = ctx
		a.unlink = context.AfterFunc(ctx, a.callerEnd)
	}
	a.wrote.Store(0)
	a.answered.Store(false)
	a.seen.Store(false)
	a.given.Store(false)
	a.writing.Store(0)
	c.watch.start(a)
	return a
}

// load makes the HTTP request. It is false when the address is wrong.
func (a *attempt) load(r Request) bool {
	if a.address != r.URL || a.req.URL == nil {
		u, err := url.Parse(r.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return false
		}
		u.Host = strings.TrimSuffix(u.Host, ":")
		a.address, a.req.URL, a.req.Host = r.URL, u, u.Host
	}
	a.body = r.Body
	if !r.Owned {
		// A transport that is cut short may still be reading when Post returns.
		a.copied = append(a.copied[:0], r.Body...)
		a.body = a.copied
	}
	a.reader.Reset(a.body)
	a.req.Body, a.req.ContentLength = a.closer, int64(len(a.body))
	if len(a.body) == 0 {
		a.req.Body = http.NoBody
	}
	h := a.req.Header
	clear(h)
	h["Content-Type"], h["User-Agent"] = contentType, userAgent
	if r.Type != "" {
		h["Content-Type"] = []string{r.Type}
	}
	if u := a.req.URL.User; u != nil {
		p, _ := u.Password()
		a.req.SetBasicAuth(u.Username(), p)
	}
	if r.Bearer != "" {
		h["Authorization"] = []string{"Bearer " + r.Bearer}
	}
	return true
}

// keepBytes is the largest room for a body that is kept: more than any vendor
// takes as a message.
const keepBytes = 64 << 10

// finish ends an attempt. Whole says that the answer was read to its end.
func (c *Client) finish(a *attempt, whole bool) {
	c.watch.stop(a)
	quiet := a.unlink == nil || a.unlink()
	// The last that the transport does with a request is to say that it wrote
	// it, which an answer may overtake.
	if whole && quiet && !a.fresh && a.given.Load() && a.writing.Load() == 0 && a.ctx.Err() == nil {
		a.caller, a.unlink, a.body = nil, nil, nil
		a.reader.Reset(nil)
		if cap(a.copied) > keepBytes {
			a.copied = nil
		}
		c.attempts.Put(a)
		return
	}
	a.cancel(nil)
}
