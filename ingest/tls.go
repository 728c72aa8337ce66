package ingest

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// certificate is a key pair in files that is read again when they change.
type certificate struct {
	cert, key string
	log       *zap.Logger

	mu     sync.Mutex
	pair   *tls.Certificate // guarded by mu
	stamp  [2]time.Time     // when the files were changed; guarded by mu
	looked time.Time        // guarded by mu
}

// lookEvery bounds how often the files are looked at.
const lookEvery = time.Second

func newCertificate(cert, key string, log *zap.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("ingest.tls_cert, tls_key: %w; name PEM files that belong together", err)
	}
	return c, nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return c.current(), nil
	}}
}

// current is the pair in the files, or the one before while they do not fit together.
func (c *certificate) current() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) > lookEvery {
		c.looked = time.Now()
		if c.changed() != c.stamp {
			if err := c.load(); err != nil {
				c.log.Warn("TLS certificate not read again, the old one stays", zapErr(err))
			}
		}
	}
	return c.pair
}

func (c *certificate) changed() (stamp [2]time.Time) {
	for i, name := range []string{c.cert, c.key} {
		if fi, err := os.Stat(name); err == nil {
			stamp[i] = fi.ModTime()
		}
	}
	return stamp
}

func (c *certificate) load() error {
	stamp := c.changed()
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.pair, c.stamp = &pair, stamp
	return nil
}
