package storetest

import (
	"slices"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/version"
)

func taskRules() []Rule {
	return []Rule{
		{"T01", "a created task is read back as it was given", func(p *probe) {
			want := fullTask()
			p.ok("CreateTask", p.s.CreateTask(p.ctx, want))
			got, err := p.other.Task(p.ctx, want.ID)
			p.ok("Task", err)
			p.same("Task", want, got)
		}},
		{"T02", "creating a task with a taken ID is ErrConflict and changes nothing", func(p *probe) {
			want := p.create("t1")
			again := want
			again.Draft.Name = "other"
			p.is("CreateTask of a taken ID", p.s.CreateTask(p.ctx, again), task.ErrConflict)
			p.same("Task", want.Draft, p.loadTask("t1").Draft)
		}},
		{"T03", "two tasks may have the same name", func(p *probe) {
			t := p.create("t1")
			t.ID = "t2"
			p.ok("CreateTask with a taken name", p.s.CreateTask(p.ctx, t))
		}},
		{"T04", "SaveTask replaces draft, saver and pass and adds one to the revision", func(p *probe) {
			p.create("t1")
			want := fullTask()
			p.ok("SaveTask", p.s.SaveTask(p.ctx, want))
			got := p.loadTask("t1")
			want.CreatedBy, want.CreatedAt, got.CreatedBy, got.CreatedAt = "", zero, "", zero
			want.Revision = 2
			p.same("Task", want, got)
			want.Pass = nil
			p.ok("SaveTask without a pass", p.s.SaveTask(p.ctx, want))
			if got := p.loadTask("t1").Pass; got != nil {
				p.errorf("a pass was kept that the draft no longer has: %+v", got)
			}
		}},
		{"T05", "SaveTask does not touch who created the task, nor what is published", func(p *probe) {
			p.live("t1", clock(5))
			want := p.loadTask("t1")
			t := want
			t.CreatedBy, t.CreatedAt, t.Published = "mallory", clock(9), 7
			p.ok("SaveTask", p.s.SaveTask(p.ctx, t))
			got := p.loadTask("t1")
			p.same("creator", want.CreatedBy, got.CreatedBy)
			p.same("time of creation", want.CreatedAt, got.CreatedAt)
			p.same("published version", want.Published, got.Published)
		}},
		{"T06", "SaveTask of another revision is ErrConflict and changes nothing", func(p *probe) {
			want := p.create("t1")
			for _, revision := range []int64{0, 2} {
				t := want
				t.Revision = revision
				t.Draft.Name = "other"
				p.is("SaveTask of another revision", p.s.SaveTask(p.ctx, t), task.ErrConflict)
			}
			p.same("Task", want, p.loadTask("t1"))
		}},
		{"T07", "a task that is not there is ErrNotFound", func(p *probe) {
			_, err := p.s.Task(p.ctx, "nobody")
			p.is("Task", err, task.ErrNotFound)
			p.is("SaveTask", p.s.SaveTask(p.ctx, task.Task{ID: "nobody", Revision: 1}), task.ErrNotFound)
		}},
		{"T08", "the management list has the published tasks, by name and then by ID", func(p *probe) {
			for _, x := range []struct{ id, name string }{{"c", "beta"}, {"b", "beta"}, {"a", "gamma"}, {"d", "alpha"}} {
				p.create(x.id)
				spec := plainSpec(x.name)
				p.publish(x.id, p.submit(x.id, spec), zero, clock(5))
			}
			p.create("draft")
			p.same("IDs", []string{"d", "b", "c", "a"}, p.list(task.Filter{}))
		}},
		{"T09", "a row of the list shows the published version, not a newer draft", func(p *probe) {
			t := fullTask()
			p.ok("CreateTask", p.s.CreateTask(p.ctx, t))
			p.publish("t1", p.submit("t1", fullSpec()), zero, clock(5))
			t.Draft = plainSpec("newer")
			p.ok("SaveTask", p.s.SaveTask(p.ctx, t))
			p.submit("t1", t.Draft)
			rows, err := p.s.Tasks(p.ctx, task.Filter{})
			p.ok("Tasks", err)
			p.same("Tasks", []task.Row{{
				ID: "t1", Name: "Daily revenue", Source: "sales", Environment: task.Development, NodeMode: task.DryRun,
				ResourceGroup: "nightly", Owner: "ann", Deployer: "dan", PublishedAt: clock(1), Version: 1,
			}}, rows)
		}},
		{"T10", "the list is filtered by a part of the name in any case, by source and by owner", func(p *probe) {
			for _, x := range []struct{ id, name, source, owner string }{
				{"a", "Daily Revenue", "sales", "ann"}, {"b", "weekly revenue", "sales", "bob"}, {"c", "Stock", "stock", "ann"},
			} {
				p.create(x.id)
				spec := plainSpec(x.name)
				spec.Source, spec.Owner = x.source, x.owner
				p.publish(x.id, p.submit(x.id, spec), zero, clock(5))
			}
			for _, c := range []struct {
				filter task.Filter
				want   []string
			}{
				{task.Filter{Name: "REV"}, []string{"a", "b"}},
				{task.Filter{Name: "%"}, nil},
				{task.Filter{Source: "sales"}, []string{"a", "b"}},
				{task.Filter{Source: "sale"}, nil},
				{task.Filter{Owner: "ann"}, []string{"a", "c"}},
				{task.Filter{Name: "daily", Source: "sales", Owner: "ann"}, []string{"a"}},
				{task.Filter{Name: "daily", Owner: "bob"}, nil},
			} {
				p.same("Tasks", c.want, p.list(c.filter))
			}
		}},
		{"T11", "on request the list has unpublished tasks too, by their drafts", func(p *probe) {
			spec := plainSpec("draft")
			spec.Owner = "ann"
			p.ok("CreateTask", p.s.CreateTask(p.ctx, task.Task{ID: "t1", Draft: spec, Revision: 1}))
			p.submit("t1", plainSpec("submitted"))
			rows, err := p.s.Tasks(p.ctx, task.Filter{Unpublished: true, Name: "draft", Owner: "ann"})
			p.ok("Tasks", err)
			p.same("Tasks", []task.Row{{ID: "t1", Name: "draft", Source: "sales", Environment: task.Production, Owner: "ann"}}, rows)
		}},
		{"T12", "Named finds tasks by the exact name of their draft or of their published version", func(p *probe) {
			p.create("t1")
			p.create("t2")
			for id, name := range map[string]string{"t3": "beta", "t4": "Beta", "t5": "beta"} {
				p.ok("CreateTask", p.s.CreateTask(p.ctx, task.Task{ID: id, Draft: plainSpec(name), Revision: 1}))
			}
			p.publish("t1", p.submit("t1", plainSpec("beta")), zero, clock(5))
			p.submit("t2", plainSpec("beta"))
			p.named("beta", "t1", "t3", "t5")
			p.named("Beta", "t4")
			p.named("bet")
			t := p.loadTask("t3")
			t.Draft.Name = "gamma"
			p.ok("SaveTask", p.s.SaveTask(p.ctx, t))
			p.named("beta", "t1", "t5")
			p.named("gamma", "t3")
			p.publish("t1", p.submit("t1", plainSpec("delta")), clock(5), clock(5))
			p.named("beta", "t5")
			p.named("delta", "t1")
			p.named("t1", "t1")
			p.ok("Unpublish", p.s.Unpublish(p.ctx, "t1"))
			p.named("delta")
			p.named("t1", "t1")
		}},
	}
}

