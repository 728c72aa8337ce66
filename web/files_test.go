package web

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/chromedp/chromedp"
)

// choose gives the page a file as its picker does: name, size and a seed for
// what is in it. The same arguments are the same file.
func (p *tab) choose(name, typ string, size, seed int) {
	p.t.Helper()
	arguments, err := json.Marshal([]any{name, typ, size, seed})
	if err != nil {
		p.t.Fatal(err)
	}
	p.js(`((name, type, size, seed) => {
		const b = new Uint8Array(size)
		for (let i = 0, x = seed; i < size; i++) b[i] = x = (x * 31 + 7) & 255
		const data = new DataTransfer()
		data.items.add(new File([b], name, { type, lastModified: 1700000000000 }))
		const input = document.getElementById('picked')
		input.files = data.files
		input.dispatchEvent(new Event('change'))
	})(...` + string(arguments) + `)`)
}

// chosen is what is in a file of choose.
func chosen(size, seed int) []byte {
	b := make([]byte, size)
	x := byte(seed)
	for i := range b {
		x = x*31 + 7
		b[i] = x
	}
	return b
}

// row is a JavaScript expression of a file's row.
func row(name string) string {
	return `[...document.querySelectorAll('#files > li')].find(r => r.querySelector('.name').textContent === '` + name + `')`
}

// press clicks a button of a file's row.
func (p *tab) press(name, action string) {
	p.t.Helper()
	button := row(name) + `?.querySelector('[data-action=` + action + `]')`
	p.until("the button "+action+" of "+name, button)
	p.js(button + `.focus(); ` + button + `.click()`)
}

// says waits until a file's row says something.
func (p *tab) says(name, words string) {
	p.t.Helper()
	p.until(name+" says "+words, row(name)+`?.querySelector('.facts').textContent.includes('`+words+`')`)
}

// arrived waits until a file is on the box, and compares.
func (d *drawer) arrived(p *tab, name string, want []byte) {
	p.t.Helper()
	p.until(name+" is sent", row(name)+`?.dataset.state === 'done'`)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.files {
		if s.name == name {
			if !bytes.Equal(s.data, want) {
				p.t.Errorf("%s: %d bytes arrived that are not those of the file (%d)", name, len(s.data), len(want))
			}
			return
		}
	}
	p.t.Errorf("%s is not there", name)
}

func TestFilesAreSent(t *testing.T) {
	t.Parallel()
	for name, l := range looks {
		t.Run(name, func(t *testing.T) {
			b, d := newDrawer(t)
			p := open(t, b.url+"/files", l)
			p.until("the page is ready", `document.getElementById('stage').dataset.scene === 'ready'`)
			p.looksGood("empty")
			d.change(func() { d.pace = 6000 })
			p.choose("holiday in the mountains.mp4", "video/mp4", 24_000_000, 1)
			p.choose("notes.txt", "text/plain", 1_000, 2)
			p.choose("a name that is so long that it cannot be shown on a phone, not by any means at all.jpeg", "image/jpeg", 900_000, 3)
			p.choose("fourth.bin", "", 50_000, 4)
			p.says("holiday in the mountains.mp4", " left")
			p.looksGood("sending")
			p.press("holiday in the mountains.mp4", "pause")
			p.says("holiday in the mountains.mp4", "Paused")
			p.until("the focus stays where it was", `document.activeElement.dataset.action === 'resume'`)
			d.change(func() { d.pace = 0 })
			p.arrivedAll(d, 3)
			p.looksGood("paused")
			p.press("holiday in the mountains.mp4", "resume")
			d.arrived(p, "holiday in the mountains.mp4", chosen(24_000_000, 1))
			d.arrived(p, "notes.txt", chosen(1000, 2))
			d.arrived(p, "fourth.bin", chosen(50_000, 4))
			if n := d.uploads(); n != 4 {
				t.Errorf("%d uploads were made for 4 files", n)
			}
			p.until("nothing is left of the progress", `!document.querySelector('#files progress:not([hidden])') && document.title === 'Files · PSE'`)
			p.looksGood("sent")
			p.press("notes.txt", "share")
			p.until("the sheet opens", `document.getElementById('sheet').open && document.querySelector('#qr path') && document.getElementById('link').value.startsWith('`+elsewhere+`/f/file')`)
			p.looksGood("share")
			p.do(chromedp.KeyEvent("\x1b"))
			p.press("fourth.bin", "delete")
			p.until("it asks", `document.getElementById('sure').open`)
			p.looksGood("delete")
			p.js(`document.getElementById('sure-yes').click()`)
			p.until("it is gone", `!`+row("fourth.bin"))
			if !eval[bool](p, `document.activeElement !== document.body && document.documentElement.scrollWidth <= innerWidth`) {
				t.Error("the focus is lost, or the page is wider than the screen")
			}
			p.clean(b.url)
		})
	}
}

