package datapush_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/datapush-go/datapush"
	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/task"
)

func TestDestinationsAreListedWithoutTheirSecrets(t *testing.T) {
	h, ctx := newHost(t), t.Context()
	h.destination("ops", func(d *channel.Destination) {
		d.Secrets = map[string]channel.Secret{"sign": channel.NewSecret("canary-sign")}
	})
	ds, err := h.Destinations(ctx)
	if err != nil || len(ds) != 1 {
		t.Fatalf("%v, %v", ds, err)
	}
	if d := ds[0]; d.URL.Reveal() != "" || !d.URL.IsRedacted() || d.Secrets["sign"].Reveal() != "" {
		t.Errorf("secrets are read back: %q %q", d.URL.Reveal(), d.Secrets["sign"].Reveal())
	}
	if text := fmt.Sprintf("%+v %#v %v", ds, ds, ds); strings.Contains(text, "canary") || strings.Contains(text, "box.example") {
		t.Errorf("printed: %s", text)
	}
}

func TestSavingARedactedDestinationKeepsItsSecrets(t *testing.T) {
	stored := func(h *host) channel.Destination {
		h.t.Helper()
		d, err := h.store.Destination(h.t.Context(), "ops")
		if err != nil {
			h.t.Fatal(err)
		}
		return d
	}
	secret := map[string]channel.Secret{"sign": channel.NewSecret("canary-sign")}
	for _, tt := range []struct {
		name  string
		edit  func(*channel.Destination)
		paths []string
		url   string
		sign  string
	}{
		{"an edit of an option", func(d *channel.Destination) { d.Options["keyword"] = "new" }, nil, "https://box.example/ops", "canary-sign"},
		{"a new secret", func(d *channel.Destination) { d.Secrets["sign"] = channel.NewSecret("other") }, nil, "https://box.example/ops", "other"},
		{"no secret any more", func(d *channel.Destination) { d.Secrets = nil }, nil, "https://box.example/ops", ""},
		{"another URL with the stored secret", func(d *channel.Destination) { d.URL = channel.NewSecret("https://evil.example/") }, []string{"secrets.sign"}, "", ""},
		{"another URL with its own secret", func(d *channel.Destination) {
			d.URL, d.Secrets["sign"] = channel.NewSecret("https://new.example/"), channel.NewSecret("mine")
		}, nil, "https://new.example/", "mine"},
		{"another host with the stored secret", func(d *channel.Destination) { d.Options[channel.OptionHost] = "evil.example" }, []string{"url", "secrets.sign"}, "", ""},
		{"another kind", func(d *channel.Destination) { d.Kind = "crate" }, []string{"kind", "url", "secrets.sign"}, "", ""},
		{"a secret that was never stored", func(d *channel.Destination) { d.Secrets["more"] = channel.NewSecret(channel.Redacted) }, []string{"secrets.more"}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t, func(c *datapush.Config) { c.Channels = append(c.Channels, &mailbox{kind: "crate"}) })
			h.destination("ops", func(d *channel.Destination) {
				d.Secrets = secret
				d.Options = map[string]string{"keyword": "old", channel.OptionHost: "box.example"}
			})
			before := stored(h)
			ds, err := h.Destinations(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			d := ds[0]
			tt.edit(&d)
			err = h.SaveDestination(t.Context(), d)
			if tt.paths == nil {
				if err != nil {
					t.Fatal(err)
				}
				got := stored(h)
				h.want("secrets", []string{got.URL.Reveal(), got.Secrets["sign"].Reveal()}, []string{tt.url, tt.sign})
				return
			}
			var f task.Findings
			if !errors.As(err, &f) {
				t.Fatalf("SaveDestination: %v", err)
			}
			var paths []string
			for _, x := range f {
				paths = append(paths, x.Path)
			}
			h.want("findings", paths, tt.paths)
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the secret is in the error: %v", err)
			}
			if got := stored(h); got.Secrets["sign"] != before.Secrets["sign"] || got.URL != before.URL {
				t.Error("a refused edit was stored")
			}
		})
	}
}

func TestADestinationInUseCannotBeDeleted(t *testing.T) {
	h, ctx := newHost(t), t.Context()
	id := h.publish(daily("d"))
	if err := h.DeleteDestination(ctx, "ops"); !errors.Is(err, datapush.ErrInUse) {
		t.Errorf("in use: %v", err)
	}
	if err := h.Unpublish(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteDestination(ctx, "ops"); err != nil {
		t.Error(err)
	}
	if err := h.DeleteDestination(ctx, "ops"); !errors.Is(err, datapush.ErrNotFound) {
		t.Errorf("gone: %v", err)
	}
}

func TestAnEditCountsFromTheNextSendAndKeepsStoredBytes(t *testing.T) {
	h := newHost(t)
	id := h.publish(daily("d"))
	var seen []string
	h.box.answer = func(_ context.Context, to channel.Destination, p channel.Payload) (channel.Receipt, error) {
		seen = append(seen, to.URL.Reveal()+" "+string(p.Body))
		if len(seen) == 1 {
			return channel.Receipt{}, &channel.Error{Outcome: channel.NotSent, Err: errVendor}
		}
		return channel.Receipt{}, nil
	}
	h.clock.Set(shanghai(t, "2024-01-03 08:00:00"))
	if _, err := h.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.destination("ops", func(d *channel.Destination) { d.URL = channel.NewSecret("https://box.example/new") })
	h.until(shanghai(t, "2024-01-03 09:00:00"))
	h.want("sends", seen, []string{"https://box.example/ops Report 20240102|x", "https://box.example/new Report 20240102|x"})
	h.want("state", h.runs(id)[0].State, task.Succeeded)
}

func TestADestinationOfAnUnservedKindIsRefused(t *testing.T) {
	h := newHost(t)
	err := h.SaveDestination(t.Context(), channel.Webhook("x", "pigeon", "https://box.example/"))
	var f task.Findings
	if !errors.As(err, &f) || f[0].Path != "kind" || !errors.Is(err, datapush.ErrInvalid) {
		t.Errorf("SaveDestination: %v", err)
	}
}

func TestNoSecretIsInTheLedger(t *testing.T) {
	h := newHost(t)
	id := h.publish(daily("d"))
	h.box.answer = func(_ context.Context, to channel.Destination, _ channel.Payload) (channel.Receipt, error) {
		// A careless channel of the host's own wraps an error that has the URL.
		return channel.Receipt{}, fmt.Errorf("post %s: refused", to.URL.Reveal())
	}
	h.until(shanghai(t, "2024-01-03 09:00:00"))
	r := h.runs(id)[0]
	for _, d := range h.deliveries(r.ID) {
		if text := fmt.Sprintf("%+v %+v", r, d); strings.Contains(text, "box.example") {
			t.Errorf("the URL is in the ledger: %s", text)
		}
	}
}
