package lark

import (
	"context"
	"errors"
	"slices"

	"github.com/datapush-go/datapush/channel"
)

// notUploaded begins the warnings with which Prepare says why a picture has no
// key. Encode repeats them in its payloads. By them, and by the words of unfound,
// it knows that Prepare has tried: a preview comes without.
const notUploaded = "a picture was not uploaded to Lark: "

// unfound warns about an e-mail address that nobody was found for.
func unfound(m channel.Mention) channel.Warning {
	return channel.Warning{Code: channel.WarnUnresolved, Text: clip(m.Label(), 100) +
		" is not mentioned: a Lark bot mentions by open_id or user_id, and none was found for the e-mail address"}
}

// Prepare looks up the e-mail addresses of mentions that have no id with
// Options.Lookup, and uploads pictures that have no key: with Options.Upload, or
// by the destination's app those that come as bytes. What it finds for the
// destination's own mentions stands in a section of its own before all others,
// which Encode reads and does not show.
// Where there is nothing to do it returns msg itself. It fails only when ctx
// ends: somebody who is not found is a warning, and so is a picture that cannot
// be uploaded; its description or its chart's numbers are sent in its place.
func (c *Channel) Prepare(ctx context.Context, msg *channel.Message, to channel.Destination) (*channel.Message, error) {
	r := resolver{ctx: ctx, o: &c.o, ids: map[string]string{}}
	if c.o.Upload == nil {
		r.app = c.app(to)
	}
	if c.o.Lookup == nil && c.o.Upload == nil && r.app == nil {
		return msg, nil
	}
	out := *msg
	out.Sections = make([]channel.Section, len(msg.Sections))
	for i, s := range msg.Sections {
		s.Blocks = r.blocks(s.Blocks)
		out.Sections[i] = s
	}
	var own []channel.Inline
	for _, m := range to.Mentions {
		if id := r.id(m); id != "" {
			m.ID = id
			own = append(own, &m)
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !r.found && len(r.notes) == 0:
		return msg, nil
	}
	out.Warnings = slices.Concat(msg.Warnings, r.notes)
	if len(own) > 0 {
		out.Sections = slices.Insert(out.Sections, 0, channel.Section{Blocks: []channel.Block{&channel.Paragraph{Inlines: own}}})
	}
	return &out, nil
}

// ownSections counts the sections in which Prepare handed over the ids of the
// destination's own mentions. Text of an author that mentions just these people
// would call them in the same place.
func ownSections(msg *channel.Message, to channel.Destination) int {
	if len(msg.Sections) == 0 || msg.Sections[0].Markdown != "" || len(msg.Sections[0].Blocks) != 1 {
		return 0
	}
	p, ok := msg.Sections[0].Blocks[0].(*channel.Paragraph)
	if !ok || len(p.Inlines) == 0 {
		return 0
	}
	for _, i := range p.Inlines {
		m, ok := i.(*channel.Mention)
		if !ok || m.ID == "" || m.Email == "" ||
			!slices.ContainsFunc(to.Mentions, func(own channel.Mention) bool { return own.Email == m.Email }) {
			return 0
		}
	}
	return 1
}

// resolver copies blocks with what a host's hooks find.
type resolver struct {
	ctx   context.Context
	o     *Options
	app   *app              // nil: only Options.Upload uploads
	ids   map[string]string // by e-mail address; empty where nobody was found
	found bool
	notes []channel.Warning
	down  bool // the app cannot upload now, whatever the picture
}

// id is the id that was found for a mention without one, else empty.
func (r *resolver) id(m channel.Mention) string {
	if r.o.Lookup == nil || m.All || m.ID != "" || m.Email == "" || r.ctx.Err() != nil {
		return ""
	}
	id, done := r.ids[m.Email]
	if !done {
		var err error
		if id, err = r.o.Lookup(r.ctx, m.Email); err != nil || !plainID(id) {
			id = ""
			r.note(unfound(m))
		}
		r.ids[m.Email] = id
		r.found = r.found || id != ""
	}
	return id
}

func (r *resolver) image(i *channel.Image) *channel.Image {
	if i == nil || i.Key != "" || r.ctx.Err() != nil {
		return i
	}
	key := ""
	switch {
	case r.o.Upload != nil:
		var err error
		if key, err = r.o.Upload(r.ctx, i); err != nil || imageKey(key) == "" {
			// The hook's error may hold anything.
			r.note(channel.Warning{Code: channel.WarnUnresolved, Text: notUploaded + "the host gave no image key"})
			return i
		}
	case r.app != nil && len(i.Data) > 0 && !r.down:
		key = r.byApp(i)
	}
	if imageKey(key) == "" {
		return i
	}
	r.found = true
	uploaded := *i
	uploaded.Key = key
	return &uploaded
}

// byApp uploads with the destination's app. It is empty when that failed.
func (r *resolver) byApp(i *channel.Image) string {
	key, err := r.app.upload(r.ctx, i)
	if err == nil || r.ctx.Err() != nil {
		return key
	}
	var own pictureError
	r.down = !errors.As(err, &own)
	r.note(channel.Warning{Code: channel.WarnUnresolved, Text: notUploaded + reason(err)})
	return ""
}

func (r *resolver) note(w channel.Warning) {
	if !slices.Contains(r.notes, w) {
		r.notes = append(r.notes, w)
	}
}

func (r *resolver) blocks(bs []channel.Block) []channel.Block {
	out := make([]channel.Block, len(bs))
	for i, b := range bs {
		switch b := b.(type) {
		case *channel.Heading:
			out[i] = &channel.Heading{Level: b.Level, Inlines: r.inlines(b.Inlines)}
		case *channel.Paragraph:
			out[i] = &channel.Paragraph{Inlines: r.inlines(b.Inlines)}
		case *channel.Quote:
			out[i] = &channel.Quote{Blocks: r.blocks(b.Blocks)}
		case *channel.List:
			l := &channel.List{Start: b.Start, Items: make([]channel.Item, len(b.Items))}
			for j, it := range b.Items {
				l.Items[j] = channel.Item{Task: it.Task, Blocks: r.blocks(it.Blocks)}
			}
			out[i] = l
		case *channel.Image:
			out[i] = r.image(b)
		case *channel.Chart:
			out[i] = &channel.Chart{Title: b.Title, Image: r.image(b.Image), Table: b.Table}
		default:
			out[i] = b
		}
	}
	return out
}

func (r *resolver) inlines(in []channel.Inline) []channel.Inline {
	out := make([]channel.Inline, len(in))
	for i, n := range in {
		switch n := n.(type) {
		case *channel.Mention:
			m := *n
			if id := r.id(m); id != "" {
				m.ID = id
			}
			out[i] = &m
		case *channel.Image:
			out[i] = r.image(n)
		case *channel.Strong:
			out[i] = &channel.Strong{Inlines: r.inlines(n.Inlines)}
		case *channel.Emphasis:
			out[i] = &channel.Emphasis{Inlines: r.inlines(n.Inlines)}
		case *channel.Strike:
			out[i] = &channel.Strike{Inlines: r.inlines(n.Inlines)}
		case *channel.Link:
			out[i] = &channel.Link{URL: n.URL, Inlines: r.inlines(n.Inlines)}
		default:
			out[i] = n
		}
	}
	return out
}
