package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/process"
)

// A broadcast is a stream with one set of renditions, as the camera makes it.
type broadcast struct {
	name            string
	pictures, sound bool
	renditions      int // that the multivariant playlist is to list
	camera          camera.Options
}

// broadcasts are the sets of renditions that there are. The first takes the only
// slot of the transcoder: nobody encodes the others.
func broadcasts() []broadcast {
	ladder := camera.Options{Width: 640, Height: 360, Bitrate: 400_000, GOP: 30}
	mute, dark := small, small
	mute.NoAudio, dark.NoVideo = true, true
	return []broadcast{
		{"ladder", true, true, 3, ladder},
		{"source", true, true, 2, small},
		{"mute", true, false, 1, mute},
		{"dark", false, true, 1, dark},
	}
}

// small is what costs the machine little: no rung comes beside it.
var small = camera.Options{Width: 320, Height: 180, Bitrate: 200_000, FPS: cameraFPS, GOP: 30}

// broadcasting publishes what the camera makes as a stream, until stop is called.
func broadcasting(t *testing.T, s *process.PSE, name string, o camera.Options) (stop func()) {
	t.Helper()
	o.URL = "rtmp://" + s.RTMP + "/live/" + name
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := camera.Publish(ctx, o); err != nil && t.Context().Err() == nil { // at the end the program goes first
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// listed waits until the multivariant playlist lists all of a broadcast's renditions, and a
// rendition's its third segment: of a stream that has nothing but parts yet, Shaka Player
// 5.2.12 asks for a segment without a name.
func (b *broadcast) listed(t *testing.T, master string) {
	t.Helper()
	eventually(t, func() error {
		text, err := get(master, 200)
		if n := strings.Count(text, "#EXT-X-STREAM-INF"); err == nil && n < b.renditions {
			return fmt.Errorf("%d renditions in\n%s", n, text)
		}
		if err != nil {
			return err
		}
		first := regexp.MustCompile(`(?m)^[^#\s]+$`).FindString(text)
		list, err := get(strings.TrimSuffix(master, "index.m3u8")+first, 200)
		if n := strings.Count(list, "#EXTINF"); err == nil && n < 3 {
			err = fmt.Errorf("%d segments in\n%s", n, list)
		}
		return err
	})
}

// servePlayers serves the pages of browser.Players.
func servePlayers(t *testing.T) (addr string) {
	t.Helper()
	for _, file := range []string{"../../web/node_modules/hls.js/package.json", "../../edge/clienttest/node_modules/shaka-player/package.json"} {
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("%v; run make clients web", err)
		}
	}
	srv := httptest.NewServer(browser.Players("../../web/node_modules", "../../edge/clienttest/node_modules"))
	t.Cleanup(srv.Close)
	return srv.URL
}

// decoded is what of a broadcast a page's player has decoded: pictures, and bytes of sound.
type decoded struct {
	Time     float64  `json:"time"`
	Pictures int      `json:"pictures"`
	Sound    int      `json:"sound"`
	Errors   []string `json:"errors"`
	Age      float64  `json:"age"` // of the newest pictures, ms
}

const readDecoded = `(() => { const v = document.querySelector('video'); return { time: v.currentTime, pictures: v.getVideoPlaybackQuality().totalVideoFrames,
	sound: v.webkitAudioDecodedByteCount, errors: playerErrors } })()`

// watches has a player of the browser's play a broadcast.
func (b *broadcast) watches(chrome *browser.Browser, players, player, master string, low bool) (d decoded, err error) {
	p, err := chrome.Open(players+"/"+browser.PlayersQuery(player, master, low), 700, 500)
	if err != nil {
		return d, err
	}
	defer p.Close()
	if b.pictures {
		if err := p.Probe("video", cameraFPS); err != nil {
			return d, err
		}
	}
	plays := "document.querySelector('video').currentTime > (window.from ??= document.querySelector('video').currentTime || undefined) + 1"
	if b.pictures {
		plays += " && document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames > 30"
	}
	if b.sound {
		plays += " && document.querySelector('video').webkitAudioDecodedByteCount > 5000"
	}
	err = p.Wait("playerErrors.length > 0 || "+plays, 40*time.Second)
	d, e := browser.Eval[decoded](p, readDecoded)
	if e != nil {
		return d, e
	}
	if b.pictures {
		if r, err := p.Report(); err == nil {
			d.Age = float64(r.Age(.5, 40).Milliseconds())
		}
	}
	if err == nil && len(d.Errors) > 0 {
		err = fmt.Errorf("%q", d.Errors)
	}
	return d, err
}

// played is what became of one player on one broadcast.
type played struct {
	player, set, mode string
	decoded
	err error
}

// program has a program of the machine play a broadcast, and says what of it did.
func (b *broadcast) program(t *testing.T, name, master string) (p played) {
	t.Helper()
	p.player, p.set, p.mode = name, b.name, "plain"
	args := map[string][]string{
		"ffmpeg":    {"-v", "error", "-nostdin", "-live_start_index", "-3", "-i", master, "-t", "2", "-map", "0:v:0?", "-map", "0:a:0?", "-f", "framecrc", "-"},
		"mpv":       {"--no-config", "--vo=null", "--ao=null", "--untimed", "--length=2", "--msg-level=all=error,cplayer=info", master},
		"gstreamer": {"-v", "playbin3", "uri=" + master, "video-sink=fakesink num-buffers=30", "audio-sink=fakesink num-buffers=40"},
	}[name]
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, map[string]string{"gstreamer": "gst-launch-1.0"}[name]+strings.TrimSuffix(name, "gstreamer"), args...).CombinedOutput()
	said := string(out)
	switch {
	case err != nil:
		p.err = fmt.Errorf("%w: %.300s", err, said)
	case name == "ffmpeg":
		lines := regexp.MustCompile(`(?m)^#media_type (\d): (\w+)$`).FindAllStringSubmatch(said, -1)
		for _, l := range lines {
			n := strings.Count(said, "\n"+l[1]+",")
			if l[2] == "video" {
				p.Pictures = n
			} else {
				p.Sound = n
			}
		}
	case name == "mpv":
		p.Pictures, p.Sound = strings.Count(said, "VO: [null]"), strings.Count(said, "AO: [null]")
	default:
		into := regexp.MustCompile(`GstFakeSink:\S+: caps = (video|audio)/x-raw`).FindAllStringSubmatch(said, -1)
		for _, m := range into {
			if m[1] == "video" {
				p.Pictures++
			} else {
				p.Sound++
			}
		}
	}
	if p.err == nil && (p.Pictures > 0 != b.pictures || p.Sound > 0 != b.sound) {
		p.err = fmt.Errorf("pictures: %d, sound: %d: %.600s", p.Pictures, p.Sound, said)
	}
	return p
}

