package markdown

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/jsontext"
)

// Writer writes blocks. It is used by one goroutine.
type Writer struct {
	D *Dialect
	// Mention gives the markup of a mention, which is written as it is.
	Mention func(m channel.Mention) string
	// Attach is [Encoder].Attach.
	Attach func(*channel.Image) bool
	// Warn is told what is shown in a simpler form or not at all.
	Warn func(channel.WarningCode, string)
	// Visible is set once something a reader can see was written.
	Visible bool

	out []byte
	// inner are the buffers of nested writing by depth. What is written into one
	// is copied before the next at its depth begins.
	inner [][]byte
	depth int

	line   line
	pad    bool // a letter that follows needs a space before it
	closed bool // the end of out closes an emphasis
	strong bool
	em     bool
	link   bool
	flat   bool // breaks become spaces
	quotes int
	lists  int
}

// Append appends a block without a line break at its end. Tables and charts are
// the Encoder's; here they leave nothing.
func (w *Writer) Append(dst []byte, b channel.Block) []byte {
	return append(dst, w.block(b)...)
}

// block writes a block by itself. Nested blocks are written by nested calls and
// then given their line prefixes.
func (w *Writer) block(b channel.Block) []byte {
	out, line := w.out, w.line
	w.push()
	w.line, w.pad, w.closed = lineBegin, false, false
	switch b := b.(type) {
	case *channel.Heading:
		w.heading(b)
	case *channel.Paragraph:
		w.inlines(b.Inlines)
	case *channel.List:
		w.list(b)
	case *channel.Quote:
		w.quote(b)
	case *channel.Code:
		w.code(b)
	case *channel.Rule:
		if w.D.Rule == "" {
			w.Warn(channel.WarnDegraded, "a rule is shown as a blank line")
		}
		w.raw(w.D.Rule)
	case *channel.Image:
		w.image(b)
	}
	written := w.pop()
	w.out, w.line = out, line
	for n := len(written); n > 0 && (written[n-1] == ' ' || written[n-1] == '\n'); n-- {
		written = written[:n-1]
	}
	return written
}

// push makes out an empty buffer.
func (w *Writer) push() {
	if w.depth == len(w.inner) {
		w.inner = append(w.inner, nil)
	}
	w.out = w.inner[w.depth][:0]
	w.depth++
}

// pop gives back what was written since push. It holds until the next push.
func (w *Writer) pop() []byte {
	w.depth--
	w.inner[w.depth] = w.out
	return w.out
}

var lineBegin = line{begin: true}

// blocks writes blocks with blank lines between them. What it returns holds until
// the next push.
func (w *Writer) blocks(bs []channel.Block) []byte {
	out := w.out
	w.push()
	for _, b := range bs {
		s := w.block(b)
		if len(s) > 0 && len(w.out) > 0 {
			w.out = append(w.out, "\n\n"...)
		}
		w.out = append(w.out, s...)
	}
	written := w.pop()
	w.out = out
	return written
}

// raw writes markup.
func (w *Writer) raw(s string) {
	if s == "" {
		return
	}
	w.out = append(w.out, s...)
	w.line = middle
	w.pad, w.closed = false, false
}

func (w *Writer) heading(h *channel.Heading) {
	w.flat = true
	defer func() { w.flat = false }()
	if !w.D.Heading {
		w.inlines([]channel.Inline{&channel.Strong{Inlines: h.Inlines}})
		return
	}
	w.raw("###### "[6-min(max(h.Level, 1), 6):])
	w.line = line{heading: true}
	at := len(w.out)
	w.inlines(h.Inlines)
	if len(bytes.TrimSpace(w.out[at:])) == 0 {
		w.out = w.out[:0]
	}
}

