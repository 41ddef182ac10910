// Package source is the contract between a task's SQL and the database that
// runs it.
//
// A script is parsed once ([Parse]), each statement is bound to parameter values
// ([Statement.Bind]) and run by a [Source], which returns a [Result] of a closed
// set of cell types. A source knows no schedule and no message; what differs
// between databases in quoting, comments and escapes is data, a [Dialect].
package source
