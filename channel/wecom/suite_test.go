package wecom_test

import (
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/wecom"
)

func TestContract(t *testing.T) {
	for _, format := range []string{wecom.FormatMarkdownV2, wecom.FormatMarkdown, wecom.FormatText} {
		t.Run(format, func(t *testing.T) {
			channeltest.Test(t, func(t *testing.T) channeltest.Harness {
				f := channeltest.NewWeCom(&channeltest.WeComOptions{Keys: []string{"c4n4ry-key"}, Rate: 1e6})
				t.Cleanup(f.Close)
				closed := channeltest.NewWeCom(nil)
				closed.Close()
				c := wecom.New(&wecom.Options{Allow: channel.AllowLoopback()})
				t.Cleanup(func() { _ = c.Close() })
				to := channel.Webhook("good", channel.WeCom, f.URL("c4n4ry-key"))
				to.Options = map[string]string{wecom.OptionFormat: format}
				h := f.Harness(c, to, channel.Webhook("refused", channel.WeCom, f.URL("c4n4ry-unknown")))
				h.Unreachable = channel.Webhook("nobody", channel.WeCom, closed.URL("c4n4ry-nobody"))
				return h
			})
		})
	}
}
