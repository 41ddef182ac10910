package source

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxParamName is the longest name of a parameter, in bytes.
const maxParamName = 64

type tokenKind uint8

const (
	tokenWord   tokenKind = iota // keyword or unquoted identifier
	tokenNumber                  // numeric literal
	tokenString                  // string literal of any form
	tokenIdent                   // quoted identifier
	tokenParam                   // ${name} outside quotes
	tokenPunct                   // one byte of anything else
	tokenSemi                    // the end of a statement
)

type token struct {
	kind     tokenKind
	pos, end int
	// exec is true inside a comment that the server runs.
	exec bool
	// quote opens a tokenString or tokenIdent.
	quote byte
}

// ref is one ${name}, with what its value must be escaped for.
type ref struct {
	pos, end int
	name     string
	// quote is 0 outside quotes, '$' inside dollar quotes, else the byte that
	// opened the literal or identifier.
	quote     byte
	ident     bool
	backslash bool
	unicode   bool
}

// fault is something that keeps a script from being understood.
type fault struct {
	pos, line int
	param     string
	text      string
}

// lexer cuts SQL into tokens. Comments and white space leave no token, except
// that the inside of an executable comment does.
type lexer struct {
	text string
	// upper is text with the letters of ASCII in capitals: that is how words are
	// compared, and no token need be copied for it.
	upper string
	d     Dialect
	end   int
	exec  bool
	// bound is true when the values are in place: ${ has no meaning then.
	bound bool

	pos    int
	line   int
	lineAt int // the byte up to which line has been counted

	tokens []token
	refs   []ref
	faults []fault
}

func lex(text string, d Dialect, bound bool) *lexer {
	// A token of SQL and the space after it take five bytes or so.
	l := &lexer{text: text, upper: upper(text), d: d, end: len(text), line: 1, bound: bound, tokens: make([]token, 0, len(text)/5+8)}
	nul := strings.IndexByte(text, 0)
	if nul >= 0 {
		l.end = nul
	}
	l.run()
	if nul >= 0 {
		l.fault(nul, "", "a NUL byte; remove it")
	}
	return l
}

// lineOf returns the line in which pos stands, from 1. It counts on from the last
// call, or from the start when that was behind pos.
func (l *lexer) lineOf(pos int) int {
	if pos < l.lineAt {
		l.line, l.lineAt = 1, 0
	}
	l.line += strings.Count(l.text[l.lineAt:pos], "\n")
	l.lineAt = pos
	return l.line
}

func (l *lexer) fault(pos int, param, format string, args ...any) {
	f := fault{pos, l.lineOf(pos), param, fmt.Sprintf(format, args...)}
	if n := len(l.faults); n == 0 || l.faults[n-1] != f { // a comment may be looked at twice
		l.faults = append(l.faults, f)
	}
}

func (l *lexer) at(i int) byte {
	if i < l.end {
		return l.text[i]
	}
	return 0
}

// isParam says whether ${ stands at i.
func (l *lexer) isParam(i int) bool {
	return !l.bound && l.at(i) == '$' && l.at(i+1) == '{'
}

func (l *lexer) add(k tokenKind, pos, end int, quote byte) {
	l.tokens = append(l.tokens, token{kind: k, pos: pos, end: end, exec: l.exec, quote: quote})
	l.pos = end
}

func (l *lexer) run() {
	for l.pos < l.end {
		i := l.pos
		c := l.text[i]
		switch {
		case isSpace(c):
			l.pos++
		case isWordStart(c) && !l.isTypographic(i):
			l.word()
		case c == '#' && l.d.RefuseUnclear:
			l.fault(i, "", "# begins a comment on some servers only; write -- for a comment")
			l.lineComment()
		case c == '-' && l.at(i+1) == '-' && (!l.d.DashSpace || l.at(i+2) <= ' ' || l.at(i+2) == 0x7f),
			c == '#' && l.d.HashComments,
			c == '/' && l.at(i+1) == '/' && l.d.SlashComments:
			l.lineComment()
		case c == '/' && l.at(i+1) == '*':
			l.blockComment()
		case l.isParam(i):
			l.bareParam()
		case c == '$' && (l.d.DollarQuotes || l.d.Heredocs) && l.dollarTag() != "":
			l.dollarQuoted(l.dollarTag())
		case c == '$' && l.at(i+1) == '$' && l.d.DoubleDollar:
			l.dollarQuoted("$$")
		case c == '\'' || strings.IndexByte(l.d.Strings, c) >= 0:
			l.quoted(tokenString, i, ref{quote: c, backslash: l.d.Backslash})
		case strings.IndexByte(l.d.Identifiers, c) >= 0:
			l.quoted(tokenIdent, i, ref{quote: c, ident: true, backslash: l.d.BackslashIdentifiers})
		case c == ';':
			if l.exec {
				l.fault(i, "", "a second statement%s is hidden in an executable comment; remove it", l.nextWord(i+1))
			}
			l.add(tokenSemi, i, i+1, 0)
		case l.isTypographic(i):
			l.fault(i, "", "a typographic quote; write ' or \"")
			l.pos += len("‘")
		case isDigit(c) || c == '.' && isDigit(l.at(i+1)):
			l.number()
		default:
			l.add(tokenPunct, i, i+1, 0)
		}
	}
}

