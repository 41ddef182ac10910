package chart_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/channel/wecom"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/render/chart"
	"github.com/datapush-go/datapush/source"
)

// report is a message with one chart of a result's rows.
func report(t *testing.T, rows [][]any) *channel.Message {
	t.Helper()
	msg, err := render.Default(&render.Options{Drawer: drawer(t, nil)}).Render(t.Context(), render.Content{
		Title: "Daily revenue",
		Blocks: render.Blocks(render.Email("Good morning."), render.Block{Chart: &render.ChartBlock{
			Kind: render.Bar, Title: "Revenue by department", Labels: "department",
			Series: []render.Series{{Field: "revenue", Name: "Revenue", Color: channel.ColorGreen}},
		}}),
	}, render.Data{ID: "push-1", At: time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC), Results: []*source.Result{{
		Columns: []source.Column{{Name: "department"}, {Name: "revenue"}}, Rows: rows,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

var departments = [][]any{{"North", int64(11000)}, {"South", source.Decimal("20000.50")}, {"West", nil}}

// isPicture fails unless data is a PNG of the size that a drawer makes.
func isPicture(t *testing.T, data []byte) {
	t.Helper()
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil || c.Width != 1200 || c.Height != 675 {
		t.Errorf("%d by %d, %v", c.Width, c.Height, err)
	}
}

func encode(t *testing.T, c channel.Channel, msg *channel.Message, to channel.Destination) []channel.Payload {
	t.Helper()
	ps, err := c.Encode(msg, to)
	if err != nil {
		t.Fatal(err)
	}
	return ps
}

func TestLarkShowsAChartThatItsAppUploaded(t *testing.T) {
	f := channeltest.NewLark(&channeltest.LarkOptions{Apps: map[string]string{"cli_1": "s"}})
	defer f.Close()
	c := lark.New(&lark.Options{Allow: channel.AllowLoopback()})
	defer c.Close()
	to := channel.Webhook("ops", channel.Lark, f.URL("t"))
	to.Options = map[string]string{lark.OptionApp: "cli_1"}
	to.Secrets = map[string]channel.Secret{lark.SecretApp: channel.NewSecret("s")}
	msg, err := c.Prepare(t.Context(), report(t, departments), to)
	if err != nil {
		t.Fatal(err)
	}
	ps := encode(t, c, msg, to)
	if r, err := c.Send(t.Context(), to, ps[0]); err != nil || !r.Delivered {
		t.Fatal(r, err)
	}
	if m := f.Messages()[0]; m.Text != "**Revenue by department**\n\n[Revenue by department]" || len(ps) != 1 || len(ps[0].Warnings) != 0 {
		t.Errorf("%q, warnings %v", m.Text, ps[0].Warnings)
	}
	isPicture(t, f.Images()[0])
}

func TestWeComSendsAChartAsAPicture(t *testing.T) {
	f := channeltest.NewWeCom(nil)
	defer f.Close()
	c := wecom.New(&wecom.Options{Allow: channel.AllowLoopback()})
	defer c.Close()
	to := channel.Webhook("ops", channel.WeCom, f.URL("k"))
	ps := encode(t, c, report(t, departments), to)
	var types []string
	for _, p := range ps {
		types = append(types, p.Type)
		if r, err := c.Send(t.Context(), to, p); err != nil || !r.Delivered {
			t.Fatal(r, err)
		}
	}
	if diff := cmp.Diff([]string{"markdown_v2", "image"}, types); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	var v struct{ Image struct{ Base64 string } }
	if err := json.Unmarshal(ps[1].Body, &v); err != nil {
		t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(v.Image.Base64)
	if err != nil {
		t.Fatal(err)
	}
	isPicture(t, data)
}

func TestMailAttachesAChartAsAPicture(t *testing.T) {
	to := email.To("mail", email.Account{Host: "smtp.example.com", From: "a@example.com", Password: channel.NewSecret("p"), To: []string{"b@example.com"}})
	ps := encode(t, email.New(nil), report(t, departments), to)
	m, err := mail.ReadMessage(bytes.NewReader(ps[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	var walk func(header interface{ Get(string) string }, body io.Reader)
	walk = func(header interface{ Get(string) string }, body io.Reader) {
		kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(kind, "multipart/") {
			parts := multipart.NewReader(body, params["boundary"])
			for {
				p, err := parts.NextRawPart()
				if errors.Is(err, io.EOF) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				walk(p.Header, p)
			}
		}
		found = append(found, kind)
		switch header.Get("Content-Transfer-Encoding") {
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		}
		data, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		if kind == "image/png" {
			isPicture(t, data)
		}
	}
	walk(m.Header, m.Body)
	if diff := cmp.Diff([]string{"text/plain", "text/html", "image/png"}, found); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestChannelsWithoutPicturesShowAChartsNumbers(t *testing.T) {
	for _, tt := range []struct {
		c    channel.Channel
		want string
	}{
		{dingtalk.New(nil), "a chart is shown as the table of its numbers"},
		{teams.New(nil), "a chart is shown as a table, because its picture has no public https address"},
		{lark.New(nil), "a chart is shown as a table, because its picture was not uploaded to Lark"},
	} {
		t.Run(string(tt.c.Kind()), func(t *testing.T) {
			ps := encode(t, tt.c, report(t, departments), channel.Destination{})
			for _, want := range []string{"Revenue by department", "North", "11000", "South", "20000.50", "West"} {
				if !strings.Contains(string(ps[0].Body), want) {
					t.Errorf("no %s in %s", want, ps[0].Body)
				}
			}
			if diff := cmp.Diff([]channel.Warning{{Code: channel.WarnDegraded, Text: tt.want}}, ps[0].Warnings); diff != "" {
				t.Errorf("warnings (-want +got)\n%s", diff)
			}
		})
	}
}

func TestRowsThatMakeNoPictureAreSentAsNumbers(t *testing.T) {
	many := make([][]any, 10_000)
	for i := range many {
		many[i] = []any{"d", int64(i)}
	}
	for _, tt := range []struct {
		name string
		rows [][]any
		want string
	}{
		{"ten thousand categories", many, "10000 bars are more than 300; use fewer rows, or a line"},
		{"no rows", nil, "there is nothing to draw"},
		{"only nulls", [][]any{{"North", nil}}, "there is no number to draw"},
		{"a label that the font cannot write", [][]any{{"华东", int64(1)}}, "the font lacks a character of the title, a label or a name; give one that has it by Options.Font"},
		{"a number that no axis has", [][]any{{"North", source.Decimal("1e305")}}, "series 1 has a number that is out of range"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msg := report(t, tt.rows)
			c := msg.Sections[0].Blocks[0].(*channel.Chart)
			want := []channel.Warning{{Code: channel.WarnDegraded, Text: "The chart in block 2 is shown as a table: " + tt.want + "."}}
			if diff := cmp.Diff(want, msg.Warnings); diff != "" || c.Image != nil || c.Table.Rows() != len(tt.rows) {
				t.Errorf("%d rows, warnings (-want +got)\n%s", c.Table.Rows(), diff)
			}
		})
	}
}

func TestADrawerServesManyAtOnce(t *testing.T) {
	d := drawer(t, &chart.Options{Width: 300, Height: 200})
	want, err := d.Draw(t.Context(), of(render.Line, 1, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for i := range 8 {
		go func() {
			kind := []render.ChartKind{render.Line, render.Bar, render.Pie}[i%3]
			got, err := d.Draw(t.Context(), of(kind, 1, 2, 3))
			if err == nil && kind == render.Line && !bytes.Equal(got.Data, want.Data) {
				err = errors.New("the picture differs from one drawn alone")
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
