package hologres_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/hologres"
)

const canary = "canary-4413"

func TestOpenDoesNotRepeatTheDSN(t *testing.T) {
	for _, dsn := range []string{
		"postgres://u:" + canary + "@h:99999/d", "postgres://u:" + canary + "@h/d?sslmode=" + canary, "password=" + canary + " port=x",
		"postgres://u:" + canary + "@h/d?pool_max_conns=" + canary, "postgres://u:%zz" + canary + "@h/d",
	} {
		_, err := hologres.Open(dsn, nil)
		var e *source.Error
		if !errors.As(err, &e) || strings.Contains(err.Error(), canary) {
			t.Errorf("error %v", err)
		}
	}
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	s, err := hologres.Open("postgres://"+canary+":"+canary+"@"+addr+"/"+canary+"?sslmode=disable", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Query(t.Context(), source.Query{SQL: "SELECT 1"})
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != source.Unavailable || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsNoQueryIsRefusedWithoutAConnection(t *testing.T) {
	s, err := hologres.Open("postgres://nobody@invalid.invalid/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, sql := range []string{"DELETE FROM t", "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "SELECT * INTO x FROM t", "SELECT 1; SELECT 2"} {
		_, err := s.Query(t.Context(), source.Query{SQL: sql})
		var e *source.Error
		if !errors.As(err, &e) || e.Kind != source.Syntax {
			t.Errorf("%q: error %v", sql, err)
		}
	}
}
