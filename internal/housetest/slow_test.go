package housetest

import (
	"go/ast"
	"strings"
	"testing"
)

// A test that was renamed must not stay out of the quick ones by its old name, nor
// come into them by its new one unseen.
func TestSlowTestsExist(t *testing.T) {
	there := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test && f.Recv == nil {
				there[f.Name.Name] = true
			}
		}
	}
	_, text := lines(t, "scripts/slow.txt")
	names := 0
	for line := range strings.Lines(text) {
		name := strings.TrimSpace(line)
		if strings.HasPrefix(name, "#") {
			continue
		}
		if names++; !there[name] {
			t.Errorf("scripts/slow.txt names %s, which is not there", name)
		}
	}
	if names == 0 {
		t.Fatal("scripts/slow.txt names no test: the test tests nothing")
	}
}
