package channeltest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
)

// Harness is a channel with a vendor to send to, fresh for each rule. The
// vendor must not limit the rate, or by far more than a few hundred messages.
type Harness struct {
	Channel channel.Channel
	// To is a destination whose vendor takes messages. Plant secrets in its
	// address and Secrets that nothing else contains.
	To channel.Destination
	// Received is how many messages the vendor took so far.
	Received func() int

	// The others may be zero; what needs them is skipped then.

	// Refused is a destination that the vendor refuses for good, such as one with
	// a token that does not exist.
	Refused channel.Destination
	// Unreachable is a destination whose address nobody listens at.
	Unreachable channel.Destination
	// Called names everybody whom the messages so far really called.
	Called func() []string
	// Hang makes the vendor not answer the next request; what it returns waits
	// until that request has arrived.
	Hang func() (arrived func(context.Context) error)
}

// Harness is a harness for a channel that sends to this fake.
func (s *Server) Harness(c channel.Channel, to, refused channel.Destination) Harness {
	return Harness{
		Channel: c, To: to, Refused: refused,
		Received: func() int { return len(s.Messages()) },
		Called: func() []string {
			var all []string
			for _, m := range s.Messages() {
				all = append(all, m.Mentions...)
			}
			return all
		},
		Hang: func() func(context.Context) error {
			s.mu.Lock()
			n := s.arrived
			s.mu.Unlock()
			s.Inject(Hang())
			return func(ctx context.Context) error { return s.WaitCalls(ctx, n+1) }
		},
	}
}

// Rule is one sentence of the channel contract.
type Rule struct {
	// ID is stable, such as "C07".
	ID string
	// Text is the sentence.
	Text  string
	check func(*report, Harness)
}

// Check judges a harness by the rule, outside a test too. Skipped says why
// there was nothing to judge, if so.
func (r Rule) Check(h Harness) (failures []string, skipped string) {
	var rep report
	func() {
		defer func() {
			if p := recover(); p != nil && p != errStop {
				rep.failf("panic: %v", p)
			}
		}()
		r.check(&rep, h)
	}()
	return rep.failures, rep.skipped
}

// Test runs every rule against what open returns.
func Test(t *testing.T, open func(*testing.T) Harness) {
	for _, r := range Rules() {
		t.Run(r.ID+" "+r.Text, func(t *testing.T) {
			failures, skipped := r.Check(open(t))
			for _, f := range failures {
				t.Errorf("%s: %s\n%s", r.ID, r.Text, f)
			}
			if skipped != "" {
				t.Skip(skipped)
			}
		})
	}
}

var errStop = errors.New("stop")

// report collects what a rule found.
type report struct {
	failures []string
	skipped  string
}

func (r *report) failf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// stopf fails and ends the rule.
func (r *report) stopf(format string, args ...any) {
	r.failf(format, args...)
	panic(errStop)
}

func (r *report) skip(why string) {
	r.skipped = why
	panic(errStop)
}

// encode fails the rule when a message has no payloads.
func (r *report) encode(h Harness, m *channel.Message, to channel.Destination) []channel.Payload {
	ps, err := h.Channel.Encode(m, to)
	if err != nil {
		r.stopf("Encode: %v", err)
	}
	if len(ps) == 0 {
		r.stopf("Encode gives neither a payload nor an error")
	}
	return keyed(ps)
}

// keyed sets what the engine sets.
func keyed(ps []channel.Payload) []channel.Payload {
	for i := range ps {
		ps[i].Key = fmt.Sprintf("%064x", i+1)
		if ps[i].Part == 0 {
			ps[i].Part, ps[i].Parts = i+1, len(ps)
		}
	}
	return ps
}

// patience bounds what should happen at once.
const patience = 20 * time.Second

func ctx() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

func small() *channel.Message { return sample("table") }

func sample(name string) *channel.Message {
	for _, s := range Samples() {
		if s.Name == name {
			// A body for kinds that show nothing else.
			s.Message.Email = s.Message.Sections[0].Blocks
			return s.Message
		}
	}
	panic("no sample " + name)
}

