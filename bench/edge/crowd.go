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
	var mu sync.Mutex
	born := map[[2]uint64]time.Time{}
	end := time.Now().Add(time.Duration(n/2000+2)*time.Second + took)
	empty := edge.RSS()
	v, err := connect(edge.HTTP, n, s.perSeg, s.msn, s.index)
	if err != nil {
		return nil, err
	}
	defer v.close()
	v.born = func(msn uint64, index int) time.Time {
		mu.Lock()
		defer mu.Unlock()
		return born[[2]uint64{msn, uint64(index)}]
	}
	// The stream goes on while they play, and the crowd is measured when all sit.
	type sample struct {
		cpu   time.Duration
		parts int64
		at    time.Time
	}
	take := func() sample { return sample{edge.CPU(), v.parts.Load(), time.Now()} }
	var first, last sample
	published, rss := 0, int64(0)
	failed := make(chan error, 1)
	go func() {
		failed <- func() error {
			tick := time.NewTicker(s.part)
			defer tick.Stop()
			for time.Now().Before(end.Add(-s.part)) {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-tick.C:
				}
				msn, index := s.msn, uint64(s.index)
				if time.Until(end) < took && first.at.IsZero() {
					first = take()
				}
				if !first.at.IsZero() {
					last = take()
					published++
				}
				rss = max(rss, edge.RSS())
				mu.Lock()
				born[[2]uint64{msn, index}] = time.Now()
				mu.Unlock()
				if _, _, err := s.publish(ctx); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	if err := v.run(end); err != nil {
		return nil, err
	}
	if err := <-failed; err != nil {
		return nil, err
	}
	share := (last.cpu - first.cpu).Seconds() / last.at.Sub(first.at).Seconds()
	want := int64(n) * int64(published-1)
	missed := 1 - float64(last.parts-first.parts)/float64(want)
	return []string{
		strconv.Itoa(n), fmt.Sprintf("%.0f %%", share*100), fmt.Sprintf("%.0f", float64(n)/share),
		fmt.Sprintf("%.1f %%", max(0, missed)*100), v.delay(.5).Round(time.Millisecond).String(), v.delay(.99).Round(time.Millisecond).String(),
		fmt.Sprintf("%.1f", float64(rss-empty)/float64(n)/1000),
	}, nil
}
