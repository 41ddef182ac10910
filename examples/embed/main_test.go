package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/channeltest"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/datapush-go/datapush/schedule/scheduletest"
	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/sqlite"
	"github.com/datapush-go/datapush/task"
)

// A day goes by on a fake clock: the host serves, the report arrives at 08:00
// Shanghai, and the end of the context stops both.
func TestADayOfTheHost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sales.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`CREATE TABLE sales(department TEXT, revenue DECIMAL, ds TEXT);
		INSERT INTO sales VALUES ('Department 1', '11000.00', '20240102'), ('Department 2', '20000.00', '20240102')`)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	sales, err := sqlite.Open("file:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sales.Close()

	clock := scheduletest.NewClock(time.Date(2024, 1, 2, 4, 0, 0, 0, time.UTC))
	fake := channeltest.NewLark(&channeltest.LarkOptions{Now: clock.Now, Bots: map[string]channeltest.LarkBot{"token": {}}})
	defer fake.Close()
	p, err := datapush.New(datapush.Config{
		Sources:  map[string]source.Source{"sales": sales},
		Channels: []channel.Channel{lark.New(&lark.Options{Now: clock.Now, Allow: channel.AllowLoopback()})},
		Clock:    clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { host(ctx, p, ln, fake.URL("token")); close(done) }()

	at := time.Date(2024, 1, 3, 0, 0, 0, 0, time.UTC)
	for clock.Now().Before(at) {
		if err := clock.WaitSleepers(ctx, 1); err != nil {
			t.Fatal(err)
		}
		// Before the report is published nobody but its test sleeps.
		if rows, err := p.Tasks(ctx, task.Filter{}); err != nil || len(rows) == 0 {
			runtime.Gosched()
			continue
		}
		next, _ := clock.Next()
		clock.Set(next)
	}
	if err := fake.WaitCalls(ctx, 2); err != nil { // the test's push and the scheduled one
		t.Fatal(err)
	}

	resp, err := http.Get("http://" + ln.Addr().String() + "/runs")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var runs []task.Run
	if err := json.NewDecoder(resp.Body).Decode(&runs); err != nil || len(runs) != 2 {
		t.Errorf("the host's page: %+v, %v", runs, err)
	}
	stop()
	<-done
	// The host has drained, so the fake has taken what was on its way.
	ms := fake.Messages()
	if len(ms) != 2 || ms[1].Title != "Revenue on 20240102" || !strings.Contains(ms[1].Text, "Department 2") {
		t.Errorf("%d messages: %+v", len(ms), ms)
	}
}
