package schedule

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Schedule is a rule that yields occurrences. The zero value of every field but
// Cycle is a sound default. A Schedule is a comparable value; its methods may be
// called by several goroutines at once.
//
// Its JSON form is one that a person can write:
//
//	{"cycle":{"every":"day","at":"08:00"},"timeZone":"Asia/Shanghai",
//	 "from":"2024-01-01","until":"2024-12-31",
//	 "timeout":"1h","misfire":"latest","catchUp":"24h"}
//
// Only "cycle" is required. Durations are those of [time.ParseDuration].
// Unknown keys are errors.
type Schedule struct {
	Cycle Cycle `json:"cycle,omitzero"`
	// TimeZone is an IANA name, such as "Asia/Shanghai"; "" is UTC. A host
	// without a zone database imports time/tzdata for its side effect.
	TimeZone string `json:"timeZone,omitempty"`
	// From and Until bound the occurrences by local date, both inclusive; zero
	// is open. They judge the date that Cycle names, also where a gap in local
	// time moves the run to the next one.
	From  Date `json:"from,omitzero"`
	Until Date `json:"until,omitzero"`
	// Timeout is counted from the scheduled time, waiting included; a caught-up
	// or manual run counts from its own start. Zero is 72 h.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Misfire is the policy for occurrences planned more than a minute late.
	Misfire Misfire `json:"misfire,omitempty"`
	// CatchUp is how far back missed occurrences count. Zero is 24 h. What is late
	// by a minute or less was not missed, and runs whatever CatchUp is.
	CatchUp time.Duration `json:"catchUp,omitempty"`
}

// Defaults of Schedule's zero fields.
const (
	DefaultTimeout = 72 * time.Hour
	DefaultCatchUp = 24 * time.Hour
)

// Misfire is what happens to occurrences that were missed while no process was
// up to plan them. Its text and JSON forms are "latest", "skip" and "all".
type Misfire string

const (
	// Latest runs the latest of the missed occurrences.
	Latest Misfire = ""
	// Skip runs none of them.
	Skip Misfire = "skip"
	// All runs each of them.
	All Misfire = "all"
)

const latestText = "latest"

// String is "latest", "skip" or "all", and any other value as it is.
func (m Misfire) String() string {
	if m == Latest {
		return latestText
	}
	return string(m)
}

// MarshalText writes what String returns. It never fails.
func (m Misfire) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads any text, "latest" and the empty string as Latest;
// [Schedule.Validate] refuses what is no policy.
func (m *Misfire) UnmarshalText(text []byte) error {
	*m = Misfire(text)
	if *m == latestText {
		*m = Latest
	}
	return nil
}

// Error is one mistake in a Schedule.
type Error struct {
	// Field is the path of the JSON form: "cycle.at", "timeZone", "until".
	Field string
	// Text says what is wrong and what to write instead.
	Text string
}

func (e *Error) Error() string { return "schedule: " + e.Field + ": " + e.Text }

// Validate reports all mistakes at once, each an [*Error], joined with
// [errors.Join]; nil when there is none.
func (s Schedule) Validate() error {
	mistakes := s.mistakes()
	if len(mistakes) == 0 {
		return nil
	}
	errs := make([]error, len(mistakes))
	for i, m := range mistakes {
		errs[i] = m
	}
	return errors.Join(errs...)
}

func (s Schedule) mistakes() []*Error {
	mistakes := s.Cycle.mistakes()
	wrong := func(field, format string, args ...any) {
		mistakes = append(mistakes, &Error{Field: field, Text: fmt.Sprintf(format, args...)})
	}
	if _, err := loadZone(s.TimeZone); err != nil {
		wrong("timeZone", "%s", err)
	}
	sound := true
	for _, bound := range []struct {
		field string
		date  Date
	}{{"from", s.From}, {"until", s.Until}} {
		if !bound.date.IsZero() && !bound.date.Valid() {
			wrong(bound.field, "%s", bound.date.fault())
			sound = false
		}
	}
	if sound && !s.Until.IsZero() && s.Until.Compare(s.From) < 0 {
		wrong("until", "%s is before from, %s; both are inclusive", s.Until, s.From)
	}
	if s.Timeout < 0 {
		wrong("timeout", "%s is negative; use a positive duration, or zero for %s", s.Timeout, formatDuration(DefaultTimeout))
	}
	switch s.Misfire {
	case Latest, Skip, All:
	case latestText:
		// Read from text, this is Latest.
		wrong("misfire", "%s is the text of the constant Latest, which is the empty string; use the constant", excerpt(latestText))
	default:
		wrong("misfire", "%s is no policy; use latest, skip or all", excerpt(string(s.Misfire)))
	}
	if s.CatchUp < 0 {
		wrong("catchUp", "%s is negative; use a positive duration, or zero for %s", s.CatchUp, formatDuration(DefaultCatchUp))
	}
	return mistakes
}

