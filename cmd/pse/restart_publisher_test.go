package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bench/rtmpload"
	"github.com/helios-h2020/pse/internal/camera"
	"github.com/helios-h2020/pse/internal/logcheck"
	"github.com/helios-h2020/pse/internal/sleep"
)

// A restartPublisher sends what a plan says, comes back when it is cut off, and
// remembers every frame (logcheck.Source).
type restartPublisher struct {
	t    *testing.T
	film *film
	name string
	at   []string // RTMP addresses; the next connection goes to the next one

	connections int // so far; the publishing goroutine's
	tape        int // the next frame of sound

	mu   sync.Mutex
	sent map[uint64][]logcheck.Frame // guarded by mu; by hash
	cut  map[int]bool                // guarded by mu; connections that were lost
}

// CutOff is what logcheck asks. Of ffmpeg's connections nothing is known.
func (p *restartPublisher) CutOff(connection int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return connection == 0 || p.cut[connection]
}

// Frame is what logcheck asks. The tape of sound begins anew at times: of
// several that it may be it is the first after the one before.
func (p *restartPublisher) Frame(hash uint64, near logcheck.Frame) (logcheck.Frame, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.sent[hash]
	for _, f := range all {
		if f.Connection > near.Connection || f.Connection == near.Connection && f.N > near.N {
			return f, true
		}
	}
	if len(all) == 0 {
		return logcheck.Frame{}, false
	}
	return all[len(all)-1], true
}

// session publishes a session's takes. begun is closed when the first one is on its way.
func (p *restartPublisher) session(ctx context.Context, s planSession, begun chan<- struct{}) {
	first := sync.OnceFunc(func() { close(begun) })
	defer first()
	for _, take := range s.takes {
		if s.camera {
			p.cameraTake(ctx, take, first)
		} else {
			p.take(ctx, take.shots, first)
		}
		if !sleep.For(ctx, take.away) {
			return
		}
	}
}

// take sends shots, over as many connections as it takes.
func (p *restartPublisher) take(ctx context.Context, shots []planShot, begun func()) {
	for len(shots) > 0 && ctx.Err() == nil {
		sent, err := p.connection(ctx, shots, begun)
		if err == nil {
			return
		}
		p.t.Logf("publisher: connection %d, %v sent: %v", p.connections, sent.Round(time.Millisecond), err)
		shots = rest(shots, sent)
		sleep.For(ctx, 300*time.Millisecond)
	}
}

// connection sends shots over one connection. sent is how much of them it got rid of.
func (p *restartPublisher) connection(ctx context.Context, shots []planShot, begun func()) (sent time.Duration, err error) {
	p.connections++
	c, tape := p.film.cut(p.connections, shots, p.tape)
	dial, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	pub, err := rtmpload.Dial(dial, p.at[p.connections%len(p.at)], "live", p.name, c.script)
	if err != nil {
		return 0, err
	}
	defer pub.Close()
	begun()
	start := time.Now()
	p.remember(c, start)
	p.tape = tape
	if _, err = pub.Send(ctx, start, c.ms); err != nil {
		p.mu.Lock()
		p.cut[p.connections] = true
		p.mu.Unlock()
	}
	return time.Since(start), err
}

func (p *restartPublisher) remember(c cutting, start time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for h, f := range c.sent {
		f.Wall += start.UnixMilli()
		p.sent[h] = append(p.sent[h], f)
	}
}

// rest is what is left of shots after some time.
func rest(shots []planShot, sent time.Duration) []planShot {
	for i, s := range shots {
		if sent < s.span-time.Second {
			left := append([]planShot(nil), shots[i:]...)
			left[0].span -= sent
			return left
		}
		sent -= s.span
	}
	return nil
}

// cameraTake has ffmpeg publish the camera for the take's time.
func (p *restartPublisher) cameraTake(ctx context.Context, take planTake, begun func()) {
	s := take.shots[0]
	ctx, cancel := context.WithTimeout(ctx, s.span+2*time.Second) // ffmpeg takes a while to begin
	defer cancel()
	for n := 0; ctx.Err() == nil; n++ {
		begun()
		err := camera.Publish(ctx, camera.Options{
			URL: "rtmp://" + p.at[n%len(p.at)] + "/live/" + p.name, Width: filmSizes[s.size][0], Height: filmSizes[s.size][1], FPS: filmFPS, GOP: filmGOP,
			Bitrate: 300_000, NoAudio: !s.sound, Abrupt: true,
		})
		if err != nil {
			p.t.Logf("camera: %v", err)
		}
		sleep.For(ctx, 300*time.Millisecond)
	}
}
