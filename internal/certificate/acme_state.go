package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
)

// failuresKey is where the store keeps why there is no (new) certificate, for
// other processes, as the doctor.
const failuresKey = "failures.json"

// An acmeStore is the directory of certificates and accounts, in the library's
// order, and what failed with them.
type acmeStore struct {
	files *certmagic.FileStorage

	mu       sync.Mutex
	failures map[string]string // guarded by mu: by name, in words
}

// openACMEStore makes the directory, if it is missing, for its owner only.
func openACMEStore(dir string) (*acmeStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return lookACMEStore(dir)
}

// lookACMEStore reads a directory that may be missing.
func lookACMEStore(dir string) (*acmeStore, error) {
	s := &acmeStore{files: &certmagic.FileStorage{Path: dir}, failures: map[string]string{}}
	b, err := s.files.Load(context.Background(), failuresKey)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	} else if err != nil {
		return nil, err
	}
	_ = json.Unmarshal(b, &s.failures) // half a file of ours: it comes anew with the next failure
	return s, nil
}

func (s *acmeStore) failure(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures[name]
}

func (s *acmeStore) failed(name, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures[name] = why
	s.write()
}

func (s *acmeStore) succeeded(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures[name] != "" {
		delete(s.failures, name)
		s.write()
	}
}

// write is called with the lock held. Where it fails the disk is in trouble,
// which is told elsewhere.
func (s *acmeStore) write() {
	if b, err := json.Marshal(s.failures); err == nil {
		_ = s.files.Store(context.Background(), failuresKey, b)
	}
}

// stored is the certificate of a name, nil when there is none.
func (s *acmeStore) stored(directory, name string) (*x509.Certificate, error) {
	issuer := (&certmagic.ACMEIssuer{CA: directory}).IssuerKey()
	b, err := s.files.Load(context.Background(), certmagic.StorageKeys.SiteCert(issuer, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	key, err := s.files.Load(context.Background(), certmagic.StorageKeys.SitePrivateKey(issuer, name))
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(b, key)
	return pair.Leaf, err
}

// A State is what is known of the certificate of one name.
type State struct {
	Name   string
	Leaf   *x509.Certificate // nil: there is none yet
	Failed string            // why the last try to get one failed, and what to do; empty: it did not
	from   string            // the server's URL
}

// States are those of all names, as they are in use.
func (a *ACME) States() []State {
	all := make([]State, 0, len(a.cfg.Names))
	for _, name := range a.cfg.Names {
		all = append(all, State{Name: name, Leaf: a.leaf(name), Failed: a.store.failure(name), from: a.cfg.directory()})
	}
	return all
}

// LookACME tells of all names as they are stored in a directory, where another
// process may use them.
func LookACME(dir string, cfg ACMEConfig) ([]State, error) {
	s, err := lookACMEStore(dir)
	if err != nil {
		return nil, fmt.Errorf("certificates by ACME: %w", err)
	}
	var all []State
	for _, name := range cfg.Names {
		leaf, err := s.stored(cfg.directory(), name)
		if err != nil {
			return nil, fmt.Errorf("the certificate of %s by ACME cannot be read: %w; remove it from %s, then it is asked for anew", name, err, dir)
		}
		all = append(all, State{Name: name, Leaf: leaf, Failed: s.failure(name), from: cfg.directory()})
	}
	return all, nil
}

// Trouble says why devices refuse this name, or soon will; nil: they do not.
func (s State) Trouble(now time.Time) error {
	switch {
	case s.Leaf == nil && s.Failed == "":
		return fmt.Errorf("there is no certificate for %s yet: %s is asked for one, and until it is here devices get the private one", s.Name, s.from)
	case s.Leaf == nil:
		return fmt.Errorf("there is no certificate for %s: %s; it is tried again by itself, at once by SIGHUP, and until then devices get the private one", s.Name, s.Failed)
	}
	wrong := check(s.Leaf, []string{s.Name}, now)
	if s.Failed != "" {
		wrong = errors.Join(wrong, fmt.Errorf("the certificate for %s, good until %s, could not be renewed: %s; it is tried again by itself, at once by SIGHUP", s.Name, day(s.Leaf.NotAfter), s.Failed))
	}
	return wrong
}

// String says what there is.
func (s State) String() string {
	if s.Leaf == nil {
		return fmt.Sprintf("none yet for %s, by ACME from %s", s.Name, s.from)
	}
	return fmt.Sprintf("for %s, until %s, by ACME from %s", s.Name, s.Leaf.NotAfter.UTC().Format(time.DateOnly), s.from)
}
