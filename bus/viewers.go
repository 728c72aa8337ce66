package bus

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go"

	"github.com/helios-h2020/pse/bus/conn"
)

// subjectViewers carries how many watch, from every edge to all; + the edge's Bus.ID.
const subjectViewers = "viewers."

// viewers tell how many watch.
type viewers struct{ c *conn.Conn }

// BroadcastViewers tells all edges, this one too, how many watch each stream here,
// by sid. It is a plain message: one that is lost is made good by the next.
func (v viewers) BroadcastViewers(bySID map[string]int) error {
	return conn.Broadcast(v.c, subjectViewers+v.c.ID(), "tell viewers", bySID)
}

// WatchViewers calls f with what each edge tells, one call at a time, until
// ctx ends. edge is the Bus.ID of the one that tells.
func (v viewers) WatchViewers(ctx context.Context, f func(edge string, bySID map[string]int)) error {
	return conn.Listen(ctx, v.c, subjectViewers+"*", "watch viewers", 256, func(m *nats.Msg) {
		var counts map[string]int
		if json.Unmarshal(m.Data, &counts) == nil {
			f(m.Subject[len(subjectViewers):], counts)
		}
	})
}
