package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
)

// Store is a task.Store that a restart does not forget. What it knows is in the
// embedded memory store, which answers all reads; each change that succeeds is
// also a line of a journal file, and Open does those changes again. That works
// because a memory store depends on nothing but the calls it gets.
//
// It is for one process at a time. A change survives the end of the process, but
// not that of the machine: for that, add a Sync after each write. The journal
// only grows, and it holds webhook addresses and passwords, so it is readable by
// its owner alone.
type Store struct {
	*memstore.Store

	mu   sync.Mutex
	file *os.File
	// broken is why the journal could not be written. From then on memory is
	// ahead of the file, and nothing more may change.
	broken error
}

// change is a line of the journal: a method and what it was given.
type change struct {
	Op          string            `json:"op"`
	ID          string            `json:"id,omitempty"`
	Number      int               `json:"number,omitempty"`
	Task        *task.Task        `json:"task,omitempty"`
	Version     *task.Version     `json:"version,omitempty"`
	Publication *task.Publication `json:"publication,omitempty"`
	Destination *destination      `json:"destination,omitempty"`
	Runs        []task.Run        `json:"runs,omitempty"`
	Deliveries  []task.Delivery   `json:"deliveries,omitempty"`
	Lease       task.Lease        `json:"lease,omitzero"`
	TTL         time.Duration     `json:"ttl,omitempty"`
	From        time.Time         `json:"from,omitzero"`
	Next        time.Time         `json:"next,omitzero"`
	Now         time.Time         `json:"now,omitzero"`
	Waiting     string            `json:"waiting,omitempty"`
	WaitFor     string            `json:"waitFor,omitempty"`

	// What the methods with a result return.
	version task.Version
	lease   task.Lease
}

// destination is a channel.Destination whose secrets are written out.
type destination struct {
	channel.Destination
	URL     string            `json:"url,omitempty"`
	Secrets map[string]string `json:"secrets,omitempty"`
}

// Open opens a journal or begins one.
func Open(ctx context.Context, name string) (*Store, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	s := &Store{Store: memstore.New(nil), file: file}
	if err := s.replay(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("customstore: %s: %w", name, err), file.Close())
	}
	return s, nil
}

// Close closes the journal. Nothing can be changed afterwards.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = os.ErrClosed
	}
	return s.file.Close()
}

func (s *Store) replay(ctx context.Context) error {
	journal, err := io.ReadAll(s.file)
	if err != nil {
		return err
	}
	// A line without its end was cut off by the end of the process, before
	// whoever asked for the change was told that it is done.
	whole := bytes.LastIndexByte(journal, '\n') + 1
	for n, line := range bytes.Split(journal[:whole], []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var c change
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("line %d: %w", n+1, err)
		}
		if err := s.apply(ctx, &c); err != nil {
			return fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	if whole < len(journal) {
		if err := s.file.Truncate(int64(whole)); err != nil {
			return err
		}
	}
	_, err = s.file.Seek(int64(whole), io.SeekStart)
	return err
}

// do makes a change and writes it down. The order in the journal is the order in
// which the changes were made.
func (s *Store) do(ctx context.Context, c *change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return fmt.Errorf("customstore: %w", s.broken)
	}
	line, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("customstore: %w", err)
	}
	if err := s.apply(ctx, c); err != nil {
		return err
	}
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		s.broken = err
		return fmt.Errorf("customstore: %w", err)
	}
	return nil
}

// apply makes a change in memory.
func (s *Store) apply(ctx context.Context, c *change) (err error) {
	m := s.Store
	switch c.Op {
	case "CreateTask":
		return m.CreateTask(ctx, *c.Task)
	case "SaveTask":
		return m.SaveTask(ctx, *c.Task)
	case "AddVersion":
		c.version, err = m.AddVersion(ctx, *c.Version)
		return err
	case "Publish":
		return m.Publish(ctx, *c.Publication)
	case "Unpublish":
		return m.Unpublish(ctx, c.ID)
	case "Abandon":
		return m.Abandon(ctx, c.ID, c.Number)
	case "SaveDestination":
		return m.SaveDestination(ctx, c.Destination.hidden())
	case "DeleteDestination":
		return m.DeleteDestination(ctx, c.ID)
	case "Plan":
		return m.Plan(ctx, c.ID, c.From, c.Next, c.Runs)
	case "AddRun":
		return m.AddRun(ctx, c.Runs[0])
	case "Claim":
		c.lease, err = m.Claim(ctx, c.Lease.Run, c.Lease.Owner, c.Now, c.TTL)
		return err
	case "Start":
		c.lease, err = m.Start(ctx, c.Runs[0], c.Lease.Owner, c.Now, c.TTL)
		return err
	case "Renew":
		c.lease, err = m.Renew(ctx, c.Lease, c.Now, c.TTL)
		return err
	case "SaveRun":
		return m.SaveRun(ctx, c.Lease, c.Runs[0], c.Deliveries...)
	case "Release":
		return m.Release(ctx, c.Lease, c.Now, c.Runs[0], c.Deliveries...)
	case "SaveDelivery":
		return m.SaveDelivery(ctx, c.Lease, c.Deliveries[0])
	case "Park":
		return m.Park(ctx, c.ID, c.Waiting, c.WaitFor, c.Now, c.Next)
	case "Wake":
		return m.Wake(ctx, c.WaitFor, c.Now, c.Number)
	default:
		return fmt.Errorf("unknown change %q", c.Op)
	}
}

