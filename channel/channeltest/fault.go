package channeltest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Fault makes a fake misbehave for one request; see [Server.Inject].
type Fault func(*exchange)

// Delay answers as usual after a time on the real clock.
func Delay(d time.Duration) Fault {
	return func(x *exchange) {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-x.s.done:
		}
		x.call.Fault = "delay"
		x.answer(x.vendor())
	}
}

// Hang neither reads the body nor answers until the fake is closed.
func Hang() Fault {
	return func(x *exchange) {
		x.call.Fault = "hang"
		<-x.s.done
		panic(http.ErrAbortHandler)
	}
}

// CloseUnanswered reads the request, takes no message and closes the
// connection.
func CloseUnanswered() Fault {
	return func(x *exchange) {
		x.call.Fault = "close unanswered"
		x.readBody()
		x.hangUp(nil, false)
	}
}

// LoseAnswer takes the message as usual, but the connection closes before the
// answer.
func LoseAnswer() Fault {
	return func(x *exchange) {
		x.call.Fault = "lose answer"
		x.vendor()
		x.hangUp(nil, false)
	}
}

// ResetMidAnswer takes the message as usual and resets the connection half way
// through the answer.
func ResetMidAnswer() Fault {
	return func(x *exchange) {
		x.call.Fault = "reset in mid-answer"
		body := x.vendor().body
		var b bytes.Buffer
		fmt.Fprintf(&b, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", len(body)+1)
		b.Write(body[:len(body)/2])
		x.hangUp(b.Bytes(), true)
	}
}

// Answer answers with a status and a body of its own, without asking the
// vendor. Each header is "Name: value".
func Answer(status int, body string, headers ...string) Fault {
	return func(x *exchange) {
		x.call.Fault = fmt.Sprintf("answer %d", status)
		h := http.Header{}
		for _, line := range headers {
			name, value, _ := bytes.Cut([]byte(line), []byte(":"))
			h.Add(string(name), string(bytes.TrimSpace(value)))
		}
		x.answer(reply{status: status, header: h, body: []byte(body)})
	}
}

// HTMLPage answers 200 with a page, as a sign-in portal does.
func HTMLPage() Fault {
	return Answer(http.StatusOK, "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>",
		"Content-Type: text/html; charset=utf-8")
}

// Redirect answers 301, 302, 303, 307 or 308 to an address.
func Redirect(status int, to string) Fault { return Answer(status, "", "Location: "+to) }

// Huge answers 200 with n bytes of JSON that does not end.
func Huge(n int) Fault {
	return func(x *exchange) {
		x.call.Fault = "huge answer"
		x.readBody()
		x.call.Status = http.StatusOK
		x.log()
		x.w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(x.w, `{"data":"`)
		page := bytes.Repeat([]byte("x"), 4096)
		for left := n; left > 0; left -= len(page) { // n is every request's
			if _, err := x.w.Write(page[:min(left, len(page))]); err != nil {
				return
			}
		}
	}
}

// hangUp closes the connection after writing what is given; with reset the
// other side sees a reset instead of an orderly end.
func (x *exchange) hangUp(answer []byte, reset bool) {
	x.log()
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil { // HTTP/2 has no connection to give away
		panic(http.ErrAbortHandler)
	}
	_, _ = conn.Write(answer)
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
