// Package odpsfake is a MaxCompute service in memory, for tests: the REST
// service and the instance tunnel, on two loopback addresses, as strict as the
// wire.
//
// A [Server] has one project with tables and answers a small part of SQL from
// them:
//
//	SELECT item, … [FROM table [WHERE column = literal [AND …]]] [LIMIT n];
//
// where an item is *, a column, a literal or CAST(literal AS type), with or
// without AS name. DESC table is a statement that is no query. Everything else
// is a parse error of the job, as the real service has it.
//
// Every request must be signed, by version 1 or 4, and in time; one that the
// server does not know, or that has a parameter or header too few or too many,
// is refused and noted ([Server.Refused]). What may go wrong is switched on for a
// statement with [Server.Fault].
//
// Where no public document says what the service answers, the answer here is a
// guess and says so in a comment; a client must not depend on those.
package odpsfake
