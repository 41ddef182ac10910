package source_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/datapush-go/datapush/source"
)

// Dialects as their databases document them.
var (
	mysql = source.Dialect{Name: "mysql", Identifiers: "`", Strings: `"`, Backslash: true, HashComments: true,
		DashSpace: true, ExecutableComments: true}
	starrocks = source.Dialect{Name: "starrocks", Identifiers: "`", Strings: `"`, Backslash: true, ExecutableComments: true,
		RefuseUnclear: true}
	postgres = source.Dialect{Name: "postgres", Identifiers: `"`, EscapeStrings: true, NestedComments: true, DollarQuotes: true}
	sqlite   = source.Dialect{Name: "sqlite", Identifiers: "\"`["}
	odps     = source.Dialect{Name: "maxcompute", Identifiers: "`", Strings: `"`, Backslash: true, LeadingSet: true}
	click    = source.Dialect{Name: "clickhouse", Identifiers: "`\"", Backslash: true, BackslashIdentifiers: true, HashComments: true,
		SlashComments: true, NestedComments: true, Heredocs: true, TypographicQuotes: true, FormatClause: true}
	snow = source.Dialect{Name: "snowflake", Identifiers: `"`, Backslash: true, SlashComments: true, DoubleDollar: true, Flow: true}
)

func texts(s *source.Script) []string {
	var t []string
	for _, st := range s.Statements {
		t = append(t, st.SQL)
	}
	return t
}

