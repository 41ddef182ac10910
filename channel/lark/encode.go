package lark

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/jsontext"
)

// signRoom is what signing adds to a request's body.
const signRoom = len(`"timestamp":"1599360473","sign":"",`) + 44

// titleBytes bounds the title, which stands in each part's header and in the
// first line of the chat list.
const titleBytes = 300

// maxWarnings bounds what one message keeps in the ledger.
const maxWarnings = 50

// Encode writes a message as interactive cards. Sizes are bytes of a signed
// request, whether or not the destination signs.
func (c *Channel) Encode(msg *channel.Message, to channel.Destination) ([]channel.Payload, error) {
	scratch := c.scratch.Get()
	defer c.scratch.Put(scratch)
	how := form{rows: tables(msg), native: c.o.Tables * fit.Parts(to.Fit)}
	e := c.encode(msg, to, how, scratch)
	if !e.visible {
		if !e.layout.Bare(e.title != "", msg.Sections) {
			return nil, fmt.Errorf("lark: encode: %w", channel.ErrNoContent)
		}
		// Whether Lark takes a body without elements is not documented.
		e.text(&channel.Paragraph{Inlines: []channel.Inline{channel.Text("–")}}, 0)
		e.layout.Close()
	}
	plan := e.layout.Plan()
	for min(how.native, len(how.rows)) > c.o.Tables && e.tight(plan) {
		how.native = min(how.native, len(how.rows)) - 1
		how.native -= how.native % c.o.Tables
		e = c.encode(msg, to, how, scratch)
		plan = e.layout.Plan()
	}
	if plan.Cut {
		// Finer pieces lose less at the end.
		how.finer = 8
		e = c.encode(msg, to, how, scratch)
		plan = e.layout.Plan()
	}
	if plan.Cut {
		last := &plan.Parts[len(plan.Parts)-1]
		last.Warnings = append(last.Warnings, e.uncalled(msg, plan)...)
	}
	return e.payloads(plan), nil
}

// form is how a message is written.
type form struct {
	rows   []int // of each table
	native int   // how many of them may be table components
	finer  int   // how many times finer than usual the pieces of text are, zero for once
}

// encoder writes one message. Sizes are bytes, components and tables.
type encoder struct {
	c        *Channel
	v2       bool
	to       channel.Destination
	ids      map[string]string // of the message's mentions, by e-mail address
	notes    []channel.Warning // of the message
	uploaded bool              // uploading was tried
	layout   fit.Layout
	w        writer
	textSize int
	divided  channel.Block // the block of which shares are written
	fresh    fit.Piece     // a text component without text
	room     int           // what a block may measure
	tables   int           // written so far
	lists    []bool        // which tables are lists, nil when none is
	visible  bool
	warnings []channel.Warning
	title    string
	keyword  string
	mentions []byte
}

func (c *Channel) encode(msg *channel.Message, to channel.Destination, how form, scratch *fit.Scratch) *encoder {
	scratch.Reset(msg.Sections, 1)
	e := &encoder{c: c, to: to, v2: to.Options[OptionCard] != "1.0", notes: msg.Warnings}
	e.w = writer{e: e, v2: e.v2}
	e.lookup(msg)
	sections := msg.Sections[ownSections(msg, to):]
	for _, w := range msg.Warnings {
		if strings.HasPrefix(w.Text, notUploaded) {
			e.warn(w.Code, w.Text)
			e.uploaded = true
		}
	}
	title, cut := fit.Clip(strings.TrimSpace(jsontext.Line(msg.Title)), titleBytes)
	if e.title = title; cut {
		e.warn(channel.WarnCut, "the title is longer than a card shows and was cut")
	}
	if k := strings.TrimSpace(jsontext.Line(to.Options[OptionKeyword])); k != "" && !strings.Contains(title, k) {
		e.keyword = k
	}
	e.first(sections, how.finer > 0)
	e.degrade(how)
	e.layout.Fit, e.layout.Scratch = to.Fit, scratch
	e.layout.Join = e.join
	e.layout.Limit = fit.Size{maxBytes, maxComps, c.o.Tables}
	e.layout.Sep, e.layout.SepSize = []byte(","), fit.Size{1}
	e.layout.Rest = e.element("…")
	e.layout.RestSize = component(len(e.layout.Rest))
	buf := make([]byte, 0, 512)
	plain := len(e.prefix(buf, ""))
	e.layout.Label = component(len(e.prefix(buf, fit.Label(fit.MaxParts, fit.MaxParts))) - plain)
	e.layout.First = component(len(e.mentions) + 1)
	// Header, its text and the keyword are components too.
	e.layout.Frame = fit.Size{plain + len(e.suffix(nil)) + signRoom, 3}

	e.fresh = fit.Piece{
		Head: []byte(textHead), HeadSize: component(len(textHead)),
		Tail: []byte(textTail), TailSize: fit.Size{len(textTail)},
		LeadSize: fit.Size{len(`\n\n`)},
	}
	e.room = e.layout.Room(&e.fresh)[0] / max(how.finer, 1)

	defer e.layout.Close()
	for _, s := range sections {
		e.layout.Close()
		for _, b := range s.Blocks {
			if e.layout.Omitted {
				return e
			}
			e.block(fit.Shallow(b))
		}
	}
	return e
}

