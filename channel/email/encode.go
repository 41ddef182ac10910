package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
)

// PayloadType is the Type of every payload of this package: its body is a whole
// mail but for the Message-ID.
const PayloadType = "message/rfc822"

const (
	// subjectLimit keeps a subject without a space far below the 998 octets of a
	// line (RFC 5322 section 2.1.1).
	subjectLimit = 200
	// lineLimit is where header lines are folded.
	lineLimit = 76
)

// Encode writes the whole mail as one payload. A title alone is a mail where the
// body or a section came out empty, and no visible content where there is none. A
// destination without receivers gives a mail without To, for previews; one with an
// address that is none is an error.
func (c *Channel) Encode(msg *channel.Message, to channel.Destination) ([]channel.Payload, error) {
	s, err := read(to)
	if err != nil {
		return nil, fmt.Errorf("email: encode: destination %q: %w", to.Name, err)
	}
	b := &body{s: s}
	title := oneLine(msg.Title)
	b.files = &files{base: fileBase(title), title: title, at: msg.At, b: b}
	b.files.sections(msg.Sections)
	blocks := msg.Email
	if len(blocks) == 0 {
		if len(b.files.all) == 0 && (title == "" || len(msg.Sections) == 0 && msg.Email == nil) {
			return nil, fmt.Errorf("email: encode: %w", channel.ErrNoContent)
		}
		blocks = stub(title, b.files.all)
	}
	if len(to.Mentions) > 0 {
		b.mention()
	}
	html, text := b.render(subject(title), blocks)
	if b.files.err != nil {
		return nil, fmt.Errorf("email: encode: write a spreadsheet: %w", b.files.err)
	}

	w := &mimeWriter{seed: seed(msg)}
	// Send looks for Date at the very beginning.
	if !msg.At.IsZero() {
		w.header("Date", msg.At.Format(dateLayout))
	}
	if s.from != nil {
		w.header("From", s.from.String())
	}
	w.addresses("To", s.to)
	w.addresses("Cc", s.cc)
	w.addresses("Reply-To", s.replyTo)
	if len(s.to)+len(s.cc) == 0 && len(s.bcc) > 0 {
		w.header("To", "undisclosed-recipients:;")
	}
	w.header("Subject", word(subject(title)))
	w.header("MIME-Version", "1.0")
	// RFC 3834: no vacation notice shall answer a report.
	w.header("Auto-Submitted", "auto-generated")
	w.header("X-Auto-Response-Suppress", "All")
	if s.unsubscribe != "" {
		w.header("List-Unsubscribe", "<"+s.unsubscribe+">")
	}
	w.tree(b, html, text)

	p := channel.Payload{Type: PayloadType, Body: w.buf, Warnings: b.notes}
	p.Size = len(p.Body) + messageIDRoom(s)
	return []channel.Payload{p}, nil
}

const dateLayout = "Mon, 02 Jan 2006 15:04:05 -0700"

// stub is the text of a mail whose message has no email body, or an empty one.
func stub(title string, fs []file) []channel.Block {
	l := &channel.List{}
	for _, f := range fs {
		l.Items = append(l.Items, channel.Item{Blocks: []channel.Block{
			&channel.Paragraph{Inlines: channel.Literal(f.name)},
		}})
	}
	var head []channel.Inline
	if title != "" {
		head = append(head, &channel.Strong{Inlines: channel.Literal(title)})
	}
	if len(fs) == 0 {
		return []channel.Block{&channel.Paragraph{Inlines: head}}
	}
	if len(head) > 0 {
		head = append(head, &channel.Break{})
	}
	return []channel.Block{&channel.Paragraph{Inlines: append(head, channel.Text("The report is attached:"))}, l}
}

// subject shortens a title; an empty one would look like spam.
func subject(title string) string {
	if title == "" {
		return "data-push"
	}
	return clip(title, subjectLimit)
}

// seed makes boundaries of one message differ from those of a mail that quotes
// it.
func seed(msg *channel.Message) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %q", msg.ID, msg.At.Unix(), msg.Title)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// mimeWriter appends headers and parts. Its boundaries hold "=_", which neither
// quoted-printable nor base64 can contain, so no content can imitate one.
type mimeWriter struct {
	buf  []byte
	seed string
}

