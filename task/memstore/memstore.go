// Package memstore is a task.Store in memory: the default of a Pusher, and the
// store of tests. What it holds is lost when the process ends.
//
// # What it costs
//
// Finding what is due looks at the head of two heaps and costs the same however
// many tasks are stored; publishing and planning cost the logarithm of their
// number. A published task takes its Spec once, shared by its draft and its
// version while they are equal, and a few hundred bytes beside it.
//
// # What it keeps
//
// Runs that have ended are kept with their deliveries up to [Options.History]
// per task; a scheduled occurrence whose run was forgotten is still known to
// have been, and is never planned again. Times of tasks and versions are kept
// in UTC to the microsecond, as databases keep them.
//
// # Which clock
//
// A Store has no clock: leases are judged by the times that callers pass.
package memstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
)

// Options are the choices of a Store. The zero value is sound.
type Options struct {
	// History is how many ended runs of each task are kept, tests included.
	// Zero is 100, negative keeps all. Runs that have not ended are always kept.
	History int
}

// DefaultHistory is Options.History where it is zero.
const DefaultHistory = 100

// Store keeps everything in memory. Its methods may be called by several
// goroutines at once. An ended context is answered with its error, before
// anything is looked at or changed.
//
// Whatever stands behind a pointer, map or slice inside the store is frozen: it
// is copied at the door and later replaced, never changed. So a copy of a
// struct, taken under the lock, is a snapshot that can be cloned for the caller
// after the lock is given back.
type Store struct {
	history int

	mu    sync.Mutex
	tasks map[string]*taskRecord
	// names holds the first task of each draft name, chained to its namesakes;
	// aliases those whose published version has another name than the draft.
	names   map[string]*taskRecord
	aliases map[string][]*taskRecord
	// planning holds the tasks that have a next time.
	planning queue[*taskRecord]

	destinations map[string]channel.Destination
	// uses counts the published versions that name a destination.
	uses map[string]int

	runs map[string]*runRecord
	// newest is the run inserted last, the head of the chain of all runs.
	newest *runRecord
	// pending holds the runs that have not ended.
	pending queue[pendingRun]
	// waiting holds the runs that wait for a key.
	waiting map[string]*queue[waitingRun]
	// inserted counts runs over the store's life.
	inserted int64
	// now is the time that the latest caller passed.
	now time.Time

	taskWalk walk[*taskRecord]
	runWalk  walk[pendingRun]
}

var (
	_ task.Store      = (*Store)(nil)
	_ task.SpecSharer = (*Store)(nil)
	_ task.Starter    = (*Store)(nil)
)

// New returns an empty store. Nil options are the defaults.
func New(o *Options) *Store {
	if o == nil {
		o = &Options{}
	}
	s := &Store{
		history:      o.History,
		tasks:        make(map[string]*taskRecord),
		names:        make(map[string]*taskRecord),
		aliases:      make(map[string][]*taskRecord),
		destinations: make(map[string]channel.Destination),
		uses:         make(map[string]int),
		runs:         make(map[string]*runRecord),
		waiting:      make(map[string]*queue[waitingRun]),
	}
	if s.history == 0 {
		s.history = DefaultHistory
	}
	return s
}

// SaveDestination implements task.DestinationStore.
func (s *Store) SaveDestination(ctx context.Context, d channel.Destination) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d = d.Clone()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.destinations[d.Name] = d
	return nil
}

// Destination implements task.DestinationStore.
func (s *Store) Destination(ctx context.Context, name string) (channel.Destination, error) {
	if err := ctx.Err(); err != nil {
		return channel.Destination{}, err
	}
	s.mu.Lock()
	d, ok := s.destinations[name]
	s.mu.Unlock()
	if !ok {
		return channel.Destination{}, missingDestination(name)
	}
	return d.Clone(), nil
}

// Destinations implements task.DestinationStore.
func (s *Store) Destinations(ctx context.Context) ([]channel.Destination, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	all := make([]channel.Destination, 0, len(s.destinations))
	for _, name := range slices.Sorted(maps.Keys(s.destinations)) {
		all = append(all, s.destinations[name])
	}
	s.mu.Unlock()
	for i := range all {
		all[i] = all[i].Clone()
	}
	return all, nil
}

// DeleteDestination implements task.DestinationStore.
func (s *Store) DeleteDestination(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.destinations[name]; !ok {
		return missingDestination(name)
	}
	if s.uses[name] > 0 {
		return fmt.Errorf("memstore: destination %q: %w by a published version", name, task.ErrInUse)
	}
	delete(s.destinations, name)
	return nil
}

func missingDestination(name string) error {
	return fmt.Errorf("memstore: destination %q: %w", name, task.ErrNotFound)
}
