package channeltest

import (
	"fmt"
	"strings"
	"time"

	"github.com/datapush-go/datapush/channel"
)

// Sample is a message that shows one construct.
type Sample struct {
	// Name is fit for a file's name.
	Name    string
	Message *channel.Message
}

// Samples are messages that together hold every block, inline and option of a
// table. The suite encodes them; golden files are well made from them too. Each
// call makes new ones.
func Samples() []Sample {
	text := func(s string) channel.Inline { return channel.Text(s) }
	in := func(i ...channel.Inline) []channel.Inline { return i }
	par := func(i ...channel.Inline) channel.Block { return &channel.Paragraph{Inlines: i} }
	item := func(b ...channel.Block) channel.Item { return channel.Item{Blocks: b} }
	yes, no := true, false

	var out []Sample
	add := func(name string, blocks ...channel.Block) {
		out = append(out, Sample{name, &channel.Message{
			ID: "sample", At: time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC), Title: "Sample",
			Sections: []channel.Section{{Blocks: blocks}},
		}})
	}

	var headings []channel.Block
	for i := range 6 {
		headings = append(headings, &channel.Heading{Level: i + 1, Inlines: in(text(fmt.Sprintf("Heading # %d #", i+1)))})
	}
	add("headings", headings...)
	add("paragraphs", par(text("One.")), par(text("Two."), &channel.Break{}, text("Its second line."), &channel.Break{Soft: true}, text("A soft break before this.")))
	add("emphasis",
		par(text("plain "), &channel.Strong{Inlines: in(text("strong"))}, text(" "), &channel.Emphasis{Inlines: in(text("emphasis"))}, text(" "),
			&channel.Strike{Inlines: in(text("strike"))}, text(" "), channel.CodeSpan("code `span`")),
		par(&channel.Strong{Inlines: in(text("both "), &channel.Emphasis{Inlines: in(text("inside"))})}, text("touching")),
		par(text("合计"), &channel.Strong{Inlines: in(text("合计："))}, text("100")))
	add("links",
		par(text("See "), &channel.Link{URL: "https://a.example/x?y=(1)&z=%20", Inlines: in(text("the [report]"))}, text("!")),
		par(text("Not this one: "), &channel.Link{URL: "javascript:alert(1)", Inlines: in(text("script"))}),
		par(text("Look!"), &channel.Link{URL: "https://a.example/", Inlines: in(text("here"))}))
	add("lists",
		&channel.List{Items: []channel.Item{item(par(text("one"))), item(par(text("two")), par(text("more of two"))), item(par(text("three")))}},
		&channel.List{Start: 3, Items: []channel.Item{item(par(text("third"))), item(par(text("fourth")))}})
	add("nested-lists",
		&channel.List{Items: []channel.Item{
			item(par(text("fruit")), &channel.List{Items: []channel.Item{
				item(par(text("apple")), &channel.List{Start: 1, Items: []channel.Item{item(par(text("red"))), item(par(text("green")))}}),
				item(par(text("pear")))}}),
			item(par(text("bread")))}})
	add("tasks", &channel.List{Items: []channel.Item{{Task: &yes, Blocks: []channel.Block{par(text("done"))}}, {Task: &no, Blocks: []channel.Block{par(text("open"))}}}})
	add("quotes", &channel.Quote{Blocks: []channel.Block{par(text("first"), &channel.Break{}, text("line two")), par(text("second")),
		&channel.Quote{Blocks: []channel.Block{par(text("deeper"))}}}})
	add("code", &channel.Code{Language: "sql", Text: "SELECT *\n  FROM sales -- ```\n\nWHERE a < 'b' AND `c` = 1"})
	add("rule", par(text("above")), &channel.Rule{}, par(text("below")))
	add("images",
		&channel.Image{URL: "https://a.example/chart.png", Alt: "A chart [1]"},
		par(text("inline "), &channel.Image{URL: "https://a.example/dot.png", Alt: "dot"}),
		&channel.Image{Alt: "no address", Data: []byte("\x89PNG\r\n\x1a\n"), Type: "image/png"})
	add("mentions", par(text("To "), &channel.Mention{All: true}, text(", "), &channel.Mention{ID: "u1", Name: "Li Lei"}, text(", "),
		&channel.Mention{Phone: "13800000000"}, text(", "), &channel.Mention{Email: "a_b@corp.example", Name: "Han *"}, text(".")))
	add("emoji", par(text("Good 🙂 "), text("[微笑]"), text(" and [no emoji] :smile:")))
	add("table", &channel.Table{
		Columns: []channel.Column{{Header: "department"}, {Header: "revenue", Prefix: "¥", Suffix: " yuan"}, {Header: "diff", Align: channel.AlignCenter}, {Header: "note"}},
		Cells: []channel.Cell{
			{Text: "Department 1"}, {Text: "11000.00", Type: channel.TypeNumber}, {Text: "-1000", Mark: "↓", Color: channel.ColorRed, Type: channel.TypeNumber}, {Type: channel.TypeNull},
			{Text: "Department 2"}, {Text: "20000.00", Type: channel.TypeNumber}, {Text: "-1000", Mark: "↓", Color: channel.ColorRed, Type: channel.TypeNumber}, {Text: "a|b\nc"},
			{Text: "Department 3"}, {Text: "10000.00", Type: channel.TypeNumber}, {Text: "5000", Mark: "↑", Color: channel.ColorGreen, Type: channel.TypeNumber}, {Text: "- x"},
		}})
	var colors []channel.Cell
	for _, c := range []channel.Color{channel.ColorDefault, channel.ColorGreen, channel.ColorRed, channel.ColorBlue, channel.ColorOrange, channel.ColorYellow, channel.ColorGrey} {
		colors = append(colors, channel.Cell{Text: "value", Color: c})
	}
	add("colours", &channel.Table{Columns: []channel.Column{{Header: "colour"}}, Cells: colors})
	add("table-with-nulls", &channel.Table{
		Columns: []channel.Column{{Header: "revenue", Prefix: "¥", Suffix: " yuan"}, {Header: "share", Prefix: "<", Suffix: "%"}},
		Cells: []channel.Cell{
			{Text: "-", Type: channel.TypeNull}, {Type: channel.TypeNull},
			{Type: channel.TypeNull, Mark: "!"}, {Text: "n/a", Type: channel.TypeNull, Mark: "!", Color: channel.ColorRed},
			{Text: "0", Type: channel.TypeNumber}, {Text: "12.5", Type: channel.TypeNumber},
		}})
	add("table-without-rows", &channel.Table{Columns: []channel.Column{{Header: "department"}, {Header: "revenue"}}})
	add("table-without-names", &channel.Table{Columns: make([]channel.Column, 2), Cells: []channel.Cell{{Text: "# a"}, {Text: "b"}, {Text: "1. c"}, {Text: "d"}}})
	add("chart", &channel.Chart{Title: "Revenue", Table: &channel.Table{Columns: []channel.Column{{Header: "day"}, {Header: "revenue"}},
		Cells: []channel.Cell{{Text: "1"}, {Text: "12000"}, {Text: "2"}, {Text: "11000"}}}})
	var hostile []channel.Block
	for _, s := range hostileTexts {
		hostile = append(hostile, par(text(s)))
	}
	add("hostile-text", hostile...)
	t := &channel.Table{Columns: []channel.Column{{Header: "**kind** |"}, {Header: "value", Prefix: "<", Suffix: "`"}}}
	for i, s := range hostileTexts {
		t.Cells = append(t.Cells, channel.Cell{Text: fmt.Sprint(i)}, channel.Cell{Text: s})
	}
	add("hostile-table", t)
	return out
}

// hostileTexts are values that would be markup, a mention or worse if they were
// not escaped.
var hostileTexts = []string{
	"**bold** _it_ ~~gone~~ `code`",
	"# heading", "> quote", "- item", "1. item", "--- ", "```", "===", "    indented",
	"a | b", "|---|---|", "[x](https://evil.example)", "![x](https://evil.example/x.png)", "](", "\\", "\\\\*",
	`<at id="all"/>`, "<at id=all></at>", `<at user_id="all">everyone</at>`, "<@all>", "<@userid>", "@all", "@13800000000", "<at>Name</at>",
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<font color=red>red</font>", "&lt;b&gt; &#60; &amp;", "{{.Title}} ${name}",
	"\u202eright to left\u202c", `"quoted" \u0040 'text'`, "emoji 👩‍👩‍👧 🇨🇳 é",
	"controls \x00\x07\x1b\ufeff end", "bad \xff\xfe utf-8", "tab\tand\nline", strings.Repeat("|", 200),
}
