package markdown

import "testing"

// The judgement of eight bytes together must be that of each by itself.
func TestPlainText(t *testing.T) {
	for _, pad := range []string{"", "aZ09 +;!", "aZ09 +;!-.,:/xy"} {
		for c := range 256 {
			for at := 0; at <= len(pad); at++ {
				s := pad[:at] + string([]byte{byte(c)}) + pad[at:]
				want := c == ' ' || c == '!' || c >= '+' && c <= ';' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
				if got := plainText(s); got != want {
					t.Errorf("%q: %v, want %v", s, got, want)
				}
			}
		}
	}
}

func TestPlainBytesAreNeverEscaped(t *testing.T) {
	for style := range stops {
		for c := range 256 {
			if plainBytes[c] && stops[style][c] != 0 {
				t.Errorf("style %d escapes %q, which counts as plain", style, rune(c))
			}
		}
	}
}
