// Package guard keeps stored destinations from reaching addresses inside the
// host's own network.
//
// Whoever may save a destination chooses where the process connects to. The
// guard looks at the address that was resolved, at the moment of connecting:
// only that cannot be fooled by a name that resolves differently the second
// time, by 0177.0.0.1 and 2130706433, or by an IPv6 form that carries an IPv4
// address. What [channel.Allow] opens is let through.
//
// Through a proxy the connection goes to the proxy, so it is the proxy's address
// that is checked at connect time; the target is then checked by name, by
// [Name], because only the proxy will ever resolve it.
package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/datapush-go/datapush/channel"
)

// RefusedError says that an address is closed to destinations. It is final:
// trying again does not help.
type RefusedError struct {
	// Addr is the address or, through a proxy, the name of the target.
	Addr string
	// Why names the kind of address, such as "loopback".
	Why string
}

// Error names the address and the remedy.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("connecting to %s is refused: %s addresses are closed to destinations; if this one is meant, the host opens it with channel.Allow", e.Addr, e.Why)
}

// Refused finds the refusal that caused err, or gives nil.
func Refused(err error) *RefusedError {
	var r *RefusedError
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// Dialer connects to what is open. The zero Dialer opens nothing beyond public
// addresses. It may be used by several goroutines at once.
type Dialer struct {
	Allow channel.Allow
	// Timeout bounds one connect, name resolution included. Zero is 10 seconds.
	Timeout time.Duration
	// Resolver is net.DefaultResolver when nil.
	Resolver *net.Resolver
}

// DialContext returns a dial function with the defaults of [Dialer].
func DialContext(allow channel.Allow) func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &Dialer{Allow: allow}
	return d.DialContext
}

// DialContext connects to addr, which is "host:port". A refusal is an error
// that [Refused] finds, and nothing was sent then.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	nd := net.Dialer{Timeout: d.Timeout, Resolver: d.Resolver}
	if nd.Timeout <= 0 {
		nd.Timeout = 10 * time.Second
	}
	if !d.Allow.Host(host) {
		nd.Control = d.control
	}
	return nd.DialContext(ctx, network, addr)
}

// control runs after resolution and before connect, once for each address that
// is tried.
func (d *Dialer) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &RefusedError{Addr: "an unreadable address", Why: "unreadable"}
	}
	return check(d.Allow, ap.Addr())
}

// Addr checks a resolved address.
func Addr(allow channel.Allow, addr netip.Addr) error { return check(allow, addr) }

func check(allow channel.Allow, addr netip.Addr) error {
	addr = addr.WithZone("").Unmap()
	why := closed(addr)
	if why == "" || allow.Addr(addr) {
		return nil
	}
	return &RefusedError{Addr: addr.String(), Why: why}
}

// Name checks a target that a proxy will resolve. Addresses in any form that a
// resolver might take for one are checked as addresses; names that only exist
// inside a network are refused.
func Name(allow channel.Allow, host string) error {
	if allow.Host(host) {
		return nil
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return check(allow, addr)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, ok := numeric(name); ok {
		return check(allow, addr)
	}
	if !strings.Contains(name, ".") {
		if name == "localhost" && allow.Addr(netip.AddrFrom4([4]byte{127, 0, 0, 1})) {
			return nil
		}
		return &RefusedError{Addr: host, Why: "internal"}
	}
	for _, s := range internalSuffixes {
		if strings.HasSuffix(name, s) {
			return &RefusedError{Addr: host, Why: "internal"}
		}
	}
	return nil
}

// internalSuffixes are reserved for use inside a network: RFC 6761 and 6762,
// RFC 8375, and "internal" by ICANN resolution 2024.07.29.06, which the clouds'
// metadata names end in.
var internalSuffixes = []string{".localhost", ".localdomain", ".local", ".internal", ".home.arpa"}

// numeric reads the forms that inet_aton takes for an IPv4 address: one to four
// parts, each decimal, octal (0…) or hexadecimal (0x…), the last one filling
// what is left.
func numeric(s string) (netip.Addr, bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var v uint64
	for i, p := range parts {
		n, err := strconv.ParseUint(octal(p), 0, 64)
		if err != nil {
			return netip.Addr{}, false
		}
		room := uint(8)
		if i == len(parts)-1 {
			room = 8 * uint(5-len(parts))
		}
		if n >= 1<<room {
			return netip.Addr{}, false
		}
		v = v<<room | n
	}
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), true
}

// octal keeps Go's literal syntax (0b1, 0o7, 1_0) out, which inet_aton does not
// know.
func octal(p string) string {
	rest, hex := strings.CutPrefix(p, "0x")
	for _, c := range rest {
		if !('0' <= c && c <= '9' || hex && 'a' <= c && c <= 'f') {
			return ""
		}
	}
	return p
}

type network struct {
	prefix netip.Prefix
	why    string
}

// networks are those of the IANA special-purpose registries that are not
// globally reachable and that something may answer on, and the places where
// clouds serve credentials:
// https://www.iana.org/assignments/iana-ipv4-special-registry and
// https://www.iana.org/assignments/iana-ipv6-special-registry (read 2026-11-23).
// The metadata service of most clouds is 169.254.169.254; Alibaba Cloud's is
// 100.100.100.200, Oracle's 192.0.0.192, Azure's platform address 168.63.129.16
// and AWS's IPv6 one fd00:ec2::254.
var networks = []network{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared (RFC 6598)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("168.63.129.16/32"), "metadata"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "reserved"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "private"},
	{netip.MustParsePrefix("2001::/32"), "tunnelled"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "private"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// carriers are IPv6 networks whose addresses lead to the IPv4 address at an
// offset: IPv4-compatible (RFC 4291), NAT64 (RFC 6052), IPv4-translated
// (RFC 2765) and 6to4 (RFC 3056).
var carriers = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

// closed names the kind of a closed address, or gives "".
func closed(addr netip.Addr) string {
	for _, n := range networks {
		if n.prefix.Contains(addr) {
			return n.why
		}
	}
	if addr.Is6() {
		b := addr.As16()
		for _, c := range carriers {
			if c.prefix.Contains(addr) {
				return closed(netip.AddrFrom4([4]byte(b[c.at : c.at+4])))
			}
		}
	}
	return ""
}
