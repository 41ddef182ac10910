// Command chdbserver is the ClickHouse engine, loaded as the library chDB, behind
// HTTP and the native protocol: enough of both for a client to read with, and to
// be refused, cancelled and killed. What it does not know it refuses.
//
// It stands apart from the tests that start it, so that it can be killed, and
// because the race detector and a library loaded at run time do not go together.
package main

import (
	"crypto/subtle"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
)

// server is what the two protocols share.
type server struct {
	e              *engine
	user, password string
	sent           atomic.Uint64 // rows that went out as Native blocks
}

func main() {
	var (
		library  = flag.String("library", "", "the file libchdb.so")
		path     = flag.String("path", "", "a folder for the engine's files")
		httpAddr = flag.String("http", "127.0.0.1:8123", "where HTTP listens")
		tcpAddr  = flag.String("native", "127.0.0.1:9000", "where the native protocol listens")
		user     = flag.String("user", "default", "the only user")
		database = flag.String("database", "default", "a database to make")
	)
	flag.Parse()
	// A password among the arguments would be seen by the whole machine.
	if err := run(*library, *path, *httpAddr, *tcpAddr, *user, os.Getenv("CHDB_PASSWORD"), *database); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(library, path, httpAddr, tcpAddr, user, password, database string) error {
	e, err := load(library, path)
	if err != nil {
		return err
	}
	if _, err := e.keep.run("CREATE DATABASE IF NOT EXISTS `"+database+"`", "Null"); err != nil {
		return err
	}
	s := &server{e: e, user: user, password: password}
	native, err := net.Listen("tcp", tcpAddr)
	if err != nil {
		return err
	}
	web, err := net.Listen("tcp", httpAddr)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- s.serveNative(native) }()
	go func() { failed <- (&http.Server{Handler: s}).Serve(web) }()
	return <-failed
}

// login returns an exception unless the name and password are right.
func (s *server) login(user, password string) *exception {
	right := subtle.ConstantTimeCompare([]byte(user+"\x00"+password), []byte(s.user+"\x00"+s.password))
	if right == 1 {
		return nil
	}
	return &exception{516, user + ": Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)"}
}

// begin opens a session with a database and settings, for a client at an address,
// which its statements can ask for as getSetting('log_comment').
func (s *server) begin(client, database string, settings [][2]string) (*session, error) {
	t, err := s.e.open()
	if err != nil {
		return nil, err
	}
	if database != "" {
		_, err = t.run("USE `"+database+"`", "Null")
	}
	if err == nil {
		err = t.set(append([][2]string{{"log_comment", client}}, settings...))
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}
