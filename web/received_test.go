package web

import (
	"bytes"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestReceivedFile(t *testing.T) {
	t.Parallel()
	b, d := newDrawer(t)
	pictures := record(t, 640, 360)
	cases := map[string]*stored{
		"picture": d.put("the garden in spring.jpg", "image/jpeg", pictures.poster),
		"video":   d.put("film.mp4", "video/mp4", append(bytes.Clone(pictures.init), bytes.Join(pictures.parts, nil)...)),
		"text":    d.put("notes.txt", "text/plain; charset=utf-8", []byte(strings.Repeat("What was said at the meeting, and by whom. Grüße!\n", 2000))),
		"pdf":     d.put("letter.pdf", "application/pdf", []byte(letter)),
		"none":    d.put("backup.tar.zst", "application/octet-stream", []byte("x")),
	}
	visible := map[string]string{
		"picture": `document.querySelector('#preview img')?.naturalWidth > 0`,
		"video":   `document.querySelector('#preview video')?.readyState > 0`,
		"text":    `document.querySelector('#preview pre')?.textContent.length > 60000 && document.querySelector('.more')`,
		"pdf":     `document.querySelector('#preview iframe') || !navigator.pdfViewerEnabled`,
		"none":    `document.getElementById('preview').hidden`,
	}
	for kind, s := range cases {
		t.Run(kind, func(t *testing.T) {
			p := open(t, b.url+"/f/"+s.id+"-r", map[bool]look{true: desktop, false: phone}[kind == "video" || kind == "pdf"])
			p.until("the file is shown", `document.getElementById('stage').dataset.scene === 'ready' && document.getElementById('name').textContent === '`+s.name+`'`)
			p.until("its preview", visible[kind])
			p.looksGood("ready")
			if got := eval[int](p, `fetch(document.getElementById('download').href).then(r => r.arrayBuffer()).then(b => b.byteLength)`); got != len(s.data) {
				t.Errorf("the download has %d bytes, not %d", got, len(s.data))
			}
			p.clean(b.url)
		})
	}
}

// A file that is still being sent is shown as it grows, and then whole.
func TestReceivedFileGrows(t *testing.T) {
	t.Parallel()
	b, d := newDrawer(t)
	poster := record(t, 320, 180).poster
	s := d.put("growing.jpg", "image/jpeg", poster)
	d.change(func() { s.data = poster[:len(poster)/3] })
	p := open(t, b.url+"/f/"+s.id+"-r", phone)
	p.js(mark)
	p.until("it is still being sent", `document.getElementById('stage').dataset.scene === 'sending' && document.getElementById('progress').value > 0.3`)
	d.change(func() { s.data = poster[:len(poster)/2] })
	p.until("progress and speed are told", `document.getElementById('progress').value > 0.49 && document.getElementById('progress-words').textContent.includes('/s')`)
	p.looksGood("sending")
	d.change(func() { s.checking, s.data = true, poster })
	p.until("the box looks at it", `document.getElementById('stage').dataset.scene === 'checking'`)
	d.change(func() { s.checking = false })
	p.until("the picture is there", `document.querySelector('#preview img')?.naturalWidth > 0`)
	if !eval[bool](p, sameDocument) {
		t.Error("the page was loaded anew")
	}
	p.clean(b.url)
}

func TestReceivedFileIsGone(t *testing.T) {
	t.Parallel()
	b, d := newDrawer(t)
	s := d.put("old.jpg", "image/jpeg", []byte("x"))
	p := open(t, b.url+"/f/nothing", phone)
	p.until("it says so", `document.getElementById('words-title').textContent.includes('nothing here')`)
	p.looksGood("gone")
	d.change(func() { s.corrupt = true })
	p.do(chromedp.Navigate(b.url + "/f/" + s.id + "-r"))
	p.until("it is damaged", `document.getElementById('stage').dataset.scene === 'damaged'`)
	p.looksGood("damaged")
	p.clean(b.url)
}

// letter is the least that is a PDF.
const letter = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n" +
	"4 0 obj<</Length 44>>stream\nBT /F 24 Tf 40 100 Td (Dear receiver) Tj ET\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
