package lark_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/internal/readback"
)

type (
	blocks  = []channel.Block
	inlines = []channel.Inline
)

var message, p, revenue, grid = readback.Message, readback.Paragraph, readback.Revenue, readback.Grid

func t(s string) channel.Text { return channel.Text(s) }

const hostile = "**b** _i_ ~~s~~ `c` # h | a\\*b <at id=all></at> <at id=\"all\"/> <font color='red'>r</font> [x](http://e.vil) ![i](k) &amp; <script>alert(1)</script> <@u> \u202eright :DONE: 08:00:00 $x$"

var yes, no = true, false

// constructs are one message for each construct of the feature matrix.
var constructs = []struct {
	name string
	msg  *channel.Message
	to   channel.Destination
}{
	{name: "text", msg: message("Daily sales", p(t("Total "), &channel.Strong{Inlines: inlines{t("42")}}, t(", "), &channel.Emphasis{Inlines: inlines{t("net")}}, t(", "), &channel.Strike{Inlines: inlines{t("old")}}, t(", "), channel.CodeSpan("ds='1'"), t(".")))},
	{name: "headings", msg: message("Daily sales", &channel.Heading{Level: 1, Inlines: inlines{t("One")}}, p(t("a")), &channel.Heading{Level: 6, Inlines: inlines{t("Six "), &channel.Strong{Inlines: inlines{t("bold")}}}}, p(t("b")))},
	{name: "lists", msg: message("Daily sales",
		&channel.List{Items: []channel.Item{
			{Blocks: blocks{p(t("first"))}},
			{Blocks: blocks{p(t("second")), &channel.List{Start: 3, Items: []channel.Item{{Blocks: blocks{p(t("nested three"))}}, {Blocks: blocks{p(t("nested four")), p(t("more of it"))}}}}}}}},
		&channel.List{Items: []channel.Item{{Task: &yes, Blocks: blocks{p(t("done"))}}, {Task: &no, Blocks: blocks{p(t("open"))}}}})},
	{name: "quote", msg: message("Daily sales", &channel.Quote{Blocks: blocks{p(t("said")), &channel.Quote{Blocks: blocks{p(t("deeper"), &channel.Break{}, t("next line"))}}, &channel.List{Items: []channel.Item{{Blocks: blocks{p(t("item"))}}}}}})},
	{name: "code", msg: message("Daily sales", &channel.Code{Language: "sql", Text: "SELECT '```'\n  FROM t -- <b>"}, p(channel.CodeSpan("a`b")))},
	{name: "code with a tag", msg: message("Daily sales", &channel.Code{Language: "sql", Text: "SELECT *\n  FROM t -- <at id=all></at>"}, p(channel.CodeSpan("<AT id=all>")))},
	{name: "rule and breaks", msg: message("Daily sales", p(t("a"), &channel.Break{}, t("b"), &channel.Break{Soft: true}, t("c")), &channel.Rule{}, p(t("- d"), &channel.Break{Soft: true}, t("=== e")))},
	{name: "links", msg: message("Daily sales", p(&channel.Link{URL: "https://example.com/a(b)?q=[x] y", Inlines: inlines{t("report "), &channel.Strong{Inlines: inlines{t("[1]")}}}}, t(" "), &channel.Link{URL: "mailto:ops@example.com", Inlines: inlines{t("mail us")}}, t(" "), &channel.Link{URL: "javascript:alert(1)", Inlines: inlines{t("no")}}))},
	{name: "images", msg: message("Daily sales", &channel.Image{Key: "img_v2_x-1", Alt: "chart [a]"}, &channel.Image{URL: "https://example.com/a.png", Alt: "remote"}, p(t("in "), &channel.Image{Key: "img_2", Alt: "small"}, t(" line")), &channel.Image{Data: []byte{1}, Alt: "local"})},
	{name: "mentions", msg: message("Daily sales", p(&channel.Mention{All: true}, t(" "), &channel.Mention{ID: "ou_1", Name: "Ann"}, t(" "), &channel.Mention{Email: "bob@example.com"}, t(" "), &channel.Mention{Phone: "13800000000"}, t(" "), &channel.Mention{ID: "x></at><at id=all"})),
		to: channel.Destination{Mentions: []channel.Mention{{ID: "ou_9"}, {ID: "ou_1"}}}},
	{name: "table", msg: message("Daily sales", p(t("Sales of 20240102")), revenue())},
	{name: "table without rows", msg: message("Daily sales", &channel.Table{Columns: []channel.Column{{Header: "Department"}}})},
	{name: "nulls in a table", msg: message("Daily sales", &channel.Table{
		Columns: []channel.Column{{Header: "Revenue", Prefix: "¥", Suffix: " yuan"}, {Header: "Share", Suffix: "%"}},
		Cells: []channel.Cell{{Text: "-", Type: channel.TypeNull}, {Type: channel.TypeNull, Mark: "!", Color: channel.ColorRed},
			{Text: "0", Type: channel.TypeNumber}, {Text: "n/a", Type: channel.TypeNull}}})},
	{name: "chart", msg: message("Daily sales", &channel.Chart{Title: "Revenue", Image: &channel.Image{URL: "https://example.com/c.png"}, Table: revenue()}, &channel.Chart{Title: "Uploaded", Image: &channel.Image{Key: "img_3", Alt: "bars"}, Table: revenue()})},
	{name: "tables beyond the cap", msg: message("Daily sales", p(t("Today")), revenue(), revenue(), revenue(), p(t("Before")), revenue(),
		&channel.Table{Columns: []channel.Column{{Header: "Department"}, {Header: "Revenue"}}}), to: channel.Destination{Fit: channel.TopRows}},
	{name: "table in a list", msg: message("Daily sales", &channel.List{Items: []channel.Item{{Blocks: blocks{p(t("see")), revenue()}}}})},
	{name: "hostile values", msg: message("**t** <at id=all></at>", p(t(hostile)), &channel.Table{
		Columns: []channel.Column{{Header: hostile}, {Header: "colour"}},
		Cells:   []channel.Cell{{Text: hostile}, {Text: hostile + "\nline\ttab\x00", Color: channel.ColorRed}}})},
	{name: "line openers", msg: message("Daily sales", p(t("- a")), p(t("1. b\n2) c\n+ d\n# e\n    f\n---")), p(t("-1000")), p(t("2024.01")))},
	{name: "markers beside punctuation", msg: message("Daily sales", p(t("总"), &channel.Strong{Inlines: inlines{t("“销售”")}}, t("额"), &channel.Strong{Inlines: inlines{t(" a ")}}, t("b")))},
	{name: "keyword", msg: message("Daily sales", p(t("a"))), to: channel.Destination{Options: map[string]string{"keyword": "report_x"}}},
	{name: "keyword in the title", msg: message("Daily report", p(t("a"))), to: channel.Destination{Options: map[string]string{"keyword": "report"}}},
	{name: "emoji", msg: message("Daily sales", p(t("Good 🙂 "), t("[微笑]"), t(" and [no emoji]")))},
	{name: "without title", msg: message("", p(t("a")))},
}

