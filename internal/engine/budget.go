package engine

import (
	"sort"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
)

// budgets keep every vendor's rates over rolling windows, and the waits that
// vendors asked for. A sender that must wait is given a place in line: a time
// at which it may send. Places are given in the order of asking and one at a
// time, which makes tasks with many parts take turns with the others.
type budgets struct {
	mu sync.Mutex
	m  map[budgetKey]*budget
}

// budgetKey is what shares a budget: a name that the channel gave, or else one
// destination.
type budgetKey struct {
	kind              channel.Kind
	name, destination string
}

// holder is who asks for a place: one run's delivery.
type holder struct{ run, destination string }

func (h holder) before(o holder) bool {
	if h.run != o.run {
		return h.run < o.run
	}
	return h.destination < o.destination
}

type budget struct {
	// times are of sends that were begun or have a place, in order. Without
	// rates nobody would look at them, and none are kept.
	times  []time.Time
	held   map[holder]time.Time
	closed time.Time
	// swept is when places were last looked through for forgotten ones.
	swept time.Time
}

func (b *budgets) get(key budgetKey) *budget {
	if b.m == nil {
		b.m = make(map[budgetKey]*budget)
	}
	x := b.m[key]
	if x == nil {
		x = &budget{}
		b.m[key] = x
	}
	return x
}

// take returns when holder may send one payload: now when it may at once, and
// then the send counts; else its place in line.
func (b *budgets) take(key budgetKey, h holder, rates []channel.Rate, now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.get(key)
	if at, ok := x.held[h]; ok {
		if at.After(now) {
			return at
		}
		x.drop(at)
		delete(x.held, h)
		// The place has come. What was sent meanwhile is counted from when it
		// ended, so look again, before those who still wait.
		if at = x.slot(rates, now, false); !at.After(now) {
			x.add(rates, now)
			return now
		}
		return x.hold(h, rates, at)
	}
	x.prune(rates, now)
	at := x.slot(rates, now, true)
	if !at.After(now) {
		x.add(rates, now)
		return now
	}
	return x.hold(h, rates, at)
}

// done moves a send from when it began to when it ended: the vendor counts it
// somewhere between.
func (b *budgets) done(key budgetKey, rates []channel.Rate, began, ended time.Time) {
	if len(rates) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.get(key)
	x.drop(began)
	x.add(rates, ended)
}

// leave gives up a place in line.
func (b *budgets) leave(key budgetKey, h holder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if x := b.m[key]; x != nil {
		if at, ok := x.held[h]; ok {
			x.drop(at)
			delete(x.held, h)
		}
	}
}

// shut closes the whole budget until a time and moves those in line behind it.
func (b *budgets) shut(key budgetKey, rates []channel.Rate, until, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.get(key)
	if !until.After(x.closed) {
		return
	}
	x.closed = until
	type place struct {
		holder
		at time.Time
	}
	var line []place
	for h, at := range x.held {
		line = append(line, place{h, at})
		x.drop(at)
	}
	sort.Slice(line, func(i, j int) bool {
		if !line[i].at.Equal(line[j].at) {
			return line[i].at.Before(line[j].at)
		}
		return line[i].before(line[j].holder)
	})
	clear(x.held)
	for _, p := range line {
		x.hold(p.holder, rates, x.slot(rates, now, true))
	}
}

func (x *budget) hold(h holder, rates []channel.Rate, at time.Time) time.Time {
	if x.held == nil {
		x.held = make(map[holder]time.Time)
	}
	x.held[h] = at
	x.add(rates, at)
	return at
}

// slot finds the earliest time that keeps every rate. Behind the line it is not
// before the last place in it.
func (x *budget) slot(rates []channel.Rate, now time.Time, behind bool) time.Time {
	at := now
	if x.closed.After(at) {
		at = x.closed
	}
	times := x.times
	if !behind {
		// Places later than now belong to others and are looked at when they
		// come.
		times = times[:sort.Search(len(times), func(i int) bool { return times[i].After(now) })]
	} else if n := len(times); n > 0 && times[n-1].After(at) {
		at = times[n-1]
	}
	for _, r := range rates {
		if r.N <= 0 || r.Per <= 0 || len(times) < r.N {
			continue
		}
		// A window is open at its start: the send at exactly Per later is the
		// first outside it. A millisecond keeps it outside after rounding.
		if t := times[len(times)-r.N].Add(r.Per + time.Millisecond); t.After(at) {
			at = t
		}
	}
	return at
}

func (x *budget) add(rates []channel.Rate, at time.Time) {
	if len(rates) == 0 {
		return
	}
	i := sort.Search(len(x.times), func(i int) bool { return x.times[i].After(at) })
	x.times = append(x.times, time.Time{})
	copy(x.times[i+1:], x.times[i:])
	x.times[i] = at
}

func (x *budget) drop(at time.Time) {
	i := sort.Search(len(x.times), func(i int) bool { return !x.times[i].Before(at) })
	if i < len(x.times) && x.times[i].Equal(at) {
		x.times = append(x.times[:i], x.times[i+1:]...)
	}
}

// forgotten is how long after its time a place is given up that nobody took.
const forgotten = 10 * time.Minute

// prune forgets what no window can see any more.
func (x *budget) prune(rates []channel.Rate, now time.Time) {
	var longest time.Duration
	for _, r := range rates {
		longest = max(longest, r.Per)
	}
	old := now.Add(-longest - time.Second)
	if now.Sub(x.swept) > forgotten {
		// A run that another process went on with, or whose destination is gone,
		// never asks again.
		x.swept = now
		for h, at := range x.held {
			if now.Sub(at) > forgotten {
				delete(x.held, h)
			}
		}
	}
	n := sort.Search(len(x.times), func(i int) bool { return x.times[i].After(old) })
	if n > 0 {
		x.times = append(x.times[:0], x.times[n:]...)
	}
}
