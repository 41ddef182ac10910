package storetest

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
)

// callers is how many goroutines call at once.
const callers = 8

func sharedRules() []Rule {
	return []Rule{
		{"X01", "values passed in are not kept: changing them later changes nothing", func(p *probe) {
			t, v, d, r, dl := fullTask(), fullVersion(), fullDestination(), fullRun(), fullDelivery()
			planned := byHand("t1", "r2", clock(0))
			planned.Params = task.Params{"date": "20240102"}
			p.ok("CreateTask", p.s.CreateTask(p.ctx, t))
			_, err := p.s.AddVersion(p.ctx, v)
			p.ok("AddVersion", err)
			p.ok("SaveDestination", p.s.SaveDestination(p.ctx, d))
			p.ok("AddRun", p.s.AddRun(p.ctx, r))
			p.ok("Plan", p.s.Plan(p.ctx, "t1", zero, zero, []task.Run{planned}))
			l := p.claim("r1", clock(10))
			p.ok("SaveDelivery", p.s.SaveDelivery(p.ctx, l, dl))
			before := p.everything()
			for _, x := range []any{&t, &v, &d, &r, &planned, &dl} {
				scribble(reflect.ValueOf(x))
			}
			p.same("what is stored", before, p.everything())

			t, r, dl = fullTask(), fullRun(), fullDelivery()
			p.ok("SaveTask", p.s.SaveTask(p.ctx, t))
			p.ok("SaveRun", p.s.SaveRun(p.ctx, l, r, dl))
			before = p.everything()
			for _, x := range []any{&t, &r, &dl} {
				scribble(reflect.ValueOf(x))
			}
			p.same("what is stored after it was saved again", before, p.everything())
		}},
		{"X02", "values returned are the caller's own: changing them changes nothing", func(p *probe) {
			p.ok("CreateTask", p.s.CreateTask(p.ctx, fullTask()))
			v, err := p.s.AddVersion(p.ctx, fullVersion())
			p.ok("AddVersion", err)
			p.ok("SaveDestination", p.s.SaveDestination(p.ctx, fullDestination()))
			p.ok("AddRun", p.s.AddRun(p.ctx, fullRun()))
			p.ok("SaveDelivery", p.s.SaveDelivery(p.ctx, p.claim("r1", clock(10)), fullDelivery()))
			before := p.everything().clone()
			scribble(reflect.ValueOf(&v))
			returned := p.everything()
			scribble(reflect.ValueOf(&returned))
			p.same("what is stored", before, p.everything())
		}},
		{"X03", "of those who claim a run at the same time exactly one gets it", func(p *probe) {
			p.create("t1")
			for round := range 10 {
				r := p.add(byHand("t1", fmt.Sprintf("r%d", round), clock(0)))
				leases := make([]task.Lease, callers)
				won := p.together("Claim", callers, func(s task.Store, i int) (err error) {
					leases[i], err = s.Claim(p.ctx, r.ID, fmt.Sprint(i), clock(1), ttl)
					return err
				}, task.ErrBusy)
				p.same("how many got the run", 1, won)
				r.State = task.Succeeded
				for _, l := range leases {
					if l.Run != "" {
						p.ok("Release", p.s.Release(p.ctx, l, clock(1), r))
					}
				}
			}
		}},
		{"X04", "of those who claim runs of one task at the same time exactly one gets one", func(p *probe) {
			for round := range 10 {
				id := fmt.Sprintf("t%d", round)
				p.create(id)
				for i := range callers {
					p.add(byHand(id, fmt.Sprintf("%s-%d", id, i), clock(0)))
				}
				won := p.together("Claim", callers, func(s task.Store, i int) error {
					_, err := s.Claim(p.ctx, fmt.Sprintf("%s-%d", id, i), fmt.Sprint(i), clock(1), ttl)
					return err
				}, task.ErrBusy)
				p.same("how many got a run", 1, won)
			}
		}},
		{"X05", "of those who plan from the same time exactly one does", func(p *probe) {
			for round := range 10 {
				id := fmt.Sprintf("t%d", round)
				p.live(id, clock(5))
				won := p.together("Plan", callers, func(s task.Store, i int) error {
					return s.Plan(p.ctx, id, clock(5), clock(6), []task.Run{byHand(id, fmt.Sprintf("%s-%d", id, i), clock(5))})
				}, task.ErrConflict)
				p.same("how many planned", 1, won)
				p.same("how many runs", 1, len(p.history(task.RunFilter{Task: id})))
			}
		}},
		{"X06", "of those who save one revision at the same time exactly one does", func(p *probe) {
			for round := range 10 {
				t := p.create(fmt.Sprintf("t%d", round))
				won := p.together("SaveTask", callers, func(s task.Store, i int) error {
					t := t
					t.Draft.Owner = fmt.Sprint(i)
					return s.SaveTask(p.ctx, t)
				}, task.ErrConflict)
				p.same("how many saved", 1, won)
			}
		}},
		{"X07", "versions that are added at the same time get numbers of their own", func(p *probe) {
			p.create("t1")
			numbers := make([]int, callers)
			p.together("AddVersion", callers, func(s task.Store, i int) error {
				v, err := s.AddVersion(p.ctx, fullVersion())
				numbers[i] = v.Number
				return err
			})
			got := make(map[int]bool)
			for _, n := range numbers {
				got[n] = n >= 1 && n <= callers
			}
			want := make(map[int]bool)
			for i := range callers {
				want[i+1] = true
			}
			p.same("numbers", want, got)
		}},
		{"X08", "of those who publish from the same time exactly one does", func(p *probe) {
			for round := range 10 {
				id := fmt.Sprintf("t%d", round)
				p.create(id)
				for range callers {
					p.submit(id, plainSpec(id))
				}
				won := p.together("Publish", callers, func(s task.Store, i int) error {
					return s.Publish(p.ctx, task.Publication{Task: id, Number: i + 1, At: clock(1), Next: clock(5)})
				}, task.ErrConflict)
				p.same("how many published", 1, won)
			}
		}},
	}
}

// content is whatever the rules about ownership have stored, as each method
// returns it.
type content struct {
	Task         task.Task
	Version      task.Version
	Versions     []task.Version
	Destination  channel.Destination
	Destinations []channel.Destination
	Run          task.Run
	Runs         []task.Run
	Deliveries   []task.Delivery
}

func (p *probe) everything() content {
	c := content{Task: p.loadTask("t1"), Version: p.version("t1", 1), Run: p.load("r1"), Deliveries: p.deliveries("r1")}
	var err error
	c.Versions, err = p.s.Versions(p.ctx, "t1")
	p.ok("Versions", err)
	c.Destination, err = p.s.Destination(p.ctx, "ops")
	p.ok("Destination", err)
	c.Destinations, err = p.s.Destinations(p.ctx)
	p.ok("Destinations", err)
	c.Runs, err = p.s.Runs(p.ctx, task.RunFilter{})
	p.ok("Runs", err)
	return c
}

func (c content) clone() content {
	return content{
		Task: c.Task.Clone(), Version: c.Version.Clone(), Versions: cloned(c.Versions, task.Version.Clone),
		Destination: c.Destination.Clone(), Destinations: cloned(c.Destinations, channel.Destination.Clone),
		Run: c.Run.Clone(), Runs: cloned(c.Runs, task.Run.Clone), Deliveries: cloned(c.Deliveries, task.Delivery.Clone),
	}
}

func cloned[T any](s []T, clone func(T) T) []T {
	s = slices.Clone(s)
	for i := range s {
		s[i] = clone(s[i])
	}
	return s
}
