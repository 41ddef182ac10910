package render

import (
	"bytes"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/datapush-go/datapush/channel"
)

// markdownParser reads CommonMark with GFM's tables, task lists and
// strikethrough, and without HTML: what looks like a tag is text, except <at> and
// <br>. One serves all goroutines.
var markdownParser = sync.OnceValue(func() parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(listParser{parser.NewListParser()}, 300),
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
			util.Prioritized(linkDefinitions{parser.LinkReferenceParagraphTransformer}, 100),
			util.Prioritized(extension.NewTableParagraphTransformer(), 200),
		),
		parser.WithASTTransformers(
			util.Prioritized(extension.NewTableASTTransformer(), 0),
		),
	)
})

// listParser is goldmark's, which ends a list by putting other nodes in the place
// of the paragraphs of a tight one. To us both are paragraphs.
type listParser struct{ parser.BlockParser }

func (listParser) Close(ast.Node, text.Reader, parser.Context) {}

// linkDefinitions is goldmark's transformer, which makes a reader for each
// paragraph that it looks at, for those alone that may begin with a definition.
type linkDefinitions struct{ parser.ParagraphTransformer }

func (l linkDefinitions) Transform(p *ast.Paragraph, reader text.Reader, pc parser.Context) {
	if p.Lines().Len() > 0 {
		line := p.Lines().At(0)
		line = line.TrimLeftSpace(reader.Source())
		if !line.IsEmpty() && reader.Source()[line.Start] != '[' {
			return
		}
	}
	l.ParagraphTransformer.Transform(p, reader, pc)
}

// document is a Markdown text ready to be filled with values. Its nodes mirror
// those of a message; what has no reference is the message's node itself, shared
// by all messages.
type document struct {
	*template
	blocks blockList
	// direct says that plain words can stand in the source in place of the
	// references and change nothing else.
	direct bool
	// tagged: see inTag.
	tagged bool
	// around describes what is around each part in the source.
	around []surrounding
	// warnings are about what no value can change.
	warnings []channel.Warning
}

// blockList is static as a whole, or has nodes.
type blockList struct {
	static []channel.Block
	nodes  []blockNode
}

// blockNode is static or to be filled.
type blockNode struct {
	static channel.Block
	fill   *blockFill
}

