package snowflake_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"database/sql"
	"fmt"
	"math"
	"net"
	"os"
	"testing"
	"time"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/snowflake"
	"github.com/datapush-go/datapush/source/snowflake/snowflakefake"
	"github.com/datapush-go/datapush/source/sourcetest"
)

// TestMain keeps the driver from asking the addresses of clouds where it runs.
func TestMain(m *testing.M) {
	os.Setenv("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
	os.Exit(m.Run())
}

const password = "canary-6622-secret"

var tokyo = time.FixedZone("", 9*3600)

// cell is a value of a type and what it must become.
type cell struct {
	typ   string
	value any
	want  any
}

var cells = []cell{
	{"NUMBER(38,0)", 42, int64(42)},
	{"NUMBER(38,0)", "-9223372036854775808", int64(math.MinInt64)},
	{"NUMBER(38,0)", "9223372036854775807", int64(math.MaxInt64)},
	{"NUMBER(38,0)", "9223372036854775808", source.Decimal("9223372036854775808")},
	{"NUMBER(38,0)", "-99999999999999999999999999999999999999", source.Decimal("-99999999999999999999999999999999999999")},
	{"NUMBER(10,2)", "0.10", source.Decimal("0.10")},
	{"NUMBER(38,18)", "-12345678901234567890.123456789012345678", source.Decimal("-12345678901234567890.123456789012345678")},
	{"DECFLOAT", "1.2345678901234567890123456789012345678e-5", source.Decimal("0.000012345678901234567890123456789012345678")},
	{"DECFLOAT", "-12e3", source.Decimal("-12000")},
	{"DECFLOAT", "12.50", source.Decimal("12.50")},
	{"FLOAT", 0.1, 0.1},
	{"FLOAT", -1e300, -1e300},
	{"FLOAT", math.NaN(), math.NaN()},
	{"FLOAT", math.Inf(-1), math.Inf(-1)},
	{"VARCHAR", "it's\n\"中文\" \\N 🙂", "it's\n\"中文\" \\N 🙂"},
	{"VARCHAR", "", ""},
	{"BOOLEAN", true, true},
	{"BOOLEAN", false, false},
	{"DATE", time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)},
	{"DATE", time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)},
	{"DATE", time.Date(12024, 1, 2, 0, 0, 0, 0, time.UTC), "12024-01-02"},
	{"TIME(9)", 8*time.Hour + 9*time.Minute + 10*time.Second + 500*time.Millisecond, "08:09:10.5"},
	{"TIME(0)", time.Duration(0), "00:00:00"},
	{"TIMESTAMP_NTZ(9)", time.Date(2026, 11, 23, 1, 2, 3, 456000789, time.UTC), time.Date(2026, 11, 23, 1, 2, 3, 456000789, time.UTC)},
	{"TIMESTAMP_NTZ(3)", time.Date(1969, 12, 31, 23, 59, 59, 5e8, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 5e8, time.UTC)},
	{"TIMESTAMP_NTZ(0)", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)},
	{"TIMESTAMP_NTZ(0)", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), "10000-01-01T00:00:00"},
	{"TIMESTAMP_LTZ(9)", time.Date(2026, 11, 23, 1, 2, 3, 1, time.UTC), time.Date(2026, 11, 22, 17, 2, 3, 1, time.FixedZone("", -8*3600))},
	{"TIMESTAMP_TZ(9)", time.Date(2026, 11, 23, 10, 2, 3, 1, tokyo), time.Date(2026, 11, 23, 10, 2, 3, 1, tokyo)},
	{"TIMESTAMP_TZ(9)", time.Date(1960, 11, 23, 10, 2, 3, 25e7, time.FixedZone("", -12600)), time.Date(1960, 11, 23, 10, 2, 3, 25e7, time.FixedZone("", -12600))},
	{"BINARY", []byte{0, 0xab, 0xff}, []byte{0, 0xab, 0xff}},
	{"BINARY", []byte{}, []byte{}},
	{"VARIANT", `"text"`, source.JSON(`"text"`)},
	{"VARIANT", "1.50", source.JSON("1.50")},
	{"OBJECT", "{\n  \"b\": 1,\n  \"a\": [null]\n}", source.JSON("{\n  \"b\": 1,\n  \"a\": [null]\n}")},
	{"ARRAY", "[1,\"x\",null]", source.JSON("[1,\"x\",null]")},
	{"ARRAY", "[1,undefined]", "[1,undefined]"},
	{"MAP(VARCHAR, NUMBER)", `{"k":1}`, source.JSON(`{"k":1}`)},
	{"GEOGRAPHY", `{"coordinates":[1,2],"type":"Point"}`, source.JSON(`{"coordinates":[1,2],"type":"Point"}`)},
	{"GEOMETRY", "POINT(1 2)", "POINT(1 2)"},
	{"VECTOR(FLOAT, 3)", "[1.000000,2.500000,-3.000000]", source.JSON("[1.000000,2.500000,-3.000000]")},
}

