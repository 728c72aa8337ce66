package housetest

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// In a room calls run down: from the top a reader never has to go back up.
func TestFilesOfARoomRunDown(t *testing.T) {
	all, imported := sources(t), exports(t)
	for room, order := range orders() {
		place := map[string]int{}
		for i, names := range order {
			for name := range strings.FieldsSeq(names) {
				place[name] = i
			}
		}
		var files []*ast.File
		info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
		for _, s := range all {
			if s.pkg != room || s.test {
				continue
			}
			if built, err := build.Default.MatchFile(filepath.Join(root, room), path.Base(s.path)); err != nil || !built {
				continue // of another system
			}
			if _, ok := place[path.Base(s.path)]; !ok {
				t.Errorf("%s has no place in the order of its room", s.path)
			}
			files = append(files, s.file)
		}
		fset := all[0].fset
		conf := types.Config{Importer: importer.ForCompiler(fset, "gc", imported)}
		pkg, err := conf.Check(module+"/"+room, fset, files, info)
		if err != nil {
			t.Fatal(err)
		}
		var up []string
		for id, o := range info.Uses {
			if o.Pkg() != pkg || !o.Pos().IsValid() {
				continue
			}
			from, to := fset.Position(id.Pos()), fset.Position(o.Pos())
			if place[path.Base(to.Filename)] < place[path.Base(from.Filename)] {
				up = append(up, fmt.Sprintf("%s/%s:%d uses %s of %s, which is above it", room, path.Base(from.Filename), from.Line, o.Name(), path.Base(to.Filename)))
			}
		}
		slices.Sort(up)
		for _, u := range up {
			t.Error(u)
		}
	}
}

// A room of several files has an order, so that a new one gets it while it is easy.
// What is inside, and what tests and benchmarks use, may do without.
func TestRoomsHaveAnOrder(t *testing.T) {
	known, of := orders(), map[string]int{}
	for _, s := range sources(t) {
		if !s.test && !within(s.pkg, "internal") && !within(s.pkg, "bench") && !within(s.pkg, "docs") && !strings.HasSuffix(s.pkg, "test") {
			of[s.pkg]++
		}
	}
	for room, n := range of {
		if _, ok := known[room]; n > 1 && !ok {
			t.Errorf("%s has %d files and no order of them: write one in orders, from what is asked first down to what knows least", room, n)
		}
	}
	if len(of) < 30 {
		t.Errorf("found only %d rooms", len(of))
	}
}

// exports finds the export data of what rooms import.
func exports(t *testing.T) func(string) (io.ReadCloser, error) {
	t.Helper()
	list := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}
	for room := range orders() {
		list = append(list, module+"/"+room)
	}
	out, err := exec.Command("go", list...).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		pkg, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[pkg] = file
	}
	return func(pkg string) (io.ReadCloser, error) { return os.Open(files[pkg]) }
}
