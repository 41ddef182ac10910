package email

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
)

// Keys of Destination.Options.
const (
	OptionHost        = "host"        // SMTP server, a name or an address without port
	OptionPort        = "port"        // 1 to 65535; 465 if missing
	OptionTLS         = "tls"         // "implicit", "starttls" or "none"
	OptionAuth        = "auth"        // see Auth
	OptionUser        = "user"        // the account's name at the server
	OptionFrom        = "from"        // sender's address
	OptionNickname    = "nickname"    // sender's name
	OptionTo          = "to"          // receivers, comma separated
	OptionCc          = "cc"          // likewise
	OptionBcc         = "bcc"         // likewise, in no header
	OptionReplyTo     = "replyTo"     // likewise
	OptionRefused     = "refused"     // "drop": go on without receivers that are refused for good
	OptionImages      = "images"      // "remote": let clients load pictures by address
	OptionUnsubscribe = "unsubscribe" // address of the List-Unsubscribe header
	OptionHelo        = "helo"        // name that the client gives itself
	OptionRates       = "rates"       // what the account may send, such as "30/1m,500/24h"
)

// SecretPassword is the key of the password, or of the access token for XOAUTH2,
// in Destination.Secrets.
const SecretPassword = "password"

// DefaultPort is used where a destination names none: submission over implicit
// TLS (RFC 8314 section 3.3).
const DefaultPort = 465

// TLS is how a connection is encrypted.
type TLS string

const (
	// AutoTLS is ImplicitTLS on port 465 and STARTTLS on every other.
	AutoTLS TLS = ""
	// ImplicitTLS encrypts from the first byte.
	ImplicitTLS TLS = "implicit"
	// STARTTLS encrypts after the greeting; a server that does not offer it is
	// an error.
	STARTTLS TLS = "starttls"
	// NoTLS sends in clear text. PLAIN, LOGIN and XOAUTH2 are then refused,
	// except PLAIN and LOGIN to localhost.
	NoTLS TLS = "none"
)

// Auth is a way to log in.
type Auth string

// Ways to log in. Those without a comment insist on the mechanism they name.
const (
	// AutoAuth takes the first that the server offers of SCRAM-SHA-256,
	// SCRAM-SHA-1, PLAIN, LOGIN and CRAM-MD5; without TLS only the challenges
	// among them. Without a user and a password it does not log in.
	AutoAuth Auth = ""
	// NoAuth does not log in.
	NoAuth Auth = "none"

	Plain           Auth = "plain"
	Login           Auth = "login"
	CRAMMD5         Auth = "cram-md5"
	SCRAMSHA1       Auth = "scram-sha-1"
	SCRAMSHA256     Auth = "scram-sha-256"
	SCRAMSHA1Plus   Auth = "scram-sha-1-plus"   // bound to the TLS connection
	SCRAMSHA256Plus Auth = "scram-sha-256-plus" // likewise
	// XOAUTH2 sends an access token: what Options.Token gives, else the
	// password.
	XOAUTH2 Auth = "xoauth2"
)

// Account is a mail destination as a Go program writes it.
type Account struct {
	// Host is the SMTP server, without a port.
	Host string
	// Port 0 is 465.
	Port int
	TLS  TLS
	Auth Auth
	// User is the account's full name at the server. Empty with a password, it
	// is From's address.
	User     string
	Password channel.Secret
	// From is the sender's address. Empty, it is User where that is an address.
	From string
	// Nickname is the sender's name. Empty leaves it out.
	Nickname string
	// To, Cc, Bcc and ReplyTo hold addresses, with or without a name. An entry
	// may hold several, separated by commas. Bcc appears in no header.
	To, Cc, Bcc, ReplyTo []string
	// DropRefused goes on without receivers that the server refuses for good.
	// False: nobody gets a mail that one receiver is refused for.
	DropRefused bool
	// RemoteImages lets mail clients load pictures by address. False shows them
	// as links, because many clients block them and loading tells the picture's
	// host who reads.
	RemoteImages bool
	// Unsubscribe is an https or mailto address for the List-Unsubscribe header
	// (RFC 2369). Empty leaves it out.
	Unsubscribe string
	// Helo is the name that the client gives itself. Empty is the host name of
	// the machine.
	Helo string
	// Rates are what the account may send. Nil is Options.Rates.
	Rates []channel.Rate
}

