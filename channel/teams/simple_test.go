package teams

import (
	"testing"

	"github.com/datapush-go/datapush/internal/jsontext"
)

// What the quick look lets pass must be what the careful one does.
func checkSimple(t *testing.T, s string) {
	if simple(s) && (!plain(s) || jsontext.Line(s) != s || string(jsontext.Append(nil, s)) != s) {
		t.Errorf("%q is taken for simple", s)
	}
}

func TestSimple(t *testing.T) {
	for c := range 256 {
		for d := range 256 {
			pair := string([]byte{byte(c), byte(d)})
			for _, s := range []string{pair, "1" + pair, "a" + pair, "1" + pair + " x", "a" + pair + "/b", "w" + pair + "w."} {
				checkSimple(t, s)
			}
		}
	}
	for _, s := range []string{"", "value 1 of 2", "12.50", "1,234.5 %", "2024-01-02 10:30", "a/b", "two rows (new)x"} {
		if !simple(s) {
			t.Errorf("%q is looked at twice", s)
		}
	}
}

func FuzzSimple(f *testing.F) {
	for _, s := range []string{"", "value 1 of 2", "12.50", "1.", "1. x", "2) y", "-5", "- x", "+1", "a  b", " a", "www.x", "a://b", "=", "中", "a\"b", "**b**", "a\tb"} {
		f.Add(s)
	}
	f.Fuzz(checkSimple)
}
