package socketiotest

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"

	"github.com/helios-h2020/pse/signal/socketio"
)

// Memory is a Recovery that forgets nothing.
type Memory struct {
	mu   sync.Mutex // guards what follows
	kept map[string]*kept
}

// kept is one recoverable client.
type kept struct {
	id, namespace string
	socket        *socketio.Socket // nil while it is away
	log           []socketio.Event
}

// NewMemory makes a memory.
func NewMemory() *Memory { return &Memory{kept: map[string]*kept{}} }

// Offer is socketio.Recovery's.
func (m *Memory) Offer(h *socketio.Handshake) bool {
	var auth struct {
		Recover bool `json:"recover"`
	}
	return json.Unmarshal(h.Auth, &auth) == nil && auth.Recover
}

// Restore is socketio.Recovery's.
func (m *Memory) Restore(_ context.Context, h *socketio.Handshake) (*socketio.Restored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.kept[h.PID]
	if k == nil || k.namespace != h.Namespace || k.socket != nil || k.after(h.Offset) < 0 {
		return nil, nil
	}
	return &socketio.Restored{ID: k.id}, nil
}

// after is how much of the log goes up to an offset; less than 0: it is not
// of this log.
func (k *kept) after(offset string) int {
	if offset == "" {
		return 0
	}
	i := slices.IndexFunc(k.log, func(e socketio.Event) bool { return e.Offset == offset })
	if i < 0 {
		return -1
	}
	return i + 1
}

// Keep is socketio.Recovery's.
func (m *Memory) Keep(s *socketio.Socket, _ socketio.Reason) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[s.PID()].socket = nil
}

// back is a socket that is there, for the first time, or again and missed
// something.
func (m *Memory) back(s *socketio.Socket, h *socketio.Handshake) {
	if s.PID() == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.kept[s.PID()]
	if k == nil {
		k = &kept{id: s.ID(), namespace: s.Namespace()}
		m.kept[s.PID()] = k
	}
	if s.Recovered() {
		for _, e := range k.log[k.after(h.Offset):] {
			_ = s.Emit(e)
		}
	}
	k.socket = s
}

// Say sends an event to all recoverable sockets of a namespace, those that
// are away included.
func (m *Memory) Say(namespace string, e socketio.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.kept {
		if k.namespace != namespace {
			continue
		}
		e.Name, e.Offset = "said", "offset-"+strconv.Itoa(len(k.log)+1)
		k.log = append(k.log, e)
		if k.socket != nil {
			_ = k.socket.Emit(e)
		}
	}
}
