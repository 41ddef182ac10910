package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
)

// partKey identifies one part over all attempts.
func partKey(run, destination string, part int) string {
	var room [128]byte
	b := append(append(room[:0], run...), 0)
	b = append(append(b, destination...), 0)
	sum := sha256.Sum256(strconv.AppendInt(b, int64(part), 10))
	return hex.EncodeToString(sum[:16])
}

// send is the second stage: every delivery that has not ended goes on at the
// same time as the others, its parts in order.
func (x *execution) send(ctx context.Context, ds []task.Delivery) error {
	errs := make([]error, len(ds))
	var open []int
	for i := range ds {
		if !ds[i].State.Ended() {
			open = append(open, i)
		}
	}
	var last []task.Delivery // what the release at the end has to store
	if len(open) == 1 {
		i := open[0]
		x.sole, last = true, ds[i:i+1]
		errs[i] = x.deliver(ctx, &ds[i])
		if x.unsaved != nil {
			last = x.unsaved
		}
	} else {
		if x.unsaved != nil {
			if err := x.saveRun(); err != nil {
				return err
			}
		}
		var wg sync.WaitGroup
		for _, i := range open {
			wg.Add(1)
			go func() {
				defer wg.Done()
				errs[i] = x.deliver(ctx, &ds[i])
			}()
		}
		wg.Wait()
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}

	var bad []string
	var resume time.Time
	var waiting string
	for _, d := range ds {
		if !d.State.Ended() {
			if waiting == "" || d.Resume.Before(resume) {
				resume, waiting = d.Resume, fmt.Sprintf("destination %q: %s", d.Destination, d.Waiting)
			}
			continue
		}
		if d.State != task.Delivered {
			bad = append(bad, fmt.Sprintf("destination %q: %s", d.Destination, d.Error))
		}
	}
	switch {
	case errors.Is(context.Cause(ctx), errDeadline):
		if waiting != "" {
			return x.timedOut(ds)
		}
	case waiting != "":
		if now := x.e.Clock.Now(); resume.Before(now) {
			resume = now
		}
		// A run never sleeps past its deadline.
		if resume.After(x.run.Deadline) {
			resume = x.run.Deadline
		}
		return x.wait(resume, waiting, last...)
	}
	if bad != nil {
		x.run.Error = strings.Join(bad, "; ")
		return x.finish(task.Failed, last...)
	}
	return x.finish(task.Succeeded, last...)
}

// saveRun stores a run that is rendered with all its deliveries.
func (x *execution) saveRun() error {
	err := x.e.Store.SaveRun(x.store, x.lease, x.run, x.unsaved...)
	if err == nil {
		x.unsaved = nil
	}
	return err
}

// save stores a delivery; a sole one's first time with the run.
func (x *execution) save(d *task.Delivery) error {
	if x.unsaved != nil {
		return x.saveRun()
	}
	return x.e.Store.SaveDelivery(x.store, x.lease, *d)
}

// rest stores a delivery that goes no further for now. That of a sole open
// delivery is left to the release, which follows at once.
func (x *execution) rest(d *task.Delivery) error {
	if x.sole {
		return nil
	}
	return x.save(d)
}

// end is rest for a delivery that has ended.
func (x *execution) end(d *task.Delivery, s task.DeliveryState, text string) error {
	d.State, d.Error, d.Resume, d.Waiting = s, text, time.Time{}, ""
	return x.rest(d)
}