// Next is the first occurrence strictly after the given time, in the schedule's
// zone. It is false when there is none: after Until, after the year 9999, or
// when Validate refuses s. A caller that asks often compiles s first.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	t, err := s.Compile()
	if err != nil {
		return time.Time{}, false
	}
	return t.Next(after)
}

// Deadline is the time at which a run is terminated: Timeout after its
// scheduled time, waiting included, or after its start for a run that was
// caught up or asked for by hand.
func (s Schedule) Deadline(scheduled, started time.Time, ownStart bool) time.Time {
	timeout := s.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	if ownStart {
		return started.Add(timeout)
	}
	return scheduled.Add(timeout)
}

// scheduleForm is the JSON form of a Schedule: durations in words.
type scheduleForm struct {
	Cycle    Cycle   `json:"cycle,omitzero"`
	TimeZone string  `json:"timeZone,omitempty"`
	From     string  `json:"from,omitempty"`
	Until    string  `json:"until,omitempty"`
	Timeout  string  `json:"timeout,omitempty"`
	Misfire  Misfire `json:"misfire,omitempty"`
	CatchUp  string  `json:"catchUp,omitempty"`
}

// MarshalJSON writes the form described at [Schedule], mistakes included. Only
// a date with a number below zero, or of more than nine digits, is an error.
func (s Schedule) MarshalJSON() ([]byte, error) {
	from, err := s.From.MarshalText()
	if err != nil {
		return nil, err
	}
	until, err := s.Until.MarshalText()
	if err != nil {
		return nil, err
	}
	return json.Marshal(scheduleForm{
		Cycle: s.Cycle, TimeZone: s.TimeZone, From: string(from), Until: string(until),
		Timeout: formatDuration(s.Timeout), Misfire: s.Misfire, CatchUp: formatDuration(s.CatchUp),
	})
}

// UnmarshalJSON reads the form described at [Schedule] and replaces s whole. It
// refuses text of the wrong shape and leaves the rest to Validate.
func (s *Schedule) UnmarshalJSON(data []byte) error {
	var f scheduleForm
	if err := readStrict(data, &f); err != nil {
		return err
	}
	from, err := parseBound("from", f.From)
	if err != nil {
		return err
	}
	until, err := parseBound("until", f.Until)
	if err != nil {
		return err
	}
	timeout, err := parseDuration("timeout", f.Timeout)
	if err != nil {
		return err
	}
	catchUp, err := parseDuration("catchUp", f.CatchUp)
	if err != nil {
		return err
	}
	*s = Schedule{
		Cycle: f.Cycle, TimeZone: f.TimeZone, From: from, Until: until,
		Timeout: timeout, Misfire: f.Misfire, CatchUp: catchUp,
	}
	return nil
}

func parseBound(field, s string) (Date, error) {
	var d Date
	if d.UnmarshalText([]byte(s)) != nil {
		return Date{}, &Error{Field: field, Text: excerpt(s) + " is not a date; write year, month and day, as in 2024-01-31"}
	}
	return d, nil
}

func parseDuration(field, s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, &Error{Field: field, Text: excerpt(s) + " is not a duration; write it as in 90s, 15m or 1h30m"}
	}
	return d, nil
}

// formatDuration is d without the zero minutes and seconds that
// time.Duration.String prints, and "" for zero.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	s := d.String()
	if n := len(s) - len("m0s"); n > 0 && s[n:] == "m0s" {
		s = s[:n+1]
	}
	if n := len(s) - len("h0m"); n > 0 && s[n:] == "h0m" {
		s = s[:n+1]
	}
	return s
}
