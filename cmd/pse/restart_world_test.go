package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/internal/sleep"
)

// restartWorld is the PSE that the test of restarts kills.
type restartWorld struct {
	*world
	ingests []string // RTMP addresses
	edges   []string // HTTP addresses; the last one is of an edge that is never killed, if there is one
	witness *process.PSE
	calls   []string // HTTP addresses of signalling
	takers  []string // HTTP addresses that take files
	victims []string // names of what may be killed

	mu     sync.Mutex
	struck map[string]int // guarded by mu; kills and stops that were delivered, by unit and signal
	wg     sync.WaitGroup // stops that are not over
}

// whole names all processes at once.
const whole = "whole"

// restartSettings let a session end soon after its publisher has gone.
var restartSettings = []string{"ingest.grace=8s", "ingest.grace_clean=8s", "edge.cache_mib=1", "edge.idle_after=35s"}

// splitWorld is a process for each worker, two of each kind, and a third edge
// that is never killed, whose memory is watched.
func splitWorld(t *testing.T) *restartWorld { return splitWorldOf(t, "") }

// splitWorldOf is one of another program than this source's.
func splitWorldOf(t *testing.T, bin string) *restartWorld {
	w := &restartWorld{world: bareWorldOf(t, bin), struck: map[string]int{}, victims: []string{"bus"}}
	dir := "transfer.dir=" + t.TempDir()
	var all []process.PSEOptions
	for _, kind := range []string{"ingest", "transcode", "edge", "signal", "transfer", "turn"} {
		for _, n := range []string{"-a", "-b"} {
			all = append(all, process.PSEOptions{Name: kind + n, Bus: w.bus, Workers: []string{kind}, Set: []string{dir}})
			w.victims = append(w.victims, kind+n)
		}
	}
	w.victims = append(w.victims, whole)
	w.begin(append(all, process.PSEOptions{Name: "witness", Bus: w.bus, Workers: []string{"edge"}})...)
	w.witness = w.units["witness"].process()
	return w
}

// combinedWorld is one process.
func combinedWorld(t *testing.T) *restartWorld {
	w := &restartWorld{world: &world{t: t, units: map[string]*minded{}}, struck: map[string]int{}, victims: []string{whole}}
	data := t.TempDir()
	w.begin(process.PSEOptions{Name: "pse", Data: data, Set: []string{"bus.listen=" + freeAddr(t)}})
	var err error
	if w.bus, err = process.BusURL(data); err != nil {
		t.Fatal(err)
	}
	return w
}

// begin starts processes at addresses that they keep.
func (w *restartWorld) begin(all ...process.PSEOptions) {
	w.t.Helper()
	for i := range all {
		o := &all[i]
		does := func(kind string) bool { return o.Workers == nil || o.Workers[0] == kind }
		o.Set = append(slices.Clone(restartSettings), o.Set...)
		o.HTTP, o.RTMP = freeAddr(w.t), freeAddr(w.t)
		if does("ingest") {
			w.ingests = append(w.ingests, o.RTMP)
		}
		if does("edge") {
			w.edges = append(w.edges, o.HTTP)
		}
		if does("signal") {
			w.calls = append(w.calls, o.HTTP)
		}
		if does("transfer") {
			w.takers = append(w.takers, o.HTTP)
		}
	}
	w.start(all...)
}

// strike does what a plan says, counted from now, until ctx ends.
func (w *restartWorld) strike(ctx context.Context, kills []planKill) {
	began := time.Now()
	for _, k := range kills {
		if !sleep.For(ctx, time.Until(began.Add(k.at))) {
			return
		}
		w.t.Log(k)
		for name := range w.units {
			if name == k.unit || k.unit == whole && name != "witness" {
				w.wg.Go(func() { w.end(ctx, name, k) })
			}
		}
	}
}

// end ends one process. One that is just being started anew is waited for.
func (w *restartWorld) end(ctx context.Context, name string, k planKill) {
	p := w.units[name].process()
	for dead(p) {
		if !sleep.For(ctx, 10*time.Millisecond) {
			return
		}
		p = w.units[name].process()
	}
	if k.bin != "" {
		w.units[name].next(k.bin)
	}
	what := k.unit + " SIGKILL"
	if !k.term {
		p.Kill()
	} else {
		what = k.unit + " SIGTERM"
		p.Terminate()
		select {
		case <-p.Done():
		case <-time.After(time.Minute):
			w.t.Errorf("%s has not stopped a minute after SIGTERM", name)
			p.Kill()
		}
	}
	if k.unit != whole || name == "bus" || name == "pse" {
		w.mu.Lock()
		w.struck[what]++
		w.mu.Unlock()
	}
}

func dead(p *process.PSE) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// ready waits until every process says that it is.
func (w *restartWorld) ready() {
	w.t.Helper()
	w.wg.Wait()
	for name, u := range w.units {
		eventually(w.t, func() error {
			_, err := get("http://"+u.process().Admin+"/readyz", 200)
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			return err
		})
	}
}

// tally is how many were struck, in all and of each kind.
func (w *restartWorld) tally() (all int, each map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.struck {
		all += n
	}
	return all, w.struck
}
