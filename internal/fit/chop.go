package fit

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
)

// node is what a block or inline weighs beside its text: about what its markup
// takes in the dialects.
const node = 16

// Weight is about how many bytes a block takes before escaping: its texts and
// addresses and a little for each node. Tables, and pictures that are not sent
// as text, weigh what a node does.
func Weight(b channel.Block) int {
	w := node
	switch b := b.(type) {
	case *channel.Heading:
		w += weigh(b.Inlines)
	case *channel.Paragraph:
		w += weigh(b.Inlines)
	case *channel.Code:
		w += len(b.Text) + len(b.Language)
	case *channel.Quote:
		w += weighBlocks(b.Blocks)
	case *channel.List:
		for _, it := range b.Items {
			w += node + weighBlocks(it.Blocks)
		}
	case *channel.Image:
		w += len(b.URL) + len(b.Alt)
	}
	return w
}

func weighBlocks(bs []channel.Block) int {
	w := 0
	for _, b := range bs {
		w += Weight(b)
	}
	return w
}

func weigh(in []channel.Inline) int {
	w := 0
	for _, i := range in {
		w += weight(i)
	}
	return w
}

func weight(i channel.Inline) int {
	switch i := i.(type) {
	case channel.Text:
		return len(i)
	case channel.CodeSpan:
		return node + len(i)
	case *channel.Strong:
		return node + weigh(i.Inlines)
	case *channel.Emphasis:
		return node + weigh(i.Inlines)
	case *channel.Strike:
		return node + weigh(i.Inlines)
	case *channel.Link:
		return node + len(i.URL) + weigh(i.Inlines)
	case *channel.Image:
		return node + len(i.URL) + len(i.Alt)
	case *channel.Mention:
		return node + len(i.Label())
	}
	return node
}

// Chop divides a block into blocks of the same kind that show the same content
// in the same order, each of at most max bytes by Weight. It divides between
// words, lines and items, never inside a character, a mention or an address;
// each share of a link is a link to the same address. Only a picture, or an
// address, that is larger by itself gives way: to its text.
//
// Blocks that cannot be divided (tables, charts, rules) come back as they are.
// A max below 64 counts as 64. The result shares texts with b.
func Chop(b channel.Block, max int) []channel.Block {
	if max < 64 {
		max = 64
	}
	if Weight(b) <= max {
		return []channel.Block{b}
	}
	inner := max - node
	var out []channel.Block
	switch b := b.(type) {
	case *channel.Heading:
		for _, in := range chopInlines(b.Inlines, inner) {
			out = append(out, &channel.Heading{Level: b.Level, Inlines: in})
		}
	case *channel.Paragraph:
		for _, in := range chopInlines(b.Inlines, inner) {
			out = append(out, &channel.Paragraph{Inlines: in})
		}
	case *channel.Code:
		language := Prefix(b.Language, node)
		for _, text := range chopLines(b.Text, inner-len(language)) {
			out = append(out, &channel.Code{Language: language, Text: text})
		}
	case *channel.Quote:
		for _, bs := range group(chopBlocks(b.Blocks, inner), inner) {
			out = append(out, &channel.Quote{Blocks: bs})
		}
	case *channel.List:
		out = chopList(b, inner)
	case *channel.Image:
		for _, in := range chopInlines([]channel.Inline{b}, inner) {
			out = append(out, &channel.Paragraph{Inlines: in})
		}
	default:
		return []channel.Block{b}
	}
	return out
}

func chopBlocks(bs []channel.Block, max int) []channel.Block {
	var out []channel.Block
	for _, b := range bs {
		out = append(out, Chop(b, max)...)
	}
	return out
}

// group gathers blocks while they weigh at most max together.
func group(bs []channel.Block, max int) [][]channel.Block {
	var out [][]channel.Block
	from, sum := 0, 0
	for i, b := range bs {
		w := Weight(b)
		if i > from && sum+w > max {
			out = append(out, bs[from:i:i])
			from, sum = i, 0
		}
		sum += w
	}
	return append(out, bs[from:])
}

