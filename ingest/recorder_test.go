package ingest

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
)

// memoryLog is a media log at a server that can lose its memory.
type memoryLog struct {
	mu     sync.Mutex
	links  uint64
	seq    uint64
	chunks []*bus.Chunk
	stored chan struct{} // one for each chunk
}

func (m *memoryLog) PublishChunk(_ context.Context, c *bus.Chunk) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq++
	again := *c
	again.Seq = m.seq
	m.chunks = append(m.chunks, &again)
	m.stored <- struct{}{}
	return m.seq, nil
}

func (m *memoryLog) LastChunk(context.Context, string) (*bus.Chunk, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.chunks) == 0 {
		return nil, bus.ErrNotFound
	}
	return m.chunks[len(m.chunks)-1], nil
}

func (m *memoryLog) Links() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.links
}

// restart has the server come back with nothing, before anybody has sent anything to it.
func (m *memoryLog) restart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.links, m.seq, m.chunks = m.links+1, m.seq+1_000_000, nil
}

// A server that is restarted between two chunks fails none of them. What it
// lost is stored again before the next one, else readers take it for a gap.
func TestRestartBetweenTwoChunks(t *testing.T) {
	log := &memoryLog{stored: make(chan struct{}, 100)}
	r := newRecorder("cam", "s", 0, log, DefaultConfig(), newMetrics(func() float64 { return 0 }, func(int) float64 { return 0 }), bustest.Log(t))
	go r.run(t.Context())
	add := func(from, to int64) {
		for i := from; i < to; i++ {
			r.add(bus.Tag{Type: bus.TagVideo, Data: []byte{0x17, 1, 0, 0, 0}}, i*100, 0, i%5 == 0, nil)
			r.expire() // a chunk of its own
		}
	}
	add(0, 8)
	for range 8 {
		<-log.stored
	}
	log.restart()
	add(8, 10)
	r.close()
	<-r.done
	var got []uint64
	for _, c := range log.chunks {
		got = append(got, c.N)
	}
	if want := []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("the log holds the chunks %v, not %v", got, want)
	}
}
