package housetest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of docs anew from the code")

// generated holds a table of a document to what the code says. It stands
// between two comments; go test ./internal/housetest -update writes it anew.
func generated(t *testing.T, file, name, want string) {
	t.Helper()
	begin, end := "<!-- BEGIN "+name+": written by go test ./internal/housetest -update -->\n", "<!-- END "+name+" -->\n"
	all := text(t, file)
	before, rest, ok := strings.Cut(all, begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table %s", file, name)
	}
	if got == want {
		return
	}
	if !*update {
		t.Errorf("the table %s of %s is not what the code says; run: go test ./internal/housetest -update", name, file)
		return
	}
	if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(file)), []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// cell is a text that may stand in a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", ">", "&gt;").Replace(s)
}
