package dingtalk_test

import (
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/dingtalk"
)

const secret = "SEC0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func signed(name, url string) channel.Destination {
	to := channel.Webhook(name, channel.DingTalk, url)
	to.Secrets = map[string]channel.Secret{dingtalk.SecretSign: channel.NewSecret(secret)}
	return to
}

func TestContract(t *testing.T) {
	for name, options := range map[string]map[string]string{
		"lists":               nil,
		"tables":              {dingtalk.OptionTables: dingtalk.TablesRaw},
		"lists and a keyword": {dingtalk.OptionKeyword: "日报_*"},
	} {
		t.Run(name, func(t *testing.T) {
			channeltest.Test(t, func(t *testing.T) channeltest.Harness {
				robot := channeltest.DingTalkRobot{Secret: secret}
				if k := options[dingtalk.OptionKeyword]; k != "" {
					robot.Keywords = []string{k}
				}
				f := channeltest.NewDingTalk(&channeltest.DingTalkOptions{
					Robots: map[string]channeltest.DingTalkRobot{"c4n4ry-token": robot}, Rate: 1e6,
				})
				t.Cleanup(f.Close)
				closed := channeltest.NewDingTalk(nil)
				closed.Close()
				c := dingtalk.New(&dingtalk.Options{Allow: channel.AllowLoopback()})
				t.Cleanup(func() { _ = c.Close() })
				to := signed("good", f.URL("c4n4ry-token"))
				to.Options = options
				h := f.Harness(c, to, signed("refused", f.URL("c4n4ry-unknown")))
				h.Unreachable = signed("nobody", closed.URL("c4n4ry-nobody"))
				return h
			})
		})
	}
}
