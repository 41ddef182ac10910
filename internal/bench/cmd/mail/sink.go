package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log"
	"net"
	"strings"
	"sync"
)

// received is a mail with its envelope.
type received struct {
	from, to string
	data     []byte
}

// sink is the least of a mail server: it takes every mail and keeps the last.
// Connections are greeted only when a whole group of them is there, so that each
// side has all of its connections from the start.
type sink struct {
	net.Listener
	group int

	mu     sync.Mutex
	full   *sync.Cond
	opened int
	taken  int
	last   received
}

func newSink(group int) *sink {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	s := &sink{Listener: l, group: group}
	s.full = sync.NewCond(&s.mu)
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			check(err)
			go s.serve(c)
		}
	}()
	return s
}

func (s *sink) port() int { return s.Addr().(*net.TCPAddr).Port }

// counts are the connections and mails so far.
func (s *sink) counts() (opened, taken int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened, s.taken
}

// after is the last mail that f sends.
func (s *sink) after(f func()) received {
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	return received{s.last.from, s.last.to, bytes.Clone(s.last.data)}
}

func (s *sink) wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	for whole := (s.opened + s.group - 1) / s.group * s.group; s.opened < whole; {
		s.full.Wait()
	}
	s.full.Broadcast()
}

func (s *sink) serve(c net.Conn) {
	defer c.Close()
	s.wait()
	in := bufio.NewReaderSize(c, 32<<10)
	say := func(line string) { _, _ = io.WriteString(c, line+"\r\n") }
	say("220 sink.test ESMTP")
	var m received
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "EHLO":
			say("250-sink.test\r\n250-8BITMIME\r\n250-SIZE 35882577\r\n250 ENHANCEDSTATUSCODES")
		case "MAIL":
			m.from = address(rest)
			say("250 2.1.0 Ok")
		case "RCPT":
			m.to = address(rest)
			say("250 2.1.5 Ok")
		case "DATA":
			say("354 End data with <CR><LF>.<CR><LF>")
			if m.data, err = content(in, m.data[:0]); err != nil {
				return
			}
			s.mu.Lock()
			s.taken++
			s.last, m = m, s.last
			s.mu.Unlock()
			say("250 2.0.0 Ok: queued as 4F2A1")
		case "RSET", "NOOP":
			say("250 2.0.0 Ok")
		case "QUIT":
			say("221 2.0.0 Bye")
			return
		default:
			log.Fatalf("the sink does not know %q", line)
		}
	}
}

// address is what stands between the angle brackets.
func address(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}

// content reads up to the final dot and takes the other dots away.
func content(in *bufio.Reader, dst []byte) ([]byte, error) {
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if line[0] == '.' {
			if line = line[1:]; len(line) == 2 {
				return dst, nil
			}
		}
		dst = append(dst, line...)
	}
}
