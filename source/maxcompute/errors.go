package maxcompute

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/datapush-go/datapush/internal/netcause"
	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// ErrSubmissionLost is wrapped by the error of a query whose submission got no
// answer: a job may have been made and may be running, and nothing tells which.
// It was not submitted again.
var ErrSubmissionLost = errors.New("the job may have been made and may be running, so it was not submitted again")

// failure is an error whose text is fit to be shown.
type failure struct {
	kind source.Kind
	code string
	err  error
	// status is that of HTTP, when there was an answer, and after how long it
	// asked to wait.
	status int
	after  time.Duration
	// coded is true when the answer was one of the service, not of something in
	// between.
	coded bool
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// again says whether the same request may do better later.
func again(err error) bool {
	var f *failure
	if errors.As(err, &f) {
		return f.status >= 500 || f.status == http.StatusTooManyRequests || f.code == "FlowExceeded"
	}
	return !errors.Is(err, context.Canceled)
}

// maxText is how many characters of the service's own text are shown.
const maxText = 500

// explain makes a failure of the service's code and text.
func (s *Source) explain(status int, code, text string) *failure {
	f := &failure{status: status, code: code, coded: code != ""}
	if own, rest, ok := cutCode(text); ok {
		f.code, text, f.coded = own, rest, true
	}
	text = s.clean(text)
	has := func(prefix string) bool { return strings.HasPrefix(f.code, prefix) }
	lower := strings.ToLower(text)
	switch {
	case strings.Contains(lower, "full scan") && strings.Contains(lower, "partition"):
		f.kind = source.Syntax
		f.err = fmt.Errorf("the query would read every partition of a table, which its project does not allow; "+
			"name its partition columns in WHERE, or put SET odps.sql.allow.fullscan=true; before the query: %s", text)
		return f
	case has("ODPS-0420111") && strings.HasPrefix(lower, "project not found"):
		f.kind, f.err = source.Denied, errors.New("the project does not exist, or is not for this account")
		return f
	case has("ODPS-0410031"):
		f.kind, f.err = source.Denied, errors.New("the service refused the request's time; this machine's clock is off by more than 15 minutes")
		return f
	case has("ODPS-0410"), status == http.StatusUnauthorized:
		f.kind, f.err = source.Denied, errors.New("the service refused the access key, its signature or its security token")
		return f
	case has("ODPS-0130013"), has("ODPS-0420095"), f.code == "NoPermission", status == http.StatusForbidden:
		f.kind = source.Denied
	case f.code == "InstanceTypeNotSupported":
		f.kind, f.err = source.Syntax, errors.New("the statement ran and returns no rows; write a SELECT")
		return f
	case f.code == "FlowExceeded", f.code == "ServiceUnavailable", has("ODPS-0010"), status >= 500, status == http.StatusTooManyRequests:
		f.kind, text = source.Unavailable, netcause.MaskQuoted(text)
	case has("ODPS-0130"):
		f.kind = source.Syntax
	default:
		// These may repeat values of rows.
		text = netcause.MaskQuoted(text)
	}
	if text == "" {
		text = "the service gave no reason"
		if status > 0 {
			text = fmt.Sprintf("the service answered %d and gave no reason", status)
		}
	}
	f.err = errors.New(text)
	return f
}

// cutCode takes "ODPS-0130131" off the front of a text.
func cutCode(text string) (code, rest string, ok bool) {
	text = strings.TrimSpace(text)
	text = strings.TrimSpace(strings.TrimPrefix(text, "FAILED:"))
	const n = len("ODPS-0130131")
	if !strings.HasPrefix(text, "ODPS-") || len(text) < n || strings.Trim(text[5:n], "0123456789") != "" {
		return "", text, false
	}
	return text[:n], strings.TrimLeft(text[n:], ": "), true
}

// clean makes the service's text a line without secrets and addresses, the log
// view's among them.
func (s *Source) clean(text string) string {
	words := strings.Fields(s.scrub(text))
	for i, w := range words {
		if strings.Contains(w, "://") {
			words[i] = "[address]"
		}
	}
	text = strings.ToValidUTF8(strings.Join(words, " "), "\ufffd")
	if utf8.RuneCountInString(text) > maxText {
		text = string([]rune(text)[:maxText]) + "…"
	}
	return text
}

func (s *Source) scrub(text string) string {
	secrets := s.secrets
	if s.keeper != nil {
		c := s.keeper.last()
		secrets = append(secrets[:len(secrets):len(secrets)], c.AccessKeyID, c.AccessKeySecret, c.SecurityToken)
	}
	for _, secret := range secrets {
		if len(secret) > 3 { // what is shorter is part of words
			text = sqlrows.Scrub(text, secret)
		}
	}
	return text
}

// wrap makes err a *source.Error, nil if it is nil.
func (s *Source) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	e := &source.Error{Op: "maxcompute: " + op}
	lost := ""
	if errors.Is(err, ErrSubmissionLost) || errors.Is(err, errLeft) {
		lost = "; " + err.Error()
	}
	var f *failure
	switch {
	case ctx.Err() != nil:
		e.Kind, e.Err = source.Timeout, context.DeadlineExceeded
		if errors.Is(ctx.Err(), context.Canceled) {
			e.Kind, e.Err = source.Canceled, context.Canceled
		}
		if lost != "" {
			e.Err = both{e.Err, err, e.Err.Error() + lost}
		}
	case errors.As(err, &f):
		e.Kind, e.Code, e.Err = f.kind, f.code, err
	case errors.Is(err, sqlrows.ErrTooLarge), errors.Is(err, errStream):
		e.Err = err
	case errors.Is(err, errCut), errors.Is(err, errChecksum):
		e.Kind, e.Err = source.Unavailable, err
	default:
		e.Kind, e.Err = source.Unavailable, errors.New(cause(err))
	}
	return e
}

// cause says in words why a request failed. The error's own text names hosts.
func cause(err error) string {
	if errors.Is(err, errSilent) {
		return errSilent.Error()
	}
	if text, ok := netcause.Text(err); ok {
		return text
	}
	return "the connection failed"
}

// both is an error with two causes and a text of its own.
type both struct {
	first, second error
	text          string
}

func (b both) Error() string   { return b.text }
func (b both) Unwrap() []error { return []error{b.first, b.second} }
