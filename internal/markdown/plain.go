package markdown

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainText reports whether s is made of letters, digits, spaces and + , - . /
// : ; ! alone, which neither a dialect nor JSON escapes in the middle of a line.
// Most values are, and eight bytes are looked at together. False says nothing.
func plainText(s string) bool {
	n := len(s)
	if n < 8 {
		for i := range n {
			if !plainBytes[s[i]] {
				return false
			}
		}
		return true
	}
	for i := 0; i+8 <= n; i += 8 {
		if !plainWord(s[i : i+8]) {
			return false
		}
	}
	return plainWord(s[n-8:])
}

// plainWord judges eight bytes. For bytes below 0x80, adding 0x80-lo sets the
// high bit of those that are at least lo and carries into no neighbour.
func plainWord(s string) bool {
	_ = s[7]
	x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	if x&highs != 0 {
		return false
	}
	lower := x | 0x20*ones
	letters := (lower + (0x80-'a')*ones) &^ (lower + (0x7f-'z')*ones)
	digits := (x + (0x80-'+')*ones) &^ (x + (0x7f-';')*ones)
	spaces := (x + (0x80-' ')*ones) &^ (x + (0x7f-'!')*ones)
	return (letters|digits|spaces)&highs == highs
}

var plainBytes = func() (t [256]bool) {
	for c := range 256 {
		b := byte(c)
		t[c] = letter(b) || b >= '+' && b <= ';' || b == ' ' || b == '!'
	}
	return
}()
