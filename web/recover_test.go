package web

import (
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// scene waits for the watch page to show a scene (scene.ts).
func (p *tab) scene(want string) {
	p.t.Helper()
	p.until("scene "+want, `document.getElementById('stage').dataset.scene === '`+want+`'`)
}

// sameDocument holds as long as the page has not been loaded anew since it was marked.
const (
	mark         = `window.marked = true`
	sameDocument = `window.marked === true`
)

func TestWatchWaitsForAStreamToStart(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	wide := record(t, 640, 360)
	p := open(t, b.url+"/watch/later", phone)
	p.js(mark)
	p.scene("soon")
	p.looksGood("soon")
	b.change(func() { b.knew = nil })
	p.until("it asks for news only", `performance.now() - (window.asked ??= performance.now()) > 3000`)
	b.change(func() {
		if len(b.knew) > 1 || slices.Contains(b.knew, "") { // one that was open has ended
			t.Errorf("while there was nothing new it asked, knowing %q", b.knew)
		}
	})
	b.publish("later", 0, wide)
	p.scene("playing")
	p.plays()
	if !eval[bool](p, sameDocument) {
		t.Error("the page was loaded anew")
	}
}

func TestWatchOutlivesTheServer(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.publish("garden", time.Minute, record(t, 640, 360))
	p := open(t, b.url+"/watch/garden", desktop)
	p.plays()
	p.js(`window.marked = true; window.waits = 0; document.querySelector('video').addEventListener('waiting', () => waits++);
		window.first = document.getElementById('stage').hls`)

	// Away for a moment, as an edge that is killed and started again: nobody sees it.
	for range 5 {
		b.change(func() { b.down = true })
		p.until("a request failed", `performance.now() - (window.down ??= performance.now()) > 250`)
		b.change(func() { b.down = false })
		p.js(`delete window.down`)
		p.plays()
	}
	t.Logf("the picture stood still %d times when the server was away for 250 ms five times", eval[int](p, `waits`))
	if !eval[bool](p, `document.getElementById('stage').hls === first && !document.querySelector('video').paused`) {
		t.Error("the player was built anew for an outage of 250 ms")
	}

	// Away for longer than hls.js tries: the page says so, and plays on when it is back.
	b.change(func() { b.down = true })
	p.scene("away")
	p.looksGood("away")
	b.change(func() { b.down = false })
	p.scene("playing")
	p.plays()
	if !eval[bool](p, sameDocument) {
		t.Error("the page was loaded anew")
	}
}

func TestWatchFollowsAStreamThatEndsAndStartsAgain(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	wide := record(t, 640, 360)
	s := b.publish("garden", time.Minute, wide)
	p := open(t, b.url+"/watch/garden", phone)
	p.plays()
	p.js(mark)

	b.change(func() { s.state, s.end = "grace", time.Now() })
	p.until("the page says that the camera is away", `document.getElementById('badge').textContent === 'Reconnecting'`)
	p.looksGood("grace")
	b.change(func() { s.state, s.start = "live", s.start.Add(time.Since(s.end)) })
	p.plays()

	b.change(func() { s.state, s.end = "ended", time.Now() })
	p.scene("ended")
	p.looksGood("ended")
	b.change(func() { delete(b.streams, "garden") })
	p.scene("ended")
	b.publish("garden", 2*time.Second, wide)
	p.scene("playing")
	p.plays()
	if !eval[bool](p, sameDocument) {
		t.Error("the page was loaded anew")
	}
	p.clean(b.url)
}

func TestWatchGoesBackInTimeAndToLive(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.publish("garden", 2*time.Minute, record(t, 640, 360))
	p := open(t, b.url+"/watch/garden", desktop)
	p.plays()
	p.wake()
	for range 4 {
		p.do(chromedp.KeyEvent("j")) // media-chrome's key for "back"
	}
	p.js(`document.getElementById('controls').dispatchEvent(new CustomEvent('mediaseekrequest', { detail: document.querySelector('video').currentTime - 20, bubbles: true, composed: true }))`)
	p.until("the page is behind", `document.getElementById('live-word').textContent === 'Back to live' && parseFloat(document.getElementById('stage').dataset.latency) > 15`)
	p.plays()
	p.wake()
	p.keep("behind.png")
	// Live is where the player then goes, and what the page says. How far that is
	// from now is the machine's matter: a busy one falls behind at once.
	p.js(`{ const v = document.querySelector('video'), word = document.getElementById('live-word')
		v.addEventListener('seeking', () => { window.at = Math.max(window.at ?? -Infinity, v.currentTime - document.getElementById('stage').hls.liveSyncPosition) })
		new MutationObserver(() => { window.said ||= word.textContent === 'Live' }).observe(word, { childList: true, characterData: true, subtree: true }) }`)
	p.click("#to-live", "the player goes to the live edge", `window.at > -2`)
	p.until("the page says that it is live", `window.said`)
	p.plays()
	p.clean(b.url)
}

func TestWatchTurnsOnSoundAndChangesQuality(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.publish("garden", time.Minute, record(t, 640, 360), record(t, 320, 180)).audio = true
	p := open(t, b.url+"/watch/garden", desktop)
	p.plays()
	p.until("a page nobody has touched starts muted and offers sound", `document.querySelector('video').muted && !document.getElementById('unmute').hidden`)
	p.click("#unmute", "the sound is on", `!document.querySelector('video').muted && document.getElementById('unmute').hidden`)
	choose := func(label string) {
		t.Helper()
		p.openMenu()
		p.js(`[...document.querySelectorAll('media-chrome-menu-item')].find(i => i.textContent === '` + label + `').click()`)
		p.until(label+" is chosen", `document.getElementById('quality-word').textContent === '`+label+`'`)
	}
	choose("180p")
	p.until("the small picture is shown", `document.querySelector('video').videoHeight === 180`)
	p.plays()
	choose("Audio only")
	p.until("there is no picture", `!document.getElementById('listening').hidden`)
	p.plays()
	p.keep("audio.png")
	choose("180p")
	p.until("the small picture is shown again", `document.querySelector('video').videoHeight === 180 && document.getElementById('listening').hidden`)
	p.plays()
	choose("360p")
	p.until("the large picture is shown", `document.querySelector('video').videoHeight === 360`)
	p.plays()
	p.clean(b.url)
}
