package datapush_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/schedule/scheduletest"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
)

// start is where the tests' clocks begin: 2024-01-02 12:00 in Shanghai.
var start = time.Date(2024, 1, 2, 4, 0, 0, 0, time.UTC)

// database is a source that answers every statement with answer.
type database struct {
	mu     sync.Mutex
	asked  []string
	answer func(ctx context.Context, sql string) (*source.Result, error)
}

func (d *database) Query(ctx context.Context, q source.Query) (*source.Result, error) {
	d.mu.Lock()
	d.asked = append(d.asked, q.SQL)
	answer := d.answer
	d.mu.Unlock()
	return answer(ctx, q.SQL)
}

func (*database) Dialect() source.Dialect { return source.ANSI }
func (*database) Close() error            { return nil }

func (d *database) queries() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked...)
}

// rows answers with one column "a".
func rows(values ...any) func(context.Context, string) (*source.Result, error) {
	return func(context.Context, string) (*source.Result, error) {
		r := &source.Result{Columns: []source.Column{{Name: "a"}}}
		for _, v := range values {
			r.Rows = append(r.Rows, []any{v})
		}
		return r, nil
	}
}

// mailbox is a channel of kind "box" that keeps what it is sent. answer, when it
// is set, decides about each send; it is called without a lock.
type mailbox struct {
	kind   channel.Kind
	rates  []channel.Rate
	parts  int
	answer func(ctx context.Context, to channel.Destination, p channel.Payload) (channel.Receipt, error)

	mu  sync.Mutex
	got []sent
}

type sent struct {
	To   string
	Part int
	Key  string
	Body string
}

const box channel.Kind = "box"

func (m *mailbox) Kind() channel.Kind {
	if m.kind != "" {
		return m.kind
	}
	return box
}

func (m *mailbox) Limits(to channel.Destination) channel.Limits {
	return channel.Limits{Rates: m.rates, Budget: to.Options["budget"]}
}

func (m *mailbox) Encode(msg *channel.Message, to channel.Destination) ([]channel.Payload, error) {
	var b strings.Builder
	b.WriteString(msg.Title)
	for _, s := range msg.Sections {
		if s.Markdown != "" {
			b.WriteString("|" + s.Markdown)
		}
		for _, block := range s.Blocks {
			if t, ok := block.(*channel.Table); ok {
				for i := range t.Rows() {
					for j, c := range t.Row(i) {
						fmt.Fprintf(&b, "|%s", t.Columns[j].Show(c))
					}
				}
			}
		}
	}
	n := max(m.parts, 1)
	ps := make([]channel.Payload, n)
	for i := range ps {
		ps[i] = channel.Payload{Type: "text", Body: []byte(b.String())}
		if n > 1 {
			ps[i].Body = fmt.Appendf(ps[i].Body, " (%d/%d)", i+1, n)
		}
		ps[i].Size = len(ps[i].Body)
	}
	return ps, nil
}

func (m *mailbox) Send(ctx context.Context, to channel.Destination, p channel.Payload) (channel.Receipt, error) {
	if m.answer != nil {
		if r, err := m.answer(ctx, to, p); err != nil {
			return r, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, sent{To: to.Name, Part: p.Part, Key: p.Key, Body: string(p.Body)})
	return channel.Receipt{Delivered: true, ID: fmt.Sprint(len(m.got))}, nil
}

func (m *mailbox) messages() []sent {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]sent(nil), m.got...)
}

// host is a Pusher with doubles at both ends.
type host struct {
	*datapush.Pusher
	t     *testing.T
	clock *scheduletest.Clock
	store *memstore.Store
	db    *database
	dev   *database
	box   *mailbox
}

func newHost(t *testing.T, edit ...func(*datapush.Config)) *host {
	t.Helper()
	h := &host{
		t:     t,
		clock: scheduletest.NewClock(start),
		store: memstore.New(nil),
		db:    &database{answer: rows("x")},
		dev:   &database{answer: rows("dev")},
		box:   &mailbox{},
	}
	c := datapush.Config{
		Sources:  map[string]source.Source{"sales": h.db, "sales@development": h.dev},
		Channels: []channel.Channel{h.box},
		Store:    h.store,
		Clock:    h.clock,
	}
	for _, f := range edit {
		f(&c)
	}
	p, err := datapush.New(c)
	if err != nil {
		t.Fatal(err)
	}
	h.Pusher = p
	h.destination("ops", nil)
	return h
}

func (h *host) destination(name string, edit func(*channel.Destination)) {
	h.t.Helper()
	d := channel.Webhook(name, box, "https://box.example/"+name)
	if edit != nil {
		edit(&d)
	}
	if err := h.SaveDestination(h.t.Context(), d); err != nil {
		h.t.Fatal(err)
	}
}

// daily is a sound spec: every day at 08:00 in Shanghai.
func daily(name string) task.Spec {
	return task.Spec{
		Name:         name,
		Owner:        "alice",
		Source:       "sales",
		SQL:          `SELECT a FROM sales WHERE ds = '${date}'`,
		Params:       task.Params{"date": "${yyyymmdd}"},
		Content:      render.Content{Title: "Report ${date}", Blocks: render.Blocks(render.Table("a"))},
		Schedule:     schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai"},
		Destinations: []string{"ops"},
	}
}

var constant = datapush.TestOptions{Params: task.Params{"date": "20240101"}, Push: true}

// create makes a draft, which must be sound.
func (h *host) create(s task.Spec) string {
	h.t.Helper()
	id, err := h.Create(h.t.Context(), s)
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// publish takes a spec all the way and forgets what the test sent and asked.
func (h *host) publish(s task.Spec) string {
	h.t.Helper()
	id := h.create(s)
	h.republish(id)
	return id
}

func (h *host) republish(id string) int {
	h.t.Helper()
	ctx := h.t.Context()
	answer := h.box.answer
	h.box.answer = nil
	r, err := h.Test(ctx, id, constant)
	if err != nil || r.State != task.Succeeded {
		h.t.Fatalf("test: %+v, %v", r, err)
	}
	v, err := h.Submit(ctx, id)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.Publish(ctx, id, v.Number); err != nil {
		h.t.Fatal(err)
	}
	h.box.answer = answer
	h.forget()
	return v.Number
}

func (h *host) forget() {
	h.box.mu.Lock()
	h.box.got = nil
	h.box.mu.Unlock()
	for _, d := range []*database{h.db, h.dev} {
		d.mu.Lock()
		d.asked = nil
		d.mu.Unlock()
	}
}

// until runs what is due and moves the clock, until a time. The context bounds
// a loop that never gets there.
func (h *host) until(end time.Time) {
	h.t.Helper()
	for i := 0; ; i++ {
		next, err := h.RunDue(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		if i > 100_000 {
			h.t.Fatal("time does not get on")
		}
		now := h.clock.Now()
		switch {
		case !next.IsZero() && !next.After(now):
			continue
		case next.IsZero() || next.After(end):
			h.clock.Set(end)
			return
		}
		h.clock.Set(next)
	}
}

func (h *host) runs(id string) []task.Run {
	h.t.Helper()
	rs, err := h.Runs(h.t.Context(), task.RunFilter{Task: id, Trigger: task.Scheduled})
	if err != nil {
		h.t.Fatal(err)
	}
	return rs
}

func (h *host) deliveries(run string) []task.Delivery {
	h.t.Helper()
	ds, err := h.Deliveries(h.t.Context(), run)
	if err != nil {
		h.t.Fatal(err)
	}
	return ds
}

// shanghai reads a wall time.
func shanghai(t *testing.T, s string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", s, loc)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

var errVendor = errors.New("the vendor said no")
