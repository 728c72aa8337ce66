package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/camera/cameratest"
)

// A partsLog writes down every part of a stream as it comes.
type partsLog struct {
	mu   sync.Mutex
	all  map[string][]seenPart // guarded by mu; by rendition
	came chan struct{}         // closed and made anew with every part; guarded by mu
}

type seenPart struct {
	*bus.Part
	at time.Time
}

// followParts writes down the parts of a stream until the test ends.
func followParts(t *testing.T, at, name string) *partsLog {
	t.Helper()
	b, err := bus.Connect(t.Context(), bus.Options{URL: at, Name: "test"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	sid, err := bus.SID(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.FollowParts(t.Context(), sid, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	l := &partsLog{all: map[string][]seenPart{}, came: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			p, _, err := r.Next(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				t.Errorf("parts log: %v", err)
				return
			}
			l.mu.Lock()
			l.all[p.Rendition] = append(l.all[p.Rendition], seenPart{p, time.Now()})
			close(l.came)
			l.came = make(chan struct{})
			l.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		r.Stop()
		b.Close()
	})
	return l
}

// next waits until n more parts of every rendition have come.
func (l *partsLog) next(t *testing.T, n int) {
	t.Helper()
	l.mu.Lock()
	want := map[string]int{}
	for name, parts := range l.all {
		want[name] = len(parts) + n
	}
	l.mu.Unlock()
	l.await(t, fmt.Sprintf("%d more parts of each rendition", n), func() bool {
		for name, k := range want {
			if len(l.all[name]) < k {
				return false
			}
		}
		return true
	})
}

// await waits until cond, which may read all, is true.
func (l *partsLog) await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	late := time.NewTimer(60 * time.Second)
	defer late.Stop()
	for {
		l.mu.Lock()
		ok, came := cond(), l.came
		l.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-came:
		case <-late.C:
			t.Fatalf("still waiting after 60 s for %s; there are %s", what, l.sizes())
		}
	}
}

func (l *partsLog) sizes() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := ""
	for name, parts := range l.all {
		last := parts[len(parts)-1]
		s += fmt.Sprintf("%s %d (last %d.%d) ", name, len(parts), last.MSN, last.Index)
	}
	return s
}

// mark is where each rendition stands.
func (l *partsLog) mark() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := map[string]int{}
	for name, parts := range l.all {
		m[name] = len(parts)
	}
	return m
}

// check reports every gap and repeat in the numbers since from, wants so many
// discontinuities in each rendition, and says how long the longest wait for a
// part was.
func (l *partsLog) check(t *testing.T, from map[string]int, discontinuities int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, start := range from {
		parts, breaks, longest := l.all[name], 0, time.Duration(0)
		for i := max(start, 1); i < len(parts); i++ {
			a, b := parts[i-1], parts[i]
			longest = max(longest, b.at.Sub(a.at))
			msn, index := a.MSN, a.Index+1
			if a.Last {
				msn, index = a.MSN+1, 0
			}
			if b.MSN != msn || b.Index != index {
				t.Errorf("%s: part %d.%d comes after %d.%d (last %v)", name, b.MSN, b.Index, a.MSN, a.Index, a.Last)
			}
			if b.Segment != nil && b.Segment.Discontinuity {
				breaks++
			} else if b.Start != a.End {
				t.Errorf("%s: part %d.%d starts at %d ms, the one before ended at %d", name, b.MSN, b.Index, b.Start, a.End)
			}
		}
		if breaks != discontinuities {
			t.Errorf("%s: %d discontinuities, want %d", name, breaks, discontinuities)
		}
		t.Logf("%s: %d parts, %d discontinuities, longest wait for one %v", name, len(parts)-start, breaks, longest.Round(time.Millisecond))
	}
}

// pictures decodes each rendition with a picture from its first whole segment
// after from on, and reports pictures that are missing or come again; jumps
// between epochs are counted only.
func (l *partsLog) pictures(t *testing.T, from map[string]int, jumps int) {
	t.Helper()
	for name, start := range from {
		w, h, media := l.media(name, start)
		if w == 0 {
			continue
		}
		all, err := cameratest.Decode(t.Context(), bytes.NewReader(media), w, h)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		found := cameratest.Jumps(all)
		if len(found) > jumps || len(all) == 0 {
			t.Errorf("%s: of %d pictures these do not follow: %+v", name, len(all), found)
		}
		t.Logf("%s: %d pictures decoded, %d jumps", name, len(all), len(found))
	}
}

// media is what a player would append: init and parts of whole segments.
func (l *partsLog) media(name string, start int) (w, h int, media []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	parts := l.all[name]
	for start < len(parts) && parts[start].Index != 0 {
		start++
	}
	init := ""
	for _, p := range parts[start:] {
		if s := p.Segment; s != nil {
			w, h = s.Width, s.Height
			if s.InitID != init {
				media, init = append(media, p.Init...), s.InitID
			}
		}
		media = append(media, p.Data...)
	}
	return w, h, media
}
