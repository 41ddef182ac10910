package schedule

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LastDay is the last day of any month, for [Monthly].
const LastDay = -1

// Cycle is how often a schedule repeats, in the schedule's local time. It is an
// opaque comparable value made by [Monthly], [Weekly], [Daily], [Hourly] and
// [HourlyAt], or read from JSON; the zero Cycle is none. Two cycles are equal
// when they were made by the same function from the same arguments, whatever the
// order of days and hours and the repetitions among them.
//
// A mistake in an argument stays in the value, JSON included, and surfaces in
// [Schedule.Validate].
//
// Each cycle has one JSON form:
//
//	{"every":"month","days":[1,"last"],"at":"08:00"}
//	{"every":"week","days":["monday"],"at":"09:00"}
//	{"every":"day","at":"08:00"}
//	{"every":"hour","from":"00:00","to":"23:59","step":1}
//	{"every":"hour","hours":[0,1],"minute":10}
type Cycle struct {
	kind    cycleKind
	step    uint8  // interval: hours between runs
	at, end uint16 // minutes since midnight; for hours, at is the minute
	// set holds days of the month (bit 1 to 31; bit 0 is the last day), days of
	// the week (bit time.Weekday), or hours of the day.
	set uint32
	// bad is the JSON form of a cycle with mistakes; then all else is zero.
	bad string
}

type cycleKind uint8

const (
	noCycle cycleKind = iota
	monthly
	weekly
	daily
	interval
	hours
)

// Monthly runs at a time of day, "00:00" to "23:59", on days of the month: 1 to
// 31, or [LastDay]. A month without such a day has no run for it, and a last
// day named twice runs once.
func Monthly(at string, days ...int) Cycle {
	f := cycleForm{Every: "month", At: &at, Days: []formDay{}}
	for _, d := range days {
		if d == LastDay {
			f.Days = append(f.Days, formDay{name: lastName})
		} else {
			f.Days = append(f.Days, formDay{number: d})
		}
	}
	return f.cycle()
}

// Weekly runs at a time of day, "00:00" to "23:59", on days of the week.
func Weekly(at string, days ...time.Weekday) Cycle {
	f := cycleForm{Every: "week", At: &at, Days: []formDay{}}
	for _, d := range days {
		if d >= time.Sunday && d <= time.Saturday {
			f.Days = append(f.Days, formDay{name: strings.ToLower(d.String())})
		} else {
			f.Days = append(f.Days, formDay{number: int(d)})
		}
	}
	return f.cycle()
}

// Daily runs every day at a time of day, "00:00" to "23:59".
func Daily(at string) Cycle {
	return cycleForm{Every: "day", At: &at}.cycle()
}

// Hourly runs every day at start and then every everyHours hours, 1 to 24, as
// long as the time is not after end; a run at end itself counts. It starts anew
// each day and never crosses midnight. Times are "00:00" to "23:59", and end is
// not before start.
func Hourly(start, end string, everyHours int) Cycle {
	return cycleForm{Every: "hour", From: &start, To: &end, Step: &everyHours}.cycle()
}

// HourlyAt runs every day in each of hours, 0 to 23, at the minute, 0 to 59.
func HourlyAt(hours []int, minute int) Cycle {
	f := cycleForm{Every: "hour", Hours: []int{}, Minute: &minute}
	f.Hours = append(f.Hours, hours...)
	return f.cycle()
}

// IsZero reports whether c is the zero Cycle, which is none.
func (c Cycle) IsZero() bool { return c == Cycle{} }

// hoursOf is the set of hours in which c runs, and the minute in each.
func (c Cycle) hoursOf() (set uint32, minute int) {
	switch c.kind {
	case interval:
		for m := c.at; m <= c.end; m += uint16(c.step) * 60 {
			set |= 1 << (m / 60)
		}
		return set, int(c.at % 60)
	case hours:
		return c.set, int(c.at)
	}
	return 1 << (c.at / 60), int(c.at % 60)
}

// cycleForm is the JSON form of a cycle. Pointers and nil slices tell what was
// not written.
type cycleForm struct {
	Every  string    `json:"every"`
	Days   []formDay `json:"days,omitzero"`
	At     *string   `json:"at,omitempty"`
	From   *string   `json:"from,omitempty"`
	To     *string   `json:"to,omitempty"`
	Step   *int      `json:"step,omitempty"`
	Hours  []int     `json:"hours,omitzero"`
	Minute *int      `json:"minute,omitempty"`
}

// formDay is a day of the month or of the week as written: a name in lower
// case or, when name is empty, a number.
type formDay struct {
	name   string
	number int
}

const lastName = "last"

func (d formDay) String() string {
	if d.name != "" {
		return strconv.Quote(d.name)
	}
	return strconv.Itoa(d.number)
}

