package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bench/round"
	"github.com/helios-h2020/pse/internal/process"
)

// crowd measures viewers who wait: n LL-HLS players of one stream of
// 3 Mbit/s with parts of 0.5 s, on one core of the server.
func crowd(ctx context.Context, startEdge func() (*process.PSE, error), s *stream, sizes []int, took time.Duration) error {
	var rows [][]string
	for _, n := range sizes {
		row, err := once(ctx, startEdge, s, n, took)
		if err != nil {
			return fmt.Errorf("%d viewers: %w", n, err)
		}
		rows = append(rows, row)
		fmt.Fprintln(os.Stderr, row)
	}
	round.Table(os.Stdout, "Edge: LL-HLS viewers, each waits for every part of 0.5 s at 3 Mbit/s and fetches it; server on one core",
		[]string{"viewers", "CPU of the core", "viewers a core", "parts missed", "delay p50", "p99", "kB a viewer"}, rows)
	return nil
}

func once(ctx context.Context, startEdge func() (*process.PSE, error), s *stream, n int, took time.Duration) ([]string, error) {
	edge, err := startEdge() // a new one: memory is never given back at once
	if err != nil {
		return nil, err
	}
	defer edge.Stop()
	if _, err := fetch(ctx, "http://"+edge.HTTP+"/hls/crowd/source/index.m3u8"); err != nil {
		return nil, err
	}
	end := time.Now().Add(time.Duration(n/2000+2)*time.Second + took)
	empty := edge.RSS()
	v, err := connect(edge.HTTP, n, s.perSeg, s.msn, s.index)
	if err != nil {
		return nil, err
	}
	defer v.close()
	b := &beat{edge: edge, stream: s, viewers: v, end: end, took: took, born: map[[2]uint64]time.Time{}}
	v.born = b.bornAt
	failed := make(chan error, 1)
	go func() { failed <- b.run(ctx) }()
	if err := v.run(end); err != nil {
		return nil, err
	}
	if err := <-failed; err != nil {
		return nil, err
	}
	first, last := b.first, b.last
	share := (last.cpu - first.cpu).Seconds() / last.at.Sub(first.at).Seconds()
	want := int64(n) * int64(b.published-1)
	missed := 1 - float64(last.parts-first.parts)/float64(want)
	return []string{
		strconv.Itoa(n), fmt.Sprintf("%.0f %%", share*100), fmt.Sprintf("%.0f", float64(n)/share),
		fmt.Sprintf("%.1f %%", max(0, missed)*100), v.delay(.5).Round(time.Millisecond).String(), v.delay(.99).Round(time.Millisecond).String(),
		fmt.Sprintf("%.1f", float64(b.rss-empty)/float64(n)/1000),
	}, nil
}

// A beat publishes the stream while viewers play, and measures the crowd when all sit.
type beat struct {
	edge    *process.PSE
	stream  *stream
	viewers *viewers
	end     time.Time
	took    time.Duration

	first, last sample
	published   int
	rss         int64

	mu   sync.Mutex
	born map[[2]uint64]time.Time // guarded by mu: when a part was published
}

// A sample is what was used up to a time.
type sample struct {
	cpu   time.Duration
	parts int64
	at    time.Time
}

func (b *beat) sample() sample { return sample{b.edge.CPU(), b.viewers.parts.Load(), time.Now()} }

func (b *beat) bornAt(msn uint64, index int) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.born[[2]uint64{msn, uint64(index)}]
}

func (b *beat) run(ctx context.Context) error {
	s := b.stream
	tick := time.NewTicker(s.part)
	defer tick.Stop()
	for time.Now().Before(b.end.Add(-s.part)) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		msn, index := s.msn, uint64(s.index)
		if time.Until(b.end) < b.took && b.first.at.IsZero() {
			b.first = b.sample()
		}
		if !b.first.at.IsZero() {
			b.last = b.sample()
			b.published++
		}
		b.rss = max(b.rss, b.edge.RSS())
		b.mu.Lock()
		b.born[[2]uint64{msn, index}] = time.Now()
		b.mu.Unlock()
		if _, _, err := s.publish(ctx); err != nil {
			return err
		}
	}
	return nil
}
