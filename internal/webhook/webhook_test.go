package webhook_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/guard"
	"github.com/datapush-go/datapush/internal/webhook"
	"github.com/google/go-cmp/cmp"
)

const canary = "c4n4ry-7c1e5b"

func open() *webhook.Client {
	return webhook.New(webhook.Options{Op: "test: send", Allow: channel.AllowLoopback()})
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// raw serves one connection after another with f, which owns the connection.
func raw(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f(c)
			_ = c.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return "http://" + l.Addr().String() + "/send?access_token=" + canary
}

func readRequest(c net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

func reset(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

func outcome(t *testing.T, err error) *channel.Error {
	t.Helper()
	var e *channel.Error
	if !errors.As(err, &e) {
		t.Fatalf("no *channel.Error: %v", err)
	}
	for link := err; link != nil; link = errors.Unwrap(link) {
		if strings.Contains(link.Error(), canary) {
			t.Errorf("the canary is in %q", link)
		}
	}
	return e
}

func TestABodyArrivesAsItIs(t *testing.T) {
	type seen struct{ Method, Path, Query, Type, Body string }
	var got seen
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = seen{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Content-Type"), string(b)}
		_, _ = io.WriteString(w, `{"errcode":0}`)
	})
	a, err := open().Post(t.Context(), webhook.Request{
		URL: s.URL + "/triggers%2Fmanual/run?sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=a-_b", Body: []byte(`{"a":"<&>"}`)})
	if err != nil {
		t.Fatal(err)
	}
	want := seen{"POST", "/triggers%2Fmanual/run", "sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=a-_b", "application/json; charset=utf-8", `{"a":"<&>"}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(`{"errcode":0}`, string(a.Body)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestABodyOfAnotherTypeIsSentWithItsToken(t *testing.T) {
	var got []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Content-Type"), r.Header.Get("Authorization"))
	})
	c := open()
	for _, r := range []webhook.Request{{}, {Type: "multipart/form-data; boundary=b", Bearer: "t-1"}, {}} {
		r.URL = s.URL
		if _, err := c.Post(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"application/json; charset=utf-8", "", "multipart/form-data; boundary=b", "Bearer t-1", "application/json; charset=utf-8", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFailuresAreToldApart(t *testing.T) {
	closed := func(t *testing.T) string {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return "http://" + l.Addr().String() + "/?access_token=" + canary
	}
	for _, c := range []struct {
		name string
		url  func(*testing.T) string
		want channel.Outcome
		text string
	}{
		{"a refused connection was never sent", closed, channel.NotSent, "refused"},
		{"a failed handshake was never sent", func(t *testing.T) string {
			u := raw(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); _, _ = io.WriteString(c, "no TLS here\r\n") })
			return strings.Replace(u, "http:", "https:", 1)
		}, channel.NotSent, "TLS"},
		{"a service below TLS 1.2 was never sent to", func(t *testing.T) string {
			s := httptest.NewUnstartedServer(http.NotFoundHandler())
			s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
			s.Config.ErrorLog = nil
			s.StartTLS()
			t.Cleanup(s.Close)
			return s.URL + "/?access_token=" + canary
		}, channel.NotSent, "protocol version"},
		{"a request that was read and closed on may have arrived", func(t *testing.T) string {
			return raw(t, readRequest)
		}, channel.Unknown, "may have arrived"},
		{"a reset before the answer may have arrived", func(t *testing.T) string {
			return raw(t, func(c net.Conn) { readRequest(c); reset(c) })
		}, channel.Unknown, "may have arrived"},
		{"a reset in the middle of an answer may have arrived", func(t *testing.T) string {
			return raw(t, func(c net.Conn) {
				readRequest(c)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"errcode\":0")
			})
		}, channel.Unknown, "broke off"},
		{"an answer that is no HTTP may have arrived", func(t *testing.T) string {
			return raw(t, func(c net.Conn) { readRequest(c); _, _ = io.WriteString(c, canary+" is no HTTP\r\n\r\n") })
		}, channel.Unknown, "may have arrived"},
		{"an address without a host is wrong", func(*testing.T) string { return "https:///?access_token=" + canary }, channel.Rejected, "URL"},
		{"an address with another scheme is wrong", func(*testing.T) string { return "ftp://a.example/" + canary }, channel.Rejected, "URL"},
		{"an address that does not parse is wrong", func(*testing.T) string { return "http://a.example:" + canary + "/" }, channel.Rejected, "URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := open().Post(t.Context(), webhook.Request{URL: c.url(t), Secrets: []string{canary}, Body: []byte(`{"x":1}`)})
			e := outcome(t, err)
			if diff := cmp.Diff(c.want.String(), e.Outcome.String()); diff != "" {
				t.Errorf("outcome (-want +got):\n%s\n%v", diff, err)
			}
			if !strings.Contains(err.Error(), c.text) {
				t.Errorf("%q does not say %q", err, c.text)
			}
		})
	}
}

func TestAClosedAddressIsRejectedWithARemedy(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the service was reached") })
	for name, url := range map[string]string{
		"loopback":    s.URL,
		"mapped IPv6": strings.Replace(s.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1),
		"unspecified": strings.Replace(s.URL, "127.0.0.1", "0.0.0.0", 1),
		"metadata":    "http://169.254.169.254/latest/meta-data/",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := webhook.New(webhook.Options{Op: "test: send"}).Post(t.Context(), webhook.Request{URL: url + "?access_token=" + canary})
			e := outcome(t, err)
			if e.Outcome != channel.Rejected || guard.Refused(err) == nil || !strings.Contains(err.Error(), "channel.Allow") {
				t.Errorf("outcome %v: %v", e.Outcome, err)
			}
		})
	}
}

// What a resolver takes for loopback it may also not know at all.
func TestOddFormsOfAClosedAddressNeverConnect(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the service was reached") })
	for _, host := range []string{"2130706433", "0177.0.0.1", "017700000001", "0x7f.0.0.1", "0x7f000001", "127.1", "localhost", "[::1]", "[::127.0.0.1]"} {
		t.Run(host, func(t *testing.T) {
			_, err := webhook.New(webhook.Options{}).Post(t.Context(), webhook.Request{URL: strings.Replace(s.URL, "127.0.0.1", host, 1) + "?access_token=" + canary})
			if e := outcome(t, err); e.Outcome == channel.Unknown {
				t.Errorf("outcome %v: %v", e.Outcome, err)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308, 304} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var calls atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				w.Header().Set("Location", "http://%zz/"+canary)
				w.WriteHeader(status)
			})
			_, err := open().Post(t.Context(), webhook.Request{URL: s.URL + "/?key=" + canary, Body: []byte("{}")})
			e := outcome(t, err)
			if e.Outcome != channel.Rejected || e.Code != fmt.Sprint("HTTP ", status) || calls.Load() != 1 {
				t.Errorf("outcome %v, code %q, %d calls", e.Outcome, e.Code, calls.Load())
			}
		})
	}
}

func TestAContextThatEndedSendsNothing(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := open().Post(ctx, webhook.Request{URL: s.URL})
	e := outcome(t, err)
	if e.Outcome != channel.NotSent || !errors.Is(err, context.Canceled) || calls.Load() != 0 {
		t.Errorf("outcome %v, %d calls: %v", e.Outcome, calls.Load(), err)
	}
}

func TestAContextThatEndsDuringTheAnswerMayHaveSent(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-release })
	defer close(release)
	_, err := open().Post(ctx, webhook.Request{URL: s.URL, Body: []byte("{}")})
	if e := outcome(t, err); e.Outcome != channel.Unknown || !errors.Is(err, context.Canceled) {
		t.Errorf("outcome %v: %v", e.Outcome, err)
	}
}

func TestAnAttemptHasATimeLimitOfItsOwn(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		<-release
	})
	defer close(release)
	c := webhook.New(webhook.Options{Allow: channel.AllowLoopback(), Timeout: 20 * time.Millisecond})
	_, err := c.Post(t.Context(), webhook.Request{URL: s.URL, Body: []byte("{}")})
	if e := outcome(t, err); e.Outcome != channel.Unknown || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("outcome %v: %v", e.Outcome, err)
	}
}

func TestSilenceInTheHandshakeWasNeverSent(t *testing.T) {
	release := make(chan struct{})
	u := raw(t, func(net.Conn) { <-release })
	defer close(release)
	c := webhook.New(webhook.Options{Allow: channel.AllowLoopback(), Timeout: 20 * time.Millisecond})
	_, err := c.Post(t.Context(), webhook.Request{URL: strings.Replace(u, "http:", "https:", 1), Body: []byte("{}")})
	if e := outcome(t, err); e.Outcome != channel.NotSent || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("outcome %v: %v", e.Outcome, err)
	}
}

func TestAnAnswerThatDoesNotBeginHasATimeLimitOfItsOwn(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	c := webhook.New(webhook.Options{Allow: channel.AllowLoopback(), Timeout: time.Hour})
	c.SetAnswer(20 * time.Millisecond)
	for range 3 { // the limit holds for each attempt anew
		_, err := c.Post(t.Context(), webhook.Request{URL: s.URL, Body: []byte("{}")})
		if e := outcome(t, err); e.Outcome != channel.Unknown || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("outcome %v: %v", e.Outcome, err)
		}
	}
}

func TestAnAnswerThatHasBegunIsNotCutByTheLimitOfItsBeginning(t *testing.T) {
	over := make(chan struct{})
	began := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			<-over // ends by the limit, which has then passed for the other too
			return
		}
		_ = http.NewResponseController(w).Flush()
		close(began)
		<-over
		_, _ = w.Write([]byte("ok"))
	})
	c := webhook.New(webhook.Options{Allow: channel.AllowLoopback(), Timeout: time.Hour})
	c.SetAnswer(500 * time.Millisecond) // long enough for a first byte on a busy machine
	done := make(chan error)
	go func() {
		a, err := c.Post(t.Context(), webhook.Request{URL: s.URL, Body: []byte("{}")})
		if err == nil && string(a.Body) != "ok" {
			err = errors.New("the answer is " + string(a.Body))
		}
		done <- err
	}()
	<-began
	if _, err := c.Post(t.Context(), webhook.Request{URL: s.URL + "/late", Body: []byte("{}")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the late one: %v", err)
	}
	close(over)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTheBodyIsNotReadAfterPostReturns(t *testing.T) {
	// The service never reads, so the transport is still writing when ctx ends.
	got := make(chan struct{})
	release := make(chan struct{})
	u := raw(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); close(got); <-release })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-got; cancel() }()
	body := bytes.Repeat([]byte("x"), 64<<20)
	_, err := open().Post(ctx, webhook.Request{URL: u, Body: body})
	if e := outcome(t, err); e.Outcome != channel.Unknown {
		t.Errorf("outcome %v: %v", e.Outcome, err)
	}
	clear(body) // the race detector sees who else still reads
}

func TestAConnectionThatTheServiceClosedIsReplaced(t *testing.T) {
	// The service answers once per connection and then closes it without saying
	// so; net/http notices and sends on a new one.
	var n atomic.Int32
	u := raw(t, func(c net.Conn) {
		readRequest(c)
		n.Add(1)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
	})
	c := open()
	for range 20 {
		if _, err := c.Post(t.Context(), webhook.Request{URL: u, Body: []byte("{}")}); err != nil {
			if e := outcome(t, err); e.Outcome != channel.Unknown {
				t.Fatalf("outcome %v: %v", e.Outcome, err)
			}
		}
	}
	if n.Load() == 0 {
		t.Error("nothing arrived")
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	for name, answer := range map[string]string{"a short answer": `{"errcode":0}`, "an answer of 8 KiB": strings.Repeat("x", webhook.AnswerBytes)} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int32
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, answer)
			}))
			s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
				if st == http.StateNew {
					conns.Add(1)
				}
			}
			s.Start()
			defer s.Close()
			c := open()
			for range 5 {
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() {
						if a, err := c.Post(context.Background(), webhook.Request{URL: s.URL, Body: []byte("{}")}); err != nil || a.Cut {
							t.Error(err)
						}
					})
				}
				wg.Wait()
			}
			if n := conns.Load(); n > 20 {
				t.Errorf("%d connections for 80 messages at 16 in flight", n)
			}
		})
	}
}

func TestAnswersAreCapped(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for range 4 << 10 {
			if _, err := io.WriteString(w, strings.Repeat("x", 1024)); err != nil {
				return
			}
		}
	})
	a, err := open().Post(t.Context(), webhook.Request{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Body) != webhook.AnswerBytes || !a.Cut {
		t.Errorf("%d bytes, cut %v", len(a.Body), a.Cut)
	}
}

func TestHTTP2WithAHostsTransport(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.Proto, b)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	c := webhook.New(webhook.Options{Client: s.Client()})
	a, err := c.Post(t.Context(), webhook.Request{URL: s.URL, Body: []byte(`{"a":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`HTTP/2.0 {"a":1}`, string(a.Body)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// What is kept from one attempt for the next must not show in it, whatever
// becomes of the attempts around it.
func TestAttemptsDoNotMix(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/hang":
					_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection goes unseen
					<-r.Context().Done()
					return
				case "/early":
					w.Header().Set("Content-Length", "5")
					_, _ = io.WriteString(w, "early")
					return
				}
				b, _ := io.ReadAll(r.Body)
				fmt.Fprintf(w, "%s %s %s %s", r.Proto, r.URL.Path, r.Header.Get("Authorization"), b)
			}))
			c := open()
			if proto == "HTTP/2.0" {
				s.EnableHTTP2 = true
				s.StartTLS()
				c.Trust(s.Certificate())
			} else {
				s.Start()
			}
			t.Cleanup(s.Close)
			t.Cleanup(func() { _ = c.Close() })
			var wg sync.WaitGroup
			for worker := range 8 {
				wg.Go(func() {
					body := make([]byte, 0, 100_000)
					for i := range 60 {
						path, ctx, cancel := fmt.Sprintf("/%d-%d", worker, i), t.Context(), func() {}
						body = fmt.Appendf(body[:0], "%d of %d", i, worker)
						switch i % 6 {
						case 1:
							path = "/early"
							body = append(body, make([]byte, 90_000)...)
						case 3:
							path = "/hang"
							ctx, cancel = context.WithTimeout(ctx, time.Millisecond)
						case 4:
							ctx, cancel = context.WithCancel(ctx)
						case 5:
							ctx = context.WithoutCancel(ctx)
						}
						r := webhook.Request{URL: s.URL + path, Bearer: path, Body: body}
						a, err := c.Post(ctx, r)
						cancel()
						want := fmt.Sprintf("%s %s Bearer %s %s", proto, path, path, body)
						switch {
						case path == "/early": // may also fail, when the rest of the body met a closed connection
						case path == "/hang":
							if e := outcome(t, err); !errors.Is(err, context.DeadlineExceeded) {
								t.Errorf("outcome %v: %v", e.Outcome, err)
							}
						case err != nil:
							t.Error(err)
						case string(a.Body) != want:
							t.Errorf("the service saw %q, want %q", a.Body, want)
						}
						clear(body) // the race detector sees who else still reads
					}
				})
			}
			wg.Wait()
		})
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestATransportThatReportsNothingIsNotTrustedToHaveSentNothing(t *testing.T) {
	c := webhook.New(webhook.Options{Client: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("post %s: broken", r.URL)
	})}})
	_, err := c.Post(t.Context(), webhook.Request{URL: "https://a.example/x?key=" + canary})
	if e := outcome(t, err); e.Outcome != channel.Unknown {
		t.Errorf("outcome %v", e.Outcome)
	}
}

