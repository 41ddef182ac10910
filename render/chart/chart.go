// Package chart draws bar, line and pie charts as PNG pictures. Only hosts that
// import it link its library, github.com/go-analyze/charts, a maintained
// descendant of vicanso/go-charts and wcharczuk/go-chart under the MIT licence.
//
// A [Drawer] is given to the renderer. Its pictures go the way of every image:
// mail carries them, other channels upload or replace them by the chart's
// numbers.
//
// # Fonts
//
// The built-in font, Roboto, has Latin, Greek and Cyrillic letters. For Chinese,
// Japanese or Korean labels the host gives a TrueType font (.ttf, or the first
// font of a .ttc) with glyf outlines, such as WenQuanYi Zen Hei or Droid Sans
// Fallback; fonts with CFF outlines, such as Noto Sans CJK as most systems ship
// it, cannot be read. A text with a character that the font lacks is an error,
// so that nobody gets a picture of empty boxes: the chart is then shown as its
// numbers.
//
// # What is not drawn
//
// More bars, points, slices or series than a reader can tell apart are an error,
// and so are a pie with negative numbers and a chart without any number. A null
// leaves a gap in a line and no bar or slice. Bars begin at zero; lines need not.
package chart

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-analyze/charts"
	"github.com/golang/freetype/truetype"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
)

// What a picture of the default size can show.
const (
	MaxBars   = 300 // of all series together
	MaxPoints = 800 // of one line, and three times as many of all
	MaxSeries = 12  // of bars or lines, as many as there are colours
	MaxSlices = 24
)

// Options configure a [Drawer]. Nil and the zero value are the defaults.
type Options struct {
	// Font is a TrueType font. Nil is the built-in Latin one.
	Font []byte
	// Width and Height are the picture's size in pixels. Zero is 1200 and 675,
	// which is sharp where a mail shows it 720 wide. The least is 200 and the
	// most 4000.
	Width, Height int
}

// Drawer makes pictures of charts. It may be used by several goroutines at once.
type Drawer struct {
	font          *truetype.Font
	width, height int
}

var _ render.Drawer = (*Drawer)(nil)

