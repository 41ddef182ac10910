package channeltest

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// SMTPSecurity is how an SMTP fake encrypts.
type SMTPSecurity string

// The ways to encrypt.
const (
	SMTPImplicitTLS SMTPSecurity = ""         // from the first byte, like port 465
	SMTPSTARTTLS    SMTPSecurity = "starttls" // after the command, like port 587
	SMTPNoTLS       SMTPSecurity = "none"
)

// SMTPOptions configure an SMTP fake. Nil and the zero value are the defaults.
type SMTPOptions struct {
	Security SMTPSecurity
	// Users are accounts and passwords. With any user or token, mail is taken
	// only after a login.
	Users map[string]string
	// Tokens are accounts and access tokens for XOAUTH2.
	Tokens map[string]string
	// Auth are the offered mechanisms. Nil is every mechanism that has an
	// account: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1, SCRAM-SHA-256, XOAUTH2.
	Auth []string
	// AuthWithoutTLS offers them on clear connections too.
	AuthWithoutTLS bool
	// MaxBytes is announced as SIZE and enforced. Zero is no limit.
	MaxBytes int64
	// MaxReceivers answers 452 to further receivers. Zero is no limit.
	MaxReceivers int
	// No8BitMIME takes the extension away: content must then be ASCII.
	No8BitMIME bool
	// NoSMTPUTF8 takes the extension away: addresses must then be ASCII.
	NoSMTPUTF8 bool
	// NoSIZE does not announce SIZE; MaxBytes is enforced all the same.
	NoSIZE bool
	// Faults are scripted answers; see [SMTP.Inject].
	Faults []SMTPFault
}

// SMTPFault makes a step of the dialogue go wrong.
type SMTPFault struct {
	// Verb is the step: "CONNECT" (the greeting), a command such as "EHLO",
	// "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "NOOP", "RSET", "QUIT", or "."
	// for the answer to a complete mail.
	Verb string
	// N is the occurrence that the fault is for, counted from 1 over the life of
	// the server. Zero is every occurrence.
	N int
	// Arg narrows the fault to commands whose line contains it.
	Arg string
	// Reply is sent instead of the server's own answer, as it is. Empty with
	// Close or Hang sends nothing.
	Reply string
	// Close ends the connection after Reply.
	Close bool
	// Hang says nothing more and keeps the connection until the client leaves.
	Hang bool
	// Stored keeps the mail although "." went wrong. A 2xx Reply does so too.
	Stored bool
	// Then is called when the fault strikes: for "." after the mail is kept or
	// not, and always before Reply is sent.
	Then func()
}

// SMTPMessage is a mail that the fake has accepted.
type SMTPMessage struct {
	From string   // of the envelope
	To   []string // of the envelope, in order
	// Data are the bytes between DATA and the final dot, dots unstuffed.
	Data []byte
	// TLS and User are those of the connection; User is empty without a login.
	TLS       bool
	User      string
	Mechanism string
	// Conn counts the connections from 1; mails with the same Conn came over
	// one.
	Conn int
}

// SMTP is a mail server in this process. Its protocol is emersion/go-smtp's; in
// front of it stands a part that speaks TLS, plays faults, and is as strict as
// today's servers: content with bare CR or LF or with lines over 998 octets is
// refused, as is 8-bit content that was not announced. A mail exists only after
// its final dot. It may be used by several goroutines at once, outside tests
// too.
type SMTP struct {
	options  SMTPOptions
	listener net.Listener
	server   *smtp.Server
	back     *pipeListener
	config   *tls.Config
	pool     *x509.CertPool

	wg sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	conns    map[net.Conn]bool
	opened   int
	faults   []SMTPFault
	seen     map[string]int
	commands []string
	messages []SMTPMessage
}

// NewSMTP starts a mail server on a free port of 127.0.0.1. Like
// httptest.NewServer it panics if there is none. The caller calls Close.
func NewSMTP(o *SMTPOptions) *SMTP {
	f := &SMTP{conns: map[net.Conn]bool{}, seen: map[string]int{}}
	if o != nil {
		f.options = *o
	}
	f.faults = slices.Clone(f.options.Faults)
	var err error
	if f.config, f.pool, err = throwawayCA(); err != nil {
		panic("channeltest: make a certificate: " + err.Error())
	}
	if f.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		panic("channeltest: listen: " + err.Error())
	}
	f.back = &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	f.server = smtp.NewServer(smtp.BackendFunc(f.session))
	f.server.Domain = "fake.test"
	f.server.ErrorLog = log.New(io.Discard, "", 0)
	f.server.MaxMessageBytes = f.options.MaxBytes
	f.server.MaxRecipients = f.options.MaxReceivers
	f.server.EnableSMTPUTF8 = !f.options.NoSMTPUTF8
	// Encryption happens in front, so the server behind it sees none.
	f.server.AllowInsecureAuth = true
	f.server.MaxLineLength = 1 << 20
	f.wg.Go(func() { _ = f.server.Serve(f.back) })
	f.wg.Go(f.accept)
	return f
}

