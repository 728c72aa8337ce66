package socketiotest

import (
	"context"
	"encoding/json"
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
	if k == nil || k.namespace != h.Namespace || k.socket != nil {
		return nil, nil
	}
	r := &socketio.Restored{ID: k.id}
	for i, e := range k.log {
		if e.Offset == h.Offset || h.Offset == "" {
			r.Missed = k.log[i:]
			if h.Offset != "" {
				r.Missed = k.log[i+1:]
			}
			return r, nil
		}
	}
	if h.Offset != "" {
		return nil, nil
	}
	return r, nil
}

// Keep is socketio.Recovery's.
func (m *Memory) Keep(s *socketio.Socket, _ socketio.Reason) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[s.PID()].socket = nil
}

// back is a socket that is there, for the first time or again.
func (m *Memory) back(s *socketio.Socket) {
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
	k.socket = s
}

// Away says whether nobody is there who is recoverable.
func (m *Memory) Away() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.kept {
		if k.socket != nil {
			return false
		}
	}
	return true
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
