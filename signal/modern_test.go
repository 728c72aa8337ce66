package signal

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	integrator "github.com/helios-h2020/pse/client"
	"github.com/helios-h2020/pse/signal/engineio/engineiotest"
	"github.com/helios-h2020/pse/signal/signaltest"
)

func infoOf(t *testing.T, j json.RawMessage) (i info) {
	t.Helper()
	if err := json.Unmarshal(j, &i); err != nil {
		t.Fatal(err)
	}
	return i
}

// What a modern client hears, and that an old one in the same room hears none of it.
func TestModernClients(t *testing.T) {
	w := newWorld(t, 2, func(c *Config) {
		c.ICEServers = []string{"stun:stun.example.org:3478", "turn:turn.example.org:3478 helios secret"}
	})
	old := w.join(1, "r", "")
	old.next("created")
	ann := w.join(0, "r", `{"v":2,"name":"Ann"}`)
	old.expect(`["join","` + ann.sid() + `"]`)
	e := ann.next("joined")
	i := infoOf(t, e.Args[1])
	if len(e.Args) != 2 || i.You != ann.sid() || i.Name != "Ann" || i.Max != 6 || len(i.Peers) != 1 || i.Peers[0] != (peer{ID: old.sid()}) {
		t.Errorf("%s", e.Raw)
	}
	if s := i.ICE.Servers; len(s) != 2 || s[1].Username != "helios" || s[1].Credential != "secret" || i.ICE.TTL <= 0 {
		t.Errorf("%+v", i.ICE)
	}
	bob := w.join(1, "r", `{"v":2}`)
	ann.expect(`["join","` + bob.sid() + `",{"id":"` + bob.sid() + `","name":""}]`)
	old.expect(`["join","` + bob.sid() + `"]`)
	if i := infoOf(t, bob.next("joined").Args[1]); len(i.Peers) != 2 || i.Peers[1].Name != "Ann" {
		t.Errorf("%+v", i)
	}
	if err := bob.Emit(nil, `"name"`, `"Bob"`); err != nil {
		t.Fatal(err)
	}
	ann.expect(`["name","` + bob.sid() + `","Bob"]`)
	ann.say("1", old.sid())
	old.expect(`["message",1,"` + ann.sid() + `"]`) // no name before it
}

