package fit_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
)

func bytesOf(n int) fit.Size { return fit.Size{n} }

// text is a block of n bytes.
func text(c byte, n int) fit.Piece {
	p := fit.Piece{Buf: []byte(strings.Repeat(string(c), n))}
	p.Add(bytesOf(n), 0)
	return p
}

func heading(c byte, n int) fit.Piece {
	p := text(c, n)
	p.Rows[0].Keep = true
	return p
}

// table has rows of four bytes, a head "<", a tail ">" and notes such as "+9".
func table(rows int) fit.Piece {
	p := fit.Piece{Head: []byte("<"), Tail: []byte(">"), HeadSize: bytesOf(1), TailSize: bytesOf(1)}
	for i := range rows {
		p.Buf = fmt.Appendf(p.Buf, ";%03d", i)
		p.Add(bytesOf(4), 1)
	}
	p.LeadSize = bytesOf(1)
	p.More = func(left int) ([]byte, fit.Size) {
		note := fmt.Appendf(nil, "+%d", left)
		return note, bytesOf(len(note))
	}
	p.MoreSize = bytesOf(4)
	return p
}

func layout(limit int, pieces ...fit.Piece) *fit.Layout {
	return &fit.Layout{
		Pieces: pieces, Limit: bytesOf(limit),
		Sep: []byte("|"), SepSize: bytesOf(1),
		Rest: []byte("…"), RestSize: bytesOf(3),
		Frame: bytesOf(2), First: bytesOf(1), Label: bytesOf(3),
	}
}

func parts(l *fit.Layout) []string {
	var out []string
	for _, p := range l.Plan().Parts {
		body, _ := l.Body(nil, p, nil)
		out = append(out, string(body))
	}
	return out
}

