package integration_test

import (
	"strings"
	"testing"

	"github.com/datapush-go/datapush/internal/integration/server"
	"github.com/datapush-go/datapush/source"
)

// What the text of a statement tells, and where a value may stand in it, is compared
// with the columns that the server sends.
func TestTheTextTellsWhatTheServerDoes(t *testing.T) {
	// hostile would be a column of its own if it left its place.
	hostile := []string{"x", "x\n, 7 AS stolen -- ", "x*/ , 7 AS stolen /*", "' , 7 AS stolen -- ", `\' , 7 AS stolen -- `}
	tests := []struct {
		name    string
		system  *system
		open    func(t *testing.T) source.Source
		queries []string
	}{
		{"PostgreSQL", postgreSQL, func(t *testing.T) source.Source { return openPostgres(t, server.PostgresDSN(postgreSQL.server), nil) }, []string{
			"SELECT 1 /* /* ' */ , '${v}' AS r */ AS a",
			"SELECT 1 AS a$$, '${v}' AS k$$",
			"SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY i) AS median, mode() WITHIN GROUP (ORDER BY i) m FROM generate_series(1, 3) i",
			"SELECT count(*) FILTER (WHERE i > 1), sum(i) FILTER (WHERE i > 1) f, max(sum(i)) OVER w, max(sum(i)) OVER w o FROM generate_series(1, 3) i WINDOW w AS (ORDER BY 1)",
			"SELECT now() AT TIME ZONE z, now() AT TIME ZONE z y FROM (SELECT 'UTC' AS z) q",
			"SELECT i::double precision, i::double precision d, i::character varying v, i::timestamp with time zone w FROM (SELECT NULL AS i) q",
			"SELECT 'a' IS NFC NORMALIZED, 'a' IS NORMALIZED n, 1 OPERATOR(pg_catalog.+) i, 1 OPERATOR(pg_catalog.+) i j FROM generate_series(1, 1) i",
			"SELECT INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1' DAY d",
		}},
		{"MariaDB", mariaDB, func(t *testing.T) source.Source { return openMySQL(t, server.MySQLDSN(mariaDB.server.Port), nil) }, []string{
			"SELECT 1 --\x7f'${v}'\n AS a",
			"SELECT 1 --\x01'${v}'\n AS a",
			"SELECT 1--'${v}' AS a",
			"SELECT 1 AS a/*! , 2 AS b*/",
			"SELECT 1 AS a/*!999999 , 2 AS b*/",
			"SELECT /*!40001 SQL_NO_CACHE */ 1 AS a, 2 b LOCK IN SHARE MODE",
			`SELECT 1 AS 'a\'b', '${v}' AS c`,
			"SELECT time t, zone z FROM (SELECT 1 AS time, 2 AS zone) q",
		}},
		{"ClickHouse", clickHouse, func(t *testing.T) source.Source { return openClickHouse(t, clickHouseServer.DSN("clickhouse"), nil) }, []string{
			"SELECT 1 AS one /* old: /* x */ , '${v}' AS r */",
			"SELECT 1 AS one /* /* */ ; SELECT 2 */",
			"SELECT 1 AS a$$, '${v}' AS k$$",
			"SELECT untuple((1, 2))",
			"SELECT 1 AS a, untuple((2, 3)) AS c",
			"SELECT any(number) RESPECT NULLS, any(number) RESPECT NULLS r FROM numbers(3)",
			"SELECT q.COLUMNS('a|b') FROM (SELECT 1 AS a, 2 AS b) q",
			"SELECT * EXCEPT (a), 1 AS c FROM (SELECT 1 AS a, 2 AS b) q",
			"SELECT number::INT UNSIGNED, number::INT UNSIGNED u FROM numbers(1)",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.system.need(t)
			s := tt.open(t)
			for _, q := range tt.queries {
				script, err := source.Parse(q, s.Dialect())
				if err != nil || len(script.Statements) != 1 {
					t.Errorf("%q: %d statements, error %v", q, len(script.Statements), err)
					continue
				}
				st := script.Statements[0]
				outputs, known := st.Outputs(s.Dialect())
				for _, v := range hostile {
					text, err := st.Bind(s.Dialect(), map[string]string{"v": v})
					if err != nil {
						t.Errorf("%q: %v", q, err)
						continue
					}
					r, err := s.Query(t.Context(), source.Query{SQL: text})
					if err != nil {
						t.Errorf("%q: %v", text, err)
						continue
					}
					if known && len(outputs) != len(r.Columns) {
						t.Errorf("%q: the server's columns are %v, the text tells %v", text, r.Columns, outputs)
						continue
					}
					for i, c := range r.Columns {
						if c.Name == "stolen" || known && outputs[i].Name != "" && !strings.EqualFold(outputs[i].Name, c.Name) {
							t.Errorf("%q: column %d is %q, the text tells %v", text, i, c.Name, outputs)
						}
					}
				}
			}
		})
	}
}
