// Package task holds what a data push is made of and the contract of the store
// that keeps it.
//
// A [Task] has a stable ID, a draft [Spec] and numbered [Version]s, of which at
// most one is published. A published version's schedule yields [Occurrence]s;
// each becomes a [Run], and a run has one [Delivery] per destination, which
// holds the numbered [Part]s that were sent. Runs and deliveries are the
// ledger: what they say happened is what happened.
//
// # How a store keeps a push from being lost or doubled
//
// Planning an occurrence inserts its run and moves the task's next time in one
// transaction, guarded by the next time that the planner saw ([RunStore.Plan]).
// A run is executed under a [Lease], which carries a fence: whatever is written
// under an older fence is refused with [ErrConflict]. A part is marked as being
// sent before it is sent; a process that finds such a mark left by another
// knows that the part may have arrived.
package task
