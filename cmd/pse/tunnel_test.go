package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
)

// hosts lays a network of its own: a server and two hosts at one switch.
const hosts = `
set -e
ip netns add $P-wan; ip -n $P-wan link add br0 type bridge; ip -n $P-wan link set br0 up
for h in srv:1 chromium:2 firefox:3; do
	n=${h%:*}
	ip netns add $P-$n
	ip netns exec $P-$n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	ip link add eth0 netns $P-$n type veth peer name $n netns $P-wan
	ip -n $P-$n addr add 203.0.113.${h#*:}/24 dev eth0; ip -n $P-$n link set eth0 up; ip -n $P-$n link set lo up
	ip -n $P-$n route add default dev eth0 # by it a relay finds its address
	ip -n $P-wan link set $n master br0; ip -n $P-wan link set $n up
done
`

// named is what the box is called: Firefox takes a relay over TLS by a name only
// (findings/firefox-turns-address.sh). Chromium opens the page by the box's address.
const named = "home.test"

// lost is how long a link is lost: until Firefox, too, has given its connection up. A
// place is kept for longer, since who comes back may have to wait for a busy machine.
const (
	lost = 30 * time.Second
	kept = "45s"
)

// Chromium and Firefox are in one call, by the relay alone. First one, then the other
// loses its link for 30 s, over each of the relay's transports: afterwards the pictures
// go on in both, without a reload or a new place.
func TestCallInATunnel(t *testing.T) {
	switch {
	case os.Getenv("PSE_LONG") == "":
		t.Skip("loses links for minutes; set PSE_LONG=1")
	case os.Geteuid() != 0:
		t.Skip("namespaces of the network are for root")
	}
	for transport, gate := range map[string]string{
		"udp": "",
		"tcp": "udp dport { 3478, 5349 } drop;",
		"tls": "udp dport { 3478, 5349 } drop; tcp dport 3478 drop;",
	} {
		t.Run(transport, func(t *testing.T) {
			l := layHosts(t)
			l.box(t, gate)
			tabs := []*tab{l.tab(t, "chromium"), l.tab(t, "firefox")}
			for _, b := range tabs {
				b.until("it is in the call with one other", `document.getElementById('stage')?.dataset.peers === '1'`)
			}
			for i, b := range tabs {
				b.sees(tabs[1-i])
				b.until("it is relayed over "+transport, over(transport))
			}
			for i, b := range tabs {
				l.tunnel(t, b, tabs[1-i])
			}
		})
	}
}

// over says that all that comes to a tab comes over a relay that it reaches by a transport.
func over(transport string) string {
	return fmt.Sprintf(`(async () => {
	const all = await [...document.getElementById('stage').peers.values()][0].connection.getStats();
	for (const s of all.values()) if (s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded' && all.get(s.localCandidateId).relayProtocol === %q) return true;
	return false
})()`, transport)
}

// lan are the hosts.
type lan struct {
	prefix string
	root   string // that the box's certificate is signed by
}

func layHosts(t *testing.T) lan {
	t.Helper()
	l := lan{prefix: fmt.Sprintf("pse%d", os.Getpid())}
	t.Cleanup(func() {
		for _, n := range []string{"wan", "srv", "chromium", "firefox"} {
			_ = exec.Command("ip", "netns", "del", l.prefix+"-"+n).Run()
		}
	})
	lay := exec.Command("sh", "-c", hosts)
	lay.Env = append(os.Environ(), "P="+l.prefix)
	if out, err := lay.CombinedOutput(); err != nil {
		t.Fatalf("lay the network: %v\n%s", err, out)
	}
	return l
}

func (l lan) inside(t *testing.T, where string, args ...string) *exec.Cmd {
	return exec.CommandContext(t.Context(), "ip", append([]string{"netns", "exec", l.prefix + "-" + where}, args...)...)
}

