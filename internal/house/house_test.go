package house_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/build"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/datapush-go/datapush"

// rule says what a package may import beside the standard library. Packages of
// the module are given without its path; other modules by their path. A name
// that ends in "/..." covers what is beneath it.
type rule struct {
	pkg   string
	allow []string
}

// The table of DESIGN, one row a package. The first row that covers a package
// holds.
var rules = []rule{
	{".", []string{"schedule", "version", "source", "channel", "render", "task", "internal/engine", "task/memstore"}},
	{"schedule", nil},
	{"version", nil},
	{"source", nil},
	{"channel", nil},
	{"render", []string{"source", "channel", "github.com/yuin/goldmark/..."}},
	{"render/chart", []string{"render", "source", "channel", "github.com/yuin/goldmark/...", "github.com/go-analyze/charts/...", "github.com/golang/freetype/..."}},
	{"task", []string{"schedule", "version", "source", "channel", "render"}},
	{"task/memstore", []string{"task", "schedule", "version", "source", "channel", "render", "internal/..."}},
	{"task/sqlstore", []string{"task", "schedule", "version", "source", "channel", "render", "internal/...", "github.com/jmoiron/sqlx/..."}},

	{"source/sqlite", []string{"source", "internal/...", "github.com/jmoiron/sqlx/...", "modernc.org/sqlite/..."}},
	{"source/postgres", []string{"source", "internal/...", "github.com/jmoiron/sqlx/...", "github.com/jackc/pgx/v5/..."}},
	{"source/hologres", []string{"source", "internal/...", "github.com/jmoiron/sqlx/...", "github.com/jackc/pgx/v5/..."}},
	{"source/mysql", []string{"source", "internal/...", "github.com/jmoiron/sqlx/...", "github.com/go-sql-driver/mysql/..."}},
	{"source/clickhouse", []string{"source", "internal/...", "github.com/jmoiron/sqlx/...", "github.com/ClickHouse/clickhouse-go/v2/..."}},
	{"source/maxcompute", []string{"source", "internal/...", "github.com/jmoiron/sqlx/...", "github.com/aliyun/aliyun-odps-go-sdk/..."}},
	{"source/snowflake", []string{"source", "github.com/snowflakedb/gosnowflake/..."}},
	{"source/snowflake/snowflakefake", nil},

	{"channel/dingtalk", []string{"channel", "internal/..."}},
	{"channel/lark", []string{"channel", "internal/..."}},
	{"channel/wecom", []string{"channel", "internal/..."}},
	{"channel/teams", []string{"channel", "internal/..."}},
	{"channel/email", []string{"channel", "internal/...", "github.com/wneessen/go-mail/...", "github.com/xuri/excelize/v2/..."}},

	{"schedule/scheduletest", []string{"schedule", "github.com/google/go-cmp/..."}},
	{"source/sourcetest", []string{"source", "github.com/google/go-cmp/..."}},
	{"channel/channeltest", []string{"channel", "github.com/google/go-cmp/...", "github.com/emersion/go-smtp/...", "github.com/emersion/go-sasl/..."}},
	{"task/storetest", []string{"task", "schedule", "version", "source", "channel", "render", "github.com/google/go-cmp/..."}},

	// For the tests of channels, which read Markdown as goldmark does.
	{"internal/readback", []string{"channel", "github.com/google/go-cmp/...", "github.com/yuin/goldmark/..."}},
	// PostgreSQL and Hologres share their driver as well.
	{"internal/pg", []string{"source", "internal/...", "github.com/jackc/pgx/v5/..."}},
	{"internal/...", []string{"schedule", "version", "source", "channel", "render", "task", "internal/..."}},
	{"examples/...", []string{"..."}},
}

// helpers are packages for tests; only tests and examples may import them.
var helpers = []string{"schedule/scheduletest", "source/sourcetest", "source/snowflake/snowflakefake", "channel/channeltest", "task/storetest", "internal/readback"}

