package dingtalk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/jsontext"
	"github.com/datapush-go/datapush/internal/markdown"
)

// dialect is what the custom robot's markdown shows
// (https://open.dingtalk.com/document/orgapp/custom-bot-send-message-type, read
// 2026-11-23; the font tag is observed, not documented). Inline code and code
// blocks show on desktops only, so they are not used.
func dialect(tables markdown.Tables) *markdown.Dialect {
	return &markdown.Dialect{
		Style: markdown.Backslash,
		Break: "  \n", Soft: " ",
		Heading: true, Strong: true, Emphasis: true, Link: true, Picture: true,
		Lists: true, Quotes: 1, Bullet: "- ",
		Tables: tables, Color: font, Emoji: true,
	}
}

func font(c channel.Color) (open, end string) {
	switch c {
	case channel.ColorGreen:
		return "<font color=#008000>", "</font>"
	case channel.ColorRed:
		return "<font color=#D93026>", "</font>"
	case channel.ColorBlue:
		return "<font color=#1677FF>", "</font>"
	case channel.ColorOrange:
		return "<font color=#E67E00>", "</font>"
	case channel.ColorYellow:
		return "<font color=#C9A400>", "</font>"
	case channel.ColorGrey:
		return "<font color=#808080>", "</font>"
	}
	return "", ""
}

// called gives the two ways in which DingTalk calls a person; ok is false when
// m has neither, or one that would not survive in a text.
func called(m channel.Mention) (phone, id string, ok bool) {
	if phone, ok := markdown.Phone(m.Phone); ok {
		return phone, "", true
	}
	if m.ID != "" && safe(m.ID) {
		return "", m.ID, true
	}
	return "", "", false
}

// safe reports whether an id can stand in a text as it is, which it
// must for the mention to be drawn.
func safe(s string) bool {
	return len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("+-_.$@", r))
	})
}

// encoder writes one message.
type encoder struct {
	markdown.Encoder
	to      channel.Destination
	title   string // of the notification
	heading []byte // the title in the text, JSON, without label
	mine    []byte // the destination's mentions in the text, JSON
	keyword []byte // JSON
}

// Encode writes a message as robot messages of type markdown. Sizes are bytes
// of the request with room for msgUuid.
func (c *Channel) Encode(msg *channel.Message, to channel.Destination) ([]channel.Payload, error) {
	e := encoder{to: to}
	e.Layout.Scratch = c.scratch.Get()
	defer c.scratch.Put(e.Layout.Scratch)
	e.D = dialect(markdown.Lists)
	if to.Options[OptionTables] == TablesRaw {
		e.D = dialect(markdown.Pipes)
	}
	e.Encoded = true
	e.Mention = e.mention
	e.frame(msg)
	plan := e.Write(msg.Sections)
	if !e.Visible {
		if !e.Layout.Bare(len(e.heading) > 0, msg.Sections) {
			return nil, fmt.Errorf("dingtalk: encode: %w", channel.ErrNoContent)
		}
		plan = e.Layout.Plan()
	}
	e.Uncalled(&plan, msg.Sections, to.Mentions...)
	return e.payloads(plan), nil
}

// mention writes a mention and counts its entry in the list of those to call.
func (e *encoder) mention(m channel.Mention) (string, int) {
	phone, id, ok := called(m)
	switch {
	case m.All:
		return "@all", 0
	case ok:
		return "@" + phone + id, len(phone) + len(id) + len(`"",`)
	}
	if m.Phone != "" {
		e.Warn(channel.WarnUnresolved, m.Label()+" is not mentioned: what is given as a phone number is none")
	} else {
		e.Warn(channel.WarnUnresolved, m.Label()+" is not mentioned: a DingTalk robot mentions by phone number or user id only")
	}
	return e.Literal(m.Label()), 0
}

