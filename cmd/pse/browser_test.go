package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

func itoa(n int) string { return strconv.Itoa(n) }

// servePlayer serves the bare page with hls.js, from web's node_modules.
func servePlayer(t *testing.T) (addr string) {
	t.Helper()
	const file = "../../web/node_modules/hls.js/dist/hls.min.js"
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%v; run make web", err)
	}
	srv := httptest.NewServer(browser.Player(file))
	t.Cleanup(srv.Close)
	return srv.URL
}

// playing opens a page with a video of the camera's, and waits until so many of its
// pictures were seen.
func playing(t *testing.T, chrome *browser.Browser, url string, pictures int) *browser.Page {
	t.Helper()
	p, err := chrome.Open(url, 1280, 900)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if err := p.Probe("video", cameraFPS); err != nil {
		t.Fatal(err)
	}
	if err := p.Playing(pictures, time.Minute); err != nil {
		t.Fatal(err)
	}
	return p
}

// What a newcomer does: `pse serve --demo`, the home page, the watch page.
func TestDemoInChromium(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "demo", Demo: true})
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	home, err := chrome.Open("http://"+s.HTTP+"/", 1280, 900)
	if err != nil {
		t.Fatal(err)
	}
	defer home.Close()
	if err := home.Wait(`!!document.querySelector('a[href$="/watch/demo"]')`, 30*time.Second); err != nil {
		t.Fatal(err)
	}

	watch := playing(t, chrome, "http://"+s.HTTP+"/watch/demo", 150)
	r, err := watch.Report()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Screenshot(artifact(t, "watch.png")); err != nil {
		t.Error(err)
	}
	if err := home.Screenshot(artifact(t, "home.png")); err != nil {
		t.Error(err)
	}
	t.Log(r)
	if r.Bad > 0 || len(r.Jumps) > 0 {
		t.Error("pictures are missing, came again, or could not be read")
	}
	said := append(home.Problems(), watch.Problems()...)
	if len(said) > 0 {
		t.Errorf("the console said %q", said)
	}
}

// Every level of the master plays, and a change from one to another shows
// every picture once.
func TestLevelsSwitchWithoutAGap(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "levels", Demo: true})
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	master := "http://" + s.HTTP + "/hls/demo/index.m3u8"
	eventually(t, func() error { // a player reads it once, and a busy machine starts the encoders late
		listed, err := get(master, 200)
		if n := strings.Count(listed, "RESOLUTION="); err == nil && n < 3 {
			return fmt.Errorf("%d levels with a picture are listed", n)
		}
		return err
	})
	p := playing(t, chrome, playerPage(t, master, 720), 90)
	heights, err := browser.Eval[[]int](p, "hls.levels.filter(l => l.height).map(l => l.height)")
	if err != nil {
		t.Fatal(err)
	}
	if len(heights) < 3 {
		t.Fatalf("levels with a picture are %v; the demo has its source, 480p and 240p", heights)
	}
	for _, level := range []int{1, 2, 0, 2, 1, 0} {
		if _, err := browser.Eval[int](p, fmt.Sprintf("hls.nextLevel = hls.levels.findIndex(l => l.height === %d)", heights[level])); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(fmt.Sprintf("pseVideo.videoHeight === %d", heights[level]), 30*time.Second); err != nil {
			if listed, _ := get(master, 200); strings.Count(listed, "RESOLUTION=") < len(heights) {
				t.Skipf("the machine is too busy to make all levels, and the transcoder gave one up: %v", err)
			}
			t.Fatal(err)
		}
	}
	r, err := p.Report()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v: %v", heights, r)
	if len(r.Jumps) > 0 || r.Bad > 0 {
		t.Error("pictures are missing, came again, or could not be read")
	}
}

// Old media that leaves the player's buffer while a part is on its way into it,
// as may happen with each part once someone has watched for long enough, is no
// reason to wait: see web/src/watch/parts.ts.
func TestLongWatchPlaysOn(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "long"})
	broadcasting(t, s, "cam", small)
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	eventually(t, func() error {
		_, err := get("http://"+s.HTTP+"/hls/cam/index.m3u8", 200)
		return err
	})
	p := playing(t, chrome, "http://"+s.HTTP+"/watch/cam", 90)
	before, err := p.Report()
	if err != nil {
		t.Fatal(err)
	}
	const trim = `(() => {
  const { hls } = document.getElementById('stage')
  window.loaded = []
  hls.on('hlsFragLoaded', (_, { frag, part }) => { if (part) loaded.push(frag.level + ': ' + frag.sn + '.' + part.index) })
  hls.on('hlsFragParsed', (_, { part }) => { if (part?.index === 4) hls.trigger('hlsBufferFlushed', { type: 'audiovideo' }) })
  return true
})()`
	if _, err := browser.Eval[bool](p, trim); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait("new Set(loaded).size >= 40", time.Minute); err != nil {
		t.Error(err)
	}
	after, err := p.Report()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(after)
	again, err := browser.Eval[[]string](p, "loaded.filter((part, i) => loaded.indexOf(part) < i)")
	if err != nil {
		t.Fatal(err)
	}
	if len(again) > 0 {
		t.Errorf("parts came again: %v", again)
	}
	if longest := after.LongestStall(before.Now); longest > 5*time.Second {
		t.Errorf("the page waited for %v", longest)
	}
}
