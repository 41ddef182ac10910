// Package hologres reads from Hologres, which speaks PostgreSQL's protocol and, of
// its language, that of version 11.
//
// [Open] takes a connection string, [New] a pool of pgx that the host already
// has. A source may be used by several goroutines at once. Every statement runs in
// a read-only transaction, a session's statements in one as long as none fails or
// is cut off. Statements prepare nothing. When the context ends, or a result is
// cut at its limit, the server is asked to cancel the statement.
//
// Values become cells as they do in package postgres:
//
//	NULL of any type                          nil
//	boolean                                   bool
//	smallint, integer, bigint                 int64
//	real, double precision                    float64, NaN and infinities included
//	decimal, numeric                          source.Decimal
//	text, varchar, char                       string
//	bytea                                     []byte
//	date, timestamp                           time.Time in UTC: the wall clock as stored
//	timestamptz                               time.Time with the offset that the server sent
//	time, timetz, interval                    string: "08:00:00", "1 day 02:00:00"
//	json, jsonb                               source.JSON
//	arrays                                    source.JSON
//	roaringbitmap and all other types         string, as the server writes it
package hologres
