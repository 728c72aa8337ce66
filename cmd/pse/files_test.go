package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

// A narrows stands between a browser and the box: while it is shut, all uploads together
// get so many bytes through and then no more.
type narrows struct {
	*httptest.Server
	pass int64         // so many
	sent atomic.Int64  // bytes that got through
	open chan struct{} // closed: all gets through
	once sync.Once
}

func newNarrows(t *testing.T, box string, pass int64) *narrows {
	t.Helper()
	n := &narrows{pass: pass, open: make(chan struct{})}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,                         // a file that is followed comes as it comes
		ErrorLog:      log.New(io.Discard, "", 0), // a page that is loaded anew breaks off its upload
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: box})
			r.Out.Host = r.In.Host // links are those of the narrows
			if r.Out.Method == http.MethodPatch && r.Out.Body != nil {
				r.Out.Body = &narrow{ReadCloser: r.Out.Body, n: n, gone: r.In.Context().Done()}
			}
		},
	}
	n.Server = httptest.NewServer(proxy)
	t.Cleanup(func() {
		n.widen()
		n.CloseClientConnections()
		n.Close()
	})
	return n
}

// widen lets all through from now on.
func (n *narrows) widen() { n.once.Do(func() { close(n.open) }) }

// narrow is the body of one upload in the narrows.
type narrow struct {
	io.ReadCloser
	n    *narrows
	gone <-chan struct{}
}

func (b *narrow) Read(p []byte) (int, error) {
	for {
		left := b.n.pass - b.n.sent.Load()
		select {
		case <-b.n.open:
			left = int64(len(p))
		default:
		}
		if left > 0 {
			m, err := b.ReadCloser.Read(p[:min(int64(len(p)), left)])
			b.n.sent.Add(int64(m))
			return m, err
		}
		select {
		case <-b.n.open:
		case <-b.gone:
			return 0, io.ErrUnexpectedEOF
		}
	}
}

// A person sends a file, the page is loaded anew in the middle, and the same
// file goes on; another, who had its link all the time, has all of it in the end.
func TestFileFromPageToPage(t *testing.T) {
	t.Parallel()
	const size = 96 << 20
	file := filepath.Join(t.TempDir(), "a film from the mountains.bin")
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{5}).Read(data) // never fails
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	want := hex.EncodeToString(sum[:])

	s := start(t, process.PSEOptions{Name: "files"})
	n := newNarrows(t, s.HTTP, 24<<20)
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	sender := openPage(t, chrome, n.URL+"/files", "sender")
	sender.until(`document.getElementById('stage').dataset.scene === 'ready'`)
	choose := func() {
		t.Helper()
		if err := sender.Choose("#picked", file); err != nil {
			t.Fatal(err)
		}
	}
	choose()
	sender.until(`!!document.querySelector('#files [data-action=share]')`)
	sender.eval(`document.querySelector('#files [data-action=share]').click()`)
	link, err := browser.Eval[string](sender.Page, `document.getElementById('link').value`)
	if err != nil {
		t.Fatal(err)
	}
	sender.shoot("share.png")

	receiver := openPage(t, chrome, link, "receiver")
	receiver.until(`document.getElementById('stage').dataset.scene === 'sending' && document.getElementById('progress').value > 0.2`)
	receiver.eval(`window.got = fetch(document.getElementById('download').href).then(r => r.arrayBuffer())`)
	receiver.shoot("sending.png")

	if asked, err := sender.Reload(); err != nil || !asked {
		t.Fatalf("the page was loaded anew, %v; whether it asked before: %v", err, asked)
	}
	sender.until(`!!document.querySelector('#files [data-action=choose]') && document.querySelector('#files .facts').textContent.includes('choose the same file')`)
	sender.shoot("unfinished.png")
	n.widen()
	choose()
	sender.until(`document.querySelector('#files > li')?.dataset.state === 'done'`)
	if rows, err := browser.Eval[int](sender.Page, `document.querySelectorAll('#files > li').length`); err != nil || rows != 1 {
		t.Errorf("%d files are listed, %v; one was sent", rows, err)
	}
	sender.shoot("sent.png")

	receiver.until(`document.getElementById('stage').dataset.scene === 'ready'`)
	got, err := browser.Eval[string](receiver.Page, `got.then(b => crypto.subtle.digest('SHA-256', b)).then(d => [...new Uint8Array(d)].map(b => b.toString(16).padStart(2, '0')).join(''))`)
	if err != nil || got != want {
		t.Errorf("what was followed while it was sent has SHA-256 %s, %v; want %s", got, err, want)
	}
	receiver.until(fmt.Sprintf(`document.getElementById('sha256')?.textContent === %q`, want))
	receiver.eval(`document.getElementById('whole').open = true`)
	receiver.shoot("ready.png")
	if said := append(sender.Problems(), receiver.Problems()...); len(said) > 0 {
		t.Errorf("the console said %q", said)
	}
}

// sending opens the page of files, and has it send one.
func sending(t *testing.T, chrome *browser.Browser, page, file string) *caller {
	t.Helper()
	sender := openPage(t, chrome, page, "sender")
	sender.until(`document.getElementById('stage').dataset.scene === 'ready'`)
	if err := sender.Choose("#picked", file); err != nil {
		t.Fatal(err)
	}
	return sender
}

// openPage opens a page of a phone's size.
func openPage(t *testing.T, chrome *browser.Browser, address, name string) *caller {
	t.Helper()
	p, err := chrome.Open(address, 390, 844)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return &caller{t, p, name}
}

// shoot keeps a picture of the page.
func (c *caller) shoot(name string) {
	c.t.Helper()
	if err := c.Screenshot(artifact(c.t, name)); err != nil {
		c.t.Error(err)
	}
}
