package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// How long certificates are good for. Apple's devices refuse a server's that
// is good for longer than 825 days, even of a root that its owner installed.
const (
	rootLife = 5 * 365 * 24 * time.Hour
	overlap  = 180 * 24 * time.Hour // before a root's end the next one is made: the time in which devices install it
	leafLife = 397 * 24 * time.Hour
	renewal  = 30 * 24 * time.Hour // before a leaf's end a new one is made
	backdate = 24 * time.Hour      // phones' clocks may be late
	relook   = 10 * time.Second    // how often files and names are looked at, at most
)

// An Authority is a private certificate authority of one box: a root that its
// owner installs on phones, and the certificate of this box under it, which is
// made anew in memory whenever the box gets another address or name. Its root
// vouches for the box's names and private networks only, and ends after five
// years; the next one is made half a year before, and both are good until then.
// It follows its files, which other processes change (Renew). It is safe for
// concurrent use.
type Authority struct {
	dir   string
	names func() Names
	log   *zap.Logger

	mu      sync.Mutex // guards what follows
	root    *root
	changed [2]time.Time // when the files were changed, as of when they were read
	looked  time.Time
	leaf    *tls.Certificate
	made    string    // of which names, and with the earlier root or not
	asked   time.Time // when the names were asked for
}

// A Root is what people install, and what they should know of it.
type Root struct {
	PEM         []byte
	Fingerprint string // SHA-256, pairs of hexadecimal digits
	Since       time.Time
	Until       time.Time
	Constrained bool     // false: made by an early version, it can vouch for any site
	Permitted   []string // domains and address ranges that it may vouch for
	Earlier     *Earlier // nil: there was none
}

// Earlier is the root that the present one replaced.
type Earlier struct {
	Fingerprint string
	Until       time.Time // devices that have only this one are served until then; zero: no more
}

// Open reads the authority of a directory, or makes it there. names is asked
// again and again what the box is called.
func Open(dir string, names func() Names, log *zap.Logger) (*Authority, error) {
	return open(dir, names, log, time.Now())
}

func open(dir string, names func() Names, log *zap.Logger, now time.Time) (*Authority, error) {
	a := &Authority{dir: dir, names: names, log: log}
	unlock, err := lock(dir)
	if err != nil {
		return nil, fmt.Errorf("private certificate authority: %w", err)
	}
	defer unlock()
	a.changed = a.stamp()
	a.root, err = read(dir)
	if err == nil {
		err = a.root.settle(dir)
	} else if errors.Is(err, fs.ErrNotExist) {
		a.root, err = replace(dir, nil, false, names(), now)
		a.changed = a.stamp()
	}
	if err != nil {
		return nil, fmt.Errorf("private certificate authority: %w; remove %s and %s to make a new one (devices must install it anew)",
			err, filepath.Join(dir, rootFile), filepath.Join(dir, keyFile))
	}
	if !constrained(a.root.cert) {
		log.Warn("the private root of an early version can vouch for any site towards devices that trust it;" +
			" `pse certificate renew` makes one that cannot, which each device then installs")
	}
	return a, nil
}

// Look tells of the root in a directory without making one; fs.ErrNotExist
// when there is none.
func Look(dir string) (Root, error) {
	r, err := read(dir)
	if err != nil {
		return Root{}, err
	}
	return r.describe(time.Now()), nil
}

// Renew makes a new root at once, for a box with these names. Devices must
// install it before they trust the box again; running programs take it within
// seconds.
func Renew(dir string, names Names) (Root, error) {
	unlock, err := lock(dir)
	if err != nil {
		return Root{}, err
	}
	defer unlock()
	old, err := read(dir)
	if err != nil {
		return Root{}, err
	}
	now := time.Now()
	r, err := replace(dir, old, false, names, now)
	if err != nil {
		return Root{}, err
	}
	return r.describe(now), nil
}

// Config is how a server uses it, with the application protocols as given.
func (a *Authority) Config(protocols ...string) *tls.Config {
	return serverConfig(protocols, a.current)
}

// Root is what is to be installed now.
func (a *Authority) Root() Root {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.follow(now)
	return a.root.describe(now)
}

