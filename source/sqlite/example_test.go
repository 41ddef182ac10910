package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"

	_ "modernc.org/sqlite"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sqlite"
)

func ExampleNew() {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // a database in memory lives in one connection
	if _, err := db.Exec("CREATE TABLE sales(department TEXT, revenue REAL); INSERT INTO sales VALUES ('Department 1', 11000)"); err != nil {
		fmt.Println(err)
		return
	}
	r, err := sqlite.New(db, nil).Query(context.Background(), source.Query{SQL: "SELECT department, revenue FROM sales"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Columns, r.Rows)
	// Output: [{department TEXT} {revenue REAL}] [[Department 1 11000]]
}

func ExampleOpen() {
	s, err := sqlite.Open("gone.db", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	_, err = s.Query(context.Background(), source.Query{SQL: "DROP TABLE sales"})
	fmt.Println(err)
	// Output: sql: parse: statement 1: line 1: DROP is no query; only SELECT and WITH … SELECT are allowed
}
