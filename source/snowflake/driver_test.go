package snowflake_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/snowflakedb/gosnowflake"

	"github.com/datapush-go/datapush/source/snowflake/snowflakefake"
)

// These tests drive the vendor's own driver, unmodified, against the server: what
// it accepts and how it reads the answers is the measure of the fake. They stand
// here so that one test program links the driver.

// handle opens the account with the driver alone.
func handle(t testing.TB, s *snowflakefake.Server, params string) *sql.DB {
	t.Helper()
	db, err := sql.Open("snowflake", dsn(s, params+"&tracing=fatal"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	return db
}

// scan reads all rows of a query as texts, NULL as "NULL".
func scan(ctx context.Context, db *sql.DB, query string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []string
	for rows.Next() {
		cells, dest := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range cells {
			dest[i] = &cells[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		var line []string
		for _, c := range cells {
			if c.Valid {
				line = append(line, c.String)
			} else {
				line = append(line, "NULL")
			}
		}
		out = append(out, strings.Join(line, "|"))
	}
	return out, rows.Err()
}

// number wants an error of the service with a number.
func number(t *testing.T, err error, want int) {
	t.Helper()
	var e *gosnowflake.SnowflakeError
	if !errors.As(err, &e) || e.Number != want {
		t.Errorf("error %v, want number %d", err, want)
	}
}

func TestDriver(t *testing.T) {
	t.Run("a query runs from login to logout", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		db := handle(t, s, "&role=analyst&query_tag=x")
		rows, err := scan(t.Context(), db, "SELECT i, 'it''s' AS \"t\", NULL, CURRENT_ROLE() FROM seq WHERE i = 7 -- x\n LIMIT 3;")
		if diff := cmp.Diff([]string{"7|it's|NULL|ANALYST"}, rows); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
		db.Close()
		if j := s.Jobs(); len(j) != 1 || j[0].Status != "done" || j[0].Submissions != 1 {
			t.Errorf("jobs %+v", j)
		}
		if p := s.Sessions(); len(p) != 1 || !p[0].Closed || p[0].Parameters["QUERY_TAG"] != "x" || p[0].Warehouse != "WH" || p[0].KeyPair {
			t.Errorf("sessions %+v", p)
		}
		if s.Telemetry() == 0 {
			t.Error("the driver's reports did not arrive")
		}
	})
	t.Run("every type is read as it was", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		db := handle(t, s, "")
		for n, c := range cells {
			var got, null any
			if err := db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT c%d, n%d FROM kinds", n, n)).Scan(&got, &null); err != nil {
				t.Errorf("%s: %v", c.typ, err)
				continue
			}
			want := c.value
			switch v := c.value.(type) {
			case int:
				want = fmt.Sprint(v)
			case bool:
				want = map[bool]string{true: "1", false: "0"}[v]
			case float64:
				want = fmt.Sprint(v)
				if math.IsInf(v, -1) {
					want = "-inf"
				}
			case time.Duration:
				want = time.Time{}.Add(v)
			case time.Time:
				if v.Unix() < 0 && v.Nanosecond() != 0 {
					continue // the driver loses the sign of a fraction
				}
				if at, ok := got.(time.Time); ok && at.Equal(v) {
					got = v
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || null != nil {
				t.Errorf("%s %v: NULL is %v (-want +got):\n%s", c.typ, c.value, null, diff)
			}
		}
		rows, err := db.QueryContext(t.Context(), "SELECT 12.50 AS n, i FROM seq LIMIT 0")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		types, err := rows.ColumnTypes()
		if err != nil {
			t.Fatal(err)
		}
		p, sc, _ := types[0].DecimalSize()
		if types[0].DatabaseTypeName() != "FIXED" || p != 4 || sc != 2 {
			t.Errorf("%s(%d,%d)", types[0].DatabaseTypeName(), p, sc)
		}
	})
	t.Run("values are bound", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		db := handle(t, s, "")
		rows, err := scan(t.Context(), db, "SELECT ?, ?, ? AS b", "it's", 12, true)
		if diff := cmp.Diff([]string{"it's|12|1"}, rows); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
		_, err = scan(t.Context(), db, "SELECT ?")
		number(t, err, 2049)
	})
	t.Run("a large result comes in chunks", func(t *testing.T) {
		for _, headers := range []bool{false, true} {
			s := serve(t, snowflakefake.Options{ChunkHeaders: headers})
			db := handle(t, s, "")
			for name, ctx := range map[string]context.Context{"at once": t.Context(), "as a stream": gosnowflake.WithStreamDownloader(t.Context())} {
				rows, err := scan(ctx, db, "SELECT i FROM seq LIMIT 10500")
				if len(rows) != 10_500 || rows[10_499] != "10500" || err != nil {
					t.Errorf("%s: %d rows, %v", name, len(rows), err)
				}
			}
			if s.RowsSent() != 2*9_500 {
				t.Errorf("%d rows came from the storage", s.RowsSent())
			}
		}
	})
	t.Run("a statement that takes long is asked about", func(t *testing.T) {
		for _, async := range []bool{false, true} {
			s := serve(t, snowflakefake.Options{})
			s.Fault("SELECT 1 AS x", snowflakefake.Faults{Slow: 3, Async: async})
			// The driver's other way to read chunks, several at once, may miss
			// that one has failed and then waits for ever.
			rows, err := scan(gosnowflake.WithStreamDownloader(t.Context()), handle(t, s, ""), "SELECT 1 AS x")
			if diff := cmp.Diff([]string{"1"}, rows); diff != "" || err != nil {
				t.Errorf("%v %s", err, diff)
			}
		}
	})
	t.Run("a context that ends aborts the statement", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		s.Fault("SELECT 1 AS x", snowflakefake.Faults{Slow: -1})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := scan(ctx, handle(t, s, ""), "SELECT 1 AS x")
		if j := s.Jobs()[0]; !errors.Is(err, context.DeadlineExceeded) || j.Status != "aborted" || j.Aborts != 1 || s.Running() != 0 {
			t.Errorf("%v, %+v", err, j)
		}
	})
	t.Run("columns are told without running", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		s.Fault("SELECT i FROM seq", snowflakefake.Faults{Slow: -1})
		rows, err := handle(t, s, "").QueryContext(gosnowflake.WithDescribeOnly(t.Context()), "SELECT i FROM seq")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		if names, err := rows.Columns(); len(names) != 1 || names[0] != "I" || rows.Next() || !s.Jobs()[0].Describe {
			t.Errorf("%v %v", names, err)
		}
	})
	t.Run("errors have their numbers", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		db := handle(t, s, "")
		for sql, want := range map[string]int{
			"SELECT FROM": 1003, "SELEC 1": 1003, "SELECT 'x": 1003, "SELECT * FROM gone": 2003, "SELECT x FROM seq": 904, "SELECT 1; SELECT 2": 8,
			"ALTER SESSION SET X = 1": 1423,
		} {
			_, err := scan(t.Context(), db, sql)
			number(t, err, want)
		}
		s.Fault("SELECT 2", snowflakefake.Faults{Code: "100038", State: "22018", Message: "Numeric value 'x' is not recognized", Slow: 1})
		_, err := scan(t.Context(), db, "SELECT 2")
		number(t, err, 100038)
	})
	t.Run("a token that is old is renewed", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{})
		db := handle(t, s, "")
		for range 2 {
			if _, err := scan(t.Context(), db, "SELECT 1"); err != nil {
				t.Fatal(err)
			}
			s.Expire()
		}
		if p := s.Sessions(); len(p) != 1 || p[0].Renewals != 1 {
			t.Errorf("%+v", p)
		}
		s.Forget()
		_, err := scan(t.Context(), db, "SELECT 1")
		number(t, err, 390111)
	})
	t.Run("the session's limit on rows and on time", func(t *testing.T) {
		now := time.Now()
		s := serve(t, snowflakefake.Options{Now: func() time.Time { now = now.Add(time.Second); return now }})
		s.Fault("SELECT 1 AS x", snowflakefake.Faults{Slow: -1})
		db := handle(t, s, "&rows_per_resultset=3&statement_timeout_in_seconds=5")
		rows, err := scan(t.Context(), db, "SELECT * FROM seq")
		if len(rows) != 3 || err != nil {
			t.Errorf("%v %v", rows, err)
		}
		_, err = scan(t.Context(), db, "SELECT 1 AS x")
		number(t, err, 630)
	})
}

