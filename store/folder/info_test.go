package folder

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/helios-h2020/pse/internal/disk"
	"github.com/helios-h2020/pse/store"
)

// openNew opens a directory, and makes an upload of two bytes in it.
func openNew(t *testing.T) (root string, b store.Backend, a store.Appender) {
	t.Helper()
	root = t.TempDir()
	b, err := Open(root, SyncNever, disk.Floor{})
	if err == nil {
		a, err = b.(store.Opener).CreateOpen(&store.Info{Name: store.NewToken(), Key: store.NewToken(), Size: 2}, func(int64) {})
	}
	if err == nil {
		_, err = a.Append(bytes.NewReader([]byte("ab")), make([]byte, store.CopySize), 2, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return root, b, a
}

// Whenever the writer of an upload's second metadata is killed the first are read, and nothing
// that comes later is written over the only ones that are whole.
func TestFirstMetadataStayUntilTheSecondAreWhole(t *testing.T) {
	_, _, a := openNew(t)
	second := *a.Info()
	second.Completed = 1
	whole, err := store.EncodeInfo(&second)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 9 {
		root, b, a := openNew(t)
		name := a.Info().Name
		now, fresh := filepath.Join(root, name, store.FileInfo), filepath.Join(root, name, fileInfoNew)
		a.(*appender).first = false // it is killed
		a.Close()
		if err := os.WriteFile(now, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if i, err := b.Info(name); err != nil || i.Complete() {
			t.Fatalf("%d bytes of the second: %+v, %v", n, i, err)
		}
		if aside, err := b.SetAside(name); aside || err != nil {
			t.Fatalf("%d bytes of the second: set aside: %v, %v", n, aside, err)
		}
		next, lost, err := b.Appender(name, func(int64) {})
		if err != nil || lost != 0 || next.Offset() != 2 {
			t.Fatalf("%d bytes of the second: %d lost, %v", n, lost, err)
		}
		if _, err := os.Stat(fresh); err == nil {
			t.Errorf("%d bytes of the second: the next version takes the place of the only one", n)
		}
		err = next.Change(func(i *store.Info) { i.Completed = 2 })
		next.Close()
		if i, again := b.Info(name); err != nil || again != nil || i.Completed != 2 {
			t.Errorf("%d bytes of the second: changed: %+v, %v, %v", n, i, err, again)
		}
	}
}

// Metadata that are damaged on the disk when the upload is complete are those before; it is
// complete again soon.
func TestFirstMetadataAreLeft(t *testing.T) {
	root, b, a := openNew(t)
	name := a.Info().Name
	if err := a.Change(func(i *store.Info) { i.Completed = 1 }); err != nil {
		t.Fatal(err)
	}
	a.Close()
	if i, err := b.Info(name); err != nil || !i.Complete() {
		t.Fatalf("%+v, %v", i, err)
	}
	if err := os.WriteFile(filepath.Join(root, name, store.FileInfo), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if i, err := b.Info(name); err != nil || i.Complete() {
		t.Errorf("damaged: %+v, %v", i, err)
	}
}

// Versions before look for metadata in one place before they write: an upload that its maker
// has closed has them there.
func TestMetadataAreInPlaceWhenClosed(t *testing.T) {
	root, _, a := openNew(t)
	a.Close()
	name := a.Info().Name
	left, err := filepath.Glob(filepath.Join(root, name, "info*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != store.FileInfo {
		t.Errorf("%v, %v", left, err)
	}
}
