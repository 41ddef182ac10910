package render

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/datapush-go/datapush/channel"
)

// tagParser finds the two tags that authors can write, <at …> and <br>, and
// gives them as raw HTML nodes, of which there are no others.
type tagParser struct{}

func (tagParser) Trigger() []byte { return []byte{'<'} }

func (tagParser) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	line, segment := block.PeekLine()
	n := tagLength(line)
	if n == 0 {
		return nil
	}
	node := ast.NewRawHTML()
	node.Segments.Append(segment.WithStop(segment.Start + n))
	block.Advance(n)
	return node
}

// tagLength is the length of an <at> or <br> tag at the start of line, 0 when
// there is none.
func tagLength(line []byte) int {
	name := bytes.TrimPrefix(line[1:], []byte("/"))
	if len(name) < 3 {
		return 0
	}
	if word := string(bytes.ToLower(name[:2])); word != "at" && word != "br" {
		return 0
	}
	switch name[2] {
	case ' ', '\t', '/', '>':
	default:
		return 0
	}
	quote := byte(0)
	for i := 3; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			return 0
		case c == '>':
			return i + 1
		}
	}
	return 0
}

func isLineBreak(tag string) bool {
	name := strings.TrimRight(strings.Trim(tag, "<>"), " \t/")
	return strings.EqualFold(name, "br")
}

func isMentionEnd(tag string) bool {
	return strings.EqualFold(strings.TrimRight(strings.Trim(tag, "<>"), " \t"), "/at")
}

// mentionNode is a mention whose fields may hold references.
type mentionNode struct {
	all                    bool
	id, phone, email, name []part
}

// parseMention reads <at id="all"/>, <at email="…">, <at phone=…> and the like.
// A tag with an attribute it does not know, or with none, is no mention.
func parseMention(tag string) (m mentionNode, ok bool) {
	s := strings.TrimSuffix(strings.TrimSuffix(tag, ">"), "/")
	if len(s) < 3 || !strings.EqualFold(s[:3], "<at") {
		return m, false
	}
	s = s[3:]
	found := false
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" {
			return m, found
		}
		key, rest, hasValue := strings.Cut(s, "=")
		if !hasValue {
			return m, false
		}
		key = strings.ToLower(strings.TrimRight(key, " \t"))
		rest = strings.TrimLeft(rest, " \t")
		var value string
		if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
			var closed bool
			value, s, closed = strings.Cut(rest[1:], rest[:1])
			if !closed {
				return m, false
			}
		} else {
			n := strings.IndexAny(rest, " \t")
			if n < 0 {
				n = len(rest)
			}
			value, s = rest[:n], rest[n:]
		}
		value = string(appendUnescaped(nil, []byte(strings.TrimSpace(value))))
		if value == "" {
			return m, false
		}
		switch key {
		case "id", "user_id", "userid":
			if strings.EqualFold(value, "all") || strings.EqualFold(value, "@all") {
				m.all = true
			} else {
				m.id = splitTokens(value)
			}
			found = true
		case "phone", "mobile":
			m.phone = splitTokens(value)
			found = true
		case "email":
			m.email = splitTokens(value)
			found = true
		case "name":
			m.name = splitTokens(value)
		default:
			return m, false
		}
	}
}

func (m *mentionNode) setName(name string) {
	if name = strings.TrimPrefix(name, "@"); name != "" && len(m.name) == 0 {
		m.name = splitTokens(name)
	}
}

func (m *mentionNode) literal() bool {
	for _, parts := range [...][]part{m.id, m.phone, m.email, m.name} {
		if _, ok := literal(parts); !ok {
			return false
		}
	}
	return true
}

func (m *mentionNode) node() inlineNode {
	if !m.literal() {
		return inlineNode{fill: &inlineFill{kind: kindMention, mention: *m}}
	}
	text := func(parts []part) string {
		s, _ := literal(parts)
		return s
	}
	return inlineNode{static: &channel.Mention{
		All:   m.all,
		ID:    text(m.id),
		Phone: text(m.phone),
		Email: text(m.email),
		Name:  text(m.name),
	}}
}

// label is how the mention reads where it cannot be one.
func (m *mentionNode) label() []part {
	at := part{lit: "@", ref: -1}
	if m.all {
		return []part{{lit: "@all", ref: -1}}
	}
	for _, parts := range [...][]part{m.name, m.id, m.email, m.phone} {
		if len(parts) > 0 {
			return append([]part{at}, parts...)
		}
	}
	return []part{at}
}

// A value may fill in whom an author mentions, but only as one person: these
// are the characters that names, numbers and addresses of people consist of.

func isPersonID(s string) bool {
	return len(s) > 0 && len(s) <= 128 && isAlnum(s[0]) && onlyBytes(s, "-_.@") && !strings.EqualFold(s, "all")
}

func isPhone(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	if len(digits) < 3 || len(digits) > 20 {
		return false
	}
	for i := range len(digits) {
		if (digits[i] < '0' || digits[i] > '9') && digits[i] != '-' && digits[i] != ' ' {
			return false
		}
	}
	return digits[0] != '-' && digits[0] != ' '
}

func isEmail(s string) bool {
	user, host, ok := strings.Cut(s, "@")
	return ok && len(s) <= 254 && user != "" && onlyBytes(user, "-_.+") && len(host) > 0 && isAlnum(host[0]) && onlyBytes(host, "-.")
}

func onlyBytes(s, extra string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte(extra, s[i]) < 0 {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool { return c >= '0' && c <= '9' || isLetter(c) }
