package render_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
)

var fitSeeds = flag.Uint64("fit.seeds", 10, "how many random contents are fitted")

func TestALongTableLosesNothingThatFollowsIt(t *testing.T) {
	const rows = 10_000
	first, second := strings.Repeat("first ", 12)+"table", strings.Repeat("second ", 12)+"table"
	long := func(name string) *channel.Table {
		table := &channel.Table{Columns: []channel.Column{{Header: "name"}, {Header: "n"}}}
		for i := range rows {
			table.Cells = append(table.Cells, channel.Cell{Text: name}, channel.Cell{Text: fmt.Sprint(i)})
		}
		return table
	}
	end := &channel.Paragraph{Inlines: []channel.Inline{channel.Text("That is all")}}
	msg := &channel.Message{Title: "Long", Sections: []channel.Section{{Blocks: []channel.Block{long(first), long(second), end}}}}
	for _, f := range chats {
		t.Run(f.name, func(t *testing.T) {
			got, ps := f.look(t, msg)
			shown := map[string]int{}
			for _, row := range f.cells(got, "name", "n") {
				if diff := cmp.Diff(fmt.Sprint(shown[row[0]]), row[1]); diff != "" {
					t.Fatalf("table %s is not shown in order (-want +got):\n%s", row[0], diff)
				}
				shown[row[0]]++
			}
			if len(ps) != 5 || shown[first] != shown[second] || shown[first] <= 10 {
				t.Errorf("%d parts show %v rows, want 5 parts with as many rows of each table", len(ps), shown)
			}
			if !bytes.Contains(ps[len(ps)-1].Body, []byte("That is all")) {
				t.Error("the text after the tables is lost")
			}
			var cut []string
			for _, p := range ps {
				for _, w := range p.Warnings {
					if w.Code == channel.WarnCut {
						cut = append(cut, w.Text)
					}
				}
			}
			var want []string
			for i := range 2 {
				want = append(want, fmt.Sprintf("table %d: %d of 10,000 rows are shown, the others do not fit", i+1, shown[first]))
			}
			if diff := cmp.Diff(want, cut); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// grid is a result of numbered cells.
func grid(rows, columns int, text func(r, c int) string) (*source.Result, []string) {
	res := &source.Result{Rows: make([][]any, rows)}
	var names []string
	for c := range columns {
		names = append(names, fmt.Sprintf("c%d", c))
		res.Columns = append(res.Columns, source.Column{Name: names[c]})
	}
	for r := range rows {
		res.Rows[r] = make([]any, columns)
		for c := range columns {
			res.Rows[r][c] = text(r, c)
		}
	}
	return res, names
}

func number(r, c int) string { return fmt.Sprintf("r%d·c%d", r, c) }

func codes(ps []channel.Payload) (all []channel.WarningCode) {
	for _, p := range ps {
		for _, w := range p.Warnings {
			if w.Code == channel.WarnCut || w.Code == channel.WarnSplit {
				all = append(all, w.Code)
			}
		}
	}
	return all
}

// fitted judges what holds for every part, whatever is in it.
func (f *form) fitted(t *testing.T, ps []channel.Payload) {
	t.Helper()
	for _, p := range ps {
		if n := f.measure(p); n > f.limit || p.Size > f.channel.Limits(f.to).Bytes {
			t.Errorf("%s: part %d of %d measures %d (says %d), the limit is %d", f.name, p.Part, p.Parts, n, p.Size, f.limit)
		}
		if !utf8.Valid(p.Body) || bytes.ContainsRune(p.Body, utf8.RuneError) {
			t.Errorf("%s: part %d of %d cuts a character", f.name, p.Part, p.Parts)
		}
	}
	if len(ps) > 5 {
		t.Errorf("%s: %d parts", f.name, len(ps))
	}
}

// The steps of the ladder: whole, fewer columns, parts, top rows. What was done
// stands in the payloads' warnings, from where the engine takes it into the run.
func TestTheLadderOfFit(t *testing.T) {
	table := func(rows, columns int) (*channel.Message, []string, [][]string) {
		res, names := grid(rows, columns, number)
		want := make([][]string, rows)
		for r := range want {
			for c := range columns {
				want[r] = append(want[r], number(r, c))
			}
		}
		return mustRender(t, render.Content{Title: "Ladder", Blocks: render.Blocks(render.Table(names...))}, data(nil, res)), names, want
	}
	for _, f := range chats {
		t.Run(f.name, func(t *testing.T) {
			// One row too many for one part, by trying.
			split := 2
			for ; split < 10_000; split += split / 2 {
				msg, _, _ := table(split, 3)
				if _, ps := f.look(t, msg); len(ps) > 1 {
					break
				}
			}
			whole := split / 2
			t.Run("whole", func(t *testing.T) {
				msg, names, want := table(whole, 3)
				got, ps := f.look(t, msg)
				if diff := cmp.Diff(want, f.cells(got, names...)); diff != "" || len(ps) != 1 || len(codes(ps)) > 0 {
					t.Errorf("%d parts, warnings %v (-want +got):\n%s", len(ps), ps[0].Warnings, diff)
				}
			})
			t.Run("fewer columns", func(t *testing.T) {
				msg, names, want := table(2, 2000)
				got, ps := f.look(t, msg)
				f.fitted(t, ps)
				if !slices.Equal(codes(ps), []channel.WarningCode{channel.WarnCut}) {
					t.Fatalf("warnings %v", ps[0].Warnings)
				}
				n := 0
				if m := regexp.MustCompile(`(\d+) of 2,?000 columns`).FindStringSubmatch(ps[0].Warnings[0].Text); m == nil {
					t.Fatalf("warning %q", ps[0].Warnings[0].Text)
				} else if _, err := fmt.Sscan(m[1], &n); err != nil {
					t.Fatal(err)
				}
				rows := f.cells(got, names[:n]...)
				if diff := cmp.Diff([][]string{want[0][:n], want[1][:n]}, rows); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
			t.Run("parts at rows with repeated headers", func(t *testing.T) {
				msg, names, want := table(split, 3)
				got, ps := f.look(t, msg)
				f.fitted(t, ps)
				if diff := cmp.Diff(want, f.cells(got, names...)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if len(ps) < 2 || !slices.Equal(codes(ps), []channel.WarningCode{channel.WarnSplit}) {
					t.Errorf("%d parts with warnings %v", len(ps), codes(ps))
				}
				for i, p := range ps {
					s := f.read(t, p)
					if label := fmt.Sprintf("Ladder (%d/%d)", i+1, len(ps)); !strings.Contains(s.title+"\n"+s.text, label) {
						t.Errorf("part %d has no label %s", i+1, label)
					}
					if !f.lists && !slices.Equal(s.header, names) {
						t.Errorf("part %d has the header %v", i+1, s.header)
					}
				}
			})
			for fit, parts := range map[channel.Fit]int{channel.Split: 5, channel.TopRows: 1} {
				t.Run(fmt.Sprintf("top rows in %d parts", parts), func(t *testing.T) {
					msg, names, want := table(10_000, 3)
					f := f
					f.to.Fit = fit
					got, ps := f.look(t, msg)
					f.fitted(t, ps)
					rows := f.cells(got, names...)
					if len(ps) != parts || len(rows) < parts*whole {
						t.Fatalf("%d parts with %d rows", len(ps), len(rows))
					}
					if diff := cmp.Diff(want[:len(rows)], rows); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
					left := len(want) - len(rows)
					if note := fmt.Sprintf("… and %d,%03d more", left/1000, left%1000); !strings.Contains(got.text, note) {
						t.Errorf("no note %q", note)
					}
					if !slices.Contains(codes(ps), channel.WarnCut) {
						t.Errorf("warnings %v", codes(ps))
					}
				})
			}
			t.Run("one cell over the limit", func(t *testing.T) {
				long := strings.Repeat("长👩‍👧", 20_000)
				res := result([]string{"a", "b"}, []any{"x", long}, []any{"y", "short"})
				msg := mustRender(t, render.Content{Title: "Cell", Blocks: render.Blocks(render.Table("a", "b"))}, data(nil, res))
				got, ps := f.look(t, msg)
				f.fitted(t, ps)
				rows := f.cells(got, "a", "b")
				if len(rows) != 2 || rows[0][0] != "x" || rows[1][0] != "y" || rows[1][1] != "short" {
					t.Fatalf("rows %.200q", rows)
				}
				cut, ok := strings.CutSuffix(rows[0][1], "…")
				if !ok || !strings.HasPrefix(long, cut) || !strings.HasSuffix(cut, "长") && !strings.HasSuffix(cut, "👩‍👧") {
					t.Errorf("the cell ends with %q", last(rows[0][1]))
				}
				if !slices.Contains(codes(ps), channel.WarnCut) {
					t.Errorf("warnings %v", codes(ps))
				}
			})
		})
	}
}

// word is a word that is seen whole or not at all, with characters of several
// bytes and code points in it.
func word(i int) string {
	return fmt.Sprintf("w%d%s", i, []string{"", "销售", "🎉", "👩‍👧", "e\u0301", "🇨🇳"}[i%6])
}

var anyWord = regexp.MustCompile(`w\d+[^\s|…]*`)

// Text is divided between words, and what is around a word goes on in the next
// part: a link leads to the same address, code is code.
func TestTextIsDividedBetweenWords(t *testing.T) {
	for _, f := range chats {
		for seed := range uint64(4) {
			r := rand.New(rand.NewPCG(seed, 11))
			var md strings.Builder
			var want []string
			words := func(n int) string {
				var all []string
				for range n {
					all = append(all, word(len(want)))
					want = append(want, all[len(all)-1])
				}
				return strings.Join(all, " ")
			}
			for md.Len() < f.limit*5/2 {
				switch n := 20 + r.IntN(f.limit/24); r.IntN(7) {
				case 0:
					md.WriteString("# " + words(3) + "\n\n")
				case 1:
					md.WriteString("[" + words(n) + "](https://example.com/a?b=1)\n\n")
				case 2:
					md.WriteString("> " + words(n) + "\n\n")
				case 3:
					md.WriteString("```\n" + words(n) + "\n" + words(n) + "\n```\n\n")
				case 4:
					md.WriteString("- " + words(n) + "\n- " + words(3) + "\n\n")
				case 5:
					md.WriteString("**" + words(n) + "** *" + words(n) + "*\n\n")
				default:
					md.WriteString(words(n) + "\n\n")
				}
			}
			msg := mustRender(t, render.Content{Title: "Text", Blocks: render.Blocks(render.Markdown(md.String()))}, render.Data{})
			got, ps := f.look(t, msg)
			f.fitted(t, ps)
			if len(ps) < 2 || slices.Contains(codes(ps), channel.WarnCut) {
				t.Errorf("%s, seed %d: %d parts, %v", f.name, seed, len(ps), codes(ps))
			}
			if diff := cmp.Diff(want, anyWord.FindAllString(got.text, -1)); diff != "" {
				t.Errorf("%s, seed %d: (-want +got):\n%s", f.name, seed, diff)
			}
			for _, p := range ps {
				body := string(p.Body)
				if a, b := strings.Count(body, "https://example.com/"), strings.Count(body, "https://example.com/a?b=1"); a != b {
					t.Errorf("%s, seed %d: part %d has %d addresses, %d of them whole", f.name, seed, p.Part, a, b)
				}
			}
			if t.Failed() {
				return
			}
		}
	}
}

// Whatever is in a message of up to 10,000 × 50 cells, every part is within the
// limit, the rows that are seen are the first ones, in order and as they were,
// and nothing is missing without a warning.
func TestAnyContentFits(t *testing.T) {
	bits := []string{"a", "b ", "<", "|", "\"", "\\", "\n", "销", "🎉", "\u202e", "&", "-", "1.", "`", "e\u0301", "](", ":DONE:", "*", "_", "<at id=all></at>", "#", "👩‍👧"}
	for seed := range *fitSeeds {
		r := rand.New(rand.NewPCG(seed, 13))
		text := func(n int) string {
			var b strings.Builder
			for range r.IntN(n + 1) {
				b.WriteString(bits[r.IntN(len(bits))])
			}
			return b.String()
		}
		columns, size := 1+r.IntN(50), 1+r.IntN(1<<r.IntN(8))
		rows := r.IntN([]int{20, 300, 3000, 10_000}[r.IntN(4)])
		if seed == 0 {
			rows, columns, size = 10_000, 50, 3
		}
		res, names := grid(min(rows, 600_000/columns), columns, func(int, int) string { return text(size) })
		for _, row := range res.Rows {
			row[0] = "k" + row[0].(string)
		}
		about := result([]string{"v"}, []any{text(2000)})
		c := render.Content{Title: "Any ${v}", Blocks: render.Blocks(render.Markdown("${v}\n\n**${v}** [${v}](https://example.com)\n\n- ${v}"), render.Table(names...), render.Markdown("```\n${v}\n```"))}
		msg := mustRender(t, c, data(nil, res, about))
		for _, f := range chats {
			f.to.Fit = []channel.Fit{channel.Split, channel.TopRows}[seed%2]
			got, ps := f.look(t, msg)
			f.fitted(t, ps)
			if f.lists {
				if !slices.ContainsFunc(ps, func(p channel.Payload) bool { return slices.ContainsFunc(p.Warnings, cutsMore) }) {
					f.linesInOrder(t, got.text, names, res)
				}
				continue
			}
			shown := f.cells(got)
			if len(shown) > len(res.Rows) {
				t.Fatalf("%s, seed %d: %d rows of %d", f.name, seed, len(shown), len(res.Rows))
			}
			missing := len(shown) < len(res.Rows)
			for i, row := range shown {
				for j, have := range row {
					if want := oneSpace(cleaned(res.Rows[i][j].(string))); want != have {
						if cut, ok := strings.CutSuffix(have, "…"); !ok || !strings.HasPrefix(want, strings.TrimSpace(cut)) {
							t.Fatalf("%s, seed %d: row %d, column %d is %q, want %q", f.name, seed, i, j, have, want)
						}
						missing = true
					}
				}
				missing = missing || len(row) < columns
			}
			if missing && !slices.Contains(codes(ps), channel.WarnCut) {
				t.Errorf("%s, seed %d: something is missing without a warning", f.name, seed)
			}
		}
	}
}

// cutsMore reports a warning that something other than the last rows is missing.
func cutsMore(w channel.Warning) bool {
	return w.Code == channel.WarnCut && !strings.Contains(w.Text, "rows are shown")
}

var anyMore = regexp.MustCompile(`… and ([0-9,]+) more`)

// linesInOrder looks for the rows of a table in a list form, of which a note
// says how many are left out.
func (f *form) linesInOrder(t *testing.T, text string, header []string, res *source.Result) {
	t.Helper()
	squeeze := func(s string) string { return lookAlikes.Replace(strings.Join(strings.Fields(s), "")) }
	shown := len(res.Rows)
	if m := anyMore.FindStringSubmatch(text); m != nil {
		left := 0
		if _, err := fmt.Sscan(strings.ReplaceAll(m[1], ",", ""), &left); err != nil {
			t.Fatal(err)
		}
		shown -= left
	}
	rest := squeeze(text)
	for i := range shown {
		var row []string
		for _, v := range res.Rows[i] {
			row = append(row, cleaned(v.(string)))
		}
		line := squeeze(lineOf(header, row))
		_, after, ok := strings.Cut(rest, line)
		if !ok {
			t.Fatalf("%s: row %d of %d is not shown in its place: %q", f.name, i, shown, line)
		}
		rest = after
	}
}