// frame prepares what stands around the pieces of each part.
func (e *encoder) frame(msg *channel.Message) {
	title := strings.TrimSpace(jsontext.Line(msg.Title))
	short, cut := fit.Clip(title, titleBytes)
	if cut {
		e.Warn(channel.WarnCut, "the title is too long and was shortened")
	}
	if e.title = short; short == "" {
		e.title = markdown.FirstText(msg, 60)
	} else {
		e.heading = e.Block(&channel.Heading{Level: 3, Inlines: channel.Literal(short)})
	}
	mentionSize := 0
	var mine []channel.Inline
	for i := range e.to.Mentions {
		m := e.to.Mentions[i]
		_, size := e.mention(m)
		mentionSize += size
		mine = append(mine, &m, channel.Text(" "))
	}
	if len(mine) > 0 {
		e.mine = e.Block(&channel.Paragraph{Inlines: mine})
	}
	if k := strings.TrimSpace(jsontext.Line(e.to.Options[OptionKeyword])); k != "" {
		k, _ = fit.Clip(k, 200)
		e.keyword = jsontext.Append(nil, k)
	}
	const gap = len(`\n\n`)
	label := len(" ") + fit.MaxLabel
	l := &e.Layout
	l.Fit = e.to.Fit
	l.Limit = fit.Size{maxBytes - uuidBytes}
	l.Frame = fit.Size{len(end(begin(nil, e.title), nil)) + len(e.heading) + len(e.keyword) + 3*gap + len(`"isAtAll":true`)}
	l.First = fit.Size{len(e.mine) + mentionSize + gap}
	l.Label = fit.Size{2*label + gap}
}

// begin and end write a request around its text, which is JSON already.
func begin(dst []byte, title string) []byte {
	dst = append(dst, `{"msgtype":"markdown","markdown":{"title":`...)
	dst = jsontext.Quote(dst, title)
	return append(dst, `,"text":"`...)
}

func end(dst []byte, mentions []channel.Mention) []byte {
	dst = append(dst, `"},"at":{"atMobiles":[`...)
	dst = list(dst, mentions, func(phone, _ string) string { return phone })
	dst = append(dst, `],"atUserIds":[`...)
	dst = list(dst, mentions, func(_, id string) string { return id })
	dst = append(dst, `],"isAtAll":`...)
	all := slices.ContainsFunc(mentions, func(m channel.Mention) bool { return m.All })
	return append(strconv.AppendBool(dst, all), `}}`...)
}

// list writes whom to call, each once.
func list(dst []byte, mentions []channel.Mention, pick func(phone, id string) string) []byte {
	var seen []string
	for _, m := range mentions {
		phone, id, ok := called(m)
		s := pick(phone, id)
		if m.All || !ok || s == "" || slices.Contains(seen, s) {
			continue
		}
		if len(seen) > 0 {
			dst = append(dst, ',')
		}
		seen = append(seen, s)
		dst = jsontext.Quote(dst, s)
	}
	return dst
}

func (e *encoder) payloads(plan fit.Plan) []channel.Payload {
	n := len(plan.Parts)
	out := make([]channel.Payload, n)
	before, after := make([]byte, 0, 512), make([]byte, 0, 128)
	for i, part := range plan.Parts {
		title, label := e.title, ""
		if n > 1 {
			label = fit.Label(i+1, n)
			title += " " + label
		}
		var mentions []channel.Mention
		if i == 0 {
			mentions = append(mentions, e.to.Mentions...)
		}
		mentions = append(mentions, e.Mentions(part)...)
		before = begin(before[:0], title)
		from := len(before)
		before = append(before, e.heading...)
		if label != "" {
			if len(before) > from {
				before = append(before, ' ')
			}
			before = append(before, label...)
		}
		if i == 0 && len(e.mine) > 0 {
			before = gap(before, from, e.mine)
		}
		if len(part.Segments) > 0 || part.Rest {
			before = gap(before, from, nil)
		}
		after = after[:0]
		if len(e.keyword) > 0 {
			text, _ := e.Layout.Body(before[from:], part, nil)
			if !holds(text, e.keyword) {
				after = append(after, gap(text, 0, e.keyword)[len(text):]...)
			}
		}
		after = end(after, mentions)
		body, _ := e.Layout.Body(before, part, after)
		out[i] = channel.Payload{Part: i + 1, Parts: n, Type: "markdown", Body: body, Size: len(body) + uuidBytes, Warnings: part.Warnings}
	}
	out[0].Warnings = append(e.Warnings, out[0].Warnings...)
	return out
}

// gap appends a block after a blank line, if there is something before it. The
// text begins at from.
func gap(body []byte, from int, block []byte) []byte {
	if len(body) > from && !bytes.HasSuffix(body[from:], []byte(`\n\n`)) {
		body = append(body, `\n\n`...)
	}
	return append(body, block...)
}

// holds reports whether a text, inside a JSON string, shows a keyword.
func holds(text, keyword []byte) bool {
	var t, k string
	if json.Unmarshal(quoted(text), &t) != nil || json.Unmarshal(quoted(keyword), &k) != nil {
		return false
	}
	return strings.Contains(t, k)
}

func quoted(b []byte) []byte { return append(append([]byte{'"'}, b...), '"') }