// To makes a mail destination. It reports no mistakes; [Channel.Check] does.
func To(name string, a Account) channel.Destination {
	d := channel.Destination{Name: name, Kind: channel.Email, Options: map[string]string{}}
	set := func(key, value string) {
		if value != "" {
			d.Options[key] = value
		}
	}
	set(OptionHost, a.Host)
	if a.Port != 0 {
		set(OptionPort, strconv.Itoa(a.Port))
	}
	set(OptionTLS, string(a.TLS))
	set(OptionAuth, string(a.Auth))
	set(OptionUser, a.User)
	set(OptionFrom, a.From)
	set(OptionNickname, a.Nickname)
	set(OptionTo, strings.Join(a.To, ", "))
	set(OptionCc, strings.Join(a.Cc, ", "))
	set(OptionBcc, strings.Join(a.Bcc, ", "))
	set(OptionReplyTo, strings.Join(a.ReplyTo, ", "))
	if a.DropRefused {
		set(OptionRefused, refusedDrop)
	}
	if a.RemoteImages {
		set(OptionImages, imagesRemote)
	}
	set(OptionUnsubscribe, a.Unsubscribe)
	set(OptionHelo, a.Helo)
	rates := make([]string, len(a.Rates))
	for i, r := range a.Rates {
		rates[i] = strconv.Itoa(r.N) + "/" + r.Per.String()
	}
	set(OptionRates, strings.Join(rates, ","))
	if !a.Password.IsZero() {
		d.Secrets = map[string]channel.Secret{SecretPassword: a.Password}
	}
	return d
}

const (
	refusedDrop  = "drop"
	imagesRemote = "remote"
)

// settings is a destination after reading.
type settings struct {
	host                 string
	port                 int
	tls                  TLS
	auth                 Auth
	user, password       string
	from                 *mail.Address
	to, cc, bcc, replyTo []*mail.Address
	dropRefused          bool
	remoteImages         bool
	unsubscribe          string
	helo                 string
	rates                []channel.Rate
}

