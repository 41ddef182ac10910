package memstore

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/version"
)

// taskRecord is a task as it is kept. There may be very many, most of them with
// one version and no run; the fields are chosen for that.
type taskRecord struct {
	id        string
	draft     *task.Spec
	revision  int64
	createdBy string
	createdAt stamp
	savedBy   string
	savedAt   stamp
	pass      *task.Pass
	// last is the newest version; live is the published one.
	last, live *versionRecord
	// namesake is another task whose draft has the same name.
	namesake *taskRecord
	// next is zero when the task is not due any more.
	next stamp
	slot int
	// runs is nil until the task has its first run.
	runs *taskRuns
}

// versionRecord is one version, chained to the one before it.
type versionRecord struct {
	number      int
	status      version.Status
	spec        *task.Spec
	older       *versionRecord
	warnings    []channel.Warning
	submittedBy string
	submittedAt stamp
	deployer    string
	publishedAt stamp
}

func (t *taskRecord) before(o *taskRecord) bool {
	if t.next != o.next {
		return t.next < o.next
	}
	return t.id < o.id
}

func (t *taskRecord) place() *int { return &t.slot }

// version finds a version by its number. The published one is asked for most.
func (t *taskRecord) version(number int) *versionRecord {
	if t.live != nil && t.live.number == number {
		return t.live
	}
	for v := t.last; v != nil; v = v.older {
		if v.number == number {
			return v
		}
	}
	return nil
}

// share returns a frozen copy of s. When one of the frozen specs is equal
// already, that one is returned, so that draft, version and test share it.
func share(s task.Spec, frozen ...*task.Spec) *task.Spec {
	for _, f := range frozen {
		if f != nil && reflect.DeepEqual(*f, s) {
			return f
		}
	}
	s = s.Clone()
	return &s
}

// CreateTask implements task.TaskStore. Published is not taken from t: only
// Publish sets it.
func (s *Store) CreateTask(ctx context.Context, t task.Task) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rec := &taskRecord{
		id:        t.ID,
		draft:     share(t.Draft),
		revision:  t.Revision,
		createdBy: t.CreatedBy,
		createdAt: pack(t.CreatedAt),
		savedBy:   t.SavedBy,
		savedAt:   pack(t.SavedAt),
		pass:      t.Pass.Clone(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tasks[t.ID] != nil {
		return fmt.Errorf("memstore: task %q exists: %w", t.ID, task.ErrConflict)
	}
	s.tasks[t.ID] = rec
	s.name(rec)
	return nil
}

// SaveTask implements task.TaskStore.
func (s *Store) SaveTask(ctx context.Context, t task.Task) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	pass := t.Pass.Clone()
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, err := s.task(t.ID)
	if err != nil {
		return err
	}
	if rec.revision != t.Revision {
		return fmt.Errorf("memstore: task %q has revision %d, not %d: %w", t.ID, rec.revision, t.Revision, task.ErrConflict)
	}
	frozen := []*task.Spec{rec.draft, nil, nil}
	if rec.last != nil {
		frozen[1] = rec.last.spec
	}
	if rec.live != nil {
		frozen[2] = rec.live.spec
	}
	s.unname(rec)
	rec.draft = share(t.Draft, frozen...)
	s.name(rec)
	rec.revision++
	rec.savedBy, rec.savedAt = t.SavedBy, pack(t.SavedAt)
	rec.pass = pass
	return nil
}

// Task implements task.TaskStore.
func (s *Store) Task(ctx context.Context, id string) (task.Task, error) {
	if err := ctx.Err(); err != nil {
		return task.Task{}, err
	}
	s.mu.Lock()
	rec, err := s.task(id)
	if err != nil {
		s.mu.Unlock()
		return task.Task{}, err
	}
	t := task.Task{
		ID:        rec.id,
		Draft:     *rec.draft,
		Revision:  rec.revision,
		CreatedBy: rec.createdBy,
		CreatedAt: rec.createdAt.time(),
		SavedBy:   rec.savedBy,
		SavedAt:   rec.savedAt.time(),
		Pass:      rec.pass,
	}
	if rec.live != nil {
		t.Published = rec.live.number
	}
	s.mu.Unlock()
	return t.Clone(), nil
}

