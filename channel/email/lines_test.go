package email_test

import (
	"bufio"
	"bytes"
	"io"
	"net/textproto"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel/email"
)

// onTheLine is what a mail is between the answer to DATA and the final dot.
func onTheLine(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := email.WriteLines(bufio.NewWriterSize(&out, 16), data); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAMailIsWrittenInWholeLinesWithDotsDoubled(t *testing.T) {
	cases := []struct{ name, in, want string }{
		{"lines as they are", "a\r\nb\r\n", "a\r\nb\r\n"},
		{"an empty line", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
		{"a dot in a line", "a.\r\nb.c\r\n", "a.\r\nb.c\r\n"},
		{"a dot first of all", ".a\r\n", "..a\r\n"},
		{"a dot alone", "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"},
		{"dots line after line", ".\r\n..\r\n.\r\n", "..\r\n...\r\n..\r\n"},
		{"a dot alone between line feeds, which some servers would take for the end", "a\n.\nb", "a\r\n..\r\nb\r\n"},
		{"line feeds only", "\n\na\n", "\r\n\r\na\r\n"},
		{"the last line is open", "a\r\nb", "a\r\nb\r\n"},
		{"the last line is half closed", "a\r", "a\r\n"},
		{"a dot at the very end", "a\r\n.", "a\r\n..\r\n"},
		{"a line longer than the buffer", strings.Repeat("x", 100) + "\r\n." + strings.Repeat("y", 100), strings.Repeat("x", 100) + "\r\n.." + strings.Repeat("y", 100) + "\r\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, string(onTheLine(t, []byte(c.in)))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// The standard library's writer is the other opinion.
func FuzzLines(f *testing.F) {
	for _, s := range []string{"a", ".", "\r", "\n", "\r\n", "a\n.\n", ".\r\n.", "a\r.\r\nb", "\n\r\n."} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// It adds a third carriage return before a line feed after two.
		if bytes.Contains(data, []byte("\r\r")) {
			return
		}
		var out bytes.Buffer
		w := textproto.NewWriter(bufio.NewWriter(&out)).DotWriter()
		_, _ = w.Write(data)
		_ = w.Close()
		got := append(onTheLine(t, data), ".\r\n"...)
		if diff := cmp.Diff(out.String(), string(got)); diff != "" {
			t.Errorf("(-theirs +ours)\n%s", diff)
		}
		// No content ends the mail before its end.
		r := bufio.NewReader(bytes.NewReader(got))
		if _, err := io.Copy(io.Discard, textproto.NewReader(r).DotReader()); err != nil || r.Buffered() > 0 {
			t.Errorf("%d bytes are left after the final dot: %v", r.Buffered(), err)
		}
	})
}
