package memstore_test

import (
	"context"
	"fmt"

	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/memstore"
)

// A store is given to datapush.Config; here it is used by itself, to show that a
// second save of the same revision is refused.
func ExampleNew() {
	ctx := context.Background()
	s := memstore.New(&memstore.Options{History: 10}) // nil keeps the last 100 runs of each task
	t := task.Task{ID: "t1", Draft: task.Spec{Name: "Daily revenue"}, Revision: 1}
	fmt.Println(s.CreateTask(ctx, t))
	fmt.Println(s.SaveTask(ctx, t))
	fmt.Println(s.SaveTask(ctx, t))
	// Output:
	// <nil>
	// <nil>
	// memstore: task "t1" has revision 2, not 1: conflict
}
