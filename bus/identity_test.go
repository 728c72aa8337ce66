package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"github.com/helios-h2020/pse/internal/process"
)

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A userKey is a new NKey: its public half and its seed.
func userKey(t *testing.T) (public, seed string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err = pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	return public, string(s)
}

// works stores and reads with a bus.
func works(t *testing.T, b *Bus) {
	t.Helper()
	publish(t, b, started("a", t.Name()))
	if _, err := b.UpdateStreamRecord(t.Context(), "a", func(l *StreamRecord) error { l.NextMSN++; return nil }); err != nil {
		t.Fatal(err)
	}
	seq, err := b.PublishPart(t.Context(), &Part{SID: "a", Rendition: "720p", Data: []byte("x")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := b.GetPart(t.Context(), seq); err != nil || string(p.Data) != "x" {
		t.Fatal(p, err)
	}
	r, err := b.FollowParts(t.Context(), "a", 0, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	if p, _, err := r.Next(t.Context()); err != nil || p.Seq != seq {
		t.Fatal(p, err)
	}
	le, err := testLeases(t, b).TryAcquire(t.Context(), "a", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := le.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestNKey(t *testing.T) {
	public, seed := userKey(t)
	at := foreign(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} }).ClientURL()
	works(t, testConnect(t, Options{URL: at, Identity: Identity{NKeyFile: writeFile(t, "# of the worker\n"+seed+"\n")}}))
	_, stranger := userKey(t)
	refused(t, Options{URL: at, Identity: Identity{NKeyFile: writeFile(t, stranger)}}, "bus.nkey_file")
}

func TestCredentialsFile(t *testing.T) {
	operator, err := nkeys.CreateOperator()
	if err != nil {
		t.Fatal(err)
	}
	account := func() (string, nkeys.KeyPair) {
		pair, err := nkeys.CreateAccount()
		if err != nil {
			t.Fatal(err)
		}
		public, err := pair.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		return public, pair
	}
	system, _ := account()
	public, pair := account()
	signer, err := operator.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	resolver := &server.MemAccResolver{}
	for _, name := range []string{system, public} {
		c := jwt.NewAccountClaims(name)
		if name == public {
			c.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
		}
		text, err := c.Encode(operator)
		if err != nil {
			t.Fatal(err)
		}
		if err := resolver.Store(name, text); err != nil {
			t.Fatal(err)
		}
	}
	at := foreign(t, func(o *server.Options) {
		o.TrustedKeys, o.AccountResolver, o.SystemAccount = []string{signer}, resolver, system
	}).ClientURL()
	user, seed := userKey(t)
	text, err := jwt.NewUserClaims(user).Encode(pair)
	if err != nil {
		t.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(text, []byte(seed))
	if err != nil {
		t.Fatal(err)
	}
	works(t, testConnect(t, Options{URL: at, Identity: Identity{Creds: writeFile(t, string(creds))}}))
}

func TestClientCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificatetest.Write(t, dir, 1)
	mine, myKey := certificatetest.WriteFor(t, t.TempDir(), x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), Subject: pkix.Name{CommonName: "worker"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	at := foreign(t, func(o *server.Options) {
		conf, err := server.GenTLSConfig(&server.TLSConfigOpts{CertFile: cert, KeyFile: key, CaFile: mine, Verify: true})
		if err != nil {
			t.Fatal(err)
		}
		conf.ClientAuth = tls.RequireAndVerifyClientCert
		o.TLSConfig, o.TLS, o.TLSVerify, o.TLSTimeout = conf, true, true, 5
	}).ClientURL()
	works(t, testConnect(t, Options{URL: at, Identity: Identity{CA: cert, Cert: mine, Key: myKey}}))
	refused(t, Options{URL: at, Identity: Identity{CA: cert}}, "bus.cert")
	refused(t, Options{URL: at, Identity: Identity{Cert: mine, Key: myKey}}, "bus.ca")
}

// The logs may be in another domain of JetStream than the server that a worker
// connects to: behind a leaf node, say.
func TestDomain(t *testing.T) {
	t.Parallel()
	port := make(chan string, 1)
	foreign(t, func(o *server.Options) {
		o.ServerName, o.JetStreamDomain = "hub", "hub"
		o.LeafNode.Host = "127.0.0.1"
		free, err := process.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		o.LeafNode.Port = free
		port <- fmt.Sprintf("127.0.0.1:%d", free)
	})
	leaf := foreign(t, func(o *server.Options) {
		o.ServerName, o.JetStreamDomain = "leaf", "leaf"
		o.LeafNode.Remotes = []*server.RemoteLeafOpts{{URLs: []*url.URL{{Scheme: "nats", Host: <-port}}}}
	})
	b := testConnect(t, Options{URL: leaf.ClientURL(), Domain: "hub"})
	works(t, b)
	if info, err := conn.Info(t.Context(), b.conn, logHLS); err != nil || info.Cluster != nil && info.Cluster.Leader != "hub" {
		t.Errorf("%+v, %v", info, err)
	}
	own, err := jetstream.New(b.conn.NATS())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Stream(t.Context(), logHLS); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the log is on the leaf: %v", err)
	}
	refused(t, Options{URL: leaf.ClientURL(), Domain: "moon"}, "bus.domain")
}

// A file that is no good is an error at once, which names the setting and the file.
func TestIdentityFilesAreChecked(t *testing.T) {
	none, junk := filepath.Join(t.TempDir(), "none"), writeFile(t, "junk\n")
	_, seed := userKey(t)
	word := writeFile(t, seed)
	cert, _ := certificatetest.Write(t, t.TempDir(), 1)
	_, other := certificatetest.Write(t, t.TempDir(), 2)
	for _, c := range []struct {
		Identity
		want []string
	}{
		{Identity{Creds: none}, []string{"bus.creds", none}},
		{Identity{Creds: junk}, []string{"bus.creds", junk, "no NATS credentials file"}},
		{Identity{Creds: word}, []string{"bus.creds", word, "no NATS credentials file"}},
		{Identity{NKeyFile: none}, []string{"bus.nkey_file", none}},
		{Identity{NKeyFile: junk}, []string{"bus.nkey_file", junk, "SU"}},
		{Identity{CA: none}, []string{"bus.ca", none}},
		{Identity{CA: junk}, []string{"bus.ca", junk, "no certificate"}},
		{Identity{Cert: cert}, []string{"bus.cert", "bus.key"}},
		{Identity{Cert: cert, Key: none}, []string{"bus.cert", none}},
		{Identity{Cert: cert, Key: other}, []string{"bus.cert", other, "bus.key"}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := Connect(ctx, Options{URL: "nats://127.0.0.1:1", Identity: c.Identity}, zap.NewNop())
		if ctx.Err() != nil {
			t.Errorf("%+v: it waits", c.Identity)
		}
		cancel()
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: no %q in %v", c.Identity, want, err)
			}
		}
		if err != nil && strings.Contains(err.Error(), seed) {
			t.Errorf("the seed is said: %v", err)
		}
	}
}
