package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/internal/integration/server"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/mysql"
	"github.com/datapush-go/datapush/source/sourcetest"
)

var mariaDB = register("MariaDB", server.MariaDB)

// handle is a host's own, made without this library.
func handle(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func mysqlExec(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func openMySQL(t testing.TB, dsn string, o *mysql.Options) *mysql.Source {
	t.Helper()
	s, err := mysql.Open(dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var mySQLCells = append([]sourcetest.Cell{
	{Name: "NULL", SQL: "SELECT NULL AS v", Want: nil},
	{Name: "BOOLEAN", SQL: "SELECT TRUE AS v", Want: int64(1)},
	{Name: "TINYINT", SQL: "SELECT ti AS v FROM it_types WHERE ti = -128", Want: int64(-128)},
	{Name: "SMALLINT UNSIGNED", SQL: "SELECT su AS v FROM it_types WHERE ti = -128", Want: int64(65535)},
	{Name: "INT UNSIGNED", SQL: "SELECT iu AS v FROM it_types WHERE ti = -128", Want: int64(4294967295)},
	{Name: "BIGINT", SQL: "SELECT bi AS v FROM it_types WHERE ti = -128", Want: int64(math.MinInt64)},
	{Name: "BIGINT UNSIGNED", SQL: "SELECT bu AS v FROM it_types WHERE ti = -128", Want: uint64(math.MaxUint64)},
	{Name: "a small BIGINT UNSIGNED", SQL: "SELECT bs AS v FROM it_types WHERE ti = -128", Want: uint64(7)},
	{Name: "FLOAT", SQL: "SELECT f AS v FROM it_types WHERE ti = -128", Want: 0.1},
	{Name: "DOUBLE", SQL: "SELECT d AS v FROM it_types WHERE ti = -128", Want: 0.30000000000000004},
	{Name: "DECIMAL", SQL: "SELECT n AS v FROM it_types WHERE ti = -128", Want: source.Decimal("12345678901234567890123456789012345.123456789012345678901234567890")},
	{Name: "DECIMAL with its zeros", SQL: "SELECT CAST(12000 AS DECIMAL(10,2)) AS v", Want: source.Decimal("12000.00")},
	{Name: "BIT", SQL: "SELECT bt AS v FROM it_types WHERE ti = -128", Want: uint64(261)},
	{Name: "YEAR", SQL: "SELECT y AS v FROM it_types WHERE ti = -128", Want: int64(2024)},
	{Name: "CHAR", SQL: "SELECT c AS v FROM it_types WHERE ti = -128", Want: "it's 中文 🙂"},
	{Name: "an empty VARCHAR", SQL: "SELECT '' AS v", Want: ""},
	{Name: "TEXT", SQL: "SELECT tx AS v FROM it_types WHERE ti = -128", Want: "text"},
	{Name: "ENUM", SQL: "SELECT en AS v FROM it_types WHERE ti = -128", Want: "sad"},
	{Name: "SET", SQL: "SELECT st AS v FROM it_types WHERE ti = -128", Want: "a,b"},
	{Name: "BINARY", SQL: "SELECT b AS v FROM it_types WHERE ti = -128", Want: []byte{0, 255, 0, 0}},
	{Name: "BLOB", SQL: "SELECT bl AS v FROM it_types WHERE ti = -128", Want: []byte{0, 92, 255}},
	{Name: "DATE", SQL: "SELECT da AS v FROM it_types WHERE ti = -128", Want: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
	{Name: "DATETIME", SQL: "SELECT dt AS v FROM it_types WHERE ti = -128", Want: time.Date(2024, 1, 2, 8, 9, 10, 123456000, time.UTC)},
	{Name: "TIMESTAMP", SQL: "SELECT ts AS v FROM it_types WHERE ti = -128", Want: time.Date(2024, 1, 2, 8, 9, 10, 0, time.UTC)},
	{Name: "the zero DATE", SQL: "SELECT zd AS v FROM it_types WHERE ti = -128", Want: "0000-00-00"},
	{Name: "the zero DATETIME", SQL: "SELECT zt AS v FROM it_types WHERE ti = -128", Want: "0000-00-00 00:00:00"},
	{Name: "TIME", SQL: "SELECT ti2 AS v FROM it_types WHERE ti = -128", Want: "-838:59:59"},
	{Name: "JSON of MariaDB", SQL: "SELECT j AS v FROM it_types WHERE ti = -128", Want: `{"a": [1]}`},
	{Name: "UUID", SQL: "SELECT u AS v FROM it_types WHERE ti = -128", Want: "0f0e0d0c-0b0a-0908-0706-050403020100"},
	{Name: "INET6", SQL: "SELECT ip AS v FROM it_types WHERE ti = -128", Want: "2001:db8::1"},
	{Name: "GEOMETRY", SQL: "SELECT g AS v FROM it_types WHERE ti = -128", Want: []byte{0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40}},
	{Name: "TINYINT UNSIGNED", SQL: "SELECT tu AS v FROM it_more WHERE tu = 255", Want: int64(255)},
	{Name: "MEDIUMINT", SQL: "SELECT mi AS v FROM it_more WHERE tu = 255", Want: int64(-8388608)},
	{Name: "INT ZEROFILL", SQL: "SELECT iz AS v FROM it_more WHERE tu = 255", Want: int64(7)},
	{Name: "BOOLEAN in a column", SQL: "SELECT bo AS v FROM it_more WHERE tu = 255", Want: int64(1)},
	{Name: "BIT of 64", SQL: "SELECT bl AS v FROM it_more WHERE tu = 255", Want: uint64(math.MaxUint64)},
	{Name: "a negative DECIMAL", SQL: "SELECT dn AS v FROM it_more WHERE tu = 255", Want: source.Decimal("-0.50")},
	{Name: "the year 0", SQL: "SELECT y0 AS v FROM it_more WHERE tu = 255", Want: int64(0)},
	{Name: "TINYTEXT", SQL: "SELECT tt AS v FROM it_more WHERE tu = 255", Want: ""},
	{Name: "LONGTEXT", SQL: "SELECT lt AS v FROM it_more WHERE tu = 255", Want: "é"},
	{Name: "VARBINARY", SQL: "SELECT vb AS v FROM it_more WHERE tu = 255", Want: []byte{0xff, 0}},
	{Name: "LONGBLOB", SQL: "SELECT lb AS v FROM it_more WHERE tu = 255", Want: []byte{}},
	{Name: "TIME with fractions", SQL: "SELECT tf AS v FROM it_more WHERE tu = 255", Want: "08:09:10.500000"},
	{Name: "the last DATETIME", SQL: "SELECT dm AS v FROM it_more WHERE tu = 255", Want: time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
	{Name: "a DATE without a month", SQL: "SELECT zm AS v FROM it_more WHERE tu = 255", Want: "2024-00-00"},
	{Name: "a DATETIME without a day", SQL: "SELECT zd AS v FROM it_more WHERE tu = 255", Want: "2024-01-00 08:00:00"},
	{Name: "the zero TIMESTAMP", SQL: "SELECT zt AS v FROM it_more WHERE tu = 255", Want: "0000-00-00 00:00:00"},
	{Name: "LINESTRING", SQL: "SELECT ls AS v FROM it_more WHERE tu = 255", Want: []byte("\x00\x00\x00\x00\x01\x02\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf0?\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00\x00\b@\x00\x00\x00\x00\x00\x00\x10@")},
	{Name: "INET4", SQL: "SELECT i4 AS v FROM it_more WHERE tu = 255", Want: "192.0.2.1"},
}, append(
	nulls(func(column string) string { return "SELECT " + column + " AS v FROM it_types WHERE ti IS NULL" }, "ti", "su", "iu", "bi", "bu", "bs", "f", "d", "n", "bt", "y", "c",
		"tx", "en", "st", "b", "bl", "da", "dt", "ts", "zd", "zt", "ti2", "j", "u", "ip", "g", "nn", "nd"),
	nulls(func(column string) string { return "SELECT " + column + " AS v FROM it_more WHERE tu IS NULL" }, "vb", "tf", "i4", "ls", "lt")...)...)

var mySQLSetup sync.Once

func setUpMySQL(t testing.TB) *sql.DB {
	db := handle(t, server.MySQLDSN(mariaDB.server.Port)+"?charset=utf8mb4")
	mySQLSetup.Do(func() {
		db.SetMaxOpenConns(1)
		mysqlExec(t, db, "CREATE TABLE it_t(id INT)", "INSERT INTO it_t VALUES (1), (2)",
			`CREATE TABLE it_types(ti TINYINT, su SMALLINT UNSIGNED, iu INT UNSIGNED, bi BIGINT, bu BIGINT UNSIGNED, bs BIGINT UNSIGNED, f FLOAT, d DOUBLE,
				n DECIMAL(65,30), bt BIT(9), y YEAR, c CHAR(20), tx TEXT, en ENUM('sad','ok'), st SET('a','b'), b BINARY(4), bl BLOB,
				da DATE, dt DATETIME(6), ts TIMESTAMP NULL, zd DATE, zt DATETIME, ti2 TIME, j JSON, u UUID, ip INET6, g GEOMETRY, nn INT, nd DATE) CHARSET utf8mb4`,
			`CREATE TABLE it_more(tu TINYINT UNSIGNED, mi MEDIUMINT, iz INT(4) ZEROFILL, bo BOOLEAN, bl BIT(64), dn DECIMAL(5,2), y0 YEAR, tt TINYTEXT, lt LONGTEXT, vb VARBINARY(4),
				lb LONGBLOB, tf TIME(6), dm DATETIME(6), zm DATE, zd DATETIME, zt TIMESTAMP NULL, ls LINESTRING, i4 INET4) CHARSET utf8mb4`,
			"SET sql_mode = ''",
			`INSERT INTO it_more VALUES (255, -8388608, 7, TRUE, ~b'0', -0.5, '0000', '', 'é', x'ff00', '', '08:09:10.5', '9999-12-31 23:59:59.999999', '2024-00-00', '2024-01-00 08:00:00',
				'0000-00-00 00:00:00', ST_LineFromText('LINESTRING(1 2, 3 4)'), '192.0.2.1')`,
			"INSERT INTO it_more(tu) VALUES (NULL)", "INSERT INTO it_types(ti) VALUES (NULL)",
			`INSERT INTO it_types VALUES (-128, 65535, 4294967295, -9223372036854775808, 18446744073709551615, 7, 0.1, 0.30000000000000004,
				12345678901234567890123456789012345.123456789012345678901234567890, b'100000101', 2024, 'it''s 中文 🙂', 'text', 'sad', 'a,b', x'00ff', x'005cff',
				'2024-02-29', '2024-01-02 08:09:10.123456', '2024-01-02 08:09:10', '0000-00-00', '0000-00-00 00:00:00', '-838:59:59',
				'{"a": [1]}', '0f0e0d0c-0b0a-0908-0706-050403020100', '2001:db8::1', POINT(1, 2), NULL, NULL)`,
			"CREATE USER 'it_reader'@'127.0.0.1' IDENTIFIED BY '"+server.Password+"'", "GRANT SELECT ON t.it_t TO 'it_reader'@'127.0.0.1'")
	})
	return db
}

const (
	mySQLEndless = "SELECT seq AS i, REPEAT('x', 100) AS pad FROM seq_1_to_4294967295"
	mySQLLate    = "SELECT seq AS i, IF(seq > 5000, SLEEP(600), REPEAT('x', 100)) AS pad FROM seq_1_to_6000"
)

func mySQLHarness(t *testing.T, s source.Source) sourcetest.Harness {
	db := setUpMySQL(t)
	dsn := server.MySQLDSN(mariaDB.server.Port)
	wrong := func(old, new string) source.Source { return openMySQL(t, strings.Replace(dsn, old, new, 1), nil) }
	return sourcetest.Harness{
		Source: s,
		Count: func(n int) string {
			return fmt.Sprintf("SELECT seq AS i FROM seq_1_to_%d WHERE seq <= %d ORDER BY seq", max(n, 1), n)
		},
		Endless: mySQLEndless, Silent: "SELECT SLEEP(600) AS s", Late: mySQLLate,
		Fails: "SELECT EXP(seq DIV 10) AS v FROM seq_1_to_9500",
		Write: "DELETE FROM it_t", State: "SELECT COUNT(*) FROM it_t",
		Refused: []string{
			"INSERT INTO it_t VALUES (3)", "UPDATE it_t SET id = 1", "SELECT * FROM it_t INTO OUTFILE '/tmp/it_x'", "SELECT id INTO @x FROM it_t LIMIT 1",
			"SELECT 1 /*! INTO @x */", "/*! DELETE FROM it_t */", "SELECT 1 /*!; DELETE FROM it_t */", "SELECT 1 /*M! ; DELETE FROM it_t */",
			"WITH x AS (SELECT 1) DELETE FROM it_t", "WITH x AS (SELECT 1) INSERT INTO it_t SELECT 3", "WITH x AS (SELECT 1) UPDATE it_t SET id = 9",
			"INSERT INTO it_t VALUES (3) RETURNING id", "EXECUTE IMMEDIATE 'DELETE FROM it_t'", "SET STATEMENT max_statement_time = 1 FOR DELETE FROM it_t", "SHOW TABLES", "CALL x()", "DO SLEEP(1)", "SET @x = 1", "HANDLER it_t OPEN", "START TRANSACTION",
			"LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE it_t", "REPLACE INTO it_t VALUES (9)", "KILL 1", "USE mysql", "LOCK TABLES it_t WRITE",
		},
		Cells:      mySQLCells,
		Connection: "SELECT CONNECTION_ID()",
		Running: func(ctx context.Context) (int, error) {
			var n int
			err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE command IN ('Query', 'Execute', 'Prepare') AND id <> CONNECTION_ID() AND user = 'dp'").Scan(&n)
			return n, err
		},
		Wrong: []sourcetest.Wrong{
			{Name: "a wrong password", Source: wrong(server.Password, "canary-wrong-1"), Kind: source.Denied},
			{Name: "an unknown database", Source: wrong("/t", "/canary-nodb"), Kind: source.Denied},
			{Name: "an unknown user", Source: wrong("dp:", "canary-nouser:"), Kind: source.Denied},
			{Name: "nobody listens", Source: wrong(fmt.Sprint(mariaDB.server.Port), "1"), Kind: source.Unavailable},
			{Name: "an unknown host", Source: wrong("127.0.0.1", "canary-host.invalid"), Kind: source.Unavailable},
			{Name: "no TLS", Source: openMySQL(t, dsn+"?tls=true", nil), Kind: source.Unavailable},
		},
		Secrets:  []string{server.Password, "canary-", "127.0.0.1", fmt.Sprint(mariaDB.server.Port), dsn},
		Patience: 20 * time.Second,
	}
}

func TestMySQLContract(t *testing.T) {
	mariaDB.need(t)
	dsn := server.MySQLDSN(mariaDB.server.Port)
	t.Run("Open", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness { return mySQLHarness(t, openMySQL(t, dsn, nil)) })
	})
	t.Run("Open with a sql_mode and a character set that change quotes, and more", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			return mySQLHarness(t, openMySQL(t, dsn+"?sql_mode=%27ANSI,NO_BACKSLASH_ESCAPES%27&parseTime=true&multiStatements=true&interpolateParams=false&charset=gbk", nil))
		})
	})
	for name, params := range map[string]string{"New": "?charset=utf8mb4", "New on a handle that parses times": "?charset=utf8mb4&parseTime=true&multiStatements=true"} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
				db := handle(t, dsn+params)
				db.SetMaxOpenConns(4)
				h := mySQLHarness(t, mysql.New(db, nil))
				if strings.Contains(params, "parseTime") {
					// The driver has made other days of these before the source sees them.
					h.Cells = withoutType(h.Cells, "SELECT zm AS", "SELECT zd AS v FROM it_more")
				}
				return h
			})
		})
	}
}

