// Package postgres reads from PostgreSQL, and from Amazon Redshift in a mode of
// its own, through pgx.
//
// [Open] takes a connection string, [New] a pool that the host already has. A
// source may be used by several goroutines at once. Every statement runs in a
// read-only transaction, a session's statements in one as long as none fails or is
// cut off. Statements are sent unnamed and prepare nothing, so that poolers such
// as PgBouncer may stand between in any mode; settings that reading depends on
// are made in the transaction.
//
// When the context ends, or a result is cut at its limit, the server is asked to
// cancel the statement.
//
// Values are read in their text form, which is the same in every protocol and
// keeps every digit:
//
//	NULL of any type                          nil
//	boolean                                   bool
//	smallint, integer, bigint, oid            int64
//	xid8                                      uint64
//	real, double precision                    float64, NaN and infinities included
//	numeric                                   source.Decimal; NaN and infinities are float64
//	text, varchar, char, name, enums, xml     string
//	bytea                                     []byte
//	date, timestamp                           time.Time in UTC: the wall clock as stored
//	timestamptz                               time.Time with the offset that the server sent
//	date or timestamp infinity, before the    string, as the server writes it
//	year 1 or after 9999
//	time, timetz, interval                    string: "08:00:00", "1 day 02:00:00"
//	json, jsonb                               source.JSON
//	arrays of built-in types                  source.JSON: numbers and booleans as such, all else as text
//	records                                   source.JSON: an array of texts
//	uuid, inet, cidr, macaddr, money, bit,    string, as the server writes it
//	ranges, geometry, tsvector and all other
//	types, arrays of these included
//
// A column's Type is the server's name of it, such as "int4" or "_text" for an
// array; of a type that is not built in it is "oid 16401".
//
// pgx is used below its own scanning, whose reflection costs more than the values.
package postgres
