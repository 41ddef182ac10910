package sourcetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/source"
)

// Rules returns every rule, in order. Numbers are never used again.
func Rules() []Rule {
	return []Rule{
		{"S01", "a query returns its columns and its rows in order", ordered},
		{"S02", "a row has a cell for each column, of the contract's types", closedSet},
		{"S03", "reading stops at MaxRows and Truncated says so", stops},
		{"S04", "a result of exactly MaxRows rows is whole", whole},
		{"S05", "a MaxRows of zero is 10,000", zeroLimit},
		{"S06", "a result without rows has its columns and is whole", noRows},
		{"S07", "a result that was cut leaves nothing running on the server", nothingLeft},
		{"S08", "a context that is cancelled stops a statement before its first row", cancelSilent},
		{"S09", "a context that is cancelled stops a statement in the middle of its rows", cancelLate},
		{"S10", "a deadline that passes is an error of kind timeout", deadline},
		{"S11", "a context that has ended runs nothing", ended11},
		{"S12", "an error after rows is an error and no shorter result", failsLate},
		{"S13", "a syntax error is of kind syntax", syntax},
		{"S14", "a missing table is of kind syntax", missing},
		{"S15", "a statement that returns no rows is refused and changes nothing", refuses},
		{"S16", "a second statement in the same text is refused", second},
		{"S17", "columns of the same name are all returned", sameNames},
		{"S18", "each type of the database becomes its cell", cells},
		{"S19", "a value bound inside a literal comes back as it was", literals},
		{"S20", "a value bound inside a quoted identifier comes back as it was", identifiers},
		{"S21", "a result belongs to its caller", ownResult},
		{"S22", "queries at once get their own results", atOnce},
		{"S23", "a source works on after a statement failed and another was cancelled", worksOn},
		{"S24", "Columns names what Query returns", describes},
		{"S25", "Columns runs nothing", describesOnly},
		{"S26", "a session keeps to one connection", session},
		{"S27", "a source works on after a session was closed", afterSession},
		{"S28", "no error shows a secret", secrets},
		{"S29", "a server that cannot be reached or entered is told by its kind", wrong},
		{"S30", "a closed source answers with an error", closed},
		{"S31", "a source that can open sessions opens several at once", sessions},
	}
}

// want checks that err is a *source.Error of a kind.
func want(err error, kinds ...source.Kind) error {
	var e *source.Error
	switch {
	case err == nil:
		return fmt.Errorf("no error, want one of kind %v", kinds[0])
	case !errors.As(err, &e):
		return fmt.Errorf("error %w is a %T, want a *source.Error", err, err)
	case !slices.Contains(kinds, e.Kind):
		return fmt.Errorf("error %w is of kind %v, want %v", err, e.Kind, kinds[0])
	}
	return nil
}

func query(ctx context.Context, h Harness, sql string, limit int) (*source.Result, error) {
	r, err := h.Source.Query(ctx, source.Query{SQL: sql, MaxRows: limit})
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", sql, err)
	}
	if r == nil {
		return nil, fmt.Errorf("query %q: neither a result nor an error", sql)
	}
	return r, nil
}

func ordered(ctx context.Context, h Harness) error {
	r, err := query(ctx, h, h.Count(3), 0)
	if err != nil {
		return err
	}
	if len(r.Columns) != 1 || !strings.EqualFold(r.Columns[0].Name, "i") {
		return fmt.Errorf("columns %v, want one named i", r.Columns)
	}
	if got := fmt.Sprint(r.Rows); got != "[[1] [2] [3]]" {
		return fmt.Errorf("rows %s, want 1, 2, 3", got)
	}
	return nil
}

func closedSet(ctx context.Context, h Harness) error {
	texts := []string{h.Count(2)}
	for _, c := range h.Cells {
		texts = append(texts, c.SQL)
	}
	for _, sql := range texts {
		r, err := query(ctx, h, sql, 0)
		if err != nil {
			return err
		}
		for _, row := range r.Rows {
			if len(row) != len(r.Columns) {
				return fmt.Errorf("query %q: %d cells for %d columns", sql, len(row), len(r.Columns))
			}
			for _, v := range row {
				if err := checkCell(v); err != nil {
					return fmt.Errorf("query %q: %w", sql, err)
				}
			}
		}
	}
	return nil
}

