package transfer

import (
	"bytes"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/store"
)

// What is on the disk, as it is there for years.
const (
	fileData    = "data"
	fileJournal = "crc"
	fileInfoOld = "info.old"
	blockSize   = 64 << 10 // of data, with a checksum of its own
	recordSize  = 16       // of the journal
)

// damage changes a byte of a file, counted from its end when negative.
func damage(t *testing.T, file string, at int64) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if at < 0 {
		st, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		at += st.Size()
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x40
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

// cut shortens a file.
func cut(t *testing.T, file string, by int64) {
	t.Helper()
	st, err := os.Stat(file)
	if err == nil {
		err = os.Truncate(file, st.Size()-by)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever is damaged on the disk: the good beginning is kept, what is lost is
// told of, and the sender goes on from there to a file that is right.
func TestDamageIsRepaired(t *testing.T) {
	t.Parallel()
	body := random(5, 300_000)
	const sent = 200_000 // three blocks and a piece
	for name, c := range map[string]struct {
		do     func(t *testing.T, dir string)
		offset int  // afterwards
		told   bool // of lost bytes
	}{
		"nothing":                     {func(*testing.T, string) {}, sent, false},
		"data that was never told of": {func(t *testing.T, d string) { appendTo(t, d, fileData, 5000) }, sent, false},
		"half a record":               {func(t *testing.T, d string) { appendTo(t, d, fileJournal, 7) }, sent, false},
		"a record of nonsense":        {func(t *testing.T, d string) { appendTo(t, d, fileJournal, recordSize) }, sent, false},
		"data damaged in the last":    {func(t *testing.T, d string) { damage(t, filepath.Join(d, fileData), -1) }, 3 * blockSize, true},
		"data cut off":                {func(t *testing.T, d string) { cut(t, filepath.Join(d, fileData), 70_000) }, blockSize, true},
		"the last record damaged":     {func(t *testing.T, d string) { damage(t, filepath.Join(d, fileJournal), -1) }, 3 * blockSize, true},
		"all data gone":               {func(t *testing.T, d string) { cut(t, filepath.Join(d, fileData), sent) }, 0, true},
		"the journal gone":            {func(t *testing.T, d string) { cut(t, filepath.Join(d, fileJournal), 4*recordSize) }, 0, false},
		"metadata, with one of before": {func(t *testing.T, d string) {
			copyTo(t, d, store.FileInfo, fileInfoOld)
			damage(t, filepath.Join(d, store.FileInfo), 3)
		}, sent, false},
	} {
		t.Run(name, func(t *testing.T) {
			b, dir := bustest.New(t), t.TempDir()
			in := func(c *Config) { c.Dir = dir }
			var u upload
			t.Run("before", func(t *testing.T) {
				r := startOn(t, b, in)
				u = r.create(len(body))
				u.patch(0, body[:sent]).want(t, http.StatusNoContent)
			})
			c.do(t, filepath.Join(dir, u.name()))
			r := startOn(t, b, in)
			u.r, u.write, u.read = r, r.url+path.Join(filesRoot, path.Base(u.write)), r.url+path.Join(filesRoot, path.Base(u.read))
			if n := u.offset(); n != c.offset {
				t.Fatalf("offset %d, want %d", n, c.offset)
			}
			if c.told {
				if e := bustest.Expect[bus.UploadCorrupt](t, b)(); e.Upload != u.name() || e.Offset != int64(c.offset) || e.Lost < 1 {
					t.Errorf("told: %+v", e)
				}
			}
			u.patch(c.offset, body[c.offset:]).want(t, http.StatusNoContent)
			if a := r.ask("GET", u.read, nil).want(t, http.StatusOK); !bytes.Equal(a.body, body) {
				t.Error("other bytes")
			}
			if e := bustest.Expect[bus.UploadCompleted](t, b)(); e.SHA256 != hashOf(body) {
				t.Errorf("completed: %+v", e)
			}
		})
	}
}

// A complete file that is damaged: before it has its hash it is told of, and
// not sent to anybody; afterwards a damaged journal is of no matter.
func TestCompleteIsChecked(t *testing.T) {
	r := start(t)
	body := random(13, 200_000)
	s := r.store
	i := &store.Info{Name: store.NewToken(), Key: store.NewToken(), Size: int64(len(body))}
	if err := s.Create(i); err != nil {
		t.Fatal(err)
	}
	w, err := s.Writer(i.Name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append(bytes.NewReader(body), i.Size, nil); err != nil {
		t.Fatal(err)
	}
	data := s.Location(i).Path
	damage(t, data, 70_000)
	if err := w.Change(func(i *store.Info) { i.Completed = 1 }); err != nil {
		t.Fatal(err)
	}
	w.Close()
	r.facts.wake(i.Name)
	if e := bustest.Expect[bus.UploadCorrupt](t, r.bus)(); e.Upload != i.Name || e.Offset != blockSize || e.Lost != int64(len(body))-blockSize {
		t.Errorf("told: %+v", e)
	}
	r.ask("GET", r.url+filesRoot+i.Name+"-"+i.Key, nil).want(t, http.StatusInternalServerError)

	u := r.create(len(body))
	u.patch(0, body).want(t, http.StatusNoContent)
	if e := bustest.Expect[bus.UploadCompleted](t, r.bus)(); e.Upload != u.name() {
		t.Errorf("completed: %+v", e)
	}
	data = s.Location(&store.Info{Name: u.name()}).Path
	damage(t, filepath.Join(filepath.Dir(data), fileJournal), -1)
	if n := u.offset(); n != len(body) {
		t.Errorf("offset %d", n)
	}
	if a := r.ask("GET", u.read, nil).want(t, http.StatusOK); !bytes.Equal(a.body, body) {
		t.Error("other bytes")
	}
}

// What nobody can read is set aside for a person, and told of; nothing else suffers.
func TestUnreadableIsSetAside(t *testing.T) {
	b, dir := bustest.New(t), t.TempDir()
	in := func(c *Config) { c.Dir = dir }
	var bad, good upload
	t.Run("before", func(t *testing.T) {
		r := startOn(t, b, in)
		bad, good = r.create(10), r.create(3)
		good.patch(0, []byte("abc")).want(t, http.StatusNoContent)
		bad.patch(0, []byte("abc")).want(t, http.StatusNoContent)
	})
	for _, f := range []string{store.FileInfo, fileInfoOld} {
		_ = os.Truncate(filepath.Join(dir, bad.name(), f), 0)
	}
	r := startOn(t, b, in)
	r.ask("HEAD", r.url+path.Join(filesRoot, path.Base(bad.write)), nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNotFound)
	r.ask("GET", r.url+path.Join(filesRoot, path.Base(good.read)), nil).want(t, http.StatusOK)
	next := bustest.Expect[bus.UploadCorrupt](t, b)
	if e := next(); e.Upload != bad.name() || e.Lost != -1 {
		t.Errorf("told: %+v", e)
	}
	if got, err := os.ReadFile(filepath.Join(dir, store.DirDamaged, bad.name(), fileData)); err != nil || string(got) != "abc" {
		t.Errorf("kept: %q, %v", got, err)
	}
	told := path.Join(store.DirDamaged, bad.name(), markCompleted)
	isTold := func() bool { return r.store.Has(told) }
	bustest.Eventually(t, "that it is told is noted", isTold)
	if err := r.store.Erase(told); err != nil { // as if killed before it was noted
		t.Fatal(err)
	}
	r.facts.wakeDamaged(bad.name())
	bustest.Eventually(t, "that it is told is noted again", isTold)
	last := bus.UploadCorrupt{Upload: "last"}
	if err := bus.Publish(t.Context(), b, last); err != nil {
		t.Fatal(err)
	}
	if e := next(); e != last {
		t.Errorf("told again: %+v", e)
	}
}

func appendTo(t *testing.T, dir, file string, n int) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(random(9, n)); err != nil {
		t.Fatal(err)
	}
}

func copyTo(t *testing.T, dir, from, to string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, from))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, to), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A file that a disk forgets long after it came is found out when its turn
// comes, told of once, and not sent to anybody; one that is as it was goes on.
func TestRecheck(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Recheck, c.RecheckRate = time.Second, 1<<30 })
	body := random(14, 1<<20)
	good, bad := r.create(len(body)), r.create(len(body))
	next := bustest.Expect[bus.UploadCompleted](t, r.bus)
	for _, u := range []upload{good, bad} {
		u.patch(0, body).want(t, http.StatusNoContent)
		next()
	}
	data := r.store.Location(&store.Info{Name: bad.name()}).Path
	damage(t, data, 70_000)
	if e := bustest.Expect[bus.UploadCorrupt](t, r.bus)(); e.Upload != bad.name() || e.Offset != blockSize || e.Lost != int64(len(body))-blockSize {
		t.Errorf("told: %+v", e)
	}
	r.ask("GET", bad.read, nil).want(t, http.StatusInternalServerError)
	var first time.Time
	bustest.Eventually(t, "the good one is checked", func() bool {
		var err error
		first, err = r.store.Written(filepath.Join(good.name(), markChecked))
		return err == nil
	})
	bustest.Eventually(t, "it is checked again", func() bool {
		at, err := r.store.Written(filepath.Join(good.name(), markChecked))
		return err == nil && at.After(first)
	})
	r.ask("GET", good.read, nil).want(t, http.StatusOK)
	bustest.Eventually(t, "the damage is not to be told of again", func() bool { return !r.store.Has(filepath.Join(bad.name(), store.FileLost)) })
}
