package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// engine is the loaded library. Its functions block the calling thread.
type engine struct {
	path string

	connect  func(argc int32, argv **byte) *uintptr
	closing  func(conn *uintptr)
	query    func(conn uintptr, sql *byte, n uintptr, format *byte, m uintptr) uintptr
	stream   func(conn uintptr, sql *byte, n uintptr, format *byte, m uintptr) uintptr
	fetch    func(conn, stream uintptr) uintptr
	stop     func(conn, stream uintptr)
	destroy  func(result uintptr)
	buffer   func(result uintptr) unsafe.Pointer
	length   func(result uintptr) uintptr
	errText  func(result uintptr) string
	handlers func(on int32)

	// keep holds the engine up: when its last connection closes it shuts down,
	// and tables in memory are gone.
	keep    *session
	version [3]uint64
	next    atomic.Int64
	ids     sync.Map // from a client's query_id to the tag of its statement
}

// load opens the library and starts the engine with its files in path.
func load(library, path string) (*engine, error) {
	lib, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, err
	}
	e := &engine{path: path}
	for name, f := range map[string]any{
		"chdb_connect": &e.connect, "chdb_close_conn": &e.closing, "chdb_query_n": &e.query, "chdb_stream_query_n": &e.stream,
		"chdb_stream_fetch_result": &e.fetch, "chdb_stream_cancel_query": &e.stop, "chdb_destroy_query_result": &e.destroy,
		"chdb_result_buffer": &e.buffer, "chdb_result_length": &e.length, "chdb_result_error": &e.errText,
		"chdb_set_signal_handlers_enabled": &e.handlers,
	} {
		purego.RegisterLibFunc(f, lib, name)
	}
	e.handlers(0) // Go has its own
	if e.keep, err = e.open(); err != nil {
		return nil, err
	}
	text, err := e.keep.run("SELECT version()", "TabSeparated")
	if err == nil {
		_, err = fmt.Sscanf(string(text), "%d.%d.%d", &e.version[0], &e.version[1], &e.version[2])
	}
	return e, err
}

// session is one connection of the engine, with settings of its own.
type session struct {
	e    *engine
	conn *uintptr
}

func (e *engine) open() (*session, error) {
	argv := []*byte{cstring("clickhouse"), cstring("--path=" + e.path)}
	conn := e.connect(int32(len(argv)), &argv[0])
	runtime.KeepAlive(argv)
	if conn == nil || *conn == 0 {
		return nil, errors.New("the engine refuses another connection")
	}
	return &session{e, conn}, nil
}

func (s *session) close() { s.e.closing(s.conn) }

func cstring(s string) *byte { return unsafe.StringData(s + "\x00") }

// take copies a result and frees it.
func (e *engine) take(result uintptr) ([]byte, error) {
	if result == 0 {
		return nil, errors.New("the engine gave no result")
	}
	defer e.destroy(result)
	if text := e.errText(result); text != "" {
		return nil, newException(text)
	}
	n := e.length(result)
	if n == 0 {
		return nil, nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(e.buffer(result)), n)...), nil
}

// run executes a statement that is not streamed.
func (s *session) run(sql, format string) ([]byte, error) {
	out, err := s.e.take(s.e.query(*s.conn, unsafe.StringData(sql), uintptr(len(sql)), unsafe.StringData(format), uintptr(len(format))))
	runtime.KeepAlive(sql)
	return out, err
}

