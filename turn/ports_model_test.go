package turn

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pion "github.com/pion/turn/v5"

	"github.com/helios-h2020/pse/internal/model"
)

// holding is what the model knows of an allocation.
type holding struct {
	local   netip.AddrPort
	user    string
	expires time.Time
}

// keeping is what it knows of a reservation.
type keeping struct {
	at    netip.AddrPort
	until time.Time
}

// Over any history of allocations that are made, refreshed, freed, that expire,
// whose users leave, and that redeem reservations, on a range that is nearly
// used up and of which the system takes ports now and then:
//
//   - no port is given twice at once, and none outside of the range;
//   - a user that is refused for want of a port finds indeed none, and one that
//     is refused for its quota has it all;
//   - the quota counts what is held, of each user and of all;
//   - ports are free, held or reserved, and when all is given back all are free;
//   - a reservation is good once, and not after its time.
func TestModelOfPorts(t *testing.T) {
	model.Run(t, func(t *testing.T, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) { portsHistory(t, r) })
	})
}

func portsHistory(t *testing.T, r *rand.Rand) {
	n := 1 + r.IntN(12)
	cfg := DefaultConfig()
	cfg.MaxAllocations, cfg.UserAllocations = 1+r.IntN(14), r.IntN(5)
	q := newQuota(cfg)
	p := testPorts(n, q)
	p.random = r.IntN
	users := []string{"ann", "ben", "carl"}
	held := map[netip.AddrPort]holding{}
	system := map[netip.AddrPort]bool{} // what other programs have bound
	kept := map[string]keeping{}        // by token, that may be redeemed
	at := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(p.addresses.v4, port) }
	anyPort := func() uint16 { return p.addresses.min + uint16(r.IntN(n)) }
	count := func(user string) (of int) {
		for _, h := range held {
			if h.user == user {
				of++
			}
		}
		return of
	}
	free := func(h holding) {
		delete(held, h.local)
		p.Free(h.local)
	}
	all := func() (all []holding) { // in the same order for the same seed
		for port := p.addresses.min; port <= p.addresses.max; port++ {
			if h, ok := held[at(port)]; ok {
				all = append(all, h)
			}
		}
		return all
	}
	pick := func() (h holding, ok bool) {
		all := all()
		if len(all) == 0 {
			return h, false
		}
		return all[r.IntN(len(all))], true
	}
	isFree := func(port uint16) bool {
		_, taken := held[at(port)]
		for _, k := range kept {
			taken = taken || k.at == at(port)
		}
		return !taken && p.addresses.inRange(port)
	}
	take := func(user string, w wish) {
		for token, k := range kept {
			if !time.Now().Before(k.until) {
				delete(kept, token)
			}
		}
		local, _, err := p.Take(pion.AllocateListenerConfig{Network: "udp4", UserID: user, Realm: w.String()}, func(local netip.AddrPort) error {
			if system[local] {
				return errors.New("address already in use")
			}
			return nil
		})
		open := 0
		for port := p.addresses.min; port <= p.addresses.max; port++ {
			switch mine := kept[w.kept]; {
			case system[at(port)], w.even && port%2 != 0, w.next != "" && !isFree(port+1):
			case w.kept == "" && isFree(port), w.kept != "" && mine.at == at(port):
				open++
			}
		}
		full := len(held) >= cfg.MaxAllocations || cfg.UserAllocations > 0 && count(user) >= cfg.UserAllocations
		switch {
		case errors.Is(err, errQuota):
			if !full {
				t.Fatalf("%s is refused for its quota, with %d of %d and %d in all of %d", user, count(user), cfg.UserAllocations, len(held), cfg.MaxAllocations)
			}
		case errors.Is(err, errNoPort):
			if open > 0 {
				t.Fatalf("no port is found though %d are free", open)
			}
		case err != nil:
			t.Fatal(err)
		default:
			if _, twice := held[local]; twice || full || system[local] || w.kept == "" && !isFree(local.Port()) || w.kept != "" && kept[w.kept].at != local || w.even && local.Port()%2 != 0 || !p.addresses.inRange(local.Port()) {
				t.Fatalf("%s is given to %s, who wishes %s: held already %v, beyond the quota %v", local, user, w, twice, full)
			}
			if w.next != "" {
				kept[w.next] = keeping{at(local.Port() + 1), time.Now().Add(reserved)}
			}
			held[local] = holding{local, user, time.Now().Add(time.Minute)}
		}
		if w.kept != "" && !errors.Is(err, errQuota) {
			delete(kept, w.kept) // also when the system has it
		}
	}
	token := func() string { return strings.Repeat(string(rune('a'+r.IntN(4))), tokenSize) }
	for range 200 {
		switch r.IntN(9) {
		case 0, 1:
			take(users[r.IntN(len(users))], wish{})
		case 2:
			take(users[r.IntN(len(users))], wish{even: true})
		case 3: // refresh
			if h, ok := pick(); ok {
				h.expires = time.Now().Add(time.Minute)
				held[h.local] = h
			}
		case 4:
			if h, ok := pick(); ok {
				free(h)
				p.Free(h.local) // what is closed twice is free once
			}
		case 5: // time goes by
			time.Sleep(time.Duration(r.IntN(45)) * time.Second)
			for _, h := range all() {
				if time.Now().After(h.expires) {
					free(h)
				}
			}
		case 6: // a user leaves
			user := users[r.IntN(len(users))]
			for _, h := range all() {
				if h.user == user {
					free(h)
				}
			}
		case 7:
			if s := at(anyPort()); system[s] {
				delete(system, s)
			} else if _, ours := held[s]; !ours {
				system[s] = true
			}
		case 8:
			w := wish{even: true, next: token()}
			if r.IntN(2) == 0 {
				w = wish{kept: token()}
			}
			take(users[r.IntN(len(users))], w)
		}
		synctest.Wait()
		for token, k := range kept {
			if !time.Now().Before(k.until) {
				delete(kept, token)
			}
		}
		taken, unused, known := portsCounted(p)
		if q.all != len(held) || taken != len(held)+len(kept) || unused+len(held)+len(kept) != n && known {
			t.Fatalf("%d are held of %d; the quota counts %d, %d ports are taken, %d free", len(held), n, q.all, taken, unused)
		}
		for _, u := range users {
			if q.users[u] != count(u) {
				t.Fatalf("%s holds %d, and the quota counts %d", u, count(u), q.users[u])
			}
		}
	}
	for _, h := range all() {
		free(h)
	}
	time.Sleep(reserved)
	synctest.Wait()
	taken, unused, known := portsCounted(p)
	if q.all != 0 || len(q.users) != 0 || taken != 0 || known && unused != n {
		t.Fatalf("all is given back, but %d are free of %d, and the quota counts %d", unused, n, q.all)
	}
}

// portsCounted is how many ports are taken and free; known: the free ones are listed yet.
func portsCounted(p *ports) (taken, unused int, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.users), len(p.free[p.addresses.v4]), len(p.free) > 0
}
