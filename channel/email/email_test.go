package email_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/email"
)

// canary stands for the password wherever no error may show it.
const canary = "canary-pa55word"

// at is the scheduled time of the tests' messages.
var at = time.Date(2024, 1, 3, 8, 0, 0, 0, time.FixedZone("CST", 8*3600))

// salesTable is the table of the quickstart.
func salesTable() *channel.Table {
	num := func(s, mark string, c channel.Color) channel.Cell {
		return channel.Cell{Text: s, Raw: s, Mark: mark, Type: channel.TypeNumber, Color: c}
	}
	text := func(s string) channel.Cell { return channel.Cell{Text: s, Raw: s} }
	return &channel.Table{
		Columns: []channel.Column{{Header: "department"}, {Header: "revenue", Prefix: "¥"}, {Header: "diff"}},
		Cells: []channel.Cell{
			text("Department 1"), num("11000", "", ""), num("-1000", "↓", channel.ColorRed),
			text("Department 2"), num("20000", "", ""), num("-1000", "↓", channel.ColorRed),
			text("Department 3"), num("10000", "", ""), num("5000", "↑", channel.ColorGreen),
		},
	}
}

func para(s string) channel.Block {
	return &channel.Paragraph{Inlines: channel.Literal(s)}
}

// sales is a message with a Markdown block, a table and an email body.
func sales() *channel.Message {
	return &channel.Message{
		ID: "run-1", At: at, Title: "Sales 2024-01-02",
		Sections: []channel.Section{
			{Markdown: "By **admin** for user.\n", Blocks: []channel.Block{para("By admin for user.")}},
			{Blocks: []channel.Block{salesTable()}},
		},
		Email: []channel.Block{para("The report of 2024-01-02 is attached.")},
	}
}

// account is an account at the fake.
func account(f *channeltest.SMTP) email.Account {
	return email.Account{
		Host: f.Host(), Port: f.Port(), TLS: email.ImplicitTLS,
		User: "bot@example.com", Password: channel.NewSecret(canary),
		From: "bot@example.com", Nickname: "Sales bot", To: []string{"a@x.com"},
	}
}

// start runs a fake with one user and a channel that may reach it.
func start(t *testing.T, o channeltest.SMTPOptions) (*channeltest.SMTP, *email.Channel) {
	t.Helper()
	if o.Users == nil && o.Tokens == nil {
		o.Users = map[string]string{"bot@example.com": canary}
	}
	f := channeltest.NewSMTP(&o)
	t.Cleanup(f.Close)
	return f, open(t, f, email.Options{})
}

func open(t *testing.T, f *channeltest.SMTP, o email.Options) *email.Channel {
	t.Helper()
	o.Allow, o.TLSConfig = channel.AllowLoopback(), f.TLSConfig()
	c := email.New(&o)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// encode makes the one payload of a message.
func encode(t *testing.T, c *email.Channel, m *channel.Message, to channel.Destination) channel.Payload {
	t.Helper()
	ps, err := c.Encode(m, to)
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	if len(ps) != 1 {
		t.Fatalf("Encode gave %d payloads, want 1", len(ps))
	}
	ps[0].Key, ps[0].Part, ps[0].Parts = "key-1", 1, 1
	return ps[0]
}

func send(t *testing.T, c *email.Channel, to channel.Destination) (channel.Receipt, error) {
	t.Helper()
	return c.Send(context.Background(), to, encode(t, c, sales(), to))
}

// failure checks that err is what Send must return and holds no secret.
func failure(t *testing.T, err error) *channel.Error {
	t.Helper()
	var e *channel.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %T (%v), want *channel.Error", err, err)
	}
	for err := error(e); err != nil; err = errors.Unwrap(err) {
		if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), base64.StdEncoding.EncodeToString([]byte(canary))) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	return e
}

// part is a leaf of a mail's tree, or a node with its children.
type part struct {
	Type        string
	Disposition string `json:",omitempty"`
	Name        string
	ID          string
	Body        string
	Parts       []part
}

// parse reads a mail with the standard library alone.
func parse(t testing.TB, raw []byte) (mail.Header, part) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("net/mail cannot read the mail: %v\n%s", err, raw)
	}
	return m.Header, parsePart(t, m.Header.Get, m.Body)
}

func parsePart(t testing.TB, get func(string) string, r io.Reader) part {
	t.Helper()
	mt, params, err := mime.ParseMediaType(get("Content-Type"))
	if err != nil {
		t.Fatalf("content type %q: %v", get("Content-Type"), err)
	}
	p := part{Type: mt, ID: get("Content-ID")}
	if d := get("Content-Disposition"); d != "" {
		disposition, dp, err := mime.ParseMediaType(d)
		if err != nil {
			t.Fatalf("disposition %q: %v", d, err)
		}
		p.Disposition, p.Name = disposition, dp["filename"]
	}
	if strings.HasPrefix(mt, "multipart/") {
		mr := multipart.NewReader(r, params["boundary"])
		for {
			sub, err := mr.NextRawPart()
			if err == io.EOF {
				return p
			}
			if err != nil {
				t.Fatalf("%s: %v", mt, err)
			}
			p.Parts = append(p.Parts, parsePart(t, sub.Header.Get, sub))
		}
	}
	switch enc := get("Content-Transfer-Encoding"); enc {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case "":
	default:
		t.Fatalf("transfer encoding %q", enc)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("decode %s: %v", mt, err)
	}
	p.Body = string(b)
	return p
}

// tree draws types and names only.
func (p part) tree() string {
	var b strings.Builder
	p.draw(&b, "")
	return b.String()
}

func (p part) draw(b *strings.Builder, indent string) {
	b.WriteString(indent + p.Type)
	if p.Name != "" {
		b.WriteString(" " + p.Disposition + " " + p.Name)
	}
	b.WriteString("\n")
	for _, c := range p.Parts {
		c.draw(b, indent+"  ")
	}
}

// find gives the first leaf of a type.
func (p part) find(mediaType string) part {
	if p.Type == mediaType {
		return p
	}
	for _, c := range p.Parts {
		if f := c.find(mediaType); f.Type != "" {
			return f
		}
	}
	return part{}
}

// wire checks what RFC 5322 asks of every mail: CRLF and nothing else, lines of
// up to 998 octets, ASCII.
func wire(t testing.TB, raw []byte) {
	t.Helper()
	for i, line := range strings.SplitAfter(string(raw), "\r\n") {
		if line == "" {
			continue
		}
		body, ok := strings.CutSuffix(line, "\r\n")
		if !ok || strings.ContainsAny(body, "\r\n") {
			t.Errorf("line %d has a bare CR or LF: %q", i+1, line)
		}
		if len(body) > 998 {
			t.Errorf("line %d is %d octets", i+1, len(body))
		}
		for j := range len(body) {
			if body[j] >= 0x80 || body[j] < ' ' && body[j] != '\t' {
				t.Errorf("line %d has the byte %#x: %q", i+1, body[j], body)
				break
			}
		}
	}
}
