package lark

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/jsontext"
	"github.com/datapush-go/datapush/internal/weburl"
)

// writer writes the Markdown of a card's text component. What the vendor
// documents as escapes are entities
// (https://open.feishu.cn/document/feishu-cards/card-components/content-components/rich-text,
// read 2026-11-23); numeric ones serve every character.
type writer struct {
	e      *encoder
	v2     bool
	out    []byte
	prefix []byte // begins each line after the first
	start  bool   // nothing but markup stands in this line yet
	space  bool   // a marker was closed after punctuation: a letter needs a space before it
	flat   int    // inside a heading of 1.0, which is bold as a whole
	grey   int    // inside a quote of 1.0
	line   bool   // inside a heading, which is one line
	linked bool   // inside a link
	inner  []byte // what stands between two markers, while these are written
	// later holds the tables that stood inside a list or a quote.
	later []channel.Block
}

// entity holds the escapes of characters that are markup wherever they stand.
var entity = [256]string{
	'<': "&#60;", '>': "&#62;", '*': "&#42;", '_': "&#95;", '~': "&#126;", '[': "&#91;", ']': "&#93;",
	'`': "&#96;", '$': "&#36;", '#': "&#35;", '|': "&#124;", '\\': "&#92;", '&': "&#38;",
}

// special marks the bytes that appendText looks at; all others are copied.
var special = func() (t [256]bool) {
	for c := range entity {
		t[c] = entity[c] != "" || c < 0x20 || c == 0x7f || c >= 0x80
	}
	t[':'] = true
	return
}()

// appendText appends s so that it shows as its characters. It reports whether
// the text ends at the beginning of a line. A line feed is kept when prefix is
// not nil, which then begins the next line, and is a space otherwise.
func appendText(dst []byte, s string, start bool, prefix []byte, breaks bool) ([]byte, bool) {
	from := 0
	for i := 0; i < len(s); {
		if start {
			n, esc := opener(s[i:])
			switch {
			case n > 0 && esc == "":
				// White space at the beginning of a line is not shown anyway and
				// four of it would be a code block.
				dst = append(dst, s[from:i]...)
				i += n
				from = i
				continue
			case esc != "":
				dst = append(append(append(dst, s[from:i]...), s[i:i+n]...), esc...)
				i += n + 1
				from = i
				start = false
				continue
			}
			start = false
		}
		for i < len(s) && !special[s[i]] {
			i++
		}
		if i == len(s) {
			break
		}
		c := s[i]
		size, with := 1, entity[c]
		switch {
		case with != "":
		case c == ':':
			if !shortcode(s[i:]) {
				i++
				continue
			}
			with = "&#58;"
		case c == '\n' && breaks:
			dst = append(append(append(dst, s[from:i]...), '\n'), prefix...)
			i++
			from, start = i, true
			continue
		case c == '\n', c == '\t':
			with = " "
		case c >= utf8.RuneSelf:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			with = "\ufffd"
		}
		dst = append(append(dst, s[from:i]...), with...)
		i += size
		from = i
	}
	return append(dst, s[from:]...), start
}

// opener looks at the beginning of a line. It returns the number of bytes to
// copy and the escape of the byte after them, or with an empty escape the number
// of bytes to drop.
func opener(s string) (int, string) {
	switch c := s[0]; {
	case c == ' ' || c == '\t':
		return 1, ""
	case c == '-' || c == '+' || c == '=':
		if len(s) == 1 || s[1] == c || s[1] == ' ' || s[1] == '\t' || s[1] == '\n' {
			return 0, "&#" + strconv.Itoa(int(c)) + ";"
		}
	case c >= '0' && c <= '9':
		n := 1
		for n < len(s) && n < 10 && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		if n < len(s) && (s[n] == '.' || s[n] == ')') && (n+1 == len(s) || s[n+1] == ' ' || s[n+1] == '\t' || s[n+1] == '\n') {
			return n, "&#" + strconv.Itoa(int(s[n])) + ";"
		}
	}
	return 0, ""
}

// shortcode reports whether s begins with what Lark shows as an emoji, such as
// ":DONE:". Times such as "08:00:00" are none.
func shortcode(s string) bool {
	letter := false
	for i := 1; i < len(s) && i < 40; i++ {
		switch c := s[i]; {
		case c == ':':
			return letter
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letter = true
		case c >= '0' && c <= '9' || c == '_' || c == '-' || c == '+':
		default:
			return false
		}
	}
	return false
}

