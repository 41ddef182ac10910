package storetest

import (
	"time"

	"github.com/datapush-go/datapush/task"
)

func dueRules() []Rule {
	return []Rule{
		{"U01", "a task is due from its next time on, with that time and the published version", func(p *probe) {
			p.live("t1", clock(5))
			p.publish("t1", p.submit("t1", plainSpec("t1")), clock(5), clock(6))
			if names, _ := p.due(clock(6).Add(-time.Second), 10); names != nil {
				p.errorf("%v is due a second early", names)
			}
			for _, now := range []time.Time{clock(6), clock(8)} {
				due, _, err := p.s.Due(p.ctx, now, 10)
				p.ok("Due", err)
				p.same("Due", []task.Due{{Task: "t1", From: clock(6), Version: 2, At: clock(6)}}, due)
			}
		}},
		{"U02", "a run that waits is due from its Resume on, with its occurrence", func(p *probe) {
			p.create("t1")
			r := byHand("t1", "r1", clock(0))
			r.State, r.Resume = task.Waiting, clock(5)
			p.add(r)
			if names, _ := p.due(clock(5).Add(-time.Second), 10); names != nil {
				p.errorf("%v is due a second early", names)
			}
			due, _, err := p.s.Due(p.ctx, clock(5), 10)
			p.ok("Due", err)
			p.same("Due", []task.Due{{Task: "t1", Run: "r1", Occurrence: r.Occurrence, At: clock(5)}}, due)
		}},
		{"U03", "a planned run without a time to resume is due at once", func(p *probe) {
			p.create("t1")
			p.add(byHand("t1", "r1", clock(50)))
			names, _ := p.due(clock(0), 10)
			p.same("what is due", []string{"r1"}, names)
		}},
		{"U04", "tasks come before runs, and among each the earliest first", func(p *probe) {
			for id, next := range map[string]int{"t1": 9, "t2": 8, "t3": 7} {
				p.live(id, clock(next))
			}
			for id, resume := range map[string]int{"r1": 3, "r2": 2, "r3": 1} {
				r := byHand("t1", id, clock(0))
				r.State, r.Resume = task.Waiting, clock(resume)
				p.add(r)
			}
			names, _ := p.due(clock(10), 10)
			p.same("what is due", []string{"t3", "t2", "t1", "r3", "r2", "r1"}, names)
		}},
		{"U05", "limit cuts what is due after the first, and next is then not after now", func(p *probe) {
			for id, next := range map[string]int{"t1": 3, "t2": 2, "t3": 1} {
				p.live(id, clock(next))
			}
			p.add(byHand("t1", "r1", clock(0)))
			for limit, want := range map[int][]string{1: {"t3"}, 2: {"t3", "t2"}, 3: {"t3", "t2", "t1"}} {
				now := clock(5 + limit)
				names, next := p.due(now, limit)
				p.same("what is due", set(want), set(names))
				if next.IsZero() || next.After(now) {
					p.errorf("with limit %d, next is %v, which hides what was cut", limit, next)
				}
			}
		}},
		{"U06", "next is the earliest time at which there is more", func(p *probe) {
			p.create("t0")
			r := byHand("t0", "r1", clock(0))
			r.State, r.Resume = task.Waiting, clock(7)
			p.add(r)
			p.live("t1", clock(5))
			p.live("t2", clock(9))
			for _, c := range []struct{ now, next int }{{1, 5}, {5, 7}, {8, 9}} {
				_, next := p.due(clock(c.now), 10)
				p.same("next", clock(c.next), next)
			}
			if _, next := p.due(clock(9), 10); !next.IsZero() {
				p.errorf("next is %v though everything is due", next)
			}
		}},
		{"U07", "a leased run is due when its lease has expired, not before", func(p *probe) {
			p.create("t1")
			p.add(byHand("t1", "r1", clock(0)))
			l := p.claim("r1", clock(1))
			names, next := p.due(clock(2), 10)
			p.same("what is due", []string(nil), names)
			if p.h.Lapse == nil {
				p.same("next", clock(1).Add(ttl), next)
			}
			names, _ = p.due(p.lapse(l), 10)
			p.same("what is due once the lease has expired", []string{"r1"}, names)
		}},
		{"U08", "a run that has ended is never due", func(p *probe) {
			p.create("t1")
			for _, s := range []task.RunState{task.Succeeded, task.Skipped, task.Failed, task.TimedOut} {
				r := p.add(byHand("t1", "r "+string(s), clock(0)))
				l := p.claim(r.ID, clock(1))
				r.State = s
				p.ok("Release", p.s.Release(p.ctx, l, clock(1), r))
			}
			names, next := p.due(clock(1000), 10)
			p.same("what is due", []string(nil), names)
			if !next.IsZero() {
				p.errorf("Due expects something at %v, though everything has ended", next)
			}
		}},
		{"U09", "Due changes nothing: what was not planned or claimed is due again", func(p *probe) {
			p.live("t1", clock(5))
			r := byHand("t1", "r1", clock(0))
			r.Resume = clock(4)
			p.add(r)
			for range 2 {
				names, _ := p.due(clock(5), 10)
				p.same("what is due", []string{"t1", "r1"}, names)
			}
		}},
	}
}

