package weburl_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/internal/weburl"
)

func TestIs(t *testing.T) {
	for s, want := range map[string]bool{
		"https://example.com":             true,
		"http://example.com/a/b~c_d-e.f":  true,
		"https://a@example.com:8080/?q#f": true,
		"https://例子.com/报表":               true,
		"https://":                        false,
		"https:///path":                   false,
		"https://example.com:port/":       false,
		"https://example.com/%zz":         false,
		"https:example.com":               false,
		"mailto:a@example.com":            false,
		"//example.com":                   false,
		"":                                false,
	} {
		if got := weburl.Is(s); got != want {
			t.Errorf("Is(%q) = %v, want %v", s, got, want)
		}
	}
}

func TestEncode(t *testing.T) {
	unsafe := weburl.Unsafe("()\\")
	for s, want := range map[string]string{
		"":                       "",
		"https://example.com/":   "https://example.com/",
		"a (b)\\c\n\x7f%20":      "a%20%28b%29%5Cc%0A%7F%20",
		"https://example.com/报表": "https://example.com/报表",
	} {
		if got := unsafe.Encode(s); got != want {
			t.Errorf("Encode(%q) = %q, want %q", s, got, want)
		}
	}
}

// FuzzIs compares with the parser that most addresses do without, and decodes
// what was encoded.
func FuzzIs(f *testing.F) {
	for _, s := range []string{"https://example.com/report", "http://-./", "https://~", "http://a//b", "https://1.2.3.4/", "https://a.b/%28(", "HTTPS://a"} {
		f.Add(s)
	}
	unsafe := weburl.Unsafe("%()")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.Parse(s)
		if want := err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https"); weburl.Is(s) != want {
			t.Errorf("Is(%q) = %v, want %v", s, !want, want)
		}
		encoded := unsafe.Encode(s)
		if back, err := url.PathUnescape(encoded); err != nil || back != s || strings.ContainsAny(encoded, "() \n") {
			t.Errorf("%q reads back as %q, %v", encoded, back, err)
		}
	})
}