func (d formDay) MarshalJSON() ([]byte, error) {
	if d.name != "" {
		return json.Marshal(d.name)
	}
	return json.Marshal(d.number)
}

func (d *formDay) UnmarshalJSON(data []byte) error {
	*d = formDay{}
	if json.Unmarshal(data, &d.number) == nil && !bytes.Equal(data, []byte("null")) {
		return nil
	}
	if json.Unmarshal(data, &d.name) == nil && d.name != "" {
		d.name = strings.ToLower(d.name)
		return nil
	}
	return &Error{Field: "days", Text: excerpt(string(data)) + " is neither a number nor the name of a day"}
}

// check finds fields that are missing or do not go together. They are errors of
// the form, which JSON refuses, unlike errors of a value, which it keeps.
func (f cycleForm) check() error {
	var must []string
	switch f.Every {
	case "month", "week":
		must = []string{"days", "at"}
	case "day":
		must = []string{"at"}
	case "hour":
		must = []string{"from", "to", "step"}
		if f.Hours != nil || f.Minute != nil {
			must = []string{"hours", "minute"}
		}
	default:
		return fmt.Errorf(`"every" is %s; write "month", "week", "day" or "hour"`, excerpt(f.Every))
	}
	written := []struct {
		name string
		is   bool
	}{
		{"days", f.Days != nil}, {"at", f.At != nil}, {"from", f.From != nil}, {"to", f.To != nil},
		{"step", f.Step != nil}, {"hours", f.Hours != nil}, {"minute", f.Minute != nil},
	}
	for _, w := range written {
		if needed := slices.Contains(must, w.name); needed != w.is {
			what := "is missing"
			if w.is {
				what = "does not belong here"
			}
			return fmt.Errorf(`%q %s; every %q takes "%s"`, w.name, what, f.Every, strings.Join(must, `", "`))
		}
	}
	return nil
}

// cycle is the value of a checked form: a sound cycle or, if there are
// mistakes, one that holds them.
func (f cycleForm) cycle() Cycle {
	c, mistakes := f.compile()
	if len(mistakes) == 0 {
		return c
	}
	text, err := json.Marshal(f)
	if err != nil {
		// Strings and numbers always marshal.
		return Cycle{bad: "{}"}
	}
	return Cycle{bad: string(text)}
}

// compile is the cycle of a checked form and every mistake in its values.
func (f cycleForm) compile() (c Cycle, mistakes []*Error) {
	wrong := func(field, format string, args ...any) {
		mistakes = append(mistakes, &Error{Field: "cycle." + field, Text: fmt.Sprintf(format, args...)})
	}
	clock := func(field string, s *string) uint16 {
		m, ok := parseClock(*s)
		if !ok {
			wrong(field, "%s is not a time of day; write hours and minutes, 00:00 to 23:59", excerpt(*s))
		}
		return m
	}
	switch f.Every {
	case "month":
		c.kind = monthly
		c.at = clock("at", f.At)
		if len(f.Days) == 0 {
			wrong("days", "no day of the month; name at least one of 1 to 31 or the last day")
		}
		for _, d := range f.Days {
			switch {
			case d.name == lastName:
				c.set |= 1
			case d.name == "" && d.number >= 1 && d.number <= 31:
				c.set |= 1 << d.number
			default:
				wrong("days", "%s is not a day of the month; use 1 to 31 or the last day", d)
			}
		}
	case "week":
		c.kind = weekly
		c.at = clock("at", f.At)
		if len(f.Days) == 0 {
			wrong("days", "no day of the week; name at least one")
		}
		for _, d := range f.Days {
			if w, ok := parseWeekday(d.name); ok {
				c.set |= 1 << w
			} else {
				wrong("days", "%s is not a day of the week; use monday to sunday", d)
			}
		}
	case "day":
		c.kind = daily
		c.at = clock("at", f.At)
	case "hour":
		if f.Hours != nil {
			c.kind = hours
			if len(f.Hours) == 0 {
				wrong("hours", "no hour; name at least one of 0 to 23")
			}
			for _, h := range f.Hours {
				if h < 0 || h > 23 {
					wrong("hours", "%d is not an hour of the day; use 0 to 23", h)
					continue
				}
				c.set |= 1 << h
			}
			if *f.Minute < 0 || *f.Minute > 59 {
				wrong("minute", "%d is not a minute of the hour; use 0 to 59", *f.Minute)
			} else {
				c.at = uint16(*f.Minute)
			}
			break
		}
		c.kind = interval
		c.at = clock("from", f.From)
		before := len(mistakes)
		c.end = clock("to", f.To)
		if before == 0 && len(mistakes) == 0 && c.end < c.at {
			wrong("to", "%s is before the start %s; a cycle of hours does not cross midnight", *f.To, *f.From)
		}
		if *f.Step < 1 || *f.Step > 24 {
			wrong("step", "%d is not an interval; use 1 to 24 hours, since the cycle starts anew each day", *f.Step)
		} else {
			c.step = uint8(*f.Step)
		}
	}
	return c, mistakes
}