// deliver sends the parts of one delivery as far as it can go now and stores
// each step. An error is store trouble or a lost lease.
func (x *execution) deliver(ctx context.Context, d *task.Delivery) error {
	e := x.e
	to, err := e.Store.Destination(x.store, d.Destination)
	if errors.Is(err, task.ErrNotFound) {
		return x.end(d, task.Undelivered, errGone.Error())
	}
	if err != nil {
		return err
	}
	ch := e.Channels[d.Kind]
	if to.Kind != d.Kind {
		return x.end(d, task.Undelivered, fmt.Sprintf("the destination has become one of kind %q; this was made for %q", to.Kind, d.Kind))
	}
	if ch == nil {
		return x.end(d, task.Undelivered, fmt.Sprintf("no channel serves kind %q", d.Kind))
	}
	limits := ch.Limits(to)
	budget := budgetKey{kind: d.Kind, name: limits.Budget}
	if limits.Budget == "" {
		budget.destination = d.Destination
	}
	holder := holder{d.Run, d.Destination}

	for i := range d.Parts {
		p := &d.Parts[i]
		if p.Receipt != nil {
			continue
		}
		if p.Sending {
			// Another process ended between the send and its answer.
			p.Sending, p.Outcome = false, channel.Unknown.String()
			p.Error = "a process ended between sending and storing the answer"
			if ended, err := x.unknown(d, p, to); ended || err != nil {
				return err
			}
		}
		now := e.Clock.Now()
		if ctx.Err() != nil {
			e.budgets.leave(budget, holder)
			d.Resume, d.Waiting = now, "the process was stopped"
			return x.rest(d)
		}
		if d.Resume.After(now) {
			return nil
		}
		if at := e.budgets.take(budget, holder, limits.Rates, now); at.After(now) {
			d.Resume, d.Waiting = at, "its turn within the vendor's rate"
			if at.After(x.run.Deadline) {
				e.budgets.leave(budget, holder)
			}
			return x.rest(d)
		}
		p.MayRepeat = p.MayRepeat || p.Outcome == channel.Unknown.String()
		p.Sending = true
		p.Attempts++
		if err := x.save(d); err != nil {
			return err
		}
		receipt, err := x.attempt(ctx, ch, to, *p)
		ended := e.Clock.Now()
		e.budgets.done(budget, limits.Rates, now, ended)
		p.Sending, p.SentAt = false, ended
		if err == nil {
			p.Receipt, p.Body = &receipt, nil
			p.Outcome, p.Code, p.Error = "", "", ""
			d.Code, d.Error, d.Resume, d.Waiting = "", "", time.Time{}, ""
			if i == len(d.Parts)-1 {
				break
			}
			if err := x.save(d); err != nil {
				return err
			}
			continue
		}

		var ce *channel.Error
		if !errors.As(err, &ce) {
			ce = &channel.Error{Err: err}
		}
		text := mask(err.Error(), to)
		p.Outcome, p.Code, p.Error = ce.Outcome.String(), ce.Code, text
		d.Code, d.Error = ce.Code, text
		e.Logger.WarnContext(ctx, "send failed", "run", d.Run, "destination", d.Destination, "part", p.Number,
			"outcome", p.Outcome, "code", p.Code, "attempt", p.Attempts, "error", text)
		if ce.After > 0 {
			e.budgets.shut(budget, limits.Rates, ended.Add(ce.After), ended)
		}
		switch ce.Outcome {
		case channel.Rejected:
			return x.end(d, task.Undelivered, d.Error)
		case channel.NotSent:
			if ctx.Err() == nil && x.run.Trigger == task.Tested && p.Attempts >= testMost {
				return x.end(d, task.Undelivered, fmt.Sprintf("given up after %d attempts: %s", p.Attempts, d.Error))
			}
		default:
			if ended, err := x.unknown(d, p, to); ended || err != nil {
				return err
			}
		}
		d.Resume, d.Waiting = ended.Add(max(ce.After, backoff(p.Attempts, p.Key))), "another attempt"
		if ctx.Err() != nil {
			d.Resume = ended // cut off by this process's end or the deadline, not by the vendor
		}
		return x.rest(d)
	}
	return x.end(d, task.Delivered, "")
}

// unknown decides about a part that may have arrived; true ends the delivery.
func (x *execution) unknown(d *task.Delivery, p *task.Part, to channel.Destination) (bool, error) {
	switch {
	case to.OnUnknown == channel.Hold:
		return true, x.end(d, task.Unclear, fmt.Sprintf("part %d may have arrived, and the destination holds such parts: %s", p.Number, p.Error))
	case p.Attempts > unknownMost:
		return true, x.end(d, task.Unclear, fmt.Sprintf("part %d may have arrived; no answer to %d attempts was clear: %s", p.Number, p.Attempts, p.Error))
	}
	return false, nil
}

// attempt calls the channel. A panic may have come after the bytes left, so its
// outcome is unknown.
func (x *execution) attempt(ctx context.Context, ch channel.Channel, to channel.Destination, p task.Part) (receipt channel.Receipt, err error) {
	err = guard("the channel", func() (err error) {
		receipt, err = ch.Send(ctx, to, channel.Payload{
			Key: p.Key, Part: p.Number, Parts: p.Of, Type: p.Type, Body: p.Body, Size: p.Size,
		})
		return err
	})
	return receipt, err
}

// mask takes a destination's secrets out of an error text. Our own channels
// never put them in; a host's channel may wrap an error that does.
func mask(text string, to channel.Destination) string {
	hide := func(s channel.Secret) {
		// A very short secret would mask parts of words.
		if v := s.Reveal(); len(v) >= 4 {
			text = strings.ReplaceAll(text, v, channel.Redacted)
		}
	}
	hide(to.URL)
	for _, s := range to.Secrets {
		hide(s)
	}
	return text
}
