package engine

import (
	"context"
	"fmt"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/task"
)

// Preview makes what a destination of a kind would get and sends nothing: it
// does not even prepare, since that may upload.
func (e *Engine) Preview(ctx context.Context, id string, kind channel.Kind, o *task.PreviewOptions) (*task.Preview, error) {
	if o == nil {
		o = &task.PreviewOptions{}
	}
	p, err := e.preview(ctx, id, kind, *o)
	if err != nil {
		return nil, fmt.Errorf("datapush: preview task %s for %s: %w", id, kind, err)
	}
	return p, nil
}

func (e *Engine) preview(ctx context.Context, id string, kind channel.Kind, o task.PreviewOptions) (*task.Preview, error) {
	ch := e.Channels[kind]
	if ch == nil {
		return nil, task.Findings{{Path: "kind", Text: fmt.Sprintf("no channel serves kind %q", kind)}}
	}
	spec, err := e.specFor(ctx, id, o.Version)
	if err != nil {
		return nil, err
	}
	to := channel.Destination{Name: "preview", Kind: kind}
	if o.Destination != "" {
		if to, err = e.Store.Destination(ctx, o.Destination); err != nil {
			return nil, fmt.Errorf("destination %q: %w", o.Destination, err)
		}
		if to.Kind != kind {
			return nil, task.Findings{{Path: "destination", Text: fmt.Sprintf("it is of kind %q", to.Kind)}}
		}
	}
	p, err := e.compile(&spec)
	if err != nil {
		return nil, err
	}
	environment, err := env(o.Environment, spec.Environment)
	if err != nil {
		return nil, task.Findings{{Path: "environment", Text: err.Error()}}
	}
	at := o.At
	if at.IsZero() {
		at = e.Clock.Now()
	}
	params, found := e.constants(spec, o.Params, at, true)
	if found != nil {
		return nil, found
	}
	pv := &task.Preview{Kind: kind, Params: params, Limit: ch.Limits(to).Bytes}
	results := o.Results
	if results == nil {
		if results, pv.Warnings, err = e.query(ctx, p, environment, params); err != nil {
			return nil, err
		}
	}
	if _, err := outputsOf(p, results); err != nil {
		return nil, err
	}
	pv.Empty = spec.SkipEmpty && emptyContent(spec.Content, params, results)

	msg, err := e.render(ctx, spec.Content, render.Data{ID: "preview", At: at.In(p.table.Location()), Inputs: params, Results: results})
	if err != nil {
		return nil, err
	}
	pv.Title = msg.Title
	pv.Warnings = append(pv.Warnings, msg.Warnings...)
	err = guard("the channel", func() (err error) {
		if pv.Payloads, err = ch.Encode(msg, to); err != nil {
			return err
		}
		draw, ok := channel.As[channel.Previewer](ch)
		for i := range pv.Payloads {
			part := &pv.Payloads[i]
			if part.Part == 0 {
				part.Part = i + 1
			}
			if part.Parts == 0 {
				part.Parts = len(pv.Payloads)
			}
			if ok {
				html, err := draw.Preview(*part)
				if err != nil {
					return err
				}
				pv.HTML = append(pv.HTML, html)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return pv, nil
}
