package render_test

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	gmhtml "github.com/yuin/goldmark/renderer/html"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/channel/wecom"
)

// The readers of this file show a payload as a client of the service would. They
// share nothing with the writers.

// form is one of the forms in which a channel writes.
type form struct {
	name    string
	channel channel.Channel
	to      channel.Destination
	// limit is the vendor's, on what measure gives for a payload.
	limit   int
	measure func(channel.Payload) int
	// lists: a table is a list of lines, "key value · key value".
	lists bool
	// file is the attachment that holds a table; empty where the text does.
	file string
	// colors: the form has colours, of which each name stands for one or more.
	colors map[channel.Color]string
	// read gives what a payload shows.
	read func(testing.TB, channel.Payload) sight
}

// sight is what a person sees of a payload.
type sight struct {
	title string
	// text is all that is not in a table, and in a list form all.
	text   string
	header []string
	rows   [][]seen
	items  int // of lists
	// calls are those whom the service calls.
	calls []string
}

// seen is the text of a cell and the service's name of its colour.
type seen struct{ Text, Color string }

func mailTo() channel.Destination {
	return email.To("mail", email.Account{Host: "smtp.example.com", From: "a@example.com", To: []string{"b@example.com"}})
}

func webhook(options ...string) channel.Destination {
	to := channel.Destination{Options: map[string]string{}}
	for i := 0; i < len(options); i += 2 {
		to.Options[options[i]] = options[i+1]
	}
	return to
}

var (
	larkColors  = map[channel.Color]string{channel.ColorGreen: "green", channel.ColorRed: "red"}
	dingColors  = map[channel.Color]string{channel.ColorGreen: "#008000", channel.ColorRed: "#D93026"}
	wecomColors = map[channel.Color]string{channel.ColorGreen: "info", channel.ColorRed: "warning"}
	teamsColors = map[channel.Color]string{channel.ColorGreen: "Good", channel.ColorRed: "Attention"}
	mailColors  = map[channel.Color]string{channel.ColorGreen: "1A7F37", channel.ColorRed: "D1242F"}
)

// chats are the forms whose payload shows the message itself.
var chats = []form{
	{name: "dingtalk list", channel: dingtalk.New(nil), to: webhook(), limit: 20_000, measure: bodyBytes, lists: true, colors: dingColors, read: readDingTalk},
	{name: "dingtalk raw", channel: dingtalk.New(nil), to: webhook(dingtalk.OptionTables, dingtalk.TablesRaw), limit: 20_000, measure: bodyBytes, colors: dingColors, read: readDingTalk},
	{name: "lark card 2.0", channel: lark.New(nil), to: webhook(), limit: 20_000, measure: bodyBytes, colors: larkColors, read: readLark},
	{name: "lark card 1.0", channel: lark.New(nil), to: webhook(lark.OptionCard, "1.0"), limit: 20_000, measure: bodyBytes, colors: larkColors, read: readLark},
	{name: "wecom markdown_v2", channel: wecom.New(nil), to: webhook(), limit: 4096, measure: contentBytes, read: readWeCom},
	{name: "wecom markdown", channel: wecom.New(nil), to: webhook(wecom.OptionFormat, wecom.FormatMarkdown), limit: 4096, measure: contentBytes, lists: true, colors: wecomColors, read: readWeCom},
	{name: "wecom text", channel: wecom.New(nil), to: webhook(wecom.OptionFormat, wecom.FormatText), limit: 2048, measure: contentBytes, lists: true, read: readWeCom},
	{name: "teams table", channel: teams.New(nil), to: webhook(), limit: 26_000, measure: cardBytes, colors: teamsColors, read: readTeams},
	{name: "teams columns", channel: teams.New(nil), to: webhook(teams.OptionTables, "columns"), limit: 26_000, measure: cardBytes, colors: teamsColors, read: readTeams},
}

// files are the forms in which mail attaches a table.
var files = []form{
	{name: "mail, csv as shown", channel: email.New(nil), to: mailTo(), file: "csv-shown", read: readMail},
	{name: "mail, xlsx", channel: email.New(nil), to: mailTo(), file: "xlsx", colors: mailColors, read: readMail},
}

// mailBody is what a mail shows itself.
var mailBody = form{name: "mail", channel: email.New(nil), to: mailTo(), read: readMail}

func bodyBytes(p channel.Payload) int { return len(p.Body) }

