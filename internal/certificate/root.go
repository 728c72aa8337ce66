package certificate

import (
	"bytes"
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
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The files of an authority. ca.pem has the root first, and may have after it
// the same key signed by the root before, and that root.
//
// A new root and its key are two files, and a crash between them must cost
// neither: the key waits in keyNext, ca.pem is replaced, the key is moved. A
// reader that finds ca.pem and ca.key apart takes keyNext.
const (
	rootFile = "ca.pem"
	keyFile  = "ca.key"
	keyNext  = "ca.next.key"
	lockFile = "ca.lock" // held while roots are made
)

// A root is a private authority's root of one time.
type root struct {
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
	cross   *x509.Certificate // the root's key, vouched for by the root before; or nil
	earlier *x509.Certificate // the root before, or nil
}

// read reads the root of a directory.
func read(dir string) (*root, error) {
	certs := filepath.Join(dir, rootFile)
	if _, err := os.Stat(certs); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(certs, filepath.Join(dir, keyFile))
	if err != nil {
		next, errNext := tls.LoadX509KeyPair(certs, filepath.Join(dir, keyNext))
		if errNext != nil {
			return nil, err
		}
		pair = next
	}
	r := &root{cert: pair.Leaf}
	var ok bool
	if r.key, ok = pair.PrivateKey.(*ecdsa.PrivateKey); !ok || !r.cert.IsCA {
		return nil, errors.New(rootFile + " is not of PSE's making")
	}
	for _, der := range pair.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", rootFile, err)
		}
		if r.key.PublicKey.Equal(c.PublicKey) {
			r.cross = c
		} else {
			r.earlier = c
		}
	}
	return r, nil
}

// replace makes a root with a key of its own that takes the place of old, if
// there is one. With overlap the old one vouches for it, so that devices which
// have only that go on until it ends; its key is not kept in either case.
func replace(dir string, old *root, overlap bool, names Names, now time.Time) (*root, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "PSE on " + host + ", " + now.Format(time.DateOnly), Organization: []string{organization}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(rootLife - backdate),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, MaxPathLen: 1, // the root that comes after it, and its certificates
	}
	constrain(template, names)
	der, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	r := &root{key: key}
	if r.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	if old != nil {
		r.earlier = old.cert
		if overlap {
			cross := *r.cert
			cross.NotAfter, cross.MaxPathLen, cross.MaxPathLenZero, cross.AuthorityKeyId = old.cert.NotAfter, 0, true, nil
			if der, err = sign(&cross, old.cert, key, old.key); err != nil {
				return nil, err
			}
			if r.cross, err = x509.ParseCertificate(der); err != nil {
				return nil, err
			}
		}
	}
	return r, r.write(dir)
}

// canCross says that a root may vouch for the one that comes after it. Those
// of PSE's first versions may sign certificates of servers only.
func (r *root) canCross() bool { return r.cert.MaxPathLen > 0 }

// due is when the next root is to be made.
func (r *root) due() time.Time {
	if r.canCross() {
		return r.cert.NotAfter.Add(-overlap)
	}
	return r.cert.NotAfter.Add(-renewal)
}

// overlaps says that devices which have only the earlier root are served too.
func (r *root) overlaps(now time.Time) bool { return r.cross != nil && now.Before(r.cross.NotAfter) }

func (r *root) write(dir string) error {
	private, err := x509.MarshalPKCS8PrivateKey(r.key)
	if err != nil {
		return err
	}
	if err := writeNew(filepath.Join(dir, keyNext), &pem.Block{Type: "PRIVATE KEY", Bytes: private}); err != nil {
		return err
	}
	certs := []*pem.Block{{Type: "CERTIFICATE", Bytes: r.cert.Raw}}
	for _, c := range []*x509.Certificate{r.cross, r.earlier} {
		if c != nil {
			certs = append(certs, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
		}
	}
	if err := writeNew(filepath.Join(dir, rootFile), certs...); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, keyNext), filepath.Join(dir, keyFile))
}

// settle moves a key to its place that a crash kept from it.
func (r *root) settle(dir string) error {
	if _, err := tls.LoadX509KeyPair(filepath.Join(dir, rootFile), filepath.Join(dir, keyFile)); err == nil {
		return nil
	}
	return os.Rename(filepath.Join(dir, keyNext), filepath.Join(dir, keyFile))
}

// fingerprint is a certificate's SHA-256, as phones show it: pairs of
// hexadecimal digits.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	pairs := make([]string, 0, len(sum))
	for _, b := range sum {
		pairs = append(pairs, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	return strings.Join(pairs, ":")
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

// writeNew writes a PEM file for its owner only, whole or not at all. The
// owner is that of the directory: root may renew what a service runs.
func writeNew(path string, blocks ...*pem.Block) error {
	var b bytes.Buffer
	for _, block := range blocks {
		if err := pem.Encode(&b, block); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	err = errors.Join(err, giveTo(filepath.Dir(path), f), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// giveTo makes the owner of a directory that of a file, if they differ.
func giveTo(dir string, f *os.File) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) == os.Geteuid() {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// lock keeps other processes from making roots in a directory meanwhile.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err = errors.Join(giveTo(dir, f), syscall.Flock(int(f.Fd()), syscall.LOCK_EX)); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// organization is that of every root of ours.
const organization = "Personal Storage Elements"

// IsOurs reports a certificate that a box issued to itself: only devices that were told to
// trust its root take it.
func IsOurs(leaf *x509.Certificate) bool {
	return slices.Contains(leaf.Issuer.Organization, organization)
}
