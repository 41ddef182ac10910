package email

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"github.com/datapush-go/datapush/channel"
)

// Excel's limits of a sheet
// (https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3,
// read on 2026-11-23).
const (
	xlsxRows    = 1_048_576
	xlsxColumns = 16_384
	xlsxChars   = 32_767
	xlsxFormat  = 255 // characters of a number format
	// xlsxDigits are the significant digits that a spreadsheet keeps.
	xlsxDigits = 15
)

// styleKey is what cells that look alike have in common.
type styleKey struct {
	column int
	typ    channel.CellType
	color  channel.Color
	mark   string
}

// sheet writes one table as a workbook.
type sheet struct {
	f      *excelize.File
	t      *channel.Table
	styles map[styleKey]int
	// last are each column's last style: most cells look like the one above.
	last []styled
}

type styled struct {
	key styleKey
	id  int
}

// xlsx makes a workbook with one sheet: a frozen header, typed cells, and
// prefix, suffix and mark as number formats. Equal tables give equal bytes.
func (b *body) xlsx(t *channel.Table, title string, at time.Time) ([]byte, error) {
	f := excelize.NewFile().SetZipWriter(newZip)
	// Closing removes the temporary files of very large sheets.
	defer func() { _ = f.Close() }()
	s := &sheet{f: f, t: t, styles: map[styleKey]int{}, last: make([]styled, len(t.Columns))}
	w, err := f.NewStreamWriter("Sheet1")
	if err != nil {
		return nil, err
	}
	props := &excelize.DocProperties{Creator: "datapush", Title: clip(title, 200)}
	if !at.IsZero() {
		props.Created = at.UTC().Format(time.RFC3339)
		props.Modified = props.Created
	}
	if err := f.SetDocProps(props); err != nil {
		return nil, err
	}
	// From the last to the first: the library writes them in the other order.
	for i := len(t.Columns) - 1; i >= 0; i-- {
		if err := w.SetColWidth(i+1, i+1, s.width(i)); err != nil {
			return nil, err
		}
	}
	if err := w.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, err
	}
	head, err := f.NewStyle(&excelize.Style{
		Font:   &excelize.Font{Bold: true},
		Fill:   excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"EAEEF2"}},
		Border: []excelize.Border{{Type: "bottom", Style: 1, Color: "D0D7DE"}},
	})
	if err != nil {
		return nil, err
	}
	// One row of cells is filled again and again: the writer keeps none.
	cells := make([]excelize.Cell, len(t.Columns))
	row := make([]any, len(t.Columns))
	for i := range cells {
		cells[i] = excelize.Cell{StyleID: head, Value: clean(t.Columns[i].Header)}
		row[i] = &cells[i]
	}
	if err := w.SetRow("A1", row); err != nil {
		return nil, err
	}
	for r := range t.Rows() {
		line := t.Row(r)
		for j := range line {
			c := &line[j]
			if c.Text == "" && c.Mark == "" {
				row[j] = nil
				continue
			}
			style, err := s.style(j, c)
			if err != nil {
				return nil, err
			}
			cells[j] = excelize.Cell{StyleID: style, Value: b.value(c)}
			row[j] = &cells[j]
		}
		if err := w.SetRow("A"+strconv.Itoa(r+2), row); err != nil {
			return nil, err
		}
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// value is a cell's value in its own type; what has none is the text that it
// shows.
func (b *body) value(c *channel.Cell) any {
	if c.Bare() {
		return clean(c.Text + c.Mark)
	}
	s := raw(c)
	switch c.Type {
	case channel.TypeNumber:
		if digits(s) > xlsxDigits {
			b.warn(channel.WarnDegraded, "numbers with more than %d digits are text in the spreadsheet, which would round them", xlsxDigits)
			return s
		}
		// Asking first saves the error that a fraction would cost.
		if isInteger(s) {
			if n, err := strconv.ParseInt(s, 10, 64); err == nil {
				return n
			}
		}
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			return n
		}
	case channel.TypeBool:
		switch s {
		case "true":
			return true
		case "false":
			return false
		}
	case channel.TypeDate, channel.TypeTime:
		if n, ok := serial(s); ok {
			return n
		}
	}
	s = clean(c.Text)
	if len(s) > xlsxChars && len([]rune(s)) > xlsxChars {
		b.warn(channel.WarnCut, "texts over %d characters are cut in the spreadsheet, which cannot hold them", xlsxChars)
		s = string([]rune(s)[:xlsxChars])
	}
	return s
}

func isInteger(s string) bool {
	for i := 0; i < len(s); i++ {
		if (s[i] < '0' || s[i] > '9') && (i > 0 || s[i] != '-' && s[i] != '+') {
			return false
		}
	}
	return true
}

// digits counts the significant digits of a JSON number.
func digits(s string) int {
	n, zeros := 0, 0
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == 'e' || b == 'E':
			return n
		case b == '0' && n == 0:
		case b == '0':
			zeros++
		case '1' <= b && b <= '9':
			n += zeros + 1
			zeros = 0
		}
	}
	return n
}