func (w *Writer) inlines(in []channel.Inline) {
	for _, i := range in {
		switch i := i.(type) {
		case channel.Text:
			if e := i.Emoji(); e != "" {
				w.emoji(string(i), e)
			} else {
				w.text(string(i))
			}
		case channel.CodeSpan:
			w.codeSpan(string(i))
		case *channel.Strong:
			if w.D.Strong && !w.strong {
				w.strong = true
				w.emphasis("**", i.Inlines)
				w.strong = false
			} else {
				w.inlines(i.Inlines)
			}
		case *channel.Emphasis:
			switch {
			case w.D.Emphasis && !w.em:
				w.em = true
				w.emphasis("*", i.Inlines)
				w.em = false
			default:
				if !w.D.Emphasis {
					w.Warn(channel.WarnDegraded, "italic text is shown as plain text")
				}
				w.inlines(i.Inlines)
			}
		case *channel.Strike:
			w.Warn(channel.WarnDegraded, "struck text is shown as plain text")
			w.inlines(i.Inlines)
		case *channel.Link:
			w.linked(i)
		case *channel.Image:
			w.image(i)
		case *channel.Mention:
			w.mention(*i)
		case *channel.Break:
			if i.Soft {
				w.soft()
			} else {
				w.newline()
			}
		}
	}
}

func (w *Writer) text(s string) {
	if !stops[w.D.Style].In(s) {
		w.piece(s)
		return
	}
	s = strings.ReplaceAll(jsontext.Text(s), "\t", " ")
	for s != "" {
		part, rest, more := strings.Cut(s, "\n")
		w.piece(part)
		if more {
			w.newline()
		}
		s = rest
	}
}

// piece writes text without line breaks and tabs.
func (w *Writer) piece(s string) {
	if s == "" {
		return
	}
	w.Visible = w.Visible || strings.TrimSpace(s) != ""
	w.spaceBefore(s[0] != ' ' && w.pad && !punctFirst([]byte(s)))
	w.line.label = w.link
	w.out = w.D.escape(w.out, s, &w.line)
	w.closed = false
}

// emoji writes the name of an emoji where the service knows it, else the emoji.
func (w *Writer) emoji(name, unicode string) {
	if !w.D.Emoji {
		w.piece(unicode)
		return
	}
	w.Visible = true
	w.raw(name)
	w.line.bracket = true
}

func (w *Writer) spaceBefore(need bool) {
	if need {
		w.out = append(w.out, ' ')
	}
	w.pad = false
}

func (w *Writer) newline() {
	if w.flat {
		w.space()
		return
	}
	w.out = bytes.TrimRight(w.out, " ")
	w.out = append(w.out, w.D.Break...)
	w.line = lineBegin
	w.pad, w.closed = false, false
}

func (w *Writer) soft() {
	if w.flat || !strings.HasSuffix(w.D.Soft, "\n") {
		w.space()
		return
	}
	w.out = append(w.out, w.D.Soft...)
	w.line = lineBegin
	w.pad, w.closed = false, false
}

func (w *Writer) space() {
	if len(w.out) > 0 && !ends(w.out, ' ') && !w.line.begin {
		w.out = append(w.out, ' ')
	}
	w.pad, w.closed = false, false
}

// emphasis writes inlines between marks. Marks count only where they touch a
// letter or stand beside a space or punctuation (CommonMark's flanking rules),
// so spaces move outside and one is added where the neighbours would spoil it.
// Marks do not reach over a blank line, and in some services over no line, so
// each line has its own.
func (w *Writer) emphasis(mark string, in []channel.Inline) {
	out, pad, closed := w.out, w.pad, w.closed
	begin := w.line
	w.push()
	w.pad, w.closed = false, false
	w.line = line{heading: begin.heading}
	w.inlines(in)
	inner, innerLine := w.pop(), w.line
	w.out, w.pad, w.closed = out, pad, closed

	if len(in) > 1 && !(w.strong && w.em) && markedAtBothEnds(inner) {
		// Marks that meet marks at both ends are read in other pairs than they
		// were written; the inner ones go.
		strong, em := w.strong, w.em
		w.strong, w.em = true, true
		w.line = begin
		w.emphasis(mark, in)
		w.strong, w.em = strong, em
		return
	}
	w.line = begin
	first := true
	for l := range bytes.SplitSeq(inner, newline) {
		if !first {
			w.newline()
		}
		first = false
		w.marked(mark, l, line{heading: innerLine.heading})
	}
}

