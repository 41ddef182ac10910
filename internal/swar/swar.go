// Package swar looks at eight bytes of a text at once, held in a word of 64 bits.
// A judgement of them is a word too, whose high bits say for which bytes it is
// true; the other bits mean nothing.
package swar

const (
	// Ones is a word of bytes of value one: times c, it is a word of c.
	Ones = 0x0101010101010101
	// All is the judgement that is true for each byte, and the mask of what a
	// judgement says.
	All = 0x8080808080808080
)

// Load is the first eight bytes of s.
func Load(s string) uint64 { return half(s) | half(s[4:])<<32 }

// Ends is the first four bytes of s and then its last four, which are all bytes
// of a text of four to eight.
func Ends(s string) uint64 { return half(s) | half(s[len(s)-4:])<<32 }

func half(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// ASCII reports whether all bytes are below 0x80, which the judgements ask for.
func ASCII(x uint64) bool { return x&All == 0 }

// In judges whether a byte is from lo to hi. Adding 0x80-c sets the high bit of
// bytes that are at least c and carries into no neighbour.
func In(x uint64, lo, hi byte) uint64 {
	return (x + uint64(0x80-lo)*Ones) &^ (x + uint64(0x7f-hi)*Ones)
}

// Letter judges whether a byte is an ASCII letter.
func Letter(x uint64) uint64 { return In(x|0x20*Ones, 'a', 'z') }
