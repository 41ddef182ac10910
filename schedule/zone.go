package schedule

import (
	"errors"
	"math"
	"strings"
	"sync"
	"time"
)

// zone is a time zone whose offsets can be found without searching: transitions
// of the years that schedules live in, and an index by time into them. It is
// immutable.
type zone struct {
	loc *time.Location
	// spans cover [tableStart, tableEnd) and a little beyond, in order.
	spans []span
	// index[i] is the span in force at tableStart + i<<indexShift.
	index []uint16
}

// span is a stretch of time with one offset from UTC. Its times are Unix
// seconds.
type span struct {
	start, end int64 // [start, end)
	offset     int64 // seconds east of UTC
	before     int64 // offset before start
	after      int64 // offset from end
}

// quietStart is the first instant from which no run that the gap at the span's
// start moved can be left.
func (s *span) quietStart() int64 { return s.start + max(0, s.offset-s.before) }

// quietEnd is the first instant whose local time happens again after the span.
func (s *span) quietEnd() int64 { return s.end - max(0, s.offset-s.after) }

const (
	tableStart = 0             // 1970-01-01
	tableEnd   = 4_102_444_800 // 2100-01-01
	indexShift = 22            // 48.5 days: seldom more than one transition

	// beforeAll and afterAll stand for no start and no end. They are far from
	// the limits of int64, so that offsets can be added.
	beforeAll = math.MinInt64 / 4
	afterAll  = math.MaxInt64 / 4

	// No transition is looked for outside of the years 1 to 9999.
	searchStart = -62_135_596_800
	searchEnd   = 253_402_300_800
)

var utc = sync.OnceValue(func() *zone { return newZone(time.UTC) })

// zones caches loaded zones by name. Only names of the host's zone database get
// in, so it is bounded.
var zones sync.Map // string → *zone

// loadZone finds the zone of an IANA name; "" is UTC.
func loadZone(name string) (*zone, error) {
	if name == "" || name == "UTC" {
		return utc(), nil
	}
	if z, ok := zones.Load(name); ok {
		return z.(*zone), nil
	}
	// time.LoadLocation knows names that mean another zone on each host, and
	// finds files by spellings that are no zone's name.
	refused := name == "Local" || name == "localtime" || name == "posixrules" ||
		strings.Contains(name, "//") || strings.Contains(name, ".") || strings.HasSuffix(name, "/")
	if refused {
		return nil, errors.New(excerpt(name) + " is not an IANA time zone; use a name such as Asia/Shanghai, or leave it empty for UTC")
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, errors.New(excerpt(name) + " is not in this host's zone database; use an IANA name such as Asia/Shanghai, and import time/tzdata where the host has no database")
	}
	z, _ := zones.LoadOrStore(name, newZone(loc))
	return z.(*zone), nil
}

func newZone(loc *time.Location) *zone {
	z := &zone{loc: loc}
	for at := int64(tableStart); at < tableEnd; {
		s := searchSpan(loc, at)
		z.spans = append(z.spans, s)
		at = s.end
	}
	i := 0
	for at := int64(tableStart); at < tableEnd; at += 1 << indexShift {
		for z.spans[i].end <= at {
			i++
		}
		z.index = append(z.index, uint16(i))
	}
	return z
}

// spanAt is the span in force at u. The pointer is into z's table, or to far
// where u is outside of it.
func (z *zone) spanAt(u int64, far *span) *span {
	if u < tableStart || u >= tableEnd {
		*far = searchSpan(z.loc, u)
		return far
	}
	i := z.index[uint64(u-tableStart)>>indexShift]
	for z.spans[i].end <= u {
		i++
	}
	return &z.spans[i]
}

// searchSpan asks the time package for the span in force at u.
func searchSpan(loc *time.Location, u int64) span {
	offset := offsetAt(loc, u)
	s := span{start: beforeAll, end: afterAll, offset: offset, before: offset, after: offset}
	// What the time package calls a bound may leave the offset as it is: the
	// zone's abbreviation changes there, or a year begins in which the zone's
	// rule is worked out afresh.
	for at := u; at > searchStart; {
		bound, _ := time.Unix(at, 0).In(loc).ZoneBounds()
		if bound.IsZero() {
			break
		}
		at = bound.Unix() - 1
		if before := offsetAt(loc, at); before != offset {
			s.start, s.before = at+1, before
			break
		}
	}
	for at := u; at < searchEnd; {
		_, bound := time.Unix(at, 0).In(loc).ZoneBounds()
		if bound.IsZero() {
			break
		}
		next := bound.Unix()
		if next <= at {
			// On the last day of a leap year that a zone's rule covers, the bound
			// is the midnight before instead of the one after.
			next = (floorDiv(at, daySeconds) + 1) * daySeconds
		}
		at = next
		if after := offsetAt(loc, at); after != offset {
			s.end, s.after = at, after
			break
		}
	}
	return s
}

func offsetAt(loc *time.Location, u int64) int64 {
	_, offset := time.Unix(u, 0).In(loc).Zone()
	return int64(offset)
}
