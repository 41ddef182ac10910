package wecom

import (
	"bytes"
	"crypto/md5" // the vendor's choice of checksum
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/jsontext"
	"github.com/datapush-go/datapush/internal/markdown"
	"github.com/datapush-go/datapush/internal/picture"
)

// dialects are what each format shows
// (https://developer.work.weixin.qq.com/document/path/91770, read 2026-11-23).
var dialects = map[string]*markdown.Dialect{
	FormatMarkdownV2: {
		Style: markdown.Backslash,
		Break: "\n", Soft: "\n",
		Heading: true, Strong: true, Emphasis: true, CodeSpan: true, Fence: true, Link: true, Picture: true,
		Lists: true, Nested: true, Quotes: 3, Bullet: "- ", Rule: "---",
		Tables: markdown.Pipes,
	},
	FormatMarkdown: {
		Style: markdown.LookAlike,
		Break: "\n", Soft: "\n",
		Heading: true, Strong: true, CodeSpan: true, Link: true,
		Quotes: 1, Bullet: "• ", Rule: "——",
		Tables: markdown.Lists, Color: font,
	},
	FormatText: {
		Style: markdown.Plain,
		Break: "\n", Soft: "\n",
		Bullet: "• ", Rule: "——",
		Tables: markdown.Lists,
	},
}

// font maps to the three colours of markdown: green, grey and orange-red.
func font(c channel.Color) (open, end string) {
	switch c {
	case channel.ColorGreen, channel.ColorBlue:
		return `<font color="info">`, "</font>"
	case channel.ColorGrey:
		return `<font color="comment">`, "</font>"
	case channel.ColorRed, channel.ColorOrange, channel.ColorYellow:
		return `<font color="warning">`, "</font>"
	}
	return "", ""
}

// callable reports whether WeCom can call whom m names.
func callable(m channel.Mention) bool {
	_, phone := markdown.Phone(m.Phone)
	return m.All || m.ID != "" && safe(m.ID) || phone
}

// safe reports whether an id can stand in a text as it is.
func safe(s string) bool {
	return len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("+-_.@", r))
	})
}

// encoder writes one message.
type encoder struct {
	markdown.Encoder
	to       channel.Destination
	format   string
	title    string
	heading  []byte            // JSON, without label
	headText int               // its length as text
	mine     []byte            // the destination's mentions in the text, JSON
	calls    []channel.Mention // for the message that follows
	pictures []*channel.Image
}

// Encode writes a message as robot messages of the destination's format. Sizes
// are bytes of the content field; pictures measure nothing there.
func (c *Channel) Encode(msg *channel.Message, to channel.Destination) ([]channel.Payload, error) {
	e := encoder{to: to, format: format(to)}
	e.Layout.Scratch = c.scratch.Get()
	defer c.scratch.Put(e.Layout.Scratch)
	e.D = dialects[e.format]
	e.Mention = e.mention
	e.Attach = e.attach
	e.frame(msg)
	plan := e.Write(msg.Sections)
	if !e.Visible {
		if !e.Layout.Bare(e.title != "", msg.Sections) {
			return nil, fmt.Errorf("wecom: encode: %w", channel.ErrNoContent)
		}
		plan = e.Layout.Plan()
	}
	e.Uncalled(&plan, msg.Sections, slices.Concat(e.calls, to.Mentions)...)
	out := e.payloads(plan, msg)
	if len(out) == 0 {
		return nil, fmt.Errorf("wecom: encode: %w", channel.ErrNoContent)
	}
	return out, nil
}

// mention writes a mention where the format has it, else its label, and keeps
// it for the message that follows.
func (e *encoder) mention(m channel.Mention) (string, int) {
	switch {
	case !callable(m) && m.Phone != "":
		e.Warn(channel.WarnUnresolved, m.Label()+" is not mentioned: what is given as a phone number is none")
	case !callable(m):
		e.Warn(channel.WarnUnresolved, m.Label()+" is not mentioned: a WeCom robot mentions by user id or phone number only")
	case e.format == FormatMarkdown && !m.All && m.ID != "" && safe(m.ID):
		return "<@" + m.ID + ">", 0
	case e.format != FormatText:
		e.call(m)
	}
	return e.Literal(m.Label()), 0
}

func (e *encoder) call(m channel.Mention) {
	if !slices.Contains(e.calls, m) {
		e.calls = append(e.calls, m)
	}
}

// attach takes what the image type carries: PNG and JPEG up to 2 MB. What the
// service would refuse is not sent, because the text has arrived by then.
func (e *encoder) attach(i *channel.Image) bool {
	if slices.ContainsFunc(e.pictures, func(p *channel.Image) bool { return bytes.Equal(p.Data, i.Data) }) {
		return true
	}
	switch t := picture.Type(i.Data); {
	case t != picture.PNG && t != picture.JPEG:
		e.Warn(channel.WarnRemoved, "a picture is neither PNG nor JPEG and is not sent")
		return false
	case len(i.Data) > imageBytes:
		e.Warn(channel.WarnRemoved, "a picture is larger than 2 MB and is not sent")
		return false
	case len(e.pictures) == maxImages:
		e.Warn(channel.WarnRemoved, fmt.Sprintf("only the first %d pictures are sent", maxImages))
		return false
	}
	e.pictures = append(e.pictures, i)
	return true
}

