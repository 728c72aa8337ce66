package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

// Parts that this test binary plays in a network namespace.
const (
	envNATPart = "TEST_NAT_PART"
	envNATData = "TEST_NAT_DATA" // of the server
	envNATName = "TEST_NAT_NAME" // of the host
)

// natServer is where PSE is, in a network that stands for the Internet.
const natServer = "45.0.0.1"

var natHosts = []string{"a", "b"}

// Two phones behind symmetric NATs, each in a network of its own, call each
// other: neither learns of the other any port that it could send to, so the
// relay carries picture and sound both ways.
//
//	host a - NAT a - the Internet, with PSE - NAT b - host b
func TestCallThroughSymmetricNATs(t *testing.T) {
	switch os.Getenv(envNATPart) {
	case "server":
		playNATServer(t)
		return
	case "host":
		playNATHost(t)
		return
	}
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces; run it as root")
	}
	net := inetOf(t)
	for i, name := range natHosts {
		net.join(name, i)
	}
	if out, err := net.play(net.server, t.TempDir(), envNATPart+"=server").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// playNATServer serves, and has the hosts call each other.
func playNATServer(t *testing.T) {
	start(t, process.PSEOptions{
		Name: "pse", Data: os.Getenv(envNATData), Workers: []string{"bus", "edge", "signal", "turn"}, HTTP: natServer + ":8080",
		Set: []string{"http.tls_listen=" + natServer + ":8443", "turn.listen=" + natServer + ":3478", `turn.relay_ips=["` + natServer + `"]`},
	})
	net := namespaces{t: t, prefix: strings.TrimSuffix(os.Getenv(envNATName), "inet")}
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, name := range natHosts {
		wg.Go(func() {
			host := net.prefix + "host-" + name
			if out, err := net.play(host, os.Getenv(envNATData), envNATPart+"=host", envNATName+"="+name).CombinedOutput(); err != nil {
				t.Errorf("host %s: %v\n%s", name, err, out)
			}
		})
	}
}

// playNATHost calls from one of the hosts.
func playNATHost(t *testing.T) {
	chrome, err := browser.Start(t.Context(), browser.AnyCertificate)
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	name := os.Getenv(envNATName)
	c := call(t, chrome, "https://"+natServer+":8443/call/nat", name, 900, 700)
	c.meets(1)
	c.until(`[...document.querySelectorAll('.tile[data-self=false]')].every(t => t.textContent.includes('Relay'))`)
	if err := c.Screenshot(artifact(t, "host-"+name+".png")); err != nil {
		t.Error(err)
	}
	// Nobody goes before the other has met them too.
	met := func(name string) string { return filepath.Join(os.Getenv(envNATData), "met-"+name) }
	if err := os.WriteFile(met(name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		for _, other := range natHosts {
			if _, err := os.Stat(met(other)); err != nil {
				return err
			}
		}
		return nil
	})
}

// namespaces are the networks of one test.
type namespaces struct {
	t      *testing.T
	prefix string
	server string
}

// inetOf makes the network that all NATs are in: a bridge in the server's namespace.
func inetOf(t *testing.T) *namespaces {
	n := &namespaces{t: t, prefix: fmt.Sprintf("pse%d-", os.Getpid())}
	n.server = n.add("inet")
	n.ip(n.server, "link", "add", "inet", "type", "bridge")
	n.ip(n.server, "addr", "add", natServer+"/24", "dev", "inet")
	n.ip(n.server, "link", "set", "inet", "up")
	return n
}

// join makes a host behind a NAT: to each place it sends to, it comes from
// another port that is not to be guessed.
func (n *namespaces) join(name string, i int) {
	host, nat := n.add("host-"+name), n.add("nat-"+name)
	n.ip("", "link", "add", "wan", "netns", nat, "type", "veth", "peer", "name", "nat-"+name, "netns", n.server)
	n.ip(n.server, "link", "set", "nat-"+name, "master", "inet", "up")
	n.ip(nat, "addr", "add", fmt.Sprintf("45.0.0.%d/24", 11+i), "dev", "wan")
	n.ip(nat, "link", "set", "wan", "up")
	n.ip("", "link", "add", "lan", "netns", nat, "type", "veth", "peer", "name", "eth0", "netns", host)
	n.ip(nat, "addr", "add", "192.168.1.1/24", "dev", "lan")
	n.ip(nat, "link", "set", "lan", "up")
	n.ip(host, "addr", "add", "192.168.1.2/24", "dev", "eth0")
	n.ip(host, "link", "set", "eth0", "up")
	n.ip(host, "route", "add", "default", "via", "192.168.1.1")
	n.run(nil, "ip", "netns", "exec", nat, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	rules := "table ip nat {\n chain post {\n  type nat hook postrouting priority 100\n  oifname \"wan\" masquerade fully-random\n }\n}\n"
	n.run([]byte(rules), "ip", "netns", "exec", nat, "nft", "-f", "-")
}

// add makes a namespace for the time of the test.
func (n *namespaces) add(name string) string {
	n.t.Helper()
	name = n.prefix + name
	n.run(nil, "ip", "netns", "add", name)
	n.t.Cleanup(func() { n.run(nil, "ip", "netns", "del", name) })
	n.ip(name, "link", "set", "lo", "up")
	return name
}

func (n *namespaces) ip(namespace string, args ...string) {
	n.t.Helper()
	if namespace != "" {
		args = append([]string{"-n", namespace}, args...)
	}
	n.run(nil, "ip", args...)
}

func (n *namespaces) run(in []byte, name string, args ...string) {
	n.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(in)
	if out, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// play has this test go on in a namespace, as a process of its own.
func (n *namespaces) play(namespace, data string, env ...string) *exec.Cmd {
	cmd := exec.CommandContext(n.t.Context(), "ip", "netns", "exec", namespace, os.Args[0], "-test.run=^TestCallThroughSymmetricNATs$", "-test.timeout=3m")
	cmd.Env = append(os.Environ(), envNATData+"="+data, envNATName+"="+namespace)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}