type blockFill struct {
	kind    blockKind
	level   int
	inlines inlineList
	blocks  blockList
	list    *channel.List // its items' blocks are in items
	items   []blockList
	lang    []part
	text    []part
	table   *channel.Table // its texts with references are in headers and cells
	headers [][]part
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

// inlineList is static as a whole, or has nodes.
type inlineList struct {
	static []channel.Inline
	nodes  []inlineNode
}

func (l inlineList) isStatic() bool { return l.nodes == nil }

// inlineNode is static or to be filled.
type inlineNode struct {
	static channel.Inline
	fill   *inlineFill
}

type inlineFill struct {
	kind    inlineKind
	text    []part
	url     []part
	image   *channel.Image // of the author's; only its description is filled in
	mention mentionNode
	inlines inlineList
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
func parseDocument(src string) *document {
	d := &document{template: parseTemplate(src)}
	b := builder{source: d.tokenized(), tokens: len(d.refs) > 0, direct: true}
	d.blocks = b.parse(src)
	d.around, d.direct = surroundings(d.template)
	d.direct = d.direct && b.direct
	d.tagged = inTag(d.template)
	d.warnings = b.warnings
	return d
}

// builder turns goldmark's tree into ours.
type builder struct {
	source []byte
	text   string // source as the string that texts are slices of
	tokens bool   // whether the source has any
	// direct is document.direct, as far as the tree tells.
	direct   bool
	warnings []channel.Warning
	// named is where in the source the last name of an emoji ended.
	named int
	// strict keeps a hard line break visible where it would become a space.
	strict bool

	// What inlines are collected on before they get a slice of their own.
	inlineStack []inlineNode
	// Where what is made often is cut from.
	inlineRoom slab[channel.Inline]
	blockRoom  slab[channel.Block]
	items      slab[channel.Item]
	paragraphs slab[channel.Paragraph]
	headings   slab[channel.Heading]
	strongs    slab[channel.Strong]
	links      slab[channel.Link]
	buf        []byte // an address under construction
}

// parse reads b.source, which was made of src.
func (b *builder) parse(src string) blockList {
	if b.text = src; string(b.source) != src {
		b.text = string(b.source)
	}
	return b.blocks(markdownParser().Parse(text.NewReader(b.source)))
}

func (b *builder) blocks(parent ast.Node) blockList {
	l := blockList{static: b.blockRoom.cut(parent.ChildCount(), b.roomSize())[:0]}
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		l.add(b.block(n))
	}
	return l
}

// add appends a node. The first to be filled takes those before it along.
func (l *blockList) add(n blockNode) {
	if l.nodes == nil && n.fill != nil {
		l.nodes = make([]blockNode, len(l.static), cap(l.static))
		for i, b := range l.static {
			l.nodes[i].static = b
		}
		l.static = nil
	}
	switch {
	case n.static == nil && n.fill == nil:
	case l.nodes != nil:
		l.nodes = append(l.nodes, n)
	default:
		l.static = append(l.static, n.static)
	}
}

// roomSize is about as many nodes as a text of this length has, at most 128.
func (b *builder) roomSize() int { return min(128, 4+len(b.source)/32) }

// slab gives out pieces of memory that was made at once.
type slab[T any] []T

func (s *slab[T]) cut(n, size int) []T {
	if n > len(*s) {
		*s = make([]T, max(n, size))
	}
	out := (*s)[:n:n]
	*s = (*s)[n:]
	return out
}

// newNode is v at an address of its own.
func newNode[T any](b *builder, s *slab[T], v T) *T {
	n := &s.cut(1, b.roomSize()/4)[0]
	*n = v
	return n
}

func (b *builder) block(n ast.Node) blockNode {
	switch n := n.(type) {
	case *ast.Heading:
		l := b.inlines(n, true)
		if l.isStatic() {
			return blockNode{static: newNode(b, &b.headings, channel.Heading{Level: n.Level, Inlines: l.static})}
		}
		return blockNode{fill: &blockFill{kind: kindHeading, level: n.Level, inlines: l}}
	case *ast.Paragraph:
		l := b.inlines(n, false)
		if l.isStatic() {
			if image := onlyImage(l.static); image != nil {
				return blockNode{static: image}
			}
			return blockNode{static: newNode(b, &b.paragraphs, channel.Paragraph{Inlines: l.static})}
		}
		return blockNode{fill: &blockFill{kind: kindParagraph, inlines: l}}
	case *ast.List:
		return b.list(n)
	case *ast.Blockquote:
		l := b.blocks(n)
		if l.nodes == nil {
			return blockNode{static: &channel.Quote{Blocks: l.static}}
		}
		return blockNode{fill: &blockFill{kind: kindQuote, blocks: l}}
	case *ast.FencedCodeBlock:
		b.buf = appendUnescaped(b.buf[:0], n.Language(b.source))
		return b.code(n, string(b.buf))
	case *ast.CodeBlock:
		return b.code(n, "")
	case *ast.ThematicBreak:
		return blockNode{static: &channel.Rule{}}
	case *east.Table:
		return b.table(n)
	}
	return blockNode{}
}

// onlyImage is an image that stands alone, which makes it a block.
func onlyImage(inlines []channel.Inline) *channel.Image {
	if len(inlines) != 1 {
		return nil
	}
	image, _ := inlines[0].(*channel.Image)
	return image
}

func paragraphOf(inlines []channel.Inline) channel.Block {
	if image := onlyImage(inlines); image != nil {
		return image
	}
	return &channel.Paragraph{Inlines: inlines}
}

func (b *builder) list(n *ast.List) blockNode {
	list := &channel.List{Items: b.items.cut(n.ChildCount(), b.roomSize()/4)[:0]}
	if n.IsOrdered() {
		// A list that starts at 0 would read as bulleted.
		list.Start = max(n.Start, 1)
	}
	var items []blockList
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		blocks := b.blocks(c)
		if blocks.nodes != nil && items == nil {
			items = make([]blockList, n.ChildCount())
			for i, item := range list.Items {
				items[i].static = item.Blocks
			}
		}
		if items != nil {
			items[len(list.Items)] = blocks
		}
		list.Items = append(list.Items, channel.Item{Task: taskOf(c), Blocks: blocks.static})
	}
	if items == nil {
		return blockNode{static: list}
	}
	return blockNode{fill: &blockFill{kind: kindList, list: list, items: items}}
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
	checked := box.IsChecked
	return &checked
}