// Rules are all rules, in order.
func Rules() []Rule {
	return []Rule{
		{"C01", "Kind is constant and not empty", ruleKind},
		{"C02", "Encode is pure: the same input gives the same payloads, and the message is left as it was", rulePure},
		{"C03", "Encode and Limits work for a destination without address and secrets, and Encode gives the same bytes", ruleNoAddress},
		{"C04", "every payload is within the limits, whatever the message", ruleLimits},
		{"C05", "a message that is not shown in one piece and whole has a warning", ruleWarnings},
		{"C06", "a message with nothing to show is ErrNoContent; a title is shown when the rest came out empty", ruleNoContent},
		{"C07", "a context that ended before sending is NotSent, and nothing is sent", ruleEnded},
		{"C08", "a context that ends while the vendor is silent gives no receipt, and Send returns", ruleCancelled},
		{"C09", "a receipt means that the vendor took exactly one message", ruleReceipt},
		{"C10", "a refusal is Rejected with the vendor's code, and nothing is taken", ruleRefused},
		{"C11", "an address that nobody listens at is NotSent", ruleUnreachable},
		{"C12", "no error holds a secret", ruleSecrets},
		{"C13", "all methods may be called at once", ruleConcurrent},
		{"C14", "Send leaves its arguments as they were and keeps none of them", ruleArguments},
		{"C15", "no text becomes a mention", ruleMentions},
		{"C16", "destinations with the same address share a budget, which reveals no secret", ruleBudget},
		{"C17", "Check takes a good destination and refuses one without address, without telling secrets", ruleCheck},
		{"C18", "Preview is drawn from every payload, runs nothing and loads nothing", rulePreview},
		{"C19", "Prepare leaves the message as it was", rulePrepare},
	}
}

func ruleKind(r *report, h Harness) {
	k := h.Channel.Kind()
	if k == "" {
		r.failf("Kind is empty")
	}
	if again := h.Channel.Kind(); again != k {
		r.failf("Kind is %q, then %q", k, again)
	}
}

func rulePure(r *report, h Harness) {
	fresh := Samples()
	for i, s := range Samples() {
		first, err1 := h.Channel.Encode(s.Message, h.To)
		second, err2 := h.Channel.Encode(s.Message, h.To)
		if diff := cmp.Diff(first, second); diff != "" || (err1 == nil) != (err2 == nil) {
			r.failf("%s: two calls differ (-first +second):\n%s", s.Name, diff)
		}
		if diff := cmp.Diff(fresh[i].Message, s.Message); diff != "" {
			r.failf("%s: the message changed (-before +after):\n%s", s.Name, diff)
		}
	}
}

func ruleNoAddress(r *report, h Harness) {
	none := h.To.Clone()
	none.URL, none.Secrets = channel.Secret{}, nil
	h.Channel.Limits(none)
	want, got := r.encode(h, small(), h.To), r.encode(h, small(), none)
	if diff := cmp.Diff(want, got); diff != "" {
		r.failf("payloads differ (-with address +without):\n%s", diff)
	}
}

// large makes messages beyond every limit: those that are named, or all.
func large(names ...string) map[string]*channel.Message {
	table := func(rows, columns int, text string) *channel.Table {
		t := &channel.Table{Columns: make([]channel.Column, columns), Cells: make([]channel.Cell, rows*columns)}
		for i := range t.Columns {
			t.Columns[i].Header = fmt.Sprintf("column %d", i)
		}
		for i := range t.Cells {
			t.Cells[i] = channel.Cell{Text: fmt.Sprintf("%s%d", text, i), Color: channel.ColorRed}
		}
		return t
	}
	msg := func(blocks ...channel.Block) *channel.Message {
		return &channel.Message{ID: "large", Title: "Large", Sections: []channel.Section{{Blocks: blocks}}, Email: blocks}
	}
	par := func(s string) channel.Block {
		return &channel.Paragraph{Inlines: []channel.Inline{channel.Text(s)}}
	}
	all := map[string]func() *channel.Message{
		"10,000 rows":             func() *channel.Message { return msg(table(10_000, 8, "value ")) },
		"50 columns":              func() *channel.Message { return msg(table(200, 50, "值|")) },
		"a cell of 200,000 bytes": func() *channel.Message { return msg(table(3, 2, strings.Repeat("<&\"*|\\", 33_000))) },
		"a text of 300,000 bytes": func() *channel.Message { return msg(par(strings.Repeat("several words ", 20_000))) },
		"one word":                func() *channel.Message { return msg(par(strings.Repeat("字", 50_000))) },
		"a megabyte of |":         func() *channel.Message { return msg(par(strings.Repeat("|", 1<<20))) },
		"code of many lines": func() *channel.Message {
			return msg(&channel.Code{Text: strings.Repeat("a line of ``` code\n", 5_000)})
		},
		"quotes within quotes": func() *channel.Message {
			b, in := par("the innermost"), channel.Inline(channel.Text("deep"))
			for range 2_000 {
				b, in = &channel.Quote{Blocks: []channel.Block{b}}, &channel.Emphasis{Inlines: []channel.Inline{in}}
			}
			return msg(b, &channel.Paragraph{Inlines: []channel.Inline{in}})
		},
		"lists within lists": func() *channel.Message {
			b := par("the innermost")
			for range 2_000 {
				b = &channel.List{Items: []channel.Item{{Blocks: []channel.Block{par("x"), b}}}}
			}
			return msg(b)
		},
		"several tables": func() *channel.Message {
			return msg(par("a"), table(500, 3, "x"), par("b"), table(500, 3, "y"), par("c"), table(500, 3, "z"), par("d"))
		},
		"a title of 210,000 bytes": func() *channel.Message {
			m := msg(par("x"))
			m.Title = strings.Repeat("标题*", 30_000)
			return m
		},
	}
	out := map[string]*channel.Message{}
	for name, make := range all {
		if len(names) == 0 || slices.Contains(names, name) {
			out[name] = make()
		}
	}
	return out
}

