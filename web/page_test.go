package web

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

var looks = map[string]look{"phone": phone, "desktop": desktop}

func TestHomeShowsWhatIsLive(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	wide, tall := record(t, 640, 360), record(t, 180, 320)
	for name, l := range looks {
		t.Run(name, func(t *testing.T) {
			b.change(func() { clear(b.streams) })
			p := open(t, b.url+"/", l)
			p.until("the page says that nothing is live", `!document.getElementById('empty').hidden`)
			p.looksGood("empty")

			b.publish("garden", 754*time.Second, wide)
			p.until("the stream appears", `document.querySelectorAll('#live-cards li').length === 1`)
			p.until("its poster appears", `!!document.querySelector('#live-cards img:not([hidden])')`)
			p.looksGood("one")

			b.publish("Helena's phone", 42*time.Second, tall).viewers = 1204
			b.publish("stage left", time.Hour+3*time.Minute, wide).noPoster = true
			old := b.publish("morning run", 3*time.Hour, wide)
			b.change(func() { old.state, old.end = "ended", time.Now().Add(-25*time.Minute) })
			p.until("the others appear", `document.querySelectorAll('#live-cards li').length === 3 && document.querySelectorAll('#ended-list img:not([hidden])').length === 1`)
			p.until("their posters appear", `document.querySelectorAll('#live-cards img:not([hidden])').length === 2`)
			p.looksGood("several")
			p.clean(b.url)
		})
	}
}

func TestHomeSaysWhenTheBoxIsAway(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.publish("garden", time.Minute, record(t, 320, 180))
	p := open(t, b.url+"/", phone)
	p.until("the stream appears", `document.querySelectorAll('#live-cards li').length === 1`)
	p.js(`window.card = document.querySelector('#live-cards li')`)
	b.change(func() { b.down = true })
	p.until("the page says so", `!document.getElementById('trouble').hidden`)
	p.looksGood("away")
	b.change(func() { b.down = false })
	p.until("it is over", `document.getElementById('trouble').hidden`)
	if !eval[bool](p, `window.card === document.querySelector('#live-cards li')`) {
		t.Error("the stream's card was made anew: that flickers")
	}
}

func TestCertificatePage(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.roots = noHTTPS
	for name, l := range looks {
		t.Run(name, func(t *testing.T) {
			p := open(t, b.url+"/certificate", l)
			p.until("the fingerprint is told", `document.getElementById('fingerprint').textContent.length > 90`)
			if n := eval[int](p, `document.querySelectorAll('details[open]').length`); n != 1 {
				t.Errorf("the steps of %d systems are open", n)
			}
			if href := eval[string](p, `document.getElementById('root').pathname`); href != "/certificate/pse.crt" {
				t.Errorf("the root is at %q", href)
			}
			p.looksGood("private")
			p.clean(b.url)
			b.change(func() { b.roots = `"name":"live.example.org","https":1,` })
			p.do(chromedp.Navigate(b.url + "/certificate"))
			p.until("it says that the root is not there", `document.getElementById('verdict-text').textContent.includes('does not trust')`)
			if said := eval[string](p, `document.getElementById('named').innerText`); !strings.Contains(said, "live.example.org") {
				t.Errorf("of the box's name it says %q", said)
			}
			p.looksGood("untrusted")
			b.change(func() { b.roots = noHTTPS })
		})
	}
}

// An iPhone gets the root as a profile, which it opens.
func TestCertificatePageOnIPhone(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.roots = noHTTPS + `"profile":"/certificate/pse.mobileconfig",`
	p := open(t, b.url+"/", phone)
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		agent := emulation.SetUserAgentOverrideParams{UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"}
		_, err := cdp.Call(ctx, target, emulation.SetUserAgentOverride, agent)
		return err
	}), chromedp.Navigate(b.url+"/certificate"))
	p.until("the link is to the profile", `document.getElementById('root').pathname === '/certificate/pse.mobileconfig' && !document.getElementById('root').hasAttribute('download')`)
}

// noHTTPS has a box say that it has none, so that the page asks nobody else.
const noHTTPS = `"https":0,`

// Who trusted the root before is told of the new one where they come by, until
// they have it.
func TestNewRootIsTold(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	roots := fmt.Sprintf(`"since":%q,"until":%q,"earlier":{"fingerprint":"AB:CD","until":%q},`,
		now.AddDate(0, 0, -3).Format(time.RFC3339), now.AddDate(5, 0, 0).Format(time.RFC3339), now.AddDate(0, 5, 0).Format(time.RFC3339))
	for name, l := range looks {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			b.roots = noHTTPS + roots
			p := open(t, b.url+"/", l)
			p.until("the first page tells", `!document.getElementById('renewal').hidden`)
			p.looksGood("renewal")
			p.click("#renewal a", "the page of the certificate does", `document.getElementById('news')?.hidden === false && document.getElementById('earlier').textContent === 'AB:CD'`)
			p.looksGood("news")
			p.click("#has", "it believes", `document.getElementById('news').hidden`)
			p.do(chromedp.Navigate(b.url + "/"))
			p.until("the box has answered", `performance.getEntriesByName(location.origin + '/api/certificate').length > 0`)
			if !eval[bool](p, `document.getElementById('renewal').hidden`) {
				t.Error("who has the new root is told again")
			}
			p.clean(b.url)
		})
	}
}

func TestWatchPlays(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.publish("garden & co", time.Minute, record(t, 640, 360), record(t, 320, 180))
	for name, l := range looks {
		t.Run(name, func(t *testing.T) {
			p := open(t, b.url+"/watch/garden%20&%20co", l)
			p.plays()
			p.until("latency is told", `parseFloat(document.getElementById('stage').dataset.latency) > 0`)
			p.wake()
			p.looksGood("playing")
			p.openMenu()
			p.looksGood("quality")
			p.do(chromedp.KeyEvent("\x1b"))
			p.click("#share", "the sheet opens", `document.getElementById('sheet').open && document.querySelector('#qr path') && document.getElementById('link').value === '`+elsewhere+`/watch/garden%20&%20co' && document.getElementById('local').hidden`)
			p.looksGood("share")
			p.clean(b.url)
		})
	}
}

func TestWatchTakesTheShapeOfThePicture(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.publish("upright", time.Minute, record(t, 180, 320))
	for name, l := range looks {
		t.Run(name, func(t *testing.T) {
			p := open(t, b.url+"/watch/upright", l)
			p.plays()
			p.wake()
			p.looksGood("upright")
			if !eval[bool](p, `document.documentElement.scrollWidth <= innerWidth`) {
				t.Error("the page is wider than the screen")
			}
		})
	}
}
