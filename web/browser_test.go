package web

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is one page.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	said     []string // console errors and uncaught exceptions
	requests []string // every URL asked for
}

// look is what the page is looked at with.
type look struct {
	width, height int64
	touch         bool
}

var (
	phone   = look{width: 390, height: 844, touch: true}
	desktop = look{width: 1280, height: 800}
)

// open opens a page of the box as a browser does that was never used: storage,
// caches and workers are nobody else's.
func open(t *testing.T, url string, l look) *tab {
	t.Helper()
	if _, err := dist.ReadFile("dist/home.html"); err != nil {
		t.Fatal("the pages are not built: run make web, then test again")
	}
	p := &tab{t: t}
	browser, err := chromium.start()
	if err != nil {
		t.Fatal("start chromium: ", err, "; install the package chromium")
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.hear))
	t.Cleanup(cancel)
	p.ctx = ctx
	screen := []chromedp.EmulateViewportOption{}
	if pictured() {
		screen = append(screen, chromedp.EmulateScale(2))
	}
	if l.touch {
		screen = append(screen, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	p.do(chromedp.EmulateViewport(l.width, l.height, screen...),
		scheme("light"), chromedp.Navigate(url))
	return p
}

// another opens one more tab of the same person's, on a page of the box.
func (p *tab) another(url string) *tab {
	p.t.Helper()
	q := &tab{t: p.t}
	ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithListener(q.hear))
	p.t.Cleanup(cancel)
	q.ctx = ctx
	q.do(chromedp.Navigate(url))
	return q
}

// scheme sets what the person prefers: "light" or "dark".
func scheme(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
		return err
	})
}

// looksGood keeps a picture of the page and checks it, by day and by night, when
// nothing is other than the colours.
func (p *tab) looksGood(name string) {
	p.t.Helper()
	for s, rule := range map[string]string{"light": "", "dark": "color-contrast"} {
		p.do(scheme(s))
		p.keep(name + "-" + s + ".png")
		p.accessible(rule)
	}
	p.do(scheme("light"))
}

func (p *tab) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			for _, a := range e.Args {
				p.said = append(p.said, string(a.Value)+a.Description)
			}
		}
	case *runtime.EventExceptionThrown:
		said := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			said += " " + e.ExceptionDetails.Exception.Description
		}
		p.said = append(p.said, said)
	case *log.EventEntryAdded: // what the browser itself says, as of a broken content security policy
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			p.said = append(p.said, e.Entry.Text)
		}
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	}
}

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// eval gives the value of a JavaScript expression (or of its promise).
func eval[T any](p *tab, js string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", js, err)
	}
	return v
}

// js runs statements in the page.
func (p *tab) js(code string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](code + ";void 0"))
}

// until waits for a JavaScript condition to hold; what says what was hoped
// for. (chromedp.Poll would count as a touch of the page and let it play sound.)
func (p *tab) until(what, js string) {
	p.t.Helper()
	p.untilAfter(what, js, func(context.Context) {})
}

