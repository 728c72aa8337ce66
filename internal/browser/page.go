package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"
)

// Eval evaluates a JavaScript expression in the page; a promise is awaited.
func Eval[T any](p *Page, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, callTimeout)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return v, fmt.Errorf("evaluate %.80s: %w", expression, err)
	}
	return v, nil
}

// Wait waits until a JavaScript expression is true, at most for d.
func (p *Page) Wait(expression string, d time.Duration) error {
	ctx, cancel := context.WithTimeout(p.ctx, d)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(0)))
	if err != nil {
		return fmt.Errorf("wait %v for %.80s: %w; the console said %q", d, expression, err, p.Problems())
	}
	return nil
}

// Resize makes the tab w x h CSS pixels.
func (p *Page) Resize(w, h int) error { return p.do(chromedp.EmulateViewport(int64(w), int64(h))) }

// Go leads the tab to another address.
func (p *Page) Go(url string) error { return p.do(chromedp.Navigate(url)) }

// Screenshot writes what the tab shows to a PNG file.
func (p *Page) Screenshot(file string) error {
	ctx, cancel := context.WithTimeout(p.ctx, callTimeout)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return fmt.Errorf("screenshot: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("screenshot: %w", err)
	}
	return os.WriteFile(file, png, 0o644)
}