// StarRocks and Doris are not to be had; a server that takes text only stands in
// for their protocol, not for their language.
func TestStarRocksAndDorisContractOnAServerThatTakesTextOnly(t *testing.T) {
	mariaDB.need(t)
	proxy, err := server.NewTextOnly(mariaDB.server)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	for name, mode := range map[string]mysql.Mode{"StarRocks": mysql.StarRocks, "Doris": mysql.Doris} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
				h := mySQLHarness(t, openMySQL(t, server.MySQLDSN(proxy.Port), &mysql.Options{Mode: mode}))
				h.Secrets = append(h.Secrets, fmt.Sprint(proxy.Port))
				return h
			})
		})
	}
	if refused := proxy.Refused(); len(refused) > 0 {
		t.Errorf("the server refused %q", refused)
	}
	t.Run("and the driver alone fails there on the first argument", func(t *testing.T) {
		var n int
		err := handle(t, server.MySQLDSN(proxy.Port)).QueryRow("SELECT ?", 1).Scan(&n)
		if err == nil || !strings.Contains(err.Error(), "1295") {
			t.Errorf("error %v, want 1295", err)
		}
		if err := handle(t, server.MySQLDSN(proxy.Port)+"?interpolateParams=true").QueryRow("SELECT ?", 1).Scan(&n); err != nil {
			t.Error(err)
		}
	})
}

