package odpsfake_test

import (
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/aliyun-odps-go-sdk/odps"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/account"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/data"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/options"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/restclient"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/tunnel"
	_ "github.com/aliyun/aliyun-odps-go-sdk/sqldriver"
	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/internal/odpsfake"
)

// These tests drive the vendor's own SDK, unmodified, against the server: what
// it accepts and how it reads the answers is the measure of the fake.

var at = time.Date(2026, 11, 23, 1, 2, 3, 456000000, time.UTC)

func tables() []odpsfake.Table {
	seq := make([][]any, 10_050)
	for i := range seq {
		seq[i] = []any{i + 1}
	}
	return []odpsfake.Table{
		{Name: "seq", Columns: []odpsfake.Column{{"i", "bigint"}}, Rows: seq},
		{
			Name: "sales", Partitions: []string{"ds"},
			Columns: []odpsfake.Column{{"id", "bigint"}, {"name", "string"}, {"ds", "string"}},
			Rows:    [][]any{{1, "a", "20240101"}, {2, nil, "20240102"}, {3, "c, \"d\"", "20240102"}},
		},
		{
			Name: "kinds",
			Columns: []odpsfake.Column{
				{"ti", "tinyint"}, {"si", "smallint"}, {"i", "int"}, {"bi", "bigint"}, {"b", "boolean"}, {"f", "float"}, {"d", "double"},
				{"s", "string"}, {"vc", "varchar(10)"}, {"c", "char(3)"}, {"bin", "binary"}, {"de", "decimal(38,18)"}, {"j", "json"},
				{"da", "date"}, {"dt", "datetime"}, {"ts", "timestamp"}, {"tn", "timestamp_ntz"}, {"ym", "interval_year_month"},
				{"a", "array<bigint>"}, {"m", "map<string,bigint>"}, {"st", "struct<x:bigint,y:string>"}, {"n", "void"},
			},
			Rows: [][]any{{
				-1, -2, -3, int64(-9223372036854775808), true, 0.5, 0.1,
				"it's 中文", "v", "ch", []byte{0, 255}, "12345678901234567890.123456789012345678", `{"k":1}`,
				time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), at, at.Add(789), at.Add(789), 14,
				[]any{1, nil, 3}, odpsfake.Map{{"k", 1}, {"n", nil}}, []any{7, nil}, nil,
			}},
		},
	}
}

func serve(t *testing.T, o odpsfake.Options) (*odpsfake.Server, *odps.Odps) {
	t.Helper()
	o.Tables = tables()
	s := odpsfake.New(o)
	t.Cleanup(s.Close)
	t.Cleanup(func() {
		if r := s.Refused(); len(r) > 0 {
			t.Errorf("the server refused: %q", r)
		}
	})
	return s, client(s, account.NewAliyunAccount("id", "key"))
}

func client(s *odpsfake.Server, a account.Account) *odps.Odps {
	c := odps.NewOdps(a, s.Endpoint)
	c.SetDefaultProjectName("demo")
	return c
}

// ended submits and waits. A job that has ended at the first poll costs no pause.
func ended(t *testing.T, c *odps.Odps, sql string) *odps.Instance {
	t.Helper()
	i, err := c.ExecSQl(sql)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.WaitForSuccess(); err != nil {
		t.Fatal(err)
	}
	return i
}