// What the driver does about trouble, and what it does not notice.
func TestDriverInTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		fault snowflakefake.Faults
		rows  int
		job   string // submissions and status
	}{
		"throttled":                     {snowflakefake.Faults{Throttle: 1}, 3_000, "1 done"},
		"unavailable":                   {snowflakefake.Faults{Unavailable: 1}, 3_000, "1 done"},
		"a lost answer":                 {snowflakefake.Faults{LoseSubmit: 1}, 3_000, "2 done"},
		"a question that fails":         {snowflakefake.Faults{Slow: 1, FailPolls: 1}, 3_000, "1 done"},
		"a question without an answer":  {snowflakefake.Faults{Slow: 1, DropPolls: 1}, 3_000, "1 done"},
		"a question with half of one":   {snowflakefake.Faults{Slow: 1, CutPolls: 1}, -1, "1 running"},
		"a chunk that fails":            {snowflakefake.Faults{FailChunks: 1}, 3_000, "1 done"},
		"a chunk cut inside a row":      {snowflakefake.Faults{Cut: 5, Inside: true}, -1, "1 done"},
		"a chunk whose connection ends": {snowflakefake.Faults{Reset: 5}, -1, "1 done"},
		// The trap: nobody counts.
		"a chunk cut at a row": {snowflakefake.Faults{Cut: 5}, 1_005, "1 done"},
		"an answer with an unknown code that calls itself a success": {snowflakefake.Faults{Code: "333399", Lie: true}, 0, "1 failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, snowflakefake.Options{})
			s.Fault("SELECT i FROM late", c.fault)
			rows, err := scan(t.Context(), handle(t, s, ""), "SELECT i FROM late")
			if c.rows >= 0 && (err != nil || len(rows) != c.rows) || c.rows < 0 && err == nil {
				t.Errorf("%d rows, %v; want %d", len(rows), err, c.rows)
			}
			if j := s.Jobs(); len(j) != 1 || fmt.Sprint(j[0].Submissions, " ", j[0].Status) != c.job {
				t.Errorf("jobs %+v, want %s", j, c.job)
			}
		})
	}
	t.Run("a fraction before 1970 loses its sign", func(t *testing.T) {
		s := serve(t, snowflakefake.Options{Tables: []snowflakefake.Table{{
			Name: "T", Columns: []snowflakefake.Column{{Name: "AT", Type: "TIMESTAMP_NTZ(3)"}}, Rows: [][]any{{time.Unix(0, -5e8)}},
		}}})
		var got time.Time
		if err := handle(t, s, "").QueryRowContext(t.Context(), "SELECT at FROM t").Scan(&got); err != nil || !got.Equal(time.Unix(0, 5e8)) {
			t.Errorf("%v %v", got, err)
		}
	})
}

