package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

// A caller is a tab in a call.
type caller struct {
	t *testing.T
	*browser.Page
	name string
}

// call opens the call page and joins.
func call(t *testing.T, chrome *browser.Browser, page, name string, w, h int) *caller {
	t.Helper()
	c := knock(t, chrome, page+"?name="+url.QueryEscape(name), name, w, h)
	c.join()
	return c
}

// knock opens the call page and waits for its look into the mirror.
func knock(t *testing.T, chrome *browser.Browser, page, name string, w, h int) *caller {
	t.Helper()
	p, err := chrome.Open(page, w, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	c := &caller{t, p, name}
	c.ready()
	return c
}

func (c *caller) ready() {
	c.t.Helper()
	c.scene("prejoin")
	c.until(`!document.getElementById('preview').hidden`)
}

func (c *caller) join() {
	c.t.Helper()
	c.click("join")
	c.scene("call")
}

// scene waits until the page shows this scene.
func (c *caller) scene(name string) {
	c.t.Helper()
	c.until(fmt.Sprintf(`document.getElementById('stage')?.dataset.scene === %q`, name))
}

func (c *caller) until(holds string) {
	c.t.Helper()
	if err := c.Wait(holds, 45*time.Second); err != nil {
		_ = c.Screenshot(artifact(c.t, "failed-"+c.name+".png"))
		c.t.Fatalf("%s: %v", c.name, err)
	}
}

func (c *caller) click(id string) {
	c.t.Helper()
	c.eval(fmt.Sprintf("document.getElementById(%q).click()", id))
}

func (c *caller) tryPass(pass string) {
	c.t.Helper()
	c.eval(fmt.Sprintf("document.getElementById('pass').value = %q, document.getElementById('pass-form').requestSubmit()", pass))
}

func (c *caller) eval(statement string) {
	c.t.Helper()
	if _, err := browser.Eval[bool](c.Page, "("+statement+", true)"); err != nil {
		c.t.Fatalf("%s: %v", c.name, err)
	}
}

// seen is what a tab sees and hears of one of the others.
type seen struct {
	ID         string  `json:"id"`
	Connection string  `json:"connection"`
	Video      string  `json:"video"` // whether it says that it sends a picture
	Frames     int     `json:"frames"`
	Green      float64 `json:"green"` // share of the pixels that have the made-up camera's colours
	Picture    int     `json:"picture"`
	Energy     float64 `json:"energy"` // of the sound, summed up
}

// links are a tab's connections.
const links = `[...document.getElementById('stage').peers.values()].map(p => p.connection)`

const look = `(async () => {
  const all = []
  for (const tile of document.querySelectorAll('.tile[data-self=false]')) {
    const video = tile.querySelector('video'), id = tile.dataset.peer
    const pen = new OffscreenCanvas(64, 36).getContext('2d')
    pen.drawImage(video, 0, 0, 64, 36)
    const { data } = pen.getImageData(0, 0, 64, 36)
    let green = 0, picture = 0, energy = 0
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 1] > 80 && data[i + 1] > 1.5 * data[i] && data[i + 1] > 1.5 * data[i + 2]) green++
      picture = (picture * 31 + data[i + 1]) | 0
    }
    for (const s of (await document.getElementById('stage').peers.get(id).connection.getStats()).values()) {
      if (s.type === 'inbound-rtp' && s.kind === 'audio') energy = s.totalAudioEnergy ?? 0
    }
    all.push({ id, connection: tile.dataset.connection, video: tile.dataset.video, frames: video.getVideoPlaybackQuality().totalVideoFrames, green: green / 64 / 36, picture, energy })
  }
  return all
})()`

func (c *caller) look() (map[string]seen, error) {
	all, err := browser.Eval[[]seen](c.Page, look)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]seen)
	for _, s := range all {
		byID[s.ID] = s
	}
	return byID, nil
}

// meets waits until the tab has seen n others move and heard them, from now on.
func (c *caller) meets(n int) {
	c.t.Helper()
	var first map[string]seen
	eventually(c.t, func() error {
		now, err := c.look()
		if err != nil {
			return err
		}
		if len(now) != n || len(first) != n {
			first = now
			return fmt.Errorf("%s is with %d others, not %d", c.name, len(now), n)
		}
		for id, s := range now {
			f, known := first[id]
			if !known {
				first = now
				return fmt.Errorf("%s meets someone new", c.name)
			}
			if s.Connection != "connected" || s.Frames < f.Frames+15 || s.Picture == f.Picture || s.Green < .9 || s.Energy < f.Energy+1e-3 {
				return fmt.Errorf("%s of another: first %+v, now %+v", c.name, f, s)
			}
		}
		return nil
	})
}

