package hologres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/source"
	"github.com/datapush-go/datapush/source/hologres"
)

// Package postgres has the tests of what both share.

func TestErrorsSayHologres(t *testing.T) {
	_, err := hologres.Open("postgres://u:canary-4413@h:99999/d", nil)
	var e *source.Error
	if !errors.As(err, &e) || e.Op != "hologres: open" || strings.Contains(err.Error(), "canary-4413") {
		t.Errorf("error %v", err)
	}
	s, err := hologres.Open("postgres://nobody@invalid.invalid/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Query(t.Context(), source.Query{SQL: "SELECT 1"})
	if !errors.As(err, &e) || e.Op != "hologres: query" || e.Kind != source.Unavailable {
		t.Errorf("error %v", err)
	}
}

func TestDialect(t *testing.T) {
	s, err := hologres.Open("", &hologres.Options{Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := s.Dialect()
	if d.Name != "hologres" || !d.Raw {
		t.Errorf("dialect %+v", d)
	}
	script, err := source.Parse(`SELECT '${v}', E'${v}'; SELECT $a$;$a$`, d)
	if err != nil {
		t.Fatal(err)
	}
	got, err := script.Statements[0].Bind(d, map[string]string{"v": `a\'b`})
	if want := `SELECT 'a\''b', E'a\\''b'`; err != nil || got != want || len(script.Statements) != 2 {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
