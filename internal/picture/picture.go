// Package picture tells from its bytes what a picture is. A name or a media
// type that came along is only a claim, and a wrong one makes some clients show
// nothing.
package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
)

// The media types that Read knows.
const (
	PNG  = "image/png"
	JPEG = "image/jpeg"
	GIF  = "image/gif"
	WebP = "image/webp"
)

// Info describes a picture. Width and height are in pixels and positive.
type Info struct {
	Type          string
	Ext           string // with its dot
	Width, Height int
}

// Read reads the beginning of a picture, as far as its size. It is false when
// the bytes are none of a known type. A picture that is damaged further on is
// not noticed: decoding all of it could take any amount of memory.
func Read(data []byte) (Info, bool) {
	for _, f := range [...]struct {
		begin, mediaType, ext string
		config                func(io.Reader) (image.Config, error)
	}{
		{"\x89PNG\r\n\x1a\n", PNG, ".png", png.DecodeConfig},
		{"\xff\xd8\xff", JPEG, ".jpg", jpeg.DecodeConfig},
		{"GIF8", GIF, ".gif", gif.DecodeConfig},
	} {
		if bytes.HasPrefix(data, []byte(f.begin)) {
			c, err := f.config(bytes.NewReader(data))
			return Info{f.mediaType, f.ext, c.Width, c.Height}, err == nil && c.Width > 0 && c.Height > 0
		}
	}
	w, h := webp(data)
	return Info{WebP, ".webp", w, h}, w > 0 && h > 0
}

// webp reads the size of the three forms of WebP
// (https://developers.google.com/speed/webp/docs/riff_container, read
// 2026-11-23), zero for anything else.
func webp(b []byte) (width, height int) {
	if len(b) < 30 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WEBP" ||
		uint64(binary.LittleEndian.Uint32(b[4:]))+8 > uint64(len(b)) {
		return 0, 0
	}
	at := b[20:]
	switch string(b[12:16]) {
	case "VP8 ":
		if string(at[3:6]) == "\x9d\x01\x2a" {
			return int(binary.LittleEndian.Uint16(at[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(at[8:]) & 0x3fff)
		}
	case "VP8L":
		if at[0] == 0x2f {
			v := binary.LittleEndian.Uint32(at[1:])
			return int(v&0x3fff) + 1, int(v>>14&0x3fff) + 1
		}
	case "VP8X":
		size := func(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
		return size(at[4:]) + 1, size(at[7:]) + 1
	}
	return 0, 0
}
