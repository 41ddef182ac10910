// Package reading compares reading a result by a source with the vendor's own
// client, scanned by hand, where both run against the same fake.
package reading

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/internal/bench/ratio"
	"github.com/datapush-go/datapush/source"
)

// Rows is how many rows there are.
const Rows = 10_000

// Cells are the rows that the fake holds: a number, a text, a decimal with 18
// places, a float, a truth, a day, a time and a text or NULL.
func Cells() [][]any {
	start := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	cells := make([][]any, Rows)
	for i := range cells {
		var note any
		if i%3 > 0 {
			note = fmt.Sprintf("note %d about department %d", i, i%17)
		}
		cells[i] = []any{
			i, fmt.Sprintf("department %d", i%17), fmt.Sprintf("%d.%018d", i*37, i), float64(i) / 7, i%2 == 0,
			start.AddDate(0, 0, i%365), start.Add(time.Duration(i) * time.Second), note,
		}
	}
	return cells
}

// Compare reports the ratio, of 1.15 at most, and returns the exit code. The
// values of both sides are compared before a time is taken.
func Compare(ours source.Source, query string, rounds int, scan func() ([][]any, error)) (int, error) {
	read := func() (*source.Result, error) { return ours.Query(context.Background(), source.Query{SQL: query}) }
	got, err := read()
	if err != nil {
		return 1, err
	}
	want, err := scan()
	if err != nil {
		return 1, err
	}
	if diff := cmp.Diff(want, got.Rows); diff != "" || len(want) != Rows {
		return 1, fmt.Errorf("%d rows, values differ (-client +source):\n%s", len(want), diff)
	}

	var failed error
	row := ratio.Compare("10,000 rows x 8 columns", rounds, 1, func() {
		if _, err := read(); err != nil {
			failed = err
		}
	}, func() {
		if _, err := scan(); err != nil {
			failed = err
		}
	})
	if failed != nil {
		return 1, failed
	}
	row.Most = 1.15
	return ratio.Report(os.Stdout, row), nil
}
