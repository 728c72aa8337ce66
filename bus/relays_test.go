package bus

import (
	"errors"
	"testing"
)

// A record is its worker's until somebody claims it, and gone when it is empty
// or told of.
func TestRelaysAreClaimed(t *testing.T) {
	b := testBus(t, testServer(t))
	r := b.NewRelays()
	keep := func(relays ...string) error {
		r.Open = nil
		for _, id := range relays {
			r.Open = append(r.Open, RelayClosed{Relay: id})
		}
		return b.KeepRelays(t.Context(), r)
	}
	records := func() int {
		t.Helper()
		all, err := b.RelayRecords(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(all[b.ID()])
	}
	if err := errors.Join(keep(), keep("1"), keep("1", "2")); err != nil || records() != 1 {
		t.Fatal(err, records())
	}
	answered := r.Revision
	if err := keep("2"); err != nil {
		t.Fatal(err)
	}
	r.Revision = answered // as when the answer to a write gets lost
	if err := keep("2", "3"); err != nil {
		t.Errorf("after a lost answer: %v", err)
	}
	if err := keep(); err != nil || records() != 0 {
		t.Errorf("an empty one stays: %v, %d records", err, records())
	}
	if err := keep("4"); err != nil || records() != 1 {
		t.Fatal(err)
	}
	claimed, err := b.ClaimRelays(t.Context(), r.Key)
	if err != nil || len(claimed.Open) != 1 || claimed.Open[0].Relay != "4" || claimed.At != r.At {
		t.Fatalf("%+v, %v", claimed, err)
	}
	if err := keep("4", "5"); !errors.Is(err, ErrLost) {
		t.Errorf("a claimed one is written: %v", err)
	}
	if err := errors.Join(b.ForgetRelays(t.Context(), claimed), b.ForgetRelays(t.Context(), claimed)); err != nil || records() != 0 {
		t.Errorf("%v, %d records", err, records())
	}
	if err := keep("4", "5"); !errors.Is(err, ErrLost) || records() != 0 {
		t.Errorf("a record that was told of is written: %v", err)
	}
	if _, err := b.ClaimRelays(t.Context(), r.Key); !errors.Is(err, ErrNotFound) {
		t.Errorf("it is claimed: %v", err)
	}
}
