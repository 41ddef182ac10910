package maxcompute_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/aliyun-odps-go-sdk/odps"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/account"

	"github.com/datapush-go/datapush/internal/odpsfake"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/maxcompute"
	"github.com/datapush-go/datapush/source/sourcetest"
)

const (
	accessID  = "LTAI-canary-5511"
	accessKey = "canary-6622-secret"
	token     = "canary-7733-token"
)

var at = time.Date(2026, 11, 23, 1, 2, 3, 456000000, time.UTC)

func tables() []odpsfake.Table {
	seq := make([][]any, 25_000)
	for i := range seq {
		seq[i] = []any{i + 1}
	}
	one := []odpsfake.Column{{Name: "i", Type: "bigint"}}
	return []odpsfake.Table{
		{Name: "seq", Columns: one, Rows: seq},
		{Name: "silent", Columns: one, Rows: seq[:1]},
		{Name: "late", Columns: one, Rows: seq[:5]},
		{Name: "fails", Columns: one, Rows: seq[:5]},
		{
			Name: "sales", Partitions: []string{"ds"},
			Columns: []odpsfake.Column{{Name: "id", Type: "bigint"}, {Name: "name", Type: "string"}, {Name: "ds", Type: "string"}},
			Rows:    [][]any{{1, "a", "20240101"}, {2, nil, "20240102"}},
		},
		kinds(),
	}
}

// cell is a value of a type and what it must become.
type cell struct {
	typ   string
	value any
	want  any
}

var cells = []cell{
	{"tinyint", -128, int64(-128)},
	{"smallint", -32768, int64(-32768)},
	{"int", -2147483648, int64(-2147483648)},
	{"bigint", int64(-9223372036854775808), int64(-9223372036854775808)},
	{"bigint", int64(9223372036854775807), int64(9223372036854775807)},
	{"boolean", true, true},
	{"boolean", false, false},
	{"float", 0.1, 0.1},
	{"double", 0.1, 0.1},
	{"string", "it's\n中文 \\N", "it's\n中文 \\N"},
	{"string", "", ""},
	{"varchar(10)", "十个字符的中文文本啊", "十个字符的中文文本啊"},
	{"char(2)", "中文", "中文"},
	{"binary", []byte{0, 0xff}, []byte{0, 0xff}},
	{"decimal(38,18)", "-12345678901234567890.123456789012345678", source.Decimal("-12345678901234567890.123456789012345678")},
	{"decimal(10,2)", "0.10", source.Decimal("0.10")},
	{"json", `{"b": 1, "a": [null]}`, source.JSON(`{"b": 1, "a": [null]}`)},
	{"date", time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)},
	{"date", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)},
	{"datetime", at, at},
	{"datetime", time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC)},
	{"timestamp", at.Add(789), at.Add(789)},
	{"timestamp_ntz", at.Add(789), at.Add(789)},
	{"interval_day_time", odpsfake.Interval{Seconds: 86400 + 2*3600 + 3*60 + 4, Nanos: 5e8}, "1 02:03:04.5"},
	{"interval_day_time", odpsfake.Interval{Seconds: -61}, "-0 00:01:01"},
	{"interval_year_month", 14, "1-2"},
	{"interval_year_month", -14, "-1-2"},
	{"array<bigint>", []any{1, nil, 3}, source.JSON(`[1,null,3]`)},
	{"array<string>", []any{}, source.JSON(`[]`)},
	{"array<array<string>>", []any{[]any{"a\"", nil}, nil}, source.JSON(`[["a\"",null],null]`)},
	{"map<string,bigint>", odpsfake.Map{{Key: "z", Value: 1}, {Key: "a", Value: nil}}, source.JSON(`{"z":1,"a":null}`)},
	{"map<bigint,map<string,double>>", odpsfake.Map{{Key: 7, Value: odpsfake.Map{{Key: "k", Value: 0.5}}}}, source.JSON(`{"7":{"k":0.5}}`)},
	{"struct<x:bigint,y:string>", []any{nil, "v"}, source.JSON(`{"x":null,"y":"v"}`)},
	{
		"struct<d:decimal(38,18),t:timestamp,a:date,n:timestamp_ntz,b:binary,j:json,o:boolean,f:float>",
		[]any{"1.000000000000000001", at, at, at, []byte{1}, `{"k":[1]}`, true, 0.25},
		source.JSON(`{"d":1.000000000000000001,"t":"2026-11-23T01:02:03.456Z","a":"2026-11-23","n":"2026-11-23T01:02:03.456","b":"AQ==","j":{"k":[1]},"o":true,"f":0.25}`),
	},
	{"array<struct<x:array<bigint>>>", []any{[]any{[]any{1, nil}}}, source.JSON(`[{"x":[1,null]}]`)},
	{"void", nil, nil},
}

