package email_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/internal/readback"
)

var plainAccount = email.Account{
	Host: "smtp.example.com", From: "bot@example.com", Nickname: "销售 bot", To: []string{"a@x.com"},
	Cc: []string{"Chief <c@x.com>"}, Bcc: []string{"hidden@x.com"}, ReplyTo: []string{"help@example.com"},
	Unsubscribe: "https://example.com/unsubscribe?u=1",
}

// The vectors of section 1.8 of the specification that are about mail.
func TestEncodeFollowsTheVectors(t *testing.T) {
	full := sales()
	noBody := sales()
	noBody.Email = nil
	bodyOnly := sales()
	bodyOnly.Sections = nil
	cases := []struct {
		id, text string
		msg      *channel.Message
		tree     string
		body     string
	}{
		{
			"M1", "body is the email body, two attachments", full,
			`multipart/mixed
  multipart/alternative
    text/plain
    text/html
  text/markdown attachment Sales 2024-01-02-1.md
  text/csv attachment Sales 2024-01-02-1.csv
`, "The report of 2024-01-02 is attached.\r\n",
		},
		{
			"M2", "without an email body a stub names the attachments", noBody,
			`multipart/mixed
  multipart/alternative
    text/plain
    text/html
  text/markdown attachment Sales 2024-01-02-1.md
  text/csv attachment Sales 2024-01-02-1.csv
`, "Sales 2024-01-02\r\nThe report is attached:\r\n\r\n- Sales 2024-01-02-1.md\r\n- Sales 2024-01-02-1.csv\r\n",
		},
		{
			"M3", "an email body alone has no attachment", bodyOnly,
			`multipart/alternative
  text/plain
  text/html
`, "The report of 2024-01-02 is attached.\r\n",
		},
	}
	for _, tc := range cases {
		t.Run(tc.id+" "+tc.text, func(t *testing.T) {
			p := encode(t, email.New(nil), tc.msg, email.To("mail", plainAccount))
			wire(t, p.Body)
			h, m := parse(t, p.Body)
			if d := cmp.Diff(tc.tree, m.tree()); d != "" {
				t.Errorf("tree (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.body, m.find("text/plain").Body); d != "" {
				t.Errorf("text (-want +got):\n%s", d)
			}
			if got := h.Get("Subject"); got != "Sales 2024-01-02" {
				t.Errorf("subject %q", got)
			}
			if len(p.Warnings) != 0 {
				t.Errorf("warnings %v", p.Warnings)
			}
		})
	}
	t.Run("the Markdown attachment is the substituted source", func(t *testing.T) {
		_, m := parse(t, encode(t, email.New(nil), full, email.To("mail", plainAccount)).Body)
		if d := cmp.Diff("By **admin** for user.\n", m.find("text/markdown").Body); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		want := "\uFEFFdepartment,revenue,diff\r\nDepartment 1,11000,-1000\r\nDepartment 2,20000,-1000\r\nDepartment 3,10000,5000\r\n"
		if d := cmp.Diff(want, m.find("text/csv").Body); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

func TestEncodeWritesTheHeader(t *testing.T) {
	p := encode(t, email.New(nil), sales(), email.To("mail", plainAccount))
	h, _ := parse(t, p.Body)
	dec := mime.WordDecoder{}
	got := map[string]string{}
	for k := range h {
		v, err := dec.DecodeHeader(h.Get(k))
		if err != nil {
			t.Errorf("%s: %v", k, err)
		}
		got[k] = v
	}
	delete(got, "Content-Type")
	want := map[string]string{
		"Date": "Wed, 03 Jan 2024 08:00:00 +0800", "From": "销售 bot <bot@example.com>", "To": "<a@x.com>",
		"Cc": `"Chief" <c@x.com>`, "Reply-To": "<help@example.com>", "Subject": "Sales 2024-01-02", "Mime-Version": "1.0",
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All",
		"List-Unsubscribe": "<https://example.com/unsubscribe?u=1>",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("header (-want +got):\n%s", d)
	}
	if bytes.Contains(p.Body, []byte("hidden@x.com")) {
		t.Error("the mail shows a Bcc receiver")
	}
	if p.Type != "message/rfc822" {
		t.Errorf("type %q", p.Type)
	}
	for _, a := range []string{"From", "To", "Cc", "Reply-To"} {
		if _, err := h.AddressList(a); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func TestEncodeTakesAnyTitle(t *testing.T) {
	cases := []struct{ name, title, subject, file string }{
		{"a line break with a header in it", "Sales\r\nBcc: evil@x.com\r\n\r\nbody", "Sales Bcc: evil@x.com body", "Sales Bcc_ evil@x.com body-1.md"},
		{"1,500 ASCII characters without a space", strings.Repeat("x", 1500), strings.Repeat("x", 200) + "…", strings.Repeat("x", 60) + "-1.md"},
		{"1,500 wide characters", strings.Repeat("数", 1500), strings.Repeat("数", 200) + "…", strings.Repeat("数", 60) + "-1.md"},
		{"emoji", "📈 up 👩‍👩‍👧", "📈 up 👩‍👩‍👧", "📈 up 👩‍👩‍👧-1.md"},
		{"nothing", "", "data-push", "data-push-1.md"},
		{"only spaces", " \n\t ", "data-push", "data-push-1.md"},
		{"what looks like an encoded word", "=?utf-8?q?forged?=", "=?utf-8?q?forged?=", "=_utf-8_q_forged_=-1.md"},
		{"a path", `../../etc\passwd`, `../../etc\passwd`, "_.._etc_passwd-1.md"},
		{"a changed reading direction", "sales\u202Efdp.exe", "sales\u202Efdp.exe", "sales_fdp.exe-1.md"},
		{"quotation marks", `say "hi"`, `say "hi"`, "say _hi_-1.md"},
		{"bytes that are not UTF-8", "a\xffb", "a\uFFFDb", "a\uFFFDb-1.md"},
		{"control characters", "a\x00b\x1b[31mc", "ab[31mc", "ab[31mc-1.md"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			m := sales()
			m.Title = tc.title
			p := encode(t, email.New(nil), m, email.To("mail", plainAccount))
			wire(t, p.Body)
			h, tree := parse(t, p.Body)
			subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.subject, subject); d != "" {
				t.Errorf("subject (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.file, tree.find("text/markdown").Name); d != "" {
				t.Errorf("file (-want +got):\n%s", d)
			}
			if h.Get("Bcc") != "" {
				t.Error("the title made a header")
			}
			for line := range strings.SplitSeq(string(p.Body), "\r\n") {
				if strings.HasPrefix(line, "Subject:") && len(line) > 998 {
					t.Errorf("the subject line is %d octets", len(line))
				}
			}
		})
	}
}

func TestEncodeIsPure(t *testing.T) {
	m := everything(t)
	m.Sections = append(m.Sections, channel.Section{Blocks: []channel.Block{&channel.Table{
		Columns: salesTable().Columns, Cells: salesTable().Cells, File: "xlsx",
	}}})
	to := email.To("mail", plainAccount)
	want, err := email.New(nil).Encode(m, to)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		got, err := email.New(nil).Encode(m, to)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want[0].Body, got[0].Body) {
			t.Fatal("the same message gave other bytes")
		}
	}
}

func TestEncodeSaysWhenThereIsNothingToShow(t *testing.T) {
	_, err := email.New(nil).Encode(&channel.Message{Title: "only a title"}, email.To("mail", plainAccount))
	if !errors.Is(err, channel.ErrNoContent) {
		t.Errorf("Encode: %v", err)
	}
}

func TestEncodeWorksWithoutAnAddress(t *testing.T) {
	p := encode(t, email.New(nil), sales(), channel.Destination{Kind: channel.Email})
	h, m := parse(t, p.Body)
	if h.Get("To") != "" || h.Get("From") != "" || m.find("text/html").Body == "" {
		t.Errorf("header %v", h)
	}
}

func TestEncodeRefusesADestinationWithABadAddress(t *testing.T) {
	a := plainAccount
	a.To = []string{"a@x.com, b at y.com"}
	_, err := email.New(nil).Encode(sales(), email.To("mail", a))
	if err == nil || !strings.Contains(err.Error(), `"b at y.com"`) {
		t.Errorf("Encode: %v", err)
	}
}

func pngOf(t testing.TB, w, h int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for x := range w {
		for y := range h {
			m.Set(x, y, color.RGBA{uint8(x), uint8(y), 128, 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// everything uses each node of the tree.
func everything(t testing.TB) *channel.Message {
	yes, no := true, false
	text := func(s string) []channel.Inline { return []channel.Inline{channel.Text(s)} }
	picture := pngOf(t, 40, 20)
	m := sales()
	m.Title = "Everything"
	m.Email = []channel.Block{
		&channel.Heading{Level: 1, Inlines: text("Sales & <script>alert(1)</script>")},
		&channel.Paragraph{Inlines: []channel.Inline{
			channel.Text("Plain, "), &channel.Strong{Inlines: text("strong")}, channel.Text(", "),
			&channel.Emphasis{Inlines: text("emphasis")}, channel.Text(", "), &channel.Strike{Inlines: text("strike")},
			channel.Text(", "), channel.CodeSpan("a < b"), &channel.Break{},
			&channel.Link{URL: "https://example.com/?a=1&b=\"2\"", Inlines: text("a link")}, &channel.Break{Soft: true},
			&channel.Link{URL: "javascript:alert(1)", Inlines: text("no link")}, channel.Text(" "),
			&channel.Mention{All: true},
		}},
		&channel.List{Items: []channel.Item{
			{Blocks: []channel.Block{para("one")}},
			{Blocks: []channel.Block{para("two"), &channel.List{Start: 3, Items: []channel.Item{
				{Blocks: []channel.Block{para("three")}}, {Task: &yes, Blocks: []channel.Block{para("done")}},
				{Task: &no, Blocks: []channel.Block{para("open")}},
			}}}},
		}},
		&channel.Quote{Blocks: []channel.Block{para("quoted"), para("twice")}},
		&channel.Code{Language: "sql", Text: "SELECT *\n  FROM sales\n WHERE a < 1;"},
		&channel.Rule{},
		&channel.Image{Data: picture, Alt: "a gradient"},
		&channel.Image{URL: "https://example.com/p.png", Alt: "a picture far away"},
		&channel.Image{Data: []byte("not a picture"), Alt: "broken"},
		&channel.Chart{Title: "Revenue", Image: &channel.Image{Data: picture}, Table: salesTable()},
		&channel.Chart{Title: "Not drawn", Table: salesTable()},
		salesTable(),
	}
	return m
}

func TestEncodeDrawsEveryNode(t *testing.T) {
	m := everything(t)
	p := encode(t, email.New(nil), m, email.To("mail", plainAccount))
	wire(t, p.Body)
	_, tree := parse(t, p.Body)
	readback.Golden(t, "everything.html", []byte(strings.ReplaceAll(tree.find("text/html").Body, "\r\n", "\n")))
	readback.Golden(t, "everything.txt", []byte(strings.ReplaceAll(tree.find("text/plain").Body, "\r\n", "\n")))
	readback.Golden(t, "everything.tree", []byte(tree.tree()))
	var warnings strings.Builder
	for _, w := range p.Warnings {
		fmt.Fprintf(&warnings, "%s: %s\n", w.Code, w.Text)
	}
	readback.Golden(t, "everything.warnings", []byte(warnings.String()))
}

func TestMailIsReadableRaw(t *testing.T) {
	p := encode(t, email.New(nil), sales(), email.To("mail", plainAccount))
	readback.Golden(t, "sales.eml", p.Body)
}

func TestImagesAreCarriedInTheMail(t *testing.T) {
	picture := pngOf(t, 1200, 10)
	m := &channel.Message{ID: "1", At: at, Title: "Picture", Email: []channel.Block{
		&channel.Image{Data: picture, Alt: "one"}, &channel.Image{Data: picture, Alt: "the same again"},
	}}
	p := encode(t, email.New(nil), m, email.To("mail", plainAccount))
	_, tree := parse(t, p.Body)
	want := `multipart/related
  multipart/alternative
    text/plain
    text/html
  image/png
`
	got := tree.tree()
	if d := cmp.Diff(want, strings.ReplaceAll(got, " inline ", "")); d != "" {
		t.Errorf("tree (-want +got):\n%s", d)
	}
	img := tree.find("image/png")
	if img.Body != string(picture) || img.Disposition != "inline" {
		t.Error("the picture is not the same bytes, inline")
	}
	html := tree.find("text/html").Body
	id := strings.Trim(img.ID, "<>")
	if n := strings.Count(html, `src="cid:`+id+`" width="720"`); id == "" || n != 2 {
		t.Errorf("the HTML shows the picture %d times, want 2:\n%s", n, html)
	}
}

func TestRemoteImagesNeedTheDestinationsWord(t *testing.T) {
	m := &channel.Message{Title: "Picture", Email: []channel.Block{&channel.Image{URL: "https://example.com/p.png", Alt: "p"}}}
	html := func(a email.Account) string {
		_, tree := parse(t, encode(t, email.New(nil), m, email.To("mail", a)).Body)
		return tree.find("text/html").Body
	}
	if h := html(plainAccount); strings.Contains(h, "<img") || !strings.Contains(h, `<a href="https://example.com/p.png"`) {
		t.Errorf("by default the picture is not a link:\n%s", h)
	}
	a := plainAccount
	a.RemoteImages = true
	if h := html(a); !strings.Contains(h, `<img src="https://example.com/p.png"`) {
		t.Errorf("the picture is not shown:\n%s", h)
	}
}

func bigTable(rows, cols int) *channel.Table {
	t := &channel.Table{}
	for c := range cols {
		t.Columns = append(t.Columns, channel.Column{Header: fmt.Sprintf("column %d", c)})
	}
	for r := range rows {
		for c := range cols {
			s := fmt.Sprintf("row %d", r*cols+c)
			cell := channel.Cell{Text: s, Raw: s}
			if c > 1 {
				cell = channel.Cell{Text: s[4:], Raw: s[4:], Type: channel.TypeNumber}
			}
			t.Cells = append(t.Cells, cell)
		}
	}
	return t
}

func TestALongTableShowsItsFirstRowsAndIsAttachedWhole(t *testing.T) {
	t.Run("attached for the reader where no section attaches it", func(t *testing.T) {
		m := &channel.Message{ID: "1", At: at, Title: "Big", Email: []channel.Block{para("before"), bigTable(10_000, 8), salesTable()}}
		p := encode(t, email.New(nil), m, email.To("mail", plainAccount))
		wire(t, p.Body)
		_, tree := parse(t, p.Body)
		html, text := tree.find("text/html").Body, tree.find("text/plain").Body
		if n := len(html); n > 100_000 || n < 90_000 {
			t.Errorf("the HTML is %d bytes", n)
		}
		for _, s := range []string{"more rows: Big-1.csv", "Department 3", "before"} {
			if !strings.Contains(html, s) || !strings.Contains(text, s) {
				t.Errorf("%q is not in both forms", s)
			}
		}
		csv := tree.find("text/csv")
		if n := strings.Count(csv.Body, "\r\n"); csv.Name != "Big-1.csv" || n != 10_001 {
			t.Errorf("%s has %d lines", csv.Name, n)
		}
		if len(p.Warnings) != 1 || p.Warnings[0].Code != channel.WarnCut {
			t.Errorf("warnings %v", p.Warnings)
		}
	})
	t.Run("not twice where a section attaches it", func(t *testing.T) {
		big := bigTable(10_000, 8)
		m := &channel.Message{Title: "Big", Email: []channel.Block{big}, Sections: []channel.Section{{Blocks: []channel.Block{big}}}}
		_, tree := parse(t, encode(t, email.New(nil), m, email.To("mail", plainAccount)).Body)
		if d := cmp.Diff("multipart/mixed\n  multipart/alternative\n    text/plain\n    text/html\n  text/csv attachment Big-1.csv\n", tree.tree()); d != "" {
			t.Errorf("tree (-want +got):\n%s", d)
		}
	})
	t.Run("a long text is sent whole, with a warning", func(t *testing.T) {
		m := &channel.Message{Title: "Long", Email: []channel.Block{para(strings.Repeat("word ", 40_000))}}
		p := encode(t, email.New(nil), m, email.To("mail", plainAccount))
		if len(p.Warnings) != 1 || p.Warnings[0].Code != channel.WarnDegraded {
			t.Errorf("warnings %v", p.Warnings)
		}
	})
}

// What is not shown of many tables is in one file, which holds each header once.
func TestManyTablesShowTheFirstAndAttachTheOthers(t *testing.T) {
	const many = 400
	for name, head := range map[string]func(i int) string{
		"one header":   func(int) string { return "name" },
		"many headers": func(i int) string { return fmt.Sprint("name of ", i) },
	} {
		t.Run(name, func(t *testing.T) {
			m := &channel.Message{Title: "Many"}
			want := ""
			for i := range many {
				if h := head(i); i == 0 || h != head(i-1) {
					want += h + ",b\r\n"
				}
				row := fmt.Sprintf("row %d", i)
				want += row + ",x\r\n"
				m.Email = append(m.Email, para("under "+row), &channel.Table{Columns: []channel.Column{{Header: head(i)}, {Header: "b"}},
					Cells: []channel.Cell{{Text: row, Raw: row}, {Text: "x", Raw: "x"}}})
			}
			p := encode(t, email.New(nil), m, email.To("mail", plainAccount))
			_, tree := parse(t, p.Body)
			page, text, file := tree.find("text/html").Body, tree.find("text/plain").Body, tree.find("text/csv").Body
			if len(page) >= 100_000 {
				t.Errorf("%d bytes of HTML", len(page))
			}
			shown := strings.Count(page, ">row ")
			if shown < 20 || shown >= many || !strings.Contains(page, fmt.Sprintf(">row %d<", shown-1)) {
				t.Fatalf("%d rows are shown", shown)
			}
			note := fmt.Sprintf("… %d more rows in %d more tables: Many-1.csv", many-shown, many-shown)
			for form, s := range map[string]string{"HTML": page, "text": text} {
				if strings.Count(s, note) != 1 || strings.Count(s, "under row") != many {
					t.Errorf("%s: no %q, or text is missing, in\n%s", form, note, s)
				}
			}
			if n := strings.Count(string(p.Body), "text/csv"); n != 1 {
				t.Errorf("%d files", n)
			}
			want = want[strings.Index(want, fmt.Sprintf("row %d,", shown)):]
			lines := strings.SplitAfterN(strings.ReplaceAll(strings.TrimPrefix(file, "\uFEFF"), "\r\n\r\n", "\r\n"), "\r\n", 2)
			if diff := cmp.Diff([]string{head(shown) + ",b\r\n", want}, lines); diff != "" {
				t.Errorf("file (-want +got):\n%s", diff)
			}
			if len(p.Warnings) != 1 || p.Warnings[0].Code != channel.WarnCut {
				t.Errorf("warnings %v", p.Warnings)
			}
		})
	}
}

func TestNothingFromARowIsMarkup(t *testing.T) {
	evil := `<script>alert(1)</script>"'&<img src=x onerror=y> =cmd`
	tab := &channel.Table{Columns: []channel.Column{{Header: evil}}, Cells: []channel.Cell{{Text: evil, Raw: evil}}}
	m := &channel.Message{Title: evil, Email: []channel.Block{para(evil), tab, &channel.Code{Text: evil}, &channel.Image{URL: "https://x.com/" + evil, Alt: evil}}}
	a := plainAccount
	a.RemoteImages = true
	_, tree := parse(t, encode(t, email.New(nil), m, email.To("mail", a)).Body)
	html := tree.find("text/html").Body
	if strings.Contains(html, "<script") || strings.Contains(html, "<img src=x") || strings.Contains(html, `onerror=y>`) {
		t.Errorf("a row became markup:\n%s", html)
	}
	if !strings.Contains(tree.find("text/plain").Body, evil) {
		t.Error("the text form does not show the row as it is")
	}
}

func TestEncodeWritesADateOnlyFromTheMessage(t *testing.T) {
	m := sales()
	m.At = time.Time{}
	h, _ := parse(t, encode(t, email.New(nil), m, email.To("mail", plainAccount)).Body)
	if h.Get("Date") != "" {
		t.Errorf("date %q", h.Get("Date"))
	}
}

// FuzzTitle looks for a title that breaks out of the header.
func FuzzTitle(f *testing.F) {
	for _, s := range []string{"", "a\r\nb: c", "数据📈", "=?utf-8?q?x?=", strings.Repeat("x", 300), "a\x00\u2028b", `"\<>`} {
		f.Add(s, s)
	}
	c := email.New(nil)
	to := email.To("mail", plainAccount)
	want := map[string]bool{}
	for k := range mustHeader(f, c, to, "x", "y") {
		want[k] = true
	}
	f.Fuzz(func(t *testing.T, title, body string) {
		h := mustHeader(t, c, to, title, body)
		for k := range h {
			if !want[k] {
				t.Errorf("the title made the header %q", k)
			}
		}
	})
}

func mustHeader(t testing.TB, c *email.Channel, to channel.Destination, title, body string) mail.Header {
	t.Helper()
	ps, err := c.Encode(&channel.Message{At: at, Title: title, Sections: []channel.Section{{Markdown: "x" + body}}, Email: []channel.Block{para(body)}}, to)
	if err != nil {
		t.Fatal(err)
	}
	wire(t, ps[0].Body)
	h, tree := parse(t, ps[0].Body)
	if utf8.ValidString(body) && !strings.ContainsFunc(body, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfeff || r == ' ' }) {
		if got := strings.TrimSuffix(tree.find("text/plain").Body, "\r\n"); got != body {
			t.Errorf("the text form reads %q, want %q", got, body)
		}
	}
	return h
}
