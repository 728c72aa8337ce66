package certificate

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"go.uber.org/zap"
)

// load is a pair from its files.
func load(t *testing.T, cert, key string) *Pair {
	t.Helper()
	p, err := Load(cert, key, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPairFollowsItsFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificatetest.Write(t, dir, 1)
	p := load(t, cert, key)
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

// What devices would say of a certificate is said before they do.
func TestTroubleOfAPair(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		from, until time.Duration
		names       []string
		want        string
	}{
		"good":                 {-time.Hour, 80 * 24 * time.Hour, []string{"live.example.org", "a.example.net"}, ""},
		"expired":              {-90 * 24 * time.Hour, -time.Hour, nil, "has expired"},
		"not yet valid":        {time.Hour, 90 * 24 * time.Hour, nil, "clock"},
		"not renewed":          {-84 * 24 * time.Hour, 6 * 24 * time.Hour, nil, "ends soon"},
		"for another":          {-time.Hour, 90 * 24 * time.Hour, []string{"box.example.org"}, "is for live.example.org, *.example.net, and not for box.example.org"},
		"for another address":  {-time.Hour, 90 * 24 * time.Hour, []string{"192.0.2.7"}, "not for 192.0.2.7"},
		"expired, for another": {-90 * 24 * time.Hour, -time.Hour, []string{"box.example.org"}, "not for box.example.org"},
	} {
		cert, key := certificatetest.WriteFor(t, t.TempDir(), x509.Certificate{
			NotBefore: now.Add(c.from), NotAfter: now.Add(c.until), DNSNames: []string{"live.example.org", "*.example.net"},
		})
		p := load(t, cert, key)
		err := p.Trouble(c.names, now)
		if said := fmt.Sprint(err); (err == nil) != (c.want == "") || err != nil && !strings.Contains(said, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Files that were changed and do not fit are trouble, though the old pair is in use.
func TestTroubleOfAChangedPair(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificatetest.Write(t, dir, 1)
	p := load(t, cert, key)
	now := time.Now()
	if err := p.Trouble([]string{"localhost"}, now); err != nil {
		t.Error(err)
	}
	_, other := certificatetest.Write(t, t.TempDir(), 2)
	if err := os.Rename(other, key); err != nil {
		t.Fatal(err)
	}
	later := now.Add(time.Minute)
	if err := os.Chtimes(key, later, later); err != nil {
		t.Fatal(err)
	}
	if err := p.Trouble(nil, now.Add(2*recheck)); err == nil || !strings.Contains(err.Error(), "cannot be used") {
		t.Errorf("with a key of another: %v", err)
	}
	certificatetest.Write(t, dir, 3)
	if err := p.Trouble(nil, now.Add(4*recheck)); err != nil {
		t.Errorf("when they fit again: %v", err)
	}
}
