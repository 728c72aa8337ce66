package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/internal/sleep"
	"github.com/helios-h2020/pse/signal/signaltest"
)

// message is what a browser sends most of in a call.
const message = `{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 192.168.1.23 rport 46154 generation 0 ufrag EsAw network-cost 999","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"EsAw"}`

// patience is how long anything may take before the benchmark gives up.
const patience = time.Minute

// load is what clients do to a server.
type load struct {
	clients, rate, burst int
	took, idle           time.Duration
	polling              bool
	talking              func() // called when the clients begin to talk; it may take as long as they
}

// result is what that costs.
type result struct {
	rate       float64 // messages delivered a second
	perMessage float64 // us of CPU
	memory     float64 // kB a client
	join       float64 // ms of CPU a client
}

// caller is a client with the id of the other one of its room.
type caller struct {
	*signaltest.Client
	peer atomic.Pointer[string]
}

func (l *load) measure(ctx context.Context, p *process.Process, url string) (result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before, joining := p.RSS(), p.CPU()
	var here, came atomic.Int64
	all := make([]*caller, l.clients)
	defer func() {
		var wg sync.WaitGroup
		for _, c := range all {
			if c != nil {
				wg.Go(c.Close)
			}
		}
		wg.Wait()
	}()
	for i := range all {
		c := &caller{}
		c.Client = signaltest.Join(ctx, signaltest.Options{
			URL: func() string { return url }, Room: "r" + strconv.Itoa(i/2), Agent: "Mozilla/5.0", Polling: l.polling,
			Event: func(_ *signaltest.Client, e signaltest.Event) {
				switch e.Name {
				case "created", "joined":
					here.Add(1)
				case "join":
					var sid string
					_ = json.Unmarshal(e.Args[0], &sid)
					c.peer.Store(&sid)
				case "message":
					came.Add(1)
				}
			},
		})
		all[i] = c
		if i%20 == 19 { // not more at once than a server's backlog takes
			if err := until(ctx, func() bool { return here.Load() >= int64(i-200) }); err != nil {
				return result{}, fmt.Errorf("%d of %d have joined: %w", here.Load(), i, err)
			}
		}
	}
	known := func() bool {
		for i := 0; i < len(all); i += 2 {
			a, b := all[i], all[i+1]
			if a.peer.Load() == nil && b.peer.Load() == nil {
				return false
			}
		}
		return here.Load() == int64(l.clients)
	}
	if err := until(ctx, known); err != nil {
		return result{}, fmt.Errorf("%d have joined: %w", here.Load(), err)
	}
	r := result{join: (p.CPU() - joining).Seconds() * 1e3 / float64(l.clients)}
	for i := 0; i < len(all); i += 2 { // the first to be there heard of the other only
		a, b := all[i], all[i+1]
		if a.peer.Load() == nil {
			a, b = b, a
		}
		sid := a.State().SID
		b.peer.Store(&sid)
	}
	if !sleep.For(ctx, l.idle) { // what joining left behind is tidied up
		return result{}, ctx.Err()
	}
	r.memory = float64(p.RSS()-before) / 1e3 / float64(l.clients)

	came.Store(0)
	cpu, start := p.CPU(), time.Now()
	var beside sync.WaitGroup
	beside.Go(l.talking)
	sent, err := l.talk(ctx, all)
	beside.Wait()
	if err != nil {
		return r, err
	}
	if err := until(ctx, func() bool { return came.Load() >= sent }); err != nil {
		return r, fmt.Errorf("%d of %d messages came: %w", came.Load(), sent, err)
	}
	took := time.Since(start)
	r.perMessage = (p.CPU() - cpu).Seconds() * 1e6 / float64(sent)
	r.rate = float64(sent) / took.Seconds()
	return r, nil
}

// talk has the clients send in turns, rate messages a second.
func (l *load) talk(ctx context.Context, all []*caller) (sent int64, err error) {
	start := time.Now()
	for n := 0; ; {
		elapsed := time.Since(start)
		if elapsed > l.took {
			return sent, nil
		}
		for due := int(elapsed.Seconds() * float64(l.rate) / float64(l.burst)); n < due; n++ {
			c := all[n*7%len(all)]
			for range l.burst {
				if err := c.Emit(nil, `"message"`, message, strconv.Quote(*c.peer.Load())); err != nil {
					return sent, err
				}
				sent++
			}
		}
		if !sleep.For(ctx, time.Millisecond) {
			return sent, ctx.Err()
		}
	}
}

func until(ctx context.Context, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !ok() {
		if !sleep.For(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
	return nil
}

// answers waits until a server answers at all.
func answers(ctx context.Context, url string) error {
	return until(ctx, func() bool {
		r, err := http.Get(url)
		if err != nil {
			return false
		}
		r.Body.Close()
		return true
	})
}
