package channel

import (
	"context"
	"time"
)

// Kind names a family of destinations. Kinds of a host's own are any other
// non-empty string.
type Kind string

// The kinds datapush ships a channel for.
const (
	DingTalk Kind = "dingtalk"
	Lark     Kind = "lark"
	WeCom    Kind = "wecom"
	Teams    Kind = "teams"
	Email    Kind = "email"
)

// Channel delivers messages to destinations of one kind. All methods may be
// called by several goroutines at once. None of them keeps a reference to its
// arguments after it returns, and none changes them.
type Channel interface {
	// Kind is constant over the channel's life.
	Kind() Kind

	// Limits says what the vendor accepts for a destination. It does no I/O
	// and works for a destination without an address.
	Limits(to Destination) Limits

	// Encode turns a message into the payloads that carry it, in the order
	// they must arrive. It is pure: same input, same bytes. It works for a
	// destination without an address, because a preview has none. Each payload
	// is within the vendor's limit with room for what Send adds. A message with
	// nothing to show on this kind is [ErrNoContent].
	Encode(msg *Message, to Destination) ([]Payload, error)

	// Send delivers one payload and tells the truth about it. A nil error
	// means that the vendor took the payload. Every other answer is an *Error
	// (possibly wrapped) whose Outcome says whether it may have arrived. Send
	// returns when ctx ends; a context that ended before anything was sent
	// gives NotSent, never a Receipt.
	Send(ctx context.Context, to Destination, p Payload) (Receipt, error)
}

// Preparer is implemented by channels that need I/O before they can encode:
// images to upload, people to look up. The engine calls it once per run and
// destination, under the run's deadline, and encodes what it returns: msg
// itself, or a changed copy. It never changes msg.
type Preparer interface {
	Prepare(ctx context.Context, msg *Message, to Destination) (*Message, error)
}

// Checker is implemented by channels that can tell a wrong destination without
// I/O. The engine calls it when a destination is saved; the error text must
// name the field and never contain its secret value.
type Checker interface {
	Check(to Destination) error
}

// Previewer is implemented by channels that can draw a payload. The HTML is
// drawn from the payload's bytes alone, contains no script, loads nothing and
// shows no secret.
type Previewer interface {
	Preview(p Payload) (html string, err error)
}

// As finds the optional interface T on c or on what c wraps, following
// Unwrap() Channel.
func As[T any](c Channel) (T, bool) {
	for c != nil {
		if t, ok := c.(T); ok {
			return t, true
		}
		u, ok := c.(interface{ Unwrap() Channel })
		if !ok {
			break
		}
		c = u.Unwrap()
	}
	var zero T
	return zero, false
}

// Payload is one request to a vendor, complete except for what Send adds per
// attempt.
type Payload struct {
	// Key identifies the payload over all attempts: a hash of run, destination
	// and part. The engine sets it; vendors that support it drop repeats.
	Key string `json:"key,omitempty"`
	// Part counts from 1 to Parts. Where zero, the engine sets both.
	Part  int `json:"part"`
	Parts int `json:"parts"`
	// Type is the vendor's message type ("markdown", "interactive") or, for
	// mail, "message/rfc822".
	Type string `json:"type"`
	Body []byte `json:"body,omitempty"`
	// Size is measured as the vendor measures it, which is not always
	// len(Body): WeCom counts the decoded content, Teams the stored card.
	Size     int       `json:"size"`
	Warnings []Warning `json:"warnings,omitempty"`
}

// Warning tells the owner of a task what a destination will not see as it was
// written, in words.
type Warning struct {
	Code WarningCode `json:"code"`
	Text string      `json:"text"`
}

// WarningCode groups warnings for code; the text is for people.
type WarningCode string

// What can happen to content on its way to a destination.
const (
	WarnSplit      WarningCode = "split"      // sent in several parts
	WarnCut        WarningCode = "cut"        // something is not sent at all
	WarnDegraded   WarningCode = "degraded"   // shown in a simpler form
	WarnRemoved    WarningCode = "removed"    // a construct the vendor cannot show
	WarnUnresolved WarningCode = "unresolved" // a person or image that was not found
	WarnData       WarningCode = "data"       // columns of different length, a truncated result
)

// Limits is what a vendor accepts from one bot or account.
type Limits struct {
	// Bytes is the most that one payload may measure, in the measure of
	// Payload.Size. Zero means no limit is known.
	Bytes int
	// Rates all hold at once, each over a rolling window.
	Rates []Rate
	// Budget names what the rates are counted on. Destinations with the same
	// Budget share it. It is a hash and reveals no secret. Empty: the
	// destination has a budget of its own.
	Budget string
}

// Rate allows N payloads in any window of length Per.
type Rate struct {
	N   int
	Per time.Duration
}

// Receipt is a vendor's acknowledgement of one payload.
type Receipt struct {
	// Delivered is true when the vendor confirmed the message itself, false
	// when it merely accepted it for later (Teams 202, SMTP 250).
	Delivered bool `json:"delivered"`
	// ID is what the vendor calls the message, if it says so.
	ID string `json:"id,omitempty"`
	// Note is anything a person should know about the acceptance, such as
	// receivers that were left out.
	Note string `json:"note,omitempty"`
}
