package email

import (
	"strconv"
	"strings"

	"github.com/datapush-go/datapush/channel"
)

// The looks of a mail. Mail clients drop style sheets, so every element carries
// its own; Outlook for Windows ignores max-width and some paddings, so tables
// also carry the old attributes. Text and background are always both set, in
// colours that stay readable when a dark mode inverts only one of them
// (https://www.caniemail.com, read on 2026-11-23).
const (
	fontFamily = `font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,'PingFang SC','Microsoft YaHei',sans-serif`
	ink        = "#24292f"
	paper      = "#ffffff"
	border     = "#d0d7de"
	mailWidth  = 720

	textStyle  = fontFamily + `;font-size:14px;line-height:22px;color:` + ink
	headStyle  = `padding:6px 10px;border:1px solid ` + border + `;background-color:#eaeef2;color:` + ink
	cellStyle  = `padding:6px 10px;border:1px solid ` + border
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

// colorHex is readable on white and on near-black.
func colorHex(c channel.Color) string {
	switch c {
	case channel.ColorGreen:
		return "#1a7f37"
	case channel.ColorRed:
		return "#d1242f"
	case channel.ColorBlue:
		return "#0969da"
	case channel.ColorOrange:
		return "#bc4c00"
	case channel.ColorYellow:
		return "#9a6700"
	case channel.ColorGrey:
		return "#6e7781"
	default:
		return ""
	}
}

// htmlWriter appends a block tree as HTML.
type htmlWriter struct {
	buf []byte
	b   *body
	// tables are the sizes of the tables written, in order; next counts them.
	tables []int
	next   int
	// most is where a table stops that no share limits.
	most int
	// tags are the opening tags of cells that look alike.
	tags map[tagKey]string
}

type tagKey struct {
	align string
	color channel.Color
}

func (w *htmlWriter) str(s string)  { w.buf = append(w.buf, s...) }
func (w *htmlWriter) text(s string) { w.buf = appendText(w.buf, s) }

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
			w.text(string(n))
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
	inner()
	w.str(`</a>`)
}

func (w *htmlWriter) image(m *channel.Image) {
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
	case w.b.s.remoteImages:
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

// table writes a header and as many rows as its share of the body allows.
func (w *htmlWriter) table(t *channel.Table) {
	i := w.next
	w.next++
	start := len(w.buf)
	limit := w.most
	share := w.b.share(i)
	if share > 0 {
		limit = share
	}

	w.str(`<table border="1" cellpadding="6" cellspacing="0" bordercolor="` + border + `" bgcolor="` + paper + `" style="margin:0 0 14px 0;border-collapse:collapse;border:1px solid ` + border + `;background-color:` + paper + `;` + textStyle + `">` + "\n<tr>")
	for i := range t.Columns {
		c := &t.Columns[i]
		w.str(`<th align="` + alignOf(c, columnType(t, i)) + `" bgcolor="#eaeef2" style="` + headStyle + `">`)
		w.text(c.Header)
		w.str(`</th>`)
	}
	w.str("</tr>\n")
	tags := make([]colouredTag, len(t.Columns))
	rows, n := 0, t.Rows()
	for ; rows < n; rows++ {
		mark := len(w.buf)
		w.str("<tr>")
		row := t.Row(rows)
		for j := range row {
			c, cell := &t.Columns[j], &row[j]
			if key := (tagKey{alignOf(c, cell.Type), cell.Color}); key != tags[j].key {
				tags[j] = colouredTag{key, w.cellTag(key)}
			}
			w.str(tags[j].tag)
			if cell.Bare() {
				w.text(cell.Text)
			} else {
				w.text(c.Prefix)
				w.text(cell.Text)
				w.text(c.Suffix)
			}
			w.text(cell.Mark)
			w.str("</td>")
		}
		w.str("</tr>\n")
		if len(w.buf)-start > limit {
			// Without a share this was the measuring, which has seen enough.
			if share > 0 {
				w.buf = w.buf[:mark]
			}
			break
		}
	}
	w.str("</table>\n")
	if rows < n && share > 0 {
		w.str(`<p style="margin:0 0 14px 0;color:#57606a">`)
		w.text(w.b.cut(i, t, rows))
		w.str("</p>\n")
	}
	w.tables = append(w.tables, len(w.buf)-start)
}

// colouredTag is the opening tag that a column used last, which is nearly
// always the next one too.
type colouredTag struct {
	key tagKey
	tag string
}

func (w *htmlWriter) cellTag(key tagKey) string {
	if s, ok := w.tags[key]; ok {
		return s
	}
	s := `<td align="` + key.align + `" style="` + cellStyle
	if h := colorHex(key.color); h != "" {
		s += ";color:" + h
	}
	s += `">`
	if w.tags == nil {
		w.tags = map[tagKey]string{}
	}
	w.tags[key] = s
	return s
}

// columnType is the type of a column's first cell that has a value, so that a
// header stands above its numbers.
func columnType(t *channel.Table, col int) channel.CellType {
	for i := range min(t.Rows(), 50) {
		if c := t.Row(i)[col]; c.Type != channel.TypeNull {
			return c.Type
		}
	}
	return channel.TypeText
}

func alignOf(c *channel.Column, t channel.CellType) string {
	switch {
	case c.Align == channel.AlignLeft || c.Align == channel.AlignRight || c.Align == channel.AlignCenter:
		return string(c.Align)
	case t == channel.TypeNumber:
		return "right"
	default:
		return "left"
	}
}

// special marks the bytes that appendText may not copy as they are. 0xEF starts
// the byte order mark.
var special = func() (t [256]bool) {
	for b := range 0x20 {
		t[b] = b != '\t'
	}
	for _, b := range []byte{'&', '<', '>', '"', '\'', 0x7f, 0xef} {
		t[b] = true
	}
	return t
}()

// appendText writes s so that it shows as exactly these characters. A line
// feed becomes a line break.
func appendText(dst []byte, s string) []byte { return appendEscaped(dst, s, "<br>") }

func (w *htmlWriter) attr(s string) { w.buf = appendEscaped(w.buf, s, " ") }
func (w *htmlWriter) pre(s string)  { w.buf = appendEscaped(w.buf, s, "\n") }

func appendEscaped(dst []byte, s, newline string) []byte {
	if !isClean(s) {
		s = clean(s)
	}
	last := 0
	for i := 0; i < len(s); i++ {
		if !special[s[i]] {
			continue
		}
		var r string
		switch s[i] {
		case '&':
			r = "&amp;"
		case '<':
			r = "&lt;"
		case '>':
			r = "&gt;"
		case '"':
			r = "&#34;"
		case '\'':
			r = "&#39;"
		case '\n':
			r = newline
		default:
			continue
		}
		dst = append(dst, s[last:i]...)
		dst = append(dst, r...)
		last = i + 1
	}
	return append(dst, s[last:]...)
}

// safeURL admits what a link in a mail may point to.
func safeURL(u string) bool { return webURL(u) || hasScheme(u, "mailto:") }

func webURL(u string) bool { return hasScheme(u, "https://") || hasScheme(u, "http://") }

func hasScheme(u, scheme string) bool {
	return len(u) > len(scheme) && strings.EqualFold(u[:len(scheme)], scheme)
}
