package lark

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// cache keeps what an app was given, tokens and image keys, under hashes, and
// lets one caller fetch what several want at once.
type cache struct {
	now func() time.Time

	mu      sync.Mutex
	entries map[[sha256.Size]byte]*entry
}

// maxEntries bounds a cache. A channel has few apps, and pictures are wanted
// again within minutes or never.
const maxEntries = 512

type entry struct {
	value string
	until time.Time
	fetch *fetch // under way, else nil
}

type fetch struct {
	done  chan struct{}
	value string
	err   error
	gone  bool // the caller that fetched went away, which says nothing
}

// get gives the value of a key, from f where it is missing or too old. The
// value is kept for as long as f says. An error is everybody's who waited for
// it, and is not kept.
func (c *cache) get(ctx context.Context, key [sha256.Size]byte, f func(context.Context) (string, time.Duration, error)) (string, error) {
	for {
		c.mu.Lock()
		e := c.entries[key]
		if e == nil {
			e = c.add(key)
		}
		if e.value != "" && c.now().Before(e.until) {
			defer c.mu.Unlock()
			return e.value, nil
		}
		if e.fetch == nil {
			e.fetch = &fetch{done: make(chan struct{}), gone: true}
			c.mu.Unlock()
			return c.fill(ctx, e, f)
		}
		other := e.fetch
		c.mu.Unlock()
		select {
		case <-other.done:
			if !other.gone {
				return other.value, other.err
			}
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// fill fetches for every caller. It tells them even if f panics.
func (c *cache) fill(ctx context.Context, e *entry, f func(context.Context) (string, time.Duration, error)) (string, error) {
	mine := e.fetch
	var keep time.Duration
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if mine.err == nil && mine.value != "" {
			e.value, e.until = mine.value, c.now().Add(keep)
		}
		e.fetch = nil
		close(mine.done)
	}()
	mine.value, keep, mine.err = f(ctx)
	mine.gone = mine.err != nil && ctx.Err() != nil
	return mine.value, mine.err
}

// add makes room for a key. The caller holds the lock.
func (c *cache) add(key [sha256.Size]byte) *entry {
	if c.entries == nil {
		c.entries = make(map[[sha256.Size]byte]*entry)
	}
	if len(c.entries) >= maxEntries {
		now := c.now()
		for _, all := range []bool{false, true} {
			for k, e := range c.entries {
				if e.fetch == nil && (all || !now.Before(e.until)) {
					delete(c.entries, k)
				}
			}
			if len(c.entries) < maxEntries/2 {
				break
			}
		}
	}
	e := &entry{}
	c.entries[key] = e
	return e
}

// drop forgets a value that turned out to be worthless, unless somebody has
// replaced it already.
func (c *cache) drop(key [sha256.Size]byte, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil && e.value == value {
		e.value = ""
	}
}
