package maxcompute

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aliyun/aliyun-odps-go-sdk/odps/account"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/common"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/restclient"

	"github.com/datapush-go/datapush/source"
)

// maxAnswer is how long an answer may be that is no stream of rows.
const maxAnswer = 8 << 20

// errSilent is the cause of a context that ended because nothing came.
var errSilent = errors.New("the service was silent for too long")

// conn is what one query talks through. The SDK's clients must not be used by
// two goroutines at once before their first request, and keep no connections.
type conn struct {
	s       *Source
	account account.Account
	signer  *signer // nil when the account is the host's
	rest    *restclient.RestClient
	tunnel  *restclient.RestClient // nil until asked for
}

func (s *Source) conn() *conn {
	c := &conn{s: s, account: s.account}
	if s.keeper != nil {
		c.signer = &signer{keeper: s.keeper, region: s.o.Region}
		c.account = c.signer
	}
	c.rest = c.client(s.endpoint)
	c.rest.SetDefaultProject(s.project)
	return c
}

func (c *conn) client(endpoint string) *restclient.RestClient {
	r := restclient.NewOdpsRestClient(c.account, endpoint)
	r.HttpTimeout, r.TcpConnectionTimeout = 0, c.s.dial // contexts bound requests
	return &r
}

// resource is the path of an instance, or of all.
func (s *Source) resource(id string) string {
	b := common.NewResourceBuilder(s.project)
	if id == "" {
		return b.Instances()
	}
	return b.Instance(id)
}

// notSent is a failure of which the service saw nothing.
type notSent struct{ err error }

func (n notSent) Error() string { return n.err.Error() }
func (n notSent) Unwrap() error { return n.err }

// send makes one request, and another with new credentials when the service
// refuses the first. The answer is one of success; its body is the caller's to
// close.
func (c *conn) send(ctx context.Context, client *restclient.RestClient, method, path string, query url.Values, header map[string]string, body []byte) (*http.Response, error) {
	for try := 0; ; try++ {
		var r io.Reader
		if body != nil {
			r = bytes.NewReader(body)
		}
		req, err := client.NewRequestWithParamsAndHeaders(method, path, r, query, header)
		if err != nil {
			return nil, &failure{err: errors.New("the endpoint and the project make no valid address")}
		}
		var sent atomic.Bool
		trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}
		res, err := client.Do(req.WithContext(httptrace.WithClientTrace(ctx, trace)))
		if err != nil {
			if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
				err = cause
			}
			if !sent.Load() {
				return nil, notSent{err}
			}
			return nil, err
		}
		if res.StatusCode/100 == 2 {
			return res, nil
		}
		text, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
		res.Body.Close()
		if res.StatusCode == http.StatusUnauthorized && try == 0 && c.s.renews {
			c.s.keeper.forget(ctx, c.signer.used)
			continue
		}
		return nil, c.s.answer(res, text)
	}
}

// answer makes a failure of an answer.
func (s *Source) answer(res *http.Response, text []byte) *failure {
	code, message := "", ""
	if m := restclient.NewErrorMessage(text); m != nil {
		code, message = m.ErrorCode, m.Message
	}
	f := s.explain(res.StatusCode, code, message)
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		f.after = min(time.Duration(n)*time.Second, 3*time.Minute)
	}
	return f
}

// call makes a request whose answer is short, within the time for one.
func (c *conn) call(ctx context.Context, client *restclient.RestClient, method, path string, query url.Values, header map[string]string, body []byte) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.s.o.Timeout, errSilent)
	defer cancel()
	res, err := c.send(ctx, client, method, path, query, header, body)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, nil, err
	}
	if len(text) > maxAnswer {
		return nil, nil, &failure{err: errors.New("the service's answer is longer than 8 MiB")}
	}
	return text, res.Header, nil
}

// get asks the REST service for something of the project.
func (c *conn) get(ctx context.Context, path string, param string) ([]byte, error) {
	text, _, err := c.call(ctx, c.rest, http.MethodGet, path, url.Values{param: {""}}, nil, nil)
	return text, err
}

// retry calls f up to five times while it may do better later.
func (c *conn) retry(ctx context.Context, f func() error) error {
	pause := c.s.o.Poll
	for n := 1; ; n++ {
		err := f()
		if err == nil || n == 5 || !again(err) || ctx.Err() != nil {
			return err
		}
		if c.s.o.Sleep(ctx, max(pause, wanted(err))) != nil {
			return err
		}
		pause *= 2
	}
}

// wanted is how long the service asked to wait.
func wanted(err error) time.Duration {
	var f *failure
	if errors.As(err, &f) {
		return f.after
	}
	return 0
}

// LogView returns the address of an instance's log view, valid for so many
// hours; zero is 24. Whoever has the address can read the job, its statement and
// its result until then: treat it as a secret. The instance's ID comes from
// Options.Submitted.
func (s *Source) LogView(ctx context.Context, instance string, hours int) (string, error) {
	address, err := s.logView(ctx, instance, hours)
	return address, s.wrap(ctx, "log view", err)
}

func (s *Source) logView(ctx context.Context, instance string, hours int) (string, error) {
	if err := s.usable(); err != nil {
		return "", err
	}
	if hours == 0 {
		hours = 24
	}
	if hours < 0 || instance == "" || strings.ContainsAny(instance, `/?#"\*`) {
		return "", &failure{err: errors.New("the instance's ID is empty or none, or the hours are below zero")}
	}
	c := s.conn()
	host, _, err := c.call(ctx, c.rest, http.MethodGet, "/logview/host", nil, nil, nil)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(strings.TrimSpace(string(host)))
	if err != nil || u.Host == "" {
		return "", &failure{err: errors.New("the service gave no address of its log view")}
	}
	token, err := c.bearer(ctx, instance, hours)
	if err != nil {
		return "", err
	}
	u.Path, u.RawQuery = "/logview", url.Values{"h": {s.endpoint}, "p": {s.project}, "i": {instance}, "token": {token}}.Encode()
	return u.String(), nil
}

// usable says why the source cannot be used, if it cannot.
func (s *Source) usable() error {
	if s.closed.Load() {
		return &failure{kind: source.Unavailable, err: errors.New("the source is closed")}
	}
	if s.invalid != nil {
		return &failure{err: s.invalid}
	}
	return nil
}
