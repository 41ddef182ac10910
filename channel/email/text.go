package email

import (
	"strconv"
	"strings"

	"github.com/datapush-go/datapush/channel"
)

// textWriter appends a block tree as plain text, for the alternative of clients
// that show no HTML. Nothing is escaped: plain text has no markup.
type textWriter struct {
	buf    []byte
	indent string
	b      *body
	next   int
	linked bool // inside a link
}

func (w *textWriter) line(s string) {
	for l := range strings.SplitSeq(s, "\n") {
		w.buf = append(w.buf, strings.TrimRight(w.indent+l, " ")...)
		w.buf = append(w.buf, '\n')
	}
}

// space ends a block with one empty line.
func (w *textWriter) space() {
	if len(w.buf) > 0 && !strings.HasSuffix(string(w.buf[max(0, len(w.buf)-2):]), "\n\n") {
		w.buf = append(w.buf, '\n')
	}
}

func (w *textWriter) blocks(bs []channel.Block) {
	for _, b := range bs {
		w.block(b)
	}
}

func (w *textWriter) block(b channel.Block) {
	switch b := b.(type) {
	case *channel.Heading:
		w.line(w.inlines(b.Inlines))
	case *channel.Paragraph:
		w.line(w.inlines(b.Inlines))
	case *channel.List:
		w.list(b)
	case *channel.Quote:
		w.nested("> ", b.Blocks)
	case *channel.Code:
		old := w.indent
		w.indent += "    "
		w.line(clean(b.Text))
		w.indent = old
	case *channel.Rule:
		w.line("----")
	case *channel.Image:
		w.line(w.image(b))
	case *channel.Chart:
		if b.Title != "" {
			w.line(clean(b.Title))
		}
		if b.Table != nil {
			// The picture cannot be shown here, so its numbers are.
			if b.Image != nil && w.b.shows(b.Image) {
				w.table(b.Table, min(b.Table.Rows(), chartTextRows))
				break
			}
			w.shown(b.Table)
		}
	case *channel.Table:
		w.shown(b)
	}
	w.space()
}

const chartTextRows = 200

// shown writes as many rows of a table as the HTML does.
func (w *textWriter) shown(t *channel.Table) {
	i := w.next
	w.next++
	if note, out := w.b.left(i); out {
		if note != "" {
			w.line(note)
		}
		return
	}
	rows := w.b.rows(i, t)
	w.table(t, rows)
	if rows < t.Rows() {
		w.line(w.b.cut(i, t, rows))
	}
}

func (w *textWriter) nested(prefix string, bs []channel.Block) {
	old := w.indent
	w.indent += prefix
	w.blocks(bs)
	w.indent = old
}

func (w *textWriter) list(l *channel.List) {
	for i, it := range l.Items {
		mark := "- "
		if l.Start > 0 {
			mark = strconv.Itoa(l.Start+i) + ". "
		}
		if it.Task != nil {
			mark += checkbox(*it.Task) + " "
		}
		old, start := w.indent, len(w.buf)
		w.indent += strings.Repeat(" ", len([]rune(mark)))
		w.blocks(it.Blocks)
		// The first line carries the mark in the place of its indent.
		if item := string(w.buf[start:]); strings.HasPrefix(item, w.indent) {
			w.buf = append(w.buf[:start], old+mark+item[len(w.indent):]...)
		} else {
			w.buf = append(w.buf[:start], old+mark+"\n"+item...)
		}
		w.indent = old
		if n := len(w.buf); n > 1 && w.buf[n-1] == '\n' && w.buf[n-2] == '\n' {
			w.buf = w.buf[:n-1]
		}
	}
}

func (w *textWriter) inlines(in []channel.Inline) string {
	var s strings.Builder
	for _, n := range in {
		switch n := n.(type) {
		case channel.Text:
			s.WriteString(clean(n.Show()))
		case channel.CodeSpan:
			s.WriteString(clean(string(n)))
		case *channel.Strong:
			s.WriteString(w.inlines(n.Inlines))
		case *channel.Emphasis:
			s.WriteString(w.inlines(n.Inlines))
		case *channel.Strike:
			s.WriteString(w.inlines(n.Inlines))
		case *channel.Link:
			linked := w.linked
			w.linked = linked || safeURL(n.URL)
			label := w.inlines(n.Inlines)
			w.linked = linked
			s.WriteString(label)
			if safeURL(n.URL) && label != n.URL {
				if label != "" {
					s.WriteByte(' ')
				}
				s.WriteString("<" + oneLine(n.URL) + ">")
			}
		case *channel.Image:
			s.WriteString(w.image(n))
		case *channel.Mention:
			s.WriteString(clean(n.Label()))
		case *channel.Break:
			if n.Soft {
				s.WriteByte(' ')
			} else {
				s.WriteByte('\n')
			}
		}
	}
	return s.String()
}

func (w *textWriter) image(m *channel.Image) string {
	label := oneLine(imageLabel(m))
	if len(m.Data) == 0 && webURL(m.URL) && !w.linked {
		label += " <" + oneLine(m.URL) + ">"
	}
	return label
}

// table writes the first n rows in columns, wide characters counted as two.
func (w *textWriter) table(t *channel.Table, n int) {
	const widest = 40
	texts := make([]string, 0, (n+1)*len(t.Columns))
	for i := range t.Columns {
		texts = append(texts, oneLine(t.Columns[i].Header))
	}
	for r := range n {
		for j, cell := range t.Row(r) {
			texts = append(texts, oneLine(t.Columns[j].Show(cell)))
		}
	}
	cols := len(t.Columns)
	if cols == 0 {
		return
	}
	width := make([]int, cols)
	for i, s := range texts {
		width[i%cols] = max(width[i%cols], min(displayWidth(s), widest))
	}
	right := make([]bool, cols)
	for i := range right {
		right[i] = alignOf(&t.Columns[i], columnType(t, i)) == "right"
	}
	var line strings.Builder
	for r := 0; r < len(texts); r += cols {
		line.Reset()
		for i, s := range texts[r : r+cols] {
			pad := strings.Repeat(" ", max(0, width[i]-displayWidth(s)))
			if i > 0 {
				line.WriteString("  ")
			}
			if right[i] {
				s, pad = pad, s
			}
			line.WriteString(s)
			line.WriteString(pad)
		}
		w.line(line.String())
		if r == 0 {
			line.Reset()
			for i := range width {
				if i > 0 {
					line.WriteString("  ")
				}
				line.WriteString(strings.Repeat("-", width[i]))
			}
			w.line(line.String())
		}
	}
}

// displayWidth counts the columns of a fixed-width font: East Asian wide
// characters and emoji take two (Unicode Standard Annex #11).
func displayWidth(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
			r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
			r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
			n += 2
		case r >= 0x300 && r <= 0x36f, r == 0x200d, r >= 0xfe00 && r <= 0xfe0f:
		default:
			n++
		}
	}
	return n
}
