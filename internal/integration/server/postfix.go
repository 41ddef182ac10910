package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// MailUser is the account of the mail server; its password is Password.
const MailUser = "dp@mx.test"

// MailSize is the largest mail that the mail server takes, in bytes.
const MailSize = 200_000

// Mail is a Postfix of its own, for the domain x.test. It takes mail only after
// a login. no@x.test does not exist there and later@x.test is greylisted.
type Mail struct {
	*Server
	// Implicit is the port with TLS from the first byte, STARTTLS the other.
	Implicit, STARTTLS int
	// Roots holds the certificate's authority.
	Roots *x509.CertPool
}

// Postfix starts a mail server. It needs root, because Postfix changes users.
func Postfix() (*Mail, error) {
	bin, err := exec.LookPath("postfix")
	if err != nil {
		return nil, fmt.Errorf("Postfix: %w", ErrMissing)
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("Postfix needs root: %w", ErrMissing)
	}
	owner, err := user.Lookup("postfix")
	if err != nil {
		return nil, fmt.Errorf("Postfix: %w: %w", ErrMissing, err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	dir, err := folder(nil)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	for _, d := range []string{"queue", "data", "mail", "sasl"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	for _, d := range []string{"data", "mail"} {
		if err := os.Chown(filepath.Join(dir, d), uid, gid); err != nil {
			return nil, err
		}
	}
	m := &Mail{}
	if m.Implicit, err = freePort(); err != nil {
		return nil, err
	}
	if m.STARTTLS, err = freePort(); err != nil {
		return nil, err
	}
	if m.Roots, err = certificate(dir); err != nil {
		return nil, err
	}
	files := map[string]string{
		"main.cf": fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = /dev/stdout
myhostname = mx.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_mailbox_domains = x.test
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:%[2]d
virtual_gid_maps = static:%[3]d
virtual_transport = virtual
message_size_limit = %[4]d
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_tls_cert_file = %[1]s/cert.pem
smtpd_tls_key_file = %[1]s/key.pem
smtpd_sasl_auth_enable = yes
cyrus_sasl_config_path = %[1]s/sasl
smtpd_sasl_local_domain = mx.test
smtpd_recipient_restrictions = check_recipient_access inline:{ {no@x.test = 550 5.1.1 no such user}, {later@x.test = 451 4.7.1 greylisted} }, permit_sasl_authenticated, reject
smtpd_delay_reject = no
`, dir, uid, gid, MailSize),
		"master.cf": fmt.Sprintf(`127.0.0.1:%d inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:%d inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`, m.Implicit, m.STARTTLS),
		"sasl/smtpd.conf": "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256\nsasldb_path: " + dir + "/sasl/db\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	name, domain, _ := strings.Cut(MailUser, "@")
	cmd := exec.Command("saslpasswd2", "-p", "-c", "-f", filepath.Join(dir, "sasl/db"), "-u", domain, name)
	cmd.Stdin = strings.NewReader(Password)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("saslpasswd2: %w: %s: %w", ErrMissing, out, err)
	}
	if err := os.Chown(filepath.Join(dir, "sasl/db"), uid, gid); err != nil {
		return nil, err
	}
	// The check makes the queue's folders. "postfix start-fg" would leave its
	// master behind, so that is started here.
	if err := run(nil, dir, bin, "-c", dir, "check"); err != nil {
		return nil, err
	}
	daemons, err := exec.Command("postconf", "-h", "daemon_directory").Output()
	if err != nil {
		return nil, err
	}
	master := filepath.Join(strings.TrimSpace(string(daemons)), "master")
	m.Server = &Server{Port: m.Implicit, dir: dir, stop: syscall.SIGTERM, args: []string{master, "-c", dir, "-s"}}
	m.ready = dial(m.Addr())
	return m, m.Start()
}

// Stored waits for n mails in the mailbox and returns their bytes, oldest first
// as far as their names tell.
func (m *Mail) Stored(n int) ([][]byte, error) {
	box := filepath.Join(m.dir, "mail", "box", "new")
	for range 600 {
		names, _ := filepath.Glob(filepath.Join(box, "*"))
		if len(names) >= n {
			var out [][]byte
			for _, name := range names {
				b, err := os.ReadFile(name)
				if err != nil {
					return nil, err
				}
				out = append(out, b)
			}
			return out, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, fmt.Errorf("the mailbox does not hold %d mails\n%s", n, tail(m.log.Bytes()))
}

// certificate writes cert.pem and key.pem for localhost.
func certificate(dir string) (*x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), cert, 0o644); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return pool, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600)
}
