package source

// Dialect says how a database quotes, comments and escapes. It is data only; the
// zero Dialect has 'text' literals, -- and /* */ comments and no quoted
// identifiers.
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
	// BackslashQuotes is true when a quote in a string literal is written with a
	// backslash and never doubled: there 'a''b' is two literals. It goes with
	// Backslash.
	BackslashQuotes bool
	// BackslashIdentifiers is true when a backslash escapes inside quoted
	// identifiers too.
	BackslashIdentifiers bool
	// EscapeStrings is true when E'…' literals take backslash escapes, U&'…'
	// literals Unicode escapes, and a literal goes on after a line break.
	EscapeStrings bool
	// HashComments is true when # starts a comment up to the line's end.
	HashComments bool
	// SlashComments is true when // starts a comment up to the line's end.
	SlashComments bool
	// DashSpace is true when -- starts a comment only before white space, a control
	// character or the end of the text.
	DashSpace bool
	// NestedComments is true when /* */ comments nest.
	NestedComments bool
	// ExecutableComments is true when /*! … */ is run.
	ExecutableComments bool
	// DollarQuotes is true when $tag$ … $tag$ quotes a string.
	DollarQuotes bool
	// Heredocs is true when $tag$ … $tag$ quotes a string and a tag is any ASCII
	// letters, digits and underscores.
	Heredocs bool
	// TypographicQuotes is true when ‘text’ is a literal and “name” an
	// identifier. Both are refused outside other quotes and comments: nothing
	// escapes their ends.
	TypographicQuotes bool
	// FormatClause is true when FORMAT and a name at the end say how the server
	// writes rows. It is refused: a source reads them its own way.
	FormatClause bool
	// DoubleDollar is true when $$ … $$ quotes a string and nothing may stand
	// between the dollars.
	DoubleDollar bool
	// Flow is true when ->> chains statements, which may be of any kind.
	Flow bool
	// RefuseUnclear is true when servers that speak the dialect differ in what some
	// texts mean. Refused are # outside quotes, /* inside a comment, a backslash that
	// ends a -- comment, a backslash or -- inside a hint, and R right before a quote.
	RefuseUnclear bool
	// LeadingSet is true when SET statements may precede the query.
	LeadingSet bool
	// Raw is set by a host that means raw SQL: any single statement is accepted,
	// and a value that stands outside quotes is put in as it is. Values inside
	// quotes are escaped all the same.
	Raw bool
}

// ANSI is plain SQL: 'text', "identifier", -- and /* */ comments.
var ANSI = Dialect{Name: "ansi", Identifiers: `"`}
