package version

// Status is where a version stands.
type Status string

// The statuses of a version. At most one version of a task is Published.
const (
	CanBePublished Status = "can-be-published"
	Published      Status = "published"
	OffLine        Status = "off-line"
	Abandoned      Status = "abandoned"
)

// Action is something a person may want to do with a version.
type Action string

// The actions on versions. Manage is the way to the management list, from which
// a published task is unpublished or tested.
const (
	Publish   Action = "publish"
	Abandon   Action = "abandon"
	Manage    Action = "manage"
	Unpublish Action = "unpublish"
	Details   Action = "details"
	Rollback  Action = "rollback"
)

// Allows reports whether a version of status s offers the action. An unknown
// status allows nothing.
func (s Status) Allows(a Action) bool {
	switch s {
	case CanBePublished:
		return a == Publish || a == Abandon || a == Details || a == Rollback
	case Published:
		return a == Manage || a == Unpublish || a == Details || a == Rollback
	case OffLine, Abandoned:
		return a == Details || a == Rollback
	default:
		return false
	}
}

// Statuses returns all statuses in the order of a version's life.
func Statuses() []Status {
	return []Status{CanBePublished, Published, OffLine, Abandoned}
}
