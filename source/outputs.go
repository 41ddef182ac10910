package source

import (
	"errors"
	"fmt"
	"strings"
)

// Output is one column of a statement as its text tells it.
type Output struct {
	// Name is the alias or column name as written. It is "" for an expression
	// without an alias: the database then makes up a name, which Columns or a
	// run tells.
	Name string
	// Line is where the column stands in the script, from 1.
	Line int
}

// Outputs reads the names of the columns from the statement's text, in order. It
// returns false when the text cannot tell them: SELECT *, a name that holds a
// parameter, an executable comment among the columns. The column next_token
// of a paged statement is left out, as it is no output parameter.
func (s Statement) Outputs(d Dialect) ([]Output, bool) {
	l := lex(s.SQL, d, false)
	before := s.linesBefore(l, d)
	tokens := withoutExec(l.tokens)
	i := 0
	for d.LeadingSet && word(l, tokens, i) == "SET" {
		for i < len(tokens) && tokens[i].kind != tokenSemi {
			i++
		}
		i++
	}
	for punct(l, tokens, i) == '(' {
		i++
	}
	if word(l, tokens, i) == "WITH" {
		i = mainVerb(l, tokens, i)
	}
	if word(l, tokens, i) != "SELECT" {
		return nil, false
	}
	list := selectList{lexer: l, tokens: tokens}
	items, end := list.items(list.modifiers(i + 1))
	if list.executable(tokens[i].pos, end) {
		return nil, false
	}
	var outs []Output
	for _, item := range items {
		if item[0] == item[1] {
			return nil, false
		}
		name, known := list.name(item[0], item[1])
		if !known {
			return nil, false
		}
		if s.Paged() && strings.EqualFold(name, NextToken) {
			continue
		}
		outs = append(outs, Output{Name: name, Line: before + l.lineOf(tokens[item[0]].pos)})
	}
	return outs, true
}

// OutputNames returns the names of a result's columns that are output parameters
// of the statement: all but next_token where it is paged.
func (s Statement) OutputNames(columns []Column) []string {
	names := make([]string, 0, len(columns))
	for _, c := range columns {
		if !s.Paged() || !strings.EqualFold(c.Name, NextToken) {
			names = append(names, c.Name)
		}
	}
	return names
}

// MergeOutputs joins the output names of a script's statements into one list, in
// order. Names compare without regard to case. A name that comes twice, and one
// that equals an input, is an error that asks for an alias; the list is complete
// all the same. Empty names, which are not known yet, are left out.
//
// The error is an *Error of kind Syntax with the statement and, in Param, the
// name, or several, found by Unwrap() []error.
func MergeOutputs(statements [][]string, inputs []string) ([]string, error) {
	var merged []string
	var errs []error
	from := map[string]int{}
	for _, in := range inputs {
		from[strings.ToLower(in)] = -1
	}
	for i, names := range statements {
		for _, name := range names {
			if name == "" {
				continue
			}
			merged = append(merged, name)
			key := strings.ToLower(name)
			why := ""
			switch n := from[key]; {
			case n < 0:
				why = fmt.Sprintf("column %q has the name of an input parameter; give it an alias", name)
			case n == i+1:
				why = fmt.Sprintf("column %q appears twice; give one an alias", name)
			case n > 0:
				why = fmt.Sprintf("column %q appears in statement %d too; give one an alias", name, n)
			default:
				from[key] = i + 1
			}
			if why != "" {
				errs = append(errs, &Error{Op: "sql: outputs", Kind: Syntax, Statement: i + 1, Param: name, Err: errors.New(why)})
			}
		}
	}
	return merged, join(errs)
}

// selectList reads the columns between SELECT and FROM.
type selectList struct {
	*lexer
	tokens []token // without what stands in executable comments
}

func (l selectList) word(i int) string { return word(l.lexer, l.tokens, i) }
func (l selectList) punct(i int) byte  { return punct(l.lexer, l.tokens, i) }

// modifiers returns the first token after ALL, DISTINCT ON (…), TOP 10 and the
// like.
func (l selectList) modifiers(i int) int {
	for {
		switch l.word(i) {
		case "DISTINCT":
			i++
			if l.word(i) == "ON" && l.punct(i+1) == '(' {
				i = l.skip(i + 1)
			}
		case "TOP":
			if i+1 >= len(l.tokens) || l.tokens[i+1].kind != tokenNumber {
				return i
			}
			i += 2
			if l.word(i) == "WITH" && l.word(i+1) == "TIES" {
				i += 2
			}
		default:
			if !modifier(l.word(i)) {
				return i
			}
			i++
		}
	}
}

