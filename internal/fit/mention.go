package fit

import (
	"strings"

	"github.com/datapush-go/datapush/channel"
)

// Mentions lists those that stand in the texts of sections, in order.
func Mentions(sections []channel.Section) []channel.Mention {
	var out []channel.Mention
	for i := range sections {
		out = mentionsOf(out, sections[i].Blocks)
	}
	return out
}

func mentionsOf(out []channel.Mention, bs []channel.Block) []channel.Mention {
	for _, b := range bs {
		switch b := b.(type) {
		case *channel.Heading:
			out = mentionsIn(out, b.Inlines)
		case *channel.Paragraph:
			out = mentionsIn(out, b.Inlines)
		case *channel.Quote:
			out = mentionsOf(out, b.Blocks)
		case *channel.List:
			for _, it := range b.Items {
				out = mentionsOf(out, it.Blocks)
			}
		}
	}
	return out
}

func mentionsIn(out []channel.Mention, in []channel.Inline) []channel.Mention {
	for _, i := range in {
		if m, ok := i.(*channel.Mention); ok {
			out = append(out, *m)
		} else {
			out = mentionsIn(out, children(i))
		}
	}
	return out
}

// Uncalled warns about the mentions of a message of which called is false,
// because they stand in text that no part shows. It is nil without any.
func Uncalled(sections []channel.Section, called func(channel.Mention) bool) []channel.Warning {
	const most = 3 // that are named
	var names []string
	seen := map[string]bool{}
	for _, m := range Mentions(sections) {
		name, _ := Clip(m.Label(), 100)
		if seen[name] || called(m) {
			continue
		}
		seen[name] = true
		if len(names) < most {
			names = append(names, name)
		}
	}
	n := len(seen)
	if n == 0 {
		return nil
	}
	const why = " not mentioned: the message is too long, and the text that mentions "
	text := names[0] + " is" + why + "them is not sent"
	switch {
	case n > most:
		text = strings.Join(names, ", ") + " and " + Count(n-most) + " more are" + why + "them is not sent"
	case n > 1:
		text = strings.Join(names[:n-1], ", ") + " and " + names[n-1] + " are" + why + "them is not sent"
	}
	return []channel.Warning{{Code: channel.WarnCut, Text: text}}
}
