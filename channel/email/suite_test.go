package email_test

import (
	"context"
	"net"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/email"
)

func TestChannelKeepsTheContract(t *testing.T) {
	channeltest.Test(t, func(t *testing.T) channeltest.Harness {
		f, c := start(t, channeltest.SMTPOptions{})
		refused, unreachable := account(f), account(f)
		refused.Password = channel.NewSecret("another password")
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		unreachable.Port = l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		return channeltest.Harness{
			Channel: c, To: email.To("mail", account(f)),
			Received:    func() int { return len(f.Messages()) },
			Refused:     email.To("refused", refused),
			Unreachable: email.To("unreachable", unreachable),
			// Mail calls nobody, so the list stays empty.
			Called: func() []string { return nil },
			Hang: func() func(context.Context) error {
				arrived := make(chan struct{})
				f.Inject(channeltest.SMTPFault{Verb: "DATA", N: 1, Hang: true, Then: func() { close(arrived) }})
				return func(ctx context.Context) error {
					select {
					case <-arrived:
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			},
		}
	})
}
