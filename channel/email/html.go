package email

import (
	"strconv"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/mailhtml"
)

// The looks of a mail. Mail clients drop style sheets, so every element carries
// its own; Outlook for Windows ignores max-width and some paddings, so tables
// also carry the old attributes. Text and background are always both set, in
// colours that stay readable when a dark mode inverts only one of them
// (https://www.caniemail.com, read on 2026-11-23).
const (
	ink       = mailhtml.Ink
	paper     = mailhtml.Paper
	border    = mailhtml.Border
	mailWidth = 720

	textStyle  = mailhtml.TextStyle
	codeStyle  = `font-family:Consolas,Menlo,monospace;font-size:13px;background-color:#eff1f3;color:` + ink
	quoteStyle = `margin:0 0 14px 0;padding:0 0 0 12px;border-left:4px solid ` + border + `;color:#57606a`
	linkStyle  = `color:#0969da`
)

var htmlHead = `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>`

var htmlBodyStart = `</title>
</head>
<body style="margin:0;padding:0;background-color:` + paper + `">
<table role="presentation" width="100%" border="0" cellpadding="0" cellspacing="0" bgcolor="` + paper + `" style="background-color:` + paper + `"><tr><td align="center" style="padding:16px">
<table role="presentation" width="` + strconv.Itoa(mailWidth) + `" border="0" cellpadding="0" cellspacing="0" style="width:100%;max-width:` + strconv.Itoa(mailWidth) + `px"><tr><td align="left" style="` + textStyle + `">
`

const htmlEnd = `</td></tr></table>
</td></tr></table>
</body>
</html>
`

var headingSizes = [...]string{"24px", "20px", "17px", "15px", "14px", "13px"}

// htmlWriter appends a block tree as HTML.
type htmlWriter struct {
	buf []byte
	b   *body
	// drawn are the tables written, in order, with their sizes and where they
	// end; next counts them.
	drawn  []*channel.Table
	tables []int
	ends   []int
	next   int
	// most is where a table stops that no share limits.
	most int
	// linked is set inside a link.
	linked bool
}

func (w *htmlWriter) str(s string)  { w.buf = append(w.buf, s...) }
func (w *htmlWriter) text(s string) { w.buf = mailhtml.AppendText(w.buf, s) }

func (w *htmlWriter) blocks(bs []channel.Block) {
	for _, b := range bs {
		w.block(b)
	}
}

func (w *htmlWriter) block(b channel.Block) {
	switch b := b.(type) {
	case *channel.Heading:
		level := min(max(b.Level, 1), 6)
		n := strconv.Itoa(level)
		w.str(`<h` + n + ` style="margin:0 0 12px 0;font-weight:bold;line-height:1.35;font-size:` + headingSizes[level-1] + `;color:` + ink + `">`)
		w.inlines(b.Inlines)
		w.str(`</h` + n + ">\n")
	case *channel.Paragraph:
		w.str(`<p style="margin:0 0 14px 0">`)
		w.inlines(b.Inlines)
		w.str("</p>\n")
	case *channel.List:
		w.list(b)
	case *channel.Quote:
		w.str(`<blockquote style="` + quoteStyle + `">` + "\n")
		w.blocks(b.Blocks)
		w.str("</blockquote>\n")
	case *channel.Code:
		w.str(`<pre style="margin:0 0 14px 0;padding:10px;` + codeStyle + `">`)
		w.pre(b.Text)
		w.str("</pre>\n")
	case *channel.Rule:
		w.str(`<hr style="height:1px;margin:14px 0;border:0;background-color:` + border + `;color:` + border + `">` + "\n")
	case *channel.Image:
		w.str(`<p style="margin:0 0 14px 0">`)
		w.image(b)
		w.str("</p>\n")
	case *channel.Chart:
		w.chart(b)
	case *channel.Table:
		w.table(b)
	}
}

func (w *htmlWriter) list(l *channel.List) {
	tag := "ul"
	if l.Start > 0 {
		tag = "ol"
	}
	w.str("<" + tag)
	if l.Start > 1 {
		w.str(` start="` + strconv.Itoa(l.Start) + `"`)
	}
	w.str(` style="margin:0 0 14px 0;padding:0 0 0 28px">` + "\n")
	for _, it := range l.Items {
		w.str(`<li style="margin:0 0 4px 0">`)
		if it.Task != nil {
			w.str(checkbox(*it.Task) + " ")
		}
		for i, b := range it.Blocks {
			// A tight item is one paragraph, whose margin would pull the
			// entries apart.
			if p, ok := b.(*channel.Paragraph); ok && i == 0 {
				w.inlines(p.Inlines)
				continue
			}
			w.block(b)
		}
		w.str("</li>\n")
	}
	w.str("</" + tag + ">\n")
}

func checkbox(done bool) string {
	if done {
		return "☑"
	}
	return "☐"
}

