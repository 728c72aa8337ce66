package housetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/helios-h2020/pse"
)

// workers are the packages that never import each other.
func workers() []string { return []string{"ingest", "transcode", "edge", "signal", "turn", "transfer"} }

// A source is one Go file of ours.
type source struct {
	path    string // from the root of the repository, with slashes
	pkg     string // its directory
	test    bool
	file    *ast.File
	imports map[string]bool
	fset    *token.FileSet
}

// sources parses every Go file of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	fset := token.NewFileSet()
	for _, name := range files(t, ".go") {
		f, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		s := source{path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), file: f, fset: fset, imports: map[string]bool{}}
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			s.imports[p] = true
		}
		all = append(all, s)
	}
	if len(all) < 50 {
		t.Fatalf("found only %d Go files from %s: is this the repository?", len(all), root)
	}
	return all
}

// files lists what is ours with one of these endings.
func files(t *testing.T, endings ...string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata" || name == "web/dist" || name == "artifacts" || name == "bin"):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		for _, e := range endings {
			if strings.HasSuffix(name, e) {
				all = append(all, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// lines counts a file's lines.
func lines(t *testing.T, name string) (n int, text string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(b), "\n"), string(b)
}
