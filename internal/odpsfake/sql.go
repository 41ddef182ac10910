package odpsfake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// answer is what a statement returns: rows, or a text for one that is no query.
type answer struct {
	columns []Column
	types   []*typ
	rows    [][]any
	text    string
	wire    *encoded
}

type word struct {
	kind byte // w word, i quoted identifier, s string, n number, p anything else, e end
	text string
	pos  int
}

// is compares a keyword.
func (w word) is(s string) bool { return w.kind == 'w' && strings.EqualFold(w.text, s) }

func parseError(pos int, format string, args ...any) string {
	return fmt.Sprintf("ODPS-0130161:[1,%d] Parse exception - %s", pos+1, fmt.Sprintf(format, args...))
}

// words cuts a statement up. Literals that follow each other are one.
func words(sql string) (list []word, err string) {
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case c <= ' ':
			i++
		case strings.HasPrefix(sql[i:], "--"):
			n := strings.IndexByte(sql[i:], '\n')
			if n < 0 {
				n = len(sql) - i
			}
			i += n
		case strings.HasPrefix(sql[i:], "/*"):
			n := strings.Index(sql[i:], "*/")
			if n < 0 {
				return nil, parseError(i, "a comment is not closed")
			}
			i += n + 2
		case c == '\'' || c == '"':
			text, end := literal(sql, i)
			if end < 0 {
				return nil, parseError(i, "a literal is not closed")
			}
			if k := len(list) - 1; k >= 0 && list[k].kind == 's' {
				list[k].text += text
			} else {
				list = append(list, word{'s', text, i})
			}
			i = end
		case c == '`':
			var b strings.Builder
			j := i + 1
			for ; j < len(sql); j++ {
				if sql[j] == '`' {
					if j+1 < len(sql) && sql[j+1] == '`' {
						j++
					} else {
						break
					}
				}
				b.WriteByte(sql[j])
			}
			if j == len(sql) {
				return nil, parseError(i, "an identifier is not closed")
			}
			list = append(list, word{'i', b.String(), i})
			i = j + 1
		case c >= '0' && c <= '9' || c == '-' && i+1 < len(sql) && sql[i+1] >= '0' && sql[i+1] <= '9':
			j := i + 1
			for j < len(sql) && (sql[j] >= '0' && sql[j] <= '9' || sql[j] == '.') {
				j++
			}
			list = append(list, word{'n', sql[i:j], i})
			i = j
		case isLetter(c):
			j := i
			for j < len(sql) && (isLetter(sql[j]) || sql[j] >= '0' && sql[j] <= '9') {
				j++
			}
			list = append(list, word{'w', sql[i:j], i})
			i = j
		default:
			list = append(list, word{'p', string(c), i})
			i++
		}
	}
	return append(list, word{'e', "", len(sql)}), ""
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf }

