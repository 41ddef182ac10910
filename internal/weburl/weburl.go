// Package weburl tells what the addresses of links and pictures are, and makes
// them safe to stand in a message.
package weburl

import (
	"net/url"
	"strings"
)

// Is reports whether s is an http or https address with a host.
func Is(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(s, "http://")
	}
	if ok && rest != "" && rest[0] != '/' && simple.first(rest) == len(rest) {
		return true // which the parser takes much longer to say
	}
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// Set is a set of bytes.
type Set [256]bool

// Unsafe is the set of white space, control characters and the bytes of s.
func Unsafe(s string) (t Set) {
	for c := range t {
		t[c] = c <= ' ' || c == 0x7f || strings.IndexByte(s, byte(c)) >= 0
	}
	return t
}

// simple is all but letters, digits and what stands between them in a host or a
// path.
var simple = func() (t Set) {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/"
	for c := range t {
		t[c] = strings.IndexByte(plain, byte(c)) < 0
	}
	return t
}()

// first is where the first byte of the set stands in s, len(s) where none does.
func (t *Set) first(s string) int {
	for i := range len(s) {
		if t[s[i]] {
			return i
		}
	}
	return len(s)
}

// Encode percent-encodes the bytes of the set in s.
func (t *Set) Encode(s string) string {
	from := t.first(s)
	if from == len(s) {
		return s
	}
	const hex = "0123456789ABCDEF"
	b := append(make([]byte, 0, len(s)+16), s[:from]...)
	for i := from; i < len(s); i++ {
		if c := s[i]; t[c] {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}
