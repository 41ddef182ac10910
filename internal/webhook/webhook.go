// Package webhook is the one path by which messages leave over HTTP: no
// redirects, capped answers, masked secrets, a guard at connect time, and the
// difference between what was never sent and what may have arrived.
package webhook

import (
	"context"
	"net/http"
	"time"

	"github.com/datapush-go/datapush/channel"
)

// Options configure a Client.
type Options struct {
	// Op begins every error, such as "lark: send".
	Op string
	// Client's transport is used as it is, and the guard is then the host's.
	// Nil makes one that is guarded by Allow.
	Client *http.Client
	// Allow opens addresses to the guard.
	Allow channel.Allow
	// Now is the time that answers' Date headers are compared with. Nil is
	// time.Now.
	Now func() time.Time
}

// Client posts JSON bodies. It may be used by several goroutines at once.
type Client struct{ o Options }

// New makes a client. It does no I/O.
func New(o Options) *Client { return &Client{o} }

// Request is one attempt.
type Request struct {
	// URL is sent byte for byte.
	URL string
	// Secrets are further texts to mask in errors, beside the URL's parts.
	Secrets []string
	Body    []byte
}

// Answer is what came back, whatever the status.
type Answer struct {
	Status int
	Header http.Header
	// Body holds at most 8 KiB.
	Body []byte
	// Skew is the local time minus the answer's Date; zero without one.
	Skew time.Duration
}

// Post sends one attempt. A nil error means that an answer came; its status is
// the caller's to judge, except that a redirect is already Rejected. Errors are
// *channel.Error: NotSent while nothing was written, else Unknown.
func (c *Client) Post(ctx context.Context, r Request) (*Answer, error) {
	return nil, nil
}

// Error makes a *channel.Error whose text is free of the request's secrets and
// short enough to keep.
func (c *Client) Error(r Request, outcome channel.Outcome, code, text string, after time.Duration) *channel.Error {
	return nil
}
