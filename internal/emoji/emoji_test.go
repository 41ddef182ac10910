package emoji_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/internal/emoji"
)

func TestReplace(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"a name becomes an emoji", "[微笑]", "🙂"},
		{"text around it stays", "a[OK]b", "a👌b"},
		{"two in a row", "[赞][赞]", "👍👍"},
		{"an unknown name stays", "[部门] [1] []", "[部门] [1] []"},
		{"an open bracket stays", "[微笑", "[微笑"},
		{"a bracket before a name stays", "[[微笑]", "[🙂"},
		{"a name in two pairs of brackets", "[[微笑]]", "[🙂]"},
		{"the longest name", "[暗中观察]", "👀"},
		{"a long bracket stays", "[" + strings.Repeat("x", 100) + "]", "[" + strings.Repeat("x", 100) + "]"},
		{"no text", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, emoji.Replace(tt.in)); diff != "" {
				t.Errorf("Replace(%q) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func FuzzReplace(f *testing.F) {
	f.Add("a[微笑]b[[OK]]")
	f.Fuzz(func(t *testing.T, s string) {
		got := emoji.Replace(s)
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("Replace(%q) = %q is no UTF-8", s, got)
		}
		if !strings.Contains(s, "[") && got != s {
			t.Errorf("Replace(%q) = %q changed text without brackets", s, got)
		}
	})
}
