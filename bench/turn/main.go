// Command turn compares PSE's relay with Debian's coturn and with pion/turn as
// it comes: packets relayed per CPU-second, what relaying adds to their way,
// allocations per CPU-second, memory an allocation.
//
// The server has core 0 to itself, clients and peers are sockets of this
// process on core 1, which never sleeps. All is IPv4 on the loopback, clients
// bind a channel, or send indications, as Firefox does. At a rate, packets are sent one by one at even intervals, each
// on the next of 20 sessions; at once means as fast as one core sends. CPU time
// is the server process's own clock. Latency is from socket to socket; what
// sockets alone take is measured too, and taken off. What was measured at a rate
// while others had the cores is measured anew.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/helios-h2020/pse/bench/round"
	"github.com/helios-h2020/pse/internal/process"
)

func main() {
	rounds := flag.Int("rounds", 3, "rounds of each comparison; the median is shown")
	took := flag.Duration("time", 3*time.Second, "how long one measurement takes")
	only := flag.String("only", "", "loads whose name has this in it")
	servers := flag.String("servers", "coturn,pion,pse", "which to compare, the first is 1")
	kind := flag.String("serve", "", "be a server: pion, or plane")
	listen := flag.String("listen", "", "where that listens")
	flag.Parse()
	if *kind != "" {
		if err := serve(*kind, *listen); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	round.Main("turn", func(ctx context.Context, bin, dir string) error {
		b := bench{ctx: ctx, bin: bin, dir: dir, rounds: *rounds}
		return b.run(*took, *only, strings.Split(*servers, ","))
	})
}

type bench struct {
	ctx      context.Context
	bin, dir string
	rounds   int
	started  int // servers, for the names of their files
}

func loads(took time.Duration) []load {
	var all []load
	for _, size := range []int{160, 1200} {
		for _, way := range []struct {
			name    string
			out, in bool
		}{{"to peers", true, false}, {"to clients", false, true}, {"both ways", true, true}} {
			for _, rate := range []int{20000, 0} {
				l := load{size: size, rate: rate, out: way.out, in: way.in, sessions: 20, took: took}
				l.name = fmt.Sprintf("%d B %s, %s", size, way.name, at2(rate))
				all = append(all, l)
			}
		}
	}
	all = append(all,
		load{name: "1200 B indications both ways, 20000 a second", size: 1200, rate: 20000, indicate: true, out: true, in: true, sessions: 20, took: took},
		load{name: "1200 B indications both ways, at once", size: 1200, indicate: true, out: true, in: true, sessions: 20, took: took},
		load{name: "1200 B indications both ways, bursts of 4 to 8, 20000 a second", size: 1200, rate: 20000, indicate: true, bursts: true, out: true, in: true, sessions: 20, took: took},
		load{name: "1200 B indications both ways, bursts of 4 to 8, at once", size: 1200, indicate: true, bursts: true, out: true, in: true, sessions: 20, took: took},
		load{name: "1200 B indications relay to relay, at once", size: 1200, indicate: true, relayed: true, sessions: 20, took: took},
		load{name: "1200 B both ways, 5000 a second", size: 1200, rate: 5000, out: true, in: true, sessions: 20, took: took},
		load{name: "1200 B both ways, bursts of 4 to 8, 20000 a second", size: 1200, rate: 20000, bursts: true, out: true, in: true, sessions: 20, took: took},
		load{name: "1200 B both ways, bursts of 4 to 8, at once", size: 1200, bursts: true, out: true, in: true, sessions: 20, took: took},
		load{name: "1200 B relay to relay, 20000 a second", size: 1200, rate: 20000, relayed: true, sessions: 20, took: took},
		load{name: "1200 B relay to relay, at once", size: 1200, relayed: true, sessions: 20, took: took})
	return all
}

func at2(rate int) string {
	if rate == 0 {
		return "at once"
	}
	return fmt.Sprintf("%d a second", rate)
}

func (b *bench) run(took time.Duration, only string, servers []string) error {
	if err := process.PinSelf(1); err != nil {
		return err
	}
	files := unix.Rlimit{Cur: 20000, Max: 20000}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("allow 20000 open files: %w", err)
	}
	debug.SetGCPercent(800)
	var rows [][]string
	for _, l := range loads(took) {
		if !strings.Contains(l.name, only) {
			continue
		}
		row, err := b.compare(l, servers)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		fmt.Fprintln(os.Stderr, strings.Join(row, "  "))
	}
	if len(rows) > 0 {
		head := []string{"packets", servers[0] + ", a CPU-second"}
		for _, s := range servers[1:] {
			head = append(head, s+" of it")
		}
		for _, s := range servers {
			head = append(head, s+" adds p50")
		}
		round.Table(os.Stdout, "relayed packets", head, rows)
	}
	if strings.Contains("setup", only) {
		return b.setup(servers)
	}
	return nil
}

// compare runs a load on all servers in turns.
func (b *bench) compare(l load, servers []string) ([]string, error) {
	per, added := make([][]float64, len(servers)), make([][]float64, len(servers))
	err := round.Interleave(b.rounds, len(servers), func(_, i int) error {
		bare := result{}
		if l.rate > 0 {
			var err error
			if bare, err = measure(load{name: "sockets alone", size: l.size, rate: l.rate, bursts: l.bursts, sessions: l.sessions, took: time.Second}, nil, netip.AddrPort{}); err != nil {
				return err
			}
		}
		r, err := b.undisturbed(l, servers[i])
		if err != nil {
			return fmt.Errorf("%s: %w", servers[i], err)
		}
		fmt.Fprintf(os.Stderr, "%s, %s: %.0f a second, %.0f %% CPU, %.0f a CPU-second, p50 %.0f p99 %.0f us (bare %.0f)\n",
			l.name, servers[i], r.packets, 100*r.cpu, r.perCPU, r.p50, r.p99, bare.p50)
		per[i] = append(per[i], r.perCPU)
		added[i] = append(added[i], r.p50-bare.p50)
		return nil
	})
	if err != nil {
		return nil, err
	}
	first := round.Median(per[0])
	row := []string{l.name, fmt.Sprintf("%.0f", first)}
	for _, v := range per[1:] {
		row = append(row, fmt.Sprintf("%.2f", round.Median(v)/first))
	}
	for _, v := range added {
		if l.rate == 0 {
			row = append(row, "-")
			continue
		}
		row = append(row, fmt.Sprintf("%.0fus", round.Median(v)))
	}
	return row, nil
}

// undisturbed measures anew, some times, when not all that was sent at a rate
// came: then others had the cores, packets gathered, and gathered ones are cheap.
func (b *bench) undisturbed(l load, server string) (r result, err error) {
	for range 4 {
		p, at, err := b.start(server)
		if err != nil {
			return r, err
		}
		r, err = measure(l, p, at)
		p.Stop()
		if err != nil || r.packets >= 0.99*float64(l.rate) && (l.rate == 0 || r.p99 < 10_000) {
			return r, err
		}
	}
	return r, nil
}
