package channeltest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// maxBody bounds what a fake reads of a request, far above every vendor's limit.
const maxBody = 64 << 20

// Message is one message that a fake vendor took and would show.
type Message struct {
	// Token names the robot that was addressed.
	Token string
	// At is the fake's time.
	At time.Time
	// Type is the vendor's message type.
	Type string
	// Title and Text are what a reader sees, in the vendor's dialect.
	Title, Text string
	// Mentions are those that would really call somebody; "all" is everyone.
	Mentions []string
	// Body is the decoded JSON; numbers are json.Number. It is shared: do not
	// change it.
	Body any
	// Raw is the body as it arrived.
	Raw []byte
}

// Call is one request to a fake and its answer.
type Call struct {
	Token  string
	At     time.Time
	Method string
	Path   string
	Query  url.Values
	Header http.Header
	// Body is nil when Raw is not JSON.
	Body any
	Raw  []byte
	// Status and Answer are what was sent back; Status is 0 when nothing was.
	Status int
	Answer []byte
	// Fault names the fault that was in effect, if any.
	Fault string
}

// Count is what a fake saw of one robot.
type Count struct {
	Calls      int // requests, faulty ones included
	Recorded   int // messages taken
	Duplicates int // repeats that the vendor recognised and dropped
}

// Server is the part that all fakes over HTTP share. Its methods may be called
// by several goroutines at once.
type Server struct {
	now   func() time.Time
	token func(*http.Request) string
	serve func(*Call) reply // holding mu

	listener net.Listener
	http     *http.Server
	done     chan struct{}
	running  sync.WaitGroup

	mu       sync.Mutex
	calls    []*Call
	messages []Message
	counts   map[string]Count
	next     []Fault
	always   *Fault
	arrived  int
	changed  chan struct{}
}

// reply is a vendor's answer to one call.
type reply struct {
	status    int // 0 is 200
	header    http.Header
	body      []byte
	record    *Message // Token, At, Body and Raw are filled in
	duplicate bool
}

// start makes the server listen on a free port of 127.0.0.1. It panics when
// there is none, because a fake without an address is of no use to anyone.
func (s *Server) start(now func() time.Time, token func(*http.Request) string, serve func(*Call) reply) {
	s.now, s.token, s.serve = now, token, serve
	if s.now == nil {
		s.now = time.Now
	}
	s.done, s.changed = make(chan struct{}), make(chan struct{})
	s.counts = map[string]Count{}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		panic("channeltest: listen on 127.0.0.1: " + err.Error())
	}
	s.listener = l
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	s.running.Go(func() { _ = s.http.Serve(l) })
}

// Base is the fake's address, such as "http://127.0.0.1:40123".
func (s *Server) Base() string { return "http://" + s.listener.Addr().String() }

// Close stops the fake, ends every hanging request and waits for them.
func (s *Server) Close() {
	s.mu.Lock()
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	s.mu.Unlock()
	_ = s.http.Close()
	s.running.Wait()
}

// Messages are what the vendor took so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Calls are the requests so far, in order of arrival, without those that are
// still being judged.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Call, 0, len(s.calls))
	for _, c := range s.calls {
		if c != nil {
			out = append(out, *c)
		}
	}
	return out
}

// Count is what the fake saw of one robot.
func (s *Server) Count(token string) Count {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[token]
}

// Inject makes the next requests meet these faults, one each. A nil Fault
// leaves its request alone.
func (s *Server) Inject(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, faults...)
}

// InjectAlways makes every request meet a fault, after those of Inject; nil
// ends that.
func (s *Server) InjectAlways(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = nil
	if f != nil {
		s.always = &f
	}
}