func planRules() []Rule {
	return []Rule{
		{"P01", "Plan inserts the runs and moves the task's next time", func(p *probe) {
			p.live("t1", clock(5))
			want := []task.Run{scheduled("t1", clock(5)), scheduled("t1", clock(6))}
			p.ok("Plan", p.s.Plan(p.ctx, "t1", clock(5), clock(7), want))
			for _, r := range want {
				got, err := p.other.Run(p.ctx, r.ID)
				p.ok("Run", err)
				p.same("Run", r, got)
			}
			p.same("next time", "00:07", p.next("t1"))
		}},
		{"P02", "Plan is ErrConflict when the task's next time has changed, and changes nothing", func(p *probe) {
			p.live("t1", clock(5))
			for _, from := range []time.Time{clock(4), clock(6), zero} {
				r := scheduled("t1", clock(5))
				p.is("Plan from another time", p.s.Plan(p.ctx, "t1", from, clock(7), []task.Run{r}), task.ErrConflict)
			}
			p.same("runs", []string(nil), p.history(task.RunFilter{}))
			p.same("next time", "00:05", p.next("t1"))
		}},
		{"P03", "a scheduled run that exists already is left as it is", func(p *probe) {
			p.live("t1", clock(5))
			r := scheduled("t1", clock(5))
			p.plan("t1", r)
			p.end(r, clock(6))
			want := p.load(r.ID)
			again := r
			again.Params = task.Params{"a": "b"}
			added := scheduled("t1", clock(6))
			p.plan("t1", again, added)
			p.same("Run", want, p.load(r.ID))
			p.same("the run beside it", added, p.load(added.ID))
		}},
		{"P04", "Plan without a next time means that the task is never due again", func(p *probe) {
			p.live("t1", clock(5))
			p.ok("Plan", p.s.Plan(p.ctx, "t1", clock(5), zero, nil))
			p.same("next time", "never", p.next("t1"))
			names, _ := p.due(clock(1000), 10)
			p.same("what is due", []string(nil), names)
		}},
		{"P05", "AddRun inserts a run as it was given", func(p *probe) {
			p.create("t1")
			want := fullRun()
			p.ok("AddRun", p.s.AddRun(p.ctx, want))
			got, err := p.other.Run(p.ctx, want.ID)
			p.ok("Run", err)
			p.same("Run", want, got)
		}},
		{"P06", "AddRun of a taken ID is ErrConflict and changes nothing", func(p *probe) {
			p.create("t1")
			want := p.add(byHand("t1", "r1", clock(0)))
			again := want
			again.Actor = "mallory"
			p.is("AddRun", p.s.AddRun(p.ctx, again), task.ErrConflict)
			p.same("Run", want, p.load("r1"))
		}},
		{"P07", "runs by hand may repeat the occurrence of a scheduled run", func(p *probe) {
			p.live("t1", clock(5))
			p.plan("t1", scheduled("t1", clock(5)))
			p.ok("AddRun", p.s.AddRun(p.ctx, byHand("t1", "r1", clock(5))))
			p.ok("AddRun", p.s.AddRun(p.ctx, byHand("t1", "r2", clock(5))))
		}},
		{"P08", "a run that is not there is ErrNotFound", func(p *probe) {
			_, err := p.s.Run(p.ctx, "nobody")
			p.is("Run", err, task.ErrNotFound)
		}},
		{"P09", "runs of a task that is not there are ErrNotFound and not stored", func(p *probe) {
			r := byHand("nobody", "r1", clock(0))
			p.is("AddRun", p.s.AddRun(p.ctx, r), task.ErrNotFound)
			p.is("Plan", p.s.Plan(p.ctx, "nobody", zero, zero, []task.Run{r}), task.ErrNotFound)
			p.same("runs", []string(nil), p.history(task.RunFilter{}))
		}},
	}
}