func contentBytes(p channel.Payload) int {
	var v map[string]json.RawMessage
	var m struct{ Content string }
	if json.Unmarshal(p.Body, &v) != nil || json.Unmarshal(v[p.Type], &m) != nil {
		return 1 << 30
	}
	return len(m.Content)
}

// cardBytes is a card as Teams stores it, which is a JSON string.
func cardBytes(p channel.Payload) int {
	var v struct {
		Attachments []struct{ Content json.RawMessage }
	}
	if json.Unmarshal(p.Body, &v) != nil || len(v.Attachments) != 1 || len(p.Body) > 20_000 {
		return 1 << 30
	}
	return len(v.Attachments[0].Content) + bytes.Count(v.Attachments[0].Content, []byte(`"`)) + bytes.Count(v.Attachments[0].Content, []byte(`\`)) + 2
}

type object = map[string]any

func decoded(t testing.TB, p channel.Payload) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(p.Body, &o); err != nil {
		t.Fatalf("part %d is no JSON: %v", p.Part, err)
	}
	return o
}

// within walks down a JSON value.
func within(o object, keys ...string) object {
	for _, k := range keys {
		o, _ = o[k].(object)
	}
	return o
}

func str(v any) string { s, _ := v.(string); return s }

func list(v any) []any { l, _ := v.([]any); return l }

func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

// page reads CommonMark with GFM's tables, and shows HTML as it is.
var page = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList),
	goldmark.WithRendererOptions(gmhtml.WithUnsafe()))

var (
	anyTag   = regexp.MustCompile(`(?s)<!--.*?-->|<[^>]*>`)
	fontTag  = regexp.MustCompile(`^<font color=['"]?([^'">]*)['"]?>`)
	anyTable = regexp.MustCompile(`(?s)<table.*?</table>`)
	tableRow = regexp.MustCompile(`(?s)<tr>(.*?)</tr>`)
	tableTD  = regexp.MustCompile(`(?s)<t[dh][^>]*>(.*?)</t[dh]>`)
	atTag    = regexp.MustCompile(`<at id=([^>]*)></at>`)
)

func stripped(s string) string { return html.UnescapeString(anyTag.ReplaceAllString(s, "")) }

func toHTML(t testing.TB, markdown string) string {
	t.Helper()
	var b bytes.Buffer
	if err := page.Convert([]byte(markdown), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// cellOf reads a cell that may be coloured as a whole.
func cellOf(s string) seen {
	s = strings.TrimSpace(s)
	var c seen
	if m := fontTag.FindStringSubmatch(s); m != nil {
		c.Color = m[1]
	}
	c.Text = oneSpace(stripped(s))
	return c
}

// addMarkdown reads text with tables.
func (s *sight) addMarkdown(t testing.TB, markdown string) {
	t.Helper()
	h := toHTML(t, markdown)
	s.items += strings.Count(h, "<li")
	for _, table := range anyTable.FindAllString(h, -1) {
		for i, tr := range tableRow.FindAllStringSubmatch(table, -1) {
			var row []seen
			for _, td := range tableTD.FindAllStringSubmatch(tr[1], -1) {
				row = append(row, cellOf(td[1]))
			}
			s.addRow(i == 0, row)
		}
	}
	s.text += stripped(anyTable.ReplaceAllString(h, "\n")) + "\n"
}

func (s *sight) addRow(header bool, row []seen) {
	if !header {
		s.rows = append(s.rows, row)
		return
	}
	s.header = nil
	for _, c := range row {
		s.header = append(s.header, c.Text)
	}
}

func readDingTalk(t testing.TB, p channel.Payload) sight {
	o := decoded(t, p)
	s := sight{title: str(within(o, "markdown")["title"])}
	text := str(within(o, "markdown")["text"])
	s.addMarkdown(t, text)
	at := within(o, "at")
	for _, who := range append(list(at["atMobiles"]), list(at["atUserIds"])...) {
		if strings.Contains(text, "@"+str(who)) { // else the client draws none
			s.calls = append(s.calls, str(who))
		}
	}
	if at["isAtAll"] == true {
		s.calls = append(s.calls, "all")
	}
	return s
}

func readLark(t testing.TB, p channel.Payload) sight {
	card := within(decoded(t, p), "card")
	s := sight{title: str(within(card, "header", "title")["content"])}
	elements := list(card["elements"])
	if card["schema"] == "2.0" {
		elements = list(within(card, "body")["elements"])
	}
	for _, e := range elements {
		switch e := e.(object); e["tag"] {
		case "markdown":
			content := str(e["content"])
			for _, m := range atTag.FindAllStringSubmatch(content, -1) {
				s.calls = append(s.calls, m[1])
			}
			s.addMarkdown(t, content)
		case "table":
			var header []seen
			for _, c := range list(e["columns"]) {
				header = append(header, seen{Text: oneSpace(str(c.(object)["display_name"]))})
			}
			s.addRow(true, header)
			for _, r := range list(e["rows"]) {
				var row []seen
				for _, c := range list(e["columns"]) {
					c := c.(object)
					v := str(r.(object)[str(c["name"])])
					if c["data_type"] == "lark_md" {
						row = append(row, cellOf(v))
					} else {
						row = append(row, seen{Text: oneSpace(v)})
					}
				}
				s.addRow(false, row)
			}
		default:
			t.Errorf("an element of tag %v", e["tag"])
		}
	}
	return s
}

var (
	wecomFont = regexp.MustCompile(`(?s)<font color="(info|comment|warning)">(.*?)</font>`)
	wecomAt   = regexp.MustCompile(`<@([^>]*)>`)
	wecomMark = []struct {
		mark *regexp.Regexp
		text string
	}{
		{regexp.MustCompile(`(?m)^(#{1,6} |> ?)`), ""},
		{regexp.MustCompile(`\*\*([^\n]+?)\*\*`), "$1"},
		{regexp.MustCompile(`\[([^\]\n]*)\]\([^)\n]*\)`), "$1"},
	}
)

// lookAlikes are what stands for characters that WeCom's markdown cannot show.
var lookAlikes = strings.NewReplacer("＜", "<", "｀", "`", "［", "[", "］", "]", "\u200b", "")

// wecomText reads the dialect markdown: what stands between backticks is code,
// everything else may be markup.
func wecomText(s string) string {
	var b strings.Builder
	for i, stretch := range regexp.MustCompile("`([^`\n]+)`").Split(s, -1) {
		if i > 0 {
			_, rest, _ := strings.Cut(s, "`")
			code, rest, _ := strings.Cut(rest, "`")
			b.WriteString(code)
			s = rest
		}
		s = strings.TrimPrefix(s, stretch)
		text := wecomFont.ReplaceAllString(stretch, "$2")
		for _, m := range wecomMark {
			text = m.mark.ReplaceAllString(text, m.text)
		}
		b.WriteString(text)
	}
	return lookAlikes.Replace(b.String())
}

// wecomColorOf finds the colours of the values of a line.
func wecomColorOf(line string) []seen {
	var out []seen
	for _, m := range wecomFont.FindAllStringSubmatch(line, -1) {
		out = append(out, seen{Text: lookAlikes.Replace(m[2]), Color: m[1]})
	}
	return out
}

func readWeCom(t testing.TB, p channel.Payload) sight {
	o := decoded(t, p)
	content := str(within(o, p.Type)["content"])
	var s sight
	for _, who := range append(list(within(o, p.Type)["mentioned_list"]), list(within(o, p.Type)["mentioned_mobile_list"])...) {
		s.calls = append(s.calls, str(who))
	}
	switch p.Type {
	case wecom.FormatMarkdownV2:
		s.addMarkdown(t, content)
	case wecom.FormatMarkdown:
		for _, m := range wecomAt.FindAllStringSubmatch(content, -1) {
			s.calls = append(s.calls, m[1])
		}
		s.text = wecomText(content)
	default:
		s.text = content
	}
	return s
}

// teamsText reads a TextBlock or a RichTextBlock.
func (s *sight) teamsText(t testing.TB, o object) seen {
	var c seen
	if text, ok := o["text"].(string); ok && text != "" {
		c.Text, c.Color = stripped(toHTML(t, strings.ReplaceAll(strings.ReplaceAll(text, "<at>", ""), "</at>", ""))), str(o["color"])
	}
	for _, run := range list(o["inlines"]) {
		run := run.(object)
		c.Text += str(run["text"])
		c.Color = str(run["color"])
	}
	return c
}

func readTeams(t testing.TB, p channel.Payload) sight {
	o := decoded(t, p)
	card := within(list(o["attachments"])[0].(object), "content")
	s := sight{title: str(card["fallbackText"])}
	for _, e := range list(within(card, "msteams")["entities"]) {
		s.calls = append(s.calls, str(within(e.(object), "mentioned")["id"]))
	}
	cells := func(of []any) (row []seen) {
		for _, c := range of {
			var all seen
			for _, item := range list(c.(object)["items"]) {
				one := s.teamsText(t, item.(object))
				all.Text, all.Color = oneSpace(all.Text+one.Text), one.Color
			}
			row = append(row, all)
		}
		return row
	}
	var walk func([]any)
	walk = func(elements []any) {
		sets := 0
		for _, e := range elements {
			e := e.(object)
			if e["type"] != "ColumnSet" {
				sets = 0
			}
			switch e["type"] {
			case "Table":
				for i, r := range list(e["rows"]) {
					s.addRow(i == 0, cells(list(r.(object)["cells"])))
				}
			case "ColumnSet":
				s.addRow(sets == 0, cells(list(e["columns"])))
				sets++
			case "Container":
				walk(list(e["items"]))
			default:
				s.text += s.teamsText(t, e).Text + "\n"
			}
		}
	}
	walk(list(card["body"]))
	return s
}

// leaf is a part of a mail.
type leaf struct{ kind, name, body string }

// leaves are the parts of a mail that hold something.
func leaves(t testing.TB, header, encoding, disposition string, body io.Reader) []leaf {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		var all []leaf
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			p, err := parts.NextRawPart()
			if err != nil {
				return all
			}
			all = append(all, leaves(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p)...)
		}
	}
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	_, params, _ = mime.ParseMediaType(disposition)
	return []leaf{{kind, params["filename"], string(b)}}
}

