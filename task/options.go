package task

import (
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/source"
)

// TestOptions say how to test a task.
type TestOptions struct {
	// Params are constants that take the place of the task's parameters. A
	// parameter whose value is an expression needs one here, unless At is given.
	Params Params
	// At is the scheduled time that the test pretends; expressions are then
	// evaluated at it. Zero is now, and evaluates nothing.
	At time.Time
	// Push sends to every destination of the task. Without it the test queries
	// and renders only, and does not open the gate to Submit.
	Push bool
	// Version is the version to test; 0 is the draft.
	Version int
	// Environment overrides the spec's; empty keeps it.
	Environment string
}

// PreviewOptions say what to preview. Nil is the zero value.
type PreviewOptions struct {
	// Destination names a stored destination whose options and mentions apply;
	// it must be of the previewed kind. Empty previews for a plain one.
	Destination string
	// Params are constants that take the place of the task's parameters.
	Params Params
	// At is the scheduled time for expressions. Zero is now.
	At time.Time
	// Version is the version to preview; 0 is the draft.
	Version int
	// Environment overrides the spec's; empty keeps it.
	Environment string
	// Results are sample results that take the place of the query: one per
	// statement. Nil runs the query.
	Results []*source.Result
}

// Preview is what a destination would get.
type Preview struct {
	Kind channel.Kind `json:"kind"`
	// Title is the message's title after substitution.
	Title string `json:"title"`
	// Payloads are what would be sent, in order, each with its size and its
	// warnings. Pictures are not uploaded and nobody is looked up: where that
	// happens before sending, a warning says so.
	Payloads []channel.Payload `json:"payloads"`
	// Limit is the most that one payload may measure; 0 when none is known.
	Limit int `json:"limit"`
	// HTML draws each payload; it is empty for a channel that cannot draw.
	HTML []string `json:"html"`
	// Warnings are about the whole message: those of the payloads stand with
	// them.
	Warnings []channel.Warning `json:"warnings,omitempty"`
	// Params are the parameter values that were used.
	Params Params `json:"params,omitempty"`
	// Empty is true when a push would be skipped as empty.
	Empty bool `json:"empty,omitempty"`
}
