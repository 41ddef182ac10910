package snowflakefake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

type word struct {
	kind byte // w word, i quoted identifier, s string, n number, p anything else, e end
	text string
	pos  int
}

// is compares a keyword.
func (w word) is(s string) bool { return w.kind == 'w' && strings.EqualFold(w.text, s) }

func syntaxError(pos int, what string) *failure {
	return &failure{"001003", "42000", fmt.Sprintf("SQL compilation error:\nsyntax error line 1 at position %d unexpected '%s'.", pos, what)}
}

func unexpected(words []word, i int) *failure {
	w := words[i]
	if w.kind == 'e' {
		w.text = "<EOF>"
	}
	return syntaxError(w.pos, w.text)
}

// lex cuts a statement up.
func lex(sql string) ([]word, *failure) {
	var list []word
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case c <= ' ':
			i++
		case strings.HasPrefix(sql[i:], "--"), strings.HasPrefix(sql[i:], "//"):
			n := strings.IndexByte(sql[i:], '\n')
			if n < 0 {
				n = len(sql) - i
			}
			i += n
		case strings.HasPrefix(sql[i:], "/*"):
			n := strings.Index(sql[i:], "*/")
			if n < 0 {
				return nil, syntaxError(i, "/*")
			}
			i += n + 2
		case strings.HasPrefix(sql[i:], "$$"):
			n := strings.Index(sql[i+2:], "$$")
			if n < 0 {
				return nil, syntaxError(i, "$$")
			}
			list = append(list, word{'s', sql[i+2 : i+2+n], i})
			i += n + 4
		case c == '\'' || c == '"':
			text, end := quoted(sql, i)
			if end < 0 {
				return nil, syntaxError(i, string(c))
			}
			kind := byte('s')
			if c == '"' {
				kind = 'i'
			}
			list = append(list, word{kind, text, i})
			i = end
		case digit(c) || c == '-' && i+1 < len(sql) && digit(sql[i+1]):
			j := i + 1
			for j < len(sql) && (digit(sql[j]) || sql[j] == '.') {
				j++
			}
			list = append(list, word{'n', sql[i:j], i})
			i = j
		case letter(c):
			j := i + 1
			for j < len(sql) && (letter(sql[j]) || digit(sql[j]) || sql[j] == '$') {
				j++
			}
			list = append(list, word{'w', sql[i:j], i})
			i = j
		default:
			list = append(list, word{'p', string(c), i})
			i++
		}
	}
	return append(list, word{'e', "", len(sql)}), nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