// Tasks implements task.TaskStore. It looks at every task.
func (s *Store) Tasks(ctx context.Context, f task.Filter) ([]task.Row, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name := strings.ToLower(f.Name)
	var rows []task.Row
	s.mu.Lock()
	for _, rec := range s.tasks {
		spec := rec.draft
		if rec.live != nil {
			spec = rec.live.spec
		} else if !f.Unpublished {
			continue
		}
		if f.Source != "" && spec.Source != f.Source || f.Owner != "" && spec.Owner != f.Owner {
			continue
		}
		if name != "" && !strings.Contains(strings.ToLower(spec.Name), name) {
			continue
		}
		row := task.Row{
			ID:            rec.id,
			Name:          spec.Name,
			Source:        spec.Source,
			Environment:   spec.Env(),
			NodeMode:      spec.NodeMode,
			ResourceGroup: spec.ResourceGroup,
			Owner:         spec.Owner,
		}
		if rec.live != nil {
			row.Deployer = rec.live.deployer
			row.PublishedAt = rec.live.publishedAt.time()
			row.Version = rec.live.number
		}
		rows = append(rows, row)
	}
	s.mu.Unlock()
	slices.SortFunc(rows, func(a, b task.Row) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return rows, nil
}

// Named implements task.TaskStore. The IDs are in their own order.
func (s *Store) Named(ctx context.Context, name string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for t := s.names[name]; t != nil; t = t.namesake {
		ids = append(ids, t.id)
	}
	for _, t := range s.aliases[name] {
		ids = append(ids, t.id)
	}
	slices.Sort(ids)
	return ids, nil
}

// name puts a task where Named finds it.
func (s *Store) name(t *taskRecord) {
	name := t.draft.Name
	t.namesake = s.names[name]
	s.names[name] = t
	if t.live != nil && t.live.spec.Name != name {
		alias := t.live.spec.Name
		s.aliases[alias] = append(s.aliases[alias], t)
	}
}

// unname takes a task out of where name put it, before a name changes.
func (s *Store) unname(t *taskRecord) {
	name := t.draft.Name
	if first := s.names[name]; first != t {
		for first.namesake != t {
			first = first.namesake
		}
		first.namesake = t.namesake
	} else if t.namesake != nil {
		s.names[name] = t.namesake
	} else {
		delete(s.names, name)
	}
	t.namesake = nil
	if t.live == nil || t.live.spec.Name == name {
		return
	}
	alias := t.live.spec.Name
	others := slices.DeleteFunc(s.aliases[alias], func(o *taskRecord) bool { return o == t })
	if s.aliases[alias] = others; len(others) == 0 {
		delete(s.aliases, alias)
	}
}

// AddVersion implements task.TaskStore. Whatever v says, a new version can be
// published and has not been.
func (s *Store) AddVersion(ctx context.Context, v task.Version) (task.Version, error) {
	if err := ctx.Err(); err != nil {
		return task.Version{}, err
	}
	rec := &versionRecord{
		number:      1,
		status:      version.CanBePublished,
		warnings:    slices.Clone(v.Warnings),
		submittedBy: v.SubmittedBy,
		submittedAt: pack(v.SubmittedAt),
	}
	s.mu.Lock()
	t, err := s.task(v.Task)
	if err != nil {
		s.mu.Unlock()
		return task.Version{}, err
	}
	rec.spec = share(v.Spec, t.draft)
	if t.last != nil {
		rec.number = t.last.number + 1
		rec.older = t.last
	}
	t.last = rec
	v = rec.version(t.id)
	s.mu.Unlock()
	return v.Clone(), nil
}

// version is the record as the contract shows it, still sharing what is frozen.
func (v *versionRecord) version(id string) task.Version {
	return task.Version{
		Task:        id,
		Number:      v.number,
		Status:      v.status,
		Spec:        *v.spec,
		Warnings:    v.warnings,
		SubmittedBy: v.submittedBy,
		SubmittedAt: v.submittedAt.time(),
		Deployer:    v.deployer,
		PublishedAt: v.publishedAt.time(),
	}
}

// Version implements task.TaskStore.
func (s *Store) Version(ctx context.Context, id string, number int) (task.Version, error) {
	if err := ctx.Err(); err != nil {
		return task.Version{}, err
	}
	s.mu.Lock()
	_, rec, err := s.version(id, number)
	if err != nil {
		s.mu.Unlock()
		return task.Version{}, err
	}
	v := rec.version(id)
	s.mu.Unlock()
	return v.Clone(), nil
}

// SharedSpec implements task.SpecSharer.
func (s *Store) SharedSpec(ctx context.Context, id string, number int) (*task.Spec, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, v, err := s.version(id, number)
	if err != nil {
		return nil, err
	}
	return v.spec, nil
}

// Versions implements task.TaskStore. An unknown task is ErrNotFound.
func (s *Store) Versions(ctx context.Context, id string) ([]task.Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	t, err := s.task(id)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	var all []task.Version
	for v := t.last; v != nil; v = v.older {
		all = append(all, v.version(id))
	}
	s.mu.Unlock()
	for i := range all {
		all[i] = all[i].Clone()
	}
	return all, nil
}

// Publish implements task.TaskStore.
func (s *Store) Publish(ctx context.Context, p task.Publication) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, v, err := s.version(p.Task, p.Number)
	if err != nil {
		return err
	}
	if !v.status.Allows(version.Publish) {
		return notAllowed(p.Task, p.Number, v.status, version.Publish)
	}
	if t.next != pack(p.From) {
		return movedOn(p.Task)
	}
	s.takeOffLine(t)
	v.status = version.Published
	v.deployer, v.publishedAt = p.Deployer, pack(p.At)
	s.setLive(t, v)
	s.setNext(t, pack(p.Next))
	return nil
}

