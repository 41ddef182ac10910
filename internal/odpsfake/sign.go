package odpsfake

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxSkew is how far the clocks may be apart.
const maxSkew = 15 * time.Minute

// canonical is the text that is signed. path is without the endpoint's own path.
func canonical(r *http.Request, path string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n")
	for _, h := range []string{"Content-MD5", "Content-Type", "Date"} {
		b.WriteString(r.Header.Get(h) + "\n")
	}
	var names []string
	for name := range r.Header {
		if strings.HasPrefix(strings.ToLower(name), "x-odps-") {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	for _, name := range names {
		b.WriteString(strings.ToLower(name) + ":" + strings.Join(r.Header[name], ",") + "\n")
	}
	b.WriteString(path)
	query := r.URL.Query()
	keys := make([]string, 0, len(query))
	for k := range query {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for i, k := range keys {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(k)
		if v := query.Get(k); v != "" {
			b.WriteString("=" + v)
		}
	}
	return b.String()
}

func hmac1(key []byte, text string) string {
	h := hmac.New(sha1.New, key)
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func hmac256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// authenticate returns the signature's version, or what is wrong.
func (s *Server) authenticate(r *http.Request, path string) (version string, e *failure) {
	auth, ok := strings.CutPrefix(r.Header.Get("Authorization"), "ODPS ")
	credential, signature, found := strings.Cut(auth, ":")
	if !ok || !found {
		return "", denied("ODPS-0410061:Invalid credentials - no Authorization header")
	}
	s.mu.Lock()
	login, region, now := s.login, s.o.Region, s.o.Now()
	s.mu.Unlock()
	date, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil || !strings.HasSuffix(r.Header.Get("Date"), "GMT") {
		return "", denied("ODPS-0410031:Authentication request expired - the Date header is no RFC 1123 time in GMT")
	}
	if d := now.Sub(date); d > maxSkew || d < -maxSkew {
		return "", denied("ODPS-0410031:Authentication request expired - the expire time interval exceeds the max limitation: 900000")
	}
	text := canonical(r, path)
	parts := strings.Split(credential, "/")
	want := ""
	switch {
	case parts[0] != login.AccessID:
		return "", denied("ODPS-0410051:Invalid credentials - accessKeyId not found")
	case len(parts) == 1:
		version, want = "v1", hmac1([]byte(login.AccessKey), text)
	case len(parts) == 5 && parts[3] == "odps" && parts[4] == "aliyun_v4_request" && parts[2] == region && parts[1] == date.UTC().Format("20060102"):
		version = "v4"
		key := []byte("aliyun_v4" + login.AccessKey)
		for _, p := range parts[1:] {
			key = hmac256(key, p)
		}
		want = hmac1(key, text)
	default:
		return "", denied("ODPS-0410042:Invalid signature value - the credential's scope does not match")
	}
	if !hmac.Equal([]byte(signature), []byte(want)) {
		return "", denied("ODPS-0410042:Invalid signature value - User signature does not match")
	}
	if r.Header.Get("authorization-sts-token") != login.Token {
		// The text is a guess.
		return "", denied("ODPS-0410051:Invalid credentials - the security token is invalid or has expired")
	}
	return version, nil
}

func denied(text string) *failure { return &failure{401, "InvalidAuthorization", text} }
