package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/certificate/pebbletest"
)

// Whichever way the server asks, the box gets a certificate for its name. Who
// asks for another gets the private one.
func TestACMEChallenges(t *testing.T) {
	t.Parallel()
	for name, set := range map[string][]string{
		"http-01":     {"tls.acme.challenges=http-01"},
		"tls-alpn-01": {"tls.acme.challenges=tls-alpn-01"},
		"dns-01":      nil,
		"of its own":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, domain := pebbletest.Options{}, acmeName
			if name == "of its own" {
				o.HTTP = freeAddr(t)
				set = []string{"tls.acme.challenges=http-01", "tls.acme.http_listen=" + o.HTTP}
			}
			if name == "dns-01" {
				domain = "*.example.org"
			}
			b := newACMEBox(t, o, domain, set...)
			if name == "dns-01" {
				b.set = append(b.set, "tls.acme.dns.server="+b.zone.Addr, "tls.acme.dns.resolver="+b.zone.Addr,
					"tls.acme.dns.key_name="+pebbletest.KeyName, "tls.acme.dns.key="+pebbletest.Key)
			}
			b.pebble.Start()
			b.start()
			c := b.serves(acmeName)
			b.isWell()
			if o.HTTP != "" {
				sentOn(t, o.HTTP, b.https)
			}
			if other, err := b.dial("", nil); err != nil || other.Equal(c) || other.VerifyHostname("127.0.0.1") != nil {
				t.Errorf("who asks for the address gets %v, %v", other, err)
			}
			metrics, err := get("http://"+b.Admin+"/metrics", http.StatusOK)
			if want := fmt.Sprintf("pse_tls_not_after_seconds{certificate=%q} %s\n", domain, unixTime(c.NotAfter)); err != nil || !strings.Contains(metrics, want) {
				t.Errorf("%v: no %s in the metrics", err, want)
			}
			if out := b.doctor(); !strings.HasPrefix(out, "ok ") || !strings.Contains(out, "for "+domain+", until ") {
				t.Errorf("doctor: %s", out)
			}
			b.keepsSecrets()
			if out, err := cli(t, nil, "certificate", "--data", b.data, "--set", "tls.acme.names="+domain, "--set", "tls.acme.dns.server=127.0.0.1:53",
				"--set", "tls.acme.dns.key_name=k", "--set", "tls.acme.dns.key=c2Vz", "--set", "tls.acme.directory="+b.pebble.Directory); err != nil || !strings.Contains(out, "By ACME    for "+domain+", until ") {
				t.Errorf("pse certificate: %v\n%s", err, out)
			}
		})
	}
}

// sentOn sees that people who come by HTTP are sent on to HTTPS.
func sentOn(t *testing.T, from, to string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := client.Get("http://" + from + "/watch/x")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if at := r.Header.Get("Location"); r.StatusCode != http.StatusTemporaryRedirect || at != "https://"+to+"/watch/x" {
		t.Errorf("%s to %q", r.Status, at)
	}
}

// keepsSecrets looks whether others of the machine can read the account or a key.
func (b *acmeBox) keepsSecrets() {
	b.t.Helper()
	files := 0
	err := filepath.WalkDir(filepath.Join(b.data, "tls", "acme"), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			b.t.Errorf("%s: %s", name, info.Mode())
		}
		if !d.IsDir() {
			files++
		}
		return nil
	})
	if err != nil || files < 5 { // an account and its key; a certificate, its key, and where it is from
		b.t.Errorf("%d files, %v", files, err)
	}
}

// unixTime is a time as Prometheus writes it.
func unixTime(at time.Time) string {
	return fmt.Sprintf("%g", float64(at.Unix()))
}

// A certificate that ends is renewed while the box serves: connections that are
// open stay, new ones get the new certificate. When no new one can be had, that
// is said with the cause, wherever an owner looks.
func TestACMERenewal(t *testing.T) {
	t.Parallel()
	b := newACMEBox(t, pebbletest.Options{Validity: time.Minute}, acmeName)
	b.pebble.Start()
	b.start()
	first := b.serves(acmeName)
	roots := b.pebble.Roots()
	open, err := tls.Dial("tcp", b.https, &tls.Config{ServerName: acmeName, RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	answers := bufio.NewReader(open)
	if err := askOver(open, answers); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		c, err := b.dial(acmeName, roots)
		if err == nil && c.Equal(first) {
			err = errors.New("the first certificate is still in use")
		}
		return err
	})
	if err := askOver(open, answers); err != nil {
		t.Errorf("over a connection from before: %v", err)
	}
	b.isWell()

	b.pebble.Stop()
	eventually(t, func() error {
		if why := b.degraded(); !strings.Contains(why, "could not be renewed: "+b.pebble.Directory+" cannot be reached: dial tcp") {
			return fmt.Errorf("/readyz says %q", why)
		}
		return nil
	})
	if out := b.doctor(); !strings.HasPrefix(out, "BAD") || !strings.Contains(out, "could not be renewed: ") {
		t.Errorf("doctor: %s", out)
	}

	b.pebble.Start() // a new one: it knows neither the account nor the certificate
	b.hangUp()
	eventually(t, func() error {
		if why := b.degraded(); !strings.Contains(why, "did not know this box's account") {
			return fmt.Errorf("/readyz says %q", why)
		}
		return nil
	})
	b.hangUp()
	b.serves(acmeName)
	b.isWell()
}

