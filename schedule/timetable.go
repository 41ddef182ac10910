package schedule

import (
	"math/bits"
	"time"
)

// Timetable is a compiled [Schedule]. It is immutable, and its methods may be
// called by several goroutines at once.
type Timetable struct {
	zone *zone
	rule rule
	// first and last bound what the rule names: local seconds, inclusive.
	first, last int64
}

// Compile turns a sound schedule into its fast form. The error is that of
// Validate.
func (s Schedule) Compile() (*Timetable, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	zone, err := loadZone(s.TimeZone)
	if err != nil {
		return nil, err
	}
	from, until := s.From, s.Until
	if from.IsZero() {
		from = Date{minYear, time.January, 1}
	}
	if until.IsZero() {
		until = Date{maxYear, time.December, 31}
	}
	return &Timetable{
		zone:  zone,
		rule:  s.Cycle.rule(),
		first: dayNumber(from.Year, int(from.Month), from.Day) * daySeconds,
		last:  dayNumber(until.Year, int(until.Month), until.Day)*daySeconds + daySeconds - 1,
	}, nil
}

// Location is the schedule's zone, in which Next returns its times.
func (t *Timetable) Location() *time.Location { return t.zone.loc }

// Next is the first occurrence strictly after the given time, in the
// schedule's zone, and false when there is none. It allocates nothing.
//
// A local time that does not exist, because clocks were put forward, is moved
// forward by the gap; where another run is at that very instant, there is one
// run. A local time that exists twice, because clocks were put back, runs once,
// at the second. The rule holds for every cycle and by the second.
func (t *Timetable) Next(after time.Time) (time.Time, bool) {
	u := min(max(after.Unix(), searchStart-slack), searchEnd+slack)
	var far span
	s := t.zone.spanAt(u, &far)
	if u >= s.quietStart() {
		if local, ok := t.named(u + 1 + s.offset); ok && local-s.offset < s.quietEnd() {
			return time.Unix(local-s.offset, 0).In(t.zone.loc), true
		}
	}
	return t.nextAcross(u)
}

// slack is longer than any offset and any gap, so nothing is due outside of local
// bounds by more.
const slack = 2 * daySeconds

// nextAcross is Next near and across transitions.
func (t *Timetable) nextAcross(u int64) (time.Time, bool) {
	from := max(u+1, t.first-slack)
	var far span
	for at := max(u, from-1); at <= t.last+slack; {
		s := t.zone.spanAt(at, &far)
		start := max(from, s.start)
		due := int64(afterAll)
		if s.offset > s.before {
			// Runs that the gap at the start of the span moved into it.
			if local, ok := t.named(start + s.before); ok && local < s.start+s.offset {
				due = local - s.before
			}
		}
		if local, ok := t.named(start + s.offset); ok && local-s.offset < s.quietEnd() {
			due = min(due, local-s.offset)
		}
		if due < afterAll {
			return time.Unix(due, 0).In(t.zone.loc), true
		}
		at = s.end
	}
	return time.Time{}, false
}

// named is the first local time, in seconds, from the given one on that the
// rule names, whether or not the zone has it.
func (t *Timetable) named(from int64) (int64, bool) {
	from = max(from, t.first)
	if from > t.last {
		return 0, false
	}
	day, second := splitLocal(from)
	second, left := t.rule.timeFrom(second)
	if !left {
		day++
	}
	if d := t.rule.dayFrom(day); d != day || !left {
		day, second = d, t.rule.firstTime
	}
	local := day*daySeconds + second
	return local, local <= t.last
}

// rule is a cycle in the form that a search needs.
type rule struct {
	kind      cycleKind
	days      uint32 // as Cycle.set; for a weekly cycle two weeks of it
	hours     uint32
	minute    int64 // seconds after each hour
	firstTime int64 // seconds after midnight
}

func (c Cycle) rule() rule {
	hours, minute := c.hoursOf()
	r := rule{kind: c.kind, hours: hours, minute: int64(minute) * 60}
	r.firstTime = int64(bits.TrailingZeros32(hours))*3600 + r.minute
	switch c.kind {
	case monthly:
		r.days = c.set
	case weekly:
		r.days = c.set | c.set<<7
	}
	return r
}

// timeFrom is the first time of day at or after second, and false when the day
// has none left.
func (r *rule) timeFrom(second int64) (int64, bool) {
	hour := uint64(second-r.minute+3599) / 3600
	rest := r.hours >> hour
	return int64(hour)*3600 + int64(bits.TrailingZeros32(rest))*3600 + r.minute, rest != 0
}

// dayFrom is the first day number at or after day on which the rule runs.
func (r *rule) dayFrom(day int64) int64 {
	switch r.kind {
	case weekly:
		return day + int64(bits.TrailingZeros32(r.days>>weekday(day)))
	case monthly:
		year, month, d := civilParts(day)
		for {
			length := monthLen(year, month)
			if rest := r.daysOf(length) >> d; rest != 0 {
				return day + int64(bits.TrailingZeros32(rest))
			}
			day += int64(length - d + 1)
			d = 1
			month++
			if month > 12 {
				month = 1
				year++
			}
		}
	}
	return day
}

// daysOf is the set of days of a month of the given length.
func (r *rule) daysOf(length int) uint32 {
	set := r.days &^ 1
	if r.days&1 != 0 {
		set |= 1 << length
	}
	return set & (2<<length - 1)
}
