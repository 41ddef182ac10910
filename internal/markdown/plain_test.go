package markdown

import (
	"testing"

	"github.com/datapush-go/datapush/internal/jsontext"
)

func TestWordsAreNeverEscaped(t *testing.T) {
	for style := range stops {
		for c := range 256 {
			if jsontext.Words(string([]byte{byte(c)})) && stops[style][c] {
				t.Errorf("style %d escapes %q, which counts as a word", style, rune(c))
			}
		}
	}
}