// chopList keeps items whole where it can. What does not fit of an item
// follows its list as blocks, so that no item is numbered twice.
func chopList(l *channel.List, max int) []channel.Block {
	var out []channel.Block
	from, sum := 0, 0
	start := func(i int) int {
		if l.Start == 0 {
			return 0
		}
		return l.Start + i
	}
	flush := func(to int) {
		if to > from {
			out = append(out, &channel.List{Start: start(from), Items: l.Items[from:to:to]})
		}
		from, sum = to, 0
	}
	for i, it := range l.Items {
		w := node + weighBlocks(it.Blocks)
		if sum+w > max {
			flush(i)
		}
		if w <= max {
			sum += w
			continue
		}
		groups := group(chopBlocks(it.Blocks, max-node), max-node)
		out = append(out, &channel.List{Start: start(i), Items: []channel.Item{{Task: it.Task, Blocks: groups[0]}}})
		for _, g := range groups[1:] {
			out = append(out, g...)
		}
		from = i + 1
	}
	flush(len(l.Items))
	return out
}

func chopLines(s string, max int) []string {
	var out []string
	for len(s) > max {
		cut := strings.LastIndexByte(s[:max+1], '\n')
		if cut > 0 {
			out, s = append(out, s[:cut]), s[cut+1:]
			continue
		}
		if cut = softBreak(s, max); cut == 0 {
			cut = len(prefix(s, max))
		}
		out, s = append(out, s[:cut]), s[cut:]
	}
	return append(out, s)
}

// chopInlines divides inlines into lines of at most max.
func chopInlines(in []channel.Inline, max int) [][]channel.Inline {
	var out [][]channel.Inline
	var line []channel.Inline
	left := max
	flush := func() {
		if len(line) > 0 {
			out = append(out, line)
		}
		line, left = nil, max
	}
	add := func(i channel.Inline) {
		w := weight(i)
		if w > left {
			flush()
		}
		line = append(line, i)
		left -= w
	}
	// A share of a text is no emoji, even where it is a name.
	text := func(s string) {
		for _, t := range channel.Literal(s) {
			add(t)
		}
	}
	wrap := func(children []channel.Inline, own int, f func([]channel.Inline) channel.Inline) {
		if left < max/2 {
			flush()
		}
		for _, c := range chopInlines(children, left-own) {
			add(f(c))
		}
	}
	for _, i := range in {
		if t, ok := i.(channel.Text); weight(i) <= left || ok && t.Emoji() != "" {
			add(i)
			continue
		}
		switch i := i.(type) {
		case channel.Text:
			chopText(string(i), left, max, text)
		case channel.CodeSpan:
			if left < max/2 {
				flush()
			}
			chopText(string(i), left-node, max-node, func(s string) { add(channel.CodeSpan(s)) })
		case *channel.Strong:
			wrap(i.Inlines, node, func(c []channel.Inline) channel.Inline { return &channel.Strong{Inlines: c} })
		case *channel.Emphasis:
			wrap(i.Inlines, node, func(c []channel.Inline) channel.Inline { return &channel.Emphasis{Inlines: c} })
		case *channel.Strike:
			wrap(i.Inlines, node, func(c []channel.Inline) channel.Inline { return &channel.Strike{Inlines: c} })
		case *channel.Link:
			if own := node + len(i.URL); own <= max/2 {
				wrap(i.Inlines, own, func(c []channel.Inline) channel.Inline { return &channel.Link{URL: i.URL, Inlines: c} })
			} else {
				for _, c := range chopInlines(i.Inlines, max) {
					for _, t := range c {
						add(t)
					}
				}
			}
		case *channel.Image:
			if weight(i) <= max {
				add(i)
			} else {
				chopText(i.Alt, left, max, text)
			}
		case *channel.Mention:
			if weight(i) <= max {
				add(i)
			} else {
				chopText(i.Label(), left, max, text)
			}
		default:
			add(i)
		}
	}
	flush()
	return out
}

