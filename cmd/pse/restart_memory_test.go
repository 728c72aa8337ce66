package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/helios-h2020/pse/internal/process"
)

// edgeMemory is what an edge says that it holds, in bytes.
type edgeMemory struct {
	pinned, cached int64 // media
	heap           int64 // all of the program, after a garbage collection
	rss            int64
	streams        int64 // followed
}

func (m edgeMemory) String() string {
	return fmt.Sprintf("%d streams followed, %d kB of media at the live edge, %d kB away from it, heap %d kB, RSS %d kB", m.streams, m.pinned/1000, m.cached/1000, m.heap/1000, m.rss/1000)
}

// memoryOf asks an edge, after it has collected its garbage.
func memoryOf(p *process.PSE) (m edgeMemory, err error) {
	if _, err := get("http://"+p.Admin+"/debug/pprof/heap?gc=1", 200); err != nil {
		return m, err
	}
	text, err := get("http://"+p.Admin+"/metrics", 200)
	if err != nil {
		return m, err
	}
	for name, to := range map[string]*int64{
		"pse_edge_pinned_bytes": &m.pinned, "pse_edge_cache_bytes": &m.cached, "pse_edge_followed_streams": &m.streams, "go_memstats_heap_alloc_bytes": &m.heap,
	} {
		_, rest, ok := strings.Cut(text, "\n"+name+" ")
		value, err := strconv.ParseFloat(strings.Split(rest, "\n")[0], 64)
		if !ok || err != nil {
			return m, fmt.Errorf("metric %s: %q, %w", name, rest[:min(len(rest), 20)], err)
		}
		*to = int64(value)
	}
	m.rss = p.RSS()
	return m, nil
}

// heldMost is how many bytes an edge may hold of a stream: what lasted three
// target durations and edge.pin_extra, and a part, of each rendition there was.
func (l *partsLog) heldMost() (most int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, all := range l.all {
		ms := int64(0)
		for i := len(all) - 1; i >= 0 && ms < 3*4000+5000+500; i-- {
			ms += all[i].End - all[i].Start
			most += int64(all[i].Size)
		}
	}
	return most
}

// holds checks what the edge that is never killed holds after a session.
func (r *restartRun) holds(t *testing.T) {
	t.Helper()
	if r.w.witness == nil {
		return
	}
	m, err := memoryOf(r.w.witness)
	if err != nil {
		t.Error(err)
		return
	}
	most := r.log.heldMost()
	t.Logf("the edge that is never killed: %v", m)
	if m.pinned > most {
		t.Errorf("the edge holds %d bytes of media at the live edge, the newest 17 s are %d", m.pinned, most)
	}
}

// letsGo checks that the memory is where it was once nobody asks for the stream any more.
func (r *restartRun) letsGo(t *testing.T) {
	t.Helper()
	if r.w.witness == nil {
		return
	}
	var m edgeMemory
	eventually(t, func() (err error) {
		if m, err = memoryOf(r.w.witness); err == nil && m.streams > 0 {
			err = fmt.Errorf("%d streams are followed still", m.streams)
		}
		return err
	})
	t.Logf("the edge that is never killed, at the start: %v; at the end: %v", r.idle, m)
	if m.pinned != 0 {
		t.Errorf("%d bytes of media are held of streams that nobody follows", m.pinned)
	}
	// What a page's templates, connections and metrics take the first time stays.
	if grown := m.heap - m.cached - r.idle.heap; grown > 8<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}
