package transfer

import (
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/helios-h2020/pse/store"
)

// freshFor is how long a card is believed, in lists that are longer than a page may be, without
// a look whether another worker has changed its file; what is changed here is known at once.
const freshFor = 2 * time.Second

// A card is what lists say of one file.
type card struct {
	text  []byte    // fileJSON as the file's owner sees it; nil: it is being read
	owner string    // of the file
	state string    // store.Backend.State when it was read
	until int64     // unix ms at which the text changes by itself; 0: never
	known time.Time // when that was still the state
}

// cards keep what is said of complete files, so that lists need not read them again, and when
// each upload was made, which is their order.
type cards struct {
	*describer
	isUsed func(partial string) bool

	mu      sync.Mutex       // guards what follows
	all     map[string]*card // by name; a card is not changed but for known
	made    map[string]int64 // by name, unix ms
	orders  map[string]order // by fileNames.of
	changed chan struct{}    // closed at the next change; nil: nobody waits
}

// newCards has all that is changed in a store told to its cards.
func newCards(d *describer, isUsed func(partial string) bool) *cards {
	c := &cards{describer: d, isUsed: isUsed, all: map[string]*card{}, made: map[string]int64{}, orders: map[string]order{}}
	d.store.Watch(c.onChange)
	return c
}

// onChange notes that something of an upload was changed here.
func (c *cards) onChange(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, name)
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// next is closed when something is changed here.
func (c *cards) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// forgetOthers forgets the uploads that are not there.
func (c *cards) forgetOthers(there map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.made {
		if !there[name] {
			delete(c.made, name)
			delete(c.all, name)
		}
	}
}

// madeAt is when an upload was made, in unix ms; false: it has to be read.
func (c *cards) madeAt(name string) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.made[name]
	return at, ok
}

// noteMade notes when an upload was made, of which somebody has the metadata anyway.
func (c *cards) noteMade(i *store.Info) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made[i.Name] = i.Created
}

// readMade reads when an upload was made; store.ErrNotFound and the like.
func (c *cards) readMade(name string) (int64, error) {
	i, err := c.store.Info(name)
	if err != nil {
		return 0, err
	}
	c.noteMade(i)
	return i.Created, nil
}

// order is a list in its order, if it is kept and has the same files.
func (c *cards) order(of string, changes uint64) ([]place, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.orders[of]
	return o.places, ok && o.changes == changes
}

// keepOrder keeps a list in its order, in the place of another when there are many.
func (c *cards) keepOrder(of string, o order) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for other := range c.orders {
		if len(c.orders) < ordersMost {
			break
		}
		delete(c.orders, other)
	}
	c.orders[of] = o
}

// get is the card of a file, if it is still what is to be said, or was at most so long ago.
func (c *cards) get(name string, most time.Duration) *card {
	now := time.Now()
	c.mu.Lock()
	x := c.all[name]
	if x == nil || x.text == nil || x.until > 0 && c.store.Now().UnixMilli() >= x.until {
		c.mu.Unlock()
		return nil
	}
	if now.Sub(x.known) < most {
		c.mu.Unlock()
		return x
	}
	c.mu.Unlock()
	if c.store.State(name) != x.state {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	x.known = now
	return x
}

// read reads the card of a file. nil: it is not to be listed. store.ErrAway: it cannot be read.
func (c *cards) read(name string) (*card, error) {
	mine := &card{known: time.Now()}
	c.mu.Lock()
	c.all[name] = mine // what is changed from now on takes it away
	c.mu.Unlock()
	keep := false
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !keep && c.all[name] == mine {
			delete(c.all, name)
		}
	}()
	x := &card{known: mine.known, state: c.store.State(name)}
	i, err := c.store.Info(name)
	if err == nil && i.Partial && c.isUsed(name) {
		return nil, nil // it is removed soon
	}
	var f fileJSON
	if err == nil {
		f, err = c.describe(i, true)
	}
	if err == nil {
		x.text, err = json.Marshal(f)
	}
	if errors.Is(err, store.ErrAway) {
		return nil, err
	}
	if err != nil {
		return nil, nil // it is removed by now, or damaged, which the reconciler sees to
	}
	x.owner, x.until = i.Owner, firstEnd(f.Links, c.store.Now().UnixMilli())
	if !i.Complete() || x.state == "" {
		return x, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[name] == mine {
		c.all[name], keep = x, true
	}
	return x, nil
}

// firstEnd is when the first of the links ends that have not yet, in unix ms; 0: none does.
func firstEnd(links []linkJSON, now int64) (at int64) {
	for _, l := range links {
		if l.ExpiresAt > now && (at == 0 || l.ExpiresAt < at) {
			at = l.ExpiresAt
		}
	}
	return at
}

// appendTo appends the card as others than the file's owner see it, with the label of the
// owner's key; empty: as the owner.
func (x *card) appendTo(b []byte, label string) []byte {
	if label == "" {
		return append(b, x.text...)
	}
	b = append(b, x.text[:len(x.text)-1]...)
	quoted, err := json.Marshal(label)
	if err != nil { // cannot be: it is a text
		quoted = strconv.AppendQuote(nil, label)
	}
	return append(append(append(b, `,"of":`...), quoted...), '}')
}
