package engine

import (
	"hash/fnv"
	"time"
)

// Limits of trying again.
const (
	backoffFirst = 2 * time.Second
	backoffMost  = 10 * time.Minute
	// unknownMost is how often a part that may have arrived is sent again.
	// Without a bound a destination whose answers are always lost would get the
	// report until the deadline.
	unknownMost = 3
	// testMost is how often a test tries a part: a person waits for the answer.
	testMost = 5
)

// backoff is the wait before trying again after so many attempts: doubling, with
// up to a quarter more so that tasks which failed together do not return
// together. The share comes from the part's key, so it needs no randomness and
// is the same in every process.
func backoff(attempts int, key string) time.Duration {
	d := backoffMost
	if attempts < 1 {
		attempts = 1
	}
	if attempts <= 9 {
		d = min(backoffFirst<<(attempts-1), backoffMost)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	_, _ = h.Write([]byte{byte(attempts)})
	return d + time.Duration(h.Sum32()%1024)*d/4096
}
