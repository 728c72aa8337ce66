package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// How long certificates are good for. Apple's devices refuse a server's that
// is good for longer than 825 days, even of a root that its owner installed.
const (
	rootLife = 20 * 365 * 24 * time.Hour
	leafLife = 397 * 24 * time.Hour
	renewal  = 30 * 24 * time.Hour // before a leaf's end a new one is made
	backdate = 24 * time.Hour      // phones' clocks may be late
	rename   = 10 * time.Second    // how often the names are looked at, at most
)

// An Authority is a private certificate authority of one box: a root that its
// owner installs on phones once, and the certificate of this box under it,
// which is made anew in memory whenever the box gets another address or name.
// It is safe for concurrent use.
type Authority struct {
	names func() Names
	log   *zap.Logger
	root  *x509.Certificate
	key   *ecdsa.PrivateKey
	pem   []byte

	mu     sync.Mutex // guards what follows
	leaf   *tls.Certificate
	named  string // the names in it
	looked time.Time
}

// Open reads the authority of a directory (ca.pem, ca.key), or makes it there.
// names is asked again and again what the box is called.
func Open(dir string, names func() Names, log *zap.Logger) (*Authority, error) {
	a := &Authority{names: names, log: log}
	err := a.read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = a.make(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("private certificate authority: %w; remove %s and %s to make a new one (phones must install it anew)",
			err, filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key"))
	}
	return a, nil
}

// Config is how a server uses it, with the application protocols as given.
func (a *Authority) Config(protocols ...string) *tls.Config {
	return serverConfig(protocols, a.current)
}

// Root is the certificate to install, in PEM.
func (a *Authority) Root() []byte { return a.pem }

// Fingerprint is the root's SHA-256, as phones show it: pairs of hexadecimal digits.
func (a *Authority) Fingerprint() string {
	sum := sha256.Sum256(a.root.Raw)
	var pairs []string
	for _, b := range sum {
		pairs = append(pairs, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	return strings.Join(pairs, ":")
}

// current is the box's certificate by its names of now.
func (a *Authority) current(now time.Time) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaf != nil && now.Sub(a.looked) < rename {
		return a.leaf, nil
	}
	a.looked = now
	names := a.names()
	if a.leaf != nil && names.String() == a.named && now.Before(a.leaf.Leaf.NotAfter.Add(-renewal)) {
		return a.leaf, nil
	}
	leaf, err := a.issue(names, now)
	if err != nil {
		if a.leaf == nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
		a.log.Warn("keeping the old TLS certificate: no new one could be made", zap.Error(err))
		return a.leaf, nil
	}
	a.log.Info("made a TLS certificate", zap.String("names", names.String()), zap.Time("until", leaf.Leaf.NotAfter))
	a.leaf, a.named = leaf, names.String()
	return leaf, nil
}

// issue makes a certificate for a server.
func (a *Authority) issue(names Names, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: names.first()},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(leafLife - backdate),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: names.DNS, IPAddresses: names.IPs,
	}
	der, err := sign(template, a.root, key, a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.root.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// make makes a root. The key is written first: a root without its key is of no use.
func (a *Authority) make(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	host, _ := os.Hostname()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "PSE on " + host, Organization: []string{"Personal Storage Elements"}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(rootLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := sign(template, template, key, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writeNew(filepath.Join(dir, "ca.key"), "PRIVATE KEY", private); err != nil {
		return err
	}
	if err := writeNew(filepath.Join(dir, "ca.pem"), "CERTIFICATE", der); err != nil {
		return err
	}
	return a.read(dir)
}

// sign makes a certificate of a template with a random serial number.
func sign(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	return x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
}

// writeNew writes a PEM file for its owner only, whole or not at all.
func writeNew(path, kind string, der []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func (a *Authority) read(dir string) error {
	var err error
	if a.pem, err = os.ReadFile(filepath.Join(dir, "ca.pem")); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key"))
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return errors.New("ca.pem is not of PSE's making")
	}
	a.root, a.key = pair.Leaf, key
	return nil
}
