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

// crowd are the clients of a measurement.
type crowd struct {
	all        []*caller
	here, came atomic.Int64 // that have joined; messages
}

func (c *crowd) close() {
	var wg sync.WaitGroup
	for _, x := range c.all {
		wg.Go(x.Close)
	}
	wg.Wait()
}

// join adds a client to its room.
func (c *crowd) join(ctx context.Context, url string, polling bool) {
	x := &caller{}
	x.Client = signaltest.Join(ctx, signaltest.Options{
		URL: func() string { return url }, Room: "r" + strconv.Itoa(len(c.all)/2), Agent: "Mozilla/5.0", Polling: polling,
		Event: func(_ *signaltest.Client, e signaltest.Event) {
			switch e.Name {
			case "created", "joined":
				c.here.Add(1)
			case "join":
				var sid string
				_ = json.Unmarshal(e.Args[0], &sid)
				x.peer.Store(&sid)
			case "message":
				c.came.Add(1)
			}
		},
	})
	c.all = append(c.all, x)
}

// met tells whether all have joined, and of each room one knows the other.
func (c *crowd) met() bool {
	for i := 0; i < len(c.all); i += 2 {
		if c.all[i].peer.Load() == nil && c.all[i+1].peer.Load() == nil {
			return false
		}
	}
	return c.here.Load() == int64(len(c.all))
}

// introduce tells the second of each room of the first, which heard of it by itself.
func (c *crowd) introduce() {
	for i := 0; i < len(c.all); i += 2 {
		a, b := c.all[i], c.all[i+1]
		if a.peer.Load() == nil {
			a, b = b, a
		}
		sid := a.State().SID
		b.peer.Store(&sid)
	}
}

func (l *load) measure(ctx context.Context, p *process.Process, url string) (result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before, joining := p.RSS(), p.CPU()
	c := &crowd{}
	defer c.close()
	for i := range l.clients {
		c.join(ctx, url, l.polling)
		if i%20 == 19 { // not more at once than a server's backlog takes
			if err := until(ctx, func() bool { return c.here.Load() >= int64(i-200) }); err != nil {
				return result{}, fmt.Errorf("%d of %d have joined: %w", c.here.Load(), i, err)
			}
		}
	}
	if err := until(ctx, c.met); err != nil {
		return result{}, fmt.Errorf("%d have joined: %w", c.here.Load(), err)
	}
	r := result{join: (p.CPU() - joining).Seconds() * 1e3 / float64(l.clients)}
	c.introduce()
	if !sleep.For(ctx, l.idle) { // what joining left behind is tidied up
		return result{}, ctx.Err()
	}
	r.memory = float64(p.RSS()-before) / 1e3 / float64(l.clients)

	c.came.Store(0)
	cpu, start := p.CPU(), time.Now()
	var beside sync.WaitGroup
	beside.Go(l.talking)
	sent, err := l.talk(ctx, c.all)
	beside.Wait()
	if err != nil {
		return r, err
	}
	if err := until(ctx, func() bool { return c.came.Load() >= sent }); err != nil {
		return r, fmt.Errorf("%d of %d messages came: %w", c.came.Load(), sent, err)
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
