package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	pion "github.com/pion/turn/v5"

	"github.com/helios-h2020/pse/bench/rtmpload"
	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/signal/signaltest"
)

// factGuests come to workers and go, and do not mind that those are killed.
type factGuests struct {
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// guests begin to come.
func (w *factsKilled) guests(t *testing.T, seed uint64) *factGuests {
	ctx, cancel := context.WithCancel(context.Background())
	g := &factGuests{stop: cancel}
	n := uint64(0)
	keep := func(visit func(ctx context.Context, r *rand.Rand)) {
		n++
		r := rand.New(rand.NewPCG(seed, n))
		g.wg.Go(func() {
			for sleep.For(ctx, time.Duration(r.IntN(500))*time.Millisecond) {
				visit(ctx, r)
			}
		})
	}
	for range 8 {
		keep(w.relays)
	}
	for i := range 4 {
		name, script := fmt.Sprintf("cam%d", i), soundOnly(20*time.Second)
		keep(func(ctx context.Context, r *rand.Rand) { w.publishes(ctx, r, name, script) })
	}
	for i := range 6 {
		room := fmt.Sprintf("room%d", i/2)
		keep(func(ctx context.Context, r *rand.Rand) { w.calls(ctx, r, room) })
	}
	t.Cleanup(g.leave)
	return g
}

// leave waits until all are gone.
func (g *factGuests) leave() {
	g.stop()
	g.wg.Wait()
}

// stay is how long a guest stays.
func stay(ctx context.Context, r *rand.Rand, most time.Duration) {
	sleep.For(ctx, time.Duration(r.Int64N(int64(most))))
}

// relays has an allocation for a while, and sends through it.
func (w *factsKilled) relays(ctx context.Context, r *rand.Rand) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return
	}
	defer conn.Close()
	at := w.turns[r.IntN(len(w.turns))]
	c, err := pion.NewClient(&pion.ClientConfig{
		STUNServerAddr: at, TURNServerAddr: at, Conn: conn, Username: "helios", Password: "secret", Realm: "pse", RTO: 20 * time.Millisecond,
	})
	if err != nil {
		return
	}
	defer c.Close()
	if c.Listen() != nil {
		return
	}
	relay, err := c.Allocate()
	if err != nil {
		return // it is being started
	}
	for range 1 + r.IntN(10) {
		_, _ = relay.WriteTo([]byte("0123456789"), conn.LocalAddr())
		stay(ctx, r, 400*time.Millisecond)
	}
	if r.IntN(4) > 0 { // else it goes without a word
		_ = relay.Close()
	}
}

// publishes sends a stream for a while.
func (w *factsKilled) publishes(ctx context.Context, r *rand.Rand, name string, script *rtmpload.Script) {
	dial, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	p, err := rtmpload.Dial(dial, w.ingests[r.IntN(len(w.ingests))], "live", name, script)
	if err != nil {
		return
	}
	defer p.Close()
	show, end := context.WithTimeout(ctx, time.Duration(r.IntN(3000))*time.Millisecond)
	defer end()
	_, _ = p.Send(show, time.Now(), math.MaxUint32)
	if r.IntN(3) == 0 { // longer than the grace time
		p.Close()
		stay(ctx, r, 4*time.Second)
	}
}

// calls is a member of a call for a while.
func (w *factsKilled) calls(ctx context.Context, r *rand.Rand, room string) {
	next := r.IntN(2)
	c := signaltest.Join(context.WithoutCancel(ctx), signaltest.Options{Room: room, Auth: `{"v":2}`, Stay: true, URL: func() string {
		next++
		return w.signals[next%len(w.signals)]
	}})
	stay(ctx, r, 3*time.Second)
	if r.IntN(4) > 0 {
		c.Leave()
	} else { // as a phone that is switched off
		c.Close()
	}
}

// soundOnly is a stream without pictures.
func soundOnly(span time.Duration) *rtmpload.Script {
	const meta = "\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\x00\x0caudiocodecid\x00\x40\x24\x00\x00\x00\x00\x00\x00\x00\x00\x09"
	tags := []bus.Tag{
		{Type: bus.TagScript, Data: []byte(meta)},
		{Type: bus.TagAudio, Data: []byte{0xaf, 0, 0x12, 0x10}}, // AAC-LC, 44.1 kHz, stereo
	}
	for ts := uint32(1); ts < uint32(span.Milliseconds()); ts += 23 {
		tags = append(tags, bus.Tag{Type: bus.TagAudio, TS: ts, Data: []byte{0xaf, 1, 0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c}})
	}
	return rtmpload.Cut(tags, 4096)
}
