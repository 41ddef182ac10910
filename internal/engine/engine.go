// Package engine is what a Pusher does: it plans occurrences, claims their
// runs, queries, renders, delivers and retries, and it keeps the rules of a
// task's life from draft to published version.
//
// # Nothing waits in place
//
// A run that has to wait (for a retry, a rate budget, a vendor's wait, a place
// in its pool, an earlier run of its task) is stored with the time to resume
// and its goroutine ends. Only Run and Test sleep between attempts. What ends a
// wait early, such as the end of the run in front, makes the waiting run due in
// the store and wakes the sleepers of this process.
//
// # What is stored when
//
// A run is executed in two stages. The first queries, renders and encodes, and
// ends by storing every destination's payloads in one transaction with the mark
// that the run is rendered; a process that dies before that leaves nothing
// sent, so the stage simply starts again. The second only ever sends stored
// bytes. A part is marked as being sent before it is sent, so that a process
// which finds the mark of another knows that the part may have arrived. With one
// destination, the transaction that stores the payloads marks the first part
// too.
package engine

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
)

// Config is complete: the root package has filled in the defaults.
type Config struct {
	Sources     map[string]source.Source
	Channels    map[channel.Kind]channel.Channel
	Store       task.Store
	Clock       schedule.Clock
	Renderer    render.Renderer
	Logger      *slog.Logger
	Groups      map[string]int
	Concurrency int
	Drain       time.Duration
	Spaces      bool
	Rand        io.Reader
}

// Times that are the engine's own.
const (
	// leaseTTL is how long a crashed process keeps others from its run.
	leaseTTL = time.Minute
	// lookAgain is how soon at the earliest a run that waits for a pool or for an
	// earlier run looks again, should nobody wake it.
	lookAgain = time.Second
	// pollEvery bounds a sleep of the loop, since another process may publish
	// into a shared store.
	pollEvery = 30 * time.Second
	// troublePause is how long a run rests that could not even be begun.
	troublePause = 10 * time.Second
	// late is how much after its time an occurrence counts as missed.
	late = time.Minute
)

// Engine executes pushes. Its methods may be called by several goroutines at
// once.
type Engine struct {
	Config
	owner   string
	plans   cache[planKey, *plan]
	tables  cache[schedule.Schedule, *schedule.Timetable]
	exprs   cache[exprKey, schedule.Expr]
	budgets budgets
	pools   map[string]*pool
	sleep   sleepers

	mu    sync.Mutex
	here  map[string]bool    // runs that this process has in hand
	tasks map[string]*inHand // tasks whose run this process has claimed
}

// inHand is the run of a task that this process has claimed.
type inHand struct {
	run string
	// awaited is true when another run of the task was parked for it.
	awaited bool
}

// New makes an engine from a complete configuration.
func New(c Config) (*Engine, error) {
	e := &Engine{Config: c, pools: make(map[string]*pool), here: make(map[string]bool), tasks: make(map[string]*inHand)}
	e.pools[""] = &pool{key: task.GroupKey(""), size: c.Concurrency}
	for name, n := range c.Groups {
		e.pools[name] = &pool{key: task.GroupKey(name), size: n}
	}
	owner, err := e.newID("p")
	if err != nil {
		return nil, err
	}
	e.owner = owner
	return e, nil
}

var idText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newID makes an identifier of 80 random bits.
func (e *Engine) newID(prefix string) (string, error) {
	r := e.Rand
	if r == nil {
		r = rand.Reader
	}
	var b [10]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return "", fmt.Errorf("datapush: no randomness for an identifier: %w", err)
	}
	return prefix + "_" + idText.EncodeToString(b[:]), nil
}

// parseExpr reads a parameter's value as the host allows it.
func (e *Engine) parseExpr(text string) (schedule.Expr, error) {
	if e.Spaces {
		return schedule.ParseSpacedExpr(text)
	}
	return schedule.ParseExpr(text)
}

// source finds the handle for an environment; there is no fallback from one to
// the other.
func (e *Engine) source(name, env string) (source.Source, error) {
	key := sourceKey(name, env)
	if s, ok := e.Sources[key]; ok {
		return s, nil
	}
	return nil, fmt.Errorf("no source %q is configured", key)
}

func sourceKey(name, env string) string {
	if env == task.Development {
		return name + "@" + task.Development
	}
	return name
}

// pool is a resource group: so many runs at once in this process.
type pool struct {
	key  string // of the runs that wait for a place
	mu   sync.Mutex
	size int
	used int
	// parked is how many runs this process has parked for a place and nobody has
	// woken.
	parked int
}

func (p *pool) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used >= p.size {
		return false
	}
	p.used++
	return true
}

// park counts a run that was parked because the pool was full, unless it looked
// again in vain and is counted. True means that a place has come free since,
// when nobody could wake the run.
func (p *pool) park(again bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used < p.size {
		return true
	}
	if !again {
		p.parked++
	}
	return false
}

// leave gives a place back. True means that a parked run is to be woken for it;
// one is, since more would only park again.
func (p *pool) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	if p.parked == 0 {
		return false
	}
	p.parked--
	return true
}

// sleepers are the contexts on which Run and Test of this process sleep.
type sleepers struct {
	mu sync.Mutex
	n  int
	m  map[int]context.CancelFunc
}

// context returns one that wake ends. It must be made before looking for work,
// so that a wake between the look and the sleep is not lost.
func (s *sleepers) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = make(map[int]context.CancelFunc)
	}
	id := s.n
	s.n++
	s.m[id] = cancel
	return ctx, func() {
		s.mu.Lock()
		delete(s.m, id)
		s.mu.Unlock()
		cancel()
	}
}

func (s *sleepers) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cancel := range s.m {
		cancel()
	}
}

// guard turns a panic of a host's source, renderer or channel into an error. The
// panic's value is left out of the text: it may hold row data.
func guard(what string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%s panicked (%T)", what, v)
		}
	}()
	return f()
}

// env checks an environment override and completes it.
func env(override, spec string) (string, error) {
	if override == "" {
		override = spec
	}
	switch override {
	case "", task.Production:
		return task.Production, nil
	case task.Development:
		return task.Development, nil
	}
	return "", fmt.Errorf("%q is neither %q nor %q", override, task.Production, task.Development)
}