// Close ends the server and waits for its connections.
func (f *SMTP) Close() {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return
	}
	f.closed = true
	_ = f.listener.Close()
	for c := range f.conns {
		_ = c.Close()
	}
	f.mu.Unlock()
	// The server may not have begun to listen yet.
	_ = f.back.Close()
	_ = f.server.Close()
	f.wg.Wait()
}

// Addr is host and port.
func (f *SMTP) Addr() string { return f.listener.Addr().String() }

// Host is the address without the port.
func (f *SMTP) Host() string { return "127.0.0.1" }

// Port is the port that the server listens on.
func (f *SMTP) Port() int { return f.listener.Addr().(*net.TCPAddr).Port }

// CertPool holds the authority that the server's certificate is from, made for
// this server alone.
func (f *SMTP) CertPool() *x509.CertPool { return f.pool }

// TLSConfig makes a client trust the server.
func (f *SMTP) TLSConfig() *tls.Config {
	return &tls.Config{RootCAs: f.pool, MinVersion: tls.VersionTLS12}
}

// Inject adds faults. Of several that match, the first given strikes.
func (f *SMTP) Inject(faults ...SMTPFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, faults...)
}

// ClearFaults ends all faults.
func (f *SMTP) ClearFaults() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// Messages returns the accepted mails in order; the slice is the caller's.
func (f *SMTP) Messages() []SMTPMessage {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.messages)
}

// Commands returns all commands in order, without what AUTH carried; "CONNECT"
// is a new connection and "." a complete mail.
func (f *SMTP) Commands() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.commands)
}

// Connections is how many connections were made.
func (f *SMTP) Connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened
}

func (f *SMTP) accept() {
	for {
		c, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		if f.closed {
			f.mu.Unlock()
			_ = c.Close()
			return
		}
		f.conns[c] = true
		f.opened++
		n := f.opened
		f.mu.Unlock()
		f.wg.Go(func() {
			front := &smtpFront{f: f, raw: c, wire: c, number: n}
			front.serve()
			_ = c.Close()
			f.mu.Lock()
			delete(f.conns, c)
			f.mu.Unlock()
		})
	}
}

// strike records a step and finds the fault for it.
func (f *SMTP) strike(verb, line string) *SMTPFault {
	f.mu.Lock()
	f.seen[verb]++
	n := f.seen[verb]
	f.commands = append(f.commands, line)
	var hit *SMTPFault
	for i := range f.faults {
		if x := &f.faults[i]; x.Verb == verb && (x.N == 0 || x.N == n) && strings.Contains(line, x.Arg) {
			c := *x
			hit = &c
			break
		}
	}
	f.mu.Unlock()
	// A complete mail is kept before anyone hears of it.
	if hit != nil && hit.Then != nil && verb != "." {
		hit.Then()
	}
	return hit
}

// smtpFront is the client's side of one connection.
type smtpFront struct {
	f      *SMTP
	raw    net.Conn
	wire   net.Conn // raw, or TLS on it
	number int
	tls    bool
	in     *bufio.Reader
	back   net.Conn
	answer *bufio.Reader
	eight  bool       // BODY=8BITMIME was said
	dot    *SMTPFault // for the mail that is being handed over
}

var errSMTPEnd = errors.New("the connection ends")

func (c *smtpFront) serve() {
	if c.f.options.Security == SMTPImplicitTLS && c.encrypt() != nil {
		return
	}
	c.in = bufio.NewReader(c.wire)
	if c.attach() != nil {
		return
	}
	defer func() { _ = c.back.Close() }()
	greeting, err := c.read()
	if err != nil {
		return
	}
	if x := c.f.strike("CONNECT", "CONNECT"); x != nil {
		if c.play(x) != nil {
			return
		}
	} else if c.say(greeting) != nil {
		return
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		if c.command(strings.TrimRight(line, "\r\n")) != nil {
			return
		}
	}
}

func (c *smtpFront) encrypt() error {
	t := tls.Server(c.raw, c.f.config)
	if err := t.Handshake(); err != nil {
		return err
	}
	c.wire, c.tls = t, true
	c.in = bufio.NewReader(t)
	return nil
}

