// Command latency measures glass to glass: the time from painting a picture to
// showing it in Chromium, for PSE and for the pipeline PSE replaces.
//
// The camera paints its pictures' numbers, which stand for the time of painting,
// into the picture, encodes and publishes over RTMP (720p30); the same Chromium
// with hls.js reads them back from the <video>. Rows: PSE's own watch page, and hls.js
// with nothing around it, each on the source and on an encoded rendition; and
// nginx-rtmp with ffmpeg -f hls set as the original's `plane` (960 wide at
// 4000k, 1280 wide at 8000k, GOP 30, segments of 4 s, 2 in the list).
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bench/nginx"
	"github.com/helios-h2020/pse/bench/round"
	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/camera/cameratest"
	"github.com/helios-h2020/pse/internal/process"
)

const fps = 30

// original is the row of what PSE replaces.
const original = "original, plane 960 wide"

func main() {
	took := flag.Duration("time", 40*time.Second, "how long each page plays")
	settle := flag.Duration("settle", 15*time.Second, "not counted at the start")
	hlsJS := flag.String("hls", "web/node_modules/hls.js/dist/hls.min.js", "hls.min.js; `make web` installs it")
	keep := flag.String("screenshots", "", "directory for a screenshot of each row")
	only := flag.String("only", "", "only the row whose name has this in it")
	round.Main("latency", func(ctx context.Context, bin, dir string) error {
		return run(ctx, bin, dir, *took, *settle, *hlsJS, *keep, *only)
	})
}

// bench is what the rows share.
type bench struct {
	player       string // URL of the page with hls.js
	chromium     *browser.Browser
	took, settle time.Duration
	keep         string
	only         string
	rows         [][]string
}

func run(ctx context.Context, bin, dir string, took, settle time.Duration, hlsJS, keep, only string) error {
	if _, err := os.Stat(hlsJS); err != nil {
		return fmt.Errorf("%w; run make web first", err)
	}
	player := httptest.NewServer(browser.Player(hlsJS))
	defer player.Close()
	b := &bench{player: player.URL, took: took, settle: settle, keep: keep, only: only}
	var err error
	if b.chromium, err = browser.Start(ctx); err != nil {
		return err
	}
	defer b.chromium.Close()
	if err := b.pse(ctx, bin, dir); err != nil {
		return err
	}
	if strings.Contains(original, b.only) {
		if err := b.original(ctx, dir); err != nil {
			return err
		}
	}
	round.Table(os.Stdout, fmt.Sprintf("Glass to glass in Chromium, ms, each played for %v", took),
		[]string{"pipeline", "p5", "p50", "p95", "first picture", "stalls", "longest", "unreadable", "jumps"}, b.rows)
	return nil
}

func (b *bench) pse(ctx context.Context, bin, dir string) error {
	p, err := process.StartPSE(ctx, process.PSEOptions{Bin: bin, Data: filepath.Join(dir, "data"), CPU: -1, Set: []string{"log.level=warn"}})
	if err != nil {
		return err
	}
	defer p.Stop()
	stop := publish(ctx, "rtmp://"+p.RTMP+"/live/bench")
	defer stop()
	master := "http://" + p.HTTP + "/hls/bench/index.m3u8"
	if err := await(ctx, master); err != nil {
		return fmt.Errorf("%w; pse said: %s", err, p.Said())
	}
	watch := "http://" + p.HTTP + "/watch/bench"
	for _, row := range []struct {
		name, page string
		height     int // of the quality to choose, 0 for the page's choice
	}{
		{"pse watch page, source", watch, 720},
		{"pse watch page, 480p encoded", watch, 480},
		{"pse 720p source, hls.js", b.bare(master, 720), 0},
		{"pse 480p encoded, hls.js", b.bare(master, 480), 0},
	} {
		if !strings.Contains(row.name, b.only) {
			continue
		}
		if err := b.play(row.name, row.page, row.height); err != nil {
			return fmt.Errorf("%s: %w; pse said: %s", row.name, err, p.Said())
		}
		fmt.Fprintln(os.Stderr, "pse said:", p.Said())
	}
	return nil
}