func TestParseSplitsAtSemicolonsOutsideQuotesAndComments(t *testing.T) {
	tests := []struct {
		name    string
		dialect source.Dialect
		script  string
		want    []string
	}{
		{"Q3: two statements and a trailing semicolon", source.ANSI, "SELECT 1;SELECT 2;", []string{"SELECT 1", "SELECT 2"}},
		{"Q4: a semicolon in a literal and one in a comment", source.ANSI, "SELECT ';' AS s; SELECT 2 -- ; x",
			[]string{"SELECT ';' AS s", "SELECT 2 -- ; x"}},
		{"empty statements are dropped", source.ANSI, ";; SELECT 1 ;\n; -- end\n;", []string{"SELECT 1"}},
		{"a byte order mark is dropped", source.ANSI, "\ufeffSELECT 1", []string{"SELECT 1"}},
		{"a doubled quote does not end a literal", source.ANSI, "SELECT 'a'';b'; SELECT 2", []string{"SELECT 'a'';b'", "SELECT 2"}},
		{"a quoted identifier", source.ANSI, `SELECT ";" FROM t; SELECT 2`, []string{`SELECT ";" FROM t`, "SELECT 2"}},
		{"a backslash is plain in standard SQL", source.ANSI, `SELECT '\'; SELECT 2`, []string{`SELECT '\'`, "SELECT 2"}},
		{"a backslash escapes in MySQL", mysql, `SELECT '\'; SELECT 2', "\";"; SELECT 3`, []string{`SELECT '\'; SELECT 2', "\";"`, "SELECT 3"}},
		{"backticks in MySQL", mysql, "SELECT `a``;` FROM t; SELECT 2", []string{"SELECT `a``;` FROM t", "SELECT 2"}},
		{"MySQL's hash comment", mysql, "SELECT 1 # ; x\n; SELECT 2", []string{"SELECT 1 # ; x", "SELECT 2"}},
		{"-- needs a space in MySQL", mysql, "SELECT 5--1; SELECT 2", []string{"SELECT 5--1", "SELECT 2"}},
		{"-- at a line's end is a comment in MySQL", mysql, "SELECT 5 --\n; SELECT 2 --", []string{"SELECT 5 --", "SELECT 2 --"}},
		{"block comments do not nest in MySQL", mysql, "SELECT 1 /* /* ; */; SELECT 2", []string{"SELECT 1 /* /* ; */", "SELECT 2"}},
		{"-- before a control character is a comment in MySQL", mysql, "SELECT 1 --\x7f' ;\n; SELECT 1 --\x01' ;\n; SELECT 2", []string{"SELECT 1 --\x7f' ;", "SELECT 1 --\x01' ;", "SELECT 2"}},
		{"-- needs no space in StarRocks and Doris", starrocks, "SELECT 5--1;\n; SELECT 2", []string{"SELECT 5--1;", "SELECT 2"}},
		{"comments and literals of StarRocks and Doris", starrocks, "SELECT '#;R' -- it's ;\n, `#;` /* # ; */, r FROM t; SELECT \";\\\"\" r", []string{"SELECT '#;R' -- it's ;\n, `#;` /* # ; */, r FROM t", "SELECT \";\\\"\" r"}},
		{"block comments nest in ClickHouse", click, "SELECT 1 /* /* */ ; SELECT 2 */; SELECT 3", []string{"SELECT 1 /* /* */ ; SELECT 2 */", "SELECT 3"}},
		{"block comments nest in PostgreSQL", postgres, "SELECT 1 /* /* ; */ ; */; SELECT 2", []string{"SELECT 1 /* /* ; */ ; */", "SELECT 2"}},
		{"dollar quotes", postgres, "SELECT $$;$$, $a$ $$; $b$ $a$; SELECT 2", []string{"SELECT $$;$$, $a$ $$; $b$ $a$", "SELECT 2"}},
		{"a dollar in a name quotes nothing", postgres, "SELECT a$b$ FROM t; SELECT c$b$ FROM t", []string{"SELECT a$b$ FROM t", "SELECT c$b$ FROM t"}},
		{"a number after a dollar is a placeholder", postgres, "SELECT '$1$'; SELECT 2", []string{"SELECT '$1$'", "SELECT 2"}},
		{"E literals take backslashes", postgres, `SELECT E'\';', e'a''\\'; SELECT 2`, []string{`SELECT E'\';', e'a''\\'`, "SELECT 2"}},
		{"plain literals after a name that ends in E do not", postgres, `SELECT NAME'\'; SELECT 2`, []string{`SELECT NAME'\'`, "SELECT 2"}},
		{"an E literal goes on in the next line", postgres, "SELECT E'a' -- x\n  '\\';'; SELECT 2", []string{"SELECT E'a' -- x\n  '\\';'", "SELECT 2"}},
		{"brackets in SQLite", sqlite, "SELECT [;] FROM t; SELECT 2", []string{"SELECT [;] FROM t", "SELECT 2"}},
		{"a backslash in an identifier of ClickHouse", click, "SELECT `a\\`;` FROM t; SELECT 2", []string{"SELECT `a\\`;` FROM t", "SELECT 2"}},
		{"a heredoc of ClickHouse", click, "SELECT $$;$$, $1_a$ ' ; $1$ $1_a$; SELECT 2", []string{"SELECT $$;$$, $1_a$ ' ; $1$ $1_a$", "SELECT 2"}},
		{"comments of ClickHouse", click, "SELECT 1 // ;\n + 2 # ;\n; SELECT 2", []string{"SELECT 1 // ;\n + 2 # ;", "SELECT 2"}},
		{"typographic quotes in a literal of ClickHouse", click, "SELECT '‘;”' -- “\n; SELECT 2", []string{"SELECT '‘;”' -- “", "SELECT 2"}},
		{"SET goes with the queries after it", odps, "SET a=1; -- why\nSET b='x;y' -- z\n; SELECT 1; SELECT 2",
			[]string{"SET a=1;\n-- why\nSET b='x;y';\nSELECT 1", "SET a=1;\n-- why\nSET b='x;y';\nSELECT 2"}},
		{"optimizer hints stay", mysql, "SELECT /*+ MAX_EXECUTION_TIME(1) */ 1", []string{"SELECT /*+ MAX_EXECUTION_TIME(1) */ 1"}},
		{"$$ quotes and // comments", snow, "SELECT $$;$$, $1 // ;\n; SELECT a$$b", []string{"SELECT $$;$$, $1 // ;", "SELECT a$$b"}},
		{"a lambda and a quoted arrow", snow, "SELECT FILTER(a, x -> x > 1), '->>'", []string{"SELECT FILTER(a, x -> x > 1), '->>'"}},
		{"->> is an operator elsewhere", postgres, "SELECT a->>'b'", []string{"SELECT a->>'b'"}},
		{"an executable comment without a statement stays", mysql, "SELECT /*!40001 SQL_NO_CACHE */ 1", []string{"SELECT /*!40001 SQL_NO_CACHE */ 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := source.Parse(tt.script, tt.dialect)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, texts(got)); diff != "" {
				t.Errorf("statements (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseSaysWhereAStatementStandsAndWhatItUses(t *testing.T) {
	got, err := source.Parse("-- head ${not_me}\n\nSELECT '${b}', \"${a}\" /* ${nor_me} */\nFROM t_${b};\n\n SELECT ${next_token}", source.ANSI)
	if err != nil {
		t.Fatal(err)
	}
	want := []source.Statement{
		{SQL: "-- head ${not_me}\n\nSELECT '${b}', \"${a}\" /* ${nor_me} */\nFROM t_${b}", Number: 1, Line: 3, Params: []string{"b", "a"}},
		{SQL: "SELECT ${next_token}", Number: 2, Line: 6, Params: []string{"next_token"}},
	}
	if diff := cmp.Diff(want, got.Statements, cmpopts.IgnoreUnexported(source.Statement{})); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"b", "a", "next_token"}, got.Params()); diff != "" {
		t.Errorf("params (-want +got):\n%s", diff)
	}
	if got.Statements[0].Paged() || !got.Statements[1].Paged() {
		t.Error("only the second statement is paged")
	}
}

func TestParseAcceptsQueriesOnly(t *testing.T) {
	tests := []struct {
		name    string
		dialect source.Dialect
		script  string
		want    string // part of the error, "" for none
	}{
		{"a parenthesised SELECT", source.ANSI, "((SELECT 1) UNION (SELECT 2))", ""},
		{"WITH … SELECT", source.ANSI, "WITH a AS (SELECT 1), b (x) AS (SELECT 2) SELECT * FROM a, b", ""},
		{"WITH RECURSIVE", postgres, "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM a) SEARCH DEPTH FIRST BY n SET o SELECT n FROM a", ""},
		{"WITH before a SELECT in parentheses", postgres, "WITH a AS (SELECT 1) ((SELECT * FROM a))", ""},
		{"WITH in ClickHouse", click, "WITH 1 AS x, (SELECT 2) AS y SELECT x + y", ""},
		{"format as a name in ClickHouse", click, "SELECT format, t.format, format('{}', a) AS format FROM format f", ""},
		{"FORMAT at the end in ClickHouse", click, "SELECT 1 FORMAT JSON", "FORMAT is for clients"},
		{"FORMAT before SETTINGS in ClickHouse", click, "SELECT a FROM t format TSV SETTINGS max_threads = 1", "FORMAT is for clients"},
		{"SELECT … INTO OUTFILE in ClickHouse", click, "SELECT 1 INTO OUTFILE 'x' FORMAT CSV", "SELECT … INTO"},
		{"a typographic literal in ClickHouse", click, "SELECT ‘a'b’, ${p}, ‘c'd’", "a typographic quote"},
		{"a typographic identifier after a word in ClickHouse", click, "SELECT a“b” FROM t", "a typographic quote"},
		{"a typographic quote after a number in ClickHouse", click, "SELECT 1’", "a typographic quote"},
		{"functions named like statements", mysql, "SELECT REPLACE(a, 'x', 'y'), (INSERT('abc', 1, 1, 'z')) FROM t", ""},
		{"names that are keywords elsewhere", postgres, "WITH update AS (SELECT 1 AS into) SELECT t.into, delete FROM update t", ""},
		{"words inside literals and comments", source.ANSI, "SELECT 'INTO DELETE' /* INTO */ -- INTO\n", ""},
		{"Q5: only a comment", source.ANSI, "-- only a comment", "no statement"},
		{"nothing", source.ANSI, " \n ; ", "no statement"},
		{"Q10: DELETE", source.ANSI, "DELETE FROM t", "statement 1: line 1: DELETE is no query"},
		{"the second of two", source.ANSI, "SELECT 1;\nupdate t set a = 1", "statement 2: line 2: UPDATE is no query"},
		{"SHOW", mysql, "SHOW TABLES", "SHOW is no query"},
		{"EXPLAIN", postgres, "EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN is no query"},
		{"SET where the dialect has none", mysql, "SET a = 1; SELECT 1", "SET is no query"},
		{"SET without a query", odps, "SELECT 1;\nSET a=1;", "line 2: no query follows SET"},
		{"WITH … DELETE", sqlite, "WITH a AS (SELECT 1) DELETE FROM t", "WITH … DELETE"},
		{"WITH … INSERT", sqlite, "WITH a(x) AS (SELECT 1)\ninsert into t SELECT * FROM a", "WITH … INSERT"},
		{"WITH … UPDATE", sqlite, "WITH a AS (SELECT 1) UPDATE t SET x = 1", "WITH … UPDATE"},
		{"WITH … MERGE", postgres, "WITH a AS (SELECT 1) MERGE INTO t USING a ON true WHEN MATCHED THEN DELETE", "WITH … MERGE"},
		{"a WITH item that deletes", postgres, "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "WITH … DELETE"},
		{"a WITH item that updates a quoted name", postgres, `WITH a AS MATERIALIZED (UPDATE "t" SET x = 1 RETURNING *) SELECT * FROM a`, "WITH … UPDATE"},
		{"a nested WITH item that inserts", postgres, "WITH a AS (WITH b AS (SELECT 1) INSERT INTO t SELECT * FROM b RETURNING *) SELECT * FROM a", "WITH … INSERT"},
		{"a nested WITH item that deletes", postgres, "WITH a AS (WITH b AS (SELECT 1) DELETE FROM t RETURNING *) SELECT * FROM a", "WITH … DELETE"},
		{"a WITH item hidden behind a comment", postgres, "WITH a AS (/* SELECT */ DELETE FROM t RETURNING *) SELECT * FROM a", "WITH … DELETE"},
		{"SELECT … INTO a table", postgres, "SELECT * INTO x FROM t", "SELECT … INTO"},
		{"SELECT … INTO a file", mysql, "SELECT * FROM t INTO OUTFILE '/tmp/x'", "SELECT … INTO"},
		{"WITH alone", source.ANSI, "WITH a AS (SELECT 1)", "WITH has no SELECT"},
		{"a literal", source.ANSI, "'secret'", "a statement begins with a literal"},
		{"a chained statement", snow, "SELECT 1 ->> DROP TABLE t", "->> chains"},
		{"a chained statement between what quotes elsewhere", snow, "SELECT $x$ ->> DROP TABLE t ->> SELECT $x$", "->> chains"},
		{"a second statement in an executable comment", mysql, "SELECT 1 /*! ; DELETE FROM t */", "a second statement DELETE is hidden in an executable comment"},
		{"the same for MariaDB only", mysql, "SELECT 1 /*M!100000 ; DELETE FROM t */", "a second statement DELETE is hidden"},
		{"INTO in an executable comment", mysql, "SELECT 1 /*!50000 INTO OUTFILE 'x' */", "SELECT … INTO"},
		{"a verb in an executable comment", mysql, "/*! DELETE FROM t -- */ SELECT 1", "comment inside an executable comment"},
		{"a verb in an executable comment before the query", mysql, "/*!99999 DELETE FROM t WHERE a IN ( */ SELECT 1 /*!99999 ) */", "DELETE is no query"},
		{"a query in an executable comment only", mysql, "/*! SELECT 1 */", "no query"},
		{"a literal that begins in an executable comment", mysql, "SELECT /*! ' */ 1; DELETE FROM t; -- '", "a literal is not closed"},
		{"the same text elsewhere is a comment", postgres, "SELECT 1 /*! ; DELETE FROM t */", ""},
		{"a literal that is not closed", source.ANSI, "SELECT 1;\nSELECT 'a", "statement 2: line 2: a literal is not closed"},
		{"an identifier that is not closed", source.ANSI, `SELECT "a`, "an identifier is not closed"},
		{"a comment that is not closed", source.ANSI, "SELECT 1 /* a", "a comment is not closed"},
		{"a nested comment that is not closed", postgres, "SELECT 1 /* /* */", "a comment is not closed"},
		{"dollar quotes that are not closed", postgres, "SELECT $a$ $$ $b$", "end it with $a$"},
		{"a NUL byte", source.ANSI, "SELECT 1\x00; DELETE FROM t", "a NUL byte"},
		{"an expression in place of a name", source.ANSI, "SELECT '${yyyymmdd-1}'", "${yyyymmdd-1} is no parameter name"},
		{"a name that begins with a digit", source.ANSI, "SELECT ${1a}", "${1a} is no parameter name"},
		{"no name", source.ANSI, "SELECT ${}", "${} is no parameter name"},
		{"a name of 65 bytes", source.ANSI, "SELECT ${" + strings.Repeat("a", 65) + "}", "65 bytes"},
		{"a name of 64 bytes", source.ANSI, "SELECT ${" + strings.Repeat("a", 64) + "}", ""},
		{"a parameter that is not closed", source.ANSI, "SELECT '${a'", "${ is not closed"},
		{"a hint that goes on in a quoted name", mysql, "SELECT /*+ QB_NAME(`*/ '`) */ 1 INTO OUTFILE 'x' -- '", "a hint ends inside `"},
		{"a hint with a quoted name", mysql, "SELECT /*+ QB_NAME(`a\"b`) SET_VAR(x = 'y') */ 1", ""},
		{"what follows a carriage return in a comment", postgres, "SELECT 1 --\r; COMMIT; DELETE FROM t", "a carriage return"},
		{"the same in a comment between two parts of a literal", postgres, "SELECT E'a' -- \r\\'\n'b'", "a carriage return"},
		{"the same after a hash", mysql, "SELECT 1 #\r, 2\n", "a carriage return"},
		{"lines that end in both", postgres, "SELECT 1 -- a\r\n, 2 -- b\r\r\n, 3 -- c\r", ""},
		{"an E that some servers take from a number", postgres, `SELECT 1E'\'' ; DELETE FROM t -- '`, "a number stands right before a quote"},
		{"an expression in a comment is left alone", source.ANSI, "SELECT 1 -- ${yyyymmdd-1} ${", ""},
		{"a parameter in an executable comment", mysql, "SELECT 1 /*! + ${a} */", "parameter ${a} stands in an executable comment"},
		{"a backslash before a parameter", mysql, `SELECT '\${a}'`, "a backslash stands right before"},
		{"two backslashes before a parameter", mysql, `SELECT '\\${a}'`, ""},
		{"a parameter in a U& literal", postgres, `SELECT U&'${a}'`, "parameter ${a} stands in a U& literal"},
		{"a bare parameter before a quote", postgres, `SELECT ${a}'\n'`, "right before a quote"},
		{"a bare parameter before dollar quotes", postgres, "SELECT 1 AS a${a}$$ , '${b}' AS k$$", "${a} stands right before a dollar sign"},
		{"a bare parameter before a tag", postgres, "SELECT 1 AS ${a}$t$ , '${b}' AS k$t$", "right before a dollar sign"},
		{"a bare parameter before a heredoc", click, "SELECT 1 AS a${a}$$ , '${b}' AS k$$", "right before a dollar sign"},
		{"a bare parameter before double dollars", snow, "SELECT 1 AS a${a}$$ , '${b}' AS k$$", "right before a dollar sign"},
		{"a digit between the two", postgres, "SELECT 1 AS a${a}1$$ , '${b}' AS k$$", "a number stands right before a dollar sign"},
		{"a letter between the two", postgres, "SELECT a${a}x$$ FROM t", ""},
		{"a name of MySQL with a dollar", mysql, "SELECT a${a}$$ FROM t", ""},
		{"two parameters", postgres, "SELECT a${a}${b} FROM t", ""},
		{"a bare parameter after two dashes", mysql, "SELECT 5--${a} , 2", "${a} stands right after --"},
		{"INTO behind what a control character makes a comment", mysql, "SELECT 1 --\x7f'\n INTO OUTFILE \"x\" #'", "SELECT … INTO"},
		{"a hash on StarRocks and Doris", starrocks, "SELECT 1,\n# it's old\n2", "line 2: # begins a comment on some servers only; write --"},
		{"a comment in a comment", starrocks, "SELECT 1 /* /* */ , '${a}' */", "a comment has /* in it"},
		{"the same where the two overlap", starrocks, "SELECT 1 /* /*/ , '${a}' */", "a comment has /* in it"},
		{"the same in an executable comment", starrocks, "SELECT 1 /*! , '/*' */ , '${a}' /* */", "a comment has /* in it"},
		{"a comment that some servers continue", starrocks, "SELECT 1 -- x\\\n, '${a}'", `a comment ends in \`},
		{"a comment in a hint", starrocks, "SELECT /*+ leading(a -- */ '${a}'\n) */ 1", "a hint has --"},
		{"a backslash in a hint", starrocks, `SELECT /*+ leading('a\' */ '${a}') */ 1`, `a hint has -- or \ in it`},
		{"a hint", starrocks, "SELECT /*+ SET_VAR(query_timeout = 1) */ 1", ""},
		{"a raw literal", starrocks, `SELECT R'\', '${a}'`, "R stands right before a quote"},
		{"a raw literal in double quotes", starrocks, `SELECT r"\", "${a}"`, "R stands right before a quote"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			script, err := source.Parse(tt.script, tt.dialect)
			if script == nil {
				t.Fatal("Parse returned no script")
			}
			checkError(t, err, tt.want)
		})
	}
}

// checkError wants an *Error of kind Syntax that contains text, or none.
func checkError(t *testing.T, err error, text string) {
	t.Helper()
	if text == "" {
		if err != nil {
			t.Errorf("error %v, want none", err)
		}
		return
	}
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != source.Syntax || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one of kind syntax with %q", err, text)
	}
}

func TestParseReportsEveryFinding(t *testing.T) {
	script, err := source.Parse("DROP TABLE t;\nSELECT '${a-b}', ${9};\nSELECT 1 INTO x", source.ANSI)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("error %v, want several", err)
	}
	var got []int
	for _, err := range joined.Unwrap() {
		var e *source.Error
		if !errors.As(err, &e) {
			t.Fatalf("%v is no *source.Error", err)
		}
		got = append(got, e.Statement)
	}
	if diff := cmp.Diff([]int{1, 2, 2, 3}, got); diff != "" {
		t.Errorf("statements of the findings (-want +got):\n%s", diff)
	}
	if n := len(script.Statements); n != 3 {
		t.Errorf("%d statements are kept, want 3", n)
	}
}

