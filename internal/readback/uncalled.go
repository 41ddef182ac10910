package readback

import (
	"slices"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/channel"
)

// Uncalled judges what a channel says about a mention, which it can make, in text
// that is too long to send.
func Uncalled(t *testing.T, c channel.Channel, m channel.Mention) {
	t.Helper()
	var long []channel.Block
	for range 9000 {
		long = append(long, Paragraph(channel.Text("short text")))
	}
	at := Paragraph(channel.Text("for "), &m)
	warning := channel.Warning{Code: channel.WarnCut, Text: m.Label() + " is not mentioned: the message is too long, and the text that mentions them is not sent"}
	for _, tt := range []struct {
		name   string
		blocks []channel.Block
		own    []channel.Mention
		want   bool
	}{
		{"at the end", append(slices.Clone(long), at), nil, true},
		{"after one long block", []channel.Block{Paragraph(channel.Text(strings.Repeat("long text ", 20000))), at}, nil, true},
		{"at the beginning too", append([]channel.Block{at}, append(slices.Clone(long), at)...), nil, false},
		{"by the destination too", append(slices.Clone(long), at), []channel.Mention{m}, false},
		{"in a message that is not cut", []channel.Block{at}, nil, false},
	} {
		for _, fit := range []channel.Fit{channel.Split, channel.TopRows} {
			ps, err := c.Encode(Message("t", tt.blocks...), channel.Destination{Fit: fit, Mentions: tt.own})
			if err != nil {
				t.Fatal(err)
			}
			warned, called := false, false
			for _, p := range ps {
				warned = warned || slices.Contains(p.Warnings, warning)
				called = called || strings.Contains(string(p.Body), m.ID)
			}
			if warned != tt.want || called == tt.want {
				t.Errorf("a mention %s (%s): warned %t, called %t, want one of them", tt.name, fit, warned, called)
			}
		}
	}
}
