package render_test

import (
	"context"
	"math/big"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
)

// FuzzTemplate: whatever an author writes, a title is one clean line or an error
// that points into the text.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"${v}", "$5 ${v[0]} ${inputs[0][0]} ${inputs2[1][2]}", "${ v }", "${", "${a${b}}", "${v\n}", "${v[99999999999]}", "${部门[2]}\n${}"} {
		f.Add(s, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		r := render.Default(nil) // a cache would make coverage depend on earlier inputs
		c := render.Content{Title: text}
		c.Names()
		msg, err := r.Render(context.Background(), c, data(nil, result([]string{"v"}, []any{value})))
		if err != nil {
			for _, got := range findings(t, err) {
				lines := strings.Split(text, "\n")
				if got.Line < 1 || got.Line > len(lines) || got.Column < 1 || got.Column > utf8.RuneCountInString(lines[got.Line-1]) {
					t.Errorf("%q: line %d, column %d is outside the text", text, got.Line, got.Column)
				}
			}
			return
		}
		if strings.ContainsFunc(msg.Title, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) || !utf8.ValidString(msg.Title) {
			t.Errorf("%q with %q: title %q is not clean", text, value, msg.Title)
		}
		if utf8.RuneCountInString(msg.Title) > render.MaxTitle {
			t.Errorf("title of %d characters", utf8.RuneCountInString(msg.Title))
		}
	})
}

// FuzzMarkdown: whatever an author writes around a value, the value changes no
// structure, and the section's Markdown reads as the section's text.
func FuzzMarkdown(f *testing.F) {
	for i, c := range contexts {
		f.Add(c.body, hostileValues[i%len(hostileValues)])
	}
	f.Add("${v}0)", "0")
	f.Add("${v}\x1f)", "0")
	f.Fuzz(func(t *testing.T, body, value string) {
		r := render.Default(nil) // a cache would make coverage depend on earlier inputs
		content := blocks(render.Markdown(body))
		msg, err := r.Render(context.Background(), content, data(map[string]string{"v": value}))
		if err != nil {
			return
		}
		section := msg.Sections[0]
		checkClean(t, section.Blocks)
		if len(section.Markdown) > 0 && !strings.Contains(section.Markdown, "${") {
			again, err := r.Render(context.Background(), blocks(render.Markdown(section.Markdown)), render.Data{})
			if err != nil {
				t.Fatal(err)
			}
			want, got := strings.Join(lines(flat(section.Blocks)), " "), strings.Join(lines(flat(again.Sections[0].Blocks)), " ")
			if want != got {
				t.Errorf("%q with %q: %q reads as %q, want %q", body, value, section.Markdown, got, want)
			}
		}
		if value := strings.TrimSpace(cleaned(value)); value == "" || strings.Contains(body, "(") || strings.Contains(body, ":") || strings.Contains(body, "<at") || strings.Contains(body, "<AT") {
			return // an address or a mention depends on its value
		}
		plain, err := r.Render(context.Background(), content, data(map[string]string{"v": "QZQ"}))
		if err != nil {
			t.Fatal(err)
		}
		if want, got := shape(plain.Sections[0].Blocks), shape(section.Blocks); want != got {
			t.Errorf("%q: value %q changes the tree from\n%sto\n%s", body, value, want, got)
		}
	})
}

// checkClean looks for text that a channel should never see.
func checkClean(t *testing.T, blocks []channel.Block) {
	t.Helper()
	for _, line := range strings.Split(tree(blocks), "\n") {
		if !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("node %q is not clean", line)
		}
	}
	for _, b := range blocks {
		if p, ok := b.(*channel.Paragraph); ok {
			for i, n := range p.Inlines {
				text, ok := n.(channel.Text)
				if !ok {
					continue
				}
				if text == "" || strings.Contains(string(text), "\n") {
					t.Errorf("text %q is empty or has a line break", text)
				}
				if i > 0 {
					if last, ok := p.Inlines[i-1].(channel.Text); ok && last.Emoji()+text.Emoji()+(last+text).Emoji() == "" {
						t.Errorf("texts %q and %q are not one", last, text)
					}
				}
			}
		}
	}
}

// FuzzCell: any format, threshold and value give a cell, and comparisons of
// numbers agree with exact arithmetic.
func FuzzCell(f *testing.F) {
	f.Add("#,##0.00", "60", "59.99")
	f.Add("0.0%", "-.5e3", "1e-400")
	f.Add(`yyyy-mm-dd "at" hh:mm`, "0", "2024-01-02")
	f.Add("#.##", "+007.", "0e999999999")
	f.Add("\x9bm", "0", "0000-01-01")
	f.Fuzz(func(t *testing.T, format, threshold, value string) {
		if strings.Contains(threshold, "${") {
			return
		}
		column := render.Column{Field: "v", Format: format, Condition: &render.Condition{
			Op: render.OpLess, Threshold: threshold, Met: render.Style{Mark: "<"}, NotMet: render.Style{Mark: "≥"}}}
		msg, err := render.Default(nil).Render(context.Background(), blocks(render.TableOf(column)), data(nil, result([]string{"v"}, []any{value})))
		if err != nil {
			return
		}
		cell := msg.Sections[0].Blocks[0].(*channel.Table).Cells[0]
		if !utf8.ValidString(cell.Text) || strings.ContainsFunc(cell.Text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
			t.Errorf("text %q is not clean", cell.Text)
		}
		x, y := exact(value), exact(threshold)
		if x == nil || y == nil {
			return
		}
		want := "≥"
		if x.Cmp(y) < 0 {
			want = "<"
		}
		if cell.Mark != want {
			t.Errorf("%q compared with %q: %s, want %s", value, threshold, cell.Mark, want)
		}
	})
}

// exact reads a decimal number of moderate size, nil for anything else.
func exact(s string) *big.Rat {
	if s == "" || len(s) > 50 || strings.Trim(s, "0123456789+-.eE") != "" {
		return nil
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(s), "e"); ok && len(exponent) > 4 {
		return nil
	}
	x, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil
	}
	return x
}
