package channel_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
)

const token = "https://hook.example/t0ken"

func TestSecretShowsUnderNoVerb(t *testing.T) {
	s := channel.NewSecret(token)
	d := channel.Destination{Name: "ops", URL: s, Secrets: map[string]channel.Secret{"sign": s}}
	holders := map[string]any{
		"a secret": s, "its pointer": &s, "a destination": d, "its pointer to it": &d,
		"a list": []channel.Secret{s}, "a map": map[string]channel.Secret{"k": s},
		"an unexported field": struct{ s channel.Secret }{s},
		"an interface in one": struct{ s any }{s},
		"an error":            fmt.Errorf("sending to %v: %w", s, errors.New("no answer")),
	}
	for name, v := range holders {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%t", "%U", "%c", "%20s", "%-5.2q", "%T %v"} {
			got := fmt.Sprintf(verb, v)
			if verb == "%T %v" {
				got = fmt.Sprintf(verb, v, v)
			}
			if leaks(got) {
				t.Errorf("%s under %s: %s", name, verb, got)
			}
		}
		for _, got := range []string{fmt.Sprint(v), fmt.Sprintln(v), fmt.Sprintf("%v %[1]s", v)} {
			if leaks(got) {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
	for verb, want := range map[string]string{"%v": "[redacted]", "%s": "[redacted]", "%#v": "[redacted]", "%x": "[redacted]", "%q": `"[redacted]"`} {
		if got := fmt.Sprintf(verb, s); got != want {
			t.Errorf("%s prints %s, want %s", verb, got, want)
		}
	}
}

// leaks looks for the token as text and as hexadecimal digits.
func leaks(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "t0ken") || strings.Contains(s, fmt.Sprintf("%x", "t0ken")) || strings.Contains(s, fmt.Sprintf("% x", "t0ken"))
}

func TestSecretIsNeitherLoggedNorMarshalled(t *testing.T) {
	s := channel.NewSecret(token)
	d := channel.Webhook("ops", channel.Lark, token)
	d.Secrets = map[string]channel.Secret{"sign": s}
	var b bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("saved", "secret", s, "pointer", &s, "destination", d)
		slog.New(h).WithGroup("g").Info("saved", "secrets", d.Secrets)
	}
	if leaks(b.String()) || !strings.Contains(b.String(), channel.Redacted) {
		t.Errorf("logged: %s", b.String())
	}
	for _, v := range []any{s, &s, d, map[channel.Kind]channel.Secret{"k": s}} {
		got, err := json.Marshal(v)
		if err != nil || leaks(string(got)) || !strings.Contains(string(got), channel.Redacted) {
			t.Errorf("marshalled: %s, %v", got, err)
		}
	}
	if got, err := s.MarshalText(); err != nil || string(got) != channel.Redacted {
		t.Errorf("as text: %s, %v", got, err)
	}
}

func TestSecretIsTextOrMarkerOrEmpty(t *testing.T) {
	type is struct {
		Reveal, String string
		Zero, Redacted bool
	}
	of := func(s channel.Secret) is { return is{s.Reveal(), s.String(), s.IsZero(), s.IsRedacted()} }
	marker := is{String: "[redacted]", Redacted: true}
	for _, c := range []struct {
		name   string
		secret channel.Secret
		want   is
	}{
		{"the zero secret is empty", channel.Secret{}, is{Zero: true}},
		{"an empty text is empty", channel.NewSecret(""), is{Zero: true}},
		{"a text is revealed", channel.NewSecret("a"), is{Reveal: "a", String: "[redacted]"}},
		{"the marker's text is the marker", channel.NewSecret("[redacted]"), marker},
		{"a redacted text is the marker", channel.NewSecret("a").Redact(), marker},
		{"a redacted marker is the marker", channel.NewSecret("a").Redact().Redact(), marker},
		{"a redacted empty secret stays empty", channel.Secret{}.Redact(), is{Zero: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, of(c.secret)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			b, err := json.Marshal(c.secret)
			if err != nil {
				t.Fatal(err)
			}
			var back channel.Secret
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(of(c.secret.Redact()), of(back)); diff != "" {
				t.Errorf("what is written and read again is not the redacted form (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSecretIsReadFromJSONAndText(t *testing.T) {
	var d channel.Destination
	if err := json.Unmarshal([]byte(`{"name":"ops","kind":"lark","url":"`+token+`","secrets":{"sign":"[redacted]"}}`), &d); err != nil {
		t.Fatal(err)
	}
	if d.URL.Reveal() != token || !d.Secrets["sign"].IsRedacted() {
		t.Errorf("read %q and %q", d.URL.Reveal(), d.Secrets["sign"].Reveal())
	}
	var s channel.Secret
	if err := s.UnmarshalText([]byte("a")); err != nil || s.Reveal() != "a" {
		t.Errorf("read %q from text, %v", s.Reveal(), err)
	}
	for _, bad := range []string{`{"t0ken":1}`, `["t0ken"]`, `7`} {
		err := json.Unmarshal([]byte(bad), &s)
		if err == nil || leaks(err.Error()) {
			t.Errorf("reading %s: got error %v, want one that does not show it", bad, err)
		}
	}
	if b, err := json.Marshal(channel.Destination{Name: "mail", Kind: channel.Email}); err != nil || string(b) != `{"name":"mail","kind":"email"}` {
		t.Errorf("a destination without secrets is written as %s, %v", b, err)
	}
}
