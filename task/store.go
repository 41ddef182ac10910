package task

import (
	"context"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/version"
)

// Store keeps tasks, destinations, runs and deliveries. It is made of small
// interfaces by aggregate and may still grow before v1.
//
// All methods may be called by several goroutines, and a shared store by several
// processes, at once. Values passed in are not kept, values returned are the
// caller's own. Errors wrap the sentinels of this package where they apply; any
// other error is trouble of the store itself.
//
// A method that names a task that is not there is ErrNotFound, unless it only
// lists: Tasks, Named, Runs and Due leave out what is not there.
//
// A store may also be a SpecSharer and a Starter; without them everything works
// and costs a little more.
//
// Package storetest proves an implementation.
type Store interface {
	TaskStore
	DestinationStore
	RunStore
}

// TaskStore keeps tasks and their versions.
type TaskStore interface {
	// CreateTask inserts a task. The ID is the caller's; a taken ID is
	// ErrConflict. Names are not unique here: a draft is kept even when its name
	// is taken.
	CreateTask(ctx context.Context, t Task) error
	// SaveTask replaces draft, saver and pass of a task whose stored Revision
	// is t.Revision, and adds one to it. Another revision is ErrConflict.
	// Published and CreatedBy/At are not touched.
	SaveTask(ctx context.Context, t Task) error
	// Task returns a task or ErrNotFound.
	Task(ctx context.Context, id string) (Task, error)
	// Tasks returns the management list, ordered by name, then ID.
	Tasks(ctx context.Context, f Filter) ([]Row, error)

	// Named returns the IDs of the tasks whose draft, or whose published
	// version, has exactly this name; nil when there is none. The cost does not
	// grow with the number of tasks.
	Named(ctx context.Context, name string) (ids []string, err error)

	// AddVersion gives v the next number of its task (1, 2, 3 …), stores it and
	// returns it. Whatever v says, a new version can be published and never was:
	// Number, Status, Deployer and PublishedAt are not taken from it.
	AddVersion(ctx context.Context, v Version) (Version, error)
	// Version returns one version or ErrNotFound.
	Version(ctx context.Context, task string, number int) (Version, error)
	// Versions returns a task's versions, newest first.
	Versions(ctx context.Context, task string) ([]Version, error)

	// Publish takes the published version of the task off-line, if there is
	// one, makes p.Number the published one and sets the task's next time, all
	// in one transaction. An unknown version is ErrNotFound. The task's next time
	// must still be p.From, else ErrConflict; the version's status must allow it,
	// else ErrNotAllowed.
	Publish(ctx context.Context, p Publication) error
	// Unpublish takes the published version off-line and clears the task's next
	// time. Without one it is ErrNotAllowed.
	Unpublish(ctx context.Context, task string) error
	// Abandon makes a version abandoned, or is ErrNotAllowed. An unknown version
	// is ErrNotFound.
	Abandon(ctx context.Context, task string, number int) error
	// Next returns the published version's number and the task's next time;
	// zeros when it is not published or never due again.
	Next(ctx context.Context, task string) (number int, next time.Time, err error)
}

// Publication is what TaskStore.Publish changes.
type Publication struct {
	Task     string
	Number   int
	Deployer string
	At       time.Time
	// From is the task's next time as the caller saw it; zero when it had none.
	From time.Time
	// Next is the first time that the version is due; zero is never.
	Next time.Time
}

// DestinationStore keeps destinations by name. Secrets are kept revealed.
type DestinationStore interface {
	SaveDestination(ctx context.Context, d channel.Destination) error
	// Destination returns one with its secrets, or ErrNotFound.
	Destination(ctx context.Context, name string) (channel.Destination, error)
	// Destinations returns all with their secrets, ordered by name.
	Destinations(ctx context.Context) ([]channel.Destination, error)
	// DeleteDestination is ErrInUse while a published version names it, and
	// ErrNotFound when there is none.
	DeleteDestination(ctx context.Context, name string) error
}