func TestMySQLErrors(t *testing.T) {
	mariaDB.need(t)
	db := setUpMySQL(t)
	dsn := server.MySQLDSN(mariaDB.server.Port)
	s := openMySQL(t, dsn, nil)
	raw := openMySQL(t, dsn, &mysql.Options{Raw: true})
	reader := openMySQL(t, strings.Replace(dsn, "dp:", "it_reader:", 1), nil)
	limited := openMySQL(t, dsn, &mysql.Options{StatementTimeout: 50 * time.Millisecond})
	tests := []struct {
		name string
		s    source.Source
		sql  string
		kind source.Kind
		code string
		text string
	}{
		{"a missing column", s, "SELECT gone FROM it_t", source.Syntax, "1054", "gone"},
		{"a missing function", s, "SELECT gone()", source.Syntax, "1305", "gone"},
		{"a permission", reader, "SELECT * FROM it_types", source.Denied, "1142", "may not read"},
		{"a write that the text does not show", raw, "DELETE FROM it_t", source.Denied, "1792", "read-only"},
		{"the server's own time limit", limited, "SELECT SLEEP(600)", source.Timeout, "1969", "time limit"},
		{"a second statement", raw, "SELECT 1; SELECT 2", source.Syntax, "", "a second statement"},
		{"an argument", s, "SELECT ?", source.Syntax, "1064", "syntax"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.s.Query(t.Context(), source.Query{SQL: tt.sql})
			wantKind(t, err, tt.kind)
			var e *source.Error
			if errors.As(err, &e) && e.Code != tt.code || err != nil && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want code %s with %q", err, tt.code, tt.text)
			}
		})
	}
	for how, kind := range map[string]source.Kind{"KILL QUERY": source.Canceled, "KILL": source.Unavailable} {
		t.Run(how, func(t *testing.T) {
			done := make(chan error, 1)
			go func() {
				_, err := s.Query(t.Context(), source.Query{SQL: "SELECT SLEEP(600) AS kill_me"})
				done <- err
			}()
			var id int64
			for id == 0 {
				err := db.QueryRow("SELECT id FROM information_schema.processlist WHERE info LIKE '%AS kill_me' AND id <> CONNECTION_ID()").Scan(&id)
				if err != nil && !errors.Is(err, sql.ErrNoRows) {
					t.Fatal(err)
				}
			}
			mysqlExec(t, db, fmt.Sprintf("%s %d", how, id))
			wantKind(t, <-done, kind)
			if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
				t.Errorf("the next query: %v", err)
			}
		})
	}
	t.Run("too many connections", func(t *testing.T) {
		mysqlExec(t, db, "ALTER USER 'it_reader'@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
		// The limit counts connections that were made after it.
		hold, err := openMySQL(t, strings.Replace(dsn, "dp:", "it_reader:", 1), nil).Session(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer hold.Close()
		_, err = openMySQL(t, strings.Replace(dsn, "dp:", "it_reader:", 1), nil).Query(t.Context(), source.Query{SQL: "SELECT 1"})
		wantKind(t, err, source.Unavailable)
	})
	t.Run("a handle whose letters hold backslashes", func(t *testing.T) {
		_, err := mysql.New(handle(t, dsn+"?charset=gbk"), nil).Query(t.Context(), source.Query{SQL: "SELECT 1"})
		wantKind(t, err, source.Other)
		// In GBK the last byte of this letter and the backslash after it are one
		// letter: what was doubled is single again, and takes the quote with it.
		for charset, columns := range map[string]int{"utf8mb4": 2, "gbk": 1} {
			rows, err := handle(t, dsn+"?charset="+charset).Query("SELECT '\u7e17" + `\\` + "', ' OR 1 -- '")
			if err != nil {
				t.Fatal(err)
			}
			names, err := rows.Columns()
			if err != nil || len(names) != columns {
				t.Errorf("%s reads %q, %v; want %d columns", charset, names, err, columns)
			}
			rows.Close()
		}
	})
	t.Run("a handle whose quotes are others", func(t *testing.T) {
		_, err := mysql.New(handle(t, dsn+"?sql_mode=ANSI_QUOTES"), nil).Query(t.Context(), source.Query{SQL: "SELECT 1"})
		wantKind(t, err, source.Other)
	})
}

// What MariaDB writes as text is the oracle: the modes that never prepare read it.
func TestPreparedMySQLStatementsShowWhatTextShows(t *testing.T) {
	mariaDB.need(t)
	db := setUpMySQL(t)
	mysqlExec(t, db, "CREATE TABLE it_shown(id INT, f FLOAT, g FLOAT(7,2), h FLOAT(9,4), d DOUBLE, e DOUBLE(10,2), dt DATETIME(3), t TIME(2), y YEAR, b BIT(1))",
		"SET sql_mode = ''",
		`INSERT INTO it_shown VALUES (1, 1234567.8, 1234.5, 12345.6789, 1e300, 0.1, '2024-01-02 03:04:05.678', '1:2:3.45', 1999, 1), (2, 3.14159265, 0.1, 0.1, 0.1, 0.2, NULL, '-0:0:1', 0, 0),
			(3, 1e30, 0.2, 1, 123456789012345678, 0.3, '0000-00-00', NULL, 2155, 0), (4, 16777217, -0.1, 1, 5e-324, 0.3, '2024-00-00 01:02:03.5', NULL, 2155, 0)`)
	dsn := server.MySQLDSN(mariaDB.server.Port)
	prepared, text := openMySQL(t, dsn, nil), openMySQL(t, dsn, &mysql.Options{Mode: mysql.Doris})
	queries := []string{
		"SELECT * FROM it_types", "SELECT * FROM it_more", "SELECT * FROM it_shown",
		"SELECT SUM(e), AVG(e), SUM(g), AVG(g), SUM(f), AVG(f), MAX(h), SUM(d), STDDEV(e) FROM it_shown",
		"SELECT f + 0, g + 0, e + e, g * e, f * 1.5, ROUND(f, 2), ROUND(d, 2), ROUND(e * 3, 1), ROUND(e), TRUNCATE(d, 1) FROM it_shown",
		"SELECT 1, TRUE, 1.5, 1e0, -0e0, 'a', NULL, 18446744073709551615, 9223372036854775807, 1 / 3, 7 DIV 2, 0.1 + 0.2, 0.1e0 + 0.2e0, PI(), EXP(1), POW(2, 0.5)",
		"SELECT seq, seq / 7e0, seq * 1e15 / 7, seq / 3.0, SQRT(seq) * 1e-20, CAST(seq / 7 AS FLOAT), CAST(seq * 1234.567 AS FLOAT), CAST(seq * seq * 1e5 AS FLOAT) FROM seq_1_to_3000",
		"SELECT CAST('2001-01-01 10:10:10.123' AS DATETIME), CAST('2001-01-01 10:10:10.123' AS DATETIME(3)), STR_TO_DATE('2001-01-01 10:10:10.1', '%Y-%m-%d %H:%i:%s.%f'), CAST('12:34:56.7' AS TIME(1)), CAST('838:59:59' AS TIME)",
		"SELECT TIMESTAMP('2001-01-01 10:20:30.1234'), ADDTIME('2001-01-01 10:20:30.1', '1:1:1.5'), SEC_TO_TIME(3.5), MAKETIME(1, 2, 3.4), TIMEDIFF('10:00:00.5', '9:0:0'), FROM_UNIXTIME(1.5), MIN(t), LAST_DAY(MAX(dt)) FROM it_shown",
		"SELECT COALESCE(dt, '2024-01-01'), IF(1, dt, t), dt + INTERVAL 1 MICROSECOND, dt + INTERVAL 1 DAY, DATE(dt), TIME(dt), LAG(dt) OVER (ORDER BY id) FROM it_shown",
		// Their digits are open, few rows and more than are read.
		"SELECT FROM_UNIXTIME('1.5')", "SELECT FROM_UNIXTIME(seq + 0.5e0) FROM seq_1_to_4294967295",
		"SELECT JSON_OBJECT('a', 1.5), JSON_EXTRACT('{\"a\": 1.5}', '$.a'), FORMAT(1234.5, 2), INET6_ATON('::1'), b + 0, HEX(b), BIT_COUNT(5), _latin1 x'e9', x'ff', GROUP_CONCAT(f), '' FROM it_shown",
		"SELECT 1 UNION SELECT 'a'", "SELECT 1 UNION SELECT 2.5", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r", "SELECT 'a?b' /* ? */ -- ?",
		"SELECT * FROM information_schema.columns WHERE table_name = 'it_shown' ORDER BY ordinal_position",
	}
	compare := func(t *testing.T) {
		for _, query := range queries {
			want, err := text.Query(t.Context(), source.Query{SQL: query})
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			got, err := prepared.Query(t.Context(), source.Query{SQL: query})
			if err != nil {
				t.Errorf("%s: %v", query, err)
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-text +prepared):\n%s", query, diff)
			}
		}
	}
	t.Run("prepared", compare)
	t.Run("as text, where the server prepares nothing", func(t *testing.T) {
		mysqlExec(t, db, "SET GLOBAL max_prepared_stmt_count = 0")
		defer mysqlExec(t, db, "SET GLOBAL max_prepared_stmt_count = DEFAULT")
		if _, err := db.Prepare("SELECT 1"); err == nil || !strings.Contains(err.Error(), "1461") {
			t.Errorf("the driver alone: %v, want error 1461", err)
		}
		compare(t)
	})
}

