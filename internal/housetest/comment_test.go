package housetest

import (
	"go/ast"
	"strings"
	"testing"
)

// What others may use says what it is, also when it implements an interface:
// which one is not seen by its name.
func TestExportedNamesAreDocumented(t *testing.T) {
	seen := 0
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.path, "bench/") || strings.HasPrefix(s.path, "docs/") {
			continue
		}
		missing := func(name *ast.Ident, doc ...*ast.CommentGroup) {
			if !name.IsExported() {
				return
			}
			seen++
			for _, d := range doc {
				if d != nil {
					return
				}
			}
			t.Errorf("%s: %s has no comment", s.fset.Position(name.Pos()), name.Name)
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				missing(d.Name, d.Doc)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						missing(spec.Name, spec.Doc, spec.Comment, d.Doc)
					case *ast.ValueSpec: // one comment may tell of a whole group
						for _, name := range spec.Names {
							missing(name, spec.Doc, spec.Comment, d.Doc)
						}
					}
				}
			}
		}
	}
	if seen == 0 {
		t.Fatal("nothing is exported: the test tests nothing")
	}
}
