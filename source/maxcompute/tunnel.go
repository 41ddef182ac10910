package maxcompute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

const (
	// maxLimited is how many rows a session gives that is limited, and to who may
	// read the instance only
	// (https://www.alibabacloud.com/help/en/maxcompute/user-guide/instancetunnel,
	// read 2026-11-23).
	maxLimited = 10_000
	// pageRows is how many rows one request reads.
	pageRows = 10_000
)

// versions are the headers of every tunnel request. They are read only.
var versions = map[string]string{"odps-tunnel-date-transform": "v1", "x-odps-tunnel-version": "5"}

// download is a session of the tunnel.
type download struct {
	ID      string `json:"DownloadID"`
	Rows    int    `json:"RecordCount"`
	Schema  struct{ Columns []source.Column }
	limited bool
}

// connect finds the tunnel's address, once for the source.
func (c *conn) connect(ctx context.Context) error {
	if c.tunnel != nil {
		return nil
	}
	address := c.s.o.TunnelEndpoint
	if address == "" {
		if p := c.s.tunnel.Load(); p != nil {
			address = *p
		}
	}
	if address == "" {
		query := url.Values{"service": {""}}
		if c.s.o.TunnelQuota != "" {
			query.Set("quotaName", c.s.o.TunnelQuota)
		}
		path := strings.TrimSuffix(c.s.resource(""), "/instances") + "/tunnel"
		err := c.retry(ctx, func() error {
			text, _, err := c.call(ctx, c.rest, http.MethodGet, path, query, nil, nil)
			address = strings.TrimSpace(string(text))
			return err
		})
		if err != nil {
			return err
		}
	}
	if !strings.Contains(address, "://") {
		scheme, _, _ := strings.Cut(c.s.endpoint, "://")
		address = scheme + "://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Path != "" && u.Path != "/" || u.Scheme != "http" && u.Scheme != "https" {
		return &failure{err: errors.New("the tunnel's address is not like host:port; set Options.TunnelEndpoint")}
	}
	if c.s.o.TunnelEndpoint == "" {
		c.s.tunnel.Store(&address)
	}
	c.tunnel = c.client(address)
	return nil
}

// open starts a session.
func (c *conn) open(ctx context.Context, id string, limited bool) (*download, error) {
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	query := url.Values{"downloads": {""}}
	if limited {
		query.Set("instance_tunnel_limit_enabled", "")
	}
	if c.s.o.TunnelQuota != "" {
		query.Set("quotaName", c.s.o.TunnelQuota)
	}
	var text []byte
	err := c.retry(ctx, func() (err error) {
		text, _, err = c.call(ctx, c.tunnel, http.MethodPost, c.s.resource(id), query, versions, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	d := &download{limited: limited}
	if err := json.Unmarshal(text, d); err != nil || d.ID == "" || d.Rows < 0 || len(d.Schema.Columns) == 0 {
		return nil, &failure{err: errors.New("the tunnel's answer is no session of a result")}
	}
	return d, nil
}

// result reads the rows of a job that has succeeded.
func (c *conn) result(ctx context.Context, id string, zone *time.Location, limit int) (*source.Result, error) {
	if limit <= 0 {
		limit = source.MaxRows
	}
	d, err := c.open(ctx, id, limit < maxLimited)
	var f *failure
	if errors.As(err, &f) && f.kind == source.Denied && limit >= maxLimited {
		limited, again := c.open(ctx, id, true)
		if again != nil {
			return nil, err
		}
		if limit > maxLimited && limited.Rows >= maxLimited {
			return nil, &failure{kind: source.Denied, code: f.code, err: fmt.Errorf(
				"more than %d rows need permission to read every table of the query; ask for it, or read at most %d rows: %w", maxLimited, maxLimited, f.err)}
		}
		// What was refused has more rows than the limited session gives.
		d, err = limited, nil
		if d.Rows >= maxLimited {
			d.Rows = maxLimited + 1
		}
	}
	if err != nil {
		return nil, err
	}

	out := &source.Result{Columns: d.Schema.Columns}
	read := make([]decoder, len(out.Columns))
	for i, column := range out.Columns {
		t, err := parseType(column.Type)
		if err != nil {
			return nil, &failure{err: fmt.Errorf("column %d (%s) %w", i+1, column.Name, err)}
		}
		read[i] = decoderOf(t, zone)
	}
	want := min(limit, d.Rows)
	out.Truncated = d.Rows > want
	slab, size := sqlrows.NewSlab(len(read)), int64(0)
	if want > 0 {
		out.Rows = make([][]any, 0, min(want, pageRows))
	}
	for start := 0; start < want; start += pageRows {
		if err := c.page(ctx, id, d, out, read, slab, start, min(pageRows, want-start), &size); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// page reads count rows from start on.
func (c *conn) page(ctx context.Context, id string, d *download, out *source.Result, read []decoder, slab *sqlrows.Slab, start, count int, size *int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// The time is for each silence, not for the whole stream.
	silence := time.AfterFunc(c.s.o.Timeout, func() { cancel(errSilent) })
	defer silence.Stop()

	query := url.Values{"data": {""}, "downloadid": {d.ID}, "rowrange": {fmt.Sprintf("(%d,%d)", start, count)}}
	if d.limited {
		query.Set("instance_tunnel_limit_enabled", "")
	}
	var res *http.Response
	err := c.retry(ctx, func() (err error) {
		silence.Reset(c.s.o.Timeout)
		res, err = c.send(ctx, c.tunnel, http.MethodGet, c.s.resource(id), query, versions, nil)
		silence.Stop()
		return err
	})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if e := res.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fmt.Errorf("%w: it is compressed, which was not asked for", errStream)
	}
	silence.Reset(c.s.o.Timeout)
	body := readerFunc(func(p []byte) (int, error) {
		n, err := res.Body.Read(p)
		silence.Reset(c.s.o.Timeout)
		return n, err
	})
	err = newStream(body, c.s.o.MaxBytes).rows(out, read, slab, count, size)
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