func (w *writer) reset() {
	w.out, w.prefix, w.start, w.space = w.out[:0], w.prefix[:0], true, false
	w.later = nil
}

func (w *writer) nl() {
	w.out = append(w.out, '\n')
	w.out = append(w.out, w.prefix...)
	w.start, w.space = true, false
}

func (w *writer) markup(s string) {
	w.out = append(w.out, s...)
}

func (w *writer) text(s string) {
	s = jsontext.Text(s)
	if s == "" {
		return
	}
	if w.space {
		if r, _ := utf8.DecodeRuneInString(s); !unicode.IsSpace(r) && !punct(r) {
			w.out = append(w.out, ' ')
		}
		w.space = false
	}
	if !w.e.visible && strings.TrimSpace(s) != "" {
		w.e.visible = true
	}
	grey := w.grey > 0 && strings.TrimSpace(s) != ""
	if grey {
		w.markup("<font color='grey'>")
	}
	w.out, w.start = appendText(w.out, s, w.start, w.prefix, true)
	if grey {
		w.markup("</font>")
	}
}

func punct(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

// blocks writes blocks with blank lines between them.
func (w *writer) blocks(bs []channel.Block) {
	first := true
	for _, b := range bs {
		before := len(w.out)
		if !first {
			w.nl()
			w.nl()
		}
		at := len(w.out)
		w.block(b)
		if len(w.out) == at {
			w.out = w.out[:before]
			continue
		}
		first = false
	}
}

func (w *writer) block(b channel.Block) {
	switch b := b.(type) {
	case *channel.Heading:
		switch {
		case w.v2:
			w.markup("######"[:min(max(b.Level, 1), 6)])
			w.markup(" ")
			w.flat++
			at := len(w.out)
			w.heading(b)
			w.flat--
			if len(w.out) == at {
				w.out = w.out[:at-min(max(b.Level, 1), 6)-1]
			}
		default:
			w.span("**", func() {
				w.flat++
				w.heading(b)
				w.flat--
			})
		}
	case *channel.Paragraph:
		w.inlines(b.Inlines)
	case *channel.List:
		w.list(b)
	case *channel.Quote:
		if !w.v2 {
			w.grey++
			w.blocks(b.Blocks)
			w.grey--
			return
		}
		w.nest("> ", func() { w.blocks(b.Blocks) })
	case *channel.Code:
		w.code(b)
	case *channel.Rule:
		w.markup("---")
	case *channel.Image:
		w.image(b)
	case *channel.Table:
		w.later = append(w.later, b)
		w.e.warn(channel.WarnDegraded, "a table inside a list or a quote is shown after it")
	case *channel.Chart:
		w.later = append(w.later, b)
		w.e.warn(channel.WarnDegraded, "a chart inside a list or a quote is shown after it")
	}
}

// nest writes mark, and what f writes with mark before each line.
func (w *writer) nest(mark string, f func()) {
	before := len(w.out)
	w.markup(mark)
	n := len(w.prefix)
	w.prefix = append(w.prefix, mark...)
	w.start = true
	at := len(w.out)
	f()
	w.prefix = w.prefix[:n]
	if len(w.out) == at {
		w.out = w.out[:before]
	}
}

func (w *writer) list(l *channel.List) {
	for i, it := range l.Items {
		if i > 0 {
			w.nl()
		}
		if l.Start > 0 {
			w.out = strconv.AppendInt(w.out, int64(l.Start+i), 10)
			w.markup(". ")
		} else {
			w.markup("- ")
		}
		if it.Task != nil {
			if *it.Task {
				w.markup("☑ ")
			} else {
				w.markup("☐ ")
			}
		}
		n := len(w.prefix)
		w.prefix = append(w.prefix, "    "...)
		w.start = true
		for j, b := range it.Blocks {
			before := len(w.out)
			if j > 0 {
				w.nl()
				// A nested list follows its item closely, but a number other than one
				// begins no list within a paragraph.
				if l, nested := b.(*channel.List); !nested || l.Start > 1 {
					w.nl()
				}
			}
			at := len(w.out)
			if w.block(b); len(w.out) == at {
				w.out = w.out[:before]
			}
		}
		w.prefix = w.prefix[:n]
	}
}

func (w *writer) code(b *channel.Code) {
	text := jsontext.Text(b.Text)
	if strings.TrimSpace(text) != "" {
		w.e.visible = true
	}
	if tagged(text) {
		w.e.warn(channel.WarnDegraded, codeTagged)
		w.plainCode(text)
		return
	}
	fence := strings.Repeat("`", max(3, longest(text, '`')+1))
	w.markup(fence)
	w.markup(strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("+-#_.", r)) {
			return r
		}
		return -1
	}, b.Language))
	for line := range strings.SplitSeq(text, "\n") {
		w.nl()
		w.markup(line)
	}
	w.nl()
	w.markup(fence)
}