func (b *builder) code(n ast.Node, lang string) blockNode {
	var buf []byte
	lines := n.Lines()
	for i := range lines.Len() {
		line := lines.At(i)
		buf = append(buf, line.Value(b.source)...)
	}
	text, info := b.parts(string(bytes.TrimSuffix(buf, []byte("\n")))), b.parts(lang)
	s, ok1 := literal(text)
	l, ok2 := literal(info)
	if ok1 && ok2 {
		return blockNode{static: &channel.Code{Language: l, Text: s}}
	}
	return blockNode{fill: &blockFill{kind: kindCode, lang: info, text: text}}
}

func (b *builder) table(n *east.Table) blockNode {
	f := &blockFill{kind: kindTable, table: &channel.Table{}}
	t := f.table
	dynamic := false
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		_, header := row.(*east.TableHeader)
		if header {
			t.Columns = make([]channel.Column, 0, row.ChildCount())
			t.Cells = make([]channel.Cell, 0, row.ChildCount()*(n.ChildCount()-1))
		}
		i := 0
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			text, parts := b.cell(cell)
			switch {
			case header:
				t.Columns = append(t.Columns, channel.Column{Header: text, Align: alignOf(n, i)})
				if parts != nil {
					dynamic = true
					f.headers = setAt(f.headers, i, parts)
				}
			case i < len(t.Columns):
				if parts != nil {
					dynamic = true
					f.cells = setAt(f.cells, len(t.Cells), parts)
				}
				t.Cells = append(t.Cells, channel.Cell{Text: text, Raw: text})
			}
			i++
		}
	}
	if !dynamic {
		return blockNode{static: t}
	}
	return blockNode{fill: f}
}

func setAt(list [][]part, i int, parts []part) [][]part {
	for len(list) <= i {
		list = append(list, nil)
	}
	list[i] = parts
	return list
}

