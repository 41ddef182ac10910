package teams

import (
	"testing"

	"github.com/datapush-go/datapush/internal/jsontext"
)

// What the quick look lets pass must be what the careful one does.
func FuzzSimple(f *testing.F) {
	for _, s := range []string{"", "value 1 of 2", "12.50", "1.", "1. x", "2) y", "-5", "- x", "+1", "a  b", " a", "www.x", "a://b", "=", "中", "a\"b", "**b**", "a\tb"} {
		f.Add(s)
	}
	for c := range 256 {
		f.Add("a" + string([]byte{byte(c)}) + "b")
	}
	f.Fuzz(func(t *testing.T, s string) {
		if simple(s) && (!plain(s) || jsontext.Line(s) != s || string(jsontext.Append(nil, s)) != s) {
			t.Errorf("%q is taken for simple", s)
		}
	})
}