// filter has a host drop what rules say.
func (l lan) filter(t *testing.T, host, rules string) {
	t.Helper()
	nft := l.inside(t, host, "nft", "-f", "-")
	nft.Stdin = strings.NewReader("table inet link\ndelete table inet link\ntable inet link {\n chain in { type filter hook input priority filter; " + rules + " }\n chain out { type filter hook output priority filter; " + strings.ReplaceAll(rules, "iifname", "oifname") + " }\n}\n")
	if out, err := nft.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", rules, err, out)
	}
}

// box starts PSE behind a gate.
func (l *lan) box(t *testing.T, gate string) {
	t.Helper()
	l.filter(t, "srv", gate)
	data := t.TempDir()
	l.root = filepath.Join(data, "tls", "ca.pem")
	box := l.inside(t, "srv", binary(t), "--data", data, "serve", "--set", "turn.drain=0s", "--set", "turn.public_tls=true", "--set", "tls.names="+named, "--set", "signal.grace="+kept)
	log, err := os.Create(artifact(t, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	box.Stdout, box.Stderr = log, log
	if err := box.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = box.Process.Signal(os.Interrupt)
		_ = box.Wait()
		_ = log.Close()
	})
	eventually(t, func() error { return l.inside(t, "srv", binary(t), "--data", data, "ready").Run() })
}

// tunnel has the link of one tab lost for a while.
func (l lan) tunnel(t *testing.T, b, other *tab) {
	t.Helper()
	const keep = `(() => { const s = document.getElementById('stage'); const c = [...s.peers.values()][0].connection; window.kept = { sid: s.dataset.sid, c, states: [] }; c.addEventListener('connectionstatechange', () => window.kept.states.push(c.connectionState)); return true })()`
	for _, k := range []*tab{b, other} {
		k.until("", keep)
	}
	l.filter(t, b.name, `iifname "eth0" drop;`)
	over := time.After(lost)
	other.until("it shows that the other reconnects", `document.querySelector('.tile[data-self=false]').dataset.away === 'true'`)
	<-over
	back := time.Now()
	l.filter(t, b.name, "")
	for i, k := range []*tab{b, other} {
		k.until("it is in its place, with the other", `(() => { const s = document.getElementById('stage'), all = [...s.peers.values()];
			return s.dataset.online === 'true' && all.length === 1 && document.querySelector('.tile[data-self=false]').dataset.away === 'false' && all[0].connection.connectionState === 'connected' })()`)
		k.sees([]*tab{other, b}[i])
		k.until("it has the place that it had", `(() => { const s = document.getElementById('stage'); return window.kept?.sid === s.dataset.sid })()`)
		how, _ := k.ask(`[window.kept.states.join(), window.kept.c === [...document.getElementById('stage').peers.values()][0].connection ? 'mended' : 'made anew']`)
		t.Logf("%s: its connection was %s", k.name, how)
	}
	t.Logf("%s lost its link for %v: pictures in both %v after it had one again", b.name, lost, time.Since(back).Round(100*time.Millisecond))
}

// tab is a browser in a call, in a process of its own in its host's network.
type tab struct {
	t    *testing.T
	name string
	in   io.Writer
	out  *bufio.Scanner
}

// answer begins what a tab answers.
const answer = "=> "

func (l lan) tab(t *testing.T, name string) *tab {
	t.Helper()
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost\n203.0.113.1 "+named+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", l.prefix+"-"+name, "sh", "-ec", `mount --bind "$0" /etc/hosts; exec "$@"`, hosts, // what it mounts is mounted for it alone
		os.Args[0], "-test.run", "^TestTabInATunnel$", "-test.v") // it ends by itself, its browser first
	cmd.Env = append(os.Environ(), "PSE_TUNNEL="+name, "PSE_ROOT="+l.root)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	b := &tab{t, name, in, bufio.NewScanner(out)}
	b.out.Buffer(nil, 1<<20)
	b.until("there is a call page", `document.getElementById('stage')?.dataset.scene === 'prejoin'`)
	b.until("", `(document.getElementById('join').click(), true)`)
	return b
}

