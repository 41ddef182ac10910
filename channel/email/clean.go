package email

import (
	"strings"
	"unicode/utf8"
)

// clean removes what no mail client should get to see from a row or a title: C0
// controls except line feed and tab, DEL, the byte order mark, and bytes that
// are not UTF-8. Carriage returns go, because line feeds are written as CRLF.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0xfeff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\uFFFD"))
}

func isClean(s string) bool {
	ascii := true
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b < ' ' && b != '\n' && b != '\t' || b == 0x7f || b == 0xef {
			return false
		}
		ascii = ascii && b < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s)
}

// oneLine is clean with every run of white space as one space.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }
