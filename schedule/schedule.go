package schedule

import (
	"time"
)

// Schedule is a rule that yields occurrences. The zero value of every field but
// Cycle is a sound default.
type Schedule struct {
	Cycle Cycle `json:"cycle"`
	// TimeZone is an IANA name; "" is UTC.
	TimeZone string `json:"timeZone,omitempty"`
	// From and Until bound the occurrences by local date, both inclusive; zero
	// is open.
	From  Date `json:"from,omitzero"`
	Until Date `json:"until,omitzero"`
	// Timeout is counted from the scheduled time, waiting included; a caught-up
	// or manual run counts from its own start. Zero is 72 h.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Misfire is the policy for occurrences planned more than a minute late.
	Misfire Misfire `json:"misfire,omitempty"`
	// CatchUp is how far back missed occurrences count. Zero is 24 h.
	CatchUp time.Duration `json:"catchUp,omitempty"`
}

// Defaults of Schedule's zero fields.
const (
	DefaultTimeout = 72 * time.Hour
	DefaultCatchUp = 24 * time.Hour
)

// Misfire is what happens to occurrences that were missed while no process was
// up to plan them.
type Misfire string

const (
	// Latest runs the latest of the missed occurrences.
	Latest Misfire = ""
	// Skip runs none of them.
	Skip Misfire = "skip"
	// All runs each of them.
	All Misfire = "all"
)

// Cycle is how often a schedule repeats. It is an opaque comparable value made
// by Monthly, Weekly, Daily, Hourly and HourlyAt; mistakes in their arguments
// surface in Schedule.Validate.
type Cycle struct{ kind uint8 }

// LastDay is the last day of any month, for Monthly.
const LastDay = -1

// Date is a civil date without a zone.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}
