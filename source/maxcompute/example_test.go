package maxcompute_test

import (
	"context"
	"fmt"
	"log"

	"github.com/datapush-go/datapush/source/maxcompute"
)

func ExampleOpen() {
	sales, err := maxcompute.Open("https://service.cn-hangzhou.maxcompute.aliyun.com/api?project=sales", &maxcompute.Options{
		// Temporary credentials are asked for when the last ones end.
		Credentials: func(ctx context.Context) (maxcompute.Credentials, error) {
			return maxcompute.Credentials{AccessKeyID: "id", AccessKeySecret: "secret", SecurityToken: "token"}, nil
		},
		Region:   "cn-hangzhou",
		TimeZone: "Asia/Shanghai",
		Hints:    map[string]string{"odps.sql.allow.fullscan": "true"},
		// Whoever runs the host finds the job by its ID, or by Source.LogView.
		Submitted: func(_ context.Context, i maxcompute.Instance) {
			log.Printf("instance %s of project %s", i.ID, i.Project)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sales.Close()
	fmt.Println(sales.Dialect().Name)
	// Output: maxcompute
}
