package chart_test

import (
	"bytes"
	"context"
	"fmt"
	"image/png"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/render/chart"
	"github.com/datapush-go/datapush/source"
)

// A host that wants pictures gives the renderer a drawer, with a font where
// labels are not Latin.
func Example() {
	drawer, err := chart.New(&chart.Options{Font: nil, Width: 600, Height: 338})
	if err != nil {
		fmt.Println(err)
		return
	}
	renderer := render.Default(&render.Options{Drawer: drawer})

	msg, err := renderer.Render(context.Background(), render.Content{Title: "Revenue", Blocks: render.Blocks(
		render.Block{Chart: &render.ChartBlock{
			Kind: render.Bar, Title: "Revenue by department", Labels: "department",
			Series: []render.Series{{Field: "revenue", Color: channel.ColorGreen}},
		}},
	)}, render.Data{ID: "push-1", Results: []*source.Result{{
		Columns: []source.Column{{Name: "department"}, {Name: "revenue"}},
		Rows:    [][]any{{"North", int64(11000)}, {"South", int64(20000)}},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := msg.Sections[0].Blocks[0].(*channel.Chart)
	size, err := png.DecodeConfig(bytes.NewReader(c.Image.Data))
	fmt.Println(c.Title, c.Image.Type, size.Width, size.Height, err)
	fmt.Println("rows for channels without pictures:", c.Table.Rows())
	// Output:
	// Revenue by department image/png 600 338 <nil>
	// rows for channels without pictures: 2
}
