package channel

import (
	"strings"
	"time"
)

// Outcome says what the far side can have seen of a payload that has no
// receipt.
type Outcome uint8

const (
	// Unknown is the honest default: the payload may have arrived.
	Unknown Outcome = iota
	// NotSent means that it certainly did not arrive and that trying again is
	// safe and may help.
	NotSent
	// Rejected means that it certainly did not arrive and that the same bytes
	// will be refused again.
	Rejected
)

// String returns "unknown", "not sent" or "rejected".
func (o Outcome) String() string {
	switch o {
	case NotSent:
		return "not sent"
	case Rejected:
		return "rejected"
	default:
		return "unknown"
	}
}

// Error is what a channel's Send returns when there is no receipt. Its text
// never contains a URL, a token, a password or anything from a row.
type Error struct {
	// Op says where, such as "lark: send".
	Op string
	// Outcome decides about a retry; the text never does.
	Outcome Outcome
	// Code is the vendor's code, verbatim ("19024", "550 5.1.1", "HTTP 404").
	Code string
	// After is the wait that the vendor asked for. It closes the destination's
	// whole budget until then.
	After time.Duration
	// Err is the cause, already free of secrets. May be nil.
	Err error
}

// Error gives "lark: send: code 19024: key words not found".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Code != "" {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString("code ")
		b.WriteString(e.Code)
	}
	if e.Err != nil {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	if b.Len() == 0 {
		return e.Outcome.String()
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
