package channel_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
)

func destination() channel.Destination {
	return channel.Destination{
		Name: "ops", Kind: channel.DingTalk, URL: channel.NewSecret(token),
		Secrets:  map[string]channel.Secret{"sign": channel.NewSecret("s3cret"), "none": {}},
		Options:  map[string]string{"keyword": "report"},
		Mentions: []channel.Mention{{All: true}},
		Fit:      channel.TopRows, OnUnknown: channel.Hold,
	}
}

// revealed compares secrets by what they hold.
var revealed = cmp.Comparer(func(a, b channel.Secret) bool { return a == b })

func TestDestinationCloneSharesNothing(t *testing.T) {
	d := destination()
	c := d.Clone()
	if diff := cmp.Diff(d, c, revealed); diff != "" {
		t.Errorf("clone (-want +got):\n%s", diff)
	}
	c.Secrets["sign"] = channel.Secret{}
	c.Options["keyword"] = ""
	c.Mentions[0].All = false
	if diff := cmp.Diff(destination(), d, revealed); diff != "" {
		t.Errorf("changing the clone changed the original (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(channel.Destination{}, channel.Destination{}.Clone(), revealed); diff != "" {
		t.Errorf("clone of the zero destination (-want +got):\n%s", diff)
	}
}

func TestDestinationRedactLeavesMarkersAndEverythingElse(t *testing.T) {
	d := destination()
	want := destination()
	want.URL = channel.NewSecret(channel.Redacted)
	want.Secrets["sign"] = channel.NewSecret(channel.Redacted)
	if diff := cmp.Diff(want, d.Redact(), revealed); diff != "" {
		t.Errorf("redacted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(destination(), d, revealed); diff != "" {
		t.Errorf("redacting changed the original (-want +got):\n%s", diff)
	}
}

func TestWebhook(t *testing.T) {
	want := channel.Destination{Name: "ops", Kind: channel.Lark, URL: channel.NewSecret(token)}
	if diff := cmp.Diff(want, channel.Webhook("ops", channel.Lark, token), revealed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAllow(t *testing.T) {
	lan := channel.Allow{
		Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")},
		Hosts:    []string{"hooks.corp.example", "mail.corp.example."},
	}
	for _, c := range []struct {
		allow channel.Allow
		addr  string
		want  bool
	}{
		{channel.Allow{}, "127.0.0.1", false},
		{channel.AllowLoopback(), "127.0.0.1", true},
		{channel.AllowLoopback(), "127.255.0.9", true},
		{channel.AllowLoopback(), "::1", true},
		{channel.AllowLoopback(), "::ffff:127.0.0.1", true},
		{channel.AllowLoopback(), "10.0.0.1", false},
		{channel.AllowLoopback(), "::2", false},
		{lan, "10.1.2.3", true},
		{lan, "::ffff:10.1.2.3", true},
		{lan, "10.2.0.1", false},
		{lan, "fd12::1", true},
		{lan, "fe80::1", false},
	} {
		if got := c.allow.Addr(netip.MustParseAddr(c.addr)); got != c.want {
			t.Errorf("%v opens %s: %v, want %v", c.allow, c.addr, got, c.want)
		}
	}
	if lan.Addr(netip.Addr{}) {
		t.Error("no address at all is opened")
	}
	for host, want := range map[string]bool{
		"hooks.corp.example": true, "HOOKS.Corp.Example": true, "hooks.corp.example.": true, "mail.corp.example": true,
		"corp.example": false, "x.hooks.corp.example": false, "": false,
	} {
		if got := lan.Host(host); got != want {
			t.Errorf("host %q is opened: %v, want %v", host, got, want)
		}
	}
}
