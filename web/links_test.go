package web

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// narrow is a phone as narrow as they come.
var narrow = look{width: 360, height: 740, touch: true}

// linkButton is a JavaScript expression of a button of a link.
func linkButton(label, action string) string {
	return `[...document.querySelectorAll('#links-list > li')].find(r => r.querySelector('.name').textContent === '` + label + `')?.querySelector('[data-action=` + action + `]')`
}

// pressLink presses a button of a link by its key: what opens without a person's
// doing, browsers close together with what is below it.
func (p *tab) pressLink(label, action string) {
	p.t.Helper()
	button := linkButton(label, action)
	p.until("the button "+action+" of "+label, button)
	p.js(button + `.focus()`)
	p.do(chromedp.KeyEvent("\r"))
}

// linkSays waits until a link says something.
func (p *tab) linkSays(label, words string) {
	p.t.Helper()
	p.until(label+" says "+words, linkButton(label, "revoke")+`?.closest('li').querySelector('.facts').textContent.includes('`+words+`')`)
}

// A person makes links to a file, sees when each ends, and takes them back.
func TestFilesLinks(t *testing.T) {
	t.Parallel()
	const name, first = "the garden in spring.jpg", "Link without a name"
	for kind, l := range map[string]look{"narrow": narrow, "desktop": desktop} {
		t.Run(kind, func(t *testing.T) {
			b, d := newDrawer(t)
			s := d.put(name, "image/jpeg", []byte("x"))
			p := open(t, b.url+"/files", l)
			p.until("the row is there", row(name))
			p.looksGood("row")
			p.press(name, "links")
			p.until("the dialog is open", `document.getElementById('links-sheet').open`)
			p.linkSays(first, "as long as the file")
			p.looksGood("links")

			p.js(`document.getElementById('link-label').focus(); document.getElementById('link-end').selectedIndex = 0`)
			p.do(chromedp.KeyEvent("Anna\r"))
			p.until("the new link is shown", `document.getElementById('sheet').open && document.getElementById('link').value.startsWith('`+elsewhere+`/f/file1-link') && document.getElementById('note').textContent.includes('Ends in')`)
			p.looksGood("made")
			p.do(chromedp.KeyEvent("\x1b"))
			p.until("only the links are open", `!document.getElementById('sheet').open && document.getElementById('links-sheet').open`)
			p.linkSays("Anna", "Ends in")
			if left := time.Until(s.links[1].until); left <= 0 || left > time.Hour {
				t.Errorf("a link for an hour ends in %v", left)
			}
			p.pressLink("Anna", "share")
			p.until("its sheet opens", `document.getElementById('sheet').open`)
			p.do(chromedp.KeyEvent("\x1b"))

			d.change(func() { s.links[1].until = time.Now() })
			p.js(`dispatchEvent(new Event('online'))`) // the box is asked
			p.linkSays("Anna", "Ended")
			p.until("nobody can be given it", linkButton("Anna", "share")+`.hidden`)
			p.looksGood("ended")

			p.pressLink(first, "revoke")
			p.until("it asks", `document.getElementById('sure').open`)
			p.looksGood("revoke")
			// Asked again before the page hears that the dialog closed, as on a busy machine.
			p.js(`document.querySelector('#sure [value=no]').click(); ` + linkButton(first, "revoke") + `.click()`)
			p.until("it asks again, and nothing is done yet", `document.getElementById('sure').open && !!`+linkButton(first, "revoke"))
			p.js(`document.getElementById('sure-yes').click()`)
			p.until("it is gone, and the next has the focus", `document.activeElement === `+linkButton("Anna", "revoke"))
			p.until("that is said", `document.getElementById('links-said').textContent.includes('taken back')`)
			if status := eval[int](p, `fetch('/files/file1-r').then(r => r.status)`); status != 404 {
				t.Errorf("the link that was taken back answers %d", status)
			}
			p.pressLink("Anna", "revoke") // has ended: there is nothing to ask
			p.until("it says that nothing works", `!document.querySelector('#links-list > li') && !document.getElementById('links-none').hidden && document.activeElement.id === 'link-label'`)

			b.change(func() { b.down = true })
			p.do(chromedp.KeyEvent("Ben\r"))
			p.until("it says that the box is away", `document.getElementById('links-trouble').textContent.includes('does not answer')`)
			p.looksGood("away")
			b.change(func() { b.down = false })
			p.do(chromedp.KeyEvent("\r"))
			p.until("Ben has a link, for 7 days", `document.getElementById('sheet').open && document.getElementById('note').textContent.includes('7 days')`)
			p.do(chromedp.KeyEvent("\x1b"), chromedp.KeyEvent("\x1b"))
			p.until("all is closed, and the focus is where it was", `!document.querySelector('dialog[open]') && document.activeElement.dataset.action === 'links'`)
			if eval[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
				t.Error("the page is wider than the screen")
			}
			p.clean(b.url)
		})
	}
}

// A file that is still being sent has links too, and the dialog goes with its file.
func TestFilesLinksWhileSending(t *testing.T) {
	t.Parallel()
	b, d := newDrawer(t)
	d.pace = 20_000
	p := open(t, b.url+"/files", narrow)
	p.until("the page is ready", `document.getElementById('stage').dataset.scene === 'ready'`)
	p.choose("film.mp4", "video/mp4", 24_000_000, 1)
	p.press("film.mp4", "links")
	p.linkSays("Link without a name", "as long as the file")
	d.change(func() { d.files = nil }) // deleted elsewhere
	p.js(`dispatchEvent(new Event('online'))`)
	p.until("the dialog is closed", `!document.getElementById('links-sheet').open`)
	p.looksGood("sending")
}
