package render

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/source"
)

// MaxTitle is the number of characters a title may have.
const MaxTitle = 4096

// Options are what a host may change about the default renderer. The zero value
// and nil are fine.
type Options struct {
	// Drawer makes the pictures of charts. Nil: charts are tables, with a
	// warning.
	Drawer Drawer
	// Lenient shows a reference to an unknown name as it was typed, and one to
	// a row or column that does not exist as nothing, each with a warning.
	// Otherwise they are errors.
	Lenient bool
}

// TemplateRenderer is the default [Renderer] and a [Checker]. It keeps the
// parsed form of recent texts. Its methods may be called by several goroutines
// at once. Make one with [Default].
type TemplateRenderer struct {
	opts  Options
	cache cache
	// runs are *run, for their buffers. The runtime holds on to a pool for a
	// while, and would to the whole renderer if it were a part of it.
	runs *sync.Pool
}

var (
	_ Renderer = (*TemplateRenderer)(nil)
	_ Checker  = (*TemplateRenderer)(nil)
)

// Default makes the renderer that this package documents. Nil options are the
// zero ones.
func Default(o *Options) *TemplateRenderer {
	t := &TemplateRenderer{runs: new(sync.Pool)}
	if o != nil {
		t.opts = *o
	}
	return t
}

// Render makes a message, with one section per block other than the mail body;
// a section whose values are all empty has no blocks, and a mail body of such
// values is empty but not nil. The error joins one
// *[Error] per mistake, or is ctx's. Data is not changed and not kept. Messages
// of the same content share the nodes that no value is in.
func (t *TemplateRenderer) Render(ctx context.Context, c Content, d Data) (*channel.Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, _ := t.runs.Get().(*run)
	if r == nil {
		r = new(run)
	}
	r.renderer, r.results, r.inputs = t, d.Results, d.Inputs
	defer t.release(r)
	msg := &channel.Message{ID: d.ID, At: d.At, Title: r.title(c.Title)}
	r.warnTruncated()
	emails := 0
	for i, b := range c.Blocks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.block = i + 1
		if !checkBlock(&r.place, b) {
			continue
		}
		switch {
		case b.Markdown != nil:
			msg.Sections = append(msg.Sections, r.markdown(b.Markdown))
		case b.Table != nil:
			if table := r.table(b.Table); table != nil {
				msg.Sections = append(msg.Sections, channel.Section{Blocks: []channel.Block{table}})
			}
		case b.Chart != nil:
			chart, err := r.chart(ctx, b.Chart)
			if err != nil {
				return nil, err
			}
			if chart != nil {
				msg.Sections = append(msg.Sections, channel.Section{Blocks: []channel.Block{chart}})
			}
		case b.Email != nil:
			if emails++; emails > 1 {
				r.at("email", secondEmail)
				continue
			}
			doc := r.document("email.text", b.Email.Text)
			if msg.Email = r.fill(doc, b.Email.Rows); msg.Email == nil {
				msg.Email = []channel.Block{}
			}
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	msg.Warnings = r.warnings
	return msg, nil
}

// release keeps a run's buffers for the next one, unless they are large.
func (t *TemplateRenderer) release(r *run) {
	clear(r.spots[:cap(r.spots)]) // they refer to results
	if cap(r.buf)+cap(r.temp) > maxKept {
		r.buf, r.temp = nil, nil
	}
	*r = run{spots: r.spots[:0], buf: r.buf[:0], temp: r.temp[:0]}
	t.runs.Put(r)
}

// maxKept is how many bytes of buffers a run keeps.
const maxKept = 1 << 16

// run is the state of one Render.
type run struct {
	place
	renderer *TemplateRenderer
	results  []*source.Result
	inputs   map[string]string
	warnings []channel.Warning

	// What the references of the text at hand stand for, how rows show, and the
	// row that Repeat is at.
	spots []spot
	rows  Rows
	row   int

	buf  []byte // text under construction
	temp []byte // a value on its way into an address
}

// Warnings that need no data.
var (
	linkRemoved    = channel.Warning{Code: channel.WarnRemoved, Text: "A link is shown as text, because its address does not start with http://, https:// or mailto:."}
	imageRemoved   = channel.Warning{Code: channel.WarnRemoved, Text: "An image is shown as text, because its address does not start with http:// or https://."}
	imageNoPicture = channel.Warning{Code: channel.WarnRemoved, Text: "An image is shown as text, because its data: address holds no PNG, JPEG, GIF or WebP in base64."}
	imageTooLarge  = channel.Warning{Code: channel.WarnRemoved, Text: "An image is shown as text, because its data: address holds more than 2 MB."}
	mentionInCell  = channel.Warning{Code: channel.WarnDegraded, Text: "A mention in a table cell is shown as text and calls nobody."}
	imageInCell    = channel.Warning{Code: channel.WarnDegraded, Text: "An image in a table cell is shown as its description."}
	styleInCell    = channel.Warning{Code: channel.WarnDegraded, Text: "Bold, italic and struck text and code in a table cell are shown as plain text."}
)

func (r *run) warn(code channel.WarningCode, format string, args ...any) {
	r.addWarning(channel.Warning{Code: code, Text: fmt.Sprintf(format, args...)})
}

// addWarning adds a warning once.
func (r *run) addWarning(w channel.Warning) {
	for _, old := range r.warnings {
		if old == w {
			return
		}
	}
	r.warnings = append(r.warnings, w)
}

func (r *run) warnTruncated() {
	for i, res := range r.results {
		if res != nil && res.Truncated {
			r.warn(channel.WarnData, "Result %d has more rows than were read; only the first %d are used.", i+1, len(res.Rows))
		}
	}
}

// spot is what a reference stands for: a column of a result, or fixed text.
type spot struct {
	result *source.Result // nil: text
	col    int
	row    int // -1: as Rows says
	date   bool
	text   string
}

// find looks a name up: outputs first, then inputs.
func (r *run) find(name string) (spot, bool) {
	for _, res := range r.results {
		if res == nil {
			continue
		}
		for i := range res.Columns {
			if c := &res.Columns[i]; c.Name == name || len(c.Name) == len(name) && strings.EqualFold(c.Name, name) {
				return spot{result: res, col: i, row: -1, date: isDate(c.Type)}, true
			}
		}
	}
	for _, res := range r.results {
		if res == nil {
			continue
		}
		for i := range res.Columns {
			if c := &res.Columns[i]; strings.EqualFold(c.Name, name) {
				return spot{result: res, col: i, row: -1, date: isDate(c.Type)}, true
			}
		}
	}
	if v, ok := r.inputs[name]; ok {
		return spot{row: -1, text: v}, true
	}
	best := ""
	for k := range r.inputs {
		// Of several spellings the first in order, so that every run agrees.
		if strings.EqualFold(k, name) && (best == "" || k < best) {
			best = k
		}
	}
	if best != "" {
		return spot{row: -1, text: r.inputs[best]}, true
	}
	return spot{}, false
}

// resolve finds what the references of a text stand for, and reports the
// mistakes of the text.
func (r *run) resolve(field string, t *template) {
	r.spots = r.spots[:0]
	bad := t.bad
	for i := range t.refs {
		ref := &t.refs[i]
		bad = r.mistakes(field, t, bad, ref.offset)
		s, wrong := r.spot(ref)
		if wrong != "" {
			if r.renderer.opts.Lenient {
				r.warn(channel.WarnUnresolved, "%s.", wrong)
			} else {
				r.in(field, t.src, ref.offset, wrong)
			}
		}
		r.spots = append(r.spots, s)
	}
	r.mistakes(field, t, bad, len(t.src))
}

func (r *run) spot(ref *ref) (s spot, wrong string) {
	if ref.input > 0 {
		if ref.input > len(r.results) || r.results[ref.input-1] == nil {
			return s, fmt.Sprintf("%s: there are %d results", ref.typed, len(r.results))
		}
		s.result, s.row, s.col = r.results[ref.input-1], ref.row, ref.col
		if s.col >= len(s.result.Columns) {
			return spot{}, fmt.Sprintf("%s is out of range: result %d has %d columns, counted from 0", ref.typed, ref.input, len(s.result.Columns))
		}
		s.date = isDate(s.result.Columns[s.col].Type)
		if s.row >= len(s.result.Rows) {
			return spot{}, fmt.Sprintf("%s is out of range: result %d has %d rows, counted from 0", ref.typed, ref.input, len(s.result.Rows))
		}
		return s, ""
	}
	s, ok := r.find(ref.name)
	if !ok {
		return spot{text: ref.typed}, unknownName(ref.typed, ref.name)
	}
	if ref.row < 0 {
		return s, ""
	}
	if s.result == nil {
		return spot{}, indexedInput(ref)
	}
	if s.row = ref.row; s.row >= len(s.result.Rows) {
		return spot{}, fmt.Sprintf("%s is out of range: there are %d rows, counted from 0", ref.typed, len(s.result.Rows))
	}
	return s, ""
}

func unknownName(shown, name string) string {
	if looksScheduled(name) {
		return shown + ": no parameter or output has this name; " + scheduledHint
	}
	return shown + ": no parameter or output has this name; add the parameter or select a column of that name"
}

func indexedInput(ref *ref) string {
	return ref.typed + ": " + ref.name + " is a parameter and has no rows; leave the index out"
}

// append writes what a reference stands for, cleaned.
func (r *run) append(dst []byte, ref int) []byte {
	s := &r.spots[ref]
	from := len(dst)
	switch {
	case s.result == nil:
		dst = append(dst, s.text...)
	case s.row >= 0:
		dst = s.appendRow(dst, s.row)
	case r.rows == Join:
		for i := range s.result.Rows {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = s.appendRow(dst, i)
		}
	case r.rows == Repeat:
		dst = s.appendRow(dst, r.row)
	default:
		dst = s.appendRow(dst, 0)
	}
	return clean(dst, from)
}

func (s *spot) appendRow(dst []byte, row int) []byte {
	if row >= len(s.result.Rows) {
		return dst
	}
	cells := s.result.Rows[row]
	if s.col >= len(cells) {
		return dst
	}
	dst, _ = appendValue(dst, cells[s.col], s.date)
	return dst
}

// appendParts writes literal text and values on one line.
func (r *run) appendParts(dst []byte, parts []part) []byte {
	for _, p := range parts {
		if p.ref < 0 {
			dst = append(dst, p.lit...)
			continue
		}
		from := len(dst)
		dst = r.append(dst, p.ref)
		dst = breaksToSpaces(dst, from)
	}
	return dst
}

func breaksToSpaces(dst []byte, from int) []byte {
	for i := from; i < len(dst); i++ {
		if dst[i] == '\n' {
			dst[i] = ' '
		}
	}
	return dst
}

func (r *run) title(src string) string {
	r.rows = First
	s := r.line("title", src)
	if len(s) > MaxTitle && utf8.RuneCountInString(s) > MaxTitle {
		r.warn(channel.WarnCut, "The title is longer than %d characters and is cut.", MaxTitle)
		n := 0
		for i := range s {
			if n == MaxTitle-1 {
				return s[:i] + "…"
			}
			n++
		}
	}
	return s
}

// line fills a text that is no Markdown, stands on one line and is shown. In it
// the author's names of emoji are emoji.
func (r *run) line(field, src string) string {
	if src == "" {
		return ""
	}
	t := r.renderer.cache.template(src)
	return r.fillLine(field, t, t.shown)
}

// compared is line for a text that values are compared with.
func (r *run) compared(field, src string) string {
	if src == "" {
		return ""
	}
	t := r.renderer.cache.template(src)
	return r.fillLine(field, t, t.parts)
}

func (r *run) fillLine(field string, t *template, parts []part) string {
	if len(parts) == 1 && parts[0].ref < 0 && len(t.bad) == 0 && t.plain {
		return parts[0].lit
	}
	r.resolve(field, t)
	r.buf = r.appendParts(r.buf[:0], parts)
	if !t.plain {
		r.buf = oneLine(r.buf, 0)
	}
	return string(r.buf)
}

// document is the parsed form of a Markdown text, its references resolved.
func (r *run) document(field, src string) *document {
	d := r.renderer.cache.document(src)
	r.resolve(field, d.template)
	for _, w := range d.warnings {
		r.addWarning(w)
	}
	return d
}

func (r *run) markdown(b *MarkdownBlock) channel.Section {
	d := r.document("markdown.text", b.Text)
	blocks := r.fill(d, b.Rows)
	return channel.Section{Markdown: r.source(d, blocks), Blocks: blocks}
}

// cache keeps parsed texts by their source. When it is full it starts anew:
// parsing again costs little, and what is in use comes back at once.
type cache struct {
	mu        sync.RWMutex
	templates map[string]*template
	documents map[string]*document
	size      int
}

// maxCached is how many bytes of text a renderer remembers.
const maxCached = 1 << 20

func (c *cache) template(src string) *template {
	c.mu.RLock()
	t := c.templates[src]
	c.mu.RUnlock()
	if t != nil {
		return t
	}
	t = parseTemplate(src)
	t.shown = withEmoji(t.parts)
	if c.room(src) {
		c.templates[src] = t
		c.mu.Unlock()
	}
	return t
}

func (c *cache) document(src string) *document {
	c.mu.RLock()
	d := c.documents[src]
	c.mu.RUnlock()
	if d != nil {
		return d
	}
	d = parseDocument(src)
	if c.room(src) {
		c.documents[src] = d
		c.mu.Unlock()
	}
	return d
}

// room makes room for one more text and leaves the lock held, or reports that
// the text is too long to keep.
func (c *cache) room(src string) bool {
	if len(src) > maxCached/4 {
		return false
	}
	c.mu.Lock()
	if c.size += len(src) + 64; c.size > maxCached || c.templates == nil {
		c.templates = make(map[string]*template)
		c.documents = make(map[string]*document)
		c.size = len(src) + 64
	}
	return true
}