// random makes a message of any blocks in any order, some of them long.
func random(seed uint64) *channel.Message {
	r := rand.New(rand.NewPCG(seed, 0))
	text := func() string {
		s := hostileTexts[r.IntN(len(hostileTexts))]
		if r.IntN(4) == 0 {
			s = strings.Repeat(s+" ", r.IntN(200))
		}
		return s
	}
	var inlines func(depth int) []channel.Inline
	inlines = func(depth int) []channel.Inline {
		var in []channel.Inline
		for range 1 + r.IntN(4) {
			if depth == 0 {
				in = append(in, channel.Text(text()))
				continue
			}
			inner := inlines(depth - 1)
			in = append(in, []channel.Inline{
				channel.CodeSpan(text()), &channel.Strong{Inlines: inner}, &channel.Emphasis{Inlines: inner}, &channel.Strike{Inlines: inner},
				&channel.Link{URL: "https://a.example/" + text(), Inlines: inner}, &channel.Image{URL: "https://a.example/" + text(), Alt: text()},
				&channel.Mention{ID: "u1"}, &channel.Mention{Email: text()}, &channel.Break{},
			}[r.IntN(9)])
		}
		return in
	}
	table := func() *channel.Table {
		n := 1 + r.IntN(50)
		t := &channel.Table{Columns: make([]channel.Column, n)}
		for i := range t.Columns {
			t.Columns[i].Header = hostileTexts[r.IntN(len(hostileTexts))]
		}
		for range n * r.IntN(8) {
			t.Cells = append(t.Cells, channel.Cell{Text: hostileTexts[r.IntN(len(hostileTexts))], Color: channel.ColorGreen})
		}
		if len(t.Cells) > 0 {
			t.Cells[0].Text = text()
		}
		return t
	}
	var blocks func(depth int) []channel.Block
	block := func(depth int) channel.Block {
		switch r.IntN(5 + 2*depth) {
		case 0:
			return &channel.Heading{Level: 1 + r.IntN(6), Inlines: inlines(1)}
		case 1:
			return &channel.Code{Text: text() + "\n" + text()}
		case 2:
			return table()
		case 3:
			return &channel.Chart{Title: text(), Table: table()}
		case 4:
			return &channel.Paragraph{Inlines: inlines(2)}
		case 5:
			return &channel.Quote{Blocks: blocks(depth - 1)}
		default:
			return &channel.List{Start: r.IntN(2), Items: []channel.Item{{Blocks: blocks(depth - 1)}, {Blocks: blocks(depth - 1)}}}
		}
	}
	blocks = func(depth int) []channel.Block {
		var bs []channel.Block
		for range 1 + r.IntN(3) {
			bs = append(bs, block(depth))
		}
		return bs
	}
	m := &channel.Message{ID: "random", Title: text()}
	for range 1 + r.IntN(4) {
		bs := blocks(2)
		m.Sections = append(m.Sections, channel.Section{Blocks: bs})
		m.Email = append(m.Email, bs...)
	}
	return m
}

