package source_test

import (
	"context"
	"fmt"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sourcetest"
)

func ExampleParse() {
	script, err := source.Parse("SELECT id FROM sales WHERE ds = '${date}'; SELECT COUNT(*) FROM sales -- all", source.ANSI)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, st := range script.Statements {
		fmt.Println(st.Number, st.SQL, st.Params)
	}
	_, err = source.Parse("DELETE FROM sales", source.ANSI)
	fmt.Println(err)
	// Output:
	// 1 SELECT id FROM sales WHERE ds = '${date}' [date]
	// 2 SELECT COUNT(*) FROM sales -- all []
	// sql: parse: statement 1: line 1: DELETE is no query; only SELECT and WITH … SELECT are allowed
}

func ExampleStatement_Bind() {
	script, err := source.Parse("SELECT * FROM t_${day} WHERE name = '${name}'", source.ANSI)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(script.Statements[0].Bind(source.ANSI, map[string]string{"day": "20240102", "name": "O'Hara"}))
	_, err = script.Statements[0].Bind(source.ANSI, map[string]string{"day": "20240102; DROP TABLE t", "name": ""})
	fmt.Println(err)
	// Output:
	// SELECT * FROM t_20240102 WHERE name = 'O''Hara' <nil>
	// sql: bind: statement 1: line 1: parameter ${day} is part of a name, where only letters, digits and underscores may stand
}

func ExampleStatement_Outputs() {
	script, err := source.Parse("SELECT id, revenue - cost AS profit, COUNT(*) FROM sales", source.ANSI)
	if err != nil {
		fmt.Println(err)
		return
	}
	outputs, known := script.Statements[0].Outputs(source.ANSI)
	fmt.Printf("%+v %v\n", outputs, known)
	// Output: [{Name:id Line:1} {Name:profit Line:1} {Name: Line:1}] true
}

func ExampleMergeOutputs() {
	fmt.Println(source.MergeOutputs([][]string{{"id", "revenue"}, {"diff"}}, []string{"date"}))
	_, err := source.MergeOutputs([][]string{{"id"}, {"ID"}}, nil)
	fmt.Println(err)
	// Output:
	// [id revenue diff] <nil>
	// sql: outputs: statement 2: column "ID" appears in statement 1 too; give one an alias
}

func ExampleCollect() {
	pages := sourcetest.Fixed(
		sourcetest.Table([]string{"id", "next_token"}, []any{int64(1), int64(1)}, []any{int64(2), int64(2)}),
		sourcetest.Table([]string{"id", "next_token"}, []any{int64(3), nil}),
	)
	script, err := source.Parse("SELECT id, id AS next_token FROM t WHERE id > ${next_token} ORDER BY id LIMIT 2", pages.Dialect())
	if err != nil {
		fmt.Println(err)
		return
	}
	r, warnings, err := source.Collect(context.Background(), pages, script.Statements[0], map[string]string{"next_token": "0"}, source.CollectOptions{})
	fmt.Println(r.Columns, r.Rows, warnings, err)
	// Output: [{id }] [[1] [2] [3]] [] <nil>
}

func ExamplePages() {
	src := sourcetest.Fixed(
		sourcetest.Table([]string{"id", "next_token"}, []any{int64(7), "7"}),
		sourcetest.Table([]string{"id", "next_token"}),
	)
	script, err := source.Parse("SELECT id, id AS next_token FROM t WHERE id > '${next_token}' ORDER BY id LIMIT 1", src.Dialect())
	if err != nil {
		fmt.Println(err)
		return
	}
	for page, err := range source.Pages(context.Background(), src, script.Statements[0], nil, source.PageOptions{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(page.Rows)
	}
	// Output: [[7 7]]
}