// arrivedAll waits until so many files are done.
func (p *tab) arrivedAll(d *drawer, n int) {
	p.t.Helper()
	p.until(itoa(n)+" files are sent", `document.querySelectorAll('#files > li[data-state=done]').length >= `+itoa(n))
}

// The page shows the newest files and more of them when asked for; what is new on the box comes
// to a page that is only looked at.
func TestFilesComePageByPage(t *testing.T) {
	t.Parallel()
	b, d := newDrawer(t)
	for n := range 230 {
		d.put("old"+itoa(n), "text/plain", []byte("1234"))
	}
	p := open(t, b.url+"/files", looks["desktop"])
	rows := func(n int) string { return `document.querySelectorAll('#files > li').length === ` + itoa(n) }
	p.until("a page is shown", rows(100))
	p.js(`document.getElementById('older').click()`)
	p.until("two are shown", rows(200))
	p.js(`document.getElementById('older').click()`)
	p.until("all is shown", rows(230))
	p.until("there is no more", `document.getElementById('older').hidden`)
	d.put("new", "text/plain", []byte("1234"))
	p.until("the new file is shown first", `document.querySelector('#files > li .name').textContent === 'new'`)
	if !eval[bool](p, `performance.getEntriesByType('resource').every(e => !e.name.endsWith('/api/files'))`) {
		t.Error("the page asks for the whole list")
	}
}

// What breaks goes on where it was: by itself, after the network was away, and
// after a reload, when the same file is chosen again.
func TestFilesGoOn(t *testing.T) {
	t.Parallel()
	b, d := newDrawer(t)
	p := open(t, b.url+"/files", phone)
	p.until("the page is ready", `document.getElementById('stage').dataset.scene === 'ready'`)

	d.change(func() { d.cut = 700_000 })
	p.choose("cut.bin", "", 2_000_000, 5)
	d.arrived(p, "cut.bin", chosen(2_000_000, 5))

	d.change(func() { d.pace = 20_000 })
	p.choose("away.bin", "", 24_000_000, 6)
	p.says("away.bin", "/s")
	b.change(func() { b.down = true })
	d.change(func() { d.cut = 1 })
	p.says("away.bin", "Connection lost")
	p.looksGood("lost")
	b.change(func() { b.down = false })
	d.change(func() { d.pace = 0 })
	d.arrived(p, "away.bin", chosen(24_000_000, 6))

	d.change(func() { d.pace = 20_000 })
	p.choose("reload.bin", "", 24_000_000, 7)
	p.says("reload.bin", "/s")
	p.do(chromedp.Reload())
	p.expect("beforeunload") // it would have asked a person who has touched the page
	p.says("reload.bin", "choose the same file")
	p.looksGood("unfinished")
	// The page knows it by a name that the box was reached by once, which its policy would block.
	p.js(`for (const key of Object.keys(localStorage).filter((k) => k.startsWith('tus::'))) {
		const known = JSON.parse(localStorage[key])
		known.uploadUrl = 'http://elsewhere.example' + new URL(known.uploadUrl, location.href).pathname
		localStorage[key] = JSON.stringify(known)
	}`)
	made := d.uploads()
	d.change(func() { d.pace = 0 })
	p.choose("reload.bin", "", 24_000_000, 7)
	d.arrived(p, "reload.bin", chosen(24_000_000, 7))
	if d.uploads() != made {
		t.Error("a new upload was made for the file that was chosen again")
	}
	p.clean(b.url)
}