func TestLogins(t *testing.T) {
	pair, other := key(t), key(t)
	s := serve(t, snowflakefake.Options{PublicKey: &pair.PublicKey})
	connect := func(t *testing.T, change func(c *gosnowflake.Config)) error {
		c, err := gosnowflake.ParseDSN(dsn(s, "&tracing=fatal"))
		if err != nil {
			t.Fatal(err)
		}
		change(c)
		db := sql.OpenDB(gosnowflake.NewConnector(gosnowflake.SnowflakeDriver{}, *c))
		defer db.Close()
		return db.PingContext(t.Context())
	}
	for _, c := range []struct {
		name   string
		change func(c *gosnowflake.Config)
		want   int
	}{
		{"the right password", func(*gosnowflake.Config) {}, 0},
		{"a wrong password", func(c *gosnowflake.Config) { c.Password = "x" }, 390100},
		{"a wrong user", func(c *gosnowflake.Config) { c.User = "x" }, 390100},
		{"a wrong account", func(c *gosnowflake.Config) { c.Account = "x" }, gosnowflake.ErrCodeFailedToConnect},
		{"the right key", func(c *gosnowflake.Config) { c.Authenticator, c.PrivateKey = gosnowflake.AuthTypeJwt, pair }, 0},
		{"another key", func(c *gosnowflake.Config) { c.Authenticator, c.PrivateKey = gosnowflake.AuthTypeJwt, other }, 390144},
		{"another user's key", func(c *gosnowflake.Config) {
			c.Authenticator, c.PrivateKey, c.User = gosnowflake.AuthTypeJwt, pair, "x"
		}, 390144},
		{"a key that is valid for too long", func(c *gosnowflake.Config) {
			c.Authenticator, c.PrivateKey, c.JWTExpireTimeout = gosnowflake.AuthTypeJwt, pair, 2*time.Hour
		}, 390144},
		{"a key's token that has expired", func(c *gosnowflake.Config) {
			c.Authenticator, c.PrivateKey, c.JWTExpireTimeout = gosnowflake.AuthTypeJwt, pair, -time.Minute
		}, 390144},
		{"a role that is not granted", func(c *gosnowflake.Config) { c.Role = "x" }, 390189},
		{"a database that is not there", func(c *gosnowflake.Config) { c.Database = "x" }, 390201},
		{"a database that is not checked", func(c *gosnowflake.Config) {
			c.Database, c.ValidateDefaultParameters = "x", gosnowflake.ConfigBoolFalse
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := connect(t, c.change)
			if c.want == 0 && err != nil {
				t.Error(err)
			} else if c.want != 0 {
				number(t, err, c.want)
			}
		})
	}
}

