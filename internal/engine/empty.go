package engine

import (
	"strings"

	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
)

// emptyContent is the rule behind SkipEmpty: every output that the content uses
// has no rows, or only nulls and empty strings. Content that uses no output is
// empty when every statement returned no row.
func emptyContent(c render.Content, inputs task.Params, results []*source.Result) bool {
	used := false
	for _, name := range c.Names() {
		if isInput(inputs, name) && !isOutput(results, name) {
			continue
		}
		for _, res := range results {
			for i, col := range res.Columns {
				if !strings.EqualFold(col.Name, name) {
					continue
				}
				used = true
				if !emptyColumn(res, i) {
					return false
				}
			}
		}
	}
	if used {
		return true
	}
	for _, res := range results {
		if len(res.Rows) > 0 {
			return false
		}
	}
	return true
}

func isInput(inputs task.Params, name string) bool {
	for in := range inputs {
		if strings.EqualFold(in, name) {
			return true
		}
	}
	return false
}

func isOutput(results []*source.Result, name string) bool {
	for _, res := range results {
		for _, c := range res.Columns {
			if strings.EqualFold(c.Name, name) {
				return true
			}
		}
	}
	return false
}

func emptyColumn(res *source.Result, i int) bool {
	for _, row := range res.Rows {
		switch v := row[i].(type) {
		case nil:
		case string:
			if v != "" {
				return false
			}
		case []byte:
			if len(v) > 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}
