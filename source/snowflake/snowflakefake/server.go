package snowflakefake

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options describe the account. Zero fields have the defaults named there.
type Options struct {
	// Account is the account's name. Zero is "acc".
	Account string
	// User is the one user. Zero is "DP".
	User string
	// Password is the user's. Zero is "secret".
	Password string
	// PublicKey is the user's, for logins by key pair. Nil allows none.
	PublicKey *rsa.PublicKey
	// Database, Schema, Warehouse and Role are all that exist. Zero are "DB",
	// "PUBLIC", "WH" and "ANALYST".
	Database, Schema, Warehouse, Role string
	// Zone is the IANA name of the zone of sessions that name none. Zero is
	// "America/Los_Angeles".
	Zone string
	// Now is the server's clock. Nil is time.Now.
	Now func() time.Time
	// Inline is how many rows an answer holds itself, and Chunk how many each
	// chunk. Zero are 1,000 and 4,000.
	Inline, Chunk int
	// ChunkHeaders sends the headers that storage wants with the answer. Without
	// it the answer has a key, as older accounts do.
	ChunkHeaders bool
	// Hold is how long a question about a statement that is still running is kept
	// open. Zero is 10 milliseconds.
	Hold time.Duration
	// Tables are the database's.
	Tables []Table
}

// Table is a table.
type Table struct {
	Name    string
	Columns []Column
	// Rows have a value for each column: nil, bool, int, float64, string (also
	// for NUMBER, DECFLOAT and what is nested), []byte, time.Time, and
	// time.Duration for TIME.
	Rows [][]any
}

// Column is a name, as it is written within quotes, and a type as in DDL, such as
// NUMBER(38,2).
type Column struct{ Name, Type string }

// Faults are what goes wrong with a statement. Counts are of all its executions
// together.
type Faults struct {
	// Asked is called at each question about the statement, with its number from
	// 1, before it is answered.
	Asked func(n int)
	// Slow is how many questions find the statement still running; below zero it
	// runs until it is aborted.
	Slow int
	// Async answers a running statement with the code of asynchronous execution.
	Async bool
	// Code, State and Message are those of the error with which the statement
	// fails. Code may be any text.
	Code, State, Message string
	// Lie says that the answer with Code calls itself a success.
	Lie bool
	// Throttle is how many submissions are answered 429, and Unavailable how many
	// 503.
	Throttle, Unavailable int
	// LoseSubmit is how many submissions are taken and then lose the connection
	// instead of an answer.
	LoseSubmit int
	// FailPolls is how many questions are answered 503, DropPolls how many lose
	// the connection, and CutPolls how many get half of an answer.
	FailPolls, DropPolls, CutPolls int
	// Abort503 is how many requests to abort it are answered 503.
	Abort503 int
	// Type is the first column's type on the wire, whatever it is.
	Type string
	// Arrow answers as if the result were in the Arrow format.
	Arrow bool
	// Cut is after how many rows the first chunk ends, as if it were whole, and
	// Inside that it ends in the middle of the next row. Zero does not cut unless
	// Inside. CutTimes is how often; zero is always.
	Cut      int
	Inside   bool
	CutTimes int
	// Reset closes the connection in the middle of the first chunk instead.
	Reset int
	// FailChunks is how many requests for chunks are answered 503, and
	// DenyChunks how many 403, as an address that has expired is.
	FailChunks, DenyChunks int
	// Stall is after how many rows the first chunk stops and stays open until the
	// client goes.
	Stall int

	cuts, asked int
}

// Request is what the server was asked.
type Request struct {
	Method, Path string
	// Query is the encoded parameters.
	Query string
}

// Server is a running account. All methods may be called at once.
type Server struct {
	// Addr is the service's host and port.
	Addr string
	// Storage is the storage's host and port.
	Storage string

	rest, storage *httptest.Server

	mu       sync.Mutex
	o        Options
	tables   map[string]*Table
	faults   map[string]*Faults
	sessions map[int64]*session
	tokens   map[string]*session
	masters  map[string]*session
	jobs     []*job
	chunks   map[string]*chunk
	answers  map[string]*answer
	streams  int
	sent     int
	requests []Request
	refused  []string
	telem    int
	beats    int
}

