package snowflakefake

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// failure is the error of a statement.
type failure struct{ code, state, text string }

// job is a statement and what has become of it.
type job struct {
	Job
	ended  bool
	done   chan struct{}
	began  time.Time
	limit  time.Duration
	polls  int
	answer *answer
	fail   *failure
	faults *Faults
	binds  int
}

// end settles the job; the server is locked.
func (j *job) end(status string, f *failure) {
	if j.ended {
		return
	}
	j.ended, j.Status = true, status
	if f != nil {
		j.fail = f
	}
	close(j.done)
}

type binding struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

type queryRequest struct {
	SQLText         string             `json:"sqlText"`
	AsyncExec       bool               `json:"asyncExec"`
	SequenceID      uint64             `json:"sequenceId"`
	IsInternal      bool               `json:"isInternal"`
	DescribeOnly    bool               `json:"describeOnly"`
	Parameters      map[string]any     `json:"parameters"`
	Bindings        map[string]binding `json:"bindings"`
	QueryContextDTO map[string]any     `json:"queryContextDTO"`
}

func (s *Server) submit(w http.ResponseWriter, r *http.Request) {
	t := s.session(w, r)
	if t == nil {
		return
	}
	var in queryRequest
	if err := body(r, &in); err != nil {
		s.refuse(w, r, "the statement cannot be read: %v", err)
		return
	}
	for name := range in.Parameters {
		if name != "QUERY_TAG" {
			s.refuse(w, r, "the statement's parameter %s is not known", name)
			return
		}
	}
	if in.AsyncExec {
		s.refuse(w, r, "asynchronous execution is not known here")
		return
	}
	id, again := r.URL.Query().Get("requestId"), r.URL.Query().Has("retryCount")
	s.mu.Lock()
	f := s.faults[plain(in.SQLText)]
	if f == nil {
		f = &Faults{}
	}
	switch {
	case take(&f.Throttle):
		s.mu.Unlock()
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case take(&f.Unavailable):
		s.mu.Unlock()
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var j *job
	for _, k := range s.jobs {
		if k.RequestID == id && k.Session == t.ID {
			j = k
		}
	}
	switch {
	case j != nil && (!again || j.SQL != in.SQLText):
		s.mu.Unlock()
		s.refuse(w, r, "a request ID that was used before, without a retryCount")
		return
	case j == nil && in.SequenceID <= t.sequence:
		s.mu.Unlock()
		s.refuse(w, r, "the sequence ID is not above the last")
		return
	case j == nil:
		t.sequence = in.SequenceID
		j = &job{
			Job:  Job{ID: fmt.Sprintf("01ba13b4-0104-e9fd-0000-%012x", len(s.jobs)+1), RequestID: id, SQL: in.SQLText, Session: t.ID, Describe: in.DescribeOnly, Status: "running"},
			done: make(chan struct{}), began: s.o.Now(), faults: f, binds: len(in.Bindings),
		}
		if n, err := strconv.Atoi(t.Parameters["STATEMENT_TIMEOUT_IN_SECONDS"]); err == nil && n > 0 {
			j.limit = time.Duration(n) * time.Second
		}
		j.Tag, _ = in.Parameters["QUERY_TAG"].(string)
		s.jobs = append(s.jobs, j)
		j.answer, j.fail = s.execute(t, in)
	}
	j.Submissions++
	lose := take(&f.LoseSubmit)
	s.mu.Unlock()
	if lose {
		drop(w)
		return
	}
	s.respond(w, r, t, j, false)
}

func (s *Server) poll(w http.ResponseWriter, r *http.Request, id string) {
	t := s.session(w, r)
	if t == nil {
		return
	}
	s.mu.Lock()
	var j *job
	for _, k := range s.jobs {
		if k.ID == id && k.Session == t.ID {
			j = k
		}
	}
	if j == nil {
		s.mu.Unlock()
		s.refuse(w, r, "no such statement in this session")
		return
	}
	j.faults.asked++
	asked, n := j.faults.Asked, j.faults.asked
	fail, lose, cut := take(&j.faults.FailPolls), false, false
	if !fail {
		if lose = take(&j.faults.DropPolls); !lose {
			cut = take(&j.faults.CutPolls)
		}
	}
	s.mu.Unlock()
	if asked != nil {
		asked(n)
	}
	switch {
	case fail:
		w.WriteHeader(http.StatusServiceUnavailable)
	case lose:
		drop(w)
	case cut:
		fmt.Fprint(w, `{"data":{"parameters":[{"name":"TIMEZONE`)
	default:
		s.respond(w, r, t, j, true)
	}
}

// respond answers what has become of a statement.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, t *session, j *job, asked bool) {
	s.mu.Lock()
	f := j.faults
	slow := !j.Describe && !j.ended && (f.Slow < 0 || j.polls < f.Slow)
	if slow && asked {
		s.mu.Unlock()
		hold := time.NewTimer(s.o.Hold)
		defer hold.Stop()
		select {
		case <-hold.C:
		case <-j.done:
		case <-r.Context().Done():
			return
		}
		s.mu.Lock()
		j.polls++
		if j.limit > 0 && s.o.Now().Sub(j.began) >= j.limit {
			j.end("failed", &failure{"000630", "57014", fmt.Sprintf("Statement reached its statement or warehouse timeout of %d second(s) and was canceled.", j.limit/time.Second)})
		}
		slow = !j.ended && (f.Slow < 0 || j.polls < f.Slow)
	}
	if slow {
		code, text := "333333", "Query execution in progress"
		if f.Async {
			code, text = "333334", "Asynchronous execution in progress. Use provided query id to perform query monitoring and management."
		}
		s.mu.Unlock()
		send(w, reply{Success: true, Code: &code, Message: &text, Data: map[string]any{
			"getResultUrl": "/queries/" + j.ID + "/result", "progressDesc": nil, "queryAbortsAfterSecs": 300, "queryId": j.ID,
		}})
		return
	}
	defer s.mu.Unlock()
	if !j.ended && f.Code != "" && !j.Describe {
		j.fail = &failure{f.Code, f.State, f.Message}
	}
	if j.fail == nil {
		j.end("done", nil)
		send(w, reply{Success: true, Data: s.data(t, j)})
		return
	}
	j.end("failed", nil)
	answer := reply{Success: f.Lie, Code: &j.fail.code, Message: &j.fail.text, Data: map[string]any{
		"internalError": false, "errorCode": j.fail.code, "age": 0, "sqlState": j.fail.state, "queryId": j.ID, "line": -1, "pos": -1, "type": "COMPILATION",
	}}
	send(w, answer)
}

