package main

import (
	"errors"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

// relayed waits until all that a tab sees and hears comes over the relay.
func (c *caller) relayed() {
	c.t.Helper()
	c.until(`[...document.querySelectorAll('.tile[data-self=false]')].every(t => t.dataset.path === 'relay')`)
}

// Two tabs that may use nothing but the relay see and hear each other: its
// address and credentials come to them by themselves.
func TestCallOverTheRelay(t *testing.T) {
	s := start(t, process.PSEOptions{Name: "relay", Set: []string{"signal.grace=4s"}})
	chrome := withCamera(t)
	room := "http://" + s.HTTP + "/call/garden?relay=1"
	ann := knock(t, chrome, room+"&name=Ann", "Ann", 1280, 800)
	ann.join()
	ben := knock(t, chrome, room+"&name=Ben", "Ben", 390, 844)
	ben.join()
	for _, c := range []*caller{ann, ben} {
		c.meets(1)
		c.relayed()
	}
	ann.pictured("relayed")
	for _, c := range []*caller{ann, ben} {
		if said := c.Problems(); len(said) > 0 {
			t.Errorf("%s's console said %q", c.name, said)
		}
	}
	ann.Crash() // without a goodbye: what it relays ends when it counts as having left
	eventually(t, func() error {
		text, err := get("http://"+s.Admin+"/metrics", 200)
		if err == nil && regexp.MustCompile(`(?m)^pse_turn_revoked_total 0$`).MatchString(text) {
			err = errors.New("no allocation is revoked")
		}
		return err
	})
	ben.until(`document.getElementById('stage').dataset.peers === '0'`)
}

// The relay is killed under a call, and another one takes its place: the call
// goes on over that by itself.
func TestCallOutlivesItsRelay(t *testing.T) {
	w := bareWorld(t)
	w.http = freeAddr(t)
	w.start(process.PSEOptions{Name: "edge", Bus: w.bus, HTTP: w.http, Workers: []string{"edge", "signal"}})
	w.start(process.PSEOptions{Name: "turn", Bus: w.bus, Workers: []string{"turn"}, Set: []string{"turn.listen=" + freeAddr(t)}})
	chrome := withCamera(t)
	room := "http://" + w.http + "/call/garden?relay=1"
	ann := knock(t, chrome, room+"&name=Ann", "Ann", 1280, 800)
	ann.join()
	ben := knock(t, chrome, room+"&name=Ben", "Ben", 1280, 800)
	ben.join()
	ann.meets(1)
	ben.meets(1)
	for _, c := range []*caller{ann, ben} {
		c.remember()
	}
	killed := time.Now()
	w.kill("turn")
	// Who sees it first has both connect anew: the other may never know.
	eventually(t, func() error {
		for _, c := range []*caller{ann, ben} {
			if c.lost() {
				return nil
			}
		}
		return errors.New("neither tab sees that the relay died")
	})
	t.Logf("a tab sees after %v that the relay died", time.Since(killed).Round(100*time.Millisecond))
	for _, c := range []*caller{ann, ben} {
		c.meets(1)
		c.relayed()
	}
	t.Logf("they see each other again %v after it", time.Since(killed).Round(100*time.Millisecond))
}

// remember has the page keep in mind that a connection was lost.
func (c *caller) remember() {
	c.t.Helper()
	c.eval(`(() => {
  window.lostOne = false
  const look = () => { lostOne ||= [...document.querySelectorAll('.tile[data-self=false]')].some(t => ['disconnected', 'failed'].includes(t.dataset.connection)) }
  new MutationObserver(look).observe(document.body, { subtree: true, attributeFilter: ['data-connection'] })
})()`)
}

// lost says whether one was lost since.
func (c *caller) lost() bool {
	c.t.Helper()
	lost, err := browser.Eval[bool](c.Page, "window.lostOne")
	if err != nil {
		c.t.Fatal(err)
	}
	return lost
}

// The relay is asked to stop under a call: the call goes on, and the relay ends
// when the call does.
func TestRelayDrains(t *testing.T) {
	t.Parallel()
	w := bareWorld(t)
	w.http = freeAddr(t)
	w.start(process.PSEOptions{Name: "edge", Bus: w.bus, HTTP: w.http, Workers: []string{"edge", "signal"}})
	relay := start(t, process.PSEOptions{Name: "turn", Bus: w.bus, Workers: []string{"turn"}, Set: []string{"turn.drain=1m"}})
	chrome := withCamera(t)
	room := "http://" + w.http + "/call/garden?relay=1"
	ann := knock(t, chrome, room+"&name=Ann", "Ann", 800, 600)
	ann.join()
	ben := knock(t, chrome, room+"&name=Ben", "Ben", 800, 600)
	ben.join()
	ann.meets(1)
	ben.meets(1)
	if err := syscall.Kill(relay.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*caller{ann, ben, ann, ben} {
		c.meets(1)
		c.relayed()
	}
	ann.click("leave")
	ben.click("leave")
	select {
	case <-relay.Done():
	case <-time.After(30 * time.Second): // well before its drain is over
		t.Error("the relay does not end with the call")
	}
}
