package natstest

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Operated is a bus as deploy/nats.conf has it: on one server, or with
// PSE_LONG=1 on three by deploy/nats-cluster.conf.
type Operated struct {
	Worker, Integrator string // where they connect, with their passwords
	Servers            int
	Log                *Log
}

// StartOperated starts one by the files of a directory.
func StartOperated(t *testing.T, deploy string) Operated {
	t.Helper()
	t.Setenv("PSE_WORKER_PASSWORD", "wordOfWorkers")
	t.Setenv("PSE_INTEGRATOR_PASSWORD", "wordOfIntegrators")
	t.Setenv("NATS_NAME", "a")
	read := func(name string) *server.Options {
		o, err := server.ProcessConfigFile(filepath.Join(deploy, name))
		if err != nil {
			t.Fatal(err)
		}
		o.Host, o.Port, o.StoreDir = "127.0.0.1", server.RANDOM_PORT, t.TempDir()
		return o
	}
	log := &Log{}
	var all []*server.Server
	if os.Getenv("PSE_LONG") != "" {
		all = Cluster(t, 3, log, func() *server.Options { return read("nats-cluster.conf") })
	} else {
		all = []*server.Server{Start(t, read("nats.conf"), log)}
	}
	return Operated{
		Worker:     URLOf(all, url.UserPassword("worker", "wordOfWorkers")),
		Integrator: URLOf(all, url.UserPassword("integrator", "wordOfIntegrators")), Servers: len(all), Log: log,
	}
}

// Violations are what somebody did that he may not.
func (o Operated) Violations() []string { return o.Log.Lines("iolation") }
