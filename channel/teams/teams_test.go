package teams_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/internal/readback"
)

type (
	blocks  = []channel.Block
	inlines = []channel.Inline
)

var message, p, revenue, grid = readback.Message, readback.Paragraph, readback.Revenue, readback.Grid

func t(s string) channel.Text { return channel.Text(s) }

const hostile = "**b** _i_ ~~s~~ `c` # h | a\\*b <at>Ann</at> <at id=\"all\"/> <font color='red'>r</font> [x](http://e.vil) ![i](k) &amp; <script>alert(1)</script> <@u> \u202eright {{DATE(2017-02-14T06:08:00Z)}} $x$"

var yes, no = true, false

// constructs are one message for each construct of the feature matrix.
var constructs = []struct {
	name string
	msg  *channel.Message
	to   channel.Destination
}{
	{name: "text", msg: message("Daily sales", p(t("Total "), &channel.Strong{Inlines: inlines{t("42")}}, t(", "), &channel.Emphasis{Inlines: inlines{t("net")}}, t(", "), &channel.Strike{Inlines: inlines{t("old")}}, t(", "), channel.CodeSpan("ds='1'"), t(".")), p(t("plain words")))},
	{name: "headings", msg: message("Daily sales", &channel.Heading{Level: 1, Inlines: inlines{t("One")}}, p(t("a")), &channel.Heading{Level: 6, Inlines: inlines{t("Six "), &channel.Strong{Inlines: inlines{t("bold")}}}}, p(t("b")))},
	{name: "lists", msg: message("Daily sales",
		&channel.List{Items: []channel.Item{
			{Blocks: blocks{p(t("first"))}},
			{Blocks: blocks{p(t("second")), &channel.List{Start: 3, Items: []channel.Item{{Blocks: blocks{p(t("nested three"))}}, {Blocks: blocks{p(t("nested four")), p(t("more of it"))}}}}}}}},
		&channel.List{Items: []channel.Item{{Task: &yes, Blocks: blocks{p(t("done"))}}, {Task: &no, Blocks: blocks{p(t("open"))}}}})},
	{name: "quote", msg: message("Daily sales", &channel.Quote{Blocks: blocks{p(t("said")), &channel.Quote{Blocks: blocks{p(t("deeper"), &channel.Break{}, t("next line"))}}}})},
	{name: "code", msg: message("Daily sales", &channel.Code{Language: "sql", Text: "SELECT *\n  FROM t\n\n  -- _x_"})},
	{name: "rule and breaks", msg: message("Daily sales", p(t("a"), &channel.Break{}, t("b"), &channel.Break{Soft: true}, t("c")), &channel.Rule{}, p(t("- d")), &channel.Rule{}, revenue(), &channel.Rule{})},
	{name: "links", msg: message("Daily sales", p(&channel.Link{URL: "https://example.com/a(b)?q=\"x\" y", Inlines: inlines{t("report "), &channel.Strong{Inlines: inlines{t("[1]")}}}}, t(" "), &channel.Link{URL: "mailto:ops@example.com", Inlines: inlines{t("mail us")}}, t(" "), &channel.Link{URL: "javascript:alert(1)", Inlines: inlines{t("no")}}))},
	{name: "images", msg: message("Daily sales", &channel.Image{URL: "https://example.com/a.png", Alt: "chart \"a\""}, &channel.Image{URL: "http://example.com/b.png"}, p(t("in "), &channel.Image{URL: "https://example.com/c.png", Alt: "small"}, t(" line")), &channel.Image{Data: []byte{1}, Alt: "local"})},
	{name: "mentions", msg: message("Daily sales", p(t("**Hi** "), &channel.Mention{Email: "ann@example.com", Name: "Ann *A*"}, t(" and "), &channel.Strong{Inlines: inlines{&channel.Mention{ID: "bob_b@example.com"}, t("1. _x_")}}), p(&channel.Mention{All: true}, &channel.Mention{Phone: "13800000000"}), p(&channel.Mention{Email: "other@example.com", Name: "Ann A"})),
		to: channel.Destination{Mentions: []channel.Mention{{Email: "eve@example.com", Name: "Eve"}, {Email: "ann@example.com"}, {All: true}}}},
	{name: "table", msg: message("Daily sales", p(t("Sales of 20240102")), revenue())},
	{name: "table without rows", msg: message("Daily sales", &channel.Table{Columns: []channel.Column{{Header: "Department"}}})},
	{name: "table as column sets", msg: message("Daily sales", revenue()), to: channel.Destination{Options: map[string]string{"tables": "columns", "width": "default"}}},
	{name: "nulls in a table", msg: message("Daily sales", &channel.Table{
		Columns: []channel.Column{{Header: "Revenue", Prefix: "¥", Suffix: " yuan"}, {Header: "Share", Suffix: "%"}},
		Cells: []channel.Cell{{Text: "-", Type: channel.TypeNull}, {Type: channel.TypeNull, Mark: "!", Color: channel.ColorRed},
			{Text: "0", Type: channel.TypeNumber}, {Text: "n/a", Type: channel.TypeNull}}})},
	{name: "chart", msg: message("Daily sales", &channel.Chart{Title: "Revenue", Image: &channel.Image{URL: "https://example.com/c.png", Alt: "bars"}, Table: revenue()}, &channel.Chart{Title: "Local", Image: &channel.Image{Data: []byte{1}}, Table: revenue()})},
	{name: "table in a list", msg: message("Daily sales", &channel.List{Items: []channel.Item{{Blocks: blocks{p(t("see")), revenue()}}}})},
	{name: "hostile values", msg: message(hostile, &channel.Heading{Level: 2, Inlines: inlines{t(hostile)}}, p(t(hostile)), &channel.Table{
		Columns: []channel.Column{{Header: hostile}, {Header: "colour"}},
		Cells:   []channel.Cell{{Text: hostile}, {Text: hostile + "\nline\ttab\x00", Color: channel.ColorRed}}})},
	{name: "what only looks plain", msg: message("1. title", p(t("- a")), p(t("-1000")), p(t("2024.01")), p(t("3) b")), p(t("see www.example.com")), p(t("two  spaces")), p(t("1\ufeff. x")))},
	{name: "colours", msg: message("Daily sales", &channel.Table{Columns: []channel.Column{{Header: "x", Align: channel.AlignCenter}}, Cells: []channel.Cell{
		{Text: "a", Color: channel.ColorBlue}, {Text: "b", Color: channel.ColorOrange}, {Text: "c", Color: channel.ColorYellow}, {Text: "*d*", Color: channel.ColorGrey}}})},
	{name: "emoji", msg: message("Daily sales", p(t("Good 🙂 "), t("[微笑]"), t(" and [no emoji]")))},
	{name: "without title", msg: message("", p(t("a")))},
}