// New starts a server. Close stops it.
func New(o Options) *Server {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&o.Account, "acc"},
		{&o.User, "DP"},
		{&o.Password, "secret"},
		{&o.Database, "DB"},
		{&o.Schema, "PUBLIC"},
		{&o.Warehouse, "WH"},
		{&o.Role, "ANALYST"},
		{&o.Zone, "America/Los_Angeles"},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Inline == 0 {
		o.Inline = 1_000
	}
	if o.Chunk == 0 {
		o.Chunk = 4_000
	}
	if o.Hold == 0 {
		o.Hold = 10 * time.Millisecond
	}
	s := &Server{
		o: o, tables: map[string]*Table{}, faults: map[string]*Faults{}, sessions: map[int64]*session{}, tokens: map[string]*session{},
		masters: map[string]*session{}, chunks: map[string]*chunk{}, answers: map[string]*answer{},
	}
	for i := range o.Tables {
		s.tables[o.Tables[i].Name] = &o.Tables[i]
	}
	s.rest = httptest.NewServer(http.HandlerFunc(s.serve))
	s.storage = httptest.NewServer(http.HandlerFunc(s.serveStorage))
	s.Addr = strings.TrimPrefix(s.rest.URL, "http://")
	s.Storage = strings.TrimPrefix(s.storage.URL, "http://")
	return s
}

// Close stops the server, open streams included.
func (s *Server) Close() {
	s.rest.CloseClientConnections()
	s.storage.CloseClientConnections()
	s.rest.Close()
	s.storage.Close()
}

// Fault switches faults on for a statement, as it is sent but for white space and
// a semicolon at its end.
func (s *Server) Fault(sql string, f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[plain(sql)] = &f
}

func plain(sql string) string { return strings.TrimRight(strings.TrimSpace(sql), "; \n") }

// Running counts the statements that have not ended and the streams that are
// open.
func (s *Server) Running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.streams
	for _, j := range s.jobs {
		if !j.ended {
			n++
		}
	}
	return n
}

// Job is a statement that was executed.
type Job struct {
	ID, RequestID, SQL string
	// Tag is the QUERY_TAG that came with it.
	Tag     string
	Session int64
	// Describe says that only its columns were asked for.
	Describe bool
	// Submissions counts the requests with its request ID, and Aborts those to
	// abort it.
	Submissions, Aborts int
	// Status is "running", "done", "failed" or "aborted".
	Status string
}

// Jobs returns what was executed, in order, ALTER SESSION included.
func (s *Server) Jobs() []Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := make([]Job, len(s.jobs))
	for n, j := range s.jobs {
		jobs[n] = j.Job
	}
	return jobs
}

// Session is a login that succeeded.
type Session struct {
	ID int64
	// KeyPair says that it was by key pair.
	KeyPair bool
	// Parameters are the session's, those of the login first.
	Parameters map[string]string
	Warehouse  string
	Role       string
	// Closed says that the client has closed it.
	Closed bool
	// Renewals counts its new tokens.
	Renewals int
}

// Sessions returns the sessions, in order.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Session
	for _, t := range s.sessions {
		c := t.Session
		c.Parameters = make(map[string]string, len(t.Parameters))
		for k, v := range t.Parameters {
			c.Parameters[k] = v
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Session) int { return int(a.ID - b.ID) })
	return all
}

// Tokens returns every token that was ever given, which no text may show.
func (s *Server) Tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for t := range s.tokens {
		all = append(all, t)
	}
	for t := range s.masters {
		all = append(all, t)
	}
	return all
}

// SetPassword changes the user's password.
func (s *Server) SetPassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.Password = password
}

// Expire makes the tokens of all sessions old, so that they must be renewed.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.sessions {
		t.expired = true
	}
}

// Forget ends all sessions, so that a new login is needed.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.sessions {
		t.gone = true
	}
}

// RowsSent counts the rows that chunks gave.
func (s *Server) RowsSent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// Telemetry counts the reports on the client that it has sent, and Heartbeats its
// signs of life.
func (s *Server) Telemetry() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.telem
}

