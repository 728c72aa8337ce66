package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap/zaptest"
)

func start(t *testing.T) *Server {
	t.Helper()
	srv, err := Start(Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"}, Content{MaxPayload: 1 << 20, Credentials: "requests.credentials"}, zaptest.NewLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

// The users of the process are nobody over TCP.
func TestUsersOfTheProcessStayInIt(t *testing.T) {
	srv := start(t)
	for _, user := range []string{userLocal, userFeed, userHealth} {
		as := nats.UserInfo(user, srv.passwords.Local)
		if nc, err := nats.Connect("nats://"+srv.Addr(), as, nats.Timeout(time.Minute)); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v, %v", user, nc, err)
		}
		nc, err := nats.Connect("", nats.InProcessServer(srv), as, nats.Timeout(time.Minute))
		if err != nil {
			t.Errorf("%s in the process: %v", user, err)
			continue
		}
		nc.Close()
	}
}

// A port that another holds ends the start with the system's own words.
func TestTakenPort(t *testing.T) {
	taken := start(t).Addr()
	srv, err := Start(Config{Dir: t.TempDir(), Listen: taken}, Content{MaxPayload: 1 << 20, Credentials: "requests.credentials"}, zaptest.NewLogger(t))
	if err == nil {
		srv.Close()
		t.Fatal("two servers listen on one port")
	}
	if !strings.Contains(err.Error(), "address already in use") || !strings.Contains(err.Error(), taken) || !strings.Contains(err.Error(), "bus.listen") {
		t.Error(err)
	}
}