type key struct{}

// Whoever observes requests by their context, a host's transport or a trace,
// gets the caller's.
func TestTheCallersContextIsSeen(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	ctx := context.WithValue(t.Context(), key{}, "span")
	var seen any
	c := webhook.New(webhook.Options{Client: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		seen = r.Context().Value(key{})
		return http.DefaultTransport.RoundTrip(r)
	})}})
	if _, err := c.Post(ctx, webhook.Request{URL: s.URL}); err != nil || seen != "span" {
		t.Errorf("the transport saw %v, %v", seen, err)
	}
	var conns int
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { conns++ }})
	if _, err := open().Post(ctx, webhook.Request{URL: s.URL}); err != nil || conns != 1 {
		t.Errorf("the trace saw %d connections, %v", conns, err)
	}
}

func TestSkewIsLocalTimeMinusTheAnswersDate(t *testing.T) {
	now := time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)
	for hint, date := range map[string]time.Time{
		"": now.Add(30 * time.Second),
		"the local clock is 1h0m0s ahead of the service's; correct it": now.Add(-time.Hour),
		"the local clock is 1h0m0s behind the service's; correct it":   now.Add(time.Hour),
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", date.Format(http.TimeFormat)) })
		c := webhook.New(webhook.Options{Allow: channel.AllowLoopback(), Now: func() time.Time { return now }})
		a, err := c.Post(t.Context(), webhook.Request{URL: s.URL})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(hint, a.SkewHint()); diff != "" {
			t.Errorf("hint (-want +got):\n%s", diff)
		}
		if a.Skew() != now.Sub(date) {
			t.Errorf("skew %v", a.Skew())
		}
	}
}

