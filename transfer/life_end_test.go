package transfer

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/store"
)

// settle has all hooks answer, all that is not whole expire, and holds what is
// left against what was sent.
func (l *life) settle() {
	l.answers.Store(true)
	for _, s := range l.all {
		if s.whole && !s.ended && !s.part {
			l.becomes(s)
		}
	}
	for _, w := range l.workers {
		w.ahead(w.cfg.IncompleteFor + 2*usedFor)
	}
	bustest.Eventually(l.t, "what is not whole is gone, and the quota is what is there", l.clean)
	for _, f := range l.follows {
		b := <-f.got
		if !bytes.HasPrefix(f.of.body, b) || len(b) > len(f.of.body)-min(len(f.of.body), heldBack) && (f.of.ended && f.of.unwanted() || !f.of.whole) {
			l.t.Errorf("a receiver of %s (%s, of %d bytes) was handed %d", f.of.name, f.of.says, len(f.of.body), len(b))
		}
	}
	l.told()
}

// becomes waits for what becomes of a file that is all there.
func (l *life) becomes(s *sending) {
	bustest.Eventually(l.t, fmt.Sprintf("%s, of which the hook says %s, is a file or gone", s.name, s.says), func() bool {
		a := l.ask(l.any(), "GET", s.read+"?follow=0", nil)
		switch {
		case a.StatusCode == http.StatusOK && (s.unwanted() || !bytes.Equal(a.body, s.body)):
			l.t.Fatalf("%s, of which the hook says %s, is shown, with the bytes that were sent: %v", s.name, s.says, bytes.Equal(a.body, s.body))
		case a.StatusCode == http.StatusNotFound && !s.unwanted():
			l.t.Fatalf("%s is gone, of which the hook says %s", s.name, s.says)
		case a.StatusCode == http.StatusNotFound:
			s.ended = true
		}
		return s.ended || a.StatusCode == http.StatusOK
	})
}

// clean reconciles, and says whether what is there are files alone, and booked as such.
func (l *life) clean() bool {
	known := map[string]*sending{}
	for _, s := range l.all {
		known[s.name] = s
	}
	for _, w := range l.workers {
		for _, s := range l.all {
			w.locks.handOver(s.name)
		}
	}
	for _, w := range l.workers {
		if w.reconciler.reconcileAll(l.t.Context()) != nil {
			return false
		}
		names, err := w.store.Names()
		removed, err2 := w.store.List(store.DirRemoved)
		if err != nil || err2 != nil || len(removed) > 0 {
			return false
		}
		n := int64(0)
		for _, name := range names {
			i, err := w.store.Info(name)
			s := known[name]
			if err != nil || !i.Complete() || i.Partial || s == nil && !i.Final || s != nil && s.ended {
				return false
			}
			n += i.Size
		}
		if files, booked := w.ledger.Sums(); files != len(names) || booked != n {
			return false
		}
	}
	return true
}

// told sees that all files are told of, once, and nothing else is.
func (l *life) told() {
	w := l.workers[0]
	names, err := w.store.Names()
	if err != nil {
		l.t.Fatal(err)
	}
	left := map[string]bool{}
	for _, name := range names {
		left[name] = true
	}
	bustest.Eventually(l.t, "all files are told of", func() bool {
		for name := range left {
			if !w.store.Has(name + "/" + markCompleted) {
				return false
			}
		}
		return true
	})
	ctx, cancel := context.WithCancel(l.t.Context())
	defer cancel()
	if err := bus.Publish(ctx, w.bus, bus.UploadCompleted{Upload: "thelast"}); err != nil {
		l.t.Fatal(err)
	}
	told := map[string]int{}
	_ = bus.Replay(ctx, w.bus, time.Time{}, func(e bus.UploadCompleted) error {
		if e.Upload == "thelast" {
			cancel()
		}
		told[e.Upload]++
		return nil
	})
	for _, s := range l.all {
		if n := told[s.name]; left[s.name] && n != 1 || n > 1 || n > 0 && (s.part || s.unwanted() || !s.whole) {
			l.t.Errorf("%s (the hook says %s) is told of as complete %d times", s.name, s.says, n)
		}
	}
}