func ruleLimits(r *report, h Harness) {
	limit := h.Channel.Limits(h.To).Bytes
	judge := func(name string, m *channel.Message) {
		for _, fit := range []channel.Fit{channel.Split, channel.TopRows} {
			to := h.To.Clone()
			to.Fit = fit
			ps, err := h.Channel.Encode(m, to)
			if err != nil {
				if !errors.Is(err, channel.ErrNoContent) {
					r.failf("%s: %v", name, err)
				}
				continue
			}
			for i, p := range ps {
				if len(p.Body) == 0 || p.Type == "" {
					r.failf("%s: payload %d lacks a body or a type", name, i+1)
				}
				if limit > 0 && p.Size > limit {
					r.failf("%s: payload %d measures %d of %d", name, i+1, p.Size, limit)
				}
			}
			if slices.ContainsFunc(ps, func(p channel.Payload) bool { return p.Parts != ps[0].Parts }) {
				r.failf("%s: payloads disagree about the number of parts", name)
			}
		}
	}
	for _, s := range Samples() {
		judge(s.Name, s.Message)
	}
	for name, m := range large() {
		judge(name, m)
	}
	for seed := range uint64(12) {
		judge(fmt.Sprint("random message ", seed), random(seed))
	}
	if h.Called != nil {
		before := h.Received()
		c, cancel := ctx()
		defer cancel()
		for i, p := range r.encode(h, large("several tables")["several tables"], h.To) {
			if _, err := h.Channel.Send(c, h.To, p); err != nil {
				r.failf("the vendor refuses part %d of a large message: %v", i+1, err)
			}
		}
		if h.Received() == before {
			r.failf("no part of a large message was taken")
		}
	}
}

func ruleWarnings(r *report, h Harness) {
	for _, name := range []string{"10,000 rows", "a text of 300,000 bytes"} {
		ps := r.encode(h, large(name)[name], h.To)
		limit := h.Channel.Limits(h.To).Bytes
		if limit == 0 || limit > 1<<20 {
			r.skip("the limit is above what this rule tries")
		}
		found := false
		for _, p := range ps {
			for _, w := range p.Warnings {
				found = found || (w.Code == channel.WarnCut || w.Code == channel.WarnSplit) && w.Text != ""
			}
		}
		if !found {
			r.failf("%s: %d payloads and no warning about what was split or cut", name, len(ps))
		}
	}
}

func ruleNoContent(r *report, h Harness) {
	empty := []channel.Section{{}}
	ps, err := h.Channel.Encode(&channel.Message{ID: "empty", Title: "Only a title"}, h.To)
	if !errors.Is(err, channel.ErrNoContent) {
		r.failf("a title alone gives %d payloads and error %v", len(ps), err)
	}
	ps, err = h.Channel.Encode(&channel.Message{ID: "empty", Sections: empty}, h.To)
	if !errors.Is(err, channel.ErrNoContent) {
		r.failf("an empty section gives %d payloads and error %v", len(ps), err)
	}
	m := &channel.Message{ID: "empty", Title: "Only a title", Sections: empty}
	c, cancel := ctx()
	defer cancel()
	for i, p := range r.encode(h, m, h.To) {
		if _, err := h.Channel.Send(c, h.To, p); err != nil {
			r.failf("part %d of a title with an empty section is refused: %v", i+1, err)
		}
	}
}

// unset reports whether a harness left a destination out.
func unset(d channel.Destination) bool {
	return d.Name == "" && d.URL.IsZero() && len(d.Options) == 0
}

// asError finds the typed error that Send owes.
func asError(r *report, err error) *channel.Error {
	var e *channel.Error
	if !errors.As(err, &e) {
		r.stopf("the error is no *channel.Error: %v", err)
	}
	return e
}

func ruleEnded(r *report, h Harness) {
	p := r.encode(h, small(), h.To)[0]
	before := h.Received()
	c, cancel := context.WithCancel(context.Background())
	cancel()
	rec, err := h.Channel.Send(c, h.To, p)
	if err == nil {
		r.stopf("a receipt on an ended context: %+v", rec)
	}
	if e := asError(r, err); e.Outcome != channel.NotSent {
		r.failf("the outcome is %v: %v", e.Outcome, err)
	}
	if n := h.Received() - before; n != 0 {
		r.failf("the vendor took %d messages", n)
	}
}