// read parses what a destination says. It is strict about what is there and
// silent about what is missing: a preview has no address.
func read(d channel.Destination) (settings, error) {
	var s settings
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("option %q: "+format, append([]any{key}, args...)...))
	}
	opt := func(key string) string { return strings.TrimSpace(d.Options[key]) }

	for _, key := range slices.Sorted(maps.Keys(d.Options)) {
		if !slices.Contains(optionKeys[:], key) {
			bad(key, "unknown; the keys are %s", strings.Join(optionKeys[:], ", "))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Secrets)) {
		if key != SecretPassword {
			errs = append(errs, fmt.Errorf("secret %q: unknown; the only key is %q", key, SecretPassword))
		}
	}

	s.host = opt(OptionHost)
	if strings.ContainsFunc(s.host, notHost) || strings.Count(s.host, ":") == 1 {
		bad(OptionHost, "%q is not a host; write a name or an address without scheme and port", clip(s.host, 80))
	}
	s.port = DefaultPort
	if p := opt(OptionPort); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			bad(OptionPort, "%q is not a port from 1 to 65535", clip(p, 20))
		} else {
			s.port = n
		}
	}
	switch s.tls = TLS(strings.ToLower(opt(OptionTLS))); s.tls {
	case ImplicitTLS, STARTTLS, NoTLS:
	case AutoTLS:
		s.tls = STARTTLS
		if s.port == DefaultPort {
			s.tls = ImplicitTLS
		}
	default:
		bad(OptionTLS, "%q is none of implicit, starttls and none", clip(string(s.tls), 20))
	}
	s.auth = Auth(strings.ToLower(opt(OptionAuth)))
	if !slices.Contains(auths[:], s.auth) {
		bad(OptionAuth, "%q is no known way to log in", clip(string(s.auth), 20))
	}

	list := func(key string) []*mail.Address {
		addrs, err := addresses(d.Options[key])
		if err != nil {
			bad(key, "%w", err)
		}
		return addrs
	}
	from := list(OptionFrom)
	s.user = opt(OptionUser)
	s.password = d.Secrets[SecretPassword].Reveal()
	if len(from) == 0 && strings.Contains(s.user, "@") {
		from, _ = addresses(s.user)
	}
	switch len(from) {
	case 0:
	case 1:
		s.from = from[0]
		if n := opt(OptionNickname); n != "" {
			s.from.Name = clip(oneLine(n), nameLimit)
		}
	default:
		bad(OptionFrom, "one address is needed, not %d", len(from))
	}
	if s.user == "" && !d.Secrets[SecretPassword].IsZero() && s.from != nil {
		s.user = s.from.Address
	}
	if strings.ContainsFunc(s.user, isControl) {
		bad(OptionUser, "control characters are not allowed")
	}
	s.to, s.cc, s.bcc, s.replyTo = list(OptionTo), list(OptionCc), list(OptionBcc), list(OptionReplyTo)

	switch v := opt(OptionRefused); v {
	case "", refusedDrop:
		s.dropRefused = v != ""
	default:
		bad(OptionRefused, "%q is not %q", clip(v, 20), refusedDrop)
	}
	switch v := opt(OptionImages); v {
	case "", imagesRemote:
		s.remoteImages = v != ""
	default:
		bad(OptionImages, "%q is not %q", clip(v, 20), imagesRemote)
	}
	if s.unsubscribe = opt(OptionUnsubscribe); s.unsubscribe != "" {
		u, err := url.Parse(s.unsubscribe)
		if err != nil || u.Scheme != "https" && u.Scheme != "mailto" || len(s.unsubscribe) > 900 ||
			strings.ContainsFunc(s.unsubscribe, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }) {
			bad(OptionUnsubscribe, "an https or mailto address of up to 900 characters is needed")
			s.unsubscribe = ""
		}
	}
	if s.helo = opt(OptionHelo); strings.ContainsFunc(s.helo, notHost) {
		bad(OptionHelo, "%q is not a host name", clip(s.helo, 80))
	}
	var err error
	if s.rates, err = parseRates(opt(OptionRates)); err != nil {
		bad(OptionRates, "%w", err)
	}
	return s, errors.Join(errs...)
}

var optionKeys = [...]string{
	OptionHost, OptionPort, OptionTLS, OptionAuth, OptionUser, OptionFrom, OptionNickname, OptionTo, OptionCc,
	OptionBcc, OptionReplyTo, OptionRefused, OptionImages, OptionUnsubscribe, OptionHelo, OptionRates,
}

var auths = [...]Auth{
	AutoAuth, NoAuth, Plain, Login, CRAMMD5, SCRAMSHA1, SCRAMSHA256, SCRAMSHA1Plus, SCRAMSHA256Plus, XOAUTH2,
}

// missing reports what a destination must have before anything can be sent.
func (s settings) missing() error {
	var errs []error
	if s.host == "" {
		errs = append(errs, fmt.Errorf("option %q: missing; name the SMTP server", OptionHost))
	}
	if s.from == nil {
		errs = append(errs, fmt.Errorf("option %q: missing; name the sender's address", OptionFrom))
	}
	if len(s.to)+len(s.cc)+len(s.bcc) == 0 {
		errs = append(errs, fmt.Errorf("option %q: no receiver", OptionTo))
	}
	return errors.Join(errs...)
}