// Heartbeats counts the requests to keep a session alive.
func (s *Server) Heartbeats() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.beats
}

// Requests returns all requests to the service, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Refused says which requests the server did not know.
func (s *Server) Refused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refused)
}

// refuse notes a request that the server does not know and answers it.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, format string, args ...any) {
	s.mu.Lock()
	s.refused = append(s.refused, fmt.Sprintf("%s %s: ", r.Method, r.URL.Path)+fmt.Sprintf(format, args...))
	s.mu.Unlock()
	http.Error(w, "the request is not known", http.StatusBadRequest)
}

// reply is the shape of every answer of the service.
type reply struct {
	Data    any     `json:"data"`
	Code    *string `json:"code"`
	Message *string `json:"message"`
	Success bool    `json:"success"`
}

func send(w http.ResponseWriter, v reply) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func sendError(w http.ResponseWriter, code, message string, data any) {
	send(w, reply{Data: data, Code: &code, Message: &message})
}

// only says whether the request has exactly these parameters. A name with a
// question mark may be missing.
func only(r *http.Request, names ...string) bool {
	left := r.URL.Query()
	for _, n := range names {
		n, optional := strings.CutSuffix(n, "?")
		if v, ok := left[n]; (!ok && !optional) || len(v) > 1 || ok && v[0] == "" {
			return false
		}
		left.Del(n)
	}
	return len(left) == 0
}

// body reads the request's document, which must have no field that v has not.
func body(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	return d.Decode(v)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, Request{r.Method, r.URL.Path, r.URL.RawQuery})
	s.mu.Unlock()
	for _, h := range []string{"User-Agent", "CLIENT_APP_ID", "CLIENT_APP_VERSION", "Content-Type"} {
		if r.Header.Get(h) == "" {
			s.refuse(w, r, "%s is missing", h)
			return
		}
	}
	id, result := strings.CutPrefix(r.URL.Path, "/queries/")
	id, result2 := strings.CutSuffix(id, "/result")
	switch {
	case r.Method == "POST" && r.URL.Path == "/session/v1/login-request" &&
		only(r, "requestId", "request_guid", "databaseName?", "schemaName?", "warehouse?", "roleName?"):
		s.login(w, r)
	case r.Method == "POST" && r.URL.Path == "/session/token-request" && only(r, "requestId", "request_guid"):
		s.renew(w, r)
	case r.Method == "POST" && r.URL.Path == "/session" && only(r, "delete", "requestId", "request_guid"):
		s.delete(w, r)
	case r.Method == "POST" && r.URL.Path == "/session/heartbeat" && only(r, "requestId", "request_guid"):
		if s.session(w, r) != nil {
			s.mu.Lock()
			s.beats++
			s.mu.Unlock()
			send(w, reply{Success: true})
		}
	case r.Method == "POST" && r.URL.Path == "/telemetry/send" && only(r):
		if s.session(w, r) != nil {
			s.mu.Lock()
			s.telem++
			s.mu.Unlock()
			send(w, reply{Data: "Log Received", Success: true})
		}
	case r.Method == "POST" && r.URL.Path == "/queries/v1/query-request" &&
		only(r, "requestId", "request_guid", "retryCount?", "retryReason?", "clientStartTime?"):
		s.submit(w, r)
	case r.Method == "POST" && r.URL.Path == "/queries/v1/abort-request" && only(r, "requestId", "request_guid"):
		s.abort(w, r)
	case r.Method == "GET" && result && result2 && only(r):
		s.poll(w, r, id)
	default:
		s.refuse(w, r, "no such request; parameters %s", r.URL.RawQuery)
	}
}

// drop closes the connection without an answer.
func drop(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if c, _, err := h.Hijack(); err == nil {
			c.Close()
		}
	}
}

// take counts down and says whether there was one left.
func take(n *int) bool {
	if *n == 0 {
		return false
	}
	*n--
	return true
}

// secret is a text that nobody guesses.
func secret(prefix string) string {
	b := make([]byte, 24)
	_, _ = rand.Read(b)
	return prefix + hex.EncodeToString(b)
}
