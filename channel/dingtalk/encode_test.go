package dingtalk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/internal/readback"
)

type request struct {
	MsgType  string `json:"msgtype"`
	Markdown struct{ Title, Text string }
	At       struct {
		AtMobiles, AtUserIDs []string
		IsAtAll              bool
	}
	MsgUUID string
}

func decode(t *testing.T, p channel.Payload) request {
	t.Helper()
	var r request
	if err := json.Unmarshal(p.Body, &r); err != nil {
		t.Fatalf("%v in %s", err, p.Body)
	}
	return r
}

// show writes payloads for a person to read.
func show(t *testing.T, ps []channel.Payload) string {
	t.Helper()
	var b strings.Builder
	for _, p := range ps {
		r := decode(t, p)
		fmt.Fprintf(&b, "== part %d of %d: %s, title %q\n%s\n", p.Part, p.Parts, p.Type, r.Markdown.Title, r.Markdown.Text)
		if len(r.At.AtMobiles)+len(r.At.AtUserIDs) > 0 || r.At.IsAtAll {
			fmt.Fprintf(&b, "== at %v %v all %v\n", r.At.AtMobiles, r.At.AtUserIDs, r.At.IsAtAll)
		}
		for _, w := range p.Warnings {
			fmt.Fprintf(&b, "== %s: %s\n", w.Code, w.Text)
		}
	}
	return b.String()
}

func TestConstructs(t *testing.T) {
	c := dingtalk.New(nil)
	for _, tables := range []string{dingtalk.TablesList, dingtalk.TablesRaw} {
		for _, s := range channeltest.Samples() {
			if tables == dingtalk.TablesRaw && !strings.Contains(s.Name, "table") && s.Name != "colours" {
				continue
			}
			name := s.Name + ".txt"
			if tables == dingtalk.TablesRaw {
				name = s.Name + "-raw.txt"
			}
			t.Run(name, func(t *testing.T) {
				ps, err := c.Encode(s.Message, channel.Destination{Options: map[string]string{dingtalk.OptionTables: tables}})
				if err != nil {
					t.Fatal(err)
				}
				readback.Golden(t, name, show(t, ps))
			})
		}
	}
}
