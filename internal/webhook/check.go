package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/datapush-go/datapush/channel"
)

// Budget names a bot by what identifies it, without revealing that.
func Budget(bot string) string {
	sum := sha256.Sum256([]byte(bot))
	return hex.EncodeToString(sum[:16])
}

// Checklist collects the mistakes in a destination, all of them, each with its
// field.
type Checklist struct {
	c    *Client
	kind channel.Kind
	to   channel.Destination
	errs []error
}

// Check begins a list for destinations of a kind.
func (c *Client) Check(kind channel.Kind, to channel.Destination) *Checklist {
	l := &Checklist{c: c, kind: kind, to: to}
	if to.Kind != "" && to.Kind != kind {
		l.Bad("kind", "is "+string(to.Kind)+", want "+string(kind))
	}
	return l
}

// Bad adds a mistake.
func (l *Checklist) Bad(field, text string) {
	l.errs = append(l.errs, fmt.Errorf("%s: %s: %s", l.kind, field, text))
}

// Address checks where messages would go. Wrong says what is the matter with an
// address that is none, remedy what to do. It gives the address when it is one
// and nothing is the matter with it.
func (l *Checklist) Address(endpoint, wrong, remedy string) *url.URL {
	if l.to.URL.IsRedacted() {
		return nil
	}
	switch u, err := url.Parse(endpoint); {
	case endpoint == "":
		l.Bad("url", "is missing: "+remedy)
	case err != nil || u.Host == "":
		l.Bad("url", wrong+": "+remedy)
	case u.Scheme != "https" && !(u.Scheme == "http" && l.c.open(u.Hostname())):
		l.Bad("url", "does not begin with https://")
	default:
		return u
	}
	return nil
}

// open reports whether the host opened an address on purpose, as tests do with
// loopback.
func (c *Client) open(host string) bool {
	if c.own == nil || c.allow.Host(host) {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && c.allow.Addr(a)
}

// OneOf checks an option that is empty or one of some values.
func (l *Checklist) OneOf(option string, values ...string) {
	if v := l.to.Options[option]; v == "" || slices.Contains(values, v) {
		return
	}
	var quoted []string
	for _, v := range values {
		quoted = append(quoted, strconv.Quote(v))
	}
	last := len(quoted) - 1
	l.Bad("options."+option, "is none of "+strings.Join(quoted[:last], ", ")+" and "+quoted[last])
}

// Keyword checks an option that holds a word which a bot asks for.
func (l *Checklist) Keyword(option string) {
	if len(l.to.Options[option]) > 200 {
		l.Bad("options."+option, "is longer than 200 bytes")
	}
}

// Options refuses all but the known ones.
func (l *Checklist) Options(known ...string) { unknown(l, "options.", l.to.Options, known) }

// Secrets refuses all but the known ones.
func (l *Checklist) Secrets(known ...string) { unknown(l, "secrets.", l.to.Secrets, known) }

func unknown[V any](l *Checklist, field string, got map[string]V, known []string) {
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if !slices.Contains(known, k) {
			l.Bad(field+k, "is unknown")
		}
	}
}

// Err is all mistakes, or nil.
func (l *Checklist) Err() error { return errors.Join(l.errs...) }
