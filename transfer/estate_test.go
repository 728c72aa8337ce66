package transfer

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
)

// listed is what a key sees: the names of its uploads, and whose the others' are.
func (r *running) listed(secret string) map[string]string {
	r.t.Helper()
	var said struct{ Files []fileJSON }
	a := r.ask("GET", r.url+apiRoot, nil, "Authorization", "Bearer "+secret).want(r.t, http.StatusOK)
	if err := json.Unmarshal(a.body, &said); err != nil {
		r.t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range said.Files {
		all[f.Upload] = f.Of
	}
	return all
}

func (r *running) key(owner bool, label string) bus.Key {
	r.t.Helper()
	add := func() (bus.Key, error) { return r.keys.Add(r.t.Context(), label, "") }
	if owner {
		add = func() (bus.Key, error) { return r.keys.AddOwner(r.t.Context(), label) }
	}
	k, err := add()
	if err != nil {
		r.t.Fatal(err)
	}
	return k
}

func (r *running) sent(k bus.Key, size int) upload {
	r.t.Helper()
	u := r.create(size, "Authorization", "Bearer "+k.Secret)
	u.patch(0, random(1, size)).want(r.t, http.StatusNoContent)
	return u
}

// The box's owner sees and deletes what anybody sent, also with a key that is
// revoked; others see their own only.
func TestOwnerOfTheBoxHasASayInAllFiles(t *testing.T) {
	onEachStore(t, func(t *testing.T, keeps func(*Config)) {
		r := start(t, keeps, func(c *Config) { c.Open = false })
		owner, ann, bob := r.key(true, "first start"), r.key(false, "Ann's phone"), r.key(false, "Bob")
		anns, bobs := r.sent(ann, 1000), r.sent(bob, 1000)
		if all := r.listed(owner.Secret); len(all) != 2 || all[anns.name()] != "Ann's phone" || all[bobs.name()] != "Bob" {
			t.Errorf("the owner sees %v", all)
		}
		if all := r.listed(bob.Secret); len(all) != 1 || all[bobs.name()] != "" {
			t.Errorf("Bob sees %v", all)
		}
		if err := r.keys.Revoke(t.Context(), ann.ID); err != nil {
			t.Fatal(err)
		}
		if all := r.listed(owner.Secret); all[anns.name()] != ann.ID+", which is no more" {
			t.Errorf("the owner sees %v", all)
		}
		id := anns.write[len(r.url+filesRoot):]
		for _, at := range []string{id, anns.name()} {
			r.ask("DELETE", r.url+apiRoot+"/"+at, nil, "Authorization", "Bearer "+ann.Secret).want(t, http.StatusForbidden)
			if a := r.ask("DELETE", r.url+apiRoot+"/"+at, nil, "Authorization", "Bearer "+bob.Secret); a.StatusCode < 400 {
				t.Errorf("Bob deletes Ann's: %s", a.Status)
			}
		}
		r.ask("GET", anns.read, nil).want(t, http.StatusOK)
		r.ask("DELETE", r.url+apiRoot+"/"+id, nil, "Authorization", "Bearer "+owner.Secret).want(t, http.StatusNoContent)
		r.ask("GET", anns.read, nil).want(t, http.StatusNotFound)
		r.ask("DELETE", r.url+apiRoot+"/"+bobs.name(), nil, "Authorization", "Bearer "+owner.Secret).want(t, http.StatusNoContent)
	})
}

// The files of a key that is revoked go, or are another's from then on at all
// workers on the store; those that are not finished too, and nobody else's.
func TestEstateOfAKey(t *testing.T) {
	onEachStore(t, func(t *testing.T, keeps func(*Config)) {
		server := bustest.StartServer(t)
		one := startOn(t, server.Connect(t), keeps, func(c *Config) { c.Open = false })
		ann, bob, eve := one.key(false, "Ann"), one.key(false, "Bob"), one.key(false, "Eve")
		whole, other := one.sent(ann, 1000), one.sent(eve, 1000)
		begun := one.create(2000, "Authorization", "Bearer "+ann.Secret)
		begun.patch(0, random(1, 500)).want(t, http.StatusNoContent)
		two := startOn(t, server.Connect(t), keeps, func(c *Config) { c.Open = false })
		for _, r := range []*running{one, two} {
			if err := r.Announce("1.0.0"); err != nil {
				t.Fatal(err)
			}
		}
		asked := func(q bus.EstateQuery, want bus.Estate) {
			t.Helper()
			if got, err := one.bus.RequestEstate(t.Context(), q, bustest.Patience); err != nil || got != want {
				t.Errorf("%+v: %+v, %v; want %+v", q, got, err, want)
			}
		}
		sees := func(k bus.Key, want ...string) {
			t.Helper()
			for i, r := range []*running{one, two} {
				all := r.listed(k.Secret)
				if len(all) != len(want) || slices.ContainsFunc(want, func(n string) bool { _, ok := all[n]; return !ok }) {
					t.Errorf("at worker %d %s sees %v, want %v", i+1, k.Label, all, want)
				}
			}
		}
		sees(ann, whole.name(), begun.name())
		asked(bus.EstateQuery{Owner: ann.ID}, bus.Estate{Files: 2, Bytes: 3000, Left: 2})
		asked(bus.EstateQuery{Owner: ann.ID, To: bob.ID}, bus.Estate{Files: 2, Bytes: 3000})
		sees(ann)
		sees(bob, whole.name(), begun.name())
		asked(bus.EstateQuery{Owner: bob.ID, Delete: true}, bus.Estate{Files: 2, Bytes: 3000})
		one.ask("GET", whole.read, nil).want(t, http.StatusNotFound)
		sees(bob)
		sees(eve, other.name())
		asked(bus.EstateQuery{Owner: bob.ID}, bus.Estate{})
	})
}
