package chart_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/render/chart"
)

func drawer(t testing.TB, o *chart.Options) *chart.Drawer {
	t.Helper()
	d, err := chart.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func draw(t testing.TB, d *chart.Drawer, c render.Chart) image.Image {
	t.Helper()
	img, err := d.Draw(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if img.Type != "image/png" || img.Alt != c.Title {
		t.Errorf("type %q, description %q", img.Type, img.Alt)
	}
	m, err := png.Decode(bytes.NewReader(img.Data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func of(kind render.ChartKind, values ...float64) render.Chart {
	c := render.Chart{Kind: kind, Title: "Revenue", Lines: []render.ChartLine{{Name: "revenue", Values: values}}}
	for i := range values {
		c.Labels = append(c.Labels, fmt.Sprintf("d%d", i+1))
	}
	return c
}

// pixels counts those of a colour, by the eye of a person who knows no chart
// library: a bar is an area and its height a number.
func pixels(m image.Image, want color.RGBA, in image.Rectangle) int {
	n := 0
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			r, g, b, _ := m.At(x, y).RGBA()
			if uint8(r>>8) == want.R && uint8(g>>8) == want.G && uint8(b>>8) == want.B {
				n++
			}
		}
	}
	return n
}

var (
	blue = color.RGBA{0x09, 0x69, 0xda, 255}
	red  = color.RGBA{0xd1, 0x24, 0x2f, 255}
)

func TestBarsAreAsHighAsTheirNumbers(t *testing.T) {
	m := draw(t, drawer(t, nil), of(render.Bar, 10, 20, 40, 0))
	if got := m.Bounds().Size(); got != (image.Point{1200, 675}) {
		t.Errorf("the picture is %v", got)
	}
	// The legend's mark is below the axis and outside these columns' upper part.
	w := 1200 / 4
	var area []float64
	for i := range 4 {
		area = append(area, float64(pixels(m, blue, image.Rect(i*w, 0, (i+1)*w, 580))))
	}
	total := area[0] + area[1] + area[2] + area[3]
	for i, want := range []float64{10, 20, 40, 0} {
		if got := area[i] / total * 70; math.Abs(got-want) > 2.5 {
			t.Errorf("bar %d looks like %.1f, want %v", i+1, got, want)
		}
	}
}

// upper is the highest row of a colour, counted from above.
func upper(m image.Image, want color.RGBA, in image.Rectangle) int {
	for y := in.Min.Y; y < in.Max.Y; y++ {
		if pixels(m, want, image.Rect(in.Min.X, y, in.Max.X, y+1)) > 0 {
			return y
		}
	}
	return in.Max.Y
}

func TestBarsBeginAtZero(t *testing.T) {
	for _, sign := range []float64{1, -1} {
		m := draw(t, drawer(t, nil), of(render.Bar, sign*9e8, sign*1e9))
		left, right := image.Rect(400, 0, 401, 600), image.Rect(1000, 0, 1001, 600)
		if got := float64(pixels(m, blue, left)) / float64(pixels(m, blue, right)); math.Abs(got-0.9) > 0.02 {
			t.Errorf("nine tenths look like %.3f", got)
		}
	}
}

func TestNumbersOfAnySizeAreToldApart(t *testing.T) {
	for _, unit := range []float64{1e-280, 1e-6, 1e-4, 1, 1e6, 1e298} {
		t.Run(fmt.Sprint(unit), func(t *testing.T) {
			m := draw(t, drawer(t, nil), of(render.Line, 12*unit, 13*unit, 11*unit))
			high, low := upper(m, blue, image.Rect(590, 0, 750, 580)), upper(m, blue, image.Rect(1000, 0, 1200, 600))
			if low-high < 300 {
				t.Errorf("the highest number is only %d pixels above the lowest", low-high)
			}
		})
	}
}

func TestATitleStaysInThePicture(t *testing.T) {
	c := of(render.Bar, 1, 2)
	c.Title = strings.Repeat("WWW ", 40)
	img, err := drawer(t, nil).Draw(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(img.Data))
	if err != nil {
		t.Fatal(err)
	}
	ink := color.RGBA{0x24, 0x29, 0x2f, 255}
	if pixels(m, ink, image.Rect(1000, 0, 1180, 60)) == 0 || pixels(m, ink, image.Rect(1180, 0, 1200, 60)) > 0 {
		t.Error("the title does not end at the picture's padding")
	}
}

func TestASeriesWithoutAColourHasOneOfItsOwn(t *testing.T) {
	c := of(render.Bar, 1, 2)
	c.Lines = append(c.Lines, render.ChartLine{Name: "other", Color: channel.ColorBlue, Values: []float64{1, 2}})
	m := draw(t, drawer(t, nil), c)
	one, two := pixels(m, blue, m.Bounds()), pixels(m, color.RGBA{0xbc, 0x4c, 0x00, 255}, m.Bounds())
	if one == 0 || math.Abs(float64(one)/float64(two)-1) > 0.02 {
		t.Errorf("%d and %d pixels", one, two)
	}
}

func TestSlicesAreAsLargeAsTheirNumbers(t *testing.T) {
	c := of(render.Pie, 1, 3)
	m := draw(t, drawer(t, nil), c)
	first := float64(pixels(m, blue, m.Bounds()))
	second := float64(pixels(m, color.RGBA{0xbc, 0x4c, 0x00, 255}, m.Bounds()))
	if share := first / (first + second); math.Abs(share-0.25) > 0.01 {
		t.Errorf("a quarter looks like %.3f", share)
	}
}

func TestASeriesHasTheColourThatTheAuthorChose(t *testing.T) {
	for _, kind := range []render.ChartKind{render.Bar, render.Line} {
		c := of(kind, 1, 2, 3)
		c.Lines[0].Color = channel.ColorRed
		m := draw(t, drawer(t, nil), c)
		if pixels(m, red, m.Bounds()) == 0 || pixels(m, blue, m.Bounds()) != 0 {
			t.Errorf("%s: the series is not red", kind)
		}
	}
}

func TestANullLeavesAGap(t *testing.T) {
	gap := draw(t, drawer(t, nil), of(render.Line, 5, 5, math.NaN(), 5, 5))
	whole := draw(t, drawer(t, nil), of(render.Line, 5, 5, 5, 5, 5))
	if a, b := pixels(gap, blue, gap.Bounds()), pixels(whole, blue, whole.Bounds()); a >= b*3/4 {
		t.Errorf("a line with a gap has %d pixels and a whole one %d", a, b)
	}
	draw(t, drawer(t, nil), of(render.Bar, 5, math.NaN(), 7))
	draw(t, drawer(t, nil), of(render.Pie, 5, math.NaN(), 0, 7))
}

func TestAPictureIsTheSameEachTime(t *testing.T) {
	d := drawer(t, &chart.Options{Width: 300, Height: 200})
	for _, kind := range []render.ChartKind{render.Bar, render.Line, render.Pie} {
		one, err1 := d.Draw(context.Background(), of(kind, 1, 2, 3))
		two, err2 := d.Draw(context.Background(), of(kind, 1, 2, 3))
		if err1 != nil || err2 != nil || !bytes.Equal(one.Data, two.Data) {
			t.Errorf("%s: two drawings differ: %v, %v", kind, err1, err2)
		}
	}
}

func TestChineseNeedsAFontThatHasIt(t *testing.T) {
	c := of(render.Bar, 1, 2)
	c.Title, c.Labels, c.Lines[0].Name = "各部门收入", []string{"华东", "华南"}, "收入"
	_, err := drawer(t, nil).Draw(context.Background(), c)
	if err == nil || !strings.Contains(err.Error(), "Options.Font") {
		t.Errorf("Draw without a font: %v", err)
	}
	font, err := os.ReadFile(filepath.Join("testdata", "droid-subset.ttf"))
	if err != nil {
		t.Fatal(err)
	}
	d := drawer(t, &chart.Options{Font: font})
	m := draw(t, d, c)
	// A font without the glyphs would draw the same box for each of them.
	other := c
	other.Labels = []string{"华西", "华北"}
	n := draw(t, d, other)
	same := true
	for y := 560; y < 640 && same; y++ {
		for x := range 1200 {
			same = same && m.At(x, y) == n.At(x, y)
		}
	}
	if same {
		t.Error("different labels look the same")
	}
}

func TestWhatMakesNoPictureIsAnError(t *testing.T) {
	many := func(kind render.ChartKind, n int) render.Chart {
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(i + 1)
		}
		return of(kind, v...)
	}
	two := of(render.Pie, 1, 2)
	two.Lines = append(two.Lines, two.Lines[0])
	thirteen := func(kind render.ChartKind) render.Chart {
		c := of(kind, 1)
		for range 12 {
			c.Lines = append(c.Lines, c.Lines[0])
		}
		return c
	}
	uneven := of(render.Bar, 1, 2)
	uneven.Labels = uneven.Labels[:1]
	cases := []struct {
		name string
		c    render.Chart
		want string
	}{
		{"ten thousand bars", many(render.Bar, 10_000), "10000 bars are more than 300"},
		{"ten thousand points", many(render.Line, 10_000), "10000 points"},
		{"thirteen series of bars", thirteen(render.Bar), "13 series are more than 12"},
		{"thirteen lines", thirteen(render.Line), "13 series are more than 12"},
		{"more points than all lines together may have", func() render.Chart {
			c := many(render.Line, 700)
			for range 3 {
				c.Lines = append(c.Lines, c.Lines[0])
			}
			return c
		}(), "4 lines of 700 points are more than 800 of one line or 2400 of all"},
		{"ten thousand slices", many(render.Pie, 10_000), "10000 slices are more than 24"},
		{"no rows", of(render.Bar), "nothing to draw"},
		{"only nulls", of(render.Bar, math.NaN(), math.NaN()), "no number"},
		{"a negative slice", of(render.Pie, 1, -1), "negative"},
		{"a pie of zeros", of(render.Pie, 0, 0), "zeros"},
		{"two series in a pie", two, "one series"},
		{"an infinity", of(render.Line, math.Inf(1)), "out of range"},
		{"a number near the end of the range", of(render.Line, 1e308), "out of range"},
		{"an unknown kind", of("radar", 1), `"radar"`},
		{"labels that do not match", uneven, "2 numbers for 1 labels"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			img, err := drawer(t, nil).Draw(context.Background(), tc.c)
			if img != nil || err == nil || !strings.HasPrefix(err.Error(), "chart: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Draw: %v, want %q", err, tc.want)
			}
		})
	}
	t.Run("a context that has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := drawer(t, nil).Draw(ctx, of(render.Bar, 1)); !errors.Is(err, context.Canceled) {
			t.Errorf("Draw: %v", err)
		}
	})
}