func TestStatusesOfAGateway(t *testing.T) {
	now := time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, after string
		status      int
		want        channel.Outcome
		wait        time.Duration
	}{
		{"429 with seconds waits as asked", "7", 429, channel.NotSent, 7 * time.Second},
		{"429 with a date waits until then", now.Add(90 * time.Second).Format(http.TimeFormat), 429, channel.NotSent, 90 * time.Second},
		{"429 with a past date does not wait", now.Add(-time.Hour).Format(http.TimeFormat), 429, channel.NotSent, 0},
		{"429 without a wait takes the channel's", "", 429, channel.NotSent, time.Minute},
		{"429 with an unreadable wait takes the channel's", "soon", 429, channel.NotSent, time.Minute},
		{"503 with a wait was not sent", "7", 503, channel.NotSent, 7 * time.Second},
		{"503 without a wait may have arrived", "", 503, channel.Unknown, 0},
		{"500 may have arrived", "", 500, channel.Unknown, 0},
		{"502 may have arrived", "7", 502, channel.Unknown, 0},
		{"504 may have arrived", "", 504, channel.Unknown, 0},
		{"408 may have arrived", "", 408, channel.Unknown, 0},
		{"400 is refused", "", 400, channel.Rejected, 0},
		{"403 is refused", "", 403, channel.Rejected, 0},
		{"404 is refused", "", 404, channel.Rejected, 0},
		{"413 is refused", "", 413, channel.Rejected, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := webhook.New(webhook.Options{Now: func() time.Time { return now }})
			a := &webhook.Answer{Status: c.status, Header: http.Header{}}
			if c.after != "" {
				a.Header.Set("Retry-After", c.after)
			}
			e := client.Gateway(webhook.Request{}, a, time.Minute)
			type result struct {
				Outcome, Code string
				After         time.Duration
			}
			if diff := cmp.Diff(result{c.want.String(), fmt.Sprint("HTTP ", c.status), c.wait}, result{e.Outcome.String(), e.Code, e.After}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if e := open().Gateway(webhook.Request{}, &webhook.Answer{Status: 202}, 0); e != nil {
		t.Errorf("202 is an error: %v", e)
	}
}

func TestErrorsKeepNoSecret(t *testing.T) {
	const (
		url    = "https://user:p4ss-w0rd@prod-1.example/workflows/0123abcd0123/invoke?sp=%2Ftriggers%2Fmanual&sig=aB%2BcD%2F%3D"
		secret = `SEC"12`
	)
	r := webhook.Request{URL: url, Secrets: []string{secret}, Body: []byte(`{"text":"Department 1 earned 12000"}`)}
	for name, text := range map[string]string{
		"the address":          "Post " + url + ": broken",
		"in JSON":              `{"url":"` + strings.ReplaceAll(url, "/", `\/`) + `"}`,
		"a path part":          "no 0123abcd0123 here",
		"a query value":        "sig aB%2BcD%2F%3D is wrong",
		"a decoded value":      "sig aB+cD/= is wrong",
		"a password":           "p4ss-w0rd",
		"a secret":             "sign with " + secret,
		"a quoted secret":      `sign with "SEC\"12"`,
		"the body":             `you sent {"text":"Department 1 earned 12000"} to us`,
		"a piece of the body":  "about Department 1 earned a lot",
		"only the address end": "?sp=%2Ftriggers%2Fmanual&sig=aB%2BcD%2F%3D",
	} {
		t.Run(name, func(t *testing.T) {
			got := open().Error(r, channel.Rejected, text, text, 0).Error()
			for _, bad := range []string{url, "p4ss-w0rd", "0123abcd0123", "aB%2BcD", "aB+cD", secret, `SEC\"12`, "Department 1"} {
				if strings.Contains(got, bad) {
					t.Errorf("%q is in %q", bad, got)
				}
			}
		})
	}
}

func TestErrorsAreShortAndWhole(t *testing.T) {
	e := open().Error(webhook.Request{}, channel.Rejected, "1", strings.Repeat("机", 1000), 0)
	if n := len(e.Err.Error()); n > webhook.ErrorBytes || !utf8.ValidString(e.Error()) {
		t.Errorf("%d bytes, valid %v", n, utf8.ValidString(e.Error()))
	}
	if s := open().Error(webhook.Request{}, channel.Rejected, "", "a\x00b\nc\xff", 0).Err.Error(); s != "ab c\uFFFD" {
		t.Errorf("control characters: %q", s)
	}
}

func TestASecretCutAtTheEndOfAnAnswerDoesNotShow(t *testing.T) {
	long := strings.Repeat(canary, 90) // longer than what masking leaves of the text
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat(long, 20)) })
	c := open()
	r := webhook.Request{URL: s.URL, Secrets: []string{long}}
	a, err := c.Post(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if e := c.Foreign(r, a); strings.Contains(e.Error(), "c4n4") {
		t.Errorf("%v", e)
	}
}