func (w *mimeWriter) str(s string) { w.buf = append(w.buf, s...) }

// header writes one field, folded at spaces.
func (w *mimeWriter) header(name, value string) {
	w.str(name + ":")
	n := len(name) + 1
	for f := range strings.FieldsSeq(value) {
		if n+1+len(f) > lineLimit && n > len(name)+1 {
			w.str("\r\n")
			n = 0
		}
		w.str(" " + f)
		n += 1 + len(f)
	}
	w.str("\r\n")
}

func (w *mimeWriter) addresses(name string, as []*mail.Address) {
	if len(as) == 0 {
		return
	}
	list := make([]string, len(as))
	for i, a := range as {
		list[i] = a.String()
	}
	w.header(name, strings.Join(list, ", "))
}

// word encodes a text for a header (RFC 2047), in whichever form is shorter to
// read: quoted-printable for mostly ASCII, base64 for the rest.
func word(s string) string {
	wide := 0
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			wide++
		}
	}
	switch {
	case wide == 0 && !strings.Contains(s, "=?"):
		return s
	case wide > 0 && wide*3 <= len(s):
		return mime.QEncoding.Encode("utf-8", s)
	}
	const most = 45 // octets that fit a word of 75 characters in base64
	var out strings.Builder
	for s != "" {
		n := min(len(s), most)
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		if out.Len() > 0 {
			out.WriteByte(' ')
		}
		out.WriteString("=?utf-8?b?" + base64.StdEncoding.EncodeToString([]byte(s[:n])) + "?=")
		s = s[n:]
	}
	return out.String()
}

func (w *mimeWriter) boundary(kind string) string { return "=_" + kind + "-" + w.seed }

func (w *mimeWriter) multipart(kind, boundary string) {
	w.str("Content-Type: multipart/" + kind + ";\r\n boundary=\"" + boundary + "\"\r\n\r\n")
}

func (w *mimeWriter) open(boundary string)  { w.str("--" + boundary + "\r\n") }
func (w *mimeWriter) close(boundary string) { w.str("--" + boundary + "--\r\n") }

// tree writes multipart/mixed (attachments) around multipart/related (pictures)
// around multipart/alternative (text, then HTML), leaving out the levels that
// would hold one part only.
func (w *mimeWriter) tree(b *body, html, text []byte) {
	mixed, related, alt := w.boundary("mixed"), w.boundary("related"), w.boundary("alternative")
	// Room for all of it at once, with a guess for what quoted-printable adds
	// and for the headers of the parts.
	size := 1024 + (len(html)+len(text))*5/4
	for _, f := range b.files.all {
		size += 512 + base64Len(len(f.data))
	}
	for _, p := range b.pictures {
		size += 512 + base64Len(len(p.data))
	}
	w.buf = slices.Grow(w.buf, size)
	var pictures []*picture
	for _, p := range b.pictures {
		if !p.bad {
			pictures = append(pictures, p)
		}
	}
	if len(b.files.all) > 0 {
		w.multipart("mixed", mixed)
		w.open(mixed)
	}
	if len(pictures) > 0 {
		w.multipart(`related; type="multipart/alternative"`, related)
		w.open(related)
	}
	w.multipart("alternative", alt)
	w.open(alt)
	w.text("text/plain", text)
	w.open(alt)
	w.text("text/html", html)
	w.close(alt)
	if len(pictures) > 0 {
		for _, p := range pictures {
			w.open(related)
			w.str("Content-Type: " + p.mediaType + "\r\nContent-ID: <" + p.id + ">\r\nContent-Disposition: inline\r\n")
			w.base64(p.data)
		}
		w.close(related)
	}
	if len(b.files.all) > 0 {
		for _, f := range b.files.all {
			w.open(mixed)
			w.str("Content-Type: " + f.mediaType + "\r\n")
			w.disposition(f.name)
			w.base64(f.data)
		}
		w.close(mixed)
	}
}

