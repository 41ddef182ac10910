package source

// Dialect says how a database quotes, comments and escapes. It is data only.
type Dialect struct {
	// Name is used in error texts.
	Name string
	// Identifiers lists the opening quotes of identifiers: any of `"`, "`" and
	// "[" (closed by "]").
	Identifiers string
	// Strings lists further quotes of string literals beside the single one,
	// such as `"` in MySQL.
	Strings string
	// Backslash is true when a backslash escapes inside string literals.
	Backslash bool
	// EscapeStrings is true when E'…' literals take backslash escapes.
	EscapeStrings bool
	// HashComments is true when # starts a comment up to the line's end.
	HashComments bool
	// DashSpace is true when -- starts a comment only before white space or the
	// end of the line.
	DashSpace bool
	// NestedComments is true when /* */ comments nest.
	NestedComments bool
	// ExecutableComments is true when /*! … */ is run.
	ExecutableComments bool
	// DollarQuotes is true when $tag$ … $tag$ quotes a string.
	DollarQuotes bool
	// LeadingSet is true when SET statements may precede the query.
	LeadingSet bool
}

// ANSI is plain SQL: 'text', "identifier", -- and /* */ comments.
var ANSI = Dialect{Name: "ansi", Identifiers: `"`}
