// Package channeltest helps to test channels and what sends through them. It is
// for tests and demonstrations: production code does not import it.
//
// # Fakes
//
// [NewDingTalk] and its siblings start fake vendors on 127.0.0.1. They check
// what the real services are known to check, in a fixed order, answer in the
// vendors' words and codes, and keep what they accepted:
//
//	f := channeltest.NewDingTalk(&channeltest.DingTalkOptions{
//		Robots: map[string]channeltest.DingTalkRobot{"t1": {Secret: "SECdemo"}},
//	})
//	defer f.Close()
//	ch := dingtalk.New(&dingtalk.Options{Allow: channel.AllowLoopback()})
//	to := channel.Webhook("ops", channel.DingTalk, f.URL("t1"))
//
// [Server.Messages] is what a reader in the group would see, [Server.Calls]
// every request with its answer, [Server.Count] the totals of one robot. A
// [Fault] makes a fake misbehave; [Server.WaitCalls] waits for a request to
// arrive, so that a test needs no sleep. The order in which the real services
// check is not known; [Answer] puts any answer in front of it.
//
// # Rules
//
// [Test] runs the rules of the channel contract against a channel of yours:
//
//	func TestChannel(t *testing.T) {
//		channeltest.Test(t, func(t *testing.T) channeltest.Harness {
//			f := newFakeVendor(t)
//			return channeltest.Harness{
//				Channel:  mychannel.New(),
//				To:       channel.Webhook("ops", "mychannel", f.URL),
//				Received: f.Count,
//			}
//		})
//	}
//
// Each rule has an identifier and a sentence; a failure names both. What a
// harness leaves out is not tested, and the test says what it skipped.
package channeltest
