// Command maxcompute compares reading 10,000 rows of 8 columns by the source for
// MaxCompute with the vendor's SDK, whose tunnel reader is scanned by hand. Both
// run against the same fake, from the submission of the job to the last row; a
// job has ended at its first poll. The values of both are compared before a time
// is taken.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aliyun/aliyun-odps-go-sdk/odps"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/account"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/data"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/tunnel"
	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/internal/bench/ratio"
	"github.com/datapush-go/datapush/internal/odpsfake"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/maxcompute"
)

const (
	rows   = 10_000
	rounds = 11
	query  = "SELECT * FROM sales"
)

func main() {
	code, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "maxcompute:", err)
		code = 1
	}
	os.Exit(code)
}

func run() (int, error) {
	fake := odpsfake.New(odpsfake.Options{Tables: []odpsfake.Table{table()}})
	defer fake.Close()
	ours, err := maxcompute.Open(strings.Replace(fake.Endpoint, "://", "://id:key@", 1)+"?project=demo", nil)
	if err != nil {
		return 1, err
	}
	defer ours.Close()
	theirs := odps.NewOdps(account.NewAliyunAccount("id", "key"), fake.Endpoint)
	theirs.SetDefaultProjectName("demo")

	got, err := ours.Query(context.Background(), source.Query{SQL: query})
	if err != nil {
		return 1, err
	}
	want, err := scan(theirs)
	if err != nil {
		return 1, err
	}
	if diff := cmp.Diff(want, got.Rows); diff != "" || len(want) != rows {
		return 1, fmt.Errorf("%d rows, values differ (-SDK +source):\n%s", len(want), diff)
	}

	var failed error
	row := ratio.Compare("10,000 rows x 8 columns", rounds, 1, func() {
		if _, err := ours.Query(context.Background(), source.Query{SQL: query}); err != nil {
			failed = err
		}
	}, func() {
		if _, err := scan(theirs); err != nil {
			failed = err
		}
	})
	if failed != nil {
		return 1, failed
	}
	row.Most = 1.15
	return ratio.Report(os.Stdout, row), nil
}

func table() odpsfake.Table {
	t := odpsfake.Table{Name: "sales", Columns: []odpsfake.Column{
		{Name: "id", Type: "bigint"}, {Name: "department", Type: "string"}, {Name: "revenue", Type: "decimal(38,18)"}, {Name: "share", Type: "double"},
		{Name: "open", Type: "boolean"}, {Name: "day", Type: "date"}, {Name: "at", Type: "datetime"}, {Name: "note", Type: "string"},
	}}
	start := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	for i := range rows {
		var note any
		if i%3 > 0 {
			note = fmt.Sprintf("note %d about department %d", i, i%17)
		}
		t.Rows = append(t.Rows, []any{
			i, fmt.Sprintf("department %d", i%17), fmt.Sprintf("%d.%018d", i*37, i), float64(i) / 7, i%2 == 0,
			start.AddDate(0, 0, i%365), start.Add(time.Duration(i) * time.Second), note,
		})
	}
	return t
}

// scan reads the result with the SDK alone, into rows of the same cells.
func scan(c *odps.Odps) ([][]any, error) {
	i, err := c.ExecSQl(query + ";")
	if err != nil {
		return nil, err
	}
	if err := i.WaitForSuccess(); err != nil {
		return nil, err
	}
	session, err := tunnel.NewTunnel(c).CreateInstanceResultDownloadSession("demo", i.Id())
	if err != nil {
		return nil, err
	}
	r, err := session.OpenRecordReader(0, session.RecordCount(), 0, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := make([][]any, 0, session.RecordCount())
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		row := make([]any, len(record))
		for n, v := range record {
			switch v := v.(type) {
			case data.BigInt:
				row[n] = int64(v)
			case data.String:
				row[n] = string(v)
			case *data.Decimal:
				row[n] = source.Decimal(v.Value())
			case data.Double:
				row[n] = float64(v)
			case data.Bool:
				row[n] = bool(v)
			case data.Date:
				row[n] = v.Time()
			case data.DateTime:
				row[n] = v.Time().UTC()
			case nil:
			default:
				return nil, fmt.Errorf("the SDK returned a %T", v)
			}
		}
		out = append(out, row)
	}
}