func TestAnAnswerOfSomebodyElseSaysSo(t *testing.T) {
	for _, body := range []string{"<html><body>Please sign in</body></html>", "", "ok", `{"ok":true}`} {
		e := open().Foreign(webhook.Request{}, &webhook.Answer{Status: 200, Body: []byte(body)})
		if e.Outcome != channel.Unknown || e.Code != "HTTP 200" || !strings.Contains(e.Error(), "something other than the service") {
			t.Errorf("%q: %v %v", body, e.Outcome, e)
		}
	}
}

// The environment is read once per process, so each case is a process.
func TestTheProxyOfTheEnvironmentIsUsed(t *testing.T) {
	if os.Getenv("DATAPUSH_TEST_TARGET") != "" {
		_, err := open().Post(t.Context(), webhook.Request{URL: os.Getenv("DATAPUSH_TEST_TARGET"), Body: []byte("{}")})
		fmt.Printf("<%v>\n", err)
		return
	}
	for _, c := range []struct{ name, target, proxy, want string }{
		{"a public name goes through", "http://vendor.example/send", "", "<<nil>>"},
		{"an internal name does not", "http://metadata.google.internal/x", "", "internal addresses are closed"},
		{"a numeric form of a closed address does not", "http://2852039166/x", "", "link-local addresses are closed"},
		{"a proxy that does not connect", "https://vendor.example/send", "", "no connection, so nothing was sent"},
		{"an internal name does not by TLS either", "https://metadata.google.internal/x", "", "internal addresses are closed"},
		{"a closed proxy is refused", "http://vendor.example/send", "http://user:" + canary + "@10.9.8.7:3128", "private addresses are closed"},
		{"a proxy that a CGI request may have set is not used", "http://vendor.example/send", "cgi", "correct HTTPS_PROXY or HTTP_PROXY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls atomic.Int32
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if r.Method == http.MethodConnect && r.RequestURI == "vendor.example:443" {
					w.WriteHeader(http.StatusProxyAuthRequired)
				} else if r.RequestURI != c.target {
					t.Errorf("the proxy was asked for %q", r.RequestURI)
				}
			})
			method := ""
			switch c.proxy {
			case "":
				c.proxy = s.URL
			case "cgi":
				c.proxy, method = "http://user:"+canary+"@proxy.example", "GET"
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheProxyOfTheEnvironmentIsUsed$")
			cmd.Env = append(os.Environ(), "DATAPUSH_TEST_TARGET="+c.target, "HTTP_PROXY="+c.proxy, "http_proxy=", "HTTPS_PROXY="+c.proxy, "https_proxy=", "NO_PROXY=", "no_proxy=", "REQUEST_METHOD="+method)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("want %q in: %s (%v)", c.want, out, err)
			}
			if strings.Contains(string(out), canary) {
				t.Errorf("the proxy's password is in %s", out)
			}
			if want := int32(1); c.want == "<<nil>>" && calls.Load() != want {
				t.Errorf("%d calls through the proxy, want %d", calls.Load(), want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "7", "-1", "99999999999999999999", "Wed, 03 Jan 2024 08:00:00 GMT", "soon", "1.5"} {
		f.Add(s)
	}
	now := time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, v string) {
		h := http.Header{"Retry-After": {v}}
		if d, _ := webhook.RetryAfter(h, now); d < 0 || d > 7*24*time.Hour {
			t.Errorf("%q waits %v", v, d)
		}
	})
}