// pictured keeps what the tab looks like, by day and by night, when nothing is other
// than the colours.
func (c *caller) pictured(name string) {
	c.t.Helper()
	for scheme, rules := range map[string]string{
		"dark":  `{ runOnly: { type: 'rule', values: ['color-contrast'] } }`,
		"light": `{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }`,
	} {
		if err := c.Prefer(scheme); err != nil {
			c.t.Error(err)
		}
		// A colour on its way to another is neither.
		c.until(`document.getAnimations().every(a => a.playState === 'finished' || a.effect.getComputedTiming().endTime === Infinity)`)
		if err := c.Screenshot(artifact(c.t, name+"-"+scheme+".png")); err != nil {
			c.t.Error(err)
		}
		accessible(c.t, c.Page, rules)
	}
}

func withCamera(t *testing.T) *browser.Browser {
	t.Helper()
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	return chrome
}

// accessible runs axe-core with options, as of which rules, on a page as it is.
func accessible(t *testing.T, p *browser.Page, options string) {
	t.Helper()
	axe, err := os.ReadFile("../../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v; run make web", err)
	}
	if _, err := browser.Eval[bool](p, string(axe)+"; true"); err != nil {
		t.Fatal(err)
	}
	found, err := browser.Eval[[]string](p, `axe.run(`+options+`)
		.then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.target + ': ' + (n.any[0]?.message ?? v.help))))`)
	if err != nil {
		t.Fatal(err)
	}
	for _, violation := range found {
		t.Error("axe:", violation)
	}
}

// Three people in a room: all see and hear each other; what one turns off the
// others are shown; leaving, coming back and reloading are seen by all.
func TestCallInChromium(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "call", Set: []string{"signal.grace=4s"}})
	chrome := withCamera(t)
	room := "http://" + s.HTTP + "/call/garden"
	ann := call(t, chrome, room, "Ann", 1280, 800)
	ben := call(t, chrome, room, "Ben", 390, 844)
	ann.meets(1)
	ben.pictured("two-phone")
	cleo := call(t, chrome, room, "Cleo", 1280, 800)
	for _, c := range []*caller{ann, ben, cleo} {
		c.meets(2)
		c.until(`[...document.querySelectorAll('.tile[data-self=false]')].every(t => t.dataset.path === 'direct' && t.dataset.quality)`)
	}

	cleo.click("mic")
	cleo.click("cam")
	for _, c := range []*caller{ann, ben} {
		c.until(`!!document.querySelector('.tile[data-self=false][data-audio=false][data-video=false]')`)
		c.until(`document.querySelectorAll('.tile[data-self=false][data-audio=true][data-video=true]').length === 1`)
	}
	ann.pictured("three-wide")
	ben.pictured("three-phone")
	cleo.click("mic")
	cleo.click("cam")
	ann.meets(2)
	cleo.click("screen")
	for _, c := range []*caller{ann, ben} {
		c.until(`!!document.querySelector('.tile[data-self=false][data-screen=true][data-video=true]')`)
	}
	cleo.click("screen")
	ann.until(`!document.querySelector('.tile[data-self=false][data-screen=true]')`)

	// All look for new paths at once.
	for _, c := range []*caller{ann, ben, cleo} {
		c.eval(links + ".forEach(c => { c.path = c.localDescription.sdp.match(/ice-ufrag:(.*)/)[1] })")
	}
	for _, c := range []*caller{ann, ben, cleo} {
		c.eval("document.getElementById('stage').peers.forEach(p => p.renew())")
	}
	for _, c := range []*caller{ann, ben, cleo} {
		c.until(links + ".every(c => c.signalingState === 'stable' && c.connectionState === 'connected' && !c.localDescription.sdp.includes('ice-ufrag:' + c.path))")
		c.meets(2)
	}

	cleo.Crash() // without a goodbye
	killed := time.Now()
	for _, c := range []*caller{ann, ben} {
		c.until(`document.getElementById('stage').dataset.peers === '1'`)
		t.Logf("%s sees after %v that Cleo's tab died", c.name, time.Since(killed).Round(100*time.Millisecond))
		c.meets(1)
	}
	if err := ben.Go(room + "?name=Ben"); err != nil { // as by a reload
		t.Fatal(err)
	}
	ben.ready()
	ben.join()
	ann.meets(1)
	ben.meets(1)
	ben.click("leave")
	ann.until(`document.getElementById('stage').dataset.peers === '0'`)
	for _, c := range []*caller{ann, ben} {
		if said := c.Problems(); len(said) > 0 {
			t.Errorf("%s's console said %q", c.name, said)
		}
	}
}

