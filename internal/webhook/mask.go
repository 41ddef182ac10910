package webhook

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
)

// mask knows what must not stand in an error.
type mask struct {
	secrets []string // longest first
	body    []byte
}

func (c *Client) mask(r Request) mask {
	m := mask{body: r.Body}
	add := func(min int, texts ...string) {
		for _, s := range texts {
			if len(s) >= max(min, 1) {
				m.secrets = append(m.secrets, s)
			}
		}
	}
	// Listed secrets are masked whatever their length, in the forms in which an
	// error or an answer may print them.
	for _, s := range r.Secrets {
		q := strconv.Quote(s)
		add(1, s, strings.TrimSpace(s), url.QueryEscape(s), url.PathEscape(s), q[1:len(q)-1])
		if p, err := url.QueryUnescape(s); err == nil {
			add(1, p)
		}
	}
	if r.URL != "" {
		add(1, r.URL, strings.ReplaceAll(r.URL, "/", `\/`), strings.ReplaceAll(r.URL, "&", `\u0026`), strings.ReplaceAll(r.URL, "&", "&amp;"))
	}
	if u, err := url.Parse(r.URL); err == nil {
		add(8, u.RequestURI(), u.RawQuery, u.Path, u.EscapedPath())
		if u.User != nil {
			p, _ := u.User.Password()
			add(1, u.User.Username(), p, u.User.String())
		}
		for _, seg := range append(strings.Split(u.Path, "/"), strings.Split(u.EscapedPath(), "/")...) {
			// Short words of a path, such as "webhook", are the vendor's; a
			// channel lists its token where the token may be one.
			if strings.ContainsAny(seg, "0123456789") || len(seg) >= 20 {
				add(6, seg)
			}
		}
		for pair := range strings.SplitSeq(u.RawQuery, "&") {
			_, v, _ := strings.Cut(pair, "=")
			add(6, v)
			if p, err := url.QueryUnescape(v); err == nil {
				add(6, p, url.QueryEscape(p))
			}
		}
	}
	slices.SortFunc(m.secrets, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	m.secrets = slices.Compact(m.secrets)
	return m
}

// clean masks, makes the text printable and cuts it.
func (m mask) clean(s string) string {
	wasCut := len(s) >= AnswerBytes
	s = m.dropSecrets(s)
	if wasCut {
		s = m.dropPartialSecret(s)
	}
	// Without its control characters a text may spell a secret that it did not
	// before.
	s = m.dropSecrets(printable(s))
	return cut(m.dropEcho(s), ErrorBytes)
}

func (m mask) dropSecrets(s string) string {
	for _, secret := range m.secrets {
		s = strings.ReplaceAll(s, secret, channel.Redacted)
	}
	return s
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r < ' ' || r == 0x7f || r == 0xfeff:
			return -1
		}
		return r
	}, s)
}

// dropPartialSecret removes the beginning of a secret from the end of a text
// that was cut there.
func (m mask) dropPartialSecret(s string) string {
	drop := 0
	for _, secret := range m.secrets {
		for n := min(len(secret), len(s)) - 1; n > drop; n-- {
			if strings.HasSuffix(s, secret[:n]) {
				drop = n
				break
			}
		}
	}
	return s[:len(s)-drop]
}

// echo is the length from which a stretch that text and request body have in
// common counts as an echo of the body. Vendors' own words are rarely in a
// report; a row quoted back nearly always has a stretch as long.
const echo = 12

// dropEcho replaces stretches of the request body by "[…]".
func (m mask) dropEcho(s string) string {
	if len(m.body) < echo || len(s) < echo {
		return s
	}
	// Only as much as can survive the cut is worth the search.
	s = cut(s, 4*ErrorBytes)
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 0
		if len(s)-i >= echo && bytes.Contains(m.body, []byte(s[i:i+echo])) {
			n = echo
			for i+n < len(s) && bytes.Contains(m.body, []byte(s[i:i+n+1])) {
				n++
			}
		}
		if n == 0 {
			b.WriteByte(s[i])
			i++
			continue
		}
		b.WriteString("[…]")
		i += n
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// cut keeps at most n bytes, whole characters only.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const more = "…"
	n -= len(more)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + more
}