// readMailHTML is the source of a mail's HTML.
func readMailHTML(t testing.TB, p channel.Payload) string {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leaves(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), "", m.Body) {
		if l.kind == "text/html" {
			return html.UnescapeString(l.body)
		}
	}
	return ""
}

func readMail(t testing.TB, p channel.Payload) sight {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	var s sight
	if s.title, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	for _, l := range leaves(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), "", m.Body) {
		switch l.kind {
		case "text/html":
			_, body, _ := strings.Cut(l.body, "<body")
			s.text = stripped("<body" + strings.ReplaceAll(body, "<br>", "\n"))
		case "text/csv":
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(l.body, "\ufeff"))).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range rows {
				var row []seen
				for _, text := range r {
					row = append(row, seen{Text: oneSpace(text)})
				}
				s.addRow(i == 0, row)
			}
		case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
			s.addSheet(t, l.body)
		}
	}
	return s
}

// addSheet reads a workbook's cells as a spreadsheet shows them, by their number
// formats.
func (s *sight) addSheet(t testing.TB, data string) {
	t.Helper()
	f, err := excelize.OpenReader(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sheet := f.GetSheetName(0)
	shown, err := f.GetRows(sheet)
	if err != nil {
		t.Fatal(err)
	}
	for r, texts := range shown {
		row := make([]seen, len(shown[0])) // texts lacks empty cells at its end
		for c := range row {
			if c < len(texts) {
				row[c].Text = oneSpace(texts[c])
			}
			name, _ := excelize.CoordinatesToCellName(c+1, r+1)
			id, _ := f.GetCellStyle(sheet, name)
			style, err := f.GetStyle(id)
			if err != nil || r == 0 {
				continue
			}
			if style.Font != nil {
				row[c].Color = strings.TrimPrefix(strings.ToUpper(style.Font.Color), "FF")
			}
			if style.CustomNumFmt != nil && strings.Contains(*style.CustomNumFmt, "General") {
				raw, _ := f.GetCellValue(sheet, name, excelize.Options{RawCellValue: true})
				row[c].Text = oneSpace(general(*style.CustomNumFmt, raw))
			}
		}
		s.addRow(r == 0, row)
	}
}

// general applies a number format of the form "before"General"after", which
// excelize does not: its sections are for positive numbers, negative ones, zero
// and text (ECMA-376 part 1, 18.8.31).
func general(format, value string) string {
	sections := strings.Split(format, ";")
	section := sections[0]
	if rest, negative := strings.CutPrefix(value, "-"); negative && len(sections) > 1 {
		section, value = sections[1], rest
	}
	return strings.ReplaceAll(strings.ReplaceAll(section, `"`, ""), "General", value)
}

// look encodes a message in a form and reads all its parts.
func (f *form) look(t testing.TB, msg *channel.Message) (all sight, ps []channel.Payload) {
	t.Helper()
	ps, err := f.channel.Encode(msg, f.to)
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	for _, p := range ps {
		s := f.read(t, p)
		if all.title == "" {
			all.title = s.title
		}
		all.text += s.text + "\n"
		all.header = s.header
		all.rows = append(all.rows, s.rows...)
		all.calls = append(all.calls, s.calls...)
	}
	return all, ps
}

// cells are the texts of the rows that were seen. Of a list form they are those
// of the lines that hold all keys of a header.
func (f *form) cells(s sight, header ...string) (rows [][]string) {
	if !f.lists {
		for _, r := range s.rows {
			var row []string
			for _, c := range r {
				row = append(row, c.Text)
			}
			rows = append(rows, row)
		}
		return rows
	}
	for line := range strings.SplitSeq(s.text, "\n") {
		pairs := strings.Split(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "•")), " · ")
		var row []string
		for i, pair := range pairs {
			if i < len(header) {
				if value, ok := strings.CutPrefix(pair, header[i]+" "); ok {
					row = append(row, value)
				}
			}
		}
		if len(row) == len(header) && len(pairs) == len(header) {
			rows = append(rows, row)
		}
	}
	return rows
}

