package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/internal/process/processtest"
)

// ofSubnet is an address of 2001:db8:N::/64, all of which are this machine's in
// TestOneSubnetGetsOneShare.
func ofSubnet(n, i int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::%x", n, i+1))
}

// A household of IPv6 has as many addresses as it likes: one /64 gets the share of
// one address at each listener, and the next /64 is served.
func TestOneSubnetGetsOneShare(t *testing.T) {
	t.Parallel()
	if !processtest.InNetwork(t, `ip -6 route add local 2001:db8::/32 dev lo && echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind`, 3*time.Minute) {
		return
	}
	const share, come = 10, 40
	at := map[string]string{}
	for _, name := range []string{"HTTP", "HTTPS", "RTMP", "TURN over TCP", "TURN over TLS"} {
		_, port, err := net.SplitHostPort(freeAddr(t))
		if err != nil {
			t.Fatal(err)
		}
		at[name] = "[::]:" + port
	}
	start(t, process.PSEOptions{Name: "subnets", HTTP: at["HTTP"], RTMP: at["RTMP"], Set: []string{
		"http.tls_listen=" + at["HTTPS"], "turn.listen=" + at["TURN over TCP"], "turn.tls_listen=" + at["TURN over TLS"],
		"http.trusted_proxies=[]", fmt.Sprint("http.max_per_ip=", share), fmt.Sprint("ingest.max_per_ip=", share), fmt.Sprint("turn.max_per_ip=", share), fmt.Sprint("signal.max_per_ip=", share),
	}})
	dial := func(name string, from netip.Addr) (net.Conn, error) {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: 20 * time.Second}
		return d.DialContext(t.Context(), "tcp6", strings.Replace(at[name], "[::]", "[2001:db8::1]", 1))
	}
	subnet := 0
	for name := range at {
		subnet += 2 // another for each listener: those of HTTP count together
		var held []net.Conn
		for i := range come {
			c, err := dial(name, ofSubnet(subnet, i))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			defer c.Close()
			held = append(held, c)
		}
		eventually(t, func() error { // who is turned away is cut
			open := 0
			for _, c := range held {
				if isOpen(c) {
					open++
				}
			}
			if open != share {
				return fmt.Errorf("%s: a /64 holds %d connections, %d are its share", name, open, share)
			}
			return nil
		})
		other, err := dial(name, ofSubnet(subnet+1, 0))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer other.Close()
		if err := isServed(t.Context(), name, other); err != nil {
			t.Errorf("%s: another /64: %v", name, err)
		}
		t.Logf("%-13s a /64 with %d addresses holds %d connections", name, come, share)
	}
	t.Run("Socket.IO", func(t *testing.T) {
		open := 0
		for i := range come {
			if status := sessionOf(t, dial, ofSubnet(subnet+2, i)); status == http.StatusOK {
				open++
			}
		}
		if open != share {
			t.Errorf("a /64 holds %d sessions, %d are its share", open, share)
		}
		if status := sessionOf(t, dial, ofSubnet(subnet+3, 0)); status != http.StatusOK {
			t.Errorf("another /64 is answered %d", status)
		}
		t.Logf("%-13s a /64 with %d addresses holds %d sessions", "Socket.IO", come, share)
	})
}

// isOpen says whether the other side has not closed a connection.
func isOpen(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := c.Read(make([]byte, 1))
	return err == nil || errors.Is(err, os.ErrDeadlineExceeded)
}

// isServed says why a connection is not served.
func isServed(ctx context.Context, name string, c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if name == "HTTPS" || name == "TURN over TLS" {
		return tls.Client(c, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx)
	}
	says := map[string]string{
		"HTTP":          "GET / HTTP/1.1\r\nHost: box\r\n\r\n",
		"RTMP":          "\x03" + strings.Repeat("\x00", 1536),
		"TURN over TCP": "\x00\x01\x00\x00\x21\x12\xa4\x42transaction!", // a Binding request
	}[name]
	if _, err := io.WriteString(c, says); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

// sessionOf begins a session of Socket.IO and leaves its connection.
func sessionOf(t *testing.T, dial func(string, netip.Addr) (net.Conn, error), from netip.Addr) (status int) {
	t.Helper()
	alone := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return dial("HTTP", from) },
	}}
	r, err := alone.Get("http://box/socket.io/?EIO=4&transport=polling")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	r.Body.Close()
	return r.StatusCode
}
