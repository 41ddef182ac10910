package render

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
)

// source is Section.Markdown: the author's text with values in it, so that it
// reads again as the very blocks that were made.
//
// Where values are plain words they stand as they are. Otherwise they are
// escaped, and whether that was enough is not reasoned about but tried: the
// result is parsed again. What the author's text cannot carry (a line break in
// a quoted table, a backtick in a code span) is written anew from the blocks,
// and in the last resort, or when values are long, without emphasis, whose marks
// next to punctuation would show.
func (r *run) source(d *document, blocks []channel.Block) string {
	if len(d.refs) == 0 {
		return d.src
	}
	if d.isTable() && r.repetitions(d) > 1 {
		return writeMarkdown(blocks) // the text repeats the header too
	}
	text, plain := r.substitute(d)
	if plain && d.direct {
		return text
	}
	if len(text)-len(d.src) > maxTried {
		return writeMarkdown(withoutEmphasis(blocks))
	}
	want := outline(blocks)
	if !d.tagged && outline(readMarkdown(text)) == want {
		return text
	}
	text = writeMarkdown(blocks)
	if outline(readMarkdown(text)) == want {
		return text
	}
	return writeMarkdown(withoutEmphasis(blocks))
}

// maxTried is how many bytes values may add to a text that is parsed again.
// Parsing takes a time that grows with the square of some texts' length, and
// values are not the author's to keep short.
const maxTried = 16 << 10

// readMarkdown parses Markdown in which ${ is text.
func readMarkdown(src string) []channel.Block {
	b := builder{source: clean([]byte(src), 0), strict: true}
	return b.parse(src).static
}

// substitute puts escaped values into the source; plain says that nothing had
// to be escaped.
func (r *run) substitute(d *document) (text string, plain bool) {
	plain = true
	r.buf = slices.Grow(r.buf[:0], len(d.src))
	n := r.repetitions(d)
	for r.row = range n {
		if r.row > 0 {
			r.buf = append(r.buf, "\n\n"...)
		}
		for i, p := range d.parts {
			if p.ref < 0 {
				r.buf = append(r.buf, p.lit...)
				continue
			}
			r.temp = r.append(r.temp[:0], p.ref)
			if isPlainWord(r.temp, d.around[i]) {
				r.buf = append(r.buf, r.temp...)
			} else {
				plain = false
				r.buf = appendEscaped(r.buf, string(r.temp), d.around[i].lineStart, d.around[i].lineEnd)
			}
		}
	}
	return string(r.buf), plain
}

// surrounding is what stands next to a reference in the source.
type surrounding struct {
	// lineStart: only markers of blocks, or other references, stand before it
	// on its line.
	lineStart bool
	// lineEnd: nothing stands after it on its line.
	lineEnd bool
	// mark: a mark of emphasis stands beside it.
	mark bool
}

// surroundings describes each part of a template. Direct is false when even a
// plain word could make markup together with what is around it: a tag, an
// entity, a task box, a reference to a link, a number of a list. So it is where
// cleaning changes what stands side by side or begins a line.
func surroundings(t *template) (around []surrounding, direct bool) {
	if len(t.refs) == 0 {
		return nil, true
	}
	direct = !strings.ContainsAny(t.src, "<&") && !strings.Contains(t.src, "]:") &&
		!strings.ContainsFunc(strings.ReplaceAll(t.src, "\r\n", "\n"), removedOrBreak)
	around = make([]surrounding, len(t.parts))
	atStart := true
	var before byte
	for i, p := range t.parts {
		if p.ref < 0 {
			line := p.lit
			if j := strings.LastIndexByte(line, '\n'); j >= 0 {
				line, atStart = line[j+1:], true
			}
			if strings.Trim(line, " \t\r>-+*0123456789.)") != "" {
				atStart = false
			}
			before = p.lit[len(p.lit)-1]
			continue
		}
		rest := "\n"
		if i+1 < len(t.parts) {
			if rest = t.parts[i+1].lit; t.parts[i+1].ref >= 0 {
				rest = "a"
			}
		}
		after := rest[0]
		around[i] = surrounding{
			lineStart: atStart,
			lineEnd:   after == '\n' || after == '\r',
			mark:      isMark(before) || isMark(after),
		}
		number := strings.TrimLeft(rest, "0123456789")
		if before == '[' || before == '\\' || atStart && number != "" && (number[0] == '.' || number[0] == ')') {
			direct = false
		}
		before = 'a'
	}
	return around, direct
}

