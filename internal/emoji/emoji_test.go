package emoji_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/internal/emoji"
)

func TestReplace(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"a name becomes its emoji":      {"Good [微笑] day", "Good 🙂 day"},
		"several names in a row":        {"[赞同][鼓掌]", "👍👏"},
		"an unknown name stays":         {"[nobody] [微笑", "[nobody] [微笑"},
		"a bracket before a name stays": {"[[微笑]]", "[🙂]"},
		"text without names":            {"plain", "plain"},
		"nothing":                       {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, emoji.Replace(c.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzReplace(f *testing.F) {
	f.Add("[微笑")
	f.Add("a[[火]]b")
	f.Fuzz(func(t *testing.T, s string) {
		once := emoji.Replace(s)
		if n, _ := emoji.At(once); n > 0 && once == s {
			t.Errorf("a name is left in %q", once)
		}
	})
}
