package signal

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/signal/signaltest"
)

// Workers that are killed (SIGKILL, real processes) while their clients talk:
// every message arrives once, in order per sender, and nobody sees a bye. The
// long version is 2,000 clients, 100,000 messages and 50 kills.
func TestKilledWorkers(t *testing.T) {
	t.Parallel()
	rooms, kills, each := 20, 4, 60
	if os.Getenv("PSE_LONG") != "" {
		rooms, kills, each = 1000, 50, 50
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	bin, err := process.Build(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run := func(o process.PSEOptions) *process.PSE {
		t.Helper()
		o.Bin, o.CPU, o.Data = bin, -1, t.TempDir()
		o.Set = append(o.Set, "signal.joins_per_minute=0", "signal.max_per_ip=0")
		p, err := process.StartPSE(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			p.Stop()
			if t.Failed() {
				t.Logf("%s said: %s", o.Name, p.Said())
			}
		})
		return p
	}
	data := t.TempDir()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	bus, err := process.StartPSE(ctx, process.PSEOptions{Bin: bin, CPU: -1, Data: data, Workers: []string{"bus"}, Set: []string{fmt.Sprintf("bus.listen=127.0.0.1:%d", port)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Stop)
	url, err := process.BusURL(data)
	if err != nil {
		t.Fatal(err)
	}
	var workers [2]*process.PSE
	for i := range workers {
		workers[i] = run(process.PSEOptions{Name: fmt.Sprintf("signal%d", i), Bus: url, Workers: []string{"signal"}})
	}

	var all []*signaltest.Talker
	t.Cleanup(func() {
		for _, k := range all {
			k.Close()
		}
	})
	addresses := [2]string{"http://" + workers[0].HTTP, "http://" + workers[1].HTTP}
	for i := range 2 * rooms {
		var tries atomic.Int64
		tries.Store(int64(i / 2 % 2))
		if i/2%4 == 0 {
			tries.Add(int64(i)) // every fourth room over both workers
		}
		all = append(all, signaltest.Talk(t, fmt.Sprintf("r%d", i/2), func() string { return addresses[(tries.Add(1)-1)%2] }))
	}
	until(ctx, t, "all have joined", all, func(k *signaltest.Talker) bool { return k.Ready() })

	for round := range kills {
		for _, k := range all {
			k.Allow(each / kills)
		}
		half := (round*2 + 1) * (each / kills) / 2
		until(ctx, t, "they talk", all[:rooms/2], func(k *signaltest.Talker) bool { return k.Acked() >= half })
		at := workers[round%2].HTTP
		workers[round%2].Kill()
		workers[round%2] = run(process.PSEOptions{Name: fmt.Sprintf("signal%d-%d", round%2, round), HTTP: at, Bus: url, Workers: []string{"signal"}})
		if t.Failed() {
			return
		}
	}
	total := each / kills * kills
	until(ctx, t, "all is there", all, func(k *signaltest.Talker) bool { return k.Done(total) })
	back := 0
	for _, k := range all {
		back += k.State().Recovered
	}
	t.Logf("%d clients, %d messages, %d kills: clients came back %d times", len(all), len(all)*total, kills, back)
	if back < kills {
		t.Error("the kills hit nobody")
	}
}

// until waits until all are so.
func until(ctx context.Context, t *testing.T, what string, all []*signaltest.Talker, ok func(*signaltest.Talker) bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, k := range all {
		late := time.After(90 * time.Second)
		for !ok(k) {
			if t.Failed() {
				t.FailNow()
			}
			select {
			case <-tick.C:
			case <-late:
				t.Fatalf("not in time: %s: %s", what, k)
			case <-ctx.Done():
				t.Fatalf("not in time: %s: %s", what, k)
			}
		}
	}
}