func claimRules() []Rule {
	return []Rule{
		{"C01", "a lease names the run, its owner and its end", func(p *probe) {
			p.create("t1")
			p.add(byHand("t1", "r1", clock(0)))
			l := p.claim("r1", clock(1))
			p.same("run", "r1", l.Run)
			p.same("owner", "one", l.Owner)
			if p.h.Lapse == nil {
				p.same("end", clock(1).Add(ttl), l.Expires)
			}
		}},
		{"C02", "a leased run is busy, and behind nothing", func(p *probe) {
			p.create("t1")
			p.add(byHand("t1", "r1", clock(0)))
			p.claim("r1", clock(1))
			_, err := p.other.Claim(p.ctx, "r1", "two", clock(1).Add(ttl-time.Second), ttl)
			p.same("Behind", "", p.busy("Claim of a leased run", err))
		}},
		{"C03", "a run whose lease has expired can be claimed by another", func(p *probe) {
			p.create("t1")
			p.add(byHand("t1", "r1", clock(0)))
			now := p.lapse(p.claim("r1", clock(1)))
			l, err := p.other.Claim(p.ctx, "r1", "two", now, ttl)
			p.ok("Claim of a run whose lease has expired", err)
			p.same("owner", "two", l.Owner)
		}},
		{"C04", "each claim of a run has a higher fence than the one before", func(p *probe) {
			p.create("t1")
			r := p.add(byHand("t1", "r1", clock(0)))
			l := p.claim("r1", clock(1))
			for range 3 {
				p.ok("Release", p.s.Release(p.ctx, l, clock(1), r))
				next := p.claim("r1", clock(1))
				if next.Fence <= l.Fence {
					p.errorf("fence %d follows fence %d", next.Fence, l.Fence)
				}
				l = next
			}
		}},
		{"C05", "whatever is written under a lease that another has replaced is ErrConflict and not stored", func(p *probe) {
			p.create("t1")
			want := p.add(byHand("t1", "r1", clock(0)))
			old := p.claim("r1", clock(1))
			now := p.lapse(old)
			if _, err := p.s.Claim(p.ctx, "r1", "two", now, ttl); err != nil {
				return // C03 says so
			}
			r, d := want, task.Delivery{Run: "r1", Destination: "ops", State: task.Pending}
			r.State, r.Error = task.Failed, "late"
			p.is("SaveRun", p.s.SaveRun(p.ctx, old, r, d), task.ErrConflict)
			p.is("SaveDelivery", p.s.SaveDelivery(p.ctx, old, d), task.ErrConflict)
			p.is("Release", p.s.Release(p.ctx, old, now, r, d), task.ErrConflict)
			_, err := p.s.Renew(p.ctx, old, now, ttl)
			p.is("Renew", err, task.ErrConflict)
			p.same("Run", want, p.load("r1"))
			p.same("Deliveries", []task.Delivery(nil), p.deliveries("r1"))
		}},
		{"C06", "Renew extends a lease under the same fence", func(p *probe) {
			p.create("t1")
			p.add(byHand("t1", "r1", clock(0)))
			l := p.claim("r1", clock(1))
			got, err := p.s.Renew(p.ctx, l, clock(2), ttl)
			p.ok("Renew", err)
			p.same("fence", l.Fence, got.Fence)
			p.same("run and owner", []string{l.Run, l.Owner}, []string{got.Run, got.Owner})
			if p.h.Lapse != nil {
				return
			}
			p.same("end", clock(2).Add(ttl), got.Expires)
			_, err = p.s.Claim(p.ctx, "r1", "two", clock(1).Add(ttl), ttl)
			p.is("Claim of a run whose lease was renewed", err, task.ErrBusy)
		}},
		{"C07", "a run is busy behind a leased run of the same task", func(p *probe) {
			p.create("t1")
			p.create("t2")
			p.add(byHand("t1", "r1", clock(0)))
			p.add(byHand("t1", "r2", clock(0)))
			p.add(byHand("t2", "r3", clock(0)))
			p.claim("r2", clock(1))
			_, err := p.other.Claim(p.ctx, "r1", "two", clock(1), ttl)
			p.same("Behind", "r2", p.busy("Claim beside a leased run of the task", err))
			_, err = p.other.Claim(p.ctx, "r3", "two", clock(1), ttl)
			p.ok("Claim of another task's run", err)
		}},
		{"C08", "a run that was leased holds nobody up once the lease has expired", func(p *probe) {
			p.create("t1")
			p.add(byHand("t1", "r1", clock(0)))
			p.add(byHand("t1", "r2", clock(0)))
			old := p.claim("r1", clock(1))
			now := p.lapse(old)
			_, err := p.other.Claim(p.ctx, "r2", "two", now, ttl)
			p.ok("Claim beside an expired lease", err)
			_, err = p.s.Renew(p.ctx, old, now, ttl)
			p.is("Renew of the expired lease, now that the task has another", err, task.ErrConflict)
		}},
		{"C09", "a scheduled run is busy behind an earlier scheduled run of its task that has not ended", func(p *probe) {
			p.live("t1", clock(9))
			first, second := scheduled("t1", clock(5)), scheduled("t1", clock(6))
			p.plan("t1", second)
			p.plan("t1", first)
			_, err := p.s.Claim(p.ctx, second.ID, "one", clock(7), ttl)
			p.same("Behind", first.ID, p.busy("Claim out of order", err))
			p.ok("Park", p.s.Park(p.ctx, first.ID, "a place", "", clock(7), clock(30)))
			_, err = p.s.Claim(p.ctx, second.ID, "one", clock(7), ttl)
			p.same("Behind", first.ID, p.busy("Claim while the earlier run is parked", err))
			l := p.claim(first.ID, clock(7))
			first.State = task.Failed
			p.ok("Release", p.s.Release(p.ctx, l, clock(7), first))
			_, err = p.s.Claim(p.ctx, second.ID, "one", clock(7), ttl)
			p.ok("Claim in order", err)
		}},
		{"C10", "a run by hand does not wait for scheduled runs that are not leased, nor they for it", func(p *probe) {
			p.live("t1", clock(9))
			r := scheduled("t1", clock(5))
			p.plan("t1", r)
			hand := p.add(byHand("t1", "r1", clock(6)))
			p.add(byHand("t1", "r0", clock(4)))
			l, err := p.s.Claim(p.ctx, "r1", "one", clock(7), ttl)
			p.ok("Claim of a run by hand", err)
			p.ok("Release", p.s.Release(p.ctx, l, clock(7), hand))
			_, err = p.s.Claim(p.ctx, r.ID, "one", clock(7), ttl)
			p.ok("Claim of a scheduled run", err)
		}},
		{"C11", "a run that has ended is ErrEnded", func(p *probe) {
			p.create("t1")
			for _, s := range []task.RunState{task.Succeeded, task.Skipped, task.Failed, task.TimedOut} {
				r := p.add(byHand("t1", "r "+string(s), clock(0)))
				l := p.claim(r.ID, clock(1))
				r.State = s
				p.ok("Release", p.s.Release(p.ctx, l, clock(1), r))
				_, err := p.s.Claim(p.ctx, r.ID, "one", clock(2), ttl)
				p.is("Claim of a run that "+string(s), err, task.ErrEnded)
			}
		}},
		{"C12", "Release gives the lease up: the run can be claimed at once, and the old lease is stale", func(p *probe) {
			p.create("t1")
			r := p.add(byHand("t1", "r1", clock(0)))
			l := p.claim("r1", clock(1))
			r.State, r.Resume = task.Waiting, clock(30)
			p.ok("Release", p.s.Release(p.ctx, l, clock(2), r))
			p.is("SaveDelivery after Release", p.s.SaveDelivery(p.ctx, l, task.Delivery{Run: "r1", Destination: "ops"}), task.ErrConflict)
			names, _ := p.due(clock(30), 10)
			p.same("what is due when the run resumes", []string{"r1"}, names)
			_, err := p.other.Claim(p.ctx, "r1", "two", clock(2), ttl)
			p.ok("Claim after Release", err)
		}},
		{"C13", "Claim of a run that is not there is ErrNotFound", func(p *probe) {
			_, err := p.s.Claim(p.ctx, "nobody", "one", clock(0), ttl)
			p.is("Claim", err, task.ErrNotFound)
		}},
		{"C14", "Claim leaves the run itself as it is, its state and what it waits for too", func(p *probe) {
			p.create("t1")
			want := byHand("t1", "r1", clock(0))
			want.State, want.Waiting, want.WaitFor, want.Resume = task.Waiting, "a place", "group:a", clock(1)
			p.add(want)
			p.claim("r1", clock(2))
			p.same("Run", want, p.load("r1"))
		}},
		{"C15", "Start, where a store has it, claims a planned run and stores it as given", func(p *probe) {
			s, ok := p.s.(task.Starter)
			if !ok {
				return
			}
			p.create("t1")
			want := fullRun()
			planned := want
			planned.State, planned.Waiting, planned.WaitFor = task.Planned, "", ""
			p.add(planned)
			want.State = task.Running
			l, err := s.Start(p.ctx, want, "one", clock(6), ttl)
			p.ok("Start", err)
			p.same("owner", "one", l.Owner)
			p.same("Run", want, p.load("r1"))
			_, err = p.other.Claim(p.ctx, "r1", "two", clock(6), ttl)
			p.is("Claim of a started run", err, task.ErrBusy)
			p.ok("SaveDelivery", p.s.SaveDelivery(p.ctx, l, task.Delivery{Run: "r1", Destination: "ops"}))
		}},
		{"C16", "Start of a run that is not as it was planned, or cannot be claimed, is refused and changes nothing", func(p *probe) {
			s, ok := p.s.(task.Starter)
			if !ok {
				return
			}
			refused := func(what string, stored task.Run, version int, want error) {
				r := stored
				r.State, r.Version, r.StartedAt = task.Running, version, clock(2)
				_, err := s.Start(p.ctx, r, "two", clock(2), ttl)
				p.is("Start of a run that "+what, err, want)
				p.same("Run that "+what, stored, p.load(r.ID))
			}
			p.create("t1")
			other := p.add(byHand("t1", "other", clock(0)))
			refused("has another version", other, other.Version+1, task.ErrConflict)
			p.add(byHand("t1", "parked", clock(0)))
			p.ok("Park", p.s.Park(p.ctx, "parked", "its turn", "", clock(1), clock(1)))
			parked := p.load("parked")
			refused("was parked", parked, parked.Version, task.ErrConflict)
			claimed := p.add(byHand("t1", "claimed", clock(0)))
			p.ok("Release", p.s.Release(p.ctx, p.claim("claimed", clock(1)), clock(1), claimed))
			refused("was claimed before", claimed, claimed.Version, task.ErrConflict)
			ended := p.add(byHand("t1", "ended", clock(0)))
			l := p.claim("ended", clock(1))
			ended.State = task.Succeeded
			p.ok("Release", p.s.Release(p.ctx, l, clock(1), ended))
			refused("has ended", ended, ended.Version, task.ErrEnded)
			p.claim("claimed", clock(2))
			refused("comes behind another", other, other.Version, task.ErrBusy)
			_, err := s.Start(p.ctx, byHand("t1", "nobody", clock(0)), "two", clock(2), ttl)
			p.is("Start of a run that is not there", err, task.ErrNotFound)
		}},
	}
}

