package schedule

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Finding is a trap in a parameter that is no error.
type Finding struct {
	Param string // name of the parameter
	Text  string // what may go wrong, and what to write instead
}

func (f Finding) String() string { return "params." + f.Param + ": " + f.Text }

// Lint looks for traps in the parameters of one task, by name:
//
//   - an hour or minute offset in one parameter while the date beside it, or the
//     rest of it, has none, which gives the wrong day just after midnight;
//   - an offset with a leading zero, as in ${yyyy-01}, which is the year before
//     and not January;
//   - a value that looks like an expression but never changes.
//
// Values that [ParseSpacedExpr] refuses are left out. Findings are in the order of
// names.
func Lint(params map[string]string) []Finding {
	return lint(params, func(e Expr) bool {
		// Cycles run at whole minutes.
		for i := range e.parts() {
			if p := &e.v.parts[i]; p.kind == unixPart || p.shows&^setOf(textToken, secondToken) != 0 {
				return true
			}
		}
		return false
	})
}

// Lint looks for the traps of [Lint], and for expressions that never change
// because of the cycle, such as $[hh24] in one that runs at 08:00 every day.
// Without a sound cycle and zone it is the same as Lint. The work is bounded:
// where the parameters are so long that trying them out would take seconds, the
// rest is taken to change.
func (s Schedule) Lint(params map[string]string) []Finding {
	open := Schedule{Cycle: s.Cycle, TimeZone: s.TimeZone}
	t, err := open.Compile()
	if err != nil {
		return Lint(params)
	}
	// Two years and a month hold what a value can change with: the hour, the
	// day, the clock changes, the month, the year and, across it, a leap day.
	start := time.Date(2023, time.January, 1, 0, 0, 0, 0, t.Location())
	end := start.AddDate(2, 1, 0)
	work := maxTried
	return lint(params, func(e Expr) bool {
		var first, next [64]byte
		at, _ := t.Next(start)
		want := e.Append(first[:0], at)
		for at.Before(end) {
			if work -= len(e.v.parts); work < 0 {
				return true
			}
			at, _ = t.Next(at)
			if string(e.Append(next[:0], at)) != string(want) {
				return true
			}
		}
		return false
	})
}

// maxTried is how many expressions Lint evaluates. Fifty that never change, in
// a cycle that runs every hour, are fewer.
const maxTried = 1_000_000

// lint reports the traps; changes tells whether an expression ever does.
func lint(params map[string]string, changes func(Expr) bool) []Finding {
	type param struct {
		name string
		expr Expr
	}
	var parsed []param
	var findings []Finding
	found := func(name, format string, args ...any) {
		findings = append(findings, Finding{name, fmt.Sprintf(format, args...)})
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		p := exprParser{text: params[name], spaced: true}
		if len(p.text) > maxExpr || p.value() != nil {
			continue
		}
		parsed = append(parsed, param{name, Expr{&exprValue{text: p.text, parts: p.parts}}})
		for _, pos := range p.zeros {
			found(name, "%s has an offset with a leading zero at character %d: it counts days, months or years; for literal text close the expression before it, as in ${yyyy}-01",
				excerpt(p.text), runeAt(p.text, pos))
		}
	}
	for _, p := range parsed {
		if value, constant := p.expr.Constant(); constant {
			if looksLikeExpr(value) {
				found(p.name, "%s never changes: it has no expression in it; write ${yyyymmdd} for the business date, $[yyyymmdd] for the scheduled one, or $bizdate", excerpt(value))
			}
		} else if !changes(p.expr) {
			found(p.name, "%s never changes: each run of the schedule has the same value", excerpt(p.expr.String()))
		}
	}
	for _, p := range parsed {
		offset, lacks := clockOffset(p.expr)
		var beside tokenSet // what has the same offset
		for _, q := range parsed {
			if elapse, shows, ok := dateOffset(q.expr); ok && elapse == offset {
				beside |= shows
			}
		}
		var bare []string
		for _, q := range parsed {
			if elapse, shows, ok := dateOffset(q.expr); ok && elapse == 0 && shows&lacks&^beside != 0 {
				bare = append(bare, q.name)
			}
		}
		if len(bare) > 0 {
			found(p.name, "%s has an offset of hours or minutes, and the date in %s has none: around midnight the two are of different days; give the date the same offset, as in $[yyyymmdd-1/24]",
				excerpt(p.expr.String()), strings.Join(bare, ", "))
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return strings.Compare(a.Param, b.Param) })
	return findings
}

// clockOffset is the elapsed offset of a part of e, and what of the date does not
// stand in that part. It lacks nothing when there is no such offset.
func clockOffset(e Expr) (elapse int64, lacks tokenSet) {
	for i := range e.parts() {
		if p := &e.v.parts[i]; p.elapse != 0 && p.dates() != wholeDate {
			return p.elapse, wholeDate &^ p.dates()
		}
	}
	return 0, 0
}

// dateOffset is the elapsed offset of a part of e that shows the scheduled date
// or some of it, without a time of day.
func dateOffset(e Expr) (elapse int64, shows tokenSet, ok bool) {
	for i := range e.parts() {
		p := &e.v.parts[i]
		// A business date that was moved on to the scheduled one is that.
		scheduled := !p.business || p.days == 0 && p.months == 0
		if p.kind == datePart && scheduled && p.dates() != 0 && p.shows&clockTokens == 0 {
			return p.elapse, p.dates(), true
		}
	}
	return 0, 0, false
}

var wholeDate = setOf(yearToken, monthToken, dayToken)

// dates are the tokens of the date that p shows, a short year as a year.
func (p *part) dates() tokenSet {
	shows := p.shows & wholeDate
	if p.shows&setOf(shortYearToken) != 0 {
		shows |= setOf(yearToken)
	}
	return shows
}

// looksLikeExpr reports whether somebody may have meant a constant to be an
// expression.
func looksLikeExpr(value string) bool {
	for i := range len(value) - 1 {
		if next := value[i+1]; value[i] == '$' && (isLetter(next) || next == '(') {
			return true
		}
	}
	return strings.Contains(strings.ToLower(value), "yyyy")
}
