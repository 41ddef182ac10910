package source

import "strings"

// WithoutRows rewrites a query, its values in place, into one that has the same
// columns and returns no rows: LIMIT 0 takes the place of its LIMIT, OFFSET and
// FETCH, and locking clauses go. It is for sources whose servers cannot describe a
// query; a server plans such a text and runs nothing of it.
func WithoutRows(sql string, d Dialect) string {
	l := lex(sql, d, true)
	end, depth := len(sql), 0
	for i, t := range l.tokens {
		switch punct(l, l.tokens, i) {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
		if depth != 0 || t.exec {
			continue
		}
		switch word(l, l.tokens, i) {
		case "SELECT", "UNION":
			end = len(sql) // what came before was not the whole query's
		case "LIMIT":
			end = min(end, t.pos)
		case "FETCH":
			if w := word(l, l.tokens, i+1); w == "FIRST" || w == "NEXT" {
				end = min(end, t.pos)
			}
		case "OFFSET":
			// It may be a column's name too.
			if i+1 < len(l.tokens) && l.tokens[i+1].kind == tokenNumber {
				end = min(end, t.pos)
			}
		case "FOR", "LOCK":
			switch word(l, l.tokens, i+1) {
			case "UPDATE", "SHARE", "IN", "NO", "KEY":
				end = min(end, t.pos)
			}
		}
		if t.kind == tokenSemi && !d.LeadingSet {
			end = min(end, t.pos)
		}
	}
	return strings.TrimSpace(sql[:end]) + "\nLIMIT 0"
}
