package integration_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/datapush-go/datapush/internal/integration/server"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/hologres"
	"github.com/datapush-go/datapush/source/postgres"
	"github.com/datapush-go/datapush/source/sourcetest"
)

var (
	postgreSQL = register("PostgreSQL 15", server.PostgreSQL)
	pgBouncer  = register("PgBouncer", func() (*server.Server, error) {
		postgreSQL.once.Do(func() { postgreSQL.server, postgreSQL.err = postgreSQL.start() })
		if postgreSQL.err != nil {
			return nil, postgreSQL.err
		}
		return server.PgBouncer(postgreSQL.server)
	})
)

// admin runs statements as the superuser, directly.
func admin(t testing.TB, statements ...string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), server.PostgresDSN(postgreSQL.server))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	for _, s := range statements {
		if _, err := c.Exec(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return c
}

func openPostgres(t testing.TB, dsn string, o *postgres.Options) *postgres.Source {
	t.Helper()
	s, err := postgres.Open(dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// The rows are given in pieces that the server sends early.
const (
	pgEndless = "SELECT generate_series(1, 2000000000) AS i, repeat('x', 100) AS pad"
	pgSilent  = "SELECT pg_sleep(600)"
	pgLate    = "SELECT i, CASE WHEN i > 5000 THEN pg_sleep(600)::text ELSE repeat('x', 100) END AS pad FROM generate_series(1, 6000) AS g(i)"
)

var pgCells = append([]sourcetest.Cell{
	{Name: "NULL", SQL: "SELECT NULL::text AS v", Want: nil},
	{Name: "boolean", SQL: "SELECT true AS v", Want: true},
	{Name: "boolean false", SQL: "SELECT false AS v", Want: false},
	{Name: "boolean NULL", SQL: "SELECT NULL::boolean AS v", Want: nil},
	{Name: "smallint", SQL: "SELECT (-32768)::smallint AS v", Want: int64(-32768)},
	{Name: "integer", SQL: "SELECT 2147483647 AS v", Want: int64(2147483647)},
	{Name: "bigint", SQL: "SELECT (-9223372036854775808)::bigint AS v", Want: int64(math.MinInt64)},
	{Name: "bigint NULL", SQL: "SELECT NULL::bigint AS v", Want: nil},
	{Name: "real", SQL: "SELECT 0.1::real AS v", Want: 0.1},
	{Name: "double precision", SQL: "SELECT 0.1::float8 + 0.2::float8 AS v", Want: 0.30000000000000004},
	{Name: "NaN", SQL: "SELECT 'NaN'::float8 AS v", Want: math.NaN()},
	{Name: "infinity", SQL: "SELECT '-Infinity'::float8 AS v", Want: math.Inf(-1)},
	{Name: "numeric", SQL: "SELECT 12345678901234567890123456789012345678.123456789012345678 AS v", Want: source.Decimal("12345678901234567890123456789012345678.123456789012345678")},
	{Name: "numeric with its zeros", SQL: "SELECT 12000.00::numeric(10,2) AS v", Want: source.Decimal("12000.00")},
	{Name: "a small numeric", SQL: "SELECT 0.0000000000000000000001 AS v", Want: source.Decimal("0.0000000000000000000001")},
	{Name: "numeric NaN", SQL: "SELECT 'NaN'::numeric AS v", Want: math.NaN()},
	{Name: "numeric NULL", SQL: "SELECT NULL::numeric AS v", Want: nil},
	{Name: "text", SQL: "SELECT 'it''s 中文 🙂' AS v", Want: "it's 中文 🙂"},
	{Name: "an empty text", SQL: "SELECT '' AS v", Want: ""},
	{Name: "char", SQL: "SELECT 'ab'::char(4) AS v", Want: "ab  "},
	{Name: "bytea", SQL: `SELECT '\x00ff5c'::bytea AS v`, Want: []byte{0, 255, 92}},
	{Name: "an empty bytea", SQL: `SELECT ''::bytea AS v`, Want: []byte{}},
	{Name: "date", SQL: "SELECT DATE '2024-02-29' AS v", Want: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
	{Name: "date NULL", SQL: "SELECT NULL::date AS v", Want: nil},
	{Name: "date infinity", SQL: "SELECT 'infinity'::date AS v", Want: "infinity"},
	{Name: "a date before Christ", SQL: "SELECT DATE '0044-03-15 BC' AS v", Want: "0044-03-15 BC"},
	{Name: "a date after 9999", SQL: "SELECT DATE '12024-01-01' AS v", Want: "12024-01-01"},
	{Name: "timestamp", SQL: "SELECT TIMESTAMP '2024-01-02 08:09:10.123456' AS v", Want: time.Date(2024, 1, 2, 8, 9, 10, 123456000, time.UTC)},
	{Name: "timestamp -infinity", SQL: "SELECT '-infinity'::timestamp AS v", Want: "-infinity"},
	{Name: "timestamptz", SQL: "SELECT TIMESTAMPTZ '2024-01-02 08:09:10+08' AT TIME ZONE 'UTC' AT TIME ZONE 'UTC' AS v", Want: time.Date(2024, 1, 2, 0, 9, 10, 0, time.UTC)},
	{Name: "time", SQL: "SELECT TIME '08:09:10.5' AS v", Want: "08:09:10.5"},
	{Name: "timetz", SQL: "SELECT TIMETZ '08:09:10+08' AS v", Want: "08:09:10+08"},
	{Name: "interval", SQL: "SELECT INTERVAL '1 day 2 hours' AS v", Want: "1 day 02:00:00"},
	{Name: "json", SQL: `SELECT '{"a": [1, null]}'::json AS v`, Want: source.JSON(`{"a": [1, null]}`)},
	{Name: "jsonb", SQL: `SELECT '{"a":[1,null]}'::jsonb AS v`, Want: source.JSON(`{"a": [1, null]}`)},
	{Name: "json NULL", SQL: "SELECT NULL::json AS v", Want: nil},
	{Name: "integer[]", SQL: "SELECT ARRAY[1, NULL, -3] AS v", Want: source.JSON("[1,null,-3]")},
	{Name: "text[]", SQL: `SELECT ARRAY['a b', 'NULL', NULL, 'q"\', '{}', ''] AS v`, Want: source.JSON(`["a b","NULL",null,"q\"\\","{}",""]`)},
	{Name: "numeric[]", SQL: "SELECT ARRAY[1.50, 'NaN']::numeric[] AS v", Want: source.JSON(`[1.50,"NaN"]`)},
	{Name: "boolean[][]", SQL: "SELECT ARRAY[[true, false], [NULL, true]] AS v", Want: source.JSON("[[true,false],[null,true]]")},
	{Name: "jsonb[]", SQL: `SELECT ARRAY['{"a": 1}', '"x"']::jsonb[] AS v`, Want: source.JSON(`[{"a": 1},"x"]`)},
	{Name: "an array from 0", SQL: "SELECT '[0:1]={7,8}'::int[] AS v", Want: source.JSON("[7,8]")},
	{Name: "an empty array", SQL: "SELECT '{}'::int[] AS v", Want: source.JSON("[]")},
	{Name: "box[]", SQL: "SELECT ARRAY[box '(1,1),(0,0)', box '(2,2),(0,0)'] AS v", Want: "{(1,1),(0,0);(2,2),(0,0)}"},
	{Name: "record", SQL: `SELECT ROW(1, 'a b', NULL, '') AS v`, Want: source.JSON(`["1","a b",null,""]`)},
	{Name: "uuid", SQL: "SELECT '0f0e0d0c-0b0a-0908-0706-050403020100'::uuid AS v", Want: "0f0e0d0c-0b0a-0908-0706-050403020100"},
	{Name: "inet", SQL: "SELECT '2001:db8::1/64'::inet AS v", Want: "2001:db8::1/64"},
	{Name: "cidr", SQL: "SELECT '10.0.0.0/8'::cidr AS v", Want: "10.0.0.0/8"},
	{Name: "macaddr", SQL: "SELECT '08:00:2b:01:02:03'::macaddr AS v", Want: "08:00:2b:01:02:03"},
	{Name: "money", SQL: "SELECT 12.5::money AS v", Want: "$12.50"},
	{Name: "bit", SQL: "SELECT B'101' AS v", Want: "101"},
	{Name: "point", SQL: "SELECT point(1, 2.5) AS v", Want: "(1,2.5)"},
	{Name: "int4range", SQL: "SELECT int4range(1, 5) AS v", Want: "[1,5)"},
	{Name: "tsvector", SQL: "SELECT 'a b'::tsvector AS v", Want: "'a' 'b'"},
	{Name: "xml", SQL: "SELECT '<a/>'::xml AS v", Want: "<a/>"},
	{Name: "oid", SQL: "SELECT 4294967295::oid AS v", Want: int64(4294967295)},
	{Name: "xid8", SQL: "SELECT '18446744073709551615'::xid8 AS v", Want: uint64(math.MaxUint64)},
	{Name: "void", SQL: "SELECT pg_sleep(0) AS v", Want: ""},
	{Name: "an enum", SQL: "SELECT 'sad'::it_mood AS v", Want: "sad"},
	{Name: "an enum's array", SQL: "SELECT ARRAY['sad', 'ok']::it_mood[] AS v", Want: "{sad,ok}"},
	{Name: "a composite type", SQL: "SELECT ROW(1, 'a b')::it_pair AS v", Want: `(1,"a b")`},
	{Name: "a domain", SQL: "SELECT 1.5::it_price AS v", Want: source.Decimal("1.50")},
	{Name: "real NaN", SQL: "SELECT 'NaN'::real AS v", Want: math.NaN()},
	{Name: "real infinity", SQL: "SELECT 'Infinity'::real AS v", Want: math.Inf(1)},
	{Name: "numeric infinity", SQL: "SELECT '-Infinity'::numeric AS v", Want: math.Inf(-1)},
	{Name: "varchar", SQL: "SELECT 'a'::varchar(9) AS v", Want: "a"},
	{Name: `"char"`, SQL: `SELECT 'x'::"char" AS v`, Want: "x"},
	{Name: "name", SQL: "SELECT 'x'::name AS v", Want: "x"},
	{Name: "timestamp infinity", SQL: "SELECT 'infinity'::timestamp AS v", Want: "infinity"},
	{Name: "timestamptz infinity", SQL: "SELECT 'infinity'::timestamptz AS v", Want: "infinity"},
	{Name: "timestamptz -infinity", SQL: "SELECT '-infinity'::timestamptz AS v", Want: "-infinity"},
	{Name: "a timestamp before Christ", SQL: "SELECT TIMESTAMP '0044-03-15 08:00:00 BC' AS v", Want: "0044-03-15 08:00:00 BC"},
	{Name: "the last microsecond of 9999", SQL: "SELECT TIMESTAMP '9999-12-31 23:59:59.999999' AS v", Want: time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
	{Name: "a negative interval", SQL: "SELECT INTERVAL '-1 year -2 days 3 hours' AS v", Want: "-1 years -2 days +03:00:00"},
	{Name: "timestamp[]", SQL: "SELECT ARRAY[TIMESTAMP '2024-01-02 08:09:10', NULL] AS v", Want: source.JSON(`["2024-01-02 08:09:10",null]`)},
	{Name: "uuid[]", SQL: "SELECT ARRAY['0f0e0d0c-0b0a-0908-0706-050403020100']::uuid[] AS v", Want: source.JSON(`["0f0e0d0c-0b0a-0908-0706-050403020100"]`)},
	{Name: "float8[]", SQL: "SELECT ARRAY[0.1, 'Infinity']::float8[] AS v", Want: source.JSON(`[0.1,"Infinity"]`)},
	{Name: "macaddr8", SQL: "SELECT '08:00:2b:01:02:03:04:05'::macaddr8 AS v", Want: "08:00:2b:01:02:03:04:05"},
	{Name: "varbit", SQL: "SELECT B'101'::varbit AS v", Want: "101"},
	{Name: "line", SQL: "SELECT '{1,-1,0}'::line AS v", Want: "{1,-1,0}"},
	{Name: "lseg", SQL: "SELECT '[(1,1),(2,2)]'::lseg AS v", Want: "[(1,1),(2,2)]"},
	{Name: "box", SQL: "SELECT '(1,1),(0,0)'::box AS v", Want: "(1,1),(0,0)"},
	{Name: "path", SQL: "SELECT '((1,1),(2,2))'::path AS v", Want: "((1,1),(2,2))"},
	{Name: "polygon", SQL: "SELECT '((1,1),(2,2),(3,0))'::polygon AS v", Want: "((1,1),(2,2),(3,0))"},
	{Name: "circle", SQL: "SELECT '<(1,1),2>'::circle AS v", Want: "<(1,1),2>"},
	{Name: "numrange", SQL: "SELECT numrange(1.5, 2) AS v", Want: "[1.5,2)"},
	{Name: "daterange", SQL: "SELECT daterange('2024-01-01', NULL) AS v", Want: "[2024-01-01,)"},
	{Name: "int4multirange", SQL: "SELECT '{[1,3),[5,7)}'::int4multirange AS v", Want: "{[1,3),[5,7)}"},
	{Name: "tsquery", SQL: "SELECT 'a & b'::tsquery AS v", Want: "'a' & 'b'"},
	{Name: "pg_lsn", SQL: "SELECT '16/B374D848'::pg_lsn AS v", Want: "16/B374D848"},
	{Name: "regclass", SQL: "SELECT 'pg_class'::regclass AS v", Want: "pg_class"},
}, nulls(func(kind string) string { return "SELECT NULL::" + kind + " AS v" },
	"boolean", "smallint", "integer", "bigint", "oid", "xid8", "real", "float8", "numeric", "text", "varchar", "char(3)", `"char"`, "name", "bytea",
	"date", "time", "timetz", "timestamp", "timestamptz", "interval", "json", "jsonb", "xml", "uuid", "inet", "cidr", "macaddr", "money", "bit(3)", "varbit",
	"point", "line", "lseg", "box", "path", "polygon", "circle", "int4range", "tsvector", "integer[]", "text[]", "jsonb[]", "it_mood", "it_pair", "it_price")...)

// nulls are cells of NULL in each type, for which sql makes a query.
func nulls(sql func(kind string) string, kinds ...string) []sourcetest.Cell {
	var cells []sourcetest.Cell
	for _, k := range kinds {
		cells = append(cells, sourcetest.Cell{Name: "NULL of " + k, SQL: sql(k), Want: nil})
	}
	return cells
}

var pgSetup sync.Once

func pgHarness(t *testing.T, s source.Source, running string) sourcetest.Harness {
	pgSetup.Do(func() {
		admin(t, "DROP TABLE IF EXISTS it_t", "CREATE TABLE it_t(id int)", "INSERT INTO it_t VALUES (1), (2)",
			"DROP TYPE IF EXISTS it_mood", "CREATE TYPE it_mood AS ENUM ('sad', 'ok')",
			"DROP TYPE IF EXISTS it_pair", "CREATE TYPE it_pair AS (a int, b text)", "DROP DOMAIN IF EXISTS it_price", "CREATE DOMAIN it_price AS numeric(10,2)",
			"DROP DATABASE IF EXISTS it_fork", "CREATE DATABASE it_fork",
			"ALTER DATABASE it_fork SET standard_conforming_strings = off", "ALTER DATABASE it_fork SET escape_string_warning = off",
			"DROP ROLE IF EXISTS it_reader", "CREATE ROLE it_reader LOGIN PASSWORD '"+server.Password+"'")
	})
	c := admin(t)
	direct := server.PostgresDSN(postgreSQL.server)
	wrong := func(old, new string) source.Source { return openPostgres(t, strings.Replace(direct, old, new, 1), nil) }
	return sourcetest.Harness{
		Source:  s,
		Count:   func(n int) string { return fmt.Sprintf("SELECT i FROM generate_series(1, %d) AS g(i) ORDER BY i", n) },
		Endless: pgEndless, Silent: pgSilent, Late: pgLate,
		Fails: "SELECT 1/(9000-i) AS v FROM generate_series(1, 9500) AS g(i)",
		Write: "DELETE FROM it_t", State: "SELECT count(*) FROM it_t",
		Refused: []string{
			"INSERT INTO it_t VALUES (3)", "WITH x AS (DELETE FROM it_t RETURNING *) SELECT * FROM x", "SELECT * INTO it_new FROM it_t",
			"WITH x AS (INSERT INTO it_t VALUES (3) RETURNING *) SELECT * FROM x", "WITH x AS (UPDATE it_t SET id = 9 RETURNING *) SELECT * FROM x",
			"WITH x AS (SELECT 1) DELETE FROM it_t", "WITH x AS (SELECT 1) INSERT INTO it_t SELECT 3", "WITH x AS (SELECT 1) UPDATE it_t SET id = 9", "COPY it_t TO STDOUT", "EXPLAIN ANALYZE DELETE FROM it_t", "CALL x()", "DO $$BEGIN END$$",
			"VACUUM", "BEGIN", "SET x.y = 1", "SHOW ALL", "LISTEN x", "TABLE it_t", "VALUES (1)",
		},
		Cells:      pgCells,
		Connection: "SELECT pg_backend_pid()",
		Running: func(ctx context.Context) (int, error) {
			var n int
			err := c.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND datname = "+running+
				" AND backend_type = 'client backend'").Scan(&n)
			return n, err
		},
		Wrong: []sourcetest.Wrong{
			{Name: "a wrong password", Source: wrong(server.Password, "canary-wrong-1"), Kind: source.Denied},
			{Name: "an unknown database", Source: wrong("/postgres?", "/canary-nodb?"), Kind: source.Denied},
			{Name: "an unknown user", Source: wrong("//postgres:", "//canary-nouser:"), Kind: source.Denied},
			{Name: "nobody listens", Source: wrong(fmt.Sprint(postgreSQL.server.Port), "1"), Kind: source.Unavailable},
			{Name: "an unknown host", Source: wrong("127.0.0.1", "canary-host.invalid"), Kind: source.Unavailable},
		},
		Secrets:  []string{server.Password, "canary-", "127.0.0.1", fmt.Sprint(postgreSQL.server.Port), direct},
		Patience: 20 * time.Second,
	}
}

func TestPostgresContract(t *testing.T) {
	postgreSQL.need(t)
	dsn := func() string { return server.PostgresDSN(postgreSQL.server) }
	t.Run("Open", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			return pgHarness(t, openPostgres(t, dsn(), nil), "'postgres'")
		})
	})
	t.Run("New", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			// A host's pool may have any settings.
			pool, err := pgxpool.New(t.Context(), dsn()+"&standard_conforming_strings=off&datestyle=German&intervalstyle=iso_8601&extra_float_digits=0&bytea_output=escape&pool_max_conns=4")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			return pgHarness(t, postgres.New(pool, nil), "'postgres'")
		})
	})
	t.Run("simple protocol", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			return pgHarness(t, openPostgres(t, dsn(), &postgres.Options{SimpleProtocol: true}), "'postgres'")
		})
	})
	t.Run("Redshift mode, on a database whose literals take backslashes", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			h := redshift(pgHarness(t, nil, "'it_fork'"))
			h.Source = openPostgres(t, strings.Replace(dsn(), "/postgres?", "/it_fork?", 1), &postgres.Options{Mode: postgres.Redshift})
			return h
		})
	})
}

