package certificate

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"go.uber.org/zap"
)

func TestPairFollowsItsFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificatetest.Write(t, dir, 1)
	p, err := Load(cert, key, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	expect := func(when string, want int64) {
		t.Helper()
		now = now.Add(recheck)
		if got := p.current(now).Leaf.SerialNumber.Int64(); got != want {
			t.Errorf("%s: serial number %d, want %d", when, got, want)
		}
	}
	expect("at first", 1)
	certificatetest.Write(t, dir, 2)
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(cert, later, later); err != nil {
		t.Fatal(err)
	}
	expect("after it was renewed", 2)
	if err := os.WriteFile(cert, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("with a broken file", 2)
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	expect("without a file", 2)
	certificatetest.Write(t, dir, 3)
	expect("when it is whole again", 3)
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	one, _ := certificatetest.Write(t, t.TempDir(), 1)
	_, two := certificatetest.Write(t, t.TempDir(), 2)
	for name, pair := range map[string][2]string{
		"missing": {filepath.Join(t.TempDir(), "none.pem"), two}, "of two pairs": {one, two},
	} {
		if _, err := Load(pair[0], pair[1], zap.NewNop()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