// disposition names an attachment by RFC 2231, in numbered pieces where one
// line would get too long.
func (w *mimeWriter) disposition(name string) {
	w.str("Content-Disposition: attachment;\r\n")
	plain := true
	for i := 0; i < len(name); i++ {
		plain = plain && name[i] >= ' ' && name[i] < 0x7f && name[i] != '"' && name[i] != '\\'
	}
	if plain {
		w.str(` filename="` + name + "\"\r\n")
		return
	}
	var pieces []string
	piece := "utf-8''"
	for i := 0; i < len(name); i++ {
		c := name[i]
		enc := string(c)
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			enc = fmt.Sprintf("%%%02X", c)
		}
		if len(piece)+len(enc) > lineLimit-16 {
			pieces = append(pieces, piece)
			piece = ""
		}
		piece += enc
	}
	if pieces = append(pieces, piece); len(pieces) == 1 {
		w.str(" filename*=" + piece + "\r\n")
		return
	}
	for i, p := range pieces {
		end := ";\r\n"
		if i == len(pieces)-1 {
			end = "\r\n"
		}
		w.str(fmt.Sprintf(" filename*%d*=%s%s", i, p, end))
	}
}

// text writes a text part in quoted-printable, which a person can read in the
// raw mail, unless base64 is much shorter.
func (w *mimeWriter) text(mediaType string, data []byte) {
	w.str("Content-Type: " + mediaType + "; charset=utf-8\r\n")
	wide := 0
	for _, c := range data {
		if c >= 0x80 {
			wide++
		}
	}
	if wide*4 > len(data) {
		w.base64(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")))
		return
	}
	w.str("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
	var out bytes.Buffer
	out.Grow(len(data) + len(data)/8)
	q := quotedprintable.NewWriter(&out)
	// A bytes.Buffer takes everything.
	_, _ = q.Write(data)
	_ = q.Close()
	w.buf = append(w.buf, out.Bytes()...)
	w.str("\r\n")
}

// base64 ends a part's headers and writes its bytes in lines of 76 characters
// (RFC 2045 section 6.8).
func (w *mimeWriter) base64(data []byte) {
	w.str("Content-Transfer-Encoding: base64\r\n\r\n")
	w.buf = slices.Grow(w.buf, base64Len(len(data)))
	for len(data) > 0 {
		n := min(base64Line, len(data))
		w.buf = base64.StdEncoding.AppendEncode(w.buf, data[:n])
		w.str("\r\n")
		data = data[n:]
	}
}

// base64Line are the bytes of one line.
const base64Line = 57

// base64Len is how long n bytes get with their line ends.
func base64Len(n int) int {
	return base64.StdEncoding.EncodedLen(n) + 2*((n+base64Line-1)/base64Line)
}

// complete puts in front of a stored mail what carries the payload's key.
func (c *Channel) complete(p channel.Payload, s settings) ([]byte, error) {
	if p.Type != PayloadType || len(p.Body) == 0 {
		return nil, errors.New("the payload is not a mail of this package")
	}
	head := "Message-ID: <" + messageID(p) + "@" + domain(s) + ">\r\n"
	if !bytes.HasPrefix(p.Body, []byte("Date: ")) {
		head = "Date: " + c.options.Now().Format(dateLayout) + "\r\n" + head
	}
	out := make([]byte, 0, len(head)+len(p.Body))
	return append(append(out, head...), p.Body...), nil
}

// messageID is the payload's key where it can stand in a Message-ID, else a hash
// of it; without a key it is a hash of the mail.
func messageID(p channel.Payload) string {
	ok := p.Key != "" && len(p.Key) <= 64
	for i := 0; i < len(p.Key); i++ {
		c := p.Key[i]
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_')
	}
	if ok {
		return p.Key
	}
	sum := sha256.Sum256(p.Body)
	if p.Key != "" {
		sum = sha256.Sum256([]byte(p.Key))
	}
	return hex.EncodeToString(sum[:])
}

// domain is the sender's, which receivers expect in a Message-ID.
func domain(s settings) string {
	if s.from != nil {
		d := s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]
		if d != "" && !strings.ContainsFunc(d, notHost) {
			return d
		}
	}
	return "datapush.invalid"
}

// messageIDRoom is what complete adds at most: a Message-ID with the longest
// key, and a Date.
func messageIDRoom(s settings) int {
	return len("Message-ID: <@>\r\nDate: \r\n") + len(dateLayout) + 64 + len(domain(s))
}