func TestFilesAreDroppedAndPasted(t *testing.T) {
	t.Parallel()
	b, d := newDrawer(t)
	p := open(t, b.url+"/files", desktop)
	p.until("the page is ready", `document.getElementById('stage').dataset.scene === 'ready'`)
	p.js(`window.drag = (type, name) => {
		const data = new DataTransfer()
		data.items.add(new File(['123'], name))
		const init = { bubbles: true, cancelable: true }
		const event = type === 'paste' ? new ClipboardEvent(type, { ...init, clipboardData: data }) : new DragEvent(type, { ...init, dataTransfer: data })
		document.querySelector('h1').dispatchEvent(event)
		return event.defaultPrevented
	}`)
	p.js(`drag('dragenter', 'dropped.txt')`)
	p.until("the place for files shows it", `document.getElementById('drop').hasAttribute('data-over')`)
	p.looksGood("over")
	if !eval[bool](p, `drag('dragover', 'dropped.txt') && drag('drop', 'dropped.txt') && drag('paste', 'pasted.txt')`) {
		t.Error("the browser would open the file itself")
	}
	d.arrived(p, "dropped.txt", []byte("123"))
	d.arrived(p, "pasted.txt", []byte("123"))
	if eval[bool](p, `document.getElementById('drop').hasAttribute('data-over')`) {
		t.Error("the place for files still waits for a drop")
	}
	p.clean(b.url)
}

// Two tabs do not send the same file at once; one may go on with the other's.
func TestFilesTabsDoNotSendTheSame(t *testing.T) {
	t.Parallel()
	b, d := newDrawer(t)
	d.pace = 20_000
	p := open(t, b.url+"/files", phone)
	p.until("the page is ready", `document.getElementById('stage').dataset.scene === 'ready'`)
	p.choose("twice.bin", "", 24_000_000, 8)
	p.says("twice.bin", "/s")
	q := p.another(b.url + "/files")
	q.says("twice.bin", "from another page")
	q.choose("twice.bin", "", 24_000_000, 8)
	q.says("twice.bin", "Another tab of this browser")
	p.press("twice.bin", "pause")
	p.says("twice.bin", "Paused")
	d.change(func() { d.pace = 0 })
	q.press("twice.bin", "retry")
	d.arrived(q, "twice.bin", chosen(24_000_000, 8))
	p.press("twice.bin", "resume")
	d.arrived(p, "twice.bin", chosen(24_000_000, 8))
	if n := d.uploads(); n != 1 {
		t.Errorf("%d uploads were made for one file", n)
	}
	p.clean(b.url)
	q.clean(b.url)
}

func TestFilesAskForTheKeyOnce(t *testing.T) {
	t.Parallel()
	b, d := newDrawer(t)
	d.key = "sesame"
	p := open(t, b.url+"/files", phone)
	p.until("it asks for the key", `document.activeElement === document.getElementById('key')`)
	p.looksGood("key")
	p.do(chromedp.KeyEvent("mustard\r"))
	p.until("the key does not do", `!document.getElementById('key-wrong').hidden`)
	p.looksGood("wrong")
	p.do(chromedp.KeyEvent("sesame\r"))
	p.until("the page is ready", `document.getElementById('stage').dataset.scene === 'ready'`)
	p.choose("a.bin", "", 1000, 1)
	d.arrived(p, "a.bin", chosen(1000, 1))
	p.do(chromedp.Reload())
	p.until("the key is kept", `document.getElementById('stage').dataset.scene === 'ready' && document.querySelectorAll('#files > li').length === 1`)
	d.change(func() { d.key = "cardamom" })
	p.choose("b.bin", "", 1000, 2)
	p.until("another key is wanted", `document.getElementById('stage').dataset.scene === 'key'`)
	p.do(chromedp.KeyEvent("cardamom\r"))
	d.arrived(p, "b.bin", chosen(1000, 2))
	p.clean(b.url)
}

func TestFilesSayWhyTheyAreRefused(t *testing.T) {
	t.Parallel()
	b, d := newDrawer(t)
	p := open(t, b.url+"/files", phone)
	for code, words := range map[string]string{"quota": "Your room on the box is used up", "disk_full": "disk of the box is full", "too_large": "larger than this box takes"} {
		d.change(func() { d.refusal = code })
		p.choose(code+".bin", "", 1000, 1)
		p.says(code+".bin", words)
	}
	p.looksGood("refused")
	d.change(func() { d.refusal = "" })
	p.press("quota.bin", "retry")
	d.arrived(p, "quota.bin", chosen(1000, 1))

	d.change(func() { d.full = 3_000_000 }) // the answer comes while most of the file is still to be sent
	p.choose("half.bin", "", 24_000_000, 2)
	p.says("half.bin", "disk of the box is full")
	p.looksGood("full")
	d.change(func() { d.full = 0 })
	p.press("half.bin", "retry")
	d.arrived(p, "half.bin", chosen(24_000_000, 2))
	p.clean(b.url)
}
