// Package markdown writes messages in the Markdown dialects of chat services
// that take text, and reads that text back for a preview.
//
// A [Dialect] says what a service shows. A [Writer] walks the message tree and
// writes what the dialect has, the nearest simpler form of what it has not, and
// remembers a warning for each simplification. Text is escaped in one place, so
// that no character of a value becomes markup. [Encoder] turns a message into
// pieces for package fit; its bytes are the inside of a JSON string, because
// that is where both services want them, and because some count them there.
package markdown

import "github.com/datapush-go/datapush/channel"

// Style is how a dialect keeps characters from being markup.
type Style uint8

const (
	// Backslash escapes as CommonMark does.
	Backslash Style = iota
	// LookAlike has no escapes: a character that would be markup is broken by a
	// zero-width space or replaced by its full-width form.
	LookAlike
	// Plain is no markup at all.
	Plain
)

// Tables is how a table shows.
type Tables uint8

const (
	// Lists show a row as a line: "- **key** value · key value".
	Lists Tables = iota
	// Pipes are GFM tables with an alignment row.
	Pipes
)

// Dialect says what a service shows. Whatever is false or empty is written in a
// simpler form.
type Dialect struct {
	Style Style
	// Break ends a line within a block, with its LF.
	Break string
	// Soft is what a soft break becomes.
	Soft                                                      string
	Heading, Strong, Emphasis, CodeSpan, Fence, Link, Picture bool
	// Lists are native; else items are lines that begin with Bullet or a number.
	Lists bool
	// Nested lists are indented; else they are flattened with "– ".
	Nested bool
	// Quotes is how many levels of quote there are.
	Quotes int
	// Bullet begins an item of a list.
	Bullet string
	// Rule is a thematic break; empty leaves it out.
	Rule   string
	Tables Tables
	// Color gives what stands around a coloured text; nil: the dialect has no
	// colours, and a cell without a mark of its own gets one.
	Color func(channel.Color) (open, end string)
	// Emoji says that the service shows the names of emoji in brackets, such as
	// [微笑]; else they are written as Unicode.
	Emoji bool
}

// dots stand for colours where there are none.
var dots = map[channel.Color]string{
	channel.ColorGreen: "🟢", channel.ColorRed: "🔴", channel.ColorBlue: "🔵",
	channel.ColorOrange: "🟠", channel.ColorYellow: "🟡", channel.ColorGrey: "⚪",
}
