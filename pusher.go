package datapush

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/engine"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
)

// Config composes a Pusher. Sources and Channels are the host's to make and to
// close; the Pusher closes neither.
type Config struct {
	// Sources are the databases tasks may read, by name. "sales" is the
	// production handle, "sales@development" the development one; a task of one
	// environment never falls back to the other.
	Sources map[string]source.Source
	// Channels serve one kind each.
	Channels []channel.Channel
	// Store keeps everything. Nil keeps it in memory, which a restart forgets.
	Store task.Store
	// Clock drives schedules, retries, rates and leases. Nil is the system's.
	Clock schedule.Clock
	// Renderer makes messages. Nil is render.Default.
	Renderer render.Renderer
	// Logger gets what a person should look at. Nil discards it.
	Logger *slog.Logger
	// Groups are resource groups: how many runs each may have at once in this
	// process. The default group "" has Concurrency, unless it is named here.
	Groups map[string]int
	// Concurrency is how many runs this process executes at once. Zero is 16.
	Concurrency int
	// Drain is how long Run waits for runs in hand when its context ends; what
	// is left is parked and goes on later. Zero is 30 s.
	Drain time.Duration
	// Spaces allows spaces in the values of parameters, which are an error
	// otherwise, as in DataWorks; see schedule.ParseSpacedExpr.
	Spaces bool
	// Rand is where identifiers come from. Nil is crypto/rand.
	Rand io.Reader
}

// Defaults of Config's zero fields.
const (
	DefaultConcurrency = 16
	DefaultDrain       = 30 * time.Second
)

// Pusher is data push. Its methods may be called by several goroutines at once.
type Pusher struct {
	e     *engine.Engine
	actor string
}

// New makes a Pusher. It does no I/O and starts no goroutine. Mistakes in the
// configuration are reported all at once, each with its field.
func New(c Config) (*Pusher, error) {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("datapush: Config.%s: "+format, append([]any{field}, args...)...))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		field := fmt.Sprintf("Sources[%q]", name)
		if c.Sources[name] == nil {
			bad(field, "the source is nil")
		}
		base, env, at := strings.Cut(name, "@")
		if base == "" || at && env != task.Development {
			bad(field, `a name is "sales" for production or "sales@development"`)
		}
	}
	channels := make(map[channel.Kind]channel.Channel, len(c.Channels))
	for i, ch := range c.Channels {
		field := fmt.Sprintf("Channels[%d]", i)
		if ch == nil {
			bad(field, "the channel is nil")
			continue
		}
		kind := ch.Kind()
		switch {
		case kind == "":
			bad(field, "the channel has no kind")
		case channels[kind] != nil:
			bad(field, "another channel serves kind %q already", kind)
		}
		channels[kind] = ch
	}
	for _, name := range slices.Sorted(maps.Keys(c.Groups)) {
		if c.Groups[name] <= 0 {
			bad(fmt.Sprintf("Groups[%q]", name), "a group has room for at least one run, not %d", c.Groups[name])
		}
	}
	if c.Concurrency < 0 {
		bad("Concurrency", "%d is negative", c.Concurrency)
	}
	if c.Drain < 0 {
		bad("Drain", "%v is negative", c.Drain)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	if c.Store == nil {
		c.Store = memstore.New(nil)
	}
	if c.Clock == nil {
		c.Clock = schedule.SystemClock()
	}
	if c.Renderer == nil {
		c.Renderer = render.Default(nil)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Drain == 0 {
		c.Drain = DefaultDrain
	}
	e, err := engine.New(engine.Config{
		Sources:     maps.Clone(c.Sources),
		Channels:    channels,
		Store:       c.Store,
		Clock:       c.Clock,
		Renderer:    c.Renderer,
		Logger:      c.Logger,
		Groups:      maps.Clone(c.Groups),
		Concurrency: c.Concurrency,
		Drain:       c.Drain,
		Spaces:      c.Spaces,
		Rand:        c.Rand,
	})
	if err != nil {
		return nil, err
	}
	return &Pusher{e: e}, nil
}

// By returns the same Pusher, whose verbs are recorded as done by actor.
func (p *Pusher) By(actor string) *Pusher { return &Pusher{e: p.e, actor: actor} }

// Plan stores the runs that are due and returns the occurrences that can go on
// now: what a queue adapter calls. It runs nothing. next is when to plan again;
// zero means that nothing is planned.
func (p *Pusher) Plan(ctx context.Context) (due []task.Occurrence, next time.Time, err error) {
	return p.e.Plan(ctx)
}

// RunDue plans, executes what can go on now and waits for it: one step for
// tests and for hosts with a scheduler of their own. The error is store trouble
// only; failed runs are in the ledger. next is when to call again, which may be
// now; zero means that nothing is planned.
func (p *Pusher) RunDue(ctx context.Context) (next time.Time, err error) { return p.e.RunDue(ctx) }

// RunOccurrence executes one occurrence that Plan has stored, as far as it can
// go now. It is idempotent: an ended run is returned as it is. ErrBusy means
// that the run is in hand elsewhere. A run in state Waiting goes on when it is
// called again at Resume.
func (p *Pusher) RunOccurrence(ctx context.Context, occ task.Occurrence) (*task.Run, error) {
	return p.e.RunOccurrence(ctx, occ)
}

// Run plans and executes, up to Config.Concurrency runs at once, until ctx ends;
// then it drains and returns nil. Store trouble is logged and tried again. No
// goroutine that Run started is left when it returns.
func (p *Pusher) Run(ctx context.Context) error { return p.e.Run(ctx) }