func TestEncode(t *testing.T) {
	c := teams.New(nil)
	for _, tt := range constructs {
		t.Run(tt.name, func(t *testing.T) {
			ps, err := c.Encode(tt.msg, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			readback.Golden(t, strings.ReplaceAll(tt.name, " ", "-")+".txt", readable(t, ps))
			within(t, ps)
			accepted(t, ps)
			h, err := c.Preview(ps[0])
			if err != nil {
				t.Fatal(err)
			}
			readback.Golden(t, strings.ReplaceAll(tt.name, " ", "-")+".html", []byte(strings.ReplaceAll(h, "><", ">\n<")+"\n"))
			for _, bad := range []string{"<script", "<img", "src=", "javascript:"} {
				if strings.Contains(h, bad) {
					t.Errorf("the preview holds %q", bad)
				}
			}
		})
	}
}

// readable is payloads as a person reads them in review.
func readable(t *testing.T, ps []channel.Payload) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range ps {
		fmt.Fprintf(&b, "part %d of %d, %s, %d bytes\n", p.Part, p.Parts, p.Type, p.Size)
		for _, w := range p.Warnings {
			fmt.Fprintf(&b, "warning %s: %s\n", w.Code, w.Text)
		}
		if err := json.Indent(&b, p.Body, "", " "); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

// accepted sends payloads to the fake and returns what it posted; that a flow
// fails after its 202 is an error.
func accepted(t *testing.T, ps []channel.Payload) []channeltest.Message {
	t.Helper()
	f := channeltest.NewTeams(&channeltest.TeamsOptions{PerSecond: 1000})
	defer f.Close()
	c := teams.New(&teams.Options{Allow: channel.AllowLoopback()})
	defer c.Close()
	to := channel.Webhook("ops", channel.Teams, f.URL("flow1"))
	for _, p := range ps {
		if r, err := c.Send(context.Background(), to, p); err != nil || r.Delivered {
			t.Fatalf("part %d: %+v, %v", p.Part, r, err)
		}
	}
	for i, r := range f.Results() {
		if r.Failed != "" {
			t.Errorf("part %d: %s", i+1, r.Failed)
		}
	}
	return f.Messages()
}

func TestEncodeMentionsOnlyWhoIsMeant(t *testing.T) {
	msg := message("<at>Ann</at>", p(channel.Text(hostile)), p(&channel.Mention{Email: "ann@example.com", Name: "Ann"}, channel.Text(" "+hostile)),
		&channel.Table{Columns: []channel.Column{{Header: hostile}}, Cells: []channel.Cell{{Text: hostile}, {Text: hostile, Color: channel.ColorGreen}}})
	ps, err := teams.New(nil).Encode(msg, channel.Destination{})
	if err != nil {
		t.Fatal(err)
	}
	m := accepted(t, ps)
	if diff := cmp.Diff([]string{"ann@example.com"}, m[0].Mentions); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := strings.Count(m[0].Text, hostile); n != 4 { // paragraph, header, two cells
		t.Errorf("the value stands %d times as it is, want 4:\n%s", n, m[0].Text)
	}
	var texts []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["type"] == "TextBlock" {
				texts = append(texts, v["text"].(string))
			}
			for _, e := range v {
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(m[0].Body)
	if n := strings.Count(strings.Join(texts, "\n"), "<at>Ann</at>"); n != 1 {
		t.Errorf("%d mentions in texts, want 1: %q", n, texts)
	}
}

func TestEncodeWithoutContent(t *testing.T) {
	c := teams.New(nil)
	mail := message("Title")
	mail.Sections, mail.Email = nil, blocks{p(channel.Text("hello"))}
	for name, msg := range map[string]*channel.Message{
		"only a mail body":       mail,
		"an empty paragraph":     message("", p(channel.Text(""), channel.Text(" "))),
		"a table of no columns":  message("", &channel.Table{}),
		"a picture nobody shows": message("", &channel.Image{Data: []byte{1}}),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.Encode(msg, channel.Destination{Mentions: []channel.Mention{{Email: "a@example.com"}}}); !errors.Is(err, channel.ErrNoContent) {
				t.Errorf("got %v, want ErrNoContent", err)
			}
		})
	}
}

func TestEncodeWarnsAboutRetiredConnectors(t *testing.T) {
	ps, err := teams.New(nil).Encode(message("t", p(channel.Text("a"))), channel.Webhook("ops", channel.Teams, "https://contoso.webhook.office.com/webhookb2/x"))
	if err != nil || len(ps[0].Warnings) != 1 || ps[0].Warnings[0].Code != channel.WarnDegraded {
		t.Errorf("%+v, %v", ps, err)
	}
}

func TestConformance(t *testing.T) {
	for _, tables := range []string{"table", "columns"} {
		t.Run("tables as "+tables, func(t *testing.T) {
			channeltest.Test(t, func(t *testing.T) channeltest.Harness {
				f, c, to, _ := setup(t, &channeltest.TeamsOptions{PerSecond: 1000})
				to.Options = map[string]string{teams.OptionTables: tables}
				gone := channeltest.NewTeams(nil)
				gone.Close()
				h := f.Harness(c, to, channel.Webhook("refused", channel.Teams, f.URL("unknown")))
				h.Unreachable = channel.Webhook("unreachable", channel.Teams, gone.URL("x"))
				return h
			})
		})
	}
}
