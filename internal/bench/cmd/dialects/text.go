package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/valyala/fasttemplate"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/channel/teams"
	"github.com/datapush-go/datapush/channel/wecom"
	"github.com/datapush-go/datapush/internal/bench/ratio"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
)

// article is 20 KB of ordinary Markdown.
func article() string {
	var b strings.Builder
	for i := 1; b.Len() < 19_600; i++ {
		fmt.Fprintf(&b, "## Section %d\n\n", i)
		b.WriteString("Revenue was **higher** than *expected*, see [the report](https://example.com/report) of the month. ")
		b.WriteString("All departments but one have sold more than in the month before, and costs have stayed as they were.\n\n")
		b.WriteString("- first item\n- second item with **bold** text\n- third item\n\n1. one\n2. two\n\n> a quote of somebody\n\n")
		if i%20 == 0 {
			b.WriteString("| Name | Value |\n|:-----|------:|\n| a | 1 |\n| b | 2 |\n\n")
		}
		if i%5 == 0 {
			b.WriteString("```sql\nSELECT revenue\nFROM sales\n```\n\n")
		}
	}
	return b.String()
}

var (
	tags  = regexp.MustCompile(`<[^>]*>`)
	label = regexp.MustCompile(`^\(\d/\d\) `)
)

// words are what a reader sees of HTML.
func words(page string) string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(page, " "))), " ")
}

// markdown compares a renderer and a channel with goldmark, whose output is of
// the same size for a page.
func markdown() ([]ratio.Row, bool) {
	text := article()
	md := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList))
	var buf bytes.Buffer
	convert := func() {
		buf.Reset()
		check(md.Convert([]byte(text), &buf))
	}
	convert()
	want := words(buf.String())

	content := render.Content{Blocks: render.Blocks(render.Markdown(text))}
	parsed := render.Default(nil)
	var rows []ratio.Row
	for _, c := range []struct {
		name    string
		ch      channel.Channel
		options map[string]string
	}{
		{"DingTalk", dingtalk.New(nil), map[string]string{dingtalk.OptionTables: dingtalk.TablesRaw}},
		{"Lark", lark.New(nil), nil},
		{"WeCom", wecom.New(nil), nil},
		{"Teams", teams.New(nil), nil},
	} {
		to := channel.Destination{Options: c.options}
		write := func(r *render.TemplateRenderer) []channel.Payload {
			msg, err := r.Render(ctx, content, render.Data{})
			check(err)
			ps, err := c.ch.Encode(msg, to)
			check(err)
			return ps
		}
		if c.name == "DingTalk" {
			// Its parts are Markdown, so the rival can read them.
			var all strings.Builder
			for _, p := range write(parsed) {
				var body struct{ Markdown struct{ Text string } }
				check(json.Unmarshal(p.Body, &body))
				buf.Reset()
				check(md.Convert([]byte(body.Markdown.Text), &buf))
				all.WriteString(label.ReplaceAllString(words(buf.String()), "") + " ")
			}
			same("Markdown block", strings.TrimSpace(all.String()), want)
		}
		r := ratio.Compare("Markdown of 20 KB to "+c.name+", parsed each time", 31, 20, func() { write(render.Default(nil)) }, convert)
		r.Most = 1.3
		rows = append(rows, r)
		r = ratio.Compare("Markdown of 20 KB to "+c.name+", parsed before", 31, 20, func() { write(parsed) }, convert)
		r.Most = 1.0 / 3
		rows = append(rows, r)
	}
	return rows, true
}

// values are 20 names and what they stand for.
func values() (names []string, ours map[string]string, rival map[string]any) {
	ours, rival = map[string]string{}, map[string]any{}
	for i := range 20 {
		name, v := fmt.Sprintf("name%d", i), fmt.Sprintf("value %d", i)
		names = append(names, name)
		ours[name], rival[name] = v, v
	}
	return
}

func title() ([]ratio.Row, bool) {
	names, ours, rival := values()
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "%s${%s}", strings.Repeat("some words of a title ", 4), n)
	}
	for b.Len() < 2<<10 {
		b.WriteString(" and more")
	}
	r := render.Default(nil)
	content, data := render.Content{Title: b.String()}, render.Data{Inputs: ours}
	var got string
	substitute := func() {
		msg, err := r.Render(ctx, content, data)
		check(err)
		got = msg.Title
	}
	t := fasttemplate.New(b.String(), "${", "}")
	var theirs string
	execute := func() { theirs = t.ExecuteString(rival) }
	substitute()
	execute()
	same("title", got, theirs)
	row := ratio.Compare("20 values in a title of 2 KB", 41, 2000, substitute, execute)
	row.Most = 1
	return []ratio.Row{row}, true
}

func sql() ([]ratio.Row, bool) {
	names, ours, rival := values()
	var b strings.Builder
	b.WriteString("SELECT department, region, SUM(revenue) AS revenue\nFROM sales\nWHERE ds = '20240102'")
	for i, n := range names {
		fmt.Fprintf(&b, "\n  AND (department_name_%d = '${%s}' OR COALESCE(region_of_department, 'none') = 'everywhere')", i, n)
	}
	b.WriteString("\nGROUP BY department, region")
	script, err := source.Parse(b.String(), source.ANSI)
	check(err)
	statement := script.Statements[0]
	var got string
	bind := func() {
		got, err = statement.Bind(source.ANSI, ours)
		check(err)
	}
	t := fasttemplate.New(b.String(), "${", "}")
	var theirs string
	execute := func() { theirs = t.ExecuteString(rival) }
	bind()
	execute()
	same("SQL", got, theirs)
	row := ratio.Compare(fmt.Sprintf("20 values in SQL of %d bytes", b.Len()), 41, 2000, bind, execute)
	row.Most = 1
	return []ratio.Row{row}, true
}