// upper returns text with the letters of ASCII in capitals.
func upper(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// nextWord returns the word that begins at i after white space, in capitals and
// with a space before it, or "".
func (l *lexer) nextWord(i int) string {
	for i < l.end && isSpace(l.text[i]) {
		i++
	}
	j := i
	for j < l.end && isWordByte(l.text[j]) {
		j++
	}
	if i == j || j-i > 20 {
		return ""
	}
	return " " + l.upper[i:j]
}

func (l *lexer) lineComment() {
	if l.exec {
		// Whether this hides the closing mark depends on the server's version.
		l.fault(l.pos, "", "a comment inside an executable comment; remove it")
	}
	l.pos = l.lineEnd(l.pos)
}

// lineEnd returns the byte after the line comment that begins at i. Some servers
// end it at a carriage return and others go on to the line feed, so both readings
// must come to the same.
func (l *lexer) lineEnd(i int) int {
	end := l.end
	if n := strings.IndexByte(l.text[i:end], '\n'); n >= 0 {
		end = i + n + 1
	}
	if n := strings.IndexByte(l.text[i:end], '\r'); n >= 0 && strings.TrimSpace(l.text[i+n:end]) != "" {
		l.fault(i, "", "a comment has a carriage return in it, at which some servers end it; end the line with a line feed")
	}
	if l.d.RefuseUnclear && strings.HasSuffix(strings.TrimRight(l.text[i:end], "\r\n"), `\`) {
		l.fault(i, "", `a comment ends in \, after which some servers go on with the next line; remove it`)
	}
	return end
}

func (l *lexer) blockComment() {
	open := l.pos
	if n := strings.Index(l.text[open+2:l.end], "*/"); n >= 0 && l.d.RefuseUnclear && strings.Contains(l.text[open+2:open+2+n+1], "/*") {
		l.fault(open, "", "a comment has /* in it, which some servers close by a */ of its own; remove it")
	}
	if l.exec {
		l.fault(open, "", "a comment inside an executable comment; remove it")
		l.pos = l.end
		return
	}
	if l.d.ExecutableComments {
		if body := l.text[open+2 : l.end]; strings.HasPrefix(body, "!") || strings.HasPrefix(body, "M!") {
			l.executable(open)
			return
		}
		l.hint(open)
	}
	depth := 1
	for i := open + 2; i+1 < l.end; i++ {
		switch {
		case l.text[i] == '*' && l.text[i+1] == '/':
			if depth--; depth == 0 {
				l.pos = i + 2
				return
			}
			i++
		case l.d.NestedComments && l.text[i] == '/' && l.text[i+1] == '*':
			depth++
			i++
		}
	}
	l.fault(open, "", "a comment is not closed; end it with */")
	l.pos = l.end
}

// hint looks at /*+ … */, in which some servers read quoted names: what looks like
// its end could stand in one of them.
func (l *lexer) hint(open int) {
	n := strings.Index(l.text[open:l.end], "*/")
	if n < 0 || l.text[open+2] != '+' {
		return
	}
	if body := l.text[open : open+n]; l.d.RefuseUnclear && (strings.Contains(body, "--") || strings.Contains(body, `\`)) {
		l.fault(open, "", `a hint has -- or \ in it, by which some servers do not see its end; remove it`)
	}
	quote := byte(0)
	for _, c := range []byte(l.text[open : open+n]) {
		switch {
		case quote == 0 && (c == '\'' || c == '"' || c == '`'):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	if quote != 0 {
		l.fault(open, "", "a hint ends inside %c; close the quote or remove the hint", quote)
	}
}

// executable reads a comment that the server runs, or not, by its version. Both
// readings must come to the same end, so that nothing inside may reach beyond
// the first closing mark.
func (l *lexer) executable(open int) {
	body := open + strings.IndexByte(l.text[open:l.end], '!') + 1
	n := strings.Index(l.text[body:l.end], "*/")
	if n < 0 {
		l.fault(open, "", "an executable comment is not closed; end it with */")
		l.pos = l.end
		return
	}
	stop := body + n
	for body < stop && isDigit(l.text[body]) {
		body++ // the server's version
	}
	inner := &lexer{text: l.text, upper: l.upper, d: l.d, end: stop, exec: true, bound: l.bound, pos: body, line: 1}
	inner.run()
	for _, r := range inner.refs {
		inner.fault(r.pos, r.name, "parameter ${%s} stands in an executable comment; move it out", r.name)
	}
	l.tokens = append(l.tokens, inner.tokens...)
	l.faults = append(l.faults, inner.faults...)
	l.pos = stop + 2
}

// param reads ${name} at i and returns what follows it.
func (l *lexer) param(i int, in ref) int {
	j := i + 2
	for j < l.end && isWordByte(l.text[j]) {
		j++
	}
	name := l.text[i+2 : j]
	switch {
	case l.at(j) != '}':
		rest := l.text[i:min(l.end, i+2+maxParamName)]
		if k := strings.IndexAny(rest, "}\n"); k >= 0 && rest[k] == '}' {
			l.fault(i, "", "%s is no parameter name: a letter or underscore, then letters, digits and underscores; an expression belongs in the parameter's value", rest[:k+1])
			return i + k + 1
		}
		l.fault(i, "", "${ is not closed; end the parameter with }")
		return i + 2
	case name == "" || isDigit(name[0]):
		l.fault(i, "", "${%s} is no parameter name: a letter or underscore, then letters, digits and underscores", name)
	case len(name) > maxParamName:
		l.fault(i, "", "a parameter name of %d bytes; the longest is %d", len(name), maxParamName)
	default:
		in.pos, in.end, in.name = i, j+1, name
		l.refs = append(l.refs, in)
		if in.unicode {
			l.fault(i, name, "parameter ${%s} stands in a U& literal, where its value cannot be escaped; use a plain literal", name)
		}
	}
	return j + 1
}

func (l *lexer) bareParam() {
	i := l.pos
	end := l.param(i, ref{})
	l.add(tokenParam, i, end, 0)
	name := l.text[i+2 : max(i+2, end-1)]
	// A value such as E or N would change how the quoted text is read.
	if c := l.at(end); c != 0 && (c == '\'' || strings.IndexByte(`"`+"`"+l.d.Strings, c) >= 0) {
		l.fault(i, name, "%s stands right before a quote; put a space between or move it inside", l.text[i:end])
	}
	if l.joinsDollar(end) {
		l.fault(i, name, "%s stands right before a dollar sign; put a space between", l.text[i:end])
	}
	if strings.HasSuffix(l.text[:i], "--") {
		// Before some values this begins a comment.
		l.fault(i, name, "%s stands right after --; put a space between the dashes", l.text[i:end])
	}
}

// joinsDollar says whether at i a dollar sign stands that could open a literal,
// were it not part of a name that ends before it.
func (l *lexer) joinsDollar(i int) bool {
	return (l.d.DollarQuotes || l.d.Heredocs || l.d.DoubleDollar) && l.at(i) == '$' && !l.isParam(i)
}

// quoted reads a literal or identifier whose opening quote is at open. The token
// begins at l.pos, which is earlier when the quote has a prefix.
func (l *lexer) quoted(k tokenKind, open int, in ref) {
	start := l.pos
	closing := in.quote
	if closing == '[' {
		closing = ']'
	}
	for i := open + 1; i < l.end; {
		switch c := l.text[i]; {
		case c == closing && closing != ']' && l.at(i+1) == closing:
			i += 2
		case c == closing:
			if next := l.continued(i+1, k, in); next > 0 {
				i = next
				continue
			}
			l.add(k, start, i+1, in.quote)
			return
		case c == '\\' && in.backslash:
			if l.isParam(i + 1) {
				l.fault(i, "", "a backslash stands right before ${; double it or remove it")
				i++
				continue
			}
			i += 2
		case l.isParam(i):
			i = l.param(i, in)
		default:
			i++
		}
	}
	what := "a literal"
	if k == tokenIdent {
		what = "an identifier"
	}
	l.fault(open, "", "%s is not closed; end it with %c", what, closing)
	l.add(k, start, l.end, in.quote)
}

// continued returns the byte after the quote that continues a literal on a later
// line, in the same mode, or 0.
func (l *lexer) continued(i int, k tokenKind, in ref) int {
	if k != tokenString || !l.d.EscapeStrings || in.quote != '\'' {
		return 0
	}
	broken := false
	for i < l.end {
		switch c := l.text[i]; {
		case c == '\n' || c == '\r':
			broken = true
			i++
		case isSpace(c):
			i++
		case c == '-' && l.at(i+1) == '-':
			// The line break belongs to the white space after it.
			i = l.lineEnd(i)
			broken = true
		case broken && c == '\'':
			return i + 1
		default:
			return 0
		}
	}
	return 0
}

// dollarTag returns $tag$ at the position, or "".
func (l *lexer) dollarTag() string {
	for i := l.pos + 1; i < l.end; i++ {
		c := l.text[i]
		switch {
		case c == '$':
			return l.text[l.pos : i+1]
		case l.d.Heredocs && (isDigit(c) || isWordStart(c) && c < utf8.RuneSelf):
		case l.d.DollarQuotes && (isWordStart(c) || isDigit(c) && i > l.pos+1):
		default:
			return ""
		}
	}
	return ""
}

func (l *lexer) dollarQuoted(tag string) {
	start := l.pos
	stop := strings.Index(l.text[start+len(tag):l.end], tag)
	if stop < 0 {
		l.fault(start, "", "a literal is not closed; end it with %s", tag)
		l.add(tokenString, start, l.end, '$')
		return
	}
	stop += start + len(tag)
	for i := start + len(tag); i < stop; {
		if l.isParam(i) {
			i = l.param(i, ref{quote: '$'})
			continue
		}
		i++
	}
	l.add(tokenString, start, stop+len(tag), '$')
}

func (l *lexer) word() {
	i := l.pos
	j := i + 1
	for j < l.end && (isWordByte(l.text[j]) || l.text[j] == '$' && !l.isParam(j)) && !l.isTypographic(j) {
		j++
	}
	// A letter that goes on from a parameter's value is no prefix of a literal.
	joined := i > 0 && l.text[i-1] == '}' && len(l.tokens) > 0 && l.tokens[len(l.tokens)-1].kind == tokenParam && l.tokens[len(l.tokens)-1].end == i
	if l.d.EscapeStrings && j == i+1 && !joined {
		switch c := l.text[i] | 0x20; {
		case c == 'e' && l.at(j) == '\'':
			l.quoted(tokenString, j, ref{quote: '\'', backslash: true})
			return
		case c == 'u' && l.at(j) == '&' && l.at(j+1) == '\'':
			l.quoted(tokenString, j+1, ref{quote: '\'', unicode: true})
			return
		case c == 'u' && l.at(j) == '&' && l.at(j+1) == '"':
			l.quoted(tokenIdent, j+1, ref{quote: '"', ident: true, unicode: true})
			return
		}
	}
	if l.d.RefuseUnclear && l.upper[i:j] == "R" && (l.at(j) == '\'' || l.at(j) == '"') {
		l.fault(i, "", "R stands right before a quote, which makes a raw literal on some servers; write a plain literal")
	}
	l.add(tokenWord, i, j, 0)
}

func (l *lexer) number() {
	i := l.pos
	j := i + 1
	for j < l.end {
		c := l.text[j]
		if isWordByte(c) && !l.isTypographic(j) || c == '.' || (c == '-' || c == '+') && l.text[j-1]|0x20 == 'e' && isDigit(l.at(j+1)) && !strings.HasPrefix(l.text[i:j], "0x") {
			j++
			continue
		}
		break
	}
	if l.d.EscapeStrings && l.at(j) == '\'' && l.text[j-1]|0x20 == 'e' {
		// 1 and E'…' to some servers, and an error to others.
		l.fault(i, "", "a number stands right before a quote; put a space between")
	}
	if l.joinsDollar(j) {
		// A name to some servers, or to all after a parameter's value.
		l.fault(i, "", "a number stands right before a dollar sign; put a space between")
	}
	l.add(tokenNumber, i, j, 0)
}

// isTypographic says whether ‘, ’, “ or ” stands at i.
func (l *lexer) isTypographic(i int) bool {
	if !l.d.TypographicQuotes || l.at(i) != 0xe2 || l.at(i+1) != 0x80 {
		return false
	}
	switch l.at(i + 2) {
	case 0x98, 0x99, 0x9c, 0x9d:
		return true
	}
	return false
}

func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordStart(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

func isWordByte(c byte) bool { return isWordStart(c) || isDigit(c) }
