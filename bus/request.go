package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/helios-h2020/pse/bus/conn"
)

func requestSubject(worker, endpoint string) string { return "rpc.v1." + worker + "." + endpoint }

// Endpoint is one thing that can be asked of a worker; make it with Handle.
type Endpoint struct {
	name   string
	handle func(ctx context.Context, q []byte) ([]byte, error)
}

// Handle makes an endpoint of a func. Questions and answers travel as JSON.
// One question at a time is given to f; an error of f goes to who asked.
func Handle[Q, A any](name string, f func(ctx context.Context, q Q) (A, error)) Endpoint {
	return Endpoint{name, func(ctx context.Context, data []byte) ([]byte, error) {
		var q Q
		if err := json.Unmarshal(data, &q); err != nil {
			return nil, fmt.Errorf("the question does not parse: %w", err)
		}
		a, err := f(ctx, q)
		if err != nil {
			return nil, err
		}
		return json.Marshal(a)
	}}
}

// RemoteError is what a worker's endpoint answered instead of an answer.
type RemoteError struct {
	Worker, Endpoint string
	Message          string
}

// Error implements error.
func (e *RemoteError) Error() string {
	return fmt.Sprintf("%s of worker %s: %s", e.Endpoint, e.Worker, e.Message)
}

// request asks an endpoint of a worker; any one of several of that name
// answers. ErrNoWorker: none runs. *RemoteError: it answered with an error.
func request[A any](ctx context.Context, c *conn.Conn, worker, endpoint string, q any) (a A, err error) {
	data, err := json.Marshal(q)
	if err != nil {
		return a, fmt.Errorf("ask %s of worker %s: %w", endpoint, worker, err)
	}
	ctx, done := c.Bound(ctx)
	defer done()
	m, err := c.NATS().RequestWithContext(ctx, requestSubject(worker, endpoint), data)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return a, fmt.Errorf("ask %s of worker %s: %w", endpoint, worker, ErrNoWorker)
	case err != nil:
		return a, c.Failed(ctx, err, "ask %s of worker %s", endpoint, worker)
	}
	if text := m.Header.Get(micro.ErrorHeader); text != "" {
		return a, &RemoteError{worker, endpoint, text}
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return a, fmt.Errorf("ask %s of worker %s: the answer does not parse: %w", endpoint, worker, err)
	}
	return a, nil
}