// lineOf is a row of a table in a list form, as section 9.1 of the channel
// specification has it.
func lineOf(header, row []string) string {
	var pairs []string
	for i, h := range header {
		pairs = append(pairs, oneSpace(h+" "+row[i]))
	}
	return oneSpace(strings.Join(pairs, " · "))
}

// wants compares the table that a form shows with header and rows, whose
// colours are by name.
func (f *form) wants(t testing.TB, msg *channel.Message, header []string, rows [][]string, colors [][]channel.Color) {
	t.Helper()
	got, _ := f.look(t, msg)
	if f.lists {
		var want, lines []string
		for _, r := range rows {
			want = append(want, lineOf(header, r))
		}
		if len(rows) == 0 {
			want = []string{lineOf(header, make([]string, len(header))) + " (no rows)"}
			if strings.Contains(got.text, "•") || got.items > 0 {
				t.Errorf("%s: no rows read as one: %q", f.name, got.text)
			}
		}
		for line := range strings.SplitSeq(got.text, "\n") {
			line = oneSpace(strings.TrimPrefix(strings.TrimSpace(line), "•"))
			if line != "" && line != msg.Title {
				lines = append(lines, line)
			}
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("%s: lines (-want +got):\n%s", f.name, diff)
		}
		f.wantsFonts(t, msg, rows, colors)
		return
	}
	if diff := cmp.Diff(header, got.header); diff != "" {
		t.Errorf("%s: header (-want +got):\n%s", f.name, diff)
	}
	var want [][]seen
	for i, r := range rows {
		row := make([]seen, len(r))
		for j := range r {
			row[j].Text = oneSpace(r[j])
			if colors != nil {
				row[j].Color = f.colors[colors[i][j]]
			}
		}
		want = append(want, row)
	}
	if diff := cmp.Diff(want, got.rows); diff != "" {
		t.Errorf("%s: rows (-want +got):\n%s", f.name, diff)
	}
}

