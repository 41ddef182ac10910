package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
)

// driverHello is the question by which clickhouse-go learns what it talks to. It
// is asked in the driver's own revision, before it knows the server's.
const driverHello = "SELECT displayName(), version(), revision(), timezone()"

// tag marks an exception in a result; a server draws it for each answer.
const tag = "chdbserver-tag-1"

// notSettings are parameters of the URL that are none.
var notSettings = []string{"query", "database", "default_format", "user", "password", "query_id", "client_protocol_version", "compress", "quota_key", "session_timeout"}

// ServeHTTP answers a query, in the URL, the body or both.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/ping":
		fmt.Fprintln(w, "Ok.")
		return
	case "/sent":
		fmt.Fprintln(w, s.sent.Load())
		return
	case "/":
	default:
		http.Error(w, "There is no handle "+r.URL.Path, http.StatusNotFound)
		return
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		user, password = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key")
	}
	if e := s.login(user, password); e != nil {
		refuse(w, e)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		return
	}
	params := r.URL.Query()
	sql := strings.TrimSpace(params.Get("query") + "\n" + string(body))
	format := params.Get("default_format")
	if format == "" {
		format = "TabSeparated"
	}
	var settings [][2]string
	method := compress.None
	for name, values := range params {
		switch {
		case name == "session_id":
			refuse(w, &exception{48, "chdbserver keeps no HTTP sessions. (NOT_IMPLEMENTED)"})
			return
		case name == "compress" && values[0] == "1":
			method = compress.LZ4
		case slices.Contains(notSettings, name):
		default:
			settings = append(settings, [2]string{name, values[0]})
		}
	}
	if strings.EqualFold(params.Get("network_compression_method"), "zstd") && method != compress.None {
		method = compress.ZSTD
	}
	t, err := s.begin(r.RemoteAddr, params.Get("database"), settings)
	if err != nil {
		refuse(w, asException(err))
		return
	}
	defer t.close()

	hello := params.Get("client_protocol_version") != "" && sql == driverHello
	if hello {
		sql = fmt.Sprintf("SELECT displayName(), version(), toUInt32(%d), timezone()", revision)
	}
	st := t.statement(params.Get("query_id"), sql)
	if params.Get("cancel_http_readonly_queries_on_client_close") == "1" {
		go func() {
			select {
			case <-r.Context().Done():
				st.kill()
			case <-st.done:
			}
		}()
	}
	blocks := params.Get("client_protocol_version") != "" && format == "Native"
	begun := false
	err = st.each(format, func(chunk []byte) error {
		if blocks {
			s.sent.Add(rowsOf(chunk))
			chunk = append([]byte(blockInfo), chunk...)
		}
		if hello {
			if chunk, err = inDriversRevision(chunk); err != nil {
				return err
			}
		}
		if method != compress.None {
			c := compress.NewWriter(compress.LevelZero, method)
			if err := c.Compress(chunk); err != nil {
				return err
			}
			chunk = c.Data
		}
		if !begun {
			w.Header().Set("X-ClickHouse-Exception-Tag", tag)
			begun = true
		}
		if _, err := w.Write(chunk); err != nil {
			return err
		}
		return http.NewResponseController(w).Flush()
	})
	switch {
	case err != nil && !begun:
		refuse(w, asException(err))
	case err != nil:
		text := asException(err).Error()
		fmt.Fprintf(w, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", tag, text, len(text)+1, tag)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // breaks the connection off
	}
}

// refuse answers with an exception instead of a result. The status codes are
// those of https://clickhouse.com/docs/interfaces/http.
func refuse(w http.ResponseWriter, e *exception) {
	w.Header().Set("X-ClickHouse-Exception-Code", fmt.Sprint(e.code))
	status := http.StatusInternalServerError
	switch e.code {
	case 516, 192, 193:
		status = http.StatusForbidden
	case 62, 53, 6, 27, 41, 36:
		status = http.StatusBadRequest
	case 60, 46, 47, 81, 115, 73:
		status = http.StatusNotFound
	case 48:
		status = http.StatusNotImplemented
	case 159:
		status = http.StatusRequestTimeout
	}
	w.WriteHeader(status)
	fmt.Fprintln(w, e.Error())
}

// inDriversRevision puts a byte after each column's type, which says that the
// column is written plainly.
func inDriversRevision(block []byte) ([]byte, error) {
	out := append([]byte(nil), block[:len(blockInfo)]...)
	rest := block[len(blockInfo):]
	copied := func(n int) {
		out, rest = append(out, rest[:n]...), rest[n:]
	}
	text := func() {
		size, n := binary.Uvarint(rest)
		copied(n + int(size))
	}
	columns, n := binary.Uvarint(rest)
	copied(n)
	rows, n := binary.Uvarint(rest)
	copied(n)
	if columns != 4 || rows != 1 {
		return nil, fmt.Errorf("a greeting of %d columns and %d rows", columns, rows)
	}
	for i := range 4 {
		text()
		text()
		out = append(out, 0)
		if i == 2 {
			copied(4)
		} else {
			text()
		}
	}
	return out, nil
}
