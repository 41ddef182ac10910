// Package snowflakefake is a Snowflake account in memory, for tests: the service
// that drivers log in to and the storage that large results are read from, on two
// loopback addresses, as strict as the wire.
//
// A [Server] has one user, one database and tables, and answers a small part of
// SQL from them:
//
//	SELECT item, … [FROM table [WHERE column = literal [AND …]]] [LIMIT n]
//	ALTER SESSION SET parameter = literal
//
// where an item is *, a column, a literal, ?, CURRENT_SESSION(), CURRENT_ROLE(),
// CURRENT_WAREHOUSE() or CURRENT_DATABASE(), with or without AS name. Names that
// are not quoted are in upper case. Everything else is a compilation error, as the
// real service has it.
//
// Every request must carry the session's token; the login's password is compared,
// and a key pair's token is verified with the user's public key, its issuer,
// subject and time included. A request that the server does not know, or that has
// a parameter or field too few or too many, is refused and noted
// ([Server.Refused]). What may go wrong is switched on for a statement with
// [Server.Fault].
//
// Results are in the JSON format: the first rows in the answer, the others in
// compressed chunks at addresses of their own. Where no public document says what
// the service answers, the answer here is a guess and says so in a comment; a
// client must not depend on those.
package snowflakefake