// kinds is a table with a column for each cell, and one of NULL for each type.
func kinds() odpsfake.Table {
	t := odpsfake.Table{Name: "kinds", Rows: [][]any{nil}}
	for n, c := range cells {
		t.Columns = append(t.Columns, odpsfake.Column{Name: fmt.Sprintf("c%d", n), Type: c.typ}, odpsfake.Column{Name: fmt.Sprintf("n%d", n), Type: c.typ})
		t.Rows[0] = append(t.Rows[0], c.value, nil)
	}
	return t
}

func serve(t *testing.T, o odpsfake.Options) *odpsfake.Server {
	t.Helper()
	o.Tables = tables()
	o.Login = odpsfake.Login{AccessID: accessID, AccessKey: accessKey, Token: o.Login.Token}
	s := odpsfake.New(o)
	t.Cleanup(func() {
		s.Close()
		if r := s.Refused(); len(r) > 0 {
			t.Errorf("the service refused: %q", r)
		}
	})
	return s
}

func dsn(s *odpsfake.Server, params ...string) string {
	return strings.Replace(s.Endpoint, "://", "://"+accessID+":"+accessKey+"@", 1) + "?project=demo" + strings.Join(append([]string{""}, params...), "&")
}

// hurry makes pauses as short as they can be.
func hurry(ctx context.Context, _ time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Millisecond):
		return nil
	}
}

func open(t *testing.T, dsn string, o maxcompute.Options) *maxcompute.Source {
	t.Helper()
	if o.Sleep == nil {
		o.Sleep = hurry
	}
	s, err := maxcompute.Open(dsn, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	t.Run("Open", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			s := serve(t, odpsfake.Options{Readable: true})
			return harness(t, s, open(t, dsn(s), maxcompute.Options{}))
		})
	})
	t.Run("Open, version 4 with a token, and no permission on tables", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			s := serve(t, odpsfake.Options{Login: odpsfake.Login{Token: token}})
			return harness(t, s, open(t, dsn(s, "region=cn-test", "stsToken="+token), maxcompute.Options{}))
		})
	})
	t.Run("New", func(t *testing.T) {
		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
			s := serve(t, odpsfake.Options{Readable: true})
			c := odps.NewOdps(account.NewAliyunAccount(accessID, accessKey), s.Endpoint)
			c.SetDefaultProjectName("demo")
			return harness(t, s, maxcompute.New(c, &maxcompute.Options{Sleep: hurry}))
		})
	})
}

func harness(t *testing.T, s *odpsfake.Server, from source.Source) sourcetest.Harness {
	s.Fault("SELECT i FROM silent", odpsfake.Faults{Slow: -1})
	s.Fault("SELECT i FROM late", odpsfake.Faults{Stall: 1})
	s.Fault("SELECT i FROM fails", odpsfake.Faults{Cut: 2})
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	h := sourcetest.Harness{
		Source:  from,
		Count:   func(n int) string { return fmt.Sprintf("SELECT i FROM seq LIMIT %d", n) },
		Endless: "SELECT i FROM seq",
		Silent:  "SELECT i FROM silent",
		Late:    "SELECT i FROM late",
		Fails:   "SELECT i FROM fails",
		Write:   "INSERT OVERWRITE TABLE seq SELECT 1",
		State:   "SELECT i FROM seq LIMIT 3",
		Refused: []string{
			"DELETE FROM seq", "DROP TABLE seq", "CREATE TABLE x AS SELECT 1", "WITH x AS (SELECT 1) INSERT INTO seq SELECT * FROM x",
			"FROM seq INSERT OVERWRITE TABLE x SELECT i", "TRUNCATE TABLE seq", "DESC seq", "SET a=b; DROP TABLE seq", "ALTER TABLE seq DROP PARTITION (ds='1')",
		},
		Running: func(context.Context) (int, error) { return s.Running(), nil },
		Wrong: []sourcetest.Wrong{
			{Name: "a wrong key", Kind: source.Denied, Source: open(t, strings.Replace(dsn(s), accessKey, "canary-8844-wrong", 1), maxcompute.Options{})},
			{Name: "a wrong project", Kind: source.Denied, Source: open(t, strings.Replace(dsn(s, "stsToken="+tokenOf(s)), "project=demo", "project=gone", 1), maxcompute.Options{})},
			{Name: "no server", Kind: source.Unavailable, Source: open(t, "http://"+accessID+":"+accessKey+"@127.0.0.1:1/api?project=demo", maxcompute.Options{})},
		},
		Secrets: []string{accessID, accessKey, token, "canary-8844-wrong", u.Host, u.Hostname(), s.Tunnel, odpsfake.Token},
	}
	for n, c := range cells {
		if c.typ != "void" {
			h.Cells = append(h.Cells, sourcetest.Cell{Name: c.typ, SQL: fmt.Sprintf("SELECT c%d FROM kinds", n), Want: c.want})
		}
		h.Cells = append(h.Cells, sourcetest.Cell{Name: "NULL of " + c.typ, SQL: fmt.Sprintf("SELECT n%d FROM kinds", n)})
	}
	return h
}

func tokenOf(s *odpsfake.Server) string { return s.Login().Token }
