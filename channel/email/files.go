package email

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/datapush-go/datapush/channel"
)

// The forms of a table's attachment, as Table.File names them.
const (
	fileCSV      = "csv"
	fileCSVShown = "csv-shown"
	fileXLSX     = "xlsx"
)

// file is one attachment.
type file struct {
	name, mediaType string
	data            []byte
	table           *channel.Table // of which this is the whole
}

// files are the attachments of a mail. They are numbered for each kind, so that
// the second table is <title>-2.csv wherever it stands.
type files struct {
	base     string
	title    string
	at       time.Time
	all      []file
	texts    int
	tables   int
	pictures int
	b        *body
	err      error
}

func (f *files) sections(ss []channel.Section) {
	for _, s := range ss {
		if s.Markdown != "" {
			f.text(clean(s.Markdown))
			continue
		}
		var rest []channel.Block
		for _, b := range s.Blocks {
			switch b := b.(type) {
			case *channel.Table:
				f.table(b)
			case *channel.Chart:
				f.chart(b)
			case *channel.Image:
				if !f.picture(b) {
					rest = append(rest, b)
				}
			default:
				rest = append(rest, b)
			}
		}
		// A host's own renderer may give blocks without their Markdown.
		if len(rest) > 0 {
			w := &textWriter{b: f.b, next: -1 << 30}
			w.blocks(rest)
			f.text(strings.TrimRight(string(w.buf), "\n") + "\n")
		}
	}
}

func (f *files) text(s string) {
	f.texts++
	f.all = append(f.all, file{
		name: f.base + "-" + strconv.Itoa(f.texts) + ".md", mediaType: "text/markdown; charset=utf-8", data: []byte(s),
	})
}

func (f *files) table(t *channel.Table) string {
	f.tables++
	a := file{name: f.base + "-" + strconv.Itoa(f.tables), table: t}
	form := t.File
	switch form {
	case "", fileCSV, fileCSVShown:
	case fileXLSX:
		if t.Rows() >= xlsxRows || len(t.Columns) > xlsxColumns {
			f.b.warn(channel.WarnDegraded, "a table is too large for a spreadsheet file and is attached as CSV")
			form = fileCSV
		}
	default:
		f.b.warn(channel.WarnDegraded, "the file form %q is unknown; the table is attached as CSV", clip(form, 20))
		form = fileCSV
	}
	if form == fileXLSX {
		var err error
		if a.data, err = f.b.xlsx(t, f.title, f.at); err != nil && f.err == nil {
			f.err = err
		}
		a.name += ".xlsx"
		a.mediaType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	} else {
		a.data = appendCSV(nil, t, form == fileCSVShown)
		a.name += ".csv"
		a.mediaType = "text/csv; charset=utf-8; header=present"
	}
	f.all = append(f.all, a)
	return a.name
}

// together attaches several tables as one CSV file.
func (f *files) together(ts []*channel.Table) string {
	f.tables++
	a := file{name: f.base + "-" + strconv.Itoa(f.tables) + ".csv", mediaType: "text/csv; charset=utf-8; header=present"}
	for i, t := range ts {
		switch {
		case i == 0:
			a.data = appendHeader(append(a.data, byteOrderMark...), t)
		case !slices.Equal(t.Columns, ts[i-1].Columns):
			a.data = appendHeader(append(a.data, "\r\n"...), t)
		}
		a.data = appendRows(a.data, t, t.File == fileCSVShown)
	}
	f.all = append(f.all, a)
	return a.name
}

// chart attaches the picture, or the numbers where there is none.
func (f *files) chart(c *channel.Chart) {
	if c.Image != nil && f.picture(c.Image) {
		return
	}
	if c.Table != nil {
		f.b.warn(channel.WarnDegraded, "a chart without a picture is attached as its numbers")
		f.table(c.Table)
	}
}

func (f *files) picture(m *channel.Image) bool {
	if len(m.Data) == 0 {
		return false
	}
	mediaType, ext, _, bad := sniff(m.Data)
	if bad {
		f.b.warn(channel.WarnUnresolved, "a picture is not a PNG, JPEG or GIF file; its description is shown instead")
		return false
	}
	f.pictures++
	f.all = append(f.all, file{name: f.base + "-" + strconv.Itoa(f.pictures) + ext, mediaType: mediaType, data: m.Data})
	return true
}

// whole names the attachment that holds all of t, which is made if no section
// has it.
func (f *files) whole(t *channel.Table) string {
	for _, a := range f.all {
		if a.table == t {
			return a.name
		}
	}
	return f.table(t)
}

// fileBase makes a title safe as the beginning of a file name on any system:
// what Windows forbids and what changes the reading direction becomes "_".
func fileBase(title string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`/\:*?"<>|`, r), unicode.IsControl(r):
			return '_'
		case unicode.Is(unicode.Cf, r) && r != 0x200d:
			return '_'
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, oneLine(title))
	n := 0
	for i := range s {
		if n++; n > 60 {
			s = s[:i]
			break
		}
	}
	s = strings.Trim(s, " .")
	if strings.Trim(s, "_ ") == "" {
		return "data-push"
	}
	return s
}