// post sends a request as a driver does.
func post(t *testing.T, s *snowflakefake.Server, path, token, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.Addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []string{"CLIENT_APP_ID", "CLIENT_APP_VERSION", "User-Agent"} {
		r.Header.Set(h, "test")
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", `Snowflake Token="`+token+`"`)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(answer.StatusCode, " ", string(text))
}

// forge writes a key pair's token.
func forge(t *testing.T, by *rsa.PrivateKey, head string, claims map[string]any) string {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	sign, err := rsa.SignPKCS1v15(rand.Reader, by, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sign)
}

func TestForgedTokens(t *testing.T) {
	pair, other := key(t), key(t)
	s := serve(t, snowflakefake.Options{PublicKey: &pair.PublicKey})
	der, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	print := sha256.Sum256(der)
	const rs256 = `{"alg":"RS256","typ":"JWT"}`
	now := time.Now().Unix()
	claims := func(change func(c map[string]any)) map[string]any {
		c := map[string]any{"iss": "ACC.DP.SHA256:" + base64.StdEncoding.EncodeToString(print[:]), "sub": "ACC.DP", "iat": now, "exp": now + 60}
		change(c)
		return c
	}
	same := func(map[string]any) {}
	for name, c := range map[string]struct {
		token string
		ok    bool
	}{
		"the right one":        {forge(t, pair, rs256, claims(same)), true},
		"another's signature":  {forge(t, other, rs256, claims(same)), false},
		"another algorithm":    {forge(t, pair, `{"alg":"none","typ":"JWT"}`, claims(same)), false},
		"another subject":      {forge(t, pair, rs256, claims(func(c map[string]any) { c["sub"] = "ACC.ROOT" })), false},
		"another issuer":       {forge(t, pair, rs256, claims(func(c map[string]any) { c["iss"] = "ACC.DP.SHA256:x" })), false},
		"expired":              {forge(t, pair, rs256, claims(func(c map[string]any) { c["exp"] = now })), false},
		"issued in the future": {forge(t, pair, rs256, claims(func(c map[string]any) { c["iat"], c["exp"] = now+600, now+700 })), false},
		"no token":             {"x", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := post(t, s, "/session/v1/login-request?requestId=1&request_guid=2", "",
				`{"data":{"CLIENT_APP_ID":"Go","CLIENT_APP_VERSION":"1","ACCOUNT_NAME":"acc","AUTHENTICATOR":"SNOWFLAKE_JWT","TOKEN":"`+c.token+`","CLIENT_ENVIRONMENT":{"OS":"x"}}}`)
			if c.ok != strings.Contains(got, `"success":true`) || !c.ok && !strings.Contains(got, "390144") {
				t.Error(got)
			}
		})
	}
}

