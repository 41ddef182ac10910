package render

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/datapush-go/datapush/channel"
)

// Drawer makes the picture of a chart. It may be called by several goroutines
// at once. An error leaves the chart without a picture and adds a warning, which
// repeats the text of an [Undrawable] and of no other error.
type Drawer interface {
	Draw(ctx context.Context, c Chart) (*channel.Image, error)
}

// Undrawable is a Drawer's error for an author to read: it says why there is no
// picture and what to do, and holds no value of a row.
type Undrawable string

// Error is the reason itself.
func (e Undrawable) Error() string { return string(e) }

// Chart is a chart with its numbers, for a Drawer. It must not be changed.
type Chart struct {
	Kind   ChartKind
	Title  string
	Labels []string
	Lines  []ChartLine
}

// ChartLine is a series with its numbers.
type ChartLine struct {
	Name  string
	Color channel.Color
	// Values has one number per label. NaN stands for a null.
	Values []float64
}

// chart is nil when the block has a mistake. The error is ctx's.
func (r *run) chart(ctx context.Context, b *ChartBlock) (*channel.Chart, error) {
	r.rows = First
	before := len(r.errs)
	columns := make([]column, 1+len(b.Series))
	table := &channel.Table{Columns: make([]channel.Column, len(columns))}
	table.Columns[0] = r.chartColumn("chart.labels", b.Labels, "", &columns[0])
	for i, s := range b.Series {
		field := fmt.Sprintf("chart.series[%d].", i)
		name := ""
		if s.Name != "" {
			name = r.line(field+"name", s.Name)
		}
		table.Columns[1+i] = r.chartColumn(field+"field", s.Field, name, &columns[1+i])
	}
	title := r.line("chart.title", b.Title)
	if len(r.errs) > before {
		return nil, nil
	}
	rows := r.rowCount(columns)
	for i := range columns {
		if res := columns[i].result; res != nil && len(res.Rows) < rows {
			r.warn(channel.WarnData, "Column %q has %d rows and its chart has %d; the rest is empty.",
				table.Columns[i].Header, len(res.Rows), rows)
		}
	}
	fillCells(table, columns, rows)
	drawing := Chart{Kind: b.Kind, Title: title, Labels: make([]string, rows), Lines: make([]ChartLine, len(b.Series))}
	for i := range rows {
		drawing.Labels[i] = table.Row(i)[0].Text
	}
	for j, s := range b.Series {
		line := &drawing.Lines[j]
		line.Name, line.Color, line.Values = table.Columns[1+j].Header, s.Color, make([]float64, rows)
		for i := range rows {
			v, ok := chartNumber(&table.Row(i)[1+j])
			if !ok {
				r.at(fmt.Sprintf("chart.series[%d].field", j),
					fmt.Sprintf("column %q has a value in row %d that is no number; a series shows numbers", s.Field, i+1))
				break
			}
			line.Values[i] = v
		}
	}
	if len(r.errs) > before {
		return nil, nil
	}
	chart := &channel.Chart{Title: title, Table: table}
	if r.renderer.opts.Drawer == nil {
		r.warn(channel.WarnDegraded, "Charts are shown as tables, because no drawer of charts is configured.")
		return chart, nil
	}
	image, err := r.renderer.opts.Drawer.Draw(ctx, drawing)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var why Undrawable
	if errors.As(err, &why) {
		r.warn(channel.WarnDegraded, "The chart in block %d is shown as a table: %s.", r.block, string(why))
		return chart, nil
	}
	if err != nil || image == nil {
		r.warn(channel.WarnDegraded, "The chart in block %d could not be drawn and is shown as a table.", r.block)
		return chart, nil
	}
	chart.Image = image
	return chart, nil
}

func (r *run) chartColumn(field, name, header string, c *column) channel.Column {
	s, ok := r.find(name)
	if !ok {
		if !r.renderer.opts.Lenient {
			r.at(field, unknownField(name))
		} else {
			r.warn(channel.WarnUnresolved, "Column %q is empty: no parameter or output has this name.", name)
		}
	}
	c.spot = s
	if header == "" {
		header = string(oneLine([]byte(name), 0))
	}
	return channel.Column{Header: header}
}

// chartNumber reads a cell; numbers that a database gave as text count.
func chartNumber(c *channel.Cell) (float64, bool) {
	if c.Type == channel.TypeNull || c.Text == "" {
		return math.NaN(), true
	}
	if c.Type != channel.TypeNumber && c.Type != channel.TypeText {
		return 0, false
	}
	if _, ok := parseDecimal([]byte(c.Raw)); !ok {
		return 0, false
	}
	// Out of range gives an infinity, which a chart cannot show.
	v, err := strconv.ParseFloat(c.Raw, 64)
	return v, err == nil
}