var newline = []byte("\n")

// markedAtBothEnds reports whether a line begins and ends with a mark.
func markedAtBothEnds(s []byte) bool {
	for l := range bytes.SplitSeq(s, newline) {
		if l = bytes.Trim(l, " "); len(l) > 0 && l[0] == '*' && ends(l, '*') {
			return true
		}
	}
	return false
}

// marked writes a line between marks; after says where the next text stands.
func (w *Writer) marked(mark string, inner []byte, after line) {
	core := bytes.TrimLeft(inner, " ")
	lead := inner[:len(inner)-len(core)]
	core = bytes.TrimRight(core, " ")
	trail := inner[len(lead)+len(core):]
	if len(inner) > 0 && len(core) == 0 || len(lead) > 0 {
		w.space()
	}
	if len(core) == 0 {
		return
	}
	prev, _ := utf8.DecodeLastRune(w.out)
	if len(w.out) > 0 && !unicode.IsSpace(prev) && (w.closed || w.pad || punctFirst(core) && !punct(prev) || ends(w.out, '*')) {
		w.out = append(w.out, ' ')
	}
	w.out = w.D.strong(w.out, mark, core)
	w.line = after
	last, _ := utf8.DecodeLastRune(core)
	w.pad, w.closed = punct(last), true
	if len(trail) > 0 {
		w.space()
	}
}

// strong appends text between marks and keeps its own asterisks off them.
func (d *Dialect) strong(dst []byte, mark string, core []byte) []byte {
	dst = append(dst, mark...)
	if d.Style == LookAlike && core[0] == '*' {
		dst = append(dst, zeroWidth...)
	}
	dst = append(dst, core...)
	if d.Style == LookAlike && ends(core, '*') {
		dst = append(dst, zeroWidth...)
	}
	return append(dst, mark...)
}