func checkCell(v any) error {
	switch v := v.(type) {
	case nil, bool, int64, uint64, float64, string, []byte, time.Time:
	case source.Decimal:
		digits := strings.TrimPrefix(string(v), "-")
		a, b, _ := strings.Cut(digits, ".")
		if a == "" || strings.Trim(a+b, "0123456789") != "" || strings.HasSuffix(digits, ".") {
			return fmt.Errorf("decimal %q is not in plain notation", string(v))
		}
	case source.JSON:
		if !json.Valid([]byte(v)) {
			return fmt.Errorf("JSON %q is not valid", string(v))
		}
	default:
		return fmt.Errorf("a cell is a %T", v)
	}
	return nil
}

func checkSize(ctx context.Context, h Harness, sql string, limit, rows int, truncated bool) error {
	r, err := query(ctx, h, sql, limit)
	if err != nil {
		return err
	}
	if len(r.Rows) != rows || r.Truncated != truncated {
		return fmt.Errorf("MaxRows %d: %d rows, truncated %v; want %d, %v", limit, len(r.Rows), r.Truncated, rows, truncated)
	}
	return nil
}

func stops(ctx context.Context, h Harness) error {
	return checkSize(ctx, h, h.Count(20), 7, 7, true)
}

func whole(ctx context.Context, h Harness) error {
	return checkSize(ctx, h, h.Count(5), 5, 5, false)
}

func zeroLimit(ctx context.Context, h Harness) error {
	return errors.Join(
		checkSize(ctx, h, h.Count(10_001), 0, 10_000, true),
		checkSize(ctx, h, h.Count(10_000), 0, 10_000, false),
	)
}

func noRows(ctx context.Context, h Harness) error {
	r, err := query(ctx, h, h.Count(0), 0)
	if err != nil {
		return err
	}
	if len(r.Columns) != 1 || len(r.Rows) != 0 || r.Truncated {
		return fmt.Errorf("%d columns, %d rows, truncated %v; want 1, 0, false", len(r.Columns), len(r.Rows), r.Truncated)
	}
	return nil
}

func nothingLeft(ctx context.Context, h Harness) error {
	if h.Endless == "" {
		return ErrUndeclared
	}
	if err := within(h, func() error { return checkSize(ctx, h, h.Endless, 1_000, 1_000, true) }); err != nil {
		return err
	}
	return idle(ctx, h)
}

// within runs f and does not wait for it longer than the harness has patience.
func within(h Harness, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	timer := time.NewTimer(h.Patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("it has not returned after %v", h.Patience)
	}
}

// running waits until the server runs as many statements as ok wants.
func running(ctx context.Context, h Harness, ok func(int) bool) error {
	ctx, cancel := context.WithTimeout(ctx, h.Patience)
	defer cancel()
	for {
		n, err := h.Running(ctx)
		if err != nil {
			return fmt.Errorf("the harness cannot tell what is running: %w", err)
		}
		if ok(n) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server runs %d statements after %v", n, h.Patience)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func idle(ctx context.Context, h Harness) error {
	if h.Running == nil {
		return nil
	}
	return running(ctx, h, func(n int) bool { return n == 0 })
}

// stopped runs sql until it is seen on the server, ends its context and wants the
// statement to end.
func stopped(ctx context.Context, h Harness, sql string, kind source.Kind, begin func(context.Context) (context.Context, context.CancelFunc)) error {
	if sql == "" {
		return ErrUndeclared
	}
	own, end := begin(ctx)
	defer end()
	err := within(h, func() error {
		if kind == source.Canceled {
			go func() {
				if h.Running == nil {
					time.AfterFunc(20*time.Millisecond, end)
					return
				}
				_ = running(ctx, h, func(n int) bool { return n > 0 })
				end()
			}()
		}
		_, err := h.Source.Query(own, source.Query{SQL: sql})
		return want(err, kind)
	})
	if err != nil {
		return err
	}
	return idle(ctx, h)
}

func cancelSilent(ctx context.Context, h Harness) error {
	return stopped(ctx, h, h.Silent, source.Canceled, context.WithCancel)
}

func cancelLate(ctx context.Context, h Harness) error {
	return stopped(ctx, h, h.Late, source.Canceled, context.WithCancel)
}

func deadline(ctx context.Context, h Harness) error {
	return stopped(ctx, h, h.Silent, source.Timeout, func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, 50*time.Millisecond)
	})
}

func ended11(ctx context.Context, h Harness) error {
	own, cancel := context.WithCancel(ctx)
	cancel()
	_, err := h.Source.Query(own, source.Query{SQL: h.Count(1)})
	return want(err, source.Canceled)
}

