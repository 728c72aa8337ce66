package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// recheck is how often a certificate's files are looked at, at most.
const recheck = 10 * time.Second

// A keyPair is a TLS certificate that follows its files: whatever renews them
// needs to tell nobody.
type keyPair struct {
	cert, key string
	log       *zap.Logger

	mu      sync.Mutex // guards what follows
	loaded  *tls.Certificate
	changed time.Time // the newer file's time when it was loaded
	checked time.Time
}

// get is for tls.Config.GetCertificate. New files that do not fit together
// (yet) leave the old certificate in use.
func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.loaded != nil && time.Since(p.checked) < recheck {
		return p.loaded, nil
	}
	p.checked = time.Now()
	changed, err := newest(p.cert, p.key)
	if err == nil && p.loaded != nil && changed.Equal(p.changed) {
		return p.loaded, nil
	}
	var fresh tls.Certificate
	if err == nil {
		fresh, err = tls.LoadX509KeyPair(p.cert, p.key)
	}
	switch {
	case err == nil:
		p.loaded, p.changed = &fresh, changed
	case p.loaded == nil:
		return nil, fmt.Errorf("load the TLS certificate: %w; check http.tls_cert and http.tls_key", err)
	default:
		p.log.Warn("keeping the old TLS certificate: the new one cannot be loaded", zap.Error(err))
	}
	return p.loaded, nil
}

func newest(paths ...string) (time.Time, error) {
	var t time.Time
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return t, err
		}
		if info.ModTime().After(t) {
			t = info.ModTime()
		}
	}
	return t, nil
}
