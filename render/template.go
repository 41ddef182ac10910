package render

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
)

// template is a text split at its ${} references.
type template struct {
	src   string
	parts []part
	// shown are the parts of a text that is no Markdown, with emoji in the place
	// of their names.
	shown []part
	refs  []ref
	bad   []mistake
	// plain: the text is printable ASCII, so that it needs no cleaning.
	plain bool
}

// part is literal text, or a reference where ref is at least 0.
type part struct {
	lit string
	ref int
}

// ref is one ${}. At most one of the indexed forms is set.
type ref struct {
	offset int
	// typed is the reference as it was written, braces included.
	typed string
	name  string
	// row is the index of ${name[row]}, -1 when there is none.
	row int
	// input counts the results of ${inputs[row][col]} from 1; 0 when the
	// reference is by name.
	input, col int
}

type mistake struct {
	offset int
	text   string
}

// maxIndexDigits keeps every index inside an int on any machine.
const maxIndexDigits = 9

// parseTemplate never fails: what is wrong is in bad, and the text of a wrong
// reference stays as it was typed.
func parseTemplate(src string) *template {
	t := &template{src: src, plain: isPlain(src)}
	lit := 0
	for at := 0; ; {
		i := strings.Index(src[at:], "${")
		if i < 0 {
			break
		}
		start := at + i
		end := strings.IndexAny(src[start+2:], "}\n")
		if end < 0 || src[start+2+end] == '\n' {
			t.bad = append(t.bad, mistake{start, "${ has no closing } on its line; close it, or put a space between $ and {"})
			at = start + 2
			continue
		}
		end += start + 2
		r, wrong := parseRef(src[start+2 : end])
		at = end + 1
		if wrong != "" {
			t.bad = append(t.bad, mistake{start, wrong})
			continue
		}
		r.offset = start
		r.typed = src[start:at]
		if lit < start {
			t.parts = append(t.parts, part{lit: src[lit:start], ref: -1})
		}
		t.parts = append(t.parts, part{ref: len(t.refs)})
		t.refs = append(t.refs, r)
		lit = at
	}
	if lit < len(src) {
		t.parts = append(t.parts, part{lit: src[lit:], ref: -1})
	}
	return t
}

func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// parseRef reads what stands between the braces.
func parseRef(s string) (r ref, wrong string) {
	r.row = -1
	if s == "" {
		return r, "${} has no name; write the name of a parameter or output between the braces"
	}
	shown := "${" + s + "}"
	if strings.Contains(s, "${") {
		return r, shown + " has another ${ inside; close the first one before it"
	}
	for _, c := range s {
		if unicode.IsControl(c) {
			return r, strconv.Quote(shown) + " has a control character in the name"
		}
	}
	if trimmed := strings.TrimSpace(s); trimmed != s {
		return r, shown + " has a space beside a brace; write ${" + trimmed + "}"
	}
	name, last := cutIndex(s)
	if last < 0 {
		if last == indexTooLong {
			return r, shown + " has an index of more than 9 digits"
		}
		r.name = s
		return r, ""
	}
	outer, first := cutIndex(name)
	if first == indexTooLong {
		return r, shown + " has an index of more than 9 digits"
	}
	if first < 0 {
		if name == "" {
			return r, shown + " has no name before the index"
		}
		r.name, r.row = name, last
		return r, ""
	}
	r.input = inputNumber(outer)
	if r.input == 0 {
		return r, shown + " has two indexes; that is for results by position: ${inputs[row][column]}, or inputs2 for the second result"
	}
	r.row, r.col = first, last
	return r, ""
}

const (
	noIndex      = -1
	indexTooLong = -2
)

// cutIndex splits "name[12]" into "name" and 12.
func cutIndex(s string) (string, int) {
	if !strings.HasSuffix(s, "]") {
		return s, noIndex
	}
	i := strings.LastIndexByte(s, '[')
	if i < 0 {
		return s, noIndex
	}
	digits := s[i+1 : len(s)-1]
	if digits == "" {
		return s, noIndex
	}
	for j := range len(digits) {
		if digits[j] < '0' || digits[j] > '9' {
			return s, noIndex
		}
	}
	if len(digits) > maxIndexDigits {
		return s, indexTooLong
	}
	n, _ := strconv.Atoi(digits)
	return s[:i], n
}