type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Standard,Imports"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, &stderr)
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// packages are all packages that hosts may link: those of the root module, and
// those of the nested modules that are sources. Of these only the files are read,
// so that nothing is downloaded for them.
func packages(t *testing.T) []pkg {
	t.Helper()
	pkgs := list(t, "./...")
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, ".ci", "modules"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range strings.Fields(string(text)) {
		if !strings.HasPrefix(dir, "source/") {
			continue
		}
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "testdata" {
				return fs.SkipDir
			}
			p, err := build.ImportDir(path, 0)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, path)
			pkgs = append(pkgs, pkg{ImportPath: module + "/" + filepath.ToSlash(name), Imports: p.Imports})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return pkgs
}

// short is a package's name within the module.
func short(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

func covers(pattern, name string) bool {
	if base, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(name+"/", base)
	}
	return pattern == name
}

func ruleFor(name string) (rule, bool) {
	for _, r := range rules {
		if covers(r.pkg, name) {
			return r, true
		}
	}
	return rule{}, false
}

func TestImportGraphHasOnlyTheArrowsOfTheDesign(t *testing.T) {
	std := make(map[string]bool)
	for _, p := range list(t, "std") {
		std[p.ImportPath] = true
	}
	for _, p := range packages(t) {
		name := short(p.ImportPath)
		r, ok := ruleFor(name)
		if !ok {
			t.Errorf("package %s stands in no row of the design's table", name)
			continue
		}
		for _, imp := range p.Imports {
			if std[imp] || imp == "C" {
				continue
			}
			if !slices.ContainsFunc(r.allow, func(a string) bool { return covers(a, short(imp)) }) {
				t.Errorf("%s imports %s, which the design does not allow", name, short(imp))
			}
		}
	}
}

func TestHelperPackagesAreNotImportedByProductionCode(t *testing.T) {
	for _, p := range packages(t) {
		name := short(p.ImportPath)
		if strings.HasPrefix(name, "examples/") || slices.Contains(helpers, name) {
			continue
		}
		for _, imp := range p.Imports {
			if slices.Contains(helpers, short(imp)) {
				t.Errorf("%s imports the test helper %s", name, short(imp))
			}
			if imp == "testing" {
				t.Errorf("%s imports testing", name)
			}
		}
	}
}

// Only the engine's own package may be imported by root alone.
func TestEngineIsImportedByRootOnly(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != module && slices.Contains(p.Imports, module+"/internal/engine") {
			t.Errorf("%s imports internal/engine", short(p.ImportPath))
		}
	}
}

func TestAHostLinksOnlyWhatItImports(t *testing.T) {
	const host = "./internal/house/testdata/host"
	build := exec.Command("go", "build", "-o", filepath.Join(t.TempDir(), "host"), host)
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", host, err, out)
	}
	heavy := []string{
		"database/sql", "modernc.org/...", "github.com/jmoiron/...", "github.com/jackc/...", "github.com/go-sql-driver/...",
		"github.com/ClickHouse/...", "github.com/aliyun/...", "github.com/snowflakedb/...",
		"github.com/wneessen/...", "github.com/xuri/...", "github.com/emersion/...", "github.com/riverqueue/...",
		"github.com/google/go-cmp/...", "testing", "html/template", "text/template",
	}
	for _, p := range list(t, "-deps", host) {
		for _, h := range heavy {
			if covers(h, p.ImportPath) {
				t.Errorf("a host with root and one webhook channel links %s", p.ImportPath)
			}
		}
		third := strings.Contains(strings.SplitN(p.ImportPath, "/", 2)[0], ".") && !strings.HasPrefix(p.ImportPath, module) && !p.Standard
		if third && !covers("github.com/yuin/goldmark/...", p.ImportPath) {
			t.Errorf("a host with root and one webhook channel links the module of %s; only goldmark is expected", p.ImportPath)
		}
	}
}
