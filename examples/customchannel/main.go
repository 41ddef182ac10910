// Command customchannel adds a channel of the host's own: a spool that delivers
// each message as a text file into a directory, for a kiosk screen to show or a
// printer to print. All of the channel is in this file; the test proves it with
// channeltest.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
	"github.com/datapush-go/datapush/schedule"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/task"
)

// Kind is what destinations of this channel are of.
const Kind channel.Kind = "spool"

// OptionDir is the key of the directory in Destination.Options.
const OptionDir = "dir"

// Spool is the channel. It has no state, so it may be used by several goroutines
// at once.
type Spool struct{}

// Kind names the destinations this channel serves.
func (Spool) Kind() channel.Kind { return Kind }

// Limits are none: a directory takes anything at any rate.
func (Spool) Limits(channel.Destination) channel.Limits { return channel.Limits{} }

// Check finds mistakes when a destination is saved.
func (Spool) Check(to channel.Destination) error {
	if !filepath.IsAbs(to.Options[OptionDir]) {
		return errors.New("spool: options.dir must be an absolute path")
	}
	return nil
}

// Encode writes the message as plain text, in which nothing needs escaping and
// nobody can be mentioned.
func (Spool) Encode(msg *channel.Message, _ channel.Destination) ([]channel.Payload, error) {
	var w writer
	for _, s := range msg.Sections {
		w.blocks(s.Blocks)
	}
	if w.b.Len() == 0 && (msg.Title == "" || len(msg.Sections) == 0) {
		return nil, fmt.Errorf("spool: encode: %w", channel.ErrNoContent)
	}
	body := []byte(msg.Title + "\n\n" + w.b.String())
	return []channel.Payload{{Part: 1, Parts: 1, Type: "text/plain", Body: body, Size: len(body), Warnings: w.warnings}}, nil
}

// Send writes the file in one step, so that nobody reads half of it. The key
// names it: a repeat overwrites the same file with the same bytes.
func (Spool) Send(ctx context.Context, to channel.Destination, p channel.Payload) (channel.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return channel.Receipt{}, &channel.Error{Op: "spool: send", Outcome: channel.NotSent, Err: err}
	}
	dir := to.Options[OptionDir]
	name := p.Key + ".txt"
	tmp, err := os.CreateTemp(dir, ".spool-*")
	if err == nil {
		_, err = tmp.Write(p.Body)
		if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
			err = os.Rename(tmp.Name(), filepath.Join(dir, name))
		}
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}
	switch {
	case err == nil:
		return channel.Receipt{Delivered: true, ID: name}, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return channel.Receipt{}, &channel.Error{Op: "spool: send", Outcome: channel.Rejected, Code: "directory",
			Err: errors.New("the directory does not exist or cannot be written")}
	default:
		// A full disk may have room later; the message was not renamed into place.
		return channel.Receipt{}, &channel.Error{Op: "spool: send", Outcome: channel.NotSent, Err: errors.New("the file cannot be written")}
	}
}

// writer turns the message tree into lines of text.
type writer struct {
	b        strings.Builder
	warnings []channel.Warning
}

func (w *writer) line(s string) { w.b.WriteString(s + "\n") }

func (w *writer) blocks(bs []channel.Block) {
	for _, b := range bs {
		switch b := b.(type) {
		case *channel.Heading:
			w.line(strings.ToUpper(text(b.Inlines)))
		case *channel.Paragraph:
			w.line(text(b.Inlines))
		case *channel.List:
			for i, item := range b.Items {
				mark := "-"
				if b.Start > 0 {
					mark = fmt.Sprintf("%d.", b.Start+i)
				}
				var inner writer
				inner.blocks(item.Blocks)
				w.line(mark + " " + strings.ReplaceAll(strings.TrimSpace(inner.b.String()), "\n", "\n  "))
			}
		case *channel.Quote:
			var inner writer
			inner.blocks(b.Blocks)
			w.line("> " + strings.ReplaceAll(strings.TrimSpace(inner.b.String()), "\n", "\n> "))
		case *channel.Code:
			w.line(b.Text)
		case *channel.Rule:
			w.line("----")
		case *channel.Image:
			w.line("[" + b.Alt + "]")
			w.warn("a picture is shown as its description")
		case *channel.Chart:
			w.line(b.Title)
			if b.Table != nil {
				w.table(b.Table)
			}
			w.warn("a chart is shown as its numbers")
		case *channel.Table:
			w.table(b)
		}
	}
}

func (w *writer) table(t *channel.Table) {
	cells := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		cells[i] = c.Header
	}
	w.line(strings.Join(cells, "\t"))
	for i := range t.Rows() {
		for j, c := range t.Row(i) {
			cells[j] = t.Columns[j].Show(c)
		}
		w.line(strings.Join(cells, "\t"))
	}
}

func (w *writer) warn(s string) {
	w.warnings = append(w.warnings, channel.Warning{Code: channel.WarnDegraded, Text: s})
}

func text(ins []channel.Inline) string {
	var b strings.Builder
	for _, in := range ins {
		switch in := in.(type) {
		case channel.Text:
			b.WriteString(in.Show())
		case channel.CodeSpan:
			b.WriteString(string(in))
		case *channel.Strong:
			b.WriteString(text(in.Inlines))
		case *channel.Emphasis:
			b.WriteString(text(in.Inlines))
		case *channel.Strike:
			b.WriteString(text(in.Inlines))
		case *channel.Link:
			b.WriteString(text(in.Inlines) + " (" + in.URL + ")")
		case *channel.Image:
			b.WriteString("[" + in.Alt + "]")
		case *channel.Mention:
			b.WriteString(in.Label())
		case *channel.Break:
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// numbers is a source of the host's own, since the example needs one.
type numbers struct{}

func (numbers) Query(context.Context, source.Query) (*source.Result, error) {
	return &source.Result{Columns: []source.Column{{Name: "visitors"}}, Rows: [][]any{{int64(1234)}}}, nil
}
func (numbers) Dialect() source.Dialect { return source.ANSI }
func (numbers) Close() error            { return nil }

func main() {
	dir, err := os.MkdirTemp("", "spool")
	check(err)
	defer os.RemoveAll(dir)
	check(push(context.Background(), dir))
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	check(err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		check(err)
		fmt.Print(string(b))
	}
}

// push sends one report to the spool, on demand.
func push(ctx context.Context, dir string) error {
	p, err := datapush.New(datapush.Config{
		Sources:  map[string]source.Source{"numbers": numbers{}},
		Channels: []channel.Channel{Spool{}},
	})
	if err != nil {
		return err
	}
	kiosk := channel.Destination{Name: "kiosk", Kind: Kind, Options: map[string]string{OptionDir: dir}}
	if err := p.SaveDestination(ctx, kiosk); err != nil {
		return err
	}
	id, err := p.Create(ctx, task.Spec{
		Name:         "Visitors",
		Source:       "numbers",
		SQL:          "SELECT visitors FROM today",
		Content:      render.Content{Title: "Visitors today", Blocks: render.Blocks(render.Markdown("**${visitors}** people came."))},
		Schedule:     schedule.Schedule{Cycle: schedule.Daily("18:00")},
		Destinations: []string{"kiosk"},
	})
	if err != nil {
		return err
	}
	r, err := p.Test(ctx, id, datapush.TestOptions{Push: true, At: time.Now()})
	if err == nil && r.State != task.Succeeded {
		err = errors.New(r.Error)
	}
	return err
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
