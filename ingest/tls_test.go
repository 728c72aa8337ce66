package ingest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
)

// writePair makes a certificate with the given serial number in dir.
func writePair(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: kb}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// ffmpeg publishes over TLS, and a renewed certificate is taken up.
func TestFFmpegOverTLS(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, func(c *Config) {
		c.TLSListen, c.GraceClean = "127.0.0.1:0", 0
		c.TLSCert, c.TLSKey = writePair(t, dir, 1)
	})
	addr := r.w.TLSAddr().String()
	out, err := ffmpeg(t, append(pattern("1"), "-f", "flv", "rtmps://"+addr+"/live/cam?key="+r.key.Secret)...)
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	r.untilLive("cam", "ended", inState(bus.StateEnded))
	serial := func() int64 {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it is its serial that we look at
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("certificate %d", got)
	}
	writePair(t, dir, 2)
	bustest.Eventually(t, "the new certificate", func() bool { return serial() == 2 })
}
