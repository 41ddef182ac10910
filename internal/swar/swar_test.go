package swar_test

import (
	"testing"

	"github.com/datapush-go/datapush/internal/swar"
)

// A byte is judged like itself, whatever its neighbours are.
func TestJudgements(t *testing.T) {
	judge := map[string]struct {
		of   func(uint64) uint64
		want func(c byte) bool
	}{
		"a range":  {func(x uint64) uint64 { return swar.In(x, '+', ';') }, func(c byte) bool { return c >= '+' && c <= ';' }},
		"one byte": {func(x uint64) uint64 { return swar.In(x, ' ', ' ') }, func(c byte) bool { return c == ' ' }},
		"the ends": {func(x uint64) uint64 { return swar.In(x, 0, 0x7f) }, func(byte) bool { return true }},
		"letters":  {swar.Letter, func(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }},
	}
	for name, j := range judge {
		for _, others := range []byte{0, ' ', '+', ';', 'A', 'z', 0x7f} {
			for c := range byte(0x80) {
				for at := range 8 {
					x := swar.Ones*uint64(others)&^(0xff<<(8*at)) | uint64(c)<<(8*at)
					got := j.of(x)>>(8*at)&0x80 != 0
					if got != j.want(c) {
						t.Fatalf("%s: %q among %q at %d: %v", name, c, others, at, got)
					}
				}
			}
		}
	}
}

func TestLoads(t *testing.T) {
	if got := swar.Load("abcdefghi"); got != 0x6867666564636261 {
		t.Errorf("Load: %x", got)
	}
	if got := swar.Ends("abcde"); got != 0x6564636264636261 {
		t.Errorf("Ends: %x", got)
	}
	if swar.ASCII(swar.Load("1234567\x80")) || !swar.ASCII(swar.Load("1234567\x7f")) {
		t.Error("ASCII")
	}
}
