// Webhook posts every event that matches a filter, as stream.> or
// upload.completed.*, to a URL:
//
//	webhook FILE-OF-THE-URL FILTER URL
//
// What is not taken comes again, also what happened while this program, the
// receiver or PSE was away: up to 7 days.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 4 {
		return errors.New("usage: webhook FILE-OF-THE-URL FILTER URL")
	}
	at, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	nc, err := nats.Connect(strings.TrimSpace(string(at)), nats.Name("webhook"), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, "FEED", jetstream.ConsumerConfig{
		Durable: "webhook-go", FilterSubject: "events.v1." + os.Args[2],
		DeliverPolicy: jetstream.DeliverAllPolicy, // from the oldest there is; DeliverNewPolicy: from now on
		AckPolicy:     jetstream.AckExplicitPolicy,
		MaxAckPending: 1, // in order: the next one when this one was taken
	})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	fmt.Println("posting")
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		done := m.Ack
		if err := post(ctx, os.Args[3], m.Data()); err != nil {
			fmt.Fprintln(os.Stderr, "not taken, will try again:", err)
			done = func() error { return m.NakWithDelay(2 * time.Second) }
		}
		if err := done(); err != nil {
			return err
		}
	}
}

func post(ctx context.Context, url string, event []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(event))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return errors.New(res.Status)
	}
	return nil
}
