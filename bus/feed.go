package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// logFeed is the integrators' mirror of EVENTS.
const logFeed = "FEED"

// makeFeed creates the integrators' mirror if it is missing. It fills as soon
// as EVENTS is there.
func (s *Server) makeFeed() error {
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(userFeed, s.secrets.Local), nats.Name("feed"))
	if err != nil {
		return fmt.Errorf("start the bus: log %s: %w", logFeed, err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("start the bus: log %s: %w", logFeed, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = js.Stream(ctx, logFeed)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: logFeed, Storage: jetstream.FileStorage, MaxAge: 7 * 24 * time.Hour, MaxBytes: 1 << 30, Discard: jetstream.DiscardOld, AllowDirect: true,
			Mirror: &jetstream.StreamSource{Name: logEvents, External: &jetstream.ExternalStream{APIPrefix: feedAPI, DeliverPrefix: feedDeliver}},
		})
	}
	if err != nil {
		return fmt.Errorf("start the bus: log %s: %w", logFeed, err)
	}
	return nil
}
