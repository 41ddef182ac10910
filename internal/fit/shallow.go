package fit

import "github.com/datapush-go/datapush/channel"

// maxDepth is how deep lists and quotes, and styles, stand within each other.
// No service shows more, and writing a line costs its depth.
const maxDepth = 16

// Shallow returns b in which what is nested deeper than any service shows stands
// at the deepest level that is kept. Usually that is b itself; b is never
// changed.
func Shallow(b channel.Block) channel.Block {
	if !deep(b, maxDepth) {
		return b
	}
	return flatten(nil, []channel.Block{b}, maxDepth)[0]
}

func deep(b channel.Block, depth int) bool {
	switch b := b.(type) {
	case *channel.Heading:
		return deepInlines(b.Inlines, maxDepth)
	case *channel.Paragraph:
		return deepInlines(b.Inlines, maxDepth)
	case *channel.Quote:
		return deepBlocks(b.Blocks, depth-1)
	case *channel.List:
		for _, it := range b.Items {
			if deepBlocks(it.Blocks, depth-1) {
				return true
			}
		}
	}
	return false
}

func deepBlocks(bs []channel.Block, depth int) bool {
	if depth < 0 {
		return true
	}
	for _, b := range bs {
		if deep(b, depth) {
			return true
		}
	}
	return false
}

func deepInlines(in []channel.Inline, depth int) bool {
	if depth < 0 {
		return true
	}
	for _, i := range in {
		if c := children(i); c != nil && deepInlines(c, depth-1) {
			return true
		}
	}
	return false
}

func children(i channel.Inline) []channel.Inline {
	switch i := i.(type) {
	case *channel.Strong:
		return i.Inlines
	case *channel.Emphasis:
		return i.Inlines
	case *channel.Strike:
		return i.Inlines
	case *channel.Link:
		return i.Inlines
	}
	return nil
}

func flatten(out, bs []channel.Block, depth int) []channel.Block {
	for _, b := range bs {
		switch b := b.(type) {
		case *channel.Heading:
			out = append(out, &channel.Heading{Level: b.Level, Inlines: flattenInlines(nil, b.Inlines, maxDepth)})
		case *channel.Paragraph:
			out = append(out, &channel.Paragraph{Inlines: flattenInlines(nil, b.Inlines, maxDepth)})
		case *channel.Quote:
			if depth == 0 {
				out = flatten(out, b.Blocks, 0)
				continue
			}
			out = append(out, &channel.Quote{Blocks: flatten(nil, b.Blocks, depth-1)})
		case *channel.List:
			if depth == 0 {
				for _, it := range b.Items {
					out = flatten(out, it.Blocks, 0)
				}
				continue
			}
			l := &channel.List{Start: b.Start, Items: make([]channel.Item, len(b.Items))}
			for i, it := range b.Items {
				l.Items[i] = channel.Item{Task: it.Task, Blocks: flatten(nil, it.Blocks, depth-1)}
			}
			out = append(out, l)
		default:
			out = append(out, b)
		}
	}
	return out
}

func flattenInlines(out, in []channel.Inline, depth int) []channel.Inline {
	for _, i := range in {
		c := children(i)
		switch {
		case c == nil:
			out = append(out, i)
		case depth == 0:
			out = flattenInlines(out, c, 0)
		default:
			c = flattenInlines(nil, c, depth-1)
			switch i := i.(type) {
			case *channel.Strong:
				out = append(out, &channel.Strong{Inlines: c})
			case *channel.Emphasis:
				out = append(out, &channel.Emphasis{Inlines: c})
			case *channel.Strike:
				out = append(out, &channel.Strike{Inlines: c})
			case *channel.Link:
				out = append(out, &channel.Link{URL: i.URL, Inlines: c})
			}
		}
	}
	return out
}
