package channeltest_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
)

// vendor is a service in memory that takes text and calls people named <@so>.
type vendor struct {
	mu     sync.Mutex
	taken  int
	called []string
	hang   chan struct{} // closed when the request that hangs has arrived
}

var calls = regexp.MustCompile(`<@(\w+)>`)

func (v *vendor) take(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taken++
	for _, m := range calls.FindAllStringSubmatch(text, -1) {
		v.called = append(v.called, m[1])
	}
}

// double is a channel that keeps every rule except the one that is broken.
type double struct {
	v      *vendor
	broken string
	mu     sync.Mutex
	n      int
}

const limit = 10_000

func (d *double) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	return d.n
}

func (d *double) Kind() channel.Kind {
	if d.broken == "C01" {
		return channel.Kind(fmt.Sprint("double", d.count()))
	}
	return "double"
}

func (d *double) Limits(to channel.Destination) channel.Limits {
	l := channel.Limits{Bytes: limit, Budget: fmt.Sprint(len(to.URL.Reveal()))}
	if d.broken == "C16" {
		l.Budget = to.URL.Reveal()
	}
	return l
}

func (d *double) Encode(m *channel.Message, to channel.Destination) ([]channel.Payload, error) {
	text := flat(m)
	if text == "" && d.broken != "C06" && (m.Title == "" || len(m.Sections) == 0) {
		return nil, fmt.Errorf("double: encode: %w", channel.ErrNoContent)
	}
	if d.broken != "C15" {
		text = strings.ReplaceAll(text, "<@", "< @")
	}
	if d.broken == "C02" && strings.Contains(text, "🙂") {
		text += fmt.Sprint(d.count())
	}
	if d.broken == "C03" && to.URL.IsZero() {
		text += " (preview)"
	}
	title := m.Title
	if d.broken != "C04" {
		title = title[:min(len(title), 100)]
	}
	title = strings.ReplaceAll(title, "<@", "< @")
	p := channel.Payload{Type: "text"}
	if len(text) > limit-200 {
		text = text[:limit-200]
		if d.broken != "C05" {
			p.Warnings = []channel.Warning{{Code: channel.WarnCut, Text: "the end is not sent"}}
		}
	}
	p.Body = []byte(title + "\n" + text)
	p.Size = len(p.Body)
	return []channel.Payload{p}, nil
}

func (d *double) Send(ctx context.Context, to channel.Destination, p channel.Payload) (channel.Receipt, error) {
	fail := func(o channel.Outcome, code, text string) (channel.Receipt, error) {
		return channel.Receipt{}, &channel.Error{Op: "double: send", Outcome: o, Code: code, Err: errors.New(text)}
	}
	if ctx.Err() != nil && d.broken != "C07" {
		return fail(channel.NotSent, "", "nothing was sent")
	}
	url := to.URL.Reveal()
	switch {
	case strings.Contains(url, "refused"):
		if d.broken == "C10" {
			return fail(channel.NotSent, "404", "no such robot")
		}
		if d.broken == "C12" {
			return fail(channel.Rejected, "404", "no such robot at "+url)
		}
		return fail(channel.Rejected, "404", "no such robot")
	case strings.Contains(url, "nobody"):
		if d.broken == "C11" {
			return fail(channel.Unknown, "", "no answer")
		}
		return fail(channel.NotSent, "", "nobody listens")
	case !strings.HasPrefix(url, "http://vendor.example/"):
		return fail(channel.Rejected, "", "the address is wrong")
	}
	d.v.mu.Lock()
	hang := d.v.hang
	d.v.hang = nil
	d.v.mu.Unlock()
	if hang != nil {
		close(hang)
		<-ctx.Done()
		if d.broken == "C08" {
			return channel.Receipt{}, nil
		}
		return fail(channel.Unknown, "", "no answer")
	}
	if d.broken == "C14" {
		defer func() { p.Body[0]++ }()
	}
	if d.broken == "C09" && strings.Contains(string(p.Body), "Look!") || d.broken == "C13" && strings.HasPrefix(p.Key, "7-") {
		return channel.Receipt{Delivered: true}, nil // and never taken
	}
	d.v.take(string(p.Body))
	return channel.Receipt{Delivered: true}, nil
}

func (d *double) Check(to channel.Destination) error {
	if to.URL.IsZero() && d.broken != "C17" {
		return errors.New("double: url: is missing")
	}
	return nil
}