func (p *probe) named(name string, want ...string) {
	ids, err := p.s.Named(p.ctx, name)
	p.ok("Named", err)
	slices.Sort(ids)
	p.same("IDs of the tasks named "+name, want, ids)
}

func (p *probe) list(f task.Filter) []string {
	rows, err := p.s.Tasks(p.ctx, f)
	p.ok("Tasks", err)
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

func (p *probe) version(id string, number int) task.Version {
	v, err := p.s.Version(p.ctx, id, number)
	p.ok("Version", err)
	return v
}

func (p *probe) statuses(id string) map[int]version.Status {
	vs, err := p.s.Versions(p.ctx, id)
	p.ok("Versions", err)
	m := make(map[int]version.Status)
	for _, v := range vs {
		m[v.Number] = v.Status
	}
	return m
}

func (p *probe) next(id string) string {
	_, next, err := p.s.Next(p.ctx, id)
	p.ok("Next", err)
	if next.IsZero() {
		return "never"
	}
	return next.UTC().Format("15:04")
}

func versionRules() []Rule {
	return []Rule{
		{"V01", "versions of a task are numbered 1, 2, 3, whatever number they come with", func(p *probe) {
			p.create("t1")
			p.create("t2")
			for i, number := range []int{7, 7, 0} {
				v, err := p.s.AddVersion(p.ctx, task.Version{Task: "t1", Number: number, Status: version.CanBePublished, Spec: plainSpec("x")})
				p.ok("AddVersion", err)
				p.same("number", i+1, v.Number)
			}
			p.same("number of another task's version", 1, p.submit("t2", plainSpec("x")))
		}},
		{"V02", "a version is read back as it was given", func(p *probe) {
			p.create("t1")
			want := fullVersion()
			got, err := p.s.AddVersion(p.ctx, want)
			p.ok("AddVersion", err)
			p.same("what AddVersion returned", want, got)
			got, err = p.other.Version(p.ctx, "t1", 1)
			p.ok("Version", err)
			p.same("Version", want, got)
		}},
		{"V03", "saving the draft does not change a version", func(p *probe) {
			t := p.create("t1")
			p.submit("t1", t.Draft)
			draft := fullSpec()
			t.Draft = draft
			p.ok("SaveTask", p.s.SaveTask(p.ctx, t))
			p.same("spec of the version", plainSpec("t1"), p.version("t1", 1).Spec)
		}},
		{"V04", "versions are listed newest first", func(p *probe) {
			p.create("t1")
			for range 3 {
				p.submit("t1", plainSpec("x"))
			}
			vs, err := p.s.Versions(p.ctx, "t1")
			p.ok("Versions", err)
			var numbers []int
			for _, v := range vs {
				numbers = append(numbers, v.Number)
			}
			p.same("numbers", []int{3, 2, 1}, numbers)
		}},
		{"V05", "a version that is not there is ErrNotFound", func(p *probe) {
			p.live("t1", clock(5))
			_, err := p.s.Version(p.ctx, "t1", 2)
			p.is("Version of an unknown number", err, task.ErrNotFound)
			_, err = p.s.Version(p.ctx, "nobody", 1)
			p.is("Version of an unknown task", err, task.ErrNotFound)
		}},
		{"V06", "Publish makes a version the published one and sets the task's next time", func(p *probe) {
			p.create("t1")
			p.submit("t1", plainSpec("t1"))
			p.publish("t1", 1, zero, clock(5))
			v := p.version("t1", 1)
			p.same("status", version.Published, v.Status)
			p.same("deployer", "dan", v.Deployer)
			p.same("time of publication", clock(1), v.PublishedAt)
			p.same("Task.Published", 1, p.loadTask("t1").Published)
			number, next, err := p.other.Next(p.ctx, "t1")
			p.ok("Next", err)
			p.same("number of Next", 1, number)
			p.same("time of Next", clock(5), next)
		}},
		{"V07", "publishing a version takes the published one off-line", func(p *probe) {
			p.live("t1", clock(5))
			p.publish("t1", p.submit("t1", plainSpec("t1")), clock(5), clock(6))
			p.same("statuses", map[int]version.Status{1: version.OffLine, 2: version.Published}, p.statuses("t1"))
			p.same("next time", "00:06", p.next("t1"))
		}},
		{"V08", "Publish is ErrConflict when the task's next time has changed, and changes nothing", func(p *probe) {
			p.live("t1", clock(5))
			p.submit("t1", plainSpec("t1"))
			for _, from := range []int{4, 6} {
				err := p.s.Publish(p.ctx, task.Publication{Task: "t1", Number: 2, From: clock(from), Next: clock(7)})
				p.is("Publish from another time", err, task.ErrConflict)
			}
			err := p.s.Publish(p.ctx, task.Publication{Task: "t1", Number: 2, Next: clock(7)})
			p.is("Publish from no time", err, task.ErrConflict)
			p.same("statuses", map[int]version.Status{1: version.Published, 2: version.CanBePublished}, p.statuses("t1"))
			p.same("next time", "00:05", p.next("t1"))
		}},
		{"V09", "only a version that can be published is published", func(p *probe) {
			p.live("t1", clock(5))
			p.publish("t1", p.submit("t1", plainSpec("t1")), clock(5), clock(6))
			p.submit("t1", plainSpec("t1"))
			p.ok("Abandon", p.s.Abandon(p.ctx, "t1", 3))
			for number, status := range map[int]string{1: "off-line", 2: "published", 3: "abandoned"} {
				err := p.s.Publish(p.ctx, task.Publication{Task: "t1", Number: number, From: clock(6), Next: clock(7)})
				p.is("Publish of a version that is "+status, err, task.ErrNotAllowed)
			}
			p.same("next time", "00:06", p.next("t1"))
		}},
		{"V10", "Unpublish takes the published version off-line and clears the next time", func(p *probe) {
			p.live("t1", clock(5))
			p.ok("Unpublish", p.s.Unpublish(p.ctx, "t1"))
			p.same("statuses", map[int]version.Status{1: version.OffLine}, p.statuses("t1"))
			p.same("Task.Published", 0, p.loadTask("t1").Published)
			number, next, err := p.s.Next(p.ctx, "t1")
			p.ok("Next", err)
			if number != 0 || !next.IsZero() {
				p.errorf("Next gives version %d at %v for a task that is not published", number, next)
			}
			due, _ := p.due(clock(9), 10)
			p.same("what is due", []string(nil), due)
		}},
		{"V11", "Unpublish of a task without a published version is ErrNotAllowed", func(p *probe) {
			p.create("t1")
			p.submit("t1", plainSpec("t1"))
			p.is("Unpublish", p.s.Unpublish(p.ctx, "t1"), task.ErrNotAllowed)
		}},
		{"V12", "only a version that can be published is abandoned", func(p *probe) {
			p.live("t1", clock(5))
			p.submit("t1", plainSpec("t1"))
			p.ok("Abandon", p.s.Abandon(p.ctx, "t1", 2))
			p.is("Abandon of a published version", p.s.Abandon(p.ctx, "t1", 1), task.ErrNotAllowed)
			p.is("Abandon of an abandoned version", p.s.Abandon(p.ctx, "t1", 2), task.ErrNotAllowed)
			p.same("statuses", map[int]version.Status{1: version.Published, 2: version.Abandoned}, p.statuses("t1"))
		}},
		{"V13", "a version that is never due again has no next time", func(p *probe) {
			p.live("t1", zero)
			p.same("next time", "never", p.next("t1"))
			due, next := p.due(clock(1000), 10)
			p.same("what is due", []string(nil), due)
			if !next.IsZero() {
				p.errorf("Due expects something at %v, though nothing is ever due", next)
			}
		}},
		{"V14", "publishing and unpublishing are no saves: the revision stays", func(p *probe) {
			p.live("t1", clock(5))
			p.same("revision of a published task", int64(1), p.loadTask("t1").Revision)
			p.ok("Unpublish", p.s.Unpublish(p.ctx, "t1"))
			p.same("revision after Unpublish", int64(1), p.loadTask("t1").Revision)
		}},
		{"V15", "versions of a task that is not there are ErrNotFound, and so is one that the task does not have", func(p *probe) {
			p.create("t1")
			_, err := p.s.AddVersion(p.ctx, task.Version{Task: "nobody", Status: version.CanBePublished, Spec: plainSpec("x")})
			p.is("AddVersion", err, task.ErrNotFound)
			_, err = p.s.Versions(p.ctx, "nobody")
			p.is("Versions", err, task.ErrNotFound)
			_, _, err = p.s.Next(p.ctx, "nobody")
			p.is("Next", err, task.ErrNotFound)
			p.is("Unpublish", p.s.Unpublish(p.ctx, "nobody"), task.ErrNotFound)
			for _, id := range []string{"nobody", "t1"} {
				p.is("Publish of version 1 of "+id, p.s.Publish(p.ctx, task.Publication{Task: id, Number: 1, At: clock(1), Next: clock(5)}), task.ErrNotFound)
				p.is("Abandon of version 1 of "+id, p.s.Abandon(p.ctx, id, 1), task.ErrNotFound)
			}
		}},
		{"V16", "a new version can be published, whatever status it comes with", func(p *probe) {
			p.create("t1")
			for _, status := range []version.Status{version.Published, version.OffLine, version.Abandoned, ""} {
				v, err := p.s.AddVersion(p.ctx, task.Version{
					Task: "t1", Status: status, Spec: plainSpec("x"), Deployer: "mallory", PublishedAt: clock(1),
				})
				p.ok("AddVersion", err)
				p.same("status, deployer and time of publication", []any{version.CanBePublished, "", zero}, []any{v.Status, v.Deployer, v.PublishedAt})
				p.same("status as it is stored", version.CanBePublished, p.version("t1", v.Number).Status)
			}
			p.same("Task.Published", 0, p.loadTask("t1").Published)
		}},
		{"V17", "SharedSpec, where a store has it, is the spec of a version, or ErrNotFound", func(p *probe) {
			s, ok := p.s.(task.SpecSharer)
			if !ok {
				return
			}
			t := p.create("t1")
			p.submit("t1", fullSpec())
			p.submit("t1", plainSpec("x"))
			t.Draft = plainSpec("y")
			p.ok("SaveTask", p.s.SaveTask(p.ctx, t))
			for number, want := range map[int]task.Spec{1: fullSpec(), 2: plainSpec("x")} {
				got, err := s.SharedSpec(p.ctx, "t1", number)
				p.ok("SharedSpec", err)
				p.same("SharedSpec", want, *got)
			}
			_, err := s.SharedSpec(p.ctx, "t1", 3)
			p.is("SharedSpec of an unknown number", err, task.ErrNotFound)
			_, err = s.SharedSpec(p.ctx, "nobody", 1)
			p.is("SharedSpec of an unknown task", err, task.ErrNotFound)
		}},
	}
}

func destinationRules() []Rule {
	return []Rule{
		{"D01", "a destination is read back with its secrets", func(p *probe) {
			want := fullDestination()
			p.ok("SaveDestination", p.s.SaveDestination(p.ctx, want))
			got, err := p.other.Destination(p.ctx, want.Name)
			p.ok("Destination", err)
			p.same("Destination", want, got)
			all, err := p.s.Destinations(p.ctx)
			p.ok("Destinations", err)
			p.same("Destinations", []channel.Destination{want}, all)
		}},
		{"D02", "saving a destination replaces the one of the same name", func(p *probe) {
			p.ok("SaveDestination", p.s.SaveDestination(p.ctx, fullDestination()))
			want := channel.Webhook("ops", channel.Lark, "https://other.example")
			p.ok("SaveDestination", p.s.SaveDestination(p.ctx, want))
			got, err := p.s.Destination(p.ctx, "ops")
			p.ok("Destination", err)
			p.same("Destination", want, got)
		}},
		{"D03", "destinations are listed by name", func(p *probe) {
			for _, name := range []string{"b", "a", "c"} {
				p.ok("SaveDestination", p.s.SaveDestination(p.ctx, channel.Webhook(name, channel.Lark, "https://"+name+".example")))
			}
			all, err := p.s.Destinations(p.ctx)
			p.ok("Destinations", err)
			var names []string
			for _, d := range all {
				names = append(names, d.Name)
			}
			p.same("names", []string{"a", "b", "c"}, names)
		}},
		{"D04", "a destination that is not there is ErrNotFound", func(p *probe) {
			_, err := p.s.Destination(p.ctx, "nobody")
			p.is("Destination", err, task.ErrNotFound)
			p.is("DeleteDestination", p.s.DeleteDestination(p.ctx, "nobody"), task.ErrNotFound)
		}},
		{"D05", "a deleted destination is gone", func(p *probe) {
			p.ok("SaveDestination", p.s.SaveDestination(p.ctx, fullDestination()))
			p.ok("DeleteDestination", p.s.DeleteDestination(p.ctx, "ops"))
			all, err := p.s.Destinations(p.ctx)
			p.ok("Destinations", err)
			p.same("Destinations", []channel.Destination(nil), all)
		}},
		{"D06", "a destination that a published version names is not deleted: ErrInUse", func(p *probe) {
			p.ok("SaveDestination", p.s.SaveDestination(p.ctx, fullDestination()))
			p.live("t1", clock(5), "board", "ops")
			p.is("DeleteDestination", p.s.DeleteDestination(p.ctx, "ops"), task.ErrInUse)
			if _, err := p.s.Destination(p.ctx, "ops"); err != nil {
				p.errorf("the destination was not kept: %v", err)
			}
		}},
		{"D07", "drafts and versions that are not published hold no destination", func(p *probe) {
			spec := plainSpec("x")
			spec.Destinations = []string{"ops"}
			for _, id := range []string{"draft", "unpublished", "replaced"} {
				p.ok("SaveDestination", p.s.SaveDestination(p.ctx, fullDestination()))
				p.ok("CreateTask", p.s.CreateTask(p.ctx, task.Task{ID: id, Draft: spec, Revision: 1}))
				p.submit(id, spec)
				switch id {
				case "unpublished":
					p.publish(id, 1, zero, clock(5))
					p.ok("Unpublish", p.s.Unpublish(p.ctx, id))
				case "replaced":
					p.publish(id, 1, zero, clock(5))
					p.publish(id, p.submit(id, plainSpec("x")), clock(5), clock(5))
				}
				p.ok("DeleteDestination named by a task that is "+id, p.s.DeleteDestination(p.ctx, "ops"))
			}
		}},
	}
}
