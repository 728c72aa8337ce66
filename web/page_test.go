package web

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestHomeShowsWhatIsLive(t *testing.T) {
	b := newBox(t)
	wide, tall := record(t, 640, 360), record(t, 180, 320)
	looks := map[string]look{"phone": phone, "phone-dark": phone.inDark(), "desktop": desktop, "desktop-dark": desktop.inDark()}
	for name, l := range looks {
		t.Run(name, func(t *testing.T) {
			b.change(func() { clear(b.streams) })
			p := open(t, b.url+"/", l)
			p.until("the page says that nothing is live", `!document.getElementById('empty').hidden`)
			p.keep("empty.png")
			p.accessible()

			b.publish("garden", 754*time.Second, wide)
			p.until("the stream appears", `document.querySelectorAll('#live-cards li').length === 1`)
			p.until("its poster appears", `!!document.querySelector('#live-cards img:not([hidden])')`)
			p.keep("one.png")
			b.publish("Helena's phone", 42*time.Second, tall).viewers = 1204
			b.publish("stage left", time.Hour+3*time.Minute, wide).noPoster = true
			old := b.publish("morning run", 3*time.Hour, wide)
			b.change(func() { old.state, old.end = "ended", time.Now().Add(-25*time.Minute) })
			p.until("the others appear", `document.querySelectorAll('#live-cards li').length === 3 && document.querySelectorAll('#ended-list img:not([hidden])').length === 1`)
			p.until("their posters appear", `document.querySelectorAll('#live-cards img:not([hidden])').length === 2`)
			p.keep("several.png")
			p.accessible()
			p.clean(b.url)
		})
	}
}

func TestWatchPlays(t *testing.T) {
	b := newBox(t)
	wide, small := record(t, 640, 360), record(t, 320, 180)
	b.publish("garden & co", time.Minute, wide, small)
	for name, l := range map[string]look{"phone": phone, "phone-dark": phone.inDark(), "desktop": desktop, "desktop-dark": desktop.inDark()} {
		t.Run(name, func(t *testing.T) {
			p := open(t, b.url+"/watch/garden%20&%20co", l)
			p.plays()
			p.until("latency is told", `parseFloat(document.getElementById('stage').dataset.latency) < 3`)
			p.wake()
			p.keep("playing.png")
			p.accessible()
			p.wake()
			p.do(chromedp.Click(chromedp.CSS("#quality-button")))
			p.until("the menu opens", `!document.getElementById('quality').hidden`)
			p.until("the menu has faded in", `getComputedStyle(document.getElementById('quality')).opacity === '1'`)
			p.keep("quality.png")
			p.do(chromedp.KeyEvent("\x1b"))
			p.do(chromedp.Click(chromedp.CSS("#share")))
			p.until("the sheet opens", `document.getElementById('sheet').open && document.querySelector('#qr path')`)
			p.keep("share.png")
			p.accessible()
			p.clean(b.url)
		})
	}
}
