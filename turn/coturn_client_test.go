package turn

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// tool runs one of coturn's client tools.
func tool(t *testing.T, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w; is coturn installed? make deps", name, strings.Join(args, " "), err)
	}
	return string(out), err
}

// coturn's own clients are served over every transport, with both kinds of
// credentials, channels and indications, IPv4 and IPv6: nothing is lost.
func TestClientsOfCoturn(t *testing.T) {
	t.Parallel()
	r := newWorld(t).start(func(c *Config) {
		c.Secrets, c.RelayIPs, c.TCPRelay = []string{"of an integrator"}, []string{"127.0.0.1", "::1"}, true
	})
	clear, secure := fmt.Sprint(r.Port()), fmt.Sprint(r.TLSPort())
	transports := map[string][]string{
		"udp": {"-p", clear}, "tcp": {"-p", clear, "-t"}, "tls": {"-p", secure, "-t", "-S"}, "dtls": {"-p", secure, "-S"},
	}
	credentials := map[string][]string{"users": {"-u", testUser, "-w", testPassword}, "rest": {"-u", "ann", "-W", "of an integrator"}}
	var wg sync.WaitGroup
	run := func(name string, args ...string) {
		wg.Go(func() {
			var out string
			var err error
			for range 5 {
				out, err = tool(t, "turnutils_uclient", append(args, "-y", "-m", "2", "-n", "20", "-l", "500", "127.0.0.1")...)
				if !strings.Contains(out, "error 508") { // another program of the machine took the even port that was just found free
					break
				}
			}
			if err != nil || !strings.Contains(out, "Total lost packets 0 (0.000000%), total send dropped 0") {
				t.Errorf("%s: %v, or packets are lost:\n%s", name, err, out)
			}
		})
	}
	for transport, how := range transports {
		for kind, who := range credentials {
			run(transport+" "+kind, slices.Concat(who, how)...)
		}
		run(transport+" indications", slices.Concat([]string{"-s"}, credentials["users"], how)...)
	}
	run("IPv6 relay", slices.Concat([]string{"-x"}, credentials["users"], transports["udp"])...)
	run("TCP relay", slices.Concat([]string{"-T"}, credentials["users"], transports["tcp"])...)
	run("extra requests", slices.Concat([]string{"-G"}, credentials["users"], transports["udp"])...)
	wg.Wait()
	if out, err := tool(t, "turnutils_stunclient", "-p", clear, "127.0.0.1"); err != nil || !strings.Contains(out, "UDP reflexive addr: 127.0.0.1:") {
		t.Errorf("turnutils_stunclient: %v\n%s", err, out)
	}
}
