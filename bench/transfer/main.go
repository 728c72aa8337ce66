// Command transfer compares what files cost: uploads with tusd as it comes
// (handler, file store, locker in memory) and with a server that does no more
// than io.Copy, whose buffers are 32 KiB; downloads with nginx and sendfile.
//
// Each server has core 0, the client core 1, over loopback. What is measured is
// the server's CPU time a GiB, by its process's own clock, and the speed. PSE
// is one process, bus included, with its CRC32C for every 64 KiB; like the
// others it does not wait for the disk (transfer.sync: never). Uploads are
// announced a byte longer than they are, so that none completes: the SHA-256,
// which only PSE makes, and afterwards, has a row of its own. Removing what was
// uploaded, which PSE does after its answer, is waited for and not counted.
// nginx sends the very file that PSE sends: how a file came into memory
// decides what sending it costs.
//
// Small files have a table of their own, before: 10,000 of 1,000 bytes, as tus clients send them, with
// all that PSE does afterwards (SHA-256, events), and also as it comes, with what is complete synced to the disk.
//
// The files are in TMPDIR: /dev/shm leaves the disk's file system out of it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bench/nginx"
	"github.com/helios-h2020/pse/bench/round"
	"github.com/helios-h2020/pse/internal/process"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each comparison; the median is shown")
	size := flag.Int64("mib", 512, "MiB of one measurement")
	small := flag.Int("small", 10_000, "small files of one measurement")
	profile := flag.String("profile", "", "file for a CPU profile of PSE taking one PATCH, or with -mib 0 small files")
	serve := flag.String("serve", "", "be a server for the comparison: tusd or plain")
	addr := flag.String("addr", "", "where that listens")
	store := flag.String("store", "", "where that keeps its files")
	flag.Parse()
	if *serve != "" {
		if err := serveAs(*serve, *addr, *store); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	round.Main("transfer", func(ctx context.Context, bin, dir string) error {
		if err := process.PinSelf(1); err != nil {
			return err
		}
		if *small > 0 {
			if err := smallFiles(ctx, dir, bin, *rounds, *small, *profile); err != nil || *size == 0 {
				return err
			}
		}
		return run(ctx, bin, dir, *rounds, *size<<20, *profile)
	})
}

// A candidate is a server that runs.
type candidate struct {
	name string
	p    *process.Process
	url  string // of its files
	tus  bool
}

func run(ctx context.Context, bin, dir string, rounds int, size int64, profile string) error {
	pse, err := startPSE(ctx, bin, filepath.Join(dir, "data"), "never")
	if err != nil {
		return err
	}
	defer pse.Stop()
	all := []candidate{{"pse", pse.Process, "http://" + pse.HTTP + "/files/", true}}
	for _, name := range []string{"tusd", "plain"} {
		c, err := startPeer(ctx, dir, name)
		if err != nil {
			return err
		}
		defer c.p.Stop()
		all = append(all, c)
	}
	if err := uploads(ctx, dir, all, pse, rounds, size, profile); err != nil {
		return err
	}
	return downloads(ctx, dir, all[0], rounds, size)
}

