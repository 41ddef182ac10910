package channeltest_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel/channeltest"
)

// dialSMTP greets a fake with the standard library's client.
func dialSMTP(t *testing.T, f *channeltest.SMTP, implicit bool) *smtp.Client {
	t.Helper()
	var conn net.Conn
	var err error
	config := f.TLSConfig()
	config.ServerName = f.Host()
	if implicit {
		conn, err = tls.Dial("tcp", f.Addr(), config)
	} else {
		conn, err = net.Dial("tcp", f.Addr())
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.NewClient(conn, f.Host())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Hello("client.test"); err != nil {
		t.Fatal(err)
	}
	return c
}

func newSMTP(t *testing.T, o channeltest.SMTPOptions) *channeltest.SMTP {
	t.Helper()
	f := channeltest.NewSMTP(&o)
	t.Cleanup(f.Close)
	return f
}

func code(err error) int {
	var e *textproto.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// post runs one transaction.
func post(c *smtp.Client, data string) error {
	if err := c.Mail("a@x.com"); err != nil {
		return err
	}
	if err := c.Rcpt("b@y.com"); err != nil {
		return err
	}
	if err := c.Text.PrintfLine("DATA"); err != nil {
		return err
	}
	if _, _, err := c.Text.ReadResponse(354); err != nil {
		return err
	}
	if _, err := c.Text.W.WriteString(data); err != nil {
		return err
	}
	if err := c.Text.W.Flush(); err != nil {
		return err
	}
	_, _, err := c.Text.ReadResponse(250)
	return err
}

func TestSMTPTakesMail(t *testing.T) {
	users := map[string]string{"u": "secret"}
	cases := []struct {
		name      string
		options   channeltest.SMTPOptions
		auth      smtp.Auth
		mechanism string
	}{
		{"over implicit TLS after PLAIN", channeltest.SMTPOptions{Users: users}, smtp.PlainAuth("", "u", "secret", "127.0.0.1"), "PLAIN"},
		{"over implicit TLS after CRAM-MD5", channeltest.SMTPOptions{Users: users}, smtp.CRAMMD5Auth("u", "secret"), "CRAM-MD5"},
		{"over STARTTLS", channeltest.SMTPOptions{Users: users, Security: channeltest.SMTPSTARTTLS}, smtp.PlainAuth("", "u", "secret", "127.0.0.1"), "PLAIN"},
		{"in clear text without a login", channeltest.SMTPOptions{Security: channeltest.SMTPNoTLS}, nil, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			f := newSMTP(t, tc.options)
			c := dialSMTP(t, f, tc.options.Security == channeltest.SMTPImplicitTLS)
			if tc.options.Security == channeltest.SMTPSTARTTLS {
				config := f.TLSConfig()
				config.ServerName = "localhost"
				if err := c.StartTLS(config); err != nil {
					t.Fatal(err)
				}
			}
			if tc.auth != nil {
				if err := c.Auth(tc.auth); err != nil {
					t.Fatal(err)
				}
			}
			if err := post(c, "Subject: x\r\n\r\n..dot\r\n.\r\n"); err != nil {
				t.Fatal(err)
			}
			want := []channeltest.SMTPMessage{{
				From: "a@x.com", To: []string{"b@y.com"}, Data: []byte("Subject: x\r\n\r\n.dot\r\n"),
				TLS: tc.options.Security != channeltest.SMTPNoTLS, Mechanism: tc.mechanism, Conn: 1,
			}}
			if tc.auth != nil {
				want[0].User = "u"
			}
			if d := cmp.Diff(want, f.Messages()); d != "" {
				t.Errorf("mails (-want +got):\n%s", d)
			}
			if err := c.Quit(); err != nil {
				t.Error(err)
			}
			for _, l := range f.Commands() {
				if strings.Contains(l, "AHUAc2VjcmV0") {
					t.Errorf("the log of commands holds a password: %s", l)
				}
			}
		})
	}
}

func TestSMTPChecksLogins(t *testing.T) {
	users := map[string]string{"u": "secret"}
	for _, a := range []smtp.Auth{
		smtp.PlainAuth("", "u", "wrong", "127.0.0.1"), smtp.CRAMMD5Auth("u", "wrong"), smtp.CRAMMD5Auth("nobody", ""),
	} {
		f := newSMTP(t, channeltest.SMTPOptions{Users: users})
		if err := dialSMTP(t, f, true).Auth(a); code(err) != 535 {
			t.Errorf("a wrong login gives %v", err)
		}
	}
	t.Run("mail without a login is refused", func(t *testing.T) {
		f := newSMTP(t, channeltest.SMTPOptions{Users: users})
		if err := dialSMTP(t, f, true).Mail("a@x.com"); code(err) != 530 {
			t.Errorf("MAIL gives %v", err)
		}
	})
	t.Run("logins are offered under TLS only", func(t *testing.T) {
		f := newSMTP(t, channeltest.SMTPOptions{Users: users, Security: channeltest.SMTPSTARTTLS})
		if ok, _ := dialSMTP(t, f, false).Extension("AUTH"); ok {
			t.Error("AUTH is offered in clear text")
		}
	})
}

func TestSMTPIsStrict(t *testing.T) {
	cases := []struct {
		name    string
		options channeltest.SMTPOptions
		data    string
		code    int
	}{
		{"a bare LF", channeltest.SMTPOptions{}, "a\nb\r\n.\r\n", 521},
		{"a bare CR", channeltest.SMTPOptions{}, "a\rb\r\n.\r\n", 521},
		{"a line of 999 octets", channeltest.SMTPOptions{}, strings.Repeat("x", 999) + "\r\n.\r\n", 500},
		{"a line over its buffer", channeltest.SMTPOptions{}, strings.Repeat("x", 9999) + "\r\n.\r\n", 500},
		{"a line of 998 octets is fine", channeltest.SMTPOptions{}, strings.Repeat("x", 998) + "\r\n.\r\n", 0},
		{"8-bit content that was announced is fine", channeltest.SMTPOptions{}, "ü\r\n.\r\n", 0},
		{"8-bit content without the extension", channeltest.SMTPOptions{No8BitMIME: true}, "ü\r\n.\r\n", 554},
		{"a mail over the size", channeltest.SMTPOptions{MaxBytes: 10}, "0123456789012345\r\n.\r\n", 552},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			f := newSMTP(t, tc.options)
			c := dialSMTP(t, f, true)
			if err := post(c, tc.data); code(err) != tc.code || tc.code == 0 && err != nil {
				t.Errorf("the answer is %v, want %d", err, tc.code)
			}
			if got := len(f.Messages()); (got == 1) != (tc.code == 0) {
				t.Errorf("%d mails are stored", got)
			}
			if err := c.Reset(); err != nil {
				t.Errorf("the connection is lost: %v", err)
			}
		})
	}
	t.Run("the extensions are those of the options", func(t *testing.T) {
		f := newSMTP(t, channeltest.SMTPOptions{No8BitMIME: true, NoSMTPUTF8: true, NoSIZE: true})
		c := dialSMTP(t, f, true)
		for _, e := range []string{"8BITMIME", "SMTPUTF8", "SIZE", "CHUNKING", "STARTTLS"} {
			if ok, _ := c.Extension(e); ok {
				t.Errorf("%s is offered", e)
			}
		}
		f = newSMTP(t, channeltest.SMTPOptions{MaxBytes: 1000, Security: channeltest.SMTPSTARTTLS})
		c = dialSMTP(t, f, false)
		_, size := c.Extension("SIZE")
		starttls, _ := c.Extension("STARTTLS")
		if size != "1000" || !starttls {
			t.Errorf("SIZE %q, STARTTLS %t", size, starttls)
		}
	})
	t.Run("the fourth receiver of three is refused", func(t *testing.T) {
		f := newSMTP(t, channeltest.SMTPOptions{MaxReceivers: 3})
		c := dialSMTP(t, f, true)
		if err := c.Mail("a@x.com"); err != nil {
			t.Fatal(err)
		}
		var got []int
		for i := range 4 {
			got = append(got, code(c.Rcpt(fmt.Sprintf("%d@y.com", i))))
		}
		if d := cmp.Diff([]int{0, 0, 0, 452}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

func TestSMTPKeepsNoHalfMail(t *testing.T) {
	f := newSMTP(t, channeltest.SMTPOptions{})
	c := dialSMTP(t, f, true)
	for _, cmd := range []string{"MAIL FROM:<a@x.com>", "RCPT TO:<b@y.com>", "DATA"} {
		if err := c.Text.PrintfLine("%s", cmd); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Text.ReadResponse(0); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(c.Text.PrintfLine("Subject: half"), c.Close()); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if n := len(f.Messages()); n != 0 {
		t.Errorf("%d mails are stored", n)
	}
}

func TestSMTPPlaysFaults(t *testing.T) {
	t.Run("the n-th occurrence only", func(t *testing.T) {
		f := newSMTP(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{{Verb: "RCPT", N: 2, Reply: "451 4.7.1 later"}}})
		c := dialSMTP(t, f, true)
		if err := c.Mail("a@x.com"); err != nil {
			t.Fatal(err)
		}
		got := []int{code(c.Rcpt("1@y.com")), code(c.Rcpt("2@y.com")), code(c.Rcpt("3@y.com"))}
		if d := cmp.Diff([]int{0, 451, 0}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
	t.Run("an answer to the dot, with the mail kept and without", func(t *testing.T) {
		for _, stored := range []bool{false, true} {
			f := newSMTP(t, channeltest.SMTPOptions{})
			f.Inject(channeltest.SMTPFault{Verb: ".", Reply: "451 4.3.0 queue", Stored: stored})
			c := dialSMTP(t, f, true)
			if err := post(c, "x\r\n.\r\n"); code(err) != 451 {
				t.Errorf("the answer is %v", err)
			}
			if got := len(f.Messages()) == 1; got != stored {
				t.Errorf("stored is %t, want %t", got, stored)
			}
			f.ClearFaults()
			if err := post(c, "x\r\n.\r\n"); err != nil {
				t.Errorf("the next mail: %v", err)
			}
		}
	})
	t.Run("a close at each step", func(t *testing.T) {
		for _, verb := range []string{"MAIL", "RCPT", "DATA", "."} {
			f := newSMTP(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{{Verb: verb, Close: true}}})
			if err := post(dialSMTP(t, f, true), "x\r\n.\r\n"); err == nil || code(err) != 0 {
				t.Errorf("%s: %v", verb, err)
			}
		}
	})
	t.Run("a hang lasts until the client leaves or the server is closed", func(t *testing.T) {
		struck := make(chan struct{})
		f := newSMTP(t, channeltest.SMTPOptions{Faults: []channeltest.SMTPFault{{Verb: "NOOP", Hang: true, Then: func() { close(struck) }}}})
		c := dialSMTP(t, f, true)
		done := make(chan error, 1)
		go func() { done <- c.Noop() }()
		<-struck
		f.Close()
		if err := <-done; err == nil {
			t.Error("NOOP was answered")
		}
		if got := f.Commands(); !slices.Contains(got, "NOOP") {
			t.Errorf("commands %q", got)
		}
	})
}

func ExampleNewSMTP() {
	f := channeltest.NewSMTP(&channeltest.SMTPOptions{Users: map[string]string{"bot@example.com": "secret"}})
	defer f.Close()

	conn, err := tls.Dial("tcp", f.Addr(), f.TLSConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := smtp.NewClient(conn, f.Host())
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := errors.Join(c.Auth(smtp.PlainAuth("", "bot@example.com", "secret", f.Host())),
		c.Mail("bot@example.com"), c.Rcpt("reader@example.com")); err != nil {
		fmt.Println(err)
		return
	}
	w, err := c.Data()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = bytes.NewBufferString("Subject: hello\r\n\r\nworld\r\n").WriteTo(w)
	if err := errors.Join(err, w.Close(), c.Quit()); err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range f.Messages() {
		fmt.Printf("%s to %s: %q\n", m.From, m.To, m.Data)
	}
	// Output:
	// bot@example.com to [reader@example.com]: "Subject: hello\r\n\r\nworld\r\n"
}
