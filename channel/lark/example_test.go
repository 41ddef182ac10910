package lark_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/lark"
)

// A report goes to a signed bot, here a fake one on the loopback interface.
func Example() {
	clock := func() time.Time { return time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC) }
	vendor := channeltest.NewLark(&channeltest.LarkOptions{
		Now:  clock,
		Bots: map[string]channeltest.LarkBot{"bot-1": {Secret: "demo-secret"}},
	})
	defer vendor.Close()

	c := lark.New(&lark.Options{Now: clock, Allow: channel.AllowLoopback()})
	defer c.Close()
	to := channel.Webhook("ops", channel.Lark, vendor.URL("bot-1"))
	to.Secrets = map[string]channel.Secret{lark.SecretSign: channel.NewSecret("demo-secret")}

	payloads, err := c.Encode(&channel.Message{Title: "Daily sales", Sections: []channel.Section{{Blocks: []channel.Block{
		&channel.Paragraph{Inlines: []channel.Inline{channel.Text("Total "), &channel.Strong{Inlines: []channel.Inline{channel.Text("42")}}}},
	}}}}, to)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range payloads {
		receipt, err := c.Send(context.Background(), to, p)
		fmt.Println("delivered:", receipt.Delivered, err)
	}
	for _, m := range vendor.Messages() {
		fmt.Println(m.Title)
		fmt.Println(m.Text)
	}
	// Output:
	// delivered: true <nil>
	// Daily sales
	// Total **42**
}

// With an app, the pictures of a message are uploaded before it is encoded.
func ExampleChannel_Prepare() {
	vendor := channeltest.NewLark(&channeltest.LarkOptions{Apps: map[string]string{"cli_a1": "app-secret"}})
	defer vendor.Close()

	c := lark.New(&lark.Options{Allow: channel.AllowLoopback()})
	defer c.Close()
	to := channel.Webhook("ops", channel.Lark, vendor.URL("bot-1"))
	to.Options = map[string]string{lark.OptionApp: "cli_a1"}
	to.Secrets = map[string]channel.Secret{lark.SecretApp: channel.NewSecret("app-secret")}

	var logo bytes.Buffer
	if err := png.Encode(&logo, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		fmt.Println(err)
		return
	}
	msg, err := c.Prepare(context.Background(), &channel.Message{Title: "Daily sales", Sections: []channel.Section{{Blocks: []channel.Block{
		&channel.Image{Data: logo.Bytes(), Type: "image/png", Alt: "logo"},
	}}}}, to)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(msg.Sections[0].Blocks[0].(*channel.Image).Key, len(vendor.Images()))
	// Output:
	// img_1 1
}

// What is wrong with a destination is said field by field.
func ExampleChannel_Check() {
	to := channel.Webhook("ops", channel.Lark, "https://open.feishu.cn/open-apis/bot/v2/hook/xxx")
	to.Options = map[string]string{lark.OptionCard: "3.0"}
	fmt.Println(lark.New(nil).Check(to))
	// Output: lark: options.card: is none of "2.0" and "1.0"
}
