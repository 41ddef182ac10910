package teams

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/jsontext"
)

// Bounds of what stands in every part, and beside it.
const (
	titleBytes    = 300
	entitiesBytes = 4_000
	// maxWarnings bounds what one message keeps in the ledger.
	maxWarnings = 50
)

// Encode writes a message as Adaptive Cards. Sizes are those of the card written
// as a JSON string; the request is bounded too.
func (c *Channel) Encode(msg *channel.Message, to channel.Destination) ([]channel.Payload, error) {
	scratch := c.scratch.Get()
	defer c.scratch.Put(scratch)
	e := encode(msg, to, 1, scratch)
	if !e.visible && !e.layout.Bare(e.title != "", msg.Sections) {
		return nil, fmt.Errorf("teams: encode: %w", channel.ErrNoContent)
	}
	plan := e.layout.Plan()
	if plan.Cut {
		// Finer pieces lose less at the end.
		e = encode(msg, to, 8, scratch)
		plan = e.layout.Plan()
	}
	out := e.payloads(plan)
	if plan.Cut {
		last := &out[len(out)-1]
		last.Warnings = append(last.Warnings, e.uncalled(msg, out)...)
	}
	return out, nil
}

// encoder writes one message. Sizes are bytes of the request and bytes of the
// card as a JSON string.
type encoder struct {
	to       channel.Destination
	columns  bool // column sets in a card 1.2
	layout   fit.Layout
	rule     bool
	textSize int
	divided  channel.Block   // the block of which shares are written
	ruled    []channel.Block // shares under a rule
	room     fit.Size        // for a block
	tables   int
	visible  bool
	warnings []channel.Warning
	title    string
	first    []byte // the destination's mentions
	entities []entity
	size     int             // of all entities
	made     map[string]bool // ids that the message itself mentions
	runs     []run
	buf      []byte // the element being written
}

// entity is a mention as a card declares it.
type entity struct {
	id, text string
	json     []byte
}

func measure(b []byte) fit.Size {
	return fit.Size{len(b), len(b) + bytes.Count(b, quote) + bytes.Count(b, backslash)}
}

