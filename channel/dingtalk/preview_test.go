package dingtalk_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/internal/readback"
)

func TestPreview(t *testing.T) {
	c := dingtalk.New(nil)
	for _, tables := range []string{dingtalk.TablesList, dingtalk.TablesRaw} {
		var b strings.Builder
		for _, s := range channeltest.Samples() {
			if strings.HasPrefix(s.Name, "hostile") {
				continue
			}
			ps, err := c.Encode(s.Message, channel.Destination{Options: map[string]string{dingtalk.OptionTables: tables}})
			if err != nil {
				t.Fatal(err)
			}
			html, err := c.Preview(ps[0])
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString("<!-- " + s.Name + " -->\n" + html)
		}
		readback.Golden(t, "preview-"+tables+".html", b.String())
	}
}

func TestPreviewShowsHostileTextAsText(t *testing.T) {
	c := dingtalk.New(nil)
	for _, s := range channeltest.Samples() {
		if s.Name != "hostile-text" {
			continue
		}
		ps, err := c.Encode(s.Message, channel.Destination{})
		if err != nil {
			t.Fatal(err)
		}
		html, err := c.Preview(ps[0])
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, b := range s.Message.Sections[0].Blocks {
			for _, i := range b.(*channel.Paragraph).Inlines {
				want = append(want, readback.Shown(string(i.(channel.Text))))
			}
		}
		if diff := cmp.Diff(want, readback.Elements(html, "p")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestPreviewRefusesWhatIsNoPayload(t *testing.T) {
	for _, body := range []string{"", "x", "{}", `{"markdown":null}`} {
		if html, err := dingtalk.New(nil).Preview(channel.Payload{Type: "markdown", Body: []byte(body)}); err == nil {
			t.Errorf("%q draws %s", body, html)
		}
	}
}
