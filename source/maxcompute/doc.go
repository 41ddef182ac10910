// Package maxcompute reads from MaxCompute (ODPS), Alibaba Cloud's warehouse, by
// its REST service and its instance tunnel. It has been run against a fake of the
// service only, which speaks the protocol as documented.
//
// [Open] takes a DSN, [New] a client of the vendor's SDK that the host already
// has. A source may be used by several goroutines at once; it keeps no connection,
// and starts nothing that outlives a call.
//
// # A query
//
// A query is a job, called an instance. It is submitted, asked about until it has
// ended, and its rows are then read through the tunnel. Jobs take seconds at the
// least. When the context ends before the job does, by a cancellation or a
// deadline, the instance is terminated; Query returns when that is known, up to
// ten seconds later when the service does not answer. A poll that fails is asked
// again, and the job runs on; after ten failures in a row the job is terminated
// and the query fails.
//
// A submission whose answer is lost may have made a job that nobody can name. It
// is not sent again: the error says so, and wraps [ErrSubmissionLost]. The
// statement only reads, so whoever runs it again risks no more than its cost. A
// submission that the service has refused for now (HTTP 429 and the like), or
// that has not left, is tried up to five times, with pauses that double from
// Options.Poll.
//
// SET statements before the query become the job's settings, over those of
// Options.Hints: SET odps.sql.allow.fullscan=true; SELECT …. Only statements that
// return rows are accepted. There is no session to pin statements to, and no way
// to name a query's columns without running it, so neither source.Sessioner nor
// source.Describer is implemented.
//
// # Rows
//
// Results of up to 10,000 rows need permission to read the instance only. Larger
// ones need permission to read every table of the query, as Alibaba Cloud has it
// (https://www.alibabacloud.com/help/en/maxcompute/user-guide/instancetunnel, read
// 2026-11-23). So a query with a limit below 10,000 reads a session that is
// limited to that; another opens an unlimited one, and where that is refused
// reads the first 10,000 rows and says Truncated, if its own limit is not above
// that. The text form of a result is not used: it cannot tell NULL from the text
// \N, and has no types. Rows are read in pages of 10,000 and counted: a stream
// that ends before its last row is an error, however cleanly it ends.
//
// # Types
//
//	NULL of any type                  nil
//	BOOLEAN                           bool
//	TINYINT, SMALLINT, INT, BIGINT    int64
//	FLOAT, DOUBLE                     float64, NaN and infinities included
//	DECIMAL                           source.Decimal, every digit as sent
//	STRING, VARCHAR, CHAR             string
//	BINARY                            []byte
//	DATE, TIMESTAMP_NTZ               time.Time in UTC: the wall clock as stored
//	DATETIME, TIMESTAMP               time.Time in the zone of the job, see Options.TimeZone
//	INTERVAL_DAY_TIME                 string: "1 02:03:04.5"
//	INTERVAL_YEAR_MONTH               string: "1-2"
//	JSON                              source.JSON
//	ARRAY                             source.JSON: an array
//	MAP                               source.JSON: an object, keys as text, in the order sent
//	STRUCT                            source.JSON: an object
//	VOID                              nil
//
// Inside of nested values NULL is null; numbers, booleans and JSON stand as such,
// BINARY as base64, dates and times as 2006-01-02 and RFC 3339, all else as text. A
// column's Type is the service's name of it, such as "array<bigint>". A column of
// any other type is an error that names it.
//
// # The vendor's SDK
//
// Requests are made and signed by aliyun-odps-go-sdk v0.4.1, through its instance
// interface. Waiting and reading are done here: its waiting ignores contexts,
// takes every status it does not know for success and fails with a single poll;
// its reader takes a stream that was cut for a whole one.
package maxcompute
