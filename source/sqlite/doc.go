// Package sqlite reads from SQLite through modernc.org/sqlite, which needs no C
// compiler.
//
// [Open] takes a file's path or URI, [New] a handle that the host already has.
// Either way a source may be used by several goroutines at once, and nothing it
// runs can write: statements that return no rows are refused by their text, and
// the connection is query-only while a statement runs.
//
// A value's type is SQLite's storage class, refined by the column's declared
// type:
//
//	NULL                                      nil
//	INTEGER                                   int64
//	INTEGER 0 or 1 in a column BOOLEAN, BOOL  bool
//	REAL                                      float64 (an infinity too; SQLite keeps NaN as NULL)
//	TEXT                                      string
//	TEXT in a column DATE, DATETIME,          time.Time, in UTC unless the text has an offset;
//	TIMESTAMP                                 text that is no time stays a string
//	TEXT in a column JSON, if valid           source.JSON
//	TEXT in a column DECIMAL TEXT,            source.Decimal, if it is a plain number
//	NUMERIC TEXT
//	BLOB                                      []byte
//
// SQLite has no decimal type: a number in a column DECIMAL is stored as INTEGER
// or REAL and comes as such. Only a column whose declared type has TEXT in it too
// keeps every digit. Expressions have no declared type.
//
// Reading stops at the limit of rows, and at a budget of bytes with an error.
// When the context ends, the running statement is interrupted. Rows are read
// from the driver itself: what database/sql and sqlx do with each value on the way
// costs more than the values.
package sqlite
