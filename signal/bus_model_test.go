package signal

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
)

// busModel is the records, the log and the facts, in memory. Whatever a worker
// asks of it waits until the history lets it happen: so any request of any
// worker may come before any other, get lost, or be done without an answer.
type busModel struct {
	mu      sync.Mutex // guards what follows
	rooms   map[string]recordModel
	rev     uint64
	log     []entryModel
	stored  map[string]bool // ids of batches and of facts
	facts   []bus.Event
	links   []*linkModel
	waiting []*request
	change  func(was, is *bus.Room) // hears of every change of a record
	note    func(format string, args ...any)
}

// recordModel is a room's record, or without data the mark that it was deleted.
type recordModel struct {
	data []byte
	rev  uint64
}

func (r recordModel) room(name string) *bus.Room {
	all := &bus.Room{Name: name}
	if r.data != nil && json.Unmarshal(r.data, all) != nil {
		panic("ours")
	}
	all.Revision = r.rev
	return all
}

type entryModel struct {
	at   time.Time
	data []byte
}

func newBusModel(change func(was, is *bus.Room), note func(string, ...any)) *busModel {
	return &busModel{rooms: map[string]recordModel{}, stored: map[string]bool{}, change: change, note: note}
}

// request is what a worker asks.
type request struct {
	link *linkModel
	what string
	let  chan verdict
}

// verdict is what becomes of a request.
type verdict int

const (
	done    verdict = iota
	lost            // it does not happen
	unheard         // it happens, and the worker does not know
)

var errDead = errors.New("the worker is dead")

func (b *busModel) link(life context.Context, id string) *linkModel {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &linkModel{b: b, id: id, life: life, since: time.Now(), news: make(chan struct{}), facts: make(chan bus.Event, 256)}
	l.all()
	b.links = append(b.links, l)
	return l
}

// wake has all links look again for something new. Under mu.
func (b *busModel) wake() {
	for _, l := range b.links {
		close(l.news)
		l.news = make(chan struct{})
	}
}

// open are the requests that wait, in the same order for the same history.
func (b *busModel) open() []*request {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.Clone(b.waiting)
	slices.SortStableFunc(all, func(a, b *request) int { return strings.Compare(a.link.id+a.what, b.link.id+b.what) })
	return all
}

// let decides what becomes of a request.
func (b *busModel) let(q *request, v verdict) {
	b.mu.Lock()
	b.waiting = slices.DeleteFunc(b.waiting, func(o *request) bool { return o == q })
	b.mu.Unlock()
	q.let <- v
}

// write is compare-and-set. Under mu.
func (b *busModel) write(r *bus.Room, rev uint64) error {
	was := b.rooms[r.Name]
	if was.rev != rev {
		return errConflict
	}
	b.rev++
	is := recordModel{nil, b.rev}
	if len(r.Members) > 0 {
		is.data, _ = json.Marshal(r)
	}
	b.rooms[r.Name] = is
	r.Revision = b.rev
	b.change(was.room(r.Name), is.room(r.Name))
	for _, l := range b.links {
		if l.changes = append(l.changes, is.room(r.Name)); l.cut {
			l.changes = l.changes[:0]
		}
	}
	b.wake()
	return nil
}