// data is what the answer to a statement that is done holds; the server is
// locked.
func (s *Server) data(t *session, j *job) map[string]any {
	a := j.answer
	d := map[string]any{
		"parameters": t.told(), "rowtype": a.rowType(j.faults.Type), "total": a.count, "returned": a.count, "queryId": j.ID,
		"databaseProvider": nil, "finalDatabaseName": s.o.Database, "finalSchemaName": s.o.Schema, "finalWarehouseName": t.Warehouse, "finalRoleName": t.Role,
		"numberOfBinds": j.binds, "arrayBindSupported": false, "statementTypeId": a.statement, "version": 1, "queryResultFormat": "json",
	}
	switch {
	case j.Describe:
		d["total"], d["returned"] = 0, 0
		return d
	case j.faults.Arrow:
		d["queryResultFormat"], d["rowsetbase64"] = "arrow", "" // a result without rows
		return d
	}
	d["rowset"] = json.RawMessage(a.inline)
	if len(a.chunks) == 0 {
		return d
	}
	key := secret("")
	var list []map[string]any
	for n, c := range a.chunks {
		path := fmt.Sprintf("/results/%s_0/main/data_0_0_%d", j.ID, n)
		signed := path + "?x-amz-signature=" + secret("")
		s.chunks[signed] = &chunk{part: c, key: key, headers: s.o.ChunkHeaders, faults: j.faults, first: n == 0}
		list = append(list, map[string]any{
			"url": s.storage.URL + signed, "rowCount": c.rows, "uncompressedSize": len(c.text), "compressedSize": len(c.packed),
		})
	}
	d["chunks"] = list
	if s.o.ChunkHeaders {
		sum := md5.Sum([]byte(key))
		d["chunkHeaders"] = map[string]string{
			"x-amz-server-side-encryption-customer-key":     key,
			"x-amz-server-side-encryption-customer-key-md5": base64.StdEncoding.EncodeToString(sum[:]),
		}
	} else {
		d["qrmk"] = key
	}
	return d
}

func (s *Server) abort(w http.ResponseWriter, r *http.Request) {
	t := s.session(w, r)
	if t == nil {
		return
	}
	var in struct{ RequestID, SQLText string }
	if err := body(r, &in); err != nil || in.RequestID == "" {
		s.refuse(w, r, "the request to abort cannot be read: %v", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	running := false
	for _, j := range s.jobs {
		if j.RequestID != in.RequestID || j.Session != t.ID {
			continue
		}
		if take(&j.faults.Abort503) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		j.Aborts++
		running = !j.ended
		j.end("aborted", &failure{"000604", "57014", "SQL execution canceled"})
	}
	if !running {
		sendError(w, "000605", "Identified SQL statement is not currently executing.", nil)
		return
	}
	send(w, reply{Success: true})
}

// execute plans and runs a statement; the server is locked.
func (s *Server) execute(t *session, in queryRequest) (*answer, *failure) {
	words, fail := lex(in.SQLText)
	if fail != nil {
		return nil, fail
	}
	if len(words) > 0 && words[0].is("ALTER") {
		return s.alter(t, words)
	}
	limit, _ := strconv.Atoi(t.Parameters["ROWS_PER_RESULTSET"])
	// What depends on the session or on values is made anew.
	fixed := len(in.Bindings) == 0 && !strings.Contains(strings.ToUpper(in.SQLText), "CURRENT_")
	key := fmt.Sprint(limit, "\x00", in.SQLText)
	if a := s.answers[key]; a != nil && fixed {
		return a, nil
	}
	p := &parser{words: words, s: s, t: t, bindings: in.Bindings}
	a, fail := p.query()
	if fail != nil {
		return nil, fail
	}
	if limit > 0 && len(a.rows) > limit {
		a.rows = a.rows[:limit]
	}
	if fail := a.pack(s.o.Inline, s.o.Chunk); fail != nil {
		return nil, fail
	}
	if fixed {
		s.answers[key] = a
	}
	return a, nil
}

// alter runs ALTER SESSION SET name = literal.
func (s *Server) alter(t *session, words []word) (*answer, *failure) {
	if len(words) != 7 || !words[1].is("SESSION") || !words[2].is("SET") || words[3].kind != 'w' || words[4].text != "=" || words[5].kind != 's' && words[5].kind != 'n' {
		return nil, unexpected(words, min(1, len(words)-1))
	}
	name := strings.ToUpper(words[3].text)
	if !known[name] {
		return nil, &failure{"001423", "22023", "SQL compilation error:\ninvalid parameter '" + name + "'"}
	}
	t.Parameters[name] = words[5].text
	a := &answer{
		columns: []Column{{"status", "VARCHAR"}}, rows: [][]any{{"Statement executed successfully."}},
		statement: 0x4000, // a guess
	}
	return a, a.pack(s.o.Inline, s.o.Chunk)
}