// Check reports every mistake in a destination at once, without I/O: a missing
// host, sender or receiver, a bad port, an address that is none, an unknown key.
func (c *Channel) Check(to channel.Destination) error {
	s, err := read(to)
	errs := []error{err, s.missing()}
	if to.Kind != channel.Email {
		errs = append(errs, fmt.Errorf("kind %q is not %q", to.Kind, channel.Email))
	}
	if !to.URL.IsZero() {
		errs = append(errs, errors.New("url: mail has none; the server goes into the options"))
	}
	secret := to.Secrets[SecretPassword]
	if logsIn := s.auth != NoAuth && (s.auth != AutoAuth || s.user != ""); logsIn {
		if s.user == "" {
			errs = append(errs, fmt.Errorf("option %q: missing; %s needs an account", OptionUser, s.auth))
		}
		if secret.IsZero() && (s.auth != XOAUTH2 || c.options.Token == nil) {
			errs = append(errs, fmt.Errorf("secret %q: missing for the account", SecretPassword))
		}
	}
	if s.tls == NoTLS && s.auth == XOAUTH2 {
		errs = append(errs, fmt.Errorf("option %q: xoauth2 needs TLS, or the token is sent in clear text", OptionTLS))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("email: destination %q: %w", to.Name, err)
	}
	return nil
}

// receivers are the addresses of the envelope, each once.
func (s settings) receivers() []string {
	var out []string
	for _, l := range [][]*mail.Address{s.to, s.cc, s.bcc} {
		for _, a := range l {
			if !slices.Contains(out, a.Address) {
				out = append(out, a.Address)
			}
		}
	}
	return out
}

// budget names the account that rates are counted on.
func (s settings) budget() string {
	user := s.user
	if user == "" && s.from != nil {
		user = s.from.Address
	}
	if s.host == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("email\x00" + strings.ToLower(s.host) + "\x00" + user))
	return hex.EncodeToString(sum[:12])
}

// addresses reads a list separated by commas; semicolons and line breaks, which
// people paste from mail clients, count too.
func addresses(list string) ([]*mail.Address, error) {
	var out []*mail.Address
	var errs []error
	n := 0
	for item := range splitList(list) {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		n++
		a, err := mail.ParseAddress(item)
		if err != nil || strings.ContainsFunc(a.Address, isControl) || len(a.Address) > 254 {
			errs = append(errs, fmt.Errorf("entry %d, %q, is not a mail address", n, clip(item, 80)))
			continue
		}
		a.Name = clip(oneLine(a.Name), nameLimit)
		out = append(out, a)
	}
	return out, errors.Join(errs...)
}

// nameLimit are the characters of a name beside an address.
const nameLimit = 100

func splitList(list string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted, angle, escaped := 0, false, false, false
		for i, r := range list {
			switch {
			case escaped:
				escaped = false
			case quoted && r == '\\':
				escaped = true
			case r == '"':
				quoted = !quoted
			case quoted:
			case r == '<':
				angle = true
			case r == '>':
				angle = false
			case angle:
			case r == ',' || r == ';' || r == '\n' || r == '，' || r == '；':
				if !yield(list[start:i]) {
					return
				}
				start = i + len(string(r))
			}
		}
		yield(list[start:])
	}
}

func parseRates(s string) ([]channel.Rate, error) {
	if s == "" {
		return nil, nil
	}
	var out []channel.Rate
	for item := range strings.SplitSeq(s, ",") {
		count, per, ok := strings.Cut(strings.TrimSpace(item), "/")
		n, err := strconv.Atoi(count)
		d, err2 := time.ParseDuration(per)
		if !ok || err != nil || err2 != nil || n < 1 || d <= 0 {
			return nil, fmt.Errorf("%q is not a rate; write a count and a time, such as 30/1m", clip(item, 40))
		}
		out = append(out, channel.Rate{N: n, Per: d})
	}
	return out, nil
}

func notHost(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '-' || r == '_' || r == ':')
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }

// clip shortens s to n runes.
func clip(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}