// cell gives the text of a table cell, or its parts when it has references.
func (b *builder) cell(n ast.Node) (string, []part) {
	l := b.inlines(n, true)
	if l.isStatic() && len(l.static) == 0 {
		return "", nil
	}
	if l.isStatic() && len(l.static) == 1 {
		if t, ok := l.static[0].(channel.Text); ok {
			return plainText(t), nil
		}
	}
	if l.has(kindMention) {
		b.warnings = append(b.warnings, mentionInCell)
	}
	if l.has(kindImage) {
		b.warnings = append(b.warnings, imageInCell)
	}
	for _, k := range [...]inlineKind{kindStrong, kindEmphasis, kindStrike, kindCodeSpan} {
		if l.has(k) {
			b.warnings = append(b.warnings, styleInCell)
			break
		}
	}
	parts := flatten(nil, l)
	if s, ok := literal(parts); ok {
		return s, nil
	}
	return "", parts
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
func flatten(dst []part, l inlineList) []part {
	for _, n := range l.static {
		dst = append(dst, part{lit: plainText(n), ref: -1})
	}
	for _, n := range l.nodes {
		f := n.fill
		if f == nil {
			dst = append(dst, part{lit: plainText(n.static), ref: -1})
			continue
		}
		dst = append(dst, f.text...)
		dst = flatten(dst, f.inlines)
		if f.kind == kindLink {
			dst = append(dst, part{lit: " (", ref: -1})
			dst = append(dst, f.url...)
			dst = append(dst, part{lit: ")", ref: -1})
		}
		if f.kind == kindMention {
			dst = append(dst, f.mention.label()...)
		}
	}
	return dst
}

// has looks for an inline of a kind at any depth.
func (l inlineList) has(kind inlineKind) bool {
	if containsInline(l.static, kind) {
		return true
	}
	for _, n := range l.nodes {
		if f := n.fill; f != nil && (f.kind == kind || f.inlines.has(kind)) {
			return true
		}
		if n.static != nil && containsInline([]channel.Inline{n.static}, kind) {
			return true
		}
	}
	return false
}

func containsInline(list []channel.Inline, kind inlineKind) bool {
	for _, n := range list {
		var is inlineKind
		var inside []channel.Inline
		switch n := n.(type) {
		case *channel.Mention:
			is = kindMention
		case *channel.Image:
			is = kindImage
		case channel.CodeSpan:
			is = kindCodeSpan
		case *channel.Strong:
			is, inside = kindStrong, n.Inlines
		case *channel.Emphasis:
			is, inside = kindEmphasis, n.Inlines
		case *channel.Strike:
			is, inside = kindStrike, n.Inlines
		case *channel.Link:
			is, inside = kindLink, n.Inlines
		default:
			continue
		}
		if is == kind || containsInline(inside, kind) {
			return true
		}
	}
	return false
}

// plainText is an inline without markup. An emoji is its character, because
// nothing tells its name from other text in a string.
func plainText(n channel.Inline) string {
	switch n := n.(type) {
	case channel.Text:
		return n.Show()
	case channel.CodeSpan:
		return string(n)
	case *channel.Strong:
		return plainTexts(n.Inlines)
	case *channel.Emphasis:
		return plainTexts(n.Inlines)
	case *channel.Strike:
		return plainTexts(n.Inlines)
	case *channel.Link:
		label := plainTexts(n.Inlines)
		if label == n.URL || "mailto:"+label == n.URL {
			return label
		}
		return label + " (" + n.URL + ")"
	case *channel.Image:
		return n.Alt
	case *channel.Mention:
		return n.Label()
	default:
		return " " // a line break
	}
}

func plainTexts(list []channel.Inline) string {
	var b strings.Builder
	for _, n := range list {
		b.WriteString(plainText(n))
	}
	return b.String()
}

// run of text that is not a node yet: a slice of the source as long as that is
// possible, so that most text is never copied.
type pendingText struct {
	start, end int
	buf        []byte
}

func (t *pendingText) empty() bool { return t.start == t.end && len(t.buf) == 0 }

// inlines converts the children of n. Adjacent text becomes one node.
func (b *builder) inlines(parent ast.Node, oneLine bool) inlineList {
	mark := len(b.inlineStack)
	var pending pendingText
	for c := parent.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			b.addWords(&pending, c, oneLine)
			switch {
			case !c.SoftLineBreak() && !c.HardLineBreak():
			case oneLine && b.strict && c.HardLineBreak():
				b.addLiteral(&pending, "\x06") // no text has one
			case oneLine:
				b.addLiteral(&pending, " ")
			case c.NextSibling() == nil:
				// A break at the end breaks nothing.
			default:
				b.flush(&pending, oneLine)
				b.push(&channel.Break{Soft: !c.HardLineBreak()})
			}
		case *ast.CodeSpan:
			b.flush(&pending, oneLine)
			b.codeSpan(c)
		case *ast.Emphasis:
			b.flush(&pending, oneLine)
			kind := kindStrong
			if c.Level == 1 {
				kind = kindEmphasis
			}
			b.styled(kind, b.inlines(c, oneLine))
		case *east.Strikethrough:
			b.flush(&pending, oneLine)
			b.styled(kindStrike, b.inlines(c, oneLine))
		case *ast.Link:
			b.flush(&pending, oneLine)
			b.buf = appendUnescaped(b.buf[:0], c.Destination)
			b.link(string(b.buf), b.inlines(c, oneLine))
		case *ast.AutoLink:
			b.flush(&pending, oneLine)
			label := string(c.Label(b.source))
			url := label
			if c.AutoLinkType == ast.AutoLinkEmail && !hasScheme(url, "mailto:") {
				url = "mailto:" + url
			}
			b.link(url, b.label(label))
		case *ast.Image:
			b.flush(&pending, oneLine)
			b.image(c)
		case *ast.RawHTML:
			b.tag(c, parent, &pending, oneLine)
		}
	}
	b.flush(&pending, oneLine)
	nodes := b.inlineStack[mark:]
	b.inlineStack = b.inlineStack[:mark]
	for i := range nodes {
		if nodes[i].fill != nil {
			return inlineList{nodes: append([]inlineNode(nil), nodes...)}
		}
	}
	static := b.inlineRoom.cut(len(nodes), b.roomSize())[:0]
	for i := range nodes {
		static = appendInline(static, nodes[i].static)
	}
	return inlineList{static: static}
}

