// Package integration_test runs the sources and mail against real servers, which it
// starts itself. install.sh installs them. Where one is missing its tests fail
// if CI is set, and are skipped otherwise.
package integration_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/datapush-go/datapush/internal/integration/server"
)

// system is a server under test, started when the first test needs it.
type system struct {
	name  string
	start func() (*server.Server, error)

	once   sync.Once
	server *server.Server
	err    error

	mu           sync.Mutex
	ran, skipped int
}

// need returns the running server, and counts the test.
func (s *system) need(t testing.TB) *server.Server {
	t.Helper()
	s.once.Do(func() { s.server, s.err = s.start() })
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if t.Skipped() {
			s.skipped++
		} else {
			s.ran++
		}
	})
	switch {
	case errors.Is(s.err, server.ErrMissing) && os.Getenv("CI") == "":
		t.Skipf("SKIPPED: %v", s.err)
	case s.err != nil:
		t.Fatal(s.err)
	}
	return s.server
}

var systems []*system

func register(name string, start func() (*server.Server, error)) *system {
	s := &system{name: name, start: start}
	systems = append(systems, s)
	return s
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range systems {
		fmt.Printf("%s: %d ran, %d skipped\n", s.name, s.ran, s.skipped)
	}
	for i := len(systems) - 1; i >= 0; i-- {
		if s := systems[i].server; s != nil {
			s.Close()
		}
	}
	os.Exit(code)
}