// startPeer starts this program as a server.
func startPeer(ctx context.Context, dir, name string) (candidate, error) {
	port, err := process.FreePort()
	if err != nil {
		return candidate{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return candidate{}, err
	}
	addr, store := fmt.Sprintf("127.0.0.1:%d", port), filepath.Join(dir, name)
	if err := os.MkdirAll(store, 0o700); err != nil {
		return candidate{}, err
	}
	p, err := process.Start(ctx, process.Options{CPU: 0, Env: []string{"GOMAXPROCS=1"}, Log: filepath.Join(dir, name+".log")},
		self, "-serve", name, "-addr", addr, "-store", store)
	if err != nil {
		return candidate{}, err
	}
	return candidate{name, p, "http://" + addr + "/files/", name == "tusd"}, process.WaitTCP(ctx, addr)
}

// uploads compares how files are taken, in memory that warm has touched.
func uploads(ctx context.Context, dir string, all []candidate, pse *process.PSE, rounds int, size int64, profile string) error {
	var rows [][]string
	for _, w := range []struct {
		name  string
		chunk int64
	}{{"one PATCH", size}, {"10 MiB PATCHes", 10 << 20}, {"1 MiB PATCHes", 1 << 20}} {
		cost, speed := make([][]float64, len(all)), make([][]float64, len(all))
		err := round.Interleave(rounds, len(all), func(r, i int) error {
			if profile != "" && r == 1 && i == 0 && w.chunk == size {
				go func() { _ = pse.Profile(ctx, 1, profile) }()
			}
			m, err := measureUpload(ctx, dir, all[i], size, w.chunk, false)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", all[i].name, w.name, err)
			}
			if r > 0 { // the first is for warming up
				cost[i], speed[i] = append(cost[i], m.cost), append(speed[i], m.speed)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, c := range all {
			rows = append(rows, []string{
				w.name, c.name, fmt.Sprintf("%.2f", round.Median(cost[i])), fmt.Sprintf("%.2f", round.Median(cost[i])/round.Median(cost[2])),
				fmt.Sprintf("%.2f", round.Median(cost[i])/round.Median(cost[1])), fmt.Sprintf("%.0f", round.Median(speed[i])),
			})
		}
	}
	var hashed []float64
	for range rounds {
		m, err := measureUpload(ctx, dir, all[0], size, size, true)
		if err != nil {
			return err
		}
		hashed = append(hashed, m.cost)
	}
	rows = append(rows, []string{"one PATCH + SHA-256", "pse", fmt.Sprintf("%.2f", round.Median(hashed)), "", "", ""})
	round.Table(os.Stdout, fmt.Sprintf("Uploads of %d MiB", size>>20), []string{"how", "server", "CPU-s/GiB", "of plain", "of tusd", "MiB/s"}, rows)
	return nil
}

func downloads(ctx context.Context, dir string, pse candidate, rounds int, size int64) error {
	link, err := upload(ctx, pse, size, size, true)
	if err != nil {
		return err
	}
	root := filepath.Join(dir, "nginx")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	name, _, _ := strings.Cut(path.Base(link), "-")
	if err := os.Link(filepath.Join(dir, "data", "files", name, "data"), filepath.Join(root, "file")); err != nil {
		return err
	}
	port, err := process.FreePort()
	if err != nil {
		return err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	n, err := nginx.Start(ctx, root, 0, addr, nginx.Static(addr, root))
	if err != nil {
		return err
	}
	defer n.Stop()
	all := []candidate{{"pse", pse.p, link, true}, {"nginx", n, "http://" + addr + "/file", false}}
	cost, speed := make([][]float64, 2), make([][]float64, 2)
	const times = 4 // one is over in a moment
	err = round.Interleave(rounds, 2, func(r, i int) error {
		m, err := measure(all[i].p, times*size, func() error {
			for range times {
				if err := download(ctx, all[i].url, size); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && r > 0 {
			cost[i], speed[i] = append(cost[i], m.cost), append(speed[i], m.speed)
		}
		return err
	})
	if err != nil {
		return err
	}
	var rows [][]string
	for i, c := range all {
		rows = append(rows, []string{c.name, fmt.Sprintf("%.3f", round.Median(cost[i])), fmt.Sprintf("%.2f", round.Median(cost[1])/round.Median(cost[i])), fmt.Sprintf("%.0f", round.Median(speed[i]))})
	}
	round.Table(os.Stdout, fmt.Sprintf("Downloads of %d MiB", size>>20), []string{"server", "CPU-s/GiB", "bytes per CPU-s of nginx's", "MiB/s"}, rows)
	return nil
}

// measured is what something cost.
type measured struct {
	cost  float64 // CPU-seconds a GiB
	speed float64 // MiB/s
}

// measureUpload measures an upload, and removes what came of it.
func measureUpload(ctx context.Context, dir string, c candidate, size, chunk int64, whole bool) (m measured, err error) {
	if err := warm(filepath.Join(dir, "warm"), size*3/2); err != nil {
		return m, err
	}
	var url string
	m, err = measure(c.p, size, func() error {
		url, err = upload(ctx, c, size, chunk, whole)
		return err
	})
	if err != nil {
		return m, err
	}
	return m, remove(ctx, c, url)
}

// warm has the kernel use and free memory. A virtual machine may give what is
// free for seconds back to its host; then who uses it first pays for a fault
// each page, which is three times what an upload costs.
func warm(file string, size int64) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	for range size / int64(len(b)) {
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	return os.Remove(file)
}

func measure(p *process.Process, size int64, f func() error) (measured, error) {
	cpu, begun := p.CPU(), time.Now()
	if err := f(); err != nil {
		return measured{}, err
	}
	took, used := time.Since(begun).Seconds(), (p.CPU() - cpu).Seconds()
	return measured{used / (float64(size) / (1 << 30)), float64(size) / (1 << 20) / took}, nil
}