func written(d channel.Destination) *destination {
	w := &destination{Destination: d, URL: d.URL.Reveal(), Secrets: make(map[string]string)}
	for k, v := range d.Secrets {
		w.Secrets[k] = v.Reveal()
	}
	return w
}

func (w *destination) hidden() channel.Destination {
	d := w.Destination.Clone()
	d.URL = channel.NewSecret(w.URL)
	d.Secrets = make(map[string]channel.Secret)
	for k, v := range w.Secrets {
		d.Secrets[k] = channel.NewSecret(v)
	}
	return d
}

func (s *Store) CreateTask(ctx context.Context, t task.Task) error {
	return s.do(ctx, &change{Op: "CreateTask", Task: &t})
}

func (s *Store) SaveTask(ctx context.Context, t task.Task) error {
	return s.do(ctx, &change{Op: "SaveTask", Task: &t})
}

func (s *Store) AddVersion(ctx context.Context, v task.Version) (task.Version, error) {
	c := &change{Op: "AddVersion", Version: &v}
	err := s.do(ctx, c)
	return c.version, err
}

func (s *Store) Publish(ctx context.Context, p task.Publication) error {
	return s.do(ctx, &change{Op: "Publish", Publication: &p})
}

func (s *Store) Unpublish(ctx context.Context, id string) error {
	return s.do(ctx, &change{Op: "Unpublish", ID: id})
}

func (s *Store) Abandon(ctx context.Context, id string, number int) error {
	return s.do(ctx, &change{Op: "Abandon", ID: id, Number: number})
}

func (s *Store) SaveDestination(ctx context.Context, d channel.Destination) error {
	return s.do(ctx, &change{Op: "SaveDestination", Destination: written(d)})
}

func (s *Store) DeleteDestination(ctx context.Context, name string) error {
	return s.do(ctx, &change{Op: "DeleteDestination", ID: name})
}

func (s *Store) Plan(ctx context.Context, id string, from, next time.Time, runs []task.Run) error {
	return s.do(ctx, &change{Op: "Plan", ID: id, From: from, Next: next, Runs: runs})
}

func (s *Store) AddRun(ctx context.Context, r task.Run) error {
	return s.do(ctx, &change{Op: "AddRun", Runs: []task.Run{r}})
}

func (s *Store) Claim(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
	c := &change{Op: "Claim", Lease: task.Lease{Run: run, Owner: owner}, Now: now, TTL: ttl}
	err := s.do(ctx, c)
	return c.lease, err
}

func (s *Store) Start(ctx context.Context, r task.Run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
	c := &change{Op: "Start", Runs: []task.Run{r}, Lease: task.Lease{Owner: owner}, Now: now, TTL: ttl}
	err := s.do(ctx, c)
	return c.lease, err
}

func (s *Store) Renew(ctx context.Context, l task.Lease, now time.Time, ttl time.Duration) (task.Lease, error) {
	c := &change{Op: "Renew", Lease: l, Now: now, TTL: ttl}
	err := s.do(ctx, c)
	return c.lease, err
}

func (s *Store) SaveRun(ctx context.Context, l task.Lease, r task.Run, ds ...task.Delivery) error {
	return s.do(ctx, &change{Op: "SaveRun", Lease: l, Runs: []task.Run{r}, Deliveries: ds})
}

func (s *Store) Release(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
	return s.do(ctx, &change{Op: "Release", Lease: l, Now: now, Runs: []task.Run{r}, Deliveries: ds})
}

func (s *Store) SaveDelivery(ctx context.Context, l task.Lease, d task.Delivery) error {
	return s.do(ctx, &change{Op: "SaveDelivery", Lease: l, Deliveries: []task.Delivery{d}})
}

func (s *Store) Park(ctx context.Context, run, waiting, waitFor string, now, resume time.Time) error {
	return s.do(ctx, &change{Op: "Park", ID: run, Waiting: waiting, WaitFor: waitFor, Now: now, Next: resume})
}

func (s *Store) Wake(ctx context.Context, waitFor string, now time.Time, n int) error {
	return s.do(ctx, &change{Op: "Wake", WaitFor: waitFor, Now: now, Number: n})
}
