package source

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// NextToken is the reserved parameter and column by which a statement is paged.
const NextToken = "next_token"

// Script is SQL cut into its statements.
type Script struct {
	Statements []Statement
}

// Params returns the names of the parameters that the statements use, each once,
// in order of first use.
func (s *Script) Params() []string {
	var names []string
	for _, st := range s.Statements {
		for _, n := range st.Params {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

// Statement is one query of a script, parameters not yet bound. It is a value:
// copies are independent, and none of its methods changes it.
type Statement struct {
	// SQL is the text as written, without the semicolon. Where the dialect has
	// LeadingSet, the SET statements that came before it in the script stand in
	// front, each with its semicolon.
	SQL string
	// Number counts the script's queries from 1. It is what errors name.
	Number int
	// Line is where the query begins in the script, from 1.
	Line int
	// Params are the names of the parameters used outside comments, each once,
	// in order of first use.
	Params []string

	// read is what Parse found in SQL, so that Bind does not look again. It is
	// nil in a statement made otherwise.
	read *reading
}

// reading is the parameters of a text in a dialect. It is never changed.
type reading struct {
	sql  string
	d    Dialect
	refs []ref
}

// references finds the parameters of the statement's text.
func (s *Statement) references(d Dialect) ([]ref, []fault) {
	if r := s.read; r != nil && r.sql == s.SQL && r.d == d {
		return r.refs, nil
	}
	l := lex(s.SQL, d, false)
	return l.refs, l.faults
}

// Paged says whether the statement uses ${next_token}, and so is run page by
// page.
func (s Statement) Paged() bool { return slices.Contains(s.Params, NextToken) }

// Parse cuts a script into statements at semicolons that stand outside literals,
// quoted identifiers and comments, as d has them. Statements that hold nothing
// but comments are dropped.
//
// Only statements that return rows are accepted, unless d.Raw: SELECT and
// WITH … SELECT, in parentheses or not. Refused are all others, a WITH that
// deletes, inserts, updates or merges, SELECT … INTO, statements chained by ->>
// where d.Flow, and what hides in a comment that the server runs. A script without
// a statement is an error too, and so is ${…} outside comments that is not a
// parameter's name.
//
// The error is an *Error of kind Syntax, or several, found by
// Unwrap() []error. The script is what could be understood and is never nil.
func Parse(script string, d Dialect) (*Script, error) { return parse(script, d, false) }

// parse reads a script; bound says that the values are in place.
func parse(script string, d Dialect, bound bool) (*Script, error) {
	l := lex(strings.TrimPrefix(script, "\ufeff"), d, bound)
	out := &Script{}
	var errs []error
	sets := ""
	pending := 0 // the line of a SET that no query has followed yet
	start, first := 0, 0
	faults, refs := l.faults, l.refs
	slices.SortStableFunc(faults, func(a, b fault) int { return a.pos - b.pos })
	cut := func(last, end int) {
		defer func() { start, first = end+1, last+1 }()
		tokens := l.tokens[first:last]
		var found []fault
		found, faults = before(faults, end, func(f *fault) int { return f.pos })
		var own []ref
		own, refs = before(refs, end, func(r *ref) int { return r.pos })
		number := len(out.Statements) + 1
		for _, f := range found {
			e := scriptError("sql: parse", number, f.line, f.text)
			e.Param = f.param
			errs = append(errs, e)
		}
		if len(tokens) == 0 {
			return
		}
		text := strings.TrimSpace(l.text[start:end])
		line := l.lineOf(tokens[0].pos)
		if d.LeadingSet && word(l, tokens, 0) == "SET" {
			// A line comment at its end must not swallow the semicolon.
			sets += strings.TrimSpace(l.text[start:tokens[len(tokens)-1].end]) + ";\n"
			pending = line
			return
		}
		pending = 0
		st := Statement{SQL: sets + text, Number: number, Line: line}
		if !bound {
			clean := len(found) == 0
			if sets != "" {
				inner := lex(st.SQL, d, false)
				own, clean = inner.refs, len(inner.faults) == 0
			} else {
				from := start + strings.Index(l.text[start:end], text)
				for i := range own {
					own[i].pos -= from
					own[i].end -= from
				}
			}
			st.Params = paramNames(own)
			if clean {
				st.read = &reading{st.SQL, d, own}
			}
		}
		if why := refusal(l, tokens, d); why != "" && len(found) == 0 {
			errs = append(errs, scriptError("sql: parse", number, st.Line, why))
		}
		out.Statements = append(out.Statements, st)
	}
	for i, t := range l.tokens {
		if t.kind == tokenSemi && !t.exec {
			cut(i, t.pos)
		}
	}
	cut(len(l.tokens), len(l.text))
	switch {
	case pending > 0:
		errs = append(errs, scriptError("sql: parse", 0, pending, "no query follows SET; add one or remove it"))
	case len(out.Statements) == 0 && len(errs) == 0:
		errs = append(errs, &Error{Op: "sql: parse", Kind: Syntax, Err: errors.New("no statement; write a SELECT")})
	}
	return out, join(errs)
}

// Check returns nil when sql, its values in place, is exactly one statement that
// Parse accepts. A Source calls it before it runs anything.
func Check(sql string, d Dialect) error {
	s, err := parse(sql, d, true)
	if err != nil {
		return err
	}
	if len(s.Statements) > 1 {
		second := lex(s.Statements[1].SQL, d, true)
		return scriptError("sql: parse", 0, s.Statements[1].Line,
			"a second statement, "+excerpt(second, second.tokens[0])+" …; a query is one statement")
	}
	return nil
}

// SplitSet separates the leading SET statements, without semicolons, from the
// query after them, as a dialect with LeadingSet has them.
func SplitSet(sql string, d Dialect) (sets []string, query string) {
	l := lex(sql, d, true)
	first := 0
	for i, t := range l.tokens {
		if t.kind != tokenSemi || !d.LeadingSet || word(l, l.tokens, first) != "SET" {
			continue
		}
		sets = append(sets, sql[l.tokens[first].pos:l.tokens[i-1].end])
		first = i + 1
	}
	if first == 0 {
		return nil, strings.TrimSpace(sql)
	}
	return sets, strings.TrimSpace(sql[l.tokens[first-1].end:])
}

// before cuts list at pos, by which it is in order.
func before[T any](list []T, pos int, of func(*T) int) (head, tail []T) {
	n := 0
	for n < len(list) && of(&list[n]) < pos {
		n++
	}
	return list[:n:n], list[n:]
}

func paramNames(refs []ref) []string {
	var names []string
	for _, r := range refs {
		if !slices.Contains(names, r.name) {
			names = append(names, r.name)
		}
	}
	return names
}

func scriptError(op string, statement, line int, text string) *Error {
	return &Error{Op: op, Kind: Syntax, Statement: statement, Err: fmt.Errorf("line %d: %s", line, text)}
}

// join is errors.Join that leaves a single error as it is.
func join(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// word returns token i in capitals when it is a word, else "".
func word(l *lexer, tokens []token, i int) string {
	if i < 0 || i >= len(tokens) || tokens[i].kind != tokenWord {
		return ""
	}
	return l.upper[tokens[i].pos:tokens[i].end]
}

// punct returns token i when it is a single other byte, else 0.
func punct(l *lexer, tokens []token, i int) byte {
	if i < 0 || i >= len(tokens) || tokens[i].kind != tokenPunct {
		return 0
	}
	return l.text[tokens[i].pos]
}

// refusal says why a statement may not run, or "". The inside of executable
// comments is read twice, as if it were run and as if it were not.
func refusal(l *lexer, tokens []token, d Dialect) string {
	if d.Raw {
		return ""
	}
	if why := notQuery(l, tokens); why != "" {
		return why
	}
	if d.FormatClause && formatted(l, tokens) {
		return "FORMAT is for clients that print rows; remove it"
	}
	if d.Flow {
		for i := range tokens {
			if punct(l, tokens, i) == '-' && punct(l, tokens, i+1) == '>' && punct(l, tokens, i+2) == '>' {
				return "->> chains a second statement; a query is one statement"
			}
		}
	}
	if plain := withoutExec(tokens); len(plain) < len(tokens) {
		return notQuery(l, plain)
	}
	return ""
}

func withoutExec(tokens []token) []token {
	if !slices.ContainsFunc(tokens, func(t token) bool { return t.exec }) {
		return tokens
	}
	return slices.DeleteFunc(slices.Clone(tokens), func(t token) bool { return t.exec })
}

const onlyQueries = "only SELECT and WITH … SELECT are allowed"

func notQuery(l *lexer, tokens []token) string {
	i := 0
	for punct(l, tokens, i) == '(' {
		i++
	}
	if i == len(tokens) {
		return "no query; " + onlyQueries
	}
	switch w := word(l, tokens, i); w {
	case "SELECT":
	case "WITH":
		if verb := mainVerb(l, tokens, i); verb < 0 {
			return "WITH has no SELECT; " + onlyQueries
		} else if w := word(l, tokens, verb); w != "SELECT" {
			return "WITH … " + w + " is no query; " + onlyQueries
		}
	case "":
		return fmt.Sprintf("a statement begins with %s; %s", excerpt(l, tokens[i]), onlyQueries)
	default:
		return w + " is no query; " + onlyQueries
	}
	for i, t := range tokens {
		if t.kind != tokenWord {
			continue
		}
		w := word(l, tokens, i)
		if w == "INTO" && punct(l, tokens, i-1) != '.' && word(l, tokens, i-1) != "AS" {
			return "SELECT … INTO writes; " + onlyQueries
		}
		if changes(w) && startsStatement(l, tokens, i) {
			return "WITH … " + w + " is no query; " + onlyQueries
		}
	}
	return ""
}

// formatted says whether a FORMAT clause ends the statement, with SETTINGS after
// it or not.
func formatted(l *lexer, tokens []token) bool {
	for i := 1; i+1 < len(tokens); i++ {
		if word(l, tokens, i) != "FORMAT" || tokens[i+1].kind != tokenWord || i+2 < len(tokens) && word(l, tokens, i+2) != "SETTINGS" {
			continue
		}
		switch word(l, tokens, i-1) {
		case "AS", "FROM", "JOIN": // a name
			continue
		}
		if p := punct(l, tokens, i-1); p != '.' && p != ',' {
			return true
		}
	}
	return false
}

// excerpt names a token without repeating a literal's content.
func excerpt(l *lexer, t token) string {
	switch t.kind {
	case tokenString:
		return "a literal"
	case tokenIdent:
		return "a quoted identifier"
	}
	return l.text[t.pos:t.end]
}

// mainVerb returns the token that begins the statement after a WITH clause: the
// first verb at the clause's own depth, or the SELECT in parentheses that stand
// there. It returns -1 if there is none.
func mainVerb(l *lexer, tokens []token, with int) int {
	depth := 0
	for i := with + 1; i < len(tokens); i++ {
		switch punct(l, tokens, i) {
		case '(':
			if depth == 0 && punct(l, tokens, i-1) == ')' {
				j := i
				for punct(l, tokens, j) == '(' {
					j++
				}
				if word(l, tokens, j) == "SELECT" {
					return j
				}
			}
			depth++
			continue
		case ')':
			if depth--; depth < 0 {
				return -1
			}
			continue
		}
		if depth > 0 || punct(l, tokens, i-1) == '.' || punct(l, tokens, i+1) == '(' && word(l, tokens, i) != "SELECT" {
			continue
		}
		w := word(l, tokens, i)
		if w == "SELECT" || changes(w) && !names(l, tokens, i) {
			return i
		}
	}
	return -1
}

// names says whether the word at i names a WITH item: WITH update AS (…), or
// 1 AS update in ClickHouse.
func names(l *lexer, tokens []token, i int) bool {
	switch word(l, tokens, i-1) {
	case "WITH", "RECURSIVE", "AS":
		return true
	}
	return punct(l, tokens, i-1) == ','
}

// changes says whether a statement that begins with w may change something.
func changes(w string) bool {
	switch w {
	case "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "TRUNCATE", "DROP", "CREATE", "ALTER", "CALL", "GRANT", "REVOKE":
		return true
	}
	return false
}

// startsStatement says whether the verb at i begins a statement in parentheses,
// rather than being a function's or a column's name.
func startsStatement(l *lexer, tokens []token, i int) bool {
	if p := punct(l, tokens, i-1); p != '(' && p != ')' || i+1 == len(tokens) {
		return false
	}
	switch tokens[i+1].kind {
	case tokenWord, tokenIdent, tokenParam:
		return true
	}
	return false
}
