package schedule

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// String is the schedule as an English sentence, which [Parse] reads back (the
// zone "UTC" as the empty one):
//
//	every month on the 1st, 15th and last day at 08:00 Asia/Shanghai
//	every Monday at 09:00 Asia/Shanghai, from 2024-01-01 to 2024-12-31
//	every day at 08:00 UTC, until 2024-12-31, timeout 1h
//	every 6 hours from 00:00 to 23:59 UTC, misfire skip, catch up 48h
//	every day at 00:10 and 01:10 UTC
//	every day at 00:10 only UTC
//
// The last two are of [HourlyAt]. What has its default is left out, except for
// the zone. A schedule that Validate refuses has no sentence: then String names
// its first mistake.
func (s Schedule) String() string {
	if m := s.mistakes(); len(m) > 0 {
		return "invalid schedule: " + m[0].Field + ": " + m[0].Text
	}
	var b strings.Builder
	b.WriteString(s.Cycle.sentence())
	b.WriteByte(' ')
	if s.TimeZone == "" {
		b.WriteString("UTC")
	} else {
		b.WriteString(s.TimeZone)
	}
	switch {
	case !s.From.IsZero() && !s.Until.IsZero():
		b.WriteString(", from " + s.From.String() + " to " + s.Until.String())
	case !s.From.IsZero():
		b.WriteString(", from " + s.From.String())
	case !s.Until.IsZero():
		b.WriteString(", until " + s.Until.String())
	}
	if s.Timeout != 0 {
		b.WriteString(", timeout " + formatDuration(s.Timeout))
	}
	if s.Misfire != Latest {
		b.WriteString(", misfire " + string(s.Misfire))
	}
	if s.CatchUp != 0 {
		b.WriteString(", catch up " + formatDuration(s.CatchUp))
	}
	return b.String()
}

func (c Cycle) sentence() string {
	at := formatClock(c.at)
	switch c.kind {
	case monthly:
		var days []string
		for d := 1; d <= 31; d++ {
			if c.set>>d&1 != 0 {
				days = append(days, ordinal(d))
			}
		}
		if c.set&1 != 0 {
			days = append(days, "last day")
		}
		return "every month on the " + enumerate(days) + " at " + at
	case weekly:
		var days []string
		for _, w := range c.weekdays() {
			days = append(days, w.String())
		}
		return "every " + enumerate(days) + " at " + at
	case interval:
		every := "every hour"
		if c.step > 1 {
			every = fmt.Sprintf("every %d hours", c.step)
		}
		return every + " from " + at + " to " + formatClock(c.end)
	case hours:
		var times []string
		for set := c.set; set != 0; set &= set - 1 {
			times = append(times, formatClock(uint16(bits.TrailingZeros32(set))*60+c.at))
		}
		if len(times) == 1 {
			return "every day at " + times[0] + " only"
		}
		return "every day at " + enumerate(times)
	}
	return "every day at " + at
}