func TestEncode(t *testing.T) {
	c := lark.New(nil)
	for _, card := range []string{"2.0", "1.0"} {
		for _, tt := range constructs {
			t.Run(tt.name+" as card "+card, func(t *testing.T) {
				to := tt.to.Clone()
				if to.Options == nil {
					to.Options = map[string]string{}
				}
				to.Options["card"] = card
				ps, err := c.Encode(tt.msg, to)
				if err != nil {
					t.Fatal(err)
				}
				readback.Golden(t, strings.ReplaceAll(tt.name, " ", "-")+"."+card+".txt", readable(t, ps))
				accepted(t, ps)
			})
		}
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

// accepted sends payloads to the fake, which knows card JSON.
func accepted(t *testing.T, ps []channel.Payload) []channeltest.Message {
	t.Helper()
	f := channeltest.NewLark(&channeltest.LarkOptions{PerSecond: 1000, PerMinute: 1000})
	defer f.Close()
	c := lark.New(&lark.Options{Allow: channel.AllowLoopback()})
	defer c.Close()
	to := channel.Webhook("ops", channel.Lark, f.URL("t1"))
	for _, p := range ps {
		r, err := c.Send(context.Background(), to, p)
		if err != nil || !r.Delivered {
			t.Fatalf("part %d: %+v, %v", p.Part, r, err)
		}
	}
	return f.Messages()
}

func TestEncodeMentionsNobodyThatDataNames(t *testing.T) {
	msg := message(hostile, p(channel.Text(hostile)), &channel.Table{Columns: []channel.Column{{Header: hostile}, {Header: "b"}},
		Cells: []channel.Cell{{Text: hostile}, {Text: hostile, Color: channel.ColorGreen}}})
	ps, err := lark.New(nil).Encode(msg, channel.Destination{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range accepted(t, ps) {
		if len(m.Mentions) > 0 {
			t.Errorf("mentions %q", m.Mentions)
		}
		if !strings.Contains(channeltest.LarkVisible(m.Text), strings.TrimSpace(hostile)) {
			t.Errorf("the text does not show the value:\n%s", channeltest.LarkVisible(m.Text))
		}
	}
}

func TestEncodeOfAnAddressThatIsNoUTF8(t *testing.T) {
	ps, err := lark.New(nil).Encode(message("", p(&channel.Link{URL: "https://example.com/\xff\xfe", Inlines: inlines{channel.Text("a")}})), channel.Destination{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[a](https://example.com/\ufffd\ufffd)"; !strings.Contains(string(ps[0].Body), want) {
		t.Errorf("the body has no %s: %q", want, ps[0].Body)
	}
}

func TestEncodeWithoutContent(t *testing.T) {
	c := lark.New(nil)
	mail := message("Title")
	mail.Sections, mail.Email = nil, blocks{p(channel.Text("hello"))}
	for name, msg := range map[string]*channel.Message{
		"only a mail body":       mail,
		"an empty paragraph":     message("", p(channel.Text(""), channel.Text(" "))),
		"a table of no columns":  message("", &channel.Table{}),
		"a picture nobody shows": message("", &channel.Image{Data: []byte{1}}),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.Encode(msg, channel.Destination{Mentions: []channel.Mention{{All: true}}}); !errors.Is(err, channel.ErrNoContent) {
				t.Errorf("got %v, want ErrNoContent", err)
			}
		})
	}
}

func TestSign(t *testing.T) {
	for _, tt := range []struct{ at, secret, want string }{
		{"1599360473", "demo", "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="},
		{"1700000000", "demo-secret", "mYHw2R2SOm8Rw/sne3lQdmz4sOfntKR+1P/8RKKTwmA="},
	} {
		if got := lark.Sign(tt.at, tt.secret); got != tt.want {
			t.Errorf("Sign(%s, %s) = %s, want %s", tt.at, tt.secret, got, tt.want)
		}
	}
}

func TestConformance(t *testing.T) {
	for _, card := range []string{"2.0", "1.0"} {
		t.Run("card "+card, func(t *testing.T) {
			channeltest.Test(t, func(t *testing.T) channeltest.Harness {
				f, c, to, _ := setup(t, &channeltest.LarkOptions{PerSecond: 1000, PerMinute: 10000, Bots: map[string]channeltest.LarkBot{token: {Secret: secret}}})
				to.Options = map[string]string{lark.OptionCard: card}
				gone := channeltest.NewLark(nil)
				gone.Close()
				h := f.Harness(c, to, channel.Webhook("refused", channel.Lark, f.URL("unknown")))
				h.Unreachable = channel.Webhook("unreachable", channel.Lark, gone.URL(token))
				return h
			})
		})
	}
}
