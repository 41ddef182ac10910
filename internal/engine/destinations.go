package engine

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
)

// SaveDestination creates or edits a destination. Redacted secrets keep the
// stored values, as long as the address stays the same.
func (e *Engine) SaveDestination(ctx context.Context, d channel.Destination) error {
	fail := func(err error) error {
		return fmt.Errorf("datapush: save destination %q: %w", d.Name, err)
	}
	d = d.Clone()
	var found task.Findings
	add := func(path, format string, args ...any) {
		found = append(found, task.Finding{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	if n := utf8.RuneCountInString(d.Name); n == 0 || n > 128 {
		add("name", "a name of 1 to 128 characters is needed")
	}
	ch := e.Channels[d.Kind]
	if ch == nil {
		add("kind", "no channel serves kind %q", d.Kind)
	}
	if d.Fit != channel.Split && d.Fit != channel.TopRows {
		add("fit", "%q is neither empty nor %q", d.Fit, channel.TopRows)
	}
	if d.OnUnknown != channel.Resend && d.OnUnknown != channel.Hold {
		add("onUnknown", "%q is neither empty nor %q", d.OnUnknown, channel.Hold)
	}
	old, err := e.Store.Destination(ctx, d.Name)
	switch {
	case errors.Is(err, task.ErrNotFound):
		old = channel.Destination{}
	case err != nil:
		return fail(err)
	case old.Kind != d.Kind:
		add("kind", "the kind of a destination cannot change from %q to %q; make another destination", old.Kind, d.Kind)
	}
	found = append(found, restore(&d, old)...)
	if found == nil {
		if c, ok := channel.As[channel.Checker](ch); ok {
			err := guard("the channel", func() error { return c.Check(d) })
			for _, f := range findings("", err) {
				f.Text = mask(f.Text, d)
				f.Err = nil // it could hold what the text must not
				found = append(found, f)
			}
		}
	}
	if found != nil {
		return fail(found)
	}
	if err := e.Store.SaveDestination(ctx, d); err != nil {
		return fail(err)
	}
	return nil
}

// restore puts stored secrets in the place of redacted ones. A secret must not
// follow an edit to another address, where it could be read.
func restore(d *channel.Destination, old channel.Destination) task.Findings {
	var found task.Findings
	add := func(path string) {
		found = append(found, task.Finding{Path: path, Text: "the address was changed, so its secret must be given again"})
	}
	none := func(path string) {
		found = append(found, task.Finding{Path: path, Text: "it is redacted, and nothing is stored for it"})
	}
	sameHost := old.Options[channel.OptionHost] == d.Options[channel.OptionHost] &&
		old.Options[channel.OptionPort] == d.Options[channel.OptionPort]
	moved := !sameHost || d.Kind != old.Kind
	if d.URL.IsRedacted() {
		switch {
		case old.URL.IsZero():
			none("url")
		case moved:
			add("url")
		default:
			d.URL = old.URL
		}
	} else if d.URL != old.URL {
		moved = true
	}
	for name, s := range d.Secrets {
		if !s.IsRedacted() {
			continue
		}
		path := "secrets." + name
		stored, ok := old.Secrets[name]
		switch {
		case !ok || stored.IsZero():
			none(path)
		case moved:
			add(path)
		default:
			d.Secrets[name] = stored
		}
	}
	return found
}

// Destinations lists all, their secrets redacted.
func (e *Engine) Destinations(ctx context.Context) ([]channel.Destination, error) {
	ds, err := e.Store.Destinations(ctx)
	if err != nil {
		return nil, fmt.Errorf("datapush: destinations: %w", err)
	}
	for i := range ds {
		ds[i] = ds[i].Redact()
	}
	return ds, nil
}

// DeleteDestination is refused while a published version uses it.
func (e *Engine) DeleteDestination(ctx context.Context, name string) error {
	if err := e.Store.DeleteDestination(ctx, name); err != nil {
		return fmt.Errorf("datapush: delete destination %q: %w", name, err)
	}
	return nil
}
