package conn

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap/zaptest"

	"github.com/helios-h2020/pse/bus/natstest"
)

// patience is how long a test may wait for one thing on a busy machine.
const patience = natstest.Patience

// Names of what tests have on a server; deploy/nats.conf lets workers have them.
const (
	testLog   = "MEDIA"
	testLease = "LEASE"
)

// testServer is a NATS server that takes what this package needs, and its address.
func testServer(t *testing.T) string {
	t.Helper()
	return natstest.Start(t, &server.Options{JetStream: true, MaxPayload: MaxPayload}, nil).ClientURL()
}

// replicated is a cluster of three servers.
func replicated(t *testing.T) string {
	t.Helper()
	return natstest.URL(natstest.Cluster(t, 3, nil, func() *server.Options {
		return &server.Options{JetStream: true, MaxPayload: MaxPayload}
	}))
}

func testLogs(replicas int) Logs {
	return Logs{
		Streams: func(time.Time) []jetstream.StreamConfig {
			return []jetstream.StreamConfig{{Name: testLog, Subjects: []string{"media.>"}, Storage: jetstream.MemoryStorage, Replicas: replicas, AllowDirect: true}}
		},
		Buckets:  []jetstream.KeyValueConfig{{Bucket: testLease, History: 1, TTL: time.Minute, Replicas: replicas}},
		Replicas: replicas,
	}
}

func testAlive(id string) string { return "worker." + id + ".alive" }

func testConn(t *testing.T, url string, replicas int) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := Connect(ctx, Options{URL: url, Name: t.Name(), Logs: testLogs(replicas), Alive: testAlive}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func testLeases(t *testing.T, c *Conn) *Leases {
	t.Helper()
	l, err := OpenLeases(t.Context(), c, testLease)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}
