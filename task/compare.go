package task

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/datapush-go/datapush/schedule"
)

// Change is one field in which two specs differ.
type Change struct {
	// Path is the field, as in Finding: "schedule.cycle", "params.date",
	// "content.blocks[1].table.columns[0].prefix".
	Path string `json:"path"`
	// Old and New are the values as JSON on one line. One of them is empty
	// where only the other spec has the field: an entry of a list or a map, or
	// a block of another kind.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Compare lists the fields in which b differs from a, in the order of the
// fields of Spec; the entries of a map are in the order of their keys. Lists are
// compared place by place. Nil and empty lists and maps are the same, as they
// are in JSON. Equal specs give nil.
func Compare(a, b Spec) []Change {
	var c comparison
	c.walk("", reflect.ValueOf(a), reflect.ValueOf(b))
	return c.changes
}

type comparison struct{ changes []Change }

func (c *comparison) walk(path string, a, b reflect.Value) {
	switch t := a.Type(); {
	case isLeaf(t):
		if !a.Equal(b) {
			c.add(path, a, b)
		}
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if path != "" {
				name = path + "." + name
			}
			c.walk(name, a.Field(i), b.Field(i))
		}
	case t.Kind() == reflect.Pointer:
		switch {
		case a.IsNil() && b.IsNil():
		case a.IsNil():
			c.add(path, reflect.Value{}, b)
		case b.IsNil():
			c.add(path, a, reflect.Value{})
		default:
			c.walk(path, a.Elem(), b.Elem())
		}
	case t.Kind() == reflect.Slice:
		for i := range max(a.Len(), b.Len()) {
			at := path + "[" + strconv.Itoa(i) + "]"
			switch {
			case i >= a.Len():
				c.add(at, reflect.Value{}, b.Index(i))
			case i >= b.Len():
				c.add(at, a.Index(i), reflect.Value{})
			default:
				c.walk(at, a.Index(i), b.Index(i))
			}
		}
	case t.Kind() == reflect.Map:
		keys := append(a.MapKeys(), b.MapKeys()...)
		slices.SortFunc(keys, func(x, y reflect.Value) int { return strings.Compare(x.String(), y.String()) })
		keys = slices.CompactFunc(keys, reflect.Value.Equal)
		for _, k := range keys {
			x, y := a.MapIndex(k), b.MapIndex(k)
			if x.IsValid() && y.IsValid() && x.Equal(y) {
				continue
			}
			c.add(path+keyPath(k.String()), x, y)
		}
	}
}

// isLeaf reports whether values of t are compared as a whole.
func isLeaf(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		return t == reflect.TypeFor[schedule.Cycle]() || t == reflect.TypeFor[schedule.Date]()
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return false
	default:
		return true
	}
}

func (c *comparison) add(path string, a, b reflect.Value) {
	c.changes = append(c.changes, Change{Path: path, Old: jsonText(a), New: jsonText(b)})
}

// keyPath is how a map's key continues a path.
func keyPath(key string) string {
	for i, r := range key {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return "[" + strconv.Quote(key) + "]"
		}
	}
	if key == "" {
		return `[""]`
	}
	return "." + key
}

// jsonText is v as JSON on one line; an invalid value is "".
func jsonText(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	x := v.Interface()
	if d, ok := x.(time.Duration); ok {
		x = durationText(d)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // people read it
	if err := e.Encode(x); err != nil {
		// A draft may hold what cannot be written, such as an impossible cycle.
		return strconv.Quote(fmt.Sprint(x))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// durationText is d as people write it: "1h30m", not "1h30m0s".
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
