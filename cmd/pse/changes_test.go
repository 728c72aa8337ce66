package main

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/process"
)

// Who watches goes on, with all that there is, when a publisher comes back with sound,
// and when one does without.
func TestPageFollowsGainOfSound(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "changes"})
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	loud, mute := small, small
	mute.NoAudio = true
	stop := broadcasting(t, s, "cam", mute)
	p := playing(t, chrome, "http://"+s.HTTP+"/watch/cam", 30)
	for _, o := range []camera.Options{loud, mute} {
		stop()
		if _, err := browser.Eval[bool](p, "window.heard = pseVideo.webkitAudioDecodedByteCount, true"); err != nil {
			t.Fatal(err)
		}
		stop = broadcasting(t, s, "cam", o)
		if !o.NoAudio {
			if err := p.Wait("pseVideo.webkitAudioDecodedByteCount > heard + 5000", time.Minute); err != nil {
				said, _ := browser.Eval[string](p, "JSON.stringify({ ...document.getElementById('stage').dataset, at: pseVideo.currentTime, ready: pseVideo.readyState })")
				t.Fatalf("no sound: %v\n%s", err, said)
			}
		}
		r, err := p.Report()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Playing(r.Frames+60, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
}
