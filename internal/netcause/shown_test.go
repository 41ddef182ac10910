package netcause_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/datapush-go/datapush/internal/netcause"
)

func TestShown(t *testing.T) {
	tests := []struct{ text, statement, want string }{
		{`relation "gone" does not exist`, `SELECT * FROM Gone`, `relation "gone" does not exist`},
		{`relation "hunter2" does not exist`, `SELECT v::regclass FROM t`, `relation … does not exist`},
		{`relation "a" b "c" does not exist`, `SELECT v::regclass FROM t`, `relation … does not exist`},
		{`Table 'prod.gone' doesn't exist`, "SELECT * FROM gone", `Table 'gone' doesn't exist`},
		{`Table 'prod.hunter2' doesn't exist`, "SELECT f(v) FROM hunter", `Table … doesn't exist`},
		{`check the manual for the right syntax to use near 'FORM t WHERE a = 'x'' at line 1`, "SELECT 1 FORM t WHERE a = 'x'",
			`check the manual for the right syntax to use near 'FORM t WHERE a = 'x'' at line 1`},
		{`improper relation name (too many dotted names): a.b.c.d`, "SELECT v::regclass FROM t", "improper relation name (too many dotted names): …"},
		{`Unknown table: 'gone'`, "SELECT * FROM gone", `Unknown table: 'gone'`},
		{`Unknown expression identifier ` + "`gone` in scope SELECT gone", "SELECT gone", "Unknown expression identifier `gone` in scope SELECT gone"},
		{`Relation »hunter2« existiert nicht`, "SELECT 1", "Relation …"},
		{`open "secret`, "SELECT 1", "open …"},
		{`near ''`, "SELECT 1", "near ''"},
		{"no quotes", "", "no quotes"},
		{"", "", ""},
	}
	for _, tt := range tests {
		if got := netcause.Shown(tt.text, tt.statement); got != tt.want {
			t.Errorf("%s with %s became %s, want %s", tt.text, tt.statement, got, tt.want)
		}
	}
}

func TestAboutKeepsTheStatement(t *testing.T) {
	cause := errors.New("why")
	err := fmt.Errorf("further: %w", netcause.About(cause, "SELECT 1"))
	if got := netcause.Statement(err); got != "SELECT 1" || !errors.Is(err, cause) {
		t.Errorf("statement %q of %v", got, err)
	}
	if got := netcause.Statement(cause); got != "" {
		t.Errorf("statement %q of none", got)
	}
	if err := netcause.About(nil, "SELECT 1"); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func FuzzShown(f *testing.F) {
	f.Add("a", "b")
	f.Fuzz(func(t *testing.T, before, inside string) {
		if strings.Contains(before, "sesame") {
			return
		}
		for _, q := range []string{`"`, "'", "`", ": "} {
			if got := netcause.Shown(before+q+"sesame"+inside+q, "SELECT 1"); strings.Contains(got, "sesame") {
				t.Errorf("%q shows what is quoted", got)
			}
		}
	})
}