// form is the JSON form of a sound cycle.
func (c Cycle) form() cycleForm {
	at := formatClock(c.at)
	switch c.kind {
	case monthly:
		f := cycleForm{Every: "month", At: &at}
		for d := 1; d <= 31; d++ {
			if c.set>>d&1 != 0 {
				f.Days = append(f.Days, formDay{number: d})
			}
		}
		if c.set&1 != 0 {
			f.Days = append(f.Days, formDay{name: lastName})
		}
		return f
	case weekly:
		f := cycleForm{Every: "week", At: &at}
		for _, w := range c.weekdays() {
			f.Days = append(f.Days, formDay{name: strings.ToLower(w.String())})
		}
		return f
	case interval:
		end, step := formatClock(c.end), int(c.step)
		return cycleForm{Every: "hour", From: &at, To: &end, Step: &step}
	case hours:
		minute := int(c.at)
		f := cycleForm{Every: "hour", Minute: &minute}
		for s := c.set; s != 0; s &= s - 1 {
			f.Hours = append(f.Hours, bits.TrailingZeros32(s))
		}
		return f
	}
	return cycleForm{Every: "day", At: &at}
}

// weekdays lists the days of a weekly cycle, Monday first.
func (c Cycle) weekdays() []time.Weekday {
	var days []time.Weekday
	for i := range 7 {
		if w := time.Weekday((i + 1) % 7); c.set>>w&1 != 0 {
			days = append(days, w)
		}
	}
	return days
}

// mistakes are those that the arguments of c carried.
func (c Cycle) mistakes() []*Error {
	if c.kind == noCycle && c.bad == "" {
		return []*Error{{Field: "cycle", Text: "no cycle; set one, for example schedule.Daily(\"08:00\")"}}
	}
	if c.bad == "" {
		return nil
	}
	var f cycleForm
	if f.read([]byte(c.bad)) != nil {
		// Only a checked form is ever kept.
		return []*Error{{Field: "cycle", Text: "cannot be read: " + c.bad}}
	}
	_, m := f.compile()
	return m
}

// MarshalJSON writes the form of the cycle, mistakes included, and null for
// the zero Cycle.
func (c Cycle) MarshalJSON() ([]byte, error) {
	switch {
	case c.bad != "":
		return []byte(c.bad), nil
	case c.kind == noCycle:
		return []byte("null"), nil
	}
	return json.Marshal(c.form())
}

// UnmarshalJSON reads the form of a cycle. Unknown, missing and misplaced keys
// are errors here; a value that cannot be, such as day 32, is kept for
// [Schedule.Validate] to report.
func (c *Cycle) UnmarshalJSON(data []byte) error {
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		*c = Cycle{}
		return nil
	}
	var f cycleForm
	if err := f.read(data); err != nil {
		return err
	}
	*c = f.cycle()
	return nil
}

func (f *cycleForm) read(data []byte) error {
	err := readStrict(data, f)
	var inner *Error
	if err == nil {
		err = f.check()
		if err == nil {
			return nil
		}
		return &Error{Field: "cycle", Text: err.Error()}
	}
	if errors.As(err, &inner) && inner.Field != "JSON" {
		return &Error{Field: "cycle." + inner.Field, Text: inner.Text}
	}
	return err
}

// readStrict decodes one JSON value and refuses keys it does not know, since a
// misspelt key of a schedule would otherwise be a setting that does nothing.
func readStrict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return &Error{Field: cmp.Or(kind.Field, "JSON"), Text: "a " + kind.Value + " stands where it does not belong"}
	}
	return &Error{Field: "JSON", Text: strings.TrimPrefix(err.Error(), "json: ")}
}

// parseClock reads "08:00" as minutes since midnight.
func parseClock(s string) (uint16, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	h, err1 := number(s[:2])
	m, err2 := number(s[3:])
	if err1 != nil || err2 != nil || h > 23 || m > 59 {
		return 0, false
	}
	return uint16(h*60 + m), true
}

func formatClock(minutes uint16) string {
	return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60)
}

// parseWeekday reads the English name of a day in lower case.
func parseWeekday(s string) (time.Weekday, bool) {
	for w := time.Sunday; w <= time.Saturday; w++ {
		if s == strings.ToLower(w.String()) {
			return w, true
		}
	}
	return 0, false
}
