package render

import (
	"slices"
	"strings"

	"github.com/datapush-go/datapush/channel"
)

// fill makes blocks from a document.
func (r *run) fill(d *document, rows Rows) []channel.Block {
	r.rows, r.row = rows, 0
	n := r.repetitions(d)
	if d.blocks.nodes == nil && n == 1 {
		return d.blocks.static
	}
	j := joiner{tables: d.isTable()}
	for r.row = range n {
		j.add(r.blocks(d.blocks))
	}
	return j.out
}

// repetitions is how often a document shows: once, or in Repeat mode for each
// row of the longest result that it names.
func (r *run) repetitions(d *document) int {
	if r.rows != Repeat {
		return 1
	}
	n, any := 0, false
	for i := range d.refs {
		if s := &r.spots[i]; s.result != nil && s.row < 0 {
			n, any = max(n, len(s.result.Rows)), true
		}
	}
	if !any {
		return 1
	}
	return n
}

// joiner puts the repetitions of a block together. A list that follows a list of
// its kind goes on with it, so that a repeated item makes one list. Where the
// whole block is a table, one with the same header as the table before it goes on
// with that, so that a repeated row makes one table.
type joiner struct {
	tables bool // the whole block is a table
	out    []channel.Block
	// What the last block is if it was made here and may grow in place: others
	// are shared with the parsed document.
	list  *channel.List
	table *channel.Table
}

func (j *joiner) add(blocks []channel.Block) {
	if len(j.out) > 0 && len(blocks) > 0 {
		last := &j.out[len(j.out)-1]
		switch next := blocks[0].(type) {
		case *channel.List:
			before, ok := (*last).(*channel.List)
			if !ok || (before.Start > 0) != (next.Start > 0) {
				break
			}
			if before != j.list {
				j.list = &channel.List{Start: before.Start, Items: slices.Clone(before.Items)}
				*last = j.list
			}
			j.list.Items = append(j.list.Items, next.Items...)
			blocks = blocks[1:]
		case *channel.Table:
			before, ok := (*last).(*channel.Table)
			if !j.tables || !ok || len(next.Cells) == 0 || !slices.Equal(before.Columns, next.Columns) {
				break
			}
			if before != j.table {
				j.table = &channel.Table{Columns: before.Columns, Cells: slices.Clone(before.Cells)}
				*last = j.table
			}
			j.table.Cells = append(j.table.Cells, next.Cells...)
			blocks = blocks[1:]
		}
	}
	j.out = append(j.out, blocks...)
}

// isTable reports whether a document is a table and nothing else.
func (d *document) isTable() bool {
	return len(d.blocks.nodes) == 1 && d.blocks.nodes[0].fill != nil && d.blocks.nodes[0].fill.kind == kindTable
}

func (r *run) blocks(l blockList) []channel.Block {
	if l.nodes == nil {
		return l.static
	}
	out := make([]channel.Block, 0, len(l.nodes))
	for _, n := range l.nodes {
		if n.static != nil {
			out = append(out, n.static)
		} else if b := r.filled(n.fill); b != nil {
			out = append(out, b)
		}
	}
	return out
}

// filled is nil when empty values leave nothing of a heading or paragraph.
func (r *run) filled(f *blockFill) channel.Block {
	switch f.kind {
	case kindHeading:
		inlines := r.inlines(f.inlines, true)
		if len(inlines) == 0 {
			return nil
		}
		return &channel.Heading{Level: f.level, Inlines: inlines}
	case kindParagraph:
		inlines := r.inlines(f.inlines, false)
		if len(inlines) == 0 {
			return nil
		}
		return paragraphOf(inlines)
	case kindQuote:
		return &channel.Quote{Blocks: r.blocks(f.blocks)}
	case kindList:
		list := &channel.List{Start: f.list.Start, Items: slices.Clone(f.list.Items)}
		for i, blocks := range f.items {
			list.Items[i].Blocks = r.blocks(blocks)
		}
		return list
	case kindCode:
		lang := r.oneLineText(f.lang)
		r.buf = r.buf[:0]
		for _, p := range f.text {
			if p.ref < 0 {
				r.buf = append(r.buf, p.lit...)
			} else {
				r.buf = r.append(r.buf, p.ref)
			}
		}
		return &channel.Code{Language: lang, Text: strings.TrimSuffix(string(r.buf), "\n")}
	default:
		table := &channel.Table{Columns: slices.Clone(f.table.Columns), Cells: slices.Clone(f.table.Cells)}
		for i, parts := range f.headers {
			if parts != nil {
				table.Columns[i].Header = r.oneLineText(parts)
			}
		}
		for i, parts := range f.cells {
			if parts != nil {
				s := r.oneLineText(parts)
				table.Cells[i] = channel.Cell{Text: s, Raw: s}
			}
		}
		return table
	}
}

func (r *run) oneLineText(parts []part) string {
	if s, ok := literal(parts); ok {
		return strings.ReplaceAll(s, "\n", " ")
	}
	r.buf = r.appendParts(r.buf[:0], parts)
	return string(breaksToSpaces(r.buf, 0))
}

