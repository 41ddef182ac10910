package email

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
)

const op = "email: send"

// greylistWait is how long a server that answers 450 or 451 wants to be left
// alone: greylisting commonly opens after five minutes (RFC 6647 section 2).
const greylistWait = 5 * time.Minute

// Send delivers one mail in one transaction. A connection of the same account
// that is still open is used again; if it turns out to be dead before the mail
// began, a new one is made.
func (c *Channel) Send(ctx context.Context, to channel.Destination, p channel.Payload) (channel.Receipt, error) {
	f := failure{ctx: ctx}
	if err := ctx.Err(); err != nil {
		return channel.Receipt{}, f.before("begin", err)
	}
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return channel.Receipt{}, &channel.Error{Op: op, Outcome: channel.NotSent, Err: errors.New("the channel is closed")}
	}
	s, err := read(to)
	if err = errors.Join(err, s.missing()); err != nil {
		return channel.Receipt{}, &channel.Error{Op: op, Outcome: channel.Rejected, Err: fmt.Errorf("destination %q: %w", to.Name, err)}
	}
	data, err := c.complete(p, s)
	if err != nil {
		return channel.Receipt{}, &channel.Error{Op: op, Outcome: channel.Rejected, Err: err}
	}
	if cn := c.take(s.key()); cn != nil {
		r, err := c.deliver(ctx, cn, s, data)
		var stale *staleError
		if !errors.As(err, &stale) {
			return r, err
		}
	}
	cn, err := c.open(ctx, to, s)
	if err != nil {
		return channel.Receipt{}, err
	}
	r, err := c.deliver(ctx, cn, s, data)
	var stale *staleError
	if errors.As(err, &stale) {
		err = stale.err
	}
	return r, err
}

// staleError is a connection that ended before the server took the first
// command of a mail.
type staleError struct{ err error }

func (e *staleError) Error() string { return e.err.Error() }

// deliver runs one transaction and keeps or drops the connection.
func (c *Channel) deliver(ctx context.Context, cn *conn, s settings, data []byte) (channel.Receipt, error) {
	f := failure{ctx: ctx, secrets: cn.secrets}
	stop := context.AfterFunc(ctx, cn.drop)
	ready := false // for the next mail
	defer func() {
		if stop() && ready {
			c.keep(cn)
			return
		}
		cn.drop()
	}()

	if cn.size > 0 && len(data) > cn.size {
		ready = true
		return channel.Receipt{}, f.rejected("the mail is %d bytes and the server takes %d at most; send fewer rows or attach less", len(data), cn.size)
	}
	receivers := s.receivers()
	unicode := !isASCII(s.from.Address)
	for _, r := range receivers {
		unicode = unicode || !isASCII(r)
	}
	if unicode && !cn.utf8 {
		ready = true
		return channel.Receipt{}, f.rejected("an address is not ASCII and the server does not take such addresses (SMTPUTF8)")
	}
	// SMTPUTF8 only where it is needed: a mail that asks for it bounces at the
	// first relay on its way that does not know it.
	cn.client.SkipSMTPUTF8(!unicode)

	cn.deadline(c.step())
	from := path(s.from.Address)
	if cn.hasSize {
		from += " SIZE=" + strconv.Itoa(len(data))
	}
	if err := cn.client.Mail(from); err != nil {
		e := f.before("MAIL FROM", err)
		if r := replyOf(err); ctx.Err() == nil && (r == nil && isNetwork(err) || r != nil && r.Code == 421) {
			return channel.Receipt{}, &staleError{e}
		}
		return channel.Receipt{}, e
	}
	refused, err := c.rcpt(cn, receivers, &f)
	if err != nil {
		return channel.Receipt{}, err
	}
	if err := refused.judge(s.dropRefused, len(receivers), &f); err != nil {
		cn.deadline(c.step())
		ready = cn.client.Reset() == nil
		return channel.Receipt{}, err
	}

	reply, err := c.data(cn, data, &f)
	if err != nil {
		return channel.Receipt{}, err
	}
	ready = true
	r := channel.Receipt{ID: queueID(reply), Note: clip(oneLine(f.mask(reply)), 200)}
	if len(refused) > 0 {
		r.Note = strings.TrimSpace("not sent to " + refused.String(f.mask) + "; " + r.Note)
	}
	return r, nil
}

