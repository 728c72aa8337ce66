package main

import (
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/process"
)

// kills is how often each process is killed; PSE_LONG=1 asks for more.
func kills() int {
	if os.Getenv("PSE_LONG") != "" {
		return 20
	}
	return 3
}

const cameraFPS = 30

// crowded is for how much of the time somebody waits for a core on a machine
// that has too little for a page to play without a stall, whatever is killed.
const crowded = 0.6

// Every process of a split PSE is killed with SIGKILL at random moments while
// Chromium plays the stream, and what the log holds and the page shows has no
// trace of it. Only what a publisher's own loss must leave is allowed.
func TestChaos(t *testing.T) {
	w := newWorld(t)
	w.film("cam", camera.Options{Width: 480, Height: 270, Bitrate: 500_000, FPS: cameraFPS}) // the least that gets a rung
	log := followParts(t, w.bus, "cam")
	log.await(t, "source, 240p and audio", func() bool {
		return len(log.all["source"]) > 20 && len(log.all["240p"]) > 20 && len(log.all["audio"]) > 20
	})
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	page := "http://" + w.http + "/watch/cam"

	// The transcoder's death must not be seen at all; hls.js holds the encoded
	// rendition, which suffers most.
	player := playerPage(t, "http://"+w.http+"/hls/cam/index.m3u8", 240)
	t.Run("transcoder", func(t *testing.T) {
		chaos{t: t, log: log, chrome: chrome, page: player, kill: w.killEncoder}.run()
	})
	t.Run("ffmpeg", func(t *testing.T) {
		chaos{t: t, log: log, chrome: chrome, page: player, kill: w.killFFmpeg}.run()
	})
	t.Run("edge", func(t *testing.T) {
		chaos{t: t, log: log, chrome: chrome, page: page, kill: func() { w.kill("edge") }, stall: time.Second}.run()
	})
	t.Run("ingest", func(t *testing.T) {
		chaos{t: t, log: log, chrome: chrome, page: page, kill: func() { w.kill("ingest") }, breaks: 1, stall: time.Minute}.run()
	})
	t.Run("bus", func(t *testing.T) {
		chaos{t: t, log: log, chrome: chrome, page: page, kill: func() { w.kill("bus") }, stall: time.Minute}.run()
	})
}

// chaos is one series of kills under one page.
type chaos struct {
	t      *testing.T
	log    *partsLog
	chrome *browser.Browser
	page   string
	kill   func()
	stall  time.Duration // the longest `waiting` allowed
	breaks int           // discontinuities each kill leaves
}

func (c chaos) run() {
	t := c.t
	p := playing(t, c.chrome, c.page, 90)
	before, pressure := c.report(p), process.NewPressure()
	from := c.log.mark()
	n := kills()
	for range n {
		c.log.next(t, 3+rand.IntN(15)) // a random moment
		c.kill()
	}
	c.log.next(t, 25) // 5 s: what went wrong shows by now
	after := c.report(p)
	if err := p.Wait("pseReport.frames > "+itoa(after.Frames+60), time.Minute); err != nil {
		t.Errorf("the page does not go on: %v", err)
	}
	after = c.report(p)
	if err := p.Screenshot(artifact(t, "page.png")); err != nil {
		t.Error(err)
	}
	c.log.check(t, from, n*c.breaks)
	c.log.pictures(t, from, n*c.breaks)
	longest, share := after.LongestStall(before.Now), pressure.Share()
	t.Logf("%d kills, the longest wait %v, somebody waited for a core %.0f %% of the time: before %v; after %v; console %q",
		n, longest, share*100, before, after, p.Problems())
	switch {
	case longest <= c.stall:
	case share > crowded:
		t.Logf("the page waited for %v, which says nothing: somebody waited for a core %.0f %% of the time", longest, share*100)
	default:
		t.Errorf("somebody waited for a core %.0f %% of the time", share*100)
		t.Errorf("the page waited for %v, allowed are %v: %+v", longest, c.stall, after.Stalls)
	}
	if after.Bad > before.Bad {
		t.Errorf("%d pictures were unreadable", after.Bad-before.Bad)
	}
	lost := slices.DeleteFunc(after.Jumps, func(j browser.Jump) bool { return j.At < before.Now })
	if len(lost) > n*c.breaks {
		t.Errorf("the page showed jumps: %+v", lost)
	}
}

func (c chaos) report(p *browser.Page) *browser.Report {
	c.t.Helper()
	r, err := p.Report()
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// playerPage is the address of a page with hls.js and nothing around it, which
// holds the level of one height.
func playerPage(t *testing.T, master string, height int) string {
	t.Helper()
	return servePlayer(t) + "/?height=" + itoa(height) + "&src=" + url.QueryEscape(master)
}
