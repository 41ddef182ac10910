// Command maxcompute compares reading 10,000 rows of 8 columns by the source for
// MaxCompute with the vendor's SDK, whose tunnel reader is scanned by hand. Both
// run against the same fake, from the submission of the job to the last row; a
// job has ended at its first poll. The values of both are compared before a time
// is taken.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aliyun/aliyun-odps-go-sdk/odps"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/account"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/data"
	"github.com/aliyun/aliyun-odps-go-sdk/odps/tunnel"

	"github.com/datapush-go/datapush/internal/bench/reading"
	"github.com/datapush-go/datapush/internal/odpsfake"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/maxcompute"
)

const query = "SELECT * FROM sales"

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

	return reading.Compare(ours, query, 11, func() ([][]any, error) { return scan(theirs) })
}

func table() odpsfake.Table {
	return odpsfake.Table{Name: "sales", Columns: []odpsfake.Column{
		{Name: "id", Type: "bigint"}, {Name: "department", Type: "string"}, {Name: "revenue", Type: "decimal(38,18)"}, {Name: "share", Type: "double"},
		{Name: "open", Type: "boolean"}, {Name: "day", Type: "date"}, {Name: "at", Type: "datetime"}, {Name: "note", Type: "string"},
	}, Rows: reading.Cells()}
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