// Unpublish implements task.TaskStore.
func (s *Store) Unpublish(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.task(id)
	if err != nil {
		return err
	}
	if t.live == nil {
		return fmt.Errorf("memstore: task %q has no published version: %w", id, task.ErrNotAllowed)
	}
	s.takeOffLine(t)
	s.setNext(t, 0)
	return nil
}

// Abandon implements task.TaskStore.
func (s *Store) Abandon(ctx context.Context, id string, number int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, v, err := s.version(id, number)
	if err != nil {
		return err
	}
	if !v.status.Allows(version.Abandon) {
		return notAllowed(id, number, v.status, version.Abandon)
	}
	v.status = version.Abandoned
	return nil
}

// Next implements task.TaskStore.
func (s *Store) Next(ctx context.Context, id string) (int, time.Time, error) {
	if err := ctx.Err(); err != nil {
		return 0, time.Time{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.task(id)
	if err != nil || t.live == nil {
		return 0, time.Time{}, err
	}
	return t.live.number, t.next.time(), nil
}

// task finds a task. The caller holds the lock, here and below.
func (s *Store) task(id string) (*taskRecord, error) {
	if t := s.tasks[id]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("memstore: task %q: %w", id, task.ErrNotFound)
}

func (s *Store) version(id string, number int) (*taskRecord, *versionRecord, error) {
	t, err := s.task(id)
	if err != nil {
		return nil, nil, err
	}
	if v := t.version(number); v != nil {
		return t, v, nil
	}
	return nil, nil, fmt.Errorf("memstore: version %d of task %q: %w", number, id, task.ErrNotFound)
}

func (s *Store) takeOffLine(t *taskRecord) {
	if t.live != nil {
		t.live.status = version.OffLine
		s.setLive(t, nil)
	}
}

// setLive makes v the published version; nil is none.
func (s *Store) setLive(t *taskRecord, v *versionRecord) {
	s.unname(t)
	if t.live != nil {
		s.use(t.live.spec.Destinations, -1)
	}
	if t.live = v; v != nil {
		s.use(v.spec.Destinations, 1)
	}
	s.name(t)
}

// use counts a published version in or out, once for each entry of its list:
// a name that stands there twice is counted out twice as well.
func (s *Store) use(names []string, by int) {
	for _, name := range names {
		if n := s.uses[name] + by; n > 0 {
			s.uses[name] = n
		} else {
			delete(s.uses, name)
		}
	}
}

func (s *Store) setNext(t *taskRecord, next stamp) {
	t.next = next
	if next == 0 {
		s.planning.remove(t)
	} else {
		s.planning.fix(t)
	}
}

func notAllowed(id string, number int, st version.Status, a version.Action) error {
	return fmt.Errorf("memstore: %s version %d of task %q, which is %s: %w", a, number, id, st, task.ErrNotAllowed)
}

func movedOn(id string) error {
	return fmt.Errorf("memstore: the next time of task %q has changed: %w", id, task.ErrConflict)
}