// Every set of renditions plays in every player, with all that it has. PSE_LONG has
// them play without low latency too, and all programs all sets.
func TestPlayers(t *testing.T) {
	long := os.Getenv("PSE_LONG") != ""
	s := start(t, process.PSEOptions{Name: "players", Set: []string{"transcode.slots=1"}})
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	pages := servePlayers(t)
	for _, b := range broadcasts() {
		t.Run(b.name, func(t *testing.T) {
			if b.name != "ladder" && !long {
				t.Skip("long: make test-long runs it")
			}
			broadcasting(t, s, b.name, b.camera)
			master := "http://" + s.HTTP + "/hls/" + b.name + "/index.m3u8"
			b.listed(t, master)
			var all []played
			for _, player := range browser.WebPlayers() {
				for _, low := range []bool{true, false} {
					mode := map[bool]string{true: "low latency", false: "plain"}[low]
					if player == "native" && low || player != "native" && !low && !long {
						continue
					}
					d, err := b.watches(chrome, pages, player, master, low)
					all = append(all, played{player, b.name, mode, d, err})
				}
			}
			for _, name := range []string{"ffmpeg", "mpv", "gstreamer"} {
				if long || b.name == "ladder" {
					all = append(all, b.program(t, name, master))
				}
			}
			for _, p := range all {
				t.Logf("| %s | %s | %s | %d pictures, %d of sound | %.0f ms | %v |", p.player, p.set, p.mode, p.Pictures, p.Sound, p.Age, p.err)
				if p.err != nil {
					t.Errorf("%s does not play %s (%s): %v", p.player, p.set, p.mode, p.err)
				}
			}
		})
	}
}
