package bus

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
)

// subjectViewers carries how many watch, from every edge to all; + the edge's Bus.ID.
const subjectViewers = "viewers."

// TellViewers tells all edges, this one too, how many watch each stream here,
// by sid. It is a plain message: one that is lost is made good by the next.
func (b *Bus) TellViewers(bySID map[string]int) error {
	j, err := json.Marshal(bySID)
	if err != nil {
		return fmt.Errorf("tell viewers: %w", err)
	}
	if err := b.conn.NATS().Publish(subjectViewers+b.ID(), j); err != nil {
		return fmt.Errorf("tell viewers: %w", err)
	}
	return nil
}

// WatchViewers calls f with what each edge tells, one call at a time, until
// ctx ends. edge is the Bus.ID of the one that tells.
func (b *Bus) WatchViewers(ctx context.Context, f func(edge string, bySID map[string]int)) error {
	told := make(chan *nats.Msg, 256)
	s, err := b.conn.NATS().ChanSubscribe(subjectViewers+"*", told)
	if err != nil {
		return fmt.Errorf("watch viewers: %w", err)
	}
	defer func() { _ = s.Unsubscribe() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.conn.Context().Done():
			return fmt.Errorf("watch viewers: %w", ErrClosed)
		case m := <-told:
			var counts map[string]int
			if json.Unmarshal(m.Data, &counts) == nil {
				f(m.Subject[len(subjectViewers):], counts)
			}
		}
	}
}
