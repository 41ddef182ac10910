// Package mysql reads from MySQL and MariaDB, and in modes of their own from
// StarRocks and Apache Doris, which speak MySQL's protocol.
//
// [Open] takes a DSN of go-sql-driver/mysql, [New] a handle of that driver which
// the host already has. A source may be used by several goroutines at once.
// On MySQL and MariaDB each statement runs in a read-only transaction, a session's
// statements in one; StarRocks and Doris have none, so there the statement's text
// and the login's grants are what keeps it from writing. MySQL and MariaDB are asked
// to prepare each statement, which costs a round trip and spares them to write
// numbers and times as text; what they will not prepare is sent as text, as
// everything is to StarRocks and Doris. The cells are the same either way.
//
// To StarRocks and Doris -- begins a comment without a space after it. What one of
// them, or a version of one, reads in another way than MySQL is refused in these
// modes: # outside quotes, /* inside a comment, a backslash at the end of a -- comment,
// a backslash or -- in a hint, and a literal R'…'. The rules are those of their own
// grammars, StarRocksLex.g4 (https://github.com/StarRocks/starrocks) and DorisLexer.g4
// (https://github.com/apache/doris).
//
// A context that ends closes the connection, which does not stop the statement:
// it is killed through a second connection. So is one whose result is cut at its
// limit. A source made by New takes that connection from the host's handle.
//
// A column's type decides what a value becomes:
//
//	NULL of any type                          nil
//	TINYINT … BIGINT, unsigned up to INT,     int64
//	YEAR
//	BIGINT UNSIGNED                           uint64
//	BIT                                       uint64
//	FLOAT, DOUBLE                             float64, with the digits that the server shows
//	DECIMAL                                   source.Decimal
//	CHAR, VARCHAR, TEXT, ENUM, SET            string
//	BINARY, VARBINARY, BLOB, GEOMETRY         []byte
//	DATE, DATETIME, TIMESTAMP                 time.Time: the wall clock that the server shows, in the DSN's loc
//	                                          (UTC by default); in UTC where loc has no such time because its
//	                                          clocks went past it; TIMESTAMP is shown in the session's time_zone
//	the zero date, and dates with a zero      string, as the server writes it
//	month or day
//	TIME                                      string: "-838:59:59.5"
//	JSON                                      source.JSON; MariaDB's JSON is a text and comes as string
//	MariaDB's UUID, INET4 and INET6           string
//	StarRocks' and Doris' LARGEINT, ARRAY,    string, as the server sends it
//	MAP, STRUCT, BITMAP, HLL
//
// A host's handle with parseTime=true makes another day of a date with a zero month
// or day, and the source cannot tell; leave the parameter out.
//
// BOOLEAN is a TINYINT to the server and becomes int64. Rows are read from the
// driver itself: what database/sql and sqlx do with each value on the way costs
// more than the values.
package mysql