func TestAMySQLSessionWorksOnAfterACut(t *testing.T) {
	mariaDB.need(t)
	dsn := server.MySQLDSN(mariaDB.server.Port)
	db := handle(t, dsn)
	db.SetMaxOpenConns(1)
	for name, s := range map[string]*mysql.Source{"opened": openMySQL(t, dsn, nil), "a host's handle of one connection": mysql.New(db, nil)} {
		t.Run(name, func(t *testing.T) {
			sess, err := s.Session(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer sess.Close()
			for range 3 {
				r, err := sess.Query(t.Context(), source.Query{SQL: mySQLEndless, MaxRows: 10})
				if err != nil || !r.Truncated || len(r.Rows) != 10 {
					t.Fatalf("%v, %v", r, err)
				}
				if r, err = sess.Query(t.Context(), source.Query{SQL: "SELECT 7"}); err != nil || r.Rows[0][0] != int64(7) {
					t.Fatalf("%v, %v", r, err)
				}
			}
		})
	}
}

// The driver alone leaves the statement running: this is why there is a second
// connection.
func TestTheDriverAloneDoesNotStopAStatement(t *testing.T) {
	mariaDB.need(t)
	db := setUpMySQL(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var n int
	err := handle(t, server.MySQLDSN(mariaDB.server.Port)).QueryRowContext(ctx, "SELECT SLEEP(600) AS left_alone").Scan(&n)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	var id int64
	if err := db.QueryRow("SELECT id FROM information_schema.processlist WHERE info LIKE '%AS left_alone' AND id <> CONNECTION_ID()").Scan(&id); err != nil {
		t.Fatalf("the driver stopped it: %v", err)
	}
	mysqlExec(t, db, fmt.Sprintf("KILL %d", id))
}

func TestMySQLFaults(t *testing.T) {
	mariaDB.need(t)
	own, err := server.MariaDB()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	s := openMySQL(t, server.MySQLDSN(own.Port), nil)
	one := func() error {
		_, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		return err
	}
	if err := one(); err != nil {
		t.Fatal(err)
	}
	t.Run("200 queries at once on a pool of 4", func(t *testing.T) {
		manyAtOnce(t, s)
		var n int
		err := handle(t, server.MySQLDSN(own.Port)).QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'dp' AND id <> CONNECTION_ID()").Scan(&n)
		if err != nil || n < 1 || n > 4 {
			t.Errorf("%d connections, %v", n, err)
		}
	})
	t.Run("restarted between two runs", func(t *testing.T) {
		dsn := server.MySQLDSN(own.Port)
		restarted(t, own, map[string]source.Source{
			"MySQL": s, "a host's handle": mysql.New(handle(t, dsn), nil),
			"StarRocks": openMySQL(t, dsn, &mysql.Options{Mode: mysql.StarRocks}), "Doris": openMySQL(t, dsn, &mysql.Options{Mode: mysql.Doris}),
		})
	})
	t.Run("killed in the middle of a result", func(t *testing.T) {
		done := make(chan error, 1)
		go func() {
			_, err := s.Query(t.Context(), source.Query{SQL: mySQLLate})
			done <- err
		}()
		db := handle(t, server.MySQLDSN(own.Port))
		for n := 0; n == 0; {
			if err := db.QueryRow("SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep'").Scan(&n); err != nil {
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

func TestMySQLConnectingEndsWithTheContext(t *testing.T) {
	mariaDB.need(t)
	s := openMySQL(t, "u:"+server.Password+"@tcp("+silentListener(t)+")/d", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Query(ctx, source.Query{SQL: "SELECT 1"})
	wantKind(t, err, source.Timeout)
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = s.Query(ctx, source.Query{SQL: "SELECT 1"})
	wantKind(t, err, source.Canceled)
}

// What a parameter of the DSN, or the server's own sql_mode, changes of quotes and
// letters is changed back.
func TestMySQLOpenKeepsQuotesAndLetters(t *testing.T) {
	mariaDB.need(t)
	db := setUpMySQL(t)
	dsn := server.MySQLDSN(mariaDB.server.Port)
	check := func(t *testing.T, s *mysql.Source) {
		t.Helper()
		r, err := s.Query(t.Context(), source.Query{SQL: `SELECT "it's \" 中文 🙂" AS v, HEX('中') AS h, @@character_set_client, @@character_set_connection, @@character_set_results, @@sql_mode LIKE '%ANSI_QUOTES%'`})
		if err != nil {
			t.Fatal(err)
		}
		want := [][]any{{"it's \" 中文 🙂", "E4B8AD", "utf8mb4", "utf8mb4", "utf8mb4", int64(0)}}
		if diff := cmp.Diff(want, r.Rows); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	}
	for _, param := range []string{"character_set_client=gbk", "character_set_connection=latin1", "character_set_results=NULL", "character_set_results=latin1", "collation_connection=gbk_chinese_ci",
		"autocommit=1,character_set_client=sjis", "charset=gbk&collation=gbk_bin", "collation=utf8mb4_bin&character_set_client=gbk"} {
		t.Run(param, func(t *testing.T) { check(t, openMySQL(t, dsn+"?"+param, nil)) })
	}
	for _, mode := range []string{"ANSI", "ORACLE", "MSSQL", "POSTGRESQL", "DB2", "MAXDB", "ORACLE,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES"} {
		t.Run("sql_mode "+mode, func(t *testing.T) {
			check(t, openMySQL(t, dsn+"?sql_mode=%27"+mode+"%27", nil))
		})
	}
	t.Run("the server's sql_mode", func(t *testing.T) {
		var before string
		if err := db.QueryRow("SELECT @@GLOBAL.sql_mode").Scan(&before); err != nil {
			t.Fatal(err)
		}
		mysqlExec(t, db, "SET GLOBAL sql_mode = 'ORACLE,STRICT_ALL_TABLES'")
		defer mysqlExec(t, db, "SET GLOBAL sql_mode = '"+before+"'")
		check(t, openMySQL(t, dsn, nil))
	})
	t.Run("of a host's handle it says so", func(t *testing.T) {
		_, err := mysql.New(handle(t, dsn+"?charset=utf8mb4&character_set_results=gbk"), nil).Query(t.Context(), source.Query{SQL: "SELECT 1"})
		if err == nil || !strings.Contains(err.Error(), "the handle's character set is gbk") {
			t.Errorf("error %v", err)
		}
	})
}

// A wall clock that the zone of the DSN went past stays what the server shows.
func TestMySQLTimesInTheGapOfAZone(t *testing.T) {
	mariaDB.need(t)
	s := openMySQL(t, server.MySQLDSN(mariaDB.server.Port)+"?loc=America%2FSao_Paulo", nil)
	r, err := s.Query(t.Context(), source.Query{SQL: "SELECT DATE'2018-11-04', TIMESTAMP'2018-11-04 00:30:00', DATE'2018-11-05'"})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]any{{time.Date(2018, 11, 4, 0, 0, 0, 0, time.UTC), time.Date(2018, 11, 4, 0, 30, 0, 0, time.UTC), time.Date(2018, 11, 5, 0, 0, 0, 0, zone(t, "America/Sao_Paulo"))}}
	if diff := cmp.Diff(want, r.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// hunter2 is a value of a row that a function takes for a name or a text.
func TestMySQLErrorsShowNoValue(t *testing.T) {
	mariaDB.need(t)
	mysqlExec(t, setUpMySQL(t), "CREATE OR REPLACE FUNCTION it_signal(v TEXT) RETURNS INT BEGIN DECLARE m TEXT DEFAULT CONCAT(v, ' is not welcome'); SIGNAL SQLSTATE '42000' SET MESSAGE_TEXT = m; RETURN 1; END")
	s := openMySQL(t, server.MySQLDSN(mariaDB.server.Port), nil)
	for _, sql := range []string{"it_signal(v)", "CAST(EXP(10000) AS CHAR) + v", "ExtractValue('<a/>', v)", "v RLIKE CONCAT('(', v)", "CAST(JSON_EXTRACT(v, '$') AS INT)", "PREVIOUS_GONE(v)"} {
		checkNoValue(t, s, "SELECT "+sql+" FROM (SELECT CONCAT('hunt', 'er', 2) AS v) x")
	}
}

func checkNoValue(t *testing.T, s source.Source, sql string) {
	t.Helper()
	_, err := s.Query(t.Context(), source.Query{SQL: sql})
	if err != nil && strings.Contains(strings.ToLower(err.Error()), "hunter2") {
		t.Errorf("%s: error %v shows a value", sql, err)
	}
}
