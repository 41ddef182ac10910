package render

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
)

// maxMark is the number of characters a mark may have.
const maxMark = 8

const secondEmail = "content has more than one mail body; keep one and delete the others"

// Check finds the mistakes that need no data: see [Checker].
func (t *TemplateRenderer) Check(c Content, inputs, outputs []string) error {
	k := &checker{renderer: t, inputs: inputs, outputs: outputs}
	if n := utf8.RuneCountInString(c.Title); n > MaxTitle {
		k.at("title", fmt.Sprintf("the title has %d characters; at most %d are allowed", n, MaxTitle))
	} else {
		k.text("title", c.Title)
	}
	if len(c.Blocks) == 0 {
		k.at("blocks", "content has no block; add Markdown, a table, a chart or a mail body")
	}
	emails := 0
	for i, b := range c.Blocks {
		k.block = i + 1
		checkBlock(&k.place, b)
		if b.Markdown != nil {
			k.markdown("markdown.text", b.Markdown.Text)
		}
		if b.Table != nil {
			k.table(b.Table)
		}
		if b.Chart != nil {
			k.chart(b.Chart)
		}
		if b.Email != nil {
			if emails++; emails > 1 {
				k.at("email", secondEmail)
			}
			k.markdown("email.text", b.Email.Text)
		}
	}
	return k.err()
}

type checker struct {
	place
	renderer        *TemplateRenderer
	inputs, outputs []string
}

// unknown says what is wrong with a name, "" when nothing is.
func (k *checker) unknown(shown, name string) string {
	if containsName(k.outputs, name) || containsName(k.inputs, name) {
		return ""
	}
	if k.outputs == nil && !looksScheduled(name) || k.renderer.opts.Lenient {
		return ""
	}
	return unknownName(shown, name)
}

