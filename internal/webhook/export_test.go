package webhook

import (
	"crypto/x509"
	"time"
)

// SetAnswer shortens the time limit of an answer's header.
func (c *Client) SetAnswer(d time.Duration) { c.watch.answer = d }

// Trust makes the client's own transport trust a certificate.
func (c *Client) Trust(cert *x509.Certificate) {
	c.own.TLSClientConfig.RootCAs = x509.NewCertPool()
	c.own.TLSClientConfig.RootCAs.AddCert(cert)
}
