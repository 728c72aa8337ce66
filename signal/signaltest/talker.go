package signaltest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Talker is a client that sends numbered messages to the other one of its
// room, each again until it is acknowledged, and sees that what it gets is
// whole: each once, in order, its JSON as it was sent.
type Talker struct {
	*Client
	t    testing.TB
	room string

	mu    sync.Mutex // guards what follows
	conn  int        // number of the connection that it sends on
	first string     // socket id
	peer  string     // the other's socket id
	may   int        // messages that may be sent
	sent  int
	acked int
	open  []int // sent and not acknowledged
	got   int   // the last number that came
}

// window is how many messages may be unacknowledged.
const window = 8

// Talk joins a room.
func Talk(t testing.TB, room string, url func() string) *Talker {
	k := &Talker{t: t, room: room}
	c := Join(context.Background(), Options{URL: url, Room: room, Auth: `{"v":2}`, Stay: true, Event: k.event})
	k.mu.Lock()
	defer k.mu.Unlock()
	k.Client = c
	return k
}

func body(n int) string { return fmt.Sprintf(`{"z":%d,"type":"offer","a":{"y":null,"b":"<ü>"}}`, n) }

func (k *Talker) event(c *Client, e Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.Client == nil {
		k.Client = c // Join has not returned yet
	}
	sid := c.State().SID
	switch e.Name {
	case "connect":
		if k.first == "" {
			k.first = sid
		}
		if sid != k.first {
			k.t.Errorf("%s: %s came back as %s", k.room, k.first, sid)
		}
		k.conn = c.State().Joins
		for _, n := range k.open {
			k.send(n)
		}
	case "joined":
		var i struct{ Peers []struct{ ID string } }
		if err := json.Unmarshal(e.Args[1], &i); err != nil || len(i.Peers) != 1 {
			k.t.Errorf("%s: %s, %v", k.room, e.Raw, err)
			return
		}
		k.peer = i.Peers[0].ID
	case "join":
		k.peer = unquote(e.Args[0])
	case "created", "away", "back":
	case "message":
		n := k.got + 1
		if string(e.Args[0]) != body(n) || len(e.Args) != 2 || unquote(e.Args[1]) != k.peer {
			k.t.Errorf("%s: got %s, want message %d", k.room, e.Raw, n)
		}
		k.got = n
	default:
		k.t.Errorf("%s: got %s %s", k.room, e.Name, e.Raw)
	}
	k.more()
}

// more sends what may be sent. Under mu.
func (k *Talker) more() {
	for k.peer != "" && k.sent < k.may && len(k.open) < window {
		k.sent++
		k.open = append(k.open, k.sent)
		k.send(k.sent)
	}
}

// send sends message n, if there is a connection: else it goes with the next.
func (k *Talker) send(n int) {
	_ = k.EmitOn(k.conn, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		for i, o := range k.open {
			if o == n {
				k.open = append(k.open[:i:i], k.open[i+1:]...)
				k.acked++
				break
			}
		}
		k.more()
	}, `"message"`, body(n), strconv.Quote(k.peer), strconv.Quote(strconv.Itoa(n)))
}

// Allow lets it send n more.
func (k *Talker) Allow(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.may += n
	k.more()
}

// Ready reports whether the other one is there.
func (k *Talker) Ready() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.peer != ""
}

// Acked is how many of its messages were acknowledged.
func (k *Talker) Acked() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.acked
}

// Done reports whether all was acknowledged that may be sent, and all came that the other sent.
func (k *Talker) Done(all int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.acked == all && k.got == all
}

// String is what it has sent and got, for a test that failed.
func (k *Talker) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.TrimSpace(fmt.Sprintf("%s %s: sent %d, acknowledged %d, got %d, %+v", k.room, k.first, k.sent, k.acked, k.got, k.Client.State()))
}

func unquote(j json.RawMessage) (s string) {
	_ = json.Unmarshal(j, &s) // what is no text is nobody's id
	return s
}
