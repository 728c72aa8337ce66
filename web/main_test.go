package web

import (
	"context"
	"flag"
	"os"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestMain lets more tests go at once than there are cores: most of their time
// they wait, as a person does, for pictures to move and the network to be back.
func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // the command line goes before
	code := m.Run()
	chromium.end()
	os.Exit(code)
}

// chromium is the browser of all tests.
var chromium process

// A process is one Chromium, started by the first test that needs it.
type process struct {
	once  sync.Once
	ctx   context.Context
	close context.CancelFunc
	err   error
}

// start gives the context of the running browser.
func (p *process) start() (context.Context, error) {
	p.once.Do(func() {
		p.ctx, p.close = chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(chromedp.NoSandbox, chromedp.DisableGPU))
		p.err = chromedp.Do(p.ctx)
	})
	return p.ctx, p.err
}

// end closes the browser, if it was ever started.
func (p *process) end() {
	if p.close != nil {
		p.close()
	}
}
