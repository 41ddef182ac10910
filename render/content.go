package render

import (
	"context"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/source"
)

// Renderer turns authored content and data into a message, once per run. It may
// be called by several goroutines at once.
type Renderer interface {
	Render(ctx context.Context, c Content, d Data) (*channel.Message, error)
}

// Checker is implemented by renderers that can find mistakes in content without
// data. Inputs are the names of the task's parameters. Outputs are the names of
// the result columns; nil means that they are not known yet, so that a name
// that is no input is taken for an output.
//
// The error joins one finding per mistake (errors.Join of *Error).
type Checker interface {
	Check(c Content, inputs, outputs []string) error
}

// Data is what a message is made from.
type Data struct {
	// ID identifies the push; it becomes Message.ID.
	ID string
	// At is the scheduled time in the schedule's zone; it becomes Message.At.
	At time.Time
	// Inputs are the parameter values of the run.
	Inputs map[string]string
	// Results are those of the task's statements, in order. Where two have a
	// column of the same name, the first is meant.
	Results []*source.Result
}

// Content is what an author writes. It is data: nothing in it is run.
type Content struct {
	// Title is one line of plain text with references, at most MaxTitle
	// characters once filled. Empty is no title.
	Title string `json:"title"`
	// Blocks show in this order. At least one is needed.
	Blocks []Block `json:"blocks"`
}

// Block is one authored block; exactly one of its fields is set.
type Block struct {
	Markdown *MarkdownBlock `json:"markdown,omitempty"`
	Table    *TableBlock    `json:"table,omitempty"`
	Chart    *ChartBlock    `json:"chart,omitempty"`
	Email    *EmailBlock    `json:"email,omitempty"`
}

// MarkdownBlock is Markdown with ${name} parameters.
type MarkdownBlock struct {
	Text string `json:"text"`
	// Rows says what a parameter with several rows becomes.
	Rows Rows `json:"rows,omitempty"`
}

// EmailBlock is the body of mails: Markdown with ${name} parameters. Content
// has at most one; webhooks do not show it.
type EmailBlock struct {
	Text string `json:"text"`
	Rows Rows   `json:"rows,omitempty"`
}

// Rows is how a text shows an output with several rows.
type Rows string

const (
	// First shows the first row.
	First Rows = ""
	// Join shows all rows, separated by a comma and a space.
	Join Rows = "join"
	// Repeat repeats the block for each row. Items of a list go on in one list;
	// a block that is only a table goes on in one table while its header stays
	// the same.
	Repeat Rows = "repeat"
)

// TableBlock shows one row per result row. Columns from different results are
// paired by row position.
type TableBlock struct {
	Columns []Column `json:"columns"`
	// File is the form of the mail attachment: "csv" (also when empty) with raw
	// values, "csv-shown" with prefix, suffix and mark as people read them, or
	// "xlsx".
	File string `json:"file,omitempty"`
}

// Column is one column of a TableBlock.
type Column struct {
	// Field is the name of an output or input parameter.
	Field string `json:"field"`
	// Header is the display name. Empty is Field.
	Header string `json:"header,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	Suffix string `json:"suffix,omitempty"`
	// Format is a number pattern such as "#,##0.00" or "0.0%", or a date
	// layout such as "yyyy-mm-dd". Values of another type stay as they are.
	// Empty is the plain form of each value.
	Format string        `json:"format,omitempty"`
	Align  channel.Align `json:"align,omitempty"`
	// Empty is shown for a null or empty value.
	Empty string `json:"empty,omitempty"`
	// Condition chooses the cells' style. Nil is none.
	Condition *Condition `json:"condition,omitempty"`
}

// Condition compares a raw value with a threshold and chooses a style.
type Condition struct {
	Op Op `json:"op"`
	// Threshold must be a decimal number where Op is an order. OpEmpty and
	// OpNotEmpty do not look at it.
	Threshold string `json:"threshold,omitempty"`
	Met       Style  `json:"met,omitzero"`
	NotMet    Style  `json:"notMet,omitzero"`
}

// Style is a colour and a mark of up to eight characters that is appended after
// the suffix.
type Style struct {
	Color channel.Color `json:"color,omitempty"`
	Mark  string        `json:"mark,omitempty"`
}

// Op is a comparison.
type Op string

// The comparisons. They are numeric when both sides are decimal numbers ("1e2"
// is one); otherwise OpEqual and OpNotEqual compare text exactly and the orders
// are not met. Null meets no condition but OpEmpty, and has a style only with
// OpEmpty and OpNotEmpty.
const (
	OpEqual        Op = "="
	OpNotEqual     Op = "!="
	OpGreater      Op = ">"
	OpGreaterEqual Op = ">="
	OpLess         Op = "<"
	OpLessEqual    Op = "<="
	OpContains     Op = "contains"
	OpEmpty        Op = "empty"
	OpNotEmpty     Op = "not_empty"
)

// ChartBlock is a diagram drawn from result columns. Rows are paired as in a
// TableBlock.
type ChartBlock struct {
	Kind  ChartKind `json:"kind"`
	Title string    `json:"title,omitempty"`
	// Labels names the column of what the numbers are of.
	Labels string `json:"labels"`
	// Series are the numbers. At least one is needed.
	Series []Series `json:"series"`
}

// ChartKind is the form of a chart.
type ChartKind string

// The forms of a chart.
const (
	Bar  ChartKind = "bar"
	Line ChartKind = "line"
	Pie  ChartKind = "pie"
)

// Series is one row of numbers in a chart.
type Series struct {
	// Field is the name of an output whose values are numbers or null.
	Field string `json:"field"`
	// Name is shown in the legend. Empty is Field.
	Name  string        `json:"name,omitempty"`
	Color channel.Color `json:"color,omitempty"`
}

// Blocks lists blocks; it reads better than a slice literal.
func Blocks(b ...Block) []Block { return b }

// Markdown makes a Markdown block.
func Markdown(text string) Block { return Block{Markdown: &MarkdownBlock{Text: text}} }

// Email makes the mail body.
func Email(text string) Block { return Block{Email: &EmailBlock{Text: text}} }

// Table makes a table of the named parameters.
func Table(fields ...string) Block {
	t := &TableBlock{Columns: make([]Column, len(fields))}
	for i, f := range fields {
		t.Columns[i] = Column{Field: f}
	}
	return Block{Table: t}
}

// TableOf makes a table of columns with styles.
func TableOf(columns ...Column) Block { return Block{Table: &TableBlock{Columns: columns}} }
