// Command host is the smallest program that embeds datapush with one webhook
// channel. The house tests read what it links.
package main

import (
	"fmt"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/lark"
)

func main() {
	p, err := datapush.New(datapush.Config{Channels: []channel.Channel{lark.New(nil)}})
	fmt.Println(p != nil, err)
}
