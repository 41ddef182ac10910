// Package source is the contract between a task's SQL and the database that
// runs it.
//
// A script is cut into statements once ([Parse]), and each statement is bound to
// parameter values ([Statement.Bind]) and run by a [Source], which returns a
// [Result] of a closed set of cell types. [Pages] runs a statement that uses
// ${next_token} page by page; [Collect] does so for a run and joins the pages up
// to a cap. [Strict] makes an error of a result that was cut. A source knows no
// schedule and no message; what differs between databases in quoting, comments and
// escapes is data, a [Dialect].
//
// A source checks what it is given with [Check], reads no further than the query's
// limit, tells the server to stop then, and returns errors of type *[Error].
// [Describer] and [Sessioner] are optional; [As] finds them behind wrappers.
// Package sourcetest holds the rules as tests.
//
// Three places keep a task from changing anything: statements that return no rows
// are refused by their text, values cannot leave the place where their parameter
// stands, and sources are read-only wherever the database can enforce it.
package source
