package task_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/task"
)

func TestCloneSharesNothingAndLosesNothing(t *testing.T) {
	check := func(name string, orig, clone any) {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(orig, clone, cmp.Comparer(func(a, b schedule.Cycle) bool { return a == b })); diff != "" {
				t.Errorf("clone (-want +got):\n%s", diff)
			}
			seen := make(map[uintptr]string)
			references("", reflect.ValueOf(orig), func(path string, p uintptr) { seen[p] = path })
			if len(seen) == 0 {
				t.Error("the test found nothing that could be shared")
			}
			references("", reflect.ValueOf(clone), func(path string, p uintptr) {
				if at, ok := seen[p]; ok {
					t.Errorf("%s is shared with %s", path, at)
				}
			})
		})
	}
	var spec task.Spec
	fill(reflect.ValueOf(&spec).Elem())
	check("Spec", spec, spec.Clone())
	var tk task.Task
	fill(reflect.ValueOf(&tk).Elem())
	check("Task", tk, tk.Clone())
	check("Pass", tk.Pass, tk.Pass.Clone())
	var v task.Version
	fill(reflect.ValueOf(&v).Elem())
	check("Version", v, v.Clone())
	var r task.Run
	fill(reflect.ValueOf(&r).Elem())
	check("Run", r, r.Clone())
	var d task.Delivery
	fill(reflect.ValueOf(&d).Elem())
	check("Delivery", d, d.Clone())
}

func TestCloneKeepsNilAndEmpty(t *testing.T) {
	for _, s := range []task.Spec{{}, {Outputs: []string{}, Params: task.Params{}, Destinations: []string{}}} {
		if got := s.Clone(); !reflect.DeepEqual(s, got) {
			t.Errorf("got %#v, want %#v", got, s)
		}
	}
	if got := (*task.Pass)(nil).Clone(); got != nil {
		t.Errorf("the clone of no pass is %v", got)
	}
}

// fill sets every exported field that v reaches to something.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8:
		v.SetUint(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(k)
		fill(e)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(k, e)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	default:
		panic(fmt.Sprintf("fill does not know %v", v.Type()))
	}
}

// references tells all pointers, maps and slices that v reaches.
func references(path string, v reflect.Value, tell func(string, uintptr)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			tell(path, v.Pointer())
			references(path, v.Elem(), tell)
		}
	case reflect.Slice:
		tell(path, v.Pointer())
		for i := range v.Len() {
			references(fmt.Sprintf("%s[%d]", path, i), v.Index(i), tell)
		}
	case reflect.Map:
		tell(path, v.Pointer())
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				references(path+"."+f.Name, v.Field(i), tell)
			}
		}
	}
}
