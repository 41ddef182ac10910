package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/channel/dingtalk"
	"github.com/datapush-go/datapush/channel/email"
	"github.com/datapush-go/datapush/channel/lark"
	"github.com/google/go-cmp/cmp"
)

// spoiled are worlds in which one thing is wrong, and the code by which the
// vendor says so.
var spoiled = map[string]struct {
	spoil func(*world)
	code  string
}{
	"a wrong DingTalk secret": {edit("dingtalk", func(d *channel.Destination) {
		d.Secrets[dingtalk.SecretSign] = channel.NewSecret("SECwrong")
	}), "310000"},
	"a wrong Lark secret": {edit("lark", func(d *channel.Destination) {
		d.Secrets[lark.SecretSign] = channel.NewSecret("wrong")
	}), "19021"},
	"a message without the keyword": {encode(channel.DingTalk, func(p *channel.Payload) {
		p.Body = bytes.ReplaceAll(p.Body, []byte(keyword), []byte("Revenue"))
	}), "310000"},
	"a card of the wrong shape": {encode(channel.Lark, func(p *channel.Payload) {
		p.Body = bytes.Replace(p.Body, []byte(`"card":`), []byte(`"content":`), 1)
	}), "9499"},
	"a message that is too large": {encode(channel.DingTalk, func(p *channel.Payload) {
		p.Body = bytes.Replace(p.Body, []byte(keyword), []byte(keyword+strings.Repeat(".", 20_000)), 1)
	}), "460101"},
	"a wrong mail password": {edit("mail", func(d *channel.Destination) {
		d.Secrets[email.SecretPassword] = channel.NewSecret("wrong")
	}), "535"},
}

func edit(name string, f func(*channel.Destination)) func(*world) {
	return func(w *world) {
		w.edit = func(d *channel.Destination) {
			if d.Name == name {
				f(d)
			}
		}
	}
}

// other is a channel that writes payloads in another way: a wrapper that
// overrides Encode.
type other struct {
	channel.Channel
	edit func(*channel.Payload)
}

func (o other) Unwrap() channel.Channel { return o.Channel }

func (o other) Encode(m *channel.Message, to channel.Destination) ([]channel.Payload, error) {
	ps, err := o.Channel.Encode(m, to)
	for i := range ps {
		o.edit(&ps[i])
	}
	return ps, err
}

func encode(kind channel.Kind, f func(*channel.Payload)) func(*world) {
	return func(w *world) {
		w.wrap = func(c channel.Channel) channel.Channel {
			if c.Kind() == kind {
				return other{c, f}
			}
			return c
		}
	}
}

// The test program runs as the quickstart itself when it is asked to.
func TestMain(m *testing.M) {
	name, ok := os.LookupEnv("QUICKSTART_SPOIL")
	if !ok {
		os.Exit(m.Run())
	}
	w, err := newWorld()
	if s, ok := spoiled[name]; ok && err == nil {
		s.spoil(w)
	}
	os.Exit(exit(w, err))
}

// quickstart runs the program in a process of its own.
func quickstart(t *testing.T, spoil string) (stdout, stderr string, status int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "QUICKSTART_SPOIL="+spoil)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestOneWrongThingIsToldWithTheVendorsCode(t *testing.T) {
	for name, s := range spoiled {
		t.Run(name, func(t *testing.T) {
			out, errs, status := quickstart(t, name)
			if status != 1 || !strings.Contains(errs, s.code) {
				t.Errorf("status %d, want 1 with code %s\n%s%s", status, s.code, out, errs)
			}
			for _, secret := range []string{token, dingTalkSign, larkSign, mailPassword} {
				if strings.Contains(errs+out, secret) {
					t.Errorf("a secret is printed:\n%s%s", out, errs)
				}
			}
		})
	}
}

func TestTheReadmeShowsWhatTheQuickstartPrints(t *testing.T) {
	out, errs, status := quickstart(t, "")
	if status != 0 {
		t.Fatalf("status %d: %s", status, errs)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(readme), "<!-- quickstart -->\n```text\n")
	shown, _, ok2 := strings.Cut(after, "```\n<!-- /quickstart -->")
	if !ok || !ok2 {
		t.Fatal("the README has no quickstart block")
	}
	if d := cmp.Diff(out, shown); d != "" {
		t.Errorf("printed and shown differ (-printed +shown):\n%s", d)
	}
}

func Example() {
	w, err := newWorld()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()
	if err := run(context.Background(), os.Stdout, w); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Preview for WeCom: "Sales report 20240102", 235 of 4096 bytes, nothing sent
	// Test with constants: succeeded, 6 rows
	// Published version 1, next run 2024-01-03 08:00 +0800
	//
	// DingTalk: Sales report 20240102
	//   Sales report 20240102
	//   Sales of 20240102, by admin for user
	//   - department Department 1 · revenue ¥11000 · diff -1000↓ (red)
	//   - department Department 2 · revenue ¥20000 · diff -1000↓ (red)
	//   - department Department 3 · revenue ¥10000 · diff 5000↑ (green)
	//
	// Lark: Sales report 20240102
	//   Sales of 20240102, by admin for user
	//   department | revenue | diff
	//   Department 1 | ¥11000 | -1000↓ (red)
	//   Department 2 | ¥20000 | -1000↓ (red)
	//   Department 3 | ¥10000 | 5000↑ (green)
	//
	// WeCom: Sales report 20240102
	//   Sales of 20240102, by admin for user
	//   department | revenue | diff
	//   Department 1 | ¥11000 | -1000↓
	//   Department 2 | ¥20000 | -1000↓
	//   Department 3 | ¥10000 | 5000↑
	//
	// Teams: Sales report 20240102
	//   Sales of 20240102, by admin for user
	//   department | revenue | diff
	//   Department 1 | ¥11000 | -1000↓ (red)
	//   Department 2 | ¥20000 | -1000↓ (red)
	//   Department 3 | ¥10000 | 5000↑ (green)
	//
	// Mail to ann@example.com and ben@example.com: Sales report 20240102
	//   Dear user,
	//   the sales of 20240102 are attached.
	//   attached: Sales report 20240102-1.md
	//   attached: Sales report 20240102-1.csv
	//     department | revenue | diff
	//     Department 1 | 11000 | -1000
	//     Department 2 | 20000 | -1000
	//     Department 3 | 10000 | 5000
	//
	// Versions of "Daily sales"
	//   1  published  by admin
	//
	// Ledger of the run at 2024-01-03T00:00:00Z
	//   dingtalk  part 1/1  delivered  attempt 1
	//   lark      part 1/1  delivered  attempt 1
	//   wecom     part 1/1  delivered  attempt 1
	//   teams     part 1/1  accepted   attempt 1
	//   mail      part 1/1  accepted   attempt 1
}