func failsLate(ctx context.Context, h Harness) error {
	if h.Fails == "" {
		return ErrUndeclared
	}
	r, err := h.Source.Query(ctx, source.Query{SQL: h.Fails})
	var e *source.Error
	if !errors.As(err, &e) || r != nil {
		return fmt.Errorf("result %v and error %w, want only a *source.Error", r, err)
	}
	return nil
}

const (
	badSyntax = "SELECT FROM WHERE"
	noTable   = "SELECT * FROM no_such_table_77"
)

func syntax(ctx context.Context, h Harness) error {
	_, err := h.Source.Query(ctx, source.Query{SQL: badSyntax})
	return want(err, source.Syntax)
}

func missing(ctx context.Context, h Harness) error {
	_, err := h.Source.Query(ctx, source.Query{SQL: noTable})
	return want(err, source.Syntax)
}

func refuses(ctx context.Context, h Harness) error {
	if h.Write == "" || h.State == "" {
		return ErrUndeclared
	}
	before, err := query(ctx, h, h.State, 0)
	if err != nil {
		return err
	}
	for _, sql := range append([]string{h.Write}, h.Refused...) {
		_, err := h.Source.Query(ctx, source.Query{SQL: sql})
		if err := want(err, source.Syntax); err != nil {
			return fmt.Errorf("%q: %w", sql, err)
		}
	}
	after, err := query(ctx, h, h.State, 0)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(before.Rows, after.Rows); diff != "" {
		return fmt.Errorf("the database changed (-before +after):\n%s", diff)
	}
	return nil
}

func second(ctx context.Context, h Harness) error {
	_, err := h.Source.Query(ctx, source.Query{SQL: h.Count(1) + "; " + h.Count(4)})
	return want(err, source.Syntax)
}

func sameNames(ctx context.Context, h Harness) error {
	sql, row := "SELECT 1 AS same, 2 AS same", "[1 2]"
	if h.SameNames != "" {
		sql, row = h.SameNames, "[1 1]"
	}
	r, err := query(ctx, h, sql, 0)
	if err != nil {
		return err
	}
	if len(r.Columns) != 2 || len(r.Rows) != 1 || fmt.Sprint(r.Rows[0]) != row || h.SameNames != "" && r.Columns[0].Name != r.Columns[1].Name {
		return fmt.Errorf("columns %v, rows %v; want two columns of the same name with %s", r.Columns, r.Rows, row)
	}
	return nil
}

func cells(ctx context.Context, h Harness) error {
	if len(h.Cells) == 0 {
		return ErrUndeclared
	}
	var errs []error
	for _, c := range h.Cells {
		r, err := query(ctx, h, c.SQL, 0)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.Name, err))
			continue
		}
		if len(r.Rows) != 1 || len(r.Rows[0]) != 1 {
			errs = append(errs, fmt.Errorf("%s: rows %v, want one cell", c.Name, r.Rows))
			continue
		}
		if got := r.Rows[0][0]; !same(got, c.Want) {
			errs = append(errs, fmt.Errorf("%s: %#v (%T), want %#v (%T)", c.Name, got, got, c.Want, c.Want))
		}
	}
	return errors.Join(errs...)
}

func same(got, want any) bool {
	switch w := want.(type) {
	case time.Time:
		g, ok := got.(time.Time)
		return ok && g.Equal(w) && g.Format(time.RFC3339Nano) == w.Format(time.RFC3339Nano)
	case float64:
		g, ok := got.(float64)
		return ok && (g == w || math.IsNaN(g) && math.IsNaN(w))
	}
	return cmp.Equal(got, want)
}

