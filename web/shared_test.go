package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// newSheet is a box whose page /sheet does what a phone's share sheet does, and
// what any website can: it posts files to /share. With ?quiet it does not say
// who it is.
func newSheet(t *testing.T) (*box, *drawer) {
	return newDrawer(t, func(mux *http.ServeMux) {
		mux.HandleFunc("GET /sheet", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			if r.URL.Query().Has("quiet") {
				w.Header().Set("Referrer-Policy", "no-referrer")
			}
			_, _ = w.Write([]byte(`<form method="post" action="http://` + strings.Replace(r.Host, "localhost", "127.0.0.1", 1) +
				`/share" enctype="multipart/form-data"><input id="picked" name="files" type="file" multiple></form>`))
		})
	})
}

// takesShared waits until the browser hands over what is shared with the app.
func (p *tab) takesShared() {
	p.t.Helper()
	p.until("the app takes what is shared", `(navigator.serviceWorker.getRegistration('/share').then(r => window.takes = r?.active?.state === 'activated'), window.takes)`)
}

// shelved waits until so many files are on the shelf.
func (p *tab) shelved(n int) {
	p.t.Helper()
	p.until(itoa(n)+" files are kept", `(caches.open('pse-shared').then(c => c.keys()).then(k => window.kept = k.length), window.kept === `+itoa(n)+`)`)
}

const offered = `!document.getElementById('offer').hidden`

// What the system's share sheet hands over is offered, and sent when the person
// says so, after a reload too.
func TestFilesAreShared(t *testing.T) {
	t.Parallel()
	b, d := newSheet(t)
	d.key = "sesame" // so that nothing is sent before the page is loaded anew
	p := open(t, b.url+"/", phone)
	p.takesShared()
	p.do(chromedp.Navigate(b.url + "/sheet"))
	p.choose("shared & sent.bin", "application/x-thing", 3000, 9)
	p.js(`document.forms[0].submit()`)
	p.until("it is offered", `location.pathname === '/files' && `+offered+` && document.getElementById('offer-list').textContent.includes('shared & sent.bin')`)
	p.looksGood("offer")
	p.js(`document.getElementById('offer-yes').click()`)
	for range 2 {
		p.until("it waits on the files page", `document.activeElement === document.getElementById('key') && `+row("shared & sent.bin")+` && !(`+offered+`)`)
		p.do(chromedp.Reload())
		p.expect("beforeunload")
	}
	p.until("it asks for the key", `document.activeElement === document.getElementById('key')`)
	p.do(chromedp.KeyEvent("sesame\r"))
	d.arrived(p, "shared & sent.bin", chosen(3000, 9))
	p.shelved(0)
	p.clean(b.url)
}

// What a website posts is not sent with the person's key: one that says who it
// is is not heard, of another the files are offered, and thrown away.
func TestFilesOfAWebsiteAreNotSent(t *testing.T) {
	t.Parallel()
	b, d := newSheet(t)
	p := open(t, b.url+"/files", phone)
	p.until("the page is ready", `document.getElementById('stage').dataset.scene === 'ready'`)
	p.takesShared()
	site := strings.Replace(b.url, "127.0.0.1", "localhost", 1) + "/sheet"

	p.do(chromedp.Navigate(site))
	p.choose("loud.bin", "", 3000, 1)
	p.js(`document.forms[0].submit()`)
	p.until("the page is ready", `location.pathname === '/files' && document.getElementById('stage').dataset.scene === 'ready'`)
	p.shelved(0)

	p.do(chromedp.Navigate(site + "?quiet"))
	p.choose("quiet.bin", "", 3000, 2)
	p.js(`document.forms[0].submit()`)
	p.until("it is offered", `location.pathname === '/files' && document.getElementById('stage').dataset.scene === 'ready' && `+offered)
	p.js(`document.getElementById('offer-no').click()`)
	p.shelved(0)
	p.choose("mine.bin", "", 3000, 3)
	d.arrived(p, "mine.bin", chosen(3000, 3))
	if n := d.uploads(); n != 1 {
		t.Errorf("%d uploads were made for 1 file that the person chose", n)
	}
	p.clean("http://") // the website is asked, too
}

// The shelf takes so many files and no more, and keeps them for a day.
func TestSharedFilesAreBounded(t *testing.T) {
	t.Parallel()
	b, _ := newSheet(t)
	p := open(t, b.url+"/", phone)
	p.takesShared()
	p.do(chromedp.Navigate(b.url + "/sheet"))
	p.js(`{
		const data = new DataTransfer()
		for (let i = 0; i < 120; i++) data.items.add(new File(['x'], i + '.txt'))
		document.getElementById('picked').files = data.files
		document.forms[0].submit()
	}`)
	p.until("it is offered", `location.pathname === '/files' && `+offered+` && document.getElementById('offer-title').textContent.includes('100 files')`)
	p.until("the person is told that some are not there", `!document.getElementById('refusal').hidden && document.getElementById('refusal').textContent.includes('has room')`)
	p.looksGood("offer of many")
	p.js(`(async () => {
		const shelf = await caches.open('pse-shared')
		for (const kept of await shelf.keys()) {
			const answer = await shelf.match(kept)
			const headers = new Headers(answer.headers)
			headers.set('X-At', String(Date.now() - 25 * 60 * 60 * 1000))
			await shelf.put(kept, new Response(await answer.blob(), { headers }))
		}
		window.aged = true
	})()`)
	p.until("a day has passed", `window.aged`)
	p.do(chromedp.Reload())
	p.shelved(0)
	p.clean(b.url)
}
