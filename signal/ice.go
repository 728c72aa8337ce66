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

// How long a turn worker may take to answer, for how long its answer is used again
// for the same client, and after how long without an answer it is asked again.
const (
	iceWait  = 500 * time.Millisecond
	iceCache = time.Minute
	iceRetry = 5 * time.Second
	iceTTL   = 3600 // seconds; of servers whose credentials do not end
)

// iceServers are the STUN and TURN servers that modern clients get.
type iceServers struct {
	bus    *bus.Bus
	static []bus.ICEServer
	log    *zap.Logger

	mu          sync.Mutex // guards what follows
	given       map[iceReach]iceGiven
	again       time.Time // when to ask next, after there was no answer
	subscribers map[string]*iceSubscriber
}

// iceReach is a member, and how it reached its worker: the relay is called the same.
type iceReach struct {
	socketID, host, worker string
}

// iceSubscriber is a member that gets new credentials before those that it has end.
// subscribers has it by its socket id.
type iceSubscriber struct {
	call   string
	reach  iceReach
	socket socket
	renew  int64 // unix s; guarded by iceServers.mu
}

// iceGiven is what a turn worker gave a user, and when.
type iceGiven struct {
	bus.Credentials
	at time.Time
}

func newICEServers(cfg Config, b *bus.Bus, log *zap.Logger) (*iceServers, error) {
	i := &iceServers{bus: b, log: log, given: map[iceReach]iceGiven{}, subscribers: map[string]*iceSubscriber{}}
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
func (i *iceServers) get(ctx context.Context, call string, reach iceReach) bus.Credentials {
	now := time.Now()
	i.mu.Lock()
	given, again := i.given[reach], i.again
	i.mu.Unlock()
	if now.Sub(given.at) > min(iceCache, time.Duration(given.TTL)*time.Second/4) && !now.Before(again) {
		given = i.ask(ctx, call, reach, given)
	}
	all := bus.Credentials{Servers: append([]bus.ICEServer{}, i.static...), TTL: iceTTL}
	if left := given.TTL - int(now.Sub(given.at).Seconds()); left > 0 {
		all.Servers = append(all.Servers, given.Servers...)
		all.TTL = left
	}
	return all
}

// ask asks a turn worker; without an answer was stays.
func (i *iceServers) ask(ctx context.Context, call string, reach iceReach, was iceGiven) iceGiven {
	q := bus.CredentialsQuery{User: bus.CallUser(call, reach.socketID), Host: reach.host, Worker: reach.worker}
	c, err := i.bus.RequestCredentials(ctx, q, iceWait)
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
	i.given[reach] = iceGiven{c, now}
	return i.given[reach]
}

// sweep forgets what is not used again.
func (i *iceServers) sweep(now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for reach, g := range i.given {
		if now.Sub(g.at) > iceCache {
			delete(i.given, reach)
		}
	}
}

// renewal is when a client should get new credentials, unix s.
func renewal(c bus.Credentials, now time.Time) int64 {
	return now.Unix() + int64(c.TTL)*3/4
}

// subscribe has a member get new credentials by its socket, until unsubscribe.
func (i *iceServers) subscribe(ctx context.Context, call string, reach iceReach, s socket) {
	at := renewal(i.get(ctx, call, reach), time.Now())
	i.mu.Lock()
	defer i.mu.Unlock()
	i.subscribers[reach.socketID] = &iceSubscriber{call, reach, s, at}
}

// unsubscribe is for a socket that closed, unless another has its id by now.
func (i *iceServers) unsubscribe(socketID string, s socket) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if o := i.subscribers[socketID]; o != nil && o.socket == s {
		delete(i.subscribers, socketID)
	}
}

// renew sends new credentials to the subscribers whose time it is.
func (i *iceServers) renew(ctx context.Context, now time.Time) {
	i.sweep(now)
	for _, s := range i.due(now) {
		c := i.get(ctx, s.call, s.reach)
		j, _ := json.Marshal(c) // cannot fail
		_ = s.socket.Emit(socketio.Event{Name: "ice", Args: []json.RawMessage{j}})
		i.mu.Lock()
		s.renew = renewal(c, now)
		i.mu.Unlock()
	}
}

func (i *iceServers) due(now time.Time) (due []*iceSubscriber) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, s := range i.subscribers {
		if now.Unix() >= s.renew {
			due = append(due, s)
		}
	}
	return due
}
