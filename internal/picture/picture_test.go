package picture_test

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/internal/picture"
)

// drawn is a picture of 37 by 21 pixels in a form of the standard library's.
func drawn(t testing.TB, mediaType string) []byte {
	t.Helper()
	m := image.NewPaletted(image.Rect(0, 0, 37, 21), color.Palette{color.White, color.Black})
	var b bytes.Buffer
	err := map[string]func() error{
		picture.PNG:  func() error { return png.Encode(&b, m) },
		picture.JPEG: func() error { return jpeg.Encode(&b, m, nil) },
		picture.GIF:  func() error { return gif.Encode(&b, m, nil) },
	}[mediaType]()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// webp reads a picture of 37 by 21 pixels that cwebp made.
func webp(t testing.TB, form string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", form+".webp"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReadTellsWhatAPictureIs(t *testing.T) {
	for _, tt := range []struct {
		name, mediaType, ext string
		data                 []byte
	}{
		{"PNG", "image/png", ".png", drawn(t, picture.PNG)},
		{"JPEG", "image/jpeg", ".jpg", drawn(t, picture.JPEG)},
		{"GIF", "image/gif", ".gif", drawn(t, picture.GIF)},
		{"lossy WebP", "image/webp", ".webp", webp(t, "lossy")},
		{"lossless WebP", "image/webp", ".webp", webp(t, "lossless")},
		{"WebP with an alpha channel", "image/webp", ".webp", webp(t, "extended")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := picture.Read(tt.data)
			if diff := cmp.Diff(picture.Info{Type: tt.mediaType, Ext: tt.ext, Width: 37, Height: 21}, got); diff != "" || !ok {
				t.Errorf("%v (-want +got)\n%s", ok, diff)
			}
			if got := picture.Type(tt.data); got != tt.mediaType {
				t.Errorf("Type gives %q", got)
			}
			if _, ok := picture.Read(tt.data[:len(tt.data)/8]); ok {
				t.Error("an eighth of it is a picture too")
			}
		})
	}
}

func TestReadRefusesWhatIsNoPicture(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":                nil,
		"text":                   []byte("Department 1, 11000 and some more words"),
		"a page":                 []byte("<!DOCTYPE html><html><body>Please sign in</body></html>"),
		"an SVG drawing":         []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"only a PNG's signature": []byte("\x89PNG\r\n\x1a\n"),
		"a sound in RIFF":        append([]byte("RIFF\x24\x00\x00\x00WAVEfmt "), make([]byte, 40)...),
		"a WebP without frames":  append([]byte("RIFF\x24\x00\x00\x00WEBPVP9 "), make([]byte, 40)...),
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := picture.Read(data); ok {
				t.Errorf("it is taken for %+v", got)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{picture.PNG, picture.JPEG, picture.GIF} {
		f.Add(drawn(f, s))
	}
	for _, s := range []string{"lossy", "lossless", "extended"} {
		f.Add(webp(f, s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, ok := picture.Read(data); ok && (got.Width <= 0 || got.Height <= 0 || got.Type == "" || got.Ext == "") {
			t.Errorf("%+v", got)
		}
	})
}