func component(n int) fit.Size { return fit.Size{n, 1} }

func (e *encoder) warn(code channel.WarningCode, text string) {
	w := channel.Warning{Code: code, Text: text}
	if len(e.warnings) > maxWarnings || slices.Contains(e.warnings, w) {
		return
	}
	if len(e.warnings) == maxWarnings {
		w.Text = "there are more warnings than are listed"
	}
	e.warnings = append(e.warnings, w)
}

// lookup collects the ids that Prepare found.
func (e *encoder) lookup(msg *channel.Message) {
	for _, m := range fit.Mentions(msg.Sections) {
		if m.Email != "" && m.ID != "" {
			if e.ids == nil {
				e.ids = make(map[string]string)
			}
			e.ids[m.Email] = m.ID
		}
	}
}

// at is the markup of a mention, or empty with a warning.
func (e *encoder) at(m channel.Mention) string {
	id := m.ID
	if id == "" {
		id = e.ids[m.Email]
	}
	switch {
	case m.All:
		return "<at id=all></at>"
	case plainID(id) && id != "all":
		return "<at id=" + id + "></at>"
	case m.Email != "":
		if w := unfound(m); e.c.o.Lookup == nil || slices.Contains(e.notes, w) {
			e.warn(w.Code, w.Text)
		} else {
			e.warn(channel.WarnDegraded, clip(m.Label(), 100)+" is looked up when the message is sent; here the address stands as text")
		}
	default:
		e.warn(channel.WarnUnresolved, clip(m.Label(), 100)+" is not mentioned: a Lark bot mentions by open_id or user_id only")
	}
	return ""
}

// warnPicture warns about a picture without a key. Where it will be uploaded
// before it is sent, this is a preview.
func (e *encoder) warnPicture(i *channel.Image, code channel.WarningCode, text string) {
	if !e.uploaded && (e.c.o.Upload != nil || len(i.Data) > 0 && e.to.Options[OptionApp] != "") {
		code, text = channel.WarnDegraded, "a picture is uploaded to Lark when the message is sent; here its link, its description or its chart's numbers stand in its place"
	}
	e.warn(code, text)
}

// first writes the destination's mentions that the message does not make
// itself, or all of them where it is cut.
func (e *encoder) first(sections []channel.Section, cut bool) {
	seen := make(map[string]bool)
	if len(e.to.Mentions) > 0 && !cut {
		for _, m := range fit.Mentions(sections) {
			if at := e.quiet(m); at != "" {
				seen[at] = true
			}
		}
	}
	var out []byte
	e.w.reset()
	for _, m := range e.to.Mentions {
		at := e.at(m)
		if at != "" && seen[at] {
			continue
		}
		if len(e.w.out) > 0 {
			e.w.markup(" ")
		}
		if at == "" {
			e.w.text(clip(m.Label(), 100))
			continue
		}
		seen[at] = true
		if len(e.w.out) > 4000 {
			e.warn(channel.WarnCut, "the destination has more mentions than fit")
			break
		}
		e.w.markup(at)
	}
	e.visible = false // a mention alone is no message
	if len(e.w.out) > 0 {
		out = e.element(string(e.w.out))
	}
	e.mentions = out
}

func clip(s string, n int) string { s, _ = fit.Clip(s, n); return s }

