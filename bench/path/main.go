// Command path compares the whole of PSE, from RTMP to HLS, with a bare ffmpeg
// that makes the same renditions: CPU-seconds for the same media.
//
// A recorded camera (H.264 and AAC) is sent in real time to `pse serve`,
// all workers in one process on a file bus. The command line of the ffmpeg that
// PSE starts is read from /proc and rewritten for the peer: the same decoder,
// filters and encoders, the file as its input in real time, and the HLS muxer
// (fMP4, 2 s segments) for every rendition, the copied ones too. Counted is the
// CPU time of each with its children between the same two moments of the media.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bench/round"
	"github.com/helios-h2020/pse/bench/rtmpload"
	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/process"
)

const warm = 5 * time.Second // not counted: starting up

func main() {
	rounds := flag.Int("rounds", 3, "rounds; the median is shown")
	took := flag.Duration("time", 20*time.Second, "media counted in a round")
	profile := flag.String("profile", "", "file for a CPU profile of PSE (in the last round)")
	round.Main("path", func(ctx context.Context, bin, dir string) error {
		return run(ctx, bin, dir, *rounds, *took, *profile)
	})
}

func run(ctx context.Context, bin, dir string, rounds int, took time.Duration, profile string) error {
	var rows [][]string
	for i, src := range sources() {
		sub := filepath.Join(dir, fmt.Sprint("source", i))
		if err := os.Mkdir(sub, 0o755); err != nil {
			return err
		}
		row, err := measure(ctx, bin, sub, src.o, rounds, took, profile)
		if err != nil {
			return fmt.Errorf("%s: %w", src.name, err)
		}
		rows = append(rows, append([]string{src.name}, row...))
		fmt.Fprintln(os.Stderr, rows[len(rows)-1])
	}
	round.Table(os.Stdout, fmt.Sprintf("Whole path: CPU-seconds per second of media, median of %d interleaved rounds of %v", rounds, took),
		[]string{"source, 30 fps", "pse", "of it not ffmpeg", "bare ffmpeg", "ratio"}, rows)
	return nil
}

// source is one line of the table.
type source struct {
	name string
	o    camera.Options
}

func sources() []source {
	return []source{
		{"720p, clean as a drawing", camera.Options{}},
		{"720p, grain of a phone", camera.Options{Grain: true, Bitrate: 4_000_000}},
		{"1080p, grain of a phone", camera.Options{Grain: true, Width: 1920, Height: 1080, Bitrate: 6_000_000}},
	}
}

func measure(ctx context.Context, bin, dir string, o camera.Options, rounds int, took time.Duration, profile string) ([]string, error) {
	flv := filepath.Join(dir, "camera.flv")
	length := took + 2*warm
	o.URL, o.Frames, o.Fast = flv, int64(length.Seconds())*30, true
	if err := camera.Publish(ctx, o); err != nil {
		return nil, err
	}
	script, err := rtmpload.Load(flv, 4096, 0)
	if err != nil {
		return nil, err
	}
	var line []string // of the ffmpeg that PSE starts
	var cpu [2][]float64
	var own []float64 // of PSE's, without its ffmpegs
	err = round.Interleave(rounds, 2, func(r, i int) error {
		if i == 0 {
			c, o, args, err := throughPSE(ctx, bin, filepath.Join(dir, fmt.Sprint("pse", r)), script, took, profile)
			cpu[0], own, line = append(cpu[0], c), append(own, o), args
			return err
		}
		c, err := throughFFmpeg(ctx, filepath.Join(dir, fmt.Sprint("ffmpeg", r)), peer(line, flv), took)
		cpu[1] = append(cpu[1], c)
		return err
	})
	if err != nil {
		return nil, err
	}
	a, b := round.Median(cpu[0]), round.Median(cpu[1])
	return []string{fmt.Sprintf("%.3f", a), fmt.Sprintf("%.3f", round.Median(own)), fmt.Sprintf("%.3f", b), fmt.Sprintf("%.2f", a/b)}, nil
}

