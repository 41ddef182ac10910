package server

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// PostgreSQL starts PostgreSQL 15 with a user postgres.
func PostgreSQL() (*Server, error) {
	bin := "/usr/lib/postgresql/15/bin"
	if _, err := os.Stat(filepath.Join(bin, "postgres")); err != nil {
		return nil, fmt.Errorf("PostgreSQL 15: %w", ErrMissing)
	}
	cred, err := credential("postgres")
	if err != nil {
		return nil, err
	}
	dir, err := folder(cred)
	if err != nil {
		return nil, err
	}
	pw, err := write(cred, dir, "pw", Password+"\n")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := run(cred, dir, filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "scram-sha-256", "--pwfile="+pw,
		"-E", "UTF8", "--locale=C.UTF-8", "--no-sync"); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{Port: port, dir: dir, cred: cred, stop: syscall.SIGINT,
		args: []string{filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1",
			"-c", "unix_socket_directories=" + dir, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off",
			"-c", "max_connections=60"}}
	s.ready = func(ctx context.Context) error {
		c, err := pgx.Connect(ctx, PostgresDSN(s))
		if err != nil {
			return err
		}
		return c.Close(ctx)
	}
	return s, s.Start()
}

// PostgresDSN is the superuser's DSN at a server or a pooler.
func PostgresDSN(s *Server) string {
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres?sslmode=disable", Password, s.Port)
}

// PgBouncer starts PgBouncer before a PostgreSQL, in transaction mode with two
// server connections.
func PgBouncer(before *Server) (*Server, error) {
	bin, err := exec.LookPath("pgbouncer")
	if err != nil {
		if bin = "/usr/sbin/pgbouncer"; !exists(bin) {
			return nil, fmt.Errorf("PgBouncer: %w", ErrMissing)
		}
	}
	cred, err := credential("postgres")
	if err != nil {
		return nil, err
	}
	dir, err := folder(cred)
	if err != nil {
		return nil, err
	}
	users, err := write(cred, dir, "users.txt", fmt.Sprintf("%q %q\n", "postgres", Password))
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	config, err := write(cred, dir, "pgbouncer.ini", fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = plain
auth_file = %s
pool_mode = transaction
default_pool_size = 2
max_client_conn = 300
`, before.Port, port, users))
	if err != nil {
		return nil, err
	}
	s := &Server{Port: port, dir: dir, cred: cred, stop: syscall.SIGTERM, args: []string{bin, config}}
	s.ready = func(ctx context.Context) error {
		c, err := pgx.Connect(ctx, PostgresDSN(s))
		if err != nil {
			return err
		}
		return c.Close(ctx)
	}
	return s, s.Start()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
