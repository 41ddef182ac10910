package teams

import (
	"encoding/json"
	"errors"
	"html"
	"strings"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/weburl"
)

// Preview draws a card from its payload: title, text, tables and colours.
// Pictures are their description, because a preview loads nothing.
func (c *Channel) Preview(p channel.Payload) (string, error) {
	var v struct {
		Attachments []struct {
			Content struct {
				Body []element `json:"body"`
			} `json:"content"`
		} `json:"attachments"`
	}
	if json.Unmarshal(p.Body, &v) != nil || len(v.Attachments) == 0 {
		return "", errors.New("teams: preview: the payload is no card that Encode made")
	}
	var d drawing
	d.WriteString(`<div style="font-family:sans-serif;max-width:46em;border:1px solid #ddd;border-radius:6px;padding:4px 12px">`)
	for _, a := range v.Attachments {
		d.elements(a.Content.Body)
	}
	d.WriteString("</div>")
	return d.String(), nil
}

type element struct {
	Type      string    `json:"type"`
	Text      string    `json:"text"`
	Size      string    `json:"size"`
	Weight    string    `json:"weight"`
	Color     string    `json:"color"`
	FontType  string    `json:"fontType"`
	Italic    bool      `json:"italic"`
	Strike    bool      `json:"strikethrough"`
	Subtle    bool      `json:"isSubtle"`
	Separator bool      `json:"separator"`
	AltText   string    `json:"altText"`
	Inlines   []element `json:"inlines"`
	Items     []element `json:"items"`
	Cells     []element `json:"cells"`
	Rows      []element `json:"rows"`
	Columns   []element `json:"columns"`
	Align     string    `json:"horizontalCellContentAlignment"`
	Select    struct {
		URL string `json:"url"`
	} `json:"selectAction"`
}

type drawing struct{ strings.Builder }

func (d *drawing) text(s string) { d.WriteString(html.EscapeString(s)) }

func (d *drawing) elements(es []element) {
	for i := range es {
		e := &es[i]
		if e.Separator {
			d.WriteString("<hr>")
		}
		switch e.Type {
		case "TextBlock", "RichTextBlock":
			d.WriteString("<p>")
			d.inline(e)
			d.WriteString("</p>")
		case "Image":
			d.WriteString("<p>")
			d.text("[" + e.AltText + "]")
			d.WriteString("</p>")
		case "Container":
			d.WriteString(`<div style="background:#f3f2f1;padding:4px 8px">`)
			d.elements(e.Items)
			d.WriteString("</div>")
		case "Table":
			d.table(e)
		case "ColumnSet":
			d.WriteString(`<div style="display:flex;gap:8px">`)
			for _, c := range e.Columns {
				d.WriteString(`<div style="flex:1">`)
				d.elements(c.Items)
				d.WriteString("</div>")
			}
			d.WriteString("</div>")
		}
	}
}

func (d *drawing) table(e *element) {
	d.WriteString(`<table style="border-collapse:collapse;margin:8px 0">`)
	for r, row := range e.Rows {
		tag := "td"
		if r == 0 {
			tag = "th"
		}
		d.WriteString("<tr>")
		for c := range row.Cells {
			align := "left"
			if c < len(e.Columns) && (e.Columns[c].Align == "Right" || e.Columns[c].Align == "Center") {
				align = strings.ToLower(e.Columns[c].Align)
			}
			d.WriteString("<" + tag + ` style="border:1px solid #ddd;padding:2px 8px;text-align:` + align + `">`)
			for i := range row.Cells[c].Items {
				d.inline(&row.Cells[c].Items[i])
			}
			d.WriteString("</" + tag + ">")
		}
		d.WriteString("</tr>")
	}
	d.WriteString("</table>")
}

// styles are about what Teams shows for its names of colours and sizes.
var styles = map[string]string{
	"Good": "color:#237b4b;", "Attention": "color:#c4314b;", "Warning": "color:#835c00;", "Accent": "color:#5b5fc7;",
	"Large": "font-size:1.3em;", "Medium": "font-size:1.1em;", "Bolder": "font-weight:bold;", "Monospace": "font-family:monospace;",
}

func (d *drawing) inline(e *element) {
	if e.Type == "RichTextBlock" {
		for i := range e.Inlines {
			d.inline(&e.Inlines[i])
		}
		return
	}
	style := styles[e.Color] + styles[e.Size] + styles[e.Weight] + styles[e.FontType]
	if e.Italic {
		style += "font-style:italic;"
	}
	if e.Strike {
		style += "text-decoration:line-through;"
	}
	if e.Subtle {
		style += "color:#616161;"
	}
	end := ""
	if style != "" {
		d.WriteString(`<span style="` + style + `">`)
		end = "</span>"
	}
	if weburl.Is(e.Select.URL) {
		d.WriteString(`<a rel="noopener noreferrer" href="` + html.EscapeString(e.Select.URL) + `">`)
		end = "</a>" + end
	}
	text := e.Text
	if strings.Contains(text, "<at>") {
		text = strings.NewReplacer("<at>", "@", "</at>", "").Replace(text)
	}
	d.text(text)
	d.WriteString(end)
}