// redshift makes of a harness one for a database whose literals take backslashes,
// which has none of the tables and types made for the tests.
func redshift(h sourcetest.Harness) sourcetest.Harness {
	h.Write, h.State = "DELETE FROM pg_class", "SELECT count(*) > 0 FROM pg_class"
	h.Cells = withoutType(h.Cells, "it_", `\`)
	return h
}

// withoutType leaves out the cells whose SQL has one of the texts.
func withoutType(cells []sourcetest.Cell, texts ...string) []sourcetest.Cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c sourcetest.Cell) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(c.SQL, text) })
	})
}

func TestPostgresContractBehindAPooler(t *testing.T) {
	pgBouncer.need(t)
	for name, o := range map[string]*postgres.Options{"extended protocol": nil, "simple protocol": {SimpleProtocol: true}, "Redshift mode": {Mode: postgres.Redshift}} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
				h, dsn := pgHarness(t, nil, "'postgres'"), server.PostgresDSN(pgBouncer.server)
				if o != nil && o.Mode == postgres.Redshift {
					h, dsn = redshift(pgHarness(t, nil, "'it_fork'")), strings.Replace(dsn, "/postgres?", "/it_fork?", 1)
				}
				h.Source = openPostgres(t, dsn, o)
				h.Secrets = append(h.Secrets, fmt.Sprint(pgBouncer.server.Port))
				return h
			})
		})
	}
}

// Where the server cannot describe a statement, it is asked for no rows of it.
func TestColumnsOfStatementsThatLimitTheirRows(t *testing.T) {
	postgreSQL.need(t)
	mariaDB.need(t)
	from := map[string]source.Source{
		"(SELECT 1 AS n UNION SELECT 2) AS q": openMySQL(t, server.MySQLDSN(mariaDB.server.Port), nil),
		"generate_series(1, 9) AS g(n)":       openPostgres(t, server.PostgresDSN(postgreSQL.server), &postgres.Options{SimpleProtocol: true}),
	}
	for table, s := range from {
		for _, tail := range []string{"", "LIMIT 5", "LIMIT 5 OFFSET 1", "ORDER BY n OFFSET 1 ROWS FETCH NEXT 5 ROWS ONLY", "ORDER BY n FETCH FIRST 5 ROWS ONLY", "LIMIT 3 -- x",
			"UNION ALL SELECT 1, 2 LIMIT 3", "UNION ALL (SELECT 1, 2 LIMIT 3)"} {
			sql := "SELECT n AS a, n + 1 AS b FROM " + table + " " + tail
			columns, err := s.(source.Describer).Columns(t.Context(), sql)
			if err != nil {
				t.Errorf("%q: %v", sql, err)
				continue
			}
			if len(columns) != 2 || columns[0].Name != "a" || columns[1].Name != "b" {
				t.Errorf("%q: %v", sql, columns)
			}
			if _, err := s.Query(t.Context(), source.Query{SQL: sql}); err != nil {
				t.Errorf("%q: %v", sql, err)
			}
		}
	}
}

// Servers differ in where a line comment ends, which is why a script may not
// depend on it.
func TestACarriageReturnEndsACommentOfPostgreSQL(t *testing.T) {
	postgreSQL.need(t)
	mariaDB.need(t)
	const text = "SELECT 1 AS a -- \r, 2 AS b"
	r, err := admin(t).Query(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.FieldDescriptions()); n != 2 {
		t.Errorf("PostgreSQL reads %d columns", n)
	}
	r.Close()
	rows, err := handle(t, server.MySQLDSN(mariaDB.server.Port)).Query(text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if names, err := rows.Columns(); err != nil || len(names) != 1 {
		t.Errorf("MariaDB reads %q, %v", names, err)
	}
	for _, s := range []source.Source{openPostgres(t, server.PostgresDSN(postgreSQL.server), nil), openMySQL(t, server.MySQLDSN(mariaDB.server.Port), nil)} {
		_, err := s.Query(t.Context(), source.Query{SQL: text})
		wantKind(t, err, source.Syntax)
	}
}

// What Redshift's dialect takes for one literal is one literal to the server,
// whatever its own setting.
func TestRedshiftLiteralsTakeBackslashesOnAnyServer(t *testing.T) {
	postgreSQL.need(t)
	pgHarness(t, nil, "''")
	s := openPostgres(t, server.PostgresDSN(postgreSQL.server), &postgres.Options{Mode: postgres.Redshift})
	r, err := s.Query(t.Context(), source.Query{SQL: `SELECT '\'; COMMIT; DELETE FROM it_t -- ' AS v`})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]any{{"'; COMMIT; DELETE FROM it_t -- "}}, r.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if r, err = s.Query(t.Context(), source.Query{SQL: "SELECT count(*) FROM it_t"}); err != nil || r.Rows[0][0] != int64(2) {
		t.Errorf("%v, %v", r, err)
	}
}

// messages reads what a client of PostgreSQL sends: the kind of each message after
// the first, and its text where it is a query.
func messages(from io.Reader, note func(kind byte, text string)) error {
	head := make([]byte, 5)
	for first := true; ; first = false {
		size := head[1:]
		if first {
			head[0] = 0
		} else if _, err := io.ReadFull(from, head[:1]); err != nil {
			return err
		}
		if _, err := io.ReadFull(from, size); err != nil {
			return err
		}
		body := make([]byte, int(binary.BigEndian.Uint32(size))-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		switch head[0] {
		case 0:
		case 'Q':
			note('Q', strings.TrimSuffix(string(body), "\x00"))
		default:
			note(head[0], "")
		}
	}
}

// Redshift is not to be had: this is what it would be sent. A password is p, the
// end X, and a statement of the simple protocol Q.
func TestRedshiftIsSentTheSimpleProtocolAlone(t *testing.T) {
	postgreSQL.need(t)
	pgHarness(t, nil, "''")
	var mu sync.Mutex
	var kinds, texts []string
	s := before(t, postgreSQL.server.Addr(), func(client *net.TCPConn, server net.Conn) { pass(client, server) }, func(server, client net.Conn) {
		_ = messages(io.TeeReader(client, server), func(kind byte, text string) {
			mu.Lock()
			defer mu.Unlock()
			if !slices.Contains(kinds, string(kind)) {
				kinds = append(kinds, string(kind))
			}
			if kind == 'Q' {
				texts = append(texts, text)
			}
		})
	})
	dsn := strings.Replace(server.PostgresDSN(s), "/postgres?", "/it_fork?", 1)
	src := openPostgres(t, dsn, &postgres.Options{Mode: postgres.Redshift})
	if _, err := src.Columns(t.Context(), "SELECT 1 AS a LIMIT 5"); err != nil {
		t.Fatal(err)
	}
	session, err := src.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := session.Query(t.Context(), source.Query{SQL: "SELECT 2"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]string{"p", "Q"}, kinds); diff != "" {
		t.Errorf("kinds of messages (-want +got):\n%s", diff)
	}
	const begin = "BEGIN READ ONLY; SET LOCAL extra_float_digits = 2"
	if diff := cmp.Diff([]string{begin, "SELECT 1 AS a\nLIMIT 0", "ROLLBACK", begin, "SELECT 2", "SELECT 2", "ROLLBACK"}, texts); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
}

// Hologres is not to be had; PostgreSQL stands in for its protocol, not for its
// language.
func TestHologresContractOnPostgreSQL(t *testing.T) {
	pgBouncer.need(t)
	for name, open := range map[string]func() (*hologres.Source, error){
		"direct": func() (*hologres.Source, error) { return hologres.Open(server.PostgresDSN(postgreSQL.server), nil) },
		"behind a pooler": func() (*hologres.Source, error) {
			return hologres.Open(server.PostgresDSN(pgBouncer.server), &hologres.Options{SimpleProtocol: true})
		},
		"a host's pool": func() (*hologres.Source, error) {
			pool, err := pgxpool.New(context.Background(), server.PostgresDSN(postgreSQL.server))
			if err != nil {
				return nil, err
			}
			t.Cleanup(pool.Close)
			return hologres.New(pool, nil), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
				s, err := open()
				if err != nil {
					t.Fatal(err)
				}
				h := pgHarness(t, s, "'postgres'")
				h.Secrets = append(h.Secrets, fmt.Sprint(pgBouncer.server.Port))
				return h
			})
		})
	}
}

func wantKind(t *testing.T, err error, kind source.Kind) {
	t.Helper()
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Errorf("error %v, want one of kind %v", err, kind)
	}
	if err != nil && strings.Contains(err.Error(), server.Password) {
		t.Errorf("the password is in %v", err)
	}
}

func TestPostgresErrors(t *testing.T) {
	postgreSQL.need(t)
	pgHarness(t, nil, "''")
	dsn := server.PostgresDSN(postgreSQL.server)
	s := openPostgres(t, dsn, nil)
	raw := openPostgres(t, dsn, &postgres.Options{Raw: true})
	reader := openPostgres(t, strings.Replace(dsn, "//postgres:", "//it_reader:", 1), nil)
	simple := openPostgres(t, dsn, &postgres.Options{Raw: true, SimpleProtocol: true})
	limited := openPostgres(t, dsn+"&statement_timeout=50", nil)
	tests := []struct {
		name string
		s    source.Source
		sql  string
		kind source.Kind
		code string
		text string
		not  string
	}{
		{"a missing column", s, "SELECT gone FROM it_t", source.Syntax, "42703", `column "gone" does not exist`, ""},
		{"a missing function", s, "SELECT gone()", source.Syntax, "42883", "", ""},
		{"a value of a row", s, "SELECT ('se' || 'cret')::int", source.Other, "22P02", "invalid input syntax", "secret"},
		{"a permission", reader, "SELECT * FROM it_t", source.Denied, "42501", "permission denied", ""},
		{"a write that the text does not show", raw, "DELETE FROM it_t", source.Denied, "25006", "read-only", ""},
		{"a second statement, which the protocol would let through", simple, "SELECT 1; SELECT 2", source.Syntax, "", "a second statement", ""},
		{"the server's own time limit", limited, pgSilent, source.Timeout, "57014", "time limit", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.s.Query(t.Context(), source.Query{SQL: tt.sql})
			wantKind(t, err, tt.kind)
			var e *source.Error
			if errors.As(err, &e) && e.Code != tt.code || !strings.Contains(err.Error(), tt.text) || tt.not != "" && strings.Contains(err.Error(), tt.not) {
				t.Errorf("error %v, want code %s with %q and without %q", err, tt.code, tt.text, tt.not)
			}
		})
	}
	t.Run("a statement that was killed", func(t *testing.T) {
		wantKind(t, killed(t, s, "pg_cancel_backend"), source.Canceled)
	})
	t.Run("a connection that was ended", func(t *testing.T) {
		wantKind(t, killed(t, s, "pg_terminate_backend"), source.Unavailable)
		if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
			t.Errorf("the next query: %v", err)
		}
	})
	t.Run("too many connections", func(t *testing.T) {
		admin(t, "ALTER ROLE it_reader CONNECTION LIMIT 1")
		hold, err := reader.Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer hold.Close()
		other := openPostgres(t, strings.Replace(dsn, "//postgres:", "//it_reader:", 1), nil)
		_, err = other.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		wantKind(t, err, source.Unavailable)
	})
}

// killed runs a silent statement until the server was told to end it.
func killed(t *testing.T, s source.Source, how string) error {
	t.Helper()
	c := admin(t)
	done := make(chan error, 1)
	go func() {
		_, err := s.Query(t.Context(), source.Query{SQL: "SELECT pg_sleep(600) AS kill_me"})
		done <- err
	}()
	for {
		var n int
		if err := c.QueryRow(t.Context(), "SELECT count("+how+"(pid)) FROM pg_stat_activity WHERE query LIKE '%AS kill_me' AND state = 'active' AND pid <> pg_backend_pid()").Scan(&n); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestPostgresSessionKeepsItsConnectionThroughAPooler(t *testing.T) {
	pgBouncer.need(t)
	s := openPostgres(t, server.PostgresDSN(pgBouncer.server), nil)
	sess, err := s.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer sess.Close()
	var pids []any
	for range 5 {
		r, err := sess.Query(t.Context(), source.Query{SQL: "SELECT pg_backend_pid()"})
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, r.Rows[0][0])
		// Another client would get the connection between two transactions.
		if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
			t.Fatal(err)
		}
	}
	for _, pid := range pids {
		if pid != pids[0] {
			t.Fatalf("one session ran on %v", pids)
		}
	}
	t.Run("and works on after a failure and a cut", func(t *testing.T) {
		_, err := sess.Query(t.Context(), source.Query{SQL: "SELECT gone"})
		wantKind(t, err, source.Syntax)
		r, err := sess.Query(t.Context(), source.Query{SQL: pgEndless, MaxRows: 10})
		if err != nil || !r.Truncated || len(r.Rows) != 10 {
			t.Fatalf("%v, %v", r, err)
		}
		r, err = sess.Query(t.Context(), source.Query{SQL: "SELECT 7"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]any{{int64(7)}}, r.Rows); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})
}

// The modes that fail behind a pooler are the driver's, not ours; this proves
// that the pooler here is one that tells them apart.
func TestThePoolerRefusesPreparedStatements(t *testing.T) {
	pgBouncer.need(t)
	config, err := pgxpool.ParseConfig(server.PostgresDSN(pgBouncer.server))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := 0
	for range 8 {
		wg.Go(func() {
			for range 20 {
				var n int
				if err := pool.QueryRow(t.Context(), "SELECT $1::int", 1).Scan(&n); err != nil {
					mu.Lock()
					failed++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if failed == 0 {
		t.Error("pgx's default mode works behind this pooler")
	}
}

func TestPostgresFaults(t *testing.T) {
	postgreSQL.need(t)
	own, err := server.PostgreSQL()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	s := openPostgres(t, server.PostgresDSN(own), nil)
	one := func() error {
		_, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		return err
	}
	if err := one(); err != nil {
		t.Fatal(err)
	}
	t.Run("200 queries at once on a pool of 4", func(t *testing.T) {
		manyAtOnce(t, s)
		c, err := pgx.Connect(t.Context(), server.PostgresDSN(own))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		var n int
		if err := c.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()").Scan(&n); err != nil || n < 1 || n > 4 {
			t.Errorf("%d connections, %v", n, err)
		}
	})
	t.Run("restarted between two runs", func(t *testing.T) {
		pool, err := pgxpool.New(t.Context(), server.PostgresDSN(own))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		holo, err := hologres.Open(server.PostgresDSN(own), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer holo.Close()
		restarted(t, own, map[string]source.Source{
			"PostgreSQL": s, "a host's pool": postgres.New(pool, nil), "Hologres": holo,
			"Redshift": openPostgres(t, server.PostgresDSN(own), &postgres.Options{Mode: postgres.Redshift}),
		})
	})
	t.Run("killed in the middle of a result", func(t *testing.T) {
		done := make(chan error, 1)
		go func() {
			_, err := s.Query(t.Context(), source.Query{SQL: pgLate})
			done <- err
		}()
		c, err := pgx.Connect(t.Context(), server.PostgresDSN(own))
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n == 0; {
			if err := c.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'").Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
		own.Kill()
		wantKind(t, <-done, source.Unavailable)
		if err := own.Start(); err != nil {
			t.Fatal(err)
		}
		if err := one(); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestPostgresConnectingEndsWithTheContext(t *testing.T) {
	postgreSQL.need(t)
	addr := silentListener(t)
	s := openPostgres(t, "postgres://u:"+server.Password+"@"+addr+"/d?sslmode=disable", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Query(ctx, source.Query{SQL: "SELECT 1"})
	wantKind(t, err, source.Timeout)
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = s.Query(ctx, source.Query{SQL: "SELECT 1"})
	wantKind(t, err, source.Canceled)
}

func TestPostgresErrorsShowNoValue(t *testing.T) {
	postgreSQL.need(t)
	for _, o := range []*postgres.Options{nil, {SimpleProtocol: true}} {
		s := openPostgres(t, server.PostgresDSN(postgreSQL.server), o)
		for _, sql := range []string{"v::regclass", "v::regtype", "v::regproc", "v::regrole", "v::regnamespace", "v::regcollation", "v::regconfig", "nextval(v)", "current_setting(v)", "(v || '.a.b.c.d')::regclass",
			"('(' || v)::regoper", "to_tsquery(v || ' & (')", "jsonb_path_query('{}', (v || ' x')::jsonpath)", "query_to_xml('SELECT ' || v, true, true, '')", "query_to_xml(v, true, true, '')", "v::int", "v::date", "v::uuid", "v::json",
			"'2024-01-01'::timestamptz AT TIME ZONE v", "regexp_match('a', v || '(')", "to_date(v, 'YYYY')", "date_part(v, now())", "decode(v, 'hex')", "convert_from('a', v)", "pg_read_file(v)", "has_table_privilege(v, 'SELECT')",
			"xmlparse(document '<' || v)", "v::regprocedure", "v::regoperator", "set_config(v, '1', true)", "v COLLATE \"C\" ~ ('[' || v)", "make_interval(secs => v::float8)"} {
			checkNoValue(t, s, "SELECT "+sql+" FROM (SELECT 'hunt' || 'er' || i AS v FROM generate_series(2, 2) AS g(i)) x")
		}
	}
}
