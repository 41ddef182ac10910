package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
)

// nextToken is the parameter reserved for paging.
const nextToken = "next_token"

// check finds every mistake in a spec that can be found without a database. The
// error is store trouble only. id is the task's, for the uniqueness of names.
func (e *Engine) check(ctx context.Context, id string, s task.Spec) (task.Findings, error) {
	var f task.Findings
	add := func(path, format string, args ...any) {
		f = append(f, task.Finding{Path: path, Text: fmt.Sprintf(format, args...)})
	}

	switch n := utf8.RuneCountInString(s.Name); {
	case n == 0:
		add("name", "a name is needed")
	case n > 128:
		add("name", "the name has %d characters; at most 128 are allowed", n)
	default:
		ids, err := e.Store.Named(ctx, s.Name)
		if err != nil {
			return nil, err
		}
		for _, other := range ids {
			if other != id {
				add("name", "task %s has this name already; names are unique", other)
				break
			}
		}
	}

	environment, err := env("", s.Environment)
	if err != nil {
		add("environment", "%v", err)
		environment = task.Production
	}
	dialect := source.ANSI
	if src, err := e.source(s.Source, environment); err != nil {
		add("source", "%v", err)
	} else {
		dialect = src.Dialect()
	}

	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		path := "params." + name
		if !paramName(name) {
			add(path, "a parameter's name is letters, digits and underscores, begins with no digit and has at most 64 characters")
		}
		if _, err := e.parseExpr(s.Params[name]); err != nil {
			f = append(f, task.Finding{Path: path, Text: err.Error(), Err: err})
		}
	}
	wrong, outputs := checkSQL(s, dialect)
	f = append(f, wrong...)
	f = append(f, e.checkContent(s, outputs)...)
	for _, err := range flatten(s.Schedule.Validate()) {
		x := task.Finding{Path: "schedule", Text: err.Error(), Err: err}
		var se *schedule.Error
		if errors.As(err, &se) {
			x.Path, x.Text = "schedule."+se.Field, se.Text
		}
		f = append(f, x)
	}

	if len(s.Destinations) == 0 {
		add("destinations", "choose at least one destination")
	}
	seen := make(map[string]bool)
	for i, name := range s.Destinations {
		path := fmt.Sprintf("destinations[%d]", i)
		if seen[name] {
			add(path, "destination %q is listed twice", name)
			continue
		}
		seen[name] = true
		d, err := e.Store.Destination(ctx, name)
		switch {
		case errors.Is(err, task.ErrNotFound):
			add(path, "there is no destination %q", name)
		case err != nil:
			return nil, err
		case e.Channels[d.Kind] == nil:
			add(path, "no channel serves destination %q, which is of kind %q", name, d.Kind)
		case bodyOnly(s.Content) && webhook(d.Kind):
			add(path, "no visible content: the only block is a mail body, which %q does not show", name)
		}
	}

	if _, ok := e.pools[s.ResourceGroup]; !ok {
		add("resourceGroup", "there is no resource group %q", s.ResourceGroup)
	}
	switch s.NodeMode {
	case task.Normal, task.DryRun:
	default:
		add("nodeMode", "%q is neither empty nor %q", s.NodeMode, task.DryRun)
	}
	return f, nil
}

// checkContent asks the renderer for mistakes; nil outputs are not known yet.
func (e *Engine) checkContent(s task.Spec, outputs []string) task.Findings {
	c, ok := e.Renderer.(render.Checker)
	if !ok {
		return nil
	}
	inputs := slices.Sorted(maps.Keys(s.Params))
	err := guard("the renderer", func() error { return c.Check(s.Content, inputs, outputs) })
	return findings("", err)
}

// checkSQL parses the script, looks for names that are no parameters, and returns
// the outputs: those of the spec, or those that the text tells. Nil: they are
// known only when it runs.
func checkSQL(s task.Spec, d source.Dialect) (task.Findings, []string) {
	script, err := source.Parse(s.SQL, d)
	f := findings("sql", err)
	if script == nil || err != nil {
		return f, s.Outputs
	}
	known := make(map[string]bool, len(s.Params))
	for name := range s.Params {
		known[name] = true
	}
	unknown := make(map[string]bool)
	for i, st := range script.Statements {
		for _, name := range st.Params {
			if known[name] || name == nextToken || unknown[name] {
				continue
			}
			unknown[name] = true
			f = append(f, task.Finding{Path: "sql", Text: fmt.Sprintf(
				"statement %d uses ${%s}, which is no parameter of this task; add it to params", i+1, name)})
		}
	}
	for i, name := range s.Outputs {
		for _, other := range s.Outputs[:i] {
			if strings.EqualFold(name, other) {
				f = append(f, task.Finding{Path: fmt.Sprintf("outputs[%d]", i), Text: fmt.Sprintf("output %q is listed twice", name)})
				break
			}
		}
		if text, ok := clash(s.Params, name); ok {
			f = append(f, task.Finding{Path: fmt.Sprintf("outputs[%d]", i), Text: text})
		}
	}
	if s.Outputs != nil {
		return f, s.Outputs
	}
	names, unsure := textOutputs(script, d)
	merged, err := source.MergeOutputs(names, slices.Collect(maps.Keys(s.Params)))
	f = append(f, findings("sql", err)...)
	if unsure != nil {
		return f, nil
	}
	return f, merged
}

// textOutputs are the columns' names per statement as the script's text tells
// them, and in words what it does not tell.
func textOutputs(script *source.Script, d source.Dialect) (names [][]string, unsure []string) {
	for i, st := range script.Statements {
		outputs, ok := st.Outputs(d)
		if !ok {
			unsure = append(unsure, fmt.Sprintf("statement %d: its text does not tell all its columns; list them in outputs, so that they are checked when the draft is saved", i+1))
			names = append(names, nil)
			continue
		}
		var of []string
		for _, o := range outputs {
			if o.Name == "" {
				unsure = append(unsure, fmt.Sprintf("statement %d, line %d: an expression without an alias gets a name that the database makes up; give it an alias", i+1, o.Line))
			}
			of = append(of, o.Name)
		}
		names = append(names, of)
	}
	return names, unsure
}

// clash says that an output has the name of an input.
func clash(params task.Params, output string) (string, bool) {
	for in := range params {
		if strings.EqualFold(in, output) {
			return fmt.Sprintf("output %q has the name of a parameter; give the column another alias", output), true
		}
	}
	return "", false
}

// findings turns joined errors into findings. An error that knows its place
// says so by Path, beneath prefix.
func findings(prefix string, err error) task.Findings {
	var f task.Findings
	for _, err := range flatten(err) {
		path := prefix
		var p interface{ Path() string }
		if errors.As(err, &p) {
			switch at := p.Path(); {
			case at == "":
			case path == "" || strings.HasPrefix(at, "["):
				path += at
			default:
				path += "." + at
			}
		}
		f = append(f, task.Finding{Path: path, Text: err.Error(), Err: err})
	}
	return f
}

// flatten lists what errors.Join joined, at any depth.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range j.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	return []error{err}
}

// bodyOnly reports whether a mail body is all there is.
func bodyOnly(c render.Content) bool {
	for _, b := range c.Blocks {
		if b.Email == nil {
			return false
		}
	}
	return len(c.Blocks) > 0
}

// webhook reports whether a kind is one of ours that shows sections only.
func webhook(k channel.Kind) bool {
	switch k {
	case channel.DingTalk, channel.Lark, channel.WeCom, channel.Teams:
		return true
	}
	return false
}

func paramName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		case '0' <= c && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return true
}