func ruleCancelled(r *report, h Harness) {
	if h.Hang == nil {
		r.skip("the harness has no Hang")
	}
	p := r.encode(h, small(), h.To)[0]
	arrived := h.Hang()
	c, cancel := context.WithCancel(context.Background())
	defer cancel()
	type result struct {
		rec channel.Receipt
		err error
	}
	done := make(chan result, 1)
	go func() {
		rec, err := h.Channel.Send(c, h.To, p)
		done <- result{rec, err}
	}()
	wait, stop := ctx()
	defer stop()
	if err := arrived(wait); err != nil {
		r.stopf("no request arrived: %v", err)
	}
	cancel()
	select {
	case res := <-done:
		if res.err == nil {
			r.stopf("a receipt although the vendor was silent: %+v", res.rec)
		}
		asError(r, res.err)
	case <-wait.Done():
		r.failf("Send does not return")
	}
}

func ruleReceipt(r *report, h Harness) {
	c, cancel := ctx()
	defer cancel()
	for _, s := range Samples() {
		s.Message.Email = s.Message.Sections[0].Blocks
		ps, err := h.Channel.Encode(s.Message, h.To)
		if err != nil {
			continue // C06 and C04 judge that
		}
		for i, p := range keyed(ps) {
			// Each message has a key of its own, or the vendor drops it.
			p.Key = s.Name + p.Key
			before := h.Received()
			_, err := h.Channel.Send(c, h.To, p)
			if err != nil {
				asError(r, err)
			}
			if took := h.Received() - before; (err == nil) != (took == 1) || took > 1 {
				r.failf("%s, part %d: the vendor took %d messages, error %v", s.Name, i+1, took, err)
			} else if err != nil {
				r.failf("%s, part %d: %v", s.Name, i+1, err)
			}
		}
	}
}

func ruleRefused(r *report, h Harness) {
	if unset(h.Refused) {
		r.skip("the harness has no Refused")
	}
	c, cancel := ctx()
	defer cancel()
	p := r.encode(h, small(), h.Refused)[0]
	before := h.Received()
	rec, err := h.Channel.Send(c, h.Refused, p)
	if err == nil {
		r.stopf("a receipt from a vendor that refuses: %+v", rec)
	}
	e := asError(r, err)
	if e.Outcome != channel.Rejected {
		r.failf("the outcome is %v: %v", e.Outcome, err)
	}
	if e.Code == "" {
		r.failf("the vendor's code is missing: %v", err)
	}
	if n := h.Received() - before; n != 0 {
		r.failf("the vendor took %d messages", n)
	}
}

func ruleUnreachable(r *report, h Harness) {
	if unset(h.Unreachable) {
		r.skip("the harness has no Unreachable")
	}
	c, cancel := ctx()
	defer cancel()
	p := r.encode(h, small(), h.Unreachable)[0]
	_, err := h.Channel.Send(c, h.Unreachable, p)
	if err == nil {
		r.stopf("a receipt from nobody")
	}
	if e := asError(r, err); e.Outcome != channel.NotSent {
		r.failf("the outcome is %v: %v", e.Outcome, err)
	}
}

// secrets are the texts of a destination that nothing may show: its address,
// the address's telling parts, and its secrets.
func secrets(d channel.Destination) []string {
	var out []string
	if u := d.URL.Reveal(); u != "" {
		out = append(out, u)
		if p, err := url.Parse(u); err == nil {
			for _, values := range p.Query() {
				out = append(out, values...)
			}
			for seg := range strings.SplitSeq(p.Path, "/") {
				if strings.ContainsAny(seg, "0123456789") {
					out = append(out, seg)
				}
			}
		}
	}
	for _, s := range d.Secrets {
		out = append(out, s.Reveal())
	}
	return slices.DeleteFunc(out, func(s string) bool { return len(s) < 6 })
}

// tells names a secret that a text holds, by its first two characters.
func tells(text string, secret []string) string {
	for _, s := range secret {
		if strings.Contains(text, s) {
			return fmt.Sprintf("%q…", s[:2])
		}
	}
	return ""
}

