package channel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/datapush-go/datapush/channel"
)

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		err  channel.Error
		want string
	}{
		{channel.Error{Op: "lark: send", Code: "19024", Err: errors.New("key words not found")}, "lark: send: code 19024: key words not found"},
		{channel.Error{Op: "lark: send", Err: io.EOF}, "lark: send: EOF"},
		{channel.Error{Op: "lark: send", Code: "19024"}, "lark: send: code 19024"},
		{channel.Error{Code: "19024", Err: io.EOF}, "code 19024: EOF"},
		{channel.Error{Op: "lark: send"}, "lark: send"},
		{channel.Error{}, "unknown"},
		{channel.Error{Outcome: channel.NotSent}, "not sent"},
		{channel.Error{Outcome: channel.Rejected}, "rejected"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%#v reads %q, want %q", c.err, got, c.want)
		}
	}
}

func TestErrorLeadsToItsCause(t *testing.T) {
	err := fmt.Errorf("push: %w", &channel.Error{Op: "lark: send", Outcome: channel.NotSent, Err: context.Canceled})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not its cause", err)
	}
	var e *channel.Error
	if !errors.As(err, &e) || e.Outcome != channel.NotSent {
		t.Errorf("the outcome is not found: %v", e)
	}
	if err := errors.Unwrap(&channel.Error{}); err != nil {
		t.Errorf("an error without a cause leads to %v", err)
	}
}

func TestOutcomeString(t *testing.T) {
	for o, want := range map[channel.Outcome]string{channel.Unknown: "unknown", channel.NotSent: "not sent", channel.Rejected: "rejected", 9: "unknown"} {
		if got := o.String(); got != want {
			t.Errorf("outcome %d reads %q, want %q", o, got, want)
		}
	}
}