func TestServerRefusesWhatItDoesNotKnow(t *testing.T) {
	s := snowflakefake.New(snowflakefake.Options{Tables: tables()})
	defer s.Close()
	login := func(data string) string {
		return post(t, s, "/session/v1/login-request?requestId=1&request_guid=2", "", `{"data":{"CLIENT_APP_ID":"Go","CLIENT_APP_VERSION":"1","ACCOUNT_NAME":"acc","LOGIN_NAME":"dp","PASSWORD":"secret","CLIENT_ENVIRONMENT":{"OS":"x"}`+data+`}}`)
	}
	var in struct{ Data struct{ Token string } }
	if err := json.NewDecoder(bytes.NewReader([]byte(login("")[4:]))).Decode(&in); err != nil {
		t.Fatal(err)
	}
	token := in.Data.Token
	for _, c := range []struct{ name, got, want string }{
		{"a heartbeat", post(t, s, "/session/heartbeat?requestId=1&request_guid=2", token, ""), `"success":true`},
		{"a heartbeat without a token", post(t, s, "/session/heartbeat?requestId=1&request_guid=2", "", ""), "390104"},
		{"an unknown request", post(t, s, "/monitoring/queries/1", token, ""), "400"},
		{"an unknown parameter", post(t, s, "/session/heartbeat?requestId=1&request_guid=2&x=1", token, ""), "400"},
		{"a missing parameter", post(t, s, "/session/heartbeat?requestId=1", token, ""), "400"},
		{"an unknown field of a login", login(`,"X":1`), "400"},
		{"an unknown parameter of a session", login(`,"SESSION_PARAMETERS":{"X":1}`), "400"},
		{"an unknown way to log in", login(`,"AUTHENTICATOR":"X"`), "400"},
		{"an unknown field of a statement", post(t, s, "/queries/v1/query-request?requestId=1&request_guid=2", token, `{"sqlText":"SELECT 1","sequenceId":1,"x":1}`), "400"},
		{"a statement", post(t, s, "/queries/v1/query-request?requestId=1&request_guid=2", token, `{"sqlText":"SELECT 1","sequenceId":1}`), `"rowset":[["1"]]`},
		{"the same request again", post(t, s, "/queries/v1/query-request?requestId=1&request_guid=3&retryCount=1", token, `{"sqlText":"SELECT 1","sequenceId":1}`), `"rowset":[["1"]]`},
		{"the same request as if it were new", post(t, s, "/queries/v1/query-request?requestId=1&request_guid=3", token, `{"sqlText":"SELECT 1","sequenceId":2}`), "400"},
		{"an old sequence number", post(t, s, "/queries/v1/query-request?requestId=2&request_guid=2", token, `{"sqlText":"SELECT 1","sequenceId":1}`), "400"},
		{"aborting what has ended", post(t, s, "/queries/v1/abort-request?requestId=3&request_guid=2", token, `{"requestId":"1","sqlText":"SELECT 1"}`), "000605"},
		{"a token from nobody", post(t, s, "/session/token-request?requestId=1&request_guid=2", "x", `{"oldSessionToken":"x","requestType":"RENEW"}`), "390114"},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
	if got := len(s.Refused()); got != 9 || s.Heartbeats() != 1 || len(s.Jobs()) != 1 {
		t.Errorf("%d refused: %q; %d heartbeats", got, s.Refused(), s.Heartbeats())
	}
	r, err := http.Get("http://" + s.Storage + "/results/x?x-amz-signature=1")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusBadRequest {
		t.Errorf("storage answered %d", r.StatusCode)
	}
}
