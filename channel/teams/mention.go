package teams

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	"github.com/datapush-go/datapush/internal/jsontext"
)

// declare makes entities for all whom message and destination mention. The text
// of an entity and its place in the card have to be equal, so names lose what
// could be markup, and equal names of different people are numbered. What the
// message mentions counts as made unless it is cut, because that may be what is
// missing.
func (e *encoder) declare(msg *channel.Message, cut bool) {
	e.made = map[string]bool{}
	for _, m := range fit.Mentions(msg.Sections) {
		e.entity(m)
		e.made[person(m)] = !cut
	}
	for _, m := range e.to.Mentions {
		e.entity(m)
	}
}

func (e *encoder) entity(m channel.Mention) {
	id := person(m)
	if id == "" || e.find(m) != nil {
		return
	}
	name := m.Name
	if name == "" {
		name = id
	}
	name, _ = fit.Clip(safeName(name), 80)
	text := "<at>" + name + "</at>"
	for n := 2; e.taken(text); n++ {
		text = "<at>" + name + " " + strconv.Itoa(n) + "</at>"
	}
	b := append([]byte(nil), `{"type":"mention","text":`...)
	b = jsontext.Quote(b, text)
	b = append(b, `,"mentioned":{"id":`...)
	b = jsontext.Quote(b, id)
	b = append(b, `,"name":`...)
	b = jsontext.Quote(b, strings.TrimSuffix(strings.TrimPrefix(text, "<at>"), "</at>"))
	b = append(b, `}}`...)
	if e.size+len(b)+1 > entitiesBytes {
		return
	}
	e.size += len(b) + 1
	e.entities = append(e.entities, entity{id: id, text: text, json: b})
}

func (e *encoder) taken(text string) bool {
	for _, have := range e.entities {
		if have.text == text {
			return true
		}
	}
	return false
}

// person is what Teams knows somebody by, empty when it cannot.
func person(m channel.Mention) string {
	id := m.ID
	if id == "" {
		id = m.Email
	}
	if m.All || len(id) > 200 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>\"\\", r) }) {
		return ""
	}
	return id
}

// find is the entity of a mention, nil when there is none.
func (e *encoder) find(m channel.Mention) *entity {
	id := person(m)
	for i := range e.entities {
		if id != "" && e.entities[i].id == id {
			return &e.entities[i]
		}
	}
	return nil
}

// lost warns about a mention that cannot be one.
func (e *encoder) lost(m channel.Mention) {
	switch {
	case m.All:
		e.warn(channel.WarnRemoved, "everyone is not mentioned: Teams offers no such mention to workflows")
	case person(m) == "":
		label, _ := fit.Clip(m.Label(), 100)
		e.warn(channel.WarnUnresolved, label+" is not mentioned: Teams needs a user principal name, an e-mail address or an object id")
	default:
		e.warn(channel.WarnCut, "the message mentions more people than fit")
	}
}

func safeName(s string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune("<>*[]`\\~|{}\"#&", r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, jsontext.Line(s))
	if s = strings.Trim(s, " _-"); s == "" {
		return "user"
	}
	return s
}

// mention writes the destination's mentions that the message does not make
// itself.
func (e *encoder) mention() {
	var texts []string
	for _, m := range e.to.Mentions {
		x := e.find(m)
		if x == nil {
			e.lost(m)
			continue
		}
		if !e.made[x.id] {
			e.made[x.id] = true
			texts = append(texts, x.text)
		}
	}
	if len(texts) > 0 {
		e.first = append(e.first, `{"type":"TextBlock","text":`...)
		e.first = jsontext.Quote(e.first, strings.Join(texts, " "))
		e.first = append(e.first, `,"wrap":true}`...)
	}
}

// uncalled warns about people whose mention is in none of the parts.
func (e *encoder) uncalled(msg *channel.Message, parts []channel.Payload) []channel.Warning {
	return fit.Uncalled(msg.Sections, func(m channel.Mention) bool {
		x := e.find(m)
		return x == nil || slices.ContainsFunc(parts, func(p channel.Payload) bool { return bytes.Contains(p.Body, x.json) })
	})
}
