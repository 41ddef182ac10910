package wecom_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/wecom"
	"github.com/datapush-go/datapush/internal/readback"
)

type content struct {
	Content             string
	MentionedList       []string `json:"mentioned_list"`
	MentionedMobileList []string `json:"mentioned_mobile_list"`
	Base64, MD5         string
}

func decode(t *testing.T, p channel.Payload) content {
	t.Helper()
	var r map[string]json.RawMessage
	var c content
	if err := json.Unmarshal(p.Body, &r); err != nil {
		t.Fatalf("%v in %s", err, p.Body)
	}
	if err := json.Unmarshal(r[p.Type], &c); err != nil {
		t.Fatalf("%v in %s", err, p.Body)
	}
	return c
}

// show writes payloads for a person to read.
func show(t *testing.T, ps []channel.Payload) string {
	t.Helper()
	var b strings.Builder
	for _, p := range ps {
		c := decode(t, p)
		fmt.Fprintf(&b, "== part %d of %d: %s\n%s\n", p.Part, p.Parts, p.Type, c.Content)
		if c.Base64 != "" {
			fmt.Fprintf(&b, "== base64 %s md5 %s\n", c.Base64, c.MD5)
		}
		if len(c.MentionedList)+len(c.MentionedMobileList) > 0 {
			fmt.Fprintf(&b, "== calls %v %v\n", c.MentionedList, c.MentionedMobileList)
		}
		for _, w := range p.Warnings {
			fmt.Fprintf(&b, "== %s: %s\n", w.Code, w.Text)
		}
	}
	return b.String()
}

func TestConstructs(t *testing.T) {
	c := wecom.New(nil)
	for _, format := range []string{wecom.FormatMarkdownV2, wecom.FormatMarkdown, wecom.FormatText} {
		for _, s := range channeltest.Samples() {
			name := s.Name + "-" + format + ".txt"
			t.Run(name, func(t *testing.T) {
				ps, err := c.Encode(s.Message, channel.Destination{Options: map[string]string{wecom.OptionFormat: format}})
				if err != nil {
					t.Fatal(err)
				}
				readback.Golden(t, name, show(t, ps))
			})
		}
	}
}
