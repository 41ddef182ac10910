package teams

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/jsontext"
	"github.com/datapush-go/datapush/internal/weburl"
)

// run is a stretch of text in one style. A run with brk ends its line; one with
// a mention stands for it.
type run struct {
	text string
	style
	mention *entity
	brk     bool
}

type style struct {
	bold, italic, strike, code bool
	to                         string // address of a link
}

// writer writes the elements of one block, with commas between them.
type writer struct {
	e     *encoder
	out   []byte
	rule  bool // a rule stands before the next element
	tight bool // the next element follows closely
	later []channel.Block
}

// begin opens an element of a type.
func (w *writer) begin(kind string) {
	if n := len(w.out); n > 0 && w.out[n-1] != '[' {
		w.out = append(w.out, ',')
	}
	w.out = append(w.out, `{"type":"`...)
	w.out = append(w.out, kind...)
	w.out = append(w.out, '"')
	if w.rule {
		w.out = append(w.out, `,"separator":true,"spacing":"Medium"`...)
	} else if w.tight {
		w.out = append(w.out, `,"spacing":"None"`...)
	}
	w.rule, w.tight = false, false
}

func (w *writer) block(b channel.Block, depth int) {
	switch b := b.(type) {
	case *channel.Heading:
		w.heading(b.Level, w.collect(b.Inlines))
	case *channel.Paragraph:
		w.lines(w.collect(b.Inlines), "")
	case *channel.List:
		w.list(b, depth)
	case *channel.Quote:
		w.box(func() {
			for _, b := range b.Blocks {
				w.block(b, depth)
			}
		})
	case *channel.Code:
		text := jsontext.Text(b.Text)
		if strings.TrimSpace(text) == "" {
			return
		}
		w.e.visible = true
		w.box(func() {
			for line := range strings.SplitSeq(text, "\n") {
				body := strings.TrimLeft(line, " \t")
				// White space at the beginning of a line is not shown otherwise.
				space := strings.ReplaceAll(line[:len(line)-len(body)], "\t", indent)
				space = strings.ReplaceAll(space, " ", nbsp)
				if body == "" {
					space += nbsp
				}
				w.rich("", []run{{text: space + body, style: style{code: true}}}, "")
				w.tight = true
			}
		})
	case *channel.Rule:
		w.rule = true
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

// box sets what f writes off from the rest.
func (w *writer) box(f func()) {
	before, rule, tight := len(w.out), w.rule, w.tight
	w.begin("Container")
	w.out = append(w.out, `,"style":"emphasis","items":[`...)
	at := len(w.out)
	f()
	if len(w.out) == at {
		w.out, w.rule, w.tight = w.out[:before], rule, tight
		return
	}
	w.out = append(w.out, "]}"...)
	w.tight = false
}

const (
	nbsp   = "\u00a0"
	indent = nbsp + nbsp + nbsp + nbsp
)

func (w *writer) list(l *channel.List, depth int) {
	for i, it := range l.Items {
		mark := "• "
		if l.Start > 0 {
			mark = strconv.Itoa(l.Start+i) + ". "
		}
		if it.Task != nil {
			mark = "☐ "
			if *it.Task {
				mark = "☑ "
			}
		}
		mark = strings.Repeat(indent, depth) + mark
		marked := false
		for _, b := range it.Blocks {
			switch b := b.(type) {
			case *channel.Paragraph:
				runs := w.collect(b.Inlines)
				if len(runs) == 0 {
					continue
				}
				if marked {
					mark = strings.Repeat(indent, depth+1)
				}
				w.lines(runs, mark)
				marked = true
			case *channel.List:
				w.list(b, depth+1)
			default:
				w.block(b, depth+1)
			}
			w.tight = true
		}
	}
	w.tight = false
}

// collect flattens inlines to runs and forgets what shows nothing.
func (w *writer) collect(in []channel.Inline) []run {
	c := collector{e: w.e, out: w.e.runs[:0]}
	c.inlines(in, style{})
	w.e.runs = c.out
	for i := range c.out {
		if strings.TrimSpace(c.out[i].text) != "" {
			w.e.visible = true
			return c.out
		}
	}
	if c.mentions {
		return c.out
	}
	return nil
}

type collector struct {
	e        *encoder
	out      []run
	mentions bool
}

func (c *collector) inlines(in []channel.Inline, st style) {
	for _, i := range in {
		switch i := i.(type) {
		case channel.Text:
			c.text(i.Show(), st)
		case channel.CodeSpan:
			st := st
			st.code = true
			c.text(jsontext.Line(string(i)), st)
		case *channel.Strong:
			st := st
			st.bold = true
			c.inlines(i.Inlines, st)
		case *channel.Emphasis:
			st := st
			st.italic = true
			c.inlines(i.Inlines, st)
		case *channel.Strike:
			st := st
			st.strike = true
			c.inlines(i.Inlines, st)
		case *channel.Link:
			c.link(i.URL, i.Inlines, st)
		case *channel.Image:
			alt := i.Alt
			if alt == "" {
				alt = "image"
			}
			switch {
			case st.to != "":
				c.e.warn(channel.WarnDegraded, "a picture within a link is shown as its description")
				c.text(i.Alt, st)
			case weburl.Is(i.URL):
				c.e.warn(channel.WarnDegraded, "a picture within a text is shown as a link")
				c.link(i.URL, channel.Literal(alt), st)
			default:
				c.e.warn(channel.WarnRemoved, "a picture without a web address is not shown")
				c.text(i.Alt, st)
			}
		case *channel.Mention:
			if m := c.e.find(*i); m != nil {
				c.mentions = true
				c.e.visible = true
				c.out = append(c.out, run{text: m.text, mention: m})
			} else {
				c.e.lost(*i)
				c.text(i.Label(), st)
			}
		case *channel.Break:
			if i.Soft {
				c.text(" ", st)
			} else {
				c.out = append(c.out, run{brk: true})
			}
		}
	}
}

func (c *collector) link(to string, in []channel.Inline, st style) {
	if !weburl.Is(to) && !strings.HasPrefix(to, "mailto:") {
		c.e.warn(channel.WarnDegraded, "a link that is no web address is shown as text")
		c.inlines(in, st)
		return
	}
	st.to = to
	n := len(c.out)
	c.inlines(in, st)
	if n == len(c.out) {
		c.text(to, st)
	}
}

func (c *collector) text(s string, st style) {
	if jsontext.Plain(s) {
		c.add(s, st)
		return
	}
	line, rest, more := strings.Cut(strings.ReplaceAll(jsontext.Text(s), "\t", " "), "\n")
	c.add(line, st)
	for more {
		c.out = append(c.out, run{brk: true})
		line, rest, more = strings.Cut(rest, "\n")
		c.add(line, st)
	}
}

// add adds text without line breaks. What has the style of the run before goes on
// with that.
func (c *collector) add(s string, st style) {
	if s == "" {
		return
	}
	if n := len(c.out); n > 0 {
		if last := &c.out[n-1]; last.style == st && last.mention == nil && !last.brk {
			last.text += s
			return
		}
	}
	c.out = append(c.out, run{text: s, style: st})
}

// picture reports whether Teams shows a picture from this address: over https
// only.
func picture(s string) bool {
	return weburl.Is(s) && strings.EqualFold(s[:len("https:")], "https:")
}

// lines writes an element for each line, because a line break within a text is
// not shown everywhere. The mark stands before the first line.
func (w *writer) lines(runs []run, mark string) {
	from, marked := 0, false
	for i := 0; i <= len(runs); i++ {
		if i < len(runs) && !runs[i].brk {
			continue
		}
		if line := runs[from:i]; len(line) > 0 {
			if marked {
				mark = strings.Repeat(nbsp, utf8.RuneCountInString(mark))
			}
			w.line(line, mark)
			w.tight, marked = true, mark != ""
		}
		from = i + 1
	}
	w.tight = false
}

func (w *writer) line(runs []run, mark string) {
	for i := range runs {
		if runs[i].mention != nil {
			for i := range runs {
				if runs[i].strike || runs[i].code {
					w.e.warn(channel.WarnDegraded, "code and strikethrough beside a mention are shown as plain text")
				}
			}
			// Only a TextBlock shows a mention.
			w.begin("TextBlock")
			w.out = append(w.out, `,"text":"`...)
			w.out = jsontext.Append(w.out, mark+markdown(runs))
			w.out = append(w.out, `","wrap":true}`...)
			return
		}
	}
	if mark == "" && len(runs) == 1 && runs[0].plain() {
		w.begin("TextBlock")
		w.out = append(w.out, `,"text":"`...)
		w.out = jsontext.Append(w.out, runs[0].text)
		w.out = append(w.out, `","wrap":true}`...)
		return
	}
	w.rich(mark, runs, "")
}

// plain reports whether a run has no style and a text that is the same with and
// without Markdown.
func (r *run) plain() bool {
	return !r.bold && !r.italic && !r.strike && !r.code && r.to == "" && plain(r.text)
}

// active marks the bytes that may be Markdown, or a macro such as {{DATE()}}, or
// white space that Markdown would change.
var active = func() (t [256]bool) {
	for _, c := range []byte("\\`*_[]~#<>|&{}!$@\n\t\r") {
		t[c] = true
	}
	return
}()

// plain reports whether a text shows as its characters in a TextBlock.
func plain(s string) bool {
	if s == "" {
		return true
	}
	if c := s[0]; c <= ' ' || c == '=' || (c == '-' || c == '+') && (len(s) == 1 || s[1] < '0' || s[1] > '9') {
		return false
	}
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	if digits > 0 && digits < len(s) && (s[digits] == '.' || s[digits] == ')') && (digits+1 == len(s) || s[digits+1] == ' ') {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case active[c],
			c == ' ' && i > 0 && s[i-1] == ' ',
			// Addresses in a text become links of their own.
			c == ':' && strings.HasPrefix(s[i:], "://"),
			c == 'w' && strings.HasPrefix(s[i:], "www."):
			return false
		}
	}
	return true
}

// simple reports whether s is plain, and its own JSON, by one quick look. False
// says nothing. Inlined where cells are written it would lack registers.
//
//go:noinline
func simple(s string) bool {
	last, found := uint16(odd|first), uint16(0)
	for i := range len(s) {
		k := kinds[s[i]]
		found |= last << 8 & k
		last = k
	}
	return found == 0 && last&space == 0
}

// Kinds of bytes for simple.
const (
	odd   = 1 << iota // may be markup, an escape, or more than a byte
	first             // may be markup, or lost, at the beginning
	space
	slash
	www
)

// kinds has for each byte of which kinds it is, in the upper half, and of which
// kinds the byte after it may not be.
var kinds = func() (t [256]uint16) {
	for c := range t {
		var is, not uint16 = 0, odd
		switch {
		case active[c] || c < ' ' || c >= 0x7f || c == '"':
			is = odd
		case c == ' ':
			is, not = first|space, odd|space
		case c == '.' || c == ')': // after a number, as in "1. "
			not = odd | space
		case c == '-' || c == '+' || c == '=':
			is = first
		case c == ':': // as in "://"
			not = odd | slash
		case c == '/':
			is = slash
		case c == 'w':
			is, not = www, odd|www
		}
		t[c] = is<<8 | not
	}
	return
}()

// rich writes runs as a RichTextBlock, the mark before them. Extra are further
// properties of each run.
func (w *writer) rich(mark string, runs []run, extra string) {
	w.begin("RichTextBlock")
	w.out = append(w.out, `,"inlines":[`...)
	first := true
	if mark != "" {
		w.out = appendRun(w.out, &run{text: mark}, "", true)
		first = false
	}
	for i := range runs {
		if runs[i].text != "" {
			w.out = appendRun(w.out, &runs[i], extra, first)
			first = false
		}
	}
	w.out = append(w.out, "]}"...)
}

// appendRun writes a run as one TextRun, or as several: {{DATE(…)}} is replaced
// by Teams, and apart the braces are only braces.
func appendRun(dst []byte, r *run, extra string, first bool) []byte {
	for s := r.text; s != ""; {
		text := s
		if n := strings.Index(s, "{{"); n >= 0 {
			text = s[:n+1]
		}
		s = s[len(text):]
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, `{"type":"TextRun","text":"`...)
		dst = jsontext.Append(dst, text)
		dst = append(append(dst, '"'), extra...)
		if r.bold {
			dst = append(dst, `,"weight":"Bolder"`...)
		}
		if r.italic {
			dst = append(dst, `,"italic":true`...)
		}
		if r.strike {
			dst = append(dst, `,"strikethrough":true`...)
		}
		if r.code {
			dst = append(dst, `,"fontType":"Monospace"`...)
		}
		if r.to != "" {
			dst = append(dst, `,"color":"Accent","selectAction":{"type":"Action.OpenUrl","url":`...)
			dst = append(jsontext.Quote(dst, unsafe.Encode(r.to)), '}')
		}
		dst = append(dst, '}')
	}
	return dst
}