func (b *bench) original(ctx context.Context, dir string) error {
	www := filepath.Join(dir, "original")
	if err := os.MkdirAll(www, 0o755); err != nil {
		return err
	}
	var addr [2]string
	for i := range addr {
		port, err := process.FreePort()
		if err != nil {
			return err
		}
		addr[i] = fmt.Sprintf("127.0.0.1:%d", port)
	}
	n, err := nginx.Start(ctx, dir, -1, addr[1], fmt.Sprintf(`rtmp { server { listen %s; chunk_size 4000; application plane { live on; } } }
http { access_log off; types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
  server { listen %s; root %s; add_header Access-Control-Allow-Origin *; add_header Cache-Control no-cache; } }
`, addr[0], addr[1], www))
	if err != nil {
		return err
	}
	defer n.Stop()
	source := "rtmp://" + addr[0] + "/plane/bench"
	stop := publish(ctx, source)
	defer stop()
	log := filepath.Join(dir, "original.log")
	ff, err := process.Start(ctx, process.Options{CPU: -1, Dir: www, Log: log}, "ffmpeg", "-v", "error", "-nostdin", "-i", source,
		"-filter_complex", "[0:v]split=2[a][b];[a]scale=960:-2[v0];[b]scale=1280:-2[v1]",
		"-map", "[v0]", "-map", "0:a", "-map", "[v1]", "-map", "0:a", "-c:a", "aac", "-b:a", "128k", "-ac", "2",
		"-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-r", "30", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0",
		"-b:v:0", "4000k", "-b:v:1", "8000k", "-f", "hls", "-hls_time", "4", "-hls_list_size", "2", "-hls_flags", "delete_segments",
		"-master_pl_name", "bench.m3u8", "-var_stream_map", "v:0,a:0 v:1,a:1", "bench_%v.m3u8")
	if err != nil {
		return err
	}
	defer ff.Stop()
	master := "http://" + addr[1] + "/bench.m3u8"
	if err := await(ctx, master); err != nil {
		return fmt.Errorf("%w; ffmpeg said: %s", err, process.Tail(log))
	}
	return b.play(original, b.bare(master, 540), 0)
}

func (b *bench) bare(master string, height int) string {
	return b.player + "/?height=" + strconv.Itoa(height) + "&src=" + url.QueryEscape(master)
}

// choose does what the page's menu does, and is true once it could.
const choose = `(() => {
  const hls = document.getElementById('stage').hls, level = hls ? hls.levels.findIndex(l => l.height === %d) : -1
  if (level >= 0) hls.nextLevel = level
  return level >= 0
})()`

// play watches a page and adds a row. On the watch page it chooses the quality of a height.
func (b *bench) play(name, page string, height int) error {
	p, err := b.chromium.Open(page, 900, 700)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Probe("video", fps); err != nil {
		return err
	}
	if err := p.Playing(1, 40*time.Second); err != nil {
		return err
	}
	if height != 0 {
		if err := p.Wait(fmt.Sprintf(choose, height), 10*time.Second); err != nil {
			return err
		}
	}
	time.Sleep(b.took)
	r, err := p.Report()
	if err != nil {
		return err
	}
	if b.keep != "" {
		if err := p.Screenshot(filepath.Join(b.keep, "latency-"+fmt.Sprint(len(b.rows))+".png")); err != nil {
			return err
		}
	}
	n := int((b.took - b.settle).Seconds()) * fps
	stalls := 0
	from := *r.FirstMs + float64(b.settle.Milliseconds())
	for _, s := range r.Stalls {
		if s.At > from {
			stalls++
		}
	}
	ms := func(q float64) string { return fmt.Sprint(r.Age(q, n).Milliseconds()) }
	b.rows = append(b.rows, []string{
		name, ms(.05), ms(.5), ms(.95), fmt.Sprintf("%.0f", *r.FirstMs), fmt.Sprint(stalls),
		fmt.Sprint(r.LongestStall(from).Milliseconds()), fmt.Sprint(r.Bad), fmt.Sprint(len(r.Jumps)),
	})
	fmt.Fprintln(os.Stderr, b.rows[len(b.rows)-1], "stalls", r.Stalls, "console", p.Problems()[:min(3, len(p.Problems()))])
	return nil
}

// publish runs the camera until stop is called.
func publish(ctx context.Context, to string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		cameratest.Keep(ctx, camera.Options{URL: to}, time.Second, func(err error) { fmt.Fprintln(os.Stderr, err) })
	}()
	return func() {
		cancel()
		<-done
	}
}

// await waits until a playlist is there.
func await(ctx context.Context, playlist string) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	for {
		r, err := http.Get(playlist)
		if err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not come: %w", playlist, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}
