package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/helios-h2020/pse/bus/conn"
)

// services are what workers announce and are asked.
type services struct{ c *conn.Conn }

// Serve announces this worker as a NATS micro service, so that it is found
// (PING, INFO), counted (STATS) and can be asked. version is like 1.2.3. It
// ends with stop or with the Bus.
func (ss services) Serve(name, version string, endpoints ...Endpoint) (stop func(), err error) {
	host, _ := os.Hostname()
	s, err := micro.AddService(ss.c.NATS(), micro.Config{
		Name: name, Version: version,
		Metadata: map[string]string{"id": ss.c.ID(), "host": host, "pid": strconv.Itoa(os.Getpid())},
	})
	if err != nil {
		return nil, fmt.Errorf("announce worker %s: %w", name, err)
	}
	stop = func() { _ = s.Stop() }
	for _, e := range endpoints {
		h := micro.HandlerFunc(func(r micro.Request) {
			ctx, cancel := context.WithTimeout(ss.c.Context(), conn.RequestTimeout)
			defer cancel()
			a, err := e.handle(ctx, r.Data())
			if err != nil {
				_ = r.Error("500", err.Error(), nil)
				return
			}
			_ = r.Respond(a)
		})
		if err := s.AddEndpoint(e.name, h, micro.WithEndpointSubject(requestSubject(name, e.name))); err != nil {
			stop()
			return nil, fmt.Errorf("announce endpoint %s of worker %s: %w", e.name, name, err)
		}
	}
	_ = ss.c.NATS().FlushTimeout(time.Second) // from now on it is found; without the bus, from when it is back
	return stop, nil
}

// WorkerInfo is what a running worker tells of itself.
type WorkerInfo struct {
	Name, Version string
	ID            string // Bus.ID
	Host          string
	PID           int
	Started       time.Time
	RTT           time.Duration
	Endpoints     []EndpointInfo
}

// EndpointInfo is what was asked of an endpoint since its worker started.
type EndpointInfo struct {
	Name             string
	Requests, Errors int
	Average          time.Duration
}

// discoverQuiet ends a search for workers: nobody answered for so long.
const discoverQuiet = 200 * time.Millisecond

// Discover asks all workers who they are, sorted by name.
func (ss services) Discover(ctx context.Context) ([]WorkerInfo, error) {
	inbox := ss.c.NATS().NewInbox()
	sub, err := ss.c.NATS().SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("look for workers: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	start := time.Now()
	if err := ss.c.NATS().PublishRequest(micro.APIPrefix+"."+micro.StatsVerb.String(), inbox, nil); err != nil {
		return nil, fmt.Errorf("look for workers: %w", err)
	}
	var all []WorkerInfo
	for {
		qctx, cancel := context.WithTimeout(ctx, discoverQuiet)
		m, err := sub.NextMsgWithContext(qctx)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("look for workers: %w", ctx.Err())
		case errors.Is(err, nats.ErrNoResponders), errors.Is(err, context.DeadlineExceeded):
			sort.SliceStable(all, func(i, j int) bool { return all[i].Name < all[j].Name })
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("look for workers: %w", err)
		}
		var s micro.Stats
		if json.Unmarshal(m.Data, &s) != nil || s.Metadata["id"] == "" {
			continue // not one of ours
		}
		w := WorkerInfo{Name: s.Name, Version: s.Version, ID: s.Metadata["id"], Host: s.Metadata["host"], Started: s.Started, RTT: time.Since(start)}
		w.PID, _ = strconv.Atoi(s.Metadata["pid"])
		for _, e := range s.Endpoints {
			w.Endpoints = append(w.Endpoints, EndpointInfo{e.Name, e.NumRequests, e.NumErrors, e.AverageProcessingTime})
		}
		all = append(all, w)
	}
}

// RequestDecoders asks a transcode worker. ErrNoWorker: none runs.
func (ss services) RequestDecoders(ctx context.Context, within time.Duration) (Decoders, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return request[Decoders](ctx, ss.c, WorkerTranscode, EndpointDecoders, DecodersQuery{})
}
