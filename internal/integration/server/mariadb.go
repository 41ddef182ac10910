package server

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// MariaDB starts MariaDB with a user dp and a database t.
func MariaDB() (*Server, error) {
	bin, err := exec.LookPath("mariadbd")
	if err != nil {
		if bin = "/usr/sbin/mariadbd"; !exists(bin) {
			return nil, fmt.Errorf("MariaDB: %w", ErrMissing)
		}
	}
	dir, err := folder(nil)
	if err != nil {
		return nil, err
	}
	who := []string{}
	if os.Geteuid() == 0 {
		who = append(who, "--user=root")
	}
	data := filepath.Join(dir, "data")
	if err := run(nil, dir, append([]string{"mariadb-install-db", "--no-defaults", "--datadir=" + data,
		"--auth-root-authentication-method=normal", "--skip-test-db"}, who...)...); err != nil {
		return nil, err
	}
	setup, err := write(nil, dir, "init.sql", fmt.Sprintf("CREATE DATABASE IF NOT EXISTS t;\nCREATE USER IF NOT EXISTS 'dp'@'127.0.0.1' IDENTIFIED BY '%s';\nGRANT ALL ON *.* TO 'dp'@'127.0.0.1' WITH GRANT OPTION;\n", Password))
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	// The character set is left at its default, which is latin1.
	s := &Server{Port: port, dir: dir, stop: syscall.SIGTERM,
		args: append([]string{bin, "--no-defaults", "--datadir=" + data, "--socket=" + filepath.Join(dir, "s"), "--pid-file=" + filepath.Join(dir, "pid"),
			"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(port), "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0",
			"--innodb-buffer-pool-size=64M", "--innodb-fast-shutdown=2", "--max-connections=80", "--init-file=" + setup}, who...)}
	s.ready = func(ctx context.Context) error {
		db, err := sql.Open("mysql", MySQLDSN(s.Port))
		if err != nil {
			return err
		}
		defer db.Close()
		return db.PingContext(ctx)
	}
	// The driver reports failed attempts by itself.
	if err := mysql.SetLogger(&mysql.NopLogger{}); err != nil {
		return nil, err
	}
	return s, s.Start()
}

// MySQLDSN is the DSN of dp at a server or what stands before it.
func MySQLDSN(port int) string {
	return fmt.Sprintf("dp:%s@tcp(127.0.0.1:%d)/t", Password, port)
}

// TextOnly stands before a MySQL server as StarRocks and Doris are: it passes
// commands of text on, refuses transactions, and refuses every other command,
// above all prepared statements.
type TextOnly struct {
	Port int

	to       string
	listener net.Listener
	wg       sync.WaitGroup
	mu       sync.Mutex
	refused  []string
	conns    map[net.Conn]bool
}

// NewTextOnly starts one before a server.
func NewTextOnly(before *Server) (*TextOnly, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &TextOnly{Port: l.Addr().(*net.TCPAddr).Port, to: before.Addr(), listener: l, conns: map[net.Conn]bool{}}
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(c) })
		}
	})
	return p, nil
}

// Refused returns what was refused so far.
func (p *TextOnly) Refused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.refused...)
}

// Close ends every connection.
func (p *TextOnly) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *TextOnly) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns[client] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, client)
		p.mu.Unlock()
	}()
	p.wg.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	for {
		head := make([]byte, 4)
		if _, err := io.ReadFull(client, head); err != nil {
			return
		}
		size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		body := make([]byte, size)
		if _, err := io.ReadFull(client, body); err != nil {
			return
		}
		// Only commands begin a sequence; the login goes on from the server's.
		if head[3] == 0 && size > 0 {
			if why, code := refusal(body); why != "" {
				p.mu.Lock()
				p.refused = append(p.refused, why)
				p.mu.Unlock()
				if _, err := client.Write(errorPacket(code, why)); err != nil {
					return
				}
				continue
			}
		}
		if _, err := server.Write(append(head, body...)); err != nil {
			return
		}
	}
}

// refusal says why a command is not passed on.
func refusal(body []byte) (string, uint16) {
	switch body[0] {
	case 0x01, 0x02, 0x0e: // quit, use a database, ping
		return "", 0
	case 0x03:
		text := strings.ToUpper(strings.TrimSpace(string(body[1:])))
		for _, word := range []string{"START TRANSACTION", "BEGIN", "COMMIT", "ROLLBACK", "PREPARE", "EXECUTE"} {
			if strings.HasPrefix(text, word) {
				return word + " is not supported", 1064
			}
		}
		return "", 0
	case 0x16:
		return "this command is not supported in the prepared statement protocol yet", 1295
	}
	return fmt.Sprintf("unknown command %#x", body[0]), 1047
}

func errorPacket(code uint16, text string) []byte {
	body := binary.LittleEndian.AppendUint16([]byte{0xff}, code)
	body = append(body, "#HY000"+text...)
	return append([]byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), 1}, body...)
}
