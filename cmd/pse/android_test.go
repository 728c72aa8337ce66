package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/signal/signaltest"
)

// HELIOS's app calls a browser, and is called by one: a WebRTC peer of other
// people's making that knows no more of signalling than the app does.
func TestAndroidCallsABrowser(t *testing.T) {
	film, tone := filmOf(t), toneOf(t)
	p := start(t, process.PSEOptions{Name: "pse", Data: t.TempDir(), Workers: []string{"bus", "edge", "signal"}})
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	site := "http://" + p.HTTP

	t.Run("the app is called", func(t *testing.T) {
		page := call(t, chrome, site+"/call/first", "Ann", 900, 700)
		a := newAndroid(t, site, "first", film, tone)
		a.talks(page)
	})
	t.Run("the app calls", func(t *testing.T) {
		a := newAndroid(t, site, "second", film, tone)
		a.await("the room is made", func() bool { return a.created.Load() })
		page := call(t, chrome, site+"/call/second", "Ann", 900, 700)
		a.talks(page)
		a.client.Close() // it loses its line, and its media run directly
		page.until(`document.querySelector('.tile[data-self=false]').dataset.away === 'true'`)
		page.eval("window.then = document.querySelector('.tile[data-self=false] video').getVideoPlaybackQuality().totalVideoFrames")
		// Far longer than an old app's place is kept that nobody hears.
		page.until(`document.getElementById('stage').dataset.peers === '0' || document.querySelector('.tile[data-self=false] video').getVideoPlaybackQuality().totalVideoFrames > window.then + 120`)
		page.until(`document.getElementById('stage').dataset.peers === '1'`)
		a.hangUp() // the phone is gone
		page.until(`document.getElementById('stage').dataset.peers === '0'`)
	})
}

// android is HELIOS's app, as far as others can tell: Socket.IO without auth,
// candidates as {type, label, id, candidate}, one offer and no more.
type android struct {
	t      *testing.T
	client *signaltest.Client
	film   []byte
	tone   []byte

	created      atomic.Bool
	video, audio atomic.Int64 // packets that came

	mu    sync.Mutex // guards what follows
	peers map[string]*webrtc.PeerConnection
	wait  map[string][]webrtc.ICECandidateInit // that came before the description
}

func newAndroid(t *testing.T, site, room string, film, tone []byte) *android {
	t.Helper()
	a := &android{t: t, film: film, tone: tone, peers: map[string]*webrtc.PeerConnection{}, wait: map[string][]webrtc.ICECandidateInit{}}
	a.mu.Lock() // the first event waits for it
	a.client = signaltest.Join(t.Context(), signaltest.Options{
		URL: func() string { return site }, Room: room, Agent: "okhttp/3.12.12", Polling: true,
		Event: func(_ *signaltest.Client, e signaltest.Event) {
			if err := a.hear(e); err != nil {
				t.Errorf("%s: %v", e.Raw, err)
			}
		},
	})
	a.mu.Unlock()
	t.Cleanup(func() {
		a.client.Close()
		a.hangUp()
	})
	return a
}

// hangUp ends its media.
func (a *android) hangUp() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, pc := range a.peers {
		_ = pc.Close()
	}
}

// talks waits until both see and hear each other.
func (a *android) talks(page *caller) {
	a.t.Helper()
	a.await("picture and sound of the browser", func() bool { return a.video.Load() > 60 && a.audio.Load() > 60 })
	if err := page.Wait(`[...document.querySelectorAll('#tiles video')].some(v => v.videoWidth === 320 && v.getVideoPlaybackQuality().totalVideoFrames > 30 &&
		v.srcObject.getAudioTracks().some(t => !t.muted && t.readyState === 'live'))`, 30*time.Second); err != nil {
		a.t.Errorf("the page does not show the app: %v; it said %v", err, page.Problems())
	}
	if err := page.Screenshot(artifact(a.t, "page.png")); err != nil {
		a.t.Error(err)
	}
}

func (a *android) await(what string, ok func() bool) {
	a.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			a.t.Fatalf("waiting for %s; %d packets of picture and %d of sound came; the client: %+v", what, a.video.Load(), a.audio.Load(), a.client.State())
		}
	}
}

// word is what the app reads of a message.
type word struct {
	Type      string  `json:"type"`
	SDP       string  `json:"sdp"`
	Label     *uint16 `json:"label"`
	ID        *string `json:"id"`
	Candidate string  `json:"candidate"`
}

func (a *android) hear(e signaltest.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := func(i int) (s string) { _ = json.Unmarshal(e.Args[i], &s); return s }
	switch e.Name {
	case "created":
		a.created.Store(true)
	case "join": // the member that was there first sends the offer
		pc, err := a.peer(text(0))
		if err != nil {
			return err
		}
		offer, err := pc.CreateOffer(nil)
		if err != nil {
			return err
		}
		return a.describe(pc, offer, text(0))
	case "message":
		var w word
		if err := json.Unmarshal(e.Args[0], &w); err != nil {
			return nil // "bye"
		}
		return a.told(w, text(1))
	}
	return nil
}