// uncalled warns about people whose mention is in none of the parts.
func (e *encoder) uncalled(msg *channel.Message, plan fit.Plan) []channel.Warning {
	called := make(map[string]bool)
	note := func(markdown []byte) {
		for {
			_, at, more := bytes.Cut(markdown, []byte("<at "))
			if !more {
				return
			}
			at, markdown, _ = bytes.Cut(at, []byte("</at>"))
			called["<at "+string(at)+"</at>"] = true
		}
	}
	note(e.mentions)
	for i := range plan.Parts {
		for _, s := range plan.Parts[i].Segments {
			// Elsewhere than in Markdown a value may read like a mention.
			if p := &e.layout.Pieces[s.Piece]; string(p.Head) == textHead && s.From < s.To {
				note(p.Bytes(s.From, s.To))
			}
		}
	}
	return fit.Uncalled(msg.Sections, func(m channel.Mention) bool {
		at := e.quiet(m)
		return at == "" || called[at] // what cannot call anybody has its own warning
	})
}

// quiet is at without warnings.
func (e *encoder) quiet(m channel.Mention) string {
	w := e.warnings
	at := e.at(m)
	e.warnings = w
	return at
}

// element is a text component that holds Markdown.
func (e *encoder) element(markdown string) []byte {
	b := append([]byte(nil), textHead...)
	b = jsontext.Append(b, markdown)
	return append(b, textTail...)
}

const (
	textHead = `{"tag":"markdown","content":"`
	textTail = `"}`
)

// block adds a block to the pieces.
func (e *encoder) block(b channel.Block) {
	switch b := b.(type) {
	case nil:
	case *channel.Table:
		e.table(b)
	case *channel.Chart:
		e.chart(b)
	case *channel.Image:
		if key := imageKey(b.Key); key != "" {
			e.image(key, b.Alt)
			return
		}
		e.text(b, 0)
	default:
		e.text(b, 0)
	}
}

func (e *encoder) image(key, alt string) {
	e.visible = true
	p := fit.Piece{Buf: []byte(`{"tag":"img","img_key":"` + key + `","alt":{"tag":"plain_text","content":"`)}
	p.Buf = jsontext.AppendLine(p.Buf, clip(alt, 500))
	p.Buf = append(p.Buf, `"}}`...)
	p.Add(fit.Size{len(p.Buf), 2}, 0)
	e.add(p)
}

func (e *encoder) chart(b *channel.Chart) {
	if b.Title != "" {
		e.text(&channel.Paragraph{Inlines: []channel.Inline{&channel.Strong{Inlines: channel.Literal(b.Title)}}}, 0)
		e.keep()
	}
	switch {
	case b.Image != nil && imageKey(b.Image.Key) != "":
		e.image(imageKey(b.Image.Key), b.Image.Alt)
	case b.Table != nil:
		const why = "a chart is shown as a table, because its picture was not uploaded to Lark"
		if b.Image != nil {
			e.warnPicture(b.Image, channel.WarnDegraded, why)
		} else {
			e.warn(channel.WarnDegraded, why)
		}
		e.table(b.Table)
	case b.Image != nil:
		e.text(b.Image, 0)
	default:
		e.warn(channel.WarnRemoved, "a chart is not shown")
	}
}

func (e *encoder) add(p fit.Piece) {
	e.layout.Close()
	e.layout.Pieces = append(e.layout.Pieces, p)
}

// keep binds the last row to what follows.
func (e *encoder) keep() {
	if p := e.layout.Text(); p != nil && len(p.Rows) > 0 {
		p.Rows[len(p.Rows)-1].Keep = true
	}
}