// Credentials come from a turn worker, and are renewed before they end.
func TestCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	_, err := w.workers[0].bus.Serve(bus.WorkerTurn, "1.0.0", bus.Handle(bus.EndpointCredentials, func(_ context.Context, q bus.CredentialsQuery) (bus.Credentials, error) {
		return bus.Credentials{Servers: []bus.ICEServer{{URLs: []string{"turn:here:3478"}, Username: "1:" + q.User, Credential: "x"}}, TTL: 4}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	a := w.join(0, "r", modernAuth)
	first := infoOf(t, a.next("created").Args[2]).ICE
	if len(first.Servers) != 1 || !strings.HasPrefix(first.Servers[0].Username, "1:") || first.TTL > 4 {
		t.Errorf("%+v", first)
	}
	var c bus.Credentials
	if err := json.Unmarshal(a.next("ice").Args[0], &c); err != nil || len(c.Servers) != 1 || c.Servers[0].Username != first.Servers[0].Username {
		t.Errorf("%+v, %v", c, err)
	}
	// When the member leaves, the relay knows by the event whose credentials end.
	next := bustest.Expect[bus.CallLeft](t, w.workers[0].bus)
	a.Close()
	if left := next(); "1:"+bus.CallUser(left.Call, left.Member) != first.Servers[0].Username {
		t.Errorf("%+v left, which is %s at the relay", left, first.Servers[0].Username)
	}
}

// The relay is asked for servers by the host that the client came by, at first, when they
// are renewed, and when it comes back by another.
func TestCredentialsByTheHostOfTheClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	asked := make(chan bus.CredentialsQuery, 100)
	if _, err := w.workers[0].bus.Serve(bus.WorkerTurn, "1.0.0", bus.Handle(bus.EndpointCredentials, func(_ context.Context, q bus.CredentialsQuery) (bus.Credentials, error) {
		asked <- q
		return bus.Credentials{TTL: 4}, nil
	})); err != nil {
		t.Fatal(err)
	}
	at := w.workers[0].url
	var by atomic.Pointer[string]
	by.Store(&at)
	a := w.join(0, "r", modernAuth, func(o *signaltest.Options) {
		o.URL, o.Stay = func() string { return *by.Load() }, true
	})
	host := strings.TrimPrefix(at, "http://")
	for range 2 {
		if q := <-asked; q.Host != host || q.Worker != w.workers[0].bus.ID() {
			t.Errorf("%+v, want %s of %s", q, host, w.workers[0].bus.ID())
		}
	}
	other := strings.Replace(at, "127.0.0.1", "localhost", 1)
	by.Store(&other)
	a.Break()
	next := func() bus.CredentialsQuery {
		select {
		case q := <-asked:
			return q
		case <-time.After(bustest.Patience):
			t.Fatal("the relay is asked no more")
			return bus.CredentialsQuery{}
		}
	}
	for next().Host != strings.TrimPrefix(other, "http://") {
	}
}

// A client that may not join is told why, and no member is told of it.
func TestRefusals(t *testing.T) {
	w := newWorld(t, 1, func(c *Config) { c.Passphrase = "open sesame"; c.Hook.Required = true })
	stop, err := integrator.Answer(w.server.Connect(t).Client(nil), func(_ context.Context, h bus.JoinHook) (bus.Verdict, error) {
		return bus.Verdict{Allow: h.Name != "Mallory", Reason: "Mallory is not welcome here."}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	refused := func(auth, code string) {
		t.Helper()
		c := w.join(0, "r", auth)
		if got := c.State().Refused; !strings.Contains(got, `"data":{"code":"`+code+`"}`) {
			t.Errorf("%s: %s", auth, got)
		}
	}
	refused("", "passphrase")
	refused(`{"v":2,"pass":"open"}`, "passphrase")
	refused(`{"v":2,"pass":"open sesame","name":"`+strings.Repeat("x", 41)+`"}`, "name")
	refused(`{"v":2,"pass":"open sesame","name":7}`, "name")
	refused(`{"v":2,"pass":"open sesame","name":"Mallory"}`, "refused")
	w.join(0, "r", `{"v":2,"pass":"open sesame"}`).next("created")
	w.join(0, "r", `{"pass":"open sesame"}`).next("joined")
}

// A client that names no room is told what to write.
func TestNoRoom(t *testing.T) {
	w := newWorld(t, 1)
	s, _ := engineiotest.OpenWebSocket(t, w.workers[0].url+root, 4)
	for _, connect := range []string{"40", "40/no-room,"} {
		s.Send(connect)
		if got := s.Read(); !strings.HasPrefix(got, "44") || !strings.Contains(got, `io(\"https://HOST/ROOM\")`) || !strings.Contains(got, `"code":"room"`) {
			t.Errorf("%s is answered by %s", connect, got)
		}
	}
}

// A signed link is as good as the passphrase, for its room and its time.
func TestLinks(t *testing.T) {
	w := newWorld(t, 1, func(c *Config) { c.Links = true })
	links := w.workers[0].admission.links
	good, old := links.Sign(LinkAction, "r", time.Now().Add(time.Hour)), links.Sign(LinkAction, "r", time.Now().Add(-time.Hour))
	for _, c := range []struct{ room, token string }{{"r", ""}, {"r", old}, {"s", good}} {
		if got := w.join(0, c.room, `{"v":2,"pass":"`+c.token+`"}`).State().Refused; !strings.Contains(got, `"passphrase"`) {
			t.Errorf("%s with %q: %s", c.room, c.token, got)
		}
	}
	w.join(0, "r", `{"v":2,"pass":"`+good+`"}`).next("created")
}

func TestTooManyJoins(t *testing.T) {
	w := newWorld(t, 1, func(c *Config) { c.JoinsPerMinute = 20 })
	for range 10 {
		w.join(0, "a", "").next("created", "joined", "full")
	}
	if c := w.join(0, "b", ""); !strings.Contains(c.State().Refused, `"limit"`) {
		t.Errorf("%+v", c.State())
	}
}

// The original let room names be words only.
func TestBadRoomNames(t *testing.T) {
	for name, want := range map[string]bool{
		"/kitchen_2": true, "/": false, "/a/b": false, "/ü": false, "/a b": false, "/a\n": false, "a": false, "/" + strings.Repeat("a", maxRoomName+1): false,
	} {
		if isNamespace(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
