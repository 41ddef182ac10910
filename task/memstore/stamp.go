package memstore

import "time"

// stamp is a time in UTC to the microsecond, counted from the zero time. It
// takes a third of the room of a time.Time, which counts when every task has
// five.
type stamp int64

// zeroMicros is time.Time{}.UnixMicro().
const zeroMicros = -62_135_596_800_000_000

func pack(t time.Time) stamp { return stamp(t.UnixMicro() - zeroMicros) }

func (s stamp) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(s) + zeroMicros).UTC()
}
