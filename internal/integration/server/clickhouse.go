package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ClickHouse is the genuine engine behind a server of this module,
// cmd/chdbserver, with a user dp and a database t. Port is that of the native
// protocol.
type ClickHouse struct {
	*Server
	HTTP int
}

// chdb is where install.sh puts the engine.
const chdb = "datapush/chdb-26.5.3/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"

// NewClickHouse starts one.
func NewClickHouse() (*ClickHouse, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	library := filepath.Join(cache, chdb)
	if !exists(library) {
		return nil, fmt.Errorf("the ClickHouse engine: %w", ErrMissing)
	}
	dir, err := folder(nil)
	if err != nil {
		return nil, err
	}
	// A process of its own can be killed; and the race detector, which the tests
	// are built with, needs cgo, while the library is loaded without.
	bin := filepath.Join(dir, "chdbserver")
	build := exec.Command("go", "build", "-o", bin, "github.com/datapush-go/datapush/internal/integration/cmd/chdbserver")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build chdbserver: %w\n%s", err, tail(out))
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		return nil, err
	}
	c := &ClickHouse{}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if c.HTTP, err = freePort(); err != nil {
		return nil, err
	}
	c.Server = &Server{Port: port, dir: dir, stop: syscall.SIGTERM, env: []string{"CHDB_PASSWORD=" + Password},
		args: []string{bin, "-library", library, "-path", data, "-user", "dp", "-database", "t",
			"-native", "127.0.0.1:" + strconv.Itoa(port), "-http", c.HTTPAddr()}}
	c.ready = dial(c.HTTPAddr())
	return c, c.Start()
}

// HTTPAddr is where HTTP listens.
func (c *ClickHouse) HTTPAddr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.HTTP)) }

// DSN is that of dp by "clickhouse" or "http".
func (c *ClickHouse) DSN(scheme string) string {
	port := c.Port
	if scheme == "http" {
		port = c.HTTP
	}
	return ClickHouseDSN(scheme, port)
}

// ClickHouseDSN is that of dp at what stands before a server.
func ClickHouseDSN(scheme string, port int) string {
	return fmt.Sprintf("%s://dp:%s@127.0.0.1:%d/t", scheme, Password, port)
}

// Do runs a statement as dp, without any driver, and returns the lines of its
// result.
func (c *ClickHouse) Do(ctx context.Context, statement string) ([]string, error) {
	return c.post(ctx, "/?"+url.Values{"database": {"t"}}.Encode(), statement)
}

// Sent is how many rows the server has sent to drivers so far.
func (c *ClickHouse) Sent(ctx context.Context) (int, error) {
	lines, err := c.post(ctx, "/sent", "")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.Join(lines, ""))
}

func (c *ClickHouse) post(ctx context.Context, path, body string) ([]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d%s", c.HTTP, path), bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth("dp", Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, out)
	}
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n"), nil
}
