package memstore

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/datapush-go/datapush/task"
)

// runRecord is a run as it is kept.
type runRecord struct {
	run  task.Run
	task *taskRecord
	// seq orders runs by insertion.
	seq          int64
	older, newer *runRecord
	// deliveries are in the order they were first stored.
	deliveries []*task.Delivery

	fence   int64
	owner   string
	expires time.Time
	// held is true from Claim to Release, also when the lease has expired.
	held bool

	// due orders the pending queue: the lease's end, or Resume.
	due         time.Time
	pendingSlot int
	// key is what the run waits for, while it is in that queue.
	key         string
	waitingSlot int
}

// taskRuns are the runs of one task.
type taskRuns struct {
	// all is in the order of insertion.
	all []*runRecord
	// scheduled are the scheduled runs that have not ended, by their time.
	scheduled []*runRecord
	// byHand are the other runs that have not ended, as they were inserted.
	byHand []*runRecord
	// ended counts the runs in all that have.
	ended int
	// holder is the run claimed last.
	holder *runRecord
	// forgotten is the latest scheduled time whose run is kept no more.
	forgotten time.Time
}

// pendingRun orders runs by when they are due.
type pendingRun struct{ *runRecord }

func (r pendingRun) before(o pendingRun) bool {
	if c := r.due.Compare(o.due); c != 0 {
		return c < 0
	}
	return r.seq < o.seq
}

func (r pendingRun) place() *int { return &r.pendingSlot }

// waitingRun orders runs by when they were planned.
type waitingRun struct{ *runRecord }

func (r waitingRun) before(o waitingRun) bool {
	if c := r.run.PlannedAt.Compare(o.run.PlannedAt); c != 0 {
		return c < 0
	}
	return r.seq < o.seq
}

func (r waitingRun) place() *int { return &r.waitingSlot }

func (r *runRecord) leased(now time.Time) bool { return r.held && now.Before(r.expires) }

// scheduled reports whether r is the one run of its occurrence that the
// calendar asked for.
func (r *runRecord) scheduled() bool { return r.run.Occurrence.Run == "" }

// Due implements task.RunStore. A run without a time to resume comes before all
// other runs, and its At is zero. When limit leaves out something that is due,
// next is now.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]task.Due, time.Time, error) {
	if err := ctx.Err(); err != nil {
		return nil, time.Time{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now

	var due []task.Due
	var next time.Time
	s.taskWalk.start(&s.planning)
	defer s.taskWalk.stop()
	for t, ok := s.taskWalk.peek(); ok; t, ok = s.taskWalk.peek() {
		at := t.next.time()
		if at.After(now) {
			next = at
			break
		}
		if len(due) >= limit {
			return due, now, nil
		}
		due = append(due, task.Due{Task: t.id, From: at, Version: t.live.number, At: at})
		s.taskWalk.advance()
	}
	s.runWalk.start(&s.pending)
	defer s.runWalk.stop()
	for r, ok := s.runWalk.peek(); ok; r, ok = s.runWalk.peek() {
		if r.due.After(now) {
			if next.IsZero() || r.due.Before(next) {
				next = r.due
			}
			break
		}
		if len(due) >= limit {
			return due, now, nil
		}
		due = append(due, task.Due{Task: r.run.Occurrence.Task, Run: r.run.ID, Occurrence: r.run.Occurrence, At: r.due})
		s.runWalk.advance()
	}
	return due, next, nil
}

// Plan implements task.RunStore. Every run must be of the task, and a scheduled
// one must have its occurrence's ID, else the error is ErrInvalid.
func (s *Store) Plan(ctx context.Context, id string, from, next time.Time, runs []task.Run) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.task(id)
	if err != nil {
		return err
	}
	if t.next != pack(from) || t.live == nil && !next.IsZero() {
		return movedOn(id)
	}
	// Everything is judged before anything is changed.
	byHand := make(map[string]bool)
	for i := range runs {
		r := &runs[i]
		if r.Occurrence.Task != id {
			return fmt.Errorf("memstore: run %q is not of task %q: %w", r.ID, id, task.ErrInvalid)
		}
		if err := checkID(r); err != nil {
			return err
		}
		if r.Occurrence.Run == "" {
			continue
		}
		if s.runs[r.ID] != nil || byHand[r.ID] {
			return runExists(r.ID)
		}
		byHand[r.ID] = true
	}
	for i := range runs {
		s.insert(t, runs[i])
	}
	s.setNext(t, pack(next))
	return nil
}

