package main

import (
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

// cut lists the fields whose words of advice do not fit into them.
const cut = `[...document.querySelectorAll('input[placeholder]')].filter(f => {
  if (f.offsetParent === null) return false
  const style = getComputedStyle(f), pen = document.createElement('canvas').getContext('2d')
  pen.font = style.font
  return pen.measureText(f.placeholder).width > f.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)
}).map(f => f.id)`

// faint lists the buttons before a call that can hardly be seen: by WCAG 1.4.11 a sign
// has 3:1 to its button, and the button, or its edge, 3:1 to what is behind it.
const faint = `(() => {
  const light = colour => {
    const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    return .2126 * r + .7152 * g + .0722 * b
  }
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05) }
  const clear = colour => /rgba\(.*, 0\)|transparent/.test(colour)
  const ground = getComputedStyle(document.querySelector('.mirror')).backgroundColor
  return [...document.querySelectorAll('.mirror-buttons .round')].filter(b => {
    const s = getComputedStyle(b)
    const edge = Math.max(ratio(s.backgroundColor, ground), clear(s.borderTopColor) ? 0 : ratio(s.borderTopColor, ground))
    return edge < 3 || ratio(s.color, s.backgroundColor) < 3
  }).map(b => b.id + ' ' + b.dataset.on)
})()`

// On a phone nothing is cut and every button can be seen, in the light and in the
// dark, and what is offered to others is an address that others reach.
func TestPagesOnAPhone(t *testing.T) {
	t.Parallel()
	s := start(t, process.PSEOptions{Name: "phone", Workers: []string{"bus", "edge", "signal", "transfer"}, Set: []string{"http.public_url=https://live.example.org"}})
	alone := start(t, process.PSEOptions{Name: "alone", Workers: []string{"bus", "edge"}})
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	page, err := chrome.Open("http://"+s.HTTP+"/", 390, 844)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	none := func(what, list string) {
		t.Helper()
		found, err := browser.Eval[[]string](page, list)
		if err != nil || len(found) > 0 {
			t.Errorf("%s: %v, %v", what, found, err)
		}
	}
	wait := func(expression string) {
		t.Helper()
		if err := page.Wait(expression, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	shoot := func(name string) {
		t.Helper()
		if err := page.Screenshot(artifact(t, name)); err != nil {
			t.Error(err)
		}
	}
	leads := func(link string, code bool) {
		t.Helper()
		wait(`!!document.getElementById('share')`)
		if _, err := browser.Eval[bool](page, `document.getElementById('share').click(), true`); err != nil {
			t.Fatal(err)
		}
		wait(`document.getElementById('sheet').open && document.getElementById('link').value === '` + link + `'`)
		if got, err := browser.Eval[bool](page, `!!document.querySelector('#qr:not([hidden]) path') && document.getElementById('local').hidden`); err != nil || got != code {
			t.Errorf("%s has a code: %v, %v", link, got, err)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		if err := page.Prefer(scheme); err != nil {
			t.Fatal(err)
		}
		for path, ready := range map[string]string{"/": `!!document.getElementById('address').textContent`, "/call/": `document.getElementById('stage').dataset.scene === 'ask'`} {
			if err := page.Go("http://" + s.HTTP + path); err != nil {
				t.Fatal(err)
			}
			wait(ready)
			none("cut at "+path, cut)
			if path == "/" {
				shoot("home-" + scheme + ".png")
			}
		}
		if err := page.Go("http://" + s.HTTP + "/call/kitchen"); err != nil {
			t.Fatal(err)
		}
		wait(`document.getElementById('stage').dataset.scene === 'prejoin'`)
		wait(`document.getElementById('preview').videoWidth > 0`)
		wait(faint + `.length === 0`) // when on, and colours have come to rest
		if _, err := browser.Eval[bool](page, `document.getElementById('pre-mic').click(), document.getElementById('pre-cam').click(), true`); err != nil {
			t.Fatal(err)
		}
		wait(`document.getElementById('pre-mic').dataset.on === 'false' && document.getElementById('pre-cam').dataset.on === 'false'`)
		wait(faint + `.length === 0`)
		shoot("off-" + scheme + ".png")
	}
	if err := page.Go("http://" + s.HTTP + "/watch/garden"); err != nil {
		t.Fatal(err)
	}
	leads("https://live.example.org/watch/garden", true)
	shoot("share.png")
	if err := page.Go("http://" + alone.HTTP + "/watch/garden"); err != nil {
		t.Fatal(err)
	}
	leads("http://"+alone.HTTP+"/watch/garden", false) // it listens on loopback only
	shoot("alone.png")
}