// throughPSE returns CPU-seconds per second of media: all, and PSE's own without
// ffmpeg; and ffmpeg's command line.
func throughPSE(ctx context.Context, bin, dir string, script *rtmpload.Script, took time.Duration, profile string) (all, own float64, line []string, err error) {
	p, err := process.StartPSE(ctx, process.PSEOptions{Bin: bin, Data: dir, CPU: -1, Set: []string{"log.level=warn"}})
	if err != nil {
		return 0, 0, nil, err
	}
	defer p.Stop()
	pub, err := rtmpload.Dial(ctx, p.RTMP, "live", "bench", script)
	if err != nil {
		return 0, 0, nil, err
	}
	defer pub.Close()
	start := time.Now()
	if _, err := pub.Send(ctx, start, uint32(warm.Milliseconds())); err != nil {
		return 0, 0, nil, err
	}
	if profile != "" {
		go func() {
			if err := p.Profile(ctx, int(took.Seconds()), profile); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
	before, ownBefore := p.TreeCPU(), p.CPU()
	if _, err := pub.Send(ctx, start, uint32((warm + took).Milliseconds())); err != nil {
		return 0, 0, nil, err
	}
	used, ownUsed := p.TreeCPU()-before, p.CPU()-ownBefore
	line, err = encoder(p.Process)
	if err != nil {
		return 0, 0, nil, fmt.Errorf("%w; pse said: %s", err, p.Said())
	}
	return used.Seconds() / took.Seconds(), ownUsed.Seconds() / took.Seconds(), line, nil
}

// encoder is the command line of the child that reads the stream from a pipe.
func encoder(p *process.Process) ([]string, error) {
	for _, c := range p.Children() {
		if strings.HasSuffix(c.Args[0], "ffmpeg") && slices.Contains(c.Args, "pipe:0") && slices.Contains(c.Args, "libx264") {
			return c.Args, nil
		}
	}
	return nil, errors.New("pse runs no ffmpeg that encodes")
}

// peer rewrites the command line: the file as input, HLS as output, copies of
// the source's video and sound besides.
func peer(line []string, flv string) []string {
	out := []string{"ffmpeg", "-y"}
	hls := func(name string) []string {
		return []string{"-f", "hls", "-hls_time", "2", "-hls_list_size", "10", "-hls_flags", "delete_segments", "-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", name + ".mp4", name + ".m3u8"}
	}
	input, outputs, audio := false, 0, []string(nil)
	for i := 1; i < len(line); i++ {
		switch a := line[i]; {
		case a == "-f" && !input:
			out = append(out, "-re", "-f", line[i+1])
			i++
		case strings.HasSuffix(a, "_whitelist"):
			i++ // it reads a file, and copies the sound
		case a == "-probesize" || a == "-fpsprobesize":
			i++ // a copy needs to know the picture's size beforehand
		case a == "-i":
			out = append(out, "-i", flv)
			input = true
			i++
		case a == "-an":
			audio = []string{"-map", "0:a", "-c:a", "copy"}
		case input && (a == "-f" || a == "-flush_packets" || a == "-flvflags"):
			i++
		case input && strings.HasPrefix(a, "pipe:") && slices.Contains(line[i-9:i], "mpjpeg"):
			out = append(out, "-an", "-f", "null", "-") // the stream's picture, made now and then
		case input && strings.HasPrefix(a, "pipe:"):
			out = append(append(out, audio...), hls(fmt.Sprint("r", outputs))...)
			outputs++
		default:
			out = append(out, a)
		}
	}
	out = append(append(out, "-map", "0:v", "-map", "0:a", "-c", "copy"), hls("source")...)
	return append(append(out, "-map", "0:a", "-c", "copy"), hls("audio")...)
}

func throughFFmpeg(ctx context.Context, dir string, line []string, took time.Duration) (float64, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	log := filepath.Join(dir, "ffmpeg.log")
	p, err := process.Start(ctx, process.Options{CPU: -1, Dir: dir, Log: log}, line[0], line[1:]...)
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	if err := sit(ctx, p, warm); err != nil {
		return 0, fmt.Errorf("%w: %s", err, process.Tail(log))
	}
	before := p.TreeCPU()
	if err := sit(ctx, p, took); err != nil {
		return 0, fmt.Errorf("%w: %s", err, process.Tail(log))
	}
	used := p.TreeCPU() - before
	lists, _ := filepath.Glob(filepath.Join(dir, "*.m3u8"))
	if len(lists) < 3 {
		return 0, fmt.Errorf("ffmpeg wrote %d playlists: %s", len(lists), process.Tail(log))
	}
	return used.Seconds() / took.Seconds(), nil
}

// sit waits while a program runs.
func sit(ctx context.Context, p *process.Process, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-p.Done():
		return errors.New("ffmpeg ended early")
	}
}
