// Package snowflake reads from Snowflake, by the vendor's driver. It has been run
// against a fake of the service only, which speaks the protocol as the driver and
// its samples have it.
//
// The package is a module of its own, because the driver is heavy: it brings the
// clients of three clouds, and tens of megabytes into a program.
//
// [Open] takes a DSN of gosnowflake, with a password or for a key pair, and [New] a
// handle of that driver which the host already has. A source may be used by several
// goroutines at once.
//
// A host that reaches Snowflake through a service which speaks PostgreSQL's
// protocol, such as a proxy or a semantic layer, needs neither driver nor module:
// there source/postgres is right, with SimpleProtocol where the service refuses the
// extended one. Types and quoting are PostgreSQL's then.
//
// # A query
//
// A statement is submitted and then asked about until it has ended; its first rows
// come with the last answer, the others from the account's storage, part by part.
// When the context ends before the statement does, the service is asked to abort
// it. Query returns when that is known, up to ten seconds later when the service
// does not answer; the error then says that the statement may still be running. The
// driver goes on asking for some minutes in that case, and its session is closed
// when it has given up.
//
// A submission whose answer is lost, or that is refused for now, is sent again by
// the driver under the same request ID, up to the DSN's maxRetryCount (seven) times
// with pauses of one to sixteen seconds. The service knows the statement by that ID
// and does not run it twice. When no answer comes at all the statement is aborted,
// and where that fails too the error wraps [ErrSubmissionLost]. A statement that
// the service has not taken because it had ended the session is submitted again in
// another.
//
// Snowflake has no read-only transactions. What keeps a statement from writing is
// its text, of which only SELECT and WITH … SELECT are accepted, without ->>, and
// the role: give it SELECT and USAGE only. A function that the query calls may do
// what its owner allows.
//
// Open's sessions are told to cut a result after one row more than the query
// reads (ROWS_PER_RESULTSET), so that the warehouse computes no others; a change of
// the limit costs a statement. A handle given to New is not told. [Source.Columns]
// has the service compile the statement and not run it.
//
// # Names
//
// Snowflake turns names that are not quoted into upper case, and so are the columns
// of a result: SELECT revenue gives REVENUE, and SELECT revenue AS "revenue" gives
// revenue. They are handed on as they come. Content finds them in any case.
//
// # Types
//
//	NULL of any type                     nil
//	NUMBER with scale 0, INT, BIGINT     int64; source.Decimal for values beyond it
//	NUMBER with a scale                  source.Decimal, every digit as sent
//	DECFLOAT                             source.Decimal in plain notation
//	FLOAT, DOUBLE                        float64, NaN and infinities included
//	BOOLEAN                              bool
//	VARCHAR, CHAR, STRING, TEXT          string
//	BINARY                               []byte
//	DATE                                 time.Time in UTC
//	TIMESTAMP_NTZ                        time.Time in UTC: the wall clock as stored
//	TIMESTAMP_LTZ                        time.Time in the session's zone, see Options.TimeZone
//	TIMESTAMP_TZ                         time.Time with the offset as stored
//	dates and times before the year 1    string: "12024-01-02"
//	or after 9999
//	TIME                                 string: "08:00:00", "08:00:00.5"
//	VARIANT, OBJECT, ARRAY, MAP,         source.JSON as the service writes it; string for what is no JSON,
//	VECTOR, structured types             such as an array with undefined in it
//	GEOGRAPHY, GEOMETRY                  source.JSON in the format GeoJSON, which is the account's unless changed;
//	                                     string for WKT, []byte for WKB
//	all other types                      string, as the service sends it
//
// A column's Type is the name of its type in SQL, such as "NUMBER(38,0)".
//
// # The vendor's driver
//
// Results are read in the JSON format and not in Arrow: it keeps every digit of
// every type, and the first rows come without a library for columns. They are read
// below database/sql, by the driver's QueryArrowStream, which hands out the parts as
// they are stored: the driver's own reading counts no rows, and so takes a part that
// was cut at a row for a whole one, and loses the sign of a fraction of a second
// before 1970. Here a part that is not whole is fetched again, three times in all,
// and then an error.
//
// Some of what the driver does belongs to the process, and so to the host, which
// may want to set, before the program starts,
//
//	SNOWFLAKE_DISABLE_PLATFORM_DETECTION=true   or the first login asks the metadata addresses of three clouds
//	                                            where it runs, and tells the service
//	SF_DISABLE_MINICORE=true                    or the driver writes a shared library to disk and loads it; building
//	                                            with -tags minicore_disabled leaves it out
//
// Open's sessions send no telemetry. The driver has one logger for the process,
// which writes the service's texts to stderr; a DSN without the parameter tracing
// sets it to fatal when a session is opened; New leaves it as it is, so that a host
// may want tracing=fatal in its handle's DSN. A file sf_client_config.json beside
// the program or in the user's home sets it too.
package snowflake