// rcpt names all receivers and collects those that are refused. An error is the
// end of the connection.
func (c *Channel) rcpt(cn *conn, receivers []string, f *failure) (refusals, error) {
	var out refusals
	for _, a := range receivers {
		cn.deadline(c.step())
		err := cn.client.Rcpt(path(a))
		if err == nil {
			continue
		}
		r := replyOf(err)
		if r == nil || r.Code == 421 {
			return nil, f.before("RCPT TO", err)
		}
		out = append(out, refusal{a, r})
	}
	return out, nil
}

// data sends the mail. Until the final dot is written nothing can have arrived;
// from then on only an answer tells.
//
// The command and the mail are written here and not by the client's Data, whose
// writer looks at each byte of a mail and writes it in small pieces.
func (c *Channel) data(cn *conn, data []byte, f *failure) (string, error) {
	text := cn.client.Text
	cn.deadline(c.step())
	id, err := text.Cmd("DATA")
	if err == nil {
		text.StartResponse(id)
		_, _, err = text.ReadResponse(354)
		text.EndResponse(id)
	}
	if err != nil {
		return "", f.before("DATA", err)
	}
	// A slow line may take the step's time for every megabyte.
	cn.deadline(c.step() * time.Duration(1+len(data)>>20))
	if err := writeLines(text.W, data); err != nil {
		return "", f.before("send the mail", err)
	}
	cn.deadline(c.reply())
	// The server may have answered before it closed, so that only reading tells.
	_, _ = text.W.WriteString(".\r\n")
	_ = text.W.Flush()
	_, reply, err := text.ReadResponse(250)
	if err == nil {
		return reply, nil
	}
	switch r := replyOf(err); {
	case r == nil:
		return "", f.after(err)
	case r.Code/100 == 2:
		return strconv.Itoa(r.Code) + " " + r.Msg, nil
	case r.Code/100 == 4 || r.Code/100 == 5:
		return "", f.reply("after the mail", r)
	default:
		return "", f.after(err)
	}
}

// writeLines writes a mail up to its final dot, in as few pieces as there are: a
// dot at the beginning of a line is doubled (RFC 5321 section 4.5.2), and every
// line ends with CRLF.
func writeLines(w *bufio.Writer, data []byte) error {
	done := 0
	for i := 0; i < len(data); {
		if data[i] == '.' {
			_, _ = w.Write(data[done:i])
			_ = w.WriteByte('.')
			done = i
		}
		n := bytes.IndexByte(data[i:], '\n')
		if n < 0 {
			break
		}
		if i += n + 1; i < 2 || data[i-2] != '\r' {
			_, _ = w.Write(data[done : i-1])
			_, _ = w.WriteString("\r\n")
			done = i
		}
	}
	_, _ = w.Write(data[done:])
	switch {
	case bytes.HasSuffix(data, []byte("\n")):
	case bytes.HasSuffix(data, []byte("\r")):
		_ = w.WriteByte('\n')
	default:
		_, _ = w.WriteString("\r\n")
	}
	// The writer keeps its first error.
	return w.Flush()
}

// refusal is a receiver that the server does not take.
type refusal struct {
	address string
	reply   *textproto.Error
}

// permanent: RFC 5321 section 4.5.3.1.10 makes 552 temporary here, because old
// servers mean too many receivers by it.
func (r refusal) permanent() bool { return r.reply.Code/100 == 5 && r.reply.Code != 552 }

type refusals []refusal