func FuzzErrCode(f *testing.F) {
	for _, s := range []string{`{"errcode":0,"errmsg":"ok"}`, " {\"errcode\":0,\"errmsg\":\"ok\"}\n", `{"errmsg":"ok","errcode":-1}`, `{"errcode":"0"}`, `{"errcode":1e3}`, `[]`, `{"errcode":0}{}`, ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, msg, ok := webhook.ErrCode(body)
		if !ok {
			return
		}
		// A whole number as errcode, by a reader that keeps it as it is written.
		var v map[string]any
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%q is taken for an answer: %v", body, err)
		}
		for k, v := range v {
			if strings.EqualFold(k, "errcode") && fmt.Sprint(v) == fmt.Sprint(code) {
				return
			}
		}
		t.Errorf("%q is read as code %d, %q", body, code, msg)
	})
}

func FuzzErrorsHoldNoSecret(f *testing.F) {
	f.Add("https://a.example/hook/", "t0ken-secret", "x t0ken-secret y")
	f.Add("https://a.example/?key=", `a"b\c`, `{"k":"a\"b\\c"}`)
	f.Fuzz(func(t *testing.T, base, secret, text string) {
		if len(secret) < 6 || strings.ContainsAny(secret, "[]…\uFFFD") {
			return // too short, or made of what the mask itself writes
		}
		e := open().Error(webhook.Request{URL: base + secret, Secrets: []string{secret}}, channel.Unknown, "", text+secret, 0)
		if s := e.Err.Error(); strings.Contains(s, secret) {
			t.Errorf("%q is in %q", secret, s)
		}
	})
}

func BenchmarkPost(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"errcode":0}`)
	}))
	defer s.Close()
	body := bytes.Repeat([]byte("x"), 4000)
	b.Run("bare", func(b *testing.B) {
		c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		b.ReportAllocs()
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				resp, err := c.Post(s.URL, "application/json", bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
		})
	})
	b.Run("webhook", func(b *testing.B) {
		c := open()
		b.ReportAllocs()
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Post(b.Context(), webhook.Request{URL: s.URL, Body: body}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