// untilAfter is until, with something done before each look but the first.
func (p *tab) untilAfter(what, js string, do func(context.Context)) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute) // a busy machine takes its time
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		if holds {
			return
		}
		do(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.keep("failed.png")
			page, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.getElementById('stage')?.outerHTML.slice(0, 300) ?? document.body.innerText`))
			p.t.Fatalf("waited in vain: %s (%v)\npage: %s\nconsole: %q", what, err, page, p.errors())
		}
	}
}

// click clicks what a selector finds, as a hand does, until what is hoped for
// holds. A page may take a button away just then, as a player does that waits
// for data: a person tries again, too.
func (p *tab) click(selector, what, js string) {
	p.t.Helper()
	p.untilAfter(what+", after a click on "+selector, js, func(ctx context.Context) {
		shown, _ := chromedp.Run(ctx, chromedp.Evaluate[bool](`!!document.querySelector(`+strconv.Quote(selector)+`)?.checkVisibility({ visibilityProperty: true })`))
		if !shown {
			return
		}
		// The click before may hide the button just now, and Click waits for it to be shown.
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		_ = chromedp.Do(try, chromedp.Click(chromedp.CSS(selector)))
	})
}

// plays waits for the picture to move.
func (p *tab) plays() {
	p.t.Helper()
	p.until("the picture moves", moved)
}

// moved holds once the video has gone on for a second since it was first asked.
const moved = `(() => { const v = document.querySelector('video'); window.from ??= v.currentTime;
	if (v.currentTime < window.from) window.from = v.currentTime;
	if (v.currentTime - window.from < 1 || v.paused) return false; delete window.from; return true })()`

// wake brings the player's controls up, as a mouse over it does.
func (p *tab) wake() {
	p.t.Helper()
	p.until("the controls are up", `(() => { const c = document.getElementById('controls');
		c.dispatchEvent(new PointerEvent('pointermove', { pointerType: 'mouse' })); return !c.hasAttribute('userinactive') })()`)
}

// openMenu opens the menu of qualities.
func (p *tab) openMenu() {
	p.t.Helper()
	p.until("the menu is open", `(() => { const c = document.getElementById('controls'), m = document.getElementById('quality');
		c.dispatchEvent(new PointerEvent('pointermove', { pointerType: 'mouse' }));
		if (m.hidden) document.getElementById('quality-button').click();
		return !m.hidden && getComputedStyle(m).opacity === '1' })()`)
}

// pictured says whether the test run keeps pictures. Without it none is taken, and
// screens are as coarse as they may be: both are most of what a browser has to do.
func pictured() bool { return flag.Lookup("test.artifacts").Value.String() == "true" }

// keep stores what the page looks like, when the test run keeps pictures.
func (p *tab) keep(name string) {
	p.t.Helper()
	if !pictured() {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Log("no picture:", err)
		return
	}
	if err := os.WriteFile(filepath.Join(p.t.ArtifactDir(), strings.ReplaceAll(p.t.Name(), "/", "-")+"-"+name), png, 0o600); err != nil {
		p.t.Log("no picture:", err)
	}
}

func (p *tab) errors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

// expect takes a complaint that a test is about from those that clean counts.
func (p *tab) expect(words string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.said)
	p.said = slices.DeleteFunc(p.said, func(s string) bool { return strings.Contains(s, words) })
	if len(p.said) == before {
		p.t.Errorf("nobody said %q", words)
	}
}

// clean fails the test if the page complained, or asked anyone but the box for anything.
func (p *tab) clean(home string) {
	p.t.Helper()
	if said := p.errors(); len(said) > 0 {
		p.t.Errorf("console errors: %q", said)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, url := range p.requests {
		if strings.HasPrefix(url, "chrome-extension://") { // the browser's own viewer of PDF
			continue
		}
		if !strings.HasPrefix(url, home) && !strings.HasPrefix(url, "blob:"+home) && !strings.HasPrefix(url, "data:") && url != "about:blank" {
			p.t.Errorf("a request to someone else: %s", url)
		}
	}
}

// accessible runs axe-core (WCAG 2.2 A and AA) on the page as it is. One rule
// is off: it takes the "back" button of media-chrome's menus, which is not
// displayed, for a child of the menu. Of one rule alone if that is named.
func (p *tab) accessible(rule string) {
	p.t.Helper()
	if !eval[bool](p, `!!window.axe`) {
		p.js(string(readFile(p.t, "node_modules/axe-core/axe.min.js")))
	}
	which := `{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], rules: { 'aria-required-children': { enabled: false } } }`
	if rule != "" {
		which = `{ runOnly: { type: 'rule', values: ['` + rule + `'] } }`
	}
	for _, violation := range eval[[]string](p, `axe.run(`+which+`)
		.then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.target + ': ' + (n.any[0]?.message ?? v.help))))`) {
		p.t.Error("axe:", violation)
	}
}