// wantsFonts compares the coloured values of a list form.
func (f *form) wantsFonts(t testing.TB, msg *channel.Message, rows [][]string, colors [][]channel.Color) {
	t.Helper()
	if f.colors == nil {
		return
	}
	var want, got []seen
	for i := range colors {
		for j, c := range colors[i] {
			if c != "" {
				want = append(want, seen{rows[i][j], f.colors[c]})
			}
		}
	}
	ps, err := f.channel.Encode(msg, f.to)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		if o := decoded(t, p); f.channel.Kind() == channel.DingTalk {
			for _, m := range regexp.MustCompile(`<font[^>]*>.*?</font>`).FindAllString(toHTML(t, str(within(o, "markdown")["text"])), -1) {
				got = append(got, cellOf(m))
			}
		} else {
			got = append(got, wecomColorOf(str(within(o, p.Type)["content"]))...)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: colours (-want +got):\n%s", f.name, diff)
	}
}

// withFile asks for the attachment of a form.
func (f *form) withFile(msg *channel.Message) *channel.Message {
	out := *msg
	out.Sections = slices.Clone(msg.Sections)
	for i, s := range out.Sections {
		for _, b := range s.Blocks {
			if table, ok := b.(*channel.Table); ok {
				table := *table
				table.File = f.file
				out.Sections[i].Blocks = []channel.Block{&table}
			}
		}
	}
	return &out
}