func waitRules() []Rule {
	return []Rule{
		{"W01", "Park makes a planned or waiting run wait", func(p *probe) {
			p.create("t1")
			want := p.add(byHand("t1", "r1", clock(0)))
			for i, key := range []string{"group:a", ""} {
				resume := clock(5 + i)
				p.ok("Park", p.other.Park(p.ctx, "r1", "a place", key, clock(4), resume))
				want.State, want.Waiting, want.WaitFor, want.Resume = task.Waiting, "a place", key, resume
				p.same("Run", want, p.load("r1"))
				names, next := p.due(clock(4), 10)
				p.same("what is due", []string(nil), names)
				p.same("next", resume, next)
			}
		}},
		{"W02", "Park leaves a leased run as it is", func(p *probe) {
			p.create("t1")
			want := p.add(byHand("t1", "r1", clock(0)))
			l := p.claim("r1", clock(1))
			want.State = task.Running
			p.ok("SaveRun", p.s.SaveRun(p.ctx, l, want))
			p.ok("Park", p.other.Park(p.ctx, "r1", "a place", "group:a", clock(2), clock(5)))
			p.same("Run", want, p.load("r1"))
			p.ok("SaveRun under the lease", p.s.SaveRun(p.ctx, l, want))
		}},
		{"W03", "Park leaves a run that has ended as it is", func(p *probe) {
			p.create("t1")
			p.end(p.add(byHand("t1", "r1", clock(0))), clock(1))
			want := p.load("r1")
			p.ok("Park", p.other.Park(p.ctx, "r1", "a place", "group:a", clock(2), clock(5)))
			p.same("Run", want, p.load("r1"))
		}},
		{"W04", "Park makes a running run wait whose lease has expired, and the lease is then stale", func(p *probe) {
			p.create("t1")
			r := p.add(byHand("t1", "r1", clock(0)))
			l := p.claim("r1", clock(1))
			r.State = task.Running
			p.ok("SaveRun", p.s.SaveRun(p.ctx, l, r))
			now := p.lapse(l)
			resume := now.Add(time.Minute)
			p.ok("Park", p.s.Park(p.ctx, "r1", "a place", "group:a", now, resume))
			p.is("Release under the expired lease", p.s.Release(p.ctx, l, now, r), task.ErrConflict)
			p.same("state", task.Waiting, p.load("r1").State)
			names, next := p.due(now, 10)
			p.same("what is due", []string(nil), names)
			p.same("next", resume, next)
		}},
		{"W05", "Wake makes runs that wait for the key due at now, the earliest planned first", func(p *probe) {
			p.create("t1")
			for id, planned := range map[string]int{"r1": 3, "r2": 2, "r3": 1} {
				p.waiting(id, "group:a", clock(planned))
			}
			p.ok("Wake", p.other.Wake(p.ctx, "group:a", clock(4), 1))
			p.dueAre(clock(4), "r3")
			p.ok("Wake", p.other.Wake(p.ctx, "group:a", clock(5), 1))
			p.dueAre(clock(5), "r3", "r2")
			p.ok("Wake", p.other.Wake(p.ctx, "group:a", clock(6), 5))
			p.dueAre(clock(6), "r3", "r2", "r1")
		}},
		{"W06", "Wake of 0 wakes all that wait for the key", func(p *probe) {
			p.create("t1")
			for id, planned := range map[string]int{"r1": 3, "r2": 2, "r3": 1} {
				p.waiting(id, "group:a", clock(planned))
			}
			p.ok("Wake", p.s.Wake(p.ctx, "group:a", clock(4), 0))
			names, _ := p.due(clock(4), 10)
			p.same("how many are due", 3, len(names))
		}},
		{"W07", "Wake leaves runs alone that wait for another key, or for a time only", func(p *probe) {
			p.create("t1")
			p.waiting("r1", "group:b", clock(1))
			p.waiting("r2", "", clock(1))
			p.ok("Wake", p.s.Wake(p.ctx, "group:a", clock(4), 0))
			p.ok("Wake of nobody", p.s.Wake(p.ctx, "", clock(4), 0))
			p.dueAre(clock(4))
		}},
		{"W08", "Wake leaves alone a run that has been claimed since", func(p *probe) {
			p.create("t1")
			p.waiting("r1", "group:a", clock(1))
			l := p.claim("r1", clock(2))
			want := p.load("r1")
			p.ok("Wake", p.s.Wake(p.ctx, "group:a", clock(3), 0))
			p.same("Run", want, p.load("r1"))
			want.Rows = 1
			p.ok("SaveRun under the lease", p.s.SaveRun(p.ctx, l, want))
		}},
		{"W09", "the end of a run makes those due that wait for its task and were asked for by hand", func(p *probe) {
			p.create("t1")
			p.create("t2")
			r := p.add(byHand("t1", "r0", clock(0)))
			p.waiting("r1", task.TaskKey("t1"), clock(1))
			p.waiting("r2", task.TaskKey("t1"), clock(2))
			p.waiting("r3", task.TaskKey("t2"), clock(1))
			p.end(r, clock(5))
			names, _ := p.due(clock(5), 10)
			p.same("what is due", map[string]bool{"r1": true, "r2": true}, set(names))
		}},
		{"W10", "a release that does not end the run wakes nobody", func(p *probe) {
			p.create("t1")
			r := p.add(byHand("t1", "r0", clock(0)))
			p.waiting("r1", task.TaskKey("t1"), clock(1))
			l := p.claim("r0", clock(4))
			r.State, r.Resume = task.Waiting, clock(40)
			p.ok("Release", p.s.Release(p.ctx, l, clock(5), r))
			p.dueAre(clock(5))
		}},
		{"W11", "of the scheduled runs that wait for their task the end of a run makes the earliest due, and no other", func(p *probe) {
			p.live("t1", clock(900))
			for _, at := range []int{8, 6, 7} {
				r := scheduled("t1", clock(at))
				r.State, r.Waiting, r.WaitFor, r.Resume = task.Waiting, "its turn", task.TaskKey("t1"), clock(500)
				// Planned in another order, as after a jump of the clock.
				r.PlannedAt = clock(50 - at)
				p.plan("t1", r)
			}
			p.end(p.add(byHand("t1", "r0", clock(0))), clock(10))
			p.dueAre(clock(10), scheduled("t1", clock(6)).ID)
			p.end(scheduled("t1", clock(6)), clock(11))
			p.dueAre(clock(11), scheduled("t1", clock(7)).ID)
		}},
	}
}