var quote, backslash = []byte(`"`), []byte(`\`)

func encode(msg *channel.Message, to channel.Destination, finer int, scratch *fit.Scratch) *encoder {
	scratch.Reset(msg.Sections, 5) // an element takes much more than its text
	e := &encoder{to: to, columns: to.Options[OptionTables] == "columns"}
	title, cut := fit.Clip(strings.TrimSpace(jsontext.Line(msg.Title)), titleBytes)
	if e.title = title; cut {
		e.warn(channel.WarnCut, "the title is longer than a card shows and was cut")
	}
	if retired(to) {
		e.warn(channel.WarnDegraded, "the address is one of an Office 365 connector, which Microsoft has retired; make a workflow instead")
	}
	e.declare(msg, finer > 1)
	e.mention()
	l := &e.layout
	l.Fit, l.Scratch = to.Fit, scratch
	l.Join = e.join
	l.Limit = fit.Size{maxRequest, maxCard}
	l.Sep, l.SepSize = []byte(","), fit.Size{1, 1}
	l.Rest = e.note("…")
	l.RestSize = measure(l.Rest)
	e.buf = make([]byte, 0, 2<<10)
	frame := measure(e.suffix(e.prefix(e.buf, ""), nil))
	l.Frame = frame.Plus(fit.Size{0, 2}).Plus(fit.Size{e.size, 2 * e.size})
	l.Label = measure(e.suffix(e.prefix(e.buf, fit.Label(fit.MaxParts, fit.MaxParts)), nil)).Minus(frame)
	l.First = measure(e.first).Plus(l.SepSize)
	e.room = l.Room(nil)
	for i := range e.room {
		e.room[i] /= finer
	}

	defer l.Close()
	for _, s := range msg.Sections {
		for _, b := range s.Blocks {
			if l.Omitted {
				return e
			}
			e.block(fit.Shallow(b))
		}
	}
	return e
}

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

// add puts an element of a card among the pieces.
func (e *encoder) add(element []byte, size fit.Size, keep bool) {
	p := e.layout.Text()
	if p == nil {
		p = e.layout.Open(fit.Piece{LeadSize: e.layout.SepSize})
	}
	lead := 0
	if len(p.Rows) > 0 {
		p.Buf = append(p.Buf, ',')
		lead = 1
	}
	p.Buf = append(p.Buf, element...)
	size = size.Plus(fit.Size{lead, lead})
	p.Add(size, lead)
	p.Rows[len(p.Rows)-1].Keep = keep
	e.grown(size)
}

func (e *encoder) grown(size fit.Size) {
	if e.textSize += size[0]; e.textSize > e.layout.Capacity()[0] {
		e.layout.Omitted = true
	}
}

// join writes shares of a block as one again.
func (e *encoder) join(shares []channel.Block) ([]byte, fit.Size) {
	w := writer{e: e, rule: slices.Contains(e.ruled, shares[0])}
	w.block(fit.JoinBlocks(shares), 0)
	return w.out, measure(w.out)
}

// whole says that a block cannot be divided further.
const whole = 1 << 30

func (e *encoder) block(b channel.Block) {
	switch b := b.(type) {
	case nil:
	case *channel.Table:
		e.table(b)
	case *channel.Chart:
		e.chart(b)
	case *channel.Rule:
		e.rule = true
	default:
		e.text(b, 0)
	}
}

func (e *encoder) chart(b *channel.Chart) {
	if b.Title != "" {
		e.text(&channel.Heading{Level: 4, Inlines: channel.Literal(b.Title)}, 0)
	}
	switch {
	case b.Image != nil && picture(b.Image.URL):
		e.text(b.Image, 0)
	case b.Table != nil:
		e.warn(channel.WarnDegraded, "a chart is shown as a table, because its picture has no public https address")
		e.table(b.Table)
	case b.Image != nil:
		e.text(b.Image, 0)
	default:
		e.warn(channel.WarnRemoved, "a chart is not shown")
	}
}

// text adds a block of text. A block that no part can hold is divided; most is
// what its shares may weigh, zero for no bound yet.
func (e *encoder) text(b channel.Block, most int) {
	if e.layout.Omitted {
		return
	}
	if most == 0 {
		most = e.room[0]
	}
	weight := fit.Weight(b)
	if weight > most {
		e.divide(b, fit.Grain(b, most))
		return
	}
	rule := e.rule
	w := writer{e: e, rule: rule, out: e.buf[:0]}
	w.block(b, 0)
	e.buf = w.out // add copies it
	size := measure(w.out)
	if !size.Within(&e.room) && most > 64 && most < whole {
		e.divide(b, fit.Grain(b, min(weight*e.room[0]/size[0], weight*e.room[1]/size[1])*7/8))
		return
	}
	if len(w.out) > 0 {
		e.rule = w.rule
		_, heading := b.(*channel.Heading)
		e.add(w.out, size, heading)
		if e.divided != nil {
			e.layout.Share(e.divided, b)
			if rule {
				e.ruled = append(e.ruled, b)
			}
		}
	}
	for _, l := range w.later {
		e.block(l)
	}
}

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

// note is a short text of our own.
func (e *encoder) note(s string) []byte {
	b := make([]byte, 0, 96)
	b = append(b, `{"type":"TextBlock","text":`...)
	b = jsontext.Quote(b, s)
	return append(b, `,"isSubtle":true,"wrap":true}`...)
}

const envelope = `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":`

// prefix writes what stands before the elements of a part.
func (e *encoder) prefix(dst []byte, label string) []byte {
	title := e.title
	if label != "" {
		title = strings.TrimSpace(title + " " + label)
	}
	version := "1.5"
	if e.columns {
		version = "1.2"
	}
	dst = append(dst, envelope...)
	dst = append(dst, `{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"`...)
	dst = append(dst, version...)
	dst = append(dst, `","fallbackText":`...)
	if title == "" {
		dst = append(dst, `"A report that this version of Teams cannot show."`...)
	} else {
		dst = jsontext.Quote(dst, title)
	}
	dst = append(dst, `,"body":[`...)
	if title != "" {
		w := writer{e: e, out: dst}
		e.runs = append(e.runs[:0], run{text: title})
		w.heading(1, e.runs)
		dst = append(w.out, ',')
	}
	return dst
}

// suffix writes what stands after the elements of a part, whose bytes say which
// mentions it makes.
func (e *encoder) suffix(dst, body []byte) []byte {
	dst = append(dst, `],"msteams":{`...)
	at := len(dst)
	if e.to.Options[OptionWidth] != "default" {
		dst = append(dst, `"width":"Full"`...)
	}
	sep := `,"entities":[`
	for _, m := range e.entities {
		if !bytes.Contains(body, []byte(m.text)) {
			continue
		}
		if len(dst) == at {
			sep = sep[1:]
		}
		dst = append(append(dst, sep...), m.json...)
		sep = ","
	}
	if sep == "," {
		dst = append(dst, ']')
	}
	return append(dst, `}}}]}`...)
}

func (e *encoder) payloads(plan fit.Plan) []channel.Payload {
	out := make([]channel.Payload, len(plan.Parts))
	before, after := e.buf, make([]byte, 0, 128) // no element is being written
	for i, part := range plan.Parts {
		label := ""
		if len(plan.Parts) > 1 {
			label = fit.Label(i+1, len(plan.Parts))
		}
		before = e.prefix(before[:0], label)
		from := len(before)
		if i == 0 && len(e.first) > 0 {
			before = append(append(before, e.first...), ',')
		}
		var shown []byte // what may mention someone
		if len(e.entities) > 0 {
			shown, _ = e.layout.Body(before[from:], part, nil)
		}
		if len(part.Segments) == 0 && !part.Rest {
			before = bytes.TrimSuffix(before, []byte(","))
		}
		after = e.suffix(after[:0], shown)
		body, size := e.layout.Body(before, part, after)
		p := channel.Payload{Part: i + 1, Parts: len(plan.Parts), Type: "message", Body: body, Warnings: part.Warnings}
		around := measure(before[len(envelope):]).Plus(measure(after[:len(after)-len("}]}")]))
		p.Size = around.Plus(size)[1] + len(`""`)
		if i == 0 {
			p.Warnings = append(e.warnings, part.Warnings...)
		}
		out[i] = p
	}
	return out
}