// WaitCalls returns when n requests have arrived since the start, answered or
// not, or with ctx's error.
func (s *Server) WaitCalls(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		arrived, changed := s.arrived, s.changed
		s.mu.Unlock()
		if arrived >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ServeHTTP lets a fake stand behind a server of yours, such as one with TLS.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.running.Done()
	c := &Call{Token: s.token(r), At: s.now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: maps.Clone(r.Header)}
	x := &exchange{s: s, w: w, r: r, call: c}
	var f Fault
	s.mu.Lock()
	switch {
	case len(s.next) > 0:
		f, s.next = s.next[0], s.next[1:]
	case s.always != nil:
		f = *s.always
	}
	n := s.counts[c.Token]
	n.Calls++
	s.counts[c.Token] = n
	x.place = len(s.calls)
	s.calls = append(s.calls, nil)
	s.arrived++
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	defer x.log()
	if f == nil {
		x.answer(x.vendor())
		return
	}
	f(x)
}

// enter counts a request in, unless the fake is closed.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return false
	default:
		s.running.Add(1)
		return true
	}
}

// exchange is one request while it is served.
type exchange struct {
	s    *Server
	w    http.ResponseWriter
	r    *http.Request
	call *Call
	read bool
	// place is where the call belongs in the log; logged, whether it is there.
	place  int
	logged bool
}

// readBody reads the request to its end.
func (x *exchange) readBody() {
	if x.read {
		return
	}
	x.read = true
	raw, err := io.ReadAll(io.LimitReader(x.r.Body, maxBody))
	x.call.Raw = raw
	if err == nil {
		if v, err := decode(raw); err == nil {
			x.call.Body = v
		}
	}
}

// vendor lets the vendor judge the request and records what it took.
func (x *exchange) vendor() reply {
	x.readBody()
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	rep := s.serve(x.call)
	n := s.counts[x.call.Token]
	if rep.duplicate {
		n.Duplicates++
	}
	if m := rep.record; m != nil {
		n.Recorded++
		m.Token, m.At, m.Body, m.Raw = x.call.Token, x.call.At, x.call.Body, x.call.Raw
		s.messages = append(s.messages, *m)
	}
	s.counts[x.call.Token] = n
	return rep
}

func (x *exchange) answer(rep reply) {
	x.readBody()
	if rep.status == 0 {
		rep.status = http.StatusOK
	}
	h := x.w.Header()
	h.Set("Date", x.s.now().UTC().Format(http.TimeFormat))
	if len(rep.body) > 0 {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	maps.Copy(h, rep.header)
	x.call.Status, x.call.Answer = rep.status, rep.body
	x.log()
	x.w.WriteHeader(rep.status)
	_, _ = x.w.Write(rep.body)
}

// log makes the call visible, before its answer leaves: who has the answer finds
// the call.
func (x *exchange) log() {
	if x.logged {
		return
	}
	x.logged = true
	x.s.mu.Lock()
	x.s.calls[x.place] = x.call
	x.s.mu.Unlock()
}

// decode reads one JSON value and nothing after it.
func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the JSON value")
	}
	return v, nil
}

// object, text, list and flag read a member of decoded JSON; a missing one, or
// one of another type, is the zero value.
func object(v any, key string) map[string]any {
	m, _ := v.(map[string]any)
	o, _ := m[key].(map[string]any)
	return o
}

func text(v any, key string) string {
	m, _ := v.(map[string]any)
	s, _ := m[key].(string)
	return s
}

func list(v any, key string) []any {
	m, _ := v.(map[string]any)
	l, _ := m[key].([]any)
	return l
}

func flag(v any, key string) bool {
	m, _ := v.(map[string]any)
	b, _ := m[key].(bool)
	return b
}

func texts(v any, key string) []string {
	var out []string
	for _, e := range list(v, key) {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// answerJSON encodes an answer as the vendors do, without HTML escapes.
func answerJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("channeltest: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// window counts events in a rolling window.
type window struct {
	per time.Duration
	at  []time.Time
}

// within drops what is too old and gives the number of events that count at now.
func (w *window) within(now time.Time) int {
	w.at = slices.DeleteFunc(w.at, func(t time.Time) bool { return now.Sub(t) >= w.per })
	return len(w.at)
}

func (w *window) add(now time.Time) { w.at = append(w.at, now) }
