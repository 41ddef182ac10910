package storetest_test

import (
	"context"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
)

// double is a store that does what the one inside it does, but for the methods
// that are replaced.
type double struct {
	in inner

	createTask        func(ctx context.Context, t task.Task) error
	saveTask          func(ctx context.Context, t task.Task) error
	task              func(ctx context.Context, id string) (task.Task, error)
	tasks             func(ctx context.Context, f task.Filter) ([]task.Row, error)
	named             func(ctx context.Context, name string) ([]string, error)
	addVersion        func(ctx context.Context, v task.Version) (task.Version, error)
	version           func(ctx context.Context, id string, number int) (task.Version, error)
	versions          func(ctx context.Context, id string) ([]task.Version, error)
	publish           func(ctx context.Context, p task.Publication) error
	unpublish         func(ctx context.Context, id string) error
	abandon           func(ctx context.Context, id string, number int) error
	next              func(ctx context.Context, id string) (int, time.Time, error)
	saveDestination   func(ctx context.Context, d channel.Destination) error
	destination       func(ctx context.Context, name string) (channel.Destination, error)
	destinations      func(ctx context.Context) ([]channel.Destination, error)
	deleteDestination func(ctx context.Context, name string) error
	due               func(ctx context.Context, now time.Time, limit int) ([]task.Due, time.Time, error)
	plan              func(ctx context.Context, id string, from, next time.Time, runs []task.Run) error
	addRun            func(ctx context.Context, r task.Run) error
	claim             func(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error)
	renew             func(ctx context.Context, l task.Lease, now time.Time, ttl time.Duration) (task.Lease, error)
	saveRun           func(ctx context.Context, l task.Lease, r task.Run, ds ...task.Delivery) error
	release           func(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error
	saveDelivery      func(ctx context.Context, l task.Lease, d task.Delivery) error
	park              func(ctx context.Context, run, waiting, waitFor string, now, resume time.Time) error
	wake              func(ctx context.Context, waitFor string, now time.Time, n int) error
	run               func(ctx context.Context, id string) (task.Run, error)
	runs              func(ctx context.Context, f task.RunFilter) ([]task.Run, error)
	deliveries        func(ctx context.Context, run string) ([]task.Delivery, error)
	sharedSpec        func(ctx context.Context, id string, number int) (*task.Spec, error)
	start             func(ctx context.Context, r task.Run, owner string, now time.Time, ttl time.Duration) (task.Lease, error)
}

// inner has the optional parts of a store too.
type inner interface {
	task.Store
	task.SpecSharer
	task.Starter
}

func (s *double) SharedSpec(ctx context.Context, id string, number int) (*task.Spec, error) {
	if s.sharedSpec != nil {
		return s.sharedSpec(ctx, id, number)
	}
	return s.in.SharedSpec(ctx, id, number)
}

func (s *double) Start(ctx context.Context, r task.Run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
	if s.start != nil {
		return s.start(ctx, r, owner, now, ttl)
	}
	return s.in.Start(ctx, r, owner, now, ttl)
}

func (s *double) CreateTask(ctx context.Context, t task.Task) error {
	if s.createTask != nil {
		return s.createTask(ctx, t)
	}
	return s.in.CreateTask(ctx, t)
}

func (s *double) SaveTask(ctx context.Context, t task.Task) error {
	if s.saveTask != nil {
		return s.saveTask(ctx, t)
	}
	return s.in.SaveTask(ctx, t)
}

func (s *double) Task(ctx context.Context, id string) (task.Task, error) {
	if s.task != nil {
		return s.task(ctx, id)
	}
	return s.in.Task(ctx, id)
}

func (s *double) Tasks(ctx context.Context, f task.Filter) ([]task.Row, error) {
	if s.tasks != nil {
		return s.tasks(ctx, f)
	}
	return s.in.Tasks(ctx, f)
}

func (s *double) Named(ctx context.Context, name string) ([]string, error) {
	if s.named != nil {
		return s.named(ctx, name)
	}
	return s.in.Named(ctx, name)
}

func (s *double) AddVersion(ctx context.Context, v task.Version) (task.Version, error) {
	if s.addVersion != nil {
		return s.addVersion(ctx, v)
	}
	return s.in.AddVersion(ctx, v)
}

func (s *double) Version(ctx context.Context, id string, number int) (task.Version, error) {
	if s.version != nil {
		return s.version(ctx, id, number)
	}
	return s.in.Version(ctx, id, number)
}

func (s *double) Versions(ctx context.Context, id string) ([]task.Version, error) {
	if s.versions != nil {
		return s.versions(ctx, id)
	}
	return s.in.Versions(ctx, id)
}

func (s *double) Publish(ctx context.Context, p task.Publication) error {
	if s.publish != nil {
		return s.publish(ctx, p)
	}
	return s.in.Publish(ctx, p)
}

func (s *double) Unpublish(ctx context.Context, id string) error {
	if s.unpublish != nil {
		return s.unpublish(ctx, id)
	}
	return s.in.Unpublish(ctx, id)
}

func (s *double) Abandon(ctx context.Context, id string, number int) error {
	if s.abandon != nil {
		return s.abandon(ctx, id, number)
	}
	return s.in.Abandon(ctx, id, number)
}

func (s *double) Next(ctx context.Context, id string) (int, time.Time, error) {
	if s.next != nil {
		return s.next(ctx, id)
	}
	return s.in.Next(ctx, id)
}

func (s *double) SaveDestination(ctx context.Context, d channel.Destination) error {
	if s.saveDestination != nil {
		return s.saveDestination(ctx, d)
	}
	return s.in.SaveDestination(ctx, d)
}

func (s *double) Destination(ctx context.Context, name string) (channel.Destination, error) {
	if s.destination != nil {
		return s.destination(ctx, name)
	}
	return s.in.Destination(ctx, name)
}

func (s *double) Destinations(ctx context.Context) ([]channel.Destination, error) {
	if s.destinations != nil {
		return s.destinations(ctx)
	}
	return s.in.Destinations(ctx)
}

func (s *double) DeleteDestination(ctx context.Context, name string) error {
	if s.deleteDestination != nil {
		return s.deleteDestination(ctx, name)
	}
	return s.in.DeleteDestination(ctx, name)
}

func (s *double) Due(ctx context.Context, now time.Time, limit int) ([]task.Due, time.Time, error) {
	if s.due != nil {
		return s.due(ctx, now, limit)
	}
	return s.in.Due(ctx, now, limit)
}

func (s *double) Plan(ctx context.Context, id string, from, next time.Time, runs []task.Run) error {
	if s.plan != nil {
		return s.plan(ctx, id, from, next, runs)
	}
	return s.in.Plan(ctx, id, from, next, runs)
}

func (s *double) AddRun(ctx context.Context, r task.Run) error {
	if s.addRun != nil {
		return s.addRun(ctx, r)
	}
	return s.in.AddRun(ctx, r)
}

func (s *double) Claim(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (task.Lease, error) {
	if s.claim != nil {
		return s.claim(ctx, run, owner, now, ttl)
	}
	return s.in.Claim(ctx, run, owner, now, ttl)
}

func (s *double) Renew(ctx context.Context, l task.Lease, now time.Time, ttl time.Duration) (task.Lease, error) {
	if s.renew != nil {
		return s.renew(ctx, l, now, ttl)
	}
	return s.in.Renew(ctx, l, now, ttl)
}

func (s *double) SaveRun(ctx context.Context, l task.Lease, r task.Run, ds ...task.Delivery) error {
	if s.saveRun != nil {
		return s.saveRun(ctx, l, r, ds...)
	}
	return s.in.SaveRun(ctx, l, r, ds...)
}

func (s *double) Release(ctx context.Context, l task.Lease, now time.Time, r task.Run, ds ...task.Delivery) error {
	if s.release != nil {
		return s.release(ctx, l, now, r, ds...)
	}
	return s.in.Release(ctx, l, now, r, ds...)
}

func (s *double) SaveDelivery(ctx context.Context, l task.Lease, d task.Delivery) error {
	if s.saveDelivery != nil {
		return s.saveDelivery(ctx, l, d)
	}
	return s.in.SaveDelivery(ctx, l, d)
}

func (s *double) Park(ctx context.Context, run, waiting, waitFor string, now, resume time.Time) error {
	if s.park != nil {
		return s.park(ctx, run, waiting, waitFor, now, resume)
	}
	return s.in.Park(ctx, run, waiting, waitFor, now, resume)
}

func (s *double) Wake(ctx context.Context, waitFor string, now time.Time, n int) error {
	if s.wake != nil {
		return s.wake(ctx, waitFor, now, n)
	}
	return s.in.Wake(ctx, waitFor, now, n)
}

func (s *double) Run(ctx context.Context, id string) (task.Run, error) {
	if s.run != nil {
		return s.run(ctx, id)
	}
	return s.in.Run(ctx, id)
}

func (s *double) Runs(ctx context.Context, f task.RunFilter) ([]task.Run, error) {
	if s.runs != nil {
		return s.runs(ctx, f)
	}
	return s.in.Runs(ctx, f)
}

func (s *double) Deliveries(ctx context.Context, run string) ([]task.Delivery, error) {
	if s.deliveries != nil {
		return s.deliveries(ctx, run)
	}
	return s.in.Deliveries(ctx, run)
}
