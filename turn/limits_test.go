package turn

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/turn/auth"
	"github.com/pion/stun/v4"
)

// guest is a client with credentials that anybody gets.
func (w *world) guest(r *running, user string) *raw {
	w.t.Helper()
	c, err := w.bus.RequestCredentials(w.t.Context(), bus.CredentialsQuery{User: user}, bustest.Patience)
	if err != nil {
		w.t.Fatal(err)
	}
	a := r.raw("udp")
	a.name, a.key = c.Servers[0].Username, stun.NewLongTermIntegrity(c.Servers[0].Username, "pse", c.Servers[0].Credential)
	a.greet()
	return a
}

// tries makes an allocation, or says why not.
func (c *raw) tries() stun.ErrorCode {
	c.t.Helper()
	code, _ := c.ask(c.request(stun.MethodAllocate, requestUDP()))
	return code
}

// metric is one number of the worker's metrics.
func metric(t *testing.T, r *running, name string) int {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text(t, r))
	if m == nil {
		return 0
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// Who has credentials that anybody gets relays only so much, and so do all from
// where it comes; the owner's users have no such limits.
func TestGuestsAreLimited(t *testing.T) {
	const packets, size = 100, 1000
	for _, limit := range []string{limitGuest, limitAddress, limitGuestBytes, limitAddressBytes} {
		byBytes, byAddress := strings.HasSuffix(limit, "_bytes"), strings.Contains(limit, "address")
		paths(t, func(t *testing.T, path func(*Config)) {
			w := newWorld(t)
			r := w.start(path, func(c *Config) {
				switch limit { // in a minute they let through one packet more, or none
				case limitGuest:
					c.GuestBPS = 100
				case limitAddress:
					c.GuestAddressBPS = 100
				case limitGuestBytes:
					c.GuestBytes = 30 * size
				case limitAddressBytes:
					c.GuestAddressBytes = 30 * size
				}
			})
			for _, transport := range []string{"udp", "tcp"} {
				c, err := w.bus.RequestCredentials(t.Context(), bus.CredentialsQuery{User: "ann by " + transport}, bustest.Patience)
				if err != nil {
					t.Fatal(err)
				}
				counts := func() (over, relayed int) {
					return metric(t, r, `pse_turn_over_limit_packets_total{limit="`+limit+`"}`), metric(t, r, `pse_turn_relayed_bytes_total{to="peers"}`) / size
				}
				over, relayed := counts()
				left := r.client(transport, c.Servers[0].Username, c.Servers[0].Credential)
				a, err := left.Allocate()
				if transport == "tcp" && byAddress && byBytes {
					if err == nil {
						t.Errorf("%s: a second guest has an allocation from where all bytes are used up", limit)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				sink, right := r.allocate("udp") // of a user of the file
				if err := errors.Join(left.CreatePermission(sink.LocalAddr()), right.CreatePermission(a.LocalAddr())); err != nil {
					t.Fatal(err)
				}
				for range packets {
					if _, err := a.WriteTo(make([]byte, size), sink.LocalAddr()); err != nil {
						t.Fatal(err)
					}
				}
				most := 3
				if byBytes {
					most = 33
				}
				bustest.Eventually(t, "what is too much is dropped", func() bool {
					now, passed := counts()
					if passed-relayed > most {
						t.Fatalf("%s, %s: %d of %d packets are relayed", limit, transport, passed-relayed, packets)
					}
					return now-over >= packets/2
				})
				_ = a.Close()
				_ = sink.Close()
			}
			if byBytes {
				if code := w.guest(r, "ann by udp").tries(); code != stun.CodeAllocQuotaReached {
					t.Errorf("%s: an allocation when all is used up: %d", limit, code)
				}
				if code := w.guest(r, "ben").tries(); (code == 0) == byAddress {
					t.Errorf("%s: another guest's: %d", limit, code)
				}
				if metric(t, r, `pse_turn_refused_total{reason="bytes"}`) == 0 {
					t.Errorf("%s: it is not counted", limit)
				}
			}
			r.raw("udp").allocate() // a user's of the file
		})
	}
}

// By the defaults a guest has what six at 1080p need: five others' pictures
// and its own to each, of 5 Mbit/s.
func TestDefaultsAreEnoughForSix(t *testing.T) {
	c := DefaultConfig()
	const call = 2 * 5 * 5_000_000
	if c.GuestBPS < call*11/10 || c.GuestAddressBPS < 2*c.GuestBPS || c.GuestBytes < call/8*4*3600 || c.GuestAddressBytes < 2*c.GuestBytes {
		t.Errorf("%d bit/s and %d bytes, %d and %d for an address", c.GuestBPS, c.GuestBytes, c.GuestAddressBPS, c.GuestAddressBytes)
	}
}

func TestAllocationsOfGuestsFromOneAddress(t *testing.T) {
	w := newWorld(t)
	r := w.start(func(c *Config) { c.GuestAddressAllocations = 2 })
	ann, ben := w.guest(r, "ann"), w.guest(r, "ben")
	for _, c := range []*raw{ann, ben} {
		if code := c.tries(); code != 0 {
			t.Fatal(code)
		}
	}
	carl := w.guest(r, "carl")
	if code := carl.tries(); code != stun.CodeAllocQuotaReached {
		t.Errorf("one too many: %d", code)
	}
	r.raw("udp").allocate() // a user's of the file
	if code, _ := ann.ask(ann.request(stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: []byte{0, 0, 0, 0}})); code != 0 {
		t.Fatal(code)
	}
	bustest.Eventually(t, "there is a place again", func() bool {
		carl.greet()
		return carl.tries() == 0
	})
}

// A guest is another account than a user of the file with the same name.
func TestGuestsAreNotUsers(t *testing.T) {
	w := newWorld(t)
	r := w.start(func(c *Config) { c.UserAllocations = 1 })
	opened := bustest.Expect[bus.RelayOpened](t, w.bus)
	if code := w.guest(r, testUser).tries(); code != 0 {
		t.Fatal(code)
	}
	r.raw("udp").allocate()
	for range 2 {
		if ev := opened(); ev.User != testUser {
			t.Errorf("%q", ev.User)
		}
	}
	if all := r.server.credentials.Of(auth.Claim{Name: "9999999999:" + testUser, Algorithm: auth.MD5}, time.Now()); len(all) != 1 {
		t.Errorf("%+v", all)
	} else if user, guest := auth.GuestOf(all[0].Account); user != testUser || !guest {
		t.Errorf("%+v", all)
	}
}
