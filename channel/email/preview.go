package email

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"

	"github.com/datapush-go/datapush/channel"
)

// Preview draws a payload from its own bytes: sender, receivers, subject, the
// HTML part and the attachments' names. Bcc is in no mail and so in no preview.
// Elements and attributes that this package does not write are shown as text;
// pictures of the mail are inlined, pictures by address are replaced by their
// description, because a preview loads nothing.
func (c *Channel) Preview(p channel.Payload) (string, error) {
	m, err := parseMail(p.Body)
	if err != nil {
		return "", fmt.Errorf("email: preview: %w", err)
	}
	w := &htmlWriter{b: &body{}}
	w.str(`<div style="` + textStyle + `;background-color:` + paper + `">` + "\n")
	w.str(`<table role="presentation" border="0" cellpadding="2" cellspacing="0" style="` + textStyle + `">` + "\n")
	for _, h := range []string{"From", "To", "Cc", "Reply-To", "Subject", "Date"} {
		if v := m.header[h]; v != "" {
			w.str(`<tr><td align="left" style="color:#57606a">` + h + `</td><td align="left">`)
			w.text(v)
			w.str("</td></tr>\n")
		}
	}
	for _, name := range m.attachments {
		w.str(`<tr><td align="left" style="color:#57606a">Attachment</td><td align="left">`)
		w.text(name)
		w.str("</td></tr>\n")
	}
	w.str("</table>\n<hr>\n")
	w.buf = appendSafe(w.buf, m.html, m.pictures)
	w.str("</div>\n")
	return string(w.buf), nil
}

// parsed is what a preview shows of a mail.
type parsed struct {
	header      map[string]string
	html        string
	hasHTML     bool
	attachments []string
	pictures    map[string]string // data URLs by Content-ID
}

func parseMail(data []byte) (*parsed, error) {
	msg, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return nil, errors.New("the payload is not a mail")
	}
	m := &parsed{header: map[string]string{}, pictures: map[string]string{}}
	var dec mime.WordDecoder
	for name := range msg.Header {
		v := msg.Header.Get(name)
		if d, err := dec.DecodeHeader(v); err == nil {
			v = d
		}
		m.header[name] = v
	}
	if err := m.part(partHeader(msg.Header), msg.Body, 0); err != nil {
		return nil, err
	}
	if !m.hasHTML {
		return nil, errors.New("the mail has no HTML part")
	}
	return m, nil
}

type partHeader interface{ Get(key string) string }

// maxDepth is deeper than any mail of this package.
const maxDepth = 5

func (m *parsed) part(h partHeader, r io.Reader, depth int) error {
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || depth > maxDepth {
		return errors.New("a part of the mail cannot be read")
	}
	if strings.HasPrefix(mediaType, "multipart/") {
		mr := multipart.NewReader(r, params["boundary"])
		for {
			p, err := mr.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return errors.New("the parts of the mail cannot be told apart")
			}
			if err := m.part(p.Header, p, depth+1); err != nil {
				return err
			}
		}
	}
	disposition, dparams, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	if disposition == "attachment" {
		m.attachments = append(m.attachments, dparams["filename"])
		return nil
	}
	id := strings.Trim(h.Get("Content-ID"), "<>")
	if mediaType != "text/html" && id == "" {
		return nil
	}
	switch h.Get("Content-Transfer-Encoding") {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return errors.New("a part of the mail is not encoded as it says")
	}
	if id != "" {
		if t, _, _, bad := sniff(content); !bad {
			m.pictures[id] = "data:" + t + ";base64," + base64.StdEncoding.EncodeToString(content)
		}
		return nil
	}
	m.hasHTML = true
	m.html = strings.ReplaceAll(string(content), "\r\n", "\n")
	if _, after, ok := strings.Cut(m.html, "<body"); ok {
		if _, after, ok = strings.Cut(after, ">"); ok {
			m.html, _, _ = strings.Cut(after, "</body>")
		}
	}
	return nil
}

// The elements and attributes that htmlWriter writes. A value may hold anything
// but a quotation mark; addresses and styles are looked at.
var (
	safeElements = map[string]bool{
		"a": true, "blockquote": true, "br": true, "code": true, "em": true, "h1": true, "h2": true, "h3": true,
		"h4": true, "h5": true, "h6": true, "hr": true, "img": true, "li": true, "ol": true, "p": true, "pre": true,
		"s": true, "strong": true, "table": true, "td": true, "th": true, "tr": true, "ul": true,
	}
	safeAttributes = map[string]bool{
		"align": true, "alt": true, "bgcolor": true, "border": true, "bordercolor": true, "cellpadding": true,
		"cellspacing": true, "href": true, "role": true, "src": true, "start": true, "style": true, "width": true,
	}
)

// appendSafe copies HTML and keeps only what this package writes; every other
// "<" is shown as a character.
func appendSafe(dst []byte, s string, pictures map[string]string) []byte {
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		s = s[i:]
		if tag, rest, ok := safeTag(s, pictures); ok {
			dst = append(dst, tag...)
			s = rest
			continue
		}
		dst = append(dst, "&lt;"...)
		s = s[1:]
	}
	return dst
}

// safeTag reads one tag at the beginning of s.
func safeTag(s string, pictures map[string]string) (tag, rest string, ok bool) {
	t := s[1:]
	end := strings.HasPrefix(t, "/")
	t = strings.TrimPrefix(t, "/")
	n := 0
	for n < len(t) && ('a' <= t[n] && t[n] <= 'z' || '0' <= t[n] && t[n] <= '9') {
		n++
	}
	name := t[:n]
	if !safeElements[name] {
		return "", "", false
	}
	t = t[n:]
	out := "<" + name
	if end {
		out = "</" + name
	}
	alt := ""
	for {
		if strings.HasPrefix(t, ">") {
			break
		}
		key, after, found := strings.Cut(t, `="`)
		value, after, closed := strings.Cut(after, `"`)
		key, spaced := strings.CutPrefix(key, " ")
		if end || !found || !closed || !spaced || !safeAttributes[key] || strings.ContainsAny(value, "<>") {
			return "", "", false
		}
		t = after
		switch key {
		case "alt":
			alt = value
		case "href":
			if !safeURL(value) {
				return "", "", false
			}
			out += ` rel="noreferrer noopener"`
		case "src":
			url, ok := pictures[strings.TrimPrefix(value, "cid:")]
			if !ok {
				value = ""
				break
			}
			value = url
		case "style":
			if strings.ContainsAny(value, `\(@`) {
				return "", "", false
			}
		}
		out += " " + key + `="` + value + `"`
	}
	if name == "img" && !strings.Contains(out, ` src="data:`) {
		if alt == "" {
			alt = "image"
		}
		return "[" + alt + "]", t[1:], true
	}
	return out + ">", t[1:], true
}
