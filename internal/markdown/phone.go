package markdown

import "strings"

// Phone is a phone number as services take it: without the spaces, dots, dashes
// and parentheses that people put between its digits. Only the dash after the
// code of a country stays, as in +852-12345678. It is false for anything else.
func Phone(s string) (string, bool) {
	code, rest, coded := strings.Cut(strings.TrimSpace(s), "-")
	var b strings.Builder
	if country, ok := digits(strings.TrimPrefix(code, "+")); coded && code[:min(len(code), 1)] == "+" && ok && len(country) < 4 {
		b.WriteString("+" + country + "-")
		s = rest
	} else if rest, plus := strings.CutPrefix(strings.TrimSpace(s), "+"); plus {
		b.WriteByte('+')
		s = rest
	}
	number, ok := digits(s)
	return b.String() + number, ok && len(number) <= 20
}

// digits are those of a number; false when it has none, or anything but what
// stands between them.
func digits(s string) (string, bool) {
	ok := true
	number := strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		ok = ok && strings.ContainsRune(" \u00a0.-()", r)
		return -1
	}, s)
	return number, ok && number != ""
}
