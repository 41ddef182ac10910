package jsontext

import "github.com/datapush-go/datapush/internal/swar"

// Words reports whether s is made of letters, digits, spaces and + , - . / : ; !
// alone, which neither JSON nor a dialect of Markdown escapes in the middle of a
// line. Most values are, and eight bytes are looked at together. False says
// nothing.
func Words(s string) bool {
	n := len(s)
	switch {
	case n >= 8:
		for i := 0; i+8 <= n; i += 8 {
			if !words(swar.Load(s[i:])) {
				return false
			}
		}
		return words(swar.Load(s[n-8:]))
	case n >= 4:
		return words(swar.Ends(s))
	}
	for i := range n {
		if !isWord[s[i]] {
			return false
		}
	}
	return true
}

func words(x uint64) bool {
	return swar.ASCII(x) && (swar.Letter(x)|swar.In(x, '+', ';')|swar.In(x, ' ', '!'))&swar.All == swar.All
}

var isWord = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c == ' ' || c == '!' || c >= '+' && c <= ';' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
	}
	return
}()