func containsName(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

func (k *checker) markdown(field, text string) {
	if strings.TrimSpace(text) == "" {
		k.at(field, "the text is empty; write some, or delete the block")
	}
	k.text(field, text)
}

func (k *checker) text(field, src string) {
	if !strings.Contains(src, "${") {
		return
	}
	t := parseTemplate(src)
	bad := t.bad
	for i := range t.refs {
		ref := &t.refs[i]
		bad = k.mistakes(field, t, bad, ref.offset)
		if ref.input > 0 {
			continue
		}
		if wrong := k.unknown(ref.typed, ref.name); wrong != "" {
			k.in(field, src, ref.offset, wrong)
		} else if ref.row >= 0 && containsName(k.inputs, ref.name) && !containsName(k.outputs, ref.name) {
			k.in(field, src, ref.offset, indexedInput(ref))
		}
	}
	k.mistakes(field, t, bad, len(src))
}

func (k *checker) field(field, name string) {
	if name == "" || strings.HasPrefix(name, "${") {
		k.at(field, unknownField(name))
	} else if wrong := k.unknown(fmt.Sprintf("%q", name), name); wrong != "" {
		k.at(field, wrong)
	}
}

func (k *checker) table(b *TableBlock) {
	for i := range b.Columns {
		c := &b.Columns[i]
		k.col = i + 1
		k.field("field", c.Field)
		k.text("header", c.Header)
		k.text("prefix", c.Prefix)
		k.text("suffix", c.Suffix)
		k.text("empty", c.Empty)
		if d := c.Condition; d != nil {
			k.text("condition.threshold", d.Threshold)
			// A threshold with a parameter is judged once its value is known.
			if _, ok := parseDecimal([]byte(d.Threshold)); !ok && d.Op.ordered() && !strings.Contains(d.Threshold, "${") {
				k.at("condition.threshold", thresholdNumber(d.Op))
			}
		}
	}
	k.col = 0
}

func (k *checker) chart(b *ChartBlock) {
	k.text("chart.title", b.Title)
	k.field("chart.labels", b.Labels)
	for i, s := range b.Series {
		field := fmt.Sprintf("chart.series[%d].", i)
		k.field(field+"field", s.Field)
		k.text(field+"name", s.Name)
	}
}

// checkBlock finds what is wrong with a block whatever the data and the names
// are. It reports whether the block can be rendered.
func checkBlock(p *place, b Block) bool {
	before := len(p.errs)
	set := 0
	for _, is := range [...]bool{b.Markdown != nil, b.Table != nil, b.Chart != nil, b.Email != nil} {
		if is {
			set++
		}
	}
	switch {
	case set == 0:
		p.at("", "the block is empty; set one of markdown, table, chart and email")
	case set > 1:
		p.at("", fmt.Sprintf("the block is %d things at once; make a block of each of markdown, table, chart and email", set))
	}
	if b.Markdown != nil {
		checkRows(p, "markdown.rows", b.Markdown.Rows)
	}
	if b.Email != nil {
		checkRows(p, "email.rows", b.Email.Rows)
	}
	if b.Table != nil {
		checkTable(p, b.Table)
	}
	if b.Chart != nil {
		checkChart(p, b.Chart)
	}
	return len(p.errs) == before
}

func checkRows(p *place, field string, rows Rows) {
	switch rows {
	case First, Join, Repeat:
	default:
		p.at(field, fmt.Sprintf("unknown mode %q; use %q, %q or nothing for the first row", rows, Join, Repeat))
	}
}

func checkTable(p *place, b *TableBlock) {
	if len(b.Columns) == 0 {
		p.at("table.columns", "the table has no column; add one, or delete the block")
	}
	switch b.File {
	case "", "csv", "csv-shown", "xlsx":
	default:
		p.at("table.file", fmt.Sprintf("unknown form %q; use \"csv\", \"csv-shown\" or \"xlsx\"", b.File))
	}
	for i := range b.Columns {
		c := &b.Columns[i]
		p.col = i + 1
		switch c.Align {
		case channel.AlignDefault, channel.AlignLeft, channel.AlignCenter, channel.AlignRight:
		default:
			p.at("align", fmt.Sprintf("unknown alignment %q; use left, center, right or nothing", c.Align))
		}
		if c.Format != "" {
			_, number := parseNumberPattern(c.Format)
			if _, date := parseDateLayout(c.Format); !number && !date {
				p.at("format", fmt.Sprintf("format %q is not understood; write a number pattern such as #,##0.00 or 0.0%%, or a date layout such as yyyy-mm-dd hh:mm:ss", c.Format))
			}
		}
		if d := c.Condition; d != nil {
			if !d.Op.known() {
				p.at("condition.op", fmt.Sprintf("unknown comparison %q; use one of = != > >= < <= contains empty not_empty", d.Op))
			}
			if d.Op == OpContains && d.Threshold == "" {
				p.at("condition.threshold", "contains needs a text to look for")
			}
			checkStyle(p, "condition.met", d.Met)
			checkStyle(p, "condition.notMet", d.NotMet)
		}
	}
	p.col = 0
}

func checkStyle(p *place, field string, s Style) {
	checkColor(p, field+".color", s.Color)
	if n := utf8.RuneCountInString(s.Mark); n > maxMark {
		p.at(field+".mark", fmt.Sprintf("the mark has %d characters; at most %d are allowed", n, maxMark))
	} else if strings.ContainsFunc(s.Mark, func(r rune) bool { return r == '\t' || r == '\n' || removedOrBreak(r) }) {
		p.at(field+".mark", "the mark has a control character or a line break")
	}
}

func checkColor(p *place, field string, c channel.Color) {
	switch c {
	case channel.ColorDefault, channel.ColorGreen, channel.ColorRed, channel.ColorBlue,
		channel.ColorOrange, channel.ColorYellow, channel.ColorGrey:
	default:
		p.at(field, fmt.Sprintf("unknown colour %q; use green, red, blue, orange, yellow, grey or nothing", c))
	}
}

func checkChart(p *place, b *ChartBlock) {
	switch b.Kind {
	case Bar, Line, Pie:
	default:
		p.at("chart.kind", fmt.Sprintf("unknown kind %q; use bar, line or pie", b.Kind))
	}
	if len(b.Series) == 0 {
		p.at("chart.series", "the chart has no series; add one, or delete the block")
	}
	for i, s := range b.Series {
		checkColor(p, fmt.Sprintf("chart.series[%d].color", i), s.Color)
	}
}