// waiting adds a run of t1 that waits for a key until long after the rules' end.
func (p *probe) waiting(id, key string, planned time.Time) {
	r := byHand("t1", id, clock(0))
	if key == task.TaskKey("t2") {
		r.Occurrence.Task = "t2"
	}
	r.State, r.Waiting, r.WaitFor, r.Resume, r.PlannedAt = task.Waiting, "its turn", key, clock(500), planned
	p.add(r)
}

func (p *probe) dueAre(now time.Time, want ...string) {
	names, _ := p.due(now, 10)
	p.same("what is due", want, names)
}

func set(names []string) map[string]bool {
	m := make(map[string]bool)
	for _, n := range names {
		m[n] = true
	}
	return m
}

func ledgerRules() []Rule {
	return []Rule{
		{"L01", "SaveRun stores a run and deliveries under a lease", func(p *probe) {
			p.create("t1")
			p.add(byHand("t1", "r1", clock(0)))
			l := p.claim("r1", clock(1))
			want, d := fullRun(), fullDelivery()
			want.Draft = nil
			p.ok("SaveRun", p.s.SaveRun(p.ctx, l, want, d))
			got, err := p.other.Run(p.ctx, "r1")
			p.ok("Run", err)
			p.same("Run", want, got)
			ds, err := p.other.Deliveries(p.ctx, "r1")
			p.ok("Deliveries", err)
			p.same("Deliveries", []task.Delivery{d}, ds)
		}},
		{"L02", "Release stores a run and deliveries", func(p *probe) {
			p.create("t1")
			want, d := p.add(byHand("t1", "r1", clock(0))), fullDelivery()
			l := p.claim("r1", clock(1))
			want.State, want.EndedAt, want.Error, want.Rows = task.Failed, clock(2), "refused", 7
			p.ok("Release", p.s.Release(p.ctx, l, clock(2), want, d))
			p.same("Run", want, p.load("r1"))
			p.same("Deliveries", []task.Delivery{d}, p.deliveries("r1"))
		}},
		{"L03", "SaveDelivery stores one delivery in the place of the one before", func(p *probe) {
			p.create("t1")
			r := p.add(byHand("t1", "r1", clock(0)))
			l := p.claim("r1", clock(1))
			first, d := fullDelivery(), fullDelivery()
			first.Parts[0].Body = []byte("dropped once the receipt is stored")
			first.Parts[0].Receipt = nil
			p.ok("SaveRun", p.s.SaveRun(p.ctx, l, r, first))
			p.ok("SaveDelivery", p.s.SaveDelivery(p.ctx, l, d))
			p.same("Deliveries", []task.Delivery{d}, p.deliveries("r1"))
		}},
		{"L04", "deliveries are in the order they were first stored", func(p *probe) {
			p.create("t1")
			r := p.add(byHand("t1", "r1", clock(0)))
			l := p.claim("r1", clock(1))
			to := func(name string) task.Delivery {
				return task.Delivery{Run: "r1", Destination: name, State: task.Pending}
			}
			p.ok("SaveRun", p.s.SaveRun(p.ctx, l, r, to("c"), to("a")))
			p.ok("SaveDelivery", p.s.SaveDelivery(p.ctx, l, to("b")))
			p.ok("SaveDelivery", p.s.SaveDelivery(p.ctx, l, to("c")))
			var names []string
			for _, d := range p.deliveries("r1") {
				names = append(names, d.Destination)
			}
			p.same("destinations", []string{"c", "a", "b"}, names)
		}},
		{"L05", "history is listed newest first", func(p *probe) {
			p.create("t1")
			for i, id := range []string{"b", "c", "a"} {
				r := byHand("t1", id, clock(0))
				r.PlannedAt = clock(i)
				p.add(r)
			}
			p.same("IDs", []string{"a", "c", "b"}, p.history(task.RunFilter{}))
		}},
		{"L06", "history is filtered by task, states and trigger, before it is limited", func(p *probe) {
			p.live("t1", clock(9))
			p.create("t2")
			p.create("t3")
			add := func(r task.Run, planned int) {
				r.PlannedAt = clock(planned)
				p.plan(r.Occurrence.Task, r)
			}
			add(byHand("t1", "r1", clock(1)), 1)
			add(byHand("t2", "r2", clock(2)), 2)
			s := scheduled("t3", clock(3))
			add(s, 3)
			waits := byHand("t1", "r4", clock(4))
			waits.State, waits.Resume = task.Waiting, clock(50)
			add(waits, 4)
			add(byHand("t1", "r5", clock(5)), 5)
			p.end(byHand("t1", "r5", clock(5)), clock(6))
			for _, c := range []struct {
				filter task.RunFilter
				want   []string
			}{
				{task.RunFilter{Task: "t1"}, []string{"r5", "r4", "r1"}},
				{task.RunFilter{Task: "t2"}, []string{"r2"}},
				{task.RunFilter{Task: "nobody"}, nil},
				{task.RunFilter{States: []task.RunState{task.Succeeded, task.Waiting}}, []string{"r5", "r4"}},
				{task.RunFilter{Trigger: task.Scheduled}, []string{s.ID}},
				{task.RunFilter{Task: "t1", Trigger: task.Tested, States: []task.RunState{task.Planned}}, []string{"r1"}},
				{task.RunFilter{States: []task.RunState{task.Planned}, Limit: 1}, []string{s.ID}},
				{task.RunFilter{Task: "t1", Limit: 2}, []string{"r5", "r4"}},
			} {
				p.same("Runs", set(c.want), set(p.history(c.filter)))
			}
		}},
		{"L07", "history without a limit is 100 runs", func(p *probe) {
			p.create("t1")
			for i := range 101 {
				at := clock(i)
				p.add(byHand("t1", "r"+at.Format("1504"), at))
			}
			p.same("how many runs", 100, len(p.history(task.RunFilter{})))
			p.same("how many runs with a limit of 101", 101, len(p.history(task.RunFilter{Limit: 101})))
		}},
		{"L08", "deliveries of a run that is not there are ErrNotFound", func(p *probe) {
			_, err := p.s.Deliveries(p.ctx, "nobody")
			p.is("Deliveries", err, task.ErrNotFound)
		}},
	}
}

func (p *probe) history(f task.RunFilter) []string {
	rs, err := p.s.Runs(p.ctx, f)
	p.ok("Runs", err)
	var ids []string
	for _, r := range rs {
		ids = append(ids, r.ID)
	}
	return ids
}
