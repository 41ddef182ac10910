package guard_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/guard"
	"github.com/google/go-cmp/cmp"
)

func TestClosedAddressesAreRefused(t *testing.T) {
	for addr, why := range map[string]string{
		"127.0.0.1":                "loopback",
		"127.255.255.254":          "loopback",
		"::1":                      "loopback",
		"::ffff:127.0.0.1":         "loopback",
		"::127.0.0.1":              "loopback",
		"64:ff9b::7f00:1":          "loopback",
		"64:ff9b::a9fe:a9fe":       "link-local",
		"2002:7f00:1::":            "loopback",
		"0.0.0.0":                  "unspecified",
		"::":                       "unspecified",
		"10.1.2.3":                 "private",
		"172.16.0.1":               "private",
		"172.31.255.255":           "private",
		"192.168.1.1":              "private",
		"fd00:ec2::254":            "private",
		"fc00::1":                  "private",
		"fec0::1":                  "private",
		"64:ff9b:1::1":             "private",
		"100.100.100.200":          "shared (RFC 6598)",
		"169.254.169.254":          "link-local",
		"::ffff:169.254.169.254":   "link-local",
		"fe80::1":                  "link-local",
		"fe80::1%eth0":             "link-local",
		"168.63.129.16":            "metadata",
		"192.0.0.192":              "reserved",
		"255.255.255.255":          "reserved",
		"224.0.0.1":                "multicast",
		"ff02::1":                  "multicast",
		"2001:0:4136:e378:8000::1": "tunnelled",
	} {
		t.Run(addr, func(t *testing.T) {
			got := guard.Refused(guard.Addr(channel.Allow{}, netip.MustParseAddr(addr)))
			if got == nil {
				t.Fatal("the address is let through")
			}
			if diff := cmp.Diff(why, got.Why); diff != "" {
				t.Errorf("kind of address (-want +got):\n%s", diff)
			}
			if !strings.Contains(got.Error(), "channel.Allow") {
				t.Errorf("no remedy in %q", got)
			}
		})
	}
}

