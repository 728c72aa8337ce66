package browser

import (
	"context"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// What a person does with a page and its tab, in a picker, a menu or a dialog.

// Choose gives the page's file input of this CSS selector files of this
// machine, as a person does in its picker.
func (p *Page) Choose(selector string, files ...string) error {
	return p.do(chromedp.SetUploadFiles(chromedp.CSS(selector), files))
}

// Prefer sets the colour scheme that the person likes: "light" or "dark".
func (p *Page) Prefer(scheme string) error {
	return p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
		return err
	}))
}

// Reload loads the page anew. When it asks whether it may be left (beforeunload)
// the answer is yes; asked tells.
func (p *Page) Reload() (asked bool, err error) {
	done := make(chan error, 1)
	go func() { done <- p.do(chromedp.Reload()) }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	leave := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		return err
	})
	for {
		select {
		case err := <-done:
			return asked, err
		case <-tick.C:
			if p.do(leave) == nil { // else nothing is asked
				asked = true
			}
		}
	}
}

// Crash kills what runs the tab, so that the page can say no goodbye. Only
// Close may follow.
func (p *Page) Crash() {
	// The answer does not come: the process that would give it is gone.
	ctx, cancel := context.WithTimeout(p.ctx, time.Second)
	defer cancel()
	_ = chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.Crash, cdp.Empty{})
		return err
	}))
}