func (b *builder) push(n channel.Inline) {
	b.inlineStack = append(b.inlineStack, inlineNode{static: n})
}

// pushText pushes text that is no emoji, whatever it looks like.
func (b *builder) pushText(s string) {
	if s == "" {
		return
	}
	for _, n := range channel.Literal(s) {
		b.push(n)
	}
}

func (b *builder) pushFill(f inlineFill) {
	b.inlineStack = append(b.inlineStack, inlineNode{fill: &f})
}

// addWords adds a text in which the names of emoji are texts of their own. A name
// may go on into the segments that follow; its escaped form is none.
func (b *builder) addWords(p *pendingText, n *ast.Text, oneLine bool) {
	seg := n.Segment
	if b.named > seg.Start {
		seg = text.NewSegment(min(b.named, seg.Stop), seg.Stop)
	}
	for at := seg.Start; !n.IsRaw(); at++ {
		i := bytes.IndexByte(b.source[at:seg.Stop], '[')
		if i < 0 {
			break
		}
		at += i
		size := channel.EmojiName(b.text[at:])
		if size == 0 || isEscaped(b.source, at) {
			continue
		}
		b.addText(p, seg.WithStop(at), false)
		b.flush(p, oneLine)
		b.push(channel.Text(b.text[at : at+size]))
		b.named = at + size
		if b.named >= seg.Stop {
			return
		}
		seg = text.NewSegment(b.named, seg.Stop)
		at = b.named - 1
	}
	b.addText(p, seg, n.IsRaw())
}

func isEscaped(src []byte, at int) bool {
	n := 0
	for n < at && src[at-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

func (b *builder) addText(p *pendingText, seg text.Segment, raw bool) {
	value := b.source[seg.Start:seg.Stop]
	if seg.Padding == 0 && len(p.buf) == 0 && (p.start == p.end || p.end == seg.Start) &&
		(raw || bytes.IndexByte(value, '\\') < 0 && bytes.IndexByte(value, '&') < 0) {
		if p.start == p.end {
			p.start = seg.Start
		}
		p.end = seg.Stop
		return
	}
	b.own(p)
	if seg.Padding != 0 {
		value = seg.Value(b.source)
	}
	if raw {
		p.buf = append(p.buf, value...)
	} else {
		p.buf = appendUnescaped(p.buf, value)
	}
}

func (b *builder) addLiteral(p *pendingText, s string) {
	b.own(p)
	p.buf = append(p.buf, s...)
}

// own turns a slice of the source into bytes to append to.
func (b *builder) own(p *pendingText) {
	p.buf = append(p.buf, b.source[p.start:p.end]...)
	p.start, p.end = 0, 0
}

// flush makes nodes of the pending text. Line breaks in it come from character
// references, and so never from a slice of the source.
func (b *builder) flush(p *pendingText, oneLine bool) {
	if p.empty() {
		return
	}
	s, sliced := b.text[p.start:p.end], true
	if len(p.buf) > 0 {
		s, sliced = string(p.buf), false
	}
	p.start, p.end, p.buf = 0, 0, p.buf[:0]
	if oneLine && !sliced {
		s = strings.ReplaceAll(s, "\n", " ")
	}
	switch {
	case b.hasToken(s):
		b.pushFill(inlineFill{kind: kindText, text: splitTokens(s)})
	case sliced:
		b.pushText(s)
	default:
		for i, line := range strings.Split(s, "\n") {
			if i > 0 {
				b.push(&channel.Break{})
			}
			b.pushText(line)
		}
	}
}

func (b *builder) hasToken(s string) bool {
	return b.tokens && strings.Contains(s, string(tokenStart))
}

// parts splits a text at its tokens.
func (b *builder) parts(s string) []part {
	switch {
	case s == "":
		return nil
	case !b.hasToken(s):
		return []part{{lit: s, ref: -1}}
	default:
		return splitTokens(s)
	}
}

// label is the list of one text.
func (b *builder) label(s string) inlineList {
	if b.hasToken(s) {
		return inlineList{nodes: []inlineNode{{fill: &inlineFill{kind: kindText, text: splitTokens(s)}}}}
	}
	return inlineList{static: []channel.Inline{channel.Text(s)}}
}

func (b *builder) codeSpan(n ast.Node) {
	var buf []byte
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			buf = append(buf, t.Value(b.source)...)
		}
	}
	parts := b.parts(string(breaksToSpaces(buf, 0)))
	if s, ok := literal(parts); ok {
		b.push(channel.CodeSpan(s))
		return
	}
	b.pushFill(inlineFill{kind: kindCodeSpan, text: parts})
}

