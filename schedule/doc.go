// Package schedule says when a task runs and which dates its parameters name.
//
// Everything in it is a pure function of time: nothing here waits, reads a
// clock or keeps state, except for [SystemClock] and a read-only cache of
// loaded time zones.
package schedule