// literal reads a literal with its escapes; end is -1 when it is not closed.
func literal(sql string, i int) (text string, end int) {
	var b strings.Builder
	for j := i + 1; j < len(sql); j++ {
		switch c := sql[j]; {
		case c == sql[i]:
			return b.String(), j + 1
		case c == '\\' && j+1 < len(sql):
			j++
			if n, err := strconv.ParseUint(sql[j:min(j+3, len(sql))], 8, 8); err == nil && j+3 <= len(sql) {
				b.WriteByte(byte(n))
				j += 2
			} else if k := strings.IndexByte("btnrZ0", sql[j]); k >= 0 {
				b.WriteByte("\b\t\n\r\x1a\x00"[k])
			} else {
				b.WriteByte(sql[j])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", -1
}

// item is one column of a SELECT: an expression of one value, or a column.
type item struct {
	name   string
	column string // of the table
	star   bool
	value  any
	typ    string
}

type parser struct {
	list []word
	at   int
	zone *time.Location
}

func (p *parser) peek() word { return p.list[p.at] }

func (p *parser) accept(kind byte, text string) bool {
	w := p.peek()
	if w.kind != kind || !strings.EqualFold(w.text, text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) unexpected() string {
	w := p.peek()
	if w.kind == 'e' {
		return parseError(w.pos, "unexpected end of the statement")
	}
	return parseError(w.pos, "invalid token '%s'", w.text)
}

// name reads an identifier that is no keyword.
func (p *parser) name() (string, bool) {
	w := p.peek()
	keyword := slices.ContainsFunc([]string{"SELECT", "FROM", "WHERE", "LIMIT", "AS", "AND"}, w.is)
	if w.kind != 'i' && (w.kind != 'w' || keyword) {
		return "", false
	}
	p.at++
	return w.text, true
}

// execute answers a statement, or says why it fails. s.mu is held.
func (s *Server) execute(sql string, settings map[string]string, zone *time.Location) (*answer, string) {
	if !strings.HasSuffix(strings.TrimSpace(sql), ";") {
		return nil, parseError(len(sql), "missing ';' at the end")
	}
	list, err := words(sql)
	if err != "" {
		return nil, err
	}
	p := &parser{list: list, zone: zone}
	switch {
	case p.accept('w', "DESC"):
		t, err := s.table(p)
		if err != "" {
			return nil, err
		}
		text := ""
		for _, c := range t.Columns {
			text += "| " + c.Name + " | " + c.Type + " |\n"
		}
		return &answer{text: text}, ""
	case p.accept('w', "SELECT"):
		return s.query(p, settings)
	}
	return nil, p.unexpected()
}

// table reads [project.]name.
func (s *Server) table(p *parser) (*Table, string) {
	at := p.peek().pos
	name, ok := p.name()
	if !ok {
		return nil, p.unexpected()
	}
	project := s.o.Project
	if p.accept('p', ".") {
		project = name
		if name, ok = p.name(); !ok {
			return nil, p.unexpected()
		}
	}
	t := s.tables[strings.ToLower(name)]
	if t == nil || project != s.o.Project {
		return nil, fmt.Sprintf("ODPS-0130131:[1,%d] Table not found - table %s.%s cannot be resolved", at+1, project, name)
	}
	return t, ""
}

func (s *Server) query(p *parser, settings map[string]string) (*answer, string) {
	var items []item
	for {
		it, err := p.item()
		if err != "" {
			return nil, err
		}
		if it.name == "" {
			it.name = fmt.Sprintf("_c%d", len(items))
		}
		items = append(items, it)
		if !p.accept('p', ",") {
			break
		}
	}
	t := &Table{Rows: [][]any{{}}}
	at := p.peek().pos
	if p.accept('w', "FROM") {
		var err string
		if t, err = s.table(p); err != "" {
			return nil, err
		}
	}
	column := func(name string) int {
		return slices.IndexFunc(t.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
	}
	rows := t.Rows
	named := map[string]bool{}
	for word := "WHERE"; p.accept('w', word); word = "AND" {
		pos := p.peek().pos
		name, ok := p.name()
		k := column(name)
		if ok && k < 0 {
			return nil, fmt.Sprintf("ODPS-0130071:[1,%d] Semantic analysis exception - column %s cannot be resolved", pos+1, name)
		}
		if !ok || !p.accept('p', "=") || p.peek().kind != 's' && p.peek().kind != 'n' {
			return nil, p.unexpected()
		}
		want := p.peek().text
		p.at++
		named[strings.ToLower(name)] = true
		rows = slices.DeleteFunc(slices.Clone(rows), func(row []any) bool { return fmt.Sprint(row[k]) != want })
	}
	if len(t.Partitions) > 0 && !slices.ContainsFunc(t.Partitions, func(n string) bool { return named[strings.ToLower(n)] }) && settings["odps.sql.allow.fullscan"] != "true" {
		return nil, fmt.Sprintf("ODPS-0130071:[1,%d] Semantic analysis exception - physical plan generation failed: Table(%s,%s) is full scan with all partitions, please specify partition predicates.", at+1, s.o.Project, t.Name)
	}
	if p.accept('w', "LIMIT") {
		n, err := strconv.Atoi(p.peek().text)
		if err != nil || n < 0 {
			return nil, p.unexpected()
		}
		p.at++
		rows = rows[:min(n, len(rows))]
	}
	if !p.accept('p', ";") || p.peek().kind != 'e' {
		return nil, p.unexpected()
	}

	a := &answer{}
	var from []int // the table's column, or -1-n for the value of item n
	for n, it := range items {
		switch {
		case it.star:
			for k, c := range t.Columns {
				a.columns, from = append(a.columns, c), append(from, k)
			}
		case it.column != "":
			k := column(it.column)
			if k < 0 {
				return nil, fmt.Sprintf("ODPS-0130071:[1,8] Semantic analysis exception - column %s cannot be resolved", it.column)
			}
			a.columns, from = append(a.columns, Column{it.name, t.Columns[k].Type}), append(from, k)
		default:
			a.columns, from = append(a.columns, Column{it.name, it.typ}), append(from, -1-n)
		}
	}
	for _, c := range a.columns {
		t, err := parseType(c.Type)
		if err != nil {
			return nil, "ODPS-0130071:[1,8] Semantic analysis exception - " + err.Error()
		}
		a.types = append(a.types, t)
	}
	whole := len(items) == 1 && items[0].star
	for _, row := range rows {
		if whole {
			a.rows = append(a.rows, row)
			continue
		}
		cells := make([]any, len(from))
		for n, k := range from {
			if k >= 0 {
				cells[n] = row[k]
			} else {
				cells[n] = items[-1-k].value
			}
		}
		a.rows = append(a.rows, cells)
	}
	return a, ""
}

func (p *parser) item() (item, string) {
	var it item
	if p.accept('p', "*") {
		it.star = true
		return it, ""
	}
	if err := p.expression(&it); err != "" {
		return it, err
	}
	if p.accept('w', "AS") {
		name, ok := p.name()
		if !ok {
			return it, p.unexpected()
		}
		it.name = name
	}
	return it, ""
}

func (p *parser) expression(it *item) string {
	w := p.peek()
	switch {
	case w.kind == 's':
		it.value, it.typ = w.text, "string"
	case w.kind == 'n' && strings.Contains(w.text, "."):
		it.value, it.typ = w.text, "decimal(38,18)"
	case w.kind == 'n':
		n, err := strconv.ParseInt(w.text, 10, 64)
		if err != nil {
			return p.unexpected()
		}
		it.value, it.typ = n, "bigint"
	case w.is("NULL"):
		it.value, it.typ = nil, "void"
	case w.is("TRUE"), w.is("FALSE"):
		it.value, it.typ = w.is("TRUE"), "boolean"
	case w.is("CAST"):
		return p.cast(it)
	default:
		name, ok := p.name()
		if !ok {
			return p.unexpected()
		}
		it.name, it.column = name, name
		return ""
	}
	p.at++
	return ""
}

// cast reads CAST(literal AS type).
func (p *parser) cast(it *item) string {
	p.at++
	if !p.accept('p', "(") {
		return p.unexpected()
	}
	if err := p.expression(it); err != "" {
		return err
	}
	if it.column != "" || !p.accept('w', "AS") {
		return p.unexpected()
	}
	text, depth := "", 0
	for ; ; p.at++ {
		w := p.peek()
		if w.kind == 'e' {
			return p.unexpected()
		}
		if w.text == "(" {
			depth++
		}
		if w.text == ")" {
			if depth--; depth < 0 {
				break
			}
		}
		text += w.text
	}
	p.at++
	t, err := parseType(text)
	if err != nil {
		return "ODPS-0130071:[1,8] Semantic analysis exception - " + err.Error()
	}
	it.typ = text
	if it.value == nil {
		return ""
	}
	if it.value, err = convert(t, fmt.Sprint(it.value), p.zone); err != nil {
		return "ODPS-0121035:Illegal implicit type cast - " + err.Error() // a guess
	}
	return ""
}

func convert(t *typ, text string, zone *time.Location) (any, error) {
	const datetime = "2006-01-02 15:04:05.999999999"
	switch t.name {
	case "tinyint", "smallint", "int", "bigint", "interval_year_month":
		return strconv.ParseInt(text, 10, 64)
	case "double", "float":
		return strconv.ParseFloat(text, 64)
	case "boolean":
		return strconv.ParseBool(text)
	case "date":
		return time.Parse(time.DateOnly, text)
	case "datetime", "timestamp":
		return time.ParseInLocation(datetime, text, zone)
	case "timestamp_ntz":
		return time.Parse(datetime, text)
	case "string", "varchar", "char", "binary", "decimal", "json":
		return text, nil
	}
	return nil, fmt.Errorf("a literal cannot become %s", t.name)
}
