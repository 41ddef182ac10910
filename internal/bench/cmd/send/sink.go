package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
)

// answer is what Lark writes after taking a message.
const answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Mon, 23 Nov 2026 08:00:00 GMT\r\nContent-Length: 77\r\n\r\n" +
	`{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`

// sink is the least of a server of HTTP/1.1: it reads each message whole, keeps
// the last and gives every sender the same answer on a connection that stays
// open. A real server would cost every sender the same, on the same two or four
// cores, and so hide what sets them apart.
type sink struct {
	net.Listener
	conns atomic.Int64
	taken atomic.Int64

	mu   sync.Mutex
	body []byte
}

func newSink() *sink {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	check(err)
	s := &sink{Listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			check(err)
			s.conns.Add(1)
			go s.serve(c)
		}
	}()
	return s
}

func (s *sink) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReaderSize(c, 32<<10)
	var body []byte
	for {
		n, ok := head(r)
		if !ok {
			return
		}
		body = append(body[:0], make([]byte, n)...)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		s.mu.Lock()
		s.body = append(s.body[:0], body...)
		s.mu.Unlock()
		s.taken.Add(1)
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
}

// head reads the request line and the headers of a POST and gives the length of
// its body. It is false at the end of the connection.
func head(r *bufio.Reader) (length int, ok bool) {
	length = -1
	for first := true; ; first = false {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, false
		}
		line = bytes.TrimRight(line, "\r\n")
		if first {
			if !bytes.HasPrefix(line, []byte("POST ")) {
				log.Fatalf("the sink takes no %q", line)
			}
			continue
		}
		if len(line) == 0 {
			if length < 0 {
				log.Fatal("a sender does not say how long its body is")
			}
			return length, true
		}
		const name = "content-length:"
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(name):])))
			check(err)
		}
	}
}

// last is the body of a single call of f.
func (s *sink) last(f func()) []byte {
	before := s.taken.Load()
	f()
	if s.taken.Load() != before+1 {
		log.Fatal("one send is not one message")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.body)
}
