// Command ingest compares PSE's ingest with nginx-rtmp: megabytes taken from
// publishers per second of the server's CPU time.
//
// The same pre-built RTMP bytes (a recorded camera: H.264 and AAC) go over
// loopback to each server in turn, with chunks of 128 bytes (what encoders
// start with) and 4096 (OBS), from 1, 50 and 500 publishers: in real time as
// encoders send, and 9 s of media at once. The server has core 0, the
// publishers core 1. nginx parses and relays to nobody; "nginx pulled" hands
// each stream to one reader, as it must for a transcoder. PSE parses, checks,
// keeps time and stores every chunk, acknowledged, in the media log of a bus in
// the same process, where transcoders read it: that is its hand-over. CPU time is the server process's own clock, between the
// last handshake and the last byte.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bench/nginx"
	"github.com/helios-h2020/pse/bench/round"
	"github.com/helios-h2020/pse/bench/rtmpload"
	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/process"
)

// load is one line of the table.
type load struct {
	publishers int
	chunk      int
	kbit       int  // of video a publisher
	burst      bool // all at once
	profile    string
}

// server is one candidate.
type server struct {
	name  string
	start func(ctx context.Context, dir string) (target, error)
	pull  bool // each stream has a reader
}

// target is a running server.
type target struct {
	*process.Process
	rtmp string
	pse  *process.PSE // nil: it is a peer
}

func main() {
	rounds := flag.Int("rounds", 2, "rounds of each measurement; the median is shown")
	seconds := flag.Int("seconds", 4, "media sent in real time, s")
	publishers := flag.Int("publishers", 0, "only with so many publishers")
	profile := flag.String("profile", "", "directory for a CPU profile of PSE in each measurement")
	round.Main("ingest", func(ctx context.Context, bin, dir string) error {
		return run(ctx, bin, dir, *rounds, *seconds, *publishers, *profile)
	})
}

func run(ctx context.Context, bin, dir string, rounds, seconds, only int, profile string) error {
	if err := process.PinSelf(1); err != nil {
		return err
	}
	servers := []server{{"pse", pse(bin), false}, {"nginx", nginxRTMP, false}, {"nginx-pulled", nginxRTMP, true}}
	var rows [][]string
	for _, l := range loads() {
		if only != 0 && l.publishers != only {
			continue
		}
		l.profile = profile
		row, err := measure(ctx, dir, l, servers, rounds, seconds)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		fmt.Fprintln(os.Stderr, row)
	}
	round.Table(os.Stdout, fmt.Sprintf("Ingest: MB per CPU-second, median of %d interleaved rounds", rounds),
		[]string{"publishers", "chunk", "Mbit/s each", "sent", "pse", "nginx", "ratio", "nginx pulled", "ratio", "pse MiB", "nginx MiB"}, rows)
	return nil
}

func loads() []load {
	var all []load
	for _, burst := range []bool{false, true} {
		for _, chunk := range []int{128, 4096} {
			all = append(all,
				load{publishers: 1, chunk: chunk, kbit: 4000, burst: burst},
				load{publishers: 50, chunk: chunk, kbit: 4000, burst: burst},
				load{publishers: 500, chunk: chunk, kbit: 600, burst: burst},
			)
		}
	}
	return all
}

func measure(ctx context.Context, dir string, l load, servers []server, rounds, seconds int) ([]string, error) {
	flv := filepath.Join(dir, strconv.Itoa(l.kbit)+".flv")
	if _, err := os.Stat(flv); err != nil {
		o := camera.Options{URL: flv, Width: 1280, Height: 720, Bitrate: l.kbit * 1000, Frames: 30 * 12, Fast: true}
		if l.kbit < 1000 {
			o.Width, o.Height = 640, 360
		}
		if err := camera.Publish(ctx, o); err != nil {
			return nil, err
		}
	}
	until := uint32(seconds * 1000)
	if l.burst {
		until = 9000 // PSE holds back who is more than 10 s ahead of time
	}
	script, err := rtmpload.Load(flv, l.chunk, 0)
	if err != nil {
		return nil, err
	}
	perCPU := make([][]float64, len(servers))
	memory := make([]float64, len(servers))
	err = round.Interleave(rounds, len(servers), func(_, i int) error {
		sub, err := os.MkdirTemp(dir, servers[i].name)
		if err != nil {
			return err
		}
		defer os.RemoveAll(sub)
		c, err := once(ctx, sub, servers[i], l, script, until)
		if err != nil {
			return fmt.Errorf("%s, %d publishers, chunk %d: %w", servers[i].name, l.publishers, l.chunk, err)
		}
		perCPU[i] = append(perCPU[i], c.mb/c.cpu.Seconds())
		memory[i] = max(memory[i], float64(c.rss)/(1<<20))
		return nil
	})
	if err != nil {
		return nil, err
	}
	a, b, c := round.Median(perCPU[0]), round.Median(perCPU[1]), round.Median(perCPU[2])
	sent := "real time"
	if l.burst {
		sent = "at once"
	}
	return []string{
		strconv.Itoa(l.publishers), strconv.Itoa(l.chunk), fmt.Sprintf("%.1f", float64(l.kbit)/1000), sent,
		fmt.Sprintf("%.0f", a), fmt.Sprintf("%.0f", b), fmt.Sprintf("%.2f", a/b), fmt.Sprintf("%.0f", c), fmt.Sprintf("%.2f", a/c),
		fmt.Sprintf("%.0f", memory[0]), fmt.Sprintf("%.0f", memory[1]),
	}, nil
}