func TestWhatIsDrawableIsDrawn(t *testing.T) {
	d := drawer(t, &chart.Options{Width: 400, Height: 300})
	many := func(kind render.ChartKind, n int) render.Chart {
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(i%7) + 1
		}
		return of(kind, v...)
	}
	for _, c := range []render.Chart{
		of(render.Bar, 0), of(render.Line, 1), of(render.Pie, 1), of(render.Bar, -5, -7), of(render.Line, 1e299, -1e299), of(render.Bar, 1e-12),
		many(render.Bar, chart.MaxBars), many(render.Line, chart.MaxPoints), many(render.Pie, chart.MaxSlices),
	} {
		draw(t, d, c)
	}
	long := of(render.Bar, 1, 2)
	long.Title, long.Labels[0], long.Lines[0].Name = strings.Repeat("long title ", 50), strings.Repeat("x", 500), strings.Repeat("n\n", 500)
	draw(t, d, long)
}

func TestNewReportsEveryMistake(t *testing.T) {
	_, err := chart.New(&chart.Options{Font: []byte("no font"), Width: 1, Height: 9999})
	for _, want := range []string{"Options.Font", "Options.Width: 1", "Options.Height: 9999"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %s", err, want)
		}
	}
}

func FuzzDraw(f *testing.F) {
	f.Add("bar", "title", "a", 1.0, -2.0)
	f.Add("line", "", "", 0.0, 1e299)
	f.Add("pie", "x\ny", "…", 1e-300, 3.0)
	d := drawer(f, &chart.Options{Width: 200, Height: 200})
	f.Fuzz(func(t *testing.T, kind, title, label string, a, b float64) {
		c := of(render.ChartKind(kind), a, b)
		c.Title, c.Labels[0] = title, label
		img, err := d.Draw(context.Background(), c)
		if err != nil {
			return
		}
		if _, err := png.Decode(bytes.NewReader(img.Data)); err != nil {
			t.Fatal(err)
		}
	})
}
