package integration_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/datapush-go/datapush/internal/integration/server"
	"github.com/datapush-go/datapush/source"
)

// silentListener takes connections and never says a word.
func silentListener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return l.Addr().String()
}

// before stands before a server, with a connection to it for each that is taken.
// down carries what the server sends, up what the client does.
func before(t *testing.T, to string, down func(client *net.TCPConn, server net.Conn), up func(server, client net.Conn)) *server.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				c, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer c.Close()
				go func() {
					up(c, client)
					_ = c.Close()
				}()
				down(client.(*net.TCPConn), c)
			}()
		}
	}()
	return direct(l.Addr().String())
}

// resetter resets a connection once the server has sent that many bytes on it.
func resetter(t *testing.T, to string, after int64) *server.Server {
	return before(t, to, func(client *net.TCPConn, server net.Conn) {
		_, _ = io.CopyN(client, server, after)
		_ = client.SetLinger(0)
	}, pass)
}

// pass carries everything.
func pass(to, from net.Conn) { _, _ = io.Copy(to, from) }

func TestConnectionFaults(t *testing.T) {
	mariaDB.need(t)
	postgreSQL.need(t)
	clickHouse.need(t)
	click := func(scheme string) func(*server.Server) source.Source {
		return func(s *server.Server) source.Source {
			return openClickHouse(t, server.ClickHouseDSN(scheme, s.Port), nil)
		}
	}
	systems := []struct {
		name          string
		addr          string
		open          func(*server.Server) source.Source
		endless, late string
		slow          string
	}{
		{"PostgreSQL", postgreSQL.server.Addr(), func(s *server.Server) source.Source { return openPostgres(t, server.PostgresDSN(s), nil) }, pgEndless, pgLate, "SELECT pg_sleep(0.5) AS s, 7 AS v"},
		{"MariaDB", mariaDB.server.Addr(), func(s *server.Server) source.Source { return openMySQL(t, server.MySQLDSN(s.Port), nil) }, mySQLEndless, mySQLLate, "SELECT SLEEP(0.5) AS s, 7 AS v"},
		{"ClickHouse", clickHouseServer.Addr(), click("clickhouse"), clickHouseEndless, clickHouseLate, "SELECT sleep(0.5) AS s, 7 AS v"},
		{"ClickHouse by HTTP", clickHouseServer.HTTPAddr(), click("http"), clickHouseEndless, clickHouseLate, "SELECT sleep(0.5) AS s, 7 AS v"},
	}
	for _, sys := range systems {
		t.Run(sys.name+" resets the connection in the middle of a result", func(t *testing.T) {
			s := sys.open(resetter(t, sys.addr, 100_000))
			r, err := s.Query(t.Context(), source.Query{SQL: sys.endless, MaxRows: 1_000_000})
			wantKind(t, err, source.Unavailable)
			if r != nil {
				t.Error("a part of the result came with the error")
			}
			if _, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"}); err != nil {
				t.Errorf("the next query: %v", err)
			}
		})
		t.Run(sys.name+" resets the connection at the login", func(t *testing.T) {
			_, err := sys.open(resetter(t, sys.addr, 20)).Query(t.Context(), source.Query{SQL: "SELECT 1"})
			wantKind(t, err, source.Unavailable)
		})
		t.Run(sys.name+" is slow with its first row", func(t *testing.T) {
			r, err := sys.open(direct(sys.addr)).Query(t.Context(), source.Query{SQL: sys.slow})
			if err != nil || len(r.Rows) != 1 || r.Rows[0][1] != int64(7) {
				t.Errorf("%v, %v", r, err)
			}
		})
		t.Run(sys.name+" streams rows while the deadline passes", func(t *testing.T) {
			for _, sql := range []string{sys.late, sys.endless} {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				_, err := sys.open(direct(sys.addr)).Query(ctx, source.Query{SQL: sql, MaxRows: 1 << 40})
				cancel()
				wantKind(t, err, source.Timeout)
			}
		})
	}
}

// manyAtOnce runs 200 queries at once, each of which must get its own answer.
func manyAtOnce(t *testing.T, s source.Source) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			r, err := s.Query(t.Context(), source.Query{SQL: fmt.Sprintf("SELECT %d", i)})
			if err != nil || len(r.Rows) != 1 || r.Rows[0][0] != int64(i) {
				t.Errorf("query %d: %v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
}

// restarted stops a server between two runs of each source: while it is away the
// kind of the error says so, and afterwards the next run succeeds without help,
// whether the source has seen the server gone or not.
func restarted(t *testing.T, own *server.Server, sources map[string]source.Source) {
	t.Helper()
	one := func(s source.Source) error {
		_, err := s.Query(t.Context(), source.Query{SQL: "SELECT 1"})
		return err
	}
	again := func(when string) {
		t.Helper()
		for name, s := range sources {
			if err := one(s); err != nil {
				t.Errorf("%s, %s: %v", name, when, err)
			}
		}
	}
	again("before")
	own.Stop()
	for _, s := range sources {
		wantKind(t, one(s), source.Unavailable)
	}
	if err := own.Start(); err != nil {
		t.Fatal(err)
	}
	again("after the server was gone")
	own.Stop()
	if err := own.Start(); err != nil {
		t.Fatal(err)
	}
	again("after a restart that nobody saw")
}

// direct is the server at an address.
func direct(addr string) *server.Server {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		panic(err)
	}
	return &server.Server{Port: a.Port}
}
