package render_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
)

// article is 20 KB of ordinary Markdown with a reference now and then.
func article() string {
	var b strings.Builder
	for i := 0; b.Len() < 20<<10; i++ {
		fmt.Fprintf(&b, "## Section %d of ${date}\n\n", i)
		b.WriteString("Revenue was **higher** than *expected*, see [the report](https://example.com/report) and `SELECT 1`.\nA second line with ~~old~~ news by ${creator}.\n\n")
		b.WriteString("- first item\n- second item with **bold** text\n  - nested item\n\n1. one\n2. two\n\n> a quote\n\n")
		b.WriteString("| Name | Value |\n|:-----|------:|\n| a | 1 |\n| b | 2 |\n\n```sql\nSELECT *\nFROM t\n```\n\n")
	}
	return b.String()
}

var articleData = data(map[string]string{"date": "20240102", "creator": "admin"})

func BenchmarkMarkdown(b *testing.B) {
	text := article()
	c := render.Content{Blocks: render.Blocks(render.Markdown(text))}
	b.Run("parse and fill", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := render.Default(nil).Render(context.Background(), c, articleData); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fill", func(b *testing.B) {
		r := render.Default(nil)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Render(context.Background(), c, articleData); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("goldmark to HTML", func(b *testing.B) {
		md := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList))
		var buf bytes.Buffer
		b.ReportAllocs()
		for b.Loop() {
			buf.Reset()
			if err := md.Convert([]byte(text), &buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkTitle(b *testing.B) {
	var text strings.Builder
	inputs := map[string]string{}
	for i := range 20 {
		name := fmt.Sprintf("name%d", i)
		inputs[name] = fmt.Sprintf("value %d", i)
		fmt.Fprintf(&text, "%s${%s}", strings.Repeat("some words of a title ", 4), name)
	}
	r := render.Default(nil)
	c := render.Content{Title: text.String()}
	d := data(inputs)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Render(context.Background(), c, d); err != nil {
			b.Fatal(err)
		}
	}
}

// sales is a result of 10,000 rows and 8 columns.
func sales() *source.Result {
	r := result([]string{"id", "department", "region", "revenue", "cost", "share", "day", "diff"})
	r.Columns[6].Type = "DATE"
	for i := range 10_000 {
		r.Rows = append(r.Rows, []any{int64(i), fmt.Sprintf("Department %d", i%50), "EMEA", source.Decimal(fmt.Sprintf("%d.%02d", i*37, i%100)),
			float64(i) * 1.25, float64(i%100) / 100, at, int64(i%2001 - 1000)})
	}
	return r
}

func BenchmarkTable(b *testing.B) {
	c := render.Content{Blocks: render.Blocks(render.TableOf(
		render.Column{Field: "id"}, render.Column{Field: "department"}, render.Column{Field: "region"},
		render.Column{Field: "revenue", Prefix: "¥", Format: "#,##0.00"}, render.Column{Field: "cost"},
		render.Column{Field: "share", Format: "0.0%"}, render.Column{Field: "day"},
		render.Column{Field: "diff", Condition: &render.Condition{Op: render.OpGreaterEqual, Threshold: "0",
			Met: render.Style{Color: channel.ColorGreen, Mark: "↑"}, NotMet: render.Style{Color: channel.ColorRed, Mark: "↓"}}},
	))}
	d := data(nil, sales())
	r := render.Default(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Render(context.Background(), c, d); err != nil {
			b.Fatal(err)
		}
	}
}
