// Command dialects measures what turns content into payloads beside rivals that
// write the same:
//
//   - a table of 10,000 rows and 8 columns to all parts for each webhook, beside
//     an append by hand of the same bodies;
//   - the same table to the HTML of a mail's body, beside html/template;
//   - a Markdown block of 20 KB, beside goldmark's parse and HTML;
//   - 20 values put into a text of 2 KB, in a title and in SQL, beside
//     fasttemplate.
//
// Bodies and substituted texts are compared byte by byte before a time is taken;
// where the two sides cannot write the same bytes, what a reader sees is
// compared: cells of the mail's table, words of the Markdown block. The command
// prints the ratios and exits 1 when a stated one is missed.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/datapush-go/datapush/internal/bench/ratio"
)

var ctx = context.Background()

func main() {
	only := flag.String("only", "", "measure one part: tables, mail, markdown, title or sql")
	flag.Parse()
	os.Exit(run(*only))
}

func run(only string) int {
	var rows []ratio.Row
	code := 0
	for _, part := range []struct {
		name    string
		measure func() ([]ratio.Row, bool)
	}{{"tables", tables}, {"mail", mail}, {"markdown", markdown}, {"title", title}, {"sql", sql}} {
		if only != "" && only != part.name {
			continue
		}
		r, ok := part.measure()
		rows = append(rows, r...)
		if !ok {
			code = 1
		}
	}
	return max(code, ratio.Report(os.Stdout, rows...))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// same ends the command when two sides differ, and shows where.
func same(what, ours, rival string) {
	if ours == rival {
		return
	}
	i := 0
	for i < len(ours) && i < len(rival) && ours[i] == rival[i] {
		i++
	}
	cut := func(s string) string { return s[max(0, i-40):min(len(s), i+80)] }
	log.Fatal(fmt.Sprintf("%s: the two sides differ at byte %d:\n%q\n%q", what, i, cut(ours), cut(rival)))
}
