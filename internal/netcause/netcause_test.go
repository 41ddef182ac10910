package netcause_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/datapush-go/datapush/internal/netcause"
)

func TestText(t *testing.T) {
	addr := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 5432}
	op := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Addr: addr, Err: err} }
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"a host that is not there", &net.DNSError{Name: "db.internal", Err: "no such host"}, "the server's host name cannot be resolved"},
		{"a refusal", op(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "connection refused; is the server running and the port right?"},
		{"a reset", fmt.Errorf("x: %w", op(os.NewSyscallError("read", syscall.ECONNRESET))), "the connection was lost"},
		{"the end", io.ErrUnexpectedEOF, "the connection was lost"},
		{"silence", op(os.ErrDeadlineExceeded), "the server did not answer in time"},
		{"a deadline", context.DeadlineExceeded, "the server did not answer in time"},
		{"a certificate", x509.UnknownAuthorityError{}, "the server's certificate is not trusted for its name"},
		{"another", op(errors.New("10.0.0.7 said no")), "the network failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := netcause.Text(tt.err); !ok || got != tt.want {
				t.Errorf("%q, %v; want %q", got, ok, tt.want)
			}
		})
	}
	if got, ok := netcause.Text(errors.New("a syntax error")); ok {
		t.Errorf("%q for an error that is not of the network", got)
	}
}

func TestMaskQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", `value "secret" is bad`: "value … is bad", `a 'x' b`: "a … b", `key ("a")=("b") twice`: "key (…) twice", `open "secret`: "open …",
	} {
		if got := netcause.MaskQuoted(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func FuzzMaskQuoted(f *testing.F) {
	f.Add("a", "b")
	f.Fuzz(func(t *testing.T, before, inside string) {
		if strings.Contains(before, "sesame") {
			return
		}
		for _, q := range []string{`"`, "'"} {
			if got := netcause.MaskQuoted(before + q + "sesame" + inside + q); strings.Contains(got, "sesame") {
				t.Errorf("%q shows what is quoted", got)
			}
		}
	})
}