func (w *htmlWriter) chart(c *channel.Chart) {
	if c.Title != "" {
		w.str(`<p style="margin:0 0 6px 0"><strong>`)
		w.text(c.Title)
		w.str("</strong></p>\n")
	}
	if c.Image != nil {
		img := *c.Image
		if img.Alt == "" {
			img.Alt = c.Title
		}
		if w.b.shows(&img) {
			w.block(&img)
			return
		}
	}
	if c.Table != nil {
		w.table(c.Table)
	}
}

func (w *htmlWriter) inlines(in []channel.Inline) {
	for _, n := range in {
		switch n := n.(type) {
		case channel.Text:
			w.text(n.Show())
		case channel.CodeSpan:
			w.str(`<code style="` + codeStyle + `">`)
			w.text(string(n))
			w.str(`</code>`)
		case *channel.Strong:
			w.wrap("strong", n.Inlines)
		case *channel.Emphasis:
			w.wrap("em", n.Inlines)
		case *channel.Strike:
			w.wrap("s", n.Inlines)
		case *channel.Link:
			w.link(n.URL, func() { w.inlines(n.Inlines) })
		case *channel.Image:
			w.image(n)
		case *channel.Mention:
			w.b.mention()
			w.text(n.Label())
		case *channel.Break:
			if n.Soft {
				w.str("\n")
			} else {
				w.str("<br>\n")
			}
		}
	}
}

func (w *htmlWriter) wrap(tag string, in []channel.Inline) {
	w.str("<" + tag + ">")
	w.inlines(in)
	w.str("</" + tag + ">")
}

func (w *htmlWriter) link(url string, inner func()) {
	if !safeURL(url) {
		w.b.badLink()
		inner()
		return
	}
	w.str(`<a href="`)
	w.attr(url)
	w.str(`" style="` + linkStyle + `">`)
	w.linked = true
	inner()
	w.linked = false
	w.str(`</a>`)
}

func (w *htmlWriter) image(m *channel.Image) {
	if w.linked && len(m.Data) == 0 && !w.b.loads(m) { // links do not stand within each other
		w.b.warn(channel.WarnDegraded, "a picture within a link is shown as its description")
		w.text(imageLabel(m))
		return
	}
	if p := w.b.picture(m); p != nil {
		w.str(`<img src="cid:` + p.id + `"`)
		if p.width > 0 {
			w.str(` width="` + strconv.Itoa(min(p.width, mailWidth)) + `"`)
		}
		w.imageEnd(m.Alt)
		return
	}
	switch {
	case len(m.Data) > 0 || !webURL(m.URL):
		w.text(imageLabel(m))
	case w.b.loads(m):
		w.str(`<img src="`)
		w.attr(m.URL)
		w.str(`"`)
		w.imageEnd(m.Alt)
	default:
		w.link(m.URL, func() { w.text(imageLabel(m)) })
	}
}

func (w *htmlWriter) imageEnd(alt string) {
	w.str(` alt="`)
	w.attr(alt)
	w.str(`" border="0" style="max-width:100%;border:0">`)
}

func imageLabel(m *channel.Image) string {
	if m.Alt != "" {
		return "[" + m.Alt + "]"
	}
	return "[image]"
}

func (w *htmlWriter) attr(s string) { w.buf = mailhtml.Append(w.buf, s, " ") }
func (w *htmlWriter) pre(s string)  { w.buf = mailhtml.Append(w.buf, s, "\n") }

// table writes a header and as many rows as its share of the body allows.
func (w *htmlWriter) table(t *channel.Table) {
	i := w.next
	w.next++
	if note, out := w.b.left(i); out {
		if note != "" {
			w.note(note)
		}
		return
	}
	start := len(w.buf)
	limit, exact := w.most, false
	// Without a share this is the measuring, which stops once it has seen enough.
	if share := w.b.share(i); share > 0 {
		limit, exact = share, true
	}
	var rows int
	w.buf, rows = mailhtml.AppendTable(w.buf, t, limit, exact)
	if rows < t.Rows() && exact {
		w.note(w.b.cut(i, t, rows))
	}
	w.drawn = append(w.drawn, t)
	w.tables = append(w.tables, sent(w.buf[start:]))
	w.ends = append(w.ends, len(w.buf))
}

func (w *htmlWriter) note(s string) {
	w.str(`<p style="margin:0 0 14px 0;color:#57606a">`)
	w.text(s)
	w.str("</p>\n")
}

func columnType(t *channel.Table, col int) channel.CellType { return mailhtml.ColumnType(t, col) }

func alignOf(c *channel.Column, t channel.CellType) string { return mailhtml.Align(c, t) }

func colorHex(c channel.Color) string { return mailhtml.Hex(c) }

// safeURL admits what a link in a mail may point to.
func safeURL(u string) bool { return webURL(u) || hasScheme(u, "mailto:") }

func webURL(u string) bool { return hasScheme(u, "https://") || hasScheme(u, "http://") }

func hasScheme(u, scheme string) bool {
	return len(u) > len(scheme) && strings.EqualFold(u[:len(scheme)], scheme)
}
