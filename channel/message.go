package channel

import "time"

// Message is a rendered report: the same for all destinations, read-only once
// rendered.
type Message struct {
	// ID identifies the push and is the same on every retry.
	ID string
	// At is the scheduled time, in the schedule's zone.
	At    time.Time
	Title string
	// Sections are the authored Markdown, table and chart blocks, in order.
	// Webhooks show them; mail attaches them.
	Sections []Section
	// Email is the mail body; webhooks do not show it. It is nil without one,
	// and empty but not nil where the values left nothing of it.
	Email    []Block
	Warnings []Warning
}

// Section is one authored block after substitution.
type Section struct {
	// Markdown is the substituted source of a Markdown block, for .md
	// attachments. It is empty for tables and charts.
	Markdown string
	Blocks   []Block
}

// Block is one of *Heading, *Paragraph, *List, *Quote, *Code, *Rule, *Image,
// *Chart and *Table. The set is closed.
type Block interface{ block() }

// Inline is one of Text, CodeSpan, *Strong, *Emphasis, *Strike, *Link, *Image,
// *Mention and *Break. The set is closed.
type Inline interface{ inline() }

// Heading has a level from 1 to 6.
type Heading struct {
	Level   int
	Inlines []Inline
}

// Paragraph is a run of inlines.
type Paragraph struct{ Inlines []Inline }

// List is ordered when Start is positive (the first number), bulleted when it
// is zero.
type List struct {
	Start int
	Items []Item
}

// Item is one entry of a list. Task is nil for a plain entry, else whether the
// box is ticked.
type Item struct {
	Task   *bool
	Blocks []Block
}

// Quote holds quoted blocks.
type Quote struct{ Blocks []Block }

// Code is a block of preformatted text. Text has no trailing line break.
type Code struct{ Language, Text string }

// Rule is a thematic break.
type Rule struct{}

// Image stands as a block or among inlines. One of URL and Data is set. Key is
// the vendor's own name of the picture after an upload.
type Image struct {
	URL  string
	Alt  string
	Key  string
	Data []byte
	// Type is the media type of Data, such as "image/png".
	Type string
}

// Chart is a drawn diagram. Image is its picture where a drawer made one;
// Table holds the numbers for channels that show no image.
type Chart struct {
	Title string
	Image *Image
	Table *Table
}

// Table is row-major: row i has len(Columns) cells.
type Table struct {
	Columns []Column
	Cells   []Cell
	// File is the form of the mail attachment: "csv" (also when empty) or
	// "xlsx".
	File string
}

// Rows is the number of rows.
func (t *Table) Rows() int {
	if len(t.Columns) == 0 {
		return 0
	}
	return len(t.Cells) / len(t.Columns)
}

// Row returns the cells of row i, which are not a copy.
func (t *Table) Row(i int) []Cell {
	n := len(t.Columns)
	return t.Cells[i*n : (i+1)*n : (i+1)*n]
}

// Column describes the cells beneath it.
type Column struct {
	Header, Prefix, Suffix string
	// Format is the number or date layout that was applied to the texts, kept
	// for spreadsheet attachments.
	Format string
	Align  Align
}

// Align is where a column's texts stand.
type Align string

// Alignments; empty leaves it to the channel, which usually puts numbers right.
const (
	AlignDefault Align = ""
	AlignLeft    Align = "left"
	AlignCenter  Align = "center"
	AlignRight   Align = "right"
)

// Cell is one value of a table.
type Cell struct {
	// Text is what a person reads, without prefix, suffix and mark.
	Text string
	// Raw is a JSON number, an RFC 3339 time, "true" or "false", or equal to
	// Text.
	Raw string
	// Mark is appended after the suffix, such as "↑".
	Mark  string
	Type  CellType
	Color Color
}

// Bare reports whether the cell shows without its column's prefix and suffix,
// because there is no value for them to stand around: a currency before a dash
// would read as an amount.
func (c *Cell) Bare() bool { return c.Type == TypeNull || c.Text == "" }

// Show returns prefix, text, suffix and mark of a cell in its column, without
// prefix and suffix where the cell is bare.
func (c Column) Show(cell Cell) string {
	switch {
	case cell.Bare() || c.Prefix == "" && c.Suffix == "":
		if cell.Mark == "" {
			return cell.Text
		}
		return cell.Text + cell.Mark
	default:
		return c.Prefix + cell.Text + c.Suffix + cell.Mark
	}
}

// CellType says what a cell's value was.
type CellType uint8

// The zero type is text. A null has no raw value; its text is what the author
// shows in place of one, and empty otherwise.
const (
	TypeText CellType = iota
	TypeNull
	TypeNumber
	TypeBool
	TypeDate // a day without a time
	TypeTime
)

// Color is a named colour; each channel maps it to the nearest it has.
type Color string

// The colours a condition can choose.
const (
	ColorDefault Color = ""
	ColorGreen   Color = "green"
	ColorRed     Color = "red"
	ColorBlue    Color = "blue"
	ColorOrange  Color = "orange"
	ColorYellow  Color = "yellow"
	ColorGrey    Color = "grey"
)

// Text is plain text; any character in it stands for itself.
type Text string

// CodeSpan is inline preformatted text.
type CodeSpan string

// Strong is bold.
type Strong struct{ Inlines []Inline }

// Emphasis is italic.
type Emphasis struct{ Inlines []Inline }

// Strike is struck through.
type Strike struct{ Inlines []Inline }

// Link points to an http, https or mailto address.
type Link struct {
	URL     string
	Inlines []Inline
}

// Mention calls a person or everyone. It is an inline in a message and an entry
// of Destination.Mentions. Which fields a vendor understands is documented by
// its package.
type Mention struct {
	All   bool   `json:"all,omitempty"`
	ID    string `json:"id,omitempty"` // the vendor's user id
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
	Name  string `json:"name,omitempty"` // shown where the vendor wants a name
}

// Label is how a mention reads where it cannot be one: "@all", or "@" and the
// first of name, id, email and phone.
func (m Mention) Label() string {
	if m.All {
		return "@all"
	}
	for _, s := range []string{m.Name, m.ID, m.Email, m.Phone} {
		if s != "" {
			return "@" + s
		}
	}
	return "@"
}

// Break is a line break. A soft one may show as a space.
type Break struct{ Soft bool }

func (*Heading) block()   {}
func (*Paragraph) block() {}
func (*List) block()      {}
func (*Quote) block()     {}
func (*Code) block()      {}
func (*Rule) block()      {}
func (*Image) block()     {}
func (*Chart) block()     {}
func (*Table) block()     {}

func (Text) inline()      {}
func (CodeSpan) inline()  {}
func (*Strong) inline()   {}
func (*Emphasis) inline() {}
func (*Strike) inline()   {}
func (*Link) inline()     {}
func (*Image) inline()    {}
func (*Mention) inline()  {}
func (*Break) inline()    {}
