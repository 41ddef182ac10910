package email_test

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/email"
)

// markup is what encoding/xml reads in a mail's HTML: the tags with their
// attributes' names, and the texts and the values of href, src and alt.
type markup struct{ tags, texts []string }

func readMarkup(t testing.TB, page string) (m markup) {
	t.Helper()
	_, page, _ = strings.Cut(page, "<body")
	page, _, _ = strings.Cut(page, "</html>")
	d := xml.NewDecoder(strings.NewReader("<body" + page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	text := ""
	flush := func() {
		if s := strings.Trim(text, "\n"); s != "" {
			m.texts = append(m.texts, s)
		}
		text = ""
	}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			flush()
			return m
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, page)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "br" {
				text += "\n"
				continue
			}
			flush()
			tag := token.Name.Local
			for _, a := range token.Attr {
				tag += " " + a.Name.Local
				if slices.Contains([]string{"href", "src", "alt"}, a.Name.Local) {
					m.texts = append(m.texts, a.Name.Local+"="+a.Value)
				}
			}
			m.tags = append(m.tags, tag)
		case xml.EndElement:
			if token.Name.Local != "br" {
				flush()
			}
		case xml.CharData:
			text += string(token)
		default:
			t.Errorf("%T in\n%s", token, page)
		}
	}
}

// everywhere puts a text wherever a row's value can get to, and says what has to
// be read there.
func everywhere(s, address string) (*channel.Message, []string) {
	text := channel.Literal(s)
	shown := strings.NewReplacer("\r\n", "\n").Replace(strings.ToValidUTF8(s, "\ufffd"))
	shown = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0xfeff {
			return -1
		}
		return r
	}, shown)
	line := strings.ReplaceAll(shown, "\n", " ") // in an attribute
	url := "https://example.com/?q=" + address
	table := &channel.Table{
		Columns: []channel.Column{{Header: "h" + s, Prefix: "p" + s, Suffix: s + "s"}, {Header: "n", Align: channel.AlignRight}},
		Cells: []channel.Cell{{Text: "c" + s, Mark: "m" + s, Color: channel.ColorRed}, {Text: "1", Type: channel.TypeNumber},
			{Text: "d" + s}, {Type: channel.TypeNull}},
	}
	m := &channel.Message{At: at, Title: "t", Email: []channel.Block{
		&channel.Heading{Level: 2, Inlines: slices.Concat([]channel.Inline{channel.Text("a")}, text)},
		&channel.Paragraph{Inlines: slices.Concat([]channel.Inline{channel.Text("b")}, text, []channel.Inline{
			&channel.Strong{Inlines: slices.Concat([]channel.Inline{channel.Text("c")}, text)}, channel.CodeSpan("d" + s),
			&channel.Link{URL: url, Inlines: slices.Concat([]channel.Inline{channel.Text("e")}, text)}, &channel.Mention{ID: "f" + s},
		})},
		&channel.List{Items: []channel.Item{{Blocks: []channel.Block{&channel.Paragraph{Inlines: slices.Concat([]channel.Inline{channel.Text("g")}, text)}}}}},
		&channel.Quote{Blocks: []channel.Block{&channel.Paragraph{Inlines: slices.Concat([]channel.Inline{channel.Text("h")}, text)}}},
		&channel.Code{Text: "i" + s}, &channel.Image{URL: "https://example.com/i.png", Alt: "j" + s}, table,
	}}
	return m, []string{
		"a" + shown, "b" + shown, "c" + shown, "d" + shown, "href=" + url, "e" + shown, "@f" + shown, "g" + shown, "h" + shown, "i" + shown,
		"src=https://example.com/i.png", "alt=j" + line, "h" + shown, "n", "p" + shown + "c" + shown + shown + "sm" + shown, "1", "p" + shown + "d" + shown + shown + "s",
	}
}

// FuzzHTML: whatever a value is, another reader finds the tags that are there
// without it, and the value's characters in each place.
func FuzzHTML(f *testing.F) {
	for _, s := range []string{"", "x", "<b>", "</td></tr></table>", `" onclick="x`, "'", "&amp;", "&#60;script>", "<!--", "-->", "]]>", "<![CDATA[", "a\r\nb", "\x00\x1b", "\xff", "\ufeff", "\u202e", "[微笑]", "\t", "<?x?>"} {
		f.Add(s, "a&b")
	}
	c := email.New(nil)
	a := plainAccount
	a.RemoteImages = true
	to := email.To("mail", a)
	f.Fuzz(func(t *testing.T, s, address string) {
		if strings.ContainsAny(s, "\ufffe\uffff") || strings.Contains(s, "\r") && !strings.Contains(s, "\r\n") {
			return // no XML reader takes the one, and all change the other
		}
		address = strings.Map(func(r rune) rune { // the renderer has encoded the rest
			if r <= ' ' || r >= 0x7f {
				return -1
			}
			return r
		}, address)
		if !utf8.ValidString(address) {
			return // the renderer writes UTF-8
		}
		m, want := everywhere(s, address)
		model, _ := everywhere("x", "y")
		read := func(m *channel.Message) markup {
			_, tree := parse(t, encode(t, c, m, to).Body)
			return readMarkup(t, strings.ReplaceAll(tree.find("text/html").Body, "\r\n", "\n"))
		}
		got := read(m)
		if diff := cmp.Diff(read(model).tags, got.tags); diff != "" {
			t.Errorf("tags (-without +with %q):\n%s", s, diff)
		}
		for i := range want {
			want[i] = strings.Trim(want[i], "\n")
		}
		if diff := cmp.Diff(want, got.texts); diff != "" {
			t.Errorf("texts (-want +got):\n%s", diff)
		}
	})
}
