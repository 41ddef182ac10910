package channel

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Destination is a named address of one kind. Destinations are shared by all
// tasks of a host; an edit counts from the next send that is encoded.
type Destination struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// URL is the webhook address. Mail has none.
	URL Secret `json:"url,omitzero"`
	// Secrets are keyed as the kind's package documents: a signing secret, an
	// SMTP password.
	Secrets map[string]Secret `json:"secrets,omitempty"`
	// Options are keyed likewise and never secret: a keyword, an SMTP host,
	// receivers, the table mode.
	Options map[string]string `json:"options,omitempty"`
	// Mentions are added to every message to this destination.
	Mentions []Mention `json:"mentions,omitempty"`
	// Fit says what happens to a message over the vendor's limit.
	Fit Fit `json:"fit,omitempty"`
	// OnUnknown says what happens when nobody can tell whether a part arrived.
	OnUnknown OnUnknown `json:"onUnknown,omitempty"`
}

// Option keys by which kinds without a URL keep the server they talk to. Stored
// secrets do not follow an edit of these.
const (
	OptionHost = "host"
	OptionPort = "port"
)

// Webhook makes a destination from a webhook address.
func Webhook(name string, kind Kind, url string) Destination {
	return Destination{Name: name, Kind: kind, URL: NewSecret(url)}
}

// Clone returns a copy that shares no map or slice with d.
func (d Destination) Clone() Destination {
	d.Secrets = maps.Clone(d.Secrets)
	d.Options = maps.Clone(d.Options)
	d.Mentions = slices.Clone(d.Mentions)
	return d
}

// Redact returns a copy whose secrets are redacted markers.
func (d Destination) Redact() Destination {
	d = d.Clone()
	d.URL = d.URL.Redact()
	for k, s := range d.Secrets {
		d.Secrets[k] = s.Redact()
	}
	return d
}

// Fit is a destination's choice for messages over the vendor's limit.
type Fit string

const (
	// Split sends up to five numbered parts, then only the top rows.
	Split Fit = ""
	// TopRows sends one part with as many rows as fit and says how many more
	// there are.
	TopRows Fit = "top-rows"
)

// OnUnknown is a destination's choice for parts that may have arrived.
type OnUnknown string

const (
	// Resend delivers at least once: the part is sent again and marked as a
	// possible repeat.
	Resend OnUnknown = ""
	// Hold delivers at most once: the part is left for a person to decide.
	Hold OnUnknown = "hold"
)

// Allow opens networks and hosts that stored destinations may otherwise not
// reach: loopback, link-local, private, multicast and metadata addresses are
// refused by default. The zero value opens nothing.
type Allow struct {
	// Networks are compared with the resolved address at connect time.
	Networks []netip.Prefix
	// Hosts are compared with the name in the address, without regard to case;
	// whatever they resolve to is then allowed.
	Hosts []string
}

// AllowLoopback opens 127.0.0.0/8 and ::1, for tests and local demos.
func AllowLoopback() Allow {
	return Allow{Networks: []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"),
		netip.MustParsePrefix("::1/128"),
	}}
}

// Addr reports whether a resolved address is opened by a network. An
// IPv4-mapped IPv6 address counts as the IPv4 address it carries.
func (a Allow) Addr(addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, p := range a.Networks {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Host reports whether a host name is opened.
func (a Allow) Host(name string) bool {
	name = strings.TrimSuffix(name, ".")
	for _, h := range a.Hosts {
		if strings.EqualFold(strings.TrimSuffix(h, "."), name) {
			return true
		}
	}
	return false
}

// ErrNoContent is what Encode wraps when a message shows nothing on a kind,
// such as a mail body alone on a webhook. Where a block is for the kind but came
// out empty, because no row had a value for it, the title alone is sent; it is
// ErrNoContent when there is no title either.
var ErrNoContent = errors.New("no visible content")
