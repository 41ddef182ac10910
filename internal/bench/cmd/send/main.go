// Command send measures the sending of a prepared payload over loopback: beside
// the bare POST of the same bytes with 1, 16 and 64 in flight, and beside the
// Lark senders of shoutrrr and notify, as they come, with 16 in flight. It
// counts new connections too, and exits 1 when a stated bound is missed.
//
// shoutrrr writes https addresses of the vendor only. Its connections are led to
// the same sink as everybody's, without the cost of TLS; all else of the default
// transport that it uses is left as it is.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/internal/bench/ratio"
	"github.com/nicholas-fedor/shoutrrr"
	notify "github.com/nikoksr/notify/service/lark"
)

var ctx = context.Background()

func main() { os.Exit(run()) }

// flight makes one operation of n sends with k in flight.
func flight(n, k int, send func()) func() {
	return func() {
		var wg sync.WaitGroup
		for range k {
			wg.Go(func() {
				for range n / k {
					send()
				}
			})
		}
		wg.Wait()
	}
}

func run() int {
	s := newSink()
	defer s.Close()
	hook := "http://" + s.Addr().String() + "/open-apis/bot/v2/hook/token"

	text := strings.Repeat("Department 1 has sold goods for 11000. ", 50) // 1,950 bytes
	to := channel.Webhook("ops", channel.Lark, hook)
	ours := lark.New(&lark.Options{Allow: channel.AllowLoopback()})
	ps, err := ours.Encode(&channel.Message{Title: "Daily sales", Sections: []channel.Section{
		{Blocks: []channel.Block{&channel.Paragraph{Inlines: []channel.Inline{channel.Text(text)}}}},
	}}, to)
	check(err)
	payload := ps[0]
	send := func() {
		_, err := ours.Send(ctx, to, payload)
		check(err)
	}
	// With the settings of our own transport, so that what is left is our code.
	client := &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DisableCompression:  true,
		IdleConnTimeout:     90 * time.Second,
		MaxIdleConnsPerHost: 64,
		WriteBufferSize:     32 << 10,
	}}
	post := func() {
		resp, err := client.Post(hook, "application/json; charset=utf-8", bytes.NewReader(payload.Body))
		check(err)
		_, err = io.Copy(io.Discard, resp.Body)
		check(err)
		check(resp.Body.Close())
	}
	if a, b := s.last(send), s.last(post); !bytes.Equal(a, b) {
		log.Fatal("the two sides send other bytes")
	}

	var rows []ratio.Row
	// Each side begins a round with a collected heap, and so with empty pools: a
	// round is long enough for that not to count.
	const n = 640
	for _, k := range []int{1, 16, 64} {
		r := ratio.Compare(fmt.Sprintf("%d sends, %d in flight, beside a bare POST", n, k), 61, 1, flight(n, k, send), flight(n, k, post))
		r.Most, r.MostAllocs = 1.15, 1
		if k == 1 {
			r.Most = 1 // nothing hides what one message costs alone
		}
		rows = append(rows, r)
	}

	// shoutrrr uses http.DefaultTransport.
	def := http.DefaultTransport.(*http.Transport).Clone()
	def.DialTLSContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Addr().String())
	}
	http.DefaultTransport = def
	sender, err := shoutrrr.CreateSender("lark://open.larksuite.com/token")
	check(err)
	shout := func() {
		for _, err := range sender.Send(text, nil) {
			check(err)
		}
	}
	bot := notify.NewWebhookService(hook)
	note := func() { check(bot.Send(ctx, "Daily sales", text)) }
	for name, f := range map[string]func(){"shoutrrr": shout, "notify": note, "datapush": send} {
		if got := s.last(f); !json.Valid(got) || !bytes.Contains(got, []byte(text)) {
			log.Fatalf("%s does not send the text, whole and as JSON", name)
		}
	}
	for _, x := range []struct {
		name string
		send func()
	}{{"shoutrrr", shout}, {"notify", note}} {
		r := ratio.Compare(fmt.Sprintf("%d sends, 16 in flight, beside %s", n, x.name), 121, 1, flight(n, 16, send), flight(n, 16, x.send))
		r.Most = 0.5
		rows = append(rows, r)
	}
	code := ratio.Report(os.Stdout, rows...)

	before := s.conns.Load()
	const many = 20_000
	flight(many, 64, send)()
	per := float64(s.conns.Load()-before) / many
	verdict := "ok"
	if per > 0.02 {
		verdict, code = "MISSED", 1
	}
	fmt.Printf("new connections per message: %.4f, at most 0.02: %s\n", per, verdict)
	return code
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
