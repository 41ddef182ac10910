package integration_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/datapush-go/datapush/internal/integration/server"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/clickhouse"
	"github.com/datapush-go/datapush/source/hologres"
	"github.com/datapush-go/datapush/source/mysql"
	"github.com/datapush-go/datapush/source/postgres"
	"github.com/datapush-go/datapush/source/sqlite"
)

// heap runs f and returns how far the heap rose above where it was, garbage that
// was not collected yet included.
func heap(f func()) int64 {
	read := func() int64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return int64(s[0].Value.Uint64())
	}
	runtime.GC()
	start, most := read(), int64(0)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, read())
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(done)
	<-ended
	return max(most, read()) - start
}

// counted stands before a server and counts what it sends.
func counted(t *testing.T, to string, sent *atomic.Int64) *server.Server {
	return before(t, to, func(client *net.TCPConn, server net.Conn) {
		_, _ = io.Copy(client, io.TeeReader(server, counter{sent}))
	}, pass)
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

// family is a source that is read without end.
type family struct {
	name string
	// open opens the source with a budget of bytes for results, 0 for the
	// default, and counts what its server sends; nothing is sent where there is
	// no server.
	open    func(t *testing.T, budget int64, sent *atomic.Int64) source.Source
	endless string
	// page gives 10,000 rows after ${next_token}. It is "" for a mode that pages
	// as its family does.
	page string
}

func families(t *testing.T) []family {
	mariaDB.need(t)
	postgreSQL.need(t)
	clickHouse.need(t)
	pg := func(open func(dsn string, budget int64) (source.Source, error)) func(*testing.T, int64, *atomic.Int64) source.Source {
		return func(t *testing.T, budget int64, sent *atomic.Int64) source.Source {
			s, err := open(server.PostgresDSN(counted(t, postgreSQL.server.Addr(), sent)), budget)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}
	}
	my := func(mode mysql.Mode) func(*testing.T, int64, *atomic.Int64) source.Source {
		return func(t *testing.T, budget int64, sent *atomic.Int64) source.Source {
			return openMySQL(t, server.MySQLDSN(counted(t, mariaDB.server.Addr(), sent).Port), &mysql.Options{Mode: mode, MaxBytes: budget})
		}
	}
	click := func(scheme, addr string) func(*testing.T, int64, *atomic.Int64) source.Source {
		return func(t *testing.T, budget int64, sent *atomic.Int64) source.Source {
			return openClickHouse(t, server.ClickHouseDSN(scheme, counted(t, addr, sent).Port), &clickhouse.Options{MaxBytes: budget})
		}
	}
	const (
		pgPage    = "SELECT i, 'customer ' || i AS name, i AS next_token FROM generate_series(${next_token} + 1, ${next_token} + 10000) AS g(i)"
		mySQLPage = "SELECT seq AS i, CONCAT('customer ', seq) AS name, seq AS next_token FROM seq_1_to_1000000 WHERE seq > ${next_token} ORDER BY seq LIMIT 10000"
		clickPage = "SELECT number AS i, concat('customer ', toString(number)) AS name, number AS next_token FROM numbers(${next_token} + 1, 10000)"
		numbers   = "WITH RECURSIVE g(i) AS (SELECT ${next_token} + 1 UNION ALL SELECT i + 1 FROM g WHERE i < ${next_token} + 10000) "
	)
	return []family{
		{"PostgreSQL", pg(func(dsn string, budget int64) (source.Source, error) {
			return postgres.Open(dsn, &postgres.Options{MaxBytes: budget})
		}), pgEndless, pgPage},
		{"Redshift", pg(func(dsn string, budget int64) (source.Source, error) {
			return postgres.Open(dsn, &postgres.Options{Mode: postgres.Redshift, MaxBytes: budget})
		}), pgEndless, ""},
		{"Hologres", pg(func(dsn string, budget int64) (source.Source, error) {
			return hologres.Open(dsn, &hologres.Options{MaxBytes: budget})
		}), pgEndless, ""},
		{"MySQL", my(mysql.MySQL), mySQLEndless, mySQLPage},
		{"StarRocks", my(mysql.StarRocks), mySQLEndless, ""},
		{"Doris", my(mysql.Doris), mySQLEndless, ""},
		{"ClickHouse", click("clickhouse", clickHouseServer.Addr()), clickHouseEndless, clickPage},
		{"ClickHouse by HTTP", click("http", clickHouseServer.HTTPAddr()), clickHouseEndless, clickPage},
		{"SQLite", func(t *testing.T, budget int64, _ *atomic.Int64) source.Source {
			path := filepath.Join(t.TempDir(), "empty.db")
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec("CREATE TABLE t(id INTEGER)"); err != nil {
				t.Fatal(err)
			}
			s, err := sqlite.Open(path, &sqlite.Options{MaxBytes: budget})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}, "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g) SELECT i, hex(zeroblob(50)) AS pad FROM g",
			numbers + "SELECT i, 'customer ' || i AS name, i AS next_token FROM g"},
	}
}

const (
	mib = 1 << 20
	// A row of an endless result is over 100 bytes on the wire, so this is a
	// small part of what would come. It is what the server sends until it takes
	// notice, on a machine that has other things to do.
	maxSent = 32 * mib
)

func TestAnEndlessResultStopsAtItsLimitOnTheServerAndInMemory(t *testing.T) {
	for _, f := range families(t) {
		t.Run(f.name, func(t *testing.T) {
			var sent atomic.Int64
			s := f.open(t, 0, &sent)
			rose := heap(func() {
				r, err := s.Query(t.Context(), source.Query{SQL: f.endless, MaxRows: 10_000})
				if err != nil || len(r.Rows) != 10_000 || !r.Truncated {
					t.Errorf("%d rows, error %v", len(r.Rows), err)
				}
			})
			t.Logf("%.1f MiB sent, the heap rose by %.1f MiB", float64(sent.Load())/mib, float64(rose)/mib)
			// The rows themselves take 2 MiB.
			if rose > 16*mib || sent.Load() > maxSent {
				t.Errorf("%d MiB sent, the heap rose by %d MiB", sent.Load()/mib, rose/mib)
			}
		})
	}
}

func TestAResultOverItsBudgetEndsOnTheServerAndNamesItsStatement(t *testing.T) {
	for _, f := range families(t) {
		t.Run(f.name, func(t *testing.T) {
			var sent atomic.Int64
			s := f.open(t, 4*mib, &sent)
			script, err := source.Parse("SELECT 1;\n"+f.endless, s.Dialect())
			if err != nil {
				t.Fatal(err)
			}
			rose := heap(func() {
				for r, err := range source.Pages(t.Context(), s, script.Statements[1], nil, source.PageOptions{MaxRows: 1 << 30}) {
					var e *source.Error
					if r != nil || !errors.As(err, &e) || e.Statement != 2 || !strings.Contains(err.Error(), fmt.Sprintf("more than %d bytes", 4*mib)) {
						t.Errorf("result %v, error %v", r, err)
					}
				}
			})
			t.Logf("%.1f MiB sent, the heap rose by %.1f MiB", float64(sent.Load())/mib, float64(rose)/mib)
			if rose > 24*mib || sent.Load() > maxSent {
				t.Errorf("%d MiB sent, the heap rose by %d MiB", sent.Load()/mib, rose/mib)
			}
			if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
				t.Errorf("the next query: %v", err)
			}
		})
	}
}

func TestAMillionRowsInPagesTakeTheMemoryOfAPage(t *testing.T) {
	for _, f := range families(t) {
		if f.page == "" {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			var sent atomic.Int64
			s := f.open(t, 0, &sent)
			script, err := source.Parse(f.page, s.Dialect())
			if err != nil {
				t.Fatal(err)
			}
			rows, most := 0, 1_000_000
			rose := heap(func() {
				for r, err := range source.Pages(context.Background(), s, script.Statements[0], map[string]string{source.NextToken: "0"}, source.PageOptions{}) {
					if err != nil {
						t.Fatal(err)
					}
					if rows += len(r.Rows); rows >= most {
						break
					}
				}
			})
			if rows != most {
				t.Errorf("%d rows", rows)
			}
			t.Logf("the heap rose by %.1f MiB", float64(rose)/mib)
			if rose > 32*mib {
				t.Errorf("the heap rose by %d MiB", rose/mib)
			}
		})
	}
}
