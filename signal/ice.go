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

// How long a turn worker may take to answer, how long its answer is used for
// other clients too, and how long no answer is remembered.
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

	mu    sync.Mutex      // held while a turn worker is asked; guards what follows
	given bus.Credentials // by a turn worker
	asked time.Time       // when given was given
	again time.Time       // when to ask next
}

func newICEServers(cfg Config, b *bus.Bus, log *zap.Logger) (*iceServers, error) {
	i := &iceServers{bus: b, log: log}
	for _, text := range cfg.ICEServers {
		s, err := parseICEServer(text)
		if err != nil {
			return nil, err
		}
		i.static = append(i.static, s)
	}
	return i, nil
}

// get is the servers there are now.
func (i *iceServers) get(ctx context.Context) bus.Credentials {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	if !now.Before(i.again) {
		c, err := i.bus.AskCredentials(ctx, bus.CredentialsQuery{User: "call"}, iceWait)
		switch {
		case err == nil:
			i.given, i.asked = c, now
			i.again = now.Add(min(iceCache, time.Duration(c.TTL)*time.Second/4))
		default:
			if !errors.Is(err, bus.ErrNoWorker) {
				i.log.Warn("no credentials for TURN", zap.Error(err))
			}
			i.again = now.Add(iceRetry)
		}
	}
	all := bus.Credentials{Servers: append([]bus.ICEServer{}, i.static...), TTL: iceTTL}
	if left := i.given.TTL - int(now.Sub(i.asked).Seconds()); left > 0 {
		all.Servers = append(all.Servers, i.given.Servers...)
		all.TTL = left
	}
	return all
}

// renewal is when a client should get new credentials, in unix seconds.
func renewal(c bus.Credentials, now time.Time) int64 {
	return now.Unix() + int64(c.TTL)*3/4
}

// renewICE sends new credentials to the modern members that need them.
func (w *Worker) renewICE(ctx context.Context, now time.Time) {
	var due []*member
	w.memory.mu.Lock()
	for _, t := range w.memory.trails {
		if m := t.local; m != nil && m.modern && m.socket != nil && m.renew != 0 && now.Unix() >= m.renew {
			due = append(due, m)
		}
	}
	w.memory.mu.Unlock()
	if len(due) == 0 {
		return
	}
	c := w.ice.get(ctx)
	j, _ := json.Marshal(c) // cannot fail
	for _, m := range due {
		_ = m.socket.Emit(socketio.Event{Name: "ice", Args: []json.RawMessage{j}})
		w.memory.mu.Lock()
		m.renew = renewal(c, now)
		w.memory.mu.Unlock()
	}
}
