package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/helios-h2020/pse/internal/process"
)

// The range of relay ports, of all servers.
const minPort, maxPort = 20000, 31999

// start starts a server on core 0, and waits until it answers: Debian's coturn,
// PSE with nothing but its relay and its bus, or ourselves as serve.
func (b *bench) start(name string) (*process.Process, netip.AddrPort, error) {
	port, err := process.FreePort()
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
	b.started++
	o := process.Options{CPU: 0, Dir: b.dir, Log: filepath.Join(b.dir, fmt.Sprintf("%s%d.log", name, b.started))}
	var p *process.Process
	switch name {
	case "coturn":
		// One relay thread on one core costs it less than one for each core there is.
		p, err = process.Start(b.ctx, o, "turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--no-rfc5780", "--lt-cred-mech",
			"-L", "127.0.0.1", "-E", "127.0.0.1", "-p", fmt.Sprint(port), "-r", realm, "-u", user+":"+password, "-m", "1",
			"--min-port", fmt.Sprint(minPort), "--max-port", fmt.Sprint(maxPort), "--allow-loopback-peers", "--no-stdout-log",
			"--log-file", "/dev/null", "--pidfile", filepath.Join(b.dir, "coturn.pid"))
	case "pse":
		p, err = b.startPSE(at)
	default:
		self, err2 := os.Executable()
		if err2 != nil {
			return nil, at, err2
		}
		p, err = process.Start(b.ctx, o, self, "-serve", name, "-listen", at.String())
	}
	if err != nil {
		return nil, at, err
	}
	if err := answers(at); err != nil {
		p.Stop()
		return nil, at, fmt.Errorf("%s: %w: %s", name, err, process.Tail(o.Log))
	}
	return p, at, nil
}

// startPSE starts the program as it is, but for limits that one client on one
// address would meet.
func (b *bench) startPSE(at netip.AddrPort) (*process.Process, error) {
	data := filepath.Join(b.dir, fmt.Sprint("data", b.started))
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	users := filepath.Join(data, "users")
	if err := os.WriteFile(users, []byte(user+":"+password+"\n"), 0o600); err != nil {
		return nil, err
	}
	p, err := process.StartPSE(b.ctx, process.PSEOptions{
		Bin: b.bin, Data: data, Workers: []string{"bus", "turn"}, CPU: 0,
		Set: []string{
			"log.level=error", "turn.listen=" + at.String(), "turn.tls_listen=", "turn.realm=" + realm, "turn.users_file=" + users,
			"turn.relay_ips=127.0.0.1", "turn.allow_peers=127.0.0.0/8", fmt.Sprint("turn.min_port=", minPort), fmt.Sprint("turn.max_port=", maxPort),
			"turn.max_allocations=10000", "turn.user_allocations=0", "turn.allocations_per_minute=0", "turn.unauthorized_per_second=0",
		},
	})
	if err != nil {
		return nil, err
	}
	return p.Process, nil
}
