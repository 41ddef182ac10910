package wecom

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/markdown"
)

// Preview draws a payload of Encode: text, tables and colours. The drawing runs
// and loads nothing; a picture that is sent as bytes is part of it.
func (c *Channel) Preview(p channel.Payload) (string, error) {
	var v map[string]json.RawMessage
	var m struct {
		Content string
		IDs     []string `json:"mentioned_list"`
		Phones  []string `json:"mentioned_mobile_list"`
		Base64  string
	}
	if json.Unmarshal(p.Body, &v) != nil || v[p.Type] == nil || json.Unmarshal(v[p.Type], &m) != nil {
		return "", errors.New("wecom: preview: the payload is none that Encode made")
	}
	out := []byte(`<article class="datapush wecom">` + "\n")
	switch d := dialects[p.Type]; {
	case p.Type == "image" && strings.Trim(m.Base64, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == "":
		out = append(out, `<img alt="" src="data:image;base64,`...)
		out = append(append(out, m.Base64...), "\">\n"...)
	case d != nil:
		out = d.HTML(out, m.Content)
	default:
		return "", errors.New("wecom: preview: the payload is none that Encode made")
	}
	if calls := append(m.IDs, m.Phones...); len(calls) > 0 {
		out = append(out, "<footer>"...)
		for i, who := range calls {
			if i > 0 {
				out = append(out, ' ')
			}
			out = markdown.EscapeHTML(out, "@"+strings.TrimPrefix(who, "@"))
		}
		out = append(out, "</footer>\n"...)
	}
	return string(append(out, "</article>\n"...)), nil
}
