package socketio

import (
	"encoding/json"
	"time"
)

// A call is an event that waits for its acknowledgement (Protocol, "Acknowledgement").
type call struct {
	done  func(args []json.RawMessage, attachments [][]byte, err error)
	timer *time.Timer
}

// calls are those of one socket that are not acknowledged, by id. Socket.mu guards them.
type calls struct {
	last int64
	open map[int64]call
}

// take removes the call of an id, false if there is none.
func (c *calls) take(id int64) (call, bool) {
	one, ok := c.open[id]
	if ok {
		one.timer.Stop()
		delete(c.open, id)
	}
	return one, ok
}

// takeAll removes all calls.
func (c *calls) takeAll() []call {
	var all []call
	for id := range c.open {
		one, _ := c.take(id)
		all = append(all, one)
	}
	return all
}

// expect makes an id whose acknowledgement done gets, ErrTimeout if it does not come
// in time.
func (s *Socket) expect(within time.Duration, done func([]json.RawMessage, [][]byte, error)) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return 0, ErrClosed
	}
	if s.calls.open == nil {
		s.calls.open = map[int64]call{}
	}
	s.calls.last++
	id := s.calls.last
	s.calls.open[id] = call{done, time.AfterFunc(within, func() { s.expired(id) })}
	return id, nil
}

// forget removes a call.
func (s *Socket) forget(id int64) (call, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls.take(id)
}

// acked takes an acknowledgement. If no call waits for it, it came too late.
func (s *Socket) acked(p packet, attachments [][]byte) {
	c, ok := s.forget(p.id)
	if !ok {
		return
	}
	s.in.Lock()
	defer s.in.Unlock()
	c.done(p.args, attachments, nil)
}

// expired ends a call whose time is over.
func (s *Socket) expired(id int64) {
	if !s.client.begin() {
		return // Close ends it
	}
	defer s.client.wg.Done()
	c, ok := s.forget(id)
	if !ok {
		return
	}
	s.in.Lock()
	defer s.in.Unlock()
	c.done(nil, nil, ErrTimeout)
}
