package snowflake

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// SetGrace sets how long a source waits for the service once a context has ended.
func SetGrace(s *Source, d time.Duration) { s.grace = d }

// cellsOf reads all rows with the reader under test.
func cellsOf(in io.Reader) ([][]*string, error) {
	r := newReader(in)
	var rows [][]*string
	for {
		row := []*string{}
		more, err := r.row(func(text []byte, null bool) error {
			if null {
				row = append(row, nil)
				return nil
			}
			s := string(text)
			row = append(row, &s)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if !more {
			return rows, r.end()
		}
		rows = append(rows, row)
	}
}

// FuzzReader asks encoding/json, whole and byte by byte.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		``, `["a",null]`, `[], ["b"]`, "[\"a\\n\\\"\\\\\\/\\u00e9\\ud83d\\ude42\"]", `["\ud83d"]`, `["\ud83dx"]`, `["\ud83d\n"]`, `["\ud83d\u0041"]`, `["\ud83d\ud83d\ude42"]`,
		`["a",]`, `["a"`, `["a`, `["a"] ["b"]`, `["a"],`, `[1]`, `[nul]`, `[nul l]`, "[\"a\tb\"]", `["\x"]`, ` [ "a" , null ] , [ "b" ] `, `x`, "\x00", "[\"a\"]\x00", `["\u12"]`, "[\"中文\"]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want [][]*string
		if !utf8.ValidString(text) {
			return // encoding/json mends it
		}
		wantErr := json.Unmarshal([]byte("["+text+"]"), &want)
		if slices.ContainsFunc(want, func(row []*string) bool { return row == nil }) {
			return // null for a row
		}
		for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			got, err := cellsOf(in)
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("%q: %v; encoding/json says %v", text, err, wantErr)
			}
			if err != nil || len(got) == 0 && len(want) == 0 {
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%q (-encoding/json +reader):\n%s", text, diff)
			}
		}
	})
}

func TestReaderTellsWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`["a"],["b`: "it ended too early", `["a"],`: "it ended too early", `["a"]["b"]`: "it is not in the JSON format", `{"a":1}`: "it is not in the JSON format",
	} {
		if _, err := cellsOf(strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := cellsOf(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(`["a"]`)))); err == nil || err.Error() != "it could not be read" {
		t.Errorf("%v", err)
	}
}

func TestValuesThatCannotBeReadAreErrors(t *testing.T) {
	for _, c := range []struct {
		typ   string
		scale int64
		texts []string
	}{
		{"fixed", 0, []string{"", "-", "1e3", "0x1", "1.", ".5", "1_000"}},
		{"fixed", 2, []string{"", "1.2.3", "-.5", "NaN"}},
		{"decfloat", 0, []string{"e5", "1e", "1e99999", "1e5x", "--1e5"}},
		{"real", 0, []string{"", "x"}},
		{"boolean", 0, []string{"", "2", "yes"}},
		{"date", 0, []string{"", "1.5", "99999999999"}},
		{"time", 9, []string{"", "-1", "86400", "1.0000000000", "08:00", "1.x"}},
		{"timestamp_ntz", 9, []string{"", "-", "1.0000000000", "x", "99999999999999999999"}},
		{"timestamp_tz", 9, []string{"", "1", "1 x", "1 -1", "1 2881", "x 1440"}},
		{"binary", 0, []string{"A", "XY"}},
	} {
		decode := decoder(c.typ, c.scale, nil)
		for _, text := range c.texts {
			if v, err := decode([]byte(text)); err == nil {
				t.Errorf("%s %q became %v", c.typ, text, v)
			}
		}
	}
}

func BenchmarkReader(b *testing.B) {
	text := strings.TrimSuffix(strings.Repeat("[\"12345\", \"department 7\", null, \"0.25\", \"a \\\"note\\\"\"], ", 4_000), ", ")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := newReader(strings.NewReader(text))
		for more := true; more; {
			var err error
			if more, err = r.row(func([]byte, bool) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	}
}
