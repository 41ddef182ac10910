package source

import "fmt"

// Kind groups what can go wrong in a source.
type Kind uint8

const (
	// Other is everything that has no kind of its own.
	Other Kind = iota
	// Unavailable means that the server could not be reached, refused more
	// connections or went away.
	Unavailable
	// Denied means that the login or a permission was refused.
	Denied
	// Syntax means that the statement cannot run as written: a syntax error, an
	// unknown table or column, a statement that is not allowed here.
	Syntax
	// Timeout means that a time limit ended the statement.
	Timeout
	// Canceled means that the caller's context ended, or that somebody killed
	// the statement on the server.
	Canceled
)

// String returns the kind in lower case words.
func (k Kind) String() string {
	switch k {
	case Unavailable:
		return "unavailable"
	case Denied:
		return "denied"
	case Syntax:
		return "syntax"
	case Timeout:
		return "timeout"
	case Canceled:
		return "canceled"
	default:
		return "other"
	}
}

// Error is what sources and script handling return. Its text never contains a
// DSN, a password or a value from a row.
type Error struct {
	// Op says where, such as "sqlite: query".
	Op   string
	Kind Kind
	// Code is the server's own code, verbatim.
	Code string
	// Statement counts the script's statements from 1; 0 when it is not about
	// one.
	Statement int
	// Param is the parameter that the error is about, if any.
	Param string
	// Err is the cause, already free of secrets.
	Err error
}

// Error gives "mysql: query: statement 2: code 1064: …".
func (e *Error) Error() string {
	s := e.Op
	if e.Statement > 0 {
		s += fmt.Sprintf(": statement %d", e.Statement)
	}
	if e.Code != "" {
		s += ": code " + e.Code
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	} else {
		s += ": " + e.Kind.String()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