// unsafe marks what may not stand in an address.
var unsafe = weburl.Unsafe("\"<>\\^`{|}()")

// sizes are headings as text, because cards have none.
var sizes = [...]string{"Large", "Large", "Medium", "Medium", "Default", "Default"}

func (w *writer) heading(level int, runs []run) {
	if len(runs) == 0 {
		return
	}
	size := sizes[min(max(level, 1), len(sizes))-1]
	mentions := false
	for i := range runs {
		if runs[i].brk {
			runs[i] = run{text: " "}
		}
		mentions = mentions || runs[i].mention != nil
	}
	if len(runs) == 1 && runs[0].plain() {
		w.begin("TextBlock")
		w.out = append(w.out, `,"text":"`...)
		w.out = jsontext.Append(w.out, runs[0].text)
		w.out = append(append(append(w.out, `","size":"`...), size...), `","weight":"Bolder"`...)
		if !w.e.columns {
			w.out = append(w.out, `,"style":"heading"`...)
		}
		w.out = append(w.out, `,"wrap":true}`...)
		return
	}
	for i := range runs {
		runs[i].bold = true
	}
	if mentions {
		w.line(runs, "")
		return
	}
	w.rich("", runs, `,"size":"`+size+`"`)
}

func (w *writer) image(i *channel.Image) {
	alt := jsontext.Line(i.Alt)
	if picture(i.URL) {
		w.e.visible = true
		w.begin("Image")
		w.out = append(w.out, `,"url":`...)
		w.out = jsontext.Quote(w.out, unsafe.Encode(i.URL))
		w.out = append(w.out, `,"altText":`...)
		w.out = append(jsontext.Quote(w.out, alt), '}')
		return
	}
	if weburl.Is(i.URL) {
		w.e.warn(channel.WarnDegraded, "a picture is shown as a link, because Teams loads pictures over https only")
		if alt == "" {
			alt = "image"
		}
		w.lines(w.collect([]channel.Inline{&channel.Link{URL: i.URL, Inlines: channel.Literal(alt)}}), "")
		return
	}
	w.e.warn(channel.WarnRemoved, "a picture is not shown, because it has no public https address")
	w.lines(w.collect(channel.Literal(alt)), "")
}

