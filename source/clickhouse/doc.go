// Package clickhouse reads from ClickHouse, by its native protocol or by HTTP.
//
// [Open] takes a DSN of clickhouse-go, whose scheme says which protocol it is,
// [New] a handle of clickhouse.OpenDB which the host already has. A source may be
// used by several goroutines at once.
//
// Nothing is written: a login that may set so sends every statement with the
// setting readonly = 2, under which SETTINGS of a statement still hold, and with
// Options.Raw 1. Where the login's own readonly is 1 or 2 it is left alone. It is
// asked for once, and again after an error 164.
//
// A context that ends cancels the statement on the server, and so does the end of
// a result that is cut at its limit: by the native protocol with its packet, by
// HTTP because the setting cancel_http_readonly_queries_on_client_close is sent. A
// login with readonly = 1 cannot send it, so there KILL QUERY follows on another
// connection. The connection is given up with the statement. The server's own
// setting limit is not used: it changes what EXCEPT and a negative LIMIT return.
//
// A FORMAT clause is refused, since rows are read in the driver's own format. The
// row of WITH TOTALS is not part of a result. Statements begin with SELECT or
// WITH; FROM t SELECT x is not taken.
//
// A column's type decides what a value becomes:
//
//	NULL of any type, Nothing                  nil
//	Bool                                       bool
//	Int8 … Int64, UInt8 … UInt32               int64
//	UInt64                                     uint64
//	Int128, Int256, UInt128, UInt256           source.Decimal
//	Float32, Float64, BFloat16                 float64, NaN and infinities included
//	Decimal                                    source.Decimal, with all digits of its scale
//	String                                     string, []byte if it is not UTF-8
//	FixedString                                string without the zero bytes at its end; []byte, with
//	                                           them, if it is not UTF-8
//	Date, Date32                               time.Time at midnight in UTC
//	DateTime, DateTime64                       time.Time in the column's zone, else the server's
//	Time, Time64                               string: "-123:04:05", "12:34:56.700"
//	Interval                                   string: "3 Days"
//	Enum8, Enum16, UUID                        string
//	IPv4, IPv6                                 string
//	Array, Nested                              source.JSON: an array
//	Tuple                                      source.JSON: an array; an object if its elements have names
//	Map                                        source.JSON: an object, ordered by its keys
//	JSON                                       source.JSON: an object, ordered by its keys; a dot in a key
//	                                           is taken for a step of the path
//	Variant, Dynamic                           what the value's own type becomes
//	Point, Ring, Polygon, MultiPolygon,        source.JSON: an array
//	LineString, MultiLineString, QBit
//	Nullable, LowCardinality,                  what the type inside becomes
//	SimpleAggregateFunction
//
// Inside of nested values NULL is null; numbers and booleans stand as such, bytes
// as base64, dates and times as 2006-01-02 and RFC 3339, all else, NaN and
// infinities too, as text. What the driver cannot read is an error that names it:
// AggregateFunction, Geometry, an Int128 or Int256 inside a Tuple, an element name
// with a space.
//
// Rows are read from the driver's native interface and not through sqlx or
// database/sql, which allocate more than the values themselves; those of a handle
// given to New from its database/sql driver.
package clickhouse
