// Package datapush puts data push inside a Go program: SQL runs on a calendar,
// the rows become a message, the message reaches DingTalk, Lark, WeCom,
// Microsoft Teams and e-mail, and every step can be tested, versioned,
// previewed, resumed and audited.
//
// A [Pusher] is composed from the parts a host chooses: sources (package
// source and the folders beneath it), channels (package channel), a store
// (package task), a clock (package schedule) and a renderer (package render).
// What a host does not import is not linked.
//
// # The life of a task
//
// [Pusher.Create] keeps a draft, even an unfinished one, and says all that is
// wrong with it at once. [Pusher.Test] with Push delivers it for real; a test
// that every destination received opens the gate to [Pusher.Submit], which
// freezes the draft as a numbered version. [Pusher.Publish] activates a
// version's schedule, [Pusher.Unpublish] stops it, [Pusher.Rollback] copies an
// old version into the draft. [Pusher.Run] executes what is due until its
// context ends.
//
// # What is guaranteed
//
// One occurrence is run by one process at a time, whatever number of processes
// share the store, and a task never overlaps itself. Parameters are fixed at
// planning and payloads are stored before the first send, so that a retry sends
// the same report and never queries again. A part that has a receipt is never
// sent again. A part that may have arrived is recorded as such, and the
// destination decides whether it is sent again or held for a person. One
// destination's failure stops no other. Every wait ends with the run's
// deadline.
package datapush
