package jsontext_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/datapush-go/datapush/internal/jsontext"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":                   `""`,
		`a"b\c`:              `"a\"b\\c"`,
		"<a>&b</a>":          `"<a>&b</a>"`,
		"\n\r\t\x00\x1f\x7f": `"\n\r\t\u0000\u001f` + "\x7f\"",
		"销售 🎉 \u2028":        "\"销售 🎉 \u2028\"",
		"a\xffb\xe9\x94":     "\"a\ufffdb\ufffd\ufffd\"",
		"right\u202eto left": "\"right\u202eto left\"",
	} {
		if got := string(jsontext.Quote(nil, in)); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestTextAndLine(t *testing.T) {
	for _, tt := range []struct{ in, text, line string }{
		{"plain", "plain", "plain"},
		{"a\r\nb\rc\nd", "a\nb\nc\nd", "a b c d"},
		{"a\tb", "a\tb", "a b"},
		{"a\x00b\x7fc\u0081d\ufeffe", "abcde", "abcde"},
		{"a\u2028b\u0085c", "a\nb\nc", "a b c"},
		{"a\xffb", "a\ufffdb", "a\ufffdb"},
		{"\u202e销", "\u202e销", "\u202e销"},
	} {
		if got := jsontext.Text(tt.in); got != tt.text {
			t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.text)
		}
		if got := jsontext.Line(tt.in); got != tt.line {
			t.Errorf("Line(%q) = %q, want %q", tt.in, got, tt.line)
		}
		if got, want := string(jsontext.AppendLine(nil, tt.in)), string(jsontext.Append(nil, tt.line)); got != want {
			t.Errorf("AppendLine(%q) = %q, want %q", tt.in, got, want)
		}
	}
}

func FuzzQuote(f *testing.F) {
	f.Add("a\"<\\\n\u2028\xff")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(jsontext.Quote(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		// encoding/json is the oracle for what bytes that are no UTF-8 become.
		b, _ := json.Marshal(s)
		var want string
		_ = json.Unmarshal(b, &want)
		if got != want {
			t.Errorf("Quote(%q) reads back as %q", s, got)
		}
		if l := jsontext.Line(s); !utf8.ValidString(l) || strings.ContainsAny(l, "\n\r\t\x00\u2028") {
			t.Errorf("Line(%q) = %q", s, l)
		}
		text := jsontext.Text(s)
		if err := json.Unmarshal([]byte(`"`+string(jsontext.AppendText(nil, []byte(text)))+`"`), &got); err != nil || got != text {
			t.Errorf("AppendText(%q) reads back as %q, %v", text, got, err)
		}
	})
}

func FuzzAppendLine(f *testing.F) {
	for _, s := range []string{"", "plain", `a "quote" and a \slash`, "ends with \x7f", "tab\tand more", "1234567\x80", "12345678é\u2028", "a\r\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(jsontext.AppendLine(nil, s)), string(jsontext.Append(nil, jsontext.Line(s))); got != want {
			t.Errorf("AppendLine(%q) = %q, want %q", s, got, want)
		}
	})
}

func TestSet(t *testing.T) {
	for c := range 256 {
		s := "ab" + string([]byte{byte(c)}) + "c"
		want := c >= 0x7f || string(jsontext.AppendLine(nil, s)) != s
		if got := jsontext.Special.In(s); got != want {
			t.Errorf("In(%q) = %v, want %v", s, got, want)
		}
		dst := make([]byte, len(s))
		if got := jsontext.Special.Copy(dst, s); got != want || string(dst) != s {
			t.Errorf("Copy(%q) = %v and copies %q, want %v", s, got, dst, want)
		}
	}
}