// codeTagged warns about code that is not shown as such.
const codeTagged = "code that holds an <at> tag is shown as plain text, because it could call people"

// tagged reports whether code holds what could be a mention. Whether Lark looks
// for tags before it looks for code is not documented, and only outside of code
// can they be escaped.
func tagged(code string) bool {
	for i := 0; i+2 < len(code); i++ {
		if code[i] == '<' && strings.EqualFold(code[i+1:i+3], "at") {
			return true
		}
	}
	return false
}

// plainCode writes lines of text whose indent shows.
func (w *writer) plainCode(text string) {
	first := true
	for line := range strings.SplitSeq(text, "\n") {
		if !first {
			if w.v2 {
				w.markup("<br>")
			}
			w.nl()
		}
		first = false
		rest := strings.TrimLeft(line, " \t")
		w.text(strings.NewReplacer(" ", "\u00a0", "\t", "\u00a0\u00a0\u00a0\u00a0").Replace(line[:len(line)-len(rest)]) + rest)
	}
}

// longest is the length of the longest run of c in s.
func longest(s string, c byte) int {
	most, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		most = max(most, run)
	}
	return most
}

// heading writes a heading's text, with spaces for breaks.
func (w *writer) heading(h *channel.Heading) {
	w.line = true
	w.inlines(h.Inlines)
	w.line = false
}

func (w *writer) inlines(in []channel.Inline) {
	for _, i := range in {
		w.inline(i)
	}
}

func (w *writer) inline(i channel.Inline) {
	switch i := i.(type) {
	case channel.Text:
		if w.line {
			i = channel.Text(jsontext.Line(string(i)))
		}
		w.text(i.Show())
	case channel.CodeSpan:
		w.codeSpan(string(i))
	case *channel.Strong:
		if w.flat > 0 {
			w.inlines(i.Inlines)
			return
		}
		w.flat++
		w.span("**", func() { w.inlines(i.Inlines) })
		w.flat--
	case *channel.Emphasis:
		w.span("*", func() { w.inlines(i.Inlines) })
	case *channel.Strike:
		w.span("~~", func() { w.inlines(i.Inlines) })
	case *channel.Link:
		w.link(i)
	case *channel.Image:
		w.image(i)
	case *channel.Mention:
		w.mention(*i)
	case *channel.Break:
		if w.line {
			w.text(" ")
			return
		}
		if w.start && !bytes.HasSuffix(w.out, append([]byte("<br>\n"), w.prefix...)) {
			return // a line that begins with a tag is a block of HTML
		}
		if !i.Soft && w.v2 {
			w.markup("<br>")
		}
		w.nl()
	}
}

// span writes what f writes between two markers. The markers only work next to
// a character that is no space, and next to punctuation only when the other side
// is none (https://spec.commonmark.org/0.31.2/#left-flanking-delimiter-run), so
// spaces move out and a missing one is added. They do not reach over a blank
// line, so each line has its own.
func (w *writer) span(mark string, f func()) {
	at := len(w.out)
	start := w.start
	f()
	n := len(w.out) - at
	w.inner = append(append(append(w.inner[:0], w.out[at:]...), '\n'), w.prefix...)
	w.out = w.out[:at]
	w.start = start
	first := true
	for line := range bytes.SplitSeq(w.inner[:n], w.inner[n:]) {
		if !first {
			w.nl()
		}
		first = false
		line, end := bytes.CutSuffix(line, br)
		w.marked(mark, line)
		if end {
			w.markup("<br>")
		}
	}
}

var br = []byte("<br>")

