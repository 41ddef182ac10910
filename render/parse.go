package render

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/datapush-go/datapush/channel"
)

// newParser reads CommonMark with GFM's tables, task lists and strikethrough,
// and without HTML: what looks like a tag is text, except <at> and <br>.
func newParser() parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(parser.NewListParser(), 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(parser.NewBlockquoteParser(), 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(extension.NewTaskCheckBoxParser(), 0),
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(tagParser{}, 400),
			util.Prioritized(parser.NewEmphasisParser(), 500),
			util.Prioritized(extension.NewStrikethroughParser(), 500),
		),
		parser.WithParagraphTransformers(
			util.Prioritized(parser.LinkReferenceParagraphTransformer, 100),
			util.Prioritized(extension.NewTableParagraphTransformer(), 200),
		),
		parser.WithASTTransformers(
			util.Prioritized(extension.NewTableASTTransformer(), 0),
		),
	)
}

// document is a Markdown text ready to be filled with values. Its nodes mirror
// those of a message; a node without references is the message's node itself.
type document struct {
	*template
	blocks []blockNode
	// plain holds the blocks when no node has a reference.
	plain []channel.Block
	// direct says that plain words can stand in the source in place of the
	// references and change nothing else.
	direct bool
	// warnings are about what no value can change.
	warnings []channel.Warning
	// tagged: see inTag.
	tagged bool
	// around describes what is around each part in the source.
	around []surrounding
}

type blockNode struct {
	static  channel.Block
	kind    blockKind
	level   int
	start   int
	lang    string
	inlines []inlineNode
	blocks  []blockNode
	items   []itemNode
	text    []part
	columns []columnNode
	cells   [][]part
}

type blockKind uint8

const (
	kindHeading blockKind = iota
	kindParagraph
	kindList
	kindQuote
	kindCode
	kindTable
)

type itemNode struct {
	task   *bool
	blocks []blockNode
}

type columnNode struct {
	header []part
	align  channel.Align
}

type inlineNode struct {
	static  channel.Inline
	kind    inlineKind
	text    []part
	url     []part
	mention mentionNode
	inlines []inlineNode
}

type inlineKind uint8

const (
	kindText inlineKind = iota
	kindCodeSpan
	kindStrong
	kindEmphasis
	kindStrike
	kindLink
	kindImage
	kindMention
)

// parseDocument never fails; mistakes in references are in template.bad.
func parseDocument(p parser.Parser, src string) *document {
	d := &document{template: parseTemplate(src)}
	b := builder{source: d.tokenized(), direct: true}
	root := p.Parse(text.NewReader(b.source))
	d.blocks = b.blocks(root)
	d.plain = make([]channel.Block, 0, len(d.blocks))
	for _, n := range d.blocks {
		if n.static == nil {
			d.plain = nil
			break
		}
		d.plain = append(d.plain, n.static)
	}
	d.around, d.direct = surroundings(d.template)
	d.direct = d.direct && b.direct
	d.tagged = inTag(d.template)
	d.warnings = b.warnings
	return d
}

// builder turns goldmark's tree into ours.
type builder struct {
	source []byte
	// direct is document.direct, as far as the tree tells.
	direct   bool
	warnings []channel.Warning
	// strict keeps a hard line break visible where it would become a space.
	strict bool
}

func (b *builder) blocks(parent ast.Node) []blockNode {
	var out []blockNode
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if node, ok := b.block(n); ok {
			out = append(out, node)
		}
	}
	return out
}

func (b *builder) block(n ast.Node) (blockNode, bool) {
	switch n := n.(type) {
	case *ast.Heading:
		return b.heading(n), true
	case *ast.Paragraph, *ast.TextBlock:
		return b.paragraph(n), true
	case *ast.List:
		return b.list(n), true
	case *ast.Blockquote:
		node := blockNode{kind: kindQuote, blocks: b.blocks(n)}
		if blocks, ok := staticBlocks(node.blocks); ok {
			return blockNode{static: &channel.Quote{Blocks: blocks}}, true
		}
		return node, true
	case *ast.FencedCodeBlock:
		lang := b.text(n.Language(b.source))
		return b.code(n, lang), true
	case *ast.CodeBlock:
		return b.code(n, ""), true
	case *ast.ThematicBreak:
		return blockNode{static: &channel.Rule{}}, true
	case *east.Table:
		return b.table(n), true
	}
	return blockNode{}, false
}