// AddRun implements task.RunStore. The run's task must exist.
func (s *Store) AddRun(ctx context.Context, r task.Run) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkID(&r); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.task(r.Occurrence.Task)
	if err != nil {
		return err
	}
	if !s.insert(t, r) {
		return runExists(r.ID)
	}
	return nil
}

func checkID(r *task.Run) error {
	if r.ID == "" || r.ID != r.Occurrence.RunID() {
		return fmt.Errorf("memstore: run %q is not the run of its occurrence: %w", r.ID, task.ErrInvalid)
	}
	return nil
}

func runExists(id string) error {
	return fmt.Errorf("memstore: run %q exists: %w", id, task.ErrConflict)
}

// insert adds a run, unless it exists or its scheduled occurrence has been.
func (s *Store) insert(t *taskRecord, r task.Run) bool {
	if s.runs[r.ID] != nil {
		return false
	}
	if t.runs == nil {
		t.runs = &taskRuns{}
	}
	if r.Occurrence.Run == "" && !t.runs.forgotten.IsZero() && !r.Occurrence.At.After(t.runs.forgotten) {
		return false
	}
	s.inserted++
	rec := &runRecord{task: t, seq: s.inserted}
	r.Occurrence.At = r.Occurrence.At.UTC()
	rec.set(r)
	s.runs[r.ID] = rec
	if rec.older = s.newest; rec.older != nil {
		rec.older.newer = rec
	}
	s.newest = rec
	t.runs.all = append(t.runs.all, rec)
	if r.State.Ended() {
		t.runs.ended++
		s.forget(t)
		return true
	}
	if rec.scheduled() {
		i, _ := slices.BinarySearchFunc(t.runs.scheduled, r.Occurrence.At, func(o *runRecord, at time.Time) int {
			return o.run.Occurrence.At.Compare(at)
		})
		t.runs.scheduled = slices.Insert(t.runs.scheduled, i, rec)
	} else {
		t.runs.byHand = append(t.runs.byHand, rec)
	}
	s.index(rec)
	return true
}

// set replaces the run by a frozen copy. What is equal to the frozen parts that
// r has is not copied again: a run is stored several times while it goes on, and
// most of it is fixed at planning. ID, occurrence and trigger never change.
func (r *runRecord) set(n task.Run) {
	old := &r.run
	if old.ID != "" {
		n.Occurrence, n.Trigger = old.Occurrence, old.Trigger
	}
	if n.Draft != nil {
		n.Draft = share(*n.Draft, old.Draft, r.task.draft)
	}
	n.Params = keepMap(old.Params, n.Params)
	n.Warnings = keepSlice(old.Warnings, n.Warnings)
	n.Outputs = keepSlice(old.Outputs, n.Outputs)
	r.run = n
}

func keepMap(old, n task.Params) task.Params {
	if old != nil && n != nil && maps.Equal(old, n) {
		return old
	}
	return maps.Clone(n)
}

func keepSlice[T comparable](old, n []T) []T {
	if old != nil && n != nil && slices.Equal(old, n) {
		return old
	}
	return slices.Clone(n)
}

// index puts a run where Due and Wake find it, according to its state.
func (s *Store) index(r *runRecord) {
	ended := r.run.State.Ended()
	switch {
	case ended:
		s.pending.remove(pendingRun{r})
	case r.held:
		r.due = r.expires
		s.pending.fix(pendingRun{r})
	default:
		r.due = r.run.Resume.UTC()
		s.pending.fix(pendingRun{r})
	}
	key := ""
	if !ended && !r.held && r.run.State == task.Waiting {
		key = r.run.WaitFor
	}
	if key == r.key {
		return
	}
	if r.key != "" {
		q := s.waiting[r.key]
		q.remove(waitingRun{r})
		if len(q.items) == 0 {
			delete(s.waiting, r.key)
		}
	}
	if r.key = key; key != "" {
		q := s.waiting[key]
		if q == nil {
			q = &queue[waitingRun]{}
			s.waiting[key] = q
		}
		q.fix(waitingRun{r})
	}
}