// inTag reports whether a reference stands after a < that is not closed before
// it, where its value could make a tag for readers that know HTML.
func inTag(t *template) bool {
	open := false
	for _, p := range t.parts {
		if p.ref >= 0 {
			if open {
				return true
			}
		} else if i := strings.LastIndexAny(p.lit, "<>"); i >= 0 {
			open = p.lit[i] == '<'
		}
	}
	return false
}

func isMark(c byte) bool { return c == '*' || c == '_' || c == '~' }

// isPlainWord reports whether a value reads in Markdown like the letter that
// stood in its place when the template was parsed: words and numbers, with
// single spaces or punctuation between letters or digits only.
func isPlainWord(v []byte, around surrounding) bool {
	if len(v) > 1 && v[0] == '-' && v[1] >= '0' && v[1] <= '9' && !around.mark {
		v = v[1:]
	}
	word := false
	for i := 0; i < len(v); {
		c := v[i]
		if c < utf8.RuneSelf {
			if isAlnum(c) {
				word = true
			} else if !word || strings.IndexByte(" .,:%/-'", c) < 0 {
				return false
			} else {
				word = false
			}
			i++
			continue
		}
		c2, size := utf8.DecodeRune(v[i:])
		if !unicode.IsLetter(c2) && !unicode.IsNumber(c2) {
			return false
		}
		word = true
		i += size
	}
	return word
}

// appendEscaped writes text so that Markdown shows it as it is, wherever on a
// line it begins and ends. Line breaks are written as hard ones.
func appendEscaped(dst []byte, s string, lineStart, lineEnd bool) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		edge := lineStart || i+1 == len(s) && lineEnd || i+1 < len(s) && s[i+1] == '\n'
		switch {
		case c == '\n':
			dst = append(dst, "\\\n"...)
			lineStart = true
			continue
		case c == ' ' && edge:
			dst = append(dst, "&#32;"...)
			lineStart = false
			continue
		case c == '\t' && edge:
			dst = append(dst, "&#9;"...)
			lineStart = false
			continue
		case c == '\\' && (i+1 == len(s) || s[i+1] == '\n'):
			// Two backslashes before a line break read differently by reader.
			dst = append(dst, "&#92;"...)
		case strings.IndexByte("\\`*_[]<>~|&", c) >= 0:
			dst = append(dst, '\\', c)
		case lineStart && strings.IndexByte("#+-=:", c) >= 0:
			dst = append(dst, '\\', c)
		case lineStart && c >= '0' && c <= '9':
			n := i
			for n < len(s) && s[n] >= '0' && s[n] <= '9' {
				n++
			}
			dst = append(dst, s[i:n]...)
			if n < len(s) && (s[n] == '.' || s[n] == ')') {
				dst = append(dst, '\\', s[n])
				n++
			}
			i = n - 1
		default:
			dst = append(dst, c)
		}
		lineStart = false
	}
	return dst
}

// outline writes blocks so that two trees that show the same are the same
// string: white space at the edges of lines, which Markdown cannot keep, is left
// out. Control characters separate what has to be kept apart.
func outline(blocks []channel.Block) string {
	var b strings.Builder
	outlineBlocks(&b, blocks)
	return b.String()
}

