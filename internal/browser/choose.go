package browser

import "github.com/chromedp/chromedp"

// Choose gives the page's file input of this CSS selector files of this
// machine, as a person does in its picker.
func (p *Page) Choose(selector string, files ...string) error {
	return p.do(chromedp.SetUploadFiles(chromedp.CSS(selector), files))
}