// quoted reads a literal or an identifier and returns where it ends, or below
// zero. Only in literals has a backslash a meaning.
func quoted(sql string, i int) (string, int) {
	quote := sql[i]
	var b strings.Builder
	for i++; i < len(sql); i++ {
		c := sql[i]
		switch {
		case c == quote && i+1 < len(sql) && sql[i+1] == quote:
			i++
			b.WriteByte(c)
		case c == quote:
			return b.String(), i + 1
		case c == '\\' && quote == '\'' && i+1 < len(sql):
			i++
			switch c = sql[i]; c {
			case 'n':
				c = '\n'
			case 't':
				c = '\t'
			case 'r':
				c = '\r'
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case '0':
				c = 0
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return "", -1
}

type parser struct {
	words    []word
	at       int
	s        *Server
	t        *session
	bindings map[string]binding
	bound    int
}

// item is one expression of a SELECT.
type item struct {
	name   string
	typ    string
	value  any
	column string // of the table, or ""
	all    bool
}

func (p *parser) next() word { return p.words[p.at] }

func (p *parser) take(keyword string) bool {
	if p.next().is(keyword) || p.next().kind == 'p' && p.next().text == keyword {
		p.at++
		return true
	}
	return false
}

func (p *parser) unexpected() *failure { return unexpected(p.words, p.at) }

// query runs a SELECT.
func (p *parser) query() (*answer, *failure) {
	if !p.take("SELECT") {
		return nil, p.unexpected()
	}
	var items []item
	for {
		it, fail := p.item()
		if fail != nil {
			return nil, fail
		}
		items = append(items, it)
		if !p.take(",") {
			break
		}
	}
	table := &Table{Rows: [][]any{nil}}
	if p.take("FROM") {
		w := p.next()
		if w.kind != 'w' && w.kind != 'i' {
			return nil, p.unexpected()
		}
		p.at++
		if table = p.s.tables[fold(w)]; table == nil {
			return nil, &failure{"002003", "42S02", "SQL compilation error:\nObject '" + fold(w) + "' does not exist or not authorized."}
		}
	}
	keep, fail := p.where(table)
	if fail != nil {
		return nil, fail
	}
	limit := len(table.Rows)
	if p.take("LIMIT") {
		n, err := strconv.Atoi(p.next().text)
		if err != nil || p.next().kind != 'n' {
			return nil, p.unexpected()
		}
		p.at++
		limit = min(limit, n)
	}
	p.take(";")
	if w := p.next(); w.kind != 'e' {
		if p.words[p.at-1].text == ";" {
			return nil, &failure{"000008", "0A000", "Actual statement count 2 did not match the desired statement count 1."}
		}
		return nil, p.unexpected()
	}
	if p.bound != len(p.bindings) {
		return nil, &failure{"002049", "42601", "SQL compilation error: error line 1 at position 7\nBind variable ? not set."}
	}
	return project(table, items, keep, limit)
}

func fold(w word) string {
	if w.kind == 'i' {
		return w.text
	}
	return strings.ToUpper(w.text)
}

func project(table *Table, items []item, keep func([]any) bool, limit int) (*answer, *failure) {
	a := &answer{statement: 4096}
	var from []int // a column's number, or below zero an item's value
	for n, it := range items {
		if it.all {
			for i, c := range table.Columns {
				a.columns, from = append(a.columns, c), append(from, i)
			}
			continue
		}
		if it.column == "" {
			a.columns, from = append(a.columns, Column{it.name, it.typ}), append(from, -n-1)
			continue
		}
		i := slices.IndexFunc(table.Columns, func(c Column) bool { return c.Name == it.column })
		if i < 0 {
			return nil, &failure{"000904", "42000", "SQL compilation error: error line 1 at position 7\ninvalid identifier '" + it.column + "'"}
		}
		a.columns, from = append(a.columns, Column{it.name, table.Columns[i].Type}), append(from, i)
	}
	for _, row := range table.Rows {
		if len(a.rows) == limit {
			break
		}
		if !keep(row) {
			continue
		}
		out := make([]any, len(from))
		for i, f := range from {
			if f < 0 {
				out[i] = items[-f-1].value
			} else {
				out[i] = row[f]
			}
		}
		a.rows = append(a.rows, out)
	}
	return a, nil
}

// where reads WHERE column = literal AND ….
func (p *parser) where(table *Table) (func([]any) bool, *failure) {
	type test struct {
		column int
		text   string
	}
	var tests []test
	for word := "WHERE"; p.take(word); word = "AND" {
		w := p.next()
		i := slices.IndexFunc(table.Columns, func(c Column) bool { return c.Name == fold(w) })
		if w.kind != 'w' && w.kind != 'i' || i < 0 {
			return nil, &failure{"000904", "42000", "SQL compilation error: error line 1 at position 7\ninvalid identifier '" + fold(w) + "'"}
		}
		p.at++
		if !p.take("=") {
			return nil, p.unexpected()
		}
		if k := p.next().kind; k != 's' && k != 'n' {
			return nil, p.unexpected()
		}
		tests = append(tests, test{i, p.next().text})
		p.at++
	}
	return func(row []any) bool {
		for _, t := range tests {
			if fmt.Sprint(row[t.column]) != t.text {
				return false
			}
		}
		return true
	}, nil
}

var functions = map[string]bool{"CURRENT_SESSION": true, "CURRENT_ROLE": true, "CURRENT_WAREHOUSE": true, "CURRENT_DATABASE": true}

func (p *parser) item() (item, *failure) {
	w := p.next()
	it := item{name: strings.ToUpper(w.text), value: w.text}
	p.at++
	switch {
	case w.kind == 'p' && w.text == "*":
		return item{all: true}, nil
	case w.kind == 'n':
		_, fraction, _ := strings.Cut(w.text, ".")
		it.typ = fmt.Sprintf("NUMBER(%d,%d)", len(strings.NewReplacer("-", "", ".", "").Replace(w.text)), len(fraction))
	case w.kind == 's':
		it.typ, it.name = "VARCHAR", "'"+strings.ToUpper(w.text)+"'"
	case w.kind == 'p' && w.text == "?":
		p.bound++
		b, ok := p.bindings[strconv.Itoa(p.bound)]
		if !ok {
			return it, &failure{"002049", "42601", "SQL compilation error: error line 1 at position 7\nBind variable ? not set."}
		}
		it.value = b.Value
		if it.typ = map[string]string{"TEXT": "VARCHAR", "FIXED": "NUMBER(38,0)", "REAL": "FLOAT", "BOOLEAN": "BOOLEAN"}[b.Type]; it.typ == "" {
			return it, &failure{"100077", "22000", "the type " + b.Type + " of a bind variable is not known"}
		}
		if b.Type == "BOOLEAN" {
			it.value = b.Value == "true"
		}
	case w.is("NULL"):
		it.typ, it.value = "VARCHAR", nil
	case w.is("TRUE"), w.is("FALSE"):
		it.typ, it.value = "BOOLEAN", w.is("TRUE")
	case w.kind == 'w' && functions[strings.ToUpper(w.text)]:
		if !p.take("(") || !p.take(")") {
			return it, p.unexpected()
		}
		it.typ, it.name = "VARCHAR", strings.ToUpper(w.text)+"()"
		it.value = map[string]string{
			"CURRENT_SESSION": strconv.FormatInt(p.t.ID, 10), "CURRENT_ROLE": p.t.Role, "CURRENT_WAREHOUSE": p.t.Warehouse, "CURRENT_DATABASE": p.s.o.Database,
		}[strings.ToUpper(w.text)]
	case w.kind == 'i', w.kind == 'w' && !w.is("FROM") && !w.is("SELECT"):
		it.column, it.name = fold(w), fold(w)
	default:
		p.at--
		return it, p.unexpected()
	}
	if p.take("AS") {
		if k := p.next().kind; k != 'w' && k != 'i' {
			return it, p.unexpected()
		}
		it.name = fold(p.next())
		p.at++
	}
	return it, nil
}
