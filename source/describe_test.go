package source_test

import (
	"testing"

	"github.com/datapush-go/datapush/source"
)

func TestWithoutRows(t *testing.T) {
	tests := []struct{ name, sql, want string }{
		{"a plain query", "SELECT a FROM t ORDER BY a", "SELECT a FROM t ORDER BY a\nLIMIT 0"},
		{"a comment at the end", "SELECT a -- LIMIT 5", "SELECT a -- LIMIT 5\nLIMIT 0"},
		{"a limit of its own", "SELECT a FROM t limit 5, 10 -- x", "SELECT a FROM t\nLIMIT 0"},
		{"a limit in a subquery", "SELECT a FROM (SELECT a FROM t LIMIT 5) q", "SELECT a FROM (SELECT a FROM t LIMIT 5) q\nLIMIT 0"},
		{"a limit in a literal", "SELECT 'LIMIT 5' AS `limit`", "SELECT 'LIMIT 5' AS `limit`\nLIMIT 0"},
		{"WITH", "WITH x AS (SELECT 1 LIMIT 1) SELECT * FROM x LIMIT 3", "WITH x AS (SELECT 1 LIMIT 1) SELECT * FROM x\nLIMIT 0"},
		{"a union in parentheses", "(SELECT 1 LIMIT 1) UNION (SELECT 2 LIMIT 1)", "(SELECT 1 LIMIT 1) UNION (SELECT 2 LIMIT 1)\nLIMIT 0"},
		{"a locking clause", "SELECT a FROM t LIMIT 5 FOR UPDATE", "SELECT a FROM t\nLIMIT 0"},
		{"a locking clause without a limit", "SELECT a FROM t LOCK IN SHARE MODE", "SELECT a FROM t\nLIMIT 0"},
		{"FETCH", "SELECT a FROM t FETCH FIRST 5 ROWS ONLY", "SELECT a FROM t\nLIMIT 0"},
		{"OFFSET and FETCH", "SELECT a FROM t OFFSET 2 ROWS FETCH NEXT 5 ROWS WITH TIES", "SELECT a FROM t\nLIMIT 0"},
		{"OFFSET before LIMIT", "SELECT a FROM t OFFSET 2 LIMIT 5", "SELECT a FROM t\nLIMIT 0"},
		{"columns named so", "SELECT offset, fetch FROM t", "SELECT offset, fetch FROM t\nLIMIT 0"},
		{"a semicolon", "SELECT a;", "SELECT a\nLIMIT 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := source.WithoutRows(tt.sql, mysql); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