// chopText divides s between words: the first share has at most left bytes, the
// others at most max. The space at a border goes with the share before it. A word
// is divided only when it is larger than a share.
func chopText(s string, left, max int, add func(string)) {
	for len(s) > left {
		cut := 0
		if left >= utf8.UTFMax {
			cut = softBreak(s, left)
			if cut == 0 && (left == max || softBreak(s, max) == 0) {
				cut = len(prefix(s, left))
			}
		}
		if cut > 0 {
			add(s[:cut])
			s = s[cut:]
		}
		left = max
	}
	if s != "" {
		add(s)
	}
}

// softBreak is the last place in the first max bytes of s where a line may end:
// after a space, or, when none is near, beside a character of a script that puts
// no spaces between words. It is 0 when there is none.
func softBreak(s string, max int) int {
	p := Prefix(s, max)
	if len(p) == len(s) {
		return len(s)
	}
	const near = 64
	border := 0
	next, _ := utf8.DecodeRuneInString(s[len(p):])
	for n := len(p); n > 0 && (border == 0 || n > len(p)-near); {
		prev, size := utf8.DecodeLastRuneInString(p[:n])
		if (prev == ' ' || prev == '\t' || prev == '\n') && !joins(next) {
			return n
		}
		if border == 0 && borders(prev, next) {
			border = n
		}
		n, next = n-size, prev
	}
	return border
}

// borders reports whether a line may end between two characters because of
// either's script. Like a word, a number and what is wrapped in punctuation stay
// whole.
func borders(prev, next rune) bool {
	const firstWide = 0x2E80 // of the CJK blocks, and of all that is wider
	if prev < firstWide && next < firstWide || joins(next) || prev == zwj || regional(prev) && regional(next) {
		return false
	}
	return !strings.ContainsRune("（《〈「『【〔“‘￥＄(", prev) && !strings.ContainsRune("，。、；：！？）》〉」』】〕”’％%,.;:!?)", next)
}

// Prefix returns the longest beginning of s that has at most max bytes and ends
// where a character ends: not inside a UTF-8 sequence, not before a combining
// mark, a joiner or a skin tone, not between the two halves of a flag.
func Prefix(s string, max int) string {
	if len(s) <= max {
		return s
	}
	if max <= 0 {
		return ""
	}
	n := max
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	// A character of more code points than this is no character.
	for k := 0; k < 32 && n > 0; k++ {
		next, _ := utf8.DecodeRuneInString(s[n:])
		prev, size := utf8.DecodeLastRuneInString(s[:n])
		if !joins(next) && prev != zwj && !(regional(next) && regional(prev) && oddFlags(s[:n])) {
			return s[:n]
		}
		n -= size
	}
	n = max
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// prefix is Prefix, but of at least one code point.
func prefix(s string, max int) string {
	if p := Prefix(s, max); p != "" {
		return p
	}
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}

// Clip shortens s to at most max bytes, the "…" at its end included, and
// reports whether it did.
func Clip(s string, max int) (string, bool) {
	if len(s) <= max {
		return s, false
	}
	const dots = "…"
	if max < len(dots) {
		return "", true
	}
	return strings.TrimRight(Prefix(s, max-len(dots)), " ") + dots, true
}

const zwj = '\u200d'

func joins(r rune) bool {
	return r == zwj || r >= 0x1F3FB && r <= 0x1F3FF || r >= 0x300 && unicode.In(r, unicode.Mn, unicode.Me, unicode.Mc)
}

func regional(r rune) bool { return r >= 0x1F1E6 && r <= 0x1F1FF }

// oddFlags reports whether s ends in the first half of a flag.
func oddFlags(s string) bool {
	odd := false
	for {
		r, size := utf8.DecodeLastRuneInString(s)
		if !regional(r) {
			return odd
		}
		odd, s = !odd, s[:len(s)-size]
	}
}