func (d *double) Preview(p channel.Payload) (string, error) {
	if p.Type != "text" {
		return "", errors.New("double: preview: no such type")
	}
	if d.broken == "C18" {
		return string(p.Body), nil
	}
	return "<pre>" + html.EscapeString(string(p.Body)) + "</pre>", nil
}

func (d *double) Prepare(_ context.Context, m *channel.Message, _ channel.Destination) (*channel.Message, error) {
	if d.broken == "C19" {
		m.Title += "!"
	}
	return m, nil
}

// flat is a message's text without form.
func flat(m *channel.Message) string {
	var b strings.Builder
	var blocks func([]channel.Block)
	var inlines func([]channel.Inline)
	inlines = func(in []channel.Inline) {
		for _, i := range in {
			switch i := i.(type) {
			case channel.Text:
				b.WriteString(string(i))
			case channel.CodeSpan:
				b.WriteString(string(i))
			case *channel.Strong:
				inlines(i.Inlines)
			case *channel.Link:
				inlines(i.Inlines)
			case *channel.Mention:
				b.WriteString(i.Label())
			case *channel.Image:
				b.WriteString(i.Alt)
			}
		}
	}
	blocks = func(bs []channel.Block) {
		for _, k := range bs {
			switch k := k.(type) {
			case *channel.Heading:
				inlines(k.Inlines)
			case *channel.Paragraph:
				inlines(k.Inlines)
			case *channel.Code:
				b.WriteString(k.Text)
			case *channel.Quote:
				blocks(k.Blocks)
			case *channel.List:
				for _, it := range k.Items {
					blocks(it.Blocks)
				}
			case *channel.Image:
				b.WriteString(k.Alt)
			case *channel.Chart:
				b.WriteString(k.Title)
			case *channel.Table:
				for _, c := range k.Columns {
					b.WriteString(c.Header)
				}
				for i, c := range k.Cells {
					b.WriteString(k.Columns[i%len(k.Columns)].Show(c))
				}
			}
			b.WriteByte('\n')
		}
	}
	for _, s := range m.Sections {
		blocks(s.Blocks)
	}
	return strings.TrimSpace(b.String())
}

func harness(broken string) channeltest.Harness {
	v := &vendor{}
	return channeltest.Harness{
		Channel:     &double{v: v, broken: broken},
		To:          channel.Webhook("good", "double", "http://vendor.example/hook/c4n4ry-of-good"),
		Refused:     channel.Webhook("refused", "double", "http://vendor.example/hook/c4n4ry-refused"),
		Unreachable: channel.Webhook("nobody", "double", "http://nobody.example/hook/c4n4ry-nobody"),
		Received: func() int {
			v.mu.Lock()
			defer v.mu.Unlock()
			return v.taken
		},
		Called: func() []string {
			v.mu.Lock()
			defer v.mu.Unlock()
			return v.called
		},
		Hang: func() func(context.Context) error {
			v.mu.Lock()
			defer v.mu.Unlock()
			c := make(chan struct{})
			v.hang = c
			return func(ctx context.Context) error {
				select {
				case <-c:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		},
	}
}

func TestADoubleThatKeepsEveryRulePasses(t *testing.T) {
	channeltest.Test(t, func(*testing.T) channeltest.Harness { return harness("") })
}

func TestADoubleThatBreaksOneRuleFailsOnlyThatRule(t *testing.T) {
	for _, broken := range channeltest.Rules() {
		t.Run(broken.ID+" "+broken.Text, func(t *testing.T) {
			t.Parallel()
			var failed []string
			for _, r := range channeltest.Rules() {
				failures, skipped := r.Check(harness(broken.ID))
				if len(failures) > 0 {
					failed = append(failed, r.ID)
				}
				if skipped != "" {
					t.Errorf("%s was skipped: %s", r.ID, skipped)
				}
			}
			if diff := cmp.Diff([]string{broken.ID}, failed); diff != "" {
				t.Errorf("rules that failed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPoorHarnessIsSkippedNotFailed(t *testing.T) {
	h := harness("")
	h.Refused, h.Unreachable, h.Called, h.Hang = channel.Destination{}, channel.Destination{}, nil, nil
	for _, r := range channeltest.Rules() {
		if failures, _ := r.Check(h); len(failures) > 0 {
			t.Errorf("%s: %v", r.ID, failures)
		}
	}
}