// set gives the session settings and, as param_x, parameters, all with one
// statement.
func (s *session) set(settings [][2]string) error {
	text := "SET "
	for i, kv := range settings {
		if !plainName.MatchString(kv[0]) {
			return &exception{115, "Unknown setting '" + kv[0] + "'"}
		}
		if i > 0 {
			text += ", "
		}
		text += kv[0] + " = " + quote(kv[1])
	}
	_, err := s.run(text, "Null")
	return err
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// statement is a running statement, told from others by a comment before it.
type statement struct {
	s    *session
	id   string
	tag  string
	sql  string
	done chan struct{}
}

// statement prepares one with the id that its client gave it. The engine gives its
// own, so that a KILL by id is made one by tag.
func (s *session) statement(id, sql string) *statement {
	tag := fmt.Sprintf("/*chdbserver-%d*/", s.e.next.Add(1))
	if m := killByID.FindStringSubmatch(sql); m != nil {
		other, _ := s.e.ids.Load(m[1])
		sql = "KILL QUERY WHERE startsWith(query, " + quote(fmt.Sprint(other)) + ") ASYNC"
	}
	if id != "" {
		s.e.ids.Store(id, tag)
	}
	return &statement{s: s, id: id, tag: tag, sql: tag + " " + sql, done: make(chan struct{})}
}

var killByID = regexp.MustCompile(`^KILL QUERY WHERE query_id = '(\w+)' ASYNC$`)

// streams matches what the engine can stream.
var streams = regexp.MustCompile(`(?is)^(\s|--[^\n]*\n|#[^\n]*\n|/\*.*?\*/|\()*(select|with)\b`)

// each calls f with every chunk of the result. A chunk is one block.
func (t *statement) each(format string, f func(chunk []byte) error) error {
	defer close(t.done)
	defer t.s.e.ids.Delete(t.id)
	e, conn := t.s.e, *t.s.conn
	if !streams.MatchString(t.sql) {
		out, err := t.s.run(t.sql, format)
		if err != nil || len(out) == 0 {
			return err
		}
		return f(out)
	}
	stream := e.stream(conn, unsafe.StringData(t.sql), uintptr(len(t.sql)), unsafe.StringData(format), uintptr(len(format)))
	runtime.KeepAlive(t)
	if stream == 0 {
		return errors.New("the engine gave no stream")
	}
	defer e.destroy(stream)
	if text := e.errText(stream); text != "" {
		return newException(text)
	}
	for {
		chunk, err := e.take(e.fetch(conn, stream))
		if err != nil || len(chunk) == 0 {
			return err
		}
		if err := f(chunk); err != nil {
			e.stop(conn, stream)
			return err
		}
	}
}

// header is the block without rows that comes first in a result of the native
// protocol. The engine leaves it out when no other block follows.
func (t *statement) header() ([]byte, error) {
	rest, err := t.s.run("DESCRIBE TABLE ("+t.sql+"\n)", "RowBinary")
	if err != nil {
		return nil, err
	}
	// A block writes texts as RowBinary does: name, type and five more of each
	// column.
	var columns uint64
	var names []byte
	for ; len(rest) > 0; columns++ {
		for i := range 7 {
			size, n := binary.Uvarint(rest)
			n += int(size)
			if i < 2 {
				names = append(names, rest[:n]...)
			}
			rest = rest[n:]
		}
	}
	return append(append(binary.AppendUvarint(nil, columns), 0), names...), nil
}

// kill ends the statement, which may not have begun yet.
func (t *statement) kill() {
	s, err := t.s.e.open()
	if err != nil {
		return
	}
	defer s.close()
	for {
		_, _ = s.run("KILL QUERY WHERE startsWith(query, "+quote(t.tag)+") ASYNC", "Null")
		select {
		case <-t.done:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// exception is an error of the server.
type exception struct {
	code int
	text string // without the code and DB::Exception
}

func (e *exception) Error() string {
	return fmt.Sprintf("Code: %d. DB::Exception: %s", e.code, e.text)
}

var exceptionText = regexp.MustCompile(`(?s)^Code: (\d+)\.\s*(?:DB::\w*Exception: )?(.*)$`)

func newException(text string) *exception {
	m := exceptionText.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return &exception{1002, text}
	}
	code, err := strconv.Atoi(m[1])
	if err != nil {
		return &exception{1002, text}
	}
	return &exception{code, strings.TrimSpace(m[2])}
}

func asException(err error) *exception {
	var e *exception
	if errors.As(err, &e) {
		return e
	}
	return &exception{1002, err.Error()}
}

// rowsOf reads how many rows a Native block of revision 0 has.
func rowsOf(block []byte) uint64 {
	_, n := binary.Uvarint(block)
	if n <= 0 {
		return 0
	}
	rows, _ := binary.Uvarint(block[n:])
	return rows
}
