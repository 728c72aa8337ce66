package transcode

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// A worker of another version goes on from what this one leaves with a part:
// the names in it are a wire format.
func TestNamesOfWhatIsResumed(t *testing.T) {
	keys := func(v any) string {
		t.Helper()
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		return strings.Join(slices.Sorted(maps.Keys(m)), " ")
	}
	for _, c := range []struct {
		of   any
		want string
	}{
		{resumeState{Timeline: []byte("{}")}, "audio disc epoch facts gen number rates seen timeline"},
		{
			timelineState{Video: []byte{1}, Audio: []byte{1}},
			"anchored audio audio_lag audio_next disc early epoch fps frame frames gen last_dts losses max_pts mode n next_msn no_pass open part_target " +
				"rate repeated seg_dts seg_pts session sound_only start stepped target video wall want_disc",
		},
		{boundaryJSON{}, "disc dts msn pts"},
		{bandwidth{}, "bytes millis peak recent seg_bytes seg_end seg_start"},
	} {
		if got := keys(c.of); got != c.want {
			t.Errorf("%T:\ngot  %s\nwant %s", c.of, got, c.want)
		}
	}
	if passthrough != "pass" || fixedGOP != "grid" || audioOnly != "audio" {
		t.Error("the modes have other names")
	}
}
