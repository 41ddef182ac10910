package wecom_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/wecom"
)

var update = flag.Bool("update", false, "rewrite golden files")

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

func golden(t *testing.T, name, got string) {
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
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
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
				golden(t, name, show(t, ps))
			})
		}
	}
}