// ask evaluates an expression in the tab.
func (b *tab) ask(expression string) (json.RawMessage, error) {
	if _, err := fmt.Fprintf(b.in, "%s\n", strings.ReplaceAll(expression, "\n", " ")); err != nil {
		return nil, err
	}
	var all strings.Builder
	for b.out.Scan() {
		if a, ok := strings.CutPrefix(b.out.Text(), answer); ok {
			if !json.Valid([]byte(a)) {
				return nil, errors.New(a)
			}
			return json.RawMessage(a), nil
		}
		fmt.Fprintln(&all, b.out.Text())
	}
	b.t.Fatalf("%s ended:\n%s", b.name, all.String())
	return nil, nil
}

// until waits until an expression is true.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	eventually(b.t, func() error {
		a, err := b.ask(expression)
		if err == nil && string(a) != "true" {
			err = fmt.Errorf("%s: not so: %s", b.name, what)
		}
		return err
	})
}

// state is what a tab knows of its connections, for a test that failed.
const state = `Promise.all([...document.getElementById('stage').peers.values()].map(async p => [p.connection.connectionState, p.connection.signalingState,
	...[...(await p.connection.getStats()).values()].filter(s => ['candidate-pair', 'local-candidate', 'remote-candidate'].includes(s.type) || s.kind === 'video').map(s =>
	[s.type, s.state ?? s.candidateType, s.relayProtocol ?? s.protocol ?? s.nominated, s.address, s.port, s.bytesSent ?? s.framesEncoded, s.bytesReceived ?? s.framesDecoded, s.requestsSent, s.responsesReceived].join(' '))]))`

// sees waits until the tab has decoded 30 pictures more.
func (b *tab) sees(others ...*tab) {
	b.t.Helper()
	const frames = `(async () => { let n = 0; for (const p of document.getElementById('stage').peers.values()) for (const s of (await p.connection.getStats()).values()) if (s.type === 'inbound-rtp' && s.kind === 'video') n += s.framesDecoded ?? 0; return n })()`
	first := -1
	eventually(b.t, func() error {
		a, err := b.ask(frames)
		if err != nil {
			return err
		}
		n := 0
		if err := json.Unmarshal(a, &n); err != nil {
			return err
		}
		if first < 0 {
			first = n
		}
		if n < first+30 {
			how := fmt.Errorf("%s has decoded %d pictures, and %d since", b.name, first, n-first)
			for _, o := range append(others, b) {
				its, _ := o.ask(state)
				how = fmt.Errorf("%w; %s: %s", how, o.name, its)
			}
			return how
		}
		return nil
	})
}

// The process of a tab: it evaluates what it reads, a line each.
func TestTabInATunnel(t *testing.T) {
	name := os.Getenv("PSE_TUNNEL")
	if name == "" {
		t.Log("nothing to do but as a part of TestCallInATunnel")
		return
	}
	const page = ":8443/call/garden?relay=1&name="
	var eval func(string) (json.RawMessage, error)
	if name == "firefox" {
		f, err := browser.StartFirefox(t.Context(), t.TempDir(), os.Getenv("PSE_ROOT"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Go("https://" + named + page + name); err != nil {
			t.Fatal(err)
		}
		eval = f.Eval
	} else {
		chrome, err := browser.Start(t.Context(), browser.AnyCertificate)
		if err != nil {
			t.Fatal(err)
		}
		defer chrome.Close()
		p, err := chrome.Open("https://203.0.113.1"+page+name, 800, 600)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		eval = func(e string) (json.RawMessage, error) { return browser.Eval[json.RawMessage](p, e) }
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		a, err := eval(lines.Text())
		if err != nil {
			a = []byte(strings.ReplaceAll(err.Error(), "\n", " "))
		}
		fmt.Println(answer + string(a))
	}
}