func punct(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

func punctFirst(b []byte) bool {
	r, _ := utf8.DecodeRune(b)
	return punct(r)
}

func (w *Writer) codeSpan(s string) {
	s = jsontext.Line(s)
	if !w.D.CodeSpan {
		if s != "" && w.D.Style != Plain {
			w.Warn(channel.WarnDegraded, "code within a line is shown as plain text")
		}
		w.text(s)
		return
	}
	if strings.TrimSpace(s) == "" {
		w.text(s)
		return
	}
	w.Visible = true
	w.spaceBefore(w.pad)
	if w.D.Style == LookAlike {
		s = strings.ReplaceAll(s, "<@", "＜@")
		w.raw("`" + strings.ReplaceAll(s, "`", "｀") + "`")
		return
	}
	if ends(w.out, '`') { // two runs would be one
		w.out = append(w.out, ' ')
	}
	fence := strings.Repeat("`", longestRun(s)+1)
	if s[0] == '`' || s[len(s)-1] == '`' || s[0] == ' ' && s[len(s)-1] == ' ' {
		s = " " + s + " "
	}
	w.raw(fence + s + fence)
}

// longestRun is the length of the longest run of backticks.
func longestRun(s string) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

func (w *Writer) linked(l *channel.Link) {
	u, ok := address(l.URL)
	switch {
	case !ok || w.link:
		w.inlines(l.Inlines)
		return
	case !w.D.Link:
		w.link = true
		w.inlines(l.Inlines)
		w.link = false
		if !bytes.HasSuffix(w.out, []byte(u)) {
			w.piece(" " + u)
		}
		return
	}
	w.spaceBefore(w.pad)
	begin := w.line
	if ends(w.out, '!') { // or it would be a picture
		if w.D.Style == Backslash {
			w.out = append(w.out[:len(w.out)-1], '\\', '!')
		} else {
			w.out = append(w.out, zeroWidth...)
		}
	}
	w.out = append(w.out, '[')
	w.line = line{heading: begin.heading}
	w.link, w.closed = true, false
	from := len(w.out)
	w.inlines(l.Inlines)
	w.link = false
	if len(bytes.TrimSpace(w.out[from:])) == 0 {
		w.out = w.out[:from]
		w.piece(u)
	}
	w.raw("](")
	w.raw(u)
	w.raw(")")
	w.line.heading = begin.heading
}

func (w *Writer) image(i *channel.Image) {
	u, ok := "", false
	if i.URL != "" {
		u, ok = address(i.URL)
		ok = ok && !strings.HasPrefix(strings.ToLower(u), "mailto:")
	}
	alt := jsontext.Line(i.Alt)
	switch {
	case i.URL == "" && len(i.Data) > 0 && w.Attach != nil && w.Attach(i):
		w.Visible = true
		w.text(alt)
	case !ok:
		w.Warn(channel.WarnRemoved, "a picture without a public address is shown as its description")
		w.text(alt)
	case w.link: // links do not stand within each other
		w.Warn(channel.WarnDegraded, "a picture within a link is shown as its description")
		w.text(alt)
	case w.D.Picture:
		w.Visible = true
		w.spaceBefore(w.pad)
		w.out = append(w.out, "!["...)
		w.line = middle
		w.out = w.D.escape(w.out, alt, &w.line)
		w.raw("](" + u + ")")
	default:
		if w.D.Link {
			w.Warn(channel.WarnDegraded, "a picture is shown as a link to it")
		} else {
			w.Warn(channel.WarnDegraded, "a picture is shown as its address")
		}
		if alt == "" {
			alt = u
		}
		w.linked(&channel.Link{URL: i.URL, Inlines: channel.Literal(alt)})
	}
}

func (w *Writer) mention(m channel.Mention) {
	s := w.Mention(m)
	if s == "" {
		return
	}
	w.Visible = true
	if len(w.out) > 0 && !w.line.begin && !ends(w.out, ' ') && !ends(w.out, '\n') {
		w.out = append(w.out, ' ')
	}
	w.raw(s)
	w.pad = true
}

// quote writes quoted blocks. In a service that counts levels, deeper ones join
// the last.
func (w *Writer) quote(q *channel.Quote) {
	if w.D.Quotes == 0 || w.quotes >= w.D.Quotes {
		w.out = append(w.out, w.blocks(q.Blocks)...)
		return
	}
	w.quotes++
	inner := w.blocks(q.Blocks)
	w.quotes--
	w.prefix("> ", "> ", inner)
}

// prefix writes lines with a prefix each.
func (w *Writer) prefix(first, others string, inner []byte) {
	p := first
	for l := range bytes.Lines(inner) {
		text := bytes.TrimSuffix(l, []byte("\n"))
		if len(text) == 0 {
			w.out = append(w.out, strings.TrimRight(p, " ")...)
		} else {
			w.out = append(w.out, p...)
		}
		w.out = append(w.out, l...)
		p = others
	}
}

func (w *Writer) list(l *channel.List) {
	w.lists++
	depth := w.lists
	defer func() { w.lists-- }()
	flat := depth > 1 && !w.D.Nested
	if flat {
		w.Warn(channel.WarnDegraded, "nested lists are shown as one list")
	}
	for n, it := range l.Items {
		mark := w.D.Bullet
		if l.Start > 0 {
			mark = strconv.Itoa(l.Start+n) + ". "
		}
		if it.Task != nil {
			box := "☐ "
			if *it.Task {
				box = "☑ "
			}
			mark += box
			w.Visible = true
		}
		indent := ""
		if w.D.Lists {
			indent = strings.Repeat(" ", markWidth(mark, l.Start > 0))
		}
		if n > 0 {
			w.out = append(w.out, '\n')
		}
		if flat {
			w.flatItem(mark, l.Start > 0, depth, it)
			continue
		}
		w.item(mark, indent, it)
	}
}

// markWidth is the column where an item's text begins.
func markWidth(mark string, ordered bool) int {
	if ordered {
		return strings.IndexByte(mark, '.') + 2
	}
	return 2
}

// item writes an item's blocks: nested lists below, other blocks as lines of
// the item.
func (w *Writer) item(mark, indent string, it channel.Item) {
	start := len(w.out)
	w.out = append(w.out, mark...)
	first := true
	for _, b := range it.Blocks {
		inner := w.block(b)
		if len(inner) == 0 {
			continue
		}
		_, nested := b.(*channel.List)
		switch {
		case first && !nested:
			// on the item's own line
		case nested && !w.D.Nested:
			w.out = append(bytes.TrimRight(w.out, " "), '\n')
			w.out = append(w.out, inner...) // flatItem wrote whole items
			first = false
			continue
		case nested:
			w.out = append(w.out, '\n')
			w.out = append(w.out, indent...)
		default:
			if code, ok := b.(*channel.Code); ok && w.D.Fence && code != nil {
				w.out = append(w.out, '\n')
			} else {
				w.out = append(w.out, w.D.Break...)
			}
			w.out = append(w.out, indent...)
		}
		first = false
		for from := 0; ; {
			n := bytes.IndexByte(inner[from:], '\n')
			if n < 0 {
				w.out = append(w.out, inner[from:]...)
				break
			}
			w.out = append(w.out, inner[from:from+n+1]...)
			if from += n + 1; from < len(inner) && inner[from] != '\n' {
				w.out = append(w.out, indent...)
			}
		}
	}
	if len(w.out) == start+len(mark) {
		w.out = append(w.out, ' ')
	}
}

// flatItem writes an item of a nested list as an item of the outer one.
func (w *Writer) flatItem(mark string, ordered bool, depth int, it channel.Item) {
	lead := strings.Repeat("– ", depth-1)
	if ordered {
		lead += strings.TrimSuffix(mark, "")
	} else {
		lead += strings.TrimPrefix(mark, w.D.Bullet)
	}
	w.item(w.D.Bullet+lead, "", it)
}

func (w *Writer) code(c *channel.Code) {
	text := strings.TrimRight(jsontext.Text(c.Text), "\n")
	if strings.TrimSpace(text) != "" {
		w.Visible = true
	}
	if w.D.Fence {
		fence := strings.Repeat("`", max(longestRun(text)+1, 3))
		lang := strings.Map(func(r rune) rune {
			if r <= ' ' || r == '`' || r >= 0x7f {
				return -1
			}
			return r
		}, c.Language)
		w.raw(fence + lang + "\n" + text + "\n" + fence)
		return
	}
	if w.D.Style == Plain {
		w.raw(text)
		return
	}
	w.Warn(channel.WarnDegraded, "a block of code is shown as a quote")
	var inner []byte
	for i, l := range strings.Split(text, "\n") {
		if i > 0 {
			inner = append(inner, w.D.Break...)
		}
		rest := strings.TrimLeft(l, " \t")
		// Spaces at the beginning of a line do not show; these do.
		for _, c := range l[:len(l)-len(rest)] {
			if c == '\t' {
				inner = append(inner, "\u00a0\u00a0\u00a0"...)
			}
			inner = append(inner, "\u00a0"...)
		}
		at := lineBegin
		inner = w.D.escape(inner, rest, &at)
	}
	if w.quotes < w.D.Quotes || w.D.Quotes == 0 {
		w.prefix("> ", "> ", inner)
	} else {
		w.out = append(w.out, inner...)
	}
}
