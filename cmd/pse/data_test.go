package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/internal/disk/disktest"
)

// Where nothing can be kept the start ends with one line that says why, and what
// to do; the doctor says the same.
func TestDataDirectoryThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	readOnly := disktest.Mount(t, "size=1m,mode=0700")
	if err := unix.Mount("", readOnly, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	roots := openDir(t)
	if err := os.Chmod(roots, 0o755); err != nil { // root's own, and others may look
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		file:     "is no directory; remove what is there, or give another with --data DIR",
		readOnly: "is read-only; mount it for writing, or give another with --data DIR",
		roots:    "belongs to user root, and user nobody may not write there; run pse as its owner, give it away",
	} {
		for _, command := range []string{"serve", "doctor"} {
			out, err := asNobody(t, dir == roots, "--data", dir, "--set", "admin.listen=off", command)
			said := ""
			for line := range strings.Lines(out) {
				if strings.Contains(line, want) {
					said += line
				}
			}
			if err == nil || strings.Count(said, "\n") != 1 {
				t.Errorf("%s on %s: %v\n%s", command, dir, err, out)
			}
		}
	}
}

// openDir is a directory that other users reach.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pse-open-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// asNobody runs the program to its end, as a user who may do nothing if it is so.
func asNobody(t *testing.T, nobody bool, args ...string) (string, error) {
	t.Helper()
	if !nobody {
		return pse(t, args...)
	}
	dir := openDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "pse")
	from, err := os.Open(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(bin, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