func tables() []snowflakefake.Table {
	seq := make([][]any, 25_000)
	for i := range seq {
		seq[i] = []any{i + 1}
	}
	one := []snowflakefake.Column{{Name: "I", Type: "NUMBER(38,0)"}}
	kinds := snowflakefake.Table{Name: "KINDS", Rows: [][]any{nil}}
	for n, c := range cells {
		kinds.Columns = append(kinds.Columns, snowflakefake.Column{Name: fmt.Sprintf("C%d", n), Type: c.typ}, snowflakefake.Column{Name: fmt.Sprintf("N%d", n), Type: c.typ})
		kinds.Rows[0] = append(kinds.Rows[0], c.value, nil)
	}
	return []snowflakefake.Table{
		{Name: "SEQ", Columns: one, Rows: seq},
		{Name: "SILENT", Columns: one, Rows: seq[:1]},
		{Name: "LATE", Columns: one, Rows: seq[:3_000]},
		{Name: "FAILS", Columns: one, Rows: seq[:3_000]},
		kinds,
	}
}

func serve(t testing.TB, o snowflakefake.Options) *snowflakefake.Server {
	t.Helper()
	if o.Tables == nil {
		o.Tables = tables()
	}
	o.Password = password
	s := snowflakefake.New(o)
	t.Cleanup(func() {
		s.Close()
		if r := s.Refused(); len(r) > 0 {
			t.Errorf("the service refused: %q", r)
		}
	})
	return s
}

func dsn(s *snowflakefake.Server, params string) string {
	return "DP:" + password + "@" + s.Addr + "/DB/PUBLIC?account=acc&protocol=http&warehouse=WH&maxRetryCount=1" + params
}

func open(t testing.TB, dsn string, o *snowflake.Options) *snowflake.Source {
	t.Helper()
	s, err := snowflake.Open(dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// key is a key pair for logins.
func key(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestContract(t *testing.T) {
	t.Run("Open", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			s := serve(t, snowflakefake.Options{})
			return harness(t, s, open(t, dsn(s, ""), nil))
		})
	})
	pair := key(t)
	t.Run("Open, by key pair", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			s := serve(t, snowflakefake.Options{PublicKey: &pair.PublicKey, ChunkHeaders: true})
			return harness(t, s, open(t, "DP@"+s.Addr+"/DB/PUBLIC?account=acc&protocol=http&warehouse=WH", &snowflake.Options{PrivateKey: pair}))
		})
	})
	t.Run("New", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			s := serve(t, snowflakefake.Options{})
			db, err := sql.Open("snowflake", dsn(s, "&GO_QUERY_RESULT_FORMAT=JSON&disableTelemetry=true&tracing=fatal"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			db.SetMaxOpenConns(4)
			return harness(t, s, snowflake.New(db, nil))
		})
	})
}

func harness(t *testing.T, s *snowflakefake.Server, from source.Source) sourcetest.Harness {
	s.Fault("SELECT i FROM silent", snowflakefake.Faults{Slow: -1})
	s.Fault("SELECT i FROM late", snowflakefake.Faults{Stall: 1})
	s.Fault("SELECT i FROM fails", snowflakefake.Faults{Cut: 2})
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	h := sourcetest.Harness{
		Source:     from,
		Count:      func(n int) string { return fmt.Sprintf("SELECT i FROM seq LIMIT %d", n) },
		Endless:    "SELECT i FROM seq",
		Silent:     "SELECT i FROM silent",
		Late:       "SELECT i FROM late",
		Fails:      "SELECT i FROM fails",
		Write:      "INSERT INTO seq VALUES (1)",
		State:      "SELECT i FROM seq LIMIT 3",
		Connection: "SELECT CURRENT_SESSION() AS id",
		Refused: []string{
			"DELETE FROM seq", "DROP TABLE seq", "CREATE TABLE x AS SELECT 1", "WITH x AS (SELECT 1) INSERT INTO seq SELECT * FROM x",
			"SELECT i FROM seq ->> DROP TABLE seq", "ALTER SESSION SET QUERY_TAG = 'x'", "CALL f()", "EXECUTE IMMEDIATE $$DROP TABLE seq$$", "BEGIN DROP TABLE seq; END",
			"SHOW TABLES", "COPY INTO @x FROM seq", "PUT file:///etc/passwd @x", "MERGE INTO seq USING x ON 1=1 WHEN MATCHED THEN DELETE", "UNDROP TABLE seq",
		},
		Running: func(context.Context) (int, error) { return s.Running(), nil },
		Wrong: []sourcetest.Wrong{
			{Name: "a wrong password", Kind: source.Denied, Source: open(t, "DP:canary-8844-wrong@"+s.Addr+"/DB?account=acc&protocol=http", nil)},
			{Name: "a wrong account", Kind: source.Denied, Source: open(t, "DP:"+password+"@"+s.Addr+"/DB?account=canary9955&protocol=http", nil)},
			{Name: "a wrong database", Kind: source.Denied, Source: open(t, "DP:"+password+"@"+s.Addr+"/GONE?account=acc&protocol=http", nil)},
			{Name: "no server", Kind: source.Unavailable, Source: open(t, "DP:"+password+"@127.0.0.1:1/DB?account=acc&protocol=http", &snowflake.Options{ConnectTimeout: 100 * time.Millisecond})},
		},
		Secrets: []string{password, "canary-8844-wrong", "canary9955", s.Addr, s.Storage, host, "ver:3-hint:", "x-amz-", "Snowflake Token"},
	}
	for n, c := range cells {
		h.Cells = append(h.Cells,
			sourcetest.Cell{Name: fmt.Sprintf("%s %v", c.typ, c.value), SQL: fmt.Sprintf("SELECT c%d FROM kinds", n), Want: c.want},
			sourcetest.Cell{Name: "NULL of " + c.typ, SQL: fmt.Sprintf("SELECT n%d FROM kinds", n)})
	}
	return h
}
