package channel

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Redacted is what a secret prints, logs and marshals as.
const Redacted = "[redacted]"

// Secret holds a credential: a webhook address, a signing secret, a password.
// It prints, logs and marshals as "[redacted]" (an empty one as ""), under
// every format verb. Only [Secret.Reveal] gives the text; channels and store
// codecs are the callers.
//
// A secret that was read back in redacted form stays a marker for "the value
// that is stored": saving a destination with it keeps the stored value.
//
// Secrets are comparable: equal texts are ==.
type Secret struct {
	// value is a handle and not the text, because fmt and other reflecting
	// printers show unexported fields of a struct that holds a Secret in an
	// unexported field, without asking its methods.
	value    unique.Handle[string]
	redacted bool
}

// NewSecret wraps s. The text "[redacted]" itself makes the redacted marker.
func NewSecret(s string) Secret {
	if s == Redacted {
		return Secret{redacted: true}
	}
	if s == "" {
		return Secret{}
	}
	return Secret{value: unique.Make(s)}
}

// Reveal returns the text, which is empty for a redacted marker.
func (s Secret) Reveal() string {
	if s.value == (unique.Handle[string]{}) {
		return ""
	}
	return s.value.Value()
}

// IsZero reports whether there is neither a text nor a redacted marker.
func (s Secret) IsZero() bool { return s == Secret{} }

// IsRedacted reports whether s only stands for a stored value.
func (s Secret) IsRedacted() bool { return s.redacted }

// Redact returns the marker that stands for s; an empty secret stays empty.
func (s Secret) Redact() Secret {
	if s.IsZero() {
		return s
	}
	return Secret{redacted: true}
}

// String returns "[redacted]", or "" for an empty secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return Redacted
}

// GoString is String, so that %#v reveals nothing.
func (s Secret) GoString() string { return s.String() }

// Format writes String for every verb.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		fmt.Fprintf(f, "%q", s.String())
		return
	}
	_, _ = io.WriteString(f, s.String())
}

// LogValue keeps the text out of structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON writes the redacted form.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText writes the redacted form.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads a secret from a string; "[redacted]" makes the marker.
func (s *Secret) UnmarshalJSON(b []byte) error {
	var v string
	if err := json.Unmarshal(b, &v); err != nil {
		// The cause would quote the input, which may be a secret.
		return fmt.Errorf("channel: a secret must be a JSON string")
	}
	*s = NewSecret(v)
	return nil
}

// UnmarshalText reads a secret from text; "[redacted]" makes the marker.
func (s *Secret) UnmarshalText(b []byte) error {
	*s = NewSecret(string(b))
	return nil
}
