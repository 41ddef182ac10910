package source_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/source"
)

var backslashed = source.Dialect{Name: "backslashed", Identifiers: "`", Strings: `"`, Backslash: true, BackslashQuotes: true}

func bind(t *testing.T, sql string, d source.Dialect, values map[string]string) (string, error) {
	t.Helper()
	script, err := source.Parse(sql, d)
	if err != nil {
		t.Fatal(err)
	}
	return script.Statements[0].Bind(d, values)
}

func TestBindEscapesByWhereAValueStands(t *testing.T) {
	tests := []struct {
		name    string
		dialect source.Dialect
		sql     string
		values  map[string]string
		want    string
	}{
		{"Q1: a date in a literal", source.ANSI, "SELECT id FROM sales WHERE ds='${date}'", map[string]string{"date": "20240102"}, "SELECT id FROM sales WHERE ds='20240102'"},
		{"Q6: two in one literal", source.ANSI, "SELECT '${a}${b}'", map[string]string{"a": "1", "b": "2"}, "SELECT '12'"},
		{"Q8: a value is not looked at again", source.ANSI, "SELECT '${a}'", map[string]string{"a": "${b}", "b": "9"}, "SELECT '${b}'"},
		{"Q9: a dollar before a parameter", source.ANSI, "SELECT '$${a}'", map[string]string{"a": "1"}, "SELECT '$1'"},
		{"a quote in a literal is doubled", source.ANSI, "SELECT '${a}'", map[string]string{"a": "it's"}, "SELECT 'it''s'"},
		{"a backslash is plain in standard SQL", source.ANSI, "SELECT '${a}'", map[string]string{"a": `\'`}, `SELECT '\'''`},
		{"a backslash is doubled in MySQL", mysql, "SELECT '${a}'", map[string]string{"a": `\'`}, `SELECT '\\'''`},
		{"a double-quoted literal in MySQL", mysql, `SELECT "${a}"`, map[string]string{"a": `"'\`}, `SELECT """'\\"`},
		{"a quote where it is never doubled", backslashed, `SELECT '${a}', "${a}"`, map[string]string{"a": `it's "\'`}, `SELECT 'it\'s "\\\'', "it's \"\\'"`},
		{"an identifier where quotes are never doubled", backslashed, "SELECT `${a}` FROM t", map[string]string{"a": "x`\\"}, "SELECT `x``\\` FROM t"},
		{"an identifier in MySQL", mysql, "SELECT `${a}` FROM t", map[string]string{"a": "x`\\"}, "SELECT `x``\\` FROM t"},
		{"an identifier in standard SQL", source.ANSI, `SELECT "${a}" FROM t`, map[string]string{"a": `x"; DROP`}, `SELECT "x""; DROP" FROM t`},
		{"an identifier in ClickHouse", click, "SELECT `${a}`, \"${a}\" FROM t", map[string]string{"a": "`\"\\"}, "SELECT ```\"\\\\`, \"`\"\"\\\\\" FROM t"},
		{"an E literal", postgres, "SELECT E'${a}', '${a}'", map[string]string{"a": `\'`}, `SELECT E'\\''', '\'''`},
		{"an E literal that goes on", postgres, "SELECT E'x'\n'${a}'", map[string]string{"a": `\`}, "SELECT E'x'\n'\\\\'"},
		{"dollar quotes", postgres, "SELECT $$${a}$$", map[string]string{"a": `'";\`}, `SELECT $$'";\$$`},
		{"double dollars", snow, `SELECT $$${a}$$, '${a}'`, map[string]string{"a": `'\`}, `SELECT $$'\$$, '''\\'`},
		{"brackets", sqlite, "SELECT [${a}] FROM t", map[string]string{"a": `x"[`}, `SELECT [x"[] FROM t`},
		{"comments are left alone", mysql, "SELECT 1 -- ${a}\n# ${a}\n/* ${a} */", map[string]string{"a": "x\nDROP"}, "SELECT 1 -- ${a}\n# ${a}\n/* ${a} */"},
		{"a comment of StarRocks and Doris", starrocks, "SELECT a FROM t\n--WHERE region = '${a}'", map[string]string{"a": "x\n UNION SELECT secret FROM s -- "}, "SELECT a FROM t\n--WHERE region = '${a}'"},
		{"a comment in a comment of ClickHouse", click, "SELECT 1 AS one /* old: /* x */ , '${a}' AS r */", map[string]string{"a": "x*/ , currentUser() AS stolen /*"}, "SELECT 1 AS one /* old: /* x */ , '${a}' AS r */"},
		{"a comment before a control character in MySQL", mysql, "SELECT 1 --\x7f'${a}'\n", map[string]string{"a": "x\n, 2"}, "SELECT 1 --\x7f'${a}'"},
		{"an empty value in a literal", source.ANSI, "SELECT '${a}'", map[string]string{"a": ""}, "SELECT ''"},
		{"a bare number", source.ANSI, "SELECT ${a}", map[string]string{"a": "-1.5e+3"}, "SELECT -1.5e+3"},
		{"a bare fraction", source.ANSI, "SELECT ${a}", map[string]string{"a": ".5"}, "SELECT .5"},
		{"a bare identifier", source.ANSI, "SELECT * FROM ${s}.${t}", map[string]string{"s": "dw", "t": "_sales1"}, "SELECT * FROM dw._sales1"},
		{"a bare date", source.ANSI, "SELECT ${a}", map[string]string{"a": "2024-01-02"}, "SELECT 2024-01-02"},
		{"a bare time", source.ANSI, "SELECT ${a}", map[string]string{"a": "08:00:00"}, "SELECT 08:00:00"},
		{"a bare time stamp", source.ANSI, "SELECT ${a}", map[string]string{"a": "2024-01-02T08:00:00.5Z"}, "SELECT 2024-01-02T08:00:00.5Z"},
		{"part of a name", source.ANSI, "SELECT * FROM sales_${d}", map[string]string{"d": "20240102"}, "SELECT * FROM sales_20240102"},
		{"two parts of a name", source.ANSI, "SELECT * FROM ${a}${b}_x", map[string]string{"a": "t", "b": "1a"}, "SELECT * FROM t1a_x"},
		{"a minus before a negative number opens no comment", source.ANSI, "SELECT 5 -${a}, 1", map[string]string{"a": "-1"}, "SELECT 5 - -1, 1"},
		{"unused values are ignored", source.ANSI, "SELECT 1", map[string]string{"a": "'"}, "SELECT 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := bind(t, tt.sql, tt.dialect, tt.values)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("SQL (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBindRefusesWhatItCannotEscape(t *testing.T) {
	tests := []struct {
		name    string
		dialect source.Dialect
		sql     string
		value   string
		want    string
	}{
		{"bare text", source.ANSI, "SELECT ${a}", "x y", "no number, identifier or date"},
		{"a bare statement", source.ANSI, "SELECT ${a}", "1; DROP TABLE t", "no number, identifier or date"},
		{"a bare quote", source.ANSI, "SELECT ${a}", "'x'", "no number, identifier or date"},
		{"a bare comment", source.ANSI, "SELECT ${a}", "1--", "no number, identifier or date"},
		{"a bare call", source.ANSI, "SELECT ${a}", "now()", "no number, identifier or date"},
		{"a bare list", source.ANSI, "SELECT ${a}", "1,2", "no number, identifier or date"},
		{"two bare names", source.ANSI, "SELECT ${a}", "a.b", "no number, identifier or date"},
		{"letters beyond ASCII", source.ANSI, "SELECT ${a}", "ʼ", "no number, identifier or date"},
		{"a half number", source.ANSI, "SELECT ${a}", "1e", "no number, identifier or date"},
		{"a dash that is no date's", source.ANSI, "SELECT ${a}", "2024--01", "no number, identifier or date"},
		{"a bare sign", source.ANSI, "SELECT ${a}", "-", "no number, identifier or date"},
		{"nothing bare", source.ANSI, "SELECT ${a}", "", "is empty and stands outside quotes"},
		{"a keyword that makes it write", source.ANSI, "SELECT 1 ${a} x", "INTO", "SELECT … INTO"},
		{"a date as part of a name", source.ANSI, "SELECT * FROM t_${a}", "2024-01-02", "part of a name"},
		{"a sign as part of a name", source.ANSI, "SELECT * FROM t_${a}", "-1", "part of a name"},
		{"a dollar in dollar quotes", postgres, "SELECT $$${a}$$", "$$; DROP", "dollar sign"},
		{"a dollar in double dollars", snow, "SELECT $$${a}$$", "$$; DROP", "dollar sign"},
		{"a bracket in brackets", sqlite, "SELECT [${a}]", "x]", "holds ]"},
		{"a NUL byte", source.ANSI, "SELECT '${a}'", "a\x00", "NUL byte"},
		{"broken UTF-8", source.ANSI, "SELECT '${a}'", "\xbf\\", "not UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := bind(t, tt.sql, tt.dialect, map[string]string{"a": tt.value})
			checkError(t, err, tt.want)
			if len(tt.value) > 4 && strings.Contains(err.Error(), tt.value) {
				t.Errorf("the value is in the error: %v", err)
			}
		})
	}
}

func TestBindNamesEveryParameterThatFails(t *testing.T) {
	// Q7 among others.
	_, err := bind(t, "SELECT 1,\n '${missing}',\n ${bad}, '${good}'", source.ANSI, map[string]string{"bad": "'", "good": "'"})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("error %v, want several", err)
	}
	var got []source.Error
	for _, err := range joined.Unwrap() {
		var e *source.Error
		if !errors.As(err, &e) {
			t.Fatalf("%v is no *source.Error", err)
		}
		got = append(got, source.Error{Op: e.Op, Kind: e.Kind, Statement: e.Statement, Param: e.Param})
	}
	want := []source.Error{
		{Op: "sql: bind", Kind: source.Syntax, Statement: 1, Param: "missing"},
		{Op: "sql: bind", Kind: source.Syntax, Statement: 1, Param: "bad"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	for _, part := range []string{"line 2: parameter ${missing}", "line 3: parameter ${bad}"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not say %q", err, part)
		}
	}
}

func TestBindCountsLinesAsTheScriptDoes(t *testing.T) {
	script, err := source.Parse("SET a=1;\n\nSELECT 1;\n\n-- x\nSELECT\n'${gone}'", odps)
	if err != nil {
		t.Fatal(err)
	}
	_, err = script.Statements[1].Bind(odps, nil)
	checkError(t, err, "statement 2: line 7: parameter ${gone}")
}

// FuzzBind proves that a value never changes how the text around it is read: the
// statement stays one, and a literal holds exactly the value.
func FuzzBind(f *testing.F) {
	for _, v := range []string{"20240102", "'", `\`, `\'`, `"`, "`", "]", "$$", "-1", "--", "*/", "INTO", "\x00", "\xbf\\", "a'b\\c\"d`e]f"} {
		f.Add(v)
	}
	forms := []struct {
		d         source.Dialect
		head, end string
		undo      *strings.Replacer
	}{
		{source.ANSI, "SELECT '", "'", strings.NewReplacer("''", "'")},
		{source.ANSI, `SELECT "`, `"`, strings.NewReplacer(`""`, `"`)},
		{mysql, "SELECT '", "'", strings.NewReplacer("''", "'", `\\`, `\`)},
		{starrocks, "SELECT '", "'", strings.NewReplacer("''", "'", `\\`, `\`)},
		{mysql, `SELECT "`, `"`, strings.NewReplacer(`""`, `"`, `\\`, `\`)},
		{mysql, "SELECT `", "`", strings.NewReplacer("``", "`")},
		{postgres, "SELECT E'", "'", strings.NewReplacer("''", "'", `\\`, `\`)},
		{postgres, "SELECT $x$", "$x$", strings.NewReplacer()},
		{snow, "SELECT $$", "$$", strings.NewReplacer()},
		{snow, "SELECT '", "'", strings.NewReplacer("''", "'", `\\`, `\`)},
		{sqlite, "SELECT [", "]", strings.NewReplacer()},
		{click, "SELECT `", "`", strings.NewReplacer("``", "`", `\\`, `\`)},
		{source.ANSI, "SELECT 5 -", " AS x", strings.NewReplacer(" ", "")},
		{source.ANSI, "SELECT * FROM t_", "", strings.NewReplacer()},
	}
	f.Fuzz(func(t *testing.T, v string) {
		for _, form := range forms {
			st := source.Statement{SQL: form.head + "${a}" + form.end + " -- ${a}"}
			got, err := st.Bind(form.d, map[string]string{"a": v})
			if err != nil {
				continue
			}
			middle, ok := strings.CutPrefix(got, form.head)
			middle, ok2 := strings.CutSuffix(middle, form.end+" -- ${a}")
			if !ok || !ok2 || form.undo.Replace(middle) != v {
				t.Errorf("%s: value %q in %q gave %q", form.d.Name, v, st.SQL, got)
			}
			if err := source.Check(got, form.d); err != nil {
				t.Errorf("%s: value %q gave %q: %v", form.d.Name, v, got, err)
			}
		}
	})
}
