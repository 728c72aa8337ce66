package browser

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/camera"
)

// A recorded camera stream plays in Chromium and every picture is recognised.
func TestProbeReadsTheCamera(t *testing.T) {
	dir := t.TempDir()
	flv := filepath.Join(dir, "a.flv")
	if err := camera.Publish(t.Context(), camera.Options{URL: flv, Width: 640, Height: 360, GOP: 30, Frames: 240, Fast: true}); err != nil {
		t.Fatal(err)
	}
	cut := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", flv, "-c", "copy", "-f", "hls", "-hls_time", "2",
		"-hls_list_size", "0", "-hls_segment_type", "fmp4", "a.m3u8")
	cut.Dir = dir
	if out, err := cut.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	mux := http.NewServeMux()
	mux.Handle("/", Player("../../web/node_modules/hls.js/dist/hls.min.js"))
	mux.Handle("/media/", http.StripPrefix("/media/", http.FileServer(http.Dir(dir))))
	srv := httptest.NewServer(mux)
	defer srv.Close()

	b, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := b.Open(srv.URL+"/?src="+url.QueryEscape("/media/a.m3u8"), 800, 600)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Probe("video", 30); err != nil {
		t.Fatal(err)
	}
	if err := p.Playing(30, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	r, err := p.Report()
	if err != nil {
		t.Fatal(err)
	}
	if r.Bad > 0 || len(r.Jumps) > 0 || r.Height != 360 || len(r.Numbers) < 30 {
		t.Errorf("report %+v", r)
	}
	if age := r.Age(.5, 100); age <= 0 || age > time.Minute {
		t.Errorf("pictures painted moments ago are %v old", age)
	}
	if err := p.Screenshot(filepath.Join(dir, "shot.png")); err != nil {
		t.Error(err)
	}
	if len(p.Problems()) > 0 {
		t.Errorf("the console said %q", p.Problems())
	}
}
