package odpsfake

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// Login is who may use the service. Token is the security token, if there is one.
type Login struct {
	AccessID, AccessKey, Token string
}

// Options describe the service. Zero fields have the defaults named there.
type Options struct {
	// Project is the one project. Zero is "demo".
	Project string
	// Login is the one account. Its zero value is the ID "id" and the key "key".
	Login Login
	// Region is what signatures of version 4 must name. Zero is "cn-test".
	Region string
	// Zone is the project's time zone. Nil is Asia/Shanghai, at UTC+8.
	Zone *time.Location
	// Now is the server's clock. Nil is time.Now.
	Now func() time.Time
	// Tables are the project's.
	Tables []Table
	// Readable says that the account may read the tables themselves, which a
	// tunnel session of more than 10,000 rows needs.
	Readable bool
}

// Table is a table of the project.
type Table struct {
	Name    string
	Columns []Column
	// Partitions are the columns, also among Columns, that a query must name in
	// WHERE unless it allows a full scan.
	Partitions []string
	// Rows have a value for each column: nil, bool, int, int64, float64, string
	// (also for DECIMAL and JSON), []byte, time.Time, Interval, []any for ARRAY
	// and STRUCT, Map for MAP.
	Rows [][]any
}

// Column is a name and a type as in DDL.
type Column struct{ Name, Type string }

// Map is a MAP value; its order is that of the wire.
type Map []Pair

// Pair is an entry of a Map.
type Pair struct{ Key, Value any }

// Interval is an INTERVAL_DAY_TIME value.
type Interval struct {
	Seconds int64
	Nanos   int32
}

// Faults are what goes wrong with a statement. Counts are of all jobs with that
// statement together.
type Faults struct {
	// Slow is how many polls say RUNNING before the job ends; below zero it does
	// not end until it is cancelled.
	Slow int
	// Idle is how many polls list no task at all, before those.
	Idle int
	// Error is the text with which the job fails.
	Error string
	// Status is the task's last status instead of Success, whatever it is.
	Status string
	// FailPolls is how many polls are answered 503, and DropPolls how many
	// connections are closed instead of an answer, before the others.
	FailPolls, DropPolls int
	// Throttle is how many submissions are answered 429, and ThrottleTunnel how
	// many tunnel requests FlowExceeded.
	Throttle, ThrottleTunnel int
	// Submitting is called when the job is made and before the answer.
	Submitting func()
	// LoseSubmit is how many submissions make the job and then close the
	// connection instead of an answer.
	LoseSubmit int
	// Type is the first column's type as a session tells it, whatever it is.
	Type string
	// Cut is after how many rows a stream ends, without a trailer but as HTTP has
	// it, and Inside that it ends in the middle of the next row. Zero does not cut
	// unless Inside.
	Cut    int
	Inside bool
	// Reset closes the connection after Cut rows.
	Reset bool
	// Damage changes the rows' bytes on their way, all of a stream at once.
	Damage func(rows []byte)
	// Stall is after how many rows a stream stops and stays open until the client
	// goes.
	Stall int
}

// Request is what the server was asked.
type Request struct {
	Method, Path string
	// Query is the encoded parameters.
	Query string
	// Signature is "v1" or "v4", or "" when it was wrong.
	Signature string
}

// Server is a running service. All methods may be called at once.
type Server struct {
	// Endpoint is the REST service's address, with the path /api.
	Endpoint string
	// Tunnel is the tunnel's host and port.
	Tunnel string

	rest, tunnel *httptest.Server

	mu        sync.Mutex
	o         Options
	login     Login
	tables    map[string]*Table
	faults    map[string]*Faults
	instances map[string]*instance
	order     []string
	guids     map[string]string
	sessions  map[string]*session
	streams   int
	sent      int
	requests  []Request
	refused   []string
	next      int
}

// New starts a server. Close stops it.
func New(o Options) *Server {
	if o.Project == "" {
		o.Project = "demo"
	}
	if o.Login == (Login{}) {
		o.Login = Login{AccessID: "id", AccessKey: "key"}
	}
	if o.Region == "" {
		o.Region = "cn-test"
	}
	if o.Zone == nil {
		o.Zone = time.FixedZone("Asia/Shanghai", 8*3600)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{
		o: o, login: o.Login, tables: map[string]*Table{}, faults: map[string]*Faults{}, instances: map[string]*instance{},
		guids: map[string]string{}, sessions: map[string]*session{},
	}
	for i := range o.Tables {
		s.tables[strings.ToLower(o.Tables[i].Name)] = &o.Tables[i]
	}
	s.rest = httptest.NewServer(http.HandlerFunc(s.serveREST))
	s.tunnel = httptest.NewServer(http.HandlerFunc(s.serveTunnel))
	s.Endpoint = s.rest.URL + "/api"
	s.Tunnel = strings.TrimPrefix(s.tunnel.URL, "http://")
	return s
}

// Close stops the server, open streams included.
func (s *Server) Close() {
	s.rest.CloseClientConnections()
	s.tunnel.CloseClientConnections()
	s.rest.Close()
	s.tunnel.Close()
}

// Fault switches faults on for a statement, as it is sent but for white space and
// a semicolon at its end.
func (s *Server) Fault(sql string, f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[plain(sql)] = &f
}

func plain(sql string) string { return strings.TrimRight(strings.TrimSpace(sql), "; \n") }

// SetLogin changes the account: what was valid before is no longer.
func (s *Server) SetLogin(l Login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.login = l
}

// Running counts the jobs that have not ended and the streams that are open.
func (s *Server) Running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.streams
	for _, i := range s.instances {
		if !i.ended() {
			n++
		}
	}
	return n
}