func outlineBlocks(b *strings.Builder, blocks []channel.Block) {
	for _, block := range blocks {
		switch n := block.(type) {
		case *channel.Heading:
			b.WriteString("\x01h" + strconv.Itoa(n.Level))
			b.WriteString(outlineLine(n.Inlines))
		case *channel.Paragraph:
			b.WriteString("\x01p")
			b.WriteString(outlineLine(n.Inlines))
		case *channel.List:
			b.WriteString("\x01l" + strconv.Itoa(n.Start))
			for _, item := range n.Items {
				b.WriteString("\x01i")
				if item.Task != nil {
					b.WriteString(strconv.FormatBool(*item.Task))
				}
				outlineBlocks(b, item.Blocks)
				b.WriteByte('\x02')
			}
		case *channel.Quote:
			b.WriteString("\x01q")
			outlineBlocks(b, n.Blocks)
		case *channel.Code:
			b.WriteString("\x01c" + n.Language + "\x03" + n.Text)
		case *channel.Rule:
			b.WriteString("\x01r")
		case *channel.Image:
			b.WriteString("\x01m" + n.URL + "\x03" + string(n.Data) + "\x03" + n.Alt)
		case *channel.Table:
			b.WriteString("\x01t")
			for _, c := range n.Columns {
				b.WriteString("\x03" + string(c.Align) + "\x04" + strings.Trim(c.Header, " \t"))
			}
			for _, c := range n.Cells {
				b.WriteString("\x03" + strings.Trim(c.Text, " \t"))
			}
		}
		b.WriteByte('\x02')
	}
}

func outlineLine(inlines []channel.Inline) string {
	var b strings.Builder
	outlineInlines(&b, inlines)
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.Trim(lines[i], " \t")
	}
	return strings.Join(lines, "\n")
}

func outlineInlines(b *strings.Builder, inlines []channel.Inline) {
	for _, inline := range inlines {
		switch n := inline.(type) {
		case channel.Text:
			if !isEmoji(n) {
				b.WriteString(string(n))
				continue
			}
			b.WriteString("\x07" + string(n))
		case channel.CodeSpan:
			b.WriteString("\x01c\x03" + string(n))
		case *channel.Strong:
			b.WriteString("\x01b")
			outlineInlines(b, n.Inlines)
		case *channel.Emphasis:
			b.WriteString("\x01e")
			outlineInlines(b, n.Inlines)
		case *channel.Strike:
			b.WriteString("\x01s")
			outlineInlines(b, n.Inlines)
		case *channel.Link:
			b.WriteString("\x01a" + n.URL + "\x03")
			outlineInlines(b, n.Inlines)
		case *channel.Image:
			b.WriteString("\x01m" + n.URL + "\x03" + string(n.Data) + "\x03" + n.Alt)
		case *channel.Mention:
			b.WriteString("\x01@" + strconv.FormatBool(n.All) + n.ID + "\x03" + n.Phone + "\x03" + n.Email + "\x03" + n.Name)
		case *channel.Break:
			if n.Soft {
				b.WriteString("\x05")
			}
			b.WriteString("\n")
			continue
		}
		b.WriteByte('\x02')
	}
}

// markdownWriter writes blocks as Markdown.
type markdownWriter struct {
	out    []byte
	prefix []byte // what containers put before each line
}

func writeMarkdown(blocks []channel.Block) string {
	var w markdownWriter
	w.blocks(blocks)
	return string(w.out)
}

func (w *markdownWriter) newline() {
	w.out = append(w.out, '\n')
	w.out = append(w.out, w.prefix...)
}

// blankLine ends a block and starts the next one.
func (w *markdownWriter) blankLine() {
	w.out = append(w.out, '\n')
	w.out = append(w.out, bytes.TrimRight(w.prefix, " ")...)
	w.newline()
}

func (w *markdownWriter) blocks(blocks []channel.Block) {
	// Two lists in a row differ in their marker, or they would be one.
	other := false
	for i, b := range blocks {
		if i > 0 {
			w.blankLine()
		}
		list, ok := b.(*channel.List)
		if !ok {
			other = false
			w.block(b)
			continue
		}
		if i > 0 {
			if last, ok := blocks[i-1].(*channel.List); ok && (last.Start > 0) == (list.Start > 0) {
				other = !other
			}
		}
		w.list(list, other)
	}
}

