package housetest

import (
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const longest = 400

// Past that length a file has a second noun in it, or says why not with a
// line that begins "Over 400 lines:".
func TestFilesAreShort(t *testing.T) {
	reason := regexp.MustCompile(`(?m)^\W*Over 400 lines: \w`)
	for _, name := range files(t, ".go", ".ts", ".css", ".html", ".sh", ".md", ".js") {
		if n, text := lines(t, name); n > longest && !reason.MatchString(text) {
			t.Errorf("%s has %d lines; split it by its nouns, or give the reason in a comment: Over 400 lines: ...", name, n)
		}
	}
}

// Knowing one worker is knowing all.
func TestWorkersHaveTheSameRooms(t *testing.T) {
	all := files(t, ".go")
	for _, w := range workers() {
		for _, f := range []string{"worker.go", "config.go", "errors.go"} {
			if !slices.Contains(all, w+"/"+f) {
				t.Errorf("%s/%s is not there", w, f)
			}
		}
	}
}

// A struct whose methods are all over a package ties its files to each other: what only
// needs a connection, a clock or a log gets that.
func TestMethodsOfAStructAreInFewFiles(t *testing.T) {
	const most = 4
	in := map[string]map[string]bool{} // files, by package and type
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			of := f.Recv.List[0].Type
			if p, ok := of.(*ast.StarExpr); ok {
				of = p.X
			}
			if g, ok := of.(*ast.IndexExpr); ok {
				of = g.X
			}
			if id, ok := of.(*ast.Ident); ok {
				name := s.pkg + "." + id.Name
				if in[name] == nil {
					in[name] = map[string]bool{}
				}
				in[name][s.path] = true
			}
		}
	}
	if len(in) == 0 {
		t.Fatal("no methods: the test tests nothing")
	}
	for name, files := range in {
		if len(files) > most {
			t.Errorf("%s has methods in %d files, more than %d: %v", name, len(files), most, slices.Sorted(maps.Keys(files)))
		}
	}
}

// A function that does not fit on a screen has steps that want names. Tests may be
// longer: they tell a story from its beginning to its end.
func TestFunctionsAreShort(t *testing.T) {
	const most = 60
	longer := map[string]string{
		"bus/conn/explain.go explain": "a list of what NATS refuses with, and what to do",
	}
	seen := 0
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			seen++
			name, n := s.path+" "+f.Name.Name, s.fset.Position(f.End()).Line-s.fset.Position(f.Pos()).Line+1
			switch because, known := longer[name]; {
			case n > most && !known:
				t.Errorf("%s has %d lines, more than %d; give its steps names, or the reason in this test", name, n, most)
			case n <= most && known:
				t.Errorf("%s has %d lines: it needs no reason any more (%s)", name, n, because)
			}
		}
	}
	if seen < 1000 {
		t.Fatalf("found only %d functions: the test tests little", seen)
	}
}

func TestFilesAreNamedAfterTheirNoun(t *testing.T) {
	for _, name := range files(t, ".go") {
		for _, bad := range []string{"util", "utils", "common", "helper", "helpers", "types", "manager", "misc"} {
			base := strings.TrimSuffix(strings.TrimSuffix(path.Base(name), ".go"), "_test")
			if base == bad || path.Base(path.Dir(name)) == bad {
				t.Errorf("%s: %q says nothing about what is in it", name, bad)
			}
		}
	}
}

func TestNothingRunsBeforeMain(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function; give whoever needs it a constructor", s.path)
			}
		}
	}
}

// A test that sleeps is slow on a fast machine and wrong on a slow one. On
// the clock of testing/synctest a sleep costs nothing and is exact.
func TestTestsDoNotSleep(t *testing.T) {
	for _, s := range sources(t) {
		if s.test && !s.imports["testing/synctest"] {
			eachCall(s, "time", "Sleep", func(line int) { t.Errorf("%s:%d sleeps; wait for an event instead", s.path, line) })
		}
	}
}

func TestNoGlobalLogger(t *testing.T) {
	for _, s := range sources(t) {
		for _, call := range []string{"L", "S", "ReplaceGlobals"} {
			eachCall(s, "zap", call, func(line int) { t.Errorf("%s:%d uses zap's global logger; take one as an argument", s.path, line) })
		}
		if s.imports["log"] && !s.test && !strings.HasPrefix(s.path, "bench/") {
			uses := false
			for _, call := range []string{"Print", "Printf", "Println", "Fatal", "Fatalf", "Panic"} {
				eachCall(s, "log", call, func(int) { uses = true })
			}
			if uses && !s.imports["go.uber.org/zap"] {
				t.Errorf("%s uses the global logger of package log; take a *zap.Logger", s.path)
			}
		}
	}
}

// What PSE runs of others has a short environment and bounds. Allowed are who
// gives them, the owner's own hooks, and what only tests and benchmarks run.
func TestProgramsAreStartedWithBounds(t *testing.T) {
	allowed := []string{"internal/child/child.go", "transfer/filehook/dir.go", "internal/process/", "internal/camera/cameratest/", "internal/disk/disktest/", "bench/", "docs/examples/", "internal/certificate/certificatetest/", "internal/browser/firefox.go"}
	for _, s := range sources(t) {
		if s.test || slices.ContainsFunc(allowed, func(a string) bool { return strings.HasPrefix(s.path, a) }) {
			continue
		}
		for _, call := range []string{"Command", "CommandContext"} {
			eachCall(s, "exec", call, func(line int) { t.Errorf("%s:%d starts a program; use internal/child", s.path, line) })
		}
	}
}

// eachCall finds calls of pkg.name.
func eachCall(s source, pkg, name string, f func(line int)) {
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != name {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == pkg {
			f(s.fset.Position(call.Pos()).Line)
		}
		return true
	})
}
