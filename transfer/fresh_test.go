package transfer

import (
	"net/http"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/store"
)

// What happens to uploads is told once and in its order, of those that are fresh and of those
// for which there is no room: complete within a moment, or later, or never.
func TestFreshUploadsAreTold(t *testing.T) {
	for name, others := range map[string]int{"fresh": 0, "no room": freshMost} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			for range others {
				r.facts.fresh.put(&store.Info{Name: store.NewToken()})
			}
			created, completed := bustest.Expect[bus.UploadCreated](t, r.bus), bustest.Expect[bus.UploadCompleted](t, r.bus)
			late := r.create(2)
			if e := created(); e.Upload != late.name() {
				t.Errorf("created: %+v", e)
			}
			late.patch(0, []byte("ab")).want(t, http.StatusNoContent)
			if e := completed(); e.Upload != late.name() || e.SHA256 != hashOf([]byte("ab")) {
				t.Errorf("completed: %+v", e)
			}
			soon := r.create(2)
			soon.patch(0, []byte("cd")).want(t, http.StatusNoContent)
			if e := created(); e.Upload != soon.name() {
				t.Errorf("created: %+v", e)
			}
			if e := completed(); e.Upload != soon.name() || e.SHA256 != hashOf([]byte("cd")) {
				t.Errorf("completed: %+v", e)
			}
			if r.facts.fresh.has(late.name()) || r.facts.fresh.has(soon.name()) {
				t.Error("it is remembered for ever")
			}
		})
	}
}