func (w *markdownWriter) block(b channel.Block) {
	switch b := b.(type) {
	case *channel.Heading:
		w.out = append(w.out, "######"[:min(max(b.Level, 1), 6)]...)
		w.out = append(w.out, ' ')
		line := len(w.out)
		w.inlines(b.Inlines, true)
		// Number signs at the end would close the heading.
		text := w.out[line:]
		if n := len(bytes.TrimRight(text, "#")); n < len(text) && (n == 0 || text[n-1] != '\\') {
			w.out = append(w.out[:len(w.out)-1], "&#35;"...)
		}
	case *channel.Paragraph:
		w.inlines(b.Inlines, true)
	case *channel.Quote:
		w.container("> ", "> ", b.Blocks)
	case *channel.Code:
		fence := strings.Repeat("`", max(3, longestRun(b.Text, '`')+1))
		w.out = append(w.out, fence...)
		w.out = appendEscaped(w.out, strings.ReplaceAll(b.Language, "`", ""), false, true)
		for line := range strings.SplitSeq(b.Text, "\n") {
			w.newline()
			w.out = append(w.out, line...)
		}
		w.newline()
		w.out = append(w.out, fence...)
	case *channel.Rule:
		w.out = append(w.out, "___"...)
	case *channel.Image:
		w.image(b)
	case *channel.Chart:
		if b.Table != nil {
			w.table(b.Table)
		}
	case *channel.Table:
		w.table(b)
	}
}

// container writes blocks behind a marker, their other lines behind a prefix.
func (w *markdownWriter) container(marker, prefix string, blocks []channel.Block) {
	w.out = append(w.out, marker...)
	n := len(w.prefix)
	w.prefix = append(w.prefix, prefix...)
	w.blocks(blocks)
	w.prefix = w.prefix[:n]
}

func (w *markdownWriter) list(l *channel.List, other bool) {
	for i, item := range l.Items {
		if i > 0 {
			w.newline()
		}
		marker := "- "
		switch {
		case l.Start > 0 && other:
			marker = strconv.Itoa(l.Start+i) + ") "
		case l.Start > 0:
			marker = strconv.Itoa(l.Start+i) + ". "
		case other:
			marker = "* "
		}
		indent := strings.Repeat(" ", len(marker))
		if item.Task != nil {
			marker += "[ ] "
			if *item.Task {
				marker = strings.Replace(marker, "[ ]", "[x]", 1)
			}
		}
		w.container(marker, indent, item.Blocks)
	}
}

func (w *markdownWriter) table(t *channel.Table) {
	row := func(text func(i int) string) {
		w.out = append(w.out, '|')
		for i := range t.Columns {
			w.out = append(w.out, ' ')
			w.out = appendEscaped(w.out, text(i), false, true)
			w.out = append(w.out, " |"...)
		}
	}
	row(func(i int) string { return t.Columns[i].Header })
	w.newline()
	w.out = append(w.out, '|')
	for _, c := range t.Columns {
		switch c.Align {
		case channel.AlignLeft:
			w.out = append(w.out, " :--- |"...)
		case channel.AlignCenter:
			w.out = append(w.out, " :---: |"...)
		case channel.AlignRight:
			w.out = append(w.out, " ---: |"...)
		default:
			w.out = append(w.out, " --- |"...)
		}
	}
	for i := range t.Rows() {
		w.newline()
		cells := t.Row(i)
		row(func(j int) string { return t.Columns[j].Show(cells[j]) })
	}
}

func (w *markdownWriter) inlines(inlines []channel.Inline, lineStart bool) {
	for i, inline := range inlines {
		switch n := inline.(type) {
		case channel.Text:
			if isEmoji(n) {
				w.out = append(w.out, n...)
				break
			}
			if i > 0 && (n[0] == '(' || n[0] == ':') && endsInEmoji(inlines[i-1]) {
				w.out = append(w.out, '\\') // or the name would be a link
			}
			lineEnd := i == len(inlines)-1 || isBreak(inlines[i+1])
			w.out = appendEscaped(w.out, string(n), lineStart, lineEnd)
			if end := len(w.out) - 1; !lineEnd && w.out[end] == '!' && isLink(inlines[i+1]) {
				w.out = append(w.out[:end], `\!`...) // or the link would be an image
			}
		case channel.CodeSpan:
			w.codeSpan(string(n))
		case *channel.Strong:
			w.style("**", n.Inlines)
		case *channel.Emphasis:
			w.style("*", n.Inlines)
		case *channel.Strike:
			w.style("~~", n.Inlines)
		case *channel.Link:
			w.out = append(w.out, '[')
			w.inlines(n.Inlines, false)
			w.out = append(w.out, "]("...)
			w.out = append(w.out, n.URL...)
			w.out = append(w.out, ')')
		case *channel.Image:
			w.image(n)
		case *channel.Mention:
			w.mention(n)
		case *channel.Break:
			switch {
			case i == 0 || i == len(inlines)-1 || isBreak(inlines[i+1]):
				// A line break needs text on both sides.
				w.out = append(w.out, "&#10;"...)
			case n.Soft:
				w.newline()
			default:
				w.out = append(w.out, '\\')
				w.newline()
			}
			lineStart = true
			continue
		}
		lineStart = false
	}
}