func read(t *testing.T, c *odps.Odps, i *odps.Instance, o ...tunnel.InstanceOption) ([]string, error) {
	t.Helper()
	session, err := tunnel.NewTunnel(c).CreateInstanceResultDownloadSession("demo", i.Id(), o...)
	if err != nil {
		return nil, err
	}
	r, err := session.OpenRecordReader(0, max(session.RecordCount(), 1), 0, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var rows []string
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		var cells []string
		for _, v := range record {
			if v == nil {
				cells = append(cells, "NULL")
			} else {
				cells = append(cells, v.Sql())
			}
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
}

func TestSDK(t *testing.T) {
	t.Run("a query runs from submission to rows", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		i := ended(t, c, "SELECT id, name AS n FROM sales WHERE ds = '20240102';")
		rows, err := read(t, c, i)
		if diff := cmp.Diff([]string{"2L|NULL", `3L|'c, "d"'`}, rows); diff != "" || err != nil {
			t.Errorf("%v, rows (-want +got):\n%s", err, diff)
		}
		if j := s.Jobs(); len(j) != 1 || j[0].Status != "SUCCESS" || j[0].Priority != 9 {
			t.Errorf("jobs %+v", j)
		}
	})
	t.Run("every type is read as it was", func(t *testing.T) {
		_, c := serve(t, odpsfake.Options{})
		i := ended(t, c, "SELECT * FROM kinds;")
		session, err := tunnel.NewTunnel(c).CreateInstanceResultDownloadSession("demo", i.Id())
		if err != nil {
			t.Fatal(err)
		}
		r, err := session.OpenRecordReader(0, 1, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		record, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for n, c := range session.Schema().Columns {
			v := record[n]
			switch v := v.(type) {
			case nil:
				got[c.Name] = "nil"
			case data.DateTime:
				got[c.Name] = v.Time().UTC().Format(time.RFC3339Nano)
			case data.Timestamp:
				got[c.Name] = v.Time().UTC().Format(time.RFC3339Nano)
			case data.TimestampNtz:
				got[c.Name] = v.Time().Format(time.RFC3339Nano)
			case *data.Map:
				for k, e := range v.ToGoMap() {
					got[c.Name+"."+k.String()] = fmt.Sprint(e)
				}
			default:
				got[c.Name] = v.Sql()
			}
		}
		want := map[string]string{
			"ti": "-1Y", "si": "-2s", "i": "-3", "bi": "-9223372036854775808L", "b": "true", "f": "cast(5.000000E-01 as float)", "d": "1.000000E-01",
			"s": "'it's 中文'", "vc": "cast('v' as varchar(10))", "c": "cast('ch' as char(3))", "bin": "unhex('00FF')",
			"de": "12345678901234567890.123456789012345678BD", "j": `JSON'{"k":1}'`, "da": "date'1969-12-31'",
			"dt": "2026-11-23T01:02:03.456Z", "ts": "2026-11-23T01:02:03.456000789Z", "tn": "2026-11-23T01:02:03.456000789Z",
			"ym": "14 months", "a": "array(1L, null, 3L)", "m.k": "1", "m.n": "<nil>", "st": "named_struct('x', 7L, 'y', null)", "n": "nil",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if _, err := r.Read(); !errors.Is(err, io.EOF) {
			t.Errorf("after the last row: %v", err)
		}
	})
	t.Run("compressed rows are the same", func(t *testing.T) {
		_, c := serve(t, odpsfake.Options{})
		i := ended(t, c, "SELECT * FROM seq LIMIT 3;")
		rows, err := read(t, c, i, tunnel.InstanceSessionCfg.WithDefaultDeflateCompressor())
		if diff := cmp.Diff([]string{"1L", "2L", "3L"}, rows); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	})
	t.Run("an empty result is an empty stream", func(t *testing.T) {
		_, c := serve(t, odpsfake.Options{})
		if rows, err := read(t, c, ended(t, c, "SELECT * FROM seq LIMIT 0;")); len(rows) > 0 || err != nil {
			t.Errorf("%v, %v", rows, err)
		}
	})
	t.Run("the instance's own result is CSV of 10,000 rows", func(t *testing.T) {
		_, c := serve(t, odpsfake.Options{})
		lines := func(sql string) [][]string {
			results, err := ended(t, c, sql).GetResult()
			if err != nil || len(results) != 1 {
				t.Fatal(results, err)
			}
			all, err := csv.NewReader(strings.NewReader(results[0].Content())).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		if diff := cmp.Diff([][]string{{"id", "name"}, {"2", `\N`}, {"3", `c, "d"`}}, lines("SELECT id, name FROM sales WHERE ds='20240102';")); diff != "" {
			t.Error(diff)
		}
		if n := len(lines("SELECT * FROM seq;")); n != 10_001 {
			t.Errorf("%d lines", n)
		}
		if diff := cmp.Diff([][]string{{"v"}, {"2026-01-02 03:04:05"}}, lines("SELECT CAST('2026-01-02 03:04:05' AS DATETIME) AS v;")); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a job runs until it is cancelled", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		s.Fault("SELECT * FROM seq", odpsfake.Faults{Slow: -1})
		i, err := c.ExecSQl("SELECT * FROM seq;")
		if err != nil {
			t.Fatal(err)
		}
		if tasks, err := i.GetTasks(); err != nil || tasks[0].Status != odps.TaskRunning || s.Running() != 1 {
			t.Fatalf("%v, %v", tasks, err)
		}
		if err := i.Load(); err != nil || i.Status() != odps.InstanceRunning || i.Owner() != "owner" {
			t.Errorf("%v, %v", i.Status(), err)
		}
		if err := i.Terminate(); err != nil {
			t.Fatal(err)
		}
		if tasks, err := i.GetTasks(); err != nil || tasks[0].Status != odps.TaskCancelled || s.Running() != 0 {
			t.Errorf("%v, %v", tasks, err)
		}
		if code, _ := refused(i.Terminate()); code != 409 {
			t.Errorf("a second cancel: %d", code)
		}
	})
	t.Run("hints, name, priority and Guid arrive", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		o := options.NewSQLTaskOptions()
		o.Hints = map[string]string{"odps.sql.timezone": "UTC"}
		o.InstanceOption = &options.CreateInstanceOptions{Priority: 3, JobName: "j", UniqueIdentifyID: "g"}
		i, err := c.ExecSQlWithOption("SELECT '<&>' AS x;", o)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.ExecSQlWithOption("SELECT '<&>' AS x;", o)
		if err != nil || again.Id() != i.Id() {
			t.Errorf("the same Guid gave %v, %v", again, err)
		}
		want := []odpsfake.Job{{ID: i.Id(), Name: "j", Guid: "g", Query: "SELECT '<&>' AS x;", Priority: 3, Settings: o.Hints, Status: "SUCCESS"}}
		if diff := cmp.Diff(want, s.Jobs()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a log view has an address", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		got, err := c.LogView().GenerateLogView(ended(t, c, "SELECT 1;"), 2)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		want := url.Values{"h": {s.Endpoint}, "p": {"demo"}, "i": {s.Jobs()[0].ID}, "token": {odpsfake.Token}}
		if diff := cmp.Diff(want, u.Query()); diff != "" || u.Path != "/logview" {
			t.Errorf("%s %s", u.Path, diff)
		}
	})
	t.Run("instances are listed", func(t *testing.T) {
		_, c := serve(t, odpsfake.Options{})
		for range 101 { // more than a page
			if _, err := c.ExecSQl("SELECT 1;"); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		now := time.Now()
		err := c.Instances().List(func(i *odps.Instance) {
			n++
			if i.Owner() != "owner" || i.Status() != odps.InstanceTerminated {
				t.Errorf("%v %v", i.Owner(), i.Status())
			}
		}, odps.InstanceFilter.OnlyOwner(), odps.InstanceFilter.TimeRange(now.Add(-time.Hour), now.Add(time.Hour)))
		if err != nil || n != 101 {
			t.Errorf("%d, %v", n, err)
		}
	})
	t.Run("database/sql reads through the vendor's driver", func(t *testing.T) {
		s, _ := serve(t, odpsfake.Options{})
		db, err := sql.Open("odps", strings.Replace(s.Endpoint, "://", "://id:key@", 1)+"?project=demo")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var n int64
		if err := db.QueryRow("SELECT 7 AS n;").Scan(&n); err != nil || n != 7 {
			t.Errorf("%d, %v", n, err)
		}
	})
}

// refused returns the status and code of an error answer.
func refused(err error) (int, string) {
	var e restclient.HttpError
	if !errors.As(err, &e) {
		return 0, ""
	}
	if e.ErrorMessage == nil {
		return e.StatusCode, ""
	}
	return e.StatusCode, e.ErrorMessage.ErrorCode
}

func TestSDKErrors(t *testing.T) {
	t.Run("a wrong signature is refused", func(t *testing.T) {
		s, _ := serve(t, odpsfake.Options{})
		for _, a := range []account.Account{account.NewAliyunAccount("id", "wrong"), account.NewAliyunAccount("other", "key"), account.NewStsAccount("id", "key", "token")} {
			_, err := client(s, a).ExecSQl("SELECT 1;")
			if code, name := refused(err); code != 401 || name != "InvalidAuthorization" {
				t.Errorf("%d %s %v", code, name, err)
			}
		}
	})
	t.Run("a security token is needed until it has expired", func(t *testing.T) {
		s, _ := serve(t, odpsfake.Options{Login: odpsfake.Login{AccessID: "id", AccessKey: "key", Token: "t1"}})
		c := client(s, account.NewStsAccount("id", "key", "t1"))
		ended(t, c, "SELECT 1;")
		s.SetLogin(odpsfake.Login{AccessID: "id", AccessKey: "key", Token: "t2"})
		if code, _ := refused(func() error { _, err := c.ExecSQl("SELECT 1;"); return err }()); code != 401 {
			t.Errorf("%d", code)
		}
	})
	t.Run("clocks may be fifteen minutes apart", func(t *testing.T) {
		for _, d := range []time.Duration{14 * time.Minute, 16 * time.Minute, -16 * time.Minute} {
			_, c := serve(t, odpsfake.Options{Now: func() time.Time { return time.Now().Add(d) }})
			_, err := c.ExecSQl("SELECT 1;")
			if code, _ := refused(err); (code == 401) != (d.Abs() > 15*time.Minute) {
				t.Errorf("%v: %v", d, err)
			}
		}
	})
	t.Run("a project that does not exist is 404", func(t *testing.T) {
		_, c := serve(t, odpsfake.Options{})
		c.SetDefaultProjectName("gone")
		_, err := c.ExecSQl("SELECT 1;")
		if code, name := refused(err); code != 404 || name != "NoSuchProject" {
			t.Errorf("%d %s", code, name)
		}
	})
	t.Run("a job that fails says why", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		s.Fault("SELECT 5", odpsfake.Faults{Error: "ODPS-0130013:Authorization exception - no"})
		for sql, want := range map[string]string{
			"SELECT FROM WHERE;":                   "ODPS-0130161:[1,8] Parse exception - invalid token 'FROM'",
			"SELECT * FROM gone;":                  "ODPS-0130131:[1,15] Table not found - table demo.gone cannot be resolved",
			"SELECT nope FROM seq;":                "ODPS-0130071:[1,8] Semantic analysis exception - column nope cannot be resolved",
			"SELECT 1":                             "ODPS-0130161:[1,9] Parse exception - missing ';' at the end",
			"INSERT INTO seq VALUES (1);":          "ODPS-0130161:[1,1] Parse exception - invalid token 'INSERT'",
			"SELECT 5;":                            "ODPS-0130013:Authorization exception - no",
			"SELECT * FROM sales;":                 "ODPS-0130071:[1,10] Semantic analysis exception - physical plan generation failed: Table(demo,sales) is full scan with all partitions, please specify partition predicates.",
			"SELECT CAST('x' AS ARRAY<BIGINT>) a;": "ODPS-0121035:Illegal implicit type cast - a literal cannot become array",
		} {
			i, err := c.ExecSQl(sql)
			if err != nil {
				t.Fatal(err)
			}
			if err := i.WaitForSuccess(); err == nil || err.Error() != want {
				t.Errorf("%s\n got %v\nwant %s", sql, err, want)
			}
		}
	})
	t.Run("a statement that is no query has a text and no rows", func(t *testing.T) {
		_, c := serve(t, odpsfake.Options{})
		i := ended(t, c, "DESC sales;")
		results, err := i.GetResult()
		if err != nil || !strings.Contains(results[0].Content(), "| ds | string |") {
			t.Errorf("%v %v", results, err)
		}
		if _, err = read(t, c, i); !strings.Contains(fmt.Sprint(err), "InstanceTypeNotSupported") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a session of a running job is refused", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		s.Fault("SELECT 1", odpsfake.Faults{Slow: -1})
		i, err := c.ExecSQl("SELECT 1;")
		if err != nil {
			t.Fatal(err)
		}
		_, err = read(t, c, i)
		if code, name := refused(err); code != 400 || name != "InstanceNotTerminate" {
			t.Errorf("%d %s", code, name)
		}
	})
	t.Run("more than 10,000 rows need a permission or a limit", func(t *testing.T) {
		_, c := serve(t, odpsfake.Options{})
		i := ended(t, c, "SELECT * FROM seq;")
		_, err := read(t, c, i)
		if code, name := refused(err); code != 403 || name != "NoPermission" {
			t.Errorf("%d %s", code, name)
		}
		if rows, err := read(t, c, i, tunnel.InstanceSessionCfg.EnableLimit()); len(rows) != 10_000 || err != nil {
			t.Errorf("%d, %v", len(rows), err)
		}
		_, c = serve(t, odpsfake.Options{Readable: true})
		if rows, err := read(t, c, ended(t, c, "SELECT * FROM seq;")); len(rows) != 10_050 || err != nil {
			t.Errorf("%d, %v", len(rows), err)
		}
	})
	t.Run("a range beyond the end and an old session are refused", func(t *testing.T) {
		now := time.Now()
		s, c := serve(t, odpsfake.Options{Now: func() time.Time { return now }})
		i := ended(t, c, "SELECT 1;")
		session, err := tunnel.NewTunnel(c).CreateInstanceResultDownloadSession("demo", i.Id())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := session.OpenRecordReader(1, 1, 0, nil); !strings.Contains(fmt.Sprint(err), "InvalidRowRange") {
			t.Errorf("%v", err)
		}
		if _, err := tunnel.AttachToExistedIRDownloadSession("gone", "demo", i.Id(), session.RestClient); !strings.Contains(fmt.Sprint(err), "NoSuchDownload") {
			t.Errorf("%v", err)
		}
		if again, err := tunnel.AttachToExistedIRDownloadSession(session.Id, "demo", i.Id(), session.RestClient); err != nil || again.RecordCount() != 1 {
			t.Errorf("%v", err)
		}
		_ = s
	})
	t.Run("what the server does not know is refused and noted", func(t *testing.T) {
		s := odpsfake.New(odpsfake.Options{})
		t.Cleanup(s.Close)
		c := client(s, account.NewAliyunAccount("id", "key"))
		rest := c.RestClient()
		for _, path := range []string{"/projects/demo/tables", "/projects/demo/instances?surprise=1", "/projects/demo/instances"} {
			p, q, _ := strings.Cut(path, "?")
			query, _ := url.ParseQuery(q)
			err := rest.GetWithModel(p, query, &struct{}{})
			if code, _ := refused(err); code != 400 {
				t.Errorf("%s: %v", path, err)
			}
		}
		body := "<Instance><Job><Tasks><SQL><Query>SELECT 1;</Query><Name>x</Name></SQL></Tasks><Priority>9</Priority></Job></Instance>"
		req, err := rest.NewRequest("POST", "/projects/demo/instances", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/xml")
		if code, _ := refused(rest.DoWithParseFunc(req, nil)); code != 400 {
			t.Errorf("elements out of order: %d", code)
		}
		if len(s.Refused()) != 4 || len(s.Jobs()) != 0 {
			t.Errorf("%q", s.Refused())
		}
	})
}

func TestSDKFaults(t *testing.T) {
	const q = "SELECT * FROM seq LIMIT 4;"
	t.Run("an unknown status is what the SDK takes for success", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		s.Fault(q, odpsfake.Faults{Status: "EVAPORATED"})
		i := ended(t, c, q)
		tasks, err := i.GetTasks()
		if err != nil || tasks[0].Status != odps.TaskStatusUnknown {
			t.Errorf("%v %v", tasks, err)
		}
	})
	t.Run("a poll fails once, by an answer and by none", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		s.Fault(q, odpsfake.Faults{FailPolls: 1, DropPolls: 1})
		i, err := c.ExecSQl(q)
		if err != nil {
			t.Fatal(err)
		}
		if code, _ := refused(i.WaitForSuccess()); code != 503 {
			t.Errorf("%d", code)
		}
		if err := i.WaitForSuccess(); !errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
		if err := i.WaitForSuccess(); err != nil {
			t.Errorf("%v", err)
		}
	})
	t.Run("a job is slow", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		s.Fault(q, odpsfake.Faults{Idle: 1, Slow: 1})
		i, err := c.ExecSQl(q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range 3 {
			tasks, err := i.GetTasks()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(tasks))
		}
		if got[0] != "[]" || !strings.Contains(got[1], "RUNNING") || !strings.Contains(got[2], "SUCCESS") {
			t.Errorf("%q", got)
		}
	})
	t.Run("submissions and the tunnel are throttled", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		s.Fault(q, odpsfake.Faults{Throttle: 1, ThrottleTunnel: 1})
		_, err := c.ExecSQl(q)
		if code, _ := refused(err); code != 429 {
			t.Errorf("%v", err)
		}
		i := ended(t, c, q)
		_, err = read(t, c, i)
		if code, name := refused(err); code != 429 || name != "FlowExceeded" {
			t.Errorf("%v", err)
		}
		if rows, err := read(t, c, i); len(rows) != 4 || err != nil {
			t.Errorf("%v %v", rows, err)
		}
	})
	t.Run("a submission's answer is lost and the job runs", func(t *testing.T) {
		s, c := serve(t, odpsfake.Options{})
		s.Fault(q, odpsfake.Faults{LoseSubmit: 1})
		if _, err := c.ExecSQl(q); !errors.Is(err, io.EOF) {
			t.Errorf("%v", err)
		}
		if len(s.Jobs()) != 1 {
			t.Errorf("%v", s.Jobs())
		}
	})
	t.Run("streams are cut", func(t *testing.T) {
		for name, c := range map[string]struct {
			f    odpsfake.Faults
			rows int
			ok   bool
		}{
			// That the SDK sees nothing wrong with either is why rows must be counted.
			"at a border":  {odpsfake.Faults{Cut: 2}, 2, true},
			"inside a row": {odpsfake.Faults{Cut: 2, Inside: true}, 2, true},
			"by a reset":   {odpsfake.Faults{Cut: 2, Reset: true}, 2, false},
			"by a bad bit": {odpsfake.Faults{Damage: func(rows []byte) { rows[1] ^= 2 }}, 0, false},
		} {
			s, client := serve(t, odpsfake.Options{})
			s.Fault(q, c.f)
			rows, err := read(t, client, ended(t, client, q))
			if len(rows) != c.rows || (err == nil) != c.ok {
				t.Errorf("%s: %d rows, %v", name, len(rows), err)
			}
		}
	})
}

func TestSignatures(t *testing.T) {
	// Both are by the vendor's SDK, the second by its version 0.4.24, which is the
	// one that signs so.
	for name, signature := range map[string]string{
		"version 1": "ODPS id:SRE8nvUf/QafStJ28PdikuafYYw=",
		"version 4": "ODPS id/20261123/cn-hangzhou/odps/aliyun_v4_request:0SVlB3XjPRkRVom4nbWJAnug/50=",
	} {
		t.Run(name+" is checked as the vendor makes it", func(t *testing.T) {
			s := odpsfake.New(odpsfake.Options{
				Login: odpsfake.Login{AccessID: "id", AccessKey: "secret"}, Region: "cn-hangzhou",
				Now: func() time.Time { return time.Date(2026, 11, 23, 1, 3, 0, 0, time.UTC) },
			})
			t.Cleanup(s.Close)
			for date, want := range map[string]int{"Mon, 23 Nov 2026 01:02:03 GMT": 404, "Mon, 23 Nov 2026 01:02:04 GMT": 401} {
				r, err := http.NewRequest("GET", s.Endpoint+"/projects/demo/instances/2026x?taskstatus=&curr_project=demo&z=a+b%2Fc", nil)
				if err != nil {
					t.Fatal(err)
				}
				for k, v := range map[string]string{
					"Date": date, "Content-Type": "application/xml", "x-odps-user-agent": "test/1", "x-odps-tunnel-version": "5", "Authorization": signature,
				} {
					r.Header.Set(k, v)
				}
				res, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != want {
					t.Errorf("%s: %d, want %d", date, res.StatusCode, want)
				}
			}
		})
	}
}

func TestUnsigned(t *testing.T) {
	t.Run("a request without a signature is refused", func(t *testing.T) {
		s := odpsfake.New(odpsfake.Options{})
		t.Cleanup(s.Close)
		r, err := http.Get(s.Endpoint + "/projects/demo/instances?onlyowner=yes")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != 401 {
			t.Errorf("%d", r.StatusCode)
		}
	})
}
