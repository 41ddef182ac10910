package email_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	mail "github.com/wneessen/go-mail"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/email"
)

// senders are the connections that mails go over at once.
const senders = 16

// inFlight shares b.N mails among the senders.
func inFlight(b *testing.B, send func(sender int) error) {
	b.ReportAllocs()
	var wg sync.WaitGroup
	jobs := make(chan struct{})
	errs := make(chan error, senders)
	for i := range senders {
		wg.Go(func() {
			for range jobs {
				if err := send(i); err != nil {
					select {
					case errs <- err:
					default:
					}
				}
			}
		})
	}
	for range b.N {
		jobs <- struct{}{}
	}
	close(jobs)
	wg.Wait()
	select {
	case err := <-errs:
		b.Fatal(err)
	default:
	}
}

// tenKB is a text whose mail is about 10 KB.
func tenKB() string { return strings.Repeat("0123456789 abcdefghij klmnopqrst\n", 150) }

func BenchmarkSend(b *testing.B) {
	f := channeltest.NewSMTP(&channeltest.SMTPOptions{Users: map[string]string{"bot@example.com": canary}})
	defer f.Close()
	c := email.New(&email.Options{Allow: channel.AllowLoopback(), TLSConfig: f.TLSConfig()})
	defer func() { _ = c.Close() }()
	to := email.To("mail", account(f))
	ps, err := c.Encode(&channel.Message{ID: "1", At: at, Title: "T", Email: []channel.Block{&channel.Code{Text: tenKB()}}}, to)
	if err != nil {
		b.Fatal(err)
	}
	ps[0].Key = "k"
	b.SetBytes(int64(len(ps[0].Body)))
	b.ResetTimer()
	inFlight(b, func(int) error {
		_, err := c.Send(context.Background(), to, ps[0])
		return err
	})
	b.ReportMetric(float64(f.Connections())/float64(b.N), "conns/op")
}

func BenchmarkSendByGoMail(b *testing.B) {
	f := channeltest.NewSMTP(&channeltest.SMTPOptions{Users: map[string]string{"bot@example.com": canary}})
	defer f.Close()
	config := f.TLSConfig()
	config.ServerName = f.Host()
	clients := make([]*mail.Client, senders)
	for i := range clients {
		c, err := mail.NewClient(f.Host(), mail.WithPort(f.Port()), mail.WithSSL(), mail.WithTLSConfig(config),
			mail.WithSMTPAuth(mail.SMTPAuthSCRAMSHA256), mail.WithUsername("bot@example.com"), mail.WithPassword(canary))
		if err != nil {
			b.Fatal(err)
		}
		if err := c.DialWithContext(context.Background()); err != nil {
			b.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		clients[i] = c
	}
	text := tenKB()
	b.SetBytes(int64(2 * len(text)))
	b.ResetTimer()
	inFlight(b, func(i int) error {
		m := mail.NewMsg()
		if err := m.From("bot@example.com"); err != nil {
			return err
		}
		if err := m.To("a@x.com"); err != nil {
			return err
		}
		m.Subject("T")
		m.SetBodyString(mail.TypeTextPlain, text)
		m.AddAlternativeString(mail.TypeTextHTML, fmt.Sprintf("<pre>%s</pre>", text))
		return clients[i].Send(m)
	})
}