// inlines fills a run of inlines. Text that ends up side by side is one node.
func (r *run) inlines(l inlineList, flat bool) []channel.Inline {
	if l.isStatic() {
		return l.static
	}
	out := make([]channel.Inline, 0, len(l.nodes))
	for _, n := range l.nodes {
		f := n.fill
		if f == nil {
			out = appendInline(out, n.static)
			continue
		}
		switch f.kind {
		case kindText:
			out = r.text(out, f.text, flat)
		case kindCodeSpan:
			if s := r.oneLineText(f.text); s != "" {
				out = append(out, channel.CodeSpan(s))
			}
		case kindStrong, kindEmphasis, kindStrike:
			if inlines := r.inlines(f.inlines, flat); len(inlines) > 0 {
				out = append(out, styled(f.kind, inlines))
			}
		case kindLink:
			label := r.inlines(f.inlines, true)
			if url := r.address(f.url); linkable(url) {
				out = append(out, &channel.Link{URL: url, Inlines: label})
				continue
			}
			r.addWarning(linkRemoved)
			for _, l := range label {
				out = appendInline(out, l)
			}
		case kindImage:
			alt := r.oneLineText(f.text)
			if f.image != nil {
				image := *f.image
				image.Alt = alt
				out = append(out, &image)
				continue
			}
			if url := r.address(f.url); showable(url) {
				out = append(out, &channel.Image{URL: url, Alt: alt})
				continue
			}
			r.addWarning(imageRemoved)
			out = appendText(out, alt)
		case kindMention:
			out = r.mention(out, &f.mention)
		}
	}
	return out
}

// appendInline appends a node; text joins the text before it, unless one of them
// is the name of an emoji or both together would be.
func appendInline(out []channel.Inline, n channel.Inline) []channel.Inline {
	t, ok := n.(channel.Text)
	if !ok {
		return append(out, n)
	}
	if t == "" {
		return out
	}
	if len(out) > 0 {
		if last, ok := out[len(out)-1].(channel.Text); ok && !isEmoji(last) && !isEmoji(t) {
			if last[0] != '[' || !isEmoji(last+t) {
				out[len(out)-1] = last + t
				return out
			}
		}
	}
	return append(out, n)
}

// appendText appends text that is no emoji, whatever it looks like.
func appendText(out []channel.Inline, s string) []channel.Inline {
	for _, n := range channel.Literal(s) {
		out = appendInline(out, n)
	}
	return out
}

func isEmoji(t channel.Text) bool { return t.Emoji() != "" }

// text writes literal text and values; line breaks become break nodes, or
// spaces where there is one line only.
func (r *run) text(out []channel.Inline, parts []part, flat bool) []channel.Inline {
	r.buf = r.buf[:0]
	for _, p := range parts {
		if p.ref < 0 {
			r.buf = append(r.buf, p.lit...)
		} else {
			r.buf = r.append(r.buf, p.ref)
		}
	}
	if flat {
		r.buf = breaksToSpaces(r.buf, 0)
	}
	rest := string(r.buf)
	for {
		line, after, more := strings.Cut(rest, "\n")
		out = appendText(out, line)
		if !more {
			return out
		}
		out = append(out, &channel.Break{})
		rest = after
	}
}

// address fills a link's address. A value at its start may be an address
// itself; anywhere else it is one component and cannot change what is around
// it.
func (r *run) address(parts []part) string {
	var dst []byte
	for i, p := range parts {
		if p.ref < 0 {
			dst = appendAddress(dst, p.lit)
			continue
		}
		r.temp = breaksToSpaces(r.append(r.temp[:0], p.ref), 0)
		switch {
		case i == 0:
			dst = appendAddress(dst, string(r.temp))
		case hasScheme(string(dst), "mailto:") || strings.EqualFold(string(dst), "mailto:"):
			dst = appendComponent(dst, r.temp, "@")
		default:
			dst = appendComponent(dst, r.temp, "")
		}
	}
	return string(dst)
}

// mention fills in whom to mention. A value that is not one person's name,
// number or address mentions nobody.
func (r *run) mention(out []channel.Inline, m *mentionNode) []channel.Inline {
	c := &channel.Mention{
		All:   m.all,
		ID:    r.oneLineText(m.id),
		Phone: r.oneLineText(m.phone),
		Email: r.oneLineText(m.email),
		Name:  r.oneLineText(m.name),
	}
	valid := func(parts []part, s string, is func(string) bool) bool {
		_, authored := literal(parts)
		return authored || is(s)
	}
	if valid(m.id, c.ID, isPersonID) && valid(m.phone, c.Phone, isPhone) && valid(m.email, c.Email, isEmail) {
		return append(out, c)
	}
	r.warn(channel.WarnUnresolved, "A mention is shown as text, because its value is not one person's id, phone number or e-mail address.")
	return appendText(out, c.Label())
}
