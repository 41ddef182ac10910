package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/datapush-go/datapush/internal/netcause"
	"github.com/datapush-go/datapush/internal/sqlrows"
	"github.com/datapush-go/datapush/source"
)

// wrap makes err a *source.Error, nil if it is nil. Texts that name hosts, users
// and databases, or repeat values of rows, are not repeated.
func (s *Source) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	e := &source.Error{Op: s.opts.Mode.name() + ": " + op}
	var me *mysql.MySQLError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Kind, e.Err = source.Canceled, context.Canceled
	case ctx.Err() != nil:
		e.Kind, e.Err = source.Timeout, context.DeadlineExceeded
	case errors.As(err, &me):
		e.Code = strconv.Itoa(int(me.Number))
		var text string
		e.Kind, text = explain(me, s.opts.Mode, netcause.Statement(err))
		e.Err = errors.New(text)
	case errors.Is(err, sqlrows.ErrTooLarge), errors.Is(err, errOpenDigits):
		e.Err = err
	case errors.Is(err, errValue):
		e.Err = errValue
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn):
		e.Kind, e.Err = source.Unavailable, errors.New("the connection was lost")
	case errors.Is(err, mysql.ErrNoTLS):
		e.Kind, e.Err = source.Unavailable, errors.New("the DSN asks for TLS, and the server has none")
	default:
		e.Kind = source.Unavailable
		if text, ok := netcause.Text(err); ok {
			e.Err = errors.New(text)
		} else {
			e.Err = errors.New("the connection failed")
		}
	}
	return e
}

// explain maps a server's error. Numbers are those of the reference manuals of
// MySQL 8.4 and MariaDB.
func explain(e *mysql.MySQLError, mode Mode, statement string) (source.Kind, string) {
	switch e.Number {
	case 1045, 1698, 1251, 1862, 1820, 3118, 4151:
		return source.Denied, "the server refused the login"
	case 1130:
		return source.Denied, "the server does not let this host in"
	case 1044, 1049:
		return source.Denied, "the database does not exist, or is not for this login"
	case 1142, 1143, 1227, 1370, 1095, 1345, 1356:
		return source.Denied, "the login may not read what the statement reads, or do what it does"
	case 1792, 1290, 1836:
		return source.Denied, "the statement writes; a source is read-only"
	case 1040, 1203, 1226, 1129:
		return source.Unavailable, "the server has too many connections or blocks this host; lower MaxOpenConns or try again"
	case 1053, 1077, 1080, 1079, 1152, 1184, 1927, 2006, 2013, 4031:
		return source.Unavailable, "the server ended the connection"
	case 1317, 1028:
		return source.Canceled, "the statement was killed on the server"
	case 1969, 3024:
		return source.Timeout, "the server's time limit ended the statement"
	case 1205:
		return source.Timeout, "the wait for a lock took too long"
	}
	// What the server says of a name's place is no value.
	text := netcause.Shown(e.Message, statement+"\n"+places)
	if mode != MySQL {
		// StarRocks and Doris have few codes; the text is all they say.
		lower := strings.ToLower(e.Message)
		switch {
		case strings.Contains(lower, "access denied"):
			return source.Denied, "the login may not read what the statement reads, or do what it does"
		case strings.Contains(lower, "timeout"), strings.Contains(lower, "timed out"), strings.Contains(lower, "time limit"):
			return source.Timeout, "the server's time limit ended the statement"
		case strings.Contains(lower, "cancel"):
			return source.Canceled, "the statement was cancelled on the server"
		case e.Number == 1064:
			return source.Syntax, text
		}
	}
	if string(e.SQLState[:2]) == "42" && e.Number != signal || syntax[e.Number] {
		return source.Syntax, text
	}
	// Texts of all else may repeat values of rows.
	return source.Other, failure(e.Number)
}

// signal is the number of an error that a function raises, with a text of its own.
const signal = 1644

const places = "field list, where clause, order clause, group statement, on clause, having clause, from clause, order by, group by"

// failure says what ended a statement that ran.
func failure(number uint16) string {
	switch number {
	case signal:
		return "a function raised an error"
	case 1242:
		return "a subquery returned more than one row"
	case 1213, 1020:
		return "the statement conflicts with another; run it again"
	case 1264, 1690:
		return "a number is out of range"
	case 1365:
		return "division by zero"
	case 1292, 1366, 1411, 1525, 3141, 3143, 3156:
		return "a value cannot be read as the type that the statement asks for"
	}
	return "the server could not run the statement; the code says why"
}

// syntax are errors of a statement as written whose SQLSTATE does not say so.
var syntax = map[uint16]bool{
	1052: true, 1111: true, 1120: true, 1137: true, 1191: true, 1221: true, 1235: true, 1241: true, 1248: true,
	1267: true, 1271: true, 1295: true, 3065: true, 3593: true, 4078: true,
}
