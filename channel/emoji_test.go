package channel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
)

func TestEmojiNames(t *testing.T) {
	for text, want := range map[channel.Text]string{
		"[微笑]": "🙂", "[OK]": "👌", "[对不起]": "🙇",
		"微笑": "", "[微笑": "", "微笑]": "", "[微笑] ": "", "[[微笑]": "", "[nobody]": "", "[]": "", "": "",
	} {
		if got := text.Emoji(); got != want {
			t.Errorf("%q is the emoji %q, want %q", text, got, want)
		}
		if want == "" {
			want = string(text)
		}
		if got := text.Show(); got != want {
			t.Errorf("%q shows as %q, want %q", text, got, want)
		}
	}
	for s, want := range map[string]int{"[微笑]": 8, "[OK] and more": 4, "[nobody]": 0, "a[OK]": 0, "[OK": 0, "": 0} {
		if got := channel.EmojiName(s); got != want {
			t.Errorf("%q begins with a name of %d bytes, want %d", s, got, want)
		}
	}
}

func TestLiteralTextIsNoEmoji(t *testing.T) {
	for s, want := range map[string][]channel.Inline{
		"[微笑]":   {channel.Text("["), channel.Text("微笑]")},
		"a [微笑]": {channel.Text("a [微笑]")},
		"":       nil,
	} {
		if diff := cmp.Diff(want, channel.Literal(s)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", s, diff)
		}
	}
}
