package snowflake_test

import (
	"context"
	"fmt"
	"time"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/snowflake"
	"github.com/datapush-go/datapush/source/snowflake/snowflakefake"
)

func ExampleOpen() {
	account := snowflakefake.New(snowflakefake.Options{Tables: []snowflakefake.Table{{
		Name:    "SALES",
		Columns: []snowflakefake.Column{{Name: "DEPARTMENT", Type: "VARCHAR"}, {Name: "REVENUE", Type: "NUMBER(38,2)"}},
		Rows:    [][]any{{"Department 1", "11000.00"}, {"Department 2", nil}},
	}}})
	defer account.Close()

	// A real one is like user:password@account/database/schema?warehouse=name.
	dsn := "DP:secret@" + account.Addr + "/DB/PUBLIC?account=acc&protocol=http"
	sales, err := snowflake.Open(dsn, &snowflake.Options{Warehouse: "WH", QueryTag: "datapush", StatementTimeout: 10 * time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sales.Close()
	r, err := sales.Query(context.Background(), source.Query{SQL: `SELECT department AS "department", revenue FROM sales`})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Columns)
	fmt.Println(r.Rows)
	// Output:
	// [{department VARCHAR} {REVENUE NUMBER(38,2)}]
	// [[Department 1 11000.00] [Department 2 <nil>]]
}
