package render_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/render"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Each file in testdata/tree holds Markdown, a line of equals signs, and the
// tree that it becomes.
func TestTrees(t *testing.T) {
	const divider = "\n==========\n"
	files, err := filepath.Glob(filepath.Join("testdata", "tree", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	inputs := map[string]string{"name": "Ann", "stars": "**", "path": "a b/c", "user": "ou_1", "all": "all", "mail": "ann@example.com", "smile": "微笑", "face": "[微笑]"}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			body, want, _ := strings.Cut(string(b), divider)
			msg := mustRender(t, render.Content{Blocks: render.Blocks(render.Markdown(body))}, data(inputs))
			got := tree(msg.Sections[0].Blocks)
			for _, w := range msg.Warnings {
				got += fmt.Sprintf("warning %s: %s\n", w.Code, w.Text)
			}
			if *update {
				if err := os.WriteFile(file, []byte(body+divider+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// tree writes blocks one node a line.
func tree(blocks []channel.Block) string {
	var b strings.Builder
	line := func(depth int, format string, args ...any) {
		fmt.Fprintf(&b, "%s%s\n", strings.Repeat("  ", depth), fmt.Sprintf(format, args...))
	}
	var inlines func(depth int, ns []channel.Inline)
	inlines = func(depth int, ns []channel.Inline) {
		for _, n := range ns {
			switch n := n.(type) {
			case channel.Text:
				line(depth, "%q", string(n))
			case channel.CodeSpan:
				line(depth, "code %q", string(n))
			case *channel.Strong:
				line(depth, "strong")
				inlines(depth+1, n.Inlines)
			case *channel.Emphasis:
				line(depth, "emphasis")
				inlines(depth+1, n.Inlines)
			case *channel.Strike:
				line(depth, "strike")
				inlines(depth+1, n.Inlines)
			case *channel.Link:
				line(depth, "link %s", n.URL)
				inlines(depth+1, n.Inlines)
			case *channel.Image:
				line(depth, "image %s %q", n.URL, n.Alt)
			case *channel.Mention:
				line(depth, "mention %+v", *n)
			case *channel.Break:
				line(depth, "break %v", map[bool]string{true: "soft", false: "hard"}[n.Soft])
			}
		}
	}
	var walk func(depth int, bs []channel.Block)
	walk = func(depth int, bs []channel.Block) {
		for _, n := range bs {
			switch n := n.(type) {
			case *channel.Heading:
				line(depth, "heading %d", n.Level)
				inlines(depth+1, n.Inlines)
			case *channel.Paragraph:
				line(depth, "paragraph")
				inlines(depth+1, n.Inlines)
			case *channel.List:
				line(depth, "list %d", n.Start)
				for _, item := range n.Items {
					task := ""
					if item.Task != nil {
						task = fmt.Sprintf(" task %v", *item.Task)
					}
					line(depth+1, "item%s", task)
					walk(depth+2, item.Blocks)
				}
			case *channel.Quote:
				line(depth, "quote")
				walk(depth+1, n.Blocks)
			case *channel.Code:
				line(depth, "code %q %q", n.Language, n.Text)
			case *channel.Rule:
				line(depth, "rule")
			case *channel.Image:
				line(depth, "image %s %q", n.URL, n.Alt)
			case *channel.Table:
				line(depth, "table")
				for _, c := range n.Columns {
					line(depth+1, "column %q %s", c.Header, c.Align)
				}
				for i := range n.Rows() {
					texts := []string{}
					for _, c := range n.Row(i) {
						texts = append(texts, fmt.Sprintf("%q", c.Text))
					}
					line(depth+1, "row %s", strings.Join(texts, " "))
				}
			default:
				line(depth, "%T", n)
			}
		}
	}
	walk(0, blocks)
	return b.String()
}
