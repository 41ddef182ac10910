package jsontext

// Set is a set of bytes: those with another value than zero.
type Set [256]uint8

// Special are the bytes that may be written in another form in a JSON string, or
// have no place in a text: all but printable ASCII, the quote and the backslash.
var Special = func() (set Set) {
	for c := range set {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			set[c] = 1
		}
	}
	return
}()

// In reports whether s holds a byte of the set.
func (set *Set) In(s string) bool {
	for i := range len(s) {
		if set[s[i]] != 0 {
			return true
		}
	}
	return false
}

// Copy copies s to dst, which is as long, and reports whether s holds a byte of
// the set. For the few bytes of a table's cell, one loop that does both takes
// little longer than one that does either.
func (set *Set) Copy(dst []byte, s string) bool {
	var found uint8
	s = s[:len(dst)]
	for i := range dst {
		dst[i] = s[i]
		found |= set[s[i]]
	}
	return found != 0
}
