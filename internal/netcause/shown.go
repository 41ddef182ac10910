package netcause

import (
	"errors"
	"strings"
)

// about is an error of a statement.
type about struct {
	error
	statement string
}

func (a about) Unwrap() error { return a.error }

// About keeps the statement with its error, for Shown.
func About(err error, statement string) error {
	if err == nil {
		return nil
	}
	return about{err, statement}
}

// Statement returns what About kept, "" if nothing.
func Statement(err error) string {
	var a about
	errors.As(err, &a)
	return a.statement
}

// Shown makes a server's text fit to be shown where it is about the statement as
// written: what it quotes, and what follows a colon, stays only if it stands in the
// statement too. A function that takes a name from a row, such as PostgreSQL's
// regclass, makes the server say the same of a value.
func Shown(text, statement string) string {
	statement = strings.ToLower(statement)
	stands := func(part string) bool { return standsIn(statement, strings.ToLower(part)) }
	// The apostrophe of "doesn't" is no quote.
	const apostrophe = "n\x00t "
	text = strings.ReplaceAll(text, "n't ", apostrophe)
	return strings.ReplaceAll(shown(text, stands), apostrophe, "n't ")
}

func shown(text string, stands func(part string) bool) string {
	var b strings.Builder
	for text != "" {
		i := strings.IndexAny(text, "\"'`„“”«»‘’")
		colon := strings.Index(text, ": ")
		switch {
		case colon >= 0 && (i < 0 || colon < i):
			// Without quotes it is not to be told where a name ends.
			b.WriteString(text[:colon+2])
			text = text[colon+2:]
			if i := strings.IndexAny(text, "\"'`"); i != 0 && !allStand(text, stands) {
				b.WriteString("…")
				return b.String()
			}
			continue
		case i < 0:
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		quote, rest := text[i], text[i+1:]
		if quote >= 0x80 { // another language's, whose closing quotes differ
			b.WriteString("…")
			return b.String()
		}
		last := strings.LastIndexByte(rest, quote)
		end := closing(rest, quote)
		if last >= 0 && stands(rest[:last]) {
			end = last // a piece of the statement, with its own quotes
		}
		name, ok := "", false
		if end >= 0 {
			name, ok = known(rest[:end], stands)
		}
		if !ok {
			b.WriteString("…")
			text = rest[last+1:]
			if last < 0 {
				return b.String()
			}
			continue
		}
		b.WriteString(string(quote) + name + string(quote))
		text = rest[end+1:]
	}
	return b.String()
}

// closing is the place of the quote that ends a name, -1 if there is none. One
// right before a word is of the name itself.
func closing(s string, quote byte) int {
	for i := range len(s) {
		if s[i] == quote && (i+1 == len(s) || !inWord(s[i+1])) {
			return i
		}
	}
	return -1
}

// standsIn says whether a statement has a part, as whole words.
func standsIn(statement, part string) bool {
	const sure = 40 // servers cut long pieces of a statement in the middle of a word
	for from := 0; ; {
		i := strings.Index(statement[from:], part)
		if i < 0 {
			return false
		}
		start := from + i
		end := start + len(part)
		if len(part) == 0 || len(part) >= sure || !(start > 0 && inWord(statement[start-1]) && inWord(part[0])) &&
			!(end < len(statement) && inWord(statement[end]) && inWord(part[len(part)-1])) {
			return true
		}
		from = start + 1
	}
}

func inWord(c byte) bool {
	return c >= 0x80 || c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// known returns a name without the database that the server put in front of it.
func known(name string, stands func(string) bool) (string, bool) {
	for !stands(name) {
		_, rest, ok := strings.Cut(name, ".")
		if !ok || rest == "" {
			return "", false
		}
		name = rest
	}
	return name, true
}

// allStand says whether each word of text stands in the statement.
func allStand(text string, stands func(string) bool) bool {
	for _, word := range strings.Fields(text) {
		if !stands(word) {
			return false
		}
	}
	return true
}