// modifier says whether w may stand between SELECT and the columns.
func modifier(w string) bool {
	switch w {
	case "ALL", "DISTINCTROW", "HIGH_PRIORITY", "STRAIGHT_JOIN", "SQL_SMALL_RESULT", "SQL_BIG_RESULT",
		"SQL_BUFFER_RESULT", "SQL_NO_CACHE", "SQL_CACHE", "SQL_CALC_FOUND_ROWS":
		return true
	}
	return false
}

// executable says whether a comment that only some servers run may change the
// columns of the list that begins at byte from and ends before token end.
func (l selectList) executable(from, end int) bool {
	to := l.end
	if end < len(l.tokens) {
		to = l.tokens[end].pos
	}
	for i, t := range l.lexer.tokens {
		if t.exec && t.pos > from && t.pos < to && !modifier(word(l.lexer, l.lexer.tokens, i)) {
			return true
		}
	}
	return false
}

// skip returns the token after the bracket that closes the one at i.
func (l selectList) skip(i int) int {
	depth := 0
	for ; i < len(l.tokens); i++ {
		switch l.punct(i) {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth <= 0 {
				return i + 1
			}
		}
	}
	return i
}

// items returns the first and the following token of each column, and the token
// that ends them.
func (l selectList) items(i int) (items [][2]int, end int) {
	start := i
	for i < len(l.tokens) {
		switch l.punct(i) {
		case '(', '[', '{':
			i = l.skip(i)
			continue
		case ')', ']', '}':
			return append(items, [2]int{start, i}), i
		case ',':
			items = append(items, [2]int{start, i})
			start = i + 1
		}
		if l.tokens[i].kind == tokenSemi || l.ends(i) && (i > start || l.word(i) == "FROM") {
			break
		}
		i++
	}
	return append(items, [2]int{start, i}), i
}

// ends says whether the word at i ends the list.
func (l selectList) ends(i int) bool {
	if l.punct(i-1) == '.' || l.word(i-1) == "AS" {
		return false
	}
	switch l.word(i) {
	case "FROM":
		// a IS [NOT] DISTINCT FROM b, and nth_value(a, 2) FROM FIRST OVER w
		return l.word(i-1) != "DISTINCT" && !(l.punct(i-1) == ')' && (l.word(i+1) == "FIRST" || l.word(i+1) == "LAST") && l.windowed(i+2))
	case "GROUP":
		// f(a) WITHIN GROUP (ORDER BY b)
		return l.word(i-1) != "WITHIN" || l.punct(i+1) != '('
	case "LOCK":
		return l.word(i+1) == "IN" && l.word(i+2) == "SHARE"
	case "WHERE", "HAVING", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT":
		return true
	case "MINUS", "WINDOW", "OFFSET", "FETCH", "QUALIFY", "PREWHERE", "SETTINGS", "FORMAT", "FOR":
		// Some databases take these as a column's name.
		if i+1 == len(l.tokens) {
			return false
		}
		p := l.punct(i + 1)
		return l.tokens[i+1].kind != tokenPunct && l.word(i+1) != "FROM" && l.word(i+1) != "AS" || p == '('
	}
	return false
}

// windowed says whether [RESPECT|IGNORE NULLS] OVER stands at i.
func (l selectList) windowed(i int) bool {
	return l.word(i) == "OVER" || (l.word(i) == "RESPECT" || l.word(i) == "IGNORE") && l.word(i+1) == "NULLS"
}

// name returns the name of the column in tokens from to end, "" for an
// expression without an alias, and false when the text cannot tell.
func (l selectList) name(from, end int) (string, bool) {
	last := end - 1
	t := l.tokens[last]
	if star := l.star(from, end); star {
		return "", false
	}
	if end-from >= 3 && l.word(last-1) == "AS" && (t.kind == tokenWord || t.kind == tokenIdent || t.kind == tokenString) {
		return l.unquote(last)
	}
	if t.kind == tokenParam {
		// As a bare value it may be a column's name or an alias.
		return "", last > from && !l.operand(last-1) && l.word(last-1) != "AS" && l.punct(last-1) != '.'
	}
	if t.kind != tokenWord && t.kind != tokenIdent {
		return "", true
	}
	if l.path(from, end) {
		if end-from == 1 && constant(l.word(last)) {
			return "", true
		}
		return l.unquote(last)
	}
	if last > from && l.operand(last-1) && !l.trailing(last) && !l.unit(from, last) {
		return l.unquote(last)
	}
	return "", true
}

// star says whether the column stands for several: *, t.*, and in ClickHouse
// COLUMNS(…), a APPLY f and untuple(…).
func (l selectList) star(from, end int) bool {
	depth := 0
	for i := from; i < end; i++ {
		p := l.punct(i)
		call := l.punct(i+1) == '('
		switch {
		case p == '(' || p == '[' || p == '{':
			depth++
		case p == ')' || p == ']' || p == '}':
			depth--
		case l.word(i) == "UNTUPLE" && call:
			return true
		case depth > 0:
		case p == '*' && (i == from || l.punct(i-1) == '.'),
			l.word(i) == "COLUMNS" && call,
			l.word(i) == "APPLY" && i > from && l.operand(i-1) && i+1 < end && (call || l.tokens[i+1].kind == tokenWord):
			return true
		}
	}
	return false
}