func (b *builder) styled(kind inlineKind, l inlineList) {
	switch {
	case !l.isStatic():
		b.pushFill(inlineFill{kind: kind, inlines: l})
	case kind == kindStrong:
		b.push(newNode(b, &b.strongs, channel.Strong{Inlines: l.static}))
	default:
		b.push(styled(kind, l.static))
	}
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
func (b *builder) link(url string, label inlineList) {
	if b.hasToken(url) {
		b.direct = false
		b.pushFill(inlineFill{kind: kindLink, url: splitTokens(url), inlines: label})
		return
	}
	address := url
	if b.buf = appendAddress(b.buf[:0], url); string(b.buf) != url {
		address = string(b.buf)
	}
	switch {
	case !linkable(address):
		b.warnings = append(b.warnings, linkRemoved)
		for _, n := range label.static {
			b.push(n)
		}
		b.inlineStack = append(b.inlineStack, label.nodes...)
	case label.isStatic():
		b.push(newNode(b, &b.links, channel.Link{URL: address, Inlines: label.static}))
	default:
		b.pushFill(inlineFill{kind: kindLink, url: []part{{lit: address, ref: -1}}, inlines: label})
	}
}

func (b *builder) image(n *ast.Image) {
	alt := flatten(nil, b.inlines(n, true))
	text, static := literal(alt)
	url := b.parts(string(appendUnescaped(nil, n.Destination)))
	address, ok := literal(url)
	if !ok {
		b.direct = false
		b.pushFill(inlineFill{kind: kindImage, url: url, text: alt})
		return
	}
	var shown *channel.Image
	why := imageRemoved
	if isData(address) {
		shown, why = pictureIn(address)
	} else if address = string(appendAddress(nil, address)); showable(address) {
		shown = &channel.Image{URL: address}
	}
	if shown == nil {
		b.warnings = append(b.warnings, why)
	}
	switch {
	case shown == nil && static:
		b.pushText(text)
	case shown == nil:
		b.pushFill(inlineFill{kind: kindText, text: alt})
	case static:
		shown.Alt = text
		b.push(shown)
	default:
		b.pushFill(inlineFill{kind: kindImage, image: shown, text: alt})
	}
}

// tag handles what tagParser found: a line break, a mention, or text.
func (b *builder) tag(n *ast.RawHTML, parent ast.Node, pending *pendingText, oneLine bool) {
	tag := b.segments(n.Segments)
	if isLineBreak(tag) {
		if oneLine {
			b.addLiteral(pending, " ")
			return
		}
		b.flush(pending, oneLine)
		b.push(&channel.Break{})
		return
	}
	m, ok := parseMention(tag)
	if !ok {
		b.addLiteral(pending, tag)
		return
	}
	b.flush(pending, oneLine)
	if !strings.HasSuffix(tag, "/>") {
		// <at …>name</at> is one mention.
		if name, last := b.mentionName(n); last != nil {
			m.setName(name)
			for next := n.NextSibling(); ; next = n.NextSibling() {
				parent.RemoveChild(parent, next)
				if next == last {
					break
				}
			}
		}
	}
	b.direct = b.direct && m.literal()
	b.inlineStack = append(b.inlineStack, m.node())
}

// mentionName finds "name</at>" after an opening tag; last is the closing tag.
func (b *builder) mentionName(open ast.Node) (name string, last ast.Node) {
	next := open.NextSibling()
	if t, ok := next.(*ast.Text); ok && !t.SoftLineBreak() && !t.HardLineBreak() {
		name = string(appendUnescaped(nil, t.Value(b.source)))
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