// serial is a spreadsheet's day number of a wall-clock time: days since
// 1899-12-30, which has no zone.
func serial(raw string) (float64, bool) {
	for _, layout := range [...]string{time.RFC3339Nano, time.DateOnly, time.DateTime} {
		// So does this where a date is no time.
		if len(raw) == len(time.DateOnly) && layout != time.DateOnly {
			continue
		}
		t, err := time.Parse(layout, raw)
		if err != nil {
			continue
		}
		wall := t
		if _, offset := t.Zone(); offset != 0 {
			wall = t.UTC().Add(time.Duration(offset) * time.Second)
		}
		// Before March 1900 Excel counts a day that did not exist.
		if wall.Before(firstDay) || wall.Year() > 9999 {
			return 0, false
		}
		secs := wall.Unix() - epoch.Unix()
		days := secs / 86400
		secs %= 86400
		return float64(days) + (float64(secs)+float64(wall.Nanosecond())/1e9)/86400, true
	}
	return 0, false
}

var (
	epoch    = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	firstDay = time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)
)

func (s *sheet) style(col int, c *channel.Cell) (int, error) {
	key := styleKey{col, c.Type, c.Color, c.Mark}
	last := &s.last[col]
	// A style's number is never 0, which is the default's.
	if last.id != 0 && last.key == key {
		return last.id, nil
	}
	if id, ok := s.styles[key]; ok {
		*last = styled{key, id}
		return id, nil
	}
	column := &s.t.Columns[col]
	st := &excelize.Style{Alignment: &excelize.Alignment{Horizontal: alignOf(column, c.Type)}}
	if h := colorHex(c.Color); h != "" {
		st.Font = &excelize.Font{Color: strings.TrimPrefix(h, "#")}
	}
	if f := numberFormat(column, *c); f != "" && !c.Bare() {
		st.CustomNumFmt = &f
	}
	id, err := s.f.NewStyle(st)
	if err != nil {
		return 0, fmt.Errorf("column %d: %w", col+1, err)
	}
	s.styles[key] = id
	return id, nil
}

// numberFormat carries what stands around a value. Empty is the general format.
func numberFormat(column *channel.Column, c channel.Cell) string {
	core := ""
	switch c.Type {
	case channel.TypeNumber:
		// Anything else would make the whole file unreadable for Excel.
		if strings.Trim(column.Format, "#0,.%") == "" {
			core = column.Format
		}
	case channel.TypeDate:
		if core = dateFormat(column.Format); core == "" {
			core = "yyyy-mm-dd"
		}
	case channel.TypeTime:
		if core = dateFormat(column.Format); core == "" {
			core = "yyyy-mm-dd hh:mm:ss"
		}
	}
	before, after := quoteFormat(column.Prefix), quoteFormat(column.Suffix+c.Mark)
	if before == "" && after == "" {
		return core
	}
	switch c.Type {
	case channel.TypeText, channel.TypeBool:
		core = "@"
	case channel.TypeNumber:
		if core == "" {
			core = "General"
		}
	}
	// A number that became text for its digits keeps its surroundings by the
	// last section.
	format := before + core + after
	if c.Type == channel.TypeNumber && !strings.Contains(core, ";") {
		format += ";" + before + "-" + core + after + ";" + before + core + after + ";" + before + "@" + after
	}
	if utf8.RuneCountInString(format) > xlsxFormat {
		return core
	}
	return format
}

// dateFormat turns a column's layout, such as "yyyy-mm-dd hh:mi:ss" or
// "yyyy年m月d日", into a number format. Empty means that a spreadsheet has no such
// layout.
func dateFormat(layout string) string {
	s := strings.NewReplacer("HH24", "hh", "hh24", "hh", "MI", "mm", "mi", "mm").Replace(layout)
	var out strings.Builder
	for s != "" {
		switch n := len(s) - len(strings.TrimLeft(s, "ymdhsYMDHS-/:. ")); {
		case n > 0:
			out.WriteString(strings.ToLower(s[:n]))
			s = s[n:]
		case s[0] == '"':
			text, rest, ok := strings.Cut(s[1:], `"`)
			if !ok {
				return ""
			}
			out.WriteString(quoteFormat(text))
			s = rest
		default:
			r, n := utf8.DecodeRuneInString(s)
			if r < utf8.RuneSelf && ('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9') {
				return ""
			}
			out.WriteString(quoteFormat(s[:n]))
			s = s[n:]
		}
	}
	return out.String()
}

// quoteFormat makes a text literal in a number format.
func quoteFormat(s string) string {
	s = oneFormatLine(s)
	if s == "" {
		return ""
	}
	return `"` + strings.ReplaceAll(s, `"`, `"\""`) + `"`
}

func oneFormatLine(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(clean(s), "\n", " "), "\t", " ")
}

// width estimates a column's width in characters from its first rows.
func (s *sheet) width(col int) float64 {
	n := displayWidth(s.t.Columns[col].Header)
	for r := range min(s.t.Rows(), 200) {
		n = max(n, displayWidth(s.t.Columns[col].Show(s.t.Row(r)[col])))
	}
	return float64(min(max(n+2, 8), 60))
}
