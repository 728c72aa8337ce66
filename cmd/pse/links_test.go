package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/internal/browser"
	"github.com/helios-h2020/pse/internal/process"
)

// A person chooses a file before the box has their key, types a wrong one, then
// the right one, and the file goes. One whom they give a link for an hour has
// the file until the link is taken back. When the key is revoked, the page asks
// for another and goes on with what was to be sent.
func TestFilesWithKeyAndLinks(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s := start(t, process.PSEOptions{Name: "keyed", Data: data, Keyed: true})
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()

	sender := openPage(t, chrome, "http://"+s.HTTP+"/files", "sender")
	sender.until(`document.activeElement === document.getElementById('key')`)
	sender.choose("notes.txt", "what was said at the meeting\n")
	sender.until(`document.querySelector('#files .facts')?.textContent.includes('Waiting')`)
	sender.shoot("key.png")
	sender.giveKey("not-the-key")
	sender.until(`!document.getElementById('key-wrong').hidden && document.activeElement === document.getElementById('key')`)
	sender.shoot("wrong.png")
	first := keyOf(t, data)
	sender.giveKey(first.secret)
	sender.sent("notes.txt")

	sender.press("notes.txt", "links")
	sender.until(`document.getElementById('links-sheet').open`)
	sender.eval(`document.getElementById('link-label').value = 'Anna', document.getElementById('link-end').selectedIndex = 0, document.getElementById('link-form').requestSubmit()`)
	sender.until(`document.getElementById('sheet').open && document.getElementById('note').textContent.includes('Ends in')`)
	link, err := browser.Eval[string](sender.Page, `document.getElementById('link').value`)
	if err != nil {
		t.Fatal(err)
	}
	sender.shoot("link.png")

	receiver := openPage(t, chrome, link, "receiver")
	receiver.until(`document.getElementById('stage').dataset.scene === 'ready' && document.querySelector('#preview pre')?.textContent.includes('meeting')`)
	receiver.until(`document.getElementById('facts').textContent.includes('gone in')`) // for them, when the link ends
	receiver.shoot("received.png")
	sender.eval(`document.getElementById('sheet').close()`)
	sender.until(`document.querySelectorAll('#links-list > li').length === 2`)
	sender.shoot("links.png")
	sender.eval(`[...document.querySelectorAll('#links-list > li')].find(r => r.textContent.includes('Anna')).querySelector('[data-action=revoke]').click()`)
	sender.until(`document.getElementById('sure').open`)
	sender.eval(`document.getElementById('sure-yes').click()`)
	sender.until(`document.querySelectorAll('#links-list > li').length === 1`)
	receiver.eval(`dispatchEvent(new Event('online'))`) // the box is asked at once
	receiver.until(`document.getElementById('stage').dataset.scene === 'gone' && document.getElementById('words-text').textContent.includes('taken back')`)
	receiver.shoot("gone.png")
	sender.eval(`document.getElementById('links-sheet').close()`)

	command(t, data, "stream", "keys", "add")
	command(t, data, "stream", "keys", "revoke", first.id)
	sender.choose("more.txt", "and what was not\n")
	sender.until(`document.getElementById('stage').dataset.scene === 'key' && !document.getElementById('key-wrong').hidden`)
	sender.giveKey(keyOf(t, data).secret)
	sender.sent("more.txt")
	for _, said := range append(sender.Problems(), receiver.Problems()...) {
		if !strings.Contains(said, "Failed to load resource") { // what the box refuses, browsers say too
			t.Errorf("the console said %q", said)
		}
	}
}

// choose gives the files page a text, as its picker does.
func (c *caller) choose(name, text string) {
	c.t.Helper()
	file := filepath.Join(c.t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := c.Choose("#picked", file); err != nil {
		c.t.Fatal(err)
	}
}

// giveKey types a key into the files page.
func (c *caller) giveKey(secret string) {
	c.t.Helper()
	c.eval(fmt.Sprintf(`document.getElementById('key').value = %q, document.getElementById('key-form').requestSubmit()`, secret))
}

// row is a JavaScript expression of a file's row.
func row(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('#files > li')].find(r => r.querySelector('.name').textContent === %q)`, name)
}

// press clicks a button of a file's row.
func (c *caller) press(name, action string) {
	c.t.Helper()
	button := row(name) + fmt.Sprintf(`?.querySelector('[data-action=%s]')`, action)
	c.until("!!" + button)
	c.eval(button + ".click()")
}

// sent waits until a file is on the box.
func (c *caller) sent(name string) {
	c.t.Helper()
	c.until(row(name) + `?.dataset.state === 'done'`)
}

// A senderKey is a line of `pse stream keys`.
type senderKey struct{ id, secret string }

// keyOf is the only key of the box whose data directory this is.
func keyOf(t *testing.T, data string) senderKey {
	t.Helper()
	out := command(t, data, "stream", "keys", "ls")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 {
		t.Fatalf("one key was expected:\n%s", out)
	}
	fields := strings.Fields(lines[1])
	return senderKey{fields[0], fields[1]}
}

// command runs one beside the box whose data directory this is.
func command(t *testing.T, data string, args ...string) string {
	t.Helper()
	out, err := cli(t, nil, append([]string{"--data", data}, args...)...)
	if err != nil {
		t.Fatalf("pse %v: %v", args, err)
	}
	return out
}
