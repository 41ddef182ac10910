package teams_test

import (
	"context"
	"fmt"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/teams"
)

// A workflow accepts a card before it looks at it, so the receipt does not say
// that the card was shown.
func Example() {
	vendor := channeltest.NewTeams(nil)
	defer vendor.Close()

	c := teams.New(&teams.Options{Allow: channel.AllowLoopback()})
	defer c.Close()
	to := channel.Webhook("ops", channel.Teams, vendor.URL("flow-1"))

	payloads, err := c.Encode(&channel.Message{Title: "Daily sales", Sections: []channel.Section{{Blocks: []channel.Block{
		&channel.Table{
			Columns: []channel.Column{{Header: "Department"}, {Header: "Revenue", Prefix: "¥"}},
			Cells:   []channel.Cell{{Text: "Department 1"}, {Text: "11000", Type: channel.TypeNumber}},
		},
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
	// delivered: false <nil>
	// Daily sales
	// | Department | Revenue |
	// | Department 1 | ¥11000 |
}
