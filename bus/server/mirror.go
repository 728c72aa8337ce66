package server

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Logs that the accounts name: LogFeed is the integrators' mirror of LogEvents.
const (
	LogEvents = "EVENTS"
	LogFeed   = "FEED"
)

// MirrorConfig is how the mirror is kept, with so many events of a subject.
func MirrorConfig(perSubject int64, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: LogFeed, Storage: jetstream.FileStorage, MaxAge: 7 * 24 * time.Hour, MaxBytes: 1 << 30, MaxMsgsPerSubject: perSubject,
		Discard: jetstream.DiscardOld, AllowDirect: true, Replicas: replicas,
		Mirror: &jetstream.StreamSource{Name: LogEvents, External: &jetstream.ExternalStream{APIPrefix: feedAPI, DeliverPrefix: feedDeliver}},
	}
}

// makeMirror creates the integrators' mirror at a server, or gives one of an earlier
// version the limits of this one. It fills as soon as EVENTS is there.
func makeMirror(at nats.InProcessConnProvider, password string, perSubject int64) error {
	// It tries again: on a busy machine the server's first PING comes before its PONG, which the library takes for a refusal.
	nc, err := nats.Connect("", nats.InProcessServer(at), nats.UserInfo(userFeed, password), nats.Name("feed"), nats.Timeout(startTime),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return fmt.Errorf("start the bus: log %s: %w", LogFeed, err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("start the bus: log %s: %w", LogFeed, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if _, err = js.CreateOrUpdateStream(ctx, MirrorConfig(perSubject, 1)); err != nil {
		return fmt.Errorf("start the bus: log %s: %w", LogFeed, err)
	}
	return nil
}
