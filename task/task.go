package task

import (
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/version"
)

// Spec is everything an author decides about a task. A version holds one,
// frozen.
type Spec struct {
	// Name is unique among a store's tasks, 1 to 128 characters.
	Name  string `json:"name"`
	Owner string `json:"owner,omitempty"`
	// Source names one of Config.Sources.
	Source string `json:"source"`
	// Environment is "production" (also when empty) or "development". There is
	// no fallback from one to the other.
	Environment string `json:"environment,omitempty"`
	// SQL is one or more result-returning statements separated by semicolons,
	// with ${name} for parameters.
	SQL string `json:"sql"`
	// Params are the task's inputs: constants or scheduling-parameter
	// expressions.
	Params Params `json:"params,omitempty"`
	// Outputs, when not nil, names the result columns that content may use, in
	// the order of the statements' columns. Nil takes them from the results.
	Outputs []string       `json:"outputs,omitempty"`
	Content render.Content `json:"content"`
	// SkipEmpty sends nothing when every output that the content uses is empty.
	// It is the opposite of DataWorks' Push Every Time.
	SkipEmpty    bool              `json:"skipEmpty,omitempty"`
	Schedule     schedule.Schedule `json:"schedule"`
	Destinations []string          `json:"destinations"`
	// ResourceGroup names a pool of Config.Groups. "" is the default pool.
	ResourceGroup string   `json:"resourceGroup,omitempty"`
	NodeMode      NodeMode `json:"nodeMode,omitempty"`
}

// Params maps a parameter's name to its value.
type Params map[string]string

// The environments of a Spec.
const (
	Production  = "production"
	Development = "development"
)

// NodeMode is what a scheduled run really does.
type NodeMode string

const (
	// Normal queries, renders and sends.
	Normal NodeMode = ""
	// DryRun fires and records; it queries and sends nothing.
	DryRun NodeMode = "dry-run"
)

// Task is a stable identity with a draft.
type Task struct {
	ID    string `json:"id"`
	Draft Spec   `json:"draft"`
	// Revision counts the saves of the draft from 1.
	Revision int64 `json:"revision"`
	// Published is the number of the published version; 0 when there is none.
	Published int       `json:"published,omitempty"`
	CreatedBy string    `json:"createdBy,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	SavedBy   string    `json:"savedBy,omitempty"`
	SavedAt   time.Time `json:"savedAt"`
	// Pass is the last test that opened the gate to Submit; its hash must equal
	// the draft's.
	Pass *Pass `json:"pass,omitempty"`
}

// Pass records a test push that succeeded on every destination, or was skipped
// as empty.
type Pass struct {
	// Hash is of what was tested, see Spec.TestHash.
	Hash string    `json:"hash"`
	Run  string    `json:"run"`
	By   string    `json:"by,omitempty"`
	At   time.Time `json:"at"`
	// Outputs are the result columns that the test saw.
	Outputs []string `json:"outputs,omitempty"`
}

// Version is an immutable numbered snapshot of a Spec; only its status and who
// published it change.
type Version struct {
	Task        string            `json:"task"`
	Number      int               `json:"number"`
	Status      version.Status    `json:"status"`
	Spec        Spec              `json:"spec"`
	Warnings    []channel.Warning `json:"warnings,omitempty"`
	SubmittedBy string            `json:"submittedBy,omitempty"`
	SubmittedAt time.Time         `json:"submittedAt"`
	// Deployer published the version.
	Deployer    string    `json:"deployer,omitempty"`
	PublishedAt time.Time `json:"publishedAt,omitzero"`
}

// Occurrence is a task and a scheduled time: the key that keeps a push from
// being doubled. It is comparable.
type Occurrence struct {
	Task string `json:"task"`
	// At is the scheduled time in UTC, whole seconds.
	At time.Time `json:"at"`
	// Run is empty for the scheduled run, else the ID of a test, rerun or
	// backfill that names this occurrence.
	Run string `json:"run,omitempty"`
}

// NewOccurrence makes an occurrence whose time is UTC in whole seconds.
func NewOccurrence(task string, at time.Time, run string) Occurrence {
	return Occurrence{Task: task, At: at.UTC().Truncate(time.Second), Run: run}
}

// RunID is the ID of the run that executes o.
func (o Occurrence) RunID() string {
	if o.Run != "" {
		return o.Run
	}
	var room [64]byte
	b := append(append(room[:0], o.Task...), '@')
	return string(o.At.UTC().AppendFormat(b, "20060102T150405Z"))
}

// Trigger is why a run exists.
type Trigger string

// The triggers of a run.
const (
	Scheduled Trigger = "scheduled"
	Tested    Trigger = "test"
)

// RunState is where a run stands.
type RunState string

// The states of a run. Planned, Running and Waiting runs go on; the others have
// ended.
const (
	Planned   RunState = "planned"
	Running   RunState = "running"
	Waiting   RunState = "waiting"
	Succeeded RunState = "succeeded"
	// Skipped: the result was empty and the task skips empty results.
	Skipped RunState = "skipped"
	// Failed: the query or the rendering failed, or at least one destination
	// did not get the message.
	Failed RunState = "failed"
	// TimedOut: the deadline came first. What was received stays received.
	TimedOut RunState = "timed out"
)

// Ended reports whether nothing more happens to a run in this state.
func (s RunState) Ended() bool {
	switch s {
	case Succeeded, Skipped, Failed, TimedOut:
		return true
	default:
		return false
	}
}

// Run is one execution of an occurrence.
type Run struct {
	ID         string     `json:"id"`
	Occurrence Occurrence `json:"occurrence"`
	Trigger    Trigger    `json:"trigger"`
	// Version is pinned when the run is planned. 0 is a test of the draft, whose
	// spec is then kept in Draft.
	Version int   `json:"version"`
	Draft   *Spec `json:"draft,omitempty"`
	// Environment is the one the query runs in, never empty.
	Environment string `json:"environment"`
	// Params are the values, fixed at planning.
	Params Params `json:"params,omitempty"`
	// Push is false for tests that only query and render.
	Push bool `json:"push"`
	// DryRun is true when the node mode was DryRun at planning.
	DryRun bool   `json:"dryRun,omitempty"`
	Actor  string `json:"actor,omitempty"`

	State RunState `json:"state"`
	// Waiting says in words what a waiting run waits for.
	Waiting string `json:"waiting,omitempty"`
	// WaitFor is the key by which Wake finds the run ("task:…", "group:…").
	WaitFor string `json:"waitFor,omitempty"`
	// Resume is when a planned or waiting run is due.
	Resume   time.Time `json:"resume,omitzero"`
	Deadline time.Time `json:"deadline"`
	// Rendered is true once every destination's payloads are stored; from then
	// on the run never queries again.
	Rendered  bool      `json:"rendered,omitempty"`
	PlannedAt time.Time `json:"plannedAt"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
	// Error is why a run failed, free of secrets and row data.
	Error    string            `json:"error,omitempty"`
	Warnings []channel.Warning `json:"warnings,omitempty"`
	// Outputs are the result columns that the run saw.
	Outputs []string `json:"outputs,omitempty"`
	// Rows is how many result rows there were, over all statements.
	Rows int `json:"rows,omitempty"`
}

