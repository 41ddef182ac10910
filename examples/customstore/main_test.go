package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
	"github.com/datapush-go/datapush/task/storetest"
)

func TestStore(t *testing.T) {
	storetest.Test(t, func(t *testing.T) storetest.Harness {
		return storetest.Harness{Store: open(t, filepath.Join(t.TempDir(), "journal"))}
	})
}

// reopened is a store that is opened anew before each read, so that the rules
// judge what is in the file.
type reopened struct {
	*Store
	t    *testing.T
	file string
}

func (r reopened) again() *Store { return open(r.t, r.file) }

func (r reopened) Task(ctx context.Context, id string) (task.Task, error) {
	return r.again().Task(ctx, id)
}

func (r reopened) Versions(ctx context.Context, id string) ([]task.Version, error) {
	return r.again().Versions(ctx, id)
}

func (r reopened) Next(ctx context.Context, id string) (int, time.Time, error) {
	return r.again().Next(ctx, id)
}

func (r reopened) Destination(ctx context.Context, name string) (channel.Destination, error) {
	return r.again().Destination(ctx, name)
}

func (r reopened) Run(ctx context.Context, id string) (task.Run, error) {
	return r.again().Run(ctx, id)
}

func (r reopened) Runs(ctx context.Context, f task.RunFilter) ([]task.Run, error) {
	return r.again().Runs(ctx, f)
}

func (r reopened) Deliveries(ctx context.Context, run string) ([]task.Delivery, error) {
	return r.again().Deliveries(ctx, run)
}

func (r reopened) Due(ctx context.Context, now time.Time, limit int) ([]task.Due, time.Time, error) {
	return r.again().Due(ctx, now, limit)
}

func TestWhatIsReadFromTheFileAgainKeepsTheRulesToo(t *testing.T) {
	storetest.Test(t, func(t *testing.T) storetest.Harness {
		file := filepath.Join(t.TempDir(), "journal")
		return storetest.Harness{Store: reopened{Store: open(t, file), t: t, file: file}}
	})
}

func TestALeaseOutlivesTheProcess(t *testing.T) {
	ctx, now := t.Context(), time.Date(2024, 1, 3, 8, 0, 0, 0, time.UTC)
	file := filepath.Join(t.TempDir(), "journal")
	s := open(t, file)
	o := task.NewOccurrence("t1", now, "r1")
	check(t, s.CreateTask(ctx, task.Task{ID: "t1", Revision: 1}))
	check(t, s.AddRun(ctx, task.Run{ID: "r1", Occurrence: o, State: task.Planned}))
	old, err := s.Claim(ctx, "r1", "first", now, time.Minute)
	check(t, err)
	check(t, s.Close())
	if _, err := s.Renew(ctx, old, now, time.Minute); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Renew in a closed store: got error %v, want that it is closed", err)
	}

	s = open(t, file)
	if _, err := s.Claim(ctx, "r1", "second", now.Add(59*time.Second), time.Minute); !errors.Is(err, task.ErrBusy) {
		t.Errorf("Claim before the lease has expired: got error %v, want busy", err)
	}
	l, err := s.Claim(ctx, "r1", "second", now.Add(time.Minute), time.Minute)
	check(t, err)
	if l.Fence <= old.Fence {
		t.Errorf("fence %d follows fence %d", l.Fence, old.Fence)
	}
}

func TestALineThatWasCutOffIsLeftOut(t *testing.T) {
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "journal")
	s := open(t, file)
	check(t, s.CreateTask(ctx, task.Task{ID: "t1", Revision: 1}))
	check(t, s.Close())
	whole, err := os.ReadFile(file)
	check(t, err)
	check(t, os.WriteFile(file, append(whole, `{"op":"Crea`...), 0o600))

	check(t, open(t, file).CreateTask(ctx, task.Task{ID: "t2", Revision: 1}))
	if _, err := open(t, file).Task(ctx, "t2"); err != nil {
		t.Errorf("what was written after the cut line is lost: %v", err)
	}
}

func TestAJournalThatCannotBeReadIsAnErrorWithItsLine(t *testing.T) {
	for _, line := range []string{"{", `{"op":"Dance"}`, `{"op":"Unpublish","id":"nobody"}`} {
		file := filepath.Join(t.TempDir(), "journal")
		check(t, os.WriteFile(file, []byte(line+"\n"), 0o600))
		if _, err := Open(t.Context(), file); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("a journal of %s: got error %v, want one that names the line", line, err)
		}
	}
}

func TestTheReportArrivesAfterARestart(t *testing.T) {
	var out bytes.Buffer
	check(t, demo(t.Context(), &out, t.TempDir()))
	want := `The first process tested and published the report; 1 message arrived.
The second process found it in the journal; 2 messages arrived. Its ledger:
scheduled of 2024-01-03 08:00: succeeded, date=20240102
test      of 2024-01-02 18:00: succeeded, date=20240101
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func open(t *testing.T, file string) *Store {
	t.Helper()
	s, err := Open(t.Context(), file)
	check(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
