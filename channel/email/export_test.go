package email

import (
	"bufio"
	"math"

	"github.com/datapush-go/datapush/channel"
)

// AppendTable is the whole table as HTML, without the limit of a mail.
func AppendTable(dst []byte, t *channel.Table) []byte {
	w := &htmlWriter{buf: dst, b: &body{}, most: math.MaxInt}
	w.table(t)
	return w.buf
}

// AppendCSV is a table's raw CSV file.
func AppendCSV(dst []byte, t *channel.Table) []byte { return appendCSV(dst, t, false) }

// WriteLines writes a mail as DATA wants it, without the final dot.
func WriteLines(w *bufio.Writer, data []byte) error { return writeLines(w, data) }