// marked writes a line between two markers.
func (w *writer) marked(mark string, inner []byte) {
	start := w.start
	body := bytes.TrimLeft(inner, " ")
	lead := inner[:len(inner)-len(body)]
	inner = bytes.TrimRight(body, " ")
	trail := body[len(inner):]
	w.out = append(w.out, lead...)
	if len(inner) == 0 {
		return
	}
	if w.space {
		w.markup(" ")
		w.space = false
	}
	first, _ := utf8.DecodeRune(inner)
	last, _ := utf8.DecodeLastRune(inner)
	before, size := utf8.DecodeLastRune(w.out)
	if punct(first) && size > 0 && !start && !unicode.IsSpace(before) && !punct(before) {
		w.markup(" ")
	}
	w.markup(mark)
	w.out = append(w.out, inner...)
	w.markup(mark)
	w.out = append(w.out, trail...)
	w.start = false
	w.space = punct(last) && len(trail) == 0
}

func (w *writer) codeSpan(s string) {
	s = jsontext.Line(s)
	if !w.v2 {
		w.text(s)
		return
	}
	if strings.TrimSpace(s) == "" {
		return
	}
	if tagged(s) {
		w.e.warn(channel.WarnDegraded, codeTagged)
		w.text(s)
		return
	}
	w.e.visible = true
	mark := strings.Repeat("`", longest(s, '`')+1)
	pad := ""
	if s[0] == '`' || s[len(s)-1] == '`' || s[0] == ' ' && s[len(s)-1] == ' ' {
		pad = " "
	}
	w.markup(mark + pad + s + pad + mark)
	w.start, w.space = false, false
}

func (w *writer) link(l *channel.Link) {
	to, ok := address(l.URL)
	if !ok {
		// Only web addresses open from a card; a mail address stays readable.
		at := len(w.out)
		w.inlines(l.Inlines)
		if mail, is := strings.CutPrefix(l.URL, "mailto:"); is {
			w.e.warn(channel.WarnDegraded, "a mail link is shown as text")
			if mail, _, _ = strings.Cut(mail, "?"); !strings.Contains(string(w.out[at:]), strings.ReplaceAll(mail, "_", "&#95;")) {
				w.text(" (" + mail + ")")
			}
			return
		}
		w.e.warn(channel.WarnDegraded, "a link that is no web address is shown as text")
		return
	}
	w.markup("[")
	at, grey := len(w.out), w.grey
	w.start, w.grey = false, 0 // a colour cannot stand around a link
	linked := w.linked
	w.linked = true
	w.inlines(l.Inlines)
	w.linked = linked
	if len(w.out) == at {
		w.text(to)
	}
	w.grey = grey
	w.space = false
	w.markup("](")
	w.markup(to)
	w.markup(")")
}

// address makes an http or https address safe between the parentheses of a
// link.
func address(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // what is written next to it is UTF-8
	}
	if !weburl.Is(s) {
		return "", false
	}
	return unsafe.Encode(s), true
}

// unsafe marks what an address has encoded.
var unsafe = weburl.Unsafe("()<>[]\"'`\\*|")

func (w *writer) image(i *channel.Image) {
	alt := strings.TrimSpace(jsontext.Line(i.Alt))
	if key := imageKey(i.Key); key != "" {
		w.e.visible = true
		w.markup("![")
		w.start = false
		w.out, _ = appendText(w.out, alt, false, nil, false)
		w.markup("](" + key + ")")
		return
	}
	if w.linked { // links do not stand within each other
		w.e.warnPicture(i, channel.WarnDegraded, "a picture within a link is shown as its description, because it was not uploaded to Lark")
		w.text(alt)
		return
	}
	if _, ok := address(i.URL); ok {
		w.e.warnPicture(i, channel.WarnDegraded, "a picture is shown as a link, because it was not uploaded to Lark")
		if alt == "" {
			alt = "image"
		}
		w.link(&channel.Link{URL: i.URL, Inlines: channel.Literal(alt)})
		return
	}
	w.e.warnPicture(i, channel.WarnRemoved, "a picture is not shown, because it was not uploaded to Lark")
	if alt != "" {
		w.text(alt)
	}
}

// imageKey is the vendor's name of a picture, empty when it cannot be one.
func imageKey(s string) string {
	if plainID(s) {
		return s
	}
	return ""
}

// plainID reports whether s is made of the characters of the vendor's names, so
// that it can stand in markup.
func plainID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-.@", c) >= 0) {
			return false
		}
	}
	return s != ""
}

func (w *writer) mention(m channel.Mention) {
	if at := w.e.at(m); at != "" {
		w.markup(at)
		w.start, w.space = false, false
		w.e.visible = true
		return
	}
	w.text(m.Label())
}
