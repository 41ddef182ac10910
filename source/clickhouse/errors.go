package clickhouse

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"github.com/datapush-go/datapush/internal/netcause"
	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// errValue is a value that the driver should not have handed out. Its content
// stays out of the error.
var errValue = errors.New("the server sent a value that cannot be read")

// connecting is an error of making a connection.
type connecting struct{ error }

func (c connecting) Unwrap() error { return c.error }

// wrap makes err a *source.Error, nil if it is nil. Texts that name hosts, users
// and databases, or repeat values of rows, are not repeated.
func (s *Source) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	e := &source.Error{Op: "clickhouse: " + op}
	var (
		told    *clickhouse.Exception
		web     *clickhouse.HTTPError
		unknown *column.UnsupportedColumnTypeError
		scan    *clickhouse.OpError
		login   connecting
	)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind, e.Err = source.Canceled, context.Canceled
	case ctx.Err() != nil:
		e.Kind, e.Err = source.Timeout, context.DeadlineExceeded
	case errors.As(err, &told):
		e.Code = strconv.Itoa(int(told.Code))
		var text string
		e.Kind, text = explain(told, netcause.Statement(err), errors.As(err, &login))
		e.Err = errors.New(text)
		if told.Code == 164 {
			// The login may have other rights than when it was asked.
			s.login.Store(0)
		}
	case errors.As(err, &web):
		e.Kind, e.Code = source.Unavailable, fmt.Sprintf("HTTP %d", web.StatusCode)
		if web.StatusCode == http.StatusUnauthorized || web.StatusCode == http.StatusForbidden {
			e.Kind = source.Denied
		}
		e.Err = errors.New("what answered is not ClickHouse, or a gateway before it")
	case errors.Is(err, sqlrows.ErrTooLarge):
		e.Err = err
	case errors.As(err, &unknown):
		e.Kind, e.Err = source.Syntax, unreadable(unknown)
	case errors.Is(err, errValue):
		e.Err = errValue
	case errors.As(err, &scan):
		e.Err = fmt.Errorf("the driver cannot read the column %q; convert it in the statement", scan.ColumnName)
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, clickhouse.ErrConnectionClosed):
		e.Kind, e.Err = source.Unavailable, errors.New("the connection was lost")
	case errors.Is(err, clickhouse.ErrAcquireConnTimeout):
		e.Kind, e.Err = source.Unavailable, errors.New("the server did not answer in time")
	default:
		e.Kind = source.Unavailable
		if text, ok := netcause.Text(err); ok {
			e.Err = errors.New(text)
		} else {
			e.Err = errors.New("the connection failed, or what answered does not speak the protocol of the DSN")
		}
	}
	return e
}

// unreadable names the type that the driver does not know, unless it is no type:
// then what the driver took for a block was none.
func unreadable(e *column.UnsupportedColumnTypeError) error {
	_, quoted, _ := strings.Cut(e.Error(), "type ")
	name, err := strconv.Unquote(quoted)
	if k, bad := parseType(name); err == nil && bad == nil && typeName.MatchString(k.name) {
		return fmt.Errorf("the driver cannot read the column type %s; convert the column in the statement", name)
	}
	return errValue
}

var typeName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)

// explain maps a server's error. Codes are those of ErrorCodes.cpp of ClickHouse
// 26 (https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp).
func explain(e *clickhouse.Exception, statement string, connecting bool) (source.Kind, string) {
	switch e.Code {
	case 516, 192, 193, 194:
		return source.Denied, "the server refused the login"
	case 195:
		return source.Denied, "the server does not let this host in"
	case 81:
		if connecting {
			return source.Denied, "the database does not exist, or is not for this login"
		}
	case 497:
		return source.Denied, "the login may not read what the statement reads, or do what it does"
	case 164:
		return source.Denied, "the statement writes, or sets what the login may not set; the source is read-only"
	case 201:
		return source.Unavailable, "the login's quota is used up; try again later"
	case 202, 203, 745:
		return source.Unavailable, "the server has too many statements or is overloaded; lower MaxOpenConns or try again"
	case 3, 32, 209, 210, 212, 213, 225, 236, 242, 279, 425, 999:
		return source.Unavailable, "the server is shutting down, or has lost another that it needs"
	case 159, 160:
		return source.Timeout, "the server's time limit ended the statement"
	case 394, 734:
		return source.Canceled, "the statement was killed on the server"
	case 241:
		return source.Other, "the server's memory limit ended the statement; let it read or sort less"
	}
	if syntax[e.Code] {
		text := plainText(e.Message)
		if m := position.FindStringSubmatch(text); m != nil {
			token := m[2]
			if !strings.Contains(statement, strings.Trim(token, "'")) && token != "end of query" {
				token = "…" // of a text that a function parses
			}
			return source.Syntax, "Syntax error: failed at position " + m[1] + " (" + token + ")" + m[3]
		}
		return source.Syntax, netcause.Shown(text, statement)
	}
	// Texts of all else may repeat values of rows.
	return source.Other, failure(e.Code)
}

// failure says what ended a statement that ran.
func failure(code int32) string {
	switch code {
	case 6, 26, 27, 38, 41, 70, 72, 117, 376, 441, 675, 676:
		return "Cannot parse a value as the type that the statement asks for"
	case 69, 321, 407:
		return "a number is out of range"
	case 125:
		return "a subquery returned more than one row"
	case 153:
		return "division by zero"
	case 396:
		return "Limit for result exceeded, as the server or the login sets it"
	case 158, 191, 290, 306, 307:
		return "a limit that the server sets to statements ended it"
	case 395:
		return "a condition of throwIf holds"
	}
	return "the server could not run the statement; the code says why"
}

// syntax are the codes of a statement as written. Those that quote a value, such
// as CANNOT_PARSE_TEXT, are not among them.
var syntax = map[int32]bool{
	10: true, 16: true, 34: true, 35: true, 42: true, 43: true, 44: true, 46: true, 47: true, 48: true, 50: true, 52: true, 53: true,
	60: true, 62: true, 63: true, 73: true, 80: true, 81: true, 115: true, 168: true, 179: true, 183: true, 184: true, 207: true,
	215: true, 352: true, 386: true, 390: true, 392: true, 403: true, 456: true, 457: true, 582: true,
}

var (
	codeName = regexp.MustCompile(`\s*\([A-Z][A-Z0-9_]+\)(\s*\(version [^)]*(\([^)]*\))?\))?\s*$`)
	expected = regexp.MustCompile(`(?s)\.? Expected one of: .*$`)
	inQuery  = regexp.MustCompile(`(?s):? *\(in query: .*$`)
	position = regexp.MustCompile(`(?s)failed at position (\d+) \((.*?)\)( \(line \d+, col \d+\))?(?::.*)?$`)
	maybe    = regexp.MustCompile(`(?s)\.? Maybe you meant: .*$`)
)

// plainText leaves out what repeats the statement, the list of all tokens that
// might follow, and names of other tables.
func plainText(text string) string {
	text = strings.TrimPrefix(strings.TrimSpace(text), "DB::Exception: ")
	for _, re := range []*regexp.Regexp{codeName, expected, inQuery, maybe} {
		text = re.ReplaceAllString(text, "")
	}
	return strings.TrimRight(strings.TrimSpace(text), ".: ")
}
