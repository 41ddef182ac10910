package main

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"net/mail"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/internal/bench/ratio"
)

const (
	connections = 16
	perTurn     = 100 * connections

	host     = "127.0.0.1"
	sender   = "bot@example.com"
	receiver = "ann@example.org"
	key      = "0f3a5b7c9d"
)

func mails() []ratio.Row {
	s := newSink(connections)
	defer s.Close()

	at := time.Date(2024, 1, 2, 8, 0, 0, 0, time.UTC)
	ours := email.New(&email.Options{Allow: channel.AllowLoopback()})
	defer ours.Close()
	to := email.To("mail", email.Account{Host: host, Port: s.port(), TLS: email.NoTLS, Auth: email.NoAuth, From: sender, To: []string{receiver}})
	ps, err := ours.Encode(&channel.Message{ID: "1", At: at, Title: "Daily sales", Email: report()}, to)
	check(err)
	payload := ps[0]
	payload.Key = key
	send := flight(func(int) {
		_, err := ours.Send(ctx, to, payload)
		check(err)
	})
	mine := s.after(send)
	if n := len(mine.data); n < 9_500 || n > 10_500 {
		log.Fatalf("the mail has %d bytes, not 10 KB", n)
	}

	clients, messages := make([]*gomail.Client, connections), make([]*gomail.Msg, connections)
	dial(func(i int) {
		c, err := gomail.NewClient(host, gomail.WithPort(s.port()), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithoutNoop())
		check(err)
		check(c.DialWithContext(ctx))
		clients[i], messages[i] = c, rebuilt(mine)
	})
	client := flight(func(i int) { check(clients[i].Send(messages[i])) })
	compare(mine, s.after(client))

	bare := make([]*smtp.Client, connections)
	dial(func(i int) {
		c, err := net.Dial("tcp", s.Addr().String())
		check(err)
		bare[i], err = smtp.NewClient(c, host)
		check(err)
		check(bare[i].Hello("localhost"))
	})
	from := "<" + sender + "> SIZE=" + strconv.Itoa(len(mine.data))
	bound := flight(func(i int) {
		check(bare[i].Mail(from))
		check(bare[i].Rcpt("<" + receiver + ">"))
		w, err := bare[i].Data()
		check(err)
		_, err = w.Write(mine.data)
		check(err)
		check(w.Close())
	})
	if got := s.after(bound); !reflect.DeepEqual(got, mine) {
		log.Fatal("the lower bound sends another mail")
	}

	name := fmt.Sprintf("%d mails of %d bytes on %d connections", perTurn, len(mine.data), connections)
	rows := []ratio.Row{
		ratio.Compare(name+", beside go-mail's Client", 21, 1, send, client),
		ratio.Compare(name+", beside the bare bytes", 21, 1, send, bound),
	}
	rows[0].Most = 1
	rows[1].Most = 1
	if opened, _ := s.counts(); opened != 3*connections {
		log.Fatalf("the three sides made %d connections, not %d each", opened, connections)
	}
	return rows
}

// flight makes one operation of perTurn mails, as many at once as there are
// connections.
func flight(send func(i int)) func() {
	return func() {
		var wg sync.WaitGroup
		for i := range connections {
			wg.Go(func() {
				for range perTurn / connections {
					send(i)
				}
			})
		}
		wg.Wait()
	}
}

// dial opens connections together, as the sink greets them.
func dial(open func(i int)) {
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() { open(i) })
	}
	wg.Wait()
}

// report is a text whose mail has about 10 KB.
func report() []channel.Block {
	var out []channel.Block
	for i := range 30 {
		out = append(out, &channel.Paragraph{Inlines: []channel.Inline{channel.Text(fmt.Sprintf(
			"Department %d has sold goods for 11000.50 and has taken back goods for 120.25, which is more than on the day before.", i+1))}})
	}
	return out
}

// rebuilt is go-mail's own message with the headers and parts of a mail.
func rebuilt(r received) *gomail.Msg {
	header, parts := read(r.data)
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	check(m.From(r.from))
	check(m.To(r.to))
	for name, values := range header {
		switch name {
		case "From", "To", "Mime-Version", "Content-Type":
		case "Message-Id":
			m.SetMessageIDWithValue(strings.Trim(values[0], "<>"))
		default:
			m.SetGenHeader(gomail.Header(name), values...)
		}
	}
	for i, p := range parts {
		if i == 0 {
			m.SetBodyString(gomail.TypeTextPlain, string(p.data))
		} else {
			m.AddAlternativeString(gomail.TypeTextHTML, string(p.data))
		}
	}
	return m
}

// compare ends the command where two mails do not say the same.
func compare(a, b received) {
	if a.from != b.from || a.to != b.to {
		log.Fatalf("the envelopes are %s to %s and %s to %s", a.from, a.to, b.from, b.to)
	}
	header, parts := read(a.data)
	otherHeader, otherParts := read(b.data)
	for _, h := range []mail.Header{header, otherHeader} {
		// The boundary is each side's own.
		h["Content-Type"] = []string{"multipart/alternative"}
	}
	if !reflect.DeepEqual(header, otherHeader) {
		log.Fatalf("the headers differ:\n%v\n%v", header, otherHeader)
	}
	same := func(a, b part) bool { return a.mediaType == b.mediaType && bytes.Equal(a.data, b.data) }
	if len(parts) != 2 || !slices.EqualFunc(parts, otherParts, same) {
		log.Fatal("the parts differ")
	}
	// Beyond the content only encoding and boundaries are left to differ.
	if n, o := len(a.data), len(b.data); n > o+o/50 || o > n+n/50 {
		log.Fatalf("one mail has %d bytes, the other %d", n, o)
	}
}
