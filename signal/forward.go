package signal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/engineio"
)

// Names of the direct requests (bus.RequestDirect) that signal workers answer.
const (
	directRequest = "eio"
	directDial    = "eiows"
)

// forward carries requests of other workers' sessions over the bus. A worker's
// token is its Bus.ID.
type forward struct {
	bus *bus.Bus
	max time.Duration // for an answer, a poll's too
}

// Request is engineio.Forward's.
func (f forward) Request(ctx context.Context, owner string, r *engineio.Request) (*engineio.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, f.max)
	defer cancel()
	q, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("carry a request: %w", err)
	}
	a, err := f.bus.RequestDirect(ctx, owner, directRequest, q)
	if err != nil {
		return nil, err
	}
	var answer engineio.Response
	if err := json.Unmarshal(a, &answer); err != nil {
		return nil, fmt.Errorf("carry a request: the answer does not parse: %w", err)
	}
	return &answer, nil
}

// Dial is engineio.Forward's.
func (f forward) Dial(ctx context.Context, owner string, r *engineio.Request) (engineio.Link, error) {
	ctx, cancel := context.WithTimeout(ctx, f.max)
	defer cancel()
	q, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("carry a WebSocket: %w", err)
	}
	return f.bus.DialDirect(ctx, owner, directDial, q)
}

// answerForward serves what other workers carry here.
func answerForward(b *bus.Bus, engine *engineio.Server) (stop func(), err error) {
	requests, err := b.ServeDirect(directRequest, func(ctx context.Context, q bus.Direct) []byte {
		var r engineio.Request
		if json.Unmarshal(q.Data, &r) != nil {
			return nil
		}
		a, _ := json.Marshal(engine.Serve(ctx, &r)) // strings and bytes: cannot fail
		return a
	})
	if err != nil {
		return nil, err
	}
	dials, err := b.ServeDirect(directDial, func(_ context.Context, q bus.Direct) []byte {
		var r engineio.Request
		if q.Pipe != nil && json.Unmarshal(q.Data, &r) == nil {
			engine.ServeLink(&r, q.Pipe)
		}
		return nil
	})
	if err != nil {
		requests()
		return nil, err
	}
	return func() { dials(); requests() }, nil
}
