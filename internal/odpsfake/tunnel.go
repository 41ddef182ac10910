package odpsfake

import (
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxLimited is how many rows a limited session gives, and one of an account
// that may not read the tables.
const maxLimited = 10_000

// sessionLife is how long a session may be used.
const sessionLife = 24 * time.Hour

// session is a download session.
type session struct {
	i     *instance
	rows  int
	begun time.Time
}

func (s *Server) serveTunnel(w http.ResponseWriter, r *http.Request) {
	id := s.requestID()
	w.Header().Set("x-odps-request-id", id)
	path, e := s.begin(r, r.URL.Path, true)
	if e == nil {
		e = s.routeTunnel(w, r, path)
	}
	if e == nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Code": e.code, "Message": e.text, "RequestId": id})
}

func (s *Server) routeTunnel(w http.ResponseWriter, r *http.Request, path string) *failure {
	id, ok := strings.CutPrefix(path, "/instances/")
	s.mu.Lock()
	i := s.instances[id]
	s.mu.Unlock()
	switch {
	case !ok:
		return s.refuse(r, "no such request")
	case i == nil:
		return &failure{404, "NoSuchInstance", "The specified instance does not exist"} // a guess
	}
	s.mu.Lock()
	throttled := take(&i.faults.ThrottleTunnel)
	s.mu.Unlock()
	if throttled {
		return &failure{429, "FlowExceeded", "Your flow quota is exceeded"}
	}
	switch {
	case r.Method == "POST" && only(r, "downloads", "instance_tunnel_limit_enabled?", "quotaName?"):
		return s.open(w, r, i)
	case r.Method == "GET" && only(r, "downloadid"):
		return s.reopen(w, r, i)
	case r.Method == "GET" && only(r, "data", "downloadid", "rowrange", "instance_tunnel_limit_enabled?"):
		return s.stream(w, r, i)
	}
	return s.refuse(r, "no such request")
}

func (s *Server) open(w http.ResponseWriter, r *http.Request, i *instance) *failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !i.ended():
		return &failure{400, "InstanceNotTerminate", "The instance has not terminated"}
	case i.status() != "SUCCESS" || i.answer.text != "":
		return &failure{400, "InstanceTypeNotSupported", "The instance is no SELECT that succeeded"}
	}
	rows := len(i.answer.rows)
	if r.URL.Query().Has("instance_tunnel_limit_enabled") {
		rows = min(rows, maxLimited)
	} else if rows > maxLimited && !s.o.Readable {
		return &failure{403, "NoPermission", "ODPS-0420095: Access Denied - the result has more than 10000 rows, which needs read permission on its tables"}
	}
	id := fmt.Sprintf("SESSION%06d", len(s.sessions)+1)
	s.sessions[id] = &session{i, rows, s.o.Now()}
	return writeJSON(w, s.sessions[id].document(id))
}

func (d *session) document(id string) any {
	type column struct {
		ID       string `json:"column_id"`
		Comment  string `json:"comment"`
		Default  string `json:"default_value"`
		Name     string `json:"name"`
		Nullable bool   `json:"nullable"`
		Type     string `json:"type"`
	}
	columns := make([]column, len(d.i.answer.columns))
	for n, c := range d.i.answer.columns {
		columns[n] = column{Name: c.Name, Nullable: true, Type: c.Type}
	}
	if d.i.faults.Type != "" {
		columns[0].Type = d.i.faults.Type
	}
	return map[string]any{
		"DownloadID": id, "Initiated": d.begun.UTC().Format(http.TimeFormat), "Owner": "owner", "RecordCount": d.rows, "Status": "normal",
		"Schema": map[string]any{"IsVirtualView": false, "partitionKeys": []string{}, "columns": columns},
	}
}

// session finds the session that a request names. s.mu is held.
func (s *Server) session(r *http.Request, i *instance) (*session, *failure) {
	d := s.sessions[r.URL.Query().Get("downloadid")]
	switch {
	case d == nil || d.i != i:
		return nil, &failure{404, "NoSuchDownload", "The specified download id does not exist"} // a guess
	case s.o.Now().Sub(d.begun) > sessionLife:
		return nil, &failure{400, "StatusConflict", "The session has expired"}
	}
	return d, nil
}

func (s *Server) reopen(w http.ResponseWriter, r *http.Request, i *instance) *failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, e := s.session(r, i)
	if e != nil {
		return e
	}
	return writeJSON(w, d.document(r.URL.Query().Get("downloadid")))
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request, i *instance) *failure {
	s.mu.Lock()
	d, e := s.session(r, i)
	if e != nil {
		s.mu.Unlock()
		return e
	}
	f := *i.faults
	var start, count int
	var tail string
	n, _ := fmt.Sscanf(r.URL.Query().Get("rowrange"), "(%d,%d)%s", &start, &count, &tail)
	bad := n != 2 || start < 0 || count < 0 || start+count > d.rows
	if bad && d.rows == 0 && start == 0 && count == 1 {
		bad, count = false, 0 // what the vendor's own client asks of an empty result
	}
	if bad {
		s.mu.Unlock()
		return &failure{400, "InvalidRowRange", "The specified row range is invalid"}
	}
	s.streams++
	encoded := i.answer.encoded()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.streams--
		s.mu.Unlock()
	}()

	w.Header().Set("Content-Type", "application/octet-stream")
	out := io.Writer(w)
	if strings.Contains(r.Header.Get("Accept-Encoding"), "deflate") {
		w.Header().Set("Content-Encoding", "deflate")
		z := zlib.NewWriter(w)
		defer z.Close()
		out = z
	}
	end := start + count
	stop := end
	if f.Stall > 0 {
		stop = min(stop, start+f.Stall)
	}
	if f.Cut > 0 || f.Inside || f.Reset {
		stop = min(stop, start+f.Cut)
	}
	body := encoded.slice(start, stop)
	if f.Damage != nil {
		body = append([]byte(nil), body...)
		f.Damage(body)
	}
	_, _ = out.Write(body)
	s.mu.Lock()
	s.sent += stop - start
	s.mu.Unlock()
	switch {
	case stop == end:
		_, _ = out.Write(encoded.trailer(start, end))
	case f.Stall > 0:
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case f.Inside:
		next := encoded.slice(stop, stop+1)
		_, _ = out.Write(next[:len(next)/2])
	}
	if f.Reset && stop < end {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	return nil
}
