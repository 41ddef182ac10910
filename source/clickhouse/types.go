package clickhouse

import (
	"errors"
	"strconv"
	"strings"
)

// kind is a column's type as ClickHouse writes it, such as
// Map(String, Tuple(a Nullable(Int8), `b c` DateTime('UTC'))).
type kind struct {
	name  string
	args  []kind   // types, numbers and literals alike
	names []string // of a tuple's elements; nil if they have none
}

var errType = errors.New("no type")

// parseType reads a type.
func parseType(text string) (kind, error) {
	p := &typeParser{text: text}
	k, err := p.kind()
	if err == nil && p.at < len(text) {
		err = errType
	}
	return k, err
}

// typeOf is the type of values in a column of that type; one without a name if it
// cannot be read.
func typeOf(text string) kind {
	k, err := parseType(text)
	if err != nil {
		return kind{}
	}
	return k.bare()
}

type typeParser struct {
	text  string
	at    int
	depth int
}

func (p *typeParser) skip() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

func (p *typeParser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// word reads a name, a number, or what stands in quotes.
func (p *typeParser) word() (string, error) {
	p.skip()
	start := p.at
	if q := p.peek(); q == '`' || q == '\'' || q == '"' {
		var b strings.Builder
		for p.at++; p.at < len(p.text); p.at++ {
			switch c := p.text[p.at]; {
			case c == '\\' && p.at+1 < len(p.text):
				p.at++
				b.WriteByte(p.text[p.at])
			case c == q:
				p.at++
				return b.String(), nil
			default:
				b.WriteByte(c)
			}
		}
		return "", errType
	}
	for p.at < len(p.text) && strings.IndexByte(" ,()=`'\"", p.text[p.at]) < 0 {
		p.at++
	}
	if p.at == start {
		return "", errType
	}
	return p.text[start:p.at], nil
}

// maxDepth keeps a hostile server from exhausting the stack.
const maxDepth = 100

func (p *typeParser) kind() (kind, error) {
	if p.depth++; p.depth > maxDepth {
		return kind{}, errType
	}
	defer func() { p.depth-- }()
	name, err := p.word()
	if err != nil {
		return kind{}, err
	}
	k := kind{name: name}
	p.skip()
	if p.peek() == '=' { // an enum's value
		p.at++
		_, err := p.word()
		p.skip()
		return k, err
	}
	if p.peek() != '(' {
		return k, nil
	}
	p.at++
	named := name == "Tuple" || name == "Nested"
	for p.skip(); p.peek() != ')'; p.skip() {
		a, err := p.kind()
		if err != nil {
			return k, err
		}
		p.skip()
		label := ""
		if c := p.peek(); c != ',' && c != ')' {
			// A name stands before the type, with a space between.
			label = a.name
			if a, err = p.kind(); err != nil {
				return k, err
			}
			p.skip()
		}
		if named && label != "" {
			k.names = append(k.names, label)
		}
		k.args = append(k.args, a)
		switch p.peek() {
		case ',':
			p.at++
		case ')':
		default:
			return k, errType
		}
	}
	p.at++
	if len(k.names) != len(k.args) {
		k.names = nil
	}
	return k, nil
}

// bare is the type without what only says how it is stored.
func (k kind) bare() kind {
	for {
		switch {
		case (k.name == "Nullable" || k.name == "LowCardinality") && len(k.args) == 1:
			k = k.args[0]
		case k.name == "SimpleAggregateFunction" && len(k.args) == 2:
			k = k.args[1]
		default:
			return k
		}
	}
}

func (k kind) arg(i int) kind {
	if i < len(k.args) {
		return k.args[i]
	}
	return kind{}
}

func (k kind) number(i int) int {
	n, err := strconv.Atoi(k.arg(i).name)
	if err != nil {
		return 0
	}
	return n
}

func (k kind) isDate() bool { return k.name == "Date" || k.name == "Date32" }

// isNanos says whether a DateTime64 is stored in nanoseconds itself, so that it
// cannot leave their range.
func (k kind) isNanos() bool { return k.name == "DateTime64" && k.number(0) == 9 }

// maxScale is the most digits that a Decimal has.
const maxScale = 76

// scale is how many digits of a Decimal or a Time64 stand after the point.
func (k kind) scale() int {
	if k.name == "Time64" {
		return k.number(0)
	}
	return min(k.number(1), maxScale)
}