func ruleSecrets(r *report, h Harness) {
	judge := func(what string, err error, of ...channel.Destination) {
		for _, d := range of {
			for link := err; link != nil; link = errors.Unwrap(link) {
				for _, text := range []string{link.Error(), fmt.Sprintf("%v %+v %#v", link, link, link)} {
					if s := tells(text, secrets(d)); s != "" {
						r.failf("%s: a secret that begins with %s is in an error", what, s)
						return
					}
				}
			}
		}
	}
	p := r.encode(h, small(), h.To)[0]
	c, cancel := ctx()
	defer cancel()
	ended, end := context.WithCancel(c)
	end()
	_, err := h.Channel.Send(ended, h.To, p)
	judge("ended context", err, h.To)
	for what, to := range map[string]channel.Destination{"refused": h.Refused, "unreachable": h.Unreachable} {
		if !unset(to) {
			_, err := h.Channel.Send(c, to, p)
			judge(what, err, to)
		}
	}
	if u := h.To.URL.Reveal(); u != "" {
		for what, bad := range map[string]string{
			"another scheme":      strings.Replace(u, "http", "ftp", 1),
			"no host":             regexp.MustCompile(`//[^/]+`).ReplaceAllString(u, "//"),
			"a bad escape":        strings.Replace(u, "://", "://%zz", 1),
			"a bad port":          regexp.MustCompile(`:\d+/`).ReplaceAllString(u, ":port/"),
			"a control character": u + "\x7f",
		} {
			to := h.To.Clone()
			to.URL = channel.NewSecret(bad)
			_, err := h.Channel.Send(c, to, p)
			judge(what, err, h.To, to)
			if k, ok := channel.As[channel.Checker](h.Channel); ok {
				judge("Check of "+what, k.Check(to), h.To, to)
			}
		}
	}
	if h.Hang != nil {
		hang, cancel := context.WithCancel(c)
		arrived := h.Hang()
		done := make(chan error, 1)
		go func() {
			_, err := h.Channel.Send(hang, h.To, p)
			done <- err
		}()
		if err := arrived(c); err != nil {
			r.stopf("no request arrived: %v", err)
		}
		cancel()
		judge("cancelled", <-done, h.To)
	}
}

