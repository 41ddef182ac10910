package main

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"

	"github.com/datapush-go/datapush/channel/channeltest"
)

// message is what arrived somewhere, as a person would read it.
type message struct {
	channel string
	title   string
	text    []string
	more    []string // what only this channel has
}

// print decodes what each vendor received for the scheduled run, which came
// after the test's.
func (w *world) print(out io.Writer) error {
	var missing []error
	last := func(name string, ms []channeltest.Message, read func([]byte) (message, error)) message {
		if len(ms) != 2 {
			missing = append(missing, fmt.Errorf("%s: %d messages arrived, want the test's and the scheduled one", name, len(ms)))
			return message{}
		}
		m, err := read(ms[1].Raw)
		if err != nil {
			missing = append(missing, fmt.Errorf("%s: %w", name, err))
		}
		m.channel = name
		return m
	}
	all := []message{
		last("DingTalk", w.dingtalk.Messages(), readDingTalk),
		last("Lark", w.lark.Messages(), readLark),
		last("WeCom", w.wecom.Messages(), readWeCom),
		last("Teams", w.teams.Messages(), readTeams),
	}
	mails := w.smtp.Messages()
	if len(mails) != 2 {
		missing = append(missing, fmt.Errorf("mail: %d arrived, want the test's and the scheduled one", len(mails)))
	} else if m, err := readMail(mails[1].Data); err != nil {
		missing = append(missing, fmt.Errorf("mail: %w", err))
	} else {
		m.channel = "Mail to " + strings.Join(mails[1].To, " and ")
		all = append(all, m)
	}
	if missing != nil {
		return errors.Join(missing...)
	}
	for _, m := range all {
		fmt.Fprintf(out, "\n%s: %s\n", m.channel, m.title)
		for _, line := range append(m.text, m.more...) {
			fmt.Fprintln(out, strings.TrimRight("  "+line, " "))
		}
	}
	return nil
}

func readDingTalk(raw []byte) (message, error) {
	var body struct {
		Markdown struct{ Title, Text string }
	}
	err := json.Unmarshal(raw, &body)
	return message{title: body.Markdown.Title, text: readable(body.Markdown.Text)}, err
}

func readWeCom(raw []byte) (message, error) {
	var body struct {
		Markdown struct{ Content string } `json:"markdown_v2"`
	}
	err := json.Unmarshal(raw, &body)
	lines := readable(body.Markdown.Content)
	if err != nil || len(lines) == 0 {
		return message{}, errors.Join(err, errors.New("an empty message"))
	}
	return message{title: lines[0], text: lines[1:]}, nil
}

func readLark(raw []byte) (message, error) {
	var body struct {
		Card struct {
			Header struct{ Title struct{ Content string } }
			Body   struct {
				Elements []struct {
					Tag, Content string
					Columns      []struct {
						Name    string
						Display string `json:"display_name"`
					}
					Rows []map[string]any
				}
			}
		}
	}
	err := json.Unmarshal(raw, &body)
	m := message{title: body.Card.Header.Title.Content}
	for _, e := range body.Card.Body.Elements {
		if e.Tag != "table" {
			m.text = append(m.text, readable(e.Content)...)
			continue
		}
		head := make([]string, len(e.Columns))
		for i, c := range e.Columns {
			head[i] = c.Display
		}
		m.text = append(m.text, strings.Join(head, " | "))
		for _, row := range e.Rows {
			cells := make([]string, len(e.Columns))
			for i, c := range e.Columns {
				cells[i] = strings.Join(readable(fmt.Sprint(row[c.Name])), " ")
			}
			m.text = append(m.text, strings.Join(cells, " | "))
		}
	}
	return m, err
}

func readTeams(raw []byte) (message, error) {
	var body struct {
		Attachments []struct {
			Content struct{ Body []card }
		}
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return message{}, err
	}
	var m message
	for _, a := range body.Attachments {
		for _, e := range a.Content.Body {
			for _, line := range e.lines() {
				if m.title == "" {
					m.title = line
				} else {
					m.text = append(m.text, line)
				}
			}
		}
	}
	return m, nil
}

// card is the part of an Adaptive Card element that holds text.
type card struct {
	Type, Text, Color string
	Inlines           []card
	Items             []card
	Rows              []struct{ Cells []card }
}

func (c card) lines() []string {
	var lines []string
	switch {
	case c.Rows != nil:
		for _, r := range c.Rows {
			var cells []string
			for _, cell := range r.Cells {
				cells = append(cells, strings.Join(cell.lines(), " "))
			}
			lines = append(lines, strings.Join(cells, " | "))
		}
	case c.Items != nil:
		for _, i := range c.Items {
			lines = append(lines, i.lines()...)
		}
	case c.Inlines != nil:
		var b strings.Builder
		for _, i := range c.Inlines {
			b.WriteString(i.Text)
			b.WriteString(colour(i.Color))
		}
		lines = append(lines, b.String())
	case c.Text != "":
		lines = readable(c.Text)
		if len(lines) > 0 {
			lines[len(lines)-1] += colour(c.Color)
		}
	}
	return lines
}

func readMail(raw []byte) (message, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return message{}, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return message{}, err
	}
	got := message{title: subject}
	return got, got.part(m.Header.Get("Content-Type"), m.Body)
}

// part walks a MIME tree: the text body is shown, attachments are named.
func (m *message) part(contentType string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		text, err := io.ReadAll(body)
		if err == nil && kind == "text/plain" {
			m.text = append(m.text, readable(string(text))...)
		}
		return err
	}
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextPart() // decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if name := p.FileName(); name != "" {
			m.more = append(m.more, "attached: "+name)
			if strings.HasSuffix(name, ".csv") {
				lines, err := readCSV(p)
				if err != nil {
					return err
				}
				m.more = append(m.more, lines...)
			}
			continue
		}
		if err := m.part(p.Header.Get("Content-Type"), p); err != nil {
			return err
		}
	}
}

// readCSV shows the rows of an attached table, which is base64 and begins with a
// byte order mark.
func readCSV(p *multipart.Part) ([]string, error) {
	var body io.Reader = p
	if p.Header.Get("Content-Transfer-Encoding") == "base64" {
		body = base64.NewDecoder(base64.StdEncoding, p)
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff")))).ReadAll()
	var lines []string
	for _, row := range rows {
		lines = append(lines, "  "+strings.Join(row, " | "))
	}
	return lines, err
}

// readable drops the marks of a vendor's dialect and leaves what is read.
func readable(text string) []string {
	for _, c := range [][2]string{{"green", " (green)"}, {"#008000", " (green)"}, {"red", " (red)"}, {"#D93026", " (red)"}} {
		for _, open := range []string{"<font color='" + c[0] + "'>", "<font color=" + c[0] + ">"} {
			for {
				before, after, found := strings.Cut(text, open)
				if !found {
					break
				}
				inner, rest, _ := strings.Cut(after, "</font>")
				text = before + inner + c[1] + rest
			}
		}
	}
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.Trim(line, "|-: ") == "" {
			continue // blank, or the rule under a table's header
		}
		line = strings.TrimSpace(strings.TrimLeft(line, "#"))
		line = strings.TrimSpace(strings.Trim(line, "|"))
		line = strings.NewReplacer("**", "", `\-`, "-", `\.`, ".", `\(`, "(", `\)`, ")", `\_`, "_", `\#`, "#", `\+`, "+").Replace(line)
		lines = append(lines, html.UnescapeString(line))
	}
	return lines
}

func colour(name string) string {
	switch strings.ToLower(name) {
	case "good":
		return " (green)"
	case "attention":
		return " (red)"
	}
	return ""
}
