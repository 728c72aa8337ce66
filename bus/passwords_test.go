package bus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/helios-h2020/pse/bus/natstest"
)

// A server that starts has nothing to warn of, the first time and with the
// passwords that are in a directory already.
func TestStartHasNoWarning(t *testing.T) {
	t.Parallel()
	old := t.TempDir()
	file := "{\n  \"worker\": \"JXQ3VAEZ2CE6CYCTE3PJPEPVJI\",\n  \"integrator\": \"WMFEHO5WVEADC2JBLTHTHQKBEO\"\n}\n"
	if err := os.WriteFile(filepath.Join(old, "passwords.json"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"new directory": t.TempDir(), "of an older version": old} {
		core, said := observer.New(zap.WarnLevel)
		srv, err := StartServer(ServerConfig{Dir: dir, Listen: "127.0.0.1:0"}, zap.New(core))
		if err != nil {
			t.Fatal(err)
		}
		natstest.Connect(t, srv.URL())
		natstest.Connect(t, srv.IntegratorURL())
		testBus(t, srv)
		srv.Close()
		for _, e := range said.All() {
			t.Errorf("%s: %s", name, e.Message)
		}
	}
	if now, err := os.ReadFile(filepath.Join(old, "passwords.json")); err != nil || string(now) != file {
		t.Errorf("the file is %q now, %v", now, err)
	}
}

// A password may be longer than a hash takes, and all of it counts.
func TestLongPassword(t *testing.T) {
	long := strings.Repeat("x", 100)
	srv, err := StartServer(ServerConfig{Dir: t.TempDir(), Listen: "127.0.0.1:0", WorkerPassword: long}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	natstest.Connect(t, srv.URL())
	if nc, err := nats.Connect("nats://"+srv.Addr(), nats.UserInfo("worker", long[1:]), nats.Timeout(patience)); err == nil {
		nc.Close()
		t.Error("another password is taken")
	}
}

// What it costs to connect.
func BenchmarkConnect(b *testing.B) {
	srv, err := StartServer(ServerConfig{Dir: b.TempDir()}, zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	defer srv.Close()
	for b.Loop() {
		nc, err := nats.Connect("", append(srv.InProcess(), nats.Timeout(patience))...)
		if err != nil {
			b.Fatal(err)
		}
		nc.Close()
	}
}
