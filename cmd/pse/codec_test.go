package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/ingest/rtmp/rtmptest"
	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/hlscheck"
	"github.com/helios-h2020/pse/internal/process"
)

// clip is how long the media is that publishers of Enhanced RTMP send again and again, in ms.
const clip = 4000

// enhancedClip has ffmpeg make a clip, and gives it as an encoder of today sends it.
func enhancedClip(t *testing.T, encoder string) []rtmptest.Tag {
	t.Helper()
	dir := t.TempDir()
	make := func(name, args string) []byte {
		name = filepath.Join(dir, name)
		cmd := exec.CommandContext(t.Context(), "ffmpeg", append(strings.Fields("-v error -nostdin "+args+" -t 4"), name)...)
		cmd.Env = append(os.Environ(), "SVT_LOG=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	pictures, err := rtmptest.ReadMP4(make("pictures.mp4", "-f lavfi -i testsrc2=size=640x360:rate=30 -pix_fmt yuv420p -b:v 600k "+encoder+
		" -movflags +empty_moov+default_base_moof+frag_keyframe"))
	if err != nil {
		t.Fatal(err)
	}
	sound := rtmptest.ReadFLV(make("sound.flv", "-f lavfi -i sine=frequency=440:sample_rate=48000 -c:a aac -ac 2"))
	all := rtmptest.Enhanced{}.Recipe()(sound)
	for i, s := range all {
		if s.TS >= clip { // the encoder's last
			all = all[:i]
			break
		}
	}
	all = append(all, pictures...)
	slices.SortStableFunc(all, func(a, b rtmptest.Tag) int { return int(a.TS) - int(b.TS) })
	return all
}

// publishEnhanced sends a clip in real time until the test ends.
func publishEnhanced(t *testing.T, addr, name string, tags []rtmptest.Tag) {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	p := rtmptest.Dial(t, at)
	p.MustPublish("live", name)
	_ = p.Conn.SetDeadline(time.Time{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		begin := time.Now()
		for by := uint32(0); ; by += clip {
			for i := range tags {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Until(begin.Add(time.Duration(by+tags[i].TS) * time.Millisecond))):
				}
				p.Play(tags[i:i+1], by)
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// HEVC and AV1 by Enhanced RTMP, in the whole program: every rule of HLS holds, all pictures
// decode, and Chromium plays AV1 as it came, and H.264 in place of the HEVC that it has no decoder for.
func TestCodecsOfToday(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "codecs"})
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	for _, c := range []struct{ name, encoder, codec, plays string }{
		{"hevc", "-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params keyint=60:min-keyint=60:scenecut=0:open-gop=0:log-level=error", "hvc1.1.6.L63.90", "avc1"},
		{"av1", "-c:v libsvtav1 -preset 12 -g 60", "av01.0.01M.08", "av01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "hevc" && os.Getenv("PSE_LONG") == "" {
				t.Skip("long: Chromium plays none of it but its ladder, make test-long runs it")
			}
			publishEnhanced(t, s.RTMP, c.name, enhancedClip(t, c.encoder))
			master := "http://" + s.HTTP + "/hls/" + c.name + "/index.m3u8"
			eventually(t, func() error {
				list, err := get(master, 200)
				if err == nil && !(strings.Contains(list, `CODECS="`+c.codec+`,mp4a.40.2"`) && strings.Count(list, "RESOLUTION=640x360") == 2 && strings.Contains(list, `CODECS="avc1.4d40`)) { // players read it once
					err = fmt.Errorf("the codecs are not in\n%s", list)
				}
				return err
			})
			checkEnhanced(t, master)
			p, err := chrome.Open(playerPage(t, master, 360), 800, 600)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			level := fmt.Sprintf("hls.levels.findIndex(l => (l.videoCodec || '').startsWith('%s') && l.height === 360)", c.plays)
			if err := p.Wait(fmt.Sprintf("window.hls && hls.levels.length > 1 && %s >= 0", level), time.Minute); err != nil {
				said, _ := browser.Eval[string](p, "JSON.stringify([hlsErrors, hls.levels.map(l => [l.videoCodec, l.height])])")
				t.Fatalf("%v; hls.js says %s", err, said)
			}
			if _, err := browser.Eval[int](p, "hls.currentLevel = "+level); err != nil {
				t.Fatal(err)
			}
			played := fmt.Sprintf("hlsLevels.at(-1) === %s && document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames > 90", level)
			if err := p.Wait(played, time.Minute); err != nil {
				said, _ := browser.Eval[[]string](p, "hlsErrors")
				t.Fatalf("%v; hls.js said %q", err, said)
			}
			if said, err := browser.Eval[[]string](p, "hlsErrors.filter(e => e.includes('fatal'))"); err != nil || len(said) > 0 {
				t.Errorf("hls.js said %q, %v", said, err)
			}
		})
	}
}

// checkEnhanced holds a stream against every rule, for a while.
func checkEnhanced(t *testing.T, master string) {
	t.Helper()
	probe, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Fatalf("%v; run make deps", err)
	}
	rep, err := hlscheck.Check(t.Context(), master, hlscheck.Options{Duration: 10 * time.Second, Late: busy, Slack: 2 * time.Second, Probe: probe})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rep.Findings {
		t.Error(f)
	}
}