// DeliveryState is where a delivery stands.
type DeliveryState string

const (
	// Pending means that not every part has a receipt yet, and the run goes on.
	Pending DeliveryState = "pending"
	// Delivered means that every part has a receipt. The receipts say whether the vendor
	// confirmed them or merely accepted them.
	Delivered DeliveryState = "delivered"
	// Undelivered means that the vendor rejected a part, the message could not be encoded,
	// or a test gave up. Parts with a receipt have arrived all the same.
	Undelivered DeliveryState = "undelivered"
	// Unclear means that a part may have arrived, and the destination holds such parts
	// for a person.
	Unclear DeliveryState = "unclear"
	// Expired means that the deadline came before every part had a receipt.
	Expired DeliveryState = "expired"
)

// Ended reports whether nothing more is sent for a delivery in this state.
func (s DeliveryState) Ended() bool { return s != Pending && s != "" }

// Delivery is one run's message to one destination.
type Delivery struct {
	Run         string        `json:"run"`
	Destination string        `json:"destination"`
	Kind        channel.Kind  `json:"kind"`
	State       DeliveryState `json:"state"`
	Parts       []Part        `json:"parts,omitempty"`
	// Resume is when the next part may be sent; zero is now.
	Resume time.Time `json:"resume,omitzero"`
	// Waiting says in words what a pending delivery waits for.
	Waiting string `json:"waiting,omitempty"`
	// Code is the vendor's code of the last failure, verbatim.
	Code string `json:"code,omitempty"`
	// Error is the last failure, free of secrets and row data.
	Error    string            `json:"error,omitempty"`
	Warnings []channel.Warning `json:"warnings,omitempty"`
}

// Part is one payload of a delivery and what became of it.
type Part struct {
	Number int    `json:"number"` // from 1
	Of     int    `json:"of"`
	Key    string `json:"key"`
	Type   string `json:"type"`
	Size   int    `json:"size"`
	// Body is dropped once the receipt is stored.
	Body []byte `json:"body,omitempty"`
	// Attempts counts the sends that were begun.
	Attempts int `json:"attempts"`
	// Sending is true from just before a send until its answer is stored. Found
	// by another process, it means that the part may have arrived.
	Sending bool `json:"sending,omitempty"`
	// MayRepeat is true when the part was sent again although an earlier
	// attempt may have arrived.
	MayRepeat bool `json:"mayRepeat,omitempty"`
	// Outcome, Code and Error are of the last failed attempt.
	Outcome string           `json:"outcome,omitempty"`
	Code    string           `json:"code,omitempty"`
	Error   string           `json:"error,omitempty"`
	Receipt *channel.Receipt `json:"receipt,omitempty"`
	// SentAt is when the last attempt ended.
	SentAt time.Time `json:"sentAt,omitzero"`
}

// Row is a line of the management list: a published task.
type Row struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Source        string    `json:"source"`
	Environment   string    `json:"environment"`
	NodeMode      NodeMode  `json:"nodeMode"`
	ResourceGroup string    `json:"resourceGroup"`
	Owner         string    `json:"owner"`
	Deployer      string    `json:"deployer"`
	PublishedAt   time.Time `json:"publishedAt,omitzero"`
	// Version is the published version's number; 0 for a task that is listed
	// without being published.
	Version int `json:"version"`
}

// Filter narrows the management list. The zero value lists every published
// task.
type Filter struct {
	// Name matches a part of the name, without regard to case.
	Name string
	// Source and Owner match exactly.
	Source, Owner string
	// Unpublished also lists tasks that are not published, by their drafts.
	Unpublished bool
}

// RunFilter narrows the history. The zero value is every run, newest first.
type RunFilter struct {
	Task    string
	States  []RunState
	Trigger Trigger
	// Limit is the most runs returned; zero is 100.
	Limit int
}