func TestRawDialectAcceptsAnyStatement(t *testing.T) {
	raw := source.ANSI
	raw.Raw = true
	script, err := source.Parse("SHOW ${what}", raw)
	if err != nil {
		t.Fatal(err)
	}
	got, err := script.Statements[0].Bind(raw, map[string]string{"what": "TABLES FROM x"})
	if err != nil || got != "SHOW TABLES FROM x" {
		t.Errorf("Bind: %q, %v", got, err)
	}
}

func TestCheckTakesBoundText(t *testing.T) {
	tests := []struct {
		name, sql, want string
	}{
		{"one query", "SELECT 1", ""},
		{"a trailing semicolon", "SELECT 1;", ""},
		{"a literal that came from a value", "SELECT '${yyyymmdd-1} ${'", ""},
		{"two queries", "SELECT 1; SELECT 2", "a second statement, SELECT"},
		{"no query", "DELETE FROM t", "DELETE is no query"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkError(t, source.Check(tt.sql, source.ANSI), tt.want) })
	}
}

func TestSplitSet(t *testing.T) {
	sets, query := source.SplitSet("SET a=1;\n-- why\nSET b='x;y';\nSELECT ';' AS s", odps)
	if diff := cmp.Diff([]string{"SET a=1", "SET b='x;y'"}, sets); diff != "" {
		t.Errorf("sets (-want +got):\n%s", diff)
	}
	if query != "SELECT ';' AS s" {
		t.Errorf("query %q", query)
	}
	sets, query = source.SplitSet(" SELECT 1 ", mysql)
	if sets != nil || query != "SELECT 1" {
		t.Errorf("without SET: %q, %q", sets, query)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"SELECT 1;SELECT 2", "SELECT '${a}' -- ${b}", "/*! ; */ SELECT", "$a$ ${x} $a$", "WITH a AS (DELETE FROM t", "E'\\''\n'x'", "\x00'"} {
		f.Add(s)
	}
	dialects := []source.Dialect{source.ANSI, mysql, starrocks, postgres, sqlite, odps, click, snow, {}}
	f.Fuzz(func(t *testing.T, script string) {
		for _, d := range dialects {
			got, err := source.Parse(script, d)
			if got == nil {
				t.Fatal("no script")
			}
			for _, st := range got.Statements {
				st.Outputs(d)
				if err != nil {
					continue
				}
				if st.Line < 1 || st.Line > 1+strings.Count(script, "\n") {
					t.Errorf("%s: line %d of %q", d.Name, st.Line, script)
				}
				// A statement that was accepted is accepted again by itself, and
				// its parameters stand where they stood in the script.
				if _, err := source.Parse(st.SQL, d); err != nil {
					t.Errorf("%s: %q parsed alone: %v", d.Name, st.SQL, err)
				}
				values := map[string]string{}
				for _, n := range st.Params {
					values[n] = "1"
				}
				text, err := st.Bind(d, values)
				alone := source.Statement{SQL: st.SQL, Number: st.Number, Line: st.Line}
				if want, wantErr := alone.Bind(d, values); text != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
					t.Errorf("%s: %q binds to %q, %v; alone to %q, %v", d.Name, st.SQL, text, err, want, wantErr)
				}
			}
		}
	})
}
