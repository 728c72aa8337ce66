package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"github.com/helios-h2020/pse/internal/browser"
)

// nats lays a network of its own: a server, and two hosts that are each behind
// a NAT whose mapping is another one for each destination, and which lets
// nothing in that was not asked for.
const nats = `
set -e
ip netns add $P-wan; ip netns add $P-srv
ip -n $P-wan link add br0 type bridge; ip -n $P-wan link set br0 up; ip -n $P-wan link set lo up
join() { # namespace, address
	ip link add up0 netns $1 type veth peer name $3 netns $P-wan
	ip -n $1 addr add $2/24 dev up0; ip -n $1 link set up0 up; ip -n $1 link set lo up
	ip -n $P-wan link set $3 master br0; ip -n $P-wan link set $3 up
}
join $P-srv 203.0.113.1 srv
for n in 1 2; do
	ip netns add $P-nat$n; ip netns add $P-host$n
	# An address of IPv6 that comes a second later is a change of networks to a browser: what it loads fails.
	ip netns exec $P-host$n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	join $P-nat$n 203.0.113.1$n nat$n
	ip link add in0 netns $P-nat$n type veth peer name eth0 netns $P-host$n
	ip -n $P-nat$n addr add 192.168.$n.1/24 dev in0; ip -n $P-nat$n link set in0 up
	ip -n $P-host$n addr add 192.168.$n.2/24 dev eth0; ip -n $P-host$n link set eth0 up; ip -n $P-host$n link set lo up
	ip -n $P-host$n route add default via 192.168.$n.1
	ip netns exec $P-nat$n sysctl -qw net.ipv4.ip_forward=1
	ip netns exec $P-nat$n nft -f - <<-END
		table ip n {
			chain leaving { type nat hook postrouting priority srcnat; oifname "up0" masquerade random,fully-random; }
			chain passing { type filter hook forward priority filter; policy drop; iifname "in0" accept; ct state established,related accept; }
			chain arriving { type filter hook input priority filter; policy drop; iifname "lo" accept; }
		}
	END
done
`

// Two people behind symmetric NATs, who cannot reach each other, make a call
// through the relay, which they find by themselves.
func TestCallThroughSymmetricNATs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("namespaces of the network are for root")
	}
	prefix := fmt.Sprintf("pse%d", os.Getpid())
	t.Cleanup(func() {
		for _, n := range []string{"wan", "srv", "nat1", "nat2", "host1", "host2"} {
			_ = exec.Command("ip", "netns", "del", prefix+"-"+n).Run()
		}
	})
	lay := exec.Command("sh", "-c", nats)
	lay.Env = append(os.Environ(), "P="+prefix)
	if out, err := lay.CombinedOutput(); err != nil {
		t.Fatalf("lay the network: %v\n%s", err, out)
	}
	inside := func(where string, args ...string) *exec.Cmd {
		return exec.CommandContext(t.Context(), "ip", append([]string{"netns", "exec", prefix + "-" + where}, args...)...)
	}
	data := t.TempDir()
	server := inside("srv", binary(t), "--data", data, "serve", "--set", "turn.listen=203.0.113.1:3479,203.0.113.1:3478", "--set", "turn.drain=0s")
	log, err := os.Create(artifact(t, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	})
	eventually(t, func() error { return inside("srv", binary(t), "--data", data, "ready").Run() })

	var met []func()
	for i, name := range []string{"Ann", "Ben"} {
		tab := inside(fmt.Sprintf("host%d", i+1), os.Args[0], "-test.run", "^TestTabBehindANAT$", "-test.v")
		tab.Env = append(os.Environ(), "PSE_TAB="+name)
		stay, err := tab.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		said, err := tab.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := tab.Start(); err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		lines := bufio.NewScanner(said)
		found := make(chan bool, 1)
		go func() {
			for lines.Scan() {
				fmt.Fprintln(&all, lines.Text())
				if strings.Contains(lines.Text(), metByRelay) {
					found <- true
				}
			}
			close(found)
		}()
		met = append(met, func() {
			if !<-found {
				t.Errorf("%s does not meet the other:\n%s", name, all.String())
			}
		})
		t.Cleanup(func() { _ = stay.Close(); _ = tab.Wait() })
	}
	for _, wait := range met {
		wait()
	}
}

// metByRelay is what a tab says when it sees and hears the other.
const metByRelay = "met over the relay"

// A tab of the test above, in a namespace of its own.
func TestTabBehindANAT(t *testing.T) {
	name := os.Getenv("PSE_TAB")
	if name == "" {
		t.Log("nothing to do but as a part of TestCallThroughSymmetricNATs")
		return
	}
	mapped := mappings(t, "203.0.113.1:3478", "203.0.113.1:3479")
	t.Logf("%s is %s to one port of the server and %s to another", name, mapped[0], mapped[1])
	if mapped[0] == mapped[1] {
		t.Fatal("the NAT is not symmetric: the test tests nothing")
	}
	chrome, err := browser.Start(t.Context(), browser.AnyCertificate)
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	c := knock(t, chrome, "https://203.0.113.1:8443/call/garden?name="+name, name, 800, 600)
	c.join()
	began := time.Now()
	c.meets(1)
	c.relayed()
	fmt.Println(metByRelay, time.Since(began).Round(time.Second)) // the parent reads it
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// mappings are what one socket is called by several servers.
func mappings(t *testing.T, servers ...string) (all []string) {
	t.Helper()
	c, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, s := range servers {
		to, err := net.ResolveUDPAddr("udp4", s)
		if err != nil {
			t.Fatal(err)
		}
		var at stun.XORMappedAddress
		eventually(t, func() error {
			if _, err := c.WriteTo(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw, to); err != nil {
				return err
			}
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			m := &stun.Message{Raw: make([]byte, 1500)}
			n, _, err := c.ReadFrom(m.Raw)
			if err != nil {
				return err
			}
			m.Raw = m.Raw[:n]
			if err := m.Decode(); err != nil {
				return err
			}
			return at.GetFrom(m)
		})
		all = append(all, at.String())
	}
	return all
}
