package datapush

import (
	"context"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
)

// TestOptions say how to test a task.
type TestOptions = task.TestOptions

// PreviewOptions say what to preview.
type PreviewOptions = task.PreviewOptions

// Preview is what a destination would get.
type Preview = task.Preview

// SaveDestination creates a destination or edits the one of the same name; an
// edit counts from the next send, and payloads stored already keep their bytes.
// The kind cannot change. A secret that is redacted keeps its stored value,
// unless the address changed: then it must be given again. Mistakes are
// task.Findings (ErrInvalid).
func (p *Pusher) SaveDestination(ctx context.Context, d channel.Destination) error {
	return p.e.SaveDestination(ctx, d)
}

// Destinations lists all destinations by name. Their secrets are redacted.
func (p *Pusher) Destinations(ctx context.Context) ([]channel.Destination, error) {
	return p.e.Destinations(ctx)
}

// DeleteDestination deletes one. It is ErrInUse while a published version uses
// it.
func (p *Pusher) DeleteDestination(ctx context.Context, name string) error {
	return p.e.DeleteDestination(ctx, name)
}

// Create keeps a new draft and returns the task's ID. Mistakes in it are all
// returned at once as task.Findings (ErrInvalid); the draft is kept and its ID
// returned all the same.
func (p *Pusher) Create(ctx context.Context, s task.Spec) (id string, err error) {
	return p.e.Create(ctx, p.actor, s)
}

// Save replaces a task's draft. Mistakes are returned as by Create, and the
// draft is kept. Published versions are not touched.
func (p *Pusher) Save(ctx context.Context, id string, s task.Spec) error {
	return p.e.Save(ctx, p.actor, id, s)
}

// Task returns a task with its draft.
func (p *Pusher) Task(ctx context.Context, id string) (task.Task, error) {
	return p.e.Store.Task(ctx, id)
}

// Tasks is the management list: published tasks by name, narrowed by f.
func (p *Pusher) Tasks(ctx context.Context, f task.Filter) ([]task.Row, error) {
	return p.e.Store.Tasks(ctx, f)
}

// Preview makes what a destination of a kind would get and sends nothing.
// Parameters are evaluated at o.At, or now. Nil options preview the draft.
func (p *Pusher) Preview(ctx context.Context, id string, kind channel.Kind, o *PreviewOptions) (*Preview, error) {
	return p.e.Preview(ctx, id, kind, o)
}

// Test runs the draft or a version at once and waits until the run has ended or
// ctx has. A run that failed is no error: it is in the returned run and its
// deliveries. Only a test of the draft with Push, received by every destination
// or skipped as empty, opens the gate to Submit. Mistakes in the spec and
// missing constants are task.Findings (ErrInvalid).
func (p *Pusher) Test(ctx context.Context, id string, o TestOptions) (*task.Run, error) {
	return p.e.Test(ctx, p.actor, id, o)
}

// Submit freezes the draft as the next version, which can then be published. It
// is ErrNotTested unless a test of exactly this draft has opened the gate.
// Warnings stand on the version.
func (p *Pusher) Submit(ctx context.Context, id string) (task.Version, error) {
	return p.e.Submit(ctx, p.actor, id)
}

// Publish activates a version's schedule at once and takes the version published
// before off-line. It is ErrNotAllowed for a version that is not CanBePublished.
func (p *Pusher) Publish(ctx context.Context, id string, number int) error {
	return p.e.Publish(ctx, p.actor, id, number)
}

// Unpublish stops a task's schedule and takes its version off-line. Runs that
// are planned already go on.
func (p *Pusher) Unpublish(ctx context.Context, id string) error { return p.e.Unpublish(ctx, id) }

// Abandon gives up a version that was never published.
func (p *Pusher) Abandon(ctx context.Context, id string, number int) error {
	return p.e.Abandon(ctx, id, number)
}

// Rollback copies a version's configuration into the draft, which then needs a
// test and a submit of its own. A published version keeps running.
func (p *Pusher) Rollback(ctx context.Context, id string, number int) error {
	return p.e.Rollback(ctx, p.actor, id, number)
}

// Version returns one frozen version.
func (p *Pusher) Version(ctx context.Context, id string, number int) (task.Version, error) {
	return p.e.Store.Version(ctx, id, number)
}

// Versions returns a task's versions, newest first.
func (p *Pusher) Versions(ctx context.Context, id string) ([]task.Version, error) {
	return p.e.Store.Versions(ctx, id)
}

// Runs is the history, newest first, narrowed by f.
func (p *Pusher) Runs(ctx context.Context, f task.RunFilter) ([]task.Run, error) {
	return p.e.Store.Runs(ctx, f)
}

// Deliveries is what became of a run's message at each destination.
func (p *Pusher) Deliveries(ctx context.Context, run string) ([]task.Delivery, error) {
	return p.e.Store.Deliveries(ctx, run)
}
