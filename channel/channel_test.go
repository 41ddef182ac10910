package channel_test

import (
	"testing"

	"github.com/datapush-go/datapush/channel"
)

// plain has no optional interface, checking has one, wrapping only what is
// inside it.
type (
	plain    struct{ channel.Channel }
	checking struct{ channel.Channel }
	wrapping struct{ channel.Channel }
)

func (checking) Check(channel.Destination) error { return nil }

func (w wrapping) Unwrap() channel.Channel { return w.Channel }

func TestAsFindsAnOptionalInterfaceBehindWrappers(t *testing.T) {
	for _, c := range []struct {
		name    string
		channel channel.Channel
		want    bool
	}{
		{"on the channel itself", checking{}, true},
		{"behind two wrappers", wrapping{wrapping{checking{}}}, true},
		{"on a wrapper", checking{plain{}}, true},
		{"nowhere", plain{}, false},
		{"not behind what does not unwrap", plain{checking{}}, false},
		{"not behind nothing", wrapping{nil}, false},
		{"not on nothing", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := channel.As[channel.Checker](c.channel)
			if ok != c.want || (got != nil) != c.want {
				t.Errorf("found %v (%v), want %v", got, ok, c.want)
			}
		})
	}
}
