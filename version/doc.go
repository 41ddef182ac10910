// Package version is the life of a task's versions: which statuses there are
// and which action each allows. It knows no task and no store.
//
// A draft is not a version and has no status. Submitting a draft makes a
// version that can be published; publishing activates its schedule and takes
// the version published before it off-line. Off-line and abandoned versions
// never come back: rolling back copies their configuration into the draft,
// which is then tested and submitted as a new version.
//
//	CanBePublished ──publish──▶ Published ──unpublish, or another is published──▶ OffLine
//	      └──abandon──▶ Abandoned
package version
