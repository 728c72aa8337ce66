// Package natstest gives tests NATS servers that are not ours, as an operator
// runs them: one, or a cluster.
package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// patience is how long a server or a cluster may take to come up.
const patience = time.Minute

// Start starts a server that ends with the test. A host, a port and a
// directory that are not given are loopback, a free one, and one of its own.
// What it warns of goes to log, if there is one.
func Start(t testing.TB, o *server.Options, log *Log) *server.Server {
	t.Helper()
	o.NoSigs = true
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	if log != nil {
		s.SetLoggerV2(log, false, false, false)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("no NATS server")
	}
	return s
}
