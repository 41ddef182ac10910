package sqlite_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sourcetest"
	"github.com/datapush-go/datapush/source/sqlite"
)

func TestContract(t *testing.T) {
	t.Run("Open", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			path := database(t)
			return harness(t, open(t, path, nil), path)
		})
	})
	t.Run("New", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			path := database(t)
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			db.SetMaxOpenConns(4)
			t.Cleanup(func() { db.Close() })
			return harness(t, sqlite.New(db, nil), path)
		})
	})
}

func harness(t *testing.T, s source.Source, path string) sourcetest.Harness {
	return sourcetest.Harness{
		Source: s,
		Count: func(n int) string {
			return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT %d) SELECT i FROM n WHERE i <= %d", max(n, 1), n)
		},
		Endless: endless,
		Silent:  silent,
		Late:    late,
		Fails:   "SELECT json(CASE id WHEN 2 THEN '{' ELSE '1' END) FROM t ORDER BY id",
		Write:   "DELETE FROM t",
		State:   "SELECT * FROM t",
		Refused: []string{
			"WITH x AS (SELECT 1) DELETE FROM t", "WITH x AS (SELECT 1) INSERT INTO t SELECT 9, 'x'", "WITH x AS (SELECT 1) UPDATE t SET name = 'x'",
			"PRAGMA user_version=1", "ATTACH 'x.db' AS x", "VACUUM INTO 'x.db'", "CREATE TABLE x(a)", "DELETE FROM t RETURNING id", "BEGIN",
		},
		Cells: []sourcetest.Cell{
			{Name: "NULL", SQL: "SELECT NULL", Want: nil},
			{Name: "INTEGER", SQL: "SELECT 9223372036854775807", Want: int64(9223372036854775807)},
			{Name: "REAL", SQL: "SELECT 0.1", Want: 0.1},
			{Name: "TEXT", SQL: "SELECT 'a'", Want: "a"},
			{Name: "BLOB", SQL: "SELECT x'00ff'", Want: []byte{0, 255}},
		},
		Wrong: []sourcetest.Wrong{
			{Name: "a missing file", Source: open(t, filepath.Join(filepath.Dir(path), "canary-7731-gone.db"), nil), Kind: source.Unavailable},
		},
		Secrets: []string{path, filepath.Dir(path), "canary-7731", strings.TrimSuffix(filepath.Base(path), ".db")},
	}
}