func isBreak(n channel.Inline) bool {
	_, ok := n.(*channel.Break)
	return ok
}

func endsInEmoji(n channel.Inline) bool {
	t, ok := n.(channel.Text)
	return ok && isEmoji(t)
}

func isLink(n channel.Inline) bool {
	_, ok := n.(*channel.Link)
	return ok
}

func (w *markdownWriter) style(mark string, inlines []channel.Inline) {
	w.out = append(w.out, mark...)
	w.inlines(inlines, false)
	w.out = append(w.out, mark...)
}

func (w *markdownWriter) codeSpan(s string) {
	fence := strings.Repeat("`", longestRun(s, '`')+1)
	pad := ""
	if strings.Trim(s, " ") != "" && (strings.ContainsAny(s[:1], "` ") || strings.ContainsAny(s[len(s)-1:], "` ")) {
		pad = " "
	}
	w.out = append(w.out, fence+pad+s+pad+fence...)
}

func longestRun(s string, c byte) int {
	longest, n := 0, 0
	for i := range len(s) {
		if s[i] != c {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}

func (w *markdownWriter) image(n *channel.Image) {
	w.out = append(w.out, "!["...)
	w.out = appendEscaped(w.out, n.Alt, false, false)
	w.out = append(w.out, "]("...)
	w.out = appendImageAddress(w.out, n)
	w.out = append(w.out, ')')
}

func (w *markdownWriter) mention(m *channel.Mention) {
	w.out = append(w.out, "<at"...)
	attribute := func(key, value string) {
		if value != "" {
			value = strings.NewReplacer("&", "&amp;", `"`, "&quot;", `\`, "&#92;").Replace(value)
			w.out = append(w.out, " "+key+`="`+value+`"`...)
		}
	}
	if m.All {
		attribute("id", "all")
	}
	attribute("id", m.ID)
	attribute("email", m.Email)
	attribute("phone", m.Phone)
	attribute("name", m.Name)
	w.out = append(w.out, " />"...)
}

// withoutEmphasis is a copy of blocks with the content of strong, emphasis and
// strike in their place, and without code spans side by side.
func withoutEmphasis(blocks []channel.Block) []channel.Block {
	out := make([]channel.Block, len(blocks))
	for i, block := range blocks {
		switch n := block.(type) {
		case *channel.Heading:
			block = &channel.Heading{Level: n.Level, Inlines: unwrap(nil, n.Inlines)}
		case *channel.Paragraph:
			block = &channel.Paragraph{Inlines: unwrap(nil, n.Inlines)}
		case *channel.Quote:
			block = &channel.Quote{Blocks: withoutEmphasis(n.Blocks)}
		case *channel.List:
			list := &channel.List{Start: n.Start, Items: make([]channel.Item, len(n.Items))}
			for j, item := range n.Items {
				list.Items[j] = channel.Item{Task: item.Task, Blocks: withoutEmphasis(item.Blocks)}
			}
			block = list
		}
		out[i] = block
	}
	return out
}

func unwrap(out, inlines []channel.Inline) []channel.Inline {
	for _, inline := range inlines {
		switch n := inline.(type) {
		case *channel.Strong:
			out = unwrap(out, n.Inlines)
		case *channel.Emphasis:
			out = unwrap(out, n.Inlines)
		case *channel.Strike:
			out = unwrap(out, n.Inlines)
		case *channel.Link:
			out = append(out, &channel.Link{URL: n.URL, Inlines: unwrap(nil, n.Inlines)})
		case channel.CodeSpan:
			if len(out) > 0 {
				if _, ok := out[len(out)-1].(channel.CodeSpan); ok {
					out = append(out, channel.Text(n)) // two side by side would be one
					continue
				}
			}
			out = append(out, n)
		default:
			out = appendInline(out, n)
		}
	}
	return out
}