// awkward are values that a wrong escape lets out of their quotes.
var awkward = []string{"plain", "it's", `"`, "`", `\`, `\'`, `'\`, `\\'`, "]", "--", "/*", ";", "${x}", "%", "\n", "\t", "'; SELECT 1 --", "中文", "🙂", "$$", "?", ":a", "@b", "{c}"}

func bound(ctx context.Context, h Harness, sql, value string) (*source.Result, error) {
	d := h.Source.Dialect()
	script, err := source.Parse(sql, d)
	if err != nil {
		return nil, err
	}
	text, err := script.Statements[0].Bind(d, map[string]string{"v": value})
	if err != nil {
		return nil, err
	}
	return query(ctx, h, text, 0)
}

func literals(ctx context.Context, h Harness) error {
	quotes := "'" + h.Source.Dialect().Strings
	for _, q := range quotes {
		for _, v := range append([]string{""}, awkward...) {
			r, err := bound(ctx, h, fmt.Sprintf("SELECT %c${v}%c AS literal", q, q), v)
			if err != nil {
				return fmt.Errorf("value %q: %w", v, err)
			}
			if len(r.Rows) != 1 || len(r.Rows[0]) != 1 || !cmp.Equal(r.Rows[0][0], any(v)) {
				return fmt.Errorf("value %q inside %c came back as %q", v, q, r.Rows)
			}
		}
	}
	return nil
}

func identifiers(ctx context.Context, h Harness) error {
	for _, q := range h.Source.Dialect().Identifiers {
		closing := q
		if q == '[' {
			closing = ']'
		}
		for _, v := range awkward {
			if q == '[' && strings.Contains(v, "]") || strings.Contains(v, "🙂") {
				continue // cannot be written there at all, or is no name in MySQL
			}
			r, err := bound(ctx, h, fmt.Sprintf("SELECT 1 AS %c${v}%c", q, closing), "x"+v+"x")
			if err != nil {
				return fmt.Errorf("value %q: %w", v, err)
			}
			if len(r.Columns) != 1 || r.Columns[0].Name != "x"+v+"x" {
				return fmt.Errorf("value %q inside %c came back as %v", "x"+v+"x", q, r.Columns)
			}
		}
	}
	return nil
}

func ownResult(ctx context.Context, h Harness) error {
	const sql = "SELECT 'mine' AS own"
	first, err := query(ctx, h, sql, 0)
	if err != nil {
		return err
	}
	first.Columns[0].Name, first.Rows[0][0] = "changed", "changed"
	again, err := query(ctx, h, sql, 0)
	if err != nil {
		return err
	}
	if strings.EqualFold(again.Columns[0].Name, "changed") || again.Rows[0][0] != "mine" {
		return fmt.Errorf("a change to one result is in the next: %v, %v", again.Columns, again.Rows)
	}
	return nil
}

func atOnce(ctx context.Context, h Harness) error {
	const n = 50
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			r, err := query(ctx, h, fmt.Sprintf("SELECT %d AS mine", 1000+i), 0)
			if err == nil && (len(r.Rows) != 1 || fmt.Sprint(r.Rows[0]) != fmt.Sprintf("[%d]", 1000+i)) {
				err = fmt.Errorf("query %d got %v", 1000+i, r.Rows)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func worksOn(ctx context.Context, h Harness) error {
	if h.Silent == "" {
		return ErrUndeclared
	}
	_, _ = h.Source.Query(ctx, source.Query{SQL: badSyntax})
	own, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := within(h, func() error {
		_, err := h.Source.Query(own, source.Query{SQL: h.Silent})
		return want(err, source.Timeout, source.Canceled, source.Other)
	}); err != nil {
		return err
	}
	for range 5 {
		if r, err := query(ctx, h, h.Count(6), 0); err != nil || len(r.Rows) != 6 {
			return fmt.Errorf("afterwards: %v, %w", r, err)
		}
	}
	return nil
}

func describes(ctx context.Context, h Harness) error {
	d, ok := source.As[source.Describer](h.Source)
	if !ok {
		return ErrUndeclared
	}
	texts := []string{h.Count(2), "SELECT 1 AS one, 'x' AS two, 3"}
	for _, c := range h.Cells {
		texts = append(texts, c.SQL)
	}
	for _, sql := range texts {
		columns, err := d.Columns(ctx, sql)
		if err != nil {
			return fmt.Errorf("columns of %q: %w", sql, err)
		}
		r, err := query(ctx, h, sql, 0)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(names(r.Columns), names(columns)); diff != "" {
			return fmt.Errorf("columns of %q (-query +columns):\n%s", sql, diff)
		}
	}
	_, err := d.Columns(ctx, noTable)
	if err := want(err, source.Syntax); err != nil {
		return err
	}
	if h.Write != "" {
		_, err = d.Columns(ctx, h.Write)
		return want(err, source.Syntax)
	}
	return nil
}

func names(columns []source.Column) []string {
	var n []string
	for _, c := range columns {
		n = append(n, c.Name)
	}
	return n
}

func describesOnly(ctx context.Context, h Harness) error {
	d, ok := source.As[source.Describer](h.Source)
	if !ok || h.Silent == "" {
		return ErrUndeclared
	}
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	return within(h, func() error {
		_, err := d.Columns(own, h.Silent)
		return err
	})
}

func session(ctx context.Context, h Harness) error {
	s, ok := source.As[source.Sessioner](h.Source)
	if !ok || h.Connection == "" {
		return ErrUndeclared
	}
	first, err := s.Session(ctx)
	if err != nil {
		return err
	}
	defer first.Close()
	other, err := s.Session(ctx)
	if err != nil {
		return err
	}
	defer other.Close()
	var seen [3]any
	for i, from := range []source.Source{first, other, first} {
		r, err := from.Query(ctx, source.Query{SQL: h.Connection})
		if err != nil {
			return err
		}
		seen[i] = r.Rows[0][0]
	}
	if seen[0] != seen[2] || seen[0] == seen[1] {
		return fmt.Errorf("one session ran on %v and %v, another on %v", seen[0], seen[2], seen[1])
	}
	return nil
}

func afterSession(ctx context.Context, h Harness) error {
	s, ok := source.As[source.Sessioner](h.Source)
	if !ok {
		return ErrUndeclared
	}
	for range 20 { // more than a pool holds, so that a leak shows
		err := within(h, func() error {
			own, err := s.Session(ctx)
			if err != nil {
				return err
			}
			if _, err := own.Query(ctx, source.Query{SQL: h.Count(1)}); err != nil {
				return err
			}
			return own.Close()
		})
		if err != nil {
			return err
		}
	}
	_, err := query(ctx, h, h.Count(8), 0)
	return err
}

func sessions(ctx context.Context, h Harness) error {
	s, ok := source.As[source.Sessioner](h.Source)
	if !ok {
		return ErrUndeclared
	}
	return within(h, func() error {
		var open [2]source.Source
		for i := range open {
			own, err := s.Session(ctx)
			if err != nil {
				return err
			}
			defer own.Close()
			open[i] = own
		}
		for _, own := range open {
			if own.Dialect() != h.Source.Dialect() {
				return fmt.Errorf("a session's dialect is %v", own.Dialect())
			}
			r, err := own.Query(ctx, source.Query{SQL: h.Count(9), MaxRows: 8})
			if err != nil {
				return err
			}
			if len(r.Rows) != 8 || !r.Truncated {
				return fmt.Errorf("a session read %d rows, truncated %v; want 8, true", len(r.Rows), r.Truncated)
			}
		}
		return nil
	})
}

func secrets(ctx context.Context, h Harness) error {
	if len(h.Secrets) == 0 {
		return ErrUndeclared
	}
	var errs []error
	collect := func(s source.Source, sql string) {
		own, cancel := context.WithTimeout(ctx, h.Patience)
		defer cancel()
		_, err := s.Query(own, source.Query{SQL: sql})
		errs = append(errs, err)
		if d, ok := source.As[source.Describer](s); ok {
			_, err := d.Columns(own, sql)
			errs = append(errs, err)
		}
	}
	for _, w := range h.Wrong {
		collect(w.Source, h.Count(1))
	}
	for _, sql := range []string{badSyntax, noTable, h.Fails, h.Write} {
		collect(h.Source, sql)
	}
	own, cancel := context.WithCancel(ctx)
	cancel()
	_, err := h.Source.Query(own, source.Query{SQL: h.Count(1)})
	errs = append(errs, err, h.Source.Close())
	_, err = h.Source.Query(ctx, source.Query{SQL: h.Count(1)})
	errs = append(errs, err)
	for _, err := range errs {
		// The causes are reachable too.
		for ; err != nil; err = errors.Unwrap(err) {
			text := fmt.Sprintf("%v %+v %#v", err, err, err)
			for i, s := range h.Secrets {
				if s != "" && strings.Contains(text, s) {
					return fmt.Errorf("secret %d of the harness is in an error: %s", i, strings.ReplaceAll(text, s, "•••"))
				}
			}
		}
	}
	return nil
}

func wrong(ctx context.Context, h Harness) error {
	if len(h.Wrong) == 0 {
		return ErrUndeclared
	}
	var errs []error
	for _, w := range h.Wrong {
		err := within(h, func() error {
			_, err := w.Source.Query(ctx, source.Query{SQL: h.Count(1)})
			return want(err, w.Kind)
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", w.Name, err))
		}
	}
	return errors.Join(errs...)
}

func closed(ctx context.Context, h Harness) error {
	if err := h.Source.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	_, err := h.Source.Query(ctx, source.Query{SQL: h.Count(10)})
	var e *source.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("error %w, want a *source.Error", err)
	}
	return nil
}