// describe tells of a root.
func (r *root) describe(now time.Time) Root {
	said := Root{
		PEM:         pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.cert.Raw}),
		Fingerprint: fingerprint(r.cert), Since: r.cert.NotBefore.Add(backdate), Until: r.cert.NotAfter,
		Constrained: constrained(r.cert), Permitted: r.cert.PermittedDNSDomains,
	}
	for _, n := range r.cert.PermittedIPRanges {
		said.Permitted = append(said.Permitted, n.String())
	}
	if r.earlier != nil {
		said.Earlier = &Earlier{Fingerprint: fingerprint(r.earlier)}
		if r.overlaps(now) {
			said.Earlier.Until = r.cross.NotAfter
		}
	}
	return said
}

func (a *Authority) stamp() [2]time.Time {
	return stamp(filepath.Join(a.dir, rootFile), filepath.Join(a.dir, keyFile))
}

// follow takes what other processes made of the files, and makes the next root
// when it is due. What fails is tried again; the root in use stays. It is
// called with the lock held, and looks at most every relook.
func (a *Authority) follow(now time.Time) {
	if now.Sub(a.looked) < relook {
		return
	}
	a.looked = now
	if changed := a.stamp(); changed != a.changed {
		r, err := read(a.dir)
		if err != nil {
			a.log.Warn("keeping the old private root: the new one cannot be read", zap.Error(err))
			return
		}
		a.take(r, changed)
	}
	if now.Before(a.root.due()) {
		return
	}
	if err := a.succeed(now); err != nil {
		a.log.Error("the private root ends and no new one could be made", zap.Time("end", a.root.cert.NotAfter), zap.Error(err))
	}
}

// succeed makes the root that comes after the one in use, unless another
// process did.
func (a *Authority) succeed(now time.Time) error {
	unlock, err := lock(a.dir)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := read(a.dir)
	if err != nil {
		return err
	}
	if !now.Before(r.due()) {
		if r, err = replace(a.dir, r, r.canCross() && now.Before(r.cert.NotAfter), a.names(), now); err != nil {
			return err
		}
		a.log.Warn("made a new private root, since the old one ends; devices must install it: see /certificate",
			zap.Time("end of the old", r.earlier.NotAfter), zap.String("fingerprint", fingerprint(r.cert)))
	}
	a.take(r, a.stamp())
	return nil
}

func (a *Authority) take(r *root, changed [2]time.Time) {
	a.root, a.changed, a.leaf = r, changed, nil
}

// current is the box's certificate by its names of now.
func (a *Authority) current(now time.Time) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.follow(now)
	if a.leaf != nil && now.Sub(a.asked) < relook {
		return a.leaf, nil
	}
	a.asked = now
	names := a.names()
	of := fmt.Sprint(names, a.root.overlaps(now))
	if a.leaf != nil && of == a.made && now.Before(a.leaf.Leaf.NotAfter.Add(-renewal)) {
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
	a.leaf, a.made = leaf, of
	return leaf, nil
}

// issue makes a certificate for a server. It has the names that the root may
// vouch for, and while an earlier root is good too, that may as well.
func (a *Authority) issue(names Names, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	in, out := permitted(a.root.cert, names)
	above := a.root.cert
	if a.root.overlaps(now) {
		var more Names
		in, more = permitted(a.root.earlier, in)
		out = Names{DNS: append(out.DNS, more.DNS...), IPs: append(out.IPs, more.IPs...)}
		above = a.root.cross
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: in.first()},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(leafLife - backdate),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: in.DNS, IPAddresses: in.IPs,
	}
	der, err := sign(template, a.root.cert, key, a.root.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a.log.Info("made a TLS certificate", zap.String("names", in.String()), zap.Time("until", leaf.NotAfter))
	if len(out.DNS) > 0 || len(out.IPs) > 0 {
		a.log.Warn("the TLS certificate has not all of the box's names: the private root was made before they were;"+
			" `pse certificate renew` makes one for them, which each device then installs", zap.String("without", out.String()))
	}
	return &tls.Certificate{Certificate: [][]byte{der, above.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// String says in a line for people what may be vouched for.
func (r Root) String() string {
	if !r.Constrained {
		return "any site (it was made by an early version)"
	}
	return strings.Join(r.Permitted, " ")
}
