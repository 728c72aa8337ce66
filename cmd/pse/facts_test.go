package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/internal/sleep"
)

// TURN, ingest and signal workers are killed (SIGKILL, real processes) at
// random moments, while allocations, publishers and members of calls come and
// go: all that began is told to have ended, in order, each fact once. The long
// version has 200 kills.
func TestFactsSurviveKills(t *testing.T) {
	t.Parallel()
	kills := 10
	if os.Getenv("PSE_LONG") != "" {
		kills = 200
	}
	seed := restartSeed(t)
	random := rand.New(rand.NewPCG(seed, 0))
	w := factsWorld(t)
	b, err := bus.Connect(t.Context(), bus.Options{URL: w.bus, Name: "test"}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	heard := hearFacts(t, b)
	guests := w.guests(t, seed)

	killed := map[string]int{}
	for n := 0; n < kills; {
		if !sleep.For(t.Context(), time.Duration(20+random.IntN(400))*time.Millisecond) {
			t.Fatal("no time is left")
		}
		u := w.victims[random.IntN(len(w.victims))]
		p := w.units[u].process()
		select {
		case <-p.Done(): // it is being started
		default:
			p.Kill()
			killed[u]++
			n++
		}
	}
	guests.leave()
	for _, u := range w.victims {
		eventually(t, func() error { return answers(w.units[u].process()) })
	}
	w.units["turn-a"].stop() // of the clients that were cut off the allocations end with it, or its successor
	eventually(t, func() error {
		records, err := b.RelayRecords(t.Context())
		maps.DeleteFunc(records, func(worker string, _ []string) bool { return b.Alive(t.Context(), worker) })
		if err == nil && len(records) > 0 {
			err = fmt.Errorf("allocations of lost workers are on record: %v", records)
		}
		return err
	})
	w.units["turn-b"].stop()
	eventually(t, heard.whole)
	if err := heard.once(); err != nil {
		t.Error(err)
	}
	if records, err := b.RelayRecords(t.Context()); err != nil || len(records) > 0 {
		t.Errorf("%v are on record: %v", records, err)
	}
	if heard.lost == 0 && kills > 100 {
		t.Error("the kills hit no allocation")
	}
	t.Logf("killed %v; told %v, %d of relays whose worker was lost", killed, heard.topics, heard.lost)
}

// factsKilled is a world of which workers are killed.
type factsKilled struct {
	*world
	victims        []string
	turns, ingests []string // addresses
	signals        []string // URLs
}

// factsWorld starts a bus, and two of each worker that is killed.
func factsWorld(t *testing.T) *factsKilled {
	t.Helper()
	w := &factsKilled{world: bareWorld(t)}
	users := artifact(t, "users.conf")
	if err := os.WriteFile(users, []byte("helios:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var all []process.PSEOptions
	for _, which := range []string{"a", "b"} {
		turn, rtmp, http := freeAddr(t), freeAddr(t), freeAddr(t)
		w.turns, w.ingests, w.signals = append(w.turns, turn), append(w.ingests, rtmp), append(w.signals, "http://"+http)
		all = append(
			all,
			process.PSEOptions{Name: "turn-" + which, Bus: w.bus, Workers: []string{"turn"}, Set: []string{
				"turn.listen=" + turn, "turn.relay_ips=127.0.0.1", "turn.allow_peers=127.0.0.0/8", "turn.users_file=" + users,
			}},
			process.PSEOptions{Name: "ingest-" + which, Bus: w.bus, RTMP: rtmp, Workers: []string{"ingest"}, Set: []string{"ingest.grace=1500ms"}},
			process.PSEOptions{Name: "signal-" + which, Bus: w.bus, HTTP: http, Workers: []string{"signal"}, Set: []string{
				"signal.ping_interval=500ms", "signal.ping_timeout=500ms", "signal.grace=1s", "signal.recovery=2s", "signal.joins_per_minute=0",
			}},
		)
	}
	for _, o := range all {
		w.victims = append(w.victims, o.Name)
	}
	w.start(all...)
	return w
}

// answers is nil when a process is ready.
func answers(p *process.PSE) error {
	_, err := get("http://"+p.Admin+"/readyz", http.StatusOK)
	return err
}
