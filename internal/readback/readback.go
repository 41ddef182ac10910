// Package readback is for the tests of channels. It makes the messages that they
// encode and reads Markdown back with another reader than ours: what a person sees
// must be what went in.
package readback

import (
	"bytes"
	"flag"
	"fmt"
	"html"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/datapush-go/datapush/channel"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Golden compares got with the file of that name in testdata. The flag -update
// writes the file instead, for a person to read the change.
func Golden[T string | []byte](t *testing.T, name string, got T) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// Message is one section of these blocks, always of the same push.
func Message(title string, bs ...channel.Block) *channel.Message {
	return &channel.Message{ID: "push-1", At: time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC), Title: title, Sections: []channel.Section{{Blocks: bs}}}
}

// Paragraph is a block of these inlines.
func Paragraph(in ...channel.Inline) channel.Block { return &channel.Paragraph{Inlines: in} }

// Revenue is the table of the first sample report.
func Revenue() *channel.Table {
	n := func(s string) channel.Cell { return channel.Cell{Text: s, Raw: s, Type: channel.TypeNumber} }
	c := func(s, mark string, color channel.Color) channel.Cell {
		return channel.Cell{Text: s, Raw: s, Type: channel.TypeNumber, Mark: mark, Color: color}
	}
	return &channel.Table{
		Columns: []channel.Column{{Header: "Department"}, {Header: "Revenue", Prefix: "¥"}, {Header: "Change", Suffix: " yuan"}},
		Cells: []channel.Cell{
			{Text: "Department 1"}, n("11000"), c("-1000", "↓", channel.ColorRed),
			{Text: "Department 2"}, n("20000"), c("-1000", "↓", channel.ColorRed),
			{Text: "Department 3"}, n("10000"), c("5000", "↑", channel.ColorGreen),
		},
	}
}

// Grid is a table of what cell says.
func Grid(rows, columns int, cell func(row, column int) string) *channel.Table {
	t := &channel.Table{Columns: make([]channel.Column, columns), Cells: make([]channel.Cell, 0, rows*columns)}
	for c := range t.Columns {
		t.Columns[c].Header = fmt.Sprintf("Column %d", c)
	}
	for r := range rows {
		for c := range columns {
			s := cell(r, c)
			t.Cells = append(t.Cells, channel.Cell{Text: s, Raw: s})
		}
	}
	return t
}

// Rows are the cells of a table's first rows with prefix, suffix and mark.
func Rows(t *channel.Table, rows int) (out [][]string) {
	for i := range rows {
		var row []string
		for c, cell := range t.Row(i) {
			row = append(row, t.Columns[c].Show(cell))
		}
		out = append(out, row)
	}
	return out
}

var bits = []string{"a", "Z", "7", " ", ".", "*", "**", "_", "~", "~~", "`", "```", "[", "]", "(", ")", "](", "<", ">", "</", "<font color=red>", "&", ";", "&lt;", "&#60;",
	"#", "-", "+", "=", "|", "\\", "!", "![", ":", "@", "@all", "\n", "\t", "1.", "1)", "- ", "> ", "中", "文，", "é", "👩‍👧", "\u202e", "\x00", "\xff", "$", "{", "}", "%", "\"", "'", "http://a.example"}

// Text is up to n pieces of what Markdown might take for markup.
func Text(r *rand.Rand, n int) string {
	var b strings.Builder
	for range r.IntN(n + 1) {
		b.WriteString(bits[r.IntN(len(bits))])
	}
	return b.String()
}

// Words is a text with its white space made equal.
func Words(s string) string { return strings.Join(strings.Fields(s), " ") }

// Shown is what must be seen of a value.
func Shown(s string) string {
	return Words(strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r', r == 0x85, r == 0x2028, r == 0x2029:
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0, r == 0xfeff:
			return -1
		}
		return r
	}, s)) // Map reads a byte that is no UTF-8 as U+FFFD
}