// Who is not let in reads why, and what to do.
func TestCallLetsInWhoMay(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "call", Set: []string{"signal.passphrase=open sesame", "signal.max_members=2"}})
	chrome := withCamera(t)
	room := "http://" + s.HTTP + "/call/cave"
	ann := knock(t, chrome, room, "Ann", 390, 844)
	ann.pictured("prejoin")
	for _, size := range [][2]int{{320, 568}, {844, 390}, {390, 844}} {
		if err := ann.Resize(size[0], size[1]); err != nil {
			t.Fatal(err)
		}
		// In sight, with nothing over it, and what stands before it can be scrolled above it.
		ann.until(`(() => { const at = e => e.getBoundingClientRect(), middle = r => document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2)
			const join = document.getElementById('join'), name = document.getElementById('your-name')
			scrollTo(0, 0)
			const seen = at(join).top >= 0 && at(join).bottom <= innerHeight && middle(at(join)) === join
			name.scrollIntoView({ block: 'center' })
			return seen && at(name).bottom <= at(join).top && middle(at(name)) === name })()`)
	}
	ann.click("join")
	ann.scene("passphrase")
	ann.pictured("passphrase")
	ann.tryPass("close sesame")
	ann.until(`document.getElementById('stage').dataset.scene === 'passphrase' && document.getElementById('message-screen-text').textContent.includes('not it')`)
	ann.tryPass("open sesame")
	ann.scene("call")
	ann.pictured("alone")
	ben := knock(t, chrome, room+"?pass=open+sesame", "Ben", 1280, 800)
	ben.join()
	ben.meets(1)

	cleo := knock(t, chrome, room+"?pass=open+sesame", "Cleo", 1280, 800)
	cleo.click("join")
	cleo.scene("full")
	cleo.pictured("full")
	ben.click("leave")
	ben.scene("ended")
	ben.pictured("ended")
	cleo.click("again")
	cleo.scene("call")
	cleo.meets(1)

	lost, err := chrome.Open("http://"+s.HTTP+"/call/", 390, 844)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lost.Close)
	dora := &caller{t, lost, "Dora"}
	dora.scene("ask")
	dora.pictured("ask")
	dora.eval("document.getElementById('room-name').value = 'Sunday dinner', setTimeout(() => document.getElementById('room-form').requestSubmit())")
	eventually(t, func() error {
		path, err := browser.Eval[string](lost, "location.pathname")
		if err == nil && path != "/call/sunday_dinner" {
			err = fmt.Errorf("the room is at %s", path)
		}
		return err
	})

	// A name in another script, typed into the address by two: they meet.
	if err := lost.Go("http://" + s.HTTP + "/call/Комната?pass=open+sesame"); err != nil {
		t.Fatal(err)
	}
	eva := knock(t, chrome, "http://"+s.HTTP+"/call/комната?pass=open+sesame", "Eva", 390, 844)
	eva.join()
	dora.ready()
	if name, err := browser.Eval[string](lost, "document.querySelector('.room-name').textContent"); name != "комната" {
		t.Errorf("the page calls the room %q, %v", name, err)
	}
	dora.join()
	dora.meets(1)
	eva.meets(1)
}

// The signalling dies under a call: it goes on, the line to the server comes
// back by itself under the same id, and then others can join.
func TestCallOutlivesItsSignalling(t *testing.T) {
	w := bareWorld(t)
	w.http = freeAddr(t)
	signalling := freeAddr(t)
	w.start(process.PSEOptions{Name: "edge", Bus: w.bus, HTTP: w.http, Workers: []string{"edge"}})
	w.start(process.PSEOptions{Name: "signal", Bus: w.bus, HTTP: signalling, Workers: []string{"signal"}})
	front := http.NewServeMux() // as a reverse proxy puts the two at one address
	front.Handle("/", httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: w.http}))
	front.Handle("/socket.io/", httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: signalling}))
	srv := httptest.NewServer(front)
	t.Cleanup(srv.Close)
	chrome := withCamera(t)

	ann := call(t, chrome, srv.URL+"/call/garden", "Ann", 800, 600)
	ben := call(t, chrome, srv.URL+"/call/garden", "Ben", 800, 600)
	ann.meets(1)
	ids := map[*caller]string{ann: "", ben: ""}
	for c := range ids {
		id, err := browser.Eval[string](c.Page, `document.getElementById('stage').dataset.sid`)
		if err != nil {
			t.Fatal(err)
		}
		ids[c] = id
		c.eval("window.before = " + links)
	}
	w.kill("signal")
	ann.meets(1)
	for c, id := range ids {
		c.until(fmt.Sprintf(`document.getElementById('stage').dataset.online === 'true' && document.getElementById('stage').dataset.sid === %q`, id))
		c.until(links + ".every((c, i) => c === window.before[i] && c.connectionState === 'connected')")
	}
	cleo := call(t, chrome, srv.URL+"/call/garden", "Cleo", 800, 600)
	for _, c := range []*caller{ann, ben, cleo} {
		c.meets(2)
	}
}