func (b *builder) heading(n *ast.Heading) blockNode {
	node := blockNode{kind: kindHeading, level: n.Level, inlines: b.inlines(n, true)}
	if inlines, ok := staticInlines(node.inlines); ok {
		return blockNode{static: &channel.Heading{Level: n.Level, Inlines: inlines}}
	}
	return node
}

func (b *builder) paragraph(n ast.Node) blockNode {
	node := blockNode{kind: kindParagraph, inlines: b.inlines(n, false)}
	if inlines, ok := staticInlines(node.inlines); ok {
		return blockNode{static: paragraphOf(inlines)}
	}
	return node
}

// paragraphOf is an image block when an image stands alone.
func paragraphOf(inlines []channel.Inline) channel.Block {
	if len(inlines) == 1 {
		if image, ok := inlines[0].(*channel.Image); ok {
			return image
		}
	}
	return &channel.Paragraph{Inlines: inlines}
}

func (b *builder) list(n *ast.List) blockNode {
	node := blockNode{kind: kindList}
	if n.IsOrdered() {
		// A list that starts at 0 would read as bulleted.
		node.start = max(n.Start, 1)
	}
	static := true
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		item := itemNode{task: taskOf(c), blocks: b.blocks(c)}
		node.items = append(node.items, item)
		if _, ok := staticBlocks(item.blocks); !ok {
			static = false
		}
	}
	if !static {
		return node
	}
	list := &channel.List{Start: node.start}
	for _, item := range node.items {
		blocks, _ := staticBlocks(item.blocks)
		list.Items = append(list.Items, channel.Item{Task: item.task, Blocks: blocks})
	}
	return blockNode{static: list}
}

func taskOf(item ast.Node) *bool {
	first := item.FirstChild()
	if first == nil {
		return nil
	}
	box, ok := first.FirstChild().(*east.TaskCheckBox)
	if !ok {
		return nil
	}
	return &box.IsChecked
}

func (b *builder) code(n ast.Node, lang string) blockNode {
	var buf []byte
	lines := n.Lines()
	for i := range lines.Len() {
		line := lines.At(i)
		buf = append(buf, line.Value(b.source)...)
	}
	buf = bytes.TrimSuffix(buf, []byte("\n"))
	node := blockNode{kind: kindCode, lang: lang, text: splitTokens(string(buf))}
	if s, ok := literal(node.text); ok && strings.IndexRune(lang, tokenStart) < 0 {
		return blockNode{static: &channel.Code{Language: lang, Text: s}}
	}
	return node
}

func (b *builder) table(n *east.Table) blockNode {
	node := blockNode{kind: kindTable}
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		_, header := row.(*east.TableHeader)
		i := 0
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			inlines := b.inlines(cell, true)
			if has(inlines, isMentionNode) {
				b.warnings = append(b.warnings, mentionInCell)
			}
			if has(inlines, isImageNode) {
				b.warnings = append(b.warnings, imageInCell)
			}
			parts := flatten(nil, inlines)
			if header {
				node.columns = append(node.columns, columnNode{header: parts, align: alignOf(n, i)})
			} else if i < len(node.columns) {
				node.cells = append(node.cells, parts)
			}
			i++
		}
	}
	if table, ok := staticTable(&node); ok {
		return blockNode{static: table}
	}
	return node
}

func staticTable(n *blockNode) (*channel.Table, bool) {
	t := &channel.Table{Columns: make([]channel.Column, len(n.columns)), Cells: make([]channel.Cell, len(n.cells))}
	text := func(parts []part) (string, bool) {
		s, ok := literal(parts)
		return strings.ReplaceAll(s, "\n", " "), ok
	}
	for i, c := range n.columns {
		s, ok := text(c.header)
		if !ok {
			return nil, false
		}
		t.Columns[i] = channel.Column{Header: s, Align: c.align}
	}
	for i, parts := range n.cells {
		s, ok := text(parts)
		if !ok {
			return nil, false
		}
		t.Cells[i] = channel.Cell{Text: s, Raw: s}
	}
	return t, true
}