// cost is one measurement.
type cost struct {
	mb  float64
	cpu time.Duration
	rss int64
}

func once(ctx context.Context, dir string, s server, l load, script *rtmpload.Script, until uint32) (cost, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	p, err := s.start(ctx, dir)
	if err != nil {
		return cost{}, err
	}
	defer p.Stop()
	pubs := make([]*rtmpload.Publisher, l.publishers)
	for i := range pubs {
		if pubs[i], err = rtmpload.Dial(ctx, p.rtmp, "live", "s"+strconv.Itoa(i), script); err != nil {
			return cost{}, err
		}
		defer pubs[i].Close()
	}
	for i := range pubs {
		if !s.pull {
			break
		}
		player, err := rtmpload.Play(ctx, p.rtmp, "live", "s"+strconv.Itoa(i))
		if err != nil {
			return cost{}, err
		}
		defer player.Close()
	}
	before := p.CPU()
	var profiling sync.WaitGroup
	if l.profile != "" && p.pse != nil {
		profiling.Go(func() { profile(ctx, p.pse, l, until) })
	}
	total, err := publish(ctx, pubs, !l.burst, until)
	profiling.Wait()
	if err != nil {
		return cost{}, err
	}
	settle(ctx, p.Process)
	return cost{mb: float64(total) / 1e6, cpu: p.CPU() - before, rss: p.RSS()}, nil
}

func profile(ctx context.Context, p *process.PSE, l load, until uint32) {
	seconds, mode := int(until/1000), "paced"
	if l.burst {
		seconds, mode = 2, "burst"
	}
	file := filepath.Join(l.profile, fmt.Sprintf("ingest-%d-%d-%s.pprof", l.publishers, l.chunk, mode))
	if err := p.Profile(ctx, seconds, file); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// publish has all send, in real time or at once, and returns how many bytes that were.
func publish(ctx context.Context, pubs []*rtmpload.Publisher, paced bool, until uint32) (total int, err error) {
	var began time.Time
	if paced {
		began = time.Now()
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for i, pub := range pubs {
		wg.Go(func() {
			start := began
			if paced { // encoders do not send at the same moment
				start = start.Add(time.Duration(i) * time.Second / time.Duration(len(pubs)))
			}
			n, err := pub.Send(ctx, start, until)
			mu.Lock()
			defer mu.Unlock()
			total += n
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	if len(errs) > 0 {
		return total, fmt.Errorf("%d of %d publishers failed: %w", len(errs), len(pubs), errs[0])
	}
	return total, nil
}

// settle waits until the server has worked off what is in its sockets.
func settle(ctx context.Context, p *process.Process) {
	for last := p.CPU(); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
		now := p.CPU()
		if now-last < 3*time.Millisecond {
			return
		}
		last = now
	}
}

func pse(bin string) func(context.Context, string) (target, error) {
	return func(ctx context.Context, dir string) (target, error) {
		p, err := process.StartPSE(ctx, process.PSEOptions{
			Bin: bin, Data: dir, Workers: []string{"bus", "ingest"}, CPU: 0, Env: []string{"GOMAXPROCS=1"},
			Set: []string{"bus.media_age=10s", "log.level=error", "ingest.max_connections=2000", "ingest.max_per_ip=2000"},
		})
		if err != nil {
			return target{}, err
		}
		return target{p.Process, p.RTMP, p}, nil
	}
}

func nginxRTMP(ctx context.Context, dir string) (target, error) {
	port, err := process.FreePort()
	if err != nil {
		return target{}, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	p, err := nginx.Start(ctx, dir, 0, addr, nginx.RTMP(addr))
	return target{p, addr, nil}, err
}
