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

// Type is the media type that bytes begin like, empty when it is none of the
// known ones.
func Type(data []byte) string {
	is := func(at int, s string) bool { return len(data) >= at && bytes.HasPrefix(data[at:], []byte(s)) }
	switch {
	case is(0, "\x89PNG\r\n\x1a\n"):
		return PNG
	case is(0, "\xff\xd8\xff"):
		return JPEG
	case is(0, "GIF87a"), is(0, "GIF89a"):
		return GIF
	case is(0, "RIFF") && is(8, "WEBPVP8"):
		return WebP
	}
	return ""
}

// Read reads the beginning of a picture, as far as its size. It is false when
// the bytes are none of a known type. A picture that is damaged further on is
// not noticed: decoding all of it could take any amount of memory.
func Read(data []byte) (Info, bool) {
	var c image.Config
	var err error
	info, r := Info{Type: Type(data)}, bytes.NewReader(data)
	switch info.Type {
	case PNG:
		info.Ext = ".png"
		c, err = png.DecodeConfig(r)
	case JPEG:
		info.Ext = ".jpg"
		c, err = jpeg.DecodeConfig(r)
	case GIF:
		info.Ext = ".gif"
		c, err = gif.DecodeConfig(r)
	case WebP:
		info.Ext = ".webp"
		c.Width, c.Height = webp(data)
	}
	info.Width, info.Height = c.Width, c.Height
	return info, err == nil && info.Width > 0 && info.Height > 0
}

// webp reads the size of the three forms of WebP
// (https://developers.google.com/speed/webp/docs/riff_container, read
// 2026-11-23), zero where there is none.
func webp(b []byte) (width, height int) {
	if len(b) < 30 || uint64(binary.LittleEndian.Uint32(b[4:]))+8 > uint64(len(b)) {
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
