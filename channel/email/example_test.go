package email_test

import (
	"context"
	"fmt"
	"net/mail"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/email"
)

func ExampleTo() {
	to := email.To("management", email.Account{
		Host: "smtp.example.com", User: "reports@example.com", Password: channel.NewSecret("secret"),
		Nickname: "Sales reports", To: []string{"a@example.com, b@example.com"},
	})
	fmt.Println(email.New(nil).Check(to))
	fmt.Println(to.Options[email.OptionTo], to.Secrets[email.SecretPassword])
	// Output:
	// <nil>
	// a@example.com, b@example.com [redacted]
}

func ExampleChannel_Check() {
	to := email.To("management", email.Account{Host: "smtp.example.com:465", To: []string{"a@example.com", "b at example.com"}})
	fmt.Println(email.New(nil).Check(to))
	// Output:
	// email: destination "management": option "host": "smtp.example.com:465" is not a host; write a name or an address without scheme and port
	// option "to": entry 2, "b at example.com", is not a mail address
	// option "from": missing; name the sender's address
}

func ExampleChannel_Send() {
	server := channeltest.NewSMTP(&channeltest.SMTPOptions{Users: map[string]string{"reports@example.com": "secret"}})
	defer server.Close()

	// A host with a public mail server needs neither option.
	ch := email.New(&email.Options{Allow: channel.AllowLoopback(), TLSConfig: server.TLSConfig()})
	defer func() { _ = ch.Close() }()

	to := email.To("management", email.Account{
		Host: server.Host(), Port: server.Port(), TLS: email.ImplicitTLS,
		User: "reports@example.com", Password: channel.NewSecret("secret"), To: []string{"a@example.com"},
	})
	payloads, err := ch.Encode(&channel.Message{
		Title: "Sales",
		Email: []channel.Block{&channel.Paragraph{Inlines: []channel.Inline{channel.Text("All went well.")}}},
	}, to)
	if err != nil {
		fmt.Println(err)
		return
	}
	payloads[0].Key = "4711" // the engine sets it
	receipt, err := ch.Send(context.Background(), to, payloads[0])
	fmt.Println(receipt.Delivered, receipt.ID, err)

	m, err := mail.ReadMessage(strings.NewReader(string(server.Messages()[0].Data)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Header.Get("Subject"), m.Header.Get("Message-ID"))
	// Output:
	// false FAKE1 <nil>
	// Sales <4711@example.com>
}