// hangUp has the box try again what failed.
func (b *acmeBox) hangUp() {
	b.t.Helper()
	if err := syscall.Kill(b.PID(), syscall.SIGHUP); err != nil {
		b.t.Fatal(err)
	}
}

// askOver asks for a page over a connection.
func askOver(c *tls.Conn, answers *bufio.Reader) error {
	if _, err := fmt.Fprintf(c, "GET /robots.txt HTTP/1.1\r\nHost: %s\r\n\r\n", acmeName); err != nil {
		return err
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	r, err := http.ReadResponse(answers, nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return err
	}
	if r.StatusCode != http.StatusOK {
		return errors.New(r.Status)
	}
	return nil
}

// While the ACME server is away the box serves with its private certificate, and
// says so. SIGHUP has it ask again at once; the links have the name from then on.
func TestACMEServerAway(t *testing.T) {
	t.Parallel()
	b := newACMEBox(t, pebbletest.Options{}, acmeName)
	b.start()
	says(t, b.PSE, "Root      SHA-256 ")
	if !strings.Contains(b.Said(), "!!! CERTIFICATE: there is no certificate for "+acmeName) {
		t.Error("the banner does not say that there is no certificate")
	}
	if strings.Contains(b.Said(), "https://"+acmeName) {
		t.Error("there is a link with a name for which there is no certificate")
	}
	eventually(t, func() error {
		if why := b.degraded(); !strings.Contains(why, b.pebble.Directory+" cannot be reached") || !strings.Contains(why, "the private one") {
			return fmt.Errorf("/readyz says %q", why)
		}
		return nil
	})
	c, err := b.dial(acmeName, nil)
	if err != nil || c.VerifyHostname(acmeName) != nil {
		t.Errorf("meanwhile it serves with %v, %v", c, err)
	}
	b.pebble.Start()
	b.hangUp()
	b.serves(acmeName)
	says(t, b.PSE, `"msg":"the certificate is there: links have its name now","url":"https://`+acmeName+`:`)
	b.isWell()
	b.Stop()
	b.pebble.Stop() // what is stored is enough
	b.start()
	says(t, b.PSE, "  Watch     https://"+acmeName+":")
}

// What the server refuses is said in its words, with what to do.
func TestACMERefusal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    pebbletest.Options
		set  []string
		want []string
	}{
		"the name":        {pebbletest.Options{Refused: []string{acmeName}}, nil, []string{"rejectedIdentifier", "correct tls.acme.names"}},
		"no way to it":    {pebbletest.Options{HTTP: "127.0.0.1:1"}, []string{"tls.acme.challenges=http-01"}, []string{"connection", "port 80 leads to ", "forwarded by the router"}},
		"without account": {pebbletest.Options{Account: "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}, nil, []string{"externalAccountRequired", "tls.acme.key_id"}},
		"the profile":     {pebbletest.Options{}, []string{"tls.acme.profile=gold"}, []string{"unknown profile name 'gold'", "correct tls.acme.profile"}},
		"who it is":       {pebbletest.Options{}, []string{"tls.acme.ca="}, []string{"is not trusted", "tls.acme.ca"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newACMEBox(t, c.o, acmeName, c.set...)
			b.pebble.Start()
			b.start()
			eventually(t, func() error {
				why := b.degraded()
				for _, want := range c.want {
					if !strings.Contains(why, want) {
						return fmt.Errorf("no %q in %q", want, why)
					}
				}
				return nil
			})
			if out := b.doctor(); !strings.HasPrefix(out, "BAD") || !strings.Contains(out, c.want[0]) {
				t.Errorf("doctor: %s", out)
			}
			t.Log(b.degraded())
		})
	}
}

// An address gets its certificate too, and by the profile that is asked for. So
// does a box with an account of the server.
func TestACMEProfiles(t *testing.T) {
	t.Parallel()
	const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	for _, name := range []string{"127.0.0.1", acmeName} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newACMEBox(t, pebbletest.Options{Account: key, Short: 6 * 24 * time.Hour}, name, "tls.acme.profile=shortlived", "tls.acme.key_id=kid-1", "tls.acme.key="+key)
			b.pebble.Start()
			b.start()
			asked := name
			if net.ParseIP(name) != nil {
				asked = ""
			}
			c := b.serves(asked)
			if err := c.VerifyHostname(name); err != nil || c.NotAfter.Sub(c.NotBefore) > 6*24*time.Hour {
				t.Errorf("it is good from %v to %v, %v", c.NotBefore, c.NotAfter, err)
			}
		})
	}
}
