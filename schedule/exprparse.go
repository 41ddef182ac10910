package schedule

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxExpr is the longest value, in bytes. It is far above any real one and
// keeps a mistaken upload from being stored with every run.
const maxExpr = 64 << 10

// maxDays and maxMonths bound an offset: with a bigger one, every result would
// be outside of the years 1 to 9999.
const (
	maxDays   = 366 * maxYear
	maxMonths = 12 * maxYear
)

// ExprError says why a scheduling-parameter value cannot be used.
type ExprError struct {
	Expr string // the value; the beginning of one that is too long
	Pos  int    // where in Expr, in bytes from 0
	Text string // what is wrong there
	Want string // what was expected; may be empty
	Hint string // what to write instead; may be empty
}

// Error names the place as a character of the value, counted from 1.
func (e *ExprError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "schedule: expression %s, character %d: %s", excerpt(e.Expr), runeAt(e.Expr, e.Pos), e.Text)
	if e.Want != "" {
		b.WriteString("; expected " + e.Want)
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// runeAt is the number of the character at a byte, from 1.
func runeAt(s string, pos int) int { return utf8.RuneCountInString(s[:pos]) + 1 }

// ParseExpr reads a scheduling-parameter value: literal text and expressions,
// one after another. Every mistake in a value is found here, and is an
// [*ExprError]; evaluating cannot fail. A value has at most 65,536 bytes and no
// space and no '='.
//
// # Business date
//
// ${format} and ${format±N} show the calendar day before the scheduled time. A
// format is any sequence of yyyy, yy, mm and dd, in lower case, with other
// characters that are neither ASCII letters nor digits between them. N, which
// may be a product such as 7*2, counts the smallest unit of the format: days,
// else months, else years.
//
// # Scheduled time
//
// $[format] and $[format±N…] show the scheduled time itself; the format may
// also have hh24, hh12, hh (the same as hh12), mi (minutes) and ss. Offsets are
// in days, may be chained, and may be products and fractions: -1 is a day,
// -1/24 an hour, -15/24/60 a quarter of an hour. Whole days are calendar days:
// the local time of day stays, even if it does not exist on that day. Fractions
// are elapsed time, of whole seconds, and are added after the days. A fraction
// that comes to whole days counts as such. Whole days need dd or a token of
// time in the format, because $[yyyymm-1] would not be the month before.
//
// $[add_months(format,N)] shifts by calendar months. A day that the month lacks
// becomes its last; the last day of one month does not become the last of
// another: a month after 28 February is 28 March.
//
// # Built-in names
//
//	$bizdate   ${yyyymmdd}                    ${bdp.system.bizdate} is the same
//	$cyctime   $[yyyymmddhh24miss]            ${bdp.system.cyctime} is the same
//	$gmtdate   $[yyyymmdd]
//	$bizmonth  $[add_months(yyyymm,-1)]
//
// A name ends before the first character that is no ASCII letter, digit or
// underscore. $jobid, $nodeid and $taskid are errors. Any other $ is literal.
//
// # Extensions
//
// These are of this package and unknown to DataWorks. All are on the scheduled
// time; N is optional and 0 by default.
//
//	$[month_first_day(format,N)]  first day of the month N months on
//	$[month_last_day(format,N)]   its last day
//	$[week_first_day(format,N)]   Monday of the week N weeks on
//	$[week_last_day(format,N)]    its Sunday
//	$[year_week(format,D)]        number of the week, for weeks that begin on
//	                              day D: 1, the default, is Monday and 7 Sunday
//	$[quarter(format,N)]          number of the quarter N quarters on
//	$[unix_timestamp()]           seconds since 1970-01-01 00:00:00 UTC
//
// year_week and quarter write their number, two digits and one, in place of
// the month and day of the format, so that yyyy-mm-dd gives 2022-34. The first
// week of a year is the one with the fourth of January, and yyyy is the year
// that the week belongs to.
func ParseExpr(expr string) (Expr, error) { return parseExpr(expr, false) }

// ParseSpacedExpr is [ParseExpr] for hosts that allow spaces in a value, which
// DataWorks refuses. A space is then a character like any other; in a format it
// separates tokens, as in $[yyyy-mm-dd hh24:mi:ss]. Other white space stays an
// error.
func ParseSpacedExpr(expr string) (Expr, error) { return parseExpr(expr, true) }

func parseExpr(expr string, spaced bool) (Expr, error) {
	if len(expr) > maxExpr {
		return Expr{}, &ExprError{Expr: strings.ToValidUTF8(expr[:1024], ""), Text: fmt.Sprintf("the value has %d bytes", len(expr)), Want: fmt.Sprintf("at most %d", maxExpr)}
	}
	p := exprParser{text: expr, spaced: spaced}
	if err := p.value(); err != nil {
		return Expr{}, err
	}
	return Expr{&exprValue{text: expr, parts: p.parts}}, nil
}

type exprParser struct {
	text   string
	spaced bool // spaces are allowed
	parts  []part
	zeros  []int // where an offset begins whose number has a leading zero
}

func (p *exprParser) fail(pos int, text, want, hint string) error {
	return &ExprError{Expr: p.text, Pos: pos, Text: text, Want: want, Hint: hint}
}

const (
	wantBiz      = "yyyy, yy, mm or dd"
	wantSched    = "yyyy, yy, mm, dd, hh24, hh12, hh, mi or ss"
	spaceHint    = "for a date and a time, use two parameters and join them where they are used, as in ${date} ${time}"
	functionHint = "there are functions for it, such as $[year_week(yyyy-mm-dd)], $[quarter(mm)] and $[month_last_day(yyyymmdd)]"
)

func (p *exprParser) value() error {
	for i, r := range p.text {
		if unicode.IsSpace(r) && (r != ' ' || !p.spaced) {
			return p.fail(i, "a space", "a value without spaces", spaceHint)
		}
		if r == '=' {
			return p.fail(i, "an equals sign", "a value without '='", "write it where the parameter is used")
		}
	}
	literal := 0 // where the text not yet taken begins
	flush := func(end int) {
		if end > literal {
			p.parts = append(p.parts, part{kind: literalPart, text: p.text[literal:end]})
		}
	}
	for i := 0; i < len(p.text); {
		if p.text[i] != '$' {
			i++
			continue
		}
		start, end := i, i+1
		var expr part
		var err error
		switch {
		case strings.HasPrefix(p.text[i:], "${"):
			expr, end, err = p.business(i)
		case strings.HasPrefix(p.text[i:], "$["):
			expr, end, err = p.scheduled(i)
		default:
			for end < len(p.text) && isNameByte(p.text[end]) {
				end++
			}
			expr, err = p.builtin(p.text[i:end], i)
		}
		if err != nil {
			return err
		}
		i = end
		if expr.kind == literalPart {
			continue
		}
		flush(start)
		p.parts = append(p.parts, expr)
		literal = end
	}
	flush(len(p.text))
	return nil
}

// inner finds the text between the two characters at start and the closing one.
func (p *exprParser) inner(start int, closing byte) (body string, pos, end int, err error) {
	pos = start + 2
	n := strings.IndexByte(p.text[pos:], closing)
	if n < 0 {
		return "", 0, 0, p.fail(start, p.text[start:pos]+" is not closed", "'"+string(closing)+"'", "")
	}
	body = p.text[pos : pos+n]
	if i := strings.IndexAny(body, "${["); i >= 0 {
		return "", 0, 0, p.fail(pos+i, "'"+body[i:i+1]+"' inside an expression", "'"+string(closing)+"'", "expressions do not nest; write them one after another")
	}
	return body, pos, pos + n + 1, nil
}

// builtin is the expression of a $name, or a literal part.
func (p *exprParser) builtin(name string, pos int) (part, error) {
	switch name {
	case "$bizdate":
		return shown(part{kind: datePart, business: true, days: -1}, dateFormat), nil
	case "$cyctime":
		return shown(part{kind: datePart}, timeFormat), nil
	case "$gmtdate":
		return shown(part{kind: datePart}, dateFormat), nil
	case "$bizmonth":
		// The month of the business date or, when that is the current month,
		// the one before it: in both cases the one before the scheduled time's.
		return shown(part{kind: monthPart, months: -1}, dateFormat[:2]), nil
	case "$jobid", "$nodeid", "$taskid":
		return part{}, p.fail(pos, name+" names an object of DataWorks that does not exist here", "a constant or a name that does", "use a constant, or one of $bizdate, $cyctime, $gmtdate and $bizmonth")
	}
	return part{}, nil
}

func shown(p part, format []token) part {
	p.show(format)
	return p
}

var (
	dateFormat = []token{{kind: yearToken}, {kind: monthToken}, {kind: dayToken}}
	timeFormat = []token{{kind: yearToken}, {kind: monthToken}, {kind: dayToken}, {kind: hour24Token}, {kind: minuteToken}, {kind: secondToken}}
)

// business reads ${…}.
func (p *exprParser) business(start int) (part, int, error) {
	body, pos, end, err := p.inner(start, '}')
	if err != nil {
		return part{}, 0, err
	}
	if name, ok := strings.CutPrefix(body, "bdp.system."); ok && (name == "bizdate" || name == "cyctime") {
		expr, err := p.builtin("$"+name, start)
		return expr, end, err
	}
	format, offset, err := p.format(body, pos, true)
	if err != nil {
		return part{}, 0, err
	}
	expr := shown(part{kind: datePart, business: true, days: -1}, format)
	if offset == "" {
		return expr, end, nil
	}
	at := pos + len(body) - len(offset)
	p.markZero(offset, at)
	n, rest, err := p.product(offset, at)
	if err != nil {
		return part{}, 0, err
	}
	if rest != "" {
		hint := ""
		if rest[0] == '/' {
			hint = "hours and minutes need the scheduled time: $[…-1/24]"
		}
		return part{}, 0, p.fail(at+len(offset)-len(rest), excerpt(rest)+" after the offset", "'}'", hint)
	}
	limit := int64(maxMonths)
	switch {
	case expr.shows&setOf(dayToken) != 0:
		limit = maxDays
		expr.days += n
	case expr.shows&setOf(monthToken) != 0:
		expr.months = n
		expr.quick = false
	default:
		limit = maxYear
		expr.months = 12 * n
		expr.quick = false
	}
	if n > limit || n < -limit {
		return part{}, 0, p.fail(at, "an offset beyond the calendar", fmt.Sprintf("at most %d", limit), "")
	}
	return expr, end, nil
}

// scheduled reads $[…].
func (p *exprParser) scheduled(start int) (part, int, error) {
	body, pos, end, err := p.inner(start, ']')
	if err != nil {
		return part{}, 0, err
	}
	if paren := strings.IndexByte(body, '('); paren >= 0 {
		name := strings.TrimLeftFunc(body[:paren], func(r rune) bool { return r < 0x80 && isNameByte(byte(r)) })
		if name == "" && paren > 0 && !isFormat(body[:paren]) {
			expr, err := p.function(body, pos, paren)
			return expr, end, err
		}
	}
	format, offset, err := p.format(body, pos, false)
	if err != nil {
		return part{}, 0, err
	}
	expr := shown(part{kind: datePart}, format)
	for rest := offset; rest != ""; {
		here := pos + len(body) - len(rest)
		p.markZero(rest, here)
		var days, seconds int64
		days, seconds, rest, err = p.term(rest, here)
		if err != nil {
			return part{}, 0, err
		}
		if seconds == 0 && expr.shows&(clockTokens|setOf(dayToken)) == 0 {
			return part{}, 0, p.fail(here, "whole days on a format without dd", "dd in the format, or a fraction of a day",
				monthsHint(body[:len(body)-len(offset)], expr.shows, body[here-pos:len(body)-len(rest)]))
		}
		expr.days += days
		expr.elapse += seconds
		expr.quick = expr.quick && seconds == 0
		const limit = maxDays
		if expr.days > limit || expr.days < -limit || expr.elapse > limit*daySeconds || expr.elapse < -limit*daySeconds {
			return part{}, 0, p.fail(here, "an offset beyond the calendar", fmt.Sprintf("at most %d days", limit), "")
		}
	}
	return expr, end, nil
}

// monthsHint is what somebody who wrote $[yyyymm-1] may have meant.
func monthsHint(format string, shows tokenSet, offset string) string {
	if strings.Contains(offset, "/") {
		return fmt.Sprintf("an offset in $[…] is in days; for months write $[add_months(%s,N)]", format)
	}
	if shows&setOf(monthToken) != 0 {
		return fmt.Sprintf("an offset in $[…] is in days; for months write $[add_months(%s,%s)]", format, offset)
	}
	return fmt.Sprintf("an offset in $[…] is in days; for years write $[add_months(%s,%c12*%s)]", format, offset[0], offset[1:])
}

// function reads name(format,N), whose parenthesis is at body[paren].
func (p *exprParser) function(body string, pos, paren int) (part, error) {
	name := body[:paren]
	kinds := map[string]partKind{
		"add_months": monthPart, "month_first_day": monthFirstPart, "month_last_day": monthLastPart,
		"week_first_day": weekFirstPart, "week_last_day": weekLastPart,
		"year_week": yearWeekPart, "quarter": quarterPart, "unix_timestamp": unixPart,
	}
	kind, ok := kinds[name]
	if !ok {
		return part{}, p.fail(pos, "unknown function "+excerpt(name), "add_months", functionHint)
	}
	closing := strings.IndexByte(body, ')')
	if closing < 0 {
		return part{}, p.fail(pos+paren, name+"( is not closed", "')'", "")
	}
	if closing != len(body)-1 {
		hint := ""
		if c := body[closing+1]; c == '+' || c == '-' {
			hint = "a function takes no offset after it"
		}
		return part{}, p.fail(pos+closing+1, excerpt(body[closing+1:])+" after "+name+"(…)", "']'", hint)
	}
	args, argPos := body[paren+1:closing], pos+paren+1
	expr := part{kind: kind, first: time.Monday}
	if kind == unixPart {
		if args != "" {
			return part{}, p.fail(argPos, "an argument", "unix_timestamp()", "")
		}
		return expr, nil
	}
	layout, number, two := strings.Cut(args, ",")
	format, offset, err := p.format(layout, argPos, false)
	if err != nil {
		return part{}, err
	}
	if offset != "" {
		return part{}, p.fail(argPos+len(layout)-len(offset), "an offset in the format of "+name, "',' or ')'", "give the number as the second argument")
	}
	if kind == yearWeekPart || kind == quarterPart {
		for _, t := range format {
			if setOf(t.kind)&clockTokens != 0 {
				return part{}, p.fail(argPos, "a time of day in the format of "+name, wantBiz, "")
			}
		}
	}
	n := int64(0)
	if two {
		at := argPos + len(layout) + 1
		signed := number
		if signed != "" && signed[0] != '+' && signed[0] != '-' {
			signed = "+" + signed
		}
		var rest string
		n, rest, err = p.product(signed, at-(len(signed)-len(number)))
		if err != nil {
			return part{}, err
		}
		if rest != "" {
			return part{}, p.fail(at+len(number)-len(rest), excerpt(rest)+" after the number", "a whole number, such as -1 or 12*2", "")
		}
		if n > maxMonths || n < -maxMonths {
			return part{}, p.fail(at, "a number beyond the calendar", fmt.Sprintf("at most %d", maxMonths), "")
		}
	} else if kind == monthPart {
		return part{}, p.fail(pos+closing, "the number of months is missing", "','", "write $[add_months("+layout+",-1)]")
	}
	expr.months = n
	switch kind {
	case yearWeekPart:
		expr.months = 0
		if two {
			if n < 1 || n > 7 {
				return part{}, p.fail(argPos+len(layout)+1, fmt.Sprintf("%d is no day of the week", n), "1 for Monday to 7 for Sunday", "")
			}
			expr.first = time.Weekday(n % 7)
		}
		format = numbered(format, weekToken)
	case quarterPart:
		expr.months = 3 * n
		format = numbered(format, quarterToken)
	}
	expr.show(format)
	return expr, nil
}

// numbered puts one token in place of the month and the day, and of what stands
// between them.
func numbered(format []token, kind tokenKind) []token {
	first, last := -1, -1
	for i, t := range format {
		if t.kind == monthToken || t.kind == dayToken {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return format
	}
	out := append([]token{}, format[:first]...)
	out = append(out, token{kind: kind})
	return append(out, format[last+1:]...)
}

// tokens are tried in order, so that a longer one comes before its beginning.
var tokens = []struct {
	text string
	kind tokenKind
}{
	{"yyyy", yearToken},
	{"yy", shortYearToken},
	{"mm", monthToken},
	{"dd", dayToken},
	{"hh24", hour24Token},
	{"hh12", hour12Token},
	{"hh", hour12Token},
	{"mi", minuteToken},
	{"ss", secondToken},
}

// nextToken is the token that s begins with, and 0 when it does not.
func nextToken(s string) (tokenKind, int) {
	for _, t := range tokens {
		if strings.HasPrefix(s, t.text) {
			return t.kind, len(t.text)
		}
	}
	return 0, 0
}

// isFormat reports whether s is tokens alone.
func isFormat(s string) bool {
	for s != "" {
		_, n := nextToken(s)
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return true
}

// format reads the tokens and separators of body and returns them with the rest
// of body, which is empty or begins with the sign of an offset.
func (p *exprParser) format(body string, pos int, business bool) ([]token, string, error) {
	want := wantSched
	if business {
		want = wantBiz
	}
	var format []token
	shown := false
	i, literal := 0, 0
	flush := func() {
		if i > literal {
			format = append(format, token{kind: textToken, text: body[literal:i]})
		}
	}
	for i < len(body) {
		c := body[i]
		if (c == '-' || c == '+') && i+1 < len(body) && isDigit(body[i+1]) {
			break
		}
		if !isLetter(c) && !isDigit(c) {
			i++
			continue
		}
		kind, n := nextToken(body[i:])
		if n == 0 {
			word := i
			for word < len(body) && (isLetter(body[word]) || isDigit(body[word])) {
				word++
			}
			bad := body[i:word]
			hint := ""
			if isFormat(strings.ToLower(bad)) {
				hint = "tokens are in lower case: " + strings.ToLower(bad)
			} else if isLetter(c) {
				hint = functionHint
			}
			return nil, "", p.fail(pos+i, excerpt(bad)+" is no part of a date or time", want, hint)
		}
		if business && setOf(kind)&clockTokens != 0 {
			return nil, "", p.fail(pos+i, body[i:i+n]+" in ${…}, which is a date", want, "for the time of day write $["+body[i:i+n]+"]")
		}
		flush()
		format = append(format, token{kind: kind})
		shown = true
		i += n
		literal = i
	}
	flush()
	if !shown {
		return nil, "", p.fail(pos, "no date or time to show", want, "")
	}
	return format, body[i:], nil
}

// markZero remembers an offset such as -01.
func (p *exprParser) markZero(s string, pos int) {
	if len(s) > 2 && s[1] == '0' && isDigit(s[2]) {
		p.zeros = append(p.zeros, pos)
	}
}

// product reads a sign, a number and factors: -7*2. It returns what follows.
func (p *exprParser) product(s string, pos int) (int64, string, error) {
	if s == "" {
		return 0, "", p.fail(pos, "no number", "a whole number", "")
	}
	n, rest, err := p.integer(s[1:], pos+1)
	if err != nil {
		return 0, "", err
	}
	for strings.HasPrefix(rest, "*") {
		var factor int64
		at := pos + len(s) - len(rest) + 1
		factor, rest, err = p.integer(rest[1:], at)
		if err != nil {
			return 0, "", err
		}
		if n *= factor; n > maxNumber {
			return 0, "", p.fail(at, "a number beyond the calendar", fmt.Sprintf("at most %d", maxNumber), "")
		}
	}
	if s[0] == '-' {
		n = -n
	}
	return n, rest, nil
}

// term reads one offset in days: -1, -7*2, -15/24/60. It returns whole days or,
// for a fraction of a day, seconds.
func (p *exprParser) term(s string, pos int) (days, seconds int64, rest string, err error) {
	if s[0] != '-' && s[0] != '+' {
		return 0, 0, "", p.fail(pos, excerpt(s)+" after the offset", "']' or another offset", "")
	}
	over, rest, err := p.integer(s[1:], pos+1)
	if err != nil {
		return 0, 0, "", err
	}
	under := int64(1)
	for rest != "" && (rest[0] == '*' || rest[0] == '/') {
		operator := rest[0]
		at := pos + len(s) - len(rest) + 1
		var n int64
		n, rest, err = p.integer(rest[1:], at)
		if err != nil {
			return 0, 0, "", err
		}
		if operator == '*' {
			over *= n
		} else {
			if n == 0 {
				return 0, 0, "", p.fail(at, "division by zero", "a number from 1", "")
			}
			under *= n
		}
		if over > maxNumber || under > maxNumber {
			return 0, 0, "", p.fail(at, "a number beyond the calendar", fmt.Sprintf("at most %d", maxNumber), "")
		}
	}
	if s[0] == '-' {
		over = -over
	}
	if over%under == 0 {
		return over / under, 0, rest, nil
	}
	if over*daySeconds%under != 0 {
		return 0, 0, "", p.fail(pos, "not a whole number of seconds", "a fraction such as -1/24 or -15/24/60", "")
	}
	return 0, over * daySeconds / under, rest, nil
}

// maxNumber bounds the numbers of an offset, so that their products with each
// other and with the seconds of a day stay far from overflow.
const maxNumber = 999_999_999

func (p *exprParser) integer(s string, pos int) (int64, string, error) {
	n, i := int64(0), 0
	for i < len(s) && isDigit(s[i]) {
		if n = n*10 + int64(s[i]-'0'); n > maxNumber {
			return 0, "", p.fail(pos, "a number beyond the calendar", fmt.Sprintf("at most %d", maxNumber), "")
		}
		i++
	}
	if i == 0 {
		return 0, "", p.fail(pos, "no number", "a whole number", "")
	}
	return n, s[i:], nil
}

func isDigit(c byte) bool    { return c >= '0' && c <= '9' }
func isLetter(c byte) bool   { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isNameByte(c byte) bool { return isDigit(c) || isLetter(c) || c == '_' }