// Claim implements task.RunStore.
func (s *Store) Claim(ctx context.Context, id, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
	if err := ctx.Err(); err != nil {
		return task.Lease{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.claimable(id, now)
	if err != nil {
		return task.Lease{}, err
	}
	return s.claim(r, owner, now, ttl), nil
}

// Start implements task.Starter.
func (s *Store) Start(ctx context.Context, n task.Run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
	if err := ctx.Err(); err != nil {
		return task.Lease{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.claimable(n.ID, now)
	if err != nil {
		return task.Lease{}, err
	}
	if r.fence > 0 || r.run.State != task.Planned || r.run.Version != n.Version {
		return task.Lease{}, fmt.Errorf("memstore: run %q is not as it was planned: %w", n.ID, task.ErrConflict)
	}
	r.set(n)
	return s.claim(r, owner, now, ttl), nil
}

// claimable finds a run that nothing keeps from being claimed.
func (s *Store) claimable(id string, now time.Time) (*runRecord, error) {
	s.now = now
	r, err := s.run(id)
	if err != nil {
		return nil, err
	}
	if r.run.State.Ended() {
		return nil, hasEnded(id)
	}
	if r.leased(now) {
		return nil, &task.BusyError{}
	}
	of := r.task.runs
	if r.scheduled() && of.scheduled[0] != r {
		return nil, &task.BusyError{Behind: of.scheduled[0].run.ID}
	}
	if h := of.holder; h != nil && h != r && h.leased(now) {
		return nil, &task.BusyError{Behind: h.run.ID}
	}
	return r, nil
}

func (s *Store) claim(r *runRecord, owner string, now time.Time, ttl time.Duration) task.Lease {
	r.task.runs.holder = r
	r.held, r.owner = true, owner
	r.fence++
	return s.extend(r, now, ttl)
}

// Renew implements task.RunStore. A lease that has expired can be renewed as
// long as nobody has claimed the run since and no other run of its task is
// leased.
func (s *Store) Renew(ctx context.Context, l task.Lease, now time.Time, ttl time.Duration) (task.Lease, error) {
	if err := ctx.Err(); err != nil {
		return task.Lease{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
	r, err := s.fenced(l)
	if err != nil {
		return task.Lease{}, err
	}
	if h := r.task.runs.holder; h != r {
		if h != nil && h.leased(now) {
			return task.Lease{}, fmt.Errorf("memstore: run %q of the same task is leased: %w", h.run.ID, task.ErrConflict)
		}
		r.task.runs.holder = r
	}
	return s.extend(r, now, ttl), nil
}

func (s *Store) extend(r *runRecord, now time.Time, ttl time.Duration) task.Lease {
	r.expires = now.Add(ttl).UTC()
	s.index(r)
	return task.Lease{Run: r.run.ID, Owner: r.owner, Fence: r.fence, Expires: r.expires}
}

// SaveRun implements task.RunStore. A run that has ended stays ended.
func (s *Store) SaveRun(ctx context.Context, l task.Lease, r task.Run, ds ...task.Delivery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, err := s.save(l, r, ds)
	if err != nil {
		return err
	}
	s.index(rec)
	s.forget(rec.task)
	return nil
}

// Release implements task.RunStore.
func (s *Store) Release(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
	rec, err := s.save(l, r, ds)
	if err != nil {
		return err
	}
	s.giveUp(rec)
	if rec.run.State.Ended() {
		s.wakeTask(rec.task, now)
		s.forget(rec.task)
	}
	return nil
}

// giveUp ends a lease, whether it has expired or not.
func (s *Store) giveUp(r *runRecord) {
	r.held = false
	if of := r.task.runs; of.holder == r {
		of.holder = nil
	}
	s.index(r)
}

// SaveDelivery implements task.RunStore.
func (s *Store) SaveDelivery(ctx context.Context, l task.Lease, d task.Delivery) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.fenced(l)
	if err != nil {
		return err
	}
	if d.Run != l.Run {
		return strayDelivery(d, l)
	}
	r.setDelivery(d)
	return nil
}

// save stores a run and deliveries under a lease. The caller indexes the run.
func (s *Store) save(l task.Lease, n task.Run, ds []task.Delivery) (*runRecord, error) {
	r, err := s.fenced(l)
	if err != nil {
		return nil, err
	}
	if n.ID != l.Run {
		return nil, fmt.Errorf("memstore: run %q under a lease on run %q: %w", n.ID, l.Run, task.ErrInvalid)
	}
	for i := range ds {
		if ds[i].Run != l.Run {
			return nil, strayDelivery(ds[i], l)
		}
	}
	was := r.run.State.Ended()
	if was && !n.State.Ended() {
		return nil, hasEnded(n.ID)
	}
	r.set(n)
	for i := range ds {
		r.setDelivery(ds[i])
	}
	if of := r.task.runs; !was && n.State.Ended() {
		of.ended++
		going := &of.byHand
		if r.scheduled() {
			going = &of.scheduled
		}
		i := slices.Index(*going, r)
		*going = slices.Delete(*going, i, i+1)
	}
	return r, nil
}

// setDelivery replaces or adds a frozen copy of d. Bodies that are stored
// already are not copied again.
func (r *runRecord) setDelivery(d task.Delivery) {
	i := slices.IndexFunc(r.deliveries, func(o *task.Delivery) bool { return o.Destination == d.Destination })
	old := &task.Delivery{}
	if i >= 0 {
		old = r.deliveries[i]
	}
	d.Parts = slices.Clone(d.Parts)
	for j := range d.Parts {
		p := &d.Parts[j]
		if j < len(old.Parts) && len(p.Body) > 0 && bytes.Equal(p.Body, old.Parts[j].Body) {
			p.Body = old.Parts[j].Body
		} else {
			p.Body = bytes.Clone(p.Body)
		}
		if p.Receipt != nil {
			c := *p.Receipt
			p.Receipt = &c
		}
	}
	d.Warnings = keepSlice(old.Warnings, d.Warnings)
	if i >= 0 {
		r.deliveries[i] = &d
	} else {
		r.deliveries = append(r.deliveries, &d)
	}
}

// Park implements task.RunStore.
func (s *Store) Park(ctx context.Context, id, waiting, waitFor string, now, resume time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
	r, err := s.run(id)
	if err != nil {
		return err
	}
	if r.run.State.Ended() || r.leased(now) {
		return nil
	}
	r.run.State = task.Waiting
	r.run.Waiting, r.run.WaitFor, r.run.Resume = waiting, waitFor, resume
	// An expired lease ends here: its owner must not go on with a run that
	// others see waiting.
	s.giveUp(r)
	return nil
}

// Wake implements task.RunStore. A run that was woken waits for the key no
// more: waking again wakes others.
func (s *Store) Wake(ctx context.Context, waitFor string, now time.Time, n int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
	s.wake(waitFor, now, n)
	return nil
}

func (s *Store) wake(key string, now time.Time, n int) {
	if key == "" {
		return
	}
	q := s.waiting[key]
	if q == nil {
		return
	}
	if n <= 0 || n > len(q.items) {
		n = len(q.items)
	}
	for range n {
		s.rouse(q.items[0].runRecord, now)
	}
}

// wakeTask wakes, of the runs that wait for the task, those that can go on now
// that one has ended.
func (s *Store) wakeTask(t *taskRecord, now time.Time) {
	key := task.TaskKey(t.id)
	if s.waiting[key] == nil {
		return
	}
	for _, r := range t.runs.byHand {
		if r.key == key {
			s.rouse(r, now)
		}
	}
	for _, r := range t.runs.scheduled {
		if r.key == key {
			s.rouse(r, now)
			break
		}
	}
}

// rouse makes a waiting run due.
func (s *Store) rouse(r *runRecord, now time.Time) {
	r.run.WaitFor = ""
	if r.run.Resume.After(now) {
		r.run.Resume = now.UTC()
	}
	s.index(r)
}

// forget drops the oldest runs that have ended, down to the history to keep.
func (s *Store) forget(t *taskRecord) {
	of := t.runs
	if s.history < 0 {
		return
	}
	for of.ended > s.history {
		i := slices.IndexFunc(of.all, func(r *runRecord) bool { return r.run.State.Ended() && !r.leased(s.now) })
		if i < 0 {
			return
		}
		r := of.all[i]
		if at := r.run.Occurrence.At; r.scheduled() && at.After(of.forgotten) {
			of.forgotten = at
		}
		copy(of.all[1:i+1], of.all[:i])
		of.all[0] = nil
		of.all = of.all[1:]
		of.ended--
		delete(s.runs, r.run.ID)
		if r.newer != nil {
			r.newer.older = r.older
		} else {
			s.newest = r.older
		}
		if r.older != nil {
			r.older.newer = r.newer
		}
	}
}

// Run implements task.RunStore.
func (s *Store) Run(ctx context.Context, id string) (task.Run, error) {
	if err := ctx.Err(); err != nil {
		return task.Run{}, err
	}
	s.mu.Lock()
	rec, err := s.run(id)
	if err != nil {
		s.mu.Unlock()
		return task.Run{}, err
	}
	r := rec.run
	s.mu.Unlock()
	return r.Clone(), nil
}

// Runs implements task.RunStore. The newest run is the one inserted last.
func (s *Store) Runs(ctx context.Context, f task.RunFilter) ([]task.Run, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	var found []task.Run
	// more reports whether to look further.
	more := func(r *runRecord) bool {
		if f.Trigger != "" && r.run.Trigger != f.Trigger {
			return true
		}
		if len(f.States) > 0 && !slices.Contains(f.States, r.run.State) {
			return true
		}
		found = append(found, r.run)
		return len(found) < limit
	}
	s.mu.Lock()
	if f.Task == "" {
		for r := s.newest; r != nil && more(r); r = r.older {
		}
	} else if t := s.tasks[f.Task]; t != nil && t.runs != nil {
		for _, r := range slices.Backward(t.runs.all) {
			if !more(r) {
				break
			}
		}
	}
	s.mu.Unlock()
	for i := range found {
		found[i] = found[i].Clone()
	}
	return found, nil
}

// Deliveries implements task.RunStore. An unknown run is ErrNotFound.
func (s *Store) Deliveries(ctx context.Context, id string) ([]task.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	r, err := s.run(id)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	all := make([]task.Delivery, len(r.deliveries))
	for i, d := range r.deliveries {
		all[i] = *d
	}
	s.mu.Unlock()
	for i := range all {
		all[i] = all[i].Clone()
	}
	return all, nil
}

// run finds a run. The caller holds the lock, here and below.
func (s *Store) run(id string) (*runRecord, error) {
	if r := s.runs[id]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("memstore: run %q: %w", id, task.ErrNotFound)
}

// fenced finds the run of a lease that nobody has replaced.
func (s *Store) fenced(l task.Lease) (*runRecord, error) {
	r, err := s.run(l.Run)
	if err != nil {
		return nil, err
	}
	if !r.held || r.fence != l.Fence {
		return nil, fmt.Errorf("memstore: the lease on run %q is no longer held: %w", l.Run, task.ErrConflict)
	}
	return r, nil
}

func hasEnded(id string) error {
	return fmt.Errorf("memstore: run %q: %w", id, task.ErrEnded)
}

func strayDelivery(d task.Delivery, l task.Lease) error {
	return fmt.Errorf("memstore: a delivery of run %q under a lease on run %q: %w", d.Run, l.Run, task.ErrInvalid)
}
