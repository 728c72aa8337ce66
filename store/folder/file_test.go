package folder

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/internal/disk"
	"github.com/helios-h2020/pse/store"
)

const (
	writesIn  = "PSE_TEST_WRITES_IN" // the directory of the writer that is to be killed
	smallSize = 1 << 20              // of its file: large, so that most kills are within a write
)

// TestWriterOfSmallFiles is no test, but the process that TestSmallFilesAreWhole kills.
func TestWriterOfSmallFiles(t *testing.T) {
	dir := os.Getenv(writesIn)
	if dir == "" {
		return
	}
	b, err := Open(dir, SyncNever, disk.Floor{})
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		if err := b.Write("upload/checked", bytes.Repeat([]byte{byte('a' + n%26)}, smallSize)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("wrote")
	}
}

// A small file is whole whenever its writer is killed; what the kill leaves is in no list.
func TestSmallFilesAreWhole(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for kill := range 20 {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "upload"), 0o700); err != nil {
			t.Fatal(err)
		}
		writer := exec.Command(self, "-test.run=^TestWriterOfSmallFiles$", "-test.v")
		writer.Env = append(os.Environ(), writesIn+"="+dir)
		out, err := writer.StdoutPipe()
		if err == nil {
			err = writer.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for wrote := 0; wrote <= kill && lines.Scan(); {
			if strings.Contains(lines.Text(), "wrote") {
				wrote++
			}
		}
		_ = writer.Process.Kill()
		_ = writer.Wait() // its error is that it was killed
		b, err := Open(dir, SyncNever, disk.Floor{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Read("upload/checked")
		if err != nil || len(got) != smallSize || !bytes.Equal(got, bytes.Repeat(got[:1], smallSize)) {
			t.Errorf("after kill %d: %d of %d bytes, %v", kill, len(got), smallSize, err)
		}
		if names, err := b.List("upload"); err != nil || len(names) > 0 {
			t.Errorf("listed: %v, %v", names, err)
		}
	}
}

// A write that fails leaves the file as it was, and nothing beside it.
func TestSmallFileStaysWhenAWriteFails(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(dir, SyncAlways, disk.Floor{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Write("nowhere/note", []byte("x")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("into a directory that is missing: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "upload", "note", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := b.Write("upload/note", []byte("x")); err == nil {
		t.Error("a directory is replaced by a file")
	}
	left, err := os.ReadDir(filepath.Join(dir, "upload"))
	if err != nil || len(left) != 1 || left[0].Name() != "note" {
		t.Errorf("left: %v, %v", left, err)
	}
}