func ruleConcurrent(r *report, h Harness) {
	const workers = 8
	m := small()
	want := r.encode(h, m, h.To)
	before := h.Received()
	c, cancel := ctx()
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	sent := 0
	for w := range workers {
		wg.Go(func() {
			ps, err := h.Channel.Encode(m, h.To)
			h.Channel.Limits(h.To)
			h.Channel.Kind()
			ps = keyed(ps)
			diff := cmp.Diff(want, ps)
			mu.Lock()
			if err != nil || diff != "" {
				r.failf("Encode differs from a call by itself: %v (-want +got):\n%s", err, diff)
			}
			mu.Unlock()
			for _, p := range ps {
				p.Key = fmt.Sprintf("%d-%s", w, p.Key)
				_, err := h.Channel.Send(c, h.To, p)
				mu.Lock()
				if err != nil {
					r.failf("Send: %v", err)
				} else {
					sent++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if got := h.Received() - before; got != sent {
		r.failf("%d receipts, but the vendor took %d messages", sent, got)
	}
}

func ruleArguments(r *report, h Harness) {
	p := r.encode(h, small(), h.To)[0]
	body := slices.Clone(p.Body)
	to := h.To.Clone()
	c, cancel := ctx()
	defer cancel()
	if _, err := h.Channel.Send(c, to, p); err != nil {
		r.stopf("Send: %v", err)
	}
	if diff := cmp.Diff(body, p.Body); diff != "" {
		r.failf("the body changed (-before +after):\n%s", diff)
	}
	if !slices.EqualFunc(to.Mentions, h.To.Mentions, func(a, b channel.Mention) bool { return a == b }) ||
		!cmp.Equal(to.Options, h.To.Options) || to.URL != h.To.URL || len(to.Secrets) != len(h.To.Secrets) {
		r.failf("the destination changed")
	}
	clear(p.Body) // the race detector sees who still reads
	again := r.encode(h, small(), h.To)[0]
	if diff := cmp.Diff(body, again.Body); diff != "" {
		r.failf("a payload's body is shared between calls (-want +got):\n%s", diff)
	}
}

func ruleMentions(r *report, h Harness) {
	if h.Called == nil {
		r.skip("the harness has no Called")
	}
	before := len(h.Called())
	c, cancel := ctx()
	defer cancel()
	to := h.To.Clone()
	to.Mentions = nil
	for _, name := range []string{"hostile-text", "hostile-table"} {
		m := sample(name)
		m.Title = "<@all> <at id=all></at> @all"
		for _, p := range r.encode(h, m, to) {
			p.Key = name + p.Key
			if _, err := h.Channel.Send(c, to, p); err != nil {
				r.failf("%s: %v", name, err)
			}
		}
		if got := h.Called()[before:]; len(got) > 0 {
			r.failf("%s called %q", name, got)
		}
	}
}

func ruleBudget(r *report, h Harness) {
	l := h.Channel.Limits(h.To)
	if s := tells(l.Budget, secrets(h.To)); s != "" {
		r.failf("the budget holds a secret that begins with %s", s)
	}
	other := h.To.Clone()
	other.Name += " by another name"
	other.Mentions, other.Fit = nil, channel.TopRows
	if got := h.Channel.Limits(other).Budget; got != l.Budget {
		r.failf("the same address has two budgets: %q and %q", l.Budget, got)
	}
	for _, rate := range l.Rates {
		if rate.N <= 0 || rate.Per <= 0 {
			r.failf("a rate allows nothing: %+v", rate)
		}
	}
}

func ruleCheck(r *report, h Harness) {
	k, ok := channel.As[channel.Checker](h.Channel)
	if !ok {
		r.skip("the channel is no Checker")
	}
	if err := k.Check(h.To); err != nil {
		r.failf("a good destination: %v", err)
	}
	if err := k.Check(h.To.Redact()); err != nil {
		r.failf("a good destination, redacted: %v", err)
	}
	if !h.To.URL.IsZero() {
		none := h.To.Clone()
		none.URL = channel.Secret{}
		err := k.Check(none)
		if err == nil {
			r.stopf("a destination without address is taken")
		}
		if s := tells(err.Error(), secrets(h.To)); s != "" {
			r.failf("the error holds a secret that begins with %s", s)
		}
	}
}

// unsafeHTML matches what runs or loads something, outside texts.
var unsafeHTML = regexp.MustCompile(`(?i)<(script|iframe|object|embed|link|base|form)\b|<[^>]*\son[a-z]+\s*=|<[^>]*\b(href|src)\s*=\s*["']?\s*javascript:|<[^>]*\bsrc\s*=\s*["']?\s*(https?:)?//|url\(`)

func rulePreview(r *report, h Harness) {
	v, ok := channel.As[channel.Previewer](h.Channel)
	if !ok {
		r.skip("the channel is no Previewer")
	}
	for _, s := range Samples() {
		s.Message.Email = s.Message.Sections[0].Blocks
		ps, err := h.Channel.Encode(s.Message, h.To)
		if err != nil {
			continue
		}
		for i, p := range ps {
			html, err := v.Preview(p)
			switch {
			case err != nil:
				r.failf("%s, part %d: %v", s.Name, i+1, err)
			case html == "":
				r.failf("%s, part %d: nothing is drawn", s.Name, i+1)
			case unsafeHTML.MatchString(html):
				r.failf("%s, part %d: %q is in the drawing", s.Name, i+1, unsafeHTML.FindString(html))
			case tells(html, secrets(h.To)) != "":
				r.failf("%s, part %d: a secret is in the drawing", s.Name, i+1)
			}
		}
	}
	if _, err := v.Preview(channel.Payload{Type: "nothing", Body: []byte("\x00{")}); err == nil {
		r.failf("a payload that is none is drawn without an error")
	}
}

func rulePrepare(r *report, h Harness) {
	p, ok := channel.As[channel.Preparer](h.Channel)
	if !ok {
		r.skip("the channel is no Preparer")
	}
	c, cancel := ctx()
	defer cancel()
	fresh := Samples()
	for i, s := range Samples() {
		out, err := p.Prepare(c, s.Message, h.To)
		if err == nil && out == nil {
			r.failf("%s: Prepare gives neither a message nor an error", s.Name)
		}
		if diff := cmp.Diff(fresh[i].Message, s.Message); diff != "" {
			r.failf("%s: the message changed (-before +after):\n%s", s.Name, diff)
		}
	}
}