// Job is a job that was submitted.
type Job struct {
	ID, Name, Guid, Query, Status string
	Priority                      int
	Settings                      map[string]string
	// Cancels counts the cancel calls.
	Cancels int
}

// Jobs returns what was submitted, in order.
func (s *Server) Jobs() []Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := make([]Job, len(s.order))
	for n, id := range s.order {
		i := s.instances[id]
		jobs[n] = i.job
		jobs[n].Status = i.status()
	}
	return jobs
}

// RowsSent counts the rows that streams gave.
func (s *Server) RowsSent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// Requests returns all requests, in order.
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

// failure is an error answer.
type failure struct {
	status     int
	code, text string
}

func (s *Server) requestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return fmt.Sprintf("REQ%08d", s.next)
}

// begin notes the request and checks what all have in common. It returns the
// resource below the project, such as "/instances/1".
func (s *Server) begin(r *http.Request, path string, tunnel bool) (string, *failure) {
	version, e := s.authenticate(r, path)
	s.mu.Lock()
	s.requests = append(s.requests, Request{r.Method, r.URL.Path, r.URL.RawQuery, version})
	s.mu.Unlock()
	if e != nil {
		return "", e
	}
	need := []string{"User-Agent"}
	if tunnel {
		if r.Header.Get("odps-tunnel-date-transform") != "v1" || r.Header.Get("x-odps-tunnel-version") != "5" {
			return "", s.refuse(r, "the tunnel's version headers are missing")
		}
	} else {
		need = append(need, "x-odps-user-agent")
		if !r.URL.Query().Has("curr_project") {
			return "", s.refuse(r, "curr_project is missing")
		}
	}
	for _, h := range need {
		if r.Header.Get(h) == "" {
			return "", s.refuse(r, h+" is missing")
		}
	}
	rest, ok := strings.CutPrefix(path, "/projects/")
	if !ok {
		return path, nil
	}
	project, resource, _ := strings.Cut(rest, "/")
	if project != s.o.Project {
		return "", &failure{404, "NoSuchProject", "ODPS-0420111: Project not found - '" + project + "'"}
	}
	return "/" + resource, nil
}

// refuse notes a request that the server does not know.
func (s *Server) refuse(r *http.Request, why string) *failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = append(s.refused, fmt.Sprintf("%s %s?%s: %s", r.Method, r.URL.Path, r.URL.RawQuery, why))
	return &failure{400, "InvalidRequest", "ODPS-0420061: Invalid parameter in HTTP request - " + why}
}

// only says whether the request has exactly these parameters, beside
// curr_project. A name with a question mark may be missing.
func only(r *http.Request, names ...string) bool {
	left := r.URL.Query()
	left.Del("curr_project")
	for _, n := range names {
		n, optional := strings.CutSuffix(n, "?")
		if v, ok := left[n]; (!ok && !optional) || len(v) > 1 {
			return false
		}
		left.Del(n)
	}
	return len(left) == 0
}

func (s *Server) serveREST(w http.ResponseWriter, r *http.Request) {
	id := s.requestID()
	w.Header().Set("x-odps-request-id", id)
	path, ok := strings.CutPrefix(r.URL.Path, "/api")
	var e *failure
	if !ok {
		e = s.refuse(r, "the path does not begin with /api")
	} else if path, e = s.begin(r, path, false); e == nil {
		e = s.route(w, r, path)
	}
	if e == nil {
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(e.status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message><![CDATA[%s]]></Message><RequestId>%s</RequestId><HostId>%s</HostId></Error>",
		e.code, e.text, id, r.Host)
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, path string) *failure {
	unknown := func() *failure { return s.refuse(r, "no such request") }
	id, one := strings.CutPrefix(path, "/instances/")
	switch {
	case r.Method == "POST" && path == "/instances" && only(r):
		return s.submit(w, r)
	case r.Method == "GET" && path == "/instances" && only(r, "onlyowner", "status?", "daterange?", "marker?"):
		return s.list(w, r)
	case r.Method == "GET" && path == "/logview/host" && only(r):
		fmt.Fprint(w, s.rest.URL)
		return nil
	case r.Method == "POST" && path == "/authorization" && only(r, "sign_bearer_token"):
		return s.bearer(w, r)
	case r.Method == "GET" && path == "/tunnel" && only(r, "service", "quotaName?"):
		fmt.Fprint(w, s.Tunnel)
		return nil
	case !one || strings.Contains(id, "/"):
		return unknown()
	}
	s.mu.Lock()
	i := s.instances[id]
	s.mu.Unlock()
	if i == nil {
		return &failure{404, "NoSuchObject", "ODPS-0420111: Instance not found - '" + id + "'"} // a guess
	}
	switch {
	case r.Method == "PUT" && only(r):
		return s.cancel(r, i)
	case r.Method == "GET" && only(r):
		return s.describe(w, i)
	case r.Method == "GET" && only(r, "taskstatus"):
		return s.poll(w, i)
	case r.Method == "GET" && only(r, "result"):
		return s.result(w, i)
	}
	return unknown()
}

func writeXML(w http.ResponseWriter, v any) *failure {
	w.Header().Set("Content-Type", "application/xml")
	b, err := xml.Marshal(v)
	if err != nil {
		return &failure{500, "InternalServerError", "ODPS-0010000:System internal error - " + err.Error()}
	}
	_, _ = w.Write(append([]byte(xml.Header), b...))
	return nil
}

func writeJSON(w http.ResponseWriter, v any) *failure {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return &failure{500, "InternalServerError", err.Error()}
	}
	return nil
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

// Login returns the account that is valid now.
func (s *Server) Login() Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.login
}