// RunStore keeps runs and deliveries, and hands out leases.
type RunStore interface {
	// Due returns up to limit tasks that are due at now and runs that can go on
	// at now: planned or waiting runs whose Resume has come and runs whose lease
	// has expired. Tasks come before runs, so that a backlog of runs delays no
	// planning; among each the earliest come first. next is the earliest time at
	// which there will be something beyond what was returned, not after now when
	// limit cut the list; zero when there is none. The cost grows with what is
	// due, not with what is stored.
	Due(ctx context.Context, now time.Time, limit int) (due []Due, next time.Time, err error)

	// Plan inserts runs and moves the task's next time from `from` to next
	// (zero: never due again), in one transaction. If the stored next time is
	// not `from` it is ErrConflict and nothing changes. A scheduled run that
	// exists already is left as it is.
	Plan(ctx context.Context, task string, from, next time.Time, runs []Run) error

	// AddRun inserts a run asked for by hand; a taken ID is ErrConflict. Its
	// task must exist.
	AddRun(ctx context.Context, r Run) error

	// Claim leases a run that has not ended to owner until now+ttl. It is
	// ErrBusy while another lease on it is valid, or while a run of the same
	// task is leased, or, for a scheduled run, while an earlier scheduled run of
	// the same task has not ended; errors.As finds *BusyError, which tells these
	// apart. A run that has ended is ErrEnded. Each claim has a higher fence
	// than the one before. The run itself is left as it is, its State too: that
	// it is running is for the owner to save. A shared store may use its own
	// clock, then for all leases.
	Claim(ctx context.Context, run, owner string, now time.Time, ttl time.Duration) (Lease, error)
	// Renew extends a lease; a stale fence is ErrConflict.
	Renew(ctx context.Context, l Lease, now time.Time, ttl time.Duration) (Lease, error)
	// SaveRun stores a run and any of its deliveries in one transaction under a
	// lease; a stale fence is ErrConflict.
	SaveRun(ctx context.Context, l Lease, r Run, ds ...Delivery) error
	// Release is SaveRun, and gives the lease up. When the run has ended, those
	// of its task's runs that wait for it (WaitFor TaskKey) and can now go on are
	// woken as by Wake: all that were asked for by hand, and of the scheduled
	// ones the one of the earliest time, since the others wait for that one. So
	// a long line costs each end of a run no more than a short one.
	Release(ctx context.Context, l Lease, now time.Time, r Run, ds ...Delivery) error
	// SaveDelivery stores one delivery; a stale fence is ErrConflict.
	SaveDelivery(ctx context.Context, l Lease, d Delivery) error
	// Park makes a run that is not leased at now wait: it sets Waiting, WaitFor
	// and Resume, and the state to Waiting. That holds for a running run too
	// whose lease has expired; the expired lease is then stale. A leased or ended
	// run is left as it is.
	Park(ctx context.Context, run, waiting, waitFor string, now, resume time.Time) error
	// Wake makes up to n waiting runs with this WaitFor due at now, the earliest
	// planned first; n 0 is all. They wait for it no more: another Wake wakes
	// others. An empty waitFor wakes nobody.
	Wake(ctx context.Context, waitFor string, now time.Time, n int) error

	// Run returns a run or ErrNotFound.
	Run(ctx context.Context, id string) (Run, error)
	// Runs returns history, newest first.
	Runs(ctx context.Context, f RunFilter) ([]Run, error)
	// Deliveries returns a run's deliveries in the order they were first stored.
	// An unknown run is ErrNotFound.
	Deliveries(ctx context.Context, run string) ([]Delivery, error)
}

// SpecSharer is an optional part of a Store, for one that has specs in memory
// and never changes them.
type SpecSharer interface {
	// SharedSpec is the Spec of Version without a copy: nobody may change it. A
	// version that is not there is ErrNotFound.
	SharedSpec(ctx context.Context, task string, number int) (*Spec, error)
}

// Starter is an optional part of a Store, for one that starts a planned run in
// one transaction.
type Starter interface {
	// Start is Claim and then SaveRun of r, for a run that still is as it was
	// planned: never claimed, not parked, and of the version that r has. One that
	// is not is ErrConflict, or what Claim says about it, and nothing changes.
	Start(ctx context.Context, r Run, owner string, now time.Time, ttl time.Duration) (Lease, error)
}

// Due is a task to plan or a run to go on with.
type Due struct {
	Task string
	// From is the task's next time, for a task to plan.
	From time.Time
	// Version is the published version's number, for a task to plan.
	Version int
	// Run is the run to go on with; empty for a task to plan.
	Run string
	// Occurrence is the run's.
	Occurrence Occurrence
	// At is the time since when this is due.
	At time.Time
}

// Lease is one process's timed claim on a run.
type Lease struct {
	Run, Owner string
	// Fence grows with every claim of a run.
	Fence   int64
	Expires time.Time
}

// TaskKey is the WaitFor of runs that wait for an earlier run of their task.
func TaskKey(task string) string { return "task:" + task }

// GroupKey is the WaitFor of runs that wait for a place in their pool.
func GroupKey(group string) string { return "group:" + group }

// Published reports whether a version's status is the published one.
func (v Version) Published() bool { return v.Status == version.Published }
