package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/certificate/certificatetest"
	"github.com/helios-h2020/pse/internal/hlscheck"
	"github.com/helios-h2020/pse/internal/process"
)

// house is PSE with a process for each worker that conformance tests kill,
// and two edges, of which the checker asks the first and compares the second.
type house struct {
	t          *testing.T
	app        string
	bus        string
	in         *process.PSE
	transcoder *process.PSE
	edge, twin *process.PSE
	hangUp     func() string // ends the publisher without a goodbye
	data       string        // the first edge's
}

// busy is what the machine that tests run on may do to times: other tests run beside these.
const busy = 20 * time.Second

func newHouse(t *testing.T, app string, set ...string) *house {
	h := &house{t: t, app: app, data: t.TempDir()}
	data := t.TempDir()
	h.in = start(t, process.PSEOptions{Name: "bus", Data: data, Workers: []string{"bus", "ingest"}, Set: append(set, "bus.listen=127.0.0.1:0")})
	var err error
	if h.bus, err = process.BusURL(data); err != nil {
		t.Fatal(err)
	}
	h.transcoder = start(t, process.PSEOptions{Name: "transcode", Bus: h.bus, Workers: []string{"transcode"}, Set: set})
	h.edge = start(t, process.PSEOptions{Name: "edge", Data: h.data, Bus: h.bus, Workers: []string{"edge"}, Set: set})
	h.twin = start(t, process.PSEOptions{Name: "twin", Bus: h.bus, Workers: []string{"edge"}, Set: set})
	h.call()
	first := "source"
	if app != "live" {
		first = "0"
	}
	eventually(t, func() error {
		list, err := get(h.master(h.twin), 200)
		if err == nil && !(strings.Contains(list, "\n"+first+"/index.m3u8") && strings.Contains(list, "\naudio/index.m3u8")) {
			err = fmt.Errorf("no %s or audio in\n%s", first, list)
		}
		return err
	})
	return h
}

// call makes the phone publish, again.
func (h *house) call() { h.hangUp = publish(h.t, "rtmp://"+h.in.RTMP+"/"+h.app+"/cam") }

func (h *house) master(edge *process.PSE) string {
	return "http://" + edge.HTTP + "/hls/cam/index.m3u8"
}

// check watches the stream while trouble, if any, goes on, and fails the test for each finding.
func (h *house) check(o hlscheck.Options, trouble func()) *hlscheck.Report {
	h.t.Helper()
	return h.checkAt(h.master(h.edge), o, trouble)
}

// checkAt is check of another edge than the first.
func (h *house) checkAt(master string, o hlscheck.Options, trouble func()) *hlscheck.Report {
	h.t.Helper()
	o.Second = h.master(h.twin)
	if o.Late == 0 {
		o.Late = busy
	}
	o.Slack = 2 * time.Second
	probe, err := exec.LookPath("ffprobe")
	if err != nil {
		h.t.Fatalf("%v; run make deps", err)
	}
	o.Probe = probe
	type outcome struct {
		rep *hlscheck.Report
		err error
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), o.Duration+3*time.Minute)
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		rep, err := hlscheck.Check(ctx, master, o)
		done <- outcome{rep, err}
	}()
	if trouble != nil {
		h.goesOn()
		trouble()
	}
	out := <-done
	if out.err != nil {
		h.t.Fatal(out.err)
	}
	for _, f := range out.rep.Findings {
		h.t.Error(f)
	}
	if h.t.Failed() || testing.Verbose() {
		var b strings.Builder
		_ = out.rep.Print(&b, testing.Verbose())
		h.t.Log(b.String())
	}
	return out.rep
}

// goesOn waits until the stream has grown by three segments, as the twin tells it.
func (h *house) goesOn() {
	h.t.Helper()
	begin := h.segments()
	eventually(h.t, func() error {
		if now := h.segments(); now < begin+3 {
			return fmt.Errorf("from %d segments to %d", begin, now)
		}
		return nil
	})
}

// segments is how many segments the stream has had.
func (h *house) segments() int {
	text, err := get("http://"+h.twin.HTTP+"/hls/cam/audio/index.m3u8", 200)
	if err != nil {
		return 0
	}
	l, err := hlscheck.ParseList(text)
	if err != nil {
		h.t.Errorf("%v in\n%s", err, text)
		return 0
	}
	return int(l.Next().MSN)
}

