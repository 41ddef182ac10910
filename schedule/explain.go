package schedule

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"
)

// Effect is what became of a local time that a cycle names.
type Effect string

const (
	// AsNamed runs at the local time that the cycle names.
	AsNamed Effect = ""
	// Moved runs later, since clocks skip that local time.
	Moved Effect = "moved"
	// Second runs the second time that clocks show that local time.
	Second Effect = "second"
	// Merged has no run of its own: it is moved to the instant of another one.
	Merged Effect = "merged"
	// Dropped has no run.
	Dropped Effect = "dropped"
)

// Explanation tells what became of one local time that a cycle names.
type Explanation struct {
	// Date and Time are what the cycle names. The date need not exist: the 31st
	// of April is named by a cycle of every 31st, and dropped.
	Date Date
	Time string // "08:00"
	// At is the time of the run, in the schedule's zone, and BizDate its
	// business date. Both are zero when Effect is Dropped; when it is Merged,
	// they are those of the run it is one with.
	At      time.Time
	BizDate Date
	Effect  Effect
	// Reason says in English why Effect is what it is; "" for AsNamed.
	Reason string
}

// Explain yields every local time that the cycle names from one date to
// another, both inclusive, in order, with the run it leads to or the reason why
// it leads to none. A day that is not yielded is not named by the cycle.
//
// The dates need a year of 1 to 9999, a month and a day of 1 to 31, but need
// not exist, so that one can ask about the 31st of April. The error is that of
// Validate or tells what is wrong with the dates.
func (s Schedule) Explain(from, to Date) (iter.Seq[Explanation], error) {
	t, err := s.Compile()
	if err != nil {
		return nil, err
	}
	for _, bound := range []struct {
		field string
		date  Date
	}{{"from", from}, {"to", to}} {
		d := bound.date
		if d.Year < minYear || d.Year > maxYear || d.Month < 1 || d.Month > 12 || d.Day < 1 || d.Day > 31 {
			return nil, fmt.Errorf("schedule: explain: %s: %q is no day of a month; use years 1 to 9999, months 1 to 12 and days 1 to 31", bound.field, d)
		}
	}
	if to.Compare(from) < 0 {
		return nil, fmt.Errorf("schedule: explain: to: %s is before from, %s; both are inclusive", to, from)
	}
	return func(yield func(Explanation) bool) {
		for d := from; d.Compare(to) <= 0; d = afterInMonth(d) {
			for _, e := range t.explainDay(s, d) {
				if !yield(e) {
					return
				}
			}
		}
	}, nil
}

// afterInMonth is the day after d in a calendar where every month has 31.
func afterInMonth(d Date) Date {
	d.Day++
	if d.Day > 31 {
		d.Day = 1
		d.Month++
	}
	if d.Month > time.December {
		d.Month = time.January
		d.Year++
	}
	return d
}

func (t *Timetable) explainDay(s Schedule, d Date) []Explanation {
	length := monthLen(d.Year, int(d.Month))
	day := dayNumber(d.Year, int(d.Month), d.Day)
	missing := d.Day > length
	if missing {
		if t.rule.kind != monthly || t.rule.days>>d.Day&1 == 0 {
			return nil
		}
	} else if t.rule.dayFrom(day) != day {
		return nil
	}
	var list []Explanation
	for hour := range 24 {
		if t.rule.hours>>hour&1 == 0 {
			continue
		}
		second := int64(hour)*3600 + t.rule.minute
		e := Explanation{Date: d, Time: formatClock(uint16(second / 60))}
		switch {
		case missing:
			e.Effect = Dropped
			e.Reason = fmt.Sprintf("%s %d has %d days", d.Month, d.Year, length)
		case d.Compare(s.From) < 0:
			e.Effect = Dropped
			e.Reason = fmt.Sprintf("%s is before the first date of the schedule, %s", d, s.From)
		case !s.Until.IsZero() && d.Compare(s.Until) > 0:
			e.Effect = Dropped
			e.Reason = fmt.Sprintf("%s is after the last date of the schedule, %s", d, s.Until)
		default:
			t.explainRun(&e, day*daySeconds+second)
		}
		list = append(list, e)
	}
	return list
}

// explainRun fills in the run of a local time within the schedule's bounds.
func (t *Timetable) explainRun(e *Explanation, local int64) {
	s, at := spanOf(t.zone.loc, local)
	e.At = time.Unix(at, 0).In(t.zone.loc)
	e.BizDate = BizDate(e.At)
	switch {
	case at >= s.end:
		shown := at + s.after
		skip := fmt.Sprintf("%s does not exist on %s in %s, where clocks go forward from %s to %s",
			e.Time, e.Date, t.zone.loc, wallText(s.end+s.offset, e.Date), wallText(s.end+s.after, e.Date))
		named, ok := t.named(shown)
		if ok && named == shown {
			if _, other := spanOf(t.zone.loc, shown); other == at {
				e.Effect = Merged
				e.Reason = fmt.Sprintf("%s; it is one with the run at %s", skip, wallText(shown, e.Date))
				return
			}
		}
		e.Effect = Moved
		e.Reason = fmt.Sprintf("%s; it runs at %s", skip, wallText(shown, e.Date))
	case local-s.before < s.start:
		e.Effect = Second
		e.Reason = fmt.Sprintf("%s comes twice on %s in %s, where clocks go back from %s to %s; it runs the second time",
			e.Time, e.Date, t.zone.loc, wallText(s.start+s.before, e.Date), wallText(s.start+s.offset, e.Date))
	}
}

// wallText shows a local time, with its date unless it is d, and with seconds
// only where they are not zero.
func wallText(local int64, d Date) string {
	w := time.Unix(local, 0).UTC()
	layout := "15:04"
	if w.Second() != 0 {
		layout = time.TimeOnly
	}
	if DateOf(w) != d {
		layout = time.DateOnly + " " + layout
	}
	return w.Format(layout)
}

// Upcoming is an occurrence with the values that its parameters will have.
type Upcoming struct {
	At      time.Time // in the schedule's zone
	BizDate Date
	Params  map[string]string
}

// Preview lists the next n occurrences strictly after a time, fewer when there
// are no more, each with the values of params, whose own values are those of
// [ParseExpr]. Nil params have no values. The error joins every mistake in s
// and in params, the latter with their names.
func (s Schedule) Preview(after time.Time, n int, params map[string]string) ([]Upcoming, error) {
	t, invalid := s.Compile()
	errs := []error{invalid}
	exprs := make(map[string]Expr, len(params))
	for _, name := range slices.Sorted(maps.Keys(params)) {
		e, err := ParseExpr(params[name])
		if err != nil {
			errs = append(errs, fmt.Errorf("params.%s: %w", name, err))
		}
		exprs[name] = e
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var list []Upcoming
	for len(list) < n {
		at, ok := t.Next(after)
		if !ok {
			break
		}
		u := Upcoming{At: at, BizDate: BizDate(at), Params: make(map[string]string, len(exprs))}
		for name, e := range exprs {
			u.Params[name] = string(e.Append(nil, at))
		}
		list = append(list, u)
		after = at
	}
	return list, nil
}