func alignOf(n *east.Table, i int) channel.Align {
	if i >= len(n.Alignments) {
		return channel.AlignDefault
	}
	switch n.Alignments[i] {
	case east.AlignLeft:
		return channel.AlignLeft
	case east.AlignCenter:
		return channel.AlignCenter
	case east.AlignRight:
		return channel.AlignRight
	default:
		return channel.AlignDefault
	}
}

// flatten makes one text of what stands in a table cell, which holds nothing
// else. A link keeps its address in parentheses.
func flatten(dst []part, nodes []inlineNode) []part {
	for _, n := range nodes {
		switch v := n.static.(type) {
		case nil:
			dst = append(dst, n.text...)
			dst = flatten(dst, n.inlines)
			if n.kind == kindLink {
				dst = append(dst, part{lit: " (", ref: -1})
				dst = append(dst, n.url...)
				dst = append(dst, part{lit: ")", ref: -1})
			}
			if n.kind == kindMention {
				dst = append(dst, n.mention.label()...)
			}
		default:
			dst = append(dst, part{lit: plainText(v), ref: -1})
		}
	}
	return dst
}

// has looks for a node at any depth.
func has(nodes []inlineNode, is func(*inlineNode) bool) bool {
	for i := range nodes {
		if is(&nodes[i]) || has(nodes[i].inlines, is) {
			return true
		}
	}
	return false
}

func isMentionNode(n *inlineNode) bool {
	return n.kind == kindMention || containsInline(n.static, func(i channel.Inline) bool {
		_, ok := i.(*channel.Mention)
		return ok
	})
}

func isImageNode(n *inlineNode) bool {
	return n.kind == kindImage || containsInline(n.static, func(i channel.Inline) bool {
		_, ok := i.(*channel.Image)
		return ok
	})
}

func containsInline(n channel.Inline, is func(channel.Inline) bool) bool {
	if n == nil {
		return false
	}
	if is(n) {
		return true
	}
	var inside []channel.Inline
	switch n := n.(type) {
	case *channel.Strong:
		inside = n.Inlines
	case *channel.Emphasis:
		inside = n.Inlines
	case *channel.Strike:
		inside = n.Inlines
	case *channel.Link:
		inside = n.Inlines
	}
	for _, i := range inside {
		if containsInline(i, is) {
			return true
		}
	}
	return false
}

// plainText is an inline without markup.
func plainText(n channel.Inline) string {
	var b strings.Builder
	var walk func(n channel.Inline)
	all := func(ns []channel.Inline) {
		for _, n := range ns {
			walk(n)
		}
	}
	walk = func(n channel.Inline) {
		switch n := n.(type) {
		case channel.Text:
			b.WriteString(string(n))
		case channel.CodeSpan:
			b.WriteString(string(n))
		case *channel.Strong:
			all(n.Inlines)
		case *channel.Emphasis:
			all(n.Inlines)
		case *channel.Strike:
			all(n.Inlines)
		case *channel.Link:
			from := b.Len()
			all(n.Inlines)
			if b.String()[from:] != n.URL && "mailto:"+b.String()[from:] != n.URL {
				b.WriteString(" (" + n.URL + ")")
			}
		case *channel.Image:
			b.WriteString(n.Alt)
		case *channel.Mention:
			b.WriteString(n.Label())
		case *channel.Break:
			b.WriteByte(' ')
		}
	}
	walk(n)
	return b.String()
}

