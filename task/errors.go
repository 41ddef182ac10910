package task

import (
	"errors"
	"strings"
)

// What a host branches on. Package datapush re-exports them.
var (
	// ErrInvalid: a spec or an argument is wrong. errors.As finds Findings with
	// the path of each.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound: no such task, version, destination or run.
	ErrNotFound = errors.New("not found")
	// ErrConflict: somebody else changed it first.
	ErrConflict = errors.New("conflict")
	// ErrBusy: the run is being executed elsewhere, or has to wait for another.
	ErrBusy = errors.New("busy")
	// ErrEnded: the run has ended.
	ErrEnded = errors.New("ended")
	// ErrNotAllowed: the version's status does not allow it.
	ErrNotAllowed = errors.New("not allowed")
	// ErrNotTested: the draft has no test push that passed.
	ErrNotTested = errors.New("not tested")
	// ErrInUse: a published version uses it.
	ErrInUse = errors.New("in use")
)

// BusyError tells why a run cannot be claimed. It is ErrBusy.
type BusyError struct {
	// Behind is the unfinished run of the same task that comes first; empty
	// when the run itself is leased.
	Behind string
}

// Error says which run is in the way.
func (e *BusyError) Error() string {
	if e.Behind != "" {
		return "busy: run " + e.Behind + " of the same task comes first"
	}
	return "busy: the run is leased by another process"
}

// Is makes errors.Is(err, ErrBusy) true.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// Finding is one mistake in a spec.
type Finding struct {
	// Path is the field, such as "content.blocks[1].table.columns[0].field".
	Path string `json:"path"`
	// Text says what is wrong and what to do.
	Text string `json:"text"`
	// Err is the cause, when there is one.
	Err error `json:"-"`
}

// Findings are all mistakes of a spec at once. As an error it is ErrInvalid.
type Findings []Finding

// Error lists the findings, one per line.
func (f Findings) Error() string {
	var b strings.Builder
	b.WriteString("invalid:")
	for i, x := range f {
		if len(f) > 1 || i > 0 {
			b.WriteString("\n\t")
		} else {
			b.WriteString(" ")
		}
		if x.Path != "" {
			b.WriteString(x.Path)
			b.WriteString(": ")
		}
		b.WriteString(x.Text)
	}
	return b.String()
}

// Is makes errors.Is(err, ErrInvalid) true.
func (f Findings) Is(target error) bool { return target == ErrInvalid }

// Unwrap returns the causes.
func (f Findings) Unwrap() []error {
	var errs []error
	for _, x := range f {
		if x.Err != nil {
			errs = append(errs, x.Err)
		}
	}
	return errs
}
