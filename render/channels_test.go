package render_test

import (
	"bytes"
	"encoding/base64"
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

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/channel/wecom"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
)

// The tests of this file go from content to payload on each channel and read the
// payload with readers that share nothing with the writers.

var (
	anyTag   = regexp.MustCompile(`(?s)<!--.*?-->|<[^>]*>`)
	tableRow = regexp.MustCompile(`(?s)<tr>(.*?)</tr>`)
	tableTD  = regexp.MustCompile(`(?s)<td[^>]*>(.*?)</td>`)
)

func stripped(s string) string { return html.UnescapeString(anyTag.ReplaceAllString(s, "")) }

// markdownRows are the rows of the tables in a Markdown text.
func markdownRows(t *testing.T, text string) (rows [][]string) {
	t.Helper()
	var page bytes.Buffer
	if err := reader.Convert([]byte(text), &page); err != nil {
		t.Fatal(err)
	}
	for _, tr := range tableRow.FindAllStringSubmatch(page.String(), -1) {
		var row []string
		for _, td := range tableTD.FindAllStringSubmatch(tr[1], -1) {
			row = append(row, stripped(td[1]))
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	return rows
}

type object = map[string]any

// each calls f for every object of a JSON value, the outer ones first.
func each(v any, f func(object)) {
	switch v := v.(type) {
	case object:
		f(v)
		for _, inner := range v {
			each(inner, f)
		}
	case []any:
		for _, inner := range v {
			each(inner, f)
		}
	}
}

func larkRows(body object) (rows [][]string) {
	each(body, func(o object) {
		if o["tag"] != "table" {
			return
		}
		for _, r := range o["rows"].([]any) {
			var row []string
			for _, c := range o["columns"].([]any) {
				c := c.(object)
				s, _ := r.(object)[c["name"].(string)].(string)
				if c["data_type"] == "lark_md" {
					s = stripped(s)
				}
				row = append(row, s)
			}
			rows = append(rows, row)
		}
	})
	return rows
}

func teamsRows(body object) (rows [][]string) {
	each(body, func(o object) {
		if o["type"] != "Table" {
			return
		}
		for _, r := range o["rows"].([]any)[1:] {
			var row []string
			for _, c := range r.(object)["cells"].([]any) {
				text := ""
				for _, item := range c.(object)["items"].([]any) {
					item := item.(object)
					if s, ok := item["text"].(string); ok { // without Markdown, as the channel promises
						text += s
					}
					runs, _ := item["inlines"].([]any)
					for _, run := range runs {
						text += run.(object)["text"].(string)
					}
				}
				row = append(row, text)
			}
			rows = append(rows, row)
		}
	})
	return rows
}

// readers give the rows of a payload.
var readers = []struct {
	name    string
	channel channel.Channel
	options map[string]string
	rows    func(*testing.T, object) [][]string
}{
	{"dingtalk", dingtalk.New(nil), map[string]string{dingtalk.OptionTables: dingtalk.TablesRaw}, func(t *testing.T, o object) [][]string {
		return markdownRows(t, o["markdown"].(object)["text"].(string))
	}},
	{"wecom", wecom.New(nil), nil, func(t *testing.T, o object) [][]string {
		return markdownRows(t, o["markdown_v2"].(object)["content"].(string))
	}},
	{"lark", lark.New(nil), nil, func(_ *testing.T, o object) [][]string { return larkRows(o) }},
	{"lark card 1.0", lark.New(nil), map[string]string{lark.OptionCard: "1.0"}, func(_ *testing.T, o object) [][]string { return larkRows(o) }},
	{"teams", teams.New(nil), nil, func(_ *testing.T, o object) [][]string { return teamsRows(o) }},
}

// onEach compares the rows of a table on all chats with what is wanted.
func onEach(t *testing.T, msg *channel.Message, want [][]string) {
	t.Helper()
	for _, r := range readers {
		ps, err := r.channel.Encode(msg, channel.Destination{Options: r.options})
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		var got [][]string
		for _, p := range ps {
			var body object
			if err := json.Unmarshal(p.Body, &body); err != nil {
				t.Fatalf("%s: %v", r.name, err)
			}
			got = append(got, r.rows(t, body)...)
		}
		for _, rows := range [][][]string{got, want} {
			for _, row := range rows {
				for i := range row {
					row[i] = strings.Join(strings.Fields(row[i]), " ")
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.name, diff)
		}
	}
}

func TestConditionsAndStylesShowOnEveryChannel(t *testing.T) {
	given := &render.Condition{Op: render.OpGreaterEqual, Threshold: "60",
		Met: render.Style{Color: channel.ColorGreen, Mark: "↑"}, NotMet: render.Style{Color: channel.ColorRed, Mark: "↓"}}
	empty := &render.Condition{Op: render.OpEmpty, Met: render.Style{Color: channel.ColorRed, Mark: "!"}}
	res := result([]string{"v", "text", "money"},
		[]any{int64(60), "60", 11000.0}, []any{59.99, "1e2", nil}, []any{nil, nil, source.Decimal("0")}, []any{int64(100), "n/a", ""})
	msg := mustRender(t, render.Content{Title: "K", Blocks: render.Blocks(render.TableOf(
		render.Column{Field: "v", Suffix: "%", Condition: given},
		render.Column{Field: "text", Condition: given},
		render.Column{Field: "money", Prefix: "¥", Suffix: " yuan", Empty: "-"},
		render.Column{Field: "money", Prefix: "¥", Condition: empty},
	))}, data(nil, res))
	onEach(t, msg, [][]string{
		{"60%↑", "60↑", "¥11000 yuan", "¥11000"},
		{"59.99%↓", "1e2↑", "-", "!"},
		{"", "", "¥0 yuan", "¥0"},
		{"100%↑", "n/a↓", "-", "!"},
	})
}

func TestHostileValuesShowAsTheyAreOnEveryChannel(t *testing.T) {
	const some = 40 // few enough for the smallest channel to show all
	for i := 0; i < len(hostileValues); i += some {
		part := &source.Result{Columns: []source.Column{{Name: "n"}, {Name: "部门 no"}}}
		var want [][]string
		for j, v := range hostileValues[i:min(i+some, len(hostileValues))] {
			part.Rows = append(part.Rows, []any{int64(j), v})
			want = append(want, []string{number(j), cleaned(v)})
		}
		msg := mustRender(t, render.Content{Title: "H", Blocks: render.Blocks(render.Table("n", "部门 no"))}, data(nil, part))
		onEach(t, msg, want)
	}
}

func number(i int) string {
	b, _ := json.Marshal(i)
	return string(b)
}

// leaf is the decoded text of the first part of a type.
func leaf(t *testing.T, header, encoding string, body io.Reader, want string) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(header)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			p, err := parts.NextRawPart()
			if err != nil {
				return ""
			}
			if s := leaf(t, p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, want); s != "" {
				return s
			}
		}
	}
	if kind != want {
		return ""
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
	return string(b)
}

func TestHostileValuesShowAsTheyAreInMail(t *testing.T) {
	c := email.New(nil)
	to := email.To("mail", email.Account{Host: "smtp.example.com", From: "a@example.com", To: []string{"b@example.com"}})
	for _, v := range slices.Concat(hostileValues, []string{"a\x00b"}) {
		msg := mustRender(t, render.Content{Title: "H", Blocks: render.Blocks(render.Email("[[${v}]]"))}, data(nil, result([]string{"v"}, []any{v})))
		ps, err := c.Encode(msg, to)
		if err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		m, err := mail.ReadMessage(bytes.NewReader(ps[0].Body))
		if err != nil {
			t.Fatal(err)
		}
		page := leaf(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body, "text/html")
		_, page, _ = strings.Cut(page, "<body")
		page = strings.ReplaceAll(page, "<br>", "\n")
		want := strings.Join(strings.Fields("[["+cleaned(v)+"]]"), " ")
		if got := strings.Join(strings.Fields(stripped("<body"+page)), " "); got != want {
			t.Errorf("%q shows as %q, want %q", v, got, want)
		}
	}
}
