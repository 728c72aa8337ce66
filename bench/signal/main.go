// Command signal compares PSE's signalling with the server that it replaces,
// Node with Socket.IO's own server: CPU time a relayed message, and memory a
// connection.
//
// 2,000 clients of the HELIOS contract are in 1,000 rooms and send ICE
// candidates to each other at a steady rate, by WebSocket or by polling. The
// server has core 0 to itself, the clients have core 1. PSE is one process, bus
// and log included: each message is on the disk's side of the kernel before it
// is delivered. Node keeps nothing. CPU time is the server process's own
// clock, pings included (every 5 s, both); memory is what its resident memory
// grew by from start to all having joined, per client.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/bench/round"
	"github.com/helios-h2020/pse/internal/process"
)

// peer is where the Node server and its package.json are, from the root of the repository.
const peer = "bench/signal/peer"

func main() {
	rounds := flag.Int("rounds", 3, "rounds of each comparison; the median is shown")
	took := flag.Duration("time", 5*time.Second, "how long one measurement takes")
	clients := flag.Int("clients", 2000, "clients, two in a room")
	rate := flag.Int("rate", 5000, "messages a second, all clients together")
	idle := flag.Duration("idle", 3*time.Second, "how long the clients are idle before memory is measured; Go's collector comes every 2 minutes then")
	burst := flag.Int("burst", 1, "messages that a client sends one after the other")
	transport := flag.String("transport", "", "websocket or polling; empty: one after the other")
	profile := flag.String("profile", "", "file for a CPU profile of PSE relaying by WebSocket")
	round.Main("signal", func(ctx context.Context, bin, dir string) error {
		return run(ctx, bin, dir, load{clients: *clients, rate: *rate, burst: *burst, took: *took, idle: *idle}, *rounds, *transport, *profile)
	})
}

// A candidate is a server under test.
type candidate struct {
	name  string
	start func() (p *process.Process, url string, err error)
}

func run(ctx context.Context, bin, dir string, l load, rounds int, transport, profile string) error {
	if err := process.PinSelf(1); err != nil {
		return err
	}
	files := unix.Rlimit{Cur: 20000, Max: 20000}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("allow 20000 open files: %w", err)
	}
	if err := installPeer(ctx); err != nil {
		return err
	}
	runs := 0
	candidates := []candidate{
		{"pse", func() (*process.Process, string, error) {
			runs++
			p, err := process.StartPSE(ctx, process.PSEOptions{
				Bin: bin, Data: filepath.Join(dir, fmt.Sprint("pse", runs)), Workers: []string{"bus", "signal"}, CPU: 0,
				Env: []string{"GOMAXPROCS=1"}, Set: []string{"log.level=error", "signal.joins_per_minute=0", "signal.max_per_ip=0"},
			})
			if err != nil {
				return nil, "", err
			}
			l.talking = func() {
				if profile == "" || l.polling {
					return
				}
				if err := p.Profile(ctx, max(1, int(l.took.Seconds())-1), profile); err != nil {
					fmt.Fprintln(os.Stderr, err)
				}
			}
			return p.Process, "http://" + p.HTTP, nil
		}},
		{"node", func() (*process.Process, string, error) {
			port, err := process.FreePort()
			if err != nil {
				return nil, "", err
			}
			runs++
			p, err := process.Start(ctx, process.Options{CPU: 0, Dir: peer, Log: filepath.Join(dir, fmt.Sprintf("node%d.log", runs))}, "node", "server.mjs", fmt.Sprint(port))
			if err != nil {
				return nil, "", err
			}
			l.talking = func() {}
			url := fmt.Sprintf("http://127.0.0.1:%d", port)
			return p, url, answers(ctx, url+"/socket.io/?EIO=4&transport=polling")
		}},
	}
	for _, by := range []string{"websocket", "polling"} {
		if transport != "" && transport != by {
			continue
		}
		l.polling = by == "polling"
		if err := compare(ctx, candidates, &l, rounds); err != nil {
			return err
		}
	}
	return nil
}

// installPeer brings what the Node server needs, if it is not there.
func installPeer(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(peer, "node_modules")); err != nil {
		cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund")
		cmd.Dir = peer
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("install the peer: %w: %s", err, out)
		}
	}
	return nil
}

func compare(ctx context.Context, candidates []candidate, l *load, rounds int) error {
	results := make([][]result, len(candidates))
	err := round.Interleave(rounds, len(candidates), func(_, i int) error {
		p, url, err := candidates[i].start()
		if err != nil {
			return err
		}
		defer p.Stop()
		r, err := l.measure(ctx, p, url)
		if err != nil {
			return fmt.Errorf("%s: %w", candidates[i].name, err)
		}
		results[i] = append(results[i], r)
		return nil
	})
	if err != nil {
		return err
	}
	median := func(i int, of func(result) float64) float64 {
		var all []float64
		for _, r := range results[i] {
			all = append(all, of(r))
		}
		return round.Median(all)
	}
	var rows [][]string
	node := median(1, func(r result) float64 { return r.perMessage })
	for i, c := range candidates {
		per := median(i, func(r result) float64 { return r.perMessage })
		rows = append(rows, []string{
			c.name, fmt.Sprintf("%.0f", median(i, func(r result) float64 { return r.rate })), fmt.Sprintf("%.1f", per), fmt.Sprintf("%.0f", 1e6/per),
			fmt.Sprintf("%.2f", per/node), fmt.Sprintf("%.1f", median(i, func(r result) float64 { return r.memory })),
			fmt.Sprintf("%.2f", median(i, func(r result) float64 { return r.join })),
		})
	}
	by := "WebSocket"
	if l.polling {
		by = "polling"
	}
	round.Table(os.Stdout, fmt.Sprintf("%d clients by %s", l.clients, by),
		[]string{"server", "messages a second", "CPU us a message", "messages a CPU-second", "of Node's CPU", "kB a client", "CPU ms a join"}, rows)
	return nil
}
