package render

import "strings"

// linkable reports whether an address may become a link.
func linkable(url string) bool {
	return showable(url) || hasScheme(url, "mailto:")
}

// showable reports whether an address may become a picture.
func showable(url string) bool {
	return hasScheme(url, "https://") || hasScheme(url, "http://")
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
