package datapush

import "github.com/datapush-go/datapush/task"

// What a host branches on, with errors.Is.
var (
	// ErrInvalid: a spec, a destination or an option is wrong. errors.As finds
	// task.Findings with the path of each mistake.
	ErrInvalid = task.ErrInvalid
	// ErrNotFound: no such task, version, destination or run.
	ErrNotFound = task.ErrNotFound
	// ErrConflict: somebody else changed it first.
	ErrConflict = task.ErrConflict
	// ErrBusy: the run is in hand elsewhere.
	ErrBusy = task.ErrBusy
	// ErrNotAllowed: the version's status does not allow it.
	ErrNotAllowed = task.ErrNotAllowed
	// ErrNotTested: no test of exactly this draft has passed.
	ErrNotTested = task.ErrNotTested
	// ErrInUse: a published version uses the destination.
	ErrInUse = task.ErrInUse
)
