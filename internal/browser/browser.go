// Package browser drives a real Chromium for tests and benchmarks: it opens
// pages, watches the <video> in them with the camera's probe, and keeps what
// the console said. Production code must not import it.
package browser

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/chromedp"
)

// Browser is one Chromium process.
type Browser struct {
	ctx    context.Context
	cancel []context.CancelFunc
}

// AnyCertificate is a flag for Start: HTTPS is trusted with any certificate.
const AnyCertificate = "ignore-certificate-errors"

// Start starts a headless Chromium that ends with ctx or Close. It plays with
// sound and without a click, gives pages a camera of five pictures a second, which is
// what a call costs, and a microphone, neither real, and asks nobody on the network for
// anything. More are flags of its command line.
func Start(ctx context.Context, more ...string) (*Browser, error) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // tests run as root in containers
		chromedp.DisableGPU,
		chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("mute-audio", true),
		chromedp.Flag("use-fake-device-for-media-stream", "fps=5"),
		chromedp.Flag("use-fake-ui-for-media-stream", true),
	)
	for _, f := range more {
		opts = append(opts, chromedp.Flag(f, true))
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(ctx, opts...)
	run, stop := chromedp.NewContext(alloc)
	b := &Browser{ctx: run, cancel: []context.CancelFunc{stop, stopAlloc}}
	if err := chromedp.Do(run); err != nil {
		b.Close()
		return nil, fmt.Errorf("start chromium: %w; install the package chromium", err)
	}
	return b, nil
}

// Close ends the browser and waits for it. Nil-safe.
func (b *Browser) Close() {
	if b == nil {
		return
	}
	for _, stop := range b.cancel {
		stop()
	}
}

// Page is one tab. Its methods are for one goroutine at a time.
type Page struct {
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	problems []string // guarded by mu
}

// callTimeout bounds one call into a page.
const callTimeout = 20 * time.Second

// Open opens a tab of w x h CSS pixels at url and waits until it is loaded.
func (b *Browser) Open(url string, w, h int) (*Page, error) {
	ctx, stop := chromedp.NewContext(b.ctx)
	p := &Page{ctx: ctx, stop: stop}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(int64(w), int64(h))); err != nil {
		p.Close()
		return nil, fmt.Errorf("open a tab: %w", err)
	}
	p.wg.Add(1)
	console := chromedp.Console(ctx)
	go func() {
		defer p.wg.Done()
		for m, err := range console {
			if err != nil {
				return
			}
			if m.IsException() || m.Type == chromedp.ConsoleError {
				p.mu.Lock()
				p.problems = append(p.problems, strings.TrimSpace(string(m.Type)+": "+m.Text+" "+m.URL))
				p.mu.Unlock()
			}
		}
	}()
	if err := p.do(chromedp.Navigate(url)); err != nil {
		p.Close()
		return nil, fmt.Errorf("open %s: %w", url, err)
	}
	return p, nil
}

// Close closes the tab. Nil-safe.
func (p *Page) Close() {
	if p == nil {
		return
	}
	p.stop()
	p.wg.Wait()
}

// Problems are the errors and exceptions the page wrote to the console so far.
func (p *Page) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.problems...)
}

func (p *Page) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(p.ctx, callTimeout)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}