func ordinal(n int) string {
	suffix := "th"
	if n/10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// enumerate joins words as in "a, b and c".
func enumerate(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// Parse reads a schedule from the sentence that [Schedule.String] writes. Words
// may be in either case, and without a zone the schedule is in UTC. The errors
// are [*Error] values: one for the field "text" when the sentence cannot be
// read, else those of Validate.
func Parse(sentence string) (Schedule, error) {
	p := sentenceParser{rest: sentence}
	s, err := p.schedule()
	if err != nil {
		return Schedule{}, err
	}
	if err := s.Validate(); err != nil {
		return Schedule{}, err
	}
	return s, nil
}

// MarshalText writes what String returns. A schedule that Validate refuses has
// no text form; the JSON form has room for its mistakes.
func (s Schedule) MarshalText() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return []byte(s.String()), nil
}

// UnmarshalText reads what [Parse] reads.
func (s *Schedule) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// sentenceParser reads words, which spaces and commas divide.
type sentenceParser struct{ rest string }

func (p *sentenceParser) fail(want string) error {
	at := "at the end"
	if p.rest != "" {
		at = "at " + excerpt(p.rest)
	}
	return &Error{Field: "text", Text: at + ": expected " + want}
}

// word takes the next word, up to a space or comma.
func (p *sentenceParser) word() string {
	p.rest = strings.TrimLeft(p.rest, " ")
	end := strings.IndexAny(p.rest, " ,")
	if end < 0 {
		end = len(p.rest)
	}
	w := p.rest[:end]
	p.rest = p.rest[end:]
	return w
}

// take takes the given words, if they come next.
func (p *sentenceParser) take(words ...string) bool {
	start := p.rest
	for _, w := range words {
		if w == "," {
			p.rest = strings.TrimLeft(p.rest, " ")
			if !strings.HasPrefix(p.rest, ",") {
				p.rest = start
				return false
			}
			p.rest = p.rest[1:]
			continue
		}
		if !strings.EqualFold(p.word(), w) {
			p.rest = start
			return false
		}
	}
	return true
}

// more takes what stands between the members of a list.
func (p *sentenceParser) more() bool { return p.take(",") || p.take("and") }

func (p *sentenceParser) schedule() (s Schedule, err error) {
	if s.Cycle, err = p.cycle(); err != nil {
		return s, err
	}
	p.rest = strings.TrimLeft(p.rest, " ")
	if p.rest != "" && p.rest[0] != ',' {
		if zone := p.word(); !strings.EqualFold(zone, "UTC") {
			s.TimeZone = zone
		}
	}
	if p.take(",", "from") {
		if s.From, err = p.date(); err != nil {
			return s, err
		}
		if p.take("to") {
			if s.Until, err = p.date(); err != nil {
				return s, err
			}
		}
	} else if p.take(",", "until") {
		if s.Until, err = p.date(); err != nil {
			return s, err
		}
	}
	if p.take(",", "timeout") {
		if s.Timeout, err = p.duration("timeout"); err != nil {
			return s, err
		}
	}
	if p.take(",", "misfire") {
		if p.rest == "" {
			return s, p.fail(`"latest", "skip" or "all"`)
		}
		if err = s.Misfire.UnmarshalText([]byte(strings.ToLower(p.word()))); err != nil {
			return s, err
		}
	}
	if p.take(",", "catch", "up") {
		if s.CatchUp, err = p.duration("catchUp"); err != nil {
			return s, err
		}
	}
	p.rest = strings.TrimLeft(p.rest, " ")
	if p.rest != "" {
		return s, p.fail(`the end, or ", from", ", until", ", timeout", ", misfire" or ", catch up", in this order`)
	}
	return s, nil
}

func (p *sentenceParser) cycle() (Cycle, error) {
	switch {
	case !p.take("every"):
		return Cycle{}, p.fail(`"every"`)
	case p.take("month", "on", "the"):
		return p.monthly()
	case p.take("day", "at"):
		return p.times()
	case p.take("hour", "from"):
		return p.interval(1)
	}
	start := p.rest
	if n, err := number(p.word()); err == nil && p.take("hours", "from") {
		return p.interval(n)
	}
	p.rest = start
	return p.weekly()
}

func (p *sentenceParser) monthly() (Cycle, error) {
	var days []int
	for {
		start := p.rest
		if p.take("last", "day") {
			days = append(days, LastDay)
		} else {
			w := strings.ToLower(p.word())
			n, err := number(strings.TrimRight(w, "stndrh"))
			if err != nil || w != ordinal(n) {
				p.rest = start
				return Cycle{}, p.fail(`a day such as "1st", or "last day"`)
			}
			days = append(days, n)
		}
		if !p.more() {
			break
		}
	}
	at, err := p.at()
	return Monthly(at, days...), err
}

func (p *sentenceParser) weekly() (Cycle, error) {
	var days []time.Weekday
	for {
		start := p.rest
		w, ok := parseWeekday(strings.ToLower(p.word()))
		if !ok {
			p.rest = start
			return Cycle{}, p.fail(`"month on the", "day at", "hour from", a number of hours, or a day of the week`)
		}
		days = append(days, w)
		if !p.more() {
			break
		}
	}
	at, err := p.at()
	return Weekly(at, days...), err
}

// times reads one time of day for Daily, and several, or one with "only", for
// HourlyAt.
func (p *sentenceParser) times() (Cycle, error) {
	var times []string
	for {
		times = append(times, p.word())
		start := p.rest
		if !p.more() {
			break
		}
		// A comma may also end the list.
		if next := strings.TrimLeft(p.rest, " "); next == "" || !isDigit(next[0]) {
			p.rest = start
			break
		}
	}
	if len(times) == 1 && !p.take("only") {
		return Daily(times[0]), nil
	}
	var hours []int
	var minute uint16
	for i, t := range times {
		m, ok := parseClock(t)
		if !ok {
			return Cycle{}, &Error{Field: "cycle.at", Text: excerpt(t) + " is not a time of day; write hours and minutes, 00:00 to 23:59"}
		}
		if i > 0 && m%60 != minute {
			return Cycle{}, &Error{Field: "cycle.at", Text: excerpt(t) + " has another minute than the times before it; the times of a day share one"}
		}
		minute = m % 60
		hours = append(hours, int(m/60))
	}
	return HourlyAt(hours, int(minute)), nil
}

func (p *sentenceParser) interval(step int) (Cycle, error) {
	from := p.word()
	if !p.take("to") {
		return Cycle{}, p.fail(`"to" and a time of day`)
	}
	return Hourly(from, p.word(), step), nil
}

func (p *sentenceParser) at() (string, error) {
	if !p.take("at") {
		return "", p.fail(`"at" and a time of day`)
	}
	return p.word(), nil
}

func (p *sentenceParser) date() (Date, error) {
	start := p.rest
	d, err := ParseDate(p.word())
	if err != nil {
		p.rest = start
		return Date{}, p.fail("a date such as 2024-01-31")
	}
	return d, nil
}

func (p *sentenceParser) duration(field string) (time.Duration, error) {
	w := p.word()
	if w == "" {
		return 0, p.fail("a duration such as 1h30m")
	}
	return parseDuration(field, w)
}