func TestPublicAddressesAreOpen(t *testing.T) {
	for _, addr := range []string{"8.8.8.8", "203.119.128.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2400:3200::1", "64:ff9b::808:808", "2002:808:808::1"} {
		if err := guard.Addr(channel.Allow{}, netip.MustParseAddr(addr)); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestAllowOpensNetworks(t *testing.T) {
	allow := channel.Allow{Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("127.0.0.0/8")}}
	for addr, open := range map[string]bool{"10.1.2.3": true, "10.2.0.1": false, "::ffff:10.1.2.3": true, "127.0.0.1": true, "::1": false} {
		if err := guard.Addr(allow, netip.MustParseAddr(addr)); (err == nil) != open {
			t.Errorf("%s: open is %v, want %v", addr, err == nil, open)
		}
	}
}

func TestTargetsBehindAProxyAreCheckedByName(t *testing.T) {
	for host, open := range map[string]bool{
		"oapi.dingtalk.com":        true,
		"oapi.dingtalk.com.":       true,
		"8.8.8.8":                  true,
		"134744072":                true, // 8.8.8.8
		"localhost":                false,
		"LOCALHOST.":               false,
		"a.localhost":              false,
		"metadata.google.internal": false,
		"printer.local":            false,
		"intranet":                 false,
		"127.0.0.1":                false,
		"127.1":                    false,
		"2130706433":               false,
		"0177.0.0.1":               false,
		"0x7f.0.0.1":               false,
		"0x7f000001":               false,
		"0X7F000001":               false,
		"017700000001":             false,
		"0251.0376.0251.0376":      false, // 169.254.169.254
		"::1":                      false,
		"::ffff:7f00:1":            false,
		"fe80::1%eth0":             false,
		"1.2.3.4.5":                true, // no address, and a public name for all we know
	} {
		if err := guard.Name(channel.Allow{}, host); (err == nil) != open {
			t.Errorf("%s: open is %v, want %v (%v)", host, err == nil, open, err)
		}
	}
	if err := guard.Name(channel.Allow{Hosts: []string{"Intranet"}}, "intranet"); err != nil {
		t.Errorf("an opened host: %v", err)
	}
	if err := guard.Name(channel.AllowLoopback(), "localhost"); err != nil {
		t.Errorf("localhost with loopback opened: %v", err)
	}
}

func TestDialingAClosedAddressNeverConnects(t *testing.T) {
	l, accepted := listen(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, host := range []string{"127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "2130706433", "0177.0.0.1", "127.1", "0.0.0.0"} {
		t.Run(host, func(t *testing.T) {
			c, err := guard.DialContext(channel.Allow{})(t.Context(), "tcp", host+":"+port)
			if err == nil {
				_ = c.Close()
				t.Fatal("connected")
			}
			// A resolver may not know the odd forms at all; that never connects either.
			var dns *net.DNSError
			if guard.Refused(err) == nil && !errors.As(err, &dns) {
				t.Errorf("neither refused nor unresolved: %v", err)
			}
		})
	}
	if n := accepted(); n != 0 {
		t.Errorf("%d connections were accepted", n)
	}
}

func TestAnOpenedAddressConnects(t *testing.T) {
	l, _ := listen(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for name, allow := range map[string]channel.Allow{
		"by network": channel.AllowLoopback(),
		"by host":    {Hosts: []string{"127.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := guard.DialContext(allow)(t.Context(), "tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
		})
	}
}

// A name that is public when somebody looks and loopback when it counts.
func TestARebindingNameIsRefusedAtConnectTime(t *testing.T) {
	l, accepted := listen(t)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	var asked atomic.Int32
	resolver := rebinding(t, &asked)
	if got, err := resolver.LookupNetIP(t.Context(), "ip4", "rebind.example"); err != nil || got[0].String() != "203.0.113.7" {
		t.Fatalf("the first answer is not the public address: %v %v", got, err)
	}
	d := guard.Dialer{Resolver: resolver}
	c, err := d.DialContext(t.Context(), "tcp4", "rebind.example:"+port)
	if err == nil {
		_ = c.Close()
	}
	if r := guard.Refused(err); r == nil || r.Addr != "127.0.0.1" {
		t.Errorf("the second answer is not refused: %v", err)
	}
	if n := accepted(); n != 0 {
		t.Errorf("%d connections were accepted", n)
	}
}

func TestAContextThatEndedDoesNotDial(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := guard.DialContext(channel.AllowLoopback())(ctx, "tcp", "127.0.0.1:9"); !errors.Is(err, context.Canceled) && err == nil {
		t.Error("dialled on an ended context")
	}
}

func listen(t *testing.T) (net.Listener, func() int32) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			_ = c.Close()
		}
	}()
	stop := func() { _ = l.Close(); <-done }
	t.Cleanup(stop)
	return l, func() int32 { stop(); return n.Load() }
}

// rebinding answers the first A question with a public address and every later
// one with loopback.
func rebinding(t *testing.T, asked *atomic.Int32) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(answerDNS(buf[:n], asked), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp4", pc.LocalAddr().String())
	}}
}

func answerDNS(q []byte, asked *atomic.Int32) []byte {
	end := 12
	for q[end] != 0 {
		end += int(q[end]) + 1
	}
	end += 5
	a := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, q[12:end]...)
	if q[end-3] != 1 { // not an A question: no answer
		return a
	}
	a[7] = 1
	ip := []byte{203, 0, 113, 7}
	if asked.Add(1) > 1 {
		ip = []byte{127, 0, 0, 1}
	}
	a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
	return append(a, ip...)
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"127.1", "0x7f.1", "oapi.dingtalk.com", "::1", "0177.0.0.1", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		err := guard.Name(channel.Allow{}, host)
		if a, perr := netip.ParseAddr(host); perr == nil && (err == nil) != (guard.Addr(channel.Allow{}, a) == nil) {
			t.Errorf("%q is judged differently by name and by address", host)
		}
	})
}
