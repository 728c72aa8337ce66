package signal

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/process"
	"github.com/helios-h2020/pse/signal/signaltest"
)

// The whole program is killed, its bus included, and started again on its
// files: nothing that was acknowledged is lost, nothing comes twice, nobody
// hears a bye.
func TestKilledProgram(t *testing.T) {
	t.Parallel()
	const rooms, kills, each = 10, 3, 40
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	bin, err := process.Build(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data, at := t.TempDir(), ""
	run := func() *process.PSE {
		t.Helper()
		p, err := process.StartPSE(ctx, process.PSEOptions{Bin: bin, CPU: -1, Data: data, HTTP: at, Workers: []string{"bus", "signal"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			p.Stop()
			if t.Failed() {
				t.Logf("pse said: %s", p.Said())
			}
		})
		return p
	}
	p := run()
	at = p.HTTP
	var all []*signaltest.Talker
	t.Cleanup(func() {
		for _, k := range all {
			k.Close()
		}
	})
	for i := range 2 * rooms {
		all = append(all, signaltest.Talk(t, fmt.Sprintf("r%d", i/2), func() string { return "http://" + at }))
	}
	until(ctx, t, "all have joined", all, func(k *signaltest.Talker) bool { return k.Ready() })
	for round := range kills {
		for _, k := range all {
			k.Allow(each)
		}
		until(ctx, t, "they talk", all[:rooms], func(k *signaltest.Talker) bool { return k.Acked() >= round*each+each/4 })
		p.Kill()
		p = run()
	}
	until(ctx, t, "all is there", all, func(k *signaltest.Talker) bool { return k.Done(kills * each) })
}