// exercised fails the test for rules that the report should have tested but did not.
func (h *house) exercised(rep *hlscheck.Report, but ...string) {
	h.t.Helper()
	skip := map[string]bool{"http.2": true, "http.tls": true, "master.audio-group": true} // of TLS, and of what others' lists have
	for _, id := range but {
		skip[id] = true
	}
	for _, id := range rep.Untested() {
		if !skip[id] {
			h.t.Errorf("rule %s had nothing to look at", id)
		}
	}
}

// The profile that phones use holds to every rule of low-latency HLS.
func TestConformance(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "live")
	rep := h.check(hlscheck.Options{Duration: 20 * time.Second}, nil)
	h.exercised(rep, "segment.stays", "part.stays", "reload.timeout", "reload.ended", "delta.skip", "delta.version", "delta.boundary", "delta.complete")
}

// Every profile holds to every rule through every kind of trouble.
func TestConformanceLong(t *testing.T) {
	if os.Getenv("PSE_LONG") == "" {
		t.Skip("long: make test-long runs it")
	}
	t.Run("live/TLS", func(t *testing.T) {
		h := newHouse(t, "live")
		port, err := process.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		cert, key := certificatetest.Write(t, t.TempDir(), 1)
		secure := fmt.Sprintf("127.0.0.1:%d", port)
		start(t, process.PSEOptions{Name: "secure", Bus: h.bus, Workers: []string{"edge"}, Set: []string{"http.tls_listen=" + secure, "tls.cert=" + cert, "tls.key=" + key}})
		rep := h.checkAt("https://"+secure+"/hls/cam/index.m3u8", hlscheck.Options{Duration: 40 * time.Second, Client: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
		}}}, nil)
		for _, id := range rep.Untested() {
			if strings.HasPrefix(id, "http.") {
				t.Errorf("rule %s had nothing to look at", id)
			}
		}
	})
	for _, app := range []string{"live", "plane", "360", "p2p"} {
		t.Run(app+"/steady", func(t *testing.T) {
			h := newHouse(t, app, "edge.dvr=50s")
			rep := h.check(hlscheck.Options{Duration: 100 * time.Second}, nil)
			h.exercised(rep, "reload.timeout", "reload.ended")
		})
		t.Run(app+"/reconnect", func(t *testing.T) {
			h := newHouse(t, app)
			rep := h.check(hlscheck.Options{Duration: 45 * time.Second, Outage: busy}, func() {
				h.hangUp()
				eventually(t, h.is("grace"))
				h.call()
				h.goesOn()
			})
			if rep.Watched[0].Discontinuities == 0 {
				t.Error("no discontinuity where the publisher came back")
			}
		})
		t.Run(app+"/transcoder killed", func(t *testing.T) {
			h := newHouse(t, app)
			start(t, process.PSEOptions{Name: "heir", Bus: h.bus, Workers: []string{"transcode"}})
			rep := h.check(hlscheck.Options{Duration: 45 * time.Second, Outage: busy}, func() { h.transcoder.Kill(); h.goesOn() })
			if n := rep.Watched[0].Discontinuities; n > 0 {
				t.Errorf("%d discontinuities where the transcoder changed", n)
			}
		})
		t.Run(app+"/edge restarted", func(t *testing.T) {
			h := newHouse(t, app)
			h.check(hlscheck.Options{Duration: 45 * time.Second, Outage: busy}, func() {
				h.edge.Kill()
				start(t, process.PSEOptions{Name: "edge", Data: h.data, HTTP: h.edge.HTTP, Bus: h.bus, Workers: []string{"edge"}})
				h.goesOn()
			})
		})
	}
	t.Run("live/left for good", func(t *testing.T) {
		// Longer than three target durations of 4 s, so that blocked reloads time out first.
		h := newHouse(t, "live", "ingest.grace=20s")
		rep := h.check(hlscheck.Options{Duration: 3 * time.Minute, Outage: time.Minute}, func() { h.hangUp(); eventually(t, h.is("ended")) })
		for _, x := range rep.Results {
			if id := x.Rule.ID; x.Exercised == 0 && (id == "reload.timeout" || id == "reload.ended") {
				t.Errorf("rule %s had nothing to look at", id)
			}
		}
		for _, w := range rep.Watched {
			if !w.Ended {
				t.Errorf("%s has no EXT-X-ENDLIST", w.Rendition)
			}
		}
	})
}

// is tells whether the stream is in that state.
func (h *house) is(state string) func() error {
	return func() error {
		out, err := pse(h.t, "--bus", h.bus, "stream", "ls")
		if err == nil && !strings.Contains(out, " "+state) {
			err = fmt.Errorf("not %s: %s", state, out)
		}
		return err
	}
}
