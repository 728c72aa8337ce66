package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/store"
)

const (
	maxPage = 1000             // files on a page of a list
	maxWait = 25 * time.Second // for a change of it: proxies wait longer for an answer
	// listPace is how soon after a change it is told to who waits for one: others may follow.
	listPace = 250 * time.Millisecond
)

// A listing is a list of files that is asked for, or a page of it.
type listing struct {
	cards *cards
	files fileNames
	label func(owner string) string // of who is not the one that asks; empty: it is
	limit int                       // files on the page; 0: all
	after string                    // the place of the last file before the page; empty: the first page
	wait  time.Duration             // for another list than is known
}

// fileNames are those of the files of a list.
type fileNames struct {
	of      string          // whose list it is: two of one are of the same files
	all     func() []string // in any order
	changes func() uint64   // another number whenever they may be others
}

// cardSize is about how long the text of a card is, in bytes.
const cardSize = 600

// most is how many of so many files the page may have.
func (l *listing) most(files int) int {
	if l.limit > 0 {
		return min(files, l.limit)
	}
	return files
}

// parse reads which page is asked for: errPage.
func (l *listing) parse(q url.Values) (err error) {
	number := func(name string, most int) int {
		if !q.Has(name) {
			return 0
		}
		n, e := strconv.Atoi(q.Get(name))
		if e != nil || n < 1 {
			err = errPage
		}
		return min(n, most)
	}
	l.limit, l.after = number("limit", maxPage), q.Get("after")
	l.wait = time.Duration(number("wait", int(maxWait/time.Second))) * time.Second
	if _, ok := parsePlace(l.after); !ok && l.after != "" {
		err = errPage
	}
	return err
}

// isChanged waits for a change, and a moment for those that follow. false: none comes in time.
func isChanged(ctx context.Context, changed <-chan struct{}, most time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case <-changed:
		return sleep.For(ctx, listPace)
	case <-ctx.Done():
		return false
	}
}

// text is the page as JSON.
func (l *listing) text(ctx context.Context) ([]byte, error) {
	places, err := l.places(ctx)
	if err != nil {
		return nil, err
	}
	if last, ok := parsePlace(l.after); ok {
		at, found := slices.BinarySearchFunc(places, last, place.compare)
		if found {
			at++
		}
		places = places[at:]
	}
	text, n, next := append(make([]byte, 0, cardSize*l.most(len(places))), `{"files":[`...), 0, ""
	for len(places) > 0 && (l.limit == 0 || n < l.limit) {
		some := places
		if l.limit > 0 {
			some = places[:min(len(places), l.limit-n)]
		}
		all, err := l.read(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, c := range all {
			if c == nil {
				continue
			}
			if n++; n > 1 {
				text = append(text, ',')
			}
			text = c.appendTo(text, l.label(c.owner))
		}
		next, places = some[len(some)-1].String(), places[len(some):]
	}
	text = append(text, ']')
	if len(places) > 0 {
		quoted, _ := json.Marshal(next) // a text: cannot fail
		text = append(append(text, `,"next":`...), quoted...)
	}
	return append(text, "}\n"...), nil
}

// places are those of the files, in their order. They are read-only.
func (l *listing) places(ctx context.Context) ([]place, error) {
	changes := l.files.changes() // before the names
	if places, ok := l.cards.order(l.files.of, changes); ok {
		return places, nil
	}
	names := l.files.all()
	places := make([]place, 0, len(names))
	var unknown []string
	for _, name := range names {
		if at, ok := l.cards.madeAt(name); ok {
			places = append(places, place{name, at})
		} else {
			unknown = append(unknown, name)
		}
	}
	var mu sync.Mutex // guards places and away while the store is read
	var away error    // the store cannot be reached: no list is better than one with holes
	err := l.cards.store.Each(ctx, unknown, func(name string) {
		at, err := l.cards.readMade(name)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			places = append(places, place{name, at})
		case errors.Is(err, store.ErrAway):
			away = err
		}
	})
	slices.SortFunc(places, place.compare)
	if len(places) == len(names) { // else one could not be read now
		l.cards.keepOrder(l.files.of, order{changes, places})
	}
	return places, errors.Join(err, away)
}

// read gives the cards of places, in their order; nil: it is not to be listed.
func (l *listing) read(ctx context.Context, places []place) ([]*card, error) {
	all, old := make([]*card, len(places)), time.Duration(0)
	if len(places) > maxPage {
		old = freshFor
	}
	at := map[string]int{}
	var unknown []string
	for n, p := range places {
		if all[n] = l.cards.get(p.name, old); all[n] == nil {
			at[p.name] = n
			unknown = append(unknown, p.name)
		}
	}
	var mu sync.Mutex // guards away while the store is read
	var away error
	err := l.cards.store.Each(ctx, unknown, func(name string) {
		c, err := l.cards.read(name)
		all[at[name]] = c
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			away = err
		}
	})
	return all, errors.Join(err, away)
}
