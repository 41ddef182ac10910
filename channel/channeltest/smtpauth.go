package channeltest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// AuthMechanisms are those that the fake offers on this connection.
func (s *smtpSession) AuthMechanisms() []string {
	o := &s.f.options
	if !s.front.tls && !o.AuthWithoutTLS {
		return nil
	}
	if o.Auth != nil {
		return o.Auth
	}
	var all []string
	if len(o.Users) > 0 {
		all = append(all, "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
	}
	if len(o.Tokens) > 0 {
		all = append(all, "XOAUTH2")
	}
	return all
}

// Auth checks a login for real.
func (s *smtpSession) Auth(mechanism string) (sasl.Server, error) {
	if !slices.Contains(s.AuthMechanisms(), mechanism) {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	done := func(user string, ok bool) error {
		if !ok {
			return smtp.ErrAuthFailed
		}
		s.user, s.mechanism = user, mechanism
		return nil
	}
	password := func(user, given string) error {
		want, known := s.f.options.Users[user]
		return done(user, known && smtpSame(want, given))
	}
	switch mechanism {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, given string) error { return password(user, given) }), nil
	case "LOGIN":
		return &authSteps{next: loginServer(password)}, nil
	case "CRAM-MD5":
		return &authSteps{next: s.cramServer(done)}, nil
	case "SCRAM-SHA-1":
		return &authSteps{next: s.scramServer(sha1.New, done)}, nil
	case "SCRAM-SHA-256":
		return &authSteps{next: s.scramServer(sha256.New, done)}, nil
	case "XOAUTH2":
		return &authSteps{next: s.xoauth2Server(done)}, nil
	default:
		return nil, smtp.ErrAuthUnknownMechanism
	}
}

func smtpSame(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// authStep answers one client response. A nil next ends the exchange.
type authStep func(response []byte) (challenge []byte, next authStep, err error)

// authSteps runs an exchange whose first response may come with the command.
type authSteps struct{ next authStep }

func (s *authSteps) Next(response []byte) ([]byte, bool, error) {
	challenge, next, err := s.next(response)
	s.next = next
	return challenge, next == nil, err
}

func loginServer(check func(user, password string) error) authStep {
	return func(response []byte) ([]byte, authStep, error) {
		user := func(response []byte) ([]byte, authStep, error) {
			name := string(response)
			return []byte("Password:"), func(response []byte) ([]byte, authStep, error) {
				return nil, nil, check(name, string(response))
			}, nil
		}
		if response != nil {
			return user(response)
		}
		return []byte("Username:"), user, nil
	}
}

// cramServer is RFC 2195.
func (s *smtpSession) cramServer(done func(string, bool) error) authStep {
	return func([]byte) ([]byte, authStep, error) {
		challenge := "<" + smtpNonce() + "@fake.test>"
		return []byte(challenge), func(response []byte) ([]byte, authStep, error) {
			user, digest, _ := strings.Cut(string(response), " ")
			want, known := s.f.options.Users[user]
			mac := hmac.New(md5.New, []byte(want))
			mac.Write([]byte(challenge))
			return nil, nil, done(user, known && smtpSame(hex.EncodeToString(mac.Sum(nil)), digest))
		}, nil
	}
}

// scramServer is RFC 5802 without channel binding.
func (s *smtpSession) scramServer(h func() hash.Hash, done func(string, bool) error) authStep {
	bad := errors.New("SCRAM: malformed message")
	var first authStep
	first = func(response []byte) ([]byte, authStep, error) {
		if len(response) == 0 {
			return []byte{}, first, nil
		}
		bare, ok := strings.CutPrefix(string(response), "n,,")
		fields := scramFields(bare)
		if !ok || fields["n"] == "" || fields["r"] == "" {
			return nil, nil, bad
		}
		user := strings.NewReplacer("=2C", ",", "=3D", "=").Replace(fields["n"])
		want, known := s.f.options.Users[user]
		const rounds = 4096
		salt, full := []byte(smtpNonce()), fields["r"]+smtpNonce()
		challenge := "r=" + full + ",s=" + base64.StdEncoding.EncodeToString(salt) + ",i=" + strconv.Itoa(rounds)
		return []byte(challenge), func(response []byte) ([]byte, authStep, error) {
			without, proof64, found := strings.Cut(string(response), ",p=")
			last := scramFields(without)
			proof, err := base64.StdEncoding.DecodeString(proof64)
			if !found || err != nil || last["c"] != "biws" || last["r"] != full {
				return nil, nil, bad
			}
			salted, err := pbkdf2.Key(h, want, salt, rounds, h().Size())
			if err != nil {
				return nil, nil, err
			}
			message := bare + "," + challenge + "," + without
			clientKey := smtpMAC(h, salted, "Client Key")
			digest := h()
			digest.Write(clientKey)
			signature := smtpMAC(h, digest.Sum(nil), message)
			if len(proof) != len(signature) {
				return nil, nil, bad
			}
			for i := range signature {
				signature[i] ^= clientKey[i]
			}
			if !known || subtle.ConstantTimeCompare(proof, signature) != 1 {
				return nil, nil, done(user, false)
			}
			server := smtpMAC(h, smtpMAC(h, salted, "Server Key"), message)
			return []byte("v=" + base64.StdEncoding.EncodeToString(server)), func([]byte) ([]byte, authStep, error) {
				return nil, nil, done(user, true)
			}, nil
		}, nil
	}
	return first
}

// xoauth2Server follows
// https://developers.google.com/workspace/gmail/imap/xoauth2-protocol (read on
// 2026-11-23): a refused token is first answered with a challenge.
func (s *smtpSession) xoauth2Server(done func(string, bool) error) authStep {
	var first authStep
	first = func(response []byte) ([]byte, authStep, error) {
		if response == nil {
			return []byte{}, first, nil
		}
		var user, token string
		for f := range strings.SplitSeq(string(response), "\x01") {
			if v, ok := strings.CutPrefix(f, "user="); ok {
				user = v
			}
			if v, ok := strings.CutPrefix(f, "auth=Bearer "); ok {
				token = v
			}
		}
		if want, known := s.f.options.Tokens[user]; known && smtpSame(want, token) {
			return nil, nil, done(user, true)
		}
		return []byte(`{"status":"400","schemes":"Bearer"}`), func([]byte) ([]byte, authStep, error) {
			return nil, nil, done(user, false)
		}, nil
	}
	return first
}

func scramFields(s string) map[string]string {
	out := map[string]string{}
	for f := range strings.SplitSeq(s, ",") {
		k, v, _ := strings.Cut(f, "=")
		out[k] = v
	}
	return out
}

func smtpMAC(h func() hash.Hash, key []byte, message string) []byte {
	m := hmac.New(h, key)
	m.Write([]byte(message))
	return m.Sum(nil)
}

func smtpNonce() string { return rand.Text() }
