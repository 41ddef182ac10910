package storetest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
	"github.com/datapush-go/datapush/task/storetest"
)

// forgetful is a store that loses who asked for a run.
type forgetful struct{ task.Store }

func (s forgetful) AddRun(ctx context.Context, r task.Run) error {
	r.Actor = ""
	return s.Store.AddRun(ctx, r)
}

// In a test a store is proven by one call.
func ExampleTest() {
	_ = func(t *testing.T) {
		storetest.Test(t, func(t *testing.T) storetest.Harness {
			return storetest.Harness{Store: memstore.New(nil)}
		})
	}
}

// Outside of tests each rule is judged by itself, on a store of its own.
func ExampleRule_Check() {
	for _, r := range storetest.Rules() {
		err := r.Check(context.Background(), storetest.Harness{Store: forgetful{memstore.New(nil)}})
		if err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			fmt.Println(first)
		}
	}
	// Output:
	// rule P05 is broken: AddRun inserts a run as it was given
}
