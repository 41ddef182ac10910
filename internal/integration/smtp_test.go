package integration_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/internal/integration/server"
)

var (
	mailServer *server.Mail
	postfix    = register("Postfix", func() (*server.Server, error) {
		m, err := server.Postfix()
		if err != nil {
			return nil, err
		}
		mailServer = m
		return m.Server, nil
	})
)

func mailAccount() email.Account {
	return email.Account{
		Host: "127.0.0.1", Port: mailServer.Implicit, TLS: email.ImplicitTLS, User: server.MailUser,
		Password: channel.NewSecret(server.Password), From: "sales@x.test", Nickname: "销售", To: []string{"a@x.test"},
	}
}

func mailMessage(title string) *channel.Message {
	cell := func(s string) channel.Cell { return channel.Cell{Text: s, Raw: s} }
	return &channel.Message{
		ID: "run", At: time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC), Title: title,
		Email: []channel.Block{&channel.Paragraph{Inlines: []channel.Inline{channel.Text("见附件 . see the files")}}, &channel.Code{Text: ".\n..\n."}},
		Sections: []channel.Section{{Markdown: "# 标题\n"}, {Blocks: []channel.Block{&channel.Table{
			Columns: []channel.Column{{Header: "名称"}, {Header: "x"}}, Cells: []channel.Cell{cell("甲"), cell("1")},
		}}}},
	}
}

func TestMailOnPostfix(t *testing.T) {
	postfix.need(t)
	c := email.New(&email.Options{Allow: channel.AllowLoopback(), TLSConfig: &tls.Config{RootCAs: mailServer.Roots}})
	defer func() { _ = c.Close() }()
	send := func(t *testing.T, a email.Account, m *channel.Message) (channel.Receipt, error) {
		t.Helper()
		to := email.To("mail", a)
		ps, err := c.Encode(m, to)
		if err != nil {
			t.Fatal(err)
		}
		ps[0].Key = "key"
		return c.Send(context.Background(), to, ps[0])
	}

	ways := []struct {
		name   string
		change func(*email.Account)
	}{
		{"implicit TLS", func(*email.Account) {}},
		{"STARTTLS", func(a *email.Account) { a.TLS, a.Port = email.STARTTLS, mailServer.STARTTLS }},
		{"PLAIN", func(a *email.Account) { a.Auth = email.Plain }},
		{"LOGIN", func(a *email.Account) { a.Auth = email.Login }},
		{"CRAM-MD5", func(a *email.Account) { a.Auth = email.CRAMMD5 }},
		{"SCRAM-SHA-256", func(a *email.Account) { a.Auth = email.SCRAMSHA256 }},
	}
	for _, w := range ways {
		t.Run(w.name+" is taken", func(t *testing.T) {
			a := mailAccount()
			w.change(&a)
			r, err := send(t, a, mailMessage("销售日报 "+w.name))
			if err != nil {
				t.Fatal(err)
			}
			if r.Delivered || r.ID == "" || !strings.Contains(r.Note, "queued as "+r.ID) {
				t.Errorf("receipt %+v", r)
			}
		})
	}
	t.Run("the mails are stored as they were made", func(t *testing.T) {
		stored, err := mailServer.Stored(len(ways))
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, w := range ways {
			want = append(want, "销售日报 "+w.name)
		}
		for _, raw := range stored {
			m, err := mail.ReadMessage(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, subject)
			if id := m.Header.Get("Message-Id"); id != "<key@x.test>" {
				t.Errorf("Message-ID %q", id)
			}
			if d := cmp.Diff([]string{subject + "-1.md", subject + "-1.csv"}, attachments(t, m)); d != "" {
				t.Errorf("attachments (-want +got):\n%s", d)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("subjects (-want +got):\n%s", d)
		}
	})

	refusals := []struct {
		name    string
		change  func(*email.Account)
		message *channel.Message
		outcome channel.Outcome
		code    string
	}{
		{"a wrong password", func(a *email.Account) { a.Password = channel.NewSecret("wrong") }, nil, channel.Rejected, "535 5.7.8"},
		{"a receiver that does not exist", func(a *email.Account) { a.To = []string{"a@x.test, no@x.test"} }, nil, channel.Rejected, "550 5.1.1"},
		{"a greylisted receiver", func(a *email.Account) { a.To = []string{"later@x.test"} }, nil, channel.NotSent, "451 4.7.1"},
		{"a mail over the announced size", func(*email.Account) {}, &channel.Message{Title: "big", Sections: []channel.Section{{Markdown: strings.Repeat("x", server.MailSize)}}}, channel.Rejected, ""},
	}
	for _, r := range refusals {
		t.Run(r.name+" is refused", func(t *testing.T) {
			a := mailAccount()
			r.change(&a)
			m := r.message
			if m == nil {
				m = mailMessage("refused")
			}
			_, err := send(t, a, m)
			var e *channel.Error
			if !errors.As(err, &e) || e.Outcome != r.outcome || e.Code != r.code || strings.Contains(err.Error(), server.Password) {
				t.Errorf("Send: %v", err)
			}
		})
	}
	t.Run("a receiver that does not exist is dropped on request", func(t *testing.T) {
		a := mailAccount()
		a.To, a.DropRefused = []string{"a@x.test", "no@x.test"}, true
		r, err := send(t, a, mailMessage("dropped"))
		if err != nil || !strings.Contains(r.Note, "no@x.test (550 5.1.1)") {
			t.Errorf("Send: %+v, %v", r, err)
		}
	})
}

// attachments are the names of a mail's attachments.
func attachments(t *testing.T, m *mail.Message) []string {
	t.Helper()
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := p.FileName(); n != "" {
			out = append(out, n)
		}
	}
}
