// Package schedule says when a task runs and which dates its parameters name.
//
// A [Schedule] is a rule: a [Cycle] of months, weeks, days or hours in a time
// zone, between two dates. [Schedule.Compile] turns it into a [Timetable], whose
// Next steps from one occurrence to the following one; [Schedule.Explain] tells
// why there is one or none. [ParseExpr] reads a scheduling parameter such as
// ${yyyymmdd-1}, and the [Expr] writes its value at a scheduled time.
//
// Everything in it is a pure function of time: nothing here waits, reads a
// clock or keeps state, except for [SystemClock] and a read-only cache of
// loaded time zones. Zones come from the host's database; a program that runs
// where there may be none imports time/tzdata for its side effect.
//
// # Time
//
// Cycles name local times. One rule decides what a clock change does to them,
// for every cycle and to the second:
//
//   - a local time that does not exist moves forward by the length of the gap,
//     and is one run with another that is at the very instant;
//   - a local time that exists twice runs once, the second time.
//
// A day of the month that a month lacks has no run in it. The business date of
// an occurrence is the calendar day before its local day. From and Until judge
// the date that the cycle names, while the business date follows the time that
// the clock change left.
package schedule
