package server

import (
	"strconv"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/natstest"
)

// A log that is just being made is no trouble: a box that starts for the first time
// would refuse who comes first.
func TestNewLogIsNoTrouble(t *testing.T) {
	srv := start(t)
	l, err := srv.lookout()
	if err != nil {
		t.Fatal(err)
	}
	defer l.nc.Close()
	js := natstest.JetStream(t, "", srv.InProcess()...)
	made := make(chan error, 1)
	go func() {
		for i := range 300 {
			name := "new-" + strconv.Itoa(i)
			if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name}}); err != nil {
				made <- err
				return
			}
		}
		made <- nil
	}()
	for {
		select {
		case err := <-made:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
		if err := l.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