// text adds a block of text to the text component being written. A block that
// no part can hold is divided; most is what its shares may weigh, zero for no
// bound yet.
func (e *encoder) text(b channel.Block, most int) {
	if e.layout.Omitted {
		return
	}
	if most == 0 {
		most = e.room
	}
	weight := fit.Weight(b)
	if weight > most {
		e.divide(b, fit.Grain(b, most))
		return
	}
	e.w.reset()
	e.w.block(b)
	later := e.w.later
	if len(e.w.out) > 0 {
		p := e.layout.Text()
		if p == nil {
			p = e.layout.Open(e.fresh)
		}
		at := len(p.Buf)
		lead := 0
		if len(p.Rows) > 0 {
			p.Buf = append(p.Buf, `\n\n`...)
			lead = 4
		}
		p.Buf = jsontext.AppendText(p.Buf, e.w.out)
		size := len(p.Buf) - at
		if size > e.room && most > 64 && most < whole {
			p.Buf = p.Buf[:at]
			e.divide(b, fit.Grain(b, weight*e.room/size*7/8))
			return
		}
		p.Add(fit.Size{size}, lead)
		if e.divided != nil {
			e.layout.Share(e.divided, b)
		}
		if _, heading := b.(*channel.Heading); heading {
			p.Rows[len(p.Rows)-1].Keep = true
		}
		if e.textSize += size; e.textSize > e.layout.Capacity()[0] {
			e.layout.Omitted = true
		}
	}
	for _, l := range later {
		e.block(l)
	}
}

// join writes shares of a block as one again.
func (e *encoder) join(shares []channel.Block) ([]byte, fit.Size) {
	e.w.reset()
	e.w.block(fit.JoinBlocks(shares))
	out := jsontext.AppendText(nil, e.w.out)
	return out, fit.Size{len(out)}
}

// whole says that a block cannot be divided further.
const whole = 1 << 30

func (e *encoder) divide(b channel.Block, most int) {
	most = max(most, 64)
	if e.divided == nil {
		e.divided = b
		defer func() { e.divided = nil }()
	}
	parts := fit.Chop(b, most)
	for _, p := range parts {
		if e.layout.Omitted {
			return
		}
		if len(parts) == 1 || fit.Weight(p) > most {
			most = whole
		}
		e.text(p, most)
	}
}

// prefix writes what stands before the elements of a part.
func (e *encoder) prefix(dst []byte, label string) []byte {
	title := e.title
	if title != "" && label != "" {
		title += " " + label
	}
	dst = append(dst, `{"msg_type":"interactive","card":{`...)
	if e.v2 {
		dst = append(dst, `"schema":"2.0","config":{"width_mode":"fill"`...)
		if e.title != "" {
			dst = append(dst, `,"summary":{"content":`...)
			dst = append(jsontext.Quote(dst, title), '}')
		}
	} else {
		dst = append(dst, `"config":{"wide_screen_mode":true`...)
	}
	dst = append(dst, '}')
	if e.title != "" {
		dst = append(dst, `,"header":{"title":{"tag":"plain_text","content":`...)
		dst = jsontext.Quote(dst, title)
		dst = append(dst, `},"template":"blue"}`...)
	}
	if e.v2 {
		dst = append(dst, `,"body":{"elements":[`...)
	} else {
		dst = append(dst, `,"elements":[`...)
	}
	if e.title == "" && label != "" {
		dst = append(dst, e.element(label)...)
		dst = append(dst, ',')
	}
	return dst
}

// suffix writes what stands after the elements of a part.
func (e *encoder) suffix(dst []byte) []byte {
	if e.keyword != "" {
		text, _ := appendText(nil, e.keyword, false, nil, false)
		dst = append(dst, ',')
		dst = append(dst, e.element("<font color='grey'>"+string(text)+"</font>")...)
	}
	dst = append(dst, ']')
	if e.v2 {
		dst = append(dst, '}')
	}
	return append(dst, `}}`...)
}

func (e *encoder) payloads(plan fit.Plan) []channel.Payload {
	out := make([]channel.Payload, len(plan.Parts))
	before, after := make([]byte, 0, 512), e.suffix(nil)
	for i, part := range plan.Parts {
		label := ""
		if len(plan.Parts) > 1 {
			label = fit.Label(i+1, len(plan.Parts))
		}
		before = e.prefix(before[:0], label)
		if i == 0 && len(e.mentions) > 0 {
			before = append(before, e.mentions...)
			if len(part.Segments) > 0 {
				before = append(before, ',')
			}
		}
		body, _ := e.layout.Body(before, part, after)
		p := channel.Payload{Part: i + 1, Parts: len(plan.Parts), Type: "interactive", Body: body, Size: len(body) + signRoom, Warnings: part.Warnings}
		if i == 0 {
			p.Warnings = append(e.warnings, part.Warnings...)
		}
		out[i] = p
	}
	return out
}
