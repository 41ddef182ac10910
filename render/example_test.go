package render_test

import (
	"context"
	"fmt"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
)

func ExampleDefault() {
	content := render.Content{
		Title: "Revenue on ${date}",
		Blocks: render.Blocks(
			render.Markdown("Made by **${creator}** for ${subscriber}."),
			render.TableOf(
				render.Column{Field: "department", Header: "Department"},
				render.Column{Field: "revenue", Header: "Revenue", Prefix: "¥", Format: "#,##0.00"},
				render.Column{Field: "diff", Header: "Difference", Condition: &render.Condition{
					Op: render.OpGreaterEqual, Threshold: "0",
					Met:    render.Style{Color: channel.ColorGreen, Mark: "↑"},
					NotMet: render.Style{Color: channel.ColorRed, Mark: "↓"},
				}},
			),
		),
	}
	msg, err := render.Default(nil).Render(context.Background(), content, render.Data{
		ID:     "push-1",
		At:     time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC),
		Inputs: map[string]string{"date": "20240102", "creator": "admin", "subscriber": "*user*"},
		Results: []*source.Result{
			{
				Columns: []source.Column{{Name: "department"}, {Name: "revenue"}},
				Rows:    [][]any{{"Department 1", 11000.0}, {"Department 2", 20000.0}},
			},
			{
				Columns: []source.Column{{Name: "diff"}},
				Rows:    [][]any{{int64(-1000)}, {int64(5000)}},
			},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(msg.Title)
	fmt.Println(msg.Sections[0].Markdown)
	table := msg.Sections[1].Blocks[0].(*channel.Table)
	for i := range table.Rows() {
		for j, cell := range table.Row(i) {
			fmt.Printf("row %d: %s %q\n", i, table.Columns[j].Show(cell), cell.Color)
		}
	}
	// Output:
	// Revenue on 20240102
	// Made by **admin** for \*user\*.
	// row 0: Department 1 ""
	// row 0: ¥11,000.00 ""
	// row 0: -1000↓ "red"
	// row 1: Department 2 ""
	// row 1: ¥20,000.00 ""
	// row 1: 5000↑ "green"
}

func ExampleTemplateRenderer_Check() {
	content := render.Content{
		Title: "Revenue on ${yyyymmdd}",
		Blocks: render.Blocks(
			render.Markdown("by ${ creator }"),
			render.Table("department", "profit"),
		),
	}
	err := render.Default(nil).Check(content, []string{"creator"}, []string{"department", "revenue"})
	fmt.Println(err)
	// Output:
	// render: title, line 1, column 12: ${yyyymmdd}: no parameter or output has this name; it looks like a scheduling expression: make it the value of a parameter, and write that parameter's name here
	// render: block 1, line 1, column 4: ${ creator } has a space beside a brace; write ${creator}
	// render: block 2, table.columns[1].field: "profit": no parameter or output has this name; add the parameter or select a column of that name
}

func ExampleContent_Names() {
	content := render.Content{
		Title:  "Revenue on ${date}",
		Blocks: render.Blocks(render.Table("department", "revenue"), render.Email("See ${Department} of ${date}.")),
	}
	fmt.Println(content.Names())
	// Output: [date department revenue]
}

// In Repeat mode a block shows once per row.
func ExampleMarkdownBlock() {
	content := render.Content{Blocks: render.Blocks(
		render.Block{Markdown: &render.MarkdownBlock{Text: "- ${department}: ${revenue}", Rows: render.Repeat}},
	)}
	msg, err := render.Default(nil).Render(context.Background(), content, render.Data{
		Results: []*source.Result{{
			Columns: []source.Column{{Name: "department"}, {Name: "revenue"}},
			Rows:    [][]any{{"Department 1", int64(11000)}, {"Department 2", int64(20000)}},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	list := msg.Sections[0].Blocks[0].(*channel.List)
	for _, item := range list.Items {
		fmt.Println(item.Blocks[0].(*channel.Paragraph).Inlines[0])
	}
	// Output:
	// Department 1: 11000
	// Department 2: 20000
}
