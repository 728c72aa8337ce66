package signal

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/socketio"
	"go.uber.org/zap"
)

// How long a turn worker may take to answer, how long its answer is used again
// for the same client, and how long no answer is remembered.
const (
	iceWait  = 500 * time.Millisecond
	iceCache = time.Minute
	iceRetry = 5 * time.Second
	iceTTL   = 3600 // seconds; of servers whose credentials do not end
)

// iceServers are the STUN and TURN servers that modern clients are told of.
type iceServers struct {
	bus    *bus.Bus
	static []bus.ICEServer
	log    *zap.Logger

	mu    sync.Mutex          // guards what follows
	given map[string]iceGiven // by user
	again time.Time           // when to ask next, after there was no answer
}

// iceGiven is what a turn worker gave a user, and when.
type iceGiven struct {
	bus.Credentials
	at time.Time
}

func newICEServers(cfg Config, b *bus.Bus, log *zap.Logger) (*iceServers, error) {
	i := &iceServers{bus: b, log: log, given: map[string]iceGiven{}}
	for _, text := range cfg.ICEServers {
		s, err := parseICEServer(text)
		if err != nil {
			return nil, err
		}
		i.static = append(i.static, s)
	}
	return i, nil
}

// get is the servers there are now for a member of a call. The relay knows the
// member by its credentials: when it leaves, what it relays ends.
func (i *iceServers) get(ctx context.Context, call, sid string) bus.Credentials {
	user, now := bus.CallUser(call, sid), time.Now()
	i.mu.Lock()
	given, again := i.given[user], i.again
	i.mu.Unlock()
	if now.Sub(given.at) > min(iceCache, time.Duration(given.TTL)*time.Second/4) && !now.Before(again) {
		given = i.ask(ctx, user, given)
	}
	all := bus.Credentials{Servers: append([]bus.ICEServer{}, i.static...), TTL: iceTTL}
	if left := given.TTL - int(now.Sub(given.at).Seconds()); left > 0 {
		all.Servers = append(all.Servers, given.Servers...)
		all.TTL = left
	}
	return all
}

// ask asks a turn worker; without an answer was stays.
func (i *iceServers) ask(ctx context.Context, user string, was iceGiven) iceGiven {
	c, err := i.bus.AskCredentials(ctx, bus.CredentialsQuery{User: user}, iceWait)
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	if err != nil {
		if !errors.Is(err, bus.ErrNoWorker) {
			i.log.Warn("no credentials for TURN", zap.Error(err))
		}
		i.again = now.Add(iceRetry)
		return was
	}
	i.given[user] = iceGiven{c, now}
	return i.given[user]
}

// sweep forgets what is not used again.
func (i *iceServers) sweep(now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for user, g := range i.given {
		if now.Sub(g.at) > iceCache {
			delete(i.given, user)
		}
	}
}

// renewal is when a client should get new credentials, in unix seconds.
func renewal(c bus.Credentials, now time.Time) int64 {
	return now.Unix() + int64(c.TTL)*3/4
}

// renewICE sends new credentials to the modern members that need them.
func (w *Worker) renewICE(ctx context.Context, now time.Time) {
	w.ice.sweep(now)
	var due []*member
	w.memory.mu.Lock()
	w.memory.locals(func(t *trail) {
		if m := t.local; m.modern && m.socket != nil && m.renew != 0 && now.Unix() >= m.renew {
			due = append(due, m)
		}
	})
	w.memory.mu.Unlock()
	if len(due) == 0 {
		return
	}
	for _, m := range due {
		c := w.ice.get(ctx, m.call, m.sid)
		j, _ := json.Marshal(c) // cannot fail
		_ = m.socket.Emit(socketio.Event{Name: "ice", Args: []json.RawMessage{j}})
		w.memory.mu.Lock()
		m.renew = renewal(c, now)
		w.memory.mu.Unlock()
	}
}
