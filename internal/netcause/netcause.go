// Package netcause says in plain words why a server could not be reached or was
// lost. Drivers' own texts name hosts, users and databases, which must not get
// into errors.
package netcause

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
)

// Text returns a sentence without names and addresses, and false when err is not
// of the network.
func Text(err error) (string, bool) {
	var (
		dns  *net.DNSError
		cert *tls.CertificateVerificationError
		auth x509.UnknownAuthorityError
		host x509.HostnameError
		rec  tls.RecordHeaderError
		op   *net.OpError
		ne   net.Error
	)
	switch {
	case errors.As(err, &dns):
		return "the server's host name cannot be resolved", true
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused; is the server running and the port right?", true
	case errors.As(err, &cert), errors.As(err, &auth), errors.As(err, &host):
		return "the server's certificate is not trusted for its name", true
	case errors.As(err, &rec):
		return "the server does not speak TLS", true
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "the connection was lost", true
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return "the server did not answer in time", true
	case errors.As(err, &op):
		return "the network failed", true
	}
	return "", false
}

// MaskQuoted replaces what stands in double or single quotes, where servers
// repeat values from rows.
func MaskQuoted(text string) string {
	var b strings.Builder
	for {
		i := strings.IndexAny(text, `"'`)
		if i < 0 {
			break
		}
		j := strings.LastIndexByte(text, text[i])
		b.WriteString(text[:i])
		b.WriteString("…")
		if j == i {
			return b.String()
		}
		text = text[j+1:]
	}
	b.WriteString(text)
	return b.String()
}
