package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What was built of a tag says that it is that version, and what comes after it does not.
// (The go command takes no tag above v1 for a module without a version in its path.)
func TestVersionIsThatOfTheTag(t *testing.T) {
	if os.Getenv("PSE_LONG") == "" {
		t.Log("it builds the program twice: only with PSE_LONG=1")
		return
	}
	tree, bin := filepath.Join(t.TempDir(), "tree"), filepath.Join(t.TempDir(), "pse")
	run := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v: %s", name, args, err, out)
		}
		return string(out)
	}
	git := func(args ...string) {
		t.Helper()
		run("git", append([]string{"-C", tree, "-c", "user.name=test", "-c", "user.email=test@example.org"}, args...)...)
	}
	version := func() string {
		t.Helper()
		run("go", "build", "-C", tree, "-buildvcs=true", "-o", bin, "./cmd/pse")
		return run(bin, "version")
	}
	run("git", "clone", "--quiet", "../..", tree)
	git("tag", "--annotate", "--message=test", "v1.98.7")
	if said := version(); !strings.Contains(said, "v1.98.7") {
		t.Errorf("at the tag: %s", said)
	}
	git("commit", "--quiet", "--allow-empty", "--message=more")
	if said := version(); strings.Contains(said, "v1.98.7\n") || strings.Contains(said, "v1.98.7 ") || !strings.Contains(said, "v1.98.8-0.") {
		t.Errorf("after the tag: %s", said)
	}
}