func (a *android) told(w word, from string) error {
	switch w.Type {
	case "offer":
		pc, err := a.peer(from)
		if err != nil {
			return err
		}
		if err := a.remote(pc, webrtc.SDPTypeOffer, w.SDP, from); err != nil {
			return err
		}
		answer, err := pc.CreateAnswer(nil)
		if err != nil {
			return err
		}
		return a.describe(pc, answer, from)
	case "answer":
		return a.remote(a.peers[from], webrtc.SDPTypeAnswer, w.SDP, from)
	case "candidate":
		if w.Label == nil || w.ID == nil {
			return errors.New("a candidate without label or id: the app drops it")
		}
		c := webrtc.ICECandidateInit{Candidate: w.Candidate, SDPMid: w.ID, SDPMLineIndex: w.Label}
		if pc := a.peers[from]; pc != nil && pc.RemoteDescription() != nil {
			return pc.AddICECandidate(c)
		}
		a.wait[from] = append(a.wait[from], c)
		return nil
	}
	return errors.New("the app does not know this message")
}

func (a *android) remote(pc *webrtc.PeerConnection, kind webrtc.SDPType, sdp, from string) error {
	if pc == nil {
		return errors.New("an answer without an offer")
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: sdp}); err != nil {
		return err
	}
	for _, c := range a.wait[from] {
		if err := pc.AddICECandidate(c); err != nil {
			return err
		}
	}
	delete(a.wait, from)
	return nil
}

func (a *android) describe(pc *webrtc.PeerConnection, d webrtc.SessionDescription, to string) error {
	a.say(map[string]any{"type": d.Type.String(), "sdp": d.SDP}, to) // before candidates, which follow at once
	return pc.SetLocalDescription(d)
}

func (a *android) say(what any, to string) {
	b, err := json.Marshal(what)
	if err == nil {
		err = a.client.Emit(nil, `"message"`, string(b), fmt.Sprintf("%q", to))
	}
	if err != nil {
		a.t.Error("the app cannot send:", err)
	}
}

// peer makes the connection to one other. It is called with the lock held.
func (a *android) peer(id string) (*webrtc.PeerConnection, error) {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	a.peers[id] = pc
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		j := c.ToJSON()
		a.say(map[string]any{"type": "candidate", "label": *j.SDPMLineIndex, "id": *j.SDPMid, "candidate": j.Candidate}, id)
	})
	pc.OnTrack(func(tr *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := tr.ReadRTP(); err != nil {
				return
			}
			if tr.Kind() == webrtc.RTPCodecTypeVideo {
				a.video.Add(1)
			} else {
				a.audio.Add(1)
			}
		}
	})
	video, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "app")
	if err != nil {
		return nil, err
	}
	audio, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", "app")
	if err != nil {
		return nil, err
	}
	for _, tr := range []webrtc.TrackLocal{audio, video} {
		if _, err := pc.AddTrack(tr); err != nil {
			return nil, err
		}
	}
	go play(pc, video, time.Second/15, func() (func() ([]byte, error), error) {
		r, _, err := ivfreader.NewWith(bytes.NewReader(a.film))
		return func() ([]byte, error) { b, _, err := r.ParseNextFrame(); return b, err }, err
	})
	go play(pc, audio, 20*time.Millisecond, func() (func() ([]byte, error), error) {
		r, _, err := oggreader.NewWith(bytes.NewReader(a.tone))
		return func() ([]byte, error) { b, _, err := r.ParseNextPage(); return b, err }, err
	})
	return pc, nil
}

// play sends frames again and again until the connection ends.
func play(pc *webrtc.PeerConnection, to *webrtc.TrackLocalStaticSample, each time.Duration, open func() (func() ([]byte, error), error)) {
	tick := time.NewTicker(each)
	defer tick.Stop()
	for pc.ConnectionState() != webrtc.PeerConnectionStateClosed {
		next, err := open()
		if err != nil {
			return
		}
		for {
			frame, err := next()
			if err != nil || pc.ConnectionState() == webrtc.PeerConnectionStateClosed {
				break
			}
			if to.WriteSample(media.Sample{Data: frame, Duration: each}) != nil {
				return
			}
			<-tick.C
		}
	}
}

// filmOf is 4 s of a moving picture of 320x240, 15 a second, VP8 in IVF.
func filmOf(t *testing.T) []byte {
	return encoded(t, "-f lavfi -i testsrc=size=320x240:rate=15:duration=4 -c:v libvpx -deadline realtime -cpu-used 8 -b:v 300k -g 15 -f ivf pipe:1")
}

// toneOf is 4 s of a tone, Opus in Ogg, 20 ms a page.
func toneOf(t *testing.T) []byte {
	return encoded(t, "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=4 -c:a libopus -page_duration 20000 -f ogg pipe:1")
}

func encoded(t *testing.T, args string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-nostdin"}, strings.Fields(args)...)...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.Writer(&said)
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, said.String())
	}
	return out.Bytes()
}
