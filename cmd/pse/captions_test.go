package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/avc/avctest"
	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

// captioned makes an FLV file whose pictures say a text on CC1, again and again.
func captioned(t *testing.T, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "captioned.flv")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields("-v error -nostdin -f lavfi -i testsrc2=size=320x180:rate=25 -t 8 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -bf 0 -g 25 -f flv "+file)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const head = 13 // of the file, and the size of the tag before the first
	all, pairs, n := bytes.Clone(b[:head]), avctest.RollUp(text), 0
	for b = b[head:]; len(b) > 0; {
		tag, rest, err := bus.NextTag(b)
		if err != nil {
			t.Fatal(err)
		}
		if tag.IsVideoFrame() {
			sei := avctest.Captions(pairs[n%len(pairs)])
			data := append(bytes.Clone(tag.Data[:5]), 0, 0, byte(len(sei)>>8), byte(len(sei)))
			tag.Data = append(append(data, sei...), tag.Data[5:]...)
			n++
		}
		all, b = bus.AppendTag(all, tag), rest
	}
	if err := os.WriteFile(file, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The page has a button for captions where there are some, and shows them when it is
// pressed.
func TestPageShowsCaptions(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "captions"})
	publisher := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", captioned(t, "Hello there"),
		"-c", "copy", "-f", "flv", "rtmp://"+s.RTMP+"/live/cam")
	if err := publisher.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = publisher.Process.Kill(); _ = publisher.Wait() })
	master := "http://" + s.HTTP + "/hls/cam/index.m3u8"
	eventually(t, func() error { _, err := get(master, 200); return err })
	if text, err := get(master, 200); err != nil || !strings.Contains(text, `TYPE=CLOSED-CAPTIONS,GROUP-ID="captions",NAME="CC1"`) || !strings.Contains(text, `,CLOSED-CAPTIONS="captions"`) {
		t.Fatalf("%v\n%s", err, text)
	}
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	p, err := chrome.Open("http://"+s.HTTP+"/watch/cam", 1280, 900)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	const button = "document.querySelector('media-captions-button')"
	if err := p.Wait("getComputedStyle("+button+").display !== 'none'", time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := browser.Eval[bool](p, button+".click(), true"); err != nil {
		t.Fatal(err)
	}
	const said = "[...document.querySelector('video').textTracks].filter(t => t.mode === 'showing').flatMap(t => [...t.activeCues ?? []]).map(c => c.text).join(' ')"
	if err := p.Wait("("+said+").includes('Hello there')", time.Minute); err != nil {
		all, _ := browser.Eval[string](p, "JSON.stringify([...document.querySelector('video').textTracks].map(t => [t.kind, t.label, t.mode, [...t.cues ?? []].slice(-3).map(c => c.text)]))")
		t.Fatalf("%v: %s", err, all)
	}
	if said := p.Problems(); len(said) > 0 {
		t.Errorf("the console said %q", said)
	}
}