// String lists address and code, for at most ten.
func (rs refusals) String(mask func(string) string) string {
	var b strings.Builder
	for i, r := range rs {
		if i == 10 {
			fmt.Fprintf(&b, " and %d more", len(rs)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		code, _ := split(r.reply)
		b.WriteString(r.address + " (" + code + ")")
	}
	return mask(b.String())
}

// judge decides whether a mail goes on after these refusals.
func (rs refusals) judge(drop bool, total int, f *failure) error {
	if len(rs) == 0 {
		return nil
	}
	// The code that is shown is the one that decides.
	first, permanent := rs[0], 0
	for _, r := range rs {
		if r.permanent() {
			if permanent == 0 {
				first = r
			}
			permanent++
		}
	}
	temporary := len(rs) - permanent
	if drop && temporary == 0 && permanent < total {
		return nil
	}
	if drop && temporary > 0 {
		for _, r := range rs {
			if !r.permanent() {
				first = r
				break
			}
		}
	}
	e := f.reply("", first.reply)
	e.Outcome, e.After = channel.Rejected, 0
	if permanent == 0 || drop && permanent < total {
		e.Outcome, e.After = channel.NotSent, wait(first.reply.Code)
	}
	_, text := split(first.reply)
	text = clip(oneLine(f.mask(text)), 200)
	hint := "nobody got the mail"
	if first.reply.Code == 452 && len(rs) < total {
		hint += "; the server may take fewer receivers at once: divide them among several destinations"
	}
	e.Err = fmt.Errorf("refused receivers: %s: %s; %s", rs.String(f.mask), text, hint)
	return e
}

// failure makes errors whose text holds no secret.
type failure struct {
	ctx     context.Context
	secrets []string
}

func (f *failure) rejected(format string, args ...any) *channel.Error {
	return &channel.Error{Op: op, Outcome: channel.Rejected, Err: fmt.Errorf(format, args...)}
}

// before is a failure before the final dot: an answer decides, and without one
// nothing has arrived.
func (f *failure) before(step string, err error) *channel.Error {
	if r := replyOf(err); r != nil && f.ctx.Err() == nil {
		return f.reply(step, r)
	}
	return &channel.Error{Op: op, Outcome: channel.NotSent, Err: f.cause(step, err)}
}

// after is a connection that was lost between the final dot and its answer.
func (f *failure) after(err error) *channel.Error {
	return &channel.Error{Op: op, Outcome: channel.Unknown, Err: f.cause("the connection ended before the server answered the complete mail", err)}
}

// cause keeps the context's end visible to errors.Is and nothing else, because
// what a library's error holds is not known here.
func (f *failure) cause(step string, err error) error {
	if cerr := f.ctx.Err(); cerr != nil {
		return fmt.Errorf("%s: %w", step, cerr)
	}
	return fmt.Errorf("%s: %s", step, clip(oneLine(f.mask(err.Error())), 300))
}

// reply is an answer that says no.
func (f *failure) reply(step string, r *textproto.Error) *channel.Error {
	e := &channel.Error{Op: op, Outcome: channel.NotSent, After: wait(r.Code)}
	if r.Code/100 == 5 {
		e.Outcome = channel.Rejected
	}
	var text string
	e.Code, text = split(r)
	e.Err = fmt.Errorf("%s: %s", step, clip(oneLine(f.mask(text)), 200))
	return e
}

func wait(code int) time.Duration {
	if code == 450 || code == 451 {
		return greylistWait
	}
	return 0
}

// mask removes the password and the token in the forms they travel in.
func (f *failure) mask(s string) string {
	for _, secret := range f.secrets {
		if secret == "" {
			continue
		}
		s = strings.ReplaceAll(s, base64.StdEncoding.EncodeToString([]byte(secret)), channel.Redacted)
		s = strings.ReplaceAll(s, secret, channel.Redacted)
	}
	return s
}

// split takes the enhanced status code (RFC 3463) from an answer's text to where
// people look for it, and joins the lines.
func split(r *textproto.Error) (code, text string) {
	code = strconv.Itoa(r.Code)
	var lines []string
	for i, l := range strings.Split(r.Msg, "\n") {
		first, rest, _ := strings.Cut(strings.TrimSpace(l), " ")
		if isEnhanced(first) {
			if i == 0 {
				code += " " + first
			}
			l = rest
		}
		lines = append(lines, strings.TrimSpace(l))
	}
	return code, strings.Join(lines, " ")
}

func isEnhanced(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(s) > 12 {
		return false
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 16); err != nil {
			return false
		}
	}
	return s[0] == '2' || s[0] == '4' || s[0] == '5'
}

func replyOf(err error) *textproto.Error {
	var r *textproto.Error
	if errors.As(err, &r) {
		return r
	}
	return nil
}

func isNetwork(err error) bool {
	var n net.Error
	var p textproto.ProtocolError
	return errors.As(err, &n) || errors.As(err, &p) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}

// queueID is what the server calls the mail, where it says so in one of the
// usual ways: "queued as ID" (Postfix and many more), "id=ID" (Exim).
func queueID(reply string) string {
	for _, mark := range []string{"queued as ", "id="} {
		if _, rest, ok := strings.Cut(reply, mark); ok {
			if id := strings.FieldsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' }); len(id) > 0 {
				return clip(strings.Trim(id[0], ".,;<>()"), 80)
			}
		}
	}
	return ""
}

// path is an address as commands want it: in angle brackets, its local part
// quoted where needed.
func path(address string) string { return (&mail.Address{Address: address}).String() }

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