// path says whether tokens from to end are name.name.name.
func (l selectList) path(from, end int) bool {
	for i := from; i < end; i++ {
		k := l.tokens[i].kind
		if (i-from)%2 == 1 {
			if l.punct(i) != '.' {
				return false
			}
		} else if k != tokenWord && k != tokenIdent && k != tokenParam {
			return false
		}
	}
	return (end-from)%2 == 1
}

// operand says whether the token at i can end an expression, so that a name
// after it is an alias.
func (l selectList) operand(i int) bool {
	switch l.tokens[i].kind {
	case tokenNumber, tokenString, tokenIdent, tokenParam:
		return true
	case tokenPunct:
		return l.punct(i) == ']' || l.punct(i) == ')' && l.word(l.opening(i)-1) != "OPERATOR"
	}
	switch l.word(i) {
	case "AND", "OR", "XOR", "NOT", "IS", "IN", "LIKE", "ILIKE", "RLIKE", "REGEXP", "GLOB", "MATCH", "SIMILAR", "TO", "BETWEEN",
		"ESCAPE", "DIV", "MOD", "BINARY", "COLLATE", "OVER", "CASE", "WHEN", "THEN", "ELSE", "DISTINCT", "FROM", "EXISTS", "ANY",
		"SOME", "ALL", "INTERVAL", "AT", "PRIOR", "CONNECT_BY_ROOT", "AS", "GLOBAL":
		return false
	case "TIME": // AT TIME ZONE z, timestamp WITH TIME ZONE
		return l.word(i-1) != "AT" && l.word(i-1) != "WITH" && l.word(i-1) != "WITHOUT"
	case "ZONE":
		return l.word(i-1) != "TIME" || l.word(i-2) != "AT"
	}
	return true
}

// unit says whether the word at last is the unit of an INTERVAL.
func (l selectList) unit(from, last int) bool {
	switch strings.TrimSuffix(l.word(last), "S") {
	case "MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "YEAR_MONTH",
		"DAY_HOUR", "DAY_MINUTE", "DAY_SECOND", "HOUR_MINUTE", "HOUR_SECOND", "MINUTE_SECOND":
	default:
		return false
	}
	i := last - 1
	if l.punct(i) == ')' {
		i = l.opening(i)
	}
	if c := l.punct(i - 1); c == '-' || c == '+' {
		i--
	}
	return i > from && l.word(i-1) == "INTERVAL"
}

// opening returns the token that opens the bracket closed at i, or -1.
func (l selectList) opening(i int) int {
	for depth := 0; i >= 0; i-- {
		switch l.punct(i) {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// trailing says whether the word at i ends an expression rather than names it.
func (l selectList) trailing(i int) bool {
	w, before := l.word(i), l.word(i-1)
	switch w {
	case "END", "ISNULL", "NOTNULL":
		return true
	case "NULLS":
		return before == "RESPECT" || before == "IGNORE"
	case "PRECISION":
		return before == "DOUBLE" && l.punct(i-2) == ':'
	case "VARYING", "UNSIGNED", "SIGNED":
		return l.punct(i-2) == ':' || l.word(i-2) == "NATIONAL"
	case "NORMALIZED":
		return l.word(i-2) == "IS" || l.word(i-2) == "NOT"
	case "VALUE", "ARRAY", "OBJECT", "SCALAR":
		return before == "JSON" && (l.word(i-2) == "IS" || l.word(i-2) == "NOT")
	case "KEYS":
		return before == "UNIQUE"
	}
	return constant(w)
}

// constant says whether w is a value and not a column.
func constant(w string) bool {
	switch w {
	case "NULL", "TRUE", "FALSE", "UNKNOWN", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP",
		"CURRENT_USER", "SESSION_USER", "USER":
		return true
	}
	return false
}

// unquote returns the name that token i is, and false when a parameter is in it
// or touches it.
func (l selectList) unquote(i int) (string, bool) {
	t := l.tokens[i]
	for _, r := range l.refs {
		if r.end >= t.pos && r.pos <= t.end {
			return "", false
		}
	}
	s := l.text[t.pos:t.end]
	if t.kind == tokenWord || len(s) < 2 || s[0] != t.quote {
		return s, t.kind == tokenWord
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') >= 0 && (l.d.Backslash && t.kind == tokenString || l.d.BackslashIdentifiers && t.kind == tokenIdent) {
		return "", false // what it stands for is the server's to say
	}
	if t.quote == '[' {
		return s, true
	}
	q := string(t.quote)
	return strings.ReplaceAll(s, q+q, q), true
}