func TestPlan(t *testing.T) {
	top := func(l *fit.Layout) *fit.Layout { l.Fit = channel.TopRows; return l }
	tests := []struct {
		name string
		in   *fit.Layout
		want []string
	}{
		{"nothing is one empty part", layout(20), []string{""}},
		{"what fits stays whole and counts no label", layout(20, text('a', 8), text('b', 8)), []string{"aaaaaaaa|bbbbbbbb"}},
		{"one byte more makes two parts", layout(20, text('a', 8), text('b', 9)), []string{"aaaaaaaa", "bbbbbbbbb"}},
		{"a table without rows shows its head", layout(20, table(0)), []string{"<>"}},
		{"a table is split at row borders and its head repeated", layout(20, table(6)), []string{"<000;001;002>", "<003;004;005>"}},
		{"a table goes on where a block ended", layout(24, text('a', 8), table(4)), []string{"aaaaaaaa|<000>", "<001;002;003>"}},
		{"a heading moves to the part of its table", layout(24, text('a', 8), heading('h', 5), table(3)), []string{"aaaaaaaa", "hhhhh|<000;001>", "<002>"}},
		{"five parts that are not enough end with a note", layout(20, table(99)),
			[]string{"<000;001;002>", "<003;004;005>", "<006;007;008>", "<009;010;011>", "<012;013>+85"}},
		{"a block after the table is never lost to rows", layout(20, table(99), text('z', 13)),
			[]string{"<000;001;002>", "<003;004;005>", "<006;007;008>", "<009;010>+88", "zzzzzzzzzzzzz"}},
		{"two tables keep the same number of top rows", layout(20, table(99), table(9)),
			[]string{"<000;001;002>", "<003;004>+94", "<000;001;002>", "<003;004>+4"}},
		{"top rows are one part", top(layout(22, text('a', 3), table(99))), []string{"aaa|<000;001>+97"}},
		{"top rows of what fits are all rows", top(layout(20, table(3))), []string{"<000;001;002>"}},
		{"no room for a row leaves the note", top(layout(17, text('a', 6), table(99))), []string{"aaaaaa|<>+99"}},
		{"text alone over five parts ends early", layout(20, text('a', 14), text('b', 14), text('c', 14), text('d', 14), text('e', 9), text('f', 9)),
			[]string{"aaaaaaaaaaaaaa", "bbbbbbbbbbbbbb", "cccccccccccccc", "dddddddddddddd", "eeeeeeeee|…"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, parts(tt.in)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestPlanWarnings(t *testing.T) {
	early := table(30) // the channel stopped writing at 30 of 10,000
	early.Total = 10000
	plan := layout(20, early).Plan()
	var got []channel.Warning
	for _, p := range plan.Parts {
		got = append(got, p.Warnings...)
	}
	want := []channel.Warning{
		{Code: channel.WarnSplit, Text: "the message is too long for one and is sent in 5 parts"},
		{Code: channel.WarnCut, Text: "table 1: 14 of 10,000 rows are shown, the others do not fit"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if plan.Cut {
		t.Error("Cut is set although no text is missing")
	}
}

func TestPlanKeepsEveryMeasure(t *testing.T) {
	small := func() fit.Piece {
		p := table(2)
		p.HeadSize[1] = 1
		return p
	}
	l := layout(1000, small(), small(), small(), small())
	l.Limit[1] = 3
	want := []string{"<000;001>|<000;001>|<000;001>", "<000;001>"}
	if diff := cmp.Diff(want, parts(l)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// message makes pieces of any kind from a source of numbers. Every row is
// within Room.
func message(r *rand.Rand) *fit.Layout {
	l := layout(40 + r.IntN(200))
	if r.IntN(4) == 0 {
		l.Fit = channel.TopRows
	}
	if r.IntN(2) == 0 {
		l.Limit[1] = 3 + r.IntN(9)
	}
	for range r.IntN(12) {
		p := fit.Piece{LeadSize: bytesOf(1)}
		rows := 1
		if r.IntN(2) == 0 {
			p = table(0)
			p.HeadSize[1] = 1
			rows = r.IntN(60)
		}
		room := min(l.Room(&p)[0], 1+r.IntN(60))
		for range rows {
			n := 1 + r.IntN(room)
			p.Buf = append(p.Buf, ';')
			p.Buf = append(p.Buf, strings.Repeat(string(rune('a'+r.IntN(26))), n-1)...)
			p.Add(bytesOf(n), 1)
			if p.More == nil {
				p.Rows[0].Keep = r.IntN(3) == 0
			}
		}
		l.Pieces = append(l.Pieces, p)
	}
	return l
}

// check verifies what holds for every message.
func check(t *testing.T, l *fit.Layout) {
	t.Helper()
	plan := l.Plan()
	if n := len(plan.Parts); n < 1 || n > fit.MaxParts || l.Fit == channel.TopRows && n > 1 {
		t.Fatalf("%d parts", n)
	}
	next := make([]int, len(l.Pieces))
	left := make([]int, len(l.Pieces))
	seen := make([]bool, len(l.Pieces))
	at := 0
	for i, part := range plan.Parts {
		want := l.Frame
		if i == 0 {
			want = want.Plus(l.First)
		}
		if len(plan.Parts) > 1 {
			want = want.Plus(l.Label)
		}
		body, size := l.Body([]byte("before"), part, []byte("after"))
		body = body[len("before") : len(body)-len("after")]
		if size[0] != len(body) {
			t.Errorf("part %d is %d bytes, measured as %d", i, len(body), size[0])
		}
		if !part.Size.Within(&l.Limit) {
			t.Errorf("part %d measures %v, over the limit %v", i, part.Size, l.Limit)
		}
		if got := want[0] + len(body); got > l.Limit[0] || got > part.Size[0] {
			t.Errorf("part %d is %d bytes, said to be %d, limit %d", i, got, part.Size[0], l.Limit[0])
		}
		for _, s := range part.Segments {
			if s.Piece < at {
				t.Errorf("part %d: piece %d after piece %d", i, s.Piece, at)
			}
			at = s.Piece
			if s.From != next[s.Piece] {
				t.Errorf("piece %d: row %d follows row %d", s.Piece, s.From, next[s.Piece]-1)
			}
			next[s.Piece], seen[s.Piece] = s.To, true
			left[s.Piece] += s.Left
		}
	}
	if plan.Cut {
		return
	}
	for i := range l.Pieces {
		p := &l.Pieces[i]
		if !seen[i] || next[i]+left[i] != max(p.Total, len(p.Rows)) || p.More == nil && left[i] > 0 {
			t.Errorf("piece %d: %d rows shown and %d noted of %d", i, next[i], left[i], len(p.Rows))
		}
	}
}

func TestPlanNeverLosesOrRepeatsRows(t *testing.T) {
	for seed := range uint64(3000) {
		check(t, message(rand.New(rand.NewPCG(seed, 1))))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func FuzzPlan(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) { check(t, message(rand.New(rand.NewPCG(a, b)))) })
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 9900: "9,900", 1234567: "1,234,567"} {
		if got := fit.Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	p := fit.Piece{Buf: make([]byte, 100*1000), More: func(int) ([]byte, fit.Size) { return nil, fit.Size{} }, Total: 10000}
	for i := range 1000 {
		p.Rows = append(p.Rows, fit.Row{End: (i + 1) * 100, Lead: 1, Sum: bytesOf(100 * (i + 1))})
	}
	l := &fit.Layout{Pieces: []fit.Piece{p}, Limit: bytesOf(19000)}
	b.ReportAllocs()
	for b.Loop() {
		l.Plan()
	}
}
