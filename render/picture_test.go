package render_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
)

// pictures are small ones of each type, by media type.
func pictures(t *testing.T) map[string][]byte {
	t.Helper()
	m := image.NewPaletted(image.Rect(0, 0, 3, 2), color.Palette{color.White, color.Black})
	var p, j, g bytes.Buffer
	if err := png.Encode(&p, m); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&j, m, nil); err != nil {
		t.Fatal(err)
	}
	if err := gif.Encode(&g, m, nil); err != nil {
		t.Fatal(err)
	}
	w, err := os.ReadFile(filepath.Join("..", "internal", "picture", "testdata", "lossy.webp"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"image/png": p.Bytes(), "image/jpeg": j.Bytes(), "image/gif": g.Bytes(), "image/webp": w}
}

func dataURL(mediaType string, data []byte) string {
	return "data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString(data)
}

func TestAnAuthorsImageMayHoldThePicture(t *testing.T) {
	for mediaType, b := range pictures(t) {
		t.Run(mediaType, func(t *testing.T) {
			want := &channel.Image{Data: b, Type: mediaType, Alt: "logo"}
			body := "![logo](" + dataURL(mediaType, b) + ")"
			msg := mustRender(t, render.Content{Blocks: render.Blocks(render.Markdown(body))}, data(nil))
			if diff := cmp.Diff([]channel.Section{{Markdown: body, Blocks: []channel.Block{want}}}, msg.Sections); diff != "" || len(msg.Warnings) > 0 {
				t.Errorf("%v (-want +got)\n%s", msg.Warnings, diff)
			}
		})
	}
	b := pictures(t)["image/png"]
	url := dataURL("image/png", b)
	for _, tt := range []struct {
		name, body, value string
		want              []channel.Block
		markdown          string // the body with its value, where it is not obvious
	}{
		{name: "among text", body: "a ![i](" + url + ") b", want: []channel.Block{&channel.Paragraph{Inlines: []channel.Inline{
			channel.Text("a "), &channel.Image{Data: b, Type: "image/png", Alt: "i"}, channel.Text(" b")}}}},
		{name: "in upper case", body: "![i](DATA:Image/PNG;BASE64," + url[len("data:image/png;base64,"):] + ")",
			want: []channel.Block{&channel.Image{Data: b, Type: "image/png", Alt: "i"}}},
		{name: "with the media type of another", body: "![i](" + dataURL("image/jpeg", b) + ")",
			want: []channel.Block{&channel.Image{Data: b, Type: "image/png", Alt: "i"}}},
		{name: "with a value in its description", body: "![${v}](" + url + ")", value: "north",
			want: []channel.Block{&channel.Image{Data: b, Type: "image/png", Alt: "north"}}, markdown: "![north](" + url + ")"},
		{name: "with a value that would close its description", body: "x ![${v}](" + url + ")", value: "](http://evil.example)",
			want: []channel.Block{&channel.Paragraph{Inlines: []channel.Inline{channel.Text("x "),
				&channel.Image{Data: b, Type: "image/png", Alt: "](http://evil.example)"}}}}, markdown: `x ![\](http://evil.example)](` + url + ")"},
		{name: "beside a value that only fits when all is written anew", body: "`${v}` ![i](" + url + ")", value: "a`b",
			want: []channel.Block{&channel.Paragraph{Inlines: []channel.Inline{channel.CodeSpan("a`b"), channel.Text(" "),
				&channel.Image{Data: b, Type: "image/png", Alt: "i"}}}}, markdown: "``a`b`` ![i](" + url + ")"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msg := mustRender(t, render.Content{Blocks: render.Blocks(render.Markdown(tt.body))}, data(map[string]string{"v": tt.value}))
			if tt.markdown == "" {
				tt.markdown = tt.body
			}
			if diff := cmp.Diff([]channel.Section{{Markdown: tt.markdown, Blocks: tt.want}}, msg.Sections); diff != "" || len(msg.Warnings) > 0 {
				t.Errorf("%v (-want +got)\n%s", msg.Warnings, diff)
			}
		})
	}
}

func TestWhatIsNoPictureIsShownAsItsDescription(t *testing.T) {
	b := pictures(t)["image/png"]
	exact := append(bytes.Clone(b), make([]byte, render.MaxImage-len(b))...)
	const none, large = "no PNG, JPEG, GIF or WebP in base64", "more than 2 MB"
	for _, tt := range []struct{ name, url, value, want string }{
		{name: "text", url: dataURL("image/png", []byte("Department 1, 11000")), want: none},
		{name: "a drawing that can hold a script", url: dataURL("image/svg+xml", []byte("<svg><script>alert(1)</script></svg>")), want: none},
		{name: "a page", url: dataURL("text/html", b), want: none},
		{name: "no base64", url: "data:image/png,%89PNG", want: none},
		{name: "broken base64", url: dataURL("image/png", b) + "*", want: none},
		{name: "nothing", url: "data:image/png;base64,", want: none},
		{name: "a scheme alone", url: "data:x", want: none},
		{name: "one byte too many", url: dataURL("image/png", append(bytes.Clone(exact), 0)), want: large},
		{name: "far too many", url: dataURL("image/png", append(bytes.Clone(exact), exact...)), want: large},
		{name: "a picture that comes from a row", url: "${v}", value: dataURL("image/png", b), want: "does not start with http:// or https://"},
		{name: "a picture that a row completes", url: "data:image/png;base64,${v}", value: base64.StdEncoding.EncodeToString(b), want: "does not start with http:// or https://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, alt := range []string{"logo", "${alt}"} {
				msg := mustRender(t, render.Content{Blocks: render.Blocks(render.Markdown("![" + alt + "](" + tt.url + ")"))}, data(map[string]string{"v": tt.value, "alt": "logo"}))
				if diff := cmp.Diff([]channel.Block{&channel.Paragraph{Inlines: []channel.Inline{channel.Text("logo")}}}, msg.Sections[0].Blocks); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				if len(msg.Warnings) != 1 || msg.Warnings[0].Code != channel.WarnRemoved || !strings.Contains(msg.Warnings[0].Text, tt.want) {
					t.Errorf("warnings %+v", msg.Warnings)
				}
			}
		})
	}
	t.Run("2 MB are taken", func(t *testing.T) {
		msg := mustRender(t, render.Content{Blocks: render.Blocks(render.Markdown("![logo](" + dataURL("image/png", exact) + ")"))}, data(nil))
		if i, ok := msg.Sections[0].Blocks[0].(*channel.Image); !ok || !bytes.Equal(i.Data, exact) {
			t.Errorf("warnings %v", msg.Warnings)
		}
	})
}
