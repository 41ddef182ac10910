package source_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/source"
)

func TestOutputsReadNamesFromTheText(t *testing.T) {
	tests := []struct {
		name    string
		dialect source.Dialect
		sql     string
		want    []string // "" for an expression without an alias
		unknown bool
	}{
		{"O1: columns", source.ANSI, "SELECT id, department, revenue FROM sales", []string{"id", "department", "revenue"}, false},
		{"O2: an expression with an alias", source.ANSI, "SELECT a.revenue - b.revenue AS diff FROM t a, t b", []string{"diff"}, false},
		{"O3: a table's column and an alias without AS", source.ANSI, "SELECT a.id, b.name n FROM a JOIN b ON a.id = b.id", []string{"id", "n"}, false},
		{"O4: a quoted name", mysql, "SELECT `order no` FROM t", []string{"order no"}, false},
		{"O5: a star", source.ANSI, "SELECT * FROM t", nil, true},
		{"a table's star", source.ANSI, "SELECT a, t.* FROM t", nil, true},
		{"O6: a call without an alias", source.ANSI, "SELECT COUNT(*) FROM t", []string{""}, false},
		{"O8: WITH", source.ANSI, "WITH x AS (SELECT 1 a) SELECT a FROM x", []string{"a"}, false},
		{"O9: CASE with an alias", source.ANSI, "SELECT CASE WHEN x>0 THEN 'y' END AS flag FROM t", []string{"flag"}, false},
		{"O10: a scalar subquery", source.ANSI, "SELECT (SELECT MAX(v) FROM u) AS m, n FROM t", []string{"m", "n"}, false},
		{"O11: the first of a union", source.ANSI, "SELECT a FROM t UNION ALL SELECT b FROM u", []string{"a"}, false},
		{"a union in parentheses", source.ANSI, "(SELECT a FROM t) UNION (SELECT b FROM u)", []string{"a"}, false},
		{"CASE and an alias without AS", source.ANSI, "SELECT CASE x WHEN 1 THEN 2 ELSE 3 END flag, CASE x WHEN 1 THEN 2 END FROM t", []string{"flag", ""}, false},
		{"no FROM", source.ANSI, "SELECT 1 a, 'x' b, NULL, c LIMIT 1", []string{"a", "b", "", "c"}, false},
		{"DISTINCT", source.ANSI, "SELECT DISTINCT a, b FROM t", []string{"a", "b"}, false},
		{"DISTINCT ON", postgres, "SELECT DISTINCT ON (a, b) a, c FROM t", []string{"a", "c"}, false},
		{"IS DISTINCT FROM", postgres, "SELECT a IS DISTINCT FROM b AS d, a IS NOT DISTINCT FROM b FROM t", []string{"d", ""}, false},
		{"TOP", source.ANSI, "SELECT TOP 10 a FROM t", []string{"a"}, false},
		{"commas in calls", source.ANSI, "SELECT coalesce(a, b, (SELECT 1, 2)) c, d FROM t", []string{"c", "d"}, false},
		{"FROM in a call", source.ANSI, "SELECT EXTRACT(YEAR FROM d) y, TRIM(BOTH FROM x) FROM t", []string{"y", ""}, false},
		{"arrays and subscripts", postgres, "SELECT ARRAY[1, 2] a, b[1] c, b[2] FROM t", []string{"a", "c", ""}, false},
		{"a cast is an expression", postgres, "SELECT a::int, a::int AS b FROM t", []string{"", "b"}, false},
		{"operators before a name", source.ANSI, "SELECT a AND b, NOT c, a || b, d IS NULL, e COLLATE nocase FROM t", []string{"", "", "", "", ""}, false},
		{"a window", source.ANSI, "SELECT SUM(x) OVER w, SUM(x) OVER (PARTITION BY a, b) s FROM t WINDOW w AS (ORDER BY a)", []string{"", "s"}, false},
		{"an interval", mysql, "SELECT d + INTERVAL 1 DAY, d + INTERVAL (a + 1) DAY, d - INTERVAL -1 MONTH m, a day FROM t", []string{"", "", "m", "day"}, false},
		{"a time zone", postgres, "SELECT ts AT TIME ZONE 'UTC', ts AT TIME ZONE 'UTC' local FROM t", []string{"", "local"}, false},
		{"constants", postgres, "SELECT current_date, TRUE t, NULL FROM x", []string{"", "t", ""}, false},
		{"quoted aliases", mysql, "SELECT 1 AS 'a''b', 2 AS \"c\", 3 `d``e`", []string{"a'b", "c", "d`e"}, false},
		{"an alias that is a keyword", postgres, `SELECT a AS from, b AS "limit" FROM t`, []string{"from", "limit"}, false},
		{"names that end a query elsewhere", source.ANSI, "SELECT a format, offset FROM t", []string{"format", "offset"}, false},
		{"three parts", source.ANSI, `SELECT s.t."c d" FROM s.t`, []string{"c d"}, false},
		{"comments between", source.ANSI, "SELECT a -- , x\n, b /* c */ AS d /* e */ FROM t", []string{"a", "d"}, false},
		{"a column in an executable comment", mysql, "SELECT a /*!50000 , b */ FROM t", nil, true},
		{"the same at the end", mysql, "SELECT 1 AS a/*! , 2 AS b*/", nil, true},
		{"the same before the columns", mysql, "SELECT /*! b, */ a FROM t", nil, true},
		{"a modifier in an executable comment", mysql, "SELECT /*!40001 SQL_NO_CACHE */ a, b FROM t", []string{"a", "b"}, false},
		{"an executable comment after the columns", mysql, "SELECT a, b FROM t /*!50000 FORCE INDEX (x) */", []string{"a", "b"}, false},
		{"WITHIN GROUP", postgres, "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id) AS median, b FROM w", []string{"median", "b"}, false},
		{"WITHIN GROUP and an alias without AS", snow, "SELECT LISTAGG(a, ',') WITHIN GROUP (ORDER BY a) list, mode() WITHIN GROUP (ORDER BY a) FROM w GROUP BY b", []string{"list", ""}, false},
		{"a column called within", sqlite, "SELECT a within GROUP BY a", []string{"within"}, false},
		{"FILTER", postgres, "SELECT count(*) FILTER (WHERE a > 1), count(*) FILTER (WHERE a > 1) f, sum(a) FILTER (WHERE a > 1) OVER (ORDER BY b) s FROM t", []string{"", "f", "s"}, false},
		{"a named window", postgres, "SELECT sum(a) OVER w, sum(a) OVER w s FROM t WINDOW w AS (ORDER BY b)", []string{"", "s"}, false},
		{"RESPECT NULLS", snow, "SELECT first_value(a) IGNORE NULLS OVER (ORDER BY b) f, last_value(a) RESPECT NULLS OVER (ORDER BY b) FROM t", []string{"f", ""}, false},
		{"RESPECT NULLS at the end", click, "SELECT any(a) RESPECT NULLS, any(a) IGNORE NULLS x, any(a) RESPECT NULLS AS y FROM t", []string{"", "x", "y"}, false},
		{"FROM FIRST", mysql, "SELECT nth_value(a, 2) FROM FIRST OVER (ORDER BY a) n, nth_value(a, 2) FROM LAST RESPECT NULLS OVER (ORDER BY a), b FROM first", []string{"n", "", "b"}, false},
		{"a time zone of a column", postgres, "SELECT ts AT TIME ZONE tz, ts AT TIME ZONE tz z, ts AT LOCAL, ts AT LOCAL l FROM t", []string{"", "z", "", "l"}, false},
		{"columns called time and zone", mysql, "SELECT time t, zone z FROM w", []string{"t", "z"}, false},
		{"types of two words", postgres, "SELECT a::double precision, a::double precision b, a::character varying, a::character varying(3) c, a::timestamp with time zone, a::timestamp with time zone d FROM t",
			[]string{"", "b", "", "c", "", "d"}, false},
		{"types without a sign", click, "SELECT a::INT UNSIGNED, a::INT UNSIGNED b FROM t", []string{"", "b"}, false},
		{"predicates that end in a word", postgres, "SELECT a IS JSON OBJECT, a IS NOT JSON ARRAY b, a IS JSON WITH UNIQUE KEYS, a IS NFC NORMALIZED, a IS NORMALIZED n FROM t", []string{"", "b", "", "", "n"}, false},
		{"an operator by its name", postgres, "SELECT a OPERATOR(pg_catalog.+) b, a OPERATOR(pg_catalog.+) b c FROM t", []string{"", "c"}, false},
		{"an interval of two units", postgres, "SELECT a - INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1' DAY d FROM t", []string{"", "d"}, false},
		{"a lock", mysql, "SELECT a, b c LOCK IN SHARE MODE", []string{"a", "c"}, false},
		{"a backslash in an alias", mysql, `SELECT 1 AS 'a\'b'`, nil, true},
		{"SET in front", odps, "SET a=1; SELECT a, b FROM t", []string{"a", "b"}, false},
		{"a parameter in an expression", source.ANSI, "SELECT a + ${x} AS b, '${x}' AS c, a - ${x} FROM t", []string{"b", "c", ""}, false},
		{"a parameter as a column", source.ANSI, "SELECT ${x} FROM t", nil, true},
		{"a parameter in a path", source.ANSI, "SELECT a.${x} FROM t", nil, true},
		{"a parameter as an alias", source.ANSI, "SELECT 1 AS ${x} FROM t", nil, true},
		{"a parameter in a quoted alias", source.ANSI, `SELECT 1 AS "a ${x}" FROM t`, nil, true},
		{"a parameter that ends an alias", source.ANSI, "SELECT 1 AS a_${x} FROM t", nil, true},
		{"a missing column", source.ANSI, "SELECT a,, b FROM t", nil, true},
		{"COLUMNS of ClickHouse", click, "SELECT COLUMNS('a') FROM t", nil, true},
		{"COLUMNS of a table", click, "SELECT a, t.COLUMNS('a') APPLY(sum) FROM t", nil, true},
		{"COLUMNS in an expression", click, "SELECT 1 + COLUMNS('a') AS b FROM t", nil, true},
		{"a star but for some", click, "SELECT * EXCEPT (a), b FROM t", nil, true},
		{"a star with others", click, "SELECT t.* REPLACE (a + 1 AS a) APPLY(sum) FROM t", nil, true},
		{"APPLY", click, "SELECT a APPLY(toString) FROM t", nil, true},
		{"APPLY without parentheses", click, "SELECT a APPLY toString FROM t", nil, true},
		{"apply as a name", click, "SELECT apply, b apply, c AS apply FROM t", []string{"apply", "apply", "apply"}, false},
		{"untuple", click, "SELECT untuple((1, 2))", nil, true},
		{"untuple with an alias", click, "SELECT a, untuple(b) AS c FROM t", nil, true},
		{"untuple in an expression", click, "SELECT (untuple(b) AS c) FROM t", nil, true},
		{"a star after WITH TIES", click, "SELECT TOP 3 WITH TIES * FROM t", nil, true},
		{"next_token of a paged statement", source.ANSI, "SELECT id, id AS next_token FROM t WHERE id > ${next_token}", []string{"id"}, false},
		{"next_token of a plain one", source.ANSI, "SELECT id, id AS next_token FROM t", []string{"id", "next_token"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			script, err := source.Parse(tt.sql, tt.dialect)
			if err != nil {
				t.Fatal(err)
			}
			outs, known := script.Statements[0].Outputs(tt.dialect)
			var got []string
			for _, o := range outs {
				got = append(got, o.Name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || known == tt.unknown {
				t.Errorf("known %v, names (-want +got):\n%s", known, diff)
			}
		})
	}
}

func TestOutputsSayTheirLine(t *testing.T) {
	script, err := source.Parse("SELECT 1 a;\n\nSELECT b,\n  COUNT(*)\nFROM t", source.ANSI)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := script.Statements[1].Outputs(source.ANSI)
	if diff := cmp.Diff([]source.Output{{Name: "b", Line: 3}, {Line: 4}}, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestMergeOutputs(t *testing.T) {
	tests := []struct {
		name       string
		statements [][]string
		inputs     []string
		want       []string
		errs       []source.Error
	}{
		{"O2: the names of two statements", [][]string{{"id", "department", "revenue"}, {"diff"}}, []string{"date"}, []string{"id", "department", "revenue", "diff"}, nil},
		{"O7: the same name from two statements", [][]string{{"id"}, {"ID"}}, nil, []string{"id", "ID"},
			[]source.Error{{Op: "sql: outputs", Kind: source.Syntax, Statement: 2, Param: "ID"}}},
		{"the same name twice in one", [][]string{{"id", "Id"}}, nil, []string{"id", "Id"},
			[]source.Error{{Op: "sql: outputs", Kind: source.Syntax, Statement: 1, Param: "Id"}}},
		{"an input's name", [][]string{{"a"}, {"Date"}}, []string{"date"}, []string{"a", "Date"},
			[]source.Error{{Op: "sql: outputs", Kind: source.Syntax, Statement: 2, Param: "Date"}}},
		{"unknown names are left out", [][]string{{"", "a", ""}}, nil, []string{"a"}, nil},
		{"all findings", [][]string{{"a", "a"}, {"a", "x"}}, []string{"X"}, []string{"a", "a", "a", "x"},
			[]source.Error{
				{Op: "sql: outputs", Kind: source.Syntax, Statement: 1, Param: "a"},
				{Op: "sql: outputs", Kind: source.Syntax, Statement: 2, Param: "a"},
				{Op: "sql: outputs", Kind: source.Syntax, Statement: 2, Param: "x"},
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := source.MergeOutputs(tt.statements, tt.inputs)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			var errs []source.Error
			for _, err := range list(err) {
				var e *source.Error
				if !errors.As(err, &e) {
					t.Fatalf("%v is no *source.Error", err)
				}
				c := *e
				c.Err = nil
				errs = append(errs, c)
			}
			if diff := cmp.Diff(tt.errs, errs); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func list(err error) []error {
	if err == nil {
		return nil
	}
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	return []error{err}
}

func TestOutputNamesLeavesNextTokenOut(t *testing.T) {
	script, err := source.Parse("SELECT * FROM t WHERE id > ${next_token}", source.ANSI)
	if err != nil {
		t.Fatal(err)
	}
	columns := []source.Column{{Name: "id"}, {Name: "NEXT_TOKEN"}, {Name: "v"}}
	if diff := cmp.Diff([]string{"id", "v"}, script.Statements[0].OutputNames(columns)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
