package dingtalk

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/markdown"
)

// Preview draws a payload of Encode: title, text, tables and colours. The
// drawing runs and loads nothing; pictures show as their description.
func (c *Channel) Preview(p channel.Payload) (string, error) {
	var v struct {
		Markdown *struct{ Title, Text string }
		At       struct {
			AtMobiles []string `json:"atMobiles"`
			AtUserIDs []string `json:"atUserIds"`
			IsAtAll   bool     `json:"isAtAll"`
		}
	}
	if err := json.Unmarshal(p.Body, &v); err != nil || v.Markdown == nil {
		return "", errors.New("dingtalk: preview: the payload is none that Encode made")
	}
	out := []byte(`<article class="datapush dingtalk">` + "\n<header>")
	out = markdown.EscapeHTML(out, v.Markdown.Title)
	out = append(out, "</header>\n"...)
	out = dialect(markdown.Pipes).HTML(out, v.Markdown.Text)
	calls := append(v.At.AtMobiles, v.At.AtUserIDs...)
	if v.At.IsAtAll {
		calls = append(calls, "all")
	}
	if len(calls) > 0 {
		out = append(out, "<footer>@"...)
		out = markdown.EscapeHTML(out, strings.Join(calls, " @"))
		out = append(out, "</footer>\n"...)
	}
	return string(append(out, "</article>\n"...)), nil
}