// frame prepares what stands around the pieces of each part.
func (e *encoder) frame(msg *channel.Message) {
	short, cut := fit.Clip(strings.TrimSpace(jsontext.Line(msg.Title)), titleBytes)
	if cut {
		e.Warn(channel.WarnCut, "the title is too long and was shortened")
	}
	if e.title = short; short != "" {
		e.heading = e.Block(&channel.Heading{Level: 3, Inlines: channel.Literal(short)})
		e.headText = markdown.TextLen(e.heading)
	}
	var mine []channel.Inline
	for i := range e.to.Mentions {
		m := &e.to.Mentions[i]
		mine = append(mine, m, channel.Text(" "))
	}
	if len(mine) > 0 {
		e.mine = e.Block(&channel.Paragraph{Inlines: mine})
	}
	const gap = 2
	label := len(" ") + fit.MaxLabel
	e.Layout.Fit = e.to.Fit
	e.Layout.Limit = fit.Size{limit(e.format)}
	e.Layout.Frame = fit.Size{e.headText + gap}
	e.Layout.First = fit.Size{markdown.TextLen(e.mine) + gap}
	e.Layout.Label = fit.Size{label}
}

func (e *encoder) payloads(plan fit.Plan, msg *channel.Message) []channel.Payload {
	n := len(plan.Parts)
	out := make([]channel.Payload, 0, n+len(e.pictures)+1)
	before, after := make([]byte, 0, 512), make([]byte, 0, 128)
	for i, part := range plan.Parts {
		before = begin(before[:0], e.format)
		from := len(before)
		before = append(before, e.heading...)
		if n > 1 {
			if len(before) > from {
				before = append(before, ' ')
			}
			before = append(before, fit.Label(i+1, n)...)
		}
		var mentions []channel.Mention
		if i == 0 {
			mentions = append(mentions, e.to.Mentions...)
			if len(e.mine) > 0 {
				before = gap(before, from, e.mine)
			}
		}
		mentions = append(mentions, e.Mentions(part)...)
		if len(part.Segments) > 0 || part.Rest {
			before = gap(before, from, nil)
		} else if len(before) == from { // there are nothing but pictures
			continue
		}
		if e.format != FormatText {
			mentions = nil
		}
		after = end(after[:0], mentions)
		body, size := e.Layout.Body(before, part, after)
		out = append(out, channel.Payload{Type: e.format, Body: body, Size: markdown.TextLen(before[from:]) + size[0], Warnings: part.Warnings})
	}
	for _, i := range e.pictures {
		out = append(out, imageMessage(i))
	}
	if len(e.calls) > 0 {
		e.Warn(channel.WarnDegraded, "people are mentioned in a message of their own")
		out = append(out, e.callText(msg))
	}
	for i := range out {
		out[i].Part, out[i].Parts = i+1, len(out)
	}
	if len(out) == 0 {
		return nil
	}
	out[0].Warnings = append(e.Warnings, out[0].Warnings...)
	return out
}

// callText is the message that calls people. It needs some text of its own.
func (e *encoder) callText(msg *channel.Message) channel.Payload {
	text := e.title
	if text == "" {
		text = markdown.FirstText(msg, titleBytes)
	}
	body := begin(nil, FormatText)
	from := len(body)
	body = jsontext.Append(body, text)
	size := markdown.TextLen(body[from:])
	return channel.Payload{Type: FormatText, Body: end(body, e.calls), Size: size}
}

// begin and end write a message of a format around its text, which is JSON
// already. Mentions are of type text alone.
func begin(b []byte, format string) []byte {
	b = append(b, `{"msgtype":"`...)
	b = append(b, format...)
	b = append(b, `","`...)
	b = append(b, format...)
	return append(b, `":{"content":"`...)
}

func end(b []byte, mentions []channel.Mention) []byte {
	b = append(b, '"')
	var ids, phones []string
	for _, m := range mentions {
		switch {
		case !callable(m):
		case m.All:
			ids = append(ids, "@all")
		case m.ID != "" && safe(m.ID):
			ids = append(ids, m.ID)
		default:
			phone, _ := markdown.Phone(m.Phone)
			phones = append(phones, phone)
		}
	}
	b = list(b, "mentioned_list", ids)
	b = list(b, "mentioned_mobile_list", phones)
	return append(b, `}}`...)
}

func list(b []byte, name string, values []string) []byte {
	if len(values) == 0 {
		return b
	}
	b = append(b, ',')
	b = append(jsontext.Quote(b, name), ':', '[')
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			continue
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = jsontext.Quote(b, v)
	}
	return append(b, ']')
}

// imageMessage is a message of type image: base64 without line breaks and the
// checksum of the bytes.
func imageMessage(i *channel.Image) channel.Payload {
	sum := md5.Sum(i.Data)
	b := []byte(`{"msgtype":"image","image":{"base64":"`)
	b = base64.StdEncoding.AppendEncode(b, i.Data)
	b = append(b, `","md5":"`...)
	b = hex.AppendEncode(b, sum[:])
	b = append(b, `"}}`...)
	return channel.Payload{Type: "image", Body: b}
}

// gap appends a block after a blank line, if there is something before it. The
// text begins at from.
func gap(body []byte, from int, block []byte) []byte {
	if len(body) > from && !bytes.HasSuffix(body[from:], []byte(`\n\n`)) {
		body = append(body, `\n\n`...)
	}
	return append(body, block...)
}