// markdown writes a line that holds a mention. Its data is escaped with
// backslashes, for which the desktop client is known; the mention itself has to
// read exactly as its entity says.
func markdown(runs []run) string {
	var b strings.Builder
	for i := range runs {
		r := &runs[i]
		if r.mention != nil {
			b.WriteString(r.text)
			continue
		}
		text := escape(r.text, b.Len() == 0)
		body := strings.TrimSpace(text)
		if body == "" || !r.bold && !r.italic && r.to == "" {
			b.WriteString(text)
			continue
		}
		lead := text[:strings.Index(text, body)]
		b.WriteString(lead)
		if r.to != "" {
			b.WriteString("[")
		}
		mark := ""
		if r.bold {
			mark = "**"
		}
		if r.italic {
			mark += "_"
		}
		b.WriteString(mark + body)
		if r.bold && r.italic {
			mark = "_**"
		}
		b.WriteString(mark)
		if r.to != "" {
			b.WriteString("](" + unsafe.Encode(r.to) + ")")
		}
		b.WriteString(text[len(lead)+len(body):])
	}
	return b.String()
}

// escape puts a backslash before what may be Markdown.
func escape(s string, start bool) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case strings.ContainsRune("\\`*_[]~#<>|&{}!", r):
			b.WriteByte('\\')
		case start && i == 0 && strings.ContainsRune("-+=", r):
			b.WriteByte('\\')
		case start && (r == '.' || r == ')') && i > 0 && strings.TrimLeftFunc(s[:i], unicode.IsDigit) == "":
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