// attach opens a fresh session of the protocol server.
func (c *smtpFront) attach() error {
	if c.back != nil {
		_ = c.back.Close()
	}
	here, there := net.Pipe()
	select {
	case c.f.back.conns <- &backConn{there, c}:
	case <-c.f.back.done:
		return errSMTPEnd
	}
	c.back, c.answer = here, bufio.NewReader(here)
	return nil
}

func (c *smtpFront) say(s string) error {
	_, err := io.WriteString(c.wire, s)
	return err
}

// play sends a scripted answer.
func (c *smtpFront) play(x *SMTPFault) error {
	if x.Hang {
		_, _ = io.Copy(io.Discard, c.in)
		return errSMTPEnd
	}
	if x.Reply != "" {
		if err := c.say(strings.TrimRight(x.Reply, "\r\n") + "\r\n"); err != nil {
			return err
		}
	}
	if x.Close || x.Reply == "" {
		return errSMTPEnd
	}
	return nil
}

// read takes one answer of the protocol server, all lines of it.
func (c *smtpFront) read() (string, error) {
	var b strings.Builder
	for {
		line, err := c.answer.ReadString('\n')
		if err != nil {
			return b.String(), err
		}
		b.WriteString(line)
		if len(line) < 4 || line[3] != '-' {
			return b.String(), nil
		}
	}
}

// forward hands a line over and takes the answer.
func (c *smtpFront) forward(line string) (string, error) {
	if _, err := io.WriteString(c.back, line+"\r\n"); err != nil {
		return "", err
	}
	return c.read()
}

func (c *smtpFront) relay(line string) error {
	r, err := c.forward(line)
	if err != nil {
		return err
	}
	return c.say(r)
}

func (c *smtpFront) command(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	shown := line
	if verb == "AUTH" {
		mechanism, _, _ := strings.Cut(rest, " ")
		shown = "AUTH " + mechanism
	}
	if x := c.f.strike(verb, shown); x != nil {
		if verb == "DATA" && strings.HasPrefix(x.Reply, "354") && !x.Close && !x.Hang {
			return c.data(x.Reply)
		}
		return c.play(x)
	}
	switch verb {
	case "EHLO":
		r, err := c.forward(line)
		if err != nil {
			return err
		}
		return c.say(c.extensions(r))
	case "STARTTLS":
		return c.starttls()
	case "AUTH":
		return c.auth(line)
	case "MAIL":
		body := strings.Contains(strings.ToUpper(rest), " BODY=8BITMIME")
		if body && c.f.options.No8BitMIME {
			return c.say("504 5.5.4 BODY=8BITMIME is not offered\r\n")
		}
		if !smtpASCII(line) && !strings.Contains(strings.ToUpper(rest), " SMTPUTF8") {
			return c.say("553 5.6.7 the address needs SMTPUTF8\r\n")
		}
		c.eight = body
		return c.relay(line)
	case "BDAT":
		return c.say("502 5.5.1 BDAT is not offered\r\n")
	case "DATA":
		return c.data("")
	case "QUIT":
		_ = c.relay(line)
		return errSMTPEnd
	default:
		return c.relay(line)
	}
}

// extensions shows what this fake really does.
func (c *smtpFront) extensions(reply string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(reply, "\r\n"), "\r\n")
	var keep []string
	for i, l := range lines {
		l = strings.TrimRight(l, "\r\n")
		name, _, _ := strings.Cut(l[min(4, len(l)):], " ")
		switch {
		case i > 0 && (name == "CHUNKING" || name == "STARTTLS"):
		case name == "8BITMIME" && c.f.options.No8BitMIME, name == "SIZE" && c.f.options.NoSIZE:
		default:
			keep = append(keep, l)
		}
	}
	if c.f.options.Security == SMTPSTARTTLS && !c.tls {
		keep = append(keep, "250-STARTTLS")
	}
	var b strings.Builder
	for i, l := range keep {
		sep := "-"
		if i == len(keep)-1 {
			sep = " "
		}
		b.WriteString(l[:3] + sep + l[4:] + "\r\n")
	}
	return b.String()
}

func (c *smtpFront) starttls() error {
	if c.f.options.Security != SMTPSTARTTLS || c.tls {
		return c.say("502 5.5.1 STARTTLS is not offered\r\n")
	}
	// RFC 3207 section 4.2: nothing said before TLS counts after it.
	if c.in.Buffered() > 0 {
		return c.say("501 5.5.1 commands after STARTTLS in one packet\r\n")
	}
	if err := c.say("220 2.0.0 go ahead\r\n"); err != nil {
		return err
	}
	if err := c.encrypt(); err != nil {
		return err
	}
	if err := c.attach(); err != nil {
		return err
	}
	_, err := c.read()
	return err
}

