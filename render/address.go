package render

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/datapush-go/datapush/channel"
)

// linkable reports whether an address may become a link.
func linkable(url string) bool {
	return showable(url) || hasScheme(url, "mailto:")
}

// showable reports whether an address may become a picture.
func showable(url string) bool {
	return hasScheme(url, "https://") || hasScheme(url, "http://")
}

// MaxImage is how many bytes a picture in a data: address may have: 2 MB, which
// is the most that every channel that takes pictures takes.
const MaxImage = 2_000_000

// isData reports whether an address is to hold a picture itself.
func isData(url string) bool { return hasScheme(url, "data:") }

// pictureIn decodes the picture of a data: address
// (https://www.rfc-editor.org/rfc/rfc2397) in base64. It is nil, with a warning,
// when there is none. The media type is that of the bytes, whatever the address
// claims.
func pictureIn(url string) (*channel.Image, channel.Warning) {
	kind, text, ok := strings.Cut(url[len("data:"):], ",")
	if !ok || !hasScheme(kind, "image/") || !strings.EqualFold(kind[max(0, len(kind)-len(";base64")):], ";base64") {
		return nil, imageNoPicture
	}
	if base64.StdEncoding.DecodedLen(len(text)) > MaxImage+2 {
		return nil, imageTooLarge
	}
	data, err := base64.StdEncoding.DecodeString(text)
	mediaType := pictureType(data)
	switch {
	case err != nil || mediaType == "":
		return nil, imageNoPicture
	case len(data) > MaxImage:
		return nil, imageTooLarge
	}
	return &channel.Image{Data: data, Type: mediaType}, channel.Warning{}
}

// pictureType tells a picture by how it begins. Channels look further.
func pictureType(data []byte) string {
	is := func(at int, s string) bool { return len(data) > at && bytes.HasPrefix(data[at:], []byte(s)) }
	switch {
	case is(0, "\x89PNG\r\n\x1a\n") && is(12, "IHDR"):
		return "image/png"
	case is(0, "\xff\xd8\xff"):
		return "image/jpeg"
	case is(0, "GIF87a"), is(0, "GIF89a"):
		return "image/gif"
	case is(0, "RIFF") && is(8, "WEBPVP8"):
		return "image/webp"
	}
	return ""
}

// appendImageAddress writes where an image is, or what it is.
func appendImageAddress(dst []byte, n *channel.Image) []byte {
	if len(n.Data) == 0 {
		return append(dst, n.URL...)
	}
	dst = append(dst, "data:"...)
	dst = append(dst, n.Type...)
	dst = append(dst, ";base64,"...)
	return base64.StdEncoding.AppendEncode(dst, n.Data)
}

func hasScheme(url, scheme string) bool {
	return len(url) > len(scheme) && strings.EqualFold(url[:len(scheme)], scheme)
}

const hexDigits = "0123456789ABCDEF"

// appendAddress writes a whole address. What has a meaning in addresses keeps
// it, percent signs included; what may not stand in one, or would end a link in
// Markdown, is percent-encoded.
func appendAddress(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if isAlnum(c) || strings.IndexByte("-._~:/?#[]@!$&'*+,;=%", c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

// appendComponent writes a value inside an address: only letters, digits and
// -._~ stand for themselves, and the bytes of extra.
func appendComponent(dst []byte, s []byte, extra string) []byte {
	for _, c := range s {
		if isAlnum(c) || strings.IndexByte("-._~", c) >= 0 || strings.IndexByte(extra, c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}
