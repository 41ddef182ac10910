package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// revision is the protocol's revision that the server names: the last one whose
// blocks are those that the engine writes.
const revision = 54453

// blockInfo stands before every block from revision 51903 on: not an overflow,
// bucket -1.
const blockInfo = "\x01\x00\x02\xff\xff\xff\xff\x00"

func (s *server) serveNative(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			_ = s.converse(c)
		}()
	}
}

// packet is what a client sent: a query with its settings, or one of the codes
// below.
type packet struct {
	code  proto.ClientCode
	query proto.Query
}

// converse talks to one client until it goes.
func (s *server) converse(c net.Conn) error {
	r := proto.NewReader(c)
	database, denied, err := s.hello(r)
	if err != nil {
		return err
	}
	if denied != nil {
		return send(c, exceptionPacket(denied))
	}
	var b proto.Buffer
	b.PutUVarInt(uint64(proto.ServerCodeHello))
	b.PutString("ClickHouse")
	b.PutUVarInt(s.e.version[0])
	b.PutUVarInt(s.e.version[1])
	b.PutUVarInt(revision)
	b.PutString("UTC")
	b.PutString("chdbserver")
	b.PutUVarInt(s.e.version[2])
	if err := send(c, b.Buf); err != nil {
		return err
	}
	packets := make(chan packet)
	gone := make(chan struct{})
	quit := make(chan struct{})
	defer close(quit)
	go func() {
		defer close(gone)
		for {
			p, err := read(r)
			if err != nil {
				return
			}
			select {
			case packets <- p:
			case <-quit:
				return
			}
		}
	}()
	for {
		select {
		case <-gone:
			return nil
		case p := <-packets:
			switch p.code {
			case proto.ClientCodePing:
				err = send(c, []byte{byte(proto.ServerCodePong)})
			case proto.ClientCodeQuery:
				err = s.answer(c, database, p.query, packets, gone)
			case proto.ClientCodeCancel: // of what has ended already
			default:
				err = fmt.Errorf("unexpected packet %v", p.code)
			}
			if err != nil {
				return err
			}
		}
	}
}

// hello reads the client's greeting.
func (s *server) hello(r *proto.Reader) (database string, denied *exception, err error) {
	code, err := r.UVarInt()
	if err != nil {
		return "", nil, err
	}
	if proto.ClientCode(code) != proto.ClientCodeHello {
		return "", nil, errors.New("no greeting")
	}
	if _, err := r.Str(); err != nil {
		return "", nil, err
	}
	for range 3 { // the client's version and revision
		if _, err := r.UVarInt(); err != nil {
			return "", nil, err
		}
	}
	var texts [3]string
	for i := range texts {
		if texts[i], err = r.Str(); err != nil {
			return "", nil, err
		}
	}
	if denied = s.login(texts[1], texts[2]); denied != nil {
		return "", denied, nil
	}
	if texts[0] != "" {
		t, err := s.begin("", texts[0], nil)
		if err != nil {
			return "", asException(err), nil
		}
		t.close()
	}
	return texts[0], nil, nil
}

// read reads one packet, a query with the empty block that ends its data.
func read(r *proto.Reader) (packet, error) {
	code, err := r.UVarInt()
	if err != nil {
		return packet{}, err
	}
	p := packet{code: proto.ClientCode(code)}
	if p.code != proto.ClientCodeQuery {
		return p, nil
	}
	if err := p.query.DecodeAware(r, revision); err != nil {
		return p, err
	}
	if code, err = r.UVarInt(); err != nil || proto.ClientCode(code) != proto.ClientCodeData {
		return p, fmt.Errorf("no data after the query: packet %d, %w", code, err)
	}
	if name, err := r.Str(); err != nil || name != "" {
		return p, fmt.Errorf("external tables are not known: %w", err)
	}
	if p.query.Compression == proto.CompressionEnabled {
		r.EnableCompression()
		defer r.DisableCompression()
	}
	var block proto.Block
	return p, block.DecodeBlock(r, revision, nil)
}

// answer runs a query. It ends early when the client cancels or goes.
func (s *server) answer(c net.Conn, database string, q proto.Query, packets <-chan packet, gone <-chan struct{}) error {
	var settings [][2]string
	for _, kv := range q.Settings {
		settings = append(settings, [2]string{kv.Key, kv.Value})
	}
	t, err := s.begin(c.RemoteAddr().String(), database, settings)
	if err != nil {
		return send(c, exceptionPacket(asException(err)))
	}
	defer t.close()
	st := t.statement(q.ID, q.Body)
	watched := make(chan error, 1)
	go func() {
		select {
		case p := <-packets:
			if p.code != proto.ClientCodeCancel {
				watched <- fmt.Errorf("packet %v while a query runs", p.code)
			}
			st.kill()
		case <-gone:
			st.kill()
		case <-st.done:
		}
		close(watched)
	}()
	begun := false
	block := func(chunk []byte) error {
		begun = true
		s.sent.Add(rowsOf(chunk))
		chunk = append([]byte(blockInfo), chunk...)
		if q.Compression == proto.CompressionEnabled {
			w := compress.NewWriter(compress.LevelZero, compress.LZ4)
			if err := w.Compress(chunk); err != nil {
				return err
			}
			chunk = w.Data
		}
		return send(c, append([]byte{byte(proto.ServerCodeData), 0}, chunk...))
	}
	err = st.each("Native", block)
	if err == nil && !begun && streams.MatchString(q.Body) {
		var header []byte
		if header, err = st.header(); err == nil {
			err = block(header)
		}
	}
	if bad := <-watched; bad != nil {
		return bad
	}
	var lost net.Error
	switch {
	case errors.As(err, &lost):
		return err
	case err != nil:
		return send(c, exceptionPacket(asException(err)))
	}
	return send(c, []byte{byte(proto.ServerCodeEndOfStream)})
}

func exceptionPacket(e *exception) []byte {
	var b proto.Buffer
	b.PutUVarInt(uint64(proto.ServerCodeException))
	b.PutInt32(int32(e.code))
	b.PutString("DB::Exception")
	b.PutString("DB::Exception: " + e.text)
	b.PutString("")
	b.PutBool(false)
	return b.Buf
}

func send(c net.Conn, b []byte) error {
	_, err := c.Write(b)
	return err
}
