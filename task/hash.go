package task

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// TestHash is a hash of what a test proves: data source and environment, SQL,
// parameters, outputs, content, the empty-result rule and the set of
// destinations. The schedule, the name and the owner are not in it.
func (s Spec) TestHash() string {
	d := slices.Clone(s.Destinations)
	slices.Sort(d)
	d = slices.Compact(d)
	// Marshalling plain data cannot fail; maps are written in key order.
	b, _ := json.Marshal(struct {
		Source, Environment, SQL string
		Params                   Params
		Outputs                  []string
		Content                  any
		SkipEmpty                bool
		Destinations             []string
	}{s.Source, s.Env(), s.SQL, s.Params, s.Outputs, s.Content, s.SkipEmpty, d})
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Env is the environment, never empty.
func (s Spec) Env() string {
	if s.Environment == "" {
		return Production
	}
	return s.Environment
}