// inlines converts the children of n. Adjacent text becomes one node.
func (b *builder) inlines(n ast.Node, oneLine bool) []inlineNode {
	var out []inlineNode
	var pending []byte
	flush := func() {
		if len(pending) > 0 {
			out = append(out, textNode(string(pending), oneLine)...)
			pending = pending[:0]
		}
	}
	add := func(node inlineNode) {
		flush()
		out = append(out, node)
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			value := c.Value(b.source)
			if c.IsRaw() {
				pending = append(pending, value...)
			} else {
				pending = appendUnescaped(pending, value)
			}
			switch {
			case !c.SoftLineBreak() && !c.HardLineBreak():
			case oneLine && b.strict && c.HardLineBreak():
				pending = append(pending, '\x06') // no text has one
			case oneLine:
				pending = append(pending, ' ')
			case c.NextSibling() == nil:
				// A break at the end breaks nothing.
			default:
				add(inlineNode{static: &channel.Break{Soft: !c.HardLineBreak()}})
			}
		case *ast.String:
			pending = append(pending, c.Value...)
		case *ast.CodeSpan:
			add(b.codeSpan(c))
		case *ast.Emphasis:
			if c.Level == 1 {
				add(b.styled(kindEmphasis, c, oneLine))
			} else {
				add(b.styled(kindStrong, c, oneLine))
			}
		case *east.Strikethrough:
			add(b.styled(kindStrike, c, oneLine))
		case *ast.Link:
			flush()
			out = append(out, b.link(string(b.unescape(c.Destination)), b.inlines(c, oneLine))...)
		case *ast.AutoLink:
			label := string(c.Label(b.source))
			url := label
			if c.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(url), "mailto:") {
				url = "mailto:" + url
			}
			flush()
			out = append(out, b.link(url, textNode(label, oneLine))...)
		case *ast.Image:
			flush()
			out = append(out, b.image(c))
		case *ast.RawHTML:
			tag := b.segments(c.Segments)
			if isLineBreak(tag) {
				if oneLine {
					pending = append(pending, ' ')
				} else {
					add(inlineNode{static: &channel.Break{}})
				}
				continue
			}
			m, ok := parseMention(tag)
			if !ok {
				pending = append(pending, tag...)
				continue
			}
			b.direct = b.direct && m.literal()
			if !strings.HasSuffix(tag, "/>") {
				if name, last := b.mentionName(c); last != nil {
					m.setName(name)
					next := last
					add(m.node())
					for c.NextSibling() != next {
						n.RemoveChild(n, c.NextSibling())
					}
					n.RemoveChild(n, next)
					continue
				}
			}
			add(m.node())
		}
	}
	flush()
	return out
}

// mentionName finds "name</at>" after an opening tag; last is the closing tag.
func (b *builder) mentionName(open ast.Node) (name string, last ast.Node) {
	next := open.NextSibling()
	if t, ok := next.(*ast.Text); ok && !t.SoftLineBreak() && !t.HardLineBreak() {
		name = string(b.unescape(t.Value(b.source)))
		next = next.NextSibling()
	}
	if end, ok := next.(*ast.RawHTML); ok && isMentionEnd(b.segments(end.Segments)) {
		return name, next
	}
	return "", nil
}

func (b *builder) segments(s *text.Segments) string {
	var buf []byte
	for i := range s.Len() {
		seg := s.At(i)
		buf = append(buf, seg.Value(b.source)...)
	}
	return string(buf)
}

func (b *builder) text(raw []byte) string { return string(b.unescape(raw)) }

func (b *builder) unescape(raw []byte) []byte { return appendUnescaped(nil, raw) }

// textNode splits text that holds line breaks (from entities) at them.
func textNode(s string, oneLine bool) []inlineNode {
	if oneLine {
		s = strings.ReplaceAll(s, "\n", " ")
	}
	parts := splitTokens(s)
	lit, ok := literal(parts)
	if !ok {
		return []inlineNode{{kind: kindText, text: parts}}
	}
	var out []inlineNode
	for i, line := range strings.Split(lit, "\n") {
		if i > 0 {
			out = append(out, inlineNode{static: &channel.Break{}})
		}
		if line != "" {
			out = append(out, inlineNode{static: channel.Text(line)})
		}
	}
	return out
}

func (b *builder) codeSpan(n ast.Node) inlineNode {
	var buf []byte
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			buf = append(buf, t.Value(b.source)...)
		}
	}
	for i, c := range buf {
		if c == '\n' {
			buf[i] = ' '
		}
	}
	parts := splitTokens(string(buf))
	if s, ok := literal(parts); ok {
		return inlineNode{static: channel.CodeSpan(s)}
	}
	return inlineNode{kind: kindCodeSpan, text: parts}
}

func (b *builder) styled(kind inlineKind, n ast.Node, oneLine bool) inlineNode {
	node := inlineNode{kind: kind, inlines: b.inlines(n, oneLine)}
	if inlines, ok := staticInlines(node.inlines); ok {
		return inlineNode{static: styled(kind, inlines)}
	}
	return node
}

func styled(kind inlineKind, inlines []channel.Inline) channel.Inline {
	switch kind {
	case kindStrong:
		return &channel.Strong{Inlines: inlines}
	case kindEmphasis:
		return &channel.Emphasis{Inlines: inlines}
	default:
		return &channel.Strike{Inlines: inlines}
	}
}

