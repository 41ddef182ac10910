// Command snowflake compares reading 10,000 rows of 8 columns by the source for
// Snowflake with the vendor's driver, scanned by hand through database/sql. Both
// run against the same fake, from the submission of the statement to the last row,
// on a session that is open already. The values of both are compared before a
// time is taken.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"time"

	_ "github.com/snowflakedb/gosnowflake"

	"github.com/datapush-go/datapush/internal/bench/reading"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/snowflake"
	"github.com/datapush-go/datapush/source/snowflake/snowflakefake"
)

const query = "SELECT * FROM sales"

func main() {
	// The driver asks clouds where it runs otherwise.
	os.Setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
	code, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "snowflake:", err)
		code = 1
	}
	os.Exit(code)
}

func run() (int, error) {
	fake := snowflakefake.New(snowflakefake.Options{Tables: []snowflakefake.Table{table()}})
	defer fake.Close()
	dsn := "DP:secret@" + fake.Addr + "/DB/PUBLIC?account=acc&protocol=http&warehouse=WH"
	from, err := snowflake.Open(dsn, nil)
	if err != nil {
		return 1, err
	}
	defer from.Close()
	// Sessions stay open; opening them is the driver's on both sides.
	ours, err := from.Session(context.Background())
	if err != nil {
		return 1, err
	}
	defer ours.Close()
	theirs, err := sql.Open("snowflake", dsn+"&GO_QUERY_RESULT_FORMAT=JSON&disableTelemetry=true&tracing=fatal")
	if err != nil {
		return 1, err
	}
	defer theirs.Close()

	return reading.Compare(ours, query, 31, func() ([][]any, error) { return scan(theirs) })
}

func table() snowflakefake.Table {
	return snowflakefake.Table{Name: "SALES", Columns: []snowflakefake.Column{
		{Name: "ID", Type: "NUMBER(38,0)"}, {Name: "DEPARTMENT", Type: "VARCHAR"}, {Name: "REVENUE", Type: "NUMBER(38,18)"}, {Name: "SHARE", Type: "FLOAT"},
		{Name: "OPEN", Type: "BOOLEAN"}, {Name: "DAY", Type: "DATE"}, {Name: "AT", Type: "TIMESTAMP_NTZ(9)"}, {Name: "NOTE", Type: "VARCHAR"},
	}, Rows: reading.Cells()}
}

// scan reads the result with the driver alone, into rows of the same cells. It
// gives numbers and booleans as text.
func scan(db *sql.DB) ([][]any, error) {
	result, err := db.Query(query)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	out := make([][]any, 0, reading.Rows)
	for result.Next() {
		var (
			id, department, revenue, share, open string
			day, at                              time.Time
			note                                 sql.NullString
		)
		if err := result.Scan(&id, &department, &revenue, &share, &open, &day, &at, &note); err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil, err
		}
		f, err := strconv.ParseFloat(share, 64)
		if err != nil {
			return nil, err
		}
		row := []any{n, department, source.Decimal(revenue), f, open == "1", day, at, nil}
		if note.Valid {
			row[7] = note.String
		}
		out = append(out, row)
	}
	return out, result.Err()
}
