package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
)

// SIGHUP has the configuration read again: what can change does, the rest is
// named, and what cannot be read changes nothing. systemd hears of all of it.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certified(t, -time.Hour, 90*24*time.Hour)
	next, nextKey := certified(t, -time.Hour, 80*24*time.Hour)
	file := filepath.Join(dir, "pse.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configuration := func(level, cert, key, dvr string) string {
		return fmt.Sprintf("log: {level: %s}\ntls: {cert: %s, key: %s}\nedge: {dvr: %s}\n", level, cert, key, dvr)
	}
	write(configuration("warn", cert, key, "2m"))
	told := listenNotify(t, filepath.Join(dir, "notify"))
	https := freeAddr(t)
	s := start(t, process.PSEOptions{
		Name: "reload", Set: []string{"http.tls_listen=" + https},
		Env: []string{"PSE_CONFIG=" + file, "NOTIFY_SOCKET=" + filepath.Join(dir, "notify"), "WATCHDOG_USEC=300000"},
	})
	eventually(t, func() error { return told.has("READY=1") })
	eventually(t, func() error { return told.has("WATCHDOG=1") })
	serves := func() (until time.Time) {
		t.Helper()
		c, err := tls.Dial("tcp", https, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].NotAfter
	}
	hangUp := func() {
		t.Helper()
		if err := syscall.Kill(s.PID(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	first := serves()

	write(configuration("info", next, nextKey, "1m"))
	hangUp()
	says(t, s, `"applied":["log.level","tls.cert","tls.key"],"after a restart":["edge.dvr"]`)
	eventually(t, func() error { return told.has("RELOADING=1") })
	if now := serves(); !now.Before(first) {
		t.Errorf("it serves the certificate until %s, as before", now)
	}
	write("log: {level: loud}\n")
	hangUp()
	says(t, s, "the configuration cannot be read again; what is in force stays")
	write(configuration("info", next, key, "1m"))
	hangUp()
	says(t, s, "the TLS certificate stays as it was")
	s.Terminate()
	<-s.Done()
	eventually(t, func() error { return told.has("STOPPING=1") })
}

// notified is what systemd would have heard.
type notified struct{ file string }

// listenNotify is systemd's end of sd_notify.
func listenNotify(t *testing.T, at string) *notified {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	n := &notified{at + ".heard"}
	go func() {
		p := make([]byte, 4096)
		for {
			k, err := c.Read(p)
			if err != nil {
				return
			}
			f, err := os.OpenFile(n.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return
			}
			_, _ = f.Write(append(p[:k:k], '\n'))
			f.Close()
		}
	}()
	return n
}

func (n *notified) has(want string) error {
	heard, _ := os.ReadFile(n.file)
	for line := range strings.Lines(string(heard)) {
		if strings.TrimSpace(line) == want {
			return nil
		}
	}
	return fmt.Errorf("no %s in %q", want, heard)
}
