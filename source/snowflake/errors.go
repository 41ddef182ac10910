package snowflake

import (
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"github.com/snowflakedb/gosnowflake"

	"github.com/datapush-go/datapush/source"
)

// ErrSubmissionLost is wrapped by the error of a query whose answer did not come
// and that could not be aborted.
var ErrSubmissionLost = errors.New("the statement may be running, and was not submitted again")

// failure is an error whose text is fit to be shown.
type failure struct {
	kind source.Kind
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(kind source.Kind, text string) error { return &failure{kind, errors.New(text)} }

var (
	errLogin     = fail(source.Unavailable, "the login took too long; is the account's name right and the service within reach?")
	errForeign   = fail(source.Other, "the handle's connections are not gosnowflake's own")
	errPanic     = fail(source.Other, "the driver panicked")
	errLeft      = fail(source.Unavailable, "the service does not answer")
	errNoColumns = fail(source.Other, "the service sent an answer that is no result, so it is not taken for success")
	errArrow     = fail(source.Other, "the session answers in the Arrow format; add GO_QUERY_RESULT_FORMAT=JSON to the parameters of the handle's DSN")
	errShort     = fail(source.Unavailable, "the service announced fewer rows than the result has")
	errValue     = fail(source.Other, "the service sent a value that cannot be read")
)

// unaborted says that a statement was left when the context ended.
func unaborted(id string) error {
	return &failure{source.Unavailable, fmt.Errorf("%s could not be aborted and may still be running", statement(id))}
}

func statement(id string) string {
	if id == "" {
		return "the statement"
	}
	return "statement " + id
}

func fault(op string, kind source.Kind, text string) error {
	return &source.Error{Op: "snowflake: " + op, Kind: kind, Err: errors.New(text)}
}

// wrap makes err a *source.Error, nil if it is nil. The driver's own texts name
// addresses and are not repeated. id is the service's name of the statement, or
// "".
func (s *Source) wrap(ctx context.Context, op, id string, err error) error {
	if err == nil {
		return nil
	}
	e := &source.Error{Op: "snowflake: " + op}
	var f *failure
	var se *gosnowflake.SnowflakeError
	switch {
	case ctx.Err() != nil:
		e.Kind, e.Err = source.Timeout, context.DeadlineExceeded
		if errors.Is(ctx.Err(), context.Canceled) {
			e.Kind, e.Err = source.Canceled, context.Canceled
		}
		if errors.As(err, &f) && f.kind == source.Unavailable {
			e.Err = fmt.Errorf("%w; %w", e.Err, f.err)
		}
	case errors.As(err, &f):
		e.Kind, e.Err = f.kind, f.err
	case errors.As(err, &se) && !own(se):
		var text string
		e.Code = fmt.Sprintf("%06d", se.Number)
		e.Kind, text = explain(se)
		if id != "" {
			text = "statement " + id + ": " + text
		}
		e.Err = errors.New(s.scrub(text))
	default:
		e.Kind = source.Unavailable
		if se != nil && refused(se) {
			e.Kind = source.Denied
		}
		e.Err = errors.New(said(err))
	}
	return e
}

// own says whether an error is the driver's own and not the service's.
func own(e *gosnowflake.SnowflakeError) bool { return e.Number >= 260_000 && e.Number < 280_000 }

// status is that of the HTTP answer that an error of the driver is about, or 0.
func status(e *gosnowflake.SnowflakeError) int {
	if own(e) && len(e.MessageArgs) > 0 {
		if n, ok := e.MessageArgs[0].(int); ok && n >= 100 {
			return n
		}
	}
	return 0
}

func refused(e *gosnowflake.SnowflakeError) bool {
	n := status(e)
	return n == http.StatusUnauthorized || n == http.StatusForbidden
}

// said is what may be told of an error that is not the service's.
func said(err error) string {
	var f *failure
	var se *gosnowflake.SnowflakeError
	var syntax *json.SyntaxError
	var code *strconv.NumError
	switch {
	case errors.As(err, &f):
		return f.Error()
	case errors.As(err, &se) && se.Number == gosnowflake.ErrFailedToGetChunk:
		return "a part of the result was refused by the storage"
	case se != nil && refused(se):
		return fmt.Sprintf("the account's address answered HTTP %d; is the account's name right, and may this machine reach it?", status(se))
	case se != nil && status(se) > 0:
		return fmt.Sprintf("the account's address answered HTTP %d", status(se))
	case errors.Is(err, sql.ErrConnDone):
		return "the source or its handle is closed"
	case errors.As(err, &code):
		return "the service answered with a code that is no number, so it is not taken for success"
	case errors.As(err, &syntax):
		return "the answer is none of the service's"
	}
	return cause(err)
}

// sessionOver says whether the service has ended the session.
func sessionOver(err error) bool {
	var e *gosnowflake.SnowflakeError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Number {
	case 390104, gosnowflake.ErrSessionGone, 390114, 390115:
		return true
	}
	return false
}

// unanswered says whether a statement may be running although the driver has given
// up on it.
func unanswered(err error) bool {
	var f *failure
	var e *gosnowflake.SnowflakeError
	var code *strconv.NumError
	switch {
	case errors.As(err, &code), errors.Is(err, sql.ErrConnDone):
		return false // the driver could not read the code, or was not asked
	case errors.As(err, &f):
		return false
	case errors.As(err, &e) && e.Number == gosnowflake.ErrFailedToPostQuery:
		return false // it was refused
	}
	return e == nil || own(e)
}

// explain maps an error of the service by its number and SQLSTATE
// (https://docs.snowflake.com/en/user-guide/key-pair-auth-troubleshooting for
// logins, read 2026-11-23; the others as the service's drivers and users report
// them).
func explain(e *gosnowflake.SnowflakeError) (source.Kind, string) {
	switch n := e.Number; {
	case sessionOver(e):
		return source.Unavailable, "the service has ended the session"
	case n == gosnowflake.ErrRoleNotExist:
		return source.Denied, "the role does not exist, or is not granted to the user"
	case n == gosnowflake.ErrObjectNotExistOrAuthorized:
		return source.Denied, "the database, schema or warehouse does not exist, or is not for this role"
	case n == 390144 || n >= 394_299 && n <= 394_307:
		return source.Denied, "the service refused the key; is it the user's, is the account's name right, and is this machine's clock?"
	case n == 390422 || n == 390432:
		return source.Denied, "a network policy keeps this machine out"
	case n >= 390_000 && n < 400_000:
		return source.Denied, "the service refused the login"
	case n == 606:
		return source.Other, "the session has no warehouse; name one in the DSN or in Options.Warehouse"
	case n == 630:
		return source.Timeout, "the server's time limit ended the statement"
	case n == 604 || e.SQLState == "57014":
		return source.Canceled, "the statement was cancelled on the server"
	case n == 3001 || e.SQLState == "42501":
		return source.Denied, "the role may not read what the statement reads, or do what it does"
	case n == 90073:
		return source.Unavailable, "the warehouse cannot run; a resource monitor has used up its quota"
	case strings.HasPrefix(e.SQLState, "42"), strings.HasPrefix(e.SQLState, "0A"), n == 2003, n == 2043:
		return source.Syntax, e.Message
	}
	return source.Other, maskQuoted(e.Message)
}

// cause says in plain words why the service could not be reached or was lost.
func cause(err error) string {
	var (
		dns  *net.DNSError
		cert *tls.CertificateVerificationError
		ne   net.Error
	)
	switch {
	case errors.As(err, &dns):
		return "the account's address cannot be resolved"
	case errors.As(err, &cert):
		return "the service's certificate is not trusted for its name"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was lost"
	case errors.As(err, &ne) && ne.Timeout():
		return "no answer in time"
	case errors.As(err, &ne):
		return "the network failed"
	}
	return "the service gave no answer that can be read"
}

// scrub removes what the DSN keeps secret from a text of the service.
func (s *Source) scrub(text string) string {
	for _, secret := range s.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}

// maskQuoted replaces what stands in quotes, where the service repeats values of
// rows.
func maskQuoted(text string) string {
	first := strings.IndexAny(text, `"'`)
	if first < 0 {
		return text
	}
	return text[:first] + "…" + text[strings.LastIndexAny(text, `"'`)+1:]
}