// New makes a drawer. It reports a font that cannot be read and a size that
// cannot be drawn, both at once.
func New(o *Options) (*Drawer, error) {
	if o == nil {
		o = &Options{}
	}
	d := &Drawer{font: charts.GetDefaultFont(), width: 1200, height: 675}
	var errs []error
	if o.Font != nil {
		font, err := truetype.Parse(o.Font)
		if err != nil {
			errs = append(errs, fmt.Errorf("chart: Options.Font: %w; a TrueType font with glyf outlines is needed", err))
		}
		d.font = font
	}
	for _, s := range []struct {
		name string
		in   int
		out  *int
	}{{"Width", o.Width, &d.width}, {"Height", o.Height, &d.height}} {
		if s.in == 0 {
			continue
		}
		if s.in < 200 || s.in > 4000 {
			errs = append(errs, fmt.Errorf("chart: Options.%s: %d is not between 200 and 4000 pixels", s.name, s.in))
		}
		*s.out = s.in
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return d, nil
}

// Draw makes the picture; its description is the title. An error says why there
// is none and holds nothing from a row; what an author can change is a
// [render.Undrawable]. It takes tens of milliseconds, and seconds for the most
// points where each is far from the one before; it does not stop half way when
// ctx ends.
func (d *Drawer) Draw(ctx context.Context, c render.Chart) (img *channel.Image, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.check(c); err != nil {
		return nil, fmt.Errorf("chart: %w", err)
	}
	// The library is given what a database held; whatever it makes of that, the
	// run goes on.
	defer func() {
		if p := recover(); p != nil {
			img, err = nil, errors.New("chart: the numbers cannot be drawn")
		}
	}()
	data, err := d.draw(c)
	if err != nil {
		return nil, errors.New("chart: the numbers cannot be drawn")
	}
	return &channel.Image{Data: data, Type: "image/png", Alt: c.Title}, nil
}

// check finds what makes no picture.
func (d *Drawer) check(c render.Chart) error {
	labels, lines := len(c.Labels), len(c.Lines)
	if labels == 0 || lines == 0 {
		return render.Undrawable("there is nothing to draw")
	}
	texts := append([]string{c.Title}, c.Labels...)
	number := false
	for i, l := range c.Lines {
		texts = append(texts, l.Name)
		if len(l.Values) != labels {
			return undrawable("series %d has %d numbers for %d labels", i+1, len(l.Values), labels)
		}
		for _, v := range l.Values {
			if math.IsInf(v, 0) || math.Abs(v) > 1e300 {
				return undrawable("series %d has a number that is out of range", i+1)
			}
			number = number || !math.IsNaN(v)
		}
	}
	if !number {
		return render.Undrawable("there is no number to draw")
	}
	switch c.Kind {
	case render.Bar:
		if n := labels * lines; n > MaxBars {
			return undrawable("%d bars are more than %d; use fewer rows, or a line", n, MaxBars)
		}
		if lines > MaxSeries {
			return undrawable("%d series are more than %d; use fewer", lines, MaxSeries)
		}
	case render.Line:
		// The time that a line takes grows with the square of its points.
		if labels > MaxPoints || labels*lines > 3*MaxPoints {
			return undrawable("%d lines of %d points are more than %d of one line or %d of all; use fewer rows", lines, labels, MaxPoints, 3*MaxPoints)
		}
		if lines > MaxSeries {
			return undrawable("%d series are more than %d; use fewer", lines, MaxSeries)
		}
	case render.Pie:
		if lines != 1 {
			return undrawable("a pie has one series, not %d", lines)
		}
		if labels > MaxSlices {
			return undrawable("%d slices are more than %d; use fewer rows, or bars", labels, MaxSlices)
		}
		sum := 0.0
		for _, v := range c.Lines[0].Values {
			if v < 0 {
				return render.Undrawable("a pie cannot show negative numbers; use bars")
			}
			if !math.IsNaN(v) {
				sum += v
			}
		}
		if sum == 0 {
			return render.Undrawable("a pie of zeros has no slices")
		}
	default:
		return undrawable("the kind %q is none of bar, line and pie", c.Kind)
	}
	for _, s := range texts {
		for _, r := range s {
			if r > ' ' && d.font.Index(r) == 0 {
				return render.Undrawable("the font lacks a character of the title, a label or a name; give one that has it by Options.Font")
			}
		}
	}
	return nil
}

func undrawable(format string, args ...any) error {
	return render.Undrawable(fmt.Sprintf(format, args...))
}

func (d *Drawer) draw(c render.Chart) ([]byte, error) {
	size := float64(d.width) / 60 // of the text, about a 14 px text at a mail's width
	p := charts.NewPainter(charts.PainterOptions{
		OutputFormat: charts.ChartOutputPNG, Width: d.width, Height: d.height, Font: d.font,
	})
	pad := int(size)
	padding := charts.Box{Left: pad, Top: pad, Right: pad, Bottom: pad, IsSet: true}
	font := func(scale float64) charts.FontStyle {
		return charts.FontStyle{FontSize: size * scale, Font: d.font}
	}
	// The library leaves no room between a title and the highest value, so the
	// title is written here.
	style := font(1)
	style.FontColor = charts.ColorFromHex("#24292f")
	title := shorten(c.Title, 100)
	for n := len([]rune(title)) - 1; n > 0 && p.MeasureText(title, 0, style).Width() > d.width-2*pad; n-- {
		title = shorten(c.Title, n)
	}
	if title != "" {
		padding.Top = 4 * pad
	}
	s := scaleOf(c)
	names := make([]string, len(c.Lines))
	values := make([][]float64, len(c.Lines))
	for i, l := range c.Lines {
		names[i] = shorten(l.Name, 24)
		values[i] = make([]float64, len(l.Values))
		for j, v := range l.Values {
			if values[i][j] = v / s.unit; math.IsNaN(v) {
				values[i][j] = charts.GetNullValue()
			}
		}
	}
	labels := make([]string, len(c.Labels))
	for i, s := range c.Labels {
		labels[i] = shorten(s, 24)
	}
	if len(labels) == 1 && c.Kind != render.Pie {
		// Alone, a label does not stand under its bar or point.
		none := charts.GetNullValue()
		labels = []string{"", labels[0], ""}
		for i, v := range values {
			values[i] = []float64{none, v[0], none}
		}
	}
	// Below the chart a legend of many names takes no room from the title.
	legend := charts.LegendOption{
		SeriesNames: names, FontStyle: font(0.7),
		Offset:  charts.OffsetStr{Left: charts.PositionCenter, Top: charts.PositionBottom},
		Padding: charts.Box{Top: pad / 2, IsSet: true},
	}
	axis := charts.ValueAxisOption{
		LabelFontStyle: font(0.7), ValueFormatter: s.label,
		Min: charts.Ptr(s.from), Max: charts.Ptr(s.from + float64(s.steps)*s.step),
		LabelCount: s.steps + 1, RangeValuePaddingScale: charts.Ptr(0.0),
	}
	category := charts.CategoryAxisOption{Labels: labels, LabelFontStyle: font(0.7)}
	// The first and the last label stand inside the axis, so that labels closer
	// than two widths run into each other.
	longest := 1.0
	for _, l := range labels {
		longest = max(longest, textWidth(l)*size*0.7)
	}
	if room := max(2, int(float64(d.width)/(2.1*longest))); room < len(labels) {
		category.LabelCount = room
	}

	var err error
	switch c.Kind {
	case render.Bar:
		o := charts.NewBarChartOptionWithData(values)
		o.Theme, o.Padding, o.Legend = theme(c, 0), padding, legend
		o.CategoryAxis, o.ValueAxis = category, []charts.ValueAxisOption{axis}
		err = p.BarChart(o)
	case render.Line:
		o := charts.NewLineChartOptionWithData(values)
		o.Theme, o.Padding, o.Legend = theme(c, 0), padding, legend
		o.XAxis, o.YAxis = category, []charts.YAxisOption{axis}
		o.LineStrokeWidth = size / 7
		err = p.LineChart(o)
	case render.Pie:
		// A slice of nothing would still take a label.
		var parts []float64
		var kept []string
		sum := 0.0
		for j, v := range c.Lines[0].Values {
			if v > 0 {
				parts, kept = append(parts, v/s.unit), append(kept, labels[j])
				sum += v / s.unit
			}
		}
		o := charts.NewPieChartOptionWithData(parts)
		o.Theme, o.Padding = theme(c, len(parts)), padding
		o.Radius = "36%"
		o.Legend = charts.LegendOption{SeriesNames: kept, Show: charts.Ptr(false)}
		for i := range o.SeriesList {
			o.SeriesList[i].Label.FontStyle = font(0.7)
			// The library cuts percentages instead of rounding them.
			text := kept[i] + ": " + strconv.FormatFloat(100*parts[i]/sum, 'f', 1, 64) + "%"
			o.SeriesList[i].Label.LabelFormatter = func(int, string, float64) (string, *charts.LabelStyle) { return text, nil }
		}
		err = p.PieChart(o)
	}
	if err != nil {
		return nil, err
	}
	p.Text(title, pad, 2*pad, 0, style)
	return p.Bytes()
}

// scale is the axis of the values: steps of a round length, counted in units.
// The library's own axis starts bars elsewhere than at zero, which makes their
// heights lie, and sees no difference between very small numbers.
type scale struct {
	unit       float64 // a power of ten
	from, step float64 // in units
	steps      int
	decimals   int // of labels
}

// scaleOf covers all numbers, and zero where they are bars.
func scaleOf(c render.Chart) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, l := range c.Lines {
		for _, v := range l.Values {
			if !math.IsNaN(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if c.Kind == render.Bar {
		low, high = min(low, 0), max(high, 0)
	}
	s := scale{unit: 1}
	exponent := 0
	if most := max(math.Abs(low), math.Abs(high)); most > 1e-290 {
		exponent = int(math.Floor(math.Log10(most)))
		s.unit = math.Pow(10, float64(exponent))
	} else {
		low, high = 0, 0
	}
	low, high = low/s.unit, high/s.unit
	// What differs less than this looks the same beside the number itself.
	if high-low < 1e-9 {
		switch {
		case high > 0:
			low = 0
		case low < 0:
			high = 0
		default:
			high = 1
		}
	}
	// The shortest of the round steps of which seven are enough.
	for e := math.Floor(math.Log10(high-low)) - 1; ; e++ {
		for _, m := range [...]float64{1, 2, 2.5, 5} {
			step := m * math.Pow(10, e)
			from, to := math.Floor(low/step+1e-9), math.Ceil(high/step-1e-9)
			if n := int(to - from); n <= 7 {
				s.from, s.step, s.steps = from*step, step, max(n, 1)
				s.decimals = -int(e) - exponent
				if m == 2.5 {
					s.decimals++
				}
				return s
			}
		}
	}
}

// label writes a value of the axis with thousands apart.
func (s scale) label(v float64) string {
	if math.Abs(v) < s.step/2 {
		return "0"
	}
	v *= s.unit
	if a := max(math.Abs(s.from), math.Abs(s.from+float64(s.steps)*s.step)) * s.unit; a >= 1e12 || a < 1e-4 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	text := strconv.FormatFloat(v, 'f', max(s.decimals, 0), 64)
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	whole, frac, ok := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if ok {
		whole += "." + frac
	}
	return sign + whole
}

// palette holds colours that differ in brightness too, so that a grey print
// still tells most of them apart.
var palette = [...]string{
	"#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf8700", "#1b7c83", "#d1242f", "#57606a",
	"#0a3069", "#e85aad", "#4ac26b", "#54aeff",
}

// colors are those that an author chooses by name.
var colors = map[channel.Color]string{
	channel.ColorGreen: "#1a7f37", channel.ColorRed: "#d1242f", channel.ColorBlue: "#0969da",
	channel.ColorOrange: "#bc4c00", channel.ColorYellow: "#bf8700", channel.ColorGrey: "#57606a",
}

// theme gives each series its colour: the author's, else the next that no
// author chose. Slices have no author's colours.
func theme(c render.Chart, slicesDrawn int) charts.ColorPalette {
	var list []charts.Color
	if c.Kind == render.Pie {
		for i := range slicesDrawn {
			k := i % len(palette)
			if k == 0 && i > 0 && i == slicesDrawn-1 {
				k = len(palette) / 2 // beside the first slice
			}
			list = append(list, charts.ColorFromHex(palette[k]))
		}
	} else {
		chosen := make(map[string]bool)
		for _, l := range c.Lines {
			chosen[colors[l.Color]] = true
		}
		free := slices.DeleteFunc(slices.Clone(palette[:]), func(h string) bool { return chosen[h] })
		for _, l := range c.Lines {
			h := colors[l.Color]
			if h == "" {
				h, free = free[0], free[1:]
			}
			list = append(list, charts.ColorFromHex(h))
		}
	}
	return charts.GetTheme(charts.ThemeLight).WithSeriesColors(list).WithBackgroundColor(charts.ColorWhite)
}

// textWidth estimates a text's width in font sizes.
func textWidth(s string) float64 {
	n := 0.0
	for _, r := range s {
		if r >= 0x1100 {
			n += 1.3
		} else {
			n += 0.75
		}
	}
	return n
}

// shorten keeps a text on one line of n characters.
func shorten(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
