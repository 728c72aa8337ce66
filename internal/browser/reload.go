package browser

import (
	"context"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

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