// link gives the label alone when the address can never be one.
func (b *builder) link(url string, label []inlineNode) []inlineNode {
	parts := splitTokens(url)
	address, ok := literal(parts)
	if !ok {
		b.direct = false
		return []inlineNode{{kind: kindLink, url: parts, inlines: label}}
	}
	address = string(appendAddress(nil, address))
	if !linkable(address) {
		b.warnings = append(b.warnings, linkRemoved)
		return label
	}
	if inlines, ok := staticInlines(label); ok {
		return []inlineNode{{static: &channel.Link{URL: address, Inlines: inlines}}}
	}
	return []inlineNode{{kind: kindLink, url: []part{{lit: address, ref: -1}}, inlines: label}}
}

func (b *builder) image(n *ast.Image) inlineNode {
	alt := flatten(nil, b.inlines(n, true))
	url := splitTokens(string(b.unescape(n.Destination)))
	address, ok := literal(url)
	if !ok {
		b.direct = false
		return inlineNode{kind: kindImage, url: url, text: alt}
	}
	address = string(appendAddress(nil, address))
	text, ok := literal(alt)
	if !showable(address) {
		b.warnings = append(b.warnings, imageRemoved)
		if ok {
			return inlineNode{static: channel.Text(text)}
		}
		return inlineNode{kind: kindText, text: alt}
	}
	if ok {
		return inlineNode{static: &channel.Image{URL: address, Alt: text}}
	}
	return inlineNode{kind: kindImage, url: []part{{lit: address, ref: -1}}, text: alt}
}

func staticInlines(nodes []inlineNode) ([]channel.Inline, bool) {
	out := make([]channel.Inline, len(nodes))
	for i, n := range nodes {
		if n.static == nil {
			return nil, false
		}
		out[i] = n.static
	}
	return out, true
}

func staticBlocks(nodes []blockNode) ([]channel.Block, bool) {
	out := make([]channel.Block, len(nodes))
	for i, n := range nodes {
		if n.static == nil {
			return nil, false
		}
		out[i] = n.static
	}
	return out, true
}

// appendUnescaped resolves backslash escapes and character references in one
// pass, so that what one of them gives is never read as the other.
func appendUnescaped(dst, s []byte) []byte {
	from := len(dst)
	resolved := false
	for i := 0; i < len(s); {
		c := s[i]
		if c == '\\' && i+1 < len(s) && util.IsPunct(s[i+1]) {
			dst = append(dst, s[i+1])
			i += 2
			continue
		}
		if c == '&' {
			if n := reference(s[i:]); n > 0 {
				dst = appendReference(dst, s[i+1:i+n-1])
				i += n
				resolved = true
				continue
			}
		}
		dst = append(dst, c)
		i++
	}
	if resolved {
		dst = clean(dst, from)
	}
	return dst
}

// reference is the length of a character reference at the start of s, 0 when
// there is none.
func reference(s []byte) int {
	end := bytes.IndexByte(s[:min(len(s), 40)], ';')
	if end < 2 {
		return 0
	}
	name := s[1:end]
	if name[0] != '#' {
		if _, ok := util.LookUpHTML5EntityByName(string(name)); !ok {
			return 0
		}
		return end + 1
	}
	digits, limit, hex := name[1:], 7, false
	if len(digits) > 0 && digits[0]|0x20 == 'x' {
		digits, limit, hex = digits[1:], 6, true
	}
	if len(digits) == 0 || len(digits) > limit {
		return 0
	}
	for _, c := range digits {
		if !util.IsNumeric(c) && !(hex && util.IsHexDecimal(c)) {
			return 0
		}
	}
	return end + 1
}

func appendReference(dst, name []byte) []byte {
	if name[0] != '#' {
		entity, _ := util.LookUpHTML5EntityByName(string(name))
		return append(dst, entity.Characters...)
	}
	digits, base := name[1:], rune(10)
	if digits[0]|0x20 == 'x' {
		digits, base = digits[1:], 16
	}
	var r rune
	for _, c := range digits {
		d := rune(c - '0')
		if c > '9' {
			d = rune(c|0x20-'a') + 10
		}
		r = r*base + d
	}
	if r == 0 || !utf8.ValidRune(r) || isTokenRune(r) {
		r = utf8.RuneError
	}
	return utf8.AppendRune(dst, r)
}