func (c *smtpFront) auth(line string) error {
	r, err := c.forward(line)
	for err == nil && strings.HasPrefix(r, "334") {
		if err = c.say(r); err != nil {
			return err
		}
		var in string
		if in, err = c.in.ReadString('\n'); err != nil {
			return err
		}
		r, err = c.forward(strings.TrimRight(in, "\r\n"))
	}
	if err != nil {
		return err
	}
	return c.say(r)
}

// data takes a mail up to its final dot before the protocol server sees it, so
// that half a mail is none.
func (c *smtpFront) data(reply string) error {
	r, err := c.forward("DATA")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(r, "354") {
		return c.say(r)
	}
	if reply != "" {
		r = strings.TrimRight(reply, "\r\n") + "\r\n"
	}
	if err := c.say(r); err != nil {
		return err
	}
	var mail bytes.Buffer
	complaint := ""
	for {
		line, err := c.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			complaint = "500 5.5.2 a line is longer than 998 octets\r\n"
			mail.Write(line)
			continue
		}
		if err != nil {
			return err
		}
		if string(line) == ".\r\n" {
			break
		}
		switch {
		case len(bytes.TrimPrefix(line, []byte("."))) > 1000: // CRLF included
			complaint = "500 5.5.2 a line is longer than 998 octets\r\n"
		case bytes.Count(line, []byte("\r")) != 1 || !bytes.HasSuffix(line, []byte("\r\n")):
			complaint = "521 5.5.2 bare CR or LF\r\n"
		case !c.eight && !smtpASCII(string(line)):
			complaint = "554 5.6.3 8-bit content without BODY=8BITMIME\r\n"
		}
		mail.Write(line)
	}
	c.dot = c.f.strike(".", ".")
	scripted := c.dot
	if scripted == nil && complaint != "" {
		c.dot = &SMTPFault{Reply: complaint}
		scripted = c.dot
	}
	mail.WriteString(".\r\n")
	if _, err := c.back.Write(mail.Bytes()); err != nil {
		return err
	}
	own, err := c.read()
	if err != nil {
		return err // the session may still be reading dot
	}
	c.dot = nil
	if scripted != nil {
		if scripted.Then != nil {
			scripted.Then()
		}
		return c.play(scripted)
	}
	return c.say(own)
}

// session starts a conversation of the protocol server.
func (f *SMTP) session(c *smtp.Conn) (smtp.Session, error) {
	front := c.Conn().(*backConn).front
	return &smtpSession{f: f, front: front}, nil
}

// smtpSession keeps the envelope and stores mails.
type smtpSession struct {
	f               *SMTP
	front           *smtpFront
	user, mechanism string
	from            string
	to              []string
}

func (s *smtpSession) Reset()        { s.from, s.to = "", nil }
func (s *smtpSession) Logout() error { return nil }

func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.user == "" && len(s.f.options.Users)+len(s.f.options.Tokens) > 0 {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from = from
	return nil
}

func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *smtpSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x := s.front.dot
	if x != nil && !x.Stored && !strings.HasPrefix(x.Reply, "2") {
		return nil
	}
	s.f.mu.Lock()
	s.f.messages = append(s.f.messages, SMTPMessage{
		From: s.from, To: slices.Clone(s.to), Data: data, TLS: s.front.tls,
		User: s.user, Mechanism: s.mechanism, Conn: s.front.number,
	})
	n := len(s.f.messages)
	s.f.mu.Unlock()
	return &smtp.SMTPError{Code: 250, EnhancedCode: smtp.EnhancedCode{2, 0, 0}, Message: "Ok: queued as FAKE" + strconv.Itoa(n)}
}

// backConn leads from the protocol server to the client's side.
type backConn struct {
	net.Conn
	front *smtpFront
}

// pipeListener accepts the connections that the client's side opens.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "fake", Net: "pipe"} }

func smtpASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// throwawayCA makes an authority and a certificate for localhost. It is valid
// for a century, so that a fake clock does not matter.
func throwawayCA() (*tls.Config, *x509.CertPool, error) {
	from, until := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "channeltest authority"},
		NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, nil, err
	}
	if ca, err = x509.ParseCertificate(caDER); err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return nil, nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der, caDER}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS12,
	}, pool, nil
}
