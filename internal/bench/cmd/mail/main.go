// Command mail measures the mail channel beside the libraries it stands on:
//
//   - Mails of 10 KB on 16 reused connections, without TLS, because encryption
//     would cost both sides the same and hide the difference. A payload holds the
//     finished mail, so two rivals send it. The first is go-mail's Client with a
//     prebuilt message of the same headers and parts, each goroutine with a
//     client of its own; the round trip of its NOOP, which an option leaves out,
//     is left out. The second is the lower bound: go-mail's SMTP client, which
//     writes the very bytes of our mail with the very commands and looks after
//     nothing else.
//   - A table of 10,000 rows and 8 columns as a workbook, beside excelize's stream
//     writer making the same cells, formats, colours, widths and panes. Ours is
//     compressed less hard, which makes the file about 5% larger.
//   - The same table as CSV, beside encoding/csv writing the same bytes.
//
// Of the two attachments our side is all of Encode: the file, its base64, and the
// mail around it. The rivals make the bare file from values that are ready in
// their own types, and nothing is subtracted.
//
// What arrived, and what the files hold, is compared before any time is taken.
// The command exits 1 when a stated ratio is missed.
package main

import (
	"context"
	"log"
	"os"

	"github.com/datapush-go/datapush/internal/bench/ratio"
)

var ctx = context.Background()

func main() {
	os.Exit(ratio.Report(os.Stdout, append(mails(), files()...)...))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
