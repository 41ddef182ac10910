package lark

import (
	"context"

	"github.com/datapush-go/datapush/channel"
)

// Prepare looks up the e-mail addresses of mentions that have no id with
// Options.Lookup. Without Lookup, and where nothing is found, it returns msg
// itself. What it finds for the destination's own mentions stands in a paragraph
// at the end of the message. It fails only when ctx ends.
func (c *Channel) Prepare(ctx context.Context, msg *channel.Message, to channel.Destination) (*channel.Message, error) {
	if c.o.Lookup == nil {
		return msg, nil
	}
	ids := make(map[string]string)
	find := func(m channel.Mention) error {
		if m.All || m.ID != "" || m.Email == "" {
			return nil
		}
		if _, done := ids[m.Email]; done {
			return nil
		}
		id, err := c.o.Lookup(ctx, m.Email)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || !plainID(id) {
			id = "" // Encode warns about it
		}
		ids[m.Email] = id
		return nil
	}
	for _, m := range mentions(msg) {
		if err := find(m); err != nil {
			return nil, err
		}
	}
	var own []channel.Inline
	for _, m := range to.Mentions {
		if err := find(m); err != nil {
			return nil, err
		}
		if id := ids[m.Email]; !m.All && m.ID == "" && id != "" {
			if len(own) > 0 {
				own = append(own, channel.Text(" "))
			}
			m.ID = id
			own = append(own, &m)
		}
	}
	found := false
	for _, id := range ids {
		found = found || id != ""
	}
	if !found {
		return msg, nil
	}
	out := *msg
	out.Sections = make([]channel.Section, len(msg.Sections), len(msg.Sections)+1)
	for i, s := range msg.Sections {
		s.Blocks = resolveBlocks(s.Blocks, ids)
		out.Sections[i] = s
	}
	if len(own) > 0 && len(msg.Sections) > 0 {
		out.Sections = append(out.Sections, channel.Section{Blocks: []channel.Block{&channel.Paragraph{Inlines: own}}})
	}
	return &out, nil
}

// resolveBlocks returns a copy in which mentions have their ids.
func resolveBlocks(bs []channel.Block, ids map[string]string) []channel.Block {
	out := make([]channel.Block, len(bs))
	for i, b := range bs {
		switch b := b.(type) {
		case *channel.Heading:
			out[i] = &channel.Heading{Level: b.Level, Inlines: resolve(b.Inlines, ids)}
		case *channel.Paragraph:
			out[i] = &channel.Paragraph{Inlines: resolve(b.Inlines, ids)}
		case *channel.Quote:
			out[i] = &channel.Quote{Blocks: resolveBlocks(b.Blocks, ids)}
		case *channel.List:
			l := &channel.List{Start: b.Start, Items: make([]channel.Item, len(b.Items))}
			for j, it := range b.Items {
				l.Items[j] = channel.Item{Task: it.Task, Blocks: resolveBlocks(it.Blocks, ids)}
			}
			out[i] = l
		default:
			out[i] = b
		}
	}
	return out
}

func resolve(in []channel.Inline, ids map[string]string) []channel.Inline {
	out := make([]channel.Inline, len(in))
	for i, n := range in {
		switch n := n.(type) {
		case *channel.Mention:
			m := *n
			if id := ids[m.Email]; id != "" && m.ID == "" && !m.All {
				m.ID = id
			}
			out[i] = &m
		case *channel.Strong:
			out[i] = &channel.Strong{Inlines: resolve(n.Inlines, ids)}
		case *channel.Emphasis:
			out[i] = &channel.Emphasis{Inlines: resolve(n.Inlines, ids)}
		case *channel.Strike:
			out[i] = &channel.Strike{Inlines: resolve(n.Inlines, ids)}
		case *channel.Link:
			out[i] = &channel.Link{URL: n.URL, Inlines: resolve(n.Inlines, ids)}
		default:
			out[i] = n
		}
	}
	return out
}

// mentions lists the mentions that a webhook message makes.
func mentions(msg *channel.Message) []channel.Mention {
	var out []channel.Mention
	var inlines func([]channel.Inline)
	inlines = func(in []channel.Inline) {
		for _, n := range in {
			switch n := n.(type) {
			case *channel.Mention:
				out = append(out, *n)
			case *channel.Strong:
				inlines(n.Inlines)
			case *channel.Emphasis:
				inlines(n.Inlines)
			case *channel.Strike:
				inlines(n.Inlines)
			case *channel.Link:
				inlines(n.Inlines)
			}
		}
	}
	var blocks func([]channel.Block)
	blocks = func(bs []channel.Block) {
		for _, b := range bs {
			switch b := b.(type) {
			case *channel.Heading:
				inlines(b.Inlines)
			case *channel.Paragraph:
				inlines(b.Inlines)
			case *channel.Quote:
				blocks(b.Blocks)
			case *channel.List:
				for _, it := range b.Items {
					blocks(it.Blocks)
				}
			}
		}
	}
	for _, s := range msg.Sections {
		blocks(s.Blocks)
	}
	return out
}