// inputNumber reads "inputs", "inputs1", "inputs2" …; 0 is none of them.
func inputNumber(s string) int {
	digits, ok := strings.CutPrefix(s, "inputs")
	if !ok {
		return 0
	}
	if digits == "" {
		return 1
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || digits[0] == '+' || len(digits) > maxIndexDigits {
		return 0
	}
	return n
}

// While goldmark parses, a reference is a token of Unicode noncharacters, which
// Markdown treats like a letter: it is no markup, ends no construct and can
// stand in an address. Noncharacters in the source itself are replaced first,
// so that a token can only come from a reference.
const (
	tokenStart = '\uFDD0'
	tokenDigit = '\uFDD1' // and the 15 after it
	tokenEnd   = '\uFDE1'
	nonLast    = '\uFDEF'
)

func appendToken(dst []byte, ref int) []byte {
	dst = utf8.AppendRune(dst, tokenStart)
	for ; ref > 0; ref >>= 4 {
		dst = utf8.AppendRune(dst, tokenDigit+rune(ref&15))
	}
	return utf8.AppendRune(dst, tokenEnd)
}

// tokenized is the text with a token in place of each reference.
func (t *template) tokenized() []byte {
	dst := make([]byte, 0, len(t.src)+4*len(t.refs)+1)
	for _, p := range t.parts {
		if p.ref >= 0 {
			dst = appendToken(dst, p.ref)
			continue
		}
		from := len(dst)
		dst = append(dst, p.lit...)
		dst = clean(dst, from)
		// All noncharacters of the token share their first two bytes.
		if strings.Contains(p.lit, "\xef\xb7") {
			safe := strings.Map(func(r rune) rune {
				if isTokenRune(r) {
					return utf8.RuneError
				}
				return r
			}, string(dst[from:]))
			dst = append(dst[:from], safe...)
		}
	}
	return dst
}

func isTokenRune(r rune) bool { return r >= tokenStart && r <= nonLast }

// splitTokens turns text that goldmark gave back into parts again.
func splitTokens(s string) []part {
	var parts []part
	for {
		i := strings.IndexRune(s, tokenStart)
		if i < 0 {
			break
		}
		if i > 0 {
			parts = append(parts, part{lit: s[:i], ref: -1})
		}
		s = s[i+utf8.RuneLen(tokenStart):]
		n, shift := 0, 0
		for {
			r, size := utf8.DecodeRuneInString(s)
			s = s[size:]
			if r < tokenDigit || r >= tokenEnd {
				break
			}
			n |= int(r-tokenDigit) << shift
			shift += 4
		}
		parts = append(parts, part{ref: n})
	}
	if s != "" {
		parts = append(parts, part{lit: s, ref: -1})
	}
	return parts
}

// literal reports whether parts hold no reference, and their text.
func literal(parts []part) (string, bool) {
	switch len(parts) {
	case 0:
		return "", true
	case 1:
		return parts[0].lit, parts[0].ref < 0
	}
	var b strings.Builder
	for _, p := range parts {
		if p.ref >= 0 {
			return "", false
		}
		b.WriteString(p.lit)
	}
	return b.String(), true
}

// withEmoji is parts with emoji in the place of their names, which a value makes
// neither by itself nor together with the author's text.
func withEmoji(parts []part) []part {
	shown := parts
	for i := range parts {
		if s := showEmoji(parts[i].lit); s != parts[i].lit {
			if &shown[0] == &parts[0] {
				shown = slices.Clone(parts)
			}
			shown[i].lit = s
		}
	}
	return shown
}

// showEmoji puts emoji in the place of their names.
func showEmoji(s string) string {
	var b strings.Builder
	from := 0
	for at := strings.IndexByte(s, '['); at >= 0 && at < len(s); at++ {
		n := channel.EmojiName(s[at:])
		if n == 0 {
			continue
		}
		b.WriteString(s[from:at])
		b.WriteString(channel.Text(s[at : at+n]).Emoji())
		from = at + n
		at = from - 1
	}
	if from == 0 {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}

// looksScheduled reports whether a name reads like a scheduling-parameter
// expression, which authors tend to write where its parameter belongs.
func looksScheduled(name string) bool {
	if strings.HasPrefix(name, "bdp.system.") {
		return true
	}
	if !strings.Contains(name, "yyyy") {
		return false
	}
	for s := name; s != ""; {
		n := 0
		for _, token := range [...]string{"yyyy", "yy", "mm", "dd", "hh24", "hh12", "hh", "mi", "ss", "年", "月", "日"} {
			if strings.HasPrefix(s, token) {
				n = len(token)
				break
			}
		}
		if n == 0 && strings.IndexByte("0123456789-+*/:. ", s[0]) >= 0 {
			n = 1
		}
		if n == 0 {
			return false
		}
		s = s[n:]
	}
	return true
}

const scheduledHint = "it looks like a scheduling expression: make it the value of a parameter, and write that parameter's name here"

// Names are the names that title, Markdown, mail body, tables and charts refer
// to, in the order of their first use. A name that differs only in case is the
// same name. ${inputs[row][column]} refers to a place and names nothing; text
// that does not parse names nothing either.
func (c Content) Names() []string {
	var names []string
	add := func(name string) {
		for _, n := range names {
			if strings.EqualFold(n, name) {
				return
			}
		}
		names = append(names, name)
	}
	text := func(s string) {
		if !strings.Contains(s, "${") {
			return
		}
		for _, r := range parseTemplate(s).refs {
			if r.input == 0 {
				add(r.name)
			}
		}
	}
	field := func(s string) {
		if s != "" {
			add(s)
		}
	}
	text(c.Title)
	for _, b := range c.Blocks {
		if b.Markdown != nil {
			text(b.Markdown.Text)
		}
		if b.Table != nil {
			for _, col := range b.Table.Columns {
				field(col.Field)
				text(col.Header)
				text(col.Prefix)
				text(col.Suffix)
				text(col.Empty)
				if col.Condition != nil {
					text(col.Condition.Threshold)
				}
			}
		}
		if b.Chart != nil {
			text(b.Chart.Title)
			field(b.Chart.Labels)
			for _, s := range b.Chart.Series {
				field(s.Field)
				text(s.Name)
			}
		}
		if b.Email != nil {
			text(b.Email.Text)
		}
	}
	return names
}