var (
	reader = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList))
	tags   = regexp.MustCompile(`<!--.*?-->|<[^>]*>`)
	marks  = regexp.MustCompile(`(?s)<(ul|ol|table|blockquote|pre|hr|h[1-6]|em|del|code|img|a)\b`)
)

// Page is Markdown as the reader shows it.
func Page(t *testing.T, markdown string) string {
	t.Helper()
	var b bytes.Buffer
	if err := reader.Convert([]byte(markdown), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Elements are the words of a page's elements of one name.
func Elements(page, name string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?s)<`+name+`\b[^>]*>(.*?)</`+name+`>`).FindAllStringSubmatch(page, -1) {
		out = append(out, Words(plain(m[1])))
	}
	return out
}

// plain is a page without its elements.
func plain(page string) string { return html.UnescapeString(tags.ReplaceAllString(page, "")) }

// Markdown is a channel that writes Markdown.
type Markdown struct {
	channel.Channel
	// Text is the Markdown of a payload.
	Text func(*testing.T, channel.Payload) string
}

// Judge fails a test in which texts show otherwise than as themselves.
func (m Markdown) Judge(t *testing.T, in ...string) {
	t.Helper()
	var inlines []channel.Inline
	for _, s := range in {
		inlines = append(inlines, channel.Literal(s)...)
	}
	ps, err := m.Encode(Message("", Paragraph(inlines...)), channel.Destination{})
	if err != nil {
		if strings.TrimSpace(Shown(strings.Join(in, " "))) != "" {
			t.Errorf("%q: %v", in, err)
		}
		return
	}
	var got string
	for i, p := range ps {
		text := m.Text(t, p)
		if len(ps) > 1 {
			_, text, _ = strings.Cut(text, fmt.Sprintf("(%d/%d)\n\n", i+1, len(ps)))
		}
		page := Page(t, text)
		if mark := marks.FindString(page); mark != "" {
			t.Errorf("%q has markup %s in\n%s", in, mark, page)
		}
		got += " " + plain(page)
	}
	var want string
	for _, s := range in {
		want += " " + Shown(s)
	}
	if strings.ReplaceAll(want, " ", "") != strings.ReplaceAll(Words(got), " ", "") {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, Words(got)))
	}
}

// Emphasis fails a test in which nested emphasis leaves marks behind, wherever
// its borders are.
func (m Markdown) Emphasis(t *testing.T) {
	pieces := []string{"a", "合计", "：", "x.", " ", "(1)", "B ", " c", "“q”", "9%"}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 3))
		want := ""
		var tree func(depth int) []channel.Inline
		tree = func(depth int) []channel.Inline {
			var in []channel.Inline
			for range 1 + r.IntN(3) {
				switch k := r.IntN(4); {
				case k == 0 && depth > 0:
					in = append(in, &channel.Strong{Inlines: tree(depth - 1)})
				case k == 1 && depth > 0:
					in = append(in, &channel.Emphasis{Inlines: tree(depth - 1)})
				case k == 2 && depth > 0:
					in = append(in, &channel.Link{URL: "https://a.example/", Inlines: tree(0)})
				default:
					s := pieces[r.IntN(len(pieces))]
					want += s
					in = append(in, channel.Text(s))
				}
			}
			return in
		}
		in := tree(2)
		ps, err := m.Encode(Message("", Paragraph(append(in, channel.Text("end"))...)), channel.Destination{})
		if err != nil {
			t.Fatal(err)
		}
		text := m.Text(t, ps[0])
		want, got := strings.ReplaceAll(want+"end", " ", ""), strings.ReplaceAll(Words(plain(Page(t, text))), " ", "")
		if strings.Contains(text, "[https://") { // a link around nothing shows its address
			got = strings.ReplaceAll(got, "https://a.example/", "")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("seed %d: %q (-want +got):\n%s", seed, text, diff)
		}
	}
}
